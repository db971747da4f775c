/* Checkpoints: every page where the driver believes it, and none that it does not know of. */
#include <stdio.h>

#include "recordings/replayed.h"

#define CHECKPOINT "{\"op\":\"ckpt\",\"n\":3}\n" /* line 12 */

/* What DRIVER's tables map, as the driver would tell it: it asked for write-only at 0x2000. */
#define PAGE_0    "{\"rid\": 24, \"iova\": 0, \"pa\": 1048576, \"size\": 4096, \"prot\": 3}\n"
#define PAGE_1    "{\"rid\": 24, \"iova\": 4096, \"pa\": 1052672, \"size\": 4096, \"prot\": 1}\n"
#define PAGE_2    "{\"rid\": 24, \"iova\": 8192, \"pa\": 1056768, \"size\": 4096, \"prot\": 2}\n"
#define LARGE     "{\"rid\": 24, \"iova\": 2097152, \"pa\": 4194304, \"size\": 2097152, \"prot\": 3}\n"
#define HEADER(n) "{\"rid\": 0, \"pages\": 0}\n{\"rid\": 24, \"pages\": " #n "}\n"
#define ALL       HEADER(515) PAGE_0 PAGE_1 PAGE_2 LARGE

static void all_agree(void **state)
{
	struct command_run result;

	(void)state;
	check_live(&vtd_driver, CHECKPOINT, ALL, 515, 515, NULL);
	/* in any order, joined or cut as it pleases whoever wrote it */
	check_live(&vtd_driver, CHECKPOINT, LARGE PAGE_2 PAGE_0 PAGE_1 HEADER(515), 515, 515, NULL);
	check_live(&vtd_driver, CHECKPOINT,
	    PAGE_0 PAGE_1 PAGE_2
	    "{\"rid\":24,\"iova\":2097152,\"pa\":4194304,\"size\":4096,\"prot\":3}\n"
	    "{\"rid\":24,\"iova\":2101248,\"pa\":4198400,\"size\":2093056,\"prot\":3}\n",
	    515, 515, NULL);
	/* the driver makes write-only pages readable */
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20496,\"q\":[1056771]}\n" CHECKPOINT, ALL, 515,
	    515, NULL);
	result = replay_lines(CHECKPOINT, NULL);
	assert_contains(result.output, "\n  checkpoint 3   515 of 515 agree (pages)\n");
	command_run_free(&result);
}

static void one_page_too_many(void **state)
{
	(void)state;
	check_live(&vtd_driver, CHECKPOINT, PAGE_0 PAGE_1 LARGE, 515, 514,
	    "line 12  checkpoint 3  00:03.0  0x2000  PARTS\n"
	    "  expected  not mapped\n"
	    "  got       page 0x102000, write\n");
	check_live(&vtd_driver, CHECKPOINT, PAGE_0 PAGE_1 PAGE_2, 515, 3,
	    "0x200000  PARTS\n  expected  not mapped\n  got       page 0x400000, read and write, and on\n"
	    "  size      512 pages\n");
	/* one behind the others, and one of a requester nobody expects to have any */
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":24568,\"q\":[1060867]}\n" CHECKPOINT, ALL, 516,
	    515,
	    "00:03.0  0x1ff000  PARTS\n  expected  not mapped\n  got       page 0x103000, read and write\n");
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":12256,\"q\":[12289,1281]}\n" CHECKPOINT, ALL,
	    1030, 515, "checkpoint 3  00:1f.6  0x0  PARTS\n  expected  not mapped\n");
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":8176,\"q\":[8193]}\n" CHECKPOINT, ALL, 1030,
	    515, "checkpoint 3  ff:03.0  0x0  PARTS\n  expected  not mapped\n");
	check_live(&vtd_driver, CHECKPOINT, "", 515, 0, "0x0  PARTS\n  expected  not mapped\n");
}

