/* Kernel code that has to do with a VM. */
#include <sys/param.h>

#include <machine/vmm.h>
#include <vmm_lapic.h>

#include "tests/kshim/kern_guest.h"

void kern_guest_map(void *argument)
{
	struct kern_window *window = argument;

	window->error = vm_map_mmio(window->vm, window->gpa, window->len, window->hpa);
}

void kern_guest_unmap(void *argument)
{
	struct kern_window *window = argument;

	window->error = vm_unmap_mmio(window->vm, window->gpa, window->len);
}

void kern_guest_message(void *argument)
{
	struct kern_window *window = argument;

	window->error = lapic_intr_msi(window->vm, window->gpa, window->hpa);
}

void kern_guest_domain(void *argument)
{
	struct kern_window *window = argument;

	window->error = vm_iommu_domain(window->vm) != NULL;
}

void kern_guest_assign(void *argument)
{
	struct kern_window *window = argument;

	window->error = vm_assign_pptdev(window->vm, 2, 0, (int)window->len);
}

void kern_guest_unassign(void *argument)
{
	struct kern_window *window = argument;

	window->error = vm_unassign_pptdev(window->vm, 2, 0, (int)window->len);
}
