/* Linux's trace events: which domain a mapping goes to, what is kept as a comment, what is counted. */
#include <stdio.h>

#include "import/imported.h"

#define HEAD "            init-1       [000] .....     "

/* ---- the sample ---------------------------------------------------------------------------------------- */

static void mappings_go_to_the_domain_of_their_probe(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", NULL);

	(void)state;
	assert_line(&imported, "machine(iommu=vtd, memory=4G, cache=none)");
	assert_line(&imported, "device(00:03.0, \"0000:00:03.0\", driver=ppt)  # 8: 1.000001");
	assert_line(
	    &imported, "iommu_create_domain(0x100000000) = dom1  # 10: 1.000003, 0xffff888100000100");
	assert_line(&imported, "iommu_add_device(dom1, 00:03.0)  # 11: 1.000004");
	assert_line(
	    &imported, "iommu_create_mapping(dom1, 0xfffff000, 0x104000000, 0x1000)  # 15: 2.000002");
	/* the interrupt in the midst of it has a domain of its own */
	assert_line(&imported,
	    "iommu_create_mapping(dom2, 0xffe00000, 0x106000000, 0x1000)  # 18: 2.000005, was write-only");
	assert_line(&imported,
	    "iommu_create_mapping(dom1, 0xffe00000, 0x105000000, 0x3000)  # 20: 2.000007, was read-only");
	assert_line(&imported, "iommu_remove_mapping(dom1, 0xfffff000, 0x1000)  # 25: 3.000002");
	imported_free(&imported);
}

static void devices_move_and_go(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", NULL);
	const char *trace = imported.trace;
	const uint32_t leaves = line_of(trace, "iommu_remove_device(dom1, 00:03.0)");

	(void)state;
	assert_int_equal(line_of(trace, "iommu_add_device(dom2, 00:03.0)"), leaves + 1);
	assert_int_equal(line_of(trace, "pci_delete_device(00:1f.2)"), leaves + 3);
	/* a domain is empty before it goes */
	assert_int_equal(line_of(trace, "iommu_remove_device(dom2, 00:03.0)") + 1,
	    line_of(trace, "iommu_destroy_domain(dom2)"));
	/* the same address again is another domain */
	assert_line(
	    &imported, "iommu_create_domain(0x100000000) = dom3  # 43: 4.000008, 0xffff888100000100");
	imported_free(&imported);
}

static void nothing_is_dropped(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", NULL);

	(void)state;
	assert_line(&imported,
	    "# 21: marker: init-1       [000] .....     2.000008: tracing_mark_write: "
	    "STEP 1 both mapped");
	assert_line(&imported,
	    "# 22: init-1       [000] d..3.     2.000009: qi_submit: iotlb_inv dmar0: "
	    "0x700f2 0xfff3f000 0x0 0x0");
	assert_line(&imported, "# 23: events were lost: CPU:1 [LOST 12 EVENTS]");
	assert_line(&imported, "# 34: events were lost: CPU:0 [EVENTS DROPPED]");
	assert_line(&imported, "# 33: the clock goes back here");
	assert_line(&imported, "# 36: no trace event: Segmentation fault\t(core dumped) \\xc3\\xa9");
	assert_line(&imported,
	    "# 29: a call on dom2 at 0x9000, 0x1000 bytes, without its event: it failed, "
	    "or that was lost");
	for (unsigned line = 1; line <= 43; line++) {
		static const unsigned probes[] = { 14, 16, 17, 19, 24, 26, 37 };
		char number[16];
		bool is_probe = false;

		for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
			is_probe |= probes[i] == line;
		snprintf(number, sizeof(number), "# %u: ", line);
		if (!is_probe)
			assert_non_null(strstr(imported.trace, number));
	}
	imported_free(&imported);
}

static void what_is_not_understood_is_counted(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", NULL);
	const struct iommusim_import_summary *summary = &imported.summary;

	(void)state;
	assert_int_equal(summary->lines, 43);
	assert_int_equal(summary->statements, 21);
	assert_int_equal(summary->kept, 11);
	assert_int_equal(summary->without_domain, 2);
	assert_int_equal(summary->unfinished, 2);
	assert_int_equal(summary->reordered, 1);
	assert_int_equal(summary->malformed, 2);
	assert_int_equal(summary->unreadable, 1);
	assert_int_equal(summary->lost_places, 3);
	assert_int_equal(summary->lost, 24);
	imported_free(&imported);
}

