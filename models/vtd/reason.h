/* The fault reason codes as constants; models/vtd/spec/fault_reasons.def gives them meaning. */
#ifndef IOMMUSIM_VTD_REASON_H
#define IOMMUSIM_VTD_REASON_H

enum reason {
	ALLOWED = 0,
#define R(code, mnemonic, clause, qualified, class, translation, translated, meaning) mnemonic = code,
#include "models/vtd/spec/fault_reasons.def"
#undef R
};

#endif
