/* What an AMD-Vi unit is asked for, read from the command buffer when its tail moves. */
#include "check/count.h"
#include "machine/memory_access.h"
#include "models/amdvi/spec/amdvi.h"

#define COMMAND_BYTES UINT64_C(16)

/* Commands by their codes (AMD-Vi 2.4). */
enum {
	COMMAND_COMPLETION_WAIT = 1,
	COMMAND_INVALIDATE_DEVTAB_ENTRY = 2,
	COMMAND_INVALIDATE_IOMMU_PAGES = 3,
	COMMAND_INVALIDATE_IOTLB_PAGES = 4,
	COMMAND_INVALIDATE_INTERRUPT_TABLE = 5,
	COMMAND_INVALIDATE_IOMMU_ALL = 8
};

/* S=1 with all of 62:12 set: the whole address space (AMD-Vi 2.4.3). */
static bool takes_every_page(const uint64_t *command)
{
	const uint64_t all = SPEC_MASK(62 - IOMMUSIM_PAGE_SHIFT, 0);

	return amdvi_cmd_inv_pages_S(command) && (amdvi_cmd_inv_pages_ADDR(command) & all) == all;
}

static enum iommusim_invalidation kind_of_pages(const uint64_t *command)
{
	if (!takes_every_page(command))
		return IOMMUSIM_INVALIDATE_PAGES;
	return amdvi_cmd_inv_pages_GN(command) ? IOMMUSIM_INVALIDATE_PASID : IOMMUSIM_INVALIDATE_DOMAIN;
}

static enum iommusim_invalidation kind_of(const uint64_t *command)
{
	switch (amdvi_cmd_header_OPCODE(command)) {
	case COMMAND_COMPLETION_WAIT:
		return IOMMUSIM_INVALIDATE_WAIT;
	case COMMAND_INVALIDATE_DEVTAB_ENTRY:
		return IOMMUSIM_INVALIDATE_DEVICE;
	case COMMAND_INVALIDATE_IOMMU_PAGES:
		return kind_of_pages(command);
	case COMMAND_INVALIDATE_IOTLB_PAGES:
		return IOMMUSIM_INVALIDATE_DEVICE_TLB;
	case COMMAND_INVALIDATE_INTERRUPT_TABLE:
		return IOMMUSIM_INVALIDATE_INTERRUPTS;
	case COMMAND_INVALIDATE_IOMMU_ALL:
		return IOMMUSIM_INVALIDATE_ALL;
	default:
		return IOMMUSIM_INVALIDATE_OTHER;
	}
}

/* Commands between the old tail and the new one, wherever the head is by then. */
static void count_commands(
    struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t from, uint64_t to)
{
	const uint64_t buffer = count_peek(unit, amdvi_CMD_BASE_at, 8);
	const uint64_t base = amdvi_CMD_BASE_BASE(buffer) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t size = COMMAND_BYTES << amdvi_CMD_BASE_LEN(buffer);

	for (uint64_t at = from & (size - 1); at != (to & (size - 1));
	     at = (at + COMMAND_BYTES) & (size - 1)) {
		uint64_t command[2];

		if (!memory_load128(&counter->machine->memory, base + at, true, command))
			return; /* the buffer is not in memory */
		count_invalidation(counter, kind_of(command));
	}
}

void count_amdvi_write(
    struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t offset, uint64_t value)
{
	if (offset == amdvi_CMD_TAIL_at)
		count_commands(counter, unit,
		    amdvi_CMD_TAIL_PTR(count_peek(unit, amdvi_CMD_TAIL_at, 8)) * COMMAND_BYTES,
		    amdvi_CMD_TAIL_PTR(value) * COMMAND_BYTES);
}
