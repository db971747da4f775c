/* Checked access to the members of one line of JSON, with the position of what is wrong. */
#ifndef IOMMUSIM_TOOLS_VECTORS_JSON_H
#define IOMMUSIM_TOOLS_VECTORS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <iommusim/status.h>

enum { VECTOR_JSON_DEEPEST = 8 };

/* One step from a value to one inside it: the member `name`, or when that is NULL element `index`. */
struct vector_json_place {
	const char *name;
	size_t index;
};

/*
 * The line being read, and where in it the reader is. The functions below return false when
 * something is wrong and then have filled in `problem`; nothing is to be read after that.
 */
struct vector_json {
	const char *text;
	size_t length;
	uint32_t line; /* of the file, from 1 */
	struct vector_json_place path[VECTOR_JSON_DEEPEST];
	unsigned depth;
	struct iommusim_diagnostic problem;
};

/* Is there nothing on the line? */
bool vector_json_is_blank(const struct vector_json *json);

/* The object that is all of the line; NULL when it is none (`problem` says why). */
struct json_object *vector_json_parse(struct vector_json *json);

/* Go into a member or an element, and out again. */
void vector_json_enter(struct vector_json *json, const char *name);
void vector_json_enter_element(struct vector_json *json, size_t index);
void vector_json_leave(struct vector_json *json);

/* Refuse the value the reader is at, `skip` characters into it; the words say what was expected. */
bool vector_json_refuse(struct vector_json *json, size_t skip, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool vector_json_out_of_memory(struct vector_json *json);

/* Is there a member of that name that is not null? */
bool vector_json_has(struct json_object *object, const char *name, struct json_object **value);

/* Members by name: of that type and not above `most`. */
bool vector_json_number(struct vector_json *json, struct json_object *object, const char *name,
    uint64_t most, uint64_t *value);
bool vector_json_text(
    struct vector_json *json, struct json_object *object, const char *name, const char **text);
bool vector_json_array(
    struct vector_json *json, struct json_object *object, const char *name, struct json_object **array);
bool vector_json_object(
    struct vector_json *json, struct json_object *object, const char *name, struct json_object **inner);
/* May be left out: false. */
bool vector_json_flag(
    struct vector_json *json, struct json_object *object, const char *name, bool *flag);

/* The value the reader is at, as a number; an element, say. */
bool vector_json_take_number(
    struct vector_json *json, struct json_object *value, uint64_t most, uint64_t *number);

#endif
