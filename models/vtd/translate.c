/*
 * DMA translation in legacy mode: the checks in the order hardware makes them (VT-d 3.4, 7.1.3), first
 * from tables alone (vtd_resolve), then with caches and fault logging around it (vtd_translate).
 */
#include "models/vtd/unit.h"

#include "machine/memory_access.h"
#include "models/formats/page_walk.h"
#include "models/formats/vtd_second_stage.h"

/* Translation types of a legacy context entry (VT-d 9.3). */
enum { TT_UNTRANSLATED_ONLY = 0, TT_ALL = 1, TT_PASS_THROUGH = 2 };

enum { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_ABORT = 3 };

/* Fault reason codes used below; the table of models/vtd/spec/fault_reasons.def gives them meaning. */
enum reason {
	ALLOWED = 0,
#define R(code, mnemonic, clause, qualified, class, meaning) mnemonic = code,
#include "models/vtd/spec/fault_reasons.def"
#undef R
};

static bool load(const void *context, uint64_t address, uint64_t *value)
{
	const struct vtd_unit *vtd = context;

	return memory_load64(&vtd->unit.machine->memory, address, vtd->snoops, value);
}

/* Note an entry of two quadwords on the path. */
static void note(struct vtd_path *path, const struct spec_structure *structure, uint64_t table,
    uint64_t address, const uint64_t raw[2], bool readable)
{
	const unsigned n = path == NULL ? 0 : path->count;

	if (path == NULL || n == VTD_PATH_STEPS)
		return;
	path->structure[n] = structure;
	path->table[n] = table;
	path->address[n] = address;
	path->raw[n][0] = raw[0];
	path->raw[n][1] = raw[1];
	path->readable[n] = readable;
	path->count++;
}

static bool load_pair(const struct vtd_unit *vtd, uint64_t address, uint64_t raw[2])
{
	raw[0] = raw[1] = 0;
	return load(vtd, address, &raw[0]) && load(vtd, address + 8, &raw[1]);
}

/* The root table mode, before any entry is read (VT-d 11.4.5, 3.4.4). All unqualified. */
static enum reason check_mode(
    const struct vtd_unit *vtd, uint64_t root, const struct page_request *request)
{
	if (vtd_RTADDR_TTM(root) == TTM_ABORT && vtd_ECAP_ADMS(vtd->ext_capability))
		return RTA_4;
	if (vtd_RTADDR_TTM(root) != TTM_LEGACY)
		return RTA_1;
	if (request
		->has_pasid) /* before SSIRWE: that condition does not exist with a PASID (Table 30) */
		return RTA_2;
	return vtd_RTADDR_SSIRWE(root) ? RTA_1 : ALLOWED;
}

/* Pass-through ignores SSPTPTR, reserved bits and all (VT-d 9.3). */
static uint64_t context_reserved_low(const struct vtd_unit *vtd, const struct vtd_context *context)
{
	uint64_t pointer = 0;

	if (vtd_context_entry_TT(context->raw) == TT_PASS_THROUGH && vtd_ECAP_PT(vtd->ext_capability))
		vtd_context_entry_set_SSPTPTR(&pointer, UINT64_MAX);
	return vtd->context_reserved[0] & ~pointer;
}

/* Root entry, then context entry: read, present, reserved, in that order (VT-d 9.1, 9.3). */
static enum reason find_context(const struct vtd_unit *vtd, uint64_t root,
    const struct page_request *request, struct vtd_context *context, struct vtd_path *path)
{
	const uint64_t root_table = vtd_RTADDR_RTA(root) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t root_at = root_table + (request->rid >> 8) * UINT64_C(16);
	uint64_t entry[2], context_table, context_at;
	bool readable = load_pair(vtd, root_at, entry);

	note(path, &vtd_root_entry_spec, root_table, root_at, entry, readable);
	if (!readable)
		return LRT_1;
	if (!vtd_root_entry_P(entry))
		return LRT_2;
	if (((entry[0] & vtd->root_reserved[0]) | (entry[1] & vtd->root_reserved[1])) != 0)
		return LRT_3;

	context_table = vtd_root_entry_CTP(entry) << IOMMUSIM_PAGE_SHIFT;
	context_at = context_table + (request->rid & 0xff) * UINT64_C(16);
	readable = load_pair(vtd, context_at, context->raw);
	note(path, &vtd_context_entry_spec, context_table, context_at, context->raw, readable);
	if (!readable)
		return LCT_1;
	context->fault_disable = vtd_context_entry_FPD(context->raw) != 0; /* even when P=0 (9.3) */
	if (!vtd_context_entry_P(context->raw))
		return LCT_2;
	if (((context->raw[0] & context_reserved_low(vtd, context)) |
		(context->raw[1] & vtd->context_reserved[1])) != 0)
		return LCT_3;
	context->valid = true;
	return ALLOWED;
}

