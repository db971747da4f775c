/*
 * A decoded table as text for people: what every table has. What is a DMAR's or an IVRS's own:
 * acpi_text_dmar.c, acpi_text_ivrs.c.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "acpi_show.h"
#include "acpi_text.h"

void acpi_print_flags(FILE *out, const struct acpi_flag *flags, uint32_t value)
{
	for (; flags->name != NULL; flags++) {
		if ((value & flags->bits) == 0)
			continue;
		fprintf(out, ", %s", flags->name);
		value &= ~flags->bits;
	}
	if (value != 0)
		fprintf(out, ", reserved flags 0x%02" PRIx32, value);
}

void acpi_print_quoted(FILE *out, const char *text)
{
	char *copy = acpi_printable(text);

	fprintf(out, "\"%s\"", copy != NULL ? copy : "?");
	free(copy);
}

void acpi_print_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit < sizeof units / sizeof units[0] - 1) {
		bytes /= 1024;
		unit++;
	}
	fprintf(out, "(%" PRIu64 " %s)", bytes, units[unit]);
}

static void print_header(FILE *out, const char *file, const struct acpi_table *table)
{
	fprintf(out, "%s: %s, %" PRIu32 " bytes, revision %u, checksum 0x%02x %s\n", file,
	    table->signature, table->length, table->revision, table->checksum,
	    table->checksum_ok ? "good" : "BAD");
	fputs("      OEM ", out);
	acpi_print_quoted(out, table->oem_id);
	fputc(' ', out);
	acpi_print_quoted(out, table->oem_table_id);
	if (table->dmar != NULL)
		acpi_dmar_text_header(out, table->dmar);
	else
		acpi_ivrs_text_header(out, table->ivrs);
	fputc('\n', out);
}

static void print_problems(FILE *out, const struct acpi_table *table)
{
	if (table->problem_count == 0) {
		fputs("      no problems\n", out);
		return;
	}
	fprintf(out, "      %" PRIu32 " %s, the table %s be used:\n", table->problem_count,
	    table->problem_count == 1 ? "problem" : "problems", table->usable ? "can" : "CANNOT");
	for (uint32_t i = 0; i < table->problem_count; i++)
		fprintf(out, "%5" PRIu32 " %s %s\n", table->problems[i].offset,
		    table->problems[i].fatal ? "FATAL" : "odd  ", table->problems[i].text);
}

void acpi_table_text(FILE *out, const char *file, const struct acpi_table *table)
{
	print_header(out, file, table);
	if (table->dmar != NULL)
		acpi_dmar_text_body(out, table->dmar);
	else
		acpi_ivrs_text_body(out, table->ivrs);
	print_problems(out, table);
}