static void one_page_missing(void **state)
{
	(void)state;
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20488,\"q\":[0]}\n" CHECKPOINT, ALL, 515, 514,
	    "line 13  checkpoint 3  00:03.0  0x1000  PARTS\n"
	    "  expected  page 0x101000, read\n"
	    "  got       not mapped\n");
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":16392,\"q\":[0]}\n" CHECKPOINT, ALL, 515, 3,
	    "0x200000  PARTS\n  expected  page 0x400000, read and write, and on\n"
	    "  got       not mapped\n  size      512 pages\n");
	/* before, between, behind, at a requester without a context, and on a bus without one */
	check_live(&vtd_driver, CHECKPOINT,
	    ALL "{\"rid\":24,\"iova\":12288,\"pa\":1060864,\"size\":4096,\"prot\":3}\n", 516, 515,
	    "0x3000  PARTS\n  expected  page 0x103000, read and write\n  got       not mapped\n");
	check_live(&vtd_driver, CHECKPOINT,
	    ALL "{\"rid\":24,\"iova\":549755809792,\"pa\":0,\"size\":8192,\"prot\":3}\n", 517, 515,
	    "0x7ffffff000  PARTS\n  expected  page 0x0, read and write, and on\n");
	check_live(&vtd_driver, CHECKPOINT,
	    ALL "{\"rid\":23,\"iova\":0,\"pa\":0,\"size\":4096,\"prot\":3}\n", 516, 515,
	    "00:02.7  0x0  PARTS\n  expected  page 0x0, read and write\n  got       not mapped\n");
	check_live(&vtd_driver, CHECKPOINT,
	    ALL "{\"rid\":65535,\"iova\":0,\"pa\":0,\"size\":4096,\"prot\":3}\n", 516, 515,
	    "ff:1f.7  0x0  PARTS\n");
	/* a reserved bit: the entry is there, but nothing is translated by it */
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20488,\"q\":[1099512680449]}\n" CHECKPOINT, ALL,
	    515, 514, "0x1000  PARTS\n  expected  page 0x101000, read\n  got       not mapped\n");
}

static void another_page(void **state)
{
	(void)state;
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20480,\"q\":[1060867]}\n" CHECKPOINT, ALL, 515,
	    514,
	    "0x0  PARTS\n  expected  page 0x100000, read and write\n"
	    "  got       page 0x103000, read and write\n");
	check_live(&vtd_driver, CHECKPOINT,
	    PAGE_0 PAGE_1 PAGE_2
	    "{\"rid\":24,\"iova\":2097152,\"pa\":4194304,\"size\":4096,\"prot\":3}\n"
	    "{\"rid\":24,\"iova\":2101248,\"pa\":4194304,\"size\":2093056,\"prot\":3}\n",
	    515, 4,
	    "0x201000  PARTS\n  expected  page 0x400000, read and write, and on\n"
	    "  got       page 0x401000, read and write, and on\n  size      511 pages\n");
}

static void another_permission(void **state)
{
	(void)state;
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20488,\"q\":[1052675]}\n" CHECKPOINT, ALL, 515,
	    514,
	    "0x1000  PARTS\n  expected  page 0x101000, read\n"
	    "  got       page 0x101000, read and write\n");
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20480,\"q\":[1048577]}\n" CHECKPOINT, ALL, 515,
	    514,
	    "0x0  PARTS\n  expected  page 0x100000, read and write\n  got       page 0x100000, read\n");
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20480,\"q\":[1048578]}\n" CHECKPOINT, ALL, 515,
	    514, "got       page 0x100000, write\n");
	/* write-only that became read-only is another thing */
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":20496,\"q\":[1056769]}\n" CHECKPOINT, ALL, 515,
	    514, "0x2000  PARTS\n  expected  page 0x102000, write\n  got       page 0x102000, read\n");
	/* what a table above takes away counts, too */
	check_live(&vtd_driver, "{\"op\":\"mem\",\"pa\":16384,\"q\":[20481]}\n" CHECKPOINT, ALL, 515,
	    513,
	    "0x0  PARTS\n  expected  page 0x100000, read and write\n  got       page 0x100000, read\n");
}

/* The tables count, not what a cache keeps of them. */
static void caches_do_not_matter(void **state)
{
	(void)state;
	check_live(&vtd_driver,
	    "{\"op\":\"xlate\",\"rid\":24,\"iova\":0,\"pa\":1048576,\"prot\":3}\n"
	    "{\"op\":\"mem\",\"pa\":20480,\"q\":[0]}\n" CHECKPOINT,
	    HEADER(514) PAGE_1 PAGE_2 LARGE, 514, 514, NULL);
}

