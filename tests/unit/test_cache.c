/*
 * The cache every unit is built from against a list that is searched from end to end: thousands of
 * seeded fills, questions and invalidations, under each policy. And its sizes, edges and memory, one by one.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/state.h"
#include "models/common/cache.h"
#include "models/common/interrupt_entry.h"
#include "models/common/random.h"

#define ROOM 4096u

/* What has been filled and not been taken away since. */
struct oracle {
	struct cached entries[ROOM];
	uint32_t count;
};

struct scene {
	struct iommusim_machine *machine;
	struct cache cache;
	struct oracle oracle;
	uint64_t random;
};

static struct scene *open_scene(
    enum iommusim_cache_policy policy, uint32_t sets, uint32_t ways, uint64_t seed)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(iommusim_machine_create(NULL, &scene->machine), IOMMUSIM_OK);
	assert_int_equal(
	    cache_create(&scene->cache, scene->machine, policy, sets, ways, seed), IOMMUSIM_OK);
	scene->random = seed;
	return scene;
}

static void close_scene(struct scene *scene)
{
	cache_destroy(&scene->cache);
	iommusim_machine_destroy(scene->machine);
	free(scene);
}

static uint64_t pick(struct scene *scene, uint64_t below)
{
	return random_next(&scene->random) % below;
}

/*
 * A small world, so that entries meet: 3 sources with 2 PASIDs, 2 domains, 2 kinds, 64 pages of 4K below
 * 2M and 1G ones.
 */
static struct cached any_entry(struct scene *scene)
{
	static const uint8_t shifts[] = { 12, 12, 12, 21, 30 };
	const uint8_t shift = shifts[pick(scene, 5)];
	const uint64_t address = pick(scene, 4) << 30 | pick(scene, 4) << 21 | pick(scene, 8) << 12;
	const struct cached entry = {
		.key = address >> shift << shift,
		.value = { random_next(&scene->random), 0, 0 },
		.domain = (uint16_t)pick(scene, 2),
		.source = (uint16_t)pick(scene, 3),
		.pasid = (uint32_t)pick(scene, 2),
		.kind = (uint8_t)pick(scene, 2),
		.flags = (uint8_t)pick(scene, 4),
		.shift = shift,
	};

	return entry;
}

static bool same_tags(const struct cached *a, const struct cached *b)
{
	return a->key == b->key && a->shift == b->shift && a->source == b->source &&
	    a->domain == b->domain && a->pasid == b->pasid && a->kind == b->kind &&
	    a->flags == b->flags;
}

static void oracle_fill(struct oracle *oracle, const struct cached *entry)
{
	for (uint32_t i = 0; i < oracle->count; i++) {
		if (same_tags(&oracle->entries[i], entry)) {
			oracle->entries[i] = *entry;
			return;
		}
	}
	assert_true(oracle->count < ROOM);
	oracle->entries[oracle->count++] = *entry;
}

static bool covers(const struct cached *entry, uint64_t address)
{
	return entry->key >> entry->shift == address >> entry->shift;
}

static bool filtered(const struct cached *entry, const struct cache_filter *filter)
{
	const uint64_t last = entry->key + (UINT64_C(1) << entry->shift) - 1;

	return (!filter->by_domain || entry->domain == filter->domain) &&
	    (!filter->by_pasid || entry->pasid == filter->pasid) &&
	    (filter->kinds == 0 || (filter->kinds & 1u << entry->kind) != 0) &&
	    (!filter->by_source ||
		(entry->source | filter->source_ignore) == (filter->source | filter->source_ignore)) &&
	    (!filter->by_range || !(last < filter->first || entry->key > filter->last));
}

static void oracle_invalidate(struct oracle *oracle, const struct cache_filter *filter)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < oracle->count; i++)
		if (!filtered(&oracle->entries[i], filter))
			oracle->entries[kept++] = oracle->entries[i];
	oracle->count = kept;
}

