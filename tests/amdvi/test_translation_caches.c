/*
 * What AMD-Vi units remember of translations, and for how long (AMD-Vi 2.2.9, 2.4.3): the IOTLB by domain, entries
 * that point at tables, absent ones with NpCache, and accessed and dirty flags through all of that.
 */
#include "amdvi_fixture.h"

#define A BIT(5)
#define D BIT(6)

static void start(
    struct amd_fixture *amd, enum iommusim_cache_policy policy, enum iommusim_cache_match match)
{
	const struct amd_setup setup = { .settings.cache = policy, .settings.match = match };

	am_start_enabled(amd, &setup);
	am_map(amd, 0x5000, 0x9000, 3);
}

/* INVALIDATE_IOMMU_PAGES of one page: with PDE entries that point at tables go too. */
static void invalidate(struct amd_fixture *amd, uint64_t address, uint16_t domain, bool directories)
{
	am_submit(amd, UINT64_C(3) << 60 | (uint64_t)domain << 32, address | (directories ? 2 : 0));
	am_wait(amd);
}

static void a_translation_stays_until_its_page_or_domain_is_invalidated(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT);
	for (unsigned i = 0; i < 3; i++) {
		am_map(&amd, 0x5000, 0x9000, 3);
		am_invalidate_domain(&amd, AMD_DOMAIN);
		assert_int_equal(am_output(&amd, 0x5000), 0x9000);
		am_map(&amd, 0x5000, 0xa000, 3);
		assert_int_equal(am_output(&amd, 0x5000), 0x9000);
		assert_true(am_access(amd.device, IOMMUSIM_DMA_WRITE, 0x5000, 8).cached);
		invalidate(&amd, 0x6000, AMD_DOMAIN, true);
		invalidate(&amd, 0x5000, AMD_DOMAIN + 1, true);
		am_invalidate_device(&amd, AMD_RID);
		assert_int_equal(am_output(&amd, 0x5000), 0x9000);
		if (i == 0)
			invalidate(&amd, 0x5000, AMD_DOMAIN, false);
		else if (i == 1)
			am_invalidate_domain(&amd, AMD_DOMAIN);
		else
			am_invalidate_all(&amd);
		assert_int_equal(am_output(&amd, 0x5000), 0xa000);
	}
	am_stop(&amd);
}

/* Any page within a large one takes it. */
static void a_large_page_goes_by_any_of_its_pages(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT);
	for (unsigned slot = 0; slot < 16; slot++)
		am_store(&amd, am_entry_at(&amd, 0x40000 + slot * 0x1000, 1),
		    BIT(0) | BIT(61) | BIT(62) | 7 << 9 | 0x27000); /* 64 KiB at 20000h */
	assert_int_equal(am_output(&amd, 0x43000), 0x23000);
	for (unsigned slot = 0; slot < 16; slot++)
		am_unmap(&amd, 0x40000 + slot * 0x1000);
	assert_int_equal(am_output(&amd, 0x4f000), 0x2f000); /* one entry served all of it */
	invalidate(&amd, 0x4a000, AMD_DOMAIN, false);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x43000), 2);
	am_stop(&amd);
}

static void devices_of_a_domain_share_what_is_cached(void **state)
{
	static const struct {
		enum iommusim_cache_policy policy;
		enum iommusim_cache_match match;
		bool shared;
	} cases[] = {
		{ IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT, true },
		{ IOMMUSIM_CACHE_SIZED, IOMMUSIM_MATCH_DEFAULT, true },
		{ IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_SOURCE, false },
		{ IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DOMAIN, true },
		{ IOMMUSIM_CACHE_NONE, IOMMUSIM_MATCH_DOMAIN, false },
	};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct iommusim_requester *other;
		struct amd_fixture amd;
		struct iommusim_dma_page page;
		uint64_t dte[4];

		start(&amd, cases[i].policy, cases[i].match);
		assert_int_equal(
		    iommusim_requester_create(amd.machine, 0, 0x0400, &other), IOMMUSIM_OK);
		am_plain_dte(&amd, dte);
		dte[0] &= ~BIT(62); /* the rights of its own entry count all the same */
		am_set_dte(&amd, 0x0400, dte);
		assert_int_equal(am_output(&amd, 0x5000), 0x9000);
		am_map(&amd, 0x5000, 0xa000, 3);
		page = am_access(other, IOMMUSIM_DMA_READ, 0x5000, 8);
		assert_int_equal(page.physical, cases[i].shared ? 0x9000 : 0xa000);
		assert_int_equal(page.cached, cases[i].shared);
		page = am_access(other, IOMMUSIM_DMA_WRITE, 0x5000, 8);
		assert_true(page.faulted);
		assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_PERMISSION);
		am_stop(&amd);
	}
}

