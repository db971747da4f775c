/*
 * What stands before the paging entries in scalable mode (VT-d 3.4.3, 9.2, 9.4 to 9.6, 11.4.5): how
 * each condition is reached, what is recorded, what FPD hides, and which fields count on which unit. Bit
 * by bit: test_sweep_scalable.c. What other kinds of request are told: test_scalable_requests.c.
 */
#include "scalable_scene.h"

#define HOLE   SCENE_HOLE
#define INPUT  SCENE_INPUT
#define OUTPUT SCENE_OUTPUT
#define FREE   SM_NO_PASID /* a request without PASID */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static unsigned read_reason(struct scalable *sm, uint32_t pasid)
{
	return sm_reason(sm, IOMMUSIM_DMA_READ, INPUT, pasid, 0);
}

/* A read of INPUT without PASID and one with SM_PASID come to the same. */
static void expect_both(struct scalable *sm, unsigned reason)
{
	assert_int_equal(read_reason(sm, FREE), reason);
	assert_int_equal(read_reason(sm, SM_PASID), reason);
}

/* A unit without caches; requests without PASID and with SM_PASID pass through. */
static void start(struct scalable *sm, const struct vtd_setup *setup)
{
	sm_start_uncached(sm, setup);
	sm_pass_through(sm, FREE, SM_DOMAIN);
	sm_pass_through(sm, SM_PASID, SM_DOMAIN + 1);
}

static void edit(struct scalable *sm, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

static void edit_context(struct scalable *sm, unsigned quad, uint64_t clear, uint64_t set)
{
	edit(sm, sm_context_at(sm, VTD_RID) + quad * UINT64_C(8), clear, set);
}

/* ---- each condition: reached, recorded, hidden, in order ------------------------------------- */

static bool applies(const struct scene_condition *condition, enum scene_column column)
{
	return condition->columns[column] != '.';
}

static void expect_condition(
    const struct scene_condition *condition, enum scene_column column, bool supervisor)
{
	struct scene scene;

	scene_start(&scene);
	scene_choose(&scene, column);
	if (supervisor)
		scene.flags |= SM_PRIVILEGED;
	for (unsigned kind = 0; kind < 3; kind++) {
		scene.kind = (enum iommusim_dma_kind)kind;
		assert_false(scene_ask(&scene).page.faulted);
	}
	scene_expect_silence(&scene);
	condition->make(&scene);
	for (unsigned kind = 0; kind < ((scene.flags & SM_EXECUTE) != 0 ? 1 : 3); kind++) {
		struct iommusim_dma_page page;

		scene.kind = (enum iommusim_dma_kind)kind;
		page = scene_ask(&scene).page;
		assert_true(page.faulted && page.translated);
		assert_int_equal(page.fault.reason, condition->code);
		assert_true(page.fault.recorded);
		assert_false(page.fault.suppressed);
		scene_expect_recorded(&scene, condition->code);
	}
	scene_stop(&scene);
}

/* VT-d 11.4.7.6: PASID, PRIV and EXE only of requests that have a PASID. */
static void each_condition_denies_requests_and_is_recorded_in_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++) {
		if (applies(&scene_conditions[i], SCENE_UNTRANSLATED))
			expect_condition(&scene_conditions[i], SCENE_UNTRANSLATED, false);
		if (!applies(&scene_conditions[i], SCENE_UNTRANSLATED_PASID))
			continue;
		expect_condition(&scene_conditions[i], SCENE_UNTRANSLATED_PASID, false);
		expect_condition(&scene_conditions[i], SCENE_UNTRANSLATED_PASID, true);
	}
}

static void expect_hidden(const struct scene_condition *condition, enum scene_column column,
    unsigned entries, enum scene_caches caches)
{
	const bool hidden = condition->qualified && (condition->fpd & entries) != 0;
	struct scene scene;

	scene_start_with(&scene, caches);
	scene_choose(&scene, column);
	condition->make(&scene);
	scene_disable_faults(&scene, entries);
	for (unsigned again = 0; again < 2; again++) {
		const struct iommusim_dma_page page = scene_ask(&scene).page;

		assert_true(page.faulted);
		if (page.fault.reason != condition->code || page.fault.suppressed != hidden)
			fail_msg("%Xh, FPD set %u, caches %d: %Xh", condition->code, entries,
			    (int)caches, page.fault.reason);
		assert_int_equal(page.fault.recorded, !hidden);
		if (hidden)
			scene_expect_silence(&scene);
		else
			scene_expect_recorded(&scene, condition->code);
	}
	scene_stop(&scene);
}

static void expect_hidden_by_all_sets(const struct scene_condition *condition, enum scene_column column)
{
	for (unsigned entries = 0; entries < 8; entries++) {
		if (condition->step == 0 && entries > SCENE_FPD_CONTEXT)
			break;
		expect_hidden(condition, column, entries, SCENE_NO_CACHE);
		expect_hidden(condition, column, entries, SCENE_CACHES);
		expect_hidden(condition, column, entries, SCENE_CACHING_MODE);
	}
}

/*
 * VT-d 7.1.1, 9.4 to 9.6: one FPD that was met hides a qualified fault, in an entry that is not present
 * too; FPD in an entry that was not reached hides nothing. A second request, for which caches may have
 * kept good entries and bad ones, comes to the same.
 */
static void fpd_met_on_the_way_hides_qualified_faults_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++)
		for (unsigned column = 0; column < 2; column++)
			if (applies(&scene_conditions[i], (enum scene_column)column))
				expect_hidden_by_all_sets(
				    &scene_conditions[i], (enum scene_column)column);
}

