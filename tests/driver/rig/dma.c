/* What devices of the rig do, and what the right answer to it is. */
#include "tests/driver/rig/rig.h"

#define LENGTH 8u

static struct iommusim_requester *requester(uint16_t segment, uint16_t rid)
{
	struct iommusim_requester *made;

	rig_must(iommusim_requester_create(
		     rig.machine, segment, iommusim_pci_requester_id(rig.machine, segment, rid), &made),
	    "requester");
	iommusim_requester_set_function(made, rid);
	return made;
}

struct iommusim_report rig_judge(
    uint16_t segment, uint16_t rid, enum iommusim_dma_kind kind, uint64_t address)
{
	struct iommusim_requester *from = requester(segment, rid);
	uint64_t value = 0x5a5a;
	const struct iommusim_dma_request request = {
		.address = address, .length = LENGTH, .kind = kind, .data = &value
	};
	struct iommusim_report report;

	rig_must(iommusim_check_dma(rig.check, from, &request, NULL, &report), "DMA");
	iommusim_requester_destroy(from);
	return report;
}

static void notice_verdict(
    enum iommusim_verdict verdict, uint16_t rid, uint64_t address, unsigned reason)
{
	if (verdict != IOMMUSIM_VERDICT_OK && verdict != IOMMUSIM_VERDICT_BLOCKED)
		rig_notice(iommusim_verdict_name(verdict), "DMA of %x to %#llx (reason %#x)", rid,
		    (unsigned long long)address, reason);
}

struct iommusim_report rig_dma(uint16_t segment, uint16_t rid, uint64_t address)
{
	const struct iommusim_report report = rig_judge(segment, rid, IOMMUSIM_DMA_WRITE, address);

	notice_verdict(report.verdict, rid, address, report.page.page.fault.reason);
	return report;
}

void rig_dma_to(uint16_t segment, uint16_t rid, uint64_t address, uint64_t physical)
{
	struct iommusim_requester *from = requester(segment, rid);
	struct iommusim_dma_outcome outcome;
	uint64_t value = 0x5a5a;
	const struct iommusim_dma_request request = {
		.address = address, .length = LENGTH, .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};
	enum iommusim_verdict verdict = IOMMUSIM_VERDICT_OK;

	rig_must(iommusim_dma(from, &request, &outcome, NULL, 0), "DMA");
	iommusim_requester_destroy(from);
	if (outcome.page.faulted)
		verdict = physical == RIG_REFUSED ? IOMMUSIM_VERDICT_BLOCKED : IOMMUSIM_VERDICT_LOST;
	else if (!outcome.page.translated)
		verdict = IOMMUSIM_VERDICT_UNPROTECTED;
	else if (physical == RIG_REFUSED)
		verdict = IOMMUSIM_VERDICT_BREACH;
	else if (outcome.page.physical != physical)
		verdict = IOMMUSIM_VERDICT_MISROUTED;
	notice_verdict(verdict, rid, address, outcome.page.fault.reason);
}
