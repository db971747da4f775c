/* Writes recordings for the command and runs it on them. No expectations here. */
#include <stdio.h>

#include "recordings/replayed.h"

enum { MOST_ARGUMENTS = 16 };

static struct command_run run_behind(const char *platform, const char *driver, const char *lines,
    const char *first_option, va_list options)
{
	const char *argv[MOST_ARGUMENTS] = { "replay" };
	char *text = malloc(strlen(driver) + strlen(lines) + 1);
	int argc = 1;

	assert_non_null(text);
	sprintf(text, "%s%s", driver, lines);
	folder_write("platform.json", platform);
	folder_write("recording.jsonl", text);
	free(text);
	for (const char *one = first_option; one != NULL; one = va_arg(options, const char *)) {
		assert_true(argc < MOST_ARGUMENTS - 2);
		argv[argc++] = one;
	}
	argv[argc] = folder_path("recording.jsonl");
	return command_run_argv(command_replay, argv);
}

struct command_run replay_lines(const char *lines, const char *option, ...)
{
	struct command_run result;
	va_list rest;

	va_start(rest, option);
	result = run_behind(PLATFORM, DRIVER, lines, option, rest);
	va_end(rest);
	return result;
}

struct command_run replay_behind(
    const char *platform, const char *driver, const char *lines, const char *option, ...)
{
	struct command_run result;
	va_list rest;

	va_start(rest, option);
	result = run_behind(platform, driver, lines, option, rest);
	va_end(rest);
	return result;
}

struct json_object *summary_of(const struct command_run *result, struct json_object **whole)
{
	*whole = json_last_line(result->output);
	return json_at(*whole, "summary", "/");
}

int64_t number_at(struct json_object *object, const char *path)
{
	return json_number_at(object, path, "/");
}
