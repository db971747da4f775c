/* A decoded DMAR table as JSON: one object, every number as the table holds it. */
#include <stdlib.h>
#include <string.h>

#include "acpi_show.h"

/* Builds objects; after the first failed allocation everything built is dropped. */
struct writer {
	bool failed;
};

char *acpi_printable(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c != NULL && *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = ' ';
	return copy;
}

static void put(
    struct writer *writer, struct json_object *object, const char *key, struct json_object *value)
{
	if (object != NULL && value != NULL && json_object_object_add(object, key, value) == 0)
		return;
	json_object_put(value);
	writer->failed = true;
}

static void put_number(
    struct writer *writer, struct json_object *object, const char *key, uint64_t value)
{
	put(writer, object, key, json_object_new_uint64(value));
}

static void put_flag(struct writer *writer, struct json_object *object, const char *key, bool value)
{
	put(writer, object, key, json_object_new_boolean(value));
}

static void put_text(
    struct writer *writer, struct json_object *object, const char *key, const char *text)
{
	put(writer, object, key, json_object_new_string(text));
}

/* Text from firmware. */
static void put_printable(
    struct writer *writer, struct json_object *object, const char *key, const char *text)
{
	char *copy = acpi_printable(text);

	put(writer, object, key, copy != NULL ? json_object_new_string(copy) : NULL);
	free(copy);
}

static void append(struct writer *writer, struct json_object *array, struct json_object *value)
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
static void put_file(struct writer *writer, struct json_object *object, const char *file)
{
	char *copy = strdup(file);
	unsigned char *c = (unsigned char *)copy;

	while (c != NULL && *c != '\0') {
		const size_t length = utf8_length(c);

		if (length == 0)
			*c = '?';
		c += length == 0 ? 1 : length;
	}
	put(writer, object, "file", copy != NULL ? json_object_new_string(copy) : NULL);
	free(copy);
}

static struct json_object *path_json(struct writer *writer, const struct iommusim_dmar_scope *scope)
{
	struct json_object *path = json_object_new_array();

	for (unsigned i = 0; i < scope->hop_count; i++) {
		struct json_object *hop = json_object_new_array();

		append(writer, hop, json_object_new_int(scope->hops[i].device));
		append(writer, hop, json_object_new_int(scope->hops[i].function));
		append(writer, path, hop);
	}
	return path;
}

static struct json_object *scope_json(struct writer *writer, const struct iommusim_dmar_scope *scope)
{
	struct json_object *object = json_object_new_object();
	const char *name = iommusim_dmar_scope_name(scope->type);

	put_number(writer, object, "offset", scope->offset);
	put_text(writer, object, "type", name);
	if (strcmp(name, "unknown") == 0)
		put_number(writer, object, "code", scope->type);
	put_number(writer, object, "length", scope->length);
	put_number(writer, object, "flags", scope->flags);
	put_number(writer, object, "enum_id", scope->enumeration_id);
	put_number(writer, object, "start_bus", scope->start_bus);
	put(writer, object, "path", path_json(writer, scope));
	return object;
}

/* A structure without scope entries has no such member. */
static void put_scopes(
    struct writer *writer, struct json_object *object, const struct iommusim_dmar_structure *structure)
{
	struct json_object *scopes;

	if (structure->scope_count == 0)
		return;
	scopes = json_object_new_array();
	for (uint32_t i = 0; i < structure->scope_count; i++)
		append(writer, scopes, scope_json(writer, &structure->scopes[i]));
	put(writer, object, "scopes", scopes);
}

/* What DRHD, RMRR, ATSR, SATC and SIDP are about. */
static void put_unit_members(
    struct writer *writer, struct json_object *object, const struct iommusim_dmar_structure *structure)
{
	if (structure->type != IOMMUSIM_DMAR_RMRR && structure->type != IOMMUSIM_DMAR_SIDP)
		put_number(writer, object, "flags", structure->flags);
	if (structure->type == IOMMUSIM_DMAR_DRHD)
		put_number(writer, object, "size_raw", structure->size);
	put_number(writer, object, "segment", structure->segment);
	if (structure->type == IOMMUSIM_DMAR_DRHD || structure->type == IOMMUSIM_DMAR_RMRR)
		put_number(writer, object, "base", structure->base);
	if (structure->type == IOMMUSIM_DMAR_RMRR)
		put_number(writer, object, "limit", structure->limit);
	put_scopes(writer, object, structure);
	if (structure->type == IOMMUSIM_DMAR_DRHD)
		put_flag(writer, object, "include_pci_all",
		    (structure->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0);
	if (structure->type == IOMMUSIM_DMAR_ATSR)
		put_flag(writer, object, "all_ports", (structure->flags & 1) != 0);
}

static struct json_object *structure_json(
    struct writer *writer, const struct iommusim_dmar_structure *structure)
{
	struct json_object *object = json_object_new_object();
	const bool known = structure->type <= IOMMUSIM_DMAR_SIDP;