static struct cache_filter any_filter(struct scene *scene)
{
	const uint64_t what = pick(scene, 16), size = UINT64_C(0x1000) << pick(scene, 20);
	const uint64_t at =
	    (pick(scene, 4) << 30 | pick(scene, 4) << 21 | pick(scene, 8) << 12) & ~(size - 1);

	return (struct cache_filter){
		.by_domain = (what & 1) != 0,
		.by_source = (what & 2) != 0,
		.by_range = (what & 4) != 0,
		.by_pasid = (what & 8) != 0,
		.kinds = (uint8_t)pick(scene, 4),
		.domain = (uint16_t)pick(scene, 2),
		.pasid = (uint32_t)pick(scene, 2),
		.source = (uint16_t)pick(scene, 3),
		.source_ignore = (uint16_t)pick(scene, 4),
		.first = at,
		.last = at + size - 1,
	};
}

/* Who asks: a request of a source, or anyone in a space. */
struct question {
	bool by_source;
	struct cache_source source;
	struct cache_space space;
	uint64_t address;
};

/* A request without a PASID is served by what such a one filled, whatever it was tagged with. */
static bool serves(const struct cached *entry, const struct question *question)
{
	const struct cache_source *source = &question->source;
	const struct cache_space *space = &question->space;
	const bool with_pasid = (source->flags & CACHED_WITH_PASID) != 0;

	if (!covers(entry, question->address))
		return false;
	if (question->by_source)
		return entry->source == source->source &&
		    with_pasid == ((entry->flags & CACHED_WITH_PASID) != 0) &&
		    (!with_pasid ||
			(entry->pasid == source->pasid &&
			    (entry->flags & CACHED_PRIVILEGED) == (source->flags & CACHED_PRIVILEGED)));
	return entry->domain == space->domain && entry->kind == space->kind &&
	    (entry->flags & CACHED_PRIVILEGED) == (space->flags & CACHED_PRIVILEGED) &&
	    (!space->by_pasid || entry->pasid == space->pasid);
}

/* Whatever the cache answers was filled, unchanged, and not taken away. */
static void assert_known(
    const struct scene *scene, const struct cached *found, const struct question *question)
{
	for (uint32_t i = 0; i < scene->oracle.count; i++) {
		const struct cached *entry = &scene->oracle.entries[i];

		if (!same_tags(entry, found))
			continue;
		assert_int_equal(found->value[0], entry->value[0]);
		assert_true(serves(found, question));
		return;
	}
	fail_msg("an answer nobody filled in, or that was invalidated");
}

static bool oracle_has(const struct scene *scene, const struct question *question)
{
	for (uint32_t i = 0; i < scene->oracle.count; i++)
		if (serves(&scene->oracle.entries[i], question))
			return true;
	return false;
}

static void ask(struct scene *scene, bool complete)
{
	const struct question question = {
		.address = pick(scene, 4) << 30 | pick(scene, 4) << 21 | pick(scene, 8) << 12 | 8,
		.by_source = pick(scene, 2) != 0,
		.source = { .source = (uint16_t)pick(scene, 3),
		    .flags = (uint8_t)pick(scene, 4),
		    .pasid = (uint32_t)pick(scene, 2) },
		.space = { .domain = (uint16_t)pick(scene, 2),
		    .kind = (uint8_t)pick(scene, 2),
		    .flags = (uint8_t)(pick(scene, 2) * CACHED_PRIVILEGED),
		    .by_pasid = pick(scene, 2) != 0,
		    .pasid = (uint32_t)pick(scene, 2) },
	};
	const struct cached *found = question.by_source
	    ? cache_find_source(&scene->cache, &question.source, question.address)
	    : cache_find_space(&scene->cache, &question.space, question.address);

	if (found != NULL)
		assert_known(scene, found, &question);
	else if (complete)
		assert_false(oracle_has(scene, &question));
}

