/*
 * Translation for its own sake: what is said of one address and of many, what counts, what is malformed, and that no
 * answer is older than an invalidation that was complete before it was asked for. That the quick way says the same as
 * the slow one: property/test_quick_way.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "vtd_fixture.h"

#define MANY    600u /* more than are looked at together */
#define SEVERAL 16u
#define CROWD   192u
#define ROUNDS  300u
#define TABLES  4000u /* changes of whole ones: what is to be met lasts as long as a batch */
#define TURN    64u   /* pages that one address leads to, in turn */

static void a_translation_says_where_an_address_goes(void **state)
{
	struct iommusim_dma_request request = { .address = 0x40008, .length = 0x3000, .tag = 7 };
	struct iommusim_translation translation;
	struct vtd_fixture vtd;
	uint64_t before;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x40000, 0x80000, 1);
	for (unsigned time = 0; time < 3; time++) { /* of the tables, of the IOTLB or the requester */
		before = iommusim_clock_now(vtd.machine);
		assert_int_equal(iommusim_translate(vtd.device, &request, &translation), IOMMUSIM_OK);
		assert_int_equal(translation.physical, 0x80008);
		assert_int_equal(translation.domain, VTD_DOMAIN);
		assert_int_equal(translation.fault, IOMMUSIM_FAULT_NONE);
		assert_int_equal(translation.page_shift, 12);
		assert_true(translation.translated);
		assert_int_equal(translation.cached, time > 0);
		assert_int_equal(iommusim_clock_now(vtd.machine), before + 1);
	}
	request.kind = IOMMUSIM_DMA_WRITE;
	assert_int_equal(iommusim_translate(vtd.device, &request, &translation), IOMMUSIM_OK);
	assert_int_equal(translation.fault, IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

static void malformed_requests_are_told_nothing(void **state)
{
	static const struct iommusim_dma_request bad[] = {
		{ .address = 0x40000, .length = 0, .kind = IOMMUSIM_DMA_WRITE },
		{ .address = 0x40000, .length = 4, .kind = (enum iommusim_dma_kind)3 },
		{ .address = 0x40000, .length = 4, .has_pasid = true, .pasid = 0x100000 },
		{ .address = 0x40000, .length = 4, .address_type = (enum iommusim_dma_address_type)3 },
	};
	const uint64_t address = 0x40000;
	struct iommusim_requester_counters counters;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct iommusim_translation translation = { .physical = 5 };
		size_t faulted = 9;

		assert_int_equal(
		    iommusim_translate(vtd.device, &bad[i], &translation), IOMMUSIM_EINVAL);
		assert_int_equal(
		    iommusim_translate_batch(vtd.device, &bad[i], &address, 1, &translation, &faulted),
		    IOMMUSIM_EINVAL);
		assert_int_equal(translation.physical, 5);
		assert_int_equal(faulted, 9);
	}
	iommusim_requester_counters(vtd.device, &counters);
	assert_int_equal(counters.requests, 0);
	vt_stop(&vtd);
}

/* One byte, in registers: of pages of each size, as often as caches and plans need to come to be. */
static void an_address_is_a_request_of_one_byte(void **state)
{
	struct iommusim_requester_counters counters;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned policy = 0; policy < 4; policy++) {
		struct iommusim_translation translation;

		vt_start_enabled(
		    &vtd, &(struct vtd_setup){ .settings.cache = (enum iommusim_cache_policy)policy });
		vt_map(&vtd, 0x40000, 0x80000, 1);
		vt_map_level(&vtd, 0x400000, 0x600000, 3, 2);
		for (unsigned time = 0; time < 20; time++) {
			translation =
			    iommusim_translate_address(vtd.device, IOMMUSIM_DMA_READ, 0x40ffe);
			assert_int_equal(translation.physical, 0x80ffe);
			assert_int_equal(translation.domain, VTD_DOMAIN);
			assert_int_equal(translation.fault, IOMMUSIM_FAULT_NONE);
			assert_int_equal(translation.page_shift, 12);
			assert_true(translation.translated);
			translation =
			    iommusim_translate_address(vtd.device, IOMMUSIM_DMA_WRITE, 0x5ffff8);
			assert_int_equal(translation.physical, 0x7ffff8);
			assert_int_equal(translation.page_shift, 21);
		}
		translation = iommusim_translate_address(vtd.device, IOMMUSIM_DMA_WRITE, 0x40000);
		assert_int_equal(translation.fault, IOMMUSIM_FAULT_PERMISSION);
		assert_int_equal(vt_records(&vtd), 1);
		translation =
		    iommusim_translate_address(vtd.device, (enum iommusim_dma_kind)3, 0x40000);
		assert_int_equal(translation.fault, IOMMUSIM_FAULT_NOT_ISSUED);
		assert_false(translation.translated);
		iommusim_requester_counters(vtd.device, &counters);
		assert_int_equal(counters.requests, 41);
		assert_int_equal(counters.pages, 41);
		assert_int_equal(counters.faults, 1);
		vt_stop(&vtd);
	}
}

