/*
 * One DMA request: what never meets the tables, what caches answer, what they keep, and the fault that
 * is logged. The tables themselves are another file (tables.c).
 */
#include "models/vtd/performance.h"

#include "models/formats/page_format.h"
#include "models/vtd/reason.h"

/* What an IOTLB entry keeps in its values. CACHED_MORE: the flags below, and a reason to deny. */
enum { CACHED_PAGE, CACHED_ENTRY, CACHED_MORE };
enum { CACHED_FPD = 1, CACHED_CLEAN = 2, CACHED_SNOOPED = 4, CACHED_REASON_SHIFT = 8 };

/* How often a translation is made anew because software changed an entry while its flags were set. */
#define MARK_TRIES 1000u

/* What is under way for one request. */
struct lookup {
	const struct page_request *request;
	struct iommusim_dma_page *page;
	uint64_t generation; /* of the unit when it began */
	struct vtd_source source;
	struct vtd_space space;
	bool context_cached; /* the context cache has it already */
	bool entry_cached;   /* the PASID cache, likewise */
	bool clean;          /* the page may be written, and would get dirty by it */
	unsigned rights;
	unsigned reason;
};

/* ---- what caches answer -------------------------------------------------------------------------------- */

static bool is_untranslated(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_UNTRANSLATED;
}

static bool is_translated(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_TRANSLATED;
}

/* No tag that translation could tell from: neither a PASID nor an address type. */
static bool is_plain(const struct page_request *request)
{
	return is_untranslated(request) && !request->has_pasid;
}

static struct cache_source source_of(const struct page_request *request)
{
	struct cache_source source = { .source = request->rid };

	if (!request->has_pasid)
		return source;
	source.flags = CACHED_WITH_PASID | (request->privileged ? CACHED_PRIVILEGED : 0);
	source.pasid = request->pasid;
	return source;
}

/* Whom performance events of this request are about; the domain once it is known. */
static struct vtd_performance_subject subject_of(const struct page_request *request)
{
	return (struct vtd_performance_subject){
		.rid = request->rid,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.address_type = request->address_type,
	};
}

static struct vtd_performance_subject subject_in(
    const struct page_request *request, uint32_t domain, unsigned level)
{
	struct vtd_performance_subject subject = subject_of(request);

	subject.has_domain = true;
	subject.domain = domain;
	subject.level = (uint8_t)level;
	return subject;
}

/* The caches that go by source and PASID know keys by page: a PASID is kept as if it were a page number. */
static uint64_t pasid_key(uint32_t pasid)
{
	return (uint64_t)pasid << IOMMUSIM_PAGE_SHIFT;
}

/*
 * May the entry answer? Not a write whose dirty flag is yet to be set: that takes the tables
 * (VT-d 3.6.2).
 */
static bool may_answer(
    const struct vtd_unit *vtd, const struct cached *entry, const struct page_request *request)
{
	return (entry->value[CACHED_MORE] & CACHED_CLEAN) == 0 ||
	    !vtd_writes(vtd, request, entry->rights);
}

/* One answer out of the IOTLB. Lock held. */
static void use_cached(struct vtd_unit *vtd, const struct cached *entry, struct lookup *lookup)
{
	const uint64_t reason = entry->value[CACHED_MORE] >> CACHED_REASON_SHIFT;
	const struct vtd_performance_subject subject = subject_in(lookup->request, entry->domain,
	    (entry->shift - IOMMUSIM_PAGE_SHIFT) / 9u + 1); /* 9 bits a level */
	struct iommusim_dma_page *page = lookup->page;

	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_IOTLB_HIT, &subject);

	if (reason == ALLOWED &&
	    entry->rights != 0) { /* otherwise a fault is kept, and there is no page */
		page->physical = entry->value[CACHED_PAGE] |
		    (lookup->request->address & SPEC_MASK(entry->shift - 1, 0));
		page->page_shift = entry->shift;
	}
	page->entry = entry->value[CACHED_ENTRY];
	page->domain = entry->domain;
	page->cached_tag = entry->tag;
	page->translated = true;
	page->cached = true;
	page->non_snooped = (entry->value[CACHED_MORE] & CACHED_SNOOPED) != 0;
	lookup->clean = (entry->value[CACHED_MORE] & CACHED_CLEAN) != 0;
	lookup->rights = entry->rights;
	lookup->reason = (unsigned)reason;
}

