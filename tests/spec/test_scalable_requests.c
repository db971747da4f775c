/*
 * The columns of Table 30 (VT-d 7.1.3) in scalable mode: what untranslated, translation and translated
 * requests, with PASID and without, are told when a structure before the paging entries stands in their
 * way, and what of it is recorded. How each condition is reached: test_scalable_tables.c.
 */
#include "scalable_scene.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool asks(enum scene_column column)
{
	return column == SCENE_TRANSLATION || column == SCENE_TRANSLATION_PASID;
}

static bool is_translated(enum scene_column column)
{
	return column == SCENE_TRANSLATED || column == SCENE_TRANSLATED_PASID;
}

/* Nothing stands in the way: a translation with both rights, or the request goes through. */
static void expect_served(struct scene *scene, enum scene_column column)
{
	const struct iommusim_dma_outcome outcome = scene_ask(scene);
	const struct iommusim_dma_page *page = &outcome.page;

	if (page->faulted)
		fail_msg("column %d: reason %Xh", (int)column, page->fault.reason);
	assert_int_equal(page->fault.class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(page->answered, asks(column));
	assert_int_equal(page->granted, asks(column) ? 3 : 0);
	assert_int_equal(page->physical, is_translated(column) ? SCENE_INPUT : SCENE_OUTPUT);
	assert_int_equal(outcome.bytes_moved, asks(column) ? 0 : 8);
	scene_expect_silence(scene);
}

static void expect_refused(struct scene *scene, unsigned reason, bool aborts, bool hidden)
{
	const struct iommusim_dma_outcome outcome = scene_ask(scene);
	const struct iommusim_dma_page *page = &outcome.page;
	enum iommusim_completion completion =
	    aborts ? IOMMUSIM_COMPLETION_COMPLETER_ABORT : IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST;

	if (scene->kind == IOMMUSIM_DMA_WRITE)
		completion = IOMMUSIM_COMPLETION_POSTED;
	assert_true(page->faulted);
	assert_false(page->answered);
	if (page->fault.reason != reason || page->fault.aborts != aborts)
		fail_msg("reason %Xh, aborts %d, not %Xh, %d", page->fault.reason, page->fault.aborts,
		    reason, aborts);
	assert_int_equal(outcome.completion, completion);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(page->fault.suppressed, hidden);
	assert_int_equal(page->fault.recorded, !hidden);
	if (hidden)
		scene_expect_silence(scene);
	else
		scene_expect_recorded(scene, reason);
}

/* Success with R=W=U=S=0: no fault. */
static void expect_nothing_granted(struct scene *scene)
{
	const struct iommusim_dma_outcome outcome = scene_ask(scene);
	const struct iommusim_dma_page *page = &outcome.page;

	assert_true(page->answered);
	assert_false(page->faulted);
	assert_int_equal(page->fault.class_, IOMMUSIM_FAULT_NONE);
	assert_false(page->fault.recorded);
	assert_int_equal(page->granted, 0);
	assert_false(page->untranslated_only);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	scene_expect_silence(scene);
}

static bool in_pasid_structures(const struct scene_condition *condition)
{
	return condition->code >= 0x50 && condition->code < 0x60;
}

/* One cell of the table, of what a request and its repetition are told. */
static void expect_cell(
    struct scene *scene, const struct scene_condition *condition, enum scene_column column, bool hidden)
{
	const char cell = condition->columns[column];

	for (unsigned again = 0; again < 2; again++) {
		if (cell == 'S')
			expect_nothing_granted(scene);
		else
			expect_refused(scene, condition->code, cell == 'C', hidden);
	}
	if (asks(column) || (scene->flags & SM_EXECUTE) != 0)
		return; /* these are reads */
	scene->kind = IOMMUSIM_DMA_WRITE;
	expect_refused(scene, condition->code, cell == 'C', hidden);
	scene->kind = IOMMUSIM_DMA_ATOMIC;
	expect_refused(scene, condition->code, cell == 'C', hidden);
}

static void check_cell(const struct scene_condition *condition, enum scene_column column,
    enum scene_caches caches, bool fpd)
{
	struct scene scene;

	scene_start_with(&scene, caches);
	scene_choose(&scene, column);
	if (caches == SCENE_NO_CACHE)
		expect_served(&scene, column);
	if (is_translated(column) && in_pasid_structures(condition))
		scene_enable_host_permissions(&scene);
	condition->make(&scene);
	if (fpd)
		scene_disable_faults(&scene, SCENE_FPD_CONTEXT);
	expect_cell(&scene, condition, column, fpd && condition->qualified);
	scene_stop(&scene);
}

/* Those of `condition` in the columns from `first` on to `last`. */
static void check_cells(
    const struct scene_condition *condition, enum scene_column first, enum scene_column last)
{
	for (unsigned column = first; column <= (unsigned)last; column++) {
		for (unsigned way = 0; way < 6 && condition->columns[column] != '.'; way++)
			check_cell(condition, (enum scene_column)column, (enum scene_caches)(way / 2),
			    way % 2 != 0);
	}
}

static void each_kind_of_request_is_told_what_table_30_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++) {
		const struct scene_condition *condition = &scene_conditions[i];

		check_cells(condition, SCENE_UNTRANSLATED, SCENE_TRANSLATION_PASID);
		if (!in_pasid_structures(condition))
			check_cells(condition, SCENE_TRANSLATED, SCENE_TRANSLATED_PASID);
	}
}

