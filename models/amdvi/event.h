/* Events: what the unit reports, and the record it makes of it (AMD-Vi 2.5). Where it goes: log.h. */
#ifndef IOMMUSIM_AMDVI_EVENT_H
#define IOMMUSIM_AMDVI_EVENT_H

#include "models/amdvi/unit.h"

enum amdvi_event_code {
	AMDVI_NO_EVENT = 0,
#define EVENT(code, name, section, class, meaning) AMDVI_##name = code,
#include "models/amdvi/spec/event_codes.def"
#undef EVENT
};

/* HardwareErrorType of events 3, 4 and 6. */
enum { AMDVI_MASTER_ABORT = 1, AMDVI_TARGET_ABORT = 2, AMDVI_DATA_ERROR = 3 };

/* One event, field by field; those that its code does not have are 0 (AMD-Vi 2.5.2 to 2.5.15). */
struct amdvi_event {
	uint64_t address; /* of a counter's: the event note */
	uint64_t ppr;     /* of an invalid page request: the first quadword of its log entry */
	uint32_t pasid;   /* with `guest` */
	uint16_t device;
	uint16_t domain;  /* of events Dh and Eh: the VMG tag */
	uint8_t code;     /* enum amdvi_event_code */
	uint8_t type;     /* of a hardware error; of an invalid device request */
	bool guest;       /* GN: the request had a PASID */
	bool no_execute;  /* NX */
	bool user;        /* US */
	bool interrupt;   /* I */
	bool present;     /* PR */
	bool write;       /* RW */
	bool permission;  /* PE */
	bool reserved;    /* RZ */
	bool translation; /* TR */
	uint8_t rmp;      /* RMP flags of events Dh and Eh, bits 23:16 */
};

/* The record, as it lands in the log. */
void amdvi_event_encode(const struct amdvi_event *event, uint64_t record[2]);

/*
 * What a denied request is told in a vendor-neutral way: class, reason, meaning, record; nothing is logged.
 * The class goes by the event's flags: a page fault is NOT_PRESENT, PERMISSION, ADDRESS_WIDTH or BAD_ENTRY.
 */
void amdvi_event_describe(const struct amdvi_event *event, struct iommusim_fault *fault);

/*
 * The same, and logged: unless `silent` (DTE.SE, SA, IG, IRTE.SupIOPF), or the log is off or full; `fault`
 * says which, and may be NULL. Hardware errors go to the hardware event registers too. Any thread, without
 * the lock.
 */
void amdvi_event_report(struct amdvi_unit *amdvi, const struct amdvi_event *event, bool silent,
    struct iommusim_fault *fault);
/* With the lock. */
void amdvi_event_report_locked(struct amdvi_unit *amdvi, const struct amdvi_event *event, bool silent,
    struct iommusim_fault *fault);

#endif
