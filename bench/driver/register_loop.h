/* Loops of register accesses as a driver makes them, compiled with and without hooks. */
#ifndef IOMMUSIM_BENCH_REGISTER_LOOP_H
#define IOMMUSIM_BENCH_REGISTER_LOOP_H

#include <stdint.h>

void hooked_reads(volatile void *registers, uint64_t count);
void hooked_writes(volatile void *registers, uint64_t count);
void trapped_reads(volatile void *registers, uint64_t count);
void trapped_writes(volatile void *registers, uint64_t count);

#endif
