/*
 * The event log (AMD-Vi 2.5): when it runs, how it fills, overflows and starts again, two logs that take
 * turns, and the tail that hardware with an erratum moves too early. Events come from commands that are
 * illegal, one each. What is in an event: test_event_records.c; messages: test_own_interrupts.c.
 */
#include "amdvi_fixture.h"

/* The next illegal command, code 5: the buffer begins anew on the same one. */
static void make_event(struct amd_fixture *amd)
{
	am_control(amd, 0, C_CMD_BUF_EN);
	am_control(amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_status(amd) & S_CMD_RUN, 0);
}

static void make_events(struct amd_fixture *amd, unsigned count)
{
	while (count-- > 0)
		make_event(amd);
}

/* Everything on, and an illegal command, of which nobody knows yet. */
static void start(struct amd_fixture *amd, const struct amd_setup *setup)
{
	am_start(amd, setup);
	am_store(amd, amd->commands, UINT64_C(0xb) << 60);
	am_set32(amd, A_CMD_TAIL, 0x10);
	am_control(amd, C_EVENT_LOG_EN | C_IOMMU_EN, 0);
	assert_int_equal(am_status(amd), S_EVENT_RUN);
}

static bool is_event(struct amd_fixture *amd, uint64_t at)
{
	return am_load(amd, at) == UINT64_C(5) << 60 && am_load(amd, at + 8) == amd->commands;
}

static unsigned written(struct amd_fixture *amd, uint64_t log, unsigned entries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < entries; i++)
		count += is_event(amd, log + i * UINT64_C(16));
	return count;
}

static void it_runs_while_the_unit_and_the_log_are_on(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	assert_int_equal(am_status(&amd), 0);
	am_control(&amd, C_IOMMU_EN, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	assert_int_equal(am_status(&amd), 0);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN);
	am_control(&amd, 0, C_IOMMU_EN);
	assert_int_equal(am_status(&amd), 0);
	am_stop(&amd);
}

static void an_event_lands_at_the_tail(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	make_event(&amd);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0x10);
	assert_int_equal(am_get64(&amd, A_EVENT_HEAD), 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_true(is_event(&amd, amd.events));
	make_event(&amd);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0x20);
	assert_true(is_event(&amd, amd.events + 0x10));
	assert_int_equal(written(&amd, amd.events, 256), 2);
	am_stop(&amd);
}

static void what_is_off_takes_nothing(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	make_event(&amd);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0);
	assert_int_equal(am_status(&amd), 0);
	assert_int_equal(written(&amd, amd.events, 256), 0);
	am_stop(&amd);
}

static void it_wraps(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	start(&amd, NULL);
	for (unsigned i = 0; i < 600; i++) {
		make_event(&amd);
		am_store(&amd, amd.events + (i + 1) % 256 * UINT64_C(16), 0);
		am_only_event(&amd, event);
		assert_int_equal(event[0], UINT64_C(5) << 60);
		assert_int_equal(am_get64(&amd, A_EVENT_TAIL), (i + 1) % 256 * 16);
	}
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	am_stop(&amd);
}

/* 255 fit into 256 places. The next one is an overflow, and Run ends with it. */
static void a_full_log_overflows_and_stops(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	make_events(&amd, 255);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0xff0);
	assert_int_equal(written(&amd, amd.events, 256), 255);
	make_event(&amd);
	assert_int_equal(am_status(&amd), S_EVENT_OVERFLOW | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0xff0);
	assert_int_equal(written(&amd, amd.events, 256), 255);
	am_stop(&amd);
}

/* Room alone does not help, nor does clearing the overflow: it takes EventLogEn off and on. */
static void an_overflow_drops_everything_until_the_log_starts_again(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	make_events(&amd, 256);
	am_drain_events(&amd);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 0);
	am_set32(&amd, A_STATUS, S_EVENT_OVERFLOW | S_EVENT_INT);
	assert_int_equal(am_status(&amd), 0);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 0);
	am_control(&amd, C_EVENT_LOG_EN, 0); /* it is on already */
	make_event(&amd);
	assert_int_equal(am_events(&amd), 0);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 1);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0);
	am_stop(&amd);
}

