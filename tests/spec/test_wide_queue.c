/*
 * The invalidation queue of 256-bit descriptors (VT-d 6.5.2, 6.5.2.11, Table 26, 11.4.9): which types
 * are valid in which mode and width and on which unit, where head and tail may stand, how it stops and
 * goes on. Bit by bit: test_sweep_wide_descriptors.c; what is invalidated:
 * test_scalable_invalidation.c.
 */
#include "cached_spaces.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */
#define WORD UINT64_C(0x9000)     /* for status writes */

/* FSTS, and IQERCD.IQEI (11.4.9.9). */
#define IQE 0x10u
#define ITE 0x40u
enum {
	GOOD = 0,
	TAIL_INVALID = 1,
	FETCH = 2,
	TYPE_INVALID = 3,
	FIELD_RESERVED = 4,
	WIDTH_INVALID = 5,
	TAIL_MISALIGNED = 6,
	MODE_INVALID = 7
};

static const uint64_t modes[] = { SM_TTM_LEGACY, SM_TTM_SCALABLE, SM_TTM_RESERVED, SM_TTM_ABORT };
enum { LEGACY, SCALABLE, RESERVED_MODE, ABORT };

/* TTM may change while TE is set (6.6). */
static const struct vtd_setup every_mode = { .cap_set = CAP_ESRTPS, .ecap_set = ECAP_ADMS };

static void start(struct scalable *sm, unsigned mode, unsigned width, const struct vtd_setup *setup)
{
	sm_start(sm, setup);
	sm_latch_root(sm, modes[mode]);
	vt_queue_start(&sm->vtd, width);
}

/* An empty queue again, with the head at its beginning and no error. */
static void restart(struct scalable *sm)
{
	vt_command(&sm->vtd, G_QIE, false);
	vt_set32(&sm->vtd, R_FSTS, IQE | ITE);
	vt_set64(&sm->vtd, R_IQT, 0);
	vt_command(&sm->vtd, G_QIE, true);
	assert_int_equal(vt_get64(&sm->vtd, R_IQH), 0);
	sm->vtd.queue_tail = 0;
}

static void put(struct scalable *sm, uint64_t offset, uint64_t low, uint64_t high)
{
	vt_store(&sm->vtd, sm->vtd.queue + offset, low);
	vt_store(&sm->vtd, sm->vtd.queue + offset + 8, high);
	for (unsigned quad = 2; quad < sm->vtd.queue_width / 8; quad++)
		vt_store(&sm->vtd, sm->vtd.queue + offset + quad * UINT64_C(8), 0);
}

static void expect_stopped(struct scalable *sm, uint64_t head, unsigned why)
{
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), IQE);
	assert_int_equal(vt_get64(&sm->vtd, R_IQERCD) & 0xf, why);
	assert_int_equal(vt_get64(&sm->vtd, R_IQH), head);
}

static void expect_done(struct scalable *sm, uint64_t head)
{
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), 0);
	assert_int_equal(vt_get64(&sm->vtd, R_IQH), head);
}

/*
 * One descriptor at the beginning of the queue: what stops it, or GOOD. The queue is empty afterwards.
 */
static unsigned outcome(struct scalable *sm, uint64_t low, uint64_t high)
{
	const unsigned width = sm->vtd.queue_width;
	unsigned why = GOOD;

	restart(sm);
	put(sm, 0, low, high);
	vt_set64(&sm->vtd, R_IQT, width);
	if (vt_get32(&sm->vtd, R_FSTS) != 0) {
		why = (unsigned)vt_get64(&sm->vtd, R_IQERCD) & 0xf;
		expect_stopped(sm, 0, why);
		assert_int_not_equal(why, GOOD);
	} else {
		expect_done(sm, width);
	}
	restart(sm);
	return why;
}

static uint64_t wait_low(unsigned flags, uint32_t data)
{
	return 5 | flags << 4 | (uint64_t)data << 32;
}

enum { WAIT_INTERRUPT = 1, WAIT_STATUS = 2, WAIT_FENCE = 4 };

