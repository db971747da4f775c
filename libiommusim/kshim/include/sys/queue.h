/* Lists and queues: the BSD system's own, or libbsd's, which has them whole. */
#ifndef IOMMUSIM_KSHIM_SYS_QUEUE_H
#define IOMMUSIM_KSHIM_SYS_QUEUE_H

#include <kshim_base.h>

#if __has_include(<bsd/sys/queue.h>)
#include <bsd/sys/queue.h>
#else
#include_next <sys/queue.h>
#endif

#endif
