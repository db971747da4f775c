/*
 * Page group responses (VT-d 7.6.1, Table 26): each bit of the descriptor, where and when the queue
 * takes it, and whom it reaches.
 */
#include "page_queue.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define IQE 0x10u /* FSTS */

enum { TYPE_INVALID = 3, FIELD_RESERVED = 4, WIDTH_INVALID = 5 }; /* IQERCD.IQEI, 11.4.9.9 */

/* Figure 7-2: TYPE 3:0 and 11:9, PP 4, RC 15:12, RID 31:16, PASID 51:32; IGN 66, PRGI 75:67. */
#define RESPONSE_LOW(rid, pasid, code)                                                                 \
	(UINT64_C(0x19) | (uint64_t)(code) << 12 | (uint64_t)(rid) << 16 | (uint64_t)(pasid) << 32)
#define RESPONSE_HIGH(group) ((uint64_t)(group) << 3)

#define LOW_RESERVED  UINT64_C(0xfff00000000001e0)
#define HIGH_RESERVED UINT64_C(0xfffffffffffff003)

static const uint64_t wait_mark[4] = { 0x25 | UINT64_C(0x77) << 32, 0x9000 };

static void start(struct scalable *sm, const struct vtd_setup *setup)
{
	pq_start(sm, setup);
	sm_queue_start(sm);
}

static void submit(struct scalable *sm, uint64_t low, uint64_t high)
{
	const uint64_t quads[4] = { low, high };

	sm_submit(sm, quads);
}

/* Did the queue take it, or stop there? Then it is mended, and goes on. */
static unsigned code_of(struct scalable *sm, const uint64_t quads[4])
{
	struct vtd_fixture *vtd = &sm->vtd;
	const uint64_t head = vtd->queue_tail;
	unsigned code;

	sm_submit(sm, quads);
	if ((vt_get32(vtd, R_FSTS) & IQE) == 0) {
		assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
		return 0;
	}
	code = (unsigned)vt_get64(vtd, R_IQERCD) & 0xf;
	assert_int_equal(vt_get64(vtd, R_IQH), head);
	vt_store(vtd, 0x9000, 0);
	for (unsigned quad = 0; quad < 4; quad++)
		vt_store(vtd, vtd->queue + head + quad * UINT64_C(8), wait_mark[quad]);
	vt_set32(vtd, R_FSTS, IQE);
	assert_int_equal(vt_load(vtd, 0x9000), 0x77);
	return code;
}

static void expect_response(
    struct iommusim_requester *device, const struct iommusim_page_response *expected)
{
	struct iommusim_page_response response;

	memset(&response, 0xa5, sizeof(response));
	assert_true(iommusim_requester_take_response(device, &response));
	assert_int_equal(response.code, expected->code);
	assert_int_equal(response.group, expected->group);
	assert_int_equal(response.has_pasid, expected->has_pasid);
	assert_int_equal(response.pasid, expected->pasid);
	assert_false(response.automatic);
	pq_expect_no_response(device);
}

/* ---- the descriptor -------------------------------------------------------------------------- */

static void each_field_reaches_the_device(void **state)
{
	struct iommusim_page_response response = { .has_pasid = true };
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0, 0), 0);
	expect_response(sm.vtd.device, &response);
	for (unsigned bit = 0; bit < 20; bit++) {
		response.pasid = 1u << bit;
		submit(&sm, RESPONSE_LOW(VTD_RID, 1u << bit, 0), 0);
		expect_response(sm.vtd.device, &response);
	}
	response.pasid = 0;
	for (unsigned bit = 0; bit < 9; bit++) {
		response.group = (uint16_t)(1u << bit);
		submit(&sm, RESPONSE_LOW(VTD_RID, 0, 0), RESPONSE_HIGH(1u << bit));
		expect_response(sm.vtd.device, &response);
	}
	response.group = 0;
	for (unsigned code = 0; code < 16;
	     code++) { /* 2h to Eh are "not used": not hardware's business */
		response.code = (uint8_t)code;
		submit(&sm, RESPONSE_LOW(VTD_RID, 0, code), 0);
		expect_response(sm.vtd.device, &response);
	}
	sm_stop(&sm);
}

static void the_codes_are_those_of_table_32(void **state)
{
	(void)state;
	assert_int_equal(IOMMUSIM_PAGE_SUCCESS, 0x0);
	assert_int_equal(IOMMUSIM_PAGE_INVALID_REQUEST, 0x1);
	assert_int_equal(IOMMUSIM_PAGE_RESPONSE_FAILURE, 0xf);
}

