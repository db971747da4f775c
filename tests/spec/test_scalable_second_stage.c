/*
 * Second-stage translation in scalable mode (VT-d 3.7, 9.8, 11.4.5): the walk is the one of legacy
 * mode, its faults are not; and IR and IW may stand for R and W. Accessed and dirty flags are
 * elsewhere.
 */
#include "scalable_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

/*
 * An input address whose index differs at every level: 0x1a5, 0x0c3, 0x12f, 0x07e, 0x0e1 from the top.
 */
#define INPUT                                                                                          \
	(UINT64_C(0x1a5) << 48 | UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 |                       \
	    UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

#define IR BIT(61)
#define IW BIT(62)

struct stage {
	struct scalable sm;
	unsigned levels;
};

/* AW 1, 2, 3 are 3, 4, 5 levels; SM_PASID and requests without PASID go through the same table. */
static void start_with(struct stage *stage, unsigned levels, const struct vtd_setup *setup)
{
	uint64_t entry[8] = { 0 };

	sm_start(&stage->sm, setup);
	stage->levels = levels;
	entry[0] = stage->sm.second | SM_SECOND | SM_AW(levels - 2) | SM_P;
	entry[1] = SM_PWSNP | SM_DOMAIN;
	entry[2] = SM_SRE;
	sm_set_entry(&stage->sm, SM_PASID, entry);
	sm_set_entry(&stage->sm, SM_NO_PASID, entry);
}

static void start(struct stage *stage, unsigned levels)
{
	start_with(stage, levels, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
}

static uint64_t at(struct stage *stage, uint64_t input, unsigned level)
{
	return sm_second_at(&stage->sm, stage->sm.second, stage->levels, input, level);
}

static void map(struct stage *stage, uint64_t input, uint64_t output, uint64_t bits, unsigned level)
{
	sm_map_second(&stage->sm, stage->sm.second, stage->levels, input, output, bits, level);
}

static uint64_t input_of(unsigned levels)
{
	return INPUT & (BIT(12 + 9 * levels) - 1);
}

static unsigned reason(struct stage *stage, enum iommusim_dma_kind kind, uint64_t address)
{
	const unsigned got = sm_reason(&stage->sm, kind, address, SM_PASID, 0);

	/* The second stage does not know users from supervisors. */
	assert_int_equal(sm_reason(&stage->sm, kind, address, SM_PASID, SM_PRIVILEGED), got);
	assert_int_equal(sm_reason(&stage->sm, kind, address, SM_NO_PASID, 0), got);
	return got;
}

static unsigned read_reason(struct stage *stage, uint64_t address)
{
	return reason(stage, IOMMUSIM_DMA_READ, address);
}

static void all_come_to(struct stage *stage, uint64_t address, unsigned expected)
{
	assert_int_equal(reason(stage, IOMMUSIM_DMA_READ, address), expected);
	assert_int_equal(reason(stage, IOMMUSIM_DMA_WRITE, address), expected);
	assert_int_equal(reason(stage, IOMMUSIM_DMA_ATOMIC, address), expected);
}

static void each_depth_and_page_size_ends_where_the_entries_say(void **state)
{
	static const uint64_t pages[] = { 0, 0x1234000, 0x1600000, 0x40000000 };
	struct stage stage;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			const uint64_t offset = BIT(12 + 9 * (leaf - 1)) - 0x124;
			const uint64_t input =
			    (input_of(levels) & ~(BIT(12 + 9 * (leaf - 1)) - 1)) | offset;
			struct iommusim_dma_page page;

			start(&stage, levels);
			map(&stage, input, pages[leaf], 3, leaf);
			page = sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, input, 4, SM_PASID, 0);
			assert_false(page.faulted);
			assert_true(page.translated);
			assert_false(page.cached);
			assert_int_equal(page.physical, pages[leaf] | offset);
			assert_int_equal(page.page_shift, 12 + 9 * (leaf - 1));
			assert_int_equal(page.domain, SM_DOMAIN);
			assert_int_equal(page.entry, pages[leaf] | (leaf > 1 ? 0x83 : 3));
			sm_stop(&stage.sm);
		}
	}
}

