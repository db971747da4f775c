/*
 * Building page tables, as software does: map, unmap, split, destroy. Written once over a format; what
 * a table page is and where it comes from is the caller's (struct page_table_memory).
 *
 * Entries are stored with release order and tables are linked only when they are complete, so hardware
 * may walk at any moment. An unmap leaves empty tables, unless somebody takes those over that nothing points at any more
 * (page_table_memory.drop); else page_table_destroy() alone frees them, and a pointer to one stays good until then.
 */
#ifndef IOMMUSIM_FORMATS_PAGE_TABLE_H
#define IOMMUSIM_FORMATS_PAGE_TABLE_H

#include <stddef.h>

#include "models/formats/page_fill.h"
#include "models/formats/page_format.h"

struct page_table;

struct page_table_memory {
	void *context;
	/* The host's pointer to the table page at a physical address. */
	uint64_t *(*table)(void *context, uint64_t address);
	/* A zeroed page; false when there is none. */
	bool (*allocate)(void *context, uint64_t *address);
	void (*release)(void *context, uint64_t address);
	/* `count` entries were stored from `first` on: write them back if hardware does not snoop. */
	void (*written)(void *context, const uint64_t *first, unsigned count);
	/*
	 * A table of that level, with all below it, is about to be cut off: it is the callback's own from now on, to be
	 * given to page_table_free_below() when hardware cannot have kept the way to it. `first` is the first address
	 * that it translates. NULL, or false: it stays, empty.
	 */
	bool (*drop)(
	    void *context, struct page_table *table, uint64_t page, unsigned level, uint64_t first);
};

struct page_table {
	struct page_table_memory memory;
	uint64_t root;
	unsigned levels;
	unsigned largest_leaf; /* highest level a leaf may have: 1 is 4 KiB only */
	/*
	 * Sizes of leaves that span several entries of such levels, as bits by their log2: 1 << 13 for 8 KiB. What
	 * the format has not is never used. 0 at birth: none; to be changed before anything is mapped.
	 */
	uint64_t spanning;
	/* The level 1 table used last: a run of single pages walks once for 512 of them. */
	uint64_t cursor;
	uint64_t *cursor_table;
};

#define PAGE_TABLE_INLINE static inline __attribute__((always_inline))

/* So many entries were stored from `first` on. */
PAGE_TABLE_INLINE void page_table_announce(
    const struct page_table *table, const uint64_t *first, unsigned count)
{
	if (__builtin_expect(table->memory.written != NULL, false))
		table->memory.written(table->memory.context, first, count);
}

PAGE_TABLE_INLINE void page_table_store(const struct page_table *table, uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	page_table_announce(table, entry, 1);
}

static inline bool page_table_create(struct page_table *table, const struct page_table_memory *memory,
    unsigned levels, unsigned largest_leaf)
{
	*table = (struct page_table){
		.memory = *memory, .levels = levels, .largest_leaf = largest_leaf, .cursor = UINT64_MAX
	};
	return memory->allocate(memory->context, &table->root);
}

/* ---- leaves that span several entries ------------------------------------------------------------ */

/* The sizes that this table may have such leaves of. */
PAGE_TABLE_INLINE uint64_t page_table_spanning(
    const struct page_format *format, const struct page_table *table)
{
	return table->spanning & format->spanning;
}

/* log2 of the size of the leaf that an entry at `level` belongs to; 0: it is no leaf. */
PAGE_TABLE_INLINE unsigned page_table_leaf_shift(
    const struct page_format *format, uint64_t entry, unsigned level)
{
	if (!format->present(entry) || !format->leaf(entry, level))
		return 0;
	return format->leaf_shift == NULL ? page_level_shift(level) : format->leaf_shift(entry, level);
}

/*
 * Where `entry`, the one of `address`, is part of a leaf that spans several: make each of these a leaf of its
 * own. No translation changes, at no moment; what was mapped anew in its place stays.
 */
