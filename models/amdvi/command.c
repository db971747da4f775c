/*
 * The command buffer: fetching commands, carrying them out, and stopping on a bad one (AMD-Vi 2.4). What an
 * invalidation takes out of a cache stands in invalidate.c.
 */
#include "models/amdvi/command.h"

#include "machine/memory_access.h"
#include "models/amdvi/event.h"
#include "models/amdvi/invalidate.h"
#include "models/amdvi/performance.h"
#include "models/amdvi/ring.h"
#include "models/amdvi/status.h"
#include "models/amdvi/translate.h"
#include "machine/sized_range.h"

#define COMMAND_BYTES 16u

enum opcode {
	COMPLETION_WAIT = 1,
	INVALIDATE_DEVTAB_ENTRY = 2,
	INVALIDATE_IOMMU_PAGES = 3,
	INVALIDATE_IOTLB_PAGES = 4,
	INVALIDATE_INTERRUPT_TABLE = 5,
	PREFETCH_IOMMU_PAGES = 6,
	COMPLETE_PPR_REQUEST = 7,
	INVALIDATE_IOMMU_ALL = 8,
	INSERT_GUEST_EVENT = 9,
	RESET_VMMIO = 10
};

/* How a command ended. */
enum ending {
	DONE,
	ILLEGAL, /* ILLEGAL_COMMAND_ERROR */
	FAILED,  /* COMMAND_HARDWARE_ERROR */
	WAITING  /* for a device that never answers: the head stays, and the unit runs */
};

/* One command on its way. */
struct command {
	uint64_t raw[2];
	uint64_t address; /* of itself; FAILED: of what could not be reached */
};

/* ---- the ring ------------------------------------------------------------------------------------------ */

static uint64_t ring_bytes(const struct amdvi_unit *amdvi)
{
	return amdvi_ring_bytes(amdvi->registers[AMDVI_CMD_BASE].value);
}

/* What lies beyond the buffer is undefined: the unit looks at the bits that it has places for. */
static uint64_t head_offset(const struct amdvi_unit *amdvi)
{
	return amdvi->registers[AMDVI_CMD_HEAD].value % ring_bytes(amdvi);
}

static bool runs(struct amdvi_unit *amdvi)
{
	uint64_t status;

	pthread_mutex_lock(&amdvi->unit.lock); /* events of DMA threads change STATUS too */
	status = amdvi_status(amdvi);
	pthread_mutex_unlock(&amdvi->unit.lock);
	return amdvi_STATUS_CMD_BUF_RUN(status) != 0;
}

static bool has_work(struct amdvi_unit *amdvi)
{
	return runs(amdvi) &&
	    head_offset(amdvi) != amdvi->registers[AMDVI_CMD_TAIL].value % ring_bytes(amdvi);
}

static void advance(struct amdvi_unit *amdvi)
{
	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi->registers[AMDVI_CMD_HEAD].value =
	    (head_offset(amdvi) + COMMAND_BYTES) % ring_bytes(amdvi);
	pthread_mutex_unlock(&amdvi->unit.lock);
}

/* The head stays on the command that is at fault. */
static void halt(struct amdvi_unit *amdvi, enum ending ending, uint64_t address)
{
	const struct amdvi_event event = {
		.code = ending == ILLEGAL ? AMDVI_ILLEGAL_COMMAND_ERROR : AMDVI_COMMAND_HARDWARE_ERROR,
		.type = ending == ILLEGAL ? 0 : AMDVI_DATA_ERROR,
		.address = address,
	};

	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi_status_clear(amdvi, amdvi_STATUS_CMD_BUF_RUN_bits(1));
	amdvi_event_report_locked(amdvi, &event, false, NULL);
	pthread_mutex_unlock(&amdvi->unit.lock);
}

/* ---- the commands -------------------------------------------------------------------------------------- */

