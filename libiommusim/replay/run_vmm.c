/* The hypervisor's calls: sysctls, VMs and their devices, unloading vmm. */
#include <string.h>

#include "replay/run.h"

static enum iommusim_status refuse_sysctl(struct replay *replay, const struct value *name)
{
	struct suggestion near = { .word = name->text };

	for (size_t i = 0; iommusim_sysctl_name(i) != NULL; i++) {
		const char *known = iommusim_sysctl_name(i);

		suggestion_try(&near, (struct slice){ known, strlen(known) }, 0);
	}
	return replay_refuse(replay, name->at, "`sysctl(\"%.*s\")`: no sysctl of that name%s",
	    SLICE(name->text), suggestion_text(&near, "\""));
}

enum iommusim_status run_sysctl(struct replay *replay, struct statement *statement)
{
	const struct value *name = argument(statement, ARG_sysctl_name);
	const struct value *value = argument(statement, ARG_sysctl_value);
	struct outcome *outcome = &statement->outcome;
	char text[128];
	enum iommusim_status status = replay_string(replay, name, text, sizeof(text));

	if (status != IOMMUSIM_OK)
		return status;
	if (value->kind != VALUE_ABSENT)
		outcome->status = iommusim_sysctl_set(replay->vmm, text, value->number);
	if (outcome->status == IOMMUSIM_OK)
		outcome->status = iommusim_sysctl_get(replay->vmm, text, &outcome->number);
	if (outcome->status == IOMMUSIM_ENOENT && statement->result.kind != VALUE_CALL)
		return refuse_sysctl(replay, name);
	return IOMMUSIM_OK;
}

/* ppt_attach() and ppt_detach(): alike but for the call. */
_Static_assert(
    ARG_ppt_attach_device - FIRST_ppt_attach == 0 && ARG_ppt_detach_device - FIRST_ppt_detach == 0,
    "the two take the same argument");

enum iommusim_status run_ppt_driver(struct replay *replay, struct statement *statement)
{
	const struct value *device = &statement->arguments[0];

	statement->outcome.status = statement->row->detail != 0
	    ? iommusim_ppt_attach(replay->vmm, device->segment, device->rid)
	    : iommusim_ppt_detach(replay->vmm, device->segment, device->rid);
	return IOMMUSIM_OK;
}

enum iommusim_status run_vmm_unload(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_vmm_unload(replay->vmm);
	if (statement->outcome.status == IOMMUSIM_OK)
		names_forget_domains(&replay->names, replay->lexer.line);
	return IOMMUSIM_OK;
}

enum iommusim_status run_vm_create(struct replay *replay, struct statement *statement)
{
	const struct value *given = argument(statement, ARG_vm_create_name);
	struct iommusim_vm *vm;
	struct name *name;
	char text[256];
	enum iommusim_status status = replay_string(replay, given, text, sizeof(text));

	if (status != IOMMUSIM_OK)
		return status;
	statement->outcome.status = iommusim_vm_create(replay->vmm, text, &vm);
	if (statement->outcome.status != IOMMUSIM_OK)
		return IOMMUSIM_OK;
	name = names_add(
	    &replay->names, NAME_VM, given->text, slice_hash(given->text), replay->lexer.line);
	if (name == NULL)
		return replay_no_memory(replay);
	name->is.vm = vm;
	return IOMMUSIM_OK;
}

enum iommusim_status run_vm_destroy(struct replay *replay, struct statement *statement)
{
	struct value *vm = argument(statement, ARG_vm_destroy_vm);

	statement->outcome.status = iommusim_vm_destroy(vm->vm);
	if (statement->outcome.status == IOMMUSIM_OK)
		vm->name->gone = replay->lexer.line;
	return IOMMUSIM_OK;
}

enum iommusim_status run_vm_setup_memory(struct replay *replay, struct statement *statement)
{
	const struct iommusim_vm_memory memory = {
		.size = argument(statement, ARG_vm_setup_memory_size)->number,
		.seed = argument_number(statement, ARG_vm_setup_memory_seed, 0),
		.contiguous = argument_number(statement, ARG_vm_setup_memory_contiguous, 0) != 0,
		.unwired = argument_number(statement, ARG_vm_setup_memory_wired, 0) != 0,
	};

	(void)replay;
	statement->outcome.status =
	    iommusim_vm_setup_memory(argument(statement, ARG_vm_setup_memory_vm)->vm, &memory);
	return IOMMUSIM_OK;
}

/* vm_assign_pptdev() and vm_unassign_pptdev(): alike but for the call. */
_Static_assert(ARG_vm_assign_pptdev_device - FIRST_vm_assign_pptdev ==
	ARG_vm_unassign_pptdev_device - FIRST_vm_unassign_pptdev,
    "the two take the same arguments");

enum iommusim_status run_vm_pptdev(struct replay *replay, struct statement *statement)
{
	struct iommusim_vm *vm = statement->arguments[0].vm;
	const struct value *device = &statement->arguments[1];

	(void)replay;
	statement->outcome.status = statement->row->detail
	    ? iommusim_vm_assign_pptdev(vm, device->segment, device->rid)
	    : iommusim_vm_unassign_pptdev(vm, device->segment, device->rid);
	return IOMMUSIM_OK;
}
