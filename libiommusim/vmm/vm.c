/* Virtual machines: their memory, their domain, their passthrough devices. */
#include "vmm/state.h"

#include <stdio.h>
#include <string.h>

/* Where guest memory lies: below 3 GiB, and from 4 GiB on (bhyve's VM_LOWMEM_LIMIT, VM_HIGHMEM_BASE). */
#define LOW_LIMIT UINT64_C(0xc0000000)
#define HIGH_BASE UINT64_C(0x100000000)

/* ---- a VM and its memory ------------------------------------------------------------------------- */

enum iommusim_status iommusim_vm_create(
    struct iommusim_vmm *vmm, const char *name, struct iommusim_vm **out)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_VM_CREATE, .name = name };
	enum iommusim_status status = vmm_call_begin(vmm, &call);
	struct iommusim_vm *vm = NULL;

	if (out != NULL)
		*out = NULL;
	if (status == IOMMUSIM_OK && (name[0] == '\0' || strlen(name) >= VMM_NAME_LENGTH))
		status = machine_fail(vmm->machine, IOMMUSIM_EINVAL,
		    "a VM's name has 1 to %u characters", VMM_NAME_LENGTH - 1);
	if (status == IOMMUSIM_OK && strcmp(name, "host") == 0)
		status = machine_fail(vmm->machine, IOMMUSIM_EINVAL, "\"host\" is the host's own name");
	if (status == IOMMUSIM_OK && iommusim_vm_find(vmm, name) != NULL)
		status =
		    machine_fail(vmm->machine, IOMMUSIM_EEXIST, "there is a VM \"%s\" already", name);
	if (status == IOMMUSIM_OK) {
		vm = machine_alloc_zeroed(vmm->machine, sizeof(*vm));
		if (vm == NULL)
			status = machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for a VM");
	}
	if (vm != NULL) {
		vm->vmm = vmm;
		memcpy(vm->name, name, strlen(name));
		TAILQ_INSERT_TAIL(&vmm->vms, vm, link);
		if (out != NULL)
			*out = vm;
	}
	call.vm = vm;
	return vmm_call_end(vmm, &call, status);
}

static uint64_t clusters_for(uint64_t size)
{
	return (size >> PAGES_CLUSTER_SHIFT) + ((size & (PAGES_CLUSTER - 1)) != 0);
}

static enum iommusim_status do_setup_memory(
    struct iommusim_vm *vm, const struct iommusim_vm_memory *memory)
{
	struct iommusim_machine *machine = vm->vmm->machine;
	const uint64_t wanted = clusters_for(memory->size);
	const size_t count = (size_t)wanted;
	uint64_t *clusters;

