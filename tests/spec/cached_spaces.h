/*
 * Address spaces of scalable mode whose tables change behind a unit with caches, and the descriptors
 * that tell it so (VT-d 6.5.2), by hand. What is kept, what goes and who may find it stands in the
 * tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_CACHED_SPACES_H
#define IOMMUSIM_TESTS_SPEC_CACHED_SPACES_H

#include "scalable_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* PGTT of a PASID-table entry (VT-d 9.6). */
enum { FIRST = 1, SECOND = 2, NESTED = 3, PASS_THROUGH = 4 };

/* A PASID-table entry and its tables. */
struct space {
	unsigned type;
	uint16_t domain;
	uint32_t pasid; /* or SM_NO_PASID */
	uint64_t first, second;
	unsigned levels; /* of both stages */
};

/* A translating unit of scalable mode with a queue of 256-bit descriptors. */
void cs_start(struct scalable *sm, const struct vtd_setup *setup);

/* A space with tables of its own, and its entry. Nested: the second stage maps all RAM on to itself. */
struct space cs_space(struct scalable *sm, unsigned type, uint16_t domain, uint32_t pasid);
/* The same on tables of `levels` levels: 4 or 5, in a second stage 3 too. */
struct space cs_space_of(
    struct scalable *sm, unsigned type, uint16_t domain, uint32_t pasid, unsigned levels);
/* Write the entry, with SRE and PWSNP set. */
void cs_enter(struct scalable *sm, const struct space *space);
/* Change bits of a quadword. */
void cs_edit(struct scalable *sm, uint64_t at, uint64_t clear, uint64_t set);

/* The paging entry of a level that the input address is translated by; nested: of the first stage. */
uint64_t cs_entry_at(struct scalable *sm, const struct space *space, uint64_t input, unsigned level);
/*
 * Map 4 KiB for reading and writing. Flags of the leaf are set, as nothing must be left to do for a
 * walk that comes by it. Not for pass-through.
 */
void cs_map(struct scalable *sm, const struct space *space, uint64_t input, uint64_t output);

/*
 * Give the requester of a source id a PASID directory and RID_PASID of its own; RID_PASID 0: the
 * fixture's.
 */
uint64_t cs_own_directory(struct scalable *sm, uint16_t rid, uint32_t rid_pasid);

/* Where a read of 8 bytes ends, or CS_FAULT and the reason. Flags: as sm_access() has them. */
#define CS_FAULT UINT64_C(0xf000000000000000)
uint64_t cs_read(struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags);

/*
 * One descriptor; the queue must take it. Granularities, address, AM and IH as the descriptor has
 * them.
 */
#define CS_IH UINT64_C(0x40)
void cs_submit(struct scalable *sm, uint64_t low, uint64_t high);
void cs_drop_context(struct scalable *sm, unsigned granularity, uint32_t domain, uint16_t source,
    unsigned function_mask);
void cs_drop_pasids(struct scalable *sm, unsigned granularity, uint32_t domain, uint32_t pasid);
void cs_drop(struct scalable *sm, unsigned granularity, uint32_t domain, uint64_t address);
void cs_drop_pasid(
    struct scalable *sm, unsigned granularity, uint32_t domain, uint32_t pasid, uint64_t address);
/* Context cache, PASID cache, IOTLB and paging-structure caches: all of them. */
void cs_drop_all(struct scalable *sm);

#endif