/* No entries are written while EventOverflow is set (AMD-Vi 3.4, offset 2020h). */
static void with_the_overflow_set_it_does_not_start(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	make_events(&amd, 256);
	am_drain_events(&amd);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	assert_int_equal(am_status(&amd) & (S_EVENT_RUN | S_EVENT_OVERFLOW), S_EVENT_OVERFLOW);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 0);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_set32(&amd, A_STATUS, S_EVENT_OVERFLOW);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 1);
	am_stop(&amd);
}

/* Lengths 8 to 15: 2^length entries of 16 bytes. */
static void its_length_is_in_the_base_register(void **state)
{
	(void)state;
	for (unsigned length = 8; length < 16; length++) {
		const uint32_t last = (16u << length) - 16;
		struct amd_fixture amd;
		uint64_t log;

		am_start(&amd, NULL);
		log = am_pages(&amd, 128);
		am_store(&amd, amd.commands, UINT64_C(0xb) << 60);
		am_set32(&amd, A_CMD_TAIL, 0x10);
		am_set64(&amd, A_EVENT_BASE, log | (uint64_t)length << 56);
		am_set64(&amd, A_EVENT_HEAD, 0x20);
		am_set64(&amd, A_EVENT_TAIL, last);
		am_control(&amd, C_EVENT_LOG_EN | C_IOMMU_EN, 0);
		make_event(&amd);
		assert_true(is_event(&amd, log + last));
		assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0);
		make_event(&amd);
		assert_true(is_event(&amd, log));
		assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
		make_event(&amd);
		assert_int_equal(am_status(&amd), S_EVENT_OVERFLOW | S_EVENT_INT);
		am_stop(&amd);
	}
}

/* ---- two logs ------------------------------------------------------------------------------------------ */

/* DualEventLogEn (33:32): 0 log A, 1 log B, 2 the one takes over from the other. */
static uint64_t start_dual(struct amd_fixture *amd, uint64_t mode)
{
	uint64_t log;

	am_start(amd, NULL);
	log = am_page(amd);
	am_store(amd, amd->commands, UINT64_C(0xb) << 60);
	am_set32(amd, A_CMD_TAIL, 0x10);
	am_set64(amd, A_EVENTB_BASE, log | UINT64_C(8) << 56);
	am_control(amd, mode << 32, 0);
	am_control(amd, C_EVENT_LOG_EN | C_IOMMU_EN, 0);
	return log;
}

static void the_mode_says_which_log_is_used(void **state)
{
	struct amd_fixture amd;
	uint64_t log;

	(void)state;
	log = start_dual(&amd, 0);
	make_event(&amd);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(written(&amd, amd.events, 256), 1);
	assert_int_equal(written(&amd, log, 256), 0);
	am_stop(&amd);
	log = start_dual(&amd, 1);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_ACTIVE);
	make_event(&amd);
	assert_int_equal(written(&amd, amd.events, 256), 0);
	assert_int_equal(written(&amd, log, 256), 1);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0);
	assert_int_equal(am_get64(&amd, A_EVENTB_TAIL), 0x10);
	am_stop(&amd);
}

static void log_b_has_an_overflow_of_its_own(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_dual(&amd, 1);
	make_events(&amd, 256);
	assert_int_equal(am_status(&amd), S_EVENTB_OVERFLOW | S_EVENT_INT | S_EVENT_ACTIVE);
	assert_int_equal(am_get64(&amd, A_EVENTB_TAIL), 0xff0);
	am_stop(&amd);
}

/* The event that finds log A full goes to B, and so on until both have overflowed. */
static void with_swap_the_other_log_takes_over(void **state)
{
	struct amd_fixture amd;
	uint64_t log;

	(void)state;
	log = start_dual(&amd, 2);
	make_events(&amd, 255);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	make_event(&amd);
	assert_int_equal(
	    am_status(&amd), S_EVENT_RUN | S_EVENT_INT | S_EVENT_OVERFLOW | S_EVENT_ACTIVE);
	assert_int_equal(written(&amd, log, 256), 1);
	/* Software empties A, and says so: B is followed by A again. */
	am_set32(&amd, A_EVENT_HEAD, 0xff0);
	am_set32(&amd, A_STATUS, S_EVENT_OVERFLOW);
	make_events(&amd, 254);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT | S_EVENT_ACTIVE);
	make_event(&amd);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT | S_EVENTB_OVERFLOW);
	assert_int_equal(am_get64(&amd, A_EVENT_TAIL), 0);
	am_stop(&amd);
}

