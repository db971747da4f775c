/*
 * Building page tables (models/formats/page_table.h) against an array with one word for each page:
 * random maps, unmaps and splits of mixed sizes, with pages for tables running out. What hardware sees,
 * store by store, is what the oracle walks.
 */
#include "models/formats/page_table.h"
#include "models/formats/vtd_second_stage.h"
#include "oracle.h"
#include "random.h"
#include "vtd_fixture.h"

#define ARENA     UINT64_C(0x100000) /* where the tables are, physically */
#define PAGES     3000u
#define SPAN      (UINT64_C(3) << 18) /* pages under test: 3 GiB */
#define SEQUENCES 135u
#define STEPS     40u
#define NOTED     48u /* pages where something happened once */

/*
 * Tables as software writes them, and as hardware that does not snoop sees them: only what `written`
 * was told of. The last two pages are root and context table, for the oracle.
 */
struct arena {
	uint64_t memory[PAGES + 2][512], seen[PAGES + 2][512];
	bool used[PAGES];
	unsigned in_use, next;
	unsigned fail_after; /* allocations until one fails; 0: none does */
	unsigned stays_out;  /* 1: once one has failed, so do the next ones */
};

/* The page table, and what it must translate to: physical page | rights, 0 for nothing. */
struct bench {
	struct arena *arena;
	struct page_table table;
	struct oracle_window window;
	struct oracle_unit unit;
	struct random random;
	uint64_t base;            /* input address of the first page */
	uint32_t *before, *after; /* SPAN words: page number << 2 | rights */
	uint32_t noted[NOTED];
	uint64_t from, to; /* pages a step may change */
	bool in_step;
};

static uint64_t below(struct bench *bench, uint64_t limit)
{
	return random_below(&bench->random, limit);
}

/* What hardware makes of a page now: the same words as in the arrays. */
static uint32_t seen(struct bench *bench, uint64_t page)
{
	const struct oracle_request read = { .address = bench->base + page * 0x1000 };
	const struct oracle_answer answer = oracle_ask(&bench->unit, &read);

	if (answer.blocked && answer.rights == 0)
		return 0;
	assert_true(answer.reason == 0 || answer.reason == 6);
	if (answer.reason == 6) { /* write only: ask as a writer */
		const struct oracle_request write = {
			.address = read.address, .length = 8, .kind = ORACLE_WRITE
		};
		const struct oracle_answer there = oracle_ask(&bench->unit, &write);

		assert_int_equal(there.reason, 0);
		return (uint32_t)(there.physical >> 12 << 2 | there.rights);
	}
	return (uint32_t)(answer.physical >> 12 << 2 | answer.rights);
}

/* In the midst of a step a page is as it was or as it will be; outside its range, as it was. */
static void check_page(struct bench *bench, uint64_t page)
{
	const uint32_t now = seen(bench, page);
	const bool may_change = bench->in_step && page >= bench->from && page < bench->to;

	if (now == bench->before[page] || (may_change && now == bench->after[page]))
		return;
	fail_msg("page 0x%llx: 0x%x, was 0x%x, becomes 0x%x", (unsigned long long)page, now,
	    bench->before[page], bench->after[page]);
}

/* ---- the arena ---------------------------------------------------------------------------------- */

static uint64_t *host_of(void *context, uint64_t address)
{
	struct bench *bench = context;
	const uint64_t page = (address - ARENA) / 0x1000;

	assert_true(page < PAGES && address % 0x1000 == 0);
	assert_true(bench->arena->used[page]);
	return bench->arena->memory[page];
}

static bool allocate(void *context, uint64_t *address)
{
	struct bench *bench = context;
	struct arena *arena = bench->arena;

	if (arena->fail_after != 0 && --arena->fail_after == 0) {
		arena->fail_after = arena->stays_out;
		return false;
	}
	assert_true(arena->in_use < PAGES);
	while (arena->used[arena->next])
		arena->next = (arena->next + 1) % PAGES;
	arena->used[arena->next] = true;
	arena->in_use++;
	memset(arena->memory[arena->next], 0, 0x1000);
	memset(arena->seen[arena->next], 0, 0x1000);
	*address = ARENA + arena->next * UINT64_C(0x1000);
	return true;
}

