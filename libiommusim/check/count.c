/*
 * A counter's life: it stands between vmm and its ops, listens to vmm's calls, and watches the register bus. What
 * registers and commands mean is count_vtd.c and count_amdvi.c, what can be reached count_reach.c.
 */
#include "check/count.h"

#include <string.h>

#include "check/state.h"

const char *iommusim_op_name(enum iommusim_op op)
{
	static const char *const names[IOMMUSIM_OP_COUNT] = {
		[IOMMUSIM_OP_INIT] = "init",
		[IOMMUSIM_OP_CLEANUP] = "cleanup",
		[IOMMUSIM_OP_ENABLE] = "enable",
		[IOMMUSIM_OP_DISABLE] = "disable",
		[IOMMUSIM_OP_CREATE_DOMAIN] = "create_domain",
		[IOMMUSIM_OP_DESTROY_DOMAIN] = "destroy_domain",
		[IOMMUSIM_OP_CREATE_MAPPING] = "create_mapping",
		[IOMMUSIM_OP_REMOVE_MAPPING] = "remove_mapping",
		[IOMMUSIM_OP_ADD_DEVICE] = "add_device",
		[IOMMUSIM_OP_REMOVE_DEVICE] = "remove_device",
		[IOMMUSIM_OP_INVALIDATE_TLB] = "invalidate_tlb",
		[IOMMUSIM_OP_INVALIDATE_RANGE] = "invalidate_range",
	};

	return (unsigned)op < IOMMUSIM_OP_COUNT ? names[op] : "unknown";
}

static const struct {
	const char *name;
	const char *vtd; /* NULL: there is none */
	const char *amdvi;
} invalidations[IOMMUSIM_INVALIDATION_COUNT] = {
	[IOMMUSIM_INVALIDATE_ALL] = { "all", "IOTLB global", "INVALIDATE_IOMMU_ALL" },
	[IOMMUSIM_INVALIDATE_DOMAIN] = { "domain", "IOTLB domain",
	    "INVALIDATE_IOMMU_PAGES, all of a domain" },
	[IOMMUSIM_INVALIDATE_PASID] = { "pasid", "IOTLB PASID",
	    "INVALIDATE_IOMMU_PAGES, all of a PASID" },
	[IOMMUSIM_INVALIDATE_PAGES] = { "pages", "IOTLB pages", "INVALIDATE_IOMMU_PAGES, some pages" },
	[IOMMUSIM_INVALIDATE_ALL_DEVICES] = { "all-devices", "context cache global", NULL },
	[IOMMUSIM_INVALIDATE_DOMAIN_DEVICES] = { "domain-devices", "context cache domain", NULL },
	[IOMMUSIM_INVALIDATE_DEVICE] = { "device", "context cache device", "INVALIDATE_DEVTAB_ENTRY" },
	[IOMMUSIM_INVALIDATE_PASIDS] = { "pasids", "PASID cache", NULL },
	[IOMMUSIM_INVALIDATE_INTERRUPTS] = { "interrupts", "interrupt entry cache",
	    "INVALIDATE_INTERRUPT_TABLE" },
	[IOMMUSIM_INVALIDATE_DEVICE_TLB] = { "device-tlb", "device-TLB", "INVALIDATE_IOTLB_PAGES" },
	[IOMMUSIM_INVALIDATE_WAIT] = { "wait", "wait", "COMPLETION_WAIT" },
	[IOMMUSIM_INVALIDATE_OTHER] = { "other", "other descriptors", "other commands" },
};

const char *iommusim_invalidation_name(enum iommusim_invalidation kind)
{
	return (unsigned)kind < IOMMUSIM_INVALIDATION_COUNT ? invalidations[kind].name : "unknown";
}

const char *iommusim_invalidation_meaning(enum iommusim_invalidation kind, const char *vendor)
{
	if ((unsigned)kind >= IOMMUSIM_INVALIDATION_COUNT)
		return NULL;
	return strcmp(vendor, "VT-d") == 0 ? invalidations[kind].vtd : invalidations[kind].amdvi;
}

/* ---- the ops ------------------------------------------------------------------------------------------ */

static struct iommusim_counter *note(void *context, enum iommusim_op op)
{
	struct iommusim_counter *counter = context;

	counter->counts.ops[op]++;
	return counter;
}

