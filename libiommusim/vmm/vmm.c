/* vmm loaded and unloaded, its console, its sysctls, and those who listen to its calls. */
#include "vmm/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t initial;
	bool writable;
} sysctl_table[SYSCTL_COUNT] = {
#define SYSCTL(id, sysctl_name, value, rw)                                                             \
	[SYSCTL_##id] = { .name = sysctl_name, .initial = value, .writable = rw },
#include "vmm/sysctls.def"
#undef SYSCTL
};

/* How many removals one invalidation is for (policy invalidate). */
static unsigned gathered_most(const struct iommusim_vmm *vmm)
{
	switch ((int)vmm_policy(vmm, COLUMN_invalidate)) {
	case POLICY_invalidate_STRICT:
		return 1;
	case POLICY_invalidate_DEFERRED:
		return 64;
	default:
		return 0;
	}
}

static void take_defaults(struct iommusim_vmm *vmm, struct iommusim_machine *machine,
    const char *profile, const struct iommusim_vmm_config *config)
{
	vmm->machine = machine;
	vmm->profile = iommusim_profile_find(profile);
	if (vmm->profile == NULL) {
		snprintf(vmm->profile_name, sizeof(vmm->profile_name), "%s", profile);
		profile_read(vmm->profile_name, &vmm->varied);
		vmm->profile = &vmm->varied;
	}
	vmm->gathered_most = gathered_most(vmm);
	vmm->cpu = config->cpu;
	if (config->ops != NULL) {
		vmm->foreign_ops = true;
		vmm->ops = *config->ops;
		vmm->ops_context = config->ops_context;
	}
	TAILQ_INIT(&vmm->domains);
	TAILQ_INIT(&vmm->devices);
	TAILQ_INIT(&vmm->vms);
	for (unsigned i = 0; i < SYSCTL_COUNT; i++)
		vmm->sysctls[i] = sysctl_table[i].initial;
}

enum iommusim_status iommusim_vmm_create(struct iommusim_machine *machine,
    const struct iommusim_vmm_config *config, struct iommusim_vmm **out)
{
	static const struct iommusim_vmm_config defaults;
	enum iommusim_status status;
	struct iommusim_vmm *vmm;
	const char *name;

	*out = NULL;
	if (config == NULL)
		config = &defaults;
	name = config->profile == NULL ? "reference" : config->profile;
	if (!iommusim_profile_exists(name))
		return machine_fail(machine, IOMMUSIM_ENOENT, "no profile is called \"%s\"", name);
	vmm = machine_alloc_zeroed(machine, sizeof(*vmm));
	if (vmm == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for vmm");
	take_defaults(vmm, machine, name, config);
	status = pages_init(&vmm->pages, machine);
	if (status != IOMMUSIM_OK) {
		machine_free(machine, vmm, sizeof(*vmm));
		return status;
	}
	*out = vmm;
	return IOMMUSIM_OK;
}

static void free_messages(struct iommusim_vmm *vmm)
{
	for (size_t i = 0; i < vmm->message_count; i++)
		machine_free(vmm->machine, vmm->messages[i], strlen(vmm->messages[i]) + 1);
	machine_free(vmm->machine, vmm->messages, vmm->message_capacity * sizeof(*vmm->messages));
}

void iommusim_vmm_destroy(struct iommusim_vmm *vmm)
{
	struct iommusim_machine *machine;
	struct vmm_device *device;

	if (vmm == NULL)
		return;
	machine = vmm->machine;
	while (!TAILQ_EMPTY(&vmm->vms))
		vmm_free_vm(TAILQ_FIRST(&vmm->vms));
	while (!TAILQ_EMPTY(&vmm->domains))
		vmm_free_domain(TAILQ_FIRST(&vmm->domains));
	while ((device = TAILQ_FIRST(&vmm->devices)) != NULL) {
		TAILQ_REMOVE(&vmm->devices, device, link);
		machine_free(machine, device, sizeof(*device));
	}
	vtd_driver_destroy(vmm->vtd);
	amdvi_driver_destroy(vmm->amdvi);
	free_messages(vmm);
	machine_free(machine, vmm->listeners, vmm->listener_capacity * sizeof(*vmm->listeners));
	pages_fini(&vmm->pages);
	machine_free(machine, vmm, sizeof(*vmm));
}

struct iommusim_machine *iommusim_vmm_machine(const struct iommusim_vmm *vmm)
{
	return vmm->machine;
}

const struct iommusim_profile *iommusim_vmm_profile(const struct iommusim_vmm *vmm)
{
	return vmm->profile;
}

enum iommusim_status iommusim_vmm_unload(struct iommusim_vmm *vmm)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_VMM_UNLOAD };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK) {
		if (TAILQ_EMPTY(&vmm->vms))
			vmm_iommu_unload(vmm);
		else
			status = machine_fail(
			    vmm->machine, IOMMUSIM_EBUSY, "vmm cannot be unloaded while a VM exists");
	}
	return vmm_call_end(vmm, &call, status);
}

/* ---- console -------------------------------------------------------------------------------- */

