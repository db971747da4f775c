/*
 * What a page request takes out of the caches (VT-d 6.5.3.1, Table 27): after it was accepted and
 * handled the device does not meet what made it ask. Judged on a unit that keeps everything until it is
 * told.
 */
#include "page_queue.h"

#define NEXT   UINT64_C(0x6000)   /* the page behind PQ_PAGE, in the same tables */
#define OLD    UINT64_C(0x900000) /* where pages are mapped at first; and then */
#define NEW    UINT64_C(0xa00000)
#define DOMAIN 0x35u

/* Tables of a PGTT for requests with a PASID, or without one. */
struct space {
	struct scalable sm;
	unsigned type; /* PGTT */
	uint32_t pasid;
};

static uint64_t leaf_at(struct space *space, uint64_t input)
{
	if (space->type == 2)
		return sm_second_at(&space->sm, space->sm.second, 4, input, 1);
	return sm_first_at(&space->sm, space->sm.first, 4, input, 1);
}

/* Bits of a leaf with its flags set: nothing to set is nothing that makes a walk. */
static uint64_t leaf_bits(const struct space *space, bool writable)
{
	const uint64_t first_stage = writable ? 0x67 : 0x65;

	return space->type == 2 ? (writable ? 3 : 1) : first_stage;
}

static void map(struct space *space, uint64_t input, uint64_t output, bool writable)
{
	vt_store(&space->sm.vtd, leaf_at(space, input), output | leaf_bits(space, writable));
}

static void set_type(struct space *space, uint32_t pasid, uint16_t domain)
{
	struct scalable *sm = &space->sm;

	if (space->type == 1)
		sm_first_stage(sm, pasid, domain, 4);
	else if (space->type == 2)
		sm_second_stage(sm, pasid, domain);
	else
		sm_nested(sm, pasid, domain, 4);
}

/* Both pages are read only. SM_PASID + 1 has the same tables and domain, SM_PASID + 2 another one. */
static void start(struct space *space, unsigned type, bool pasid)
{
	memset(space, 0, sizeof(*space));
	space->type = type;
	space->pasid = pasid ? SM_PASID : SM_NO_PASID;
	pq_start(&space->sm, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_HOARD });
	set_type(space, space->pasid, DOMAIN);
	set_type(space, SM_PASID + 1, DOMAIN);
	set_type(space, SM_PASID + 2, DOMAIN + 1);
	if (type == 3) /* where the pages are, as the second stage has them */
		for (unsigned page = 0; page < 4; page++) {
			sm_map_second(&space->sm, space->sm.second, 4, OLD + page * UINT64_C(0x1000),
			    OLD + page * UINT64_C(0x1000), 3, 1);
			sm_map_second(&space->sm, space->sm.second, 4, NEW + page * UINT64_C(0x1000),
			    NEW + page * UINT64_C(0x1000), 3, 1);
		}
	map(space, PQ_PAGE, OLD, false);
	map(space, NEXT, OLD + 0x1000, false);
}

static struct iommusim_dma_page look(
    struct space *space, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid)
{
	return sm_access(&space->sm, kind, address, 8, pasid, 0);
}

/* Where a read ends: at the page that the caches know, or at the one in the tables. */
static void expect_page(struct space *space, uint64_t address, uint32_t pasid, uint64_t output)
{
	const struct iommusim_dma_page page = look(space, IOMMUSIM_DMA_READ, address, pasid);

	assert_false(page.faulted);
	assert_int_equal(page.physical, output);
}

static void ask(struct space *space)
{
	const struct iommusim_page_request request = pq_request(space->pasid);

	pq_queue(&space->sm, &request);
}

/*
 * The device meets a page that it may only read, asks for it, software lets it write there and says
 * nothing to the unit: "software ... may not send invalidation, leaving stale read-only permissions".
 */
static void the_retry_finds_what_software_has_made_of_the_page(void **state)
{
	(void)state;
	for (unsigned type = 1; type <= 3; type++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			struct space space;

			start(&space, type, pasid != 0);
			expect_page(&space, PQ_PAGE, space.pasid, OLD);
			assert_int_equal(
			    look(&space, IOMMUSIM_DMA_WRITE, PQ_PAGE, space.pasid).fault.reason, 0x85);
			map(&space, PQ_PAGE, OLD, true);
			/* it is in a cache indeed */
			assert_int_equal(
			    look(&space, IOMMUSIM_DMA_WRITE, PQ_PAGE, space.pasid).fault.reason, 0x85);
			ask(&space);
			assert_int_equal(
			    look(&space, IOMMUSIM_DMA_WRITE, PQ_PAGE, space.pasid).fault.reason, 0);
			sm_stop(&space.sm);
		}
	}
}

