/* The choices of AMD-Vi units (struct iommusim_amdvi_choices) by their names, as amdvi_unit(choices="...") has them. */
#ifndef IOMMUSIM_REPLAY_AMDVI_CHOICES_H
#define IOMMUSIM_REPLAY_AMDVI_CHOICES_H

#include <stdbool.h>
#include <stddef.h>

#include <iommusim/amdvi.h>

/* Choice number `index`: its name, NULL beyond the last; where it stands in `*choice`. */
static inline const char *amdvi_choice(
    struct iommusim_amdvi_choices *choices, size_t index, bool **choice)
{
	const struct {
		const char *name;
		bool *at;
	} known[] = {
		{ "mode_is_page_fault", &choices->mode_is_page_fault },
		{ "beyond_table_is_illegal", &choices->beyond_table_is_illegal },
		{ "bit_245_ignored", &choices->bit_245_ignored },
		{ "no_512g_leaves", &choices->no_512g_leaves },
		{ "tail_before_entry", &choices->tail_before_entry },
	};

	if (index >= sizeof(known) / sizeof(*known))
		return NULL;
	*choice = known[index].at;
	return known[index].name;
}

#endif
