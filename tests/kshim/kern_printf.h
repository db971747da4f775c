/* Kernel code that prints; what it printed is for test_kshim_printf.c. */
#ifndef TESTS_KSHIM_KERN_PRINTF_H
#define TESTS_KSHIM_KERN_PRINTF_H

void kern_print(void *number); /* which of its lines */
int kern_print_short(char *out, unsigned long size);

#endif
