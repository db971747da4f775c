/* Reads a DMAR or IVRS table, whichever a file had. Showing it: acpi_show.h. */
#include <ctype.h>
#include <string.h>

#include "acpi_show.h"

static enum iommusim_status parse_dmar(const struct acpi_input *input, struct acpi_table *table)
{
	const enum iommusim_status status =
	    iommusim_dmar_parse(input->bytes, input->size, &table->dmar);
	const struct iommusim_dmar *dmar = table->dmar;

	if (status != IOMMUSIM_OK)
		return status;
	*table = (struct acpi_table){
		.dmar = table->dmar,
		.signature = "DMAR",
		.length = dmar->length,
		.revision = dmar->revision,
		.checksum = dmar->checksum,
		.checksum_ok = dmar->checksum_ok,
		.usable = dmar->usable,
		.oem_id = dmar->oem_id,
		.oem_table_id = dmar->oem_table_id,
		.problems = dmar->problems,
		.problem_count = dmar->problem_count,
	};
	return IOMMUSIM_OK;
}

static enum iommusim_status parse_ivrs(const struct acpi_input *input, struct acpi_table *table)
{
	const enum iommusim_status status =
	    iommusim_ivrs_parse(input->bytes, input->size, &table->ivrs);
	const struct iommusim_ivrs *ivrs = table->ivrs;

	if (status != IOMMUSIM_OK)
		return status;
	*table = (struct acpi_table){
		.ivrs = table->ivrs,
		.signature = "IVRS",
		.length = ivrs->length,
		.revision = ivrs->revision,
		.checksum = ivrs->checksum,
		.checksum_ok = ivrs->checksum_ok,
		.usable = ivrs->usable,
		.oem_id = ivrs->oem_id,
		.oem_table_id = ivrs->oem_table_id,
		.problems = ivrs->problems,
		.problem_count = ivrs->problem_count,
	};
	return IOMMUSIM_OK;
}

enum iommusim_status acpi_table_parse(const struct acpi_input *input, struct acpi_table *table)
{
	*table = (struct acpi_table){ .dmar = NULL };
	return strcmp(input->signature, "IVRS") == 0 ? parse_ivrs(input, table)
						     : parse_dmar(input, table);
}

bool acpi_id_is_number(const char id[9], uint64_t *number)
{
	bool letters = true;

	*number = 0;
	for (unsigned i = 0; i < 8; i++)
		*number |= (uint64_t)(unsigned char)id[i] << i * 8;
	for (unsigned i = 0; i < 3; i++)
		letters = letters && isalpha((unsigned char)id[i]) != 0;
	return !letters;
}

void acpi_table_free(struct acpi_table *table)
{
	iommusim_dmar_free(table->dmar);
	iommusim_ivrs_free(table->ivrs);
	*table = (struct acpi_table){ .dmar = NULL };
}