/* ---- types ---------------------------------------------------------------------------------- */

/* Type bits are 11:9 above 3:0; granularities that the type has, ids and addresses 0. */
static uint64_t descriptor_of(unsigned type)
{
	static const uint8_t granularity[] = { 0, 1, 1, 0, 0, 0, 2, 3, 0, 0, 1 };
	const uint64_t bits = (type & 0xf) | (uint64_t)(type >> 4) << 9;

	return bits | (uint64_t)(type < COUNT(granularity) ? granularity[type] : 0) << 4;
}

/* Table 26. 9 is there with page requests (7.6.1), Ah with host permission tables (6.5.2.7). */
static unsigned expected(unsigned mode, unsigned width, unsigned type, uint64_t ecap)
{
	if (mode == RESERVED_MODE)
		return MODE_INVALID;
	if (width == 16 && mode != LEGACY)
		return WIDTH_INVALID;
	if (type < 1 || type > (mode == LEGACY ? 5u : 0xau) || (type == 9 && (ecap & ECAP_PRS) == 0) ||
	    (type == 0xa && (ecap & ECAP_HPTS) == 0))
		return TYPE_INVALID;
	return GOOD;
}

static void each_type_is_valid_in_its_modes_and_widths(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4 * 2 * 2; i++) {
		const unsigned mode = i / 4, width = i & 1 ? 32 : 16;
		const struct vtd_setup setup = { .cap_set = CAP_ESRTPS,
			.ecap_set = ECAP_ADMS | (i & 2 ? ECAP_PRS | ECAP_HPTS : 0) };
		struct scalable sm;

		start(&sm, mode, width, &setup);
		for (unsigned type = 0; type < 128; type++) {
			const unsigned got = outcome(&sm, descriptor_of(type), 0);

			if (got != expected(mode, width, type, setup.ecap_set))
				fail_msg("mode %u, %u bytes, type %Xh: %u", mode, width, type, got);
		}
		sm_stop(&sm);
	}
}

/* What else a type needs of the unit. Without it its type is not valid; all else is. */
static void types_need_what_they_are_for(void **state)
{
	static const struct {
		uint64_t without;
		unsigned gone; /* types, as bits */
	} rows[] = {
		{ ECAP_DT, 1u << 3 | 1u << 8 },
		{ ECAP_IR | ECAP_EIM, 1u << 4 },
		{ ECAP_PASID | ECAP_PSS, 0 },
		{ ECAP_FSTS | ECAP_NEST | ECAP_EAFS, 0 },
		{ 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned mode = LEGACY; mode <= ABORT; mode++) {
			const struct vtd_setup setup = { .cap_set = CAP_ESRTPS,
				.ecap_set = ECAP_ADMS,
				.ecap_clear = rows[i].without };
			struct scalable sm;

			if (mode == RESERVED_MODE)
				continue;
			start(&sm, mode, 32, &setup);
			for (unsigned type = 1; type <= 0xa; type++)
				assert_int_equal(outcome(&sm, descriptor_of(type), 0),
				    (rows[i].gone >> type & 1) != 0 ? TYPE_INVALID
								    : expected(mode, 32, type, 0));
			sm_stop(&sm);
		}
	}
}

/* "A descriptor with a reserved value for Granularity is treated as an invalid descriptor." */
static void each_type_has_its_own_granularities(void **state)
{
	static const struct {
		uint8_t type, valid; /* values of 5:4, as bits */
	} rows[] = { { 1, 0xe }, { 2, 0xe }, { 6, 0xc }, { 7, 0xb } };

	(void)state;
	for (unsigned pages = 0; pages < 2; pages++) {
		const struct vtd_setup setup = { .cap_clear = pages ? 0 : CAP_PSI | CAP_MAMV };
		struct scalable sm;

		start(&sm, SCALABLE, 32, &setup);
		for (size_t i = 0; i < COUNT(rows); i++) {
			for (unsigned granularity = 0; granularity < 4; granularity++) {
				/* PSI is for type 2 alone (11.4.2) */
				const bool lacks_pages =
				    pages == 0 && rows[i].type == 2 && granularity == 3;

				assert_int_equal(outcome(&sm, rows[i].type | granularity << 4, 0),
				    (rows[i].valid >> granularity & 1) == 0 || lacks_pages
					? FIELD_RESERVED
					: GOOD);
			}
		}
		sm_stop(&sm);
	}
}

