/*
 * What DMA and translation requests are counted as (VT-d 10.7, Table 49): every event of a scene, all the
 * others 0, and filters (10.4) that let some of it through. Host permissions, interrupts, page requests and
 * the queue are another program's subject (test_performance_services.c), the counters themselves a third's
 * (test_performance.c).
 */
#include "counting.h"
#include "scalable_fixture.h"

#define INPUT  UINT64_C(0x40005000)
#define OUTPUT UINT64_C(0x3010000)
#define HOLE   UINT64_C(0x10000000) /* there is no memory */

#define KIB4 UINT64_C(0x1000)
#define MIB2 UINT64_C(0x200000)
#define GIB1 UINT64_C(0x40000000)

/* Read or write 8 bytes; the fault reason. */
static unsigned get(struct vtd_fixture *vtd, uint64_t address)
{
	return vt_reason(vtd, IOMMUSIM_DMA_READ, address);
}

static unsigned put(struct vtd_fixture *vtd, uint64_t address)
{
	return vt_reason(vtd, IOMMUSIM_DMA_WRITE, address);
}

static unsigned ask(struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags)
{
	return sm_reason(sm, IOMMUSIM_DMA_READ, address, pasid, flags);
}

static unsigned ask_to_write(struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags)
{
	return sm_reason(sm, IOMMUSIM_DMA_WRITE, address, pasid, flags);
}

static void legacy_start(struct vtd_fixture *vtd, const struct vtd_setup *wanted)
{
	const struct vtd_setup setup = counting_setup(wanted);

	vt_start_enabled(vtd, &setup);
}

static void scalable_start(struct scalable *sm, const struct vtd_setup *wanted)
{
	const struct vtd_setup setup = counting_setup(wanted);

	sm_start(sm, &setup);
}

/* ---- legacy mode --------------------------------------------------------------------------------------- */

static void a_second_stage_is_counted_as_it_gets_into_the_caches(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, NULL);
	vt_map(&vtd, INPUT, OUTPUT, 3);
	vt_map(&vtd, INPUT + KIB4, OUTPUT + KIB4, 1);
	counting_begin(&vtd);
	/* Root, context, four levels. */
	assert_int_equal(get(&vtd, INPUT), 0);
	expect_counted(&vtd, ASKED(1),
	    READ_MEMORY(6), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1);
	/* Twice: none of it is kept by the requester for itself. */
	assert_int_equal(get(&vtd, INPUT), 0);
	assert_int_equal(put(&vtd, INPUT + 8), 0);
	expect_counted(
	    &vtd, ASKED(2), [CTXT_LOOKUP] = 2, [CTXT_HIT] = 2, [IOTLB_LOOKUP] = 2, [IOTLB_HIT] = 2);
	/* The page after it: its table is known. */
	assert_int_equal(get(&vtd, INPUT + KIB4), 0);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1, [SS_HIT] = 1);
	/* A hit that denies is one, too. */
	assert_int_equal(put(&vtd, INPUT + KIB4), 5);
	expect_counted(
	    &vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	/* What faults is not kept: each time anew. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(get(&vtd, INPUT + 2 * KIB4), 6);
		expect_counted(&vtd, ASKED(1), READ_MEMORY(1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
		    [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1, [SS_HIT] = 1);
	}
	vt_stop(&vtd);
}

static void each_page_of_a_request_is_a_request(void **state)
{
	struct vtd_fixture vtd;
	uint8_t data[3 * 0x1000] = { 0 };
	const struct iommusim_dma_request request = {
		.address = INPUT, .length = sizeof(data), .kind = IOMMUSIM_DMA_WRITE, .data = data
	};
	struct iommusim_dma_outcome outcome;

	(void)state;
	legacy_start(&vtd, NULL);
	for (unsigned page = 0; page < 3; page++)
		vt_map(&vtd, INPUT + page * KIB4, OUTPUT, 3);
	counting_begin(&vtd);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.pages_faulted, 0);
	expect_counted(&vtd, ASKED(3), READ_MEMORY(8), [PW_OCCUPANCY] = 3, [CTXT_LOOKUP] = 3,
	    [CTXT_HIT] = 2, [IOTLB_LOOKUP] = 3, [SS_LOOKUP] = 3, [SS_HIT] = 2);
	vt_stop(&vtd);
}

static void without_caches_there_are_reads_and_no_lookups(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, &uncached);
	vt_map(&vtd, INPUT, OUTPUT, 3);
	vt_map_level(&vtd, GIB1 + MIB2, 0, 3 | 0x80, 2);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, INPUT), 0);
	assert_int_equal(get(&vtd, INPUT), 0);
	expect_counted(&vtd, ASKED(2), READ_MEMORY(12), [PW_OCCUPANCY] = 2);
	assert_int_equal(get(&vtd, GIB1 + MIB2), 0);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(5), [PW_OCCUPANCY] = 1);
	vt_stop(&vtd);
}

/* A walk is as long as it gets; an entry that cannot be read was tried. */
static void what_stops_early_reads_less(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, &uncached);
	vt_entry_at(&vtd, INPUT, 1);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, INPUT), 6); /* nothing at level 1 */
	expect_counted(&vtd, ASKED(1), READ_MEMORY(6), [PW_OCCUPANCY] = 1);
	vt_store(&vtd, vt_entry_at(&vtd, INPUT, 3), HOLE | 3);
	assert_int_equal(get(&vtd, INPUT), 7);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(5), [PW_OCCUPANCY] = 1);
	vt_store(&vtd, vt_entry_at(&vtd, INPUT, 4), 0);
	assert_int_equal(get(&vtd, INPUT), 6);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(3), [PW_OCCUPANCY] = 1);
	vt_store(&vtd, vt_context_at(&vtd), 0);
	assert_int_equal(get(&vtd, INPUT), 2);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(2));
	vt_store(&vtd, vt_root_at(&vtd), HOLE | 1);
	assert_int_equal(get(&vtd, INPUT), 9);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(2));
	vt_store(&vtd, vt_root_at(&vtd), 0);
	assert_int_equal(get(&vtd, INPUT), 1);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(1));
	vt_stop(&vtd);
}

