/*
 * The way of a request through the tables: the mode, the source's entries (legacy.c, scalable.c), the
 * page (first_stage.c, second_stage.c, host_permission.c), and what is judged of the outcome. On what
 * memory holds; caches and fault logging are around it (caching.c, translate.c). Changes nothing.
 */
#include "models/vtd/tables.h"

#include "models/formats/page_format.h"
#include "models/vtd/fault.h"
#include "models/vtd/host_permission.h"
#include "models/vtd/reason.h"

/* Translation table modes (VT-d 11.4.5). */
enum { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_ABORT = 3 };

/* ---- before and at the context ------------------------------------------------------------------------- */

static bool is_scalable(const struct vtd_source *source)
{
	return vtd_RTADDR_TTM(source->root) == TTM_SCALABLE;
}

static enum reason check_legacy_mode(const struct page_request *request, uint64_t root)
{
	/* Before SSIRWE: that condition does not exist with a PASID (Table 30). */
	if (request->has_pasid)
		return RTA_2;
	return vtd_RTADDR_SSIRWE(root) ? RTA_1 : ALLOWED;
}

/* Execution is refused whatever the tables say by units from version 8 on (Table 30, RTA.5). */
static enum reason check_execute(const struct vtd_unit *vtd, const struct page_request *request)
{
	return request->execute && vtd_VER_MAJOR(vtd->version) >= 8 ? RTA_5 : ALLOWED;
}

unsigned vtd_check_mode(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_source *source)
{
	const uint64_t root = atomic_load(&vtd->root); /* mode and table of one SRTP */

	source->root = root;
	switch (vtd_RTADDR_TTM(root)) {
	case TTM_LEGACY:
		return check_legacy_mode(request, root);
	case TTM_SCALABLE:
		return vtd_ECAP_SMTS(vtd->ext_capability) ? check_execute(vtd, request) : RTA_1;
	case TTM_ABORT:
		return vtd_ECAP_ADMS(vtd->ext_capability) ? RTA_4 : RTA_1;
	default:
		return RTA_1;
	}
}

unsigned vtd_find_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path)
{
	return is_scalable(source) ? vtd_scalable_context(vtd, request, source, path)
				   : vtd_legacy_context(vtd, request, source, path);
}

unsigned vtd_find_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct walk_path *path)
{
	unsigned reason;

	if (!is_scalable(source)) {
		vtd_legacy_space(vtd, source, space);
		return ALLOWED;
	}
	reason = vtd_scalable_space(vtd, request, source, space, path);
	/* Translated requests are not asked for execution and privilege, which come last (Table 30: NA). */
	if (request_is_translated(request) && (reason == SPT_5 || reason == SPT_6))
		return ALLOWED;
	return reason;
}

/* ---- the outcome --------------------------------------------------------------------------------------- */

/* An access is judged by its own address; what a translation request gets, by all of it (VT-d 3.15). */
bool vtd_reaches_interrupts(const struct page_request *request, const struct iommusim_dma_page *page)
{
	const bool whole = request_is_for_translation(request);
	const uint64_t offset = whole ? SPEC_MASK(page->page_shift - 1, 0) : 0;

	return (page->physical & ~offset) <= INTERRUPT_LAST &&
	    (page->physical | offset) >= INTERRUPT_FIRST;
}

bool vtd_is_flush(const struct vtd_unit *vtd, const struct page_request *request)
{
	return request->kind == IOMMUSIM_DMA_READ && request->length == 0 &&
	    vtd_CAP_ZLR(vtd->capability);
}

unsigned vtd_check_rights(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, unsigned rights)
{
	const unsigned needed = rights_needed(request->kind);

	if ((rights & needed) == needed || (vtd_is_flush(vtd, request) && rights != 0))
		return ALLOWED;
	if ((needed & ~rights & RIGHT_WRITE) != 0)
		return space->scalable ? SGN_6 : LGN_2;
	return space->scalable ? SGN_7 : LGN_3;
}

/* Does the device ask to read only, and is that listened to (VT-d 4.2.3)? */
static bool reads_only(const struct vtd_unit *vtd, const struct page_request *request)
{
	return request->no_write && vtd_ECAP_NWFS(vtd->ext_capability);
}

