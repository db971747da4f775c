/* Time: the machine's clock is the only one. DELAY, sleeping, callouts, task queues, critical sections. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <iommusim/clock.h>

#define CLOCK_HZ 1000

_Thread_local int ticks;
_Thread_local int hz = CLOCK_HZ;
_Thread_local int tick = 1000000 / CLOCK_HZ;

uint64_t kshim_microseconds(const struct iommusim_kernel *kernel)
{
	return iommusim_clock_now(kernel->machine) / kernel->options.ticks_per_microsecond;
}

void kshim_time_refresh(struct iommusim_kernel *kernel)
{
	ticks = (int)(kshim_microseconds(kernel) / (1000000 / CLOCK_HZ));
}

/* Let time pass up to each callout in turn, so that it runs at its own time. */
void kshim_pass_time(struct iommusim_kernel *kernel, uint64_t microseconds)
{
	const uint64_t end = kshim_microseconds(kernel) + microseconds;

	for (;;) {
		const struct callout *first = TAILQ_FIRST(&kernel->callouts);
		const uint64_t now = kshim_microseconds(kernel);
		uint64_t until = end;

		if (now >= end)
			break;
		if (first != NULL && first->due > now && first->due < end)
			until = first->due;
		iommusim_step(kernel->machine, (until - now) * kernel->options.ticks_per_microsecond);
		kshim_time_refresh(kernel);
		if (kernel->running)
			kshim_dispatch(kernel);
	}
}

void DELAY(int microseconds)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	if (microseconds > 0)
		kshim_pass_time(kernel, (uint64_t)microseconds);
}

void iommusim_kernel_spin_wait(void)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	iommusim_step(kernel->machine, 1);
	kshim_time_refresh(kernel);
}

static void may_sleep(struct iommusim_kernel *kernel, const struct lock_object *except,
    const char *what, const char *file, int line)
{
	const struct lock_object *lock;

	if (kernel->thread.td_critnest > 0)
		kshim_panic_at(file, line, "sleeping (%s) in a critical section", what);
	TAILQ_FOREACH (lock, &kernel->held, link)
		if (lock != except && lock->kind != IOMMUSIM_LOCK_SX &&
		    lock != &kernel->giant.lock_object)
			kshim_panic_at(file, line,
			    "sleeping (%s) with non-sleepable lock %s held (%s:%d)", what,
			    lock->lo_name, lock->file, lock->line);
}

int iommusim_kernel_pause(const char *what, int for_ticks)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	may_sleep(kernel, NULL, what, __FILE__, __LINE__);
	kshim_pass_time(kernel, (uint64_t)(for_ticks > 0 ? for_ticks : 1) * (1000000 / CLOCK_HZ));
	return EWOULDBLOCK;
}

int pause_sbt(const char *what, sbintime_t time, sbintime_t precision, int flags)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	(void)precision;
	(void)flags;
	may_sleep(kernel, NULL, what, __FILE__, __LINE__);
	kshim_pass_time(kernel, time > 0 ? (uint64_t)sbttous(time) : 0);
	return EWOULDBLOCK;
}

/*
 * With one thread only an interrupt, a callout or a task can wake it: they run while the time passes, with the lock
 * let go. wakeup() notes the channel in the thread.
 */
static _Thread_local const void *woken;

int iommusim_kernel_sleep(const void *channel, struct lock_object *lock, int priority, const char *what,
    int for_ticks, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	const uint64_t limit = for_ticks > 0 ? (uint64_t)for_ticks : UINT64_C(3600) * CLOCK_HZ;
	uint64_t waited = 0;

	may_sleep(kernel, lock, what, file, line);
	woken = NULL;
	if (lock != NULL)
		iommusim_kernel_unlock(lock, false, file, line);
	while (woken != channel && waited++ < limit)
		kshim_pass_time(kernel, 1000000 / CLOCK_HZ);
	if (woken != channel && for_ticks <= 0)
		kshim_panic_at(file, line, "sleeping on %s for ever: nobody is left to wake it", what);
	if (lock != NULL && (priority & PDROP) == 0)
		iommusim_kernel_lock(lock, file, line);
	return woken == channel ? 0 : EWOULDBLOCK;
}

void wakeup(const void *channel)
{
	kshim_enter_quickly();
	woken = channel;
}

void wakeup_one(const void *channel)
{
	wakeup(channel);
}

static void run_for(void *context)
{
	kshim_pass_time(kshim_here, *(uint64_t *)context);
}

