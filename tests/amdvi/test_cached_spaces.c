/*
 * Whose requests a cached translation, or a cached table, answers (AMD-Vi 2.2.9): domain, PASID, privilege, guest and
 * host. What the answer holds: test_cached_answers.c.
 */
#include "cache_scene.h"

/* What a supervisor may reach is no answer for a user, nor the other way round: rights were judged for one. */
static void users_and_supervisors_do_not_share(void **state)
{
	struct iommusim_dma_page page;
	struct scene scene;

	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };

		start_guest(&scene, &setup, 0, false);
		map_guest(&scene, 0x5000, 0x9000 | P | RW); /* US=0 */
		page = access_privileged(scene.amd.device, 5, 0x5000);
		assert_false(page.faulted || page.cached);
		assert_true(access_privileged(scene.amd.device, 5, 0x5000).cached);
		page = access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000);
		assert_true(page.faulted && !page.cached);
		map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x6000).cached);
		page = access_privileged(scene.amd.device, 5, 0x6000);
		assert_false(page.cached);
		assert_int_equal(page.physical, 0xa000);
		am_stop(&scene.amd);
	}
}

/* Privilege means something where there are guest tables alone. */
static void host_translations_know_no_privilege(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(
	    ask(scene.other, &(struct iommusim_dma_request){ .address = 0x5000, .privileged = true })
		.cached);
	am_stop(&scene.amd);
}

static void each_pasid_and_the_host_have_translations_of_their_own(void **state)
{
	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };
		struct scene scene;

		start_guest(&scene, &setup, 0, true);
		am_map(&scene.amd, 0x40000, 0x9000, 3);
		am_map(&scene.amd, 0x41000, 0xa000, 3);
		am_map(&scene.amd, 0x5000, 0xb000, 3);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
		map_guest(&scene, 0x5000, 0x41000 | P | RW | US);
		assert_int_equal(
		    access_as(scene.amd.device, 6, IOMMUSIM_DMA_READ, 0x5000).physical, 0xa000);
		assert_int_equal(
		    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
		assert_int_equal(
		    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
		/* devices share them, with PASID or without, unless the unit looks at who filled them */
		assert_int_equal(
		    access_as(scene.other, 5, IOMMUSIM_DMA_READ, 0x5000).cached, match != 1);
		am_stop(&scene.amd);
	}
}

