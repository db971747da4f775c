/*
 * Caching mode in scalable mode (CAP.CM=1, VT-d 6.1, 6.2.2 to 6.2.4.1, 6.2.5.5): contexts, PASID-table
 * entries and second-stage translations that fault may be kept, and here they are; of a first stage
 * nothing that faults ever is. With CM=0 none of it is kept: test_scalable_caches.c.
 */
#include "cached_spaces.h"

#define PAGE   UINT64_C(0x304000)
#define NEXT   UINT64_C(0x305000)
#define OLD    UINT64_C(0x1000000)
#define HOLE   UINT64_C(0x10000000) /* there is no memory */
#define FREE   SM_NO_PASID
#define PASID  SM_PASID
#define DOMAIN SM_DOMAIN

#define ADDRESS  UINT64_C(0xffffffffff000) /* of an entry */
#define RESERVED BIT(51)                   /* beyond the host's width */

static const struct vtd_setup caching = { .cap_set = CAP_CM };

static void start(struct scalable *sm, struct space *space, unsigned type, uint32_t pasid)
{
	cs_start(sm, &caching);
	*space = cs_space(sm, type, DOMAIN, pasid);
	if (type == PASS_THROUGH)
		return;
	cs_map(sm, space, PAGE, OLD);
	cs_map(sm, space, NEXT, OLD + 0x1000);
}

/* Where PAGE and NEXT lead a request, when they lead anywhere. */
static uint64_t page_output(unsigned type)
{
	return type == PASS_THROUGH ? PAGE : OLD;
}

static uint64_t next_output(unsigned type)
{
	return type == PASS_THROUGH ? NEXT : OLD + 0x1000;
}

/* ---- contexts ------------------------------------------------------------------------------- */

/*
 * What spoils a context entry (VT-d 9.4): not present, a reserved bit, RID_PASID beyond the directory.
 */
static const struct {
	uint64_t quad, clear, set;
	unsigned reason;
} bad_contexts[] = { { 0, 1, 0, 0x41 }, { 0, 0, 0x80, 0x42 }, { 2, 0, 1, 0x42 },
	{ 3, 0, BIT(63), 0x42 }, { 1, 0, 0x80000, 0x43 } };

static void spoil_and_mend_context(struct scalable *sm, size_t row, uint32_t pasid)
{
	const uint64_t at = sm_context_at(sm, VTD_RID) + bad_contexts[row].quad * 8;
	const uint64_t good = vt_load(&sm->vtd, at);

	cs_edit(sm, at, bad_contexts[row].clear, bad_contexts[row].set);
	assert_int_equal(cs_read(sm, PAGE, pasid, 0), CS_FAULT | bad_contexts[row].reason);
	vt_store(&sm->vtd, at, good);
}

/* In scalable mode they have no domain: each context-cache invalidation of their source takes them. */
static void contexts_that_fault_are_kept_until_their_source_is_named(void **state)
{
	static const struct {
		unsigned granularity;
		uint32_t domain;
		uint16_t source;
		bool gone;
	} drops[] = {
		{ 1, 0, 0, true },
		{ 2, DOMAIN, 0, true },
		{ 2, 0, 0, true },
		{ 2, 0x99, 0, true },
		{ 3, DOMAIN, VTD_RID, true },
		{ 3, 0, VTD_RID, true },
		{ 3, 0x99, VTD_RID, true },
		{ 3, DOMAIN, SM_UPPER_RID, false },
		{ 3, 0, VTD_RID + 1, false },
	};

	(void)state;
	for (size_t row = 0; row < COUNT(bad_contexts); row++) {
		for (size_t i = 0; i < COUNT(drops); i++) {
			const uint32_t pasid = i & 1 ? PASID : FREE;
			const uint64_t fault = CS_FAULT | bad_contexts[row].reason;
			struct scalable sm;
			struct space space;

			start(&sm, &space, SECOND, pasid);
			spoil_and_mend_context(&sm, row, pasid);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), fault);
			assert_int_equal(cs_read(&sm, NEXT, pasid, 0), fault);
			assert_int_equal(cs_read(&sm, PAGE, pasid, SM_UPPER), OLD);
			cs_drop(&sm, 1, 0, 0);
			cs_drop_pasids(&sm, 3, 0, 0);
			cs_drop_pasids(&sm, 0, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), fault);
			cs_drop_context(&sm, drops[i].granularity, drops[i].domain, drops[i].source, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), drops[i].gone ? OLD : fault);
			sm_stop(&sm);
		}
	}
}

