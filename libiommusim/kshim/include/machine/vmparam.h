/* The direct map: every physical address that answers has a kernel address, and the way back. */
#ifndef IOMMUSIM_KSHIM_MACHINE_VMPARAM_H
#define IOMMUSIM_KSHIM_MACHINE_VMPARAM_H

#include <machine/param.h>

/*
 * Memory: where it lies in this process. Registers: the pages that stand for them (kshim.h). Anything else is a
 * panic: the direct map does not cover it, or covers nothing.
 */
vm_offset_t iommusim_kernel_phys_to_dmap(vm_paddr_t physical, IOMMUSIM_PLACE_ARGS);
vm_paddr_t iommusim_kernel_dmap_to_phys(vm_offset_t address, IOMMUSIM_PLACE_ARGS);
bool iommusim_kernel_phys_in_dmap(vm_paddr_t physical);
bool iommusim_kernel_virt_in_dmap(vm_offset_t address);
#define PHYS_TO_DMAP(physical)     iommusim_kernel_phys_to_dmap((vm_paddr_t)(physical), IOMMUSIM_HERE)
#define PHYS_TO_DMAP_RAW(physical) PHYS_TO_DMAP(physical)
#define DMAP_TO_PHYS(address)      iommusim_kernel_dmap_to_phys((vm_offset_t)(address), IOMMUSIM_HERE)
#define PHYS_IN_DMAP(physical)     iommusim_kernel_phys_in_dmap((vm_paddr_t)(physical))
#define VIRT_IN_DMAP(address)      iommusim_kernel_virt_in_dmap((vm_offset_t)(address))
#define PMAP_HAS_DMAP              1
#define VM_PHYSSEG_MAX             63

#endif
