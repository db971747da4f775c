/*
 * The tables of legacy mode: the checks in the order hardware makes them (VT-d 3.4, 7.1.3), on what
 * memory holds. Reads memory, changes nothing; caches and fault logging are around it (translate.c).
 */
#include "models/vtd/unit.h"

#include "machine/memory_access.h"
#include "models/formats/page_walk.h"
#include "models/formats/vtd_second_stage.h"
#include "models/vtd/reason.h"

/* Translation types of a legacy context entry (VT-d 9.3). */
enum { TT_UNTRANSLATED_ONLY = 0, TT_ALL = 1, TT_PASS_THROUGH = 2 };

enum { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_ABORT = 3 };

static bool load(const void *context, uint64_t address, uint64_t *value)
{
	const struct vtd_unit *vtd = context;

	return memory_load64(&vtd->unit.machine->memory, address, vtd->snoops, value);
}

/* Note an entry of two quadwords on the path. */
static void note(struct vtd_path *path, const struct spec_structure *structure, uint64_t table,
    uint64_t address, const uint64_t raw[2], bool readable)
{
	unsigned n;

	if (path == NULL)
		return;
	n = path->count++;
	path->structure[n] = structure;
	path->table[n] = table;
	path->address[n] = address;
	path->raw[n][0] = raw[0];
	path->raw[n][1] = raw[1];
	path->readable[n] = readable;
}

/* Root and context entries change under hardware's eyes as a whole (VT-d 6.2.2.1). */
static bool load_pair(const struct vtd_unit *vtd, uint64_t address, uint64_t raw[2])
{
	raw[0] = raw[1] = 0;
	return memory_load128(&vtd->unit.machine->memory, address, vtd->snoops, raw);
}

unsigned vtd_check_mode(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_context *context)
{
	const uint64_t root = atomic_load(&vtd->root); /* mode and table of one SRTP */

	context->root = root;
	if (vtd_RTADDR_TTM(root) == TTM_ABORT && vtd_ECAP_ADMS(vtd->ext_capability))
		return RTA_4;
	if (vtd_RTADDR_TTM(root) != TTM_LEGACY)
		return RTA_1;
	/* Before SSIRWE: that condition does not exist with a PASID (Table 30). */
	if (request->has_pasid)
		return RTA_2;
	return vtd_RTADDR_SSIRWE(root) ? RTA_1 : ALLOWED;
}

/* Root entry: read, present, reserved, in that order (VT-d 9.1). */
static enum reason find_context_table(const struct vtd_unit *vtd, const struct page_request *request,
    uint64_t root, uint64_t *context_table, struct vtd_path *path)
{
	const uint64_t table = vtd_RTADDR_RTA(root) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t address = table + (request->rid >> 8) * UINT64_C(16);
	uint64_t entry[2];
	const bool readable = load_pair(vtd, address, entry);

	note(path, &vtd_root_entry_spec, table, address, entry, readable);
	if (!readable)
		return LRT_1;
	if (!vtd_root_entry_P(entry))
		return LRT_2;
	if (((entry[0] & vtd->root_reserved[0]) | (entry[1] & vtd->root_reserved[1])) != 0)
		return LRT_3;
	*context_table = vtd_root_entry_CTP(entry) << IOMMUSIM_PAGE_SHIFT;
	return ALLOWED;
}

static enum reason read_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct vtd_path *path)
{
	uint64_t table, address;
	bool readable;
	const enum reason reason = find_context_table(vtd, request, context->root, &table, path);

	if (reason != ALLOWED)
		return reason;
	address = table + (request->rid & 0xff) * UINT64_C(16);
	readable = load_pair(vtd, address, context->raw);
	note(path, &vtd_context_entry_spec, table, address, context->raw, readable);
	if (!readable)
		return LCT_1;
	context->known = true;
	return ALLOWED;
}

/* Pass-through ignores SSPTPTR, reserved bits and all (VT-d 9.3). */
static uint64_t context_reserved_low(const struct vtd_unit *vtd, const struct vtd_context *context)
{
	uint64_t pointer = 0;

	if (vtd_context_entry_TT(context->raw) == TT_PASS_THROUGH && vtd_ECAP_PT(vtd->ext_capability))
		vtd_context_entry_set_SSPTPTR(&pointer, UINT64_MAX);
	return vtd->context_reserved[0] & ~pointer;
}

static unsigned context_levels(const struct vtd_context *context)
{
	return (unsigned)vtd_context_entry_AW(context->raw) + 2;
}

/* Pass-through needs a good width too (VT-d 9.3). */
static bool width_supported(const struct vtd_unit *vtd, const struct vtd_context *context)
{
	const unsigned width = (unsigned)vtd_context_entry_AW(context->raw);

	if ((vtd->widths >> width & 1) == 0)
		return false;
	return !vtd->choices.pass_through_widest || !vtd_context_passes(context) ||
	    12 + 9 * context_levels(context) == vtd->widest_table;
}

