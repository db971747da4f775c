/* JSON as recordings hold it: an object a line, or one in a file, with positions for what is wrong. */
#ifndef IOMMUSIM_TOOLS_RECORDING_INPUT_H
#define IOMMUSIM_TOOLS_RECORDING_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <iommusim/status.h>

/* What is wrong, and in which file: a recording has others beside it. */
struct recording_problem {
	char file[4096];
	struct iommusim_diagnostic about;
};

struct recording_input {
	struct recording_problem *problem;
	const char *file;
	const char *text; /* the whole file, unpacked */
	size_t length;
	size_t start;  /* of the object in `text` */
	size_t end;    /* of its line, where the next one is looked for */
	uint32_t line; /* of the object, counted from 1 */
	struct json_tokener *tokener;
	struct json_object *object;
};

/* Begin on `text`, which like `file` stays the caller's. OK, ENOMEM. */
enum iommusim_status recording_input_open(struct recording_input *input, const char *file,
    const char *text, size_t length, struct recording_problem *problem);
void recording_input_close(struct recording_input *input);

/* The next line that is not blank into `object`. OK, ENOENT at the end, EFORMAT, ENOMEM. */
enum iommusim_status recording_input_line(struct recording_input *input);

/* One object that may stretch over lines and has nothing behind it. OK, EFORMAT, ENOMEM. */
enum iommusim_status recording_input_whole(struct recording_input *input);

/* EFORMAT, with a message that points at the member `name`, or at the object when it has none. */
enum iommusim_status recording_input_refuse(struct recording_input *input, const char *name,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A number of at most `most`. `object` is the input's own or one inside it. OK, EFORMAT. */
enum iommusim_status recording_input_number(struct recording_input *input, struct json_object *object,
    const char *name, uint64_t most, uint64_t *value);
/* The same, but it may be missing: `*value` stays and `*given` is false. */
enum iommusim_status recording_input_option(struct recording_input *input, struct json_object *object,
    const char *name, uint64_t most, uint64_t *value, bool *given);
enum iommusim_status recording_input_text(
    struct recording_input *input, const char *name, const char **text);
/* An array or an object inside the input's own. */
enum iommusim_status recording_input_inner(
    struct recording_input *input, const char *name, enum json_type type, struct json_object **inner);
/* An element of an array, which is called `name` in messages. */
enum iommusim_status recording_input_element(struct recording_input *input, struct json_object *array,
    const char *name, size_t index, uint64_t *value);

#endif
