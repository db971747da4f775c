/* Limits of integer types. */
#ifndef IOMMUSIM_KSHIM_SYS_LIMITS_H
#define IOMMUSIM_KSHIM_SYS_LIMITS_H

#include <limits.h>

#endif