/* TT=2 (VT-d 9.3). It needs no walk; the IOTLB keeps it all the same. */
static void pass_through_walks_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, NULL);
	vt_set_context(&vtd, VTD_RID, 2 << 2 | 1, (uint64_t)VTD_DOMAIN << 8 | 3);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(2), [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	expect_counted(
	    &vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	vt_stop(&vtd);
}

static void a_request_that_never_meets_the_tables_is_one(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, NULL);
	counting_begin(&vtd);
	assert_false(vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0xfee00000, 4).faulted);
	expect_counted(&vtd, ASKED(1));
	vt_command(&vtd, G_TE, false);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	expect_counted(&vtd, ASKED(1));
	vt_stop(&vtd);
}

/* Each takes out one cache's entries and no other's. */
static void what_is_invalidated_is_looked_for_in_vain(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, NULL);
	vt_map(&vtd, INPUT, OUTPUT, 3);
	vt_map(&vtd, INPUT + KIB4, OUTPUT, 3);
	assert_int_equal(get(&vtd, INPUT), 0);
	vt_invalidate_context(&vtd, 3, VTD_DOMAIN, VTD_RID, 0);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, INPUT), 0);
	expect_counted(&vtd, ASKED(1), [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	assert_int_equal(get(&vtd, INPUT + KIB4), 0); /* root, context, level 1 */
	expect_counted(&vtd, ASKED(1), READ_MEMORY(3), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1, [SS_HIT] = 1);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, INPUT, 0x40); /* IH: the tables stay */
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, INPUT), 0);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1, [SS_HIT] = 1);
	vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
	counting_begin(&vtd);
	assert_int_equal(get(&vtd, INPUT), 0);
	expect_counted(&vtd, ASKED(1), READ_MEMORY(4), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [SS_LOOKUP] = 1);
	vt_stop(&vtd);
}

/* A register access is a clock, and nothing else. */
static void clocks_pass_with_accesses_and_requests(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	legacy_start(&vtd, NULL);
	vt_set_context(&vtd, VTD_RID, 2 << 2 | 1, (uint64_t)VTD_DOMAIN << 8 | 3);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	counting_begin(&vtd);
	vt_get32(&vtd, R_GSTS);
	vt_get64(&vtd, R_CAP);
	vt_set32(&vtd, R_FEDATA, 0);
	expect_counted(&vtd, [CLOCKS] = 3);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	assert_int_equal(get(&vtd, OUTPUT), 0);
	vt_get32(&vtd, R_GSTS);
	expect_counted(&vtd, [CLOCKS] = 3, [REQUESTS] = 2, [TOTAL_OCCUPANCY] = 2, [CTXT_LOOKUP] = 2,
	    [CTXT_HIT] = 2, [IOTLB_LOOKUP] = 2, [IOTLB_HIT] = 2);
	vt_stop(&vtd);
}

