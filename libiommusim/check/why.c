/*
 * Why a DMA went as it did, for its report: who is concerned, which calls made it so, the walk. Whether that is good is
 * verdict.c; writing it out is report_text.c and report_json.c.
 */
#include <string.h>

#include "check/verdict.h"

static void name_parties(const struct judge *judge, struct iommusim_report *report)
{
	const struct iommusim_pci_function *function =
	    iommusim_pci_find(judge->check->machine, report->segment, report->function);
	const struct check_domain *domain = judge_domain(judge);

	if (function != NULL)
		memcpy(report->device_name, function->name, sizeof(report->device_name));
	strncpy(report->beneficiary,
	    judge->beneficiary == NULL ? "host" : iommusim_vm_name(judge->beneficiary),
	    sizeof(report->beneficiary) - 1);
	if (domain != NULL)
		strncpy(report->domain_name, check_domain_name(judge->check, domain),
		    sizeof(report->domain_name) - 1);
}

/* A device that is in no domain: the call that took it out of its last one. */
static void recall_device(const struct judge *judge, struct iommusim_report *report)
{
	const struct check_device *device = judge->device;

	if (device == NULL || device->last == NULL)
		return;
	check_recall_place(judge->check, device->place, &report->last_removed);
	report->device_removed = true;
	strncpy(report->last_removed.domain_name, check_domain_name(judge->check, device->last),
	    sizeof(report->last_removed.domain_name) - 1);
}

static void recall(const struct judge *judge, struct iommusim_report *report)
{
	const struct check_domain *domain = judge_domain(judge);
	const uint64_t address = report->page.page.address;
	const struct pagemap_cell cell = judge_intent(judge, address);

	if (domain == NULL)
		recall_device(judge, report);
	if (domain == NULL || cell.value == 0)
		return;
	report->expected_known = (cell.value & LEDGER_MAPPED) != 0;
	report->expected =
	    (cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) + (address & (IOMMUSIM_PAGE_SIZE - 1));
	check_recall(judge->check, domain, cell.stamp, address,
	    report->expected_known ? &report->last_mapped : &report->last_removed);
}

void judge_explain(const struct judge *judge, struct iommusim_report *report)
{
	struct iommusim_dma_request request = *judge->request;
	struct iommusim_unit *unit =
	    iommusim_unit_for(judge->check->machine, report->segment, report->rid);

	name_parties(judge, report);
	recall(judge, report);
	request.address = report->page.page.address;
	request.length = report->page.page.length;
	request.data = NULL;
	iommusim_walk(judge->requester, &request, &report->walk);
	report->fault_event_masked =
	    unit != NULL && unit->model->fault_event_masked(unit) && report->page.page.faulted;
	if (report->page.page.fault.class_ != IOMMUSIM_FAULT_NOT_ISSUED)
		check_blame(report, judge->check->vmm);
}
