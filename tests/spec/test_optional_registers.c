/*
 * Registers that only some units have (VT-d 11.4.8, 11.4.11 to 11.4.16): there with their capability,
 * with the access the specification gives each field; reading 0 and taking nothing without it.
 */
#include "vtd_fixture.h"

#define CAP_PLMR  BIT(5)
#define CAP_PHMR  BIT(6)
#define CAP_ECMDS BIT(61)
#define ECAP_MTS  BIT(25)
#define ECAP_PRS  BIT(29)
#define ECAP_VCS  BIT(44)
#define ECAP_PMS  BIT(51)
#define ECAP_RDTS BIT(60)

/* One register: its capability, its reset value, and what is written back of all ones (HAW is 46). */
struct row {
	const char *name;
	uint64_t cap, ecap;
	unsigned offset, bytes;
	uint64_t reset, kept;
};

#define MTRR_BASE 0x00003ffffffff0ff
#define MTRR_MASK 0x00003ffffffff800
#define ALL       UINT64_MAX

static const struct row rows[] = {
	{ "PLMBASE", CAP_PLMR, 0, 0x68, 4, 0, 0xffe00000 },
	{ "PLMLIMIT", CAP_PLMR, 0, 0x6c, 4, 0, 0xffe00000 },
	{ "PHMBASE", CAP_PHMR, 0, 0x70, 8, 0, 0x00003fffffe00000 },
	{ "PHMLIMIT", CAP_PHMR, 0, 0x78, 8, 0, 0x00003fffffe00000 },
	{ "PQH", 0, ECAP_PRS, 0xc0, 8, 0, 0x7ffe0 },
	{ "PQT", 0, ECAP_PRS, 0xc8, 8, 0, 0x7ffe0 },
	{ "PQA", 0, ECAP_PRS, 0xd0, 8, 0, 0xfffffffffffff007 },
	{ "PRS", 0, ECAP_PRS, 0xdc, 4, 0, 0 },
	{ "PECTL", 0, ECAP_PRS, 0xe0, 4, 0x80000000, 0x80000000 },
	{ "PEDATA", 0, ECAP_PRS, 0xe4, 4, 0, 0xffff },
	{ "PEADDR", 0, ECAP_PRS, 0xe8, 4, 0, 0xfffffffc },
	{ "PEUADDR", 0, ECAP_PRS, 0xec, 4, 0, 0xffffffff },
	{ "MTRRCAP", 0, ECAP_MTS, 0x100, 8, 0x50a, 0x50a },
	{ "MTRRDEF", 0, ECAP_MTS, 0x108, 8, 0, 0xcff },
	{ "MTRR_FIX64K_00000", 0, ECAP_MTS, 0x120, 8, 0, ALL },
	{ "MTRR_FIX16K_80000", 0, ECAP_MTS, 0x128, 8, 0, ALL },
	{ "MTRR_FIX16K_A0000", 0, ECAP_MTS, 0x130, 8, 0, ALL },
	{ "MTRR_FIX4K_C0000", 0, ECAP_MTS, 0x138, 8, 0, ALL },
	{ "MTRR_FIX4K_F8000", 0, ECAP_MTS, 0x170, 8, 0, ALL },
	{ "MTRR_PHYSBASE0", 0, ECAP_MTS, 0x180, 8, 0, MTRR_BASE },
	{ "MTRR_PHYSMASK0", 0, ECAP_MTS, 0x188, 8, 0, MTRR_MASK },
	{ "MTRR_PHYSBASE9", 0, ECAP_MTS, 0x210, 8, 0, MTRR_BASE },
	{ "MTRR_PHYSMASK9", 0, ECAP_MTS, 0x218, 8, 0, MTRR_MASK },
	{ "PERFCAP", CAP_ECMDS, ECAP_PMS, 0x300, 8, UINT64_C(0xf) << 60, UINT64_C(0xf) << 60 },
	{ "PERFCFGOFF", CAP_ECMDS, ECAP_PMS, 0x310, 4, 0, 0 },
	{ "PERFINTRSTS", CAP_ECMDS, ECAP_PMS, 0x324, 4, 0, 0 },
	{ "PERFINTRCTL", CAP_ECMDS, ECAP_PMS, 0x328, 4, 0x80000000, 0x80000000 },
	{ "PERFINTRDATA", CAP_ECMDS, ECAP_PMS, 0x32c, 4, 0, 0xffff },
	{ "PERFINTRADDR", CAP_ECMDS, ECAP_PMS, 0x330, 4, 0, 0xfffffffc },
	{ "PERFINTRUADDR", CAP_ECMDS, ECAP_PMS, 0x334, 4, 0, 0xffffffff },
	{ "RDTC", 0, ECAP_RDTS, 0xdc0, 8, 0, 0x1f00000fff },
	{ "VCMD", 0, ECAP_VCS, 0xe00, 8, 0, 0xffffffffffff00ff },
	{ "VCMD_EO", 0, ECAP_VCS, 0xe08, 8, 0, ALL },
	{ "VCCAP", 0, ECAP_VCS, 0xe30, 8, 0, 0 },
	{ "ECEO", CAP_ECMDS, 0, 0x408, 8, 0, 0 },
	{ "ECCAP3", CAP_ECMDS, 0, 0x448, 8, 0, 0 },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* FRCD and IOTLB out of the way of what lies at 400h and 500h. */
static struct vtd_setup with(uint64_t cap, uint64_t ecap)
{
	return (struct vtd_setup){ .cap_clear = CAP_FRO_400 | CAP_PI,
		.cap_set = cap | UINT64_C(0x70) << 24,
		.ecap_set = ecap };
}

static uint64_t get(struct vtd_fixture *vtd, const struct row *row)
{
	return row->bytes == 8 ? vt_get64(vtd, row->offset) : vt_get32(vtd, row->offset);
}

static void set(struct vtd_fixture *vtd, const struct row *row, uint64_t value)
{
	if (row->bytes == 8)
		vt_set64(vtd, row->offset, value);
	else
		vt_set32(vtd, row->offset, (uint32_t)value);
}

static void each_is_there_with_its_capability_and_keeps_its_fields(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct vtd_setup setup = with(rows[i].cap, rows[i].ecap);

		vt_start(&vtd, &setup);
		if (get(&vtd, &rows[i]) != rows[i].reset)
			fail_msg("%s resets to 0x%llx", rows[i].name,
			    (unsigned long long)get(&vtd, &rows[i]));
		set(&vtd, &rows[i], rows[i].bytes == 8 ? ALL : 0xffffffff);
		if (get(&vtd, &rows[i]) != rows[i].kept)
			fail_msg(
			    "%s keeps 0x%llx", rows[i].name, (unsigned long long)get(&vtd, &rows[i]));
		iommusim_unit_reset(vtd.unit, true);
		assert_int_equal(get(&vtd, &rows[i]), rows[i].reset);
		vt_stop(&vtd);
	}
}

