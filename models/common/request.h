/* What of a request units of every vendor ask about; what becomes of it is the models' business. */
#ifndef IOMMUSIM_MODELS_REQUEST_H
#define IOMMUSIM_MODELS_REQUEST_H

#include "machine/interrupt_range.h"
#include "machine/unit_model.h"

static inline bool request_is_untranslated(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_UNTRANSLATED;
}

static inline bool request_is_translated(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_TRANSLATED;
}

/* A translation request: it moves no data. */
static inline bool request_is_for_translation(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST;
}

/* A write that says it is a translation request: malformed (VT-d 4.2.1). */
static inline bool request_is_malformed(const struct page_request *request)
{
	return request_is_for_translation(request) && request->kind != IOMMUSIM_DMA_READ;
}

/*
 * At an address where interrupts live: one doubleword written is an interrupt, and a read without bytes
 * flushes those before it. Nothing else may be there.
 */
static inline bool request_suits_interrupts(const struct page_request *request)
{
	const bool interrupt =
	    request->kind == IOMMUSIM_DMA_WRITE && request->length == 4 && request->address % 4 == 0;
	const bool flush = request->kind == IOMMUSIM_DMA_READ && request->length == 0;

	return interrupt || flush;
}

/* The device is told Unsupported Request, and nothing is reported. */
static inline void request_refuse(struct iommusim_dma_page *page)
{
	page->faulted = true;
	page->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
}

/* Translation is off: what asks for it is refused, all else passes. */
static inline void request_pass(const struct page_request *request, struct iommusim_dma_page *page)
{
	page->physical = request->address;
	if (!request_is_untranslated(request))
		request_refuse(page);
}

/* May a write come of it? A translation request counts as one if it gets that right, and `wants` it. */
static inline bool request_writes(const struct page_request *request, bool wants, unsigned rights)
{
	if (request_is_for_translation(request))
		return wants && (rights & RIGHT_WRITE) != 0;
	return request->kind != IOMMUSIM_DMA_READ;
}

#endif
