/*
 * What host permissions, interrupts, page requests and the invalidation queue are counted as (VT-d 10.7,
 * Table 49): every event of a scene, all the others 0, and filters that let some of it through.
 */
#include "counting.h"
#include "host_tables.h"
#include "page_queue.h"
#include "posted.h"

/* Page-table levels, as bits of PTL (VT-d 11.4.13.20): an HPTL1E to an HPTL4E. */
enum { HPTL1E = 1, HPTL2E = 2, HPTL3E = 4, HPTL4E = 8, PML5E = 16 };

/* ---- host permissions ---------------------------------------------------------------------------------- */

#define PAGE   UINT64_C(0x5000)
#define KIB128 UINT64_C(0x20000)       /* what an entry of level 1 has permissions for */
#define MIB32  UINT64_C(0x2000000)     /* of level 2 */
#define GIB8   UINT64_C(0x200000000)   /* of level 3 */
#define TIB2   UINT64_C(0x20000000000) /* of level 4 */

static void start_host(struct host *host, const struct vtd_setup *wanted)
{
	const struct vtd_setup setup = counting_setup(wanted);

	host_start(host, &setup);
}

static struct vtd_fixture *unit_of(struct host *host)
{
	return &host->scene.sm.vtd;
}

static unsigned get(struct host *host, uint64_t address, unsigned flags)
{
	return host_reason(host, IOMMUSIM_DMA_READ, address, SM_NO_PASID, flags);
}

#define KNOWN_SOURCE [CTXT_LOOKUP] = 1, [CTXT_HIT] = 1, [PASID_LOOKUP] = 1, [PASID_HIT] = 1

static void host_permissions_are_counted_as_they_get_into_the_cache(void **state)
{
	struct host host;

	(void)state;
	start_host(&host, NULL);
	host_allow(&host, PAGE, 1, HOST_READ);
	host_allow(&host, PAGE + KIB128, 1, HOST_READ);
	host_allow(&host, PAGE + MIB32, 2, HOST_READ);
	host_allow(&host, PAGE + GIB8, 3, HOST_READ);
	counting_begin(unit_of(&host));
	/* Root, context, directory, PASID table, four levels. Nothing is translated: no IOTLB, no walk. */
	assert_int_equal(get(&host, PAGE, 0), 0);
	expect_counted(unit_of(&host), ASKED(1), READ_MEMORY(8), [CTXT_LOOKUP] = 1, [PASID_LOOKUP] = 1,
	    [HPT_LEAF_LOOKUP] = 1, [HPT_NONLEAF_LOOKUP] = 1);
	assert_int_equal(get(&host, PAGE, 0), 0);
	expect_counted(
	    unit_of(&host), ASKED(1), KNOWN_SOURCE, [HPT_LEAF_LOOKUP] = 1, [HPT_LEAF_HIT] = 1);
	/* Another page of the entry, which has no rights; another entry of the table. */
	assert_int_equal(get(&host, PAGE + 0x1000, 0), 0xa5);
	expect_counted(
	    unit_of(&host), ASKED(1), KNOWN_SOURCE, [HPT_LEAF_LOOKUP] = 1, [HPT_LEAF_HIT] = 1);
	assert_int_equal(get(&host, PAGE + KIB128, 0), 0);
	expect_counted(unit_of(&host), ASKED(1), READ_MEMORY(1),
	    KNOWN_SOURCE, [HPT_LEAF_LOOKUP] = 1, [HPT_NONLEAF_LOOKUP] = 1, [HPT_NONLEAF_HIT] = 1);
	/* Pages of 2 MiB and of 1 GiB are found one and two levels above. */
	assert_int_equal(get(&host, PAGE + MIB32, 0), 0);
	assert_int_equal(get(&host, PAGE + GIB8, 0), 0);
	expect_counted(unit_of(&host), ASKED(2),
	    READ_MEMORY(2), [CTXT_LOOKUP] = 2, [CTXT_HIT] = 2, [PASID_LOOKUP] = 2, [PASID_HIT] = 2,
	    [HPT_LEAF_LOOKUP] = 2, [HPT_NONLEAF_LOOKUP] = 2, [HPT_NONLEAF_HIT] = 2);
	assert_int_equal(get(&host, PAGE + MIB32, 0), 0);
	expect_counted(
	    unit_of(&host), ASKED(1), KNOWN_SOURCE, [HPT_LEAF_LOOKUP] = 1, [HPT_LEAF_HIT] = 1);
	/* Something below an entry of level 3 might know better: it is looked for. */
	assert_int_equal(get(&host, PAGE + GIB8, 0), 0);
	expect_counted(unit_of(&host), ASKED(1),
	    KNOWN_SOURCE, [HPT_LEAF_LOOKUP] = 1, [HPT_LEAF_HIT] = 1, [HPT_NONLEAF_LOOKUP] = 1);
	host_stop(&host);
}

