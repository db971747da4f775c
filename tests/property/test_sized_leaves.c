/*
 * AMD-Vi host tables with leaves that span several entries (NextLevel 7), as models/formats/page_table.h builds
 * them, against an array with one word for each page. What hardware sees is read here, bit by bit (AMD-Vi 2.2.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "models/formats/amd_host.h"
#include "models/formats/page_table.h"
#include "random.h"

#define ARENA     UINT64_C(0x100000)
#define PAGES     1200u
#define SPAN      UINT64_C(0x6000) /* pages under test: 96 MiB */
#define SEQUENCES 60u
#define STEPS     40u
#define BIT(n)    (UINT64_C(1) << (n))

/* 8 to 64 KiB, 1 MiB, 4 to 32 MiB; and sizes that AMD-Vi codes by level, or not at all. */
#define SIZES                                                                                          \
	(BIT(13) | BIT(14) | BIT(16) | BIT(20) | BIT(22) | BIT(24) | BIT(25) | BIT(12) | BIT(21) |     \
	    BIT(52))

struct bench {
	uint64_t (*memory)[512], (*seen)[512]; /* as software writes, as it was told to be written */
	bool used[PAGES];
	unsigned in_use;
	unsigned fail_after; /* allocations until one fails; 0: none does */
	struct page_table table;
	struct random random;
	uint64_t base;
	uint32_t before[SPAN], after[SPAN]; /* page number << 2 | rights, 0 for nothing */
	uint64_t from, to;                  /* pages a step may change */
	bool in_step;
	uint64_t spanning; /* sizes that were seen to span entries */
};

static struct bench bench;

static uint64_t below(uint64_t limit)
{
	return random_below(&bench.random, limit);
}

/* ---- what hardware sees -------------------------------------------------------------------------- */

/* log2 of the size in an address: one more than the number of its first 0 from bit 12 up. */
static unsigned size_in(uint64_t entry)
{
	unsigned bit = 12;

	while ((entry >> bit & 1) != 0)
		bit++;
	return bit + 1;
}

/* Between two steps all entries of a leaf are the same. */
static void check_span(const uint64_t *table, unsigned index, unsigned level, unsigned shift)
{
	const unsigned count = 1u << (shift - (12 + 9 * (level - 1)));
	const unsigned first = index / count * count;

	assert_in_range(count, 2, 256);
	assert_true((SIZES & BIT(shift)) != 0);
	bench.spanning |= BIT(shift);
	for (unsigned i = 0; i < count && !bench.in_step; i++)
		assert_int_equal(table[first + i], table[index]);
}

/* The page of an address, and its rights, as the arrays have it. */
static uint32_t hardware(uint64_t address)
{
	uint64_t table = bench.table.root;
	unsigned level = bench.table.levels;

	for (;;) {
		const uint64_t *entries = bench.seen[(table - ARENA) / 0x1000];
		const unsigned low = 12 + 9 * (level - 1), index = (unsigned)(address >> low) & 511;
		const uint64_t entry = entries[index];
		const unsigned next = (unsigned)(entry >> 9) & 7;
		unsigned shift = low;
		uint64_t page;

		if ((entry & 1) == 0)
			return 0;
		if (next != 0 && next != 7) {
			assert_int_equal(next, level - 1);
			assert_int_equal(entry >> 61 & 3, 3);
			table = entry & UINT64_C(0xffffffffff000);
			level = next;
			continue;
		}
		if (next == 7) {
			shift = size_in(entry);
			check_span(entries, index, level, shift);
		}
		page = (entry & UINT64_C(0xffffffffff000) & -BIT(shift)) | (address & (BIT(shift) - 1));
		return (uint32_t)(page >> 12 << 2 | (entry >> 61 & 3));
	}
}

/* In the midst of a step a page is as it was or as it will be; outside its range, as it was. */
static void check_page(uint64_t page)
{
	const uint32_t now = hardware(bench.base + page * 0x1000);
	const bool may_change = bench.in_step && page >= bench.from && page < bench.to;

	if (now == bench.before[page] || (may_change && now == bench.after[page]))
		return;
	fail_msg("page 0x%llx: 0x%x, was 0x%x, becomes 0x%x", (unsigned long long)page, now,
	    bench.before[page], bench.after[page]);
}

/* ---- the arena ----------------------------------------------------------------------------------- */

