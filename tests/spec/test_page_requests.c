/*
 * Page requests on their way into the queue (VT-d 7.4.1, 11.4.11): each bit of a descriptor, where it
 * goes and when there is no room, what the device is told by the unit itself (Table 31), Stop Markers
 * (11.4.3, SMS). Remapping table errors and the implicit invalidation are other files, and so is the
 * event.
 */
#include "page_queue.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- the descriptor -------------------------------------------------------------------------- */

/* PDTS=7: a directory of 2^14 entries, where each PASID with one bit set has an entry of its own. */
static void widen_pasids(struct scalable *sm)
{
	const uint64_t at = sm_context_at(sm, VTD_RID);

	sm->directory = 0x200000;
	vt_store(&sm->vtd, at, sm->directory | 0xe00 | SM_PRE | SM_PASIDE | SM_DTE | SM_P);
	for (unsigned bit = 0; bit < 20; bit++)
		sm_pass_through(sm, 1u << bit, SM_DOMAIN);
	sm_pass_through(sm, 0, SM_DOMAIN);
	sm_pass_through(sm, 0xfffff, SM_DOMAIN);
	sm_pass_through(sm, SM_NO_PASID, SM_DOMAIN);
}

/* The request goes to the first place of the queue, which had other bits before. */
static void expect_written(struct scalable *sm, const struct iommusim_page_request *request)
{
	struct iommusim_page_request_outcome outcome;

	pq_place(sm, PQ_BASE, 0);
	for (unsigned quad = 0; quad < 8; quad++)
		vt_store(&sm->vtd, PQ_BASE + quad * UINT64_C(8), UINT64_MAX);
	outcome = pq_ask(sm, request);
	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	assert_int_equal(outcome.physical, PQ_BASE);
	pq_expect_descriptor(sm, 0, VTD_RID, request);
	for (unsigned quad = 4; quad < 8; quad++)
		assert_int_equal(vt_load(&sm->vtd, PQ_BASE + quad * UINT64_C(8)), UINT64_MAX);
	pq_expect_no_response(sm->vtd.device);
}

static void each_bit_of_a_request_has_its_place_in_the_descriptor(void **state)
{
	static const struct iommusim_page_request none = { .address = 0 };
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	widen_pasids(&sm);
	expect_written(&sm, &none);
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		struct iommusim_page_request request = { .has_pasid = pasid != 0 };

		expect_written(&sm, &request);
		for (unsigned bit = 12; bit < 64; bit++) {
			request.address = BIT(bit);
			expect_written(&sm, &request);
		}
		request.address = 0;
		for (unsigned bit = 0; bit < 9; bit++) {
			request.group = (uint16_t)(1u << bit);
			expect_written(&sm, &request);
		}
		request.group = 0;
		for (unsigned access = 0; access < 8; access++) {
			request.read = (access & 1) != 0;
			request.write = (access & 2) != 0;
			request.last = (access & 4) != 0;
			expect_written(&sm, &request);
		}
	}
	for (unsigned bit = 0; bit < 20; bit++)
		expect_written(
		    &sm, &(struct iommusim_page_request){ .has_pasid = true, .pasid = 1u << bit });
	sm_stop(&sm);
}

/*
 * EXR and PMR, alone and with what gives them meaning; they stand in the PASID prefix, as the PASID
 * does.
 */
static void what_the_prefix_says_is_there_with_a_pasid_alone(void **state)
{
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	for (unsigned flags = 0; flags < 16; flags++) {
		struct iommusim_page_request request = pq_request(SM_PASID);

		request.has_pasid = (flags & 1) != 0;
		request.execute = (flags & 2) != 0;
		request.privileged = (flags & 4) != 0;
		request.read = (flags & 8) != 0;
		expect_written(&sm, &request);
	}
	sm_stop(&sm);
}

static void all_bits_at_once_are_in_the_descriptor(void **state)
{
	const struct iommusim_page_request request = { .address = UINT64_MAX,
		.pasid = 0xfffff,
		.group = 0x1ff,
		.has_pasid = true,
		.privileged = true,
		.execute = true,
		.read = true,
		.write = true,
		.last = true };
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	widen_pasids(&sm);
	expect_written(&sm, &request);
	assert_int_equal(vt_load(&sm.vtd, PQ_BASE), UINT64_C(0x003fffff03100101));
	assert_int_equal(vt_load(&sm.vtd, PQ_BASE + 8), UINT64_MAX);
	sm_stop(&sm);
}

