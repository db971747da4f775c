/* Kinds of resources. */
#ifndef IOMMUSIM_KSHIM_MACHINE_RESOURCE_H
#define IOMMUSIM_KSHIM_MACHINE_RESOURCE_H

#define SYS_RES_IRQ    1
#define SYS_RES_DRQ    2
#define SYS_RES_MEMORY 3
#define SYS_RES_IOPORT 4
#define PCI_RES_BUS    5

#endif
