/* Where in the address space of devices interrupts live (VT-d 3.15; AMD-Vi 2.1.1); what they are is models/. */
#ifndef IOMMUSIM_MACHINE_INTERRUPT_RANGE_H
#define IOMMUSIM_MACHINE_INTERRUPT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Bits 31:20 of the address of every message; those above are 0. */
#define INTERRUPT_PREFIX 0xfeeu
#define INTERRUPT_FIRST  UINT64_C(0xfee00000)
#define INTERRUPT_LAST   UINT64_C(0xfeefffff)

static inline bool is_interrupt_address(uint64_t address)
{
	return address >= INTERRUPT_FIRST && address <= INTERRUPT_LAST;
}

#endif
