/* NULL, size_t, offsetof. */
#ifndef IOMMUSIM_KSHIM_SYS_STDDEF_H
#define IOMMUSIM_KSHIM_SYS_STDDEF_H

#include <stddef.h>

#endif
