/*
 * What a unit may remember (VT-d 6.1, 6.2): staleness under each cache policy, tags, what is never
 * cached with CM=0, determinism. Which invalidation takes what stands in the invalidation tests.
 */
#include "vtd_fixture.h"

#define OTHER_RID 0x0318u /* 03:03.0: the same bus as VTD_RID */

static struct vtd_setup with(enum iommusim_cache_policy cache, enum iommusim_cache_match match)
{
	return (struct vtd_setup){ .settings = { .cache = cache, .match = match } };
}

static struct iommusim_requester *second_device(struct vtd_fixture *vtd)
{
	struct iommusim_requester *device;

	assert_int_equal(iommusim_requester_create(vtd->machine, 0, OTHER_RID, &device), IOMMUSIM_OK);
	return device;
}

static struct iommusim_dma_page read_page(struct iommusim_requester *device, uint64_t address)
{
	return vt_access(device, IOMMUSIM_DMA_READ, address, 8);
}

static void invalidate_all(struct vtd_fixture *vtd)
{
	assert_int_equal(vt_invalidate_context(vtd, 1, 0, 0, 0), 1);
	assert_int_equal(vt_invalidate_iotlb(vtd, 1, 0, 0, 0), 1);
}

static void an_unmapped_page_is_reachable_until_it_is_invalidated(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_SIZED };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct vtd_setup setup = with(policies[i], IOMMUSIM_MATCH_DEFAULT);
		struct iommusim_dma_page page;

		vt_start_enabled(&vtd, &setup);
		vt_map(&vtd, 0x5000, 0x6000, 3);
		assert_false(read_page(vtd.device, 0x5000).cached);
		vt_unmap(&vtd, 0x5000);
		page = read_page(vtd.device, 0x5000);
		assert_true(page.cached);
		assert_false(page.faulted);
		assert_int_equal(page.physical, 0x6000);
		invalidate_all(&vtd);
		page = read_page(vtd.device, 0x5000);
		assert_false(page.cached);
		assert_int_equal(page.fault.reason, 6);
		vt_stop(&vtd);
	}
}

static void without_a_cache_every_change_is_seen_at_once(void **state)
{
	const struct vtd_setup setup = with(IOMMUSIM_CACHE_NONE, IOMMUSIM_MATCH_DEFAULT);
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	for (unsigned i = 0; i < 8; i++) {
		vt_map(&vtd, 0x5000, 0x6000 + i * UINT64_C(0x1000), 3);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x6000 + i * UINT64_C(0x1000));
		assert_false(read_page(vtd.device, 0x5000).cached);
	}
	vt_unmap(&vtd, 0x5000);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_store(&vtd, vt_context_at(&vtd), 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 2);
	vt_stop(&vtd);
}

/* A stale translation carries its stale rights, and the entry it came from. */
static void a_cached_translation_keeps_its_rights(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_map(&vtd, 0x5000, 0x6000, 1);
	page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x5000, 8);
	assert_false(page.faulted);
	assert_int_equal(page.entry, 0x6003);
	invalidate_all(&vtd);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 5);
	vt_stop(&vtd);
}

/* "Modifications that result in partial permission increases require invalidations" (VT-d 11.4.2, CM). */
static void a_right_added_later_needs_an_invalidation(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 1);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 5);
	invalidate_all(&vtd);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	vt_stop(&vtd);
}

static void a_cached_large_page_answers_for_all_of_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned level = 2; level <= 3; level++) {
		const uint64_t size = BIT(12 + 9 * (level - 1));
		struct iommusim_dma_page page;

		vt_start_enabled(&vtd, NULL);
		vt_map_level(&vtd, 0x80000000, 0x40000000, 3, level);
		assert_int_equal(vt_output(&vtd, 0x80000000), 0x40000000);
		vt_store(&vtd, vt_entry_at(&vtd, 0x80000000, level), 0);
		page = read_page(vtd.device, 0x80000000 + size - 8);
		assert_true(page.cached);
		assert_int_equal(page.physical, 0x40000000 + size - 8);
		assert_int_equal(page.page_shift, 12 + 9 * (level - 1));
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x80000000 + size), 6);
		vt_stop(&vtd);
	}
}