/* 45h: it is not the entry that is bad. What it says is kept as always. */
static void requests_that_a_context_does_not_allow_leave_no_fault_behind(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	start(&sm, &space, SECOND, FREE);
	assert_int_equal(cs_read(&sm, PAGE, SM_RID_PASID, 0), CS_FAULT | 0x48);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID), SM_PASIDE, 0);
	cs_drop_context(&sm, 1, 0, 0, 0);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), CS_FAULT | 0x45);
	assert_int_equal(cs_read(&sm, NEXT, FREE, 0), OLD + 0x1000);
	sm_stop(&sm);
}

/* Root entries are in no cache. */
static void root_entries_are_read_anew(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	start(&sm, &space, SECOND, FREE);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), 0);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), CS_FAULT | 0x39);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), sm.context | 1);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	sm_stop(&sm);
}

/* ---- PASID-table entries -------------------------------------------------------------------- */

/* What spoils the way to a PASID-table entry and the entry (VT-d 9.5, 9.6). */
static const struct {
	bool directory;
	unsigned quad;
	uint64_t clear, set;
	unsigned reason;
} bad_entries[] = {
	{ true, 0, 1, 0, 0x51 },
	{ true, 0, 0, 0x10, 0x52 },
	{ false, 0, 1, 0, 0x59 },
	{ false, 0, 0, 0x400, 0x5a },
	{ false, 3, 0, 1, 0x5a },
	{ false, 7, 0, BIT(63), 0x5a },
	{ false, 0, 0x1c0, 0, 0x5b },
	{ false, 0, 0, 0x1c0, 0x5b },
};

static void spoil_and_mend_entry(struct scalable *sm, size_t row, uint32_t pasid)
{
	const uint64_t at = bad_entries[row].directory
	    ? sm_directory_at(sm, pasid)
	    : sm_entry_at(sm, pasid) + bad_entries[row].quad * UINT64_C(8);
	const uint64_t good = vt_load(&sm->vtd, at);

	cs_edit(sm, at, bad_entries[row].clear, bad_entries[row].set);
	assert_int_equal(cs_read(sm, PAGE, pasid, 0), CS_FAULT | bad_entries[row].reason);
	vt_store(&sm->vtd, at, good);
}

/*
 * "The reserved domain-id value of 0 is used to tag the cached entries that would result in a fault."
 */
static void pasid_entries_that_fault_belong_to_domain_0(void **state)
{
	static const struct {
		unsigned granularity;
		uint32_t domain, pasid;
		bool gone;
	} drops[] = {
		{ 3, 0x99, 0x99, true },
		{ 0, 0, 0x99, true },
		{ 1, 0, PASID, true },
		{ 0, DOMAIN, PASID, false },
		{ 1, DOMAIN, PASID, false },
		{ 1, 0, PASID + 1, false },
	};

	(void)state;
	for (size_t row = 0; row < COUNT(bad_entries); row++) {
		for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
			for (size_t i = 0; i < COUNT(drops); i++) {
				const uint64_t fault = CS_FAULT | bad_entries[row].reason;
				struct scalable sm;
				struct space space;

				start(&sm, &space, type, PASID);
				spoil_and_mend_entry(&sm, row, PASID);
				assert_int_equal(cs_read(&sm, NEXT, PASID, 0), fault);
				assert_int_equal(
				    cs_read(&sm, PAGE, PASID, SM_UPPER), page_output(type));
				cs_drop_context(&sm, 1, 0, 0, 0);
				cs_drop(&sm, 1, 0, 0);
				cs_drop_pasid(&sm, 2, 0, PASID, 0);
				assert_int_equal(cs_read(&sm, NEXT, PASID, 0), fault);
				cs_drop_pasids(
				    &sm, drops[i].granularity, drops[i].domain, drops[i].pasid);
				assert_int_equal(cs_read(&sm, NEXT, PASID, 0),
				    drops[i].gone ? next_output(type) : fault);
				sm_stop(&sm);
			}
		}
	}
}

