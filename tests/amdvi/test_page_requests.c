/*
 * Peripheral page requests (AMD-Vi 2.6): which the unit takes, their entry in the PPR log, its overflow and
 * the warning before it, the second log, the messages, and responses that the unit makes by itself.
 */
#include "amdvi_fixture.h"

struct scene {
	struct amd_fixture amd;
	uint64_t log, log_b;
};

static const struct iommusim_page_request plain = {
	.address = UINT64_C(0x123456789abc), .group = 0x155, .read = true, .last = true
};

/* DTE: PPR 52, GV 55 with a GCR3 table; control: all of PPR. */
static void start_with(struct scene *scene, const struct amd_setup *setup, uint64_t control)
{
	struct amd_fixture *amd = &scene->amd;
	uint64_t dte[4];

	am_start_enabled(amd, setup);
	am_plain_dte(amd, dte);
	dte[0] |= BIT(52) | BIT(55);
	am_set_dte(amd, AMD_RID, dte);
	scene->log = am_page(amd);
	scene->log_b = am_page(amd);
	am_set64(amd, A_PPR_BASE, scene->log | UINT64_C(8) << 56);
	am_set64(amd, A_PPRB_BASE, scene->log_b | UINT64_C(8) << 56);
	am_control(amd, C_PPR_EN | C_PPR_LOG_EN | C_GT_EN | control, 0);
}

static void start(struct scene *scene, uint64_t control)
{
	start_with(scene, NULL, control);
}

static struct iommusim_page_request_outcome ask(
    struct scene *scene, const struct iommusim_page_request *request)
{
	struct iommusim_page_request_outcome outcome;

	assert_int_equal(
	    iommusim_requester_page_request(scene->amd.device, request, &outcome), IOMMUSIM_OK);
	return outcome;
}

static void ask_often(struct scene *scene, unsigned count)
{
	while (count-- > 0)
		ask(scene, &plain);
}

static void assert_entry(
    struct scene *scene, const struct iommusim_page_request *request, uint64_t low, uint64_t high)
{
	const uint64_t at = scene->log + am_get32(&scene->amd, A_PPR_TAIL);
	const struct iommusim_page_request_outcome outcome = ask(scene, request);

	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	assert_false(outcome.answered);
	assert_int_equal(outcome.physical, at);
	assert_int_equal(am_load(&scene->amd, at), low);
	assert_int_equal(am_load(&scene->amd, at + 8), high);
}

/*
 * 15:0 device, 31:16 PASID 15:0, 41:32 tag with the last of a group in bit 9, 45:42 PASID 19:16, 49 execute,
 * 50 read, 53 write, 54 user, 56 GN, 63:60 code 1; the page in the second quadword.
 */
static void the_entry_says_what_was_asked(void **state)
{
	struct iommusim_page_request request = plain;
	struct scene scene;

	(void)state;
	start(&scene, 0);
	assert_entry(&scene, &request, UINT64_C(0x1004035500000310), UINT64_C(0x123456789000));
	request.last = false;
	assert_entry(&scene, &request, UINT64_C(0x1004015500000310), UINT64_C(0x123456789000));
	request.write = true;
	assert_entry(&scene, &request, UINT64_C(0x1024015500000310), UINT64_C(0x123456789000));
	request.read = false;
	assert_entry(&scene, &request, UINT64_C(0x1020015500000310), UINT64_C(0x123456789000));
	request.has_pasid = true;
	request.pasid = 0xabcde;
	assert_entry(&scene, &request, UINT64_C(0x11602955bcde0310), UINT64_C(0x123456789000));
	request.privileged = true;
	assert_entry(&scene, &request, UINT64_C(0x11202955bcde0310), UINT64_C(0x123456789000));
	request.execute = true;
	request.group = 0;
	request.address = UINT64_MAX;
	assert_entry(&scene, &request, UINT64_C(0x11222800bcde0310), UINT64_C(0xfffffffffffff000));
	assert_int_equal(am_get32(&scene.amd, A_PPR_TAIL), 0x70);
	am_stop(&scene.amd);
}