/* ---- scalable mode ------------------------------------------------------------------------------------- */

static void a_first_request_in_scalable_mode_reads_two_more_entries(void **state)
{
	static const uint32_t pasids[] = { SM_NO_PASID, SM_PASID };
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		scalable_start(&sm, NULL);
		sm_second_stage(&sm, pasids[i], SM_DOMAIN);
		sm_map_second(&sm, sm.second, 4, INPUT, OUTPUT, 3, 1);
		sm_map_second(&sm, sm.second, 4, INPUT + KIB4, OUTPUT, 3, 1);
		counting_begin(&sm.vtd);
		/* Root, context, directory, PASID table, four levels. */
		assert_int_equal(ask(&sm, INPUT, pasids[i], 0), 0);
		expect_counted(&sm.vtd, ASKED(1), READ_MEMORY(8), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
		    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [SS_LOOKUP] = 1);
		assert_int_equal(ask(&sm, INPUT, pasids[i], 0), 0);
		expect_counted(&sm.vtd,
		    ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
		assert_int_equal(ask(&sm, INPUT + KIB4, pasids[i], 0), 0);
		expect_counted(&sm.vtd, ASKED(1), READ_MEMORY(1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
		    [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1,
		    [SS_LOOKUP] = 1, [SS_HIT] = 1);
		/* Of another source, in the same domain: hoard lets it answer, once the domain is known. */
		assert_int_equal(ask(&sm, INPUT, pasids[i], SM_UPPER), 0);
		expect_counted(&sm.vtd, ASKED(1), READ_MEMORY(4), [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1,
		    [IOTLB_HIT] = 1, [PASID_LOOKUP] = 1);
		sm_stop(&sm);
	}
}

static void a_first_stage_is_counted_with_the_flags_it_sets(void **state)
{
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 7, 1);
	sm_map_first(&sm, sm.first, 4, INPUT + KIB4, OUTPUT, 7, 1);
	sm_map_first(&sm, sm.first, 4, INPUT + 2 * KIB4, OUTPUT, 0x65, 1); /* read-only, A and D set */
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1), READ_AND_UPDATED(8, 4), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [FS_LOOKUP] = 1);
	/* A write of a clean page takes the tables (VT-d 3.6.2): what is cached does not answer. */
	assert_int_equal(ask_to_write(&sm, INPUT, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_AND_UPDATED(1, 1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1, [FS_LOOKUP] = 1, [FS_HIT] = 1);
	assert_int_equal(ask_to_write(&sm, INPUT, SM_PASID, 0), 0);
	expect_counted(
	    &sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	/* A and D of the leaf at once are one update. */
	assert_int_equal(ask_to_write(&sm, INPUT + KIB4, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_AND_UPDATED(1, 1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1, [FS_LOOKUP] = 1, [FS_HIT] = 1);
	/* What is set already is not set again; nor is anything for a request that faults. */
	assert_int_equal(ask(&sm, INPUT + 2 * KIB4, SM_PASID, 0), 0);
	assert_int_equal(ask(&sm, INPUT + 3 * KIB4, SM_PASID, 0), 0x71);
	expect_counted(&sm.vtd, ASKED(2),
	    READ_MEMORY(2), [PW_OCCUPANCY] = 2, [CTXT_LOOKUP] = 2, [CTXT_HIT] = 2, [IOTLB_LOOKUP] = 2,
	    [PASID_LOOKUP] = 2, [PASID_HIT] = 2, [FS_LOOKUP] = 2, [FS_HIT] = 2);
	sm_stop(&sm);
}

/* All flags of a translation are set, or none (it faults): then nothing was updated. */
static void flags_that_cannot_be_set_are_no_updates(void **state)
{
	const uint64_t rom = UINT64_C(0xffff0000), leaf = OUTPUT | 7;
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, rom, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	vt_store(&sm.vtd, sm_first_at(&sm, sm.first, 4, INPUT, 2), rom | 7);
	assert_int_equal(
	    iommusim_memory_write(sm.vtd.machine, rom + (INPUT >> 12 & 0x1ff) * 8, &leaf, sizeof(leaf)),
	    IOMMUSIM_OK);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, 0), 0x91);
	expect_counted(&sm.vtd, ASKED(1), READ_MEMORY(8), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [FS_LOOKUP] = 1);
	sm_stop(&sm);
}

/* Each of five addresses, the table of the last and the page, goes through four levels. */
static void a_nested_walk_reads_both_stages(void **state)
{
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	sm_nested(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 7, 1);
	sm_map_first(&sm, sm.first, 4, INPUT + KIB4, OUTPUT + KIB4, 0x67, 1);
	sm_map_second(&sm, sm.second, 4, OUTPUT, OUTPUT, 3, 1);
	sm_map_second(&sm, sm.second, 4, OUTPUT + KIB4, OUTPUT, 3, 1);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1), READ_AND_UPDATED(4 + 4 * 5 + 4, 4), [PW_OCCUPANCY] = 1,
	    [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [FS_LOOKUP] = 1);
	/* The table of the last level is known, where it really is: one entry, and the page. */
	assert_int_equal(ask(&sm, INPUT + KIB4, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_MEMORY(1 + 4), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1, [FS_LOOKUP] = 1, [FS_HIT] = 1);
	assert_int_equal(ask(&sm, INPUT + KIB4, SM_PASID, 0), 0);
	expect_counted(
	    &sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	/* A flag that is to be set there: what the second stage says of the entries is looked up again. */
	assert_int_equal(ask_to_write(&sm, INPUT, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_AND_UPDATED(4 * 5 + 4, 1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1, [FS_LOOKUP] = 1, [FS_HIT] = 1);
	sm_stop(&sm);
}

/* SSADE: A in each of four entries; D with the write. */
static void a_second_stage_with_flags_is_counted_with_them(void **state)
{
	struct scalable sm;
	uint64_t at;

	(void)state;
	scalable_start(&sm, NULL);
	sm_second_stage(&sm, SM_NO_PASID, SM_DOMAIN);
	at = sm_entry_at(&sm, SM_NO_PASID);
	vt_store(&sm.vtd, at, vt_load(&sm.vtd, at) | SM_SSADE);
	sm_map_second(&sm, sm.second, 4, INPUT, OUTPUT, 3, 1);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, INPUT, SM_NO_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1), READ_AND_UPDATED(8, 4), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [SS_LOOKUP] = 1);
	assert_int_equal(ask_to_write(&sm, INPUT, SM_NO_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_AND_UPDATED(1, 1), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1, [SS_LOOKUP] = 1, [SS_HIT] = 1);
	sm_stop(&sm);
}

/*
 * The same with both stages: tables of the first are pages of the second, whose entries get A when they are
 * read and D when the table is written. The unit itself sets both, and reads nothing twice for it.
 */
static void a_nested_walk_that_sets_flags_in_both_stages_reads_each_entry_once(void **state)
{
	struct scalable sm;
	uint64_t at;

	(void)state;
	scalable_start(&sm, NULL);
	sm_nested(&sm, SM_PASID, SM_DOMAIN, 4);
	at = sm_entry_at(&sm, SM_PASID);
	vt_store(&sm.vtd, at, vt_load(&sm.vtd, at) | SM_SSADE);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 7, 1);
	sm_map_second(&sm, sm.second, 4, OUTPUT, OUTPUT, 3, 1);
	counting_begin(&sm.vtd);
	assert_int_equal(ask_to_write(&sm, INPUT, SM_PASID, 0), 0);
	assert_int_equal(counting_value(&sm.vtd, MRDS), 4 + 4 * 5 + 4);
	/* A and D of both leaves, and D of the page that the first stage's leaf is in. */
	assert_int_equal(vt_load(&sm.vtd, sm_first_at(&sm, sm.first, 4, INPUT, 1)), OUTPUT | 0x67);
	assert_int_equal(vt_load(&sm.vtd, sm_second_at(&sm, sm.second, 4, OUTPUT, 1)), OUTPUT | 0x303);
	at = sm_first_at(&sm, sm.first, 4, INPUT, 1) & ~UINT64_C(0xfff);
	assert_int_equal(vt_load(&sm.vtd, sm_second_at(&sm, sm.second, 4, at, 1)), at | 0x303);
	sm_stop(&sm);
}

static void pass_through_by_PASID_walks_nothing(void **state)
{
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	sm_pass_through(&sm, SM_PASID, SM_DOMAIN);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, OUTPUT, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1),
	    READ_MEMORY(4), [CTXT_LOOKUP] = 1, [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1);
	assert_int_equal(ask(&sm, OUTPUT + KIB4, SM_PASID, 0), 0);
	expect_counted(&sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1,
	    [PASID_LOOKUP] = 1, [PASID_HIT] = 1);
	assert_int_equal(ask(&sm, OUTPUT, SM_PASID, 0), 0);
	expect_counted(
	    &sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1, [IOTLB_HIT] = 1);
	sm_stop(&sm);
}

/* Before its entries are found good nothing answers them: the look-up comes behind those of the entries. */
static void translation_requests_look_into_the_IOTLB_once(void **state)
{
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 0x65, 1); /* read-only; A is set */
	counting_begin(&sm.vtd);
	/* To read and to write. That there is nothing to write shows at the end: one walk all the same. */
	assert_int_equal(ask(&sm, INPUT, SM_PASID, SM_TRANSLATION_REQUEST), 0);
	expect_counted(&sm.vtd, ASKED(1), READ_AND_UPDATED(8, 3), [PW_OCCUPANCY] = 1, [CTXT_LOOKUP] = 1,
	    [IOTLB_LOOKUP] = 1, [PASID_LOOKUP] = 1, [FS_LOOKUP] = 1);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, SM_TRANSLATION_REQUEST), 0);
	expect_counted(&sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1,
	    [IOTLB_HIT] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1);
	/* Pass-through answers them without. */
	sm_pass_through(&sm, SM_PASID + 1, SM_DOMAIN);
	assert_int_equal(ask(&sm, INPUT, SM_PASID + 1, SM_TRANSLATION_REQUEST), 0);
	expect_counted(
	    &sm.vtd, ASKED(1), READ_MEMORY(2), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [PASID_LOOKUP] = 1);
	/* Without a device TLB they end at the context. */
	vt_store(&sm.vtd, sm_context_at(&sm, SM_UPPER_RID),
	    vt_load(&sm.vtd, sm_context_at(&sm, SM_UPPER_RID)) & ~SM_DTE);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, SM_TRANSLATION_REQUEST | SM_UPPER), 0x44);
	expect_counted(&sm.vtd, ASKED(1), READ_MEMORY(2), [CTXT_LOOKUP] = 1);
	sm_stop(&sm);
}

