/* Writes recordings for the command and runs it on them. No expectations of its own. */
#include <stdio.h>

#include "recordings/replayed.h"

enum { MOST_ARGUMENTS = 16 };

const struct recorded_driver vtd_driver = { PLATFORM, DRIVER, DRIVER_LINES };

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

/* ---- what must come of it ------------------------------------------------------------------------------ */

static struct command_run run(
    const struct recorded_driver *driver, const char *lines, const char *option)
{
	return replay_behind(driver->platform, driver->lines, lines, option, NULL);
}

void check_line(
    const struct recorded_driver *driver, const struct recorded_line *line, const char *kind)
{
	struct command_run text = run(driver, line->text, NULL);
	struct command_run data = run(driver, line->text, "--json");
	const bool agrees = line->expected == NULL;
	struct json_object *whole, *summary = summary_of(&data, &whole);
	char part[64];

	if (text.code != (agrees ? 0 : 1))
		print_message("%s%s%s", line->text, text.output, text.errors);
	assert_int_equal(text.code, agrees ? 0 : 1);
	assert_int_equal(data.code, text.code);
	assert_string_equal(text.errors, "");
	snprintf(part, sizeof(part), "%s/total", kind);
	assert_int_equal(number_at(summary, part), 1);
	snprintf(part, sizeof(part), "%s/agree", kind);
	assert_int_equal(number_at(summary, part), agrees ? 1 : 0);
	snprintf(part, sizeof(part), "line %u  ", driver->count + 1);
	assert_int_equal(strstr(text.output, part) == NULL, agrees);
	snprintf(part, sizeof(part), "{\"parting\":{\"line\":%u,", driver->count + 1);
	assert_int_equal(strstr(data.output, part) == NULL, agrees);
	if (!agrees) {
		assert_contains(text.output, "PARTS\n");
		assert_contains(text.output, line->expected);
		assert_contains(text.output, line->got);
	}
	json_object_put(whole);
	command_run_free(&text);
	command_run_free(&data);
}

void expect_live(const char *live)
{
	folder_make_inner("ckpt3");
	folder_write("ckpt3/expected_live.jsonl.gz", live);
}

void check_live(const struct recorded_driver *driver, const char *lines, const char *live,
    int64_t pages, int64_t agree, const char *report)
{
	struct command_run text, data;
	struct json_object *whole, *list, *checkpoint;

	expect_live(live);
	text = run(driver, lines, NULL);
	data = run(driver, lines, "--json");
	if (text.code != (report == NULL ? 0 : 1))
		print_message("%s%s%s", live, text.output, text.errors);
	assert_int_equal(text.code, report == NULL ? 0 : 1);
	assert_int_equal(data.code, text.code);
	list = json_at(summary_of(&data, &whole), "checkpoints", "/");
	assert_int_equal(json_object_array_length(list), 1);
	checkpoint = json_object_array_get_idx(list, 0);
	assert_int_equal(number_at(checkpoint, "n"), 3);
	assert_int_equal(number_at(checkpoint, "pages"), pages);
	assert_int_equal(number_at(checkpoint, "agree"), agree);
	if (report != NULL)
		assert_contains(text.output, report);
	json_object_put(whole);
	command_run_free(&text);
	command_run_free(&data);
}
