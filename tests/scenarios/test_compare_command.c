/* `iommusim compare` and `iommusim profiles`: tables, JSON, exit codes, options. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "command_run.h"
#include "own_files.h"
#include "printed_json.h"

/* A guest of 256 pages, a disk of the host that writes two of them, and the guest's own device. */
static const char story[] =
    "#!iommusim 1\n"
    "machine(iommu=vtd, memory=256M, also=amdvi)\n"
    "device(0/23/0, \"ahci0\", class=ahci)\n"
    "device(7/0/0, \"ppt1\", driver=ppt, class=nvme)\n"
    "sysctl(\"hw.vmm.amdvi.enable\", 1)\n"
    "vm_create(\"a\")\n"
    "vm_setup_memory(\"a\", 1M, seed=7)\n"
    "vm_assign_pptdev(\"a\", 7/0/0)\n"
    "dma(0/23/0, write, gpa(\"a\", 0x1000), 8K, for=\"a\") expect lost under 13.0  expect ok\n"
    "dma(7/0/0, write, 0x1000, 4K)\n"
    "vm_destroy(\"a\")\n";

/* Arguments behind the command's name, ended by NULL. */
#define compare(...)  command_run(command_compare, "compare", __VA_ARGS__)
#define profiles(...) command_run(command_profiles, "profiles", __VA_ARGS__)

