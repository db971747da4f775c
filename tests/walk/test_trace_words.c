/* Single words of the trace language (iommusim/trace.h), and a replay that ends at a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/trace.h>

static void devices_are_read_in_every_way_they_are_written(void **state)
{
	static const struct {
		const char *text;
		uint16_t segment, rid;
	} rows[] = {
		{ "7/0/0", 0, 0x700 },
		{ "0/23/0", 0, 0xb8 },
		{ "255/31/7", 0, 0xffff },
		{ "07:00.0", 0, 0x700 },
		{ "00:17.0", 0, 0xb8 },
		{ "FF:1f.7", 0, 0xffff },
		{ "0001:07:00.0", 1, 0x700 },
		{ "ab12:c0:1e.3", 0xab12, 0xc0f3 },
		{ "7:0.0", 0, 0x700 },
		{ "0:1f.2", 0, 0xfa },
		{ "1:7:0.1", 1, 0x701 },
		{ "0x700", 0, 0x700 },
		{ "24", 0, 24 },
		{ " 7/0/0 ", 0, 0x700 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *problem = "";
		uint16_t segment = 9, rid = 9;

		assert_int_equal(
		    iommusim_trace_device(rows[i].text, &segment, &rid, &problem), IOMMUSIM_OK);
		assert_int_equal(segment, rows[i].segment);
		assert_int_equal(rid, rows[i].rid);
	}
}

static void what_is_no_device_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "7", "7/0", "7/0/", "7/0/0/", "7/32/0", "7/0/8",
		"256/0/0", "07:00", "07:00.", "07:00.8", "07:20.0", "007:00.0", "07:000.0", "07:00.00",
		"12345:07:00.0", "1:2:3:4.0", ":00.0", "07:.0", "7:0:0", "host", "-1", "0x10000",
		"7/0/0 7", "7/0/0\n", "7.0", ".", ":", "1:.", "7:0.0,", "#", "\"7/0/0\"",
		"7/0/0 # ppt" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *problem = NULL;
		uint16_t segment, rid;

		if (strcmp(bad[i], "7") == 0)
			continue; /* a requester id */
		if (iommusim_trace_device(bad[i], &segment, &rid, &problem) != IOMMUSIM_EFORMAT)
			fail_msg("\"%s\" was taken for %04x:%04x", bad[i], segment, rid);
		assert_non_null(problem);
	}
}

static void numbers_have_bases_and_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = { { "0", 0 }, { "10", 10 }, { "0x10", 16 }, { "64K", 65536 }, { "0x1M", 1 << 20 },
		{ "3G", UINT64_C(3) << 30 }, { "1T", UINT64_C(1) << 40 },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX } };
	static const char *const bad[] = { "", "x", "-1", "0x", "1k", "1.5", "1 2",
		"18446744073709551616", "0x1ffffffffffffffff", "7/0/0", "07:00.0", "1,2" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *problem;
		uint64_t value = 1;

		assert_int_equal(iommusim_trace_number(rows[i].text, &value, &problem), IOMMUSIM_OK);
		assert_true(value == rows[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *problem = NULL;
		uint64_t value;

		assert_int_equal(iommusim_trace_number(bad[i], &value, &problem), IOMMUSIM_EFORMAT);
		assert_non_null(problem);
	}
}

static void count_end(void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	unsigned *ends = context;

	assert_true(vmm != NULL && check != NULL);
	(*ends)++;
}

static void a_replay_ends_after_the_last_line_that_is_wanted(void **state)
{
	static const char text[] = "#!iommusim 1\n"
				   "machine(iommu=vtd, memory=1G)\n"
				   "\n"
				   "iommu_create_domain(1G) = d\n"
				   "iommu_create_mapping(d, 0, 0, 4K)\n"
				   "this is not a statement\n";
	static const struct {
		uint32_t last;
		enum iommusim_status status;
		uint64_t calls;
	} rows[] = { { 1, IOMMUSIM_EFORMAT, 0 }, { 2, IOMMUSIM_OK, 1 }, { 3, IOMMUSIM_OK, 1 },
		{ 4, IOMMUSIM_OK, 2 }, { 5, IOMMUSIM_OK, 3 }, { 6, IOMMUSIM_EFORMAT, 3 },
		{ 7, IOMMUSIM_EFORMAT, 3 }, { 0, IOMMUSIM_EFORMAT, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned ends = 0;
		const struct iommusim_replay_options options = {
			.last_line = rows[i].last, .context = &ends, .on_end = count_end
		};
		struct iommusim_replay_summary summary;
		struct iommusim_diagnostic diagnostic;

		assert_int_equal(
		    iommusim_replay("t", text, strlen(text), &options, &summary, &diagnostic),
		    rows[i].status);
		assert_int_equal(summary.calls, rows[i].calls);
		assert_int_equal(ends, rows[i].calls > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_read_in_every_way_they_are_written),
		cmocka_unit_test(what_is_no_device_is_refused),
		cmocka_unit_test(numbers_have_bases_and_suffixes),
		cmocka_unit_test(a_replay_ends_after_the_last_line_that_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