static void print(struct iommusim_vmm *vmm, const char *format, va_list arguments)
{
	char text[320], *kept;
	size_t length;

	vsnprintf(text, sizeof(text), format, arguments);
	length = strlen(text) + 1;
	/* A console that has no room loses the line: nothing else depends on it. */
	if (!machine_grow(vmm->machine, &vmm->messages, &vmm->message_capacity, vmm->message_count + 1,
		sizeof(*vmm->messages)))
		return;
	kept = machine_alloc(vmm->machine, length);
	if (kept == NULL)
		return;
	memcpy(kept, text, length);
	vmm->messages[vmm->message_count++] = kept;
}

void vmm_print(struct iommusim_vmm *vmm, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(vmm, format, arguments);
	va_end(arguments);
}

enum iommusim_status vmm_panic(struct iommusim_vmm *vmm, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	vmm->panicked = true;
	vmm_close_windows(vmm);
	vmm_print(vmm, "panic: %s", text);
	return machine_fail(vmm->machine, IOMMUSIM_EFAULT, "panic: %s", text);
}

enum iommusim_status vmm_violation(
    struct iommusim_vmm *vmm, enum iommusim_status status, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (vmm_policy(vmm, COLUMN_violation) == POLICY_violation_PANIC)
		return vmm_panic(vmm, "%s", text);
	return machine_fail(vmm->machine, status, "%s", text);
}

const char *iommusim_vmm_message(const struct iommusim_vmm *vmm, size_t index)
{
	return index < vmm->message_count ? vmm->messages[index] : NULL;
}

/* ---- sysctls -------------------------------------------------------------------------------- */

static enum vmm_sysctl find_sysctl(const char *name)
{
	unsigned i = 0;

	while (i < SYSCTL_COUNT && strcmp(sysctl_table[i].name, name) != 0)
		i++;
	return (enum vmm_sysctl)i;
}

const char *iommusim_sysctl_name(size_t index)
{
	return index < SYSCTL_COUNT ? sysctl_table[index].name : NULL;
}

enum iommusim_status iommusim_sysctl_get(
    const struct iommusim_vmm *vmm, const char *name, uint64_t *value)
{
	const enum vmm_sysctl id = find_sysctl(name);

	if (id == SYSCTL_COUNT)
		return machine_fail(vmm->machine, IOMMUSIM_ENOENT, "no sysctl is called \"%s\"", name);
	if (id == SYSCTL_iommu_initialized)
		*value = vmm->available;
	else if (id == SYSCTL_ppt_devices)
		*value = vmm_ppt_devices(vmm);
	else
		*value = vmm->sysctls[id];
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_sysctl_set(struct iommusim_vmm *vmm, const char *name, uint64_t value)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_SYSCTL_SET, .name = name, .value = value };
	const enum vmm_sysctl id = find_sysctl(name);
	enum iommusim_status status;

	if (id == SYSCTL_COUNT)
		return machine_fail(vmm->machine, IOMMUSIM_ENOENT, "no sysctl is called \"%s\"", name);
	if (!sysctl_table[id].writable)
		return machine_fail(vmm->machine, IOMMUSIM_EINVAL, "%s is read-only", name);
	status = vmm_call_begin(vmm, &call);
	if (status == IOMMUSIM_OK)
		vmm->sysctls[id] = value;
	return vmm_call_end(vmm, &call, status);
}

/* ---- calls and listeners ------------------------------------------------------------------------ */

enum iommusim_status iommusim_vmm_listen(
    struct iommusim_vmm *vmm, const struct iommusim_listener *listener)
{
	if (!machine_grow(vmm->machine, &vmm->listeners, &vmm->listener_capacity,
		vmm->listener_count + 1, sizeof(*vmm->listeners)))
		return machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for a listener");
	vmm->listeners[vmm->listener_count++] = *listener;
	vmm_close_windows(vmm);
	return IOMMUSIM_OK;
}

void iommusim_vmm_unlisten(struct iommusim_vmm *vmm, const void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < vmm->listener_count; i++)
		if (vmm->listeners[i].context != context)
			vmm->listeners[kept++] = vmm->listeners[i];
	vmm->listener_count = kept;
}

/* What happens at boot, before modules are loaded. */
static bool is_boot(const struct iommusim_call *call)
{
	return call->kind == IOMMUSIM_CALL_DEVICE_ATTACH || call->kind == IOMMUSIM_CALL_SYSCTL_SET;
}

enum iommusim_status vmm_call_begin(struct iommusim_vmm *vmm, struct iommusim_call *call)
{
	call->depth = vmm->depth++;
	for (size_t i = 0; i < vmm->listener_count; i++)
		if (vmm->listeners[i].begin != NULL)
			vmm->listeners[i].begin(vmm->listeners[i].context, call);
	if (call->depth == 0 && !vmm->reserved && !is_boot(call) &&
	    vmm_reserve_firmware_memory(vmm) != IOMMUSIM_OK)
		return IOMMUSIM_ENOMEM;
	/* Whatever loading does is part of the call that brought it about: a recording has it in that. */
	if (call->depth == 0 && !vmm->loaded && !is_boot(call))
		vmm_load(vmm);
	if (vmm->panicked)
		return machine_fail(vmm->machine, IOMMUSIM_EFAULT, "the kernel has panicked");
	return IOMMUSIM_OK;
}

