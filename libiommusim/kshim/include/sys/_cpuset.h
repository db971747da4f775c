/* cpuset_t, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__CPUSET_H
#define IOMMUSIM_KSHIM_SYS__CPUSET_H

#include <sys/cpuset.h>

#endif
