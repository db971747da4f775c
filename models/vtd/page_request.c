/*
 * Page requests: what the tables say of them, what they take out of the caches, and the queue in memory
 * that software reads them from; page group responses (VT-d 7.4 to 7.7). The event itself is event.c,
 * and the invalidation queue, which responses come from, is queue.c.
 */
#include "models/vtd/page_request.h"

#include "machine/memory_access.h"
#include "models/vtd/event.h"
#include "models/vtd/fault.h"
#include "models/vtd/invalidate.h"
#include "models/vtd/performance.h"
#include "models/vtd/reason.h"
#include "models/vtd/tables.h"

#define DESCRIPTOR_BYTES 32u
#define DESCRIPTOR_QUADS 4u

enum { PAGE_REQUEST_DESCRIPTOR = 1 }; /* TYPE */

/* ---- what the tables say ------------------------------------------------------------------------- */

/*
 * The request as the tables are read for it: of Table 30 it has the conditions of an untranslated one,
 * less those of execution. T1 is 0, as of a write (VT-d 11.4.7.6).
 */
static struct page_request as_read(uint16_t rid, const struct iommusim_page_request *request)
{
	return (struct page_request){
		.address = request->address,
		.pasid = request->pasid,
		.rid = rid,
		.kind = IOMMUSIM_DMA_WRITE,
		.address_type = IOMMUSIM_DMA_UNTRANSLATED,
		.has_pasid = request->has_pasid,
		.privileged = request->privileged,
	};
}

/*
 * The mode, and the context entry by itself. What others are told there of a PASID is not about page
 * requests; legacy mode has none of them at all (Table 30).
 */
static enum reason find_context(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_source *source)
{
	struct page_request without = *request;
	enum reason reason;

	without.has_pasid = without.privileged = false;
	reason = (enum reason)vtd_check_mode(vtd, &without, source);
	if (vtd_RTADDR_TTM(source->root) == 0)
		return RTA_3;
	return reason != ALLOWED ? reason : (enum reason)vtd_find_context(vtd, &without, source, NULL);
}

/* The request against the entry, in the order of Table 30. A directory entry stands for 2^6 PASIDs. */
static enum reason check_request(const struct vtd_source *source, const struct page_request *request)
{
	const uint64_t *raw = source->context;

	if (request->has_pasid && !vtd_sm_context_entry_PASIDE(raw))
		return SCT_6;
	if (request->has_pasid && request->pasid >> (vtd_sm_context_entry_PDTS(raw) + 7 + 6) != 0)
		return SCT_7;
	if (!vtd_sm_context_entry_PRE(raw))
		return SCT_8;
	return request->has_pasid && request->pasid == vtd_sm_context_entry_RID_PASID(raw) ? SCT_9
											   : ALLOWED;
}

/*
 * From the mode to the PASID-table entry: in memory, for the caches are what a page request is to mend.
 * A privileged request may ask for a page where none may be had (Table 30, SPT.6).
 */
static enum reason find_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space)
{
	enum reason reason = find_context(vtd, request, source);

	if (reason == ALLOWED)
		reason = check_request(source, request);
	if (reason == ALLOWED)
		reason = (enum reason)vtd_find_space(vtd, request, source, space, NULL);
	return reason == SPT_6 ? ALLOWED : reason;
}

/* ---- what the device is told --------------------------------------------------------------------- */

/* A message that wants no response, and of units with ECAP.SMS no other trace either (VT-d 11.4.3). */
static bool is_silent(const struct vtd_unit *vtd, const struct iommusim_page_request *request)
{
	return vtd_ECAP_SMS(vtd->ext_capability) && request->last && !request->read && !request->write;
}

/* The unit's own response to what is not queued: to the last of a group (VT-d Table 31). */
static void respond(const struct vtd_unit *vtd, const struct iommusim_page_request *request,
    enum iommusim_page_response_code code, struct iommusim_page_request_outcome *outcome)
{
	if (!request->last || is_silent(vtd, request))
		return;
	outcome->answered = true;
	outcome->response = (struct iommusim_page_response){
		.pasid = request->pasid,
		.group = request->group,
		.code = (uint8_t)code,
		.has_pasid = request->has_pasid,
		.automatic = true,
	};
}

