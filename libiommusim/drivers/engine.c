/* The driver of the ATS device: it turns ATS on where the device has it, and copies. */
#include "drivers/driver.h"
#include "models/devices/spec/devices.h"

enum { GO_READ = 1, GO_WRITE = 2 };

static bool start(struct iommusim_device_driver *driver)
{
	if (iommusim_device_config(driver->device)->ats.entries == 0)
		return true;
	return iommusim_device_set_ats(driver->device, true) == IOMMUSIM_OK;
}

enum iommusim_status iommusim_driver_copy(
    struct iommusim_device_driver *driver, const struct iommusim_copy_request *request, uint64_t *told)
{
	const uint64_t pasid =
	    request->has_pasid ? engine_PASID_V_bits(1) | engine_PASID_PASID_bits(request->pasid) : 0;
	uint32_t status;

	*told = 0;
	if (driver->model != &driver_engine)
		return IOMMUSIM_EINVAL;
	driver_write64(driver, engine_ADDRESS_at, request->address);
	driver_write64(driver, engine_OFFSET_at, request->offset);
	driver_write32(driver, engine_LENGTH_at, request->length);
	driver_write32(driver, engine_PASID_at, pasid);
	driver_write32(driver, engine_COMMAND_at, request->write ? GO_WRITE : GO_READ);
	status = driver_read32(driver, engine_STATUS_at);
	*told = driver_read32(driver, engine_MOVED_at);
	if (engine_STATUS_BUSY(status) != 0)
		return IOMMUSIM_ETIMEDOUT;
	return engine_STATUS_ERROR(status) != 0 ? IOMMUSIM_EIO : IOMMUSIM_OK;
}

const struct driver_model driver_engine = { .start = start };