static void the_requester_id_is_the_device_s(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	assert_int_equal(pq_ask_of(sm.upper, &request).result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	pq_queue(&sm, &request);
	pq_expect_descriptor(&sm, 0, SM_UPPER_RID, &request);
	pq_expect_descriptor(&sm, 0x20, VTD_RID, &request);
	pq_expect_status(&sm, 0x40, PRS_PPR);
	sm_stop(&sm);
}

/* Only the page is in the message. */
static void any_byte_stands_for_its_page(void **state)
{
	struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	request.address = PQ_PAGE | 0xfff;
	pq_queue(&sm, &request);
	assert_int_equal(vt_load(&sm.vtd, PQ_BASE + 8), PQ_PAGE | 0xaaf);
	sm_stop(&sm);
}

/* 11.4.3: the queue is always snooped, whatever the unit's tables are. */
static void processors_see_the_descriptor_at_once(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_C, .device_view = true });
	pq_queue(&sm, &request);
	pq_expect_descriptor(&sm, 0, VTD_RID, &request);
	sm_stop(&sm);
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* PQS = X: 2^(X + 7) entries, of which all but one are used (7.4.1). */
static void a_queue_of_each_size_holds_all_but_one_entry(void **state)
{
	struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	request.last = false;
	pq_start(&sm, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	for (unsigned size = 0; size < 8; size++) {
		const uint64_t entries = UINT64_C(1) << (size + 7);

		pq_place(&sm, PQ_BASE, size);
		vt_set32(&sm.vtd, R_PRS, PRS_PPR | PRS_PRO);
		for (uint64_t i = 0; i + 1 < entries; i++) {
			request.address = i << 12;
			pq_queue(&sm, &request);
		}
		pq_expect_status(&sm, (entries - 1) * 32, PRS_PPR);
		vt_store(&sm.vtd, PQ_BASE + (entries - 1) * 32, 0x77);
		assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
		pq_expect_status(&sm, (entries - 1) * 32, PRS_PPR | PRS_PRO);
		assert_int_equal(vt_load(&sm.vtd, PQ_BASE + (entries - 1) * 32), 0x77);
		for (uint64_t i = 0; i + 1 < entries; i++)
			assert_int_equal(vt_load(&sm.vtd, PQ_BASE + i * 32 + 8), i << 12 | 0xaab);
	}
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	sm_stop(&sm);
}

/* After the last entry comes the first, at each size; and what was read makes room. */
static void the_tail_wraps_behind_the_head(void **state)
{
	struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	for (unsigned size = 0; size < 8; size++) {
		const uint64_t bytes = UINT64_C(0x1000) << size;

		pq_place(&sm, PQ_BASE, size);
		vt_set64(&sm.vtd, R_PQT, bytes - 64);
		vt_set64(&sm.vtd, R_PQH, bytes - 64);
		for (unsigned i = 0; i < 4; i++) {
			request.group = (uint16_t)i;
			pq_queue(&sm, &request);
			pq_expect_descriptor(
			    &sm, (bytes - 64 + i * UINT64_C(32)) % bytes, VTD_RID, &request);
		}
		pq_expect_status(&sm, 64, PRS_PPR);
		vt_set64(&sm.vtd, R_PQH, 96); /* as software that is three quarters of a queue behind */
		assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
		vt_set32(&sm.vtd, R_PRS, PRS_PRO);
		vt_set64(&sm.vtd, R_PQH, 128);
		pq_queue(&sm, &request);
		pq_expect_status(&sm, 96, PRS_PPR);
	}
	sm_stop(&sm);
}

/* The tail is one behind the head, wherever that is: full. Anywhere else there is room. */
static void only_the_entry_before_the_head_is_left_free(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	for (uint64_t head = 0; head < 0x1000; head += UINT64_C(0x20) * 9) {
		for (uint64_t tail = 0; tail < 0x1000; tail += 0x20) {
			const uint64_t next = (tail + 0x20) % 0x1000;

			vt_set64(&sm.vtd, R_PQH, head);
			vt_set64(&sm.vtd, R_PQT, tail);
			vt_set32(&sm.vtd, R_PRS, PRS_PPR | PRS_PRO);
			if (next != head) {
				pq_queue(&sm, &request);
				pq_expect_status(&sm, next, PRS_PPR);
				continue;
			}
			assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
			pq_expect_status(&sm, tail, PRS_PRO);
		}
	}
	sm_stop(&sm);
}

/* Software moves the queue, its head and its tail: what they say then is what counts. */
static void the_queue_is_where_the_registers_say(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	pq_queue(&sm, &request);
	vt_set64(&sm.vtd, R_PQA, PQ_BASE + 0x3000);
	pq_queue(&sm, &request);
	vt_set32(&sm.vtd, R_PQT, 0x400); /* by its lower half */
	assert_int_equal(pq_ask(&sm, &request).physical, PQ_BASE + 0x3400);
	assert_int_equal(vt_get32(&sm.vtd, R_PQT), 0x420);
	assert_int_equal(vt_get32(&sm.vtd, R_PQT + 4), 0);
	pq_expect_descriptor(&sm, 0x3020, VTD_RID, &request);
	pq_expect_descriptor(&sm, 0x3400, VTD_RID, &request);
	sm_stop(&sm);
}

/*
 * Offsets that the queue does not have: not said; of them the unit looks at as many bits as it has
 * entries.
 */
static void offsets_beyond_the_queue_are_taken_within_it(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	vt_set64(&sm.vtd, R_PQT, 0x7ffe0);
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED); /* head 0 */
	vt_set32(&sm.vtd, R_PRS, PRS_PRO);
	vt_set64(&sm.vtd, R_PQH, 0x1020);
	assert_int_equal(pq_ask(&sm, &request).physical, PQ_BASE + 0xfe0);
	pq_expect_status(&sm, 0, PRS_PPR);
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_int_equal(vt_get64(&sm.vtd, R_PQH), 0x1020);
	sm_stop(&sm);
}

