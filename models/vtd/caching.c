/*
 * What caches answer, and what they keep (VT-d 6.2): the context cache, the PASID cache, the IOTLB and
 * the paging-structure caches. The way of a request between them is translate.c; the cache of host
 * permissions is in host_permission.c, the one of interrupt entries in interrupt.c.
 */
#include "models/vtd/caching.h"

#include "models/common/iotlb.h"
#include "models/formats/page_format.h"
#include "models/vtd/host_permission.h"
#include "models/vtd/performance.h"
#include "models/vtd/reason.h"
#include "models/vtd/tables.h"

/* What else an IOTLB entry keeps. */
enum { CACHED_FPD = 1, CACHED_CLEAN = 2, CACHED_SNOOPED = 4 };

/* ---- what caches answer -------------------------------------------------------------------------------- */

static struct cache_source source_of(const struct page_request *request)
{
	struct cache_source source = { .source = request->rid };

	if (!request->has_pasid)
		return source;
	source.flags = CACHED_WITH_PASID | (request->privileged ? CACHED_PRIVILEGED : 0);
	source.pasid = request->pasid;
	return source;
}

/*
 * May the entry answer? Not a write whose dirty flag is yet to be set: that takes the tables
 * (VT-d 3.6.2).
 */
static bool may_answer(
    const struct vtd_unit *vtd, const struct cached *entry, const struct page_request *request)
{
	return !iotlb_has(entry, CACHED_CLEAN) || !vtd_writes(vtd, request, entry->rights);
}

/* One answer out of the IOTLB. Lock held. */
static void use_cached(struct vtd_unit *vtd, const struct cached *entry, struct lookup *lookup)
{
	const struct vtd_performance_subject subject = vtd_subject_in(lookup->request, entry->domain,
	    (entry->shift - IOMMUSIM_PAGE_SHIFT) / 9u + 1); /* 9 bits a level */

	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_IOTLB_HIT, &subject);
	lookup->reason = iotlb_reason(entry);
	lookup->rights = entry->rights;
	lookup->clean = iotlb_has(entry, CACHED_CLEAN);
	lookup->page->non_snooped = iotlb_has(entry, CACHED_SNOOPED);
	/* A fault may be kept, of missing rights too: then there is no page. */
	iotlb_answer(
	    entry, lookup->request, lookup->reason == ALLOWED && entry->rights != 0, lookup->page);
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

/* Of other requests the entries have a say first: they may block what goes for these. */
static bool asks_at_once(const struct page_request *request)
{
	return request_is_untranslated(request) && !request->execute;
}

