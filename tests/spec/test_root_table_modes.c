/*
 * The translation table mode (VT-d 3.4.4, 6.6, 11.4.4.1, 11.4.5): what each value of RTADDR.TTM does
 * to DMA, that SRTP alone brings it in, from every mode to every other one, and which caches survive
 * SRTP and the end of translation. What else SRTP does: test_command.c; queues in each mode:
 * test_wide_queue.c.
 */
#include "cached_spaces.h"

#define PAGE            UINT64_C(0x304000)
#define NEXT            UINT64_C(0x305000)
#define OTHER           UINT64_C(0x306000)
#define LEGACY_OUTPUT   UINT64_C(0x1000000)
#define SCALABLE_OUTPUT UINT64_C(0x1400000)
#define PASID_OUTPUT    UINT64_C(0x1800000)
#define OLD             SCALABLE_OUTPUT
#define NEW             UINT64_C(0x1c00000)
#define FREE            SM_NO_PASID
#define PASID           SM_PASID
#define DOMAIN          SM_DOMAIN
#define HOLE            UINT64_C(0x10000000) /* there is no memory */

static const uint64_t modes[] = { SM_TTM_LEGACY, SM_TTM_SCALABLE, SM_TTM_RESERVED, SM_TTM_ABORT };
enum { LEGACY, SCALABLE, RESERVED_MODE, ABORT, MODES };

/* "Software may modify the TTM field while remapping hardware is active": CAP.ESRTPS (6.6). */
static const struct vtd_setup every_mode = { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_ADMS };

/* Tables of both modes side by side, with PAGE mapped in each. */
struct both {
	struct scalable sm;
	struct space alone, with; /* requests without and with PASID, in scalable mode */
};

/* RTADDR of a mode: its own root table; those without one get a place where no memory is. */
static uint64_t rtaddr(const struct both *both, unsigned mode)
{
	if (mode == LEGACY)
		return both->sm.vtd.root_table;
	return (mode == SCALABLE ? both->sm.root : HOLE) | modes[mode];
}

static void latch(struct both *both, unsigned mode)
{
	vt_latch_root(&both->sm.vtd, rtaddr(both, mode));
}

static void map_all(struct both *both, uint64_t moved)
{
	vt_map(&both->sm.vtd, PAGE, LEGACY_OUTPUT + moved, 3);
	cs_map(&both->sm, &both->alone, PAGE, SCALABLE_OUTPUT + moved);
	cs_map(&both->sm, &both->with, PAGE, PASID_OUTPUT + moved);
}

static void start(struct both *both, const struct vtd_setup *setup)
{
	memset(both, 0, sizeof(*both));
	sm_start(&both->sm, setup);
	both->alone = cs_space(&both->sm, SECOND, DOMAIN, FREE);
	both->with = cs_space(&both->sm, FIRST, DOMAIN + 1, PASID);
	map_all(both, 0);
}

/* What becomes of a read of PAGE in each mode: RTA.1 30h, RTA.2 31h, RTA.4 33h (Table 30). */
static uint64_t expected(unsigned mode, bool pasid, uint64_t moved)
{
	static const uint64_t reads[MODES][2] = {
		{ LEGACY_OUTPUT, CS_FAULT | 0x31 },
		{ SCALABLE_OUTPUT, PASID_OUTPUT },
		{ CS_FAULT | 0x30, CS_FAULT | 0x30 },
		{ CS_FAULT | 0x33, CS_FAULT | 0x33 },
	};
	const uint64_t read = reads[mode][pasid];

	return (read & CS_FAULT) == CS_FAULT ? read : read + moved;
}

static void expect_mode(struct both *both, unsigned mode, uint64_t moved)
{
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(cs_read(&both->sm, PAGE, FREE, 0), expected(mode, false, moved));
		assert_int_equal(cs_read(&both->sm, PAGE, PASID, 0), expected(mode, true, moved));
	}
}

/* ---- modes ---------------------------------------------------------------------------------- */

/* From each mode to each, with TE set all the while; nothing of the mode before is left. */
static void dma_follows_the_mode_that_was_latched(void **state)
{
	uint64_t moved = 0;
	struct both both;

	(void)state;
	start(&both, &every_mode);
	for (unsigned from = LEGACY; from < MODES; from++) {
		for (unsigned to = LEGACY; to < MODES; to++) {
			latch(&both, from);
			expect_mode(&both, from, moved);
			moved += 0x1000;
			map_all(&both, moved);
			latch(&both, to);
			assert_int_equal(vt_get32(&both.sm.vtd, R_GSTS), G_TE | G_SRTP);
			expect_mode(&both, to, moved);
		}
	}
	sm_stop(&both.sm);
}

