/*
 * Commands that software writes to registers: global ones (VT-d 11.4.4), enhanced ones (11.4.14) and
 * virtual ones (11.4.16). Those that invalidate are in invalidate.h.
 */
#ifndef IOMMUSIM_VTD_COMMAND_H
#define IOMMUSIM_VTD_COMMAND_H

#include "models/vtd/unit.h"

/* command.c: what a write to GCMD does */
void vtd_command_written(struct vtd_unit *vtd, uint64_t written);

/* enhanced_command.c */
void vtd_enhanced_command_written(struct vtd_unit *vtd, uint64_t written);
const char *vtd_enhanced_problem(const struct iommusim_vtd_config *config);
/* ECCAP3 of a unit with these settings. */
uint64_t vtd_enhanced_capability(const struct iommusim_vtd_config *config);

/* virtual_command.c */
void vtd_virtual_command_written(struct vtd_unit *vtd, uint64_t written);
const char *vtd_virtual_problem(const struct iommusim_vtd_config *config);
/* All PASIDs are free again. Lock held. */
void vtd_virtual_reset(struct vtd_unit *vtd);
void vtd_virtual_free(struct vtd_unit *vtd);

#endif
