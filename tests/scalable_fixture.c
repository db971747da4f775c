/* The scalable-mode fixture: tables of one unit, as software writes them. Proofs stand in the tests. */
#include "scalable_fixture.h"

#include "bus.h"

static void store(struct scalable *sm, uint64_t address, const uint64_t *quads, unsigned count)
{
	for (unsigned i = count; i-- > 0;) /* P last */
		vt_store(&sm->vtd, address + i * UINT64_C(8), quads[i]);
}

/* VT-d 9.4: PASIDDIRPTR in 63:12, RID_PASID in 83:64. */
static void enable_requester(struct scalable *sm, uint16_t rid)
{
	const uint64_t enables = ((sm->vtd.ecap & ECAP_DT) != 0 ? SM_DTE : 0) |
	    ((sm->vtd.ecap & ECAP_PASID) != 0 ? SM_PASIDE : 0);
	const uint64_t context[4] = { sm->directory | enables | SM_P, sm->rid_pasid };

	sm_set_context(sm, rid, context);
}

/* VT-d 9.2: LP and UP in bits 0 and 64. */
static void build(struct scalable *sm)
{
	sm->rid_pasid = (sm->vtd.ecap & ECAP_RPS) != 0 ? SM_RID_PASID : 0;
	sm->root = vt_page(&sm->vtd);
	sm->context = vt_page(&sm->vtd);
	sm->upper_context = vt_page(&sm->vtd);
	sm->directory = vt_page(&sm->vtd);
	sm->table = vt_page(&sm->vtd);
	sm->first = vt_page(&sm->vtd);
	sm->first5 = vt_page(&sm->vtd);
	sm->second = vt_page(&sm->vtd);
	vt_store(&sm->vtd, sm_root_at(sm, VTD_RID), sm->context | 1);
	vt_store(&sm->vtd, sm_root_at(sm, VTD_RID) + 8, sm->upper_context | 1);
	vt_store(&sm->vtd, sm->directory, sm->table | SM_P);
	enable_requester(sm, VTD_RID);
	enable_requester(sm, SM_UPPER_RID);
}

void sm_start(struct scalable *sm, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.cap_set |= SM_CAP & ~setup.cap_clear;
	setup.ecap_set |= SM_ECAP & ~setup.ecap_clear;
	memset(sm, 0, sizeof(*sm));
	vt_start(&sm->vtd, &setup);
	assert_int_equal(
	    iommusim_requester_create(sm->vtd.machine, 0, SM_UPPER_RID, &sm->upper), IOMMUSIM_OK);
	build(sm);
	sm_latch_root(sm, SM_TTM_SCALABLE);
	vt_command(&sm->vtd, G_TE, true);
}

void sm_start_uncached(struct scalable *sm, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.settings.cache = IOMMUSIM_CACHE_NONE;
	sm_start(sm, &setup);
}

void sm_stop(struct scalable *sm)
{
	vt_stop(&sm->vtd);
}

void sm_latch_root(struct scalable *sm, uint64_t mode)
{
	vt_latch_root(&sm->vtd, sm->root | mode);
}

uint64_t sm_root_at(const struct scalable *sm, uint16_t rid)
{
	return sm->root + (rid >> 8) * UINT64_C(16);
}

/* VT-d 9.4: 32 bytes each; the lower table has devices 0..15, the upper one 16..31. */
uint64_t sm_context_at(const struct scalable *sm, uint16_t rid)
{
	assert_int_equal(rid >> 8, VTD_RID >> 8);
	return ((rid & 0x80) != 0 ? sm->upper_context : sm->context) + (rid & 0x7f) * UINT64_C(32);
}

uint64_t sm_directory_at(const struct scalable *sm, uint32_t pasid)
{
	const uint32_t number = pasid == SM_NO_PASID ? sm->rid_pasid : pasid;

	return sm->directory + (number >> 6) * UINT64_C(8);
}

uint64_t sm_entry_at(struct scalable *sm, uint32_t pasid)
{
	const uint32_t number = pasid == SM_NO_PASID ? sm->rid_pasid : pasid;
	const uint64_t at = sm_directory_at(sm, number);

	if ((vt_load(&sm->vtd, at) & SM_P) == 0)
		vt_store(&sm->vtd, at, vt_page(&sm->vtd) | SM_P);
	return (vt_load(&sm->vtd, at) & UINT64_C(0xffffffffff000)) + (number & 0x3f) * UINT64_C(64);
}

void sm_set_context(struct scalable *sm, uint16_t rid, const uint64_t quads[4])
{
	store(sm, sm_context_at(sm, rid), quads, 4);
}

void sm_set_entry(struct scalable *sm, uint32_t pasid, const uint64_t quads[8])
{
	store(sm, sm_entry_at(sm, pasid), quads, 8);
}

static uint64_t snooped_walks(const struct scalable *sm)
{
	return (sm->vtd.ecap & ECAP_SMPWCS) != 0 ? SM_PWSNP : 0;
}