/* "These values take effect only after software executes Set Root Table Pointer." */
static void a_mode_that_is_only_written_has_no_effect(void **state)
{
	struct both both;

	(void)state;
	start(&both, &every_mode);
	for (unsigned mode = LEGACY; mode < MODES; mode++) {
		latch(&both, mode);
		for (unsigned written = LEGACY; written < MODES; written++) {
			vt_set64(&both.sm.vtd, R_RTADDR, rtaddr(&both, written));
			assert_int_equal(vt_get64(&both.sm.vtd, R_RTADDR), rtaddr(&both, written));
			expect_mode(&both, mode, 0);
			/* other commands do not bring it in either */
			vt_set32(&both.sm.vtd, R_GCMD, G_TE);
			vt_set32(&both.sm.vtd, R_GCMD, G_TE | G_WBF);
			expect_mode(&both, mode, 0);
		}
	}
	sm_stop(&both.sm);
}

/* With a latency the old mode counts until RTPS says that the new one does. */
static void the_old_mode_counts_until_the_command_is_done(void **state)
{
	const struct vtd_setup slow = {
		.cap_set = CAP_ESRTPS, .ecap_set = ECAP_ADMS | ECAP_SMTS, .settings.latency = 10
	};
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	vt_map(&vtd, PAGE, LEGACY_OUTPUT, 3);
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 10);
	vt_set32(&vtd, R_GCMD, G_TE);
	iommusim_step(vtd.machine, 10);
	vt_set64(&vtd, R_RTADDR, HOLE | SM_TTM_ABORT);
	vt_set32(&vtd, R_GCMD, G_TE | G_SRTP);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE);
	assert_int_equal(vt_output(&vtd, PAGE), LEGACY_OUTPUT);
	iommusim_step(vtd.machine, 10);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE | G_SRTP);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, PAGE), 0x33);
	vt_stop(&vtd);
}

/* A mode is there when ECAP says so: SMTS, ADMS. Mode 2 never is. */
static void modes_that_the_unit_lacks_fault(void **state)
{
	static const uint64_t has[] = { 0, ECAP_SMTS, ECAP_ADMS, ECAP_SMTS | ECAP_ADMS };

	(void)state;
	for (size_t i = 0; i < COUNT(has); i++) {
		for (unsigned mode = SCALABLE; mode < MODES; mode++) {
			const bool there = (mode == SCALABLE && (has[i] & ECAP_SMTS) != 0) ||
			    (mode == ABORT && (has[i] & ECAP_ADMS) != 0);
			const unsigned reason = mode == SCALABLE ? 0x39 : 0x33;
			struct vtd_fixture vtd;

			vt_start_enabled(
			    &vtd, &(struct vtd_setup){ .cap_set = CAP_ESRTPS, .ecap_set = has[i] });
			vt_latch_root(&vtd, vt_page(&vtd) | modes[mode]);
			for (unsigned kind = 0; kind < 3; kind++)
				assert_int_equal(vt_reason(&vtd, (enum iommusim_dma_kind)kind, PAGE),
				    there ? reason : 0x30);
			vt_latch_root(&vtd, vtd.root_table); /* and it is no trap */
			vt_map(&vtd, PAGE, LEGACY_OUTPUT, 3);
			assert_int_equal(vt_output(&vtd, PAGE), LEGACY_OUTPUT);
			vt_stop(&vtd);
		}
	}
}

/* 3.4.4: all DMA is aborted, no table is needed, and FPD of entries that are not read hides nothing. */
static void abort_mode_aborts_every_request_without_any_table(void **state)
{
	static const unsigned flags[] = { 0, SM_TRANSLATION_REQUEST, SM_TRANSLATED };
	struct both both;

	(void)state;
	start(&both, &every_mode);
	cs_edit(&both.sm, sm_context_at(&both.sm, VTD_RID), 0, SM_FPD);
	expect_mode(&both, SCALABLE, 0);
	latch(&both, ABORT);
	vt_store(&both.sm.vtd, PAGE, 0x1234);
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		for (size_t i = 0; i < COUNT(flags); i++) {
			for (unsigned kind = 0; kind < 3; kind++) {
				struct iommusim_dma_page page;

				if (flags[i] == SM_TRANSLATION_REQUEST && kind != IOMMUSIM_DMA_READ)
					continue;
				if (flags[i] == SM_TRANSLATED && pasid)
					continue; /* the unit takes none (ECAP.PTRS) */
				page = sm_access(&both.sm, (enum iommusim_dma_kind)kind, PAGE, 8,
				    pasid ? PASID : FREE, flags[i]);
				assert_true(page.faulted);
				assert_false(page.answered);
				assert_int_equal(page.fault.reason, 0x33);
				assert_false(page.fault.suppressed);
				assert_false(page.fault.aborts); /* Unsupported Request */
			}
		}
	}
	assert_int_equal(vt_load(&both.sm.vtd, PAGE), 0x1234);
	sm_stop(&both.sm);
}

