/* One DMA or interrupt request of the fuzzers' devices, and all that can be said of its outcome. */
#include "fuzz/fuzz.h"

#include <string.h>

/* An input address: table indices that tables really use, low memory, the interrupt range, or anything. */
uint64_t fz_draw_address(struct fz *fz)
{
	static const uint16_t indices[] = { 0, 1, 2, 511 };
	const unsigned how = fz_u8(fz);
	uint64_t address = (uint64_t)fz_u8(fz) << 4;
	uint16_t path;

	switch (how & 7) {
	case 5:
		return address | (uint64_t)fz_u8(fz) << 12;
	case 6:
		return (address | (uint64_t)fz_u8(fz) << 12) + 0xfee00000;
	case 7:
		return fz_u64(fz);
	default:
		path = fz_u16(fz);
		for (unsigned level = 0; level < 5; level++)
			address |= (uint64_t)indices[path >> 2 * level & 3] << (12 + 9 * level);
		if ((how & 0x38) == 0x38) /* beyond any page table */
			address |= (uint64_t)(path >> 10) << 57;
		return address;
	}
}

void fz_draw_data(struct fz *fz, struct fz_request *request, bool moves)
{
	request->dma.data = moves ? request->data : NULL;
	if (moves) {
		const uint64_t pattern = fz_u64(fz);

		memset(request->data, 0, sizeof(request->data));
		memcpy(request->data, &pattern, sizeof(pattern));
	}
	if (request->dma.address > UINT64_MAX - 2 * sizeof(request->data))
		request->dma.address -= 2 * sizeof(request->data);
}

static void draw(struct fz *fz, struct fz_request *request)
{
	static const uint16_t lengths[] = { 8, 4, 4, 8, 1, 16, 4096, 12288 };
	const unsigned what = fz_u8(fz), how = fz_u8(fz);

	request->device = fz->requester[what % FZ_REQUESTERS];
	request->dma = (struct iommusim_dma_request){
		.kind = (enum iommusim_dma_kind)((what >> 2 & 3) % 3),
		.length = lengths[how & 7],
		.address_type = (how & 0x18) == 0x18
		    ? (enum iommusim_dma_address_type)(how >> 5 & 1) + 1
		    : IOMMUSIM_DMA_UNTRANSLATED,
		.has_pasid = (how & 0xc0) == 0xc0,
		.tag = what,
		.address = fz_draw_address(fz),
	};
	if ((what & 0x20) != 0 && request->dma.kind == IOMMUSIM_DMA_READ)
		request->dma.length = 0;
	if (request->dma.has_pasid) {
		request->dma.pasid = what >> 6;
		request->dma.privileged = (what & 0x40) != 0;
		request->dma.execute = (what & 0x80) != 0;
	}
	fz_draw_data(fz, request, (what & 0x10) != 0);
}

unsigned fz_pending_records(const struct fz *fz)
{
	unsigned pending = 0;

	for (unsigned i = 0; i < fz_records(fz); i++)
		pending += fz_peek32(fz, R_FRCD + i * 16 + 12) >> 31;
	return pending;
}

/* Every fault went somewhere, and only to one place. */
void fz_check_fault(const struct fz *fz, const struct iommusim_fault *fault, bool may_be_unrecorded)
{
	const unsigned fates =
	    fault->recorded + fault->suppressed + fault->overflowed + fault->collapsed;
	const bool advanced = (fz_peek32(fz, R_GSTS) & G_EAFL) != 0;

	FZ_REQUIRE(fault->class_ != IOMMUSIM_FAULT_NONE);
	FZ_REQUIRE(fates <= 1);
	if (fault->reason == 0) {
		FZ_REQUIRE(fates == 0);
		return;
	}
	FZ_REQUIRE(fates == 1 || may_be_unrecorded);
	FZ_REQUIRE(fault->meaning != NULL);
	FZ_REQUIRE((fault->record[1] >> 32 & 0xff) == fault->reason);
	FZ_REQUIRE(!fault->collapsed || fz->config.choices.collapse_faults);
	if (advanced)
		return;
	FZ_REQUIRE(!fault->overflowed || (fz_peek32(fz, R_FSTS) & S_PFO) != 0);
	if (!fault->recorded)
		return;
	FZ_REQUIRE(fault->index < fz_records(fz));
	FZ_REQUIRE(fz_peek64(fz, R_FRCD + fault->index * 16u) == fault->record[0]);
	FZ_REQUIRE(fz_peek64(fz, R_FRCD + fault->index * 16u + 8) == fault->record[1]);
	FZ_REQUIRE(fault->record[1] >> 63 == 1);
}

