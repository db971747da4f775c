/*
 * Protected memory regions (VT-d 11.4.8): what PMEN blocks, on which units, and that nobody is told.
 * The registers themselves are tested in test_optional_registers.c.
 */
#include "vtd_fixture.h"

#define CAP_PLMR BIT(5)
#define CAP_PHMR BIT(6)

enum { R_PMEN = 0x64, R_PLMBASE = 0x68, R_PLMLIMIT = 0x6c, R_PHMBASE = 0x70, R_PHMLIMIT = 0x78 };

#define PMEN_ON  0x80000000u
#define PMEN_PRS 1u

static const struct vtd_setup both = { .cap_set = CAP_PLMR | CAP_PHMR };

/* Low region 8 to 10 MiB, high region 16 to 20 MiB: PHM may lie below 4 GiB too (11.4.8.4). */
static void protect(struct vtd_fixture *vtd)
{
	vt_set32(vtd, R_PLMBASE, 0x00800000);
	vt_set32(vtd, R_PLMLIMIT, 0x00800000);
	vt_set64(vtd, R_PHMBASE, 0x01000000);
	vt_set64(vtd, R_PHMLIMIT, 0x01200000);
	vt_set32(vtd, R_PMEN, PMEN_ON);
}

static void assert_blocked(struct vtd_fixture *vtd, uint64_t address)
{
	const struct iommusim_dma_page page = vt_access(vtd->device, IOMMUSIM_DMA_WRITE, address, 8);

	assert_true(page.faulted);
	assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_ABORT);
	assert_non_null(page.fault.meaning);
	assert_false(page.fault.recorded);
	assert_int_equal(vt_get32(vtd, R_FSTS), 0);
	assert_int_equal(vt_records(vtd), 0);
}

static void assert_passes(struct vtd_fixture *vtd, uint64_t address)
{
	assert_false(vt_access(vtd->device, IOMMUSIM_DMA_WRITE, address, 8).faulted);
}

static bool byte_passes(struct vtd_fixture *vtd, uint64_t address)
{
	return !vt_access(vtd->device, IOMMUSIM_DMA_WRITE, address, 1).faulted;
}

static void the_regions_end_where_the_registers_say(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &both);
	protect(&vtd);
	assert_int_equal(vt_get32(&vtd, R_PMEN), PMEN_ON | PMEN_PRS);
	assert_passes(&vtd, 0x7ffff8);
	assert_blocked(&vtd, 0x800000);
	assert_blocked(&vtd, 0x9ffff8);
	assert_false(byte_passes(&vtd, 0x9fffff));
	assert_passes(&vtd, 0xa00000);
	assert_passes(&vtd, 0xfffff8);
	assert_blocked(&vtd, 0x1000000);
	assert_blocked(&vtd, 0x13ffff8);
	assert_false(byte_passes(&vtd, 0x13fffff));
	assert_passes(&vtd, 0x1400000);
	vt_set32(&vtd, R_PMEN, 0);
	assert_int_equal(vt_get32(&vtd, R_PMEN), 0);
	assert_passes(&vtd, 0x800000);
	vt_stop(&vtd);
}

static void a_limit_below_the_base_protects_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &both);
	vt_set32(&vtd, R_PLMBASE, 0x00a00000);
	vt_set32(&vtd, R_PLMLIMIT, 0x00800000);
	vt_set64(&vtd, R_PHMBASE, 0x01200000);
	vt_set64(&vtd, R_PHMLIMIT, 0x01000000);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	for (uint64_t address = 0x600000; address < 0x1600000; address += 0x200000)
		assert_passes(&vtd, address);
	vt_stop(&vtd);
}

/* Both regions reset to base and limit 0: that is a region of one alignment step at 0 (11.4.8.3). */
static void equal_base_and_limit_protect_one_step(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .cap_set = CAP_PLMR });
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_blocked(&vtd, 0);
	assert_blocked(&vtd, 0x1ffff8);
	assert_passes(&vtd, 0x200000);
	vt_stop(&vtd);
}

static void remapped_and_pass_through_dma_is_blocked_by_its_output(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &both);
	vt_map(&vtd, 0x4000, 0x800000, 3);
	vt_map(&vtd, 0x800000, 0x5000, 3);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x800000); /* the IOTLB has it now */
	protect(&vtd);
	assert_blocked(&vtd, 0x4000);
	assert_blocked(&vtd, 0x4000); /* nor is it kept anywhere that it may be reached */
	assert_passes(&vtd, 0x800000);
	vt_set_context(&vtd, VTD_RID, 1 | 2 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_invalidate_context(&vtd, 1, 0, 0, 0);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_blocked(&vtd, 0x800000);
	assert_passes(&vtd, 0x4000);
	vt_stop(&vtd);
}

static void old_units_spare_remapped_dma(void **state)
{
	const struct vtd_setup old = { .cap_set = CAP_PLMR | CAP_PHMR,
		.choices = { .protection_spares_remapped = true } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &old);
	protect(&vtd);
	assert_blocked(&vtd, 0x800000); /* translation is off */
	vt_map(&vtd, 0x4000, 0x800000, 3);
	vt_latch_root(&vtd, vtd.root_table);
	vt_command(&vtd, G_TE, true);
	assert_passes(&vtd, 0x4000);
	vt_set_context(&vtd, VTD_RID, 1 | 2 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
	vt_invalidate_context(&vtd, 1, 0, 0, 0);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_blocked(&vtd, 0x800000); /* pass-through is not remapped */
	vt_stop(&vtd);
}

static void tables_in_protected_memory_are_walked(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &both);
	vt_map(&vtd, 0x4000, 0x5000, 3);
	vt_set32(&vtd, R_PLMBASE, VTD_TABLES);
	vt_set32(&vtd, R_PLMLIMIT, VTD_TABLES);
	vt_set64(&vtd, R_PHMBASE, 0x200000); /* nothing */
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x5000);
	vt_stop(&vtd);
}

