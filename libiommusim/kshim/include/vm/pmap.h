/* pmap(9) as far as drivers of IOMMUs need it: addresses, register mappings, cache flushes. */
#ifndef IOMMUSIM_KSHIM_VM_PMAP_H
#define IOMMUSIM_KSHIM_VM_PMAP_H

#include <vm/vm.h>

#include <machine/vmparam.h>

#define VM_MEMATTR_UNCACHEABLE      ((vm_memattr_t)0)
#define VM_MEMATTR_WRITE_COMBINING  ((vm_memattr_t)1)
#define VM_MEMATTR_WRITE_THROUGH    ((vm_memattr_t)4)
#define VM_MEMATTR_WRITE_PROTECTED  ((vm_memattr_t)5)
#define VM_MEMATTR_WRITE_BACK       ((vm_memattr_t)6)
#define VM_MEMATTR_WEAK_UNCACHEABLE ((vm_memattr_t)7)
#define VM_MEMATTR_DEFAULT          VM_MEMATTR_WRITE_BACK
#define VM_MEMATTR_DEVICE           VM_MEMATTR_UNCACHEABLE

struct pmap;
typedef struct pmap *pmap_t;
extern struct pmap *const kernel_pmap;

/* The physical address of kernel memory: the arena's, or this program's own data. Other addresses panic. */
vm_paddr_t iommusim_kernel_vtophys(const volatile void *address, IOMMUSIM_PLACE_ARGS);
#define vtophys(address)                                                                               \
	iommusim_kernel_vtophys((const volatile void *)(uintptr_t)(address), IOMMUSIM_HERE)
#define pmap_kextract(address)      vtophys(address)
#define pmap_extract(pmap, address) ((void)(pmap), vtophys(address))

/* Registers, or memory, at physical [base, base + size): pages that stand for them until pmap_unmapdev. */
void *iommusim_kernel_mapdev(vm_paddr_t base, vm_size_t size, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_unmapdev(const volatile void *address, vm_size_t size);
#define pmap_mapdev(base, size) iommusim_kernel_mapdev(base, size, IOMMUSIM_HERE)
#define pmap_mapdev_attr(base, size, attribute)                                                        \
	((void)(attribute), iommusim_kernel_mapdev(base, size, IOMMUSIM_HERE))
#define pmap_mapbios(base, size) iommusim_kernel_mapdev(base, size, IOMMUSIM_HERE)
#define pmap_unmapdev(address, size)                                                                   \
	iommusim_kernel_unmapdev((const volatile void *)(uintptr_t)(address), size)
#define pmap_unmapbios(address, size) pmap_unmapdev(address, size)

/* Write caches back: what hardware that does not snoop sees from then on. */
void pmap_invalidate_cache(void);
void pmap_invalidate_cache_range(vm_offset_t first, vm_offset_t end);
void pmap_force_invalidate_cache_range(vm_offset_t first, vm_offset_t end);
void pmap_flush_cache_range(vm_paddr_t first, vm_paddr_t end, vm_memattr_t attribute);
void pmap_flush_cache_phys_range(vm_paddr_t first, vm_paddr_t end, vm_memattr_t attribute);

#endif
