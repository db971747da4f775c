/* Finding an ACPI table in a file: raw binary, or the text that acpidump writes. */
#ifndef IOMMUSIM_TOOLS_ACPI_INPUT_H
#define IOMMUSIM_TOOLS_ACPI_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include <iommusim/status.h>

struct acpi_input {
	char signature[5]; /* "DMAR", "IVRS", or "" when no table was found */
	uint8_t *bytes;    /* of the table, as many as could be read; malloc */
	size_t size;
};

/*
 * Find the DMAR or IVRS table in `size` bytes. OK, EFORMAT (`problem` says where and what; what was
 * read of the table up to there is in `input`), ENOMEM.
 */
enum iommusim_status acpi_input_parse(
    const uint8_t *bytes, size_t size, struct acpi_input *input, struct iommusim_diagnostic *problem);

/* The same for a file; "-" is standard input. Also EIO when it cannot be read. */
enum iommusim_status acpi_input_read(
    const char *file, struct acpi_input *input, struct iommusim_diagnostic *problem);

void acpi_input_free(struct acpi_input *input);

#endif
