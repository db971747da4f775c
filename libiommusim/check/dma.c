/* DMA that is made and judged. What a verdict is made of is verdict.c, and reasons are why.c. */
#include <stddef.h>
#include <string.h>

#include "check/verdict.h"

static void remember_unprotected(struct iommusim_check *check, const struct iommusim_report *report)
{
	if (report->verdict != IOMMUSIM_VERDICT_UNPROTECTED)
		return;
	if (check->unprotected++ > 0)
		return;
	check->first_unprotected = report->page;
	check->first_unprotected_place = check->here;
	memcpy(check->first_unprotected_device, report->device_name, sizeof(report->device_name));
}

/* ---- the entry ------------------------------------------------------------------------------- */

static uint64_t pages_touched(const struct iommusim_dma_request *request)
{
	const uint64_t first = request->address >> IOMMUSIM_PAGE_SHIFT;

	if (request->length == 0)
		return 1;
	return ((request->address + (request->length - 1)) >> IOMMUSIM_PAGE_SHIFT) - first + 1;
}

#define PAGES_AT_HAND 32u /* a request of more pages takes memory for them */

/* As a device with a device-TLB makes it; a page is judged by where it went in the end. */
static enum iommusim_status make_ats_dma(const struct judge *judge, struct iommusim_report *report,
    struct iommusim_dma_page *pages, size_t count)
{
	struct iommusim_machine *machine = judge->check->machine;
	struct iommusim_ats_page *ats = machine_alloc(machine, count * sizeof(*ats));
	struct iommusim_ats_outcome outcome;
	enum iommusim_status status;

	if (ats == NULL) {
		machine_fail(machine, IOMMUSIM_ENOMEM, "no memory to judge a DMA with");
		return IOMMUSIM_ENOMEM;
	}
	status = iommusim_ats_dma(judge->requester, judge->request, &outcome, ats, count);
	for (size_t i = 0; status == IOMMUSIM_OK && i < count; i++)
		iommusim_ats_page_summary(&ats[i], &pages[i]);
	if (status == IOMMUSIM_OK) {
		iommusim_ats_summary(&outcome, &report->outcome);
		report->from_device_tlb = outcome.page.way == IOMMUSIM_ATS_HIT;
	}
	machine_free(machine, ats, count * sizeof(*ats));
	return status;
}

static enum iommusim_status run(const struct judge *judge, struct iommusim_report *report, bool ats)
{
	struct iommusim_machine *machine = judge->check->machine;
	struct iommusim_dma_page at_hand[PAGES_AT_HAND], *pages = at_hand;
	const uint64_t count = pages_touched(judge->request);
	enum iommusim_status status;

	if (count > PAGES_AT_HAND) {
		if (count > SIZE_MAX / sizeof(*pages))
			return machine_fail(machine, IOMMUSIM_EINVAL, "a DMA of too many pages");
		pages = machine_alloc(machine, (size_t)count * sizeof(*pages));
		if (pages == NULL)
			return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory to judge a DMA with");
	}
	check_overflow(judge->check, NULL); /* what was up before is another's */
	if (ats)
		status = make_ats_dma(judge, report, pages, (size_t)count);
	else
		status = iommusim_dma(
		    judge->requester, judge->request, &report->outcome, pages, (size_t)count);
	if (status == IOMMUSIM_OK) {
		judge_pages(judge, pages, (size_t)count, report);
		if (!judge->check->brief || report->verdict != IOMMUSIM_VERDICT_OK ||
		    judge->check->machine->device_view) /* by the walk it is seen what hardware sees */
			judge_explain(judge, report);
		check_overflow(judge->check, report);
		remember_unprotected(judge->check, report);
		missing_dma(judge->check, report);
		visible_dma(judge->check, report);
	}
	if (pages != at_hand)
		machine_free(machine, pages, (size_t)count * sizeof(*pages));
	return status;
}

static enum iommusim_status check_request(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report, bool ats)
{
	const struct iommusim_vm *vm = NULL;
	struct judge judge;

	/* The walk stands last, and its steps, 70 KiB, are cleared by whoever takes them. */
	memset(report, 0, offsetof(struct iommusim_report, walk.steps));
	report->request = *request;
	report->segment = iommusim_requester_segment(requester);
	report->rid = iommusim_requester_rid(requester);
	report->function = iommusim_requester_function(requester);
	if (for_vm != NULL) {
		vm = iommusim_vm_find(check->vmm, for_vm);
		if (vm == NULL)
			return machine_fail(
			    check->machine, IOMMUSIM_ENOENT, "no VM is called \"%s\"", for_vm);
	}
	judge = judge_for(check, requester, request, vm);
	return run(&judge, report, ats);
}

void iommusim_check_set_brief(struct iommusim_check *check, bool brief)
{
	check->brief = brief;
}

enum iommusim_status iommusim_check_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	return check_request(check, requester, request, for_vm, report, false);
}

enum iommusim_status iommusim_check_ats_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	return check_request(check, requester, request, for_vm, report, true);
}
