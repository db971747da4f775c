/*
 * Device-TLB invalidations (VT-d 6.5.2.5, 6.5.2.11): devices that answer, ones that do not (ITE), and
 * answers nobody waits for (ICE).
 */
#include "vtd_fixture.h"

#define ITE 0x40u
#define ICE 0x20u

#define DEVICE_TLB(rid) (0x3 | (uint64_t)(rid) << 32)
#define WAIT_LOW        (0x25 | UINT64_C(0x77) << 32) /* status write of 77h */

static void start(struct vtd_fixture *vtd, unsigned width)
{
	vt_start_enabled(vtd, &(struct vtd_setup){ .ecap_set = width == 32 ? ECAP_SMTS : 0 });
	vt_queue_start(vtd, width);
}

static void a_device_that_answers_is_done_at_once(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	vt_submit(&vtd, DEVICE_TLB(0x1234), 0x4000); /* no device at all: nothing to drop */
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* The head stays on the descriptor, the wait behind it is not completed, tail writes fetch nothing. */
static void a_silent_device_stops_the_queue_until_ite_is_cleared(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned width = 16; width <= 32; width += 16) {
		start(&vtd, width);
		iommusim_requester_answers(vtd.device, false);
		vt_submit(&vtd, 0x11, 0);
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
		assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
		assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 32);
		assert_int_equal(vt_get64(&vtd, R_IQH), width);
		vt_submit(&vtd, WAIT_LOW, 0x9000);
		assert_int_equal(vt_load(&vtd, 0x9000), 0);
		assert_int_equal(vt_get64(&vtd, R_IQH), width);
		vt_set32(&vtd, R_FSTS, ITE); /* still silent: it is asked again, and late again */
		assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
		assert_int_equal(vt_get64(&vtd, R_IQH), width);
		iommusim_requester_answers(vtd.device, true);
		assert_int_equal(vt_load(&vtd, 0x9000), 0);
		vt_set32(&vtd, R_FSTS, ITE);
		assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
		assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
		assert_int_equal(vt_get64(&vtd, R_IQH), 3 * width);
		vt_stop(&vtd);
	}
}

static void only_the_device_that_was_asked_counts(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	iommusim_requester_answers(other, false);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_submit(&vtd, DEVICE_TLB(0x0311), 0x4000);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ITE);
	vt_stop(&vtd);
}

/* An unexpected completion is an error of the fault event, and the queue goes on (6.5.2.11). */
static void a_stray_completion_is_ice_and_stops_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	vt_set32(&vtd, R_FEDATA, 0x41);
	vt_set32(&vtd, R_FEADDR, 0xfee01000);
	vt_set32(&vtd, R_FECTL, 0);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_OK);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ICE);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48);
	assert_int_equal(vt_only_message(&vtd).data, 0x41);
	vt_submit(&vtd, WAIT_LOW, 0x9000);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x77);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_OK);
	vt_no_message(&vtd); /* not a new condition */
	vt_set32(&vtd, R_FSTS, ICE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* ICESID is of the first one, until software clears ICE (11.4.9.9). */
static void the_first_stray_completion_stays_on_record(void **state)
{
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, 0x0311, &other), IOMMUSIM_OK);
	iommusim_requester_stray_completion(vtd.device);
	iommusim_requester_stray_completion(other);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48);
	vt_set32(&vtd, R_FSTS, ICE);
	iommusim_requester_stray_completion(other);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), UINT64_C(0x0311) << 48);
	vt_stop(&vtd);
}

/* While translation is off such messages are unsupported requests (VT-d 4.2.3); so they are without DT. */
static void nobody_minds_a_stray_completion_when_off_or_without_device_tlbs(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_ENOENT);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_DT });
	assert_int_equal(iommusim_requester_stray_completion(vtd.device), IOMMUSIM_ENOENT);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

static void each_error_keeps_its_own_field_of_the_record(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, 16);
	iommusim_requester_answers(vtd.device, false);
	iommusim_requester_stray_completion(vtd.device);
	vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
	iommusim_requester_answers(vtd.device, true);
	vt_submit(&vtd, 0x0f, 0); /* no such type */
	vt_set32(&vtd, R_FSTS, ITE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), ICE | 0x10);
	assert_int_equal(
	    vt_get64(&vtd, R_IQERCD), (uint64_t)VTD_RID << 48 | (uint64_t)VTD_RID << 32 | 3);
	vt_stop(&vtd);
}

/* ITE is a condition of the fault event like any other (VT-d 7.3): it stays pending as long as ITE is set. */
static void a_time_out_is_a_fault_event(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned handled = 0; handled < 2; handled++) {
		start(&vtd, 16);
		iommusim_requester_answers(vtd.device, false);
		vt_submit(&vtd, DEVICE_TLB(VTD_RID), 0x4000);
		assert_int_equal(vt_get32(&vtd, R_FECTL), 0xc0000000); /* masked, pending */
		iommusim_requester_answers(vtd.device, true);
		if (handled)
			vt_set32(&vtd, R_FSTS, ITE);
		vt_set32(&vtd, R_FECTL, 0);
		assert_int_equal(iommusim_interrupt_pending(vtd.machine), !handled);
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_answers_is_done_at_once),
		cmocka_unit_test(a_silent_device_stops_the_queue_until_ite_is_cleared),
		cmocka_unit_test(only_the_device_that_was_asked_counts),
		cmocka_unit_test(a_stray_completion_is_ice_and_stops_nothing),
		cmocka_unit_test(the_first_stray_completion_stays_on_record),
		cmocka_unit_test(nobody_minds_a_stray_completion_when_off_or_without_device_tlbs),
		cmocka_unit_test(each_error_keeps_its_own_field_of_the_record),
		cmocka_unit_test(a_time_out_is_a_fault_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