/* A translation request counts as read and write, if it gets both, or as a read (VT-d 4.2.3.1). */
bool vtd_writes(const struct vtd_unit *vtd, const struct page_request *request, unsigned rights)
{
	return request_writes(request, !reads_only(vtd, request), rights);
}

/* A translation request gets what rights there are, less what it does not want (VT-d 4.2.3). */
void vtd_answer(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned rights)
{
	if (reads_only(vtd, request))
		rights &= ~(unsigned)RIGHT_WRITE;
	page->answered = true;
	page->granted = (uint8_t)(page->page_shift == 0 ? 0 : rights); /* no leaf, no rights */
	page->privileged = request->has_pasid && request->privileged;
}

/* Interrupts are not translated: a device may only go on sending them as they are (Table 30, S.1, S.2). */
static void answer_interrupt_range(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	page->translated = true;
	if (reads_only(vtd, request)) {
		*rights = 0;
		return;
	}
	page->physical = request->address;
	page->page_shift = IOMMUSIM_PAGE_SHIFT;
	page->untranslated_only = true;
	*rights = RIGHT_WRITE;
}

/* ---- pass-through and translated requests ---------------------------------------------------------------- */

/*
 * How much a pass-through answer covers: the largest page the unit knows, less where interrupts are near
 * (VT-d 4.2.3). Legacy mode has no such answers.
 */
static uint8_t passed_shift(const struct vtd_unit *vtd, const struct page_request *request)
{
	static const uint8_t shifts[] = { 30, 21 };
	const uint64_t sizes = vtd_CAP_SSLPS(vtd->capability);

	for (unsigned i = 0; request_is_for_translation(request) && i < 2; i++) {
		const struct iommusim_dma_page page = { .physical = request->address,
			.page_shift = shifts[i] };

		if ((sizes >> (1 - i) & 1) != 0 && !vtd_reaches_interrupts(request, &page))
			return shifts[i];
	}
	return IOMMUSIM_PAGE_SHIFT;
}

unsigned vtd_use_as_is(const struct vtd_unit *vtd, const struct page_request *request, bool scalable,
    struct iommusim_dma_page *page)
{
	page->physical = request->address;
	page->translated = true;
	if (request->address >> vtd->spec.host_address_width != 0)
		return scalable ? SGN_4 : LGN_1;
	page->page_shift = passed_shift(vtd, request);
	if (vtd_reaches_interrupts(request, page))
		return scalable ? SGN_8 : LGN_4;
	return ALLOWED;
}

static void set_mode(struct walk_path *path, const char *mode, unsigned levels)
{
	if (path == NULL)
		return;
	path->mode = mode;
	path->levels = (uint8_t)levels;
}

/* HPTE: translated requests need a permission, and with it the PASID-table entry (VT-d 4.2.5). */
static bool needs_permission(const struct vtd_source *source)
{
	return is_scalable(source) && vtd_sm_context_entry_HPTE(source->context);
}

/* The domain that a request is counted to when no PASID-table entry is looked at: none in scalable mode. */
bool vtd_ends_at_context(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, struct iommusim_dma_page *page, unsigned *rights, unsigned *reason,
    struct walk_path *path)
{
	*reason = ALLOWED;
	if (request_is_for_translation(request) && !request->has_pasid &&
	    is_interrupt_address(request->address)) {
		set_mode(path, "interrupt range", 0);
		answer_interrupt_range(vtd, request, page, rights);
	} else if (request_is_translated(request) && !needs_permission(source)) {
		set_mode(path, "pass-through", 0);
		*reason = vtd_use_as_is(vtd, request, is_scalable(source), page);
	} else {
		return false;
	}
	if (!is_scalable(source))
		page->domain = (uint32_t)vtd_context_entry_DID(source->context);
	return true;
}

/* ---- the page ------------------------------------------------------------------------------------------ */

static unsigned width_reason(
    const struct vtd_unit *vtd, const struct vtd_space *space, const struct page_request *request)
{
	if (request->address >> vtd_second_stage_width(vtd, space) == 0)
		return ALLOWED;
	return space->scalable ? SGN_5 : LGN_1;
}

static unsigned walk_stages(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, struct stage_walk *walk)
{
	unsigned reason;

	if (space->stages != VTD_SECOND_STAGE)
		return vtd_walk_first_stage(vtd, space, request, walk);
	reason = width_reason(vtd, space, request);
	return reason != ALLOWED ? reason : vtd_walk_second_stage(vtd, space, request, walk);
}

