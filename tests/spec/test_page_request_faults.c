/*
 * The page request columns of Table 30 (VT-d 7.1.3): which conditions a request meets, which it does
 * not, what is recorded of them under which FPD, and which requests are responded Invalid Request
 * (Table 31). How each condition is reached: scalable_scene.c and test_scalable_tables.c.
 */
#include "page_queue.h"
#include "scalable_scene.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct iommusim_page_request request_of(const struct scene *scene)
{
	struct iommusim_page_request request = pq_request(scene->pasid);

	request.address = scene->address;
	request.privileged = (scene->flags & SM_PRIVILEGED) != 0;
	request.execute = (scene->flags & SM_EXECUTE) != 0;
	return request;
}

/*
 * 11.4.7.6: F 127; type {T1,T2} = 01b, T1 126, T2 92; FR 103:96; of a request with PASID PP 95, PV
 * 123:104 and PRIV 93. AT and EXE have no meaning for page requests. FI has the address up to the
 * widest AGAW, 57 bits.
 */
static void expect_recorded(
    struct vtd_fixture *vtd, const struct iommusim_page_request *request, unsigned reason)
{
	const unsigned first = vt_get32(vtd, R_FSTS) >> 8 & 0xff;
	uint64_t expected = UINT64_C(0x8000000010000000) | (uint64_t)reason << 32 | VTD_RID;
	uint64_t record[2];

	if (request->has_pasid)
		expected |= 0x80000000 | (uint64_t)request->pasid << 40 |
		    (request->privileged ? 0x20000000 : 0);
	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 2);
	assert_int_equal(vt_records(vtd), 1);
	vt_record(vtd, first, record);
	assert_int_equal(record[0], request->address & UINT64_C(0x01fffffffffff000));
	assert_int_equal(record[1], expected);
	vt_clear_record(vtd, first);
}

/* The queue and its registers are as they were: nothing in it, no event. */
static void expect_untouched(struct scalable *sm)
{
	pq_expect_status(sm, 0, 0);
	assert_int_equal(vt_get32(&sm->vtd, R_PECTL), 0x80000000);
	assert_int_equal(vt_load(&sm->vtd, PQ_BASE), 0);
}

/* Refused: recorded unless it is hidden, dropped, and if it is the last of its group told so. */
static void expect_refused(
    struct scalable *sm, const struct iommusim_page_request *wanted, unsigned reason, bool hidden)
{
	struct iommusim_page_request request = *wanted;

	for (unsigned last = 0; last < 2; last++) {
		struct iommusim_page_request_outcome outcome;

		request.last = last != 0;
		outcome = pq_ask(sm, &request);
		assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_REFUSED);
		if (outcome.fault.reason != reason)
			fail_msg("reason %Xh, not %Xh", outcome.fault.reason, reason);
		assert_int_not_equal(outcome.fault.class_, IOMMUSIM_FAULT_NONE);
		assert_non_null(outcome.fault.meaning);
		assert_int_equal(outcome.fault.suppressed, hidden);
		assert_int_equal(outcome.fault.recorded, !hidden);
		assert_false(outcome.fault.aborts);
		assert_int_equal(outcome.answered, last);
		if (last != 0)
			pq_expect_automatic(sm->vtd.device, IOMMUSIM_PAGE_INVALID_REQUEST, &request);
		pq_expect_no_response(sm->vtd.device);
		if (!hidden)
			expect_recorded(&sm->vtd, &request, reason);
		assert_int_equal(vt_records(&sm->vtd), 0);
		assert_int_equal(vt_get32(&sm->vtd, R_FSTS) & 0xff, 0);
		expect_untouched(sm);
	}
}

static void expect_queued(struct scalable *sm, const struct iommusim_page_request *request)
{
	pq_place(sm, PQ_BASE, 0);
	pq_queue(sm, request);
	pq_expect_descriptor(sm, 0, VTD_RID, request);
	pq_expect_status(sm, 0x20, PRS_PPR);
	pq_expect_no_response(sm->vtd.device);
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), 0);
	assert_int_equal(vt_get32(&sm->vtd, R_FECTL), 0x80000000);
}

/* ---- conditions that page requests meet ---------------------------------------------------------- */

