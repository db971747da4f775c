/* Whole guests: a new domain, all of a guest's memory page by page, and the domain destroyed. How that grows is growth.c. */
#include "bed.h"

#define GIB   (UINT64_C(1) << 30)
#define SLICE UINT64_C(4096)

static bool run_guest(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "guest", .prepare = bed_fresh, .run = bed_map },
		{ .name = "textbook", .prepare = bed_book_fresh, .run = bed_book_map },
		{ .name = "textbook-mutex", .prepare = bed_book_fresh, .run = bed_book_map_locked },
	};
	const uint64_t all = benchmark->size * GIB >> IOMMUSIM_PAGE_SHIFT;
	const uint64_t pages = scale->quick ? all / 64 : all;
	const struct bench_scale seven = { .quick = scale->quick, .rounds = 7, .places = 1 };
	const struct bed_match match = {
		.config = { .profile = "reference",
		    .amdvi = benchmark->amdvi,
		    .ram = rig_ram_for(pages) },
		.pages = pages,
		.slice = SLICE,
		.contestants = contestants,
		.count = 3,
	};

	return bed_compete(&match, benchmark->size > 16 ? &seven : scale, result);
}

/* clang-format off */
#define GUEST_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "guest-1g/" vendor, .unit = "ns/page", .state = "cold",			\
	    .about = "1 GiB page by page into a new domain (quick: 16 MiB)",			\
	    .amdvi = is_amdvi, .size = 1, .run = run_guest,					\
	},											\
	{											\
	    .name = "guest-16g/" vendor, .unit = "ns/page", .state = "cold",			\
	    .about = "the same of 16 GiB (quick: 256 MiB)",					\
	    .amdvi = is_amdvi, .size = 16, .run = run_guest,					\
	},											\
	{											\
	    .name = "guest-256g/" vendor, .unit = "ns/page", .state = "cold",			\
	    .about = "the same of 256 GiB (quick: 4 GiB)",					\
	    .amdvi = is_amdvi, .size = 256, .run = run_guest,					\
	}
/* clang-format on */

const struct benchmark guest_benchmarks[] = {
	GUEST_BENCHMARKS("vtd", false),
	GUEST_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