/* CM=0: nothing that faulted is remembered, so making it right needs no invalidation (VT-d 6.1). */
static void what_faulted_is_not_remembered(void **state)
{
	static const uint64_t bad[] = { 0, 0x4000000000006003, 0xfee00003 };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		vt_start_enabled(&vtd, NULL);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), bad[i]);
		assert_int_not_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 0);
		vt_map(&vtd, 0x5000, 0x6000, 3);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
		vt_stop(&vtd);
	}
	/* the same of a page with one right, of the context entry and of the root entry */
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 1);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 5);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	vt_stop(&vtd);
}

static void context_entries_that_faulted_are_not_remembered(void **state)
{
	struct vtd_fixture vtd;
	uint64_t good;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	good = vt_load(&vtd, vt_context_at(&vtd));
	vt_store(&vtd, vt_context_at(&vtd), 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 2);
	vt_store(&vtd, vt_context_at(&vtd), good | 0x10);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 0xb);
	vt_store(&vtd, vt_context_at(&vtd), good | 3 << 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 3);
	vt_store(&vtd, vt_context_at(&vtd), UINT64_C(0x10000000) | 1);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 3);
	vt_store(&vtd, vt_context_at(&vtd), good);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_stop(&vtd);
}

/* A second page of the same device walks from the context entry that is remembered. */
static void a_cached_context_entry_hides_a_change_from_new_walks(void **state)
{
	struct vtd_fixture vtd;
	uint64_t first_table;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	vt_map(&vtd, 0x7000, 0x8000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	first_table = vtd.page_table;
	vtd.page_table = vt_page(&vtd);
	vt_map(&vtd, 0x7000, 0x9000, 3);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 1);
	assert_int_equal(vt_output(&vtd, 0x7000), 0x8000);
	invalidate_all(&vtd);
	assert_int_equal(vt_output(&vtd, 0x7000), 0x9000);
	assert_int_not_equal(first_table, vtd.page_table);
	vt_stop(&vtd);
}

/* What comes out of the IOTLB is a translation, and known to be one that was kept. */
static void a_cached_answer_is_a_translation(void **state)
{
	const struct vtd_setup setup = { .settings.cache = IOMMUSIM_CACHE_SIZED };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	for (unsigned time = 0; time < 2; time++) {
		const struct iommusim_dma_page page =
		    vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5008, 8);

		assert_int_equal(page.cached, time == 1);
		assert_true(page.translated);
		assert_int_equal(page.physical, 0x6008);
		assert_int_equal(page.page_shift, 12);
	}
	vt_stop(&vtd);
}

/* An IOTLB entry is found by source id and address alone: the context entry need not be there any more. */
static void the_iotlb_answers_although_the_context_entry_is_gone(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_store(&vtd, vt_context_at(&vtd), 0);
	assert_int_equal(vt_invalidate_context(&vtd, 1, 0, 0, 0), 1);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x7000), 2);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 2);
	vt_stop(&vtd);
}

/* Two devices of one domain; the first one fills, the page goes, the second one asks. */
static bool other_device_hits(enum iommusim_cache_policy cache, enum iommusim_cache_match match)
{
	const struct vtd_setup setup = with(cache, match);
	struct iommusim_requester *other;
	struct vtd_fixture vtd;
	bool hit;

	vt_start_enabled(&vtd, &setup);
	other = second_device(&vtd);
	vt_set_context(&vtd, OTHER_RID, vtd.page_table | 1, VTD_DOMAIN << 8 | 2);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	vt_map(&vtd, 0x7000, 0x8000, 3);
	assert_false(read_page(vtd.device, 0x5000).faulted);
	assert_false(read_page(other, 0x7000).faulted); /* its context entry is known now */
	vt_unmap(&vtd, 0x5000);
	hit = read_page(other, 0x5000).cached;
	if (hit)
		assert_int_equal(read_page(other, 0x5000).physical, 0x6000);
	else
		assert_int_equal(read_page(other, 0x5000).fault.reason, 6);
	invalidate_all(&vtd);
	assert_int_equal(read_page(other, 0x5000).fault.reason, 6);
	vt_stop(&vtd);
	return hit;
}

