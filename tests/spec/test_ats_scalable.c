/*
 * A device with a device-TLB under a unit in scalable mode (VT-d 4.1, 4.2, 4.5, 6.5.3.3): what it gets to
 * keep, what it can do with that, and which invalidations software owes it, in which order, alone and with
 * DMA under way. The device-TLB by itself, and each descriptor, stand elsewhere.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <iommusim/ats.h>

#include "scalable_fixture.h"

#define READ_RIGHT  1
#define WRITE_RIGHT 2
#define BOTH        3

#define INPUT  UINT64_C(0x5000)
#define OUTPUT UINT64_C(0x1007000)
#define OTHER  UINT64_C(0x1234000)
#define MIDDLE UINT64_C(0x1800000) /* guest-physical, of nested translations */

/* Bits of first-stage entries. */
#define P    UINT64_C(1)
#define RW   UINT64_C(2)
#define US   UINT64_C(4)
#define FULL UINT64_C(7)

/* Bits of second-stage entries. */
#define SS_A BIT(8)
#define SS_D BIT(9)

#define READ  IOMMUSIM_DMA_READ
#define WRITE IOMMUSIM_DMA_WRITE

enum type { FIRST, SECOND, NESTED, PASS_THROUGH, TYPES };

static const struct iommusim_ats_settings plain = { .entries = 16 };

static void make(struct scalable *sm, enum type type, uint32_t pasid)
{
	static void (*const makers[])(struct scalable *, uint32_t,
	    uint16_t) = { [SECOND] = sm_second_stage, [PASS_THROUGH] = sm_pass_through };

	if (type == FIRST)
		sm_first_stage(sm, pasid, SM_DOMAIN, 4);
	else if (type == NESTED)
		sm_nested(sm, pasid, SM_DOMAIN, 4);
	else
		makers[type](sm, pasid, SM_DOMAIN);
}

/* Where a type leads an input address, in the stage that comes first. */
static void map(struct scalable *sm, enum type type, uint64_t input, uint64_t output)
{
	if (type == SECOND) {
		sm_map_second(sm, sm->second, 4, input, output, 3, 1);
		return;
	}
	if (type == NESTED)
		sm_map_second(sm, sm->second, 4, output, output, 3, 1);
	sm_map_first(sm, sm->first, 4, input, output, FULL, 1);
}

/* Requests with SM_PASID, and without one, are translated in this way; INPUT leads to OUTPUT. */
static void start_with(struct scalable *sm, enum type type, const struct vtd_setup *setup,
    const struct iommusim_ats_settings *settings)
{
	sm_start(sm, setup);
	make(sm, type, SM_PASID);
	make(sm, type, SM_NO_PASID);
	map(sm, type, INPUT, OUTPUT);
	sm_queue_start(sm);
	assert_int_equal(iommusim_ats_enable(sm->vtd.device, settings), IOMMUSIM_OK);
}

static void start(struct scalable *sm, enum type type)
{
	start_with(sm, type, NULL, &plain);
}

static struct iommusim_ats_page access_page(
    struct scalable *sm, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid, unsigned flags)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.kind = kind,
		.has_pasid = pasid != SM_NO_PASID,
		.pasid = pasid == SM_NO_PASID ? 0 : pasid,
		.privileged = (flags & SM_PRIVILEGED) != 0 };
	struct iommusim_ats_outcome outcome;

	assert_int_equal(iommusim_ats_dma(sm->vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 1);
	return outcome.page;
}

static enum iommusim_ats_way way(struct scalable *sm, enum iommusim_dma_kind kind, uint32_t pasid)
{
	return access_page(sm, kind, INPUT, pasid, 0).way;
}

/* Where a read of INPUT ends up. */
static uint64_t reached(struct scalable *sm, uint32_t pasid)
{
	const struct iommusim_ats_page page = access_page(sm, READ, INPUT, pasid, 0);

	assert_true(page.way == IOMMUSIM_ATS_HIT || page.way == IOMMUSIM_ATS_FRESH);
	assert_false(page.sent.faulted);
	return page.sent.physical;
}

static unsigned held(struct scalable *sm, struct iommusim_ats_entry *entry)
{
	size_t cursor = 0;
	unsigned count = 0;

	while (iommusim_ats_next(sm->vtd.device, &cursor, entry))
		count++;
	return count;
}

