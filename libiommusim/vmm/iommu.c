/*
 * The IOMMU layer: choosing and initialising a backend, the host domain, and the wrappers that the rest
 * of vmm calls; but for mappings, which are map.c's. What a backend does to hardware is its own business.
 */
#include "vmm/state.h"

#include <stdio.h>
#include <string.h>

const char *iommusim_init_outcome_name(enum iommusim_init_outcome outcome)
{
	static const char *const names[] = {
		[IOMMUSIM_INIT_NOT_REACHED] = "not reached",
		[IOMMUSIM_INIT_DONE] = "done",
		[IOMMUSIM_INIT_DISABLED] = "disabled",
		[IOMMUSIM_INIT_UNKNOWN_CPU] = "unknown CPU",
		[IOMMUSIM_INIT_NO_TABLE] = "no table",
		[IOMMUSIM_INIT_BAD_TABLE] = "bad table",
		[IOMMUSIM_INIT_NO_UNIT] = "no unit",
		[IOMMUSIM_INIT_NO_HARDWARE] = "no hardware",
		[IOMMUSIM_INIT_UNSUPPORTED] = "unsupported",
		[IOMMUSIM_INIT_TAKEN] = "taken",
		[IOMMUSIM_INIT_FAILED] = "failed",
	};

	return (size_t)outcome < sizeof(names) / sizeof(*names) ? names[outcome] : "unknown";
}

void iommusim_init_report(const struct iommusim_vmm *vmm, struct iommusim_init_report *report)
{
	*report = vmm->init_report;
	if (report->outcome == IOMMUSIM_INIT_NOT_REACHED)
		snprintf(report->text, sizeof(report->text),
		    "nothing has asked for the IOMMU yet: it is initialised when the first passthrough "
		    "device is assigned to a VM, and 0 is normal until then");
}

/* Note why initialisation ended, for whoever asks later. */
static void conclude(
    struct iommusim_vmm *vmm, enum iommusim_init_outcome outcome, const char *text, const char *advice)
{
	struct iommusim_init_report *report = &vmm->init_report;

	report->outcome = outcome;
	snprintf(report->text, sizeof(report->text), "%s", text);
	snprintf(report->advice, sizeof(report->advice), "%s", advice);
}

static enum iommusim_status choose_vtd(struct iommusim_vmm *vmm)
{
	if (vmm->vtd == NULL)
		vmm->vtd = vtd_driver_create(vmm);
	vmm->ops = vtd_driver_ops;
	if (vmm_policy(vmm, COLUMN_leaves) == POLICY_leaves_LARGE_WHOLE)
		vmm->ops.remove_mapping = vtd_driver_remove_blindly;
	vmm->ops_context = vmm->vtd;
	return vmm->vtd == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}

static enum iommusim_status choose_amdvi(struct iommusim_vmm *vmm)
{
	if (vmm->amdvi == NULL)
		vmm->amdvi = amdvi_driver_create(vmm);
	vmm->ops = amdvi_driver_ops;
	if (vmm_policy(vmm, COLUMN_leaves) == POLICY_leaves_LARGE_WHOLE)
		vmm->ops.remove_mapping = amdvi_driver_remove_blindly;
	vmm->ops_context = vmm->amdvi;
	return vmm->amdvi == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}

/* Pick the ops for this machine's processor. ENXIO: there are none, and the report says why. */
static enum iommusim_status choose_ops(struct iommusim_vmm *vmm)
{
	if (vmm->foreign_ops)
		return IOMMUSIM_OK;
	if (vmm->cpu == IOMMUSIM_CPU_OTHER) {
		conclude(vmm, IOMMUSIM_INIT_UNKNOWN_CPU,
		    "the processor is neither an Intel one nor an AMD one with SVM: there is no "
		    "backend to ask",
		    "passthrough needs a processor with VT-d or AMD-Vi");
		return IOMMUSIM_ENXIO;
	}
	return vmm->cpu == IOMMUSIM_CPU_AMD ? choose_amdvi(vmm) : choose_vtd(vmm);
}

