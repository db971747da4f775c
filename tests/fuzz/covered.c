/*
 * Whether anything stale is left after an invalidation that covers what changed: tables that follow the rules
 * for software are used, one thing in them is changed, exactly what VT-d 6.5.3.3 (Table 28) asks for is
 * invalidated, and whatever is asked then comes from the tables as they are now.
 */
#include "fuzz/scalable.h"

#include <iommusim/ats.h>
#include <string.h>

#define WARM 4u

/* Descriptors that are on their way into the queue. */
struct batch {
	struct fz *fz;
	struct fz_queue queue;
	unsigned variant; /* how wide the invalidation is taken: 0 no wider than it must be */
};

static bool has(const struct fz *fz, uint64_t bit)
{
	return (fz->config.ext_capability & bit) != 0;
}

static void emit(struct batch *batch, uint64_t low, uint64_t high)
{
	const uint64_t quads[4] = { low, high, 0, 0 };

	fz_queue_put(batch->fz, &batch->queue, quads);
}

/* ---- what covers what (VT-d Tables 23, 24, 28) ----------------------------------------------------------- */

static void emit_context(struct batch *batch, uint16_t rid)
{
	static const uint8_t granularities[] = { 3, 1, 2, 3 };

	emit(batch, 1 | (uint64_t)granularities[batch->variant] << 4 | (uint64_t)rid << 32, 0);
}

static void emit_pasid_cache(struct batch *batch, uint64_t domain, uint64_t pasid)
{
	static const uint8_t granularities[] = { 1, 1, 0, 3 };

	emit(batch, 7 | (uint64_t)granularities[batch->variant] << 4 | domain << 16 | pasid << 32, 0);
}

/* Entries that fault belong to domain 0 in caching mode (VT-d 6.2.3). */
static void emit_pasid_caches(struct batch *batch)
{
	for (uint64_t domain = 0; domain < 3; domain++)
		emit(batch, 7 | (batch->variant == 3 ? 0x30 : 0) | domain << 16, 0);
}

static void emit_domain(struct batch *batch, uint64_t domain)
{
	emit(batch, 2 | (batch->variant == 3 ? 0x10 : 0x20) | domain << 16, 0);
}

static void emit_domains(struct batch *batch)
{
	emit_domain(batch, 1);
	emit_domain(batch, 2);
}

static void emit_global(struct batch *batch)
{
	emit(batch, 0x11, 0);
	emit(batch, 0x37, 0);
	emit(batch, 0x12, 0);
}

/* One PASID's translations by the first stage: at an address, or all of them. */
static void emit_first_page(
    struct batch *batch, uint64_t pasid, uint64_t domain, uint64_t address, unsigned level)
{
	emit(batch, 0x36 | domain << 16 | pasid << 32,
	    address | (level == 1 ? BIT(6) : 0) | UINT64_C(9) * (level - 1));
}

static void emit_pasid(struct batch *batch, uint64_t pasid, uint64_t domain)
{
	emit(batch, 0x26 | domain << 16 | pasid << 32, 0);
}

static bool five_levels(const struct fz *fz)
{
	return (fz->how & FZ_WITH_FIVE_LEVELS) != 0 && (fz->config.capability & CAP_FS5LP) != 0;
}

/* The tables of the first stage are found by index 0 and 511 of the upper levels: so are their pages. */
static void emit_first_aliases(struct batch *batch, uint64_t pasid, uint64_t domain, unsigned level)
{
	const bool five = five_levels(batch->fz);
	const unsigned width = five ? 57 : 48;

	for (uint64_t i = 0; i < (five ? 4 : 2); i++) {
		uint64_t address = (i & 1) * (UINT64_C(511) << 39) | (i >> 1) * (UINT64_C(511) << 48);

		if ((address >> (width - 1)) != 0)
			address |= ~(BIT(width) - 1);
		for (uint64_t page = 0; page < (level == 1 ? 3 : 1); page++)
			emit_first_page(batch, pasid, domain, address | page << 12, level);
	}
}

/* An entry of the first stage was changed, at some level. */
static void cover_first_stage(struct batch *batch, unsigned level)
{
	for (unsigned i = 0; i < FZ_PASID_COUNT; i++) {
		const unsigned kind = fz_supported(batch->fz, batch->fz->kind + i);
		const uint64_t domain = kind == FZ_NESTED ? 1 : 2;

		if (kind != FZ_FIRST && kind != FZ_NESTED)
			continue;
		if (batch->variant >= 2)
			emit_domain(batch, domain);
		else if (batch->variant == 1)
			emit_pasid(batch, fz_pasids[i], domain);
		else
			emit_first_aliases(batch, fz_pasids[i], domain, level);
	}
}

