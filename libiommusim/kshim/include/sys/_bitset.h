/* Bit sets, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__BITSET_H
#define IOMMUSIM_KSHIM_SYS__BITSET_H

#include <sys/bitset.h>

#endif