static void a_fill_serves_the_same_source_or_the_same_domain_as_set(void **state)
{
	(void)state;
	assert_true(other_device_hits(IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT));
	assert_true(other_device_hits(IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DOMAIN));
	assert_false(other_device_hits(IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_SOURCE));
	assert_false(other_device_hits(IOMMUSIM_CACHE_SIZED, IOMMUSIM_MATCH_DEFAULT));
	assert_true(other_device_hits(IOMMUSIM_CACHE_SIZED, IOMMUSIM_MATCH_DOMAIN));
	assert_false(other_device_hits(IOMMUSIM_CACHE_SIZED, IOMMUSIM_MATCH_SOURCE));
	assert_false(other_device_hits(IOMMUSIM_CACHE_NONE, IOMMUSIM_MATCH_DOMAIN));
}

/* A cache of the unit alone, without what requesters keep: filled at one byte, asked for another. */
static void a_cached_page_answers_for_every_byte_of_it(void **state)
{
	const struct vtd_setup sized = { .settings = { .cache = IOMMUSIM_CACHE_SIZED } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &sized);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x4001, 1).physical, 0x104001);
	for (uint64_t byte = 0; byte < 8; byte++) {
		const struct iommusim_dma_page page =
		    vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x4000 + byte, 1);

		assert_true(page.cached);
		assert_int_equal(page.physical, 0x104000 + byte);
		assert_int_equal(page.domain, VTD_DOMAIN);
	}
	vt_stop(&vtd);
}

/* FPD goes with the translation that was made under it, also when the context entry is not kept. */
static void a_cached_translation_remembers_fault_processing_disable(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (uint64_t fpd = 0; fpd <= 2; fpd += 2) {
		vt_start_enabled(&vtd, NULL);
		vt_set_context(&vtd, VTD_RID, vtd.page_table | 1 | fpd, (uint64_t)VTD_DOMAIN << 8 | 2);
		vt_map(&vtd, 0x4000, 0x104000, 1);
		assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
		vt_set_context(&vtd, VTD_RID, 0, 0);
		vt_invalidate_context(&vtd, 1, 0, 0, 0);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 5);
		assert_int_equal(vt_records(&vtd), fpd == 0);
		vt_stop(&vtd);
	}
}

/* A translation that another device of the domain filled is judged by the own context's FPD. */
static void a_shared_translation_faults_as_the_own_context_says(void **state)
{
	struct iommusim_requester *hidden;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &hidden), IOMMUSIM_OK);
	vt_set_context(&vtd, 0x0311, vtd.page_table | 3, (uint64_t)VTD_DOMAIN << 8 | 2); /* FPD */
	vt_map(&vtd, 0x4000, 0x104000, 1);
	vt_map(&vtd, 0x5000, 0x105000, 1);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	assert_int_equal(vt_access(hidden, IOMMUSIM_DMA_READ, 0x5000, 8).physical, 0x105000);
	assert_true(vt_access(hidden, IOMMUSIM_DMA_WRITE, 0x4000, 8).fault.suppressed);
	assert_int_equal(vt_records(&vtd), 0);
	assert_false(vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x5000, 8).fault.suppressed);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

/* A pass-through device's fills serve nobody else, even under the same domain id. */
static void a_fill_of_pass_through_never_serves_others(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	vt_set_context(&vtd, 0x0311, 1 | 2 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_map(&vtd, 0x5000, 0x105000, 3);
	assert_int_equal(vt_access(other, IOMMUSIM_DMA_READ, 0x4000, 8).physical, 0x4000);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x105000); /* and the other way round */
	assert_int_equal(vt_access(other, IOMMUSIM_DMA_READ, 0x5000, 8).physical, 0x5000);
	vt_stop(&vtd);
}