/* Everything before it has ended when the store and the interrupt come, in this order (AMD-Vi 2.4.1). */
static enum ending completion_wait(struct amdvi_unit *amdvi, struct command *command)
{
	const uint64_t data = amdvi_cmd_completion_wait_DATA(command->raw);
	const uint64_t address = amdvi_cmd_completion_wait_ADDR(command->raw) * sizeof(data);

	unit_settle(&amdvi->unit);
	if (amdvi_cmd_completion_wait_S(command->raw) &&
	    !memory_device_write(&amdvi->unit.machine->memory, address, &data, sizeof(data))) {
		command->address = address;
		return FAILED;
	}
	if (amdvi_cmd_completion_wait_I(command->raw)) {
		pthread_mutex_lock(&amdvi->unit.lock);
		amdvi_status_set(amdvi, amdvi_STATUS_COMWAIT_INT_bits(1));
		pthread_mutex_unlock(&amdvi->unit.lock);
	}
	return DONE;
}

static void invalidate_pages(struct amdvi_unit *amdvi, const uint64_t *raw)
{
	struct amdvi_invalidation what = {
		.domain = (uint16_t)amdvi_cmd_inv_pages_DOMAIN_ID(raw),
		.pasid = (uint32_t)amdvi_cmd_inv_pages_PASID(raw),
		.guest = amdvi_cmd_inv_pages_GN(raw) != 0,
		.directories = amdvi_cmd_inv_pages_PDE(raw) != 0,
	};

	amdvi_invalidation_range(amdvi_cmd_inv_pages_ADDR(raw) << IOMMUSIM_PAGE_SHIFT,
	    amdvi_cmd_inv_pages_S(raw) != 0, &what.first, &what.last);
	amdvi_invalidate_pages(amdvi, &what);
}

/*
 * With Inval it drops what there is before; of whom, the device's table entry would say: of all. The pages to
 * fetch are of the size in the address, one after another (AMD-Vi 2.4.6).
 */
static void prefetch(struct amdvi_unit *amdvi, const uint64_t *raw)
{
	const struct sized_range range =
	    sized_range(amdvi_cmd_prefetch_ADDR(raw), amdvi_cmd_prefetch_S(raw) != 0);
	const uint64_t count = amdvi_cmd_prefetch_COUNT(raw), size = range.last - range.first + 1;
	const uint64_t more = count * size;
	struct page_request request = {
		.address = range.first,
		.pasid = (uint32_t)amdvi_cmd_prefetch_PASID(raw),
		.rid = (uint16_t)amdvi_cmd_prefetch_DEVICE_ID(raw),
		.has_pasid = amdvi_cmd_prefetch_GN(raw) != 0,
		.kind = IOMMUSIM_DMA_READ,
	};

	if (amdvi_cmd_prefetch_INVAL(raw))
		amdvi_invalidate_addresses(amdvi, range.first,
		    more > UINT64_MAX - range.last ? UINT64_MAX : range.last + more);
	for (uint64_t page = 0; page <= count; page++) {
		amdvi_prefetch(amdvi, &request);
		if (request.address > UINT64_MAX - size)
			return;
		request.address += size;
	}
}

/* A device that does not answer is given up after CONTROL.InvTimeOut; without one it is waited for. */
static void time_out(struct amdvi_unit *amdvi, uint16_t device, uint64_t address)
{
	const struct amdvi_event event = {
		.code = AMDVI_IOTLB_INV_TIMEOUT, .device = device, .address = address
	};

	if (amdvi_CONTROL_INV_TIMEOUT(amdvi_control(amdvi)) == 0)
		amdvi->overdue = true;
	else
		amdvi_event_report(amdvi, &event, false, NULL);
}

