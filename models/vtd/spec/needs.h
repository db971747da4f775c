/*
 * The capabilities that VT-d descriptions name in their `need` column, numbered. What sets each bit
 * from CAP and ECAP stands in models/vtd/unit.c.
 */
#ifndef IOMMUSIM_VTD_SPEC_NEEDS_H
#define IOMMUSIM_VTD_SPEC_NEEDS_H

#include "models/common/spec/spec.h"

enum vtd_need {
	CAP_AFL = SPEC_FIRST_CAPABILITY,
	CAP_RWBF,
	CAP_PI,
	CAP_DWD,
	CAP_DRD,
	CAP_SSLPS_2M,
	CAP_SSLPS_1G,
	ECAP_QI,
	ECAP_DT,
	ECAP_IR,
	ECAP_EIM,
	ECAP_SC,
	ECAP_DIT,
	ECAP_PDS,
	ECAP_SMTS,
	ECAP_SSIRWS,
};

#endif