/* Requests without PASID: under RID_PASID. */
static void without_pasid_they_are_tagged_with_rid_pasid(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	for (size_t row = 0; row < COUNT(bad_entries); row++) {
		const uint64_t fault = CS_FAULT | bad_entries[row].reason;

		start(&sm, &space, FIRST, FREE);
		spoil_and_mend_entry(&sm, row, FREE);
		cs_drop_pasids(&sm, 1, 0, PASID);
		cs_drop_pasids(&sm, 1, 0, 0);
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), fault);
		cs_drop_pasids(&sm, 1, 0, SM_RID_PASID);
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
		sm_stop(&sm);
	}
}

/* Each keeps its own reason: what is asked for later does not change it. */
static void kept_entries_deny_every_kind_of_request(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(bad_entries); row++) {
		struct scalable sm;
		struct space space;

		start(&sm, &space, SECOND, PASID);
		spoil_and_mend_entry(&sm, row, PASID);
		for (unsigned kind = 0; kind < 3; kind++)
			assert_int_equal(sm_reason(&sm, (enum iommusim_dma_kind)kind, NEXT, PASID, 0),
			    bad_entries[row].reason);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, NEXT, PASID, SM_PRIVILEGED),
		    bad_entries[row].reason);
		sm_stop(&sm);
	}
}

/* A good entry that does not let supervisors in is a good entry, of its domain. */
static void an_entry_without_supervisors_is_kept_as_a_good_one(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	start(&sm, &space, FIRST, PASID);
	cs_edit(&sm, sm_entry_at(&sm, PASID) + 16, SM_SRE, 0);
	assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), CS_FAULT | 0x5d);
	vt_store(&sm.vtd, sm_entry_at(&sm, PASID), 0);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	cs_drop_pasids(&sm, 0, 0, 0);
	assert_int_equal(cs_read(&sm, NEXT, PASID, SM_PRIVILEGED), CS_FAULT | 0x5d);
	cs_drop_pasids(&sm, 1, DOMAIN, PASID);
	assert_int_equal(cs_read(&sm, NEXT, PASID, SM_PRIVILEGED), CS_FAULT | 0x59);
	sm_stop(&sm);
}

/* FPD of what was met on the way is kept with what faults. */
static void kept_faults_go_on_being_hidden(void **state)
{
	(void)state;
	for (unsigned hidden = 0; hidden < 2; hidden++) {
		for (unsigned where = 0; where < 3; where++) {
			const uint64_t fpd = hidden ? SM_FPD : 0;
			struct iommusim_dma_page page;
			struct scalable sm;
			struct space space;
			uint64_t at, good;

			start(&sm, &space, SECOND, PASID);
			at = where == 0  ? sm_context_at(&sm, VTD_RID)
			    : where == 1 ? sm_directory_at(&sm, PASID)
					 : sm_entry_at(&sm, PASID);
			good = vt_load(&sm.vtd, at);
			vt_store(&sm.vtd, at, fpd); /* P=0 */
			page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, 0);
			assert_int_equal(page.fault.suppressed, hidden);
			vt_store(&sm.vtd, at, good ^ fpd ^ SM_FPD);
			page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, 0);
			assert_true(page.faulted);
			assert_int_equal(page.fault.suppressed, hidden);
			assert_int_equal(vt_records(&sm.vtd), hidden ? 0 : 2);
			sm_stop(&sm);
		}
	}
}

/* ---- second-stage translations -------------------------------------------------------------- */

