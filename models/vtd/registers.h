/*
 * The register file of a unit (VT-d 11): which registers there are, and accesses to them. What commands
 * in them set in motion is in command.h, invalidate.h and performance.h.
 */
#ifndef IOMMUSIM_VTD_REGISTERS_H
#define IOMMUSIM_VTD_REGISTERS_H

#include "models/vtd/unit.h"

/* Give every register of the unit its place. False: two claim `*offset`. */
bool vtd_registers_place(struct vtd_unit *vtd, unsigned *offset);
void vtd_registers_reset(struct vtd_unit *vtd);
uint64_t vtd_read(struct iommusim_unit *unit, uint64_t offset, unsigned width);
void vtd_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value);

/* What is wrong with the settings of optional registers; NULL: nothing. */
const char *vtd_registers_problem(const struct iommusim_vtd_config *config);
/* Keep those settings; before vtd_registers_place(). */
void vtd_registers_take(struct vtd_unit *vtd, const struct iommusim_vtd_config *config);
/* Give back what state of optional registers took. */
void vtd_registers_free(struct vtd_unit *vtd);
/* Take a place for a register. False: one is there already. */
bool vtd_register_claim(struct vtd_unit *vtd, unsigned offset, unsigned bytes, unsigned slot);
/* The value of the register at `offset`, or 0. Lock held. */
uint64_t vtd_register_at(const struct vtd_unit *vtd, unsigned offset);

#endif
