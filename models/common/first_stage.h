/*
 * The walk through x86 tables: VT-d's first stage and AMD-Vi's guest tables, alone or with every address that
 * it comes by going through a second stage (nested). What the vendors differ in is asked for here.
 */
#ifndef IOMMUSIM_MODELS_FIRST_STAGE_H
#define IOMMUSIM_MODELS_FIRST_STAGE_H

#include "models/common/walk.h"

/* The vendor's reasons of faults; 0 is none. */
struct first_stage_reasons {
	unsigned not_canonical;
	unsigned unreadable_top; /* no memory at an entry of the highest level; at one further down */
	unsigned unreadable;
	unsigned not_present;
	unsigned reserved;
	unsigned user;             /* a user's request, and the entries are not a user's */
	unsigned write;            /* another right is missing on the way */
	unsigned table_denied_top; /* the second stage does not let the entry be read */
	unsigned table_denied;
	unsigned flag_denied; /* nor a flag be set in it */
	unsigned
	    flag_unsnooped; /* a flag must be set, and entries are not read through processor caches */
	unsigned flag_unwritable;  /* nor is there memory that can be written */
	unsigned second_unsnooped; /* the same of the second stage's leaf of a table that is written */
	unsigned second_unwritable;
};

/* Structures of the entries, for the path. */
struct first_stage_structures {
	const struct spec_structure *leaf[4]; /* by level, 1 to 3 */
	const struct spec_structure *table;   /* levels 2 and 3 */
	const struct spec_structure *upper;   /* levels 4 and 5 */
};

/* How a request goes through such tables. */
struct first_stage {
	const struct memory *memory;
	const struct page_reserved *reserved;
	const struct first_stage_reasons *reasons;
	const struct first_stage_structures *structures;
	/* Nested: walk `through->address` at the second stage. Its reason, also for an address too wide. */
	unsigned (*second)(void *context, struct stage_walk *through);
	void *context;
	uint64_t table;
	uint64_t accessed; /* flags of entries that are used; 0: none are kept */
	uint64_t dirty;    /* of the leaf of a page that is written */
	uint64_t ignored;  /* all flags that others may set in an entry meanwhile */
	uint64_t
	    second_dirty; /* nested, with second-stage flags: of a leaf whose page is written; else 0 */
	uint64_t second_ignored;
	uint8_t levels;
	uint8_t table_rights; /* nested: what the second stage must give for entries to be read */
	uint8_t table_needed; /* of those: whose lack ends the second stage's walk where it shows */
	bool nested;
	bool snoops;
	bool unsigned_address; /* bits above the tables' are no copies of the highest: they are 0 */
	bool privileged;
	bool write_protect; /* from privileged requests too */
	bool
	    write_early; /* a missing write right ends it at the entry, before its reserved bits are seen */
	bool execution; /* entries can forbid execution */
};

/* Walk. The reason, or 0 and `asked` says what was found. Reads memory, changes nothing. */
unsigned first_stage_walk(const struct first_stage *stage, struct stage_walk *asked);

#endif
