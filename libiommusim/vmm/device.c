/* PCI functions and who has them: drivers at boot, bus events while the system runs. ppt's own ways stand in ppt.c. */
#include "vmm/state.h"

struct vmm_device *vmm_device_find(const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	struct vmm_device *device;

	TAILQ_FOREACH (device, &vmm->devices, link)
		if (device->segment == segment && device->rid == rid)
			return device;
	return NULL;
}

uint64_t vmm_ppt_devices(const struct iommusim_vmm *vmm)
{
	const struct vmm_device *device;
	uint64_t count = 0;

	TAILQ_FOREACH (device, &vmm->devices, link)
		count += device->driver == IOMMUSIM_DRIVER_PPT;
	return count;
}

static enum iommusim_status no_function(const struct iommusim_vmm *vmm, uint16_t rid)
{
	return machine_fail(vmm->machine, IOMMUSIM_ENOENT, "there is no function at %02x:%02x.%u",
	    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
}

/* Are devices that wait for a guest in the host domain? */
static bool hosts_idle(const struct iommusim_vmm *vmm)
{
	return vmm_policy(vmm, COLUMN_idle_ppt) == POLICY_idle_ppt_HOST;
}

/* Put a device into the host domain, if there is one and ppt has no claim on it. */
static enum iommusim_status add_to_host(struct iommusim_vmm *vmm, struct vmm_device *device)
{
	enum iommusim_status status;

	if (vmm->host == NULL || device->in_host_domain ||
	    (device->driver == IOMMUSIM_DRIVER_PPT && !hosts_idle(vmm)))
		return IOMMUSIM_OK;
	status = iommusim_iommu_add_device(vmm, vmm->host, device->segment, device->rid);
	device->in_host_domain = status == IOMMUSIM_OK;
	return status;
}

enum iommusim_status vmm_device_idle(struct iommusim_vmm *vmm, struct vmm_device *device)
{
	return add_to_host(vmm, device);
}

enum iommusim_status vmm_device_claim(struct iommusim_vmm *vmm, struct vmm_device *device)
{
	enum iommusim_status status;

	if (!device->in_host_domain)
		return IOMMUSIM_OK;
	status = iommusim_iommu_remove_device(vmm, vmm->host, device->segment, device->rid);
	device->in_host_domain = status != IOMMUSIM_OK;
	return status;
}

static enum iommusim_status new_device(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid,
    enum iommusim_driver driver, struct vmm_device **out)
{
	struct vmm_device *device;

	*out = NULL;
	if (iommusim_pci_find(vmm->machine, segment, rid) == NULL)
		return no_function(vmm, rid);
	device = machine_alloc_zeroed(vmm->machine, sizeof(*device));
	if (device == NULL)
		return machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for a device");
	device->segment = segment;
	device->rid = rid;
	device->driver = driver;
	TAILQ_INSERT_TAIL(&vmm->devices, device, link);
	*out = device;
	return IOMMUSIM_OK;
}

enum iommusim_status vmm_device_come_up(struct iommusim_vmm *vmm, struct vmm_device *device)
{
	return vmm_policy(vmm, COLUMN_hotplug) == POLICY_hotplug_NOBODY ? IOMMUSIM_OK
									: add_to_host(vmm, device);
}

static void drop_device(struct iommusim_vmm *vmm, struct vmm_device *device)
{
	TAILQ_REMOVE(&vmm->devices, device, link);
	machine_free(vmm->machine, device, sizeof(*device));
}

enum iommusim_status vmm_device_take_over(
    struct iommusim_vmm *vmm, struct vmm_device *device, enum iommusim_driver driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (driver == IOMMUSIM_DRIVER_PPT && !hosts_idle(vmm))
		status = vmm_device_claim(vmm, device);
	if (status != IOMMUSIM_OK)
		return status;
	device->driver = driver;
	device->scanned = device->announced = false;
	if (driver == IOMMUSIM_DRIVER_PPT)
		vmm_device_master(vmm, device, false);
	else if (driver == IOMMUSIM_DRIVER_HOST) /* drivers turn on what they need */
		iommusim_pci_set_command(
		    vmm->machine, device->segment, device->rid, IOMMUSIM_PCI_COMMAND_AT_BOOT);
	return IOMMUSIM_OK;
}

enum iommusim_status vmm_device_attach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver driver)
{
	struct vmm_device *device = vmm_device_find(vmm, segment, rid);
	enum iommusim_status status;

