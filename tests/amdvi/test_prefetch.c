/*
 * PREFETCH_IOMMU_PAGES (AMD-Vi 2.4.6): what it brings into the caches, and that it leaves no other trace: no
 * event, no flag in a table. What it drops with Inval: test_invalidation.c.
 */
#include "amdvi_fixture.h"

#define INVAL   BIT(4) /* in the second quadword: bit 68 */
#define SIZED   BIT(0)
#define GUEST   BIT(2)
#define HOST_RW (BIT(61) | BIT(62))
#define A       BIT(5)

static void start(struct amd_fixture *amd, enum iommusim_cache_policy policy)
{
	const struct amd_setup setup = { .settings.cache = policy };

	am_start_enabled(amd, &setup);
	for (unsigned page = 0; page < 8; page++)
		am_map(amd, 0x10000 + page * 0x1000, 0x80000 + page * 0x1000, 3);
}

/* `count` pages after the first, for AMD_RID. */
static void prefetch(struct amd_fixture *amd, unsigned count, uint64_t high)
{
	am_submit(amd, UINT64_C(6) << 60 | (uint64_t)count << 24 | AMD_RID, high);
	am_wait(amd);
	assert_int_equal(am_events(amd), 0);
	assert_int_equal(am_get64(amd, A_STATUS) & S_CMD_RUN, S_CMD_RUN);
}

/* Move the pages without a word to the unit: what it knows of them is what it fetched before. */
static unsigned fetched(struct amd_fixture *amd)
{
	unsigned found = 0;

	for (unsigned page = 0; page < 8; page++)
		am_map(amd, 0x10000 + page * 0x1000, 0x90000, 3);
	for (unsigned page = 0; page < 8; page++) {
		const struct iommusim_dma_page seen =
		    am_access(amd->device, IOMMUSIM_DMA_READ, 0x10000 + page * 0x1000, 8);

		assert_false(seen.faulted);
		if (!seen.cached) {
			assert_int_equal(seen.physical, 0x90000);
			continue;
		}
		assert_int_equal(seen.physical, 0x80000 + page * 0x1000);
		found |= 1u << page;
	}
	return found;
}

/* Caches that are neither absent nor contrary have the pages afterwards, and no other ones. */
static void pages_are_known_before_they_are_asked_for(void **state)
{
	static const struct {
		uint64_t high;
		unsigned count, pages;
	} cases[] = {
		{ 0x12000, 0, 0x04 },
		{ 0x12000, 3, 0x3c },
		{ 0x15000, 255, 0xe0 },
		{ 0x10000 | SIZED, 1, 0x05 }, /* pages of 8 KiB, by their first page each */
		{ 0x20000, 0, 0 },
		{ 0x12000 | INVAL, 2, 0x1c },
	};

	(void)state;
	for (unsigned policy = 0; policy < 3; policy++)
		for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			struct amd_fixture amd;

			start(&amd, (enum iommusim_cache_policy)policy);
			prefetch(&amd, cases[i].count, cases[i].high);
			assert_int_equal(
			    fetched(&amd), policy == IOMMUSIM_CACHE_NONE ? 0 : cases[i].pages);
			am_stop(&amd);
		}
}

/* A contrary cache keeps what it likes of them, and serves nothing else. */
static void a_contrary_cache_keeps_what_it_likes(void **state)
{
	unsigned kept = 0, lost = 0;

	(void)state;
	for (unsigned seed = 1; seed < 20; seed++) {
		const struct amd_setup setup = { .settings.cache = IOMMUSIM_CACHE_ADVERSE,
			.seed = seed };
		struct amd_fixture amd;

		am_start_enabled(&amd, &setup);
		for (unsigned page = 0; page < 8; page++)
			am_map(&amd, 0x10000 + page * 0x1000, 0x80000 + page * 0x1000, 3);
		prefetch(&amd, 7, 0x10000);
		for (unsigned page = 0; page < 8; page++) {
			am_map(&amd, 0x10000 + page * 0x1000, 0x90000, 3);
			if (am_output(&amd, 0x10000 + page * 0x1000) == 0x90000)
				lost++;
			else
				kept++;
		}
		am_stop(&amd);
	}
	assert_in_range(kept, 1, 19 * 8 - 1);
	assert_int_equal(kept + lost, 19 * 8);
}

/* What could not be read is not fetched, and nobody hears of it; the request that comes then is told. */
static void nothing_is_logged_of_what_cannot_be_fetched(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD);
	am_map(&amd, 0x11000, 0x81000, 2);                                              /* write only */
	am_unmap(&amd, 0x12000);                                                        /* not there */
	am_store(&amd, am_entry_at(&amd, 0x13000, 1), 0x83000 | HOST_RW | 1 | BIT(56)); /* reserved */
	prefetch(&amd, 3, 0x10000);
	prefetch(&amd, 0, UINT64_C(0x8000000000000));    /* wider than the tables */
	prefetch(&amd, 0, 0xfee00000);                   /* interrupts */
	prefetch(&amd, 1, UINT64_C(0xfffffffffffff000)); /* and no further */
	prefetch(&amd, 0, UINT64_C(0x7ffffffffffff000) | SIZED);
	am_submit(&amd, UINT64_C(6) << 60 | UINT64_C(5) << 32 | AMD_RID, 0x10000 | GUEST);
	am_wait(&amd);
	assert_int_equal(am_events(&amd), 0);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x11000), 2);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x12000), 2);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x13000), 2);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x11000), 0);
	am_drain_events(&amd);
	/* devices with a bad entry, none, and no translation; SE: the first fault is still to come */
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(2);
	am_set_dte(&amd, AMD_RID, dte);
	am_invalidate_device(&amd, AMD_RID);
	prefetch(&amd, 0, 0x10000);
	dte[0] = 1;
	dte[1] |= BIT(33);
	am_set_dte(&amd, AMD_RID, dte);
	am_invalidate_device(&amd, AMD_RID);
	prefetch(&amd, 0, 0x10000);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x10000), 2);
	assert_int_equal(am_events(&amd), 1);
	am_stop(&amd);
}

