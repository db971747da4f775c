/* struct callout, under the name that other headers include. */
#ifndef IOMMUSIM_KSHIM_SYS__CALLOUT_H
#define IOMMUSIM_KSHIM_SYS__CALLOUT_H

#include <sys/callout.h>

#endif
