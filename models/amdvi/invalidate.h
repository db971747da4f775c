/* What each invalidation takes out of the caches (AMD-Vi 2.4.2 to 2.4.8). Control side, without the lock. */
#ifndef IOMMUSIM_AMDVI_INVALIDATE_H
#define IOMMUSIM_AMDVI_INVALIDATE_H

#include "models/amdvi/unit.h"

/*
 * Kinds of cached translations and of entries that point at tables (struct cached.kind): of host tables,
 * by the address that those translate, or of no tables at all; and of guest tables, alone or nested, by
 * guest virtual address.
 */
enum amdvi_cached_kind { AMDVI_CACHED_HOST, AMDVI_CACHED_GUEST };
#define AMDVI_HOST_KINDS  (1u << AMDVI_CACHED_HOST)
#define AMDVI_GUEST_KINDS (1u << AMDVI_CACHED_GUEST)

/* Pages of one domain. */
struct amdvi_invalidation {
	uint64_t first; /* addresses, both inclusive */
	uint64_t last;
	uint32_t pasid;
	uint16_t domain;
	bool guest;       /* GN: of one PASID; else of all tables of the domain */
	bool directories; /* PDE: entries that point at tables too */
};

/*
 * The range that an address field and its S bit say: one page, or 2^n pages by the lowest 0 of the address
 * from bit 12 on; 7FFF_FFFF_FFFF_F000h and more is everything (AMD-Vi 2.4.3). `address` has 11:0 clear.
 */
void amdvi_invalidation_range(uint64_t address, bool sized, uint64_t *first, uint64_t *last);

void amdvi_invalidate_device(struct amdvi_unit *amdvi, uint16_t device);
void amdvi_invalidate_pages(struct amdvi_unit *amdvi, const struct amdvi_invalidation *what);
/* Translations of every domain, by addresses of either kind, both inclusive. */
void amdvi_invalidate_addresses(struct amdvi_unit *amdvi, uint64_t first, uint64_t last);
void amdvi_invalidate_interrupts(struct amdvi_unit *amdvi, uint16_t device);
void amdvi_invalidate_everything(struct amdvi_unit *amdvi);

#endif
