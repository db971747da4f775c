/*
 * The cache every unit is built from against a list that is searched from end to end: thousands of
 * seeded fills, questions and invalidations, under each policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/state.h"
#include "models/common/cache.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hoarding_cache_knows_exactly_what_was_filled_and_not_invalidated),
		cmocka_unit_test(a_sized_cache_answers_nothing_stale_and_keeps_its_size),
		cmocka_unit_test(an_adverse_cache_answers_nothing_stale),
		cmocka_unit_test(a_cache_of_policy_none_keeps_nothing),
		cmocka_unit_test(a_cache_grows_without_losing_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
