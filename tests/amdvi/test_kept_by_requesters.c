/*
 * What a requester keeps for itself of an AMD-Vi unit's answers: what the unit's caches would keep, and what they
 * would say again. It is no part of AMD-Vi, and nothing but speed may come of it.
 */
#include "cache_scene.h"

static uint64_t kept_hits(const struct iommusim_requester *device)
{
	struct iommusim_requester_counters counters;

	iommusim_requester_counters(device, &counters);
	return counters.private_hits;
}

/* Is the second of two equal requests answered without the unit? */
static bool keeps(struct scene *scene, uint32_t pasid, enum iommusim_dma_kind kind, uint64_t address)
{
	uint64_t before;

	access_as(scene->amd.device, pasid, kind, address);
	before = kept_hits(scene->amd.device);
	access_as(scene->amd.device, pasid, kind, address);
	return kept_hits(scene->amd.device) != before;
}

static void pages_of_tables_are_kept(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000));
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x6000)); /* there is none */
	am_map(&scene.amd, 0x7000, 0x9000, 1);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x7000));
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_WRITE, 0x7000));
	am_map(&scene.amd, 0x8000, 0x9000, 2);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_WRITE, 0x8000));
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x8000));
	am_stop(&scene.amd);
}

/* The rights of the device's own entry are taken away from what the tables allow. */
static void rights_of_the_device_are_kept_with_it(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	scene.dte[0] &= ~BIT(62);
	set_dte(&scene);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000));
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
	am_stop(&scene.amd);
}

/* The write that makes it dirty replaces what the unit keeps, and nobody tells the requester. */
static void a_clean_page_is_not_kept(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A | D);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000));
	am_stop(&scene.amd);
}

/* One that is dirty already is kept with both rights, from the unit's cache as from tables: host and guest. */
static void a_dirty_page_is_kept_to_be_written(void **state)
{
	(void)state;
	for (unsigned guest = 0; guest < 2; guest++) {
		struct scene scene;
		uint64_t before;

		if (guest == 0) {
			start_host(&scene, 3);
			am_store(
			    &scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | D);
		} else {
			start_guest(&scene, NULL, 0, false);
			scene.dte[0] |= GIOV;
			set_dte(&scene);
			map_guest(&scene, 0x5000, 0x9000 | P | RW | US | D);
		}
		access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
		access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
		assert_int_equal(kept_hits(scene.other), 0); /* that was the unit's */
		before = kept_hits(scene.amd.device);
		access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000);
		access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000);
		assert_int_equal(kept_hits(scene.amd.device), before + 1);
		assert_int_equal(kept_hits(scene.other), 1);
		am_stop(&scene.amd);
	}
}

/* Mode 0 is a translation too; V=0, the exclusion range, and what is asked for with a PASID are not kept. */
static void what_no_space_decides_is_not_kept(void **state)
{
	struct scene scene;

	(void)state;
	start_guest(&scene, NULL, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US | A | D);         /* clean ones are not kept */
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000)); /* no GIoV: Mode 0 */
	assert_false(keeps(&scene, 5, IOMMUSIM_DMA_READ, 0x5000));
	scene.dte[0] |= GIOV;
	set_dte(&scene);
	am_invalidate_device(&scene.amd, AMD_RID);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	scene.dte[0] &= ~UINT64_C(1);
	set_dte(&scene);
	am_invalidate_device(&scene.amd, AMD_RID);
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	am_stop(&scene.amd);

	start_host(&scene, 0);
	am_set64(&scene.amd, A_EXCL_LIMIT, 0x5000);
	am_set64(&scene.amd, A_EXCL_BASE, 0x5000 | 3); /* ExEn, Allow */
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0x5000);
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	am_stop(&scene.amd);
}

/* A unit whose cache forgets by itself, or has none, is asked every time. */
static void only_a_unit_that_keeps_everything_is_not_asked(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 4; policy++) {
		const struct amd_setup setup = {
			.settings.cache = (enum iommusim_cache_policy)policy,
		};
		struct scene scene;

		start(&scene, &setup, 0);
		am_map(&scene.amd, 0x5000, 0x9000, 3);
		assert_int_equal(
		    keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000), policy == IOMMUSIM_CACHE_HOARD);
		am_stop(&scene.amd);
	}
}

static bool may_reach(void *context, uint64_t physical, uint16_t rid, bool write)
{
	unsigned *asked = context;

	(void)physical;
	(void)rid;
	(void)write;
	++*asked;
	return true;
}

/* SNP: whose the page is now is asked for every request; also of one that was kept before. */
static void with_snp_nothing_is_kept(void **state)
{
	const struct amd_setup setup = { .efr_set = F_SNP };
	unsigned asked = 0;
	const struct iommusim_amdvi_page_states states = { .context = &asked, .allowed = may_reach };
	struct scene scene;

	(void)state;
	start(&scene, &setup, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	assert_true(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	assert_int_equal(iommusim_amdvi_set_page_states(scene.amd.unit, &states), IOMMUSIM_OK);
	assert_false(keeps(&scene, NO_PASID, IOMMUSIM_DMA_READ, 0x5000));
	assert_int_equal(asked, 2);
	am_stop(&scene.amd);
}

/* DTE.IR and IW (2.2.2.1) hold where the root itself, of level 3, has the leaf: no table on the way to forbid it. */
static void rights_of_the_device_hold_for_leaves_of_the_root(void **state)
{
	(void)state;
	for (unsigned writes = 0; writes < 2; writes++) {
		const struct amd_setup setup = { .settings.cache = IOMMUSIM_CACHE_NONE };
		const enum iommusim_dma_kind may = writes ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
					     may_not = writes ? IOMMUSIM_DMA_READ : IOMMUSIM_DMA_WRITE;
		struct amd_fixture amd;
		uint64_t dte[4], root;

		am_start_enabled(&amd, &setup);
		root = am_page(&amd);
		am_store(&amd, root, HOST_PAGE); /* 1 GiB at 0 */
		am_plain_dte(&amd, dte);
		dte[0] = 3 | 3 << 9 | root | (writes ? BIT(62) : BIT(61));
		am_set_dte(&amd, AMD_RID, dte);
		for (unsigned n = 0; n < 12; n++)
			assert_false(am_access(amd.device, may, 0x9000, 8).faulted);
		for (unsigned n = 0; n < 3; n++)
			assert_true(am_access(amd.device, may_not, 0x9000, 8).faulted);
		am_stop(&amd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_tables_are_kept),
		cmocka_unit_test(rights_of_the_device_are_kept_with_it),
		cmocka_unit_test(a_clean_page_is_not_kept),
		cmocka_unit_test(a_dirty_page_is_kept_to_be_written),
		cmocka_unit_test(what_no_space_decides_is_not_kept),
		cmocka_unit_test(only_a_unit_that_keeps_everything_is_not_asked),
		cmocka_unit_test(with_snp_nothing_is_kept),
		cmocka_unit_test(rights_of_the_device_hold_for_leaves_of_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
