/*
 * The page allocator: table pages from below, guest clusters of 64 KiB from above, holes left out.
 */
#include "host_fixture.h"

#include <stdlib.h>

#include "vmm/pages.h"

#define CLUSTER (64 * KIB)

struct window {
	uint64_t base, length;
};

struct fixture {
	struct iommusim_machine *machine;
	struct pages pages;
};

static enum iommusim_status start(struct fixture *fixture, const struct window *windows, size_t count,
    const struct iommusim_machine_config *config)
{
	assert_ok(iommusim_machine_create(config, &fixture->machine));
	for (size_t i = 0; i < count; i++)
		assert_ok(iommusim_memory_add(
		    fixture->machine, windows[i].base, windows[i].length, IOMMUSIM_MEMORY_RAM));
	return pages_init(&fixture->pages, fixture->machine);
}

static void stop(struct fixture *fixture)
{
	pages_fini(&fixture->pages);
	iommusim_machine_destroy(fixture->machine);
}

/* A PC with a hole below 1 MiB, one below 4 GiB, and sizes that are no multiple of a cluster. */
static const struct window pc[] = {
	{ 0, 636 * KIB },
	{ MIB, 47 * MIB + 4 * KIB },
	{ 4 * GIB, 16 * MIB + 20 * KIB },
};

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void assert_distinct(const uint64_t *clusters, size_t count)
{
	uint64_t *sorted = malloc(count * sizeof(*sorted));

	assert_non_null(sorted);
	memcpy(sorted, clusters, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++)
		assert_true(sorted[i] - sorted[i - 1] >= CLUSTER);
	free(sorted);
}

/* How many clusters can be had one by one; they are kept in `out`. */
static size_t take_all(struct pages *pages, uint64_t *out, size_t room)
{
	size_t count = 0;

	while (count < room && pages_take_clusters(pages, 1, 3, false, &out[count]))
		count++;
	assert_true(count < room);
	return count;
}

/* ---- clusters -------------------------------------------------------------------------------- */

static void scattered_clusters_are_distinct_and_wholly_in_ram(void **state)
{
	uint64_t clusters[600];
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	assert_true(pages_take_clusters(&fixture.pages, 600, 11, false, clusters));
	assert_distinct(clusters, 600);
	for (size_t i = 0; i < 600; i++) {
		assert_non_null(iommusim_memory_host(fixture.machine, clusters[i], CLUSTER));
		assert_int_equal(clusters[i] & (PAGE - 1), 0);
	}
	stop(&fixture);
}

static void all_of_ram_but_the_kernels_eighth_and_the_table_reserve_can_be_had(void **state)
{
	const struct window whole = { 0, 64 * MIB };
	uint64_t clusters[1024], page;
	struct fixture fixture;
	size_t count, tables = 0;

	(void)state;
	assert_ok(start(&fixture, &whole, 1, NULL));
	count = take_all(&fixture.pages, clusters, 1024);
	assert_distinct(clusters, count);
	while (pages_take_table(&fixture.pages, &page)) {
		tables++;
		for (size_t i = 0; i < count; i++)
			assert_false(page - clusters[i] < CLUSTER);
		assert_true(page >= 8 * MIB);
	}
	for (size_t i = 0; i < count; i++)
		assert_true(clusters[i] >= 8 * MIB);
	assert_int_equal(count * CLUSTER + tables * PAGE, 56 * MIB);
	stop(&fixture);
}

static void the_kernels_eighth_is_of_all_memory_below_4_gib(void **state)
{
	/*
	 * 32 MiB below 4 GiB in pieces, as registers and firmware leave them; 4 MiB are the
	 * kernel's.
	 */
	static const struct window windows[] = { { 0, 512 * KIB }, { MIB, 16 * MIB - 512 * KIB },
		{ 32 * MIB, 16 * MIB }, { 4 * GIB, 64 * MIB } };
	uint64_t clusters[2048], page, lowest = UINT64_MAX;
	struct fixture fixture;
	size_t count;

	(void)state;
	assert_ok(start(&fixture, windows, 4, NULL));
	count = take_all(&fixture.pages, clusters, 2048);
	for (size_t i = 0; i < count; i++)
		lowest = clusters[i] < lowest ? clusters[i] : lowest;
	while (pages_take_table(&fixture.pages, &page))
		lowest = page < lowest ? page : lowest;
	assert_int_equal(lowest, 4 * MIB + 512 * KIB); /* behind the hole of 512 KiB */
	stop(&fixture);
}