static void places_are_told(void **state)
{
	static const struct notice expected[] = {
		{ IOMMUSIM_IMPORT_LOST, 3, 1 },
		{ IOMMUSIM_IMPORT_LOST, 23, 1 },
		{ IOMMUSIM_IMPORT_MALFORMED, 31, 143 },
		{ IOMMUSIM_IMPORT_MALFORMED, 32, 79 },
		{ IOMMUSIM_IMPORT_LOST, 34, 1 },
		{ IOMMUSIM_IMPORT_UNREADABLE, 36, 1 },
	};
	struct imported imported = import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", NULL);

	(void)state;
	assert_notices(&imported, expected, sizeof(expected) / sizeof(expected[0]));
	imported_free(&imported);
}

static void the_trace_replays(void **state)
{
	static const enum iommusim_vendor vendors[] = { IOMMUSIM_VENDOR_VTD, IOMMUSIM_VENDOR_AMDVI };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct iommusim_import_options options = { .vendor = vendors[i] };
		struct imported imported =
		    import_sample(IOMMUSIM_IMPORT_FTRACE, "linux.trace", &options);
		struct iommusim_replay_summary summary = assert_replays(&imported);

		assert_int_equal(summary.dma_total, 1);
		assert_int_equal(summary.dma[IOMMUSIM_VERDICT_BLOCKED], 1);
		assert_int_equal(summary.expectations_met, 1);
		imported_free(&imported);
	}
}

/* ---- other writers of the same ------------------------------------------------------------------------- */

/* trace-cmd report pads names, and leaves the flags out unless it is asked; perf names the system. */
static void other_tools_write_the_same(void **state)
{
	static const char *const lines[] = {
		"cpus=2\n            nvme-12    [001]     5.000002: map:                  IOMMU: "
		"iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000100000000 size=4096\n",
		"nvme    12 [001]     5.000002: iommu:map: IOMMU: "
		"iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000100000000 size=4096\n",
		"nvme-12 (   12) [001] 5000002: map: IOMMU: "
		"iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000100000000 size=4096\r\n",
	};
	static const char attach[] = HEAD "4.0: attach_device_to_domain: IOMMU: device=0000:00:03.0\n";

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[512];
		struct imported imported;

		snprintf(text, sizeof(text), "%s%s", attach, lines[i]);
		imported = import_lines(IOMMUSIM_IMPORT_FTRACE, text, NULL);
		line_of(imported.trace, "iommu_create_mapping(dom1, 0x1000, 0x100000000, 0x1000)");
		assert_int_equal(imported.notice_count, 0);
		imported_free(&imported);
	}
}

/* ---- the script that sets probes --------------------------------------------------------------------- */

/* "p:NAME FUNCTION KEY=REGISTER:TYPE ..." as the line its probe prints. */
static void fill_in(char *probe, char *line)
{
	char *save = NULL, *word = strtok_r(probe, " ", &save);
	size_t length = (size_t)sprintf(line, HEAD "1.0: %s: (", word + strlen("p:"));

	length += (size_t)sprintf(line + length, "%s+0x0/0xe0)", strtok_r(NULL, " ", &save));
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		length += (size_t)sprintf(line + length, " %.*s=0x1000", (int)strcspn(word, "="), word);
}

static void every_probe_of_the_script_is_known(void **state)
{
	size_t length;
	char *script = file_read(IOMMUSIM_SOURCE_DIR "/docs/capture/iommu-probes.sh", &length),
	     *save = NULL;
	unsigned probes = 0;

	(void)state;
	assert_non_null(script);
	for (char *at = strtok_r(script, "\n", &save); at != NULL; at = strtok_r(NULL, "\n", &save)) {
		char line[512], *probe = at + strspn(at, "\t");
		struct imported imported;

		if (strncmp(probe, "p:", 2) != 0)
			continue;
		fill_in(probe, line);
		imported = import_lines(IOMMUSIM_IMPORT_FTRACE, line, NULL);
		assert_int_equal(imported.notice_count, 0);
		assert_no_line(&imported, "# 1: init-1"); /* it is more than just any event */
		imported_free(&imported);
		probes++;
	}
	assert_int_equal(probes, 8);
	free(script);
}

