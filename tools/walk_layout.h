/* What the parts of a walk's text share: columns, colours, words. */
#ifndef IOMMUSIM_TOOLS_WALK_LAYOUT_H
#define IOMMUSIM_TOOLS_WALK_LAYOUT_H

#include "walk_show.h"

#define WALK_RED   "1;31"
#define WALK_GREEN "1;32"
#define WALK_BOLD  "1"

/* Columns of the table, counted from its left edge. */
struct walk_layout {
	FILE *out;
	const struct walk_style *style;
	int name_width;
	int section_width;
	int place_width; /* address and index */
	int raw_column;
	int field_column;
};

void walk_paint(const struct walk_layout *layout, const char *colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "2 MiB"; any power of two is a page of some table. */
const char *walk_page_size(unsigned shift, char text[16]);

/* By its name in the specification; NULL when the step has none. */
const struct iommusim_walk_field *walk_find_field(
    const struct iommusim_walk_step *step, const char *name);

/* The last lines: what became of the request (walk_outcome.c). */
void walk_outcome(const struct walk_layout *layout, const struct walk_answer *answer);

#endif
