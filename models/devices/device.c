/*
 * What all devices have in common: their life, their registers on the bus, and how they make requests,
 * also the wrong way. What they do with them is each kind's own.
 */
#include "models/devices/device.h"

#include <string.h>

#include "machine/interrupt_range.h"

static const struct device_model *const models[IOMMUSIM_DEVICE_KINDS] = {
	[IOMMUSIM_DEVICE_AHCI] = &device_ahci,
	[IOMMUSIM_DEVICE_NVME] = &device_nvme,
	[IOMMUSIM_DEVICE_NIC] = &device_nic,
	[IOMMUSIM_DEVICE_ATS] = &device_engine,
};

const char *iommusim_device_kind_name(enum iommusim_device_kind kind)
{
	static const char *const names[IOMMUSIM_DEVICE_KINDS] = {
		[IOMMUSIM_DEVICE_AHCI] = "ahci",
		[IOMMUSIM_DEVICE_NVME] = "nvme",
		[IOMMUSIM_DEVICE_NIC] = "nic",
		[IOMMUSIM_DEVICE_ATS] = "ats",
	};

	return (unsigned)kind < IOMMUSIM_DEVICE_KINDS ? names[kind] : "unknown";
}

/* ---- registers ----------------------------------------------------------------------------------- */

static uint64_t region_read(void *context, uint64_t offset, unsigned width)
{
	struct iommusim_device *device = context;
	const uint32_t at = (uint32_t)offset & ~UINT32_C(3);
	const uint64_t value = device->model->read(device, at);

	if (width == 8)
		return value | (uint64_t)device->model->read(device, at + 4) << 32;
	return value >> (offset & 3) * 8;
}

/* Registers have 4 bytes: a store of fewer is none. */
static void region_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct iommusim_device *device = context;

	if (width < 4)
		return;
	device->model->write(device, (uint32_t)offset, (uint32_t)value);
	if (width == 8)
		device->model->write(device, (uint32_t)offset + 4, (uint32_t)(value >> 32));
}

/* ---- requests ------------------------------------------------------------------------------------ */

static enum iommusim_status plain_dma(
    void *context, const struct iommusim_device_access *access, struct iommusim_dma_outcome *outcome)
{
	struct iommusim_ats_outcome ats;
	enum iommusim_status status;

	(void)context;
	if (!access->ats)
		return iommusim_dma(access->requester, access->request, outcome, NULL, 0);
	status = iommusim_ats_dma(access->requester, access->request, &ats, NULL, 0);
	if (status == IOMMUSIM_OK)
		iommusim_ats_summary(&ats, outcome);
	return status;
}

/* What the device makes of what came back. */
static enum device_answer answer_of(const struct iommusim_device *device,
    const struct iommusim_dma_request *request, const struct iommusim_dma_outcome *outcome)
{
	switch (outcome->completion) {
	case IOMMUSIM_COMPLETION_SUCCESS:
		return DEVICE_MOVED;
	case IOMMUSIM_COMPLETION_POSTED:
		return outcome->bytes_moved < request->length && device->config.reports_aborts
		    ? DEVICE_ABORTED
		    : DEVICE_MOVED;
	case IOMMUSIM_COMPLETION_NOT_ISSUED:
		return DEVICE_SILENT;
	case IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST:
	case IOMMUSIM_COMPLETION_COMPLETER_ABORT:
		break;
	}
	return DEVICE_ABORTED;
}

enum device_answer device_request(struct iommusim_device *device, enum iommusim_device_purpose purpose,
    const struct iommusim_dma_request *request)
{
	const struct iommusim_device_access access = {
		.requester = device->requesters[device->turn],
		.request = request,
		.purpose = purpose,
		.ats = device->ats_on && purpose == IOMMUSIM_DEVICE_DATA,
	};
	struct iommusim_dma_outcome outcome = { .bytes_moved = 0 };

	device->turn = (device->turn + 1) % device->requester_count;
	device->counters.requests++;
	if (device->config.bus.dma(device->config.bus.context, &access, &outcome) != IOMMUSIM_OK) {
		device->counters.requests_failed++;
		return DEVICE_ABORTED;
	}
	device->counters.requests_failed += outcome.pages_faulted != 0 ||
	    (outcome.bytes_moved < request->length && !outcome.page.interrupt);
	return answer_of(device, request, &outcome);
}

