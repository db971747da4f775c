/* struct sx, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__SX_H
#define IOMMUSIM_KSHIM_SYS__SX_H

#include <sys/sx.h>

#endif
