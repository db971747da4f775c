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
};

struct vtd_driver {
	struct driver common; /* first */
	struct iommusim_dmar *dmar;
	struct vtd_driver_unit *units;
	size_t unit_count;
	bool told;                    /* by the loader where they are, without a table */
	uint64_t root;                /* physical address of the root table; 0: none yet */
	uint64_t contexts[VTD_BUSES]; /* and of the context table of each bus */
	uint8_t widths;               /* SAGAW bits every unit has */
};

/* vtd_driver_dmar.c: finding units, and the unit of a device */
enum iommusim_status vtd_driver_find_units(struct vtd_driver *driver);
void vtd_driver_forget_units(struct vtd_driver *driver);
const struct vtd_driver_unit *vtd_driver_unit_for(
    const struct vtd_driver *driver, uint16_t segment, uint16_t rid);

/* vtd_driver_hw.c: programming them */
enum iommusim_status vtd_driver_enable_unit(
    struct vtd_driver *driver, const struct vtd_driver_unit *unit);
void vtd_driver_disable_unit(struct vtd_driver *driver, const struct vtd_driver_unit *unit);
/* Contexts and translations, unit by unit. */
enum iommusim_status vtd_driver_flush_all(struct vtd_driver *driver);
enum iommusim_status vtd_driver_flush_iotlb(struct vtd_driver *driver);
/* 2^order pages of a domain around `gpa`; 64: all of it. */
enum iommusim_status vtd_driver_flush_pages(
    struct vtd_driver *driver, uint32_t id, uint64_t gpa, unsigned order);
/* Has somebody else turned translation on, or queued invalidation, beside which registers do not invalidate? */
bool vtd_driver_is_taken(const struct vtd_driver *driver, const struct vtd_driver_unit *unit);
static inline uint64_t vtd_driver_read(const struct vtd_driver *driver,
    const struct vtd_driver_unit *unit, uint64_t offset, unsigned width)
{
	return driver_read(&driver->common, unit->base + offset, width);
}

#endif
