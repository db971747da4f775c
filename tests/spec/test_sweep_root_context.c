/*
 * Every bit of root entry and context entry (VT-d 9.1, 9.3), flipped one at a time in an entry that is
 * otherwise good: reserved, ignored, or meaning what it says. And every encoding of TT and AW.
 */
#include "sweep.h"

#define INPUT  UINT64_C(0x5000)
#define OUTPUT UINT64_C(0x7000)
#define DOMAIN UINT64_C(5)
#define ROOMY  UINT64_C(0x3000000) /* a table here has no other one a flipped bit away */

static const uint8_t widths[] = { 39, 46, 52 };

/* Domain id bits by CAP.ND: 4 + 2 ND. What lies above, up to bit 87, is reserved (VT-d 9.3). */
static const uint8_t domain_bits[] = { 4, 6, 8, 10, 12, 14, 16 };

static struct vtd_setup setup_of(unsigned haw, unsigned nd)
{
	return (struct vtd_setup){ .haw = (uint8_t)haw, .cap_clear = 7, .cap_set = nd };
}

/* TT in 3:2, AW 2 (four levels), domain 5. */
static void set_context(struct vtd_fixture *vtd, unsigned type)
{
	vt_set_context(vtd, VTD_RID, vtd->page_table | (uint64_t)type << 2 | 1, DOMAIN << 8 | 2);
}

static void start(struct vtd_fixture *vtd, const struct vtd_setup *setup, unsigned type)
{
	sweep_start(vtd, setup);
	vtd->page_table = ROOMY;
	vt_map(vtd, INPUT, OUTPUT, 3);
	set_context(vtd, type);
}

/* CTP: the context table is where the flipped pointer says, and the entry there gives the domain. */
static void root_points_elsewhere(struct vtd_fixture *vtd, unsigned bit)
{
	const struct sweep_move move = {
		.table = vtd->context_table ^ BIT(bit),
		.offset = (VTD_RID & 0xff) * UINT64_C(16),
		.entry = { vtd->page_table | 1, UINT64_C(9) << 8 | 2 },
		.quads = 2,
		.address = INPUT,
		.hole = SWEEP_ALL(9),
		.empty = SWEEP_ALL(2),
	};

	sweep_moved_in(vtd, &move);
	sweep_works(vtd, INPUT, OUTPUT, 9);
	sweep_moved_out(vtd, &move);
}

/* Quadword 0: P 0, 11:1 reserved, CTP 63:12 of which 63:HAW are reserved. */
static void flip_root_low(struct vtd_fixture *vtd, unsigned haw)
{
	const uint64_t before = vt_load(vtd, vt_root_at(vtd));

	for (unsigned bit = 0; bit < 64; bit++) {
		vt_store(vtd, vt_root_at(vtd), before ^ BIT(bit));
		if (bit == 0)
			sweep_expect(vtd, INPUT, SWEEP_ALL(1));
		else if (bit < 12 || bit >= haw)
			sweep_expect(vtd, INPUT, SWEEP_ALL(0xa));
		else
			root_points_elsewhere(vtd, bit);
	}
	vt_store(vtd, vt_root_at(vtd), before);
}

static void each_bit_of_a_root_entry_does_what_9_1_says(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++) {
		const struct vtd_setup setup = setup_of(widths[i], 2);

		start(&vtd, &setup, 0);
		flip_root_low(&vtd, widths[i]);
		for (unsigned bit = 0; bit < 64; bit++) {
			vt_store(&vtd, vt_root_at(&vtd) + 8, BIT(bit));
			sweep_expect(&vtd, INPUT, SWEEP_ALL(0xa));
		}
		vt_store(&vtd, vt_root_at(&vtd) + 8, 0);
		sweep_works(&vtd, INPUT, OUTPUT, DOMAIN);
		vt_stop(&vtd);
	}
}

/* P=0: "all other fields are ignored". */
static void each_bit_of_a_root_entry_that_is_not_present_is_ignored(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .haw = 39 }, 0);
	for (unsigned bit = 1; bit < 128; bit++) {
		vt_store(&vtd, vt_root_at(&vtd), bit < 64 ? BIT(bit) : 0);
		vt_store(&vtd, vt_root_at(&vtd) + 8, bit < 64 ? 0 : BIT(bit - 64));
		sweep_expect(&vtd, INPUT, SWEEP_ALL(1));
	}
	vt_stop(&vtd);
}

/* SSPTPTR: the page table is where the flipped pointer says. Its first entry is copied there. */
static void context_points_elsewhere(struct vtd_fixture *vtd, unsigned bit)
{
	const struct sweep_move move = {
		.table = vtd->page_table ^ BIT(bit),
		.entry = { vt_load(vtd, vtd->page_table) },
		.quads = 1,
		.address = INPUT,
		.hole = SWEEP_ALL(3),
		.empty = SWEEP_NOT_PRESENT,
	};

	sweep_moved_in(vtd, &move);
	sweep_works(vtd, INPUT, OUTPUT, DOMAIN);
	sweep_moved_out(vtd, &move);
}

