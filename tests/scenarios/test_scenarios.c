/* Every story below scenarios/ comes out as it says. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/files.h"

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
		fail_msg("%s: %llu expectations failed, %llu DMAs and %llu findings unexpected",
		    path, (unsigned long long)summary.expectations_failed,
		    (unsigned long long)summary.unexpected_dma,
		    (unsigned long long)summary.unexpected_findings);
}

static void every_story_comes_out_as_it_says(void **state)
{
	(void)state;
	if (for_each_scenario(replay) == 0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_story_comes_out_as_it_says) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
