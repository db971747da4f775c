/*
 * What every kernel header stands on: standard types, compile-time assertions and linker sets.
 * Not for inclusion by drivers.
 */
#ifndef IOMMUSIM_KSHIM_BASE_H
#define IOMMUSIM_KSHIM_BASE_H

/* Kernel sources are not written for strict C: they expect the types that these switch on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kshim_cdefs.h>

#ifndef _KERNEL
#define _KERNEL 1
#endif

#define CTASSERT(condition) _Static_assert(condition, #condition)

/* Headers declare the kernel's functions and are read by its own sources, too, which need libc's names. */
#ifdef IOMMUSIM_KSHIM_INTERNAL
#define IOMMUSIM_KSHIM_RENAMES 0
#else
#define IOMMUSIM_KSHIM_RENAMES 1
#endif

/* Where a driver called a kernel function: arguments and parameters. */
#define IOMMUSIM_HERE       __FILE__, __LINE__
#define IOMMUSIM_PLACE_ARGS const char *file, int line

#include <sys/linker_set.h>

#endif
