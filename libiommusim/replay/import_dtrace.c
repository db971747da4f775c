/*
 * What vmm asked of its IOMMU driver on a bhyve host as a trace: reading all of it, putting it in order, and the board
 * it is played on. What becomes of a call: import_dtrace_call.c.
 */
#include <iommusim/pci.h>

#include "replay/import_dtrace_state.h"

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Lines that say no time stay behind the one they were printed behind. */
static void check_clock(struct dtrace *dtrace, struct vmm_record *record)
{
	const uint64_t printed = record->returned ? record->exit : record->entry;

	if (record->call >= VMM_COMMENT)
		record->entry = dtrace->last_time;
	else if (printed < dtrace->last_time)
		dtrace->importer->summary->reordered++;
	else
		dtrace->last_time = printed;
}

/* All records, without writing. */
static bool collect(struct dtrace *dtrace)
{
	struct importer *importer = dtrace->importer;
	struct vmm_record record;

	while (import_next_line(importer)) {
		void *records = dtrace->records;

		if (!dtrace_read(importer, &record))
			continue;
		if (record.call < VMM_COMMENT)
			dtrace->any = true;
		if (record.call >= VMM_UNREADABLE && importer->strange_line == 0) {
			importer->strange_line = importer->number;
			importer->strange_column = (uint32_t)record.result + 1;
		}
		check_clock(dtrace, &record);
		if (!import_grow(importer, &records, dtrace->count, &dtrace->room, sizeof(record)))
			return false;
		dtrace->records = records;
		dtrace->records[dtrace->count++] = record;
	}
	importer->summary->lines = importer->number;
	return true;
}

static void raise_to(uint64_t *highest, uint64_t value)
{
	if (value > *highest)
		*highest = value;
}

/* What has to be known before the first line is written. */
static void survey(struct dtrace *dtrace)
{
	for (size_t i = 0; i < dtrace->count; i++) {
		const struct vmm_record *record = &dtrace->records[i];
		const uint64_t *arguments = record->arguments;

		dtrace->has_init |= record->does_init;
		dtrace->returns_errors |= record->returns_error;
		if (record->call == VMM_VENDOR)
			dtrace->vendor = (enum iommusim_vendor)record->result;
		if (record->call == VMM_HOST ||
		    (record->in_init && record->call == VMM_CREATE_MAPPING && dtrace->host == 0))
			dtrace->host = arguments[VMM_DOMAIN];
		if (record->call == VMM_CREATE_MAPPING) {
			raise_to(&dtrace->highest_hpa, arguments[VMM_HPA] + arguments[VMM_CREATE_LEN]);
			raise_to(&dtrace->highest_gpa, arguments[VMM_GPA] + arguments[VMM_CREATE_LEN]);
		}
	}
}

/* ---- the trace ----------------------------------------------------------------------------------------- */

static void put_prologue(struct dtrace *dtrace)
{
	struct importer *importer = dtrace->importer;

	dtrace->vendor = import_vendor(importer, dtrace->vendor);
	import_put(importer,
	    "#!iommusim 1\n"
	    "# From vmm-iommu.d; LINE: TIME of each call behind it. Which release this was is not\n"
	    "# in it: iommusim replay --vmm says whose behaviour to play.\n");
	import_put_machine(importer, iommusim_vendor_name(dtrace->vendor), dtrace->highest_hpa);
	import_put_preset(importer, dtrace->vendor, dtrace->highest_gpa);
	import_put(importer, ")\n");
	for (size_t i = 0; i < dtrace->count; i++) {
		const struct vmm_record *record = &dtrace->records[i];
		const uint16_t rid = (uint16_t)record->arguments[VMM_RID];

		if (!record->in_init || record->call != VMM_ADD_DEVICE)
			continue;
		import_put(importer, "device(");
		import_put_device(importer, 0, rid);
		import_put(importer, ", \"pci%u:%u:%u\")", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
		dtrace_put_place(dtrace, record, "the host's");
	}
	if (dtrace->has_init)
		return;
	import_put(importer, "iommu_init()  # before the capture begins\n");
	importer->summary->statements++;
}

enum iommusim_status import_dtrace(struct importer *importer)
{
	struct dtrace dtrace = { .importer = importer };
	enum iommusim_status status = IOMMUSIM_OK;

	if (collect(&dtrace) && !dtrace.any)
		status = import_refuse(importer,
		    "what docs/capture/vmm-iommu.d prints: # > TIME CPU THREAD CALL, and statements");
	if (status == IOMMUSIM_OK && !importer->out_of_memory &&
	    dtrace_order(importer, dtrace.records, &dtrace.count)) {
		survey(&dtrace);
		put_prologue(&dtrace);
		for (size_t i = 0; i < dtrace.count && !importer->out_of_memory; i++)
			dtrace_run_record(&dtrace, &dtrace.records[i]);
		dtrace_end_runs(&dtrace);
	}
	import_release(importer, dtrace.records, dtrace.room * sizeof(*dtrace.records));
	import_map_free(importer, &dtrace.domains);
	return status;
}
