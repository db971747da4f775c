/* What the writers of DMAR and IVRS tables as JSON share: objects built member by member. */
#ifndef IOMMUSIM_TOOLS_ACPI_JSON_H
#define IOMMUSIM_TOOLS_ACPI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

/* Builds objects; after the first failed allocation everything built is dropped. */
struct acpi_writer {
	bool failed;
};

/* Add a member; the object takes `value` over. */
void acpi_put(
    struct acpi_writer *writer, struct json_object *object, const char *key, struct json_object *value);
void acpi_put_number(
    struct acpi_writer *writer, struct json_object *object, const char *key, uint64_t value);
void acpi_put_flag(struct acpi_writer *writer, struct json_object *object, const char *key, bool value);
void acpi_put_text(
    struct acpi_writer *writer, struct json_object *object, const char *key, const char *text);
/* Text from firmware. */
void acpi_put_printable(
    struct acpi_writer *writer, struct json_object *object, const char *key, const char *text);
void acpi_append(struct acpi_writer *writer, struct json_object *array, struct json_object *value);

/* What a table's header has beyond that of every table, and what follows it: members of `object`. */
void acpi_dmar_json_header(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_dmar *table);
void acpi_dmar_json_body(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_dmar *table);
void acpi_ivrs_json_header(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs *table);
void acpi_ivrs_json_body(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs *table);

#endif
