/* Steps of a walk from descriptions; what an entry means, and where it leads, is its model's business. */
#include "models/common/walk_step.h"

#include <string.h>

struct iommusim_walk_step walk_step_of(const struct spec_structure *structure, const uint64_t *raw)
{
	const uint8_t quads = (uint8_t)((structure->bits + 63) / 64);
	struct iommusim_walk_step step = {
		.structure = structure->title,
		.name = structure->name,
		.section = structure->section,
		.quads = quads,
	};

	memcpy(step.raw, raw, quads * sizeof(*raw));
	return step;
}

void walk_step_describe_field(struct iommusim_walk_step *step, const struct spec_field *field,
    const uint64_t *raw, const struct spec_unit *unit)
{
	if (field->need == IGNORED || !spec_field_exists(field, unit) ||
	    step->field_count == IOMMUSIM_WALK_FIELDS)
		return;
	step->fields[step->field_count++] = (struct iommusim_walk_field){
		.name = field->name,
		.meaning = field->meaning,
		.value = spec_field_value(field, raw),
		.high = field->high,
		.low = field->low,
	};
}

void walk_step_describe(struct iommusim_walk_step *step, const struct spec_structure *structure,
    const uint64_t *raw, const struct spec_unit *unit)
{
	for (unsigned i = 0; i < structure->field_count; i++)
		walk_step_describe_field(step, &structure->fields[i], raw, unit);
}
