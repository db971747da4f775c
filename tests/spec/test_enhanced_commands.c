/*
 * The enhanced command interface (VT-d 11.4.14): which commands there are, status codes, the time between
 * a command and its response, and commands of GCMD and PMEN that are in the way. What the commands do to
 * performance counters is another program's subject (test_performance.c), but that they reach them is this
 * one's.
 */
#include "vtd_fixture.h"

#define CAP_FRO_700 (UINT64_C(0x70) << 24)
#define CAP_PLMR    BIT(5)
#define CAP_ECMDS   BIT(61)
#define ECAP_PMS    BIT(51)

enum { ECMD = 0x400, ECEO = 0x408, ECRSP = 0x410, ECSTS = 0x420, ECCAP = 0x430, PMEN = 0x64 };
enum { PERFCFG = 0x1000, PERFFRZSTS = 0x1800, PERFCNTR = 0x1c00, STRIDE = 0x400 }; /* by default */

/* ECRSP: IP in bit 0, SC in 7:1, RSLT in 63:16. */
#define IN_PROGRESS 1u
#define DONE        (0u << 1)
#define UNDEFINED   (1u << 1)
#define ABORTED     (2u << 1)
#define FAILED      (16u << 1)

#define ALL_COMMANDS (UINT64_C(0x3f) << 48)

static const struct iommusim_vtd_config counting = {
	.register_size = 2,
	.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700 | CAP_ECMDS | CAP_PLMR,
	.ext_capability = VTD_DEFAULT_ECAP | ECAP_PMS,
};

static void start(struct vtd_fixture *vtd, struct iommusim_vtd_config wanted)
{
	memset(vtd, 0, sizeof(*vtd));
	wanted.base = VTD_BASE;
	wanted.version = 0x10;
	wanted.host_address_width = VTD_HAW;
	assert_int_equal(iommusim_machine_create(NULL, &vtd->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd->machine, &wanted, &vtd->unit), IOMMUSIM_OK);
}

static uint64_t command(struct vtd_fixture *vtd, uint64_t number, uint64_t operand)
{
	vt_set64(vtd, ECMD, number | operand << 16);
	return vt_get64(vtd, ECRSP);
}

/* Something that counter 0 may count: requests. */
static void configure(struct vtd_fixture *vtd)
{
	vt_set64(vtd, PERFCFG, UINT64_C(2) << 32);
}

static bool enabled(struct vtd_fixture *vtd, unsigned counter)
{
	return (vt_get64(vtd, PERFCFG + counter * 0x100) & 1) != 0;
}

static void a_unit_without_performance_monitoring_has_no_command(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.ext_capability &= ~ECAP_PMS;
	start(&vtd, config);
	assert_int_equal(vt_get64(&vtd, ECCAP + 24), 0);
	for (unsigned number = 0; number < 256; number++)
		assert_int_equal(command(&vtd, number, 0), UNDEFINED);
	vt_stop(&vtd);
}

static void with_performance_monitoring_there_are_the_six_of_table_52(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, counting);
	assert_int_equal(vt_get64(&vtd, ECCAP + 24), ALL_COMMANDS);
	for (unsigned number = 0; number < 256; number++)
		if (number < 240 || number > 245)
			assert_int_equal(command(&vtd, number, 0), UNDEFINED);
	configure(&vtd);
	for (unsigned number = 240; number < 246; number++)
		assert_int_equal(command(&vtd, number, 0), DONE);
	vt_stop(&vtd);
}

static void the_other_status_and_capability_registers_are_reserved(void **state)
{
	static const unsigned reserved[] = { ECSTS, ECSTS + 8, ECCAP, ECCAP + 8, ECCAP + 16 };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, counting);
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
		vt_set64(&vtd, reserved[i], UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, reserved[i]), 0);
	}
	vt_set64(&vtd, ECCAP + 24, 0);
	assert_int_equal(vt_get64(&vtd, ECCAP + 24), ALL_COMMANDS);
	vt_set64(&vtd, ECMD, UINT64_C(0xfff0000000000000) | 244); /* WO: they read as 0 */
	vt_set64(&vtd, ECEO, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, ECMD), 0);
	assert_int_equal(vt_get64(&vtd, ECEO), 0);
	vt_stop(&vtd);
}

/* Bit n of ECCAP3 is command 192 + n. */
static void each_command_is_there_when_its_bit_of_ECCAP3_is(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned only = 48; only < 54; only++) {
		config.enhanced_capability = BIT(only);
		start(&vtd, config);
		assert_int_equal(vt_get64(&vtd, ECCAP + 24), BIT(only));
		configure(&vtd);
		for (unsigned number = 240; number < 246; number++)
			assert_int_equal(
			    command(&vtd, number, 0), number == 192 + only ? DONE : UNDEFINED);
		vt_stop(&vtd);
	}
}

