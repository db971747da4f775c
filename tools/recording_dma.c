/* DMA of a recording: makes the requests it tells of, and compares where they go or that they are denied. */
#include <inttypes.h>
#include <stdio.h>

#include <iommusim/memory.h>

#include "recording_run.h"

static struct iommusim_dma_request request_of(
    const struct recording_run *run, uint64_t address, bool is_write)
{
	return (struct iommusim_dma_request){
		.address = address,
		.length = 1,
		.kind = is_write ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		.tag = run->input.line,
	};
}

/* What became of a request, in words. */
static void describe(const struct iommusim_dma_page *page, char *text, size_t room)
{
	char cached[48] = "";

	if (page->cached)
		snprintf(cached, sizeof(cached), ", cached since line %" PRIu64, page->cached_tag);
	if (page->faulted)
		snprintf(text, room, "blocked, reason %Xh: %s%s", page->fault.reason,
		    page->fault.meaning == NULL ? "?" : page->fault.meaning, cached);
	else if (page->interrupt)
		snprintf(text, room, "an interrupt message");
	else
		snprintf(text, room, "page 0x%" PRIx64 "%s%s",
		    page->physical & ~(IOMMUSIM_PAGE_SIZE - 1),
		    page->translated ? "" : ", untranslated", cached);
}

/* What the tables say now about a request that parted, when that is something else. */
static void describe_tables(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct iommusim_dma_page *page,
    struct recording_parting *parting)
{
	struct iommusim_walk walk;

	if (!page->cached || iommusim_walk(requester, request, &walk) != IOMMUSIM_OK)
		return;
	if (walk.result.faulted != page->faulted || walk.result.physical != page->physical)
		describe(&walk.result, parting->tables, sizeof(parting->tables));
}

static void report_dma(struct recording_run *run, struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct iommusim_dma_page *page,
    struct recording_parting *parting)
{
	parting->has_rid = true;
	parting->rid = iommusim_requester_rid(requester);
	parting->address = request->address;
	parting->access = request->kind == IOMMUSIM_DMA_WRITE ? "write" : "read";
	describe(page, parting->got, sizeof(parting->got));
	describe_tables(requester, request, page, parting);
	recording_report(run, parting);
}

static enum iommusim_status take_rid(struct recording_run *run, struct iommusim_requester **requester)
{
	uint64_t rid;
	const enum iommusim_status status =
	    recording_input_number(&run->input, run->input.object, "rid", RECORDING_RIDS - 1, &rid);

	return status == IOMMUSIM_OK ? recording_requester(run, (uint16_t)rid, requester) : status;
}

/* Is this the page of the recording? */
static bool same_place(
    const struct recording_run *run, const struct iommusim_dma_page *page, uint64_t physical)
{
	uint64_t offset = IOMMUSIM_PAGE_SIZE - 1;

	if (page->faulted || page->interrupt)
		return false;
	/* What passes through without tables has no size of its own. */
	if (run->platform.backend->whole_pages && page->entry != 0 &&
	    page->page_shift > IOMMUSIM_PAGE_SHIFT)
		offset = (UINT64_C(1) << page->page_shift) - 1;
	return (page->physical & ~offset) == (physical & ~(IOMMUSIM_PAGE_SIZE - 1));
}

static void report_translation(struct recording_run *run, struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct iommusim_dma_page *page, uint64_t physical)
{
	struct recording_parting parting = { .what = "translation" };

	snprintf(parting.expected, sizeof(parting.expected), "page 0x%" PRIx64,
	    physical & ~(IOMMUSIM_PAGE_SIZE - 1));
	report_dma(run, requester, request, page, &parting);
}

/* One access that the recording says was granted. */
static enum iommusim_status try_access(struct recording_run *run, struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, uint64_t physical, bool *agrees)
{
	struct iommusim_dma_outcome outcome;

	if (iommusim_dma(requester, request, &outcome, NULL, 0) != IOMMUSIM_OK)
		return recording_input_refuse(&run->input, "iova", "`iova`: no such request can be");
	*agrees = same_place(run, &outcome.page, physical);
	if (!*agrees)
		report_translation(run, requester, request, &outcome.page, physical);
	return IOMMUSIM_OK;
}

/* Do the tables have this page for a request that lacks the right to it? */
static bool same_mapping(
    struct iommusim_requester *requester, const struct iommusim_dma_request *request, uint64_t physical)
{
	const struct iommusim_walk_step *last;
	struct iommusim_walk walk;

	if (iommusim_walk(requester, request, &walk) != IOMMUSIM_OK || walk.step_count == 0)
		return false;
	last = &walk.steps[walk.step_count - 1];
	return last->leaf && last->next >> IOMMUSIM_PAGE_SHIFT == physical >> IOMMUSIM_PAGE_SHIFT;
}

