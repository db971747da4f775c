/* iommusim-bench as a command: its options, exit codes, JSON and charts. What the figures are is no test's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <json.h>

#include "tests/bench/xml.h"

#define OUTPUT (UINT64_C(1) << 18)

static char output[OUTPUT];

/* Its exit code; what it printed, stderr too when `with_errors`, is in `output`. */
static int run_program(const char *program, const char *options, bool with_errors)
{
	char command[1024];
	FILE *pipe;
	size_t length;

	snprintf(command, sizeof(command), "'%s' %s %s </dev/null", program, options,
	    with_errors ? "2>&1" : "2>/dev/null");
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static int run(const char *options)
{
	return run_program(BENCH_PROGRAM, options, true);
}

static void expect_refusal(const char *options, const char *message)
{
	if (run(options) != 2 || strstr(output, message) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", options, output, message);
}

static void bad_options_are_refused(void **state)
{
	(void)state;
	expect_refusal("--bogus", "there is no option \"--bogus\"");
	expect_refusal("nothing-of-that-name", "no benchmark's name contains \"nothing-of-that-name\"");
	expect_refusal("map-page unmap-page", "there is one FILTER already, before \"unmap-page\"");
	expect_refusal("--plot", "there is no file after \"--plot\"");
	expect_refusal("--plot x.svg", "only --growth can be plotted, to \"x.svg\"");
	expect_refusal("--growth map-page", "--growth takes no FILTER");
	expect_refusal("--growth --plot /nonexistent/x.svg", "cannot write \"/nonexistent/x.svg\"");
	expect_refusal("--instructions /nonexistent/x", "cannot read \"/nonexistent/x\"");
	expect_refusal("--instructions", "there is no file after \"--instructions\"");
	expect_refusal("--replay", "only --growth goes with \"--replay\"");
	expect_refusal("--growth --layout runs", "only a trace has a layout, such as \"runs\"");
	expect_refusal("--growth --replay --layout", "there is nothing after \"--layout\"");
	expect_refusal(
	    "--growth --replay --layout odd", "--layout is contiguous, runs or scattered, not \"odd\"");
	expect_refusal(
	    "--print-trace 3", "--print-trace takes GiB, a power of two up to 256, not \"3\"");
	expect_refusal("--compare", "two files or more go behind \"--compare\"");
}

static void bad_options_of_ops_are_refused(void **state)
{
	(void)state;
	expect_refusal("--ops --bogus", "there is no option \"--bogus\"");
	expect_refusal("--ops --vmm", "there is nothing after \"--vmm\"");
	expect_refusal("--ops --vmm 9.9", "there is no profile \"9.9\"");
	expect_refusal("--ops --unit both", "--unit is vtd or amdvi, not \"both\"");
	expect_refusal("--ops nothing", "there is no workload \"nothing\"");
	expect_refusal("--ops boot churn", "there is one WORKLOAD already, before \"churn\"");
	expect_refusal("--ops hotplug", "no policies are compared on \"hotplug\"");
	expect_refusal("--ops --costs /nonexistent/c", "/nonexistent/c: cannot be read");
	expect_refusal("--ops --vmm 13.0 --vmm 13.0 --vmm 13.0 --vmm 13.0 --vmm 13.0 --vmm 13.0 "
		       "--vmm 13.0 --vmm 13.0 --vmm 13.1",
	    "there are too many profiles, from \"13.1\"");
}

static void help_lists_every_name(void **state)
{
	static const char *const names[] = { "map-range/vtd", "map-scatter/amdvi", "map-page/vtd",
		"unmap-page/vtd", "unmap-range/amdvi", "translate-hit/vtd", "translate-miss/amdvi",
		"translate-batch/vtd", "threads-translate/amdvi", "reader-beside-mapper/vtd",
		"replay-lines/amdvi", "checker-map/vtd", "checker-hit/amdvi", "memory-per-mapping/vtd",
		"policy-keep/amdvi", "policy-remove/vtd", "policy-bounce/amdvi" };

	(void)state;
	assert_int_equal(run("--help"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_non_null(strstr(output, names[i]));
	assert_int_equal(run("--ops --help"), 0);
	assert_non_null(strstr(output, "superpages"));
}

/* Every line is an object with all of `keys`; how many lines there are. */
static unsigned check_json(const char *const *keys)
{
	unsigned lines = 0;
	char *rest = NULL;

	for (char *line = strtok_r(output, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct json_object *object = json_tokener_parse(line);

		assert_true(json_object_is_type(object, json_type_object));
		for (const char *const *key = keys; *key != NULL; key++)
			if (!json_object_object_get_ex(object, *key, NULL))
				fail_msg("no \"%s\" in %s", *key, line);
		json_object_put(object);
		lines++;
	}
	return lines;
}

static void a_benchmark_in_json(void **state)
{
	static const char *const keys[] = { "name", "unit", "value", "p99", "ratios", "baselines",
		"targets", "state", NULL };

	(void)state;
	assert_int_equal(run_program(BENCH_PROGRAM, "--quick --json memory-per-mapping", false), 0);
	assert_int_equal(check_json(keys), 2);
}

static char *read_file(const char *name)
{
	static char text[OUTPUT];
	FILE *in = fopen(name, "r");
	size_t length;

	assert_non_null(in);
	length = fread(text, 1, sizeof(text) - 1, in);
	text[length] = '\0';
	fclose(in);
	return text;
}

static void a_trace_that_grows(void **state)
{
	static const char *const keys[] = { "name", "layout", "guest_gib", "lines", "replay_ns",
		"destroy_ns", "table_mib", "beside_mib", NULL };
	char name[] = "/tmp/iommusim-plot-XXXXXX", options[128];
	const int file = mkstemp(name);

	(void)state;
	assert_true(file >= 0);
	close(file);
	snprintf(options, sizeof(options), "--growth --replay --quick --json --plot %s", name);
	assert_int_equal(run_program(BENCH_PROGRAM, options, false), 0);
	assert_int_equal(check_json(keys), 6); /* three sizes, two vendors */
	assert_null(xml_wrong(read_file(name)));
	unlink(name);
	/* The comment keeps the pipe from the redirection that goes behind all options. */
	assert_int_equal(run_program(BENCH_PROGRAM, "--print-trace 1 | sed -n '3,4p;$p' #", false), 0);
	assert_string_equal(output,
	    "iommu_create_domain(0x4000000000) = dom1\n"
	    "iommu_create_mapping(dom1, 0x0, 0x100000000, 0x1000)\n"
	    "iommu_destroy_domain(dom1)\n");
}

static const char *const row_keys[] = { "workload", "subject", "unit", "operation", "operations",
	"software_ns", "software_p99_ns", "hardware_ns", "calls", "register_reads", "register_writes",
	"invalidations", "dma", "misses", "lost", "walk_accesses", "copied_bytes", NULL };

static void a_comparison_in_json_and_as_a_chart(void **state)
{
	char name[] = "/tmp/iommusim-plot-XXXXXX", options[128];
	const int file = mkstemp(name);

	(void)state;
	assert_true(file >= 0);
	close(file);
	snprintf(options, sizeof(options), "--ops --quick --json --plot %s superpages", name);
	assert_int_equal(run_program(BENCH_PROGRAM, options, false), 0);
	assert_int_equal(check_json(row_keys), 4); /* two policies, two vendors */
	assert_null(xml_wrong(read_file(name)));
	unlink(name);
}

static void profiles_side_by_side(void **state)
{
	(void)state;
	assert_int_equal(
	    run_program(BENCH_PROGRAM,
		"--ops --quick --json --unit vtd --vmm 13.0 --vmm reference hotplug", false),
	    0);
	assert_int_equal(check_json(row_keys), 2);
}

/* The table that is printed can be read; one with a mistake is refused by its line. */
static void cost_tables_come_and_go(void **state)
{
	char name[] = "/tmp/iommusim-costs-XXXXXX", options[128];
	const int file = mkstemp(name);
	FILE *out = fdopen(file, "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(run("--ops --print-costs"), 0);
	fputs(output, out);
	fclose(out);
	snprintf(options, sizeof(options), "--ops --quick --unit vtd --costs %s superpages", name);
	assert_int_equal(run(options), 0);
	out = fopen(name, "w");
	assert_non_null(out);
	fputs("wait 1 ns\nwait 1 hour\n", out);
	fclose(out);
	assert_int_equal(run(options), 2);
	snprintf(options, sizeof(options), "%s:2:8: the unit of wait is ns", name);
	assert_non_null(strstr(output, options));
	unlink(name);
}

/* A kernel's driver is measured beside the built-in backend, and loses no DMA. */
static void a_driver_under_test(void **state)
{
	(void)state;
#ifdef BENCH_DRIVER
	assert_int_equal(run_program(BENCH_DRIVER, "--quick --json churn", false), 0);
	assert_non_null(strstr(output, "\"subject\":\"driver\""));
	assert_null(strstr(output, "\"lost\":1"));
	assert_int_equal(check_json(row_keys), 2);
#else
	print_message("SKIPPED: this build has no hooks for drivers\n");
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_options_are_refused),
		cmocka_unit_test(bad_options_of_ops_are_refused),
		cmocka_unit_test(help_lists_every_name),
		cmocka_unit_test(a_benchmark_in_json),
		cmocka_unit_test(a_trace_that_grows),
		cmocka_unit_test(a_comparison_in_json_and_as_a_chart),
		cmocka_unit_test(profiles_side_by_side),
		cmocka_unit_test(cost_tables_come_and_go),
		cmocka_unit_test(a_driver_under_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