PAGE_TABLE_INLINE void page_table_demote(const struct page_format *format,
    const struct page_table *table, uint64_t *entry, unsigned level, uint64_t address)
{
	const unsigned own = page_level_shift(level);
	const unsigned shift = page_table_leaf_shift(format, *entry, level);
	uint64_t base, *first;
	unsigned rights, count;

	if (shift <= own)
		return;
	base = format->page(*entry, level);
	rights = format->rights(*entry);
	count = 1u << (shift - own);
	first = entry - (page_level_index(address, level) & (count - 1));
	for (unsigned i = 0; i < count; i++)
		if (page_table_leaf_shift(format, first[i], level) == shift &&
		    format->page(first[i], level) == base)
			page_table_store(table, &first[i],
			    format->make_leaf(base + ((uint64_t)i << own), level, rights));
}

/* Is there a table below one of the entries that a leaf of that size would span? */
PAGE_TABLE_INLINE bool page_table_hangs_below(
    const struct page_format *format, const uint64_t *entry, unsigned level, unsigned shift)
{
	for (unsigned i = 0; i < 1u << (shift - page_level_shift(level)); i++)
		if (format->present(entry[i]) && !format->leaf(entry[i], level))
			return true;
	return false;
}

/* log2 of the largest leaf of `level` that fits at `address`, its entry being `entry`: the level's own, or more. */
PAGE_TABLE_INLINE unsigned page_table_fit_spanning(const struct page_format *format,
    const struct page_table *table, const uint64_t *entry, unsigned level, uint64_t address,
    uint64_t physical, uint64_t length)
{
	const uint64_t sizes = page_table_spanning(format, table);
	const unsigned own = page_level_shift(level);

	for (unsigned shift = own + 8; sizes != 0 && shift > own; shift--) {
		const uint64_t size = UINT64_C(1) << shift;

		if ((sizes & size) != 0 && ((address | physical) & (size - 1)) == 0 && length >= size &&
		    !page_table_hangs_below(format, entry, level, shift))
			return shift;
	}
	return own;
}

/* All entries of such a leaf. Returns its size. */
PAGE_TABLE_INLINE uint64_t page_table_store_spanning(const struct page_format *format,
    const struct page_table *table, uint64_t *entry, unsigned level, unsigned shift, uint64_t physical,
    unsigned rights)
{
	const unsigned count = 1u << (shift - page_level_shift(level));
	const uint64_t leaf = format->make_spanning(physical, shift, rights);

	page_fill_same(entry, count, leaf);
	page_table_announce(table, entry, count);
	return UINT64_C(1) << shift;
}

/* How far single pages from `address` on can go before a spanning leaf may be due. */
PAGE_TABLE_INLINE uint64_t page_table_up_to_spanning(
    const struct page_format *format, const struct page_table *table, uint64_t address, uint64_t length)
{
	const uint64_t sizes = page_table_spanning(format, table);
	const uint64_t smallest = sizes & -sizes;
	const uint64_t room = sizes == 0 ? length : smallest - (address & (smallest - 1));

	return room < length ? room : length;
}

/* ---- the way down -------------------------------------------------------------------------------- */

/* Replace a leaf by a table of smaller leaves that map the same. False: no page for the table. */
PAGE_TABLE_INLINE bool page_table_split(const struct page_format *format,
    const struct page_table *table, uint64_t *entry, unsigned level, uint64_t at)
{
	uint64_t address, base, *below;
	unsigned rights;

	if (!table->memory.allocate(table->memory.context, &address))
		return false;
	page_table_demote(format, table, entry, level, at);
	base = format->page(*entry, level);
	rights = format->rights(*entry);
	below = table->memory.table(table->memory.context, address);
	for (unsigned i = 0; i < PAGE_TABLE_ENTRIES; i++)
		below[i] = format->make_leaf(
		    base + ((uint64_t)i << page_level_shift(level - 1)), level - 1, rights);
	page_table_announce(table, below, PAGE_TABLE_ENTRIES);
	page_table_store(table, entry, format->make_table(address, level));
	return true;
}

/* What page_table_entry() may do on its way down. */
enum page_table_descent {
	PAGE_TABLE_LOOK,  /* stop at what is missing or larger */
	PAGE_TABLE_SPLIT, /* split larger leaves, stop at what is missing */
	PAGE_TABLE_BUILD  /* split, and add tables */
};

