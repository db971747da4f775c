/* Translations into and out of an IOTLB; who may be answered by one, and what a fault is: the models. */
#include "models/common/iotlb.h"

#include "models/common/spec/spec.h"

void iotlb_keep(struct cache *iotlb, const struct page_request *request,
    const struct iommusim_dma_page *page, bool found, const struct cached *like)
{
	const unsigned shift = found ? page->page_shift : IOMMUSIM_PAGE_SHIFT;
	struct cached entry = *like;

	entry.key = request->address >> shift << shift;
	entry.value[IOTLB_PAGE] = page->physical >> shift << shift;
	entry.value[IOTLB_ENTRY] = page->entry;
	entry.tag = request->tag;
	entry.source = request->rid;
	entry.shift = (uint8_t)shift;
	if (request->has_pasid)
		entry.flags |= CACHED_WITH_PASID;
	cache_insert(iotlb, &entry);
}

void iotlb_answer(const struct cached *entry, const struct page_request *request, bool found,
    struct iommusim_dma_page *page)
{
	if (found) {
		page->physical =
		    entry->value[IOTLB_PAGE] | (request->address & SPEC_MASK(entry->shift - 1, 0));
		page->page_shift = entry->shift;
	}
	page->entry = entry->value[IOTLB_ENTRY];
	page->domain = entry->domain;
	page->cached_tag = entry->tag;
	page->translated = true;
	page->cached = true;
}
