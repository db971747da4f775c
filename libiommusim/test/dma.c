/* Assertions about DMA and about statuses; what failed is told by the checker. */
#include "test/state.h"

#include <stdio.h>
#include <string.h>

static struct iommusim_requester *requester(struct iommusim_test_hidden *hidden, uint16_t rid)
{
	struct iommusim_requester *made;

	for (size_t i = 0; i < hidden->requester_count; i++)
		if (iommusim_requester_rid(hidden->requesters[i]) == rid)
			return hidden->requesters[i];
	if (hidden->requester_count == REQUESTERS)
		iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
		    "more than %u functions do DMA in this test", REQUESTERS);
	iommusim_test_assert_status(&hidden->test,
	    iommusim_requester_create(hidden->test.machine, 0, rid, &made), IOMMUSIM_OK,
	    "making a source of DMA", hidden->place.file, hidden->place.line);
	hidden->requesters[hidden->requester_count++] = made;
	return made;
}

/* Without a checker: what became of it, intent unknown. */
static void judge_plainly(struct iommusim_requester *from, const struct iommusim_dma_request *request,
    struct iommusim_report *report)
{
	memset(report, 0, sizeof(*report));
	iommusim_dma(from, request, &report->outcome, NULL, 0);
	report->request = *request;
	report->rid = report->function = iommusim_requester_rid(from);
	report->page.page = report->outcome.page;
	report->verdict = report->outcome.page.faulted ? IOMMUSIM_VERDICT_BLOCKED
	    : report->outcome.page.translated          ? IOMMUSIM_VERDICT_OK
						       : IOMMUSIM_VERDICT_UNPROTECTED;
}

static void explain(struct iommusim_test_hidden *hidden, const struct iommusim_report *report)
{
	const struct iommusim_text out = { .put = print_text };
	const struct iommusim_dma_page *page = &report->outcome.page;

	if (hidden->test.check != NULL) {
		iommusim_report_text(hidden->test.check, report, &out);
	} else if (page->faulted) {
		printf("  it faulted at 0x%llx: reason 0x%x, %s\n", (unsigned long long)page->address,
		    page->fault.reason, page->fault.meaning != NULL ? page->fault.meaning : "");
	} else {
		printf("  0x%llx went to 0x%llx%s\n", (unsigned long long)page->address,
		    (unsigned long long)page->physical, page->translated ? "" : ", untranslated");
	}
}

static const char *kind_name(enum iommusim_dma_kind kind)
{
	return kind == IOMMUSIM_DMA_READ ? "read" : kind == IOMMUSIM_DMA_WRITE ? "write" : "atomic";
}

static bool as_expected(
    const struct iommusim_report *report, const struct iommusim_test_expected *expected)
{
	const struct iommusim_dma_page *page = &report->page.page;

	if (expected->reason >= 0 && (!page->faulted || page->fault.reason != expected->reason))
		return false;
	if (expected->physical != UINT64_MAX && report->outcome.page.physical != expected->physical)
		return false;
	return expected->verdict == IOMMUSIM_VERDICT_COUNT || report->verdict == expected->verdict;
}

static void describe(const struct iommusim_test_expected *expected, char *text, size_t size)
{
	if (expected->reason >= 0)
		snprintf(text, size, "a fault of reason 0x%x", (unsigned)expected->reason);
	else if (expected->physical != UINT64_MAX)
		snprintf(text, size, "ok, at 0x%llx", (unsigned long long)expected->physical);
	else
		snprintf(text, size, "%s", iommusim_verdict_name(expected->verdict));
}

const struct iommusim_report *iommusim_test_assert_dma(struct iommusim_test *test, uint16_t rid,
    enum iommusim_dma_kind kind, uint64_t address, uint64_t length,
    const struct iommusim_test_expected *expected)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .tag = expected->line
	};
	struct iommusim_test_hidden *hidden = test->hidden;
	struct iommusim_report *report = &hidden->report;
	char wanted[64];

	iommusim_test_at(test, expected->file, expected->line);
	iommusim_test_access.sync(hidden->access);
	if (test->check != NULL)
		iommusim_check_dma(test->check, requester(hidden, rid), &request, NULL, report);
	else
		judge_plainly(requester(hidden, rid), &request, report);
	findings_show(hidden);
	if (as_expected(report, expected))
		return report;
	describe(expected, wanted, sizeof(wanted));
	explain(hidden, report);
	iommusim_test_fail(test, expected->file, expected->line,
	    "DMA of %u/%u/%u, %s of 0x%llx + 0x%llx: %s, expected %s", IOMMUSIM_RID_BUS(rid),
	    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid), kind_name(kind),
	    (unsigned long long)address, (unsigned long long)length,
	    iommusim_verdict_name(report->verdict), wanted);
}

void iommusim_test_assert_status(struct iommusim_test *test, enum iommusim_status status,
    enum iommusim_status expected, const char *what, const char *file, unsigned line)
{
	const struct iommusim_diagnostic *diagnostic =
	    test->machine != NULL ? iommusim_machine_diagnostic(test->machine) : NULL;

	findings_show(test->hidden);
	if (status == expected)
		return;
	iommusim_test_fail(test, file, line, "%s: %s, expected %s%s%s", what,
	    iommusim_status_name(status), iommusim_status_name(expected),
	    diagnostic != NULL && diagnostic->status == status ? ": " : "",
	    diagnostic != NULL && diagnostic->status == status ? diagnostic->text : "");
}
