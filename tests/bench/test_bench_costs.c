/* Cost tables: what can be read, what cannot and where, and time added up by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/costs.h"

static void rows_replace_those_of_the_default(void **state)
{
	struct costs costs;
	char error[256] = "";

	(void)state;
	costs_default(&costs);
	assert_float_equal(costs.walk_access, 82.5, 1e-9);
	assert_float_equal(costs.iotlb_sets, 16, 0);
	assert_float_equal(costs.iotlb_ways, 4, 0);
	assert_float_equal(costs.invalidations[IOMMUSIM_INVALIDATE_PAGES], 586, 0);
	assert_float_equal(costs.invalidations[IOMMUSIM_INVALIDATE_WAIT], 100, 0);
	assert_true(costs_parse(&costs, "t",
	    "# mine\n\n\twalk-access 7 ns # quick\r\ninvalidate-pages 0.5 ns\nwait 1e3 ns", error,
	    sizeof(error)));
	assert_float_equal(costs.walk_access, 7, 0);
	assert_float_equal(costs.invalidations[IOMMUSIM_INVALIDATE_PAGES], 0.5, 0);
	assert_float_equal(costs.invalidations[IOMMUSIM_INVALIDATE_WAIT], 1000, 0);
	assert_float_equal(costs.invalidations[IOMMUSIM_INVALIDATE_ALL], 586, 0);
}

/* Every row is in the built-in table: whoever edits it sees them all. */
static void the_default_names_every_row(void **state)
{
	struct costs costs;
	char error[256] = "";

	(void)state;
	memset(&costs, 0xff, sizeof(costs));
	assert_true(costs_parse(&costs, "costs.txt", costs_default_text, error, sizeof(error)));
	for (size_t i = 0; i < sizeof(costs) / sizeof(double); i++)
		assert_true(((const double *)(const void *)&costs)[i] >= 0);
}

static void errors_name_line_and_column(void **state)
{
	static const struct {
		const char *text;
		const char *error; /* how it begins */
	} cases[] = {
		{ "walk-access 1 ns\nwalks 3 ns\n", "t:2:1: there is no cost called \"walks\"" },
		{ "\n  wait\n", "t:2:7: a number was expected after \"wait\"" },
		{ "wait ten ns\n", "t:1:6: \"ten\" is no number" },
		{ "wait -1 ns\n", "t:1:6: \"-1\" is no number" },
		{ "wait nan ns\n", "t:1:6: \"nan\" is no number" },
		{ "wait 1x ns\n", "t:1:6: \"1x\" is no number" },
		{ "wait 1\n", "t:1:7: the unit of wait is ns" },
		{ "wait 1 us\n", "t:1:8: the unit of wait is ns" },
		{ "wait 1 ns 2\n", "t:1:10: nothing but a comment" },
		{ "iotlb-sets 3 entries\n", "t:1:12: iotlb-sets cannot be 3" },
		{ "iotlb-ways 65 entries\n", "t:1:12: iotlb-ways cannot be 65" },
		{ "iotlb-ways 2.5 entries\n", "t:1:12: iotlb-ways cannot be 2.5" },
		{ "invalidate-wait 1 ns\n", "t:1:1: there is no cost called" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct costs costs;
		char error[256] = "";

		costs_default(&costs);
		assert_false(costs_parse(&costs, "t", cases[i].text, error, sizeof(error)));
		if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("\"%s\" instead of \"%s\"", error, cases[i].error);
	}
}

static void long_lines_and_short_rooms(void **state)
{
	struct costs costs;
	char line[400], error[256], little[8] = "";

	(void)state;
	costs_default(&costs);
	memset(line, '#', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_false(costs_parse(&costs, "t", line, error, sizeof(error)));
	assert_string_equal(error, "t:1:1: the line is longer than 255 characters");
	assert_false(costs_parse(&costs, "a long name", "x 1 ns", little, sizeof(little)));
	assert_int_equal(little[sizeof(little) - 1], '\0');
}

static void files_that_cannot_be_read(void **state)
{
	struct costs costs;
	char error[256];

	(void)state;
	assert_false(costs_read(&costs, "/nonexistent/costs", error, sizeof(error)));
	assert_string_equal(error, "/nonexistent/costs: cannot be read");
}

/* 3 x 10 + 5 x 2 + 7 x 4 + 2 x 100 + 1 x 1000 + 3 x 20 + 4096 x 0.5 = 3376 */
static void time_is_added_up(void **state)
{
	struct costs costs = {
		.walk_access = 10, .register_read = 2, .register_write = 4, .copy_byte = 0.5
	};
	struct costs_events events = {
		.walk_accesses = 3, .register_reads = 5, .register_writes = 7, .copied = 4096
	};

	(void)state;
	costs.invalidations[IOMMUSIM_INVALIDATE_PAGES] = 100;
	costs.invalidations[IOMMUSIM_INVALIDATE_ALL] = 1000;
	costs.invalidations[IOMMUSIM_INVALIDATE_WAIT] = 20;
	events.invalidations[IOMMUSIM_INVALIDATE_PAGES] = 2;
	events.invalidations[IOMMUSIM_INVALIDATE_ALL] = 1;
	events.invalidations[IOMMUSIM_INVALIDATE_WAIT] = 3;
	events.invalidations[IOMMUSIM_INVALIDATE_DEVICE] = 9; /* costs nothing here */
	assert_float_equal(costs_model(&costs, &events), 3376, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_replace_those_of_the_default),
		cmocka_unit_test(the_default_names_every_row),
		cmocka_unit_test(errors_name_line_and_column),
		cmocka_unit_test(long_lines_and_short_rooms),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(time_is_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
