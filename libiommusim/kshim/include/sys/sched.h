/* The scheduler: one thread, nothing to schedule. */
#ifndef IOMMUSIM_KSHIM_SYS_SCHED_H
#define IOMMUSIM_KSHIM_SYS_SCHED_H

#include <sys/proc.h>
#include <sys/smp.h>

#endif
