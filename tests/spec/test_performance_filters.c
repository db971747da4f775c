/*
 * Filters (VT-d 10.4, 11.4.13.16 to 11.4.13.20) where requests of two devices, with and without PASIDs, of
 * three address types and for pages of all sizes are counted: each lets through what it says, and nothing
 * else. That filters go with some events only, and what they say of values in registers, is
 * test_performance.c's subject; the address type of host permissions test_performance_services.c's.
 */
#include "counting.h"
#include "scalable_fixture.h"

#define INPUT  UINT64_C(0x40005000)
#define OUTPUT UINT64_C(0x3010000)

#define KIB4   UINT64_C(0x1000)
#define MIB2   UINT64_C(0x200000)
#define GIB1   UINT64_C(0x40000000)
#define GIB512 (512 * GIB1)

/* Page-table levels, as bits of PTL (VT-d 11.4.13.20). */
enum { PTE = 1, PDE = 2, PDPE = 4, PML4E = 8, PML5E = 16, ANY_LEVEL = 31 };

/* ---- levels -------------------------------------------------------------------------------------------- */

/* Watches 0 to 4: one level each; 5: two of them; 6: all; 7: none. */
static void watch_levels(struct vtd_fixture *vtd, enum counted event)
{
	counting_begin(vtd);
	for (unsigned level = 0; level < 5; level++)
		counting_watch(vtd, level, event, PTL, 1u << level);
	counting_watch(vtd, 5, event, PTL, PTE | PDPE);
	counting_watch(vtd, 6, event, PTL, ANY_LEVEL);
	counting_watch(vtd, 7, event, PTL, 0);
}

static void get(struct vtd_fixture *vtd, uint64_t address, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(vt_reason(vtd, IOMMUSIM_DMA_READ, address), 0);
}

/* Output is 0: there need be no memory at the address inside the page. */
static void a_hit_in_the_IOTLB_has_the_level_of_its_page(void **state)
{
	const struct vtd_setup setup = counting_setup(NULL);
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_map(&vtd, INPUT, OUTPUT, 3);
	vt_map_level(&vtd, 2 * GIB1, 0, 3 | 0x80, 2);
	vt_map_level(&vtd, 4 * GIB1, 0, 3 | 0x80, 3);
	watch_levels(&vtd, IOTLB_HIT);
	get(&vtd, INPUT, 1);
	get(&vtd, 2 * GIB1, 1);
	get(&vtd, 4 * GIB1, 1);
	expect_watched(&vtd, 0);
	get(&vtd, INPUT + 8, 1);
	get(&vtd, 2 * GIB1 + KIB4, 2);
	get(&vtd, 4 * GIB1 + MIB2, 4);
	expect_watched(&vtd, 1, 2, 4, 0, 0, 5, 7, 0);
	vt_stop(&vtd);
}

/* By pages, as scalable mode has them: what a nested walk finds is as small as the smaller of both. */
static void a_nested_translation_has_the_level_of_the_smaller_page(void **state)
{
	const struct vtd_setup setup = counting_setup(NULL);
	struct scalable sm;

	(void)state;
	sm_start(&sm, &setup);
	sm_nested(&sm, SM_NO_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, 0x1000, 0x67, 1);
	sm_map_first(&sm, sm.first, 4, 2 * GIB1, 0, 0x67, 2);
	sm_map_first(&sm, sm.first, 4, 4 * GIB1, 0, 0x67, 3);
	sm_map_first(&sm, sm.first, 4, 5 * GIB1, 0x8000000000, 0x67, 3);
	sm_map_second(&sm, sm.second, 4, 0, 0, 3, 2);
	sm_map_second(&sm, sm.second, 4, 0x8000000000, 0, 3, 3);
	watch_levels(&sm.vtd, IOTLB_HIT);
	get(&sm.vtd, INPUT, 2);    /* 4 KiB in 2 MiB */
	get(&sm.vtd, 2 * GIB1, 3); /* 2 MiB in 2 MiB */
	get(&sm.vtd, 4 * GIB1, 4); /* 1 GiB in 2 MiB */
	get(&sm.vtd, 5 * GIB1, 9); /* 1 GiB in 1 GiB */
	expect_watched(&sm.vtd, 1, 2 + 3, 8, 0, 0, 9, 14, 0);
	sm_stop(&sm);
}

/* Pages that have a table in common with the first, of ever higher level. */
static const uint64_t neighbours[] = { KIB4, MIB2, 2 * MIB2, GIB1, 2 * GIB1, 3 * GIB1, GIB512,
	2 * GIB512, 3 * GIB512, 4 * GIB512 };

