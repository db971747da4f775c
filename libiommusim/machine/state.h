/*
 * What a machine is made of. Private to the library; each part has functions of its own in the file
 * of its name.
 */
#ifndef IOMMUSIM_MACHINE_STATE_H
#define IOMMUSIM_MACHINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <iommusim/acpi.h>
#include <iommusim/ats.h>
#include <iommusim/clock.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/page_request.h>
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

#define MEMORY_BROKEN_PIECES 16u

struct memory {
	struct memory_window *windows; /* sorted by base */
	size_t count;
	size_t capacity;
	/* Where hardware finds nothing (iommusim_memory_set_broken()). */
	struct memory_broken {
		uint64_t base, length;
	} broken[MEMORY_BROKEN_PIECES];
	size_t broken_count;
};

struct mmio_bus {
	struct iommusim_mmio_region *regions;
	size_t count;
	size_t capacity;
	struct iommusim_mmio_watcher *watchers;
	size_t watcher_count;
	size_t watcher_capacity;
	struct iommusim_mmio_tamper tamper; /* `read` NULL: none */
};

/* Who is told of software's stores (store_watch.c). */
struct store_watchers {
	struct iommusim_store_watcher *watchers;
	size_t count;
	size_t capacity;
	bool silent; /* some stores are announced by nobody */
};

struct pci_node {
	RB_ENTRY(pci_node) link;
	struct iommusim_pci_function function;
	struct iommusim_pci_behaviour behaviour; /* all 0: none */
	bool behaves;
	uint16_t command;
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
	uint64_t to_lose; /* messages that are still to be lost on purpose */
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

#define MACHINE_LINE 64u /* bytes that processors share or do not share as a whole */

TAILQ_HEAD(unit_list, iommusim_unit);
TAILQ_HEAD(requester_list, iommusim_requester);

struct iommusim_machine {
	struct iommusim_allocator allocator;
	uint64_t seed;
	bool device_view;
	struct iommusim_diagnostic diagnostic;
	struct memory memory;
	struct store_watchers stores;
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
	/*
	 * Grows after whatever may have changed where tables of units are, whether a log of faults overflowed, or which
	 * requesters there are.
	 */
	_Atomic uint64_t activity;
	/*
	 * Grows whenever something that requesters keep for themselves may no longer be used (machine_outdate()).
	 * Each request reads it, so it has a line of its own.
	 */
	uint8_t before_stamp[MACHINE_LINE];
	_Atomic uint64_t stamp;
	uint8_t behind_stamp[MACHINE_LINE];
};

/*
 * What requesters keep was true until now and may not be any longer: after the change that makes it so, and before
 * anybody is told that the change is complete. Any thread.
 */
static inline void machine_outdate(struct iommusim_machine *machine)
{
	atomic_fetch_add(&machine->stamp, 1);
}

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

/* Registers of some unit may say something else than before. Any thread, after the change. */
static inline void machine_note_activity(struct iommusim_machine *machine)
{
	atomic_fetch_add_explicit(&machine->activity, 1, memory_order_release);
}

static inline uint64_t machine_activity(const struct iommusim_machine *machine)
{
	return atomic_load_explicit(&machine->activity, memory_order_acquire);
}

/* The parts, torn down. */
void memory_teardown(struct iommusim_machine *machine);
void store_watch_teardown(struct iommusim_machine *machine);
void mmio_teardown(struct iommusim_machine *machine);
/* Behaviours first of all: they hold requesters and registers. */
void pci_dismiss(struct iommusim_machine *machine);
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

/*
 * requester.c: a piece of work that is over as a whole, however many requests it makes. These nest.
 * Thread: the requester's.
 */
void requester_begin_work(struct iommusim_requester *requester);
void requester_end_work(struct iommusim_requester *requester);
/* Returns when the work that the requester was at when this was called is over. Control side. */
void requester_wait(struct iommusim_requester *requester);
/* dma.c: is the request well-formed? */
enum iommusim_status requester_check(const struct iommusim_dma_request *request);

/* What a device is told to drop of the translations it keeps (PCI Express ATS). */
struct requester_invalidation {
	uint64_t first; /* untranslated addresses, both inclusive */
	uint64_t last;
	uint32_t pasid;
	bool has_pasid;
	bool all_pasids; /* with has_pasid: Global Invalidate */
};

/*
 * Tell the device of a requester id to drop translations, and wait for its completion. False: it does
 * not answer.
 */
bool requester_invalidate(struct iommusim_machine *machine, uint16_t segment, uint16_t rid,
    const struct requester_invalidation *what);

/* Has some requester of that id a device-TLB: is ATS on? Control side. */
bool requester_has_tlb(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* ats.c: the device-TLB of a requester */
struct ats {
	/* Guards the rest: DMA of the requester, and the control side. */
	pthread_mutex_t lock;
	struct ats_table *table; /* NULL: ATS is off */
	uint64_t changes;        /* invalidations and new settings so far */
	struct iommusim_ats_counters counters;
};

/* In zeroed memory. False: no memory for the lock. */
bool ats_create(struct ats *ats);
void ats_destroy(struct iommusim_machine *machine, struct ats *ats);
/* Drop what is named. What was looked up before may still be under way: requester_wait(). */
void ats_invalidate(struct ats *ats, const struct requester_invalidation *what);

/* requester.c: what is a requester's */
struct ats *requester_ats(struct iommusim_requester *requester);
struct iommusim_machine *requester_machine(const struct iommusim_requester *requester);

/* page_request.c: responses to page requests that a requester has not taken yet */
struct page_responses {
	/* Guards the rest: the requester, which is told things by its unit, and the control side. */
	pthread_mutex_t lock;
	struct iommusim_page_response ring[IOMMUSIM_PAGE_RESPONSES];
	uint32_t first;
	uint32_t count;
	uint64_t lost;
};

/* In zeroed memory. False: no memory for the lock. */
bool page_responses_create(struct page_responses *responses);
void page_responses_destroy(struct page_responses *responses);
void page_responses_put(
    struct page_responses *responses, const struct iommusim_page_response *response);

/* requester.c: what is a requester's; and one request, up to requester_end_work(): its unit, or NULL */
struct page_responses *requester_responses(struct iommusim_requester *requester);
struct iommusim_unit *requester_begin_request(struct iommusim_requester *requester);
/* requester.c: a page group response for a requester id, which may be nobody's. Control side. */
void requester_respond(struct iommusim_machine *machine, uint16_t segment, uint16_t rid,
    const struct iommusim_page_response *response);

#endif
