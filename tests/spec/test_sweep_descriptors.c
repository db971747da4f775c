/*
 * Every bit, every type and every granularity of the invalidation descriptors of legacy mode (VT-d
 * 6.5.2, Table 26), in queues of both widths. A bad one holds the head with IQE and its IQERCD code;
 * mended, the queue goes on.
 */
#include "vtd_fixture.h"

#define IQE 0x10u /* FSTS */

enum { TYPE_INVALID = 3, FIELD_RESERVED = 4 }; /* IQERCD.IQEI, VT-d 11.4.9.9 */

/* By type: what is RsvdZ in figures 6-1, 6-3, 6-5, 6-8 and 6-9, and what only some units have. */
static const struct {
	uint64_t reserved[2];
	uint64_t optional[2];
	uint64_t feature; /* ECAP: the optional bits are fields */
} layout[] = {
	[1] = { { 0xfffc00000000f1c0, UINT64_MAX }, { 0, 0 }, 0 },
	[2] = { { 0xffffffff0000f100, 0xf80 }, { 0, 0 }, 0 },
	[3] = { { 0x000f0000ffe001f0, 0xffe }, { 0xfff000000000f000, 0 }, ECAP_DIT },
	[4] = { { 0xffff000007fff1e0, UINT64_MAX }, { 0, 0 }, 0 },
	[5] = { { 0x00000000fffff100, 3 }, { 0x80, 0 }, ECAP_PDS },
};

static unsigned type_of(uint64_t low)
{
	return (unsigned)((low & 0xf) | (low >> 9 & 7) << 4);
}

/* The code a descriptor stops the queue with, 0 when it does not. `raw` has 256 bits. */
static unsigned code_of(const struct vtd_fixture *vtd, const uint64_t raw[4])
{
	const unsigned type = type_of(raw[0]), granularity = raw[0] >> 4 & 3;
	uint64_t wrong = raw[2] | raw[3];

	if (type < 1 || type > 5 || (type == 3 && (vtd->ecap & ECAP_DT) == 0))
		return TYPE_INVALID;
	for (unsigned quad = 0; quad < 2; quad++) {
		wrong |= raw[quad] & layout[type].reserved[quad];
		if ((vtd->ecap & layout[type].feature) == 0)
			wrong |= raw[quad] & layout[type].optional[quad];
	}
	/* "A descriptor with a reserved value for Granularity is treated as an invalid descriptor." */
	if (wrong != 0 || (type <= 2 && granularity == 0) ||
	    (type == 2 && granularity == 3 && (vtd->cap & CAP_PSI) == 0))
		return FIELD_RESERVED;
	return 0;
}

static void put(struct vtd_fixture *vtd, const uint64_t raw[4])
{
	for (unsigned quad = 0; quad < vtd->queue_width / 8; quad++)
		vt_store(vtd, vtd->queue + vtd->queue_tail + quad * UINT64_C(8), raw[quad]);
}

/* Submit, see what becomes of it, mend it if it was bad. The queue is empty afterwards. */
static void check(struct vtd_fixture *vtd, const uint64_t raw[4])
{
	static const uint64_t good[4] = { 0x25 | UINT64_C(0x77) << 32, 0x9000, 0, 0 };
	const uint64_t head = vtd->queue_tail;
	const unsigned code = code_of(vtd, raw);

	put(vtd, raw);
	vtd->queue_tail = (vtd->queue_tail + vtd->queue_width) % 0x1000;
	vt_set32(vtd, R_IQT, vtd->queue_tail);
	if (code != 0) {
		assert_int_equal(vt_get32(vtd, R_FSTS), IQE);
		assert_int_equal(vt_get64(vtd, R_IQERCD), code);
		assert_int_equal(vt_get64(vtd, R_IQH), head);
		vt_store(vtd, 0x9000, 0);
		for (unsigned quad = 0; quad < vtd->queue_width / 8; quad++)
			vt_store(vtd, vtd->queue + head + quad * UINT64_C(8), good[quad]);
		vt_set32(vtd, R_FSTS, IQE);
		assert_int_equal(vt_load(vtd, 0x9000), 0x77);
	}
	assert_int_equal(vt_get32(vtd, R_FSTS), 0);
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
	vt_set32(vtd, R_ICS, 1);
}

