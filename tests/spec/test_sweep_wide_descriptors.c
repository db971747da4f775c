/*
 * Every bit, every type and every granularity of the 256-bit invalidation descriptors, and of the
 * 128-bit ones that zeroes make as wide (VT-d 6.5.2, figures 6-1 to 6-9, Table 26), in each mode that
 * has them. A bad one holds the head with IQE and its IQERCD code; mended, the queue goes on. Page
 * group responses and HPT cache requests are here as types that the unit does not have.
 */
#include "descriptor_sweep.h"
#include "scalable_fixture.h"

#define WORD UINT64_C(0x1f08000) /* of status writes: no bit of it flipped is a table */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

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

/* Returns how many types there are. */
static unsigned start(struct scalable *sm, const struct unit *unit)
{
	sm_start(sm, &unit->setup);
	sm_latch_root(sm, unit->mode);
	sm_queue_start(sm);
	return unit->mode == SM_TTM_LEGACY ? LEGACY_TYPES : ALL_TYPES;
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
		const unsigned types = start(&sm, &units[i]);

		for (size_t row = 0; row < COUNT(sound); row++) {
			for (unsigned bit = 0; bit < 256; bit++) {
				uint64_t raw[4] = { sound[row][0], sound[row][1] };

				raw[bit / 64] ^= BIT(bit % 64);
				if (!descriptor_undetermined(raw))
					descriptor_check(&sm.vtd, types, raw);
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
		const unsigned types = start(&sm, &units[i]);

		for (size_t row = 0; row < COUNT(full); row++) {
			const uint64_t raw[4] = { full[row][0], full[row][1] };

			descriptor_check(&sm.vtd, types, raw);
			for (unsigned bit = 0; bit < 256; bit++) {
				uint64_t bad[4] = { raw[0], raw[1] };

				bad[bit / 64] |= BIT(bit % 64);
				if (bad[bit / 64] != raw[bit / 64] && !descriptor_undetermined(bad))
					descriptor_check(&sm.vtd, types, bad);
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
		const unsigned types = start(&sm, &units[i]);

		for (unsigned type = 0; type < 128; type++) {
			for (unsigned granularity = 0; granularity < 4; granularity++) {
				const uint64_t raw[4] = { (type & 0xf) | (uint64_t)(type >> 4) << 9 |
					    granularity << 4,
					type == 5 ? WORD : 0 };

				assert_int_equal(descriptor_type(raw[0]), type);
				descriptor_check(&sm.vtd, types, raw);
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
		const unsigned types = start(&sm, &units[i]);

		for (unsigned type = 0; type < 16; type++) {
			const uint64_t raw[4] = { ~UINT64_C(0xe0f) | type, UINT64_MAX, UINT64_MAX,
				UINT64_MAX };

			assert_int_equal(descriptor_code(&sm.vtd, types, raw),
			    descriptor_has_type(&sm.vtd, types, type) ? FIELD_RESERVED : TYPE_INVALID);
			descriptor_check(&sm.vtd, types, raw);
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
