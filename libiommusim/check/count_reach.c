/*
 * What could be reached by a device though nobody meant it to be: guest memory in the host domain, memory behind
 * units that are off, devices that nobody has. Who does reach it is verdict.c's question.
 */
#include <string.h>

#include "check/count.h"
#include "check/state.h"

#define WORD_BITS 64u

/* ---- pages ------------------------------------------------------------------------------------------ */

static uint64_t ram_pages(const struct iommusim_machine *machine)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < machine->memory.count; i++)
		if (machine->memory.windows[i].kind == IOMMUSIM_MEMORY_RAM)
			pages += machine->memory.windows[i].length >> IOMMUSIM_PAGE_SHIFT;
	return pages;
}

static size_t bytes_of(const struct count_reach *reach)
{
	const size_t page = (size_t)IOMMUSIM_PAGE_SIZE;

	return (2 * reach->words * sizeof(*reach->bits) + page - 1) / page * page;
}

enum iommusim_status count_reach_init(struct count_reach *reach, struct iommusim_machine *machine)
{
	const struct iommusim_allocator *allocator = &machine->allocator;

	*reach = (struct count_reach){
		.machine = machine,
		.words = (size_t)((ram_pages(machine) + WORD_BITS - 1) / WORD_BITS),
	};
	if (reach->words == 0)
		return IOMMUSIM_OK;
	reach->bits = allocator->reserve(allocator->context, bytes_of(reach));
	return reach->bits == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}

void count_reach_fini(struct count_reach *reach)
{
	const struct iommusim_allocator *allocator = &reach->machine->allocator;

	if (reach->bits != NULL)
		allocator->unreserve(allocator->context, reach->bits, bytes_of(reach));
}

static unsigned ones(uint64_t word)
{
	return (unsigned)__builtin_popcountll(word);
}

/* Bits `mask` of word `index` change on one side: by how much the sums do. */
static void change_word(
    struct count_reach *reach, enum count_side side, size_t index, uint64_t mask, bool set)
{
	uint64_t *word = &reach->bits[(side == COUNT_HOST ? reach->words : 0) + index];
	const uint64_t other = reach->bits[(side == COUNT_HOST ? 0 : reach->words) + index];
	const uint64_t before = *word, after = set ? before | mask : before & ~mask;

	*word = after;
	reach->both += ones(after & other);
	reach->both -= ones(before & other);
	if (side == COUNT_GUEST) {
		reach->guest += ones(after);
		reach->guest -= ones(before);
	}
}

static void change_pages(
    struct count_reach *reach, enum count_side side, uint64_t first, uint64_t count, bool set)
{
	while (count > 0) {
		const unsigned shift = (unsigned)(first % WORD_BITS);
		const uint64_t room = WORD_BITS - shift, part = count < room ? count : room;
		const uint64_t mask = (part == WORD_BITS ? ~UINT64_C(0) : (UINT64_C(1) << part) - 1)
		    << shift;

		change_word(reach, side, (size_t)(first / WORD_BITS), mask, set);
		first += part;
		count -= part;
	}
}

void count_reach_set(
    struct count_reach *reach, enum count_side side, uint64_t address, uint64_t length, bool set)
{
	const uint64_t last = address + (length - 1);
	uint64_t number = 0; /* of the window's first page */

	for (size_t i = 0; length > 0 && i < reach->machine->memory.count; i++) {
		const struct memory_window *window = &reach->machine->memory.windows[i];
		const uint64_t end = window->base + (window->length - 1);
		const uint64_t from = address > window->base ? address : window->base;
		const uint64_t to = last < end ? last : end;

		if (window->kind != IOMMUSIM_MEMORY_RAM)
			continue;
		if (from <= to)
			change_pages(reach, side,
			    number + ((from - window->base) >> IOMMUSIM_PAGE_SHIFT),
			    ((to - from) >> IOMMUSIM_PAGE_SHIFT) + 1, set);
		number += window->length >> IOMMUSIM_PAGE_SHIFT;
	}
}

void count_reach_forget_host(struct count_reach *reach)
{
	if (reach->words > 0)
		change_pages(reach, COUNT_HOST, 0, reach->words * WORD_BITS, false);
}

/* ---- units -------------------------------------------------------------------------------------------- */