static void guests_live_above_4_gib_while_there_is_room(void **state)
{
	static const struct window windows[] = { { 0, 64 * MIB }, { 4 * GIB, 16 * MIB } };
	uint64_t clusters[400], rest[400];
	struct fixture fixture;
	size_t low = 0;

	(void)state;
	assert_ok(start(&fixture, windows, 2, NULL));
	assert_true(pages_take_clusters(&fixture.pages, 200, 5, false, clusters));
	for (size_t i = 0; i < 200; i++)
		assert_true(clusters[i] >= 4 * GIB);
	pages_give_clusters(&fixture.pages, 100, clusters);
	assert_true(pages_take_clusters(&fixture.pages, 156, 9, false, rest)); /* all that is left */
	for (size_t i = 0; i < 156; i++)
		assert_true(rest[i] >= 4 * GIB);
	pages_give_clusters(&fixture.pages, 156, rest);
	/* One more than fits: then it may be anywhere. */
	assert_true(pages_take_clusters(&fixture.pages, 157, 9, false, rest));
	assert_distinct(rest, 157);
	for (size_t i = 0; i < 157; i++)
		low += rest[i] < 4 * GIB;
	assert_true(low > 0);
	stop(&fixture);
}

static void clusters_and_tables_reach_over_both_sides_of_the_holes(void **state)
{
	uint64_t clusters[1024], page;
	struct fixture fixture;
	size_t count, low = 0;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	count = take_all(&fixture.pages, clusters, 1024);
	for (size_t i = 0; i < count; i++)
		low += clusters[i] < 4 * GIB;
	assert_int_equal(count - low, 256); /* the 16 MiB above 4 GiB, without the 20 KiB too small */
	assert_true(low > 0);
	while (pages_take_table(&fixture.pages, &page))
		assert_non_null(iommusim_memory_host(fixture.machine, page, PAGE));
	stop(&fixture);
}

static void the_same_seed_scatters_alike_and_another_one_does_not(void **state)
{
	uint64_t first[300], second[300], third[300];
	struct fixture a, b, c;

	(void)state;
	assert_ok(start(&a, pc, 3, NULL));
	assert_ok(start(&b, pc, 3, NULL));
	assert_ok(start(&c, pc, 3, NULL));
	assert_true(pages_take_clusters(&a.pages, 300, 5, false, first));
	assert_true(pages_take_clusters(&b.pages, 300, 5, false, second));
	assert_true(pages_take_clusters(&c.pages, 300, 6, false, third));
	assert_memory_equal(first, second, sizeof(first));
	assert_memory_not_equal(first, third, sizeof(first));
	stop(&a);
	stop(&b);
	stop(&c);
}

static void every_seed_finds_every_cluster_once(void **state)
{
	static const uint64_t seeds[] = { 0, 1, 2, 60, 61, 62, 4095, UINT64_MAX / 2, UINT64_MAX };
	const struct window window = { 0, 16 * MIB };
	uint64_t clusters[256], all;
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, &window, 1, NULL));
	all = take_all(&fixture.pages, clusters, 256);
	pages_give_clusters(&fixture.pages, all, clusters);
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		assert_true(pages_take_clusters(&fixture.pages, all, seeds[i], false, clusters));
		assert_distinct(clusters, all);
		assert_false(pages_take_clusters(&fixture.pages, 1, seeds[i], false, clusters));
		pages_give_clusters(&fixture.pages, all, clusters);
	}
	stop(&fixture);
}

static void neighbours_in_the_guest_lie_far_apart_in_the_host(void **state)
{
	const struct window windows[] = { { 0, 3 * GIB }, { 4 * GIB, 5 * GIB } };
	uint64_t clusters[2000];
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, windows, 2, NULL));
	assert_true(pages_take_clusters(&fixture.pages, 2000, 9, false, clusters));
	for (size_t i = 1; i < 2000; i++) {
		const uint64_t a = clusters[i - 1], b = clusters[i];

		assert_true((a > b ? a - b : b - a) > 256 * MIB);
	}
	stop(&fixture);
}

