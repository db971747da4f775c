/* What vmm shares with bhyve(8). */
#ifndef IOMMUSIM_KSHIM_MACHINE_VMM_DEV_H
#define IOMMUSIM_KSHIM_MACHINE_VMM_DEV_H

#include <machine/vmm.h>

#endif