static void when_both_logs_have_overflowed_it_stops(void **state)
{
	struct amd_fixture amd;
	uint64_t log;

	(void)state;
	log = start_dual(&amd, 2);
	make_events(&amd, 255 + 255);
	assert_int_equal(
	    am_status(&amd), S_EVENT_RUN | S_EVENT_INT | S_EVENT_OVERFLOW | S_EVENT_ACTIVE);
	make_event(&amd);
	assert_int_equal(
	    am_status(&amd), S_EVENT_INT | S_EVENT_OVERFLOW | S_EVENTB_OVERFLOW | S_EVENT_ACTIVE);
	assert_int_equal(written(&amd, amd.events, 256) + written(&amd, log, 256), 510);
	am_drain_events(&amd);
	am_set32(&amd, A_EVENTB_HEAD, am_get32(&amd, A_EVENTB_TAIL));
	am_set32(&amd, A_STATUS, S_EVENT_OVERFLOW | S_EVENTB_OVERFLOW);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_control(&amd, C_EVENT_LOG_EN, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	make_event(&amd);
	assert_int_equal(am_events(&amd), 1);
	am_stop(&amd);
}

/* Room in it alone does not make the other log the next one: its overflow is to be cleared too. */
static void a_log_whose_overflow_is_set_does_not_take_over(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_dual(&amd, 2);
	make_events(&amd, 255 + 255);
	am_drain_events(&amd);
	make_event(&amd);
	assert_int_equal(
	    am_status(&amd), S_EVENT_INT | S_EVENT_OVERFLOW | S_EVENTB_OVERFLOW | S_EVENT_ACTIVE);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* ---- the erratum --------------------------------------------------------------------------------------- */

/* Software sees the tail, and waits for an entry that is not 0. */
static void with_the_erratum_the_entry_comes_after_its_tail(void **state)
{
	const struct amd_setup setup = { .choices.tail_before_entry = true };
	struct amd_fixture amd;

	(void)state;
	start(&amd, &setup);
	make_event(&amd);
	assert_int_equal(am_get32(&amd, A_EVENT_TAIL), 0x10);
	assert_int_equal(am_load(&amd, amd.events), 0);
	iommusim_step(amd.machine, 1);
	assert_true(is_event(&amd, amd.events));
	am_stop(&amd);
}

static void with_the_erratum_the_next_entry_brings_the_last(void **state)
{
	const struct amd_setup setup = { .choices.tail_before_entry = true };
	struct amd_fixture amd;

	(void)state;
	start(&amd, &setup);
	make_events(&amd, 2);
	assert_true(is_event(&amd, amd.events));
	assert_int_equal(am_load(&amd, amd.events + 0x10), 0);
	assert_int_equal(am_get32(&amd, A_EVENT_TAIL), 0x20);
	am_get32(&amd, A_STATUS); /* any access is a tick */
	assert_true(is_event(&amd, amd.events + 0x10));
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs_while_the_unit_and_the_log_are_on),
		cmocka_unit_test(an_event_lands_at_the_tail),
		cmocka_unit_test(what_is_off_takes_nothing),
		cmocka_unit_test(it_wraps),
		cmocka_unit_test(a_full_log_overflows_and_stops),
		cmocka_unit_test(an_overflow_drops_everything_until_the_log_starts_again),
		cmocka_unit_test(with_the_overflow_set_it_does_not_start),
		cmocka_unit_test(its_length_is_in_the_base_register),
		cmocka_unit_test(the_mode_says_which_log_is_used),
		cmocka_unit_test(log_b_has_an_overflow_of_its_own),
		cmocka_unit_test(with_swap_the_other_log_takes_over),
		cmocka_unit_test(when_both_logs_have_overflowed_it_stops),
		cmocka_unit_test(a_log_whose_overflow_is_set_does_not_take_over),
		cmocka_unit_test(with_the_erratum_the_entry_comes_after_its_tail),
		cmocka_unit_test(with_the_erratum_the_next_entry_brings_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
