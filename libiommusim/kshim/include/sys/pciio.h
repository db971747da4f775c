/* What pciconf(8) shares with the kernel: names of functions. */
#ifndef IOMMUSIM_KSHIM_SYS_PCIIO_H
#define IOMMUSIM_KSHIM_SYS_PCIIO_H

#include <sys/types.h>

#define PCI_MAXNAMELEN 16
struct pcisel {
	uint32_t pc_domain;
	uint8_t pc_bus;
	uint8_t pc_dev;
	uint8_t pc_func;
};

#endif
