/* Physical pages by themselves: taken from the kernel's arena, named by their physical address. */
#ifndef IOMMUSIM_KSHIM_VM_VM_PAGE_H
#define IOMMUSIM_KSHIM_VM_VM_PAGE_H

#include <vm/pmap.h>

#define VM_ALLOC_NORMAL    0x0000
#define VM_ALLOC_INTERRUPT 0x0001
#define VM_ALLOC_SYSTEM    0x0002
#define VM_ALLOC_WAITOK    0x0008
#define VM_ALLOC_WAITFAIL  0x0010
#define VM_ALLOC_WIRED     0x0020
#define VM_ALLOC_ZERO      0x0040
#define VM_ALLOC_NOOBJ     0x0100
#define VM_ALLOC_NOBUSY    0x0200
#define VM_ALLOC_NOWAIT    0x8000

#define PQ_NONE 255

/* A page's structure is made out of its address: there is nothing else to say of it. */
vm_page_t iommusim_kernel_page_alloc(int flags, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_page_free(vm_page_t page, IOMMUSIM_PLACE_ARGS);
#define vm_page_alloc_noobj(flags) iommusim_kernel_page_alloc(flags, IOMMUSIM_HERE)
#define vm_page_free(page)         iommusim_kernel_page_free(page, IOMMUSIM_HERE)
#define vm_page_unwire_noq(page)   ((void)(page), true)
#define VM_PAGE_TO_PHYS(page)      ((vm_paddr_t)(uintptr_t)(page))
#define PHYS_TO_VM_PAGE(physical)  ((vm_page_t)(uintptr_t)(vm_paddr_t)(physical))
#define pmap_zero_page(page)       memset((void *)PHYS_TO_DMAP(VM_PAGE_TO_PHYS(page)), 0, PAGE_SIZE)

#endif
