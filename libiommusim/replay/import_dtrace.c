/*
 * What vmm asked of its IOMMU driver on a bhyve host as a trace: calls in the order of time, domains under names,
 * runs of pages as one statement. Reading lines and ordering them: import_dtrace_line.c, import_dtrace_order.c.
 */
#include <stdio.h>
#include <string.h>

#include <iommusim/pci.h>

#include "replay/import_dtrace.h"

/* Calls that become one statement. Several domains may be worked on in turn. */
struct run {
	enum vmm_call call; /* VMM_NONE: free */
	uint64_t domain;
	uint64_t gpa;
	uint64_t hpa;
	uint64_t length;
	uint64_t calls;
	uint32_t first_line;
	uint32_t last_line;
	uint64_t time;
};

enum { RUNS = 8 };

struct dtrace {
	struct importer *importer;
	struct vmm_record *records;
	size_t count, room;
	bool any;           /* line of the script's own */
	uint64_t last_time; /* of the lines so far */
	/* from all records */
	enum iommusim_vendor vendor;
	uint64_t host; /* 0: not known */
	uint64_t highest_hpa;
	uint64_t highest_gpa;
	bool has_init;
	bool returns_errors;
	/* while writing */
	struct import_map domains; /* to the number of its name */
	uint32_t names;
	struct run runs[RUNS]; /* in the order of their beginning */
	unsigned run_count;
};

/* FreeBSD's numbers, for the errors that the trace language knows. */
static const struct {
	int32_t number;
	const char *name;
} errors[] = {
	{ 2, "ENOENT" },
	{ 5, "EIO" },
	{ 6, "ENXIO" },
	{ 12, "ENOMEM" },
	{ 14, "EFAULT" },
	{ 16, "EBUSY" },
	{ 17, "EEXIST" },
	{ 22, "EINVAL" },
	{ 45, "EOPNOTSUPP" },
};

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

/* ---- pieces -------------------------------------------------------------------------------------------- */

static void put_place(struct dtrace *dtrace, const struct vmm_record *record, const char *remark)
{
	import_put(dtrace->importer, "  # %u: %llu%s%s\n", record->line,
	    (unsigned long long)record->entry, remark[0] == '\0' ? "" : ", ", remark);
	dtrace->importer->summary->statements++;
}

static void keep(struct dtrace *dtrace, const struct vmm_record *record, const char *why)
{
	struct importer *importer = dtrace->importer;

	importer->summary->kept++;
	import_put(importer, "# %u: %llu: ", record->line, (unsigned long long)record->entry);
	import_put_text(importer, record->text);
	if (record->call == VMM_ASKED && record->returned)
		import_put(importer, " returned %d", (int)record->error);
	import_put(importer, "%s%s\n", why[0] == '\0' ? "" : ", ", why);
}

static const char *error_name(const struct dtrace *dtrace, const struct vmm_record *record)
{
	if (!dtrace->returns_errors || !record->returned || record->error == 0)
		return NULL;
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == record->error)
			return errors[i].name;
	return NULL;
}

/* The end of a call: what it returned, when that matters, and where it came from. */
static void put_end(struct dtrace *dtrace, const struct vmm_record *record)
{
	const char *name = error_name(dtrace, record);
	char remark[64] = "";

	if (name != NULL)
		import_put(dtrace->importer, " = error(%s)", name);
	else if (dtrace->returns_errors && record->returned && record->error != 0)
		snprintf(remark, sizeof(remark), "returned %d", (int)record->error);
	if (!record->returned) {
		snprintf(remark, sizeof(remark), "no return was seen");
		dtrace->importer->summary->unfinished++;
	}
	put_place(dtrace, record, remark);
}

/* The name of a domain; one that nobody saw created is created now. False: no memory. */
static bool know_domain(struct dtrace *dtrace, const struct vmm_record *record, uint64_t domain)
{
	if (domain == dtrace->host || import_map_find(&dtrace->domains, domain) != NULL)
		return true;
	if (!import_map_put(dtrace->importer, &dtrace->domains, domain, ++dtrace->names))
		return false;
	import_put(dtrace->importer, "iommu_create_domain(0x%llx) = dom%u",
	    (unsigned long long)import_domain_end(dtrace->vendor, dtrace->highest_gpa), dtrace->names);
	put_place(dtrace, record, "it was there before");
	return true;
}