enum device_answer device_dma(struct iommusim_device *device, enum iommusim_device_purpose purpose,
    enum iommusim_dma_kind kind, uint64_t address, void *buffer, uint64_t length)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .data = buffer
	};

	return device_request(device, purpose, &request);
}

enum device_answer device_fetch(
    struct iommusim_device *device, uint64_t address, uint64_t *quads, uint64_t length)
{
	memset(quads, 0, (length + 7) / 8 * 8);
	return device_dma(device, IOMMUSIM_DEVICE_FETCH, IOMMUSIM_DMA_READ, address, quads, length);
}

/* One chunk at most. What a blocked read left in the buffer does not become data. */
static enum device_answer move_chunk(
    struct iommusim_device *device, bool to_memory, uint64_t address, uint64_t offset, uint64_t length)
{
	enum device_answer answer;

	if (to_memory) {
		store_read(&device->store, offset, device->chunk, (size_t)length);
		return device_dma(
		    device, IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_WRITE, address, device->chunk, length);
	}
	answer =
	    device_dma(device, IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_READ, address, device->chunk, length);
	if (answer == DEVICE_MOVED &&
	    !store_write(&device->store, offset, device->chunk, (size_t)length))
		return DEVICE_ABORTED;
	return answer;
}

enum device_answer device_move(
    struct iommusim_device *device, bool to_memory, uint64_t address, uint64_t offset, uint64_t length)
{
	while (length > 0) {
		const uint64_t part = length < CHUNK ? length : CHUNK;
		const enum device_answer answer = move_chunk(device, to_memory, address, offset, part);

		if (answer != DEVICE_MOVED)
			return answer;
		address += part;
		offset += part;
		length -= part;
	}
	return DEVICE_MOVED;
}

void device_interrupt(struct iommusim_device *device)
{
	struct iommusim_fault fault;

	if (device->message_address == 0)
		return;
	if (iommusim_requester_interrupt(device->requesters[0], device->message_address,
		device->message_data, NULL, &fault) == IOMMUSIM_OK &&
	    fault.class_ == IOMMUSIM_FAULT_NONE)
		device->counters.interrupts++;
	else
		device->counters.interrupts_failed++;
}

void device_done(struct iommusim_device *device, bool failed)
{
	uint32_t data = device->config.forged_data;

	device->counters.commands++;
	device->counters.commands_failed += failed;
	if (device->config.forged_address != 0)
		device_dma(device, IOMMUSIM_DEVICE_FORGED, IOMMUSIM_DMA_WRITE,
		    device->config.forged_address, &data, sizeof(data));
}

/* ---- doorbells, resets -------------------------------------------------------------------------- */

static void work(struct iommusim_device *device)
{
	if (device->working)
		return;
	device->working = true;
	device->model->work(device);
	device->working = false;
}

void device_doorbell(struct iommusim_device *device)
{
	if (!device->held)
		work(device);
}

void iommusim_device_hold(struct iommusim_device *device, bool held)
{
	device->held = held;
}

uint64_t iommusim_device_run(struct iommusim_device *device)
{
	const uint64_t before = device->counters.requests;

	work(device);
	return device->counters.requests - before;
}

/* It may send again what it could not before. */
static void command_written(void *context, uint16_t command)
{
	if ((command & IOMMUSIM_PCI_COMMAND_BUS_MASTER) != 0)
		device_doorbell(context);
}

static void was_reset(void *context)
{
	struct iommusim_device *device = context;

	if (device->config.dma_after_reset)
		return;
	device->counters.resets++;
	device->message_address = 0;
	if (device->ats_on)
		iommusim_device_set_ats(device, false);
	device->model->reset(device);
}

