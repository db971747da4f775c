/*
 * What a machine is made of. Private to the library; each part has functions of its own in the file
 * of its name.
 */
#ifndef IOMMUSIM_MACHINE_STATE_H
#define IOMMUSIM_MACHINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <iommusim/acpi.h>
#include <iommusim/clock.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#include "port/bsd.h"

struct memory_window {
	uint64_t base;
	uint64_t length;
	enum iommusim_memory_kind kind;
	uint8_t *host; /* software's view */
	/* what non-snooping hardware sees: `host` itself without a device view */
	uint8_t *device;
};

struct memory {
	struct memory_window *windows; /* sorted by base */
	size_t count;
	size_t capacity;
};

struct mmio_bus {
	struct iommusim_mmio_region *regions;
	size_t count;
	size_t capacity;
	struct iommusim_mmio_watcher *watchers;
	size_t watcher_count;
	size_t watcher_capacity;
};

struct pci_node {
	RB_ENTRY(pci_node) link;
	struct iommusim_pci_function function;
};
RB_HEAD(pci_tree, pci_node);

struct acpi_table {
	char signature[4];
	uint64_t address;
	uint32_t length;
};

struct acpi {
	struct acpi_table *tables;
	size_t count;
	size_t capacity;
	uint64_t next; /* where the next table goes; 0 before the window is there */
};

struct interrupt_sink {
	pthread_mutex_t lock; /* threads that do DMA raise fault events */
	struct iommusim_interrupt queue[IOMMUSIM_INTERRUPT_QUEUE];
	size_t head;
	size_t count;
	uint64_t lost;
};

struct clock_event {
	RB_ENTRY(clock_event) link;
	uint64_t due;
	uint64_t order; /* of submission: breaks ties */
	void (*run)(void *context);
	void *context;
};
RB_HEAD(clock_tree, clock_event);

struct clock {
	/* register accesses and steps; requesters count the ticks of their DMA themselves */
	uint64_t now;
	struct clock_tree events;
	uint64_t submitted;
	bool running; /* an event that accesses registers does not start the queue again */
};

TAILQ_HEAD(unit_list, iommusim_unit);
TAILQ_HEAD(requester_list, iommusim_requester);

struct iommusim_machine {
	struct iommusim_allocator allocator;
	uint64_t seed;
	bool device_view;
	struct iommusim_diagnostic diagnostic;
	struct memory memory;
	struct mmio_bus bus;
	struct pci_tree pci;
	struct acpi acpi;
	struct interrupt_sink sink;
	struct clock clock;
	struct unit_list units;
	struct requester_list requesters;
	/* Grows with every change of functions or scopes: requesters look their unit up anew. */
	_Atomic uint64_t topology;
	/* Held by whoever changes functions, units or scopes, and by a requester that looks its unit up. */
	pthread_mutex_t topology_lock;
	uint64_t retired_ticks; /* of requesters that are gone */
	/* Grows with every invalidation; see requester.c. */
	_Atomic uint64_t epoch;
};

/* machine.c: memory and diagnostics for everyone else */

/*
 * The caller's allocator (NULL: the system's), with the system's reservations where it has none of its
 * own. False: a callback is missing.
 */
bool machine_choose_allocator(
    const struct iommusim_allocator *wanted, struct iommusim_allocator *chosen);

void *machine_alloc(struct iommusim_machine *machine, size_t size);
void *machine_alloc_zeroed(struct iommusim_machine *machine, size_t size);
void machine_free(struct iommusim_machine *machine, void *block, size_t size);

/*
 * Make room for `need` elements of `size` bytes in the array at `*array`, doubling. On failure the
 * array is untouched.
 */
bool machine_grow(
    struct iommusim_machine *machine, void *array, size_t *capacity, size_t need, size_t size);

/* Note what went wrong and return `status`, so that a caller can `return machine_fail(...)`. */
enum iommusim_status machine_fail(struct iommusim_machine *machine, enum iommusim_status status,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The parts, torn down. */
void memory_teardown(struct iommusim_machine *machine);
void mmio_teardown(struct iommusim_machine *machine);
void pci_teardown(struct iommusim_machine *machine);
void acpi_teardown(struct iommusim_machine *machine);
void clock_teardown(struct iommusim_machine *machine);
void unit_teardown(struct iommusim_machine *machine);
void requester_teardown(struct iommusim_machine *machine);

/* Around every change of what decides which unit governs whom; the end makes requesters look anew. */
void topology_begin_change(struct iommusim_machine *machine);
void topology_end_change(struct iommusim_machine *machine);

/* Is any byte of the range memory, or a register region? */
bool memory_overlaps(const struct iommusim_machine *machine, uint64_t base, uint64_t length);
bool mmio_overlaps(const struct iommusim_machine *machine, uint64_t base, uint64_t length);

/* interrupt.c: hardware raises; any thread */
void interrupt_raise(struct iommusim_machine *machine, const struct iommusim_interrupt *interrupt);

/* clock.c: the tick of a register access; runs what is due */
void clock_tick_access(struct iommusim_machine *machine);

/* requester.c: ticks that DMA took, of all requesters there are or were */
uint64_t requester_ticks(const struct iommusim_machine *machine);

/*
 * requester.c: returns when no DMA that began before the call is still under way, so that whatever was
 * invalidated before it is used by nobody any more.
 */
void requester_quiesce(struct iommusim_machine *machine);

/* Does the device of that requester id answer when it is told to drop translations? */
bool requester_answers(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

#endif