static uint64_t *host_of(void *context, uint64_t address)
{
	const uint64_t page = (address - ARENA) / 0x1000;

	(void)context;
	assert_true(page < PAGES && bench.used[page]);
	return bench.memory[page];
}

static bool allocate(void *context, uint64_t *address)
{
	unsigned page = 0;

	(void)context;
	if (bench.fail_after != 0 && --bench.fail_after == 0)
		return false;
	while (bench.used[page])
		page++;
	assert_true(page < PAGES);
	bench.used[page] = true;
	bench.in_use++;
	memset(bench.memory[page], 0, 0x1000);
	memset(bench.seen[page], 0, 0x1000);
	*address = ARENA + page * UINT64_C(0x1000);
	return true;
}

static void release(void *context, uint64_t address)
{
	const uint64_t page = (address - ARENA) / 0x1000;

	(void)context;
	assert_true(page < PAGES && bench.used[page]);
	bench.used[page] = false;
	bench.in_use--;
}

/* Stores become visible; hardware may walk at this moment. */
static void written(void *context, const uint64_t *first, unsigned count)
{
	const size_t at = ((uintptr_t)first - (uintptr_t)bench.memory) / sizeof(*first);

	(void)context;
	assert_true(at % 512 + count <= 512);
	memcpy(&bench.seen[at / 512][at % 512], first, count * sizeof(*first));
	if (!bench.in_step || below(1 + (bench.to - bench.from) / 64) != 0)
		return;
	check_page(bench.from);
	check_page(bench.to - 1);
	check_page(bench.from + below(bench.to - bench.from));
	check_page(below(SPAN));
}

static void begin(unsigned levels, unsigned largest, uint64_t sizes)
{
	static uint64_t memory[PAGES][512], seen[PAGES][512];
	const struct page_table_memory table_memory = {
		.table = host_of, .allocate = allocate, .release = release, .written = written
	};

	bench = (struct bench){ .memory = memory, .seen = seen };
	assert_true(page_table_create(&bench.table, &table_memory, levels, largest));
	bench.table.spanning = sizes;
}

static void end(void)
{
	for (unsigned page = 0; page < PAGES; page++)
		if (bench.used[page])
			assert_memory_equal(bench.memory[page], bench.seen[page], 0x1000);
	page_table_destroy(&amd_host, &bench.table);
	assert_int_equal(bench.in_use, 0);
}

/* ---- steps --------------------------------------------------------------------------------------- */

static void choose_range(void)
{
	static const uint64_t units[] = { 1, 2, 16, 256, 512, 0x400, 0x2000 };
	const uint64_t unit = units[below(7)];
	uint64_t count = unit == 1 ? 1 + below(40) : unit * (1 + below(3));

	bench.from = below(SPAN);
	if (below(5) != 0)
		bench.from = bench.from / unit * unit;
	if (below(4) == 0)
		bench.from += below(5);
	if (below(4) == 0)
		count += below(600);
	if (bench.from >= SPAN)
		bench.from = SPAN - 1;
	if (count > SPAN - bench.from)
		count = SPAN - bench.from;
	bench.to = bench.from + count;
}

static bool map(void)
{
	static const uint64_t aligned[] = { 0x1, 0x10, 0x200, 0x2000 };
	const unsigned rights = below(4) != 0 ? 3 : (unsigned)below(4);
	uint64_t first = below(BIT(26)) + BIT(20);

	first += (bench.from - first) & (aligned[below(4)] - 1);
	for (uint64_t page = bench.from; page < bench.to; page++)
		bench.after[page] = (uint32_t)((first + page - bench.from) << 2 | rights);
	return page_table_map(&amd_host, &bench.table, bench.base + bench.from * 0x1000, first * 0x1000,
	    (bench.to - bench.from) * 0x1000, rights);
}

static bool unmap(void)
{
	memset(&bench.after[bench.from], 0, (bench.to - bench.from) * sizeof(*bench.after));
	return page_table_unmap(&amd_host, &bench.table, bench.base + bench.from * 0x1000,
	    (bench.to - bench.from) * 0x1000);
}

/* A split changes no translation. */
static bool split(void)
{
	unsigned stopped;

	return page_table_entry(&amd_host, &bench.table, bench.base + bench.from * 0x1000,
		   1 + (unsigned)below(2), PAGE_TABLE_SPLIT, &stopped) != NULL;
}

