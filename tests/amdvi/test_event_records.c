/*
 * The record of every event code, field by field (AMD-Vi 2.5.2 to 2.5.15), the class of fault that a device
 * is told of, and the hardware event registers. Which events come of which request: the tests of requests.
 */
#include "amdvi_fixture.h"

#include "models/amdvi/event.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

static void assert_record(const struct amdvi_event *event, uint64_t low, uint64_t high)
{
	uint64_t record[2] = { UINT64_MAX, UINT64_MAX };

	amdvi_event_encode(event, record);
	assert_int_equal(record[0], low);
	assert_int_equal(record[1], high);
}

/* Codes 1 to 4: device 15:0, PASID 19:16 at 19:16, PASID 15:0 or domain 47:32, address. */
static void each_flag_has_its_bit(void **state)
{
	static const struct {
		struct amdvi_event event;
		uint64_t bit;
	} flags[] = {
		{ { .code = 2, .no_execute = true }, BIT(49) },
		{ { .code = 2, .user = true }, BIT(50) },
		{ { .code = 2, .interrupt = true }, BIT(51) },
		{ { .code = 2, .present = true }, BIT(52) },
		{ { .code = 2, .write = true }, BIT(53) },
		{ { .code = 2, .permission = true }, BIT(54) },
		{ { .code = 2, .reserved = true }, BIT(55) },
		{ { .code = 2, .translation = true }, BIT(56) },
		{ { .code = 2, .type = 1 }, BIT(57) },
		{ { .code = 2, .type = 2 }, BIT(58) },
		{ { .code = 2, .device = 0xffff }, 0xffff },
		{ { .code = 2, .domain = 0xffff }, UINT64_C(0xffff00000000) },
		{ { .code = 2, .pasid = 0xfffff }, 0 }, /* without GN */
		{ { .code = 2, .guest = true }, BIT(48) },
		{ { .code = 2, .guest = true, .domain = 0xffff }, BIT(48) },
		{ { .code = 2, .guest = true, .pasid = 0x0ffff }, BIT(48) | UINT64_C(0xffff00000000) },
		{ { .code = 2, .guest = true, .pasid = 0xf0000 }, BIT(48) | 0xf0000 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		assert_record(&flags[i].event, UINT64_C(2) << 60 | flags[i].bit, 0);
}

static void each_code_has_its_number(void **state)
{
	static const uint8_t codes[] = { AMDVI_ILLEGAL_DEV_TABLE_ENTRY, AMDVI_IO_PAGE_FAULT,
		AMDVI_DEV_TAB_HARDWARE_ERROR, AMDVI_PAGE_TAB_HARDWARE_ERROR,
		AMDVI_ILLEGAL_COMMAND_ERROR, AMDVI_COMMAND_HARDWARE_ERROR, AMDVI_IOTLB_INV_TIMEOUT };

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		const struct amdvi_event event = {
			.code = codes[i], .device = 0x310, .address = UINT64_C(0xfedcba9876543210)
		};

		assert_record(&event, (uint64_t)(i + 1) << 60 | 0x310, UINT64_C(0xfedcba9876543210));
	}
}

/* INVALID_DEVICE_REQUEST: its type has three bits, 59:57. */
static void an_invalid_request_has_a_wider_type(void **state)
{
	struct amdvi_event event = { .code = 8, .device = 0x310, .address = 0xfee00000 };

	(void)state;
	for (unsigned type = 0; type < 8; type++) {
		event.type = (uint8_t)type;
		assert_record(&event, UINT64_C(8) << 60 | (uint64_t)type << 57 | 0x310, 0xfee00000);
	}
	/* As silicon was seen to do it: flags A00h, type 5. */
	event = (struct amdvi_event){ .code = 8, .type = 5, .address = UINT64_C(0xfdf8000020) };
	assert_record(&event, UINT64_C(0x8a00000000000000), UINT64_C(0xfdf8000020));
	event = (struct amdvi_event){
		.code = 8, .guest = true, .pasid = 0xabcde, .translation = true, .domain = 0xffff
	};
	assert_record(&event, UINT64_C(0x8101bcde000a0000), 0);
}

/* EVENT_COUNTER_ZERO: note 51:32 in 83:64, note 31:0 in 127:96. */
static void a_counters_event_carries_its_note(void **state)
{
	const struct amdvi_event event = { .code = 0xa, .address = UINT64_C(0xabcde12345678) };

	(void)state;
	assert_record(&event, UINT64_C(0xa) << 60, UINT64_C(0x12345678000abcde));
}

/* An invalid page request is the request itself with code 9. */
static void an_invalid_page_request_is_the_request(void **state)
{
	const struct amdvi_event event = {
		.code = 9, .ppr = UINT64_C(0x1144075523450310), .address = 0x5000
	};

	(void)state;
	assert_record(&event, UINT64_C(0x9144075523450310), 0x5000);
}

/* RMP_PAGE_FAULT and RMP_HARDWARE_ERROR: flags 23:16, VMG tag 47:32. */
static void events_of_page_states_carry_flags(void **state)
{
	struct amdvi_event event = {
		.code = 0xd, .device = 0x310, .domain = 0x1234, .rmp = 0xa5, .address = 0x7000
	};

	(void)state;
	assert_record(&event, UINT64_C(0xd000123400a50310), 0x7000);
	event.code = 0xe;
	assert_record(&event, UINT64_C(0xe000123400a50310), 0x7000);
}

static enum iommusim_fault_class class_of(const struct amdvi_event *event)
{
	struct iommusim_fault fault;

	amdvi_event_describe(event, &fault);
	assert_int_equal(fault.reason, event->code);
	assert_non_null(fault.meaning);
	assert_int_equal(fault.record[0] >> 60, event->code);
	assert_false(fault.recorded || fault.suppressed || fault.overflowed);
	return fault.class_;
}

/* Code 2: not present PR=0; permission PR=1 PE=1; reserved PR=1 RZ=1; everything else PR=1. */
static void the_class_of_a_page_fault_goes_by_its_flags(void **state)
{
	struct amdvi_event event = { .code = 2 };

	(void)state;
	assert_int_equal(class_of(&event), IOMMUSIM_FAULT_NOT_PRESENT);
	event.present = true;
	assert_int_equal(class_of(&event), IOMMUSIM_FAULT_ADDRESS_WIDTH);
	event.reserved = true;
	assert_int_equal(class_of(&event), IOMMUSIM_FAULT_BAD_ENTRY);
	event.reserved = false;
	event.permission = true;
	assert_int_equal(class_of(&event), IOMMUSIM_FAULT_PERMISSION);
}

static void the_class_of_others_goes_by_the_code(void **state)
{
	static const struct {
		uint8_t code;
		enum iommusim_fault_class class_;
	} classes[] = { { 1, IOMMUSIM_FAULT_BAD_ENTRY }, { 3, IOMMUSIM_FAULT_TABLE_ACCESS },
		{ 4, IOMMUSIM_FAULT_TABLE_ACCESS }, { 5, IOMMUSIM_FAULT_BAD_ENTRY },
		{ 6, IOMMUSIM_FAULT_TABLE_ACCESS }, { 7, IOMMUSIM_FAULT_ABORT },
		{ 8, IOMMUSIM_FAULT_REQUEST_TYPE }, { 9, IOMMUSIM_FAULT_REQUEST_TYPE },
		{ 0xa, IOMMUSIM_FAULT_NONE }, { 0xd, IOMMUSIM_FAULT_PERMISSION },
		{ 0xe, IOMMUSIM_FAULT_TABLE_ACCESS } };

	(void)state;
	for (unsigned i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		const struct amdvi_event event = { .code = classes[i].code };

		assert_int_equal(class_of(&event), classes[i].class_);
	}
}

/* What became of it: logged, silenced, no room, log off. */
static void the_fault_says_what_became_of_its_event(void **state)
{
	const struct amdvi_event event = { .code = 2, .device = 0x310, .address = 0x5000 };
	struct iommusim_fault fault;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	amdvi_event_report(amdvi_of(amd.unit), &event, true, &fault);
	assert_true(fault.suppressed && !fault.recorded && !fault.overflowed);
	assert_int_equal(am_events(&amd), 0);
	for (unsigned i = 0; i < 255; i++) {
		amdvi_event_report(amdvi_of(amd.unit), &event, false, &fault);
		assert_true(!fault.suppressed && fault.recorded && !fault.overflowed);
	}
	amdvi_event_report(amdvi_of(amd.unit), &event, false, &fault);
	assert_true(!fault.suppressed && !fault.recorded && fault.overflowed);
	amdvi_event_report(amdvi_of(amd.unit), &event, false, &fault); /* lost to the same overflow */
	assert_true(!fault.suppressed && !fault.recorded && fault.overflowed);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_set32(&amd, A_STATUS, S_EVENT_OVERFLOW);
	amdvi_event_report(amdvi_of(amd.unit), &event, false, &fault);
	assert_true(!fault.suppressed && !fault.recorded && !fault.overflowed);
	amdvi_event_report(amdvi_of(amd.unit), &event, false, NULL);
	am_stop(&amd);
}

/* ---- hardware event registers -------------------------------------------------------------------------- */

static void report(struct amd_fixture *amd, unsigned code, uint64_t address)
{
	const struct amdvi_event event = {
		.code = (uint8_t)code, .type = 2, .device = 0x310, .address = address
	};

	amdvi_event_report(amdvi_of(amd->unit), &event, false, NULL);
}

/* 40h: bits 63:0 of the event; 48h: bits 127:64; 50h: HEV 0, HEO 1. Codes 3, 4 and 6 alone. */
static void hardware_errors_show_in_registers(void **state)
{
	struct amd_fixture amd;

	(void)state;
	for (unsigned code = 1; code <= 0xe; code++) {
		const bool shows = code == 3 || code == 4 || code == 6;

		am_start_enabled(&amd, NULL);
		if (code == 0xb || code == 0xc) {
			am_stop(&amd); /* no such events */
			continue;
		}
		report(&amd, code, 0x7000);
		assert_int_equal(am_get64(&amd, A_HWEV_STATUS), shows);
		assert_int_equal(am_get64(&amd, A_HWEV_HI),
		    shows ? (uint64_t)code << 60 | UINT64_C(2) << 57 | 0x310 : 0);
		assert_int_equal(am_get64(&amd, A_HWEV_LO), shows ? 0x7000 : 0);
		am_stop(&amd);
	}
}

static void the_newest_hardware_error_stays(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	report(&amd, 3, 0x7000);
	report(&amd, 4, 0x8000);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 3);
	assert_int_equal(am_get64(&amd, A_HWEV_LO), 0x8000);
	am_set64(&amd, A_HWEV_STATUS, 2);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 1);
	report(&amd, 6, 0x9000);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 3);
	am_set64(&amd, A_HWEV_STATUS, 3);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 0);
	assert_int_equal(am_get64(&amd, A_HWEV_LO), 0x9000);
	report(&amd, 3, 0x7000);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 1);
	am_stop(&amd);
}

