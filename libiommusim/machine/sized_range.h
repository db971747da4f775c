/*
 * Ranges whose size is in their address, as PCI Express ATS writes them and the units' own commands too:
 * the lowest 0 of the page number ends the part that is not compared.
 */
#ifndef IOMMUSIM_MACHINE_SIZED_RANGE_H
#define IOMMUSIM_MACHINE_SIZED_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <iommusim/memory.h>

/* Both ends inclusive. */
struct sized_range {
	uint64_t first;
	uint64_t last;
};

/* Without `sized` one page. A page number of ones only is everything. */
static inline struct sized_range sized_range(uint64_t page_number, bool sized)
{
	const uint64_t ignored = sized ? page_number ^ (page_number + 1) : 0;

	return (struct sized_range){
		.first = (page_number & ~ignored) << IOMMUSIM_PAGE_SHIFT,
		.last = (page_number | ignored) << IOMMUSIM_PAGE_SHIFT | (IOMMUSIM_PAGE_SIZE - 1),
	};
}

#endif
