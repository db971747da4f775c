/* What all rings in memory share: the length that their base registers say (AMD-Vi 3.4). */
#ifndef IOMMUSIM_AMDVI_RING_H
#define IOMMUSIM_AMDVI_RING_H

#include "models/amdvi/unit.h"

#define AMDVI_SMALLEST_RING 8u /* log2 of the entries; smaller lengths are reserved */

/* The base registers have one layout: the accessors of the first serve all. */
static inline uint64_t amdvi_ring_base(uint64_t base_register)
{
	return amdvi_CMD_BASE_BASE(base_register) << IOMMUSIM_PAGE_SHIFT;
}

/*
 * In bytes: 2^LEN entries of 16, of the GA log twice as many of 8. A reserved length is the smallest one:
 * the specification says nothing of it.
 */
static inline uint64_t amdvi_ring_bytes(uint64_t base_register)
{
	const unsigned length = (unsigned)amdvi_CMD_BASE_LEN(base_register);

	return UINT64_C(16) << (length < AMDVI_SMALLEST_RING ? AMDVI_SMALLEST_RING : length);
}

#endif
