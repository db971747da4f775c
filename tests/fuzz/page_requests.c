/*
 * Devices that ask for pages, the queue in memory that software finds that in, and the unit's own responses
 * (VT-d 7.4 to 7.6). What software responds by the invalidation queue is wide_queue.c's.
 */
#include "fuzz/fuzz.h"

#include <iommusim/page_request.h>

#define PPR 1u
#define PRO 2u

/* The queue and its registers, as software sees them. */
struct state {
	uint64_t base, bytes, head, tail;
	uint32_t status, control;
	bool sound; /* its offsets are in it, and there is memory for all of it */
};

static struct state look(const struct fz *fz)
{
	const uint64_t address = fz_peek64(fz, R_PQA);
	struct state state = {
		.base = address & ~UINT64_C(0xfff),
		.bytes = IOMMUSIM_PAGE_SIZE << (address & 7),
		.head = fz_peek64(fz, R_PQH),
		.tail = fz_peek64(fz, R_PQT),
		.status = fz_peek32(fz, R_PRS),
		.control = fz_peek32(fz, R_PECTL),
	};

	state.sound = state.head < state.bytes && state.tail < state.bytes &&
	    iommusim_memory_host(fz->machine, state.base, state.bytes) != NULL;
	return state;
}

/* ---- registers ------------------------------------------------------------------------------------------- */

void fz_page_queue_start(struct fz *fz)
{
	fz_write64(fz, R_PQA, FZ_REQUEST_QUEUE);
	fz_write64(fz, R_PQT, 0);
	fz_write64(fz, R_PQH, 0);
	fz_write32(fz, R_PRS, PPR | PRO);
	fz_write32(fz, R_PEADDR, 0xfee01000);
	fz_write32(fz, R_PEDATA, 0x71);
}

void fz_op_page_queue(struct fz *fz)
{
	const unsigned how = fz_u8(fz);

	if ((how & 0xc0) != 0xc0) {
		fz_page_queue_start(fz);
		return;
	}
	fz_write64(fz, R_PQA, ((how & 8) != 0 ? fz_draw_pointer(fz) : FZ_REQUEST_QUEUE) | (how & 7));
	if ((how & 0x10) != 0)
		fz_write64(fz, R_PQT, fz_u16(fz));
	if ((how & 0x20) != 0)
		fz_write64(fz, R_PQH, fz_u16(fz));
}

/* Software has read what is there: some of it, or all; or almost nothing is left. */
void fz_op_page_head(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const struct state state = look(fz);

	if ((how & 0xc0) == 0xc0)
		fz_write64(fz, R_PQH, (state.tail + UINT64_C(32) * (1 + (how & 3))) % state.bytes);
	else if ((how & 0xc0) == 0x80)
		fz_write64(fz, R_PQH, (state.head + UINT64_C(32) * (how & 0x3f)) % state.bytes);
	else
		fz_write64(fz, R_PQH, state.tail);
}

void fz_op_page_status(struct fz *fz)
{
	const uint32_t which = fz_u8(fz) & 3, before = fz_peek32(fz, R_PRS);

	fz_write32(fz, R_PRS, which);
	FZ_REQUIRE(fz_peek32(fz, R_PRS) == (before & ~which));
	if ((before & ~which) == 0)
		FZ_REQUIRE((fz_peek32(fz, R_PECTL) & BIT(30)) == 0);
}

static void drain(const struct fz *fz)
{
	struct iommusim_interrupt message;

	while (iommusim_interrupt_take(fz->machine, &message) == IOMMUSIM_OK)
		;
}

/* How many of the unit's own messages are the page request event's. */
static unsigned count_events(const struct fz *fz)
{
	const uint64_t address = fz_peek32(fz, R_PEADDR) | (uint64_t)fz_peek32(fz, R_PEUADDR) << 32;
	struct iommusim_interrupt message;
	unsigned count = 0;

	while (iommusim_interrupt_take(fz->machine, &message) == IOMMUSIM_OK)
		count += message.from_unit && !message.posted && message.address == address &&
		    message.data == fz_peek32(fz, R_PEDATA);
	return count;
}

/* What is pending goes out when it is no longer masked (VT-d 7.5). */
void fz_op_page_event(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const bool pending = (fz_peek32(fz, R_PECTL) & BIT(30)) != 0, mask = (how & 1) != 0;

	if ((how & 2) != 0)
		fz_write32(fz, R_PEDATA, fz_u16(fz));
	if ((how & 4) != 0)
		fz_write32(fz, R_PEADDR, 0xfee00000 | (uint32_t)fz_u8(fz) << 12);
	drain(fz);
	fz_write32(fz, R_PECTL, mask ? 0x80000000 : 0);
	FZ_REQUIRE(count_events(fz) == (pending && !mask));
	if (!mask)
		FZ_REQUIRE((fz_peek32(fz, R_PECTL) & BIT(30)) == 0);
}