/* 4.2.4, 4.2.5: with HPTE they need the PASID-table entry, which says where the permissions are. */
static void translated_requests_under_host_permissions_are_told_what_table_30_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++)
		if (in_pasid_structures(&scene_conditions[i]))
			check_cells(&scene_conditions[i], SCENE_TRANSLATED, SCENE_TRANSLATED_PASID);
}

static const struct scene_condition *condition_of(unsigned code)
{
	for (size_t i = 0; i < SCENE_CONDITIONS; i++)
		if (scene_conditions[i].code == code)
			return &scene_conditions[i];
	fail();
	return NULL;
}

/* Where the table says NA the condition is none; another one may be. */
static void conditions_do_not_concern_requests_without_an_entry_in_their_column(void **state)
{
	static const struct {
		uint8_t code, instead[SCENE_COLUMNS]; /* ffh: the column has an entry */
	} rows[] = {
		{ 0x44, { 0, 0, 0xff, 0xff, 0xff, 0xff } },
		{ 0x45, { 0, 0xff, 0, 0xff, 0, 0x49 } },
		{ 0x49, { 0, 0, 0, 0, 0, 0xff } },
		{ 0x5d, { 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned column = 0; column < SCENE_COLUMNS; column++) {
			struct scene scene;

			if (rows[i].instead[column] == 0xff)
				continue;
			scene_start(&scene);
			scene_choose(&scene, (enum scene_column)column);
			condition_of(rows[i].code)->make(&scene);
			if (rows[i].instead[column] == 0)
				expect_served(&scene, (enum scene_column)column);
			else
				expect_refused(&scene, rows[i].instead[column], false, false);
			scene_stop(&scene);
		}
	}
}

/*
 * A good request first, in one of the columns of `warm`; then one that is denied for what it is, or for
 * what only it needs. What caches keep of the first is no answer to the second.
 */
static void expect_denied_when_warm(
    const struct scene_condition *condition, enum scene_column warm, enum scene_column then)
{
	struct scene scene;
	uint32_t pasid;
	unsigned flags;

	scene_start_with(&scene, SCENE_CACHES);
	scene_choose(&scene, then);
	condition->make(&scene);
	pasid = scene.pasid;
	flags = scene.flags;
	scene_choose(&scene, warm);
	expect_served(&scene, warm);
	expect_served(&scene, warm);
	scene.pasid = pasid;
	scene.flags = flags;
	expect_cell(&scene, condition, then, false);
	scene_stop(&scene);
}

static void cached_translations_serve_no_request_that_is_denied(void **state)
{
	static const struct {
		uint8_t code, warm; /* bits: columns */
	} rows[] = {
		{ 0x44, 0x3 },
		{ 0x45, 0x1 },
		{ 0x46, 0xf },
		{ 0x48, 0xf },
		{ 0x49, 0x1f },
		{ 0x5c, 0xf },
		{ 0x5d, 0xa },
		{ 0x89, 0xf },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct scene_condition *condition = condition_of(rows[i].code);

		for (unsigned warm = 0; warm < SCENE_COLUMNS; warm++)
			for (unsigned then = 0; then < SCENE_COLUMNS; then++)
				if ((rows[i].warm >> warm & 1) != 0 &&
				    condition->columns[then] != '.' &&
				    (rows[i].code != 0x5d || then % 2 != 0))
					expect_denied_when_warm(condition, (enum scene_column)warm,
					    (enum scene_column)then);
	}
}

/* SCT.4.3 is NA where SCT.6 is not: with PASIDE=0 it is denied for that, whatever EPTR says. */
static void a_pasid_without_paside_is_reason_45_even_if_eptr_contradicts(void **state)
{
	(void)state;
	for (unsigned ask = 0; ask < 2; ask++) {
		struct scene scene;

		scene_start(&scene);
		scene_choose(&scene, ask != 0 ? SCENE_TRANSLATION_PASID : SCENE_UNTRANSLATED_PASID);
		scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), SM_PASIDE, SM_EPTR);
		expect_refused(&scene, 0x45, false, false);
		scene_stop(&scene);
	}
}

