/* Kernel code that waits and is called back. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/taskqueue.h>

#include "tests/kshim/kern_time.h"

int kern_calls, kern_task_runs;
long kern_called_at[8];
static struct callout late, early, never;
static struct task task;
static struct mtx lock;

void kern_delay(void *microseconds)
{
	DELAY(*(int *)microseconds);
}

static void called(void *argument)
{
	struct timeval now;

	(void)argument;
	microuptime(&now);
	kern_called_at[kern_calls++] = now.tv_sec * 1000000 + now.tv_usec;
}

void kern_start_callouts(void *unused)
{
	(void)unused;
	callout_init(&late, 1);
	callout_init(&early, 1);
	callout_init(&never, 1);
	callout_reset(&late, 3 * hz / 1000, called, NULL);
	callout_reset_sbt(&early, SBT_1MS, 0, called, NULL, 0);
	callout_reset(&never, 1, called, NULL);
	MPASS(callout_pending(&never) && callout_stop(&never) == 1 && !callout_pending(&never));
}

void kern_delay_in_critical(void *unused)
{
	const int before = kern_calls;

	(void)unused;
	critical_enter();
	DELAY(10000);
	KASSERT(kern_calls == before, ("called in a critical section"));
	critical_exit();
	KASSERT(kern_calls > before, ("not called after it"));
}

static void run_task(void *context, int pending)
{
	kern_task_runs += pending;
	wakeup(context);
}

void kern_enqueue(void *unused)
{
	(void)unused;
	TASK_INIT(&task, 0, run_task, &task);
	taskqueue_enqueue(taskqueue_thread, &task);
	taskqueue_enqueue(taskqueue_thread, &task);
	KASSERT(kern_task_runs == 0, ("run by its own caller"));
}

void kern_sleep_until_task(void *error)
{
	mtx_init(&lock, "sleeper", NULL, MTX_DEF | MTX_NEW);
	mtx_lock(&lock);
	kern_enqueue(NULL);
	*(int *)error = msleep(&task, &lock, 0, "wait", hz);
	mtx_assert(&lock, MA_OWNED);
	mtx_unlock(&lock);
}

void kern_sleep_for_ever(void *unused)
{
	(void)unused;
	tsleep(&late, 0, "nothing", 0);
}
