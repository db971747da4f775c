/*
 * AMD-Vi host (v1) paging entries (AMD-Vi 2.2.3). Levels 1 to 6; an entry says itself of which level the
 * table is that it points at, so levels may be left out. Leaves at 1 to 5, of their level's size (NextLevel 0)
 * or of one that their address says (NextLevel 7).
 */
#ifndef IOMMUSIM_FORMATS_AMD_HOST_H
#define IOMMUSIM_FORMATS_AMD_HOST_H

#include "models/amdvi/spec/amdvi.h"
#include "models/formats/page_format.h"

/* What NextLevel says when it names no level. */
enum { AMD_PAGE_OF_LEVEL = 0, AMD_PAGE_OF_ADDRESS = 7 };

static inline bool amd_host_present(uint64_t entry)
{
	return amdvi_pte_PR(&entry) != 0;
}

static inline bool amd_host_is_leaf(uint64_t entry, unsigned level)
{
	const uint64_t next = amdvi_pte_NEXT_LEVEL(&entry);

	(void)level;
	return next == AMD_PAGE_OF_LEVEL || next == AMD_PAGE_OF_ADDRESS;
}

static inline unsigned amd_host_rights(uint64_t entry)
{
	return (amdvi_pte_IR(&entry) ? PAGE_READ : 0) | (amdvi_pte_IW(&entry) ? PAGE_WRITE : 0);
}

static inline uint64_t amd_host_next_table(uint64_t entry)
{
	return amdvi_pde_ADDR(&entry) << 12;
}

/* log2 of the size of a leaf: its level's, or one more than the number of the first 0 bit from 12 up. */
static inline unsigned amd_host_leaf_shift(uint64_t entry, unsigned level)
{
	const uint64_t address = amdvi_pte_ADDR(&entry) << 12;

	if (amdvi_pte_NEXT_LEVEL(&entry) != AMD_PAGE_OF_ADDRESS)
		return page_level_shift(level);
	return 1 + (unsigned)__builtin_ctzll(~(address | (PAGE_TABLE_BYTES - 1)));
}

static inline uint64_t amd_host_page(uint64_t entry, unsigned level)
{
	return amdvi_pte_ADDR(&entry) << 12 & -(UINT64_C(1) << amd_host_leaf_shift(entry, level));
}

/*
 * The same as hardware takes it: 0 for a size that cannot stand there. A coded one lies between its level's
 * and the next one's, and is 2^51 at most; level 6 has no leaves.
 */
static inline unsigned amd_host_valid_shift(uint64_t entry, unsigned level)
{
	const unsigned own = page_level_shift(level), shift = amd_host_leaf_shift(entry, level);

	if (level == PAGE_TABLE_LEVELS || shift > 51)
		return 0;
	if (amdvi_pte_NEXT_LEVEL(&entry) != AMD_PAGE_OF_ADDRESS)
		return shift;
	return shift > own && shift < own + 9 ? shift : 0;
}

static inline unsigned amd_host_next_level(uint64_t entry)
{
	return (unsigned)amdvi_pde_NEXT_LEVEL(&entry);
}

static inline uint64_t amd_host_make_table(uint64_t address, unsigned level)
{
	uint64_t entry = 0;

	amdvi_pde_set_PR(&entry, 1);
	amdvi_pde_set_NEXT_LEVEL(&entry, level - 1);
	amdvi_pde_set_ADDR(&entry, address >> 12);
	amdvi_pde_set_IR(&entry, 1);
	amdvi_pde_set_IW(&entry, 1);
	return entry;
}

static inline uint64_t amd_host_make_leaf(uint64_t address, unsigned level, unsigned rights)
{
	uint64_t entry = 0;

	(void)level;
	amdvi_pte_set_PR(&entry, 1);
	amdvi_pte_set_NEXT_LEVEL(&entry, AMD_PAGE_OF_LEVEL);
	amdvi_pte_set_ADDR(&entry, address >> 12);
	amdvi_pte_set_IR(&entry, (rights & PAGE_READ) != 0);
	amdvi_pte_set_IW(&entry, (rights & PAGE_WRITE) != 0);
	return entry;
}

/* Its size stands in the address: 1s from bit 12 up to a 0 at the bit below the size's. */
static inline uint64_t amd_host_make_sized(uint64_t address, unsigned shift, unsigned rights)
{
	uint64_t entry = amd_host_make_leaf(address, 0, rights);

	amdvi_pte_set_NEXT_LEVEL(&entry, AMD_PAGE_OF_ADDRESS);
	amdvi_pte_set_ADDR(&entry, (address | ((UINT64_C(1) << (shift - 1)) - 1)) >> 12);
	return entry;
}

/* 8 KiB to 1 MiB at level 1, 4 to 512 MiB at level 2, and so on up to 2^51 bytes at level 5. */
#define AMD_HOST_SIZES                                                                                 \
	(UINT64_C(0xff) << 13 | UINT64_C(0xff) << 22 | UINT64_C(0xff) << 31 | UINT64_C(0xff) << 40 |   \
	    UINT64_C(0x7) << 49)

static const struct page_format amd_host = {
	.present = amd_host_present,
	.leaf = amd_host_is_leaf,
	.rights = amd_host_rights,
	.table = amd_host_next_table,
	.page = amd_host_page,
	.next_level = amd_host_next_level,
	.leaf_shift = amd_host_valid_shift,
	.present_without_rights = true,
	.make_table = amd_host_make_table,
	.make_leaf = amd_host_make_leaf,
	.spanning = AMD_HOST_SIZES,
	.make_spanning = amd_host_make_sized,
};

#endif
