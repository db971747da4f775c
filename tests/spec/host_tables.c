/* Host permission tables, entry by entry, and requests that meet them. Proofs stand in the tests. */
#include "host_tables.h"

#define ADDRESS_BITS UINT64_C(0xffffffffff000)

/* Table 11: address bits that select the entry begin here, and those that select the page of it. */
static const uint8_t entry_bits[] = { 0, 17, 25, 33, 41 };
static const uint8_t page_bits[] = { 0, 12, 21, 30 };
static const uint8_t pages_of_entry[] = { 0, 32, 16, 8 };

void host_set_table(struct host *host, uint32_t pasid, uint64_t table_and_size, uint16_t domain)
{
	const uint64_t at = sm_entry_at(&host->scene.sm, pasid);

	vt_store(&host->scene.sm.vtd, at + 32, table_and_size);
	vt_store(&host->scene.sm.vtd, at + 40, domain);
}

static void enable(struct host *host, uint16_t rid)
{
	const uint64_t at = sm_context_at(&host->scene.sm, rid);

	scene_edit(&host->scene, at, 0, SM_HPTE | SM_EPTR);
}

void host_start(struct host *host, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };
	struct scalable *sm = &host->scene.sm;

	if (wanted != NULL)
		setup = *wanted;
	setup.ecap_set |= (ECAP_HPTS | ECAP_HPT1GPS | ECAP_PTRS) & ~setup.ecap_clear;
	memset(host, 0, sizeof(*host));
	sm_start(sm, &setup);
	host->scene.cached = setup.settings.cache != IOMMUSIM_CACHE_NONE;
	host->scene.address = SCENE_INPUT;
	host->scene.pasid = SM_NO_PASID;
	host->scene.flags = SM_TRANSLATED;
	host->root = vt_page(&sm->vtd);
	for (unsigned page = 1; page < 8; page++)
		assert_int_equal(vt_page(&sm->vtd), host->root + page * UINT64_C(0x1000));
	enable(host, VTD_RID);
	enable(host, SM_UPPER_RID);
	sm_pass_through(sm, SM_NO_PASID, SM_DOMAIN);
	sm_pass_through(sm, SM_PASID, SM_DOMAIN);
	host_set_table(host, SM_NO_PASID, host->root | 3, HOST_DOMAIN);
	host_set_table(host, SM_PASID, host->root | 3, HOST_DOMAIN);
}

void host_start_uncached(struct host *host, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.settings.cache = IOMMUSIM_CACHE_NONE;
	host_start(host, &setup);
}

void host_stop(struct host *host)
{
	sm_stop(&host->scene.sm);
}

uint64_t host_entry_at(struct host *host, uint64_t address, unsigned level)
{
	struct vtd_fixture *vtd = &host->scene.sm.vtd;
	/* 51:49 pick the page of the HPTL4 table, 48:41 the entry in it */
	uint64_t at = host->root + (address >> 41 & 0x7ff) * 16;

	for (unsigned above = 4; above > level; above--) {
		const uint64_t high = vt_load(vtd, at + 8);

		if ((high & HOST_AV) == 0)
			vt_store(vtd, at + 8, vt_page(vtd) | HOST_AV);
		at = (vt_load(vtd, at + 8) & ADDRESS_BITS) +
		    (address >> entry_bits[above - 1] & 0xff) * 16;
	}
	return at;
}

void host_set_entry(struct host *host, uint64_t address, unsigned level, uint64_t low, uint64_t high)
{
	const uint64_t at = host_entry_at(host, address, level);

	vt_store(&host->scene.sm.vtd, at, low);
	vt_store(&host->scene.sm.vtd, at + 8, high);
}

void host_allow(struct host *host, uint64_t address, unsigned level, unsigned rights)
{
	const unsigned page = address >> page_bits[level] & (pages_of_entry[level] - 1u);
	const uint64_t at = host_entry_at(host, address, level) + page / 16 * UINT64_C(8);

	scene_edit(&host->scene, at, UINT64_C(0xf) << page % 16 * 4, (uint64_t)rights << page % 16 * 4);
}

unsigned host_reason(
    struct host *host, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid, unsigned flags)
{
	return sm_reason(&host->scene.sm, kind, address, pasid, flags | SM_TRANSLATED);
}

unsigned host_rights(struct host *host, uint64_t address)
{
	const unsigned read = host_reason(host, IOMMUSIM_DMA_READ, address, SM_NO_PASID, 0);
	const unsigned write = host_reason(host, IOMMUSIM_DMA_WRITE, address, SM_NO_PASID, 0);

	assert_true(read == 0 || read == 0xa5);
	assert_true(write == 0 || write == 0xa4);
	return (read == 0 ? HOST_READ : 0) | (write == 0 ? HOST_WRITE : 0);
}

/* There need be no memory: then it got through all the same. */
void host_expect_served(struct host *host)
{
	const struct iommusim_dma_outcome outcome = scene_ask(&host->scene);
	const struct iommusim_dma_page *page = &outcome.page;

	if (page->faulted)
		fail_msg("reason %Xh", page->fault.reason);
	assert_int_equal(page->fault.class_, IOMMUSIM_FAULT_NONE);
	assert_true(page->translated);
	assert_int_equal(page->physical, host->scene.address);
	assert_int_equal(page->domain, SM_DOMAIN);
	scene_expect_silence(&host->scene);
}

void host_expect_denied(struct host *host, unsigned reason, bool aborts, bool hidden)
{
	const struct iommusim_dma_outcome outcome = scene_ask(&host->scene);
	const struct iommusim_dma_page *page = &outcome.page;

	assert_true(page->faulted);
	if (page->fault.reason != reason)
		fail_msg("reason %Xh, not %Xh", page->fault.reason, reason);
	assert_int_equal(page->fault.aborts, aborts);
	if (host->scene.kind == IOMMUSIM_DMA_WRITE)
		assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	else
		assert_int_equal(outcome.completion,
		    aborts ? IOMMUSIM_COMPLETION_COMPLETER_ABORT
			   : IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(page->fault.suppressed, hidden);
	assert_int_equal(page->fault.recorded, !hidden);
	if (hidden)
		scene_expect_silence(&host->scene);
	else
		scene_expect_recorded(&host->scene, reason);
}
