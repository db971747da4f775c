/*
 * The units that an IVRS table speaks of: what their registers hold, and whom they govern. How a table is read
 * is libiommusim/machine/ivrs.c; what feature registers mean, features.c.
 */
#include "models/amdvi/spec/ivrs.h"
#include "models/amdvi/unit.h"

#define BLOCK_QUADS ((AMDVI_ACPI_IVHD_11H_BYTES + 7) / 8)

/* ---- registers ------------------------------------------------------------------------------------------ */

/* A block's words where the descriptions of the table have them. */
struct block_words {
	uint64_t quads[BLOCK_QUADS];
};

static void place_word(struct block_words *words, unsigned at, uint64_t value)
{
	words->quads[at / 8] |= value << at % 8 * 8;
}

static struct block_words words_of(const struct iommusim_ivrs_block *block)
{
	struct block_words words = { .quads = { block->type | (uint64_t)block->flags << 8 } };

	place_word(&words, AMDVI_ACPI_IVHD_INFO_AT, block->info);
	place_word(&words, AMDVI_ACPI_IVHD_FEATURES_AT,
	    block->type == IOMMUSIM_IVHD_10H ? block->features : block->attributes);
	return words;
}

static struct block_words header_of(const struct iommusim_ivrs *table)
{
	struct block_words words = { .quads = { 0 } };

	place_word(&words, AMDVI_ACPI_IVINFO_AT, table->ivinfo);
	return words;
}

/* What a block of type 10h says of EFR, in the place of what the preset has. */
static uint64_t features_of_10h(const uint64_t *block, uint64_t preset)
{
	const uint64_t said = amdvi_EFR_PREFSUP_bits(1) | amdvi_EFR_PPRSUP_bits(1) |
	    amdvi_EFR_XTSUP_bits(1) | amdvi_EFR_NXSUP_bits(1) | amdvi_EFR_GTSUP_bits(1) |
	    amdvi_EFR_GLXSUP_bits(UINT64_MAX) | amdvi_EFR_IASUP_bits(1) | amdvi_EFR_GASUP_bits(1) |
	    amdvi_EFR_HESUP_bits(1) | amdvi_EFR_PASMAX_bits(UINT64_MAX) | amdvi_EFR_PCSUP_bits(1) |
	    amdvi_EFR_GATS_bits(UINT64_MAX) | amdvi_EFR_HATS_bits(UINT64_MAX);
	const bool counts =
	    amdvi_acpi_ivhd_10h_PNCOUNTERS(block) != 0 && amdvi_acpi_ivhd_10h_PNBANKS(block) != 0;

	return (preset & ~said) | amdvi_EFR_PREFSUP_bits(amdvi_acpi_ivhd_10h_PREF_SUP(block)) |
	    amdvi_EFR_PPRSUP_bits(amdvi_acpi_ivhd_10h_PPR_SUP(block)) |
	    amdvi_EFR_XTSUP_bits(amdvi_acpi_ivhd_10h_XTSUP(block)) |
	    amdvi_EFR_NXSUP_bits(amdvi_acpi_ivhd_10h_NXSUP(block)) |
	    amdvi_EFR_GTSUP_bits(amdvi_acpi_ivhd_10h_GTSUP(block)) |
	    amdvi_EFR_GLXSUP_bits(amdvi_acpi_ivhd_10h_GLXSUP(block)) |
	    amdvi_EFR_IASUP_bits(amdvi_acpi_ivhd_10h_IASUP(block)) |
	    amdvi_EFR_GASUP_bits(amdvi_acpi_ivhd_10h_GASUP(block)) |
	    amdvi_EFR_HESUP_bits(amdvi_acpi_ivhd_10h_HESUP(block)) |
	    amdvi_EFR_PASMAX_bits(amdvi_acpi_ivhd_10h_PASMAX(block)) | amdvi_EFR_PCSUP_bits(counts) |
	    amdvi_EFR_GATS_bits(amdvi_acpi_ivhd_10h_GATS(block)) |
	    amdvi_EFR_HATS_bits(amdvi_acpi_ivhd_10h_HATS(block));
}

