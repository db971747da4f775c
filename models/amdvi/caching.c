/*
 * What caches answer, and what they keep: the IOTLB and the cache of entries that point at tables. The way of
 * a request between them is translate.c.
 */
#include "models/amdvi/caching.h"

#include "models/amdvi/invalidate.h"

/* What an IOTLB entry keeps in its values. CACHED_MORE: the flags below, and a reason to deny. */
enum { CACHED_PAGE, CACHED_ENTRY, CACHED_MORE };
enum {
	CACHED_CLEAN = 1,
	CACHED_HOST_CLEAN = 2,
	CACHED_EXECUTABLE = 4,
	CACHED_SNOOP = 8,
	CACHED_UNTRANSLATED_ONLY = 16,
	CACHED_REASON_SHIFT = 8
};

/* Host translations belong to their domain, guest ones to the PASID too, and to who may be there. */
static struct cache_space space_of(const struct amdvi_space *space)
{
	return (struct cache_space){
		.domain = space->domain,
		.kind = space->guest ? AMDVI_CACHED_GUEST : AMDVI_CACHED_HOST,
		.flags = space->guest && space->privileged ? CACHED_PRIVILEGED : 0,
		.by_pasid = space->guest,
		.pasid = space->pasid,
	};
}

/* One answer out of the IOTLB. Lock held. */
static void use_cached(const struct cached *entry, struct amdvi_lookup *lookup)
{
	const uint64_t more = entry->value[CACHED_MORE];
	struct iommusim_dma_page *page = lookup->page;

	lookup->reason = (unsigned)(more >> CACHED_REASON_SHIFT);
	lookup->rights = entry->rights;
	lookup->clean = (more & CACHED_CLEAN) != 0;
	lookup->host_clean = (more & CACHED_HOST_CLEAN) != 0;
	lookup->executable = (more & CACHED_EXECUTABLE) != 0;
	lookup->snoop = (more & CACHED_SNOOP) != 0;
	lookup->untranslated_only = (more & CACHED_UNTRANSLATED_ONLY) != 0;
	page->entry = entry->value[CACHED_ENTRY];
	page->domain = entry->domain;
	page->cached_tag = entry->tag;
	page->translated = true;
	page->cached = true;
	if (lookup->reason != ALLOWED)
		return;
	page->physical =
	    entry->value[CACHED_PAGE] | (lookup->request->address & SPEC_MASK(entry->shift - 1, 0));
	page->page_shift = entry->shift;
}

/* Not a write whose dirty flag is yet to be set: that takes the tables. */
static bool may_answer(const struct cached *entry, const struct amdvi_lookup *lookup)
{
	const uint64_t more = entry->value[CACHED_MORE];
	const struct amdvi_lookup known = {
		.space = lookup->space,
		.clean = (more & CACHED_CLEAN) != 0,
		.host_clean = (more & CACHED_HOST_CLEAN) != 0,
	};

	return !amdvi_is_clean(&known) ||
	    !amdvi_writes(lookup->request, entry->rights & lookup->space.rights);
}

/* Any fill of the domain serves, unless the unit is told to look at who filled it. Lock held. */
static const struct cached *find_translation(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct cache_space *space)
{
	const struct page_request *request = lookup->request;
	const struct cache_source source = {
		.source = request->rid,
		.flags = (uint8_t)(space->flags | (request->has_pasid ? CACHED_WITH_PASID : 0)),
		.pasid = space->pasid,
	};
	const struct cached *hit;

	if (amdvi->unit.settings.match != IOMMUSIM_MATCH_SOURCE)
		return cache_find_space(&amdvi->iotlb, space, request->address);
	hit = cache_find_source(&amdvi->iotlb, &source, request->address);
	return hit != NULL && hit->domain == space->domain && hit->kind == space->kind ? hit : NULL;
}

/* Tables on the way serve whoever may be in their space. */
static uint8_t table_flags(const struct cache_space *space)
{
	return space->by_pasid ? CACHED_WITH_PASID : 0;
}

