/* The trace language on posted interrupts: posted(ADDRESS, DATA) and posted(), compared and recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

/* Entry 0 posts vector 31h to 102000h; notifications are vector F2h for processor 7 (VT-d 9.10, 9.11). */
#define POSTING                                                                                        \
	STORY_HEADER                                                                                   \
	"machine(iommu=vtd, memory=256M, preset=\"skylake-sp\")\ndevice(7/0/0, \"nic0\")\n"            \
	"mem_write(0x100000, \"01 80 31 00 00 20 10 00 00 00 00 00 00 00 00 00\")\n"                   \
	"mem_write(0x102020, \"00 00 f2 00 00 07 00 00\")\n"                                           \
	"mmio_write64(0xfed910b8, 0x100000)\nmmio_write32(0xfed91018, 0x01000000)\n"                   \
	"mmio_write64(0xfed91090, 0x200000)\nmmio_write32(0xfed91018, 0x04000000)\n"                   \
	"mmio_write32(0xfed91018, 0x06000000)\n"
#define INTERRUPT "interrupt(7/0/0, 0xfee00010, 0)"

static void what_came_of_posting_is_compared(void **state)
{
	(void)state;
	story_must_pass(POSTING INTERRUPT " = posted(0xfee07000, 0x40f2)\n" INTERRUPT
					  " = posted()\n" INTERRUPT "\n");
	story_must_fail(POSTING INTERRUPT " = posted()\n",
	    "interrupt came out as posted(0xfee07000, 0x40f2), expected posted()");
	story_must_fail(POSTING INTERRUPT " = remapped(0xfee07000, 0x40f2)\n",
	    "came out as posted(0xfee07000, 0x40f2), expected remapped(0xfee07000, 0x40f2)");
	story_must_fail(POSTING INTERRUPT "\n" INTERRUPT " = posted(0xfee07000, 0x40f2)\n",
	    "came out as posted(), expected posted(0xfee07000, 0x40f2)");
	story_must_fail(POSTING "interrupt(7/0/0, 0xfee00030, 0) = posted()\n", "returned EIO");
	story_must_fail(STORY_MACHINE "device(7/0/0, \"nic0\")\n"
				      "interrupt(7/0/0, 0xfee00000, 1) = posted(0xfee00000, 1)\n",
	    "came out as remapped(0xfee00000, 0x1), expected posted(0xfee00000, 0x1)");
}

static void a_posting_that_faults_is_an_error_with_a_reason(void **state)
{
	(void)state;
	story_must_pass(POSTING "mem_write(0x102028, \"01\")\n" INTERRUPT
				" expect fault(0x28)\n" INTERRUPT " = error(EIO)\n");
}

static void a_recording_says_what_was_posted(void **state)
{
	static const char text[] = POSTING INTERRUPT "\n" INTERRUPT "\n";
	struct story story;
	char *recorded = story_record(text, sizeof(text) - 1, &story);

	(void)state;
	assert_non_null(strstr(recorded, " = posted(0xfee07000, 0x40f2)\n"));
	assert_non_null(strstr(recorded, " = posted()\n"));
	story_must_pass(recorded);
	free(recorded);
}

static void other_forms_are_refused(void **state)
{
	static const char *const bad[] = { "posted(1)", "posted(1, 2, 3)", "posted(a, b)", "posted",
		"remapped()" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct story story;
		char text[2048];

		(void)snprintf(text, sizeof(text), POSTING INTERRUPT " = %s\n", bad[i]);
		story_run(&story, text);
		assert_int_equal(story.status, IOMMUSIM_EFORMAT);
		assert_non_null(strstr(story.diagnostic.text, "posted(ADDRESS, DATA), posted()"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_of_posting_is_compared),
		cmocka_unit_test(a_posting_that_faults_is_an_error_with_a_reason),
		cmocka_unit_test(a_recording_says_what_was_posted),
		cmocka_unit_test(other_forms_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
