/* A checker's life: attaching to a vmm, listening to its calls, remembering where they came from. */
#include <string.h>

#include "check/state.h"
#include "check/told.h"

/* Calls come in rows on one domain: its name is looked up once for them all. */
static const char *domain_name(struct iommusim_check *check, const struct iommusim_call *call)
{
	check->last_domain_name = check_intern(check, iommusim_domain_name(call->domain));
	check->last_domain = check->last_domain_name == NULL ? NULL : call->domain;
	return check->last_domain_name;
}

/* A call that is not just like the one before. Its number. Out of the way of those that are. */
static __attribute__((noinline)) uint32_t note_call(
    struct iommusim_check *check, const struct iommusim_call *call)
{
	struct check_place place = {
		.file = check->here.file, .line = check->here.line, .call = *call
	};

	place.call.domain = NULL;
	place.call.vm = NULL;
	if (call->name != NULL)
		place.call.name = check_intern(check, call->name);
	if (call->domain != NULL && call->domain == check->last_domain)
		place.domain_name = check->last_domain_name;
	else if (call->domain != NULL)
		place.domain_name = domain_name(check, call);
	else
		check->last_domain = NULL; /* what comes and goes by such a call is not known here */
	if ((call->name != NULL && place.call.name == NULL) ||
	    (call->domain != NULL && place.domain_name == NULL))
		return 0; /* a call without its name would be another call */
	return calls_note(&check->calls, &place);
}

static bool maps(const struct iommusim_call *call)
{
	return call->kind == IOMMUSIM_CALL_CREATE_MAPPING || call->kind == IOMMUSIM_CALL_REMOVE_MAPPING;
}

/* A call of the library's user begins: from here on, this is the place. */
static void call_begins(void *context, const struct iommusim_call *call)
{
	struct iommusim_check *check = context;

	check_changed(check);
	if (check->depth++ > 0)
		return;
	check_row_begins(check, call);
	if (check->machine->stores.silent)
		shadow_call_begins(check);
	check->kind = call->kind;
	check->place = 0; /* "unknown", if there is no memory to remember it */
	if (maps(call) && call->domain == check->last_domain)
		check->place =
		    calls_continue(&check->calls, &check->here, call, check->last_domain_name);
	if (check->place == 0)
		check->place = note_call(check, call);
}

/* Mostly nothing has happened since the last time. */
static void look(struct iommusim_check *check)
{
	const uint64_t activity = machine_activity(check->machine);

	check->shadow.dirty |= check->looked_at != activity;
	check->looked_at = activity;
	if (check->machine->stores.silent)
		shadow_compare(check);
	check->shadow.said = 0;
	if (check->shadow.dirty)
		shadow_sync(check);
	if (check->logs_looked_at != activity)
		check_overflow(check, NULL);
}

/* What calls other than mappings leave behind. */
static void other_ended(struct iommusim_check *check, const struct iommusim_call *call)
{
	if (call->kind == IOMMUSIM_CALL_IOMMU_INIT)
		check_init_ended(check, call);
	if (call->kind == IOMMUSIM_CALL_VMM_UNLOAD && call->status == IOMMUSIM_OK)
		check->init_reported = false;
	if (call->status != IOMMUSIM_OK)
		return;
	if (call->kind == IOMMUSIM_CALL_VM_SETUP_MEMORY) {
		check_owner_vm(check, call->vm);
		missing_memory_moves(check, call->vm, false);
	} else if (call->kind == IOMMUSIM_CALL_VM_DESTROY) {
		missing_memory_moves(check, call->vm, true);
		check_disown_vm(check, call->vm);
	}
}