	if (memory->size == 0 || (memory->size & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "guest memory of %llu bytes: it must be a multiple of 4 KiB",
		    (unsigned long long)memory->size);
	if (vm->size != 0)
		return machine_fail(
		    machine, IOMMUSIM_EEXIST, "\"%s\" has its memory already", vm->name);
	if (wanted > vm->vmm->pages.clusters_free)
		return machine_fail(machine, IOMMUSIM_ENOMEM,
		    "\"%s\" wants %llu MiB, and %llu MiB of host memory are free", vm->name,
		    (unsigned long long)(memory->size >> 20),
		    (unsigned long long)(vm->vmm->pages.clusters_free >> (20 - PAGES_CLUSTER_SHIFT)));
	clusters = machine_alloc(machine, count * sizeof(*clusters));
	if (clusters == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a memory map");
	if (!pages_take_clusters(&vm->vmm->pages, count, memory->seed, memory->contiguous, clusters)) {
		machine_free(machine, clusters, count * sizeof(*clusters));
		return machine_fail(machine, IOMMUSIM_ENOMEM,
		    "no run of %llu MiB of host memory is free",
		    (unsigned long long)(memory->size >> 20));
	}
	vm->clusters = clusters;
	vm->cluster_count = count;
	vm->size = memory->size;
	vm->wired = !memory->unwired;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_vm_setup_memory(
    struct iommusim_vm *vm, const struct iommusim_vm_memory *memory)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_VM_SETUP_MEMORY,
		.vm = vm,
		.name = vm->name,
		.length = memory->size,
		.value = memory->seed,
		.contiguous = memory->contiguous,
		.unwired = memory->unwired,
	};
	enum iommusim_status status = vmm_call_begin(vm->vmm, &call);

	if (status == IOMMUSIM_OK)
		status = do_setup_memory(vm, memory);
	return vmm_call_end(vm->vmm, &call, status);
}

enum iommusim_status iommusim_vm_gpa_to_hpa(
    const struct iommusim_vm *vm, uint64_t gpa, uint64_t *hpa, uint64_t *run)
{
	uint64_t offset = gpa < LOW_LIMIT ? gpa : gpa - (HIGH_BASE - LOW_LIMIT), end;
	size_t cluster;

	if ((gpa >= LOW_LIMIT && gpa < HIGH_BASE) || offset >= vm->size)
		return IOMMUSIM_ENOENT;
	end = gpa < LOW_LIMIT && vm->size > LOW_LIMIT ? LOW_LIMIT : vm->size;
	cluster = (size_t)(offset >> PAGES_CLUSTER_SHIFT);
	*hpa = vm->clusters[cluster] + (offset & (PAGES_CLUSTER - 1));
	if (run == NULL)
		return IOMMUSIM_OK;
	*run = PAGES_CLUSTER - (offset & (PAGES_CLUSTER - 1));
	for (;
	     offset + *run < end && vm->clusters[cluster + 1] == vm->clusters[cluster] + PAGES_CLUSTER;
	     cluster++)
		*run += PAGES_CLUSTER;
	if (*run > end - offset)
		*run = end - offset;
	return IOMMUSIM_OK;
}

static uint64_t highest_gpa(const struct iommusim_vm *vm)
{
	return vm->size <= LOW_LIMIT ? vm->size : vm->size + (HIGH_BASE - LOW_LIMIT);
}

/* ---- memory in and out of domains ------------------------------------------------------------------ */

static bool removes_host_pages(const struct iommusim_vm *vm)
{
	return vmm_policy(vm->vmm, COLUMN_host_pages) != POLICY_host_pages_KEEP &&
	    vm->vmm->host != NULL;
}

/* What vmm maps or unmaps by one call: where the guest sees it, and where the host does. */
struct piece {
	uint64_t gpa;
	uint64_t hpa;
	uint64_t length;
};

/* How the profile has memory moved: asked once, for guests have millions of pages. */
struct manner {
	bool in_runs;     /* as much as lies in a row on both sides, for leaves may be large */
	bool leaves_host; /* out of the host domain, too */
	bool one_by_one;  /* each removal has an invalidation to itself, or is counted */
};

static struct manner manner_of(const struct iommusim_vm *vm)
{
	return (struct manner){
		.in_runs = vmm_policy(vm->vmm, COLUMN_leaves) != POLICY_leaves_SMALL,
		.leaves_host = removes_host_pages(vm),
		.one_by_one = vmm_policy(vm->vmm, COLUMN_invalidate) != POLICY_invalidate_AFTERWARDS,
	};
}

static struct piece piece_at(const struct iommusim_vm *vm, const struct manner *manner, uint64_t offset)
{
	struct piece piece = {
		.gpa = offset < LOW_LIMIT ? offset : offset + (HIGH_BASE - LOW_LIMIT),
		.hpa = vm->clusters[offset >> PAGES_CLUSTER_SHIFT] + (offset & (PAGES_CLUSTER - 1)),
		.length = IOMMUSIM_PAGE_SIZE,
	};

	if (manner->in_runs)
		iommusim_vm_gpa_to_hpa(vm, piece.gpa, &piece.hpa, &piece.length);
	return piece;
}

/* The end of what vmm maps of guest memory, as an offset into it. */
static uint64_t mapped_end(const struct iommusim_vm *vm)
{
	if (!vm->wired)
		return 0;
	return vmm_policy(vm->vmm, COLUMN_memory) == POLICY_memory_LOW_ONLY && vm->size > LOW_LIMIT
	    ? LOW_LIMIT
	    : vm->size;
}

/* A page moves as a whole: into the guest's domain and out of the host's, or not at all. */
static enum iommusim_status map_piece(
    struct iommusim_vm *vm, const struct manner *manner, const struct piece *piece)
{
	enum iommusim_status status =
	    vmm_map(vm->vmm, vm->domain, piece->gpa, piece->hpa, piece->length);