/*
 * The entry for `address` at `level`. `*stopped` is the level of the entry that is returned: above
 * `level` when the way down ends earlier (not present, a larger leaf, or overwritten so that it leads to
 * no memory). NULL: out of pages, or nothing can be built below such an entry.
 */
PAGE_TABLE_INLINE uint64_t *page_table_entry(const struct page_format *format, struct page_table *table,
    uint64_t address, unsigned level, enum page_table_descent descent, unsigned *stopped)
{
	uint64_t *entries;

	if (level == 1 && table->cursor == address >> page_level_shift(2)) {
		*stopped = 1;
		return &table->cursor_table[page_level_index(address, 1)];
	}
	entries = table->memory.table(table->memory.context, table->root);
	for (unsigned at = table->levels; at > level; at--) {
		uint64_t *entry = &entries[page_level_index(address, at)];
		uint64_t below;

		*stopped = at;
		if (!format->present(*entry)) {
			if (descent != PAGE_TABLE_BUILD)
				return entry;
			if (!table->memory.allocate(table->memory.context, &below))
				return NULL;
			page_table_store(table, entry, format->make_table(below, at));
		} else if (format->leaf(*entry, at)) {
			if (descent == PAGE_TABLE_LOOK)
				return entry;
			if (!page_table_split(format, table, entry, at, address))
				return NULL;
		}
		entries = table->memory.table(table->memory.context, format->table(*entry));
		if (entries == NULL)
			return descent == PAGE_TABLE_LOOK ? entry : NULL;
	}
	*stopped = level;
	if (level == 1) {
		table->cursor = address >> page_level_shift(2);
		table->cursor_table = entries;
	}
	return &entries[page_level_index(address, level)];
}

/* ---- mapping ------------------------------------------------------------------------------------- */

/* The level of the largest leaf that fits at `address` for `physical` with `length` bytes to go. */
PAGE_TABLE_INLINE unsigned page_table_fit(
    const struct page_table *table, uint64_t address, uint64_t physical, uint64_t length)
{
	unsigned level = table->largest_leaf;

	while (level > 1) {
		const uint64_t size = UINT64_C(1) << page_level_shift(level);

		if (((address | physical) & (size - 1)) == 0 && length >= size)
			break;
		level--;
	}
	return level;
}

/*
 * Split the leaf that a boundary of a map or an unmap cuts in two; one that spans several entries becomes one
 * for each. Nothing there, nothing to do.
 */
PAGE_TABLE_INLINE bool page_table_cut(
    const struct page_format *format, struct page_table *table, uint64_t address)
{
	const bool spanning = page_table_spanning(format, table) != 0;

	for (unsigned level = table->largest_leaf; level > (spanning ? 0u : 1u); level--) {
		const unsigned own = page_level_shift(level), most = own + (spanning ? 8 : 0);
		uint64_t *entry;
		unsigned stopped;

		if ((address & ((UINT64_C(1) << most) - 1)) == 0)
			return true;
		entry = page_table_entry(format, table, address, level, PAGE_TABLE_LOOK, &stopped);
		if (stopped > level || !format->present(*entry))
			return true;
		if (!format->leaf(*entry, level))
			continue;
		if ((address & ((UINT64_C(1) << page_table_leaf_shift(format, *entry, level)) - 1)) ==
		    0)
			return true;
		page_table_demote(format, table, entry, level, address);
		if ((address & ((UINT64_C(1) << own) - 1)) == 0)
			return true;
		if (!page_table_split(format, table, entry, level, address))
			return false;
	}
	return true;
}

/* How many of `wanted` pages from `address` on have their entries in one level 1 table. */
PAGE_TABLE_INLINE unsigned page_table_room(uint64_t address, uint64_t wanted)
{
	const unsigned room = PAGE_TABLE_ENTRIES - page_level_index(address, 1);

	return wanted < room ? (unsigned)wanted : room;
}

/* Fill consecutive entries of one level 1 table. */
PAGE_TABLE_INLINE uint64_t page_table_fill(const struct page_format *format,
    const struct page_table *table, uint64_t *entry, uint64_t address, uint64_t physical,
    uint64_t length, unsigned rights)
{
	const unsigned count = page_table_room(address, length / PAGE_TABLE_BYTES);

	page_fill_leaves(entry, count, format->make_leaf(physical, 1, rights));
	page_table_announce(table, entry, count);
	return count * PAGE_TABLE_BYTES;
}

