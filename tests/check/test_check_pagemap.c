/* The page map against an array that holds every page by itself. */
#include "host_fixture.h"

#include "check/pagemap.h"

/* The array's window: it straddles boundaries of every level of the tree below the top. */
#define WINDOW_PAGES 65536u
#define WINDOW_BASE  ((UINT64_C(1) << 39) - WINDOW_PAGES / 2 * PAGE)

/* Every value here keeps this flag: a value without any is "nothing is known". */
#define KEEPER UINT64_C(0x800)

struct oracle {
	uint64_t value[WINDOW_PAGES];
	uint32_t stamp[WINDOW_PAGES];
};

struct fixture {
	struct iommusim_machine *machine;
	struct host_memory memory;
	struct pagemap map;
};

static void start(struct fixture *fixture)
{
	struct iommusim_machine_config config;

	host_memory_init(&fixture->memory);
	config = (struct iommusim_machine_config){ .allocator = &fixture->memory.allocator };
	assert_ok(iommusim_machine_create(&config, &fixture->machine));
	pagemap_init(&fixture->map, fixture->machine);
}

static void stop(struct fixture *fixture)
{
	pagemap_fini(&fixture->map);
	iommusim_machine_destroy(fixture->machine);
	assert_int_equal(fixture->memory.blocks, 0);
	assert_int_equal(fixture->memory.wrong, 0);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* ---- against the array ----------------------------------------------------------------------- */

struct range {
	uint32_t first, count; /* pages of the window */
};

/* Single pages, short runs, whole and almost whole tables, and now and then almost everything. */
static struct range random_range(uint64_t *seed)
{
	const uint64_t kind = next_random(seed) % 100;
	struct range range = { .first = (uint32_t)(next_random(seed) % WINDOW_PAGES) };

	if (kind < 50)
		range.count = 1;
	else if (kind < 80)
		range.count = 1 + (uint32_t)(next_random(seed) % 16);
	else if (kind < 97)
		range.count = 256 + (uint32_t)(next_random(seed) % 512);
	else
		range.count = 1 + (uint32_t)(next_random(seed) % WINDOW_PAGES);
	if (kind % 3 == 0) { /* on the boundaries of tables */
		range.first &= ~511u;
		range.count = kind >= 80 ? (range.count + 511) & ~511u : range.count;
	}
	if (range.count > WINDOW_PAGES - range.first)
		range.count = WINDOW_PAGES - range.first;
	return range;
}

static uint64_t address_of(uint32_t page)
{
	return WINDOW_BASE + page * PAGE;
}

static void assert_page(const struct pagemap *map, const struct oracle *oracle, uint32_t page)
{
	const struct pagemap_cell cell = pagemap_get(map, address_of(page) + page % PAGE);

	assert_int_equal(cell.value, oracle->value[page]);
	if (cell.value != 0)
		assert_int_equal(cell.stamp, oracle->stamp[page]);
}

static void assert_everything(const struct pagemap *map, const struct oracle *oracle)
{
	for (uint32_t page = 0; page < WINDOW_PAGES; page++)
		assert_page(map, oracle, page);
	assert_int_equal(pagemap_get(map, WINDOW_BASE - 1).value, 0);
	assert_int_equal(pagemap_get(map, address_of(WINDOW_PAGES)).value, 0);
}

static void set_both(
    struct fixture *fixture, struct oracle *oracle, struct range range, uint64_t *seed, uint32_t stamp)
{
	const bool forget = next_random(seed) % 4 == 0;
	const uint64_t flags = KEEPER | (next_random(seed) & 3);
	const uint64_t value = forget ? 0 : ((next_random(seed) % (UINT64_C(1) << 28)) * PAGE | flags);

	pagemap_set(&fixture->map, address_of(range.first), range.count * PAGE, value, stamp);
	for (uint32_t i = 0; i < range.count; i++) {
		oracle->value[range.first + i] = forget ? 0 : value + i * PAGE;
		oracle->stamp[range.first + i] = stamp;
	}
}

static void flag_both(
    struct fixture *fixture, struct oracle *oracle, struct range range, uint64_t *seed, uint32_t stamp)
{
	const uint64_t set = next_random(seed) & 3, clear = next_random(seed) & 3;

	pagemap_flag(&fixture->map, address_of(range.first), range.count * PAGE, set, clear, stamp);
	for (uint32_t page = range.first; page < range.first + range.count; page++) {
		if (oracle->value[page] == 0)
			continue;
		oracle->value[page] = (oracle->value[page] | set) & ~clear;
		oracle->stamp[page] = stamp;
	}
}

/* Page after page, up or down, as calls would come that continue each other; now and then one does not. */
static void walk_both(struct fixture *fixture, struct oracle *oracle, uint64_t *seed, uint32_t *stamp)
{
	const uint32_t count = 1 + (uint32_t)(next_random(seed) % 3000), step = next_random(seed) % 4;
	uint32_t page = (uint32_t)(next_random(seed) % WINDOW_PAGES);
	const bool up = next_random(seed) % 2 == 0, flags = next_random(seed) % 3 == 0;
	const uint64_t value = (UINT64_C(1) << 33) | KEEPER | (next_random(seed) & 3);
	const uint64_t set = next_random(seed) & 3, tricky = 1 + next_random(seed) % 4000;

	if (next_random(seed) % 2 == 0)
		page &= ~511u;
	for (uint32_t i = 0; i < count && page < WINDOW_PAGES; i++, page += up ? 1 : UINT32_MAX) {
		const uint64_t odd = next_random(seed) % tricky == 0 ? PAGE : 0;

		assert_true(pagemap_prepare(&fixture->map, address_of(page), PAGE));
		*stamp += odd != 0 ? 1 : step;
		if (!flags) {
			pagemap_set(
			    &fixture->map, address_of(page), PAGE, value + page * PAGE + odd, *stamp);
			oracle->value[page] = value + page * PAGE + odd;
			oracle->stamp[page] = *stamp;
		} else {
			pagemap_flag(&fixture->map, address_of(page), PAGE, set, 0, *stamp);
			if (oracle->value[page] != 0) {
				oracle->value[page] |= set;
				oracle->stamp[page] = *stamp;
			}
		}
	}
}

/* What a run says holds for all of it. */
static void assert_run(const struct pagemap *map, const struct oracle *oracle, uint64_t *seed)
{
	const uint32_t page = (uint32_t)(next_random(seed) % WINDOW_PAGES);
	uint64_t length = (WINDOW_PAGES - page) * PAGE;
	const struct pagemap_cell cell = pagemap_run(map, address_of(page), &length);

	assert_true(length >= PAGE && length % PAGE == 0 && length <= (WINDOW_PAGES - page) * PAGE);
	for (uint32_t i = 0; i < length / PAGE; i++) {
		assert_int_equal(oracle->value[page + i], cell.value == 0 ? 0 : cell.value + i * PAGE);
		if (cell.value != 0)
			assert_int_equal(oracle->stamp[page + i], cell.stamp);
	}
}

static void it_answers_so_for_calls_that_continue_each_other(void **state)
{
	static struct oracle oracle;
	struct fixture fixture;
	uint64_t seed = 3;
	uint32_t stamp = 1;

	(void)state;
	memset(&oracle, 0, sizeof(oracle));
	start(&fixture);
	for (unsigned n = 1; n <= 1000; n++) {
		walk_both(&fixture, &oracle, &seed, &stamp);
		for (unsigned i = 0; i < 20; i++)
			assert_run(&fixture.map, &oracle, &seed);
		if (n % 20 == 0)
			assert_everything(&fixture.map, &oracle);
		if (n % 10 == 0) {
			const struct range range = random_range(&seed);

			assert_true(
			    pagemap_prepare(&fixture.map, address_of(range.first), range.count * PAGE));
			set_both(&fixture, &oracle, range, &seed, stamp);
		}
	}
	assert_everything(&fixture.map, &oracle);
	stop(&fixture);
}

/* Several pages at once, where the last single page has left the map. */
static void row_both(struct fixture *fixture, struct oracle *oracle, uint64_t *seed, uint32_t stamp)
{
	const uint32_t first = (uint32_t)(next_random(seed) % WINDOW_PAGES), table = first & ~511u;
	const uint32_t count = 1 + (uint32_t)(next_random(seed) % (512 - (first - table)));
	const uint64_t flag = UINT64_C(1) << next_random(seed) % 3;
	uint64_t pages[512];
	bool any = false;

	assert_true(pagemap_prepare(&fixture->map, address_of(first), PAGE));
	pagemap_set(&fixture->map, address_of(first), PAGE, KEEPER, stamp);
	oracle->value[first] = KEEPER;
	oracle->stamp[first] = stamp;
	assert_true(pagemap_is_at_hand(&fixture->map, address_of(table)));
	assert_false(pagemap_is_at_hand(&fixture->map, address_of(table) - PAGE));
	assert_false(pagemap_is_at_hand(&fixture->map, address_of(table) + 512 * PAGE));
	for (uint32_t i = 0; i < count; i++) {
		pages[i] = next_random(seed) % (UINT64_C(1) << 28) * PAGE;
		any |= (oracle->value[first + i] & flag) != 0;
	}
	assert_int_equal(pagemap_any_has(&fixture->map, address_of(first), count, flag), any);
	if (next_random(seed) % 2 == 0) {
		pagemap_set_row(
		    &fixture->map, address_of(first), pages, count, KEEPER | flag, stamp + 1);
		for (uint32_t i = 0; i < count; i++) {
			oracle->value[first + i] = pages[i] | KEEPER | flag;
			oracle->stamp[first + i] = stamp + 1 + i;
		}
		return;
	}
	pagemap_flag_row(&fixture->map, address_of(first), count, flag ^ 3, flag, stamp + 1);
	for (uint32_t i = 0; i < count; i++)
		if (oracle->value[first + i] != 0) {
			oracle->value[first + i] = (oracle->value[first + i] | (flag ^ 3)) & ~flag;
			oracle->stamp[first + i] = stamp + 1 + i;
		}
}

static void it_answers_so_for_rows(void **state)
{
	static struct oracle oracle;
	struct fixture fixture;
	uint64_t seed = 4;
	uint32_t stamp = 1;

	(void)state;
	memset(&oracle, 0, sizeof(oracle));
	start(&fixture);
	for (unsigned n = 1; n <= 2000; n++) {
		row_both(&fixture, &oracle, &seed, stamp += 1000);
		assert_run(&fixture.map, &oracle, &seed);
		if (n % 5 == 0)
			walk_both(&fixture, &oracle, &seed, &stamp);
		if (n % 200 == 0)
			assert_everything(&fixture.map, &oracle);
	}
	stop(&fixture);
}

static void play(uint64_t seed, unsigned operations, unsigned failures_in_1000)
{
	static struct oracle oracle;
	struct fixture fixture;
	unsigned failed = 0;

	memset(&oracle, 0, sizeof(oracle));
	start(&fixture);
	for (uint32_t n = 1; n <= operations; n++) {
		const struct range range = random_range(&seed);

		if (next_random(&seed) % 1000 < failures_in_1000)
			host_memory_arm(&fixture.memory, 1 + next_random(&seed) % 3, n % 2 == 0);
		if (pagemap_prepare(&fixture.map, address_of(range.first), range.count * PAGE)) {
			host_memory_arm(&fixture.memory, 1, true); /* a change needs no memory */
			if (next_random(&seed) % 3 == 0)
				flag_both(&fixture, &oracle, range, &seed, n);
			else
				set_both(&fixture, &oracle, range, &seed, n);
			assert_false(fixture.memory.failed);
		} else {
			assert_true(fixture.memory.failed);
			failed++;
		}
		host_memory_arm(&fixture.memory, 0, false);
		assert_page(&fixture.map, &oracle, range.first);
		assert_page(&fixture.map, &oracle, range.first + range.count - 1);
		if (range.first > 0)
			assert_page(&fixture.map, &oracle, range.first - 1);
		if (range.first + range.count < WINDOW_PAGES)
			assert_page(&fixture.map, &oracle, range.first + range.count);
		assert_page(&fixture.map, &oracle, (uint32_t)(next_random(&seed) % WINDOW_PAGES));
		if (n % 5000 == 0)
			assert_everything(&fixture.map, &oracle);
	}
	assert_int_equal(failed > 0, failures_in_1000 > 0);
	assert_everything(&fixture.map, &oracle);
	stop(&fixture);
}

static void it_answers_as_an_array_of_pages_would(void **state)
{
	(void)state;
	play(1, 100000, 0);
}

static void it_does_so_when_memory_runs_out_again_and_again(void **state)
{
	(void)state;
	play(2, 30000, 300);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void prepared_set(
    struct fixture *fixture, uint64_t address, uint64_t length, uint64_t value, uint32_t stamp)
{
	assert_true(pagemap_prepare(&fixture->map, address, length));
	pagemap_set(&fixture->map, address, length, value, stamp);
}

static void an_empty_map_knows_nothing(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture);
	assert_int_equal(pagemap_get(&fixture.map, 0).value, 0);
	assert_int_equal(pagemap_get(&fixture.map, UINT64_MAX).value, 0);
	stop(&fixture);
}

static void a_value_grows_along_its_range(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture);
	prepared_set(&fixture, 0x40000000, 64 * GIB, 0x100000000001, 9);
	assert_int_equal(pagemap_get(&fixture.map, 0x40000000).value, 0x100000000001);
	assert_int_equal(pagemap_get(&fixture.map, 0x40000fff).value, 0x100000000001);
	assert_int_equal(pagemap_get(&fixture.map, 0x40001000).value, 0x100000001001);
	assert_int_equal(pagemap_get(&fixture.map, 0x40000000 + 64 * GIB - 1).value, 0x100ffffff001);
	assert_int_equal(pagemap_get(&fixture.map, 0x40000000 + 64 * GIB).value, 0);
	assert_int_equal(pagemap_get(&fixture.map, 0x3fffffff).value, 0);
	assert_int_equal(pagemap_get(&fixture.map, GIB + 5 * GIB).stamp, 9);
	stop(&fixture);
}

