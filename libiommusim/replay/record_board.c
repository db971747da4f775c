/* Writes a machine down as machine() and its kin, so that a recording needs no file beside it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/amdvi.h>

#include "machine/unit_model.h"
#include "replay/board.h"
#include "replay/record_text.h"
#include "vmm/state.h"

#define LOW_RAM   (UINT64_C(3) << 30) /* as iommusim_memory_add_pc_ram() lays it out */
#define HIGH_RAM  (UINT64_C(4) << 30)
#define NO_PRESET NULL

/* ---- text --------------------------------------------------------------------------------------------- */

void trace_put(const struct iommusim_text *out, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0)
		trace_put_text(
		    out, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void trace_put_text(const struct iommusim_text *out, const char *text, size_t length)
{
	out->put(out->context, text, length);
}

void trace_put_string(const struct iommusim_text *out, const char *text)
{
	trace_put(out, "\"");
	for (; *text != '\0'; text++)
		trace_put(out, "%s%c", *text == '"' || *text == '\\' || *text == '\n' ? "\\" : "",
		    *text == '\n' ? 'n' : *text);
	trace_put(out, "\"");
}

void trace_put_number(const struct iommusim_text *out, uint64_t number)
{
	trace_put(out, "0x%llx", (unsigned long long)number);
}

void trace_put_hex(const struct iommusim_text *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char text[256];
	size_t filled = 0;

	trace_put(out, "\"");
	for (size_t i = 0; i < length; i++) {
		text[filled++] = digits[bytes[i] >> 4];
		text[filled++] = digits[bytes[i] & 15];
		if (filled < sizeof(text) && i + 1 < length)
			continue;
		trace_put_text(out, text, filled);
		filled = 0;
	}
	trace_put(out, "\"");
}

void trace_put_device(const struct iommusim_text *out, uint16_t segment, uint16_t rid)
{
	if (segment != 0)
		trace_put(out, "%04x:%02x:%02x.%u", segment, IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	else
		trace_put(out, "%u/%u/%u", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
		    IOMMUSIM_RID_FUNCTION(rid));
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static uint64_t ram_size(const struct iommusim_machine *machine)
{
	uint64_t size = 0;

	for (size_t i = 0; i < machine->memory.count; i++)
		if (machine->memory.windows[i].kind == IOMMUSIM_MEMORY_RAM)
			size += machine->memory.windows[i].length;
	return size;
}

/* Is RAM laid out as machine(memory=SIZE) does it? */
static bool is_pc_ram(const struct iommusim_machine *machine)
{
	const uint64_t size = ram_size(machine);
	const uint64_t low = size < LOW_RAM ? size : LOW_RAM;

	for (size_t i = 0; i < machine->memory.count; i++) {
		const struct memory_window *window = &machine->memory.windows[i];

		if (window->kind != IOMMUSIM_MEMORY_RAM)
			continue;
		if (!(window->base == 0 && window->length == low) &&
		    !(window->base == HIGH_RAM && window->length == size - low))
			return false;
	}
	return size != 0;
}

static void put_memory(const struct iommusim_machine *machine, const struct iommusim_text *out)
{
	const bool pc = is_pc_ram(machine);

	for (size_t i = 0; i < machine->memory.count; i++) {
		const struct memory_window *window = &machine->memory.windows[i];

		if (window->kind == IOMMUSIM_MEMORY_RAM && !pc)
			trace_put(out, "memory(0x%llx, 0x%llx)\n", (unsigned long long)window->base,
			    (unsigned long long)window->length);
		if (window->kind == IOMMUSIM_MEMORY_FOREIGN)
			trace_put(out,
			    "# not in this recording: the program's own memory at 0x%llx, 0x%llx "
			    "bytes\n",
			    (unsigned long long)window->base, (unsigned long long)window->length);
	}
}

/* ---- units ---------------------------------------------------------------------------------------------- */

static bool is_amdvi(const struct iommusim_unit *unit)
{
	return strcmp(unit->model->vendor, "AMD-Vi") == 0;
}

/* VER, CAP and ECAP stand at the same places in every VT-d unit (VT-d 11.4). */
struct identity {
	uint64_t version;
	uint64_t capability;
	uint64_t ext_capability;
};

static struct identity identify(struct iommusim_unit *unit)
{
	return (struct identity){
		.version = unit->model->read(unit, 0, 4),
		.capability = unit->model->read(unit, 8, 8),
		.ext_capability = unit->model->read(unit, 16, 8),
	};
}

static bool same_scopes(const struct iommusim_unit *a, const struct iommusim_unit *b)
{
	if (a->scope_count != b->scope_count || a->include_all != b->include_all)
		return false;
	for (size_t i = 0; i < a->scope_count; i++)
		if (memcmp(&a->scopes[i], &b->scopes[i], sizeof(a->scopes[i])) != 0)
			return false;
	return true;
}

static bool same_units(struct iommusim_machine *a, struct iommusim_machine *b)
{
	struct iommusim_unit *one = TAILQ_FIRST(&a->units), *other = TAILQ_FIRST(&b->units);

	for (; one != NULL && other != NULL;
	     one = TAILQ_NEXT(one, link), other = TAILQ_NEXT(other, link)) {
		const struct identity ours = identify(one), theirs = identify(other);

		if (one->base != other->base || one->segment != other->segment ||
		    ours.version != theirs.version || ours.capability != theirs.capability ||
		    ours.ext_capability != theirs.ext_capability || !same_scopes(one, other))
			return false;
	}
	return one == NULL && other == NULL;
}

/* Would machine(iommu=vtd, preset=...) make the units this machine has, from that table? */
static enum iommusim_status try_preset(
    struct iommusim_machine *machine, const struct iommusim_dmar *table, const char *preset, bool *same)
{
	const struct iommusim_machine_config config = { .allocator = &machine->allocator };
	struct iommusim_machine *other;
	enum iommusim_status status = iommusim_machine_create(&config, &other);

	*same = false;
	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_vtd_create_from_dmar(other, table, preset, NULL);
	*same = status == IOMMUSIM_OK && same_units(machine, other);
	iommusim_machine_destroy(other);
	return status == IOMMUSIM_ENOMEM ? status : IOMMUSIM_OK;
}

static enum iommusim_status find_preset(
    struct iommusim_machine *machine, const struct iommusim_dmar *table, const char **preset)
{
	const char *name;

	for (size_t i = 0; (name = iommusim_vtd_preset_name(i, NULL)) != NULL; i++) {
		bool same;
		enum iommusim_status status = try_preset(machine, table, name, &same);

		if (status != IOMMUSIM_OK)
			return status;
		if (same) {
			*preset = name;
			return IOMMUSIM_OK;
		}
	}
	return IOMMUSIM_OK;
}

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
			    config.capability == of->capability &&
			    config.ext_capability == of->ext_capability)
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
	const struct identity identity = identify(unit);

	trace_put(out, "vtd_unit(0x%llx, version=0x%llx, cap=0x%llx, ecap=0x%llx, haw=%u",
	    (unsigned long long)unit->base, (unsigned long long)identity.version,
	    (unsigned long long)identity.capability, (unsigned long long)identity.ext_capability,
	    host_address_width(table, &identity));
}

/* The revision is in no register: that of a machine with the same features. */
static unsigned revision_of(uint64_t features, uint64_t features2)
{
	struct iommusim_amdvi_config config = { .revision = 0 };
	const char *name;

	for (size_t i = 0; (name = iommusim_amdvi_preset_name(i, NULL)) != NULL; i++)
		if (iommusim_amdvi_preset(name, &config) == IOMMUSIM_OK &&
		    config.features == features && config.features2 == features2)
			return config.revision;
	return 0;
}

/* The words of the PCI capability that amdvi_unit() takes, by their offsets (AMD-Vi 3.3). */
static const struct {
	unsigned offset;
	const char *name;
} capability_words[] = { { 0x00, "header" }, { 0x0c, "range" }, { 0x10, "misc0" }, { 0x14, "misc1" } };

#define CAPABILITY_WORDS (sizeof(capability_words) / sizeof(*capability_words))

static uint32_t capability_word(struct iommusim_unit *unit, size_t index)
{
	uint32_t value = 0;

	iommusim_amdvi_capability_read(unit, capability_words[index].offset, &value);
	return value;
}

static void put_capability(struct iommusim_unit *unit, const struct iommusim_text *out)
{
	for (size_t i = 0; i < CAPABILITY_WORDS; i++)
		if (capability_word(unit, i) != 0)
			trace_put(out, ", %s=0x%x", capability_words[i].name, capability_word(unit, i));
}

/* EFR and EFR2 stand at 30h and 1a0h (AMD-Vi 3.4). */
static uint64_t features_of(struct iommusim_unit *unit)
{
	return unit->model->read(unit, 0x30, 8);
}

static uint64_t features2_of(struct iommusim_unit *unit)
{
	return unit->model->read(unit, 0x1a0, 8);
}

static void put_amdvi_unit(struct iommusim_unit *unit, const struct iommusim_text *out)
{
	const uint64_t features = features_of(unit), features2 = features2_of(unit);
	const unsigned revision = revision_of(features, features2);

	trace_put(out, "amdvi_unit(0x%llx, efr=0x%llx, efr2=0x%llx", (unsigned long long)unit->base,
	    (unsigned long long)features, (unsigned long long)features2);
	put_capability(unit, out);
	if (revision != 0)
		trace_put(out, ", revision=0x%x", revision);
}

static bool same_amdvi_units(struct iommusim_unit *a, struct iommusim_unit *b)
{
	for (size_t i = 0; i < CAPABILITY_WORDS; i++)
		if (capability_word(a, i) != capability_word(b, i))
			return false;
	return features_of(a) == features_of(b) && features2_of(a) == features2_of(b);
}

/* The preset with which machine(iommu=amdvi) makes the one unit there is; NULL: none does. */
static enum iommusim_status find_amdvi_preset(struct iommusim_machine *machine, const char **preset)
{
	const struct iommusim_machine_config config = { .allocator = &machine->allocator };
	struct iommusim_unit *unit = TAILQ_FIRST(&machine->units), *other;
	enum iommusim_status status = IOMMUSIM_OK;
	struct iommusim_machine *trial;
	const char *name;

	if (!is_amdvi(unit) || TAILQ_NEXT(unit, link) != NULL || unit->base != BOARD_AMDVI_BASE ||
	    unit->segment != 0 || !unit->include_all || unit->scope_count != 0)
		return IOMMUSIM_OK;
	for (size_t i = 0; *preset == NULL && status == IOMMUSIM_OK &&
	     (name = iommusim_amdvi_preset_name(i, NULL)) != NULL;
	     i++) {
		struct iommusim_amdvi_config made = { .base = BOARD_AMDVI_BASE,
			.rid = BOARD_AMDVI_RID };

		iommusim_amdvi_preset(name, &made);
		status = iommusim_machine_create(&config, &trial);
		if (status != IOMMUSIM_OK)
			return status;
		status = iommusim_amdvi_create(trial, &made, &other);
		if (status == IOMMUSIM_OK && same_amdvi_units(unit, other))
			*preset = name;
		iommusim_machine_destroy(trial);
	}
	return status;
}

static void put_units(struct iommusim_machine *machine, const struct iommusim_dmar *table,
    const struct iommusim_text *out)
{
	struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &machine->units, link) {
		if (is_amdvi(unit))
			put_amdvi_unit(unit, out);
		else
			put_vtd_unit(unit, table, out);
		if (unit->segment != 0)
			trace_put(out, ", segment=%u", unit->segment);
		if (unit->include_all)
			trace_put(out, ", all=yes");
		put_scopes(unit, out);
		trace_put(out, ")\n");
	}
}

