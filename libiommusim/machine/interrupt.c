/* The interrupt sink: a bounded queue that hardware fills and whoever plays software empties. */
#include "machine/state.h"

void interrupt_raise(struct iommusim_machine *machine, const struct iommusim_interrupt *interrupt)
{
	struct interrupt_sink *sink = &machine->sink;

	pthread_mutex_lock(&sink->lock);
	if (sink->to_lose > 0) {
		sink->to_lose--;
		sink->lost++;
		pthread_mutex_unlock(&sink->lock);
		return;
	}
	if (sink->count == IOMMUSIM_INTERRUPT_QUEUE) {
		sink->head = (sink->head + 1) % IOMMUSIM_INTERRUPT_QUEUE;
		sink->count--;
		sink->lost++;
	}
	sink->queue[(sink->head + sink->count++) % IOMMUSIM_INTERRUPT_QUEUE] = *interrupt;
	pthread_mutex_unlock(&sink->lock);
}

enum iommusim_status iommusim_interrupt_take(
    struct iommusim_machine *machine, struct iommusim_interrupt *interrupt)
{
	struct interrupt_sink *sink = &machine->sink;
	enum iommusim_status status = IOMMUSIM_ENOENT;

	pthread_mutex_lock(&sink->lock);
	if (sink->count > 0) {
		*interrupt = sink->queue[sink->head];
		sink->head = (sink->head + 1) % IOMMUSIM_INTERRUPT_QUEUE;
		sink->count--;
		status = IOMMUSIM_OK;
	}
	pthread_mutex_unlock(&sink->lock);
	return status;
}

size_t iommusim_interrupt_pending(struct iommusim_machine *machine)
{
	size_t count;

	pthread_mutex_lock(&machine->sink.lock);
	count = machine->sink.count;
	pthread_mutex_unlock(&machine->sink.lock);
	return count;
}

uint64_t iommusim_interrupt_lost(struct iommusim_machine *machine)
{
	uint64_t lost;

	pthread_mutex_lock(&machine->sink.lock);
	lost = machine->sink.lost;
	pthread_mutex_unlock(&machine->sink.lock);
	return lost;
}

void iommusim_interrupt_lose(struct iommusim_machine *machine, uint64_t count)
{
	pthread_mutex_lock(&machine->sink.lock);
	machine->sink.to_lose = count;
	pthread_mutex_unlock(&machine->sink.lock);
}
