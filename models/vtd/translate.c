/*
 * One DMA request: what never meets the tables, what caches answer, what they keep, and the fault that
 * is logged. The tables themselves are another file (tables.c).
 */
#include "models/vtd/unit.h"

#include "models/formats/page_format.h"
#include "models/vtd/reason.h"

/* What an IOTLB entry keeps in its values. CACHED_MORE: FPD of its context, and a reason to deny. */
enum { CACHED_PAGE, CACHED_ENTRY, CACHED_MORE };
enum { CACHED_FPD = 1, CACHED_REASON_SHIFT = 8 };

/* What is under way for one request. */
struct lookup {
	const struct page_request *request;
	struct iommusim_dma_page *page;
	uint64_t generation; /* of the unit when it began */
	struct vtd_context context;
	bool context_cached; /* the context cache has it already */
	unsigned rights;
	unsigned reason;
};

/* One answer out of the IOTLB. */
static void use_cached(const struct cached *entry, struct lookup *lookup)
{
	struct iommusim_dma_page *page = lookup->page;

	page->physical =
	    entry->value[CACHED_PAGE] | (lookup->request->address & SPEC_MASK(entry->shift - 1, 0));
	page->entry = entry->value[CACHED_ENTRY];
	page->page_shift = entry->shift;
	page->domain = entry->domain;
	page->cached_tag = entry->tag;
	page->translated = true;
	page->cached = true;
	lookup->rights = entry->rights;
	lookup->reason = (unsigned)(entry->value[CACHED_MORE] >> CACHED_REASON_SHIFT);
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
	struct vtd_context *context = &lookup->context;
	const struct cached *known, *hit;

	pthread_mutex_lock(&vtd->unit.lock);
	known = cache_find_source(&vtd->context_cache, request->rid, request->rid);
	if (known != NULL) {
		context->raw[0] = known->value[0];
		context->raw[1] = known->value[1];
		context->known = true;
		lookup->context_cached = true;
		lookup->page->through_cache = true;
	}
	hit = cache_find_source(&vtd->iotlb, request->rid, request->address);
	if (hit != NULL) {
		use_cached(hit, lookup);
		/* The translation remembers its context's FPD; another source has one of its own. */
		context->fault_disable = (hit->value[CACHED_MORE] & CACHED_FPD) != 0;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/* A translation without a leaf entry; a kept fault may have none either, but it has no rights. */
static bool passed_through(const struct cached *entry)
{
	return entry->value[CACHED_ENTRY] == 0 && entry->rights != 0;
}

/*
 * With a good context the domain is known, and with it what the caches that go by domain hold: the
 * translation, or the lowest table of the way there (VT-d 6.2.5). Pass-through has neither.
 */
static bool ask_by_domain(struct vtd_unit *vtd, struct lookup *lookup, struct vtd_shortcut *shortcut)
{
	const uint32_t domain = (uint32_t)vtd_context_entry_DID(lookup->context.raw);
	const uint64_t address = lookup->request->address;
	const struct cached *hit = NULL, *above = NULL;

	if (vtd_context_passes(&lookup->context))
		return false;
	pthread_mutex_lock(&vtd->unit.lock);
	if (matches_by_domain(vtd))
		hit = cache_find_domain(&vtd->iotlb, domain, address);
	if (hit != NULL &&
	    passed_through(hit)) /* another device's, that shares nothing but the number */
		hit = NULL;
	if (hit != NULL)
		use_cached(hit, lookup);
	else
		above = cache_find_domain(&vtd->paging_cache, domain, address);
	if (above != NULL) {
		shortcut->from = (struct vtd_table){ .address = above->value[0],
			.level = (uint8_t)above->value[1],
			.rights = above->rights };
		lookup->page->through_cache = true;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/*
 * May a context be kept? With CAP.CM=0 only one without any fault about it; with CM=1 others too, and
 * those belong to the reserved domain 0 (VT-d 6.2.2).
 */
static void keep_context(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const struct vtd_context *context = &lookup->context;
	const bool faulty =
	    lookup->reason == LCT_2 || lookup->reason == LCT_3 || lookup->reason == LCT_4;
	const struct cached entry = {
		.key = lookup->request->rid,
		.value = { context->raw[0], context->raw[1] },
		.domain = faulty ? 0 : (uint32_t)vtd_context_entry_DID(context->raw),
		.source = lookup->request->rid,
	};

	if (context->known && !lookup->context_cached && (!faulty || vtd_CAP_CM(vtd->capability)))
		cache_insert(&vtd->context_cache, &entry);
}

/* Faults of a walk that a unit with CAP.CM=1 may keep for the page, under its domain (VT-d 6.2.4.1). */
static bool keeps_fault(const struct vtd_unit *vtd, const struct lookup *lookup)
{
	return vtd_CAP_CM(vtd->capability) &&
	    (lookup->reason == LSS_1 || lookup->reason == LSS_2 || lookup->rights == 0);
}

static void keep_translation(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const struct iommusim_dma_page *page = lookup->page;
	const bool found = lookup->reason == ALLOWED;
	const unsigned shift = found ? page->page_shift : IOMMUSIM_PAGE_SHIFT;
	const uint64_t reason =
	    lookup->reason == LSS_1 || lookup->reason == LSS_2 ? lookup->reason : ALLOWED;
	const struct cached entry = {
		.key = lookup->request->address >> shift << shift,
		.value = { page->physical >> shift << shift, page->entry,
		    reason << CACHED_REASON_SHIFT | lookup->context.fault_disable },
		.tag = lookup->request->tag,
		.domain = page->domain,
		.source = lookup->request->rid,
		.shift = (uint8_t)shift,
		.rights = (uint8_t)lookup->rights,
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
			.domain = lookup->page->domain,
			.shift = (uint8_t)shift,
			.rights = table->rights,
		};

		cache_insert(&vtd->paging_cache, &entry);
	}
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
		if (shortcut != NULL) {
			keep_translation(vtd, lookup);
			keep_tables(vtd, lookup, shortcut);
		}
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* Through the caches, and through the tables for what they do not know. */
static void look_up(struct vtd_unit *vtd, struct lookup *lookup)
{
	struct vtd_shortcut shortcut = { .passed_count = 0 };

	if (ask_by_source(vtd, lookup))
		return;
	lookup->rights = RIGHT_READ | RIGHT_WRITE; /* a fault before any walk finds no right missing */
	lookup->reason = vtd_find_context(vtd, lookup->request, &lookup->context, NULL);
	if (lookup->reason != ALLOWED) {
		fill_caches(vtd, lookup, NULL);
		return;
	}
	if (ask_by_domain(vtd, lookup, &shortcut))
		return;
	lookup->reason = vtd_find_page(
	    vtd, lookup->request, &lookup->context, &shortcut, lookup->page, &lookup->rights, NULL);
	fill_caches(vtd, lookup, &shortcut);
}

/* A contrary cache also fetches the page after the one that was asked for. */
static void prefetch(struct vtd_unit *vtd, const struct lookup *asked)
{
	struct page_request next = *asked->request;
	struct iommusim_dma_page page = { .address = 0 };
	struct lookup lookup = { .request = &next,
		.page = &page,
		.generation = asked->generation,
		.context.root = asked->context.root };
	bool wanted;

	pthread_mutex_lock(&vtd->unit.lock);
	wanted = cache_whim(&vtd->iotlb, 4);
	pthread_mutex_unlock(&vtd->unit.lock);
	next.address += IOMMUSIM_PAGE_SIZE;
	if (wanted)
		look_up(vtd, &lookup);
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
	if (request->address_type == IOMMUSIM_DMA_TRANSLATED)
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

/* No tag that translation could tell from: neither a PASID nor an address type. */
static bool is_plain(const struct page_request *request)
{
	return request->address_type == IOMMUSIM_DMA_UNTRANSLATED && !request->has_pasid;
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
	vtd_fault(vtd, lookup->request, lookup->reason, lookup->context.fault_disable, lookup->page);
	if ((lookup->reason == LGN_2 || lookup->reason == LGN_3) && lookup->rights == 0)
		lookup->page->fault.class_ = IOMMUSIM_FAULT_NOT_PRESENT;
}

/* Caches serve plain requests alone: others are rare, and hardware need not cache for them. */
static void resolve(struct vtd_unit *vtd, struct lookup *lookup)
{
	if (!is_plain(lookup->request) || vtd->unit.settings.cache == IOMMUSIM_CACHE_NONE) {
		lookup->reason = vtd_resolve(
		    vtd, lookup->request, &lookup->context, lookup->page, &lookup->rights, NULL);
		return;
	}
	lookup->reason = vtd_check_mode(vtd, lookup->request, &lookup->context);
	if (lookup->reason != ALLOWED)
		return;
	look_up(vtd, lookup);
	if (lookup->reason == ALLOWED)
		lookup->reason = vtd_check_rights(vtd, lookup->request, lookup->rights);
	/* A large page may reach over the interrupt range: each access is judged (VT-d 3.15). */
	if (lookup->reason == ALLOWED && vtd_reaches_interrupts(lookup->request, lookup->page))
		lookup->reason = LGN_4;
	if (lookup->reason == ALLOWED && vtd->unit.settings.cache == IOMMUSIM_CACHE_ADVERSE)
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

	if (!vtd_beside_tables(vtd, &seen, page, &lookup.reason)) {
		resolve(vtd, &lookup);
		/* The IOTLB keeps it until it is invalidated: so may the requester. */
		if (lookup.reason == ALLOWED && is_plain(&seen) &&
		    unit->settings.cache == IOMMUSIM_CACHE_HOARD)
			*rights = lookup.rights;
	}
	if (!page->faulted && vtd_answers(&seen, lookup.reason)) {
		page->answered = true;
		page->granted =
		    (uint8_t)(page->page_shift == 0 ? 0 : lookup.rights); /* no leaf, no rights */
	} else if (lookup.reason != ALLOWED)
		deny(vtd, &lookup);
	else if (!page->faulted && vtd_protected(vtd, page))
		*rights = 0;
}