/* Tables laid out by hand, so that a wrong index at any level ends somewhere else. */
static void the_walk_takes_nine_bits_a_level(void **state)
{
	static const unsigned index[] = { 0, 0x0e1, 0x07e, 0x12f, 0x0c3, 0x1a5 };
	struct stage stage;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		uint64_t table;

		start(&stage, levels);
		table = stage.sm.second;
		for (unsigned level = levels; level > 1; level--) {
			const uint64_t next = vt_page(&stage.sm.vtd);

			vt_store(&stage.sm.vtd, table + index[level] * UINT64_C(8), next | 3);
			table = next;
		}
		vt_store(&stage.sm.vtd, table + index[1] * UINT64_C(8), 0xabc003);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, input_of(levels) | 0x678, 8, SM_PASID, 0)
			.physical,
		    0xabc678);
		assert_int_equal(read_reason(&stage, input_of(levels) ^ 0x1000), 0x79);
		sm_stop(&stage.sm);
	}
}

/* SSS.4: the top entry; SSS.1: the ones below. */
static void tables_without_memory_are_reason_7b_and_78(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		start(&stage, levels);
		for (unsigned i = 0; i < 2; i++) {
			const uint64_t entry_at =
			    sm_entry_at(&stage.sm, i == 0 ? SM_PASID : SM_NO_PASID);

			vt_store(
			    &stage.sm.vtd, entry_at, HOLE | (vt_load(&stage.sm.vtd, entry_at) & 0xfff));
		}
		all_come_to(&stage, input_of(levels), 0x7b);
		sm_stop(&stage.sm);
		for (unsigned level = 2; level <= levels; level++) {
			start(&stage, levels);
			vt_store(&stage.sm.vtd, at(&stage, input_of(levels), level), HOLE | 3);
			all_come_to(&stage, input_of(levels), 0x78);
			sm_stop(&stage.sm);
		}
	}
}

/* SSS.2: R=W=0, whatever else the entry holds. */
static void entries_that_are_not_present_are_reason_79(void **state)
{
	static const uint64_t contents[] = { 0, ~UINT64_C(3), IR | IW, BIT(51), 0x80, 0x5ffc };
	struct stage stage;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		start(&stage, levels);
		map(&stage, input_of(levels), 0x5000, 3, 1);
		for (unsigned level = 1; level <= levels; level++) {
			const uint64_t entry_at = at(&stage, input_of(levels), level);
			const uint64_t before = vt_load(&stage.sm.vtd, entry_at);

			for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
				vt_store(&stage.sm.vtd, entry_at, contents[i]);
				all_come_to(&stage, input_of(levels), 0x79);
			}
			vt_store(&stage.sm.vtd, entry_at, before);
		}
		all_come_to(&stage, input_of(levels), 0);
		sm_stop(&stage.sm);
	}
}

/* What all entries allow: nothing at all is 79h (SSS.2), else 85h for writes and 86h for reads. */
static void assert_rights(struct stage *stage, uint64_t input, unsigned rights)
{
	if (rights == 0) {
		all_come_to(stage, input, 0x79);
		return;
	}
	assert_int_equal(read_reason(stage, input), (rights & 1) != 0 ? 0 : 0x86);
	assert_int_equal(reason(stage, IOMMUSIM_DMA_WRITE, input), (rights & 2) != 0 ? 0 : 0x85);
	assert_int_equal(reason(stage, IOMMUSIM_DMA_ATOMIC, input),
	    rights == 3             ? 0
		: (rights & 1) != 0 ? 0x85
				    : 0x86);
}

/* Bits of an entry that say `rights`, and the other kind, which says something else. */
static uint64_t own_bits(unsigned rights, bool io)
{
	if (io)
		return (rights & 1 ? IR : 0) | (rights & 2 ? IW : 0) | (rights ^ 3);
	return rights |
	    (rights == 0          ? IR | IW
		    : rights == 2 ? IR
				  : 0); /* 62 is reserved when present */
}

