/* PCI functions in order of segment and requester id, and what lies behind which bridge. */
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
	topology_begin_change(machine);
	RB_INSERT(pci_tree, &machine->pci, node);
	topology_end_change(machine);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_pci_remove(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct pci_node *node = find(machine, segment, rid);

	if (node == NULL)
		return machine_fail(machine, IOMMUSIM_ENOENT, "there is no function at %02x:%02x.%u",
		    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
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

void pci_teardown(struct iommusim_machine *machine)
{
	struct pci_node *node, *next;

	RB_FOREACH_SAFE (node, pci_tree, &machine->pci, next) {
		RB_REMOVE(pci_tree, &machine->pci, node);
		machine_free(machine, node, sizeof(*node));
	}
}
