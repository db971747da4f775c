/* What docs/capture/vmm-iommu.d prints: order, pairs, names, runs of pages; and that script and importer agree. */
#include <stdio.h>

#include "import/imported.h"

#define SCRIPT IOMMUSIM_SOURCE_DIR "/docs/capture/vmm-iommu.d"

/* ---- the sample ---------------------------------------------------------------------------------------- */

static void what_initialises_the_iommu_is_one_call(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", NULL);
	const char *trace = imported.trace;

	(void)state;
	assert_line(&imported, "machine(iommu=vtd, memory=4G)");
	assert_line(&imported, "device(00:17.0, \"pci0:23:0\")  # 10: 1310, the host's");
	assert_line(&imported, "device(00:1f.2, \"pci0:31:2\")  # 12: 1330, the host's");
	assert_true(line_of(trace, "iommu_init()") > line_of(trace, "device(00:1f.2"));
	assert_int_equal(line_of(trace, "iommu_create_domain(0x440000000) = dom1"),
	    line_of(trace, "iommu_init()") + 1);
	line_of(trace,
	    "# 8: 1230: iommu_create_mapping(dom_fffff80001000000, 0x0, 0x0, 0x140000000), part of");
	line_of(
	    trace, "# 12: 1330: iommu_add_device(dom_fffff80001000000, 0xfa), part of iommu_init()");
	imported_free(&imported);
}

static void calls_come_in_the_order_of_time(void **state)
{
	const struct iommusim_import_options options = { .keep_pages = true };
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", &options);
	const char *trace = imported.trace;
	const uint32_t first =
	    line_of(trace, "iommu_create_mapping(dom1, 0x0, 0x100000000, 0x1000)  # 21: 1400");

	(void)state;
	assert_int_equal(
	    line_of(trace, "iommu_remove_mapping(host, 0x100000000, 0x1000)  # 23: 1420"), first + 1);
	assert_int_equal(
	    line_of(trace, "iommu_create_mapping(dom1, 0x1000, 0x100001000, 0x1000)  # 17: 1440"),
	    first + 2);
	assert_int_equal(
	    line_of(trace, "iommu_remove_mapping(host, 0x100001000, 0x1000)  # 19: 1460"), first + 3);
	assert_int_equal(imported.summary.reordered, 4);
	assert_int_equal(imported.summary.joined, 0);
	imported_free(&imported);
}

static void runs_of_pages_are_joined(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", NULL);

	(void)state;
	/* the host's pages and the guest's in turn; the third page lies elsewhere */
	assert_line(
	    &imported, "iommu_create_mapping(dom1, 0x0, 0x100000000, 0x2000)  # 17-21: 1400, 2 calls");
	assert_line(
	    &imported, "iommu_remove_mapping(host, 0x100000000, 0x2000)  # 19-23: 1420, 2 calls");
	assert_line(&imported, "iommu_create_mapping(dom1, 0x2000, 0x100009000, 0x1000)  # 25: 1471");
	assert_line(&imported, "iommu_remove_mapping(host, 0x100009000, 0x1000)  # 27: 1473");
	assert_int_equal(imported.summary.joined, 4);
	imported_free(&imported);
}

static void what_a_call_returned_is_expected_again(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", NULL);

	(void)state;
	assert_line(&imported, "iommu_add_device(dom1, 0x0700)  # 31: 1500");
	assert_line(&imported, "iommu_add_device(dom1, 0x0700) = error(EBUSY)  # 36: 1600");
	assert_line(&imported, "iommu_invalidate_tlb(host)  # 28: 1480, no return was seen");
	assert_line(&imported, "# 33: 1100: vm_assign_pptdev(vm_fffffe0012345000, 7/0/0) returned 0");
	assert_line(&imported, "# 32: 1490: ppt_assign_device(vm_fffffe0012345000, 7/0/0) returned 0");
	assert_line(&imported, "# 45: 1900: iommu_cleanup()");
	imported_free(&imported);
}

