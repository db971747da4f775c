/*
 * Giving devices to virtual machines and taking them back, as vmm does it. Only what concerns the IOMMU; the IOMMU itself
 * is behind iommu.c.
 */
#include <sys/cdefs.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/kernel.h>
#include <sys/malloc.h>

#include <dev/pci/pcivar.h>
#include <machine/vmm.h>

#include "iommu.h"
#include "vm.h"

#define	VM_PIECES	8
#define	VM_DEVICES	8
#define	RESET_DELAY_US	10000

static MALLOC_DEFINE(M_PASSTHRU, "passthru", "virtual machines with devices");

struct piece {
	vm_paddr_t	gpa;
	vm_paddr_t	hpa;
	size_t		len;
};

struct vm {
	void		*iommu;		/* its domain, while it has devices */
	struct piece	pieces[VM_PIECES];
	unsigned int	piece_count;
	device_t	devices[VM_DEVICES];
	unsigned int	device_count;
};

struct vm *
vm_create_small(void)
{
	return (malloc(sizeof(struct vm), M_PASSTHRU, M_WAITOK | M_ZERO));
}

void *
vm_iommu_domain(struct vm *vm)
{
	return (vm->iommu);
}

int
vm_add_memory(struct vm *vm, vm_paddr_t gpa, vm_paddr_t hpa, size_t len)
{
	if (vm->piece_count == VM_PIECES || vm->iommu != NULL)
		return (EBUSY);
	vm->pieces[vm->piece_count++] = (struct piece){ gpa, hpa, len };
	return (0);
}

static vm_paddr_t
vm_maxaddr(const struct vm *vm)
{
	vm_paddr_t end;
	unsigned int i;

	end = 0;
	for (i = 0; i < vm->piece_count; i++)
		end = MAX(end, vm->pieces[i].gpa + vm->pieces[i].len);
	return (end);
}

static int
vm_iommu_map(struct vm *vm)
{
	const struct piece *piece;
	unsigned int i;
	int error;

	error = 0;
	for (i = 0; i < vm->piece_count && error == 0; i++) {
		piece = &vm->pieces[i];
		error = IOMMU_ERROR(
		    iommu_create_mapping(vm->iommu, piece->gpa, piece->hpa, piece->len));
	}
	if (error == 0)
		error = IOMMU_ERROR(iommu_invalidate_tlb(vm->iommu));
	return (error);
}

static void
vm_iommu_unmap(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->piece_count; i++)
		(void)IOMMU_ERROR(iommu_remove_mapping(
		    vm->iommu, vm->pieces[i].gpa, vm->pieces[i].len));
	(void)IOMMU_ERROR(iommu_invalidate_tlb(vm->iommu));
}

static void
vm_iommu_release(struct vm *vm)
{
	vm_iommu_unmap(vm);
#ifndef HAZARD_STALE_VM_IOMMU
	iommu_destroy_domain(vm->iommu);
	vm->iommu = NULL;
#endif
}

/* Whatever it was doing for its last owner, it stops. */
static void
reset_device(device_t dev)
{
	pci_save_state(dev);
	(void)pcie_flr(dev, RESET_DELAY_US, true);
	pci_restore_state(dev);
}

int
vm_assign_pptdev(struct vm *vm, int bus, int slot, int func)
{
	device_t dev;
	int error;

	dev = pci_find_dbsf(0, bus, slot, func);
	if (dev == NULL || !vmm_is_pptdev(bus, slot, func))
		return (ENXIO);
	if (vm->device_count == VM_DEVICES)
		return (ENOSPC);
	if (vm->device_count == 0) {
		KASSERT(vm->iommu == NULL, ("vm_assign_pptdev: iommu must be NULL"));
		vm->iommu = iommu_create_domain(vm_maxaddr(vm));
		if (vm->iommu == NULL)
			return (ENXIO);
		error = vm_iommu_map(vm);
		if (error != 0) {
			vm_iommu_release(vm);
			return (error);
		}
	}
	reset_device(dev);
	error = iommu_attach_device(vm->iommu, dev);
	if (error != 0) {
		if (vm->device_count == 0)
			vm_iommu_release(vm);
		return (error);
	}
	vm->devices[vm->device_count++] = dev;
	return (0);
}

int
vm_unassign_pptdev(struct vm *vm, int bus, int slot, int func)
{
	device_t dev;
	unsigned int i;

	dev = pci_find_dbsf(0, bus, slot, func);
	for (i = 0; i < vm->device_count && vm->devices[i] != dev; i++)
		;
	if (dev == NULL || i == vm->device_count)
		return (ENXIO);
	reset_device(dev);
	(void)iommu_detach_device(vm->iommu, dev);
	vm->devices[i] = vm->devices[--vm->device_count];
	if (vm->device_count == 0)
		vm_iommu_release(vm);
	return (0);
}

void
vm_destroy_small(struct vm *vm)
{
	device_t dev;

	while (vm->device_count > 0) {
		dev = vm->devices[0];
		(void)vm_unassign_pptdev(
		    vm, pci_get_bus(dev), pci_get_slot(dev), pci_get_function(dev));
	}
	free(vm, M_PASSTHRU);
}
