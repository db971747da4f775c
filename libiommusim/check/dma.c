/*
 * DMA that is made and judged: anew, or as one that was fine lately (fine.h). What a verdict is made of is verdict.c, and
 * reasons are why.c.
 */
#include <stddef.h>
#include <string.h>

#include "check/dma.h"
#include "check/told.h"

void check_begin_report(const struct asked *asked, struct iommusim_report *report)
{
	/* The walk stands last, and its steps, 70 KiB, are cleared by whoever takes them. */
	memset(report, 0, offsetof(struct iommusim_report, walk.steps));
	report->request = *asked->request;
	report->segment = iommusim_requester_segment(asked->requester);
	report->rid = iommusim_requester_rid(asked->requester);
	report->function = iommusim_requester_function(asked->requester);
	if (asked->for_vm != NULL)
		strncpy(report->beneficiary, iommusim_vm_name(asked->for_vm),
		    sizeof(report->beneficiary) - 1);
}

/* ---- anew --------------------------------------------------------------------------------------- */

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

/* It was made, and the outcome is in the report: what of it, why, and what else it shows. */
static void conclude(const struct asked *asked, const struct judge *judge,
    const struct iommusim_dma_page *pages, size_t count, struct iommusim_report *report)
{
	judge_pages(judge, pages, count, report);
	if (!asked->brief || report->verdict != IOMMUSIM_VERDICT_OK ||
	    asked->check->machine->device_view) /* by the walk it is seen what hardware sees */
		judge_explain(judge, report);
	check_overflow(asked->check, report);
	remember_unprotected(asked->check, report);
	missing_dma(asked->check, report);
	visible_dma(asked->check, report);
}

static enum iommusim_status run(
    const struct asked *asked, const struct judge *judge, struct iommusim_report *report)
{
	struct iommusim_machine *machine = asked->check->machine;
	struct iommusim_dma_page at_hand[PAGES_AT_HAND], *pages = at_hand;
	const uint64_t count = pages_touched(asked->request);
	enum iommusim_status status;

	if (count > PAGES_AT_HAND) {
		if (count > SIZE_MAX / sizeof(*pages))
			return machine_fail(machine, IOMMUSIM_EINVAL, "a DMA of too many pages");
		pages = machine_alloc(machine, (size_t)count * sizeof(*pages));
		if (pages == NULL)
			return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory to judge a DMA with");
	}
	check_overflow(asked->check, NULL); /* what was up before is another's */
	if (asked->by_ats)
		status = make_ats_dma(judge, report, pages, (size_t)count);
	else
		status = iommusim_dma(
		    asked->requester, asked->request, &report->outcome, pages, (size_t)count);
	if (status == IOMMUSIM_OK)
		conclude(asked, judge, pages, (size_t)count, report);
	if (pages != at_hand)
		machine_free(machine, pages, (size_t)count * sizeof(*pages));
	return status;
}

enum iommusim_status check_judge_anew(const struct asked *asked, struct iommusim_report *report)
{
	struct iommusim_check *check = asked->check;
	const uint64_t moment = check_moment(check);
	const size_t findings = check->finding_count;
	struct judge judge;
	enum iommusim_status status;

	check_begin_report(asked, report);
	judge = judge_for(check, asked->requester, asked->request, asked->for_vm);
	status = run(asked, &judge, report);
	if (status == IOMMUSIM_OK && !asked->by_ats)
		fine_keep(check, asked->requester, report, moment, findings);
	return status;
}

/* ---- again -------------------------------------------------------------------------------------- */

/* Before it nothing had changed, so all that there is to see now is its own. */
void check_judge_late(const struct asked *asked, const struct iommusim_dma_outcome *outcome,
    struct iommusim_report *report)
{
	const struct judge judge =
	    judge_for(asked->check, asked->requester, asked->request, asked->for_vm);

	check_begin_report(asked, report);
	report->outcome = *outcome;
	conclude(asked, &judge, &outcome->page, 1, report);
}

/* All but reasons. */
static void tell_fine(
    const struct asked *asked, const struct fine *fine, struct iommusim_report *report)
{
	check_begin_report(asked, report);
	report->page.owner = (enum iommusim_owner)(fine->owner & (IOMMUSIM_PAGE_SIZE - 1));
	if (fine->owner_vm != NULL) {
		strncpy(report->page.owner_vm, fine->owner_vm, sizeof(report->page.owner_vm) - 1);
		report->page.owner_gpa = (fine->owner & ~(IOMMUSIM_PAGE_SIZE - 1)) |
		    (asked->request->address & (IOMMUSIM_PAGE_SIZE - 1));
	}
	report->verdict = report->page.verdict = IOMMUSIM_VERDICT_OK;
	report->pages_of_verdict = 1;
}

static void tell_outcome(const struct asked *asked, const struct iommusim_dma_outcome *outcome,
    struct iommusim_report *report)
{
	report->request = *asked->request;
	report->outcome = *outcome;
	report->page.page = outcome->page;
}

static void report_fine(const struct asked *asked, const struct fine *fine,
    const struct iommusim_dma_outcome *outcome, struct iommusim_report *report)
{
	const struct told_question question = { .requester = asked->requester,
		.request = asked->request,
		.for_vm = asked->for_vm,
		.moment = fine->moment };
	const bool again = !asked->brief && told_again(asked->check, &question, report);
	struct judge judge;

	asked->check->fine_again++;
	asked->check->told_again += again;
	if (!again)
		tell_fine(asked, fine, report);
	tell_outcome(asked, outcome, report);
	if (again || asked->brief)
		return;
	judge = judge_for(asked->check, asked->requester, asked->request, asked->for_vm);
	judge_explain(&judge, report);
	told_keep(asked->check, &question, report);
}

/* ---- the entries -------------------------------------------------------------------------------- */

enum iommusim_status check_find_vm(
    struct iommusim_check *check, const char *name, const struct iommusim_vm **vm)
{
	*vm = name == NULL ? NULL : iommusim_vm_find(check->vmm, name);
	return name == NULL || *vm != NULL
	    ? IOMMUSIM_OK
	    : machine_fail(check->machine, IOMMUSIM_ENOENT, "no VM is called \"%s\"", name);
}

void iommusim_check_set_brief(struct iommusim_check *check, bool brief)
{
	check->brief = brief;
}

enum iommusim_status iommusim_check_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	struct asked asked = {
		.check = check, .requester = requester, .request = request, .brief = check->brief
	};
	struct iommusim_dma_outcome outcome;
	const struct fine *fine;
	enum iommusim_status status;

	check_settle(check);
	fine = find_fine(check, requester, request);
	status = check_find_vm(check, for_vm, &asked.for_vm);
	if (status != IOMMUSIM_OK) {
		check_begin_report(&asked, report);
		return status;
	}
	if (fine == NULL)
		return check_judge_anew(&asked, report);
	iommusim_dma(requester, request, &outcome, NULL, 0); /* well-formed, as it was then */
	if (still_fine(fine, &outcome))
		report_fine(&asked, fine, &outcome, report);
	else
		check_judge_late(&asked, &outcome, report);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_check_ats_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	struct asked asked = { .check = check,
		.requester = requester,
		.request = request,
		.by_ats = true,
		.brief = check->brief };
	const enum iommusim_status status = check_find_vm(check, for_vm, &asked.for_vm);

	check_settle(check);
	if (status == IOMMUSIM_OK)
		return check_judge_anew(&asked, report);
	check_begin_report(&asked, report);
	return status;
}
