/* Findings about programming: what detects them, and the list they go to. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "models/vtd/spec/vtd.h"

static const struct {
	const char *name;
	const char *meaning;
} findings[IOMMUSIM_FINDING_COUNT] = {
#define FINDING(id, finding_name, text) [IOMMUSIM_FINDING_##id] = { finding_name, text },
	IOMMUSIM_FINDINGS(FINDING)
#undef FINDING
};

const char *iommusim_finding_name(enum iommusim_finding_id id)
{
	return (unsigned)id < IOMMUSIM_FINDING_COUNT ? findings[id].name : "unknown";
}

const char *iommusim_finding_meaning(enum iommusim_finding_id id)
{
	return (unsigned)id < IOMMUSIM_FINDING_COUNT ? findings[id].meaning : "unknown";
}

enum iommusim_status iommusim_finding_find(const char *name, enum iommusim_finding_id *id)
{
	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		if (strcmp(findings[i].name, name) != 0)
			continue;
		*id = (enum iommusim_finding_id)i;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

const struct iommusim_finding *iommusim_check_finding(const struct iommusim_check *check, size_t index)
{
	return index < check->finding_count ? &check->findings[index] : NULL;
}

void check_finding(struct iommusim_check *check, enum iommusim_finding_id id, const char *format, ...)
{
	struct iommusim_finding *finding;
	va_list arguments;

	/* A list that cannot grow loses the finding; the call it is about must not fail for it. */
	if (!machine_grow(check->machine, &check->findings, &check->finding_capacity,
		check->finding_count + 1, sizeof(*check->findings)))
		return;
	finding = &check->findings[check->finding_count++];
	finding->id = id;
	finding->place = check->here;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

void check_init_ended(struct iommusim_check *check, const struct iommusim_call *call)
{
	struct iommusim_init_report report;

	if (check->init_reported)
		return; /* initialisation is tried once: later calls only repeat its answer */
	iommusim_init_report(check->vmm, &report);
	if (report.outcome == IOMMUSIM_INIT_NOT_REACHED)
		return;
	check->init_reported = true;
	check->init_place = check->here;
	if (call->status != IOMMUSIM_OK && report.outcome != IOMMUSIM_INIT_DISABLED && !report.told)
		check_finding(check, IOMMUSIM_FINDING_INIT_FAILED_SILENTLY, "%s", report.text);
}

/* ---- what a bus analyser sees -------------------------------------------------------------------- */

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(struct iommusim_unit *unit, uint64_t offset)
{
	return unit->model->read(unit, offset, 4);
}

static const char *level_names(uint64_t bits, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", vtd_GCMD_TE(bits) ? " TE" : "",
	    vtd_GCMD_EAFL(bits) ? " EAFL" : "", vtd_GCMD_QIE(bits) ? " QIE" : "",
	    vtd_GCMD_IRE(bits) ? " IRE" : "", vtd_GCMD_CFI(bits) ? " CFI" : "");
	return text;
}

/*
 * Each write to GCMD restates every level bit and changes one (VT-d 11.4.4.1). Turning exactly one
 * function off, and asking for nothing else, is how that is done; all else that drops bits is a slip.
 */
static void check_gcmd(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t levels = vtd_GCMD_TE_bits(1) | vtd_GCMD_EAFL_bits(1) | vtd_GCMD_QIE_bits(1) |
	    vtd_GCMD_IRE_bits(1) | vtd_GCMD_CFI_bits(1);
	const uint64_t on = peek(unit, vtd_GSTS_at) & levels;
	const uint64_t dropped = on & ~value, asked = value & ~on;
	char names[32];

	if (dropped == 0 || ((dropped & (dropped - 1)) == 0 && asked == 0))
		return;
	check_finding(check, IOMMUSIM_FINDING_GCMD_DROPS_BITS,
	    "wrote GCMD=0x%08llx to the unit at 0x%llx: this turned off%s. GCMD is not read, modified "
	    "and written: state the level bits that are on together with the command",
	    (unsigned long long)value, (unsigned long long)unit->base,
	    level_names(dropped, names, sizeof(names)));
}

static void check_register_invalidation(
    struct iommusim_check *check, struct iommusim_unit *unit, const char *name)
{
	if (!vtd_GSTS_QIES(peek(unit, vtd_GSTS_at)))
		return;
	check_finding(check, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI,
	    "wrote %s of the unit at 0x%llx while queued invalidation is on: the request is not "
	    "carried out",
	    name, (unsigned long long)unit->base);
}

/* The top 32 bits of a 64-bit register hold its command bit. */
static bool starts(uint64_t offset, unsigned width, uint64_t value, unsigned at, uint64_t bit)
{
	if (width == 8)
		return offset == at && (value & bit) != 0;
	return offset == at + 4 && (value << 32 & bit) != 0;
}

void check_register_access(
    void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct iommusim_check *check = context;
	struct iommusim_unit *unit;
	uint64_t offset, iotlb;

	if (!is_write || width < 4)
		return;
	TAILQ_FOREACH (unit, &check->machine->units, link)
		if (address - unit->base < unit->length)
			break;
	if (unit == NULL || strcmp(unit->model->vendor, "VT-d") != 0)
		return;
	offset = address - unit->base;
	iotlb = vtd_ECAP_IRO(peek(unit, vtd_ECAP_at)) * 16 + vtd_IOTLB_at;
	if (offset == vtd_GCMD_at)
		check_gcmd(check, unit, value & UINT32_MAX);
	if (starts(offset, width, value, vtd_CCMD_at, vtd_CCMD_ICC_bits(1)))
		check_register_invalidation(check, unit, "CCMD");
	if (starts(offset, width, value, (unsigned)iotlb, vtd_IOTLB_IVT_bits(1)))
		check_register_invalidation(check, unit, "IOTLB");
}
