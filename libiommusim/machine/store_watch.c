/* Who is told of software's stores to memory. What they make of it is theirs; storing itself is memory.c's. */
#include "machine/state.h"

enum iommusim_status iommusim_memory_watch(
    struct iommusim_machine *machine, const struct iommusim_store_watcher *watcher)
{
	struct store_watchers *stores = &machine->stores;

	if (!machine_grow(machine, &stores->watchers, &stores->capacity, stores->count + 1,
		sizeof(*stores->watchers)))
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a watcher of stores");
	stores->watchers[stores->count++] = *watcher;
	machine_note_activity(machine); /* who stores unwatched looks again */
	return IOMMUSIM_OK;
}

void iommusim_memory_unwatch(struct iommusim_machine *machine, const void *context)
{
	struct store_watchers *stores = &machine->stores;
	size_t kept = 0;

	for (size_t i = 0; i < stores->count; i++)
		if (stores->watchers[i].context != context)
			stores->watchers[kept++] = stores->watchers[i];
	stores->count = kept;
}

bool iommusim_memory_is_watched(const struct iommusim_machine *machine)
{
	return machine->stores.count > 0;
}

void iommusim_memory_expect_silent_stores(struct iommusim_machine *machine)
{
	machine->stores.silent = true;
	machine_note_activity(machine);
}

void iommusim_memory_stored(const struct iommusim_machine *machine, uint64_t address, uint64_t length)
{
	const struct store_watchers *stores = &machine->stores;

	for (size_t i = 0; length > 0 && i < stores->count; i++)
		stores->watchers[i].stored(stores->watchers[i].context, address, length);
}

void iommusim_memory_taken(const struct iommusim_machine *machine, uint64_t page)
{
	const struct store_watchers *stores = &machine->stores;

	for (size_t i = 0; i < stores->count; i++)
		if (stores->watchers[i].taken != NULL)
			stores->watchers[i].taken(stores->watchers[i].context, page);
}

void iommusim_memory_given_back(const struct iommusim_machine *machine, uint64_t page)
{
	const struct store_watchers *stores = &machine->stores;

	for (size_t i = 0; i < stores->count; i++)
		if (stores->watchers[i].given_back != NULL)
			stores->watchers[i].given_back(stores->watchers[i].context, page);
}

void store_watch_teardown(struct iommusim_machine *machine)
{
	struct store_watchers *stores = &machine->stores;

	machine_free(machine, stores->watchers, stores->capacity * sizeof(*stores->watchers));
}
