/*
 * The machine: everything else hangs on it. Creating and destroying it, its allocator, its last
 * diagnostic. Memory, bus, PCI, ACPI, interrupts, time and units have headers of their own.
 *
 * Threads: the control side (every function of the library that is not said to be otherwise) is
 * serialised by the caller, one machine at a time; two machines never touch each other. DMA goes
 * through requesters (dma.h), which may run beside each other and beside the control side.
 */
#ifndef IOMMUSIM_MACHINE_H
#define IOMMUSIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/export.h>
#include <iommusim/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_machine;

/*
 * Where memory comes from. Every allocation of the library that belongs to a machine goes through
 * these; either may return NULL, and the call that needed it then fails with IOMMUSIM_ENOMEM and
 * leaves the state as it was.
 *   allocate/release   ordinary memory, aligned for any object, `size` > 0, contents undefined
 *   reserve/unreserve  page-aligned, zero-filled, read-write address space that should cost nothing
 *                      until it is touched; NULL pointers here choose the system's own
 * All four are called on the control side and, except reserve/unreserve, also from threads that do
 * DMA: they must be thread-safe.
 */
struct iommusim_allocator {
	void *context;
	void *(*allocate)(void *context, size_t size);
	void (*release)(void *context, void *block, size_t size);
	void *(*reserve)(void *context, size_t size);
	void (*unreserve)(void *context, void *block, size_t size);
};

struct iommusim_machine_config {
	const struct iommusim_allocator *allocator; /* copied; NULL: malloc, free, mmap */
	uint64_t seed;                              /* for whatever is random; same seed, same run */
	/*
	 * Keep a second view of memory for hardware whose table walks do not snoop (VT-d ECAP.C=0): a
	 * store reaches it only when it is flushed (iommusim_memory_flush). Off: all views are one.
	 */
	bool device_view;
};

/*
 * Create a machine without memory, devices or units. `config` may be NULL: all defaults.
 * Returns OK, EINVAL (an allocator with a missing callback), ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_machine_create(
    const struct iommusim_machine_config *config, struct iommusim_machine **machine);

/* Destroy a machine with everything on it. No requester may be in use. NULL is allowed. */
IOMMUSIM_API void iommusim_machine_destroy(struct iommusim_machine *machine);

/*
 * What went wrong in the last control-side call that failed; status OK before the first. The memory
 * is the machine's and changes with the next failure. Control side only.
 */
IOMMUSIM_API const struct iommusim_diagnostic *iommusim_machine_diagnostic(
    const struct iommusim_machine *machine);

#ifdef __cplusplus
}
#endif

#endif
