/*
 * Hot paths one at a time, for callgrind to count: `bench-operations NAME COUNT` sets up, and then does the operation
 * COUNT times inside hot_path(). Nothing is timed; what the counts should be is bench/instructions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/trace.h>

#include "counted.h"
#include "field.h"

#define RAM        (UINT64_C(4) << 30) /* the pages that are mapped are there: 4 GiB and up */
#define LIST_PAGES UINT64_C(4096)

struct operation {
	const char *name; /* followed by /vtd or /amdvi */
	bool (*prepare)(struct field *field, uint64_t count);
	bool (*run)(struct field *field, uint64_t count);
	enum iommusim_cache_policy cache;
	bool checked;
};

/* ---- operations ---------------------------------------------------------------------------------------------- */

static bool map_one_by_one(struct field *field, uint64_t count)
{
	for (uint64_t page = 0; page < count; page++)
		if (!rig_ok(&field->rig,
			iommusim_iommu_create_mapping(field->rig.vmm, field->domain,
			    page << IOMMUSIM_PAGE_SHIFT, rig_scattered(page, FIELD_PAGES),
			    IOMMUSIM_PAGE_SIZE)))
			return false;
	return true;
}

static bool unmap_one_by_one(struct field *field, uint64_t count)
{
	for (uint64_t page = 0; page < count; page++)
		if (!rig_ok(&field->rig,
			iommusim_iommu_remove_mapping(field->rig.vmm, field->domain,
			    page << IOMMUSIM_PAGE_SHIFT, IOMMUSIM_PAGE_SIZE)))
			return false;
	return true;
}

static bool map_range(struct field *field, uint64_t count)
{
	return rig_ok(&field->rig,
	    iommusim_iommu_create_mapping(
		field->rig.vmm, field->domain, 0, UINT64_C(4) << 30, count << IOMMUSIM_PAGE_SHIFT));
}

static bool unmap_range(struct field *field, uint64_t count)
{
	return rig_ok(&field->rig,
	    iommusim_iommu_remove_mapping(
		field->rig.vmm, field->domain, 0, count << IOMMUSIM_PAGE_SHIFT));
}

/* Tables are there, nothing is mapped. */
static bool leave_tables(struct field *field, uint64_t count)
{
	return map_one_by_one(field, count) && unmap_range(field, count);
}

static bool translate(struct field *field, uint64_t count)
{
	return field_translate(field, field->requesters[0], 1, count);
}

static bool move_nothing(struct field *field, uint64_t count)
{
	return field_dma(field, field->requesters[0], 1, count);
}

#ifdef BENCH_MAPPING_LIST
static bool map_list(struct field *field, uint64_t count)
{
	static uint64_t pages[LIST_PAGES];

	for (uint64_t page = 0; page < count && page < LIST_PAGES; page++)
		pages[page] = rig_scattered(page, FIELD_PAGES);
	return count <= LIST_PAGES &&
	    rig_ok(&field->rig,
		iommusim_iommu_create_mapping_list(
		    field->rig.vmm, field->domain, 0, pages, count, NULL));
}
#endif

#ifdef BENCH_TRANSLATE_BATCH
static bool translate_request(struct field *field, uint64_t count)
{
	return field_translate_request(field, field->requesters[0], 1, count);
}

static bool translate_batch(struct field *field, uint64_t count)
{
	return field_translate_batch(field, field->requesters[0], 1, count);
}
#endif

/* Hot pages: each has been asked for before. */
static bool warm_up(struct field *field, uint64_t count)
{
	field->pages = FIELD_HOT_PAGES;
	return map_one_by_one(field, FIELD_HOT_PAGES) && translate(field, count);
}

static bool map_for_misses(struct field *field, uint64_t count)
{
	field->pages = 1;
	while (field->pages < count)
		field->pages *= 2;
	return map_one_by_one(field, field->pages);
}

static bool judge(struct field *field, uint64_t count)
{
	static struct iommusim_report report;
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	uint64_t random = 1;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		if (!rig_ok(&field->rig,
			iommusim_check_dma(
			    field->rig.check, field->requesters[0], &request, NULL, &report)) ||
		    report.verdict != IOMMUSIM_VERDICT_OK)
			return false;
	}
	return true;
}

static bool judge_alone(struct field *field, uint64_t count)
{
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_judgement judgement;
	uint64_t random = 1;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		if (!rig_ok(&field->rig,
			iommusim_check_judge(
			    field->rig.check, field->requesters[0], &request, NULL, &judgement)) ||
		    judgement.verdict != IOMMUSIM_VERDICT_OK)
			return false;
	}
	return true;
}