/* The highest physical address plus one: the host domain reaches that far. */
uint64_t vmm_max_physical(const struct iommusim_vmm *vmm)
{
	uint64_t end = 0;

	for (size_t i = 0; i < vmm->machine->memory.count; i++) {
		const struct memory_window *window = &vmm->machine->memory.windows[i];

		if (window->kind == IOMMUSIM_MEMORY_RAM && window->base + window->length > end)
			end = window->base + window->length;
	}
	return end;
}

/*
 * What a backend's error comes to for its caller. Of the kernel's memory, and of a panic, everybody hears; ops
 * that are not built in are asked for their own.
 */
enum iommusim_status vmm_heard(const struct iommusim_vmm *vmm, enum iommusim_status status)
{
	if (status == IOMMUSIM_EFAULT || status == IOMMUSIM_ENOMEM || vmm->foreign_ops ||
	    vmm_policy(vmm, COLUMN_api) == POLICY_api_ERRORS)
		return status;
	return IOMMUSIM_OK;
}

static void report_failure(struct iommusim_vmm *vmm)
{
	if (vmm->init_report.outcome == IOMMUSIM_INIT_DISABLED ||
	    vmm_policy(vmm, COLUMN_init_failure) != POLICY_init_failure_TOLD)
		return;
	vmm_print(vmm, "vmm: IOMMU not initialised: %s", vmm->init_report.text);
	vmm->init_report.told = true;
}

static void interpose(struct iommusim_vmm *vmm)
{
	vmm->direct = !vmm->foreign_ops;
	for (unsigned i = 0; i < VMM_INTERPOSERS; i++) {
		if (vmm->interposers[i].chosen == NULL)
			continue;
		vmm->direct = false;
		vmm->interposers[i].chosen(vmm->interposers[i].context, &vmm->ops, &vmm->ops_context);
	}
}

static enum iommusim_status start_backend(struct iommusim_vmm *vmm)
{
	enum iommusim_status status;

	if (!vmm->ops_chosen) {
		status = choose_ops(vmm);
		if (status != IOMMUSIM_OK)
			return status;
		vmm->ops_chosen = true;
		interpose(vmm);
	}
	status = vmm->ops.init(vmm->ops_context);
	vmm->init_report.status = status;
	if (status != IOMMUSIM_OK && vmm->init_report.outcome == IOMMUSIM_INIT_NOT_REACHED)
		conclude(vmm, IOMMUSIM_INIT_FAILED, "the driver's init returned an error",
		    "the driver knows why");
	return status;
}

static enum iommusim_status new_domain(
    struct iommusim_vmm *vmm, uint64_t max_address, const char *name, struct iommusim_domain **out)
{
	struct iommusim_domain *domain = machine_alloc_zeroed(vmm->machine, sizeof(*domain));
	enum iommusim_status status;

	if (domain == NULL)
		return machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for a domain");
	status = vmm->ops.create_domain(vmm->ops_context, max_address, &domain->handle);
	if (status != IOMMUSIM_OK) {
		machine_free(vmm->machine, domain, sizeof(*domain));
		return status;
	}
	domain->vmm = vmm;
	domain->max_address = max_address;
	snprintf(domain->name, sizeof(domain->name), "%s", name);
	TAILQ_INSERT_TAIL(&vmm->domains, domain, link);
	*out = domain;
	return IOMMUSIM_OK;
}

void vmm_free_domain(struct iommusim_domain *domain)
{
	TAILQ_REMOVE(&domain->vmm->domains, domain, link);
	machine_free(domain->vmm->machine, domain, sizeof(*domain));
}

/* Does initialisation go on with what of the host domain there is? A panic, and no memory, are no matter of policy. */
bool vmm_host_error_ignored(const struct iommusim_vmm *vmm, enum iommusim_status status)
{
	return vmm_policy(vmm, COLUMN_host_errors) == POLICY_host_errors_IGNORED &&
	    status != IOMMUSIM_ENOMEM && status != IOMMUSIM_EFAULT;
}

