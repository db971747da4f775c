/*
 * The outcome of a request of one page without data, for those who have its answer at hand: dma.c, and whoever adds so
 * little to such a request that a call would be much of it. How answers are found is requester.h.
 */
#ifndef IOMMUSIM_MACHINE_QUICK_H
#define IOMMUSIM_MACHINE_QUICK_H

#include "machine/requester.h"

/* A page to which nothing happened. Field by field, for compilers clear a structure of this size with a loop. */
static inline void begin_page(
    struct iommusim_dma_page *page, const struct iommusim_dma_request *request)
{
	static const struct iommusim_fault none;

	page->address = request->address;
	page->length = (uint32_t)request->length;
	page->faulted = page->cached = page->through_cache = page->bus_error = page->answered = false;
	page->granted = 0;
	page->untranslated_only = page->non_snooped = page->privileged = page->interrupt = false;
	page->cached_tag = 0;
	page->fault = none;
}

/* An outcome of one good page. */
static inline void begin_outcome(
    struct iommusim_dma_outcome *outcome, const struct iommusim_dma_request *request)
{
	outcome->bytes_moved = request->length;
	outcome->page_count = 1;
	outcome->pages_faulted = 0;
	outcome->pages_cached = 0;
	outcome->completion = request->kind == IOMMUSIM_DMA_WRITE ? IOMMUSIM_COMPLETION_POSTED
								  : IOMMUSIM_COMPLETION_SUCCESS;
	begin_page(&outcome->page, request);
}

/* What kept_quickly() has found for it; it is counted, too. */
static inline void answer_out_of(struct iommusim_requester *requester, const struct kept_page *kept,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome)
{
	struct iommusim_dma_page *page = &outcome->page;

	begin_outcome(outcome, request);
	outcome->pages_cached = 1;
	page->physical = request->address + kept->answer.physical;
	page->domain = kept->answer.domain;
	page->translated = page->cached = page->through_cache = true;
	page->page_shift = kept->answer.page_shift;
	page->entry = kept->entry;
	page->cached_tag = kept->tag;
	count_quick_hits(requester, 1);
}

#endif