static void check_page(const struct fz *fz, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *page)
{
	const uint64_t offset = (UINT64_C(1) << page->page_shift) - 1;
	const bool fault = page->fault.class_ != IOMMUSIM_FAULT_NONE;

	/* One answer to a translation request is reported as well (VT-d Table 30, SFS.10). */
	FZ_REQUIRE(page->faulted == fault ||
	    (page->answered && page->granted == 0 && page->fault.reason == 0x91));
	if (fault)
		fz_check_fault(
		    fz, &page->fault, request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST);
	if (page->faulted)
		return;
	if (page->interrupt) {
		FZ_REQUIRE(page->physical == page->address && page->address >> 20 == 0xfee);
		return;
	}
	FZ_REQUIRE(!page->answered || request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST);
	FZ_REQUIRE(page->granted <= 3 && (page->granted == 0 || page->answered));
	if (page->answered && page->granted == 0)
		return; /* told that it may do nothing there, wherever that is */
	if (!page->translated) {
		FZ_REQUIRE(page->physical == page->address && !page->cached);
		return;
	}
	FZ_REQUIRE(page->page_shift == 12 || page->page_shift == 21 || page->page_shift == 30);
	FZ_REQUIRE((page->physical & offset) == (page->address & offset));
	FZ_REQUIRE(page->physical >> fz->config.host_address_width == 0);
	FZ_REQUIRE(!page->untranslated_only || (page->answered && page->granted == 2));
	FZ_REQUIRE((page->physical >> 20 == 0xfee) == page->untranslated_only);
	FZ_REQUIRE(
	    !(page->cached || page->through_cache) || fz->config.settings.cache != IOMMUSIM_CACHE_NONE);
}

/* Flags of paging entries, which are set with the entry's use (VT-d 9.7, 9.8). */
#define FLAGS (BIT(5) | BIT(6) | BIT(8) | BIT(9) | BIT(10))

/* What went through hardware is what the walk said. A message has its own fate behind the walk. */
static void compare(const struct fz *fz, const struct iommusim_dma_page *page,
    const struct iommusim_walk *walk, const struct fz_scalable *scalable)
{
	const struct iommusim_dma_page *told = &walk->result;
	/* A fault that is cached may have been another's, who met a different one of those that hold. */
	const bool another = page->cached && page->faulted && scalable->known &&
	    fz_reasons_hold(&scalable->reasons, page->fault.reason);

	FZ_REQUIRE(page->interrupt == told->interrupt);
	if (page->interrupt)
		return;
	FZ_REQUIRE(page->faulted == told->faulted);
	if (another)
		return;
	FZ_REQUIRE(page->answered || page->fault.reason == told->fault.reason);
	FZ_REQUIRE(page->answered || page->fault.class_ == told->fault.class_);
	FZ_REQUIRE(page->translated == told->translated);
	FZ_REQUIRE(page->domain == told->domain);
	if (page->faulted) {
		FZ_REQUIRE(page->fault.suppressed == told->fault.suppressed);
		FZ_REQUIRE(page->fault.record[0] == told->fault.record[0]);
		FZ_REQUIRE(page->fault.record[1] == told->fault.record[1]);
		return;
	}
	FZ_REQUIRE(page->answered == told->answered && page->granted == told->granted);
	FZ_REQUIRE(page->physical == told->physical);
	/* In pass-through any size will do: what a translation request filled may be larger. */
	FZ_REQUIRE(page->page_shift == told->page_shift || (walk->levels == 0 && page->cached));
	FZ_REQUIRE(!page->answered || page->privileged == told->privileged);
	FZ_REQUIRE(!page->answered || page->non_snooped == told->non_snooped);
	FZ_REQUIRE(((page->entry ^ told->entry) & ~(fz->scalable ? FLAGS : 0)) == 0);
}

/* The walk against the specification, read independently. */
static void judge(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_walk *walk, struct fz_scalable *scalable)
{
	struct iommusim_dma_request page = request->dma;
	const struct iommusim_dma_page *told = &walk->result;
	struct fz_answer answer;

	page.address = told->address;
	page.length = told->length;
	fz_judge_scalable(fz, iommusim_requester_rid(request->device), &page, told, scalable);
	fz_oracle_dma(fz, iommusim_requester_rid(request->device), &page, &answer);
	if (!answer.known)
		return;
	FZ_REQUIRE(told->faulted == answer.faulted);
	FZ_REQUIRE(told->interrupt == answer.interrupt);
	FZ_REQUIRE(told->fault.reason == answer.reason);
	if (answer.faulted && answer.reason != 0) {
		/* 7.1.3: these are reported whatever FPD says. */
		static const bool unqualified[256] = { [0x1] = true,
			[0x8] = true,
			[0x9] = true,
			[0xa] = true,
			[0x29] = true,
			[0x30] = true,
			[0x31] = true,
			[0x33] = true };

		FZ_REQUIRE(
		    told->fault.suppressed == (answer.fault_disable && !unqualified[answer.reason]));
		FZ_REQUIRE((told->fault.record[1] & 0xffff) == iommusim_requester_rid(request->device));
		return;
	}
	FZ_REQUIRE(told->answered == answer.answered);
	FZ_REQUIRE(told->granted == answer.granted);
	if (answer.faulted || answer.interrupt || (answer.answered && answer.granted == 0))
		return;
	FZ_REQUIRE(told->translated == !answer.untranslated);
	FZ_REQUIRE(told->physical == answer.physical);
	if (answer.untranslated)
		return;
	FZ_REQUIRE(told->page_shift == answer.shift);
	FZ_REQUIRE(told->domain == answer.domain);
}

