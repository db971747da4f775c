/* Where physical memory ends: the test says, or the machine's memory does (kshim.h). */
#ifndef IOMMUSIM_KSHIM_VMM_MEM_H
#define IOMMUSIM_KSHIM_VMM_MEM_H

#include <sys/types.h>

vm_paddr_t vmm_mem_maxaddr(void);

#endif
