/*
 * DMA that was fine lately, and all that this depends on. A request that is like one of them, goes where that went, and
 * meets nothing that has changed since is fine, too: nothing of it need be judged again. Private to libiommusim/check.
 *
 * An OK of the ledger's depends on the page that the request reached, which is looked at each time, on what calls asked
 * for, on functions, units, VMs and memory, and on nothing being owed by anybody. Each change of those makes the moment
 * another one (check_moment()). What tables say is none of it: it decides where the request goes.
 */
#ifndef IOMMUSIM_CHECK_FINE_H
#define IOMMUSIM_CHECK_FINE_H

#include <iommusim/check.h>

#include "machine/state.h"

#define FINE_PAGES 256u /* direct mapped by page number */

/* As long as a line of the processor's cache. */
struct fine {
	uint64_t number; /* of the page, and one: 0 is empty */
	uint64_t manner; /* of the request (fine_manner()) */
	const struct iommusim_requester *requester;
	uint64_t moment;   /* from which on this has been so */
	uint64_t physical; /* where the page's first byte went */
	uint64_t owner_gpa;
	const char *owner_vm; /* interned; NULL: not a VM's page */
	enum iommusim_owner owner;
};

/* Within one page, and by no translation of the device's own. */
static inline bool fine_asks(const struct iommusim_dma_request *request)
{
	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);

	return (unsigned)request->kind <= IOMMUSIM_DMA_ATOMIC &&
	    request->address_type == IOMMUSIM_DMA_UNTRANSLATED &&
	    request->length - 1 < IOMMUSIM_PAGE_SIZE - in_page;
}

/* What such a request is beside its address and length: equal for equal ones alone. */
static inline uint64_t fine_manner(const struct iommusim_dma_request *request)
{
	if (!request->has_pasid)
		return (uint64_t)request->kind;
	return (uint64_t)request->pasid << 8 | (uint64_t)request->execute << 4 |
	    (uint64_t)request->privileged << 3 | 4 | (uint64_t)request->kind;
}

static inline size_t fine_place(uint64_t address)
{
	return address >> IOMMUSIM_PAGE_SHIFT & (FINE_PAGES - 1);
}

static inline uint64_t fine_number(uint64_t address)
{
	return (address >> IOMMUSIM_PAGE_SHIFT) + 1;
}

/* Is the outcome of one page what makes such a request fine? `physical` is the page's, or the address's if that is it. */
static inline bool fine_reaches(const struct iommusim_dma_page *page, uint64_t physical)
{
	return !page->faulted && page->translated && !page->bus_error && !page->interrupt &&
	    !page->answered && page->physical == physical + (page->address & (IOMMUSIM_PAGE_SIZE - 1));
}

struct iommusim_check;

/*
 * fine.c: a DMA that was made, judged and reported is fine; it began at that moment, with so many findings. It is
 * remembered, if all that makes it so is known.
 */
void fine_keep(struct iommusim_check *check, const struct iommusim_requester *requester,
    const struct iommusim_report *report, uint64_t moment, size_t findings);

#endif
