/* Devices that keep translations of their own: on and off, and DMA as they do it (PCI Express ATS). */
#include "fuzz/fuzz.h"

#include <iommusim/ats.h>

/* What a device-TLB holds at any time. */
static void check_entries(const struct fz *fz, struct iommusim_requester *requester, uint32_t room)
{
	struct iommusim_ats_entry entry;
	size_t cursor = 0;
	uint32_t count = 0;

	while (iommusim_ats_next(requester, &cursor, &entry)) {
		const uint64_t size = BIT(entry.shift);

		count++;
		FZ_REQUIRE(entry.granted >= 1 && entry.granted <= 3);
		FZ_REQUIRE(entry.shift >= 12 && (entry.address & (size - 1)) == 0);
		FZ_REQUIRE(!entry.privileged || entry.has_pasid);
		if (entry.untranslated_only) {
			FZ_REQUIRE(entry.granted == 2 && entry.address >> 20 == 0xfee);
			continue;
		}
		FZ_REQUIRE((entry.physical & (size - 1)) == 0);
		FZ_REQUIRE(entry.physical >> fz->config.host_address_width == 0);
		FZ_REQUIRE(entry.physical > 0xfeefffff || entry.physical + size <= 0xfee00000);
	}
	FZ_REQUIRE(count <= room);
}

void fz_op_device_tlb(struct fz *fz)
{
	static const uint8_t shifts[] = { 0, 12, 21, 13 };
	const unsigned which = fz_u8(fz), how = fz_u8(fz);
	struct iommusim_requester *requester = fz->requester[which % FZ_REQUESTERS];
	const struct iommusim_ats_settings settings = {
		.entries = how & 7,
		.largest_shift = shifts[how >> 3 & 3],
		.no_write = (how & 0x20) != 0,
		.sends_pasid = (how & 0x40) != 0,
	};

	FZ_REQUIRE(iommusim_ats_enable(requester, &settings) == IOMMUSIM_OK);
	fz->device_room[which % FZ_REQUESTERS] = (uint8_t)settings.entries;
	fz->device_reads[which % FZ_REQUESTERS] = settings.no_write;
	check_entries(fz, requester, 0);
}

static void check_page(const struct iommusim_dma_request *request, const struct iommusim_ats_page *page)
{
	const bool sent = page->way <= IOMMUSIM_ATS_UNTRANSLATED;
	const unsigned needed = request->kind == IOMMUSIM_DMA_READ ? 1
	    : request->kind == IOMMUSIM_DMA_WRITE                  ? 2
								   : 3;

	FZ_REQUIRE(!request->execute || !request->has_pasid || page->way >= IOMMUSIM_ATS_UNTRANSLATED);
	FZ_REQUIRE(page->way != IOMMUSIM_ATS_FRESH || page->asked);
	if (page->asked) {
		FZ_REQUIRE(page->answer.answered != page->answer.faulted);
		FZ_REQUIRE(page->answer.faulted == (page->way == IOMMUSIM_ATS_REFUSED));
	}
	if (page->way == IOMMUSIM_ATS_HIT || page->way == IOMMUSIM_ATS_FRESH)
		FZ_REQUIRE((page->granted & needed) == needed || request->length == 0);
	if (page->way == IOMMUSIM_ATS_FAULT)
		FZ_REQUIRE((page->granted & needed) != needed || request->execute);
	if (!sent) {
		FZ_REQUIRE(page->sent.physical == 0 && !page->sent.translated);
		return;
	}
	if (page->way != IOMMUSIM_ATS_UNTRANSLATED && !page->sent.faulted)
		FZ_REQUIRE(page->sent.physical == page->sent.address);
}

void fz_op_device_dma(struct fz *fz)
{
	struct fz_request request;
	struct iommusim_ats_outcome outcome;
	struct iommusim_ats_page pages[FZ_REQUEST_PAGES];
	uint64_t ways[5] = { 0 };

	fz_draw_scalable(fz, &request);
	request.dma.address_type = IOMMUSIM_DMA_UNTRANSLATED;
	FZ_REQUIRE(iommusim_ats_dma(request.device, &request.dma, &outcome, pages, FZ_REQUEST_PAGES) ==
	    IOMMUSIM_OK);
	FZ_REQUIRE(outcome.page_count >= 1 && outcome.page_count <= FZ_REQUEST_PAGES);
	for (unsigned i = 0; i < outcome.page_count; i++) {
		check_page(&request.dma, &pages[i]);
		ways[pages[i].way]++;
	}
	FZ_REQUIRE(outcome.hits == ways[IOMMUSIM_ATS_HIT] && outcome.fresh == ways[IOMMUSIM_ATS_FRESH]);
	FZ_REQUIRE(outcome.untranslated == ways[IOMMUSIM_ATS_UNTRANSLATED]);
	FZ_REQUIRE(outcome.faults == ways[IOMMUSIM_ATS_FAULT]);
	FZ_REQUIRE(outcome.refused == ways[IOMMUSIM_ATS_REFUSED]);
	FZ_REQUIRE(outcome.bytes_moved <= request.dma.length);
	for (unsigned i = 0; i < FZ_REQUESTERS; i++)
		check_entries(fz, fz->requester[i], fz->device_room[i]);
}