/* ---- machine() ------------------------------------------------------------------------------------------ */

static void put_settings(const struct iommusim_unit_settings *settings, const struct iommusim_text *out)
{
	static const char *const matches[] = { "default", "source", "domain" };

	trace_put(out, ", cache=%s", iommusim_cache_policy_name(settings->cache));
	if (settings->match != IOMMUSIM_MATCH_DEFAULT)
		trace_put(out, ", match=%s", matches[settings->match]);
	if (settings->iotlb_sets != 0)
		trace_put(out, ", sets=%u", settings->iotlb_sets);
	if (settings->iotlb_ways != 0)
		trace_put(out, ", ways=%u", settings->iotlb_ways);
	if (settings->latency != 0)
		trace_put(out, ", latency=%u", settings->latency);
	if (settings->drop_invalidations)
		trace_put(out, ", drop_invalidations=yes");
}

static void put_machine(const struct iommusim_vmm *vmm, const char *preset, const uint8_t *table,
    uint32_t length, const struct iommusim_text *out)
{
	static const char *const cpus[] = { "intel", "amd", "other" };
	const struct iommusim_machine *machine = vmm->machine;

	trace_put(out, "machine(iommu=%s, memory=0x%llx, vmm=",
	    preset == NULL                               ? "none"
		: is_amdvi(TAILQ_FIRST(&machine->units)) ? "amdvi"
							 : "vtd",
	    (unsigned long long)(is_pc_ram(machine) ? ram_size(machine) : 0));
	trace_put_string(out, iommusim_profile_name(vmm->profile));
	if (vmm->cpu != IOMMUSIM_CPU_INTEL)
		trace_put(out, ", cpu=%s", cpus[vmm->cpu]);
	if (machine->seed != 0)
		trace_put(out, ", seed=%llu", (unsigned long long)machine->seed);
	if (!TAILQ_EMPTY(&machine->units))
		put_settings(&TAILQ_FIRST(&machine->units)->settings, out);
	if (preset != NULL) {
		trace_put(out, ", preset=");
		trace_put_string(out, preset);
	}
	if (table != NULL) {
		trace_put(out, ", acpi_hex=");
		trace_put_hex(out, table, length);
	}
	trace_put(out, ")\n");
}