static void none_is_there_without_its_capability(void **state)
{
	const struct vtd_setup setup = with(0, 0);
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &setup);
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(get(&vtd, &rows[i]), 0);
		set(&vtd, &rows[i], rows[i].bytes == 8 ? ALL : 0xffffffff);
		if (get(&vtd, &rows[i]) != 0)
			fail_msg("%s is there without its capability", rows[i].name);
	}
	vt_stop(&vtd);
}

static void registers_of_an_array_keep_their_values_apart(void **state)
{
	const struct vtd_setup setup = with(0, ECAP_MTS);
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &setup);
	for (unsigned n = 0; n < 10; n++) {
		vt_set64(&vtd, 0x180 + 16 * n, UINT64_C(0x1000) * (n + 1));
		vt_set64(&vtd, 0x188 + 16 * n, UINT64_C(0x100000) * (n + 1) | 0x800);
	}
	for (unsigned n = 0; n < 11; n++)
		vt_set64(&vtd, 0x120 + 8 * n, n + 1);
	for (unsigned n = 0; n < 10; n++) {
		assert_int_equal(vt_get64(&vtd, 0x180 + 16 * n), UINT64_C(0x1000) * (n + 1));
		assert_int_equal(vt_get64(&vtd, 0x188 + 16 * n), UINT64_C(0x100000) * (n + 1) | 0x800);
	}
	for (unsigned n = 0; n < 11; n++)
		assert_int_equal(vt_get64(&vtd, 0x120 + 8 * n), n + 1);
	assert_int_equal(vt_get64(&vtd, 0x178), 0);
	assert_int_equal(vt_get64(&vtd, 0x220), 0);
	vt_stop(&vtd);
}

static void upper_message_addresses_need_extended_interrupt_mode(void **state)
{
	struct vtd_setup setup = with(CAP_ECMDS, ECAP_PRS | ECAP_PMS);
	struct vtd_fixture vtd;

	(void)state;
	setup.ecap_clear = ECAP_EIM;
	vt_start(&vtd, &setup);
	vt_set32(&vtd, 0xec, 0xffffffff);
	vt_set32(&vtd, 0x334, 0xffffffff);
	assert_int_equal(vt_get32(&vtd, 0xec), 0);
	assert_int_equal(vt_get32(&vtd, 0x334), 0);
	vt_stop(&vtd);
}

/* A unit that supports no command answers each with status code 1, undefined (VT-d 11.4.14.3, 11.4.16.3). */
static void a_command_the_unit_does_not_have_is_answered_as_undefined(void **state)
{
	const struct vtd_setup setup = with(CAP_ECMDS, ECAP_VCS);
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &setup);
	assert_int_equal(vt_get64(&vtd, 0x410), 0);
	vt_set32(&vtd, 0x404, 0x1234); /* 32-bit software: the operand first, that starts nothing */
	assert_int_equal(vt_get64(&vtd, 0x410), 0);
	vt_set32(&vtd, 0x400, 0xf0);
	assert_int_equal(vt_get64(&vtd, 0x410), 2);
	assert_int_equal(vt_get64(&vtd, 0x400), 0);
	vt_set64(&vtd, 0x410, ALL);
	assert_int_equal(vt_get64(&vtd, 0x410), 2);
	assert_int_equal(vt_get64(&vtd, 0xe10), 0);
	vt_set64(&vtd, 0xe00, 1);
	assert_int_equal(vt_get64(&vtd, 0xe10), 2);
	vt_stop(&vtd);
}