/* What is read first is judged first; of an entry, P before the rest. */
static void of_two_conditions_the_first_in_order_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_CONDITIONS; i++) {
		for (size_t j = 0; j < SCENE_CONDITIONS; j++) {
			const struct scene_condition *first = &scene_conditions[i];
			const struct scene_condition *second = &scene_conditions[j];
			struct scene scene;

			if (first->step == 0 || first->step >= second->step ||
			    !applies(first, SCENE_UNTRANSLATED_PASID) ||
			    !applies(second, SCENE_UNTRANSLATED_PASID))
				continue;
			scene_start(&scene);
			scene_choose(&scene, SCENE_UNTRANSLATED_PASID);
			/* the register last: it is where the entries are found */
			second->make(&scene);
			first->make(&scene);
			if (scene_ask(&scene).page.fault.reason != first->code)
				fail_msg("%Xh and %Xh", first->code, second->code);
			scene_stop(&scene);
		}
	}
}

/* P=0: "all other fields except FPD are ignored" (VT-d 9.2, 9.4 to 9.6). */
static void nothing_but_fpd_counts_in_an_entry_that_is_not_present(void **state)
{
	static const uint64_t garbage[8] = { ~SM_P, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
		UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	sm_set_entry(&sm, FREE, garbage);
	sm_set_entry(&sm, SM_PASID, garbage);
	expect_both(&sm, 0x59);
	vt_store(&sm.vtd, sm.directory, ~SM_P);
	expect_both(&sm, 0x51);
	sm_set_context(&sm, VTD_RID, garbage);
	expect_both(&sm, 0x41);
	assert_int_equal(vt_records(&sm.vtd), 0); /* FPD was among it */
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), ~SM_P);
	expect_both(&sm, 0x39);
	assert_int_equal(vt_records(&sm.vtd), 2);
	sm_stop(&sm);
}

/* ---- the root table address ------------------------------------------------------------------ */

static void modes_the_unit_lacks_are_reason_30(void **state)
{
	static const struct {
		uint64_t ecap_set, ecap_clear, mode;
		uint8_t reason;
	} modes[] = {
		{ 0, 0, SM_TTM_SCALABLE, 0 },
		{ 0, ECAP_SMTS, SM_TTM_SCALABLE, 0x30 },
		{ 0, 0, SM_TTM_RESERVED, 0x30 },
		{ ECAP_ADMS, 0, SM_TTM_RESERVED, 0x30 },
		{ 0, 0, SM_TTM_ABORT, 0x30 },
		{ ECAP_ADMS, 0, SM_TTM_ABORT, 0x33 },
		{ ECAP_SSIRWS, 0, SM_TTM_SCALABLE | 0x80, 0 }, /* SSIRWE is for this mode */
		{ 0, ECAP_SMTS, SM_TTM_RESERVED, 0x30 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		start(&sm,
		    &(struct vtd_setup){ .cap_set = CAP_ESRTPS,
			.ecap_set = modes[i].ecap_set,
			.ecap_clear = modes[i].ecap_clear });
		sm_latch_root(&sm, modes[i].mode);
		expect_both(&sm, modes[i].reason);
		sm_stop(&sm);
	}
}

/* 3.4.4: "as if a root-table is not present"; nothing is read. And back again. */
static void abort_dma_mode_needs_no_tables(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;

	(void)state;
	start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_ADMS, .cap_set = CAP_ESRTPS });
	vt_latch_root(&sm.vtd, HOLE | SM_TTM_ABORT);
	expect_both(&sm, 0x33);
	page = sm_access(&sm, IOMMUSIM_DMA_WRITE, INPUT, 8, SM_PASID, SM_UPPER);
	assert_int_equal(page.fault.reason, 0x33);
	assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_ABORT);
	assert_int_equal(vt_records(&sm.vtd), 3);
	sm_latch_root(&sm, SM_TTM_SCALABLE);
	expect_both(&sm, 0);
	sm_stop(&sm);
}

/* ---- root entry and context tables ----------------------------------------------------------- */

static void entries_are_found_by_bus_half_and_function(void **state)
{
	static const uint16_t rids[] = { 0x0000, 0x0001, 0x007f, 0x0080, 0x00ff, 0x0310, 0x7f80, 0x8007,
		0xff7f, 0xff80, 0xffff };
	struct iommusim_requester *device;
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(rids); i++) {
		const uint16_t rid = rids[i];
		const struct iommusim_dma_request request = { .address = INPUT, .length = 8 };
		struct iommusim_dma_outcome outcome;
		uint64_t table;

		start(&sm, NULL);
		sm.root = vt_page(&sm.vtd);
		table = vt_page(&sm.vtd);
		vt_store(&sm.vtd, sm.root + (rid >> 8) * UINT64_C(16) + ((rid & 0x80) != 0 ? 8 : 0),
		    table | 1);
		table += (rid & 0x7f) * UINT64_C(32);
		vt_store(&sm.vtd, table, sm.directory | 1);
		vt_store(&sm.vtd, table + 8, SM_RID_PASID);
		sm_latch_root(&sm, SM_TTM_SCALABLE);
		assert_int_equal(
		    iommusim_requester_create(sm.vtd.machine, 0, rid, &device), IOMMUSIM_OK);
		assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page.fault.reason, 0);
		assert_int_equal(outcome.page.domain, SM_DOMAIN);
		sm_stop(&sm);
	}
}

/* The reasons of the requesters at devices below 16 and above. */
static void expect_halves(struct scalable *sm, unsigned lower, unsigned upper)
{
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, INPUT, FREE, 0), lower);
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, INPUT, FREE, SM_UPPER), upper);
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, 0), lower);
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, SM_UPPER), upper);
}

