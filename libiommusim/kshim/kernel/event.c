/* Event handlers, in order of priority and then of registration. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

eventhandler_tag iommusim_kernel_eventhandler_register(
    const char *event, void (*function)(void), void *argument, int priority)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct handler *handler = calloc(1, sizeof(*handler)), *later;

	if (handler == NULL)
		return NULL;
	*handler =
	    (struct handler){ .entry = { function, argument }, .event = event, .priority = priority };
	later = TAILQ_FIRST(&kernel->handlers);
	while (later != NULL && later->priority <= priority)
		later = TAILQ_NEXT(later, link);
	if (later != NULL)
		TAILQ_INSERT_BEFORE(later, handler, link);
	else
		TAILQ_INSERT_TAIL(&kernel->handlers, handler, link);
	return &handler->entry;
}

/* It stays in the list, deaf, so that a handler may take itself out while handlers are told. */
void iommusim_kernel_eventhandler_deregister(
    const char *event, eventhandler_tag tag, IOMMUSIM_PLACE_ARGS)
{
	struct handler *handler;

	TAILQ_FOREACH (handler, &kshim_enter_now()->handlers, link) {
		if (handler->dead || (tag != NULL && &handler->entry != tag) ||
		    strcmp(handler->event, event) != 0)
			continue;
		handler->dead = true;
		if (tag != NULL)
			return;
	}
	if (tag != NULL)
		kshim_panic_at(file, line, "event handler %p of %s is deregistered and not registered",
		    (const void *)tag, event);
}

eventhandler_tag iommusim_kernel_eventhandler_next(const char *event, eventhandler_tag last)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	struct handler *handler = last == NULL ? TAILQ_FIRST(&kernel->handlers)
					       : TAILQ_NEXT((struct handler *)(void *)last, link);

	while (handler != NULL && (handler->dead || strcmp(handler->event, event) != 0))
		handler = TAILQ_NEXT(handler, link);
	return handler == NULL ? NULL : &handler->entry;
}

void kshim_handlers_free(struct iommusim_kernel *kernel)
{
	struct handler *handler;

	while ((handler = TAILQ_FIRST(&kernel->handlers)) != NULL) {
		TAILQ_REMOVE(&kernel->handlers, handler, link);
		free(handler);
	}
}
