/* struct task, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__TASK_H
#define IOMMUSIM_KSHIM_SYS__TASK_H

#include <sys/taskqueue.h>

#endif
