/* The BSD lists, trees and string functions: from libbsd on Linux, from the system on FreeBSD. */
#ifndef IOMMUSIM_PORT_BSD_H
#define IOMMUSIM_PORT_BSD_H

#if defined(__FreeBSD__)
#include <sys/queue.h>
#include <sys/tree.h>
#include <stdlib.h>
#include <string.h>
#include <libutil.h>
#else
#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#endif

#endif