/* The host domain maps all memory 1:1 and holds every device that ppt does not. */
static enum iommusim_status set_up_host(struct iommusim_vmm *vmm)
{
	const uint64_t end = vmm_max_physical(vmm);
	enum iommusim_status status = new_domain(vmm, end, "host", &vmm->host);

	if (status != IOMMUSIM_OK) {
		if (status != IOMMUSIM_ENOMEM) {
			vmm_print(vmm, "iommu_init: unable to create a host domain");
			vmm->init_report.told = true;
		}
		return status;
	}
	status = vmm_map(vmm, vmm->host, 0, 0, end);
	if (status == IOMMUSIM_OK || vmm_host_error_ignored(vmm, status))
		status = vmm_add_host_devices(vmm);
	if (status == IOMMUSIM_OK)
		vmm->ops.enable(vmm->ops_context);
	return status;
}

static void drop_host(struct iommusim_vmm *vmm)
{
	if (vmm->host != NULL) {
		vmm->ops.destroy_domain(vmm->ops_context, vmm->host->handle);
		vmm_free_domain(vmm->host);
		vmm->host = NULL;
	}
	vmm_forget_host_devices(vmm);
}

/* Undo what a failed initialisation did: no half-made IOMMU stays behind. */
static void tear_down_host(struct iommusim_vmm *vmm)
{
	drop_host(vmm);
	vmm->available = false;
	vmm_close_windows(vmm);
	vmm->ops.cleanup(vmm->ops_context);
}

/* Without memory there was no attempt: nothing is known of the hardware, and it may be asked again. */
static enum iommusim_status forget_attempt(struct iommusim_vmm *vmm)
{
	memset(&vmm->init_report, 0, sizeof(vmm->init_report));
	vmm->init_tried = false;
	return IOMMUSIM_ENOMEM;
}

/* The backend is there, and its host domain cannot be had. */
static enum iommusim_status give_up(struct iommusim_vmm *vmm, enum iommusim_status status)
{
	char text[sizeof(vmm->init_report.text)];

	/* Ops of the caller's own leave no diagnostic: what stands there is another call's. */
	snprintf(text, sizeof(text), "setting up the host domain failed with %s%s%.200s",
	    iommusim_status_name(status), vmm->foreign_ops ? "" : ": ",
	    vmm->foreign_ops ? "" : iommusim_machine_diagnostic(vmm->machine)->text);
	tear_down_host(vmm);
	if (status == IOMMUSIM_ENOMEM)
		return forget_attempt(vmm);
	conclude(vmm, IOMMUSIM_INIT_FAILED, text, "");
	if (vmm->panicked)
		vmm->init_report.told = true;
	else
		report_failure(vmm);
	return status;
}

/* 15.0: the domains go, but the backend stays in use, and counts as initialised. */
static enum iommusim_status half_give_up(struct iommusim_vmm *vmm, enum iommusim_status status)
{
	char text[sizeof(vmm->init_report.text)];

	snprintf(text, sizeof(text),
	    "setting up the host domain failed with %s, and the IOMMU counts as initialised: "
	    "translation is not turned on, now or later",
	    iommusim_status_name(status));
	drop_host(vmm);
	conclude(vmm, IOMMUSIM_INIT_FAILED, text, "");
	return IOMMUSIM_OK;
}

static enum iommusim_status do_init(struct iommusim_vmm *vmm)
{
	enum iommusim_status status;

