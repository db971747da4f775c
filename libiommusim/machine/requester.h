/*
 * A requester, as its own files see it: requester.c (its life, its work, who else speaks to it), dma.c (its
 * requests) and translate.c (the quick way). Nobody else looks inside but by quick.h.
 */
#ifndef IOMMUSIM_MACHINE_REQUESTER_H
#define IOMMUSIM_MACHINE_REQUESTER_H

#include "machine/plan.h"
#include "machine/unit_model.h"

/* ---- what a requester keeps ------------------------------------------------------------------------------ */

#define KEPT_PAGES 256u /* direct mapped by page number */
#define KEPT_KINDS 3u   /* of enum iommusim_dma_kind */

/*
 * One translation that a requester keeps for itself: what the unit's cache would answer until something changes. All
 * that a hit needs stands in one line of the processor's cache.
 */
struct kept_page {
	uint64_t
	    number; /* of the page, and what is odd about it (below); says nothing under a stamp of 0 */
	uint64_t stamp
	    [KEPT_KINDS]; /* the machine's when it was filled, for each kind that is allowed; else 0 */
	struct iommusim_translation answer; /* `physical`: what is added to an address of the page */
	uint64_t entry;
	uint64_t tag;
};

/* What the quick way leaves to the slow one. */
#define KEPT_NO_MEMORY   (UINT64_C(1) << 63) /* there is nothing at the page */
#define KEPT_NON_SNOOPED (UINT64_C(1) << 62)
#define KEPT_UNCACHED    (UINT64_C(1) << 61) /* the unit would not answer it out of a cache */
#define KEPT_ODD         (KEPT_NO_MEMORY | KEPT_NON_SNOOPED | KEPT_UNCACHED)

static inline uint64_t kept_number(uint64_t address)
{
	return address >> IOMMUSIM_PAGE_SHIFT;
}

/* Requests under one stamp that are not planned before a plan is made: making one takes as long as a few. */
#define UNPLANNED_REQUESTS 8u

/* ---- the requester --------------------------------------------------------------------------------------- */

struct iommusim_requester {
	struct iommusim_machine *machine;
	TAILQ_ENTRY(iommusim_requester) link;
	struct iommusim_unit *unit; /* as of `topology` */
	uint64_t topology;
	uint64_t stamp;           /* the machine's when this work began */
	_Atomic uint64_t working; /* the epoch this requester works under; 0: it does not */
	unsigned depth;           /* of work within work; only its own thread looks */
	/* One tick a request: counted here, so that threads share no line; only this requester stores. */
	_Atomic uint64_t ticks;
	uint16_t segment;
	uint16_t rid;
	uint16_t function; /* whose requests these are: `rid` mostly */
	uint16_t carried;  /* as of `topology`: the id that its requests carry to the unit */
	bool muted;        /* as of `topology`: its function is no bus master */
	bool silent;       /* does not answer invalidations */
	struct ats ats;
	struct page_responses responses;
	struct iommusim_requester_counters counters; /* but for what comes next */
	/* requests of one page that were answered out of `kept`, or by `plan`: ticks, too */
	_Atomic uint64_t quick_hits;
	_Atomic uint64_t quick_walks;
	uint64_t unplanned_stamp; /* under which `unplanned` requests had no plan */
	uint64_t unplanned;
	struct plan plan;
	struct kept_page kept[KEPT_PAGES];
	uint8_t behind[MACHINE_LINE]; /* the next requester is another thread's */
};

#define KEPT_SHIFT 6u
_Static_assert(sizeof(struct kept_page) == 1u << KEPT_SHIFT, "a page that is kept has a line");

/* Where an address is kept, if it is: the number of its page, as an offset. Everything a hit takes waits for this. */
static inline const struct kept_page *requester_kept(
    const struct iommusim_requester *requester, uint64_t address)
{
	const uint64_t at =
	    address >> (IOMMUSIM_PAGE_SHIFT - KEPT_SHIFT) & (uint64_t)(KEPT_PAGES - 1) << KEPT_SHIFT;

	return (const struct kept_page *)(const void *)((const uint8_t *)requester->kept + at);
}

/* One tick a request. Thread: the requester's. */
static inline void requester_tick(struct iommusim_requester *requester)
{
	atomic_store_explicit(&requester->ticks,
	    atomic_load_explicit(&requester->ticks, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* What a bridge on the way makes of the requester id, as firmware tells it of the unit. */
static inline uint16_t requester_carried_id(
    const struct iommusim_requester *requester, const struct iommusim_unit *unit)
{
	return unit == NULL ? requester->rid : iommusim_unit_carried_id(unit, requester->rid);
}

/* ---- the quick way ---------------------------------------------------------------------------------------- */

/* Kind and address type in one number, which is the kind of an untranslated request. */
static inline uint64_t request_kind(const struct iommusim_dma_request *request)
{
	return (uint64_t)(unsigned)request->address_type << 32 | (unsigned)request->kind;
}

/* Well-formed for sure, and without a PASID or an address type: nothing but address and kind decides. */
static inline bool request_is_plain(const struct iommusim_dma_request *request)
{
	return request_kind(request) <= IOMMUSIM_DMA_ATOMIC && !request->has_pasid &&
	    request->length != 0;
}

/* In one page, too. */
static inline bool request_is_quick(const struct iommusim_dma_request *request)
{
	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);

	return request_is_plain(request) && request->length <= IOMMUSIM_PAGE_SIZE - in_page;
}

/* What is kept of an address, if it answers such a request under the machine's stamp. */
static inline const struct kept_page *kept_quickly(
    const struct iommusim_requester *requester, uint64_t stamp, uint64_t kind, uint64_t address)
{
	const struct kept_page *kept = requester_kept(requester, address);

	return kept->number == kept_number(address) && kept->stamp[kind] == stamp ? kept : NULL;
}

static inline uint64_t stamp_now(const struct iommusim_requester *requester)
{
	return atomic_load_explicit(&requester->machine->stamp, memory_order_acquire);
}

/*
 * The page of such a request by plan: near the last one, or anywhere. `stamp` is the machine's, read before. What plans
 * read is read with acquire order, and so before the stamp is read again.
 */
static inline bool planned_near(const struct iommusim_requester *requester, uint64_t stamp,
    uint64_t kind, uint64_t address, struct plan_page *page)
{
	return requester->plan.stamp == stamp &&
	    plan_find_near(&requester->plan, kind, address, page) && stamp_now(requester) == stamp;
}

static inline bool planned_anywhere(struct iommusim_requester *requester, uint64_t stamp,
    enum iommusim_dma_kind kind, uint64_t address, struct plan_page *page)
{
	return requester->plan.stamp == stamp && plan_find(&requester->plan, kind, address, page) &&
	    stamp_now(requester) == stamp;
}

static inline void count_quick_walks(struct iommusim_requester *requester, uint64_t count)
{
	atomic_store_explicit(&requester->quick_walks,
	    atomic_load_explicit(&requester->quick_walks, memory_order_relaxed) + count,
	    memory_order_relaxed);
}

static inline void count_quick_hits(struct iommusim_requester *requester, uint64_t count)
{
	atomic_store_explicit(&requester->quick_hits,
	    atomic_load_explicit(&requester->quick_hits, memory_order_relaxed) + count,
	    memory_order_relaxed);
}

#endif
