/* A panic ends a call, not the process, and the kernel stays usable. */
#include "tests/kshim/fixture.h"

#include <signal.h>

#include "tests/kshim/kern_panic.h"

static void test_a_panic_is_a_value(void **state)
{
	struct iommusim_kernel_panic panic;
	int number = 3;

	(void)state;
	panic = fixture_run_to_panic(kern_panic, &number, "unit 3 is on fire: 0x5<ONE,THREE>");
	assert_string_equal(panic.message, "unit 3 is on fire: 0x5<ONE,THREE>");
	assert_non_null(strstr(panic.file, "kern_panic.c"));
	assert_int_equal(panic.line, 15);
	assert_false(panic.assertion);
	assert_string_equal(
	    iommusim_kernel_console(fixture_kernel), "panic: unit 3 is on fire: 0x5<ONE,THREE>\n");
}

static void test_an_assertion_that_fails_is_told_apart(void **state)
{
	int number = 7;

	(void)state;
	assert_true(fixture_run_to_panic(kern_assert, &number, "kern_assert: 7").assertion);
	assert_true(
	    fixture_run_to_panic(kern_mpass, NULL, "Assertion sizeof(lock) == 1 failed").assertion);
	number = 8;
	fixture_run(kern_assert, &number);
}

static void test_locks_of_a_panic_are_forgotten(void **state)
{
	struct iommusim_kernel_result result;

	(void)state;
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_call(fixture_kernel, kern_panic_with_lock, NULL, &result), IOMMUSIM_EFAULT);
	assert_int_equal(result.locks_held, 1);
	assert_non_null(strstr(result.locks, "panic lock ("));
	fixture_run(kern_take_lock_again, NULL);
}

static void test_a_lock_held_at_return_is_reported(void **state)
{
	struct iommusim_kernel_result result;

	(void)state;
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_call(fixture_kernel, kern_return_with_lock, NULL, &result), IOMMUSIM_EBUSY);
	assert_false(result.panicked);
	assert_int_equal(result.locks_held, 1);
	assert_non_null(strstr(result.locks, "kern_panic.c:39"));
	fixture_run(kern_take_lock_again, NULL);
}

static sigjmp_buf out;
static struct iommusim_kernel_panic seen;

static void panicked(void *context, const struct iommusim_kernel_panic *panic)
{
	*(int *)context += 1;
	seen = *panic;
	siglongjmp(out, 1);
}

static void test_a_panic_outside_a_call_goes_to_the_handler(void **state)
{
	static int count;
	const struct iommusim_kernel_options options = { .panicked = panicked,
		.panicked_context = &count };
	int number = 9;

	(void)state;
	fixture_machine_up();
	fixture_kernel_up(&options);
	count = 0;
	if (sigsetjmp(out, 1) == 0)
		kern_panic(&number);
	assert_int_equal(count, 1);
	assert_non_null(strstr(seen.message, "unit 9"));
}

static bool blocked(int number)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	return sigismember(&mask, number) == 1;
}

static void on_signal(int number)
{
	int unit = 11;

	(void)number;
	assert_true(blocked(SIGUSR1));
	assert_true(blocked(SIGUSR2));
	kern_panic(&unit);
}

static void raise_signal(void *context)
{
	(void)context;
	raise(SIGUSR1);
}

/* As from inside a trapped access: the handler is left, and what it kept away may come again. */
static void test_a_panic_in_a_signal_handler_restores_the_mask(void **state)
{
	struct sigaction action = { .sa_handler = on_signal }, before;

	(void)state;
#ifdef __SANITIZE_THREAD__
	print_message("ThreadSanitizer allows no panic, which takes memory, in a signal handler\n");
	skip();
#endif
	sigaddset(&action.sa_mask, SIGUSR2);
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	for (unsigned i = 0; i < 3; i++) {
		fixture_run_to_panic(raise_signal, NULL, "unit 11");
		assert_false(blocked(SIGUSR1));
		assert_false(blocked(SIGUSR2));
	}
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void block_and_panic(void *context)
{
	sigset_t set;
	int unit = 12;

	(void)context;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	kern_panic(&unit);
}

/* Without signal handlers in between, no call asks for the mask, and no panic changes it. */
static void test_without_signals_the_mask_is_left_alone(void **state)
{
	const struct iommusim_kernel_options options = { .registers.no_signals = true };
	sigset_t set;

	(void)state;
	fixture_machine_up();
	fixture_kernel_up(&options);
	fixture_run_to_panic(block_and_panic, NULL, "unit 12");
	assert_true(blocked(SIGUSR2));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void nested(void *context)
{
	struct iommusim_kernel_result result;

	*(int *)context = (int)iommusim_kernel_call(fixture_kernel, kern_mpass, NULL, &result);
	assert_true(result.panicked);
}

static void test_calls_nest(void **state)
{
	int status = -1;

	(void)state;
	fixture_run(nested, &status);
	assert_int_equal(status, IOMMUSIM_EFAULT);
}

static void test_boot_happens_once(void **state)
{
	(void)state;
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_EEXIST);
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_panic_is_a_value),
		TEST(test_an_assertion_that_fails_is_told_apart),
		TEST(test_locks_of_a_panic_are_forgotten),
		TEST(test_a_lock_held_at_return_is_reported),
		cmocka_unit_test_teardown(
		    test_a_panic_outside_a_call_goes_to_the_handler, fixture_down),
		TEST(test_a_panic_in_a_signal_handler_restores_the_mask),
		cmocka_unit_test_teardown(test_without_signals_the_mask_is_left_alone, fixture_down),
		TEST(test_calls_nest),
		TEST(test_boot_happens_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