static const struct operation operations[] = {
	{ .name = "map-page", .prepare = leave_tables, .run = map_one_by_one },
	{ .name = "unmap-page", .prepare = map_one_by_one, .run = unmap_one_by_one },
	{ .name = "map-range", .prepare = leave_tables, .run = map_range },
	{ .name = "unmap-range", .prepare = map_range, .run = unmap_range },
	{ .name = "translate-hit", .prepare = warm_up, .run = translate },
	{ .name = "translate-miss",
	    .prepare = map_for_misses,
	    .run = translate,
	    .cache = IOMMUSIM_CACHE_NONE },
	{ .name = "dma-hit", .prepare = warm_up, .run = move_nothing },
#ifdef BENCH_MAPPING_LIST
	{ .name = "map-scatter", .prepare = leave_tables, .run = map_list },
#endif
#ifdef BENCH_TRANSLATE_BATCH
	{ .name = "request-hit", .prepare = warm_up, .run = translate_request },
	{ .name = "request-miss",
	    .prepare = map_for_misses,
	    .run = translate_request,
	    .cache = IOMMUSIM_CACHE_NONE },
	{ .name = "translate-batch",
	    .prepare = map_for_misses,
	    .run = translate_batch,
	    .cache = IOMMUSIM_CACHE_NONE },
#endif
	{ .name = "checker-map", .prepare = leave_tables, .run = map_one_by_one, .checked = true },
	{ .name = "checker-hit", .prepare = warm_up, .run = judge, .checked = true },
	{ .name = "checker-verdict", .prepare = warm_up, .run = judge_alone, .checked = true },
};

enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* ---- counting --------------------------------------------------------------------------------------------------- */

/* What callgrind is told to collect; see bench/instructions. */
static __attribute__((noinline)) bool hot_path(
    bool (*run)(struct field *field, uint64_t count), struct field *field, uint64_t count)
{
	const bool good = run(field, count);

	__asm__ volatile("" ::: "memory"); /* no tail call: it ends here */
	return good;
}

static bool count_operation(const struct operation *operation, bool amdvi, uint64_t count)
{
	const struct field_plan plan = {
		.rig = { .profile = "reference",
		    .amdvi = amdvi,
		    .cache = operation->cache,
		    .ram = RAM,
		    .checked = operation->checked },
		.pages = FIELD_HOT_PAGES,
		.map = field_map_nothing,
	};
	struct field field;
	const bool done = field_create(&field, &plan) && operation->prepare(&field, count) &&
	    hot_path(operation->run, &field, count);

	if (!done) {
		char text[256];

		rig_explain(&field.rig, text, sizeof(text));
		fprintf(stderr, "bench-operations: %s: %s\n", operation->name, text);
	}
	field_destroy(&field);
	return done;
}

/* ---- lines of a trace --------------------------------------------------------------------------------------------- */

static char story[1 << 20];
static size_t story_length;

static bool replay(struct field *field, uint64_t count)
{
	const struct iommusim_replay_options options = { .profile = NULL };
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;

	(void)field;
	return iommusim_replay("count.iommu", story, story_length, &options, &summary, &diagnostic) ==
	    IOMMUSIM_OK &&
	    summary.calls == count + 2;
}

/* Half of the lines map a page, the other half take it away. */
static bool count_lines(bool amdvi, uint64_t count)
{
	char *at = story, *end = story + sizeof(story);

	at += snprintf(at, (size_t)(end - at),
	    "#!iommusim 1\nmachine(iommu=%s, memory=64M)\niommu_create_domain(0x4000000000) = dom1\n",
	    amdvi ? "amdvi" : "vtd");
	for (uint64_t i = 0; i < count && end - at > 80; i++)
		at += i < count / 2
		    ? snprintf(at, (size_t)(end - at),
			  "iommu_create_mapping(dom1, 0x%" PRIx64 ", 0x%" PRIx64 ", 0x1000)\n", i << 12,
			  (UINT64_C(4) << 30) + (i << 12))
		    : snprintf(at, (size_t)(end - at),
			  "iommu_remove_mapping(dom1, 0x%" PRIx64 ", 0x1000)\n", (i - count / 2) << 12);
	story_length = (size_t)(at - story);
	return hot_path(replay, NULL, count);
}

/* ---- the command line ----------------------------------------------------------------------------------------------- */

static bool is_named(const char *word, const char *name, bool *amdvi)
{
	const size_t length = strlen(name);

	*amdvi = strcmp(word + (strncmp(word, name, length) == 0 ? length : 0), "/amdvi") == 0;
	return strncmp(word, name, length) == 0 && (*amdvi || strcmp(word + length, "/vtd") == 0);
}

static int run_named(const char *name, uint64_t count)
{
	bool amdvi;

	if (is_named(name, "replay-lines", &amdvi))
		return count_lines(amdvi, count) ? 0 : 3;
	for (unsigned i = 0; i < OPERATIONS; i++)
		if (is_named(name, operations[i].name, &amdvi))
			return count_operation(&operations[i], amdvi, count) ? 0 : 3;
	fprintf(stderr, "bench-operations: there is no \"%s\"\n", name);
	return 2;
}

int main(int words, char **word)
{
	if (words == 2 && strcmp(word[1], "--compiler") == 0) {
		char compiler[64];

		counted_compiler(compiler, sizeof(compiler));
		printf("%s\n", compiler);
		return 0;
	}
	if (words == 2 && strcmp(word[1], "--list") == 0) {
		for (unsigned i = 0; i < OPERATIONS; i++)
			printf("%s/vtd\n%s/amdvi\n", operations[i].name, operations[i].name);
		printf("replay-lines/vtd\nreplay-lines/amdvi\n");
		return 0;
	}
	if (words == 3)
		return run_named(word[1], strtoull(word[2], NULL, 10));
	fprintf(stderr, "usage: bench-operations NAME COUNT | --list | --compiler\n");
	return 2;
}