/* Without HPTE they go where they say: nothing is translated. */
static void translated_requests_look_into_no_IOTLB(void **state)
{
	struct scalable sm;

	(void)state;
	scalable_start(&sm, NULL);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, OUTPUT, SM_NO_PASID, SM_TRANSLATED), 0);
	assert_int_equal(ask(&sm, OUTPUT, SM_NO_PASID, SM_TRANSLATED), 0);
	expect_counted(&sm.vtd, ASKED(2), READ_MEMORY(4), [CTXT_LOOKUP] = 2);
	sm_stop(&sm);
}

/* Execution is judged by the entries first, and found in the IOTLB then (ECAP.ERS, before revision 4.1). */
static void requests_to_execute_look_into_the_IOTLB_once(void **state)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_ERS, .revision = 0x400 };
	struct scalable sm;

	(void)state;
	scalable_start(&sm, &setup);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 0x27, 1);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, 0), 0);
	counting_begin(&sm.vtd);
	assert_int_equal(ask(&sm, INPUT, SM_PASID, SM_EXECUTE), 0);
	expect_counted(&sm.vtd, ASKED(1), [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [IOTLB_LOOKUP] = 1,
	    [IOTLB_HIT] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_stage_is_counted_as_it_gets_into_the_caches),
		cmocka_unit_test(each_page_of_a_request_is_a_request),
		cmocka_unit_test(without_caches_there_are_reads_and_no_lookups),
		cmocka_unit_test(what_stops_early_reads_less),
		cmocka_unit_test(pass_through_walks_nothing),
		cmocka_unit_test(a_request_that_never_meets_the_tables_is_one),
		cmocka_unit_test(what_is_invalidated_is_looked_for_in_vain),
		cmocka_unit_test(clocks_pass_with_accesses_and_requests),
		cmocka_unit_test(a_first_request_in_scalable_mode_reads_two_more_entries),
		cmocka_unit_test(a_first_stage_is_counted_with_the_flags_it_sets),
		cmocka_unit_test(flags_that_cannot_be_set_are_no_updates),
		cmocka_unit_test(a_nested_walk_reads_both_stages),
		cmocka_unit_test(a_second_stage_with_flags_is_counted_with_them),
		cmocka_unit_test(a_nested_walk_that_sets_flags_in_both_stages_reads_each_entry_once),
		cmocka_unit_test(pass_through_by_PASID_walks_nothing),
		cmocka_unit_test(translation_requests_look_into_the_IOTLB_once),
		cmocka_unit_test(translated_requests_look_into_no_IOTLB),
		cmocka_unit_test(requests_to_execute_look_into_the_IOTLB_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
