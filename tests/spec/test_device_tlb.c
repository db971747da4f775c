/*
 * Device-TLB invalidations (VT-d 6.5.2.5, 6.5.2.6, 6.5.2.11): what each descriptor makes a device drop,
 * devices that answer, ones that do not (ITE), and answers nobody waits for (ICE). When software needs
 * them stands elsewhere.
 */
#include <iommusim/ats.h>

#include "scalable_fixture.h"

#define ITE 0x40u
#define ICE 0x20u

#define DEVICE_TLB(rid) (0x3 | (uint64_t)(rid) << 32)
#define WAIT_LOW        (0x25 | UINT64_C(0x77) << 32) /* status write of 77h */

static void start(struct vtd_fixture *vtd, unsigned width)
{
	vt_start_enabled(vtd, &(struct vtd_setup){ .ecap_set = width == 32 ? ECAP_SMTS : 0 });
	vt_queue_start(vtd, width);
}

/* ---- what is dropped ------------------------------------------------------------------------------------ */

#define EVERYTHING UINT64_C(0x7ffffffffffff000) /* with S: the lowest 0 is the highest bit */
#define S          UINT64_C(1)                  /* of dev_tlb_inv_dsc, in its second quadword */
#define PS         BIT(11)                      /* of p_dev_tlb_inv_dsc */
#define GI         UINT64_C(1)

#define PASID_DEVICE_TLB(rid, pasid) (0x8 | (uint64_t)(rid) << 16 | (uint64_t)(pasid) << 32)

/* Untranslated addresses that the device has an entry for, 4 KiB each. */
static const uint64_t pages[] = { 0x0, 0x1000, 0x2000, 0x3000, 0x4000, 0x7000, 0x8000, 0x1ff000,
	0x200000, 0x7fffffff000, 0x7ffffffff000 };

#define PAGES (sizeof(pages) / sizeof(*pages))

static void fill(struct iommusim_requester *device, bool has_pasid, uint32_t pasid)
{
	for (size_t i = 0; i < PAGES; i++) {
		const struct iommusim_dma_request request = {
			.address = pages[i], .length = 8, .has_pasid = has_pasid, .pasid = pasid
		};
		struct iommusim_ats_outcome outcome;

		assert_int_equal(iommusim_ats_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.fresh, 1);
	}
}

/* Entries of the tag, as bits in the order of `pages`. */
static unsigned held(struct iommusim_requester *device, bool has_pasid, uint32_t pasid)
{
	struct iommusim_ats_entry entry;
	unsigned found = 0;
	size_t cursor = 0;

	while (iommusim_ats_next(device, &cursor, &entry))
		for (size_t i = 0; i < PAGES; i++)
			if (entry.address == pages[i] && entry.has_pasid == has_pasid &&
			    entry.pasid == pasid)
				found |= 1u << i;
	return found;
}

static unsigned between(uint64_t first, uint64_t last)
{
	unsigned found = 0;

	for (size_t i = 0; i < PAGES; i++)
		if (pages[i] >= first && pages[i] <= last)
			found |= 1u << i;
	return found;
}

/* S=0: a page. S=1: the lowest 0 of the page number is half of the size (PCI Express ATS). */
static const struct range {
	uint64_t address;
	bool sized;
	uint64_t first, last;
} ranges[] = {
	{ 0x1000, false, 0x1000, 0x1fff },
	{ 0x3000, false, 0x3000, 0x3fff },
	{ 0x0000, true, 0x0, 0x1fff },
	{ 0x2000, true, 0x2000, 0x3fff },
	{ 0x1000, true, 0x0, 0x3fff },
	{ 0x5000, true, 0x4000, 0x7fff },
	{ 0x3000, true, 0x0, 0x7fff },
	{ 0xb000, true, 0x8000, 0xffff },
	{ 0x0ff000, true, 0x0, 0x1fffff },
	{ 0x2ff000, true, 0x200000, 0x3fffff },
	{ 0x3ffffffff000, true, 0x0, 0x7fffffffffff },
	{ EVERYTHING, true, 0x0, UINT64_MAX },
};

