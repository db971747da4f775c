/*
 * The interrupt entry cache (VT-d 6.4, 6.5.2.8): which entries it keeps, for whom, until when, and under
 * which policy. What an entry means is another test's subject.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "vtd_fixture.h"

#define ENTRIES 64u

struct scene {
	struct vtd_fixture vtd;
	uint64_t table;
};

static void latch(struct scene *scene, uint64_t irta)
{
	vt_set64(&scene->vtd, R_IRTA, irta);
	vt_set32(&scene->vtd, R_GCMD, (vt_get32(&scene->vtd, R_GSTS) & 0x96ffffff) | G_SIRTP);
}

static void set_entry(struct scene *scene, unsigned index, uint64_t low, uint64_t high)
{
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16) + 8, high);
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16), low);
}

/* VT-d 9.9: P in bit 0, V in 23:16. */
static void set_vectors(struct scene *scene, uint64_t table, unsigned base)
{
	scene->table = table;
	for (unsigned i = 0; i < ENTRIES; i++)
		set_entry(scene, i, (uint64_t)(base + i) << 16 | 1, 0);
}

/* 64 entries (S = 5), queue and remapping on; entry n sends vector n. */
static void start(struct scene *scene, const struct vtd_setup *setup)
{
	vt_start(&scene->vtd, setup);
	vt_queue_start(&scene->vtd, 16);
	set_vectors(scene, vt_page(&scene->vtd), 0);
	latch(scene, scene->table | 5);
	vt_command(&scene->vtd, G_IRE, true);
}

static void stop_scene(struct scene *scene)
{
	vt_stop(&scene->vtd);
}

/* The vector an index sends, or 100h plus the fault reason. */
static unsigned vector_of(struct iommusim_requester *device, unsigned index)
{
	struct iommusim_interrupt out;
	struct iommusim_fault fault;

	assert_int_equal(
	    iommusim_requester_interrupt(device, 0xfee00010 | (uint64_t)index << 5, 0, &out, &fault),
	    IOMMUSIM_OK);
	return fault.class_ == IOMMUSIM_FAULT_NONE ? out.data & 0xff : 0x100u + fault.reason;
}

static unsigned vector(struct scene *scene, unsigned index)
{
	return vector_of(scene->vtd.device, index);
}

static void use_all(struct scene *scene)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_int_equal(vector(scene, i), i);
}

/* VT-d 6.5.2.8: type 4; G in bit 4, IM in 31:27, IIDX in 47:32. */
static void invalidate_all(struct scene *scene)
{
	vt_submit(&scene->vtd, 4, 0);
}

static void invalidate_index(struct scene *scene, unsigned index, unsigned mask)
{
	vt_submit(&scene->vtd, (uint64_t)index << 32 | (uint64_t)mask << 27 | 0x10 | 4, 0);
}

static void a_used_entry_is_kept_until_its_index_is_invalidated(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_int_equal(vector(&scene, 7), 7);
	set_vectors(&scene, scene.table, 0x80);
	assert_int_equal(vector(&scene, 7), 7);
	assert_int_equal(vector(&scene, 6), 0x86); /* was never used */
	invalidate_index(&scene, 6, 0);
	invalidate_index(&scene, 8, 0);
	invalidate_index(&scene, 7 + 64, 0);
	assert_int_equal(vector(&scene, 7), 7);
	invalidate_index(&scene, 7, 0);
	assert_int_equal(vector(&scene, 7), 0x87);
	stop_scene(&scene);
}