static void a_fill_of_another_domain_never_serves(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	other = second_device(&vtd);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_false(read_page(vtd.device, 0x5000).faulted);
	vtd.page_table = vt_page(&vtd);
	vt_map(&vtd, 0x5000, 0x9000, 3);
	vt_set_context(&vtd, OTHER_RID, vtd.page_table | 1, (VTD_DOMAIN + 1) << 8 | 2);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_page(other, 0x5000).physical, 0x9000);
		assert_int_equal(read_page(vtd.device, 0x5000).physical, 0x6000);
	}
	assert_int_equal(read_page(other, 0x5000).domain, VTD_DOMAIN + 1);
	vt_stop(&vtd);
}

static void assert_names_the_fill(enum iommusim_cache_policy policy)
{
	struct iommusim_dma_request request = { .address = 0x5000, .length = 8, .tag = 4711 };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings = { .cache = policy } });
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	for (uint64_t tag = 1; tag < 4; tag++) {
		request.tag = tag;
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_true(outcome.page.cached);
		assert_int_equal(outcome.pages_cached, 1);
		assert_int_equal(outcome.page.cached_tag, 4711);
	}
	vt_stop(&vtd);
}

static void a_cached_answer_names_the_request_that_filled_it(void **state)
{
	(void)state;
	assert_names_the_fill(IOMMUSIM_CACHE_HOARD);
	assert_names_the_fill(IOMMUSIM_CACHE_SIZED);
}

/* `sized`: one set of two ways keeps the two translations that were used last. */
static void a_sized_cache_forgets_the_least_recently_used(void **state)
{
	const struct vtd_setup setup = {
		.settings = { .cache = IOMMUSIM_CACHE_SIZED, .iotlb_sets = 1, .iotlb_ways = 2 }
	};
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	for (unsigned i = 1; i <= 3; i++)
		vt_map(&vtd, i * UINT64_C(0x1000), 0x100000 + i * UINT64_C(0x1000), 3);
	assert_false(read_page(vtd.device, 0x1000).cached);
	assert_false(read_page(vtd.device, 0x2000).cached);
	assert_true(read_page(vtd.device, 0x1000).cached);
	assert_true(read_page(vtd.device, 0x2000).cached);
	assert_true(read_page(vtd.device, 0x1000).cached);
	assert_false(read_page(vtd.device, 0x3000).cached); /* takes the place of 0x2000 */
	assert_true(read_page(vtd.device, 0x1000).cached);
	assert_true(read_page(vtd.device, 0x3000).cached);
	assert_false(read_page(vtd.device, 0x2000).cached);
	vt_stop(&vtd);
}

static void a_sized_cache_holds_sets_times_ways(void **state)
{
	const struct vtd_setup setup = {
		.settings = { .cache = IOMMUSIM_CACHE_SIZED, .iotlb_sets = 4, .iotlb_ways = 4 }
	};
	struct vtd_fixture vtd;
	unsigned kept = 0;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	for (unsigned i = 0; i < 256; i++) {
		vt_map(&vtd, i * UINT64_C(0x1000), 0x100000 + i * UINT64_C(0x1000), 3);
		assert_false(read_page(vtd.device, i * UINT64_C(0x1000)).cached);
	}
	for (unsigned i = 0; i < 256; i++)
		vt_unmap(&vtd, i * UINT64_C(0x1000));
	for (unsigned i = 0; i < 256; i++)
		kept += read_page(vtd.device, i * UINT64_C(0x1000)).cached;
	assert_int_equal(kept, 16);
	vt_stop(&vtd);
}

static void hoard_keeps_everything(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 2000; i++) {
		vt_map(&vtd, i * UINT64_C(0x3000), 0x100000 + i * UINT64_C(0x1000), 3);
		assert_false(read_page(vtd.device, i * UINT64_C(0x3000)).cached);
	}
	for (unsigned i = 0; i < 2000; i++)
		vt_unmap(&vtd, i * UINT64_C(0x3000));
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(read_page(vtd.device, i * UINT64_C(0x3000)).physical,
		    0x100000 + i * UINT64_C(0x1000));
	invalidate_all(&vtd);
	for (unsigned i = 0; i < 2000; i++)
		assert_true(read_page(vtd.device, i * UINT64_C(0x3000)).faulted);
	vt_stop(&vtd);
}

