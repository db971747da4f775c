/* Writes the units of a machine down: as what firmware's table and a preset make, or one by one. */
#include <string.h>

#include <iommusim/amdvi.h>

#include "machine/unit_model.h"
#include "replay/amdvi_choices.h"
#include "replay/board.h"
#include "replay/record_text.h"
#include "replay/record_unit.h"

/* ---- firmware's table ------------------------------------------------------------------------------ */

static const uint8_t *find_table(
    struct iommusim_machine *machine, const char *signature, uint32_t *length)
{
	uint64_t address;

	if (iommusim_acpi_find(machine, signature, 0, &address, length) != IOMMUSIM_OK)
		return NULL;
	return iommusim_memory_host(machine, address, *length);
}

enum iommusim_status recorded_table_read(struct iommusim_machine *machine, struct recorded_table *table)
{
	enum iommusim_status status = IOMMUSIM_OK;

	memset(table, 0, sizeof(*table));
	table->bytes = find_table(machine, "DMAR", &table->length);
	if (table->bytes != NULL)
		status = iommusim_dmar_parse(table->bytes, table->length, &table->dmar);
	else if ((table->bytes = find_table(machine, "IVRS", &table->length)) != NULL)
		status = iommusim_ivrs_parse(table->bytes, table->length, &table->ivrs);
	return status == IOMMUSIM_ENOMEM ? status : IOMMUSIM_OK;
}

void recorded_table_free(struct recorded_table *table)
{
	iommusim_dmar_free(table->dmar);
	iommusim_ivrs_free(table->ivrs);
}

const char *recorded_vendor(const struct recorded_table *table)
{
	return table->ivrs != NULL ? "amdvi" : "vtd";
}

static bool is_amdvi(const struct iommusim_unit *unit)
{
	return strcmp(unit->model->vendor, "AMD-Vi") == 0;
}

/* ---- a preset ---------------------------------------------------------------------------------------- */

/* What a unit is. */
#define IDENTITY_WORDS 6u
struct identity {
	uint64_t words[IDENTITY_WORDS];
};

/* VER, CAP and ECAP stand at the same places in every VT-d unit (VT-d 11.4). */
enum { VERSION, CAPABILITY, EXT_CAPABILITY };

static struct identity identify_vtd(struct iommusim_unit *unit)
{
	return (struct identity){ { [VERSION] = unit->model->read(unit, 0, 4),
	    [CAPABILITY] = unit->model->read(unit, 8, 8),
	    [EXT_CAPABILITY] = unit->model->read(unit, 16, 8) } };
}

/* What an AMD-Vi unit was made with, and how it is told apart from others. */
enum { FEATURES, FEATURES2, CAPABILITY_LOW, CAPABILITY_HIGH, MADE, CHOICES };

static struct iommusim_amdvi_config describe(const struct iommusim_unit *unit)
{
	struct iommusim_amdvi_config config = { .base = 0 };

	iommusim_amdvi_describe(unit, &config);
	return config;
}

static struct identity identify_amdvi(const struct iommusim_unit *unit)
{
	struct iommusim_amdvi_config config = describe(unit);
	struct identity identity = { {
	    [FEATURES] = config.features,
	    [FEATURES2] = config.features2,
	    [CAPABILITY_LOW] = (uint64_t)config.capability_range << 32 | config.capability_header,
	    [CAPABILITY_HIGH] = (uint64_t)config.capability_misc1 << 32 | config.capability_misc0,
	    [MADE] = config.counters | (uint64_t)config.counter_banks << 8 |
		(uint64_t)config.no_host_tables << 16 | (uint64_t)config.revision << 32,
	} };
	bool *choice;

	for (size_t i = 0; amdvi_choice(&config.choices, i, &choice) != NULL; i++)
		identity.words[CHOICES] |= (uint64_t)*choice << i;
	return identity;
}

static bool same_identity(struct iommusim_unit *a, struct iommusim_unit *b)
{
	const struct identity one = is_amdvi(a) ? identify_amdvi(a) : identify_vtd(a);
	const struct identity other = is_amdvi(b) ? identify_amdvi(b) : identify_vtd(b);

	return is_amdvi(a) == is_amdvi(b) && a->base == b->base && a->segment == b->segment &&
	    memcmp(&one, &other, sizeof(one)) == 0;
}

static bool same_range(const struct iommusim_unit_range *a, const struct iommusim_unit_range *b)
{
	return a->first == b->first && a->last == b->last && a->aliased == b->aliased &&
	    a->alias == b->alias;
}