static void call_ended(void *context, const struct iommusim_call *call)
{
	struct iommusim_check *check = context;

	check_changed(check);
	if (check->depth == 1 && check->shadow.page_0 != NULL)
		shadow_call_ended(check);
	check->depth--;
	if (maps(call) &&
	    ((call->address | call->host_address | call->length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		check_alignment(check, call);
	look(check);
	if (!maps(call))
		other_ended(check, call);
	else if (check->depth == 0)
		check_row_ended(check, call);
}

/* ---- what software stores -------------------------------------------------------------------- */

static void stored(void *context, uint64_t address, uint64_t length)
{
	struct iommusim_check *check = context;

	check_happens(check);
	check->poll.reads = 0;
	visible_store(check);
	shadow_stored(check, address, length);
}

static void taken(void *context, uint64_t page)
{
	check_happens(context);
	check_tables_taken(context, 1);
	shadow_taken(context, page);
}

static void given_back(void *context, uint64_t page)
{
	check_happens(context);
	check_tables_taken(context, -1);
	shadow_given_back(context, page);
}

void iommusim_check_look(struct iommusim_check *check)
{
	/* What calls of a row have left to do brings no finding: they may wait, as long as nothing else does. */
	if (check->looked_at != machine_activity(check->machine))
		check_settle(check);
	look(check);
}

/* ---- its life ---------------------------------------------------------------------------------- */

static enum iommusim_status attach(struct iommusim_check *check)
{
	const struct iommusim_listener listener = {
		.context = check, .begin = call_begins, .end = call_ended
	};
	const struct iommusim_mmio_watcher watcher = { .context = check,
		.access = check_register_access };
	const struct iommusim_store_watcher stores = {
		.context = check, .stored = stored, .taken = taken, .given_back = given_back
	};
	const struct vmm_interposer interposer = { .context = check, .chosen = check_ops_chosen };
	enum iommusim_status status = vmm_interpose(check->vmm, VMM_INTERPOSER_CHECK, &interposer);

	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_vmm_listen(check->vmm, &listener);
	if (status == IOMMUSIM_OK) {
		status = iommusim_mmio_watch(check->machine, &watcher);
		if (status == IOMMUSIM_OK)
			status = iommusim_memory_watch(check->machine, &stores);
		if (status != IOMMUSIM_OK) {
			iommusim_mmio_unwatch(check->machine, check);
			iommusim_vmm_unlisten(check->vmm, check);
		}
	}
	if (status != IOMMUSIM_OK)
		vmm_uninterpose(check->vmm, VMM_INTERPOSER_CHECK);
	return status;
}

enum iommusim_status iommusim_check_create(struct iommusim_vmm *vmm, struct iommusim_check **out)
{
	struct iommusim_machine *machine = iommusim_vmm_machine(vmm);
	struct iommusim_check *check = machine_alloc_zeroed(machine, sizeof(*check));
	enum iommusim_status status;

	*out = NULL;
	if (check == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a checker");
	check->vmm = vmm;
	check->machine = machine;
	TAILQ_INIT(&check->domains);
	TAILQ_INIT(&check->devices);
	pagemap_init(&check->owners, machine);
	check->held.clock = check->held.stores = check->changes = 1;
	check->looked_at = check->logs_looked_at = UINT64_MAX; /* not yet */
	calls_init(&check->calls, machine);
	status = attach(check);
	if (status != IOMMUSIM_OK) {
		machine_free(machine, check, sizeof(*check));
		return status;
	}
	*out = check;
	return IOMMUSIM_OK;
}

void iommusim_check_destroy(struct iommusim_check *check)
{
	struct iommusim_machine *machine;

	if (check == NULL)
		return;
	machine = check->machine;
	check_settle(check);
	iommusim_memory_unwatch(machine, check);
	iommusim_mmio_unwatch(machine, check);
	iommusim_vmm_unlisten(check->vmm, check);
	vmm_uninterpose(check->vmm, VMM_INTERPOSER_CHECK);
	check_ledger_free(check);
	held_free(check);
	shadow_free(check);
	check_firmware_free(check);
	machine_free(
	    machine, check->suppressions, check->suppression_capacity * sizeof(*check->suppressions));
	pagemap_fini(&check->owners);
	check_names_free(check);
	machine_free(machine, check->vm_names, check->vm_name_capacity * sizeof(*check->vm_names));
	machine_free(machine, check->findings, check->finding_capacity * sizeof(*check->findings));
	calls_fini(&check->calls);
	told_free(check);
	check_judged_free(check);
	machine_free(machine, check, sizeof(*check));
}

void iommusim_check_set_place(struct iommusim_check *check, const struct iommusim_place *place)
{
	check_row_placed(check, place);
}

void iommusim_check_finish(struct iommusim_check *check)
{
	check_settle(check);
	held_look(check);
	missing_at_end(check);
}