static void clusters_given_back_are_taken_again(void **state)
{
	uint64_t clusters[1024], again[1024];
	struct fixture fixture;
	size_t count;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	count = take_all(&fixture.pages, clusters, 1024);
	pages_give_clusters(&fixture.pages, 100, clusters + 50);
	assert_true(pages_take_clusters(&fixture.pages, 100, 77, false, again));
	assert_false(pages_take_clusters(&fixture.pages, 1, 77, false, again + 100));
	qsort(clusters + 50, 100, sizeof(*clusters), compare);
	qsort(again, 100, sizeof(*again), compare);
	assert_memory_equal(clusters + 50, again, 100 * sizeof(*again));
	pages_give_clusters(&fixture.pages, count, clusters);
	assert_int_equal(take_all(&fixture.pages, again, 1024), count);
	stop(&fixture);
}

static void a_contiguous_run_is_a_run(void **state)
{
	uint64_t run[200], more[20];
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	assert_true(pages_take_clusters(&fixture.pages, 20, 4, false, more));
	assert_true(pages_take_clusters(&fixture.pages, 200, 4, true, run));
	for (size_t i = 1; i < 200; i++)
		assert_int_equal(run[i], run[i - 1] + CLUSTER);
	for (size_t i = 0; i < 20; i++)
		assert_false(more[i] - run[0] < 200 * CLUSTER);
	stop(&fixture);
}

static void a_contiguous_run_does_not_cross_a_hole(void **state)
{
	/* Free below the hole: 47 MiB less the table reserve; above it: 16 MiB. */
	uint64_t all[1024], run[256], rest[256];
	struct fixture fixture;
	size_t low = 0, count;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	count = take_all(&fixture.pages, all, 1024);
	for (size_t i = 0; i < count; i++)
		low += all[i] < 4 * GIB;
	pages_give_clusters(&fixture.pages, count, all);
	assert_true(low > 256);
	/* Leave 100 free below the hole: 256 in a row fit above it only. */
	assert_true(pages_take_clusters(&fixture.pages, low - 100, 0, true, all));
	assert_true(pages_take_clusters(&fixture.pages, 256, 0, true, run));
	assert_int_equal(run[0], 4 * GIB);
	assert_int_equal(run[255], 4 * GIB + 255 * CLUSTER);
	pages_give_clusters(&fixture.pages, 256, run);
	/* 300 are free and lie side by side in the row of RAM, but not in memory. */
	assert_true(pages_take_clusters(&fixture.pages, 56, 0, true, rest));
	assert_false(pages_take_clusters(&fixture.pages, 257, 0, true, run));
	stop(&fixture);
}

static void a_run_that_fails_takes_nothing(void **state)
{
	uint64_t clusters[1024], run[1024];
	struct fixture fixture;
	size_t count, given = 0;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	count = take_all(&fixture.pages, clusters, 1024);
	qsort(clusters, count, sizeof(*clusters), compare);
	for (size_t i = 0; i < count; i += 2, given++) /* every other one */
		pages_give_clusters(&fixture.pages, 1, &clusters[i]);
	assert_false(pages_take_clusters(&fixture.pages, 2, 0, true, run));
	assert_true(pages_take_clusters(&fixture.pages, given, 0, false, run));
	assert_false(pages_take_clusters(&fixture.pages, 1, 0, false, run));
	stop(&fixture);
}

