/* The parts of struct unit_model that checkers ask. */
#ifndef IOMMUSIM_VTD_PROGRAMMED_H
#define IOMMUSIM_VTD_PROGRAMMED_H

#include "models/vtd/unit.h"

void vtd_roots(const struct iommusim_unit *unit, struct unit_roots *roots);
void vtd_reserved(const struct iommusim_unit *unit, enum unit_table kind, unsigned level,
    const uint64_t *entry, uint64_t bits[8]);

#endif
