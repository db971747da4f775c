/* Storing runs of entries of one table. What they say is the caller's (page_table.h). */
#ifndef IOMMUSIM_FORMATS_PAGE_FILL_H
#define IOMMUSIM_FORMATS_PAGE_FILL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each of these stores `count` entries, in ascending order, after all that was stored before the call. Hardware may
 * read them at any moment and finds an entry as it was or as it will be, never a half of each. They are functions of
 * their own, so that how fast their loops are does not depend on who calls them.
 */

/* `first`, `first` + 4 KiB, `first` + 8 KiB, ... */
void page_fill_leaves(uint64_t *entries, unsigned count, uint64_t first);
/* The same entry everywhere. */
void page_fill_same(uint64_t *entries, unsigned count, uint64_t entry);
/* Of each page the bits in `address`, and `rights`. */
void page_fill_listed(
    uint64_t *entries, unsigned count, const uint64_t *pages, uint64_t address, uint64_t rights);

/* All bits that are set in any of the pages: what none of them has, none of the entries would get. */
uint64_t page_list_bits(const uint64_t *pages, size_t count);

#endif
