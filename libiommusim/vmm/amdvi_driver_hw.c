/* Programming AMD-Vi units: registers, the command buffer, waiting for commands to be carried out. */
#include "machine/memory_access.h"
#include "vmm/amdvi_driver.h"

#define COMMAND_BYTES UINT64_C(16)

/* The range that INVALIDATE_IOMMU_PAGES takes for everything, with S=1 (AMD-Vi 2.4.3): its bits 63:12. */
#define ALL_PAGES UINT64_C(0x7ffffffffffff)

#define TIMEOUT_1S 4u /* CONTROL.InvTimeOut */

/* Looks at the completion word: a unit that has not stored by then never will. */
#define WAIT_LIMIT 1000u

static void write_register(const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit,
    uint64_t offset, uint64_t value)
{
	driver_write(&driver->common, unit->base + offset, 8, value);
}

static bool is_careful(const struct amdvi_driver *driver)
{
	return vmm_policy(driver->common.vmm, COLUMN_amd_commands) == POLICY_amd_commands_ROOM;
}

/* ---- the command buffer ------------------------------------------------------------------------- */

static bool is_full(const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit)
{
	const uint64_t head = driver_read(&driver->common, unit->base + amdvi_CMD_HEAD_at, 8);

	return (unit->tail + COMMAND_BYTES) % AMDVI_RING_BYTES == head;
}

/* Put a command into the buffer and hand it to the unit. OK, EIO: there is no room, and never will be. */
static enum iommusim_status submit(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, const uint64_t command[2])
{
	for (unsigned i = 0; is_careful(driver) && is_full(driver, unit); i++)
		if (i == WAIT_LIMIT)
			return machine_fail(driver->common.machine, IOMMUSIM_EIO,
			    "the unit at 0x%llx takes no commands: its buffer stays full",
			    (unsigned long long)unit->base);
	driver_store_entry(&driver->common, unit->commands + unit->tail, command, 2);
	unit->tail = (unit->tail + COMMAND_BYTES) % AMDVI_RING_BYTES;
	write_register(driver, unit, amdvi_CMD_TAIL_at, unit->tail);
	return IOMMUSIM_OK;
}

/* Has the unit stored what it was to store? Each look takes time, as a register access does. */
static bool has_stored(struct amdvi_driver *driver, const struct amdvi_driver_unit *unit, uint64_t data)
{
	uint64_t stored = 0;

	for (unsigned i = 0; i < WAIT_LIMIT; i++) {
		memory_load64(&driver->common.machine->memory, driver->completion, true, &stored);
		if (stored == data)
			return true;
		driver_read(&driver->common, unit->base + amdvi_STATUS_at, 8);
	}
	return false;
}

/* Wait until everything before is done. A unit that is off does nothing, and is not waited for. */
static enum iommusim_status complete(struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	const uint64_t data = ++driver->waits;
	uint64_t command[2] = { 0, 0 };
	enum iommusim_status status;

	if (!unit->enabled)
		return IOMMUSIM_OK;
	amdvi_cmd_completion_wait_set_OPCODE(command, 1);
	amdvi_cmd_completion_wait_set_S(command, 1);
	amdvi_cmd_completion_wait_set_ADDR(command, driver->completion >> 3);
	amdvi_cmd_completion_wait_set_DATA(command, data);
	status = submit(driver, unit, command);
	if (status != IOMMUSIM_OK)
		return status;
	if (has_stored(driver, unit, data))
		return IOMMUSIM_OK;
	status = machine_fail(driver->common.machine, IOMMUSIM_EIO,
	    "the unit at 0x%llx does not complete its commands: head 0x%llx, tail 0x%llx",
	    (unsigned long long)unit->base,
	    (unsigned long long)driver_read(&driver->common, unit->base + amdvi_CMD_HEAD_at, 8),
	    (unsigned long long)unit->tail);
	if (is_careful(driver))
		return status;
	vmm_print(
	    driver->common.vmm, "amdvi: %s", iommusim_machine_diagnostic(driver->common.machine)->text);
	return IOMMUSIM_OK;
}

/* Queue a command and wait. Before a unit is on, a careful driver has nothing to say: enabling flushes all. */
static enum iommusim_status carry_out(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, const uint64_t command[2])
{
	enum iommusim_status status;

	if (!unit->enabled && is_careful(driver))
		return IOMMUSIM_OK;
	status = submit(driver, unit, command);
	return status == IOMMUSIM_OK ? complete(driver, unit) : status;
}

/* ---- invalidations -------------------------------------------------------------------------------- */

static enum iommusim_status invalidate_device(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, uint16_t rid, bool wait)
{
	uint64_t command[2] = { 0, 0 };

	amdvi_cmd_inv_devtab_set_OPCODE(command, 2);
	amdvi_cmd_inv_devtab_set_DEVICE_ID(command, rid);
	return wait ? carry_out(driver, unit, command) : submit(driver, unit, command);
}

static enum iommusim_status invalidate_domain(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, uint32_t id, bool wait)
{
	uint64_t command[2] = { 0, 0 };

