/* The MMIO bus: register accesses by physical address, and who watches them. */
#ifndef IOMMUSIM_MMIO_H
#define IOMMUSIM_MMIO_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A register access as software makes it: `width` 1, 2, 4 or 8 bytes, naturally aligned.
 * Returns OK; EINVAL (width, alignment); ENXIO when nothing decodes the address (the read value is
 * then all ones, a write is lost, as on a bus that aborts).
 */
IOMMUSIM_API enum iommusim_status iommusim_mmio_read(
    struct iommusim_machine *machine, uint64_t address, unsigned width, uint64_t *value);
IOMMUSIM_API enum iommusim_status iommusim_mmio_write(
    struct iommusim_machine *machine, uint64_t address, unsigned width, uint64_t value);

/* Registers of the caller's own making. `offset` is relative to the region's base. */
struct iommusim_mmio_region {
	uint64_t base;   /* multiple of 4 KiB */
	uint64_t length; /* multiple of 4 KiB, > 0 */
	void *context;
	uint64_t (*read)(void *context, uint64_t offset, unsigned width);
	void (*write)(void *context, uint64_t offset, unsigned width, uint64_t value);
};

/* Returns OK, EINVAL, EEXIST (overlaps memory or another region), ENOMEM. The region is copied. */
IOMMUSIM_API enum iommusim_status iommusim_mmio_attach(
    struct iommusim_machine *machine, const struct iommusim_mmio_region *region);

/* Returns OK or ENOENT. */
IOMMUSIM_API enum iommusim_status iommusim_mmio_detach(struct iommusim_machine *machine, uint64_t base);

/*
 * The registers that decode `address`: where they begin and how many bytes they are. Reads nothing and takes no
 * time. Returns OK, or ENXIO when nothing decodes the address. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_mmio_find(
    const struct iommusim_machine *machine, uint64_t address, uint64_t *base, uint64_t *length);

/*
 * A bus analyser: told of every register access, before a write acts (`value` is what is written) and
 * after a read has its value. It may look at the machine but must not change it.
 */
struct iommusim_mmio_watcher {
	void *context;
	void (*access)(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value);
};

/* Returns OK or ENOMEM. The watcher is copied; `context` identifies it when it is removed. */
IOMMUSIM_API enum iommusim_status iommusim_mmio_watch(
    struct iommusim_machine *machine, const struct iommusim_mmio_watcher *watcher);
IOMMUSIM_API void iommusim_mmio_unwatch(struct iommusim_machine *machine, const void *context);

/*
 * Hardware that is out of order: what a register read gives instead of `value`, which the register gave.
 * Watchers see what it gives.
 */
struct iommusim_mmio_tamper {
	void *context;
	uint64_t (*read)(void *context, uint64_t address, unsigned width, uint64_t value);
};

/* One at a time; copied. NULL: all is in order again. Control side. */
IOMMUSIM_API void iommusim_mmio_set_tamper(
    struct iommusim_machine *machine, const struct iommusim_mmio_tamper *tamper);

#ifdef __cplusplus
}
#endif

#endif