/* The first of them has four levels above its page in common with the page before it. */
static void walk_to_all(struct vtd_fixture *vtd, unsigned count)
{
	get(vtd, INPUT, 1);
	expect_watched(vtd, 0);
	for (unsigned i = 0; i < count; i++)
		get(vtd, INPUT + neighbours[i], 1);
}

/* The level is that of the entry that points at the table: the PDE-cache's, the PDPE-cache's, ... (6.2.5). */
static void a_hit_of_a_second_stage_table_has_the_level_of_its_entry(void **state)
{
	struct vtd_setup setup = counting_setup(NULL);
	struct vtd_fixture vtd;

	(void)state;
	for (setup.levels = 4; setup.levels <= 5; setup.levels++) {
		const bool five = setup.levels == 5;

		vt_start_enabled(&vtd, &setup);
		vt_map(&vtd, INPUT, OUTPUT, 3);
		for (unsigned i = 0; i < 10; i++)
			if (five || neighbours[i] < GIB512)
				vt_map(&vtd, INPUT + neighbours[i], OUTPUT, 3);
		watch_levels(&vtd, SS_HIT);
		walk_to_all(&vtd, five ? 10 : 6);
		if (five)
			expect_watched(&vtd, 0, 1, 2, 3, 4, 2, 10, 0);
		else
			expect_watched(&vtd, 0, 1, 2, 3, 0, 2, 6, 0);
		vt_stop(&vtd);
	}
}

static void a_hit_of_a_first_stage_table_has_the_level_of_its_entry(void **state)
{
	const struct vtd_setup setup = counting_setup(NULL);
	struct scalable sm;

	(void)state;
	sm_start(&sm, &setup);
	sm_first_stage(&sm, SM_NO_PASID, SM_DOMAIN, 5);
	sm_map_first(&sm, sm.first5, 5, INPUT, OUTPUT, 0x67, 1);
	for (unsigned i = 0; i < 10; i++)
		sm_map_first(&sm, sm.first5, 5, INPUT + neighbours[i], OUTPUT, 0x67, 1);
	watch_levels(&sm.vtd, FS_HIT);
	walk_to_all(&sm.vtd, 10);
	expect_watched(&sm.vtd, 0, 1, 2, 3, 4, 2, 10, 0);
	sm_stop(&sm);
}

/* ---- whose requests ------------------------------------------------------------------------------------ */

/* Two domains that translate, and one that does not. */
#define DOMAIN_FIRST  (SM_DOMAIN + 1)
#define DOMAIN_PASSES (SM_DOMAIN + 2)
#define PASID_PASSES  (SM_PASID + 1)

/* Without a PASID a second stage; SM_PASID has a first stage, and another PASID passes through. */
static void start_two_devices(struct scalable *sm)
{
	const struct vtd_setup setup = counting_setup(NULL);

	sm_start(sm, &setup);
	sm_second_stage(sm, SM_NO_PASID, SM_DOMAIN);
	sm_first_stage(sm, SM_PASID, DOMAIN_FIRST, 4);
	sm_pass_through(sm, PASID_PASSES, DOMAIN_PASSES);
	for (unsigned page = 0; page < 4; page++) {
		sm_map_second(sm, sm->second, 4, INPUT + page * KIB4, OUTPUT, 3, 1);
		sm_map_first(sm, sm->first, 4, INPUT + page * KIB4, OUTPUT, 0x67, 1);
	}
	counting_begin(&sm->vtd);
}

static void ask(struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags)
{
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, address, pasid, flags), 0);
}

/* Six requests of the device at VTD_RID, four of the one at SM_UPPER_RID. */
static void let_both_ask(struct scalable *sm)
{
	ask(sm, INPUT, SM_NO_PASID, 0);
	ask(sm, INPUT, SM_NO_PASID, 0);        /* a translation is known */
	ask(sm, INPUT + KIB4, SM_NO_PASID, 0); /* a table is */
	ask(sm, INPUT + 2 * KIB4, SM_NO_PASID, SM_UPPER);
	ask(sm, INPUT + 3 * KIB4, SM_NO_PASID, SM_UPPER);
	ask(sm, INPUT, SM_PASID, 0);
	ask(sm, INPUT + 2 * KIB4, SM_PASID, 0);
	ask(sm, INPUT + KIB4, SM_PASID, SM_UPPER);
	ask(sm, INPUT + KIB4, SM_PASID, SM_UPPER); /* a translation is known */
	ask(sm, OUTPUT, PASID_PASSES, 0);
}