/* One page that went through: the bytes are where it says. */
static void check_data(
    const struct fz *fz, const struct fz_request *request, const struct iommusim_dma_page *page)
{
	uint8_t there[64];

	if (request->dma.data == NULL || page->faulted || page->interrupt || page->bus_error ||
	    page->answered || page->length == 0 || page->length > sizeof(there) || fz->device_view)
		return;
	FZ_REQUIRE(
	    iommusim_memory_read(fz->machine, page->physical, there, page->length) == IOMMUSIM_OK);
	FZ_REQUIRE(memcmp(there, request->data, page->length) == 0);
}

static void check_outcome(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_dma_outcome *outcome, const struct iommusim_dma_page *pages,
    unsigned records_before)
{
	unsigned recorded = 0, faulted = 0, cached = 0;

	FZ_REQUIRE(outcome->page_count >= 1 && outcome->page_count <= FZ_REQUEST_PAGES);
	for (unsigned i = 0; i < outcome->page_count; i++) {
		check_page(fz, &request->dma, &pages[i]);
		recorded += pages[i].fault.recorded;
		faulted += pages[i].faulted;
		cached += pages[i].cached;
	}
	FZ_REQUIRE(outcome->pages_faulted == faulted && outcome->pages_cached == cached);
	FZ_REQUIRE(outcome->bytes_moved <= request->dma.length);
	if ((fz_peek32(fz, R_GSTS) & G_EAFL) == 0)
		FZ_REQUIRE(fz_pending_records(fz) == records_before + recorded);
	if (request->dma.kind == IOMMUSIM_DMA_WRITE)
		FZ_REQUIRE(outcome->completion == IOMMUSIM_COMPLETION_POSTED);
	else if (faulted != 0)
		FZ_REQUIRE(outcome->completion != IOMMUSIM_COMPLETION_SUCCESS);
}

/* The pages after the first, when nothing cached them and the request itself has not changed them. */
static void compare_others(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_dma_page *pages, uint64_t count)
{
	struct iommusim_walk told;
	struct fz_scalable answer;

	if (request->dma.kind != IOMMUSIM_DMA_READ && request->dma.data != NULL)
		return;
	if ((fz_peek32(fz, R_GSTS) & G_EAFL) != 0)
		return; /* the record of an earlier page may lie in the tables of a later one */
	for (uint64_t i = 1; i < count; i++) {
		fz_walk(fz, request, pages[i].address, pages[i].length, &told);
		judge(fz, request, &told, &answer);
		compare(fz, &pages[i], &told, &answer);
	}
}

void fz_perform(struct fz *fz, struct fz_request *request, bool uncached)
{
	struct iommusim_walk told;
	struct iommusim_dma_outcome outcome;
	struct iommusim_dma_page pages[FZ_REQUEST_PAGES];
	struct fz_scalable answer;
	const unsigned records = fz_pending_records(fz);
	const bool caches = !uncached && fz->config.settings.cache != IOMMUSIM_CACHE_NONE;
	const bool prefetches = fz->config.settings.cache == IOMMUSIM_CACHE_ADVERSE;
	const uint64_t room = IOMMUSIM_PAGE_SIZE - (request->dma.address & (IOMMUSIM_PAGE_SIZE - 1));
	const uint64_t length = request->dma.length < room ? request->dma.length : room;
	bool untouched = true;

	if (fz->scalable)
		fz_watch_tables(fz);
	fz_walk(fz, request, request->dma.address, length, &told);
	if (fz->scalable)
		fz_check_untouched(fz);
	judge(fz, request, &told, &answer);
	FZ_REQUIRE(iommusim_dma(request->device, &request->dma, &outcome, pages, FZ_REQUEST_PAGES) ==
	    IOMMUSIM_OK);
	check_outcome(fz, request, &outcome, pages, records);
	if (outcome.page_count == 1)
		check_data(fz, request, &pages[0]);
	if (fz->scalable)
		untouched = fz_check_flags(fz, request, pages, outcome.page_count,
		    caches || prefetches || outcome.page_count != 1 ? NULL : &answer);
	if (!caches)
		compare(fz, &pages[0], &told, &answer);
	if (!caches && !uncached && untouched)
		compare_others(fz, request, pages, outcome.page_count);
}