/* Table 27, by what is left: other pages, those of others, and of a nested space's domain nothing. */
static void the_pgtt_decides_what_else_goes(void **state)
{
	static const struct {
		unsigned type;
		bool neighbour_goes, others_page_goes;
	} rows[] = {
		{ 1, false, false }, /* page of the PASID in the domain */
		{ 2, false, true },  /* page of the domain */
		{ 3, true, true },   /* domain */
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			const uint32_t same = SM_PASID + 1, other = SM_PASID + 2;
			struct space space;

			start(&space, rows[i].type, pasid != 0);
			expect_page(&space, PQ_PAGE, space.pasid, OLD);
			expect_page(&space, NEXT, space.pasid, OLD + 0x1000);
			expect_page(&space, PQ_PAGE, same, OLD);
			expect_page(&space, PQ_PAGE, other, OLD);
			map(&space, PQ_PAGE, NEW, false);
			map(&space, NEXT, NEW + 0x1000, false);
			expect_page(&space, PQ_PAGE, space.pasid, OLD);
			ask(&space);
			expect_page(&space, PQ_PAGE, other, OLD);
			expect_page(&space, PQ_PAGE, same, rows[i].others_page_goes ? NEW : OLD);
			expect_page(
			    &space, NEXT, space.pasid, (rows[i].neighbour_goes ? NEW : OLD) + 0x1000);
			expect_page(&space, PQ_PAGE, space.pasid, NEW);
			sm_stop(&space.sm);
		}
	}
}

/* IH=0: the way to the page is forgotten too. Here the entry that points at its last table changes. */
static void the_paging_structures_above_the_page_go_with_it(void **state)
{
	(void)state;
	for (unsigned type = 1; type <= 3; type++) {
		struct space space;
		uint64_t table, at;

		start(&space, type, true);
		expect_page(&space, PQ_PAGE, SM_PASID, OLD);
		at = type == 2 ? sm_second_at(&space.sm, space.sm.second, 4, PQ_PAGE, 2)
			       : sm_first_at(&space.sm, space.sm.first, 4, PQ_PAGE, 2);
		table = vt_page(&space.sm.vtd);
		vt_store(&space.sm.vtd, table + (PQ_PAGE >> 12) * 8, NEW | leaf_bits(&space, false));
		vt_store(
		    &space.sm.vtd, table + (NEXT >> 12) * 8, (NEW + 0x1000) | leaf_bits(&space, false));
		vt_store(&space.sm.vtd, at, table | (type == 2 ? 3 : 0x27));
		expect_page(&space, NEXT, SM_PASID, OLD + 0x1000); /* by the table that was */
		ask(&space);
		expect_page(&space, PQ_PAGE, SM_PASID, NEW);
		sm_stop(&space.sm);
	}
}

/* PGTT=4: "page-selective-within-domain IOTLB invalidation", which takes pages of second stages. */
static void pass_through_takes_its_page_of_the_domain(void **state)
{
	struct iommusim_page_request request = pq_request(SM_PASID + 1);
	struct space space;

	(void)state;
	start(&space, 2, true);
	sm_pass_through(&space.sm, SM_PASID + 1, DOMAIN);
	expect_page(&space, PQ_PAGE, SM_PASID, OLD);
	expect_page(&space, NEXT, SM_PASID, OLD + 0x1000);
	map(&space, PQ_PAGE, NEW, false);
	map(&space, NEXT, NEW + 0x1000, false);
	pq_queue(&space.sm, &request);
	expect_page(&space, PQ_PAGE, SM_PASID, NEW);
	expect_page(&space, NEXT, SM_PASID, OLD + 0x1000);
	sm_stop(&space.sm);
}

/* PGTT=3: "domain-selective": of a second stage in the same domain its other pages go, too. */
static void nested_takes_all_of_the_domain(void **state)
{
	struct iommusim_page_request request = pq_request(SM_PASID + 1);
	struct space space;

	(void)state;
	start(&space, 2, true);
	expect_page(&space, NEXT, SM_PASID, OLD + 0x1000);
	expect_page(&space, NEXT, SM_PASID + 2, OLD + 0x1000);
	sm_nested(&space.sm, SM_PASID + 1, DOMAIN, 4);
	map(&space, NEXT, NEW, false);
	pq_queue(&space.sm, &request);
	expect_page(&space, NEXT, SM_PASID, NEW);
	expect_page(&space, NEXT, SM_PASID + 2, OLD + 0x1000); /* of another domain */
	sm_stop(&space.sm);
}

/* A large page goes with each of its addresses. */
static void a_large_page_goes_with_any_of_its_addresses(void **state)
{
	struct iommusim_page_request request = pq_request(SM_PASID);
	struct space space;

	(void)state;
	start(&space, 2, true);
	sm_map_second(&space.sm, space.sm.second, 4, 0x40000000, 0x800000, 3, 2);
	expect_page(&space, 0x40000000, SM_PASID, 0x800000);
	sm_map_second(&space.sm, space.sm.second, 4, 0x40000000, 0xc00000, 3, 2);
	expect_page(&space, 0x40000000, SM_PASID, 0x800000);
	request.address = 0x401ff000;
	pq_queue(&space.sm, &request);
	expect_page(&space, 0x40000000, SM_PASID, 0xc00000);
	sm_stop(&space.sm);
}

