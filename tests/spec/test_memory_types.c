/*
 * Memory types (VT-d 3.11, 11.4.12): what the MTRRs say of an address, and what that comes to for a page
 * together with PAT, EMT, IPAT, CD and EMTE. The functions under test are the model's own: no DMA has a
 * memory type to show.
 */
#include "models/vtd/memory_type.h" /* first: the fixture has macros of the same names as its needs */

#include "vtd_fixture.h"

#define CAP_FRO_700 (UINT64_C(0x70) << 24)
#define ECAP_MTS    BIT(25)

enum { MTRRCAP = 0x100, MTRRDEF = 0x108, FIX = 0x120, BASE = 0x180, MASK = 0x188 };
enum { UC = 0, WC = 1, WT = 4, WP = 5, WB = 6, UC_MINUS = 7 };

#define E  0x800u /* MTRRDEF: on */
#define FE 0x400u /* and the fixed ranges too */
#define V  UINT64_C(0x800)

/* HAW is 46: a mask that compares every bit from `size` on, a power of two. */
#define COMPARE(size) (UINT64_C(0x3fffffffffff) & ~((uint64_t)(size)-1))

static struct iommusim_vtd_config with(uint64_t mtrr_capability)
{
	return (struct iommusim_vtd_config){
		.base = VTD_BASE,
		.version = 0x10,
		.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700,
		.ext_capability = VTD_DEFAULT_ECAP | ECAP_SMTS | ECAP_MTS,
		.host_address_width = VTD_HAW,
		.mtrr_capability = mtrr_capability,
	};
}

static void start(struct vtd_fixture *vtd, uint64_t mtrr_capability)
{
	const struct iommusim_vtd_config config = with(mtrr_capability);

	memset(vtd, 0, sizeof(*vtd));
	assert_int_equal(iommusim_machine_create(NULL, &vtd->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd->machine, &config, &vtd->unit), IOMMUSIM_OK);
}

static unsigned type_of(struct vtd_fixture *vtd, uint64_t address)
{
	return vtd_mtrr_type(vtd_of(vtd->unit), address);
}

static void set_range(
    struct vtd_fixture *vtd, unsigned number, uint64_t base, uint64_t size, unsigned type)
{
	vt_set64(vtd, BASE + 16 * number, base | type);
	vt_set64(vtd, MASK + 16 * number, COMPARE(size) | V);
}

static void disabled_MTRRs_say_uncacheable(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	for (unsigned i = 0; i < 11; i++)
		vt_set64(&vtd, FIX + 8 * i, 0x0606060606060606);
	set_range(&vtd, 0, 0, 0x40000000, WB);
	for (uint32_t value = 0; value < 2; value++) {
		vt_set64(&vtd, MTRRDEF, (value ? FE : 0) | WB);
		assert_int_equal(type_of(&vtd, 0), UC);
		assert_int_equal(type_of(&vtd, 0x1000000), UC);
		assert_int_equal(type_of(&vtd, 0x80000000), UC);
	}
	vt_stop(&vtd);
}

static void where_no_range_is_the_default_type_counts(void **state)
{
	static const unsigned legal[] = { UC, WC, WT, WP, WB };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	for (unsigned i = 0; i < 5; i++) {
		vt_set64(&vtd, MTRRDEF, E | legal[i]);
		assert_int_equal(type_of(&vtd, 0), legal[i]);
		assert_int_equal(type_of(&vtd, 0x3fffffffffff), legal[i]);
		vt_set64(&vtd, MTRRDEF, E | FE | legal[i]);
		assert_int_equal(type_of(&vtd, 0x100000), legal[i]);
		assert_int_equal(type_of(&vtd, 0xfffff), UC); /* the fixed ranges hold 0 */
	}
	vt_stop(&vtd);
}