static void invalidate_device_tlb(struct amdvi_unit *amdvi, const struct command *command)
{
	const uint64_t *raw = command->raw;
	const struct sized_range range =
	    sized_range(amdvi_cmd_inv_iotlb_ADDR(raw), amdvi_cmd_inv_iotlb_S(raw) != 0);
	const uint16_t device = (uint16_t)amdvi_cmd_inv_iotlb_DEVICE_ID(raw);
	const struct requester_invalidation what = {
		.first = range.first,
		.last = range.last,
		.has_pasid = amdvi_cmd_inv_iotlb_GN(raw) != 0,
		.pasid = (uint32_t)(amdvi_cmd_inv_iotlb_PASID_HIGH(raw) << 16 |
		    amdvi_cmd_inv_iotlb_PASID_MIDDLE(raw) << 8 | amdvi_cmd_inv_iotlb_PASID_LOW(raw)),
	};

	if (amdvi->unit.settings.drop_invalidations)
		return;
	if (!requester_invalidate(amdvi->unit.machine, amdvi->unit.segment, device, &what))
		time_out(amdvi, device, command->address);
}

static void complete_page_request(struct amdvi_unit *amdvi, const uint64_t *raw)
{
	const bool has_pasid = amdvi_cmd_complete_ppr_GN(raw) != 0;
	const struct iommusim_page_response response = {
		.pasid = has_pasid ? (uint32_t)amdvi_cmd_complete_ppr_PASID(raw) : 0,
		.group = (uint16_t)amdvi_cmd_complete_ppr_TAG(raw),
		.code = (uint8_t)amdvi_cmd_complete_ppr_STATUS(raw),
		.has_pasid = has_pasid,
	};

	requester_respond(amdvi->unit.machine, amdvi->unit.segment,
	    (uint16_t)amdvi_cmd_complete_ppr_DEVICE_ID(raw), &response);
}

/* Does the unit know the opcode (AMD-Vi 2.4)? */
static bool exists(const struct amdvi_unit *amdvi, unsigned opcode)
{
	switch (opcode) {
	case COMPLETION_WAIT:
	case INVALIDATE_DEVTAB_ENTRY:
	case INVALIDATE_IOMMU_PAGES:
	case INVALIDATE_INTERRUPT_TABLE:
		return true;
	case INVALIDATE_IOTLB_PAGES:
		return amdvi_CAP_HEADER_IOTLB_SUP(amdvi->capability[amdvi_CAP_HEADER_at / 4]) != 0;
	case PREFETCH_IOMMU_PAGES:
		return amdvi_EFR_PREFSUP(amdvi->features) != 0;
	case COMPLETE_PPR_REQUEST:
		return amdvi_EFR_PPRSUP(amdvi->features) != 0;
	case INVALIDATE_IOMMU_ALL:
		return amdvi_EFR_IASUP(amdvi->features) != 0;
	case INSERT_GUEST_EVENT:
	case RESET_VMMIO:
		return amdvi_EFR_VIOMMU_SUP(amdvi->features) != 0;
	default:
		return false;
	}
}

/* Commands that take something out of caches, here or in devices. */
static bool is_invalidation(unsigned opcode)
{
	return (opcode >= INVALIDATE_DEVTAB_ENTRY && opcode <= INVALIDATE_INTERRUPT_TABLE) ||
	    opcode == INVALIDATE_IOMMU_ALL;
}

/* Commands are nobody's: no match register lets them pass (AMD-Vi 2.8). */
static void count(struct amdvi_unit *amdvi, unsigned opcode)
{
	amdvi_count(amdvi, AMDVI_COUNT_COMMANDS, NULL, 1);
	if (is_invalidation(opcode))
		amdvi_count(amdvi, AMDVI_COUNT_INVALIDATIONS, NULL, 1);
	if (opcode == INVALIDATE_IOMMU_PAGES || opcode == INVALIDATE_IOMMU_ALL)
		amdvi_count(amdvi, AMDVI_COUNT_TLB_INVALIDATIONS, NULL, 1);
}

