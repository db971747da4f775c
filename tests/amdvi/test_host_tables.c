/*
 * Host (v1) tables, walked for DMA (AMD-Vi 2.2.3): modes, levels left out, page sizes, rights, and what each
 * fault is reported as. The bits of entries: test_sweep_host_tables.c.
 */
#include "amdvi_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

#define PR          BIT(0)
#define IR          BIT(61)
#define IW          BIT(62)
#define RW          (IR | IW)
#define NEXT(level) ((uint64_t)(level) << 9)

static void start(struct amd_fixture *amd, unsigned mode)
{
	const struct amd_setup setup = { .mode = (uint8_t)mode, .settings.cache = IOMMUSIM_CACHE_NONE };

	am_start_enabled(amd, &setup);
}

/* The flags of a page fault in the event log, 59:48 without RW. */
enum { F_PR = 0x10, F_PE = 0x40, F_RZ = 0x80, F_RW = 0x20 };

/* One access: it faults with event 2, these flags, for the right device, domain and address. */
static void expect_fault(
    struct amd_fixture *amd, enum iommusim_dma_kind kind, uint64_t address, unsigned flags)
{
	const struct iommusim_dma_page page = am_access(amd->device, kind, address, 8);
	uint64_t event[2];

	assert_true(page.faulted);
	assert_true(page.fault.recorded);
	assert_true(page.fault.aborts);
	assert_int_equal(page.fault.reason, 2);
	am_only_event(amd, event);
	assert_int_equal(event[0] >> 60, 2);
	assert_int_equal(event[0] & 0xffff, AMD_RID);
	assert_int_equal(event[0] >> 32 & 0xffff, AMD_DOMAIN);
	assert_int_equal(event[0] >> 48 & 0xfff, flags | (kind == IOMMUSIM_DMA_READ ? 0 : F_RW));
	assert_int_equal(event[1], address);
	assert_int_equal(page.fault.record[0], event[0]);
	assert_int_equal(page.fault.record[1], event[1]);
}

static void expect_output(struct amd_fixture *amd, uint64_t address, uint64_t output, unsigned shift)
{
	const struct iommusim_dma_page page = am_access(amd->device, IOMMUSIM_DMA_READ, address, 8);

	assert_false(page.faulted);
	assert_true(page.translated);
	assert_int_equal(page.physical, output);
	assert_int_equal(page.page_shift, shift);
	assert_int_equal(page.domain, AMD_DOMAIN);
}

static void every_mode_translates_its_bits_and_no_more(void **state)
{
	(void)state;
	for (unsigned mode = 1; mode <= 6; mode++) {
		const unsigned width = 12 + 9 * mode;
		const uint64_t last = mode == 6 ? UINT64_MAX - 0xfff : BIT(width) - 0x1000;
		struct amd_fixture amd;

		start(&amd, mode);
		am_map(&amd, 0, 0x5000, 3);
		am_map(&amd, last, 0x7000, 3);
		expect_output(&amd, 0x10, 0x5010, 12);
		expect_output(&amd, last + 0x20, 0x7020, 12);
		if (mode < 6) {
			expect_fault(&amd, IOMMUSIM_DMA_READ, BIT(width), 0);
			expect_fault(&amd, IOMMUSIM_DMA_WRITE, BIT(63), 0);
		}
		am_stop(&amd);
	}
}

static void what_is_not_present_is_a_fault_without_flags(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 4);
	am_map(&amd, 0x5000, 0x5000, 3);
	for (unsigned level = 1; level <= 4; level++) {
		const uint64_t at = am_entry_at(&amd, 0x5000, level), entry = am_load(&amd, at);

		am_store(&amd, at, entry & ~PR);
		expect_fault(&amd, IOMMUSIM_DMA_READ, 0x5000, 0);
		expect_fault(&amd, IOMMUSIM_DMA_WRITE, 0x5ff8, 0);
		am_store(&amd, at, entry);
		expect_output(&amd, 0x5000, 0x5000, 12);
	}
	am_stop(&amd);
}

