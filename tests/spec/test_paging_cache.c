/*
 * The paging-structure caches (VT-d 6.2.5): entries that point at tables may be kept by domain and
 * address, and go with invalidations unless the hint says that only leaves changed (Table 23). They
 * show when a table is replaced: the IOTLB must not have the page yet.
 */
#include "vtd_fixture.h"

#define DESCRIPTOR_PAGE 0x32u /* IOTLB, page-selective */

/* The page, one beside it, and the last of the same table: not the first of anything. */
#define PAGE   UINT64_C(0x304000)
#define BESIDE UINT64_C(0x3f5000)
#define LAST   UINT64_C(0x3ff000)

/* Let the unit see the tables on the way to PAGE: by a page beside it. */
static void warm(struct vtd_fixture *vtd)
{
	vt_map(vtd, PAGE, 0x104000, 3);
	vt_map(vtd, BESIDE, 0x105000, 3);
	assert_int_equal(vt_output(vtd, BESIDE), 0x105000);
}

/* Replace the table below `level` by one that takes PAGE to 0x204000. */
static void replace_table(struct vtd_fixture *vtd, unsigned level)
{
	uint64_t entry_at = vt_entry_at(vtd, PAGE, level);

	for (; level > 1; level--) {
		const uint64_t table = vt_page(vtd);

		vt_store(vtd, entry_at, table | 3);
		entry_at = table + (PAGE >> (12 + 9 * (level - 2)) & 0x1ff) * 8;
	}
	vt_store(vtd, entry_at, 0x204000 | 3);
}

static void a_table_replaced_at_any_level_is_seen_after_an_invalidation(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (uint8_t levels = 3; levels <= 5; levels++) {
		for (unsigned level = 2; level <= levels; level++) {
			vt_start_enabled(&vtd, &(struct vtd_setup){ .levels = levels });
			warm(&vtd);
			replace_table(&vtd, level);
			assert_int_equal(vt_output(&vtd, PAGE), 0x104000); /* by the old tables */
			vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
			assert_int_equal(vt_output(&vtd, PAGE), 0x204000);
			vt_stop(&vtd);
		}
	}
}

/* An entry of each level serves what shares that entry and none below it. */
static void an_entry_of_each_level_is_kept(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned level = 2; level <= 5; level++) {
		/* beside BESIDE, in the next table of the level below */
		const uint64_t address = BESIDE + BIT(12 + 9 * (level - 2));
		uint64_t table;

		vt_start_enabled(&vtd, &(struct vtd_setup){ .levels = 5 });
		warm(&vtd);
		vt_map(&vtd, address, 0x304000, 3);
		table = vt_page(&vtd);
		vt_store(&vtd, vt_entry_at(&vtd, address, level), table | 3);
		assert_int_equal(vt_output(&vtd, address), 0x304000); /* by the old table */
		vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, address), 6);
		vt_stop(&vtd);
	}
}

static void nothing_is_kept_without_a_cache(void **state)
{
	const struct vtd_setup none = { .settings = { .cache = IOMMUSIM_CACHE_NONE } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &none);
	warm(&vtd);
	replace_table(&vtd, 3);
	assert_int_equal(vt_output(&vtd, PAGE), 0x204000);
	vt_stop(&vtd);
}

/* What each way to invalidate takes out of them: `gone` says whether the new tables show. */
static void assert_after(
    const struct vtd_setup *setup, void (*invalidate)(struct vtd_fixture *), bool gone)
{
	struct vtd_fixture vtd;

	vt_start_enabled(&vtd, setup);
	warm(&vtd);
	replace_table(&vtd, 2);
	invalidate(&vtd);
	assert_int_equal(vt_output(&vtd, PAGE), gone ? 0x204000 : 0x104000);
	vt_stop(&vtd);
}

static void globally(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 1, 0, 0, 0);
}

static void its_domain(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 2, VTD_DOMAIN, 0, 0);
}

static void another_domain(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 2, VTD_DOMAIN + 1, 0, 0);
}

static void its_page(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, PAGE, 0);
}

/* An entry for 2 MiB goes with any page of it; one for 1 GiB with a page beyond those 2 MiB. */
static void a_page_under_the_same_table(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, LAST, 0);
}

static void the_first_page_under_the_same_table(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, 0x200000, 0);
}

static void the_page_before_that_table(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, 0x1ff000, 0);
}

static void a_page_elsewhere(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, 0x400000, 0);
}

