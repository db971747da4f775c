/* Calls of vmm as statements: domains under names, results expected again, what is no statement as a comment. */
#include <stdio.h>

#include "replay/import_dtrace_state.h"

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

/* ---- pieces -------------------------------------------------------------------------------------------- */

void dtrace_put_place(struct dtrace *dtrace, const struct vmm_record *record, const char *remark)
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

void dtrace_put_end(struct dtrace *dtrace, const struct vmm_record *record)
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
	dtrace_put_place(dtrace, record, remark);
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
	dtrace_put_place(dtrace, record, "it was there before");
	return true;
}

void dtrace_put_domain(struct dtrace *dtrace, uint64_t domain)
{
	const uint32_t *name = import_map_find(&dtrace->domains, domain);

	if (domain == dtrace->host || name == NULL)
		import_put(dtrace->importer, "host");
	else
		import_put(dtrace->importer, "dom%u", *name);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static void run_create_domain(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;
	const uint64_t domain = record->result;

	if (record->does_init) {
		import_put(importer, "iommu_init()");
		dtrace_put_place(dtrace, record, "the host's domain, its mappings and devices");
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
		dtrace_put_end(dtrace, record);
	else
		dtrace_put_place(dtrace, record, "");
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
	dtrace_put_domain(dtrace, domain);
	if (record->call == VMM_ADD_DEVICE || record->call == VMM_REMOVE_DEVICE)
		import_put(importer, ", 0x%04llx", (unsigned long long)record->arguments[VMM_RID]);
	import_put(importer, ")");
	dtrace_put_end(dtrace, record);
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
		dtrace_end_runs(dtrace);
		importer->summary->lost += record->result;
		import_complain(importer, IOMMUSIM_IMPORT_LOST, NULL, "dtrace lost events");
		return;
	case VMM_UNREADABLE:
		import_complain(importer, IOMMUSIM_IMPORT_UNREADABLE, record->text.at + record->result,
		    "no line of vmm-iommu.d");
		return;
	default:
		dtrace_end_runs(dtrace);
		import_complain(importer, IOMMUSIM_IMPORT_MALFORMED, record->text.at + record->result,
		    "a call that cannot be read");
		return;
	}
}

void dtrace_run_record(struct dtrace *dtrace, const struct vmm_record *record)
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
		dtrace_end_runs(dtrace);
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
	if (is_mapping && dtrace_length(record) == 0) {
		keep(dtrace, record, "no length");
		return;
	}
	if (!know_domain(dtrace, record, record->arguments[VMM_DOMAIN]))
		return;
	if (is_mapping)
		dtrace_run_mapping(dtrace, record);
	else
		run_on_domain(dtrace, record);
}
