/*
 * What an answer out of the IOTLB holds (AMD-Vi 2.2.9): rights, execution, the bits of a translation answer, an
 * absence. How long it stays: test_translation_caches.c; whom it is for: test_cached_spaces.c.
 */
#include "cache_scene.h"

static void a_cached_page_says_whose_it_is_and_who_filled_it(void **state)
{
	struct iommusim_dma_page first, second;
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	first = ask(scene.amd.device, &(struct iommusim_dma_request){ .address = 0x5010, .tag = 77 });
	second = ask(scene.other, &(struct iommusim_dma_request){ .address = 0x5029, .tag = 78 });
	assert_false(first.cached);
	assert_int_equal(first.cached_tag, 0);
	assert_true(second.cached);
	assert_int_equal(second.cached_tag, 77);
	assert_int_equal(second.domain, AMD_DOMAIN);
	assert_int_equal(second.physical, 0x9029);
	assert_int_equal(second.page_shift, 12);
	assert_int_equal(second.entry, HOST_PAGE | 0x9000);
	assert_true(second.translated);
	am_stop(&scene.amd);
}

static struct iommusim_dma_page translate_as(
    struct iommusim_requester *device, bool nested, unsigned rights)
{
	return ask(device,
	    &(struct iommusim_dma_request){ .address = 0x5000,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.no_write = rights == 1,
		.has_pasid = nested,
		.pasid = nested ? 5 : 0 });
}

/* FC and U of a host page are in the answer to a translation request, whichever way it came; dirty or not. */
static void expect_bits_of_answers(uint64_t bits, bool nested, unsigned rights)
{
	struct scene scene;

	start_guest(&scene, NULL, 0, true);
	map_guest(&scene, 0x5000, 0x5000 | P | RW | US);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | bits);
	for (unsigned i = 0; i < 2; i++) {
		const struct iommusim_dma_page page =
		    translate_as(i == 0 ? scene.amd.device : scene.other, nested, rights);

		assert_true(page.answered);
		assert_int_equal(page.cached, i != 0);
		assert_int_equal(page.granted, rights);
		assert_int_equal(page.physical, 0x9000);
		assert_int_equal(page.non_snooped, (bits & FC) != 0);
		assert_int_equal(page.untranslated_only, (bits & U) != 0);
	}
	am_stop(&scene.amd);
}

static void fc_and_u_of_a_cached_page(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 8; bits++)
		for (unsigned nested = 0; nested < 2; nested++) {
			const uint64_t of_page =
			    (bits & 1 ? FC : 0) | (bits & 2 ? U : 0) | (bits & 4 ? D : 0);

			expect_bits_of_answers(of_page, nested != 0, 3);
			expect_bits_of_answers(of_page, nested != 0, 1);
		}
}

/* The rights of a cached page, less what the device's own entry, or No Write, takes. */
static void rights_of_a_cached_page(void **state)
{
	(void)state;
	for (unsigned rights = 1; rights <= 3; rights++) {
		struct scene scene;

		start_host(&scene, 0);
		am_map(&scene.amd, 0x5000, 0x9000, rights);
		assert_int_equal(translate(scene.amd.device, 0x5000, false).granted, rights);
		assert_int_equal(translate(scene.other, 0x5000, false).granted, rights);
		assert_true(translate(scene.other, 0x5000, false).cached);
		assert_int_equal(translate(scene.other, 0x5000, true).granted, rights & 1);
		for (unsigned kind = 0; kind < 2; kind++) {
			const struct iommusim_dma_page page =
			    access_as(scene.other, NO_PASID, (enum iommusim_dma_kind)kind, 0x5000);

			assert_true(page.cached);
			assert_int_equal(page.faulted, (rights & (kind == 0 ? 1 : 2)) == 0);
			if (page.faulted)
				assert_string_equal(
				    page.fault.meaning, "IR or IW is missing in the host page tables");
		}
		am_stop(&scene.amd);
	}
}

/* XD of a cached page: what is read may not be run; of another, both. */
static void execution_of_a_cached_page(void **state)
{
	struct iommusim_dma_page page;
	uint64_t event[2];
	struct scene scene;

	(void)state;
	start_guest(&scene, NULL, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US | XD);
	map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
	for (uint64_t address = 0x5000; address <= 0x6000; address += 0x1000) {
		const struct iommusim_dma_request run = {
			.address = address, .has_pasid = true, .pasid = 5, .execute = true
		};

		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, address).faulted);
		page = ask(scene.amd.device, &run);
		assert_true(page.cached);
		assert_int_equal(page.faulted, address == 0x5000);
	}
	am_only_event(&scene.amd, event); /* GN NX US PR PE */
	assert_int_equal(
	    event[0], UINT64_C(2) << 60 | UINT64_C(0x57) << 48 | UINT64_C(5) << 32 | AMD_RID);
	assert_int_equal(event[1], 0x5000);
	/* that it may not be run says nothing of its dirty flag */
	assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	/* what was denied to run was found all the same, or not: nothing wrong is kept of it */
	map_guest(&scene, 0x7000, 0xb000 | P | RW | US | XD);
	page = ask(scene.amd.device,
	    &(struct iommusim_dma_request){
		.address = 0x7000, .has_pasid = true, .pasid = 5, .execute = true });
	assert_true(page.faulted);
	assert_int_equal(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x7000).physical, 0xb000);
	am_stop(&scene.amd);
}

/* NpCache: there is no page in the answer, and the event is the first one's. */
static void a_kept_absence_is_no_page(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x1d0b000f };
	struct iommusim_dma_page page[2];
	struct scene scene;

	(void)state;
	start(&scene, &setup, 0);
	page[0] = access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x7018);
	page[1] = access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x7018);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t event[2];

		am_take_event(&scene.amd, event);
		assert_int_equal(event[0],
		    UINT64_C(2) << 60 | (uint64_t)AMD_DOMAIN << 32 | (i == 0 ? AMD_RID : OTHER_RID));
		assert_int_equal(event[1], 0x7018);
		assert_int_equal(page[i].cached, i != 0);
		assert_true(page[i].faulted);
		assert_int_equal(page[i].fault.class_, IOMMUSIM_FAULT_NOT_PRESENT);
		assert_int_equal(page[i].physical, 0);
		assert_int_equal(page[i].page_shift, 0);
		assert_int_equal(page[i].domain, AMD_DOMAIN);
	}
	page[1] = translate(scene.other, 0x7ff0, false); /* of all of the page */
	assert_true(page[1].cached);
	assert_true(page[1].answered);
	assert_int_equal(page[1].granted, 0);
	assert_false(page[1].faulted);
	am_stop(&scene.amd);
}

/* Only that there is no page is kept: not what is wrong with one, and nothing of guest tables. */
static void no_other_denial_is_kept(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x1d0b000f };
	struct scene scene;

	(void)state;
	start_guest(&scene, &setup, 0, false);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
	assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	am_stop(&scene.amd);

	start(&scene, &setup, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | BIT(52));
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).faulted);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0xa000);
	assert_int_equal(am_output(&scene.amd, 0x5000), 0xa000);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cached_page_says_whose_it_is_and_who_filled_it),
		cmocka_unit_test(fc_and_u_of_a_cached_page),
		cmocka_unit_test(rights_of_a_cached_page),
		cmocka_unit_test(execution_of_a_cached_page),
		cmocka_unit_test(a_kept_absence_is_no_page),
		cmocka_unit_test(no_other_denial_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
