/* Event tracing: there is none. */
#ifndef IOMMUSIM_KSHIM_SYS_KTR_H
#define IOMMUSIM_KSHIM_SYS_KTR_H

#include <sys/param.h>

#define CTR0(mask, ...) ((void)(mask))
#define CTR1(mask, ...) ((void)(mask))
#define CTR2(mask, ...) ((void)(mask))
#define CTR3(mask, ...) ((void)(mask))
#define CTR4(mask, ...) ((void)(mask))
#define CTR5(mask, ...) ((void)(mask))
#define CTR6(mask, ...) ((void)(mask))
#define KTR_GEN         0x1
#define KTR_VMM         KTR_GEN
#define KTR_INTR        0x2

#endif
