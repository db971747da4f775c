/*
 * One machine with one VT-d unit in scalable mode (VT-d 3.4.3), on top of vtd_fixture: root, lower and
 * upper context table, PASID directory and PASID table as raw words in memory. Every number here was
 * taken from the specification by hand. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_SCALABLE_FIXTURE_H
#define IOMMUSIM_TESTS_SCALABLE_FIXTURE_H

#include "vtd_fixture.h"

/* VT-d 11.4.2, 11.4.3: what scalable mode asks of CAP and ECAP. */
#define CAP_FS1GP    BIT(56)
#define CAP_FS5LP    BIT(60)
#define ECAP_MTS     BIT(25)
#define ECAP_NEST    BIT(26)
#define ECAP_PRS     BIT(29)
#define ECAP_ERS     BIT(30)
#define ECAP_SRS     BIT(31)
#define ECAP_NWFS    BIT(33)
#define ECAP_EAFS    BIT(34)
#define ECAP_PSS     (UINT64_C(0x1f) << 35)
#define ECAP_PSS_20  (UINT64_C(19) << 35) /* PASIDs of 20 bits */
#define ECAP_SSADS   BIT(45)
#define ECAP_SSTS    BIT(46)
#define ECAP_FSTS    BIT(47)
#define ECAP_SMPWCS  BIT(48)
#define ECAP_RPS     BIT(49)
#define ECAP_RPRIVS  BIT(53)
#define ECAP_HPTS    BIT(55)
#define ECAP_PTRS    BIT(56)
#define ECAP_HPT1GPS BIT(59)

#define SM_CAP (CAP_FS1GP | CAP_FS5LP)
#define SM_ECAP                                                                                        \
	(ECAP_SMTS | ECAP_PASID | ECAP_PSS_20 | ECAP_SSTS | ECAP_FSTS | ECAP_NEST | ECAP_SMPWCS |      \
	    ECAP_SRS | ECAP_RPS | ECAP_EAFS | ECAP_SSADS)

/* Bits of the root table address (11:10 TTM, VT-d 11.4.5). */
#define SM_TTM_LEGACY   UINT64_C(0x000)
#define SM_TTM_SCALABLE UINT64_C(0x400)
#define SM_TTM_RESERVED UINT64_C(0x800)
#define SM_TTM_ABORT    UINT64_C(0xc00)

/* Bits of the first quadword of a context entry (9.4), of a directory entry (9.5: P and FPD). */
#define SM_P      BIT(0)
#define SM_FPD    BIT(1)
#define SM_DTE    BIT(2)
#define SM_PASIDE BIT(3)
#define SM_PRE    BIT(4)
#define SM_HPTE   BIT(5)
#define SM_EPTR   BIT(6)

/* PASID-table entry (9.6), quadword 0: AW 4:2, PGTT 8:6, SSADE 9. */
#define SM_AW(aw)       ((uint64_t)(aw) << 2)
#define SM_FIRST        (UINT64_C(1) << 6)
#define SM_SECOND       (UINT64_C(2) << 6)
#define SM_NESTED       (UINT64_C(3) << 6)
#define SM_PASS_THROUGH (UINT64_C(4) << 6)
#define SM_SSADE        BIT(9)
/* Quadword 1, bits 127:64 of the entry: DID in 15:0. */
#define SM_PWSNP BIT(23)
#define SM_PGSNP BIT(24)
#define SM_CD    BIT(25)
#define SM_EMTE  BIT(26)
/* Quadword 2, bits 191:128 of the entry. */
#define SM_SRE      BIT(0)
#define SM_FSPM(pm) ((uint64_t)(pm) << 2)
#define SM_WPE      BIT(4)
#define SM_EAFE     BIT(7)

#define SM_UPPER_RID 0x0385u /* 03:10.5: device 16, of the upper context table */
#define SM_NO_PASID  UINT32_MAX
#define SM_RID_PASID 0x2au /* of both requesters; 0 on units without RPS */
#define SM_PASID     0x15u /* for tests that need one; nothing is there */
#define SM_DOMAIN    0x35u

/* Flags of sm_access() and sm_reason(). */
#define SM_PRIVILEGED          1u
#define SM_EXECUTE             2u
#define SM_TRANSLATION_REQUEST 4u
#define SM_TRANSLATED          8u
#define SM_NO_WRITE            16u
#define SM_UPPER               32u /* the requester at SM_UPPER_RID asks */

