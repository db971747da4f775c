/*
 * Every bit, every type and every granularity of the 256-bit invalidation descriptors, and of the
 * 128-bit ones that zeroes make as wide (VT-d 6.5.2, figures 6-1 to 6-9, Table 26), in each mode that
 * has them. A bad one holds the head with IQE and its IQERCD code; mended, the queue goes on. Page
 * group responses and HPT cache requests are here as types that the unit does not have.
 */
#include "scalable_fixture.h"

#define IQE  0x10u               /* FSTS */
#define WORD UINT64_C(0x1f08000) /* of status writes: no bit of it flipped is a table */
#define SEEN UINT64_C(0x1f09000)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { GOOD = 0, TYPE_INVALID = 3, FIELD_RESERVED = 4 }; /* IQERCD.IQEI, VT-d 11.4.9.9 */

/*
 * By type: what is RsvdZ, and what only some units have. Both quadwords above are RsvdZ in all of them.
 * Types 6 and 7 have DID 31:16 and PASID 51:32, type 8 SID 31:16 there, MIP in 8:4.
 */
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
	[6] = { { 0xfff000000000f1c0, 0xf80 }, { 0, 0 }, 0 },
	[7] = { { 0xfff000000000f1c0, UINT64_MAX }, { 0, 0 }, 0 },
	[8] = { { 0, 0x7fe }, { 0xfff000000000f000, 0 }, ECAP_DIT },
};

/* By type: granularities there are (5:4), as bits; 0: that is no field of it. */
static const uint8_t granularities[] = { 0, 0xe, 0xe, 0, 0, 0, 0xc, 0xb, 0 };

static unsigned type_of(uint64_t low)
{
	return (unsigned)((low & 0xf) | (low >> 9 & 7) << 4);
}

static bool has_type(const struct scalable *sm, unsigned type, bool legacy)
{
	if (type < 1 || type > (legacy ? 5u : 8u))
		return false;
	return (type != 3 && type != 8) || (sm->vtd.ecap & ECAP_DT) != 0;
}

/* The code a descriptor stops the queue with. */
static unsigned code_of(const struct scalable *sm, bool legacy, const uint64_t raw[4])
{
	const unsigned type = type_of(raw[0]), granularity = raw[0] >> 4 & 3;
	uint64_t wrong = raw[2] | raw[3];

	if (!has_type(sm, type, legacy))
		return TYPE_INVALID;
	for (unsigned quad = 0; quad < 2; quad++) {
		wrong |= raw[quad] & layout[type].reserved[quad];
		if ((sm->vtd.ecap & layout[type].feature) == 0)
			wrong |= raw[quad] & layout[type].optional[quad];
	}
	if (wrong != 0)
		return FIELD_RESERVED;
	if (granularities[type] != 0 && (granularities[type] >> granularity & 1) == 0)
		return FIELD_RESERVED;
	return type == 2 && granularity == 3 && (sm->vtd.cap & CAP_PSI) == 0 ? FIELD_RESERVED : GOOD;
}

/* AM above MAMV (18) and IM above MHMV (15): what happens is not said (VT-d 6.5.2.3, 6.5.2.8). */
static bool undetermined(const uint64_t raw[4])
{
	return ((raw[0] & 0xe3f) == 0x32 && (raw[1] & 0x3f) > 18) ||
	    ((raw[0] & 0xe1f) == 0x14 && (raw[0] >> 27 & 0x1f) > 15);
}

/* Submit, see what becomes of it, mend it if it was bad. The queue is empty afterwards. */
static void check(struct scalable *sm, bool legacy, const uint64_t raw[4])
{
	static const uint64_t mended[4] = { 0x25 | UINT64_C(0x77) << 32, SEEN, 0, 0 };
	struct vtd_fixture *vtd = &sm->vtd;
	const uint64_t head = vtd->queue_tail;
	const unsigned code = code_of(sm, legacy, raw);

	sm_submit(sm, raw);
	if (code != GOOD) {
		if (vt_get32(vtd, R_FSTS) != IQE || vt_get64(vtd, R_IQERCD) != code)
			fail_msg("%llx %llx %llx %llx is no error %u", (unsigned long long)raw[0],
			    (unsigned long long)raw[1], (unsigned long long)raw[2],
			    (unsigned long long)raw[3], code);
		assert_int_equal(vt_get64(vtd, R_IQH), head);
		vt_store(vtd, SEEN, 0);
		for (unsigned quad = 0; quad < 4; quad++)
			vt_store(vtd, vtd->queue + head + quad * UINT64_C(8), mended[quad]);
		vt_set32(vtd, R_FSTS, IQE);
		assert_int_equal(vt_load(vtd, SEEN), 0x77);
	}
	if (vt_get32(vtd, R_FSTS) != 0)
		fail_msg("%llx %llx: error %llu", (unsigned long long)raw[0],
		    (unsigned long long)raw[1], (unsigned long long)vt_get64(vtd, R_IQERCD));
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
	vt_set32(vtd, R_ICS, 1);
}

/* Modes, and units with and without what optional bits and types belong to. */
static const struct unit {
	uint64_t mode;
	struct vtd_setup setup;
} units[] = {
	{ SM_TTM_SCALABLE, { 0 } },
	{ SM_TTM_SCALABLE, { .ecap_set = ECAP_DIT | ECAP_PDS } },
	{ SM_TTM_SCALABLE, { .ecap_clear = ECAP_DT } },
	{ SM_TTM_SCALABLE, { .cap_clear = CAP_PSI | CAP_MAMV } },
	{ SM_TTM_ABORT, { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_ADMS } },
	{ SM_TTM_ABORT,
	    { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_ADMS | ECAP_DIT, .ecap_clear = ECAP_NEST } },
	{ SM_TTM_LEGACY, { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_PDS } },
	{ SM_TTM_LEGACY, { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_DIT } },
};

