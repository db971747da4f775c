/*
 * Memory types (VT-d 3.11): what MTRRs, page tables and PASID-table entries make of a page.
 */
#ifndef IOMMUSIM_VTD_MEMORY_TYPE_H
#define IOMMUSIM_VTD_MEMORY_TYPE_H

#include "models/vtd/unit.h"

/* Encodings of MTRRs, EMT and PAT; the last one PAT alone has. */
enum vtd_memory_type {
	VTD_MEMORY_UC = 0,
	VTD_MEMORY_WC = 1,
	VTD_MEMORY_WT = 4,
	VTD_MEMORY_WP = 5,
	VTD_MEMORY_WB = 6,
	VTD_MEMORY_UC_MINUS = 7
};
const char *vtd_mtrr_problem(const struct iommusim_vtd_config *config);
/* MTRRCAP of a unit with these settings. */
uint64_t vtd_mtrr_capability(const struct iommusim_vtd_config *config);
/* The type that the MTRRs give an address (3.11.2). Any thread, without the lock. */
enum vtd_memory_type vtd_mtrr_type(struct vtd_unit *vtd, uint64_t address);
/* Type `index` of a PAT (3.11.1); Table 7. */
enum vtd_memory_type vtd_pat_type(uint32_t pat, unsigned index);
enum vtd_memory_type vtd_effective_type(enum vtd_memory_type mtrr, enum vtd_memory_type pat);
/* What the type of a page hangs on (3.11.4). Members that do not count for a translation may be 0. */
struct vtd_page_typing {
	bool scalable;             /* RTADDR.TTM=01b; else nothing of the rest counts */
	bool cache_disable;        /* PASID entry: CD */
	bool extended;             /* PASID entry: EMTE */
	bool ignore_pat;           /* second-stage leaf: IPAT */
	uint8_t translation;       /* PASID entry: PGTT */
	uint8_t extended_type;     /* second-stage leaf: EMT */
	uint8_t pat_index;         /* first-stage leaf: 4 PAT + 2 PCD + PWT */
	uint32_t pat;              /* PASID entry: PAT */
	enum vtd_memory_type mtrr; /* vtd_mtrr_type() of where the page is */
};
enum vtd_memory_type vtd_memory_type_of(const struct vtd_page_typing *page);

#endif