static uint64_t supervisors(const struct scalable *sm)
{
	return (sm->vtd.ecap & ECAP_SRS) != 0 ? SM_SRE : 0;
}

static uint64_t first_root(const struct scalable *sm, unsigned levels)
{
	return levels == 5 ? sm->first5 | SM_FSPM(1) : sm->first;
}

void sm_second_stage(struct scalable *sm, uint32_t pasid, uint16_t domain)
{
	const uint64_t entry[8] = { sm->second | SM_SECOND | SM_AW(2) | SM_P,
		snooped_walks(sm) | domain, supervisors(sm) };

	sm_set_entry(sm, pasid, entry);
}

void sm_first_stage(struct scalable *sm, uint32_t pasid, uint16_t domain, unsigned levels)
{
	const uint64_t entry[8] = { SM_FIRST | SM_P, snooped_walks(sm) | domain,
		first_root(sm, levels) | supervisors(sm) };

	sm_set_entry(sm, pasid, entry);
}

void sm_nested(struct scalable *sm, uint32_t pasid, uint16_t domain, unsigned levels)
{
	const uint64_t entry[8] = { sm->second | SM_NESTED | SM_AW(2) | SM_P,
		snooped_walks(sm) | domain, first_root(sm, levels) | supervisors(sm) };

	for (uint64_t page = VTD_TABLES; page < VTD_TABLES + 0x200000; page += 0x1000)
		sm_map_second(sm, sm->second, 4, page, page, 3, 1);
	sm_set_entry(sm, pasid, entry);
}

void sm_pass_through(struct scalable *sm, uint32_t pasid, uint16_t domain)
{
	const uint64_t entry[8] = { SM_PASS_THROUGH | SM_P, snooped_walks(sm) | domain,
		supervisors(sm) };

	sm_set_entry(sm, pasid, entry);
}

uint64_t sm_first_at(
    struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, unsigned level)
{
	return vt_paging_entry_at(&sm->vtd, table, levels, input, level, 7);
}

uint64_t sm_second_at(
    struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, unsigned level)
{
	return vt_paging_entry_at(&sm->vtd, table, levels, input, level, 3);
}

void sm_map_first(struct scalable *sm, uint64_t table, unsigned levels, uint64_t input, uint64_t output,
    uint64_t bits, unsigned leaf_level)
{
	vt_store(&sm->vtd, sm_first_at(sm, table, levels, input, leaf_level),
	    output | bits | (leaf_level > 1 ? 0x80 : 0));
}

void sm_map_second(struct scalable *sm, uint64_t table, unsigned levels, uint64_t input,
    uint64_t output, uint64_t bits, unsigned leaf_level)
{
	vt_store(&sm->vtd, sm_second_at(sm, table, levels, input, leaf_level),
	    output | bits | (leaf_level > 1 ? 0x80 : 0));
}

static enum iommusim_dma_address_type address_type(unsigned flags)
{
	if ((flags & SM_TRANSLATION_REQUEST) != 0)
		return IOMMUSIM_DMA_TRANSLATION_REQUEST;
	return (flags & SM_TRANSLATED) != 0 ? IOMMUSIM_DMA_TRANSLATED : IOMMUSIM_DMA_UNTRANSLATED;
}

struct iommusim_dma_page sm_access(struct scalable *sm, enum iommusim_dma_kind kind, uint64_t address,
    uint64_t length, uint32_t pasid, unsigned flags)
{
	uint8_t data[0x1000] = { 0 };
	const struct iommusim_dma_request request = { .address = address,
		.length = length,
		.kind = kind,
		.address_type = address_type(flags),
		.has_pasid = pasid != SM_NO_PASID,
		.pasid = pasid == SM_NO_PASID ? 0 : pasid,
		.privileged = (flags & SM_PRIVILEGED) != 0,
		.execute = (flags & SM_EXECUTE) != 0,
		.no_write = (flags & SM_NO_WRITE) != 0,
		.data = data };

	assert_true(length <= sizeof(data));
	return bus_request((flags & SM_UPPER) != 0 ? sm->upper : sm->vtd.device, &request);
}

unsigned sm_reason(
    struct scalable *sm, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid, unsigned flags)
{
	const struct iommusim_dma_page page = sm_access(sm, kind, address, 8, pasid, flags);

	assert_int_equal(page.faulted, page.fault.class_ != IOMMUSIM_FAULT_NONE);
	return page.fault.reason;
}

void sm_queue_start(struct scalable *sm)
{
	vt_queue_start(&sm->vtd, 32);
}

void sm_submit(struct scalable *sm, const uint64_t quads[4])
{
	struct vtd_fixture *vtd = &sm->vtd;

	store(sm, vtd->queue + vtd->queue_tail, quads, 4);
	vtd->queue_tail = (vtd->queue_tail + 32) % 0x1000;
	vt_set32(vtd, R_IQT, vtd->queue_tail);
}