/* PP=0: "this field is ignored by hardware". */
static void a_response_without_pasid_has_none(void **state)
{
	const struct iommusim_page_response response = { .code = 1, .group = 0x1ff };
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0, 1) & ~UINT64_C(0x10), RESPONSE_HIGH(0x1ff));
	expect_response(sm.vtd.device, &response);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0xfffff, 1) & ~UINT64_C(0x10), RESPONSE_HIGH(0x1ff));
	expect_response(sm.vtd.device, &response);
	sm_stop(&sm);
}

/*
 * Each bit but the type's, of all 256. Bit 66 was the last-in-group flag, which software may still set.
 */
static void each_bit_is_a_field_ignored_or_stops_the_queue(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (unsigned bit = 4; bit < 256; bit++) {
		const uint64_t reserved[4] = { LOW_RESERVED, HIGH_RESERVED, UINT64_MAX, UINT64_MAX };
		const bool wrong = (reserved[bit / 64] & BIT(bit % 64)) != 0;
		uint64_t quads[4] = { RESPONSE_LOW(VTD_RID, SM_PASID, 0), RESPONSE_HIGH(PQ_GROUP) };
		struct iommusim_page_response response;

		if (bit >= 9 && bit <= 11)
			continue;
		quads[bit / 64] ^= BIT(bit % 64);
		assert_int_equal(code_of(&sm, quads), wrong ? FIELD_RESERVED : 0);
		if (wrong || (bit >= 16 && bit < 32)) /* those of another device */
			pq_expect_no_response(sm.vtd.device);
		else
			assert_true(iommusim_requester_take_response(sm.vtd.device, &response));
		if (bit == 66) {
			assert_int_equal(response.group, PQ_GROUP);
			assert_int_equal(response.code, 0);
		}
	}
	sm_stop(&sm);
}

/* The type has seven bits, 11:9 above 3:0: with any of the upper ones it is not 9. */
static void the_type_is_nine_in_all_its_bits(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (unsigned high = 1; high < 8; high++) {
		const uint64_t quads[4] = { RESPONSE_LOW(VTD_RID, 0, 0) | (uint64_t)high << 9 };

		assert_int_equal(code_of(&sm, quads), TYPE_INVALID);
		pq_expect_no_response(sm.vtd.device);
	}
	sm_stop(&sm);
}

/* ---- where it is valid ----------------------------------------------------------------------- */

/* 7.6.1: "implementations reporting PRS Support as Clear ... treat [them] as an invalid descriptor". */
static void units_without_page_requests_know_no_such_type(void **state)
{
	const uint64_t quads[4] = { RESPONSE_LOW(VTD_RID, 0, 0), RESPONSE_HIGH(0) };
	struct scalable sm;

	(void)state;
	start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_PRS });
	assert_int_equal(code_of(&sm, quads), TYPE_INVALID);
	pq_expect_no_response(sm.vtd.device);
	sm_stop(&sm);
}

/* Table 26, row by row: valid in scalable and abort mode, in queues of 256-bit descriptors. */
static void the_mode_and_the_width_decide_whether_it_is_valid(void **state)
{
	static const struct {
		uint64_t mode;
		unsigned width, code;
	} rows[] = {
		{ SM_TTM_SCALABLE, 32, 0 },
		{ SM_TTM_SCALABLE, 16, WIDTH_INVALID },
		{ SM_TTM_ABORT, 32, 0 },
		{ SM_TTM_ABORT, 16, WIDTH_INVALID },
		{ SM_TTM_LEGACY, 32, TYPE_INVALID },
		{ SM_TTM_LEGACY, 16, TYPE_INVALID },
		{ SM_TTM_RESERVED, 32, 7 },
		{ SM_TTM_RESERVED, 16, 7 },
	};
	struct iommusim_page_response response;
	struct scalable sm;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		pq_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_ADMS, .cap_set = CAP_ESRTPS });
		sm_latch_root(&sm, rows[i].mode);
		vt_queue_start(&sm.vtd, rows[i].width);
		vt_submit(&sm.vtd, RESPONSE_LOW(VTD_RID, 0, 0), RESPONSE_HIGH(0));
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), rows[i].code != 0 ? IQE : 0);
		assert_int_equal(vt_get64(&sm.vtd, R_IQERCD), rows[i].code);
		assert_int_equal(vt_get64(&sm.vtd, R_IQH), rows[i].code != 0 ? 0 : 32);
		assert_int_equal(
		    iommusim_requester_take_response(sm.vtd.device, &response), rows[i].code == 0);
		sm_stop(&sm);
	}
}

/* Nothing of translation is asked: neither TES nor what the tables say of the device. */
static void responses_do_not_ask_the_tables(void **state)
{
	struct iommusim_page_response response;
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0, 0), 0);
	assert_true(iommusim_requester_take_response(sm.vtd.device, &response));
	vt_command(&sm.vtd, G_TE, false);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0, 0), 0);
	assert_true(iommusim_requester_take_response(sm.vtd.device, &response));
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	sm_stop(&sm);
}

