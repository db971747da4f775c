/* Registers by their descriptions: the masks of each, and its place. Accesses are in the header. */
#include "models/common/register_file.h"

static uint64_t fields_with(
    const struct spec_structure *spec, const struct spec_unit *unit, enum spec_access access)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < spec->field_count; i++)
		if (spec->fields[i].access == access && spec_field_exists(&spec->fields[i], unit))
			mask |= SPEC_MASK(spec->fields[i].high, spec->fields[i].low);
	return mask;
}

void register_describe(struct register_cell *cell, const struct register_description *description,
    unsigned id, unsigned number, const struct spec_unit *unit)
{
	const struct spec_structure *spec = description->spec;

	*cell = (struct register_cell){
		.offset = (uint16_t)(spec->offset + number * description->stride),
		.bytes = (uint8_t)(spec->bits / 8),
		.id = (uint8_t)id,
		.writable = fields_with(spec, unit, RW),
		.clearable = fields_with(spec, unit, RW1C),
		.write_only = fields_with(spec, unit, WO),
	};
}

bool register_exists(const struct register_description *description, const struct spec_unit *unit)
{
	const struct spec_structure *spec = description->spec;

	for (unsigned i = 0; i < spec->field_count; i++)
		if (spec_field_exists(&spec->fields[i], unit))
			return true;
	return false;
}

bool register_claim(uint8_t *slot_at, unsigned covered, unsigned offset, unsigned bytes, unsigned slot)
{
	for (unsigned at = offset / 4; at < (offset + bytes) / 4 && at < covered / 4; at++) {
		if (slot_at[at] != REGISTER_NONE)
			return false;
		slot_at[at] = (uint8_t)slot;
	}
	return true;
}