static void a_large_range_costs_little(void **state)
{
	struct fixture fixture;
	int64_t before;

	(void)state;
	start(&fixture);
	before = fixture.memory.bytes;
	prepared_set(&fixture, 0, UINT64_C(1) << 40, 1, 1); /* 268 million pages */
	assert_true(fixture.memory.bytes - before < 32 * INT64_C(1024));
	prepared_set(&fixture, 12345 * PAGE, PAGE, 0x999000 | 1, 2);
	assert_true(fixture.memory.bytes - before < 64 * INT64_C(1024));
	assert_int_equal(pagemap_get(&fixture.map, 12344 * PAGE).value, 12344 * PAGE | 1);
	assert_int_equal(pagemap_get(&fixture.map, 12345 * PAGE).value, 0x999001);
	assert_int_equal(pagemap_get(&fixture.map, 12346 * PAGE).value, 12346 * PAGE | 1);
	stop(&fixture);
}

/* A page at a time, 16 GiB: as a range, but for the tables of one level. */
static void a_range_given_page_by_page_costs_little(void **state)
{
	const uint64_t pages = UINT64_C(1) << 22;
	struct fixture fixture;
	int64_t before;

	(void)state;
	start(&fixture);
	before = fixture.memory.bytes;
	for (uint64_t page = 0; page < pages; page++)
		prepared_set(
		    &fixture, page * PAGE, PAGE, (page + pages) * PAGE | 1, (uint32_t)page + 7);
	assert_true(fixture.memory.bytes - before < 512 * INT64_C(1024));
	for (uint64_t page = 0; page < pages; page += 1001) {
		assert_int_equal(
		    pagemap_get(&fixture.map, page * PAGE).value, (page + pages) * PAGE | 1);
		assert_int_equal(pagemap_get(&fixture.map, page * PAGE).stamp, page + 7);
	}
	for (uint64_t page = 0; page < pages; page++) {
		assert_true(pagemap_prepare(&fixture.map, page * PAGE, PAGE));
		pagemap_flag(&fixture.map, page * PAGE, PAGE, 2, 1, (uint32_t)(pages + 2 * page));
		assert_true(fixture.memory.bytes - before < 512 * INT64_C(1024));
	}
	assert_int_equal(pagemap_get(&fixture.map, 12345 * PAGE).value, (12345 + pages) * PAGE | 2);
	assert_int_equal(pagemap_get(&fixture.map, 12345 * PAGE).stamp, pages + UINT64_C(2) * 12345);
	stop(&fixture);
}

