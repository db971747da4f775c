/* What is wrong with an ACPI table, found while it was read (dmar.h, ivrs.h). */
#ifndef IOMMUSIM_ACPI_PROBLEM_H
#define IOMMUSIM_ACPI_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Something odd or wrong in a table. `fatal` problems make the table unusable. */
struct iommusim_acpi_problem {
	uint32_t offset; /* bytes from the start of the table */
	bool fatal;
	const char *text;
};

#ifdef __cplusplus
}
#endif

#endif