	if (device != NULL && (device->driver == IOMMUSIM_DRIVER_NONE || device->announced))
		return vmm_device_take_over(vmm, device, driver);
	if (device != NULL)
		return machine_fail(vmm->machine, IOMMUSIM_EEXIST,
		    "the function at %02x:%02x.%u has a driver already", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	status = new_device(vmm, segment, rid, driver, &device);
	if (device == NULL)
		return status;
	/* A function that comes while the system runs comes with the bus's add event. */
	status = vmm_device_come_up(vmm, device);
	if (status != IOMMUSIM_OK)
		drop_device(vmm, device);
	else if (driver == IOMMUSIM_DRIVER_PPT)
		vmm_device_master(vmm, device, false);
	return status;
}

enum iommusim_status iommusim_device_attach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver driver)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_DEVICE_ATTACH, .segment = segment, .rid = rid, .driver = driver
	};
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = vmm_device_attach(vmm, segment, rid, driver);
	return vmm_call_end(vmm, &call, status);
}

enum iommusim_status iommusim_device_driver(
    const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver *driver)
{
	const struct vmm_device *device = vmm_device_find(vmm, segment, rid);

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	*driver = device->driver;
	return IOMMUSIM_OK;
}

enum iommusim_status vmm_add_host_devices(struct iommusim_vmm *vmm)
{
	const struct iommusim_pci_function *function;

	/* Every function of segment 0, whether a driver has it or not: vmm scans no other. */
	for (size_t i = 0; (function = iommusim_pci_at(vmm->machine, i)) != NULL; i++) {
		struct vmm_device *device = vmm_device_find(vmm, function->segment, function->rid);
		enum iommusim_status status;

		if (function->segment != 0)
			continue;
		if (device == NULL) {
			status = new_device(vmm, 0, function->rid, IOMMUSIM_DRIVER_NONE, &device);
			if (device == NULL)
				return status;
			device->scanned = true;
		}
		status = add_to_host(vmm, device);
		/* iommu_init() of 15.0: what no unit governs is passed over. */
		if (status == IOMMUSIM_ENXIO &&
		    vmm_policy(vmm, COLUMN_host_errors) == POLICY_host_errors_HALF_UNDONE)
			continue;
		if (status != IOMMUSIM_OK && !vmm_host_error_ignored(vmm, status))
			return status;
	}
	return IOMMUSIM_OK;
}

void vmm_forget_host_devices(struct iommusim_vmm *vmm)
{
	struct vmm_device *device, *next;

	TAILQ_FOREACH_SAFE (device, &vmm->devices, link, next) {
		device->in_host_domain = false;
		if (device->scanned)
			drop_device(vmm, device);
	}
}

static enum iommusim_status do_added(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	struct vmm_device *device = vmm_device_find(vmm, segment, rid);
	enum iommusim_status status;

	if (device != NULL)
		return vmm_device_come_up(vmm, device);
	status = new_device(vmm, segment, rid, IOMMUSIM_DRIVER_HOST, &device);
	if (device == NULL)
		return status;
	device->announced = true;
	status = vmm_device_come_up(vmm, device);
	if (status != IOMMUSIM_OK)
		drop_device(vmm, device);
	return status;
}

enum iommusim_status iommusim_pci_device_added(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	return vmm_call_about(vmm, IOMMUSIM_CALL_PCI_ADD_DEVICE, segment, rid, do_added);
}

static enum iommusim_status do_deleted(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	struct vmm_device *device = vmm_device_find(vmm, segment, rid);
	enum iommusim_status status = IOMMUSIM_OK;

	if (device == NULL) /* of a function that no driver had there is nothing to undo */
		return iommusim_pci_find(vmm->machine, segment, rid) == NULL ? no_function(vmm, rid)
									     : IOMMUSIM_OK;
	if (device->vm != NULL)
		return machine_fail(
		    vmm->machine, IOMMUSIM_EBUSY, "%s has that device", device->vm->name);
	if (device->in_host_domain)
		status = iommusim_iommu_remove_device(vmm, vmm->host, segment, rid);
	if (status == IOMMUSIM_OK)
		drop_device(vmm, device);
	return status;
}

enum iommusim_status iommusim_pci_device_deleted(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	return vmm_call_about(vmm, IOMMUSIM_CALL_PCI_DELETE_DEVICE, segment, rid, do_deleted);
}