/*
 * Build every table that mapping [address, address + length) with leaves of 4 KiB can need, so that a
 * map that follows cannot fail half-way. What it adds translates nothing.
 */
PAGE_TABLE_INLINE bool page_table_prepare(const struct page_format *format, struct page_table *table,
    uint64_t address, uint64_t physical, uint64_t length)
{
	for (uint64_t done = 0; done < length;) {
		const unsigned level =
		    page_table_fit(table, address + done, physical + done, length - done);
		const uint64_t span = UINT64_C(1) << page_level_shift(level == 1 ? 2 : level);
		unsigned stopped;

		if (page_table_entry(
			format, table, address + done, level, PAGE_TABLE_BUILD, &stopped) == NULL)
			return false;
		done = ((address + done) & ~(span - 1)) + span - address;
	}
	return true;
}

/*
 * Map [address, address + length) to `physical`: multiples of 4 KiB. Over what is mapped already the
 * new mapping wins. False: no pages for tables, and no translation has changed.
 */
PAGE_TABLE_INLINE bool page_table_map(const struct page_format *format, struct page_table *table,
    uint64_t address, uint64_t physical, uint64_t length, unsigned rights)
{
	if (page_table_spanning(format, table) != 0 &&
	    !(page_table_cut(format, table, address) &&
		page_table_cut(format, table, address + length)))
		return false;
	if (length > PAGE_TABLE_BYTES && !page_table_prepare(format, table, address, physical, length))
		return false;
	while (length > 0) {
		unsigned level = page_table_fit(table, address, physical, length), stopped, shift;
		uint64_t *entry =
		    page_table_entry(format, table, address, level, PAGE_TABLE_BUILD, &stopped);
		uint64_t done;

		if (entry == NULL)
			return false;
		/* A table hangs there already: go below it rather than lose it to hardware's caches. */
		while (level > 1 && format->present(*entry) && !format->leaf(*entry, level)) {
			level--;
			entry =
			    page_table_entry(format, table, address, level, PAGE_TABLE_BUILD, &stopped);
			if (entry == NULL)
				return false;
		}
		shift = page_table_fit_spanning(format, table, entry, level, address, physical, length);
		if (shift > page_level_shift(level)) {
			done = page_table_store_spanning(
			    format, table, entry, level, shift, physical, rights);
		} else if (level == 1) {
			done = page_table_fill(format, table, entry, address, physical,
			    page_table_up_to_spanning(format, table, address, length), rights);
		} else {
			done = UINT64_C(1) << page_level_shift(level);
			page_table_store(table, entry, format->make_leaf(physical, level, rights));
		}
		address += done;
		physical += done;
		length -= done;
	}
	return true;
}

/* The bits of a level 1 leaf that say which page it maps: leaves differ in no others. */
PAGE_TABLE_INLINE uint64_t page_table_leaf_address(const struct page_format *format, unsigned rights)
{
	return format->make_leaf(-PAGE_TABLE_BYTES, 1, rights) & ~format->make_leaf(0, 1, rights);
}

/* No leaf of several entries goes beyond so many pages: what is stored in their place leaves the others whole. */
PAGE_TABLE_INLINE bool page_table_open(
    const struct page_format *format, struct page_table *table, uint64_t address, unsigned pages)
{
	return page_table_cut(format, table, address) &&
	    page_table_cut(format, table, address + pages * PAGE_TABLE_BYTES);
}

/*
 * Map `count` pages from `address` on, each to the one of that number in `pages`: page_table_map() of one after the
 * other. Returns how many it mapped: the first ones, fewer than all when there was no page for a table.
 */
