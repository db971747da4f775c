/* The command as a test runs it: streams diverted, files in a folder of its own. No expectations here. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "command.h"
#include "recordings/replayed.h"

enum { MOST_ARGUMENTS = 16 };

static char folder[32];

/* ---- files --------------------------------------------------------------------------------------------- */

int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/iommusim-record-XXXXXX");
	return mkdtemp(folder) == NULL;
}

int folder_remove(void **state)
{
	char command[sizeof(folder) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

char *folder_path(const char *name)
{
	char *path = malloc(sizeof(folder) + strlen(name) + 1);

	assert_non_null(path);
	sprintf(path, "%s/%s", folder, name);
	return path;
}

static void write_packed(const char *path, const char *bytes, size_t length)
{
	gzFile stream = gzopen(path, "wb");

	assert_non_null(stream);
	assert_int_equal(gzwrite(stream, bytes, (unsigned)length), length);
	assert_int_equal(gzclose(stream), Z_OK);
}

void folder_write_bytes(const char *name, const char *bytes, size_t length)
{
	char *path = folder_path(name);
	FILE *stream = fopen(path, "wb");

	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
	free(path);
}

void folder_write(const char *name, const char *text)
{
	const size_t length = strlen(name);

	if (length > 3 && strcmp(name + length - 3, ".gz") == 0) {
		char *path = folder_path(name);

		write_packed(path, text, strlen(text));
		free(path);
	} else {
		folder_write_bytes(name, text, strlen(text));
	}
}

void folder_make_inner(const char *name)
{
	char *path = folder_path(name);

	mkdir(path, 0700); /* or it is there already */
	free(path);
}

void folder_delete(const char *name)
{
	char *path = folder_path(name);

	remove(path);
	free(path);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* Send a stream to a new file; what it was before comes back. */
static int divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	dup2(fileno(to), fileno(stream));
	return saved;
}

static char *restore(FILE *stream, FILE *to, int saved)
{
	char *text;
	long size;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	fseek(to, 0, SEEK_END);
	size = ftell(to);
	rewind(to);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	text[fread(text, 1, (size_t)size, to)] = '\0';
	fclose(to);
	return text;
}

static struct replayed run(int argc, char **argv)
{
	FILE *output = tmpfile(), *errors = tmpfile();
	struct replayed result;
	int saved_output, saved_errors;

	assert_non_null(output);
	assert_non_null(errors);
	saved_output = divert(stdout, output);
	saved_errors = divert(stderr, errors);
	result.code = command_replay(argc, argv);
	result.errors = restore(stderr, errors, saved_errors);
	result.output = restore(stdout, output, saved_output);
	while (argc > 0)
		free(argv[--argc]);
	return result;
}

static int add_arguments(char **argv, int argc, const char *first, va_list rest)
{
	for (const char *one = first; one != NULL; one = va_arg(rest, const char *)) {
		assert_true(argc < MOST_ARGUMENTS - 1);
		argv[argc++] = strdup(one);
	}
	return argc;
}

struct replayed replay(const char *first, ...)
{
	char *argv[MOST_ARGUMENTS] = { strdup("replay") };
	va_list rest;
	int argc;

	va_start(rest, first);
	argc = add_arguments(argv, 1, first, rest);
	va_end(rest);
	return run(argc, argv);
}

static struct replayed run_behind(const char *platform, const char *driver, const char *lines,
    const char *first_option, va_list options)
{
	char *argv[MOST_ARGUMENTS] = { strdup("replay") };
	char *text = malloc(strlen(driver) + strlen(lines) + 1);
	int argc;

	assert_non_null(text);
	sprintf(text, "%s%s", driver, lines);
	folder_write("platform.json", platform);
	folder_write("recording.jsonl", text);
	free(text);
	argc = add_arguments(argv, 1, first_option, options);
	argv[argc++] = folder_path("recording.jsonl");
	return run(argc, argv);
}

struct replayed replay_lines(const char *lines, const char *option, ...)
{
	struct replayed result;
	va_list rest;

	va_start(rest, option);
	result = run_behind(PLATFORM, DRIVER, lines, option, rest);
	va_end(rest);
	return result;
}

struct replayed replay_behind(
    const char *platform, const char *driver, const char *lines, const char *option, ...)
{
	struct replayed result;
	va_list rest;

	va_start(rest, option);
	result = run_behind(platform, driver, lines, option, rest);
	va_end(rest);
	return result;
}

void replayed_free(struct replayed *result)
{
	free(result->output);
	free(result->errors);
}

/* ---- what came of it ----------------------------------------------------------------------------------- */

struct json_object *summary_of(const struct replayed *result, struct json_object **whole)
{
	const char *text = result->output, *end = text + strlen(text), *start = end - 1;
	struct json_object *summary;

	assert_true(end > text && end[-1] == '\n');
	while (start > text && start[-1] != '\n')
		start--;
	*whole = json_tokener_parse(start);
	assert_non_null(*whole);
	assert_true(json_object_object_get_ex(*whole, "summary", &summary));
	return summary;
}

int64_t number_at(struct json_object *object, const char *path)
{
	char *copy = strdup(path), *rest = copy, *name;

	while ((name = strsep(&rest, "/")) != NULL)
		if (!json_object_object_get_ex(object, name, &object))
			fail_msg("no %s", path);
	free(copy);
	assert_true(json_object_is_type(object, json_type_int));
	return json_object_get_int64(object);
}
