/* Special registers, under the architecture's name. */
#ifndef IOMMUSIM_KSHIM_MACHINE_SPECIALREG_H
#define IOMMUSIM_KSHIM_MACHINE_SPECIALREG_H

#include <x86/specialreg.h>

#endif
