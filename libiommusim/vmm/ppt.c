/*
 * The passthrough driver (io/ppt.c): how it resets devices, what it does to their bus mastering, and what happens when
 * it takes a function over or lets go of it. Whose VM has a device stands in vm.c.
 */
#include "vmm/state.h"

void vmm_device_reset(struct iommusim_vmm *vmm, const struct vmm_device *device)
{
	struct iommusim_machine *machine = vmm->machine;
	const uint16_t command = iommusim_pci_command(machine, device->segment, device->rid);
	const enum policy_value how = vmm_policy(vmm, COLUMN_reset);

	if (how == POLICY_reset_NONE)
		return;
	if (iommusim_pci_reset(machine, device->segment, device->rid) == IOMMUSIM_EOPNOTSUPP &&
	    how == POLICY_reset_FLR_OR_D3)
		iommusim_pci_power_cycle(machine, device->segment, device->rid);
	/* Configuration space is saved before, and restored after. */
	iommusim_pci_set_command(machine, device->segment, device->rid, command);
}

static void set_command(
    struct iommusim_vmm *vmm, const struct vmm_device *device, uint16_t set, uint16_t clear)
{
	const uint16_t command = iommusim_pci_command(vmm->machine, device->segment, device->rid);

	iommusim_pci_set_command(
	    vmm->machine, device->segment, device->rid, (uint16_t)((command & ~(unsigned)clear) | set));
}

void vmm_device_master(struct iommusim_vmm *vmm, const struct vmm_device *device, bool on)
{
	const uint16_t bits = IOMMUSIM_PCI_COMMAND_MEMORY | IOMMUSIM_PCI_COMMAND_BUS_MASTER;

	switch ((int)vmm_policy(vmm, COLUMN_command)) {
	case POLICY_command_SWITCHED:
		set_command(vmm, device, on ? bits : 0, on ? 0 : bits);
		break;
	case POLICY_command_RESTORED:
		if (on)
			iommusim_pci_set_command(
			    vmm->machine, device->segment, device->rid, IOMMUSIM_PCI_COMMAND_AT_BOOT);
		break;
	default:
		break;
	}
}

/* ---- ppt takes a function, and lets go of it ------------------------------------------------------- */

/* `devctl set driver` on a function: the driver that has it goes first. */
static enum iommusim_status do_attach(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	struct vmm_device *device = vmm_device_find(vmm, segment, rid);

	return device != NULL && device->driver == IOMMUSIM_DRIVER_HOST
	    ? vmm_device_take_over(vmm, device, IOMMUSIM_DRIVER_PPT)
	    : vmm_device_attach(vmm, segment, rid, IOMMUSIM_DRIVER_PPT);
}

enum iommusim_status iommusim_ppt_attach(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	return vmm_call_about(vmm, IOMMUSIM_CALL_PPT_ATTACH, segment, rid, do_attach);
}

static enum iommusim_status do_detach(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	struct vmm_device *device = vmm_device_find(vmm, segment, rid);
	enum iommusim_status status;

	if (device == NULL || device->driver != IOMMUSIM_DRIVER_PPT)
		return machine_fail(vmm->machine, IOMMUSIM_ENXIO, "no ppt device at %u/%u/%u",
		    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	if (device->vm != NULL)
		return machine_fail(
		    vmm->machine, IOMMUSIM_EBUSY, "\"%s\" has that device", device->vm->name);
	if (vmm_policy(vmm, COLUMN_command) != POLICY_command_UNTOUCHED)
		set_command(vmm, device, 0, IOMMUSIM_PCI_COMMAND_BUS_MASTER);
	device->driver = IOMMUSIM_DRIVER_NONE;
	status = vmm_device_come_up(vmm, device);
	if (status != IOMMUSIM_OK)
		device->driver = IOMMUSIM_DRIVER_PPT;
	return status;
}

enum iommusim_status iommusim_ppt_detach(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	return vmm_call_about(vmm, IOMMUSIM_CALL_PPT_DETACH, segment, rid, do_detach);
}
