/* What tests ask of the steps of a walk that was shown. */
#ifndef IOMMUSIM_TESTS_WALKED_STEP_H
#define IOMMUSIM_TESTS_WALKED_STEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/walk.h>

/* A field by its name, NULL when there is none; and one that must be there. */
static inline const struct iommusim_walk_field *find_field(
    const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return &step->fields[i];
	return NULL;
}

static inline const struct iommusim_walk_field *field(
    const struct iommusim_walk_step *step, const char *name)
{
	const struct iommusim_walk_field *found = find_field(step, name);

	if (found == NULL)
		fail_msg("%s has no field %s", step->name, name);
	return found;
}

#endif
