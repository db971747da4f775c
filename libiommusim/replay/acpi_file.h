/* An ACPI table out of a file: raw binary, or the text that acpidump writes. */
#ifndef IOMMUSIM_REPLAY_ACPI_FILE_H
#define IOMMUSIM_REPLAY_ACPI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/status.h>

/*
 * Find the DMAR table in the `size` bytes of a file. OK: the table is `*length` bytes of the file from
 * `*table` on, or, when it was text, `*table` points into `bytes` all the same, where the text has been
 * overwritten with what it stood for. EFORMAT: `problem` has line, column (0 for binary) and text.
 */
enum iommusim_status acpi_file_decode(uint8_t *bytes, size_t size, const uint8_t **table,
    size_t *length, struct iommusim_diagnostic *problem);

#endif
