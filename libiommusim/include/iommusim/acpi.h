/* ACPI tables as firmware leaves them in memory. What is inside a table: dmar.h. */
#ifndef IOMMUSIM_ACPI_H
#define IOMMUSIM_ACPI_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Put a table of `length` bytes (at least an ACPI header, 36) into firmware memory. Nothing of it is
 * checked or mended: broken tables are part of life.
 * Returns OK, EINVAL, ENOMEM (also: the firmware window of 1 MiB is full).
 */
IOMMUSIM_API enum iommusim_status iommusim_acpi_install(
    struct iommusim_machine *machine, const void *table, size_t length);

/*
 * Find the `instance`th table (from 0) with a signature of 4 characters, as AcpiGetTable() does:
 * its physical address and the length of what was installed. Returns OK or ENOENT.
 */
IOMMUSIM_API enum iommusim_status iommusim_acpi_find(const struct iommusim_machine *machine,
    const char *signature, unsigned instance, uint64_t *address, uint32_t *length);

/*
 * Find the DMAR or IVRS table in the `size` bytes of a file: the table itself, or the text that acpidump
 * writes, other tables in it passed over. It goes to `table`, which has room for `size` bytes and may be
 * `file` itself; `signature` gets "DMAR" or "IVRS". Returns OK, or EFORMAT: `problem` says where (line and
 * column of a text, offset else) and what was expected, and `*length` bytes were read up to there.
 * What the table says is not looked at. Any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_acpi_extract(const void *file, size_t size, void *table,
    size_t *length, char signature[5], struct iommusim_diagnostic *problem);

#ifdef __cplusplus
}
#endif

#endif