static void what_ECCAP3_cannot_say_is_refused(void **state)
{
	static const struct {
		uint64_t cap_clear, ecap_clear, capability;
		const char *why;
	} bad[] = {
		{ 0, 0, BIT(47), "reserved bits of ECCAP3" },
		{ 0, 0, BIT(54) | BIT(48), "reserved bits of ECCAP3" },
		{ 0, ECAP_PMS, BIT(48), "need ECAP.PMS" },
		{ CAP_ECMDS, ECAP_PMS, BIT(48), "ECCAP3 needs CAP.ECMDS" },
		{ CAP_ECMDS, 0, 0, "ECAP.PMS needs CAP.ECMDS" },
	};
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, counting);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		config.base = VTD_BASE + 0x10000;
		config.host_address_width = VTD_HAW;
		config.capability = counting.capability & ~bad[i].cap_clear;
		config.ext_capability = counting.ext_capability & ~bad[i].ecap_clear;
		config.enhanced_capability = bad[i].capability;
		assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
		assert_non_null(strstr(iommusim_machine_diagnostic(vtd.machine)->text, bad[i].why));
	}
	vt_stop(&vtd);
}

static void a_command_that_fails_has_status_16(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, counting);
	assert_int_equal(command(&vtd, 240, 0), FAILED); /* no event */
	assert_int_equal(command(&vtd, 240, 8), FAILED); /* there are eight counters */
	assert_int_equal(command(&vtd, 241, 8), FAILED);
	assert_int_equal(command(&vtd, 241, UINT64_C(0x800000000000)), FAILED);
	assert_int_equal(command(&vtd, 241, 7), DONE);
	configure(&vtd);
	assert_int_equal(command(&vtd, 240, 0), DONE);
	assert_true(enabled(&vtd, 0));
	assert_int_equal(command(&vtd, 241, 0), DONE);
	assert_false(enabled(&vtd, 0));
	vt_stop(&vtd);
}

/* 32-bit software writes the operand first (11.4.14.1). */
static void the_lower_half_starts_the_command(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, counting);
	vt_set64(&vtd, PERFCFG + 0x300, UINT64_C(2) << 32);
	assert_int_equal(command(&vtd, 1, 0), UNDEFINED);
	vt_set32(&vtd, ECMD + 4, 0);
	assert_int_equal(vt_get64(&vtd, ECRSP), UNDEFINED);
	vt_set32(&vtd, ECMD, 3 << 16 | 240);
	assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
	assert_true(enabled(&vtd, 3));
	vt_set64(&vtd, ECRSP, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
	vt_set32(&vtd, ECMD + 4, 1); /* counter 3 + 1 << 16: there is none */
	vt_set32(&vtd, ECMD, 3 << 16 | 241);
	assert_int_equal(vt_get64(&vtd, ECRSP), FAILED);
	vt_stop(&vtd);
}

static void a_command_takes_the_latency_of_the_unit(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.settings.latency = 100;
	start(&vtd, config);
	configure(&vtd);
	assert_int_equal(command(&vtd, 1, 0), IN_PROGRESS); /* undefined ones too */
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, ECRSP), UNDEFINED);
	assert_int_equal(command(&vtd, 240, 0), IN_PROGRESS);
	assert_false(enabled(&vtd, 0));
	vt_set64(&vtd, ECMD, 244); /* dropped, and so is what might change the operand */
	vt_set32(&vtd, ECMD + 4, 5);
	vt_set64(&vtd, ECEO, 1);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
	assert_true(enabled(&vtd, 0));
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, PERFFRZSTS), 0);
	assert_int_equal(command(&vtd, 244, 0), IN_PROGRESS);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
	assert_int_equal(vt_get64(&vtd, PERFFRZSTS), 0xff);
	assert_int_equal(command(&vtd, 245, 0), IN_PROGRESS);
	iommusim_unit_reset(vtd.unit, false); /* no command survives it */
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, ECRSP), 0);
	vt_stop(&vtd);
}

static void a_command_in_flight_from_GCMD_or_PMEN_aborts_it(void **state)
{
	static const struct {
		unsigned offset;
		uint32_t value;
	} writes[] = { { R_GCMD, G_SRTP }, { R_GCMD, 0 }, { PMEN, 0x80000000 }, { PMEN, 0 } };
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.settings.latency = 100;
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		start(&vtd, config);
		configure(&vtd);
		vt_set32(&vtd, writes[i].offset, writes[i].value);
		iommusim_step(vtd.machine, 90);
		assert_int_equal(command(&vtd, 240, 0), IN_PROGRESS);
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get64(&vtd, ECRSP), ABORTED);
		assert_false(enabled(&vtd, 0));
		vt_set64(&vtd, ECMD, 240); /* now there is none */
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
		vt_set32(&vtd, writes[i].offset, writes[i].value);
		iommusim_step(
		    vtd.machine, 99); /* carried out the very moment the next one is written */
		assert_int_equal(command(&vtd, 241, 0), IN_PROGRESS);
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get64(&vtd, ECRSP), DONE);
		vt_set32(&vtd, writes[i].offset, writes[i].value);
		vt_set64(&vtd, ECMD, 3); /* undefined whatever is in flight */
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get64(&vtd, ECRSP), UNDEFINED);
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_without_performance_monitoring_has_no_command),
		cmocka_unit_test(with_performance_monitoring_there_are_the_six_of_table_52),
		cmocka_unit_test(the_other_status_and_capability_registers_are_reserved),
		cmocka_unit_test(each_command_is_there_when_its_bit_of_ECCAP3_is),
		cmocka_unit_test(what_ECCAP3_cannot_say_is_refused),
		cmocka_unit_test(a_command_that_fails_has_status_16),
		cmocka_unit_test(the_lower_half_starts_the_command),
		cmocka_unit_test(a_command_takes_the_latency_of_the_unit),
		cmocka_unit_test(a_command_in_flight_from_GCMD_or_PMEN_aborts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
