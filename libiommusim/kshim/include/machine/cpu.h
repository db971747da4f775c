/* The processor. */
#ifndef IOMMUSIM_KSHIM_MACHINE_CPU_H
#define IOMMUSIM_KSHIM_MACHINE_CPU_H

#include <machine/cpufunc.h>

/* Polling: time passes. */
#define cpu_spinwait()   iommusim_kernel_spin_wait()
#define cpu_lock_delay() iommusim_kernel_spin_wait()

#endif