/* An access of which nobody knows the kind, nor whether it had the right to that: the page alone counts. */
static enum iommusim_status try_page(struct recording_run *run, struct iommusim_requester *requester,
    uint64_t address, uint64_t physical, bool *agrees)
{
	struct iommusim_dma_request request = request_of(run, address, false);
	struct iommusim_dma_outcome outcome;

	if (iommusim_dma(requester, &request, &outcome, NULL, 0) != IOMMUSIM_OK)
		return recording_input_refuse(&run->input, "iova", "`iova`: no such request can be");
	if (outcome.page.fault.class_ == IOMMUSIM_FAULT_PERMISSION) {
		request.kind = IOMMUSIM_DMA_WRITE;
		iommusim_dma(requester, &request, &outcome, NULL, 0);
	}
	*agrees = outcome.page.fault.class_ == IOMMUSIM_FAULT_PERMISSION
	    ? same_mapping(requester, &request, physical)
	    : same_place(run, &outcome.page, physical);
	if (!*agrees)
		report_translation(run, requester, &request, &outcome.page, physical);
	return IOMMUSIM_OK;
}

/* The rights that were granted, one after the other. */
static enum iommusim_status try_rights(struct recording_run *run, struct iommusim_requester *requester,
    uint64_t address, uint64_t physical, bool *agrees)
{
	struct recording_input *input = &run->input;
	uint64_t rights = 1;
	bool given;
	enum iommusim_status status =
	    recording_input_option(input, input->object, "prot", 3, &rights, &given);

	if (status == IOMMUSIM_OK && rights == 0)
		status = recording_input_refuse(input, "prot", "`prot`: expected 1, 2 or 3");
	for (unsigned right = 1; status == IOMMUSIM_OK && *agrees && right <= 2; right++) {
		const struct iommusim_dma_request request = request_of(run, address, right == 2);

		if ((rights & right) != 0)
			status = try_access(run, requester, &request, physical, agrees);
	}
	return status;
}

enum iommusim_status recording_run_translation(struct recording_run *run)
{
	struct recording_input *input = &run->input;
	struct iommusim_requester *requester = NULL;
	uint64_t address = 0, physical = 0;
	bool agrees = true;
	enum iommusim_status status = take_rid(run, &requester);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "iova", UINT64_MAX - 1, &address);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "pa", UINT64_MAX, &physical);
	if (status == IOMMUSIM_OK)
		status = run->platform.backend->has_rights
		    ? try_rights(run, requester, address, physical, &agrees)
		    : try_page(run, requester, address, physical, &agrees);
	if (status != IOMMUSIM_OK)
		return status;
	run->summary->translations.total++;
	run->summary->translations.agree += agrees;
	return IOMMUSIM_OK;
}

static enum iommusim_status take_fault(struct recording_run *run, struct recording_fault *fault)
{
	struct recording_input *input = &run->input;
	uint64_t is_write = 0;
	bool given;
	enum iommusim_status status =
	    recording_input_number(input, input->object, "addr", UINT64_MAX - 1, &fault->address);

	if (status == IOMMUSIM_OK)
		status = recording_input_option(
		    input, input->object, "reason", UINT8_MAX, &fault->reason, &fault->has_reason);
	if (status == IOMMUSIM_OK)
		status = recording_input_option(input, input->object, "w", 1, &is_write, &given);
	fault->is_write = is_write != 0;
	return status;
}

enum iommusim_status recording_run_fault(struct recording_run *run)
{
	struct recording_parting parting = { .what = "fault" };
	struct recording_fault fault = { .has_reason = false };
	struct iommusim_requester *requester = NULL;
	struct iommusim_dma_request request;
	struct iommusim_dma_outcome outcome;
	bool by_meaning = false, agrees;
	enum iommusim_status status = take_rid(run, &requester);

	if (status == IOMMUSIM_OK)
		status = take_fault(run, &fault);
	if (status != IOMMUSIM_OK)
		return status;
	request = request_of(run, fault.address, fault.is_write);
	if (iommusim_dma(requester, &request, &outcome, NULL, 0) != IOMMUSIM_OK)
		return recording_input_refuse(&run->input, "addr", "`addr`: no such request can be");
	agrees = outcome.page.faulted &&
	    run->platform.backend->same_fault(&fault, &outcome.page, &by_meaning);
	run->summary->faults.total++;
	run->summary->faults.agree += agrees;
	run->summary->legacy_reasons += agrees && by_meaning;
	if (agrees)
		return IOMMUSIM_OK;
	if (fault.has_reason)
		snprintf(parting.expected, sizeof(parting.expected), "blocked, reason %" PRIX64 "h",
		    fault.reason);
	else
		snprintf(parting.expected, sizeof(parting.expected), "blocked");
	report_dma(run, requester, &request, &outcome.page, &parting);
	return IOMMUSIM_OK;
}