/* DTE.Cache (2.2.2.1) asks to keep no translation; tables on the way are kept whatever it says. */
static void a_hint_keeps_translations_out_of_caches_that_have_an_end(void **state)
{
	static const struct {
		enum iommusim_cache_policy policy;
		bool heeded;
	} cases[] = {
		{ IOMMUSIM_CACHE_SIZED, true },
		{ IOMMUSIM_CACHE_HOARD, false }, /* a hint binds nobody: software has to invalidate */
		{ IOMMUSIM_CACHE_ADVERSE, false },
	};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const bool hinted = i / 3 != 0, kept = !hinted || !cases[i % 3].heeded;
		struct amd_fixture amd;
		uint64_t dte[4];
		unsigned cached = 0;

		start(&amd, cases[i % 3].policy, IOMMUSIM_MATCH_DEFAULT);
		am_plain_dte(&amd, dte);
		dte[1] |= hinted ? BIT(101 - 64) : 0;
		am_set_dte(&amd, AMD_RID, dte);
		am_map(&amd, 0x6000, 0xa000, 3);
		for (unsigned n = 0; n < 16; n++)
			cached += am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8).cached;
		assert_int_equal(cached != 0, kept);
		am_store(&amd, am_entry_at(&amd, 0x5000, 2), 0);
		if (cases[i % 3].policy ==
		    IOMMUSIM_CACHE_SIZED) /* 6000h: by the table that was there */
			assert_int_equal(am_output(&amd, 0x6000), 0xa000);
		am_stop(&amd);
	}
}

/* PDE=0: entries that point at tables may survive; PDE=1 takes them. */
static void directories_survive_an_invalidation_without_pde(void **state)
{
	struct amd_fixture amd;
	uint64_t other;

	(void)state;
	start(&amd, IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT);
	assert_int_equal(am_output(&amd, 0x5000), 0x9000);
	other = am_page(&amd); /* another level 1 table, where 5000h is elsewhere */
	am_store(&amd, other + 5 * UINT64_C(8), 0xb000 | BIT(0) | BIT(61) | BIT(62));
	am_store(&amd, am_entry_at(&amd, 0x5000, 2), other | BIT(0) | 1 << 9 | BIT(61) | BIT(62));
	invalidate(&amd, 0x5000, AMD_DOMAIN, false);
	assert_int_equal(am_output(&amd, 0x5000), 0x9000); /* by the table that was there */
	invalidate(&amd, 0x5000, AMD_DOMAIN, true);
	assert_int_equal(am_output(&amd, 0x5000), 0xb000);
	am_stop(&amd);
}

/* Capability header, bit 26: what is not present is remembered too. */
static void npcache_remembers_what_is_not_there(void **state)
{
	(void)state;
	for (unsigned np = 0; np < 2; np++) {
		const struct amd_setup setup = { .capability_header = 0x190b000f | np << 26 };
		struct amd_fixture amd;

		am_start_enabled(&amd, &setup);
		assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x7000), 2);
		am_map(&amd, 0x7000, 0x9000, 3);
		if (np != 0) {
			const struct iommusim_dma_page page =
			    am_access(amd.device, IOMMUSIM_DMA_READ, 0x7000, 8);

			assert_true(page.faulted);
			assert_true(page.cached);
			assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_NOT_PRESENT);
			invalidate(&amd, 0x7000, AMD_DOMAIN, false);
		}
		assert_int_equal(am_output(&amd, 0x7000), 0x9000);
		am_stop(&amd);
	}
}

/* ---- accessed and dirty flags ------------------------------------------------------------------------------ */