/* A run of an adverse unit: which accesses were cached, as bits, and how many of them were prefetched. */
static void adverse_run(uint64_t seed, uint8_t cached[256])
{
	const struct vtd_setup setup = { .seed = seed, .settings.cache = IOMMUSIM_CACHE_ADVERSE };
	struct vtd_fixture vtd;

	vt_start_enabled(&vtd, &setup);
	for (unsigned i = 0; i < 16; i++)
		vt_map(&vtd, i * UINT64_C(0x1000), 0x100000 + i * UINT64_C(0x1000), 3);
	for (unsigned i = 0; i < 256; i++) {
		const struct iommusim_dma_page page =
		    read_page(vtd.device, i * 7 % 16 * UINT64_C(0x1000));

		assert_int_equal(page.physical, 0x100000 + i * 7 % 16 * UINT64_C(0x1000));
		cached[i] = page.cached;
	}
	vt_stop(&vtd);
}

static void an_adverse_cache_repeats_itself_for_the_same_seed(void **state)
{
	uint8_t first[256], again[256], other[256];
	unsigned hits = 0;

	(void)state;
	adverse_run(1, first);
	adverse_run(1, again);
	adverse_run(2, other);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
	for (unsigned i = 0; i < 256; i++)
		hits += first[i];
	assert_in_range(hits, 64, 255); /* it caches, and it forgets */
}

/* Prefetched before it was ever asked for: the page is gone, and still answers. */
static void an_adverse_cache_prefetches_the_next_page(void **state)
{
	unsigned prefetched = 0;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned seed = 0; seed < 32; seed++) {
		const struct vtd_setup setup = { .seed = seed,
			.settings.cache = IOMMUSIM_CACHE_ADVERSE };

		vt_start_enabled(&vtd, &setup);
		vt_map(&vtd, 0x5000, 0x100000, 3);
		vt_map(&vtd, 0x6000, 0x200000, 3);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
		vt_unmap(&vtd, 0x6000);
		prefetched += read_page(vtd.device, 0x6000).cached;
		invalidate_all(&vtd);
		assert_int_equal(read_page(vtd.device, 0x6000).fault.reason, 6);
		vt_stop(&vtd);
	}
	assert_in_range(prefetched, 1, 31);
}

/* A page that faults is not a reason to prefetch its neighbour, nor is a missing neighbour an error. */
static void prefetching_records_no_faults(void **state)
{
	const struct vtd_setup setup = { .settings.cache = IOMMUSIM_CACHE_ADVERSE };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_map(&vtd, 0x5000, 0x100000, 3);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
		assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	}
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_map(&vtd, 0x8000, 0x100000, 3);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(read_page(vtd.device, 0x7000).fault.reason, 6);
	vt_unmap(&vtd, 0x8000);
	assert_int_equal(read_page(vtd.device, 0x8000).fault.reason, 6);
	vt_stop(&vtd);
}

/* After an invalidation no policy may show what was there before. */
static void no_policy_shows_anything_stale_after_an_invalidation(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned policy = 0; policy < 4; policy++) {
		const struct vtd_setup setup =
		    with((enum iommusim_cache_policy)policy, IOMMUSIM_MATCH_DOMAIN);

		vt_start_enabled(&vtd, &setup);
		for (unsigned round = 0; round < 100; round++) {
			for (unsigned i = 0; i < 4; i++)
				vt_map(&vtd, 0x5000 + i * UINT64_C(0x1000),
				    0x100000 + round * UINT64_C(0x4000) + i * UINT64_C(0x1000), 3);
			assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x4000, 2), 3);
			assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x8000, 0), 3);
			for (unsigned i = 0; i < 4; i++)
				assert_int_equal(vt_output(&vtd, 0x5000 + i * UINT64_C(0x1000)),
				    0x100000 + round * UINT64_C(0x4000) + i * UINT64_C(0x1000));
		}
		vt_stop(&vtd);
	}
}