/* `complete`: the policy must not forget anything by itself. */
static void play(struct scene *scene, unsigned moves, bool complete)
{
	for (unsigned i = 0; i < moves; i++) {
		const uint64_t move = pick(scene, 100);

		if (move < 45) {
			const struct cached entry = any_entry(scene);

			cache_insert(&scene->cache, &entry);
			oracle_fill(&scene->oracle, &entry);
		} else if (move < 90) {
			ask(scene, complete);
		} else if (move < 99) {
			const struct cache_filter filter = any_filter(scene);

			cache_invalidate(&scene->cache, &filter);
			oracle_invalidate(&scene->oracle, &filter);
		} else {
			cache_clear(&scene->cache);
			scene->oracle.count = 0;
		}
		if (complete)
			assert_int_equal(scene->cache.count, scene->oracle.count);
		assert_true(scene->cache.count <= scene->oracle.count);
	}
}

static void a_hoarding_cache_knows_exactly_what_was_filled_and_not_invalidated(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct scene *scene = open_scene(IOMMUSIM_CACHE_HOARD, 0, 0, seed);

		play(scene, 6000, true);
		close_scene(scene);
	}
}

static void a_sized_cache_answers_nothing_stale_and_keeps_its_size(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		const uint32_t sets = 1u << seed % 4, ways = 1 + (uint32_t)seed % 3;
		struct scene *scene = open_scene(IOMMUSIM_CACHE_SIZED, sets, ways, seed);

		for (unsigned i = 0; i < 60; i++) {
			play(scene, 100, false);
			assert_true(scene->cache.count <= sets * ways);
		}
		close_scene(scene);
	}
}

static void an_adverse_cache_answers_nothing_stale(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct scene *scene = open_scene(IOMMUSIM_CACHE_ADVERSE, 0, 0, seed);

		play(scene, 6000, false);
		close_scene(scene);
	}
}

static void a_cache_of_policy_none_keeps_nothing(void **state)
{
	struct scene *scene = open_scene(IOMMUSIM_CACHE_NONE, 0, 0, 1);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		const struct cached entry = any_entry(scene);
		const struct cache_source source = {
			.source = entry.source, .flags = entry.flags, .pasid = entry.pasid
		};
		const struct cache_space space = {
			.domain = entry.domain, .kind = entry.kind, .flags = entry.flags
		};

		cache_insert(&scene->cache, &entry);
		assert_null(cache_find_source(&scene->cache, &source, entry.key));
		assert_null(cache_find_space(&scene->cache, &space, entry.key));
	}
	close_scene(scene);
}

/* Many thousands of entries: growth must not lose any. */
static void a_cache_grows_without_losing_an_entry(void **state)
{
	struct scene *scene = open_scene(IOMMUSIM_CACHE_HOARD, 0, 0, 1);
	const struct cache_space domain_one = { .domain = 1 };
	const struct cache_filter upper = {
		.by_range = true, .first = UINT64_C(10000) << 12, .last = UINT64_MAX
	};

	(void)state;
	for (uint64_t page = 0; page < 20000; page++) {
		const struct cached entry = {
			.key = page << 12, .value = { page }, .shift = 12, .domain = 1, .source = 2
		};

		cache_insert(&scene->cache, &entry);
	}
	assert_int_equal(scene->cache.count, 20000);
	cache_invalidate(&scene->cache, &upper);
	assert_int_equal(scene->cache.count, 10000);
	for (uint64_t page = 0; page < 20000; page++) {
		const struct cached *found =
		    cache_find_space(&scene->cache, &domain_one, page << 12 | 0xabc);

		assert_int_equal(found != NULL, page < 10000);
		if (found != NULL)
			assert_int_equal(found->value[0], page);
	}
	close_scene(scene);
}

/* ---- size, order and edges ------------------------------------------------------------------------------- */

static void fill(struct scene *scene, uint64_t page)
{
	const struct cached entry = { .key = page << 12, .value = { page }, .shift = 12 };

	cache_insert(&scene->cache, &entry);
}

