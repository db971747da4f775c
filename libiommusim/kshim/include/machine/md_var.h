/* Facts about the machine that only this architecture has. */
#ifndef IOMMUSIM_KSHIM_MACHINE_MD_VAR_H
#define IOMMUSIM_KSHIM_MACHINE_MD_VAR_H

#include <sys/systm.h> /* Maxmem */

#include <machine/cpufunc.h>

extern _Thread_local u_int cpu_maxphyaddr; /* physical address bits */

#endif
