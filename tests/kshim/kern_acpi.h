/* Kernel code that looks ACPI tables up. */
#ifndef TESTS_KSHIM_KERN_ACPI_H
#define TESTS_KSHIM_KERN_ACPI_H

#include <stdint.h>

struct kern_table {
	const char *signature;
	uint32_t instance;
	uint32_t status;
	uint32_t length;
	uint8_t revision;
	uint64_t physical;
};

void kern_get_table(void *table);
int kern_acpi_disabled(const char *subsystem);

#endif
