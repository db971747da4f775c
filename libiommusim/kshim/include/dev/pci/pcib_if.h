/* What a device asks of the bridges above it: vectors and messages. The kernel's own answer, whatever bridge. */
#ifndef IOMMUSIM_KSHIM_PCIB_IF_H
#define IOMMUSIM_KSHIM_PCIB_IF_H

#include <dev/pci/pcivar.h>

int iommusim_kernel_alloc_msi(device_t device, int count, int max_count, int *interrupts);
int iommusim_kernel_release_msi(device_t device, int count, int *interrupts);
int iommusim_kernel_map_msi(device_t device, int interrupt, uint64_t *address, uint32_t *data);
#define PCIB_ALLOC_MSI(pcib, device, count, max, irqs)                                                 \
	((void)(pcib), iommusim_kernel_alloc_msi(device, count, max, irqs))
#define PCIB_RELEASE_MSI(pcib, device, count, irqs)                                                    \
	((void)(pcib), iommusim_kernel_release_msi(device, count, irqs))
#define PCIB_ALLOC_MSIX(pcib, device, irq) ((void)(pcib), iommusim_kernel_alloc_msi(device, 1, 1, irq))
#define PCIB_RELEASE_MSIX(pcib, device, irq)                                                           \
	((void)(pcib), iommusim_kernel_release_msi(device, 1, &(int){ irq }))
#define PCIB_MAP_MSI(pcib, device, irq, address, data)                                                 \
	((void)(pcib), iommusim_kernel_map_msi(device, irq, address, data))

#endif
