/*
 * What the files that read a DMAR table share, on top of acpi_reader.h: the table as it is being filled. The
 * result is public, dmar.h.
 */
#ifndef IOMMUSIM_MACHINE_DMAR_INTERNAL_H
#define IOMMUSIM_MACHINE_DMAR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/dmar.h>

#include "libiommusim/machine/acpi_reader.h"

/* Host address widths that can be worked with, in bits. */
enum {
	DMAR_NARROWEST_WIDTH = 12, /* one page */
	DMAR_WIDEST_WIDTH = 64
};

struct dmar_result {
	struct iommusim_dmar table; /* first: the public pointer is this one */
	struct acpi_block *blocks;
};

struct dmar_reader {
	struct acpi_reader acpi;
	struct iommusim_dmar *table;
	struct dmar_result *result;
	/* the table's own, while it is being filled */
	struct iommusim_dmar_structure *structures;
};

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