/* Pages that were given one by one can be taken back one by one, in any order, with no memory at all: call by call undone. */
static void what_was_given_page_by_page_is_taken_back_without_memory(void **state)
{
	(void)state;
	for (unsigned up = 0; up < 2; up++) {
		const uint64_t pages = UINT64_C(5) * 512 + 100;
		struct fixture fixture;

		start(&fixture);
		for (uint64_t page = 0; page < pages; page++)
			prepared_set(&fixture, page * PAGE, PAGE, (page + pages) * PAGE | 1, 7);
		host_memory_arm(&fixture.memory, 1, true);
		for (uint64_t i = 0; i < pages; i++) {
			const uint64_t page = up != 0 ? i : pages - 1 - i;

			assert_true(pagemap_prepare(&fixture.map, page * PAGE, PAGE));
			pagemap_flag(&fixture.map, page * PAGE, PAGE, 2, 1, 8);
		}
		host_memory_arm(&fixture.memory, 0, false);
		for (uint64_t page = 0; page < pages; page++)
			assert_int_equal(
			    pagemap_get(&fixture.map, page * PAGE).value, (page + pages) * PAGE | 2);
		stop(&fixture);
	}
}

static void a_range_set_over_single_pages_gives_their_memory_back(void **state)
{
	struct fixture fixture;
	int64_t bytes;

	(void)state;
	start(&fixture);
	prepared_set(&fixture, 0, GIB, 1, 1);
	bytes = fixture.memory.bytes;
	for (uint64_t page = 0; page < GIB; page += 100 * PAGE)
		prepared_set(&fixture, page, PAGE, 0x7000001, 2);
	assert_true(fixture.memory.bytes > bytes);
	prepared_set(&fixture, 0, GIB, 1, 3);
	assert_int_equal(fixture.memory.bytes, bytes);
	assert_int_equal(pagemap_get(&fixture.map, 200 * PAGE).value, 200 * PAGE | 1);
	/* The run of single pages that follows begins in a table that is there no more. */
	prepared_set(&fixture, 262100 * PAGE, PAGE, 0x5001, 4);
	assert_int_equal(pagemap_get(&fixture.map, 262100 * PAGE).value, 0x5001);
	assert_int_equal(pagemap_get(&fixture.map, 262101 * PAGE).value, 262101 * PAGE | 1);
	stop(&fixture);
}

