/* The bus, under its other name. */
#ifndef IOMMUSIM_KSHIM_X86_BUS_H
#define IOMMUSIM_KSHIM_X86_BUS_H

#include <machine/bus.h>

#endif
