/* Findings that registers tell while time goes by: a log that overflows, a poll without an end. */
#include <stdio.h>
#include <string.h>

#include <iommusim/spec.h>

#include "check/state.h"

static bool is_vtd(const struct iommusim_unit *unit)
{
	return strcmp(unit->model->vendor, "VT-d") == 0;
}

/* ---- fault-log-overflow ---------------------------------------------------------------------------- */

static void say_overflow(struct iommusim_check *check, const struct iommusim_unit *unit,
    const struct iommusim_report *report)
{
	char who[96] = "a request that was not seen here";

	if (report != NULL)
		snprintf(who, sizeof(who), "the request of %02x:%02x.%u at 0x%llx",
		    IOMMUSIM_RID_BUS(report->rid), IOMMUSIM_RID_DEVICE(report->rid),
		    IOMMUSIM_RID_FUNCTION(report->rid),
		    (unsigned long long)report->outcome.page.address);
	check_finding(check, IOMMUSIM_FINDING_FAULT_LOG_OVERFLOW,
	    "the unit at 0x%llx had no room for the fault of %s (%s): this and what follows is lost, and nobody "
	    "learns which device it was. Take the records out, clear the bit, and quiet the device that "
	    "filled the log",
	    (unsigned long long)unit->base, who,
	    is_vtd(unit) ? "FSTS.PFO=1" : "Status.EventOverflow=1");
}

static uint64_t bit_of(const struct iommusim_check *check, const struct iommusim_unit *wanted)
{
	const struct iommusim_unit *unit;
	unsigned number = 0;

	TAILQ_FOREACH (unit, &check->machine->units, link) {
		if (unit == wanted)
			break;
		number++;
	}
	return UINT64_C(1) << number % 64;
}

void check_listening(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t offset)
{
	const uint64_t bit = bit_of(check, unit);
	struct iommusim_unit *asked = iommusim_unit_at(check->machine, (size_t)__builtin_ctzll(bit));

	if ((check->listened & bit) != 0 || asked != unit)
		return;
	if (is_vtd(unit) ? check_vtd_is_log(asked, offset) : check_amdvi_is_log(asked, offset))
		check->listened |= bit;
}

/* A log that nobody ever reads loses everything: that it is full says nothing more. */
static bool is_listened_to(const struct iommusim_check *check, struct iommusim_unit *unit, uint64_t bit)
{
	return (check->listened & bit) != 0 || !unit->model->fault_event_masked(unit);
}

void check_overflow(struct iommusim_check *check, const struct iommusim_report *report)
{
	const uint64_t activity = machine_activity(check->machine);
	struct iommusim_unit *unit;
	unsigned number = 0;

	if (check->logs_looked_at == activity)
		return;
	check->logs_looked_at = activity;
	TAILQ_FOREACH (unit, &check->machine->units, link) {
		const uint64_t bit = UINT64_C(1) << number % 64;
		const bool is =
		    is_vtd(unit) ? check_vtd_overflowed(unit) : check_amdvi_overflowed(unit);

		number++;
		if (is && (check->overflowed & bit) == 0 && is_listened_to(check, unit, bit))
			say_overflow(check, unit, report);
		check->overflowed = is ? check->overflowed | bit : check->overflowed & ~bit;
	}
}

/* ---- poll-never-ends ------------------------------------------------------------------------------- */

/* Reads of one register that gave the same, with nothing between: no unit takes so long by itself. */
#define READS_WITHOUT_HOPE 1000u

/* Whoever reads what a unit is able to do, again and again, waits for nothing. */
static bool is_capability(const struct iommusim_unit *unit, uint64_t offset)
{
	const char *vendor = is_vtd(unit) ? "vtd" : "amdvi";
	struct iommusim_spec_structure structure;

	for (size_t i = 0; iommusim_spec_structure(vendor, i, &structure); i++)
		if (structure.is_register && structure.offset == offset)
			return strstr(structure.title, "Capability") != NULL ||
			    strstr(structure.title, "Feature") != NULL ||
			    strcmp(structure.title, "Version") == 0;
	return false;
}

static const char *register_name(
    const struct iommusim_unit *unit, uint64_t offset, char *text, size_t size)
{
	const char *vendor = is_vtd(unit) ? "vtd" : "amdvi";
	struct iommusim_spec_structure structure;

	for (size_t i = 0; iommusim_spec_structure(vendor, i, &structure); i++)
		if (structure.is_register && structure.offset == offset) {
			snprintf(text, size, "%s", structure.name);
			return text;
		}
	snprintf(text, size, "register 0x%llx", (unsigned long long)offset);
	return text;
}

static void say_poll(struct iommusim_check *check, const struct iommusim_unit *unit)
{
	const struct check_poll *poll = &check->poll;
	char name[32], last[32], after[96] = "";

	if (is_capability(unit, poll->address - unit->base))
		return;
	if (poll->has_written && poll->written_at - unit->base < unit->length)
		snprintf(after, sizeof(after), ", after 0x%llx was written to %s",
		    (unsigned long long)poll->written,
		    register_name(unit, poll->written_at - unit->base, last, sizeof(last)));
	check_finding(check, IOMMUSIM_FINDING_POLL_NEVER_ENDS,
	    "read %s of the unit at 0x%llx %u times in a row%s: it stays 0x%llx, and the unit has nothing under "
	    "way that could change it. Give the wait an end, and say what did not come",
	    register_name(unit, poll->address - unit->base, name, sizeof(name)),
	    (unsigned long long)unit->base, poll->reads, after, (unsigned long long)poll->value);
}

void check_poll(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t address,
    bool is_write, uint64_t value)
{
	struct check_poll *poll = &check->poll;

	if (is_write) {
		*poll =
		    (struct check_poll){ .written_at = address, .written = value, .has_written = true };
		return;
	}
	/* What is under way may still answer. */
	if (address != poll->address || value != poll->value ||
	    !RB_EMPTY(&check->machine->clock.events))
		poll->reads = 0;
	poll->address = address;
	poll->value = value;
	if (++poll->reads == READS_WITHOUT_HOPE)
		say_poll(check, unit);
}
