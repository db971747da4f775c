/*
 * Register accesses of a driver under test, caught by hooks that the compiler puts before them.
 * Only in the archive iommusim_hooks, never in the library. What hooks can and cannot see, and how
 * a driver is compiled for them: docs/driver-under-test.md.
 */
#ifndef IOMMUSIM_KSHIM_HOOKS_H
#define IOMMUSIM_KSHIM_HOOKS_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The register pages a driver was given, and the machine behind them. A driver's volatile accesses
 * to such a page act on the machine's bus on every thread that is attached; on others the page is
 * plain memory.
 */
struct iommusim_hooks;

/* Returns OK, EINVAL or ENOMEM. Destroy them before the machine. */
IOMMUSIM_API enum iommusim_status iommusim_hooks_create(
    struct iommusim_machine *machine, struct iommusim_hooks **hooks);
/* Detaches the calling thread if it is attached; no other may be. The pages go. NULL is allowed. */
IOMMUSIM_API void iommusim_hooks_destroy(struct iommusim_hooks *hooks);

/*
 * Reserve pages that stand for the registers at physical [base, base + length), both multiples of
 * 4 KiB: what a kernel's pmap_mapdev() or ioremap() gives a driver. The same registers get the same
 * pages again. Nothing need answer there yet.
 * Returns OK, EINVAL, or ENOMEM (1024 pages are all there are).
 */
IOMMUSIM_API enum iommusim_status iommusim_hooks_map(
    struct iommusim_hooks *hooks, uint64_t base, uint64_t length, volatile void **registers);

/* From now on the calling thread runs that machine's driver code; NULL: nobody's. Syncs first. */
IOMMUSIM_API void iommusim_hooks_attach(struct iommusim_hooks *hooks);

/*
 * Let the calling thread's last register store act, if it has not: a hook comes before its store,
 * so the store acts at the thread's next hook, which is at the latest where the driver's function
 * ends. Kernel functions that a driver calls, and whatever a longjmp() leads to, call this first.
 * Stores to memory are told of in the same way, where somebody watches them (iommusim_memory_watch()) since
 * before the last of these calls.
 */
IOMMUSIM_API void iommusim_hooks_sync(void);

/*
 * Where the driver goes on after the last register access, or volatile load of memory, that the calling thread
 * made, for whoever watches the bus: a return address, so the access itself is just before it. NULL: none since
 * it was attached.
 */
IOMMUSIM_API const void *iommusim_hooks_place(void);

/*
 * Register accesses so far that the compiler did not mark volatile. Each acted as best it could,
 * but the compiler may have merged, split or hidden others: with a number above 0 results mean
 * nothing.
 */
IOMMUSIM_API uint64_t iommusim_hooks_unmarked(const struct iommusim_hooks *hooks);

/*
 * Show the writable data (.data, .bss) of the program or shared object that holds `inside` as
 * physical memory at `base`: tables in a driver's own data then have physical addresses. Returns
 * OK, EINVAL (`inside` is in no object's writable data), or what iommusim_memory_add_foreign()
 * returns.
 */
IOMMUSIM_API enum iommusim_status iommusim_hooks_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside);

#ifdef __cplusplus
}
#endif

#endif