/* 9.2: each half has a P of its own, and its own reserved bits. */
static void the_halves_of_a_root_entry_do_not_mind_each_other(void **state)
{
	static const struct {
		uint64_t clear, set;
		uint8_t reason;
	} faults[] = {
		{ SM_P, 0, 0x39 },
		{ UINT64_MAX, 0, 0x39 },
		{ 0, BIT(1), 0x3a },
		{ 0, BIT(11), 0x3a },
		{ 0, BIT(VTD_HAW), 0x3a },
		{ 0, BIT(63), 0x3a },
		{ SM_P, ~SM_P, 0x39 },
		{ UINT64_C(0xfffffffffffff000), HOLE, 0x40 },
	};
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const uint64_t lower = sm.context | 1, upper = sm.upper_context | 1;
		const uint64_t at = sm_root_at(&sm, VTD_RID);

		expect_halves(&sm, 0, 0);
		edit(&sm, at, faults[i].clear, faults[i].set);
		expect_halves(&sm, faults[i].reason, 0);
		vt_store(&sm.vtd, at, lower);
		edit(&sm, at + 8, faults[i].clear, faults[i].set);
		expect_halves(&sm, 0, faults[i].reason);
		edit(&sm, at, faults[i].clear, faults[i].set);
		expect_halves(&sm, faults[i].reason, faults[i].reason);
		vt_store(&sm.vtd, at, lower);
		vt_store(&sm.vtd, at + 8, upper);
	}
	sm_stop(&sm);
}

static void the_context_entries_of_two_halves_are_different_ones(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	edit(&sm, sm_context_at(&sm, SM_UPPER_RID), SM_P, 0);
	expect_halves(&sm, 0, 0x41);
	edit(&sm, sm_context_at(&sm, VTD_RID), 0, BIT(8));
	expect_halves(&sm, 0x42, 0x41);
	edit(&sm, sm_context_at(&sm, SM_UPPER_RID), 0, SM_P);
	expect_halves(&sm, 0x42, 0);
	sm_stop(&sm);
}

/* ---- RID_PASID, RID_PRIV --------------------------------------------------------------------- */

static void requests_without_pasid_use_the_pasid_of_their_context_entry(void **state)
{
	static const uint32_t pasids[] = { 0, 1, 0x3f, 0x40, 0x7ff, 0x1000, 0x1fff };
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (size_t i = 0; i < COUNT(pasids); i++) {
		struct iommusim_dma_page page;

		edit_context(&sm, 1, 0xfffff, pasids[i]);
		assert_true(read_reason(&sm, FREE) == 0x59 || read_reason(&sm, FREE) == 0x51);
		sm_pass_through(&sm, pasids[i], (uint16_t)(0x40 + i));
		page = sm_access(&sm, IOMMUSIM_DMA_READ, INPUT, 8, FREE, 0);
		assert_false(page.faulted);
		assert_int_equal(page.domain, 0x40 + i);
		assert_int_equal(read_reason(&sm, pasids[i]), 0x48); /* SCT.9: not by its own word */
		assert_int_equal(
		    sm_access(&sm, IOMMUSIM_DMA_READ, INPUT, 8, SM_PASID, 0).domain, SM_DOMAIN + 1);
	}
	sm_stop(&sm);
}

/* Another requester's RID_PASID is a PASID like any other. */
static void the_pasid_of_requests_without_one_is_each_requesters_own(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	edit(&sm, sm_context_at(&sm, SM_UPPER_RID) + 8, 0xfffff, SM_PASID);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_RID_PASID, SM_UPPER), 0);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, SM_UPPER), 0x48);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_RID_PASID, 0), 0x48);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, 0), 0);
	sm_stop(&sm);
}

/* ECAP.RPS=0 (9.4): the field is reserved, the PASID is 0. */
static void units_without_rid_pasid_use_pasid_0(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_RPS });
	assert_int_equal(read_reason(&sm, FREE), 0x59);
	sm_pass_through(&sm, 0, SM_DOMAIN);
	page = sm_access(&sm, IOMMUSIM_DMA_WRITE, INPUT, 8, FREE, 0);
	assert_false(page.faulted);
	assert_int_equal(page.domain, SM_DOMAIN);
	for (unsigned bit = 0; bit < 20; bit++) {
		vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID) + 8, BIT(bit));
		assert_int_equal(read_reason(&sm, FREE), 0x42);
	}
	sm_stop(&sm);
}

/* 9.4, 3.6.1: RID_PRIV makes requests without PASID privileged ones, and no others. */
static void rid_priv_is_the_privilege_of_requests_without_pasid(void **state)
{
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS });
	sm_first_stage(&sm, FREE, SM_DOMAIN, 4);
	sm_first_stage(&sm, SM_PASID, SM_DOMAIN, 4);
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, 0x63, 1); /* U/S=0: for supervisors */
	expect_both(&sm, 0x81);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, SM_PRIVILEGED), 0);
	edit_context(&sm, 1, 0, BIT(20));
	assert_int_equal(read_reason(&sm, FREE), 0);
	assert_int_equal(read_reason(&sm, SM_PASID), 0x81);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, FREE, SM_UPPER), 0x81);
	edit(&sm, sm_entry_at(&sm, FREE) + 16, SM_SRE, 0);
	assert_int_equal(read_reason(&sm, FREE), 0x5d);
	assert_int_equal(read_reason(&sm, SM_PASID), 0x81);
	sm_stop(&sm);
}

