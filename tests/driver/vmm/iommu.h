/*
 * What vmm asks of IOMMUs, between its callers and a backend. Two shapes of it: the calls that return nothing, and with
 * IOMMUSIM_KSHIM_ERROR_OPS those that return an errno. The interface itself is the kernel's io/iommu.h.
 *
 * Defects that can be compiled in, each with its symptom in docs/driver-hazards.md:
 *   HAZARD_HOST_ERRORS_IGNORED  the host domain is used although not all of memory is in it
 *   HAZARD_SEGMENT_0_ONLY       devices of further PCI segments are left out of the host domain
 *   HAZARD_HALF_UNDONE          a failed initialisation leaves the IOMMU marked as available
 *   HAZARD_STALE_VM_IOMMU       (vm.c) a VM without devices keeps the domain that it had
 */
#ifndef _DRIVER_VMM_IOMMU_H_
#define _DRIVER_VMM_IOMMU_H_

#include <sys/param.h>
#include <sys/bus.h>

#include <io/iommu.h>

/* A call of either shape, as an errno. */
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
#define IOMMU_ERROR(call)	(call)
#else
#define IOMMU_ERROR(call)	((call), 0)
#endif

/* Of a device: only the newer shape has a place for it. */
int	iommu_attach_device(void *domain, device_t dev);
int	iommu_detach_device(void *domain, device_t dev);

#endif /* !_DRIVER_VMM_IOMMU_H_ */