/* Table 22 goes on as far as AM does; MAMV is for type 2, where nothing is said of values above it. */
static void a_pasid_request_may_have_any_address_mask(void **state)
{
	static const uint8_t limits[] = { 0, 9, 18, 63 };

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		const struct vtd_setup setup = { .cap_clear = CAP_MAMV,
			.cap_set = (uint64_t)limits[i] << 48 };
		struct scalable sm;

		start(&sm, SCALABLE, 32, &setup);
		for (uint64_t mask = 0; mask < 64; mask++) {
			assert_int_equal(outcome(&sm, 0x36, 0x5000 | mask), GOOD);
			assert_int_equal(outcome(&sm, 0x36, 0x5000 | CS_IH | mask), GOOD);
			assert_int_equal(outcome(&sm, 0x26, 0x5000 | mask), GOOD);
			if (mask <= limits[i])
				assert_int_equal(outcome(&sm, 0x32, 0x5000 | mask), GOOD);
			assert_int_equal(outcome(&sm, 0x22, 0x5000 | mask), GOOD); /* not looked at */
		}
		sm_stop(&sm);
	}
}

/*
 * "If a 128-bit version ... is submitted into an IQ that is setup ... with 256-bit descriptors or
 * vice-versa."
 */
static void descriptors_of_the_other_width_are_invalid(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	put(&sm, 0, 0x11, 0);
	vt_store(&sm.vtd, sm.vtd.queue + 16, 0x12); /* the next one, 16 bytes on */
	vt_set64(&sm.vtd, R_IQT, 0x20);
	expect_stopped(&sm, 0, FIELD_RESERVED);
	sm_stop(&sm);

	start(&sm, LEGACY, 16, &every_mode);
	put(&sm, 0, 0x11, 0);
	put(&sm, 16, 0, 0); /* its padding */
	vt_set64(&sm.vtd, R_IQT, 0x20);
	expect_stopped(&sm, 0x10, TYPE_INVALID);
	sm_stop(&sm);
}

/* ---- mode and width ------------------------------------------------------------------------- */

static void the_mode_is_the_one_that_was_latched(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	for (unsigned mode = LEGACY; mode <= ABORT; mode++) {
		vt_set64(&sm.vtd, R_RTADDR, sm.root | modes[mode]);
		assert_int_equal(outcome(&sm, 0x37, 0), GOOD);
	}
	for (unsigned mode = LEGACY; mode <= ABORT; mode++) {
		sm_latch_root(&sm, modes[mode]);
		assert_int_equal(outcome(&sm, 0x37, 0), expected(mode, 32, 7, 0));
	}
	sm_stop(&sm);
}

/* A mode that the queue does not fit is no error before there is a descriptor. */
static void a_change_of_mode_shows_with_the_next_descriptor(void **state)
{
	static const unsigned then[] = { GOOD, WIDTH_INVALID, MODE_INVALID, WIDTH_INVALID };

	(void)state;
	for (unsigned mode = LEGACY; mode <= ABORT; mode++) {
		struct scalable sm;

		start(&sm, LEGACY, 16, &every_mode);
		put(&sm, 0, 0x11, 0);
		put(&sm, 16, 0x11, 0);
		vt_set64(&sm.vtd, R_IQT, 0x10);
		sm_latch_root(&sm, modes[mode]);
		expect_done(&sm, 0x10);
		vt_set64(&sm.vtd, R_IQT, 0x10); /* nothing new */
		expect_done(&sm, 0x10);
		vt_set64(&sm.vtd, R_IQT, 0x20);
		if (mode == LEGACY)
			expect_done(&sm, 0x20);
		else
			expect_stopped(&sm, 0x10, then[mode]);
		/* Back in legacy mode it goes on. */
		sm_latch_root(&sm, modes[LEGACY]);
		vt_set32(&sm.vtd, R_FSTS, IQE);
		expect_done(&sm, 0x20);
		sm_stop(&sm);
	}
}

