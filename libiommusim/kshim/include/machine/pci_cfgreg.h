/* Configuration space by bus, slot and function; since 15 with the segment before them. */
#ifndef IOMMUSIM_KSHIM_MACHINE_PCI_CFGREG_H
#define IOMMUSIM_KSHIM_MACHINE_PCI_CFGREG_H

#include <sys/types.h>

uint32_t iommusim_kernel_cfgread(int domain, int bus, int slot, int func, int reg, int bytes);
void iommusim_kernel_cfgwrite(
    int domain, int bus, int slot, int func, int reg, uint32_t value, int bytes);

#define IOMMUSIM_CFG_PICK(a, b, c, d, e, f, g, pick, ...) pick
#define IOMMUSIM_CFGREAD5(b, s, f, r, n)                  iommusim_kernel_cfgread(0, b, s, f, r, n)
#define IOMMUSIM_CFGREAD6(d, b, s, f, r, n)               iommusim_kernel_cfgread(d, b, s, f, r, n)
#define pci_cfgregread(...)                                                                            \
	IOMMUSIM_CFG_PICK(__VA_ARGS__, 0, IOMMUSIM_CFGREAD6, IOMMUSIM_CFGREAD5, 0, 0, 0, 0)(__VA_ARGS__)
#define IOMMUSIM_CFGWRITE6(b, s, f, r, v, n)    iommusim_kernel_cfgwrite(0, b, s, f, r, v, n)
#define IOMMUSIM_CFGWRITE7(d, b, s, f, r, v, n) iommusim_kernel_cfgwrite(d, b, s, f, r, v, n)
#define pci_cfgregwrite(...)                                                                           \
	IOMMUSIM_CFG_PICK(__VA_ARGS__, IOMMUSIM_CFGWRITE7, IOMMUSIM_CFGWRITE6, 0, 0, 0, 0, 0)          \
	(__VA_ARGS__)

#endif