static void what_is_not_understood_is_kept(void **state)
{
	static const struct notice expected[] = {
		{ IOMMUSIM_IMPORT_LOST, 34, 1 },
		{ IOMMUSIM_IMPORT_MALFORMED, 39, 40 },
		{ IOMMUSIM_IMPORT_MALFORMED, 40, 40 },
		{ IOMMUSIM_IMPORT_UNREADABLE, 42, 1 },
	};
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", NULL);
	const struct iommusim_import_summary *summary = &imported.summary;

	(void)state;
	assert_line(&imported, "# 34: dtrace lost events: dtrace: 12 drops on CPU 1");
	assert_line(&imported, "# 42: no line of vmm-iommu.d: Segmentation fault");
	line_of(imported.trace,
	    "# 39: a call that cannot be read: iommu_add_device(dom_fffff80001002000, 0xzz)");
	line_of(imported.trace, "# 41: 1750: iommu_remove_mapping(dom_0, 0x1000, 0x1000), no domain");
	assert_int_equal(summary->lines, 47);
	assert_int_equal(summary->statements, 14);
	assert_int_equal(summary->kept, 10);
	assert_int_equal(summary->malformed, 2);
	assert_int_equal(summary->unreadable, 1);
	assert_int_equal(summary->unfinished, 1);
	assert_int_equal(summary->lost_places, 1);
	assert_int_equal(summary->lost, 12);
	assert_notices(&imported, expected, sizeof(expected) / sizeof(expected[0]));
	imported_free(&imported);
}

static void the_trace_replays(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_DTRACE, "bhyve.txt", NULL);
	const struct iommusim_replay_summary summary = assert_runs(&imported);

	(void)state;
	assert_int_equal(summary.expectations_met, 1);
	assert_int_equal(summary.expectations_failed, 0);
	/* adding the device again was wrong then, and is found now */
	assert_int_equal(summary.findings[IOMMUSIM_FINDING_DEVICE_OWNED_TWICE], 1);
	assert_int_equal(summary.unexpected_findings, 1);
	imported_free(&imported);
}

/* ---- shapes -------------------------------------------------------------------------------------------- */

/* Before April 2025 nothing is returned: what is in the register then is no error. */
static void older_calls_return_nothing(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_DTRACE,
	    "iommu_create_domain(0x1000000) = dom_fffff80001002000 # < 10 20 0 100101\n"
	    "iommu_create_mapping(dom_fffff80001002000, 0x0, 0x1000, 0x1000) # < 30 40 0 100101 ret -5\n"
	    "iommu_add_device(dom_fffff80001002000, 0x700) # < 50 60 0 100101 ret 22 args 2\n",
	    NULL);

	(void)state;
	assert_line(&imported, "iommu_init()  # before the capture begins");
	assert_line(&imported, "iommu_create_mapping(dom1, 0x0, 0x1000, 0x1000)  # 2: 30");
	assert_line(&imported, "iommu_add_device(dom1, 0x0700)  # 3: 50");
	assert_replays(&imported);
	imported_free(&imported);
}

/* A backend's word stands for the return that a jump took away; its first domain is the host's. */
static void a_call_may_leave_through_a_jump(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_DTRACE,
	    "# > 10 0 100101 iommu_create_domain(0x1000000)\n"
	    "# = 12 0 100101 made dom_aa000\n"
	    "# > 14 0 100101 iommu_create_mapping(dom_aa000, 0x0, 0x0, 0x2000000)\n"
	    "# > 16 0 100101 iommu_add_device(dom_aa000, 0xfa)\n"
	    "# = 18 0 100101 made dom_bb000\n"
	    "# > 20 0 100101 iommu_create_mapping(dom_bb000, 0x0, 0x1000, 0x1000)\n"
	    "# > 22 0 100101 iommu_remove_mapping(dom_aa000, 0x1000, 0x1000)\n",
	    NULL);

	(void)state;
	line_of(imported.trace, "device(00:1f.2, \"pci0:31:2\")");
	line_of(imported.trace, "iommu_init()  # 1: 10");
	line_of(imported.trace, "iommu_create_domain(0x1000000) = dom1  # 1: 10");
	line_of(imported.trace,
	    "iommu_create_mapping(dom1, 0x0, 0x1000, 0x1000)  # 6: 20, no return was seen");
	line_of(
	    imported.trace, "iommu_remove_mapping(host, 0x1000, 0x1000)  # 7: 22, no return was seen");
	assert_int_equal(imported.summary.unfinished, 2);
	assert_replays(&imported);
	imported_free(&imported);
}