/* ---- without probes ------------------------------------------------------------------------------------ */

#define TWO_DEVICES                                                                                    \
	HEAD "1.0: add_device_to_group: IOMMU: groupID=7 device=0000:00:03.0\n" HEAD                   \
	     "1.1: add_device_to_group: IOMMU: groupID=8 device=0000:00:04.0\n" HEAD                   \
	     "1.2: attach_device_to_domain: IOMMU: device=0000:00:03.0\n" HEAD                         \
	     "1.3: attach_device_to_domain: IOMMU: device=0000:00:04.0\n"
#define ONE_MAPPING                                                                                                   \
	HEAD                                                                                                          \
	    "2.0: map: IOMMU: iova=0x0000000000001000 - 0x0000000000003000 paddr=0x0000000100000000 size=8192\n" HEAD \
	    "2.1: unmap: IOMMU: iova=0x0000000000001000 - 0x0000000000003000 size=8192 unmapped_size=8192\n"

static void a_mapping_without_a_domain_is_a_comment(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_FTRACE, TWO_DEVICES ONE_MAPPING, NULL);

	(void)state;
	assert_no_line(&imported, "iommu_create_mapping");
	assert_no_line(&imported, "iommu_remove_mapping");
	assert_int_equal(imported.summary.without_domain, 2);
	assert_replays(&imported);
	imported_free(&imported);
}

static void a_named_device_takes_mappings_without_a_domain(void **state)
{
	const struct iommusim_import_options options = { .device = "00:04.0" };
	struct imported imported =
	    import_lines(IOMMUSIM_IMPORT_FTRACE, TWO_DEVICES ONE_MAPPING, &options);

	(void)state;
	assert_line(&imported,
	    "iommu_create_mapping(dom2, 0x1000, 0x100000000, 0x2000)  # 5: 2.0, no probe says which domain");
	assert_int_equal(imported.summary.without_domain, 0);
	assert_replays(&imported);
	imported_free(&imported);
}

static void a_group_shares_a_domain(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_FTRACE,
	    HEAD "1.0: add_device_to_group: IOMMU: groupID=7 device=0000:00:03.0\n" HEAD
		 "1.1: add_device_to_group: IOMMU: groupID=7 device=0000:00:03.1\n" HEAD
		 "1.2: attach_device_to_domain: IOMMU: device=0000:00:03.0\n" HEAD
		 "1.3: attach_device_to_domain: IOMMU: device=0000:00:03.1\n" HEAD
		 "1.4: attach_device_to_domain: IOMMU: device=0000:00:03.1\n" HEAD
		 "1.5: detach_device_from_domain: IOMMU: device=0000:00:03.1\n" ONE_MAPPING,
	    NULL);

	(void)state;
	line_of(imported.trace, "iommu_add_device(dom1, 00:03.1)");
	line_of(imported.trace, "# 5: into another domain perhaps, no probe says which: ");
	line_of(imported.trace, "iommu_remove_device(dom1, 00:03.1)");
	line_of(imported.trace, "iommu_create_mapping(dom1, 0x1000, 0x100000000, 0x2000)");
	assert_replays(&imported);
	imported_free(&imported);
}

/* ---- machines ------------------------------------------------------------------------------------------ */