static void without_a_region_the_enable_is_read_only(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_int_equal(vt_get32(&vtd, R_PMEN), 0);
	assert_passes(&vtd, 0);
	vt_stop(&vtd);
	vt_start(&vtd, &(struct vtd_setup){ .cap_set = CAP_PHMR }); /* either one is enough */
	vt_set64(&vtd, R_PHMBASE, 0x800000);
	vt_set64(&vtd, R_PHMLIMIT, 0x800000);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_int_equal(vt_get32(&vtd, R_PMEN), PMEN_ON | PMEN_PRS);
	assert_passes(&vtd, 0); /* there is no low region */
	assert_true(byte_passes(&vtd, 1));
	assert_blocked(&vtd, 0x800000);
	vt_stop(&vtd);
}

static void a_region_the_unit_lacks_protects_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .cap_set = CAP_PLMR });
	vt_set32(&vtd, R_PLMBASE, 0x00800000);
	vt_set32(&vtd, R_PLMLIMIT, 0x00800000);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_blocked(&vtd, 0x800000);
	assert_passes(&vtd, 0); /* where a high region of base and limit 0 would be */
	assert_true(byte_passes(&vtd, 1));
	vt_stop(&vtd);
}

/* Software leaves the regions alone while PRS is set (VT-d 11.4.8.2 ff.); the model takes none anew. */
static void regions_change_only_when_protection_goes_on(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &both);
	protect(&vtd);
	vt_set32(&vtd, R_PLMBASE, 0x00c00000);
	vt_set32(&vtd, R_PLMLIMIT, 0x00c00000);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_blocked(&vtd, 0x800000);
	assert_passes(&vtd, 0xc00000);
	vt_set32(&vtd, R_PMEN, 0);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_passes(&vtd, 0x800000);
	assert_blocked(&vtd, 0xc00000);
	vt_stop(&vtd);
}

static void the_status_follows_after_the_units_latency(void **state)
{
	const struct vtd_setup slow = { .cap_set = CAP_PLMR, .settings = { .latency = 3 } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	vt_set32(&vtd, R_PMEN, PMEN_ON);
	assert_int_equal(vt_get32(&vtd, R_PMEN), PMEN_ON);
	assert_passes(&vtd, 0);
	for (unsigned i = 0; i < 4; i++)
		vt_get32(&vtd, R_VER);
	assert_int_equal(vt_get32(&vtd, R_PMEN), PMEN_ON | PMEN_PRS);
	assert_blocked(&vtd, 0);
	iommusim_unit_reset(vtd.unit, true);
	assert_int_equal(vt_get32(&vtd, R_PMEN), 0);
	assert_passes(&vtd, 0);
	vt_stop(&vtd);
}

/* A translation request reaches no memory: it is answered, and what comes of the answer is blocked. */
static void translation_requests_are_answered_all_the_same(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x4000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST
	};
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned mapped = 0; mapped < 2; mapped++) {
		vt_start_enabled(&vtd, &both);
		vt_set_context(&vtd, VTD_RID, vtd.page_table | 5, (uint64_t)VTD_DOMAIN << 8 | 2);
		if (mapped != 0)
			vt_map(&vtd, 0x4000, 0x800000, 3);
		protect(&vtd);
		vt_set32(&vtd, R_PMEN, 0);
		vt_set32(&vtd, R_PLMBASE, 0); /* an answer without a page names address 0 */
		vt_set32(&vtd, R_PMEN, PMEN_ON);
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_true(outcome.page.answered && !outcome.page.faulted);
		assert_int_equal(outcome.page.granted, mapped == 0 ? 0 : 3);
		assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
		assert_true(walk.result.answered && !walk.result.faulted);
		if (mapped != 0)
			assert_blocked(&vtd, 0x4000);
		vt_stop(&vtd);
	}
}

static void a_walk_says_what_blocked_it(void **state)
{
	struct iommusim_dma_request request = { .address = 0x800000, .length = 8 };
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &both);
	protect(&vtd);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.result.faulted);
	assert_int_equal(walk.result.fault.class_, IOMMUSIM_FAULT_ABORT);
	assert_non_null(strstr(walk.clause, "11.4.8.1"));
	assert_non_null(strstr(walk.reason, "PLMBASE"));
	request.address = 0x1000000;
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_non_null(strstr(walk.reason, "PHMBASE"));
	request.address = 0x600000;
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_false(walk.result.faulted);
	assert_null(walk.clause);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_regions_end_where_the_registers_say),
		cmocka_unit_test(a_limit_below_the_base_protects_nothing),
		cmocka_unit_test(equal_base_and_limit_protect_one_step),
		cmocka_unit_test(remapped_and_pass_through_dma_is_blocked_by_its_output),
		cmocka_unit_test(old_units_spare_remapped_dma),
		cmocka_unit_test(tables_in_protected_memory_are_walked),
		cmocka_unit_test(without_a_region_the_enable_is_read_only),
		cmocka_unit_test(a_region_the_unit_lacks_protects_nothing),
		cmocka_unit_test(regions_change_only_when_protection_goes_on),
		cmocka_unit_test(the_status_follows_after_the_units_latency),
		cmocka_unit_test(translation_requests_are_answered_all_the_same),
		cmocka_unit_test(a_walk_says_what_blocked_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
