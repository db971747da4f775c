/* See counting.h. */
#include "counting.h"

#define CAP_FRO_700 (UINT64_C(0x70) << 24) /* the enhanced command registers are at 400h */
#define CAP_ECMDS   BIT(61)
#define ECAP_PMS    BIT(51)

/* PERFCAP: NCNTR 40, CW 48, EGCNT 5, the five filters, CWE. */
#define CAPABILITY UINT64_C(0x0001001f05300028)
#define COUNTERS   40u

/* Registers (VT-d 11.4.13, 11.4.14). */
enum { PERFCFGOFF = 0x310, PERFCNTROFF = 0x31c, ECMD = 0x400, ECRSP = 0x410 };
enum { CONFIGURATION_BYTES = 0x100, STRIDE = 0x400 };
/* Commands (Table 52). */
enum { ENABLE = 240, RESET_CONFIGURATION = 242, RESET_VALUES, FREEZE, UNFREEZE };

#define FILTER_ON 0x80000000u

/* Table 49: event group, bit. */
static const struct {
	unsigned group, bit;
	const char *name;
} events[EVENTS] = {
	[CLOCKS] = { 0, 0, "IOMMU_CLOCKS" },
	[REQUESTS] = { 0, 1, "IOMMU_REQUESTS" },
	[PW_OCCUPANCY] = { 0, 2, "PW_OCCUPANCY" },
	[ATS_BLOCKED] = { 0, 3, "ATS_BLOCKED" },
	[TOTAL_OCCUPANCY] = { 0, 5, "TOTAL_OCCUPANCY" },
	[MEM_OCCUPANCY] = { 0, 6, "MEM_OCCUPANCY" },
	[MRDS] = { 1, 0, "IOMMU_MRDS" },
	[AD_UPDATE] = { 1, 3, "IOMMU_ATOMIC_AD_UPDATE" },
	[MEM_BLOCKED] = { 1, 5, "IOMMU_MEM_BLOCKED" },
	[PG_REQ_POSTED] = { 1, 6, "PG_REQ_POSTED" },
	[PG_REQ_OVERFLOW] = { 1, 7, "PG_REQ_OVERFLOW" },
	[CTXT_LOOKUP] = { 2, 0, "CTXT_CACHE_LOOKUP" },
	[CTXT_HIT] = { 2, 1, "CTXT_CACHE_HIT" },
	[PASID_LOOKUP] = { 2, 2, "PASID_CACHE_LOOKUP" },
	[PASID_HIT] = { 2, 3, "PASID_CACHE_HIT" },
	[SS_LOOKUP] = { 2, 4, "SS_NONLEAF_LOOKUP" },
	[SS_HIT] = { 2, 5, "SS_NONLEAF_HIT" },
	[FS_LOOKUP] = { 2, 6, "FS_NONLEAF_LOOKUP" },
	[FS_HIT] = { 2, 7, "FS_NONLEAF_HIT" },
	[HPT_NONLEAF_LOOKUP] = { 2, 8, "HPT_NONLEAF_LOOKUP" },
	[HPT_NONLEAF_HIT] = { 2, 9, "HPT_NONLEAF_HIT" },
	[IOTLB_LOOKUP] = { 3, 0, "IOTLB_LOOKUP" },
	[IOTLB_HIT] = { 3, 1, "IOTLB_HIT" },
	[HPT_LEAF_LOOKUP] = { 3, 2, "HPT_LEAF_LOOKUP" },
	[HPT_LEAF_HIT] = { 3, 3, "HPT_LEAF_HIT" },
	[INT_LOOKUP] = { 4, 0, "INT_CACHE_LOOKUP" },
	[INT_HIT_NONPOSTED] = { 4, 1, "INT_CACHE_HIT_NONPOSTED" },
	[INT_HIT_POSTED] = { 4, 2, "INT_CACHE_HIT_POSTED" },
};

