/*
 * A walk ends, whatever memory holds: root entry, context entry, and at most one paging entry a level.
 * Tables that point at themselves or at each other, and garbage.
 */
#include "world.h"

#define PAGES   16u
#define WALKS   120000u
#define A_BATCH 500u /* walks through the same garbage */

/* VT-d 3.4.2, 3.7: one root entry, one context entry, one entry for each level. */
#define BOUND(levels) ((levels) + 2u)

static struct iommusim_walk walk_of(
    struct vtd_fixture *vtd, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address, .length = 8, .kind = kind };
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(vtd->device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.step_count <= BOUND(walk.levels));
	assert_true(walk.step_count <= BOUND(5));
	return walk;
}

static void start(struct vtd_fixture *vtd, unsigned levels)
{
	vt_start_enabled(vtd,
	    &(struct vtd_setup){ .levels = (uint8_t)levels, .settings.cache = IOMMUSIM_CACHE_NONE });
}

static void fill(struct vtd_fixture *vtd, uint64_t page, uint64_t entry)
{
	for (unsigned i = 0; i < 512; i++)
		vt_store(vtd, page + i * UINT64_C(8), entry);
}

/* Every entry of the table names the table: it serves as table of each level, and as the page. */
static void a_table_that_points_at_itself_ends_as_a_page_of_itself(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		start(&vtd, levels);
		fill(&vtd, vtd.page_table, vtd.page_table | 3);
		for (unsigned bit = 12; bit < 12 + 9 * levels; bit++) {
			const struct iommusim_walk walk =
			    walk_of(&vtd, IOMMUSIM_DMA_WRITE, BIT(bit) | 0x128);

			assert_int_equal(walk.step_count, BOUND(levels));
			assert_int_equal(walk.result.fault.reason, 0);
			assert_int_equal(walk.result.physical, vtd.page_table | 0x128);
			assert_int_equal(walk.result.page_shift, 12);
			assert_int_equal(vt_output(&vtd, BIT(bit) | 0x128), vtd.page_table | 0x128);
		}
		vt_stop(&vtd);
	}
}

/* The table of one level points at itself, or back at the topmost one: levels count, not tables. */
static void a_cycle_at_any_level_ends_with_the_levels(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		for (unsigned level = 2; level <= levels; level++) {
			for (unsigned back = 0; back < 2; back++) {
				struct iommusim_walk walk;
				uint64_t at, table;

				start(&vtd, levels);
				at = vt_entry_at(&vtd, 0, level);
				table = back ? vtd.page_table : at & ~UINT64_C(0xfff);
				vt_store(&vtd, at, table | 3);
				walk = walk_of(&vtd, IOMMUSIM_DMA_READ, 0x10);
				assert_int_equal(walk.step_count, BOUND(levels));
				assert_int_equal(walk.result.fault.reason, 0);
				vt_stop(&vtd);
			}
		}
	}
}

/* Root table, context table and page table are one page, which still means something. */
static void one_page_may_be_every_table(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		const uint64_t width = levels - 2;
		struct iommusim_walk walk;

		start(&vtd, levels);
		fill(&vtd, vtd.root_table, vtd.root_table | 3);
		vt_store(&vtd, vt_root_at(&vtd), vtd.root_table | 1);
		vt_store(&vtd, vt_root_at(&vtd) + 8, 0);
		vt_store(&vtd, vtd.root_table + (VTD_RID & 0xff) * UINT64_C(16), vtd.root_table | 1);
		vt_store(&vtd, vtd.root_table + (VTD_RID & 0xff) * UINT64_C(16) + 8,
		    UINT64_C(7) << 8 | width);
		walk = walk_of(&vtd, IOMMUSIM_DMA_READ, 0x10);
		assert_int_equal(walk.step_count, BOUND(levels));
		assert_int_equal(walk.result.fault.reason, 0);
		assert_int_equal(walk.result.physical, vtd.root_table | 0x10);
		vt_stop(&vtd);
	}
}

/* ---- garbage ------------------------------------------------------------------------------------ */

static uint64_t some_page(struct random *random)
{
	return VTD_TABLES + random_below(random, PAGES) * 0x1000;
}