static unsigned context_levels(const struct vtd_context *context)
{
	return (unsigned)vtd_context_entry_AW(context->raw) + 2;
}

/* What the context entry asks for, against what the unit can do (VT-d 9.3). */
static enum reason check_context(
    const struct vtd_unit *vtd, const struct vtd_context *context, const struct page_request *request)
{
	const unsigned type = (unsigned)vtd_context_entry_TT(context->raw);
	const unsigned width = (unsigned)vtd_context_entry_AW(context->raw);

	if (type > TT_PASS_THROUGH || (type == TT_ALL && !vtd_ECAP_DT(vtd->ext_capability)) ||
	    (type == TT_PASS_THROUGH && !vtd_ECAP_PT(vtd->ext_capability)))
		return LCT_4;
	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED && type != TT_ALL)
		return LCT_5;
	/* Widths 0 and 4 are reserved now, whatever SAGAW says; pass-through needs a good one too. */
	if (width < 1 || width > 3 || (vtd_CAP_SAGAW(vtd->capability) >> width & 1) == 0)
		return LCT_4;
	return ALLOWED;
}

/* Pass-through, and requests that carry a translated address already: output is input. */
static enum reason use_as_is(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	page->physical = request->address;
	page->page_shift = IOMMUSIM_PAGE_SHIFT;
	page->translated = true;
	if (request->address >> vtd->spec.host_address_width != 0)
		return LGN_1;
	if (vtd_interrupt_range(request->address))
		return LGN_4;
	*rights = RIGHT_READ | RIGHT_WRITE;
	return ALLOWED;
}

static const struct spec_structure *entry_structure(const struct page_walk_step *step)
{
	if (step->level == 1)
		return &vtd_ss_pte_spec;
	if (step->level > 3)
		return &vtd_ss_upper_spec;
	if (!vtd_ss_is_leaf(step->entry, step->level))
		return &vtd_ss_table_spec;
	return step->level == 2 ? &vtd_ss_leaf2m_spec : &vtd_ss_leaf1g_spec;
}

static void note_walk(struct vtd_path *path, const struct page_walk *walk)
{
	path->rights = walk->rights;
	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct page_walk_step *step = &walk->steps[i];
		const uint64_t raw[2] = { step->entry, 0 };
		const unsigned n = path->count;

		if (n >= VTD_PATH_STEPS)
			return;
		note(path, entry_structure(step), step->address & ~(PAGE_TABLE_BYTES - 1),
		    step->address, raw, step->readable);
		path->level[n] = step->level;
		path->leaf[n] = vtd_ss_present(step->entry) && vtd_ss_is_leaf(step->entry, step->level);
	}
}

/* Why a walk that found no leaf faults (VT-d 7.1.3, LSS and LGN conditions). */
static enum reason stop_reason(
    enum page_walk_stop stop, const struct page_walk *walk, const struct page_request *request)
{
	if (stop == PAGE_WALK_UNREADABLE)
		return walk->level == walk->levels ? LCT_4 : LSS_1;
	if (stop == PAGE_WALK_RESERVED)
		return LSS_2;
	return request->kind == IOMMUSIM_DMA_READ ? LGN_3 : LGN_2;
}

/*
 * Does the accumulated right suffice? A zero-length read of a write-only page passes where CAP.ZLR
 * says so (VT-d 3.14).
 */
static enum reason check_rights(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned rights)
{
	const unsigned needed = rights_needed(request->kind);

	if ((rights & needed) == needed)
		return ALLOWED;
	if (request->kind == IOMMUSIM_DMA_READ && request->length == 0 && (rights & RIGHT_WRITE) != 0 &&
	    vtd_CAP_ZLR(vtd->capability))
		return ALLOWED;
	return (needed & ~rights & RIGHT_WRITE) != 0 ? LGN_2 : LGN_3;
}

static enum reason walk_second_stage(const struct vtd_unit *vtd, const struct vtd_context *context,
    const struct page_request *request, struct iommusim_dma_page *page, unsigned *rights,
    struct vtd_path *path)
{
	const unsigned levels = context_levels(context), width = 12 + 9 * levels;
	const unsigned limit = width < vtd->max_address_width ? width : vtd->max_address_width;
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct page_walk walk = {
		.root = vtd_context_entry_SSPTPTR(context->raw) << IOMMUSIM_PAGE_SHIFT,
		.levels = (uint8_t)levels,
		.reserved = &vtd->page_reserved,
		.load = load,
		.context = vtd,
		.steps = path == NULL ? NULL : steps,
	};
	enum page_walk_stop stop;