/* They do not need the log. A store of a command without memory is such an error. */
static void without_a_log_they_show_too(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_submit(&amd, UINT64_C(1) << 60 | HOLE | 1, 0);
	assert_int_equal(am_events(&amd), 0);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 1);
	assert_int_equal(am_get64(&amd, A_HWEV_HI), UINT64_C(6) << 60 | UINT64_C(3) << 57);
	assert_int_equal(am_get64(&amd, A_HWEV_LO), HOLE);
	am_stop(&amd);
}

static void a_unit_may_have_none_of_them(void **state)
{
	const struct amd_setup setup = { .efr_clear = F_HE };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	report(&amd, 3, 0x7000);
	assert_int_equal(am_get64(&amd, A_HWEV_STATUS), 0);
	assert_int_equal(am_get64(&amd, A_HWEV_HI), 0);
	assert_int_equal(am_events(&amd), 1);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag_has_its_bit),
		cmocka_unit_test(each_code_has_its_number),
		cmocka_unit_test(an_invalid_request_has_a_wider_type),
		cmocka_unit_test(a_counters_event_carries_its_note),
		cmocka_unit_test(an_invalid_page_request_is_the_request),
		cmocka_unit_test(events_of_page_states_carry_flags),
		cmocka_unit_test(the_class_of_a_page_fault_goes_by_its_flags),
		cmocka_unit_test(the_class_of_others_goes_by_the_code),
		cmocka_unit_test(the_fault_says_what_became_of_its_event),
		cmocka_unit_test(hardware_errors_show_in_registers),
		cmocka_unit_test(the_newest_hardware_error_stays),
		cmocka_unit_test(without_a_log_they_show_too),
		cmocka_unit_test(a_unit_may_have_none_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
