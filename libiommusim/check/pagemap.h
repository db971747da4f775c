/*
 * A value for every 4 KiB page of an address space: what a domain maps where, who owns which host page.
 * Ranges cost little, and so do single pages once 512 of them in a row look like a range that was given page by page;
 * others cost 12 bytes each. What a value means is the user's business.
 */
#ifndef IOMMUSIM_CHECK_PAGEMAP_H
#define IOMMUSIM_CHECK_PAGEMAP_H

#include "machine/state.h"

#define PAGEMAP_FANOUT 512u
#define PAGEMAP_LEVELS 5u /* 57 bits of address, like the widest page table */

/* A value: a page-aligned address that grows along a range, and flags below it; 0: nothing is known. */
struct pagemap_cell {
	uint64_t value;
	uint32_t stamp;
};

struct pagemap_node;

/* What entries above the lowest level have beside. */
struct pagemap_above {
	struct pagemap_node *child;
	uint32_t step; /* without a child: of the stamp, from page to page */
};

struct pagemap_node {
	/* of the first page an entry covers, where it has no child */
	uint64_t value[PAGEMAP_FANOUT];
	uint32_t stamp[PAGEMAP_FANOUT];
	struct pagemap_above above[]; /* nodes above the lowest level have FANOUT of them */
};

struct pagemap {
	struct iommusim_machine *machine;
	struct pagemap_node *root;
	uint64_t cursor; /* page number / FANOUT of the lowest node used last */
	struct pagemap_node *cursor_node;
	/* The memory of a lowest node that became a range: what was given page by page can be taken back so without any. */
	struct pagemap_node *spare;
};

void pagemap_init(struct pagemap *map, struct iommusim_machine *machine);
void pagemap_fini(struct pagemap *map);

/*
 * Make changing [address, address + length) possible without memory: call it first, then change.
 * False: no memory, and nothing has changed.
 */
bool pagemap_prepare(struct pagemap *map, uint64_t address, uint64_t length);
/* The same of a part of what is prepared already, and stays so. */
bool pagemap_prepare_part(struct pagemap *map, uint64_t address, uint64_t length);

/* Give a prepared range a value that grows by 4 KiB a page. `value` 0 forgets it. */
void pagemap_set(
    struct pagemap *map, uint64_t address, uint64_t length, uint64_t value, uint32_t stamp);

/* Change the flags of what is known in a prepared range, and its stamp. */
void pagemap_flag(struct pagemap *map, uint64_t address, uint64_t length, uint64_t set, uint64_t clear,
    uint32_t stamp);

/*
 * Of single pages in a row, all of them in what is at hand: 512 pages from `address` on, a multiple of that, the lowest
 * node used last. What is at hand needs not be prepared.
 */
bool pagemap_is_at_hand(const struct pagemap *map, uint64_t address);
/* Has any of them a flag? */
bool pagemap_any_has(const struct pagemap *map, uint64_t address, unsigned count, uint64_t flag);
/* pagemap_set() of one after the other: `pages[i]` with the flags, the stamps from `stamp` on. */
void pagemap_set_row(struct pagemap *map, uint64_t address, const uint64_t *pages, unsigned count,
    uint64_t flags, uint32_t stamp);
/* pagemap_flag() likewise. */
void pagemap_flag_row(struct pagemap *map, uint64_t address, unsigned count, uint64_t set,
    uint64_t clear, uint32_t stamp);

/* What is known of the page that holds `address`; value 0: nothing. */
struct pagemap_cell pagemap_get(const struct pagemap *map, uint64_t address);

/* The same, and in `*length`, which comes as how far to look, how far it goes on so at least, stamp and all. */
struct pagemap_cell pagemap_run(const struct pagemap *map, uint64_t address, uint64_t *length);

#endif
