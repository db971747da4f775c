/* Bus types, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_MACHINE__BUS_H
#define IOMMUSIM_KSHIM_MACHINE__BUS_H

#include <machine/bus.h>

#endif
