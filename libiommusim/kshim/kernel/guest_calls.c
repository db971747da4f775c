/* What users of vmm (ppt and its like) call about a VM, for programs that link no vmm. What it left behind: guest.c. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <machine/vmm.h>
#include <vmm_lapic.h>

/* A program may have some of these functions and not others. */
#define ITS_OWN_COMES_FIRST __attribute__((weak))

ITS_OWN_COMES_FIRST void *vm_iommu_domain(struct vm *vm)
{
	const struct guest *guest = kshim_guest_find(kshim_enter_now(), vm);

	return guest != NULL ? guest->domain : NULL;
}

static uint64_t end_of(const struct iommusim_kernel_vm_window *window)
{
	return window->gpa + window->length;
}

static bool whole_pages(vm_paddr_t gpa, size_t len, vm_paddr_t hpa)
{
	return ((gpa | len | hpa) & PAGE_MASK) == 0 && len > 0 && gpa + len > gpa && hpa + len > hpa;
}

/* In order of address; false: something is there already, or there is no memory. */
static bool insert(struct guest *guest, const struct iommusim_kernel_vm_window *where)
{
	struct guest_window *later = TAILQ_FIRST(&guest->windows), *window;

	while (later != NULL && end_of(&later->where) <= where->gpa)
		later = TAILQ_NEXT(later, link);
	if (later != NULL && later->where.gpa < end_of(where))
		return false;
	window = calloc(1, sizeof(*window));
	if (window == NULL)
		return false;
	window->where = *where;
	if (later != NULL)
		TAILQ_INSERT_BEFORE(later, window, link);
	else
		TAILQ_INSERT_TAIL(&guest->windows, window, link);
	return true;
}

/* The kernel's own has one error for all that can be wrong. */
ITS_OWN_COMES_FIRST int vm_map_mmio(struct vm *vm, vm_paddr_t gpa, size_t len, vm_paddr_t hpa)
{
	const struct iommusim_kernel_vm_window where = { .gpa = gpa, .length = len, .hpa = hpa };
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct guest *guest;

	if (!whole_pages(gpa, len, hpa) || kshim_fails(kernel, IOMMUSIM_KERNEL_MALLOC, false))
		return ENOMEM;
	guest = kshim_guest_of(kernel, vm);
	return guest != NULL && insert(guest, &where) ? 0 : ENOMEM;
}

/* Take [from, to) out of a window. False: no memory for the second of two pieces, and nothing was done. */
static bool cut(struct guest *guest, struct guest_window *window, uint64_t from, uint64_t to)
{
	struct iommusim_kernel_vm_window *where = &window->where;
	const bool below = where->gpa<from, above = end_of(where)> to;
	struct guest_window *second = below && above ? calloc(1, sizeof(*second)) : NULL;
	const struct iommusim_kernel_vm_window rest = {
		.gpa = to, .length = end_of(where) - to, .hpa = where->hpa + (to - where->gpa)
	};

	if (below && above && second == NULL)
		return false;
	if (second != NULL) {
		second->where = rest;
		TAILQ_INSERT_AFTER(&guest->windows, window, second, link);
	}
	if (below) {
		where->length = from - where->gpa;
	} else if (above) {
		*where = rest;
	} else {
		TAILQ_REMOVE(&guest->windows, window, link);
		free(window);
	}
	return true;
}

ITS_OWN_COMES_FIRST int vm_unmap_mmio(struct vm *vm, vm_paddr_t gpa, size_t len)
{
	struct guest *guest = kshim_guest_find(kshim_enter_now(), vm);
	struct guest_window *window, *next;

	if (guest == NULL)
		return 0;
	for (window = TAILQ_FIRST(&guest->windows); window != NULL; window = next) {
		next = TAILQ_NEXT(window, link);
		if (window->where.gpa < gpa + len && end_of(&window->where) > gpa &&
		    !cut(guest, window, gpa, gpa + len))
			return ENOMEM;
	}
	return 0;
}

/* ---- ppt's two, as vmm hands them on ------------------------------------------------------------------------- */

int ppt_assign_device(struct vm *vm, int bus, int slot, int func) __attribute__((weak));
int ppt_unassign_device(struct vm *vm, int bus, int slot, int func) __attribute__((weak));

/* Domains are the test's: none is made for the first device, and none goes with the last. */
ITS_OWN_COMES_FIRST int vm_assign_pptdev(struct vm *vm, int bus, int slot, int func)
{
	return ppt_assign_device != NULL ? ppt_assign_device(vm, bus, slot, func) : ENXIO;
}

ITS_OWN_COMES_FIRST int vm_unassign_pptdev(struct vm *vm, int bus, int slot, int func)
{
	return ppt_unassign_device != NULL ? ppt_unassign_device(vm, bus, slot, func) : ENXIO;
}

/* ---- interrupts ------------------------------------------------------------------------------------------------- */

ITS_OWN_COMES_FIRST int lapic_intr_msi(struct vm *vm, uint64_t address, uint64_t message)
{
	struct guest *guest = kshim_guest_of(kshim_enter_now(), vm);
	struct iommusim_kernel_vm_message *grown;

	if (guest == NULL)
		return -1;
	grown = realloc(guest->messages, (guest->message_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	grown[guest->message_count++] =
	    (struct iommusim_kernel_vm_message){ .address = address, .data = message };
	guest->messages = grown;
	return 0;
}