/*
 * Where a descriptor cannot be written there is no room either: no memory, none to write, beyond HAW.
 */
static void a_queue_that_cannot_be_written_overflows(void **state)
{
	static const struct {
		uint64_t base, tail;
	} rows[] = {
		{ PQ_HOLE, 0 },
		{ VTD_RAM - 0x1000, 0x1000 }, /* the second page of the queue */
		{ UINT64_C(0xffff0000), 0 },
		{ UINT64_C(0xfee00000), 0 },
		{ VTD_BASE, 0 },
		{ PQ_BASE | BIT(VTD_HAW), 0 },
		{ PQ_BASE | BIT(63), 0 },
		{ UINT64_MAX << 12, 0xfe0 },
	};
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, 0xffff0000, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, PQ_BASE | BIT(VTD_HAW), 0x1000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct iommusim_page_request_outcome outcome;

		pq_place(&sm, rows[i].base, 1);
		vt_set64(&sm.vtd, R_PQT, rows[i].tail);
		vt_set64(&sm.vtd, R_PQH, rows[i].tail);
		vt_set32(&sm.vtd, R_PRS, PRS_PPR | PRS_PRO);
		outcome = pq_ask(&sm, &request);
		assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_DROPPED);
		assert_true(outcome.answered);
		assert_int_equal(outcome.physical, 0);
		pq_expect_automatic(sm.vtd.device, IOMMUSIM_PAGE_SUCCESS, &request);
		pq_expect_status(&sm, rows[i].tail, PRS_PRO);
	}
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	sm_stop(&sm);
}

/* The last page before a hole is memory. */
static void a_queue_is_written_as_far_as_there_is_memory(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	pq_place(&sm, VTD_RAM - 0x1000, 1);
	vt_set64(&sm.vtd, R_PQT, 0xfe0);
	vt_set64(&sm.vtd, R_PQH, 0xfe0);
	assert_int_equal(pq_ask(&sm, &request).physical, VTD_RAM - 0x20);
	assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	pq_expect_status(&sm, 0x1000, PRS_PPR | PRS_PRO);
	sm_stop(&sm);
}

