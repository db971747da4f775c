/*
 * What caches answer, and what they keep: the IOTLB and the cache of entries that point at tables. The way of
 * a request between them is translate.c.
 */
#include "models/amdvi/caching.h"

#include "models/amdvi/invalidate.h"
#include "models/common/iotlb.h"

/* What else an IOTLB entry keeps. */
enum {
	CACHED_CLEAN = 1,
	CACHED_HOST_CLEAN = 2,
	CACHED_EXECUTABLE = 4,
	CACHED_SNOOP = 8,
	CACHED_UNTRANSLATED_ONLY = 16
};

/* Host translations belong to their domain, guest ones to the PASID too, and to who may be there. */
static struct cache_space space_of(const struct amdvi_space *space)
{
	return (struct cache_space){
		.domain = space->domain,
		.kind = space->guest ? AMDVI_CACHED_GUEST : AMDVI_CACHED_HOST,
		.flags = space->privileged ? CACHED_PRIVILEGED : 0,
		.by_pasid = space->guest,
		.pasid = space->pasid,
	};
}

/* One answer out of the IOTLB. Lock held. */
static void use_cached(const struct cached *entry, struct amdvi_lookup *lookup)
{
	lookup->reason = iotlb_reason(entry);
	lookup->rights = entry->rights;
	lookup->clean = iotlb_has(entry, CACHED_CLEAN);
	lookup->host_clean = iotlb_has(entry, CACHED_HOST_CLEAN);
	lookup->executable = iotlb_has(entry, CACHED_EXECUTABLE);
	lookup->snoop = iotlb_has(entry, CACHED_SNOOP);
	lookup->untranslated_only = iotlb_has(entry, CACHED_UNTRANSLATED_ONLY);
	iotlb_answer(entry, lookup->request, lookup->reason == ALLOWED, lookup->page);
}

/* Not a write whose dirty flag is yet to be set: that takes the tables. */
static bool may_answer(const struct cached *entry, const struct amdvi_lookup *lookup)
{
	const struct amdvi_lookup known = {
		.space = lookup->space,
		.clean = iotlb_has(entry, CACHED_CLEAN),
		.host_clean = iotlb_has(entry, CACHED_HOST_CLEAN),
	};

	return !amdvi_is_clean(&known) ||
	    !amdvi_writes(lookup->request, entry->rights & lookup->space.rights);
}

/*
 * Any fill of the space serves, unless the unit is told to look at who filled it, with which flags. Lock
 * held.
 */
static const struct cached *find(const struct amdvi_unit *amdvi, struct cache *cache,
    const struct page_request *request, const struct cache_space *space, unsigned flags)
{
	const struct cache_source source = {
		.source = request->rid,
		.flags = (uint8_t)flags,
		.pasid = space->pasid,
		.in_domain = true,
		.domain = space->domain,
		.kind = space->kind,
	};

	if (amdvi->unit.settings.match != IOMMUSIM_MATCH_SOURCE)
		return cache_find_space(cache, space, request->address);
	return cache_find_source(cache, &source, request->address);
}

/* Tables on the way serve whoever may be in their space. */
static uint8_t table_flags(const struct cache_space *space)
{
	return space->by_pasid ? CACHED_WITH_PASID : 0;
}

bool amdvi_ask_caches(
    struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_shortcut *shortcut)
{
	const struct cache_space space = space_of(&lookup->space);
	struct cache_space tables = space;
	const struct cached *hit, *above = NULL;

	tables.flags = 0;
	pthread_mutex_lock(&amdvi->unit.lock);
	hit = find(amdvi, &amdvi->iotlb, lookup->request, &space,
	    space.flags | (lookup->request->has_pasid ? CACHED_WITH_PASID : 0u));
	if (hit != NULL && !may_answer(hit, lookup)) {
		lookup->outdone = true;
		hit = NULL;
	}
	if (hit != NULL)
		use_cached(hit, lookup);
	else
		above =
		    find(amdvi, &amdvi->paging_cache, lookup->request, &tables, table_flags(&tables));
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
	const struct cache_space space = space_of(&lookup->space);
	const bool found = lookup->reason == ALLOWED;
	const unsigned flags = (lookup->clean ? CACHED_CLEAN : 0u) |
	    (lookup->host_clean ? CACHED_HOST_CLEAN : 0u) |
	    (lookup->executable ? CACHED_EXECUTABLE : 0u) | (lookup->snoop ? CACHED_SNOOP : 0u) |
	    (lookup->untranslated_only ? CACHED_UNTRANSLATED_ONLY : 0u);
	const struct cached like = {
		.value[IOTLB_MORE] = iotlb_more(lookup->reason, flags),
		.domain = space.domain,
		.pasid = space.pasid,
		.rights = lookup->rights,
		.kind = space.kind,
		.flags = space.flags,
	};

	if (found || keeps_absence(amdvi, lookup->reason))
		iotlb_keep(&amdvi->iotlb, lookup->request, lookup->page, found, &like);
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
	if (!cache_may_keep(&amdvi->unit, lookup->generation))
		return;
	if (lookup->space.keeps)
		keep_translation(amdvi, lookup);
	if (keeps_tables(lookup))
		keep_tables(amdvi, lookup, shortcut);
	pthread_mutex_unlock(&amdvi->unit.lock);
}