/* Domains come in long rows: vmm is asked once for each. */
static bool is_host(struct iommusim_counter *counter, const void *handle)
{
	const struct iommusim_domain *host = iommusim_host_domain(counter->vmm);

	if (host == NULL)
		return false;
	if (handle != counter->last_handle) {
		counter->last_handle = handle;
		counter->last_is_host = vmm_domain_of_handle(counter->vmm, handle) == host;
	}
	return counter->last_is_host;
}

static enum iommusim_status count_init(void *context)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_INIT);

	return counter->ops.init(counter->ops_context);
}

static void count_cleanup(void *context)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_CLEANUP);

	counter->ops.cleanup(counter->ops_context);
}

static void count_enable(void *context)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_ENABLE);

	counter->ops.enable(counter->ops_context);
}

static void count_disable(void *context)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_DISABLE);

	counter->ops.disable(counter->ops_context);
}

static enum iommusim_status count_create_domain(void *context, uint64_t max_address, void **domain)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_CREATE_DOMAIN);

	counter->last_handle = NULL; /* a handle may come again */
	return counter->ops.create_domain(counter->ops_context, max_address, domain);
}

static void count_destroy_domain(void *context, void *domain)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_DESTROY_DOMAIN);

	if (is_host(counter, domain))
		count_reach_forget_host(&counter->reach);
	counter->last_handle = NULL;
	counter->ops.destroy_domain(counter->ops_context, domain);
}

static void note_table_pages(struct iommusim_counter *counter)
{
	const uint64_t pages = vmm_table_pages(counter->vmm);

	if (pages > counter->counts.table_pages)
		counter->counts.table_pages = pages;
}

static enum iommusim_status count_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_CREATE_MAPPING);
	const enum iommusim_status status =
	    counter->ops.create_mapping(counter->ops_context, domain, gpa, hpa, length, done);

	note_table_pages(counter);
	if (status == IOMMUSIM_OK && *done <= length && is_host(counter, domain))
		count_reach_set(&counter->reach, COUNT_HOST, gpa, *done, gpa == hpa);
	return status;
}

static enum iommusim_status count_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_REMOVE_MAPPING);
	const enum iommusim_status status =
	    counter->ops.remove_mapping(counter->ops_context, domain, gpa, length, done);

	note_table_pages(counter); /* a removal may split a large leaf */
	if (status == IOMMUSIM_OK && *done <= length && is_host(counter, domain))
		count_reach_set(&counter->reach, COUNT_HOST, gpa, *done, false);
	return status;
}

static enum iommusim_status count_add_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_ADD_DEVICE);

	return counter->ops.add_device(counter->ops_context, domain, segment, rid);
}

static enum iommusim_status count_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_REMOVE_DEVICE);

	return counter->ops.remove_device(counter->ops_context, domain, segment, rid);
}

static enum iommusim_status count_invalidate_tlb(void *context, void *domain)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_INVALIDATE_TLB);

	return counter->ops.invalidate_tlb(counter->ops_context, domain);
}

static enum iommusim_status count_invalidate_range(
    void *context, void *domain, uint64_t gpa, uint64_t length)
{
	struct iommusim_counter *counter = note(context, IOMMUSIM_OP_INVALIDATE_RANGE);

	return counter->ops.invalidate_range(counter->ops_context, domain, gpa, length);
}

static void ops_chosen(void *context, struct iommusim_ops *ops, void **ops_context)
{
	struct iommusim_counter *counter = context;

	counter->ops = *ops;
	counter->ops_context = *ops_context;
	*ops = (struct iommusim_ops){
		.name = counter->ops.name,
		.init = count_init,
		.cleanup = count_cleanup,
		.enable = count_enable,
		.disable = count_disable,
		.create_domain = count_create_domain,
		.destroy_domain = count_destroy_domain,
		.create_mapping = count_create_mapping,
		.remove_mapping = count_remove_mapping,
		.add_device = count_add_device,
		.remove_device = count_remove_device,
		.invalidate_tlb = count_invalidate_tlb,
		.invalidate_range =
		    counter->ops.invalidate_range == NULL ? NULL : count_invalidate_range,
	};
	*ops_context = counter;
}

/* ---- calls and registers ------------------------------------------------------------------------------- */

