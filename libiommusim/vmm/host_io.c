/*
 * I/O of the host's devices for a guest, as bhyve's block and network back-ends ask for it: to the guest's own
 * pages, or by way of a buffer of the host's where the profile has those pages out of reach.
 */
#include <string.h>

#include "machine/memory_access.h"
#include "vmm/state.h"

/* Bytes between the buffer and guest memory, run by run. */
static void copy(struct iommusim_host_io *io, uint64_t length)
{
	const struct memory *memory = &io->vm->vmm->machine->memory;

	for (uint64_t done = 0; done < length;) {
		uint64_t guest, run, buffer, room, part;

		if (iommusim_vm_gpa_to_hpa(io->vm, io->gpa + done, &guest, &run) != IOMMUSIM_OK)
			return;
		iommusim_host_io_address(io, done, &buffer, &room);
		part = run < room ? run : room;
		part = part < length - done ? part : length - done;
		if (io->into_guest)
			memcpy(memory_at(memory, guest, part), memory_at(memory, buffer, part), part);
		else
			memcpy(memory_at(memory, buffer, part), memory_at(memory, guest, part), part);
		done += part;
	}
	io->vm->vmm->bounced += length;
}

static enum iommusim_status take_buffer(struct iommusim_host_io *io)
{
	struct iommusim_vmm *vmm = io->vm->vmm;
	const size_t count = (size_t)((io->length + PAGES_CLUSTER - 1) >> PAGES_CLUSTER_SHIFT);

	io->buffer = machine_alloc(vmm->machine, count * sizeof(*io->buffer));
	if (io->buffer == NULL)
		return machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for a bounce buffer");
	if (!pages_take_clusters(&vmm->pages, count, 0, false, io->buffer)) {
		machine_free(vmm->machine, io->buffer, count * sizeof(*io->buffer));
		io->buffer = NULL;
		return machine_fail(vmm->machine, IOMMUSIM_ENOMEM,
		    "no %llu KiB of host memory for a bounce buffer",
		    (unsigned long long)(io->length >> 10));
	}
	io->buffer_count = count;
	return IOMMUSIM_OK;
}

static bool is_guest_memory(const struct iommusim_vm *vm, uint64_t gpa, uint64_t length)
{
	uint64_t hpa, run;

	while (iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, &run) == IOMMUSIM_OK) {
		if (length <= run)
			return true;
		length -= run;
		gpa += run;
	}
	return false;
}

enum iommusim_status iommusim_host_io_begin(
    struct iommusim_vm *vm, uint64_t gpa, uint64_t length, bool into_guest, struct iommusim_host_io *io)
{
	enum iommusim_status status;

	*io = (struct iommusim_host_io){
		.vm = vm, .gpa = gpa, .length = length, .into_guest = into_guest
	};
	if (length == 0 || !is_guest_memory(vm, gpa, length))
		return machine_fail(vm->vmm->machine, IOMMUSIM_EINVAL,
		    "\"%s\" does not have 0x%llx bytes of memory at 0x%llx", vm->name,
		    (unsigned long long)length, (unsigned long long)gpa);
	if (vmm_policy(vm->vmm, COLUMN_host_pages) != POLICY_host_pages_BOUNCE || !vm->mapped)
		return IOMMUSIM_OK;
	status = take_buffer(io);
	if (status == IOMMUSIM_OK && !into_guest)
		copy(io, length);
	return status;
}

void iommusim_host_io_address(
    const struct iommusim_host_io *io, uint64_t offset, uint64_t *hpa, uint64_t *run)
{
	if (io->buffer == NULL) {
		iommusim_vm_gpa_to_hpa(io->vm, io->gpa + offset, hpa, run);
		return;
	}
	*hpa = io->buffer[offset >> PAGES_CLUSTER_SHIFT] + (offset & (PAGES_CLUSTER - 1));
	*run = PAGES_CLUSTER - (offset & (PAGES_CLUSTER - 1));
}

void iommusim_host_io_end(struct iommusim_host_io *io, uint64_t moved)
{
	struct iommusim_vmm *vmm = io->vm->vmm;

	if (io->buffer == NULL)
		return;
	if (io->into_guest)
		copy(io, moved < io->length ? moved : io->length);
	pages_give_clusters(&vmm->pages, io->buffer_count, io->buffer);
	machine_free(vmm->machine, io->buffer, io->buffer_count * sizeof(*io->buffer));
	io->buffer = NULL;
}

uint64_t iommusim_vmm_bounced(const struct iommusim_vmm *vmm)
{
	return vmm->bounced;
}