	if (status != IOMMUSIM_OK || !manner->leaves_host)
		return status;
	status = vmm_unmap(vm->vmm, vm->vmm->host, piece->hpa, piece->length);
	if (status == IOMMUSIM_OK && !manner->one_by_one)
		return IOMMUSIM_OK;
	if (status == IOMMUSIM_OK)
		return vmm_removed(vm->vmm, vm->vmm->host, piece->hpa, piece->length);
	vmm_unmap(vm->vmm, vm->domain, piece->gpa, piece->length);
	return status;
}

static enum iommusim_status unmap_piece(
    struct iommusim_vm *vm, const struct manner *manner, const struct piece *piece)
{
	enum iommusim_status status = vmm_unmap(vm->vmm, vm->domain, piece->gpa, piece->length);

	if (status == IOMMUSIM_OK && manner->one_by_one)
		status = vmm_removed(vm->vmm, vm->domain, piece->gpa, piece->length);
	if (status == IOMMUSIM_OK && manner->leaves_host)
		status = vmm_map(vm->vmm, vm->vmm->host, piece->hpa, piece->hpa, piece->length);
	return status;
}

/* A page that will not go keeps no other one: all are tried, the first failure is what is said. */
static enum iommusim_status unmap_pages(struct iommusim_vm *vm, uint64_t end)
{
	enum iommusim_status first = IOMMUSIM_OK;
	const struct manner manner = manner_of(vm);
	struct piece piece;

	for (uint64_t offset = 0; offset < end; offset += piece.length) {
		enum iommusim_status status;

		piece = piece_at(vm, &manner, offset);
		status = unmap_piece(vm, &manner, &piece);
		if (first == IOMMUSIM_OK)
			first = status;
	}
	return first;
}

/* What is invalidated after the VM's memory went into its domain, or out of it. */
static enum iommusim_status flush_after(struct iommusim_vm *vm, struct iommusim_domain *usual)
{
	struct iommusim_vmm *vmm = vm->vmm;
	enum iommusim_status status;

	if (vmm_policy(vmm, COLUMN_flush) == POLICY_flush_HOST_THEN_GUEST)
		return usual == NULL ? IOMMUSIM_OK : iommusim_iommu_invalidate_tlb(vmm, usual);
	status = iommusim_iommu_invalidate_tlb(vmm, vm->domain);
	if (status == IOMMUSIM_OK && removes_host_pages(vm))
		status = iommusim_iommu_invalidate_tlb(vmm, vmm->host);
	return status;
}

static enum iommusim_status unmap_vm(struct iommusim_vm *vm)
{
	enum iommusim_status status;

	if (!vm->mapped)
		return IOMMUSIM_OK;
	vm->mapped = false;
	status = unmap_pages(vm, mapped_end(vm));
	return status == IOMMUSIM_OK ? flush_after(vm, vm->domain) : status;
}

static enum iommusim_status map_vm(struct iommusim_vm *vm)
{
	enum iommusim_status status = IOMMUSIM_OK;
	const struct manner manner = manner_of(vm);
	const uint64_t end = mapped_end(vm);
	uint64_t done = 0;

	if (vm->domain == NULL) /* there is no IOMMU, and nobody looks (policy no_iommu) */
		return IOMMUSIM_OK;
	while (done < end) {
		const struct piece piece = piece_at(vm, &manner, done);

		status = map_piece(vm, &manner, &piece);
		if (status != IOMMUSIM_OK)
			break;
		done += piece.length;
	}
	if (status == IOMMUSIM_OK)
		status = flush_after(vm, vm->vmm->host);
	vm->mapped = status == IOMMUSIM_OK;
	if (vm->mapped)
		return IOMMUSIM_OK;
	unmap_pages(vm, done);
	flush_after(vm, vm->domain);
	return status;
}

/* ---- passthrough ----------------------------------------------------------------------------------- */

static unsigned devices_of(const struct iommusim_vm *vm)
{
	const struct vmm_device *device;
	unsigned count = 0;

	TAILQ_FOREACH (device, &vm->vmm->devices, link)
		count += device->vm == vm;
	return count;
}

static enum iommusim_status make_domain(struct iommusim_vm *vm)
{
	enum iommusim_status status;

