/* Reports of DMA that was fine: kept, found again and forgotten. Why a report can be had again stands in told.h. */
#include "check/told.h"

#include <string.h>

#include "check/state.h"
#include "machine/memory_access.h"

static size_t place_of(const struct told_question *question)
{
	return question->request->address >> IOMMUSIM_PAGE_SHIFT & (TOLD_PAGES - 1);
}

static bool answers(const struct told *told, const struct told_question *question)
{
	const struct iommusim_dma_request *request = question->request;

	return told->moment == question->moment && told->address == request->address &&
	    told->length == request->length && told->requester == question->requester &&
	    told->for_vm == question->for_vm && fine_is_like(request, told->manner);
}

/* Does memory say what the walk read? */
static bool stands(const struct told *told)
{
	for (unsigned i = 0; i < told->entry_count; i++)
		if (__atomic_load_n(told->entries[i].at, __ATOMIC_ACQUIRE) != told->entries[i].value)
			return false;
	return true;
}

bool told_again(const struct iommusim_check *check, const struct told_question *question,
    struct iommusim_report *report)
{
	const struct told *told = check->told == NULL ? NULL : &check->told[place_of(question)];

	if (told == NULL || !answers(told, question) || !stands(told))
		return false;
	memcpy(report, told->report, told->size);
	return true;
}

/* One step's entry, quadword by quadword. False: it cannot be watched, or is not what the walk read any more. */
static bool add_entry(
    const struct memory *memory, const struct iommusim_walk_step *step, struct told *told)
{
	if (step->on_bus || !step->readable)
		return false;
	for (unsigned quad = 0; quad < step->quads; quad++) {
		const uint64_t *at = (const uint64_t *)(const void *)memory_at(
		    memory, step->address + quad * UINT64_C(8), sizeof(*at));

		if (at == NULL || told->entry_count == TOLD_ENTRIES)
			return false;
		told->entries[told->entry_count++] =
		    (struct told_entry){ .at = at, .value = step->raw[quad] };
	}
	return true;
}

static struct told *room_for(struct iommusim_check *check, const struct told_question *question)
{
	if (check->told == NULL)
		check->told = machine_alloc_zeroed(check->machine, TOLD_PAGES * sizeof(*check->told));
	return check->told == NULL ? NULL : &check->told[place_of(question)];
}

void told_keep(struct iommusim_check *check, const struct told_question *question,
    const struct iommusim_report *report)
{
	const struct iommusim_walk *walk = &report->walk;
	struct told *told =
	    walk->step_count > TOLD_STEPS || walk->result.faulted ? NULL : room_for(check, question);

	if (told == NULL)
		return;
	told->moment = 0;
	told->entry_count = 0;
	for (unsigned i = 0; i < walk->step_count; i++)
		if (!add_entry(&check->machine->memory, &walk->steps[i], told))
			return;
	told->address = question->request->address;
	told->length = question->request->length;
	memcpy(told->manner, fine_manner(question->request), sizeof(told->manner));
	told->requester = question->requester;
	told->for_vm = question->for_vm;
	told->size = TOLD_HEAD + walk->step_count * sizeof(walk->steps[0]);
	memcpy(told->report, report, told->size);
	if (stands(told) && check_moment(check) == question->moment)
		told->moment = question->moment;
}

void told_free(struct iommusim_check *check)
{
	if (check->told != NULL)
		machine_free(check->machine, check->told, TOLD_PAGES * sizeof(*check->told));
	check->told = NULL;
}