static void note_memory(struct iommusim_counter *counter, const struct iommusim_vm *vm, bool has)
{
	uint64_t hpa, run;

	for (uint64_t gpa = 0; check_next_run(vm, &gpa, &hpa, &run); gpa += run)
		count_reach_set(&counter->reach, COUNT_GUEST, hpa, run, has);
}

static void call_ended(void *context, const struct iommusim_call *call)
{
	struct iommusim_counter *counter = context;

	if (call->status == IOMMUSIM_OK && call->kind == IOMMUSIM_CALL_VM_SETUP_MEMORY)
		note_memory(counter, call->vm, true);
	else if (call->status == IOMMUSIM_OK && call->kind == IOMMUSIM_CALL_VM_DESTROY)
		note_memory(counter, call->vm, false);
	if (call->depth == 0)
		count_reachable(counter, call->kind);
}

static void register_accessed(
    void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct iommusim_counter *counter = context;
	struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &counter->machine->units, link)
		if (!unit->off_bus && address - unit->base < unit->length)
			break;
	if (unit == NULL)
		return;
	counter->counts.register_reads += !is_write;
	counter->counts.register_writes += is_write;
	if (!is_write || width < 4)
		return;
	if (strcmp(unit->model->vendor, "VT-d") == 0)
		count_vtd_write(counter, unit, address - unit->base, width, value);
	else
		count_amdvi_write(counter, unit, address - unit->base, value);
}

/* ---- a counter's life ------------------------------------------------------------------------------------ */

static enum iommusim_status attach(struct iommusim_counter *counter)
{
	const struct vmm_interposer interposer = { .context = counter, .chosen = ops_chosen };
	const struct iommusim_listener listener = { .context = counter, .end = call_ended };
	const struct iommusim_mmio_watcher watcher = { .context = counter,
		.access = register_accessed };
	enum iommusim_status status = vmm_interpose(counter->vmm, VMM_INTERPOSER_COUNT, &interposer);

	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_vmm_listen(counter->vmm, &listener);
	if (status == IOMMUSIM_OK) {
		status = iommusim_mmio_watch(counter->machine, &watcher);
		if (status != IOMMUSIM_OK)
			iommusim_vmm_unlisten(counter->vmm, counter);
	}
	if (status != IOMMUSIM_OK)
		vmm_uninterpose(counter->vmm, VMM_INTERPOSER_COUNT);
	return status;
}

/* VMs that are there already. */
static void take_stock(struct iommusim_counter *counter)
{
	const struct iommusim_vm *vm;

	for (size_t i = 0; (vm = iommusim_vm_at(counter->vmm, i)) != NULL; i++)
		note_memory(counter, vm, true);
}

enum iommusim_status iommusim_counter_create(struct iommusim_vmm *vmm, struct iommusim_counter **out)
{
	struct iommusim_machine *machine = iommusim_vmm_machine(vmm);
	struct iommusim_counter *counter = machine_alloc_zeroed(machine, sizeof(*counter));
	enum iommusim_status status;

	*out = NULL;
	if (counter == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a counter");
	counter->vmm = vmm;
	counter->machine = machine;
	status = count_reach_init(&counter->reach, machine);
	if (status == IOMMUSIM_OK) {
		status = attach(counter);
		if (status != IOMMUSIM_OK)
			count_reach_fini(&counter->reach);
	} else {
		machine_fail(machine, status, "no memory for a counter");
	}
	if (status != IOMMUSIM_OK) {
		machine_free(machine, counter, sizeof(*counter));
		return status;
	}
	take_stock(counter);
	*out = counter;
	return IOMMUSIM_OK;
}

void iommusim_counter_destroy(struct iommusim_counter *counter)
{
	if (counter == NULL)
		return;
	iommusim_mmio_unwatch(counter->machine, counter);
	iommusim_vmm_unlisten(counter->vmm, counter);
	vmm_uninterpose(counter->vmm, VMM_INTERPOSER_COUNT);
	count_reach_fini(&counter->reach);
	machine_free(counter->machine, counter, sizeof(*counter));
}

void iommusim_counter_read(const struct iommusim_counter *counter, struct iommusim_counts *counts)
{
	*counts = counter->counts;
	counts->bounced = iommusim_vmm_bounced(counter->vmm);
}
