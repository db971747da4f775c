/*
 * What becomes of a fault beyond plain recording (test_faults.c): collapsing into a pending record
 * (VT-d 7.2.1), and the advanced log in memory that units had before revision 4.0.
 */
#include "vtd_fixture.h"

#define CAP_AFL BIT(3)
#define G_SFL   0x20000000u
#define G_EAFL  0x10000000u
#define AFO     0x4u
#define APF     0x8u
#define LOG     UINT64_C(0x100000)

enum { R_AFLOG = 0x58 };

static unsigned fault_from(struct vtd_fixture *vtd, struct iommusim_requester *device, uint64_t address)
{
	const struct iommusim_dma_page page = vt_access(device, IOMMUSIM_DMA_READ, address, 8);

	(void)vtd;
	assert_true(page.faulted);
	return (page.fault.recorded ? 1u : 0u) | (page.fault.collapsed ? 2u : 0u) |
	    (page.fault.overflowed ? 4u : 0u);
}

static void a_second_fault_of_a_source_collapses_where_the_unit_does_so(void **state)
{
	const struct vtd_setup setup = { .choices = { .collapse_faults = true } };
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_set_context(&vtd, 0x0311, vtd.page_table | 1, 0x2202);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x5000), 2);
	assert_int_equal(fault_from(&vtd, other, 0x4000), 1);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x6000), 2);
	assert_int_equal(fault_from(&vtd, other, 0x6000), 2);
	assert_int_equal(vt_records(&vtd), 2);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & 1, 0);
	vt_clear_record(&vtd, 0); /* the device's: its next fault is a new one */
	assert_int_equal(fault_from(&vtd, vtd.device, 0x7000), 1);
	assert_int_equal(fault_from(&vtd, other, 0x7000), 2);
	vt_stop(&vtd);
}

/* The one record is taken by the same source: nothing is lost, so nothing overflows (7.2.1, step order). */
static void collapsing_comes_before_overflow(void **state)
{
	const struct vtd_setup setup = { .cap_clear = CAP_NFR, .choices = { .collapse_faults = true } };
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x5000), 2);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 2);
	assert_int_equal(fault_from(&vtd, other, 0x4000), 4);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 3);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x6000), 4); /* PFO comes before everything */
	vt_stop(&vtd);
}

static void without_the_choice_every_fault_takes_a_record(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x5000), 1);
	assert_int_equal(vt_records(&vtd), 2);
	vt_stop(&vtd);
}

static struct vtd_setup old_unit(void)
{
	return (struct vtd_setup){ .cap_set = CAP_AFL, .revision = 0x302 };
}

static void start_log(struct vtd_fixture *vtd, const struct vtd_setup *setup, unsigned size)
{
	vt_start_enabled(vtd, setup);
	vt_set64(vtd, R_AFLOG, LOG | (uint64_t)size << 9);
	vt_set32(vtd, R_GCMD, G_TE | G_SFL);
	assert_int_equal(vt_get32(vtd, R_GSTS) & (G_SFL | G_EAFL), G_SFL);
	vt_command(vtd, G_EAFL, true);
	assert_int_equal(vt_get32(vtd, R_GSTS) & (G_SFL | G_EAFL), G_SFL | G_EAFL);
}

static void faults_go_to_memory_instead_of_registers(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	start_log(&vtd, &setup, 0);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x5000), 1);
	/* F 127, T1 126, reason 6 in 103:96, source id 79:64, page in 63:12 */
	assert_int_equal(vt_load(&vtd, LOG), 0x4000);
	assert_int_equal(vt_load(&vtd, LOG + 8), UINT64_C(0xc000000600000310));
	assert_int_equal(vt_load(&vtd, LOG + 16), 0x5000);
	assert_int_equal(vt_records(&vtd), 0);
	assert_int_equal(vt_get32(&vtd, R_FSTS), APF);
	vt_set32(&vtd, R_FSTS, APF);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_command(&vtd, G_EAFL, false);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x6000), 1);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

static void the_log_wraps_and_overflows_on_a_record_still_pending(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned size = 0; size < 3; size++) {
		const unsigned records = 256u << size;

		start_log(&vtd, &setup, size);
		for (unsigned i = 0; i < records; i++)
			assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
		assert_int_equal(vt_load(&vtd, LOG + records * UINT64_C(16) + 8), 0);
		assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 4);
		assert_int_equal(vt_get32(&vtd, R_FSTS), APF | AFO);
		vt_store(&vtd, LOG + 8, 0); /* software is done with the first one */
		assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 4);
		vt_set32(&vtd, R_FSTS, APF | AFO);
		assert_int_equal(fault_from(&vtd, vtd.device, 0x9000), 1);
		assert_int_equal(vt_load(&vtd, LOG), 0x9000);
		vt_stop(&vtd);
	}
}