/* Present, reserved, then what it asks for against what the unit can do (VT-d 9.3). */
static enum reason check_context(
    const struct vtd_unit *vtd, const struct vtd_context *context, const struct page_request *request)
{
	const unsigned type = (unsigned)vtd_context_entry_TT(context->raw);

	if (!vtd_context_entry_P(context->raw))
		return LCT_2;
	if (((context->raw[0] & context_reserved_low(vtd, context)) |
		(context->raw[1] & vtd->context_reserved[1])) != 0)
		return LCT_3;
	if (type > TT_PASS_THROUGH || (type == TT_ALL && !vtd_ECAP_DT(vtd->ext_capability)) ||
	    (type == TT_PASS_THROUGH && !vtd_ECAP_PT(vtd->ext_capability)))
		return LCT_4;
	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED && type != TT_ALL)
		return LCT_5;
	return width_supported(vtd, context) ? ALLOWED : LCT_4;
}

bool vtd_context_passes(const struct vtd_context *context)
{
	return vtd_context_entry_TT(context->raw) == TT_PASS_THROUGH;
}

unsigned vtd_find_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct vtd_path *path)
{
	enum reason reason = ALLOWED;

	if (!context->known)
		reason = read_context(vtd, request, context, path);
	if (reason != ALLOWED)
		return reason;
	context->fault_disable = vtd_context_entry_FPD(context->raw) != 0; /* even when P=0 (9.3) */
	return check_context(vtd, context, request);
}

/* Pass-through, and requests that carry a translated address already: output is input. */
static enum reason use_as_is(
    const struct vtd_unit *vtd, const struct page_request *request, struct iommusim_dma_page *page)
{
	page->physical = request->address;
	page->page_shift = IOMMUSIM_PAGE_SHIFT;
	page->translated = true;
	if (request->address >> vtd->spec.host_address_width != 0)
		return LGN_1;
	return vtd_interrupt_range(request->address) ? LGN_4 : ALLOWED;
}

/* Interrupts are not translated: a device may only go on sending them as they are (VT-d 4.2.3). */
static enum reason answer_interrupt_range(
    const struct page_request *request, struct iommusim_dma_page *page, unsigned *rights)
{
	page->physical = request->address;
	page->page_shift = IOMMUSIM_PAGE_SHIFT;
	page->translated = true;
	page->untranslated_only = true;
	*rights = RIGHT_WRITE;
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
	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct page_walk_step *step = &walk->steps[i];
		const uint64_t raw[2] = { step->entry, 0 };
		const unsigned n = path->count;

		note(path, entry_structure(step), step->address & ~(PAGE_TABLE_BYTES - 1),
		    step->address, raw, step->readable);
		path->level[n] = step->level;
		path->leaf[n] = vtd_ss_present(step->entry) && vtd_ss_is_leaf(step->entry, step->level);
	}
}

/* The entries that point at tables: all that were read but the last, which ended the walk. */
static void note_passed(struct vtd_shortcut *shortcut, const struct page_walk *walk)
{
	for (unsigned i = 0; i + 1 < walk->step_count; i++)
		shortcut->passed[shortcut->passed_count++] = (struct vtd_table){
			.address = vtd_ss_next_table(walk->steps[i].entry),
			.level = (uint8_t)(walk->steps[i].level - 1),
			.rights = walk->steps[i].rights,
		};
}

/* A zero-length read of a write-only page passes where CAP.ZLR says so (VT-d 3.14). */
static bool is_zero_length_read(const struct vtd_unit *vtd, const struct page_request *request)
{
	return request->kind == IOMMUSIM_DMA_READ && request->length == 0 &&
	    vtd_CAP_ZLR(vtd->capability);
}

unsigned vtd_check_rights(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned rights)
{
	const unsigned needed = rights_needed(request->kind);

	if ((rights & needed) == needed || (is_zero_length_read(vtd, request) && rights != 0))
		return ALLOWED;
	return (needed & ~rights & RIGHT_WRITE) != 0 ? LGN_2 : LGN_3;
}

/* Why a walk that found no leaf faults (VT-d 7.1.3, LSS and LGN conditions). */
static unsigned stop_reason(const struct vtd_unit *vtd, const struct vtd_context *context,
    enum page_walk_stop stop, const struct page_walk *walk, const struct page_request *request)
{
	switch (stop) {
	case PAGE_WALK_UNREADABLE:
		return walk->level == context_levels(context) ? LCT_4 : LSS_1;
	case PAGE_WALK_RESERVED:
		return LSS_2;
	default:
		return vtd_check_rights(vtd, request, walk->rights);
	}
}

