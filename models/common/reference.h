/* What a vendor's model tells of its descriptions, for iommusim/spec.h. */
#ifndef IOMMUSIM_MODELS_COMMON_REFERENCE_H
#define IOMMUSIM_MODELS_COMMON_REFERENCE_H

#include <stddef.h>

#include "models/common/spec/spec.h"

struct spec_reference {
	const char *vendor; /* "vtd" */
	const struct spec_structure *const *structures;
	size_t count;
	size_t registers; /* how many of them are registers, which come first */
	const char *const
	    *needs; /* names of capabilities, by their number from SPEC_FIRST_CAPABILITY */
};

extern const struct spec_reference vtd_reference;
extern const struct spec_reference amdvi_reference;

#endif
