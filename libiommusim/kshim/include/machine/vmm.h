/* Of vmm itself: what users of IOMMUs call in it. */
#ifndef IOMMUSIM_KSHIM_MACHINE_VMM_H
#define IOMMUSIM_KSHIM_MACHINE_VMM_H

#include <sys/param.h>

#include <vm/vm.h>

struct vm; /* to its users an address; the test's side of these is in iommusim/kshim.h */

/* Is the function in the loader variables pptdevs, pptdevs2, pptdevs3 ("2/0/0 3/0/1")? */
int vmm_is_pptdev(int bus, int slot, int func);

void *vm_iommu_domain(struct vm *vm);
int vm_map_mmio(struct vm *vm, vm_paddr_t gpa, size_t len, vm_paddr_t hpa);
int vm_unmap_mmio(struct vm *vm, vm_paddr_t gpa, size_t len);
int vm_assign_pptdev(struct vm *vm, int bus, int slot, int func);
int vm_unassign_pptdev(struct vm *vm, int bus, int slot, int func);

#endif