/* Such a unit tells requests without PASID from those with PASID 0, and answers each from what it filled. */
static void requests_of_one_device_are_told_apart(void **state)
{
	const struct amd_setup setup = { .settings.match = IOMMUSIM_MATCH_SOURCE };
	struct iommusim_dma_page page;
	struct scene scene;

	(void)state;
	start_guest(&scene, &setup, 0, true);
	am_map(&scene.amd, 0x40000, 0x9000, 3);
	am_map(&scene.amd, 0x5000, 0xb000, 3);
	am_map(&scene.amd, 0x6000, 0xc000, 3);
	map_guest(&scene, 0x5000, 0x40000 | P | RW | US | D);
	map_guest(&scene, 0x6000, 0x40000 | P | RW | US | D);
	assert_int_equal(translate(scene.amd.device, 0x5000, false).physical, 0xb000);
	assert_int_equal(access_as(scene.amd.device, 0, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
	page = translate(scene.amd.device, 0x5000, false);
	assert_true(page.cached);
	assert_int_equal(page.physical, 0xb000);
	page = access_as(scene.amd.device, 0, IOMMUSIM_DMA_READ, 0x5000);
	assert_true(page.cached);
	assert_int_equal(page.physical, 0x9000);
	for (unsigned guest = 0; guest < 2; guest++) { /* the tables as well */
		am_invalidate_device(&scene.amd, AMD_RID);
		page =
		    access_as(scene.amd.device, guest != 0 ? 0 : NO_PASID, IOMMUSIM_DMA_READ, 0x6000);
		assert_true(page.through_cache);
		assert_int_equal(page.physical, guest != 0 ? 0x9000 : 0xc000);
	}
	am_stop(&scene.amd);
}

/*
 * A unit that looks at who filled it still goes by the space: the device's entry may have got another domain, or
 * guest tables, with nothing but itself invalidated.
 */
static void another_domain_of_the_same_device_is_another_space(void **state)
{
	const struct amd_setup setup = { .settings.match = IOMMUSIM_MATCH_SOURCE };
	struct scene scene;

	(void)state;
	start_guest(&scene, &setup, 0, true);
	am_map(&scene.amd, 0x40000, 0x9000, 3);
	am_map(&scene.amd, 0x5000, 0xb000, 3);
	map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
	scene.dte[0] |= GIOV; /* requests without PASID go by guest tables now */
	am_set_dte(&scene.amd, AMD_RID, scene.dte);
	am_invalidate_device(&scene.amd, AMD_RID);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
	scene.dte[0] &= ~GIOV;
	scene.dte[1]++; /* the domain */
	am_set_dte(&scene.amd, AMD_RID, scene.dte);
	am_invalidate_device(&scene.amd, AMD_RID);
	am_map(&scene.amd, 0x5000, 0xc000, 3);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xc000);
	am_stop(&scene.amd);
}

/* ---- tables -------------------------------------------------------------------------------------------------- */

/* A guest table of level 1 beside the one there is; 5000h and 6000h are elsewhere in it. */
static uint64_t other_guest_table(struct scene *scene)
{
	const uint64_t table = am_page(&scene->amd);

	for (unsigned page = 5; page <= 6; page++)
		am_store(
		    &scene->amd, table + page * UINT64_C(8), (0xc000 + page * 0x1000) | P | RW | US);
	return table;
}

/* Cached tables serve users and supervisors of their PASID alike, and no other PASID. */
static void tables_serve_whoever_may_be_in_their_space(void **state)
{
	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };
		struct iommusim_dma_page page;
		struct scene scene;

		start_guest(&scene, &setup, 0, false);
		map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
		map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		am_store(&scene.amd, scene.guest[1], other_guest_table(&scene) | P | RW | US);
		page = access_as(scene.amd.device, 6, IOMMUSIM_DMA_READ, 0x6000);
		assert_int_equal(page.physical, 0x12000);
		am_invalidate_device(&scene.amd, AMD_RID); /* its entry is no part in what follows */
		page = access_privileged(scene.amd.device, 5, 0x6000);
		assert_int_equal(page.physical, 0xa000);
		assert_true(page.through_cache && !page.cached);
		page = access_as(scene.other, 5, IOMMUSIM_DMA_READ, 0x6000);
		assert_int_equal(page.physical, match == 1 ? 0x12000 : 0xa000);
		assert_int_equal(page.through_cache, match != 1);
		am_stop(&scene.amd);
	}
}

/*
 * The root of a PASID's tables is kept as well, whatever becomes of its GCR3 entry, and takes no right away; until
 * the PASID is invalidated with what leads to its pages (INVALIDATE_IOMMU_PAGES: GN, PDE).
 */