static void its_page_in_another_domain(struct vtd_fixture *vtd)
{
	vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN + 1, PAGE, 0);
}

static void context_entries(struct vtd_fixture *vtd)
{
	vt_invalidate_context(vtd, 1, 0, 0, 0);
}

static void its_page_with_the_hint(struct vtd_fixture *vtd)
{
	vt_set64(vtd, R_IVA, PAGE | 0x40);
	vt_set64(vtd, R_IOTLB, BIT(63) | UINT64_C(3) << 60 | (uint64_t)VTD_DOMAIN << 32);
	assert_int_equal(vt_get64(vtd, R_IOTLB) >> 57 & 3, 3);
}

/* The hint belongs to page-selective requests: others do not look at it (Table 23). */
static void its_domain_with_the_hint(struct vtd_fixture *vtd)
{
	vt_set64(vtd, R_IVA, PAGE | 0x40);
	vt_set64(vtd, R_IOTLB, BIT(63) | UINT64_C(2) << 60 | (uint64_t)VTD_DOMAIN << 32);
}

static void through_the_queue(struct vtd_fixture *vtd)
{
	vt_queue_start(vtd, 16);
	vt_submit(vtd, DESCRIPTOR_PAGE | VTD_DOMAIN << 16, PAGE);
}

static void through_the_queue_with_the_hint(struct vtd_fixture *vtd)
{
	vt_queue_start(vtd, 16);
	vt_submit(vtd, DESCRIPTOR_PAGE | VTD_DOMAIN << 16, PAGE | 0x40);
}

static void invalidations_reach_what_covers_their_pages(void **state)
{
	(void)state;
	assert_after(NULL, globally, true);
	assert_after(NULL, its_domain, true);
	assert_after(NULL, another_domain, false);
	assert_after(NULL, its_page, true);
	assert_after(NULL, a_page_under_the_same_table, true);
	assert_after(NULL, the_first_page_under_the_same_table, true);
	assert_after(NULL, the_page_before_that_table, false);
	assert_after(NULL, a_page_elsewhere, false);
	assert_after(NULL, its_page_in_another_domain, false);
	assert_after(NULL, context_entries, false);
	assert_after(NULL, through_the_queue, true);
}

static void the_hint_spares_them(void **state)
{
	(void)state;
	assert_after(NULL, its_page_with_the_hint, false);
	assert_after(NULL, its_domain_with_the_hint, true);
	assert_after(NULL, through_the_queue_with_the_hint, false);
}

/* With the hint the way to the page itself stays too: only its leaf is read anew. */
static void the_hint_spares_the_way_to_the_page_itself(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, PAGE, 0x104000, 3);
	assert_int_equal(vt_output(&vtd, PAGE), 0x104000);
	vt_map(&vtd, PAGE, 0x105000, 3);
	replace_table(&vtd, 3);
	its_page_with_the_hint(&vtd);
	assert_int_equal(vt_output(&vtd, PAGE), 0x105000);
	its_page(&vtd);
	assert_int_equal(vt_output(&vtd, PAGE), 0x204000);
	vt_stop(&vtd);
}

/* A unit without page-selective invalidation drops the whole domain, hint or not. */
static void a_coarser_invalidation_spares_nothing(void **state)
{
	const struct vtd_setup coarse = { .cap_clear = CAP_PSI | CAP_MAMV };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &coarse);
	warm(&vtd);
	replace_table(&vtd, 2);
	vt_set64(&vtd, R_IVA, 0x999000 | 0x40);
	vt_set64(&vtd, R_IOTLB, BIT(63) | UINT64_C(3) << 60 | (uint64_t)VTD_DOMAIN << 32);
	assert_int_equal(vt_output(&vtd, PAGE), 0x204000);
	vt_stop(&vtd);
}

/* What the entries on the way allowed counts as it was when they were kept (6.2.5). */
static void a_kept_entry_brings_its_rights(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	warm(&vtd);
	vt_store(
	    &vtd, vt_entry_at(&vtd, PAGE, 3), vt_load(&vtd, vt_entry_at(&vtd, PAGE, 3)) & ~UINT64_C(2));
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, PAGE), 0);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, PAGE), 5);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, PAGE), 0);
	/* and the other way round: a right given above is not seen either */
	vt_store(&vtd, vt_entry_at(&vtd, PAGE, 3), vt_load(&vtd, vt_entry_at(&vtd, PAGE, 3)) | 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, BESIDE), 5);
	vt_stop(&vtd);
}

