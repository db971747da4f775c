/*
 * The fault event and the invalidation completion event (VT-d 6.5.2.10, 7.3): masking, pending, one
 * message a condition, and what the message holds.
 */
#include "vtd_fixture.h"

#define IM 0x80000000u
#define IP 0x40000000u

/* Message registers of an event: data, address, upper address. */
static void program(struct vtd_fixture *vtd, unsigned control)
{
	vt_set32(vtd, control + 4, 0x1234);
	vt_set32(vtd, control + 8, 0xfee05000);
	vt_set32(vtd, control + 12, 0x000000ab);
}

static void assert_message(struct vtd_fixture *vtd)
{
	const struct iommusim_interrupt message = vt_only_message(vtd);

	assert_int_equal(message.address, UINT64_C(0xabfee05000));
	assert_int_equal(message.data, 0x1234);
	assert_true(message.from_unit);
	assert_int_equal(message.source, 0);
	assert_int_equal(message.segment, 0);
}

static void fault(struct vtd_fixture *vtd)
{
	assert_int_not_equal(vt_reason(vtd, IOMMUSIM_DMA_READ, 0x5000), 0);
}

static void clear_records(struct vtd_fixture *vtd)
{
	for (unsigned i = 0; i < VTD_FAULTS; i++)
		vt_clear_record(vtd, i);
}

/* Sets IQE: a descriptor of type 6. */
static void queue_error(struct vtd_fixture *vtd)
{
	vt_submit(vtd, 0x6, 0);
	assert_int_equal(vt_get32(vtd, R_FSTS) & 0x10, 0x10);
}

static void complete_wait(struct vtd_fixture *vtd)
{
	vt_submit(vtd, 0x15, 0); /* wait, IF */
}

static void start(struct vtd_fixture *vtd)
{
	vt_start_enabled(vtd, NULL);
	vt_queue_start(vtd, 16);
	program(vtd, R_FECTL);
	program(vtd, R_IECTL);
}

static void a_masked_fault_event_waits_and_goes_out_once_when_it_is_unmasked(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	fault(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	vt_no_message(&vtd);
	vt_set32(&vtd, R_FECTL, IM);
	vt_no_message(&vtd);
	vt_set32(&vtd, R_FECTL, 0);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0);
	vt_set32(&vtd, R_FECTL, IM);
	vt_set32(&vtd, R_FECTL, 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void an_unmasked_fault_event_goes_out_at_once(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_FECTL, 0);
	fault(&vtd);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0);
	vt_stop(&vtd);
}

/* A condition beside one that was not serviced yet is not new. */
static void only_the_first_condition_sends_a_message(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_FECTL, 0);
	fault(&vtd);
	assert_message(&vtd);
	for (unsigned i = 0; i < VTD_FAULTS + 2; i++)
		fault(&vtd); /* more records, then the overflow */
	queue_error(&vtd);
	vt_no_message(&vtd);
	clear_records(&vtd);
	fault(&vtd); /* dropped: PFO; and PFO and IQE are conditions still */
	vt_set32(&vtd, R_FSTS, 0x01);
	fault(&vtd); /* recorded, but IQE is there */
	vt_no_message(&vtd);
	vt_store(&vtd, vtd.queue, 0x11);
	vt_set32(&vtd, R_FSTS, 0x10);
	clear_records(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & 0xff, 0);
	fault(&vtd);
	assert_message(&vtd);
	vt_stop(&vtd);
}

static void a_queue_error_is_a_fault_event(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_FECTL, 0);
	queue_error(&vtd);
	assert_message(&vtd);
	fault(&vtd);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void a_pending_fault_event_is_dropped_when_everything_was_serviced(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	fault(&vtd);
	fault(&vtd);
	queue_error(&vtd);
	vt_clear_record(&vtd, 0);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	vt_clear_record(&vtd, 1);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP); /* IQE is left */
	vt_store(&vtd, vtd.queue, 0x11);
	vt_set32(&vtd, R_FSTS, 0x10);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	vt_set32(&vtd, R_FECTL, 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void an_overflow_keeps_a_fault_event_pending(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	for (unsigned i = 0; i < VTD_FAULTS + 1; i++)
		fault(&vtd);
	clear_records(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	vt_set32(&vtd, R_FSTS, 0x1);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	vt_stop(&vtd);
}

static void a_fault_hidden_by_fpd_is_no_event(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_FECTL, 0);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3);
	fault(&vtd);
	vt_no_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

static void the_pending_bit_cannot_be_written(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_FECTL, IM | IP);
	vt_set32(&vtd, R_IECTL, IM | IP);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	assert_int_equal(vt_get32(&vtd, R_IECTL), IM);
	fault(&vtd);
	vt_set32(&vtd, R_FECTL, IM);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	vt_stop(&vtd);
}

static void an_unmasked_completion_event_goes_out_at_once(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	complete_wait(&vtd);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_ICS), 1);
	assert_int_equal(vt_get32(&vtd, R_IECTL), 0);
	vt_stop(&vtd);
}