struct vtd_setup counting_setup(const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.cap_clear |= CAP_FRO_400;
	setup.cap_set |= CAP_FRO_700 | CAP_ECMDS;
	setup.ecap_set |= ECAP_PMS;
	setup.register_size = 4;
	setup.performance = CAPABILITY;
	return setup;
}

static void command(struct vtd_fixture *vtd, unsigned number, unsigned operand)
{
	vt_set64(vtd, ECMD, number | operand << 16);
	assert_int_equal(vt_get64(vtd, ECRSP), 0);
}

static unsigned configuration_of(struct vtd_fixture *vtd, unsigned counter)
{
	return vt_get32(vtd, PERFCFGOFF) + counter * CONFIGURATION_BYTES;
}

/* ES in 59:32, EGI in 11:8. */
static void start_counter(struct vtd_fixture *vtd, unsigned counter, enum counted event)
{
	vt_set64(vtd, configuration_of(vtd, counter),
	    BIT(events[event].bit) << 32 | events[event].group << 8);
	command(vtd, ENABLE, counter);
}

/* All are 0, and what the accesses that do this are counted as is not counted: they are frozen meanwhile. */
static void begin_anew(struct vtd_fixture *vtd)
{
	command(vtd, FREEZE, 0);
	command(vtd, RESET_VALUES, 0);
	vt_set64(vtd, ECMD, UNFREEZE);
}

void counting_begin(struct vtd_fixture *vtd)
{
	command(vtd, RESET_CONFIGURATION, 0);
	for (unsigned i = 0; i < EVENTS; i++)
		start_counter(vtd, i, (enum counted)i);
	begin_anew(vtd);
}

void counting_watch_both(struct vtd_fixture *vtd, unsigned watch, enum counted event,
    const unsigned filters[2], const uint32_t values[2])
{
	const unsigned counter = EVENTS + watch;

	assert_true(counter < COUNTERS);
	for (unsigned i = 0; i < 2; i++)
		if (filters[i] != NO_FILTER)
			vt_set32(
			    vtd, configuration_of(vtd, counter) + filters[i], FILTER_ON | values[i]);
	start_counter(vtd, counter, event);
	begin_anew(vtd);
}

void counting_watch(
    struct vtd_fixture *vtd, unsigned watch, enum counted event, unsigned filter, uint32_t value)
{
	const unsigned filters[2] = { filter, NO_FILTER };
	const uint32_t values[2] = { value, 0 };

	counting_watch_both(vtd, watch, event, filters, values);
}

static uint64_t counter_value(struct vtd_fixture *vtd, unsigned counter)
{
	return vt_get64(vtd, vt_get32(vtd, PERFCNTROFF) + counter * STRIDE);
}

uint64_t counting_value(struct vtd_fixture *vtd, enum counted event)
{
	return counter_value(vtd, event);
}

/* The write that freezes is an access too, and takes the last clock that is counted. */
static uint64_t event_value(struct vtd_fixture *vtd, unsigned event)
{
	return counter_value(vtd, event) - (event == CLOCKS ? 1 : 0);
}

void counting_expect_at(struct vtd_fixture *vtd, const uint64_t *expected, const uint64_t *watched,
    const char *file, int line)
{
	bool wrong = false;

	command(vtd, FREEZE, 0);
	for (unsigned i = 0; expected != NULL && i < EVENTS; i++) {
		const uint64_t value = event_value(vtd, i);

		if (value != expected[i])
			print_error("%s:%d: %s is %llu, not %llu\n", file, line, events[i].name,
			    (unsigned long long)value, (unsigned long long)expected[i]);
		wrong |= value != expected[i];
	}
	for (unsigned i = 0; watched != NULL && i < WATCHES; i++) {
		const uint64_t value = counter_value(vtd, EVENTS + i);

		if (value != watched[i])
			print_error("%s:%d: watch %u is %llu, not %llu\n", file, line, i,
			    (unsigned long long)value, (unsigned long long)watched[i]);
		wrong |= value != watched[i];
	}
	if (wrong)
		fail();
	begin_anew(vtd);
}
