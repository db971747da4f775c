/* Mapping and unmapping through vmm's calls, against the textbook. Whole guests are policy.c. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rig.h"
#include "textbook.h"

#define PAGE       IOMMUSIM_PAGE_SIZE
#define PAGE_SHIFT IOMMUSIM_PAGE_SHIFT

/* Pages between two looks at the clock. */
enum { SLICE = 4096, RANGE_SLICE = 65536 };

typedef bool empty_call(void *context, uint64_t address, uint64_t physical, uint64_t length);

/* What is mapped into: a domain or a textbook's tables, whichever the contestant needs. */
struct bed {
	struct rig_config config;
	struct rig rig;
	struct iommusim_domain *domain;
	struct textbook book;
	empty_call *volatile nothing;
	uint64_t pages; /* a power of two */
	uint64_t *list; /* host pages in guest order, where they are handed over by lists */
};

/* ---- contestants ---------------------------------------------------------------------------- */

static bool ours_map(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++) {
		const enum iommusim_status status = iommusim_iommu_create_mapping(bed->rig.vmm,
		    bed->domain, page << PAGE_SHIFT, rig_scattered(page, bed->pages), PAGE);

		if (status != IOMMUSIM_OK)
			return rig_ok(&bed->rig, status);
	}
	return true;
}

static bool ours_unmap(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++) {
		const enum iommusim_status status =
		    iommusim_iommu_remove_mapping(bed->rig.vmm, bed->domain, page << PAGE_SHIFT, PAGE);

		if (status != IOMMUSIM_OK)
			return rig_ok(&bed->rig, status);
	}
	return true;
}

static bool ours_map_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_create_mapping(bed->rig.vmm, bed->domain, first << PAGE_SHIFT,
		(UINT64_C(4) << 30) + (first << PAGE_SHIFT), count << PAGE_SHIFT));
}

static bool ours_map_list(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_create_mapping_list(
		bed->rig.vmm, bed->domain, first << PAGE_SHIFT, bed->list + first, count, NULL));
}

static bool ours_unmap_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_remove_mapping(
		bed->rig.vmm, bed->domain, first << PAGE_SHIFT, count << PAGE_SHIFT));
}

static bool book_map(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT, rig_scattered(page, bed->pages),
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

static bool book_map_locked(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map_locked(&bed->book, page << PAGE_SHIFT,
			rig_scattered(page, bed->pages), TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

/* It has no lists either. */
static bool book_map_list(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT, bed->list[page],
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

/* A textbook has no ranges: a contiguous one is as many pages. */
static bool book_map_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT,
			(UINT64_C(4) << 30) + (page << PAGE_SHIFT), TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

static bool book_unmap(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_unmap(&bed->book, page << PAGE_SHIFT))
			return false;
	return true;
}

static bool book_unmap_locked(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_unmap_locked(&bed->book, page << PAGE_SHIFT))
			return false;
	return true;
}

static bool call_nothing(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!bed->nothing(bed, page << PAGE_SHIFT, rig_scattered(page, bed->pages), PAGE))
			return false;
	return true;
}

/* ---- what each round begins with --------------------------------------------------------------- */

/* Nothing mapped, tables there. */
static bool ours_empty(void *context)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_remove_mapping(bed->rig.vmm, bed->domain, 0, bed->pages << PAGE_SHIFT));
}

static bool book_empty(void *context)
{
	struct bed *bed = context;

	for (uint64_t page = 0; page < bed->pages; page++)
		textbook_unmap(&bed->book, page << PAGE_SHIFT);
	return true;
}

static bool ours_full(void *context)
{
	struct bed *bed = context;

	return ours_map_range(bed, 0, bed->pages);
}

/* What was cut off before is free again: no hardware knows the way to it. */
static bool ours_full_anew(void *context)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig, iommusim_iommu_invalidate_tlb(bed->rig.vmm, bed->domain)) &&
	    ours_full(context);
}

static bool book_full(void *context)
{
	struct bed *bed = context;

	return book_map_range(bed, 0, bed->pages);
}

static bool ours_fresh(void *context)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig, iommusim_iommu_destroy_domain(bed->rig.vmm, bed->domain)) &&
	    rig_ok(
		&bed->rig, iommusim_iommu_create_domain(bed->rig.vmm, RIG_DOMAIN_SIZE, &bed->domain));
}