static bool has(struct scene *scene, uint64_t page)
{
	const struct cache_source source = { .source = 0 };

	return cache_find_source(&scene->cache, &source, page << 12) != NULL;
}

/* As a unit's settings say: 64 sets of 8 ways. */
static void a_sized_cache_has_512_entries_unless_it_is_told_otherwise(void **state)
{
	struct scene *scene = open_scene(IOMMUSIM_CACHE_SIZED, 0, 0, 1);

	(void)state;
	for (uint64_t page = 0; page < 20000; page++)
		fill(scene, page);
	assert_int_equal(scene->cache.count, 512);
	close_scene(scene);
}

static void a_sized_cache_has_its_limits(void **state)
{
	static const struct {
		uint32_t sets, ways;
		bool can_be;
	} rows[] = {
		{ 1u << 20, 1, true },
		{ 1u << 21, 1, false },
		{ 1, 64, true },
		{ 1, 65, false },
		{ 3, 1, false },
	};
	struct scene *scene = open_scene(IOMMUSIM_CACHE_NONE, 0, 0, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cache cache;

		assert_int_equal(cache_create(&cache, scene->machine, IOMMUSIM_CACHE_SIZED,
				     rows[i].sets, rows[i].ways, 1),
		    rows[i].can_be ? IOMMUSIM_OK : IOMMUSIM_EINVAL);
		cache_destroy(&cache);
	}
	close_scene(scene);
}

/* The one that was filled or asked for longest ago makes room. */
static void a_full_set_forgets_what_was_used_longest_ago(void **state)
{
	struct scene *scene = open_scene(IOMMUSIM_CACHE_SIZED, 1, 3, 1);

	(void)state;
	for (uint64_t page = 1; page <= 4; page++)
		fill(scene, page);
	assert_true(has(scene, 2) && has(scene, 3) && has(scene, 4));
	assert_false(has(scene, 1));
	assert_true(has(scene, 2)); /* now 3 is the oldest */
	fill(scene, 5);
	assert_true(has(scene, 2) && has(scene, 4) && has(scene, 5));
	assert_false(has(scene, 3));
	fill(scene, 2); /* filled anew: as good as asked for */
	fill(scene, 6);
	assert_true(has(scene, 2) && has(scene, 5) && has(scene, 6));
	assert_false(has(scene, 4));
	close_scene(scene);
}

/* Both ends of a range belong to it, whether it is searched page by page or entry by entry. */
static void a_range_takes_what_it_touches(void **state)
{
	static const struct {
		uint64_t first, last;
		bool taken;
	} rows[] = {
		{ 0x200000, 0x200000, true },
		{ 0x3fffff, 0x3fffff, true },
		{ 0x400000, 0x400000, false },
		{ 0x1fffff, 0x1fffff, false },
		{ 0x3fffff, UINT64_MAX, true },
		{ 0x400000, UINT64_MAX, false },
		{ 0, 0x200000, true },
		{ 0, 0x1fffff, false },
	};
	const struct cached entry = { .key = 0x200000, .shift = 21 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene *scene = open_scene(IOMMUSIM_CACHE_HOARD, 0, 0, 1);
		const struct cache_filter filter = {
			.by_range = true, .first = rows[i].first, .last = rows[i].last
		};

		cache_insert(&scene->cache, &entry);
		cache_invalidate(&scene->cache, &filter);
		assert_int_equal(scene->cache.count, rows[i].taken ? 0 : 1);
		close_scene(scene);
	}
}

