/*
 * What a sweep over the bits of an entry asks again and again: does every kind of request fault, with
 * which record, or does it go through, and where to. Which bit means what stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_SWEEP_H
#define IOMMUSIM_TESTS_SPEC_SWEEP_H

#include "vtd_fixture.h"

#define SWEEP_HOLE UINT64_C(0x10000000) /* there is no memory */

/* What a read, a write and an AtomicOp of one address come to: fault reasons, 0 for none. */
struct sweep_reasons {
	uint8_t read, write, atomic;
};

/* Read and write right are both missing and no order is given (VT-d 7.1.3, LGN.2, LGN.3): 5 or 6. */
#define SWEEP_EITHER 0xffu

#define SWEEP_ALL(reason) ((struct sweep_reasons){ (reason), (reason), (reason) })
#define SWEEP_NOT_PRESENT ((struct sweep_reasons){ 6, 5, SWEEP_EITHER })

/* By the bits R (0) and W (1). */
struct sweep_reasons sweep_rights(unsigned rights);

/* A unit without caches, translating: every access reads the tables. */
void sweep_start(struct vtd_fixture *vtd, const struct vtd_setup *setup);

/*
 * One read, write and AtomicOp of `address` by the fixture's device. Each must come to its reason; a
 * fault must stand in a fault record, bit for bit, and in no other one. Records are cleared again.
 */
void sweep_expect(struct vtd_fixture *vtd, uint64_t address, struct sweep_reasons reasons);

/* All three go through and end at `output`, in `domain`. */
void sweep_works(struct vtd_fixture *vtd, uint64_t address, uint64_t output, uint32_t domain);

/*
 * An address bit of an entry at `pointer` was flipped: the table it names is now at `table`. Without
 * memory there the requests come to `hole`; in memory that is zero, to `empty`. With the two quadwords
 * `entry` at `offset` of that table, sweep_moved_in() has made it a table; sweep_moved_out() undoes it.
 */
struct sweep_move {
	uint64_t table, offset;
	uint64_t entry[2];
	unsigned quads; /* of an entry: 1 or 2 */
	uint64_t address;
	struct sweep_reasons hole, empty;
};
void sweep_moved_in(struct vtd_fixture *vtd, const struct sweep_move *move);
void sweep_moved_out(struct vtd_fixture *vtd, const struct sweep_move *move);

#endif