/* SPT.6 with every type of translation: SRE is looked at before any table. */
static void privileged_requests_need_sre_whatever_the_translation_type(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (unsigned type = 1; type <= 4; type++) {
		const uint64_t entry[8] = { sm.second | (uint64_t)type << 6 | SM_AW(2) | SM_P,
			SM_PWSNP | SM_DOMAIN, sm.first };

		sm_set_entry(&sm, SM_PASID, entry);
		assert_int_not_equal(read_reason(&sm, SM_PASID), 0x5d);
		assert_int_equal(
		    sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, SM_PRIVILEGED), 0x5d);
	}
	sm_stop(&sm);
	/* ECAP.SRS=0: SRE is reserved, so it is 0 */
	start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_SRS });
	assert_int_equal(read_reason(&sm, SM_PASID), 0);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, SM_PRIVILEGED), 0x5d);
	sm_stop(&sm);
}

/* ---- PASID limits ---------------------------------------------------------------------------- */

/* A directory of 2^14 entries, in 32 pages, instead of the fixture's. */
static void widen_directory(struct scalable *sm)
{
	const uint64_t entry = vt_load(&sm->vtd, sm->directory);

	sm->directory = vt_page(&sm->vtd);
	for (unsigned i = 1; i < 32; i++)
		vt_page(&sm->vtd);
	vt_store(&sm->vtd, sm->directory, entry);
	edit_context(sm, 0, UINT64_C(0xfffffffffffff000), sm->directory);
}

/* 9.4: 2^(PDTS+7) directory entries of 64 PASIDs each. */
static void the_directory_size_limits_pasids(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned size = 0; size < 8; size++) {
		const uint32_t last = (UINT32_C(1) << (size + 13)) - 1;

		start(&sm, NULL);
		widen_directory(&sm);
		edit_context(&sm, 0, 0xe00, (uint64_t)size << 9);
		expect_both(&sm, 0);
		assert_int_equal(read_reason(&sm, last), 0x51);
		sm_pass_through(&sm, last, 0x44);
		assert_int_equal(read_reason(&sm, last), 0);
		if (size < 7) {
			assert_int_equal(read_reason(&sm, last + 1), 0x46);
			assert_int_equal(read_reason(&sm, 0xfffff), 0x46);
		}
		edit_context(&sm, 1, 0xfffff, last);
		assert_int_equal(read_reason(&sm, FREE), 0);
		if (size < 7) {
			edit_context(&sm, 1, 0xfffff, last + 1);
			expect_both(&sm, 0x43);
		}
		sm_stop(&sm);
	}
}

/* A page of the directory has the entries of 32768 PASIDs. */
static void a_hole_in_a_large_directory_is_only_that(void **state)
{
	const uint64_t directory = UINT64_C(0x20000000);
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, directory, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	vt_store(&sm.vtd, directory, sm.table | 1);
	edit_context(&sm, 0, UINT64_C(0xfffffffffffff000), directory | 3 << 9);
	expect_both(&sm, 0);
	assert_int_equal(read_reason(&sm, 0x7fff), 0x51);
	assert_int_equal(read_reason(&sm, 0x8000), 0x50);
	assert_int_equal(read_reason(&sm, 0xffff), 0x50);
	assert_int_equal(read_reason(&sm, 0x10000), 0x46);
	sm_stop(&sm);
}

/* SGN.10: ECAP.PSS has the number of bits less one. PDTS=7 lets all of them through. */
static void the_unit_limits_pasids_too(void **state)
{
	static const uint8_t sizes[] = { 5, 7, 12, 15, 18 };
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const uint32_t last = (UINT32_C(2) << sizes[i]) - 1;

		start(&sm,
		    &(struct vtd_setup){
			.ecap_clear = ECAP_PSS, .ecap_set = (uint64_t)sizes[i] << 35 });
		widen_directory(&sm);
		edit_context(&sm, 0, 0, 0xe00);
		sm_pass_through(&sm, last, 0x44);
		assert_int_equal(read_reason(&sm, last), 0);
		assert_int_equal(read_reason(&sm, last + 1), 0x89);
		assert_int_equal(read_reason(&sm, 0xfffff), 0x89);
		sm_stop(&sm);
	}
}

/* ---- fields and capabilities ----------------------------------------------------------------- */

/* What else a unit without it cannot have (11.4.3). */
static uint64_t without(uint64_t capability)
{
	switch (capability) {
	case ECAP_DT:
		return ECAP_DT | ECAP_PRS | ECAP_HPTS | ECAP_PTRS;
	case ECAP_PASID:
		return ECAP_PASID | ECAP_PTRS;
	case ECAP_SRS:
		return ECAP_SRS | ECAP_RPRIVS;
	case ECAP_SSTS:
		return ECAP_SSTS | ECAP_NEST;
	case ECAP_FSTS:
		return ECAP_FSTS | ECAP_NEST | ECAP_EAFS;
	case ECAP_SMPWCS:
		return ECAP_SMPWCS | ECAP_SSADS | ECAP_EAFS;
	default:
		return capability;
	}
}

/* A unit that has what some of these tests need beside the fixture's, but for one capability. */
static void start_without(struct scalable *sm, uint64_t capability)
{
	const uint64_t clear = capability == 0 ? 0 : without(capability);
	const uint64_t more = ECAP_MTS | ECAP_PRS | ECAP_HPTS | ECAP_PTRS | ECAP_RPRIVS;

	sm_start_uncached(sm, &(struct vtd_setup){ .ecap_set = more & ~clear, .ecap_clear = clear });
}