static void one_cluster_too_many_takes_nothing(void **state)
{
	uint64_t clusters[1024];
	struct fixture fixture;
	size_t count;

	(void)state;
	assert_ok(start(&fixture, pc, 3, NULL));
	count = take_all(&fixture.pages, clusters, 1024);
	pages_give_clusters(&fixture.pages, count, clusters);
	memset(clusters, 0xee, sizeof(clusters));
	assert_false(pages_take_clusters(&fixture.pages, count + 1, 1, false, clusters));
	for (size_t i = 0; i < count + 1; i++)
		assert_int_equal(clusters[i], UINT64_C(0xeeeeeeeeeeeeeeee));
	assert_true(pages_take_clusters(&fixture.pages, count, 1, false, clusters));
	stop(&fixture);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void four_mebibytes_are_too_few_and_a_cluster_more_is_enough(void **state)
{
	const struct window four = { 0, 4 * MIB }, more = { 0, 4 * MIB + CLUSTER };
	const struct window almost = { 0, 4 * MIB + CLUSTER - PAGE };
	uint64_t cluster, page;
	struct fixture fixture;

	(void)state;
	assert_status(start(&fixture, &four, 1, NULL), IOMMUSIM_EINVAL);
	assert_contains(iommusim_machine_diagnostic(fixture.machine)->text, "4096 KiB");
	iommusim_machine_destroy(fixture.machine);
	assert_status(start(&fixture, &almost, 1, NULL), IOMMUSIM_EINVAL);
	iommusim_machine_destroy(fixture.machine);
	assert_ok(start(&fixture, &more, 1, NULL));
	assert_true(pages_take_clusters(&fixture.pages, 1, 0, false, &cluster));
	assert_true(pages_take_table(&fixture.pages, &page));
	stop(&fixture);
}

static void a_machine_without_ram_is_refused(void **state)
{
	struct fixture fixture;

	(void)state;
	assert_status(start(&fixture, NULL, 0, NULL), IOMMUSIM_EINVAL);
	iommusim_machine_destroy(fixture.machine);
}

static void firmware_memory_is_nobodys_to_give(void **state)
{
	const struct window window = { 0, 8 * MIB };
	uint64_t clusters[256];
	struct fixture fixture;
	size_t count;

	(void)state;
	assert_ok(iommusim_machine_create(NULL, &fixture.machine));
	assert_ok(iommusim_memory_add(fixture.machine, 8 * MIB, 8 * MIB, IOMMUSIM_MEMORY_FIRMWARE));
	assert_ok(
	    iommusim_memory_add(fixture.machine, window.base, window.length, IOMMUSIM_MEMORY_RAM));
	assert_ok(pages_init(&fixture.pages, fixture.machine));
	count = take_all(&fixture.pages, clusters, 256);
	for (size_t i = 0; i < count; i++)
		assert_true(clusters[i] < 8 * MIB);
	stop(&fixture);
}

static void windows_smaller_than_a_cluster_are_left_alone(void **state)
{
	static const struct window windows[] = { { 0, 8 * MIB }, { 16 * MIB, 60 * KIB },
		{ 32 * MIB, 8 * MIB } };
	uint64_t clusters[512];
	struct fixture fixture;
	size_t count;

	(void)state;
	assert_ok(start(&fixture, windows, 3, NULL));
	count = take_all(&fixture.pages, clusters, 512);
	for (size_t i = 0; i < count; i++)
		assert_false(clusters[i] >= 16 * MIB && clusters[i] < 32 * MIB);
	stop(&fixture);
}

/* ---- pages for tables ------------------------------------------------------------------------ */

static void a_table_page_is_zero_even_when_it_was_used_before(void **state)
{
	const struct iommusim_machine_config config = { .device_view = true };
	const struct window window = { 0, 8 * MIB };
	uint8_t junk[PAGE], *device;
	uint64_t page, again;
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, &window, 1, &config));
	assert_true(pages_take_table(&fixture.pages, &page));
	memset(junk, 0xff, sizeof(junk));
	assert_ok(iommusim_memory_write(fixture.machine, page, junk, sizeof(junk)));
	assert_ok(iommusim_memory_flush(fixture.machine, page, sizeof(junk)));
	pages_give_table(&fixture.pages, page);
	assert_true(pages_take_table(&fixture.pages, &again));
	assert_int_equal(again, page);
	assert_ok(iommusim_memory_read(fixture.machine, page, junk, sizeof(junk)));
	device = fixture.machine->memory.windows[0].device + page;
	assert_ptr_not_equal(device, fixture.machine->memory.windows[0].host + page);
	for (size_t i = 0; i < PAGE; i++) {
		assert_int_equal(junk[i], 0);
		assert_int_equal(device[i], 0); /* what hardware that does not snoop sees */
	}
	stop(&fixture);
}

static void table_pages_given_back_come_before_new_ones(void **state)
{
	const struct window window = { 0, 8 * MIB };
	uint64_t pages[3], again[4];
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, &window, 1, NULL));
	for (size_t i = 0; i < 3; i++)
		assert_true(pages_take_table(&fixture.pages, &pages[i]));
	for (size_t i = 0; i < 3; i++)
		pages_give_table(&fixture.pages, pages[i]);
	assert_int_equal(fixture.pages.table_count, 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(pages_take_table(&fixture.pages, &again[i]));
	for (size_t i = 0; i < 3; i++)
		assert_true(again[i] == pages[0] || again[i] == pages[1] || again[i] == pages[2]);
	assert_true(again[3] != pages[0] && again[3] != pages[1] && again[3] != pages[2]);
	assert_int_equal(fixture.pages.table_count, 4);
	stop(&fixture);
}

