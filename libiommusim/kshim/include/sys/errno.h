/* Error numbers: the system's own, and those that only the kernel has. */
#ifndef IOMMUSIM_KSHIM_SYS_ERRNO_H
#define IOMMUSIM_KSHIM_SYS_ERRNO_H

#include <errno.h>

#ifndef EJUSTRETURN
#define EJUSTRETURN (-2)
#endif
#ifndef ENOIOCTL
#define ENOIOCTL (-3)
#endif
#ifndef EDOOFUS
#define EDOOFUS 88
#endif
#ifndef EFTYPE
#define EFTYPE 79
#endif

#endif
