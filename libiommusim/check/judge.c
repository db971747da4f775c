/* Verdicts alone, and their reasons when somebody asks for them. How a DMA is made and judged is dma.c. */
#include <stddef.h>
#include <string.h>

#include "check/dma.h"
#include "machine/quick.h"

/* The report of the last DMA that was not OK stays in `judged`, while others are made in `judging`. */
static __attribute__((noinline)) enum iommusim_status make_room(struct iommusim_check *check)
{
	if (check->judged == NULL)
		check->judged = machine_alloc(check->machine, sizeof(*check->judged));
	if (check->judging == NULL)
		check->judging = machine_alloc(check->machine, sizeof(*check->judging));
	return check->judged != NULL && check->judging != NULL
	    ? IOMMUSIM_OK
	    : machine_fail(check->machine, IOMMUSIM_ENOMEM, "no memory for the reasons of a verdict");
}

void check_judged_free(struct iommusim_check *check)
{
	if (check->judged != NULL)
		machine_free(check->machine, check->judged, sizeof(*check->judged));
	if (check->judging != NULL)
		machine_free(check->machine, check->judging, sizeof(*check->judging));
	check->judged = check->judging = NULL;
}

/* What it was asked for by; and that it is OK, and nothing kept of it, until there is more to say. */
static inline void begin(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const char *for_vm,
    struct iommusim_judgement *judgement)
{
	judgement->requester = requester;
	judgement->request = request;
	judgement->for_vm = for_vm;
	judgement->moment = judgement->number = 0; /* nothing was made yet */
	judgement->verdict = IOMMUSIM_VERDICT_OK;
	judgement->pages_of_verdict = 1;
}

/* What the whole report says that was made; it is kept if there is more to say. */
static void take(struct iommusim_check *check, struct iommusim_judgement *judgement)
{
	struct iommusim_report *report = check->judging;

	judgement->outcome = report->outcome;
	judgement->verdict = report->verdict;
	judgement->pages_of_verdict = report->pages_of_verdict;
	judgement->moment = check_moment(check);
	if (report->verdict == IOMMUSIM_VERDICT_OK)
		return;
	judgement->number = ++check->judged_number;
	check->judging = check->judged;
	check->judged = report;
}

static struct asked asked_of(struct iommusim_check *check, const struct iommusim_judgement *judgement)
{
	return (struct asked){
		.check = check,
		.requester = judgement->requester,
		.request = judgement->request,
		.brief = true,
	};
}

/* It is well-formed, as one was that was fine. */
static void judge_again(
    const struct asked *asked, const struct fine *fine, struct iommusim_judgement *judgement)
{
	struct iommusim_check *check = asked->check;

	iommusim_dma(asked->requester, asked->request, &judgement->outcome, NULL, 0);
	if (still_fine(fine, &judgement->outcome)) {
		judgement->moment = check_moment(check);
		check->fine_again++;
		return;
	}
	check_judge_late(asked, &judgement->outcome, check->judging);
	take(check, judgement);
}

/* Whatever is not quite so simple. `fine`: what is known of it, or NULL. */
static __attribute__((noinline)) enum iommusim_status judge_otherwise(
    struct iommusim_check *check, const struct fine *fine, struct iommusim_judgement *judgement)
{
	struct asked asked = asked_of(check, judgement);
	enum iommusim_status status = check_find_vm(check, judgement->for_vm, &asked.for_vm);

	if (status == IOMMUSIM_OK && check->judging == NULL)
		status = make_room(check);
	if (status != IOMMUSIM_OK)
		return status;
	if (fine != NULL) {
		judge_again(&asked, fine, judgement);
		return IOMMUSIM_OK;
	}
	status = check_judge_anew(&asked, check->judging);
	if (status == IOMMUSIM_OK)
		take(check, judgement);
	return status;
}

/* Made as iommusim_dma() makes it, if the requester's own translation leads where it did: that was good. */
static inline bool make_again(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct fine *fine,
    struct iommusim_dma_outcome *outcome)
{
	const uint64_t page = request->address & ~(IOMMUSIM_PAGE_SIZE - 1);
	const struct kept_page *kept;

	if (request->has_pasid || request->data != NULL)
		return false;
	kept = kept_quickly(requester, stamp_now(requester), request->kind, request->address);
	if (kept == NULL || page + kept->answer.physical != fine->physical)
		return false;
	answer_out_of(requester, kept, request, outcome);
	return true;
}

enum iommusim_status iommusim_check_judge(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_judgement *judgement)
{
	const struct fine *fine;

	check_settle(check);
	fine = find_fine(check, requester, request);
	begin(requester, request, for_vm, judgement);
	if (fine == NULL || check->judging == NULL || for_vm != NULL ||
	    !make_again(requester, request, fine, &judgement->outcome))
		return judge_otherwise(check, fine, judgement);
	judgement->moment = fine->moment;
	check->fine_again++;
	return IOMMUSIM_OK;
}

/* ---- why ---------------------------------------------------------------------------------------- */

/* Nothing was kept of what was OK: it is said again, and why. */
static void explain_ok(const struct asked *asked, const struct iommusim_judgement *judgement,
    struct iommusim_report *report)
{
	const struct judge judge =
	    judge_for(asked->check, asked->requester, asked->request, asked->for_vm);

	check_begin_report(asked, report);
	report->verdict = report->page.verdict = IOMMUSIM_VERDICT_OK;
	report->pages_of_verdict = judgement->pages_of_verdict;
	report->outcome = judgement->outcome;
	report->page.page = judgement->outcome.page; /* the first one: none has faulted */
	check_owner_of(asked->check, report->page.page.physical, &report->page);
	judge_explain(&judge, report);
}

static enum iommusim_status too_late(struct iommusim_check *check, const char *what)
{
	return machine_fail(
	    check->machine, IOMMUSIM_ENOENT, "the reasons of that verdict are gone: %s since", what);
}

enum iommusim_status iommusim_check_explain(struct iommusim_check *check,
    const struct iommusim_judgement *judgement, struct iommusim_report *report)
{
	struct asked asked = asked_of(check, judgement);
	enum iommusim_status status;

	check_settle(check);
	if (judgement->number != 0) {
		if (judgement->number != check->judged_number)
			return too_late(check, "another DMA that was not OK has been judged");
		memcpy(report, check->judged,
		    offsetof(struct iommusim_report, walk.steps) +
			check->judged->walk.step_count * sizeof(report->walk.steps[0]));
		return IOMMUSIM_OK;
	}
	if (judgement->moment != check_moment(check))
		return too_late(
		    check, "a call, a store, an access to a register or another change has been seen");
	status = check_find_vm(check, judgement->for_vm, &asked.for_vm);
	if (status == IOMMUSIM_OK)
		explain_ok(&asked, judgement, report);
	return status;
}