/* Table 30: of the conditions of the scene those that have "IR" and "drop". */
static bool applies(const struct scene_condition *condition, bool pasid)
{
	static const uint8_t always[] = { 0x30, 0x33, 0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x50,
		0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b };
	static const uint8_t with_pasid[] = { 0x45, 0x46, 0x48 };

	return memchr(always, condition->code, sizeof(always)) != NULL ||
	    (pasid && memchr(with_pasid, condition->code, sizeof(with_pasid)) != NULL);
}

static void start(struct scene *scene, enum scene_caches caches, bool pasid)
{
	scene_start_with(scene, caches);
	scene_choose(scene, pasid ? SCENE_UNTRANSLATED_PASID : SCENE_UNTRANSLATED);
	pq_open(&scene->sm);
}

/* FPD in every set of entries: those that were met by then hide the condition, if it is qualified. */
static void check(const struct scene_condition *condition, bool pasid, enum scene_caches caches)
{
	for (unsigned fpd = 0; fpd < 8; fpd++) {
		struct iommusim_page_request request;
		struct scene scene;

		start(&scene, caches, pasid);
		condition->make(&scene);
		scene_disable_faults(&scene, fpd);
		request = request_of(&scene);
		expect_refused(&scene.sm, &request, condition->code,
		    condition->qualified && (condition->fpd & fpd) != 0);
		scene_stop(&scene);
	}
}

static void each_condition_is_recorded_and_responded_as_table_30_says(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			if (!applies(&scene_conditions[i], pasid != 0))
				continue;
			check(&scene_conditions[i], pasid != 0, SCENE_NO_CACHE);
			check(&scene_conditions[i], pasid != 0, SCENE_CACHES);
			checked++;
		}
	}
	assert_int_equal(checked, 2 * 28 + 3);
}

/* SCT.8, 47h: the one condition that is theirs alone; with PASID and without, under each FPD. */
static void requests_are_refused_where_the_context_entry_does_not_enable_them(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 16; way++) {
		struct iommusim_page_request request;
		struct scene scene;

		start(&scene, SCENE_NO_CACHE, (way & 8) != 0);
		scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), SM_PRE, 0);
		scene_disable_faults(&scene, way & 7);
		request = request_of(&scene);
		/* Directory and table are read later: their FPD is not met. */
		expect_refused(&scene.sm, &request, 0x47, (way & SCENE_FPD_CONTEXT) != 0);
		scene_stop(&scene);
	}
}

/* DTE=0 with PRE=1 is 43h; with PRE=0 it is page requests that are not enabled, not 44h. */
static void device_tlbs_are_not_asked_for(void **state)
{
	struct iommusim_page_request request;
	struct scene scene;

	(void)state;
	start(&scene, SCENE_NO_CACHE, false);
	request = request_of(&scene);
	scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), SM_DTE, 0);
	expect_refused(&scene.sm, &request, 0x43, false);
	scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), SM_PRE, 0);
	expect_refused(&scene.sm, &request, 0x47, false);
	scene_stop(&scene);
}

/* Each kind of record: privilege and page; a PASID of 20 bits, an address wider than any table. */
static void records_hold_what_the_request_says(void **state)
{
	struct iommusim_page_request request;
	struct scene scene;

	(void)state;
	start(&scene, SCENE_NO_CACHE, true);
	scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), SM_PRE, 0);
	for (unsigned way = 0; way < 32; way++) {
		request = request_of(&scene);
		request.has_pasid = (way & 1) != 0;
		request.privileged = (way & 2) != 0;
		request.execute = (way & 4) != 0;
		request.read = (way & 8) != 0;
		request.write = (way & 16) != 0;
		request.address = UINT64_MAX << way;
		if (request.read || request.write)
			expect_refused(&scene.sm, &request, 0x47, false);
	}
	request.has_pasid = request.read = true;
	request.pasid = 0xabcde;
	scene_edit(&scene, sm_context_at(&scene.sm, VTD_RID), 0, 0xe00);
	expect_refused(&scene.sm, &request, 0x47, false);
	scene_stop(&scene);
}

/* ---- modes --------------------------------------------------------------------------------------- */

/* RTA.3: 32h, with PASID too, where all other requests with a PASID are 31h; nothing hides it. */
static void legacy_mode_has_no_page_requests(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		struct iommusim_page_request request;

		start(&scene, SCENE_NO_CACHE, pasid != 0);
		scene_disable_faults(&scene, 7);
		request = request_of(&scene);
		vt_latch_root(&scene.sm.vtd, scene.sm.vtd.root_table);
		expect_refused(&scene.sm, &request, 0x32, false);
		vt_latch_root(&scene.sm.vtd, scene.sm.vtd.root_table | 0x80); /* SSIRWE */
		expect_refused(&scene.sm, &request, 0x32, false);
		vt_latch_root(&scene.sm.vtd, PQ_HOLE);
		expect_refused(&scene.sm, &request, 0x32, false);
		scene_stop(&scene);
	}
}