static void a_log_where_no_memory_is_overflows(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	start_log(&vtd, &setup, 0);
	vt_set64(&vtd, R_AFLOG, VTD_RAM);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1); /* not latched yet */
	vt_set32(&vtd, R_GCMD, G_TE | G_EAFL | G_SFL);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 4);
	assert_int_equal(vt_get32(&vtd, R_FSTS), APF | AFO);
	vt_stop(&vtd);
}

static void one_event_goes_out_for_a_log_that_fills(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	start_log(&vtd, &setup, 0);
	vt_set32(&vtd, R_FEDATA, 0x41);
	vt_set32(&vtd, R_FEADDR, 0xfee01000);
	vt_set32(&vtd, R_FECTL, 0);
	fault_from(&vtd, vtd.device, 0x4000);
	fault_from(&vtd, vtd.device, 0x5000);
	assert_int_equal(vt_only_message(&vtd).data, 0x41);
	vt_set32(&vtd, R_FSTS, APF);
	fault_from(&vtd, vtd.device, 0x6000);
	vt_only_message(&vtd);
	vt_stop(&vtd);
}

/* Each of APF and AFO alone keeps the event pending (IP, 11.4.7.2). */
static void an_overflow_alone_keeps_a_masked_event_pending(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	start_log(&vtd, &setup, 0);
	fault_from(&vtd, vtd.device, 0x4000);
	vt_set64(&vtd, R_AFLOG, VTD_RAM);
	vt_set32(&vtd, R_GCMD, G_TE | G_EAFL | G_SFL);
	fault_from(&vtd, vtd.device, 0x4000);
	assert_int_equal(vt_get32(&vtd, R_FSTS), APF | AFO);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0xc0000000);
	vt_set32(&vtd, R_FSTS, APF);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0xc0000000);
	vt_set32(&vtd, R_FSTS, AFO);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0x80000000);
	vt_stop(&vtd);
}

static void logging_to_memory_needs_a_latched_log(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &setup);
	vt_set32(&vtd, R_GCMD, G_TE | G_EAFL);
	assert_int_equal(vt_get32(&vtd, R_GSTS) & G_EAFL, 0);
	assert_int_equal(fault_from(&vtd, vtd.device, 0x4000), 1);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

/* SFL begins the log anew; a reset forgets it. */
static void latching_again_begins_at_the_first_record(void **state)
{
	const struct vtd_setup setup = old_unit();
	struct vtd_fixture vtd;

	(void)state;
	start_log(&vtd, &setup, 0);
	fault_from(&vtd, vtd.device, 0x4000);
	vt_store(&vtd, LOG + 8, 0);
	vt_set32(&vtd, R_GCMD, G_TE | G_EAFL | G_SFL);
	fault_from(&vtd, vtd.device, 0x5000);
	assert_int_equal(vt_load(&vtd, LOG), 0x5000);
	iommusim_unit_reset(vtd.unit, true);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_stop(&vtd);
}

static void from_revision_4_on_there_is_no_such_log(void **state)
{
	static const uint16_t revisions[] = { 0, 0x400, 0x50a };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(revisions) / sizeof(*revisions); i++) {
		vt_start_enabled(
		    &vtd, &(struct vtd_setup){ .cap_set = CAP_AFL, .revision = revisions[i] });
		vt_set64(&vtd, R_AFLOG, UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, R_AFLOG), 0);
		vt_set32(&vtd, R_GCMD, G_TE | G_SFL | G_EAFL);
		assert_int_equal(vt_get32(&vtd, R_GSTS) & (G_SFL | G_EAFL), 0);
		vt_stop(&vtd);
	}
	vt_start_enabled(
	    &vtd, &(struct vtd_setup){ .revision = 0x302 }); /* old, without the capability */
	vt_set64(&vtd, R_AFLOG, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, R_AFLOG), 0);
	vt_stop(&vtd);
	vt_start_enabled(&vtd, &(struct vtd_setup){ .cap_set = CAP_AFL, .revision = 0x3ff });
	vt_set64(&vtd, R_AFLOG, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, R_AFLOG), UINT64_C(0xfffffffffffffe00));
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_fault_of_a_source_collapses_where_the_unit_does_so),
		cmocka_unit_test(collapsing_comes_before_overflow),
		cmocka_unit_test(without_the_choice_every_fault_takes_a_record),
		cmocka_unit_test(faults_go_to_memory_instead_of_registers),
		cmocka_unit_test(the_log_wraps_and_overflows_on_a_record_still_pending),
		cmocka_unit_test(a_log_where_no_memory_is_overflows),
		cmocka_unit_test(one_event_goes_out_for_a_log_that_fills),
		cmocka_unit_test(an_overflow_alone_keeps_a_masked_event_pending),
		cmocka_unit_test(logging_to_memory_needs_a_latched_log),
		cmocka_unit_test(latching_again_begins_at_the_first_record),
		cmocka_unit_test(from_revision_4_on_there_is_no_such_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