/* AM above MAMV (18) and IM above MHMV (15): what happens is not said (VT-d 6.5.2.3, 6.5.2.8). */
static bool undetermined(const uint64_t raw[4])
{
	return ((raw[0] & 0x3f) == 0x32 && (raw[1] & 0x3f) > 18) ||
	    ((raw[0] & 0x1f) == 0x14 && (raw[0] >> 27 & 0x1f) > 15);
}

/* Widths, and units with and without what the optional bits belong to. */
static const struct unit {
	unsigned width;
	struct vtd_setup setup;
} units[] = {
	{ 16, { 0 } },
	{ 16, { .ecap_set = ECAP_DIT | ECAP_PDS } },
	{ 16, { .ecap_clear = ECAP_DT } },
	{ 16, { .cap_clear = CAP_PSI | CAP_MAMV } },
	{ 32, { .ecap_set = ECAP_SMTS } },
	{ 32, { .ecap_set = ECAP_SMTS | ECAP_DIT | ECAP_PDS } },
	{ 32, { .ecap_set = ECAP_ADMS, .ecap_clear = ECAP_DT } },
	{ 32, { .ecap_set = ECAP_ADMS, .cap_clear = CAP_PSI | CAP_MAMV } },
};

#define UNITS (sizeof(units) / sizeof(*units))

static void start(struct vtd_fixture *vtd, const struct unit *unit)
{
	vt_start(vtd, &unit->setup);
	vt_queue_start(vtd, unit->width);
}

/* Good descriptors of each type and granularity; fields that mean an address or an id are 0. */
static const uint64_t sound[][2] = {
	{ 0x11, 0 },      /* context, global */
	{ 0x21, 0 },      /* of a domain */
	{ 0x31, 0 },      /* of a device */
	{ 0x12, 0 },      /* IOTLB, global */
	{ 0x22, 0 },      /* of a domain */
	{ 0x32, 0 },      /* of a page */
	{ 0x03, 0 },      /* device-TLB */
	{ 0x04, 0 },      /* interrupt entries, all */
	{ 0x14, 0 },      /* of an index */
	{ 0x05, 0x8000 }, /* wait */
	{ 0x15, 0x8000 }, /* wait, interrupt */
	{ 0x45, 0x8000 }, /* wait, fence */
};

static void each_bit_of_each_descriptor_is_a_field_or_stops_the_queue(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < UNITS; i++) {
		start(&vtd, &units[i]);
		for (size_t row = 0; row < sizeof(sound) / sizeof(*sound); row++) {
			for (unsigned bit = 0; bit < units[i].width * 8; bit++) {
				uint64_t raw[4] = { sound[row][0], sound[row][1] };

				raw[bit / 64] ^= BIT(bit % 64);
				if (!undetermined(raw))
					check(&vtd, raw);
			}
		}
		vt_stop(&vtd);
	}
}

/* Table 26: types 1 to 5, in either width; the type has seven bits, 11:9 above 3:0. */
static void each_type_with_each_granularity_is_valid_or_stops_the_queue(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < UNITS; i++) {
		start(&vtd, &units[i]);
		for (unsigned type = 0; type < 128; type++) {
			for (unsigned granularity = 0; granularity < 4; granularity++) {
				const uint64_t raw[4] = { (type & 0xf) | (uint64_t)(type >> 4) << 9 |
					    granularity << 4,
					type == 5 ? 0xa000 : 0 };

				assert_int_equal(type_of(raw[0]), type);
				check(&vtd, raw);
			}
		}
		vt_stop(&vtd);
	}
}

/* All reserved bits of a type that is not valid: the type is what is wrong. */
static void an_invalid_type_is_named_before_reserved_bits(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < UNITS; i++) {
		start(&vtd, &units[i]);
		for (unsigned type = 6; type < 16; type++) {
			const uint64_t raw[4] = { ~UINT64_C(0xe0f) | type, UINT64_MAX,
				units[i].width == 32 ? UINT64_MAX : 0,
				units[i].width == 32 ? UINT64_MAX : 0 };

			assert_int_equal(code_of(&vtd, raw), TYPE_INVALID);
			check(&vtd, raw);
		}
		vt_stop(&vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_descriptor_is_a_field_or_stops_the_queue),
		cmocka_unit_test(each_type_with_each_granularity_is_valid_or_stops_the_queue),
		cmocka_unit_test(an_invalid_type_is_named_before_reserved_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
