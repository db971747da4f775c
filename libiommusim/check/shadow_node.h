/*
 * What the files of the shadow (shadow_*.c) ask of each other: the pages of tables that it follows, and what leads to
 * them. Private to these files.
 */
#ifndef IOMMUSIM_CHECK_SHADOW_NODE_H
#define IOMMUSIM_CHECK_SHADOW_NODE_H

#include "check/state.h"

/* uthash allocates through the machine: `check` is in scope wherever its macros are used. */
#define HASH_NONFATAL_OOM        1
#define uthash_malloc(size)      machine_alloc(check->machine, size)
#define uthash_free(block, size) machine_free(check->machine, block, size)
#include <uthash.h>

#define PAGE_BYTES  IOMMUSIM_PAGE_SIZE
#define NOT_OF_PAGE (IOMMUSIM_PAGE_SIZE - 1) /* bits of an address within its page */

struct shadow_node {
	UT_hash_handle hh;
	uint64_t address;
	uint64_t units;    /* that reach it */
	uint64_t parent;   /* address of the entry that led here last; 0: a register */
	uint64_t *copy;    /* what it held; NULL at level 1, where nothing hangs below */
	uint64_t reserved; /* level 1: bits that one of the units minds */
	uint32_t links;    /* that lead here */
	uint16_t segment;
	uint16_t rid; /* of the first entry, where entries belong to requesters */
	uint8_t kind; /* enum unit_table */
	uint8_t level;
	bool empty; /* all of `copy` is 0; else it may be, too */
	bool freed; /* its owner has given it back: what it holds means nothing */
};

/* Where a link comes from. */
struct shadow_origin {
	uint64_t entry; /* 0: a register */
	uint64_t units;
	uint16_t segment;
};

/* No memory to follow tables with: from here on nothing is said of them, rather than something false. */
static inline void shadow_go_blind(struct iommusim_check *check)
{
	check->shadow.blind = true;
}

static inline void shadow_forget_cursor(struct iommusim_check *check)
{
	check->shadow.cursor = 0;
}

/* shadow_pool.c: zeroed memory for a thing, or NULL; all that is ever taken of a pool has one size */
void *shadow_pool_take(struct iommusim_check *check, struct shadow_pool *pool, size_t size);
void shadow_pool_give(struct shadow_pool *pool, void *thing);
void shadow_pool_free(struct iommusim_check *check, struct shadow_pool *pool);

/* shadow_node.c: the node of a page, or NULL; a new one, NULL: no memory; out of the table; its memory given back */
struct shadow_node *shadow_node_at(const struct iommusim_check *check, uint64_t page);
struct shadow_node *shadow_node_new(
    struct iommusim_check *check, uint64_t page, const struct shadow_link *link);
void shadow_node_remove(struct iommusim_check *check, struct shadow_node *node);
void shadow_node_free(struct iommusim_check *check, struct shadow_node *node);
/* Is what stands in a table kept? Then a node needs a place for it. False: no memory. */
bool shadow_has_copy(unsigned kind, unsigned level);
bool shadow_give_copy(struct iommusim_check *check, struct shadow_node *node);
/* Is all of a page 0? */
bool shadow_is_empty(const uint8_t *page);
/* Quadwords as memory has them now. */
bool shadow_load(const struct iommusim_check *check, uint64_t address, unsigned quads, uint64_t *entry);
/* Entry number `index` of a node, whose quadwords are `now`; NULL: it is not asked what they say. */
struct shadow_entry shadow_entry_of(const struct iommusim_check *check, const struct shadow_node *node,
    unsigned index, const uint64_t *now);

/* shadow_leaf.c */
void shadow_leaf_comes(struct iommusim_check *check, const struct shadow_entry *entry);
void shadow_leaf_goes(
    struct iommusim_check *check, unsigned kind, const uint64_t *entry, unsigned level);
/* A store to a page that is no table. */
void shadow_leaf_stored(struct iommusim_check *check, uint64_t page, uint64_t address, uint64_t length);
void shadow_leaves_free(struct iommusim_check *check);

/* shadow_link.c: a present entry has come, or goes, with what it leads to */
void shadow_entry_comes(struct iommusim_check *check, const struct shadow_entry *entry);
void shadow_entry_goes(struct iommusim_check *check, const struct shadow_kind *kind, unsigned table,
    unsigned level, const uint64_t *was);
bool shadow_same_links(const struct shadow_entry *entry, const uint64_t *was);
void shadow_link_table(
    struct iommusim_check *check, const struct shadow_link *link, const struct shadow_origin *origin);
void shadow_unlink_table(struct iommusim_check *check, const struct shadow_link *link);
/* Reserved bits of entries `from` to `to` of a table of level 1. */
void shadow_look_over(
    struct iommusim_check *check, struct shadow_node *node, unsigned from, unsigned to);
/* Everything that hangs below a table goes. */
void shadow_let_go(struct iommusim_check *check, struct shadow_node *node);

/* shadow_store.c: bytes [from, to) of a page may have changed */
void shadow_page_changed(struct iommusim_check *check, uint64_t page, uint64_t from, uint64_t to);

#endif
