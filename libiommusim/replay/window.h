/* The text of a trace that comes piece by piece, as whole lines in a window that moves on. Private to this folder. */
#ifndef IOMMUSIM_REPLAY_WINDOW_H
#define IOMMUSIM_REPLAY_WINDOW_H

#include <iommusim/trace.h>

struct window {
	const struct iommusim_trace_source
	    *source; /* NULL: the text is all there, and nothing comes here */
	const struct iommusim_allocator *allocator;
	char *bytes;
	size_t capacity;
	size_t filled; /* bytes that have come */
	size_t given;  /* those of them that window_next() returned last, from the first on */
	bool at_end;   /* of the source */
};

/*
 * The lines behind those of the last call, whose text is gone then: as many whole ones as there are, but at least one,
 * and at the end of the text what is left of it; `*length` 0: nothing. Returns OK, ENOMEM, EFORMAT (a line that is too
 * long), or what the source returned; `problem` says why, in words alone.
 */
enum iommusim_status window_next(
    struct window *window, const char **text, size_t *length, struct iommusim_diagnostic *problem);
void window_free(struct window *window);

#endif