/* PprInt, and one message with MsiNumPPR. */
static void a_request_raises_an_interrupt(void **state)
{
	const struct amd_setup setup = { .capability_misc0 = 0x10203040 }; /* MsiNumPPR 2 */
	struct scene scene;

	(void)state;
	start_with(&scene, &setup, C_PPR_INT_EN);
	am_enable_msi(&scene.amd, 2);
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_INT | S_PPR_RUN), S_PPR_INT | S_PPR_RUN);
	assert_int_equal(am_only_message(&scene.amd).data, AMD_MSI_DATA | 2);
	ask(&scene, &plain);
	am_no_message(&scene.amd);
	am_set32(&scene.amd, A_STATUS, S_PPR_INT);
	ask(&scene, &plain);
	am_only_message(&scene.amd);
	am_stop(&scene.amd);
}

/* The XT register of page requests is at 178h. */
static void the_message_may_be_of_an_xt_register(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, C_PPR_INT_EN | C_INT_CAP_XT_EN);
	am_set64(&scene.amd, A_XT_PPR, UINT64_C(0x0000007700000300));
	ask(&scene, &plain);
	assert_int_equal(am_only_message(&scene.amd).data, 0x77);
	am_stop(&scene.amd);
}

static void a_full_log_overflows_and_stops(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, C_PPR_INT_EN);
	am_enable_msi(&scene.amd, 0);
	ask_often(&scene, 255);
	am_only_message(&scene.amd);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_OVERFLOW | S_PPR_RUN), S_PPR_RUN);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_OVERFLOW | S_PPR_RUN), S_PPR_OVERFLOW);
	am_only_message(&scene.amd);
	assert_int_equal(am_get32(&scene.amd, A_PPR_TAIL), 0xff0);
	am_set32(&scene.amd, A_PPR_HEAD, 0xff0);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	am_control(&scene.amd, 0, C_PPR_LOG_EN);
	am_set32(&scene.amd, A_STATUS, S_PPR_OVERFLOW);
	am_control(&scene.amd, C_PPR_LOG_EN, 0);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	am_stop(&scene.amd);
}

/* DualPprLogEn (31:30). */
static void the_other_log_takes_over(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, C_PPR_SWAP);
	ask_often(&scene, 255);
	assert_int_equal(ask(&scene, &plain).physical, scene.log_b);
	assert_int_equal(
	    am_status(&scene.amd) & (S_PPR_RUN | S_PPR_ACTIVE | S_PPR_OVERFLOW | S_PPRB_OVERFLOW),
	    S_PPR_RUN | S_PPR_ACTIVE | S_PPR_OVERFLOW);
	ask_often(&scene, 255);
	assert_int_equal(
	    am_status(&scene.amd) & (S_PPR_RUN | S_PPR_ACTIVE | S_PPR_OVERFLOW | S_PPRB_OVERFLOW),
	    S_PPR_ACTIVE | S_PPR_OVERFLOW | S_PPRB_OVERFLOW);
	am_stop(&scene.amd);
}

/* 2088h: threshold 14:0, interrupt 30, on 31: few places are left. */
static void few_places_left_are_told_of(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, 0);
	am_enable_msi(&scene.amd, 0);
	am_set32(&scene.amd, A_PPR_EARLY, BIT(31) | BIT(30) | 5);
	ask_often(&scene, 249);
	assert_int_equal(am_status(&scene.amd) & S_PPR_EARLY, 0);
	ask(&scene, &plain); /* 250 of 255 */
	assert_int_equal(am_status(&scene.amd) & S_PPR_EARLY, S_PPR_EARLY);
	am_only_message(&scene.amd);
	ask(&scene, &plain);
	am_no_message(&scene.amd);
	am_set32(&scene.amd, A_STATUS, S_PPR_EARLY);
	assert_int_equal(am_status(&scene.amd) & S_PPR_EARLY, 0);
	am_stop(&scene.amd);
}

static void the_warning_may_be_off_or_silent(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, 0);
	am_enable_msi(&scene.amd, 0);
	am_set32(&scene.amd, A_PPR_EARLY, BIT(30) | 0x7fff); /* not on */
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), 0);
	am_set32(&scene.amd, A_PPRB_EARLY, BIT(31) | BIT(30) | 0x7fff); /* of the other log */
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), 0);
	am_set32(&scene.amd, A_PPR_EARLY, BIT(31) | 0x7fff);
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), S_PPR_EARLY);
	am_no_message(&scene.amd);
	am_stop(&scene.amd);
	start(&scene, UINT64_C(1) << 30); /* log B */
	am_set32(&scene.amd, A_PPRB_EARLY, BIT(31) | 0x7fff);
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), S_PPRB_EARLY);
	am_stop(&scene.amd);
}

