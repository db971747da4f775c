/*
 * What the readers of DMAR and IVRS tables share: the bytes, the table's header, the memory and the list
 * of problems of a result. What is in the tables: dmar*.c, ivrs*.c.
 */
#ifndef IOMMUSIM_MACHINE_ACPI_READER_H
#define IOMMUSIM_MACHINE_ACPI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/acpi_problem.h>

#include "models/common/spec/spec.h"

/* What is the same in every table with a signature. */
struct acpi_format {
	const char *signature;
	const char *specification; /* as messages name it: "VT-d" */
	const char *section;       /* of the header there */
	uint32_t header_bytes;     /* before the first structure */
	uint8_t newest_revision;   /* that is known; the oldest is 1 */
};

/* The members of the header that every table has. */
struct acpi_header {
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	bool checksum_ok;
	char oem_id[7];
	char oem_table_id[9];
};

/* Everything a result owns hangs on one list of blocks, so that freeing needs no knowledge. */
struct acpi_block {
	struct acpi_block *next;
	max_align_t data[];
};

/* A problem on its way into the result. */
struct acpi_note {
	struct acpi_note *next;
	uint32_t number; /* in the order they were found */
	struct iommusim_acpi_problem problem;
};

struct acpi_reader {
	const struct acpi_format *format;
	const uint8_t *bytes;
	size_t size;
	/* no byte at or beyond it is read: the lesser of Length and what there is */
	uint32_t end;
	struct acpi_header header;
	struct acpi_block *blocks; /* the result's memory so far */
	struct acpi_note *notes;   /* newest first */
	uint32_t note_count;
	bool found_fatal;
	/* once true the result is thrown away, so nobody needs to stop early */
	bool out_of_memory;
};

/* Are there enough bytes for a header, with the format's signature? */
bool acpi_is_table(const struct acpi_format *format, const void *bytes, size_t size);

/* Read the header and judge it. False when not all of the format's header is there. */
bool acpi_read_header(struct acpi_reader *reader);

/* Zeroed memory that lives as long as the result. NULL, and out_of_memory, when there is none. */
void *acpi_allocate(struct acpi_reader *reader, size_t count, size_t size);
void acpi_free_blocks(struct acpi_block *blocks);

/* Write down a problem: `acpi_fatal` when nobody should use the table, `acpi_odd` otherwise. */
__attribute__((format(printf, 3, 4))) void acpi_fatal(
    struct acpi_reader *reader, uint32_t offset, const char *format, ...);
__attribute__((format(printf, 3, 4))) void acpi_odd(
    struct acpi_reader *reader, uint32_t offset, const char *format, ...);

/* The problems in order of offset, `reader->note_count` of them; NULL when there is no memory for them. */
const struct iommusim_acpi_problem *acpi_settle_problems(struct acpi_reader *reader);

/*
 * Copy up to `length` bytes at `offset` into `quads`, little-endian as accessors want them; what
 * the table does not have is 0.
 */
void acpi_load(const struct acpi_reader *reader, uint32_t offset, uint32_t length, uint64_t *quads,
    unsigned quad_count);

/* The same for the format's header, all that there is of it, whatever Length says. */
void acpi_load_header(const struct acpi_reader *reader, uint64_t *quads, unsigned quad_count);

/* Byte `at` of what acpi_load() loaded. */
uint8_t acpi_byte(const uint64_t *quads, unsigned at);

/* Note the reserved bits that are set in a loaded structure. */
void acpi_check_reserved(struct acpi_reader *reader, uint32_t offset, const struct spec_structure *spec,
    const uint64_t *quads);

#endif