/* Every combination over five levels. */
static void each_combination(struct stage *stage, bool io)
{
	uint64_t entry_at[6];

	for (unsigned level = 1; level <= 5; level++)
		entry_at[level] = at(stage, INPUT, level);
	for (unsigned combination = 0; combination < 1 << 10; combination++) {
		unsigned rights = 3;

		for (unsigned level = 1; level <= 5; level++) {
			const unsigned own = combination >> 2 * (level - 1) & 3;

			vt_store(&stage->sm.vtd, entry_at[level],
			    (vt_load(&stage->sm.vtd, entry_at[level]) & UINT64_C(0xffffffffff000)) |
				own_bits(own, io));
			rights &= own;
		}
		assert_rights(stage, INPUT, rights);
	}
	for (unsigned level = 1; level <= 5; level++)
		vt_store(&stage->sm.vtd, entry_at[level],
		    (vt_load(&stage->sm.vtd, entry_at[level]) & UINT64_C(0xffffffffff000)) | 3);
}

static void rights_are_anded_over_all_levels(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 5);
	map(&stage, INPUT, 0x5000, 3, 1);
	each_combination(&stage, false);
	sm_stop(&stage.sm);
}

static void missing_rights_are_permission_faults(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x4000, 0x5000, 1, 1);
	map(&stage, 0x6000, 0x5000, 2, 1);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, 0x4000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x6000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x8000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_NOT_PRESENT);
	sm_stop(&stage.sm);
}

/* SGN.5: the smaller of MGAW and the width of the table. */
static void addresses_beyond_the_smaller_width_are_reason_84(void **state)
{
	static const struct {
		unsigned levels, mgaw, limit;
	} rows[] = { { 3, 57, 39 }, { 4, 57, 48 }, { 5, 57, 57 }, { 4, 39, 39 }, { 5, 48, 48 },
		{ 3, 36, 36 }, { 5, 40, 40 } };
	struct stage stage;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vtd_setup setup = { .cap_clear = CAP_MGAW,
			.cap_set = (uint64_t)(rows[i].mgaw - 1) << 16,
			.settings.cache = IOMMUSIM_CACHE_NONE };

		start_with(&stage, rows[i].levels, &setup);
		map(&stage, BIT(rows[i].limit) - 0x1000, 0x5000, 3, 1);
		assert_int_equal(read_reason(&stage, BIT(rows[i].limit) - 8), 0);
		for (unsigned bit = rows[i].limit; bit < 64; bit++)
			assert_int_equal(read_reason(&stage, BIT(bit)), 0x84);
		all_come_to(&stage, UINT64_C(0xfffffffffffff000), 0x84);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, BIT(rows[i].limit), 8, SM_PASID, 0)
			.fault.class_,
		    IOMMUSIM_FAULT_ADDRESS_WIDTH);
		sm_stop(&stage.sm);
	}
}

/* VT-d 3.14: a zero-length read of a write-only page passes on units with ZLR, and only there. */
static void zero_length_reads_of_write_only_pages_follow_zlr(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned zlr = 0; zlr < 2; zlr++) {
		start_with(&stage, 4,
		    &(struct vtd_setup){
			.cap_clear = zlr ? 0 : CAP_ZLR, .settings.cache = IOMMUSIM_CACHE_NONE });
		map(&stage, 0x5000, 0x5000, 2, 1);
		map(&stage, 0x6000, 0x6000, 1, 1);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x5000, 0, SM_PASID, 0).fault.reason,
		    zlr ? 0 : 0x86);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x5000, 1, SM_PASID, 0).fault.reason, 0x86);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x6000, 0, SM_PASID, 0).fault.reason, 0);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x7000, 0, SM_PASID, 0).fault.reason, 0x79);
		sm_stop(&stage.sm);
	}
}

/* SGN.8, and 3.15: with a PASID FEEx_xxxx is an input address like any other. */
static void the_interrupt_range_is_no_place_to_end_in(void **state)
{
	static const struct {
		uint64_t output;
		unsigned reason;
	} rows[] = { { 0xfedff000, 0 }, { 0xfee00000, 0x87 }, { 0xfeeff000, 0x87 }, { 0xfef00000, 0 },
		{ 0x1fee00000, 0 } };
	struct stage stage;

	(void)state;
	start(&stage, 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		map(&stage, 0x5000, rows[i].output, 3, 1);
		all_come_to(&stage, 0x5000, rows[i].reason);
	}
	map(&stage, 0x40000000, 0xc0000000, 3, 3);
	assert_int_equal(read_reason(&stage, 0x7edffff8), 0);
	assert_int_equal(read_reason(&stage, 0x7ee00000), 0x87);
	assert_int_equal(read_reason(&stage, 0x7eeffff8), 0x87);
	assert_int_equal(read_reason(&stage, 0x7ef00000), 0);
	map(&stage, 0xfee01000, 0x6000, 3, 1);
	assert_int_equal(
	    sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, 0xfee01004, 4, SM_PASID, 0).physical, 0x6004);
	assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0xfee01000, SM_PASID, 0), 0);
	assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0xfee01000, SM_NO_PASID, 0), 0x29);
	sm_stop(&stage.sm);
}

