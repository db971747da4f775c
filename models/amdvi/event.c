/*
 * Events: the record of each code, and what a denied request is told in a vendor-neutral way (AMD-Vi 2.5).
 * Where records go: log.c.
 */
#include "models/amdvi/event.h"

#include "models/amdvi/log.h"
#include "models/amdvi/status.h"

struct meaning {
	const char *text;
	enum iommusim_fault_class class_;
};

static const struct meaning meanings[] = {
#define EVENT(code, name, section, class, meaning) [code] = { meaning, IOMMUSIM_FAULT_##class },
#include "models/amdvi/spec/event_codes.def"
#undef EVENT
};

/* ---- records ------------------------------------------------------------------------------------------- */

static void encode_request(const struct amdvi_event *event, uint64_t record[2])
{
	amdvi_event_request_set_DEVICE_ID(record, event->device);
	amdvi_event_request_set_GN(record, event->guest);
	if (event->guest) {
		amdvi_event_request_set_PASID_HIGH(record, event->pasid >> 16);
		amdvi_event_request_set_PASID_LOW(record, event->pasid);
	}
	amdvi_event_request_set_TR(record, event->translation);
	amdvi_event_request_set_TYPE(record, event->type);
	amdvi_event_request_set_CODE(record, event->code);
	amdvi_event_request_set_ADDR(record, event->address);
}

static void encode_counter(const struct amdvi_event *event, uint64_t record[2])
{
	amdvi_event_counter_set_CODE(record, event->code);
	amdvi_event_counter_set_NOTE_HI(record, event->address >> 32);
	amdvi_event_counter_set_NOTE_LO(record, event->address);
}

/* All other codes have one layout, of which each uses a part. */
static void encode_common(const struct amdvi_event *event, uint64_t record[2])
{
	amdvi_event_set_DEVICE_ID(record, event->device);
	amdvi_event_set_PASID_HIGH(record, event->guest ? event->pasid >> 16 : 0);
	amdvi_event_set_DOMAIN_ID(record, event->guest ? event->pasid : event->domain);
	amdvi_event_set_GN(record, event->guest);
	amdvi_event_set_NX(record, event->no_execute);
	amdvi_event_set_US(record, event->user);
	amdvi_event_set_I(record, event->interrupt);
	amdvi_event_set_PR(record, event->present);
	amdvi_event_set_RW(record, event->write);
	amdvi_event_set_PE(record, event->permission);
	amdvi_event_set_RZ(record, event->reserved);
	amdvi_event_set_TR(record, event->translation);
	amdvi_event_set_TYPE(record, event->type);
	amdvi_event_set_CODE(record, event->code);
	amdvi_event_set_ADDR(record, event->address);
}

void amdvi_event_encode(const struct amdvi_event *event, uint64_t record[2])
{
	record[0] = record[1] = 0;
	switch (event->code) {
	case AMDVI_INVALID_DEVICE_REQUEST:
		encode_request(event, record);
		break;
	case AMDVI_INVALID_PPR_REQUEST: /* the request, with another code */
		record[0] = event->ppr;
		record[1] = event->address;
		amdvi_event_set_CODE(record, event->code);
		break;
	case AMDVI_EVENT_COUNTER_ZERO:
		encode_counter(event, record);
		break;
	case AMDVI_RMP_PAGE_FAULT:
	case AMDVI_RMP_HARDWARE_ERROR:
		encode_common(event, record);
		amdvi_event_rmp_set_FLAGS(record, event->rmp);
		break;
	default:
		encode_common(event, record);
		break;
	}
}

/* ---- what a request is told ---------------------------------------------------------------------------- */

static enum iommusim_fault_class class_of(const struct amdvi_event *event)
{
	if (event->code != AMDVI_IO_PAGE_FAULT)
		return meanings[event->code].class_;
	if (!event->present)
		return IOMMUSIM_FAULT_NOT_PRESENT;
	if (event->permission)
		return IOMMUSIM_FAULT_PERMISSION;
	return event->reserved ? IOMMUSIM_FAULT_BAD_ENTRY : IOMMUSIM_FAULT_ADDRESS_WIDTH;
}

void amdvi_event_describe(const struct amdvi_event *event, struct iommusim_fault *fault)
{
	*fault = (struct iommusim_fault){
		.class_ = class_of(event),
		.reason = event->code,
		.meaning = meanings[event->code].text,
	};
	amdvi_event_encode(event, fault->record);
}

/* ---- reporting ----------------------------------------------------------------------------------------- */

/* Hardware errors show there even when nothing is logged; the newest stays (AMD-Vi 3.4, EFR.HESup). */
static void note_hardware_error(
    struct amdvi_unit *amdvi, const struct amdvi_event *event, const uint64_t record[2])
{
	struct register_cell *status = &amdvi->registers[AMDVI_HWEV_STATUS];

	if (!amdvi_EFR_HESUP(amdvi->features))
		return;
	if (event->code != AMDVI_DEV_TAB_HARDWARE_ERROR &&
	    event->code != AMDVI_PAGE_TAB_HARDWARE_ERROR && event->code != AMDVI_COMMAND_HARDWARE_ERROR)
		return;
	if (amdvi_HWEV_STATUS_HEV(status->value))
		status->value |= amdvi_HWEV_STATUS_HEO_bits(1);
	status->value |= amdvi_HWEV_STATUS_HEV_bits(1);
	amdvi->registers[AMDVI_HWEV_HI].value = record[0];
	amdvi->registers[AMDVI_HWEV_LO].value = record[1];
}

void amdvi_event_report_locked(struct amdvi_unit *amdvi, const struct amdvi_event *event, bool silent,
    struct iommusim_fault *fault)
{
	struct iommusim_fault here;
	struct iommusim_fault *told = fault == NULL ? &here : fault;
	enum amdvi_logged logged;

	amdvi_event_describe(event, told);
	told->suppressed = silent;
	if (silent)
		return;
	note_hardware_error(amdvi, event, told->record);
	logged = amdvi_log_append(amdvi, AMDVI_LOG_EVENT, told->record);
	told->recorded = logged == AMDVI_LOGGED;
	told->overflowed = logged == AMDVI_LOG_OVERFLOW;
}

void amdvi_event_report(struct amdvi_unit *amdvi, const struct amdvi_event *event, bool silent,
    struct iommusim_fault *fault)
{
	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi_event_report_locked(amdvi, event, silent, fault);
	pthread_mutex_unlock(&amdvi->unit.lock);
}
