/* A machine with RAM, and a kernel over it. */
#ifndef TESTS_KSHIM_FIXTURE_H
#define TESTS_KSHIM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/kshim.h>
#include <iommusim/memory.h>

#define FIXTURE_RAM UINT64_C(0x4000000) /* 64 MiB */

extern struct iommusim_machine *fixture_machine;
extern struct iommusim_kernel *fixture_kernel;

/* The machine alone; then the kernel, `options` may be NULL. Both go with fixture_down(), a cmocka teardown. */
void fixture_machine_up(void);
void fixture_kernel_up(const struct iommusim_kernel_options *options);
int fixture_up(void **state);
int fixture_down(void **state);

/* Call kernel code that must end well; that must panic with these words in its message. */
void fixture_run(void (*function)(void *context), void *context);
struct iommusim_kernel_panic fixture_run_to_panic(
    void (*function)(void *context), void *context, const char *words);

#endif