/* Table 25: the mask says how many low bits of the index do not count; what they hold is ignored. */
static void a_mask_reaches_an_aligned_power_of_two_of_entries(void **state)
{
	static const struct {
		unsigned index, mask, first, last;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 63, 0, 63, 63 },
		{ 6, 1, 6, 7 },
		{ 7, 1, 6, 7 },
		{ 9, 2, 8, 11 },
		{ 10, 2, 8, 11 },
		{ 19, 3, 16, 23 },
		{ 32, 4, 32, 47 },
		{ 47, 4, 32, 47 },
		{ 33, 5, 32, 63 },
		{ 5, 6, 0, 63 },
		{ 0xfff, 12, 0, 63 },
		{ 0x1000, 12, 64, 64 }, /* another part of the table */
		{ 0xffff, 15, 64, 64 },
		{ 0x7fff, 15, 0, 63 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene scene;

		start(&scene, NULL);
		use_all(&scene);
		set_vectors(&scene, scene.table, 0x80);
		invalidate_index(&scene, rows[i].index, rows[i].mask);
		for (unsigned index = 0; index < ENTRIES; index++) {
			const bool reached = index >= rows[i].first && index <= rows[i].last;

			assert_int_equal(vector(&scene, index), reached ? 0x80 + index : index);
		}
		assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
		stop_scene(&scene);
	}
}

static void a_global_invalidation_takes_everything(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	use_all(&scene);
	set_vectors(&scene, scene.table, 0x80);
	vt_submit(&scene.vtd, UINT64_C(31) << 27 | 4, 0); /* G=0: index and mask do not count */
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_int_equal(vector(&scene, i), 0x80 + i);
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
	stop_scene(&scene);
}

/*
 * IM above ECAP.MHMV: the specification names no error (undetermined). This unit stops, as it does for
 * an address mask above CAP.MAMV: IQE (bit 4), IQEI 4, the head on the descriptor, nothing invalidated.
 */
static void a_mask_beyond_what_the_unit_handles_is_an_error(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .ecap_clear = ECAP_MHMV_15, .ecap_set = UINT64_C(3) << 20 });
	use_all(&scene);
	set_vectors(&scene, scene.table, 0x80);
	invalidate_index(&scene, 0, 3);
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
	assert_int_equal(vector(&scene, 7), 0x87);
	invalidate_index(&scene, 0, 4);
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS) & 0x10, 0x10);
	assert_int_equal(vt_get64(&scene.vtd, R_IQERCD) & 0xf, 4);
	assert_int_equal(vt_get64(&scene.vtd, R_IQH), 16);
	assert_int_equal(vector(&scene, 15), 15);
	stop_scene(&scene);
}

/* VT-d 6.4: IOTLB and context-cache invalidations have nothing to do with this cache, nor it with them. */
static void other_invalidations_leave_interrupt_entries(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	vt_latch_root(&scene.vtd, scene.vtd.root_table);
	vt_command(&scene.vtd, G_TE, true);
	vt_map(&scene.vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&scene.vtd, 0x5000), 0x6000);
	use_all(&scene);
	set_vectors(&scene, scene.table, 0x80);
	vt_map(&scene.vtd, 0x5000, 0x7000, 3);
	vt_submit(&scene.vtd, 0x11, 0); /* context cache, global */
	assert_int_equal(vector(&scene, 1), 1);
	assert_int_equal(vt_output(&scene.vtd, 0x5000), 0x6000);
	invalidate_all(&scene);
	assert_int_equal(vector(&scene, 1), 0x81);
	assert_int_equal(vt_output(&scene.vtd, 0x5000), 0x6000);
	vt_submit(&scene.vtd, 0x12, 0); /* IOTLB, global */
	assert_int_equal(vt_output(&scene.vtd, 0x5000), 0x7000);
	stop_scene(&scene);
}

/* Only a wait descriptor says that it is done (6.5.2.9): bit 4 here is G, there IF. */
static void an_index_invalidation_announces_nothing(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	invalidate_index(&scene, 3, 0);
	assert_int_equal(vt_get32(&scene.vtd, R_ICS), 0);
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
	stop_scene(&scene);
}

