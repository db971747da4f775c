/* Translation by one thread: hits, misses, fills, batches. Requests of 4 bytes that move no data. */
#include "field.h"

static struct field_plan plan_for(
    const struct benchmark *benchmark, enum iommusim_cache_policy cache, uint64_t pages)
{
	return (struct field_plan){
		.rig = { .profile = "reference",
		    .amdvi = benchmark->amdvi,
		    .cache = cache,
		    .ram = UINT64_C(8) << 30 },
		.pages = pages,
		.caches = cache == IOMMUSIM_CACHE_NONE ? FIELD_MISSES : FIELD_HITS,
	};
}

static bool run_hit(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_HOARD, FIELD_HOT_PAGES);

	return field_compete(&plan, scale, result);
}

static bool run_chain(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_HOARD, FIELD_HOT_PAGES);

	plan.dependent = true;
	return field_compete(&plan, scale, result);
}

static bool run_unit_hit(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_HOARD, FIELD_UNIT_PAGES);

	plan.caches = FIELD_UNIT_HITS;
	return field_compete(&plan, scale, result);
}

static bool run_miss(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_NONE, FIELD_PAGES);

	return field_compete(&plan, scale, result);
}

static bool run_miss_in_order(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_NONE, FIELD_PAGES);

	plan.in_order = true;
	return field_compete(&plan, scale, result);
}

static bool run_fill(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_HOARD, FIELD_PAGES);

	plan.caches = FIELD_FILLS;
	plan.in_order = true; /* each page once a round */
	plan.total = scale->quick ? FIELD_PAGES / 2 : FIELD_PAGES;
	return field_compete(&plan, scale, result);
}

static bool run_batch(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
#ifdef BENCH_TRANSLATE_BATCH
	const uint64_t pages =
	    FIELD_PAGES * benchmark->size / (scale->quick && benchmark->size > 1 ? 4 : 1);
	struct field_plan plan = plan_for(benchmark, IOMMUSIM_CACHE_NONE, pages);

	plan.batches = true;
	plan.rig.ram *= benchmark->size > 1 ? 4 : 1; /* the pages are there */
	return field_compete(&plan, scale, result);
#else
	(void)benchmark;
	(void)scale;
	return bench_skip(result, "the library has no call for several translations");
#endif
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define TRANSLATE_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "translate-hit/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "64 hot pages, cache hoard",						\
	    .targets = { { NULL, 3.0, "<= 3.0 ns" }, { BENCH_INSTRUCTIONS, 55, "<= 55 instructions" } },						\
	    .amdvi = is_amdvi, .run = run_hit,							\
	},											\
	{											\
	    .name = "translate-chain/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "translate-hit, each address waiting for the answer before",		\
	    .targets = { { NULL, 4.0, "<= 4.0 ns" } },						\
	    .amdvi = is_amdvi, .run = run_chain,						\
	},											\
	{											\
	    .name = "translate-hit-unit/" vendor, .unit = "ns", .state = "warm",		\
	    .about = "16384 pages, cache hoard: the unit's own IOTLB answers",			\
	    .amdvi = is_amdvi, .run = run_unit_hit,						\
	},											\
	{											\
	    .name = "translate-fill/" vendor, .unit = "ns", .state = "cold",			\
	    .about = "each page once after all was invalidated, in order, cache hoard",		\
	    .amdvi = is_amdvi, .run = run_fill,							\
	},											\
	{											\
	    .name = "translate-miss/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "random over 1 GiB, cache none",						\
	    .targets = { { NULL, 6.0, "<= 6 ns" }, { BENCH_INSTRUCTIONS, 90, "<= 90 instructions" } },						\
	    .amdvi = is_amdvi, .run = run_miss,							\
	},											\
	{											\
	    .name = "translate-miss-in-order/" vendor, .unit = "ns", .state = "warm",		\
	    .about = "page after page over 1 GiB, cache none",					\
	    .amdvi = is_amdvi, .run = run_miss_in_order,					\
	},											\
	{											\
	    .name = "translate-batch/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "64 translations a call, random over 1 GiB, cache none",				\
	    .targets = { { NULL, 1.5, "<= 1.5 ns" } },						\
	    .amdvi = is_amdvi, .size = 1, .run = run_batch,					\
	},											\
	{											\
	    .name = "translate-batch-16g/" vendor, .unit = "ns", .state = "warm",		\
	    .about = "the same over 16 GiB (quick: 4 GiB)",					\
	    .targets = { { NULL, 8, "<= 8 ns" } },						\
	    .amdvi = is_amdvi, .size = 16, .run = run_batch,					\
	}
/* clang-format on */

const struct benchmark translate_benchmarks[] = {
	TRANSLATE_BENCHMARKS("vtd", false),
	TRANSLATE_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
