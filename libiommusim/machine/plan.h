/*
 * A plan: what all requests of a requester without PASID or address type meet the same on the way to their page, so
 * that they need not be told of it again: the entries that lead to the page tables, what good paging entries look
 * like there, and the paging entries of the upper levels that were met last. A unit without caches reads every entry
 * for every request. So does a plan: each entry is read again and compared with what it was, and when any differs, or
 * a paging entry is not plain, the model has to answer.
 *
 * Models make plans, requesters use them. A plan is good as long as the machine's stamp stands.
 */
#ifndef IOMMUSIM_MACHINE_PLAN_H
#define IOMMUSIM_MACHINE_PLAN_H

#include <iommusim/dma.h>

#include "machine/interrupt_range.h"

#include "machine/memory_access.h"
#include "models/formats/page_plain.h"

#define PLAN_ENTRIES                                                                                   \
	2u            /* of 16 bytes: root and context entry (VT-d), or a device table entry's halves */
#define PLAN_UPPER 2u /* paging entries above level 2 that are remembered */
#define PLAN_KINDS 3u /* of enum iommusim_dma_kind */

struct plan_entry {
	const uint64_t *at; /* as the unit sees memory */
	uint64_t value[2];
};

/*
 * The entries of level 2 that most are: nothing in them but what makes them good for every kind of request, and a
 * table in the window. One subtraction tells them from others: those are looked at bit by bit.
 */
struct plan_usual {
	uint64_t first; /* the one that leads to the first table in the window */
	uint64_t room;  /* of the window; 0: none is to be told so */
};

struct plan {
	uint64_t stamp; /* the machine's when it was made; 0: there is no plan */
	struct plan_entry entries[PLAN_ENTRIES];
	/*
	 * The 1 GiB that was asked for last, and by which kind of request; PLAN_NOBODY: none. `upper` are the paging
	 * entries on the way there down to level 3, of four levels at most, the last one repeated; `tables` is where
	 * they lead, and `place_plain` what entries must look like for that kind, as `usual` says it in short.
	 */
	uint64_t place;
	uint64_t place_kind;
	const uint64_t *upper[PLAN_UPPER];
	uint64_t upper_value[PLAN_UPPER];
	const uint64_t *tables;
	const struct page_plain *place_plain;
	struct plan_usual usual;
	/* The window of memory that the page tables are in, as the unit sees it; what is elsewhere is not planned. */
	uint64_t window_base;
	uint64_t window_length;
	const uint8_t *window;
	uint64_t root;
	uint64_t limit;                     /* addresses from here on are not planned */
	uint64_t snooped_by;                /* a leaf with this bit must be snooped: non_snooped */
	struct iommusim_translation answer; /* what all of them have in common */
	uint8_t levels;

	struct page_plain plain[PLAN_KINDS];
	struct plan_usual kinds_usual[PLAN_KINDS];
};

/* What was found. */
struct plan_page {
	uint64_t physical; /* of the address */
	uint64_t entry;
	uint8_t shift;
};

#define PLAN_PLACE_SHIFT   30u
#define PLAN_PLACE_ENTRIES 512u /* of level 2 */
#define PLAN_NOBODY        UINT64_MAX

/* Which of a place's entries of level 2 an address is under; beyond them, it is elsewhere. */
static inline uint64_t plan_place_index(uint64_t place, uint64_t address)
{
	return (address - place) >> page_level_shift(2);
}

/* Acquire: what software stored before it is seen too, and it is read before whatever is read next. */
static inline uint64_t plan_load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/*
 * Is an entry of 16 bytes what it was? The first half is read again at last: neither half has changed while the other
 * was read (memory_load128()).
 */
static inline bool plan_entry_stands(const struct plan_entry *entry)
{
	const uint64_t *at = entry->at;
	const uint64_t first = entry->value[0];

	return plan_load(at) == first && plan_load(at + 1) == entry->value[1] && plan_load(at) == first;
}

