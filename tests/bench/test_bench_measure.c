/* Taking turns: who comes when, how often, and what comes of it. What a clock says is no test's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "measure.h"
#include "places.h"

enum { ROUNDS = 8, TOTAL = 64, SLICE = 16 };

/* Writes down what is asked of it. */
struct player {
	char name;
	uint64_t fails_after; /* slices; 0: never */
	uint64_t slices;
};

static char story[1 << 12];

static void note(char what)
{
	const size_t length = strlen(story);

	if (length + 1 < sizeof(story))
		story[length] = what;
}

static bool prepare(void *context)
{
	const struct player *player = context;

	note(player->name);
	return true;
}

static bool run(void *context, uint64_t first, uint64_t count)
{
	struct player *player = context;

	assert_int_equal(count, SLICE);
	assert_int_equal(first, player->slices * SLICE % TOTAL);
	player->slices++;
	return player->fails_after == 0 || player->slices < player->fails_after;
}

static const struct measure_plan plan = { TOTAL, SLICE, ROUNDS, false };

/* Each begins a round in turn, and the round before the first is like any other. */
static void everyone_begins_in_turn(void **state)
{
	struct player a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	const struct contestant contestants[] = { { "a", &a, prepare, run }, { "b", &b, prepare, run },
		{ "c", &c, prepare, run } };
	struct measured results[3];

	(void)state;
	memset(story, 0, sizeof(story));
	assert_int_equal(measure(&plan, contestants, 3, results), MEASURE_DONE);
	assert_memory_equal(story, "abcabcbcacabab", 14);
	assert_true(a.slices >= (ROUNDS + 1) * TOTAL / SLICE);
	assert_true(a.slices <= (ROUNDS * MEASURE_MORE + 1) * TOTAL / SLICE);
	assert_int_equal(a.slices, b.slices);
	assert_int_equal(a.slices, c.slices);
	assert_string_equal(results[2].name, "c");
	assert_true(results[0].ratio == 1);
}

static void a_failure_ends_it(void **state)
{
	struct player a = { .name = 'a' }, b = { .name = 'b', .fails_after = 9 };
	const struct contestant contestants[] = { { "a", &a, NULL, run }, { "b", &b, NULL, run } };
	struct measured results[2];

	(void)state;
	assert_int_equal(measure(&plan, contestants, 2, results), MEASURE_FAILED);
	assert_int_equal(b.slices, 9);
}

/* ---- places ------------------------------------------------------------------------------------------------ */

static bool make(void *context)
{
	(void)context;
	note('(');
	return true;
}

static bool check(void *context)
{
	const struct player *player = context;

	note('?');
	return player->fails_after != 1;
}

static void drop(void *context)
{
	(void)context;
	note(')');
}

/* The rounds of every place count. */
static void places_are_made_and_dropped(void **state)
{
	struct player a = { .name = '.' };
	const struct contestant contestants[] = { { "a", &a, NULL, run } };
	const struct bench_place place = { .context = &a, .make = make, .check = check, .drop = drop };
	struct bench_result result = { .count = 1 };

	(void)state;
	memset(story, 0, sizeof(story));
	assert_true(bench_in_places(&plan, 4, &place, contestants, &result));
	assert_string_equal(story, "(?)(?)(?)(?)");
	assert_true(a.slices >= (ROUNDS + 4) * TOTAL / SLICE);
	assert_true(result.series[0].ratio == 1);
}

/* What it shows is left for its owner. */
static void a_place_that_is_wrong_is_left_as_it_is(void **state)
{
	struct player a = { .name = '.' }, judge = { .fails_after = 1 };
	const struct contestant contestants[] = { { "a", &a, NULL, run } };
	const struct bench_place place = {
		.context = &judge, .make = make, .check = check, .drop = drop
	};
	struct bench_result result = { .count = 1 };

	(void)state;
	memset(story, 0, sizeof(story));
	assert_false(bench_in_places(&plan, 4, &place, contestants, &result));
	assert_string_equal(story, "(?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone_begins_in_turn),
		cmocka_unit_test(a_failure_ends_it),
		cmocka_unit_test(places_are_made_and_dropped),
		cmocka_unit_test(a_place_that_is_wrong_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
