/* What each invalidation takes out of the caches (AMD-Vi 2.4.2 to 2.4.8). Which command asks: command.c. */
#include "models/amdvi/invalidate.h"

#include "machine/sized_range.h"

static void invalidate(struct amdvi_unit *amdvi, struct cache *cache, const struct cache_filter *filter)
{
	if (amdvi->unit.settings.drop_invalidations)
		return;
	pthread_mutex_lock(&amdvi->unit.lock);
	cache_invalidate(cache, filter);
	unit_outdate(&amdvi->unit); /* a walk that is under way must not fill in what it read before */
	pthread_mutex_unlock(&amdvi->unit.lock);
}

void amdvi_invalidation_range(uint64_t address, bool sized, uint64_t *first, uint64_t *last)
{
	const struct sized_range range = sized_range(address >> IOMMUSIM_PAGE_SHIFT, sized);

	*first = range.first;
	*last = range.last;
}

void amdvi_invalidate_device(struct amdvi_unit *amdvi, uint16_t device)
{
	const struct cache_filter filter = { .by_source = true, .source = device };

	invalidate(amdvi, &amdvi->device_cache, &filter);
}

void amdvi_invalidate_interrupts(struct amdvi_unit *amdvi, uint16_t device)
{
	const struct cache_filter filter = { .by_source = true, .source = device };

	invalidate(amdvi, &amdvi->interrupt_cache, &filter);
}

/*
 * Addresses are those of the tables that are named: guest virtual ones with GN. Without it they are those
 * that host tables translate; what a guest table led to may have come by any of them, and goes altogether
 * (AMD-Vi 2.4.3).
 */
void amdvi_invalidate_pages(struct amdvi_unit *amdvi, const struct amdvi_invalidation *what)
{
	struct cache_filter pages = {
		.kinds = what->guest ? AMDVI_GUEST_KINDS : AMDVI_HOST_KINDS,
		.by_domain = true,
		.domain = what->domain,
		.by_pasid = what->guest,
		.pasid = what->pasid,
		.by_range = true,
		.first = what->first,
		.last = what->last,
	};
	struct cache_filter nested = pages;

	nested.kinds = AMDVI_GUEST_KINDS;
	nested.by_range = false;
	if (what->directories)
		invalidate(amdvi, &amdvi->paging_cache, &pages);
	if (what->directories && !what->guest)
		invalidate(amdvi, &amdvi->paging_cache, &nested);
	invalidate(amdvi, &amdvi->iotlb, &pages);
	if (!what->guest)
		invalidate(amdvi, &amdvi->iotlb, &nested);
}

void amdvi_invalidate_addresses(struct amdvi_unit *amdvi, uint64_t first, uint64_t last)
{
	const struct cache_filter pages = { .by_range = true, .first = first, .last = last };

	invalidate(amdvi, &amdvi->paging_cache, &pages);
	invalidate(amdvi, &amdvi->iotlb, &pages);
}

void amdvi_invalidate_everything(struct amdvi_unit *amdvi)
{
	const struct cache_filter all = { .by_domain = false };

	invalidate(amdvi, &amdvi->device_cache, &all);
	invalidate(amdvi, &amdvi->paging_cache, &all);
	invalidate(amdvi, &amdvi->iotlb, &all);
	invalidate(amdvi, &amdvi->interrupt_cache, &all);
}