PAGE_TABLE_INLINE size_t page_table_map_list(const struct page_format *format, struct page_table *table,
    uint64_t address, const uint64_t *pages, size_t count, unsigned rights)
{
	const uint64_t bits = page_table_leaf_address(format, rights);
	const uint64_t leaf = format->make_leaf(0, 1, rights);
	size_t done = 0;

	while (done < count) {
		const uint64_t at = address + done * PAGE_TABLE_BYTES;
		const unsigned room = page_table_room(at, count - done);
		unsigned stopped;
		uint64_t *entry;

		if (page_table_spanning(format, table) != 0 &&
		    !page_table_open(format, table, at, room))
			break;
		entry = page_table_entry(format, table, at, 1, PAGE_TABLE_BUILD, &stopped);
		if (entry == NULL)
			break;
		page_fill_listed(entry, room, pages + done, bits, leaf);
		page_table_announce(table, entry, room);
		done += room;
	}
	return done;
}

/* ---- unmapping ----------------------------------------------------------------------------------- */

/*
 * Cut off the highest table all of whose addresses go. Returns how many bytes it translates; 0: there is none, or it is
 * to be emptied.
 */
PAGE_TABLE_INLINE uint64_t page_table_cut_off(
    const struct page_format *format, struct page_table *table, uint64_t address, uint64_t end)
{
	for (unsigned level = table->levels; table->memory.drop != NULL && level > 1; level--) {
		const uint64_t span = UINT64_C(1) << page_level_shift(level);
		unsigned stopped;
		uint64_t *entry;

		if ((address & (span - 1)) != 0 || end - address < span)
			continue;
		entry = page_table_entry(format, table, address, level, PAGE_TABLE_LOOK, &stopped);
		if (stopped > level || !format->present(*entry) || format->leaf(*entry, level) ||
		    !table->memory.drop(
			table->memory.context, table, format->table(*entry), level - 1, address))
			return 0;
		page_table_store(table, entry, 0);
		/* Whatever it stands at: an address beyond the table's width stands for one within. */
		table->cursor = UINT64_MAX;
		return span;
	}
	return 0;
}

/* Empty the entry of `address`, or the row of leaves that begins there. Returns the address behind. */
PAGE_TABLE_INLINE uint64_t page_table_empty(
    const struct page_format *format, struct page_table *table, uint64_t address, uint64_t end)
{
	unsigned stopped, count;
	uint64_t *entry = page_table_entry(format, table, address, 1, PAGE_TABLE_LOOK, &stopped);
	const uint64_t span = UINT64_C(1) << page_level_shift(stopped);

	if (stopped > 1) {
		if (format->present(*entry))
			page_table_store(table, entry, 0);
		return (address & ~(span - 1)) + span;
	}
	count = page_table_room(address, (end - address) / PAGE_TABLE_BYTES);
	page_fill_same(entry, count, 0);
	page_table_announce(table, entry, count);
	return address + count * PAGE_TABLE_BYTES;
}

/*
 * Unmap [address, address + length): multiples of 4 KiB. What is not mapped is passed over. False: no
 * page to split a larger leaf with, and no translation has changed.
 */
PAGE_TABLE_INLINE bool page_table_unmap(
    const struct page_format *format, struct page_table *table, uint64_t address, uint64_t length)
{
	const uint64_t end = address + length;

	if (!page_table_cut(format, table, address) || !page_table_cut(format, table, end))
		return false;
	while (address < end) {
		const uint64_t gone = page_table_cut_off(format, table, address, end);
		const uint64_t next =
		    gone > 0 ? address + gone : page_table_empty(format, table, address, end);

		address =
		    next <= address || next > end ? end : next; /* the last span may end at 2^64 */
	}
	return true;
}

/* What was overwritten may lead anywhere: to no memory, or to what is no table, which `release` has to tell. */
static inline void page_table_free_below(
    const struct page_format *format, const struct page_table *table, uint64_t address, unsigned level)
{
	const uint64_t *entries = table->memory.table(table->memory.context, address);

	if (entries == NULL)
		return;
	for (unsigned i = 0; level > 1 && i < PAGE_TABLE_ENTRIES; i++)
		if (format->present(entries[i]) && !format->leaf(entries[i], level))
			page_table_free_below(format, table, format->table(entries[i]), level - 1);
	table->memory.release(table->memory.context, address);
}

/* Free every table. Hardware must not walk them any more. */
static inline void page_table_destroy(const struct page_format *format, struct page_table *table)
{
	page_table_free_below(format, table, table->root, table->levels);
	table->cursor = UINT64_MAX;
}

#endif
