/*
 * Judging a request in scalable mode: its walk against the second telling (oracle_scalable.c), and what it
 * did to the tables, which is to set flags and nothing else.
 */
#include "fuzz/fuzz.h"

#include <string.h>

/* Flags of paging entries (VT-d 9.7, 9.8). */
#define FS_D  BIT(6)
#define FLAGS (BIT(5) | FS_D | BIT(8) | BIT(9) | BIT(10))

/* ---- what is told ---------------------------------------------------------------------------------------- */

/* What a translation request gets for a reason (VT-d Table 30). */
enum told { TOLD_UR, TOLD_CA, TOLD_EMPTY, TOLD_OTHERWISE };

static enum told told_for(unsigned reason)
{
	static const uint8_t unsupported[] = { 0x31, 0x33, 0x34, 0x39, 0x41, 0x44, 0x45, 0x46, 0x48,
		0x89 };
	static const uint8_t aborted[] = { 0x30, 0x38, 0x3a, 0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a,
		0x5b, 0x78, 0x7a, 0x7b, 0x7c, 0x7d, 0x87 };
	static const uint8_t empty[] = { 0x51, 0x59, 0x5c, 0x5d, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75,
		0x76, 0x77, 0x79, 0x80, 0x81, 0x83, 0x84, 0x90, 0x91 };

	if (memchr(unsupported, (int)reason, sizeof(unsupported)) != NULL)
		return TOLD_UR;
	if (memchr(aborted, (int)reason, sizeof(aborted)) != NULL)
		return TOLD_CA;
	return memchr(empty, (int)reason, sizeof(empty)) != NULL ? TOLD_EMPTY : TOLD_OTHERWISE;
}

static bool may_be_empty(const struct fz_scalable *answer)
{
	for (unsigned reason = 0; reason < 256; reason++)
		if (fz_reasons_hold(&answer->reasons, reason) && told_for(reason) == TOLD_EMPTY)
			return true;
	return (answer->passes && answer->granted == 0) ||
	    (answer->interrupts_answered && answer->interrupts_granted == 0);
}

/* Is it reported whatever FPD says, and which entries' FPD counts when not (VT-d 7.1.3, 9.4 to 9.6)? */
bool fz_is_suppressed(const struct fz_scalable *answer, unsigned reason)
{
	static const uint8_t always[] = { 0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x39, 0x3a, 0x40,
		0x50, 0x58 };

	if (memchr(always, (int)reason, sizeof(always)) != NULL)
		return false;
	if (reason >> 4 == 4 || reason == 0x89)
		return answer->fault_disable[FZ_FPD_CONTEXT];
	if (reason >> 4 == 5 && reason < 0x58)
		return answer->fault_disable[FZ_FPD_DIRECTORY];
	return answer->fault_disable[FZ_FPD_ENTRY];
}

/* VT-d 11.4.7.6. */
static void check_record(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *told)
{
	static const uint64_t types[] = { [IOMMUSIM_DMA_READ] = BIT(62),
		[IOMMUSIM_DMA_WRITE] = 0,
		[IOMMUSIM_DMA_ATOMIC] = BIT(62) | BIT(28) };
	const uint64_t cap = fz->config.capability, ecap = fz->config.ext_capability;
	const unsigned widest = (cap & BIT(11)) != 0 ? 57 : (cap & BIT(10)) != 0 ? 48 : 39;
	const uint64_t address = request->address & ~UINT64_C(0xfff);
	uint64_t high = types[request->kind] | rid | (uint64_t)told->fault.reason << 32 | BIT(63);

	if ((ecap & ECAP_DT) != 0)
		high |= (uint64_t)request->address_type << 60;
	if (request->has_pasid && (ecap & ECAP_PASID) != 0) {
		high |= BIT(31) | (uint64_t)request->pasid << 40;
		high |= request->privileged ? BIT(29) : 0;
		high |= request->execute && request->kind == IOMMUSIM_DMA_READ ? BIT(30) : 0;
	}
	if (request->kind != IOMMUSIM_DMA_READ) /* EXE means nothing then */
		high |= told->fault.record[1] & BIT(30);
	FZ_REQUIRE(told->fault.record[1] == high);
	if (told->fault.reason >> 4 != 2)
		FZ_REQUIRE(told->fault.record[0] == (address & (BIT(widest) - 1)));
}

static void judge_fault(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *told, const struct fz_scalable *answer)
{
	const unsigned reason = told->fault.reason;

	if (reason == 0) {
		FZ_REQUIRE(answer->unsupported);
		return;
	}
	FZ_REQUIRE(fz_reasons_hold(&answer->reasons, reason));
	FZ_REQUIRE(told->fault.suppressed == fz_is_suppressed(answer, reason));
	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST) {
		FZ_REQUIRE(told_for(reason) <= TOLD_CA);
		FZ_REQUIRE(told->fault.aborts == (told_for(reason) == TOLD_CA));
	} else {
		FZ_REQUIRE(!told->fault.aborts); /* only host permission tables say so */
	}
	check_record(fz, rid, request, told);
}

static void judge_answer(const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *told, const struct fz_scalable *answer)
{
	FZ_REQUIRE(told->answered && told->privileged == (request->has_pasid && request->privileged));
	if (told->granted == 0) {
		FZ_REQUIRE(may_be_empty(answer));
		return;
	}
	if (told->untranslated_only) {
		FZ_REQUIRE(answer->interrupts_answered);
		FZ_REQUIRE(told->granted == answer->interrupts_granted);
		return;
	}
	FZ_REQUIRE(answer->passes && told->granted == answer->granted);
	FZ_REQUIRE(told->non_snooped == answer->non_snooped);
}

