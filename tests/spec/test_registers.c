/*
 * The register file of a VT-d unit (VT-d 11.2 to 11.4): reset values, access of every field, halves of
 * registers, and registers that are not there. What a register sets in motion is tested by subject.
 */
#include "vtd_fixture.h"

static void identification_reads_as_configured_whole_and_in_halves(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .version = 0x50 });
	assert_int_equal(vt_get32(&vtd, R_VER), 0x50);
	assert_int_equal(vt_get64(&vtd, R_CAP), vtd.cap);
	assert_int_equal(vt_get64(&vtd, R_ECAP), vtd.ecap);
	assert_int_equal(vt_get32(&vtd, R_CAP), vtd.cap & 0xffffffff);
	assert_int_equal(vt_get32(&vtd, R_CAP + 4), vtd.cap >> 32);
	assert_int_equal(vt_get32(&vtd, R_ECAP), vtd.ecap & 0xffffffff);
	assert_int_equal(vt_get32(&vtd, R_ECAP + 4), vtd.ecap >> 32);
	vt_stop(&vtd);
}

/* Everything but identification resets to 0, save IM of the event control registers. */
static void assert_reset_values(struct vtd_fixture *vtd)
{
	for (unsigned offset = R_GCMD; offset < 0x1000; offset += 4) {
		const uint32_t expected = offset == R_FECTL || offset == R_IECTL ? 0x80000000 : 0;

		assert_int_equal(vt_get32(vtd, offset), expected);
	}
}

static void registers_reset_to_zero_but_for_the_interrupt_masks(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	assert_reset_values(&vtd);
	vt_stop(&vtd);
}

/* What software may set in each register, and what must read 0 whatever it writes (VT-d 11.4). */
struct access {
	unsigned offset, bytes;
	uint64_t writable; /* reads back what was written */
	uint64_t reserved; /* RsvdZ, RsvdP */
};

/* Left out of both columns: address bits from HAW (46) up and domain bits from 8 up, which hardware may
 * or may not implement, and fields whose read value is undefined. */
static const struct access accesses[] = {
	{ R_RTADDR, 8, 0x00003ffffffffc00, 0x37f | 0x80 },
	{ R_CCMD, 8, 0x60000000000000ff, 0x07fffffc00000000 },
	{ R_FECTL, 4, 0x80000000, 0 },
	{ R_FEDATA, 4, 0xffff, 0xffff0000 },
	{ R_FEADDR, 4, 0xfffffffc, 3 },
	{ R_FEUADDR, 4, 0xffffffff, 0 },
	{ R_IQT, 8, 0x7fff0, 0xfffffffffff8000f },
	{ R_IQA, 8, 0x00003ffffffff807, 0x7f8 },
	{ R_IECTL, 4, 0x80000000, 0 },
	{ R_IEDATA, 4, 0xffff, 0xffff0000 },
	{ R_IEADDR, 4, 0xfffffffc, 3 },
	{ R_IEUADDR, 4, 0xffffffff, 0 },
	{ R_IRTA, 8, 0x00003ffffffff80f, 0x7f0 },
	{ R_IOTLB, 8, 0x300300ff00000000 | 0, 0x49fc0000ffffffff },
};

#define ACCESSES (sizeof(accesses) / sizeof(*accesses))

static uint64_t get(struct vtd_fixture *vtd, const struct access *row)
{
	return row->bytes == 8 ? vt_get64(vtd, row->offset) : vt_get32(vtd, row->offset);
}

static void set(struct vtd_fixture *vtd, const struct access *row, uint64_t value)
{
	if (row->bytes == 8)
		vt_set64(vtd, row->offset, value);
	else
		vt_set32(vtd, row->offset, (uint32_t)value);
}

static void writable_fields_keep_every_bit_and_reserved_ones_stay_zero(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < ACCESSES; i++) {
		const struct access *row = &accesses[i];

		vt_start(&vtd, NULL);
		for (unsigned bit = 0; bit < row->bytes * 8; bit++) {
			set(&vtd, row, BIT(bit));
			assert_int_equal(get(&vtd, row) & row->writable, BIT(bit) & row->writable);
			assert_int_equal(get(&vtd, row) & row->reserved, 0);
		}
		set(&vtd, row, 0);
		assert_int_equal(get(&vtd, row) & row->writable, 0);
		vt_stop(&vtd);
	}
}