static void release(void *context, uint64_t address)
{
	struct bench *bench = context;
	const uint64_t page = (address - ARENA) / 0x1000;

	assert_true(page < PAGES && bench->arena->used[page]);
	bench->arena->used[page] = false;
	bench->arena->in_use--;
	memset(bench->arena->memory[page], 0xff, 0x1000); /* whoever uses it now is caught */
}

/* Stores become visible; hardware may walk at this moment. */
static void written(void *context, const uint64_t *first, unsigned count)
{
	struct bench *bench = context;
	struct arena *arena = bench->arena;
	const size_t at = ((uintptr_t)first - (uintptr_t)arena->memory) / sizeof(*first);

	assert_true(at % 512 + count <= 512);
	memcpy(&arena->seen[at / 512][at % 512], first, count * sizeof(*first));
	/* not at each of the 262144 stores that take away 1 GiB */
	if (!bench->in_step || below(bench, 1 + (bench->to - bench->from) / 256) != 0)
		return;
	check_page(bench, bench->from);
	check_page(bench, bench->to - 1);
	check_page(bench, bench->from + below(bench, bench->to - bench->from));
	check_page(bench, below(bench, SPAN));
}

/* Every page in use hangs below the root, once. Bits by hand: R 0, W 1, PS 7, ADDR 51:12. */
static unsigned reachable(struct bench *bench, uint64_t table, unsigned level)
{
	const uint64_t *entries = host_of(bench, table);
	unsigned count = 1;

	for (unsigned i = 0; level > 1 && i < 512; i++)
		if ((entries[i] & 3) != 0 && (entries[i] & 0x80) == 0)
			count += reachable(bench, entries[i] & UINT64_C(0xffffffffff000), level - 1);
	return count;
}

/* ---- steps -------------------------------------------------------------------------------------- */

/* A number of pages, and a place for them: any, or aligned to a large page, or at a boundary of one. */
static void choose_range(struct bench *bench)
{
	const uint64_t sizes[] = { 1, 512, 1 << 18 };
	const uint64_t unit = sizes[below(bench, 3)];
	uint64_t count = unit == 1 ? 1 + below(bench, 40) : unit * (1 + below(bench, 2));

	bench->from = below(bench, SPAN);
	if (below(bench, 4) != 0)
		bench->from = bench->from / unit * unit;
	if (below(bench, 3) == 0)
		bench->from += below(bench, 5);
	if (below(bench, 3) == 0)
		count += below(bench, 600);
	if (below(bench, 8) == 0) /* across a boundary of 1 GiB */
		bench->from = (UINT64_C(1) << 18) - below(bench, 700);
	if (bench->from >= SPAN)
		bench->from = SPAN - 1;
	if (count > SPAN - bench->from)
		count = SPAN - bench->from;
	bench->to = bench->from + count;
}

static void note(struct bench *bench)
{
	bench->noted[below(bench, NOTED)] = (uint32_t)bench->from;
	bench->noted[below(bench, NOTED)] = (uint32_t)(bench->to - 1);
	if (bench->from > 0)
		bench->noted[below(bench, NOTED)] = (uint32_t)(bench->from - 1);
	if (bench->to < SPAN)
		bench->noted[below(bench, NOTED)] = (uint32_t)bench->to;
}

static uint64_t address_of(const struct bench *bench, uint64_t page)
{
	return bench->base + page * 0x1000;
}

static bool map(struct bench *bench)
{
	const unsigned rights = below(bench, 4) != 0 ? 3 : 1 + (unsigned)below(bench, 2);
	uint64_t first = below(bench, UINT64_C(1) << 27) + (UINT64_C(1) << 21); /* from 8 GiB on */

	first +=
	    (bench->from - first) & (below(bench, 3) == 0 ? 0x1ff : 0x3ffff); /* fits large pages */
	for (uint64_t page = bench->from; page < bench->to; page++)
		bench->after[page] = (uint32_t)((first + page - bench->from) << 2 | rights);
	return page_table_map(&vtd_second_stage, &bench->table, address_of(bench, bench->from),
	    first * 0x1000, (bench->to - bench->from) * 0x1000, rights);
}