static void the_machine_is_what_the_capture_needs(void **state)
{
	const struct iommusim_import_options options = { .memory = UINT64_C(5) << 30 };
	static const char text[] = HEAD
	    "1.0: k_map: (amd_iommu_map_pages+0x0/0x60) dom=0xffff888100000100 iova=0x8000000000 "
	    "pa=0x2000000000 pgsz=0x200000 cnt=0x1 prot=0x3\n" HEAD
	    "1.1: map: IOMMU: iova=0x0000008000000000 - 0x0000008000200000 paddr=0x0000002000000000 "
	    "size=2097152\n";
	struct imported imported = import_lines(IOMMUSIM_IMPORT_FTRACE, text, NULL);

	(void)state;
	assert_line(
	    &imported, "machine(iommu=amdvi, memory=64G, cache=none)"); /* not the 128 GiB below it */
	line_of(imported.trace, "# The capture uses memory up to 0x2000200000");
	line_of(imported.trace, "iommu_create_domain(0x10000000000) = dom1");
	imported_free(&imported);
	imported = import_lines(IOMMUSIM_IMPORT_FTRACE, text, &options);
	assert_line(&imported, "machine(iommu=amdvi, memory=5G, cache=none)");
	assert_replays(&imported);
	imported_free(&imported);
}

static void the_unit_is_as_wide_as_the_capture(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_FTRACE,
	    HEAD
	    "1.0: attach_device_to_domain: IOMMU: device=0000:00:03.0\n" HEAD
	    "1.1: map: IOMMU: iova=0x0000008000000000 - 0x0000008000001000 paddr=0x0000000000001000 "
	    "size=4096\n" HEAD
	    "1.2: map: IOMMU: iova=0x0200000000000000 - 0x0200000000001000 paddr=0x0000000000001000 "
	    "size=4096\n",
	    NULL);

	(void)state;
	assert_line(&imported, "machine(iommu=vtd, memory=1G, preset=\"skylake-sp\", cache=none)");
	line_of(imported.trace, "iommu_create_domain(0x10000000000) = dom1");
	assert_int_equal(imported.summary.malformed, 1); /* no IOMMU translates 58 bits */
	assert_replays(&imported);
	imported_free(&imported);
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void other_files_are_refused(void **state)
{
	static const char text[] = "\n  usb_foo bar\nanother line\n";
	const struct iommusim_import_options options = { .device = "03:00" };
	struct imported imported = import_text(IOMMUSIM_IMPORT_FTRACE, text, strlen(text), NULL);

	(void)state;
	assert_int_equal(imported.status, IOMMUSIM_EFORMAT);
	assert_int_equal(imported.problem.line, 2);
	assert_int_equal(imported.problem.column, 3);
	assert_null(imported.trace);
	imported = import_text(IOMMUSIM_IMPORT_FTRACE, "", 0, NULL);
	assert_int_equal(imported.status, IOMMUSIM_EFORMAT);
	assert_non_null(strstr(imported.problem.text, "an empty file"));
	imported = import_text(IOMMUSIM_IMPORT_FTRACE, TWO_DEVICES, strlen(TWO_DEVICES), &options);
	assert_int_equal(imported.status, IOMMUSIM_EINVAL);
	assert_null(imported.trace);
}

static void sources_have_names(void **state)
{
	enum iommusim_import_source source;

	(void)state;
	for (unsigned i = 0; i <= IOMMUSIM_IMPORT_QEMU; i++) {
		assert_int_equal(
		    iommusim_import_source_find(
			iommusim_import_source_name((enum iommusim_import_source)i), &source),
		    IOMMUSIM_OK);
		assert_int_equal(source, i);
	}
	assert_int_equal(iommusim_import_source_find("perf", &source), IOMMUSIM_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_go_to_the_domain_of_their_probe),
		cmocka_unit_test(devices_move_and_go),
		cmocka_unit_test(nothing_is_dropped),
		cmocka_unit_test(what_is_not_understood_is_counted),
		cmocka_unit_test(places_are_told),
		cmocka_unit_test(the_trace_replays),
		cmocka_unit_test(other_tools_write_the_same),
		cmocka_unit_test(every_probe_of_the_script_is_known),
		cmocka_unit_test(a_mapping_without_a_domain_is_a_comment),
		cmocka_unit_test(a_named_device_takes_mappings_without_a_domain),
		cmocka_unit_test(a_group_shares_a_domain),
		cmocka_unit_test(the_machine_is_what_the_capture_needs),
		cmocka_unit_test(the_unit_is_as_wide_as_the_capture),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(sources_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