/* The negative control: a unit told to ignore invalidations says they were done, and keeps everything. */
static void a_unit_that_drops_invalidations_stays_stale(void **state)
{
	const struct vtd_setup setup = { .settings.drop_invalidations = true };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_map(&vtd, 0x5000, 0x7000, 3);
	invalidate_all(&vtd);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_queue_start(&vtd, 16);
	vt_submit(&vtd, 0x12, 0);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_stop(&vtd);
}

static void a_reset_empties_the_caches(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned cold = 0; cold < 2; cold++) {
		vt_start_enabled(&vtd, NULL);
		vt_map(&vtd, 0x5000, 0x6000, 3);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
		vtd.page_table = vt_page(&vtd); /* another context entry, and what it leads to */
		vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, VTD_DOMAIN << 8 | 2);
		vt_map(&vtd, 0x5000, 0x7000, 3);
		iommusim_unit_reset(vtd.unit, cold != 0);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x5000);
		vt_latch_root(&vtd, vtd.root_table);
		vt_command(&vtd, G_TE, true);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x7000);
		vt_stop(&vtd);
	}
}

static void impossible_cache_geometries_are_refused(void **state)
{
	static const struct {
		uint32_t sets, ways;
	} bad[] = { { 3, 1 }, { 100, 8 }, { 64, 65 }, { 1u << 21, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct iommusim_vtd_config config = { .base = VTD_BASE,
			.capability = VTD_DEFAULT_CAP,
			.ext_capability = VTD_DEFAULT_ECAP,
			.host_address_width = 46,
			.settings = { .cache = IOMMUSIM_CACHE_SIZED,
			    .iotlb_sets = bad[i].sets,
			    .iotlb_ways = bad[i].ways } };
		struct iommusim_machine *machine;
		struct iommusim_unit *unit;

		assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
		assert_int_equal(iommusim_vtd_create(machine, &config, &unit), IOMMUSIM_EINVAL);
		assert_null(unit);
		assert_null(iommusim_unit_at(machine, 0));
		iommusim_machine_destroy(machine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cached_answer_is_a_translation),
		cmocka_unit_test(an_unmapped_page_is_reachable_until_it_is_invalidated),
		cmocka_unit_test(without_a_cache_every_change_is_seen_at_once),
		cmocka_unit_test(a_cached_translation_keeps_its_rights),
		cmocka_unit_test(a_right_added_later_needs_an_invalidation),
		cmocka_unit_test(a_cached_large_page_answers_for_all_of_it),
		cmocka_unit_test(what_faulted_is_not_remembered),
		cmocka_unit_test(context_entries_that_faulted_are_not_remembered),
		cmocka_unit_test(a_cached_context_entry_hides_a_change_from_new_walks),
		cmocka_unit_test(the_iotlb_answers_although_the_context_entry_is_gone),
		cmocka_unit_test(a_fill_serves_the_same_source_or_the_same_domain_as_set),
		cmocka_unit_test(a_cached_page_answers_for_every_byte_of_it),
		cmocka_unit_test(a_cached_translation_remembers_fault_processing_disable),
		cmocka_unit_test(a_shared_translation_faults_as_the_own_context_says),
		cmocka_unit_test(a_fill_of_pass_through_never_serves_others),
		cmocka_unit_test(a_fill_of_another_domain_never_serves),
		cmocka_unit_test(a_cached_answer_names_the_request_that_filled_it),
		cmocka_unit_test(a_sized_cache_forgets_the_least_recently_used),
		cmocka_unit_test(a_sized_cache_holds_sets_times_ways),
		cmocka_unit_test(hoard_keeps_everything),
		cmocka_unit_test(an_adverse_cache_repeats_itself_for_the_same_seed),
		cmocka_unit_test(an_adverse_cache_prefetches_the_next_page),
		cmocka_unit_test(prefetching_records_no_faults),
		cmocka_unit_test(no_policy_shows_anything_stale_after_an_invalidation),
		cmocka_unit_test(a_unit_that_drops_invalidations_stays_stale),
		cmocka_unit_test(a_reset_empties_the_caches),
		cmocka_unit_test(impossible_cache_geometries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
