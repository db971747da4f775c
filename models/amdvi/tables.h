/*
 * The way of a request through device table entry, GCR3 table, guest and host tables: how it is translated,
 * and the page. On what memory holds; caches and events are around it (translate.h). Changes nothing.
 */
#ifndef IOMMUSIM_AMDVI_TABLES_H
#define IOMMUSIM_AMDVI_TABLES_H

#include "models/amdvi/denial.h"
#include "models/amdvi/device_table.h"
#include "models/common/request.h"
#include "models/common/walk.h"

/* How a request is translated: what its device table entry comes to. */
struct amdvi_space {
	uint64_t host_table;
	uint64_t gcr3;
	uint32_t pasid; /* that selects guest tables, and tags what is cached of them */
	uint16_t domain;
	uint8_t host_levels;  /* DTE.Mode; 0: none */
	uint8_t guest_levels; /* 4 or 5 */
	uint8_t gcr3_levels;  /* 1 to 3 */
	uint8_t rights;       /* DTE.IR and DTE.IW */
	bool guest;           /* through guest tables */
	bool gcr3_is_guest;   /* the GCR3 tables have guest addresses too */
	bool canonical;       /* guest addresses are sign-extended */
	bool privileged;
	bool snoops; /* tables are read in processor caches: DTE.SD=0 */
	bool keeps;  /* the IOTLB keeps what is found */
	bool host_accessed;
	bool host_dirty;
	bool guest_accessed;
	bool guest_dirty;
};

/* Nested: guest tables with guest addresses. */
static inline bool amdvi_is_nested(const struct amdvi_space *space)
{
	return space->guest && space->host_levels != 0;
}

/* Below it no address is special but those of interrupts. */
uint64_t amdvi_first_special_address(void);

/* What of a device table entry decided about a request. */
enum amdvi_ending { AMDVI_AT_DEVICE, AMDVI_PASSED, AMDVI_EXCLUDED, AMDVI_ROUTED };

/*
 * What the unit does with a request by its good device table entry (V=1) alone: *ends* it, `*reason` set or
 * `page` where it goes, `*rights` what is allowed there; or false, and it goes on by `space`.
 */
bool amdvi_ends_at_device(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct iommusim_dma_page *page, unsigned *rights,
    unsigned *reason, enum amdvi_ending *ending);
/* How the tables are to be gone through; the reason when they cannot. */
unsigned amdvi_find_space(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct amdvi_space *space);
/* The page of a request in a space. `walk` has shortcut, marks and path set; its rights are without the DTE's. */
unsigned amdvi_find_page(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_space *space, struct stage_walk *walk, struct iommusim_dma_page *page);
/* Does a translation count as a write of its page? Rights that it gives: `rights`. */
bool amdvi_writes(const struct page_request *request, unsigned rights);
/* Do rights suffice for the request, execution included? */
unsigned amdvi_check_rights(const struct page_request *request, const struct amdvi_space *space,
    unsigned rights, bool executable);

/* host_stage.c: Mode 1 to 6. `walk->address` may be too wide. */
unsigned amdvi_walk_host(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct stage_walk *walk);

/* guest_stage.c: GCR3 table and guest tables, through the host's when nested */
unsigned amdvi_walk_guest(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct stage_walk *walk);

/* SNP is in force: the unit has it, and somebody knows the state of pages. */
static inline bool amdvi_snp(const struct amdvi_unit *amdvi)
{
	return amdvi_EFR_SNPSUP(amdvi->features) != 0 && amdvi->page_states.allowed != NULL;
}

#endif