/*
 * What a hit needs (the unit's setting): the fill of the same source id always serves (VT-d 6.2.4.1);
 * the fill of another source in the same domain serves too under MATCH_DOMAIN, which hoard takes as
 * the stricter of the two.
 */
static bool matches_by_domain(const struct vtd_unit *vtd)
{
	const struct iommusim_unit_settings *settings = &vtd->unit.settings;

	return settings->match == IOMMUSIM_MATCH_DOMAIN ||
	    (settings->match == IOMMUSIM_MATCH_DEFAULT && settings->cache == IOMMUSIM_CACHE_HOARD);
}

/* The caches that a source id finds its way in: the context, and the translation itself. */
static bool ask_by_source(struct vtd_unit *vtd, struct lookup *lookup)
{
	const struct page_request *request = lookup->request;
	const struct cache_source device = { .source = request->rid }, source = source_of(request);
	const struct vtd_performance_subject subject = subject_of(request);
	struct vtd_source *known = &lookup->source;
	const struct cached *context, *hit = NULL;

	vtd_performance_count(vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, &subject);
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_CTXT_CACHE_LOOKUP, &subject);
	context = cache_find_source(&vtd->context_cache, &device, request->rid);
	if (context != NULL) {
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_CTXT_CACHE_HIT, &subject);
		known->context[0] = context->value[0];
		known->context[1] = context->value[1];
		known->context[2] = context->value[2];
		known->context_known = true;
		lookup->context_cached = true;
		lookup->page->through_cache = true;
	}
	/* Of other requests the entries have a say first: they may block what goes for these. */
	if (is_untranslated(request) && !request->execute)
		hit = cache_find_source(&vtd->iotlb, &source, request->address);
	if (hit != NULL && !may_answer(vtd, hit, request))
		hit = NULL;
	if (hit != NULL) {
		use_cached(vtd, hit, lookup);
		/* The translation remembers its entries' FPD; another source has its own. */
		known->fault_disable = (hit->value[CACHED_MORE] & CACHED_FPD) != 0;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/*
 * What a PASID-cache entry keeps: the first three quadwords, whole entries being too large, where its host
 * permission table is in `tag`, and:
 */
enum { CACHED_DIRECTORY_FPD = 0x80 }; /* in `rights`, with the reason to deny below it */

/* In scalable mode: the PASID-table entry (VT-d 6.2.3). */
static void ask_for_entry(struct vtd_unit *vtd, struct lookup *lookup)
{
	const uint32_t pasid = vtd_effective_pasid(&lookup->source, lookup->request);
	const struct cache_source device = { .source = lookup->request->rid };
	struct vtd_source *source = &lookup->source;
	const struct vtd_performance_subject subject = subject_of(lookup->request);
	const struct cached *known;

	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_PASID_CACHE_LOOKUP, &subject);
	known = cache_find_source(&vtd->pasid_cache, &device, pasid_key(pasid));
	if (known != NULL) {
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_PASID_CACHE_HIT, &subject);
		for (unsigned quad = 0; quad < 3; quad++)
			source->entry[quad] = known->value[quad];
		vtd_unpack_host_fields(known->tag, source->entry);
		source->entry_known = true;
		source->entry_reason = known->rights & (CACHED_DIRECTORY_FPD - 1u);
		source->fault_disable |= (known->rights & CACHED_DIRECTORY_FPD) != 0 ||
		    vtd_pasid_entry_FPD(source->entry) != 0;
		lookup->entry_cached = true;
		lookup->page->through_cache = true;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* First-stage translations belong to their PASID, all others to their domain alone (VT-d Table 17). */
static struct cache_space space_of(const struct vtd_space *space)
{
	return (struct cache_space){
		.domain = space->domain,
		.kind = space->stages,
		.by_pasid = space->stages == VTD_FIRST_STAGE || space->stages == VTD_NESTED,
		.pasid = space->pasid,
	};
}

/* The paging-structure cache of the stage a walk begins with. Lock held. */
static const struct cached *ask_for_table(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct cache_space *tables)
{
	const bool first = tables->by_pasid;
	struct vtd_performance_subject subject = subject_in(lookup->request, lookup->space.domain, 0);
	const struct cached *above;

	vtd_performance_count_locked(vtd,
	    first ? VTD_PERFORMANCE_FS_NONLEAF_LOOKUP : VTD_PERFORMANCE_SS_NONLEAF_LOOKUP, &subject);
	above = cache_find_space(&vtd->paging_cache, tables, lookup->request->address);
	if (above == NULL)
		return NULL;
	subject.level = (uint8_t)(above->value[1] + 1); /* of the entry that points at the table */
	vtd_performance_count_locked(
	    vtd, first ? VTD_PERFORMANCE_FS_NONLEAF_HIT : VTD_PERFORMANCE_SS_NONLEAF_HIT, &subject);
	return above;
}

/*
 * What spaces of one domain may differ in, and a translation hangs on: whose it is, and what its PASID-table
 * entry says beside the tables (VT-d 6.2.3.1 leaves WPE and PGSNP free).
 */
static uint8_t flags_of(const struct vtd_space *space)
{
	const bool protects = space->privileged && space->write_protect;

	return (uint8_t)((space->privileged ? CACHED_PRIVILEGED : 0) |
	    (protects ? CACHED_WRITE_PROTECTED : 0) | (space->page_snoop ? CACHED_PAGE_SNOOPED : 0));
}

/*
 * With good entries the space is known, and with it what the caches that go by it hold: the
 * translation, or the lowest table of the way there (VT-d 6.2.5). Pass-through has neither.
 */
static bool ask_by_space(struct vtd_unit *vtd, struct lookup *lookup, struct vtd_shortcut *shortcut)
{
	const uint64_t address = lookup->request->address;
	const struct cache_space tables = space_of(&lookup->space);
	const struct cache_source source = source_of(lookup->request);
	struct cache_space space = tables;
	const struct cached *hit, *above = NULL;

	if (lookup->space.stages == VTD_PASS_THROUGH)
		return false;
	space.flags = flags_of(&lookup->space);
	pthread_mutex_lock(&vtd->unit.lock);
	hit = cache_find_source(&vtd->iotlb, &source, address);
	if (hit == NULL && matches_by_domain(vtd))
		hit = cache_find_space(&vtd->iotlb, &space, address);
	if (hit != NULL && !may_answer(vtd, hit, lookup->request))
		hit = NULL;
	if (hit != NULL)
		use_cached(vtd, hit, lookup);
	else
		above = ask_for_table(vtd, lookup, &tables);
	if (above != NULL) {
		shortcut->from = (struct vtd_table){ .address = above->value[0],
			.level = (uint8_t)above->value[1],
			.rights = above->rights };
		lookup->page->through_cache = true;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/* ---- what caches keep ---------------------------------------------------------------------------------- */

static bool keeps_faults(const struct vtd_unit *vtd)
{
	return vtd_CAP_CM(vtd->capability) != 0;
}

/*
 * May a context be kept? With CAP.CM=0 only one without any fault about it; with CM=1 others too, and
 * those belong to the reserved domain 0 in legacy mode (VT-d 6.2.2). Scalable mode has no domain here.
 */
static void keep_context(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const struct vtd_source *source = &lookup->source;
	const unsigned reason = lookup->reason;
	const bool faulty = reason == LCT_2 || reason == LCT_3 || reason == LCT_4 || reason == SCT_2 ||
	    reason == SCT_3 || reason == SCT_4;
	const bool legacy = vtd_RTADDR_TTM(source->root) == 0;
	const struct cached entry = {
		.key = lookup->request->rid,
		/* The last two quadwords are reserved: together they say whether any bit is set. */
		.value = { source->context[0], source->context[1],
		    source->context[2] | source->context[3] },
		.domain = faulty || !legacy ? 0 : (uint16_t)vtd_context_entry_DID(source->context),
		.source = lookup->request->rid,
	};

	/* 45h does not say whether the entry is good: EPTR may contradict it (Table 30, SCT.4.3). */
	if (source->context_known && !lookup->context_cached && reason != SCT_6 &&
	    (!faulty || keeps_faults(vtd)))
		cache_insert(&vtd->context_cache, &entry);
}

/*
 * A PASID-table entry, likewise; with CM=1 also one that faults, or that the directory does not lead to,
 * under domain 0 (VT-d 6.2.3).
 */
static void keep_entry(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const struct vtd_source *source = &lookup->source;
	const unsigned reason = lookup->reason;
	const bool faulty =
	    reason == SPD_2 || reason == SPD_3 || reason == SPT_2 || reason == SPT_3 || reason == SPT_4;
	const uint32_t pasid = vtd_effective_pasid(source, lookup->request);
	const struct cached entry = {
		.key = pasid_key(pasid),
		.value = { source->entry[0], source->entry[1], source->entry[2] },
		.tag = vtd_pack_host_fields(source->entry),
		.domain = faulty ? 0 : (uint16_t)vtd_pasid_entry_DID(source->entry),
		.pasid = pasid,
		.source = lookup->request->rid,
		.shift = IOMMUSIM_PAGE_SHIFT,
		.rights = (uint8_t)((faulty ? reason : ALLOWED) |
		    (source->fault_disable ? CACHED_DIRECTORY_FPD : 0)),
	};

	if (!lookup->entry_cached && (faulty ? keeps_faults(vtd) : source->entry_known))
		cache_insert(&vtd->pasid_cache, &entry);
}

/*
 * Faults of a second-stage walk that a unit with CAP.CM=1 may keep for the page, under its domain
 * (VT-d 6.2.4.1). Of first-stage walks nothing that faults is kept.
 */
static bool keeps_fault(const struct vtd_unit *vtd, const struct lookup *lookup)
{
	const unsigned reason = lookup->reason;
	const bool found_out = reason == LSS_1 || reason == LSS_2 || reason == SSS_1 ||
	    reason == SSS_2 || reason == SSS_3 || lookup->rights == 0;

	return keeps_faults(vtd) && lookup->space.stages == VTD_SECOND_STAGE && found_out;
}

/* Of a kept fault: its reason, but for missing rights, which each request is checked for. */
static uint64_t kept_reason(unsigned reason)
{
	return reason == LGN_2 || reason == LGN_3 ? ALLOWED : reason;
}

static void keep_translation(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const struct iommusim_dma_page *page = lookup->page;
	const struct page_request *request = lookup->request;
	const bool found = lookup->reason == ALLOWED;
	const unsigned shift = found ? page->page_shift : IOMMUSIM_PAGE_SHIFT;
	const struct cached entry = {
		.key = request->address >> shift << shift,
		.value = { page->physical >> shift << shift, page->entry,
		    kept_reason(lookup->reason) << CACHED_REASON_SHIFT |
			(lookup->source.fault_disable ? CACHED_FPD : 0) |
			(lookup->clean ? CACHED_CLEAN : 0) | (page->non_snooped ? CACHED_SNOOPED : 0) },
		.tag = request->tag,
		.domain = lookup->space.domain,
		.pasid = lookup->space.pasid,
		.source = request->rid,
		.shift = (uint8_t)shift,
		.rights = (uint8_t)lookup->rights,
		.kind = lookup->space.stages,
		.flags =
		    (uint8_t)((request->has_pasid ? CACHED_WITH_PASID : 0) | flags_of(&lookup->space)),
	};

	if (found || keeps_fault(vtd, lookup))
		cache_insert(&vtd->iotlb, &entry);
}

static void keep_tables(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct vtd_shortcut *shortcut)
{
	for (unsigned i = 0; i < shortcut->passed_count; i++) {
		const struct vtd_table *table = &shortcut->passed[i];
		const unsigned shift = page_level_shift(table->level + 1u);
		const struct cached entry = {
			.key = lookup->request->address >> shift << shift,
			.value = { table->address, table->level },
			.domain = lookup->space.domain,
			.pasid = lookup->space.pasid,
			.shift = (uint8_t)shift,
			.rights = table->rights,
			.kind = lookup->space.stages,
		};

		cache_insert(&vtd->paging_cache, &entry);
	}
}

/*
 * First-stage entries are kept only after their accessed flags are set (VT-d 6.2.5.1): with the
 * translation, not of a walk that faults.
 */
static bool keeps_tables(const struct lookup *lookup)
{
	return lookup->reason == ALLOWED ||
	    (lookup->space.stages == VTD_SECOND_STAGE && !lookup->space.second_flags);
}

/*
 * Keep what was found. Not if anything was invalidated since the look-up began: it may have read what
 * the invalidation was about.
 */
static void fill_caches(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct vtd_shortcut *shortcut)
{
	pthread_mutex_lock(&vtd->unit.lock);
	if (atomic_load(&vtd->unit.generation) == lookup->generation) {
		keep_context(vtd, lookup);
		if (vtd_RTADDR_TTM(lookup->source.root) != 0)
			keep_entry(vtd, lookup);
		if (shortcut != NULL) {
			keep_translation(vtd, lookup);
			if (keeps_tables(lookup))
				keep_tables(vtd, lookup, shortcut);
		}
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* ---- one request --------------------------------------------------------------------------------------- */

/*
 * The page, and the flags that go with finding it. An entry that software changes between being read and
 * being marked is read again, from the top.
 */
static void find_page(struct vtd_unit *vtd, struct lookup *lookup, struct vtd_shortcut *shortcut)
{
	struct vtd_marks marks;
	struct vtd_walk walk = { .marks = &marks, .shortcut = shortcut };
	const struct vtd_performance_subject subject =
	    subject_in(lookup->request, lookup->space.domain, 0);

	vtd_performance_count(vtd, VTD_PERFORMANCE_PW_OCCUPANCY, &subject);
	for (unsigned tries = 0; tries < MARK_TRIES; tries++) {
		marks.count = 0;
		marks.reason = ALLOWED;
		lookup->reason = vtd_find_page(
		    vtd, lookup->request, &lookup->space, &walk, lookup->page, &lookup->rights);
		lookup->clean = walk.clean;
		lookup->source.reads += walk.reads;
		walk.reads = 0;
		if (!vtd_is_used(lookup->request, lookup->reason, lookup->rights))
			return;
		if (vtd_marks_commit(vtd, &marks, &lookup->reason)) {
			vtd_performance_count_times(
			    vtd, VTD_PERFORMANCE_IOMMU_ATOMIC_AD_UPDATE, NULL, marks.count);
			return;
		}
		if (shortcut != NULL) {
			shortcut->from.level = 0;
			shortcut->passed_count = 0;
		}
	}
	lookup->reason = marks.list[0].unwritable;
}

/* A translated request whose source needs permission: through the HPT cache and tables. */
static void look_up_permission(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct vtd_host_walk walk = { .met_count = 0 };

	lookup->reason = vtd_look_up_permission(vtd, lookup->request, &lookup->source, &lookup->space,
	    &walk, lookup->page, &lookup->rights);
	fill_caches(vtd, lookup, NULL);
	vtd_keep_permissions(vtd, lookup->request, &lookup->source, &walk, lookup->generation);
}

/* Through the caches, and through the tables for what they do not know. */
static void look_up(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct vtd_shortcut shortcut = { .passed_count = 0 };

	if (ask_by_source(vtd, lookup))
		return;
	lookup->rights = RIGHT_READ | RIGHT_WRITE; /* a fault before any walk finds no right missing */
	lookup->reason = vtd_find_context(vtd, lookup->request, &lookup->source, NULL);
	if (lookup->reason != ALLOWED) {
		fill_caches(vtd, lookup, NULL);
		return;
	}
	if (vtd_ends_at_context(vtd, lookup->request, &lookup->source, lookup->page, &lookup->rights,
		&lookup->reason, NULL))
		return;
	if (lookup->space.scalable)
		ask_for_entry(vtd, lookup);
	lookup->reason = vtd_find_space(vtd, lookup->request, &lookup->source, &lookup->space, NULL);
	if (lookup->reason != ALLOWED) {
		fill_caches(vtd, lookup, NULL);
		return;
	}
	if (is_translated(lookup->request)) {
		look_up_permission(vtd, lookup);
		return;
	}
	if (ask_by_space(vtd, lookup, &shortcut))
		return;
	find_page(vtd, lookup, &shortcut);
	fill_caches(vtd, lookup, &shortcut);
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
	struct lookup lookup = { .request = &next,
		.page = &page,
		.generation = asked->generation,
		.source.root = asked->source.root,
		.space.scalable = asked->space.scalable };
	bool wanted;

	pthread_mutex_lock(&vtd->unit.lock);
	wanted = cache_whim(&vtd->iotlb, 4);
	pthread_mutex_unlock(&vtd->unit.lock);
	next.address += IOMMUSIM_PAGE_SIZE;
	next.kind = IOMMUSIM_DMA_READ;
	if (!wanted)
		return;
	look_up(vtd, &lookup);
	count_reads(vtd, &lookup);
}

/* A request to FEEx_xxxx never meets the tables (VT-d 3.15): one doubleword written is an interrupt. */
static enum reason check_interrupt_range(const struct page_request *request)
{
	const bool interrupt =
	    request->kind == IOMMUSIM_DMA_WRITE && request->length == 4 && request->address % 4 == 0;
	const bool bypass = request->kind == IOMMUSIM_DMA_READ && request->length == 0;

	return interrupt || bypass ? ALLOWED : LGN_29;
}

/*
 * What is unsupported whatever the tables say (VT-d 4.2.1, 4.2.5): a write that says it is a translation
 * request, and a translated request with a PASID on units that do not take them.
 */
static bool is_refused(const struct vtd_unit *vtd, const struct page_request *request)
{
	if (is_translated(request))
		return request->has_pasid && !vtd_ECAP_PTRS(vtd->ext_capability);
	return request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST &&
	    request->kind != IOMMUSIM_DMA_READ;
}

/* Translation is off: requests that ask for it are answered Unsupported Request, all else passes. */
static void pass_untranslated(const struct page_request *request, struct iommusim_dma_page *page)
{
	page->physical = request->address;
	if (request->address_type == IOMMUSIM_DMA_UNTRANSLATED)
		return;
	page->faulted = true;
	page->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
}

struct page_request vtd_as_seen(const struct vtd_unit *vtd, const struct page_request *request)
{
	struct page_request seen = *request;

	if (!vtd_GSTS_TES(atomic_load(&vtd->status)))
		seen.has_pasid = seen.privileged = seen.execute = false;
	return seen;
}

bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason)
{
	*reason = ALLOWED;
	if (is_refused(vtd, request)) {
		page->faulted = true;
		page->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
		return true;
	}
	if (is_plain(request) && vtd_interrupt_range(request->address)) {
		page->physical = request->address;
		page->translated = true;
		*reason = check_interrupt_range(request);
		page->interrupt = *reason == ALLOWED;
		return true;
	}
	if (vtd_GSTS_TES(atomic_load(&vtd->status)))
		return false;
	pass_untranslated(request, page);
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
}

static void resolve_uncached(struct vtd_unit *vtd, struct lookup *lookup)
{
	lookup->reason = vtd_find_context(vtd, lookup->request, &lookup->source, NULL);
	if (lookup->reason != ALLOWED ||
	    vtd_ends_at_context(vtd, lookup->request, &lookup->source, lookup->page, &lookup->rights,
		&lookup->reason, NULL))
		return;
	lookup->reason = vtd_find_space(vtd, lookup->request, &lookup->source, &lookup->space, NULL);
	if (lookup->reason != ALLOWED)
		return;
	if (is_translated(lookup->request))
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
	if (lookup->page->page_shift == 0 || (lookup->reason != ALLOWED && is_untranslated(request)))
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
	if (lookup->reason == ALLOWED && is_untranslated(request) &&
	    vtd->unit.settings.cache == IOMMUSIM_CACHE_ADVERSE)
		prefetch(vtd, lookup);
}

void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const struct page_request seen = vtd_as_seen(vtd, request);
	struct lookup lookup = {
		.request = &seen, .page = page, .generation = atomic_load(&unit->generation)
	};
	const struct vtd_performance_subject subject = subject_of(&seen);

	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_REQUESTS, &subject);
	if (!vtd_beside_tables(vtd, &seen, page, &lookup.reason)) {
		resolve(vtd, &lookup);
		count_reads(vtd, &lookup);
		/* The IOTLB keeps it until it is invalidated: so may the requester. */
		if (lookup.reason == ALLOWED && is_plain(&seen) &&
		    unit->settings.cache == IOMMUSIM_CACHE_HOARD && vtd_performance_idle(vtd))
			*rights = lookup.rights & ~(lookup.clean ? (unsigned)RIGHT_WRITE : 0u);
	}
	if (!page->faulted && vtd_answers(&seen, lookup.reason, &lookup.rights))
		vtd_answer(vtd, &seen, page, lookup.rights);
	else if (lookup.reason != ALLOWED)
		deny(vtd, &lookup);
	else if (!page->faulted && vtd_protected(vtd, page))
		*rights = 0;
	if (page->answered && lookup.reason == SFS_10) /* the one answer that is reported, too */
		vtd_report(vtd, &seen, lookup.reason, lookup.source.fault_disable, &page->fault);
}
