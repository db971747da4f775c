/*
 * What the specification leaves open or changed between its revisions, as settings of a unit (unit.h):
 * where a missing right faults, the width pass-through needs, the transient-mapping bit.
 */
#include "vtd_fixture.h"

static const struct vtd_setup each_level = { .choices = { .rights_at_each_level = true } };

/* At level 3 W is missing; the level 2 entry has a reserved bit. */
static void start_both_wrong(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	uint64_t entry_at;

	vt_start_enabled(vtd, setup);
	vt_map(vtd, 0x4000, 0x104000, 3);
	entry_at = vt_entry_at(vtd, 0x4000, 3);
	vt_store(vtd, entry_at, vt_load(vtd, entry_at) & ~UINT64_C(2));
	entry_at = vt_entry_at(vtd, 0x4000, 2);
	vt_store(vtd, entry_at, vt_load(vtd, entry_at) | BIT(62));
}

static void by_default_a_missing_right_faults_at_the_leaf(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_both_wrong(&vtd, NULL);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 0xc);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_ATOMIC, 0x4000), 0xc);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0xc);
	vt_stop(&vtd);
}

static void by_choice_it_faults_where_it_is_first_missing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_both_wrong(&vtd, &each_level);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 5);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_ATOMIC, 0x4000), 5);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0xc);
	vt_stop(&vtd);
}

static void right_before_reserved_in_one_entry_by_choice(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &each_level);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), 0x104000 | BIT(62) | 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x4000), 0xc);
	vt_stop(&vtd);
	vt_start_enabled(&vtd, NULL);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), 0x104000 | BIT(62) | 2);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0xc);
	vt_stop(&vtd);
}

/* A zero-length read of a write-only page passes with CAP.ZLR under either rule (VT-d 3.14). */
static void zero_length_reads_pass_write_only_pages_either_way(void **state)
{
	const struct vtd_setup *const setups[] = { NULL, &each_level };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		vt_start_enabled(&vtd, setups[i]);
		vt_map(&vtd, 0x4000, 0x104000, 2);
		assert_false(vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x4000, 0).faulted);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 6);
		vt_stop(&vtd);
	}
}

static void pass_through_may_need_the_widest_supported_width(void **state)
{
	const struct vtd_setup strict = { .choices = { .pass_through_widest = true } };
	const struct vtd_setup *const setups[] = { NULL, &strict };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t width = 1; width <= 3; width++) {
			vt_start_enabled(&vtd, setups[i]);
			vt_set_context(&vtd, VTD_RID, 1 | 2 << 2, (uint64_t)VTD_DOMAIN << 8 | width);
			assert_int_equal(
			    vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), i == 1 && width != 3 ? 3 : 0);
			vt_stop(&vtd);
		}
	}
	vt_start_enabled(&vtd, &strict); /* only pass-through: tables may be of any supported width */
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	vt_stop(&vtd);
}

/* AGAW may exceed MGAW (VT-d 11.4.2, SAGAW): 2-level tables, of 30 bits, on a unit of 29. */
static void the_widest_width_may_be_that_of_two_levels(void **state)
{
	const struct vtd_setup two_levels = { .cap_clear = CAP_SAGAW | CAP_MGAW,
		.cap_set = BIT(8) | UINT64_C(28) << 16,
		.revision = 0x205,
		.choices = { .pass_through_widest = true } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &two_levels);
	vt_set_context(&vtd, VTD_RID, 1 | 2 << 2, (uint64_t)VTD_DOMAIN << 8);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0);
	vt_stop(&vtd);
}

/* Bit 62 of a leaf is TM before revision 3.2, if the unit has device-TLBs; reserved ever since. */
static void the_transient_mapping_bit_is_of_old_units_with_device_tlbs(void **state)
{
	static const struct {
		uint64_t without;
		unsigned reason;
		uint16_t revision;
	} rows[] = {
		{ 0, 0, 0x301 },
		{ 0, 0, 0x202 },
		{ ECAP_DT, 0xc, 0x301 },
		{ 0, 0xc, 0x302 },
		{ 0, 0xc, 0 },
	};
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned level = 1; level <= 3; level++) {
			vt_start_enabled(&vtd,
			    &(struct vtd_setup){
				.revision = rows[i].revision, .ecap_clear = rows[i].without });
			vt_map_level(&vtd, 0x40000000, 0x40000000, BIT(62) | 3, level);
			assert_int_equal(
			    vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x40000000), rows[i].reason);
			vt_stop(&vtd);
		}
		vt_start_enabled(&vtd, &(struct vtd_setup){ .revision = rows[i].revision });
		vt_map(&vtd, 0x4000, 0x104000, 3);
		vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 2),
		    vt_load(&vtd, vt_entry_at(&vtd, 0x4000, 2)) | BIT(62));
		assert_int_equal(
		    vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 0xc); /* not in a pointer */
		vt_stop(&vtd);
	}
}