	if (vm->domain != NULL)
		return IOMMUSIM_OK;
	status = iommusim_iommu_create_domain(vm->vmm, highest_gpa(vm), &vm->domain);
	if (status == IOMMUSIM_ENXIO && vmm_policy(vm->vmm, COLUMN_no_iommu) == POLICY_no_iommu_SILENT)
		return IOMMUSIM_OK; /* nobody looks whether there is one */
	if (status == IOMMUSIM_OK)
		snprintf(vm->domain->name, sizeof(vm->domain->name), "%s", vm->name);
	return status;
}

static void drop_domain(struct iommusim_vm *vm)
{
	struct iommusim_domain *domain = vm->domain;

	vm->domain = NULL;
	if (domain != NULL)
		iommusim_iommu_destroy_domain(vm->vmm, domain);
}

static bool maps_first(const struct iommusim_vm *vm)
{
	return vmm_policy(vm->vmm, COLUMN_order) == POLICY_order_MAP_FIRST;
}

/* The first device of a VM brings its memory into a domain of its own. */
static enum iommusim_status prepare_first(struct iommusim_vm *vm)
{
	enum iommusim_status status;

	if (vm->size == 0)
		return machine_fail(
		    vm->vmm->machine, IOMMUSIM_EINVAL, "\"%s\" has no memory yet", vm->name);
	status = make_domain(vm);
	return status == IOMMUSIM_OK && maps_first(vm) ? map_vm(vm) : status;
}

/* The device leaves the host and comes to the guest. */
static enum iommusim_status hand_over(struct iommusim_vm *vm, struct vmm_device *device)
{
	enum iommusim_status status = vmm_device_claim(vm->vmm, device);

	if (status != IOMMUSIM_OK)
		return status;
	vmm_device_reset(vm->vmm, device);
	status = iommusim_iommu_add_device(vm->vmm, vm->domain, device->segment, device->rid);
	if (status == IOMMUSIM_OK) {
		device->vm = vm;
		vmm_device_master(vm->vmm, device, true);
	} else if (status != IOMMUSIM_EFAULT)
		vmm_device_idle(vm->vmm, device);
	return status;
}

static enum iommusim_status do_assign(struct iommusim_vm *vm, uint16_t segment, uint16_t rid)
{
	struct iommusim_machine *machine = vm->vmm->machine;
	struct vmm_device *device = vmm_device_find(vm->vmm, segment, rid);
	const bool first = devices_of(vm) == 0, had_domain = vm->domain != NULL;
	enum iommusim_status status = IOMMUSIM_OK;

	if (device == NULL || device->driver != IOMMUSIM_DRIVER_PPT)
		return machine_fail(machine, IOMMUSIM_ENXIO, "no ppt device at %u/%u/%u",
		    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	if (device->vm != NULL)
		return machine_fail(
		    machine, IOMMUSIM_EBUSY, "\"%s\" has that device", device->vm->name);
	if (first)
		status = prepare_first(vm);
	if (status == IOMMUSIM_OK)
		status = hand_over(vm, device);
	if (status == IOMMUSIM_OK)
		/* What cannot be mapped now leaves the device where it is. */
		return first && !maps_first(vm) ? map_vm(vm) : IOMMUSIM_OK;
	if (first && status != IOMMUSIM_EFAULT) {
		unmap_vm(vm);
		if (!had_domain)
			drop_domain(vm);
	}
	return status;
}

enum iommusim_status iommusim_vm_assign_pptdev(struct iommusim_vm *vm, uint16_t segment, uint16_t rid)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_VM_ASSIGN_PPTDEV,
		.vm = vm,
		.name = vm->name,
		.segment = segment,
		.rid = rid,
	};
	enum iommusim_status status = vmm_call_begin(vm->vmm, &call);

