/* Instructions, under their other name. */
#ifndef IOMMUSIM_KSHIM_X86_CPUFUNC_H
#define IOMMUSIM_KSHIM_X86_CPUFUNC_H

#include <machine/cpufunc.h>

#endif
