/* One DMA request, from the device table to the page (AMD-Vi 2.2.2 to 2.2.7). */
#ifndef IOMMUSIM_AMDVI_TRANSLATE_H
#define IOMMUSIM_AMDVI_TRANSLATE_H

#include "models/amdvi/unit.h"

void amdvi_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights);
bool amdvi_plan(struct iommusim_unit *unit, const struct page_request *request, struct plan *plan);
/*
 * Into the caches what the tables have for a read of one page, if it may be read. Nothing is logged, and no flag is
 * set: a page that would get one is left to its first request. Control side, without the lock.
 */
void amdvi_prefetch(struct amdvi_unit *amdvi, const struct page_request *request);
void amdvi_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk);

/* Peripheral page requests (AMD-Vi 2.6): page_request.c. */
void amdvi_request_page(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome);

#endif
