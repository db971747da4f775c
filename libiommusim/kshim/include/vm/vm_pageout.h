/* Forward: what is here of it is in vm_extern.h and vm_page.h. */
#ifndef IOMMUSIM_KSHIM_VM_VM_PAGEOUT_H
#define IOMMUSIM_KSHIM_VM_VM_PAGEOUT_H

#include <vm/vm_extern.h>
#include <vm/vm_page.h>

#endif