struct scalable {
	struct vtd_fixture vtd;           /* vtd.device is the requester at VTD_RID */
	struct iommusim_requester *upper; /* at SM_UPPER_RID */
	uint64_t root;
	uint64_t context, upper_context; /* lower and upper context table of bus 3 */
	uint64_t directory;              /* of both requesters: 2^7 entries */
	uint64_t table;                  /* PASID table of PASIDs 0..63 */
	uint32_t rid_pasid;
	/* Empty tables that the ready-made entries point at: first stage, 4 and 5 levels; second, 4. */
	uint64_t first, first5, second;
};

/*
 * Machine and unit, translating in scalable mode; both requesters' context entries have DTE (on units
 * with DT) and PASIDE (on units with PASID) set. No PASID-table entry is present. `setup` changes the
 * unit; bits it clears are not set again by the fixture.
 */
void sm_start(struct scalable *sm, const struct vtd_setup *setup);
/* The same on a unit without caches: every access reads the tables. */
void sm_start_uncached(struct scalable *sm, const struct vtd_setup *setup);
void sm_stop(struct scalable *sm);
/* Latch the root table in a mode: one of SM_TTM_*, other bits of RTADDR or'ed to it. */
void sm_latch_root(struct scalable *sm, uint64_t mode);

/* Physical addresses of entries, as the specification computes them. */
uint64_t sm_root_at(const struct scalable *sm, uint16_t rid);
uint64_t sm_context_at(const struct scalable *sm, uint16_t rid); /* on bus 3 */
uint64_t sm_directory_at(const struct scalable *sm, uint32_t pasid);
/* SM_NO_PASID: the entry of RID_PASID. A PASID table is made when it is missing. */
uint64_t sm_entry_at(struct scalable *sm, uint32_t pasid);

void sm_set_context(struct scalable *sm, uint16_t rid, const uint64_t quads[4]);
/* Write a PASID-table entry; SM_NO_PASID: the one of RID_PASID. */
void sm_set_entry(struct scalable *sm, uint32_t pasid, const uint64_t quads[8]);

/*
 * Ready-made entries, with PWSNP and SRE set where the unit has them. Second stage: the 4 levels at
 * sm->second. First stage: `levels` 4 or 5, at sm->first or sm->first5. Nested: both; the second stage
 * maps 2 MiB of memory from VTD_TABLES on to itself, page by page, so that first-stage tables made
 * by vt_page() are where they say.
 */
void sm_second_stage(struct scalable *sm, uint32_t pasid, uint16_t domain);
void sm_first_stage(struct scalable *sm, uint32_t pasid, uint16_t domain, unsigned levels);
void sm_nested(struct scalable *sm, uint32_t pasid, uint16_t domain, unsigned levels);
void sm_pass_through(struct scalable *sm, uint32_t pasid, uint16_t domain);

/*
 * The address of the paging entry of a level (1: 4 KiB) for an input address, in a table of `levels`
 * levels. Tables above it are made when they are missing: present, writable and user (7) in the first
 * stage, readable and writable (3) in the second.
 */
uint64_t sm_first_at(
    struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, unsigned level);
uint64_t sm_second_at(
    struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, unsigned level);
/* Map a page of a level: `bits` is or'ed to the address, PS (7) is added at levels 2 and 3. */
void sm_map_first(struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, uint64_t output,
    uint64_t bits, unsigned leaf_level);
void sm_map_second(struct scalable *sm, uint64_t table, unsigned levels, uint64_t input,
    uint64_t output, uint64_t bits, unsigned leaf_level);

/* One page of a request of `length` bytes, which moves zeroes; SM_NO_PASID: without a PASID. */
struct iommusim_dma_page sm_access(struct scalable *sm, enum iommusim_dma_kind kind, uint64_t address,
    uint64_t length, uint32_t pasid, unsigned flags);
/* The same of 8 bytes: only the fault reason, 0 when it went through or was answered. */
unsigned sm_reason(
    struct scalable *sm, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid, unsigned flags);

/* A queue of one page of 256-bit descriptors, enabled; put a descriptor at its tail. */
void sm_queue_start(struct scalable *sm);
void sm_submit(struct scalable *sm, const uint64_t quads[4]);

#endif