static bool same_scopes(const struct iommusim_unit *a, const struct iommusim_unit *b)
{
	if (a->scope_count != b->scope_count || a->include_all != b->include_all ||
	    a->range_count != b->range_count)
		return false;
	for (size_t i = 0; i < a->scope_count; i++)
		if (memcmp(&a->scopes[i], &b->scopes[i], sizeof(a->scopes[i])) != 0)
			return false;
	for (size_t i = 0; i < a->range_count; i++)
		if (!same_range(&a->ranges[i], &b->ranges[i]))
			return false;
	return true;
}

static bool same_units(struct iommusim_machine *a, struct iommusim_machine *b)
{
	struct iommusim_unit *one = TAILQ_FIRST(&a->units), *other = TAILQ_FIRST(&b->units);

	for (; one != NULL && other != NULL;
	     one = TAILQ_NEXT(one, link), other = TAILQ_NEXT(other, link))
		if (!same_identity(one, other) || !same_scopes(one, other))
			return false;
	return one == NULL && other == NULL;
}

/* Would machine(preset=...) make the units this machine has, from that table? */
static enum iommusim_status try_preset(struct iommusim_machine *machine,
    const struct recorded_table *table, const char *preset, bool *same)
{
	const struct iommusim_machine_config config = { .allocator = &machine->allocator };
	struct iommusim_machine *other;
	enum iommusim_status status = iommusim_machine_create(&config, &other);

	*same = false;
	if (status != IOMMUSIM_OK)
		return status;
	status = table->ivrs != NULL ? iommusim_amdvi_create_from_ivrs(other, table->ivrs, preset, NULL)
				     : iommusim_vtd_create_from_dmar(other, table->dmar, preset, NULL);
	*same = status == IOMMUSIM_OK && same_units(machine, other);
	iommusim_machine_destroy(other);
	return status == IOMMUSIM_ENOMEM ? status : IOMMUSIM_OK;
}

/* The preset of a machine with those features; NULL: there is none. */
static const char *preset_with(
    uint64_t features, uint64_t features2, struct iommusim_amdvi_config *config)
{
	const char *name;

	for (size_t i = 0; (name = iommusim_amdvi_preset_name(i, NULL)) != NULL; i++)
		if (iommusim_amdvi_preset(name, config) == IOMMUSIM_OK &&
		    config->features == features && config->features2 == features2)
			return name;
	return NULL;
}

/* Tables say so much of AMD-Vi units that most presets would do: the one that fits is tried first. */
static const char *likely_preset(struct iommusim_machine *machine)
{
	struct iommusim_unit *unit = TAILQ_FIRST(&machine->units);
	struct iommusim_amdvi_config config;
	struct identity identity;

	if (unit == NULL || !is_amdvi(unit))
		return NULL;
	identity = identify_amdvi(unit);
	return preset_with(identity.words[FEATURES], identity.words[FEATURES2], &config);
}

static bool is_usable(const struct recorded_table *table)
{
	return (table->dmar != NULL && table->dmar->usable) ||
	    (table->ivrs != NULL && table->ivrs->usable);
}

enum iommusim_status recorded_preset(
    struct iommusim_machine *machine, const struct recorded_table *table, const char **preset)
{
	const char *(*const name_of)(size_t, const char **) =
	    table->ivrs != NULL ? iommusim_amdvi_preset_name : iommusim_vtd_preset_name;
	const char *name, *const likely = likely_preset(machine);

	*preset = NULL;
	for (size_t i = likely == NULL;
	     is_usable(table) && (name = i == 0 ? likely : name_of(i - 1, NULL)) != NULL; i++) {
		bool same;
		const enum iommusim_status status = try_preset(machine, table, name, &same);

		if (status != IOMMUSIM_OK)
			return status;
		if (!same)
			continue;
		*preset = name;
		break;
	}
	return IOMMUSIM_OK;
}

/* ---- unit by unit ------------------------------------------------------------------------------------ */

/* The width is in no register: firmware's table has it, or the machine a preset was taken from. */
static unsigned host_address_width(const struct iommusim_dmar *table, const struct identity *of)
{
	const char *name;

	if (table != NULL && table->host_address_width >= 32 && table->host_address_width <= 52)
		return table->host_address_width;
	for (size_t i = 0; (name = iommusim_vtd_preset_name(i, NULL)) != NULL; i++)
		for (unsigned unit = 0; unit < 2; unit++) {
			struct iommusim_vtd_config config;

			if (iommusim_vtd_preset(name, unit, &config) == IOMMUSIM_OK &&
			    config.capability == of->words[CAPABILITY] &&
			    config.ext_capability == of->words[EXT_CAPABILITY])
				return config.host_address_width;
		}
	return 39;
}

