/* What a checker adds to a map and to a translation. */
#include <string.h>

#include "field.h"

enum { SLICE = 4096 };

static bool run_checker_map(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	/* A checker remembers each call for good: a run as long as map-page's would fill memory. */
	const uint64_t pages = UINT64_C(1) << (scale->quick ? 16 : 18);
	struct rig_config config = {
		.profile = "reference", .amdvi = benchmark->amdvi, .ram = UINT64_C(2) << 30
	};
	const struct measure_plan plan = { pages, SLICE, scale->rounds, false };
	struct bed checked, plain;
	const struct contestant contestants[] = {
		{ "checker-map", &checked, bed_anew, bed_map },
		{ "map-page", &plain, bed_anew, bed_map },
		{ "textbook", &plain, bed_book_empty, bed_book_map },
		{ "textbook-mutex", &plain, bed_book_empty, bed_book_map_locked },
		{ "call", &plain, NULL, bed_call },
	};
	bool done = bed_create(&plain, &config, pages);

	config.checked = true;
	done = bed_create(&checked, &config, pages) && done;
	result->count = 5;
	done = done && measure(&plan, contestants, 5, result->series) == MEASURE_DONE;
	if (!done)
		rig_explain(checked.rig.status == IOMMUSIM_OK ? &plain.rig : &checked.rig, result->text,
		    sizeof(result->text));
	bed_destroy(&checked);
	bed_destroy(&plain);
	return done;
}

/* ---- judged translations --------------------------------------------------------------------------------- */

static bool judged(void *context, uint64_t first, uint64_t count)
{
	static const struct iommusim_report none;
	struct field *field = context;
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_report report = none;
	uint64_t random = first, wrong = 0;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		wrong += (uint64_t)iommusim_check_dma(
		    field->rig.check, field->requesters[0], &request, NULL, &report);
		wrong += report.outcome.pages_faulted;
	}
	return wrong == 0;
}

static bool judged_alone(void *context, uint64_t first, uint64_t count)
{
	struct field *field = context;
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_judgement judgement;
	uint64_t random = first, wrong = 0;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		wrong += (uint64_t)iommusim_check_judge(
		    field->rig.check, field->requesters[0], &request, NULL, &judgement);
		wrong += judgement.outcome.pages_faulted;
	}
	return wrong == 0;
}

static bool unjudged(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return field_dma(field, field->requesters[0], first, count);
}

/* Hits that are judged one way, and hits that are not. */
static bool run_hits(const struct benchmark *benchmark, const struct bench_scale *scale,
    const char *name, bool (*run)(void *context, uint64_t first, uint64_t count),
    struct bench_result *result)
{
	const struct measure_plan rounds = { UINT64_C(1) << (scale->quick ? 15 : 18), SLICE,
		scale->rounds, false };
	struct field_plan plan = { .rig = { .profile = "reference",
				       .amdvi = benchmark->amdvi,
				       .cache = IOMMUSIM_CACHE_HOARD,
				       .ram = UINT64_C(8) << 30 },
		.pages = FIELD_HOT_PAGES };
	struct field plain, checked;
	const struct contestant contestants[] = {
		{ name, &checked, NULL, run },
		{ "dma-hit", &plain, NULL, unjudged },
	};
	bool done = field_create(&plain, &plan);

	plan.rig.checked = true;
	done = field_create(&checked, &plan) && done;
	result->count = 2;
	done = done && measure(&rounds, contestants, 2, result->series) == MEASURE_DONE;
	done = field_end(&checked, done, result);
	field_destroy(&plain);
	return done;
}

static bool run_checker_hit(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return run_hits(benchmark, scale, "checker-hit", judged, result);
}

static bool run_checker_verdict(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return run_hits(benchmark, scale, "checker-verdict", judged_alone, result);
}

/* clang-format off */
#define CHECKER_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "checker-map/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "map-page with a checker attached",					\
	    .targets = { { "map-page", 0.5, "<= 2x map-page" } },				\
	    .amdvi = is_amdvi, .run = run_checker_map,						\
	},											\
	{											\
	    .name = "checker-hit/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "iommusim_dma() on 64 hot pages, each judged by iommusim_check_dma()",			\
	    .targets = { { "dma-hit", 1 / 1.5, "<= 1.5x dma-hit" } },		\
	    .amdvi = is_amdvi, .run = run_checker_hit,						\
	},											\
	{											\
	    .name = "checker-verdict/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "the same by iommusim_check_judge(), no reasons asked for",			\
	    .targets = { { "dma-hit", 1 / 1.5, "<= 1.5x dma-hit" } },		\
	    .amdvi = is_amdvi, .run = run_checker_verdict,						\
	}
/* clang-format on */

const struct benchmark checker_benchmarks[] = {
	CHECKER_BENCHMARKS("vtd", false),
	CHECKER_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
