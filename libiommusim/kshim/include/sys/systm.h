/*
 * What every kernel source uses: assertions, panic, printing, time, strings, critical sections.
 * What the functions do under test: kshim.h.
 */
#ifndef IOMMUSIM_KSHIM_SYS_SYSTM_H
#define IOMMUSIM_KSHIM_SYS_SYSTM_H

#include <sys/param.h>

#include <string.h>
#include <strings.h>

#include <machine/atomic.h>
#include <machine/cpufunc.h>
#include <sys/kassert.h>
#include <sys/libkern.h>

#include <sys/queue.h>

/* Of the current kernel; they change with kernel and time, not by a driver's hand. */
extern _Thread_local int bootverbose;
extern _Thread_local int cold;
extern _Thread_local long physmem;
extern _Thread_local long Maxmem; /* pages up to the end of memory */
extern _Thread_local long realmem;

/* ---- printing: to the console text of the kernel, with %b and %D beside the standard conversions ---- */

int iommusim_kernel_printf(const char *format, ...);
int iommusim_kernel_vprintf(const char *format, va_list arguments);
int iommusim_kernel_sprintf(char *out, const char *format, ...);
int iommusim_kernel_vsprintf(char *out, const char *format, va_list arguments);
int iommusim_kernel_snprintf(char *out, size_t size, const char *format, ...);
int iommusim_kernel_vsnprintf(char *out, size_t size, const char *format, va_list arguments);
void iommusim_kernel_log(int level, const char *format, ...);

#if IOMMUSIM_KSHIM_RENAMES
#define printf(...)    iommusim_kernel_printf(__VA_ARGS__)
#define vprintf(...)   iommusim_kernel_vprintf(__VA_ARGS__)
#define uprintf(...)   iommusim_kernel_printf(__VA_ARGS__)
#define sprintf(...)   iommusim_kernel_sprintf(__VA_ARGS__)
#define vsprintf(...)  iommusim_kernel_vsprintf(__VA_ARGS__)
#define snprintf(...)  iommusim_kernel_snprintf(__VA_ARGS__)
#define vsnprintf(...) iommusim_kernel_vsnprintf(__VA_ARGS__)
#define log(...)       iommusim_kernel_log(__VA_ARGS__)
#define pause(...)     iommusim_kernel_pause(__VA_ARGS__)
#endif

/* ---- time, sleeping --------------------------------------------------------------------------------- */

void DELAY(int microseconds);
int iommusim_kernel_pause(const char *what, int for_ticks);
int pause_sbt(const char *what, sbintime_t time, sbintime_t precision, int flags);
struct lock_object;
int iommusim_kernel_sleep(const void *channel, struct lock_object *lock, int priority, const char *what,
    int for_ticks, IOMMUSIM_PLACE_ARGS);
void wakeup(const void *channel);
void wakeup_one(const void *channel);
#define tsleep(channel, priority, what, for_ticks)                                                     \
	iommusim_kernel_sleep(channel, NULL, priority, what, for_ticks, IOMMUSIM_HERE)
#define msleep(channel, mutex, priority, what, for_ticks)                                              \
	iommusim_kernel_sleep(channel, &(mutex)->lock_object, priority, what, for_ticks, IOMMUSIM_HERE)
#define mtx_sleep(channel, mutex, priority, what, for_ticks)                                           \
	msleep(channel, mutex, priority, what, for_ticks)

/* ---- critical sections: interrupts and callouts wait for their end ------------------------------------ */

void critical_enter(void);
void iommusim_kernel_critical_exit(IOMMUSIM_PLACE_ARGS);
#define critical_exit() iommusim_kernel_critical_exit(IOMMUSIM_HERE)

/* ---- loader variables --------------------------------------------------------------------------------- */

char *kern_getenv(const char *name);
void freeenv(char *value);
int kern_setenv(const char *name, const char *value);
int kern_unsetenv(const char *name);
int testenv(const char *name);
int getenv_int(const char *name, int *value);
int getenv_uint(const char *name, unsigned int *value);
int getenv_long(const char *name, long *value);
int getenv_ulong(const char *name, unsigned long *value);
int getenv_int64(const char *name, int64_t *value);
int getenv_uint64(const char *name, uint64_t *value);
int getenv_quad(const char *name, int64_t *value);
int getenv_bool(const char *name, bool *value);
bool getenv_is_true(const char *name);
bool getenv_is_false(const char *name);
int getenv_string(const char *name, char *out, int size);
#if IOMMUSIM_KSHIM_RENAMES
#define getenv(name)        kern_getenv(name)
#define setenv(name, value) kern_setenv(name, value)
#define unsetenv(name)      kern_unsetenv(name)
#endif

#include <sys/_kernel_kshim.h>

#endif
