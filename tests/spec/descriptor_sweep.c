/* Invalidation descriptors: the fields by hand, and one descriptor at a time. */
#include "descriptor_sweep.h"

#define IQE  0x10u               /* FSTS */
#define SEEN UINT64_C(0x1f09000) /* where the mended descriptor writes */

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

unsigned descriptor_type(uint64_t low)
{
	return (unsigned)((low & 0xf) | (low >> 9 & 7) << 4);
}

bool descriptor_has_type(const struct vtd_fixture *vtd, unsigned types, unsigned type)
{
	if (type < 1 || type > types)
		return false;
	return (type != 3 && type != 8) || (vtd->ecap & ECAP_DT) != 0;
}

/* "A descriptor with a reserved value for Granularity is treated as an invalid descriptor." */
unsigned descriptor_code(const struct vtd_fixture *vtd, unsigned types, const uint64_t raw[4])
{
	const unsigned type = descriptor_type(raw[0]), granularity = raw[0] >> 4 & 3;
	uint64_t wrong = raw[2] | raw[3];

	if (!descriptor_has_type(vtd, types, type))
		return TYPE_INVALID;
	for (unsigned quad = 0; quad < 2; quad++) {
		wrong |= raw[quad] & layout[type].reserved[quad];
		if ((vtd->ecap & layout[type].feature) == 0)
			wrong |= raw[quad] & layout[type].optional[quad];
	}
	if (wrong != 0)
		return FIELD_RESERVED;
	if (granularities[type] != 0 && (granularities[type] >> granularity & 1) == 0)
		return FIELD_RESERVED;
	return type == 2 && granularity == 3 && (vtd->cap & CAP_PSI) == 0 ? FIELD_RESERVED : GOOD;
}

bool descriptor_undetermined(const uint64_t raw[4])
{
	return ((raw[0] & 0xe3f) == 0x32 && (raw[1] & 0x3f) > 18) ||
	    ((raw[0] & 0xe1f) == 0x14 && (raw[0] >> 27 & 0x1f) > 15);
}

static void put(struct vtd_fixture *vtd, uint64_t at, const uint64_t raw[4])
{
	for (unsigned quad = 0; quad < vtd->queue_width / 8; quad++)
		vt_store(vtd, vtd->queue + at + quad * UINT64_C(8), raw[quad]);
}

void descriptor_check(struct vtd_fixture *vtd, unsigned types, const uint64_t raw[4])
{
	static const uint64_t mended[4] = { 0x25 | UINT64_C(0x77) << 32, SEEN, 0, 0 };
	const uint32_t head = vtd->queue_tail;
	const unsigned code = descriptor_code(vtd, types, raw);

	put(vtd, head, raw);
	vtd->queue_tail = (head + vtd->queue_width) % 0x1000;
	vt_set32(vtd, R_IQT, vtd->queue_tail);
	if (code != GOOD) {
		if (vt_get32(vtd, R_FSTS) != IQE || vt_get64(vtd, R_IQERCD) != code)
			fail_msg("%llx %llx %llx %llx is no error %u", (unsigned long long)raw[0],
			    (unsigned long long)raw[1], (unsigned long long)raw[2],
			    (unsigned long long)raw[3], code);
		assert_int_equal(vt_get64(vtd, R_IQH), head);
		vt_store(vtd, SEEN, 0);
		put(vtd, head, mended);
		vt_set32(vtd, R_FSTS, IQE);
		assert_int_equal(vt_load(vtd, SEEN), 0x77);
	}
	if (vt_get32(vtd, R_FSTS) != 0)
		fail_msg("%llx %llx: error %llu", (unsigned long long)raw[0],
		    (unsigned long long)raw[1], (unsigned long long)vt_get64(vtd, R_IQERCD));
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
	vt_set32(vtd, R_ICS, 1);
}
