/* Page tables of amd64, under the name that drivers include. */
#ifndef IOMMUSIM_KSHIM_MACHINE_PMAP_H
#define IOMMUSIM_KSHIM_MACHINE_PMAP_H

#include <vm/pmap.h>

/* Bits of the processor's own entries; an IOMMU's first stage has the same. */
#define X86_PG_V      0x001
#define X86_PG_RW     0x002
#define X86_PG_U      0x004
#define X86_PG_NC_PWT 0x008
#define X86_PG_NC_PCD 0x010
#define X86_PG_A      0x020
#define X86_PG_M      0x040
#define X86_PG_PS     0x080
#define X86_PG_G      0x100
#define X86_PG_NX     (1UL << 63)
#define PG_FRAME      0x000ffffffffff000UL
#define PG_PS_FRAME   0x000fffffffe00000UL

typedef uint64_t pt_entry_t;
typedef uint64_t pd_entry_t;
typedef uint64_t pdp_entry_t;
typedef uint64_t pml4_entry_t;

#endif