/* 4.2.5: without HPTE nothing after the context entry concerns a translated request. */
static void translated_requests_need_no_pasid_structures(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++) {
		for (unsigned column = SCENE_TRANSLATED; column < SCENE_COLUMNS; column++) {
			struct scene scene;

			if (!in_pasid_structures(&scene_conditions[i]))
				continue;
			scene_start(&scene);
			scene_choose(&scene, (enum scene_column)column);
			scene_conditions[i].make(&scene);
			expect_served(&scene, (enum scene_column)column);
			scene_stop(&scene);
		}
	}
}

/* 4.2.1, 4.2.5: blocked before anything of this, and no fault of remapping. */
static void translated_requests_with_pasid_need_ecap_ptrs(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned mode = 0; mode < 2; mode++) {
		struct iommusim_dma_page page;

		sm_start_uncached(&sm, &(struct vtd_setup){ .cap_set = CAP_ESRTPS });
		sm_pass_through(&sm, SM_PASID, SM_DOMAIN);
		sm_pass_through(&sm, SM_NO_PASID, SM_DOMAIN);
		if (mode != 0)
			vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, SCENE_INPUT, 8, SM_PASID, SM_TRANSLATED);
		assert_true(page.faulted && !page.fault.aborts);
		assert_int_equal(page.fault.reason, 0);
		assert_int_equal(vt_records(&sm.vtd), 0);
		assert_int_equal(
		    sm_reason(&sm, IOMMUSIM_DMA_READ, SCENE_INPUT, SM_NO_PASID, SM_TRANSLATED),
		    mode != 0 ? 0x41 : 0);
		sm_stop(&sm);
	}
}

/* ---- execution ------------------------------------------------------------------------------- */

/* A unit of a version, with PTRS; everything passes through. */
static void start_version(struct scene *scene, uint32_t version, uint64_t ecap_set)
{
	struct scalable *sm = &scene->sm;

	memset(scene, 0, sizeof(*scene));
	sm_start_uncached(
	    sm, &(struct vtd_setup){ .version = version, .ecap_set = ecap_set | ECAP_PTRS });
	sm_second_stage(sm, SM_NO_PASID, SM_DOMAIN);
	sm_second_stage(sm, SM_PASID, SM_DOMAIN);
	sm_map_second(sm, sm->second, 4, SCENE_INPUT, SCENE_OUTPUT, 3, 1);
	scene_edit(scene, sm_context_at(sm, VTD_RID), 0, SM_EPTR);
	scene->address = SCENE_INPUT;
}

/* SPT.5, up to version 7; qualified. Units with ERS serve them. */
static void requests_for_execution_are_reason_5c_on_older_units(void **state)
{
	static const uint32_t versions[] = { 0x10, 0x50, 0x7f };

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		for (unsigned column = 1; column < SCENE_COLUMNS; column += 2) {
			struct scene scene;

			start_version(&scene, versions[i], 0);
			scene_choose(&scene, (enum scene_column)column);
			expect_served(&scene, (enum scene_column)column);
			scene.flags |= SM_EXECUTE;
			if (column == SCENE_UNTRANSLATED_PASID)
				expect_refused(&scene, 0x5c, false, false);
			else if (column == SCENE_TRANSLATION_PASID)
				expect_nothing_granted(&scene);
			else
				expect_served(&scene, (enum scene_column)column);
			scene_disable_faults(&scene, SCENE_FPD_CONTEXT);
			if (column == SCENE_UNTRANSLATED_PASID)
				expect_refused(&scene, 0x5c, false, true);
			scene_stop(&scene);
			start_version(&scene, versions[i], ECAP_ERS);
			scene_choose(&scene, (enum scene_column)column);
			scene.flags |= SM_EXECUTE;
			expect_served(&scene, (enum scene_column)column);
			scene_stop(&scene);
		}
	}
}

