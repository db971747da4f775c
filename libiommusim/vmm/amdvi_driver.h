/*
 * The built-in AMD-Vi backend: a driver like any other. It finds units in the IVRS table, programs them through
 * the MMIO bus and their command buffers, and keeps its tables in physical memory. Private to libiommusim/vmm.
 */
#ifndef IOMMUSIM_VMM_AMDVI_DRIVER_H
#define IOMMUSIM_VMM_AMDVI_DRIVER_H

#include <iommusim/ivrs.h>

#include "models/amdvi/spec/amdvi.h"
#include "vmm/driver.h"

#define AMDVI_RING_BYTES   UINT64_C(4096) /* 256 commands, or events */
#define AMDVI_RING_CODE    8u             /* 2^8 of them */
#define AMDVI_QUADS        4u             /* of a device table entry */
#define AMDVI_DEVICE_BYTES UINT64_C(32)   /* the same */
#define AMDVI_DEVICES      65536u
#define AMDVI_DEVICE_PAGES 512u /* a table of all of them */

/* One unit as the driver knows it. */
struct amdvi_driver_unit {
	const struct iommusim_ivrs_block *block;
	uint64_t base;
	uint64_t features; /* EFR */
	uint64_t commands; /* physical address of the command buffer */
	uint64_t events;   /* and of the event log */
	uint64_t tail;     /* byte offset of the next command */
	bool enabled;
};

struct amdvi_driver {
	struct driver common; /* first */
	struct iommusim_ivrs *ivrs;
	struct amdvi_driver_unit *units;
	size_t unit_count;
	/*
	 * Physical address of the device table, one for all units; 0: none yet. The completion word and the
	 * rings of so many units lie behind it.
	 */
	uint64_t devices;
	size_t units_with_rings;
	uint64_t completion; /* of the word that COMPLETION_WAIT stores to */
	uint64_t waits;      /* how many there were: each stores another number */
	uint32_t next_id;    /* for the next domain, where ids are counted */
	uint8_t levels;      /* host levels every unit has */
};

/* amdvi_driver_ivrs.c: finding units, and the unit of a device */
enum iommusim_status amdvi_driver_find_units(struct amdvi_driver *driver);
void amdvi_driver_forget_units(struct amdvi_driver *driver);
struct amdvi_driver_unit *amdvi_driver_unit_for(
    struct amdvi_driver *driver, uint16_t segment, uint16_t rid);
/* The device id that a function's requests carry, and its table entry goes by. */
uint16_t amdvi_driver_device_id(
    const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit, uint16_t rid);

/* amdvi_driver_firmware.c: what firmware asks for single devices, if the profile's driver heeds it */
/* Put the setting that a function has into its device table entry. */
void amdvi_driver_apply_setting(const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit,
    uint16_t rid, uint64_t *entry);
/* Map the memory that a function (its requests carry `id`) must reach into a domain, if that is the host's. */
enum iommusim_status amdvi_driver_map_memory(struct amdvi_driver *driver, struct driver_domain *domain,
    uint16_t segment, uint16_t rid, uint16_t id);

/* amdvi_driver_hw.c: programming them */
/* Tell a unit where its tables and rings are. It stays off. */
void amdvi_driver_set_up_unit(struct amdvi_driver *driver, struct amdvi_driver_unit *unit);
enum iommusim_status amdvi_driver_enable_unit(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit);
void amdvi_driver_disable_unit(struct amdvi_driver *driver, struct amdvi_driver_unit *unit);
/* All that it keeps, of whatever domain or device. */
enum iommusim_status amdvi_driver_flush_unit(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit);
/* A device table entry has changed. */
enum iommusim_status amdvi_driver_flush_device(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, uint16_t rid);
/* All of a domain's translations, on every unit. */
enum iommusim_status amdvi_driver_flush_domain(struct amdvi_driver *driver, uint32_t id);
/* 2^order pages of a domain around `gpa`, likewise; fewer than 2^52. With `tables`: the entries above them, too. */
enum iommusim_status amdvi_driver_flush_pages(
    struct amdvi_driver *driver, uint32_t id, uint64_t gpa, unsigned order, bool tables);

#endif