/* A bad descriptor at the head, with a wait behind it that is queued only later. */
static void the_queue_resumes_when_iqe_is_cleared_or_with_the_next_tail(void **state)
{
	const struct vtd_setup at_tail = { .choices = { .resume_at_tail = true } };
	const struct vtd_setup *const setups[] = { NULL, &at_tail };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		vt_start(&vtd, setups[i]);
		vt_queue_start(&vtd, 16);
		vt_submit(&vtd, 0x0f, 0);
		assert_int_equal(vt_get32(&vtd, R_FSTS), 0x10);
		vt_set32(&vtd, R_FSTS, 0x10);
		assert_int_equal(vt_get32(&vtd, R_FSTS), i == 0 ? 0x10 : 0);
		assert_int_equal(vt_get64(&vtd, R_IQH), 0);
		vt_store(&vtd, vtd.queue, 0x25 | UINT64_C(0x77) << 32);
		vt_store(&vtd, vtd.queue + 8, 0x9000);
		vt_set32(&vtd, R_FSTS, 0x10);
		assert_int_equal(vt_load(&vtd, 0x9000), i == 0 ? 0x77 : 0);
		vt_set32(&vtd, R_GCMD, G_QIE); /* it is on already: nothing new */
		assert_int_equal(vt_load(&vtd, 0x9000), i == 0 ? 0x77 : 0);
		vt_set32(&vtd, R_IQT, 0x10);
		assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
		assert_int_equal(vt_get64(&vtd, R_IQH), 0x10);
		vt_stop(&vtd);
	}
}

/* With a latency: a tail written while the queue is stopped fetches nothing, not even later. */
static void a_tail_written_while_stopped_is_no_work_under_way(void **state)
{
	const struct vtd_setup slow = { .choices = { .resume_at_tail = true },
		.settings = { .latency = 20 } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	vtd.queue = vt_page(&vtd);
	vt_set64(&vtd, R_IQA, vtd.queue);
	vt_set32(&vtd, R_GCMD, G_QIE);
	iommusim_step(vtd.machine, 20);
	vt_store(&vtd, vtd.queue, 0x0f);
	vt_set32(&vtd, R_IQT, 0x10);
	iommusim_step(vtd.machine, 20);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0x10);
	vt_store(&vtd, vtd.queue, 0x11);
	vt_store(&vtd, vtd.queue + 16, 0x11);
	vt_set32(&vtd, R_IQT, 0x20);
	vt_set32(&vtd, R_FSTS, 0x10);
	iommusim_step(vtd.machine, 40);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0);
	vt_set32(&vtd, R_IQT, 0x20);
	iommusim_step(vtd.machine, 20);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x20);
	vt_stop(&vtd);
}

/* CAP.SAGAW may be 0 on units that have scalable mode alone (11.4.2): no width is supported then. */
static void a_unit_may_support_no_width_at_all(void **state)
{
	struct vtd_fixture vtd;
	uint64_t record[2];

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .cap_clear = CAP_SAGAW });
	for (uint64_t width = 0; width < 8; width++) {
		vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | width);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 3);
	}
	vt_clear_record(&vtd, 0);
	vt_command(&vtd, G_TE, false); /* logging starts over */
	vt_command(&vtd, G_TE, true);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, BIT(57) | BIT(56) | 0x4000), 3);
	vt_record(&vtd, 0, record);
	assert_int_equal(record[0], BIT(56) | 0x4000); /* as wide as CAP.MGAW says */
	vt_stop(&vtd);
}

/* AW=0, 30 bits, is a supported width of old units that say so in SAGAW bit 0; else fault 3h. */
static void tables_of_two_levels_are_of_old_units(void **state)
{
	const struct vtd_setup old = { .cap_set = BIT(8), .revision = 0x202, .levels = 2 };
	const struct vtd_setup newer[] = { { .cap_set = BIT(8), .revision = 0x300, .levels = 2 },
		{ .cap_set = BIT(8), .levels = 2 }, { .revision = 0x202, .levels = 2 } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &old);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_map_level(&vtd, 0x3fe00000, 0x400000, 3, 2);
	assert_int_equal(vt_output(&vtd, 0x4008), 0x104008);
	assert_int_equal(vt_output(&vtd, 0x3ffffff8), 0x5ffff8);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x40000000), 4);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_set_context(&vtd, VTD_RID, VTD_RAM | 1, (uint64_t)VTD_DOMAIN << 8); /* no memory there */
	vt_invalidate_context(&vtd, 1, 0, 0, 0);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 3);
	vt_stop(&vtd);
	for (size_t i = 0; i < 3; i++) {
		vt_start_enabled(&vtd, &newer[i]);
		vt_map(&vtd, 0x4000, 0x104000, 3);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x4000), 3);
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_default_a_missing_right_faults_at_the_leaf),
		cmocka_unit_test(by_choice_it_faults_where_it_is_first_missing),
		cmocka_unit_test(right_before_reserved_in_one_entry_by_choice),
		cmocka_unit_test(zero_length_reads_pass_write_only_pages_either_way),
		cmocka_unit_test(pass_through_may_need_the_widest_supported_width),
		cmocka_unit_test(the_widest_width_may_be_that_of_two_levels),
		cmocka_unit_test(the_queue_resumes_when_iqe_is_cleared_or_with_the_next_tail),
		cmocka_unit_test(a_tail_written_while_stopped_is_no_work_under_way),
		cmocka_unit_test(a_unit_may_support_no_width_at_all),
		cmocka_unit_test(tables_of_two_levels_are_of_old_units),
		cmocka_unit_test(the_transient_mapping_bit_is_of_old_units_with_device_tlbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