	if (vmm->init_tried)
		return vmm->available ? IOMMUSIM_OK : IOMMUSIM_ENXIO;
	memset(&vmm->init_report, 0, sizeof(vmm->init_report));
	if (vmm->sysctls[SYSCTL_iommu_enable] == 0) {
		vmm->init_tried = true;
		conclude(vmm, IOMMUSIM_INIT_DISABLED,
		    "hw.vmm.iommu.enable is 0: vmm does not look for an IOMMU",
		    "set hw.vmm.iommu.enable=1 in loader.conf and load vmm anew");
		return IOMMUSIM_ENXIO;
	}
	status = start_backend(vmm);
	if (status == IOMMUSIM_ENOMEM)
		return forget_attempt(vmm);
	vmm->init_tried = true;
	if (status != IOMMUSIM_OK) {
		report_failure(vmm);
		return IOMMUSIM_ENXIO;
	}
	vmm->available = true;
	status = set_up_host(vmm);
	if (status != IOMMUSIM_OK && status != IOMMUSIM_ENOMEM && status != IOMMUSIM_EFAULT &&
	    vmm->host != NULL && vmm_policy(vmm, COLUMN_host_errors) == POLICY_host_errors_HALF_UNDONE)
		return half_give_up(vmm, status);
	if (status != IOMMUSIM_OK)
		return give_up(vmm, status);
	conclude(vmm, IOMMUSIM_INIT_DONE, "the IOMMU is initialised and translates", "");
	return IOMMUSIM_OK;
}

void vmm_load(struct iommusim_vmm *vmm)
{
	vmm->loaded = true;
	if (!vmm->booted)
		vmm_host_iommu_start(vmm);
	vmm->booted = true;
	if (vmm_policy(vmm, COLUMN_init) == POLICY_init_LOAD &&
	    (vmm_ppt_devices(vmm) > 0 || vmm->sysctls[SYSCTL_force_iommu] != 0))
		iommusim_iommu_init(vmm);
}

enum iommusim_status iommusim_iommu_init(struct iommusim_vmm *vmm)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_IOMMU_INIT };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = do_init(vmm);
	return vmm_call_end(vmm, &call, status);
}

void vmm_iommu_unload(struct iommusim_vmm *vmm)
{
	if (vmm->available) {
		vmm->ops.disable(vmm->ops_context);
		tear_down_host(vmm);
	}
	vmm->init_tried = vmm->loaded = false;
	memset(&vmm->init_report, 0, sizeof(vmm->init_report));
}

/* What a call does when there is no usable IOMMU: the old interface had no way to say so. */
enum iommusim_status vmm_unavailable(const struct iommusim_vmm *vmm)
{
	if (vmm_policy(vmm, COLUMN_no_iommu) == POLICY_no_iommu_ERRORS)
		return machine_fail(vmm->machine, IOMMUSIM_EOPNOTSUPP, "there is no usable IOMMU");
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_iommu_enable(struct iommusim_vmm *vmm)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_IOMMU_ENABLE };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK && !vmm->available)
		status = vmm_unavailable(vmm);
	else if (status == IOMMUSIM_OK)
		vmm->ops.enable(vmm->ops_context);
	return vmm_call_end(vmm, &call, status);
}

enum iommusim_status iommusim_iommu_disable(struct iommusim_vmm *vmm)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_IOMMU_DISABLE };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK && !vmm->available)
		status = vmm_unavailable(vmm);
	else if (status == IOMMUSIM_OK)
		vmm->ops.disable(vmm->ops_context);
	return vmm_call_end(vmm, &call, status);
}

static enum iommusim_status do_create_domain(
    struct iommusim_vmm *vmm, uint64_t max_address, struct iommusim_domain **domain)
{
	char name[VMM_NAME_LENGTH];
	enum iommusim_status status;

	if (vmm->next_domain_name[0] != '\0')
		snprintf(name, sizeof(name), "%s", vmm->next_domain_name);
	else
		snprintf(name, sizeof(name), "dom%u", vmm->domains_made + 1);
	vmm->next_domain_name[0] = '\0';
	if (max_address == 0)
		return machine_fail(
		    vmm->machine, IOMMUSIM_EINVAL, "a domain needs at least one address");
	status = vmm_policy(vmm, COLUMN_init) == POLICY_init_FIRST_USE ? iommusim_iommu_init(vmm)
	    : vmm->available                                           ? IOMMUSIM_OK
								       : IOMMUSIM_ENXIO;
	if (status != IOMMUSIM_OK)
		return status == IOMMUSIM_ENOMEM || status == IOMMUSIM_EFAULT
		    ? status
		    : machine_fail(vmm->machine, IOMMUSIM_ENXIO, "there is no usable IOMMU: %s",
			  vmm->init_report.text);
	status = new_domain(vmm, max_address, name, domain);
	vmm->domains_made += status == IOMMUSIM_OK;
	return status;
}