static bool unmap(struct bench *bench)
{
	memset(&bench->after[bench->from], 0, (bench->to - bench->from) * sizeof(*bench->after));
	return page_table_unmap(&vtd_second_stage, &bench->table, address_of(bench, bench->from),
	    (bench->to - bench->from) * 0x1000);
}

/* A split changes no translation. */
static bool split(struct bench *bench)
{
	unsigned stopped;

	return page_table_entry(&vtd_second_stage, &bench->table, address_of(bench, bench->from),
		   1 + (unsigned)below(bench, 2), PAGE_TABLE_SPLIT, &stopped) != NULL;
}

static void check_everywhere(struct bench *bench)
{
	for (unsigned i = 0; i < NOTED; i++)
		check_page(bench, bench->noted[i]);
	for (uint64_t page = bench->from; page < bench->to; page += 1 + below(bench, 64) * 16)
		check_page(bench, page);
	for (unsigned i = 0; i < 64; i++)
		check_page(bench, below(bench, SPAN));
}

static void step(struct bench *bench)
{
	const uint64_t kind = below(bench, 10);
	bool done;

	choose_range(bench);
	note(bench);
	bench->arena->fail_after = below(bench, 4) == 0 ? 1 + (unsigned)below(bench, 4) : 0;
	bench->in_step = true;
	done = kind < 5 ? map(bench) : kind < 9 ? unmap(bench) : split(bench);
	bench->in_step = false;
	if (done)
		memcpy(&bench->before[bench->from], &bench->after[bench->from],
		    (bench->to - bench->from) * sizeof(*bench->before));
	else /* "no translation has changed" */
		memcpy(&bench->after[bench->from], &bench->before[bench->from],
		    (bench->to - bench->from) * sizeof(*bench->before));
	assert_true(done || bench->arena->fail_after == bench->arena->stays_out);
	bench->arena->fail_after = 0;
	check_everywhere(bench);
}

/* ---- sequences ---------------------------------------------------------------------------------- */

/* Root entry of bus 0, context entry of function 0: TT=0, AW by depth, domain 1 (VT-d 9.1, 9.3). */
static void point_oracle_at(struct bench *bench)
{
	const uint64_t root = ARENA + PAGES * UINT64_C(0x1000), context = root + 0x1000;

	bench->arena->seen[PAGES][0] = context | 1;
	bench->arena->seen[PAGES + 1][0] = bench->table.root | 1;
	bench->arena->seen[PAGES + 1][1] = UINT64_C(0x100) | (bench->table.levels - 2);
	bench->window = (struct oracle_window){ .base = ARENA,
		.length = sizeof(bench->arena->seen),
		.bytes = (const uint8_t *)bench->arena->seen };
	bench->unit = (struct oracle_unit){ .cap = VTD_DEFAULT_CAP,
		.ecap = VTD_DEFAULT_ECAP,
		.rtaddr = root,
		.haw = 46,
		.revision = 0x510,
		.translating = true,
		.windows = &bench->window,
		.window_count = 1 };
}

/* At 0, at the end of what the depth translates, or at a multiple of 1 GiB clear of FEEx_xxxx. */
static uint64_t random_base(struct bench *bench, unsigned levels)
{
	const uint64_t last = (BIT(12 + 9 * levels) >> 30) - 3;
	const uint64_t places[] = { 0, last, 4 + below(bench, last - 4) };

	return places[below(bench, 3)] << 30;
}

