/*
 * What walks of every vendor are asked, get and leave behind: the path for whoever wants to see it, tables that
 * caches know, flags to be set in entries. How an entry is read stands with its format (models/formats).
 */
#ifndef IOMMUSIM_MODELS_WALK_H
#define IOMMUSIM_MODELS_WALK_H

#include <iommusim/walk.h>

#include "machine/state.h"
#include "models/common/cache.h"
#include "models/common/spec/spec.h"
#include "models/formats/page_format.h"

/* ---- the path -------------------------------------------------------------------------------------------- */

/* Entries in the order of reading; the vendor's explain.c turns them into words. */
struct walk_path_step {
	const struct spec_structure *structure;
	uint64_t table;
	uint64_t address;
	uint64_t raw[8];
	uint64_t input; /* of a paging entry: the address it helps translate */
	uint8_t level;  /* of a paging entry; 0 for others */
	uint8_t stage;  /* of a paging entry: 1 first stage, 2 second stage */
	bool readable;
	bool leaf;
};
struct walk_path {
	struct walk_path_step steps[IOMMUSIM_WALK_STEPS];
	uint8_t count;
	uint8_t levels;
	const char *mode;
};

/* Note an entry on the path; it has as many quadwords as its structure. */
void walk_path_add(struct walk_path *path, const struct spec_structure *structure, uint64_t table,
    uint64_t address, const uint64_t *raw, bool readable);
/* The same if there is a path: requests have none, only whoever wants to see it. */
static inline void walk_path_note(struct walk_path *path, const struct spec_structure *structure,
    uint64_t table, uint64_t address, const uint64_t *raw, bool readable)
{
	if (path != NULL)
		walk_path_add(path, structure, table, address, raw, readable);
}
/* And of the entry noted last, that it is a paging entry. */
void walk_path_note_paging(
    struct walk_path *path, unsigned stage, unsigned level, bool leaf, uint64_t input);

/* ---- tables in between ----------------------------------------------------------------------------------- */

/* A table somewhere below a root, and what the entries on the way to it allow. */
struct walk_table {
	uint64_t address;
	uint8_t level; /* 0: none */
	uint8_t rights;
};

/* Where a walk may begin, and the tables it came by: what the paging-structure cache gives and gets. */
struct walk_shortcut {
	struct walk_table from;
	struct walk_table passed[PAGE_TABLE_LEVELS];
	unsigned passed_count;
};

/*
 * Keep the tables that a walk of `address` came by, each for the addresses it translates; whose they are says
 * `like`. And a table out of such an entry. The caller holds the unit's lock.
 */
void walk_tables_keep(struct cache *cache, const struct walk_shortcut *shortcut, uint64_t address,
    const struct cached *like);
static inline struct walk_table walk_table_of(const struct cached *entry)
{
	return (struct walk_table){
		.address = entry->value[0], .level = (uint8_t)entry->value[1], .rights = entry->rights
	};
}

/* ---- flags ----------------------------------------------------------------------------------------------- */

/* Flags that a translation sets in paging entries once it is known to succeed. */
struct walk_mark {
	uint64_t address;    /* of the entry */
	uint64_t seen;       /* the entry as it was read */
	uint64_t flags;      /* to be set; they are not all set yet */
	uint64_t ignored;    /* flags that others may have set meanwhile */
	unsigned unwritable; /* the vendor's reason of a fault when the entry cannot be written */
};

/* First-stage entries, and for each of them, the page, and tables of roots, a second-stage walk. */
#define WALK_MARKS 72u
struct walk_marks {
	struct walk_mark list[WALK_MARKS];
	unsigned count;
	unsigned reason; /* of the fault, when a flag must be set and may not be */
};

/*
 * Note that an entry was used, and its flags that it lacks; without `marks` nothing is. `unsnooped`: the
 * reason of the fault when the entry is not read through processor caches and so cannot be changed; 0: it can.
 */