/* Every third page is not there. Under each policy, as often as caches and plans need to come to be. */
static void a_batch_is_as_many_requests(void **state)
{
	static struct iommusim_translation translations[MANY];
	static uint64_t addresses[MANY];
	const struct iommusim_dma_request request = { .length = 4 };

	(void)state;
	for (unsigned policy = 0; policy < 4; policy++) {
		struct iommusim_requester_counters counters;
		struct vtd_fixture vtd;
		size_t faulted;

		vt_start_enabled(
		    &vtd, &(struct vtd_setup){ .settings.cache = (enum iommusim_cache_policy)policy });
		for (unsigned page = 0; page < 12; page++)
			if (page % 3 != 2)
				vt_map(&vtd, 0x40000 + page * UINT64_C(0x1000),
				    0x80000 + page * UINT64_C(0x2000), 3);
		for (unsigned i = 0; i < MANY; i++)
			addresses[i] = 0x40000 + i % 12 * UINT64_C(0x1000) + i;
		for (unsigned time = 0; time < 3; time++) {
			memset(translations, 0xff, sizeof(translations));
			assert_int_equal(iommusim_translate_batch(vtd.device, &request, addresses, MANY,
					     translations, &faulted),
			    IOMMUSIM_OK);
			assert_int_equal(faulted, MANY / 3);
			for (unsigned i = 0; i < MANY; i++) {
				const bool there = i % 3 != 2;

				assert_int_equal(translations[i].fault,
				    there ? IOMMUSIM_FAULT_NONE : IOMMUSIM_FAULT_NOT_PRESENT);
				if (there)
					assert_int_equal(translations[i].physical,
					    0x80000 + i % 12 * UINT64_C(0x2000) + i);
			}
		}
		assert_int_equal(
		    iommusim_translate_batch(vtd.device, &request, addresses, 2, translations, NULL),
		    IOMMUSIM_OK);
		assert_int_equal(iommusim_translate_batch(
				     vtd.device, &request, addresses, 0, translations, &faulted),
		    IOMMUSIM_OK);
		assert_int_equal(faulted, 0);
		iommusim_requester_counters(vtd.device, &counters);
		assert_int_equal(counters.requests, 3 * MANY + 2);
		assert_int_equal(counters.pages, 3 * MANY + 2);
		assert_int_equal(counters.faults, MANY);
		vt_stop(&vtd);
	}
}

