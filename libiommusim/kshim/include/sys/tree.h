/* Trees: the BSD system's own, or libbsd's, which has them whole. */
#ifndef IOMMUSIM_KSHIM_SYS_TREE_H
#define IOMMUSIM_KSHIM_SYS_TREE_H

#include <kshim_base.h>

#if __has_include(<bsd/sys/tree.h>)
#include <bsd/sys/tree.h>
#else
#include_next <sys/tree.h>
#endif

#endif
