/*
 * A decoded table as JSON: one object, with what every table has. What is a DMAR's or an IVRS's own:
 * acpi_json_dmar.c, acpi_json_ivrs.c.
 */
#include <stdlib.h>
#include <string.h>

#include "acpi_json.h"
#include "acpi_show.h"

char *acpi_printable(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c != NULL && *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = ' ';
	return copy;
}

void acpi_put(
    struct acpi_writer *writer, struct json_object *object, const char *key, struct json_object *value)
{
	if (object != NULL && value != NULL && json_object_object_add(object, key, value) == 0)
		return;
	json_object_put(value);
	writer->failed = true;
}

void acpi_put_number(
    struct acpi_writer *writer, struct json_object *object, const char *key, uint64_t value)
{
	acpi_put(writer, object, key, json_object_new_uint64(value));
}

void acpi_put_flag(struct acpi_writer *writer, struct json_object *object, const char *key, bool value)
{
	acpi_put(writer, object, key, json_object_new_boolean(value));
}

void acpi_put_text(
    struct acpi_writer *writer, struct json_object *object, const char *key, const char *text)
{
	acpi_put(writer, object, key, json_object_new_string(text));
}

/* Text from firmware. */
void acpi_put_printable(
    struct acpi_writer *writer, struct json_object *object, const char *key, const char *text)
{
	char *copy = acpi_printable(text);

	acpi_put(writer, object, key, copy != NULL ? json_object_new_string(copy) : NULL);
	free(copy);
}

void acpi_append(struct acpi_writer *writer, struct json_object *array, struct json_object *value)
{
	if (array != NULL && value != NULL && json_object_array_add(array, value) == 0)
		return;
	json_object_put(value);
	writer->failed = true;
}

/* Length of the UTF-8 character at `text`, 0 when it is none. */
static size_t utf8_length(const unsigned char *text)
{
	const unsigned first = text[0], second = first < 0x80 ? 0 : text[1];
	size_t length = 0;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		length = 2;
	else if (first >= 0xe0 && first < 0xf0)
		length = 3;
	else if (first >= 0xf0 && first < 0xf5)
		length = 4;
	/* Longer than needed, a surrogate, beyond the last character. */
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* A file's name need not be text, JSON must be: a byte that belongs to no character becomes '?'. */
static void put_file(struct acpi_writer *writer, struct json_object *object, const char *file)
{
	char *copy = strdup(file);
	unsigned char *c = (unsigned char *)copy;

	while (c != NULL && *c != '\0') {
		const size_t length = utf8_length(c);

		if (length == 0)
			*c = '?';
		c += length == 0 ? 1 : length;
	}
	acpi_put(writer, object, "file", copy != NULL ? json_object_new_string(copy) : NULL);
	free(copy);
}

static void append_problem(
    struct acpi_writer *writer, struct json_object *problems, uint64_t offset, const char *text)
{
	struct json_object *object = json_object_new_object();

	acpi_put_number(writer, object, "offset", offset);
	acpi_put_text(writer, object, "text", text);
	acpi_append(writer, problems, object);
}

/* A diagnostic may have a line, an offset, or neither. */
static void append_diagnostic(
    struct acpi_writer *writer, struct json_object *problems, const struct iommusim_diagnostic *problem)
{
	char text[sizeof problem->text + 32];

	if (problem->line != 0)
		snprintf(text, sizeof text, "line %u, column %u: %s", problem->line, problem->column,
		    problem->text);
	else
		snprintf(text, sizeof text, "%s", problem->text);
	append_problem(writer, problems, problem->offset == UINT64_MAX ? 0 : problem->offset, text);
}

static struct json_object *finish(const struct acpi_writer *writer, struct json_object *object)
{
	if (!writer->failed)
		return object;
	json_object_put(object);
	return NULL;
}

struct json_object *acpi_table_json(
    const char *file, const struct acpi_table *table, const struct iommusim_diagnostic *problem)
{
	struct acpi_writer writer = { false };
	struct json_object *object = json_object_new_object();
	struct json_object *problems = json_object_new_array();

	put_file(&writer, object, file);
	acpi_put_text(&writer, object, "table", table->signature);
	acpi_put_number(&writer, object, "length", table->length);
	acpi_put_number(&writer, object, "revision", table->revision);
	acpi_put_number(&writer, object, "checksum", table->checksum);
	acpi_put_printable(&writer, object, "oem_id", table->oem_id);
	acpi_put_printable(&writer, object, "oem_table_id", table->oem_table_id);
	if (table->dmar != NULL)
		acpi_dmar_json_header(&writer, object, table->dmar);
	else
		acpi_ivrs_json_header(&writer, object, table->ivrs);
	acpi_put_flag(&writer, object, "checksum_ok", table->checksum_ok);
	if (table->dmar != NULL)
		acpi_dmar_json_body(&writer, object, table->dmar);
	else
		acpi_ivrs_json_body(&writer, object, table->ivrs);
	acpi_put_flag(&writer, object, "usable", table->usable && problem == NULL);
	for (uint32_t i = 0; i < table->problem_count; i++)
		append_problem(&writer, problems, table->problems[i].offset, table->problems[i].text);
	if (problem != NULL)
		append_diagnostic(&writer, problems, problem);
	acpi_put(&writer, object, "problems", problems);
	return finish(&writer, object);
}

struct json_object *acpi_failure_json(
    const char *file, const char *signature, const struct iommusim_diagnostic *problem)
{
	struct acpi_writer writer = { false };
	struct json_object *object = json_object_new_object();
	struct json_object *problems = json_object_new_array();

	put_file(&writer, object, file);
	if (signature[0] != '\0')
		acpi_put_text(&writer, object, "table", signature);
	acpi_put_flag(&writer, object, "usable", false);
	append_diagnostic(&writer, problems, problem);
	acpi_put(&writer, object, "problems", problems);
	return finish(&writer, object);
}