/* The cache holds the entry, not what became of a request: each one's source is verified (6.4, 9.9). */
static void the_source_is_verified_against_the_cached_entry(void **state)
{
	struct iommusim_requester *other;
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_int_equal(
	    iommusim_requester_create(scene.vtd.machine, 0, VTD_RID + 1, &other), IOMMUSIM_OK);
	set_entry(&scene, 3, UINT64_C(0x33) << 16 | 1, 0x40310); /* SVT 1: for 03:02.0 alone */
	assert_int_equal(vector(&scene, 3), 0x33);
	assert_int_equal(vector_of(other, 3), 0x126);
	set_entry(&scene, 3, UINT64_C(0x44) << 16 | 1, 0x40311);
	assert_int_equal(vector(&scene, 3), 0x33);
	assert_int_equal(vector_of(other, 3), 0x126);
	invalidate_index(&scene, 3, 0);
	assert_int_equal(vector_of(other, 3), 0x44);
	assert_int_equal(vector(&scene, 3), 0x126);
	stop_scene(&scene);
}

/* FPD of the cached entry counts, whatever memory says. */
static void faults_go_by_the_cached_fpd(void **state)
{
	struct iommusim_requester *other;
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_int_equal(
	    iommusim_requester_create(scene.vtd.machine, 0, VTD_RID + 1, &other), IOMMUSIM_OK);
	set_entry(&scene, 3, 3, 0x40310);
	assert_int_equal(vector(&scene, 3), 0);
	set_entry(&scene, 3, 1, 0x40310);
	assert_int_equal(vector_of(other, 3), 0x126);
	assert_int_equal(vt_records(&scene.vtd), 0);
	invalidate_index(&scene, 3, 0);
	assert_int_equal(vector_of(other, 3), 0x126);
	assert_int_equal(vt_records(&scene.vtd), 1);
	stop_scene(&scene);
}

/* What faults because of its entry: not present, wrong source, reserved bits. `low`, `high`: it. */
static const struct {
	uint64_t low, high;
	unsigned reason;
} bad_entries[] = { { 0, 0, 0x22 }, { 1, 0x49999, 0x26 }, { 0x1001, 0, 0x24 } };

static void without_caching_mode_what_faults_is_not_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene scene;

		start(&scene, NULL);
		set_entry(&scene, 5, bad_entries[i].low, bad_entries[i].high);
		assert_int_equal(vector(&scene, 5), 0x100 + bad_entries[i].reason);
		set_entry(&scene, 5, UINT64_C(0x55) << 16 | 1, 0);
		assert_int_equal(vector(&scene, 5), 0x55);
		stop_scene(&scene);
	}
}

static void with_caching_mode_what_faults_is_kept_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene scene;

		start(&scene, &(struct vtd_setup){ .cap_set = CAP_CM });
		set_entry(&scene, 5, bad_entries[i].low, bad_entries[i].high);
		assert_int_equal(vector(&scene, 5), 0x100 + bad_entries[i].reason);
		set_entry(&scene, 5, UINT64_C(0x55) << 16 | 1, 0);
		assert_int_equal(vector(&scene, 5), 0x100 + bad_entries[i].reason);
		invalidate_index(&scene, 4, 0);
		assert_int_equal(vector(&scene, 5), 0x100 + bad_entries[i].reason);
		invalidate_index(&scene, 5, 0);
		assert_int_equal(vector(&scene, 5), 0x55);
		stop_scene(&scene);
	}
}

/* Reasons 20h, 21h, 23h and 25h come without an entry: there is nothing to keep, caching mode or not. */
static void faults_without_an_entry_leave_nothing_behind(void **state)
{
	struct scene scene;
	uint64_t table;

	(void)state;
	start(&scene, &(struct vtd_setup){ .cap_set = CAP_CM });
	table = scene.table;
	assert_int_equal(vector(&scene, 64), 0x121);
	latch(&scene, 0x10000000 | 5); /* no memory there */
	assert_int_equal(vector(&scene, 5), 0x123);
	latch(&scene, table | 6);
	assert_int_equal(vector(&scene, 5), 5);
	set_entry(&scene, 64, UINT64_C(0x66) << 16 | 1, 0);
	assert_int_equal(vector(&scene, 64), 0x66);
	stop_scene(&scene);
}