/* 2090h is of log B: its threshold, its interrupt, and its overflow by PprIntEn. */
static void the_other_log_has_a_warning_and_an_overflow_of_its_own(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, UINT64_C(1) << 30); /* log B */
	am_enable_msi(&scene.amd, 0);
	am_set32(&scene.amd, A_PPR_EARLY, BIT(31) | BIT(30) | 0x7fff);
	am_set32(&scene.amd, A_PPRB_EARLY, BIT(31) | BIT(30) | 5);
	ask_often(&scene, 249);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), 0);
	am_no_message(&scene.amd);
	ask(&scene, &plain); /* 250 of 255 */
	assert_int_equal(am_status(&scene.amd) & (S_PPR_EARLY | S_PPRB_EARLY), S_PPRB_EARLY);
	am_only_message(&scene.amd);
	am_set32(&scene.amd, A_PPRB_EARLY, BIT(31) | 5);
	am_set32(&scene.amd, A_STATUS, S_PPRB_EARLY);
	ask(&scene, &plain);
	assert_int_equal(am_status(&scene.amd) & S_PPRB_EARLY, S_PPRB_EARLY);
	am_no_message(&scene.amd);
	ask_often(&scene, 4);
	am_control(&scene.amd, C_PPR_INT_EN, 0);
	am_no_message(&scene.amd);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_int_equal(am_status(&scene.amd) & (S_PPR_OVERFLOW | S_PPRB_OVERFLOW), S_PPRB_OVERFLOW);
	am_only_message(&scene.amd);
	am_stop(&scene.amd);
}

/* ---- responses of the unit ----------------------------------------------------------------------------- */

static void without_automatic_responses_what_is_dropped_is_not_answered(void **state)
{
	struct scene scene;
	struct iommusim_page_response response;

	(void)state;
	start(&scene, 0);
	am_set32(&scene.amd, A_PPR_AUTO, 1);
	ask_often(&scene, 255);
	assert_false(ask(&scene, &plain).answered);
	assert_false(iommusim_requester_take_response(scene.amd.device, &response));
	am_stop(&scene.amd);
}

/* 2080h: code 3:0, MaskGN 4. */
static void what_the_log_cannot_take_is_answered(void **state)
{
	struct iommusim_page_request request = plain;
	struct iommusim_page_response response;
	struct scene scene;

	(void)state;
	start(&scene, C_PPR_AUTO_EN);
	am_set32(&scene.amd, A_PPR_AUTO, 0xf);
	ask_often(&scene, 255);
	assert_false(iommusim_requester_take_response(scene.amd.device, &response));
	request.has_pasid = true;
	request.pasid = 0x54321;
	assert_true(ask(&scene, &request).answered);
	assert_true(iommusim_requester_take_response(scene.amd.device, &response));
	assert_int_equal(response.code, IOMMUSIM_PAGE_RESPONSE_FAILURE);
	assert_int_equal(response.group, 0x155);
	assert_true(response.has_pasid);
	assert_int_equal(response.pasid, 0x54321);
	assert_true(response.automatic);
	am_set32(&scene.amd, A_PPR_AUTO, 0x10);
	ask(&scene, &request); /* the log is stopped by now */
	assert_true(iommusim_requester_take_response(scene.amd.device, &response));
	assert_int_equal(response.code, IOMMUSIM_PAGE_SUCCESS);
	assert_false(response.has_pasid);
	assert_int_equal(response.pasid, 0);
	request.last = false;
	assert_false(ask(&scene, &request).answered);
	am_stop(&scene.amd);
}

static void always_on_answers_everything_and_logs_nothing(void **state)
{
	struct scene scene;
	struct iommusim_page_request_outcome outcome;

	(void)state;
	start(&scene, C_PPR_AUTO_AON); /* without PprAutoRspEn: nothing */
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	am_control(&scene.amd, C_PPR_AUTO_EN, 0);
	outcome = ask(&scene, &plain);
	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_true(outcome.answered);
	assert_int_equal(am_get32(&scene.amd, A_PPR_TAIL), 0x10);
	am_stop(&scene.amd);
}

