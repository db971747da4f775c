/* Task queues: functions that are called once the caller is out of the way, in the order they were asked for. */
#ifndef IOMMUSIM_KSHIM_SYS_TASKQUEUE_H
#define IOMMUSIM_KSHIM_SYS_TASKQUEUE_H

#include <sys/param.h>

#include <sys/queue.h>

struct taskqueue;
typedef void task_fn_t(void *context, int pending);
typedef void (*taskqueue_enqueue_fn)(void *context);

struct task {
	TAILQ_ENTRY(task) ta_link;
	uint16_t ta_pending; /* how often it was asked for since it last ran */
	uint8_t ta_priority;
	task_fn_t *ta_func;
	void *ta_context;
};

#define TASK_INITIALIZER(priority, func, context)                                                      \
	{                                                                                              \
		.ta_priority = (priority), .ta_func = (func), .ta_context = (context)                  \
	}
#define TASK_INIT(task, priority, func, context)                                                       \
	do {                                                                                           \
		(task)->ta_pending = 0;                                                                \
		(task)->ta_priority = (priority);                                                      \
		(task)->ta_func = (func);                                                              \
		(task)->ta_context = (context);                                                        \
	} while (0)

struct malloc_type;
struct taskqueue *taskqueue_create(
    const char *name, int malloc_flags, taskqueue_enqueue_fn enqueue, void *context);
struct taskqueue *taskqueue_create_fast(
    const char *name, int malloc_flags, taskqueue_enqueue_fn enqueue, void *context);
int taskqueue_start_threads(struct taskqueue **queue, int count, int priority, const char *name, ...);
void taskqueue_thread_enqueue(void *context);
int taskqueue_enqueue(struct taskqueue *queue, struct task *task);
#define taskqueue_enqueue_fast(queue, task) taskqueue_enqueue(queue, task)
int taskqueue_cancel(struct taskqueue *queue, struct task *task, u_int *pending);
void taskqueue_drain(struct taskqueue *queue, struct task *task);
void taskqueue_drain_all(struct taskqueue *queue);
void taskqueue_run(struct taskqueue *queue);
void taskqueue_free(struct taskqueue *queue);
struct taskqueue *iommusim_kernel_taskqueue(void);
#define taskqueue_thread iommusim_kernel_taskqueue()
#define taskqueue_swi    iommusim_kernel_taskqueue()
#define taskqueue_fast   iommusim_kernel_taskqueue()

#endif