static void the_table_reserve_ends_and_goes_on_when_a_page_comes_back(void **state)
{
	const struct window window = { 0, 8 * MIB };
	uint64_t page = 0, last = 0, more = 12345;
	struct fixture fixture;

	(void)state;
	assert_ok(start(&fixture, &window, 1, NULL));
	while (pages_take_table(&fixture.pages, &page))
		last = page;
	assert_int_not_equal(last, 0);
	assert_false(pages_take_table(&fixture.pages, &more));
	pages_give_table(&fixture.pages, last);
	assert_true(pages_take_table(&fixture.pages, &more));
	assert_int_equal(more, last);
	assert_false(pages_take_table(&fixture.pages, &more));
	stop(&fixture);
}

static void only_pages_that_tables_were_taken_from_are_tables(void **state)
{
	/* Its tables begin in the second window; the first has a tail that no cluster takes. */
	static const struct window windows[] = { { 0, 4 * MIB + 32 * KIB }, { 16 * MIB, 28 * MIB } };
	struct fixture fixture;
	uint64_t page, cluster;

	(void)state;
	assert_ok(start(&fixture, windows, 2, NULL));
	assert_true(pages_take_table(&fixture.pages, &page));
	assert_true(pages_take_clusters(&fixture.pages, 1, 0, false, &cluster));
	assert_int_equal(page, 16 * MIB);
	assert_true(pages_is_table(&fixture.pages, page));
	assert_true(pages_is_table(&fixture.pages, page + PAGE - 1));
	assert_false(pages_is_table(&fixture.pages, page + PAGE));
	assert_false(pages_is_table(&fixture.pages, 4 * MIB)); /* the tail */
	assert_false(pages_is_table(&fixture.pages, 4 * MIB - PAGE));
	assert_false(pages_is_table(&fixture.pages, cluster));
	assert_false(pages_is_table(&fixture.pages, 8 * MIB)); /* a hole */
	assert_false(pages_is_table(&fixture.pages, UINT64_MAX));
	stop(&fixture);
}

static void without_memory_for_its_bitmap_it_says_so(void **state)
{
	const struct window window = { 0, 8 * MIB };
	struct iommusim_machine_config config;
	struct host_memory memory;
	struct fixture fixture;

	(void)state;
	host_memory_init(&memory);
	config = (struct iommusim_machine_config){ .allocator = &memory.allocator };
	assert_ok(start(&fixture, &window, 1, &config));
	pages_fini(&fixture.pages);
	host_memory_arm(&memory, 1, true);
	assert_status(pages_init(&fixture.pages, fixture.machine), IOMMUSIM_ENOMEM);
	iommusim_machine_destroy(fixture.machine);
	assert_int_equal(memory.blocks, 0);
	assert_int_equal(memory.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scattered_clusters_are_distinct_and_wholly_in_ram),
		cmocka_unit_test(all_of_ram_but_the_kernels_eighth_and_the_table_reserve_can_be_had),
		cmocka_unit_test(the_kernels_eighth_is_of_all_memory_below_4_gib),
		cmocka_unit_test(guests_live_above_4_gib_while_there_is_room),
		cmocka_unit_test(clusters_and_tables_reach_over_both_sides_of_the_holes),
		cmocka_unit_test(the_same_seed_scatters_alike_and_another_one_does_not),
		cmocka_unit_test(every_seed_finds_every_cluster_once),
		cmocka_unit_test(neighbours_in_the_guest_lie_far_apart_in_the_host),
		cmocka_unit_test(clusters_given_back_are_taken_again),
		cmocka_unit_test(a_contiguous_run_is_a_run),
		cmocka_unit_test(a_contiguous_run_does_not_cross_a_hole),
		cmocka_unit_test(a_run_that_fails_takes_nothing),
		cmocka_unit_test(one_cluster_too_many_takes_nothing),
		cmocka_unit_test(four_mebibytes_are_too_few_and_a_cluster_more_is_enough),
		cmocka_unit_test(a_machine_without_ram_is_refused),
		cmocka_unit_test(firmware_memory_is_nobodys_to_give),
		cmocka_unit_test(windows_smaller_than_a_cluster_are_left_alone),
		cmocka_unit_test(a_table_page_is_zero_even_when_it_was_used_before),
		cmocka_unit_test(table_pages_given_back_come_before_new_ones),
		cmocka_unit_test(the_table_reserve_ends_and_goes_on_when_a_page_comes_back),
		cmocka_unit_test(only_pages_that_tables_were_taken_from_are_tables),
		cmocka_unit_test(without_memory_for_its_bitmap_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
