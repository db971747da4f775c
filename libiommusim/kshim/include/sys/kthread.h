/* Kernel threads: a driver under test has the caller's alone. */
#ifndef IOMMUSIM_KSHIM_SYS_KTHREAD_H
#define IOMMUSIM_KSHIM_SYS_KTHREAD_H

#include <sys/proc.h>

#endif