static void the_root_of_a_pasid_is_kept(void **state)
{
	static const struct {
		enum iommusim_dma_kind kind;
		bool execute, privileged;
	} requests[] = {
		{ IOMMUSIM_DMA_READ, false, false },
		{ IOMMUSIM_DMA_WRITE, false, false },
		{ IOMMUSIM_DMA_READ, true, false },
		{ IOMMUSIM_DMA_WRITE, false, true },
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct iommusim_dma_request request = { .address = 0x8000006000,
			.kind = requests[i].kind,
			.has_pasid = true,
			.pasid = 5,
			.execute = requests[i].execute,
			.privileged = requests[i].privileged };
		struct iommusim_dma_page page;
		struct scene scene;

		start_guest(&scene, NULL, 0, false);
		map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
		map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
		/* another entry of level 4 for the same tables */
		am_store(&scene.amd, scene.guest[3] + 8, scene.guest[2] | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
		am_store(&scene.amd, scene.gcr3 + 5 * UINT64_C(8), 0);
		am_invalidate_device(&scene.amd, AMD_RID);
		page = ask(scene.amd.device, &request);
		assert_false(page.faulted);
		assert_true(page.through_cache && !page.cached);
		assert_int_equal(page.physical, 0xa000);
		am_submit(&scene.amd, UINT64_C(3) << 60 | (uint64_t)AMD_DOMAIN << 32 | 5,
		    UINT64_C(0x7ffffffffffff000) | 7);
		am_wait(&scene.amd);
		assert_true(ask(scene.amd.device, &request).faulted);
		am_stop(&scene.amd);
	}
}

/* The same of host tables: by domain, unless the unit looks at who filled them. Each device's own domain. */
static void tables_belong_to_their_domain(void **state)
{
	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };
		struct iommusim_dma_page page;
		struct scene scene;
		uint64_t other;

		start(&scene, &setup, 0);
		am_map(&scene.amd, 0x5000, 0x9000, 3);
		am_map(&scene.amd, 0x6000, 0xa000, 3);
		assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
		other = am_page(&scene.amd); /* 6000h is elsewhere */
		am_store(&scene.amd, other + 6 * UINT64_C(8), HOST_PAGE | 0xb000);
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 2), HOST_PAGE | 1 << 9 | other);
		page = access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x6000);
		assert_int_equal(page.physical, match == 1 ? 0xb000 : 0xa000);
		assert_int_equal(page.through_cache, match != 1);
		scene.dte[1]++; /* the domain */
		set_dte(&scene);
		am_invalidate_device(&scene.amd, AMD_RID);
		page = access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x6000);
		assert_int_equal(page.physical, 0xb000);
		assert_false(page.through_cache);
		assert_int_equal(page.domain, AMD_DOMAIN + 1);
		am_stop(&scene.amd);
	}
}

/*
 * A request that faults leaves the tables it came by in the cache, unless their accessed flags would have to be
 * set first: entries are kept with these flags only.
 */
static void tables_of_a_fault_are_kept_where_there_are_no_flags(void **state)
{
	(void)state;
	for (unsigned had = 0; had <= 3; had += had == 1 ? 2 : 1) {
		struct iommusim_dma_page page;
		struct scene scene;
		uint64_t other;

		start_host(&scene, had);
		assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x6000).faulted);
		other = am_page(&scene.amd);
		am_store(&scene.amd, other + 5 * UINT64_C(8), HOST_PAGE | 0xb000);
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 2), HOST_PAGE | 1 << 9 | other);
		am_invalidate_device(&scene.amd, AMD_RID);
		page = access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
		assert_int_equal(page.physical, had == 0 ? 0x9000 : 0xb000);
		assert_int_equal(page.through_cache, had == 0);
		am_stop(&scene.amd);
	}
}

/* Guest tables always have accessed flags to set, but with CONTROL.GAUpdateDis: they are kept with a page only. */
static void guest_tables_of_a_fault_are_not_kept(void **state)
{
	struct iommusim_dma_page page;
	struct scene scene;

	(void)state;
	start_guest(&scene, NULL, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x7000).faulted);
	am_store(&scene.amd, scene.guest[1], other_guest_table(&scene) | P | RW | US);
	am_invalidate_device(&scene.amd, AMD_RID);
	page = access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000);
	assert_int_equal(page.physical, 0x11000);
	assert_false(page.through_cache);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_supervisors_do_not_share),
		cmocka_unit_test(host_translations_know_no_privilege),
		cmocka_unit_test(each_pasid_and_the_host_have_translations_of_their_own),
		cmocka_unit_test(requests_of_one_device_are_told_apart),
		cmocka_unit_test(another_domain_of_the_same_device_is_another_space),
		cmocka_unit_test(tables_serve_whoever_may_be_in_their_space),
		cmocka_unit_test(the_root_of_a_pasid_is_kept),
		cmocka_unit_test(tables_belong_to_their_domain),
		cmocka_unit_test(tables_of_a_fault_are_kept_where_there_are_no_flags),
		cmocka_unit_test(guest_tables_of_a_fault_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
