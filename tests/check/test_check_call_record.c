/* The record of calls against a plain array of them, and what it costs to keep. */
#include "host_fixture.h"

#include "check/calls.h"

#define CALLS 20000u

struct fixture {
	struct iommusim_machine *machine;
	struct host_memory memory;
	struct calls calls;
};

static void *refuse(void *context, size_t size)
{
	(void)context;
	(void)size;
	return NULL;
}

static void forget(void *context, void *block, size_t size)
{
	(void)context;
	(void)block;
	(void)size;
}

/* `counted`: there is no memory but what the fixture counts. */
static void start(struct fixture *fixture, bool counted)
{
	struct iommusim_machine_config config;

	host_memory_init(&fixture->memory);
	if (counted) {
		fixture->memory.allocator.reserve = refuse;
		fixture->memory.allocator.unreserve = forget;
	}
	config = (struct iommusim_machine_config){ .allocator = &fixture->memory.allocator };
	assert_ok(iommusim_machine_create(&config, &fixture->machine));
	calls_init(&fixture->calls, fixture->machine);
}

static void stop(struct fixture *fixture)
{
	calls_fini(&fixture->calls);
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

static void assert_same(const struct check_place *is, const struct check_place *wanted)
{
	assert_ptr_equal(is->file, wanted->file);
	assert_int_equal(is->line, wanted->line);
	assert_ptr_equal(is->domain_name, wanted->domain_name);
	assert_int_equal(is->call.kind, wanted->call.kind);
	assert_int_equal(is->call.depth, wanted->call.depth);
	assert_int_equal(is->call.status, wanted->call.status);
	assert_null(is->call.domain);
	assert_null(is->call.vm);
	assert_ptr_equal(is->call.name, wanted->call.name);
	assert_int_equal(is->call.address, wanted->call.address);
	assert_int_equal(is->call.host_address, wanted->call.host_address);
	assert_int_equal(is->call.length, wanted->call.length);
	assert_int_equal(is->call.value, wanted->call.value);
	assert_int_equal(is->call.segment, wanted->call.segment);
	assert_int_equal(is->call.rid, wanted->call.rid);
	assert_int_equal(is->call.contiguous, wanted->call.contiguous);
	assert_int_equal(is->call.unwired, wanted->call.unwired);
	assert_int_equal(is->call.driver, wanted->call.driver);
}

/* ---- against the array ------------------------------------------------------------------------- */

static uint64_t random_address(uint64_t *seed)
{
	switch (next_random(seed) % 4) {
	case 0:
		return next_random(seed);
	case 1:
		return next_random(seed) % 64 * 8;
	case 2:
		return next_random(seed) << 12;
	default:
		return next_random(seed) % 4096 << 12;
	}
}

/* Some member of the call becomes something else. */
static void disturb(struct check_place *place, uint64_t *seed)
{
	static const char *const names[] = { NULL, "one", "another" };

	switch (next_random(seed) % 12) {
	case 0:
		place->call.kind = (enum iommusim_call_kind)(next_random(seed) % IOMMUSIM_CALL_KINDS);
		break;
	case 1:
		place->line = (uint32_t)next_random(seed);
		break;
	case 2:
		place->call.address = random_address(seed);
		break;
	case 3:
		place->call.host_address = random_address(seed);
		break;
	case 4:
		place->call.length = random_address(seed);
		break;
	case 5:
		place->call.value = next_random(seed);
		break;
	case 6:
		place->file = names[next_random(seed) % 3];
		break;
	case 7:
		place->call.name = names[next_random(seed) % 3];
		break;
	case 8:
		place->domain_name = names[next_random(seed) % 3];
		break;
	case 9:
		place->call.rid = (uint16_t)next_random(seed);
		place->call.segment = (uint16_t)next_random(seed);
		break;
	case 10:
		place->call.contiguous = next_random(seed) % 2;
		place->call.unwired = next_random(seed) % 2;
		place->call.driver = (enum iommusim_driver)(next_random(seed) % 3);
		break;
	default:
		place->call.depth = (unsigned)(next_random(seed) % 3);
		place->call.status = (enum iommusim_status)(next_random(seed) % 5);
		break;
	}
}

/* Rows of calls that continue each other, of one kind or of two in turn, and disturbances in between. */
static struct check_place next_call(
    struct check_place last[2], uint32_t i, unsigned calm, uint64_t *seed)
{
	struct check_place *place = &last[calm % 2 == 0 ? 0 : i % 2];

	place->line += 1 + calm % 3;
	place->call.address += UINT64_C(0x1000) - UINT64_C(0x2000) * (calm / 3 % 2);
	place->call.host_address += UINT64_C(0x1000) * (calm % 4);
	if (next_random(seed) % (1 + calm) == 0)
		disturb(place, seed);
	return *place;
}

/* Now and then there is no memory for a while: calls are lost then, and no others. Returns how many. */
static uint32_t note_one(struct fixture *fixture, struct check_place *plain, struct check_place place,
    uint32_t i, uint64_t *seed)
{
	const uint32_t number = fixture->calls.count + 1;
	const uint32_t before = (uint32_t)(next_random(seed) % number);
	struct check_place was;
	uint32_t is;

	if (i % 100 == 0)
		host_memory_arm(&fixture->memory, i % 300 == 0, true);
	is = calls_note(&fixture->calls, &place);
	if (is != 0) {
		assert_int_equal(is, number);
		plain[number] = place;
	}
	was = calls_at(&fixture->calls, before);
	assert_same(&was, &plain[before]);
	return is == 0;
}

static void test_every_call_is_kept_as_it_was(void **state)
{
	uint64_t seed = 20260101;

	(void)state;
	for (unsigned calm = 0; calm < 200; calm = calm * 2 + 1) {
		struct check_place *plain = calloc((size_t)CALLS + 1, sizeof(*plain)), last[2] = { 0 };
		struct fixture fixture;
		uint32_t lost = 0;

		start(&fixture, calm % 2 != 0);
		assert_non_null(plain);
		last[1].call.kind = IOMMUSIM_CALL_REMOVE_MAPPING;
		for (uint32_t i = 1; i <= CALLS; i++)
			lost += note_one(&fixture, plain, next_call(last, i, calm, &seed), i, &seed);
		assert_true(lost > 0 || calm > 50);
		for (uint32_t i = 0; i <= CALLS - lost; i++) {
			const struct check_place was = calls_at(&fixture.calls, i);

			assert_same(&was, &plain[i]);
		}
		stop(&fixture);
		free(plain);
	}
}

/* ---- rows ------------------------------------------------------------------------------------------- */

#define ROW_MOST 700u

/* A row of calls that mostly continues what was noted last; its hosts one after the other, in runs, near, or anywhere. */
static struct calls_row random_row(const struct check_place *last, uint64_t *hosts, uint64_t *seed)
{
	struct calls_row row = {
		.first = *last,
		.count =
		    1 + (uint32_t)(next_random(seed) % (next_random(seed) % 2 == 0 ? 12 : ROW_MOST)),
		.address_step = next_random(seed) % 3 == 0 ? next_random(seed) % 4 << 12 : PAGE,
		.line_step = (uint32_t)(next_random(seed) % 2),
		.hosts = hosts,
	};
	const uint64_t kind = next_random(seed) % 6;

	for (uint32_t i = 0; i < row.count; i++)
		hosts[i] = kind == 0                            ? last->call.host_address + i * PAGE
		    : kind == 1 && next_random(seed) % 100 == 0 ? random_address(seed)
		    : kind == 2                                 ? next_random(seed) << 12
		    : kind == 5 && i > 0 && next_random(seed) % 64 != 0
		    ? hosts[i - 1] + PAGE
		    : next_random(seed) % 4096 << 12;
	row.first.line += row.line_step;
	row.first.call.address += row.address_step;
	if (next_random(seed) % 5 == 0)
		disturb(&row.first, seed);
	row.first.call.host_address = hosts[0];
	return row;
}

/* Returns how many were lost. */
static uint32_t note_row(
    struct fixture *fixture, struct check_place *plain, struct calls_row row, uint32_t *rows)
{
	uint32_t lost = 0;

	while (row.count > 0) {
		const uint32_t before = fixture->calls.count;
		uint32_t noted = 0;
		const uint32_t number = calls_note_row(&fixture->calls, &row, &noted);

		assert_true(noted >= 1 && noted <= row.count);
		assert_int_equal(number, number == 0 ? 0 : before + 1);
		assert_int_equal(fixture->calls.count, number == 0 ? before : before + noted);
		assert_true(number != 0 || noted == 1);
		*rows += noted >= 8 && row.hosts[2] - row.hosts[1] != row.hosts[1] - row.hosts[0];
		for (uint32_t i = 0; i < noted; i++) {
			if (number == 0) {
				lost++;
			} else {
				plain[number + i] = row.first;
				plain[number + i].line += i * row.line_step;
				plain[number + i].call.address += i * row.address_step;
				plain[number + i].call.host_address = row.hosts[i];
			}
		}
		calls_row_pass(&row, noted);
	}
	return lost;
}

static void test_so_is_every_call_of_a_row(void **state)
{
	struct check_place *plain = calloc((size_t)CALLS + ROW_MOST + 1, sizeof(*plain)), last = { 0 };
	uint64_t seed = 20260102, hosts[ROW_MOST];
	uint32_t lost = 0, rows = 0;
	struct fixture fixture;

	(void)state;
	assert_non_null(plain);
	start(&fixture, false);
	while (fixture.calls.count < CALLS) {
		struct calls_row row;

		host_memory_arm(&fixture.memory, next_random(&seed) % 3 == 0, true);
		row = random_row(&last, hosts, &seed);
		lost += note_row(&fixture, plain, row, &rows);
		last = fixture.calls.count == 0 ? last : plain[fixture.calls.count];
		if (next_random(&seed) % 4 == 0) {
			disturb(&last, &seed);
			if (calls_note(&fixture.calls, &last) != 0)
				plain[fixture.calls.count] = last;
		}
	}
	for (uint32_t i = 0; i <= fixture.calls.count; i++) {
		const struct check_place was = calls_at(&fixture.calls, i);

		assert_same(&was, &plain[i]);
	}
	assert_true(lost > 0 && rows > 20);
	stop(&fixture);
	free(plain);
}

/* Hosts anywhere in 16 TiB, 512 calls at a time. */
static void test_rows_cost_four_bytes_a_call(void **state)
{
	struct check_place place = {
		.file = "trace", .domain_name = "dom1", .call = { .length = PAGE }
	};
	uint64_t seed = 42, hosts[512];
	struct fixture fixture;
	int64_t bytes;

	(void)state;
	start(&fixture, true);
	bytes = -fixture.memory.bytes;
	for (uint32_t done = 0; done < 1 << 20; done += 512) {
		struct calls_row row = {
			.first = place, .address_step = PAGE, .count = 512, .hosts = hosts
		};

		for (unsigned i = 0; i < 512; i++)
			hosts[i] = next_random(&seed) % (UINT64_C(1) << 31) << 12;
		row.first.call.host_address = hosts[0];
		while (row.count > 0) {
			uint32_t noted;

			assert_int_not_equal(calls_note_row(&fixture.calls, &row, &noted), 0);
			calls_row_pass(&row, noted);
		}
		place.call.address = row.first.call.address;
	}
	assert_int_equal(fixture.calls.count, 1 << 20);
	assert_true(bytes + fixture.memory.bytes < INT64_C(9) << 19); /* and blocks */
	stop(&fixture);
}

/* As guests have them that begin in small pages: 16 pages anywhere, then 496 one after the other. */
static void test_a_run_within_a_row_costs_next_to_nothing(void **state)
{
	const struct check_place place = {
		.file = "trace", .domain_name = "dom1", .call = { .length = PAGE }
	};
	uint64_t seed = 43, hosts[512];
	struct fixture fixture;
	struct calls_row row = { .address_step = PAGE };
	int64_t bytes;

	(void)state;
	start(&fixture, true);
	bytes = -fixture.memory.bytes;
	row.first = place;
	for (uint32_t done = 0; done < 1 << 20; done += 512) {
		for (unsigned i = 0; i < 512; i++)
			hosts[i] = i <= 16 ? next_random(&seed) % (UINT64_C(1) << 31) << 12
					   : hosts[i - 1] + PAGE;
		row.first.call.host_address = hosts[0];
		row.hosts = hosts;
		row.count = 512;
		while (row.count > 0) {
			uint32_t noted;

			assert_int_not_equal(calls_note_row(&fixture.calls, &row, &noted), 0);
			calls_row_pass(&row, noted);
		}
	}
	assert_int_equal(fixture.calls.count, 1 << 20);
	assert_true(bytes + fixture.memory.bytes < INT64_C(2048) * 160);
	stop(&fixture);
}

static void test_a_number_nobody_has_is_no_call(void **state)
{
	const struct check_place nothing = { .line = 0 }, place = { .line = 7 };
	struct check_place is;
	struct fixture fixture;

	(void)state;
	start(&fixture, false);
	is = calls_at(&fixture.calls, 1);
	assert_same(&is, &nothing);
	assert_int_equal(calls_note(&fixture.calls, &place), 1);
	is = calls_at(&fixture.calls, 0);
	assert_same(&is, &nothing);
	is = calls_at(&fixture.calls, 2);
	assert_same(&is, &nothing);
	stop(&fixture);
}

/* ---- what it costs ----------------------------------------------------------------------------- */

static int64_t bytes_for(uint32_t count, bool scattered, bool in_turn)
{
	struct check_place place = { .file = "trace", .domain_name = "dom1" };
	struct fixture fixture;
	uint64_t seed = 42;
	int64_t bytes;

	start(&fixture, true);
	bytes = -fixture.memory.bytes;
	for (uint32_t i = 0; i < count; i++) {
		const bool removes = in_turn && i % 2 != 0;

		place.line++;
		place.call.kind = removes ? IOMMUSIM_CALL_REMOVE_MAPPING : IOMMUSIM_CALL_CREATE_MAPPING;
		place.call.address = (uint64_t)(in_turn ? i / 2 : i) << 12;
		place.call.host_address = removes ? 0
		    : scattered                   ? next_random(&seed) % (1 << 18) << 12
						  : UINT64_C(0x100000000) + place.call.address;
		place.call.length = 0x1000;
		assert_int_equal(calls_note(&fixture.calls, &place), i + 1);
	}
	bytes += fixture.memory.bytes;
	stop(&fixture);
	return bytes;
}

static void test_calls_that_continue_each_other_cost_nothing(void **state)
{
	(void)state;
	assert_int_equal(bytes_for(3000000, false, false), bytes_for(10, false, false));
}

/* A page at a time, host pages anywhere in a GiB; and one mapped, one taken away. */
static void test_others_cost_a_few_bytes(void **state)
{
	(void)state;
	assert_true(bytes_for(1 << 20, true, false) < 8 << 20);
	assert_true(bytes_for(1 << 20, false, true) < 5 << 20);
}

static void test_without_memory_the_number_is_0(void **state)
{
	const struct check_place place = { .line = 1 }, other = { .line = 100 };
	struct check_place is;
	struct fixture fixture;

	(void)state;
	start(&fixture, true);
	for (unsigned first = 1; first <= 2; first++) {
		host_memory_arm(&fixture.memory, first, true);
		assert_int_equal(calls_note(&fixture.calls, &place), 0);
	}
	host_memory_arm(&fixture.memory, 0, false);
	assert_int_equal(calls_note(&fixture.calls, &place), 1);
	assert_int_equal(calls_note(&fixture.calls, &other), 2);
	is = calls_at(&fixture.calls, 1);
	assert_same(&is, &place);
	stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call_is_kept_as_it_was),
		cmocka_unit_test(test_so_is_every_call_of_a_row),
		cmocka_unit_test(test_rows_cost_four_bytes_a_call),
		cmocka_unit_test(test_a_run_within_a_row_costs_next_to_nothing),
		cmocka_unit_test(test_a_number_nobody_has_is_no_call),
		cmocka_unit_test(test_calls_that_continue_each_other_cost_nothing),
		cmocka_unit_test(test_others_cost_a_few_bytes),
		cmocka_unit_test(test_without_memory_the_number_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
