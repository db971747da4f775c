/* The window on a trace: it is as large as the longest line needs, however long the trace. */
#include "replay/window.h"

#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)128 << 10)
#define LONGEST_LINE   ((size_t)1 << 30)

static enum iommusim_status grow(struct window *window, struct iommusim_diagnostic *problem)
{
	const struct iommusim_allocator *allocator = window->allocator;
	const size_t capacity = window->capacity == 0 ? FIRST_CAPACITY : window->capacity * 2;
	char *larger;

	if (capacity > LONGEST_LINE) {
		snprintf(problem->text, sizeof(problem->text), "a line of more than 1 GiB");
		return IOMMUSIM_EFORMAT;
	}
	larger = allocator->allocate(allocator->context, capacity);
	if (larger == NULL)
		return IOMMUSIM_ENOMEM;
	if (window->filled != 0)
		memcpy(larger, window->bytes, window->filled);
	if (window->bytes != NULL)
		allocator->release(allocator->context, window->bytes, window->capacity);
	window->bytes = larger;
	window->capacity = capacity;
	return IOMMUSIM_OK;
}

/* Where the last whole line among bytes [from, to) ends; 0: there is no end of a line. */
static size_t whole_lines(const char *bytes, size_t from, size_t to)
{
	while (to > from && bytes[to - 1] != '\n')
		to--;
	return to > from ? to : 0;
}

/* One piece more, behind what there is. */
static enum iommusim_status read_piece(struct window *window, struct iommusim_diagnostic *problem)
{
	const struct iommusim_trace_source *source = window->source;
	enum iommusim_status status = IOMMUSIM_OK;
	size_t count = 0, room;

	if (window->filled == window->capacity)
		status = grow(window, problem);
	if (status != IOMMUSIM_OK)
		return status;
	room = window->capacity - window->filled;
	status = source->read(source->context, window->bytes + window->filled, room, &count, problem);
	if (status != IOMMUSIM_OK)
		return status;
	if (count > room) {
		snprintf(problem->text, sizeof(problem->text),
		    "the source of the trace gave more than it had room for");
		return IOMMUSIM_EINVAL;
	}
	window->at_end = count == 0;
	window->given = whole_lines(window->bytes, window->filled, window->filled + count);
	window->filled += count;
	return IOMMUSIM_OK;
}

enum iommusim_status window_next(
    struct window *window, const char **text, size_t *length, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (window->given != 0)
		memmove(window->bytes, window->bytes + window->given, window->filled - window->given);
	window->filled -= window->given;
	window->given = 0;
	while (status == IOMMUSIM_OK && !window->at_end && window->given == 0)
		status = read_piece(window, problem);
	if (status == IOMMUSIM_OK && window->at_end)
		window->given = window->filled;
	*text = window->bytes == NULL ? "" : window->bytes;
	*length = window->given;
	return status;
}

void window_free(struct window *window)
{
	if (window->bytes != NULL)
		window->allocator->release(window->allocator->context, window->bytes, window->capacity);
	*window = (struct window){ .source = NULL };
}
