/*
 * CONTROL.Coherent (AMD-Vi 3.4) and DTE.SD (2.2.2.1): whether the unit reads the device table and page tables as
 * processors see them, or as memory holds them, past what is not written back yet. Commands: test_command_buffer.c.
 */
#include "cache_scene.h"

#define SD BIT(102 - 64)

/* Not flushed: only processors see it. */
static void store_unflushed(struct scene *scene, uint64_t address, uint64_t value)
{
	assert_int_equal(
	    iommusim_memory_write(scene->amd.machine, address, &value, sizeof(value)), IOMMUSIM_OK);
}

/* Nested tables of PASID 5: 5000h is at 9000h, by 40000h of the host. */
static void start_unflushed(struct scene *scene, bool coherent, bool snoop_disable)
{
	const struct amd_setup setup = { .device_view = true, .settings.cache = IOMMUSIM_CACHE_NONE };

	start_guest(scene, &setup, 0, true);
	am_map(&scene->amd, 0x40000, 0x9000, 3);
	map_guest(scene, 0x5000, 0x40000 | P | RW | US | A | D);
	scene->dte[1] |= snoop_disable ? SD : 0;
	set_dte(scene);
	am_control(&scene->amd, coherent ? C_COHERENT : 0, coherent ? 0 : C_COHERENT);
}

/* An entry that is cleared but not flushed. */
static void expect_seen(struct scene *scene, uint64_t at, bool snooped)
{
	const uint64_t entry = am_load(&scene->amd, at);
	struct iommusim_dma_page page;

	assert_false(access_as(scene->amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	store_unflushed(scene, at, 0);
	page = access_as(scene->amd.device, 5, IOMMUSIM_DMA_READ, 0x5000);
	assert_int_equal(page.faulted, snooped);
	if (!snooped)
		assert_int_equal(page.physical, 0x9000);
	am_store(&scene->amd, at, entry);
	am_drain_events(&scene->amd);
}

/* Host tables, the GCR3 table and guest tables; Coherent is not asked. */
static void page_tables_are_read_coherently_unless_the_entry_says_no(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const bool disabled = i % 2 != 0;
		struct scene scene;

		start_unflushed(&scene, i / 2 != 0, disabled);
		for (unsigned level = 1; level <= 4; level++)
			expect_seen(&scene, am_entry_at(&scene.amd, 0x40000, level), !disabled);
		expect_seen(&scene, scene.gcr3 + 5 * UINT64_C(8), !disabled);
		expect_seen(&scene, scene.guest[0] + 5 * UINT64_C(8), !disabled);
		for (unsigned level = 2; level <= 4; level++)
			expect_seen(&scene, scene.guest[level - 1], !disabled);
		am_stop(&scene.amd);
	}
}

static void the_device_table_is_read_coherently_if_control_says_so(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const bool coherent = i / 2 != 0;
		struct scene scene;

		start_unflushed(&scene, coherent, i % 2 != 0);
		assert_int_equal(am_load(&scene.amd, am_dte_at(&scene.amd, AMD_RID)), scene.dte[0]);
		/* V=0 would let it pass; without TV it faults */
		store_unflushed(&scene, am_dte_at(&scene.amd, AMD_RID), 1);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted, coherent);
		am_stop(&scene.amd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_tables_are_read_coherently_unless_the_entry_says_no),
		cmocka_unit_test(the_device_table_is_read_coherently_if_control_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