/* Pass-through has no tables: an expected page must be its own, and nothing else is looked for. */
static void pass_through(void **state)
{
	static const char lines[] = "{\"op\":\"mem\",\"pa\":8576,\"q\":[9,1281]}\n" CHECKPOINT;

	(void)state;
	check_live(&vtd_driver, lines, "{\"rid\": 24, \"pages\": 0}\n", 0, 0, NULL);
	check_live(&vtd_driver, lines,
	    "{\"rid\":24,\"iova\":4096,\"pa\":4096,\"size\":8192,\"prot\":3}\n", 2, 2, NULL);
	check_live(&vtd_driver, lines, PAGE_1, 1, 0,
	    "expected  page 0x101000, read\n  got       page 0x1000, read and write\n");
}

static void refuse(const char *live, const char *message)
{
	struct command_run result;

	expect_live(live);
	result = replay_lines(CHECKPOINT, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, message);
	command_run_free(&result);
}

static void bad_live_maps(void **state)
{
	struct command_run result;

	(void)state;
	refuse(ALL "\n{\"rid\": 65536, \"pages\": 0}\n",
	    "/ckpt3/expected_live.jsonl.gz:8:2: `rid`: 0x10000 is too large");
	refuse("{\"rid\": 24, \"iova\": 0}\n",
	    "/ckpt3/expected_live.jsonl.gz:1:1: expected a number `pa`");
	refuse("{\"rid\": 24, \"iova\": 1, \"pa\": 0, \"size\": 4096, \"prot\": 3}\n",
	    "/ckpt3/expected_live.jsonl.gz:1:13: expected whole pages");
	refuse(PAGE_0 PAGE_0, "address 0x0 of requester 0x18 is there twice");
	refuse(PAGE_0 "nonsense", "/ckpt3/expected_live.jsonl.gz:2:");
	/* tables that point at themselves map more than can be told */
	expect_live(ALL);
	result = replay_lines("{\"op\":\"mem\",\"pa\":8576,\"q\":[12289,1281]}\n"
			      "{\"op\":\"mem\",\"pa\":12288,\"q\":[12291,12291,12291,12291,12291,12291,"
			      "12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,12291]}\n"
			      "{\"op\":\"mem\",\"pa\":12424,\"q\":[12291,12291,12291,12291,12291,12291,"
			      "12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,"
			      "12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,12291,"
			      "12291,12291,12291,12291,12291,12291,12291,12291,12291,12291]}\n"
			      "{\"op\":\"ckpt\",\"n\":3}\n",
	    "--json", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "/recording.jsonl:15:14: checkpoint 3: the tables map more than can be");
	command_run_free(&result);
	/* a file that is cut off */
	folder_write_bytes("ckpt3/expected_live.jsonl.gz", "\037\213\010\0\0\0\0\0\0\003\253", 11);
	result = replay_lines(CHECKPOINT, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/ckpt3/expected_live.jsonl.gz:0:0: cannot be read");
	command_run_free(&result);
}

static void not_compressed(void **state)
{
	struct command_run result;

	(void)state;
	folder_make_inner("ckpt3");
	folder_delete("ckpt3/expected_live.jsonl.gz");
	folder_write("ckpt3/expected_live.jsonl", ALL);
	result = replay_lines(CHECKPOINT, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "checkpoint 3   515 of 515 agree");
	command_run_free(&result);
	folder_delete("ckpt3/expected_live.jsonl");
	result = replay_lines(CHECKPOINT, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "1 checkpoint of the recording without a ckpt folder beside it");
	command_run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_agree),
		cmocka_unit_test(one_page_too_many),
		cmocka_unit_test(one_page_missing),
		cmocka_unit_test(another_page),
		cmocka_unit_test(another_permission),
		cmocka_unit_test(caches_do_not_matter),
		cmocka_unit_test(pass_through),
		cmocka_unit_test(bad_live_maps),
		cmocka_unit_test(not_compressed),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
