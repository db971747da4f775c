/*
 * What a unit can: from its feature registers to limits, capabilities and reserved bits, once at its birth.
 * Nothing here looks at tables or requests.
 */
#include "models/amdvi/features.h"

#include <string.h>

#include "models/formats/amd_host.h"

#define RESERVED_GATS      3u
#define FIRST_HOST_LEVELS  4u
#define FIRST_GUEST_LEVELS 4u
#define MOST_COUNTERS      15u
#define MOST_BANKS         63u
#define DEFAULT_COUNTERS   4u
#define DEFAULT_BANKS      2u
#define PMC_REVISION       0x306u
#define CXL_REVISION       0x311u

/* Everything that is at bit 12 and above: AMD-Vi addresses have 52 bits. */
#define ADDRESS_WIDTH 52u

/* The capabilities that descriptions ask for, one bit each in the order of spec/needs.h. */
static uint64_t capabilities(const struct iommusim_amdvi_config *config, unsigned revision)
{
	const uint64_t efr = config->features, efr2 = config->features2;
	const uint32_t header = config->capability_header;
	const bool a = amdvi_EFR_HASUP(efr) != 0, d = amdvi_EFR_HDSUP(efr) != 0;

#define HAVE(need, condition) ((uint64_t)((condition) != 0) << ((need)-SPEC_FIRST_CAPABILITY))
	return HAVE(EFR_PREF, amdvi_EFR_PREFSUP(efr)) | HAVE(EFR_PPR, amdvi_EFR_PPRSUP(efr)) |
	    HAVE(EFR_XT, amdvi_EFR_XTSUP(efr)) | HAVE(EFR_NX, amdvi_EFR_NXSUP(efr)) |
	    HAVE(EFR_GT, amdvi_EFR_GTSUP(efr)) | HAVE(EFR_GAPPI, amdvi_EFR_GAPPISUP(efr)) |
	    HAVE(EFR_IA, amdvi_EFR_IASUP(efr)) | HAVE(EFR_GA, amdvi_EFR_GASUP(efr)) |
	    HAVE(EFR_HE, amdvi_EFR_HESUP(efr)) | HAVE(EFR_PC, amdvi_EFR_PCSUP(efr)) |
	    HAVE(EFR_SMIF, amdvi_EFR_SMIFSUP(efr) == 1) | HAVE(EFR_GAM, amdvi_EFR_GAMSUP(efr)) |
	    HAVE(EFR_DUAL_PPR, amdvi_EFR_DUAL_PPR_LOG_SUP(efr)) |
	    HAVE(EFR_DUAL_EVENT, amdvi_EFR_DUAL_EVENT_LOG_SUP(efr)) |
	    HAVE(EFR_SATS, amdvi_EFR_SATSSUP(efr)) | HAVE(EFR_DEVSEG, amdvi_EFR_DEV_TBL_SEG_SUP(efr)) |
	    HAVE(EFR_PPR_EARLY, amdvi_EFR_PPR_OVRFLW_EARLY_SUP(efr)) |
	    HAVE(EFR_PPR_AUTO, amdvi_EFR_PPR_AUTO_RSP_SUP(efr)) |
	    HAVE(EFR_MARC, amdvi_EFR_MARCSUP(efr)) |
	    HAVE(EFR_BLKSTOP, amdvi_EFR_BLK_STOP_MRK_SUP(efr)) |
	    HAVE(EFR_PERFOPT, amdvi_EFR_PERF_OPT_SUP(efr)) |
	    HAVE(EFR_MSICAP, amdvi_EFR_MSI_CAP_MMIO_SUP(efr)) |
	    HAVE(EFR_SNOOPATTR, amdvi_EFR_SNOOP_ATTR_SUP(efr)) | HAVE(EFR_GIO, amdvi_EFR_GIOSUP(efr)) |
	    HAVE(EFR_HA, a) | HAVE(EFR_HD, d) | HAVE(EFR_HAD, a || d) |
	    HAVE(EFR_EPH, amdvi_EFR_EPHSUP(efr)) |
	    HAVE(EPH_PPR, amdvi_EFR_EPHSUP(efr) && amdvi_EFR_PPRSUP(efr)) |
	    HAVE(EFR_ATTRFW, amdvi_EFR_ATTRFWSUP(efr)) |
	    HAVE(EFR_V2HADDIS, amdvi_EFR_V2_HD_DIS_SUP(efr)) |
	    HAVE(EFR_INVTYPE, amdvi_EFR_INV_IOTLB_TYPE_SUP(efr)) |
	    HAVE(EFR_VIOMMU, amdvi_EFR_VIOMMU_SUP(efr)) |
	    HAVE(EFR_GAUPDATEDIS, amdvi_EFR_GA_UPDATE_DIS_SUP(efr)) |
	    HAVE(EFR_SNP, amdvi_EFR_SNPSUP(efr)) | HAVE(NO_SNP, !amdvi_EFR_SNPSUP(efr)) |
	    HAVE(GA_XT, amdvi_EFR_GASUP(efr) && amdvi_EFR_XTSUP(efr)) |
	    HAVE(GA_GAM, amdvi_EFR_GASUP(efr) && amdvi_EFR_GAMSUP(efr)) |
	    HAVE(EFR2_TMPM, amdvi_EFR2_TMPM_SUP(efr2)) |
	    HAVE(EFR2_GCR3TRP, amdvi_EFR2_GCR3_TRP_MODE(efr2)) |
	    HAVE(EFR2_GAPPIDIS, amdvi_EFR2_GAPPI_DIS_SUP(efr2)) |
	    HAVE(EFR2_SNPAVIC, amdvi_EFR2_SNPAVIC_SUP(efr2)) |
	    HAVE(EFR2_NUMINT, amdvi_EFR2_NUM_INT_REMAP_SUP(efr2)) |
	    HAVE(REV_CXL, revision >= CXL_REVISION) | HAVE(REV_PMC, revision >= PMC_REVISION) |
	    HAVE(CAP_IOTLB, amdvi_CAP_HEADER_IOTLB_SUP(header)) |
	    HAVE(CAP_HT, amdvi_CAP_HEADER_HT_TUNNEL(header));
#undef HAVE
}

