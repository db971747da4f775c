/*
 * Virtual machines as far as devices go: their memory in a domain, and devices given to them and taken back. IOMMUs are
 * iommu.c's business.
 */
#ifndef _DRIVER_VMM_VM_H_
#define _DRIVER_VMM_VM_H_

#include <sys/param.h>

struct vm;

struct vm *vm_create_small(void);
/* All devices go back, then the memory. */
void	vm_destroy_small(struct vm *vm);
/* Guest memory: before a device is assigned, at most 8 pieces. 0 or an errno. */
int	vm_add_memory(struct vm *vm, vm_paddr_t gpa, vm_paddr_t hpa, size_t len);
/* vm_assign_pptdev(), vm_unassign_pptdev() and vm_iommu_domain() are in machine/vmm.h. */

#endif /* !_DRIVER_VMM_VM_H_ */
