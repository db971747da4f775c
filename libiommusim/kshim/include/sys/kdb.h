/* The kernel debugger: there is none; what would enter it is written to the console. */
#ifndef IOMMUSIM_KSHIM_SYS_KDB_H
#define IOMMUSIM_KSHIM_SYS_KDB_H

#include <sys/systm.h>

#define kdb_active 0
void kdb_enter(const char *why, const char *message);
void kdb_backtrace(void);
#define KDB_WHY_UNSET NULL
#define KDB_WHY_PANIC "panic"

#endif
