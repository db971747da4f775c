/* Threads: there is one. */
#ifndef IOMMUSIM_KSHIM_SYS_PROC_H
#define IOMMUSIM_KSHIM_SYS_PROC_H

#include <sys/lock.h>
#include <sys/pcpu.h>

struct proc;
struct thread {
	struct proc *td_proc;
	const char *td_name;
	int td_critnest; /* critical sections under way */
	int td_locks;    /* locks held */
};

#define THREAD_NO_SLEEPING() ((void)0)
#define THREAD_SLEEPING_OK() ((void)0)

#endif
