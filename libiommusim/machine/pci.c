/*
 * PCI functions in order of segment and requester id, what lies behind which bridge, and the command
 * register. What a function does beyond that is its behaviour's business.
 */
#include <string.h>

#include "machine/state.h"

static int compare(const struct pci_node *a, const struct pci_node *b)
{
	const uint32_t left = (uint32_t)a->function.segment << 16 | a->function.rid;
	const uint32_t right = (uint32_t)b->function.segment << 16 | b->function.rid;

	return left < right ? -1 : left > right;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
RB_PROTOTYPE(pci_tree, pci_node, link, compare)
RB_GENERATE(pci_tree, pci_node, link, compare)
#pragma GCC diagnostic pop

static struct pci_node *find(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_node key = { .function = { .segment = segment, .rid = rid } };
	struct pci_tree tree = machine->pci; /* RB_FIND only reads, but takes a mutable head */

	return RB_FIND(pci_tree, &tree, &key);
}

static bool is_bridge(const struct iommusim_pci_function *function)
{
	return function->type != IOMMUSIM_PCI_ENDPOINT;
}

enum iommusim_status iommusim_pci_add(
    struct iommusim_machine *machine, const struct iommusim_pci_function *function)
{
	const unsigned bus = IOMMUSIM_RID_BUS(function->rid);
	struct pci_node *node;

	if (is_bridge(function) &&
	    (function->secondary_bus > function->subordinate_bus || function->secondary_bus <= bus))
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "bridge %02x:%02x.%u: buses %u to %u must be a range above its own", bus,
		    IOMMUSIM_RID_DEVICE(function->rid), IOMMUSIM_RID_FUNCTION(function->rid),
		    function->secondary_bus, function->subordinate_bus);
	if (find(machine, function->segment, function->rid) != NULL)
		return machine_fail(machine, IOMMUSIM_EEXIST,
		    "there is a function at %02x:%02x.%u already", bus,
		    IOMMUSIM_RID_DEVICE(function->rid), IOMMUSIM_RID_FUNCTION(function->rid));
	node = machine_alloc_zeroed(machine, sizeof(*node));
	if (node == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a PCI function");
	node->function = *function;
	node->function.name[sizeof(node->function.name) - 1] = '\0';
	node->command = IOMMUSIM_PCI_COMMAND_AT_BOOT;
	topology_begin_change(machine);
	RB_INSERT(pci_tree, &machine->pci, node);
	topology_end_change(machine);
	return IOMMUSIM_OK;
}

static enum iommusim_status nobody_at(struct iommusim_machine *machine, uint16_t rid)
{
	return machine_fail(machine, IOMMUSIM_ENOENT, "there is no function at %02x:%02x.%u",
	    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
}

static void dismiss(struct pci_node *node)
{
	const struct iommusim_pci_behaviour behaviour = node->behaviour;

	node->behaves = false;
	memset(&node->behaviour, 0, sizeof(node->behaviour));
	if (behaviour.gone != NULL)
		behaviour.gone(behaviour.context);
}

enum iommusim_status iommusim_pci_remove(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return nobody_at(machine, rid);
	dismiss(node);
	topology_begin_change(machine);
	RB_REMOVE(pci_tree, &machine->pci, node);
	topology_end_change(machine);
	machine_free(machine, node, sizeof(*node));
	return IOMMUSIM_OK;
}

const struct iommusim_pci_function *iommusim_pci_find(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	const struct pci_node *node = find(machine, segment, rid);

	return node == NULL ? NULL : &node->function;
}

const struct iommusim_pci_function *iommusim_pci_at(
    const struct iommusim_machine *machine, size_t index)
{
	struct pci_tree tree = machine->pci;
	struct pci_node *node;

	RB_FOREACH (node, pci_tree, &tree)
		if (index-- == 0)
			return &node->function;
	return NULL;
}

bool iommusim_pci_is_behind(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid, uint16_t bridge)
{
	const struct iommusim_pci_function *function = iommusim_pci_find(machine, segment, bridge);
	const unsigned bus = IOMMUSIM_RID_BUS(rid);

	if (rid == bridge)
		return true;
	return function != NULL && is_bridge(function) && bus >= function->secondary_bus &&
	    bus <= function->subordinate_bus;
}

uint16_t iommusim_pci_requester_id(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	uint16_t alias = rid;
	struct pci_tree tree = machine->pci;
	struct pci_node *node;

	/* The bridge nearest to the root decides: its alias is what goes further up. */
	RB_FOREACH_REVERSE (node, pci_tree, &tree) {
		const struct iommusim_pci_function *function = &node->function;

		if (function->segment == segment && function->type == IOMMUSIM_PCI_LEGACY_BRIDGE &&
		    function->rid != rid &&
		    iommusim_pci_is_behind(machine, segment, rid, function->rid))
			alias = IOMMUSIM_RID(function->secondary_bus, 0, 0);
	}
	return alias;
}

/* ---- the command register, and resets ---------------------------------------------------------------- */

uint16_t iommusim_pci_command(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	const struct pci_node *node = find(machine, segment, rid);

	return node == NULL ? UINT16_MAX : node->command;
}

/* Requesters look anew, and none goes on under what was there before. */
static void write_command(struct iommusim_machine *machine, struct pci_node *node, uint16_t command)
{
	const bool stops = (node->command & ~command & IOMMUSIM_PCI_COMMAND_BUS_MASTER) != 0;

	topology_begin_change(machine);
	node->command = command;
	topology_end_change(machine);
	if (stops)
		requester_quiesce(machine);
}

enum iommusim_status iommusim_pci_set_command(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid, uint16_t command)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return nobody_at(machine, rid);
	write_command(machine, node, command);
	if (node->behaviour.command != NULL)
		node->behaviour.command(node->behaviour.context, command);
	return IOMMUSIM_OK;
}

static void reset_function(struct iommusim_machine *machine, struct pci_node *node)
{
	write_command(machine, node, 0);
	if (node->behaviour.reset != NULL)
		node->behaviour.reset(node->behaviour.context);
}

enum iommusim_status iommusim_pci_reset(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return nobody_at(machine, rid);
	if (node->function.no_reset)
		return machine_fail(machine, IOMMUSIM_EOPNOTSUPP,
		    "the function at %02x:%02x.%u has no Function Level Reset", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	reset_function(machine, node);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_pci_power_cycle(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return nobody_at(machine, rid);
	if (node->function.keeps_state)
		return machine_fail(machine, IOMMUSIM_EOPNOTSUPP,
		    "the function at %02x:%02x.%u keeps its state through D3hot", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	reset_function(machine, node);
	return IOMMUSIM_OK;
}

static bool may_pass(const struct pci_node *node)
{
	return (node->command & IOMMUSIM_PCI_COMMAND_BUS_MASTER) != 0;
}

bool iommusim_pci_is_bus_master(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_tree tree = machine->pci;
	struct pci_node *node;

	RB_FOREACH (node, pci_tree, &tree)
		if (node->function.segment == segment && !may_pass(node) &&
		    iommusim_pci_is_behind(machine, segment, rid, node->function.rid))
			return false;
	return true;
}

enum iommusim_status iommusim_pci_set_behaviour(struct iommusim_machine *machine, uint16_t segment,
    uint16_t rid, const struct iommusim_pci_behaviour *behaviour)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return nobody_at(machine, rid);
	if (behaviour != NULL && node->behaves)
		return machine_fail(machine, IOMMUSIM_EEXIST,
		    "the function at %02x:%02x.%u has a behaviour already", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	node->behaves = behaviour != NULL;
	if (behaviour != NULL)
		node->behaviour = *behaviour;
	else
		memset(&node->behaviour, 0, sizeof(node->behaviour));
	return IOMMUSIM_OK;
}

void *iommusim_pci_behaviour_context(const struct iommusim_machine *machine, uint16_t segment,
    uint16_t rid, void (*reset)(void *context))
{
	const struct pci_node *node = find(machine, segment, rid);

	return node != NULL && node->behaves && node->behaviour.reset == reset ? node->behaviour.context
									       : NULL;
}

void pci_dismiss(struct iommusim_machine *machine)
{
	struct pci_node *node;

	RB_FOREACH (node, pci_tree, &machine->pci)
		dismiss(node);
}

void pci_teardown(struct iommusim_machine *machine)
{
	struct pci_node *node, *next;

	RB_FOREACH_SAFE (node, pci_tree, &machine->pci, next) {
		RB_REMOVE(pci_tree, &machine->pci, node);
		machine_free(machine, node, sizeof(*node));
	}
}