static void step(void)
{
	const uint64_t kind = below(10);
	bool done;

	choose_range();
	memcpy(bench.after, bench.before, sizeof(bench.after));
	bench.fail_after = below(4) == 0 ? 1 + (unsigned)below(3) : 0;
	bench.in_step = true;
	done = kind < 6 ? map() : kind < 9 ? unmap() : split();
	bench.in_step = false;
	assert_true(done || bench.fail_after == 0);
	if (done && kind < 9) /* else: "no translation has changed" */
		memcpy(bench.before, bench.after, sizeof(bench.before));
	bench.fail_after = 0;
	for (uint64_t page = below(3); page < SPAN; page += 1 + below(6))
		check_page(page);
	check_page(bench.from);
	check_page(bench.to - 1);
}

static void tables_with_leaves_of_every_size_translate_as_an_array_would(void **state)
{
	uint64_t spanning = 0;

	(void)state;
	for (unsigned number = 0; number < SEQUENCES; number++) {
		begin(3 + number % 3, 1 + number / 3 % 3, SIZES);
		bench.random = random_of_case(random_seed(), 7000000 + number);
		bench.base = number % 2 == 0 ? 0 : BIT(38) - SPAN * 0x1000;
		for (unsigned i = 0; i < STEPS; i++)
			step();
		spanning |= bench.spanning;
		end();
	}
	assert_int_equal(spanning, SIZES & ~(BIT(12) | BIT(21) | BIT(52)));
}

/* ---- entry by entry ------------------------------------------------------------------------------ */

static const uint64_t *entry_of(uint64_t address, unsigned level)
{
	unsigned stopped;
	const uint64_t *entry =
	    page_table_entry(&amd_host, &bench.table, address, level, PAGE_TABLE_LOOK, &stopped);

	assert_int_equal(stopped, level);
	return entry;
}