/* DW=1 needs scalable mode or abort-DMA mode in the unit, not in RTADDR (11.4.9.3). */
static void wide_descriptors_need_a_unit_that_has_them(void **state)
{
	static const struct {
		uint64_t has;
		unsigned why;
	} rows[] = { { 0, WIDTH_INVALID }, { ECAP_SMTS, GOOD }, { ECAP_ADMS, GOOD },
		{ ECAP_SMTS | ECAP_ADMS, GOOD } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scalable sm;

		memset(&sm, 0, sizeof(sm));
		vt_start(&sm.vtd, &(struct vtd_setup){ .ecap_set = rows[i].has });
		vt_queue_start(&sm.vtd, 32);
		for (unsigned type = 1; type <= 5; type++)
			assert_int_equal(outcome(&sm, descriptor_of(type), 0), rows[i].why);
		vt_stop(&sm.vtd);
	}
}

/* "This is independent of the remapping hardware enable status." */
static void the_queue_works_while_translation_is_off(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned mode = LEGACY; mode <= ABORT; mode++) {
		start(&sm, mode, 32, &every_mode);
		vt_command(&sm.vtd, G_TE, false);
		for (unsigned type = 1; type <= 8; type++)
			assert_int_equal(
			    outcome(&sm, descriptor_of(type), 0), expected(mode, 32, type, 0));
		sm_stop(&sm);
	}
}

/* ---- head and tail -------------------------------------------------------------------------- */

/*
 * 11.4.9.2: bit 4 of the tail is reserved, "a value of 1 in the bit will result in invalidation queue
 * error".
 */
static void a_tail_between_descriptors_is_error_6(void **state)
{
	struct scalable sm;

	(void)state;
	for (uint64_t tail = 0x10; tail < 0x1000; tail += 0x7e0) {
		start(&sm, SCALABLE, 32, &every_mode);
		for (uint64_t at = 0; at < 0x1000; at += 32)
			put(&sm, at, 0x11, 0);
		vt_set64(&sm.vtd, R_IQT, tail);
		expect_stopped(&sm, 0, TAIL_MISALIGNED);
		vt_set32(&sm.vtd, R_FSTS, IQE); /* not mended */
		expect_stopped(&sm, 0, TAIL_MISALIGNED);
		vt_set64(&sm.vtd, R_IQT, tail + 0x10);
		expect_stopped(&sm, 0, TAIL_MISALIGNED); /* tail writes do nothing while IQE is set */
		vt_set32(&sm.vtd, R_FSTS, IQE);
		expect_done(&sm, (tail + 0x10) % 0x1000);
		sm_stop(&sm);
	}
}

/* In a queue of 128-bit descriptors the same bit is one of the offset. */
static void a_tail_of_16_more_bytes_is_good_in_a_narrow_queue(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, LEGACY, 16, &every_mode);
	put(&sm, 0, 0x11, 0);
	vt_set64(&sm.vtd, R_IQT, 0x10);
	expect_done(&sm, 0x10);
	sm_stop(&sm);
}

static void a_tail_beyond_the_queue_is_error_1(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned size = 0; size < 7; size++) {
		start(&sm, SCALABLE, 32, &every_mode);
		vt_command(&sm.vtd, G_QIE, false);
		vt_set64(&sm.vtd, R_IQA, UINT64_C(0x1000000) | 0x800 | size);
		vt_command(&sm.vtd, G_QIE, true);
		vt_set64(&sm.vtd, R_IQT, UINT64_C(0x1000) << size);
		expect_stopped(&sm, 0, TAIL_INVALID);
		sm_stop(&sm);
	}
}

static void a_queue_without_memory_is_error_2(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	vt_command(&sm.vtd, G_QIE, false);
	vt_set64(&sm.vtd, R_IQA, HOLE | 0x800);
	vt_command(&sm.vtd, G_QIE, true);
	vt_set64(&sm.vtd, R_IQT, 0x20);
	expect_stopped(&sm, 0, FETCH);
	sm_stop(&sm);
}

