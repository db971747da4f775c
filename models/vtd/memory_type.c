/*
 * Memory types (VT-d 3.11): what the MTRRs say of an address, and what that, PAT, EMT and the PASID-table
 * entry come to for a page. The structures these values are taken from are read elsewhere.
 */
#include "models/vtd/memory_type.h"

#include "models/vtd/registers.h"

#define VARIABLE_RANGES 10u

/* What the fixed ranges cover: 64 KiB a range from 0 on, 16 KiB, 4 KiB (Table 50). */
#define FIXED_16K UINT64_C(0x80000)
#define FIXED_4K  UINT64_C(0xc0000)
#define FIXED_END UINT64_C(0x100000)

static uint64_t default_capability(void)
{
	return vtd_MTRRCAP_VCNT_bits(VARIABLE_RANGES) | vtd_MTRRCAP_FIX_bits(1) |
	    vtd_MTRRCAP_WC_bits(1);
}

uint64_t vtd_mtrr_capability(const struct iommusim_vtd_config *config)
{
	if (!vtd_ECAP_MTS(config->ext_capability))
		return 0;
	return config->mtrr_capability != 0 ? config->mtrr_capability : default_capability();
}

const char *vtd_mtrr_problem(const struct iommusim_vtd_config *config)
{
	const uint64_t said = config->mtrr_capability;
	const uint64_t known =
	    vtd_MTRRCAP_VCNT_bits(UINT64_MAX) | vtd_MTRRCAP_FIX_bits(1) | vtd_MTRRCAP_WC_bits(1);

	if (said == 0)
		return NULL;
	if (!vtd_ECAP_MTS(config->ext_capability))
		return "MTRRCAP needs ECAP.MTS";
	if ((said & ~known) != 0)
		return "reserved bits of MTRRCAP are set";
	return vtd_MTRRCAP_VCNT(said) > VARIABLE_RANGES ? "MTRRCAP.VCNT is more than 10" : NULL;
}

/* A type out of an MTRR. Other encodings, and WC on units without it, are undefined: uncacheable. */
static enum vtd_memory_type legal_type(const struct vtd_unit *vtd, uint64_t type)
{
	switch (type) {
	case VTD_MEMORY_WC:
		return vtd_MTRRCAP_WC(vtd->mtrr_capability) ? VTD_MEMORY_WC : VTD_MEMORY_UC;
	case VTD_MEMORY_WT:
	case VTD_MEMORY_WP:
	case VTD_MEMORY_WB:
		return (enum vtd_memory_type)type;
	default:
		return VTD_MEMORY_UC;
	}
}

/* Eight ranges a register, and the registers of all three sizes one after the other. */
static enum vtd_memory_type fixed_type(const struct vtd_unit *vtd, uint64_t address)
{
	unsigned range;
	uint64_t types;

	if (address < FIXED_16K)
		range = (unsigned)(address >> 16);
	else if (address < FIXED_4K)
		range = 8 + (unsigned)((address - FIXED_16K) >> 14);
	else
		range = 24 + (unsigned)((address - FIXED_4K) >> 12);
	types = vtd_register_at(vtd, vtd_MTRR_FIX64K_at + range / 8 * 8);
	return legal_type(vtd, types >> range % 8 * 8 & SPEC_MASK(7, 0));
}

static bool in_variable_range(const struct vtd_unit *vtd, unsigned number, uint64_t address)
{
	const uint64_t base = vtd_register_at(vtd, vtd_MTRR_PHYSBASE_at + number * 16);
	const uint64_t mask = vtd_register_at(vtd, vtd_MTRR_PHYSMASK_at + number * 16);
	const uint64_t compared = vtd_MTRR_PHYSMASK_PHYSMASK(mask);

	return vtd_MTRR_PHYSMASK_V(mask) &&
	    (address >> IOMMUSIM_PAGE_SHIFT & compared) ==
	    (vtd_MTRR_PHYSBASE_PHYSBASE(base) & compared);
}

/*
 * The type of variable ranges that overlap, a set as bits by type: UC wins, WT wins over WB. Any other
 * mixture is undefined; here it is uncacheable, the type that no access suffers from.
 */
static enum vtd_memory_type overlap_type(unsigned types)
{
	const unsigned wt = 1u << VTD_MEMORY_WT, wb = 1u << VTD_MEMORY_WB;

