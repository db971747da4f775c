/* Mappings page after page joined into one statement. What a call is otherwise: import_dtrace_call.c. */
#include <string.h>

#include "replay/import_dtrace_state.h"

static void put_run(struct dtrace *dtrace, const struct dtrace_run *run)
{
	struct importer *importer = dtrace->importer;

	import_put(importer,
	    run->call == VMM_CREATE_MAPPING ? "iommu_create_mapping(" : "iommu_remove_mapping(");
	dtrace_put_domain(dtrace, run->domain);
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

void dtrace_end_runs(struct dtrace *dtrace)
{
	end_runs(dtrace, dtrace->run_count);
}

uint64_t dtrace_length(const struct vmm_record *record)
{
	return record->arguments[record->call == VMM_CREATE_MAPPING ? VMM_CREATE_LEN : VMM_REMOVE_LEN];
}

static bool continues(const struct dtrace_run *run, const struct vmm_record *record)
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
		dtrace->runs[at].length += dtrace_length(record);
		dtrace->runs[at].calls++;
		if (record->line < dtrace->runs[at].first_line)
			dtrace->runs[at].first_line = record->line;
		if (record->line > dtrace->runs[at].last_line)
			dtrace->runs[at].last_line = record->line;
		return;
	}
	if (at < dtrace->run_count)
		end_runs(dtrace, at + 1);
	else if (dtrace->run_count == DTRACE_RUNS)
		end_runs(dtrace, 1);
	dtrace->runs[dtrace->run_count++] = (struct dtrace_run){
		.call = (enum vmm_call)record->call,
		.domain = domain,
		.gpa = record->arguments[VMM_GPA],
		.hpa = record->arguments[VMM_HPA],
		.length = dtrace_length(record),
		.calls = 1,
		.first_line = record->line,
		.last_line = record->line,
		.time = record->entry,
	};
}

void dtrace_run_mapping(struct dtrace *dtrace, const struct vmm_record *record)
{
	struct importer *importer = dtrace->importer;
	const uint64_t *arguments = record->arguments;

	if (!dtrace->importer->options->keep_pages && record->returned &&
	    (!dtrace->returns_errors || record->error == 0)) {
		join(dtrace, record);
		return;
	}
	dtrace_end_runs(dtrace);
	import_put(importer,
	    record->call == VMM_CREATE_MAPPING ? "iommu_create_mapping(" : "iommu_remove_mapping(");
	dtrace_put_domain(dtrace, arguments[VMM_DOMAIN]);
	import_put(importer, ", 0x%llx", (unsigned long long)arguments[VMM_GPA]);
	if (record->call == VMM_CREATE_MAPPING)
		import_put(importer, ", 0x%llx", (unsigned long long)arguments[VMM_HPA]);
	import_put(importer, ", 0x%llx)", (unsigned long long)dtrace_length(record));
	dtrace_put_end(dtrace, record);
}
