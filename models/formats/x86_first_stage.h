/*
 * First-stage paging entries, the format of x86-64 processors (VT-d 9.7). Levels: 1 PTE, 2 PDE, 3 PDPE,
 * 4 PML4E, 5 PML5E; leaves at 1 (4 KiB), 2 (2 MiB) and 3 (1 GiB). AMD-Vi's guest (v2) tables are the same.
 */
#ifndef IOMMUSIM_FORMATS_X86_FIRST_STAGE_H
#define IOMMUSIM_FORMATS_X86_FIRST_STAGE_H

#include "models/formats/page_format.h"
#include "models/amdvi/spec/amdvi.h"
#include "models/vtd/spec/vtd.h"

static inline bool x86_present(uint64_t entry)
{
	return vtd_fs_pte_P(&entry) != 0;
}

/* From level 4 up bit 7 is reserved, not a page size: the entry counts as a pointer. */
static inline bool x86_is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || (level <= 3 && vtd_fs_table_PS(&entry));
}

/* There is no read right: what is present can be read, by whoever may be there at all (VT-d 3.6.1). */
static inline unsigned x86_rights(uint64_t entry)
{
	return PAGE_READ | (vtd_fs_pte_RW(&entry) ? PAGE_WRITE : 0) |
	    (vtd_fs_pte_US(&entry) ? PAGE_USER : 0);
}

static inline uint64_t x86_next_table(uint64_t entry)
{
	return vtd_fs_table_ADDR(&entry) << 12;
}

static inline uint64_t x86_page(uint64_t entry, unsigned level)
{
	if (level == 3)
		return vtd_fs_leaf1g_ADDR(&entry) << 30;
	if (level == 2)
		return vtd_fs_leaf2m_ADDR(&entry) << 21;
	return vtd_fs_pte_ADDR(&entry) << 12;
}

static inline uint64_t x86_make_table(uint64_t address, unsigned level)
{
	uint64_t entry = 0;

	(void)level;
	vtd_fs_table_set_P(&entry, 1);
	vtd_fs_table_set_RW(&entry, 1);
	vtd_fs_table_set_US(&entry, 1);
	vtd_fs_table_set_ADDR(&entry, address >> 12);
	return entry;
}

/* What may not be read is not present: there is no other way to say it. */
static inline uint64_t x86_make_leaf(uint64_t address, unsigned level, unsigned rights)
{
	uint64_t entry = 0;

	vtd_fs_pte_set_P(&entry, (rights & PAGE_READ) != 0);
	vtd_fs_pte_set_RW(&entry, (rights & PAGE_WRITE) != 0);
	vtd_fs_pte_set_US(&entry, (rights & PAGE_USER) != 0);
	vtd_fs_pte_set_ADDR(&entry, address >> 12);
	if (level > 1)
		vtd_fs_table_set_PS(&entry, 1);
	return entry;
}

static const struct page_format x86_first_stage = {
	.present = x86_present,
	.leaf = x86_is_leaf,
	.rights = x86_rights,
	.table = x86_next_table,
	.page = x86_page,
	.make_table = x86_make_table,
	.make_leaf = x86_make_leaf,
};

/* Where entries can forbid execution (AMD-Vi 2.2.6). Nothing builds such entries here. */
static inline unsigned x86_rights_nx(uint64_t entry)
{
	return x86_rights(entry) | (amdvi_guest_pte_XD(&entry) ? 0 : PAGE_EXECUTE);
}

static const struct page_format x86_first_stage_nx = {
	.present = x86_present,
	.leaf = x86_is_leaf,
	.rights = x86_rights_nx,
	.table = x86_next_table,
	.page = x86_page,
};

#endif
