/* Every story below scenarios/ comes out as it says. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/files.h"
#include "scenarios/story.h"

#include <iommusim/trace.h>

static void failure(void *context, uint32_t line, const char *statement, const char *text)
{
	print_message("%s:%u: %s: %s\n", (const char *)context, line, statement, text);
}

/* False: the story is the other vendor's alone. */
static bool replay_on(enum iommusim_vendor vendor, const char *path, const char *text, size_t length)
{
	char name[4096];
	const struct iommusim_replay_options options = {
		.vendor = vendor, .context = name, .on_failure = failure
	};
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;
	enum iommusim_status status;

	strncpy(name, path, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	status = iommusim_replay(path, text, length, &options, &summary, &diagnostic);
	if (status == IOMMUSIM_EOPNOTSUPP && vendor != IOMMUSIM_VENDOR_OF_TRACE)
		return false;
	if (status != IOMMUSIM_OK)
		fail_msg("%s:%u:%u: %s", path, diagnostic.line, diagnostic.column, diagnostic.text);
	if (!iommusim_replay_passed(&summary))
		fail_msg("%s on %s: %llu expectations failed, %llu DMAs and %llu findings unexpected",
		    path, iommusim_vendor_name(vendor), (unsigned long long)summary.expectations_failed,
		    (unsigned long long)summary.unexpected_dma,
		    (unsigned long long)summary.unexpected_findings);
	return true;
}

static void replay(const char *path, const char *text, size_t length)
{
	replay_on(IOMMUSIM_VENDOR_OF_TRACE, path, text, length);
}

static unsigned played[IOMMUSIM_VENDOR_AMDVI + 1];

static void replay_on_each(const char *path, const char *text, size_t length)
{
	unsigned here = 0;

	for (unsigned vendor = IOMMUSIM_VENDOR_VTD; vendor <= IOMMUSIM_VENDOR_AMDVI; vendor++) {
		const bool told = replay_on((enum iommusim_vendor)vendor, path, text, length);

		played[vendor] += told;
		here += told;
	}
	assert_true(here > 0);
}

/* The hypervisor's stories are told for both vendors, raw tables and registers for one. */
static void every_story_comes_out_as_it_says_on_each_vendor(void **state)
{
	(void)state;
	if (for_each_scenario(replay_on_each) == 0)
		skip();
	assert_true(played[IOMMUSIM_VENDOR_VTD] >= 13);
	assert_true(played[IOMMUSIM_VENDOR_AMDVI] >= 9);
}

/* Code blocks of the page on the language that are whole stories. */
static void the_examples_of_the_language_hold(void **state)
{
	static const char page[] = IOMMUSIM_SOURCE_DIR "/docs/trace-language.md";
	size_t length, stories = 0;
	char *text = story_read_file(page, &length);

	(void)state;
	for (char *at = text; (at = strstr(at, "```\n#!iommusim 1\n")) != NULL; stories++) {
		char *const start = at + strlen("```\n"), *const end = strstr(start, "```\n");

		assert_non_null(end);
		replay(page, start, (size_t)(end - start));
		at = end + strlen("```\n");
	}
	assert_true(stories > 5);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_story_comes_out_as_it_says_on_each_vendor),
		cmocka_unit_test(the_examples_of_the_language_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
