/*
 * Reads a DMAR ACPI table (VT-d chapter 8): the header, the way from structure to structure, the
 * result and its memory. What is inside a structure is read in dmar_structure.c and dmar_scope.c;
 * what structures mean for each other is judged in dmar_check.c; what all tables have in common is read in
 * acpi_reader.c.
 *
 * A problem is fatal when a careful operating system could not trust the table any more: a checksum
 * or a length that is wrong, a unit that cannot be where the table says. What such a system can
 * pass over (a unit without registers, a strange reserved region, an order that is not kept) is
 * odd.
 */
#include <stdlib.h>
#include <string.h>

#include "libiommusim/machine/dmar_internal.h"

#include "models/vtd/spec/dmar.h"

enum { HEADER_QUADS = (VTD_ACPI_HEADER_BYTES + 7) / 8 };

static const struct acpi_format format = {
	.signature = "DMAR",
	.specification = "VT-d",
	.section = "8.1",
	.header_bytes = VTD_ACPI_HEADER_BYTES,
	.newest_revision = 2,
};

/*
 * Type and length of the structure at `offset`. False when none begins there: too few bytes, or a
 * length that would not lead on.
 */
static bool next_structure(
    const struct dmar_reader *reader, uint32_t offset, uint16_t *type, uint16_t *length)
{
	uint64_t quads[1];

	*type = 0;
	*length = 0;
	if (reader->acpi.end - offset < VTD_ACPI_STRUCTURE_BYTES)
		return false;
	acpi_load(&reader->acpi, offset, VTD_ACPI_STRUCTURE_BYTES, quads, 1);
	*type = (uint16_t)vtd_acpi_structure_TYPE(quads);
	*length = (uint16_t)vtd_acpi_structure_LENGTH(quads);
	return *length >= VTD_ACPI_STRUCTURE_BYTES;
}

static uint32_t count_structures(const struct dmar_reader *reader)
{
	uint32_t offset = VTD_ACPI_HEADER_BYTES;
	uint32_t count = 0;
	uint16_t type, length;

	while (next_structure(reader, offset, &type, &length)) {
		count++;
		if (length > reader->acpi.end - offset)
			break;
		offset += length;
	}
	return count;
}

/* What stands where the next structure should begin and is none. */
static void note_rest(struct dmar_reader *reader, uint32_t offset, uint16_t type, uint16_t length)
{
	const uint32_t rest = reader->acpi.end - offset;

	if (rest >= VTD_ACPI_STRUCTURE_BYTES)
		acpi_fatal(&reader->acpi, offset,
		    "structure of type %u (%s): Length is %u, less than the 4 bytes that "
		    "hold type and length (VT-d 8.2)",
		    type, iommusim_dmar_type_name(type), length);
	else if (rest > 0 && reader->acpi.end == reader->table->length)
		acpi_odd(&reader->acpi, offset,
		    "%u bytes are left over at the end of the table, too few for a structure", rest);
}

static void read_structures(struct dmar_reader *reader)
{
	uint32_t offset = VTD_ACPI_HEADER_BYTES;
	uint16_t type, length;

	if (reader->acpi.end <= VTD_ACPI_HEADER_BYTES)
		return;
	reader->structures =
	    acpi_allocate(&reader->acpi, count_structures(reader), sizeof *reader->structures);
	if (reader->structures == NULL)
		return;
	reader->table->structures = reader->structures;
	while (next_structure(reader, offset, &type, &length)) {
		struct iommusim_dmar_structure *structure =
		    &reader->structures[reader->table->structure_count++];

		structure->offset = offset;
		structure->type = type;
		structure->length = length;
		dmar_read_structure(reader, structure);
		if (length > reader->acpi.end - offset) {
			acpi_fatal(&reader->acpi, offset,
			    "structure of type %u (%s): Length is %u, but only %u bytes of "
			    "the table are left",
			    type, iommusim_dmar_type_name(type), length, reader->acpi.end - offset);
			return;
		}
		offset += length;
	}
	note_rest(reader, offset, type, length);
}

static void read_header(struct dmar_reader *reader)
{
	const struct acpi_header *header = &reader->acpi.header;
	struct iommusim_dmar *table = reader->table;
	const bool is_whole = acpi_read_header(&reader->acpi);
	uint64_t quads[HEADER_QUADS];
	unsigned width;

	table->length = header->length;
	table->revision = header->revision;
	table->checksum = header->checksum;
	table->checksum_ok = header->checksum_ok;
	memcpy(table->oem_id, header->oem_id, sizeof table->oem_id);
	memcpy(table->oem_table_id, header->oem_table_id, sizeof table->oem_table_id);
	acpi_load_header(&reader->acpi, quads, HEADER_QUADS);
	table->flags = acpi_byte(quads, VTD_ACPI_HEADER_FLAGS_AT);
	width = (unsigned)vtd_acpi_header_HOST_ADDRESS_WIDTH(quads) + 1;
	/* A width of 256 does not fit and becomes 0, which no other value of the byte gives. */
	table->host_address_width = (uint8_t)width;
	if (!is_whole)
		return;
	if (width < DMAR_NARROWEST_WIDTH)
		acpi_fatal(&reader->acpi, VTD_ACPI_HEADER_WIDTH_AT,
		    "header: host address width is %u bits, less than a 4 KiB page takes "
		    "(VT-d 8.1)",
		    width);
	if (width > DMAR_WIDEST_WIDTH)
		acpi_odd(&reader->acpi, VTD_ACPI_HEADER_WIDTH_AT,
		    "header: host address width is %u bits, more than an address has (VT-d 8.1)",
		    width);
	acpi_check_reserved(&reader->acpi, 0, &vtd_acpi_header_spec, quads);
}

enum iommusim_status iommusim_dmar_parse(const void *bytes, size_t size, struct iommusim_dmar **table)
{
	struct dmar_reader reader = { .acpi = { .format = &format, .bytes = bytes, .size = size } };
	struct dmar_result *result;

	if (table == NULL)
		return IOMMUSIM_EINVAL;
	*table = NULL;
	if (bytes == NULL)
		return IOMMUSIM_EINVAL;
	if (!acpi_is_table(&format, bytes, size))
		return IOMMUSIM_EFORMAT;
	result = calloc(1, sizeof *result);
	if (result == NULL)
		return IOMMUSIM_ENOMEM;
	reader.table = &result->table;
	read_header(&reader);
	read_structures(&reader);
	dmar_check_table(&reader);
	result->table.problems = acpi_settle_problems(&reader.acpi);
	result->table.problem_count = reader.acpi.note_count;
	result->table.usable = !reader.acpi.found_fatal;
	result->blocks = reader.acpi.blocks;
	if (reader.acpi.out_of_memory) {
		iommusim_dmar_free(&result->table);
		return IOMMUSIM_ENOMEM;
	}
	*table = &result->table;
	return IOMMUSIM_OK;
}

void iommusim_dmar_free(struct iommusim_dmar *table)
{
	/* A result begins with the table it shows. */
	struct dmar_result *result = (struct dmar_result *)table;

	if (result == NULL)
		return;
	acpi_free_blocks(result->blocks);
	free(result);
}