/* What spoils a paging entry of the second stage (VT-d 9.8). */
static const struct {
	uint64_t clear, set;
	unsigned level, reason;
} bad_seconds[] = {
	{ 3, 0, 4, 0x79 },
	{ 3, 0, 3, 0x79 },
	{ 3, 0, 2, 0x79 },
	{ 3, 0, 1, 0x79 },
	{ 0, RESERVED, 2, 0x7a },
	{ 0, RESERVED, 1, 0x7a },
};

static void spoil_and_mend_second(struct scalable *sm, const struct space *space, size_t row)
{
	const uint64_t at = cs_entry_at(sm, space, PAGE, bad_seconds[row].level);
	const uint64_t good = vt_load(&sm->vtd, at);

	cs_edit(sm, at, bad_seconds[row].clear, bad_seconds[row].set);
	assert_int_equal(cs_read(sm, PAGE, space->pasid, 0), CS_FAULT | bad_seconds[row].reason);
	vt_store(&sm->vtd, at, good);
}

/* 6.2.4.1: "follows same tagging as if there was no faults". */
static void second_stage_faults_are_kept_for_their_page_in_their_own_domain(void **state)
{
	static const struct {
		unsigned type, granularity;
		uint32_t domain, pasid;
		uint64_t address;
		bool gone;
	} drops[] = {
		{ 2, 1, 0, 0, 0, true },
		{ 2, 2, DOMAIN, 0, 0, true },
		{ 2, 2, 0, 0, 0, false },
		{ 2, 3, DOMAIN, 0, PAGE, true },
		{ 2, 3, DOMAIN, 0, PAGE | 9, true },
		{ 2, 3, DOMAIN, 0, NEXT, false },
		{ 2, 3, 0, 0, PAGE, false },
		{ 6, 2, DOMAIN, PASID, 0, true }, /* Table 24: of every PGTT */
		{ 6, 2, DOMAIN, PASID + 1, 0, false },
		{ 6, 2, 0, PASID, 0, false },
		{ 6, 3, DOMAIN, PASID, PAGE, false },
	};

	(void)state;
	for (size_t row = 0; row < COUNT(bad_seconds); row++) {
		for (size_t i = 0; i < COUNT(drops); i++) {
			const uint64_t fault = CS_FAULT | bad_seconds[row].reason;
			struct scalable sm;
			struct space space;

			start(&sm, &space, SECOND, PASID);
			spoil_and_mend_second(&sm, &space, row);
			assert_int_equal(cs_read(&sm, PAGE, PASID, 0), fault);
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, 0),
			    bad_seconds[row].reason);
			assert_int_equal(cs_read(&sm, PAGE, PASID, SM_UPPER), fault); /* hoard */
			assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
			cs_drop_context(&sm, 1, 0, 0, 0);
			cs_drop_pasids(&sm, 3, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, PASID, 0), fault);
			if (drops[i].type == 2)
				cs_drop(&sm, drops[i].granularity, drops[i].domain, drops[i].address);
			else
				cs_drop_pasid(&sm, drops[i].granularity, drops[i].domain,
				    drops[i].pasid, drops[i].address);
			assert_int_equal(cs_read(&sm, PAGE, PASID, 0), drops[i].gone ? OLD : fault);
			sm_stop(&sm);
		}
	}
}

/* They serve whom a translation would: of another source only where the unit goes by domain. */
static void kept_faults_are_tagged_like_translations(void **state)
{
	const struct vtd_setup by_source = { .cap_set = CAP_CM,
		.settings = { .match = IOMMUSIM_MATCH_SOURCE } };
	struct space space;
	struct scalable sm;

	(void)state;
	for (size_t row = 0; row < COUNT(bad_seconds); row++) {
		const uint64_t fault = CS_FAULT | bad_seconds[row].reason;

		cs_start(&sm, &by_source);
		space = cs_space(&sm, SECOND, DOMAIN, PASID);
		cs_map(&sm, &space, PAGE, OLD);
		space.pasid = FREE;
		cs_enter(&sm, &space);
		spoil_and_mend_second(&sm, &space, row);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		assert_int_equal(cs_read(&sm, PAGE, FREE, SM_UPPER), OLD);
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), fault);
		cs_drop_pasid(&sm, 2, DOMAIN, PASID, 0);
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), fault);
		cs_drop_pasid(&sm, 2, DOMAIN, SM_RID_PASID, 0);
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
		sm_stop(&sm);
	}
}