/* 2^(QS+7) descriptors of 32 bytes; bit 4 of the head is always 0 (11.4.9.1, 11.4.9.3). */
static void every_queue_size_wraps_where_it_ends(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned size = 0; size < 8; size++) {
		const uint64_t bytes = UINT64_C(0x1000) << size;

		start(&sm, SCALABLE, 32, &every_mode);
		vt_command(&sm.vtd, G_QIE, false);
		sm.vtd.queue = UINT64_C(0x1000000);
		for (uint64_t at = 0; at < bytes; at += 32)
			put(&sm, at, 0x37, 0);
		put(&sm, bytes - 32, wait_low(WAIT_STATUS, 0xbeef), WORD);
		vt_set64(&sm.vtd, R_IQA, sm.vtd.queue | 0x800 | size);
		vt_command(&sm.vtd, G_QIE, true);
		vt_set64(&sm.vtd, R_IQT, bytes - 32);
		expect_done(&sm, bytes - 32);
		assert_int_equal(vt_load(&sm.vtd, WORD), 0);
		vt_set64(&sm.vtd, R_IQT, 0);
		expect_done(&sm, 0);
		assert_int_equal(vt_load(&sm.vtd, WORD), 0xbeef);
		vt_set64(&sm.vtd, R_IQT, 0x40);
		expect_done(&sm, 0x40);
		sm_stop(&sm);
	}
}

/* "Hardware resets this field to 0 whenever the queued invalidation is disabled." */
static void the_head_goes_to_0_with_the_queue(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	for (unsigned i = 1; i <= 5; i++) {
		put(&sm, (i - 1) * UINT64_C(32), 0x37, 0);
		vt_set64(&sm.vtd, R_IQT, i * UINT64_C(32));
		expect_done(&sm, i * UINT64_C(32));
	}
	vt_command(&sm.vtd, G_QIE, false);
	expect_done(&sm, 0);
	vt_set64(&sm.vtd, R_IQH, 0x40); /* read only */
	assert_int_equal(vt_get64(&sm.vtd, R_IQH), 0);
	vt_set64(&sm.vtd, R_IQT, 0x20);
	expect_done(&sm, 0); /* takes nothing while it is off */
	vt_command(&sm.vtd, G_QIE, true);
	expect_done(&sm, 0x20);
	sm_stop(&sm);
}

/* ---- stopping and going on ------------------------------------------------------------------ */

static const uint64_t good_descriptors[][2] = { { 0x11, 0 }, { 0x12, 0 }, { 0x37, 0 }, { 0x26, 0 },
	{ 0x36, 0x5000 } };

/* The head stays on the offender; what came before is done, what comes after is not (6.5.2.11). */
static void a_bad_descriptor_holds_the_head_until_it_is_mended(void **state)
{
	static const struct {
		uint64_t low;
		unsigned why;
	} bad[] = { { 0x09, TYPE_INVALID }, { 0x0b, TYPE_INVALID }, { 0x00, TYPE_INVALID },
		{ 0x06, FIELD_RESERVED }, { 0x27, FIELD_RESERVED }, { 0x1037, FIELD_RESERVED } };
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		start(&sm, SCALABLE, 32, &every_mode);
		for (unsigned n = 0; n < 3; n++)
			put(&sm, n * UINT64_C(32), wait_low(WAIT_STATUS, n + 1),
			    WORD + n * UINT64_C(8));
		put(&sm, 32, bad[i].low, 0);
		vt_set64(&sm.vtd, R_IQT, 0x60);
		expect_stopped(&sm, 0x20, bad[i].why);
		assert_int_equal(vt_load(&sm.vtd, WORD), 1);
		assert_int_equal(vt_load(&sm.vtd, WORD + 16), 0);

		put(&sm, 32, good_descriptors[i % COUNT(good_descriptors)][0],
		    good_descriptors[i % COUNT(good_descriptors)][1]);
		vt_set64(&sm.vtd, R_IQT, 0x40);
		vt_set64(&sm.vtd, R_IQT, 0x60);
		vt_set32(&sm.vtd, R_FSTS, ~IQE);
		expect_stopped(&sm, 0x20, bad[i].why);
		assert_int_equal(vt_load(&sm.vtd, WORD + 16), 0);

		vt_set32(&sm.vtd, R_FSTS, IQE);
		expect_done(&sm, 0x60);
		assert_int_equal(vt_load(&sm.vtd, WORD + 16), 3);
		sm_stop(&sm);
	}
}