/* RTA.1.2, RTA.1.1, RTA.4; SMTS=0 with PRS=1 there is not (11.4.3). */
static void modes_that_cannot_be_are_faults_of_the_root_table_address(void **state)
{
	static const struct {
		uint64_t ecap, mode;
		unsigned reason;
	} rows[] = {
		{ 0, SM_TTM_RESERVED, 0x30 },
		{ 0, SM_TTM_ABORT, 0x30 },
		{ ECAP_ADMS, SM_TTM_RESERVED, 0x30 },
		{ ECAP_ADMS, SM_TTM_ABORT, 0x33 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			const struct iommusim_page_request request =
			    pq_request(pasid != 0 ? SM_PASID : SM_NO_PASID);

			pq_start(&sm,
			    &(struct vtd_setup){ .ecap_set = rows[i].ecap, .cap_set = CAP_ESRTPS });
			sm_latch_root(&sm, rows[i].mode);
			expect_refused(&sm, &request, rows[i].reason, false);
			sm_stop(&sm);
		}
	}
}

/* ---- conditions that page requests do not meet --------------------------------------------------- */

/* EPTR=0 (49h), Execute-Requested (34h, 5Ch), SRE=0 with a privileged request or RID_PRIV (5Dh). */
static void what_is_not_theirs_does_not_stop_them(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCENE_CONDITIONS; i++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			const uint8_t code = scene_conditions[i].code;
			struct iommusim_page_request request;
			struct scene scene;

			if (code != 0x49 && code != 0x5c && code != 0x5d)
				continue;
			start(&scene, SCENE_NO_CACHE, pasid != 0);
			scene_conditions[i].make(&scene);
			request = request_of(&scene);
			expect_queued(&scene.sm, &request);
			scene_stop(&scene);
		}
	}
}

/* 34h on units of version 8 and later: translation alone. */
static void execution_is_no_matter_on_any_version(void **state)
{
	struct scalable sm;

	(void)state;
	for (uint32_t version = 0x10; version <= 0xa0; version += 0x10) {
		struct iommusim_page_request request = pq_request(SM_PASID);

		request.execute = true;
		pq_start(&sm, &(struct vtd_setup){ .version = version });
		expect_queued(&sm, &request);
		sm_stop(&sm);
	}
}

/* 89h: a PASID wider than PSS; it has an entry all the same, in a directory of 2^14 entries. */
static void pasids_wider_than_the_unit_s_are_looked_up(void **state)
{
	struct iommusim_page_request request = pq_request(0x8000);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_PSS, .ecap_set = UINT64_C(14) << 35 });
	sm.directory = 0x200000;
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID),
	    sm.directory | 0xe00 | SM_PRE | SM_PASIDE | SM_DTE | SM_P);
	sm_pass_through(&sm, 0x8000, SM_DOMAIN);
	expect_queued(&sm, &request);
	request.pasid = 0x8001; /* 59h, of the entry that is looked at */
	vt_set32(&sm.vtd, R_PRS, PRS_PPR);
	assert_int_equal(pq_ask(&sm, &request).fault.reason, 0x59);
	sm_stop(&sm);
}

/* Nothing beyond the PASID-table entry is looked at: no walk, no width, no interrupt range. */
static void pages_are_not_looked_up(void **state)
{
	static const uint64_t addresses[] = { 0, UINT64_C(0xfee00000), UINT64_C(0x0000800000000000),
		UINT64_C(0x7fffffffff000), UINT64_C(0x8000000000000000), UINT64_C(0xfffffffffffff000) };
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	for (unsigned type = 1; type <= 4; type++) {
		for (size_t i = 0; i < COUNT(addresses); i++) {
			struct iommusim_page_request request = pq_request(SM_PASID);

			sm_second_stage(&sm, SM_PASID, SM_DOMAIN);
			if (type == 1)
				sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
			if (type == 3)
				sm_nested(&sm, SM_PASID, SM_DOMAIN, 4);
			if (type == 4)
				sm_pass_through(&sm, SM_PASID, SM_DOMAIN);
			request.address = addresses[i];
			vt_set32(&sm.vtd, R_PRS, PRS_PPR);
			expect_queued(&sm, &request);
		}
	}
	sm_stop(&sm);
}