/* With EPHEn the DTE says whether there are requests (PPR, 52) and PASIDs in responses (GPRP, 53). */
static void with_enhanced_handling_the_entry_of_the_device_counts(void **state)
{
	const struct iommusim_page_request request = {
		.pasid = 7, .has_pasid = true, .read = true, .last = true
	};
	struct scene scene;
	uint64_t dte[4];

	(void)state;
	start(&scene, C_PPR_AUTO_EN | C_PPR_AUTO_AON | BIT(45));
	assert_false(ask(&scene, &request).response.has_pasid);
	am_plain_dte(&scene.amd, dte);
	dte[0] |= BIT(52) | BIT(53) | BIT(55);
	am_set_dte(&scene.amd, AMD_RID, dte);
	assert_true(ask(&scene, &request).response.has_pasid);
	dte[0] &= ~BIT(52);
	am_set_dte(&scene.amd, AMD_RID, dte);
	assert_int_equal(ask(&scene, &request).result, IOMMUSIM_PAGE_REQUEST_REFUSED);
	am_control(&scene.amd, 0, BIT(45));
	assert_true(ask(&scene, &request).answered);
	assert_true(ask(&scene, &request).response.has_pasid);
	am_stop(&scene.amd);
}

/* ---- stop markers -------------------------------------------------------------------------------------- */

static void a_stop_marker_is_logged_unless_blocked(void **state)
{
	const struct iommusim_page_request marker = { .pasid = 3, .has_pasid = true, .last = true };
	const struct amd_setup setup = { .efr_set = F_BLKSTOP };
	struct iommusim_page_request_outcome outcome;
	struct scene scene;

	(void)state;
	start_with(&scene, &setup, C_PPR_AUTO_EN);
	assert_entry(&scene, &marker, UINT64_C(0x1140020000030310), 0);
	am_control(&scene.amd, BIT(41), 0);
	outcome = ask(&scene, &marker);
	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_false(outcome.answered);
	assert_int_equal(am_get32(&scene.amd, A_PPR_TAIL), 0x10);
	am_control(&scene.amd, C_PPR_AUTO_AON, BIT(41));
	assert_false(ask(&scene, &marker).answered); /* it wants no response */
	am_stop(&scene.amd);
}

/* ---- requests that are not taken ----------------------------------------------------------------------- */

/* INVALID_PPR_REQUEST: the entry of the request with code 9; and the device is told at once. */
static void assert_refused(
    struct scene *scene, const struct iommusim_page_request *request, uint64_t low, uint64_t high)
{
	const struct iommusim_page_request_outcome outcome = ask(scene, request);
	uint64_t event[2];

	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_REFUSED);
	assert_int_equal(outcome.fault.reason, low >> 60);
	assert_true(outcome.fault.recorded);
	assert_true(outcome.answered);
	assert_int_equal(outcome.response.code, IOMMUSIM_PAGE_INVALID_REQUEST);
	assert_int_equal(am_get32(&scene->amd, A_PPR_TAIL), 0);
	am_only_event(&scene->amd, event);
	assert_int_equal(event[0], low);
	assert_int_equal(event[1], high);
}