static void work_out_host_reserved(struct amdvi_unit *amdvi)
{
	struct page_reserved *pages = &amdvi->reserved.host;

	for (unsigned level = 1; level <= AMDVI_HOST_LEVELS; level++) {
		pages->table[level] = spec_reserved(&amdvi_pde_spec, &amdvi->spec, 0);
		pages->leaf[level] = spec_reserved(&amdvi_pte_spec, &amdvi->spec, 0);
	}
	for (unsigned kind = 0; kind < 3; kind++)
		page_plain_make(&amd_host, pages, rights_needed(kind), &amdvi->host_plain[kind]);
}

static void work_out_guest_reserved(struct amdvi_unit *amdvi)
{
	struct page_reserved *pages = &amdvi->reserved.guest;

	/* at levels 2 and 3 a page has PS=1, so that a table cannot */
	for (unsigned level = 1; level <= AMDVI_GUEST_LEVELS; level++)
		pages->table[level] = spec_reserved(&amdvi_guest_upper_spec, &amdvi->spec, 0);
	pages->leaf[1] = spec_reserved(&amdvi_guest_pte_spec, &amdvi->spec, 0);
	pages->leaf[2] = spec_reserved(&amdvi_guest_leaf2m_spec, &amdvi->spec, 0);
	pages->leaf[3] = spec_reserved(&amdvi_guest_leaf1g_spec, &amdvi->spec, 0);
	amdvi->reserved.gcr3 = spec_reserved(&amdvi_gcr3_entry_spec, &amdvi->spec, 0);
}

/* Without XTEn destinations have 8 bits, in 15:8 (AMD-Vi 2.2.5). */
static void work_out_interrupt_reserved(struct amdvi_unit *amdvi)
{
	struct amdvi_reserved *reserved = &amdvi->reserved;
	uint64_t wide[2] = { 0, 0 };

	amdvi_irte_ga_set_DEST_LOW(wide, ~UINT64_C(0xff));
	amdvi_irte_ga_set_DEST_HIGH(wide, UINT64_MAX);
	reserved->irte = spec_reserved(&amdvi_irte_spec, &amdvi->spec, 0) & SPEC_MASK(31, 0);
	for (unsigned quad = 0; quad < 2; quad++) {
		reserved->irte_xt[quad] = spec_reserved(&amdvi_irte_ga_spec, &amdvi->spec, quad);
		reserved->irte_guest_xt[quad] =
		    spec_reserved(&amdvi_irte_guest_spec, &amdvi->spec, quad);
		reserved->irte_ga[quad] = reserved->irte_xt[quad] | wide[quad];
		reserved->irte_guest[quad] = reserved->irte_guest_xt[quad] | wide[quad];
	}
}