/* Table 50: first address and size of the ranges of each register. */
static void each_fixed_range_has_its_byte(void **state)
{
	static const struct {
		unsigned offset;
		uint32_t first, size;
	} rows[] = {
		{ 0x120, 0x00000, 0x10000 },
		{ 0x128, 0x80000, 0x4000 },
		{ 0x130, 0xa0000, 0x4000 },
		{ 0x138, 0xc0000, 0x1000 },
		{ 0x140, 0xc8000, 0x1000 },
		{ 0x148, 0xd0000, 0x1000 },
		{ 0x150, 0xd8000, 0x1000 },
		{ 0x158, 0xe0000, 0x1000 },
		{ 0x160, 0xe8000, 0x1000 },
		{ 0x168, 0xf0000, 0x1000 },
		{ 0x170, 0xf8000, 0x1000 },
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	vt_set64(&vtd, MTRRDEF, E | FE | WT);
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		for (unsigned byte = 0; byte < 8; byte++) {
			const uint32_t first = rows[row].first + byte * rows[row].size;

			vt_set64(&vtd, rows[row].offset, (uint64_t)WP << byte * 8);
			assert_int_equal(type_of(&vtd, first), WP);
			assert_int_equal(type_of(&vtd, first + rows[row].size - 1), WP);
			assert_int_equal(type_of(&vtd, first + rows[row].size),
			    first + rows[row].size == 0x100000 ? WT : UC);
			if (first > 0)
				assert_int_equal(type_of(&vtd, first - 1), UC);
			vt_set64(&vtd, rows[row].offset, 0);
		}
	}
	vt_stop(&vtd);
}

static void fixed_ranges_come_before_variable_ones_while_they_are_enabled(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	vt_set64(&vtd, FIX, 0x0505050505050505);
	set_range(&vtd, 0, 0, 0x200000, WB);
	vt_set64(&vtd, MTRRDEF, E | FE | WC);
	assert_int_equal(type_of(&vtd, 0x7ffff), WP);
	assert_int_equal(type_of(&vtd, 0x80000), UC);
	assert_int_equal(type_of(&vtd, 0x100000), WB);
	assert_int_equal(type_of(&vtd, 0x200000), WC);
	vt_set64(&vtd, MTRRDEF, E | WC);
	assert_int_equal(type_of(&vtd, 0x7ffff), WB);
	assert_int_equal(type_of(&vtd, 0x80000), WB);
	vt_stop(&vtd);
}

static void a_variable_range_is_what_its_mask_compares(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	vt_set64(&vtd, MTRRDEF, E | WB);
	for (unsigned n = 0; n < 10; n++) {
		set_range(&vtd, n, 0x40000000, 0x10000, WP);
		assert_int_equal(type_of(&vtd, 0x40000000), WP);
		assert_int_equal(type_of(&vtd, 0x4000ffff), WP);
		assert_int_equal(type_of(&vtd, 0x3fffffff), WB);
		assert_int_equal(type_of(&vtd, 0x40010000), WB);
		assert_int_equal(type_of(&vtd, 0x200040000000), WB); /* bit 45 counts */
		vt_set64(&vtd, MASK + 16 * n, COMPARE(0x10000));     /* not valid */
		assert_int_equal(type_of(&vtd, 0x40000000), WB);
		/* A mask with a hole: every second 64 KiB of 512. */
		vt_set64(&vtd, MASK + 16 * n, (COMPARE(0x80000) | 0x10000) | V);
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(
			    type_of(&vtd, 0x40000000 + i * 0x10000u), i < 8 && i % 2 == 0 ? WP : WB);
		/* Base bits that are not compared do not matter. */
		vt_set64(&vtd, BASE + 16 * n, 0x4003f000 | WP);
		vt_set64(&vtd, MASK + 16 * n, COMPARE(0x40000) | V);
		assert_int_equal(type_of(&vtd, 0x40000000), WP);
		vt_set64(&vtd, MASK + 16 * n, 0);
	}
	set_range(&vtd, 3, 0, UINT64_C(1) << 46, WT); /* nothing compared: everywhere */
	assert_int_equal(type_of(&vtd, 0), WT);
	assert_int_equal(type_of(&vtd, 0x3fffffffffff), WT);
	vt_stop(&vtd);
}

/*
 * 3.11.2: alike is that type, UC wins, WT and WB are WT. What the specification leaves undefined is UC
 * here: each other pair of types that differ.
 */
static unsigned pair(unsigned a, unsigned b)
{
	if (a == b)
		return a;
	return (a == WT && b == WB) || (a == WB && b == WT) ? WT : UC;
}