/* The way 3.4.4 recommends: abort first, then tables, then the mode that is wanted. */
static void a_unit_may_begin_in_abort_mode(void **state)
{
	(void)state;
	for (unsigned mode = LEGACY; mode <= SCALABLE; mode++) {
		struct both both;

		start(&both, &every_mode);
		iommusim_unit_reset(both.sm.vtd.unit, true);
		assert_int_equal(cs_read(&both.sm, PAGE, FREE, 0), PAGE); /* off: passes */
		latch(&both, ABORT);
		assert_int_equal(cs_read(&both.sm, PAGE, FREE, 0), PAGE); /* still off */
		vt_command(&both.sm.vtd, G_TE, true);
		expect_mode(&both, ABORT, 0);
		latch(&both, mode);
		expect_mode(&both, mode, 0);
		sm_stop(&both.sm);
	}
}

/* While translation is off the mode says nothing: requests pass, and lose their PASID (VT-d 3.1). */
static void a_unit_that_is_off_passes_in_every_mode(void **state)
{
	struct both both;

	(void)state;
	start(&both, &every_mode);
	vt_command(&both.sm.vtd, G_TE, false);
	for (unsigned mode = LEGACY; mode < MODES; mode++) {
		latch(&both, mode);
		assert_int_equal(cs_read(&both.sm, PAGE, FREE, 0), PAGE);
		assert_int_equal(cs_read(&both.sm, PAGE, PASID, 0), PAGE);
	}
	sm_stop(&both.sm);
}

static void a_reset_brings_legacy_mode_back(void **state)
{
	struct both both;

	(void)state;
	for (unsigned cold = 0; cold < 2; cold++) {
		start(&both, &every_mode);
		expect_mode(&both, SCALABLE, 0);
		iommusim_unit_reset(both.sm.vtd.unit, cold != 0);
		assert_int_equal(vt_get64(&both.sm.vtd, R_RTADDR), 0);
		assert_int_equal(vt_get32(&both.sm.vtd, R_GSTS), 0);
		vt_queue_start(&both.sm.vtd, 16); /* legacy mode's descriptors */
		vt_submit(&both.sm.vtd, 0x11, 0);
		assert_int_equal(vt_get32(&both.sm.vtd, R_FSTS) & 0x10, 0);
		map_all(&both, 0x1000);
		latch(&both, SCALABLE);
		vt_command(&both.sm.vtd, G_TE, true);
		expect_mode(&both, SCALABLE, 0x1000); /* of caches nothing is left */
		sm_stop(&both.sm);
	}
}

/* 11.4.6.1, 11.4.6.3: outside legacy mode such requests are incorrect; they take nothing, and say 0. */
static void invalidation_registers_are_for_legacy_mode(void **state)
{
	struct both both;

	(void)state;
	start(&both, &every_mode);
	for (unsigned mode = LEGACY; mode < MODES; mode++) {
		latch(&both, mode);
		expect_mode(&both, mode, 0);
		map_all(&both, 0x1000);
		for (unsigned granularity = 1; granularity <= 3; granularity++) {
			const uint16_t domain = mode == LEGACY ? VTD_DOMAIN : DOMAIN;
			const unsigned done = mode == LEGACY ? granularity : 0;

			if (mode == SCALABLE)
				expect_mode(&both, mode, 0); /* still what was known */
			assert_int_equal(
			    vt_invalidate_context(&both.sm.vtd, granularity, domain, VTD_RID, 0), done);
			assert_int_equal(
			    vt_invalidate_iotlb(&both.sm.vtd, granularity, domain, PAGE, 0), done);
		}
		if (mode != LEGACY)
			expect_mode(&both, mode, 0);
		map_all(&both, 0);
	}
	sm_stop(&both.sm);
}

/* ---- caches --------------------------------------------------------------------------------- */

/*
 * A second world: root, contexts, directory, PASID table and paging tables, all of them new;
 * everything is at NEW there. Returns the root table.
 */