static void an_error_that_was_not_mended_comes_back(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	put(&sm, 0, 0x06, 0);
	vt_set64(&sm.vtd, R_IQT, 0x20);
	expect_stopped(&sm, 0, FIELD_RESERVED);
	vt_set32(&sm.vtd, R_FSTS, IQE);
	expect_stopped(&sm, 0, FIELD_RESERVED);
	put(&sm, 0, 0x0f, 0);
	vt_set32(&sm.vtd, R_FSTS, IQE);
	expect_stopped(&sm, 0, TYPE_INVALID);
	sm_latch_root(&sm, SM_TTM_RESERVED);
	vt_set32(&sm.vtd, R_FSTS, IQE);
	expect_stopped(&sm, 0, MODE_INVALID);
	sm_latch_root(&sm, SM_TTM_ABORT);
	put(&sm, 0, 0x16 | 0x20, 0);
	vt_set32(&sm.vtd, R_FSTS, IQE);
	expect_done(&sm, 0x20);
	sm_stop(&sm);
}

/* An error is a condition of the fault event (11.4.7.1); a second one meanwhile is not a new one. */
static void an_error_is_a_fault_event(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	vt_set32(&sm.vtd, R_FEDATA, 0x41);
	vt_set32(&sm.vtd, R_FEADDR, 0xfee01000);
	vt_set32(&sm.vtd, R_FECTL, 0);
	put(&sm, 0, 0x06, 0);
	vt_set64(&sm.vtd, R_IQT, 0x20);
	assert_int_equal(vt_only_message(&sm.vtd).data, 0x41);
	vt_set64(&sm.vtd, R_IQT, 0x40);
	vt_no_message(&sm.vtd);
	vt_set32(&sm.vtd, R_FSTS, IQE); /* not mended: it is raised anew */
	assert_int_equal(vt_only_message(&sm.vtd).data, 0x41);
	sm_stop(&sm);
}

/*
 * A device that does not answer stops the queue too, with ITE and no IQE, in either kind of request: no
 * wait behind it is completed, no tail fetches anything, and it goes on from the head. What becomes of
 * the descriptors that were fetched by then is not guaranteed (6.5.2.11).
 */
static void a_silent_device_stops_the_queue_until_ite_is_cleared(void **state)
{
	const uint64_t requests[] = { 0x03 | (uint64_t)VTD_RID << 32,
		0x08 | (uint64_t)VTD_RID << 16 | UINT64_C(0x15) << 32 };
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const unsigned fence = i & 2 ? WAIT_FENCE : 0;
		uint64_t head;

		start(&sm, SCALABLE, 32, &every_mode);
		iommusim_requester_answers(sm.vtd.device, false);
		put(&sm, 0, wait_low(WAIT_STATUS, 1), WORD);
		put(&sm, 32, requests[i & 1], 0x4000);
		put(&sm, 64, wait_low(WAIT_STATUS | WAIT_INTERRUPT | fence, 2), WORD + 8);
		put(&sm, 96, wait_low(WAIT_STATUS, 3), WORD + 16);
		vt_set64(&sm.vtd, R_IQT, 0x60);
		head = vt_get64(&sm.vtd, R_IQH);
		assert_in_range(head, 0x20, 0x60);
		vt_set64(&sm.vtd, R_IQT, 0x80);
		assert_int_equal(vt_get64(&sm.vtd, R_IQH), head);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), ITE);
		assert_int_equal(vt_get64(&sm.vtd, R_IQERCD) & UINT64_C(0xffffffff0000000f),
		    (uint64_t)VTD_RID << 32);
		assert_int_equal(vt_load(&sm.vtd, WORD), 1);
		assert_int_equal(vt_load(&sm.vtd, WORD + 8), 0);
		assert_int_equal(vt_load(&sm.vtd, WORD + 16), 0);
		assert_int_equal(vt_get32(&sm.vtd, R_ICS), 0);

		iommusim_requester_answers(sm.vtd.device, true);
		vt_set32(&sm.vtd, R_FSTS, ~ITE);
		assert_int_equal(vt_get64(&sm.vtd, R_IQH), head);
		vt_set32(&sm.vtd, R_FSTS, ITE);
		expect_done(&sm, 0x80);
		assert_int_equal(vt_load(&sm.vtd, WORD + 16), 3);
		sm_stop(&sm);
	}
}

