/*
 * Every bit, every type and every granularity of the invalidation descriptors of legacy mode (VT-d
 * 6.5.2, Table 26), in queues of both widths. A bad one holds the head with IQE and its IQERCD code;
 * mended, the queue goes on.
 */
#include "descriptor_sweep.h"

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
				if (!descriptor_undetermined(raw))
					descriptor_check(&vtd, LEGACY_TYPES, raw);
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

				assert_int_equal(descriptor_type(raw[0]), type);
				descriptor_check(&vtd, LEGACY_TYPES, raw);
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

			assert_int_equal(descriptor_code(&vtd, LEGACY_TYPES, raw), TYPE_INVALID);
			descriptor_check(&vtd, LEGACY_TYPES, raw);
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
