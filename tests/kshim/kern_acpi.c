/* Kernel code that looks ACPI tables up. */
#include <sys/param.h>
#include <sys/systm.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <contrib/dev/acpica/include/acpi.h>
#include <contrib/dev/acpica/include/accommon.h>
#include <contrib/dev/acpica/include/actables.h>
#include <dev/acpica/acpivar.h>

#include "tests/kshim/kern_acpi.h"

void kern_get_table(void *context)
{
	struct kern_table *table = context;
	ACPI_TABLE_HEADER *header;

	table->status = AcpiGetTable(table->signature, table->instance, &header);
	if (ACPI_FAILURE(table->status))
		return;
	table->length = header->Length;
	table->revision = header->Revision;
	table->physical = vtophys(header);
	if (table->instance <= 1) {
		MPASS(acpi_find_table(table->signature) == table->physical);
		MPASS(acpi_map_table(table->physical, table->signature) == header);
	}
	MPASS(acpi_map_table(table->physical, "NONE") == NULL);
	AcpiPutTable(header);
}

int kern_acpi_disabled(const char *subsystem)
{
	return acpi_disabled(subsystem);
}
