/* `iommusim replay`: exit codes, what it prints, JSON, options, folders, compressed files. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"
#include "command_run.h"
#include "own_files.h"
#include "printed_json.h"
#include "scenarios/story.h"

#define BLOCKED_DMA                                                                                    \
	STORY_MACHINE "iommu_create_domain(1G) = d\niommu_add_device(d, 0x0700)\n"                     \
		      "dma(7/0/0, write, 0x1000, 4)"

/* Arguments behind the command's name, ended by NULL. */
#define replay(...) command_run(command_replay, "replay", __VA_ARGS__)

/* The walk of its address as memory allows it: that says nothing about a cache. */
static void a_denied_message_is_not_blamed_on_a_cache(void **state)
{
	const char *file = folder_write("message.iommu",
	    STORY_HEADER "machine(iommu=amdvi, memory=256M, preset=\"zen2-client\")\n"
			 "device(1/0/0, \"nic\")\n"
			 "mmio_write64(0xfeb80018, 0x400001)\n" /* SmiFEn, IommuEn */
			 "dma(1/0/0, write, 0xfee00000, 4) expect ok\n");
	struct command_run result;

	(void)state;
	result = replay(file, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "BLOCKED\n");
	assert_contains(result.output, "no SMI filter register has the device");
	assert_null(strstr(result.output, "  cached "));
	command_run_free(&result);
}

static void exit_codes(void **state)
{
	const char *good = folder_write("good.iommu", BLOCKED_DMA " expect blocked\n");
	const char *bad = folder_write("bad.iommu", BLOCKED_DMA "\n");
	const char *wrong = folder_write("wrong.iommu", BLOCKED_DMA " expect ok\n");
	const char *broken = folder_write("broken.iommu", STORY_MACHINE "step(\n");
	const char *huge =
	    folder_write("huge.iommu", STORY_HEADER "machine(iommu=none, memory=2048T)\n");
	struct command_run result;

	(void)state;
	result = replay(good, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "VT-d, 2 units, 256 MiB, vmm reference, cache hoard\n");
	assert_contains(result.output, "BLOCKED\n");
	assert_contains(result.output, "\n4 calls, 1 DMA: 1 blocked. 1 expectation met.\n");
	assert_string_equal(result.errors, "");
	command_run_free(&result);
	result = replay(bad, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "1 blocked. 1 DMA nobody expected.\n");
	command_run_free(&result);
	result = replay(wrong, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "expected ok; came blocked, fault(0x5)");
	assert_contains(result.output, "1 expectation NOT met.\n");
	command_run_free(&result);
	result = replay(broken, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "/broken.iommu:3:6: expected a value, found the end of the line\n");
	command_run_free(&result);
	result = replay(huge, NULL);
	assert_int_equal(result.code, 3);
	assert_contains(result.errors, "/huge.iommu:2:1: out of memory\n");
	command_run_free(&result);
	/* The worst of several counts. */
	result = replay(good, broken, bad, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.output, "\n3 files: 9 calls, 2 DMAs: 2 blocked. 1 expectation met.");
	command_run_free(&result);
}

