/*
 * One request on its way, and the caches it meets (AMD-Vi 2.2.9): what they know of it, and what of it they
 * keep. The cache of device table entries is in device_table.h, what an invalidation takes in invalidate.h.
 */
#ifndef IOMMUSIM_AMDVI_CACHING_H
#define IOMMUSIM_AMDVI_CACHING_H

#include "models/amdvi/tables.h"

/* What is under way for one request. */
struct amdvi_lookup {
	const struct page_request *request;
	struct iommusim_dma_page *page;
	uint64_t generation; /* of the unit when it began */
	struct amdvi_device device;
	struct amdvi_space space;
	uint64_t entry_address; /* of the entry that ended a walk */
	unsigned reason;
	unsigned reads; /* table entries read from memory */
	unsigned nested_reads;
	uint8_t rights; /* of the tables, or of what stands for them: without the DTE's */
	bool executable;
	bool snoop;             /* FC */
	bool untranslated_only; /* U */
	bool clean;             /* a write has a dirty flag to set yet: in guest tables */
	bool host_clean;        /* and in host tables */
	bool outdone;           /* a clean page is in the IOTLB, and does not answer the write */
	bool asked;             /* the caches of translations were */
	bool table_known;       /* and said where to begin */
	bool excluded;          /* it is in the exclusion range */
	bool markless;          /* sets no flags */
	bool unmarked;          /* and there was one to set: nothing of it may be kept */
	bool lasting;           /* it stays so until something is invalidated: requesters may keep it */
};

/* What the IOTLB has of it. True: the translation. Else `shortcut->from`, where a table is known. */
bool amdvi_ask_caches(
    struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_shortcut *shortcut);
/*
 * Keep what was found. Not if anything was invalidated since the look-up began: it may have read what the
 * invalidation was about.
 */
void amdvi_fill_caches(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct walk_shortcut *shortcut);

/* translate.c: what never meets the tables. True: it is done, `*reason` set. */
bool amdvi_beside_tables(const struct amdvi_unit *amdvi, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason);
/* Why there is no device table entry, as this request is told. */
unsigned amdvi_refine_missing(const struct amdvi_lookup *lookup);
/* What a walk found is the request's. */
void amdvi_take_walk(struct amdvi_lookup *lookup, struct stage_walk *walk);
/* If it is denied for a flag that cannot be set: in which entry. */
void amdvi_blame_mark(
    const struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, const struct walk_marks *marks);
/* May the page be reached, by whose it is (SNP)? The reason when not. */
unsigned amdvi_check_owner(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct iommusim_dma_page *page);
/* What comes of a request: the event that denies it, or, to a translation request, the answer. */
struct amdvi_event amdvi_event_of(const struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup);
bool amdvi_may_silence(const struct amdvi_lookup *lookup, const struct amdvi_event *event);
void amdvi_refine_fault(const struct amdvi_lookup *lookup, struct iommusim_fault *fault);
bool amdvi_answers(const struct amdvi_lookup *lookup);
void amdvi_answer(struct amdvi_lookup *lookup);

/* Must a write of it go through the tables, to get a page dirty? */
static inline bool amdvi_is_clean(const struct amdvi_lookup *lookup)
{
	return (lookup->clean && lookup->space.guest && lookup->space.guest_dirty) ||
	    (lookup->host_clean && lookup->space.host_levels != 0 && lookup->space.host_dirty);
}

#endif