static void context_fields_are_reserved_on_units_without_them(void **state)
{
	static const struct {
		uint64_t capability, low, high;
		uint64_t with; /* other fields that it must not be without */
	} rows[] = {
		{ ECAP_DT, SM_DTE, 0, 0 },
		{ ECAP_PASID, SM_PASIDE, 0, 0 },
		{ ECAP_PRS, SM_PRE, 0, SM_DTE },
		{ ECAP_HPTS, SM_HPTE, 0, 0 },
		{ ECAP_PTRS, SM_EPTR, 0, SM_PASIDE },
		{ ECAP_RPS, 0, 1, 0 },
		{ ECAP_RPS, 0, BIT(12), 0 },
		{ ECAP_RPRIVS, 0, BIT(20), 0 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned lacks = 0; lacks < 2; lacks++) {
			uint64_t context[4] = { 0 };

			start_without(&sm, lacks != 0 ? rows[i].capability : 0);
			context[0] = sm.directory | rows[i].low | rows[i].with | SM_P;
			context[1] = rows[i].high;
			sm_pass_through(&sm, 0, SM_DOMAIN);
			sm_pass_through(&sm, 1, SM_DOMAIN);
			sm_pass_through(&sm, 0x1000, SM_DOMAIN);
			sm_set_context(&sm, VTD_RID, context);
			assert_int_equal(read_reason(&sm, FREE), lacks != 0 ? 0x42 : 0);
			sm_stop(&sm);
		}
	}
}

/* PASID-table entry, by field: what the unit must have, or the field is reserved (9.6). */
static const struct field {
	uint64_t capability; /* of ECAP */
	uint8_t quad, high, low;
} fields[] = {
	{ ECAP_SSTS, 0, 4, 2 },     /* AW */
	{ ECAP_SSTS, 0, 9, 9 },     /* SSADE */
	{ ECAP_SSADS, 0, 9, 9 },    /* SSADE */
	{ ECAP_SSTS, 0, 45, 12 },   /* SSPTPTR */
	{ ECAP_SMPWCS, 1, 23, 23 }, /* PWSNP */
	{ ECAP_SC, 1, 24, 24 },     /* PGSNP */
	{ ECAP_MTS, 1, 25, 25 },    /* CD */
	{ ECAP_MTS, 1, 26, 26 },    /* EMTE */
	{ ECAP_SRS, 2, 0, 0 },      /* SRE */
	{ ECAP_FSTS, 2, 3, 2 },     /* FSPM */
	{ ECAP_FSTS, 2, 4, 4 },     /* WPE */
	{ ECAP_EAFS, 2, 7, 7 },     /* EAFE */
	{ ECAP_FSTS, 2, 45, 12 },   /* FSPTPTR */
	{ ECAP_HPTS, 4, 1, 0 },     /* HPTSZ */
	{ ECAP_HPTS, 4, 2, 2 },     /* HPTPFD */
	{ ECAP_HPTS, 4, 45, 12 },   /* HPTPTR */
	{ ECAP_HPTS, 5, 7, 0 },     /* HPTDID, as many bits as domain ids have */
};

/* A pass-through entry with one bit more, for requests without PASID. */
static unsigned reason_with_bit(struct scalable *sm, unsigned quad, unsigned bit)
{
	uint64_t entry[8] = { SM_PASS_THROUGH | SM_P, SM_DOMAIN };

	entry[quad] ^= BIT(bit);
	sm_set_entry(sm, FREE, entry);
	return read_reason(sm, FREE);
}

static void entry_fields_are_reserved_on_units_without_them(void **state)
{
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		for (unsigned lacks = 0; lacks < 2; lacks++) {
			const unsigned reason = lacks != 0 ? 0x5a : 0;

			start_without(&sm, lacks != 0 ? fields[i].capability : 0);
			for (unsigned bit = fields[i].low; bit <= fields[i].high; bit++)
				if (reason_with_bit(&sm, fields[i].quad, bit) != reason)
					fail_msg(
					    "%u:%u, row %zu, unit %u", fields[i].quad, bit, i, lacks);
			sm_stop(&sm);
		}
	}
}

/* PAT. Of each field 1 and 4 are memory types; of the encodings 2 and 8, reserved, no more is said. */
static void memory_types_are_reserved_on_units_without_them(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned supported = 0; supported < 2; supported++) {
		sm_start_uncached(
		    &sm, &(struct vtd_setup){ .ecap_set = supported != 0 ? ECAP_MTS : 0 });
		for (unsigned bit = 32; bit < 64; bit++)
			if (supported == 0 || bit % 2 == 0)
				assert_int_equal(
				    reason_with_bit(&sm, 1, bit), supported != 0 ? 0 : 0x5a);
		sm_stop(&sm);
	}
}

/* The rows "R: Reserved" of 9.6 name no type of translation: above HAW they are for all of them. */
static void bits_above_the_host_width_are_reserved_whatever_the_type(void **state)
{
	static const uint8_t quads[] = { 0, 2, 4 };
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, &(struct vtd_setup){ .ecap_set = ECAP_HPTS, .haw = 40 });
	for (unsigned type = 1; type <= 4; type++) {
		for (size_t i = 0; i < COUNT(quads); i++) {
			for (unsigned bit = 40; bit < 64; bit++) {
				uint64_t entry[8] = { sm.second | (uint64_t)type << 6 | SM_AW(2) | SM_P,
					SM_PWSNP | SM_DOMAIN, sm.first };

				entry[quads[i]] |= BIT(bit);
				sm_set_entry(&sm, FREE, entry);
				if (type != 3 || quads[i] != 2 || bit < 48) /* else 5Bh too */
					assert_int_equal(read_reason(&sm, FREE), 0x5a);
			}
		}
	}
	sm_stop(&sm);
}