static void usage(void **state)
{
	struct command_run result = replay(NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "no file given");
	command_run_free(&result);
	result = replay("--help", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "usage: iommusim replay");
	command_run_free(&result);
	result = replay("--frob", "x", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "unknown option --frob");
	command_run_free(&result);
	result = replay("--vmm", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "--vmm needs a value");
	command_run_free(&result);
	result = replay("--vmm", "13.9", "x", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "13.0");
	command_run_free(&result);
	result = replay("--cache", "hord", "x", NULL);
	assert_int_equal(result.code, 2);
	command_run_free(&result);
	result = replay("--seed", "12x", "x", NULL);
	assert_int_equal(result.code, 2);
	command_run_free(&result);
	result = replay("/nowhere/at-all.iommu", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/nowhere/at-all.iommu:0:0: cannot be opened");
	command_run_free(&result);
}

static int64_t number_at(struct json_object *object, const char *path)
{
	return json_number_at(object, path, "/");
}

static void json(void **state)
{
	const char *good = folder_write("good.iommu", BLOCKED_DMA " expect blocked\n");
	const char *broken = folder_write("broken.iommu", BLOCKED_DMA "\nstep(\n");
	struct command_run result = replay("--json", good, NULL);
	struct json_object *object = json_last_line(result.output), *summary;

	(void)state;
	assert_int_equal(result.code, 0);
	assert_true(strncmp(result.output, "{\"dma\":{", 8) == 0);
	assert_true(json_object_object_get_ex(object, "summary", &summary));
	assert_int_equal(number_at(summary, "calls"), 4);
	assert_int_equal(number_at(summary, "dma/total"), 1);
	assert_int_equal(number_at(summary, "dma/blocked"), 1);
	assert_int_equal(number_at(summary, "dma/ok") + number_at(summary, "dma/lost") +
		number_at(summary, "dma/stale") + number_at(summary, "dma/breach") +
		number_at(summary, "dma/misrouted") + number_at(summary, "dma/unprotected"),
	    0);
	assert_int_equal(number_at(summary, "expectations/met"), 1);
	assert_int_equal(number_at(summary, "expectations/failed"), 0);
	assert_int_equal(number_at(summary, "sysctl/hw.vmm.iommu.initialized"), 1);
	assert_true(json_object_object_get_ex(summary, "findings", NULL));
	json_object_put(object);
	command_run_free(&result);

	result = replay("--json", good, broken, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.output, "{\"error\":{\"file\":");
	object = json_last_line(result.output);
	assert_int_equal(number_at(object, "total/files"), 2);
	assert_int_equal(number_at(object, "total/calls"), 8);
	assert_int_equal(number_at(object, "total/dma/blocked"), 2);
	json_object_put(object);
	command_run_free(&result);
}

static void options_win_over_the_trace(void **state)
{
	const char *file = folder_write(
	    "options.iommu", STORY_HEADER "machine(iommu=vtd, memory=64M, vmm=\"13.0\", cache=none)\n");
	struct command_run result = replay(file, NULL);

	(void)state;
	assert_contains(result.output, "vmm 13.0, cache none");
	command_run_free(&result);
	result = replay("--vmm", "reference", "--cache=adverse", "--seed", "0x5",
	    "--drop-invalidations", file, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "vmm reference, cache adverse");
	command_run_free(&result);
}

static void folders_and_compressed_files(void **state)
{
	const char *inner = folder_make_inner("many"), *packed;
	struct command_run result;
	const char *at;

	(void)state;
	folder_make_inner("many/b");
	folder_write("many/z.iommu", STORY_MACHINE);
	folder_write("many/B.iommu", STORY_MACHINE);
	folder_write("many/b/a.iommu", STORY_MACHINE);
	folder_write("many/notes.txt", "not a trace");
	result = replay(inner, NULL);
	assert_int_equal(result.code, 0);
	at = strstr(result.output, "many/B.iommu   ");
	assert_non_null(at);
	at = strstr(at, "many/b/a.iommu   ");
	assert_non_null(at);
	assert_non_null(strstr(at, "many/z.iommu   "));
	assert_contains(result.output, "3 files: 3 calls");
	command_run_free(&result);
	packed = folder_write("packed.iommu.gz", STORY_MACHINE "step(1)\n");
	result = replay(packed, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "2 calls");
	command_run_free(&result);
	truncate(packed, 40);
	result = replay(packed, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "cannot be read");
	command_run_free(&result);
}

/* Through a pipe, which cannot be read twice. */
static void standard_input(void **state)
{
	static const char text[] = BLOCKED_DMA " expect blocked\n";
	const int saved = dup(STDIN_FILENO);
	struct command_run result;
	int ends[2];

	(void)state;
	assert_true(saved >= 0 && pipe(ends) == 0);
	assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
	close(ends[1]);
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	result = replay("-", NULL);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(ends[0]);
	close(saved);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "4 calls, 1 DMA: 1 blocked. 1 expectation met.");
	command_run_free(&result);
}

/* Lines that are no two alike, many times what is read of a file at once. */
static char *long_trace(unsigned lines, const char *last)
{
	char *text = malloc(200 + lines * (size_t)64), *at = text;

	assert_non_null(text);
	at += sprintf(at, STORY_MACHINE "mem_write(0x1000, \"00\")\n");
	for (unsigned i = 0; i < lines; i++)
		at += sprintf(at, "mem_write(0x%x, \"%08x\")\n", 0x1000 + i * 8, i * 2654435761u);
	strcpy(at, last);
	return text;
}

static void a_long_trace_keeps_its_place(void **state)
{
	char *text = long_trace(20000, "mem_read(0x1008, 4) = \"9e3779b1\"\nstep(\n");
	const char *file = folder_write("long.iommu", text);
	struct command_run result = replay(file, NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "long.iommu:20005:6: expected a value, found the end of the line");
	assert_contains(result.output, "20003 calls, 0 DMAs. 1 expectation met.");
	command_run_free(&result);
	free(text);
}

/* What came before the file ended has run, and is told. */
static void a_broken_file_is_played_as_far_as_it_goes(void **state)
{
	char *text = long_trace(20000, "");
	const char *packed = folder_write("long.iommu.gz", text);
	struct command_run result;

	(void)state;
	truncate(packed, 100000);
	result = replay(packed, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, ":1: cannot be read: the compressed file ends too early\n");
	assert_contains(result.output, " calls, 0 DMAs.\n");
	assert_null(strstr(result.output, "20002 calls"));
	assert_true(strtoul(strchr(result.output, '\n') + 2, NULL, 10) > 5000);
	command_run_free(&result);
	free(text);
}

static void recording(void **state)
{
	const char *file = folder_write("story.iommu", BLOCKED_DMA " expect blocked\n");
	const char *out = folder_path("out.iommu");
	struct command_run result = replay("--record", out, file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	command_run_free(&result);
	result = replay(out, NULL);
	assert_int_equal(result.code, 0); /* it expects what the story expected */
	assert_contains(result.output, "4 calls, 1 DMA: 1 blocked. 1 expectation met.");
	command_run_free(&result);
	result = replay("--record", out, file, file, NULL);
	assert_int_equal(result.code, 2);
	command_run_free(&result);
	result = replay("--record", "/nowhere/out.iommu", file, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/nowhere/out.iommu cannot be written");
	command_run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(usage),
		cmocka_unit_test(json),
		cmocka_unit_test(options_win_over_the_trace),
		cmocka_unit_test(a_denied_message_is_not_blamed_on_a_cache),
		cmocka_unit_test(folders_and_compressed_files),
		cmocka_unit_test(standard_input),
		cmocka_unit_test(a_long_trace_keeps_its_place),
		cmocka_unit_test(a_broken_file_is_played_as_far_as_it_goes),
		cmocka_unit_test(recording),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
