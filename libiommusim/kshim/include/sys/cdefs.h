/* The compiler's peculiarities: the system's, and the kernel's attributes. */
#ifndef IOMMUSIM_KSHIM_SYS_CDEFS_H
#define IOMMUSIM_KSHIM_SYS_CDEFS_H

/* Kernel sources are not written for strict C: they expect the types that this switches on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include_next <sys/cdefs.h>

#include <kshim_cdefs.h>

#endif
