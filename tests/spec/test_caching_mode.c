/*
 * Caching mode (CAP.CM=1, VT-d 6.1, 6.2.2, 6.2.4.1): entries that are not present, or that fault, may be
 * kept, so that every change needs an invalidation. Context entries that fault belong to domain 0,
 * translations to their own domain. With CM=0 none of this is kept: test_caches.c.
 */
#include "vtd_fixture.h"

static const struct vtd_setup caching = { .cap_set = CAP_CM };

static void a_page_mapped_after_its_fault_needs_an_invalidation_in_its_own_domain(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 5);
	vt_invalidate_iotlb(&vtd, 3, 0, 0x4000, 0); /* not domain 0 */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, 0); /* not another page */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x4000, 0);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	vt_stop(&vtd);
}

static void a_fault_is_kept_for_its_page_alone(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_map(&vtd, 0x5000, 0x105000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x105000);
	vt_stop(&vtd);
}

static void faulting_entries_keep_their_reason(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), BIT(62) | 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0xc);
	vt_store(&vtd, vt_entry_at(&vtd, 0x200000, 2), VTD_RAM | 3); /* a table where no memory is */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x200000), 7);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_store(&vtd, vt_entry_at(&vtd, 0x200000, 2), 0);
	vt_map(&vtd, 0x200000, 0x106000, 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 0xc);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x200000), 7);
	vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	assert_int_equal(vt_output(&vtd, 0x200000), 0x106000);
	vt_stop(&vtd);
}

/* The table appears where no memory was: only the kept fault can still deny. */
static void a_table_that_could_not_be_read_stays_so(void **state)
{
	const uint64_t leaf = 0x106003;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	vt_store(&vtd, vt_entry_at(&vtd, 0x200000, 2), VTD_RAM | 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x200000), 7);
	assert_int_equal(
	    iommusim_memory_add(vtd.machine, VTD_RAM, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_write(vtd.machine, VTD_RAM, &leaf, 8), IOMMUSIM_OK);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x200000), 7);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x200000, 0);
	assert_int_equal(vt_output(&vtd, 0x200000), 0x106000);
	vt_stop(&vtd);
}

/* It says of the page what the walk said: none was found, whatever is missing. */
static void a_kept_fault_has_no_page(void **state)
{
	static const uint64_t entries[] = { 0, 0x104000 | BIT(62), UINT64_C(0x8000000104000) | 3 };
	static const unsigned reasons[] = { 6, 6, 0xc };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct vtd_fixture vtd;

		vt_start_enabled(&vtd, &caching);
		vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), entries[i]);
		for (unsigned kept = 0; kept < 2; kept++) {
			const struct iommusim_dma_page page =
			    vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x4010, 8);

			assert_int_equal(page.fault.reason, reasons[i]);
			assert_int_equal(page.cached, kept);
			assert_int_equal(page.page_shift, 0);
			assert_int_equal(page.physical, 0);
		}
		vt_stop(&vtd);
	}
}

/* Under hoard a fill of one device answers the others of its domain, and a kept fault is a fill. */
static void a_kept_fault_answers_other_devices_of_the_domain(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	vt_set_context(&vtd, 0x0311, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(vt_access(other, IOMMUSIM_DMA_READ, 0x4000, 8).fault.reason, 6);
	vt_stop(&vtd);
}

/* A context that is in the cache stays under its domain, whatever becomes of a later walk. */
static void a_cached_context_keeps_its_domain(void **state)
{
	const uint64_t far = BIT(39);
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &caching);
	assert_int_equal(
	    iommusim_memory_add(vtd.machine, VTD_RAM, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	vtd.page_table = VTD_RAM;
	vt_set_context(&vtd, VTD_RID, VTD_RAM | 1, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_latch_root(&vtd, vtd.root_table);
	vt_command(&vtd, G_TE, true);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	assert_int_equal(iommusim_memory_remove(vtd.machine, VTD_RAM), IOMMUSIM_OK);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, far), 3);
	vtd.page_table = vt_page(&vtd);
	vt_map(&vtd, far, 0x106000, 3);
	vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_invalidate_context(&vtd, 2, VTD_DOMAIN, 0, 0);
	vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
	assert_int_equal(vt_output(&vtd, far), 0x106000);
	vt_stop(&vtd);
}

/* A page that is there but lacks the right: the walk found it, and it is not a not-present entry. */
static void a_missing_right_is_not_remembered(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	vt_map(&vtd, 0x4000, 0x104000, 1);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 5);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	vt_stop(&vtd);
}

static void assert_context_fault_is_kept(uint64_t low, uint64_t high, unsigned reason)
{
	struct vtd_fixture vtd;

	vt_start_enabled(&vtd, &caching);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_set_context(&vtd, VTD_RID, low, high);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), reason);
	vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), reason);
	vt_invalidate_context(&vtd, 2, VTD_DOMAIN, 0, 0); /* it is tagged 0, whatever it says */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), reason);
	vt_invalidate_context(&vtd, 3, 0, VTD_RID, 0);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	vt_stop(&vtd);
}

static void context_entries_that_fault_belong_to_domain_0(void **state)
{
	const uint64_t domain = (uint64_t)VTD_DOMAIN << 8;

	(void)state;
	assert_context_fault_is_kept(0, 0, 2); /* not present */
	assert_context_fault_is_kept(0x2003000, domain | 2, 2);
	assert_context_fault_is_kept(0x2003011, domain | 2, 0xb); /* a reserved bit */
	assert_context_fault_is_kept(0x200300d, domain | 2, 3);   /* TT=11b */
	assert_context_fault_is_kept(0x2003001, domain | 4, 3);   /* AW=4 */
}

static void a_kept_context_goes_on_hiding_its_faults(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	vt_set_context(&vtd, VTD_RID, 2, 0); /* not present, FPD */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 2);
	vt_set_context(&vtd, VTD_RID, 0, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 2);
	assert_int_equal(vt_records(&vtd), 0);
	vt_invalidate_context(&vtd, 1, 0, 0, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 2);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

/* Root entries are in no cache of this architecture (6.2). */
static void root_entries_are_read_anew(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &caching);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_store(&vtd, vt_root_at(&vtd), 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 1);
	vt_store(&vtd, vt_root_at(&vtd), vtd.context_table | 1);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_mapped_after_its_fault_needs_an_invalidation_in_its_own_domain),
		cmocka_unit_test(a_fault_is_kept_for_its_page_alone),
		cmocka_unit_test(faulting_entries_keep_their_reason),
		cmocka_unit_test(a_table_that_could_not_be_read_stays_so),
		cmocka_unit_test(a_kept_fault_has_no_page),
		cmocka_unit_test(a_kept_fault_answers_other_devices_of_the_domain),
		cmocka_unit_test(a_cached_context_keeps_its_domain),
		cmocka_unit_test(a_missing_right_is_not_remembered),
		cmocka_unit_test(context_entries_that_fault_belong_to_domain_0),
		cmocka_unit_test(a_kept_context_goes_on_hiding_its_faults),
		cmocka_unit_test(root_entries_are_read_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
