/* Reads members of a JSON object and says where in the line a wrong one is. Knows nothing of vectors. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vectors_json.h"

/* ---- positions ------------------------------------------------------------------------------------------ */

/*
 * json-c keeps no positions, so the place of a value is looked up in the text once it is needed. The
 * text has been parsed: it is known to be well formed, and only its ends have to be found.
 */

static bool is_one_of(const char *set, char character)
{
	return character != '\0' && strchr(set, character) != NULL;
}

static size_t skip_blanks(const struct vector_json *json, size_t at)
{
	while (at < json->length && is_one_of(" \t\r\n", json->text[at]))
		at++;
	return at;
}

bool vector_json_is_blank(const struct vector_json *json)
{
	return skip_blanks(json, 0) == json->length;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(const struct vector_json *json, size_t at)
{
	for (at++; at < json->length && json->text[at] != '"'; at++)
		if (json->text[at] == '\\')
			at++;
	return at + 1;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(const struct vector_json *json, size_t at)
{
	unsigned depth = 0;

	while (at < json->length) {
		const char character = json->text[at];

		if (depth == 0 && is_one_of(",]} \t\r\n", character))
			return at;
		if (character == '"') {
			at = skip_string(json, at);
			if (depth == 0)
				return at;
			continue;
		}
		if (character == '{' || character == '[')
			depth++;
		if ((character == '}' || character == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return at;
}

/* Where the value of a member begins, in the object at `at`; `at` when there is none of that name. */
static size_t find_member(const struct vector_json *json, size_t at, const char *name)
{
	const size_t length = strlen(name);
	size_t found = at, next = skip_blanks(json, at + 1);

	while (next < json->length && json->text[next] == '"') {
		const size_t end = skip_string(json, next);
		const size_t value = skip_blanks(json, skip_blanks(json, end) + 1);

		/* The last of several members of one name is the one json-c keeps. */
		if (end < json->length && end - next == length + 2 &&
		    memcmp(json->text + next + 1, name, length) == 0)
			found = value;
		next = skip_blanks(json, skip_blanks(json, skip_value(json, value)) + 1);
	}
	return found;
}

static size_t find_element(const struct vector_json *json, size_t at, size_t index)
{
	size_t next = skip_blanks(json, at + 1);

	for (; index > 0 && next < json->length; index--)
		next = skip_blanks(json, skip_blanks(json, skip_value(json, next)) + 1);
	return next;
}

static size_t find_place(const struct vector_json *json)
{
	size_t at = skip_blanks(json, 0);

	for (unsigned i = 0; i < json->depth; i++)
		at = json->path[i].name != NULL ? find_member(json, at, json->path[i].name)
						: find_element(json, at, json->path[i].index);
	return at;
}

void vector_json_enter(struct vector_json *json, const char *name)
{
	json->path[json->depth++] = (struct vector_json_place){ .name = name };
}

void vector_json_enter_element(struct vector_json *json, size_t index)
{
	json->path[json->depth++] = (struct vector_json_place){ .index = index };
}

void vector_json_leave(struct vector_json *json)
{
	json->depth--;
}

/* ---- what is wrong -------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 0)))
note(struct vector_json *json, size_t offset, const char *format, va_list arguments)
{
	json->problem = (struct iommusim_diagnostic){
		.status = IOMMUSIM_EFORMAT,
		.line = json->line,
		.column = offset < UINT32_MAX ? (uint32_t)offset + 1 : UINT32_MAX,
		.offset = UINT64_MAX,
	};
	vsnprintf(json->problem.text, sizeof(json->problem.text), format, arguments);
}

bool vector_json_refuse(struct vector_json *json, size_t skip, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	note(json, find_place(json) + skip, format, arguments);
	va_end(arguments);
	return false;
}

bool vector_json_out_of_memory(struct vector_json *json)
{
	vector_json_refuse(json, 0, "out of memory");
	json->problem.status = IOMMUSIM_ENOMEM;
	return false;
}

/* What a value is, for a message. */
static const char *kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return "true or false";
	case json_type_double:
		return "a number with a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "an array";
	case json_type_string:
		return "a string";
	default:
		return "something else";
	}
}

/* A member whatever its type; a missing one is refused at the object it is missing from. */
static bool find(struct vector_json *json, struct json_object *object, const char *name,
    const char *expected, struct json_object **value)
{
	return json_object_object_get_ex(object, name, value) ||
	    vector_json_refuse(json, 0, "no `%s` here, expected %s", name, expected);
}

static bool refuse_type(
    struct vector_json *json, struct json_object *value, const char *name, const char *expected)
{
	vector_json_enter(json, name);
	vector_json_refuse(json, 0, "`%s` is %s, expected %s", name, kind_of(value), expected);
	vector_json_leave(json);
	return false;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
refuse_at(struct vector_json *json, size_t offset, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	note(json, offset, format, arguments);
	va_end(arguments);
}

/* Older releases of json-c have no name for it: the value is missing, that is all. */
static bool is_out_of_memory(enum json_tokener_error error)
{
#if JSON_C_VERSION_NUM >= (17 << 8)
	return error == json_tokener_error_memory;
#else
	(void)error;
	return false;
#endif
}

static void refuse_text(
    struct vector_json *json, struct json_tokener *tokener, enum json_tokener_error error)
{
	const size_t end = json_tokener_get_parse_end(tokener);

	if (error == json_tokener_continue || (error == json_tokener_success && end >= json->length))
		refuse_at(json, json->length, "the line ends too early, expected a whole JSON object");
	else if (error == json_tokener_success)
		refuse_at(json, end, "more follows, expected one JSON object a line");
	else if (is_out_of_memory(error))
		vector_json_out_of_memory(json);
	else
		refuse_at(json, end, "no JSON: %s; expected one JSON object a line",
		    json_tokener_error_desc(error));
}

struct json_object *vector_json_parse(struct vector_json *json)
{
	const size_t first = skip_blanks(json, 0);
	struct json_tokener *tokener;
	struct json_object *object;
	enum json_tokener_error error;

	if (first == json->length || json->text[first] != '{') {
		refuse_at(json, first, "no JSON object begins here, expected one a line");
		return NULL;
	}
	if (json->length > INT32_MAX - 1) {
		refuse_at(json, 0, "the line is longer than 2 GiB");
		return NULL;
	}
	tokener = json_tokener_new();
	if (tokener == NULL) {
		vector_json_out_of_memory(json);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, json->text, (int)json->length);
	error = json_tokener_get_error(tokener);
	if (error != json_tokener_success ||
	    skip_blanks(json, json_tokener_get_parse_end(tokener)) != json->length) {
		refuse_text(json, tokener, error);
		json_object_put(object);
		object = NULL;
	} else if (object == NULL) {
		vector_json_out_of_memory(json);
	}
	json_tokener_free(tokener);
	return object;
}

bool vector_json_has(struct json_object *object, const char *name, struct json_object **value)
{
	return json_object_object_get_ex(object, name, value) && *value != NULL;
}

/*
 * json-c makes the largest number there is of one that is larger still. Is this one in the text? Looked
 * up only when it matters, as it takes a pass over the line.
 */
static bool is_largest_number(const struct vector_json *json)
{
	static const char largest[] = "18446744073709551615";
	const size_t at = find_place(json), length = sizeof(largest) - 1;

	return json->length - at > length && memcmp(json->text + at, largest, length) == 0 &&
	    !is_one_of("0123456789", json->text[at + length]);
}

bool vector_json_take_number(
    struct vector_json *json, struct json_object *value, uint64_t most, uint64_t *number)
{
	if (!json_object_is_type(value, json_type_int))
		return vector_json_refuse(json, 0, "this is %s, expected a number from 0 to 0x%llx",
		    kind_of(value), (unsigned long long)most);
	*number = json_object_get_uint64(value);
	/* json-c gives 0 for what is negative. */
	if ((*number == 0 && json_object_get_int64(value) < 0) || *number > most ||
	    (*number == UINT64_MAX && !is_largest_number(json)))
		return vector_json_refuse(json, 0, "out of range, expected a number from 0 to 0x%llx",
		    (unsigned long long)most);
	return true;
}

bool vector_json_number(struct vector_json *json, struct json_object *object, const char *name,
    uint64_t most, uint64_t *value)
{
	struct json_object *member;
	bool taken;

	if (!find(json, object, name, "a number", &member))
		return false;
	if (!json_object_is_type(member, json_type_int))
		return refuse_type(json, member, name, "a number");
	vector_json_enter(json, name);
	taken = vector_json_take_number(json, member, most, value);
	vector_json_leave(json);
	return taken;
}

bool vector_json_text(
    struct vector_json *json, struct json_object *object, const char *name, const char **text)
{
	struct json_object *member;

	if (!find(json, object, name, "a string", &member))
		return false;
	if (!json_object_is_type(member, json_type_string))
		return refuse_type(json, member, name, "a string");
	*text = json_object_get_string(member);
	if (*text == NULL)
		return vector_json_out_of_memory(json);
	return strlen(*text) == (size_t)json_object_get_string_len(member) ||
	    refuse_type(json, member, name, "one without characters of value 0");
}

bool vector_json_array(
    struct vector_json *json, struct json_object *object, const char *name, struct json_object **array)
{
	return find(json, object, name, "an array", array) &&
	    (json_object_is_type(*array, json_type_array) ||
		refuse_type(json, *array, name, "an array"));
}

bool vector_json_object(
    struct vector_json *json, struct json_object *object, const char *name, struct json_object **inner)
{
	return find(json, object, name, "an object", inner) &&
	    (json_object_is_type(*inner, json_type_object) ||
		refuse_type(json, *inner, name, "an object"));
}

bool vector_json_flag(
    struct vector_json *json, struct json_object *object, const char *name, bool *flag)
{
	struct json_object *member;

	*flag = false;
	if (!vector_json_has(object, name, &member))
		return true;
	if (!json_object_is_type(member, json_type_boolean))
		return refuse_type(json, member, name, "true or false");
	*flag = json_object_get_boolean(member);
	return true;
}
