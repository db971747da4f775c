/*
 * One translation in an IOTLB: how it is kept, and what a hit says of a page. Whose it is, whether it may answer
 * and what else goes with it is the models' business; the cache itself is cache.h.
 */
#ifndef IOMMUSIM_MODELS_IOTLB_H
#define IOMMUSIM_MODELS_IOTLB_H

#include "models/common/cache.h"

/* What it keeps in its values: the page, the leaf entry, and the model's flags with a reason to deny. */
enum { IOTLB_PAGE, IOTLB_ENTRY, IOTLB_MORE };

/* The flags are below the reason. */
#define IOTLB_REASON_SHIFT 8u

static inline uint64_t iotlb_more(unsigned reason, unsigned flags)
{
	return (uint64_t)reason << IOTLB_REASON_SHIFT | flags;
}

static inline bool iotlb_has(const struct cached *entry, unsigned flag)
{
	return (entry->value[IOTLB_MORE] & flag) != 0;
}

static inline unsigned iotlb_reason(const struct cached *entry)
{
	return (unsigned)(entry->value[IOTLB_MORE] >> IOTLB_REASON_SHIFT);
}

/*
 * Keep what was found for a request: `found`, a page; else what is denied, of 4 KiB. `like` says whose it is:
 * domain, PASID, kind, rights, flags but CACHED_WITH_PASID, and value[IOTLB_MORE]. Lock held.
 */
void iotlb_keep(struct cache *iotlb, const struct page_request *request,
    const struct iommusim_dma_page *page, bool found, const struct cached *like);

/* A hit: what it says of the page; with `found` there is one. */
void iotlb_answer(const struct cached *entry, const struct page_request *request, bool found,
    struct iommusim_dma_page *page);

#endif