/* An address of 33 bits in an entry of a unit that has 32: reserved, though there is memory, and the window is one. */
static void a_table_beyond_the_units_width_is_refused(void **state)
{
	const uint64_t window = 0xff000000, beyond = 0x100000000;
	const struct iommusim_dma_request request = { .length = 4 };
	struct iommusim_translation translations[SEVERAL], single;
	struct iommusim_requester_counters counters;
	uint64_t addresses[SEVERAL];
	struct vtd_fixture vtd;
	size_t faulted;

	(void)state;
	vt_start_enabled(
	    &vtd, &(struct vtd_setup){ .haw = 32, .levels = 3, .settings.cache = IOMMUSIM_CACHE_NONE });
	assert_int_equal(
	    iommusim_memory_add(vtd.machine, window, 0x2000000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	vt_store(&vtd, window, (window + 0x1000) | 3);
	vt_store(&vtd, window + 0x1000, (window + 0x2000) | 3);
	vt_store(&vtd, window + 0x1008, beyond | 3);
	vt_store(&vtd, window + 0x2000, 0x80000 | 3);
	vt_store(&vtd, beyond, 0x90000 | 3);
	vt_set_context(&vtd, VTD_RID, window | 1, 1 | (uint64_t)VTD_DOMAIN << 8);
	for (unsigned i = 0; i < SEVERAL; i++)
		addresses[i] = i % 2 * UINT64_C(0x200000);
	for (unsigned time = 0; time < 4; time++) {
		assert_int_equal(iommusim_translate_batch(
				     vtd.device, &request, addresses, SEVERAL, translations, &faulted),
		    IOMMUSIM_OK);
		assert_int_equal(faulted, SEVERAL / 2);
		for (unsigned i = 0; i < SEVERAL; i++) {
			assert_int_equal(translations[i].fault,
			    i % 2 == 0 ? IOMMUSIM_FAULT_NONE : IOMMUSIM_FAULT_BAD_ENTRY);
			if (i % 2 == 0)
				assert_int_equal(translations[i].physical, 0x80000);
		}
		assert_int_equal(
		    iommusim_translate(vtd.device,
			&(struct iommusim_dma_request){ .address = 0x200000, .length = 4 }, &single),
		    IOMMUSIM_OK);
		assert_int_equal(single.fault, IOMMUSIM_FAULT_BAD_ENTRY);
	}
	iommusim_requester_counters(vtd.device, &counters);
	assert_true(counters.planned_pages > SEVERAL / 2);
	vt_stop(&vtd);
}

/* ---- beside the control side ------------------------------------------------------------------------- */

/* An address leads to page `round % TURN`: `begun` before software changes the entry, `done` after its invalidation. */
struct asker {
	struct iommusim_requester *device;
	_Atomic bool *stop;
	_Atomic uint64_t *begun, *done;
	_Atomic uint64_t asked;
	uint64_t wrong;
	bool batch;
	pthread_t thread;
};

static bool is_of_its_time(
    const struct iommusim_translation *translation, uint64_t oldest, uint64_t newest)
{
	const uint64_t page = (translation->physical - 0x100000) >> 12;

	return translation->fault == IOMMUSIM_FAULT_NONE && page < TURN &&
	    (page - oldest) % TURN <= newest - oldest;
}

static void *ask(void *context)
{
	struct iommusim_dma_request request = { .address = 0x40000, .length = 4 };
	struct iommusim_translation translations[16];
	struct asker *asker = context;
	uint64_t addresses[16];

	for (unsigned i = 0; i < 16; i++)
		addresses[i] = 0x40000;
	while (!atomic_load(asker->stop)) {
		const uint64_t oldest = atomic_load(asker->done);
		const size_t count = asker->batch ? 16 : 1;
		uint64_t newest;

		if (asker->batch)
			iommusim_translate_batch(
			    asker->device, &request, addresses, count, translations, NULL);
		else
			iommusim_translate(asker->device, &request, translations);
		newest = atomic_load(asker->begun);
		for (size_t i = 0; i < count;
		     i++) /* so far behind that pages come again, nothing is known */
			asker->wrong += newest - oldest < TURN / 2 &&
			    !is_of_its_time(&translations[i], oldest, newest);
		if (atomic_fetch_add(&asker->asked, 1) % 64 == 63)
			sched_yield();
	}
	return NULL;
}

static void turn_pages(
    struct vtd_fixture *vtd, struct asker *askers, _Atomic uint64_t *begun, _Atomic uint64_t *done)
{
	_Atomic uint64_t *entry = iommusim_memory_host(vtd->machine, vt_entry_at(vtd, 0x40000, 1), 8);

	for (uint64_t round = 1; round <= ROUNDS; round++) {
		const uint64_t from = atomic_load(&askers[round % 2].asked);

		atomic_store(begun, round);
		atomic_store(entry, (0x100000 + (round % TURN << 12)) | 3);
		assert_int_equal(vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, 0x40000, 0), 3);
		atomic_store(done, round);
		while (round % 4 == 0 && atomic_load(&askers[round % 2].asked) < from + 20)
			sched_yield(); /* long enough for plans */
	}
}

static void no_answer_is_older_than_an_invalidation(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 2; policy++) {
		_Atomic uint64_t begun = 0, done = 0;
		struct asker askers[2];
		_Atomic bool stop = false;
		struct vtd_fixture vtd;

		vt_start_enabled(&vtd,
		    &(struct vtd_setup){
			.settings.cache = policy == 0 ? IOMMUSIM_CACHE_NONE : IOMMUSIM_CACHE_HOARD });
		vt_map(&vtd, 0x40000, 0x100000, 3);
		memset(askers, 0, sizeof(askers));
		for (unsigned i = 0; i < 2; i++) {
			askers[i].stop = &stop;
			askers[i].begun = &begun;
			askers[i].done = &done;
			askers[i].batch = i == 1;
			assert_int_equal(
			    iommusim_requester_create(vtd.machine, 0, VTD_RID, &askers[i].device),
			    IOMMUSIM_OK);
		}
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
		turn_pages(&vtd, askers, &begun, &done);
		atomic_store(&stop, true);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
			assert_int_equal(askers[i].wrong, 0);
		}
		vt_stop(&vtd);
	}
}

