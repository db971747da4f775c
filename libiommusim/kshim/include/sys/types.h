/* The system's types, and the kernel's beside them. */
#ifndef IOMMUSIM_KSHIM_SYS_TYPES_H
#define IOMMUSIM_KSHIM_SYS_TYPES_H

#include <kshim_base.h>

#include_next <sys/types.h>

#include <machine/_types_kshim.h>

#endif