enum iommusim_status record_board(struct iommusim_vmm *vmm, const struct iommusim_text *out)
{
	struct iommusim_machine *machine = vmm->machine;
	const uint8_t *bytes = NULL;
	struct iommusim_dmar *table = NULL;
	const char *preset = NO_PRESET;
	enum iommusim_status status = IOMMUSIM_OK;
	uint32_t length = 0;
	uint64_t address;

	if (iommusim_acpi_find(machine, "DMAR", 0, &address, &length) == IOMMUSIM_OK)
		bytes = iommusim_memory_host(machine, address, length);
	if (bytes != NULL)
		status = iommusim_dmar_parse(bytes, length, &table);
	if (status == IOMMUSIM_OK && table != NULL && table->usable && !TAILQ_EMPTY(&machine->units))
		status = find_preset(machine, table, &preset);
	else if (status == IOMMUSIM_OK && bytes == NULL && !TAILQ_EMPTY(&machine->units))
		status = find_amdvi_preset(machine, &preset);
	if (status != IOMMUSIM_ENOMEM) {
		trace_put(out, "#!iommusim 1\n");
		put_machine(vmm, preset, bytes, length, out);
		put_memory(machine, out);
		if (preset == NULL)
			put_units(machine, table, out);
		if (vmm->foreign_ops)
			trace_put(out,
			    "# recorded with iommu_ops of the program's own; a replay has the "
			    "built-in ones\n");
		status = IOMMUSIM_OK;
	}
	iommusim_dmar_free(table);
	return status;
}