/*
 * A table that was cut off, and of which an invalidation is complete, is somebody else's: no answer comes out of what is
 * there then. Two take turns, each filled for its round; in the meantime they lead where nobody asked to go.
 */
#define SPOILT 0x900000

static void *ask_for_many(void *context)
{
	const struct iommusim_dma_request request = { .length = 4 };
	struct iommusim_translation translations[CROWD];
	struct asker *asker = context;
	uint64_t addresses[CROWD];

	for (unsigned i = 0; i < CROWD; i++) /* every fifth in another GiB, where nothing changes */
		addresses[i] = i % 5 == 4 ? 0x40040000 : 0x40000 + i % 7 * UINT64_C(0x1000);
	while (!atomic_load(asker->stop)) {
		const uint64_t oldest = atomic_load(asker->done);
		uint64_t newest;

		iommusim_translate_batch(asker->device, &request, addresses, CROWD, translations, NULL);
		newest = atomic_load(asker->begun);
		for (unsigned i = 0; i < CROWD; i++) {
			if (i % 5 == 4)
				asker->wrong += translations[i].physical != 0x80000;
			else
				asker->wrong += translations[i].physical >= SPOILT ||
				    (newest - oldest < TURN / 2 &&
					!is_of_its_time(&translations[i], oldest, newest));
		}
		if (atomic_fetch_add(&asker->asked, 1) % 64 == 63)
			sched_yield();
	}
	return NULL;
}

static void fill(struct vtd_fixture *vtd, uint64_t table, uint64_t page)
{
	_Atomic uint64_t *entries = iommusim_memory_host(vtd->machine, table, IOMMUSIM_PAGE_SIZE);

	for (unsigned i = 0; i < 7; i++)
		atomic_store(&entries[0x40 + i], page | 3);
}

static void turn_tables(struct vtd_fixture *vtd, struct asker *asker, const uint64_t tables[2],
    _Atomic uint64_t *begun, _Atomic uint64_t *done)
{
	_Atomic uint64_t *entry = iommusim_memory_host(vtd->machine, vt_entry_at(vtd, 0x40000, 2), 8);

	for (uint64_t round = 1; round <= TABLES; round++) {
		const uint64_t from = atomic_load(&asker->asked);

		atomic_store(begun, round);
		fill(vtd, tables[round % 2], 0x100000 + (round % TURN << 12));
		atomic_store(entry, tables[round % 2] | 3);
		assert_int_equal(vt_invalidate_iotlb(vtd, 3, VTD_DOMAIN, 0, 9), 3);
		atomic_store(done, round);
		fill(vtd, tables[(round + 1) % 2], SPOILT);
		while (round % 4 == 0 && atomic_load(&asker->asked) < from + 5)
			sched_yield();
	}
}

static void no_answer_comes_out_of_a_table_that_was_cut_off(void **state)
{
	struct iommusim_requester_counters counters;
	_Atomic uint64_t begun = 0, done = 0;
	_Atomic bool stop = false;
	struct vtd_fixture vtd;
	struct asker asker;
	uint64_t tables[2];

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	vt_map(&vtd, 0x40000, 0x100000, 3);
	vt_map(&vtd, 0x40040000, 0x80000, 3);
	tables[0] = vt_entry_at(&vtd, 0x40000, 1) & ~UINT64_C(0xfff);
	tables[1] = vt_page(&vtd);
	fill(&vtd, tables[0], 0x100000);
	memset(&asker, 0, sizeof(asker));
	asker.device = vtd.device;
	asker.stop = &stop;
	asker.begun = &begun;
	asker.done = &done;
	assert_int_equal(pthread_create(&asker.thread, NULL, ask_for_many, &asker), 0);
	turn_tables(&vtd, &asker, tables, &begun, &done);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(asker.thread, NULL), 0);
	assert_int_equal(asker.wrong, 0);
	iommusim_requester_counters(vtd.device, &counters);
	assert_true(counters.planned_pages > counters.pages / 2);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_translation_says_where_an_address_goes),
		cmocka_unit_test(malformed_requests_are_told_nothing),
		cmocka_unit_test(an_address_is_a_request_of_one_byte),
		cmocka_unit_test(a_batch_is_as_many_requests),
		cmocka_unit_test(a_table_beyond_the_units_width_is_refused),
		cmocka_unit_test(no_answer_is_older_than_an_invalidation),
		cmocka_unit_test(no_answer_comes_out_of_a_table_that_was_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