static void set_bits(struct scalable *sm, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

static void change_entry(
    struct scalable *sm, uint32_t pasid, unsigned quad, uint64_t clear, uint64_t set)
{
	set_bits(sm, sm_entry_at(sm, pasid) + quad * UINT64_C(8), clear, set);
}

/* ---- what a device gets to keep ------------------------------------------------------------------------- */

static void every_translation_type_goes_through_the_device_tlb(void **state)
{
	static const uint32_t pasids[] = { SM_PASID, SM_NO_PASID };
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 2 * TYPES; i++) {
		const enum type type = (enum type)(i / 2);
		const uint32_t pasid = pasids[i % 2];
		const uint64_t output = type == PASS_THROUGH ? INPUT : OUTPUT;
		struct iommusim_ats_page page;

		start(&sm, type);
		page = access_page(&sm, WRITE, INPUT + 0xff8, pasid, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_FRESH);
		assert_int_equal(page.granted, BOTH);
		assert_int_equal(page.sent.physical, output + 0xff8);
		assert_false(page.sent.faulted);
		page = access_page(&sm, READ, INPUT, pasid, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_HIT);
		assert_int_equal(page.sent.physical, output);
		assert_int_equal(held(&sm, &entry), 1);
		assert_int_equal(entry.has_pasid, i % 2 == 0);
		assert_int_equal(entry.pasid, i % 2 == 0 ? SM_PASID : 0);
		assert_false(entry.privileged || entry.non_snooped);
		assert_int_equal(entry.shift, type == PASS_THROUGH ? 30 : 12);
		assert_int_equal(vt_records(&sm.vtd), 0);
		sm_stop(&sm);
	}
}

/* Pages of two stages: the smaller one is what is handed out (3.8). */
static void large_pages_are_kept_as_such(void **state)
{
	static const struct {
		enum type type;
		unsigned first_level, second_level, shift;
	} cases[] = { { FIRST, 2, 0, 21 }, { FIRST, 3, 0, 30 }, { SECOND, 0, 2, 21 },
		{ SECOND, 0, 3, 30 }, { NESTED, 2, 2, 21 }, { NESTED, 3, 2, 21 }, { NESTED, 1, 2, 12 },
		{ NESTED, 2, 1, 12 } };
	const uint64_t input = UINT64_C(0x140000000), middle = UINT64_C(0x180000000);
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const enum type type = cases[i].type;
		const uint64_t mask = BIT(cases[i].shift) - 1;

		start(&sm, type);
		if (type != SECOND)
			sm_map_first(&sm, sm.first, 4, input, type == FIRST ? 0 : middle, FULL,
			    cases[i].first_level);
		if (type != FIRST)
			sm_map_second(&sm, sm.second, 4, type == SECOND ? input : middle, 0, 3,
			    cases[i].second_level);
		assert_int_equal(access_page(&sm, READ, input + 0x10, SM_PASID, 0).sent.physical, 0x10);
		assert_int_equal(held(&sm, &entry), 1);
		assert_int_equal(entry.shift, cases[i].shift);
		assert_int_equal(entry.address, input);
		assert_int_equal(access_page(&sm, READ, input + (mask & 0xfffff8), SM_PASID, 0).way,
		    IOMMUSIM_ATS_HIT);
		sm_stop(&sm);
	}
}

/* Table 10. */
static void the_entry_says_whether_no_snoop_is_allowed(void **state)
{
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < TYPES; type++) {
		start(&sm, (enum type)type);
		change_entry(&sm, SM_PASID, 1, 0, SM_PGSNP);
		way(&sm, READ, SM_PASID);
		assert_int_equal(held(&sm, &entry), 1);
		assert_true(entry.non_snooped);
		sm_stop(&sm);
	}
}

/* 3.6.1: a supervisor's page is nothing for users, and the right of the one does not serve the other. */
static void privileged_requests_have_entries_of_their_own(void **state)
{
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	start(&sm, FIRST);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, P | RW, 1);
	assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FAULT);
	assert_int_equal(
	    access_page(&sm, WRITE, INPUT, SM_PASID, SM_PRIVILEGED).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&sm, &entry), 1);
	assert_true(entry.privileged);
	assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FAULT);
	assert_int_equal(access_page(&sm, READ, INPUT, SM_PASID, SM_PRIVILEGED).way, IOMMUSIM_ATS_HIT);
	assert_int_equal(vt_records(&sm.vtd), 0);
	sm_stop(&sm);
	start(&sm, FIRST); /* 4.2.3: SRE=0, R=W=0 */
	change_entry(&sm, SM_PASID, 2, SM_SRE, 0);
	assert_int_equal(
	    access_page(&sm, READ, INPUT, SM_PASID, SM_PRIVILEGED).way, IOMMUSIM_ATS_FAULT);
	assert_int_equal(held(&sm, &entry), 0);
	assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FRESH);
	sm_stop(&sm);
}

