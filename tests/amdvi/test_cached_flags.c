/*
 * Dirty flags and the IOTLB (AMD-Vi 2.2.3, 2.2.7, 2.2.9): a write whose flag is yet to be set goes to the tables, any
 * other may be answered. Flags without caches: test_translation_caches.c.
 */
#include "cache_scene.h"

/* A write of a page that is known to be clean goes to the tables, and sets the flag; the next need not. */
static void a_write_of_a_clean_cached_page_sets_the_dirty_flag(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A);
	assert_false(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A | D);
	/* by whoever filled it: they are entries of their own */
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	am_stop(&scene.amd);
}

/* The same of guest tables that requests without PASID go by. What a device keeps itself may not hide it either. */
static void a_write_of_a_clean_guest_page_sets_the_dirty_flag(void **state)
{
	struct scene scene;

	(void)state;
	start_guest(&scene, NULL, 0, false);
	scene.dte[0] |= GIOV;
	set_dte(&scene);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), A);
	assert_false(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), A | D);
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	am_stop(&scene.amd);
}

/* HAD 1: nothing is to be set, and a write is answered as a read is. */
static void without_dirty_flags_a_write_is_answered_from_the_cache(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned had = 0; had < 2; had++) {
		start_host(&scene, had);
		assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		assert_int_equal(host_entry(&scene, 0x5000) & (A | D), had == 0 ? 0 : A);
		am_stop(&scene.amd);
	}
}

/* A page that was dirty when it was found is known to be: its flag is not missed. */
static void a_page_found_dirty_is_known_to_be(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | D);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	am_stop(&scene.amd);
}

/* Nested: one flag in guest tables, one in host tables; either that lacks takes the tables. */
static void either_dirty_flag_that_lacks_is_set(void **state)
{
	(void)state;
	for (unsigned dirty = 0; dirty < 4; dirty++) {
		const bool guest = (dirty & 1) != 0, host = (dirty & 2) != 0;
		struct scene scene;

		start_guest(&scene, NULL, 3, true);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US | (guest ? D : 0));
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x40000, 1),
		    HOST_PAGE | 0x9000 | (host ? D : 0));
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), guest ? A | D : A);
		assert_int_equal(host_entry(&scene, 0x40000) & (A | D), host ? A | D : A);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached, guest && host);
		assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), A | D);
		assert_int_equal(host_entry(&scene, 0x40000) & (A | D), A | D);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		am_stop(&scene.amd);
	}
}

/*
 * Flags that are not kept need not be waited for, whatever the entry has there: the host's without HAD, the guest's
 * with CONTROL.GDUpdateDis.
 */
static void a_dirty_flag_that_is_not_kept_does_not_lack(void **state)
{
	static const struct {
		uint64_t control;
		uint64_t guest, host; /* dirty flags there are */
		unsigned had;
		bool cached;
	} cases[] = {
		{ 0, D, 0, 0, true },
		{ 0, D, 0, 1, true },
		{ 0, D, 0, 3, false },
		{ 0, 0, D, 0, false },
		{ BIT(48), 0, D, 3, true },
		{ BIT(48), 0, 0, 3, false },
		{ BIT(48), 0, 0, 0, true },
	};
	const struct amd_setup setup = { .efr_set = F_V2HDDIS };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene scene;

		start_guest(&scene, &setup, cases[i].had, true);
		am_control(&scene.amd, cases[i].control, 0);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US | cases[i].guest);
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x40000, 1),
		    HOST_PAGE | 0x9000 | cases[i].host);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached, cases[i].cached);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		am_stop(&scene.amd);
	}
}

/* Setting a flag in a guest table is a write of the page that table is in (AMD-Vi 2.2.7): HAD, in host tables. */
static void a_flag_in_a_guest_table_dirties_its_page(void **state)
{
	(void)state;
	for (unsigned had = 0; had <= 3; had += had == 1 ? 2 : 1) {
		struct scene scene;

		start_guest(&scene, NULL, had, true);
		am_map(&scene.amd, 0x40000, 0x9000, 3);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
		for (unsigned level = 0; level < 4; level++)
			assert_int_equal(host_entry(&scene, scene.guest[level]) & (A | D),
			    had == 0       ? 0
				: had == 1 ? A
					   : A | D);
		/* no flag is set any more, and no page of a table is written */
		for (unsigned level = 0; level < 4; level++)
			am_map(&scene.amd, scene.guest[level], scene.guest[level], 1);
		am_invalidate_all(&scene.amd);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
		for (unsigned level = 0; level < 4; level++)
			assert_int_equal(
			    host_entry(&scene, scene.guest[level]) & (A | D), had == 0 ? 0 : A);
		am_stop(&scene.amd);
	}
}

/* A translation request that gets no write right leaves a clean page clean, and the cache may answer. */
static void a_translation_request_without_write_is_answered_from_the_cache(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	assert_false(translate(scene.amd.device, 0x5000, true).cached);
	assert_true(translate(scene.other, 0x5000, true).cached);
	scene.dte[0] &= ~BIT(62); /* IW of its own entry */
	am_set_dte(&scene.amd, OTHER_RID, scene.dte);
	am_invalidate_device(&scene.amd, OTHER_RID);
	assert_true(translate(scene.other, 0x5000, false).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A);
	assert_false(translate(scene.amd.device, 0x5000, false).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A | D);
	am_map(&scene.amd, 0x6000, 0xa000, 1); /* a page without write right stays clean as well */
	assert_false(translate(scene.amd.device, 0x6000, false).cached);
	assert_true(translate(scene.amd.device, 0x6000, false).cached);
	assert_int_equal(host_entry(&scene, 0x6000) & (A | D), A);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_of_a_clean_cached_page_sets_the_dirty_flag),
		cmocka_unit_test(a_write_of_a_clean_guest_page_sets_the_dirty_flag),
		cmocka_unit_test(without_dirty_flags_a_write_is_answered_from_the_cache),
		cmocka_unit_test(a_page_found_dirty_is_known_to_be),
		cmocka_unit_test(either_dirty_flag_that_lacks_is_set),
		cmocka_unit_test(a_dirty_flag_that_is_not_kept_does_not_lack),
		cmocka_unit_test(a_flag_in_a_guest_table_dirties_its_page),
		cmocka_unit_test(a_translation_request_without_write_is_answered_from_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