static void rights_are_those_that_every_entry_and_the_dte_give(void **state)
{
	static const uint64_t sets[] = { 0, IR, IW, RW };
	struct amd_fixture amd;

	(void)state;
	start(&amd, 3);
	am_map(&amd, 0x5000, 0x5000, 3);
	for (unsigned i = 0; i < 256; i++) {
		const unsigned given[4] = { i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6 };
		const unsigned all = given[0] & given[1] & given[2] & given[3];
		uint64_t dte[4];

		am_plain_dte(&amd, dte);
		dte[0] = (dte[0] & ~RW) | sets[given[0]];
		am_set_dte(&amd, AMD_RID, dte);
		for (unsigned level = 1; level <= 3; level++) {
			const uint64_t at = am_entry_at(&amd, 0x5000, level);

			am_store(&amd, at, (am_load(&amd, at) & ~RW) | sets[given[level]]);
		}
		for (unsigned kind = 0; kind < 3; kind++) {
			static const unsigned needs[] = { 1, 2, 3 };

			if ((all & needs[kind]) == needs[kind])
				assert_int_equal(
				    am_code(&amd, (enum iommusim_dma_kind)kind, 0x5000), 0);
			else
				expect_fault(&amd, (enum iommusim_dma_kind)kind, 0x5000, F_PR | F_PE);
		}
	}
	am_stop(&amd);
}

static void a_page_of_each_level_has_its_levels_size(void **state)
{
	static const unsigned shifts[] = { 0, 12, 21, 30, 39, 48 };

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		const uint64_t inside = (BIT(shifts[level]) - 1) & 0x3ffff8;
		struct amd_fixture amd;

		start(&amd, 6);
		am_store(&amd, am_entry_at(&amd, BIT(50), level), PR | RW);
		expect_output(&amd, BIT(50) + inside, inside, shifts[level]);
		/* the address bits below the size are none of its business */
		if (level > 1) {
			am_store(&amd, am_entry_at(&amd, BIT(50), level), PR | RW | 0x1000);
			expect_output(&amd, BIT(50) + inside, inside, shifts[level]);
		}
		am_stop(&amd);
	}
}

/* NextLevel 7: the ones below the first 0 bit, from 12 up, are its size. */
static uint64_t sized(uint64_t address, unsigned shift)
{
	return (address | (BIT(shift - 1) - 1)) & ~UINT64_C(0xfff);
}

static void pages_of_every_size_between_levels(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 6);
	for (unsigned level = 1; level <= 5; level++)
		for (unsigned shift = 13; shift <= 52; shift++) {
			const unsigned own = 12 + 9 * (level - 1);
			const bool good = shift > own && shift < own + 9 && shift <= 51;
			const uint64_t at = am_entry_at(&amd, BIT(52), level);
			const uint64_t inside = (BIT(shift) - 1) & 0x3ffff8;
			const uint64_t before = am_load(&amd, at);

			/* the slot of the address itself is one of the 2^k that hold the entry */
			am_store(&amd, at, PR | RW | NEXT(7) | sized(0, shift));
			if (good)
				expect_output(&amd, BIT(52) + (inside & (BIT(own) - 1)),
				    inside & (BIT(own) - 1), shift);
			else
				expect_fault(&amd, IOMMUSIM_DMA_READ, BIT(52), F_PR);
			am_store(&amd, at, before);
		}
	am_stop(&amd);
}

static void a_size_without_a_zero_bit_is_none(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 6);
	for (unsigned level = 1; level <= 5; level++) {
		const uint64_t at = am_entry_at(&amd, 0, level), before = am_load(&amd, at);

		am_store(&amd, at, PR | RW | NEXT(7) | UINT64_C(0xffffffffff000));
		expect_fault(&amd, IOMMUSIM_DMA_READ, 0, F_PR);
		am_store(&amd, at, before);
	}
	am_stop(&amd);
}

