/* Workloads: what they make hardware do, counted by hand for 1024 pages, and the time modelled from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/workload.h"

enum { PAGES = 1024 };

static void count(const char *name, bool amdvi, const char *profile, const struct costs *costs,
    struct stage_counts *counts)
{
	const struct iommusim_bench_subject subject = { .amdvi = amdvi, .profile = profile };
	const struct stage_plan plan = {
		.subject = &subject, .costs = costs, .pages = PAGES, .counting = true
	};
	const struct workload *workload = workload_find(name);
	struct stage stage;

	assert_non_null(workload);
	assert_true(stage_open(&stage, &plan));
	assert_true(workload->prepare == NULL || workload->prepare(&stage));
	stage_begin(&stage);
	assert_true(workload->run(&stage));
	stage_end(&stage);
	*counts = stage.counts;
	stage_close(&stage);
}

/* Walks 1 ns an entry, reads 10, writes 100, invalidations of everything 1000; an IOTLB of 64 entries. */
static const struct costs simple = { .walk_access = 1,
	.register_read = 10,
	.register_write = 100,
	.invalidations = { [IOMMUSIM_INVALIDATE_ALL] = 1000 },
	.iotlb_sets = 16,
	.iotlb_ways = 4 };

/*
 * VT-d by registers, strict: each page is mapped, used, removed and everything invalidated by a write of the IOTLB
 * register and a look whether it is done; one invalidation more at the end. The device uses each new page, and after
 * every 16th the 32 that stay: 1024 + 64 x 32 = 3072 times, never from the IOTLB, through four levels each.
 */
static void pages_strict_vtd(void **state)
{
	struct stage_counts counts;

	(void)state;
	count("pages", false, "strict", &simple, &counts);
	assert_int_equal(counts.calls, 3 * 1024 + 1);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_ALL], 1025);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_PAGES], 0);
	assert_int_equal(counts.events.register_writes, 1025);
	assert_int_equal(counts.events.register_reads, 1025);
	assert_int_equal(counts.dma, 3072);
	assert_int_equal(counts.misses, 3072);
	assert_int_equal(counts.lost, 0);
	assert_int_equal(counts.events.walk_accesses, 4 * 3072);
	/* 12288 x 1 + 1025 x 10 + 1025 x 100 + 1025 x 1000 */
	assert_float_equal(costs_model(&simple, &counts.events), 1150038, 1e-6);
}

/* Selective: the 32 pages that stay are looked up once each, and hit 63 times. */
static void pages_selective_keeps_the_rest(void **state)
{
	struct stage_counts counts;

	(void)state;
	count("pages", false, "selective", &simple, &counts);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_PAGES], 1024);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_ALL], 0);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_DOMAIN], 1);
	assert_int_equal(counts.misses, 1024 + 32);
}

/* Deferred: once for 64 removals, and at the end. */
static void pages_deferred(void **state)
{
	struct stage_counts counts;

	(void)state;
	count("pages", false, "deferred", &simple, &counts);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_ALL], 1024 / 64 + 1);
}

/* AMD-Vi: a command and a COMPLETION_WAIT for each. */
static void pages_strict_amdvi(void **state)
{
	struct stage_counts counts;

	(void)state;
	count("pages", true, "strict", &simple, &counts);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_DOMAIN], 1025);
	assert_int_equal(counts.events.invalidations[IOMMUSIM_INVALIDATE_WAIT], 1025);
	assert_int_equal(counts.misses, 3072);
}

/* A disk of the host reads 4 MiB: all of it arrives, none of it does, or it arrives and is copied. */
static void host_io_by_policy(void **state)
{
	struct stage_counts counts;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		count("host-io", amdvi != 0, "reference", &simple, &counts);
		assert_int_equal(counts.dma, 1024);
		assert_int_equal(counts.lost, 0);
		assert_int_equal(counts.events.copied, 0);
		count("host-io", amdvi != 0, "reference+host_pages=remove", &simple, &counts);
		assert_int_equal(counts.lost, 1024);
		count("host-io", amdvi != 0, "bounce", &simple, &counts);
		assert_int_equal(counts.lost, 0);
		assert_int_equal(counts.events.copied, 4 << 20);
	}
}

/* A page for each of the guest's, in and out; the device reaches all of them. */
static void boot_maps_every_page(void **state)
{
	struct stage_counts counts;

	(void)state;
	count("boot", false, "reference", &simple, &counts);
	assert_int_equal(counts.dma, 1024);
	assert_int_equal(counts.lost, 0);
	assert_in_range(counts.calls, 2 * 1024, 2 * 1024 + 16);
}

/* 4 MiB by two calls of 2 MiB: through leaves of 2 MiB a walk reads three entries, not four. */
static void superpages_walk_less(void **state)
{
	struct stage_counts small, large;

	(void)state;
	count("superpages", false, "reference", &simple, &small);
	count("superpages", false, "superpages", &simple, &large);
	assert_int_equal(small.events.walk_accesses, 4 * small.misses);
	assert_true(large.misses < small.misses);
	assert_true(large.events.walk_accesses < 4 * large.misses);
	assert_true(large.table_pages < small.table_pages);
	assert_int_equal(small.lost + large.lost, 0);
}

static void every_workload_plays(void **state)
{
	(void)state;
	for (const struct workload *one = workloads; one->name != NULL; one++) {
		for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
			struct stage_counts counts;

			count(one->name, amdvi != 0, NULL, &simple, &counts);
			assert_int_equal(counts.lost, 0);
			assert_true(counts.tables_known);
			assert_true(one->count(PAGES) > 0);
		}
	}
	assert_null(workload_find("page"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_strict_vtd),
		cmocka_unit_test(pages_selective_keeps_the_rest),
		cmocka_unit_test(pages_deferred),
		cmocka_unit_test(pages_strict_amdvi),
		cmocka_unit_test(host_io_by_policy),
		cmocka_unit_test(boot_maps_every_page),
		cmocka_unit_test(superpages_walk_less),
		cmocka_unit_test(every_workload_plays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
