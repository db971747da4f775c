/*
 * Reads an IVRS ACPI table (AMD-Vi section 5.2): the header, the way from block to block, the result. What is
 * inside a block is read in ivrs_block.c and ivrs_entry.c; which blocks count and what they mean for each
 * other is judged in ivrs_check.c; what all tables have in common is read in acpi_reader.c.
 *
 * A problem is fatal when a careful operating system could not trust the table any more: a checksum or a
 * length that is wrong, a unit that cannot be where the table says. What such a system can pass over (an
 * entry of a type from the future, a range that runs backwards, reserved bits) is odd.
 */
#include <stdlib.h>
#include <string.h>

#include "libiommusim/machine/ivrs_internal.h"

#include "models/amdvi/spec/ivrs.h"

enum { HEADER_QUADS = (AMDVI_ACPI_HEADER_BYTES + 7) / 8 };

static const struct acpi_format format = {
	.signature = "IVRS",
	.specification = "AMD-Vi",
	.section = "5.2",
	.header_bytes = AMDVI_ACPI_HEADER_BYTES,
	.newest_revision = 2,
};

/*
 * Type and length of the block at `offset`. False when none begins there: too few bytes, or a length that
 * would not lead on.
 */
static bool next_block(
    const struct ivrs_reader *reader, uint32_t offset, uint8_t *type, uint16_t *length)
{
	uint64_t quads[1];

	*type = 0;
	*length = 0;
	if (reader->acpi.end - offset < AMDVI_ACPI_BLOCK_BYTES)
		return false;
	acpi_load(&reader->acpi, offset, AMDVI_ACPI_BLOCK_BYTES, quads, 1);
	*type = (uint8_t)amdvi_acpi_block_TYPE(quads);
	*length = (uint16_t)amdvi_acpi_block_LENGTH(quads);
	return *length >= AMDVI_ACPI_BLOCK_BYTES;
}

static uint32_t count_blocks(const struct ivrs_reader *reader)
{
	uint32_t offset = AMDVI_ACPI_HEADER_BYTES;
	uint32_t count = 0;
	uint16_t length;
	uint8_t type;

	while (next_block(reader, offset, &type, &length)) {
		count++;
		if (length > reader->acpi.end - offset)
			break;
		offset += length;
	}
	return count;
}

/* What stands where the next block should begin and is none. */
static void note_rest(struct ivrs_reader *reader, uint32_t offset, uint8_t type, uint16_t length)
{
	const uint32_t rest = reader->acpi.end - offset;

	if (rest >= AMDVI_ACPI_BLOCK_BYTES)
		acpi_fatal(&reader->acpi, offset,
		    "block of type 0x%02x (%s): Length is %u, less than the 4 bytes that hold type, flags "
		    "and length (AMD-Vi 5.2)",
		    type, iommusim_ivrs_type_name(type), length);
	else if (rest > 0 && reader->acpi.end == reader->table->length)
		acpi_odd(&reader->acpi, offset,
		    "%u bytes are left over at the end of the table, too few for a block", rest);
}

static void read_blocks(struct ivrs_reader *reader)
{
	uint32_t offset = AMDVI_ACPI_HEADER_BYTES;
	uint16_t length;
	uint8_t type;

	if (reader->acpi.end <= AMDVI_ACPI_HEADER_BYTES)
		return;
	reader->blocks = acpi_allocate(&reader->acpi, count_blocks(reader), sizeof *reader->blocks);
	if (reader->blocks == NULL)
		return;
	reader->table->blocks = reader->blocks;
	while (next_block(reader, offset, &type, &length)) {
		struct iommusim_ivrs_block *block = &reader->blocks[reader->table->block_count++];

		block->offset = offset;
		block->type = type;
		block->length = length;
		ivrs_read_block(reader, block);
		if (length > reader->acpi.end - offset) {
			acpi_fatal(&reader->acpi, offset,
			    "block of type 0x%02x (%s): Length is %u, but only %u bytes of the table are left",
			    type, iommusim_ivrs_type_name(type), length, reader->acpi.end - offset);
			return;
		}
		offset += length;
	}
	note_rest(reader, offset, type, length);
}

static void read_header(struct ivrs_reader *reader)
{
	const struct acpi_header *header = &reader->acpi.header;
	struct iommusim_ivrs *table = reader->table;
	const bool is_whole = acpi_read_header(&reader->acpi);
	uint64_t quads[HEADER_QUADS];

	table->length = header->length;
	table->revision = header->revision;
	table->checksum = header->checksum;
	table->checksum_ok = header->checksum_ok;
	memcpy(table->oem_id, header->oem_id, sizeof table->oem_id);
	memcpy(table->oem_table_id, header->oem_table_id, sizeof table->oem_table_id);
	acpi_load_header(&reader->acpi, quads, HEADER_QUADS);
	for (unsigned i = 0; i < sizeof table->ivinfo; i++)
		table->ivinfo |= (uint32_t)acpi_byte(quads, AMDVI_ACPI_IVINFO_AT + i) << i * 8;
	if (is_whole)
		acpi_check_reserved(&reader->acpi, 0, &amdvi_acpi_header_spec, quads);
}

enum iommusim_status iommusim_ivrs_parse(const void *bytes, size_t size, struct iommusim_ivrs **table)
{
	struct ivrs_reader reader = { .acpi = { .format = &format, .bytes = bytes, .size = size } };
	struct ivrs_result *result;

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
	read_blocks(&reader);
	ivrs_check_table(&reader);
	result->table.problems = acpi_settle_problems(&reader.acpi);
	result->table.problem_count = reader.acpi.note_count;
	result->table.usable = !reader.acpi.found_fatal;
	result->memory = reader.acpi.blocks;
	if (reader.acpi.out_of_memory) {
		iommusim_ivrs_free(&result->table);
		return IOMMUSIM_ENOMEM;
	}
	*table = &result->table;
	return IOMMUSIM_OK;
}

void iommusim_ivrs_free(struct iommusim_ivrs *table)
{
	/* A result begins with the table it shows. */
	struct ivrs_result *result = (struct ivrs_result *)table;

	if (result == NULL)
		return;
	acpi_free_blocks(result->memory);
	free(result);
}