static bool book_fresh(void *context)
{
	struct bed *bed = context;

	textbook_destroy(&bed->book);
	return textbook_create(&bed->book);
}

static bool make_rig(struct bed *bed)
{
	return rig_create(&bed->rig, &bed->config) &&
	    rig_ok(
		&bed->rig, iommusim_iommu_create_domain(bed->rig.vmm, RIG_DOMAIN_SIZE, &bed->domain));
}

/* A rig of its own for each round, warmed up: a checker's record grows with every call. */
static bool ours_anew(void *context)
{
	struct bed *bed = context;

	rig_destroy(&bed->rig);
	return make_rig(bed) && ours_map(bed, 0, bed->pages) && ours_empty(bed);
}

/* ---- benchmarks ------------------------------------------------------------------------------ */

static bool make_list(struct bed *bed)
{
	bed->list = malloc(bed->pages * sizeof(*bed->list));
	for (uint64_t page = 0; bed->list != NULL && page < bed->pages; page++)
		bed->list[page] = rig_scattered(page, bed->pages);
	return bed->list != NULL;
}

static bool make_bed(
    struct bed *bed, const struct benchmark *benchmark, const struct bench_scale *scale)
{
	memset(bed, 0, sizeof(*bed));
	bed->config = (struct rig_config){
		.profile = benchmark->profile == NULL ? "reference" : benchmark->profile,
		.amdvi = benchmark->amdvi,
		.ram = UINT64_C(2) << 30,
	};
	bed->pages = UINT64_C(1) << (scale->quick ? 18 : 22);
	bed->nothing = textbook_nothing;
	return make_rig(bed) && textbook_create(&bed->book) && make_list(bed);
}

static void clear_bed(struct bed *bed)
{
	rig_destroy(&bed->rig);
	textbook_destroy(&bed->book);
	free(bed->list);
}

/* The contestants all work on one bed. */
static bool compete(const struct contestant *contestants, unsigned count, uint64_t slice,
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct contestant own[BENCH_SERIES];
	struct bed bed;
	bool done = make_bed(&bed, benchmark, scale);

	for (unsigned i = 0; i < count; i++) {
		own[i] = contestants[i];
		own[i].context = &bed;
	}
	if (done) {
		const struct measure_plan plan = { bed.pages, slice, scale->rounds };

		result->count = count;
		done = measure(&plan, own, count, result->series) == MEASURE_DONE;
	}
	if (!done)
		rig_explain(&bed.rig, result->text, sizeof(result->text));
	clear_bed(&bed);
	return done;
}

static bool run_map_page(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-page", .prepare = ours_empty, .run = ours_map },
		{ .name = "textbook", .prepare = book_empty, .run = book_map },
		{ .name = "textbook-mutex", .prepare = book_empty, .run = book_map_locked },
		{ .name = "call", .run = call_nothing },
	};

	return compete(contestants, 4, SLICE, benchmark, scale, result);
}

static bool run_map_page_cold(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-page", .prepare = ours_fresh, .run = ours_map },
		{ .name = "textbook", .prepare = book_fresh, .run = book_map },
		{ .name = "textbook-mutex", .prepare = book_fresh, .run = book_map_locked },
	};

	return compete(contestants, 3, SLICE, benchmark, scale, result);
}

static bool run_unmap_page(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "unmap-page", .prepare = ours_full, .run = ours_unmap },
		{ .name = "textbook", .prepare = book_full, .run = book_unmap },
		{ .name = "textbook-mutex", .prepare = book_full, .run = book_unmap_locked },
		{ .name = "call", .run = call_nothing },
	};

	return compete(contestants, 4, SLICE, benchmark, scale, result);
}

/* The same where vmm queues what it removes, and invalidates when 64 removals have gathered. */
static bool run_unmap_queued(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "unmap-queued", .prepare = ours_full, .run = ours_unmap },
		{ .name = "textbook", .prepare = book_full, .run = book_unmap },
		{ .name = "textbook-mutex", .prepare = book_full, .run = book_unmap_locked },
		{ .name = "call", .run = call_nothing },
	};

	return compete(contestants, 4, SLICE, benchmark, scale, result);
}

static bool run_map_range(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-range", .prepare = ours_empty, .run = ours_map_range },
		{ .name = "textbook", .prepare = book_empty, .run = book_map_range },
	};

	return compete(contestants, 2, RANGE_SLICE, benchmark, scale, result);
}