/* The line of `text` that holds `part` has these words, in this order, and no others. */
static void check_line(const char *text, const char *part, const char *words)
{
	const char *at = strstr(text, part);
	char line[400], squeezed[400];
	size_t length, out = 0;

	if (at == NULL) {
		fail_msg("no `%s` in:\n%s", part, text);
		return;
	}
	at += at[0] == '\n';
	while (at > text && at[-1] != '\n')
		at--;
	length = strcspn(at, "\n");
	assert_true(length < sizeof(line));
	memcpy(line, at, length);
	line[length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (line[i] != ' ' || (out > 0 && squeezed[out - 1] != ' '))
			squeezed[out++] = line[i];
	squeezed[out] = '\0';
	assert_string_equal(squeezed, words);
}

/* ---- text ------------------------------------------------------------------------------------------------ */

/*
 * Three policies for the host domain. By hand: the guest's 256 pages are mapped and unmapped once each, and as often
 * taken out of the host domain and put back where it is so; the host's own domain is mapped by one call.
 */
static void one_story_under_three_profiles(void **state)
{
	const char *file = folder_write("story.iommu", story);
	struct command_run result = compare("--vmm", "13.0,13.1,bounce", file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_string_equal(result.errors, "");
	assert_contains(result.output, "story.iommu   VT-d, 2 units, 256 MiB, cache hoard\n");
	check_line(result.output, "line 9 ",
	    "* line 9 dma(0/23/0, write, gpa(\"a\", 0x1000), 8K, for=\"a\") LOST (5h) ok ok, 8 KiB copied");
	check_line(result.output, "line 10 ", "line 10 dma(7/0/0, write, 0x1000, 4K) ok ok ok");
	check_line(result.output, "    lost  ", "* lost 1 0 0");
	check_line(result.output, "pages of lost DMA", "* pages of lost DMA 2 0 0");
	check_line(result.output, "guest pages in the host domain, at the most ",
	    "* guest pages in the host domain, at the most 0 256 0");
	check_line(result.output, "guest pages while",
	    "guest pages while a device is untranslated, at the most 256 256 256");
	check_line(result.output, "calls of iommu_ops", "* calls of iommu_ops 1 035 523 1 037");
	check_line(result.output, "     create_mapping ", "* create_mapping 513 257 513");
	check_line(result.output, "     remove_mapping ", "* remove_mapping 512 256 512");
	check_line(result.output, "     invalidate_tlb ", "* invalidate_tlb 2 2 4");
	/* Two units: 5 writes each to turn them on, 2 for the removed device, 1 for each invalidation. */
	check_line(result.output, "register writes", "* register writes 18 18 26");
	check_line(result.output, "IOTLB global", "* IOTLB global 8 8 14");
	check_line(result.output, "context cache global", "* context cache global 4 4 6");
	check_line(result.output, "bytes copied", "* bytes copied by way of bounce buffers 0 0 8 192");
	check_line(result.output, "that were met", "the story's expectations that were met 1 1 1");
	command_run_free(&result);
}

static void the_policy_to_blame_comes_first(void **state)
{
	const char *file = folder_write("story.iommu", story);
	struct command_run result = compare("--vmm=13.0,13.1,bounce", file, NULL);

	(void)state;
	assert_contains(result.output,
	    "\nWhere the profiles differ\n"
	    "\n"
	    "  host_pages: guest pages in the host domain\n"
	    "    blamed for line 9 under 13.0 (D34607, PR 260178, PR 215740)\n"
	    "    13.0  remove: taken out when a VM gets its first device, put back with its last\n"
	    "      source: vmm.c and iommu.c; D34607 came later\n"
	    "    13.1  keep: left alone: host devices reach guest memory\n"
	    "      source: 246c39814567, D34607, PR 260178\n"
	    "    bounce  bounce: ");
	assert_contains(result.output, "    13.0, 13.1  bare: the one bit of the command alone");
	assert_contains(result.output, " more that concern AMD-Vi alone: --json has them.\n");
	assert_null(strstr(result.output, "amd_idle"));
	assert_contains(result.output, "iommusim replay --vmm NAME ");
	command_run_free(&result);
}

static void the_same_on_amdvi(void **state)
{
	const char *file = folder_write("story.iommu", story);
	struct command_run result =
	    compare("--iommu", "amdvi", "--vmm", "13.0,13.1,bounce", file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "story.iommu   AMD-Vi, 1 unit, 256 MiB, cache hoard\n");
	check_line(result.output, "line 9 ",
	    "* line 9 dma(0/23/0, write, gpa(\"a\", 0x1000), 8K, for=\"a\") LOST (2h) ok ok, 8 KiB copied");
	check_line(result.output, "guest pages in the host domain, at the most ",
	    "* guest pages in the host domain, at the most 0 256 0");
	check_line(result.output, "calls of iommu_ops", "* calls of iommu_ops 1 035 523 1 037");
	/* Each domain when it is made, the host's after mapping, the guest's after unmapping and at its end. */
	check_line(result.output, "all of a domain", "* INVALIDATE_IOMMU_PAGES, all of a domain 5 5 6");
	check_line(result.output, "INVALIDATE_DEVTAB_ENTRY", "* INVALIDATE_DEVTAB_ENTRY 3 3 2");
	check_line(result.output, "INVALIDATE_IOMMU_ALL", "* INVALIDATE_IOMMU_ALL 0 0 1");
	check_line(result.output, "COMPLETION_WAIT", "* COMPLETION_WAIT 7 7 9");
	assert_contains(result.output, "amd_idle");
	command_run_free(&result);
}

/* A call that fails under one profile and not under the other is a row; one that does not is none. */
static void calls_that_differ_are_rows(void **state)
{
	const char *file = folder_write("calls.iommu",
	    "#!iommusim 1\n"
	    "machine(iommu=none, memory=256M)\n"
	    "device(7/0/0, \"ppt1\", driver=ppt)\n"
	    "vm_create(\"a\")\n"
	    "vm_setup_memory(\"a\", 1M)\n"
	    "vm_assign_pptdev(\"a\", 7/0/0)\n"
	    "sysctl(\"hw.vmm.ppt.devices\")\n");
	struct command_run result = compare("--vmm", "10.3,14.0", file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	check_line(result.output, "line 6 ",
	    "* line 6 vm_assign_pptdev(\"a\", 7/0/0) ok error(ENXIO), init-failed-silently");
	/* 10.3 initialises when it is loaded, with the first call. */
	check_line(result.output, "line 4 ", "* line 4 vm_create(\"a\") init-failed-silently ok");
	assert_null(strstr(result.output, "line 5 "));
	assert_null(strstr(result.output, "line 7 "));
	check_line(result.output, "  DMAs ", "DMAs 0 0");
	check_line(result.output, "\n    init-failed-silently  ", "init-failed-silently 1 1");
	check_line(result.output, "guest pages while",
	    "guest pages while a device is untranslated, at the most 256 256");
	command_run_free(&result);
}

/* A domain that one profile cannot make has no name, and the story ends at the next line that needs it. */
static void a_story_that_stops_under_one_profile(void **state)
{
	const char *file = folder_write("stops.iommu",
	    "#!iommusim 1\n"
	    "machine(iommu=amdvi, memory=256M)\n"
	    "iommu_create_domain(1G) = d\n"
	    "iommu_add_device(d, 1/0/0)\n"
	    "dma(1/0/0, write, 0x1000, 4)\n");
	struct command_run result = compare("--vmm", "13.0,reference,13.1", file, NULL);
	struct json_object *object;

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/stops.iommu:4:18: `d`: ");
	assert_contains(result.errors, ", under 13.0\n");
	assert_contains(result.errors, ", under 13.1\n");
	assert_null(strstr(result.errors, "under reference"));
	check_line(result.output, "line 5 ",
	    "* line 5 dma(1/0/0, write, 0x1000, 4) not run BLOCKED (2h) not run");
	command_run_free(&result);
	result = compare("--json", "--vmm", "13.0,reference", file, NULL);
	assert_int_equal(result.code, 2);
	object = json_tokener_parse(strstr(result.output, "{\"summary\":"));
	assert_non_null(object);
	json_object_put(object);
	command_run_free(&result);
}

/* What stops it under all of them is said once. */
static void a_story_that_stops_under_each_profile(void **state)
{
	const char *file = folder_write("stops.iommu",
	    "#!iommusim 1\n"
	    "machine(iommu=none, memory=256M)\n"
	    "iommu_create_domain(1G) = d\n"
	    "iommu_destroy_domain(d)\n");
	struct command_run result = compare("--vmm", "13.0,13.1", file, NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/stops.iommu:4:22: `d`: ");
	assert_null(strstr(result.errors, "under"));
	assert_string_equal(strchr(result.errors, '\n'), "\n");
	command_run_free(&result);
}

/* ---- JSON ------------------------------------------------------------------------------------------------ */

static struct json_object *at(struct json_object *object, const char *path)
{
	return json_at(object, path, "|");
}

#define assert_number(object, path, value)                                                             \
	assert_int_equal(json_object_get_int64(at(object, path)), value)
#define assert_text(object, path, value)                                                               \
	assert_string_equal(json_object_get_string(at(object, path)), value)
#define assert_truth(object, path, value)                                                              \
	assert_int_equal(json_object_get_boolean(at(object, path)), value)

static void rows_and_policies_as_json(void **state)
{
	const char *file = folder_write("story.iommu", story);
	struct command_run result = compare("--json", "--vmm", "13.0,bounce", file, NULL);
	struct json_object *object = json_line(result.output, 0);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_number(object, "row|line", 9);
	assert_text(object, "row|statement", "dma(0/23/0, write, gpa(\"a\", 0x1000), 8K, for=\"a\")");
	assert_truth(object, "row|differs", 1);
	assert_text(object, "row|results|13.0|verdict", "lost");
	assert_number(object, "row|results|13.0|fault", 5);
	assert_text(object, "row|results|13.0|blamed", "host_pages");
	assert_text(object, "row|results|13.0|known", "D34607, PR 260178, PR 215740");
	assert_text(object, "row|results|bounce|verdict", "ok");
	assert_number(object, "row|results|bounce|bytes_copied", 8192);
	assert_false(json_object_object_get_ex(at(object, "row|results|bounce"), "fault", NULL));
	json_object_put(object);
	object = json_line(result.output, 1);
	assert_number(object, "row|line", 10);
	assert_truth(object, "row|differs", 0);
	json_object_put(object);
	object = json_line(result.output, 4);
	assert_text(object, "policy|column", "host_pages");
	assert_text(object, "policy|title", "guest pages in the host domain");
	assert_text(object, "policy|profiles|13.0|value", "remove");
	assert_text(object, "policy|profiles|bounce|source", "D34535");
	assert_truth(object, "policy|profiles|bounce|assumed", 0);
	json_object_put(object);
	command_run_free(&result);
}

static void totals_as_json(void **state)
{
	const char *file = folder_write("story.iommu", story);
	struct command_run result = compare("-j", "--vmm", "13.0,13.1", file, NULL);
	const char *last = strstr(result.output, "{\"summary\":");
	struct json_object *object, *of;

	(void)state;
	assert_non_null(last);
	object = json_line(last, 0);
	assert_string_equal(strchr(last, '\n'), "\n"); /* it is the last line */
	assert_text(object, "summary|file", file);
	assert_int_equal(json_object_array_length(at(object, "summary|vmm")), 2);
	of = at(object, "summary|profiles|13.0");
	assert_truth(of, "complete", 1);
	assert_number(of, "statements", 10);
	assert_number(of, "dma|total", 2);
	assert_number(of, "dma|lost", 1);
	assert_number(of, "pages|lost", 2);
	assert_number(of, "exposed|reached", 0);
	assert_number(of, "exposed|guest_pages_in_host", 0);
	assert_number(of, "exposed|guest_pages_unguarded", 256);
	assert_number(of, "calls|total", 1035);
	assert_number(of, "calls|create_mapping", 513);
	assert_number(of, "registers|writes", 18);
	assert_number(of, "invalidations|total", 12);
	assert_number(of, "invalidations|all", 8);
	assert_number(of, "invalidations|all-devices", 4);
	assert_number(of, "invalidations|pages", 0);
	assert_number(of, "bytes_copied", 0);
	assert_number(of, "findings|gcmd-drops-bits", 0);
	assert_number(of, "expectations|met", 1);
	assert_number(of, "expectations|failed", 0);
	of = at(object, "summary|profiles|13.1");
	assert_number(of, "dma|lost", 0);
	assert_number(of, "exposed|guest_pages_in_host", 256);
	json_object_put(object);
	command_run_free(&result);
}

/* ---- the command line ------------------------------------------------------------------------------------ */

/* An expectation that is not met is counted, and no failure. */
static void expectations_do_not_fail_it(void **state)
{
	const char *file = folder_write("wrong.iommu",
	    "#!iommusim 1\nmachine(iommu=vtd, memory=256M)\ndma(7/0/0, write, 0x1000, 4) expect lost\n");
	struct command_run result = compare("--vmm", "13.0,reference", "--cache", "none", file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_contains(result.output, ", cache none\n");
	check_line(result.output, "and that were not", "and that were not 1 1");
	check_line(
	    result.output, "reached by DMA that no unit", "reached by DMA that no unit translated 1 1");
	command_run_free(&result);
}

static void usage(void **state)
{
	static const struct {
		const char *arguments[4];
		const char *says;
	} wrong[] = {
		{ { "x" }, "two profiles or more" },
		{ { "--vmm", "13.0", "x" }, "two profiles or more" },
		{ { "--vmm", "13.0,13.9", "x" },
		    "--vmm 13.9: no release profile of that name; there are 10.3," },
		{ { "--vmm", "13.0,13.0", "x" }, "13.0 is named twice" },
		{ { "--vmm", "13.0,13.1" }, "no file given" },
		{ { "--vmm=13.0,13.1", "x", "y" }, "one story at a time" },
		{ { "--vmm" }, "--vmm needs a value" },
		{ { "--frob" }, "unknown option --frob" },
		{ { "--cache", "hord" }, "--cache hord: expected none, hoard, sized or adverse" },
		{ { "--iommu", "smmu" }, "--iommu smmu: expected vtd or amdvi" },
		{ { "--seed", "12x" }, "--seed 12x: expected a number" },
		{ { "--vmm=13.0,13.1", "/nowhere/x.iommu" }, "/nowhere/x.iommu:0:0: cannot be opened" },
	};
	struct command_run result = compare("--help", NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "usage: iommusim compare --vmm A,B");
	command_run_free(&result);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const char *const *a = wrong[i].arguments;

		result = compare(a[0], a[1], a[2], a[3], NULL);
		assert_int_equal(result.code, 2);
		assert_contains(result.errors, wrong[i].says);
		assert_string_equal(result.output, "");
		command_run_free(&result);
	}
}

static void a_story_that_cannot_be_read(void **state)
{
	const char *broken =
	    folder_write("broken.iommu", "#!iommusim 1\nmachine(iommu=vtd, memory=256M)\nstep(\n");
	const char *alone =
	    folder_write("alone.iommu", "#!iommusim 1\nmachine(iommu=vtd, memory=256M)\n");
	struct command_run result = compare("--vmm", "13.0,13.1", broken, NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "/broken.iommu:3:6: expected a value, found the end of the line\n");
	command_run_free(&result);
	result = compare("--vmm", "13.0,13.1", "--iommu", "amdvi", alone, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/alone.iommu:2:");
	command_run_free(&result);
}

/* ---- profiles -------------------------------------------------------------------------------------------- */

static void profiles_and_their_policies(void **state)
{
	struct command_run result = profiles(NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_ptr_equal(
	    strstr(result.output, "10.3                FreeBSD 10.3-RELEASE\n"), result.output);
	assert_contains(result.output, "\nreference           no known flaw");
	command_run_free(&result);
	result = profiles("13.1", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output,
	    "\nhost_pages = keep\n"
	    "    asks    guest pages in the host domain\n"
	    "    does    left alone: host devices reach guest memory\n"
	    "    source  246c39814567, D34607, PR 260178\n"
	    "\nidle_ppt = nowhere\n");
	command_run_free(&result);
	result = profiles("11.1", "hotplug", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "\nhotplug = host-domain   (assumed)\n");
	assert_null(strstr(result.output, "host_pages"));
	command_run_free(&result);
	result = profiles("--json", "11.1", "hotplug", NULL);
	assert_string_equal(result.output,
	    "{\"profile\":\"11.1\",\"column\":\"hotplug\",\"title\":\"who adds a function that appears later, or that ppt lets go of\","
	    "\"value\":\"host-domain\",\"meaning\":\"the PCI add event, or ppt, puts it into the host domain\","
	    "\"source\":\"r305497, D7667: when it reached stable/11 is not known\",\"assumed\":true}\n");
	command_run_free(&result);
	result = profiles("--json", NULL);
	assert_ptr_equal(
	    strstr(result.output, "{\"profile\":\"10.3\",\"about\":\"FreeBSD 10.3-RELEASE\"}\n"),
	    result.output);
	command_run_free(&result);
}

static void profiles_that_are_none(void **state)
{
	struct command_run result = profiles("13.9", NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "no profile 13.9; there are 10.3, 11.1,");
	command_run_free(&result);
	result = profiles("13.0", "host_page", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "no column host_page; there are init, no_iommu, ");
	command_run_free(&result);
	result = profiles("13.0", "order", "more", NULL);
	assert_int_equal(result.code, 2);
	command_run_free(&result);
	result = profiles("--frob", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "unknown option --frob");
	command_run_free(&result);
	result = profiles("--help", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "usage: iommusim profiles");
	command_run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_story_under_three_profiles),
		cmocka_unit_test(the_policy_to_blame_comes_first),
		cmocka_unit_test(the_same_on_amdvi),
		cmocka_unit_test(calls_that_differ_are_rows),
		cmocka_unit_test(a_story_that_stops_under_one_profile),
		cmocka_unit_test(a_story_that_stops_under_each_profile),
		cmocka_unit_test(rows_and_policies_as_json),
		cmocka_unit_test(totals_as_json),
		cmocka_unit_test(expectations_do_not_fail_it),
		cmocka_unit_test(usage),
		cmocka_unit_test(a_story_that_cannot_be_read),
		cmocka_unit_test(profiles_and_their_policies),
		cmocka_unit_test(profiles_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
