/* Writes a machine down as machine() and its kin, so that a recording needs no file beside it. Units: record_unit.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/unit_model.h"
#include "replay/record_text.h"
#include "replay/record_unit.h"
#include "vmm/state.h"

#define LOW_RAM  (UINT64_C(3) << 30) /* as iommusim_memory_add_pc_ram() lays it out */
#define HIGH_RAM (UINT64_C(4) << 30)

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

static void put_machine(const struct iommusim_vmm *vmm, const char *preset,
    const struct recorded_table *table, const struct iommusim_text *out)
{
	static const char *const cpus[] = { "intel", "amd", "other" };
	const struct iommusim_machine *machine = vmm->machine;

	trace_put(out,
	    "machine(iommu=%s, memory=0x%llx, vmm=", preset == NULL ? "none" : recorded_vendor(table),
	    (unsigned long long)(is_pc_ram(machine) ? ram_size(machine) : 0));
	trace_put_string(out, iommusim_profile_name(vmm->profile));
	if (vmm->cpu != IOMMUSIM_CPU_INTEL)
		trace_put(out, ", cpu=%s", cpus[vmm->cpu]);
	if (machine->seed != 0)
		trace_put(out, ", seed=%llu", (unsigned long long)machine->seed);
	if (machine->device_view)
		trace_put(out, ", cpu_cache=yes");
	if (!TAILQ_EMPTY(&machine->units))
		put_settings(&TAILQ_FIRST(&machine->units)->settings, out);
	if (preset != NULL) {
		trace_put(out, ", preset=");
		trace_put_string(out, preset);
	}
	if (table->bytes != NULL) {
		trace_put(out, ", acpi_hex=");
		trace_put_hex(out, table->bytes, table->length);
	}
	trace_put(out, ")\n");
}

enum iommusim_status record_board(struct iommusim_vmm *vmm, const struct iommusim_text *out)
{
	struct iommusim_machine *machine = vmm->machine;
	struct recorded_table table;
	const char *preset = NULL;
	enum iommusim_status status = recorded_table_read(machine, &table);

	if (status == IOMMUSIM_OK && !TAILQ_EMPTY(&machine->units))
		status = recorded_preset(machine, &table, &preset);
	if (status == IOMMUSIM_OK) {
		trace_put(out, "#!iommusim 1\n");
		put_machine(vmm, preset, &table, out);
		put_memory(machine, out);
		if (preset == NULL)
			recorded_units(machine, &table, out);
		if (vmm->foreign_ops)
			trace_put(out,
			    "# recorded with iommu_ops of the program's own; a replay has the "
			    "built-in ones\n");
	}
	recorded_table_free(&table);
	return status;
}