/* RID_PRIV: the rights of a supervisor, in an answer that does not say so (4.2.3). */
static void privilege_of_the_source_is_not_in_the_tag(void **state)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_RPRIVS };
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	start_with(&sm, FIRST, &setup, &plain);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, P | RW, 1);
	set_bits(&sm, sm_context_at(&sm, VTD_RID) + 8, 0, BIT(20));
	assert_int_equal(way(&sm, WRITE, SM_NO_PASID), IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&sm, &entry), 1);
	assert_false(entry.privileged || entry.has_pasid);
	sm_stop(&sm);
}

/* 4.2.3.1: No Write, on units that listen, keeps a page clean until the device means to write. */
static void a_page_gets_dirty_when_the_device_may_write_it(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		const bool listens = (i & 1) != 0, asks = (i & 2) != 0, stays_clean = listens && asks;
		const struct vtd_setup setup = { .ecap_set = listens ? ECAP_NWFS : 0 };
		const struct iommusim_ats_settings settings = { .entries = 16, .no_write = asks };
		struct iommusim_ats_page page;
		struct scalable sm;
		uint64_t at;

		(void)state;
		start_with(&sm, SECOND, &setup, &settings);
		change_entry(&sm, SM_PASID, 0, 0, SM_SSADE);
		at = sm_second_at(&sm, sm.second, 4, INPUT, 1);
		page = access_page(&sm, READ, INPUT, SM_PASID, 0);
		assert_int_equal(page.granted, stays_clean ? READ_RIGHT : BOTH);
		assert_int_equal(
		    vt_load(&sm.vtd, at) & (SS_A | SS_D), stays_clean ? SS_A : SS_A | SS_D);
		page = access_page(&sm, WRITE, INPUT, SM_PASID, 0);
		assert_int_equal(page.way, stays_clean ? IOMMUSIM_ATS_FRESH : IOMMUSIM_ATS_HIT);
		assert_int_equal(vt_load(&sm.vtd, at) & (SS_A | SS_D), SS_A | SS_D);
		assert_int_equal(page.granted, BOTH);
		sm_stop(&sm);
	}
}

/* ---- what it is not given ------------------------------------------------------------------------------- */

static void what_is_not_there_is_a_fault_of_the_device_alone(void **state)
{
	struct iommusim_ats_entry entry;
	struct iommusim_ats_page page;
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < PASS_THROUGH; type++) {
		start(&sm, (enum type)type);
		page = access_page(&sm, READ, INPUT + 0x1000, SM_PASID, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_FAULT);
		assert_true(page.asked && page.answer.answered && !page.answer.faulted);
		page = access_page(&sm, READ, INPUT, SM_PASID + 1, 0); /* no such address space: 59h */
		assert_int_equal(page.way, IOMMUSIM_ATS_FAULT);
		assert_int_equal(page.granted, 0);
		assert_int_equal(held(&sm, &entry), 0);
		assert_int_equal(vt_records(&sm.vtd), 0);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
		sm_stop(&sm);
	}
}

static void refuse_by_dte(struct scalable *sm)
{
	set_bits(sm, sm_context_at(sm, VTD_RID), SM_DTE, 0);
}

static void refuse_by_reserved_bit(struct scalable *sm)
{
	change_entry(sm, SM_PASID, 3, 0, 1);
}

static void refuse_by_rid_pasid(struct scalable *sm)
{
	set_bits(sm, sm_context_at(sm, VTD_RID) + 8, 0xfffff, SM_PASID);
}

static void refuse_by_turning_off(struct scalable *sm)
{
	vt_command(&sm->vtd, G_TE, false);
}

/* Table 30, translation requests with PASID: UR or CA, and a record; none while remapping is off (4.2.1). */
static void a_refused_translation_request_is_an_error(void **state)
{
	static const struct {
		void (*refuse)(struct scalable *sm);
		unsigned reason;
		bool aborts;
	} cases[] = {
		{ refuse_by_dte, 0x44, false },
		{ refuse_by_reserved_bit, 0x5a, true },
		{ refuse_by_rid_pasid, 0x48, false },
		{ refuse_by_turning_off, 0, false },
	};
	struct iommusim_ats_page page;
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(&sm, SECOND);
		cases[i].refuse(&sm);
		page = access_page(&sm, READ, INPUT, SM_PASID, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_REFUSED);
		assert_int_equal(page.answer.fault.reason, cases[i].reason);
		assert_int_equal(page.answer.fault.aborts, cases[i].aborts);
		assert_int_equal(vt_records(&sm.vtd), cases[i].reason != 0);
		sm_stop(&sm);
	}
}

