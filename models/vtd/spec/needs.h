/* The capabilities of needs.def, numbered. */
#ifndef IOMMUSIM_VTD_SPEC_NEEDS_H
#define IOMMUSIM_VTD_SPEC_NEEDS_H

#include "models/common/spec/spec.h"

enum vtd_need {
	VTD_NEED_FIRST = SPEC_FIRST_CAPABILITY - 1,
#define NEED(id, name) id,
#include "models/vtd/spec/needs.def"
#undef NEED
};

#endif
