/* Diverts the streams, splits command lines, keeps a folder of files. */
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "walk_run.h"

#include "acpi/command_run.h"

enum { WORDS = 64, LONGEST_LINE = 4096, FILES = 64 };

const char walk_platform[] =
    "{\"iommu\": \"vtd\", \"mmio_base\": 4275634176, \"caps\": {\"VER\": 16, \"CAP\": "
    "59110346977575430, \"ECAP\": 15732554, \"HAW\": 39}, \"ram\": [[0, 16777216]]}\n";

/* VT-d 9.1, 9.3, 9.8, 9.9, little-endian. */
const char walk_pages[] =
    "{\"pa\": 65536, \"hex\": \"01100100000000000000000000000000\"}\n"  /* root[0]: 0x11000 */
    "{\"pa\": 70016, \"hex\": \"01200100000000000102000000000000\"}\n"  /* context[0x18] */
    "{\"pa\": 73736, \"hex\": \"0330010000000000\"}\n"                  /* L3[1]: 0x13000 */
    "\n"                                                                /* nothing */
    "{\"pa\": 77832, \"hex\": \"810000c001000000\"}\n"                  /* L2[1]: 2 MiB, R */
    "{\"pa\": 77840, \"hex\": \"0340010000000000\"}\n"                  /* L2[2]: 0x14000 */
    "{\"pa\": 81928, \"hex\": \"0370070000000000\"}\n"                  /* L1[1]: 0x77000 */
    "{\"pa\": 86032, \"hex\": \"01003100000200000000000000000000\"}\n"  /* IRTE 1 */
    "{\"pa\": 86048, \"hex\": \"01003200000200003000040000000000\"}\n"; /* IRTE 2 */

struct walked walk(const char *format, ...)
{
	static char command[] = "walk";
	char line[LONGEST_LINE], *argv[WORDS + 1] = { command }, *rest = NULL;
	FILE *output = tmpfile(), *errors = tmpfile();
	struct walked walked = { .code = -1 };
	int argc = 1, saved_output, saved_errors;
	va_list arguments;

	va_start(arguments, format);
	assert_in_range(vsnprintf(line, sizeof(line), format, arguments), 0, LONGEST_LINE - 1);
	va_end(arguments);
	assert_true(output != NULL && errors != NULL);
	for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < WORDS);
		argv[argc++] = word;
	}
	saved_output = command_run_divert(stdout, output);
	saved_errors = command_run_divert(stderr, errors);
	walked.code = command_walk(argc, argv);
	walked.errors = command_run_restore(stderr, errors, saved_errors);
	walked.output = command_run_restore(stdout, output, saved_output);
	assert_true(walked.output != NULL && walked.errors != NULL);
	return walked;
}

void walked_free(struct walked *walked)
{
	free(walked->output);
	free(walked->errors);
}

void assert_walked(struct walked walked, int code, const char *part)
{
	if (walked.code != code || strstr(walked.output, part) == NULL || walked.errors[0] != '\0')
		fail_msg("expected %d with \"%s\", got %d:\n%s%s", code, part, walked.code,
		    walked.output, walked.errors);
	walked_free(&walked);
}

void assert_refused(struct walked walked, const char *part)
{
	if (walked.code != 2 || strstr(walked.errors, part) == NULL || walked.output[0] != '\0')
		fail_msg("expected 2 with \"%s\", got %d:\n%s%s", part, walked.code, walked.output,
		    walked.errors);
	walked_free(&walked);
}

struct json_object *walked_json(struct walked walked, int code)
{
	struct json_object *object = json_tokener_parse(walked.output);

	if (walked.code != code || object == NULL || walked.errors[0] != '\0')
		fail_msg("expected %d and JSON, got %d:\n%s%s", code, walked.code, walked.output,
		    walked.errors);
	assert_ptr_equal(strchr(walked.output, '\n'), walked.output + strlen(walked.output) - 1);
	walked_free(&walked);
	return object;
}

struct json_object *member(struct json_object *object, const char *path)
{
	char copy[128], *rest = NULL;

	assert_in_range(snprintf(copy, sizeof(copy), "%s", path), 1, sizeof(copy) - 1);
	for (char *name = strtok_r(copy, ".", &rest); name != NULL; name = strtok_r(NULL, ".", &rest)) {
		struct json_object *inner = NULL;

		if (json_object_is_type(object, json_type_array))
			inner = json_object_array_get_idx(object, strtoul(name, NULL, 10));
		else
			json_object_object_get_ex(object, name, &inner);
		if (inner == NULL)
			fail_msg("no %s of %s", name, path);
		object = inner;
	}
	return object;
}

uint64_t number(struct json_object *object, const char *path)
{
	return json_object_get_uint64(member(object, path));
}

const char *text(struct json_object *object, const char *path)
{
	return json_object_get_string(member(object, path));
}

/* ---- files ------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/iommusim-walk-XXXXXX";
static bool made;
static char *files[FILES];
static size_t file_count;

const char *walk_file(const char *name, const void *bytes, size_t length, bool compressed)
{
	char *path = NULL;
	size_t known = 0;
	gzFile stream;

	if (!made)
		assert_non_null(mkdtemp(folder));
	made = true;
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	stream = gzopen(path, compressed ? "wb" : "wbT");
	assert_non_null(stream);
	if (length > 0)
		assert_int_equal(gzwrite(stream, bytes, (unsigned)length), length);
	assert_int_equal(gzclose(stream), Z_OK);
	while (known < file_count && strcmp(files[known], path) != 0)
		known++;
	assert_true(known < FILES);
	if (known < file_count)
		free(path);
	else
		files[file_count++] = path;
	return files[known];
}

int walk_files_remove(void **state)
{
	(void)state;
	while (file_count > 0) {
		unlink(files[--file_count]);
		free(files[file_count]);
	}
	if (made)
		rmdir(folder);
	return 0;
}
