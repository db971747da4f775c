/*
 * What is known of a DMA while it is judged, and what those who judge, explain and report it ask of each other.
 * Private to libiommusim/check.
 */
#ifndef IOMMUSIM_CHECK_VERDICT_H
#define IOMMUSIM_CHECK_VERDICT_H

#include "check/state.h"

/* Everything about a request that does not change from page to page. */
struct judge {
	struct iommusim_check *check;
	struct iommusim_requester *requester;
	const struct iommusim_dma_request *request;
	const struct iommusim_vm *assigned;    /* the VM the device is assigned to */
	const struct iommusim_vm *beneficiary; /* on whose behalf; NULL: the host */
	const struct check_device *device;     /* NULL: no call ever named it */
	bool host_device;                      /* a function that the host may use for itself */
};

/* verdict.c: `for_vm` as the caller names it, or NULL */
struct judge judge_for(struct iommusim_check *check, struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct iommusim_vm *for_vm);

/* The domain that the device is in; NULL: none. */
static inline struct check_domain *judge_domain(const struct judge *judge)
{
	return judge->device == NULL ? NULL : judge->device->domain;
}

/* What intent says about an address in the device's domain. */
struct pagemap_cell judge_intent(const struct judge *judge, uint64_t address);

/* Into the report, which is cleared: verdict, pages of it, and the first page whose verdict is not OK, else the first. */
void judge_pages(const struct judge *judge, const struct iommusim_dma_page *pages, size_t count,
    struct iommusim_report *report);

/* why.c: all that a report gives as reasons, when those are in it already. */
void judge_explain(const struct judge *judge, struct iommusim_report *report);

#endif