/* Behind the last page there is none: not the first again. */
static void a_prefetch_ends_with_the_last_page(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD);
	am_map(&amd, 0, 0x80000, 3);
	am_map(&amd, 0x1000, 0x81000, 3);
	prefetch(&amd, 2, UINT64_C(0xfffffffffffff000));
	am_map(&amd, 0, 0x90000, 3);
	am_map(&amd, 0x1000, 0x91000, 3);
	assert_int_equal(am_output(&amd, 0), 0x90000);
	assert_int_equal(am_output(&amd, 0x1000), 0x91000);
	am_stop(&amd);
}

/* With NpCache there is something to know of what is not there, too. */
static void npcache_fetches_what_is_not_there(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x190b000f | BIT(26) };
	struct iommusim_dma_page page;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	prefetch(&amd, 0, 0x12000);
	am_map(&amd, 0x12000, 0x82000, 3);
	page = am_access(amd.device, IOMMUSIM_DMA_READ, 0x12000, 8);
	assert_true(page.faulted);
	assert_true(page.cached);
	am_stop(&amd);
}

/* HAD=1: an entry that would get an accessed flag is left alone, and its page to the first request. */
static void no_flag_is_set(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD);
	am_plain_dte(&amd, dte);
	dte[0] |= 1u << 7;
	am_set_dte(&amd, AMD_RID, dte);
	prefetch(&amd, 1, 0x10000);
	for (unsigned level = 1; level <= 4; level++)
		assert_int_equal(am_load(&amd, am_entry_at(&amd, 0x10000, level)) & A, 0);
	assert_int_equal(am_output(&amd, 0x10000), 0x80000); /* sets those of the tables on the way */
	am_store(&amd, am_entry_at(&amd, 0x12000, 1), 0x82000 | HOST_RW | A | 1);
	prefetch(&amd, 2, 0x11000);
	assert_int_equal(am_load(&amd, am_entry_at(&amd, 0x11000, 1)) & A, 0);
	assert_int_equal(am_load(&amd, am_entry_at(&amd, 0x13000, 1)) & A, 0);
	assert_int_equal(
	    fetched(&amd), 0x05); /* the one that was asked for, and the one with the flag */
	am_stop(&amd);
}

/* GN: guest tables of the PASID, for requests with it. */
static void pages_of_a_pasid_are_fetched_by_it(void **state)
{
	struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .kind = IOMMUSIM_DMA_READ, .has_pasid = true
	};
	struct iommusim_dma_outcome outcome;
	struct amd_fixture amd;
	uint64_t gcr3, table[4];
	uint64_t dte[4] = { 0 };

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, C_GT_EN, 0);
	gcr3 = am_page(&amd);
	for (unsigned level = 0; level < 4; level++)
		table[level] = am_page(&amd);
	am_store(&amd, gcr3 + 5 * UINT64_C(8), table[3] | 1);
	am_store(&amd, gcr3 + 6 * UINT64_C(8), table[3] | 1);
	for (unsigned level = 3; level > 0; level--) /* P, RW, US and accessed already */
		am_store(&amd, table[level], table[level - 1] | 0x27);
	am_store(&amd, table[0] + 5 * UINT64_C(8), 0x85000 | 0x27);
	dte[0] = 3 | BIT(55) | (gcr3 >> 12 & 7) << 58 | HOST_RW;
	dte[1] = AMD_DOMAIN | (gcr3 >> 15 & 0xffff) << 16 | gcr3 >> 31 << 43;
	am_set_dte(&amd, AMD_RID, dte);
	am_submit(&amd, UINT64_C(6) << 60 | UINT64_C(5) << 32 | AMD_RID, 0x5000 | GUEST);
	am_wait(&amd);
	am_store(&amd, table[0] + 5 * UINT64_C(8), 0x86000 | 0x27);
	for (request.pasid = 5; request.pasid <= 6; request.pasid++) {
		assert_int_equal(iommusim_dma(amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page.physical, request.pasid == 5 ? 0x85000 : 0x86000);
	}
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_known_before_they_are_asked_for),
		cmocka_unit_test(a_contrary_cache_keeps_what_it_likes),
		cmocka_unit_test(nothing_is_logged_of_what_cannot_be_fetched),
		cmocka_unit_test(npcache_fetches_what_is_not_there),
		cmocka_unit_test(no_flag_is_set),
		cmocka_unit_test(pages_of_a_pasid_are_fetched_by_it),
		cmocka_unit_test(a_prefetch_ends_with_the_last_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
