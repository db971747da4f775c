/*
 * A requester, as its own files see it: requester.c (its life, its work, who else speaks to it) and dma.c (its
 * requests). Nobody else looks inside.
 */
#ifndef IOMMUSIM_MACHINE_REQUESTER_H
#define IOMMUSIM_MACHINE_REQUESTER_H

#include "machine/unit_model.h"

#define PRIVATE_ENTRIES 256u /* direct mapped by page number */

/* One translation a requester keeps for itself while the unit's generation stands. */
struct private_entry {
	uint64_t page;       /* address of the page, with bit 0 set: 0 is empty */
	uint64_t generation; /* of the unit when it was filled */
	uint64_t physical;   /* of the page */
	uint64_t entry;
	uint64_t tag;
	uint32_t domain;
	uint8_t shift;
	uint8_t rights;
};

struct iommusim_requester {
	struct iommusim_machine *machine;
	TAILQ_ENTRY(iommusim_requester) link;
	struct iommusim_unit *unit; /* as of `topology` */
	uint64_t topology;
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
	struct iommusim_requester_counters counters;
	struct private_entry private[PRIVATE_ENTRIES];
};

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

#endif
