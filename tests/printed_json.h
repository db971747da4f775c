/* JSON that a command printed, as tests ask it. */
#ifndef IOMMUSIM_TESTS_PRINTED_JSON_H
#define IOMMUSIM_TESTS_PRINTED_JSON_H

#include <stdint.h>

#include <json-c/json.h>

/* Line number `index`, from 0, of what was printed; and the last one. json_object_put() them. */
struct json_object *json_line(const char *text, unsigned index);
struct json_object *json_last_line(const char *text);

/*
 * A member by its path, which must be there: "summary/dma/total", of an array by its number. The names are divided by
 * any of `separators`, since names may themselves have one of them.
 */
struct json_object *json_at(struct json_object *object, const char *path, const char *separators);
/* It is an integer. */
int64_t json_number_at(struct json_object *object, const char *path, const char *separators);

#endif
