/*
 * Every VT-d register and in-memory structure, expanded from its description. No behaviour here.
 */
#ifndef IOMMUSIM_VTD_SPEC_VTD_H
#define IOMMUSIM_VTD_SPEC_VTD_H

#include "models/vtd/spec/needs.h"

#include "models/vtd/spec/registers/VER.def"
#include "models/vtd/spec/registers/CAP.def"
#include "models/vtd/spec/registers/ECAP.def"
#include "models/vtd/spec/registers/GCMD.def"
#include "models/vtd/spec/registers/GSTS.def"
#include "models/vtd/spec/registers/RTADDR.def"
#include "models/vtd/spec/registers/CCMD.def"
#include "models/vtd/spec/registers/FSTS.def"
#include "models/vtd/spec/registers/FECTL.def"
#include "models/vtd/spec/registers/FEDATA.def"
#include "models/vtd/spec/registers/FEADDR.def"
#include "models/vtd/spec/registers/FEUADDR.def"
#include "models/vtd/spec/registers/IECTL.def"
#include "models/vtd/spec/registers/IEDATA.def"
#include "models/vtd/spec/registers/IEADDR.def"
#include "models/vtd/spec/registers/IEUADDR.def"
#include "models/vtd/spec/registers/IQH.def"
#include "models/vtd/spec/registers/IQT.def"
#include "models/vtd/spec/registers/IQA.def"
#include "models/vtd/spec/registers/ICS.def"
#include "models/vtd/spec/registers/IQERCD.def"
#include "models/vtd/spec/registers/IRTA.def"
#include "models/vtd/spec/registers/IVA.def"
#include "models/vtd/spec/registers/IOTLB.def"

#include "models/vtd/spec/entries/context_entry.def"
#include "models/vtd/spec/entries/fault_record.def"
#include "models/vtd/spec/entries/inv_context.def"
#include "models/vtd/spec/entries/inv_devtlb.def"
#include "models/vtd/spec/entries/inv_header.def"
#include "models/vtd/spec/entries/inv_iec.def"
#include "models/vtd/spec/entries/inv_iotlb.def"
#include "models/vtd/spec/entries/inv_wait.def"
#include "models/vtd/spec/entries/irte.def"
#include "models/vtd/spec/entries/root_entry.def"
#include "models/vtd/spec/entries/ss_leaf1g.def"
#include "models/vtd/spec/entries/ss_leaf2m.def"
#include "models/vtd/spec/entries/ss_pte.def"
#include "models/vtd/spec/entries/ss_table.def"
#include "models/vtd/spec/entries/ss_upper.def"

#endif
