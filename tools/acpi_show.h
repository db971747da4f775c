/* Showing a decoded DMAR or IVRS table: as data (acpi_json*.c) and to people (acpi_text*.c). */
#ifndef IOMMUSIM_TOOLS_ACPI_SHOW_H
#define IOMMUSIM_TOOLS_ACPI_SHOW_H

#include <stdio.h>

#include <json-c/json.h>

#include <iommusim/status.h>

#include "acpi_table.h"

/*
 * A table as one JSON object. `problem`, when not NULL, is what kept the file from being read to
 * its end: it is the last of `problems`, and the table is not usable. NULL when memory ran out;
 * free with json_object_put().
 */
struct json_object *acpi_table_json(
    const char *file, const struct acpi_table *table, const struct iommusim_diagnostic *problem);

/* The object for a file without a table that could be decoded; `signature` may be "". */
struct json_object *acpi_failure_json(
    const char *file, const char *signature, const struct iommusim_diagnostic *problem);

/* A table as lines of text. */
void acpi_table_text(FILE *out, const char *file, const struct acpi_table *table);

/*
 * A copy of firmware text that can be shown: what is not printable ASCII becomes a blank. NULL when
 * memory ran out; free with free().
 */
char *acpi_printable(const char *text);

/*
 * Is a hardware or compatible id a number? One in letters begins with three or four of them (ACPI 6.1.5).
 * `number` is all 8 bytes, first byte lowest.
 */
bool acpi_id_is_number(const char id[9], uint64_t *number);

#endif