static void requests_that_may_not_be_made_are_refused(void **state)
{
	struct iommusim_page_request request = plain;
	struct scene scene;
	uint64_t dte[4];

	(void)state;
	start(&scene, 0);
	am_control(&scene.amd, 0, C_PPR_EN);
	assert_refused(&scene, &request, UINT64_C(0x9004035500000310), UINT64_C(0x123456789000));
	am_control(&scene.amd, C_PPR_EN, C_GT_EN);
	request.has_pasid = true;
	request.pasid = 0x12345;
	assert_refused(&scene, &request, UINT64_C(0x9144075523450310), UINT64_C(0x123456789000));
	am_control(&scene.amd, C_GT_EN, 0);
	am_plain_dte(&scene.amd, dte); /* GV=0 */
	am_set_dte(&scene.amd, AMD_RID, dte);
	assert_refused(&scene, &request, UINT64_C(0x9144075523450310), UINT64_C(0x123456789000));
	request.has_pasid = false;
	assert_int_equal(ask(&scene, &request).result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	am_set64(&scene.amd, A_PPR_HEAD, 0x10);
	am_stop(&scene.amd);
}

/* The device's entry: V=0, reserved bits. */
static void a_bad_entry_of_the_device_refuses(void **state)
{
	struct scene scene;
	uint64_t dte[4] = { 0 };

	(void)state;
	start(&scene, 0);
	am_set_dte(&scene.amd, AMD_RID, dte);
	assert_refused(&scene, &plain, UINT64_C(0x9004035500000310), UINT64_C(0x123456789000));
	am_plain_dte(&scene.amd, dte);
	dte[0] |= BIT(63);
	am_set_dte(&scene.amd, AMD_RID, dte);
	/* ILLEGAL_DEV_TABLE_ENTRY with RZ (55). */
	assert_refused(&scene, &plain, UINT64_C(0x1080000000000310), UINT64_C(0x123456789abc));
	am_stop(&scene.amd);
}

/* A table that ends before the device: event 2, or 1 (a choice), with the address and who asked for what. */
static void a_device_beyond_the_table_is_refused(void **state)
{
	(void)state;
	for (unsigned choice = 0; choice < 2; choice++) {
		const struct amd_setup setup = { .choices.beyond_table_is_illegal = choice != 0 };
		const uint64_t code = (uint64_t)(2 - choice) << 60;
		struct iommusim_page_request request = plain;
		struct scene scene;

		start_with(&scene, &setup, 0);
		am_set64(&scene.amd, A_DEVTAB, scene.amd.device_table | 5); /* 768 entries */
		assert_refused(&scene, &request, code | 0x310, UINT64_C(0x123456789abc));
		request.write = true;
		assert_refused(&scene, &request, code | BIT(53) | 0x310, UINT64_C(0x123456789abc));
		request.write = false;
		request.has_pasid = true;
		request.pasid = 0xabcde;
		assert_refused(&scene, &request, code | BIT(48) | UINT64_C(0xbcde000a0310),
		    UINT64_C(0x123456789abc));
		am_stop(&scene.amd);
	}
}

/* DEV_TAB_HARDWARE_ERROR: the address is the entry's, the type 2; nothing of who asked. */
static void a_device_table_without_memory_refuses(void **state)
{
	const uint64_t hole = UINT64_C(0x10000000);
	struct iommusim_page_request request = plain;
	struct scene scene;

	(void)state;
	start(&scene, 0);
	am_set64(&scene.amd, A_DEVTAB, hole | 0x1ff);
	assert_refused(&scene, &plain, UINT64_C(0x3400000000000310), hole + 0x310 * UINT64_C(32));
	request.has_pasid = true;
	request.pasid = 0xabcde;
	assert_refused(&scene, &request, UINT64_C(0x3400000000000310), hole + 0x310 * UINT64_C(32));
	am_stop(&scene.amd);
}

static void without_page_requests_the_unit_knows_none(void **state)
{
	const struct amd_setup setup = { .efr_clear = F_PPR };
	struct scene scene;

	(void)state;
	start_with(&scene, &setup, 0);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_UNSUPPORTED);
	am_stop(&scene.amd);
	start(&scene, 0);
	am_control(&scene.amd, 0, C_IOMMU_EN);
	assert_int_equal(ask(&scene, &plain).result, IOMMUSIM_PAGE_REQUEST_UNSUPPORTED);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_entry_says_what_was_asked),
		cmocka_unit_test(a_request_raises_an_interrupt),
		cmocka_unit_test(the_message_may_be_of_an_xt_register),
		cmocka_unit_test(a_full_log_overflows_and_stops),
		cmocka_unit_test(the_other_log_takes_over),
		cmocka_unit_test(few_places_left_are_told_of),
		cmocka_unit_test(the_warning_may_be_off_or_silent),
		cmocka_unit_test(the_other_log_has_a_warning_and_an_overflow_of_its_own),
		cmocka_unit_test(without_automatic_responses_what_is_dropped_is_not_answered),
		cmocka_unit_test(what_the_log_cannot_take_is_answered),
		cmocka_unit_test(always_on_answers_everything_and_logs_nothing),
		cmocka_unit_test(with_enhanced_handling_the_entry_of_the_device_counts),
		cmocka_unit_test(a_stop_marker_is_logged_unless_blocked),
		cmocka_unit_test(requests_that_may_not_be_made_are_refused),
		cmocka_unit_test(a_bad_entry_of_the_device_refuses),
		cmocka_unit_test(a_device_beyond_the_table_is_refused),
		cmocka_unit_test(a_device_table_without_memory_refuses),
		cmocka_unit_test(without_page_requests_the_unit_knows_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