void fz_dma(struct fz *fz)
{
	struct fz_request request;

	draw(fz, &request);
	fz_perform(fz, &request, false);
}

void fz_op_flush_compare(struct fz *fz)
{
	struct fz_request request;
	const bool flushed = fz_invalidate_all(fz);

	draw(fz, &request);
	fz_perform(fz, &request, flushed);
}

/* ---- interrupts ---- */

static void drain(struct fz *fz)
{
	struct iommusim_interrupt message;

	while (iommusim_interrupt_take(fz->machine, &message) == IOMMUSIM_OK)
		;
}

/*
 * The message that came out is an interrupt, and the source's; of a posted one it is a notification, if there
 * is one at all.
 */
static void check_message(struct fz *fz, const struct iommusim_interrupt *sent, uint16_t rid)
{
	struct iommusim_interrupt message;
	unsigned of_device = 0;

	FZ_REQUIRE(sent->posted == sent->from_unit && (sent->posted || sent->address != 0));
	while (iommusim_interrupt_take(fz->machine, &message) == IOMMUSIM_OK) {
		if (message.from_unit && !message.posted)
			continue;
		of_device++;
		FZ_REQUIRE(message.posted == sent->posted);
		FZ_REQUIRE(message.source == (message.posted ? 0 : rid));
		FZ_REQUIRE(message.address == sent->address && message.data == sent->data);
		FZ_REQUIRE((message.address >> 20 & 0xfff) == 0xfee);
	}
	FZ_REQUIRE(of_device == (sent->address != 0));
}

struct message {
	struct iommusim_requester *device;
	uint64_t address;
	uint32_t data;
};

static void draw_message(struct fz *fz, struct message *message)
{
	const unsigned what = fz_u8(fz);
	const uint64_t index = fz_u8(fz);

	message->device = fz->requester[what % FZ_REQUESTERS];
	message->data = (what & 0x80) != 0 ? fz_u32(fz) : fz_u8(fz);
	message->address = 0xfee00000 | index << 5 | (what >> 2 & 7) << 2;
	if ((what & 0x20) == 0)
		message->address |= BIT(4); /* mostly remappable */
	if ((what & 0x40) != 0)
		message->address |= (uint64_t)(fz_u8(fz) & 0x7f) << 13;
}

/* Send it; `uncached`: the entry comes from the table, so walk and specification say what happens. */
static void send(struct fz *fz, const struct message *message, bool uncached)
{
	const uint16_t rid = iommusim_requester_rid(message->device);
	struct iommusim_interrupt sent, told;
	struct iommusim_fault fault;
	struct iommusim_walk walked;
	struct fz_answer answer;

	fz_oracle_interrupt(fz, rid, message->address, message->data, &answer);
	FZ_REQUIRE(iommusim_walk_interrupt(message->device, message->address, message->data, &told,
		       &walked) == IOMMUSIM_OK);
	FZ_REQUIRE(walked.step_count <= 3);
	if (answer.known) {
		FZ_REQUIRE(walked.result.fault.reason == answer.reason);
		FZ_REQUIRE(walked.result.faulted == answer.faulted);
	}
	drain(fz);
	FZ_REQUIRE(iommusim_requester_interrupt(
		       message->device, message->address, message->data, &sent, &fault) == IOMMUSIM_OK);
	if (uncached) {
		FZ_REQUIRE(walked.result.faulted == (fault.class_ != IOMMUSIM_FAULT_NONE));
		FZ_REQUIRE(walked.result.fault.reason == fault.reason);
		FZ_REQUIRE(walked.result.fault.suppressed == fault.suppressed);
		FZ_REQUIRE(fault.reason == 0 ||
		    (walked.result.fault.record[0] == fault.record[0] &&
			walked.result.fault.record[1] == fault.record[1]));
		FZ_REQUIRE(
		    fault.reason != 0 || (told.address == sent.address && told.data == sent.data));
		FZ_REQUIRE(fault.reason != 0 || told.posted == sent.posted);
	}
	if (fault.class_ == IOMMUSIM_FAULT_NONE) {
		check_message(fz, &sent, rid);
		return;
	}
	FZ_REQUIRE(fault.reason >= 0x20 && fault.reason <= 0x2b);
	fz_check_fault(fz, &fault, false);
}

void fz_interrupt(struct fz *fz)
{
	struct message message;

	draw_message(fz, &message);
	send(fz, &message, fz->config.settings.cache == IOMMUSIM_CACHE_NONE);
}

void fz_op_flush_interrupt(struct fz *fz)
{
	struct message message;
	const bool flushed = fz_invalidate_interrupts(fz);

	draw_message(fz, &message);
	send(fz, &message, flushed || fz->config.settings.cache == IOMMUSIM_CACHE_NONE);
}