static void the_requester_filter_tells_devices_apart(void **state)
{
	static const struct {
		enum counted event;
		unsigned lower, upper;
	} rows[] = {
		{ REQUESTS, 6, 4 },
		{ PW_OCCUPANCY, 4, 3 },
		{ TOTAL_OCCUPANCY, 6, 4 },
		{ CTXT_LOOKUP, 6, 4 },
		{ CTXT_HIT, 5, 3 },
		{ PASID_LOOKUP, 5, 3 },
		{ PASID_HIT, 2, 1 },
		{ SS_LOOKUP, 2, 2 },
		{ SS_HIT, 1, 2 },
		{ FS_LOOKUP, 2, 1 },
		{ FS_HIT, 1, 1 },
		{ IOTLB_LOOKUP, 6, 4 },
		{ IOTLB_HIT, 1, 1 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start_two_devices(&sm);
		counting_watch(&sm.vtd, 0, rows[i].event, RID, VTD_RID);
		counting_watch(&sm.vtd, 1, rows[i].event, RID, SM_UPPER_RID);
		counting_watch(&sm.vtd, 2, rows[i].event, RID, 0);
		counting_watch(&sm.vtd, 3, rows[i].event, NO_FILTER, 0);
		let_both_ask(&sm);
		expect_watched(&sm.vtd, rows[i].lower, rows[i].upper, 0, rows[i].lower + rows[i].upper);
		sm_stop(&sm);
	}
}

static void the_PASID_filter_tells_requests_apart(void **state)
{
	static const struct {
		enum counted event;
		unsigned first, passing, without;
	} rows[] = {
		{ REQUESTS, 4, 1, 5 },
		{ PW_OCCUPANCY, 3, 0, 4 },
		{ TOTAL_OCCUPANCY, 4, 1, 5 },
		{ PASID_LOOKUP, 3, 1, 4 },
		{ PASID_HIT, 1, 0, 2 },
		{ SS_LOOKUP, 0, 0, 4 },
		{ SS_HIT, 0, 0, 3 },
		{ FS_LOOKUP, 3, 0, 0 },
		{ FS_HIT, 2, 0, 0 },
		{ IOTLB_LOOKUP, 4, 1, 5 },
		{ IOTLB_HIT, 1, 0, 1 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start_two_devices(&sm);
		counting_watch(&sm.vtd, 0, rows[i].event, PASID, SM_PASID);
		counting_watch(&sm.vtd, 1, rows[i].event, PASID, PASID_PASSES);
		counting_watch(&sm.vtd, 2, rows[i].event, PASID, SM_RID_PASID);
		counting_watch(&sm.vtd, 3, rows[i].event, PASID, 0);
		counting_watch(&sm.vtd, 4, rows[i].event, PASID, WITH_ANY_PASID);
		counting_watch(&sm.vtd, 5, rows[i].event, PASID, WITHOUT_PASID | SM_PASID);
		counting_watch(&sm.vtd, 6, rows[i].event, PASID, WITH_ANY_PASID | WITHOUT_PASID);
		let_both_ask(&sm);
		expect_watched(&sm.vtd, rows[i].first, rows[i].passing, 0, 0,
		    rows[i].first + rows[i].passing, rows[i].without, 0);
		sm_stop(&sm);
	}
}

static void the_domain_filter_tells_domains_apart(void **state)
{
	static const struct {
		enum counted event;
		unsigned second, first;
	} rows[] = {
		{ PW_OCCUPANCY, 4, 3 },
		{ SS_LOOKUP, 4, 0 },
		{ SS_HIT, 3, 0 },
		{ FS_LOOKUP, 0, 3 },
		{ FS_HIT, 0, 2 },
		{ IOTLB_HIT, 1, 1 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start_two_devices(&sm);
		counting_watch(&sm.vtd, 0, rows[i].event, DID, SM_DOMAIN);
		counting_watch(&sm.vtd, 1, rows[i].event, DID, DOMAIN_FIRST);
		counting_watch(&sm.vtd, 2, rows[i].event, DID, DOMAIN_PASSES);
		counting_watch(&sm.vtd, 3, rows[i].event, DID, 0);
		let_both_ask(&sm);
		expect_watched(&sm.vtd, rows[i].second, rows[i].first);
		ask(&sm, OUTPUT, PASID_PASSES, 0); /* kept by now */
		expect_watched(&sm.vtd, 0, 0, rows[i].event == IOTLB_HIT);
		sm_stop(&sm);
	}
}

/* All must let it through (VT-d 10.4). */
static void two_filters_let_through_what_both_do(void **state)
{
	static const unsigned device_and_pasid[] = { RID, PASID }, device_and_domain[] = { RID, DID },
			      level_and_domain[] = { PTL, DID };
	struct scalable sm;

	(void)state;
	start_two_devices(&sm);
	counting_watch_both(
	    &sm.vtd, 0, REQUESTS, device_and_pasid, (uint32_t[]){ SM_UPPER_RID, SM_PASID });
	counting_watch_both(
	    &sm.vtd, 1, REQUESTS, device_and_pasid, (uint32_t[]){ VTD_RID, WITHOUT_PASID });
	counting_watch_both(
	    &sm.vtd, 2, SS_HIT, device_and_domain, (uint32_t[]){ SM_UPPER_RID, SM_DOMAIN });
	counting_watch_both(
	    &sm.vtd, 3, IOTLB_HIT, device_and_domain, (uint32_t[]){ SM_UPPER_RID, SM_DOMAIN });
	counting_watch_both(&sm.vtd, 4, IOTLB_HIT, level_and_domain, (uint32_t[]){ PTE, DOMAIN_FIRST });
	counting_watch_both(&sm.vtd, 5, IOTLB_HIT, level_and_domain, (uint32_t[]){ PDE, DOMAIN_FIRST });
	counting_watch_both(
	    &sm.vtd, 6, REQUESTS, device_and_pasid, (uint32_t[]){ SM_UPPER_RID, PASID_PASSES });
	let_both_ask(&sm);
	expect_watched(&sm.vtd, 2, 3, 2, 0, 1, 0, 0);
	sm_stop(&sm);
}

/* AT (VT-d 11.4.13.19): bit 0 untranslated, 1 translation requests, 2 translated; 4 is for none of these. */
static void the_address_type_filter_tells_requests_apart(void **state)
{
	struct scalable sm;

	(void)state;
	start_two_devices(&sm);
	for (unsigned type = 0; type < 5; type++)
		counting_watch(&sm.vtd, type, REQUESTS, AT, 1u << type);
	counting_watch(&sm.vtd, 5, REQUESTS, AT, 5);
	ask(&sm, INPUT, SM_NO_PASID, 0);
	ask(&sm, INPUT, SM_NO_PASID, SM_TRANSLATION_REQUEST);
	ask(&sm, INPUT, SM_PASID, SM_TRANSLATION_REQUEST);
	for (unsigned i = 0; i < 4; i++)
		ask(&sm, OUTPUT, SM_NO_PASID, SM_TRANSLATED);
	expect_watched(&sm.vtd, 1, 2, 4, 0, 0, 5);
	sm_stop(&sm);
}

/* Legacy mode has domains in its context entries. */
static void the_domain_of_a_context_entry_counts_too(void **state)
{
	const struct vtd_setup setup = counting_setup(NULL);
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_map(&vtd, INPUT, OUTPUT, 3);
	counting_begin(&vtd);
	counting_watch(&vtd, 0, IOTLB_HIT, DID, VTD_DOMAIN);
	counting_watch(&vtd, 1, IOTLB_HIT, DID, 0);
	counting_watch(&vtd, 2, SS_LOOKUP, DID, VTD_DOMAIN);
	counting_watch(&vtd, 3, SS_LOOKUP, PASID, WITHOUT_PASID);
	counting_watch(&vtd, 4, SS_LOOKUP, PASID, WITH_ANY_PASID);
	get(&vtd, INPUT, 3);
	expect_watched(&vtd, 2, 0, 1, 1, 0);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_in_the_IOTLB_has_the_level_of_its_page),
		cmocka_unit_test(a_nested_translation_has_the_level_of_the_smaller_page),
		cmocka_unit_test(a_hit_of_a_second_stage_table_has_the_level_of_its_entry),
		cmocka_unit_test(a_hit_of_a_first_stage_table_has_the_level_of_its_entry),
		cmocka_unit_test(the_requester_filter_tells_devices_apart),
		cmocka_unit_test(the_PASID_filter_tells_requests_apart),
		cmocka_unit_test(the_domain_filter_tells_domains_apart),
		cmocka_unit_test(two_filters_let_through_what_both_do),
		cmocka_unit_test(the_address_type_filter_tells_requests_apart),
		cmocka_unit_test(the_domain_of_a_context_entry_counts_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
