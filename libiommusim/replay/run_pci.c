/*
 * Functions on the bus: device(), pci_function(), pci_add_device(), pci_delete_device(), pci_reset(),
 * pci_bus_master().
 */
#include <string.h>

#include "replay/run.h"

/* What device(), pci_function() and pci_add_device() say of a function; rows of the same names. */
struct described {
	const struct value *device;
	const struct value *name;
	const struct value *class_;
	const struct value *behind;
	const struct value *bridge;
	const struct value *secondary;
	const struct value *subordinate;
	const struct value *flr;
	struct behaviour_described behaviour;
};

#define DESCRIBED(statement, of)                                                                       \
	{                                                                                              \
		argument(statement, ARG_##of##_device), argument(statement, ARG_##of##_name),          \
		    argument(statement, ARG_##of##_class), argument(statement, ARG_##of##_behind),     \
		    argument(statement, ARG_##of##_bridge), argument(statement, ARG_##of##_secondary), \
		    argument(statement, ARG_##of##_subordinate), argument(statement, ARG_##of##_flr),  \
		{                                                                                      \
			argument(statement, ARG_##of##_bar), argument(statement, ARG_##of##_aborts),   \
			    argument(statement, ARG_##of##_entries),                                   \
			    argument(statement, ARG_##of##_misbehave)                                  \
		}                                                                                      \
	}

static uint64_t number_or(const struct value *value, uint64_t otherwise)
{
	return value->kind == VALUE_ABSENT ? otherwise : value->number;
}

static enum iommusim_status read_bus(struct replay *replay, const struct value *value, uint8_t *bus)
{
	if (value->kind == VALUE_ABSENT)
		return IOMMUSIM_OK;
	if (value->number > 255)
		return replay_refuse(replay, value->at, "a bus is 0 to 255");
	*bus = (uint8_t)value->number;
	return IOMMUSIM_OK;
}

static enum iommusim_status read_function(
    struct replay *replay, const struct described *described, struct iommusim_pci_function *function)
{
	enum iommusim_status status =
	    replay_string(replay, described->name, function->name, sizeof(function->name));

	function->segment = described->device->segment;
	function->rid = described->device->rid;
	function->device_class = (enum iommusim_pci_class)number_or(described->class_, 0);
	function->type = (enum iommusim_pci_type)number_or(described->bridge, 0);
	function->no_reset = number_or(described->flr, 0) != 0;
	if (status == IOMMUSIM_OK)
		status = read_bus(replay, described->secondary, &function->secondary_bus);
	function->subordinate_bus = function->secondary_bus;
	if (status == IOMMUSIM_OK)
		status = read_bus(replay, described->subordinate, &function->subordinate_bus);
	if (status != IOMMUSIM_OK)
		return status;
	if (function->type == IOMMUSIM_PCI_ENDPOINT &&
	    (described->secondary->kind != VALUE_ABSENT ||
		described->subordinate->kind != VALUE_ABSENT))
		return replay_refuse(replay, described->device->at,
		    "secondary= and subordinate= belong to a bridge; expected bridge=yes or "
		    "bridge=legacy too");
	return IOMMUSIM_OK;
}

/* ---- behind= ---------------------------------------------------------------------------------------- */

/* Let a bridge reach a bus, and make one of it if it was none. */
static enum iommusim_status extend(
    struct replay *replay, const struct iommusim_pci_function *bridge, uint8_t bus)
{
	const struct iommusim_pci_function before = *bridge;
	struct iommusim_pci_function after = before;
	enum iommusim_status status;

	if (before.type == IOMMUSIM_PCI_ENDPOINT) {
		after.type = IOMMUSIM_PCI_BRIDGE;
		after.secondary_bus = after.subordinate_bus = bus;
	} else if (bus < before.secondary_bus) {
		after.secondary_bus = bus;
	} else if (bus > before.subordinate_bus) {
		after.subordinate_bus = bus;
	} else {
		return IOMMUSIM_OK;
	}
	iommusim_pci_remove(replay->machine, before.segment, before.rid);
	status = iommusim_pci_add(replay->machine, &after);
	if (status == IOMMUSIM_EINVAL)
		iommusim_pci_add(replay->machine, &before);
	return status;
}

/* The bridge a function is said to be behind, and those above that one, reach its bus. */
static enum iommusim_status put_behind(
    struct replay *replay, const struct value *behind, const struct iommusim_pci_function *function)
{
	const uint8_t bus = (uint8_t)IOMMUSIM_RID_BUS(function->rid);
	struct iommusim_machine *machine = replay->machine;
	const struct iommusim_pci_function *bridge;

	if (behind->kind == VALUE_ABSENT)
		return IOMMUSIM_OK;
	bridge = iommusim_pci_find(machine, behind->segment, behind->rid);
	if (bridge == NULL || behind->segment != function->segment)
		return replay_refuse(replay, behind->at,
		    "behind=: no device stands there; expected one that was declared before");
	for (size_t i = 0; (bridge = iommusim_pci_at(machine, i)) != NULL; i++) {
		enum iommusim_status status;

		if (bridge->segment != behind->segment ||
		    !iommusim_pci_is_behind(machine, behind->segment, behind->rid, bridge->rid))
			continue;
		status = extend(replay, bridge, bus);
		if (status == IOMMUSIM_ENOMEM)
			return replay_no_memory(replay);
		if (status != IOMMUSIM_OK)
			return replay_refuse(replay, behind->at, "behind=: %s",
			    iommusim_machine_diagnostic(machine)->text);
	}
	return IOMMUSIM_OK;
}

/* ---- handlers ---------------------------------------------------------------------------------------- */

/*
 * Put the function on the bus. One of the same name that is there already stays: device() then only
 * gives it a driver, pci_add_device() only tells vmm of it. `*call` is what the bus said.
 */
static enum iommusim_status add_function(
    struct replay *replay, const struct described *described, enum iommusim_status *call)
{
	struct iommusim_pci_function function = { .name = "" };
	const struct iommusim_pci_function *there;
	enum iommusim_status status = read_function(replay, described, &function);

	if (status == IOMMUSIM_OK)
		status = put_behind(replay, described->behind, &function);
	if (status != IOMMUSIM_OK)
		return status;
	there = iommusim_pci_find(replay->machine, function.segment, function.rid);
	*call = IOMMUSIM_OK;
	if (there != NULL && strcmp(there->name, function.name) == 0)
		return IOMMUSIM_OK;
	*call = iommusim_pci_add(replay->machine, &function);
	if (*call != IOMMUSIM_OK)
		return IOMMUSIM_OK;
	status =
	    behaviour_attach(replay, &function, &described->behaviour, described->device->at, call);
	if (*call != IOMMUSIM_OK)
		iommusim_pci_remove(replay->machine, function.segment, function.rid);
	return status;
}

enum iommusim_status run_pci_function(struct replay *replay, struct statement *statement)
{
	const struct described described = DESCRIBED(statement, pci_function);

	return add_function(replay, &described, &statement->outcome.status);
}

enum iommusim_status run_device(struct replay *replay, struct statement *statement)
{
	const struct described described = DESCRIBED(statement, device);
	enum iommusim_status status = add_function(replay, &described, &statement->outcome.status);

	if (status == IOMMUSIM_OK && statement->outcome.status == IOMMUSIM_OK)
		statement->outcome.status = iommusim_device_attach(replay->vmm,
		    described.device->segment, described.device->rid,
		    (enum iommusim_driver)argument_number(
			statement, ARG_device_driver, IOMMUSIM_DRIVER_HOST));
	return status;
}

enum iommusim_status run_pci_add_device(struct replay *replay, struct statement *statement)
{
	const struct described described = DESCRIBED(statement, pci_add_device);
	enum iommusim_status status = add_function(replay, &described, &statement->outcome.status);

	if (status == IOMMUSIM_OK && statement->outcome.status == IOMMUSIM_OK)
		statement->outcome.status = iommusim_pci_device_added(
		    replay->vmm, described.device->segment, described.device->rid);
	return status;
}

enum iommusim_status run_pci_delete_device(struct replay *replay, struct statement *statement)
{
	const struct value *device = argument(statement, ARG_pci_delete_device_device);
	enum iommusim_status *call = &statement->outcome.status;

	*call = iommusim_pci_device_deleted(replay->vmm, device->segment, device->rid);
	if (*call == IOMMUSIM_OK)
		*call = iommusim_pci_remove(replay->machine, device->segment, device->rid);
	return IOMMUSIM_OK;
}

/* As the bus driver does it: what the function's configuration space held is put back afterwards. */
enum iommusim_status run_pci_reset(struct replay *replay, struct statement *statement)
{
	const struct value *at = argument(statement, ARG_pci_reset_device);
	const uint16_t command = iommusim_pci_command(replay->machine, at->segment, at->rid);
	enum iommusim_status *call = &statement->outcome.status;

	*call = iommusim_pci_reset(replay->machine, at->segment, at->rid);
	if (*call == IOMMUSIM_OK)
		device_restore(replay, at);
	if (*call == IOMMUSIM_OK)
		*call = iommusim_pci_set_command(replay->machine, at->segment, at->rid, command);
	return IOMMUSIM_OK;
}

enum iommusim_status run_pci_bus_master(struct replay *replay, struct statement *statement)
{
	const struct value *at = argument(statement, ARG_pci_bus_master_device);
	const bool on = argument(statement, ARG_pci_bus_master_state)->number != 0;
	uint16_t command = iommusim_pci_command(replay->machine, at->segment, at->rid);

	if (on)
		command |= IOMMUSIM_PCI_COMMAND_BUS_MASTER;
	else
		command &= (uint16_t)~IOMMUSIM_PCI_COMMAND_BUS_MASTER;
	statement->outcome.status =
	    iommusim_pci_set_command(replay->machine, at->segment, at->rid, command);
	return IOMMUSIM_OK;
}
