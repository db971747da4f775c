/* Pages of kernel memory in one piece. */
#ifndef IOMMUSIM_KSHIM_VM_VM_EXTERN_H
#define IOMMUSIM_KSHIM_VM_VM_EXTERN_H

#include <vm/vm.h>

void *iommusim_kernel_kmem_alloc_contig(vm_size_t size, int flags, vm_paddr_t low, vm_paddr_t high,
    u_long alignment, vm_paddr_t boundary, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_kmem_free(void *address, IOMMUSIM_PLACE_ARGS);
#define kmem_alloc_contig(size, flags, low, high, alignment, boundary, attribute)                      \
	((void)(attribute),                                                                            \
	    iommusim_kernel_kmem_alloc_contig(                                                         \
		size, flags, low, high, alignment, boundary, IOMMUSIM_HERE))
#define kmem_malloc(size, flags)                                                                       \
	iommusim_kernel_kmem_alloc_contig(size, flags, 0, ~(vm_paddr_t)0, PAGE_SIZE, 0, IOMMUSIM_HERE)
#define kmem_free(address, size)                                                                       \
	((void)(size), iommusim_kernel_kmem_free((void *)(uintptr_t)(address), IOMMUSIM_HERE))

#endif
