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

static void replay(const char *path, const char *text, size_t length)
{
	char name[4096];
	const struct iommusim_replay_options options = { .context = name, .on_failure = failure };
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;

	strncpy(name, path, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (iommusim_replay(path, text, length, &options, &summary, &diagnostic) != IOMMUSIM_OK)
		fail_msg("%s:%u:%u: %s", path, diagnostic.line, diagnostic.column, diagnostic.text);
	if (!iommusim_replay_passed(&summary))
		fail_msg("%s: %llu expectations failed, %llu DMAs and %llu findings unexpected", path,
		    (unsigned long long)summary.expectations_failed,
		    (unsigned long long)summary.unexpected_dma,
		    (unsigned long long)summary.unexpected_findings);
}

static void every_story_comes_out_as_it_says(void **state)
{
	(void)state;
	if (for_each_scenario(replay) == 0)
		skip();
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
		cmocka_unit_test(every_story_comes_out_as_it_says),
		cmocka_unit_test(the_examples_of_the_language_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