static uint64_t new_world(struct scalable *sm, unsigned type, uint32_t pasid)
{
	struct scalable world = *sm;
	struct space space;
	uint64_t context[4] = { 0 };

	for (unsigned quad = 0; quad < 4; quad++)
		context[quad] = vt_load(&sm->vtd, sm_context_at(sm, VTD_RID) + quad * UINT64_C(8));
	world.root = vt_page(&world.vtd);
	world.context = vt_page(&world.vtd);
	world.directory = vt_page(&world.vtd);
	context[0] = world.directory | (context[0] & 0xfff);
	vt_store(&world.vtd, sm_root_at(&world, VTD_RID), world.context | 1);
	sm_set_context(&world, VTD_RID, context);
	space = cs_space(&world, type, DOMAIN, pasid);
	cs_map(&world, &space, PAGE, NEW);
	cs_map(&world, &space, NEXT, NEW + 0x1000);
	cs_map(&world, &space, OTHER, NEW + 0x2000);
	sm->vtd.next_page = world.vtd.next_page;
	return world.root;
}

/* Everything about PAGE is known; of NEXT and OTHER the way there is. */
static void start_known(
    struct scalable *sm, const struct vtd_setup *setup, unsigned type, uint32_t pasid)
{
	struct space space;

	cs_start(sm, setup);
	space = cs_space(sm, type, DOMAIN, pasid);
	cs_map(sm, &space, PAGE, OLD);
	cs_map(sm, &space, NEXT, OLD + 0x1000);
	cs_map(sm, &space, OTHER, OLD + 0x2000);
	assert_int_equal(cs_read(sm, PAGE, pasid, 0), OLD);
}

/* 6.6: with ESRTPS=0 each cache goes on until software invalidates it, "in that order". */
static void without_esrtps_caches_survive_srtp(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned i = 0; i < 2; i++) {
			const uint32_t pasid = i ? PASID : FREE;
			struct scalable sm;

			start_known(&sm, NULL, type, pasid);
			vt_latch_root(&sm.vtd, new_world(&sm, type, pasid) | SM_TTM_SCALABLE);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD);
			assert_int_equal(cs_read(&sm, NEXT, pasid, 0), OLD + 0x1000);
			cs_drop_context(&sm, 1, 0, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD);
			assert_int_equal(cs_read(&sm, OTHER, pasid, 0), OLD + 0x2000);
			cs_drop_pasids(&sm, 3, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD);
			cs_drop(&sm, 1, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), NEW);
			assert_int_equal(cs_read(&sm, OTHER, pasid, 0), NEW + 0x2000);
			sm_stop(&sm);
		}
	}
}

/* Which caches are left, of those that lead to OLD? Contexts, PASID entries, translations, tables. */
enum { CONTEXTS = 1, ENTRIES = 2, TRANSLATIONS = 4, TABLES = 8 };

static void drop_all_but(struct scalable *sm, unsigned kept)
{
	if (kept != CONTEXTS)
		cs_drop_context(sm, 1, 0, 0, 0);
	if (kept != ENTRIES)
		cs_drop_pasids(sm, 3, 0, 0);
	if (kept == TABLES)
		cs_drop(sm, 3, DOMAIN, PAGE | CS_IH); /* of a second stage: its tables stay */
	else if (kept != TRANSLATIONS)
		cs_drop(sm, 1, 0, 0);
}

/*
 * Only `cache` still leads to OLD, the root entry in memory to NEW. What does the command leave of it?
 */
static void assert_gone(const struct vtd_setup *setup, unsigned cache, uint32_t pasid,
    void (*command)(struct scalable *sm), bool gone)
{
	const uint64_t page = cache == TRANSLATIONS ? PAGE : NEXT;
	struct scalable sm;
	uint64_t root;

	start_known(&sm, setup, SECOND, pasid);
	root = new_world(&sm, SECOND, pasid);
	drop_all_but(&sm, cache);
	vt_store(
	    &sm.vtd, sm_root_at(&sm, VTD_RID), vt_load(&sm.vtd, root + (VTD_RID >> 8) * UINT64_C(16)));
	command(&sm);
	assert_int_equal(cs_read(&sm, page, pasid, 0), (gone ? NEW : OLD) + (page - PAGE));
	sm_stop(&sm);
}

static void assert_each_gone(
    const struct vtd_setup *setup, void (*command)(struct scalable *sm), bool gone)
{
	for (unsigned cache = CONTEXTS; cache <= TABLES; cache <<= 1) {
		assert_gone(setup, cache, PASID, command, gone);
		assert_gone(setup, cache, FREE, command, gone);
	}
}