static void start_flags(struct amd_fixture *amd, enum iommusim_cache_policy policy, unsigned had)
{
	uint64_t dte[4];

	start(amd, policy, IOMMUSIM_MATCH_DEFAULT);
	am_plain_dte(amd, dte);
	dte[0] |= (uint64_t)had << 7;
	am_set_dte(amd, AMD_RID, dte);
}

static uint64_t flags_at(struct amd_fixture *amd, unsigned level)
{
	return am_load(amd, am_entry_at(amd, 0x5000, level)) & (A | D);
}

/* DTE.HAD: 1 accessed flags, 3 dirty ones too; entries above the leaf are never dirty. */
static void flags_are_set_as_the_entry_asks(void **state)
{
	static const unsigned hads[] = { 0, 1, 3 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned policy = 0; policy < 4; policy++) {
			struct amd_fixture amd;

			start_flags(&amd, (enum iommusim_cache_policy)policy, hads[i]);
			assert_int_equal(flags_at(&amd, 1), 0);
			assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x5000), 0);
			for (unsigned level = 1; level <= 4; level++)
				assert_int_equal(flags_at(&amd, level), hads[i] == 0 ? 0 : A);
			assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
			assert_int_equal(flags_at(&amd, 1),
			    hads[i] == 0       ? 0
				: hads[i] == 1 ? A
					       : A | D);
			for (unsigned level = 2; level <= 4; level++)
				assert_int_equal(flags_at(&amd, level), hads[i] == 0 ? 0 : A);
			am_stop(&amd);
		}
}

static void a_request_that_faults_leaves_no_flags(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_flags(&amd, IOMMUSIM_CACHE_HOARD, 3);
	am_map(&amd, 0x5000, 0x9000, 1);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5000), 2);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x6000), 2);
	for (unsigned level = 1; level <= 4; level++)
		assert_int_equal(flags_at(&amd, level), 0);
	am_stop(&amd);
}

/* A dirty flag that software took back comes again only after an invalidation. */
static void a_page_known_to_be_dirty_is_not_marked_again(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_flags(&amd, IOMMUSIM_CACHE_HOARD, 3);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	am_map(&amd, 0x5000, 0x9000, 3);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	assert_int_equal(flags_at(&amd, 1), 0);
	invalidate(&amd, 0x5000, AMD_DOMAIN, false);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	assert_int_equal(flags_at(&amd, 1), A | D);
	am_stop(&amd);
}

/* Answered with a write right, a translation request makes the page dirty; without one it does not. */
static void a_translation_request_is_a_write_if_it_may_write(void **state)
{
	(void)state;
	for (unsigned no_write = 0; no_write < 2; no_write++) {
		const struct iommusim_dma_request request = { .address = 0x5000,
			.length = 8,
			.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
			.no_write = no_write != 0 };
		struct iommusim_dma_outcome outcome;
		struct amd_fixture amd;
		uint64_t dte[4];

		start(&amd, IOMMUSIM_CACHE_HOARD, IOMMUSIM_MATCH_DEFAULT);
		am_plain_dte(&amd, dte);
		dte[0] |= UINT64_C(3) << 7;
		dte[1] |= BIT(32);
		am_set_dte(&amd, AMD_RID, dte);
		assert_int_equal(iommusim_dma(amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page.granted, no_write ? 1 : 3);
		assert_int_equal(flags_at(&amd, 1), no_write ? A : A | D);
		am_stop(&amd);
	}
}

/* How often, of 64 contrary units, an access sets flags in the entry of `next`, which it is not about. */
static unsigned looked_ahead(const struct iommusim_dma_request *request, uint64_t first, uint64_t next)
{
	unsigned count = 0;

	for (uint64_t seed = 1; seed <= 64; seed++) {
		const struct amd_setup setup = { .settings.cache = IOMMUSIM_CACHE_ADVERSE,
			.seed = seed };
		struct iommusim_dma_outcome outcome;
		struct amd_fixture amd;
		uint64_t dte[4], flags;

		am_start_enabled(&amd, &setup);
		if (first != 0)
			am_map(&amd, first, 0x9000, 3);
		am_map(&amd, next, 0xa000, 3);
		am_plain_dte(&amd, dte);
		dte[0] |= UINT64_C(3) << 7;
		dte[1] |= BIT(32);
		am_set_dte(&amd, AMD_RID, dte);
		assert_int_equal(iommusim_dma(amd.device, request, &outcome, NULL, 0), IOMMUSIM_OK);
		flags = am_load(&amd, am_entry_at(&amd, next, 1)) & (A | D);
		assert_true(flags == 0 || flags == A); /* nothing gets dirty by a guess */
		count += flags != 0;
		am_stop(&amd);
	}
	return count;
}

/* A contrary unit now and then fetches the page after the one that was asked for, and no other. */
static void a_contrary_unit_fetches_the_next_page(void **state)
{
	struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};

	(void)state;
	assert_in_range(looked_ahead(&request, 0x5000, 0x6000), 1, 63);
	assert_int_equal(looked_ahead(&request, 0x5000, 0x7000), 0);
	assert_int_equal(looked_ahead(&request, 0x5000, 0x4000), 0);
	assert_int_equal(looked_ahead(&request, 0, 0x6000), 0); /* it faults */
	request.kind = IOMMUSIM_DMA_READ;
	assert_in_range(looked_ahead(&request, 0x5000, 0x6000), 1, 63);
	request.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
	assert_int_equal(looked_ahead(&request, 0x5000, 0x6000), 0);
	request.address_type = IOMMUSIM_DMA_UNTRANSLATED;
	request.address = 0xfedff000; /* interrupts come next: they are no pages */
	assert_int_equal(looked_ahead(&request, 0xfedff000, 0xfee00000), 0);
}