/* The table appears where no memory was: only the kept fault can still deny. */
static void a_table_that_could_not_be_read_stays_so(void **state)
{
	const uint64_t leaves[2] = { OLD | 3, (OLD + 0x1000) | 3 };
	struct space space;
	struct scalable sm;

	(void)state;
	start(&sm, &space, SECOND, PASID);
	cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 2), ADDRESS, HOLE);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), CS_FAULT | 0x78);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, HOLE, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_write(sm.vtd.machine, HOLE + (PAGE >> 12 & 0x1ff) * 8, leaves, 16),
	    IOMMUSIM_OK);
	assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), CS_FAULT | 0x78);
	cs_drop(&sm, 3, DOMAIN, PAGE | CS_IH);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	sm_stop(&sm);
}

/* Reading allowed above and writing below is nothing allowed at all (Table 30, SSS.2). */
static void a_page_without_any_right_is_kept_like_one_that_is_not_there(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct scalable sm;
		struct space space;

		start(&sm, &space, SECOND, PASID);
		cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 2), 2, 0);
		cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 1, 0);
		assert_int_equal(sm_reason(&sm, (enum iommusim_dma_kind)kind, PAGE, PASID, 0), 0x79);
		cs_map(&sm, &space, PAGE, OLD);
		for (unsigned other = 0; other < 3; other++)
			assert_int_equal(
			    sm_reason(&sm, (enum iommusim_dma_kind)other, PAGE, PASID, 0), 0x79);
		cs_drop(&sm, 3, DOMAIN, PAGE);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		sm_stop(&sm);
	}
}

/*
 * "A and EA flags are not set when caching not present entries" (6.2.4.1); nor of entries above them.
 */
static void keeping_a_fault_sets_no_flags(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(bad_seconds); row++) {
		struct scalable sm;
		struct space space;

		start(&sm, &space, SECOND, PASID);
		cs_edit(&sm, sm_entry_at(&sm, PASID), 0, SM_SSADE);
		spoil_and_mend_second(&sm, &space, row);
		for (unsigned level = 1; level <= 4; level++) /* A is bit 8 (VT-d 9.8) */
			assert_int_equal(
			    vt_load(&sm.vtd, cs_entry_at(&sm, &space, PAGE, level)) & 0x300, 0);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), CS_FAULT | bad_seconds[row].reason);
		cs_drop(&sm, 3, DOMAIN, PAGE);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		for (unsigned level = 1; level <= 4; level++)
			assert_int_equal(
			    vt_load(&sm.vtd, cs_entry_at(&sm, &space, PAGE, level)) & 0x300, 0x100);
		sm_stop(&sm);
	}
}

/* A translation request is told of a kept fault what it would be told of the fault (Table 30). */
static void translation_requests_are_answered_by_what_is_kept(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(bad_seconds); row++) {
		struct scalable sm;
		struct space space;

		start(&sm, &space, SECOND, PASID);
		spoil_and_mend_second(&sm, &space, row);
		for (unsigned i = 0; i < 2; i++) {
			const struct iommusim_dma_page page =
			    sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, SM_TRANSLATION_REQUEST);
			const bool empty = bad_seconds[row].reason == 0x79;

			assert_true(page.cached);
			assert_int_equal(page.answered, empty);
			assert_int_equal(page.granted, 0);
			assert_int_equal(page.faulted, !empty);
			assert_int_equal(page.fault.aborts, !empty);
		}
		sm_stop(&sm);
	}
}

/* ---- first-stage translations --------------------------------------------------------------- */

