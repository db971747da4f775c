/*
 * One DMA request: what never meets the tables, the way through caches (caching.c) and tables
 * (tables.c), what is judged of a cached answer, and the fault that is logged.
 */
#include "models/vtd/translate.h"

#include <string.h>

#include "models/formats/page_format.h"
#include "models/vtd/caching.h"
#include "models/vtd/fault.h"
#include "models/vtd/host_permission.h"
#include "models/vtd/performance.h"
#include "models/vtd/protected.h"
#include "models/vtd/reason.h"
#include "models/vtd/tables.h"

/* No tag that translation could tell from: neither a PASID nor an address type. */
static bool is_plain(const struct page_request *request)
{
	return request_is_untranslated(request) && !request->has_pasid;
}

/* Nothing is known yet. Field by field, for compilers clear a structure of this size with a loop. */
static void begin(struct lookup *lookup, const struct page_request *request,
    struct iommusim_dma_page *page, uint64_t generation)
{
	struct vtd_source *source = &lookup->source;

	lookup->request = request;
	lookup->page = page;
	lookup->generation = generation;
	source->root = 0;
	memset(source->context, 0, sizeof(source->context));
	memset(source->entry, 0, sizeof(source->entry));
	source->context_known = source->entry_known = source->fault_disable = false;
	source->reads = source->entry_reason = 0;
	lookup->space = (struct vtd_space){ .stages = 0 };
	lookup->context_cached = lookup->entry_cached = lookup->clean = lookup->outdone = false;
	lookup->rights = lookup->reason = 0;
}

/* Set the flags that go with a translation. False: an entry changed meanwhile. */
static bool set_flags(struct vtd_unit *vtd, struct lookup *lookup, const struct walk_marks *marks)
{
	const unsigned found = lookup->reason;

	if (!walk_marks_commit(&vtd->unit.machine->memory, marks, &lookup->reason))
		return false;
	if (lookup->reason == found) /* else none can be set */
		vtd_performance_count_times(
		    vtd, VTD_PERFORMANCE_IOMMU_ATOMIC_AD_UPDATE, NULL, marks->count);
	return true;
}

/*
 * The page, and the flags that go with finding it. An entry that software changes between being read and
 * being marked is read again, from the top.
 */
static void find_page(struct vtd_unit *vtd, struct lookup *lookup, struct walk_shortcut *shortcut)
{
	struct walk_marks marks;
	struct stage_walk walk = { .marks = &marks, .shortcut = shortcut };

	if (lookup->space.stages != VTD_PASS_THROUGH)
		vtd_count_lookup(vtd, VTD_PERFORMANCE_PW_OCCUPANCY, lookup);
	for (unsigned tries = 0; tries < WALK_TRIES; tries++) {
		marks.count = 0;
		marks.reason = ALLOWED;
		lookup->reason = vtd_find_page(
		    vtd, lookup->request, &lookup->space, &walk, lookup->page, &lookup->rights);
		lookup->clean = walk.clean;
		lookup->source.reads += walk.reads;
		walk.reads = 0;
		if (!vtd_is_used(lookup->request, lookup->reason, lookup->rights))
			return;
		if (marks.count == 0)
			return;
		if (set_flags(vtd, lookup, &marks))
			return;
		stage_walk_from_root(&walk);
	}
	lookup->reason = marks.list[0].unwritable;
}

/* A translated request whose source needs permission: through the HPT cache and tables. */
static void look_up_permission(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct vtd_host_walk walk = { .met_count = 0 };

	lookup->reason = vtd_look_up_permission(vtd, lookup->request, &lookup->source, &lookup->space,
	    &walk, lookup->page, &lookup->rights);
	lookup->source.reads += walk.reads;
	vtd_fill_caches(vtd, lookup, NULL);
	vtd_keep_permissions(vtd, lookup->request, &lookup->source, &walk, lookup->generation);
}

/* After a good context. Only requests with an address type can. */
static bool ends_at_context(const struct vtd_unit *vtd, struct lookup *lookup)
{
	return !request_is_untranslated(lookup->request) &&
	    vtd_ends_at_context(vtd, lookup->request, &lookup->source, lookup->page, &lookup->rights,
		&lookup->reason, NULL);
}

