/*
 * A page-table format as the algorithms see it: what one entry says. Walk, map and unmap are written
 * once over this (page_walk.h, page_table.h); a format header holds nothing but tiny accessors.
 *
 * All formats here have 512 entries of 8 bytes in a table, and level n translates the address bits
 * from 12 + 9(n-1) up.
 */
#ifndef IOMMUSIM_FORMATS_PAGE_FORMAT_H
#define IOMMUSIM_FORMATS_PAGE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_TABLE_LEVELS  6u
#define PAGE_TABLE_ENTRIES 512u
#define PAGE_TABLE_BYTES   UINT64_C(4096)

/* Rights, as bits: the same in every format. Not every format has privilege, or execution. */
enum { PAGE_READ = 1, PAGE_WRITE = 2, PAGE_USER = 4, PAGE_EXECUTE = 8 };

struct page_format {
	/* Does the entry mean anything at all? */
	bool (*present)(uint64_t entry);
	/* Does a present entry at this level map memory, rather than point at a table? */
	bool (*leaf)(uint64_t entry, unsigned level);
	unsigned (*rights)(uint64_t entry);
	/* Address of the next table, or of the memory a leaf of this level maps. */
	uint64_t (*table)(uint64_t entry);
	uint64_t (*page)(uint64_t entry, unsigned level);
	/*
	 * Where tables may be skipped: the level of the table that an entry points at; NULL: always the next
	 * one down. And where leaves come in more sizes than levels: log2 of the size of one, 0 when there
	 * is no such page at this level; NULL: always the size of its level.
	 */
	unsigned (*next_level)(uint64_t entry);
	unsigned (*leaf_shift)(uint64_t entry, unsigned level);
	/* Present is a bit of its own: an entry without any right is there all the same. */
	bool present_without_rights;
	/* The reverse: entries as software writes them, at `level`. */
	uint64_t (*make_table)(uint64_t address, unsigned level);
	uint64_t (*make_leaf)(uint64_t address, unsigned level, unsigned rights);
	/*
	 * Where a leaf may span several entries of its table, all of them the same: which sizes those have, as
	 * bits by their log2, and the entry for one; 0 and NULL: every leaf is one entry.
	 */
	uint64_t spanning;
	uint64_t (*make_spanning)(uint64_t address, unsigned shift, unsigned rights);
};

/* Reserved bits of present entries at each level, worked out once per unit. Index 0 is not used. */
struct page_reserved {
	uint64_t table[PAGE_TABLE_LEVELS + 1];
	uint64_t leaf[PAGE_TABLE_LEVELS + 1];
};

static inline unsigned page_level_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static inline unsigned page_level_index(uint64_t address, unsigned level)
{
	return (unsigned)(address >> page_level_shift(level)) & (PAGE_TABLE_ENTRIES - 1);
}

#endif
