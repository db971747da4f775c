/* ACPI tables in firmware memory. Nothing here looks inside a table. */
#include <string.h>

#include "machine/state.h"

/* Above the RAM a PC has below 4 GiB (iommusim_memory_add_pc_ram), below any register. */
#define ACPI_BASE   UINT64_C(0xcff00000)
#define ACPI_LENGTH UINT64_C(0x100000)
#define ACPI_ALIGN  UINT64_C(64)

#define ACPI_HEADER 36u

enum iommusim_status iommusim_acpi_install(
    struct iommusim_machine *machine, const void *table, size_t length)
{
	struct acpi *acpi = &machine->acpi;
	enum iommusim_status status;
	struct acpi_table *entry;

	if (table == NULL || length < ACPI_HEADER || length > ACPI_LENGTH)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "an ACPI table of %zu bytes: 36 bytes to 1 MiB are possible", length);
	if (!machine_grow(
		machine, &acpi->tables, &acpi->capacity, acpi->count + 1, sizeof(*acpi->tables)))
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for an ACPI table's record");
	if (acpi->next == 0) {
		status = iommusim_memory_add(machine, ACPI_BASE, ACPI_LENGTH, IOMMUSIM_MEMORY_FIRMWARE);
		if (status != IOMMUSIM_OK)
			return status;
		acpi->next = ACPI_BASE;
	}
	if (length > ACPI_BASE + ACPI_LENGTH - acpi->next)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "the firmware window is full");
	status = iommusim_memory_write(machine, acpi->next, table, length);
	if (status != IOMMUSIM_OK)
		return status;
	entry = &acpi->tables[acpi->count++];
	memcpy(entry->signature, table, sizeof(entry->signature));
	entry->address = acpi->next;
	entry->length = (uint32_t)length;
	acpi->next = (acpi->next + length + ACPI_ALIGN - 1) & ~(ACPI_ALIGN - 1);
	return iommusim_memory_flush(machine, entry->address, length);
}

enum iommusim_status iommusim_acpi_find(const struct iommusim_machine *machine, const char *signature,
    unsigned instance, uint64_t *address, uint32_t *length)
{
	for (size_t i = 0; i < machine->acpi.count; i++) {
		const struct acpi_table *table = &machine->acpi.tables[i];

		if (strncmp(table->signature, signature, sizeof(table->signature)) != 0 ||
		    instance-- != 0)
			continue;
		*address = table->address;
		*length = table->length;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

void acpi_teardown(struct iommusim_machine *machine)
{
	machine_free(
	    machine, machine->acpi.tables, machine->acpi.capacity * sizeof(*machine->acpi.tables));
}
