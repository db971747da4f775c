/* Processors: as many as the test says, of which the first runs everything. */
#ifndef IOMMUSIM_KSHIM_SYS_SMP_H
#define IOMMUSIM_KSHIM_SYS_SMP_H

#include <sys/param.h>

#include <sys/cpuset.h>

extern _Thread_local int mp_ncpus;
extern _Thread_local int mp_maxid;
extern _Thread_local int smp_started;
extern _Thread_local struct iommusim_cpuset all_cpus;
#define CPU_ABSENT(cpu)  ((cpu) > mp_maxid)
#define CPU_FOREACH(cpu) for ((cpu) = 0; (cpu) <= mp_maxid; (cpu)++)
#define CPU_FIRST()      0
#define CPU_NEXT(cpu)    ((cpu) < mp_maxid ? (cpu) + 1 : 0)

void smp_rendezvous(
    void (*setup)(void *), void (*action)(void *), void (*teardown)(void *), void *argument);
void smp_no_rendezvous_barrier(void *argument);

#endif
