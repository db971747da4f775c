/* That many tests of a driver, each in a process of its own, take no long time: api_cases.c, a thousand of one kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

/* In under 60 s on two processors: counted in processor time, so that others' work does not. */
static void a_thousand_tests_take_no_minute(void **state)
{
	struct rusage before, after;
	char output[4096];
	size_t length;
	FILE *pipe;

	(void)state;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &before), 0);
	assert_int_equal(setenv("API_CASES_MANY", "1", 1), 0);
	pipe = popen(CASES " -j 2 2>&1 | tail -2", "r");
	assert_non_null(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &after), 0);
	assert_string_equal(output, "[==========] 1000 test(s) run.\n[  PASSED  ] 1000 test(s).\n");
	assert_in_range(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
		before.ru_stime.tv_sec,
	    0, 2 * 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_tests_take_no_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
