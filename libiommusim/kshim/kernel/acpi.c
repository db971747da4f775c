/* ACPI: looking tables up in the machine's firmware memory. */
#include "kshim/kernel/state.h"

#include <dev/acpica/acpivar.h>

#include <iommusim/acpi.h>

ACPI_STATUS AcpiGetTable(const char *signature, uint32_t instance, ACPI_TABLE_HEADER **table)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	uint64_t address;
	uint32_t length;

	if (signature == NULL || table == NULL)
		return AE_BAD_PARAMETER;
	if (iommusim_acpi_find(kernel->machine, signature, instance > 0 ? instance - 1 : 0, &address,
		&length) != IOMMUSIM_OK)
		return AE_NOT_FOUND;
	*table = iommusim_memory_host(kernel->machine, address, length);
	return *table == NULL ? AE_ERROR : AE_OK;
}

void AcpiPutTable(ACPI_TABLE_HEADER *table)
{
	(void)table;
	kshim_enter_now();
}

const char *AcpiFormatException(ACPI_STATUS status)
{
	switch (status) {
	case AE_OK:
		return "AE_OK";
	case AE_NOT_FOUND:
		return "AE_NOT_FOUND";
	case AE_BAD_PARAMETER:
		return "AE_BAD_PARAMETER";
	default:
		return "AE_ERROR";
	}
}

int acpi_disabled(const char *subsystem)
{
	const char *list = iommusim_kernel_tunable(kshim_enter_now(), "debug.acpi.disabled");
	const size_t length = strlen(subsystem);

	while (list != NULL && *list != '\0') {
		const size_t word = strcspn(list, " \t,");

		if ((word == length && strncmp(list, subsystem, length) == 0) ||
		    (word == 3 && strncmp(list, "all", 3) == 0))
			return 1;
		list += word;
		list += strspn(list, " \t,");
	}
	return 0;
}

ACPI_HANDLE acpi_get_handle(device_t device)
{
	(void)device;
	kshim_enter_now();
	return NULL;
}

vm_paddr_t acpi_find_table(const char *signature)
{
	uint64_t address;
	uint32_t length;

	if (iommusim_acpi_find(kshim_enter_now()->machine, signature, 0, &address, &length) !=
	    IOMMUSIM_OK)
		return 0;
	return address;
}

void *acpi_map_table(vm_paddr_t address, const char *signature)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	const ACPI_TABLE_HEADER *header =
	    iommusim_memory_host(kernel->machine, address, sizeof(*header));

	if (header == NULL || memcmp(header->Signature, signature, sizeof(header->Signature)) != 0)
		return NULL;
	return iommusim_memory_host(kernel->machine, address, header->Length);
}

void acpi_unmap_table(void *table)
{
	(void)table;
	kshim_enter_now();
}

void acpi_walk_subtables(void *first, void *end, acpi_subtable_handler *handler, void *argument)
{
	uint8_t *at = first;

	kshim_enter_now();
	while ((size_t)((uint8_t *)end - at) >= sizeof(ACPI_SUBTABLE_HEADER)) {
		ACPI_SUBTABLE_HEADER *structure = (ACPI_SUBTABLE_HEADER *)(void *)at;

		if (structure->Length < sizeof(*structure) || structure->Length > (uint8_t *)end - at)
			return;
		handler(structure, argument);
		at += structure->Length;
	}
}