/* 4.2.1, 4.2.5, SCT.10: with the PASID only where the unit knows of it and the context allows it. */
static void translated_requests_with_pasid_must_be_allowed(void **state)
{
	static const struct {
		bool sends, ptrs, eptr, denied;
		unsigned reason;
	} cases[] = {
		{ false, false, false, false, 0 },
		{ true, false, false, true, 0 },
		{ true, true, false, true, 0x49 },
		{ true, true, true, false, 0 },
		{ false, true, true, false, 0 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct vtd_setup setup = { .ecap_set = cases[i].ptrs ? ECAP_PTRS : 0 };
		const struct iommusim_ats_settings settings = { .entries = 16,
			.sends_pasid = cases[i].sends };
		struct iommusim_ats_page page;

		start_with(&sm, SECOND, &setup, &settings);
		if (cases[i].eptr)
			set_bits(&sm, sm_context_at(&sm, VTD_RID), 0, SM_EPTR);
		page = access_page(&sm, READ, INPUT, SM_PASID, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_FRESH);
		assert_int_equal(page.sent.faulted, cases[i].denied);
		assert_int_equal(page.sent.fault.reason, cases[i].reason);
		assert_int_equal(vt_records(&sm.vtd), cases[i].reason != 0);
		sm_stop(&sm);
	}
}

/* S.1 to S.3: without PASID the interrupt range is written to untranslated, and only written to. */
static void interrupts_are_sent_as_they_are(void **state)
{
	uint32_t data = 0x41;
	struct iommusim_dma_request message = {
		.address = 0xfee01000, .length = 4, .kind = WRITE, .data = &data
	};
	struct iommusim_ats_outcome outcome;
	struct iommusim_ats_entry entry;
	struct scalable sm;

	(void)state;
	start_with(&sm, FIRST, &(struct vtd_setup){ .ecap_set = ECAP_NWFS },
	    &(struct iommusim_ats_settings){ .entries = 16, .no_write = true });
	map(&sm, FIRST, 0xfee01000, OUTPUT);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
		    iommusim_ats_dma(sm.vtd.device, &message, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.untranslated, 1);
		assert_int_equal(vt_only_message(&sm.vtd).data, 0x41);
	}
	assert_int_equal(held(&sm, &entry), 1);
	assert_true(entry.untranslated_only);
	assert_int_equal(access_page(&sm, READ, 0xfee01000, SM_NO_PASID, 0).way, IOMMUSIM_ATS_FAULT);
	message.has_pasid = true; /* with one it is an address like any other */
	message.pasid = SM_PASID;
	assert_int_equal(iommusim_ats_dma(sm.vtd.device, &message, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.fresh, 1);
	assert_int_equal(outcome.page.sent.physical, OUTPUT);
	vt_no_message(&sm.vtd);
	sm_stop(&sm);
}

/* ---- what software owes it (Table 28) ------------------------------------------------------------------- */

#define EVERYTHING UINT64_C(0x7ffffffffffff000)

static void submit(struct scalable *sm, uint64_t low, uint64_t high)
{
	const uint64_t descriptor[4] = { low, high };

	sm_submit(sm, descriptor);
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS) & 0x70, 0);
}

static uint32_t tag_of(uint32_t pasid)
{
	return pasid == SM_NO_PASID ? SM_RID_PASID : pasid;
}

/* The page of INPUT in the unit's IOTLB: by domain, or by PASID where there is a first stage. */
static void invalidate_iotlb(struct scalable *sm, enum type type, uint32_t pasid)
{
	if (type == SECOND || type == PASS_THROUGH)
		submit(sm, 0x32 | (uint64_t)SM_DOMAIN << 16, INPUT);
	else
		submit(sm, 0x36 | (uint64_t)SM_DOMAIN << 16 | (uint64_t)tag_of(pasid) << 32, INPUT);
}

/* In the device-TLB: the page of INPUT, or everything. */
static void invalidate_device(struct scalable *sm, uint32_t pasid, bool everything)
{
	const uint64_t address = everything ? EVERYTHING : INPUT;

	if (pasid == SM_NO_PASID)
		submit(sm, 0x3 | (uint64_t)VTD_RID << 32, address | everything);
	else
		submit(sm, 0x8 | (uint64_t)VTD_RID << 16 | (uint64_t)pasid << 32,
		    address | (uint64_t)everything << 11);
}

struct change {
	enum type type;
	uint32_t pasid;
};

static const struct change changes[] = { { FIRST, SM_PASID }, { SECOND, SM_PASID },
	{ NESTED, SM_PASID }, { FIRST, SM_NO_PASID }, { SECOND, SM_NO_PASID },
	{ NESTED, SM_NO_PASID } };

#define CHANGES (sizeof(changes) / sizeof(*changes))

/* The device knows OUTPUT, and so does the IOTLB; then software moves the page. */
static void move_page(struct scalable *sm, const struct change *change)
{
	start(sm, change->type);
	assert_int_equal(reached(sm, change->pasid), OUTPUT);
	map(sm, change->type, INPUT, OTHER);
}

