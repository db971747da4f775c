/* A driver that runs its unit in scalable mode: its tables, and the invalidations it queues. */
#include <stdio.h>

#include "recordings/replayed.h"

/* As PLATFORM, with scalable mode and second-stage translation: ECAP.SMTS, SRS and SSTS. */
#define SCALABLE_PLATFORM                                                                              \
	"{\"iommu\": \"vtd\", \"mmio_base\": 4275634176, \"caps\": {\"VER\": 16, "                     \
	"\"CAP\": 59110346977575430, \"ECAP\": 79167000416074, \"HAW\": 39}, \"ram\": [[0, 67108864]]}"

enum { ROOT = 0x1000, CONTEXT = 0x2000, DIRECTORY = 0x3000, PASIDS = 0x4000, TABLE = 0x5000 };
enum { OTHER = 0x9000, QUEUE = 0x10000, STATUS = 0x11000, RID = 24 };

static FILE *recording;
static char *text;
static size_t text_length;
static unsigned queued;

static void begin(void)
{
	recording = open_memstream(&text, &text_length);
	assert_non_null(recording);
	queued = 0;
}

static void reg(unsigned offset, unsigned size, uint64_t value)
{
	fprintf(recording, "{\"rw\":\"w\",\"off\":%u,\"size\":%u,\"val\":%llu}\n", offset, size,
	    (unsigned long long)value);
}

static void store(uint64_t address, uint64_t low, uint64_t high)
{
	fprintf(recording, "{\"op\":\"mem\",\"pa\":%llu,\"q\":[%llu,%llu]}\n",
	    (unsigned long long)address, (unsigned long long)low, (unsigned long long)high);
}

static void translation(unsigned page, unsigned physical)
{
	fprintf(recording,
	    "{\"op\":\"xlate\",\"rid\":24,\"iova\":%u,\"pa\":%u,\"mask\":4095,\"prot\":3}\n",
	    page << 12, physical << 12);
}

/* One descriptor of 256 bits, all of whose meaning is in the lower half, and the wait behind it. */
static void queue(uint64_t low, uint64_t high)
{
	store(QUEUE + queued * 32, low, high);
	store(QUEUE + queued * 32 + 16, 0, 0);
	queued++;
	store(QUEUE + queued * 32, 5 | 1 << 5 | UINT64_C(1) << 32, STATUS);
	store(QUEUE + queued * 32 + 16, 0, 0);
	queued++;
	reg(0x88, 8, queued * UINT64_C(32)); /* IQT */
}

/* 00:03.0 has domain 5 by its RID_PASID 0, three levels; page 1 is at 0x100000 and page 2 at 0x101000. */
static void bring_up(void)
{
	reg(0x90, 8, QUEUE | 1 << 11); /* IQA: descriptors of 256 bits */
	reg(0x18, 4, 1 << 26);         /* GCMD.QIE */
	store(ROOT, CONTEXT | 1, 0);
	store(CONTEXT + RID * 32, DIRECTORY | 2 << 9 | 1, 0);
	store(DIRECTORY, PASIDS | 1, 0);
	store(PASIDS, TABLE | 1 << 2 | 2 << 6 | 1, 5);
	store(TABLE, (TABLE + 0x1000) | 3, 0);
	store(TABLE + 0x1000, (TABLE + 0x2000) | 3, 0);
	store(TABLE + 0x2000, 0, 0x100003);
	store(TABLE + 0x2010, 0x101003, 0);
	reg(0x20, 8, ROOT | 1 << 10);      /* RTADDR.TTM: scalable */
	reg(0x18, 4, 1 << 26 | 1 << 30);   /* SRTP */
	queue(1 | 1 << 4, 0);              /* context cache, global */
	queue(7 | 3 << 4, 0);              /* PASID cache, global */
	queue(2 | 1 << 4, 0);              /* IOTLB, global */
	reg(0x18, 4, 1u << 31 | 1u << 26); /* TE */
	translation(1, 0x100);
	translation(2, 0x101);
}

/* Replay what was written: the exit code under the policy, or with invalidations dropped. */
static struct command_run finish(const char *option, const char *value)
{
	const char *file = folder_path("recording.jsonl"), *platform = folder_path("platform.json");
	struct command_run result;

	assert_int_equal(fclose(recording), 0);
	folder_write("recording.jsonl", text);
	folder_write("platform.json", SCALABLE_PLATFORM);
	result = value == NULL ? replay(option, "--platform", platform, file, NULL)
			       : replay(option, value, "--platform", platform, file, NULL);
	free(text);
	assert_string_equal(result.errors, "");
	return result;
}

