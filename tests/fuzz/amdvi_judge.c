/*
 * One request of the AMD-Vi fuzzers against its second telling (amdvi_oracle.c), with nothing cached: the outcome,
 * the walk that foretells it, and what the unit does to memory, which is flags in entries and nothing else.
 */
#include "fuzz/amdvi.h"

#include <string.h>

/* Interrupts have their own way, and HyperTransport its special addresses (AMD-Vi 2.1.2). */
static bool is_special(const struct iommusim_dma_request *request)
{
	return request->address >> 20 == 0xfee ||
	    (request->address >= UINT64_C(0xfd00000000) && request->address <= UINT64_C(0xffffffffff));
}

/* ---- the outcome ---- */

static void compare_page(const struct az_verdict *verdict, const struct iommusim_dma_page *page)
{
	FZ_REQUIRE(page->physical == verdict->physical);
	FZ_REQUIRE(page->page_shift == verdict->shift);
	FZ_REQUIRE(page->domain == verdict->domain);
}

static void compare_answer(const struct az_request *request, const struct az_verdict *verdict,
    const struct iommusim_dma_page *page)
{
	FZ_REQUIRE(page->answered && !page->faulted);
	FZ_REQUIRE(page->granted == verdict->granted);
	FZ_REQUIRE(page->privileged == (request->has_pasid && request->privileged));
	if (verdict->granted == 0) {
		FZ_REQUIRE(!page->non_snooped && !page->untranslated_only);
		return;
	}
	compare_page(verdict, page);
	FZ_REQUIRE(page->non_snooped == verdict->snoops);
	FZ_REQUIRE(page->untranslated_only == verdict->untranslated_only);
}

/* Who it was: GN 48 and the PASID in 19:16 and 47:32, or, where the event has it, the domain there. */
static uint64_t who(const struct az_request *request, const struct az_verdict *verdict)
{
	const bool has_domain = verdict->code == 2 || verdict->code == 4;

	if (request->has_pasid)
		return BIT(48) | (uint64_t)(request->pasid >> 16) << 16 |
		    (uint64_t)(request->pasid & 0xffff) << 32;
	return has_domain ? (uint64_t)verdict->domain << 32 : 0;
}

/* The event in full (AMD-Vi 2.5.2 to 2.5.5, 2.5.9). NX 49, US 50, RW 53, TR 56, type 58:57 or 59:57. */
static void compare_event(const struct az_request *request, const struct az_verdict *verdict,
    const struct iommusim_fault *fault)
{
	uint64_t event = (uint64_t)verdict->code << 60 | request->rid, address = request->address;

	if (verdict->code != 3)
		event |= who(request, verdict);
	if (verdict->code == 8)
		event |= (uint64_t)verdict->flags << 57;
	else
		event |= (uint64_t)verdict->flags << 52 | (request->writes ? BIT(53) : 0);
	if (verdict->code == 2)
		event |= (request->execute ? BIT(49) : 0) |
		    (request->has_pasid && !request->privileged ? BIT(50) : 0);
	if (request->translation)
		event |= BIT(56);
	if (verdict->code == 3 || verdict->code == 4) {
		event |= UINT64_C(2) << 57;
		address = verdict->table;
	}
	FZ_REQUIRE(fault->record[0] == event);
	FZ_REQUIRE(fault->record[1] == address);
}

static void compare(const struct az_request *request, const struct az_verdict *verdict,
    const struct iommusim_dma_page *page)
{
	if (verdict->answered) {
		compare_answer(request, verdict, page);
		return;
	}
	FZ_REQUIRE(!page->answered && page->faulted != verdict->allowed);
	if (verdict->allowed) {
		compare_page(verdict, page);
		return;
	}
	FZ_REQUIRE(page->fault.reason == verdict->code);
	if (verdict->code != 0)
		compare_event(request, verdict, &page->fault);
}

/* ---- memory ---- */

/* All there is: FZ_PAGES, FZ_HIGH_PAGES. */
#define WORDS(pages) ((pages)*0x1000 / 8)
static uint64_t expected[WORDS(FZ_PAGES) + WORDS(FZ_HIGH_PAGES)];

static uint64_t *memory_of(const struct az *az, bool high)
{
	uint64_t *memory = iommusim_memory_host(
	    az->fz.machine, high ? FZ_HIGH : 0, (high ? FZ_HIGH_PAGES : FZ_PAGES) * UINT64_C(0x1000));

	FZ_REQUIRE(memory != NULL);
	return memory;
}

static void remember(const struct az *az)
{
	memcpy(expected, memory_of(az, false), WORDS(FZ_PAGES) * 8);
	memcpy(expected + WORDS(FZ_PAGES), memory_of(az, true), WORDS(FZ_HIGH_PAGES) * 8);
}

/* NULL: there is no memory. */
static uint64_t *expected_at(uint64_t address)
{
	if (address < FZ_PAGES * 0x1000)
		return expected + address / 8;
	return address >= FZ_HIGH && address < FZ_HIGH + FZ_HIGH_PAGES * 0x1000
	    ? expected + WORDS(FZ_PAGES) + (address - FZ_HIGH) / 8
	    : NULL;
}

/* Flags that must be there now, and those that may be, as they are. */
static void expect_marks(const struct az *az, const struct az_verdict *verdict)
{
	for (unsigned i = 0; i < verdict->mark_count; i++)
		*expected_at(verdict->marks[i].address) |= verdict->marks[i].must;
	for (unsigned i = 0; i < verdict->mark_count; i++) {
		const struct fz_mark *mark = &verdict->marks[i];

		*expected_at(mark->address) |= fz_load(&az->fz, mark->address) & mark->may;
	}
}

