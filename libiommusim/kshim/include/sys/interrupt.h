/* Interrupt handlers: they are set up through newbus. */
#ifndef IOMMUSIM_KSHIM_SYS_INTERRUPT_H
#define IOMMUSIM_KSHIM_SYS_INTERRUPT_H

#include <sys/bus.h>

#endif