/* A TT the fixture's unit has: 0 and 1 translate, 2 passes through; 3 is reserved. */
static void expect_type(struct vtd_fixture *vtd, unsigned type)
{
	if (type == 3)
		sweep_expect(vtd, INPUT, SWEEP_ALL(3));
	else
		sweep_works(vtd, INPUT, type == 2 ? INPUT : OUTPUT, DOMAIN);
}

/* P 0, FPD 1, TT 3:2, 11:4 reserved, SSPTPTR 63:12: ignored in pass-through, else 63:HAW reserved. */
static void flip_context_low(struct vtd_fixture *vtd, unsigned haw, unsigned type)
{
	const uint64_t before = vt_load(vtd, vt_context_at(vtd));

	for (unsigned bit = 0; bit < 64; bit++) {
		const bool reserved = (bit >= 4 && bit < 12) || (bit >= haw && type != 2);
		const bool ignored = bit == 1 || (bit >= 12 && type == 2);

		vt_store(vtd, vt_context_at(vtd), before ^ BIT(bit));
		if (bit == 0)
			sweep_expect(vtd, INPUT, SWEEP_ALL(2));
		else if (reserved)
			sweep_expect(vtd, INPUT, SWEEP_ALL(0xb));
		else if (ignored)
			expect_type(vtd, type);
		else if (bit < 4)
			expect_type(vtd, type ^ 1u << (bit - 2));
		else
			context_points_elsewhere(vtd, bit);
	}
	vt_store(vtd, vt_context_at(vtd), before);
}

/*
 * AW 2:0 of quadword 1, where 2 was. 3 is five levels: the tables of four are then one level off, and
 * what should be an entry of level 2 is an unused one of level 1. 0 and 6 are reserved.
 */
static void expect_width(struct vtd_fixture *vtd, unsigned width, unsigned type)
{
	if (width != 3)
		sweep_expect(vtd, INPUT, SWEEP_ALL(3));
	else if (type == 2)
		expect_type(vtd, type);
	else
		sweep_expect(vtd, INPUT, SWEEP_NOT_PRESENT);
}

/* AW 66:64, 70:67 ignored, 71 reserved, DID 87:72 of which CAP.ND may reserve some, 127:88 reserved. */
static void flip_context_high(struct vtd_fixture *vtd, unsigned nd, unsigned type)
{
	const uint64_t at = vt_context_at(vtd) + 8, before = vt_load(vtd, at);

	for (unsigned bit = 0; bit < 64; bit++) {
		vt_store(vtd, at, before ^ BIT(bit));
		if (bit < 3)
			expect_width(vtd, 2 ^ 1u << bit, type);
		else if (bit < 7)
			expect_type(vtd, type);
		else if (bit == 7 || bit >= 8u + domain_bits[nd])
			sweep_expect(vtd, INPUT, SWEEP_ALL(0xb));
		else
			sweep_works(
			    vtd, INPUT, type == 2 ? INPUT : OUTPUT, (uint32_t)(DOMAIN ^ BIT(bit - 8)));
	}
	vt_store(vtd, at, before);
}

static void each_bit_of_a_context_entry_does_what_9_3_says(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++) {
		for (unsigned nd = 0; nd < 7; nd++) {
			const struct vtd_setup setup = setup_of(widths[i], nd);

			for (unsigned type = 0; type < 3; type++) {
				start(&vtd, &setup, type);
				flip_context_low(&vtd, widths[i], type);
				flip_context_high(&vtd, nd, type);
				expect_type(&vtd, type);
				vt_stop(&vtd);
			}
		}
	}
}

/* P=0: all fields but FPD are ignored. */
static void each_bit_of_a_context_entry_that_is_not_present_is_ignored(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .haw = 39, .cap_clear = 7 }, 0);
	for (unsigned bit = 2; bit < 128; bit++) {
		vt_set_context(&vtd, VTD_RID, bit < 64 ? BIT(bit) : 0, bit < 64 ? 0 : BIT(bit - 64));
		sweep_expect(&vtd, INPUT, SWEEP_ALL(2));
	}
	vt_stop(&vtd);
}

/* A pass-through context needs a unit with PT; without it bits 63:HAW have no excuse either. */
static void the_page_table_pointer_of_pass_through_is_ignored_on_units_with_pass_through(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .haw = 39 }, 2);
	vt_set_context(&vtd, VTD_RID, UINT64_C(0xfffffffffffff000) | 2 << 2 | 1, DOMAIN << 8 | 2);
	sweep_works(&vtd, INPUT, INPUT, DOMAIN);
	vt_stop(&vtd);
}