enum iommusim_status iommusim_iommu_create_domain(
    struct iommusim_vmm *vmm, uint64_t max_address, struct iommusim_domain **domain)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_CREATE_DOMAIN, .address = max_address };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	*domain = NULL;
	if (status == IOMMUSIM_OK)
		status = do_create_domain(vmm, max_address, domain);
	call.domain = *domain;
	return vmm_call_end(vmm, &call, status);
}

/* A domain some VM still calls its own cannot go. */
static bool domain_in_use(const struct iommusim_vmm *vmm, const struct iommusim_domain *domain)
{
	const struct iommusim_vm *vm;

	TAILQ_FOREACH (vm, &vmm->vms, link)
		if (vm->domain == domain)
			return true;
	return domain == vmm->host;
}

enum iommusim_status iommusim_iommu_destroy_domain(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_DESTROY_DOMAIN, .domain = domain };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK && domain_in_use(vmm, domain))
		status =
		    machine_fail(vmm->machine, IOMMUSIM_EBUSY, "domain %s is in use", domain->name);
	if (status == IOMMUSIM_OK)
		vmm->ops.destroy_domain(vmm->ops_context, domain->handle);
	vmm_call_end(vmm, &call, status); /* listeners see the domain a last time */
	if (status == IOMMUSIM_OK)
		vmm_free_domain(domain);
	return status;
}

enum iommusim_status iommusim_iommu_add_device(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint16_t segment, uint16_t rid)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_ADD_DEVICE, .domain = domain, .segment = segment, .rid = rid
	};
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = vmm->available
		    ? vmm_heard(
			  vmm, vmm->ops.add_device(vmm->ops_context, domain->handle, segment, rid))
		    : vmm_unavailable(vmm);
	return vmm_call_end(vmm, &call, status);
}

enum iommusim_status iommusim_iommu_remove_device(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint16_t segment, uint16_t rid)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_REMOVE_DEVICE, .domain = domain, .segment = segment, .rid = rid
	};
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK && vmm->available)
		status = vmm_heard(
		    vmm, vmm->ops.remove_device(vmm->ops_context, domain->handle, segment, rid));
	return vmm_call_end(vmm, &call, status);
}

enum iommusim_status iommusim_iommu_invalidate_tlb(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain)
{
	struct iommusim_call call = { .kind = IOMMUSIM_CALL_INVALIDATE_TLB, .domain = domain };
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK && vmm->available) {
		domain->gathered = 0;
		status = vmm_heard(vmm, vmm->ops.invalidate_tlb(vmm->ops_context, domain->handle));
	}
	return vmm_call_end(vmm, &call, status);
}

struct iommusim_domain *iommusim_host_domain(const struct iommusim_vmm *vmm)
{
	return vmm->host;
}

const char *iommusim_domain_name(const struct iommusim_domain *domain)
{
	return domain->name;
}

void vmm_name_next_domain(struct iommusim_vmm *vmm, const char *name, size_t length)
{
	snprintf(vmm->next_domain_name, sizeof(vmm->next_domain_name), "%.*s", (int)length, name);
}

uint64_t iommusim_domain_max_address(const struct iommusim_domain *domain)
{
	return domain->max_address;
}

struct iommusim_domain *iommusim_domain_at(const struct iommusim_vmm *vmm, size_t index)
{
	struct iommusim_domain *domain;

	TAILQ_FOREACH (domain, &vmm->domains, link)
		if (index-- == 0)
			return domain;
	return NULL;
}
