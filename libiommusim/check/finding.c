/*
 * Findings about programming: the list they go to, and those that need no vendor. What registers of one
 * vendor tell is finding_vtd.c and finding_amdvi.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/state.h"

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

bool iommusim_finding_is_advice(enum iommusim_finding_id id)
{
	return id == IOMMUSIM_FINDING_OVER_INVALIDATION;
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
	finding->suppressed = check_is_suppressed(check, finding);
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

void check_register_access(
    void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct iommusim_check *check = context;
	struct iommusim_unit *unit;

	check_happens(check);
	TAILQ_FOREACH (unit, &check->machine->units, link)
		if (address - unit->base < unit->length)
			break;
	if (unit == NULL)
		return;
	if (is_write && check->machine->stores.silent)
		shadow_compare(check); /* what was stored before it */
	held_register(check, unit, address - unit->base, width, is_write, value);
	check_poll(check, unit, address, is_write, value);
	if (!is_write) {
		check_listening(check, unit, address - unit->base);
		return;
	}
	shadow_sync(check);
	check->shadow.dirty = true; /* once the write has acted */
	shadow_step(check);
	if (width < 4)
		return;
	if (strcmp(unit->model->vendor, "VT-d") == 0)
		check_vtd_write(check, unit, address - unit->base, width, value);
	else
		check_amdvi_write(check, unit, address - unit->base, width, value);
}