/* Walk until it is known which flags to set. */
static unsigned walk_and_mark(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, struct stage_walk *walk)
{
	const unsigned start = stage_walk_start(walk);
	unsigned reason;

	do
		reason = walk_stages(vtd, request, space, walk);
	while (stage_walk_again(walk, space->stages == VTD_NESTED,
	    walk->writes && vtd_writes(vtd, request, walk->rights), start));
	return reason;
}

static const char *mode_name(const struct vtd_space *space)
{
	static const char *const names[] = {
		[VTD_FIRST_STAGE] = "first stage",
		[VTD_SECOND_STAGE] = "second stage",
		[VTD_NESTED] = "nested",
		[VTD_PASS_THROUGH] = "pass-through",
	};

	return names[space->stages];
}

static unsigned mode_levels(const struct vtd_space *space)
{
	if (space->stages == VTD_PASS_THROUGH)
		return 0;
	return space->stages == VTD_SECOND_STAGE ? space->second_levels : space->first_levels;
}

/* What must be snooped: the page itself, or by its leaf entry (VT-d Table 10). */
static bool must_be_snooped(
    const struct vtd_unit *vtd, const struct vtd_space *space, const struct stage_walk *walk)
{
	const bool by_leaf = walk->snoop && vtd_ECAP_SC(vtd->ext_capability);

	return space->page_snoop || by_leaf;
}

unsigned vtd_find_page(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, struct stage_walk *walk, struct iommusim_dma_page *page,
    unsigned *rights)
{
	unsigned reason;

	page->domain = space->domain;
	page->translated = true;
	set_mode(walk->path, mode_name(space), mode_levels(space));
	if (space->stages == VTD_PASS_THROUGH) {
		page->non_snooped = space->page_snoop;
		return vtd_use_as_is(vtd, request, space->scalable, page);
	}
	walk->address = request->address;
	walk->needed = request_is_for_translation(request) || vtd_is_flush(vtd, request)
	    ? 0
	    : (uint8_t)rights_needed(request->kind);
	walk->rights = RIGHT_READ | RIGHT_WRITE;
	walk->writes = vtd_writes(vtd, request, RIGHT_WRITE);
	reason = walk_and_mark(vtd, request, space, walk);
	*rights = walk->rights;
	page->entry = walk->entry;
	if (reason != ALLOWED)
		return reason;
	stage_walk_page(walk, page);
	page->non_snooped = must_be_snooped(vtd, space, walk);
	reason = vtd_check_rights(vtd, request, space, *rights);
	if (reason != ALLOWED && !request_is_for_translation(request))
		return reason;
	if (vtd_reaches_interrupts(request, page))
		return space->scalable ? SGN_8 : LGN_4;
	return walk->marks != NULL && walk->marks->reason != ALLOWED ? walk->marks->reason : reason;
}

bool vtd_is_used(const struct page_request *request, unsigned reason, unsigned rights)
{
	return reason == ALLOWED ||
	    (!request_is_untranslated(request) && rights != 0 && (reason == SGN_6 || reason == SGN_7));
}

unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct iommusim_dma_page *page,
    unsigned *rights, struct walk_marks *marks, struct walk_path *path)
{
	struct stage_walk walk = { .marks = marks, .path = path };
	struct vtd_host_walk host = { .path = path };
	unsigned reason = vtd_check_mode(vtd, request, source);

	*rights = RIGHT_READ | RIGHT_WRITE; /* what a fault before any walk found missing is no right */
	if (reason == ALLOWED)
		reason = vtd_find_context(vtd, request, source, path);
	if (reason != ALLOWED || vtd_ends_at_context(vtd, request, source, page, rights, &reason, path))
		return reason;
	reason = vtd_find_space(vtd, request, source, space, path);
	if (reason != ALLOWED)
		return reason;
	if (request_is_translated(request))
		return vtd_find_permission(vtd, request, source, space, &host, page, rights);
	reason = vtd_find_page(vtd, request, space, &walk, page, rights);
	if (vtd_is_used(request, reason, *rights)) {
		const unsigned foreseen = walk_marks_foresee(&vtd->unit.machine->memory, marks);

		reason = foreseen != ALLOWED ? foreseen : reason;
	}
	return reason;
}
