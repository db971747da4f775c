/*
 * Descriptors of 256 bits: each type as the input has it, whether it must be taken or what is wrong with it
 * (VT-d 6.5.2, 7.6.1), and what is left in devices after it. What is left in the unit's caches is
 * covered.c's business.
 */
#include "fuzz/fuzz.h"

#include <iommusim/ats.h>
#include <iommusim/page_request.h>

enum {
	CONTEXT = 1,
	IOTLB = 2,
	DEVICE_TLB = 3,
	INTERRUPT = 4,
	WAIT = 5,
	PASID_IOTLB = 6,
	PASID_CACHE = 7,
	PASID_DEVICE_TLB = 8,
	PAGE_RESPONSE = 9,
	HPT_CACHE = 10
};

/* Ways a descriptor may end, as bits: 0 it is carried out, n the error IQEI=n (VT-d 11.4.9.9). */
#define DONE           BIT(0)
#define BAD_TYPE       BIT(3)
#define BAD_RESERVED   BIT(4)
#define BAD_WIDTH      BIT(5)
#define BAD_TABLE_MODE BIT(7)

static bool cap(const struct fz *fz, uint64_t bit)
{
	return (fz->config.capability & bit) != 0;
}

static bool ecap(const struct fz *fz, uint64_t bit)
{
	return (fz->config.ext_capability & bit) != 0;
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (~UINT64_C(0) >> (63 - (high - low)));
}

static uint64_t mask(unsigned high, unsigned low)
{
	return bits(~UINT64_C(0), high, low) << low;
}

static unsigned type_of(const uint64_t *quads)
{
	return (unsigned)(bits(quads[0], 11, 9) << 4 | bits(quads[0], 3, 0));
}

/* ---- what must become of a descriptor -------------------------------------------------------------------- */

/* The bits that a descriptor has, 11:9 and 3:0 apart. The upper two quadwords have none (VT-d 6.5.2, 7.6.1). */
static void defined_bits(const struct fz *fz, unsigned type, uint64_t defined[2])
{
	const uint64_t function = ecap(fz, ECAP_DIT) ? mask(63, 52) | mask(15, 12) : 0;
	const uint64_t pages = mask(63, 12) | mask(6, 0), pasid = mask(51, 32) | mask(31, 16);

	switch (type) {
	case CONTEXT:
		defined[0] = mask(49, 16) | mask(5, 4);
		break;
	case IOTLB:
		defined[0] = mask(31, 16) | mask(7, 4);
		defined[1] = pages;
		break;
	case DEVICE_TLB:
		defined[0] = mask(47, 32) | mask(20, 16) | function;
		defined[1] = mask(63, 12) | 1;
		break;
	case INTERRUPT:
		defined[0] = mask(47, 27) | mask(4, 4);
		break;
	case WAIT:
		defined[0] = mask(63, 32) | mask(6, 4) | (ecap(fz, ECAP_PDS) ? BIT(7) : 0);
		defined[1] = mask(63, 2);
		break;
	case PASID_IOTLB:
		defined[0] = pasid | mask(5, 4);
		defined[1] = pages;
		break;
	case PASID_CACHE:
		defined[0] = pasid | mask(5, 4);
		break;
	case PASID_DEVICE_TLB:
		defined[0] = pasid | mask(8, 4) | function;
		defined[1] = mask(63, 11) | 1;
		break;
	default: /* page group response: bit 2 above is ignored */
		defined[0] = pasid | mask(15, 12) | BIT(4);
		defined[1] = mask(11, 2);
		break;
	}
}

/* VT-d Table 26, and the types that need a feature. Of interrupt entries it is not said for units without. */
static uint64_t judge_type(const struct fz *fz, unsigned type)
{
	const uint64_t mode = bits(fz->root, 11, 10);

	if (type < CONTEXT || type > HPT_CACHE || (mode == 0 && type > WAIT))
		return BAD_TYPE;
	if ((type == DEVICE_TLB || type == PASID_DEVICE_TLB) && !ecap(fz, ECAP_DT))
		return BAD_TYPE;
	if ((type == PAGE_RESPONSE && !ecap(fz, ECAP_PRS)) || type == HPT_CACHE)
		return BAD_TYPE;
	return type == INTERRUPT && !ecap(fz, ECAP_IR) ? BAD_TYPE | DONE : DONE;
}

