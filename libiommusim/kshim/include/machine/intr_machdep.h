/* Interrupts: they are set up through newbus. */
#ifndef IOMMUSIM_KSHIM_MACHINE_INTR_MACHDEP_H
#define IOMMUSIM_KSHIM_MACHINE_INTR_MACHDEP_H

#include <sys/bus.h>

#endif
