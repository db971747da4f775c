/* Limits of the virtual memory system. */
#ifndef IOMMUSIM_KSHIM_VM_VM_PARAM_H
#define IOMMUSIM_KSHIM_VM_VM_PARAM_H

#include <vm/vm.h>
#include <machine/vmparam.h>

#endif
