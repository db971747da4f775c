/* Sets of processors. */
#ifndef IOMMUSIM_KSHIM_SYS_CPUSET_H
#define IOMMUSIM_KSHIM_SYS_CPUSET_H

#include <sys/param.h>

#include <sys/bitset.h>

/* The system's <sched.h> has names of its own for the same: the kernel's are macros over ours. */
BITSET_DEFINE(iommusim_cpuset, MAXCPU);
#undef CPU_ZERO
#undef CPU_SET
#undef CPU_CLR
#undef CPU_ISSET
#undef CPU_COPY
#undef CPU_AND
#undef CPU_OR
#undef CPU_EMPTY
#undef CPU_EQUAL
#undef CPU_COUNT
#undef CPU_SETSIZE
#define CPU_SETSIZE        MAXCPU
#define cpuset_t           struct iommusim_cpuset
#define CPU_CLR(n, p)      BIT_CLR(CPU_SETSIZE, n, p)
#define CPU_SET(n, p)      BIT_SET(CPU_SETSIZE, n, p)
#define CPU_ISSET(n, p)    BIT_ISSET(CPU_SETSIZE, n, p)
#define CPU_ZERO(p)        BIT_ZERO(CPU_SETSIZE, p)
#define CPU_FILL(p)        BIT_FILL(CPU_SETSIZE, p)
#define CPU_SETOF(n, p)    BIT_SETOF(CPU_SETSIZE, n, p)
#define CPU_EMPTY(p)       BIT_EMPTY(CPU_SETSIZE, p)
#define CPU_COPY(from, to) BIT_COPY(CPU_SETSIZE, from, to)
#define CPU_COUNT(p)       ((int)BIT_COUNT(CPU_SETSIZE, p))
#define CPU_FFS(p)         ((int)BIT_FFS(CPU_SETSIZE, p))

#endif
