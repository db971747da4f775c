/*
 * VT-d second-stage paging entries (VT-d 9.8). Levels: 1 SS-PTE, 2 SS-PDE, 3 SS-PDPE, 4 SS-PML4E,
 * 5 SS-PML5E; leaves at 1 (4 KiB), 2 (2 MiB) and 3 (1 GiB).
 */
#ifndef IOMMUSIM_FORMATS_VTD_SECOND_STAGE_H
#define IOMMUSIM_FORMATS_VTD_SECOND_STAGE_H

#include "models/formats/page_format.h"
#include "models/vtd/spec/vtd.h"

/* Present is R or W: with both 0 every other bit is ignored (VT-d 3.7). */
static inline bool vtd_ss_present(uint64_t entry)
{
	return vtd_ss_pte_R(&entry) || vtd_ss_pte_W(&entry);
}

/* From level 4 up bit 7 is reserved, not a page size: the entry counts as a pointer. */
static inline bool vtd_ss_is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || (level <= 3 && vtd_ss_table_PS(&entry));
}

static inline unsigned vtd_ss_rights(uint64_t entry)
{
	return (vtd_ss_pte_R(&entry) ? PAGE_READ : 0) | (vtd_ss_pte_W(&entry) ? PAGE_WRITE : 0);
}

static inline uint64_t vtd_ss_next_table(uint64_t entry)
{
	return vtd_ss_table_ADDR(&entry) << 12;
}

static inline uint64_t vtd_ss_page(uint64_t entry, unsigned level)
{
	if (level == 3)
		return vtd_ss_leaf1g_ADDR(&entry) << 30;
	if (level == 2)
		return vtd_ss_leaf2m_ADDR(&entry) << 21;
	return vtd_ss_pte_ADDR(&entry) << 12;
}

static inline uint64_t vtd_ss_make_table(uint64_t address, unsigned level)
{
	uint64_t entry = 0;

	(void)level;
	vtd_ss_table_set_R(&entry, 1);
	vtd_ss_table_set_W(&entry, 1);
	vtd_ss_table_set_ADDR(&entry, address >> 12);
	return entry;
}

static inline uint64_t vtd_ss_make_leaf(uint64_t address, unsigned level, unsigned rights)
{
	uint64_t entry = 0;

	vtd_ss_pte_set_R(&entry, (rights & PAGE_READ) != 0);
	vtd_ss_pte_set_W(&entry, (rights & PAGE_WRITE) != 0);
	vtd_ss_pte_set_ADDR(&entry, address >> 12);
	if (level > 1)
		vtd_ss_table_set_PS(&entry, 1);
	return entry;
}

static const struct page_format vtd_second_stage = {
	.present = vtd_ss_present,
	.leaf = vtd_ss_is_leaf,
	.rights = vtd_ss_rights,
	.table = vtd_ss_next_table,
	.page = vtd_ss_page,
	.make_table = vtd_ss_make_table,
	.make_leaf = vtd_ss_make_leaf,
};

/* Where RTADDR.SSIRWE is set, IR and IW stand for R and W (VT-d 9.8). Everything else is the same. */
static inline unsigned vtd_ss_rights_io(uint64_t entry)
{
	return (vtd_ss_io_rights_IR(&entry) ? PAGE_READ : 0) |
	    (vtd_ss_io_rights_IW(&entry) ? PAGE_WRITE : 0);
}

static inline bool vtd_ss_io_present(uint64_t entry)
{
	return vtd_ss_rights_io(entry) != 0;
}

static const struct page_format vtd_second_stage_io = {
	.present = vtd_ss_io_present,
	.leaf = vtd_ss_is_leaf,
	.rights = vtd_ss_rights_io,
	.table = vtd_ss_next_table,
	.page = vtd_ss_page,
};

#endif