	if (types == (wt | wb))
		return VTD_MEMORY_WT;
	for (unsigned type = VTD_MEMORY_UC; type <= VTD_MEMORY_WB; type++)
		if (types == 1u << type)
			return (enum vtd_memory_type)type;
	return VTD_MEMORY_UC;
}

/* Lock held. */
static enum vtd_memory_type mtrr_type(const struct vtd_unit *vtd, uint64_t address)
{
	const uint64_t general = vtd_register_at(vtd, vtd_MTRRDEF_at);
	unsigned types = 0;

	if (!vtd_MTRRDEF_E(general))
		return VTD_MEMORY_UC;
	if (vtd_MTRRDEF_FE(general) && address < FIXED_END)
		return fixed_type(vtd, address);
	for (unsigned i = 0; i < vtd_MTRRCAP_VCNT(vtd->mtrr_capability); i++)
		if (in_variable_range(vtd, i, address))
			types |= 1u << legal_type(vtd,
				     vtd_MTRR_PHYSBASE_TYPE(
					 vtd_register_at(vtd, vtd_MTRR_PHYSBASE_at + i * 16)));
	return types != 0 ? overlap_type(types) : legal_type(vtd, vtd_MTRRDEF_TYPE(general));
}

enum vtd_memory_type vtd_mtrr_type(struct vtd_unit *vtd, uint64_t address)
{
	enum vtd_memory_type type;

	pthread_mutex_lock(&vtd->unit.lock);
	type = mtrr_type(vtd, address);
	pthread_mutex_unlock(&vtd->unit.lock);
	return type;
}

enum vtd_memory_type vtd_pat_type(uint32_t pat, unsigned index)
{
	const unsigned type = pat >> index * 4 & 0xf;

	/* The encodings between and beyond are reserved (9.6): uncacheable. */
	return type == 2 || type == 3 || type > VTD_MEMORY_UC_MINUS ? VTD_MEMORY_UC
								    : (enum vtd_memory_type)type;
}

/* Table 7, row by row: the type of the MTRR; column by column: that of the PAT. */
enum vtd_memory_type vtd_effective_type(enum vtd_memory_type mtrr, enum vtd_memory_type pat)
{
	switch (pat) {
	case VTD_MEMORY_WC:
		return VTD_MEMORY_WC; /* over everything */
	case VTD_MEMORY_UC_MINUS:     /* UC that a WC range, or a WP one, turns into WC */
		return mtrr == VTD_MEMORY_WC || mtrr == VTD_MEMORY_WP ? VTD_MEMORY_WC : VTD_MEMORY_UC;
	case VTD_MEMORY_WB:
		return mtrr;
	case VTD_MEMORY_WT:
	case VTD_MEMORY_WP:
		return mtrr == VTD_MEMORY_UC || mtrr == VTD_MEMORY_WC ? VTD_MEMORY_UC : pat;
	default:
		return VTD_MEMORY_UC;
	}
}

/* EMT has the encodings of an MTRR, less UC- (9.8); reserved ones are undefined: uncacheable. */
static enum vtd_memory_type extended_type(uint8_t type)
{
	const enum vtd_memory_type read = vtd_pat_type(type, 0);

	return read == VTD_MEMORY_UC_MINUS ? VTD_MEMORY_UC : read;
}

static enum vtd_memory_type first_stage_type(const struct vtd_page_typing *page)
{
	return vtd_effective_type(page->mtrr, vtd_pat_type(page->pat, page->pat_index));
}

static enum vtd_memory_type nested_type(const struct vtd_page_typing *page)
{
	const enum vtd_memory_type extended = extended_type(page->extended_type);

	if (!page->extended)
		return first_stage_type(page);
	return page->ignore_pat
	    ? extended
	    : vtd_effective_type(extended, vtd_pat_type(page->pat, page->pat_index));
}

/* Table 9. */
enum vtd_memory_type vtd_memory_type_of(const struct vtd_page_typing *page)
{
	enum { FIRST_STAGE = 1, SECOND_STAGE = 2, NESTED = 3 };

	if (!page->scalable)
		return VTD_MEMORY_WB;
	if (page->cache_disable)
		return VTD_MEMORY_UC;
	switch (page->translation) {
	case FIRST_STAGE:
		return first_stage_type(page);
	case SECOND_STAGE:
		return page->extended ? extended_type(page->extended_type) : VTD_MEMORY_WB;
	case NESTED:
		return nested_type(page);
	default:
		return VTD_MEMORY_WB;
	}
}
