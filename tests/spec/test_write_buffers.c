/*
 * Write buffers (CAP.RWBF, VT-d 6.8): stores reach a unit that needs flushing only with GCMD.WBF or with
 * an invalidation, on a machine that keeps the unit's own view of memory.
 */
#include "vtd_fixture.h"

static const struct vtd_setup buffered = { .cap_set = CAP_RWBF, .device_view = true };

/* A store that lingers: the fixture's own helper flushes the line, this does not. */
static void linger(struct vtd_fixture *vtd, uint64_t address, uint64_t value)
{
	assert_int_equal(
	    iommusim_memory_write(vtd->machine, address, &value, sizeof(value)), IOMMUSIM_OK);
}

static void start(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	vt_start_enabled(vtd, setup);
	vt_map(vtd, 0x4000, 0x104000, 3);
	linger(vtd, vt_entry_at(vtd, 0x4000, 1), 0x204000 | 3);
	assert_int_equal(vt_output(vtd, 0x4000), 0x104000);
	vt_invalidate_context(
	    vtd, 3, 0, 0xffff, 0); /* implies a flush, and drops nothing of use here */
}

static void a_store_lingers_until_the_buffers_are_flushed(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &buffered);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	linger(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x205000 | 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_set32(&vtd, R_GCMD, G_TE | G_WBF);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x205000);
	vt_stop(&vtd);
}

static void a_command_without_wbf_flushes_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &buffered);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	linger(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x205000 | 3);
	vt_set32(&vtd, R_GCMD, G_TE);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_stop(&vtd);
}

static void every_invalidation_implies_a_flush(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &buffered); /* by register */
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x204000);
	linger(&vtd, vt_entry_at(&vtd, 0x6000, 1), 0x206000 | 3);
	vt_queue_start(&vtd, 16);
	vt_submit(&vtd, 0x04, 0); /* of interrupt entries */
	assert_int_equal(vt_output(&vtd, 0x6000), 0x206000);
	vt_stop(&vtd);
}

/* A unit that does not snoop either sees lines that software writes back, and the flush does not do that. */
static void a_unit_that_does_not_snoop_needs_its_lines_written_back(void **state)
{
	const struct vtd_setup both = {
		.cap_set = CAP_RWBF, .ecap_clear = ECAP_C, .device_view = true
	};
	struct vtd_fixture vtd;
	uint64_t entry_at;

	(void)state;
	vt_start_enabled(&vtd, &both);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	entry_at = vt_entry_at(&vtd, 0x5000, 1);
	linger(&vtd, entry_at, 0x205000 | 3);
	vt_set32(&vtd, R_GCMD, G_TE | G_WBF);
	vt_invalidate_iotlb(&vtd, 1, 0, 0, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	assert_int_equal(iommusim_memory_flush(vtd.machine, entry_at, 8), IOMMUSIM_OK);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x205000);
	vt_stop(&vtd);
}

static void without_the_requirement_stores_are_seen_at_once(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .device_view = true });
	vt_map(&vtd, 0x4000, 0x104000, 3);
	linger(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x205000 | 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x205000);
	vt_stop(&vtd);
}

static void all_memory_can_be_written_back_at_once(void **state)
{
	const struct vtd_setup apart = { .ecap_clear = ECAP_C, .device_view = true };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &apart);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	linger(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x205000 | 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	iommusim_memory_flush_all(vtd.machine);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x205000);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_lingers_until_the_buffers_are_flushed),
		cmocka_unit_test(a_command_without_wbf_flushes_nothing),
		cmocka_unit_test(every_invalidation_implies_a_flush),
		cmocka_unit_test(a_unit_that_does_not_snoop_needs_its_lines_written_back),
		cmocka_unit_test(without_the_requirement_stores_are_seen_at_once),
		cmocka_unit_test(all_memory_can_be_written_back_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
