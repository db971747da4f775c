/*
 * Scalable mode: root, context, PASID directory and PASID-table entry, their checks in the order
 * hardware makes them (VT-d 3.4.3, 9.2, 9.4 to 9.6), and how a PASID-table entry says to translate.
 * Reads memory, changes nothing.
 */
#include "models/vtd/tables.h"

#include "models/vtd/reason.h"

#define CONTEXT_BYTES     UINT64_C(32)
#define DIRECTORY_BYTES   UINT64_C(8)
#define PASID_ENTRY_BYTES UINT64_C(64)

#define PASIDS_IN_TABLE_SHIFT 6u /* a PASID table has 64 entries */

static bool any_bit(const uint64_t *raw, const uint64_t *mask, unsigned quads)
{
	uint64_t bits = 0;

	for (unsigned quad = 0; quad < quads; quad++)
		bits |= raw[quad] & mask[quad];
	return bits != 0;
}

/* ---- root and context entry ---------------------------------------------------------------------------- */

/* Each half of a root entry serves half the devices of its bus, and is judged alone (VT-d 9.2). */
static enum reason find_context_table(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, uint64_t *context_table, struct walk_path *path)
{
	const uint64_t table = vtd_RTADDR_RTA(source->root) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t address = table + (request->rid >> 8) * UINT64_C(16);
	const unsigned half = request->rid >> 7 & 1;
	uint64_t entry[2], pointer;
	const bool readable = vtd_load_entry(vtd, source, address, entry, 2);

	walk_path_note(path, &vtd_sm_root_entry_spec, table, address, entry, readable);
	if (!readable)
		return SRT_1;
	if (!(half == 0 ? vtd_sm_root_entry_LP(entry) : vtd_sm_root_entry_UP(entry)))
		return SRT_2;
	if ((entry[half] & vtd->sm_root_reserved[half]) != 0)
		return SRT_3;
	pointer = half == 0 ? vtd_sm_root_entry_LCTP(entry) : vtd_sm_root_entry_UCTP(entry);
	*context_table = pointer << IOMMUSIM_PAGE_SHIFT;
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
	address = table + (request->rid & 0x7f) * CONTEXT_BYTES;
	readable = vtd_load_entry(vtd, source, address, source->context, 4);
	walk_path_note(path, &vtd_sm_context_entry_spec, table, address, source->context, readable);
	if (!readable)
		return SCT_1;
	source->context_known = true;
	return ALLOWED;
}

/* The directory has 2^(PDTS + 7) entries of 64 PASIDs each. */
static bool beyond_directory(const struct vtd_source *source, uint32_t pasid)
{
	return pasid >> (vtd_sm_context_entry_PDTS(source->context) + 7 + PASIDS_IN_TABLE_SHIFT) != 0;
}

/* EPTR needs PASIDE, but a request that PASIDE itself blocks is told of that (Table 30, SCT.4.3, SCT.6). */
static bool contradicts_pasids(const uint64_t *raw, const struct page_request *request)
{
	return vtd_sm_context_entry_EPTR(raw) && !vtd_sm_context_entry_PASIDE(raw) &&
	    (!request->has_pasid || request->address_type == IOMMUSIM_DMA_TRANSLATED);
}

/* The entry by itself: present, reserved, and whether its fields go together (VT-d 9.4). */
static enum reason check_context(
    const struct vtd_unit *vtd, const struct vtd_source *source, const struct page_request *request)
{
	const uint64_t *raw = source->context;

	if (!vtd_sm_context_entry_P(raw))
		return SCT_2;
	if (any_bit(raw, vtd->sm_context_reserved, 4))
		return SCT_3;
	if ((vtd_sm_context_entry_PRE(raw) && !vtd_sm_context_entry_DTE(raw)) ||
	    beyond_directory(source, (uint32_t)vtd_sm_context_entry_RID_PASID(raw)) ||
	    contradicts_pasids(raw, request))
		return SCT_4;
	return ALLOWED;
}

