/* Register pages, and how an access to one becomes an access on the machine's bus. */
#include "kshim/hooks/hooks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/clock.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#define REGISTER_PAGES 1024u
#define NOT_MAPPED     UINT64_MAX

/*
 * The pages lie in a row, so that one comparison tells a register from memory. They hold no state:
 * a load finds there what the hook before it fetched, and a store leaves there what the hook after
 * it takes up.
 */
struct iommusim_hooks {
	uint8_t pages[REGISTER_PAGES][IOMMUSIM_PAGE_SIZE];
	uint64_t physical[REGISTER_PAGES];
	size_t mapped; /* pages handed out */
	struct iommusim_machine *machine;
	_Atomic uint64_t unmarked;
};

_Thread_local struct hooks_thread hooks_here;

/* Nothing is hooked in here, whatever flags the archive is built with: no entry point calls itself.
 */
static uint64_t physical_of(const struct iommusim_hooks *hooks, uintptr_t address)
{
	const uintptr_t offset = address - (uintptr_t)hooks->pages;
	const uint64_t page = hooks->physical[offset >> IOMMUSIM_PAGE_SHIFT];

	return page == NOT_MAPPED ? NOT_MAPPED : page + (offset & (IOMMUSIM_PAGE_SIZE - 1));
}

/* The widest naturally aligned access a bus could make of the next bytes: 1, 2, 4 or 8. */
static unsigned piece_width(uintptr_t address, size_t left)
{
	unsigned width = 8;

	while (width > 1 && (width > left || address % width != 0))
		width /= 2;
	return width;
}

static uint64_t get(const void *from, unsigned width)
{
	uint8_t byte;
	uint16_t word;
	uint32_t doubleword;
	uint64_t quadword;

	switch (width) {
	case 1:
		memcpy(&byte, from, sizeof(byte));
		return byte;
	case 2:
		memcpy(&word, from, sizeof(word));
		return word;
	case 4:
		memcpy(&doubleword, from, sizeof(doubleword));
		return doubleword;
	default:
		memcpy(&quadword, from, sizeof(quadword));
		return quadword;
	}
}

static void put(void *to, unsigned width, uint64_t value)
{
	const uint8_t byte = (uint8_t)value;
	const uint16_t word = (uint16_t)value;
	const uint32_t doubleword = (uint32_t)value;

	switch (width) {
	case 1:
		memcpy(to, &byte, sizeof(byte));
		break;
	case 2:
		memcpy(to, &word, sizeof(word));
		break;
	case 4:
		memcpy(to, &doubleword, sizeof(doubleword));
		break;
	default:
		memcpy(to, &value, sizeof(value));
		break;
	}
}

/*
 * Every piece of a store becomes a write of the bus. What the bus says of it (nothing answers
 * there) is no concern of a processor that stores; the machine's diagnostic has it.
 */
void hooks_take_up(void)
{
	struct iommusim_hooks *hooks = hooks_here.hooks;
	uintptr_t address = hooks_here.pending;
	size_t left = hooks_here.pending_length;

	hooks_here.pending_length = 0;
	while (left > 0 && hooks_is_register(address)) {
		const unsigned width = piece_width(address, left);
		const uint64_t physical = physical_of(hooks, address);

		if (physical != NOT_MAPPED)
			iommusim_mmio_write(
			    hooks->machine, physical, width, get((const void *)address, width));
		address += width;
		left -= width;
	}
}

/* Before a load: put into the page what the registers read as. */
void hooks_fetch(uintptr_t address, size_t length)
{
	struct iommusim_hooks *hooks = hooks_here.hooks;

	while (length > 0 && hooks_is_register(address)) {
		const unsigned width = piece_width(address, length);
		const uint64_t physical = physical_of(hooks, address);
		uint64_t value = UINT64_MAX;

		if (physical != NOT_MAPPED)
			iommusim_mmio_read(hooks->machine, physical, width, &value);
		put((void *)address, width, value);
		address += width;
		length -= width;
	}
}

void hooks_unmarked(void)
{
	atomic_fetch_add_explicit(&hooks_here.hooks->unmarked, 1, memory_order_relaxed);
}

void hooks_let_time_pass(void)
{
	iommusim_step(hooks_here.hooks->machine, 1);
}

enum iommusim_status iommusim_hooks_create(
    struct iommusim_machine *machine, struct iommusim_hooks **out)
{
	struct iommusim_hooks *hooks;

	if (out == NULL)
		return IOMMUSIM_EINVAL;
	*out = NULL;
	if (machine == NULL)
		return IOMMUSIM_EINVAL;
	hooks = aligned_alloc(
	    IOMMUSIM_PAGE_SIZE, (sizeof(*hooks) + IOMMUSIM_PAGE_SIZE - 1) & ~(IOMMUSIM_PAGE_SIZE - 1));
	if (hooks == NULL)
		return IOMMUSIM_ENOMEM;
	for (size_t i = 0; i < REGISTER_PAGES; i++)
		hooks->physical[i] = NOT_MAPPED;
	hooks->mapped = 0;
	hooks->machine = machine;
	atomic_init(&hooks->unmarked, 0);
	*out = hooks;
	return IOMMUSIM_OK;
}

void iommusim_hooks_destroy(struct iommusim_hooks *hooks)
{
	if (hooks == NULL)
		return;
	if (hooks_here.hooks == hooks)
		iommusim_hooks_attach(NULL);
	free(hooks);
}

/* The first of the pages that stand for `base` and what follows; `mapped` if there are none. */
static size_t find_mapping(const struct iommusim_hooks *hooks, uint64_t base, uint64_t pages)
{
	for (size_t first = 0; first + pages <= hooks->mapped; first++) {
		uint64_t i = 0;

		while (i < pages && hooks->physical[first + i] == base + (i << IOMMUSIM_PAGE_SHIFT))
			i++;
		if (i == pages)
			return first;
	}
	return hooks->mapped;
}

enum iommusim_status iommusim_hooks_map(
    struct iommusim_hooks *hooks, uint64_t base, uint64_t length, volatile void **registers)
{
	const uint64_t end = UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS;
	const uint64_t pages = length >> IOMMUSIM_PAGE_SHIFT;
	size_t first;

	if (((base | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 || length == 0 || base >= end ||
	    length > end - base)
		return IOMMUSIM_EINVAL;
	first = find_mapping(hooks, base, pages);
	if (first == hooks->mapped) {
		if (pages > REGISTER_PAGES - hooks->mapped)
			return IOMMUSIM_ENOMEM;
		memset(hooks->pages[first], 0, (size_t)length);
		for (uint64_t i = 0; i < pages; i++)
			hooks->physical[hooks->mapped++] = base + (i << IOMMUSIM_PAGE_SHIFT);
	}
	*registers = hooks->pages[first];
	return IOMMUSIM_OK;
}

void iommusim_hooks_attach(struct iommusim_hooks *hooks)
{
	hooks_settle();
	hooks_here = (struct hooks_thread){ .hooks = hooks };
	if (hooks == NULL)
		return;
	hooks_here.first = (uintptr_t)hooks->pages;
	hooks_here.length = sizeof(hooks->pages);
}

void iommusim_hooks_sync(void)
{
	hooks_settle();
}

uint64_t iommusim_hooks_unmarked(const struct iommusim_hooks *hooks)
{
	return atomic_load_explicit(&hooks->unmarked, memory_order_relaxed);
}