/*
 * Tables in memory that cannot be written: the flag cannot be set, and nothing goes through. The event says where it
 * could not; so does the walk.
 */
static void a_flag_that_cannot_be_set_is_a_hardware_error(void **state)
{
	const uint64_t rom = 0x8000000;

	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		struct iommusim_dma_page page;
		struct iommusim_walk walk;
		struct amd_fixture amd;
		uint64_t in_rom, entry;

		start_flags(&amd, IOMMUSIM_CACHE_HOARD, 1);
		assert_int_equal(
		    iommusim_memory_add(amd.machine, rom, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
		in_rom = rom + (am_entry_at(&amd, 0x5000, level) & 0xfff);
		entry = am_load(&amd, am_entry_at(&amd, 0x5000, level));
		am_store(&amd, am_entry_at(&amd, 0x5000, level + 1),
		    rom | BIT(0) | (uint64_t)level << 9 | BIT(61) | BIT(62));
		assert_int_equal(
		    iommusim_memory_write(amd.machine, in_rom, &entry, sizeof(entry)), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_walk(amd.device,
			&(struct iommusim_dma_request){ .address = 0x5000, .length = 8 }, &walk),
		    IOMMUSIM_OK);
		assert_int_equal(walk.result.fault.record[1], in_rom);
		page = am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
		assert_true(page.faulted);
		assert_int_equal(page.fault.reason, 4);
		assert_int_equal(page.fault.record[1], in_rom);
		assert_int_equal(am_load(&amd, am_entry_at(&amd, 0x5000, 4)) & A, 0);
		am_stop(&amd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_translation_stays_until_its_page_or_domain_is_invalidated),
		cmocka_unit_test(a_large_page_goes_by_any_of_its_pages),
		cmocka_unit_test(devices_of_a_domain_share_what_is_cached),
		cmocka_unit_test(a_hint_keeps_translations_out_of_caches_that_have_an_end),
		cmocka_unit_test(directories_survive_an_invalidation_without_pde),
		cmocka_unit_test(npcache_remembers_what_is_not_there),
		cmocka_unit_test(flags_are_set_as_the_entry_asks),
		cmocka_unit_test(a_request_that_faults_leaves_no_flags),
		cmocka_unit_test(a_page_known_to_be_dirty_is_not_marked_again),
		cmocka_unit_test(a_translation_request_is_a_write_if_it_may_write),
		cmocka_unit_test(a_contrary_unit_fetches_the_next_page),
		cmocka_unit_test(a_flag_that_cannot_be_set_is_a_hardware_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