/* ---- whom it reaches ------------------------------------------------------------------------- */

static void each_requester_id_gets_its_own(void **state)
{
	struct iommusim_requester *devices[16], *elsewhere;
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (unsigned bit = 0; bit < 16; bit++)
		assert_int_equal(
		    iommusim_requester_create(sm.vtd.machine, 0, (uint16_t)(1u << bit), &devices[bit]),
		    IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_requester_create(sm.vtd.machine, 1, 1, &elsewhere), IOMMUSIM_OK); /* segment 1 */
	for (unsigned to = 0; to < 16; to++) {
		struct iommusim_page_response response;

		submit(&sm, RESPONSE_LOW(1u << to, 0, 0), 0);
		for (unsigned bit = 0; bit < 16; bit++)
			assert_int_equal(
			    iommusim_requester_take_response(devices[bit], &response), bit == to);
		pq_expect_no_response(elsewhere);
		pq_expect_no_response(sm.vtd.device);
	}
	sm_stop(&sm);
}

/* A message to nobody is nobody's; the queue goes on. */
static void a_response_to_no_device_is_lost_on_its_way(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	submit(&sm, RESPONSE_LOW(0xffff, 0, 0), 0);
	sm_submit(&sm, wait_mark);
	assert_int_equal(vt_load(&sm.vtd, 0x9000), 0x77);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	pq_expect_no_response(sm.vtd.device);
	sm_stop(&sm);
}

/* Several requesters of one id are one device. */
static void all_requesters_of_an_id_get_it(void **state)
{
	const struct iommusim_page_response response = { .has_pasid = true, .group = 7 };
	struct iommusim_requester *second;
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	assert_int_equal(iommusim_requester_create(sm.vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	submit(&sm, RESPONSE_LOW(VTD_RID, 0, 0), RESPONSE_HIGH(7));
	expect_response(sm.vtd.device, &response);
	expect_response(second, &response);
	sm_stop(&sm);
}

/*
 * A fault, its service and its answer; the response comes when its descriptor is carried out, in order.
 */
static void responses_come_in_the_order_of_the_queue(void **state)
{
	struct iommusim_page_request request = pq_request(SM_PASID);
	struct iommusim_page_response response;
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	for (unsigned group = 0; group < 100; group++) {
		request.group = (uint16_t)group;
		pq_queue(&sm, &request);
		submit(&sm, RESPONSE_LOW(VTD_RID, SM_PASID, group % 2 != 0 ? 15 : 0),
		    RESPONSE_HIGH(group));
	}
	for (unsigned group = 0; group < 100; group++) {
		assert_true(iommusim_requester_take_response(sm.vtd.device, &response));
		assert_int_equal(response.group, group);
		assert_int_equal(response.code, group % 2 != 0 ? 15 : 0);
	}
	pq_expect_no_response(sm.vtd.device);
	sm_stop(&sm);
}

/* A PASID-cache descriptor has the domain id where a response has the requester id. */
static void other_descriptors_respond_to_nobody(void **state)
{
	struct iommusim_requester *device;
	struct scalable sm;

	(void)state;
	start(&sm, NULL);
	assert_int_equal(iommusim_requester_create(sm.vtd.machine, 0, SM_DOMAIN, &device), IOMMUSIM_OK);
	submit(&sm, 0x07 | SM_DOMAIN << 16, 0);
	assert_int_equal(vt_get32(&sm.vtd, R_FSTS), 0);
	pq_expect_no_response(device);
	submit(&sm, RESPONSE_LOW(SM_DOMAIN, 0, 0), 0);
	expect_response(device, &(struct iommusim_page_response){ .has_pasid = true });
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_reaches_the_device),
		cmocka_unit_test(the_codes_are_those_of_table_32),
		cmocka_unit_test(a_response_without_pasid_has_none),
		cmocka_unit_test(each_bit_is_a_field_ignored_or_stops_the_queue),
		cmocka_unit_test(the_type_is_nine_in_all_its_bits),
		cmocka_unit_test(units_without_page_requests_know_no_such_type),
		cmocka_unit_test(the_mode_and_the_width_decide_whether_it_is_valid),
		cmocka_unit_test(responses_do_not_ask_the_tables),
		cmocka_unit_test(each_requester_id_gets_its_own),
		cmocka_unit_test(a_response_to_no_device_is_lost_on_its_way),
		cmocka_unit_test(all_requesters_of_an_id_get_it),
		cmocka_unit_test(responses_come_in_the_order_of_the_queue),
		cmocka_unit_test(other_descriptors_respond_to_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
