/* What the drivers of all kinds of devices share. Private to libiommusim/drivers. */
#ifndef IOMMUSIM_DRIVERS_DRIVER_H
#define IOMMUSIM_DRIVERS_DRIVER_H

#include <iommusim/device_driver.h>

#include "machine/state.h"

#define DRIVER_PAGES (IOMMUSIM_DRIVER_MEMORY / IOMMUSIM_PAGE_SIZE)

/* A command of a disk. */
struct driver_command {
	bool write;
	uint64_t sector;
	uint64_t length;
	const struct iommusim_driver_piece *pieces;
	size_t piece_count;
};

enum driver_result { DRIVER_PENDING, DRIVER_DONE, DRIVER_FAILED };

struct driver_slot {
	bool busy;
	enum driver_result result; /* while it is not busy: how it ended */
	uint64_t length;
	uint64_t told;
};

/* What a kind of driver does. */
struct driver_model {
	/* Reset the device and set it up. False: it does not get ready. */
	bool (*start)(struct iommusim_device_driver *driver);
	/* Disks: put a command into a slot and ring the doorbell. */
	void (*submit)(
	    struct iommusim_device_driver *driver, unsigned slot, const struct driver_command *command);
	/* Disks: see which commands have ended. */
	void (*reap)(struct iommusim_device_driver *driver);
};

struct iommusim_device_driver {
	struct iommusim_device *device;
	struct iommusim_machine *machine;
	const struct driver_model *model;
	uint64_t base;                   /* of the device's registers */
	uint64_t bus;                    /* of the driver's memory */
	uint64_t physical[DRIVER_PAGES]; /* its pages */
	bool broken;                     /* the device is reset before the next request */
	struct driver_slot slots[IOMMUSIM_DRIVER_DEPTH];
	/* NVMe: the I/O queue pair. NIC: the rings. */
	uint32_t tail, head, posted, taken;
	bool phase;
};

extern const struct driver_model driver_ahci, driver_nvme, driver_nic, driver_engine;

uint32_t driver_read32(struct iommusim_device_driver *driver, uint64_t offset);
void driver_write32(struct iommusim_device_driver *driver, uint64_t offset, uint64_t value);
void driver_write64(struct iommusim_device_driver *driver, uint64_t offset, uint64_t value);

/* The driver's own memory, by page and offset within it: as software sees it, and as the device does. */
void driver_put(struct iommusim_device_driver *driver, unsigned page, uint64_t offset,
    const void *bytes, size_t length);
void driver_get(
    struct iommusim_device_driver *driver, unsigned page, uint64_t offset, void *bytes, size_t length);
uint64_t driver_bus(const struct iommusim_device_driver *driver, unsigned page);

/* Zero all of it. */
void driver_clear(struct iommusim_device_driver *driver);

/* The command in `slot` has ended. */
void driver_finish(
    struct iommusim_device_driver *driver, unsigned slot, enum driver_result result, uint64_t told);

/* Reset the device if it has to be. False: it does not get ready. */
bool driver_mend(struct iommusim_device_driver *driver);

#endif