/* With SSIRWE, IR (61) and IW (62) say what R and W said, and R and W say nothing (9.8). */
static void io_rights_stand_for_the_others_where_they_are_enabled(void **state)
{
	struct stage stage;

	(void)state;
	start_with(&stage, 5,
	    &(struct vtd_setup){ .cap_set = CAP_ESRTPS,
		.ecap_set = ECAP_SSIRWS,
		.settings.cache = IOMMUSIM_CACHE_NONE });
	map(&stage, INPUT, 0x5000, 3, 1);
	each_combination(&stage, false);
	sm_latch_root(&stage.sm, SM_TTM_SCALABLE | BIT(7));
	each_combination(&stage, true);
	sm_stop(&stage.sm);
}

/* Which of the two counts is latched with the root table (11.4.5). */
static void which_rights_count_is_latched_with_the_root_table(void **state)
{
	struct stage stage;

	(void)state;
	start_with(&stage, 4,
	    &(struct vtd_setup){ .cap_set = CAP_ESRTPS,
		.ecap_set = ECAP_SSIRWS,
		.settings.cache = IOMMUSIM_CACHE_NONE });
	map(&stage, 0x5000, 0x6000, 3, 1);
	vt_set64(&stage.sm.vtd, R_RTADDR, stage.sm.root | SM_TTM_SCALABLE | BIT(7));
	assert_int_equal(read_reason(&stage, 0x5000), 0);
	sm_latch_root(&stage.sm, SM_TTM_SCALABLE | BIT(7));
	assert_int_equal(read_reason(&stage, 0x5000), 0x79);
	sm_latch_root(&stage.sm, SM_TTM_SCALABLE);
	assert_int_equal(read_reason(&stage, 0x5000), 0);
	sm_stop(&stage.sm);
}

/* Large pages and zero-length reads with them too. */
static void io_rights_work_in_large_pages_and_for_zero_length_reads(void **state)
{
	struct stage stage;

	(void)state;
	start_with(&stage, 4,
	    &(struct vtd_setup){ .cap_set = CAP_ESRTPS,
		.ecap_set = ECAP_SSIRWS,
		.settings.cache = IOMMUSIM_CACHE_NONE });
	sm_latch_root(&stage.sm, SM_TTM_SCALABLE | BIT(7));
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		const uint64_t input = UINT64_C(0x40000000) * leaf;

		map(&stage, input, 0, IW, leaf);
		for (unsigned level = leaf + 1; level <= 4; level++) {
			const uint64_t entry_at = at(&stage, input, level);

			vt_store(&stage.sm.vtd, entry_at, vt_load(&stage.sm.vtd, entry_at) | IR | IW);
		}
		assert_int_equal(read_reason(&stage, input), 0x86);
		assert_int_equal(reason(&stage, IOMMUSIM_DMA_WRITE, input), 0);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, input, 0, SM_PASID, 0).fault.reason, 0);
		map(&stage, input, 0, 3, leaf);
		all_come_to(&stage, input, 0x79);
	}
	sm_stop(&stage.sm);
}

/* Bit 7 of RTADDR is reserved on units without SSIRWS, and R and W count. */
static void io_rights_need_the_capability(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x5000, 0x6000, 3, 1);
	sm_latch_root(&stage.sm, SM_TTM_SCALABLE | BIT(7));
	assert_int_equal(vt_get64(&stage.sm.vtd, R_RTADDR) & BIT(7), 0);
	assert_int_equal(read_reason(&stage, 0x5000), 0);
	map(&stage, 0x5000, 0x6000, 3 | IW, 1);
	assert_int_equal(read_reason(&stage, 0x5000), 0x7a);
	map(&stage, 0x5000, 0x6000, 3 | IR, 1);
	assert_int_equal(read_reason(&stage, 0x5000), 0);
	sm_stop(&stage.sm);
}

