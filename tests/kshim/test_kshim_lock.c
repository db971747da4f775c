/* Locks keep their state; what would be a deadlock or a mistake is a panic. */
#include "tests/kshim/fixture.h"

#include "tests/kshim/kern_lock.h"

static void test_locks_used_well(void **state)
{
	(void)state;
	fixture_run(kern_lock_well, NULL);
}

static void test_mistakes_are_panics(void **state)
{
	static const char *const words[] = {
		"recursed on non-recursive mutex plain, taken at ",
		"mutex plain is released and not held",
		"not initialised, or destroyed",
		"sx lock shared is taken exclusively while held shared",
		"sx lock shared is released and not held that way",
		"rw lock rw is taken shared while held exclusively",
		"mutex plain is not held",
		"mutex plain is destroyed while it is held",
		"mutex plain is taken in a critical section",
		"not in a critical section",
		"sleeping (nap) with non-sleepable lock plain held",
	};

	(void)state;
	for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++)
		fixture_run_to_panic(kern_lock_badly, &i, words[i]);
	fixture_run(kern_lock_well, NULL);
}

static void test_a_critical_section_that_does_not_end_is_reported(void **state)
{
	int number = 99;

	(void)state;
	assert_int_equal(
	    iommusim_kernel_call(fixture_kernel, kern_lock_badly, &number, NULL), IOMMUSIM_EBUSY);
	fixture_run(kern_lock_well, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_locks_used_well),
		TEST(test_mistakes_are_panics),
		TEST(test_a_critical_section_that_does_not_end_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
