/* Sizes and rounding: the system's, and the kernel's pages. */
#ifndef IOMMUSIM_KSHIM_SYS_PARAM_H
#define IOMMUSIM_KSHIM_SYS_PARAM_H

#include <sys/types.h>

#include_next <sys/param.h>

#include <machine/param.h>
#include <sys/errno.h>
#include <sys/time.h>

/* The release whose interface this is: that of io/iommu.h, unless told otherwise. */
#ifndef __FreeBSD_version
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
#define __FreeBSD_version 1500068
#else
#define __FreeBSD_version 1400097
#endif
#endif

#ifndef nitems
#define nitems(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef rounddown
#define rounddown(x, y) (((x) / (y)) * (y))
#endif
#ifndef rounddown2
#define rounddown2(x, y) ((x) & ~((y)-1)) /* y: a power of two */
#endif
#ifndef roundup2
#define roundup2(x, y) (((x) + ((y)-1)) & ~((y)-1))
#endif
#ifndef NBPW
#define NBPW sizeof(int)
#endif

#define MAXCPU 1024
#define NOCPU  (-1)

/* Priorities of sleepers and flags that pass through. */
#define PZERO   84
#define PWAIT   88
#define PVM     76
#define PCATCH  0x100
#define PDROP   0x200
#define PRIMASK 0xff

#endif
