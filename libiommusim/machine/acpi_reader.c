/*
 * What reading a DMAR and reading an IVRS table have in common (acpi_reader.h): the header, the way to the
 * bytes, the result's memory and its problems.
 */
#include "libiommusim/machine/acpi_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/common/spec/acpi_header.def"

enum { HEADER_QUADS = (ACPI_HEADER_BYTES + 7) / 8 };

/* ---- memory ---- */

void *acpi_allocate(struct acpi_reader *reader, size_t count, size_t size)
{
	struct acpi_block *block = NULL;

	if (count <= (SIZE_MAX - sizeof *block) / size)
		block = calloc(1, sizeof *block + count * size);
	if (block == NULL) {
		reader->out_of_memory = true;
		return NULL;
	}
	block->next = reader->blocks;
	reader->blocks = block;
	return block->data;
}

void acpi_free_blocks(struct acpi_block *blocks)
{
	while (blocks != NULL) {
		struct acpi_block *block = blocks;

		blocks = block->next;
		free(block);
	}
}

/* ---- problems ---- */

__attribute__((format(printf, 4, 0))) static void add_note(
    struct acpi_reader *reader, uint32_t offset, bool fatal, const char *format, va_list arguments)
{
	struct acpi_note *note = acpi_allocate(reader, 1, sizeof *note);
	char buffer[256];
	const int length = vsnprintf(buffer, sizeof buffer, format, arguments);
	char *text;

	if (note == NULL || length < 0)
		return;
	text = acpi_allocate(reader, 1, (size_t)length + 1);
	if (text == NULL)
		return;
	memcpy(text, buffer, (size_t)length < sizeof buffer ? (size_t)length : sizeof buffer - 1);
	*note = (struct acpi_note){
		.next = reader->notes,
		.number = reader->note_count++,
		.problem = { .offset = offset, .fatal = fatal, .text = text },
	};
	reader->notes = note;
}

void acpi_fatal(struct acpi_reader *reader, uint32_t offset, const char *format, ...)
{
	va_list arguments;

	reader->found_fatal = true;
	va_start(arguments, format);
	add_note(reader, offset, true, format, arguments);
	va_end(arguments);
}

void acpi_odd(struct acpi_reader *reader, uint32_t offset, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_note(reader, offset, false, format, arguments);
	va_end(arguments);
}

static int compare_notes(const void *left, const void *right)
{
	const struct acpi_note *a = *(const struct acpi_note *const *)left;
	const struct acpi_note *b = *(const struct acpi_note *const *)right;

	if (a->problem.offset != b->problem.offset)
		return a->problem.offset < b->problem.offset ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

const struct iommusim_acpi_problem *acpi_settle_problems(struct acpi_reader *reader)
{
	const uint32_t count = reader->note_count;
	struct iommusim_acpi_problem *problems = acpi_allocate(reader, count, sizeof *problems);
	const struct acpi_note **order = acpi_allocate(reader, count, sizeof *order);
	uint32_t filled = 0;

	if (problems == NULL || order == NULL)
		return NULL;
	for (const struct acpi_note *note = reader->notes; note != NULL; note = note->next)
		order[filled++] = note;
	qsort(order, count, sizeof *order, compare_notes);
	for (uint32_t i = 0; i < count; i++)
		problems[i] = order[i]->problem;
	return problems;
}

/* ---- bytes ---- */

void acpi_load(const struct acpi_reader *reader, uint32_t offset, uint32_t length, uint64_t *quads,
    unsigned quad_count)
{
	memset(quads, 0, quad_count * sizeof *quads);
	for (uint32_t i = 0; i < length && i / 8 < quad_count && i < reader->end - offset; i++)
		quads[i / 8] |= (uint64_t)reader->bytes[offset + i] << i % 8 * 8;
}

void acpi_load_header(const struct acpi_reader *reader, uint64_t *quads, unsigned quad_count)
{
	const uint32_t bytes = reader->format->header_bytes;
	struct acpi_reader all = *reader;

	all.end = reader->size < bytes ? (uint32_t)reader->size : bytes;
	acpi_load(&all, 0, bytes, quads, quad_count);
}

uint8_t acpi_byte(const uint64_t *quads, unsigned at)
{
	return (uint8_t)(quads[at / 8] >> at % 8 * 8);
}

void acpi_check_reserved(struct acpi_reader *reader, uint32_t offset, const struct spec_structure *spec,
    const uint64_t *quads)
{
	static const struct spec_unit any_unit = { .capabilities = 0, .host_address_width = 64 };

	for (unsigned quad = 0; quad < spec->bits / 64u; quad++) {
		const uint64_t set = quads[quad] & spec_reserved(spec, &any_unit, quad);

		for (unsigned i = 0; i < 8; i++) {
			const unsigned bits = set >> i * 8 & 0xff;

			if (bits != 0)
				acpi_odd(reader, offset,
				    "%s: reserved bits 0x%02x are set in byte %u; they must be 0 (%s %s)",
				    spec->name, bits, quad * 8 + i, reader->format->specification,
				    spec->section);
		}
	}
}

/* ---- the header ---- */

bool acpi_is_table(const struct acpi_format *format, const void *bytes, size_t size)
{
	return size >= ACPI_HEADER_BYTES && memcmp(bytes, format->signature, 4) == 0;
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

static void read_members(struct acpi_reader *reader)
{
	struct acpi_header *header = &reader->header;
	uint64_t quads[HEADER_QUADS];

	acpi_load_header(reader, quads, HEADER_QUADS);
	header->length = (uint32_t)acpi_header_LENGTH(quads);
	header->revision = (uint8_t)acpi_header_REVISION(quads);
	header->checksum = (uint8_t)acpi_header_CHECKSUM(quads);
	unpack_text(header->oem_id, acpi_header_OEMID(quads), sizeof header->oem_id - 1);
	unpack_text(
	    header->oem_table_id, acpi_header_OEM_TABLE_ID(quads), sizeof header->oem_table_id - 1);
	reader->end = reader->size < header->length ? (uint32_t)reader->size : header->length;
	header->checksum_ok =
	    header->length <= reader->size && sums_to_zero(reader->bytes, header->length);
}

bool acpi_read_header(struct acpi_reader *reader)
{
	const struct acpi_format *format = reader->format;
	const struct acpi_header *header = &reader->header;

	read_members(reader);
	if (header->length < format->header_bytes) {
		acpi_fatal(reader, ACPI_HEADER_LENGTH_AT,
		    "header: Length is %u; the header alone has %u bytes (%s %s)", header->length,
		    format->header_bytes, format->specification, format->section);
		return false;
	}
	if (header->length > reader->size)
		acpi_fatal(reader, ACPI_HEADER_LENGTH_AT,
		    "header: Length is %u, but there are only %zu bytes", header->length, reader->size);
	else if (!header->checksum_ok)
		acpi_fatal(reader, ACPI_HEADER_CHECKSUM_AT,
		    "header: with checksum 0x%02x the bytes of the table do not sum to 0 (%s %s)",
		    header->checksum, format->specification, format->section);
	if (header->length < reader->size)
		acpi_odd(reader, header->length,
		    "%zu bytes follow the %u bytes of the table and are not read",
		    reader->size - header->length, header->length);
	if (header->revision == 0 || header->revision > format->newest_revision)
		acpi_odd(reader, ACPI_HEADER_REVISION_AT,
		    "header: Revision is %u; 1 to %u are known (%s %s)", header->revision,
		    format->newest_revision, format->specification, format->section);
	return reader->end >= format->header_bytes;
}