/* Through the caches, and through the tables for what they do not know. */
static void look_up(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct walk_shortcut shortcut = { .passed_count = 0 };

	if (vtd_ask_by_source(vtd, lookup))
		return;
	lookup->rights = RIGHT_READ | RIGHT_WRITE; /* a fault before any walk finds no right missing */
	lookup->reason = vtd_find_context(vtd, lookup->request, &lookup->source, NULL);
	if (lookup->reason != ALLOWED) {
		vtd_fill_caches(vtd, lookup, NULL);
		return;
	}
	if (ends_at_context(vtd, lookup))
		return;
	if (lookup->space.scalable)
		vtd_ask_for_entry(vtd, lookup);
	lookup->reason = vtd_find_space(vtd, lookup->request, &lookup->source, &lookup->space, NULL);
	if (lookup->reason != ALLOWED) {
		vtd_fill_caches(vtd, lookup, NULL);
		return;
	}
	if (request_is_translated(lookup->request)) {
		look_up_permission(vtd, lookup);
		return;
	}
	if (vtd_ask_by_space(vtd, lookup, &shortcut)) {
		vtd_fill_caches(
		    vtd, lookup, NULL); /* with the source's own entries, if they were read */
		return;
	}
	find_page(vtd, lookup, &shortcut);
	vtd_fill_caches(vtd, lookup, &shortcut);
	if (lookup
		->outdone) /* who keeps the clean page need not be one whose own writes take the tables */
		machine_outdate(vtd->unit.machine);
}

static void count_reads(struct vtd_unit *vtd, const struct lookup *lookup)
{
	vtd_performance_count_times(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL, lookup->source.reads);
}

/*
 * A contrary cache also fetches the page after the one that was asked for: to read it, for a page does
 * not get dirty by speculation (VT-d 3.6.2).
 */
static void prefetch(struct vtd_unit *vtd, const struct lookup *asked)
{
	struct page_request next = *asked->request;
	struct iommusim_dma_page page = { .address = 0 };
	struct lookup lookup;

	if (!cache_prefetches(&vtd->unit, &vtd->iotlb))
		return;
	next.address += IOMMUSIM_PAGE_SIZE;
	next.kind = IOMMUSIM_DMA_READ;
	begin(&lookup, &next, &page, asked->generation);
	lookup.source.root = asked->source.root;
	lookup.space.scalable = asked->space.scalable;
	look_up(vtd, &lookup);
	count_reads(vtd, &lookup);
}

/*
 * What is unsupported whatever the tables say (VT-d 4.2.1, 4.2.5): a write that says it is a translation
 * request, and a translated request with a PASID on units that do not take them.
 */
static bool is_refused(const struct vtd_unit *vtd, const struct page_request *request)
{
	if (request_is_translated(request))
		return request->has_pasid && !vtd_ECAP_PTRS(vtd->ext_capability);
	return request_is_malformed(request);
}

const struct page_request *vtd_as_seen(
    const struct vtd_unit *vtd, const struct page_request *request, struct page_request *without)
{
	if (vtd_GSTS_TES(atomic_load(&vtd->status)))
		return request;
	*without = *request;
	without->has_pasid = without->privileged = without->execute = false;
	return without;
}

bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason)
{
	*reason = ALLOWED;
	if (is_refused(vtd, request)) {
		request_refuse(page);
		return true;
	}
	/* A request to FEEx_xxxx never meets the tables (VT-d 3.15). */
	if (is_plain(request) && is_interrupt_address(request->address)) {
		page->physical = request->address;
		page->translated = true;
		*reason = request_suits_interrupts(request) ? ALLOWED : LGN_29;
		page->interrupt = *reason == ALLOWED;
		return true;
	}
	if (vtd_GSTS_TES(atomic_load(&vtd->status)))
		return false;
	request_pass(request, page);
	return true;
}

static void deny(struct vtd_unit *vtd, struct lookup *lookup)
{
	vtd_fault(vtd, lookup->request, lookup->reason, lookup->source.fault_disable, lookup->page);
	vtd_fault_refine(&lookup->page->fault, lookup->rights);
}

