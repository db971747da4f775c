/* Sysctls and loader variables of a driver. */
#ifndef TESTS_KSHIM_KERN_SYSCTL_H
#define TESTS_KSHIM_KERN_SYSCTL_H

void kern_add_sysctl(void *unused);
void kern_read_variables(void *out); /* three unsigned long: two set, one not; 99 where unset */
extern int kern_count, kern_enable, kern_limit;

#endif
