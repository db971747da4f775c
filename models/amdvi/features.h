/* What a unit can, from its feature registers: limits, capabilities, reserved bits. See features.c. */
#ifndef IOMMUSIM_AMDVI_FEATURES_H
#define IOMMUSIM_AMDVI_FEATURES_H

#include "models/amdvi/unit.h"

#define AMDVI_NO_HATS 3u /* EFR.HATS: no host translation */

#define AMDVI_NEWEST_REVISION 0x310u

/* What is wrong with a configuration; NULL: nothing. */
const char *amdvi_features_problem(const struct iommusim_amdvi_config *config);

/* Take a good configuration over: everything in the unit that is fixed at birth. */
void amdvi_features_take(struct amdvi_unit *amdvi, const struct iommusim_amdvi_config *config);

#endif
