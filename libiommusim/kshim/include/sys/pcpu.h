/* The processor that runs: the first, and the one thread there is. */
#ifndef IOMMUSIM_KSHIM_SYS_PCPU_H
#define IOMMUSIM_KSHIM_SYS_PCPU_H

#include <sys/param.h>

struct thread;
struct thread *iommusim_kernel_curthread(void);
#define curcpu                  0
#define curthread               iommusim_kernel_curthread()
#define PCPU_GET(member)        iommusim_pcpu_##member
#define iommusim_pcpu_cpuid     0
#define iommusim_pcpu_curthread curthread

#endif