/* An entry of the second stage: its first page, and its level. */
static void cover_second_stage(struct batch *batch, uint64_t address, unsigned level)
{
	const struct fz *fz = batch->fz;
	const unsigned order = 9 * (level - 1);

	if (batch->variant >= 2 || (fz->config.capability & CAP_PSI) == 0 ||
	    order > (fz->config.capability >> 48 & 0x3f))
		emit_domain(batch, 1);
	else
		emit(batch, 0x32 | 1 << 16, address | (level == 1 ? BIT(6) : 0) | order);
}

/* ---- what changes ---------------------------------------------------------------------------------------- */

/* Another entry for a paging structure, mostly a good one. */
static uint64_t draw_entry(struct fz *fz, unsigned level)
{
	const unsigned how = fz_u8(fz), to = fz_u8(fz);
	uint64_t entry = (how & 7) | (how & 8 ? BIT(61) | BIT(62) : 0);

	entry |= (how & 0x20) != 0 ? BIT(11) : 0; /* SNP */
	if (level > 1 && (how & 0x10) != 0)
		entry |= BIT(7) | (uint64_t)(to & 1) << 30;
	else if (level > 1)
		entry |= FZ_TABLE(10 + to % 6);
	else
		entry |= (to & 0x3f) * IOMMUSIM_PAGE_SIZE;
	return (how & 0xc0) == 0xc0 ? entry ^ BIT(fz_u8(fz) & 63) : entry;
}

static void change_first_stage(struct batch *batch, unsigned which)
{
	struct fz *fz = batch->fz;
	const unsigned level = 1 + (which & 3);

	fz_store(fz, FZ_FIRST_TABLE(level) + (level == 1 ? (which >> 2) % 3 : 0) * UINT64_C(8),
	    draw_entry(fz, level));
	cover_first_stage(batch, level);
}

/* What was not present in the first stage is never cached, in caching mode either (VT-d 6.2.4.1, 6.5.3.5). */
static void fill_first_stage(struct batch *batch, unsigned which)
{
	(void)which;
	fz_store(batch->fz, FZ_FIRST_TABLE(1) + UINT64_C(3) * 8, draw_entry(batch->fz, 1));
}

static void change_second_stage(struct batch *batch, unsigned which)
{
	struct fz *fz = batch->fz;
	const unsigned level = (which & 0x40) != 0 ? 2 + (which & 1) : 1;
	const uint64_t index = level == 1 ? which & 0x3f : 0;

	fz_store(fz, FZ_SECOND_TABLE(level) + index * 8, draw_entry(fz, level));
	cover_second_stage(batch, index * IOMMUSIM_PAGE_SIZE, level);
}

/* Of how an entry was made only what no other entry for the same tables must share (VT-d 6.2.3.1). */
static void change_pasid_entry(struct batch *batch, unsigned which)
{
	struct fz *fz = batch->fz;
	const unsigned i = which % FZ_PASID_COUNT, how = fz_u8(fz);
	const unsigned old = fz_supported(fz, fz->kind + i);
	const bool second = old == FZ_SECOND || old == FZ_NESTED;
	const uint64_t domain = second ? 1 : 2;
	uint64_t quads[8];

	fz_make_entry(fz, fz_supported(fz, which >> 4),
	    fz->how ^
		(how &
		    (FZ_WITH_PROTECTION | FZ_WITH_SUPERVISORS | FZ_WITH_SNOOPED_PAGES |
			FZ_WITH_FIVE_LEVELS)),
	    quads);
	quads[0] ^= (uint64_t)(how >> 6); /* P, FPD */
	fz_store_quads(fz, fz_entry_at(fz_pasids[i]), quads, 8);
	emit_pasid_cache(batch, domain, fz_pasids[i]);
	if (batch->variant >= 2 || (second && (quads[0] & 1) == 0))
		emit_domain(batch, domain);
	else
		emit_pasid(batch, fz_pasids[i], domain);
}

static void change_directory(struct batch *batch, unsigned which)
{
	struct fz *fz = batch->fz;

	fz_store(fz, FZ_DIRECTORIES + (which & 1) * UINT64_C(8),
	    (FZ_PASIDS + (which >> 1 & 1) * IOMMUSIM_PAGE_SIZE) | (which >> 2 & 3));
	emit_pasid_caches(batch);
	emit_domains(batch);
}

