/* Requests of the AMD-Vi fuzzers' devices, and what can be said of any outcome. One that is told: amdvi_judge.c. */
#include "fuzz/amdvi.h"

#include <string.h>

/* A fault has its event, in the log if it says so: at the end of it, if it is the last. */
static void check_fault(const struct az *az, const struct iommusim_fault *fault, bool last)
{
	const uint64_t tail = az_peek(az, AZ_EVENT_TAIL);
	const uint64_t at = AZ_EVENTS + (tail + AZ_RING - 16) % AZ_RING;

	FZ_REQUIRE(fault->class_ != IOMMUSIM_FAULT_NONE);
	FZ_REQUIRE(fault->recorded + fault->suppressed + fault->overflowed <= 1);
	if (fault->reason == 0) { /* nothing is reported of some kinds of requests */
		FZ_REQUIRE(!fault->recorded);
		return;
	}
	FZ_REQUIRE(fault->meaning != NULL);
	FZ_REQUIRE(fault->record[0] >> 60 == fault->reason);
	if (!fault->recorded || !last || az->rings_moved || az->config.choices.tail_before_entry)
		return;
	FZ_REQUIRE(fz_load(&az->fz, at) == fault->record[0]);
	FZ_REQUIRE(fz_load(&az->fz, at + 8) == fault->record[1]);
}

void az_check_outcome(const struct az *az, const struct iommusim_dma_request *request,
    const struct iommusim_dma_outcome *outcome)
{
	const struct iommusim_dma_page *page = &outcome->page;

	FZ_REQUIRE(outcome->page_count >= 1 && outcome->pages_faulted <= outcome->page_count);
	FZ_REQUIRE(outcome->bytes_moved <= request->length);
	if (page->faulted)
		check_fault(az, &page->fault, outcome->pages_faulted == 1);
	else
		FZ_REQUIRE(page->fault.class_ == IOMMUSIM_FAULT_NONE);
	if (page->answered)
		FZ_REQUIRE(page->granted <= 3 && outcome->bytes_moved == 0);
}

void az_draw(struct az *az, struct fz_request *request, unsigned *device)
{
	static const uint32_t pasids[] = { 0, 1, 2, 512 };
	static const uint8_t widths[] = { 30, 39, 48, 64 };
	struct fz *fz = &az->fz;
	const unsigned what = fz_u8(fz), how = fz_u8(fz);

	*device = what % FZ_REQUESTERS;
	request->device = fz->requester[*device];
	request->dma = (struct iommusim_dma_request){
		.kind = (enum iommusim_dma_kind)((what >> 2 & 3) % 3),
		.length = 8,
		.has_pasid = (how & 3) == 3,
		.tag = what,
		.address = fz_draw_address(fz) & ~UINT64_C(7) & (UINT64_MAX >> (64 - widths[how >> 6])),
	};
	if (request->dma.has_pasid) {
		request->dma.pasid = pasids[how >> 2 & 3];
		request->dma.privileged = (how & 0x10) != 0;
		request->dma.execute = (how & 0x20) != 0 && request->dma.kind == IOMMUSIM_DMA_READ;
	}
	fz_draw_data(fz, request, (what & 0x10) != 0);
}

void az_dma(struct az *az)
{
	static const uint16_t lengths[] = { 8, 4, 1, 16, 4096, 12288, 8, 0 };
	struct iommusim_dma_outcome outcome;
	struct fz_request request;
	unsigned device, how;

	az_draw(az, &request, &device);
	how = fz_u8(&az->fz);
	request.dma.length = lengths[how & 7];
	if (request.dma.length == 0 && request.dma.kind != IOMMUSIM_DMA_READ)
		request.dma.length = 8;
	if ((how & 0x18) == 0x18)
		request.dma.address_type = (enum iommusim_dma_address_type)(1 + (how >> 5 & 1));
	request.dma.no_write = (how & 0x40) != 0;
	FZ_REQUIRE(iommusim_dma(request.device, &request.dma, &outcome, NULL, 0) == IOMMUSIM_OK);
	az_check_outcome(az, &request.dma, &outcome);
}

void az_op_interrupt(struct az *az)
{
	struct fz *fz = &az->fz;
	const unsigned device = fz_u8(fz) % FZ_REQUESTERS;
	const uint64_t address = UINT64_C(0xfee00000) | (fz_u32(fz) & 0xffffcu);
	struct iommusim_interrupt message;
	struct iommusim_fault fault;

	FZ_REQUIRE(iommusim_requester_interrupt(
		       fz->requester[device], address, fz_u32(fz), &message, &fault) == IOMMUSIM_OK);
	if (fault.class_ != IOMMUSIM_FAULT_NONE)
		check_fault(az, &fault, true);
	while (iommusim_interrupt_take(fz->machine, &message) == IOMMUSIM_OK)
		FZ_REQUIRE((message.address & 3) == 0);
}
