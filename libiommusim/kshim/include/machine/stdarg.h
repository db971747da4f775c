/* Variable arguments. */
#ifndef IOMMUSIM_KSHIM_MACHINE_STDARG_H
#define IOMMUSIM_KSHIM_MACHINE_STDARG_H

#include <stdarg.h>

#endif
