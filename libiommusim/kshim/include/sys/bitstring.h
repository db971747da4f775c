/* Bit strings: the BSD system's own, or libbsd's. */
#ifndef IOMMUSIM_KSHIM_SYS_BITSTRING_H
#define IOMMUSIM_KSHIM_SYS_BITSTRING_H

#include <sys/types.h>

#if __has_include(<bsd/sys/bitstring.h>)
#include <bsd/sys/bitstring.h>
#elif __has_include(<bsd/bitstring.h>)
#include <bsd/bitstring.h>
#else
#include_next <bitstring.h>
#endif

#endif