static void find_permission(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct vtd_host_walk walk = { .met_count = 0 };

	lookup->reason = vtd_find_permission(vtd, lookup->request, &lookup->source, &lookup->space,
	    &walk, lookup->page, &lookup->rights);
	lookup->source.reads += walk.reads;
}

static void resolve_uncached(struct vtd_unit *vtd, struct lookup *lookup)
{
	lookup->reason = vtd_find_context(vtd, lookup->request, &lookup->source, NULL);
	if (lookup->reason != ALLOWED || ends_at_context(vtd, lookup))
		return;
	lookup->reason = vtd_find_space(vtd, lookup->request, &lookup->source, &lookup->space, NULL);
	if (lookup->reason != ALLOWED)
		return;
	if (request_is_translated(lookup->request))
		find_permission(vtd, lookup);
	else
		find_page(vtd, lookup, NULL);
}

/* What the IOTLB answered is judged for this request, as what the tables answer is. */
static void judge_cached(const struct vtd_unit *vtd, struct lookup *lookup)
{
	const struct page_request *request = lookup->request;

	if (lookup->reason != ALLOWED)
		return;
	lookup->reason = vtd_check_rights(vtd, request, &lookup->space, lookup->rights);
	if (lookup->page->page_shift == 0 ||
	    (lookup->reason != ALLOWED && request_is_untranslated(request)))
		return;
	/* A large page may reach over the interrupt range: each access is judged (VT-d 3.15). */
	if (vtd_reaches_interrupts(request, lookup->page))
		lookup->reason = lookup->space.scalable ? SGN_8 : LGN_4;
}

static void resolve(struct vtd_unit *vtd, struct lookup *lookup)
{
	const struct page_request *request = lookup->request;

	lookup->reason = vtd_check_mode(vtd, request, &lookup->source);
	lookup->rights = RIGHT_READ | RIGHT_WRITE;
	if (lookup->reason != ALLOWED)
		return;
	lookup->space.scalable = vtd_RTADDR_TTM(lookup->source.root) != 0;
	if (vtd->unit.settings.cache == IOMMUSIM_CACHE_NONE) {
		resolve_uncached(vtd, lookup);
		return;
	}
	look_up(vtd, lookup);
	if (lookup->page->cached)
		judge_cached(vtd, lookup);
	if (lookup->reason == ALLOWED && request_is_untranslated(request) &&
	    vtd->unit.settings.cache == IOMMUSIM_CACHE_ADVERSE)
		prefetch(vtd, lookup);
}

void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct vtd_unit *vtd = vtd_of(unit);
	struct page_request without;
	const struct page_request *seen = vtd_as_seen(vtd, request, &without);
	struct lookup lookup;

	begin(&lookup, seen, page, atomic_load(&unit->generation));
	vtd_count_request(vtd, VTD_PERFORMANCE_IOMMU_REQUESTS, seen);
	if (!vtd_beside_tables(vtd, seen, page, &lookup.reason)) {
		resolve(vtd, &lookup);
		count_reads(vtd, &lookup);
		/*
		 * The IOTLB keeps it until it is invalidated: so may the requester. Not a hit that came without the
		 * context cache: whatever brings the context there changes what is said of the next hit.
		 */
		if (lookup.reason == ALLOWED && is_plain(seen) &&
		    (!page->cached || page->through_cache) &&
		    unit->settings.cache == IOMMUSIM_CACHE_HOARD && vtd_performance_idle(vtd))
			*rights = lookup.clean
			    ? 0
			    : lookup.rights; /* the write to come replaces a clean page */
	}
	if (!page->faulted && vtd_answers(seen, lookup.reason, &lookup.rights))
		vtd_answer(vtd, seen, page, lookup.rights);
	else if (lookup.reason != ALLOWED)
		deny(vtd, &lookup);
	else if (!page->faulted && vtd_protected(vtd, page))
		*rights = 0;
	if (page->answered && lookup.reason == SFS_10) /* the one answer that is reported, too */
		vtd_report(vtd, seen, lookup.reason, lookup.source.fault_disable, &page->fault);
}
