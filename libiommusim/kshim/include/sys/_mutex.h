/* struct mtx, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__MUTEX_H
#define IOMMUSIM_KSHIM_SYS__MUTEX_H

#include <sys/mutex.h>

#endif