	put_number(writer, object, "offset", structure->offset);
	put_text(writer, object, "type", iommusim_dmar_type_name(structure->type));
	if (!known)
		put_number(writer, object, "code", structure->type);
	put_number(writer, object, "length", structure->length);
	if (!known)
		return object;
	switch (structure->type) {
	case IOMMUSIM_DMAR_RHSA:
		put_number(writer, object, "base", structure->base);
		put_number(writer, object, "proximity", structure->proximity);
		break;
	case IOMMUSIM_DMAR_ANDD:
		put_number(writer, object, "acpi_dev", structure->acpi_device);
		put_printable(writer, object, "acpi_name",
		    structure->acpi_name != NULL ? structure->acpi_name : "");
		break;
	default:
		put_unit_members(writer, object, structure);
		break;
	}
	return object;
}

static void append_problem(
    struct writer *writer, struct json_object *problems, uint64_t offset, const char *text)
{
	struct json_object *object = json_object_new_object();

	put_number(writer, object, "offset", offset);
	put_text(writer, object, "text", text);
	append(writer, problems, object);
}

/* A diagnostic may have a line, an offset, or neither. */
static void append_diagnostic(
    struct writer *writer, struct json_object *problems, const struct iommusim_diagnostic *problem)
{
	char text[sizeof problem->text + 32];

	if (problem->line != 0)
		snprintf(text, sizeof text, "line %u, column %u: %s", problem->line, problem->column,
		    problem->text);
	else
		snprintf(text, sizeof text, "%s", problem->text);
	append_problem(writer, problems, problem->offset == UINT64_MAX ? 0 : problem->offset, text);
}

static void put_header(
    struct writer *writer, struct json_object *object, const struct iommusim_dmar *table)
{
	/* The width is kept in 8 bits: 256 has become 0. */
	const uint8_t raw_width = (uint8_t)(table->host_address_width - 1);

	put_text(writer, object, "table", "DMAR");
	put_number(writer, object, "length", table->length);
	put_number(writer, object, "revision", table->revision);
	put_number(writer, object, "checksum", table->checksum);
	put_printable(writer, object, "oem_id", table->oem_id);
	put_printable(writer, object, "oem_table_id", table->oem_table_id);
	put_number(writer, object, "haw_bits", raw_width + 1u);
	put_number(writer, object, "haw_raw", raw_width);
	put_number(writer, object, "flags", table->flags);
	put_flag(writer, object, "checksum_ok", table->checksum_ok);
}

static struct json_object *finish(const struct writer *writer, struct json_object *object)
{
	if (!writer->failed)
		return object;
	json_object_put(object);
	return NULL;
}

struct json_object *acpi_dmar_json(
    const char *file, const struct iommusim_dmar *table, const struct iommusim_diagnostic *problem)
{
	struct writer writer = { false };
	struct json_object *object = json_object_new_object();
	struct json_object *structures = json_object_new_array();
	struct json_object *problems = json_object_new_array();

	put_file(&writer, object, file);
	put_header(&writer, object, table);
	for (uint32_t i = 0; i < table->structure_count; i++)
		append(&writer, structures, structure_json(&writer, &table->structures[i]));
	put(&writer, object, "structs", structures);
	put_flag(&writer, object, "usable", table->usable && problem == NULL);
	for (uint32_t i = 0; i < table->problem_count; i++)
		append_problem(&writer, problems, table->problems[i].offset, table->problems[i].text);
	if (problem != NULL)
		append_diagnostic(&writer, problems, problem);
	put(&writer, object, "problems", problems);
	return finish(&writer, object);
}

struct json_object *acpi_failure_json(
    const char *file, const char *signature, const struct iommusim_diagnostic *problem)
{
	struct writer writer = { false };
	struct json_object *object = json_object_new_object();
	struct json_object *problems = json_object_new_array();

	put_file(&writer, object, file);
	if (signature[0] != '\0')
		put_text(&writer, object, "table", signature);
	put_flag(&writer, object, "usable", false);
	append_diagnostic(&writer, problems, problem);
	put(&writer, object, "problems", problems);
	return finish(&writer, object);
}