/* ---- its life ----------------------------------------------------------------------------------- */

static void dissolve(struct iommusim_device *device)
{
	struct iommusim_machine *machine = device->machine;

	if (device->attached)
		iommusim_mmio_detach(machine, device->config.base);
	for (unsigned i = 0; i < device->requester_count; i++)
		iommusim_requester_destroy(device->requesters[i]);
	store_fini(&device->store);
	machine_free(machine, device->chunk, CHUNK);
	machine_free(machine, device, device->model->size);
}

static void is_gone(void *context)
{
	dissolve(context);
}

void iommusim_device_destroy(struct iommusim_device *device)
{
	if (device == NULL)
		return;
	iommusim_pci_set_behaviour(device->machine, device->config.segment, device->config.rid, NULL);
	dissolve(device);
}

static enum iommusim_status check_config(
    struct iommusim_machine *machine, const struct iommusim_device_config *config)
{
	if ((unsigned)config->kind >= IOMMUSIM_DEVICE_KINDS)
		return machine_fail(machine, IOMMUSIM_EINVAL, "there is no such kind of device");
	if (config->phantom_bits > 3)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "%u bits of phantom functions: a function number has 3", config->phantom_bits);
	if (config->capacity % IOMMUSIM_SECTOR != 0)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "a capacity of 0x%llx bytes is no number of sectors",
		    (unsigned long long)config->capacity);
	if (config->forged_address != 0 &&
	    (!is_interrupt_address(config->forged_address) || (config->forged_address & 3) != 0))
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "0x%llx is no address of a message: a multiple of 4 in FEEx_xxxx",
		    (unsigned long long)config->forged_address);
	return IOMMUSIM_OK;
}

/* The ids its requests carry: one, or those of phantom functions. */
static enum iommusim_status make_requesters(struct iommusim_device *device)
{
	const struct iommusim_device_config *config = &device->config;
	const uint16_t own = iommusim_pci_requester_id(device->machine, config->segment, config->rid);
	const uint16_t rid = config->has_wrong_rid ? config->wrong_rid : own;
	const unsigned count = 1u << config->phantom_bits;

	for (unsigned i = 0; i < count; i++) {
		const uint16_t phantom = (uint16_t)(rid ^ i << (3 - config->phantom_bits));
		const enum iommusim_status status = iommusim_requester_create(
		    device->machine, config->segment, phantom, &device->requesters[i]);

		if (status != IOMMUSIM_OK)
			return status;
		device->requester_count++;
		iommusim_requester_set_function(device->requesters[i], config->rid);
	}
	return IOMMUSIM_OK;
}

static enum iommusim_status attach(struct iommusim_device *device)
{
	const struct iommusim_device_config *config = &device->config;
	const struct iommusim_mmio_region region = {
		.base = config->base,
		.length = device->model->register_size,
		.context = device,
		.read = region_read,
		.write = region_write,
	};
	const struct iommusim_pci_behaviour behaviour = {
		.context = device, .command = command_written, .reset = was_reset, .gone = is_gone
	};
	enum iommusim_status status = make_requesters(device);

	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_mmio_attach(device->machine, &region);
	if (status != IOMMUSIM_OK)
		return status;
	device->attached = true;
	return iommusim_pci_set_behaviour(device->machine, config->segment, config->rid, &behaviour);
}

/* Zeroed but for its settings. NULL: no memory. */
static struct iommusim_device *allocate(
    struct iommusim_machine *machine, const struct iommusim_device_config *config)
{
	const struct device_model *model = models[config->kind];
	struct iommusim_device *device = machine_alloc_zeroed(machine, model->size);