/* SIRTP does not flush: after it software must (VT-d 11.4.4.1). Only CAP.ESIRTPS says otherwise. */
static void a_new_table_flushes_only_where_the_unit_says_so(void **state)
{
	(void)state;
	for (unsigned flushes = 0; flushes < 2; flushes++) {
		struct scene scene;
		uint64_t other;

		start(&scene, &(struct vtd_setup){ .cap_set = flushes ? CAP_ESIRTPS : 0 });
		assert_int_equal(vector(&scene, 9), 9);
		other = vt_page(&scene.vtd);
		set_vectors(&scene, other, 0x80);
		assert_int_equal(vector(&scene, 10), 10); /* not latched yet */
		latch(&scene, other | 5);
		assert_int_equal(vector(&scene, 9), flushes ? 0x89 : 9);
		assert_int_equal(vector(&scene, 10), flushes ? 0x8a : 10);
		assert_int_equal(vector(&scene, 11), 0x8b);
		invalidate_all(&scene);
		assert_int_equal(vector(&scene, 9), 0x89);
		stop_scene(&scene);
	}
}

/* The bounds are the new table's at once, cached entry or not. */
static void a_cached_entry_does_not_serve_beyond_the_table(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_int_equal(vector(&scene, 9), 9);
	latch(&scene, scene.table | 2); /* 8 entries */
	assert_int_equal(vector(&scene, 9), 0x121);
	stop_scene(&scene);
}

static void turning_remapping_off_flushes_only_where_the_unit_says_so(void **state)
{
	(void)state;
	for (unsigned flushes = 0; flushes < 2; flushes++) {
		struct scene scene;

		start(&scene, &(struct vtd_setup){ .cap_set = flushes ? CAP_ESIRTPS : 0 });
		assert_int_equal(vector(&scene, 9), 9);
		set_vectors(&scene, scene.table, 0x80);
		vt_command(&scene.vtd, G_CFI, true); /* writes IRE again: no change, no flush */
		assert_int_equal(vector(&scene, 9), 9);
		vt_command(&scene.vtd, G_IRE, false);
		vt_command(&scene.vtd, G_IRE, true);
		assert_int_equal(vector(&scene, 9), flushes ? 0x89 : 9);
		stop_scene(&scene);
	}
}

static void a_reset_empties_the_cache(void **state)
{
	(void)state;
	for (unsigned cold = 0; cold < 2; cold++) {
		struct scene scene;

		start(&scene, NULL);
		assert_int_equal(vector(&scene, 9), 9);
		set_vectors(&scene, scene.table, 0x80);
		iommusim_unit_reset(scene.vtd.unit, cold);
		latch(&scene, scene.table | 5);
		vt_command(&scene.vtd, G_IRE, true);
		assert_int_equal(vector(&scene, 9), 0x89);
		stop_scene(&scene);
	}
}

/* The negative control: a unit told to ignore invalidations ignores these as well. */
static void dropped_invalidations_drop_these_too(void **state)
{
	struct scene scene;

	(void)state;
	start(
	    &scene, &(struct vtd_setup){ .cap_set = CAP_ESIRTPS, .settings.drop_invalidations = true });
	use_all(&scene);
	set_vectors(&scene, scene.table, 0x80);
	invalidate_index(&scene, 9, 0);
	invalidate_all(&scene);
	latch(&scene, scene.table | 5);
	assert_int_equal(vector(&scene, 9), 9);
	stop_scene(&scene);
}

static void without_a_cache_memory_always_speaks(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .cap_set = CAP_CM, .settings.cache = IOMMUSIM_CACHE_NONE });
	use_all(&scene);
	set_vectors(&scene, scene.table, 0x80);
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_int_equal(vector(&scene, i), 0x80 + i);
	stop_scene(&scene);
}

