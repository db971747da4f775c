/* ACPICA: its types, the tables of IOMMUs, and looking tables up. */
#ifndef IOMMUSIM_KSHIM_ACPICA_ACPI_H
#define IOMMUSIM_KSHIM_ACPICA_ACPI_H

#include <sys/systm.h>

#include <contrib/dev/acpica/include/actbl_kshim.h>

typedef uint32_t ACPI_STATUS;
typedef void *ACPI_HANDLE;
typedef char *ACPI_STRING;
typedef uint64_t ACPI_SIZE;
typedef uint64_t ACPI_PHYSICAL_ADDRESS;
typedef uint8_t BOOLEAN;

#define AE_OK                ((ACPI_STATUS)0x0000)
#define AE_ERROR             ((ACPI_STATUS)0x0001)
#define AE_NOT_FOUND         ((ACPI_STATUS)0x0005)
#define AE_BAD_PARAMETER     ((ACPI_STATUS)0x1001)
#define ACPI_SUCCESS(status) ((status) == AE_OK)
#define ACPI_FAILURE(status) ((status) != AE_OK)
const char *AcpiFormatException(ACPI_STATUS status);

/*
 * The `instance`th table of a signature of 4 characters, from 1; 0 is the first, too. *table points into the
 * firmware's memory and stays good. AE_NOT_FOUND: there is none; *table is left alone.
 */
ACPI_STATUS AcpiGetTable(const char *signature, uint32_t instance, ACPI_TABLE_HEADER **table);
void AcpiPutTable(ACPI_TABLE_HEADER *table);

#define ACPI_ADD_PTR(type, a, b)   ((type *)(void *)((uint8_t *)(a) + (ACPI_SIZE)(b)))
#define ACPI_COMPARE_NAMESEG(a, b) (memcmp((a), (b), 4) == 0)
#define ACPI_NAMESEG_SIZE          4

#endif
