/*
 * What hardware does not see yet: stores in write buffers or caches, and tables that a unit was pointed to while
 * it kept entries of others (missing-write-buffer-flush, missing-cache-flush, srtp-without-flush).
 */
#include <stdio.h>

#include "check/state.h"
#include "check/write.h"
#include "machine/memory_access.h"

/* ---- stores --------------------------------------------------------------------------------------- */

static uint64_t latest_flush(const struct iommusim_check *check)
{
	uint64_t flushed = 0;

	for (unsigned i = 0; i < check->held.unit_count; i++)
		if (check->held.units[i]->buffers && check->held.units[i]->flushed > flushed)
			flushed = check->held.units[i]->flushed;
	return flushed;
}

void visible_store(struct iommusim_check *check)
{
	if (check->held.storing != NULL)
		*check->held.storing = ++check->held.stores;
}

void visible_begins(struct iommusim_check *check, struct visible_stamps *stamps, uint64_t *stored)
{
	*stamps = (struct visible_stamps){ .stored = NULL };
	if (!check->held.buffers)
		return;
	stamps->stored = stored;
	stamps->before = *stored;
	check->held.storing = stored;
	visible_store(check);
}

void visible_mapping_begins(struct iommusim_check *check, struct visible_stamps *stamps,
    struct check_domain *domain, uint64_t length, uint64_t gpa)
{
	struct held_domain *own = &domain->held;

	*stamps = (struct visible_stamps){ .stored = NULL };
	if (!check->held.buffers || length == 0)
		return;
	if (own->stored <= latest_flush(check)) { /* everything before is out of one at least */
		own->stored_first = gpa;
		own->stored_last = gpa + length - 1;
	}
	if (own->stored_first > gpa)
		own->stored_first = gpa;
	if (own->stored_last < gpa + length - 1)
		own->stored_last = gpa + length - 1;
	visible_begins(check, stamps, &own->stored);
}

void visible_ends(struct iommusim_check *check, const struct visible_stamps *stamps, bool stored)
{
	check->held.storing = NULL;
	if (stamps->stored != NULL && !stored)
		*stamps->stored = stamps->before;
}

/* Did anything that the unit is to use go into its buffers, and not out? */
static bool has_unwritten(const struct iommusim_check *check, const struct held_unit *unit)
{
	const struct check_domain *domain;
	const struct check_device *device;

	TAILQ_FOREACH (domain, &check->domains, link)
		if (domain->held.stored > unit->flushed)
			return true;
	TAILQ_FOREACH (device, &check->devices, link)
		if (device->held.stored > unit->flushed)
			return true;
	return false;
}

static void tell_unwritten(struct iommusim_check *check, struct held_unit *unit, const char *when)
{
	unit->flushed = check->held.stores; /* once is enough */
	check_finding(check, IOMMUSIM_FINDING_MISSING_WRITE_BUFFER_FLUSH,
	    "%s, and what was stored to its tables last may be in write buffers: the unit at 0x%llx has CAP.RWBF=1. "
	    "Missing before: GCMD.WBF with the level bits that are on, or any invalidation",
	    when, (unsigned long long)unit->unit->base);
}

/* ---- tables behind a new pointer ------------------------------------------------------------------ */

static void tell_pointer(struct iommusim_check *check, struct held_unit *unit, const char *when)
{
	const bool vtd = unit->vendor->by_source;
	char since[40] = "";

	if (unit->pointer_line != 0)
		snprintf(since, sizeof(since), " (line %u)", unit->pointer_line);
	check_finding(check, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH,
	    "%s, and the unit at 0x%llx may still go by what it kept of other tables: %s%s%s. Missing between: %s%s%s",
	    when, (unsigned long long)unit->unit->base,
	    vtd ? "GCMD.SRTP" : "its device table was changed", since,
	    vtd ? " drops nothing where CAP.ESRTPS=0" : " and nothing was dropped",
	    (unit->pointer_owed & HELD_ENTRIES) == 0 ? ""
		: vtd                                ? "context cache, global"
						     : "INVALIDATE_DEVTAB_ENTRY of all devices",
	    unit->pointer_owed == (HELD_ENTRIES | HELD_TRANSLATIONS) ? ", then " : "",
	    (unit->pointer_owed & HELD_TRANSLATIONS) == 0 ? ""
		: vtd                                     ? "IOTLB, global"
		      : "INVALIDATE_IOMMU_PAGES of all domains, or INVALIDATE_IOMMU_ALL for both");
	unit->pointer_owed = 0;
}

