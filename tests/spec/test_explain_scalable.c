/*
 * iommusim_walk() in scalable mode: where root, context, PASID-directory and PASID-table entries lead, what
 * paging entries of both stages are called, and answers that no table is asked for. That a walk agrees with
 * DMA is proved with the subjects themselves.
 */
#include "scalable_fixture.h"

#define INPUT  UINT64_C(0x40604000) /* beneath another entry than 0 at levels 1 to 3 */
#define OUTPUT UINT64_C(0x80000000)

static struct iommusim_walk walk_of(
    struct iommusim_requester *device, const struct iommusim_dma_request *request)
{
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(device, request, &walk), IOMMUSIM_OK);
	return walk;
}

static struct iommusim_walk read_walk(struct iommusim_requester *device, uint32_t pasid)
{
	const struct iommusim_dma_request request = { .address = INPUT,
		.length = 8,
		.has_pasid = pasid != SM_NO_PASID,
		.pasid = pasid == SM_NO_PASID ? 0 : pasid };

	return walk_of(device, &request);
}

/* VT-d 9.2: the lower half of a root entry is for devices 0 to 15, the upper one for 16 to 31. */
static void a_walk_shows_the_way_to_the_pasid_table(void **state)
{
	static const char *const names[] = { "scalable-mode root entry", "scalable-mode context entry",
		"PASID directory entry", "PASID table entry" };
	static const char *const sections[] = { "9.2", "9.4", "9.5", "9.6" };
	struct scalable sm;

	(void)state;
	sm_start(&sm, NULL);
	sm_pass_through(&sm, SM_NO_PASID, SM_DOMAIN);
	for (unsigned upper = 0; upper < 2; upper++) {
		const uint64_t tables[] = { sm.root, upper ? sm.upper_context : sm.context,
			sm.directory, sm.table };
		const uint16_t rid = upper ? SM_UPPER_RID : VTD_RID;
		const uint64_t at[] = { sm_root_at(&sm, rid), sm_context_at(&sm, rid),
			sm_directory_at(&sm, SM_RID_PASID), sm_entry_at(&sm, SM_NO_PASID) };
		const struct iommusim_walk walk =
		    read_walk(upper ? sm.upper : sm.vtd.device, SM_NO_PASID);

		assert_int_equal(walk.step_count, 4);
		assert_string_equal(walk.mode, "pass-through");
		for (unsigned i = 0; i < 4; i++) {
			const struct iommusim_walk_step *step = &walk.steps[i];

			assert_string_equal(step->name, names[i]);
			assert_string_equal(step->section, sections[i]);
			assert_int_equal(step->table, tables[i]);
			/* a root entry has two halves: its address may be either's */
			assert_int_equal(step->address & ~UINT64_C(8), at[i] & ~UINT64_C(8));
			assert_true(step->readable && step->present);
			if (i < 3)
				assert_int_equal(step->next, tables[i + 1]);
		}
	}
	sm_stop(&sm);
}

/* VT-d 9.6: FSPTPTR for the first stage and nested, SSPTPTR for the second stage alone. */
static void a_pasid_table_entry_leads_to_the_first_table_that_is_walked(void **state)
{
	struct scalable sm;

	(void)state;
	sm_start(&sm, NULL);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	assert_int_equal(read_walk(sm.vtd.device, SM_PASID).steps[3].next, sm.first);
	sm_second_stage(&sm, SM_PASID, SM_DOMAIN);
	assert_int_equal(read_walk(sm.vtd.device, SM_PASID).steps[3].next, sm.second);
	sm_nested(&sm, SM_PASID, SM_DOMAIN, 4);
	assert_int_equal(read_walk(sm.vtd.device, SM_PASID).steps[3].next, sm.first);
	sm_stop(&sm);
}

/* VT-d Table 3 and 9.7: names of the entries, and what of a leaf is a field (ignored bits are none). */
static void first_stage_entries_have_the_names_of_their_levels(void **state)
{
	static const char *const names[] = { "FS-PML4E", "FS-PDPE", "FS-PDE", "FS-PTE" };
	static const char *const small[] = { "P", "RW", "US", "PWT", "PCD", "A", "D", "PAT", "EA",
		"ADDR" };
	static const char *const large[] = { "P", "RW", "US", "PWT", "PCD", "A", "D", "PS", "EA", "PAT",
		"ADDR" };
	struct scalable sm;

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		const struct iommusim_walk_step *last;
		struct iommusim_walk walk;

		sm_start(&sm, NULL);
		sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
		sm_map_first(&sm, sm.first, 4, INPUT & ~(BIT(3 + 9 * leaf) - 1), OUTPUT,
		    7 | UINT64_C(0xfff) << 52 | BIT(11) | BIT(9), leaf);
		walk = read_walk(sm.vtd.device, SM_PASID);
		assert_int_equal(walk.step_count, 4 + 5 - leaf);
		assert_string_equal(walk.mode, "first stage");
		for (unsigned i = 0; i < 5 - leaf; i++) {
			const struct iommusim_walk_step *step = &walk.steps[4 + i];

			assert_string_equal(step->name, names[i]);
			assert_string_equal(step->section, "9.7");
			assert_int_equal(step->stage, 1);
			assert_int_equal(step->level, 4 - i);
			assert_true(step->present);
			assert_int_equal(step->leaf, i == 4 - leaf);
		}
		last = &walk.steps[walk.step_count - 1];
		assert_int_equal(last->next, OUTPUT);
		assert_int_equal(last->field_count, leaf == 1 ? 10 : 11);
		for (unsigned i = 0; i < last->field_count; i++)
			assert_string_equal(last->fields[i].name, leaf == 1 ? small[i] : large[i]);
		sm_stop(&sm);
	}
}