/* A reserved granularity makes the descriptor invalid, by one code or the other; large masks nobody names. */
static uint64_t judge_granularity(const struct fz *fz, unsigned type, const uint64_t *quads)
{
	const uint64_t granularity = bits(quads[0], 5, 4), invalid = BAD_TYPE | BAD_RESERVED;

	switch (type) {
	case CONTEXT:
		return granularity == 0 ? invalid : DONE;
	case IOTLB:
		if (granularity == 0 || (granularity == 3 && !cap(fz, CAP_PSI)))
			return invalid;
		return granularity == 3 && bits(quads[1], 5, 0) > bits(fz->config.capability, 53, 48)
		    ? DONE | BAD_RESERVED
		    : DONE;
	case INTERRUPT:
		return (granularity & 1) != 0 &&
			bits(quads[0], 31, 27) > bits(fz->config.ext_capability, 23, 20)
		    ? DONE | BAD_RESERVED
		    : DONE;
	case PASID_IOTLB:
		return granularity < 2 ? invalid : DONE;
	case PASID_CACHE:
		return granularity == 2 ? invalid : DONE;
	default:
		return DONE;
	}
}

/* What may become of a descriptor in a queue that is in order. */
static uint64_t judge(const struct fz *fz, unsigned width, const uint64_t *quads)
{
	const uint64_t mode = bits(fz->root, 11, 10);
	const unsigned type = type_of(quads);
	uint64_t defined[2] = { 0, 0 }, ways;

	if (mode == 2)
		return BAD_TABLE_MODE;
	if (width == 16 && mode != 0)
		return BAD_WIDTH;
	ways = judge_type(fz, type);
	if (ways == BAD_TYPE)
		return ways;
	defined_bits(fz, type, defined);
	defined[0] |= mask(11, 9) | mask(3, 0);
	if ((quads[0] & ~defined[0]) != 0 || (quads[1] & ~defined[1]) != 0 ||
	    (width == 32 && (quads[2] | quads[3]) != 0))
		return BAD_RESERVED | (ways & BAD_TYPE);
	return judge_granularity(fz, type, quads) | (ways & BAD_TYPE);
}

/* ---- what is left in devices ----------------------------------------------------------------------------- */

/* A range of untranslated addresses as descriptors and ATS have it: the lowest 0 above bit 11 ends the rest. */
struct range {
	uint64_t first, last;
};

static struct range range_of(uint64_t field, bool sized)
{
	const uint64_t page = field >> 12, rest = sized ? page ^ (page + 1) : 0;

	return (struct range){ (page & ~rest) << 12, (page | rest) << 12 | 0xfff };
}

static bool overlaps(const struct iommusim_ats_entry *entry, const struct range *range)
{
	return entry->address <= range->last &&
	    (entry->address | (BIT(entry->shift) - 1)) >= range->first;
}

/* No entry that the descriptor names is left at the device, and only that. */
static void check_device(struct iommusim_requester *requester, unsigned type, const uint64_t *quads)
{
	const bool with_pasid = type == PASID_DEVICE_TLB;
	const struct range range =
	    range_of(quads[1], (quads[1] & (with_pasid ? BIT(11) : BIT(0))) != 0);
	const bool all = with_pasid && (quads[1] & 1) != 0;
	struct iommusim_ats_entry entry;
	size_t cursor = 0;

	while (iommusim_ats_next(requester, &cursor, &entry))
		FZ_REQUIRE(entry.has_pasid != with_pasid || !overlaps(&entry, &range) ||
		    (with_pasid && !all && entry.pasid != bits(quads[0], 51, 32)));
}

static void drain_responses(const struct fz *fz)
{
	struct iommusim_page_response response;

	for (unsigned i = 0; i < FZ_REQUESTERS; i++)
		while (iommusim_requester_take_response(fz->requester[i], &response))
			;
}

static void check_response(struct iommusim_requester *requester, bool meant, const uint64_t *quads)
{
	struct iommusim_page_response response;

	FZ_REQUIRE(iommusim_requester_take_response(requester, &response) == meant);
	if (!meant)
		return;
	FZ_REQUIRE(!response.automatic && response.has_pasid == (bits(quads[0], 4, 4) != 0));
	FZ_REQUIRE(!response.has_pasid || response.pasid == bits(quads[0], 51, 32));
	FZ_REQUIRE(response.code == bits(quads[0], 15, 12) && response.group == bits(quads[1], 11, 3));
	FZ_REQUIRE(!iommusim_requester_take_response(requester, &response));
}

/* Who is meant by a descriptor for devices; FZ_REQUESTERS: none. */
static unsigned device_of(const struct fz *fz, unsigned type, const uint64_t *quads)
{
	const uint64_t rid = type == DEVICE_TLB ? bits(quads[0], 47, 32) : bits(quads[0], 31, 16);
	unsigned which = 0;

	while (which < FZ_REQUESTERS && iommusim_requester_rid(fz->requester[which]) != rid)
		which++;
	return which;
}

static bool is_for_devices(unsigned type)
{
	return type == DEVICE_TLB || type == PASID_DEVICE_TLB;
}