/* RTA.5, from version 8 on; not qualified. */
static void requests_for_execution_are_reason_34_on_newer_units(void **state)
{
	static const uint32_t versions[] = { 0x80, 0x90 };

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		for (unsigned column = 1; column < SCENE_COLUMNS; column += 2) {
			struct scene scene;

			start_version(&scene, versions[i], 0);
			scene_choose(&scene, (enum scene_column)column);
			expect_served(&scene, (enum scene_column)column);
			scene.flags |= SM_EXECUTE;
			expect_refused(&scene, 0x34, false, false);
			scene_disable_faults(
			    &scene, SCENE_FPD_CONTEXT | SCENE_FPD_DIRECTORY | SCENE_FPD_TABLE);
			expect_refused(&scene, 0x34, false, false);
			scene_stop(&scene);
		}
	}
}

/* ---- privilege in answers -------------------------------------------------------------------- */

/* 4.2.3: PRIV is 1 for translation requests with PASID and PR=1, and 0 for all others. */
static void answers_tell_whose_rights_they_are(void **state)
{
	static const struct {
		enum scene_column column;
		bool supervisor, rid_priv, sre, privileged;
	} rows[] = {
		{ SCENE_TRANSLATION, false, false, true, false },
		{ SCENE_TRANSLATION, false, true, true, false },
		{ SCENE_TRANSLATION, false, true, false, false },
		{ SCENE_TRANSLATION_PASID, false, false, true, false },
		{ SCENE_TRANSLATION_PASID, false, true, false, false },
		{ SCENE_TRANSLATION_PASID, true, false, true, true },
		{ SCENE_TRANSLATION_PASID, true, false, false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct iommusim_dma_page page;
		struct scene scene;
		bool blocked;

		scene_start(&scene);
		scene_choose(&scene, rows[i].column);
		if (rows[i].supervisor)
			scene.flags |= SM_PRIVILEGED;
		if (rows[i].rid_priv)
			scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID) + 8, 0, BIT(20));
		if (!rows[i].sre)
			scene_edit(&scene, sm_entry_at(&scene.sm, scene.pasid) + 16, SM_SRE, 0);
		blocked = !rows[i].sre &&
		    (rows[i].column == SCENE_TRANSLATION ? rows[i].rid_priv : rows[i].supervisor);
		page = scene_ask(&scene).page;
		assert_true(page.answered);
		assert_int_equal(page.granted, blocked ? 0 : 3);
		assert_int_equal(page.privileged, rows[i].privileged);
		scene_expect_silence(&scene);
		scene_stop(&scene);
	}
}

/* 3.1, 9.4: both come with the PASID. A request without one is privileged by RID_PRIV, or not at all. */
static void without_a_pasid_there_is_neither_privilege_nor_execution(void **state)
{
	const unsigned flags = SM_PRIVILEGED | SM_EXECUTE;
	struct iommusim_dma_page page;
	struct scene scene;
	uint64_t record[2];

	(void)state;
	scene_start(&scene);
	scene_edit(&scene, sm_entry_at(&scene.sm, SM_NO_PASID) + 16, SM_SRE, 0);
	assert_int_equal(sm_reason(&scene.sm, IOMMUSIM_DMA_READ, SCENE_INPUT, SM_NO_PASID, flags), 0);
	page = sm_access(
	    &scene.sm, IOMMUSIM_DMA_READ, SCENE_INPUT, 8, SM_NO_PASID, flags | SM_TRANSLATION_REQUEST);
	assert_int_equal(page.granted, 3);
	assert_false(page.privileged);
	vt_store(&scene.sm.vtd, sm_context_at(&scene.sm, VTD_RID), 0);
	sm_reason(&scene.sm, IOMMUSIM_DMA_READ, SCENE_INPUT, SM_NO_PASID, flags);
	vt_record(&scene.sm.vtd, 0, record);
	assert_int_equal(record[1], UINT64_C(0xc000004100000310));
	scene_stop(&scene);
}

/* ---- special conditions ---------------------------------------------------------------------- */

