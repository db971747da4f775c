/* Who owns a page of host memory: a VM, the backend's tables, firmware, a device, the host. */
#include <string.h>

#include "check/state.h"
#include "machine/memory_access.h"

/* The stamp under which a VM's name is kept; UINT32_MAX: no memory. */
static uint32_t stamp_of(struct iommusim_check *check, const char *name)
{
	const char *kept = check_intern(check, name);

	if (kept == NULL)
		return UINT32_MAX;
	for (size_t i = 0; i < check->vm_name_count; i++)
		if (check->vm_names[i] == kept)
			return (uint32_t)i;
	if (!machine_grow(check->machine, &check->vm_names, &check->vm_name_capacity,
		check->vm_name_count + 1, sizeof(*check->vm_names)))
		return UINT32_MAX;
	check->vm_names[check->vm_name_count] = kept;
	return (uint32_t)check->vm_name_count++;
}

bool check_next_run(const struct iommusim_vm *vm, uint64_t *gpa, uint64_t *hpa, uint64_t *run)
{
	const uint64_t high_base = UINT64_C(4) << 30;

	if (iommusim_vm_gpa_to_hpa(vm, *gpa, hpa, run) == IOMMUSIM_OK)
		return true;
	if (*gpa >= high_base)
		return false;
	*gpa = high_base;
	return iommusim_vm_gpa_to_hpa(vm, *gpa, hpa, run) == IOMMUSIM_OK;
}

static void mark(struct iommusim_check *check, const struct iommusim_vm *vm, bool owned)
{
	const uint32_t stamp = owned ? stamp_of(check, iommusim_vm_name(vm)) : 0;
	uint64_t hpa, run;

	for (uint64_t gpa = 0; check_next_run(vm, &gpa, &hpa, &run); gpa += run) {
		if (stamp == UINT32_MAX || !pagemap_prepare(&check->owners, hpa, run))
			check->owners_incomplete = true;
		else
			pagemap_set(&check->owners, hpa, run, owned ? gpa | OWNER_IS_VM : 0, stamp);
	}
}

void check_owner_vm(struct iommusim_check *check, const struct iommusim_vm *vm)
{
	mark(check, vm, true);
}

void check_disown_vm(struct iommusim_check *check, const struct iommusim_vm *vm)
{
	mark(check, vm, false);
}

static enum iommusim_owner owner_by_memory(const struct iommusim_check *check, uint64_t address)
{
	const struct memory_window *window = memory_find(&check->machine->memory, address);

	if (window == NULL)
		return mmio_overlaps(check->machine, address, 1) ? IOMMUSIM_OWNER_DEVICE
								 : IOMMUSIM_OWNER_NOBODY;
	if (window->kind == IOMMUSIM_MEMORY_FIRMWARE)
		return IOMMUSIM_OWNER_FIRMWARE;
	if (vmm_page_use(check->vmm, address) == VMM_PAGE_TABLE)
		return IOMMUSIM_OWNER_TABLE;
	return IOMMUSIM_OWNER_HOST;
}

/* The slow way: look through the memory of every VM. */
static bool ask_vms(
    const struct iommusim_check *check, uint64_t address, struct iommusim_judged_page *page)
{
	const struct iommusim_vm *vm;

	for (size_t i = 0; (vm = iommusim_vm_at(check->vmm, i)) != NULL; i++) {
		uint64_t hpa, run;

		for (uint64_t gpa = 0; check_next_run(vm, &gpa, &hpa, &run); gpa += run) {
			if (address - hpa >= run)
				continue;
			page->owner = IOMMUSIM_OWNER_VM;
			page->owner_gpa = gpa + (address - hpa);
			strncpy(page->owner_vm, iommusim_vm_name(vm), sizeof(page->owner_vm) - 1);
			return true;
		}
	}
	return false;
}

void check_owner_of(
    const struct iommusim_check *check, uint64_t address, struct iommusim_judged_page *page)
{
	const struct pagemap_cell cell = pagemap_get(&check->owners, address);

	page->owner_vm[0] = '\0';
	page->owner_gpa = 0;
	if ((cell.value & OWNER_IS_VM) == 0) {
		if (!check->owners_incomplete || !ask_vms(check, address, page))
			page->owner = owner_by_memory(check, address);
		return;
	}
	page->owner = IOMMUSIM_OWNER_VM;
	page->owner_gpa =
	    (cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) | (address & (IOMMUSIM_PAGE_SIZE - 1));
	strncpy(page->owner_vm, check->vm_names[cell.stamp], sizeof(page->owner_vm) - 1);
}
