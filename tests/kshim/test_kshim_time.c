/* DELAY, callouts, tasks and sleeping, on the machine's clock. */
#include "tests/kshim/fixture.h"

#include <iommusim/clock.h>

#include "tests/kshim/kern_time.h"

static int up(void **state)
{
	kern_calls = kern_task_runs = 0;
	return fixture_up(state);
}

static void note(void *context)
{
	*(uint64_t *)context = iommusim_clock_now(fixture_machine);
}

static void test_delay_lets_the_models_go_on(void **state)
{
	uint64_t at = 0;
	int microseconds = 1000;

	(void)state;
	assert_int_equal(iommusim_clock_schedule(fixture_machine, 400, note, &at), IOMMUSIM_OK);
	fixture_run(kern_delay, &microseconds);
	assert_in_range(at, 400, 1000); /* it ran within the DELAY */
	assert_int_equal(iommusim_clock_now(fixture_machine), 1000);
}

static void test_a_microsecond_is_as_many_ticks_as_the_test_says(void **state)
{
	const struct iommusim_kernel_options options = { .ticks_per_microsecond = 25 };
	int microseconds = 4;

	(void)state;
	fixture_machine_up();
	fixture_kernel_up(&options);
	fixture_run(kern_delay, &microseconds);
	assert_int_equal(iommusim_clock_now(fixture_machine), 100);
}

static void test_callouts_run_at_their_times_in_order(void **state)
{
	(void)state;
	fixture_run(kern_start_callouts, NULL);
	assert_int_equal(iommusim_kernel_run(fixture_kernel, 999, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_calls, 0);
	assert_int_equal(iommusim_kernel_run(fixture_kernel, 5000, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_calls, 2);
	assert_int_equal(kern_called_at[0], 1000);
	assert_int_equal(kern_called_at[1], 3000);
}

static void test_a_critical_section_holds_them_off(void **state)
{
	(void)state;
	fixture_run(kern_start_callouts, NULL);
	fixture_run(kern_delay_in_critical, NULL);
	assert_int_equal(kern_calls, 2);
}

static void test_tasks_run_when_their_caller_is_done(void **state)
{
	(void)state;
	fixture_run(kern_enqueue, NULL);
	assert_int_equal(kern_task_runs, 2); /* once, for two askings */
}

static void test_sleepers_are_woken(void **state)
{
	int error = -1;

	(void)state;
	fixture_run(kern_sleep_until_task, &error);
	assert_int_equal(error, 0);
	fixture_run_to_panic(kern_sleep_for_ever, NULL, "for ever");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_delay_lets_the_models_go_on),
		cmocka_unit_test_teardown(
		    test_a_microsecond_is_as_many_ticks_as_the_test_says, fixture_down),
		TEST(test_callouts_run_at_their_times_in_order),
		TEST(test_a_critical_section_holds_them_off),
		TEST(test_tasks_run_when_their_caller_is_done),
		TEST(test_sleepers_are_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