static void work_out_command_reserved(struct amdvi_unit *amdvi)
{
	static const struct spec_structure *const commands[AMDVI_COMMANDS] = {
		[1] = &amdvi_cmd_completion_wait_spec,
		[2] = &amdvi_cmd_inv_devtab_spec,
		[3] = &amdvi_cmd_inv_pages_spec,
		[4] = &amdvi_cmd_inv_iotlb_spec,
		[5] = &amdvi_cmd_inv_irt_spec,
		[6] = &amdvi_cmd_prefetch_spec,
		[7] = &amdvi_cmd_complete_ppr_spec,
		[8] = &amdvi_cmd_inv_all_spec,
		[9] = &amdvi_cmd_guest_event_spec,
		[10] = &amdvi_cmd_reset_vmmio_spec,
	};

	for (unsigned opcode = 0; opcode < AMDVI_COMMANDS; opcode++)
		for (unsigned quad = 0; commands[opcode] != NULL && quad < 2; quad++)
			amdvi->reserved.command[opcode][quad] =
			    spec_reserved(commands[opcode], &amdvi->spec, quad);
}

static void work_out_reserved(struct amdvi_unit *amdvi)
{
	uint64_t disputed[AMDVI_DTE_QUADS] = { 0 };

	if (amdvi->choices.bit_245_ignored)
		amdvi_dte_set_DISPUTED(disputed, 1);
	for (unsigned quad = 0; quad < AMDVI_DTE_QUADS; quad++)
		amdvi->reserved.dte[quad] =
		    spec_reserved(&amdvi_dte_spec, &amdvi->spec, quad) & ~disputed[quad];
	work_out_host_reserved(amdvi);
	work_out_guest_reserved(amdvi);
	work_out_interrupt_reserved(amdvi);
	work_out_command_reserved(amdvi);
}

/* HATS says how many levels host tables may have, unless firmware says that there are none. */
static unsigned host_levels(const struct iommusim_amdvi_config *config)
{
	const unsigned code = (unsigned)amdvi_EFR_HATS(config->features);

	return config->no_host_tables || code == AMDVI_NO_HATS ? 0 : FIRST_HOST_LEVELS + code;
}

/*
 * GATS has a code for 6 levels too, and emulated units show it; no GuestPagingMode of a DTE asks for more
 * than 5.
 */
static unsigned guest_levels(const struct iommusim_amdvi_config *config)
{
	const unsigned levels = FIRST_GUEST_LEVELS + (unsigned)amdvi_EFR_GATS(config->features);

	return levels < AMDVI_GUEST_LEVELS ? levels : AMDVI_GUEST_LEVELS;
}

static bool has_guest_tables(const struct iommusim_amdvi_config *config)
{
	return amdvi_EFR_GTSUP(config->features) != 0;
}

const char *amdvi_features_problem(const struct iommusim_amdvi_config *config)
{
	const uint64_t efr = config->features;
	const uint64_t size = amdvi_EFR_PCSUP(efr) ? AMDVI_COUNTED_BYTES : AMDVI_REGISTER_BYTES;

	if ((config->base & (size - 1)) != 0)
		return amdvi_EFR_PCSUP(efr) ? "the register base is not a multiple of 512 KiB"
					    : "the register base is not a multiple of 16 KiB";
	if (has_guest_tables(config) && amdvi_EFR_GATS(efr) == RESERVED_GATS)
		return "EFR.GATS is a reserved code";
	if (has_guest_tables(config) && amdvi_EFR_GLXSUP(efr) > 2)
		return "EFR.GLXSup is a reserved code";
	if (amdvi_EFR_SMIFRC(efr) > 4)
		return "EFR.SmiFRC is a reserved code";
	if (amdvi_EFR_PASMAX(efr) > 19)
		return "EFR.PASmax is more than 20 bits";
	if (amdvi_EFR_DEV_TBL_SEG_SUP(efr) > 3)
		return "EFR.DevTblSegSup is a reserved code";
	if (config->counters > MOST_COUNTERS || config->counter_banks > MOST_BANKS)
		return "a unit has at most 63 counter banks of 15 counters";
	if (!amdvi_EFR_PCSUP(efr) && (config->counters != 0 || config->counter_banks != 0))
		return "performance counters need EFR.PCSup";
	return NULL;
}