static void the_last_page_of_57_bits_is_a_page_like_others(void **state)
{
	const uint64_t last = (UINT64_C(1) << 57) - PAGE;
	struct fixture fixture;

	(void)state;
	start(&fixture);
	prepared_set(&fixture, last, PAGE, 0x3001, 1);
	assert_int_equal(pagemap_get(&fixture.map, last + 0xfff).value, 0x3001);
	assert_int_equal(pagemap_get(&fixture.map, last - 1).value, 0);
	assert_int_equal(pagemap_get(&fixture.map, last + PAGE).value, 0);
	assert_int_equal(pagemap_get(&fixture.map, 0).value, 0);
	stop(&fixture);
}

static void all_of_57_bits_is_a_range_like_others(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture);
	prepared_set(&fixture, 0, UINT64_C(1) << 57, 1, 1);
	assert_int_equal(
	    pagemap_get(&fixture.map, UINT64_C(0x123456789abc000)).value, UINT64_C(0x123456789abc001));
	assert_int_equal(pagemap_get(&fixture.map, UINT64_C(1) << 57).value, 0);
	assert_true(pagemap_prepare(&fixture.map, 0x5000, PAGE));
	pagemap_flag(&fixture.map, 0x5000, PAGE, 2, 1, 7);
	assert_int_equal(pagemap_get(&fixture.map, 0x5000).value, 0x5002);
	assert_int_equal(pagemap_get(&fixture.map, 0x5000).stamp, 7);
	assert_int_equal(pagemap_get(&fixture.map, 0x6000).value, 0x6001);
	assert_int_equal(pagemap_get(&fixture.map, 0x6000).stamp, 1);
	stop(&fixture);
}