/* ---- what is not written back --------------------------------------------------------------------- */

static void tell_invisible(struct iommusim_check *check, const struct held_unit *unit, const char *what,
    uint64_t address, uint64_t seen, uint64_t stored)
{
	if (check->held.invisible == address)
		return;
	check->held.invisible = address;
	if (unit->buffers) {
		check_finding(check, IOMMUSIM_FINDING_MISSING_WRITE_BUFFER_FLUSH,
		    "the unit at 0x%llx reads %s at 0x%llx as 0x%llx: 0x%llx was stored, and is in a write "
		    "buffer (CAP.RWBF=1). Missing before: GCMD.WBF with the level bits that are on, or any "
		    "invalidation",
		    (unsigned long long)unit->unit->base, what, (unsigned long long)address,
		    (unsigned long long)seen, (unsigned long long)stored);
		return;
	}
	check_finding(check, IOMMUSIM_FINDING_MISSING_CACHE_FLUSH,
	    "the unit at 0x%llx reads %s at 0x%llx as 0x%llx: 0x%llx was stored, and is in a processor's cache, "
	    "which the unit does not snoop (%s). Missing between: write its cache line back (CLFLUSH)",
	    (unsigned long long)unit->unit->base, what, (unsigned long long)address,
	    (unsigned long long)seen, (unsigned long long)stored, unit->vendor->unsnooped_by);
}

/* The first entry of a walk that hardware read otherwise than software left it. */
static void compare_walk(
    struct iommusim_check *check, const struct held_unit *unit, const struct iommusim_walk *walk)
{
	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct iommusim_walk_step *step = &walk->steps[i];

		for (unsigned quad = 0; !step->on_bus && step->readable && quad < step->quads; quad++) {
			const uint64_t at = step->address + quad * UINT64_C(8);
			uint64_t stored;

			if (!memory_load64(&check->machine->memory, at, true, &stored) ||
			    stored == step->raw[quad])
				continue;
			tell_invisible(check, unit, step->name, at, step->raw[quad], stored);
			return;
		}
	}
}

static void compare_entries(struct iommusim_check *check, struct held_unit *unit)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link) {
		struct held_entry stored, seen;
		char what[64], rid[24];

		if (iommusim_unit_for(check->machine, device->segment, device->rid) != unit->unit ||
		    !unit->vendor->entry(unit, device->held.id, true, &stored) ||
		    !unit->vendor->entry(unit, device->held.id, false, &seen) ||
		    (stored.present == seen.present && stored.root == seen.root))
			continue;
		snprintf(what, sizeof(what), "the %s of %s, whose table is", unit->vendor->entry_words,
		    write_rid(device->segment, device->rid, rid));
		tell_invisible(check, unit, what, stored.root, seen.root, stored.root);
		return;
	}
}

/* ---- when it matters ------------------------------------------------------------------------------ */

void visible_enabling(struct iommusim_check *check, struct held_unit *unit)
{
	/* A unit that takes no command while it is off cannot be flushed before: the next DMA tells. */
	if (unit->pointer_owed != 0 && unit->vendor->flushes_while_off)
		tell_pointer(check, unit, "translation is turned on");
	if (unit->buffers && has_unwritten(check, unit))
		tell_unwritten(check, unit, "translation is turned on");
	if (check->machine->device_view)
		compare_entries(check, unit);
}

/* Is what the DMA needs among what was stored and not flushed? */
static bool needs_unwritten(const struct iommusim_check *check, const struct held_unit *unit,
    const struct iommusim_report *report)
{
	const struct check_device *device = check_device_find(check, report->segment, report->rid);
	const struct held_domain *domain;

	if (device == NULL || device->domain == NULL)
		return false;
	domain = &device->domain->held;
	return device->held.stored > unit->flushed ||
	    (domain->stored > unit->flushed && report->page.page.address >= domain->stored_first &&
		report->page.page.address <= domain->stored_last);
}

void visible_dma(struct iommusim_check *check, const struct iommusim_report *report)
{
	struct iommusim_unit *governs = iommusim_unit_for(check->machine, report->segment, report->rid);
	struct held_unit *unit = governs == NULL ? NULL : held_unit_of(check, governs);

	if (unit == NULL || !unit->on)
		return;
	if (unit->pointer_owed != 0)
		tell_pointer(check, unit, "a DMA is translated");
	if (check->machine->device_view)
		compare_walk(check, unit, &report->walk);
	else if (unit->buffers && needs_unwritten(check, unit, report))
		tell_unwritten(check, unit, "a DMA is translated");
}