/* ---- beside the queue's own errors --------------------------------------------------------------- */

/* A fault is told as one, full queue or not: not said which comes first; the tables come first here. */
static void a_fault_comes_before_a_queue_without_room(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), sm.directory | SM_DTE | SM_P);
	for (unsigned overflow = 0; overflow < 2; overflow++) {
		vt_set64(&sm.vtd, R_PQH, 0x20);
		assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_REFUSED);
		pq_expect_automatic(sm.vtd.device, IOMMUSIM_PAGE_INVALID_REQUEST, &request);
		expect_recorded(&sm.vtd, &request, 0x47);
		pq_expect_status(&sm, 0, overflow != 0 ? PRS_PRO : 0);
		if (overflow == 0)
			assert_int_equal(
			    pq_ask_of(sm.upper, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	}
	sm_stop(&sm);
}

/* 11.4.3, SMS: "unable to write ... due to a non-recoverable fault, it will silently drop". */
static void a_stop_marker_that_faults_is_dropped_silently(void **state)
{
	struct iommusim_page_request marker = pq_request(SM_PASID);
	struct iommusim_page_request_outcome outcome;
	struct scalable sm;

	(void)state;
	marker.read = marker.write = false;
	for (unsigned supported = 0; supported < 2; supported++) {
		pq_start(&sm, &(struct vtd_setup){ .ecap_set = supported != 0 ? ECAP_SMS : 0 });
		vt_store(
		    &sm.vtd, sm_context_at(&sm, VTD_RID), sm.directory | SM_DTE | SM_PASIDE | SM_P);
		outcome = pq_ask(&sm, &marker);
		assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_REFUSED);
		assert_int_equal(outcome.fault.reason, 0x47);
		assert_int_equal(outcome.fault.recorded, supported == 0);
		assert_int_equal(outcome.answered, supported == 0);
		if (supported == 0) { /* undefined: as any other request */
			expect_recorded(&sm.vtd, &marker, 0x47);
			pq_expect_automatic(sm.vtd.device, IOMMUSIM_PAGE_INVALID_REQUEST, &marker);
		}
		pq_expect_no_response(sm.vtd.device);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
		expect_untouched(&sm);
		sm_stop(&sm);
	}
}

/* A refused request is a fault like others (7.2.1, 7.3): the event, and the registers' overflow. */
static void refused_requests_are_fault_events_and_overflow_the_records(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), sm.directory | SM_DTE | SM_P);
	vt_set32(&sm.vtd, R_FEADDR, 0xfee01000);
	vt_set32(&sm.vtd, R_FEDATA, 0x41);
	vt_set32(&sm.vtd, R_FECTL, 0);
	for (unsigned i = 0; i < VTD_FAULTS + 1; i++) {
		const struct iommusim_page_request_outcome outcome = pq_ask(&sm, &request);

		assert_int_equal(outcome.fault.recorded, i < VTD_FAULTS);
		assert_int_equal(outcome.fault.overflowed, i == VTD_FAULTS);
		pq_expect_automatic(sm.vtd.device, IOMMUSIM_PAGE_INVALID_REQUEST, &request);
	}
	assert_int_equal(vt_only_message(&sm.vtd).data, 0x41);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS) & 0xff, 3);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_is_recorded_and_responded_as_table_30_says),
		cmocka_unit_test(requests_are_refused_where_the_context_entry_does_not_enable_them),
		cmocka_unit_test(device_tlbs_are_not_asked_for),
		cmocka_unit_test(records_hold_what_the_request_says),
		cmocka_unit_test(legacy_mode_has_no_page_requests),
		cmocka_unit_test(modes_that_cannot_be_are_faults_of_the_root_table_address),
		cmocka_unit_test(what_is_not_theirs_does_not_stop_them),
		cmocka_unit_test(execution_is_no_matter_on_any_version),
		cmocka_unit_test(pasids_wider_than_the_unit_s_are_looked_up),
		cmocka_unit_test(pages_are_not_looked_up),
		cmocka_unit_test(a_fault_comes_before_a_queue_without_room),
		cmocka_unit_test(a_stop_marker_that_faults_is_dropped_silently),
		cmocka_unit_test(refused_requests_are_fault_events_and_overflow_the_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
