/* Runs of the benchmarks set side by side: which ratios are how far apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runs.h"
#include "tests/command_run.h"
#include "tests/own_files.h"

/* The name of the program is no word of compare_runs(). */
static int compare(int count, char **words)
{
	return compare_runs(count - 1, words + 1);
}

#define run(...) command_run(compare, "compare", __VA_ARGS__)

static void the_farthest_comes_first(void **state)
{
	const char *first = folder_write("first.json",
	    "{\"name\":\"a/vtd\",\"ratios\":{\"textbook\":1.0,\"call\":2.0}}\n"
	    "{\"name\":\"b/vtd\",\"ratios\":{\"textbook\":0.5}}\n"
	    "{\"name\":\"only-here\",\"ratios\":{\"textbook\":7}}\n");
	const char *second = folder_write("second.json",
	    "{\"name\":\"a/vtd\",\"ratios\":{\"textbook\":1.15,\"call\":1.6}}\n"
	    "{\"name\":\"b/vtd\",\"ratios\":{\"textbook\":0.55}}\n");
	struct command_run result = run(first, second, NULL);
	const char *call =
	    strstr(result.output, "a/vtd                        call                  25.0%");
	const char *near =
	    strstr(result.output, "b/vtd                        textbook              10.0%");

	(void)state;
	assert_int_equal(result.code, 0);
	assert_non_null(call);
	assert_non_null(near);
	assert_true(call < near);
	assert_null(strstr(result.output, "only-here"));
	assert_contains(result.output, "3 ratios in 2 runs: 2 within 15 %, 1 not.");
	command_run_free(&result);
	result = run("--within", "5", first, second, NULL);
	assert_contains(result.output, "3 ratios in 2 runs: 0 within 5 %, 3 not.");
	command_run_free(&result);
}

static void what_is_no_run_is_refused(void **state)
{
	const char *good = folder_write("good.json", "{\"name\":\"a\",\"ratios\":{}}\n");
	const char *bad = folder_write("bad.json", "{\"name\":\"a\"}\n");
	struct command_run result = run(good, bad, NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "this is not what --json wrote:");
	command_run_free(&result);
	result = run(good, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "two files or more");
	command_run_free(&result);
	result = run(good, "/nowhere/x.json", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "cannot read \"/nowhere/x.json\"");
	command_run_free(&result);
	result = run("--within", good, good, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "there is no number after \"--within\"");
	command_run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_farthest_comes_first),
		cmocka_unit_test(what_is_no_run_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
