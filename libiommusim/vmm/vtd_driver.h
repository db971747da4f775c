/*
 * The built-in VT-d backend: a driver like any other. It finds units in the DMAR table, programs them
 * through the MMIO bus, and keeps its tables in physical memory. Private to libiommusim/vmm.
 */
#ifndef IOMMUSIM_VMM_VTD_DRIVER_H
#define IOMMUSIM_VMM_VTD_DRIVER_H

#include <iommusim/dmar.h>

#include "models/vtd/spec/vtd.h"
#include "vmm/driver.h"

#define VTD_BUSES 256u

/* One remapping unit as the driver knows it: the table's words and what the registers say. */
struct vtd_driver_unit {
	const struct iommusim_dmar_structure *drhd;
	uint64_t base;
	uint64_t capability;
	uint64_t ext_capability;
	uint64_t version;
	uint64_t queue; /* physical address of its invalidation queue; 0: it is off, registers do */
	uint64_t tail;  /* byte offset of the next descriptor */
};

/* A device that was added, where devices are told what to drop (policy device_tlb). */
struct vtd_driver_device {
	uint16_t segment;
	uint16_t rid;
	uint32_t id; /* of its domain */
	size_t unit;
};

struct vtd_driver {
	struct driver common; /* first */
	struct iommusim_dmar *dmar;
	struct vtd_driver_unit *units;
	size_t unit_count;
	bool buffers;                 /* some unit has write buffers (CAP.RWBF) */
	bool told;                    /* by the loader where they are, without a table */
	uint64_t root;                /* physical address of the root table; 0: none yet */
	uint64_t contexts[VTD_BUSES]; /* and of the context table of each bus */
	uint64_t completion;          /* of the word that queued waits store to; 0: none yet */
	uint8_t widths;               /* SAGAW bits every unit has */
	struct vtd_driver_device *devices;
	size_t device_count;
	size_t device_capacity;
};

/* vtd_driver_dmar.c: finding units, and the unit of a device */
enum iommusim_status vtd_driver_find_units(struct vtd_driver *driver);
void vtd_driver_forget_units(struct vtd_driver *driver);
const struct vtd_driver_unit *vtd_driver_unit_for(
    const struct vtd_driver *driver, uint16_t segment, uint16_t rid);

/* vtd_driver_hw.c: programming them */
enum iommusim_status vtd_driver_enable_unit(struct vtd_driver *driver, struct vtd_driver_unit *unit);
void vtd_driver_disable_unit(struct vtd_driver *driver, struct vtd_driver_unit *unit);
/* A command of GCMD, as the profile writes them; until the bits of GSTS show it. */
enum iommusim_status vtd_driver_command(
    struct vtd_driver *driver, const struct vtd_driver_unit *unit, uint64_t bit, uint64_t shown);
/* Stores to tables that no invalidation follows, on units that do not see them at once (CAP.RWBF). */
enum iommusim_status vtd_driver_flush_stores(struct vtd_driver *driver);
/* Contexts and translations, unit by unit. */
enum iommusim_status vtd_driver_flush_all(struct vtd_driver *driver);
enum iommusim_status vtd_driver_flush_iotlb(struct vtd_driver *driver);
/* 2^order pages of a domain around `gpa`; 64: all of it. */
enum iommusim_status vtd_driver_flush_pages(
    struct vtd_driver *driver, uint32_t id, uint64_t gpa, unsigned order);
/* Has somebody else turned translation on, or queued invalidation, beside which registers do not invalidate? */
bool vtd_driver_is_taken(const struct vtd_driver *driver, const struct vtd_driver_unit *unit);

/* vtd_driver_queue.c: invalidating by the queue, and device-TLBs */
/* Turn the queue on where registers do not invalidate, if the profile's driver knows that. */
enum iommusim_status vtd_driver_queue_if_needed(
    struct vtd_driver *driver, struct vtd_driver_unit *unit);
/* The unit has turned its queue off. */
void vtd_driver_queue_is_off(struct vtd_driver *driver, struct vtd_driver_unit *unit);
enum iommusim_status vtd_driver_queue_contexts(struct vtd_driver *driver, struct vtd_driver_unit *unit);
enum iommusim_status vtd_driver_queue_iotlb(struct vtd_driver *driver, struct vtd_driver_unit *unit,
    unsigned granularity, uint32_t id, uint64_t gpa, unsigned order);
/* Room for another device; false: no memory. */
bool vtd_driver_device_room(struct vtd_driver *driver);
void vtd_driver_device_added(struct vtd_driver *driver, const struct vtd_driver_device *device);
/* It has left, and is told to drop all that it keeps. */
enum iommusim_status vtd_driver_device_removed(
    struct vtd_driver *driver, uint16_t segment, uint16_t rid);
/* The devices of a domain drop 2^order pages around `gpa`; 64: all. After the units' own invalidation. */
enum iommusim_status vtd_driver_flush_devices(
    struct vtd_driver *driver, uint32_t id, uint64_t gpa, unsigned order);

static inline uint64_t vtd_driver_read(const struct vtd_driver *driver,
    const struct vtd_driver_unit *unit, uint64_t offset, unsigned width)
{
	return driver_read(&driver->common, unit->base + offset, width);
}

#endif