/* What was read before an invalidation may be what the invalidation was about. */
static void what_was_read_before_an_invalidation_is_not_kept(void **state)
{
	const struct iommusim_vtd_config config = { .base = 0xfed90000,
		.version = 0x10,
		.capability = UINT64_C(0x40) << 24 | 2 << 8 | UINT64_C(38) << 16,
		.ext_capability = UINT64_C(0x50) << 8,
		.host_address_width = 39 };
	const uint64_t raw[2] = { 0x1234, 0x5678 };
	struct scene *scene = open_scene(IOMMUSIM_CACHE_HOARD, 0, 0, 1);
	struct iommusim_unit *unit;
	uint64_t found[2], generation;

	(void)state;
	assert_int_equal(iommusim_vtd_create(scene->machine, &config, &unit), IOMMUSIM_OK);
	generation = atomic_load(&unit->generation);
	unit_outdate(unit);
	interrupt_cache_keep(unit, &scene->cache, 7, 3, raw, generation);
	assert_false(interrupt_cache_find(unit, &scene->cache, 7, 3, found));
	assert_false(cache_may_keep(unit, generation));
	interrupt_cache_keep(unit, &scene->cache, 7, 3, raw, atomic_load(&unit->generation));
	assert_true(interrupt_cache_find(unit, &scene->cache, 7, 3, found));
	assert_int_equal(found[0], 0x1234);
	assert_int_equal(found[1], 0x5678);
	close_scene(scene);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

/* An allocator that fails one allocation, and knows how many blocks are out. */
struct scarce {
	unsigned until; /* allocations that succeed before it */
	int out;
};

static void *scarce_allocate(void *context, size_t size)
{
	struct scarce *scarce = context;

	if (scarce->until-- == 0)
		return NULL;
	scarce->out++;
	return malloc(size);
}

static void scarce_release(void *context, void *block, size_t size)
{
	struct scarce *scarce = context;

	(void)size;
	scarce->out -= block != NULL;
	free(block);
}

static void without_memory_nothing_is_kept_and_nothing_is_lost(void **state)
{
	struct scarce scarce = { .until = UINT_MAX };
	const struct iommusim_allocator allocator = {
		.context = &scarce, .allocate = scarce_allocate, .release = scarce_release
	};
	const struct iommusim_machine_config config = { .allocator = &allocator };
	const struct cached entry = { .key = 0x1000, .shift = 12 };
	struct iommusim_machine *machine;
	struct cache cache;

	(void)state;
	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	for (unsigned until = 0; until < 2; until++) {
		const int before = scarce.out;

		scarce.until = until;
		assert_int_equal(
		    cache_create(&cache, machine, IOMMUSIM_CACHE_SIZED, 4, 4, 1), IOMMUSIM_ENOMEM);
		assert_int_equal(scarce.out, before);
		cache_destroy(&cache); /* may be called all the same, and gives nothing back twice */
		assert_int_equal(scarce.out, before);
		assert_int_equal(
		    cache_create(&cache, machine, IOMMUSIM_CACHE_HOARD, 0, 0, 1), IOMMUSIM_OK);
		scarce.until = until;
		cache_insert(&cache, &entry);
		assert_int_equal(cache.count, 0);
		assert_int_equal(scarce.out, before);
		cache_insert(&cache, &entry);
		assert_int_equal(cache.count, 1);
		cache_destroy(&cache);
		assert_int_equal(scarce.out, before);
	}
	iommusim_machine_destroy(machine);
	assert_int_equal(scarce.out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hoarding_cache_knows_exactly_what_was_filled_and_not_invalidated),
		cmocka_unit_test(a_sized_cache_answers_nothing_stale_and_keeps_its_size),
		cmocka_unit_test(an_adverse_cache_answers_nothing_stale),
		cmocka_unit_test(a_cache_of_policy_none_keeps_nothing),
		cmocka_unit_test(a_cache_grows_without_losing_an_entry),
		cmocka_unit_test(a_sized_cache_has_512_entries_unless_it_is_told_otherwise),
		cmocka_unit_test(a_sized_cache_has_its_limits),
		cmocka_unit_test(a_full_set_forgets_what_was_used_longest_ago),
		cmocka_unit_test(a_range_takes_what_it_touches),
		cmocka_unit_test(what_was_read_before_an_invalidation_is_not_kept),
		cmocka_unit_test(without_memory_nothing_is_kept_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