/* S.1, S.2: without PASID interrupts may be written to, untranslated; NW counts on units with NWFS. */
static void the_interrupt_range_is_answered_to_requests_without_pasid(void **state)
{
	static const uint64_t addresses[] = { 0xfee00000, 0xfee12000, 0xfeeff000 };
	struct scene scene;

	(void)state;
	scene_start(&scene);
	scene_choose(&scene, SCENE_TRANSLATION);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct iommusim_dma_page page;

		scene.address = addresses[i];
		scene.flags = SM_TRANSLATION_REQUEST;
		page = scene_ask(&scene).page;
		assert_true(page.answered && page.untranslated_only);
		assert_int_equal(page.granted, 2);
		assert_false(page.privileged);
		scene.flags = SM_TRANSLATION_REQUEST | SM_NO_WRITE;
		expect_nothing_granted(&scene);
	}
	scene_stop(&scene);
}

static void the_no_write_flag_is_ignored_on_units_without_nwfs(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, NULL);
	sm_pass_through(&sm, SM_NO_PASID, SM_DOMAIN);
	page = sm_access(
	    &sm, IOMMUSIM_DMA_READ, 0xfee00000, 8, SM_NO_PASID, SM_TRANSLATION_REQUEST | SM_NO_WRITE);
	assert_true(page.answered && page.untranslated_only);
	assert_int_equal(page.granted, 2);
	sm_stop(&sm);
}

/* 4.2.3: that answer is for requests that meet no error condition. */
static void the_interrupt_range_is_not_answered_to_devices_that_may_not_ask(void **state)
{
	static const uint8_t codes[] = { 0x30, 0x33, 0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44 };

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		const struct scene_condition *condition = condition_of(codes[i]);
		struct scene scene;

		scene_start(&scene);
		scene_choose(&scene, SCENE_TRANSLATION);
		condition->make(&scene);
		scene.address = 0xfee00000;
		expect_refused(
		    &scene, condition->code, condition->columns[SCENE_TRANSLATION] == 'C', false);
		scene_stop(&scene);
	}
}

/* 3.15: with a PASID it is an address like any other. */
static void the_interrupt_range_is_translated_for_requests_with_pasid(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	sm_map_second(&scene.sm, scene.sm.second, 4, 0xfee00000, SCENE_OUTPUT, 3, 1);
	scene.address = 0xfee00000;
	scene_choose(&scene, SCENE_UNTRANSLATED_PASID);
	expect_served(&scene, SCENE_UNTRANSLATED_PASID);
	scene_choose(&scene, SCENE_TRANSLATION_PASID);
	expect_served(&scene, SCENE_TRANSLATION_PASID);
	scene_stop(&scene);
}

/* 3.1, 4.2.1: while translation is off PASIDs are ignored, and nobody answers typed requests. */
static void while_translation_is_off_only_untranslated_requests_go_through(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	vt_command(&scene.sm.vtd, G_TE, false);
	for (unsigned column = 0; column < SCENE_COLUMNS; column++) {
		struct iommusim_dma_outcome outcome;

		scene_choose(&scene, (enum scene_column)column);
		outcome = scene_ask(&scene);
		assert_int_equal(outcome.page.faulted, column > SCENE_UNTRANSLATED_PASID);
		if (!outcome.page.faulted)
			assert_int_equal(outcome.page.physical, SCENE_INPUT);
		else
			assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
		scene_expect_silence(&scene);
	}
	scene_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_request_is_told_what_table_30_says),
		cmocka_unit_test(
		    translated_requests_under_host_permissions_are_told_what_table_30_says),
		cmocka_unit_test(conditions_do_not_concern_requests_without_an_entry_in_their_column),
		cmocka_unit_test(cached_translations_serve_no_request_that_is_denied),
		cmocka_unit_test(a_pasid_without_paside_is_reason_45_even_if_eptr_contradicts),
		cmocka_unit_test(translated_requests_need_no_pasid_structures),
		cmocka_unit_test(translated_requests_with_pasid_need_ecap_ptrs),
		cmocka_unit_test(requests_for_execution_are_reason_5c_on_older_units),
		cmocka_unit_test(requests_for_execution_are_reason_34_on_newer_units),
		cmocka_unit_test(answers_tell_whose_rights_they_are),
		cmocka_unit_test(without_a_pasid_there_is_neither_privilege_nor_execution),
		cmocka_unit_test(the_interrupt_range_is_answered_to_requests_without_pasid),
		cmocka_unit_test(the_no_write_flag_is_ignored_on_units_without_nwfs),
		cmocka_unit_test(the_interrupt_range_is_not_answered_to_devices_that_may_not_ask),
		cmocka_unit_test(the_interrupt_range_is_translated_for_requests_with_pasid),
		cmocka_unit_test(while_translation_is_off_only_untranslated_requests_go_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