/* A contrary cache looks the next page up, to read it: flags of that may be set, too. */
static void allow_prefetch(
    const struct az *az, const struct az_request *request, struct az_verdict *next)
{
	struct az_request wanted = *request;

	*next = (struct az_verdict){ .mark_count = 0 };
	if (az->config.settings.cache != IOMMUSIM_CACHE_ADVERSE || request->translation)
		return;
	wanted.address += 0x1000;
	wanted.reads = true;
	wanted.writes = false;
	*next = az_tell(az, &wanted);
	for (unsigned i = 0; i < next->mark_count; i++) {
		next->marks[i].may = next->marks[i].must;
		next->marks[i].must = 0;
	}
}

/* Events go where they go: that page is not looked at. */
static void check_memory(const struct az *az)
{
	const uint64_t *low = memory_of(az, false);

	FZ_REQUIRE(memcmp(expected, low, AZ_EVENTS) == 0);
	FZ_REQUIRE(memcmp(expected + (AZ_EVENTS + 0x1000) / 8, low + (AZ_EVENTS + 0x1000) / 8,
		       (FZ_PAGES - 1) * 0x1000 - AZ_EVENTS) == 0);
	FZ_REQUIRE(
	    memcmp(expected + WORDS(FZ_PAGES), memory_of(az, true), WORDS(FZ_HIGH_PAGES) * 8) == 0);
}

static void expect_data(const struct fz_request *request, const struct az_verdict *verdict)
{
	const struct iommusim_dma_request *dma = &request->dma;
	uint64_t *word = expected_at(verdict->physical);

	if (verdict->allowed && dma->data != NULL && dma->kind != IOMMUSIM_DMA_READ && word != NULL)
		memcpy(word, request->data, 8);
}

/* ---- a request ---- */

/* The walk of the request, that changes nothing, tells what comes of it: without caches, the same. */
static void compare_walk(const struct iommusim_walk *walk, const struct iommusim_dma_page *page)
{
	const struct iommusim_dma_page *told = &walk->result;

	FZ_REQUIRE(walk->step_count <= IOMMUSIM_WALK_STEPS);
	FZ_REQUIRE((walk->clause == NULL) == (walk->reason == NULL));
	FZ_REQUIRE(told->faulted == page->faulted && told->answered == page->answered);
	FZ_REQUIRE(told->granted == page->granted && told->non_snooped == page->non_snooped);
	FZ_REQUIRE(told->untranslated_only == page->untranslated_only);
	FZ_REQUIRE(told->privileged == page->privileged && told->domain == page->domain);
	FZ_REQUIRE(told->page_shift == page->page_shift && told->entry == page->entry);
	FZ_REQUIRE(page->faulted || told->physical == page->physical);
	FZ_REQUIRE(
	    told->fault.class_ == page->fault.class_ && told->fault.reason == page->fault.reason);
	FZ_REQUIRE(told->fault.record[0] == page->fault.record[0]);
	FZ_REQUIRE(told->fault.record[1] == page->fault.record[1]);
	FZ_REQUIRE(told->fault.suppressed == page->fault.suppressed);
	FZ_REQUIRE(told->fault.aborts == page->fault.aborts);
}

/* Some ask for a translation; of those, some are malformed. */
static struct az_request tell_of(struct fz_request *request, unsigned device)
{
	static const uint16_t rids[FZ_REQUESTERS] = { 0x0000, 0x0001, 0x007f, 0x0080 };
	struct iommusim_dma_request *dma = &request->dma;
	const bool translation = (dma->tag & 0x60) == 0x60;

	if (translation) {
		dma->address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
		dma->no_write = (dma->tag & 0x80) != 0;
		if ((dma->tag & 0x10) == 0)
			dma->kind = IOMMUSIM_DMA_READ;
	}
	return (struct az_request){
		.address = dma->address,
		.pasid = dma->pasid,
		.rid = rids[device],
		.reads = !translation && dma->kind != IOMMUSIM_DMA_WRITE,
		.writes = !translation && dma->kind != IOMMUSIM_DMA_READ,
		.has_pasid = dma->has_pasid,
		.privileged = dma->privileged,
		.execute = dma->execute,
		.translation = translation,
		.no_write = dma->no_write,
		.malformed = translation && dma->kind != IOMMUSIM_DMA_READ,
	};
}

void az_judged_dma(struct az *az)
{
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;
	struct az_verdict verdict, next;
	struct fz_request request;
	struct az_request told;
	unsigned device;

	az_draw(az, &request, &device);
	if (is_special(&request.dma) || !az_invalidate_all(az))
		return;
	told = tell_of(&request, device);
	verdict = az_tell(az, &told);
	allow_prefetch(az, &told, &next);
	remember(az);
	FZ_REQUIRE(iommusim_walk(request.device, &request.dma, &walk) == IOMMUSIM_OK);
	check_memory(az);
	FZ_REQUIRE(iommusim_dma(request.device, &request.dma, &outcome, NULL, 0) == IOMMUSIM_OK);
	az_check_outcome(az, &request.dma, &outcome);
	compare(&told, &verdict, &outcome.page);
	compare_walk(&walk, &outcome.page);
	expect_marks(az, &verdict);
	if (verdict.allowed)
		expect_marks(az, &next);
	if (!told.translation)
		expect_data(&request, &verdict);
	check_memory(az);
}