static void take_limits(struct amdvi_unit *amdvi, const struct iommusim_amdvi_config *config)
{
	const uint64_t efr = config->features;
	const bool counts = amdvi_EFR_PCSUP(efr) != 0;
	const bool said = config->counters != 0 || config->counter_banks != 0;

	amdvi->host_levels = (uint8_t)host_levels(config);
	if (has_guest_tables(config)) {
		amdvi->guest_levels = (uint8_t)guest_levels(config);
		amdvi->gcr3_levels = (uint8_t)(1 + amdvi_EFR_GLXSUP(efr));
		amdvi->pasid_bits = (uint8_t)(1 + amdvi_EFR_PASMAX(efr));
	}
	if (counts) {
		amdvi->counters = said ? config->counters : DEFAULT_COUNTERS;
		amdvi->counter_banks = said ? config->counter_banks : DEFAULT_BANKS;
	}
}

/* The PCI capability as firmware leaves it (AMD-Vi 3.3). */
static void take_capability(struct amdvi_unit *amdvi, const struct iommusim_amdvi_config *config)
{
	uint32_t *registers = amdvi->capability_reset;
	uint64_t header = config->capability_header, misc0 = config->capability_misc0;

	if (header == 0)
		header = amdvi_CAP_HEADER_CAP_ID_bits(0x0f) | amdvi_CAP_HEADER_CAP_TYPE_bits(3) |
		    amdvi_CAP_HEADER_CAP_REV_bits(1) | amdvi_CAP_HEADER_IOTLB_SUP_bits(1) |
		    amdvi_CAP_HEADER_EFR_SUP_bits(1) | amdvi_CAP_HEADER_CAP_EXT_bits(1);
	if (misc0 == 0)
		misc0 = amdvi_CAP_MISC0_GVA_SIZE_bits(2) | amdvi_CAP_MISC0_PA_SIZE_bits(52) |
		    amdvi_CAP_MISC0_VA_SIZE_bits(64);
	registers[amdvi_CAP_HEADER_at / 4] = (uint32_t)header;
	registers[amdvi_CAP_BASE_LO_at / 4] =
	    (uint32_t)(amdvi_CAP_BASE_LO_BASE_LO_bits(config->base >> 14) |
		amdvi_CAP_BASE_LO_ENABLE_bits(!config->base_unlocked));
	registers[amdvi_CAP_BASE_HI_at / 4] = (uint32_t)(config->base >> 32);
	registers[amdvi_CAP_RANGE_at / 4] = config->capability_range;
	registers[amdvi_CAP_MISC0_at / 4] = (uint32_t)misc0;
	registers[amdvi_CAP_MISC1_at / 4] = config->capability_misc1;
}

void amdvi_features_take(struct amdvi_unit *amdvi, const struct iommusim_amdvi_config *config)
{
	const unsigned revision = config->revision == 0 ? AMDVI_NEWEST_REVISION : config->revision;
	struct iommusim_amdvi_config full = *config;

	take_capability(amdvi, config);
	full.capability_header = amdvi->capability_reset[amdvi_CAP_HEADER_at / 4];
	amdvi->unit.base = config->base;
	amdvi->unit.length =
	    amdvi_EFR_PCSUP(config->features) ? AMDVI_COUNTED_BYTES : AMDVI_REGISTER_BYTES;
	amdvi->unit.segment = config->segment;
	amdvi->unit.settings = config->settings;
	amdvi->rid = config->rid;
	amdvi->features = config->features;
	amdvi->features2 = config->features2;
	amdvi->choices = config->choices;
	amdvi->revision = (uint16_t)revision;
	amdvi->spec.capabilities = capabilities(&full, revision);
	amdvi->spec.host_address_width = ADDRESS_WIDTH;
	take_limits(amdvi, config);
	work_out_reserved(amdvi);
}
