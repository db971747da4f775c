/* Virtual time and the events that wait for it. */
#include "machine/state.h"

static int compare(const struct clock_event *a, const struct clock_event *b)
{
	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
RB_PROTOTYPE(clock_tree, clock_event, link, compare)
RB_GENERATE(clock_tree, clock_event, link, compare)
#pragma GCC diagnostic pop

uint64_t iommusim_clock_now(const struct iommusim_machine *machine)
{
	return machine->clock.now + requester_ticks(machine);
}

static void run_due(struct iommusim_machine *machine)
{
	struct clock *clock = &machine->clock;
	struct clock_event *event;

	if (clock->running)
		return;
	clock->running = true;
	while ((event = RB_MIN(clock_tree, &clock->events)) != NULL &&
	    event->due <= iommusim_clock_now(machine)) {
		void (*run)(void *context) = event->run;
		void *context = event->context;

		RB_REMOVE(clock_tree, &clock->events, event);
		machine_free(machine, event, sizeof(*event));
		run(context);
		machine_note_activity(machine);
	}
	clock->running = false;
}

void clock_tick_access(struct iommusim_machine *machine)
{
	machine->clock.now++;
	if (!RB_EMPTY(&machine->clock.events))
		run_due(machine);
}

void iommusim_step(struct iommusim_machine *machine, uint64_t ticks)
{
	machine->clock.now += ticks;
	run_due(machine);
}

enum iommusim_status iommusim_clock_schedule(
    struct iommusim_machine *machine, uint64_t delay, void (*run)(void *context), void *context)
{
	const uint64_t now = iommusim_clock_now(machine);
	struct clock_event *event;

	if (run == NULL || delay > UINT64_MAX - now)
		return machine_fail(machine, IOMMUSIM_EINVAL, "an event needs a function and a time");
	event = machine_alloc_zeroed(machine, sizeof(*event));
	if (event == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for an event");
	event->due = now + delay;
	event->order = machine->clock.submitted++;
	event->run = run;
	event->context = context;
	RB_INSERT(clock_tree, &machine->clock.events, event);
	return IOMMUSIM_OK;
}

void iommusim_clock_cancel(struct iommusim_machine *machine, const void *context)
{
	struct clock_event *event, *next;

	RB_FOREACH_SAFE (event, clock_tree, &machine->clock.events, next) {
		if (event->context != context)
			continue;
		RB_REMOVE(clock_tree, &machine->clock.events, event);
		machine_free(machine, event, sizeof(*event));
	}
}

void clock_teardown(struct iommusim_machine *machine)
{
	struct clock_event *event, *next;

	RB_FOREACH_SAFE (event, clock_tree, &machine->clock.events, next) {
		RB_REMOVE(clock_tree, &machine->clock.events, event);
		machine_free(machine, event, sizeof(*event));
	}
}
