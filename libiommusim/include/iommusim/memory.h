/*
 * Physical memory: windows of it, and access to it. Registers are not memory: see mmio.h.
 */
#ifndef IOMMUSIM_MEMORY_H
#define IOMMUSIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Physical addresses have at most 52 bits; pages are 4 KiB throughout. */
#define IOMMUSIM_PHYSICAL_BITS 52u
#define IOMMUSIM_PAGE_SHIFT    12u
#define IOMMUSIM_PAGE_SIZE     (UINT64_C(1) << IOMMUSIM_PAGE_SHIFT)

enum iommusim_memory_kind {
	IOMMUSIM_MEMORY_RAM,      /* for anyone to use */
	IOMMUSIM_MEMORY_FIRMWARE, /* reserved by firmware: ACPI tables */
	IOMMUSIM_MEMORY_FOREIGN,  /* the caller's own host memory, at a physical address it chose */
	IOMMUSIM_MEMORY_ROM /* devices and remapping units can only read it; iommusim_memory_write() fills it */
};

struct iommusim_memory_window {
	uint64_t base;
	uint64_t length;
	enum iommusim_memory_kind kind;
	void *host; /* where byte `base` lives in this process */
};

/*
 * Add a window of zeroed memory at [base, base + length), both multiples of 4 KiB, length > 0, below
 * 2^52. It costs address space, and memory only where it is touched.
 * Returns OK, EINVAL (alignment, range, kind FOREIGN), EEXIST (overlaps a window or registers), ENOMEM.
 * Windows come and go while no requester is in a DMA.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_add(
    struct iommusim_machine *machine, uint64_t base, uint64_t length, enum iommusim_memory_kind kind);

/*
 * Show `length` bytes of the caller's memory at `host` (4 KiB aligned) as physical memory at `base`: a
 * driver's program image, say. The memory stays the caller's and must outlive the window. With a device
 * view it counts as flushed at this moment. Under AddressSanitizer it must have no red zones inside.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_add_foreign(
    struct iommusim_machine *machine, uint64_t base, uint64_t length, void *host);

/* Remove the window that begins at `base`. Returns OK or ENOENT. */
IOMMUSIM_API enum iommusim_status iommusim_memory_remove(
    struct iommusim_machine *machine, uint64_t base);

/*
 * RAM as on a PC: up to 3 GiB from 0, the rest from 4 GiB, all but the pages that registers on the bus
 * have already (some boards put units below 3 GiB). `size` is a multiple of 4 KiB, > 0. Returns OK,
 * EINVAL, EEXIST (there is RAM already), ENOMEM; on failure no RAM is there.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_add_pc_ram(
    struct iommusim_machine *machine, uint64_t size);

/* Window number `index` in order of base; ENOENT beyond the last. */
IOMMUSIM_API enum iommusim_status iommusim_memory_window(
    const struct iommusim_machine *machine, size_t index, struct iommusim_memory_window *window);

/*
 * Copy out of, or into, physical memory. All or nothing: ENXIO when any byte lies in a hole, and then
 * nothing is moved. Not atomic; software's view (a write needs iommusim_memory_flush to reach
 * non-coherent hardware when the machine has a device view).
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_read(
    struct iommusim_machine *machine, uint64_t address, void *buffer, size_t length);
IOMMUSIM_API enum iommusim_status iommusim_memory_write(
    struct iommusim_machine *machine, uint64_t address, const void *buffer, size_t length);

/*
 * The host memory behind [address, address + length), or NULL when it is not all in one window. Valid
 * until the window goes. Stores through it that hardware may read at the same time must be atomic; a
 * kernel driver's plain aligned stores of 8 bytes are so on amd64 as compiled, not by the language.
 */
IOMMUSIM_API void *iommusim_memory_host(
    const struct iommusim_machine *machine, uint64_t address, size_t length);

/* The physical address of a host pointer into some window, as vtophys() says it. ENOENT if none. */
IOMMUSIM_API enum iommusim_status iommusim_memory_physical(
    const struct iommusim_machine *machine, const void *host, uint64_t *address);

/*
 * Write back the cache lines of [address, address + length): what non-coherent hardware sees from now
 * on. Without a device view it has no effect. ENXIO for a hole.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_flush(
    struct iommusim_machine *machine, uint64_t address, size_t length);

/*
 * Break [address, address + length), whole pages, or with `broken` false mend it: hardware (table walks, queues, DMA)
 * finds no memory there, as where a memory controller reports an error; software, a kernel before its machine check,
 * reads and stores as always. Breaking adds to what is broken; at most 16 pieces. Returns OK, EINVAL (no whole pages),
 * ENOMEM. No requester may be in a DMA.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_set_broken(
    struct iommusim_machine *machine, uint64_t address, uint64_t length, bool broken);

/* Write every cache line back, as WBINVD does. With a device view it reads all memory: not quick. */
IOMMUSIM_API void iommusim_memory_flush_all(struct iommusim_machine *machine);

/* ---- watching what software stores ------------------------------------------------------------------ */

/*
 * Told of what software does to memory that hardware reads: each store, in order, once it is made; and of pages
 * that a backend takes for tables and gives back. What hardware stores (DMA, accessed flags, completion words) is
 * not software's. A watcher may look at the machine but must not change it. `taken` and `given_back` may be NULL.
 */
struct iommusim_store_watcher {
	void *context;
	/* [address, address + length) has changed by one store, or by stores in a row of which it is the sum. */
	void (*stored)(void *context, uint64_t address, uint64_t length);
	void (*taken)(void *context, uint64_t page);      /* for a table; it holds zeroes */
	void (*given_back)(void *context, uint64_t page); /* it still holds what was in it */
};

/*
 * Watch from now on: iommusim_memory_write(), and the tables and rings of the built-in backends. Domains that were made
 * before are not seen. Stores through host pointers are seen when somebody announces them (below).
 * Returns OK or ENOMEM. The watcher is copied; `context` identifies it when it is removed. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_memory_watch(
    struct iommusim_machine *machine, const struct iommusim_store_watcher *watcher);
IOMMUSIM_API void iommusim_memory_unwatch(struct iommusim_machine *machine, const void *context);
/* Does anybody watch? Whoever announces stores one by one can save it when nobody does. Control side. */
IOMMUSIM_API bool iommusim_memory_is_watched(const struct iommusim_machine *machine);

/*
 * From now on somebody stores through host pointers and announces some of it at best: a driver under test. A checker
 * then compares tables with what it has seen of them, whenever a register is written and a call begins or ends. What
 * changed twice in between it has not seen. Control side.
 */
IOMMUSIM_API void iommusim_memory_expect_silent_stores(struct iommusim_machine *machine);

/* Announce what software has done through a host pointer, to all watchers. Control side. */
IOMMUSIM_API void iommusim_memory_stored(
    const struct iommusim_machine *machine, uint64_t address, uint64_t length);
IOMMUSIM_API void iommusim_memory_taken(const struct iommusim_machine *machine, uint64_t page);
IOMMUSIM_API void iommusim_memory_given_back(const struct iommusim_machine *machine, uint64_t page);

#ifdef __cplusplus
}
#endif

#endif