/* The units that translate, a bit each, of the first 64. */
static uint64_t translating(const struct iommusim_machine *machine)
{
	const struct iommusim_unit *unit;
	uint64_t bits = 0;
	unsigned number = 0;

	TAILQ_FOREACH (unit, &machine->units, link) {
		if (iommusim_unit_translating(unit))
			bits |= UINT64_C(1) << number % WORD_BITS;
		number++;
	}
	return bits;
}

static struct iommusim_unit *unit_of(
    struct iommusim_machine *machine, const struct iommusim_pci_function *function, uint16_t *rid)
{
	*rid = iommusim_pci_requester_id(machine, function->segment, function->rid);
	return iommusim_unit_for(machine, function->segment, *rid);
}

/* Does a function's DMA go past translation? Bridges make none of their own. */
static bool some_function_is_unguarded(struct iommusim_machine *machine)
{
	const struct iommusim_pci_function *function;

	for (size_t i = 0; (function = iommusim_pci_at(machine, i)) != NULL; i++) {
		const struct iommusim_unit *unit;
		uint16_t rid;

		if (function->type != IOMMUSIM_PCI_ENDPOINT)
			continue;
		unit = unit_of(machine, function, &rid);
		if (unit == NULL || !iommusim_unit_translating(unit))
			return true;
	}
	return false;
}

/* Worked out again only when the bus, the units, or what is on has changed. */
static bool is_unguarded(struct iommusim_counter *counter)
{
	const uint64_t topology = atomic_load(&counter->machine->topology);
	const uint64_t on = translating(counter->machine);

	if (counter->unguarded_known && counter->topology == topology && counter->translating == on)
		return counter->unguarded;
	counter->unguarded = some_function_is_unguarded(counter->machine);
	counter->topology = topology;
	counter->translating = on;
	counter->unguarded_known = true;
	return counter->unguarded;
}

/* ---- idle devices --------------------------------------------------------------------------------------- */

/* A page of the host's own: the kernel's lowest memory is never a guest's. */
static uint64_t host_page(const struct iommusim_machine *machine)
{
	for (size_t i = 0; i < machine->memory.count; i++)
		if (machine->memory.windows[i].kind == IOMMUSIM_MEMORY_RAM)
			return machine->memory.windows[i].base;
	return 0;
}

static bool reaches_host(struct iommusim_counter *counter, const struct iommusim_pci_function *function)
{
	struct page_request request = { .length = 4, .kind = IOMMUSIM_DMA_WRITE };
	struct iommusim_unit *unit = unit_of(counter->machine, function, &request.rid);
	struct iommusim_walk walk;

	if (unit == NULL || !iommusim_unit_translating(unit))
		return false; /* counted as unguarded */
	request.rid = iommusim_unit_carried_id(unit, request.rid);
	request.address = host_page(counter->machine);
	memset(&walk, 0, sizeof(walk));
	unit->model->explain(unit, &request, &walk);
	return !walk.result.faulted && walk.result.physical == request.address;
}

static uint64_t idle_devices_reaching(struct iommusim_counter *counter)
{
	const struct iommusim_pci_function *function;
	uint64_t count = 0;

	for (size_t i = 0; (function = iommusim_pci_at(counter->machine, i)) != NULL; i++) {
		enum iommusim_driver driver;

		if (iommusim_device_driver(counter->vmm, function->segment, function->rid, &driver) !=
			IOMMUSIM_OK ||
		    driver != IOMMUSIM_DRIVER_PPT ||
		    iommusim_vm_of_device(counter->vmm, function->segment, function->rid) != NULL)
			continue;
		count += reaches_host(counter, function);
	}
	return count;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static void raise_to(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

/* Calls that move no device, made by the million in captured traces: nothing is walked after them. */
static bool moves_devices(enum iommusim_call_kind kind)
{
	return kind != IOMMUSIM_CALL_CREATE_MAPPING && kind != IOMMUSIM_CALL_REMOVE_MAPPING &&
	    kind != IOMMUSIM_CALL_INVALIDATE_TLB;
}

void count_reachable(struct iommusim_counter *counter, enum iommusim_call_kind after)
{
	struct iommusim_counts *counts = &counter->counts;

	raise_to(&counts->guest_pages_in_host, counter->reach.both);
	if (counter->reach.guest > counts->guest_pages_unguarded && is_unguarded(counter))
		counts->guest_pages_unguarded = counter->reach.guest;
	if (moves_devices(after))
		raise_to(&counts->idle_devices_reaching, idle_devices_reaching(counter));
}