/* Only devices that are named are asked. */
static void other_devices_may_be_silent(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	iommusim_requester_answers(sm.vtd.device, false);
	assert_int_equal(outcome(&sm, 0x03 | (uint64_t)SM_UPPER_RID << 32, 0), GOOD);
	assert_int_equal(outcome(&sm, 0x08 | (uint64_t)SM_UPPER_RID << 16, 0), GOOD);
	assert_int_equal(outcome(&sm, 0x08 | (uint64_t)0x1234 << 16, 0), GOOD); /* nobody */
	sm_stop(&sm);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/*
 * Status write and interrupt are independent; a fence asks for nothing more when all is done at once.
 */
static void each_wait_flag_does_its_own_part_only(void **state)
{
	static const unsigned in_modes[] = { LEGACY, SCALABLE, ABORT };

	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		for (unsigned i = 0; i < 3; i++) {
			const bool interrupts = (flags & WAIT_INTERRUPT) != 0;
			const bool writes = (flags & WAIT_STATUS) != 0;
			struct scalable sm;

			start(&sm, in_modes[i], 32, &every_mode);
			vt_set32(&sm.vtd, R_IEDATA, 0x51);
			vt_set32(&sm.vtd, R_IEADDR, 0xfee02000);
			vt_set32(&sm.vtd, R_IECTL, 0);
			vt_store(&sm.vtd, WORD, UINT64_MAX);
			put(&sm, 0, 0x11, 0);
			put(&sm, 32, wait_low(flags, 0x12345678), WORD + 4);
			put(&sm, 64, 0x12, 0);
			vt_set64(&sm.vtd, R_IQT, 0x60);
			expect_done(&sm, 0x60);
			assert_int_equal(
			    vt_load(&sm.vtd, WORD), writes ? UINT64_C(0x12345678ffffffff) : UINT64_MAX);
			assert_int_equal(vt_load(&sm.vtd, WORD + 8), 0);
			assert_int_equal(vt_get32(&sm.vtd, R_ICS), interrupts);
			if (interrupts)
				assert_int_equal(vt_only_message(&sm.vtd).data, 0x51);
			else
				vt_no_message(&sm.vtd);
			sm_stop(&sm);
		}
	}
}

/* "If IWC field is already Set, the invalidation event interrupt is not generated" (6.5.2.10). */
static void a_second_completion_is_told_once_the_first_was_serviced(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SCALABLE, 32, &every_mode);
	vt_set32(&sm.vtd, R_IEDATA, 0x51);
	vt_set32(&sm.vtd, R_IEADDR, 0xfee02000);
	vt_set32(&sm.vtd, R_IECTL, 0);
	for (unsigned i = 0; i < 3; i++)
		put(&sm, i * UINT64_C(32), wait_low(WAIT_INTERRUPT, 0), 0);
	vt_set64(&sm.vtd, R_IQT, 0x40);
	assert_int_equal(vt_only_message(&sm.vtd).data, 0x51);
	vt_set32(&sm.vtd, R_ICS, 1);
	assert_int_equal(vt_get32(&sm.vtd, R_ICS), 0);
	vt_set64(&sm.vtd, R_IQT, 0x60);
	assert_int_equal(vt_only_message(&sm.vtd).data, 0x51);
	sm_stop(&sm);
}