static bool run_map_list(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "map-list", .prepare = ours_empty, .run = ours_map_list },
		{ .name = "textbook", .prepare = book_empty, .run = book_map_list },
	};

	return compete(contestants, 2, RANGE_SLICE, benchmark, scale, result);
}

static bool run_unmap_range(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "unmap-range", .prepare = ours_full_anew, .run = ours_unmap_range },
		{ .name = "textbook", .prepare = book_full, .run = book_unmap },
	};

	return compete(contestants, 2, RANGE_SLICE, benchmark, scale, result);
}

static bool run_checker_map(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct bed checked = { .rig = { .machine = NULL } }, plain;
	bool done = make_bed(&plain, benchmark, scale);

	/* The checker remembers each call for good: a run as long as map-page's would fill memory. */
	plain.pages = UINT64_C(1) << (scale->quick ? 16 : 18);
	checked.config = plain.config;
	checked.config.checked = true;
	checked.pages = plain.pages;
	if (done) {
		const struct measure_plan plan = { plain.pages, SLICE, scale->rounds };
		const struct contestant contestants[] = {
			{ "checker-map", &checked, ours_anew, ours_map },
			{ "map-page", &plain, ours_anew, ours_map },
			{ "textbook", &plain, book_empty, book_map },
			{ "textbook-mutex", &plain, book_empty, book_map_locked },
			{ "call", &plain, NULL, call_nothing },
		};

		result->count = 5;
		done = measure(&plan, contestants, 5, result->series) == MEASURE_DONE;
	}
	if (!done)
		rig_explain(checked.rig.status == IOMMUSIM_OK ? &plain.rig : &checked.rig, result->text,
		    sizeof(result->text));
	clear_bed(&checked);
	clear_bed(&plain);
	return done;
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define MAP_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "map-range/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "contiguous ranges of 256 MiB a call, 4 KiB leaves",			\
	    .targets = { { NULL, 0.30, "<= 0.30 ns" }, { "textbook", 8, ">= 8x textbook" } },	\
	    .amdvi = is_amdvi,									\
	    .run = run_map_range,								\
	},											\
	{											\
	    .name = "map-list/" vendor,								\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "scattered host pages, lists of 65536 a call",				\
	    .targets = { { NULL, 0.60, "<= 0.60 ns" }, { "textbook", 4, ">= 4x textbook" } },	\
	    .amdvi = is_amdvi,									\
	    .run = run_map_list,								\
	},											\
	{											\
	    .name = "unmap-range/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "contiguous ranges of 256 MiB a call, tables dropped, nothing invalidated",		\
	    .targets = { { NULL, 0.10, "<= 0.10 ns" } },					\
	    .amdvi = is_amdvi,									\
	    .profile = "reference+tables=dropped",						\
	    .run = run_unmap_range,								\
	},											\
	{											\
	    .name = "map-page/" vendor,								\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "scattered host pages, one call each",					\
	    .targets = { { "call", 1 / 1.4, "<= 1.4x call" }, { "textbook", 1.3, ">= 1.3x textbook" },	\
		{ "textbook-mutex", 6, ">= 6x textbook-mutex" } },				\
	    .amdvi = is_amdvi,									\
	    .run = run_map_page,								\
	},											\
	{											\
	    .name = "map-page-cold/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "cold",									\
	    .about = "the same into a domain without tables",					\
	    .amdvi = is_amdvi,									\
	    .run = run_map_page_cold,								\
	},											\
	{											\
	    .name = "unmap-page/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "one call for each page, nothing invalidated",				\
	    .targets = { { NULL, 2.2, "<= 2.2 ns" } },				\
	    .amdvi = is_amdvi,									\
	    .run = run_unmap_page,								\
	},											\
	{											\
	    .name = "unmap-queued/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "the same, all of a domain invalidated after each 64",			\
	    .targets = { { NULL, 2.2, "<= 2.2 ns" } },						\
	    .amdvi = is_amdvi,									\
	    .profile = "reference+invalidate=deferred",						\
	    .run = run_unmap_queued,								\
	},											\
	{											\
	    .name = "checker-map/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "map-page with a checker attached",					\
	    .targets = { { "map-page", 0.5, "<= 2x map-page" } },				\
	    .amdvi = is_amdvi,									\
	    .run = run_checker_map,								\
	}
/* clang-format on */

const struct benchmark map_benchmarks[] = {
	MAP_BENCHMARKS("vtd", false),
	MAP_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
