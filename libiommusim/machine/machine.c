/* The machine's life, its allocator and its diagnostic. What it is made of stands in state.h. */
#include "machine/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/reserve.h"

static void *system_allocate(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void system_release(void *context, void *block, size_t size)
{
	(void)context;
	(void)size;
	free(block);
}

static void *system_reserve(void *context, size_t size)
{
	(void)context;
	return port_reserve(size);
}

static void system_unreserve(void *context, void *block, size_t size)
{
	(void)context;
	port_unreserve(block, size);
}

static const struct iommusim_allocator system_allocator = {
	.allocate = system_allocate,
	.release = system_release,
	.reserve = system_reserve,
	.unreserve = system_unreserve,
};

bool machine_choose_allocator(
    const struct iommusim_allocator *wanted, struct iommusim_allocator *chosen)
{
	if (wanted == NULL) {
		*chosen = system_allocator;
		return true;
	}
	if (wanted->allocate == NULL || wanted->release == NULL ||
	    (wanted->reserve == NULL) != (wanted->unreserve == NULL))
		return false;
	*chosen = *wanted;
	if (chosen->reserve == NULL) {
		chosen->reserve = system_reserve;
		chosen->unreserve = system_unreserve;
	}
	return true;
}

enum iommusim_status iommusim_machine_create(
    const struct iommusim_machine_config *config, struct iommusim_machine **out)
{
	static const struct iommusim_machine_config defaults;
	struct iommusim_allocator allocator;
	struct iommusim_machine *machine;

	if (out == NULL)
		return IOMMUSIM_EINVAL;
	*out = NULL;
	if (config == NULL)
		config = &defaults;
	if (!machine_choose_allocator(config->allocator, &allocator))
		return IOMMUSIM_EINVAL;
	machine = allocator.allocate(allocator.context, sizeof(*machine));
	if (machine == NULL)
		return IOMMUSIM_ENOMEM;
	memset(machine, 0, sizeof(*machine));
	if (pthread_mutex_init(&machine->sink.lock, NULL) != 0) {
		allocator.release(allocator.context, machine, sizeof(*machine));
		return IOMMUSIM_ENOMEM;
	}
	if (pthread_mutex_init(&machine->topology_lock, NULL) != 0) {
		pthread_mutex_destroy(&machine->sink.lock);
		allocator.release(allocator.context, machine, sizeof(*machine));
		return IOMMUSIM_ENOMEM;
	}
	machine->allocator = allocator;
	machine->seed = config->seed;
	machine->device_view = config->device_view;
	RB_INIT(&machine->pci);
	RB_INIT(&machine->clock.events);
	TAILQ_INIT(&machine->units);
	TAILQ_INIT(&machine->requesters);
	atomic_init(&machine->topology, 1);
	atomic_init(&machine->epoch, 1);
	atomic_init(&machine->stamp, 1);
	*out = machine;
	return IOMMUSIM_OK;
}

void iommusim_machine_destroy(struct iommusim_machine *machine)
{
	struct iommusim_allocator allocator;

	if (machine == NULL)
		return;
	pci_dismiss(machine);
	requester_teardown(machine);
	unit_teardown(machine);
	clock_teardown(machine);
	acpi_teardown(machine);
	pci_teardown(machine);
	mmio_teardown(machine);
	memory_teardown(machine);
	store_watch_teardown(machine);
	pthread_mutex_destroy(&machine->topology_lock);
	pthread_mutex_destroy(&machine->sink.lock);
	allocator = machine->allocator;
	allocator.release(allocator.context, machine, sizeof(*machine));
}

const struct iommusim_diagnostic *iommusim_machine_diagnostic(const struct iommusim_machine *machine)
{
	return &machine->diagnostic;
}

void *machine_alloc(struct iommusim_machine *machine, size_t size)
{
	return machine->allocator.allocate(machine->allocator.context, size);
}

void *machine_alloc_zeroed(struct iommusim_machine *machine, size_t size)
{
	void *block = machine_alloc(machine, size);

	if (block != NULL)
		memset(block, 0, size);
	return block;
}

void machine_free(struct iommusim_machine *machine, void *block, size_t size)
{
	if (block != NULL)
		machine->allocator.release(machine->allocator.context, block, size);
}

bool machine_grow(
    struct iommusim_machine *machine, void *array, size_t *capacity, size_t need, size_t size)
{
	size_t room = *capacity == 0 ? 8 : *capacity;
	void *old, *grown;

	if (need <= *capacity)
		return true;
	while (room < need)
		room *= 2;
	grown = machine_alloc(machine, room * size);
	if (grown == NULL)
		return false;
	memcpy(&old, array, sizeof(old)); /* `array` points at a pointer of the caller's own type */
	if (old != NULL)
		memcpy(grown, old, *capacity * size);
	machine_free(machine, old, *capacity * size);
	memcpy(array, &grown, sizeof(grown));
	*capacity = room;
	return true;
}

enum iommusim_status machine_fail(
    struct iommusim_machine *machine, enum iommusim_status status, const char *format, ...)
{
	struct iommusim_diagnostic *diagnostic = &machine->diagnostic;
	va_list arguments;

	diagnostic->status = status;
	diagnostic->line = 0;
	diagnostic->column = 0;
	diagnostic->offset = UINT64_MAX;
	va_start(arguments, format);
	vsnprintf(diagnostic->text, sizeof(diagnostic->text), format, arguments);
	va_end(arguments);
	return status;
}
