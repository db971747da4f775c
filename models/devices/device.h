/* What all devices are made of, and what each kind brings along. Private to models/devices. */
#ifndef IOMMUSIM_DEVICES_DEVICE_H
#define IOMMUSIM_DEVICES_DEVICE_H

#include <iommusim/device.h>

#include "machine/state.h"
#include "models/devices/store.h"

#define PHANTOMS 8u     /* function numbers of a device */
#define CHUNK    65536u /* bytes of one request for data at most */

/* What a kind of device does. `device` begins with a struct iommusim_device. */
struct device_model {
	enum iommusim_device_kind kind;
	size_t size;            /* of the whole device */
	uint64_t register_size; /* bytes of BAR 0 */
	/* A register of 4 bytes, or of 8 that are read and written as halves. */
	uint32_t (*read)(struct iommusim_device *device, uint32_t offset);
	void (*write)(struct iommusim_device *device, uint32_t offset, uint32_t value);
	/* Do what there is to do. */
	void (*work)(struct iommusim_device *device);
	/* All registers, and what it knows of its work, as at power on. */
	void (*reset)(struct iommusim_device *device);
};

struct iommusim_device {
	struct iommusim_machine *machine;
	const struct device_model *model;
	struct iommusim_device_config config;
	struct iommusim_requester *requesters[PHANTOMS]; /* used in turn */
	unsigned requester_count;
	unsigned turn;
	bool attached; /* its registers are on the bus */
	bool held;
	bool ats_on;
	bool working; /* a doorbell of the device's own doing does not start it again */
	uint64_t message_address;
	uint32_t message_data;
	struct store store;
	uint8_t *chunk; /* CHUNK bytes on their way */
	struct iommusim_device_counters counters;
};

extern const struct device_model device_ahci, device_nvme, device_nic, device_engine;

/* What a device can tell of one request. */
enum device_answer {
	DEVICE_MOVED,   /* for all it knows: a posted write that was blocked looks like that, too */
	DEVICE_ABORTED, /* it was told that it failed */
	DEVICE_SILENT   /* its function is no bus master: nothing was sent, and the work has to wait */
};

/* Make one request. Its ids take turns. */
enum device_answer device_request(struct iommusim_device *device, enum iommusim_device_purpose purpose,
    const struct iommusim_dma_request *request);

/* The same of `length` bytes; `buffer` has what is written, or gets what is read. */
enum device_answer device_dma(struct iommusim_device *device, enum iommusim_device_purpose purpose,
    enum iommusim_dma_kind kind, uint64_t address, void *buffer, uint64_t length);

/* Read an entry of `length` bytes into as many whole quadwords, the rest 0. */
enum device_answer device_fetch(
    struct iommusim_device *device, uint64_t address, uint64_t *quads, uint64_t length);

/* Move between memory and the device's own, `to_memory` or from it, as many requests as it takes. */
enum device_answer device_move(
    struct iommusim_device *device, bool to_memory, uint64_t address, uint64_t offset, uint64_t length);

/* Send the message interrupt, if there is one. */
void device_interrupt(struct iommusim_device *device);

/* One piece of work is done: count it, and misbehave as the device is told to. */
void device_done(struct iommusim_device *device, bool failed);

/* A doorbell rang: work, unless it is held or at work. */
void device_doorbell(struct iommusim_device *device);

/* One half of a register of 64 bits. */
static inline uint64_t with_half(uint64_t value, bool upper, uint32_t half)
{
	return upper ? (value & UINT32_MAX) | (uint64_t)half << 32
		     : (value & ~(uint64_t)UINT32_MAX) | half;
}

static inline uint64_t joined(uint32_t upper, uint32_t lower)
{
	return (uint64_t)upper << 32 | lower;
}

#endif