/* The request against the entry. PASIDE is not for translated requests: EPTR is (Table 30, SCT.6). */
static enum reason check_request(
    const struct vtd_unit *vtd, const struct vtd_source *source, const struct page_request *request)
{
	const uint64_t *raw = source->context;
	const bool translated = request->address_type == IOMMUSIM_DMA_TRANSLATED;

	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED && !vtd_sm_context_entry_DTE(raw))
		return SCT_5;
	if (!request->has_pasid)
		return ALLOWED;
	if (!translated && !vtd_sm_context_entry_PASIDE(raw))
		return SCT_6;
	if (request->pasid >> (vtd_ECAP_PSS(vtd->ext_capability) + 1) != 0)
		return SGN_10; /* qualified: after FPD is known */
	if (translated && !vtd_sm_context_entry_EPTR(raw))
		return SCT_10;
	if (beyond_directory(source, request->pasid))
		return SCT_7;
	return request->pasid == vtd_sm_context_entry_RID_PASID(raw) ? SCT_9 : ALLOWED;
}

unsigned vtd_scalable_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct walk_path *path)
{
	enum reason reason = ALLOWED;

	if (!source->context_known)
		reason = read_context(vtd, request, source, path);
	if (reason != ALLOWED)
		return reason;
	source->fault_disable =
	    vtd_sm_context_entry_FPD(source->context) != 0; /* even when P=0 (9.4) */
	reason = check_context(vtd, source, request);
	return reason != ALLOWED ? reason : check_request(vtd, source, request);
}

/* ---- PASID directory and table ------------------------------------------------------------------------- */

uint32_t vtd_effective_pasid(const struct vtd_source *source, const struct page_request *request)
{
	/* Without ECAP.RPS the field is reserved, that is, 0 (VT-d 9.4). */
	return request->has_pasid ? request->pasid
				  : (uint32_t)vtd_sm_context_entry_RID_PASID(source->context);
}

static enum reason find_pasid_table(const struct vtd_unit *vtd, struct vtd_source *source,
    uint32_t pasid, uint64_t *pasid_table, struct walk_path *path)
{
	const uint64_t directory = vtd_sm_context_entry_PASIDDIRPTR(source->context)
	    << IOMMUSIM_PAGE_SHIFT;
	const uint64_t address = directory + (pasid >> PASIDS_IN_TABLE_SHIFT) * DIRECTORY_BYTES;
	uint64_t entry;
	const bool readable = vtd_load_entry(vtd, source, address, &entry, 1);

	walk_path_note(path, &vtd_pasid_dir_entry_spec, directory, address, &entry, readable);
	if (!readable)
		return SPD_1;
	source->fault_disable |= vtd_pasid_dir_entry_FPD(&entry) != 0; /* even when P=0 (9.5) */
	if (!vtd_pasid_dir_entry_P(&entry))
		return SPD_2;
	if ((entry & vtd->pasid_dir_reserved) != 0)
		return SPD_3;
	*pasid_table = vtd_pasid_dir_entry_SMPTBLPTR(&entry) << IOMMUSIM_PAGE_SHIFT;
	return ALLOWED;
}

static enum reason read_entry(
    const struct vtd_unit *vtd, struct vtd_source *source, uint32_t pasid, struct walk_path *path)
{
	const uint64_t in_table = pasid & ((1u << PASIDS_IN_TABLE_SHIFT) - 1);
	uint64_t table, address;
	bool readable;
	const enum reason reason = find_pasid_table(vtd, source, pasid, &table, path);

	if (reason != ALLOWED)
		return reason;
	address = table + in_table * PASID_ENTRY_BYTES;
	readable = vtd_load_entry(vtd, source, address, source->entry, 8);
	walk_path_note(path, &vtd_pasid_entry_spec, table, address, source->entry, readable);
	if (!readable)
		return SPT_1;
	source->fault_disable |= vtd_pasid_entry_FPD(source->entry) != 0; /* even when P=0 (9.6) */
	return ALLOWED;
}

static bool uses_first_stage(unsigned stages)
{
	return stages == VTD_FIRST_STAGE || stages == VTD_NESTED;
}

static bool uses_second_stage(unsigned stages)
{
	return stages == VTD_SECOND_STAGE || stages == VTD_NESTED;
}