static void without_caches_permissions_are_read_each_time(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct host host;

	(void)state;
	start_host(&host, &uncached);
	host_allow(&host, PAGE, 1, HOST_READ);
	host_allow(&host, PAGE + GIB8, 3, HOST_READ);
	counting_begin(unit_of(&host));
	assert_int_equal(get(&host, PAGE, 0), 0);
	assert_int_equal(get(&host, PAGE, 0), 0);
	assert_int_equal(get(&host, PAGE + GIB8, 0), 0);
	expect_counted(unit_of(&host), ASKED(3), READ_MEMORY(8 + 8 + 6));
	/* One that cannot be read, and one with reserved bits: they were read for. */
	host_set_entry(&host, PAGE, 4, 0, POST_HOLE | HOST_AV);
	assert_int_equal(get(&host, PAGE, 0), 0xa0);
	host_set_entry(&host, PAGE, 4, 1, 0);
	assert_int_equal(get(&host, PAGE, 0), 0xa1);
	expect_counted(unit_of(&host), ASKED(2), READ_MEMORY(6 + 5));
	host_stop(&host);
}

/* Watches 0 to 4: one level each; 5: two of them. */
static void watch_levels(struct vtd_fixture *vtd, enum counted event)
{
	counting_begin(vtd);
	for (unsigned level = 0; level < 5; level++)
		counting_watch(vtd, level, event, PTL, 1u << level);
	counting_watch(vtd, 5, event, PTL, HPTL2E | HPTL3E);
}