static bool start(struct scalable *sm, const struct unit *unit)
{
	sm_start(sm, &unit->setup);
	sm_latch_root(sm, unit->mode);
	sm_queue_start(sm);
	return unit->mode == SM_TTM_LEGACY;
}

/* Good descriptors of each type and granularity; fields that mean an address or an id are mostly 0. */
static const uint64_t sound[][2] = {
	{ 0x11, 0 }, { 0x21, 0 }, { 0x31, 0 },                            /* context cache */
	{ 0x12, 0 }, { 0x22, 0 }, { 0x32, 0 },                            /* IOTLB */
	{ 0x03, 0 },                                                      /* device-TLB */
	{ 0x04, 0 }, { 0x14, 0 },                                         /* interrupt entries */
	{ 0x05, WORD }, { 0x15, WORD }, { 0x25, WORD }, { 0x75, WORD },   /* wait */
	{ 0x26, 0 }, { 0x36, 0 }, { 0x36, 0x5fff07f & ~UINT64_C(0xf80) }, /* PASID-based IOTLB */
	{ 0x07, 0 }, { 0x17, 0 }, { 0x37, 0 },                            /* PASID cache */
	{ 0x08, 0 }, { 0x1f8, 0x801 },                                    /* PASID-based device-TLB */
};

static void each_bit_of_each_descriptor_is_a_field_or_stops_the_queue(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct scalable sm;
		const bool legacy = start(&sm, &units[i]);

		for (size_t row = 0; row < COUNT(sound); row++) {
			for (unsigned bit = 0; bit < 256; bit++) {
				uint64_t raw[4] = { sound[row][0], sound[row][1] };

				raw[bit / 64] ^= BIT(bit % 64);
				if (!undetermined(raw))
					check(&sm, legacy, raw);
			}
		}
		sm_stop(&sm);
	}
}

/* The bits of a field all at once, and each reserved bit among them: no bit stands in for another. */
static void fields_may_hold_anything(void **state)
{
	static const uint64_t full[][2] = {
		{ 0x0003ffffffff0031, 0 },
		{ 0x00000000ffff00e2, UINT64_C(0xfffffffffffff07f) },
		{ 0x00000000ffff00f2, UINT64_C(0xfffffffffffff052) },
		{ 0x0000ffff001f0003, UINT64_C(0xfffffffffffff001) },
		{ 0x0000ffff78000014, 0 },
		{ UINT64_C(0xffffffff00000055), UINT64_C(0xfffffffffffffffc) },
		{ 0x000fffffffff0026, UINT64_C(0xfffffffffffff07f) },
		{ 0x000fffffffff0036, UINT64_C(0xfffffffffffff07f) },
		{ 0x000fffffffff0007, 0 },
		{ 0x000fffffffff0017, 0 },
		{ 0x000fffffffff0037, 0 },
		{ 0x000fffffffff01f8, UINT64_C(0xfffffffffffff801) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct scalable sm;
		const bool legacy = start(&sm, &units[i]);

		for (size_t row = 0; row < COUNT(full); row++) {
			const uint64_t raw[4] = { full[row][0], full[row][1] };

			check(&sm, legacy, raw);
			for (unsigned bit = 0; bit < 256; bit++) {
				uint64_t bad[4] = { raw[0], raw[1] };

				bad[bit / 64] |= BIT(bit % 64);
				if (bad[bit / 64] != raw[bit / 64] && !undetermined(bad))
					check(&sm, legacy, bad);
			}
		}
		sm_stop(&sm);
	}
}

/* The type has seven bits, 11:9 above 3:0. */
static void each_type_with_each_granularity_is_valid_or_stops_the_queue(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct scalable sm;
		const bool legacy = start(&sm, &units[i]);

		for (unsigned type = 0; type < 128; type++) {
			for (unsigned granularity = 0; granularity < 4; granularity++) {
				const uint64_t raw[4] = { (type & 0xf) | (uint64_t)(type >> 4) << 9 |
					    granularity << 4,
					type == 5 ? WORD : 0 };

				assert_int_equal(type_of(raw[0]), type);
				check(&sm, legacy, raw);
			}
		}
		sm_stop(&sm);
	}
}

/* All bits but the type's of one that is not valid: the type is what is wrong. */
static void an_invalid_type_is_named_before_reserved_bits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct scalable sm;
		const bool legacy = start(&sm, &units[i]);

		for (unsigned type = 0; type < 16; type++) {
			const uint64_t raw[4] = { ~UINT64_C(0xe0f) | type, UINT64_MAX, UINT64_MAX,
				UINT64_MAX };

			assert_int_equal(code_of(&sm, legacy, raw),
			    has_type(&sm, type, legacy) ? FIELD_RESERVED : TYPE_INVALID);
			check(&sm, legacy, raw);
		}
		sm_stop(&sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_descriptor_is_a_field_or_stops_the_queue),
		cmocka_unit_test(fields_may_hold_anything),
		cmocka_unit_test(each_type_with_each_granularity_is_valid_or_stops_the_queue),
		cmocka_unit_test(an_invalid_type_is_named_before_reserved_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