/* One set of two ways: the entry used longest ago goes. */
static void a_sized_cache_drops_the_least_recently_used(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene,
	    &(struct vtd_setup){
		.settings = { .cache = IOMMUSIM_CACHE_SIZED, .iotlb_sets = 1, .iotlb_ways = 2 } });
	vector(&scene, 1);
	vector(&scene, 2);
	vector(&scene, 1);
	vector(&scene, 3); /* in place of 2 */
	set_vectors(&scene, scene.table, 0x80);
	assert_int_equal(vector(&scene, 1), 1);
	assert_int_equal(vector(&scene, 3), 3);
	assert_int_equal(vector(&scene, 2), 0x82);
	stop_scene(&scene);
}

/*
 * A contrary cache evicts at will and fetches the entry after the one that was used, but only a good
 * one; what it answers is the entry of now or of before, and after an invalidation that of now.
 */
static void a_contrary_cache_is_contrary_within_the_rules(void **state)
{
	unsigned kept = 0, evicted = 0, prefetched = 0, above = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct scene scene;

		start(&scene,
		    &(struct vtd_setup){ .seed = seed, .settings.cache = IOMMUSIM_CACHE_ADVERSE });
		for (unsigned i = 3; i < ENTRIES; i += 4)
			set_entry(&scene, i, i % 8 == 3 ? 0x1001 : 0, 0); /* bad ones */
		for (unsigned i = 0; i < ENTRIES; i += 2)
			assert_int_equal(vector(&scene, i), i);
		set_vectors(&scene, scene.table, 0x80);
		for (unsigned i = 0; i < ENTRIES; i++) {
			const unsigned answer = vector(&scene, i);

			assert_true(answer == 0x80 + i || (answer == i && i % 4 != 3));
			kept += answer == i && i % 2 == 0;
			evicted += answer != i && i % 2 == 0;
			prefetched += answer == i && i % 2 == 1;
			above += answer == i && i % 2 == 1 && i >= ENTRIES / 2;
		}
		invalidate_all(&scene);
		for (unsigned i = 0; i < ENTRIES; i++)
			assert_int_equal(vector(&scene, i), 0x80 + i);
		stop_scene(&scene);
	}
	assert_true(kept > 0);
	assert_true(evicted > 0);
	assert_true(prefetched > above);
	assert_true(above > 0);
}

/* What lies behind the table is no entry of it, until a larger table is latched. */
static void nothing_behind_the_table_is_prefetched(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 32; seed++) {
		struct scene scene;

		start(&scene,
		    &(struct vtd_setup){ .seed = seed, .settings.cache = IOMMUSIM_CACHE_ADVERSE });
		set_entry(&scene, ENTRIES, 0x400001, 0);
		assert_int_equal(vector(&scene, ENTRIES - 1), ENTRIES - 1);
		set_entry(&scene, ENTRIES, 0x410001, 0);
		latch(&scene, scene.table | 6);
		assert_int_equal(vector(&scene, ENTRIES), 0x41);
		stop_scene(&scene);
	}
}

/* ---- beside running interrupts ------------------------------------------------------------------------ */

/* A device that raises the interrupt of one entry again and again. */
struct raiser {
	struct iommusim_requester *device;
	const _Atomic uint32_t *published; /* what the entry was when an invalidation last returned */
	_Atomic bool *stop;
	_Atomic uint64_t raised;
	uint64_t stale, impossible;
	pthread_t thread;
};

static void *raise_again(void *context)
{
	struct raiser *raiser = context;

	while (!atomic_load(raiser->stop)) {
		const uint32_t least = atomic_load(raiser->published);
		struct iommusim_interrupt out;
		struct iommusim_fault fault;

		if (iommusim_requester_interrupt(raiser->device, 0xfee00030, 0, &out, &fault) !=
			IOMMUSIM_OK ||
		    fault.class_ != IOMMUSIM_FAULT_NONE)
			raiser->impossible++;
		/* x2APIC: destination 7:0 in address 19:12, 31:8 in address 63:40 */
		else if ((out.address >> 40 << 8 | (out.address >> 12 & 0xff)) < least)
			raiser->stale++;
		if (atomic_fetch_add(&raiser->raised, 1) % 64 == 63)
			sched_yield();
	}
	return NULL;
}

