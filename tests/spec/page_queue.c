/* The page request queue as software has it, and requests to it. Proofs stand in the tests. */
#include "page_queue.h"

void pq_place(struct scalable *sm, uint64_t base, unsigned size)
{
	vt_set64(&sm->vtd, R_PQH, 0);
	vt_set64(&sm->vtd, R_PQT, 0);
	vt_set64(&sm->vtd, R_PQA, base | size);
}

void pq_open(struct scalable *sm)
{
	const uint16_t rids[] = { VTD_RID, SM_UPPER_RID };

	for (unsigned i = 0; i < 2; i++) {
		const uint64_t at = sm_context_at(sm, rids[i]);

		vt_store(&sm->vtd, at, vt_load(&sm->vtd, at) | SM_PRE);
	}
	pq_place(sm, PQ_BASE, 0);
}

void pq_start(struct scalable *sm, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.ecap_set |= ECAP_PRS & ~setup.ecap_clear;
	sm_start(sm, &setup);
	sm_second_stage(sm, SM_NO_PASID, SM_DOMAIN);
	sm_second_stage(sm, SM_PASID, SM_DOMAIN + 1);
	if ((sm->vtd.ecap & ECAP_PRS) != 0)
		pq_open(sm);
}

struct iommusim_page_request pq_request(uint32_t pasid)
{
	return (struct iommusim_page_request){ .address = PQ_PAGE,
		.pasid = pasid == SM_NO_PASID ? 0 : pasid,
		.group = PQ_GROUP,
		.has_pasid = pasid != SM_NO_PASID,
		.read = true,
		.write = true,
		.last = true };
}

struct iommusim_page_request_outcome pq_ask_of(
    struct iommusim_requester *device, const struct iommusim_page_request *request)
{
	struct iommusim_page_request_outcome outcome;

	memset(&outcome, 0xa5, sizeof(outcome));
	assert_int_equal(iommusim_requester_page_request(device, request, &outcome), IOMMUSIM_OK);
	return outcome;
}

struct iommusim_page_request_outcome pq_ask(
    struct scalable *sm, const struct iommusim_page_request *request)
{
	return pq_ask_of(sm->vtd.device, request);
}

void pq_queue(struct scalable *sm, const struct iommusim_page_request *request)
{
	const struct iommusim_page_request_outcome outcome = pq_ask(sm, request);

	if (outcome.result == IOMMUSIM_PAGE_REQUEST_REFUSED)
		fail_msg("refused for reason %Xh", outcome.fault.reason);
	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	assert_false(outcome.answered);
	assert_int_equal(outcome.fault.class_, IOMMUSIM_FAULT_NONE);
}

/* Figure 7-1: TYPE 7:0, PP, RID 31:16, PASID 51:32, EXR, PMR; RDR 64, WRR, LPIG, PRGI 75:67, ADDR. */
void pq_expect_descriptor(
    struct scalable *sm, uint64_t offset, uint16_t rid, const struct iommusim_page_request *request)
{
	const uint64_t at = PQ_BASE + offset;
	uint64_t low = 0x01 | (uint64_t)rid << 16, high = request->address & ~UINT64_C(0xfff);

	if (request->has_pasid) {
		low |= 0x100 | (uint64_t)request->pasid << 32;
		low |= request->execute ? UINT64_C(0x0010000000000000) : 0;
		low |= request->privileged ? UINT64_C(0x0020000000000000) : 0;
	}
	high |= (request->read ? 1u : 0u) | (request->write ? 2u : 0u) | (request->last ? 4u : 0u);
	high |= (uint64_t)request->group << 3;
	assert_int_equal(vt_load(&sm->vtd, at), low);
	assert_int_equal(vt_load(&sm->vtd, at + 8), high);
	assert_int_equal(vt_load(&sm->vtd, at + 16), 0);
	assert_int_equal(vt_load(&sm->vtd, at + 24), 0);
}

void pq_expect_no_response(struct iommusim_requester *device)
{
	struct iommusim_page_response response;

	assert_false(iommusim_requester_take_response(device, &response));
}

void pq_expect_automatic(
    struct iommusim_requester *device, unsigned code, const struct iommusim_page_request *request)
{
	struct iommusim_page_response response;

	assert_true(iommusim_requester_take_response(device, &response));
	assert_int_equal(response.code, code);
	assert_true(response.automatic);
	assert_int_equal(response.group, request->group);
	assert_int_equal(response.has_pasid, request->has_pasid);
	assert_int_equal(response.pasid, request->has_pasid ? request->pasid : 0);
	pq_expect_no_response(device);
}

void pq_expect_status(struct scalable *sm, uint64_t tail, unsigned status)
{
	assert_int_equal(vt_get64(&sm->vtd, R_PQT), tail);
	assert_int_equal(vt_get32(&sm->vtd, R_PRS), status);
}