static void a_permission_has_the_level_of_its_page(void **state)
{
	struct host host;

	(void)state;
	start_host(&host, NULL);
	host_allow(&host, PAGE, 1, HOST_READ);
	host_allow(&host, PAGE + MIB32, 2, HOST_READ);
	host_allow(&host, PAGE + GIB8, 3, HOST_READ);
	watch_levels(unit_of(&host), HPT_LEAF_HIT);
	assert_int_equal(get(&host, PAGE, 0), 0);
	assert_int_equal(get(&host, PAGE + MIB32, 0), 0);
	assert_int_equal(get(&host, PAGE + GIB8, 0), 0);
	expect_watched(unit_of(&host), 0);
	assert_int_equal(get(&host, PAGE, 0), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(get(&host, PAGE + MIB32, 0), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(get(&host, PAGE + GIB8, 0), 0);
	expect_watched(unit_of(&host), 1, 2, 4, 0, 0, 6);
	host_stop(&host);
}

static void a_host_table_has_the_level_of_the_entry_that_points_at_it(void **state)
{
	static const uint64_t neighbours[] = { KIB128, MIB32, 2 * MIB32, GIB8, 2 * GIB8, 3 * GIB8 };
	struct host host;

	(void)state;
	start_host(&host, NULL);
	host_allow(&host, PAGE, 1, HOST_READ);
	host_allow(&host, PAGE + TIB2, 1, HOST_READ);
	for (unsigned i = 0; i < 6; i++)
		host_allow(&host, PAGE + neighbours[i], 1, HOST_READ);
	watch_levels(unit_of(&host), HPT_NONLEAF_HIT);
	assert_int_equal(get(&host, PAGE, 0), 0);
	assert_int_equal(get(&host, PAGE + TIB2, 0), 0); /* nothing in common */
	expect_watched(unit_of(&host), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(get(&host, PAGE + neighbours[i], 0), 0);
	expect_watched(unit_of(&host), 0, 1, 2, 3, 0, 3);
	host_stop(&host);
}

/* RID for all of them; AT, which can only be translated, for those of tables. */
static void filters_tell_who_asks_for_permission(void **state)
{
	static const struct {
		enum counted event;
		unsigned lower, upper;
		bool by_type;
	} rows[] = {
		{ HPT_LEAF_LOOKUP, 3, 2, false },
		{ HPT_LEAF_HIT, 1, 0, false },
		{ HPT_NONLEAF_LOOKUP, 2, 2, true },
		{ HPT_NONLEAF_HIT, 1, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const unsigned all = rows[i].lower + rows[i].upper;
		struct host host;

		start_host(&host, NULL);
		host_allow(&host, PAGE, 1, HOST_READ);
		host_allow(&host, PAGE + KIB128, 1, HOST_READ);
		counting_begin(unit_of(&host));
		counting_watch(unit_of(&host), 0, rows[i].event, RID, VTD_RID);
		counting_watch(unit_of(&host), 1, rows[i].event, RID, SM_UPPER_RID);
		counting_watch(unit_of(&host), 2, rows[i].event, NO_FILTER, 0);
		for (unsigned type = 0; rows[i].by_type && type < 5; type++)
			counting_watch(unit_of(&host), 3 + type, rows[i].event, AT, 1u << type);
		assert_int_equal(get(&host, PAGE, 0), 0);
		assert_int_equal(get(&host, PAGE, 0), 0);
		assert_int_equal(get(&host, PAGE + KIB128, 0), 0);
		assert_int_equal(get(&host, PAGE, SM_UPPER), 0); /* leaves are each source's own */
		assert_int_equal(get(&host, PAGE + KIB128, SM_UPPER), 0);
		expect_watched(
		    unit_of(&host), rows[i].lower, rows[i].upper, all, 0, 0, rows[i].by_type ? all : 0);
		host_stop(&host);
	}
}

/* ---- interrupts ---------------------------------------------------------------------------------------- */

#define OTHER_RID 0x0318u

enum { REMAPPED = 3, POSTED = 4, ABSENT = 5 }; /* entries */

/* P in bit 0, V in 23:16 (VT-d 9.9). Queue and remapping on; 64 entries. */
static void start_interrupts(struct post_scene *scene, const struct vtd_setup *wanted)
{
	post_start_with(scene, counting_setup(wanted), 5);
	post_set_entry(scene, REMAPPED, 0x400001, 0);
	post_set(scene, POSTED, 0x41, POST_DESCRIPTOR, 0);
	post_set_descriptor(scene, POST_DESCRIPTOR, POST_TARGET | POST_SN);
}

static unsigned raise_by(struct post_scene *scene, struct iommusim_requester *device, unsigned index)
{
	const uint64_t address = POST_REQUEST | (uint64_t)index << 5;
	struct iommusim_interrupt out;
	struct iommusim_fault fault;

	(void)scene;
	assert_int_equal(iommusim_requester_interrupt(device, address, 0, &out, &fault), IOMMUSIM_OK);
	return fault.reason;
}

static unsigned raise(struct post_scene *scene, unsigned index)
{
	return raise_by(scene, scene->vtd.device, index);
}

static void interrupts_are_counted_by_what_is_done_with_them(void **state)
{
	struct post_scene scene;
	struct vtd_fixture *const vtd = &scene.vtd;

	(void)state;
	start_interrupts(&scene, NULL);
	counting_begin(vtd);
	assert_int_equal(raise(&scene, REMAPPED), 0);
	expect_counted(vtd, READ_MEMORY(1), [INT_LOOKUP] = 1);
	assert_int_equal(raise(&scene, REMAPPED), 0);
	assert_int_equal(raise(&scene, REMAPPED), 0);
	expect_counted(vtd, [INT_LOOKUP] = 2, [INT_HIT_NONPOSTED] = 2);
	/* A descriptor is read as well, each time (VT-d 5.2.3). */
	assert_int_equal(raise(&scene, POSTED), 0);
	expect_counted(vtd, READ_MEMORY(2), [INT_LOOKUP] = 1);
	assert_int_equal(raise(&scene, POSTED), 0);
	expect_counted(vtd, READ_MEMORY(1), [INT_LOOKUP] = 1, [INT_HIT_POSTED] = 1);
	/* An entry that faults is not kept. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(raise(&scene, ABSENT), 0x22);
		expect_counted(vtd, READ_MEMORY(1), [INT_LOOKUP] = 1);
	}
	/* Beyond the table, and in compatibility format: no entry is looked for. */
	assert_int_equal(raise(&scene, 64), 0x21);
	assert_int_equal(
	    iommusim_requester_interrupt(vtd->device, 0xfee00000, 0x40, NULL, NULL), IOMMUSIM_OK);
	expect_counted(vtd, 0);
	post_stop(&scene);
}

static void without_a_cache_entries_are_read_each_time(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct post_scene scene;

	(void)state;
	start_interrupts(&scene, &uncached);
	counting_begin(&scene.vtd);
	assert_int_equal(raise(&scene, REMAPPED), 0);
	assert_int_equal(raise(&scene, REMAPPED), 0);
	assert_int_equal(raise(&scene, POSTED), 0);
	expect_counted(&scene.vtd, READ_MEMORY(1 + 1 + 2));
	post_stop(&scene);
}

/* What is fetched ahead is read, too: more is read than was looked for in vain. */
static void entries_fetched_ahead_are_reads(void **state)
{
	const struct vtd_setup adverse = { .settings.cache = IOMMUSIM_CACHE_ADVERSE, .seed = 3 };
	struct post_scene scene;
	struct vtd_fixture *const vtd = &scene.vtd;
	uint64_t reads, lookups, hits;

	(void)state;
	start_interrupts(&scene, &adverse);
	counting_begin(vtd);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(raise(&scene, REMAPPED), 0);
	reads = counting_value(vtd, MRDS);
	lookups = counting_value(vtd, INT_LOOKUP);
	hits = counting_value(vtd, INT_HIT_NONPOSTED);
	assert_int_equal(lookups, 200);
	assert_true(hits > 0 && hits < lookups);
	assert_true(reads > lookups - hits);
	/* The last of the table has none after it. */
	post_set_entry(&scene, 63, 0x400001, 0);
	counting_begin(vtd);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(raise(&scene, 63), 0);
	reads = counting_value(vtd, MRDS);
	hits = counting_value(vtd, INT_HIT_NONPOSTED);
	assert_true(hits > 0 && hits < 200);
	assert_int_equal(reads, 200 - hits);
	post_stop(&scene);
}

static void the_requester_filter_tells_who_interrupts(void **state)
{
	struct iommusim_requester *other;
	struct post_scene scene;
	struct vtd_fixture *const vtd = &scene.vtd;
	static const enum counted rows[] = { INT_LOOKUP, INT_HIT_NONPOSTED, INT_HIT_POSTED };

	(void)state;
	start_interrupts(&scene, NULL);
	assert_int_equal(iommusim_requester_create(vtd->machine, 0, OTHER_RID, &other), IOMMUSIM_OK);
	counting_begin(vtd);
	for (unsigned i = 0; i < 3; i++) {
		counting_watch(vtd, 2 * i, rows[i], RID, VTD_RID);
		counting_watch(vtd, 2 * i + 1, rows[i], RID, OTHER_RID);
	}
	/* An entry serves whoever has its index. */
	assert_int_equal(raise(&scene, REMAPPED), 0);
	assert_int_equal(raise_by(&scene, other, REMAPPED), 0);
	assert_int_equal(raise_by(&scene, other, POSTED), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(raise(&scene, POSTED), 0);
	assert_int_equal(raise_by(&scene, other, POSTED), 0);
	expect_watched(vtd, 4, 3, 0, 1, 3, 1);
	post_stop(&scene);
}

/* ---- page requests ------------------------------------------------------------------------------------- */

static void start_page_requests(struct scalable *sm)
{
	const struct vtd_setup setup = counting_setup(NULL);

	pq_start(sm, &setup);
	counting_begin(&sm->vtd);
}

/* Full: the next place is the head's. */
static void fill(struct scalable *sm)
{
	vt_set64(&sm->vtd, R_PQH, (vt_get64(&sm->vtd, R_PQT) + 0x20) % 0x1000);
	counting_begin(&sm->vtd);
}

/* Root, context, directory and PASID table are read for each; the descriptor is written. */
static void page_requests_are_posted_or_overflow(void **state)
{
	struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	start_page_requests(&sm);
	pq_queue(&sm, &request);
	expect_counted(&sm.vtd, READ_MEMORY(4), [PG_REQ_POSTED] = 1);
	request = pq_request(SM_NO_PASID);
	pq_queue(&sm, &request);
	pq_queue(&sm, &request);
	expect_counted(&sm.vtd, READ_MEMORY(8), [PG_REQ_POSTED] = 2);
	fill(&sm);
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	expect_counted(&sm.vtd, READ_MEMORY(4), [PG_REQ_OVERFLOW] = 1);
	/* "Auto-generated responses": only the last of a group is answered. */
	request.last = false;
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	expect_counted(&sm.vtd, READ_MEMORY(4));
	/* One that is refused is neither. */
	request = pq_request(SM_PASID + 1);
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_REFUSED);
	expect_counted(&sm.vtd, READ_MEMORY(4));
	sm_stop(&sm);
}

static void watch_page_requests(struct vtd_fixture *vtd, enum counted event)
{
	counting_begin(vtd);
	counting_watch(vtd, 0, event, RID, VTD_RID);
	counting_watch(vtd, 1, event, RID, SM_UPPER_RID);
	counting_watch(vtd, 2, event, PASID, SM_PASID);
	counting_watch(vtd, 3, event, PASID, 0);
	counting_watch(vtd, 4, event, PASID, WITH_ANY_PASID);
	counting_watch(vtd, 5, event, PASID, WITHOUT_PASID);
}

static void filters_tell_who_requests_pages(void **state)
{
	const struct iommusim_page_request with = pq_request(SM_PASID),
					   without = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	start_page_requests(&sm);
	for (unsigned full = 0; full < 2; full++) {
		if (full == 1)
			fill(&sm);
		watch_page_requests(&sm.vtd, full == 1 ? PG_REQ_OVERFLOW : PG_REQ_POSTED);
		pq_ask(&sm, &with);
		pq_ask(&sm, &without);
		pq_ask(&sm, &without);
		pq_ask_of(sm.upper, &without);
		expect_watched(&sm.vtd, 3, 1, 1, 0, 1, 3);
	}
	sm_stop(&sm);
}

/* ---- the queue ----------------------------------------------------------------------------------------- */

/* Each descriptor is a read, of 16 or 32 bytes; the tail's write is an access. */
static void descriptors_are_reads(void **state)
{
	struct vtd_setup setup = { .ecap_set = ECAP_SMTS };
	struct vtd_fixture vtd;

	(void)state;
	setup = counting_setup(&setup);
	for (unsigned width = 16; width <= 32; width += 16) {
		vt_start(&vtd, &setup);
		vt_queue_start(&vtd, width);
		counting_begin(&vtd);
		vt_submit(&vtd, 0x12, 0); /* IOTLB, all of it */
		expect_counted(&vtd, [CLOCKS] = 1, READ_MEMORY(1));
		for (uint64_t i = 0; i < 3; i++)
			vt_store(&vtd, vtd.queue + vtd.queue_tail + i * width, 0x12);
		vt_set32(&vtd, R_IQT, vtd.queue_tail + 3 * width);
		expect_counted(&vtd, [CLOCKS] = 1, READ_MEMORY(3));
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_permissions_are_counted_as_they_get_into_the_cache),
		cmocka_unit_test(without_caches_permissions_are_read_each_time),
		cmocka_unit_test(a_permission_has_the_level_of_its_page),
		cmocka_unit_test(a_host_table_has_the_level_of_the_entry_that_points_at_it),
		cmocka_unit_test(filters_tell_who_asks_for_permission),
		cmocka_unit_test(interrupts_are_counted_by_what_is_done_with_them),
		cmocka_unit_test(without_a_cache_entries_are_read_each_time),
		cmocka_unit_test(entries_fetched_ahead_are_reads),
		cmocka_unit_test(the_requester_filter_tells_who_interrupts),
		cmocka_unit_test(page_requests_are_posted_or_overflow),
		cmocka_unit_test(filters_tell_who_requests_pages),
		cmocka_unit_test(descriptors_are_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