/* Where rights are judged at each level, a kept entry denies as the entry itself would have. */
static void a_kept_entry_denies_before_what_is_below_is_read(void **state)
{
	const struct vtd_setup each = { .choices = { .rights_at_each_level = true } };
	uint64_t entry_at;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &each);
	vt_map(&vtd, PAGE, 0x104000, 3);
	entry_at = vt_entry_at(&vtd, PAGE, 3);
	vt_store(&vtd, entry_at, vt_load(&vtd, entry_at) & ~UINT64_C(2));
	vt_store(&vtd, vt_entry_at(&vtd, 0x400000, 2), VTD_RAM | 3); /* a table where no memory is */
	assert_int_equal(vt_output(&vtd, PAGE), 0x104000);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x400000), 7);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x400000), 5);
	vt_stop(&vtd);
}

static void entries_that_point_nowhere_are_not_kept(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	warm(&vtd);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x40000000), 6); /* no table at level 2 */
	vt_map(&vtd, 0x40000000, 0x300000, 3);
	assert_int_equal(vt_output(&vtd, 0x40000000), 0x300000);
	vt_store(&vtd, vt_entry_at(&vtd, 0x80000000, 2), BIT(62) | 3); /* a reserved bit */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x80000000), 0xc);
	vt_store(&vtd, vt_entry_at(&vtd, 0x80000000, 2), 0);
	vt_map(&vtd, 0x80000000, 0x400000, 3);
	assert_int_equal(vt_output(&vtd, 0x80000000), 0x400000);
	vt_stop(&vtd);
}

/* Entries go by domain, whoever's request brought them; another domain has its own. */
static void devices_of_one_domain_share_them_and_other_domains_do_not(void **state)
{
	const struct vtd_setup by_source = { .settings = { .match = IOMMUSIM_MATCH_SOURCE } };
	struct iommusim_requester *same, *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &by_source);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &same), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0312, &other), IOMMUSIM_OK);
	vt_set_context(&vtd, 0x0311, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_set_context(&vtd, 0x0312, vtd.page_table | 1, (uint64_t)(VTD_DOMAIN + 1) << 8 | 2);
	warm(&vtd);
	replace_table(&vtd, 2);
	assert_int_equal(vt_access(same, IOMMUSIM_DMA_READ, PAGE, 8).physical, 0x104000);
	assert_int_equal(vt_access(other, IOMMUSIM_DMA_READ, PAGE, 8).physical, 0x204000);
	vt_stop(&vtd);
}

static void what_a_kept_entry_led_to_is_said(void **state)
{
	struct iommusim_dma_page page;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, PAGE, 0x104000, 3);
	vt_map(&vtd, BESIDE, 0x105000, 3);
	page = vt_access(vtd.device, IOMMUSIM_DMA_READ, BESIDE, 8);
	assert_false(page.through_cache);
	vt_invalidate_context(&vtd, 1, 0, 0, 0); /* leaves the tables alone */
	page = vt_access(vtd.device, IOMMUSIM_DMA_READ, PAGE, 8);
	assert_true(page.through_cache);
	assert_false(page.cached);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0); /* leaves the context alone */
	page = vt_access(vtd.device, IOMMUSIM_DMA_READ, PAGE, 8);
	assert_true(page.through_cache);
	vt_invalidate_context(&vtd, 1, 0, 0, 0);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	page = vt_access(vtd.device, IOMMUSIM_DMA_READ, PAGE, 8);
	assert_false(page.through_cache);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_replaced_at_any_level_is_seen_after_an_invalidation),
		cmocka_unit_test(an_entry_of_each_level_is_kept),
		cmocka_unit_test(nothing_is_kept_without_a_cache),
		cmocka_unit_test(invalidations_reach_what_covers_their_pages),
		cmocka_unit_test(the_hint_spares_them),
		cmocka_unit_test(the_hint_spares_the_way_to_the_page_itself),
		cmocka_unit_test(a_coarser_invalidation_spares_nothing),
		cmocka_unit_test(a_kept_entry_brings_its_rights),
		cmocka_unit_test(a_kept_entry_denies_before_what_is_below_is_read),
		cmocka_unit_test(entries_that_point_nowhere_are_not_kept),
		cmocka_unit_test(devices_of_one_domain_share_them_and_other_domains_do_not),
		cmocka_unit_test(what_a_kept_entry_led_to_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