static unsigned typed_reason(struct vtd_fixture *vtd, unsigned address_type)
{
	const struct iommusim_dma_request request = { .address = INPUT,
		.length = 8,
		.address_type = (enum iommusim_dma_address_type)address_type };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(vtd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	if (outcome.page.fault.recorded)
		vt_clear_record(vtd, outcome.page.fault.index);
	return outcome.page.fault.reason;
}

/* VT-d 9.3, TT: the reasons of an untranslated, a translation and a translated request. */
#define BLOCKED                                                                                        \
	{                                                                                              \
		0, 0xd, 0xd                                                                            \
	}
#define SERVED                                                                                         \
	{                                                                                              \
		0, 0, 0                                                                                \
	}
#define INVALID                                                                                        \
	{                                                                                              \
		3, 3, 3                                                                                \
	}

static const struct {
	bool device_tlbs, pass_through; /* ECAP.DT, ECAP.PT */
	uint8_t reason[4][3];           /* by TT and address type */
} types[] = {
	{ false, false, { BLOCKED, INVALID, INVALID, INVALID } },
	{ false, true, { BLOCKED, INVALID, BLOCKED, INVALID } },
	{ true, false, { BLOCKED, SERVED, INVALID, INVALID } },
	{ true, true, { BLOCKED, SERVED, BLOCKED, INVALID } },
};

/*
 * All of TT with and without DT and PT, under all AW and all SAGAW. An AW the unit lacks is reason 3;
 * where TT blocks the request too no order is given, so that pair is left out.
 */
static void check_encodings(struct vtd_fixture *vtd, size_t row, unsigned widths_of_unit)
{
	for (unsigned type = 0; type < 4; type++) {
		for (unsigned width = 0; width < 8; width++) {
			const bool known =
			    width >= 1 && width <= 3 && (widths_of_unit >> width & 1) != 0;

			vt_set_context(vtd, VTD_RID, vtd->page_table | (uint64_t)type << 2 | 1,
			    DOMAIN << 8 | width);
			for (unsigned at = 0; at < 3; at++) {
				const unsigned reason = types[row].reason[type][at];

				if (known)
					assert_int_equal(typed_reason(vtd, at), reason);
				else if (reason != 0xd)
					assert_int_equal(typed_reason(vtd, at), 3);
			}
		}
	}
}

/* A chain of tables: INPUT (index 5 at level 1, 0 above) is mapped at whatever depth it ends. */
static void map_for_all_depths(struct vtd_fixture *vtd)
{
	uint64_t table = vtd->page_table;

	for (unsigned i = 0; i < 4; i++) {
		const uint64_t next = vt_page(vtd);

		vt_store(vtd, table, next | 3);
		vt_store(vtd, next + 5 * UINT64_C(8), OUTPUT | 3);
		table = next;
	}
}

static void each_encoding_of_type_and_width_is_served_or_reason_3(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t row = 0; row < sizeof(types) / sizeof(*types); row++) {
		for (unsigned sagaw = 1; sagaw < 8; sagaw++) {
			const struct vtd_setup setup = { .cap_clear = CAP_SAGAW,
				.cap_set = (uint64_t)sagaw << 9,
				.ecap_clear = (types[row].device_tlbs ? 0 : ECAP_DT) |
				    (types[row].pass_through ? 0 : ECAP_PT) };

			sweep_start(&vtd, &setup);
			map_for_all_depths(&vtd);
			check_encodings(&vtd, row, sagaw << 1);
			vt_stop(&vtd);
		}
	}
}

/* 9.3: pass-through "must be programmed to indicate the largest AGAW"; a unit may insist on it. */
static void a_unit_may_insist_on_the_widest_pass_through(void **state)
{
	static const uint8_t widest[] = { 0, 1, 2, 2, 3, 3, 3, 3 }; /* by SAGAW, bits 3:1 */
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned sagaw = 1; sagaw < 8; sagaw++) {
		const struct vtd_setup setup = { .cap_clear = CAP_SAGAW,
			.cap_set = (uint64_t)sagaw << 9,
			.choices.pass_through_widest = true };

		sweep_start(&vtd, &setup);
		map_for_all_depths(&vtd);
		for (unsigned width = 0; width < 8; width++) {
			const bool known = width >= 1 && width <= 3 && (sagaw << 1 >> width & 1) != 0;

			vt_set_context(&vtd, VTD_RID, 2 << 2 | 1, DOMAIN << 8 | width);
			sweep_expect(&vtd, INPUT, SWEEP_ALL(width == widest[sagaw] ? 0 : 3));
			vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, DOMAIN << 8 | width);
			sweep_expect(&vtd, INPUT, SWEEP_ALL(known ? 0 : 3));
		}
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_a_root_entry_does_what_9_1_says),
		cmocka_unit_test(each_bit_of_a_root_entry_that_is_not_present_is_ignored),
		cmocka_unit_test(each_bit_of_a_context_entry_does_what_9_3_says),
		cmocka_unit_test(each_bit_of_a_context_entry_that_is_not_present_is_ignored),
		cmocka_unit_test(
		    the_page_table_pointer_of_pass_through_is_ignored_on_units_with_pass_through),
		cmocka_unit_test(each_encoding_of_type_and_width_is_served_or_reason_3),
		cmocka_unit_test(a_unit_may_insist_on_the_widest_pass_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
