/*
 * What the files that read a DMAR table share: the reader, its memory, its problem list. The
 * result is public, dmar.h.
 */
#ifndef IOMMUSIM_MACHINE_DMAR_INTERNAL_H
#define IOMMUSIM_MACHINE_DMAR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/dmar.h>

#include "models/common/spec/spec.h"

/* Host address widths that can be worked with, in bits. */
enum {
	DMAR_NARROWEST_WIDTH = 12, /* one page */
	DMAR_WIDEST_WIDTH = 64
};

/* Everything a result owns hangs on one list of blocks, so that freeing needs no knowledge. */
struct dmar_block {
	struct dmar_block *next;
	max_align_t data[];
};

struct dmar_result {
	struct iommusim_dmar table; /* first: the public pointer is this one */
	struct dmar_block *blocks;
};

/* A problem on its way into the result. */
struct dmar_note {
	struct dmar_note *next;
	uint32_t number; /* in the order they were found */
	struct iommusim_dmar_problem problem;
};

struct dmar_reader {
	const uint8_t *bytes;
	/* no byte at or beyond it is read: the lesser of Length and what there is */
	uint32_t end;
	struct iommusim_dmar *table;
	struct dmar_result *result;
	/* the table's own, while it is being filled */
	struct iommusim_dmar_structure *structures;
	struct dmar_note *notes; /* newest first */
	uint32_t note_count;
	bool found_fatal;
	/* once true the result is thrown away, so nobody needs to stop early */
	bool out_of_memory;
};

/* Zeroed memory that lives as long as the result. NULL, and out_of_memory, when there is none. */
void *dmar_allocate(struct dmar_reader *reader, size_t count, size_t size);

/* Write down a problem: `dmar_fatal` when nobody should use the table, `dmar_odd` otherwise. */
__attribute__((format(printf, 3, 4))) void dmar_fatal(
    struct dmar_reader *reader, uint32_t offset, const char *format, ...);
__attribute__((format(printf, 3, 4))) void dmar_odd(
    struct dmar_reader *reader, uint32_t offset, const char *format, ...);

/*
 * Copy up to `length` bytes at `offset` into `quads`, little-endian as accessors want them; what
 * the table does not have is 0.
 */
void dmar_load(const struct dmar_reader *reader, uint32_t offset, uint32_t length, uint64_t *quads,
    unsigned quad_count);

/* Byte `at` of what dmar_load() loaded. */
uint8_t dmar_byte(const uint64_t *quads, unsigned at);

/* Note the reserved bits that are set in a loaded structure. */
void dmar_check_reserved(struct dmar_reader *reader, uint32_t offset, const struct spec_structure *spec,
    const uint64_t *quads);

/*
 * Read and judge a structure whose offset, type and length are set. Its length may lead beyond the
 * table: what is there is read.
 */
void dmar_read_structure(struct dmar_reader *reader, struct iommusim_dmar_structure *structure);

/* Read and judge the scope entries of `structure`, which stand from `from` to `to`. */
void dmar_read_scopes(
    struct dmar_reader *reader, struct iommusim_dmar_structure *structure, uint32_t from, uint32_t to);

/* Is all of its fixed part there? Otherwise its members are not to be judged. */
bool dmar_is_whole(const struct dmar_reader *reader, const struct iommusim_dmar_structure *structure);

/* Bytes of a DRHD's register set. */
uint64_t dmar_register_bytes(
    const struct dmar_reader *reader, const struct iommusim_dmar_structure *drhd);

/* Judge what only shows when the structures are seen side by side. */
void dmar_check_table(struct dmar_reader *reader);

#endif
