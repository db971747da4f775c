/* What is computed from a structure's description: the reserved mask. */
#include "models/common/spec/spec.h"

uint64_t spec_reserved(
    const struct spec_structure *structure, const struct spec_unit *unit, unsigned quad)
{
	uint64_t defined = structure->bits == 32 ? SPEC_MASK(63, 32) : 0;

	for (unsigned i = 0; i < structure->field_count; i++) {
		const struct spec_field *field = &structure->fields[i];
		uint64_t mask = SPEC_MASK(field->high % 64, field->low % 64);

		if (field->low / 64 != quad || !spec_field_exists(field, unit))
			continue;
		if (field->need == ADDRESS && unit->host_address_width < 64)
			mask &= SPEC_MASK(unit->host_address_width - 1, 0);
		defined |= mask;
	}
	return ~defined;
}