static void set_root_table(struct scalable *sm)
{
	sm_latch_root(sm, SM_TTM_SCALABLE);
}

static void turn_off_and_on(struct scalable *sm)
{
	vt_command(&sm->vtd, G_TE, false);
	vt_command(&sm->vtd, G_TE, true);
}

static void turn_on_again(struct scalable *sm)
{
	vt_command(&sm->vtd, G_TE, true);
}

static void turn_the_queue_off_and_on(struct scalable *sm)
{
	vt_command(&sm->vtd, G_QIE, false);
	vt_command(&sm->vtd, G_QIE, true);
}

static const struct vtd_setup plain, enhanced = { .cap_set = CAP_ESRTPS };

/* 6.6, CAP.ESRTPS. */
static void with_esrtps_srtp_drops_every_cache(void **state)
{
	(void)state;
	assert_each_gone(&plain, set_root_table, false);
	assert_each_gone(&enhanced, set_root_table, true);
}

/* 11.4.4.1, TE: on units with scalable mode, whatever ESRTPS says. */
static void the_end_of_translation_drops_every_cache(void **state)
{
	(void)state;
	assert_each_gone(&plain, turn_off_and_on, true);
	assert_each_gone(&enhanced, turn_off_and_on, true);
	assert_each_gone(&plain, turn_on_again, false); /* it was on */
	assert_each_gone(&enhanced, turn_the_queue_off_and_on, false);
}

/* Units without scalable mode need not; legacy mode on a unit that has it does. */
static void so_it_does_in_legacy_mode_on_units_with_scalable_mode(void **state)
{
	(void)state;
	for (unsigned has = 0; has < 2; has++) {
		struct vtd_fixture vtd;

		vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_set = has ? ECAP_SMTS : 0 });
		vt_map(&vtd, PAGE, OLD, 3);
		assert_int_equal(vt_output(&vtd, PAGE), OLD);
		vt_map(&vtd, PAGE, NEW, 3);
		vt_command(&vtd, G_TE, false);
		vt_command(&vtd, G_TE, true);
		assert_int_equal(vt_output(&vtd, PAGE), has ? NEW : OLD);
		vt_stop(&vtd);
	}
}

/* Both are about DMA remapping: interrupt entries have ESIRTPS and their own descriptor. */
static void interrupt_entries_stay(void **state)
{
	struct iommusim_interrupt out;
	struct iommusim_fault fault;
	struct scalable sm;
	uint64_t table;

	(void)state;
	cs_start(&sm, &enhanced);
	table = vt_page(&sm.vtd);
	vt_store(&sm.vtd, table, 0x330001); /* P, vector 33h (VT-d 9.9) */
	vt_set64(&sm.vtd, R_IRTA, table);
	vt_set32(&sm.vtd, R_GCMD, G_TE | G_QIE | G_SIRTP);
	vt_command(&sm.vtd, G_IRE, true);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
		    iommusim_requester_interrupt(sm.vtd.device, 0xfee00010, 0, &out, &fault),
		    IOMMUSIM_OK);
		assert_int_equal(fault.class_, IOMMUSIM_FAULT_NONE);
		assert_int_equal(out.data & 0xff, i < 3 ? 0x33 : 0x44);
		vt_store(&sm.vtd, table, 0x440001);
		if (i == 0)
			set_root_table(&sm);
		else if (i == 1)
			turn_off_and_on(&sm);
		else
			cs_submit(&sm, 0x04, 0);
	}
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dma_follows_the_mode_that_was_latched),
		cmocka_unit_test(a_mode_that_is_only_written_has_no_effect),
		cmocka_unit_test(the_old_mode_counts_until_the_command_is_done),
		cmocka_unit_test(modes_that_the_unit_lacks_fault),
		cmocka_unit_test(abort_mode_aborts_every_request_without_any_table),
		cmocka_unit_test(a_unit_may_begin_in_abort_mode),
		cmocka_unit_test(a_unit_that_is_off_passes_in_every_mode),
		cmocka_unit_test(a_reset_brings_legacy_mode_back),
		cmocka_unit_test(invalidation_registers_are_for_legacy_mode),
		cmocka_unit_test(without_esrtps_caches_survive_srtp),
		cmocka_unit_test(with_esrtps_srtp_drops_every_cache),
		cmocka_unit_test(the_end_of_translation_drops_every_cache),
		cmocka_unit_test(so_it_does_in_legacy_mode_on_units_with_scalable_mode),
		cmocka_unit_test(interrupt_entries_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
