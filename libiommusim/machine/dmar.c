/*
 * Reads a DMAR ACPI table (VT-d chapter 8): the header, the way from structure to structure, the
 * result and its memory. What is inside a structure is read in dmar_structure.c and dmar_scope.c;
 * what structures mean for each other is judged in dmar_check.c.
 *
 * A problem is fatal when a careful operating system could not trust the table any more: a checksum
 * or a length that is wrong, a unit that cannot be where the table says. What such a system can
 * pass over (a unit without registers, a strange reserved region, an order that is not kept) is
 * odd.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libiommusim/machine/dmar_internal.h"

#include "models/vtd/spec/dmar.h"

enum { HEADER_QUADS = (VTD_ACPI_HEADER_BYTES + 7) / 8, NEWEST_REVISION = 2 };

void *dmar_allocate(struct dmar_reader *reader, size_t count, size_t size)
{
	struct dmar_block *block = NULL;

	if (count <= (SIZE_MAX - sizeof *block) / size)
		block = calloc(1, sizeof *block + count * size);
	if (block == NULL) {
		reader->out_of_memory = true;
		return NULL;
	}
	block->next = reader->result->blocks;
	reader->result->blocks = block;
	return block->data;
}

__attribute__((format(printf, 4, 0))) static void add_note(
    struct dmar_reader *reader, uint32_t offset, bool fatal, const char *format, va_list arguments)
{
	struct dmar_note *note = dmar_allocate(reader, 1, sizeof *note);
	char buffer[256];
	const int length = vsnprintf(buffer, sizeof buffer, format, arguments);
	char *text;

	if (note == NULL || length < 0)
		return;
	text = dmar_allocate(reader, 1, (size_t)length + 1);
	if (text == NULL)
		return;
	memcpy(text, buffer, (size_t)length < sizeof buffer ? (size_t)length : sizeof buffer - 1);
	*note = (struct dmar_note){
		.next = reader->notes,
		.number = reader->note_count++,
		.problem = { .offset = offset, .fatal = fatal, .text = text },
	};
	reader->notes = note;
}

void dmar_fatal(struct dmar_reader *reader, uint32_t offset, const char *format, ...)
{
	va_list arguments;

	reader->found_fatal = true;
	va_start(arguments, format);
	add_note(reader, offset, true, format, arguments);
	va_end(arguments);
}

void dmar_odd(struct dmar_reader *reader, uint32_t offset, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_note(reader, offset, false, format, arguments);
	va_end(arguments);
}

void dmar_load(const struct dmar_reader *reader, uint32_t offset, uint32_t length, uint64_t *quads,
    unsigned quad_count)
{
	memset(quads, 0, quad_count * sizeof *quads);
	for (uint32_t i = 0; i < length && i / 8 < quad_count && i < reader->end - offset; i++)
		quads[i / 8] |= (uint64_t)reader->bytes[offset + i] << i % 8 * 8;
}

uint8_t dmar_byte(const uint64_t *quads, unsigned at)
{
	return (uint8_t)(quads[at / 8] >> at % 8 * 8);
}

void dmar_check_reserved(struct dmar_reader *reader, uint32_t offset, const struct spec_structure *spec,
    const uint64_t *quads)
{
	static const struct spec_unit any_unit = { .capabilities = 0, .host_address_width = 64 };

	for (unsigned quad = 0; quad < spec->bits / 64u; quad++) {
		const uint64_t set = quads[quad] & spec_reserved(spec, &any_unit, quad);

		for (unsigned i = 0; i < 8; i++) {
			const unsigned bits = set >> i * 8 & 0xff;

			if (bits != 0)
				dmar_odd(reader, offset,
				    "%s: reserved bits 0x%02x are set in byte %u; they must be 0 "
				    "(VT-d %s)",
				    spec->name, bits, quad * 8 + i, spec->section);
		}
	}
}

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
	if (reader->end - offset < VTD_ACPI_STRUCTURE_BYTES)
		return false;
	dmar_load(reader, offset, VTD_ACPI_STRUCTURE_BYTES, quads, 1);
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
		if (length > reader->end - offset)
			break;
		offset += length;
	}
	return count;
}

/* What stands where the next structure should begin and is none. */
static void note_rest(struct dmar_reader *reader, uint32_t offset, uint16_t type, uint16_t length)
{
	const uint32_t rest = reader->end - offset;

	if (rest >= VTD_ACPI_STRUCTURE_BYTES)
		dmar_fatal(reader, offset,
		    "structure of type %u (%s): Length is %u, less than the 4 bytes that "
		    "hold type and length (VT-d 8.2)",
		    type, iommusim_dmar_type_name(type), length);
	else if (rest > 0 && reader->end == reader->table->length)
		dmar_odd(reader, offset,
		    "%u bytes are left over at the end of the table, too few for a structure", rest);
}