#define RANGES (sizeof(ranges) / sizeof(*ranges))

static const struct iommusim_ats_settings roomy = { .entries = 64 };

static void start_legacy(struct vtd_fixture *vtd, unsigned width)
{
	start(vtd, width);
	vt_set_context(vtd, VTD_RID, vtd->page_table | 1 | 1 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
	for (size_t i = 0; i < PAGES; i++)
		vt_map(vtd, pages[i], 0x100000 + i * 0x1000, 3);
	assert_int_equal(iommusim_ats_enable(vtd->device, &roomy), IOMMUSIM_OK);
	fill(vtd->device, false, 0);
}

static void a_descriptor_drops_the_range_it_names(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned width = 16; width <= 32; width += 16)
		for (size_t i = 0; i < RANGES; i++) {
			start_legacy(&vtd, width);
			vt_submit(
			    &vtd, DEVICE_TLB(VTD_RID), ranges[i].address | (ranges[i].sized ? S : 0));
			vt_submit(&vtd, WAIT_LOW, 0x9000);
			assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
			assert_int_equal(held(vtd.device, false, 0),
			    between(0, UINT64_MAX) & ~between(ranges[i].first, ranges[i].last));
			vt_stop(&vtd);
		}
}

/* An entry of a large page goes with any part of it. */
static void a_descriptor_for_a_part_drops_the_whole_entry(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x40000000, .length = 8 };
	struct iommusim_ats_outcome outcome;
	struct iommusim_ats_entry entry;
	struct vtd_fixture vtd;

	(void)state;
	for (uint64_t part = 0x40000000; part < 0x80000000; part += 0x3ffff000) {
		size_t cursor = 0;

		start_legacy(&vtd, 16);
		vt_map_level(&vtd, 0x40000000, 0x0, 3, 3);
		assert_int_equal(iommusim_ats_enable(vtd.device, &roomy), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_ats_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_true(iommusim_ats_next(vtd.device, &cursor, &entry));
		assert_int_equal(entry.shift, 30);
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x3ffff000);
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x80000000);
		cursor = 0;
		assert_true(iommusim_ats_next(vtd.device, &cursor, &entry));
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), part);
		cursor = 0;
		assert_false(iommusim_ats_next(vtd.device, &cursor, &entry));
		vt_stop(&vtd);
	}
}

static void another_device_keeps_what_it_has(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_legacy(&vtd, 16);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID + 1), EVERYTHING | S);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID + 0x100), EVERYTHING | S);
	assert_int_equal(held(vtd.device, false, 0), between(0, UINT64_MAX));
	vt_stop(&vtd);
}

/* What invalidates caches of the unit tells no device anything. */
static void other_invalidations_do_not_reach_the_device(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_legacy(&vtd, 16);
	vt_submit(&vtd, 0x11, 0); /* context cache, global */
	vt_submit(&vtd, 0x12, 0); /* IOTLB, global */
	vt_submit(&vtd, 0x04, 0); /* interrupt entries, global */
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(held(vtd.device, false, 0), between(0, UINT64_MAX));
	iommusim_unit_reset(vtd.unit, true);
	assert_int_equal(held(vtd.device, false, 0), between(0, UINT64_MAX));
	vt_stop(&vtd);
}

#define FIVE    UINT32_C(5)
#define LARGEST UINT32_C(0xfffff) /* PASID that there is */

static void start_scalable(struct scalable *sm)
{
	static const uint32_t pasids[] = { SM_NO_PASID, FIVE, SM_PASID };

	sm_start(sm, NULL);
	for (unsigned i = 0; i < 3; i++)
		sm_second_stage(sm, pasids[i], SM_DOMAIN);
	for (size_t i = 0; i < PAGES; i++)
		sm_map_second(sm, sm->second, 4, pages[i], 0x100000 + i * 0x1000, 3, 1);
	sm_queue_start(sm);
	assert_int_equal(iommusim_ats_enable(sm->vtd.device, &roomy), IOMMUSIM_OK);
	fill(sm->vtd.device, false, 0);
	fill(sm->vtd.device, true, FIVE);
	fill(sm->vtd.device, true, SM_PASID);
}