void fz_judge_scalable(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *told, struct fz_scalable *answer)
{
	fz_oracle_scalable(fz, rid, request, answer);
	if (!answer->known)
		return;
	FZ_REQUIRE(told->interrupt == answer->interrupt);
	if (told->faulted) {
		judge_fault(fz, rid, request, told, answer);
		return;
	}
	if (answer->interrupt)
		return;
	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST) {
		judge_answer(request, told, answer);
		if (told->granted == 0 || told->untranslated_only)
			return;
	} else {
		FZ_REQUIRE(answer->passes && !told->answered && told->granted == 0);
	}
	FZ_REQUIRE(told->translated && told->physical == answer->physical);
	FZ_REQUIRE((answer->shifts >> told->page_shift & 1) != 0);
	FZ_REQUIRE(told->domain == answer->domain);
}

/* ---- what is done to the tables -------------------------------------------------------------------------- */

/* Everything from the root table to the paging entries, and what only scalable mode has. */
static const struct {
	uint64_t first, pages;
} watched[] = { { FZ_ROOT, 19 }, { FZ_UPPER_CONTEXT, 5 } };

#define WATCHED (sizeof(watched) / sizeof(*watched))

static uint64_t before[24 * IOMMUSIM_PAGE_SIZE / 8];

static const uint64_t *table_at(const struct fz *fz, unsigned range)
{
	return iommusim_memory_host(
	    fz->machine, watched[range].first, watched[range].pages * IOMMUSIM_PAGE_SIZE);
}

static uint64_t *copy_of(unsigned range)
{
	return before + (range == 0 ? 0 : watched[0].pages * IOMMUSIM_PAGE_SIZE / 8);
}

void fz_watch_tables(const struct fz *fz)
{
	for (unsigned range = 0; range < WATCHED; range++)
		memcpy(copy_of(range), table_at(fz, range), watched[range].pages * IOMMUSIM_PAGE_SIZE);
}

static bool is_untouched(const struct fz *fz, unsigned range)
{
	return memcmp(copy_of(range), table_at(fz, range), watched[range].pages * IOMMUSIM_PAGE_SIZE) ==
	    0;
}

void fz_check_untouched(const struct fz *fz)
{
	for (unsigned range = 0; range < WATCHED; range++)
		FZ_REQUIRE(is_untouched(fz, range));
}

/* Did the request's own data come to this quadword? */
static bool is_written(const struct fz_request *request, const struct iommusim_dma_page *pages,
    size_t count, uint64_t address)
{
	if (request->dma.kind == IOMMUSIM_DMA_READ || request->dma.data == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!pages[i].faulted && address + 8 > pages[i].physical &&
		    address < pages[i].physical + pages[i].length)
			return true;
	return false;
}

/* The flags that may have been set in an entry. */
static uint64_t allowed(const struct fz_scalable *answer, uint64_t address)
{
	uint64_t flags = 0;

	if (answer == NULL || !answer->known)
		return FLAGS;
	for (unsigned i = 0; i < answer->mark_count; i++)
		if (answer->marks[i].address == address)
			flags |= answer->marks[i].may | (answer->passes ? answer->marks[i].must : 0);
	return flags;
}

/* Nobody sets a dirty flag of the first stage but who writes (VT-d 3.6.2, 4.2.3.1). */
static bool never_writes(const struct fz *fz, const struct iommusim_dma_request *request)
{
	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST)
		return request->no_write && (fz->config.ext_capability & ECAP_NWFS) != 0;
	return request->address_type == IOMMUSIM_DMA_TRANSLATED || request->kind == IOMMUSIM_DMA_READ;
}

static void check_quadword(
    const struct fz *fz, const struct fz_request *request, uint64_t was, uint64_t is, uint64_t may)
{
	if (never_writes(fz, &request->dma))
		may &= ~FS_D;
	FZ_REQUIRE((was & ~is) == 0);         /* flags stay set */
	FZ_REQUIRE(((was ^ is) & ~may) == 0); /* and nothing else is */
}

static void check_marks(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_dma_page *pages, const struct fz_scalable *answer)
{
	if (answer == NULL || !answer->known || !answer->passes)
		return;
	for (unsigned i = 0; i < answer->mark_count; i++) {
		const struct fz_mark *mark = &answer->marks[i];

		if (!is_written(request, pages, 1, mark->address))
			FZ_REQUIRE((fz_load(fz, mark->address) & mark->must) == mark->must);
	}
}

bool fz_check_flags(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_dma_page *pages, size_t page_count, const struct fz_scalable *answer)
{
	bool untouched = true;

	check_marks(fz, request, pages, answer);
	for (unsigned range = 0; range < WATCHED; range++) {
		const uint64_t *now = table_at(fz, range), *was = copy_of(range);

		if (is_untouched(fz, range))
			continue;
		untouched = false;
		for (uint64_t i = 0; i < watched[range].pages * IOMMUSIM_PAGE_SIZE / 8; i++) {
			const uint64_t address = watched[range].first + i * 8;

			if (now[i] != was[i] && !is_written(request, pages, page_count, address))
				check_quadword(fz, request, was[i], now[i], allowed(answer, address));
		}
	}
	return untouched;
}