static void iotlb_before_device_tlb_leaves_nothing_stale(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 2 * CHANGES; i++) {
		const struct change *change = &changes[i / 2];
		const bool busy = i % 2 != 0; /* the device uses the page between any two steps */

		move_page(&sm, change);
		if (busy)
			assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		invalidate_iotlb(&sm, change->type, change->pasid);
		if (busy)
			assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		invalidate_device(&sm, change->pasid, false);
		assert_int_equal(reached(&sm, change->pasid), OTHER);
		assert_int_equal(way(&sm, READ, change->pasid), IOMMUSIM_ATS_HIT);
		sm_stop(&sm);
	}
}

/* 6.5.2.5, 6.5.2.6, last paragraphs: the device asks again at once, and the IOTLB has the old answer. */
static void device_tlb_before_iotlb_brings_the_old_page_back(void **state)
{
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < CHANGES; i++) {
		const struct change *change = &changes[i];
		struct iommusim_ats_page page;

		move_page(&sm, change);
		invalidate_device(&sm, change->pasid, false);
		page = access_page(&sm, READ, INPUT, change->pasid, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_FRESH);
		assert_true(page.answer.cached);
		assert_int_equal(page.sent.physical, OUTPUT);
		invalidate_iotlb(&sm, change->type, change->pasid);
		page = access_page(&sm, READ, INPUT, change->pasid, 0);
		assert_int_equal(page.way, IOMMUSIM_ATS_HIT);
		assert_int_equal(page.sent.physical, OUTPUT); /* for good */
		invalidate_device(&sm, change->pasid, false);
		assert_int_equal(reached(&sm, change->pasid), OTHER);
		sm_stop(&sm);
	}
}

/* A device that is lucky, or a unit without an IOTLB, hides the wrong order. */
static void the_wrong_order_does_no_harm_by_itself(void **state)
{
	static const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < CHANGES; i++) {
		const struct change *change = &changes[i];

		move_page(&sm, change); /* the device is idle in between */
		invalidate_device(&sm, change->pasid, false);
		invalidate_iotlb(&sm, change->type, change->pasid);
		assert_int_equal(reached(&sm, change->pasid), OTHER);
		sm_stop(&sm);
		start_with(&sm, change->type, &uncached, &plain);
		assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		map(&sm, change->type, INPUT, OTHER);
		invalidate_device(&sm, change->pasid, false);
		assert_int_equal(reached(&sm, change->pasid), OTHER);
		sm_stop(&sm);
	}
}

static void each_invalidation_alone_is_not_enough(void **state)
{
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < CHANGES; i++) {
		const struct change *change = &changes[i];

		move_page(&sm, change);
		invalidate_iotlb(&sm, change->type, change->pasid);
		assert_int_equal(way(&sm, READ, change->pasid), IOMMUSIM_ATS_HIT);
		assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		sm_stop(&sm);
		move_page(&sm, change);
		invalidate_device(&sm, change->pasid, false);
		assert_int_equal(way(&sm, READ, change->pasid), IOMMUSIM_ATS_FRESH);
		assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		sm_stop(&sm);
	}
}

/* The descriptor without PASID for pages of a PASID, and the other way round, by RID_PASID. */
static void the_wrong_descriptor_leaves_the_entry(void **state)
{
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < CHANGES; i++) {
		const struct change *change = &changes[i];

		move_page(&sm, change);
		invalidate_iotlb(&sm, change->type, change->pasid);
		invalidate_device(
		    &sm, change->pasid == SM_NO_PASID ? SM_RID_PASID : SM_NO_PASID, false);
		assert_int_equal(way(&sm, READ, change->pasid), IOMMUSIM_ATS_HIT);
		assert_int_equal(reached(&sm, change->pasid), OUTPUT);
		sm_stop(&sm);
	}
}

/* 6.5.3.5: a page that comes needs nothing; a right that comes may be hidden by the IOTLB. */
static void upgrades_need_less(void **state)
{
	struct iommusim_ats_page page;
	struct scalable sm;

	(void)state;
	start(&sm, FIRST);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 0, 1);
	assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FAULT);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, P | US, 1);
	assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FRESH);
	assert_int_equal(way(&sm, WRITE, SM_PASID), IOMMUSIM_ATS_FAULT);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, FULL, 1);
	page = access_page(&sm, WRITE, INPUT, SM_PASID, 0);
	assert_int_equal(page.way, IOMMUSIM_ATS_FAULT);
	assert_true(page.answer.cached);
	invalidate_iotlb(&sm, FIRST, SM_PASID); /* or a page request, which does that too (6.5.3.1) */
	assert_int_equal(way(&sm, WRITE, SM_PASID), IOMMUSIM_ATS_FRESH);
	sm_stop(&sm);
}

enum { ALL, NO_PASID_CACHE, NO_IOTLB, NO_DEVICE, OMISSIONS };