static void check_effect(const struct fz *fz, const uint64_t *quads)
{
	const unsigned type = type_of(quads), which = device_of(fz, type, quads);

	if (is_for_devices(type) && which < FZ_REQUESTERS)
		check_device(fz->requester[which], type, quads);
	for (unsigned i = 0; type == PAGE_RESPONSE && i < FZ_REQUESTERS; i++)
		check_response(fz->requester[i], i == which, quads);
	if (type == WAIT && (quads[0] & BIT(5)) != 0 && quads[1] >= FZ_STATUS &&
	    quads[1] < FZ_STATUS + IOMMUSIM_PAGE_SIZE)
		FZ_REQUIRE(
		    fz_load(fz, quads[1] & ~UINT64_C(7)) >> ((quads[1] & 4) != 0 ? 32 : 0) << 32 ==
		    (quads[0] >> 32) << 32);
	if (type == WAIT && (quads[0] & BIT(4)) != 0)
		FZ_REQUIRE(fz_peek32(fz, R_ICS) == 1);
}

/* ---- submitting ------------------------------------------------------------------------------------------ */

/* One descriptor at the tail of a queue where all is done, and all that can be said of what becomes of it. */
static void submit_and_check(struct fz *fz, const uint64_t quads[4])
{
	struct fz_queue queue = fz_queue_look(fz);
	const uint64_t head = queue.tail, ways = judge(fz, queue.width, quads);
	const unsigned type = type_of(quads), which = device_of(fz, type, quads);
	const bool silent = is_for_devices(type) && which < FZ_REQUESTERS && fz->silent[which];
	uint32_t status;

	drain_responses(fz);
	fz_queue_put(fz, &queue, quads);
	fz_write64(fz, R_IQT, queue.tail);
	fz_settle(fz);
	status = fz_peek32(fz, R_FSTS);
	if ((status & S_IQE) != 0) {
		FZ_REQUIRE((ways >> (fz_peek64(fz, R_IQERCD) & 0xf) & 1) != 0);
		FZ_REQUIRE((fz_peek64(fz, R_IQERCD) & 0xf) != 0 && fz_peek64(fz, R_IQH) == head);
		return;
	}
	FZ_REQUIRE((ways & DONE) != 0);
	FZ_REQUIRE(((status & S_ITE) != 0) == silent);
	/* How far it fetches before a time-out shows is not said. */
	FZ_REQUIRE(fz_peek64(fz, R_IQH) == queue.tail || (silent && fz_peek64(fz, R_IQH) == head));
	if (silent)
		FZ_REQUIRE((fz_peek64(fz, R_IQERCD) >> 32 & 0xffff) ==
		    iommusim_requester_rid(fz->requester[which]));
	else
		check_effect(fz, quads);
}

/* What is under way may still change the queue. */
bool fz_wide_submit(struct fz *fz, const uint64_t quads[4])
{
	fz_settle(fz);
	if (!fz_queue_idle(fz) || !fz->latches_known)
		return false;
	submit_and_check(fz, quads);
	return true;
}

static void submit(struct fz *fz, const uint64_t quads[4])
{
	struct fz_queue queue;

	if (fz_wide_submit(fz, quads))
		return;
	queue = fz_queue_look(fz);
	fz_queue_put(fz, &queue, quads);
	fz_write64(fz, R_IQT, queue.tail);
}

/* ---- what the input draws -------------------------------------------------------------------------------- */

static uint64_t draw_pasid(struct fz *fz)
{
	static const uint32_t values[] = { 0, 1, 2, 3, 4, 64 };
	const unsigned which = fz_u8(fz) & 7;

	return which < 6 ? values[which] : fz_u32(fz) & 0xfffff;
}

/* An address with its size in it, as descriptors for devices have it. */
static uint64_t draw_range(struct fz *fz, uint64_t sized)
{
	const unsigned how = fz_u8(fz);

	if ((how & 0xc0) == 0xc0)
		return UINT64_C(0x7ffffffffffff000) | sized;
	if ((how & 0xc0) == 0)
		return (uint64_t)(how & 0x3f) << 12;
	/* 2^(n + 1) pages around an address */
	return (fz_draw_address(fz) & ~UINT64_C(0xfff)) |
	    (mask(12 + (how & 31), 12) >> 1 & ~UINT64_C(0xfff)) | sized;
}

