/* Kernel printf and the console. */
#include "tests/kshim/fixture.h"

#include "tests/kshim/kern_printf.h"

static const char *print(int number)
{
	iommusim_kernel_console_clear(fixture_kernel);
	fixture_run(kern_print, &number);
	return iommusim_kernel_console(fixture_kernel);
}

static void test_standard_conversions(void **state)
{
	(void)state;
	assert_string_equal(print(0), "-1 7 0x1f fed90000 s|   ab|ab   |ab x %");
	assert_string_equal(print(4), "-5 5 8 44 00000abc    7 007 0x10");
	assert_string_equal(print(5), "(null)");
}

static void test_bits_are_named(void **state)
{
	(void)state;
	assert_string_equal(print(1), "reg=3<BITTWO,BITONE>"); /* the manual's own example */
	assert_string_equal(print(2), "0 80000001<LOW,HIGH>");
}

static void test_bytes_are_dumped(void **state)
{
	(void)state;
	assert_string_equal(print(3), "00:1b:21:ff:0a:05 00-1b-21");
}

static void test_the_console_keeps_everything(void **state)
{
	const char *text = print(6);

	(void)state;
	assert_int_equal(strlen(text), 10 * 15 + 90 * 16);
	assert_non_null(strstr(text, "line 99 of many\n"));
	iommusim_kernel_console_clear(fixture_kernel);
	assert_string_equal(iommusim_kernel_console(fixture_kernel), "");
}

static void test_snprintf_cuts_and_says_how_long_it_was(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(kern_print_short(out, sizeof(out)), 17);
	assert_string_equal(out, "vtd.reg");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_standard_conversions),
		TEST(test_bits_are_named),
		TEST(test_bytes_are_dumped),
		TEST(test_the_console_keeps_everything),
		TEST(test_snprintf_cuts_and_says_how_long_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