/* ---- requests -------------------------------------------------------------------------------------------- */

/* A message that wants no response and leaves no trace where it cannot be queued (ECAP.SMS, VT-d 11.4.3). */
static bool is_silent(const struct fz *fz, const struct iommusim_page_request *request)
{
	return (fz->config.ext_capability & ECAP_SMS) != 0 && request->last && !request->read &&
	    !request->write;
}

/* VT-d Table 31: the unit itself responds to the last of a group, and the device is told once. */
static void check_response(const struct fz *fz, struct iommusim_requester *requester,
    const struct iommusim_page_request *request, const struct iommusim_page_request_outcome *outcome,
    unsigned code)
{
	struct iommusim_page_response response;

	FZ_REQUIRE(outcome->answered == (request->last && !is_silent(fz, request)));
	FZ_REQUIRE(iommusim_requester_take_response(requester, &response) == outcome->answered);
	if (!outcome->answered)
		return;
	FZ_REQUIRE(response.automatic && response.code == code && response.group == request->group);
	FZ_REQUIRE(response.has_pasid == request->has_pasid);
	FZ_REQUIRE(!request->has_pasid || response.pasid == request->pasid);
	FZ_REQUIRE(outcome->response.code == code && outcome->response.group == request->group);
	FZ_REQUIRE(!iommusim_requester_take_response(requester, &response));
}

/* VT-d 7.4.1.1. What is undefined there is not looked at. */
static void check_descriptor(
    const struct fz *fz, uint16_t rid, const struct iommusim_page_request *request, uint64_t at)
{
	const uint64_t low = fz_load(fz, at), high = fz_load(fz, at + 8);
	const bool reads = request->read || request->write;

	FZ_REQUIRE((low & 0x1ff) == (0x01u | (request->has_pasid ? 0x100u : 0)));
	FZ_REQUIRE((low >> 16 & 0xffff) == rid && (low & 0xfe00) == 0 && low >> 54 == 0);
	if (request->has_pasid) {
		FZ_REQUIRE((low >> 32 & 0xfffff) == request->pasid);
		FZ_REQUIRE((low >> 53 & 1) == request->privileged);
		FZ_REQUIRE(!request->read || (low >> 52 & 1) == request->execute);
	}
	FZ_REQUIRE((high & 1) == request->read && (high >> 1 & 1) == request->write);
	FZ_REQUIRE((high >> 2 & 1) == request->last);
	FZ_REQUIRE(!reads || (high >> 3 & 0x1ff) == request->group);
	FZ_REQUIRE((high & ~UINT64_C(0xfff)) == (request->address & ~UINT64_C(0xfff)));
	FZ_REQUIRE(fz_load(fz, at + 16) == 0 && fz_load(fz, at + 24) == 0);
}

/* An event comes of what is new, once (VT-d 7.5). */
static void check_event(const struct fz *fz, const struct state *before, const struct state *after)
{
	const bool raised = before->status == 0 && after->status != 0;
	const bool masked = (before->control & BIT(31)) != 0;

	FZ_REQUIRE(count_events(fz) == (raised && !masked));
	if (raised)
		FZ_REQUIRE(((after->control & BIT(30)) != 0) == masked);
	else
		FZ_REQUIRE(after->control == before->control);
}

static void check_queued(const struct fz *fz, uint16_t rid, const struct iommusim_page_request *request,
    const struct iommusim_page_request_outcome *outcome, const struct state *before)
{
	const struct state after = look(fz);

	FZ_REQUIRE(!outcome->answered && outcome->fault.class_ == IOMMUSIM_FAULT_NONE);
	FZ_REQUIRE((before->status & PRO) == 0 && after.status == PPR);
	FZ_REQUIRE(after.head == before->head);
	check_event(fz, before, &after);
	if (!before->sound)
		return;
	FZ_REQUIRE(after.tail == (before->tail + 32) % before->bytes && after.tail != before->head);
	FZ_REQUIRE(outcome->physical == before->base + before->tail);
	check_descriptor(fz, rid, request, outcome->physical);
}

static void check_dropped(const struct fz *fz, struct iommusim_requester *requester,
    const struct iommusim_page_request *request, const struct iommusim_page_request_outcome *outcome,
    const struct state *before)
{
	const struct state after = look(fz);
	const bool full = (before->tail + 32) % before->bytes == before->head;

	FZ_REQUIRE((before->status & PRO) != 0 || full || !before->sound);
	FZ_REQUIRE(after.status == (before->status | (is_silent(fz, request) ? 0 : PRO)));
	FZ_REQUIRE(after.tail == before->tail && after.head == before->head);
	FZ_REQUIRE(outcome->fault.class_ == IOMMUSIM_FAULT_NONE);
	check_response(fz, requester, request, outcome, 0);
	check_event(fz, before, &after);
}

