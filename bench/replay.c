/* Reading a trace: raw iommu calls as text, replayed. What a trace says is the library's business. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#ifdef BENCH_REPLAY

#include <inttypes.h>

#include <iommusim/trace.h>

enum { LINE_ROOM = 80 };

struct story {
	char *text;
	size_t length;
	uint64_t calls; /* that it makes */
	struct iommusim_diagnostic diagnostic;
};

/* Half of the lines map a page each, the other half take them away again. */
static bool write_story(struct story *story, bool amdvi, uint64_t lines)
{
	size_t room = (lines + 3) * LINE_ROOM;
	char *at = story->text = malloc(room);

	if (at == NULL)
		return false;
	at += sprintf(at,
	    "#!iommusim 1\nmachine(iommu=%s, memory=1G)\n"
	    "iommu_create_domain(0x4000000000) = dom1\n",
	    amdvi ? "amdvi" : "vtd");
	for (uint64_t i = 0; i < lines / 2; i++)
		at += sprintf(at, "iommu_create_mapping(dom1, 0x%" PRIx64 ", 0x%" PRIx64 ", 0x1000)\n",
		    i << 12, (UINT64_C(4) << 30) + (i << 12));
	for (uint64_t i = 0; i < lines / 2; i++)
		at += sprintf(at, "iommu_remove_mapping(dom1, 0x%" PRIx64 ", 0x1000)\n", i << 12);
	story->length = (size_t)(at - story->text);
	story->calls = lines + 2;
	return true;
}

static bool replay(void *context, uint64_t first, uint64_t count)
{
	struct story *story = context;
	struct iommusim_replay_options options = { .profile = NULL };
	struct iommusim_replay_summary summary;

	(void)first;
	(void)count;
	return iommusim_replay("bench.iommu", story->text, story->length, &options, &summary,
		   &story->diagnostic) == IOMMUSIM_OK &&
	    summary.calls == story->calls;
}

static bool run_replay(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const uint64_t lines = UINT64_C(1) << (scale->quick ? 16 : 19);
	const struct measure_plan plan = { lines, lines, scale->rounds, false };
	struct story story = { .text = NULL };
	const struct contestant contestants[] = { { "replay-lines", &story, NULL, replay } };
	bool done = write_story(&story, benchmark->amdvi, lines);

	result->count = 1;
	done = done && measure(&plan, contestants, 1, result->series) == MEASURE_DONE;
	if (!done)
		snprintf(result->text, sizeof(result->text), "line %u: %s", story.diagnostic.line,
		    story.diagnostic.text);
	free(story.text);
	return done;
}

#else

static bool run_replay(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	(void)scale;
	(void)benchmark;
	return bench_skip(result, "this build has no trace replay");
}

#endif

/* clang-format off */
#define REPLAY_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "replay-lines/" vendor, .unit = "ns/line", .state = "warm",			\
	    .about = "raw iommu calls from text, single pages mapped and unmapped",		\
	    .targets = { { NULL, 200, ">= 5 million lines/s" } },				\
	    .amdvi = is_amdvi, .run = run_replay,						\
	}
/* clang-format on */

const struct benchmark replay_benchmarks[] = {
	REPLAY_BENCHMARKS("vtd", false),
	REPLAY_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
