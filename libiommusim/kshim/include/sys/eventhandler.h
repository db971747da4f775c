/* Event handlers: functions that are called, in order of priority, when somebody tells of an event. */
#ifndef IOMMUSIM_KSHIM_SYS_EVENTHANDLER_H
#define IOMMUSIM_KSHIM_SYS_EVENTHANDLER_H

#include <sys/param.h>

struct eventhandler_entry {
	void (*function)(void);
	void *argument;
};
typedef struct eventhandler_entry *eventhandler_tag;

eventhandler_tag iommusim_kernel_eventhandler_register(
    const char *event, void (*function)(void), void *argument, int priority);
void iommusim_kernel_eventhandler_deregister(
    const char *event, eventhandler_tag tag, IOMMUSIM_PLACE_ARGS);
/* The handler after `last`, the first after NULL, NULL after the last. */
eventhandler_tag iommusim_kernel_eventhandler_next(const char *event, eventhandler_tag last);

#define EVENTHANDLER_DECLARE(event, type) typedef type iommusim_eventhandler_##event##_t
#define EVENTHANDLER_DEFINE(event, func, arg, priority)                                                \
	static eventhandler_tag event##_tag;                                                           \
	static void event##_evh_init(void *context)                                                    \
	{                                                                                              \
		event##_tag = EVENTHANDLER_REGISTER(event, func, context, priority);                   \
	}                                                                                              \
	SYSINIT(event##_evh_init, SI_SUB_CONFIGURE, SI_ORDER_ANY, event##_evh_init, arg)
#define EVENTHANDLER_LIST_DECLARE(event) _Static_assert(1, "")
#define EVENTHANDLER_LIST_DEFINE(event)  _Static_assert(1, "")
#define EVENTHANDLER_REGISTER(event, func, arg, priority)                                              \
	iommusim_kernel_eventhandler_register(#event, (void (*)(void))(func), arg, priority)
#define EVENTHANDLER_DEREGISTER(event, tag)                                                            \
	iommusim_kernel_eventhandler_deregister(#event, tag, IOMMUSIM_HERE)
#define EVENTHANDLER_DEREGISTER_NOWAIT(event, tag) EVENTHANDLER_DEREGISTER(event, tag)
#define EVENTHANDLER_INVOKE(event, ...)                                                                \
	do {                                                                                           \
		eventhandler_tag handler_ = NULL;                                                      \
                                                                                                       \
		while ((handler_ = iommusim_kernel_eventhandler_next(#event, handler_)) != NULL)       \
			((iommusim_eventhandler_##event##_t)(void (*)(void))handler_->function)(       \
			    handler_->argument, ##__VA_ARGS__);                                        \
	} while (0)
#define EVENTHANDLER_DIRECT_INVOKE(event, ...) EVENTHANDLER_INVOKE(event, ##__VA_ARGS__)

#define EVENTHANDLER_PRI_FIRST     0
#define EVENTHANDLER_PRI_ANY       10000
#define EVENTHANDLER_PRI_LAST      20000
#define EVENTHANDLER_DEAD_PRIORITY (-1)
#define SHUTDOWN_PRI_FIRST         EVENTHANDLER_PRI_FIRST
#define SHUTDOWN_PRI_DEFAULT       EVENTHANDLER_PRI_ANY
#define SHUTDOWN_PRI_LAST          EVENTHANDLER_PRI_LAST

typedef void (*shutdown_fn)(void *argument, int how);
EVENTHANDLER_DECLARE(shutdown_pre_sync, shutdown_fn);
EVENTHANDLER_DECLARE(shutdown_post_sync, shutdown_fn);
EVENTHANDLER_DECLARE(shutdown_final, shutdown_fn);
typedef void (*power_change_fn)(void *argument);
EVENTHANDLER_DECLARE(power_resume, power_change_fn);
EVENTHANDLER_DECLARE(power_suspend, power_change_fn);

#endif