/* ---- no room --------------------------------------------------------------------------------- */

/* The queue is full, and nothing of it is known yet. */
static void fill(struct scalable *sm)
{
	vt_set64(&sm->vtd, R_PQH, 0x20);
	vt_set64(&sm->vtd, R_PQT, 0);
	vt_set32(&sm->vtd, R_PRS, PRS_PPR | PRS_PRO);
}

static void expect_dropped(
    struct scalable *sm, const struct iommusim_page_request *request, unsigned status)
{
	const struct iommusim_page_request_outcome outcome = pq_ask(sm, request);

	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_int_equal(outcome.answered, request->last);
	assert_int_equal(outcome.fault.class_, IOMMUSIM_FAULT_NONE);
	if (request->last) {
		assert_int_equal(outcome.response.code, IOMMUSIM_PAGE_SUCCESS);
		assert_int_equal(outcome.response.group, request->group);
		assert_true(outcome.response.automatic);
		pq_expect_automatic(sm->vtd.device, IOMMUSIM_PAGE_SUCCESS, request);
	}
	pq_expect_no_response(sm->vtd.device);
	pq_expect_status(sm, 0, status);
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), 0);
}

/* Table 31: LPIG=1 Success, LPIG=0 nothing, both when it gets full and while PRO is set. */
static void what_finds_no_room_is_answered_success_if_it_is_the_last_of_its_group(void **state)
{
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	for (unsigned way = 0; way < 4; way++) {
		struct iommusim_page_request request =
		    pq_request((way & 1) != 0 ? SM_PASID : SM_NO_PASID);

		request.last = (way & 2) != 0;
		for (unsigned group = 0; group < 0x200; group += 0x1ff) {
			request.group = (uint16_t)group;
			fill(&sm);
			expect_dropped(&sm, &request, PRS_PRO);
			expect_dropped(&sm, &request, PRS_PRO);
		}
	}
	sm_stop(&sm);
}

/*
 * "Subsequent messages received while this field is already Set are discarded or responded"
 * (11.4.11.4).
 */
static void nothing_is_queued_until_software_clears_the_overflow(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	fill(&sm);
	expect_dropped(&sm, &request, PRS_PRO);
	vt_set64(&sm.vtd, R_PQH, 0); /* all of it was read */
	expect_dropped(&sm, &request, PRS_PRO);
	vt_set32(&sm.vtd, R_PRS, PRS_PPR);
	expect_dropped(&sm, &request, PRS_PRO);
	vt_set32(&sm.vtd, R_PRS, 0);
	expect_dropped(&sm, &request, PRS_PRO);
	vt_set32(&sm.vtd, R_PRS, PRS_PRO);
	pq_queue(&sm, &request);
	pq_expect_status(&sm, 0x20, PRS_PPR);
	sm_stop(&sm);
}

/* PRO again, if it is still full. */
static void an_overflow_that_was_only_cleared_comes_again(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	fill(&sm);
	for (unsigned i = 0; i < 3; i++) {
		expect_dropped(&sm, &request, PRS_PRO);
		vt_set32(&sm.vtd, R_PRS, PRS_PRO);
		pq_expect_status(&sm, 0, 0);
	}
	sm_stop(&sm);
}

/* RW1CS: both bits stay over a warm reset, and PRO goes on meaning what it means. */
static void an_overflow_survives_a_warm_reset(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct scalable sm;

	(void)state;
	for (unsigned cold = 0; cold < 2; cold++) {
		pq_start(&sm, NULL);
		pq_queue(&sm, &request);
		vt_set64(&sm.vtd, R_PQH, 0x40);
		assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
		pq_expect_status(&sm, 0x20, PRS_PPR | PRS_PRO);
		iommusim_unit_reset(sm.vtd.unit, cold != 0);
		pq_expect_status(&sm, 0, cold != 0 ? 0 : PRS_PPR | PRS_PRO);
		assert_int_equal(vt_get64(&sm.vtd, R_PQH), 0);
		assert_int_equal(vt_get64(&sm.vtd, R_PQA), 0);
		sm_latch_root(&sm, SM_TTM_SCALABLE);
		vt_command(&sm.vtd, G_TE, true);
		pq_place(&sm, PQ_BASE, 0);
		assert_int_equal(pq_ask(&sm, &request).result,
		    cold != 0 ? IOMMUSIM_PAGE_REQUEST_QUEUED : IOMMUSIM_PAGE_REQUEST_DROPPED);
		sm_stop(&sm);
	}
}

