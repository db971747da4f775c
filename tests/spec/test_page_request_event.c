/*
 * The page request event (VT-d 7.5, 11.4.11.4 to 11.4.11.8): what it is raised for, one message a
 * condition, masked and pending, and what the message holds.
 */
#include "page_queue.h"

#define IM 0x80000000u
#define IP 0x40000000u

static void start(struct scalable *sm, bool unmasked)
{
	pq_start(sm, NULL);
	vt_set32(&sm->vtd, R_PEDATA, 0x1234);
	vt_set32(&sm->vtd, R_PEADDR, 0xfee05000);
	vt_set32(&sm->vtd, R_PEUADDR, 0x000000ab);
	assert_int_equal(vt_get32(&sm->vtd, R_PECTL), IM);
	if (unmasked)
		vt_set32(&sm->vtd, R_PECTL, 0);
}

static void ask(struct scalable *sm, unsigned expected)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);

	assert_int_equal(pq_ask(sm, &request).result, expected);
}

/* PPR comes up. */
static void queue(struct scalable *sm)
{
	ask(sm, IOMMUSIM_PAGE_REQUEST_QUEUED);
}

/* PRO comes up: the queue has one place less than it needs. */
static void overflow(struct scalable *sm)
{
	vt_set64(&sm->vtd, R_PQH, vt_get64(&sm->vtd, R_PQT) + 0x20);
	ask(sm, IOMMUSIM_PAGE_REQUEST_DROPPED);
	vt_set64(&sm->vtd, R_PQH, 0);
}

/* The unit's own messages are not remapped, and come from nobody. */
static void expect_message(struct scalable *sm)
{
	const struct iommusim_interrupt message = vt_only_message(&sm->vtd);

	assert_int_equal(message.address, UINT64_C(0xabfee05000));
	assert_int_equal(message.data, 0x1234);
	assert_true(message.from_unit);
	assert_false(message.posted);
	assert_int_equal(message.source, 0);
	assert_int_equal(message.segment, 0);
	assert_int_equal(vt_get32(&sm->vtd, R_PECTL), 0);
}

static void expect_pending(struct scalable *sm, bool pending)
{
	vt_no_message(&sm->vtd);
	assert_int_equal(vt_get32(&sm->vtd, R_PECTL), pending ? IM | IP : IM);
}

static void the_first_request_in_the_queue_is_an_event(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, true);
	for (unsigned i = 0; i < 3; i++) {
		queue(&sm);
		expect_message(&sm);
		queue(&sm);
		queue(&sm);
		vt_no_message(&sm.vtd);
		vt_set32(&sm.vtd, R_PRS, 0);
		vt_set32(&sm.vtd, R_PRS, PRS_PRO);
		queue(&sm);
		vt_no_message(&sm.vtd);
		vt_set32(&sm.vtd, R_PRS, PRS_PPR);
		vt_no_message(&sm.vtd);
	}
	sm_stop(&sm);
}

static void an_overflow_is_an_event(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, true);
	for (unsigned i = 0; i < 3; i++) {
		overflow(&sm);
		expect_message(&sm);
		ask(&sm,
		    IOMMUSIM_PAGE_REQUEST_DROPPED); /* "no action is taken ... to generate an event" */
		vt_no_message(&sm.vtd);
		vt_set32(&sm.vtd, R_PRS, PRS_PRO);
		vt_no_message(&sm.vtd);
	}
	sm_stop(&sm);
}

/* "If any of the status fields was already Set ..., it is not treated as a new interrupt condition." */
static void one_condition_beside_another_is_no_new_event(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, true);
	queue(&sm);
	expect_message(&sm);
	overflow(&sm);
	vt_no_message(&sm.vtd);
	vt_set32(&sm.vtd, R_PRS, PRS_PRO); /* PPR is left */
	queue(&sm);
	overflow(&sm);
	vt_no_message(&sm.vtd);
	vt_set32(&sm.vtd, R_PRS, PRS_PPR); /* PRO is left, and lets nothing in */
	ask(&sm, IOMMUSIM_PAGE_REQUEST_DROPPED);
	vt_no_message(&sm.vtd);
	vt_set32(&sm.vtd, R_PRS, PRS_PRO);
	overflow(&sm);
	expect_message(&sm);
	vt_set32(&sm.vtd, R_PRS, PRS_PPR | PRS_PRO);
	queue(&sm);
	expect_message(&sm);
	sm_stop(&sm);
}

/* Whatever came meanwhile, it goes out once. */
static void a_masked_event_waits_for_the_mask(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned full = 0; full < 2; full++) {
		start(&sm, false);
		(full != 0 ? overflow : queue)(&sm);
		expect_pending(&sm, true);
		ask(&sm, full != 0 ? IOMMUSIM_PAGE_REQUEST_DROPPED : IOMMUSIM_PAGE_REQUEST_QUEUED);
		vt_set32(&sm.vtd, R_PECTL, IM);
		expect_pending(&sm, true);
		vt_set32(&sm.vtd, R_PECTL, 0);
		expect_message(&sm);
		vt_set32(&sm.vtd, R_PECTL, IM);
		vt_set32(&sm.vtd, R_PECTL, 0);
		vt_no_message(&sm.vtd);
		sm_stop(&sm);
	}
}

/* 7.5: IP goes when software has serviced everything, PPR and PRO both. */
static void a_pending_event_is_dropped_with_its_last_condition(void **state)
{
	static const unsigned orders[][2] = { { PRS_PPR, PRS_PRO }, { PRS_PRO, PRS_PPR } };
	struct scalable sm;

	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		start(&sm, false);
		queue(&sm);
		overflow(&sm);
		expect_pending(&sm, true);
		vt_set32(&sm.vtd, R_PRS, orders[order][0]);
		expect_pending(&sm, true);
		vt_set32(&sm.vtd, R_PRS, orders[order][1]);
		expect_pending(&sm, false);
		vt_set32(&sm.vtd, R_PECTL, 0);
		vt_no_message(&sm.vtd);
		sm_stop(&sm);
	}
}

static void the_pending_bit_cannot_be_written(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, false);
	vt_set32(&sm.vtd, R_PECTL, IM | IP);
	expect_pending(&sm, false);
	queue(&sm);
	vt_set32(&sm.vtd, R_PECTL, IM);
	expect_pending(&sm, true);
	sm_stop(&sm);
}

/* What software sees with the message: the descriptor, and the tail behind it. */
static void the_request_is_in_the_queue_when_the_message_is_there(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	start(&sm, true);
	queue(&sm);
	expect_message(&sm);
	pq_expect_status(&sm, 0x20, PRS_PPR);
	pq_expect_descriptor(&sm, 0, VTD_RID, &request);
	sm_stop(&sm);
}

/* The other events have conditions of their own. */
static void page_requests_raise_no_other_event(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, false);
	vt_set32(&sm.vtd, R_FECTL, 0);
	vt_set32(&sm.vtd, R_IECTL, 0);
	queue(&sm);
	overflow(&sm);
	vt_no_message(&sm.vtd);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	assert_int_equal(vt_get32(&sm.vtd, R_ICS), 0);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_in_the_queue_is_an_event),
		cmocka_unit_test(an_overflow_is_an_event),
		cmocka_unit_test(one_condition_beside_another_is_no_new_event),
		cmocka_unit_test(a_masked_event_waits_for_the_mask),
		cmocka_unit_test(a_pending_event_is_dropped_with_its_last_condition),
		cmocka_unit_test(the_pending_bit_cannot_be_written),
		cmocka_unit_test(the_request_is_in_the_queue_when_the_message_is_there),
		cmocka_unit_test(page_requests_raise_no_other_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
