/* A set of PCI segments, for what is judged segment by segment in DMAR and IVRS tables. */
#ifndef IOMMUSIM_MACHINE_ACPI_SEGMENTS_H
#define IOMMUSIM_MACHINE_ACPI_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* One bit for each of them. */
struct acpi_segments {
	uint8_t bits[65536 / 8];
};

static inline bool acpi_segments_has(const struct acpi_segments *set, uint16_t segment)
{
	return (set->bits[segment / 8] >> segment % 8 & 1) != 0;
}

static inline void acpi_segments_add(struct acpi_segments *set, uint16_t segment)
{
	set->bits[segment / 8] = (uint8_t)(set->bits[segment / 8] | 1u << segment % 8);
}

#endif