static void read_only_registers_do_not_take_writes(void **state)
{
	static const struct {
		unsigned offset, bytes;
	} read_only[] = { { R_VER, 4 }, { R_CAP, 8 }, { R_ECAP, 8 }, { R_GSTS, 4 }, { R_IQH, 8 },
		{ R_IQERCD, 8 } };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
		const struct access row = { read_only[i].offset, read_only[i].bytes, 0, 0 };
		const uint64_t before = get(&vtd, &row);

		set(&vtd, &row, UINT64_MAX);
		assert_int_equal(get(&vtd, &row), before);
		set(&vtd, &row, 0);
		assert_int_equal(get(&vtd, &row), before);
	}
	vt_stop(&vtd);
}

/*
 * GCMD, IVA, and CCMD's source id and function mask may only be written (11.4.4.1, 11.4.6); what a read
 * gives is undefined, and this model's choice is 0.
 */
static void what_can_only_be_written_reads_as_zero(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_set64(&vtd, R_CCMD, UINT64_C(0x3ffff00ab));
	assert_int_equal(vt_get64(&vtd, R_CCMD), 0xab);
	vt_set64(&vtd, R_IVA, 0x12345fff);
	assert_int_equal(vt_get64(&vtd, R_IVA), 0);
	assert_int_equal(vt_get32(&vtd, R_GCMD), 0);
	vt_stop(&vtd);
}

static void quadword_registers_can_be_written_in_doublewords(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set32(&vtd, R_RTADDR, 0x89abc000);
	vt_set32(&vtd, R_RTADDR + 4, 0x00001234);
	assert_int_equal(vt_get64(&vtd, R_RTADDR), UINT64_C(0x123489abc000));
	vt_set32(&vtd, R_RTADDR + 4, 0x00000567);
	assert_int_equal(vt_get64(&vtd, R_RTADDR), UINT64_C(0x56789abc000));
	vt_set32(&vtd, R_RTADDR, 0x1000);
	assert_int_equal(vt_get64(&vtd, R_RTADDR), UINT64_C(0x56700001000));
	vt_stop(&vtd);
}

static void one_quadword_access_covers_two_doubleword_registers(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set64(&vtd, R_FECTL, UINT64_C(0x4321) << 32);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0);
	assert_int_equal(vt_get32(&vtd, R_FEDATA), 0x4321);
	assert_int_equal(vt_get64(&vtd, R_FECTL), UINT64_C(0x432100000000));
	vt_set64(&vtd, R_FEADDR, UINT64_C(0x55fee01000));
	assert_int_equal(vt_get32(&vtd, R_FEADDR), 0xfee01000);
	assert_int_equal(vt_get32(&vtd, R_FEUADDR), 0x55);
	vt_stop(&vtd);
}

/* A command of 64 bits is given by the half that holds its top bit (VT-d 11.4.6). */
static void the_lower_half_of_a_command_register_starts_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set32(&vtd, R_CCMD, VTD_DOMAIN);
	assert_int_equal(vt_get64(&vtd, R_CCMD) >> 59 & 3, 0);
	vt_set32(&vtd, R_CCMD + 4, 0xa0000000);                   /* ICC, CIRG 1 */
	assert_int_equal(vt_get32(&vtd, R_CCMD + 4) >> 27, 0x05); /* CIRG 1, CAIG 1, ICC 0 */
	vt_set32(&vtd, R_IOTLB, 0xffffffff);
	assert_int_equal(vt_get32(&vtd, R_IOTLB + 4), 0);
	vt_set32(&vtd, R_IOTLB + 4, 0x90000000);                   /* IVT, IIRG 1 */
	assert_int_equal(vt_get32(&vtd, R_IOTLB + 4) >> 25, 0x09); /* IIRG 1, IAIG 1 */
	vt_stop(&vtd);
}

/* VT-d 11.2 knows doublewords and quadwords only. Here a narrow read shows its bytes, a write is lost. */
static void narrow_accesses_read_their_bytes_and_write_nothing(void **state)
{
	struct vtd_fixture vtd;
	uint64_t value;

	(void)state;
	vt_start(&vtd, NULL);
	for (unsigned byte = 0; byte < 8; byte++) {
		assert_int_equal(
		    iommusim_mmio_read(vtd.machine, VTD_BASE + R_CAP + byte, 1, &value), IOMMUSIM_OK);
		assert_int_equal(value, vtd.cap >> byte * 8 & 0xff);
	}
	assert_int_equal(iommusim_mmio_read(vtd.machine, VTD_BASE + R_CAP + 6, 2, &value), IOMMUSIM_OK);
	assert_int_equal(value, vtd.cap >> 48);
	for (unsigned width = 1; width <= 2; width++)
		assert_int_equal(
		    iommusim_mmio_write(vtd.machine, VTD_BASE + R_FEDATA, width, 0x77), IOMMUSIM_OK);
	assert_int_equal(vt_get32(&vtd, R_FEDATA), 0);
	vt_stop(&vtd);
}

