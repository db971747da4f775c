/*
 * What the files that read an IVRS table share, on top of acpi_reader.h: the table as it is being filled.
 * The result is public, ivrs.h.
 */
#ifndef IOMMUSIM_MACHINE_IVRS_INTERNAL_H
#define IOMMUSIM_MACHINE_IVRS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/ivrs.h>

#include "libiommusim/machine/acpi_reader.h"

struct ivrs_result {
	struct iommusim_ivrs table; /* first: the public pointer is this one */
	struct acpi_block *memory;
};

struct ivrs_reader {
	struct acpi_reader acpi;
	struct iommusim_ivrs *table;
	/* the table's own, while it is being filled */
	struct iommusim_ivrs_block *blocks;
};

/* Is it an IVHD of a type that is known? */
bool ivrs_is_ivhd(unsigned type);
bool ivrs_is_ivmd(unsigned type);

/*
 * Read and judge a block whose offset, type and length are set. Its length may lead beyond the table:
 * what is there is read.
 */
void ivrs_read_block(struct ivrs_reader *reader, struct iommusim_ivrs_block *block);

/* Read and judge the device entries of an IVHD, which stand from `from` to `to`. */
void ivrs_read_entries(
    struct ivrs_reader *reader, struct iommusim_ivrs_block *block, uint32_t from, uint32_t to);

/* Is all of its fixed part there? Otherwise its members are not to be judged. */
bool ivrs_is_whole(const struct ivrs_reader *reader, const struct iommusim_ivrs_block *block);

/* Find the blocks that count, and judge what only shows when blocks are seen side by side. */
void ivrs_check_table(struct ivrs_reader *reader);

#endif