/* What spoils a paging entry of the first stage (VT-d 9.7). */
static const struct {
	unsigned level;
	uint64_t clear, set;
	enum iommusim_dma_kind kind;
	unsigned reason;
} bad_firsts[] = {
	{ 4, 1, 0, IOMMUSIM_DMA_READ, 0x71 },
	{ 3, 1, 0, IOMMUSIM_DMA_READ, 0x71 },
	{ 2, 1, 0, IOMMUSIM_DMA_READ, 0x71 },
	{ 1, 1, 0, IOMMUSIM_DMA_READ, 0x71 },
	{ 1, UINT64_MAX, 0, IOMMUSIM_DMA_WRITE, 0x71 },
	{ 2, 0, RESERVED, IOMMUSIM_DMA_READ, 0x72 },
	{ 1, 0, RESERVED, IOMMUSIM_DMA_READ, 0x72 },
	{ 1, 4, 0, IOMMUSIM_DMA_READ, 0x81 },
	{ 1, 2, 0, IOMMUSIM_DMA_WRITE, 0x85 },
};

/*
 * "Even when CM is 1, hardware does not cache translations ... that encountered a fault in
 * first-stage".
 */
static void first_stage_faults_are_never_kept(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(bad_firsts); row++) {
		for (unsigned i = 0; i < 4; i++) {
			const uint32_t pasid = i & 1 ? PASID : FREE;
			struct scalable sm;
			struct space space;
			uint64_t at, good;

			start(&sm, &space, i & 2 ? NESTED : FIRST, pasid);
			at = cs_entry_at(&sm, &space, PAGE, bad_firsts[row].level);
			good = vt_load(&sm.vtd, at);
			cs_edit(&sm, at, bad_firsts[row].clear, bad_firsts[row].set);
			for (unsigned again = 0; again < 2; again++)
				assert_int_equal(sm_reason(&sm, bad_firsts[row].kind, PAGE, pasid, 0),
				    bad_firsts[row].reason);
			vt_store(&sm.vtd, at, good);
			assert_int_equal(sm_reason(&sm, bad_firsts[row].kind, PAGE, pasid, 0), 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD);
			sm_stop(&sm);
		}
	}
}

/* An address that no table is needed to refuse is not remembered either. */
static void addresses_that_are_not_canonical_are_not_kept(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	start(&sm, &space, FIRST, PASID);
	assert_int_equal(cs_read(&sm, BIT(47) | PAGE, PASID, 0), CS_FAULT | 0x80);
	space = cs_space_of(&sm, FIRST, DOMAIN, PASID, 5);
	cs_map(&sm, &space, BIT(47) | PAGE, OLD);
	cs_drop_pasids(&sm, 1, DOMAIN, PASID);
	assert_int_equal(cs_read(&sm, BIT(47) | PAGE, PASID, 0), OLD);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_that_fault_are_kept_until_their_source_is_named),
		cmocka_unit_test(requests_that_a_context_does_not_allow_leave_no_fault_behind),
		cmocka_unit_test(root_entries_are_read_anew),
		cmocka_unit_test(pasid_entries_that_fault_belong_to_domain_0),
		cmocka_unit_test(without_pasid_they_are_tagged_with_rid_pasid),
		cmocka_unit_test(kept_entries_deny_every_kind_of_request),
		cmocka_unit_test(an_entry_without_supervisors_is_kept_as_a_good_one),
		cmocka_unit_test(kept_faults_go_on_being_hidden),
		cmocka_unit_test(second_stage_faults_are_kept_for_their_page_in_their_own_domain),
		cmocka_unit_test(kept_faults_are_tagged_like_translations),
		cmocka_unit_test(a_table_that_could_not_be_read_stays_so),
		cmocka_unit_test(a_page_without_any_right_is_kept_like_one_that_is_not_there),
		cmocka_unit_test(keeping_a_fault_sets_no_flags),
		cmocka_unit_test(translation_requests_are_answered_by_what_is_kept),
		cmocka_unit_test(first_stage_faults_are_never_kept),
		cmocka_unit_test(addresses_that_are_not_canonical_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