static struct page_walk begin_walk(const struct vtd_unit *vtd, const struct vtd_context *context,
    const struct page_request *request, const struct vtd_shortcut *shortcut)
{
	struct page_walk walk = {
		.table = vtd_context_entry_SSPTPTR(context->raw) << IOMMUSIM_PAGE_SHIFT,
		.first = (uint8_t)context_levels(context),
		.granted = PAGE_READ | PAGE_WRITE,
		.each_level = vtd->choices.rights_at_each_level && !is_zero_length_read(vtd, request),
		.needed = (uint8_t)rights_needed(request->kind),
		.reserved = &vtd->page_reserved,
		.load = load,
		.context = vtd,
	};

	if (shortcut != NULL && shortcut->from.level != 0) {
		walk.table = shortcut->from.address;
		walk.first = shortcut->from.level;
		walk.granted = shortcut->from.rights;
	}
	return walk;
}

static unsigned walk_second_stage(const struct vtd_unit *vtd, const struct vtd_context *context,
    const struct page_request *request, struct vtd_shortcut *shortcut, struct iommusim_dma_page *page,
    unsigned *rights, struct vtd_path *path)
{
	const unsigned width = 12 + 9 * context_levels(context);
	const unsigned limit = width < vtd->max_address_width ? width : vtd->max_address_width;
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct page_walk walk = begin_walk(vtd, context, request, shortcut);
	enum page_walk_stop stop;

	page->translated = true;
	if (request->address >> limit != 0)
		return LGN_1;
	walk.steps = path == NULL && shortcut == NULL ? NULL : steps;
	stop = page_walk(&vtd_second_stage, &walk, request->address);
	if (path != NULL)
		note_walk(path, &walk);
	if (shortcut != NULL)
		note_passed(shortcut, &walk);
	page->entry = walk.entry;
	*rights = walk.rights; /* of a fault too, for its class: 0 is "not there at all" */
	if (stop != PAGE_WALK_FOUND)
		return stop_reason(vtd, context, stop, &walk, request);
	page->page_shift = (uint8_t)page_level_shift(walk.level);
	page->physical = walk.page | (request->address & SPEC_MASK(page->page_shift - 1, 0));
	return ALLOWED;
}

/* Success, and not recorded, though nothing or less may be done there (VT-d Table 30, 7.1.2). */
bool vtd_answers(const struct page_request *request, unsigned reason)
{
	return request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST &&
	    (reason == ALLOWED || reason == LGN_1 || reason == LGN_3);
}

/* An access is judged by its own address; what a translation request gets, by all of it (VT-d 3.15). */
bool vtd_reaches_interrupts(const struct page_request *request, const struct iommusim_dma_page *page)
{
	const bool whole = request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST;
	const uint64_t offset = whole ? SPEC_MASK(page->page_shift - 1, 0) : 0;

	return (page->physical & ~offset) <= VTD_INTERRUPT_LAST &&
	    (page->physical | offset) >= VTD_INTERRUPT_FIRST;
}

unsigned vtd_find_page(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_context *context, struct vtd_shortcut *shortcut, struct iommusim_dma_page *page,
    unsigned *rights, struct vtd_path *path)
{
	unsigned reason;

	page->domain = (uint32_t)vtd_context_entry_DID(context->raw);
	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST &&
	    vtd_interrupt_range(request->address)) {
		if (path != NULL)
			path->mode = "interrupt range";
		return answer_interrupt_range(request, page, rights);
	}
	if (vtd_context_passes(context) || request->address_type == IOMMUSIM_DMA_TRANSLATED) {
		if (path != NULL)
			path->mode = "pass-through";
		return use_as_is(vtd, request, page);
	}
	if (path != NULL) {
		path->mode = "second stage";
		path->levels = (uint8_t)context_levels(context);
	}
	reason = walk_second_stage(vtd, context, request, shortcut, page, rights, path);
	if (reason != ALLOWED)
		return reason;
	reason = vtd_check_rights(vtd, request, *rights);
	/* A translation request is answered with fewer rights than it needs, but with no such place. */
	if ((reason == ALLOWED || request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST) &&
	    vtd_reaches_interrupts(request, page))
		return LGN_4;
	return reason;
}

unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights,
    struct vtd_path *path)
{
	unsigned reason = vtd_check_mode(vtd, request, context);

	*rights = RIGHT_READ | RIGHT_WRITE; /* what a fault before any walk found missing is no right */
	if (reason == ALLOWED)
		reason = vtd_find_context(vtd, request, context, path);
	if (reason == ALLOWED)
		reason = vtd_find_page(vtd, request, context, NULL, page, rights, path);
	return reason;
}