/* CAP.ND: 4 + 2 ND bits of domain id; the others are reserved, of the HPT's domain too. */
static void domain_bits_above_the_units_are_reserved(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned nd = 0; nd < 7; nd++) {
		const unsigned bits = 4 + 2 * nd;

		sm_start_uncached(
		    &sm, &(struct vtd_setup){ .cap_clear = 7, .cap_set = nd, .ecap_set = ECAP_HPTS });
		edit_context(&sm, 0, 0, SM_HPTE);
		for (unsigned bit = 0; bit < 16; bit++) {
			uint64_t entry[8] = { SM_PASS_THROUGH | SM_P, BIT(bit) };
			struct iommusim_dma_page page;

			sm_set_entry(&sm, FREE, entry);
			page = sm_access(&sm, IOMMUSIM_DMA_READ, INPUT, 8, FREE, 0);
			assert_int_equal(page.fault.reason, bit < bits ? 0 : 0x5a);
			if (bit < bits)
				assert_int_equal(page.domain, BIT(bit));
			entry[1] = 1;
			entry[5] = BIT(bit);
			sm_set_entry(&sm, FREE, entry);
			assert_int_equal(read_reason(&sm, FREE), bit < bits ? 0 : 0x5a);
		}
		sm_stop(&sm);
	}
}

/* ---- what a type of translation does not use, and what it must not have ---------------------- */

/*
 * Tables that lead INPUT to OUTPUT whatever the type: a first stage of 4 or 5 levels, and one more at
 * guest addresses that are not its host addresses; and sm->second of 3, 4 or 5. Chains of tables: entry
 * 0 of each is the next one, entry 5 the page; of the second stage, those from 10h on are the guest tables.
 */
#define GUEST_TABLES UINT64_C(0x10000)

static void build_second(struct scalable *sm, const uint64_t tables[5])
{
	uint64_t table = sm->second;

	for (unsigned i = 0; i < 5; i++) {
		if (i > 0)
			for (unsigned page = 0; page < 5; page++)
				vt_store(
				    &sm->vtd, table + (0x10 + page) * UINT64_C(8), tables[page] | 3);
		if (i > 0)
			vt_store(&sm->vtd, table + 5 * UINT64_C(8), OUTPUT | 3);
		if (i < 4) {
			const uint64_t next = vt_page(&sm->vtd);

			vt_store(&sm->vtd, table, next | 3);
			table = next;
		}
	}
}

/* A nested first stage names its tables and pages by guest addresses. 67h: P, R/W, U/S, A, D. */
static void build_first(struct scalable *sm, const uint64_t tables[5], bool guest)
{
	for (unsigned i = 0; i < 5; i++) {
		const uint64_t next =
		    i == 4 ? 0 : (guest ? GUEST_TABLES + (i + 1) * UINT64_C(0x1000) : tables[i + 1]);

		if (i < 4)
			vt_store(&sm->vtd, tables[i], next | 0x67);
		if (i > 0)
			vt_store(
			    &sm->vtd, tables[i] + 5 * UINT64_C(8), (guest ? INPUT : OUTPUT) | 0x67);
	}
}

struct tables {
	uint64_t host;  /* FSPTPTR of a first stage alone */
	uint64_t guest; /* of a nested one */
};

static struct tables build_tables(struct scalable *sm)
{
	uint64_t host[5], guest[5];

	for (unsigned i = 0; i < 5; i++) {
		host[i] = vt_page(&sm->vtd);
		guest[i] = vt_page(&sm->vtd);
	}
	build_first(sm, host, false);
	build_first(sm, guest, true);
	build_second(sm, guest);
	return (struct tables){ .host = host[0], .guest = GUEST_TABLES };
}

/* A good entry of a type: four levels, both pointers where it needs them. */
static void good_entry(
    const struct scalable *sm, const struct tables *tables, unsigned type, uint64_t entry[8])
{
	const bool first = type == 1 || type == 3, second = type == 2 || type == 3;

	memset(entry, 0, 8 * sizeof(*entry));
	entry[0] = (second ? sm->second | SM_AW(2) : 0) | (uint64_t)type << 6 | SM_P;
	entry[1] = SM_PWSNP | SM_DOMAIN;
	entry[2] = first ? (type == 3 ? tables->guest : tables->host) : 0;
}

/* INPUT ends where the type leads it. */
static void expect_type(struct scalable *sm, unsigned type)
{
	const struct iommusim_dma_page page = sm_access(sm, IOMMUSIM_DMA_READ, INPUT, 8, FREE, 0);

	assert_int_equal(page.fault.reason, 0);
	assert_int_equal(page.physical, type == 4 ? INPUT : OUTPUT);
	assert_int_equal(page.domain, SM_DOMAIN);
}

/* 9.6: "when not treated as reserved, hardware ignores this field for ..." */
static void the_fields_of_a_stage_that_is_not_used_are_ignored(void **state)
{
	static const uint64_t second_stage = UINT64_C(0x00003ffffffff21c); /* SSPTPTR, SSADE, AW */
	static const uint64_t first_stage = UINT64_C(0x00003ffffffff09c); /* FSPTPTR, EAFE, WPE, FSPM */
	struct tables tables;
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, &(struct vtd_setup){ .ecap_set = ECAP_MTS });
	tables = build_tables(&sm);
	for (unsigned type = 1; type <= 4; type++) {
		for (unsigned bit = 0; bit < VTD_HAW; bit++) {
			uint64_t entry[8];

			good_entry(&sm, &tables, type, entry);
			sm_set_entry(&sm, FREE, entry);
			expect_type(&sm, type);
			if (type == 1 || type == 4)
				entry[0] |= second_stage & BIT(bit);
			if (type == 2 || type == 4)
				entry[2] |= first_stage & BIT(bit);
			sm_set_entry(&sm, FREE, entry);
			expect_type(&sm, type);
			if (type == 1 || type == 4) {
				entry[0] |= second_stage;
				entry[1] |= SM_EMTE;
			}
			if (type == 2 || type == 4)
				entry[2] |= first_stage;
			sm_set_entry(&sm, FREE, entry);
			expect_type(&sm, type);
		}
	}
	sm_stop(&sm);
}

