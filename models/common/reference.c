/* The vendors' descriptions, told to the outside (iommusim/spec.h). Which there are: models/VENDOR/reference.c. */
#include "models/common/reference.h"

#include <iommusim/spec.h>

#include <string.h>

static const struct spec_reference *const references[] = { &vtd_reference, &amdvi_reference };

#define REFERENCES (sizeof(references) / sizeof(*references))

/* NULL when the vendor is unknown or `index` is beyond its last structure. */
static const struct spec_reference *find(const char *vendor, size_t index)
{
	for (size_t i = 0; i < REFERENCES; i++)
		if (strcmp(vendor, references[i]->vendor) == 0)
			return index < references[i]->count ? references[i] : NULL;
	return NULL;
}

bool iommusim_spec_structure(const char *vendor, size_t index, struct iommusim_spec_structure *out)
{
	const struct spec_reference *reference = find(vendor, index);
	const struct spec_structure *structure;

	if (reference == NULL)
		return false;
	structure = reference->structures[index];
	*out = (struct iommusim_spec_structure){
		.name = structure->name,
		.title = structure->title,
		.section = structure->section,
		.bits = structure->bits,
		.offset = structure->offset,
		.is_register = index < reference->registers,
		.field_count = structure->field_count,
	};
	return true;
}

bool iommusim_spec_field(
    const char *vendor, size_t index, size_t number, struct iommusim_spec_field *out)
{
	static const char *const accesses[] = {
		[RO] = "RO", [RW] = "RW", [WO] = "WO", [RW1C] = "RW1C", [ONE_SHOT] = "one-shot"
	};
	const struct spec_reference *reference = find(vendor, index);
	const struct spec_field *field;

	if (reference == NULL || number >= reference->structures[index]->field_count)
		return false;
	field = &reference->structures[index]->fields[number];
	*out = (struct iommusim_spec_field){
		.name = field->name,
		.meaning = field->meaning,
		.access = index < reference->registers ? accesses[field->access] : "",
		.needs = field->need < SPEC_FIRST_CAPABILITY
		    ? ""
		    : reference->needs[field->need - SPEC_FIRST_CAPABILITY],
		.high = field->high,
		.low = field->low,
		.ignored = field->need == IGNORED,
	};
	return true;
}
