/* The capabilities of needs.def, numbered. */
#ifndef IOMMUSIM_AMDVI_SPEC_NEEDS_H
#define IOMMUSIM_AMDVI_SPEC_NEEDS_H

#include "models/common/spec/spec.h"

enum amdvi_need {
	AMDVI_NEED_FIRST = SPEC_FIRST_CAPABILITY - 1,
#define NEED(id, name) id,
#include "models/amdvi/spec/needs.def"
#undef NEED
};

#endif
