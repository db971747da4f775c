/*
 * Peripheral page requests: which are taken, their entry in the PPR log, and the unit's own responses to
 * those that are not (AMD-Vi 2.6). The log is log.c's, and responses of software are command.c's.
 */
#include "models/amdvi/device_table.h"
#include "models/amdvi/log.h"
#include "models/amdvi/translate.h"

enum { PAGE_REQUEST_ENTRY = 1 }; /* CODE */

#define LAST_OF_GROUP 0x200u /* of TAG: bit 9 */

/* ---- what the device is told ----------------------------------------------------------------------------- */

/* The device will ask no more for a PASID; it wants no response. */
static bool is_stop_marker(const struct iommusim_page_request *request)
{
	return request->last && !request->read && !request->write;
}

static void respond(const struct iommusim_page_request *request, unsigned code, bool with_pasid,
    struct iommusim_page_request_outcome *outcome)
{
	if (!request->last || is_stop_marker(request))
		return;
	outcome->answered = true;
	outcome->response = (struct iommusim_page_response){
		.pasid = with_pasid ? request->pasid : 0,
		.group = request->group,
		.code = (uint8_t)code,
		.has_pasid = with_pasid,
		.automatic = true,
	};
}

/* With enhanced handling the device's entry says whether responses carry a PASID (AMD-Vi 2.6, EPHEn). */
static void respond_automatically(const struct amdvi_unit *amdvi, const struct amdvi_device *device,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	const uint64_t settings = amdvi->registers[AMDVI_PPR_AUTO].value;
	const bool left_out = amdvi_PPR_AUTO_MASK_GN(settings) != 0 ||
	    (amdvi_CONTROL_EPH_EN(amdvi_control(amdvi)) && !amdvi_dte_GPRP(device->dte));

	respond(
	    request, (unsigned)amdvi_PPR_AUTO_CODE(settings), request->has_pasid && !left_out, outcome);
}

/* ---- what is asked ------------------------------------------------------------------------------------- */

static void encode(uint16_t rid, const struct iommusim_page_request *request, uint64_t entry[2])
{
	entry[0] = entry[1] = 0;
	amdvi_ppr_set_DEVICE_ID(entry, rid);
	amdvi_ppr_set_TAG(entry, request->group | (request->last ? LAST_OF_GROUP : 0));
	amdvi_ppr_set_RD(entry, request->read);
	amdvi_ppr_set_WR(entry, request->write);
	amdvi_ppr_set_CODE(entry, PAGE_REQUEST_ENTRY);
	amdvi_ppr_set_ADDR(entry, request->address & ~(IOMMUSIM_PAGE_SIZE - 1));
	if (!request->has_pasid)
		return;
	amdvi_ppr_set_GN(entry, 1);
	amdvi_ppr_set_PASID_LOW(entry, request->pasid);
	amdvi_ppr_set_PASID_HIGH(entry, request->pasid >> 16);
	amdvi_ppr_set_NX(entry, request->execute);
	amdvi_ppr_set_US(entry, !request->privileged);
}

static struct amdvi_event invalid_request(uint16_t rid, const struct iommusim_page_request *request)
{
	struct amdvi_event event = { .code = AMDVI_INVALID_PPR_REQUEST, .device = rid };
	uint64_t entry[2];

	encode(rid, request, entry);
	event.ppr = entry[0];
	event.address = entry[1];
	return event;
}

/* What the device's entry says of page requests. V=0 says nothing, and lets nothing be asked for. */
static bool entry_allows(const struct amdvi_unit *amdvi, const struct amdvi_device *device,
    const struct iommusim_page_request *request)
{
	if (!amdvi_dte_V(device->dte))
		return false;
	if (amdvi_CONTROL_EPH_EN(amdvi_control(amdvi)) && !amdvi_dte_PPR(device->dte))
		return false;
	return !request->has_pasid || amdvi_device_has_guest(amdvi, device);
}

/* False: `event` says why not. The entry is read in memory: nothing is learnt of a page from it. */
static bool is_allowed(const struct amdvi_unit *amdvi, uint16_t rid,
    const struct iommusim_page_request *request, struct amdvi_device *device, struct amdvi_event *event)
{
	const struct amdvi_asker asker = {
		.address = request->address,
		.pasid = request->pasid,
		.has_pasid = request->has_pasid,
		.write = request->write,
	};

	if (!amdvi_CONTROL_PPR_EN(amdvi_control(amdvi))) {
		*event = invalid_request(rid, request);
		return false;
	}
	if (!amdvi_device_read(amdvi, rid, &asker, device, event))
		return false;
	if (amdvi_dte_V(device->dte) && amdvi_device_memory_reserved(amdvi, device)) {
		*event = (struct amdvi_event){
			.code = AMDVI_ILLEGAL_DEV_TABLE_ENTRY,
			.address = request->address,
			.pasid = request->pasid,
			.device = rid,
			.guest = request->has_pasid,
			.write = request->write,
			.reserved = true,
		};
		return false;
	}
	*event = invalid_request(rid, request);
	return entry_allows(amdvi, device, request);
}

/* ---- one request --------------------------------------------------------------------------------------- */

static void refuse(struct amdvi_unit *amdvi, const struct amdvi_event *event,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	outcome->result = IOMMUSIM_PAGE_REQUEST_REFUSED;
	amdvi_event_report(amdvi, event, false, &outcome->fault);
	respond(request, IOMMUSIM_PAGE_INVALID_REQUEST, request->has_pasid, outcome);
}

/* Automatic responses are for what the log cannot take, or for everything (PprAutoRspEn, PprAutoRspAon). */
static void take(struct amdvi_unit *amdvi, const struct amdvi_device *device,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	const uint64_t control = amdvi_control(amdvi);
	const bool automatic = amdvi_CONTROL_PPR_AUTO_RSP_EN(control) != 0;
	const bool always = automatic && amdvi_CONTROL_PPR_AUTO_RSP_AON(control);
	uint64_t entry[2];

	encode(device->id, request, entry);
	outcome->result = IOMMUSIM_PAGE_REQUEST_DROPPED;
	pthread_mutex_lock(&amdvi->unit.lock);
	if (!always &&
	    amdvi_log_append_at(amdvi, AMDVI_LOG_PPR, entry, &outcome->physical) == AMDVI_LOGGED)
		outcome->result = IOMMUSIM_PAGE_REQUEST_QUEUED;
	else if (automatic)
		respond_automatically(amdvi, device, request, outcome);
	pthread_mutex_unlock(&amdvi->unit.lock);
}

void amdvi_request_page(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	const uint64_t control = amdvi_control(amdvi);
	struct amdvi_device device;
	struct amdvi_event event;

	if (!amdvi_EFR_PPRSUP(amdvi->features) || !amdvi_CONTROL_IOMMU_EN(control))
		return;
	if (!is_allowed(amdvi, rid, request, &device, &event))
		refuse(amdvi, &event, request, outcome);
	else if (is_stop_marker(request) && amdvi_CONTROL_BLK_STOP_MRK_EN(control))
		outcome->result = IOMMUSIM_PAGE_REQUEST_DROPPED;
	else
		take(amdvi, &device, request, outcome);
}
