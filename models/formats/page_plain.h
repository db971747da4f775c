/*
 * What entries look like that a walk passes without a word: present, with the rights it needs, no reserved bit, the
 * next table one level down or a page of its level. It is worked out from a format's accessors, bit by bit, so that
 * nothing about an entry is said twice; a walk of such entries needs no more than a mask and a comparison for each.
 * Whatever does not look so, page_walk() has to judge.
 */
#ifndef IOMMUSIM_FORMATS_PAGE_PLAIN_H
#define IOMMUSIM_FORMATS_PAGE_PLAIN_H

#include "models/formats/page_format.h"

/* Leaves of 4 KiB, 2 MiB and 1 GiB; others are not plain. */
#define PAGE_PLAIN_LEAVES 3u

/* An entry is plain when `(entry & mask) == want`. */
struct page_plain_entry {
	uint64_t mask;
	uint64_t want;
};

struct page_plain {
	struct page_plain_entry table[PAGE_TABLE_LEVELS + 1]; /* by level; index 0 is not used */
	struct page_plain_entry leaf[PAGE_PLAIN_LEAVES + 1];
	uint64_t table_bits; /* of an entry: the address of the next table */
	uint64_t usual; /* an entry of level 2 for a table at 0, with all rights and nothing else */
	uint64_t page_bits[PAGE_PLAIN_LEAVES + 1];
};

static inline bool page_plain_is(const struct page_plain_entry *plain, uint64_t entry)
{
	return (entry & plain->mask) == plain->want;
}

/* Does an entry say the same as a good table, or leaf, of its level, as far as a walk with these needs goes? */
static inline bool page_plain_agrees(
    const struct page_format *format, uint64_t entry, unsigned level, bool leaf, unsigned needed)
{
	if (!format->present(entry) || format->leaf(entry, level) != leaf ||
	    (format->rights(entry) & needed) != needed)
		return false;
	if (leaf)
		return format->leaf_shift == NULL ||
		    format->leaf_shift(entry, level) == page_level_shift(level);
	return format->next_level == NULL || format->next_level(entry) == level - 1;
}

/* Nothing looks so. */
static const struct page_plain_entry page_plain_never = { .mask = 0, .want = 1 };

static inline struct page_plain_entry page_plain_like(const struct page_format *format, uint64_t good,
    uint64_t reserved, unsigned level, bool leaf, unsigned needed)
{
	struct page_plain_entry plain = { .mask = reserved };

	if ((good & reserved) != 0 || !page_plain_agrees(format, good, level, leaf, needed))
		return page_plain_never;
	for (unsigned bit = 0; bit < 64; bit++)
		if (!page_plain_agrees(format, good ^ UINT64_C(1) << bit, level, leaf, needed))
			plain.mask |= UINT64_C(1) << bit;
	plain.want = good & plain.mask;
	return plain;
}

/* For walks that need the rights `needed` at every entry. */
static inline void page_plain_make(const struct page_format *format,
    const struct page_reserved *reserved, unsigned needed, struct page_plain *plain)
{
	const unsigned all = PAGE_READ | PAGE_WRITE;

	plain->table[0] = plain->table[1] = plain->leaf[0] = page_plain_never;
	plain->page_bits[0] = 0;
	plain->table_bits = format->table(UINT64_MAX);
	plain->usual = format->make_table(0, 2);
	for (unsigned level = 2; level <= PAGE_TABLE_LEVELS; level++)
		plain->table[level] = page_plain_like(
		    format, format->make_table(0, level), reserved->table[level], level, false, needed);
	for (unsigned level = 1; level <= PAGE_PLAIN_LEAVES; level++) {
		struct page_plain_entry *leaf = &plain->leaf[level];

		*leaf = page_plain_like(format, format->make_leaf(0, level, all), reserved->leaf[level],
		    level, true, needed);
		plain->page_bits[level] = format->page(leaf->want | ~leaf->mask, level);
	}
}

/* Walks that are not to begin at all, whatever the root's own entries are. */
static inline void page_plain_forbid(struct page_plain *plain)
{
	for (unsigned level = 0; level <= PAGE_TABLE_LEVELS; level++)
		plain->table[level] = page_plain_never;
	for (unsigned level = 0; level <= PAGE_PLAIN_LEAVES; level++)
		plain->leaf[level] = page_plain_never;
}

#endif