static void draw_descriptor(struct fz *fz, uint64_t quads[4])
{
	const unsigned what = fz_u8(fz), how = fz_u8(fz), type = what & 15;
	const uint64_t domain = how & 3, granularity = (uint64_t)(what >> 4 & 3) << 4;
	const uint64_t rid = iommusim_requester_rid(fz->requester[how >> 2 & 3]);

	quads[0] = type;
	quads[1] = quads[2] = quads[3] = 0;
	switch (type) {
	case CONTEXT:
		quads[0] |= granularity | domain << 16 | rid << 32 | (uint64_t)(how >> 4 & 3) << 48;
		break;
	case IOTLB:
		quads[0] |= granularity | domain << 16;
		quads[1] = draw_range(fz, 0) | (how & 0x40) | (how >> 4 & 3);
		break;
	case DEVICE_TLB:
		quads[0] |= rid << 32;
		quads[1] = draw_range(fz, BIT(0));
		break;
	case INTERRUPT:
		quads[0] |= (uint64_t)(how & 0x10) | (uint64_t)how << 32;
		break;
	case WAIT:
		quads[0] |= (uint64_t)(how & 0xf0) | (uint64_t)(how << 8 | what) << 32;
		quads[0] &= ecap(fz, ECAP_PDS) ? UINT64_MAX : ~BIT(7);
		quads[1] = FZ_STATUS + (how & 0xf) * UINT64_C(4);
		break;
	case PASID_IOTLB:
		quads[0] |= granularity | domain << 16 | draw_pasid(fz) << 32;
		quads[1] = (fz_draw_address(fz) & ~UINT64_C(0xfff)) | (how & 0x40) | (how >> 2 & 31);
		break;
	case PASID_CACHE:
		quads[0] |= granularity | domain << 16 | draw_pasid(fz) << 32;
		break;
	case PASID_DEVICE_TLB:
		quads[0] |= rid << 16 | draw_pasid(fz) << 32;
		quads[1] = draw_range(fz, BIT(11)) | (how >> 4 & 1);
		break;
	case PAGE_RESPONSE:
		quads[0] |=
		    rid << 16 | draw_pasid(fz) << 32 | (how & 0x10) | (uint64_t)(how >> 5) << 12;
		quads[1] = (uint64_t)fz_u8(fz) << 3 | (how & 4);
		break;
	default:
		break;
	}
	if ((what & 0xc0) == 0xc0) {
		const unsigned where = fz_u8(fz);

		quads[where >> 6] ^= BIT(where & 63);
	}
}

void fz_op_wide_descriptor(struct fz *fz)
{
	uint64_t quads[4];

	draw_descriptor(fz, quads);
	submit(fz, quads);
}

void fz_op_wide_raw(struct fz *fz)
{
	uint64_t quads[4] = { fz_u64(fz), fz_u64(fz), 0, 0 };

	if ((quads[0] & BIT(63)) != 0)
		quads[2] = fz_u64(fz);
	submit(fz, quads);
}

/* Several at once: the tail is written when all are there. */
void fz_op_wide_batch(struct fz *fz)
{
	const unsigned count = 2 + (fz_u8(fz) & 3);
	struct fz_queue queue = fz_queue_look(fz);
	uint64_t quads[4];

	for (unsigned i = 0; i < count; i++) {
		draw_descriptor(fz, quads);
		fz_queue_put(fz, &queue, quads);
	}
	fz_write64(fz, R_IQT, queue.tail);
}

/*
 * A device stays silent: the queue stops, and no wait behind the invalidation is completed
 * (VT-d 6.5.2.11, 6.5.2.12).
 */
void fz_op_timed_out(struct fz *fz)
{
	const unsigned how = fz_u8(fz), which = how & 3;
	const uint64_t rid = iommusim_requester_rid(fz->requester[which]);
	const uint64_t all = UINT64_C(0x7ffffffffffff000);
	const uint64_t invalidation[2][4] = { { DEVICE_TLB | rid << 32, all | 1 },
		{ PASID_DEVICE_TLB | rid << 16, all | 0x801 } };
	/* SW, and as the input has it IF and FN */
	const uint64_t wait[4] = { UINT64_C(0x0000bad000000025) | (how & 0x50), FZ_STATUS };
	struct fz_queue queue;

	fz_settle(fz);
	queue = fz_queue_look(fz);
	if (!fz_queue_idle(fz) || !fz->latches_known || !fz_is_scalable(fz) || queue.width != 32 ||
	    queue.base != FZ_QUEUE || !ecap(fz, ECAP_DT))
		return;
	iommusim_requester_answers(fz->requester[which], false);
	fz_store(fz, FZ_STATUS, 0);
	fz_write32(fz, R_ICS, 1);
	fz_queue_put(fz, &queue, invalidation[how >> 7]);
	fz_queue_put(fz, &queue, wait);
	fz_write64(fz, R_IQT, queue.tail);
	fz_settle(fz);
	FZ_REQUIRE((fz_peek32(fz, R_FSTS) & (S_ITE | S_IQE)) == S_ITE);
	FZ_REQUIRE((uint32_t)fz_load(fz, FZ_STATUS) == 0 && fz_peek32(fz, R_ICS) == 0);
	iommusim_requester_answers(fz->requester[which], !fz->silent[which]);
	fz_write32(fz, R_FSTS, S_ITE);
	fz_settle(fz);
	FZ_REQUIRE((fz_peek32(fz, R_FSTS) & S_IQE) == 0);
}