/* Likewise the tables on the way. Lock held. */
static const struct cached *find_tables(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct cache_space *space)
{
	const struct cache_source source = {
		.source = lookup->request->rid, .flags = table_flags(space), .pasid = space->pasid
	};
	const struct cached *hit;

	if (amdvi->unit.settings.match != IOMMUSIM_MATCH_SOURCE)
		return cache_find_space(&amdvi->paging_cache, space, lookup->request->address);
	hit = cache_find_source(&amdvi->paging_cache, &source, lookup->request->address);
	return hit != NULL && hit->domain == space->domain && hit->kind == space->kind ? hit : NULL;
}

bool amdvi_ask_caches(
    struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_shortcut *shortcut)
{
	const struct cache_space space = space_of(&lookup->space);
	struct cache_space tables = space;
	const struct cached *hit, *above = NULL;

	tables.flags = 0;
	pthread_mutex_lock(&amdvi->unit.lock);
	hit = find_translation(amdvi, lookup, &space);
	if (hit != NULL && !may_answer(hit, lookup))
		hit = NULL;
	if (hit != NULL)
		use_cached(hit, lookup);
	else
		above = find_tables(amdvi, lookup, &tables);
	if (above != NULL) {
		shortcut->from = walk_table_of(above);
		lookup->page->through_cache = true;
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
	return hit != NULL;
}

/* NpCache: a unit, an emulated one, that also keeps that there is no translation (AMD-Vi 3.3). */
static bool keeps_absence(const struct amdvi_unit *amdvi, unsigned reason)
{
	return reason == HOST_NOT_PRESENT &&
	    amdvi_CAP_HEADER_NP_CACHE(amdvi->capability[amdvi_CAP_HEADER_at / 4]) != 0;
}

static void keep_translation(struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup)
{
	const struct page_request *request = lookup->request;
	const struct cache_space space = space_of(&lookup->space);
	const struct iommusim_dma_page *page = lookup->page;
	const bool found = lookup->reason == ALLOWED;
	const unsigned shift = found ? page->page_shift : IOMMUSIM_PAGE_SHIFT;
	const struct cached entry = {
		.key = request->address >> shift << shift,
		.value = { page->physical >> shift << shift, page->entry,
		    (uint64_t)lookup->reason << CACHED_REASON_SHIFT |
			(lookup->clean ? CACHED_CLEAN : 0) |
			(lookup->host_clean ? CACHED_HOST_CLEAN : 0) |
			(lookup->executable ? CACHED_EXECUTABLE : 0) |
			(lookup->snoop ? CACHED_SNOOP : 0) |
			(lookup->untranslated_only ? CACHED_UNTRANSLATED_ONLY : 0) },
		.tag = request->tag,
		.domain = space.domain,
		.pasid = space.pasid,
		.source = request->rid,
		.shift = (uint8_t)shift,
		.rights = lookup->rights,
		.kind = space.kind,
		.flags = (uint8_t)(space.flags | (request->has_pasid ? CACHED_WITH_PASID : 0)),
	};

	if (found || keeps_absence(amdvi, lookup->reason))
		cache_insert(&amdvi->iotlb, &entry);
}

static void keep_tables(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct walk_shortcut *shortcut)
{
	const struct cache_space space = space_of(&lookup->space);
	const bool by_source = amdvi->unit.settings.match == IOMMUSIM_MATCH_SOURCE;
	const struct cached like = {
		.domain = space.domain,
		.pasid = space.pasid,
		.source = by_source ? lookup->request->rid : 0,
		.kind = space.kind,
		.flags = table_flags(&space),
	};

	walk_tables_keep(&amdvi->paging_cache, shortcut, lookup->request->address, &like);
}

/* Entries are kept only after their accessed flags are set: with the translation, where there are flags. */
static bool keeps_tables(const struct amdvi_lookup *lookup)
{
	return lookup->reason == ALLOWED || (!lookup->space.guest && !lookup->space.host_accessed);
}

void amdvi_fill_caches(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct walk_shortcut *shortcut)
{
	pthread_mutex_lock(&amdvi->unit.lock);
	if (atomic_load(&amdvi->unit.generation) == lookup->generation) {
		keep_translation(amdvi, lookup);
		if (keeps_tables(lookup))
			keep_tables(amdvi, lookup, shortcut);
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
}