static void assert_held(struct scalable *sm, unsigned none, unsigned five, unsigned other)
{
	assert_int_equal(held(sm->vtd.device, false, 0), none);
	assert_int_equal(held(sm->vtd.device, true, FIVE), five);
	assert_int_equal(held(sm->vtd.device, true, SM_PASID), other);
}

static void submit(struct scalable *sm, uint64_t low, uint64_t high)
{
	const uint64_t descriptor[4] = { low, high };

	sm_submit(sm, descriptor);
}

/* 6.5.2.5 for requests without PASID, 6.5.2.6 for those with one, GI for all of those. */
static void in_scalable_mode_each_descriptor_has_its_requests(void **state)
{
	const unsigned all = between(0, UINT64_MAX);
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < RANGES; i++) {
		const unsigned left = all & ~between(ranges[i].first, ranges[i].last);
		const bool global = ranges[i].address == EVERYTHING; /* Table 28: PASIDs included */
		const uint64_t s = ranges[i].sized ? S : 0, ps = ranges[i].sized ? PS : 0;

		start_scalable(&sm);
		submit(&sm, DEVICE_TLB(VTD_RID), ranges[i].address | s);
		assert_held(&sm, left, global ? 0 : all, global ? 0 : all);
		sm_stop(&sm);
		start_scalable(&sm);
		submit(&sm, PASID_DEVICE_TLB(VTD_RID, FIVE), ranges[i].address | ps);
		assert_held(&sm, all, left, all);
		sm_stop(&sm);
		start_scalable(&sm);
		submit(&sm, PASID_DEVICE_TLB(VTD_RID, FIVE), ranges[i].address | ps | GI);
		assert_held(&sm, all, left, left); /* the PASID field is not looked at */
		sm_stop(&sm);
	}
}

static void a_pasid_that_has_nothing_takes_nothing(void **state)
{
	const unsigned all = between(0, UINT64_MAX);
	struct scalable sm;

	(void)state;
	start_scalable(&sm);
	submit(&sm, PASID_DEVICE_TLB(VTD_RID, 0), EVERYTHING | PS); /* 0 is a PASID, and not none */
	submit(&sm, PASID_DEVICE_TLB(VTD_RID, SM_RID_PASID), EVERYTHING | PS);
	submit(&sm, PASID_DEVICE_TLB(VTD_RID, LARGEST), EVERYTHING | PS);
	submit(&sm, PASID_DEVICE_TLB(VTD_RID + 1, FIVE), EVERYTHING | PS);
	assert_held(&sm, all, all, all);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	sm_stop(&sm);
}

/* Legacy mode has no such type (Table 26), nor have units without device-TLBs: IQE, type 3 of IQEI. */
static void the_descriptor_with_pasid_is_of_scalable_mode(void **state)
{
	struct vtd_fixture vtd;
	struct scalable sm;

	(void)state;
	start_legacy(&vtd, 32);
	vt_submit(&vtd, PASID_DEVICE_TLB(VTD_RID, FIVE), EVERYTHING | PS | GI);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0x10);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), 3);
	assert_int_equal(held(vtd.device, false, 0), between(0, UINT64_MAX));
	vt_stop(&vtd);
	for (unsigned i = 0; i < 2; i++) {
		sm_start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_DT });
		sm_queue_start(&sm);
		submit(&sm, i == 0 ? DEVICE_TLB(VTD_RID) : PASID_DEVICE_TLB(VTD_RID, FIVE), 0x4000);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0x10);
		assert_int_equal(vt_get64(&sm.vtd, R_IQERCD), 3);
		sm_stop(&sm);
	}
}

