/* Reads the JSON of recordings. What the members mean is not known here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "recording_input.h"

enum { DEEPEST = 8 /* arrays and objects within each other; a recording needs 3 */ };

enum iommusim_status recording_input_open(struct recording_input *input, const char *file,
    const char *text, size_t length, struct recording_problem *problem)
{
	*input = (struct recording_input){
		.problem = problem,
		.file = file,
		.text = text,
		.length = length,
		.tokener = json_tokener_new_ex(DEEPEST),
	};
	if (input->tokener == NULL)
		return IOMMUSIM_ENOMEM;
	json_tokener_set_flags(input->tokener, JSON_TOKENER_STRICT);
	return IOMMUSIM_OK;
}

void recording_input_close(struct recording_input *input)
{
	json_object_put(input->object);
	if (input->tokener != NULL)
		json_tokener_free(input->tokener);
	*input = (struct recording_input){ .object = NULL };
}

/* ---- what is wrong, and where -------------------------------------------------------------------------- */

/* Point at byte `at` of the text; line and column are counted from where the object starts. */
static enum iommusim_status point(struct recording_input *input, size_t at)
{
	struct iommusim_diagnostic *about = &input->problem->about;
	size_t line_start = input->start;

	about->status = IOMMUSIM_EFORMAT;
	about->offset = UINT64_MAX;
	about->line = input->line;
	while (line_start > 0 && input->text[line_start - 1] != '\n')
		line_start--;
	for (size_t i = input->start; i < at; i++)
		if (input->text[i] == '\n') {
			about->line++;
			line_start = i + 1;
		}
	about->column = (uint32_t)(at - line_start) + 1;
	snprintf(input->problem->file, sizeof(input->problem->file), "%s", input->file);
	return IOMMUSIM_EFORMAT;
}

enum iommusim_status recording_input_refuse(
    struct recording_input *input, const char *name, const char *format, ...)
{
	const char *object = input->text + input->start, *at = NULL;
	va_list arguments;

	if (name != NULL) {
		char quoted[64];
		const int length = snprintf(quoted, sizeof(quoted), "\"%s\"", name);

		at = memmem(object, input->end - input->start, quoted, (size_t)length);
	}
	va_start(arguments, format);
	vsnprintf(input->problem->about.text, sizeof(input->problem->about.text), format, arguments);
	va_end(arguments);
	return point(input, at == NULL ? input->start : (size_t)(at - input->text));
}

/* ---- objects ------------------------------------------------------------------------------------------- */

static enum iommusim_status parse(struct recording_input *input)
{
	const char *text = input->text + input->start;
	const size_t length = input->end - input->start;
	enum json_tokener_error error;
	size_t after;

	json_object_put(input->object);
	json_tokener_reset(input->tokener);
	if (length > INT32_MAX) {
		input->object = NULL;
		return recording_input_refuse(input, NULL, "a line of more than 2 GiB");
	}
	input->object = json_tokener_parse_ex(input->tokener, text, (int)length);
	error = json_tokener_get_error(input->tokener);
	after = json_tokener_get_parse_end(input->tokener);
	if (error == json_tokener_continue) {
		recording_input_refuse(input, NULL, "the JSON object is not complete");
		return point(input, input->start + after);
	}
	if (error != json_tokener_success) {
		recording_input_refuse(input, NULL, "no JSON: %s", json_tokener_error_desc(error));
		return point(input, input->start + after);
	}
	while (after < length && strchr(" \t\r\n", text[after]) != NULL && text[after] != '\0')
		after++;
	if (after < length) {
		recording_input_refuse(input, NULL, "something stands behind the JSON object");
		return point(input, input->start + after);
	}
	return json_object_is_type(input->object, json_type_object)
	    ? IOMMUSIM_OK
	    : recording_input_refuse(input, NULL, "expected a JSON object");
}

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return false;
	return true;
}

enum iommusim_status recording_input_line(struct recording_input *input)
{
	do {
		const char *newline;

		input->start = input->line == 0 ? 0 : input->end + 1;
		if (input->start >= input->length)
			return IOMMUSIM_ENOENT;
		input->line++;
		newline = memchr(input->text + input->start, '\n', input->length - input->start);
		input->end = newline == NULL ? input->length : (size_t)(newline - input->text);
	} while (is_blank(input->text + input->start, input->end - input->start));
	return parse(input);
}

enum iommusim_status recording_input_whole(struct recording_input *input)
{
	input->start = 0;
	input->end = input->length;
	input->line = 1;
	return parse(input);
}

/* ---- members ------------------------------------------------------------------------------------------- */

static enum iommusim_status take_number(struct recording_input *input, struct json_object *value,
    const char *name, uint64_t most, uint64_t *number)
{
	if (!json_object_is_type(value, json_type_int))
		return recording_input_refuse(input, name, "`%s`: expected a number", name);
	if (json_object_get_int64(value) < 0)
		return recording_input_refuse(input, name, "`%s`: expected a number from 0", name);
	*number = json_object_get_uint64(value);
	if (*number > most)
		return recording_input_refuse(input, name,
		    "`%s`: 0x%" PRIx64 " is too large; expected at most 0x%" PRIx64, name, *number,
		    most);
	return IOMMUSIM_OK;
}

enum iommusim_status recording_input_option(struct recording_input *input, struct json_object *object,
    const char *name, uint64_t most, uint64_t *value, bool *given)
{
	struct json_object *member;

	*given = json_object_object_get_ex(object, name, &member);
	return *given ? take_number(input, member, name, most, value) : IOMMUSIM_OK;
}

enum iommusim_status recording_input_number(struct recording_input *input, struct json_object *object,
    const char *name, uint64_t most, uint64_t *value)
{
	bool given;
	const enum iommusim_status status =
	    recording_input_option(input, object, name, most, value, &given);

	if (status == IOMMUSIM_OK && !given)
		return recording_input_refuse(input, NULL, "expected a number `%s`", name);
	return status;
}

enum iommusim_status recording_input_text(
    struct recording_input *input, const char *name, const char **text)
{
	struct json_object *member;

	if (!json_object_object_get_ex(input->object, name, &member))
		return recording_input_refuse(input, NULL, "expected a text `%s`", name);
	if (!json_object_is_type(member, json_type_string))
		return recording_input_refuse(input, name, "`%s`: expected a text", name);
	*text = json_object_get_string(member);
	return IOMMUSIM_OK;
}

enum iommusim_status recording_input_inner(
    struct recording_input *input, const char *name, enum json_type type, struct json_object **inner)
{
	const char *kind = type == json_type_array ? "an array" : "an object";

	if (!json_object_object_get_ex(input->object, name, inner))
		return recording_input_refuse(input, NULL, "expected %s `%s`", kind, name);
	return json_object_is_type(*inner, type)
	    ? IOMMUSIM_OK
	    : recording_input_refuse(input, name, "`%s`: expected %s", name, kind);
}

enum iommusim_status recording_input_element(struct recording_input *input, struct json_object *array,
    const char *name, size_t index, uint64_t *value)
{
	return take_number(input, json_object_array_get_idx(array, index), name, UINT64_MAX, value);
}