/* A wait says that what stands before it is done, behind it that nothing is lost: round after round. */
static void an_invalidation_is_done_when_its_wait_says_so(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, NULL);
	space = cs_space(&sm, FIRST, 0x35, 0x15);
	for (unsigned round = 0; round < 200; round++) {
		const uint64_t output = 0x400000 + round * UINT64_C(0x1000);
		const uint64_t fence[4] = { wait_low(WAIT_STATUS | WAIT_FENCE, round + 1), WORD };
		const uint64_t drop[4] = { 0x36 | 0x35 << 16 | UINT64_C(0x15) << 32, 0x5000 };

		cs_map(&sm, &space, 0x5000, output);
		sm_submit(&sm, drop);
		sm_submit(&sm, fence);
		assert_int_equal(vt_load(&sm.vtd, WORD), round + 1);
		assert_int_equal(vt_get64(&sm.vtd, R_IQH), (round + 1) * 64 % 0x1000);
		assert_int_equal(cs_read(&sm, 0x5000, 0x15, 0), output);
	}
	sm_stop(&sm);
}

/* With a latency nothing of one tail write is done before it has passed, and all of it then. */
static void the_queue_takes_its_latency(void **state)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_SMTS, .settings.latency = 10 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &setup);
	vtd.queue = vt_page(&vtd);
	vt_set64(&vtd, R_RTADDR, vtd.root_table | SM_TTM_SCALABLE);
	vt_set64(&vtd, R_IQA, vtd.queue | 0x800);
	vt_set32(&vtd, R_GCMD, G_SRTP | G_QIE);
	iommusim_step(vtd.machine, 10);
	vt_store(&vtd, vtd.queue, 0x37);
	vt_store(&vtd, vtd.queue + 32, wait_low(WAIT_STATUS, 1));
	vt_store(&vtd, vtd.queue + 40, WORD);
	vt_set64(&vtd, R_IQT, 0x40);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(vt_get64(&vtd, R_IQH), 0);
		assert_int_equal(vt_load(&vtd, WORD), 0);
	}
	iommusim_step(vtd.machine, 10);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x40);
	assert_int_equal(vt_load(&vtd, WORD), 1);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_valid_in_its_modes_and_widths),
		cmocka_unit_test(types_need_what_they_are_for),
		cmocka_unit_test(each_type_has_its_own_granularities),
		cmocka_unit_test(a_pasid_request_may_have_any_address_mask),
		cmocka_unit_test(descriptors_of_the_other_width_are_invalid),
		cmocka_unit_test(the_mode_is_the_one_that_was_latched),
		cmocka_unit_test(a_change_of_mode_shows_with_the_next_descriptor),
		cmocka_unit_test(wide_descriptors_need_a_unit_that_has_them),
		cmocka_unit_test(the_queue_works_while_translation_is_off),
		cmocka_unit_test(a_tail_between_descriptors_is_error_6),
		cmocka_unit_test(a_tail_of_16_more_bytes_is_good_in_a_narrow_queue),
		cmocka_unit_test(a_tail_beyond_the_queue_is_error_1),
		cmocka_unit_test(a_queue_without_memory_is_error_2),
		cmocka_unit_test(every_queue_size_wraps_where_it_ends),
		cmocka_unit_test(the_head_goes_to_0_with_the_queue),
		cmocka_unit_test(a_bad_descriptor_holds_the_head_until_it_is_mended),
		cmocka_unit_test(an_error_that_was_not_mended_comes_back),
		cmocka_unit_test(an_error_is_a_fault_event),
		cmocka_unit_test(a_silent_device_stops_the_queue_until_ite_is_cleared),
		cmocka_unit_test(other_devices_may_be_silent),
		cmocka_unit_test(each_wait_flag_does_its_own_part_only),
		cmocka_unit_test(a_second_completion_is_told_once_the_first_was_serviced),
		cmocka_unit_test(an_invalidation_is_done_when_its_wait_says_so),
		cmocka_unit_test(the_queue_takes_its_latency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
