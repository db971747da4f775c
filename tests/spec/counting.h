/*
 * A unit with one performance counter for each event of VT-d Table 49, and some more with filters: what
 * a scene is counted as. Every number was taken from the specification by hand. What is proved stands in
 * the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_COUNTING_H
#define IOMMUSIM_TESTS_SPEC_COUNTING_H

#include "vtd_fixture.h"

/* Table 49, in its order. */
enum counted {
	CLOCKS,
	REQUESTS,
	PW_OCCUPANCY,
	ATS_BLOCKED,
	TOTAL_OCCUPANCY,
	MEM_OCCUPANCY,
	MRDS,
	AD_UPDATE,
	MEM_BLOCKED,
	PG_REQ_POSTED,
	PG_REQ_OVERFLOW,
	CTXT_LOOKUP,
	CTXT_HIT,
	PASID_LOOKUP,
	PASID_HIT,
	SS_LOOKUP,
	SS_HIT,
	FS_LOOKUP,
	FS_HIT,
	HPT_NONLEAF_LOOKUP,
	HPT_NONLEAF_HIT,
	IOTLB_LOOKUP,
	IOTLB_HIT,
	HPT_LEAF_LOOKUP,
	HPT_LEAF_HIT,
	INT_LOOKUP,
	INT_HIT_NONPOSTED,
	INT_HIT_POSTED,
	EVENTS
};

/* Filters of a counter (VT-d 11.4.13.16 to 11.4.13.20), as offsets of their registers. */
enum { NO_FILTER = 0, RID = 0x08, DID = 0x0c, PASID = 0x10, AT = 0x14, PTL = 0x18 };
#define WITH_ANY_PASID (1u << 20) /* PFM, with PASID */
#define WITHOUT_PASID  (2u << 20)

/* `setup` (may be NULL) with what counting takes: 40 counters, of which the last twelve have filters. */
#define WATCHES 12u
struct vtd_setup counting_setup(const struct vtd_setup *setup);
/* Every event is counted from now on; no filters. */
void counting_begin(struct vtd_fixture *vtd);
/* Counter 28 + `watch` counts what passes the filter. Only between counting_begin() and the scene. */
void counting_watch(
    struct vtd_fixture *vtd, unsigned watch, enum counted event, unsigned filter, uint32_t value);
/* The same with two filters. */
void counting_watch_both(struct vtd_fixture *vtd, unsigned watch, enum counted event,
    const unsigned filters[2], const uint32_t values[2]);

/*
 * Since counting_begin(), or since the last of these, this was counted, no more and no less; and the
 * counters begin at 0 again.
 */
void counting_expect_at(struct vtd_fixture *vtd, const uint64_t *expected, const uint64_t *watched,
    const char *file, int line);
/* What an event's own counter is at: for what no table can say. */
uint64_t counting_value(struct vtd_fixture *vtd, enum counted event);

/* What goes together. A request is there for a clock, as every access to memory is. */
#define ASKED(n)                [CLOCKS] = (n), [REQUESTS] = (n), [TOTAL_OCCUPANCY] = (n)
#define READ_MEMORY(n)          [MRDS] = (n), [MEM_OCCUPANCY] = (n)
#define READ_AND_UPDATED(n, ad) [MRDS] = (n), [AD_UPDATE] = (ad), [MEM_OCCUPANCY] = (n) + (ad)

#define COUNTED(...) ((const uint64_t[EVENTS]){ __VA_ARGS__ })
#define WATCHED(...) ((const uint64_t[WATCHES]){ __VA_ARGS__ })

#define expect_counted(vtd, ...) counting_expect_at(vtd, COUNTED(__VA_ARGS__), NULL, __FILE__, __LINE__)
/* Of the counters with filters; what was counted beside them does not matter. */
#define expect_watched(vtd, ...) counting_expect_at(vtd, NULL, WATCHED(__VA_ARGS__), __FILE__, __LINE__)

#endif