/* The page of the first stage, with the offset of the request, is what the second stage translates. */
static void each_stage_shows_the_address_it_translates(void **state)
{
	const struct iommusim_dma_request request = {
		.address = INPUT | 0x123, .length = 1, .has_pasid = true, .pasid = SM_PASID
	};
	struct iommusim_walk walk;
	struct scalable sm;

	(void)state;
	sm_start(&sm, NULL);
	sm_nested(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 7, 1);
	sm_map_second(&sm, sm.second, 4, OUTPUT, OUTPUT + 0x3000, 3, 1);
	walk = walk_of(sm.vtd.device, &request);
	assert_string_equal(walk.mode, "nested");
	assert_int_equal(walk.step_count, 4 + 4 * 5 + 4);
	assert_int_equal(walk.result.physical, OUTPUT + 0x3123);
	for (unsigned i = 4; i < walk.step_count; i++)
		if (walk.steps[i].stage == 1)
			assert_int_equal(walk.steps[i].input, INPUT | 0x123);
	for (unsigned i = 24; i < 28; i++) {
		assert_int_equal(walk.steps[i].stage, 2);
		assert_int_equal(walk.steps[i].input, OUTPUT | 0x123);
	}
	sm_stop(&sm);
}

/* U/S 0: what a supervisor may do with the page is no right of a user. */
static void a_supervisors_page_gives_a_user_no_rights(void **state)
{
	struct iommusim_walk walk;
	struct scalable sm;

	(void)state;
	sm_start(&sm, NULL);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 3, 1);
	walk = read_walk(sm.vtd.device, SM_PASID);
	assert_true(walk.result.faulted);
	assert_string_equal(walk.clause, "VT-d 7.1.3 SGN.2");
	assert_false(walk.read_right || walk.write_right);
	sm_stop(&sm);
}

/* VT-d 4.2.3: interrupts are not translated, and one who does not want to write gets nothing there. */
static void a_translation_request_to_the_interrupt_range_may_write_at_most(void **state)
{
	struct scalable sm;

	(void)state;
	sm_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_NWFS });
	sm_pass_through(&sm, SM_NO_PASID, SM_DOMAIN);
	for (unsigned no_write = 0; no_write < 2; no_write++) {
		const struct iommusim_dma_request request = { .address = 0xfee00000,
			.length = 8,
			.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
			.no_write = no_write != 0 };
		const struct iommusim_walk walk = walk_of(sm.vtd.device, &request);

		assert_string_equal(walk.mode, "interrupt range");
		assert_true(walk.result.answered);
		assert_false(walk.read_right);
		assert_int_equal(walk.write_right, no_write == 0);
	}
	sm_stop(&sm);
}

/* VT-d 4.2.5: what a device says is translated goes through as it is, once its context entry is good. */
static void a_translated_request_passes_behind_its_context_entry(void **state)
{
	const struct iommusim_dma_request request = {
		.address = INPUT, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATED
	};
	struct iommusim_walk walk;
	struct scalable sm;

	(void)state;
	sm_start(&sm, NULL);
	sm_second_stage(&sm, SM_NO_PASID, SM_DOMAIN);
	walk = walk_of(sm.vtd.device, &request);
	assert_string_equal(walk.mode, "pass-through");
	assert_int_equal(walk.step_count, 2);
	assert_int_equal(walk.levels, 0);
	assert_int_equal(walk.result.physical, INPUT);
	assert_false(walk.result.faulted);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_shows_the_way_to_the_pasid_table),
		cmocka_unit_test(a_pasid_table_entry_leads_to_the_first_table_that_is_walked),
		cmocka_unit_test(first_stage_entries_have_the_names_of_their_levels),
		cmocka_unit_test(each_stage_shows_the_address_it_translates),
		cmocka_unit_test(a_supervisors_page_gives_a_user_no_rights),
		cmocka_unit_test(a_translation_request_to_the_interrupt_range_may_write_at_most),
		cmocka_unit_test(a_translated_request_passes_behind_its_context_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