static void all_slots_of_a_sized_page_lead_into_it(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 4);
	for (unsigned slot = 0; slot < 16; slot++)
		am_store(&amd, am_entry_at(&amd, 0x40000 + slot * 0x1000, 1),
		    PR | RW | NEXT(7) | 0x20000 | 0x7000); /* 64 KiB at 0x20000 */
	for (unsigned slot = 0; slot < 16; slot++)
		expect_output(&amd, 0x40008 + slot * 0x1000, 0x20008 + slot * 0x1000, 16);
	am_stop(&amd);
}

static void level_6_has_no_leaves(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 6);
	am_store(&amd, amd.page_table, PR | RW);
	expect_fault(&amd, IOMMUSIM_DMA_READ, 0, F_PR);
	for (unsigned shift = 13; shift <= 51; shift++) {
		am_store(&amd, amd.page_table, PR | RW | NEXT(7) | sized(0, shift));
		expect_fault(&amd, IOMMUSIM_DMA_READ, 0, F_PR);
	}
	am_stop(&amd);
}

static void levels_may_be_left_out_where_the_address_is_zero(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 6; level++)
		for (unsigned next = 1; next < level; next++) {
			const unsigned low = 12 + 9 * next, high = 12 + 9 * (level - 1);
			struct amd_fixture amd;
			uint64_t table;

			start(&amd, level);
			table = am_page(&amd);
			am_store(&amd, amd.page_table + 8, PR | RW | NEXT(next) | table);
			for (unsigned slot = 0; slot < 512; slot++)
				am_store(&amd, table + slot * UINT64_C(8), PR | RW | 0x100000);
			if (next == 1)
				expect_output(&amd, BIT(high) + 0x1008, 0x100008, 12);
			else
				assert_int_equal(
				    am_code(&amd, IOMMUSIM_DMA_READ, BIT(high) + 0x1008), 0);
			for (unsigned bit = low; bit < high; bit++)
				expect_fault(&amd, IOMMUSIM_DMA_READ, BIT(high) | BIT(bit), F_PR);
			am_stop(&amd);
		}
}

static void next_level_must_be_lower(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 6; level++)
		for (unsigned next = level; next <= 6; next++) {
			struct amd_fixture amd;

			start(&amd, 6);
			am_store(&amd, am_entry_at(&amd, 0x3000, level),
			    PR | RW | NEXT(next) | am_page(&amd));
			expect_fault(&amd, IOMMUSIM_DMA_READ, 0x3000, F_PR);
			am_stop(&amd);
		}
}

/* Code 4: the address is the entry's, type 2 in 58:57; there is nothing else but the domain and RW. */
static void tables_without_memory_are_hardware_errors(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		struct amd_fixture amd;
		struct iommusim_dma_page page;
		uint64_t event[2], dte[4];

		start(&amd, 4);
		if (level == 4) {
			am_plain_dte(&amd, dte);
			dte[0] = (dte[0] & ~UINT64_C(0xffffffffff000)) | HOLE;
			am_set_dte(&amd, AMD_RID, dte);
		} else {
			am_store(&amd, am_entry_at(&amd, 0x7654321000, level + 1),
			    PR | RW | NEXT(level) | HOLE);
		}
		page = am_access(amd.device, IOMMUSIM_DMA_WRITE, 0x7654321000, 8);
		assert_true(page.faulted);
		assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_TABLE_ACCESS);
		am_only_event(&amd, event);
		assert_int_equal(event[0],
		    UINT64_C(4) << 60 | UINT64_C(2) << 57 | BIT(53) | (uint64_t)AMD_DOMAIN << 32 |
			AMD_RID);
		assert_int_equal(
		    event[1], HOLE + (UINT64_C(0x7654321000) >> (12 + 9 * (level - 1)) & 0x1ff) * 8);
		am_stop(&amd);
	}
}