static void read_structures(struct dmar_reader *reader)
{
	uint32_t offset = VTD_ACPI_HEADER_BYTES;
	uint16_t type, length;

	if (reader->end <= VTD_ACPI_HEADER_BYTES)
		return;
	reader->structures =
	    dmar_allocate(reader, count_structures(reader), sizeof *reader->structures);
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
		if (length > reader->end - offset) {
			dmar_fatal(reader, offset,
			    "structure of type %u (%s): Length is %u, but only %u bytes of "
			    "the table are left",
			    type, iommusim_dmar_type_name(type), length, reader->end - offset);
			return;
		}
		offset += length;
	}
	note_rest(reader, offset, type, length);
}

/* The letters of a field, first letter lowest. */
static void unpack_text(char *to, uint64_t letters, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = (char)(letters >> i * 8 & 0xff);
	to[length] = '\0';
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t length)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

static void read_header(struct dmar_reader *reader, size_t size)
{
	struct iommusim_dmar *table = reader->table;
	uint64_t quads[HEADER_QUADS];

	reader->end = size < VTD_ACPI_HEADER_BYTES ? (uint32_t)size : VTD_ACPI_HEADER_BYTES;
	dmar_load(reader, 0, VTD_ACPI_HEADER_BYTES, quads, HEADER_QUADS);
	table->length = (uint32_t)vtd_acpi_header_LENGTH(quads);
	table->revision = (uint8_t)vtd_acpi_header_REVISION(quads);
	table->checksum = (uint8_t)vtd_acpi_header_CHECKSUM(quads);
	unpack_text(table->oem_id, vtd_acpi_header_OEMID(quads), sizeof table->oem_id - 1);
	unpack_text(
	    table->oem_table_id, vtd_acpi_header_OEM_TABLE_ID(quads), sizeof table->oem_table_id - 1);
	table->flags = dmar_byte(quads, VTD_ACPI_HEADER_FLAGS_AT);
	/* A width of 256 does not fit and becomes 0, which no other value of the byte gives. */
	table->host_address_width = (uint8_t)(vtd_acpi_header_HOST_ADDRESS_WIDTH(quads) + 1);
	reader->end = size < table->length ? (uint32_t)size : table->length;
	table->checksum_ok = table->length <= size && sums_to_zero(reader->bytes, table->length);
}