/* ---- devices that answer, and others ------------------------------------------------------------------- */

/* ATS off, entries or none: a device that is told to drop something says that it has. */
static void a_device_without_ats_answers(void **state)
{
	struct iommusim_ats_counters counters;
	struct scalable sm;

	(void)state;
	start_scalable(&sm);
	iommusim_ats_disable(sm.vtd.device);
	submit(&sm, DEVICE_TLB(VTD_RID), 0x4000);
	submit(&sm, PASID_DEVICE_TLB(VTD_RID, FIVE), 0x4000);
	submit(&sm, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&sm.vtd, 0x9000), 0x77);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	iommusim_ats_counters(sm.vtd.device, &counters);
	assert_int_equal(counters.invalidations, 2);
	assert_int_equal(counters.dropped, 0);
	sm_stop(&sm);
}

/* 6.5.2.12: no wait is completed after a time-out; what was to be dropped is still there. */
static void a_silent_device_keeps_what_it_was_told_to_drop(void **state)
{
	const unsigned all = between(0, UINT64_MAX);
	const uint64_t descriptors[] = { DEVICE_TLB(VTD_RID), PASID_DEVICE_TLB(VTD_RID, FIVE) };
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		start_scalable(&sm);
		iommusim_requester_answers(sm.vtd.device, false);
		submit(&sm, descriptors[i], 0x4000);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), ITE);
		assert_int_equal(vt_get64(&sm.vtd, R_IQERCD), (uint64_t)VTD_RID << 32);
		submit(&sm, WAIT_LOW, 0x9000);
		assert_int_equal(vt_load(&sm.vtd, 0x9000), 0);
		assert_held(&sm, all, all, all);
		iommusim_requester_answers(sm.vtd.device, true);
		vt_set32(&sm.vtd, R_FSTS, ITE);
		submit(&sm, descriptors[i], 0x4000);
		submit(&sm, WAIT_LOW, 0x9000);
		assert_int_equal(vt_load(&sm.vtd, 0x9000), 0x77);
		assert_held(&sm, i == 0 ? all & ~between(0x4000, 0x4fff) : all,
		    i == 1 ? all & ~between(0x4000, 0x4fff) : all, all);
		sm_stop(&sm);
	}
}

static void a_device_that_answers_is_done_at_once(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	vt_submit(&vtd, DEVICE_TLB(0x1234), 0x4000); /* no device at all: nothing to drop */
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* Descriptors at the tail, and the tail over them in one go. */
static void submit_together(struct vtd_fixture *vtd, const uint64_t (*descriptors)[2], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const uint64_t at = vtd->queue + vtd->queue_tail;

		vt_store(vtd, at, descriptors[i][0]);
		vt_store(vtd, at + 8, descriptors[i][1]);
		vtd->queue_tail += vtd->queue_width;
	}
	vt_set32(vtd, R_IQT, vtd->queue_tail);
}

/*
 * The head is where fetching ended (11.4.9.1), the wait that was fetched is aborted for good, and tail
 * writes fetch nothing until ITE is cleared; what comes then is carried out, the rest is not made up for.
 */
static void a_silent_device_stops_the_queue_until_ite_is_cleared(void **state)
{
	static const uint64_t descriptors[][2] = { { 0x11, 0 }, { DEVICE_TLB(VTD_RID), 0x4000 },
		{ WAIT_LOW, 0x9000 }, { WAIT_LOW, 0x9004 } };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned width = 16; width <= 32; width += 16) {
		start(&vtd, width);
		iommusim_requester_answers(vtd.device, false);
		submit_together(&vtd, descriptors, 4);
		assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
		assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 32);
		assert_int_equal(vt_get64(&vtd, R_IQH), 4 * width);
		iommusim_requester_answers(vtd.device, true);
		vt_submit(&vtd, WAIT_LOW, 0x9008);
		assert_int_equal(vt_load(&vtd, 0x9008), 0);
		assert_int_equal(vt_get64(&vtd, R_IQH), 4 * width);
		vt_set32(&vtd, R_FSTS, ITE);
		assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
		assert_int_equal(vt_load(&vtd, 0x9008), 0x77);
		assert_int_equal(vt_load(&vtd, 0x9000), 0); /* both words */
		assert_int_equal(vt_get64(&vtd, R_IQH), 5 * width);
		vt_stop(&vtd);
	}
}

