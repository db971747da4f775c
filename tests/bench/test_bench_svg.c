/* Charts: well-formed whatever the texts are, axes that end at round numbers, and a reader of XML that can tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "svg.h"
#include "tests/bench/xml.h"

static void xml_is_read(void **state)
{
	(void)state;
	assert_null(xml_wrong("<?xml version=\"1.0\"?><a b=\"1\"><c/>x &amp; y</a>\n"));
	assert_non_null(xml_wrong("<a><b></a></b>"));
	assert_non_null(xml_wrong("<a>"));
	assert_non_null(xml_wrong("<a/><b/>"));
	assert_non_null(xml_wrong("<a b=1/>"));
	assert_non_null(xml_wrong("<a>x & y</a>"));
	assert_non_null(xml_wrong("<a b=\"<\"/>"));
}

static void axes_end_at_round_numbers(void **state)
{
	static const struct {
		double largest;
		double end;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 1.1, 2 }, { 2.1, 5 }, { 5.1, 10 }, { 99, 100 },
		{ 101, 200 }, { 0.03, 0.05 }, { 0.1, 0.1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_float_equal(svg_axis_end(cases[i].largest), cases[i].end, 1e-9);
}

static char *draw(bool bars)
{
	static const char *const places[] = { "a<b", "c&d" };
	static const double one[] = { 1, 2 }, two[] = { -1, 4 };
	const struct svg_chart chart = { .title = "\"quoted\"",
		.x_label = "x (GiB)",
		.y_label = "y (ns)",
		.places = places,
		.count = 2,
		.series = { { "one", one }, { "two > one", two } },
		.bars = bars };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	svg_begin(out, 2);
	svg_chart(out, 0, &chart);
	svg_chart(out, 1, &chart);
	svg_end(out);
	fclose(out);
	return text;
}

static unsigned count(const char *text, const char *part)
{
	unsigned times = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		times++;
	return times;
}

static void charts_are_well_formed(void **state)
{
	char *lines = draw(false), *bars = draw(true);

	(void)state;
	assert_null(xml_wrong(lines));
	assert_null(xml_wrong(bars));
	/* Of two series and two places one value is missing; two charts. */
	assert_int_equal(count(lines, "<circle"), 2 * 3);
	assert_int_equal(count(lines, "<polyline"), 2 * 2);
	assert_int_equal(count(bars, "<rect"), 2 * (3 + 2)); /* bars and the legend */
	assert_int_equal(count(bars, "x (GiB)"), 2);
	assert_int_equal(count(bars, "y (ns)"), 2);
	assert_non_null(strstr(bars, "a&lt;b"));
	assert_non_null(strstr(bars, "two &gt; one"));
	free(lines);
	free(bars);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xml_is_read),
		cmocka_unit_test(axes_end_at_round_numbers),
		cmocka_unit_test(charts_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