static void refuse(struct vtd_unit *vtd, const struct page_request *read, enum reason reason,
    bool fault_disable, const struct iommusim_page_request *request,
    struct iommusim_page_request_outcome *outcome)
{
	struct iommusim_dma_page page = { .address = read->address };
	struct iommusim_fault *fault = &outcome->fault;

	vtd_fault_describe(vtd, read, reason, fault_disable, &page);
	*fault = page.fault;
	vtd_fault_record_set_T2(fault->record, 1);
	outcome->result = IOMMUSIM_PAGE_REQUEST_REFUSED;
	respond(vtd, request, IOMMUSIM_PAGE_INVALID_REQUEST, outcome);
	if (fault->suppressed || is_silent(vtd, request))
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_fault_log(vtd, fault);
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* ---- the queue; lock held ------------------------------------------------------------------------ */

static uint64_t queue_bytes(const struct vtd_unit *vtd)
{
	return IOMMUSIM_PAGE_SIZE << vtd_PQA_PQS(vtd->registers[VTD_PQA].value);
}

/* Offsets beyond the queue are undetermined: the unit looks at the bits that it has entries for. */
static uint64_t tail_offset(const struct vtd_unit *vtd)
{
	return vtd_PQT_PQT(vtd->registers[VTD_PQT].value) * DESCRIPTOR_BYTES % queue_bytes(vtd);
}

static uint64_t head_offset(const struct vtd_unit *vtd)
{
	return vtd_PQH_PQH(vtd->registers[VTD_PQH].value) * DESCRIPTOR_BYTES % queue_bytes(vtd);
}

static uint64_t next_offset(const struct vtd_unit *vtd)
{
	return (tail_offset(vtd) + DESCRIPTOR_BYTES) % queue_bytes(vtd);
}

/* PRO set: nothing goes in until software has cleared it (VT-d 7.4.1). */
static bool has_overflowed(const struct vtd_unit *vtd)
{
	return vtd_PRS_PRO(vtd->registers[VTD_PRS].value) != 0;
}

static bool has_room(const struct vtd_unit *vtd)
{
	return !has_overflowed(vtd) && next_offset(vtd) != head_offset(vtd);
}

/* Only what comes when nothing was there is an event (VT-d 7.5). */
static void set_status(struct vtd_unit *vtd, uint64_t bits)
{
	struct register_cell *status = &vtd->registers[VTD_PRS];
	const bool quiet = status->value == 0;

	status->value |= bits;
	if (quiet)
		vtd_event_raise(vtd, VTD_EVENT_PAGE_REQUEST);
}

static void describe(
    uint16_t rid, const struct iommusim_page_request *request, uint64_t raw[DESCRIPTOR_QUADS])
{
	vtd_page_request_set_TYPE(raw, PAGE_REQUEST_DESCRIPTOR);
	vtd_page_request_set_PP(raw, request->has_pasid);
	vtd_page_request_set_RID(raw, rid);
	vtd_page_request_set_PASID(raw, request->pasid);
	vtd_page_request_set_EXR(raw, request->execute);
	vtd_page_request_set_PMR(raw, request->privileged);
	vtd_page_request_set_RDR(raw, request->read);
	vtd_page_request_set_WRR(raw, request->write);
	vtd_page_request_set_LPIG(raw, request->last);
	vtd_page_request_set_PRGI(raw, request->group);
	vtd_page_request_set_ADDR(raw, request->address >> IOMMUSIM_PAGE_SHIFT);
}

/* Always snooped (VT-d 11.4.3). False: there is no memory to write. */
static bool write_descriptor(
    struct vtd_unit *vtd, uint16_t rid, const struct iommusim_page_request *request, uint64_t *physical)
{
	const uint64_t base = vtd_PQA_PQA(vtd->registers[VTD_PQA].value) << IOMMUSIM_PAGE_SHIFT;
	uint64_t raw[DESCRIPTOR_QUADS] = { 0 };

	*physical = base + tail_offset(vtd);
	if (base >> vtd->spec.host_address_width != 0)
		return false;
	describe(rid, request, raw);
	return memory_device_write(&vtd->unit.machine->memory, *physical, raw, sizeof(raw));
}

static struct vtd_performance_subject subject_of(
    uint16_t rid, const struct iommusim_page_request *request)
{
	return (struct vtd_performance_subject){
		.rid = rid, .has_pasid = request->has_pasid, .pasid = request->pasid
	};
}

/* Software that sees the tail, the status or the message sees the descriptor. */
static void put(struct vtd_unit *vtd, uint16_t rid, const struct iommusim_page_request *request,
    struct iommusim_page_request_outcome *outcome)
{
	const struct vtd_performance_subject subject = subject_of(rid, request);