/* FN: nothing behind a wait is fetched before the wait is complete, and this one never is. */
static void a_fence_holds_the_head_back(void **state)
{
	static const uint64_t descriptors[][2] = { { DEVICE_TLB(VTD_RID), 0x4000 },
		{ WAIT_LOW | 0x40, 0x9000 }, { WAIT_LOW, 0x9008 } };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	iommusim_requester_answers(vtd.device, false);
	submit_together(&vtd, descriptors, 3);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
	assert_int_equal(vt_get64(&vtd, R_IQH), 32);
	vt_set32(&vtd, R_FSTS, ITE);
	assert_int_equal(vt_load(&vtd, 0x9000), 0);
	assert_int_equal(vt_load(&vtd, 0x9008), 0x77);
	assert_int_equal(vt_get64(&vtd, R_IQH), 48);
	vt_stop(&vtd);
}

/* Software that tries again until the device answers gets there in the end. */
static void submitted_again_the_invalidation_is_carried_out(void **state)
{
	static const uint64_t descriptors[][2] = { { DEVICE_TLB(VTD_RID), 0x4000 },
		{ WAIT_LOW, 0x9000 } };
	struct vtd_fixture vtd;

	(void)state;
	start_legacy(&vtd, 16);
	for (unsigned tries = 0; tries < 3; tries++) {
		iommusim_requester_answers(vtd.device, tries == 2);
		submit_together(&vtd, descriptors, 2);
		assert_int_equal(vt_get32(&vtd, R_FSTS), tries == 2 ? 0 : ITE);
		assert_int_equal(vt_load(&vtd, 0x9000), tries == 2 ? 0x77 : 0);
		assert_int_equal(
		    (held(vtd.device, false, 0) & between(0x4000, 0x4fff)) == 0, tries == 2);
		vt_set32(&vtd, R_FSTS, ITE);
	}
	vt_stop(&vtd);
}

/* A bad descriptor behind it is met, and the head stays on that one. */
static void both_errors_can_be_up_at_once(void **state)
{
	static const uint64_t descriptors[][2] = { { DEVICE_TLB(VTD_RID), 0x4000 }, { 0x0f, 0 } };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	iommusim_requester_answers(vtd.device, false);
	submit_together(&vtd, descriptors, 2);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ITE | 0x10);
	assert_int_equal(vt_get64(&vtd, R_IQH), 16);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 32 | 3);
	vt_stop(&vtd);
}

/* A negative control: told to ignore invalidations, the unit passes none on. */
static void a_unit_that_drops_invalidations_asks_no_device(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.drop_invalidations = true });
	vt_queue_start(&vtd, 16);
	vt_set_context(&vtd, VTD_RID, vtd.page_table | 1 | 1 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
	for (size_t i = 0; i < PAGES; i++)
		vt_map(&vtd, pages[i], 0x100000 + i * 0x1000, 3);
	assert_int_equal(iommusim_ats_enable(vtd.device, &roomy), IOMMUSIM_OK);
	fill(vtd.device, false, 0);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), EVERYTHING | S);
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
	assert_int_equal(held(vtd.device, false, 0), between(0, UINT64_MAX));
	vt_stop(&vtd);
}

static void only_the_device_that_was_asked_counts(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	iommusim_requester_answers(other, false);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_submit(&vtd, DEVICE_TLB(0x0311), 0x4000);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
	vt_stop(&vtd);
}

