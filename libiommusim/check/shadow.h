/*
 * The shadow: every table that some unit can reach by what software has programmed, and what was in it when it
 * was seen last. It follows stores one by one, so that a change can be judged. Private to libiommusim/check.
 */
#ifndef IOMMUSIM_CHECK_SHADOW_H
#define IOMMUSIM_CHECK_SHADOW_H

#include "machine/unit_model.h"

#define SHADOW_UNITS      64u /* bits of a set of units; further ones are not followed */
#define SHADOW_MOST_QUADS 8u  /* of an entry */

struct iommusim_check;
struct shadow_node; /* a page of a table */
struct shadow_block;
struct shadow_leaf; /* a page with which the memory of large leaves begins */

/* Where an entry leads: `pages` pages of one table. */
struct shadow_link {
	uint64_t address;
	uint32_t pages;
	uint8_t kind;  /* enum unit_table */
	uint8_t level; /* of paging entries */
	uint16_t rid;  /* the first one, where entries of the table belong to requesters */
};

#define SHADOW_LINKS 2u /* of one entry at most */

/* What an entry of a kind is: shadow_kinds.c. */
struct shadow_kind {
	const char *name;
	uint8_t quads;
	uint8_t together; /* quadwords from the first on that mean nothing without each other */
	bool per_device;  /* entries belong to requesters, 4 KiB of them in a row */
	bool paging;
	/* Does hardware go by the entry? */
	bool (*present)(const uint64_t *entry);
	/* Where a present one leads. Returns how many. */
	unsigned (*links)(const uint64_t *entry, unsigned level, uint16_t rid,
	    struct shadow_link links[SHADOW_LINKS]);
};
const struct shadow_kind *shadow_kind(unsigned kind);

/* A present paging entry above level 1 that maps memory: log2 of its size, and that memory. 0: it does not. */
unsigned shadow_large_leaf(unsigned kind, const uint64_t *entry, unsigned level, uint64_t *memory);

/* One entry, while it is judged. */
struct shadow_entry {
	const struct shadow_kind *kind;
	uint64_t address;
	uint64_t units; /* that read it */
	uint16_t segment;
	uint16_t rid;  /* of entries that belong to requesters */
	uint8_t table; /* enum unit_table */
	uint8_t level;
	const uint64_t *now;
};

/* What a unit read its tables from when it was looked at last. */
struct shadow_unit {
	struct iommusim_unit *unit;
	struct unit_roots roots;
};

/* An entry that a store has just changed while hardware may read it. */
struct shadow_change {
	uint64_t entry;
	unsigned quads; /* that have changed, a bit each */
	bool published; /* it became present by that */
	bool said;      /* there was a finding */
};

#define SHADOW_CHANGES 4u

/* Memory for things of one size, taken in blocks; it goes with the shadow. */
struct shadow_pool {
	struct shadow_block *blocks;
	void *free; /* the first of a chain */
};

struct shadow {
	struct shadow_node *nodes;  /* uthash, by page */
	struct shadow_leaf *leaves; /* likewise */
	struct shadow_unit units[SHADOW_UNITS];
	unsigned unit_count;
	struct shadow_change changes[SHADOW_CHANGES];
	unsigned next_change;
	uint64_t said;    /* findings about paging entries that this store has brought: a bit each */
	uint32_t said_at; /* 1 + place of the last page that was given back too early */
	uint32_t null_said_at; /* 1 + place of the last store to page 0 */
	uint8_t *page_0;       /* as it was when the call under way began; NULL: it is not compared */
	bool dirty;            /* registers may say something new */
	uint64_t
	    cursor; /* the page that was looked up last, and its node, which may be NULL; 0: none was */
	struct shadow_node *cursor_node;
	uint64_t gone; /* nodes that are there no more */
	bool blind;    /* there was no memory: nothing is followed any more */
	struct shadow_pool nodes_free, copies_free;
};

/* Take over what registers say now. */
void shadow_sync(struct iommusim_check *check);
void shadow_stored(struct iommusim_check *check, uint64_t address, uint64_t length);
/*
 * Does nothing come of it when leaves, or nothing, are stored to a page of leaves, one after the other, as long as no
 * leaf has a bit of `*never`? `leaf` is what all of them have.
 */
bool shadow_lets_by(const struct iommusim_check *check, uint64_t page, uint64_t leaf, uint64_t *never);
/* For where stores may go unannounced (stores.silent): tables that have changed are as if they had been told of. */
void shadow_compare(struct iommusim_check *check);
void shadow_taken(struct iommusim_check *check, uint64_t page);
void shadow_given_back(struct iommusim_check *check, uint64_t page);
/* A call of vmm's begins, or has ended, that is in no other: was page 0 changed between, announced or not? */
void shadow_call_begins(struct iommusim_check *check);
void shadow_call_ended(struct iommusim_check *check);
/* Registers were used: what was stored before belongs to another step. */
void shadow_step(struct iommusim_check *check);
void shadow_free(struct iommusim_check *check);

/* finding_entry.c: what is wrong with a present entry that units read; what a store did to it */
void check_entry(struct iommusim_check *check, const struct shadow_entry *entry);
void check_torn_entry(struct iommusim_check *check, const struct shadow_entry *entry, bool published);
/* A page was given back while `way` leads to it. */
void check_freed_table(struct iommusim_check *check, const struct shadow_entry *way, uint64_t page);
/* A store to what a large leaf maps, as if a table were there. */
struct shadow_judged {
	uint64_t leaf; /* address of its entry */
	uint64_t address;
	uint64_t value; /* that stands there now */
	uint8_t kind;
	uint8_t level;
};
void check_leaf_used(struct iommusim_check *check, const struct shadow_judged *judged);
/* A store to physical page 0 during a call, at `address`, and what stands there now. */
void check_null_table(struct iommusim_check *check, uint64_t address, uint64_t value);
/* The names and values of reports: "DTE of 07:00.0 at 0x1234". Into `text`. */
const char *check_entry_name(const struct shadow_entry *entry, char *text, size_t size);

/* finding_vtd.c, finding_amdvi.c: capabilities that codes of an entry need. False: there was a finding. */
bool check_vtd_entry(
    struct iommusim_check *check, struct iommusim_unit *unit, const struct shadow_entry *entry);
bool check_amdvi_entry(
    struct iommusim_check *check, struct iommusim_unit *unit, const struct shadow_entry *entry);

#endif