static void overlapping_ranges_have_the_type_the_rules_give(void **state)
{
	static const unsigned legal[] = { UC, WC, WT, WP, WB };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	vt_set64(&vtd, MTRRDEF, E | WB);
	for (unsigned a = 0; a < 5; a++) {
		for (unsigned b = 0; b < 5; b++) {
			set_range(&vtd, 2, 0x40000000, 0x20000000, legal[a]);
			set_range(&vtd, 7, 0x50000000, 0x10000000, legal[b]);
			assert_int_equal(type_of(&vtd, 0x4fffffff), legal[a]);
			assert_int_equal(type_of(&vtd, 0x50000000), pair(legal[a], legal[b]));
		}
	}
	set_range(&vtd, 2, 0x40000000, 0x20000000, WB);
	set_range(&vtd, 7, 0x40000000, 0x20000000, WT);
	set_range(&vtd, 9, 0x40000000, 0x20000000, WB);
	assert_int_equal(type_of(&vtd, 0x40000000), WT); /* three */
	set_range(&vtd, 0, 0x40000000, 0x20000000, UC);
	assert_int_equal(type_of(&vtd, 0x40000000), UC);
	set_range(&vtd, 0, 0x40000000, 0x20000000, WC);
	assert_int_equal(type_of(&vtd, 0x40000000), UC); /* undefined */
	vt_stop(&vtd);
}

/* Values other than 0, 1, 4, 5 and 6 are not legal in an MTRR: uncacheable here, everywhere. */
static void an_illegal_type_is_uncacheable(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	for (unsigned type = 0; type < 256; type++) {
		const unsigned expected =
		    type == WC || type == WT || type == WP || type == WB ? type : UC;

		vt_set64(&vtd, MTRRDEF, E | FE | type);
		vt_set64(&vtd, FIX, type);
		set_range(&vtd, 0, 0x40000000, 0x1000, type);
		assert_int_equal(type_of(&vtd, 0), expected);
		assert_int_equal(type_of(&vtd, 0x40000000), expected);
		assert_int_equal(type_of(&vtd, 0x80000000), expected);
	}
	vt_stop(&vtd);
}

static void MTRRCAP_says_which_registers_and_types_there_are(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 0);
	assert_int_equal(vt_get64(&vtd, MTRRCAP), 0x50a); /* WC, FIX, VCNT 10 */
	vt_stop(&vtd);

	start(&vtd, 0x3); /* three ranges, no fixed ones, no WC */
	assert_int_equal(vt_get64(&vtd, MTRRCAP), 0x3);
	vt_set64(&vtd, MTRRDEF, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, MTRRDEF), 0x8ff);
	for (unsigned i = 0; i < 11; i++) {
		vt_set64(&vtd, FIX + 8 * i, UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, FIX + 8 * i), 0);
	}
	for (unsigned n = 0; n < 10; n++) {
		vt_set64(&vtd, BASE + 16 * n, UINT64_MAX);
		vt_set64(&vtd, MASK + 16 * n, UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, BASE + 16 * n), n < 3 ? 0x3ffffffff0ff : 0);
		assert_int_equal(vt_get64(&vtd, MASK + 16 * n), n < 3 ? 0x3ffffffff800 : 0);
	}
	vt_set64(&vtd, MTRRDEF, E | FE | WB);
	for (unsigned n = 0; n < 3; n++)
		vt_set64(&vtd, MASK + 16 * n, 0);
	assert_int_equal(type_of(&vtd, 0), WB);
	set_range(&vtd, 2, 0, 0x100000, WC);
	assert_int_equal(type_of(&vtd, 0), UC);
	set_range(&vtd, 2, 0, 0x100000, WP);
	assert_int_equal(type_of(&vtd, 0), WP);
	vt_stop(&vtd);
}

static void what_MTRRCAP_cannot_say_is_refused(void **state)
{
	static const struct {
		uint64_t ecap_clear, capability;
		const char *why;
	} bad[] = {
		{ 0, 0x50b, "MTRRCAP.VCNT" },
		{ 0, 0x70a, "reserved bits of MTRRCAP" },
		{ 0, 0xd0a, "reserved bits of MTRRCAP" },
		{ ECAP_MTS, 0x50a, "MTRRCAP needs ECAP.MTS" },
	};
	struct iommusim_machine *machine;

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct iommusim_vtd_config config = with(bad[i].capability);

		config.ext_capability &= ~bad[i].ecap_clear;
		assert_int_equal(iommusim_vtd_create(machine, &config, NULL), IOMMUSIM_EINVAL);
		assert_non_null(strstr(iommusim_machine_diagnostic(machine)->text, bad[i].why));
	}
	iommusim_machine_destroy(machine);
}