bool vtd_ask_by_source(struct vtd_unit *vtd, struct lookup *lookup)
{
	const struct page_request *request = lookup->request;
	const struct cache_source device = { .source = request->rid }, source = source_of(request);
	const struct vtd_performance_subject subject = vtd_subject_of(request);
	struct vtd_source *known = &lookup->source;
	const struct cached *context, *hit = NULL;

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
	if (asks_at_once(request)) {
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, &subject);
		hit = cache_find_source(&vtd->iotlb, &source, request->address);
	}
	if (hit != NULL && !may_answer(vtd, hit, request)) {
		lookup->outdone = true;
		hit = NULL;
	}
	if (hit != NULL) {
		use_cached(vtd, hit, lookup);
		/* The translation remembers its entries' FPD; another source has its own. */
		known->fault_disable = iotlb_has(hit, CACHED_FPD);
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/*
 * What a PASID-cache entry keeps: the first three quadwords, whole entries being too large, where its host
 * permission table is in `tag`, and:
 */
enum { CACHED_DIRECTORY_FPD = 0x80 }; /* in `rights`, with the reason to deny below it */

void vtd_ask_for_entry(struct vtd_unit *vtd, struct lookup *lookup)
{
	const uint32_t pasid = vtd_effective_pasid(&lookup->source, lookup->request);
	const struct cache_source device = { .source = lookup->request->rid };
	struct vtd_source *source = &lookup->source;
	const struct vtd_performance_subject subject = vtd_subject_of(lookup->request);
	const struct cached *known;

	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_PASID_CACHE_LOOKUP, &subject);
	known = cache_find_source(&vtd->pasid_cache, &device, pasid);
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
	struct vtd_performance_subject subject =
	    vtd_subject_in(lookup->request, lookup->space.domain, 0);
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

bool vtd_ask_by_space(struct vtd_unit *vtd, struct lookup *lookup, struct walk_shortcut *shortcut)
{
	const uint64_t address = lookup->request->address;
	const struct cache_space tables = space_of(&lookup->space);
	const struct cache_source source = source_of(lookup->request);
	struct cache_space space = tables;
	const struct vtd_performance_subject subject = vtd_subject_of(lookup->request);
	const struct cached *hit, *above = NULL;

	if (lookup->space.stages == VTD_PASS_THROUGH)
		return false;
	space.flags = flags_of(&lookup->space);
	pthread_mutex_lock(&vtd->unit.lock);
	if (!asks_at_once(lookup->request)) /* else it is the second half of one look-up */
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, &subject);
	hit = cache_find_source(&vtd->iotlb, &source, address);
	if (hit == NULL && matches_by_domain(vtd))
		hit = cache_find_space(&vtd->iotlb, &space, address);
	if (hit != NULL && !may_answer(vtd, hit, lookup->request)) {
		lookup->outdone = true;
		hit = NULL;
	}
	if (hit != NULL)
		use_cached(vtd, hit, lookup);
	else
		above = ask_for_table(vtd, lookup, &tables);
	if (above != NULL) {
		shortcut->from = walk_table_of(above);
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
		.key = pasid,
		.value = { source->entry[0], source->entry[1], source->entry[2] },
		.tag = vtd_pack_host_fields(source->entry),
		.domain = faulty ? 0 : (uint16_t)vtd_pasid_entry_DID(source->entry),
		.pasid = pasid,
		.source = lookup->request->rid,
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
static unsigned kept_reason(unsigned reason)
{
	return reason == LGN_2 || reason == LGN_3 ? ALLOWED : reason;
}

static void keep_translation(struct vtd_unit *vtd, const struct lookup *lookup)
{
	const bool found = lookup->reason == ALLOWED;
	const unsigned flags = (lookup->source.fault_disable ? CACHED_FPD : 0u) |
	    (lookup->clean ? CACHED_CLEAN : 0u) | (lookup->page->non_snooped ? CACHED_SNOOPED : 0u);
	const struct cached like = {
		.value[IOTLB_MORE] = iotlb_more(kept_reason(lookup->reason), flags),
		.domain = lookup->space.domain,
		.pasid = lookup->space.pasid,
		.rights = (uint8_t)lookup->rights,
		.kind = lookup->space.stages,
		.flags = flags_of(&lookup->space),
	};

	if (found || keeps_fault(vtd, lookup))
		iotlb_keep(&vtd->iotlb, lookup->request, lookup->page, found, &like);
}

static void keep_tables(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct walk_shortcut *shortcut)
{
	const struct cached like = {
		.domain = lookup->space.domain,
		.pasid = lookup->space.pasid,
		.kind = lookup->space.stages,
	};

	walk_tables_keep(&vtd->paging_cache, shortcut, lookup->request->address, &like);
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

void vtd_fill_caches(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct walk_shortcut *shortcut)
{
	if (!cache_may_keep(&vtd->unit, lookup->generation))
		return;
	keep_context(vtd, lookup);
	if (vtd_RTADDR_TTM(lookup->source.root) != 0)
		keep_entry(vtd, lookup);
	if (shortcut != NULL) {
		keep_translation(vtd, lookup);
		if (keeps_tables(lookup))
			keep_tables(vtd, lookup, shortcut);
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}