static void run_sequence(struct bench *bench, unsigned number)
{
	const struct page_table_memory memory = { .context = bench,
		.table = host_of,
		.allocate = allocate,
		.release = release,
		.written = written };
	const unsigned levels = 3 + number % 3, largest = 1 + number / 3 % 3;

	bench->random = random_of_case(random_seed(), 3000000 + number);
	memset(bench->before, 0, SPAN * sizeof(*bench->before));
	memset(bench->after, 0, SPAN * sizeof(*bench->after));
	bench->arena->stays_out = number / 9 % 2;
	assert_true(page_table_create(&bench->table, &memory, levels, largest));
	bench->base = random_base(bench, levels);
	point_oracle_at(bench);
	for (unsigned i = 0; i < STEPS; i++)
		step(bench);
	assert_int_equal(reachable(bench, bench->table.root, levels), bench->arena->in_use);
	for (unsigned page = 0; page < PAGES; page++)
		if (bench->arena->used[page])
			assert_memory_equal(
			    bench->arena->memory[page], bench->arena->seen[page], 0x1000);
	page_table_destroy(&vtd_second_stage, &bench->table);
	assert_int_equal(bench->arena->in_use, 0);
}

static void tables_translate_as_an_array_would(void **state)
{
	static uint32_t before[SPAN], after[SPAN];
	static struct arena arena;
	static struct bench bench;

	(void)state;
	bench.arena = &arena;
	bench.before = before;
	bench.after = after;
	for (unsigned number = 0; number < SEQUENCES; number++)
		run_sequence(&bench, number);
}

/* What fits a large page takes one: 1 GiB and 2 MiB and 4 KiB, where the table may have such leaves. */
static void each_part_of_a_range_takes_the_largest_page_that_fits(void **state)
{
	static const uint64_t places[] = { BIT(30), BIT(31), BIT(31) + BIT(21) };
	static struct arena arena;
	static struct bench bench;
	const struct page_table_memory memory = {
		.context = &bench, .table = host_of, .allocate = allocate, .release = release
	}; /* hardware snoops: nobody is told of stores */

	(void)state;
	bench.arena = &arena;
	for (unsigned largest = 1; largest <= 3; largest++) {
		assert_true(page_table_create(&bench.table, &memory, 4, largest));
		assert_true(page_table_map(
		    &vtd_second_stage, &bench.table, BIT(30), BIT(32), BIT(30) + BIT(21) + BIT(12), 3));
		for (unsigned i = 0; i < 3; i++) {
			const unsigned fits = 3 - i < largest ? 3 - i : largest;
			unsigned stopped;

			assert_non_null(page_table_entry(
			    &vtd_second_stage, &bench.table, places[i], 1, PAGE_TABLE_LOOK, &stopped));
			assert_int_equal(stopped, fits);
		}
		assert_true(page_table_unmap(&vtd_second_stage, &bench.table, BIT(30), BIT(12)));
		page_table_destroy(&vtd_second_stage, &bench.table);
		assert_int_equal(arena.in_use, 0);
	}
}

/* A large page exactly, and nothing beyond it: a leaf where there may be one, else one table. */
static void a_map_adds_no_table_that_it_does_not_need(void **state)
{
	static struct arena arena;
	static struct bench bench;
	const struct page_table_memory memory = {
		.context = &bench, .table = host_of, .allocate = allocate, .release = release
	};

	(void)state;
	bench.arena = &arena;
	for (unsigned largest = 1; largest <= 3; largest++) {
		unsigned stopped;

		assert_true(page_table_create(&bench.table, &memory, 4, largest));
		assert_true(page_table_map(
		    &vtd_second_stage, &bench.table, BIT(30), BIT(32) + BIT(21), BIT(21), 3));
		assert_int_equal(arena.in_use, largest == 1 ? 4 : 3);
		assert_non_null(page_table_entry(
		    &vtd_second_stage, &bench.table, BIT(30), 1, PAGE_TABLE_LOOK, &stopped));
		assert_int_equal(stopped, largest == 1 ? 1 : 2);
		page_table_destroy(&vtd_second_stage, &bench.table);
		assert_int_equal(arena.in_use, 0);
	}
}

