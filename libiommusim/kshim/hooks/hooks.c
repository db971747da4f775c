/* Register pages under hooks: a store is taken up from them, a load finds there what was fetched. */
#include "kshim/hooks/hooks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/clock.h>
#include <iommusim/memory.h>

#include "kshim/registers/registers.h"

/*
 * The pages hold no state: a load finds there what the hook before it fetched, and a store leaves
 * there what the hook after it takes up.
 */
struct iommusim_hooks {
	uint8_t pages[REGISTER_PAGES][IOMMUSIM_PAGE_SIZE];
	struct register_pages registers;
	_Atomic uint64_t unmarked;
};

_Thread_local struct hooks_thread hooks_here;

/* Nothing is hooked in here, whatever flags the archive is built with: no entry point calls itself.
 */
static void tell_store(uintptr_t address, size_t length)
{
	const struct iommusim_machine *machine = hooks_here.hooks->registers.machine;
	uint64_t physical;

	if (iommusim_memory_physical(machine, (const void *)address, &physical) == IOMMUSIM_OK)
		iommusim_memory_stored(machine, physical, length);
}

void hooks_take_up(void)
{
	const uintptr_t address = hooks_here.pending;
	const size_t length = hooks_here.pending_length;

	hooks_here.pending_length = 0;
	if (!hooks_is_register(address)) {
		tell_store(address, length);
		return;
	}
	registers_write(&hooks_here.hooks->registers, address, length, (const void *)address);
}

/* Before a load: put into the page what the registers read as. */
void hooks_fetch(uintptr_t address, size_t length)
{
	registers_read(&hooks_here.hooks->registers, address, length, (void *)address);
}

void hooks_unmarked(void)
{
	atomic_fetch_add_explicit(&hooks_here.hooks->unmarked, 1, memory_order_relaxed);
}

void hooks_let_time_pass(void)
{
	iommusim_step(hooks_here.hooks->registers.machine, 1);
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
	registers_init(&hooks->registers, machine, hooks->pages[0]);
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

enum iommusim_status iommusim_hooks_map(
    struct iommusim_hooks *hooks, uint64_t base, uint64_t length, volatile void **registers)
{
	bool is_new;
	const enum iommusim_status status =
	    registers_map(&hooks->registers, base, length, registers, &is_new);

	if (status == IOMMUSIM_OK && is_new)
		memset((void *)(uintptr_t)*registers, 0, (size_t)length);
	return status;
}

/* Not at every store, which is to cost nothing: watchers come and go between calls of the driver. */
static void look_for_watchers(void)
{
	hooks_here.watched =
	    hooks_here.hooks != NULL && iommusim_memory_is_watched(hooks_here.hooks->registers.machine);
}

void iommusim_hooks_attach(struct iommusim_hooks *hooks)
{
	hooks_settle();
	hooks_here = (struct hooks_thread){ .hooks = hooks };
	if (hooks == NULL)
		return;
	hooks_here.first = (uintptr_t)hooks->pages;
	hooks_here.length = sizeof(hooks->pages);
	look_for_watchers();
}

void iommusim_hooks_sync(void)
{
	hooks_settle();
	look_for_watchers();
}

const void *iommusim_hooks_place(void)
{
	return hooks_here.place;
}

uint64_t iommusim_hooks_unmarked(const struct iommusim_hooks *hooks)
{
	return atomic_load_explicit(&hooks->unmarked, memory_order_relaxed);
}

enum iommusim_status iommusim_hooks_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside)
{
	return registers_add_image(machine, base, inside);
}