enum iommusim_status iommusim_kernel_run(
    struct iommusim_kernel *kernel, uint64_t microseconds, struct iommusim_kernel_result *result)
{
	return iommusim_kernel_call(kernel, run_for, &microseconds, result);
}

sbintime_t sbinuptime(void)
{
	const uint64_t now = kshim_microseconds(kshim_enter_quickly());

	return (sbintime_t)((now / 1000000 << 32) + ((now % 1000000 << 32) / 1000000));
}

void nanouptime(struct timespec *out)
{
	const uint64_t now = kshim_microseconds(kshim_enter_quickly());

	out->tv_sec = (time_t)(now / 1000000);
	out->tv_nsec = (long)(now % 1000000 * 1000);
}

void microuptime(struct timeval *out)
{
	const uint64_t now = kshim_microseconds(kshim_enter_quickly());

	out->tv_sec = (time_t)(now / 1000000);
	out->tv_usec = (suseconds_t)(now % 1000000);
}

void iommusim_kernel_nanotime(struct timespec *out)
{
	nanouptime(out);
}

void iommusim_kernel_microtime(struct timeval *out)
{
	microuptime(out);
}

/* ---- critical sections ---------------------------------------------------------------------------------------- */

void critical_enter(void)
{
	kshim_enter_now()->thread.td_critnest++;
}

void iommusim_kernel_critical_exit(IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	if (kernel->thread.td_critnest == 0)
		kshim_panic_at(file, line, "critical_exit: not in a critical section");
	kernel->thread.td_critnest--;
	kshim_enter_now();
}

register_t intr_disable(void)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	const register_t before = kernel->interrupts_off;

	kernel->interrupts_off = 1;
	return before;
}

void intr_restore(register_t state)
{
	kshim_enter_quickly()->interrupts_off = (int)state;
	kshim_enter_now();
}

void disable_intr(void)
{
	intr_disable();
}

void enable_intr(void)
{
	intr_restore(0);
}

struct thread *iommusim_kernel_curthread(void)
{
	return &kshim_enter_quickly()->thread;
}

/* ---- callouts ---------------------------------------------------------------------------------------------------- */

void iommusim_kernel_callout_init(struct callout *callout, struct lock_object *lock, int flags)
{
	kshim_enter_quickly();
	*callout =
	    (struct callout){ .c_lock = lock, .c_flags = (short)(flags & CALLOUT_RETURNUNLOCKED) };
}

void callout_init(struct callout *callout, int mpsafe)
{
	iommusim_kernel_callout_init(
	    callout, mpsafe ? NULL : &kshim_enter_quickly()->giant.lock_object, 0);
}

int iommusim_kernel_callout_stop(struct callout *callout)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	const bool was = callout_pending(callout);

	if (was)
		TAILQ_REMOVE(&kernel->callouts, callout, link);
	callout->c_flags &= (short)~(CALLOUT_PENDING | CALLOUT_ACTIVE);
	return was;
}

static int schedule(
    struct callout *callout, uint64_t microseconds, callout_func_t *function, void *argument)
{
	struct iommusim_kernel *kernel = kshim_here;
	const int replaced = iommusim_kernel_callout_stop(callout);
	struct callout *later = TAILQ_FIRST(&kernel->callouts);

	callout->c_func = function;
	callout->c_arg = argument;
	callout->due = kshim_microseconds(kernel) + microseconds;
	callout->c_flags |= CALLOUT_PENDING | CALLOUT_ACTIVE;
	while (later != NULL && later->due <= callout->due)
		later = TAILQ_NEXT(later, link);
	if (later != NULL)
		TAILQ_INSERT_BEFORE(later, callout, link);
	else
		TAILQ_INSERT_TAIL(&kernel->callouts, callout, link);
	return replaced;
}

int callout_reset_sbt(struct callout *callout, sbintime_t delay, sbintime_t precision,
    callout_func_t *function, void *argument, int flags)
{
	sbintime_t from_now = delay;

	(void)precision;
	kshim_enter_now();
	if ((flags & C_ABSOLUTE) != 0)
		from_now = delay > sbinuptime() ? delay - sbinuptime() : 0;
	/* A microsecond is no whole number of its units: never too early. */
	return schedule(
	    callout, from_now > 0 ? (uint64_t)sbttous(from_now + SBT_1US - 1) : 0, function, argument);
}