/* NextLevel 7 in 11:9, PR; 1s from bit 12 up to a 0 below the size. */
static void each_size_is_coded_in_all_entries_of_its_leaf(void **state)
{
	static const struct {
		uint64_t physical, entry;
		unsigned shift, level;
	} sizes[] = {
		{ 0x40002000, 0x6000000040002e01, 13, 1 },
		{ 0x40004000, 0x6000000040005e01, 14, 1 },
		{ 0x40100000, 0x600000004017fe01, 20, 1 },
		{ 0x40400000, 0x60000000405ffe01, 22, 2 },
		{ 0x60000000, 0x600000006ffffe01, 29, 2 },
		{ 0x80000000, 0x60000000bffffe01, 31, 3 },
		{ 0xc00000000000, 0x6000dffffffffe01, 46, 4 },
		{ 0, 0x6003fffffffffe01, 51, 5 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const unsigned low = 12 + 9 * (sizes[i].level - 1);
		const uint64_t at = BIT(52);
		const uint64_t *entries;

		begin(6, 5, BIT(sizes[i].shift));
		assert_true(page_table_map(
		    &amd_host, &bench.table, at, sizes[i].physical, BIT(sizes[i].shift), 3));
		entries = entry_of(at, sizes[i].level);
		for (unsigned k = 0; k < 1u << (sizes[i].shift - low); k++)
			assert_int_equal(entries[k], sizes[i].entry);
		assert_int_equal(entries[1u << (sizes[i].shift - low)], 0);
		assert_int_equal(bench.in_use, 7 - sizes[i].level);
		end();
	}
}

/* Nobody gets such leaves who did not ask for their size, and no format that has none. */
static void only_sizes_that_are_asked_for_are_used(void **state)
{
	(void)state;
	begin(4, 2, BIT(14) | BIT(21) | BIT(30));
	assert_true(page_table_map(&amd_host, &bench.table, 0x2000, 0x40002000, 0x8000, 3));
	assert_int_equal(*entry_of(0x2000, 1), 0x6000000040002001);
	assert_int_equal(*entry_of(0x3000, 1), 0x6000000040003001);
	assert_int_equal(*entry_of(0x4000, 1), 0x6000000040005e01);
	assert_int_equal(*entry_of(0x7000, 1), 0x6000000040005e01);
	assert_int_equal(*entry_of(0x8000, 1), 0x6000000040008001);
	assert_int_equal(*entry_of(0x9000, 1), 0x6000000040009001);
	assert_int_equal(*entry_of(0xa000, 1), 0);
	assert_true(page_table_map(&amd_host, &bench.table, BIT(30), BIT(30), BIT(30), 3));
	assert_int_equal(*entry_of(BIT(30), 2), 0x6000000040000001);
	assert_int_equal(*entry_of(BIT(31) - BIT(21), 2), 0x600000007fe00001);
	end();
	begin(4, 2, 0);
	assert_true(page_table_map(&amd_host, &bench.table, 0x4000, 0x40004000, 0x4000, 3));
	assert_int_equal(*entry_of(0x4000, 1), 0x6000000040004001);
	end();
}

/* A page out of the middle: the rest of the leaf stays, each entry for itself, and takes no table. */
static void a_leaf_that_is_cut_becomes_one_for_each_entry(void **state)
{
	(void)state;
	begin(3, 2, BIT(14) | BIT(23));
	assert_true(page_table_map(&amd_host, &bench.table, 0x4000, 0x40004000, 0x4000, 1));
	bench.fail_after = 1;
	assert_true(page_table_unmap(&amd_host, &bench.table, 0x5000, 0x1000));
	assert_int_equal(*entry_of(0x4000, 1), 0x2000000040004001);
	assert_int_equal(*entry_of(0x5000, 1), 0);
	assert_int_equal(*entry_of(0x6000, 1), 0x2000000040006001);
	assert_int_equal(*entry_of(0x7000, 1), 0x2000000040007001);
	bench.fail_after = 0;
	/* and of four entries of level 2 one gets a table */
	assert_true(page_table_map(&amd_host, &bench.table, BIT(23), BIT(32), BIT(23), 3));
	assert_int_equal(bench.in_use, 3);
	assert_true(page_table_unmap(&amd_host, &bench.table, BIT(23) + BIT(21), 0x1000));
	assert_int_equal(bench.in_use, 4);
	assert_int_equal(*entry_of(BIT(23), 2), 0x6000000100000001);
	assert_int_equal(*entry_of(BIT(23) + BIT(21), 1), 0);
	assert_int_equal(*entry_of(BIT(23) + BIT(21) + 0x1000, 1), 0x6000000100201001);
	assert_int_equal(*entry_of(BIT(23) + 2 * BIT(21), 2), 0x6000000100400001);
	assert_int_equal(*entry_of(BIT(23) + 3 * BIT(21), 2), 0x6000000100600001);
	end();
}

/* Hardware's flags differ from entry to entry, and are no other leaf for it. */
static void a_leaf_with_flags_in_one_entry_is_cut_as_a_whole(void **state)
{
	(void)state;
	begin(3, 1, BIT(14));
	assert_true(page_table_map(&amd_host, &bench.table, 0x4000, 0x40004000, 0x4000, 3));
	bench.memory[2][6] |= 0x60; /* A and D, of 6000h */
	bench.seen[2][6] |= 0x60;
	assert_true(page_table_unmap(&amd_host, &bench.table, 0x7000, 0x1000));
	assert_int_equal(*entry_of(0x5000, 1), 0x6000000040005001);
	assert_int_equal(*entry_of(0x6000, 1), 0x6000000040006001);
	assert_int_equal(*entry_of(0x7000, 1), 0);
	end();
}

/* A table that hangs in one of its entries is kept: smaller leaves go around it. */
static void a_leaf_leaves_tables_in_their_place(void **state)
{
	(void)state;
	begin(3, 2, BIT(22) | BIT(23));
	assert_true(page_table_map(&amd_host, &bench.table, BIT(21), 0x7000, 0x1000, 3));
	assert_true(page_table_map(&amd_host, &bench.table, 0, BIT(32), BIT(23), 3));
	assert_int_equal(*entry_of(0, 2), 0x6000000100000001);
	assert_int_equal(*entry_of(BIT(21), 1), 0x6000000100200001);
	assert_int_equal(*entry_of(BIT(22), 2), 0x60000001005ffe01);
	assert_int_equal(*entry_of(BIT(22) + BIT(21), 2), 0x60000001005ffe01);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_with_leaves_of_every_size_translate_as_an_array_would),
		cmocka_unit_test(each_size_is_coded_in_all_entries_of_its_leaf),
		cmocka_unit_test(only_sizes_that_are_asked_for_are_used),
		cmocka_unit_test(a_leaf_that_is_cut_becomes_one_for_each_entry),
		cmocka_unit_test(a_leaf_with_flags_in_one_entry_is_cut_as_a_whole),
		cmocka_unit_test(a_leaf_leaves_tables_in_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