/* The second stage knows nothing of FSPTPTR, FSPM, WPE and EAFE (9.6). */
static void fields_of_the_other_stage_are_ignored(void **state)
{
	struct stage stage;
	uint64_t entry_at;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x5000, 0x6000, 3, 1);
	entry_at = sm_entry_at(&stage.sm, SM_PASID) + 16;
	vt_store(&stage.sm.vtd, entry_at, HOLE | SM_EAFE | SM_WPE | SM_FSPM(1) | SM_SRE);
	assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, 0x5000, SM_PASID, 0), 0);
	assert_int_equal(
	    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x5010, 8, SM_PASID, 0).physical, 0x6010);
	sm_stop(&stage.sm);
}

/* VT-d 3.10: walks are snooped with SMPWCS and PWSNP, whatever ECAP.C says of the other tables. */
static void unflushed_entries_show_when_walks_are_snooped(void **state)
{
	const struct vtd_setup setup = {
		.device_view = true, .ecap_clear = ECAP_C, .settings.cache = IOMMUSIM_CACHE_NONE
	};
	const uint64_t entry = 0x7003;
	struct stage stage;

	(void)state;
	for (unsigned snoop = 0; snoop < 2; snoop++) {
		uint64_t entry_at;

		start_with(&stage, 4, &setup);
		map(&stage, 0x5000, 0x6000, 3, 1);
		entry_at = sm_entry_at(&stage.sm, SM_PASID) + 8;
		vt_store(&stage.sm.vtd, entry_at, SM_DOMAIN | (snoop ? SM_PWSNP : 0));
		entry_at = at(&stage, 0x5000, 1);
		assert_int_equal(
		    iommusim_memory_write(stage.sm.vtd.machine, entry_at, &entry, 8), IOMMUSIM_OK);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x5000, 8, SM_PASID, 0).physical,
		    snoop ? 0x7000 : 0x6000);
		assert_int_equal(iommusim_memory_flush(stage.sm.vtd.machine, entry_at, 8), IOMMUSIM_OK);
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x5000, 8, SM_PASID, 0).physical, 0x7000);
		sm_stop(&stage.sm);
	}
}

/* Without SSADE bits 8 and 9 are ignored, and stay as they are. */
static void entries_stay_as_they_were_without_ssade(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x5000, 0x6000, 3, 1);
	all_come_to(&stage, 0x5000, 0);
	assert_int_equal(vt_load(&stage.sm.vtd, at(&stage, 0x5000, 1)), 0x6003);
	for (unsigned level = 2; level <= 4; level++)
		assert_int_equal(vt_load(&stage.sm.vtd, at(&stage, 0x5000, level)) & 0xfff, 3);
	sm_stop(&stage.sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_depth_and_page_size_ends_where_the_entries_say),
		cmocka_unit_test(the_walk_takes_nine_bits_a_level),
		cmocka_unit_test(tables_without_memory_are_reason_7b_and_78),
		cmocka_unit_test(entries_that_are_not_present_are_reason_79),
		cmocka_unit_test(rights_are_anded_over_all_levels),
		cmocka_unit_test(missing_rights_are_permission_faults),
		cmocka_unit_test(addresses_beyond_the_smaller_width_are_reason_84),
		cmocka_unit_test(zero_length_reads_of_write_only_pages_follow_zlr),
		cmocka_unit_test(the_interrupt_range_is_no_place_to_end_in),
		cmocka_unit_test(io_rights_stand_for_the_others_where_they_are_enabled),
		cmocka_unit_test(which_rights_count_is_latched_with_the_root_table),
		cmocka_unit_test(io_rights_work_in_large_pages_and_for_zero_length_reads),
		cmocka_unit_test(io_rights_need_the_capability),
		cmocka_unit_test(fields_of_the_other_stage_are_ignored),
		cmocka_unit_test(unflushed_entries_show_when_walks_are_snooped),
		cmocka_unit_test(entries_stay_as_they_were_without_ssade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