void walk_mark(struct walk_marks *marks, const struct walk_mark *mark, unsigned unsnooped);
/*
 * Set them: all or none. False: an entry has changed since it was read, and the translation must be made
 * anew. `*reason`: of the fault, when one cannot be set.
 */
bool walk_marks_set(const struct memory *memory, const struct walk_marks *marks, unsigned *reason);
static inline bool walk_marks_commit(
    const struct memory *memory, const struct walk_marks *marks, unsigned *reason)
{
	return marks->count == 0 || walk_marks_set(memory, marks, reason);
}
/* The first that could not be set, or NULL; and the reason of the fault in which that would end, or 0. */
const struct walk_mark *walk_marks_unwritable(
    const struct memory *memory, const struct walk_marks *marks);
unsigned walk_marks_foresee(const struct memory *memory, const struct walk_marks *marks);

/* ---- one stage ------------------------------------------------------------------------------------------- */

/* What a walk is asked, gets and finds; `shortcut`, `marks` and `path` may be NULL. */
struct stage_walk {
	uint64_t address;
	struct walk_shortcut *shortcut;
	struct walk_marks *marks;
	struct walk_path *path;
	uint8_t needed; /* rights whose lack ends it early, where the vendor or a choice has it so */
	bool writes;    /* the page gets dirty */
	/* out: what there is of it is small, as it is cleared for each request */
	uint8_t level;          /* where it stopped */
	uint8_t shift;          /* log2 of the page */
	uint8_t rights;         /* of the page; of a fault: what was allowed down to there */
	bool snoop;             /* second stage: the leaf wants the page snooped */
	bool untranslated_only; /* likewise: devices must go on asking (U) */
	bool executable;        /* first stage: no entry forbids it */
	bool clean;             /* a write would have a dirty flag to set yet, in the first stage */
	bool second_clean;      /* likewise in the second */
	uint16_t reads;         /* entries read from memory */
	uint16_t nested_reads;  /* of these: by a second stage below a first */
	uint64_t page;          /* of memory that holds `address` */
	uint64_t entry;         /* the leaf, or where it stopped */
	uint64_t entry_address;
	uint64_t top; /* where the first entry's table really is */
};

/* How often a translation is made anew because software changed an entry while its flags were set. */
#define WALK_TRIES 1000u

/* Steps on the path before a walk. */
static inline unsigned stage_walk_start(const struct stage_walk *walk)
{
	return walk->path == NULL ? 0 : walk->path->count;
}

/* Before it is walked again: what it left behind is as it was, with `start` steps on the path. */
void stage_walk_forget(struct stage_walk *walk, unsigned start);

/*
 * Must it be walked again, as the first walk cannot say which flags to set? A nested one that began at a cached
 * table does not know what the second stage says of that place; and whether a translation request writes shows
 * at its end (`writes`). The first walk is then the model's and not the hardware's: neither shown nor counted.
 */
static inline bool stage_walk_again(struct stage_walk *walk, bool nested, bool writes, unsigned start)
{
	if (nested && walk->shortcut != NULL && walk->shortcut->from.level != 0 &&
	    walk->marks != NULL && walk->marks->count != 0)
		walk->shortcut->from.level = 0;
	else if (walk->writes && !writes)
		walk->writes = false;
	else
		return false;
	stage_walk_forget(walk, start);
	return true;
}

/* An entry has changed since it was read: from the root again, which caches know nothing of. */
static inline void stage_walk_from_root(struct stage_walk *walk)
{
	if (walk->shortcut == NULL)
		return;
	walk->shortcut->from.level = 0;
	walk->shortcut->passed_count = 0;
}

/* Where the address comes to on the page that was found. */
static inline void stage_walk_page(const struct stage_walk *walk, struct iommusim_dma_page *page)
{
	page->page_shift = walk->shift;
	page->physical = walk->page | (walk->address & SPEC_MASK(walk->shift - 1, 0));
}

#endif
