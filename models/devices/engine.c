/*
 * The ATS device: copies between its own memory and the machine's. With ATS on, its requests go by the
 * device-TLB of its requester (ats.h).
 */
#include "models/devices/device.h"
#include "models/devices/spec/devices.h"

#include <string.h>

enum { GO_READ = 1, GO_WRITE = 2 };

struct engine {
	struct iommusim_device device; /* first */
	uint64_t address, offset;
	uint32_t length, pasid, go, moved;
	bool error;
};

static struct engine *engine_of(struct iommusim_device *device)
{
	return (struct engine *)device;
}

static uint32_t read_register(struct iommusim_device *device, uint32_t offset)
{
	const struct engine *engine = engine_of(device);

	switch (offset) {
	case engine_ADDRESS_at:
		return (uint32_t)engine->address;
	case engine_ADDRESS_at + 4:
		return (uint32_t)(engine->address >> 32);
	case engine_OFFSET_at:
		return (uint32_t)engine->offset;
	case engine_OFFSET_at + 4:
		return (uint32_t)(engine->offset >> 32);
	case engine_LENGTH_at:
		return engine->length;
	case engine_PASID_at:
		return engine->pasid;
	case engine_STATUS_at:
		return (uint32_t)(engine_STATUS_BUSY_bits(engine->go != 0) |
		    engine_STATUS_ERROR_bits(engine->error));
	case engine_MOVED_at:
		return engine->moved;
	default:
		return 0;
	}
}

static void reset(struct iommusim_device *device)
{
	struct engine *engine = engine_of(device);

	memset((uint8_t *)engine + sizeof(engine->device), 0, sizeof(*engine) - sizeof(engine->device));
}

/* What it is told while it is busy does not count. */
static void write_register(struct iommusim_device *device, uint32_t offset, uint32_t value)
{
	struct engine *engine = engine_of(device);

	if (engine->go != 0)
		return;
	switch (offset) {
	case engine_ADDRESS_at:
	case engine_ADDRESS_at + 4:
		engine->address = with_half(engine->address, offset != engine_ADDRESS_at, value);
		break;
	case engine_OFFSET_at:
	case engine_OFFSET_at + 4:
		engine->offset = with_half(engine->offset, offset != engine_OFFSET_at, value);
		break;
	case engine_LENGTH_at:
		engine->length = value;
		break;
	case engine_PASID_at:
		engine->pasid = value;
		break;
	case engine_COMMAND_at:
		engine->go = (uint32_t)engine_COMMAND_GO(value);
		engine->error = false;
		engine->moved = 0;
		device_doorbell(device);
		break;
	default:
		break;
	}
}

/* The next chunk. What a blocked read left in the buffer does not become data. */
static enum device_answer copy(struct engine *engine, uint64_t length)
{
	struct iommusim_device *device = &engine->device;
	const uint64_t offset = engine->offset + engine->moved;
	const bool writes = engine->go == GO_WRITE;
	const struct iommusim_dma_request request = {
		.address = engine->address + engine->moved,
		.length = length,
		.kind = writes ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		.has_pasid = engine_PASID_V(engine->pasid) != 0,
		.pasid = (uint32_t)engine_PASID_PASID(engine->pasid),
		.data = device->chunk,
	};
	enum device_answer answer;

	if (writes)
		store_read(&device->store, offset, device->chunk, (size_t)length);
	answer = device_request(device, IOMMUSIM_DEVICE_DATA, &request);
	if (answer == DEVICE_MOVED && !writes &&
	    !store_write(&device->store, offset, device->chunk, (size_t)length))
		return DEVICE_ABORTED;
	return answer;
}

static void run(struct iommusim_device *device)
{
	struct engine *engine = engine_of(device);
	enum device_answer answer = DEVICE_MOVED;

	if (engine->go == 0)
		return;
	if ((engine->go != GO_READ && engine->go != GO_WRITE) ||
	    !store_has(&device->store, engine->offset, engine->length))
		answer = DEVICE_ABORTED;
	while (engine->moved < engine->length && answer == DEVICE_MOVED) {
		const uint32_t left = engine->length - engine->moved;
		const uint32_t part = left < CHUNK ? left : CHUNK;

		answer = copy(engine, part);
		if (answer == DEVICE_MOVED)
			engine->moved += part;
	}
	if (answer == DEVICE_SILENT)
		return;
	engine->go = 0;
	engine->error = answer == DEVICE_ABORTED;
	device_done(device, engine->error);
	device_interrupt(device);
}

const struct device_model device_engine = {
	.kind = IOMMUSIM_DEVICE_ATS,
	.size = sizeof(struct engine),
	.register_size = 0x1000,
	.read = read_register,
	.write = write_register,
	.work = run,
	.reset = reset,
};