/* P 1 to 0 in the PASID-table entry, and the invalidations of Table 28 but for one. */
static void take_pasid_away(struct scalable *sm, enum type type, unsigned left_out)
{
	const uint64_t domain = (uint64_t)SM_DOMAIN << 16, pasid = (uint64_t)SM_PASID << 32;

	start(sm, type);
	assert_int_equal(reached(sm, SM_PASID), OUTPUT);
	change_entry(sm, SM_PASID, 0, SM_P, 0);
	if (left_out != NO_PASID_CACHE)
		submit(sm, 0x17 | domain | pasid, 0);
	if (left_out != NO_IOTLB)
		submit(sm, type == FIRST ? 0x26 | domain | pasid : 0x22 | domain, 0);
	if (left_out != NO_DEVICE)
		invalidate_device(sm, SM_PASID, true);
}

/* None can be left out. That of the IOTLB shows when the PASID comes back, for which nothing is due. */
static void a_pasid_that_goes_takes_three_invalidations(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 3 * OMISSIONS; i++) {
		const enum type type = (enum type)(i / OMISSIONS);
		const unsigned left_out = i % OMISSIONS;

		take_pasid_away(&sm, type, left_out);
		if (left_out == NO_PASID_CACHE || left_out == NO_DEVICE) {
			assert_int_equal(way(&sm, READ, SM_PASID),
			    left_out == NO_DEVICE ? IOMMUSIM_ATS_HIT : IOMMUSIM_ATS_FRESH);
			assert_int_equal(reached(&sm, SM_PASID), OUTPUT);
		} else {
			assert_int_equal(way(&sm, READ, SM_PASID), IOMMUSIM_ATS_FAULT);
			map(&sm, type, INPUT, OTHER);
			change_entry(&sm, SM_PASID, 0, 0, SM_P);
			assert_int_equal(reached(&sm, SM_PASID), left_out == ALL ? OTHER : OUTPUT);
		}
		sm_stop(&sm);
	}
}

/* The device may go on with what it has until the unit forgets the context; then its requests bounce. */
static void taking_ats_away_from_a_device_that_uses_it_makes_errors(void **state)
{
	struct iommusim_ats_page page;
	struct scalable sm;

	(void)state;
	start(&sm, SECOND);
	assert_int_equal(reached(&sm, SM_PASID), OUTPUT);
	set_bits(&sm, sm_context_at(&sm, VTD_RID), SM_DTE, 0);
	assert_int_equal(reached(&sm, SM_PASID), OUTPUT);
	submit(&sm, 0x31 | (uint64_t)VTD_RID << 32, 0); /* context cache, this device */
	page = access_page(&sm, READ, INPUT, SM_PASID, 0);
	assert_int_equal(page.way, IOMMUSIM_ATS_HIT);
	assert_true(page.sent.faulted);
	assert_int_equal(page.sent.fault.reason, 0x44);
	invalidate_device(&sm, SM_NO_PASID, true); /* Table 28: PASIDs go, too */
	submit(&sm, 0x22 | (uint64_t)SM_DOMAIN << 16, 0);
	page = access_page(&sm, READ, INPUT, SM_PASID, 0);
	assert_int_equal(page.way, IOMMUSIM_ATS_REFUSED);
	assert_int_equal(page.answer.fault.reason, 0x44);
	sm_stop(&sm);
}

/* 4.5.2: the device first. */
static void turned_off_in_the_right_order_it_goes_on_without(void **state)
{
	struct iommusim_ats_page page;
	struct scalable sm;

	(void)state;
	start(&sm, SECOND);
	assert_int_equal(reached(&sm, SM_PASID), OUTPUT);
	iommusim_ats_disable(sm.vtd.device);
	invalidate_device(&sm, SM_NO_PASID, true);
	set_bits(&sm, sm_context_at(&sm, VTD_RID), SM_DTE, 0);
	submit(&sm, 0x31 | (uint64_t)VTD_RID << 32, 0);
	page = access_page(&sm, READ, INPUT, SM_PASID, 0);
	assert_int_equal(page.way, IOMMUSIM_ATS_UNTRANSLATED);
	assert_int_equal(page.sent.physical, OUTPUT);
	assert_int_equal(vt_records(&sm.vtd), 0);
	sm_stop(&sm);
}

/* ---- with DMA under way --------------------------------------------------------------------------------- */

#define ROUNDS      120u
#define BASE        UINT64_C(0x40000)
#define FIRST_FRAME UINT64_C(0x100000)

/* A thread that writes to pages in turn, with a device-TLB, until it is told to stop. */
struct worker {
	struct iommusim_requester *device;
	_Atomic bool *stop;
	_Atomic uint64_t requests;
	uint64_t count;
	uint32_t pasid, offset; /* in each page */
	uint64_t hits, fresh, others;
	pthread_t thread;
};

