/*
 * What a sweep over the bits of a paging entry asks in scalable mode: what reads, writes and AtomicOps
 * of one address come to, what is recorded of it, or hidden by FPD, and where they end. What a bit
 * means stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_SWEEP_PAGING_H
#define IOMMUSIM_TESTS_SPEC_SWEEP_PAGING_H

#include "scalable_fixture.h"
#include "sweep.h"

/* A table here has no other one a flipped bit away; it is a multiple of 2 MiB, and not of 1 GiB. */
#define PAGING_ROOMY UINT64_C(0x3000000)

/* Bits of a set: which entries have FPD. */
#define PAGING_FPD_SETS 8u /* 1 context entry, 2 PASID-directory entry, 4 PASID-table entry */

struct paging_sweep {
	struct scalable sm;
	uint32_t pasid; /* of the requests; SM_NO_PASID for none */
	unsigned flags; /* of sm_access() */
	unsigned fpd;   /* which entries have FPD */
	uint64_t input; /* the address, a page's first byte */
	uint64_t at;    /* of the entry that is swept */
};

/* Set FPD in what sweep->fpd names. The PASID-table entry must be there. */
void paging_set_fpd(struct paging_sweep *sweep);

/*
 * One request of each kind: it comes to its reason, and if that is none it goes through. A fault is in
 * the registers, bit for bit, unless FPD is set somewhere. Records are cleared again.
 */
void paging_expect(struct paging_sweep *sweep, struct sweep_reasons reasons);

/* Those of the kinds that `reasons` lets through end in the page at `output`, of 2^`shift` bytes. */
void paging_lands(
    struct paging_sweep *sweep, struct sweep_reasons reasons, uint64_t output, unsigned shift);

/*
 * The table that the entry names is at `table` now, an address bit off PAGING_ROOMY. Without memory
 * there the requests come to `hole`, in memory that is zero to `empty`. The entry that stood at
 * `offset` of the old one is copied there by paging_moved_in(), and removed by paging_moved_out().
 */
struct paging_move {
	uint64_t table, offset;
	struct sweep_reasons hole, empty;
};
void paging_moved_in(struct paging_sweep *sweep, const struct paging_move *move);
void paging_moved_out(struct paging_sweep *sweep, const struct paging_move *move);

#endif
