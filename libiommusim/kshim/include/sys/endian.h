/* Byte order: libbsd's or the system's functions. */
#ifndef IOMMUSIM_KSHIM_SYS_ENDIAN_H
#define IOMMUSIM_KSHIM_SYS_ENDIAN_H

#include <kshim_base.h>

#if __has_include(<bsd/sys/endian.h>)
#include <bsd/sys/endian.h>
#else
#include_next <sys/endian.h>
#endif

#endif
