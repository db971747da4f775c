/* Runs `iommusim walk` and asks what came of it. */
#include "walk_run.h"

#include "command.h"

enum { LONGEST_LINE = 4096 };

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

struct command_run walk(const char *format, ...)
{
	char line[LONGEST_LINE] = "walk ";
	const size_t start = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	assert_in_range(vsnprintf(line + start, sizeof(line) - start, format, arguments), 0,
	    sizeof(line) - start - 1);
	va_end(arguments);
	return command_run_line(command_walk, line);
}

void assert_walked(struct command_run walked, int code, const char *part)
{
	if (walked.code != code || strstr(walked.output, part) == NULL || walked.errors[0] != '\0')
		fail_msg("expected %d with \"%s\", got %d:\n%s%s", code, part, walked.code,
		    walked.output, walked.errors);
	command_run_free(&walked);
}

void assert_refused(struct command_run walked, const char *part)
{
	if (walked.code != 2 || strstr(walked.errors, part) == NULL || walked.output[0] != '\0')
		fail_msg("expected 2 with \"%s\", got %d:\n%s%s", part, walked.code, walked.output,
		    walked.errors);
	command_run_free(&walked);
}

struct json_object *walked_json(struct command_run walked, int code)
{
	struct json_object *object = json_tokener_parse(walked.output);

	if (walked.code != code || object == NULL || walked.errors[0] != '\0')
		fail_msg("expected %d and JSON, got %d:\n%s%s", code, walked.code, walked.output,
		    walked.errors);
	assert_ptr_equal(strchr(walked.output, '\n'), walked.output + strlen(walked.output) - 1);
	command_run_free(&walked);
	return object;
}

struct json_object *member(struct json_object *object, const char *path)
{
	return json_at(object, path, ".");
}

uint64_t number(struct json_object *object, const char *path)
{
	return json_object_get_uint64(member(object, path));
}

const char *text(struct json_object *object, const char *path)
{
	return json_object_get_string(member(object, path));
}
