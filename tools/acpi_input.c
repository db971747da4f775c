/* Reads a file with a DMAR or IVRS table in it. Finding the table is the library's (iommusim/acpi.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/acpi.h>

#include "acpi_input.h"

enum {
	FIRST_READ = 64 * 1024,
	LARGEST_FILE = 64 * 1024 * 1024 /* all tables of a machine as text take a few */
};

enum iommusim_status acpi_input_parse(
    const uint8_t *bytes, size_t size, struct acpi_input *input, struct iommusim_diagnostic *problem)
{
	*input = (struct acpi_input){ .bytes = malloc(size == 0 ? 1 : size) };
	*problem = (struct iommusim_diagnostic){ .offset = UINT64_MAX };
	if (input->bytes == NULL)
		return IOMMUSIM_ENOMEM;
	return iommusim_acpi_extract(
	    bytes, size, input->bytes, &input->size, input->signature, problem);
}

static enum iommusim_status refuse_file(
    struct iommusim_diagnostic *problem, const char *what, int error)
{
	problem->status = IOMMUSIM_EIO;
	snprintf(problem->text, sizeof(problem->text), "cannot be %s: %s", what, strerror(error));
	return problem->status;
}

static enum iommusim_status refuse_size(struct iommusim_diagnostic *problem, size_t read)
{
	problem->status = IOMMUSIM_EFORMAT;
	problem->offset = read;
	snprintf(problem->text, sizeof(problem->text),
	    "the file goes on after 64 MiB; no ACPI table is that large");
	return problem->status;
}

/* All of a stream into `*bytes`, which grows as needed. */
static enum iommusim_status read_stream(
    FILE *stream, uint8_t **bytes, size_t *size, struct iommusim_diagnostic *problem)
{
	size_t room = 0;

	while (!feof(stream)) {
		if (*size == room) {
			uint8_t *larger;

			if (room >= LARGEST_FILE)
				return refuse_size(problem, room);
			room = room == 0 ? FIRST_READ : room * 2;
			larger = realloc(*bytes, room);
			if (larger == NULL)
				return IOMMUSIM_ENOMEM;
			*bytes = larger;
		}
		*size += fread(*bytes + *size, 1, room - *size, stream);
		if (ferror(stream))
			return refuse_file(problem, "read", errno);
	}
	return IOMMUSIM_OK;
}

enum iommusim_status acpi_input_read(
    const char *file, struct acpi_input *input, struct iommusim_diagnostic *problem)
{
	FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "rb");
	uint8_t *bytes = NULL;
	size_t size = 0;
	enum iommusim_status status;

	*input = (struct acpi_input){ .size = 0 };
	*problem = (struct iommusim_diagnostic){ .offset = UINT64_MAX };
	if (stream == NULL)
		return refuse_file(problem, "opened", errno);
	status = read_stream(stream, &bytes, &size, problem);
	if (stream != stdin)
		fclose(stream);
	if (status == IOMMUSIM_OK)
		status = acpi_input_parse(bytes, size, input, problem);
	free(bytes);
	return status;
}

void acpi_input_free(struct acpi_input *input)
{
	free(input->bytes);
	*input = (struct acpi_input){ .size = 0 };
}
