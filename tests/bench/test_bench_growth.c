/* Memory that replaying a long trace takes: its tables, and what does not grow with it. How long it takes is no test's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest_trace.h"
#include "memory.h"

#define GIB (UINT64_C(1) << 30)
#define KIB (UINT64_C(1) << 10)

/* A trace whose reader weighs what the replay has: always what was allocated, and all of it when the guest is mapped. */
struct weighed {
	struct guest_trace trace;
	struct memory_meter meter;
	uint64_t most_allocated;
	uint64_t mapped; /* bytes in use, tables too, when the domain is about to go */
};

static enum iommusim_status read_weighed(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	struct weighed *weighed = context;

	if (weighed->meter.allocated > weighed->most_allocated)
		weighed->most_allocated = weighed->meter.allocated;
	if (weighed->trace.stage == GUEST_GOES)
		weighed->mapped = memory_meter_bytes(&weighed->meter);
	return guest_trace_read(&weighed->trace, bytes, room, count, problem);
}

/* Replay a guest of so many GiB. */
static struct weighed replay(enum guest_layout layout, bool amdvi, uint64_t gib)
{
	static struct weighed weighed;
	const struct iommusim_trace_source source = { .context = &weighed, .read = read_weighed };
	const struct iommusim_replay_options options = { .allocator = &weighed.meter.allocator };
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;

	weighed = (struct weighed){
		.trace = { .pages = gib * GIB >> IOMMUSIM_PAGE_SHIFT, .layout = layout, .amdvi = amdvi }
	};
	memory_meter_init(&weighed.meter);
	if (iommusim_replay_source("guest.iommu", &source, &options, &summary, &diagnostic) !=
	    IOMMUSIM_OK)
		fail_msg("%u:%u: %s", diagnostic.line, diagnostic.column, diagnostic.text);
	assert_int_equal(summary.calls, weighed.trace.pages + 3);
	assert_true(iommusim_replay_passed(&summary));
	assert_int_equal(weighed.meter.allocated, 0);
	return weighed;
}

/* Bytes beside tables. */
static uint64_t beside(const struct weighed *weighed)
{
	const uint64_t tables = guest_trace_tables(weighed->trace.pages);

	assert_true(weighed->mapped > tables);
	return weighed->mapped - tables;
}

/*
 * A guest four times as large: what is beside its tables may grow by what the checker keeps of a range of 2 MiB (three
 * entries of its page map, and a step in the record of calls where the range is another), and a page of tables here
 * and there. A byte a page would be 768 KiB.
 */
static void beside_tables_nothing_grows(void **state)
{
	(void)state;
	for (unsigned vendor = 0; vendor < 2; vendor++) {
		for (unsigned layout = GUEST_CONTIGUOUS; layout <= GUEST_RUNS; layout++) {
			const struct weighed small = replay((enum guest_layout)layout, vendor == 1, 1);
			const struct weighed large = replay((enum guest_layout)layout, vendor == 1, 4);

			print_message(
			    "%s: %llu KiB beside tables at 1 GiB, %llu at 4; at most %llu and %llu "
			    "allocated\n",
			    layout == GUEST_RUNS ? "runs" : "contiguous",
			    (unsigned long long)(beside(&small) / KIB),
			    (unsigned long long)(beside(&large) / KIB),
			    (unsigned long long)(small.most_allocated / KIB),
			    (unsigned long long)(large.most_allocated / KIB));
			assert_true(beside(&large) < 16 * KIB * KIB);
			assert_true(beside(&large) < beside(&small) + 192 * KIB);
			assert_true(large.most_allocated < small.most_allocated + 192 * KIB);
		}
	}
}

/* Scattered page by page, each page costs the record of what was asked for: an entry of 12 bytes, and its call. */
static void scattered_pages_cost_their_record(void **state)
{
	const struct weighed small = replay(GUEST_SCATTERED, false, 1);
	const struct weighed large = replay(GUEST_SCATTERED, false, 2);
	const uint64_t pages = large.trace.pages - small.trace.pages;

	(void)state;
	print_message("scattered: %.1f bytes a page beside tables\n",
	    (double)(beside(&large) - beside(&small)) / (double)pages);
	assert_true(beside(&large) - beside(&small) < 24 * pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beside_tables_nothing_grows),
		cmocka_unit_test(scattered_pages_cost_their_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