/* 7.4.1: only "if a page request does not encounter any of the error conditions". */
static void requests_that_are_not_queued_leave_the_caches_alone(void **state)
{
	struct space space;

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		const struct iommusim_page_request request = pq_request(SM_PASID);
		enum iommusim_page_request_result expected = IOMMUSIM_PAGE_REQUEST_DROPPED;

		start(&space, 2, true);
		expect_page(&space, PQ_PAGE, SM_PASID, OLD);
		map(&space, PQ_PAGE, NEW, false);
		vt_set64(&space.sm.vtd, R_PQH, way < 2 ? 0x20 : 0);
		if (way == 1) { /* in overflow, with room again */
			assert_int_equal(pq_ask(&space.sm, &request).result, expected);
			vt_set64(&space.sm.vtd, R_PQH, 0);
		}
		if (way == 2) {
			expected = IOMMUSIM_PAGE_REQUEST_REFUSED;
			vt_store(&space.sm.vtd, sm_context_at(&space.sm, VTD_RID),
			    space.sm.directory | SM_DTE | SM_PASIDE | SM_P);
		}
		if (way == 3) {
			expected = IOMMUSIM_PAGE_REQUEST_REFUSED;
			vt_store(&space.sm.vtd, sm_entry_at(&space.sm, SM_PASID), 0);
		}
		assert_int_equal(pq_ask(&space.sm, &request).result, expected);
		expect_page(&space, PQ_PAGE, SM_PASID, OLD);
		sm_stop(&space.sm);
	}
}

/* The tables decide, as they are now: here the domain in the PASID-table entry has changed. */
static void the_pasid_table_entry_in_memory_decides(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct space space;

	(void)state;
	start(&space, 2, true);
	expect_page(&space, PQ_PAGE, SM_PASID, OLD);
	expect_page(&space, PQ_PAGE, SM_PASID + 2, OLD);
	map(&space, PQ_PAGE, NEW, false);
	sm_second_stage(&space.sm, SM_PASID, DOMAIN + 1);
	pq_queue(&space.sm, &request);
	expect_page(&space, PQ_PAGE, SM_PASID, OLD); /* in DOMAIN, which was not asked for */
	expect_page(&space, PQ_PAGE, SM_PASID + 2, NEW);
	sm_stop(&space.sm);
}

/* What a requester keeps for itself goes as well; no other cache policy is worse off. */
static void every_cache_policy_is_right_after_a_page_request(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_HOARD, IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct iommusim_page_request request = pq_request(SM_NO_PASID);
		struct scalable sm;

		pq_start(&sm, &(struct vtd_setup){ .settings.cache = policies[i] });
		for (unsigned round = 0; round < 50; round++) {
			sm_map_second(&sm, sm.second, 4, PQ_PAGE, OLD, 1, 1);
			pq_queue(&sm, &request); /* fewer rights: an invalidation is due */
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, PQ_PAGE, SM_NO_PASID, 0), 0);
			assert_int_equal(
			    sm_reason(&sm, IOMMUSIM_DMA_WRITE, PQ_PAGE, SM_NO_PASID, 0), 0x85);
			vt_clear_record(&sm.vtd, round % VTD_FAULTS);
			sm_map_second(&sm, sm.second, 4, PQ_PAGE, NEW, 3, 1);
			pq_queue(&sm, &request);
			assert_int_equal(
			    sm_reason(&sm, IOMMUSIM_DMA_WRITE, PQ_PAGE, SM_NO_PASID, 0), 0);
		}
		sm_stop(&sm);
	}
}

/* A unit that is told to lose invalidations loses these too. */
static void a_unit_that_drops_invalidations_drops_these(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .settings.drop_invalidations = true });
	sm_map_second(&sm, sm.second, 4, PQ_PAGE, OLD, 1, 1);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, PQ_PAGE, SM_PASID, 0), 0);
	sm_map_second(&sm, sm.second, 4, PQ_PAGE, OLD, 3, 1);
	pq_queue(&sm, &request);
	assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PQ_PAGE, SM_PASID, 0), 0x85);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_retry_finds_what_software_has_made_of_the_page),
		cmocka_unit_test(the_pgtt_decides_what_else_goes),
		cmocka_unit_test(the_paging_structures_above_the_page_go_with_it),
		cmocka_unit_test(pass_through_takes_its_page_of_the_domain),
		cmocka_unit_test(nested_takes_all_of_the_domain),
		cmocka_unit_test(a_large_page_goes_with_any_of_its_addresses),
		cmocka_unit_test(requests_that_are_not_queued_leave_the_caches_alone),
		cmocka_unit_test(the_pasid_table_entry_in_memory_decides),
		cmocka_unit_test(every_cache_policy_is_right_after_a_page_request),
		cmocka_unit_test(a_unit_that_drops_invalidations_drops_these),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