static enum ending carry_out(struct amdvi_unit *amdvi, unsigned opcode, struct command *command)
{
	switch (opcode) {
	case COMPLETION_WAIT:
		return completion_wait(amdvi, command);
	case INVALIDATE_DEVTAB_ENTRY:
		amdvi_invalidate_device(amdvi, (uint16_t)amdvi_cmd_inv_devtab_DEVICE_ID(command->raw));
		break;
	case INVALIDATE_IOMMU_PAGES:
		invalidate_pages(amdvi, command->raw);
		break;
	case INVALIDATE_IOTLB_PAGES:
		invalidate_device_tlb(amdvi, command);
		break;
	case INVALIDATE_INTERRUPT_TABLE:
		amdvi_invalidate_interrupts(amdvi, (uint16_t)amdvi_cmd_inv_irt_DEVICE_ID(command->raw));
		break;
	case COMPLETE_PPR_REQUEST:
		complete_page_request(amdvi, command->raw);
		break;
	case INVALIDATE_IOMMU_ALL:
		amdvi_invalidate_everything(amdvi);
		break;
	case PREFETCH_IOMMU_PAGES:
		prefetch(amdvi, command->raw);
		break;
	default: /* guests have no registers of their own here */
		break;
	}
	return DONE;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static enum ending execute(struct amdvi_unit *amdvi, struct command *command)
{
	const unsigned opcode = (unsigned)amdvi_cmd_header_OPCODE(command->raw);
	const uint64_t *reserved = amdvi->reserved.command[opcode];

	if (!exists(amdvi, opcode) || (command->raw[0] & reserved[0]) != 0 ||
	    (command->raw[1] & reserved[1]) != 0)
		return ILLEGAL;
	if (opcode == COMPLETION_WAIT && amdvi->overdue)
		return WAITING; /* looked at anew with each write of the tail, and counted when it is done */
	count(amdvi, opcode);
	return carry_out(amdvi, opcode, command);
}

static enum ending fetch(struct amdvi_unit *amdvi, struct command *command)
{
	const struct memory *memory = &amdvi->unit.machine->memory;

	command->address = amdvi_ring_base(amdvi->registers[AMDVI_CMD_BASE].value) + head_offset(amdvi);
	for (unsigned quad = 0; quad < 2; quad++)
		if (!memory_load64(memory, command->address + quad * sizeof(uint64_t),
			amdvi_snoops(amdvi), &command->raw[quad]))
			return FAILED;
	return DONE;
}

static void run_commands(void *context)
{
	struct amdvi_unit *amdvi = context;
	enum ending ending = DONE;

	while (ending == DONE && has_work(amdvi)) {
		struct command command = { .address = 0 };

		ending = fetch(amdvi, &command);
		if (ending == DONE)
			ending = execute(amdvi, &command);
		if (ending == DONE)
			advance(amdvi);
		else if (ending != WAITING)
			halt(amdvi, ending, command.address);
	}
	unit_settle(&amdvi->unit);
}

/* Only work takes time: a look at an empty buffer would cut short what comes meanwhile. */
void amdvi_commands_run(struct amdvi_unit *amdvi)
{
	if (has_work(amdvi))
		unit_after_latency(&amdvi->unit, run_commands);
}

static bool is_on(uint64_t control)
{
	return amdvi_CONTROL_IOMMU_EN(control) && amdvi_CONTROL_CMD_BUF_EN(control);
}

void amdvi_command_control_written(struct amdvi_unit *amdvi, uint64_t before)
{
	const uint64_t run = amdvi_STATUS_CMD_BUF_RUN_bits(1);
	const bool on = is_on(amdvi_control(amdvi));

	pthread_mutex_lock(&amdvi->unit.lock);
	if (!on)
		amdvi_status_clear(amdvi, run);
	else if (!is_on(before))
		amdvi_status_set(amdvi, run);
	pthread_mutex_unlock(&amdvi->unit.lock);
	if (!on || is_on(before))
		return;
	amdvi->overdue = false;
	amdvi_commands_run(amdvi);
}
