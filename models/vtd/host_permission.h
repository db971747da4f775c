/*
 * Host permission tables (VT-d 4.2.4): what translated requests may reach where the context entry has
 * HPTE.
 */
#ifndef IOMMUSIM_VTD_HOST_PERMISSION_H
#define IOMMUSIM_VTD_HOST_PERMISSION_H

#include "models/vtd/tables.h"

/* An entry of a host permission table. */
struct vtd_host_entry {
	uint64_t raw[2];
	uint8_t level; /* 1 to VTD_HOST_LEVELS; 0: none */
};

/* What a walk through such tables is asked, gets and finds. */
struct vtd_host_walk {
	struct vtd_host_entry from; /* known without reading; none: it begins at the top */
	struct walk_path *path;     /* may be NULL */
	/* out */
	uint64_t address;
	struct vtd_host_entry met[VTD_HOST_LEVELS]; /* good entries, in the order of reading */
	uint8_t met_count;
	uint8_t reads; /* entries read from memory, good or not */
	bool decided;  /* the last one did; else it is one that leads on */
};

/* From memory, by a good PASID-table entry: the reason, or 0 and `page` is where the request goes. */
unsigned vtd_find_permission(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights);
/* The same by way of the HPT cache, and what the walk met put there unless `generation` has passed. */
unsigned vtd_look_up_permission(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights);
void vtd_keep_permissions(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_host_walk *walk, uint64_t generation);
/* What an entry grants in the page of an address, and whether it points at a table. */
unsigned vtd_host_rights(const uint64_t raw[2], unsigned level, uint64_t address);
bool vtd_host_leads_on(const uint64_t raw[2], unsigned level);
/* log2 of the pages that entries of a level have permissions for, and the number of one in its entry. */
unsigned vtd_host_page_shift(unsigned level);
unsigned vtd_host_page(unsigned level, uint64_t address);
/* HPTPTR, HPTSZ and HPTDID of a good PASID-table entry in one quadword, and back. */
uint64_t vtd_pack_host_fields(const uint64_t *entry);
void vtd_unpack_host_fields(uint64_t packed, uint64_t *entry);

#endif
