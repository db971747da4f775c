/* Callouts: functions that are called when the machine's clock has reached a time. */
#ifndef IOMMUSIM_KSHIM_SYS_CALLOUT_H
#define IOMMUSIM_KSHIM_SYS_CALLOUT_H

#include <sys/param.h>

#include <sys/lock.h>

typedef void callout_func_t(void *argument);
typedef void timeout_t(void *argument);

struct callout {
	TAILQ_ENTRY(callout)
	link; /* among those that are pending, in order of time and then of setting */
	callout_func_t *c_func;
	void *c_arg;
	struct lock_object *c_lock;
	uint64_t due; /* microseconds of the machine's clock */
	short c_flags;
};

#define CALLOUT_ACTIVE         0x0002
#define CALLOUT_PENDING        0x0004
#define CALLOUT_MPSAFE         0x0008
#define CALLOUT_RETURNUNLOCKED 0x0010
#define CS_DRAIN               0x0001
#define C_HARDCLOCK            0x0100
#define C_ABSOLUTE             0x0200
#define C_PREL(x)              (((x) + 1) << 1)

void callout_init(struct callout *callout, int mpsafe);
void iommusim_kernel_callout_init(struct callout *callout, struct lock_object *lock, int flags);
#define callout_init_mtx(c, m, flags)                                                                  \
	iommusim_kernel_callout_init(c, (m) != NULL ? &(m)->lock_object : NULL, flags)
#define callout_init_rw(c, rw, flags)                                                                  \
	iommusim_kernel_callout_init(c, (rw) != NULL ? &(rw)->lock_object : NULL, flags)
/* 1 when one that was pending was replaced, else 0. */
int callout_reset_sbt(struct callout *callout, sbintime_t delay, sbintime_t precision,
    callout_func_t *function, void *argument, int flags);
int callout_reset(struct callout *callout, int to_ticks, callout_func_t *function, void *argument);
int callout_schedule(struct callout *callout, int to_ticks);
int iommusim_kernel_callout_stop(struct callout *callout);
#define callout_stop(c)                   iommusim_kernel_callout_stop(c)
#define callout_drain(c)                  iommusim_kernel_callout_stop(c)
#define callout_pending(c)                (((c)->c_flags & CALLOUT_PENDING) != 0)
#define callout_active(c)                 (((c)->c_flags & CALLOUT_ACTIVE) != 0)
#define callout_deactivate(c)             ((c)->c_flags &= (short)~CALLOUT_ACTIVE)
#define callout_reset_on(c, t, f, a, cpu) callout_reset(c, t, f, a)
#define callout_reset_curcpu(c, t, f, a)  callout_reset(c, t, f, a)

#endif
