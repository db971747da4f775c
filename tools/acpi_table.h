/* A DMAR or IVRS table after reading: which of the two it is, and what both have. */
#ifndef IOMMUSIM_TOOLS_ACPI_TABLE_H
#define IOMMUSIM_TOOLS_ACPI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#include "acpi_input.h"

struct acpi_table {
	/* one of them, the other is NULL */
	struct iommusim_dmar *dmar;
	struct iommusim_ivrs *ivrs;
	/* the same members of it */
	const char *signature;
	uint32_t length;
	uint8_t revision, checksum;
	bool checksum_ok, usable;
	const char *oem_id, *oem_table_id;
	const struct iommusim_acpi_problem *problems;
	uint32_t problem_count;
};

/* Read the table that was found in a file. OK, ENOMEM, EFORMAT: not even a header; `table` is empty then. */
enum iommusim_status acpi_table_parse(const struct acpi_input *input, struct acpi_table *table);

void acpi_table_free(struct acpi_table *table);

#endif
