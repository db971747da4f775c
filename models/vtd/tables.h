/*
 * The tables that say how a request is translated (VT-d 3.4 to 3.9, 9), from memory alone: what is known
 * of a source, the space it lands in, and the walk to a page (models/common/walk.h). Caches are around it
 * (caching.h), host permission tables beside it (host_permission.h).
 */
#ifndef IOMMUSIM_VTD_TABLES_H
#define IOMMUSIM_VTD_TABLES_H

#include <string.h>

#include "machine/memory_access.h"
#include "models/common/request.h"
#include "models/common/walk.h"
#include "models/vtd/unit.h"

/* --- what is known of a request --------------------------------------------------------------------- */

/*
 * What the tables say about the source of a request, as far as it is known: read, or out of a cache.
 * `root` is RTADDR as it was latched when the request was looked at first.
 */
struct vtd_source {
	uint64_t root;
	uint64_t context[4]; /* context entry, of either mode */
	uint64_t entry[8];   /* PASID-table entry (scalable mode) */
	bool context_known;
	bool entry_known;
	bool fault_disable;    /* FPD of any entry met so far */
	unsigned reads;        /* entries read from memory */
	unsigned entry_reason; /* entry_known, but it leads to this fault (caching mode) */
};

/* PGTT of a PASID-table entry (VT-d 9.6); legacy mode has two of them. */
enum vtd_stages { VTD_FIRST_STAGE = 1, VTD_SECOND_STAGE = 2, VTD_NESTED = 3, VTD_PASS_THROUGH = 4 };

/* How a request is translated: what a context entry or a PASID-table entry comes to. */
struct vtd_space {
	uint64_t first_table;
	uint64_t second_table;
	uint32_t pasid; /* that tags what is cached; 0 in legacy mode */
	uint16_t domain;
	uint8_t stages; /* enum vtd_stages */
	uint8_t first_levels;
	uint8_t second_levels;
	bool scalable;
	bool privileged;    /* the request asks for it, or RID_PRIV does */
	bool snoops;        /* paging entries are read, and their flags set, in processor caches */
	bool second_flags;  /* SSADE: second-stage entries have accessed and dirty flags */
	bool extended_flag; /* EAFE */
	bool write_protect; /* WPE */
	bool io_rights;     /* SSIRWE: IR and IW stand for R and W */
	bool page_snoop;    /* PGSNP */
};

/*
 * --- what finds it out ---------------------------------------------------------------------------------
 *
 * All of it reads and changes nothing, except that walk_marks_commit() sets flags. `path` may be NULL throughout. What
 * returns `unsigned` returns the reason code of the fault, or 0.
 */

/* tables.c */
/* The root table mode, before any entry is read (VT-d 11.4.5, 3.4.4). */
unsigned vtd_check_mode(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_source *source);
/* Root and context entry, in either mode, and what they say about the request. */
unsigned vtd_find_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path);
/* After a good context: how the request is translated. In scalable mode by its PASID-table entry. */
unsigned vtd_find_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct walk_path *path);
/*
 * Is all said and done with the context? Translated requests, and translation requests to the interrupt
 * range: `page` is what comes of them, `*rights` what is allowed, `*reason` the fault or 0.
 */
bool vtd_ends_at_context(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, struct iommusim_dma_page *page, unsigned *rights, unsigned *reason,
    struct walk_path *path);
/*
 * Output is input: a host address, of pass-through and of translated requests. The reason when it is too
 * wide, or where interrupts live.
 */
unsigned vtd_use_as_is(const struct vtd_unit *vtd, const struct page_request *request, bool scalable,
    struct iommusim_dma_page *page);
/* The page of a request in a space. `walk` has shortcut, marks and path set; `*rights` everything. */
unsigned vtd_find_page(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, struct stage_walk *walk, struct iommusim_dma_page *page,
    unsigned *rights);
/* Is what was found used, if only to answer with? A walk that faults leaves no flags behind. */
bool vtd_is_used(const struct page_request *request, unsigned reason, unsigned rights);
/* All of it, without caches. Changes nothing: that flags cannot be set is foreseen. */
unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct iommusim_dma_page *page,
    unsigned *rights, struct walk_marks *marks, struct walk_path *path);
/* Do accumulated rights suffice for the request? The reason when not. */
unsigned vtd_check_rights(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, unsigned rights);
/* Is it a read without length that needs no read right (VT-d 3.14)? */
bool vtd_is_flush(const struct vtd_unit *vtd, const struct page_request *request);
/* Does a translation count as a write of its page? Rights that it gives: `rights`. */
bool vtd_writes(const struct vtd_unit *vtd, const struct page_request *request, unsigned rights);
/* Answer a translation request with `rights`. */
void vtd_answer(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned rights);
/* Would the translation put the request where interrupts live? */
bool vtd_reaches_interrupts(const struct page_request *request, const struct iommusim_dma_page *page);
/* Every entry of two quadwords is read as a whole (VT-d 9). `quads` is a constant. False: all zero. */
static inline bool vtd_load_entry(const struct vtd_unit *vtd, struct vtd_source *source,
    uint64_t address, uint64_t *raw, unsigned quads)
{
	const struct memory *memory = &vtd->unit.machine->memory;
	bool readable = true;

	source->reads++;
	if (quads == 1)
		readable = memory_load64(memory, address, vtd->snoops, raw);
	for (unsigned quad = 0; quad + 1 < quads && readable; quad += 2)
		readable =
		    memory_load128(memory, address + quad * UINT64_C(8), vtd->snoops, raw + quad);
	if (!readable)
		memset(raw, 0, quads * sizeof(*raw));
	return readable;
}

/* legacy.c: root and context entry of legacy mode */
unsigned vtd_legacy_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path);
void vtd_legacy_space(
    const struct vtd_unit *vtd, const struct vtd_source *source, struct vtd_space *space);

/* scalable.c: root, context, PASID directory and PASID-table entry of scalable mode */
unsigned vtd_scalable_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path);
unsigned vtd_scalable_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct walk_path *path);
/* The PASID that a request is translated by: its own, or its source's RID_PASID. */
uint32_t vtd_effective_pasid(const struct vtd_source *source, const struct page_request *request);

/* second_stage.c */
unsigned vtd_walk_second_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct stage_walk *walk);
/* The width of what the second stage translates: min(MGAW, AGAW). */
static inline unsigned vtd_second_stage_width(const struct vtd_unit *vtd, const struct vtd_space *space)
{
	const unsigned width = 12 + 9u * space->second_levels;

	return width < vtd->max_address_width ? width : vtd->max_address_width;
}

/* first_stage.c: alone, or through the second stage (nested) */
unsigned vtd_walk_first_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct stage_walk *walk);

#endif
