/* struct rwlock, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__RWLOCK_H
#define IOMMUSIM_KSHIM_SYS__RWLOCK_H

#include <sys/rwlock.h>

#endif