	amdvi_cmd_inv_pages_set_OPCODE(command, 3);
	amdvi_cmd_inv_pages_set_DOMAIN_ID(command, id);
	amdvi_cmd_inv_pages_set_S(command, 1);
	amdvi_cmd_inv_pages_set_PDE(command, 1);
	amdvi_cmd_inv_pages_set_ADDR(command, ALL_PAGES);
	return wait ? carry_out(driver, unit, command) : submit(driver, unit, command);
}

/* The address of 2^order pages, for S=1: the lowest bit that is 0 tells their number (AMD-Vi 2.4.3). */
static uint64_t sized_address(uint64_t gpa, unsigned order)
{
	const uint64_t page = gpa >> IOMMUSIM_PAGE_SHIFT >> order << order;

	return order == 0 ? page : page | ((UINT64_C(1) << (order - 1)) - 1);
}

static enum iommusim_status invalidate_pages(struct amdvi_driver *driver,
    struct amdvi_driver_unit *unit, uint32_t id, uint64_t gpa, unsigned order, bool tables)
{
	uint64_t command[2] = { 0, 0 };

	amdvi_cmd_inv_pages_set_OPCODE(command, 3);
	amdvi_cmd_inv_pages_set_DOMAIN_ID(command, id);
	amdvi_cmd_inv_pages_set_S(command, order != 0);
	amdvi_cmd_inv_pages_set_PDE(command, tables);
	amdvi_cmd_inv_pages_set_ADDR(command, sized_address(gpa, order));
	return carry_out(driver, unit, command);
}

enum iommusim_status amdvi_driver_flush_pages(
    struct amdvi_driver *driver, uint32_t id, uint64_t gpa, unsigned order, bool tables)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = invalidate_pages(driver, &driver->units[i], id, gpa, order, tables);
	return status;
}

enum iommusim_status amdvi_driver_flush_device(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit, uint16_t rid)
{
	return invalidate_device(driver, unit, rid, true);
}

enum iommusim_status amdvi_driver_flush_domain(struct amdvi_driver *driver, uint32_t id)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = invalidate_domain(driver, &driver->units[i], id, true);
	return status;
}

/* Whatever the unit may have kept of an earlier life: by one command, or device by device. */
enum iommusim_status amdvi_driver_flush_unit(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	uint64_t command[2] = { 0, 0 };
	enum iommusim_status status = IOMMUSIM_OK;

	if (amdvi_EFR_IASUP(unit->features)) {
		amdvi_cmd_inv_all_set_OPCODE(command, 8);
		return carry_out(driver, unit, command);
	}
	for (uint32_t id = 0; id <= UINT16_MAX && status == IOMMUSIM_OK; id++) {
		status = invalidate_device(driver, unit, (uint16_t)id, false);
		if (status == IOMMUSIM_OK)
			status = invalidate_domain(driver, unit, id, false);
	}
	return status == IOMMUSIM_OK ? complete(driver, unit) : status;
}

/* ---- on and off ------------------------------------------------------------------------------------- */

void amdvi_driver_set_up_unit(struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	write_register(driver, unit, amdvi_CONTROL_at, 0);
	write_register(driver, unit, amdvi_DEVTAB_BASE_at,
	    amdvi_DEVTAB_BASE_BASE_bits(driver->devices >> IOMMUSIM_PAGE_SHIFT) |
		amdvi_DEVTAB_BASE_SIZE_bits(AMDVI_DEVICE_PAGES - 1));
	write_register(driver, unit, amdvi_CMD_BASE_at,
	    amdvi_CMD_BASE_BASE_bits(unit->commands >> IOMMUSIM_PAGE_SHIFT) |
		amdvi_CMD_BASE_LEN_bits(AMDVI_RING_CODE));
	write_register(driver, unit, amdvi_EVENT_BASE_at,
	    amdvi_EVENT_BASE_BASE_bits(unit->events >> IOMMUSIM_PAGE_SHIFT) |
		amdvi_EVENT_BASE_LEN_bits(AMDVI_RING_CODE));
	unit->tail = 0;
	write_register(driver, unit, amdvi_CMD_HEAD_at, 0);
	write_register(driver, unit, amdvi_CMD_TAIL_at, 0);
	write_register(driver, unit, amdvi_EVENT_HEAD_at, 0);
	write_register(driver, unit, amdvi_EVENT_TAIL_at, 0);
}

enum iommusim_status amdvi_driver_enable_unit(
    struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	enum iommusim_status status;

	write_register(driver, unit, amdvi_CONTROL_at,
	    amdvi_CONTROL_IOMMU_EN_bits(1) | amdvi_CONTROL_CMD_BUF_EN_bits(1) |
		amdvi_CONTROL_EVENT_LOG_EN_bits(1) | amdvi_CONTROL_EVENT_INT_EN_bits(1) |
		amdvi_CONTROL_COHERENT_bits(1) | amdvi_CONTROL_INV_TIMEOUT_bits(TIMEOUT_1S));
	unit->enabled = true;
	status = driver_poll(
	    &driver->common, unit->base, amdvi_STATUS_at, 8, amdvi_STATUS_CMD_BUF_RUN_bits(1), true);
	if (status != IOMMUSIM_OK)
		return status;
	return is_careful(driver) ? amdvi_driver_flush_unit(driver, unit) : complete(driver, unit);
}

void amdvi_driver_disable_unit(struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	write_register(driver, unit, amdvi_CONTROL_at, 0);
	unit->enabled = false;
}