/* Is all above the page tables as it was? */
static inline bool plan_stands(const struct plan *plan)
{
	return plan_entry_stands(&plan->entries[0]) && plan_entry_stands(&plan->entries[1]);
}

/* And the paging entries on the way to `place` above level 2? */
static inline bool plan_place_stands(const struct plan *plan)
{
	return plan_load(plan->upper[0]) == plan->upper_value[0] &&
	    plan_load(plan->upper[1]) == plan->upper_value[1];
}

/* Is the table where plans read tables? And where that is. */
static inline bool plan_has_table(const struct plan *plan, uint64_t table)
{
	return table - plan->window_base < plan->window_length;
}

static inline const uint64_t *plan_table(const struct plan *plan, uint64_t table)
{
	return (const uint64_t *)(const void *)(plan->window + (table - plan->window_base));
}

static inline __attribute__((always_inline)) bool plan_take_leaf(const struct page_plain *plain,
    unsigned level, uint64_t address, uint64_t entry, struct plan_page *page)
{
	const uint64_t offset = (UINT64_C(1) << page_level_shift(level)) - 1;

	if (__builtin_expect(!page_plain_is(&plain->leaf[level], entry), 0))
		return false;
	page->physical = (entry & plain->page_bits[level]) | (address & offset);
	page->entry = entry;
	page->shift = (uint8_t)page_level_shift(level);
	/* Where interrupts live no page is: VT-d denies it. */
	return !is_interrupt_address(page->physical);
}

/* Where the last entry for an address is, under an entry of level 2, if that is a usual one. */
static inline bool plan_usual_leaf(const struct plan_usual *usual, const uint8_t *window,
    uint64_t entry, uint64_t address, const uint64_t **leaf)
{
	const uint64_t at = entry - usual->first;

	if (at >= usual->room || (at & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		return false;
	*leaf = (const uint64_t *)(const void *)(window + at) + page_level_index(address, 1);
	return true;
}

/* From the level 2 entry on, which is at `at`: a usual one or a page. False: it is neither, or not planned. */
static inline __attribute__((always_inline)) bool plan_find_below(
    const struct plan *plan, const uint64_t *at, uint64_t address, struct plan_page *page)
{
	const struct page_plain *plain = plan->place_plain;
	const uint64_t entry = plan_load(at);
	const uint64_t *leaf;

	if (__builtin_expect(!plan_usual_leaf(&plan->usual, plan->window, entry, address, &leaf), 0))
		return plan_take_leaf(plain, 2, address, entry, page);
	return plan_take_leaf(plain, 1, address, plan_load(leaf), page);
}

/* The page of an address in `place`, by the entries as they are now. False: plan_find() knows. */
static inline __attribute__((always_inline)) bool plan_find_near(
    const struct plan *plan, uint64_t kind, uint64_t address, struct plan_page *page)
{
	const uint64_t index = plan_place_index(plan->place, address);

	return plan->place_kind == kind && index < PLAN_PLACE_ENTRIES && plan_stands(plan) &&
	    plan_place_stands(plan) && plan_find_below(plan, plan->tables + index, address, page);
}

/* plan.c: of any address; `place` becomes where that is, or none. The plan is over if it no longer stands. */
bool plan_find(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page);
/* The same after plan_stands(). */
bool plan_find_from_root(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page);
/* Likewise: make `place` where an address is. False: there is none. */
bool plan_enter(struct plan *plan, unsigned kind, uint64_t address);

/*
 * For models: where the entry is that was just read as `value`, into entries[number]; where the page tables are, and
 * which window they are in. False: it cannot be planned.
 */
bool plan_add_entry(struct plan *plan, const struct memory *memory, unsigned number, uint64_t address,
    const uint64_t value[2], bool snoop);
bool plan_set_tables(
    struct plan *plan, const struct memory *memory, uint64_t root, unsigned levels, bool snoop);
/* For requesters: what follows from what a model has said. */
void plan_complete(struct plan *plan);

#endif
