/* The device table: finding an entry, through its cache, and what is wrong with one (AMD-Vi 2.2.2). */
#ifndef IOMMUSIM_AMDVI_DEVICE_TABLE_H
#define IOMMUSIM_AMDVI_DEVICE_TABLE_H

#include "models/amdvi/event.h"

/* A device table entry as it was found. */
struct amdvi_device {
	uint64_t dte[AMDVI_DTE_QUADS];
	uint64_t address; /* of the entry */
	uint64_t table;   /* of the segment it is in */
	uint16_t id;
	bool in_table; /* the table reaches so far: `address` means something */
	bool readable;
	bool cached;
};

/* Who asks: for the flags of an event. */
struct amdvi_asker {
	uint64_t address; /* of the request */
	uint32_t pasid;
	bool has_pasid;
	bool write;
};

/* From memory alone: changes nothing. The reason to deny (denial.h) when there is no entry, or 0. */
unsigned amdvi_device_load(const struct amdvi_unit *amdvi, uint16_t id, struct amdvi_device *device);
/* By way of the cache, and into it unless something was invalidated since `generation`. Any thread. */
unsigned amdvi_device_look_up(
    struct amdvi_unit *amdvi, uint16_t id, uint64_t generation, struct amdvi_device *device);

/* From memory alone, for a page request. False: `event` says why, its code being 2, 1 or 3. */
bool amdvi_device_read(const struct amdvi_unit *amdvi, uint16_t id, const struct amdvi_asker *asker,
    struct amdvi_device *device, struct amdvi_event *event);

/* Reserved bits or codes in 127:1 of an entry with V=1; in 255:129 of one with IV=1. */
bool amdvi_device_memory_reserved(const struct amdvi_unit *amdvi, const struct amdvi_device *device);
bool amdvi_device_interrupt_reserved(const struct amdvi_unit *amdvi, const struct amdvi_device *device);

/* Guest translation is on for the device: DTE.GV, and CONTROL.GTEn. */
bool amdvi_device_has_guest(const struct amdvi_unit *amdvi, const struct amdvi_device *device);

/* GCR3 table root, interrupt table root: addresses put together from their parts. */
uint64_t amdvi_device_gcr3(const struct amdvi_device *device);
uint64_t amdvi_device_interrupt_table(const struct amdvi_device *device);

/*
 * What of this entry keeps a page fault out of the log (SA, or SE after the first), in words; NULL: nothing. Notes
 * the first. Any thread.
 */
const char *amdvi_device_silencer(struct amdvi_unit *amdvi, const struct amdvi_device *device);
/* The same without noting anything. */
const char *amdvi_device_silencer_peek(struct amdvi_unit *amdvi, const struct amdvi_device *device);

#endif