static void a_page_without_room_for_its_tables_is_not_mapped(void **state)
{
	static struct arena arena;
	static struct bench bench;
	const struct page_table_memory memory = {
		.context = &bench, .table = host_of, .allocate = allocate, .release = release
	};

	(void)state;
	bench.arena = &arena;
	for (unsigned room = 0; room < 3; room++) {
		const uint64_t *entry;
		unsigned stopped;

		assert_true(page_table_create(&bench.table, &memory, 4, 3));
		arena.fail_after = 1 + room;
		assert_false(
		    page_table_map(&vtd_second_stage, &bench.table, BIT(30), BIT(32), BIT(12), 3));
		entry = page_table_entry(
		    &vtd_second_stage, &bench.table, BIT(30), 1, PAGE_TABLE_LOOK, &stopped);
		assert_int_equal(stopped, 4 - room);
		assert_int_equal(*entry, 0);
		page_table_destroy(&vtd_second_stage, &bench.table);
		assert_int_equal(arena.in_use, 0);
	}
}

/* Nothing is split when an unmap ends where large pages do: no table is needed, and none is added. */
static void whole_large_pages_go_without_a_split(void **state)
{
	static struct arena arena;
	static struct bench bench;
	const struct page_table_memory memory = {
		.context = &bench, .table = host_of, .allocate = allocate, .release = release
	};

	(void)state;
	bench.arena = &arena;
	for (unsigned level = 2; level <= 3; level++) {
		const uint64_t size = BIT(12 + 9 * (level - 1)), first = BIT(32) + size;
		unsigned stopped;

		assert_true(page_table_create(&bench.table, &memory, 4, 3));
		assert_true(page_table_map(&vtd_second_stage, &bench.table, first, first, 3 * size, 3));
		assert_int_equal(arena.in_use, 5 - level);
		assert_true(page_table_unmap(&vtd_second_stage, &bench.table, first + size, size));
		assert_int_equal(arena.in_use, 5 - level);
		for (unsigned i = 0; i < 3; i++) {
			const uint64_t *entry = page_table_entry(&vtd_second_stage, &bench.table,
			    first + i * size, 1, PAGE_TABLE_LOOK, &stopped);

			assert_int_equal(stopped, level);
			assert_int_equal(*entry, i == 1 ? 0 : (first + i * size) | 0x83);
		}
		page_table_destroy(&vtd_second_stage, &bench.table);
		assert_int_equal(arena.in_use, 0);
	}
}

/* The new table lies right before the root: what is stored beyond its end would show there. */
static void a_split_fills_its_table_and_no_more(void **state)
{
	static struct arena arena;
	static struct bench bench;
	const struct page_table_memory memory = {
		.context = &bench, .table = host_of, .allocate = allocate, .release = release
	};
	uint64_t first_of_root;

	(void)state;
	bench.arena = &arena;
	arena.used[0] = true; /* the root takes the next one */
	assert_true(page_table_create(&bench.table, &memory, 4, 2));
	assert_true(page_table_map(&vtd_second_stage, &bench.table, BIT(21), BIT(32), BIT(21), 3));
	first_of_root = arena.memory[1][0];
	arena.used[0] = false;
	arena.next = 0;
	assert_true(page_table_unmap(&vtd_second_stage, &bench.table, BIT(21), BIT(12)));
	assert_int_equal(arena.memory[0][0], 0);
	assert_int_equal(arena.memory[0][1] & ~BIT(7), BIT(32) | 0x1003);
	assert_int_equal(arena.memory[0][511] & ~BIT(7), BIT(32) | 0x1ff003);
	assert_int_equal(arena.memory[1][0], first_of_root);
	page_table_destroy(&vtd_second_stage, &bench.table);
	assert_int_equal(arena.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_translate_as_an_array_would),
		cmocka_unit_test(each_part_of_a_range_takes_the_largest_page_that_fits),
		cmocka_unit_test(a_map_adds_no_table_that_it_does_not_need),
		cmocka_unit_test(a_page_without_room_for_its_tables_is_not_mapped),
		cmocka_unit_test(whole_large_pages_go_without_a_split),
		cmocka_unit_test(a_split_fills_its_table_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
