/* Linux's iommu:* trace events as a trace: going over the lines twice, and what is no mapping and no device. */
#include <stdio.h>

#include "replay/import_ftrace_state.h"

/* ---- the first pass ------------------------------------------------------------------------------------ */

static void raise_to(uint64_t *highest, uint64_t value)
{
	if (value > *highest)
		*highest = value;
}

static void survey(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;
	struct ftrace_event *event = &ftrace->event;

	while (import_next_line(importer)) {
		ftrace_read(importer->line, event);
		if (event->kind >= FTRACE_MALFORMED)
			ftrace->any = true;
		if (event->kind == FTRACE_UNREADABLE && importer->strange_line == 0) {
			importer->strange_line = importer->number;
			importer->strange_column = (uint32_t)(event->stopped - importer->line.at) + 1;
		}
		if (ftrace->vendor == IOMMUSIM_VENDOR_OF_TRACE)
			ftrace->vendor = event->vendor;
		if (event->kind == FTRACE_MAP)
			raise_to(&ftrace->highest_physical, event->physical + event->size);
		if (event->kind == FTRACE_MAP || event->kind == FTRACE_UNMAP)
			raise_to(&ftrace->highest_iova, event->iova + event->size);
	}
	importer->summary->lines = importer->number;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

void ftrace_put_place(struct ftrace *ftrace, const char *remark)
{
	struct importer *importer = ftrace->importer;

	import_put(importer, "  # %u: %.*s%s%s\n", importer->number, (int)ftrace->event.time.length,
	    ftrace->event.time.at, remark[0] == '\0' ? "" : ", ", remark);
	importer->summary->statements++;
}

void ftrace_keep(struct ftrace *ftrace, const char *why)
{
	ftrace->importer->summary->kept++;
	import_keep(ftrace->importer, why);
}

static void put_prologue(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;

	ftrace->vendor = import_vendor(importer, ftrace->vendor);
	import_put(importer,
	    "#!iommusim 1\n"
	    "# From Linux trace events; LINE: TIME of each behind it. The events do not say when translations\n"
	    "# were invalidated, so no cache keeps any; nor that a mapping is read-only, unless a probe does.\n");
	import_put_machine(importer, iommusim_vendor_name(ftrace->vendor), ftrace->highest_physical);
	import_put_preset(importer, ftrace->vendor, ftrace->highest_iova);
	import_put(importer, ", cache=none)\n");
	import_put(importer, "iommu_init()\n");
	importer->summary->statements++;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static void note_lost(struct ftrace *ftrace, const char *what)
{
	ftrace->importer->summary->lost += ftrace->event.size;
	import_complain(ftrace->importer, IOMMUSIM_IMPORT_LOST, NULL, what);
}

static void check_clock(struct ftrace *ftrace)
{
	if (ftrace->event.time.length == 0)
		return;
	if (ftrace->event.ticks < ftrace->last_ticks) {
		ftrace->importer->summary->reordered++;
		import_put(
		    ftrace->importer, "# %u: the clock goes back here\n", ftrace->importer->number);
	}
	ftrace->last_ticks = ftrace->event.ticks;
}

static void run_line(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;
	const struct ftrace_event *event = &ftrace->event;

	switch (event->kind) {
	case FTRACE_BLANK:
		return;
	case FTRACE_HEADER:
	case FTRACE_OTHER:
		ftrace_keep(ftrace, NULL);
		return;
	case FTRACE_MARKER:
		ftrace_keep(ftrace, "marker");
		return;
	case FTRACE_OVERRUN:
		note_lost(ftrace, "events before this trace begins were written over");
		return;
	case FTRACE_LOST:
		note_lost(ftrace, "events were lost");
		return;
	case FTRACE_UNREADABLE:
		import_complain(importer, IOMMUSIM_IMPORT_UNREADABLE, event->stopped, "no trace event");
		return;
	case FTRACE_MALFORMED:
		import_complain(importer, IOMMUSIM_IMPORT_MALFORMED, event->stopped,
		    "an event that cannot be read");
		return;
	case FTRACE_MAP:
	case FTRACE_UNMAP:
		ftrace_run_map(ftrace, event->kind == FTRACE_MAP);
		return;
	case FTRACE_PROBE_MAP:
	case FTRACE_PROBE_UNMAP:
	case FTRACE_PROBE_ATTACH:
		ftrace_run_probe(ftrace);
		return;
	case FTRACE_PROBE_FREE:
		ftrace_run_free(ftrace);
		return;
	default:
		ftrace_run_device(ftrace);
		return;
	}
}

static void write_all(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;

	import_rewind(importer);
	put_prologue(ftrace);
	while (import_next_line(importer)) {
		ftrace_read(importer->line, &ftrace->event);
		check_clock(ftrace);
		run_line(ftrace);
	}
	ftrace_end_probes(ftrace);
}

static enum iommusim_status refuse_device(struct importer *importer)
{
	*importer->diagnostic =
	    (struct iommusim_diagnostic){ .status = IOMMUSIM_EINVAL, .offset = UINT64_MAX };
	snprintf(importer->diagnostic->text, sizeof(importer->diagnostic->text),
	    "`%s`: expected a device such as 0000:00:03.0", importer->options->device);
	return IOMMUSIM_EINVAL;
}

enum iommusim_status import_ftrace(struct importer *importer)
{
	struct ftrace ftrace = { .importer = importer };
	const char *device = importer->options->device, *problem;

	if (device != NULL &&
	    iommusim_trace_device(device, &ftrace.own_segment, &ftrace.own_rid, &problem) !=
		IOMMUSIM_OK)
		return refuse_device(importer);
	survey(&ftrace);
	if (!ftrace.any)
		return import_refuse(importer,
		    "lines of /sys/kernel/tracing/trace or trace-cmd report: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
	write_all(&ftrace);
	import_release(importer, ftrace.domains, ftrace.domain_room * sizeof(*ftrace.domains));
	import_release(importer, ftrace.devices, ftrace.device_room * sizeof(*ftrace.devices));
	import_release(importer, ftrace.pending, ftrace.pending_room * sizeof(*ftrace.pending));
	import_map_free(importer, &ftrace.by_key);
	import_map_free(importer, &ftrace.by_rid);
	import_map_free(importer, &ftrace.by_task);
	return IOMMUSIM_OK;
}