static void flags_are_of_what_is_known(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture);
	prepared_set(&fixture, 0x10000, 4 * PAGE, 0x80001, 1);
	assert_true(pagemap_prepare(&fixture.map, 0, 64 * PAGE));
	pagemap_flag(&fixture.map, 0, 64 * PAGE, 2, 1, 5);
	for (uint64_t page = 0; page < 64; page++) {
		const struct pagemap_cell cell = pagemap_get(&fixture.map, page * PAGE);

		if (page < 16 || page >= 20) {
			assert_int_equal(cell.value, 0);
			continue;
		}
		assert_int_equal(cell.value, 0x80002 + (page - 16) * PAGE);
		assert_int_equal(cell.stamp, 5);
	}
	stop(&fixture);
}

static void a_map_that_was_ended_begins_anew(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture);
	for (unsigned life = 0; life < 3; life++) {
		assert_int_equal(pagemap_get(&fixture.map, 0x7000).value, 0);
		prepared_set(&fixture, 0x7000, PAGE, 0x9001, 1);
		prepared_set(&fixture, 0x8000, PAGE, 0xa001, 1);
		assert_int_equal(pagemap_get(&fixture.map, 0x8000).value, 0xa001);
		pagemap_fini(&fixture.map);
	}
	stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_as_an_array_of_pages_would),
		cmocka_unit_test(it_answers_so_for_rows),
		cmocka_unit_test(it_answers_so_for_calls_that_continue_each_other),
		cmocka_unit_test(it_does_so_when_memory_runs_out_again_and_again),
		cmocka_unit_test(an_empty_map_knows_nothing),
		cmocka_unit_test(a_value_grows_along_its_range),
		cmocka_unit_test(a_large_range_costs_little),
		cmocka_unit_test(a_range_given_page_by_page_costs_little),
		cmocka_unit_test(what_was_given_page_by_page_is_taken_back_without_memory),
		cmocka_unit_test(a_range_set_over_single_pages_gives_their_memory_back),
		cmocka_unit_test(the_last_page_of_57_bits_is_a_page_like_others),
		cmocka_unit_test(all_of_57_bits_is_a_range_like_others),
		cmocka_unit_test(flags_are_of_what_is_known),
		cmocka_unit_test(a_map_that_was_ended_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