/* VT-d 11.4.7.6: T1 is 0 and T2 is 1; the address type means nothing. */
static void check_record(const struct fz *fz, uint16_t rid, const struct iommusim_page_request *request,
    const struct iommusim_fault *fault)
{
	const uint64_t at = UINT64_C(3) << 60;
	uint64_t high = BIT(63) | BIT(28) | rid | (uint64_t)fault->reason << 32;

	if (request->has_pasid && (fz->config.ext_capability & ECAP_PASID) != 0)
		high |= BIT(31) | (uint64_t)request->pasid << 40 | (request->privileged ? BIT(29) : 0);
	FZ_REQUIRE((fault->record[1] & ~at & ~BIT(30)) == high);
}

static void check_refused(const struct fz *fz, struct iommusim_requester *requester,
    const struct iommusim_page_request *request, const struct iommusim_page_request_outcome *outcome,
    const struct state *before, const struct fz_scalable *answer)
{
	const struct state after = look(fz);

	FZ_REQUIRE(after.status == before->status && after.control == before->control);
	FZ_REQUIRE(after.tail == before->tail && after.head == before->head);
	check_response(fz, requester, request, outcome, 1);
	check_record(fz, iommusim_requester_rid(requester), request, &outcome->fault);
	fz_check_fault(fz, &outcome->fault, is_silent(fz, request));
	if (!answer->known)
		return;
	FZ_REQUIRE(fz_reasons_hold(&answer->reasons, outcome->fault.reason));
	FZ_REQUIRE(outcome->fault.suppressed == fz_is_suppressed(answer, outcome->fault.reason));
}

static void perform(struct fz *fz, struct iommusim_requester *requester,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	const uint16_t rid = iommusim_requester_rid(requester);
	const struct state before = look(fz);
	const bool off =
	    (fz->config.ext_capability & ECAP_PRS) == 0 || (fz_peek32(fz, R_GSTS) & G_TE) == 0;
	struct iommusim_page_response response;
	struct fz_scalable answer;

	fz_oracle_page_request(fz, rid, request, &answer);
	drain(fz);
	while (iommusim_requester_take_response(requester, &response))
		;
	FZ_REQUIRE(iommusim_requester_page_request(requester, request, outcome) == IOMMUSIM_OK);
	FZ_REQUIRE((outcome->result == IOMMUSIM_PAGE_REQUEST_UNSUPPORTED) == off);
	switch (outcome->result) {
	case IOMMUSIM_PAGE_REQUEST_QUEUED:
		FZ_REQUIRE(!answer.known || answer.passes);
		check_queued(fz, rid, request, outcome, &before);
		break;
	case IOMMUSIM_PAGE_REQUEST_DROPPED:
		FZ_REQUIRE(!answer.known || answer.passes);
		check_dropped(fz, requester, request, outcome, &before);
		break;
	case IOMMUSIM_PAGE_REQUEST_REFUSED:
		check_refused(fz, requester, request, outcome, &before, &answer);
		break;
	default:
		FZ_REQUIRE(!outcome->answered && fz_peek32(fz, R_PRS) == before.status);
		break;
	}
}

void fz_op_page_request(struct fz *fz)
{
	struct fz_request dma;
	struct iommusim_page_request_outcome outcome;
	const unsigned how = fz_u8(fz), group = fz_u8(fz);

	fz_draw_scalable(fz, &dma);
	const struct iommusim_page_request request = {
		.address = dma.dma.address,
		.pasid = dma.dma.pasid,
		.group = (uint16_t)(group << 1 | (how & 1)),
		.has_pasid = dma.dma.has_pasid,
		.privileged = dma.dma.has_pasid && dma.dma.privileged,
		.execute = dma.dma.has_pasid && dma.dma.execute,
		.read = (how & 2) != 0,
		.write = (how & 4) != 0,
		.last = (how & 8) == 0,
	};

	perform(fz, dma.device, &request, &outcome);
	/* As a device that goes on does: the same again, as often as there is room. */
	for (unsigned i = 0; (how & 0xf0) == 0xf0 && i < 130; i++)
		perform(fz, dma.device, &request, &outcome);
}

bool fz_ask_for_page(struct fz *fz, const struct fz_request *dma)
{
	const struct iommusim_page_request request = {
		.address = dma->dma.address,
		.pasid = dma->dma.pasid,
		.has_pasid = dma->dma.has_pasid,
		.privileged = dma->dma.has_pasid && dma->dma.privileged,
		.read = true,
		.write = true,
		.last = true,
	};
	struct iommusim_page_request_outcome outcome;

	perform(fz, dma->device, &request, &outcome);
	return outcome.result == IOMMUSIM_PAGE_REQUEST_QUEUED;
}
