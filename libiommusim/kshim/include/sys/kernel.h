/* Boot order, loader variables and the clock's rate. */
#ifndef IOMMUSIM_KSHIM_SYS_KERNEL_H
#define IOMMUSIM_KSHIM_SYS_KERNEL_H

#include <sys/systm.h>

#include <sys/_kernel_kshim.h>
#include <sys/linker_set.h>
#include <sys/queue.h>

#endif