/* ---- Stop Markers ---------------------------------------------------------------------------- */

static struct iommusim_page_request stop_marker(void)
{
	struct iommusim_page_request request = pq_request(SM_PASID);

	request.read = request.write = false;
	return request;
}

static void a_stop_marker_is_queued_like_any_request(void **state)
{
	const struct iommusim_page_request marker = stop_marker();
	struct scalable sm;

	(void)state;
	for (unsigned supported = 0; supported < 2; supported++) {
		pq_start(&sm, &(struct vtd_setup){ .ecap_set = supported != 0 ? ECAP_SMS : 0 });
		pq_queue(&sm, &marker);
		pq_expect_descriptor(&sm, 0, VTD_RID, &marker);
		pq_expect_status(&sm, 0x20, PRS_PPR);
		pq_expect_no_response(sm.vtd.device);
		sm_stop(&sm);
	}
}

/* SMS=1: "it will silently drop the Stop Marker Message", full or in overflow. */
static void a_stop_marker_without_room_is_dropped_silently(void **state)
{
	const struct iommusim_page_request marker = stop_marker();
	struct iommusim_page_request_outcome outcome;
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_SMS });
	fill(&sm);
	for (unsigned overflow = 0; overflow < 2; overflow++) {
		outcome = pq_ask(&sm, &marker);
		assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_DROPPED);
		assert_false(outcome.answered);
		pq_expect_no_response(sm.vtd.device);
		pq_expect_status(&sm, 0, overflow != 0 ? PRS_PRO : 0);
		assert_int_equal(vt_get32(&sm.vtd, R_PECTL), overflow != 0 ? 0xc0000000 : 0x80000000);
		if (overflow == 0)
			expect_dropped(&sm, &(struct iommusim_page_request){ .read = true }, PRS_PRO);
	}
	sm_stop(&sm);
}

/* Without SMS that is undefined: here nothing tells it from other requests. */
static void a_stop_marker_without_support_is_a_request_like_others(void **state)
{
	const struct iommusim_page_request marker = stop_marker();
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	fill(&sm);
	expect_dropped(&sm, &marker, PRS_PRO);
	sm_stop(&sm);
}

/* The last of a group, for no access: anything else is a request. */
static void only_the_last_for_no_access_is_a_stop_marker(void **state)
{
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_SMS });
	for (unsigned access = 0; access < 8; access++) {
		struct iommusim_page_request request = pq_request(SM_PASID);

		request.read = (access & 1) != 0;
		request.write = (access & 2) != 0;
		request.last = (access & 4) != 0;
		fill(&sm);
		if (access != 4)
			expect_dropped(&sm, &request, PRS_PRO);
	}
	sm_stop(&sm);
}

/* ---- counters -------------------------------------------------------------------------------- */

/*
 * Group 1 of Table 49: PG_REQ_POSTED (6), PG_REQ_OVERFLOW (7); of one requester (11.4.13.16: enable
 * 31).
 */
static void count(struct scalable *sm, unsigned counter, unsigned event)
{
	vt_set64(&sm->vtd, 0x1000 + counter * 0x100, BIT(32 + event) | 0x100);
	vt_set32(&sm->vtd, 0x1008 + counter * 0x100, 0x80000000 | VTD_RID);
	vt_set64(&sm->vtd, 0x400, 240 | (uint64_t)counter << 16); /* enable */
	assert_int_equal(vt_get64(&sm->vtd, 0x410), 0);
}

