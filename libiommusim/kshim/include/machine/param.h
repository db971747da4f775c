/* Pages and cache lines of amd64. */
#ifndef IOMMUSIM_KSHIM_MACHINE_PARAM_H
#define IOMMUSIM_KSHIM_MACHINE_PARAM_H

#include <machine/_types_kshim.h>

#ifndef PAGE_SHIFT
#define PAGE_SHIFT 12
#endif
#ifndef PAGE_SIZE
#define PAGE_SIZE (1 << PAGE_SHIFT)
#endif
#ifndef PAGE_MASK
#define PAGE_MASK (PAGE_SIZE - 1)
#endif

#define PDRSHIFT      21
#define NBPDR         (1 << PDRSHIFT)
#define PDRMASK       (NBPDR - 1)
#define PDPSHIFT      30
#define NBPDP         (1UL << PDPSHIFT)
#define PDPMASK       (NBPDP - 1)
#define PML4SHIFT     39
#define NBPML4        (1UL << PML4SHIFT)
#define PML4MASK      (NBPML4 - 1)
#define PML5SHIFT     48
#define NPTEPGSHIFT   9
#define NPTEPG        (PAGE_SIZE / 8)
#define NPDEPGSHIFT   9
#define NPDEPG        (PAGE_SIZE / 8)
#define NPDPEPGSHIFT  9
#define NPDPEPG       (PAGE_SIZE / 8)
#define NPML4EPGSHIFT 9
#define NPML4EPG      (PAGE_SIZE / 8)
#define MAXPAGESIZES  3

#define CACHE_LINE_SHIFT 6
#define CACHE_LINE_SIZE  (1 << CACHE_LINE_SHIFT)

#define trunc_page(x)   ((unsigned long)(x) & ~(unsigned long)PAGE_MASK)
#define round_page(x)   (((unsigned long)(x) + PAGE_MASK) & ~(unsigned long)PAGE_MASK)
#define trunc_2mpage(x) ((unsigned long)(x) & ~(unsigned long)PDRMASK)
#define round_2mpage(x) (((unsigned long)(x) + PDRMASK) & ~(unsigned long)PDRMASK)
#define atop(x)         ((unsigned long)(x) >> PAGE_SHIFT)
#define ptoa(x)         ((unsigned long)(x) << PAGE_SHIFT)
#define amd64_btop(x)   ((unsigned long)(x) >> PAGE_SHIFT)
#define amd64_ptob(x)   ((unsigned long)(x) << PAGE_SHIFT)
#define btoc(x)         (((vm_offset_t)(x) + PAGE_MASK) >> PAGE_SHIFT)
#define pgtok(x)        ((unsigned long)(x) * (PAGE_SIZE / 1024))

#endif