	if (status == IOMMUSIM_OK)
		status = do_assign(vm, segment, rid);
	return vmm_call_end(vm->vmm, &call, status);
}

static enum iommusim_status take_away(struct iommusim_vm *vm, struct vmm_device *device)
{
	enum iommusim_status status;

	vmm_device_master(vm->vmm, device, false);
	vmm_device_reset(vm->vmm, device);
	status = iommusim_iommu_remove_device(vm->vmm, vm->domain, device->segment, device->rid);
	if (status != IOMMUSIM_OK)
		return status;
	device->vm = NULL;
	status = vmm_device_idle(vm->vmm, device);
	return devices_of(vm) == 0 && status == IOMMUSIM_OK ? unmap_vm(vm) : status;
}

enum iommusim_status iommusim_vm_unassign_pptdev(struct iommusim_vm *vm, uint16_t segment, uint16_t rid)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV,
		.vm = vm,
		.name = vm->name,
		.segment = segment,
		.rid = rid,
	};
	struct vmm_device *device = vmm_device_find(vm->vmm, segment, rid);
	enum iommusim_status status = vmm_call_begin(vm->vmm, &call);

	if (status == IOMMUSIM_OK && (device == NULL || device->vm != vm))
		status = machine_fail(vm->vmm->machine, IOMMUSIM_ENOENT,
		    "\"%s\" does not have the device at %u/%u/%u", vm->name, IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	else if (status == IOMMUSIM_OK)
		status = take_away(vm, device);
	return vmm_call_end(vm->vmm, &call, status);
}

/* ---- the end of a VM ------------------------------------------------------------------------------- */

void vmm_free_vm(struct iommusim_vm *vm)
{
	struct iommusim_machine *machine = vm->vmm->machine;
	struct vmm_device *device;

	TAILQ_FOREACH (device, &vm->vmm->devices, link)
		if (device->vm == vm)
			device->vm = NULL;
	if (vm->clusters != NULL)
		pages_give_clusters(&vm->vmm->pages, vm->cluster_count, vm->clusters);
	machine_free(machine, vm->clusters, vm->cluster_count * sizeof(*vm->clusters));
	TAILQ_REMOVE(&vm->vmm->vms, vm, link);
	machine_free(machine, vm, sizeof(*vm));
}

enum iommusim_status iommusim_vm_destroy(struct iommusim_vm *vm)
{
	struct iommusim_vmm *vmm = vm->vmm;
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_VM_DESTROY, .vm = vm, .name = vm->name };
	enum iommusim_status status = vmm_call_begin(vmm, &call);
	struct vmm_device *device;

	TAILQ_FOREACH (device, &vmm->devices, link)
		if (status == IOMMUSIM_OK && device->vm == vm)
			status = take_away(vm, device);
	if (status == IOMMUSIM_OK)
		drop_domain(vm);
	vmm_call_end(vmm, &call, status); /* listeners see the VM and its memory a last time */
	if (status == IOMMUSIM_OK)
		vmm_free_vm(vm);
	return status;
}

struct iommusim_vm *iommusim_vm_find(const struct iommusim_vmm *vmm, const char *name)
{
	struct iommusim_vm *vm;

	TAILQ_FOREACH (vm, &vmm->vms, link)
		if (strcmp(vm->name, name) == 0)
			return vm;
	return NULL;
}

struct iommusim_vm *iommusim_vm_at(const struct iommusim_vmm *vmm, size_t index)
{
	struct iommusim_vm *vm;

	TAILQ_FOREACH (vm, &vmm->vms, link)
		if (index-- == 0)
			return vm;
	return NULL;
}

const char *iommusim_vm_name(const struct iommusim_vm *vm)
{
	return vm->name;
}

uint64_t iommusim_vm_memory_size(const struct iommusim_vm *vm)
{
	return vm->size;
}

struct iommusim_domain *iommusim_vm_domain(const struct iommusim_vm *vm)
{
	return vm->domain;
}

struct iommusim_vm *iommusim_vm_of_device(
    const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid)
{
	const struct vmm_device *device = vmm_device_find(vmm, segment, rid);

	return device == NULL ? NULL : device->vm;
}