static void put_domain(struct dtrace *dtrace, uint64_t domain)
{
	const uint32_t *name = import_map_find(&dtrace->domains, domain);

	if (domain == dtrace->host || name == NULL)
		import_put(dtrace->importer, "host");
	else
		import_put(dtrace->importer, "dom%u", *name);
}

/* ---- runs of pages ------------------------------------------------------------------------------------- */

static void put_run(struct dtrace *dtrace, const struct run *run)
{
	struct importer *importer = dtrace->importer;

	import_put(importer,
	    run->call == VMM_CREATE_MAPPING ? "iommu_create_mapping(" : "iommu_remove_mapping(");
	put_domain(dtrace, run->domain);
	import_put(importer, ", 0x%llx", (unsigned long long)run->gpa);
	if (run->call == VMM_CREATE_MAPPING)
		import_put(importer, ", 0x%llx", (unsigned long long)run->hpa);
	import_put(importer, ", 0x%llx)  # %u", (unsigned long long)run->length, run->first_line);
	if (run->calls > 1) {
		import_put(importer, "-%u", run->last_line);
		importer->summary->joined += run->calls;
	}
	import_put(importer, ": %llu", (unsigned long long)run->time);
	if (run->calls > 1)
		import_put(importer, ", %llu calls", (unsigned long long)run->calls);
	import_put(importer, "\n");
	importer->summary->statements++;
}

/* The first `count` runs, which are the oldest ones. */
static void end_runs(struct dtrace *dtrace, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put_run(dtrace, &dtrace->runs[i]);
	dtrace->run_count -= count;
	memmove(dtrace->runs, dtrace->runs + count, dtrace->run_count * sizeof(dtrace->runs[0]));
}

static void end_all_runs(struct dtrace *dtrace)
{
	end_runs(dtrace, dtrace->run_count);
}

static uint64_t length_of(const struct vmm_record *record)
{
	return record->arguments[record->call == VMM_CREATE_MAPPING ? VMM_CREATE_LEN : VMM_REMOVE_LEN];
}

static bool continues(const struct run *run, const struct vmm_record *record)
{
	return run->call == (enum vmm_call)record->call &&
	    run->gpa + run->length == record->arguments[VMM_GPA] &&
	    (run->call != VMM_CREATE_MAPPING || run->hpa + run->length == record->arguments[VMM_HPA]);
}

static void join(struct dtrace *dtrace, const struct vmm_record *record)
{
	const uint64_t domain = record->arguments[VMM_DOMAIN];
	unsigned at = 0;

	while (at < dtrace->run_count && dtrace->runs[at].domain != domain)
		at++;
	if (at < dtrace->run_count && continues(&dtrace->runs[at], record)) {
		dtrace->runs[at].length += length_of(record);
		dtrace->runs[at].calls++;
		if (record->line < dtrace->runs[at].first_line)
			dtrace->runs[at].first_line = record->line;
		if (record->line > dtrace->runs[at].last_line)
			dtrace->runs[at].last_line = record->line;
		return;
	}
	if (at < dtrace->run_count)
		end_runs(dtrace, at + 1);
	else if (dtrace->run_count == RUNS)
		end_runs(dtrace, 1);
	dtrace->runs[dtrace->run_count++] = (struct run){
		.call = (enum vmm_call)record->call,
		.domain = domain,
		.gpa = record->arguments[VMM_GPA],
		.hpa = record->arguments[VMM_HPA],
		.length = length_of(record),
		.calls = 1,
		.first_line = record->line,
		.last_line = record->line,
		.time = record->entry,
	};
}

