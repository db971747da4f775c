/* ACPI devices, as far as an IVHD's driver asks about them. */
#ifndef IOMMUSIM_KSHIM_DEV_ACPICA_ACPIVAR_H
#define IOMMUSIM_KSHIM_DEV_ACPICA_ACPIVAR_H

#include <sys/bus.h>

#include <contrib/dev/acpica/include/acpi.h>

#define ACPI_DEV_BASE_ORDER 100

/* Is the subsystem switched off, by debug.acpi.disabled (a list of names)? */
int acpi_disabled(const char *subsystem);
/* The device's object in the namespace: none here has one. */
ACPI_HANDLE acpi_get_handle(device_t device);
/* The physical address of a table, 0: there is none; and a view of it until it is unmapped. */
vm_paddr_t acpi_find_table(const char *signature);
void *acpi_map_table(vm_paddr_t address, const char *signature);
void acpi_unmap_table(void *table);
/* Call `handler` for each structure behind the header of a DMAR, MADT or SRAT table; lengths of 0 end it. */
typedef void acpi_subtable_handler(ACPI_SUBTABLE_HEADER *structure, void *argument);
void acpi_walk_subtables(void *first, void *end, acpi_subtable_handler *handler, void *argument);

#endif
