/* Finds its way in JSON that a command printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "printed_json.h"

struct json_object *json_line(const char *text, unsigned index)
{
	struct json_object *object;

	while (index-- > 0) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	object = json_tokener_parse(text);
	assert_non_null(object);
	return object;
}

struct json_object *json_last_line(const char *text)
{
	const char *end = text + strlen(text), *start = end - 1;

	assert_true(end > text && end[-1] == '\n');
	while (start > text && start[-1] != '\n')
		start--;
	return json_line(start, 0);
}

struct json_object *json_at(struct json_object *object, const char *path, const char *separators)
{
	char *copy = strdup(path), *rest = copy, *name;

	assert_non_null(copy);
	while ((name = strsep(&rest, separators)) != NULL) {
		struct json_object *inner = NULL;

		if (json_object_is_type(object, json_type_array))
			inner = json_object_array_get_idx(object, strtoul(name, NULL, 10));
		else
			json_object_object_get_ex(object, name, &inner);
		if (inner == NULL)
			fail_msg("no %s of %s", name, path);
		object = inner;
	}
	free(copy);
	return object;
}

int64_t json_number_at(struct json_object *object, const char *path, const char *separators)
{
	object = json_at(object, path, separators);
	assert_true(json_object_is_type(object, json_type_int));
	return json_object_get_int64(object);
}