static void *work(void *context)
{
	struct worker *worker = context;

	for (uint64_t i = 0; !atomic_load(worker->stop); i++) {
		uint64_t stamp = UINT64_C(0x5354414d50000000) | i % worker->count;
		const struct iommusim_dma_request request = { .address = BASE +
			    i % worker->count * UINT64_C(0x1000) + worker->offset,
			.length = sizeof(stamp),
			.kind = WRITE,
			.has_pasid = worker->pasid != SM_NO_PASID,
			.pasid = worker->pasid == SM_NO_PASID ? 0 : worker->pasid,
			.data = &stamp };
		struct iommusim_ats_outcome outcome;

		iommusim_ats_dma(worker->device, &request, &outcome, NULL, 0);
		worker->hits += outcome.hits;
		worker->fresh += outcome.fresh;
		worker->others += 1 - outcome.hits - outcome.fresh + outcome.denied;
		atomic_fetch_add(&worker->requests, 1);
		if (i % 64 == 63)
			sched_yield();
	}
	return NULL;
}

/*
 * Requesters of one id, each with a device-TLB and its own part of every page. There are more of them
 * than processors, mostly, so that some are always interrupted in the middle of a request.
 */
#define WORKERS 4u
#define PART    (0x1000u / WORKERS)

struct race {
	struct scalable sm;
	struct worker workers[WORKERS];
	_Atomic bool stop;
	_Atomic uint64_t *entry[8]; /* paging entries of the pages, in host memory */
	uint64_t frame[8];          /* where each points */
	uint64_t next;
	uint64_t pages;
	uint32_t pasid;
};

static void start_race(struct race *race, uint32_t pasid, uint64_t pages)
{
	memset(race, 0, sizeof(*race));
	sm_start(&race->sm, NULL);
	sm_second_stage(&race->sm, pasid, SM_DOMAIN);
	sm_queue_start(&race->sm);
	race->next = FIRST_FRAME;
	race->pages = pages;
	race->pasid = pasid;
	for (uint64_t i = 0; i < pages; i++) {
		const uint64_t at =
		    sm_second_at(&race->sm, race->sm.second, 4, BASE + i * UINT64_C(0x1000), 1);

		race->frame[i] = race->next;
		race->next += 0x1000;
		vt_store(&race->sm.vtd, at, race->frame[i] | 3);
		race->entry[i] = iommusim_memory_host(race->sm.vtd.machine, at, 8);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(iommusim_requester_create(
				     race->sm.vtd.machine, 0, VTD_RID, &race->workers[i].device),
		    IOMMUSIM_OK);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = &race->workers[i];

		worker->stop = &race->stop;
		worker->pasid = pasid;
		worker->count = pages;
		worker->offset = i * PART;
		assert_int_equal(iommusim_ats_enable(worker->device, &plain), IOMMUSIM_OK);
		assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
	}
}

/* Let each get through some requests that began after now. */
static void let_work(struct race *race, uint64_t requests)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		const uint64_t from = atomic_load(&race->workers[i].requests);

		while (atomic_load(&race->workers[i].requests) < from + requests)
			sched_yield();
	}
}

static void join_race(struct race *race)
{
	atomic_store(&race->stop, true);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(race->workers[i].thread, NULL), 0);
		assert_true(race->workers[i].hits > 0 && race->workers[i].fresh > 0);
		assert_int_equal(race->workers[i].others, 0);
	}
}

/* Point a page elsewhere and do what Table 28 says. From the status write on nobody uses the old one. */
static void move_frame(struct race *race, uint64_t page, uint64_t frame)
{
	const uint64_t address = BASE + page * UINT64_C(0x1000);

	race->frame[page] = frame;
	atomic_store(race->entry[page], frame | 3);
	submit(&race->sm, 0x32 | (uint64_t)SM_DOMAIN << 16, address);
	if (race->pasid == SM_NO_PASID)
		submit(&race->sm, 0x3 | (uint64_t)VTD_RID << 32, address);
	else
		submit(&race->sm, 0x8 | (uint64_t)VTD_RID << 16 | (uint64_t)race->pasid << 32, address);
	submit(&race->sm, 0x25 | UINT64_C(1) << 32, 0x8000);
	assert_int_equal(vt_load(&race->sm.vtd, 0x8000), 1);
	vt_store(&race->sm.vtd, 0x8000, 0);
}

/* All stamps. Nobody may be writing there. */
static void clear_frame(struct race *race, uint64_t frame)
{
	for (unsigned i = 0; i < WORKERS; i++)
		vt_store(&race->sm.vtd, frame + (uint64_t)i * PART, 0);
}