/* SPT.4.2, each PGTT on units with and without each of the four. */
static void translation_types_the_unit_lacks_are_reason_5b(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned has = 0; has < 16; has++) {
		const bool first = (has & 1) != 0, second = (has & 2) != 0;
		const bool nested = (has & 4) != 0, through = (has & 8) != 0;
		const bool known[8] = { false, first, second, nested, through };
		struct tables tables;

		if (nested && !(first && second))
			continue; /* 11.4.3, NEST */
		sm_start_uncached(&sm,
		    &(struct vtd_setup){ .ecap_clear = (first ? 0 : ECAP_FSTS | ECAP_EAFS) |
			    (second ? 0 : ECAP_SSTS) | (nested ? 0 : ECAP_NEST) |
			    (through ? 0 : ECAP_PT) });
		tables = build_tables(&sm);
		for (unsigned type = 0; type < 8; type++) {
			uint64_t entry[8];

			good_entry(&sm, &tables, type, entry);
			if (!second)
				entry[0] = (uint64_t)type << 6 | SM_P;
			if (!first)
				entry[2] = 0;
			sm_set_entry(&sm, FREE, entry);
			if (known[type])
				expect_type(&sm, type);
			else
				assert_int_equal(read_reason(&sm, FREE), 0x5b);
		}
		sm_stop(&sm);
	}
}

/* SPT.4.1: where AW counts it is one of the widths in CAP.SAGAW; 0 and 4 to 7 are reserved. */
static void widths_the_unit_lacks_are_reason_5b(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned sagaw = 1; sagaw < 8; sagaw++) {
		struct tables tables;

		sm_start_uncached(&sm,
		    &(struct vtd_setup){
			.cap_clear = CAP_SAGAW, .cap_set = (uint64_t)sagaw << 9 | BIT(8) | BIT(12) });
		tables = build_tables(&sm);
		for (unsigned type = 1; type <= 4; type++) {
			for (unsigned width = 0; width < 8; width++) {
				const bool known =
				    width >= 1 && width <= 3 && (sagaw << 1 >> width & 1) != 0;
				uint64_t entry[8];

				good_entry(&sm, &tables, type, entry);
				entry[0] = (entry[0] & ~SM_AW(7)) | SM_AW(width);
				sm_set_entry(&sm, FREE, entry);
				if (known || type == 1 || type == 4)
					expect_type(&sm, type);
				else
					assert_int_equal(read_reason(&sm, FREE), 0x5b);
			}
		}
		sm_stop(&sm);
	}
}

/* SPT.4.3: FSPM 1 are five levels, for units with CAP.FS5LP; 2 and 3 are reserved. */
static void paging_modes_the_unit_lacks_are_reason_5b(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned five = 0; five < 2; five++) {
		struct tables tables;

		sm_start_uncached(&sm, &(struct vtd_setup){ .cap_clear = five != 0 ? 0 : CAP_FS5LP });
		tables = build_tables(&sm);
		for (unsigned type = 1; type <= 4; type++) {
			for (unsigned mode = 0; mode < 4; mode++) {
				uint64_t entry[8];

				good_entry(&sm, &tables, type, entry);
				entry[2] |= SM_FSPM(mode);
				sm_set_entry(&sm, FREE, entry);
				if (mode <= five || type == 2 || type == 4)
					expect_type(&sm, type);
				else
					assert_int_equal(read_reason(&sm, FREE), 0x5b);
			}
		}
		sm_stop(&sm);
	}
}

/*
 * SPT.4.4: the guest address of a nested first stage is within min(MGAW, AW). Nothing is mapped at the
 * limit: 79h. The host address of a first stage alone has no such limit; there is no memory: 73h.
 */
static void a_nested_table_beyond_the_second_stage_is_reason_5b(void **state)
{
	static const struct {
		uint8_t mgaw, width, limit;
	} limits[] = {
		{ 57, 1, 39 },
		{ 57, 2, 48 },
		{ 42, 2, 42 },
		{ 42, 1, 39 },
		{ 50, 3, 50 },
		{ 48, 3, 48 },
	};
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		sm_start_uncached(&sm,
		    &(struct vtd_setup){ .haw = 52,
			.cap_clear = CAP_MGAW,
			.cap_set = (uint64_t)(limits[i].mgaw - 1) << 16 });
		for (unsigned bit = 30; bit < 52; bit++) {
			uint64_t entry[8] = { sm.second | SM_NESTED | SM_AW(limits[i].width) | SM_P,
				SM_PWSNP | SM_DOMAIN, BIT(bit) };

			sm_set_entry(&sm, FREE, entry);
			assert_int_equal(read_reason(&sm, FREE), bit < limits[i].limit ? 0x79 : 0x5b);
			entry[0] = SM_FIRST | SM_AW(limits[i].width) | SM_P;
			sm_set_entry(&sm, FREE, entry);
			assert_int_equal(read_reason(&sm, FREE), 0x73);
		}
		sm_stop(&sm);
	}
}

/* ---- units that lack the fields of a fault record -------------------------------------------- */