/* The revision is in no register: that of a machine with the same features, else what the preset has. */
static void take_revision(struct iommusim_amdvi_config *config)
{
	struct iommusim_amdvi_config other;
	const char *name;

	for (size_t i = 0; (name = iommusim_amdvi_preset_name(i, NULL)) != NULL; i++) {
		if (iommusim_amdvi_preset(name, &other) != IOMMUSIM_OK ||
		    other.features != config->features || other.features2 != config->features2)
			continue;
		config->revision = other.revision;
		return;
	}
}

static void take_features(struct iommusim_amdvi_config *config, const struct iommusim_ivrs *table,
    const struct iommusim_ivrs_block *block)
{
	const struct block_words words = words_of(block);

	if (block->type != IOMMUSIM_IVHD_10H) {
		config->features = block->efr;
		config->features2 = block->efr2;
		config->no_host_tables = (block->attributes & IOMMUSIM_IVHD_HATDIS) != 0;
	} else if (amdvi_acpi_header_EFRSUP(header_of(table).quads)) {
		config->features = features_of_10h(words.quads, config->features);
	} else { /* before there was such a register */
		config->features = config->features2 = 0;
	}
	take_revision(config);
	if (block->base % AMDVI_COUNTED_BYTES != 0)
		config->features &= ~amdvi_EFR_PCSUP_bits(1);
}

/* Many tables leave the number of counters 0, with banks: then there are as many as there mostly are. */
static void take_counters(struct iommusim_amdvi_config *config, const struct iommusim_ivrs_block *block)
{
	const struct block_words words = words_of(block);
	const uint64_t counters = amdvi_acpi_ivhd_11h_PNCOUNTERS(words.quads);
	const uint64_t banks = amdvi_acpi_ivhd_11h_PNBANKS(words.quads);

	if (!amdvi_EFR_PCSUP(config->features) || counters == 0 || banks == 0)
		return;
	config->counters = (uint8_t)counters;
	config->counter_banks = (uint8_t)banks;
}

/* Sizes of addresses stand in IVinfo as they do in the capability; a table without them leaves the default. */
static void take_capability(struct iommusim_amdvi_config *config, const struct iommusim_ivrs *table,
    const struct iommusim_ivrs_block *block)
{
	const struct block_words words = words_of(block), header = header_of(table);
	const uint64_t *ivinfo = header.quads, *ivhd = words.quads;
	const bool efr = block->type != IOMMUSIM_IVHD_10H || amdvi_acpi_header_EFRSUP(ivinfo);

	config->capability_header = (uint32_t)(amdvi_CAP_HEADER_CAP_ID_bits(0x0f) |
	    amdvi_CAP_HEADER_CAP_TYPE_bits(3) | amdvi_CAP_HEADER_CAP_REV_bits(1) |
	    amdvi_CAP_HEADER_IOTLB_SUP_bits(amdvi_acpi_ivhd_10h_IOTLB_SUP(ivhd)) |
	    amdvi_CAP_HEADER_HT_TUNNEL_bits(amdvi_acpi_ivhd_10h_HT_TUN_EN(ivhd)) |
	    amdvi_CAP_HEADER_EFR_SUP_bits(efr) | amdvi_CAP_HEADER_CAP_EXT_bits(1));
	config->capability_range =
	    (uint32_t)amdvi_CAP_RANGE_UNIT_ID_bits(amdvi_acpi_ivhd_10h_UNITID(ivhd));
	if (amdvi_acpi_header_PASIZE(ivinfo) == 0 || amdvi_acpi_header_VASIZE(ivinfo) == 0)
		return;
	config->capability_misc0 =
	    (uint32_t)(amdvi_CAP_MISC0_MSI_NUM_bits(amdvi_acpi_ivhd_10h_MSINUM(ivhd)) |
		amdvi_CAP_MISC0_GVA_SIZE_bits(amdvi_acpi_header_GVASIZE(ivinfo)) |
		amdvi_CAP_MISC0_PA_SIZE_bits(amdvi_acpi_header_PASIZE(ivinfo)) |
		amdvi_CAP_MISC0_VA_SIZE_bits(amdvi_acpi_header_VASIZE(ivinfo)) |
		amdvi_CAP_MISC0_HT_ATS_RESV_bits(amdvi_acpi_header_HTATSRESV(ivinfo)) |
		amdvi_CAP_MISC0_MSI_NUM_PPR_bits(amdvi_acpi_ivhd_11h_MSINUMPPR(ivhd)));
}