/* 256 records need more than the one page that is the least a unit has (DRHD Size, VT-d 8.3). */
static void a_larger_register_set_has_room_for_every_fault_record(void **state)
{
	struct iommusim_vtd_config config = { .base = 0xfed98000,
		.version = 0x10,
		.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | UINT64_C(0x3ff) << 24 | CAP_NFR,
		.ext_capability = VTD_DEFAULT_ECAP,
		.host_address_width = 46 };
	struct vtd_fixture vtd;
	uint64_t value;

	(void)state;
	vt_start(&vtd, NULL);
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
	config.register_size = 16;
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
	config.register_size = 2; /* the last record ends at 4ff0h */
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
	config.register_size = 3;
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_read(vtd.machine, 0xfed98000 + 0x7ff8, 8, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0);
	assert_int_equal(
	    iommusim_mmio_read(vtd.machine, 0xfed98000 + 0x8000, 8, &value), IOMMUSIM_ENXIO);
	config = (struct iommusim_vtd_config){ .base = 0xfd000000,
		.version = 0x10,
		.register_size = 5,
		.capability = VTD_DEFAULT_CAP,
		.ext_capability = VTD_DEFAULT_ECAP,
		.host_address_width = 46 };
	assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_read(vtd.machine, 0xfd000000 + 0x8000, 4, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0); /* nothing can stand beyond what CAP and ECAP reach */
	assert_int_equal(iommusim_mmio_read(vtd.machine, 0xfd000000 + 0x1fff8, 8, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0);
	assert_int_equal(iommusim_mmio_write(vtd.machine, 0xfd000000 + 0x1fff8, 8, 1), IOMMUSIM_OK);
	vt_stop(&vtd);
}

static void registers_that_would_share_a_place_are_refused(void **state)
{
	static const struct {
		uint64_t cap, ecap;
		const char *where;
	} bad[] = {
		{ VTD_DEFAULT_CAP & ~CAP_FRO_400, VTD_DEFAULT_ECAP, "offset 0x0" }, /* FRCD on VER */
		{ VTD_DEFAULT_CAP, (VTD_DEFAULT_ECAP & ~ECAP_IRO_500) | 0x40 << 8,
		    "offset 0x400" }, /* IVA on FRCD */
		{ VTD_DEFAULT_CAP, (VTD_DEFAULT_ECAP & ~ECAP_IRO_500) | 0x1 << 8,
		    "offset 0x10" }, /* IVA on ECAP */
		{ (VTD_DEFAULT_CAP & ~CAP_FRO_400) | UINT64_C(0x10) << 24, VTD_DEFAULT_ECAP | ECAP_MTS,
		    "offset 0x100" }, /* FRCD on MTRRs */
	};
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct iommusim_vtd_config config = { .base = 0xfed91000,
			.version = 0x10,
			.capability = bad[i].cap,
			.ext_capability = bad[i].ecap,
			.host_address_width = 46 };

		assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
		assert_non_null(strstr(iommusim_machine_diagnostic(vtd.machine)->text, bad[i].where));
	}
	vt_stop(&vtd);
}

/* Eight records of 16 bytes from 400h on: the next register may stand at 480h, or end at 400h. */
static void registers_may_stand_right_beside_the_fault_records(void **state)
{
	static const uint64_t places[] = { 0x48, 0x3f };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		vt_start(&vtd,
		    &(struct vtd_setup){ .ecap_clear = ECAP_IRO_500, .ecap_set = places[i] << 8 });
		vt_set64(&vtd, (unsigned)places[i] * 16, 0x5000);
		assert_int_equal(vt_get64(&vtd, (unsigned)places[i] * 16), 0);
		vt_set64(&vtd, (unsigned)places[i] * 16 + 8, BIT(63) | BIT(60)); /* IOTLB: global */
		assert_int_equal(vt_get64(&vtd, (unsigned)places[i] * 16 + 8) >> 57, 1 | 1 << 3);
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_there_with_its_capability_and_keeps_its_fields),
		cmocka_unit_test(none_is_there_without_its_capability),
		cmocka_unit_test(registers_of_an_array_keep_their_values_apart),
		cmocka_unit_test(upper_message_addresses_need_extended_interrupt_mode),
		cmocka_unit_test(a_command_the_unit_does_not_have_is_answered_as_undefined),
		cmocka_unit_test(a_larger_register_set_has_room_for_every_fault_record),
		cmocka_unit_test(registers_that_would_share_a_place_are_refused),
		cmocka_unit_test(registers_may_stand_right_beside_the_fault_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
