/*
 * Threads on processors of their own: some kernels leave two busy threads on one processor for long. The
 * only place here that knows operating systems.
 */
#ifndef IOMMUSIM_BENCH_PIN_H
#define IOMMUSIM_BENCH_PIN_H

#include <stdbool.h>

/* Bind the calling thread to the `index`th processor that this process may use. False: it has none. */
bool pin_thread(unsigned index);

/* Let the calling thread run wherever this process could when pin_thread() was first called. */
void unpin_thread(void);

#endif