/* An unexpected completion is an error of the fault event, and the queue goes on (6.5.2.11). */
static void a_stray_completion_is_ice_and_stops_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	vt_set32(&vtd, R_FEDATA, 0x41);
	vt_set32(&vtd, R_FEADDR, 0xfee01000);
	vt_set32(&vtd, R_FECTL, 0);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_OK);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ICE);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48);
	assert_int_equal(vt_only_message(&vtd).data, 0x41);
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_OK);
	vt_no_message(&vtd); /* not a new condition */
	vt_set32(&vtd, R_FSTS, ICE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* ICESID is of the first one, until software clears ICE (11.4.9.9). */
static void the_first_stray_completion_stays_on_record(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	iommusim_requester_stray_completion(vtd.device);
	iommusim_requester_stray_completion(other);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48);
	vt_set32(&vtd, R_FSTS, ICE);
	iommusim_requester_stray_completion(other);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), UINT64_C(0x0311) << 48);
	vt_stop(&vtd);
}

/* While translation is off such messages are unsupported requests (VT-d 4.2.3); so they are without DT. */
static void nobody_minds_a_stray_completion_when_off_or_without_device_tlbs(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_ENOENT);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_DT });
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_ENOENT);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

static void each_error_keeps_its_own_field_of_the_record(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	iommusim_requester_answers(vtd.device, false);
	iommusim_requester_stray_completion(vtd.device);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	iommusim_requester_answers(vtd.device, true);
	vt_submit(&vtd, 0x0f, 0); /* no such type */
	vt_set32(&vtd, R_FSTS, ITE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ICE | 0x10);
	assert_int_equal(
	    vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48 | (uint64_t)VTD_RID << 32 | 3);
	vt_stop(&vtd);
}

/* ITE is a condition of the fault event like any other (VT-d 7.3): it stays pending as long as ITE is set. */
static void a_time_out_is_a_fault_event(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned handled = 0; handled < 2; handled++) {
		start(&vtd, 16);
		iommusim_requester_answers(vtd.device, false);
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
		assert_int_equal(vt_get32(&vtd, R_FECTL), 0xc0000000); /* masked, pending */
		iommusim_requester_answers(vtd.device, true);
		if (handled)
			vt_set32(&vtd, R_FSTS, ITE);
		vt_set32(&vtd, R_FECTL, 0);
		assert_int_equal(iommusim_interrupt_pending(vtd.machine), !handled);
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_drops_the_range_it_names),
		cmocka_unit_test(a_descriptor_for_a_part_drops_the_whole_entry),
		cmocka_unit_test(another_device_keeps_what_it_has),
		cmocka_unit_test(other_invalidations_do_not_reach_the_device),
		cmocka_unit_test(in_scalable_mode_each_descriptor_has_its_requests),
		cmocka_unit_test(a_pasid_that_has_nothing_takes_nothing),
		cmocka_unit_test(the_descriptor_with_pasid_is_of_scalable_mode),
		cmocka_unit_test(a_device_without_ats_answers),
		cmocka_unit_test(a_silent_device_keeps_what_it_was_told_to_drop),
		cmocka_unit_test(a_device_that_answers_is_done_at_once),
		cmocka_unit_test(a_silent_device_stops_the_queue_until_ite_is_cleared),
		cmocka_unit_test(a_fence_holds_the_head_back),
		cmocka_unit_test(submitted_again_the_invalidation_is_carried_out),
		cmocka_unit_test(both_errors_can_be_up_at_once),
		cmocka_unit_test(a_unit_that_drops_invalidations_asks_no_device),
		cmocka_unit_test(only_the_device_that_was_asked_counts),
		cmocka_unit_test(a_stray_completion_is_ice_and_stops_nothing),
		cmocka_unit_test(the_first_stray_completion_stays_on_record),
		cmocka_unit_test(nobody_minds_a_stray_completion_when_off_or_without_device_tlbs),
		cmocka_unit_test(each_error_keeps_its_own_field_of_the_record),
		cmocka_unit_test(a_time_out_is_a_fault_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