static void completions_before_iwc_is_cleared_send_no_further_message(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	for (unsigned i = 0; i < 3; i++) {
		complete_wait(&vtd);
		assert_message(&vtd);
		complete_wait(&vtd);
		complete_wait(&vtd);
		vt_no_message(&vtd);
		vt_set32(&vtd, R_ICS, 0);
		assert_int_equal(vt_get32(&vtd, R_ICS), 1);
		vt_set32(&vtd, R_ICS, 1);
		assert_int_equal(vt_get32(&vtd, R_ICS), 0);
	}
	vt_stop(&vtd);
}

static void a_masked_completion_event_waits_or_is_dropped_with_iwc(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	complete_wait(&vtd);
	assert_int_equal(vt_get32(&vtd, R_IECTL), IM | IP);
	vt_no_message(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_IECTL), 0);

	vt_set32(&vtd, R_IECTL, IM);
	vt_set32(&vtd, R_ICS, 1);
	complete_wait(&vtd);
	assert_int_equal(vt_get32(&vtd, R_IECTL), IM | IP);
	vt_set32(&vtd, R_ICS, 1);
	assert_int_equal(vt_get32(&vtd, R_IECTL), IM);
	vt_set32(&vtd, R_IECTL, 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void a_wait_without_the_interrupt_flag_is_no_event(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	vt_submit(&vtd, 0x25, 0x8000);
	vt_submit(&vtd, 0x45, 0);
	vt_submit(&vtd, 0x11, 0);
	assert_int_equal(vt_get32(&vtd, R_ICS), 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void the_two_events_do_not_touch_each_other(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	fault(&vtd);
	vt_no_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_IECTL), 0);
	complete_wait(&vtd);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	vt_set32(&vtd, R_ICS, 1);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM | IP);
	clear_records(&vtd);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	vt_stop(&vtd);
}

/* "Never subject to interrupt remapping": with IRE on and an empty table the message still comes. */
static void event_messages_are_not_remapped(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_set64(&vtd, R_IRTA, vt_page(&vtd));
	vt_set32(&vtd, R_GCMD, G_TE | G_QIE | G_SIRTP);
	vt_command(&vtd, G_IRE, true);
	vt_set32(&vtd, R_FECTL, 0);
	fault(&vtd);
	assert_message(&vtd);
	vt_set32(&vtd, R_IECTL, 0);
	complete_wait(&vtd);
	assert_message(&vtd);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

static void without_extended_interrupts_the_upper_address_is_zero(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_EIM });
	program(&vtd, R_FECTL);
	vt_set32(&vtd, R_FECTL, 0);
	fault(&vtd);
	assert_int_equal(vt_only_message(&vtd).address, 0xfee05000);
	vt_stop(&vtd);
}

static void a_reset_masks_the_events_and_drops_what_was_pending(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	fault(&vtd);
	complete_wait(&vtd);
	iommusim_unit_reset(vtd.unit, false);
	assert_int_equal(vt_get32(&vtd, R_FECTL), IM);
	assert_int_equal(vt_get32(&vtd, R_IECTL), IM);
	vt_set32(&vtd, R_FECTL, 0);
	vt_set32(&vtd, R_IECTL, 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

/* Messages come from the segment the unit is in. Here a queue error sends one: IQA names no memory. */
static void a_message_names_the_segment_of_its_unit(void **state)
{
	const struct iommusim_vtd_config config = {
		.base = VTD_BASE,
		.segment = 3,
		.version = 0x10,
		.capability = VTD_DEFAULT_CAP,
		.ext_capability = VTD_DEFAULT_ECAP,
		.host_address_width = VTD_HAW,
	};
	struct vtd_fixture vtd = { .cap = config.capability, .ecap = config.ext_capability };

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &vtd.machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, &vtd.unit), IOMMUSIM_OK);
	program(&vtd, R_FECTL);
	vt_set32(&vtd, R_FECTL, 0);
	vt_set32(&vtd, R_IQT, 0x10);
	vt_command(&vtd, G_QIE, true);
	assert_int_equal(vt_only_message(&vtd).segment, 3);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_masked_fault_event_waits_and_goes_out_once_when_it_is_unmasked),
		cmocka_unit_test(an_unmasked_fault_event_goes_out_at_once),
		cmocka_unit_test(only_the_first_condition_sends_a_message),
		cmocka_unit_test(a_queue_error_is_a_fault_event),
		cmocka_unit_test(a_pending_fault_event_is_dropped_when_everything_was_serviced),
		cmocka_unit_test(an_overflow_keeps_a_fault_event_pending),
		cmocka_unit_test(a_fault_hidden_by_fpd_is_no_event),
		cmocka_unit_test(the_pending_bit_cannot_be_written),
		cmocka_unit_test(an_unmasked_completion_event_goes_out_at_once),
		cmocka_unit_test(completions_before_iwc_is_cleared_send_no_further_message),
		cmocka_unit_test(a_masked_completion_event_waits_or_is_dropped_with_iwc),
		cmocka_unit_test(a_wait_without_the_interrupt_flag_is_no_event),
		cmocka_unit_test(the_two_events_do_not_touch_each_other),
		cmocka_unit_test(event_messages_are_not_remapped),
		cmocka_unit_test(without_extended_interrupts_the_upper_address_is_zero),
		cmocka_unit_test(a_reset_masks_the_events_and_drops_what_was_pending),
		cmocka_unit_test(a_message_names_the_segment_of_its_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