/* A word that may well be an entry of some structure. */
static uint64_t garbage(struct random *random)
{
	const uint64_t page = some_page(random);

	switch (random_below(random, 10)) {
	case 0:
		return random_next(random);
	case 1:
		return 0;
	case 2:
		return page | 0x83;
	case 3:
	case 4: /* the upper half of a context entry: AW, DID */
		return random_below(random, 5) | random_below(random, 256) << 8;
	case 5:
	case 6:
		return page | 3;
	default:
		return page | 1; /* present in a root entry, a context entry and a paging entry */
	}
}

/* Good entries in the first pages, or most walks would end before they began: 1 roots, 2 contexts. */
static void mend(struct vtd_fixture *vtd, struct random *random, unsigned good)
{
	for (unsigned i = 0; good >= 1 && i < 256; i++) {
		vt_store(vtd, VTD_TABLES + i * UINT64_C(16),
		    VTD_TABLES + 0x1000 * (1 + random_below(random, 2)) + 1);
		vt_store(vtd, VTD_TABLES + i * UINT64_C(16) + 8, 0);
	}
	for (unsigned i = 0; good >= 2 && i < 512; i++) {
		vt_store(vtd, VTD_TABLES + 0x1000 + i * UINT64_C(16), some_page(random) | 1);
		vt_store(vtd, VTD_TABLES + 0x1008 + i * UINT64_C(16),
		    (1 + random_below(random, 3)) | random_below(random, 256) << 8);
	}
}

static void fill_with_garbage(struct vtd_fixture *vtd, struct random *random, unsigned good)
{
	uint64_t words[512];

	for (unsigned page = 0; page < PAGES; page++) {
		for (unsigned i = 0; i < 512; i++)
			words[i] = garbage(random);
		assert_int_equal(iommusim_memory_write(vtd->machine,
				     VTD_TABLES + page * UINT64_C(0x1000), words, sizeof(words)),
		    IOMMUSIM_OK);
	}
	mend(vtd, random, good);
}

static void check_garbage(
    struct vtd_fixture *vtd, const struct oracle_unit *oracle, struct random *random)
{
	const struct oracle_request request = { .rid = (uint16_t)random_next(random),
		.address = random_next(random) >> random_below(random, 52) & ~UINT64_C(7),
		.length = 8,
		.kind = (enum oracle_kind)random_below(random, 3) };
	const struct iommusim_dma_request dma = world_dma(&request);
	const struct oracle_answer answer = oracle_ask(oracle, &request);
	struct iommusim_requester *device;
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;

	assert_int_equal(iommusim_requester_create(vtd->machine, 0, request.rid, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_walk(device, &dma, &walk), IOMMUSIM_OK);
	assert_true(walk.step_count <= BOUND(walk.levels));
	assert_int_equal(walk.step_count, answer.reads);
	assert_int_equal(iommusim_dma(device, &dma, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.faulted, answer.blocked);
	assert_int_equal(walk.result.fault.reason, outcome.page.fault.reason);
	if (!answer.either)
		assert_int_equal(outcome.page.fault.reason, answer.reason);
	iommusim_requester_destroy(device);
}

static void walks_through_garbage_end_where_the_oracle_ends(void **state)
{
	struct random random = random_of_case(random_seed(), 2000000);
	struct oracle_window window = { 0, VTD_RAM, NULL };
	struct oracle_unit oracle = { .haw = VTD_HAW,
		.revision = 0x510,
		.translating = true,
		.windows = &window,
		.window_count = 1 };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 4);
	window.bytes = iommusim_memory_host(vtd.machine, 0, VTD_RAM);
	oracle.cap = vtd.cap;
	oracle.ecap = vtd.ecap;
	oracle.rtaddr = VTD_TABLES;
	vt_latch_root(&vtd, VTD_TABLES);
	for (unsigned i = 0; i < WALKS; i++) {
		if (i % A_BATCH == 0)
			fill_with_garbage(&vtd, &random, i / A_BATCH % 4);
		check_garbage(&vtd, &oracle, &random);
	}
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_that_points_at_itself_ends_as_a_page_of_itself),
		cmocka_unit_test(a_cycle_at_any_level_ends_with_the_levels),
		cmocka_unit_test(one_page_may_be_every_table),
		cmocka_unit_test(walks_through_garbage_end_where_the_oracle_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
