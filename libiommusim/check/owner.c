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

/*
 * Guest memory run by run. Without memory for the record a run stays "host": less is known, and
 * nothing breaks.
 */
static void mark(struct iommusim_check *check, const struct iommusim_vm *vm, bool owned)
{
	const uint64_t high_base = UINT64_C(4) << 30;
	const uint32_t stamp = owned ? stamp_of(check, iommusim_vm_name(vm)) : 0;
	uint64_t gpa = 0, hpa, run;

	while (stamp != UINT32_MAX) {
		if (iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, &run) != IOMMUSIM_OK) {
			if (gpa >= high_base)
				return;
			gpa = high_base; /* the hole below 4 GiB, or the end of a small guest */
			continue;
		}
		if (pagemap_prepare(&check->owners, hpa, run))
			pagemap_set(&check->owners, hpa, run, owned ? gpa | OWNER_IS_VM : 0, stamp);
		gpa += run;
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
		return mmio_overlaps(check->machine, address, 1) ? IOMMUSIM_OWNER_DEVICE :
								   IOMMUSIM_OWNER_NOBODY;
	if (window->kind == IOMMUSIM_MEMORY_FIRMWARE)
		return IOMMUSIM_OWNER_FIRMWARE;
	if (vmm_page_use(check->vmm, address) == VMM_PAGE_TABLE)
		return IOMMUSIM_OWNER_TABLE;
	return IOMMUSIM_OWNER_HOST;
}

void check_owner_of(const struct iommusim_check *check, uint64_t address,
    struct iommusim_judged_page *page)
{
	const struct pagemap_cell cell = pagemap_get(&check->owners, address);

	page->owner_vm[0] = '\0';
	page->owner_gpa = 0;
	if ((cell.value & OWNER_IS_VM) == 0) {
		page->owner = owner_by_memory(check, address);
		return;
	}
	page->owner = IOMMUSIM_OWNER_VM;
	page->owner_gpa = (cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) |
	    (address & (IOMMUSIM_PAGE_SIZE - 1));
	strncpy(page->owner_vm, check->vm_names[cell.stamp], sizeof(page->owner_vm) - 1);
}
