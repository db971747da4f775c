/* What a recording must look like: bad lines and platforms with their position, files, folders, options. */
#include <stdio.h>
#include <unistd.h>

#include "recordings/replayed.h"

struct bad {
	const char *line; /* number 12 */
	const char *message;
};

static void bad_lines(void **state)
{
	static const struct bad cases[] = {
		{ "{\"op\":\"xlate\",\"rid\":24,\"iova\":0,\"pa\":1048576,",
		    ":12:46: the JSON object is not" },
		{ "{\"op\":\"xlate\",}", ":12:15: no JSON: " },
		{ "{\"op\":\"mark\",\"n\":1} x", ":12:21: no JSON: " },
		{ "[1]", ":12:1: expected a JSON object" },
		{ "{}", ":12:1: expected a text `op`" },
		{ "{\"op\":7}", ":12:2: `op`: expected a text" },
		{ "{\"t\":1,\"op\":\"xlat\"}",
		    ":12:8: `op`: a recording has no line of kind \"xlat\"" },
		{ "{\"rw\":\"x\",\"off\":0,\"size\":4,\"val\":0}",
		    ":12:2: `rw`: expected \"r\" or \"w\"" },
		{ "{\"rw\":\"r\",\"size\":4,\"val\":0}", ":12:1: expected a number `off`" },
		{ "{\"rw\":\"r\",\"off\":0,\"size\":3,\"val\":0}",
		    ":12:19: `size`: expected 1, 2, 4 or 8" },
		{ "{\"rw\":\"w\",\"off\":4096,\"size\":4,\"val\":0}",
		    ":12:11: `off`: no register access" },
		{ "{\"rw\":\"w\",\"off\":2,\"size\":4,\"val\":0}",
		    ":12:11: `off`: no register access" },
		{ "{\"rw\":\"w\",\"off\":24,\"size\":4,\"val\":4294967296}",
		    ":12:29: `val`: 0x100000000 is too large; expected at most 0xffffffff" },
		{ "{\"rw\":\"w\",\"off\":24,\"size\":4,\"val\":1.5}",
		    ":12:29: `val`: expected a number" },
		{ "{\"rw\":\"w\",\"off\":24,\"size\":4,\"val\":\"1\"}",
		    ":12:29: `val`: expected a number" },
		{ "{\"rw\":\"w\",\"off\":-8,\"size\":4,\"val\":1}",
		    ":12:11: `off`: expected a number from 0" },
		{ "{\"op\":\"mem\",\"pa\":4096}", ":12:1: expected an array `q`" },
		{ "{\"op\":\"mem\",\"pa\":4096,\"q\":8}", ":12:23: `q`: expected an array" },
		{ "{\"op\":\"mem\",\"pa\":4096,\"q\":[8,null]}", ":12:23: `q`: expected a number" },
		{ "{\"op\":\"mem\",\"pa\":67108856,\"q\":[0,0]}",
		    ":12:13: `pa`: 0x3fffff8 is not all in the RAM of the platform" },
		{ "{\"op\":\"xlate\",\"rid\":65536,\"iova\":0,\"pa\":0}",
		    ":12:15: `rid`: 0x10000 is too large" },
		{ "{\"op\":\"xlate\",\"rid\":24,\"pa\":0}", ":12:1: expected a number `iova`" },
		{ "{\"op\":\"xlate\",\"rid\":24,\"iova\":0}", ":12:1: expected a number `pa`" },
		{ "{\"op\":\"xlate\",\"rid\":24,\"iova\":0,\"pa\":0,\"prot\":4}",
		    ":12:40: `prot`: 0x4 is too large" },
		{ "{\"op\":\"xlate\",\"rid\":24,\"iova\":0,\"pa\":0,\"prot\":0}",
		    ":12:40: `prot`: expected 1, 2 or 3" },
		{ "{\"op\":\"fault\",\"addr\":0}", ":12:1: expected a number `rid`" },
		{ "{\"op\":\"fault\",\"rid\":24}", ":12:1: expected a number `addr`" },
		{ "{\"op\":\"fault\",\"rid\":24,\"addr\":0,\"reason\":256}",
		    ":12:33: `reason`: 0x100 is too" },
		{ "{\"op\":\"fault\",\"rid\":24,\"addr\":0,\"w\":2}", ":12:33: `w`: 0x2 is too large" },
		{ "{\"op\":\"ir\",\"addr\":4276092928,\"data\":0,\"oaddr\":0}",
		    ":12:1: expected a number `odata`" },
		{ "{\"op\":\"ir\",\"addr\":4096,\"data\":0,\"oaddr\":0,\"odata\":0}",
		    ":12:12: `addr`: expected an interrupt address" },
		{ "{\"op\":\"ckpt\"}", ":12:1: expected a number `n`" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct command_run result = replay_lines(cases[i].line, NULL);
		char place[64];

		snprintf(place, sizeof(place), "/recording.jsonl%s", cases[i].message);
		if (result.code != 2)
			print_message("%s\n", cases[i].line);
		assert_int_equal(result.code, 2);
		assert_contains(result.errors, place);
		/* what ran before it is told all the same */
		assert_contains(result.output, "4 register writes, 1 read.\n");
		command_run_free(&result);
	}
}

static void a_bad_line_as_data(void **state)
{
	struct command_run result = replay_lines("{\"op\":\"ckpt\"}", "--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.output, "{\"error\":{\"file\":");
	assert_contains(
	    result.output, "\"line\":12,\"column\":1,\"text\":\"expected a number `n`\"}}\n");
	assert_int_equal(number_at(summary, "mmio/writes"), 4);
	json_object_put(whole);
	command_run_free(&result);
}

static void refuse_platform(const char *platform, const char *message)
{
	struct command_run result;
	const char *recording = folder_path("alone.jsonl"), *file = folder_path("other.json");

	folder_write("alone.jsonl", DRIVER);
	folder_write("other.json", platform);
	result = replay("--platform", file, recording, NULL);
	assert_int_equal(result.code, 2);
	assert_string_equal(result.output, "");
	assert_contains(result.errors, message);
	command_run_free(&result);
}

#define VTD(caps, ram)                                                                                 \
	"{\"iommu\": \"vtd\",\n \"mmio_base\": 4275634176,\n \"caps\": " caps ",\n \"ram\": " ram "}"
#define CAPS "{\"VER\": 16, \"CAP\": 59110346977575430, \"ECAP\": 15732554, \"HAW\": 39}"

static void bad_platforms(void **state)
{
	(void)state;
	refuse_platform("", "/other.json:1:1: the JSON object is not complete");
	refuse_platform("{}", "/other.json:1:1: expected a text `iommu`");
	refuse_platform("{\"iommu\": \"smmu\"}",
	    "/other.json:1:2: `iommu`: expected \"vtd\" or \"amdvi\", found \"smmu\"");
	refuse_platform("{\"iommu\": \"vtd\"}", "/other.json:1:1: expected a number `mmio_base`");
	refuse_platform(VTD("7", "[]"), "/other.json:3:2: `caps`: expected an object");
	refuse_platform(VTD("{\"VER\": 16}", "[]"), "/other.json:1:1: expected a number `CAP`");
	refuse_platform(VTD("{\"VER\": 16, \"CAP\": 0, \"ECAP\": 0, \"HAW\": 3}", "[]"),
	    "/other.json:3:2: no such unit can be: ");
	refuse_platform(VTD(CAPS, "8"), "/other.json:4:2: `ram`: expected an array");
	refuse_platform(VTD(CAPS, "[8]"), "/other.json:4:2: `ram`: expected pairs");
	refuse_platform(VTD(CAPS, "[[0, 100]]"), "/other.json:4:2: `ram`: no RAM can be at 0x0");
	refuse_platform(
	    VTD(CAPS, "[[0, 8192], [4096, 8192]]"), "/other.json:4:2: `ram`: no RAM can be at 0x1000");
	refuse_platform(
	    VTD(CAPS, "[[4096, 18446744073709551615]]"), "/other.json:4:2: `ram`: a range beyond");
}

/* RAM is where the unit is not. */
static void ram_around_registers(void **state)
{
	const char *recording = folder_path("alone.jsonl"), *file = folder_path("other.json");
	struct command_run result;

	(void)state;
	folder_write("other.json", VTD(CAPS, "[[0, 8589934592]]"));
	folder_write("alone.jsonl",
	    "{\"op\":\"mem\",\"pa\":4275634168,\"q\":[1]}\n{\"op\":\"mem\",\"pa\":4275638272,\"q\":[1]}\n"
	    "{\"rw\":\"r\",\"off\":0,\"size\":4,\"val\":16}\n");
	result = replay("--platform", file, recording, NULL);
	assert_string_equal(result.errors, "");
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "3 lines: 0 register writes, 1 read.\n");
	command_run_free(&result);
}

static void no_platform(void **state)
{
	const char *recording = folder_path("lonely/recording.jsonl");
	struct command_run result;

	(void)state;
	folder_make_inner("lonely");
	folder_write("lonely/recording.jsonl", DRIVER);
	result = replay(recording, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/lonely/platform.json:0:0: cannot be opened: ");
	assert_contains(result.errors, "; --platform names it elsewhere\n");
	command_run_free(&result);
}

static void compressed_and_cut_off(void **state)
{
	const char *recording = folder_path("packed.jsonl.gz");
	struct command_run result;

	(void)state;
	folder_write("platform.json", PLATFORM);
	folder_write("packed.jsonl.gz", DRIVER);
	result = replay(recording, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "11 lines: 4 register writes, 1 read.\n");
	command_run_free(&result);
	assert_int_equal(truncate(recording, 100), 0);
	result = replay(recording, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/packed.jsonl.gz:0:0: cannot be read: ");
	command_run_free(&result);
}

/* A folder stands for the recording in it, unless there are traces. */
static void folders(void **state)
{
	const char *one = folder_make_inner("one"), *empty = folder_make_inner("empty");
	struct command_run result;

	(void)state;
	folder_write("one/platform.json", PLATFORM);
	folder_write("one/recording.jsonl", DRIVER "{\"op\":\"note\",\"s\":\"unpacked\"}\n");
	result = replay(one, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(
	    result.output, "/one/recording.jsonl   VT-d at fed90000, 64 MiB, cache hoard\n");
	assert_contains(result.output, "12 lines");
	command_run_free(&result);
	folder_write("one/recording.jsonl.gz", DRIVER);
	result = replay(one, NULL);
	assert_contains(result.output, "/one/recording.jsonl.gz   VT-d");
	assert_contains(result.output, "11 lines");
	command_run_free(&result);
	folder_write("one/a.iommu", "#!iommusim 1\nmachine(iommu=vtd, memory=64M)\n");
	result = replay(one, NULL);
	assert_null(strstr(result.output, "recording.jsonl"));
	assert_contains(result.output, "/one/a.iommu   ");
	command_run_free(&result);
	result = replay(empty, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "no *.iommu file is below this folder, and no recording.jsonl.gz");
	command_run_free(&result);
}

/* Traces and recordings in one run are added up each for itself. */
static void several_files(void **state)
{
	const char *trace = folder_path("b.iommu"), *recording = folder_path("recording.jsonl");
	struct command_run result =
	    replay_lines("{\"op\":\"fault\",\"rid\":24,\"reason\":5,\"addr\":0,\"w\":1}\n", NULL);
	const char *total;

	(void)state;
	command_run_free(&result);
	folder_write("b.iommu", "#!iommusim 1\nmachine(iommu=vtd, memory=64M)\n");
	result = replay(recording, trace, recording, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "\n2 recordings, 24 lines: 8 register writes, 2 reads.\n");
	assert_contains(result.output, "\n  faults         0 of 2 agree, 2 PART\n");
	command_run_free(&result);
	result = replay("--json", recording, trace, recording, NULL);
	total = strstr(result.output, "{\"total\":{\"files\":3,\"calls\":1,");
	assert_non_null(total);
	assert_contains(total, "\"recordings\":2,\"lines\":24,");
	assert_contains(total, "\"faults\":{\"total\":2,\"agree\":0,");
	assert_contains(total, "\"checkpoint_pages\":{\"total\":0,\"agree\":0}}}\n");
	command_run_free(&result);
	result = replay("--json", recording, recording, NULL);
	assert_contains(result.output, "{\"total\":{\"files\":2,\"recordings\":2,");
	command_run_free(&result);
}

static void options_that_do_not_fit(void **state)
{
	const char *out = folder_path("out.iommu");
	struct command_run result = replay_lines("", "--record", out, NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "--record takes a trace, and ");
	assert_int_equal(access(out, F_OK), -1);
	command_run_free(&result);
	/* the others mean the same for both */
	result = replay_lines("", "--vmm", "13.0", "--cache", "adverse", "--seed", "7", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "cache adverse\n");
	command_run_free(&result);
}

/* All that scripts rely on, by name. */
static void summary_members(void **state)
{
	static const char *const numbers[] = { "mmio/writes", "mmio/reads", "mmio/reads_differ",
		"translations/total", "translations/agree", "faults/total", "faults/agree",
		"interrupts/total", "interrupts/agree", "interrupts/source_unknown" };
	struct command_run result = replay_lines("", "--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole), *file;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		number_at(summary, numbers[i]);
	assert_true(json_object_object_get_ex(summary, "file", &file));
	assert_contains(json_object_get_string(file), "/recording.jsonl");
	assert_true(json_object_object_get_ex(summary, "checkpoints", NULL));
	json_object_put(whole);
	command_run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(a_bad_line_as_data),
		cmocka_unit_test(bad_platforms),
		cmocka_unit_test(ram_around_registers),
		cmocka_unit_test(no_platform),
		cmocka_unit_test(compressed_and_cut_off),
		cmocka_unit_test(folders),
		cmocka_unit_test(several_files),
		cmocka_unit_test(options_that_do_not_fit),
		cmocka_unit_test(summary_members),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