	if (device == NULL)
		return NULL;
	device->chunk = machine_alloc(machine, CHUNK);
	if (device->chunk == NULL) {
		machine_free(machine, device, model->size);
		return NULL;
	}
	device->machine = machine;
	device->model = model;
	device->config = *config;
	if (device->config.bus.dma == NULL)
		device->config.bus.dma = plain_dma;
	if (device->config.capacity == 0)
		device->config.capacity = UINT64_C(1) << 40;
	if (config->kind == IOMMUSIM_DEVICE_NIC)
		device->config.capacity = 0;
	if (config->kind == IOMMUSIM_DEVICE_NVME)
		device->config.reports_aborts = !config->conceals_aborts;
	store_init(&device->store, machine, device->config.capacity, config->seed);
	return device;
}

enum iommusim_status iommusim_device_create(struct iommusim_machine *machine,
    const struct iommusim_device_config *config, struct iommusim_device **out)
{
	struct iommusim_device *device;
	enum iommusim_status status = check_config(machine, config);

	*out = NULL;
	if (status != IOMMUSIM_OK)
		return status;
	device = allocate(machine, config);
	if (device == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a device");
	status = attach(device);
	if (status != IOMMUSIM_OK) {
		dissolve(device);
		return status;
	}
	device->model->reset(device);
	*out = device;
	return IOMMUSIM_OK;
}

/* ---- what can be asked of it -------------------------------------------------------------------- */

struct iommusim_device *iommusim_device_at(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	return iommusim_pci_behaviour_context(machine, segment, rid, was_reset);
}

const struct iommusim_device_config *iommusim_device_config(const struct iommusim_device *device)
{
	return &device->config;
}

struct iommusim_machine *iommusim_device_machine(const struct iommusim_device *device)
{
	return device->machine;
}

struct iommusim_requester *iommusim_device_requester(const struct iommusim_device *device)
{
	return device->requesters[0];
}

void iommusim_device_counters(
    const struct iommusim_device *device, struct iommusim_device_counters *counters)
{
	*counters = device->counters;
}

enum iommusim_status iommusim_device_set_message(
    struct iommusim_device *device, uint64_t address, uint32_t data)
{
	if (address != 0 && (!is_interrupt_address(address) || (address & 3) != 0))
		return machine_fail(device->machine, IOMMUSIM_EINVAL,
		    "0x%llx is no address of a message: a multiple of 4 in FEEx_xxxx",
		    (unsigned long long)address);
	device->message_address = address;
	device->message_data = data;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_device_set_ats(struct iommusim_device *device, bool on)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (device->config.kind != IOMMUSIM_DEVICE_ATS || device->config.ats.entries == 0)
		return machine_fail(device->machine, IOMMUSIM_EINVAL, "the device has no ATS");
	for (unsigned i = 0; i < device->requester_count && status == IOMMUSIM_OK; i++)
		if (on)
			status = iommusim_ats_enable(device->requesters[i], &device->config.ats);
		else
			iommusim_ats_disable(device->requesters[i]);
	device->ats_on = on && status == IOMMUSIM_OK;
	return status;
}

/* ---- what it holds ------------------------------------------------------------------------------- */

static enum iommusim_status check_range(
    const struct iommusim_device *device, uint64_t offset, size_t length)
{
	return store_has(&device->store, offset, length)
	    ? IOMMUSIM_OK
	    : machine_fail(device->machine, IOMMUSIM_EINVAL,
		  "0x%zx bytes at 0x%llx lie beyond the end of the device's memory", length,
		  (unsigned long long)offset);
}

enum iommusim_status iommusim_device_read(
    struct iommusim_device *device, uint64_t offset, void *buffer, size_t length)
{
	const enum iommusim_status status = check_range(device, offset, length);

	if (status == IOMMUSIM_OK)
		store_read(&device->store, offset, buffer, length);
	return status;
}

enum iommusim_status iommusim_device_write(
    struct iommusim_device *device, uint64_t offset, const void *buffer, size_t length)
{
	const enum iommusim_status status = check_range(device, offset, length);

	if (status == IOMMUSIM_OK && !store_write(&device->store, offset, buffer, length))
		return machine_fail(
		    device->machine, IOMMUSIM_ENOMEM, "no memory for what a device holds");
	return status;
}