/* The destination of the entry grows; once an invalidation has returned, nobody sees an older one. */
static void nothing_older_is_seen_after_an_invalidation(void **state)
{
	enum { RAISERS = 2, ROUNDS = 400 };
	struct raiser raisers[RAISERS] = { { .raised = 0 } };
	_Atomic uint32_t published = 0;
	_Atomic bool stop = false;
	struct scene scene;
	uint64_t *entry;

	(void)state;
	start(&scene, NULL);
	latch(&scene, scene.table | 0x800 | 5);
	set_entry(&scene, 1, UINT64_C(0x31) << 16 | 1, 0);
	invalidate_all(&scene);
	entry = iommusim_memory_host(scene.vtd.machine, scene.table + 16, 8);
	for (unsigned i = 0; i < RAISERS; i++) {
		raisers[i].published = &published;
		raisers[i].stop = &stop;
		assert_int_equal(iommusim_requester_create(
				     scene.vtd.machine, 0, (uint16_t)(VTD_RID + i), &raisers[i].device),
		    IOMMUSIM_OK);
	}
	for (unsigned i = 0; i < RAISERS; i++)
		assert_int_equal(pthread_create(&raisers[i].thread, NULL, raise_again, &raisers[i]), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		const uint64_t before = atomic_load(&raisers[round % RAISERS].raised);

		__atomic_store_n(
		    entry, (uint64_t)round << 32 | UINT64_C(0x31) << 16 | 1, __ATOMIC_RELEASE);
		invalidate_index(&scene, 1, 0);
		atomic_store(&published, round);
		while (atomic_load(&raisers[round % RAISERS].raised) < before + 2)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < RAISERS; i++) {
		assert_int_equal(pthread_join(raisers[i].thread, NULL), 0);
		assert_int_equal(raisers[i].impossible, 0);
		assert_int_equal(raisers[i].stale, 0);
	}
	stop_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_used_entry_is_kept_until_its_index_is_invalidated),
		cmocka_unit_test(a_mask_reaches_an_aligned_power_of_two_of_entries),
		cmocka_unit_test(a_global_invalidation_takes_everything),
		cmocka_unit_test(a_mask_beyond_what_the_unit_handles_is_an_error),
		cmocka_unit_test(other_invalidations_leave_interrupt_entries),
		cmocka_unit_test(an_index_invalidation_announces_nothing),
		cmocka_unit_test(the_source_is_verified_against_the_cached_entry),
		cmocka_unit_test(faults_go_by_the_cached_fpd),
		cmocka_unit_test(without_caching_mode_what_faults_is_not_kept),
		cmocka_unit_test(with_caching_mode_what_faults_is_kept_too),
		cmocka_unit_test(faults_without_an_entry_leave_nothing_behind),
		cmocka_unit_test(a_new_table_flushes_only_where_the_unit_says_so),
		cmocka_unit_test(a_cached_entry_does_not_serve_beyond_the_table),
		cmocka_unit_test(turning_remapping_off_flushes_only_where_the_unit_says_so),
		cmocka_unit_test(a_reset_empties_the_cache),
		cmocka_unit_test(dropped_invalidations_drop_these_too),
		cmocka_unit_test(without_a_cache_memory_always_speaks),
		cmocka_unit_test(a_sized_cache_drops_the_least_recently_used),
		cmocka_unit_test(a_contrary_cache_is_contrary_within_the_rules),
		cmocka_unit_test(nothing_behind_the_table_is_prefetched),
		cmocka_unit_test(nothing_older_is_seen_after_an_invalidation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