/* 9.4, 11.4.7.6: without ECAP.PASID nobody has PASIDE set, and PP, PV, EXE and PRIV are reserved. */
static void units_without_pasids_deny_them_and_record_none(void **state)
{
	struct iommusim_dma_page page;
	uint64_t record[2];
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_PASID });
	sm_pass_through(&sm, FREE, SM_DOMAIN);
	sm_pass_through(&sm, SM_PASID, SM_DOMAIN);
	assert_int_equal(read_reason(&sm, FREE), 0);
	page = sm_access(&sm, IOMMUSIM_DMA_READ, INPUT, 8, SM_PASID, SM_PRIVILEGED);
	assert_int_equal(page.fault.reason, 0x45);
	vt_record(&sm.vtd, page.fault.index, record);
	assert_int_equal(record[0], INPUT);
	assert_int_equal(record[1], UINT64_C(0xc000004500000310));
	sm_stop(&sm);
}

/* Without ECAP.DT nobody can have DTE set, and AT is reserved. */
static void units_without_device_tlbs_deny_their_requests_and_record_no_type(void **state)
{
	static const unsigned flags[] = { SM_TRANSLATION_REQUEST, SM_TRANSLATED };
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct iommusim_dma_page page;
		uint64_t record[2];

		start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_DT });
		page = sm_access(&sm, IOMMUSIM_DMA_READ, INPUT, 8, FREE, flags[i]);
		assert_true(page.faulted && !page.fault.aborts);
		assert_int_equal(page.fault.reason, 0x44);
		vt_record(&sm.vtd, page.fault.index, record);
		assert_int_equal(record[1], UINT64_C(0xc000004400000310));
		sm_stop(&sm);
	}
}

/* ---- coherency ------------------------------------------------------------------------------- */

/* ECAP.C (11.4.3) is about root, context, PASID directory and PASID table. */
static void units_that_do_not_snoop_see_only_flushed_entries(void **state)
{
	static const uint8_t reasons[] = { 0x39, 0x41, 0x51, 0x59 };
	struct scalable sm;

	(void)state;
	for (unsigned coherent = 0; coherent < 2; coherent++) {
		start(&sm,
		    &(struct vtd_setup){
			.ecap_clear = coherent != 0 ? 0 : ECAP_C, .device_view = true });
		for (unsigned i = 4; i-- > 0;) {
			const uint64_t ats[] = { sm_root_at(&sm, VTD_RID), sm_context_at(&sm, VTD_RID),
				sm.directory, sm_entry_at(&sm, FREE) };
			const uint64_t good = vt_load(&sm.vtd, ats[i]), absent = good & ~SM_P;

			assert_int_equal(
			    iommusim_memory_write(sm.vtd.machine, ats[i], &absent, 8), IOMMUSIM_OK);
			assert_int_equal(read_reason(&sm, FREE), coherent != 0 ? reasons[i] : 0);
			assert_int_equal(iommusim_memory_flush(sm.vtd.machine, ats[i], 8), IOMMUSIM_OK);
			assert_int_equal(read_reason(&sm, FREE), reasons[i]);
			vt_store(&sm.vtd, ats[i], good);
		}
		sm_stop(&sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_denies_requests_and_is_recorded_in_full),
		cmocka_unit_test(fpd_met_on_the_way_hides_qualified_faults_and_no_others),
		cmocka_unit_test(of_two_conditions_the_first_in_order_is_reported),
		cmocka_unit_test(nothing_but_fpd_counts_in_an_entry_that_is_not_present),
		cmocka_unit_test(modes_the_unit_lacks_are_reason_30),
		cmocka_unit_test(abort_dma_mode_needs_no_tables),
		cmocka_unit_test(entries_are_found_by_bus_half_and_function),
		cmocka_unit_test(the_halves_of_a_root_entry_do_not_mind_each_other),
		cmocka_unit_test(the_context_entries_of_two_halves_are_different_ones),
		cmocka_unit_test(requests_without_pasid_use_the_pasid_of_their_context_entry),
		cmocka_unit_test(the_pasid_of_requests_without_one_is_each_requesters_own),
		cmocka_unit_test(units_without_rid_pasid_use_pasid_0),
		cmocka_unit_test(rid_priv_is_the_privilege_of_requests_without_pasid),
		cmocka_unit_test(privileged_requests_need_sre_whatever_the_translation_type),
		cmocka_unit_test(the_directory_size_limits_pasids),
		cmocka_unit_test(a_hole_in_a_large_directory_is_only_that),
		cmocka_unit_test(the_unit_limits_pasids_too),
		cmocka_unit_test(context_fields_are_reserved_on_units_without_them),
		cmocka_unit_test(entry_fields_are_reserved_on_units_without_them),
		cmocka_unit_test(memory_types_are_reserved_on_units_without_them),
		cmocka_unit_test(bits_above_the_host_width_are_reserved_whatever_the_type),
		cmocka_unit_test(domain_bits_above_the_units_are_reserved),
		cmocka_unit_test(the_fields_of_a_stage_that_is_not_used_are_ignored),
		cmocka_unit_test(translation_types_the_unit_lacks_are_reason_5b),
		cmocka_unit_test(widths_the_unit_lacks_are_reason_5b),
		cmocka_unit_test(paging_modes_the_unit_lacks_are_reason_5b),
		cmocka_unit_test(a_nested_table_beyond_the_second_stage_is_reason_5b),
		cmocka_unit_test(units_without_pasids_deny_them_and_record_none),
		cmocka_unit_test(units_without_device_tlbs_deny_their_requests_and_record_no_type),
		cmocka_unit_test(units_that_do_not_snoop_see_only_flushed_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
