/* What the writers of DMAR and IVRS tables as text share. */
#ifndef IOMMUSIM_TOOLS_ACPI_TEXT_H
#define IOMMUSIM_TOOLS_ACPI_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

/* A flag by the specification's name; a list of them ends with a NULL name. */
struct acpi_flag {
	uint32_t bits;
	const char *name;
};

/* ", NAME" for each flag that is set, and what is set beside them. */
void acpi_print_flags(FILE *out, const struct acpi_flag *flags, uint32_t value);

/* Firmware's text in quotes. */
void acpi_print_quoted(FILE *out, const char *text);

/* A number of bytes in the largest unit that divides it. */
void acpi_print_size(FILE *out, uint64_t bytes);

/* What a table's header has beyond that of every table, to be continued on its line; and what follows it. */
void acpi_dmar_text_header(FILE *out, const struct iommusim_dmar *table);
void acpi_dmar_text_body(FILE *out, const struct iommusim_dmar *table);
void acpi_ivrs_text_header(FILE *out, const struct iommusim_ivrs *table);
void acpi_ivrs_text_body(FILE *out, const struct iommusim_ivrs *table);

#endif
