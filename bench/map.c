/* Mapping and unmapping 4 KiB pages, against the textbook. Larger leaves are leaf.c, whole guests guest.c. */
#include "bed.h"

/* Pages between two looks at the clock. */
enum { SLICE = 4096, RANGE_SLICE = 65536 };

static bool compete(const struct contestant *contestants, unsigned count, uint64_t slice,
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct bed_match match = {
		.config = { .profile = benchmark->profile != NULL ? benchmark->profile : "reference",
		    .amdvi = benchmark->amdvi,
		    .ram = UINT64_C(2) << 30 },
		.pages = UINT64_C(1) << (scale->quick ? 18 : 22),
		.slice = slice,
		.contestants = contestants,
		.count = count,
	};

	return bed_compete(&match, scale, result);
}

static bool run_map_page(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-page", .prepare = bed_empty, .run = bed_map },
		{ .name = "textbook", .prepare = bed_book_empty, .run = bed_book_map },
		{ .name = "textbook-mutex", .prepare = bed_book_empty, .run = bed_book_map_locked },
		{ .name = "call", .run = bed_call },
	};

	return compete(contestants, 4, SLICE, benchmark, scale, result);
}

static bool run_map_page_cold(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-page", .prepare = bed_fresh, .run = bed_map },
		{ .name = "textbook", .prepare = bed_book_fresh, .run = bed_book_map },
		{ .name = "textbook-mutex", .prepare = bed_book_fresh, .run = bed_book_map_locked },
	};

	return compete(contestants, 3, SLICE, benchmark, scale, result);
}

static bool run_unmap_page(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "unmap-page", .prepare = bed_full, .run = bed_unmap },
		{ .name = "textbook", .prepare = bed_book_full, .run = bed_book_unmap },
		{ .name = "textbook-mutex", .prepare = bed_book_full, .run = bed_book_unmap_locked },
		{ .name = "call", .run = bed_call },
	};

	return compete(contestants, 4, SLICE, benchmark, scale, result);
}

static bool run_map_range(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-range", .prepare = bed_empty, .run = bed_map_range },
		{ .name = "textbook", .prepare = bed_book_empty, .run = bed_book_map_range },
		{ .name = "floor", .run = bed_floor },
	};

	return compete(contestants, 3, RANGE_SLICE, benchmark, scale, result);
}

static bool run_map_range_cold(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-range", .prepare = bed_fresh, .run = bed_map_range },
		{ .name = "textbook", .prepare = bed_book_fresh, .run = bed_book_map_range },
	};

	return compete(contestants, 2, RANGE_SLICE, benchmark, scale, result);
}

static bool run_unmap_range(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "unmap-range", .prepare = bed_full, .run = bed_unmap_range },
		{ .name = "textbook", .prepare = bed_book_full, .run = bed_book_unmap },
		{ .name = "floor", .run = bed_floor_clear },
	};

	return compete(contestants, 3, RANGE_SLICE, benchmark, scale, result);
}

static bool run_map_scatter(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
#ifdef BENCH_MAPPING_LIST
	static const struct contestant contestants[] = {
		{ .name = "map-scatter", .prepare = bed_list_empty, .run = bed_map_list },
		{ .name = "textbook", .prepare = bed_book_list_empty, .run = bed_book_map_list },
		{ .name = "floor", .prepare = bed_make_list, .run = bed_floor_list },
	};

	return compete(contestants, 3, RANGE_SLICE, benchmark, scale, result);
#else
	(void)benchmark;
	(void)scale;
	return bench_skip(result, "the library has no call for a list of pages");
#endif
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define MAP_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "map-range/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "contiguous ranges of 256 MiB a call, 4 KiB leaves",			\
	    .targets = { { NULL, 0.30, "<= 0.30 ns" }, { "textbook", 8, ">= 8x textbook" }, { BENCH_INSTRUCTIONS, 4, "<= 4 instructions" } },	\
	    .amdvi = is_amdvi, .run = run_map_range,						\
	},											\
	{											\
	    .name = "map-range-cold/" vendor, .unit = "ns/page", .state = "cold",		\
	    .about = "the same into a domain without tables",					\
	    .amdvi = is_amdvi, .run = run_map_range_cold,					\
	},											\
	{											\
	    .name = "map-scatter/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "lists of 65536 scattered host pages a call",					\
	    .targets = { { NULL, 0.6, "<= 0.6 ns" }, { "textbook", 4, ">= 4x textbook" } },	\
	    .amdvi = is_amdvi, .run = run_map_scatter,						\
	},											\
	{											\
	    .name = "map-page/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "one call for each scattered page",					\
	    .targets = { { "call", 1 / 1.4, "<= 1.4x call" },					\
		{ "textbook", 1.3, ">= 1.3x textbook" },					\
		{ "textbook-mutex", 6, ">= 6x textbook-mutex" }, { BENCH_INSTRUCTIONS, 40, "<= 40 instructions" } },				\
	    .amdvi = is_amdvi, .run = run_map_page,						\
	},											\
	{											\
	    .name = "map-page-cold/" vendor, .unit = "ns/page", .state = "cold",		\
	    .about = "the same into a domain without tables",					\
	    .amdvi = is_amdvi, .run = run_map_page_cold,					\
	},											\
	{											\
	    .name = "unmap-page/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "one call for each page, nothing invalidated",				\
	    .targets = { { NULL, 2.2, "<= 2.2 ns" } },						\
	    .amdvi = is_amdvi, .run = run_unmap_page,						\
	},											\
	{											\
	    .name = "unmap-queued/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "the same, all of a domain invalidated after each 64",			\
	    .targets = { { NULL, 2.2, "<= 2.2 ns" } },						\
	    .profile = "reference+invalidate=deferred",						\
	    .amdvi = is_amdvi, .run = run_unmap_page,						\
	},											\
	{											\
	    .name = "unmap-range/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "ranges of 256 MiB a call, nothing invalidated",				\
	    .targets = { { NULL, 0.1, "<= 0.1 ns" } },						\
	    .amdvi = is_amdvi, .run = run_unmap_range,						\
	},											\
	{											\
	    .name = "unmap-range-dropped/" vendor, .unit = "ns/page", .state = "warm",		\
	    .about = "the same, whole tables cut off, the domain invalidated, tables freed",	\
	    .targets = { { NULL, 0.1, "<= 0.1 ns" } },						\
	    .profile = "reference+tables=dropped+invalidate=strict",				\
	    .amdvi = is_amdvi, .run = run_unmap_range,						\
	}
/* clang-format on */

const struct benchmark map_benchmarks[] = {
	MAP_BENCHMARKS("vtd", false),
	MAP_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