enum iommusim_status vmm_call_end(
    struct iommusim_vmm *vmm, struct iommusim_call *call, enum iommusim_status status)
{
	call->status = status;
	vmm->depth--;
	for (size_t i = 0; i < vmm->listener_count; i++)
		if (vmm->listeners[i].end != NULL)
			vmm->listeners[i].end(vmm->listeners[i].context, call);
	return status;
}

enum iommusim_status vmm_call_about(struct iommusim_vmm *vmm, enum iommusim_call_kind kind,
    uint16_t segment, uint16_t rid,
    enum iommusim_status (*act)(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid))
{
	struct iommusim_call call = { .kind = kind, .segment = segment, .rid = rid };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = act(vmm, segment, rid);
	return vmm_call_end(vmm, &call, status);
}

const char *iommusim_call_name(enum iommusim_call_kind kind)
{
	static const char *const names[IOMMUSIM_CALL_KINDS] = {
		[IOMMUSIM_CALL_IOMMU_INIT] = "iommu_init",
		[IOMMUSIM_CALL_IOMMU_ENABLE] = "iommu_enable",
		[IOMMUSIM_CALL_IOMMU_DISABLE] = "iommu_disable",
		[IOMMUSIM_CALL_CREATE_DOMAIN] = "iommu_create_domain",
		[IOMMUSIM_CALL_DESTROY_DOMAIN] = "iommu_destroy_domain",
		[IOMMUSIM_CALL_CREATE_MAPPING] = "iommu_create_mapping",
		[IOMMUSIM_CALL_REMOVE_MAPPING] = "iommu_remove_mapping",
		[IOMMUSIM_CALL_ADD_DEVICE] = "iommu_add_device",
		[IOMMUSIM_CALL_REMOVE_DEVICE] = "iommu_remove_device",
		[IOMMUSIM_CALL_INVALIDATE_TLB] = "iommu_invalidate_tlb",
		[IOMMUSIM_CALL_DEVICE_ATTACH] = "device",
		[IOMMUSIM_CALL_PCI_ADD_DEVICE] = "pci_add_device",
		[IOMMUSIM_CALL_PCI_DELETE_DEVICE] = "pci_delete_device",
		[IOMMUSIM_CALL_PPT_ATTACH] = "ppt_attach",
		[IOMMUSIM_CALL_PPT_DETACH] = "ppt_detach",
		[IOMMUSIM_CALL_VM_CREATE] = "vm_create",
		[IOMMUSIM_CALL_VM_DESTROY] = "vm_destroy",
		[IOMMUSIM_CALL_VM_SETUP_MEMORY] = "vm_setup_memory",
		[IOMMUSIM_CALL_VM_ASSIGN_PPTDEV] = "vm_assign_pptdev",
		[IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV] = "vm_unassign_pptdev",
		[IOMMUSIM_CALL_SYSCTL_SET] = "sysctl",
		[IOMMUSIM_CALL_VMM_UNLOAD] = "vmm_unload",
	};

	return (unsigned)kind < IOMMUSIM_CALL_KINDS ? names[kind] : "unknown call";
}

/* ---- for checkers ------------------------------------------------------------------------------ */

enum iommusim_status vmm_interpose(
    struct iommusim_vmm *vmm, enum vmm_interposer_place place, const struct vmm_interposer *interposer)
{
	if (vmm->ops_chosen || vmm->interposers[place].chosen != NULL)
		return machine_fail(vmm->machine, IOMMUSIM_EBUSY,
		    "a %s comes before the first use of the IOMMU, and only one does",
		    place == VMM_INTERPOSER_CHECK ? "checker" : "counter");
	vmm->interposers[place] = *interposer;
	return IOMMUSIM_OK;
}

void vmm_uninterpose(struct iommusim_vmm *vmm, enum vmm_interposer_place place)
{
	memset(&vmm->interposers[place], 0, sizeof(vmm->interposers[place]));
}

const struct iommusim_domain *vmm_domain_of_handle(const struct iommusim_vmm *vmm, const void *handle)
{
	const struct iommusim_domain *domain;

	TAILQ_FOREACH (domain, &vmm->domains, link)
		if (domain->handle == handle)
			return domain;
	return NULL;
}

void *vmm_domain_handle(const struct iommusim_domain *domain)
{
	return domain->handle;
}

enum vmm_page_use vmm_page_use(const struct iommusim_vmm *vmm, uint64_t address)
{
	if (pages_is_kernel(&vmm->pages, address))
		return VMM_PAGE_KERNEL;
	return pages_is_table(&vmm->pages, address) ? VMM_PAGE_TABLE : VMM_PAGE_OTHER;
}

uint64_t vmm_table_pages(const struct iommusim_vmm *vmm)
{
	return vmm->pages.table_count;
}