/* ---- devices -------------------------------------------------------------------------------------------- */

static bool is_alias(const struct iommusim_ivrs_entry *entry)
{
	return entry->type == IOMMUSIM_IVRS_ALIAS_SELECT || entry->type == IOMMUSIM_IVRS_ALIAS_START;
}

/* Ids that stand in for others are the unit's own as well, by themselves unless an entry says otherwise. */
static enum iommusim_status govern_stand_ins(
    struct iommusim_unit *unit, const struct iommusim_ivrs_block *block)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (uint32_t i = 0; i < block->entry_count && status == IOMMUSIM_OK; i++) {
		const struct iommusim_ivrs_entry *entry = &block->entries[i];
		const struct iommusim_unit_range range = { .first = entry->source_devid,
			.last = entry->source_devid };

		if (entry->covers && is_alias(entry))
			status = iommusim_unit_add_range(unit, &range);
	}
	return status;
}

/* Let a unit govern whom its block names: what comes later counts, so the stand-ins come first. */
static enum iommusim_status govern(struct iommusim_unit *unit, const struct iommusim_ivrs_block *block)
{
	enum iommusim_status status = govern_stand_ins(unit, block);

	for (uint32_t i = 0; i < block->entry_count && status == IOMMUSIM_OK; i++) {
		const struct iommusim_ivrs_entry *entry = &block->entries[i];
		const struct iommusim_unit_range range = {
			.first = entry->first,
			.last = entry->last,
			.aliased = is_alias(entry),
			.alias = entry->source_devid,
		};

		if (entry->covers)
			status = iommusim_unit_add_range(unit, &range);
	}
	return status;
}

static enum iommusim_status create_one(struct iommusim_machine *machine,
    const struct iommusim_ivrs *table, const struct iommusim_ivrs_block *block, const char *preset,
    const struct iommusim_unit_settings *settings)
{
	struct iommusim_amdvi_config config = {
		.base = block->base, .segment = block->segment, .rid = block->devid
	};
	struct iommusim_unit *unit;
	enum iommusim_status status = iommusim_amdvi_preset(preset, &config);

	if (status != IOMMUSIM_OK)
		return machine_fail(machine, status, "no preset is called \"%s\"", preset);
	take_features(&config, table, block);
	take_counters(&config, block);
	take_capability(&config, table, block);
	if (settings != NULL)
		config.settings = *settings;
	status = iommusim_amdvi_create(machine, &config, &unit);
	return status == IOMMUSIM_OK ? govern(unit, block) : status;
}

enum iommusim_status iommusim_amdvi_create_from_ivrs(struct iommusim_machine *machine,
    const struct iommusim_ivrs *table, const char *preset,
    const struct iommusim_unit_settings *settings)
{
	const struct iommusim_unit *const last = unit_last(machine);
	enum iommusim_status status = IOMMUSIM_OK;

	for (uint32_t i = 0; i < table->unit_count && status == IOMMUSIM_OK; i++)
		if (!unit_has_base(machine, table->units[i]->base))
			status = create_one(machine, table, table->units[i], preset, settings);
	if (status != IOMMUSIM_OK)
		unit_unregister_after(machine, last);
	return status;
}