int callout_reset(struct callout *callout, int to_ticks, callout_func_t *function, void *argument)
{
	kshim_enter_now();
	return schedule(callout, (uint64_t)(to_ticks > 0 ? to_ticks : 1) * (1000000 / CLOCK_HZ),
	    function, argument);
}

int callout_schedule(struct callout *callout, int to_ticks)
{
	return callout_reset(callout, to_ticks, callout->c_func, callout->c_arg);
}

bool kshim_callouts_due(const struct iommusim_kernel *kernel)
{
	const struct callout *first = TAILQ_FIRST(&kernel->callouts);

	return first != NULL && first->due <= kshim_microseconds(kernel);
}

void kshim_callouts_run(struct iommusim_kernel *kernel)
{
	while (kshim_callouts_due(kernel)) {
		struct callout *callout = TAILQ_FIRST(&kernel->callouts);
		struct lock_object *lock = callout->c_lock;
		const bool unlocks = (callout->c_flags & CALLOUT_RETURNUNLOCKED) != 0;

		TAILQ_REMOVE(&kernel->callouts, callout, link);
		callout->c_flags &= (short)~CALLOUT_PENDING;
		if (lock != NULL)
			iommusim_kernel_lock(lock, __FILE__, __LINE__);
		callout->c_func(callout->c_arg); /* it may free the callout */
		if (lock != NULL && !unlocks)
			iommusim_kernel_unlock(lock, false, __FILE__, __LINE__);
	}
}

/* ---- task queues: all are one ------------------------------------------------------------------------------------ */

struct taskqueue {
	taskqueue_enqueue_fn enqueue; /* NULL: the kernel's own threads */
	void *context;
};
static const struct malloc_type task_memory = { "taskqueue", "Task Queues" };

struct taskqueue *taskqueue_create(
    const char *name, int malloc_flags, taskqueue_enqueue_fn enqueue, void *context)
{
	struct taskqueue *queue = iommusim_kernel_malloc(sizeof(*queue),
	    (struct malloc_type *)(uintptr_t)&task_memory, malloc_flags, __FILE__, __LINE__);

	(void)name;
	if (queue != NULL)
		*queue = (struct taskqueue){ enqueue, context };
	return queue;
}

struct taskqueue *taskqueue_create_fast(
    const char *name, int malloc_flags, taskqueue_enqueue_fn enqueue, void *context)
{
	return taskqueue_create(name, malloc_flags, enqueue, context);
}

int taskqueue_start_threads(struct taskqueue **queue, int count, int priority, const char *name, ...)
{
	(void)queue;
	(void)priority;
	(void)name;
	return count > 0 ? 0 : EINVAL;
}

void taskqueue_thread_enqueue(void *context)
{
	(void)context;
}

struct taskqueue *iommusim_kernel_taskqueue(void)
{
	static struct taskqueue all;

	return &all;
}

int taskqueue_enqueue(struct taskqueue *queue, struct task *task)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	if (task->ta_pending++ == 0)
		TAILQ_INSERT_TAIL(&kernel->tasks, task, ta_link);
	if (queue != NULL && queue->enqueue != NULL)
		queue->enqueue(queue->context);
	return 0;
}

int taskqueue_cancel(struct taskqueue *queue, struct task *task, u_int *pending)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	(void)queue;
	if (pending != NULL)
		*pending = task->ta_pending;
	if (task->ta_pending > 0)
		TAILQ_REMOVE(&kernel->tasks, task, ta_link);
	task->ta_pending = 0;
	return 0;
}

void kshim_tasks_run(struct iommusim_kernel *kernel)
{
	struct task *task;

	while ((task = TAILQ_FIRST(&kernel->tasks)) != NULL) {
		const int pending = task->ta_pending;

		TAILQ_REMOVE(&kernel->tasks, task, ta_link);
		task->ta_pending = 0;
		task->ta_func(task->ta_context, pending);
	}
}

void taskqueue_run(struct taskqueue *queue)
{
	(void)queue;
	kshim_tasks_run(kshim_enter_quickly());
}

void taskqueue_drain(struct taskqueue *queue, struct task *task)
{
	(void)task;
	taskqueue_run(queue);
}

void taskqueue_drain_all(struct taskqueue *queue)
{
	taskqueue_run(queue);
}

void taskqueue_free(struct taskqueue *queue)
{
	taskqueue_run(queue);
	iommusim_kernel_free(
	    queue, (struct malloc_type *)(uintptr_t)&task_memory, false, __FILE__, __LINE__);
}