static bool stages_supported(const struct vtd_unit *vtd, unsigned stages)
{
	switch (stages) {
	case VTD_FIRST_STAGE:
		return vtd_ECAP_FSTS(vtd->ext_capability) != 0;
	case VTD_SECOND_STAGE:
		return vtd_ECAP_SSTS(vtd->ext_capability) != 0;
	case VTD_NESTED:
		return vtd_ECAP_NEST(vtd->ext_capability) != 0;
	case VTD_PASS_THROUGH:
		return vtd_ECAP_PT(vtd->ext_capability) != 0;
	default:
		return false;
	}
}

/* What the entry asks for against what the unit can do (Table 30, SPT.4). */
static bool can_translate(
    const struct vtd_unit *vtd, const struct vtd_space *space, const uint64_t *entry)
{
	const unsigned mode = (unsigned)vtd_pasid_entry_FSPM(entry);

	if (!stages_supported(vtd, space->stages))
		return false;
	if (uses_second_stage(space->stages) && (vtd->widths >> vtd_pasid_entry_AW(entry) & 1) == 0)
		return false;
	if (uses_first_stage(space->stages) &&
	    (mode > 1 || (mode == 1 && !vtd_CAP_FS5LP(vtd->capability))))
		return false;
	return space->stages != VTD_NESTED ||
	    space->first_table >> vtd_second_stage_width(vtd, space) == 0;
}

static void take_entry(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, struct vtd_space *space)
{
	const uint64_t *entry = source->entry;

	*space = (struct vtd_space){
		.first_table = vtd_pasid_entry_FSPTPTR(entry) << IOMMUSIM_PAGE_SHIFT,
		.second_table = vtd_pasid_entry_SSPTPTR(entry) << IOMMUSIM_PAGE_SHIFT,
		.pasid = vtd_effective_pasid(source, request),
		.domain = (uint16_t)vtd_pasid_entry_DID(entry),
		.stages = (uint8_t)vtd_pasid_entry_PGTT(entry),
		.first_levels = (uint8_t)(4 + vtd_pasid_entry_FSPM(entry)),
		.second_levels = (uint8_t)(vtd_pasid_entry_AW(entry) + 2),
		.scalable = true,
		.privileged = request->has_pasid ? request->privileged
						 : vtd_sm_context_entry_RID_PRIV(source->context) != 0,
		.snoops = vtd_ECAP_SMPWCS(vtd->ext_capability) && vtd_pasid_entry_PWSNP(entry),
		.second_flags = vtd_pasid_entry_SSADE(entry) != 0,
		.extended_flag = vtd_pasid_entry_EAFE(entry) != 0,
		.write_protect = vtd_pasid_entry_WPE(entry) != 0,
		.io_rights = vtd_RTADDR_SSIRWE(source->root) != 0,
		.page_snoop = vtd_pasid_entry_PGSNP(entry) != 0,
	};
}

/* The entry by itself: present, reserved, supported. */
static enum reason check_entry(
    const struct vtd_unit *vtd, const struct vtd_source *source, const struct vtd_space *space)
{
	if (!vtd_pasid_entry_P(source->entry))
		return SPT_2;
	if (any_bit(source->entry, vtd->pasid_entry_reserved, 8))
		return SPT_3;
	return can_translate(vtd, space, source->entry) ? ALLOWED : SPT_4;
}

unsigned vtd_scalable_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct walk_path *path)
{
	enum reason reason = (enum reason)source->entry_reason;

	if (!source->entry_known)
		reason = read_entry(vtd, source, vtd_effective_pasid(source, request), path);
	take_entry(vtd, request, source, space);
	if (reason == ALLOWED)
		reason = check_entry(vtd, source, space);
	if (reason != ALLOWED)
		return reason;
	source->entry_known = true;
	/* No execution since revision 4.1; units before version 8 say so here (Table 30, SPT.5). */
	if (request->execute && !vtd_ECAP_ERS(vtd->ext_capability))
		return SPT_5;
	return space->privileged && !vtd_pasid_entry_SRE(source->entry) ? SPT_6 : ALLOWED;
}
