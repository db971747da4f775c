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

#include <stddef.h>
#include <string.h>

#include <iommusim/check.h>

#include "machine/state.h"

#define FINE_PAGES  256u /* direct mapped by page number */
#define FINE_MANNER 16u  /* bytes (fine_manner()) */

/* As long as a line of the processor's cache. */
struct fine {
	uint64_t number; /* of the page, and one: 0 is empty */
	const struct iommusim_requester *requester;
	uint8_t manner[FINE_MANNER]; /* of the request */
	uint64_t moment;             /* from which on this has been so */
	uint64_t physical;           /* where the page's first byte went */
	uint64_t owner;              /* enum iommusim_owner; OWNER_VM: above that which guest page, */
	const char *owner_vm;        /* and whose, interned */
};

/* Within one page, and by no translation of the device's own. */
static inline bool fine_asks(const struct iommusim_dma_request *request)
{
	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);

	return (unsigned)request->kind <= IOMMUSIM_DMA_ATOMIC &&
	    request->address_type == IOMMUSIM_DMA_UNTRANSLATED &&
	    request->length - 1 < IOMMUSIM_PAGE_SIZE - in_page;
}

/* Kind, address type, PASID and rights stand in a row: requests of which these are equal are equal but for addresses. */
static inline const void *fine_manner(const struct iommusim_dma_request *request)
{
	_Static_assert(offsetof(struct iommusim_dma_request, pasid) + sizeof(request->pasid) -
		    offsetof(struct iommusim_dma_request, kind) ==
		FINE_MANNER,
	    "all that says how it is asked for");
	return (const uint8_t *)request + offsetof(struct iommusim_dma_request, kind);
}

static inline bool fine_is_like(const struct iommusim_dma_request *request, const uint8_t *manner)
{
	return memcmp(fine_manner(request), manner, FINE_MANNER) == 0;
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