static void change_context(struct batch *batch, unsigned which)
{
	static const uint8_t rid_pasids[] = { 0, 3, 64, 5 };
	struct fz *fz = batch->fz;
	const unsigned how = fz_u8(fz);
	uint64_t quads[4];

	fz_make_context(fz, which, rid_pasids[how & 3], quads);
	quads[0] ^= how >> 2 & 0x0f; /* P, FPD, DTE, PASIDE */
	fz_store_quads(fz, fz_context_at(fz, which), quads, 4);
	emit_context(batch, iommusim_requester_rid(fz->requester[which % FZ_REQUESTERS]));
	emit_pasid_caches(batch);
	emit_domains(batch);
}

static void change_root(struct batch *batch, unsigned which)
{
	struct fz *fz = batch->fz;

	fz_store(fz, FZ_ROOT + (which & 1) * UINT64_C(16),
	    (FZ_CONTEXT + (which >> 1 & 1) * IOMMUSIM_PAGE_SIZE) | (which >> 2 & 1));
	emit_global(batch);
}

typedef void change(struct batch *batch, unsigned which);

/* The queue does what is in it. */
static bool run(struct batch *batch)
{
	struct fz *fz = batch->fz;

	emit(batch, UINT64_C(0x0000600d00000025), FZ_STATUS);
	fz_store(fz, FZ_STATUS, 0);
	fz_write64(fz, R_IQT, batch->queue.tail);
	fz_settle(fz);
	FZ_REQUIRE((fz_peek32(fz, R_FSTS) & (S_IQE | S_ITE)) == 0);
	FZ_REQUIRE(fz_peek64(fz, R_IQH) == batch->queue.tail);
	FZ_REQUIRE((uint32_t)fz_load(fz, FZ_STATUS) == 0x600d);
	return true;
}

/* Switching translation off empties the caches, and so does a new root table of units that say so. */
static void start_again(struct fz *fz, bool by_root)
{
	if (by_root && fz->config.capability >> 63 != 0) {
		fz_latch_root(fz, fz->root);
		return;
	}
	fz_command(fz, G_TE, false);
	fz_command(fz, G_TE, true);
}

/* ---- devices --------------------------------------------------------------------------------------------- */

/* All that devices keep goes. */
static void emit_devices(struct batch *batch)
{
	const struct fz *fz = batch->fz;

	for (unsigned i = 0; i < FZ_REQUESTERS && has(fz, ECAP_DT); i++) {
		const uint64_t rid = iommusim_requester_rid(fz->requester[i]);

		emit(batch, 3 | rid << 32, UINT64_C(0x7ffffffffffff001));
		emit(batch, 8 | rid << 16, UINT64_C(0x7ffffffffffff801));
	}
}

/* What a device is told now is what the tables say. */
static void compare_device(struct fz *fz, struct fz_request *request, unsigned which)
{
	struct fz_request asked = *request;
	struct iommusim_walk told;
	struct iommusim_ats_outcome outcome;
	struct iommusim_ats_page page;

	if (fz->device_room[which] == 0 || request->dma.address_type != IOMMUSIM_DMA_UNTRANSLATED)
		return;
	asked.dma.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
	asked.dma.no_write = fz->device_reads[which] && request->dma.kind == IOMMUSIM_DMA_READ &&
	    request->dma.length != 0;
	asked.dma.kind = IOMMUSIM_DMA_READ;
	asked.dma.address &= ~(IOMMUSIM_PAGE_SIZE - 1); /* a device asks for pages */
	fz_walk(fz, &asked, asked.dma.address, 8, &told);
	FZ_REQUIRE(iommusim_ats_dma(request->device, &request->dma, &outcome, &page, 1) == IOMMUSIM_OK);
	if (!page.asked)
		return;
	FZ_REQUIRE(page.answer.answered == told.result.answered);
	FZ_REQUIRE(page.answer.granted == told.result.granted);
	if (page.answer.granted != 0)
		FZ_REQUIRE(page.answer.physical == told.result.physical);
}

static void answer_all(struct fz *fz)
{
	for (unsigned i = 0; i < FZ_REQUESTERS; i++) {
		fz->silent[i] = false;
		iommusim_requester_answers(fz->requester[i], true);
	}
}

/* ---- the scene ------------------------------------------------------------------------------------------- */

