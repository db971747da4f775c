/* Kernel code that locks, well and badly. */
#ifndef TESTS_KSHIM_KERN_LOCK_H
#define TESTS_KSHIM_KERN_LOCK_H

void kern_lock_well(void *unused);
void kern_lock_badly(void *number); /* which of its mistakes */

#endif