static void expect_agreement(void (*scene)(void), const char *translations)
{
	static const char *const policies[] = { "none", "hoard", "sized", "adverse" };

	for (size_t i = 0; i < 4; i++) {
		struct command_run result;

		begin();
		scene();
		result = finish("--cache", policies[i]);
		if (result.code != 0)
			print_message("%s: %s", policies[i], result.output);
		assert_int_equal(result.code, 0);
		assert_contains(result.output, translations);
		command_run_free(&result);
	}
}

/* Without the invalidation the cache still has what was there before. */
static void expect_needed(void (*scene)(void), const char *got)
{
	struct command_run result;

	begin();
	scene();
	result = finish("--drop-invalidations", NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, got);
	command_run_free(&result);
}

/* ---- what the driver does ------------------------------------------------------------------------------ */

static void faults_are_told_by_legacy_numbers(void **state)
{
	struct command_run result;

	(void)state;
	begin();
	bring_up();
	fprintf(recording, "{\"op\":\"fault\",\"rid\":24,\"addr\":12288,\"reason\":6,\"w\":0}\n");
	result = finish("--cache", "hoard");
	assert_int_equal(result.code, 0);
	assert_contains(result.output,
	    "faults         1 of 1 agree; 1 have a legacy reason number in scalable mode\n");
	command_run_free(&result);
}

static void page_moves(void)
{
	bring_up();
	store(TABLE + 0x2008, 0x102003, 0x101003);
	queue(2 | 3 << 4 | 5 << 16, 0x1000); /* IOTLB, page-selective within the domain */
	translation(1, 0x102);
	translation(2, 0x101);
}

static void a_moved_page_is_found_after_its_invalidation(void **state)
{
	(void)state;
	expect_agreement(page_moves, "translations   4 of 4 agree\n");
	expect_needed(page_moves, "got       page 0x100000, cached since line ");
}

static void pasid_entry_moves(void)
{
	bring_up();
	store(OTHER, (TABLE + 0x1000) | 3, 0);
	store(TABLE + 0x1000, (OTHER + 0x1000) | 3, 0);
	store(OTHER + 0x1000, 0, 0x104003);
	store(PASIDS, OTHER | 1 << 2 | 2 << 6 | 1, 6);
	queue(7 | 1 << 4 | 5 << 16, 0); /* PASID cache, PASID-selective */
	queue(2 | 2 << 4 | 5 << 16, 0); /* IOTLB, of the domain it had */
	translation(1, 0x104);
}

static void a_device_is_moved_to_another_domain_by_its_pasid_entry(void **state)
{
	(void)state;
	expect_agreement(pasid_entry_moves, "translations   3 of 3 agree\n");
	expect_needed(pasid_entry_moves, "got       page 0x100000, cached since line ");
}

static void pass_through(void)
{
	bring_up();
	store(PASIDS, 1 << 2 | 4 << 6 | 1, 7);
	queue(7 | 1 << 4 | 5 << 16, 0);
	queue(2 | 2 << 4 | 5 << 16, 0);
	translation(1, 1);
	translation(0x1234, 0x1234);
}

static void a_device_that_is_made_identity_sees_memory_as_it_is(void **state)
{
	(void)state;
	expect_agreement(pass_through, "translations   4 of 4 agree\n");
}

static void checkpoint(void)
{
	bring_up();
	fprintf(recording, "{\"op\":\"ckpt\",\"n\":3}\n");
}

static void a_checkpoint_finds_what_scalable_tables_map(void **state)
{
	(void)state;
	folder_make_inner("ckpt3");
	folder_write("ckpt3/expected_live.jsonl.gz",
	    "{\"rid\":24,\"pages\":2}\n"
	    "{\"rid\":24,\"iova\":4096,\"pa\":1048576,\"size\":8192,\"prot\":3}\n");
	expect_agreement(checkpoint, "2 of 2");
	folder_delete("ckpt3/expected_live.jsonl.gz");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told_by_legacy_numbers),
		cmocka_unit_test(a_moved_page_is_found_after_its_invalidation),
		cmocka_unit_test(a_device_is_moved_to_another_domain_by_its_pasid_entry),
		cmocka_unit_test(a_device_that_is_made_identity_sees_memory_as_it_is),
		cmocka_unit_test(a_checkpoint_finds_what_scalable_tables_map),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
