/* docs/walk.md: each block behind a "prints:" comment is what the command prints, word for word. */
#include <unistd.h>

#include "walk_run.h"

/* The next `<!-- prints: walk ARGUMENTS -->` and the block below it, both cut out; NULL: none. */
static char *next_block(char *at, char **arguments, char **block)
{
	static const char begin[] = "<!-- prints: walk ", end[] = " -->";

	at = strstr(at, begin);
	if (at == NULL)
		return NULL;
	*arguments = at + sizeof(begin) - 1;
	at = strstr(*arguments, end);
	assert_non_null(at);
	*at = '\0';
	at = strstr(at + 1, "```");
	assert_non_null(at);
	*block = strchr(at, '\n') + 1;
	at = strstr(*block, "```");
	assert_non_null(at);
	*at = '\0';
	return at + 1;
}

static void the_page_shows_what_the_command_prints(void **state)
{
	size_t length;
	char *page = file_read(IOMMUSIM_SOURCE_DIR "/docs/walk.md", &length);
	char *at = page, *arguments, *block;
	unsigned blocks = 0;

	(void)state;
	assert_true(page != NULL && length > 0);
	assert_int_equal(chdir(IOMMUSIM_SOURCE_DIR), 0);
	for (; (at = next_block(at, &arguments, &block)) != NULL; blocks++) {
		struct command_run walked = walk("%s", arguments);

		assert_string_equal(walked.errors, "");
		assert_string_equal(walked.output, block);
		command_run_free(&walked);
	}
	free(page);
	assert_true(blocks >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_shows_what_the_command_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