static void places_without_a_register_read_as_zero_and_take_nothing(void **state)
{
	static const unsigned nothing[] = { 0x004, 0x030, 0x048, 0x058, 0x05c, 0x060, 0x098, 0x0d8,
		0x0f0, 0x3f0, 0x480, 0x4f8, 0x510, 0xffc };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		vt_set32(&vtd, nothing[i], 0xffffffff);
		assert_int_equal(vt_get32(&vtd, nothing[i]), 0);
	}
	assert_reset_values(&vtd);
	vt_stop(&vtd);
}

static void assert_reserved(struct vtd_fixture *vtd, unsigned offset, uint32_t mask)
{
	vt_set32(vtd, offset, mask);
	assert_int_equal(vt_get32(vtd, offset) & mask, 0);
}

/* "Treated as RsvdZ by implementations reporting Queued Invalidation as not supported" (VT-d 11.4.9). */
static void without_queued_invalidation_its_registers_are_reserved(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_DT });
	assert_int_equal(vt_get32(&vtd, R_IECTL), 0);
	for (unsigned offset = R_IQH; offset < R_IRTA + 8; offset += 4)
		assert_reserved(&vtd, offset, 0xffffffff);
	vt_stop(&vtd);
}

static void fields_of_missing_features_are_reserved(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_EIM });
	assert_reserved(&vtd, R_IRTA, 0x800); /* EIME */
	vt_stop(&vtd);
	vt_start(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_IR | ECAP_EIM });
	assert_reserved(&vtd, R_IRTA, 0xffffffff);
	assert_reserved(&vtd, R_IRTA + 4, 0xffffffff);
	vt_stop(&vtd);
	vt_start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_SSIRWS });
	vt_set32(&vtd, R_RTADDR, 0x80); /* SSIRWE, reserved in every other test */
	assert_int_equal(vt_get32(&vtd, R_RTADDR), 0x80);
	vt_stop(&vtd);
}

/* CAP.FRO and ECAP.IRO count in 16 bytes and say where these registers are (VT-d 11.4.2, 11.4.3). */
static void fault_records_and_iotlb_registers_stand_where_the_capabilities_say(void **state)
{
	const struct vtd_setup moved = {
		.cap_clear = UINT64_C(0x3ff) << 24,
		.cap_set = UINT64_C(0x22) << 24,
		.ecap_clear = UINT64_C(0x3ff) << 8,
		.ecap_set = UINT64_C(0xff) << 8,
	};
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &moved);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	assert_int_equal(vt_get32(&vtd, 0x22c), 0xc0000006); /* F, T1, reason */
	assert_int_equal(vt_get32(&vtd, R_FRCD + 12), 0);
	vt_set64(&vtd, 0xff8, BIT(63) | BIT(60));
	assert_int_equal(vt_get64(&vtd, 0xff8), BIT(60) | BIT(57));
	vt_set64(&vtd, R_IOTLB, BIT(63) | BIT(60));
	assert_int_equal(vt_get64(&vtd, R_IOTLB), 0);
	vt_stop(&vtd);
}

static void a_cold_reset_brings_every_register_back(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (size_t i = 0; i < ACCESSES; i++)
		set(&vtd, &accesses[i], accesses[i].writable);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	assert_true(iommusim_unit_translating(vtd.unit));
	iommusim_unit_reset(vtd.unit, true);
	assert_false(iommusim_unit_translating(vtd.unit));
	assert_reset_values(&vtd);
	assert_int_equal(vt_get64(&vtd, R_CAP), vtd.cap);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identification_reads_as_configured_whole_and_in_halves),
		cmocka_unit_test(registers_reset_to_zero_but_for_the_interrupt_masks),
		cmocka_unit_test(writable_fields_keep_every_bit_and_reserved_ones_stay_zero),
		cmocka_unit_test(read_only_registers_do_not_take_writes),
		cmocka_unit_test(what_can_only_be_written_reads_as_zero),
		cmocka_unit_test(quadword_registers_can_be_written_in_doublewords),
		cmocka_unit_test(one_quadword_access_covers_two_doubleword_registers),
		cmocka_unit_test(the_lower_half_of_a_command_register_starts_nothing),
		cmocka_unit_test(narrow_accesses_read_their_bytes_and_write_nothing),
		cmocka_unit_test(places_without_a_register_read_as_zero_and_take_nothing),
		cmocka_unit_test(without_queued_invalidation_its_registers_are_reserved),
		cmocka_unit_test(fields_of_missing_features_are_reserved),
		cmocka_unit_test(fault_records_and_iotlb_registers_stand_where_the_capabilities_say),
		cmocka_unit_test(a_cold_reset_brings_every_register_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
