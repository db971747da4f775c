/* Interrupts of a guest, noted for the test (iommusim/kshim.h); a program's own function comes first. */
#ifndef IOMMUSIM_KSHIM_VMM_LAPIC_H
#define IOMMUSIM_KSHIM_VMM_LAPIC_H

#include <sys/types.h>

struct vm;
int lapic_intr_msi(struct vm *vm, uint64_t address, uint64_t message);

#endif