	vtd->registers[VTD_PQT].value = vtd_PQT_PQT_bits(next_offset(vtd) / DESCRIPTOR_BYTES);
	set_status(vtd, vtd_PRS_PPR_bits(1));
	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_PG_REQ_POSTED, &subject);
	outcome->result = IOMMUSIM_PAGE_REQUEST_QUEUED;
}

static void drop(struct vtd_unit *vtd, uint16_t rid, const struct iommusim_page_request *request,
    struct iommusim_page_request_outcome *outcome)
{
	const struct vtd_performance_subject subject = subject_of(rid, request);

	outcome->result = IOMMUSIM_PAGE_REQUEST_DROPPED;
	outcome->physical = 0;
	if (is_silent(vtd, request))
		return;
	if (!has_overflowed(vtd))
		set_status(vtd, vtd_PRS_PRO_bits(1));
	respond(vtd, request, IOMMUSIM_PAGE_SUCCESS, outcome);
	if (outcome->answered)
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_PG_REQ_OVERFLOW, &subject);
}

/* ---- one request --------------------------------------------------------------------------------- */

/* What stands in the caches of the page is not to be met again (VT-d 6.5.3.1, Table 27). */
static void forget_translations(
    struct vtd_unit *vtd, const struct iommusim_page_request *request, const struct vtd_space *space)
{
	enum { DOMAIN = 2, PAGE = 3 };
	const struct vtd_invalidation what = {
		.granularity = space->stages == VTD_NESTED ? DOMAIN : PAGE,
		.domain = space->domain,
		.pasid = space->pasid,
		.address = request->address,
	};

	if (space->stages == VTD_FIRST_STAGE)
		vtd_invalidate_pasid_iotlb(vtd, &what);
	else
		vtd_invalidate_iotlb(vtd, &what);
}

/*
 * The invalidation comes before the descriptor: what software reads there is past. And only for what
 * will be queued, as far as that can be known before: caches may always forget more.
 */
static void queue(struct vtd_unit *vtd, uint16_t rid, const struct iommusim_page_request *request,
    const struct vtd_space *space, struct iommusim_page_request_outcome *outcome)
{
	bool room;

	pthread_mutex_lock(&vtd->unit.lock);
	room = has_room(vtd);
	pthread_mutex_unlock(&vtd->unit.lock);
	if (room)
		forget_translations(vtd, request, space);
	pthread_mutex_lock(&vtd->unit.lock);
	if (has_room(vtd) && write_descriptor(vtd, rid, request, &outcome->physical))
		put(vtd, rid, request, outcome);
	else
		drop(vtd, rid, request, outcome);
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_request_page(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const struct page_request read = as_read(rid, request);
	struct vtd_source source = { .root = 0 };
	struct vtd_space space = { .domain = 0 };
	enum reason reason;

	if (!vtd_ECAP_PRS(vtd->ext_capability) || !vtd_GSTS_TES(atomic_load(&vtd->status)))
		return;
	reason = find_space(vtd, &read, &source, &space);
	vtd_performance_count_times(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL, source.reads);
	if (reason != ALLOWED)
		refuse(vtd, &read, reason, source.fault_disable, request, outcome);
	else
		queue(vtd, rid, request, &space, outcome);
}

/* ---- responses ----------------------------------------------------------------------------------- */

void vtd_respond_page(struct vtd_unit *vtd, const uint64_t *raw)
{
	const bool has_pasid = vtd_page_group_response_PP(raw) != 0;
	const struct iommusim_page_response response = {
		.pasid = has_pasid ? (uint32_t)vtd_page_group_response_PASID(raw) : 0,
		.group = (uint16_t)vtd_page_group_response_PRGI(raw),
		.code = (uint8_t)vtd_page_group_response_RC(raw),
		.has_pasid = has_pasid,
	};

	requester_respond(vtd->unit.machine, vtd->unit.segment,
	    (uint16_t)vtd_page_group_response_RID(raw), &response);
}