	page->translated = true;
	if (limit < 64 && request->address >> limit != 0)
		return LGN_1;
	stop = page_walk(&vtd_second_stage, &walk, request->address);
	if (path != NULL)
		note_walk(path, &walk);
	page->entry = walk.entry;
	if (stop != PAGE_WALK_FOUND) {
		*rights = walk.rights; /* for the fault's class: 0 is "not there at all" */
		return stop_reason(stop, &walk, request);
	}
	*rights = walk.rights;
	page->page_shift = (uint8_t)page_level_shift(walk.level);
	page->physical = walk.page | (request->address & SPEC_MASK(page->page_shift - 1, 0));
	return ALLOWED;
}

unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights,
    struct vtd_path *path)
{
	const uint64_t root = atomic_load(&vtd->root);
	enum reason reason = check_mode(vtd, root, request);

	*rights = RIGHT_READ | RIGHT_WRITE; /* what a fault before any walk found missing is no right */
	if (reason == ALLOWED && !context->valid)
		reason = find_context(vtd, root, request, context, path);
	if (reason != ALLOWED)
		return reason;
	page->domain = (uint32_t)vtd_context_entry_DID(context->raw);
	reason = check_context(vtd, context, request);
	if (reason != ALLOWED)
		return reason;
	if (vtd_context_entry_TT(context->raw) == TT_PASS_THROUGH ||
	    request->address_type == IOMMUSIM_DMA_TRANSLATED) {
		if (path != NULL)
			path->mode = "pass-through";
		return use_as_is(vtd, request, page, rights);
	}
	if (path != NULL) {
		path->mode = "second stage";
		path->levels = (uint8_t)context_levels(context);
	}
	reason = walk_second_stage(vtd, context, request, page, rights, path);
	if (reason == ALLOWED)
		reason = check_rights(vtd, request, *rights);
	/* The access itself is judged, not the page around it (VT-d 3.15). */
	if (reason == ALLOWED && vtd_interrupt_range(page->physical))
		reason = LGN_4;
	return reason;
}

/* What an IOTLB entry keeps in its values. */
enum { CACHED_PAGE, CACHED_ENTRY, CACHED_FPD };