static void run_mapping(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;
	const uint64_t *arguments = record->arguments;

	if (!dtrace->importer->options->keep_pages && record->returned &&
	    (!dtrace->returns_errors || record->error == 0)) {
		join(dtrace, record);
		return;
	}
	end_all_runs(dtrace);
	import_put(importer,
	    record->call == VMM_CREATE_MAPPING ? "iommu_create_mapping(" : "iommu_remove_mapping(");
	put_domain(dtrace, arguments[VMM_DOMAIN]);
	import_put(importer, ", 0x%llx", (unsigned long long)arguments[VMM_GPA]);
	if (record->call == VMM_CREATE_MAPPING)
		import_put(importer, ", 0x%llx", (unsigned long long)arguments[VMM_HPA]);
	import_put(importer, ", 0x%llx)", (unsigned long long)length_of(record));
	put_end(dtrace, record);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static void run_create_domain(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;
	const uint64_t domain = record->result;

	if (record->does_init) {
		import_put(importer, "iommu_init()");
		put_place(dtrace, record, "the host's domain, its mappings and devices");
	}
	import_put(importer, "iommu_create_domain(0x%llx)",
	    (unsigned long long)record->arguments[VMM_MAXADDR]);
	if (record->has_result && domain == 0)
		import_put(importer, " = error(ENXIO)");
	if (domain != 0) {
		if (!import_map_put(importer, &dtrace->domains, domain, ++dtrace->names))
			return;
		import_put(importer, " = dom%u", dtrace->names);
	}
	if (!record->has_result)
		put_end(dtrace, record);
	else
		put_place(dtrace, record, "");
}

static void run_on_domain(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;
	const uint64_t domain = record->arguments[VMM_DOMAIN];

	if (record->call == VMM_DESTROY_DOMAIN && domain == dtrace->host) {
		keep(dtrace, record, "the host's domain goes with vmm");
		return;
	}
	switch ((enum vmm_call)record->call) {
	case VMM_DESTROY_DOMAIN:
		import_put(importer, "iommu_destroy_domain(");
		break;
	case VMM_INVALIDATE_TLB:
		import_put(importer, "iommu_invalidate_tlb(");
		break;
	case VMM_ADD_DEVICE:
		import_put(importer, "iommu_add_device(");
		break;
	default:
		import_put(importer, "iommu_remove_device(");
		break;
	}
	put_domain(dtrace, domain);
	if (record->call == VMM_ADD_DEVICE || record->call == VMM_REMOVE_DEVICE)
		import_put(importer, ", 0x%04llx", (unsigned long long)record->arguments[VMM_RID]);
	import_put(importer, ")");
	put_end(dtrace, record);
	if (record->call == VMM_DESTROY_DOMAIN)
		import_map_remove(&dtrace->domains, domain);
}

/* A comment of the script, a message of dtrace, or what cannot be read. */
static void run_other(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;

	importer->line = record->text;
	importer->number = record->line;
	switch ((enum vmm_call)record->call) {
	case VMM_COMMENT:
		importer->summary->kept++;
		import_keep(importer, NULL);
		return;
	case VMM_LOSS:
		end_all_runs(dtrace);
		importer->summary->lost += record->result;
		import_complain(importer, IOMMUSIM_IMPORT_LOST, NULL, "dtrace lost events");
		return;
	case VMM_UNREADABLE:
		import_complain(importer, IOMMUSIM_IMPORT_UNREADABLE, record->text.at + record->result,
		    "no line of vmm-iommu.d");
		return;
	default:
		end_all_runs(dtrace);
		import_complain(importer, IOMMUSIM_IMPORT_MALFORMED, record->text.at + record->result,
		    "a call that cannot be read");
		return;
	}
}

static void run_record(struct dtrace *dtrace, const struct vmm_record *record)
{
	const enum vmm_call call = (enum vmm_call)record->call;
	const bool is_mapping = call == VMM_CREATE_MAPPING || call == VMM_REMOVE_MAPPING;

	if (call >= VMM_COMMENT)
		run_other(dtrace, record);
	if (call >= VMM_HOST)
		return;
	if (record->in_init) {
		keep(dtrace, record, "part of iommu_init()");
		return;
	}
	if (!is_mapping)
		end_all_runs(dtrace);
	if (call == VMM_ASKED) {
		keep(dtrace, record, "");
		return;
	}
	if (call == VMM_CREATE_DOMAIN) {
		run_create_domain(dtrace, record);
		return;
	}
	if (record->arguments[VMM_DOMAIN] == 0) {
		keep(dtrace, record, "no domain: it does nothing");
		return;
	}
	if (is_mapping && length_of(record) == 0) {
		keep(dtrace, record, "no length");
		return;
	}
	if (!know_domain(dtrace, record, record->arguments[VMM_DOMAIN]))
		return;
	if (is_mapping)
		run_mapping(dtrace, record);
	else
		run_on_domain(dtrace, record);
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
		put_place(dtrace, record, "the host's");
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
			run_record(&dtrace, &dtrace.records[i]);
		end_all_runs(&dtrace);
	}
	import_release(importer, dtrace.records, dtrace.room * sizeof(*dtrace.records));
	import_map_free(importer, &dtrace.domains);
	return status;
}
