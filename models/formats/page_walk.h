/*
 * The walk: how hardware finds a page. Written once; a model instantiates it with a constant format,
 * and the compiler folds the format's accessors in. Reads memory, changes nothing.
 */
#ifndef IOMMUSIM_FORMATS_PAGE_WALK_H
#define IOMMUSIM_FORMATS_PAGE_WALK_H

#include "models/formats/page_format.h"

enum page_walk_stop {
	PAGE_WALK_FOUND,       /* a leaf; whether its rights suffice is the caller's question */
	PAGE_WALK_UNREADABLE,  /* no memory where an entry should be */
	PAGE_WALK_NOT_PRESENT, /* an entry, or the rights accumulated so far, allow nothing */
	PAGE_WALK_RESERVED,    /* a present entry with a reserved bit or an unsupported size */
	PAGE_WALK_DENIED,      /* a right of `needed_early` or `needed_always` is missing on the way */
	PAGE_WALK_MISPLACED /* a leaf or a table that cannot be at its level, or a skipped address bit set */
};

/* One entry that was looked at, for whoever wants to see the path. */
struct page_walk_step {
	uint64_t address;
	uint64_t entry;
	uint8_t level;
	uint8_t rights; /* accumulated, this entry included */
	bool readable;
};

struct page_walk {
	/* in */
	uint64_t table; /* where it begins: the root table, or one further down that is known already */
	uint8_t first;  /* level of that table, 1..6: the walk reads that many entries at most */
	uint8_t granted; /* what the entries above it allow; everything at the root */
	/*
	 * Rights that every entry must give, lest the walk ends at it: before its reserved bits are looked
	 * at, or after. What is missing at the leaf only, the caller sees in `rights`.
	 */
	uint8_t needed_early;
	uint8_t needed_always;
	const struct page_reserved *reserved;
	bool (*load)(void *context, uint64_t address, uint64_t *entry);
	void *context;
	struct page_walk_step *steps; /* room for `first` of them, or NULL */
	/* out */
	uint8_t step_count;
	uint8_t level;  /* where it stopped */
	uint8_t rights; /* accumulated, the last entry included */
	uint64_t entry;
	uint64_t page; /* found: physical address of the page that holds `target` */
	uint8_t
	    shift; /* found, of formats with leaf_shift(): log2 of the page; else it is the level's */
};

static inline bool page_walk_lacks(const struct page_walk *walk, unsigned needed)
{
	return (walk->rights & needed) != needed;
}

/* Has a present entry nothing more to say, whatever else it holds? */
static inline __attribute__((always_inline)) bool page_walk_absent(
    const struct page_format *format, const struct page_walk *walk, uint64_t entry)
{
	return format->present_without_rights ? !format->present(entry) : walk->rights == 0;
}

static inline __attribute__((always_inline)) bool page_walk_take_leaf(
    const struct page_format *format, struct page_walk *walk, uint64_t entry, unsigned level)
{
	walk->page = format->page(entry, level);
	if (format->leaf_shift == NULL)
		return true;
	walk->shift = (uint8_t)format->leaf_shift(entry, level);
	return walk->shift != 0;
}

/* The level that an entry leads on to; 0: it may not, or not for this address. */
static inline __attribute__((always_inline)) unsigned page_walk_below(
    const struct page_format *format, uint64_t entry, unsigned level, uint64_t target)
{
	unsigned next;
	uint64_t skipped;

	if (format->next_level == NULL)
		return level - 1;
	next = format->next_level(entry);
	if (next >= level)
		return 0;
	skipped =
	    (UINT64_C(1) << page_level_shift(level)) - (UINT64_C(1) << page_level_shift(next + 1));
	return (target & skipped) == 0 ? next : 0;
}

static inline __attribute__((always_inline)) enum page_walk_stop page_walk(
    const struct page_format *format, struct page_walk *walk, uint64_t target)
{
	uint64_t table = walk->table;
	unsigned level = walk->first;

	walk->rights = walk->granted;
	walk->step_count = 0;
	/* The entries above would have said so, had they been read. */
	if (page_walk_lacks(walk, walk->needed_early | walk->needed_always))
		return PAGE_WALK_DENIED;
	for (;;) {
		uint64_t entry = 0;
		const uint64_t address = table + page_level_index(target, level) * sizeof(entry);
		const bool readable = walk->load(walk->context, address, &entry);
		bool leaf;

		walk->level = (uint8_t)level;
		walk->entry = entry;
		if (readable)
			walk->rights &= (uint8_t)(format->present(entry) ? format->rights(entry) : 0);
		if (walk->steps != NULL)
			walk->steps[walk->step_count++] = (struct page_walk_step){ .address = address,
				.entry = entry,
				.level = (uint8_t)level,
				.rights = walk->rights,
				.readable = readable };
		if (!readable)
			return PAGE_WALK_UNREADABLE;
		if (page_walk_absent(format, walk, entry))
			return PAGE_WALK_NOT_PRESENT;
		if (page_walk_lacks(walk, walk->needed_early))
			return PAGE_WALK_DENIED;
		leaf = format->leaf(entry, level);
		if ((entry & (leaf ? walk->reserved->leaf : walk->reserved->table)[level]) != 0)
			return PAGE_WALK_RESERVED;
		if (page_walk_lacks(walk, walk->needed_always))
			return PAGE_WALK_DENIED;
		if (leaf)
			return page_walk_take_leaf(format, walk, entry, level) ? PAGE_WALK_FOUND
									       : PAGE_WALK_MISPLACED;
		level = page_walk_below(format, entry, level, target);
		if (format->next_level != NULL && level == 0)
			return PAGE_WALK_MISPLACED;
		table = format->table(entry);
	}
}

#endif