static void put_scopes(const struct iommusim_unit *unit, const struct iommusim_text *out)
{
	for (size_t i = 0; i < unit->scope_count; i++) {
		const struct unit_scope *scope = &unit->scopes[i];

		trace_put(out, "%s%s %x:", i == 0 ? ", scope=\"" : ", ",
		    iommusim_dmar_scope_name(scope->type), scope->start_bus);
		for (unsigned hop = 0; hop < scope->hop_count; hop++)
			trace_put(out, "%s%x.%x", hop == 0 ? "" : "/", scope->hops[hop].device,
			    scope->hops[hop].function);
	}
	if (unit->scope_count != 0)
		trace_put(out, "\"");
}

static void put_vtd_unit(
    struct iommusim_unit *unit, const struct iommusim_dmar *table, const struct iommusim_text *out)
{
	const struct identity identity = identify_vtd(unit);

	trace_put(out, "vtd_unit(0x%llx, version=0x%llx, cap=0x%llx, ecap=0x%llx, haw=%u",
	    (unsigned long long)unit->base, (unsigned long long)identity.words[VERSION],
	    (unsigned long long)identity.words[CAPABILITY],
	    (unsigned long long)identity.words[EXT_CAPABILITY], host_address_width(table, &identity));
}

/* The words of the PCI capability, as amdvi_unit() takes them. */
static void put_capability(const struct iommusim_amdvi_config *config, const struct iommusim_text *out)
{
	const struct {
		const char *name;
		uint32_t value;
	} words[] = {
		{ "header", config->capability_header },
		{ "range", config->capability_range },
		{ "misc0", config->capability_misc0 },
		{ "misc1", config->capability_misc1 },
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].value != 0)
			trace_put(out, ", %s=0x%x", words[i].name, words[i].value);
}

static void put_choices(struct iommusim_amdvi_config *config, const struct iommusim_text *out)
{
	const char *name;
	unsigned count = 0;
	bool *choice;

	for (size_t i = 0; (name = amdvi_choice(&config->choices, i, &choice)) != NULL; i++)
		if (*choice)
			trace_put(out, "%s%s", count++ == 0 ? ", choices=\"" : ", ", name);
	if (count != 0)
		trace_put(out, "\"");
}

static void put_amdvi_unit(const struct iommusim_unit *unit, const struct iommusim_text *out)
{
	struct iommusim_amdvi_config config = describe(unit);

	trace_put(out, "amdvi_unit(0x%llx, efr=0x%llx, efr2=0x%llx", (unsigned long long)config.base,
	    (unsigned long long)config.features, (unsigned long long)config.features2);
	if (config.rid != BOARD_AMDVI_RID)
		trace_put(out, ", device=%u/%u/%u", IOMMUSIM_RID_BUS(config.rid),
		    IOMMUSIM_RID_DEVICE(config.rid), IOMMUSIM_RID_FUNCTION(config.rid));
	put_capability(&config, out);
	trace_put(out, ", revision=0x%x", config.revision);
	if (config.counters != 0 || config.counter_banks != 0)
		trace_put(out, ", counters=%u, banks=%u", config.counters, config.counter_banks);
	if (config.no_host_tables)
		trace_put(out, ", hatdis=yes");
	put_choices(&config, out);
}

static void put_id(const struct iommusim_text *out, uint16_t rid)
{
	trace_put(out, "%x:%x.%x", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
	    IOMMUSIM_RID_FUNCTION(rid));
}

static void put_ranges(const struct iommusim_unit *unit, const struct iommusim_text *out)
{
	for (size_t i = 0; i < unit->range_count; i++) {
		const struct iommusim_unit_range *range = &unit->ranges[i];

		trace_put(out, "%s", i == 0 ? ", ids=\"" : ", ");
		put_id(out, range->first);
		if (range->last != range->first) {
			trace_put(out, "-");
			put_id(out, range->last);
		}
		if (range->aliased) {
			trace_put(out, ">");
			put_id(out, range->alias);
		}
	}
	if (unit->range_count != 0)
		trace_put(out, "\"");
}

void recorded_units(struct iommusim_machine *machine, const struct recorded_table *table,
    const struct iommusim_text *out)
{
	struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &machine->units, link) {
		if (is_amdvi(unit))
			put_amdvi_unit(unit, out);
		else
			put_vtd_unit(unit, table->dmar, out);
		if (unit->segment != 0)
			trace_put(out, ", segment=%u", unit->segment);
		if (unit->include_all)
			trace_put(out, ", all=yes");
		put_scopes(unit, out);
		put_ranges(unit, out);
		trace_put(out, ")\n");
	}
}