static void the_unit_counts_what_it_queues_and_what_it_answers_for_want_of_room(void **state)
{
	const struct vtd_setup setup = { .cap_clear = CAP_FRO_400,
		.cap_set = UINT64_C(0x70) << 24 | BIT(61), /* ECMDS */
		.ecap_set = BIT(51),                       /* PMS */
		.register_size = 2 };
	struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, &setup);
	count(&sm, 0, 6);
	count(&sm, 1, 7);
	for (unsigned i = 0; i < 5; i++)
		pq_queue(&sm, &request);
	assert_int_equal(pq_ask_of(sm.upper, &request).result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	vt_set64(&sm.vtd, R_PQH, 0xe0);
	for (unsigned i = 0; i < 6; i++) {
		request.last = i % 2 == 0;
		assert_int_equal(pq_ask(&sm, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	}
	request.last = true;
	assert_int_equal(pq_ask_of(sm.upper, &request).result, IOMMUSIM_PAGE_REQUEST_DROPPED);
	assert_int_equal(vt_get64(&sm.vtd, 0x1c00), 5);
	assert_int_equal(vt_get64(&sm.vtd, 0x2000), 3);
	sm_stop(&sm);
}

/* ---- nobody listens -------------------------------------------------------------------------- */

static void expect_unsupported(struct scalable *sm)
{
	const uint32_t pasids[] = { SM_NO_PASID, SM_PASID };

	for (unsigned i = 0; i < 4; i++) {
		struct iommusim_page_request request = pq_request(pasids[i % 2]);
		struct iommusim_page_request_outcome outcome;

		request.last = i >= 2;
		outcome = pq_ask(sm, &request);
		assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_UNSUPPORTED);
		assert_false(outcome.answered);
		assert_int_equal(outcome.fault.class_, IOMMUSIM_FAULT_NONE);
		pq_expect_no_response(sm->vtd.device);
	}
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), 0);
	pq_expect_status(sm, 0, 0);
}

/* PRS=0: "Hardware does not support page requests"; the message is an Unsupported Request. */
static void a_unit_without_page_requests_takes_none(void **state)
{
	struct scalable sm;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_PRS });
	expect_unsupported(&sm);
	vt_latch_root(&sm.vtd, sm.root | SM_TTM_LEGACY); /* RTA.3 is for units with page requests */
	expect_unsupported(&sm);
	sm_stop(&sm);
}

/* 4.2.1 has the other messages of ATS unsupported while TES=0; of page requests nothing is said. */
static void a_unit_that_does_not_translate_takes_none(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	vt_command(&sm.vtd, G_TE, false);
	expect_unsupported(&sm);
	vt_command(&sm.vtd, G_TE, true);
	pq_queue(&sm, &request);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_a_request_has_its_place_in_the_descriptor),
		cmocka_unit_test(what_the_prefix_says_is_there_with_a_pasid_alone),
		cmocka_unit_test(all_bits_at_once_are_in_the_descriptor),
		cmocka_unit_test(the_requester_id_is_the_device_s),
		cmocka_unit_test(any_byte_stands_for_its_page),
		cmocka_unit_test(processors_see_the_descriptor_at_once),
		cmocka_unit_test(a_queue_of_each_size_holds_all_but_one_entry),
		cmocka_unit_test(the_tail_wraps_behind_the_head),
		cmocka_unit_test(only_the_entry_before_the_head_is_left_free),
		cmocka_unit_test(the_queue_is_where_the_registers_say),
		cmocka_unit_test(offsets_beyond_the_queue_are_taken_within_it),
		cmocka_unit_test(a_queue_that_cannot_be_written_overflows),
		cmocka_unit_test(a_queue_is_written_as_far_as_there_is_memory),
		cmocka_unit_test(what_finds_no_room_is_answered_success_if_it_is_the_last_of_its_group),
		cmocka_unit_test(nothing_is_queued_until_software_clears_the_overflow),
		cmocka_unit_test(an_overflow_that_was_only_cleared_comes_again),
		cmocka_unit_test(an_overflow_survives_a_warm_reset),
		cmocka_unit_test(a_stop_marker_is_queued_like_any_request),
		cmocka_unit_test(a_stop_marker_without_room_is_dropped_silently),
		cmocka_unit_test(a_stop_marker_without_support_is_a_request_like_others),
		cmocka_unit_test(only_the_last_for_no_access_is_a_stop_marker),
		cmocka_unit_test(the_unit_counts_what_it_queues_and_what_it_answers_for_want_of_room),
		cmocka_unit_test(a_unit_without_page_requests_takes_none),
		cmocka_unit_test(a_unit_that_does_not_translate_takes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