/* 3.11.1, 9.6: eight types of four bits; encodings 2, 3 and 8 to 15 are reserved, and UC here. */
static void a_page_attribute_table_has_eight_types(void **state)
{
	(void)state;
	for (unsigned index = 0; index < 8; index++) {
		for (unsigned type = 0; type < 16; type++) {
			const uint32_t pat = (0x66666666u & ~(0xfu << index * 4)) | type << index * 4;

			assert_int_equal(
			    vtd_pat_type(pat, index), type == 2 || type == 3 || type >= 8 ? UC : type);
			assert_int_equal(vtd_pat_type(pat, (index + 1) % 8), WB);
		}
	}
}

static const unsigned mtrr_types[] = { UC, WC, WT, WB, WP };
static const unsigned pat_types[] = { UC, UC_MINUS, WC, WT, WB, WP };
/* Table 7, in its order. */
static const unsigned effective[5][6] = {
	{ UC, UC, WC, UC, UC, UC },
	{ UC, WC, WC, UC, WC, UC },
	{ UC, UC, WC, WT, WT, WP },
	{ UC, UC, WC, WT, WB, WP },
	{ UC, WC, WC, WT, WP, WP },
};

static void the_effective_type_is_that_of_table_7(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 5; m++)
		for (unsigned p = 0; p < 6; p++)
			assert_int_equal(
			    vtd_effective_type(mtrr_types[m], pat_types[p]), effective[m][p]);
}

/* Every combination of what a page's type hangs on, against Table 9. */
static unsigned table_9(const struct vtd_page_typing *page, unsigned m, unsigned p, unsigned e)
{
	if (page->cache_disable)
		return UC;
	switch (page->translation) {
	case 1:
		return effective[m][p];
	case 2:
		return page->extended ? mtrr_types[e] : WB;
	case 3:
		if (!page->extended)
			return effective[m][p];
		return page->ignore_pat ? mtrr_types[e] : effective[e][p];
	default:
		return WB;
	}
}

static void the_type_of_a_page_is_that_of_table_9(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		for (unsigned n = 0; n < 4 * 5 * 6 * 5; n++) {
			const unsigned m = n / 4 % 5, p = n / 20 % 6, e = n / 120 % 5;
			struct vtd_page_typing page = {
				.scalable = true,
				.cache_disable = (bits & 1) != 0,
				.extended = (bits & 2) != 0,
				.ignore_pat = (bits & 4) != 0,
				.translation = (uint8_t)(n % 4 + 1),
				.extended_type = (uint8_t)mtrr_types[e],
				.pat_index = 5,
				.pat = 0x00000000u | pat_types[p] << 20,
				.mtrr = mtrr_types[m],
			};

			assert_int_equal(vtd_memory_type_of(&page), table_9(&page, m, p, e));
			page.scalable = false; /* legacy mode (3.11.4.1) */
			assert_int_equal(vtd_memory_type_of(&page), WB);
		}
	}
}

/* 9.8: values 2, 3 and 7 of EMT are reserved; UC here. */
static void a_reserved_extended_type_is_uncacheable(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 8; type++) {
		const struct vtd_page_typing page = { .scalable = true,
			.extended = true,
			.translation = 2,
			.extended_type = (uint8_t)type };

		assert_int_equal(
		    vtd_memory_type_of(&page), type == 2 || type == 3 || type == 7 ? UC : type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disabled_MTRRs_say_uncacheable),
		cmocka_unit_test(where_no_range_is_the_default_type_counts),
		cmocka_unit_test(each_fixed_range_has_its_byte),
		cmocka_unit_test(fixed_ranges_come_before_variable_ones_while_they_are_enabled),
		cmocka_unit_test(a_variable_range_is_what_its_mask_compares),
		cmocka_unit_test(overlapping_ranges_have_the_type_the_rules_give),
		cmocka_unit_test(an_illegal_type_is_uncacheable),
		cmocka_unit_test(MTRRCAP_says_which_registers_and_types_there_are),
		cmocka_unit_test(what_MTRRCAP_cannot_say_is_refused),
		cmocka_unit_test(a_page_attribute_table_has_eight_types),
		cmocka_unit_test(the_effective_type_is_that_of_table_7),
		cmocka_unit_test(the_type_of_a_page_is_that_of_table_9),
		cmocka_unit_test(a_reserved_extended_type_is_uncacheable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
