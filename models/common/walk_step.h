/* One step of a walk written down: the fields of an entry, by the names of its description. */
#ifndef IOMMUSIM_MODELS_WALK_STEP_H
#define IOMMUSIM_MODELS_WALK_STEP_H

#include <iommusim/walk.h>

#include "models/common/spec/spec.h"

/* A step by an entry of this structure, with its names and `raw`; where it is, is left to say. */
struct iommusim_walk_step walk_step_of(const struct spec_structure *structure, const uint64_t *raw);

/* Add a field of `raw`, if the unit has it and there is room. */
void walk_step_describe_field(struct iommusim_walk_step *step, const struct spec_field *field,
    const uint64_t *raw, const struct spec_unit *unit);

/* The same for each field of the structure. */
void walk_step_describe(struct iommusim_walk_step *step, const struct spec_structure *structure,
    const uint64_t *raw, const struct spec_unit *unit);

#endif
