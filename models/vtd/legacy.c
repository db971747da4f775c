/*
 * Legacy mode: root and context entry, their checks in the order hardware makes them (VT-d 3.4.2, 9.1,
 * 9.3), and how a context entry says to translate. Reads memory, changes nothing.
 */
#include "models/vtd/tables.h"

#include "models/vtd/reason.h"

/* Translation types (VT-d 9.3). */
enum { TT_UNTRANSLATED_ONLY = 0, TT_ALL = 1, TT_PASS_THROUGH = 2 };

/* Root entry: read, present, reserved, in that order (VT-d 9.1). */
static enum reason find_context_table(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, uint64_t *context_table, struct walk_path *path)
{
	const uint64_t table = vtd_RTADDR_RTA(source->root) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t address = table + (request->rid >> 8) * UINT64_C(16);
	uint64_t entry[2];
	const bool readable = vtd_load_entry(vtd, source, address, entry, 2);

	walk_path_note(path, &vtd_root_entry_spec, table, address, entry, readable);
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
    struct vtd_source *source, struct walk_path *path)
{
	uint64_t table, address;
	bool readable;
	const enum reason reason = find_context_table(vtd, request, source, &table, path);

	if (reason != ALLOWED)
		return reason;
	address = table + (request->rid & 0xff) * UINT64_C(16);
	readable = vtd_load_entry(vtd, source, address, source->context, 2);
	walk_path_note(path, &vtd_context_entry_spec, table, address, source->context, readable);
	if (!readable)
		return LCT_1;
	source->context_known = true;
	return ALLOWED;
}

static bool passes_through(const struct vtd_source *source)
{
	return vtd_context_entry_TT(source->context) == TT_PASS_THROUGH;
}

/* Pass-through ignores SSPTPTR, reserved bits and all (VT-d 9.3). */
static uint64_t reserved_low(const struct vtd_unit *vtd, const struct vtd_source *source)
{
	uint64_t pointer = 0;

	if (passes_through(source) && vtd_ECAP_PT(vtd->ext_capability))
		vtd_context_entry_set_SSPTPTR(&pointer, UINT64_MAX);
	return vtd->context_reserved[0] & ~pointer;
}

static unsigned levels(const struct vtd_source *source)
{
	return (unsigned)vtd_context_entry_AW(source->context) + 2;
}

/* Pass-through needs a good width too (VT-d 9.3). */
static bool width_supported(const struct vtd_unit *vtd, const struct vtd_source *source)
{
	const unsigned width = (unsigned)vtd_context_entry_AW(source->context);

	if ((vtd->widths >> width & 1) == 0)
		return false;
	return !vtd->choices.pass_through_widest || !passes_through(source) ||
	    12 + 9 * levels(source) == vtd->widest_table;
}

/* Present, reserved, then what it asks for against what the unit can do (VT-d 9.3). */
static enum reason check_context(
    const struct vtd_unit *vtd, const struct vtd_source *source, const struct page_request *request)
{
	const unsigned type = (unsigned)vtd_context_entry_TT(source->context);

	if (!vtd_context_entry_P(source->context))
		return LCT_2;
	if (((source->context[0] & reserved_low(vtd, source)) |
		(source->context[1] & vtd->context_reserved[1])) != 0)
		return LCT_3;
	if (type > TT_PASS_THROUGH || (type == TT_ALL && !vtd_ECAP_DT(vtd->ext_capability)) ||
	    (type == TT_PASS_THROUGH && !vtd_ECAP_PT(vtd->ext_capability)))
		return LCT_4;
	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED && type != TT_ALL)
		return LCT_5;
	return width_supported(vtd, source) ? ALLOWED : LCT_4;
}

unsigned vtd_legacy_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path)
{
	enum reason reason = ALLOWED;

	if (!source->context_known)
		reason = read_context(vtd, request, source, path);
	if (reason != ALLOWED)
		return reason;
	source->fault_disable = vtd_context_entry_FPD(source->context) != 0; /* even when P=0 (9.3) */
	return check_context(vtd, source, request);
}

void vtd_legacy_space(
    const struct vtd_unit *vtd, const struct vtd_source *source, struct vtd_space *space)
{
	*space = (struct vtd_space){
		.second_table = vtd_context_entry_SSPTPTR(source->context) << IOMMUSIM_PAGE_SHIFT,
		.domain = (uint16_t)vtd_context_entry_DID(source->context),
		.stages = passes_through(source) ? VTD_PASS_THROUGH : VTD_SECOND_STAGE,
		.second_levels = (uint8_t)levels(source),
		.snoops = vtd->snoops,
	};
}