static bool is_clear(struct race *race, uint64_t frame)
{
	uint64_t stamps = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		stamps |= vt_load(&race->sm.vtd, frame + (uint64_t)i * PART);
	return stamps == 0;
}

static const uint32_t racers[] = { SM_NO_PASID, SM_PASID };

/* Pages that were taken away belong to somebody else, and stay as that one left them. */
static void no_translated_request_reaches_an_old_page_after_the_wait(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t old[ROUNDS];
		struct race race;

		start_race(&race, racers[i], 8);
		for (unsigned round = 0; round < ROUNDS; round++) {
			old[round] = race.frame[round % 8];
			let_work(&race, 3);
			move_frame(&race, round % 8, race.next);
			race.next += 0x1000;
			clear_frame(&race, old[round]);
			if (round >= 8)
				assert_true(is_clear(&race, old[round - 8]));
		}
		let_work(&race, 16);
		join_race(&race);
		for (unsigned round = 0; round < ROUNDS; round++)
			assert_true(is_clear(&race, old[round]));
		for (unsigned page = 0; page < 8; page++) /* and the last ones were reached */
			assert_false(is_clear(&race, race.frame[page]));
		sm_stop(&race.sm);
	}
}

/* One page moves as fast as it can while devices ask for it. Frames are used again once found clear. */
static void a_page_that_moves_on_and_on_is_left_behind_each_time(void **state)
{
	enum { RING = 64 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		unsigned dirty = 0;
		struct race race;

		start_race(&race, racers[i], 1);
		for (unsigned round = 0; round < 8 * ROUNDS; round++) {
			const uint64_t frame = 0x200000 + round % RING * UINT64_C(0x1000);
			const uint64_t old = race.frame[0];

			if (round >= RING)
				dirty += !is_clear(&race, frame);
			move_frame(&race, 0, frame);
			clear_frame(&race, old);
			if (round % 4 == 3) /* time for a stale entry to do its harm */
				let_work(&race, 1);
		}
		assert_int_equal(dirty, 0);
		let_work(&race, 4); /* so that each has hit once, too */
		join_race(&race);
		sm_stop(&race.sm);
	}
}

/* ATS goes off and on, as with function-level resets, while the device works. */
static void a_device_can_be_reset_while_it_works(void **state)
{
	struct race race;

	(void)state;
	start_race(&race, SM_PASID, 8);
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		struct iommusim_ats_entry entry;
		size_t cursor = 0;

		while (iommusim_ats_next(race.workers[0].device, &cursor, &entry))
			assert_int_equal(entry.pasid, SM_PASID);
		assert_int_equal(iommusim_ats_enable(race.workers[0].device,
				     &(struct iommusim_ats_settings){ .entries = 1 + round % 9 }),
		    IOMMUSIM_OK);
		let_work(&race, 3);
	}
	assert_int_equal(iommusim_ats_enable(race.workers[0].device, &plain), IOMMUSIM_OK);
	let_work(&race, 32);
	join_race(&race);
	sm_stop(&race.sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_translation_type_goes_through_the_device_tlb),
		cmocka_unit_test(large_pages_are_kept_as_such),
		cmocka_unit_test(the_entry_says_whether_no_snoop_is_allowed),
		cmocka_unit_test(privileged_requests_have_entries_of_their_own),
		cmocka_unit_test(privilege_of_the_source_is_not_in_the_tag),
		cmocka_unit_test(a_page_gets_dirty_when_the_device_may_write_it),
		cmocka_unit_test(what_is_not_there_is_a_fault_of_the_device_alone),
		cmocka_unit_test(a_refused_translation_request_is_an_error),
		cmocka_unit_test(translated_requests_with_pasid_must_be_allowed),
		cmocka_unit_test(interrupts_are_sent_as_they_are),
		cmocka_unit_test(iotlb_before_device_tlb_leaves_nothing_stale),
		cmocka_unit_test(device_tlb_before_iotlb_brings_the_old_page_back),
		cmocka_unit_test(the_wrong_order_does_no_harm_by_itself),
		cmocka_unit_test(each_invalidation_alone_is_not_enough),
		cmocka_unit_test(the_wrong_descriptor_leaves_the_entry),
		cmocka_unit_test(upgrades_need_less),
		cmocka_unit_test(a_pasid_that_goes_takes_three_invalidations),
		cmocka_unit_test(taking_ats_away_from_a_device_that_uses_it_makes_errors),
		cmocka_unit_test(turned_off_in_the_right_order_it_goes_on_without),
		cmocka_unit_test(no_translated_request_reaches_an_old_page_after_the_wait),
		cmocka_unit_test(a_page_that_moves_on_and_on_is_left_behind_each_time),
		cmocka_unit_test(a_device_can_be_reset_while_it_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