/* One answer out of the IOTLB. */
static void use_cached(const struct cached *entry, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	page->physical =
	    entry->value[CACHED_PAGE] | (request->address & SPEC_MASK(entry->shift - 1, 0));
	page->entry = entry->value[CACHED_ENTRY];
	page->page_shift = entry->shift;
	page->domain = entry->domain;
	page->cached_tag = entry->tag;
	page->translated = true;
	page->cached = true;
	*rights = entry->rights;
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

/* Another source's fill in the domain of `context`. Pass-through shares nothing. Lock held. */
static const struct cached *find_by_domain(
    struct vtd_unit *vtd, const struct page_request *request, const struct vtd_context *context)
{
	if (!matches_by_domain(vtd) || vtd_context_entry_TT(context->raw) == TT_PASS_THROUGH)
		return NULL;
	return cache_find_domain(
	    &vtd->iotlb, (uint32_t)vtd_context_entry_DID(context->raw), request->address);
}

/* Ask the caches. True: `page` and `rights` are answered. Otherwise `context` may be. */
static bool ask_caches(struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights)
{
	const struct cached *known, *hit;

	pthread_mutex_lock(&vtd->unit.lock);
	known = cache_find_source(&vtd->context_cache, request->rid, request->rid);
	if (known != NULL) {
		context->raw[0] = known->value[0];
		context->raw[1] = known->value[1];
		context->fault_disable = vtd_context_entry_FPD(context->raw) != 0;
		context->valid = true;
	}
	hit = cache_find_source(&vtd->iotlb, request->rid, request->address);
	if (hit == NULL && known != NULL)
		hit = find_by_domain(vtd, request, context);
	if (hit != NULL) {
		use_cached(hit, request, page, rights);
		if (known == NULL) /* the translation remembers its context's FPD */
			context->fault_disable = hit->value[CACHED_FPD] != 0;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/*
 * A source whose context is not cached: hardware reads the context, and then knows the domain by which
 * another source's translation may serve. Afterwards `context` is as if it came from the cache.
 */
static bool ask_by_domain(struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights)
{
	const uint64_t root = atomic_load(&vtd->root);
	const struct cached *hit;

	if (context->valid || !matches_by_domain(vtd) || check_mode(vtd, root, request) != ALLOWED ||
	    find_context(vtd, root, request, context, NULL) != ALLOWED)
		return false;
	pthread_mutex_lock(&vtd->unit.lock);
	hit = find_by_domain(vtd, request, context);
	if (hit != NULL)
		use_cached(hit, request, page, rights);
	pthread_mutex_unlock(&vtd->unit.lock);
	return hit != NULL;
}

/*
 * Keep what a walk found. Not if anything was invalidated since the walk began (`generation`): it may
 * have read what the invalidation was about.
 */
static void fill_caches(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_context *context, const struct iommusim_dma_page *page, unsigned rights,
    uint64_t generation)
{
	const unsigned shift = page->faulted ? IOMMUSIM_PAGE_SHIFT : page->page_shift;
	const uint64_t offset = SPEC_MASK(shift - 1, 0);
	const struct cached context_entry = {
		.key = request->rid,
		.value = { context->raw[0], context->raw[1] },
		.tag = request->tag,
		.domain = page->domain,
		.source = request->rid,
	};
	const struct cached translation = {
		.key = request->address & ~offset,
		.value = { page->physical & ~offset,
		    page->entry, [CACHED_FPD] = vtd_context_entry_FPD(context->raw) },
		.tag = request->tag,
		.domain = page->domain,
		.source = request->rid,
		.shift = page->page_shift,
		.rights = (uint8_t)rights,
	};

	pthread_mutex_lock(&vtd->unit.lock);
	if (atomic_load(&vtd->unit.generation) == generation) {
		cache_insert(&vtd->context_cache, &context_entry);
		if (!page->faulted)
			cache_insert(&vtd->iotlb, &translation);
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* A contrary cache also fetches the page after the one that was asked for. */
static void prefetch(struct vtd_unit *vtd, const struct page_request *request, uint64_t generation)
{
	struct page_request next = *request;
	struct iommusim_dma_page page = { .address = 0 };
	struct vtd_context context = { .valid = false };
	unsigned rights;
	bool wanted;

	pthread_mutex_lock(&vtd->unit.lock);
	wanted = cache_whim(&vtd->iotlb, 4);
	pthread_mutex_unlock(&vtd->unit.lock);
	next.address = (request->address | (IOMMUSIM_PAGE_SIZE - 1)) + 1;
	if (wanted && vtd_resolve(vtd, &next, &context, &page, &rights, NULL) == ALLOWED)
		fill_caches(vtd, &next, &context, &page, rights, generation);
}

/* A request to FEEx_xxxx never meets the tables (VT-d 3.15): a 4-byte write is an interrupt. */
static enum reason check_interrupt_range(const struct page_request *request)
{
	const bool interrupt = request->kind == IOMMUSIM_DMA_WRITE && request->length == 4;
	const bool bypass = request->kind == IOMMUSIM_DMA_READ && request->length == 0;

	return interrupt || bypass ? ALLOWED : LGN_29;
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

bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason)
{
	*reason = ALLOWED;
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

static void deny(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    const struct vtd_context *context, unsigned rights, struct iommusim_dma_page *page)
{
	vtd_fault(vtd, request, reason, context->fault_disable, page);
	if ((reason == LGN_2 || reason == LGN_3) && rights == 0)
		page->fault.class_ = IOMMUSIM_FAULT_NOT_PRESENT;
}

/* Is the context behind this outcome a valid one, that a unit with CM=0 caches? (VT-d 6.2.2) */
static bool may_be_cached(unsigned reason)
{
	return reason != LCT_4 && reason != LCT_5 && reason != RTA_1 && reason != RTA_2 &&
	    reason != RTA_4;
}

void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const bool plain = is_plain(request);
	const bool caching = unit->settings.cache != IOMMUSIM_CACHE_NONE;
	const uint64_t generation = atomic_load(&unit->generation);
	struct vtd_context context = { .valid = false };
	unsigned allowed = 0, reason;

	*rights = 0;
	if (vtd_beside_tables(vtd, request, page, &reason)) {
		if (reason != ALLOWED)
			vtd_fault(vtd, request, reason, false, page);
		return;
	}
	if (plain && caching &&
	    (ask_caches(vtd, request, &context, page, &allowed) ||
		ask_by_domain(vtd, request, &context, page, &allowed))) {
		reason = check_rights(vtd, request, allowed);
		/* A large page may reach over the interrupt range: each access is judged (VT-d 3.15). */
		if (reason == ALLOWED && vtd_interrupt_range(page->physical))
			reason = LGN_4;
	} else {
		reason = vtd_resolve(vtd, request, &context, page, &allowed, NULL);
		page->faulted = reason != ALLOWED;
		if (plain && caching && context.valid && may_be_cached(reason))
			fill_caches(vtd, request, &context, page, allowed, generation);
		if (plain && caching && reason == ALLOWED)
			prefetch(vtd, request, generation);
	}
	if (reason != ALLOWED)
		deny(vtd, request, reason, &context, allowed, page);
	else if (unit->settings.cache == IOMMUSIM_CACHE_HOARD)
		*rights =
		    allowed; /* the IOTLB keeps it until it is invalidated: so may the requester */
}
