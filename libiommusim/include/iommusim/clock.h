/*
 * Virtual time. There is no other: the library never looks at the wall clock.
 *
 * Every register access and every DMA lasts one tick. With latency 0 (the default of every unit)
 * nothing ever waits for time and the events below do not occur.
 */
#ifndef IOMMUSIM_CLOCK_H
#define IOMMUSIM_CLOCK_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ticks since the machine was made. */
IOMMUSIM_API uint64_t iommusim_clock_now(const struct iommusim_machine *machine);

/* Let `ticks` pass and run what falls due, in order of time and then of submission. */
IOMMUSIM_API void iommusim_step(struct iommusim_machine *machine, uint64_t ticks);

/*
 * Run `event(context)` when `delay` more ticks have passed: inside the register access or the
 * iommusim_step() that reaches that tick, never inside a DMA. Returns OK, EINVAL or ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_clock_schedule(
    struct iommusim_machine *machine, uint64_t delay, void (*event)(void *context), void *context);

/* Forget every event of `context` that has not run yet. */
IOMMUSIM_API void iommusim_clock_cancel(struct iommusim_machine *machine, const void *context);

#ifdef __cplusplus
}
#endif

#endif
