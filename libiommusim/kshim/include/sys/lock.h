/* Locks in general; each kind has a header of its own. */
#ifndef IOMMUSIM_KSHIM_SYS_LOCK_H
#define IOMMUSIM_KSHIM_SYS_LOCK_H

#include <sys/_lock.h>

#define LOCK_FILE         __FILE__
#define LOCK_LINE         __LINE__
#define WITNESS_WARN(...) ((void)0)
#define WARN_GIANTOK      0x01
#define WARN_SLEEPOK      0x04

#endif
