/*
 * Drivers of the devices of device.h, as small as they get: they put commands into memory, ring a doorbell
 * and look at what the device says. They know nothing of IOMMUs: an address is whatever the device sees, and
 * what they are told is all they know. One request at a time is waited for; no interrupt is.
 */
#ifndef IOMMUSIM_DEVICE_DRIVER_H
#define IOMMUSIM_DEVICE_DRIVER_H

#include <iommusim/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_device_driver;

/* Bytes of memory a driver has for its queues, rings and tables. */
#define IOMMUSIM_DRIVER_MEMORY UINT64_C(0x8000)

struct iommusim_driver_memory {
	uint64_t bus; /* where it begins, as the device sees it: a multiple of 4 KiB */
	void *context;
	/* The physical address of the page at `bus`, false where there is none. NULL: it is the same. */
	bool (*physical)(void *context, uint64_t bus, uint64_t *physical);
};

/*
 * Take a device over: reset it by its registers, and give it what it needs. Returns OK; EINVAL (`bus`); ENXIO
 * (no memory there); EIO (the device does not get ready); ENOMEM. Destroy it before the device. Control side,
 * like all functions here.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_driver_create(struct iommusim_device *device,
    const struct iommusim_driver_memory *memory, struct iommusim_device_driver **driver);
IOMMUSIM_API void iommusim_device_driver_destroy(struct iommusim_device_driver *driver);

/* A piece of a buffer, as the device sees it. */
struct iommusim_driver_piece {
	uint64_t address;
	uint64_t length;
};

/* A command of a disk moves no more; what is longer becomes several. */
#define IOMMUSIM_DRIVER_TRANSFER UINT64_C(0x80000)
/* Commands that may be under way at once. */
#define IOMMUSIM_DRIVER_DEPTH 4u

struct iommusim_disk_request {
	bool write;      /* memory to disk */
	bool no_wait;    /* only ask: what comes of it, nobody looks at before iommusim_driver_poll() */
	uint64_t sector; /* the first */
	const struct iommusim_driver_piece *pieces; /* addresses multiples of 4, lengths of 512 */
	size_t piece_count;
};

/*
 * Read or write sectors. `*told` is how many bytes the disk says it moved. Returns OK: it reports success;
 * EIO: it reports a failure; ETIMEDOUT: it reports nothing, and is reset before the next request; EBUSY: all
 * commands are under way; EINVAL: not a disk, or a request that cannot be (with `no_wait`, one of more than a
 * command).
 */
IOMMUSIM_API enum iommusim_status iommusim_driver_disk(
    struct iommusim_device_driver *driver, const struct iommusim_disk_request *request, uint64_t *told);

/* Take note of what has been done meanwhile. Commands that are still under way. */
IOMMUSIM_API unsigned iommusim_driver_poll(struct iommusim_device_driver *driver);

/* Give a network card a buffer of 2048 bytes for a frame. OK; EBUSY: the ring is full; EINVAL: not a NIC. */
IOMMUSIM_API enum iommusim_status iommusim_driver_post(
    struct iommusim_device_driver *driver, uint64_t address);

/* Has a frame come? OK, its bytes in `*told` and the buffer it should be in; ENOENT: none that is known of. */
IOMMUSIM_API enum iommusim_status iommusim_driver_received(
    struct iommusim_device_driver *driver, uint64_t *address, uint64_t *told);

/*
 * Send a frame. OK: the card is through with it, `*told` bytes; ETIMEDOUT: it has not taken it, and is reset
 * before the next; EINVAL: not a NIC, or no frame it can send.
 */
IOMMUSIM_API enum iommusim_status iommusim_driver_send(struct iommusim_device_driver *driver,
    const struct iommusim_driver_piece *pieces, size_t piece_count, uint64_t *told);

struct iommusim_copy_request {
	bool write; /* from the device's memory to the machine's */
	bool has_pasid;
	uint32_t pasid;
	uint64_t address; /* as the device sees it */
	uint64_t offset;  /* in the device's memory */
	uint32_t length;
};

/* Let an ATS device copy. OK, EIO: it reports a failure; ETIMEDOUT; EINVAL: not such a device. */
IOMMUSIM_API enum iommusim_status iommusim_driver_copy(
    struct iommusim_device_driver *driver, const struct iommusim_copy_request *request, uint64_t *told);

#ifdef __cplusplus
}
#endif

#endif