static void domains_from_before_get_a_name(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_DTRACE,
	    "# = 5 0 100101 iommu amdvi\n"
	    "iommu_create_domain(0x1000000) = dom_0 # < 10 20 0 100101\n"
	    "iommu_remove_mapping(dom_cc000, 0x0, 0x1000) # < 30 40 0 100101 ret 0\n"
	    "iommu_destroy_domain(dom_cc000) # < 50 60 0 100101\n"
	    "iommu_create_domain(0x2000000) = dom_cc000 # < 70 80 0 100101\n"
	    "iommu_invalidate_tlb(dom_cc000) # < 90 95 0 100101 ret 0\n",
	    NULL);

	(void)state;
	assert_line(&imported, "machine(iommu=amdvi, memory=1G)");
	assert_line(&imported, "iommu_create_domain(0x1000000) = error(ENXIO)  # 2: 10");
	assert_line(&imported, "iommu_create_domain(0x100000000) = dom1  # 3: 30, it was there before");
	assert_line(&imported, "iommu_remove_mapping(dom1, 0x0, 0x1000)  # 3: 30");
	assert_line(&imported, "iommu_destroy_domain(dom1)  # 4: 50");
	assert_line(&imported, "iommu_invalidate_tlb(dom2)  # 6: 90");
	imported_free(&imported);
}

/* ---- script and importer ------------------------------------------------------------------------------- */

static bool next_format(const char **at, char *format, size_t room)
{
	size_t length = 0;
	const char *from = strstr(*at, "printf(\"");

	memset(format, 0, room);
	if (from == NULL)
		return false;
	for (from += strlen("printf(\""); *from != '"'; from++) {
		assert_true(*from != '\0' && length + 1 < room);
		if (from[0] == '\\' && from[1] == 'n') {
			format[length++] = '\n';
			from++;
		} else {
			format[length++] = *from;
		}
	}
	format[length] = '\0';
	*at = from;
	return true;
}

/* A format with numbers that make sense anywhere: whole pages in hexadecimal, small ones in decimal. */
static void fill_in(const char *format, const char *function, char *line, size_t room)
{
	size_t length = 0;

	for (; *format != '\0'; format++) {
		const char *put = NULL;

		if (*format == '%') {
			format++;
			put = *format == 'd' ? "1"
			    : *format == 'x' ? "1000"
			    : *format == 's' ? function
					     : NULL;
			if (*format == 'Y')
				put = "2026 Nov 21 10:00:00";
			assert_non_null(put);
		}
		assert_true(length + 64 < room);
		if (put != NULL)
			length += (size_t)sprintf(line + length, "%s", put);
		else
			line[length++] = *format;
	}
	line[length] = '\0';
}

/* The function whose probe the text at `at` belongs to. */
static void function_of(const char *script, const char *at, char *name, size_t room)
{
	const char *probe = script;
	size_t length;

	*name = '\0';
	for (const char *next = script; (next = strstr(next, "\nfbt::")) != NULL && next < at; next++)
		probe = next + strlen("\nfbt::");
	if (probe == script)
		return; /* BEGIN */
	length = strcspn(probe, ":");
	assert_true(length < room);
	memcpy(name, probe, length);
	name[length] = '\0';
}

/* Every line that the script can print is known, and is no mere comment but the two it begins with. */
static void every_format_of_the_script_is_known(void **state)
{
	char format[256] = "", function[64], line[512];
	size_t length, comments = 0, formats = 0;
	char *script = file_read(SCRIPT, &length);
	const char *at = script;

	(void)state;
	assert_non_null(script);
	while (next_format(&at, format, sizeof(format))) {
		struct imported imported;

		function_of(script, at, function, sizeof(function));
		fill_in(format, function, line, sizeof(line));
		/* behind a line that is known for sure, so that a comment alone is no refusal */
		imported = import_text(IOMMUSIM_IMPORT_DTRACE, line, strlen(line), NULL);
		if (imported.status == IOMMUSIM_EFORMAT && strncmp(line, "#!iommusim 1", 12) != 0 &&
		    strncmp(line, "# vmm-iommu.d begins", 20) != 0)
			fail_msg("not known: %s", line);
		comments += imported.status == IOMMUSIM_EFORMAT;
		assert_int_equal(imported.notice_count, 0);
		assert_int_equal(imported.summary.malformed + imported.summary.unreadable, 0);
		imported_free(&imported);
		formats++;
	}
	assert_int_equal(comments, 2);
	assert_true(formats >= 28);
	free(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_initialises_the_iommu_is_one_call),
		cmocka_unit_test(calls_come_in_the_order_of_time),
		cmocka_unit_test(runs_of_pages_are_joined),
		cmocka_unit_test(what_a_call_returned_is_expected_again),
		cmocka_unit_test(what_is_not_understood_is_kept),
		cmocka_unit_test(the_trace_replays),
		cmocka_unit_test(older_calls_return_nothing),
		cmocka_unit_test(a_call_may_leave_through_a_jump),
		cmocka_unit_test(domains_from_before_get_a_name),
		cmocka_unit_test(every_format_of_the_script_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