static void mode_0_passes_what_the_dte_allows(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start(&amd, 4);
	am_plain_dte(&amd, dte);
	dte[0] = PR | BIT(1) | IR;
	am_set_dte(&amd, AMD_RID, dte);
	expect_output(&amd, 0x5008, 0x5008, 12);
	expect_fault(&amd, IOMMUSIM_DMA_WRITE, 0x5008, F_PR | F_PE);
	expect_fault(&amd, IOMMUSIM_DMA_ATOMIC, 0x5008, F_PR | F_PE);
	dte[0] = PR | BIT(1) | IW;
	am_set_dte(&amd, AMD_RID, dte);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x5008), 0);
	expect_fault(&amd, IOMMUSIM_DMA_READ, 0x5008, F_PR | F_PE);
	am_stop(&amd);
}

/* EFR.HATS: 0 four levels, 1 five, 2 six. */
static void modes_beyond_what_the_unit_has_are_illegal(void **state)
{
	(void)state;
	for (unsigned hats = 0; hats < 3; hats++)
		for (unsigned mode = 1; mode <= 7; mode++)
			for (unsigned choice = 0; choice < 2; choice++) {
				const struct amd_setup setup = { .efr_clear = F_HATS,
					.efr_set = (uint64_t)hats << 10,
					.choices.mode_is_page_fault = choice != 0,
					.settings.cache = IOMMUSIM_CACHE_NONE };
				struct amd_fixture amd;
				uint64_t dte[4], event[2];

				am_start_enabled(&amd, &setup);
				am_plain_dte(&amd, dte);
				dte[0] = (dte[0] & ~NEXT(7)) | NEXT(mode);
				am_set_dte(&amd, AMD_RID, dte);
				am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
				am_only_event(&amd, event);
				if (mode <= 4 + hats) /* the table is empty */
					assert_int_equal(event[0] >> 48, 0x2000);
				else if (choice == 0) /* RZ=0: a bad level */
					assert_int_equal(event[0] >> 48, 0x1000);
				else
					assert_int_equal(event[0] >> 48, 0x2010);
				am_stop(&amd);
			}
}

static void a_512_gib_page_is_refused_by_choice_alone(void **state)
{
	(void)state;
	for (unsigned choice = 0; choice < 2; choice++) {
		const struct amd_setup setup = { .choices.no_512g_leaves = choice != 0,
			.settings.cache = IOMMUSIM_CACHE_NONE };
		struct amd_fixture amd;

		am_start_enabled(&amd, &setup);
		am_store(&amd, am_entry_at(&amd, 0, 4), PR | RW);
		if (choice == 0)
			expect_output(&amd, 0x5008, 0x5008, 39);
		else
			expect_fault(&amd, IOMMUSIM_DMA_READ, 0x5008, F_PR);
		am_store(&amd, am_entry_at(&amd, 0, 4), 0);
		am_store(&amd, am_entry_at(&amd, 0, 3), PR | RW);
		expect_output(&amd, 0x5008, 0x5008, 30);
		am_stop(&amd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_translates_its_bits_and_no_more),
		cmocka_unit_test(what_is_not_present_is_a_fault_without_flags),
		cmocka_unit_test(rights_are_those_that_every_entry_and_the_dte_give),
		cmocka_unit_test(a_page_of_each_level_has_its_levels_size),
		cmocka_unit_test(pages_of_every_size_between_levels),
		cmocka_unit_test(a_size_without_a_zero_bit_is_none),
		cmocka_unit_test(all_slots_of_a_sized_page_lead_into_it),
		cmocka_unit_test(level_6_has_no_leaves),
		cmocka_unit_test(levels_may_be_left_out_where_the_address_is_zero),
		cmocka_unit_test(next_level_must_be_lower),
		cmocka_unit_test(tables_without_memory_are_hardware_errors),
		cmocka_unit_test(mode_0_passes_what_the_dte_allows),
		cmocka_unit_test(modes_beyond_what_the_unit_has_are_illegal),
		cmocka_unit_test(a_512_gib_page_is_refused_by_choice_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
