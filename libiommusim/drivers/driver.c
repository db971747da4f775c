/* A driver's life and its memory, and its reading and writing of registers. */
#include "drivers/driver.h"

#include <string.h>

uint32_t driver_read32(struct iommusim_device_driver *driver, uint64_t offset)
{
	uint64_t value;

	iommusim_mmio_read(driver->machine, driver->base + offset, 4, &value);
	return (uint32_t)value;
}

void driver_write32(struct iommusim_device_driver *driver, uint64_t offset, uint64_t value)
{
	iommusim_mmio_write(driver->machine, driver->base + offset, 4, value);
}

void driver_write64(struct iommusim_device_driver *driver, uint64_t offset, uint64_t value)
{
	iommusim_mmio_write(driver->machine, driver->base + offset, 8, value);
}

void driver_put(struct iommusim_device_driver *driver, unsigned page, uint64_t offset,
    const void *bytes, size_t length)
{
	const uint64_t address = driver->physical[page] + offset;

	iommusim_memory_write(driver->machine, address, bytes, length);
	iommusim_memory_flush(driver->machine, address, length);
}

void driver_get(
    struct iommusim_device_driver *driver, unsigned page, uint64_t offset, void *bytes, size_t length)
{
	memset(bytes, 0, length);
	iommusim_memory_read(driver->machine, driver->physical[page] + offset, bytes, length);
}

uint64_t driver_bus(const struct iommusim_device_driver *driver, unsigned page)
{
	return driver->bus + page * IOMMUSIM_PAGE_SIZE;
}

void driver_clear(struct iommusim_device_driver *driver)
{
	static const uint8_t zeroes[IOMMUSIM_PAGE_SIZE];

	for (unsigned page = 0; page < DRIVER_PAGES; page++)
		driver_put(driver, page, 0, zeroes, sizeof(zeroes));
}

void driver_finish(
    struct iommusim_device_driver *driver, unsigned slot, enum driver_result result, uint64_t told)
{
	driver->slots[slot].busy = false;
	driver->slots[slot].result = result;
	driver->slots[slot].told = told;
}

static bool start(struct iommusim_device_driver *driver)
{
	memset(driver->slots, 0, sizeof(driver->slots));
	driver->tail = driver->head = driver->posted = driver->taken = 0;
	driver->phase = true;
	driver_clear(driver);
	driver->broken = !driver->model->start(driver);
	return !driver->broken;
}

bool driver_mend(struct iommusim_device_driver *driver)
{
	return !driver->broken || start(driver);
}

/* Where the driver's pages are. False: one of them is nowhere. */
static bool find_pages(
    struct iommusim_device_driver *driver, const struct iommusim_driver_memory *memory)
{
	for (unsigned page = 0; page < DRIVER_PAGES; page++) {
		uint64_t *physical = &driver->physical[page];

		*physical = driver_bus(driver, page);
		if (memory->physical != NULL && !memory->physical(memory->context, *physical, physical))
			return false;
		if (iommusim_memory_host(driver->machine, *physical, IOMMUSIM_PAGE_SIZE) == NULL)
			return false;
	}
	return true;
}

enum iommusim_status iommusim_device_driver_create(struct iommusim_device *device,
    const struct iommusim_driver_memory *memory, struct iommusim_device_driver **out)
{
	static const struct driver_model *const models[IOMMUSIM_DEVICE_KINDS] = {
		[IOMMUSIM_DEVICE_AHCI] = &driver_ahci,
		[IOMMUSIM_DEVICE_NVME] = &driver_nvme,
		[IOMMUSIM_DEVICE_NIC] = &driver_nic,
		[IOMMUSIM_DEVICE_ATS] = &driver_engine,
	};
	struct iommusim_machine *machine = iommusim_device_machine(device);
	struct iommusim_device_driver *driver;
	enum iommusim_status status = IOMMUSIM_OK;

	*out = NULL;
	if (memory->bus % IOMMUSIM_PAGE_SIZE != 0 || memory->bus > UINT64_MAX - IOMMUSIM_DRIVER_MEMORY)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "a driver's memory at 0x%llx does not begin with a page",
		    (unsigned long long)memory->bus);
	driver = machine_alloc_zeroed(machine, sizeof(*driver));
	if (driver == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a driver");
	driver->device = device;
	driver->machine = machine;
	driver->model = models[iommusim_device_config(device)->kind];
	driver->base = iommusim_device_config(device)->base;
	driver->bus = memory->bus;
	if (!find_pages(driver, memory))
		status = machine_fail(machine, IOMMUSIM_ENXIO,
		    "there is no memory for a driver at 0x%llx", (unsigned long long)memory->bus);
	else if (!start(driver))
		status = machine_fail(machine, IOMMUSIM_EIO, "the device does not get ready");
	if (status != IOMMUSIM_OK) {
		machine_free(machine, driver, sizeof(*driver));
		return status;
	}
	*out = driver;
	return IOMMUSIM_OK;
}

void iommusim_device_driver_destroy(struct iommusim_device_driver *driver)
{
	if (driver != NULL)
		machine_free(driver->machine, driver, sizeof(*driver));
}
