/* Register values of real machines, and the units that a DMAR table speaks of. */
#include <string.h>

#include "models/vtd/unit.h"

enum preset_unit { GRAPHICS, REST };

struct preset {
	const char *name;
	enum preset_unit unit;
	uint32_t version;
	uint64_t capability;
	uint64_t ext_capability;
	uint8_t host_address_width;
	uint16_t revision;
	const char *about;
};

static const struct preset presets[] = {
#define P(name, unit, ver, cap, ecap, haw, rev, about)                                                 \
	{ name, unit, ver, UINT64_C(cap), UINT64_C(ecap), haw, rev, about },
#include "models/vtd/spec/presets.def"
#undef P
};

/* From then on protected memory is closed to remapped DMA too (VT-d 11.4.8.1). */
#define SKYLAKE_REVISION 0x203u

#define PRESET_ROWS (sizeof(presets) / sizeof(*presets))

static void take_preset(const struct preset *preset, struct iommusim_vtd_config *config)
{
	config->version = preset->version;
	config->capability = preset->capability;
	config->ext_capability = preset->ext_capability;
	config->host_address_width = preset->host_address_width;
	config->revision = preset->revision;
	config->choices.protection_spares_remapped = preset->revision < SKYLAKE_REVISION;
}

enum iommusim_status iommusim_vtd_preset(
    const char *name, unsigned index, struct iommusim_vtd_config *config)
{
	const struct preset *found = NULL;

	for (size_t i = 0; i < PRESET_ROWS; i++) {
		if (strcmp(presets[i].name, name) != 0)
			continue;
		found = &presets[i];
		if (index-- == 0)
			break;
	}
	if (found == NULL)
		return IOMMUSIM_ENOENT;
	take_preset(found, config);
	return IOMMUSIM_OK;
}

const char *iommusim_vtd_preset_name(size_t index, const char **about)
{
	for (size_t i = 0; i < PRESET_ROWS; i++) {
		if (i > 0 && strcmp(presets[i].name, presets[i - 1].name) == 0)
			continue;
		if (index-- != 0)
			continue;
		if (about != NULL)
			*about = presets[i].about;
		return presets[i].name;
	}
	return NULL;
}

/* The row of a preset for the graphics unit or for the others; a machine without one has only these. */
static const struct preset *preset_for(const char *name, enum preset_unit unit)
{
	const struct preset *any = NULL;

	for (size_t i = 0; i < PRESET_ROWS; i++) {
		if (strcmp(presets[i].name, name) != 0)
			continue;
		any = &presets[i];
		if (any->unit == unit)
			break;
	}
	return any;
}

/* Integrated graphics is the function at 0:2.0 on every client that has it. */
static bool serves_graphics(const struct iommusim_dmar_structure *drhd)
{
	for (uint32_t i = 0; i < drhd->scope_count; i++) {
		const struct iommusim_dmar_scope *scope = &drhd->scopes[i];

		if (scope->type == IOMMUSIM_SCOPE_ENDPOINT && scope->start_bus == 0 &&
		    scope->hop_count == 1 && scope->hops[0].device == 2 && scope->hops[0].function == 0)
			return true;
	}
	return false;
}

static enum iommusim_status create_one(struct iommusim_machine *machine,
    const struct iommusim_dmar *table, const struct iommusim_dmar_structure *drhd, const char *preset,
    const struct iommusim_unit_settings *settings)
{
	struct iommusim_vtd_config config = {
		.base = drhd->base, .register_size = drhd->size & 0xf, .segment = drhd->segment
	};
	struct iommusim_unit *unit;
	enum iommusim_status status;

	take_preset(preset_for(preset, serves_graphics(drhd) ? GRAPHICS : REST), &config);
	if (table->host_address_width >= 32 && table->host_address_width <= 52)
		config.host_address_width = table->host_address_width;
	if (settings != NULL)
		config.settings = *settings;
	status = iommusim_vtd_create(machine, &config, &unit);
	if (status != IOMMUSIM_OK)
		return status;
	if ((drhd->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0)
		iommusim_unit_include_all(unit);
	for (uint32_t i = 0; i < drhd->scope_count && status == IOMMUSIM_OK; i++)
		if (drhd->scopes[i].hop_count > 0)
			status = iommusim_unit_add_scope(unit, &drhd->scopes[i]);
	return status;
}

enum iommusim_status iommusim_vtd_create_from_dmar(struct iommusim_machine *machine,
    const struct iommusim_dmar *table, const char *preset,
    const struct iommusim_unit_settings *settings)
{
	struct iommusim_unit *const last = unit_last(machine);
	enum iommusim_status status = IOMMUSIM_OK;

	if (preset_for(preset, REST) == NULL)
		return machine_fail(machine, IOMMUSIM_ENOENT, "no preset is called \"%s\"", preset);
	for (uint32_t i = 0; i < table->structure_count && status == IOMMUSIM_OK; i++) {
		const struct iommusim_dmar_structure *drhd = &table->structures[i];

		if (drhd->type == IOMMUSIM_DMAR_DRHD && drhd->base != 0 &&
		    !unit_has_base(machine, drhd->base))
			status = create_one(machine, table, drhd, preset, settings);
	}
	if (status != IOMMUSIM_OK)
		unit_unregister_after(machine, last);
	return status;
}