/* Nothing of what was in the tables before may be found by other ways. */
static void clear_tables(struct fz *fz)
{
	static const uint8_t zeroes[IOMMUSIM_PAGE_SIZE];
	static const struct {
		uint64_t first, pages;
	} ranges[] = { { FZ_ROOT, 19 }, { FZ_UPPER_CONTEXT, 5 } };

	for (unsigned range = 0; range < 2; range++)
		for (uint64_t i = 0; i < ranges[range].pages; i++)
			iommusim_memory_write(fz->machine, ranges[range].first + i * IOMMUSIM_PAGE_SIZE,
			    zeroes, sizeof(zeroes));
	iommusim_memory_flush_all(fz->machine);
}

static bool is_ready(const struct fz *fz)
{
	return fz->latches_known && fz_queue_idle(fz) && fz_queue_look(fz).width == 32 &&
	    fz_queue_look(fz).base == FZ_QUEUE && (fz_peek32(fz, R_PMEN) & 1) == 0;
}

/* A request for one of the first pages, by either way to them; or for anything. */
static void draw_request(struct fz *fz, struct fz_request *request)
{
	struct iommusim_dma_request *dma = &request->dma;
	const unsigned top = five_levels(fz) ? 57 : 48;

	fz_draw_scalable(fz, request);
	dma->data = NULL; /* nothing else changes memory */
	if ((dma->tag & 0x80) != 0)
		return;
	dma->address = (dma->address & 0x3ff8) | (dma->address >> 63 != 0 ? ~(BIT(top - 9) - 1) : 0);
	if (dma->length > IOMMUSIM_PAGE_SIZE / 2)
		dma->length = 8;
}

static void change_and_cover(struct fz *fz, unsigned what)
{
	static change *const changes[] = { change_first_stage, change_second_stage, change_pasid_entry,
		change_context, change_directory, change_root, fill_first_stage, change_pasid_entry };
	struct batch batch = { .fz = fz, .queue = fz_queue_look(fz), .variant = what >> 6 };

	changes[what & 7](&batch, fz_u8(fz));
	if ((what & 0x30) == 0x30) {
		start_again(fz, (what & 8) != 0);
		batch.queue = fz_queue_look(fz);
	}
	emit_devices(&batch);
	run(&batch);
}

void fz_op_covered(struct fz *fz)
{
	static struct fz_request warm[WARM];
	const unsigned what = fz_u8(fz), count = 1 + (fz_u8(fz) & 3) % WARM;

	fz_settle(fz);
	if (!is_ready(fz))
		return;
	answer_all(fz);
	clear_tables(fz);
	fz_scalable_bring_up(fz);
	if (!fz_invalidate_all(fz))
		return;
	for (unsigned i = 0; i < count; i++) {
		draw_request(fz, &warm[i]);
		fz_perform(fz, &warm[i], true); /* caches and tables still agree */
	}
	change_and_cover(fz, what);
	for (unsigned i = 0; i < count; i++)
		fz_perform(fz, &warm[i], true);
	for (unsigned i = 0; i < count; i++)
		for (unsigned which = 0; which < FZ_REQUESTERS; which++)
			if (fz->requester[which] == warm[i].device)
				compare_device(fz, &warm[i], which);
}

/*
 * The same with a page request instead of an invalidation (VT-d 6.5.3.1, Table 27): of the page that was asked
 * for, for the PASID that asked, nothing stale is left.
 */
void fz_op_covered_by_request(struct fz *fz)
{
	static struct fz_request warm;
	const unsigned how = fz_u8(fz);
	uint64_t index;

	fz_settle(fz);
	if (!is_ready(fz) || !has(fz, ECAP_PRS))
		return;
	clear_tables(fz);
	fz_scalable_bring_up(fz);
	if (!fz_invalidate_all(fz))
		return;
	fz_page_queue_start(fz);
	draw_request(fz, &warm);
	warm.dma.length = warm.dma.kind == IOMMUSIM_DMA_READ ? 0 : 1; /* one page */
	fz_perform(fz, &warm, true);
	index = warm.dma.address >> IOMMUSIM_PAGE_SHIFT & 511;
	fz_store(fz, ((how & 1) != 0 ? FZ_SECOND_TABLE(1) : FZ_FIRST_TABLE(1)) + index * 8,
	    draw_entry(fz, 1));
	if (fz_ask_for_page(fz, &warm))
		fz_perform(fz, &warm, true);
}
