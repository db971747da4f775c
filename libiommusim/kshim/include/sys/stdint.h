/* Integer types of given widths. */
#ifndef IOMMUSIM_KSHIM_SYS_STDINT_H
#define IOMMUSIM_KSHIM_SYS_STDINT_H

#include <stdint.h>

#endif