static void check_header(struct dmar_reader *reader, size_t size)
{
	const struct iommusim_dmar *table = reader->table;
	const unsigned width = (unsigned)(uint8_t)(table->host_address_width - 1) + 1;
	uint64_t quads[HEADER_QUADS];

	if (table->length < VTD_ACPI_HEADER_BYTES) {
		dmar_fatal(reader, VTD_ACPI_HEADER_LENGTH_AT,
		    "header: Length is %u; the header alone has 48 bytes (VT-d 8.1)", table->length);
		return;
	}
	if (table->length > size)
		dmar_fatal(reader, VTD_ACPI_HEADER_LENGTH_AT,
		    "header: Length is %u, but there are only %zu bytes", table->length, size);
	else if (!table->checksum_ok)
		dmar_fatal(reader, VTD_ACPI_HEADER_CHECKSUM_AT,
		    "header: with checksum 0x%02x the bytes of the table do not sum to 0 "
		    "(VT-d 8.1)",
		    table->checksum);
	if (table->length < size)
		dmar_odd(reader, table->length,
		    "%zu bytes follow the %u bytes of the table and are not read", size - table->length,
		    table->length);
	if (table->revision == 0 || table->revision > NEWEST_REVISION)
		dmar_odd(reader, VTD_ACPI_HEADER_REVISION_AT,
		    "header: Revision is %u; 1 and 2 are known (VT-d 8.1)", table->revision);
	if (reader->end < VTD_ACPI_HEADER_BYTES)
		return;
	if (width < DMAR_NARROWEST_WIDTH)
		dmar_fatal(reader, VTD_ACPI_HEADER_WIDTH_AT,
		    "header: host address width is %u bits, less than a 4 KiB page takes "
		    "(VT-d 8.1)",
		    width);
	if (width > DMAR_WIDEST_WIDTH)
		dmar_odd(reader, VTD_ACPI_HEADER_WIDTH_AT,
		    "header: host address width is %u bits, more than an address has (VT-d 8.1)",
		    width);
	dmar_load(reader, 0, VTD_ACPI_HEADER_BYTES, quads, HEADER_QUADS);
	dmar_check_reserved(reader, 0, &vtd_acpi_header_spec, quads);
}

static int compare_notes(const void *left, const void *right)
{
	const struct dmar_note *a = *(const struct dmar_note *const *)left;
	const struct dmar_note *b = *(const struct dmar_note *const *)right;

	if (a->problem.offset != b->problem.offset)
		return a->problem.offset < b->problem.offset ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

/* Turn the list of notes into the result's problems, in order of offset. */
static void settle_problems(struct dmar_reader *reader)
{
	const uint32_t count = reader->note_count;
	struct iommusim_dmar_problem *problems = dmar_allocate(reader, count, sizeof *problems);
	const struct dmar_note **order = dmar_allocate(reader, count, sizeof *order);
	uint32_t filled = 0;

	if (problems == NULL || order == NULL)
		return;
	for (const struct dmar_note *note = reader->notes; note != NULL; note = note->next)
		order[filled++] = note;
	qsort(order, count, sizeof *order, compare_notes);
	for (uint32_t i = 0; i < count; i++)
		problems[i] = order[i]->problem;
	reader->table->usable = !reader->found_fatal;
	reader->table->problems = problems;
	reader->table->problem_count = count;
}

enum iommusim_status iommusim_dmar_parse(const void *bytes, size_t size, struct iommusim_dmar **table)
{
	struct dmar_reader reader = { .bytes = bytes };

	if (table == NULL)
		return IOMMUSIM_EINVAL;
	*table = NULL;
	if (bytes == NULL)
		return IOMMUSIM_EINVAL;
	if (size < VTD_ACPI_COMMON_HEADER_BYTES || memcmp(bytes, "DMAR", 4) != 0)
		return IOMMUSIM_EFORMAT;
	reader.result = calloc(1, sizeof *reader.result);
	if (reader.result == NULL)
		return IOMMUSIM_ENOMEM;
	reader.table = &reader.result->table;
	read_header(&reader, size);
	check_header(&reader, size);
	read_structures(&reader);
	dmar_check_table(&reader);
	settle_problems(&reader);
	if (reader.out_of_memory) {
		iommusim_dmar_free(reader.table);
		return IOMMUSIM_ENOMEM;
	}
	*table = reader.table;
	return IOMMUSIM_OK;
}

void iommusim_dmar_free(struct iommusim_dmar *table)
{
	/* A result begins with the table it shows. */
	struct dmar_result *result = (struct dmar_result *)table;

	if (result == NULL)
		return;
	while (result->blocks != NULL) {
		struct dmar_block *block = result->blocks;

		result->blocks = block->next;
		free(block);
	}
	free(result);
}
