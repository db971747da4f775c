/* The parts of struct unit_model that checkers ask. */
#ifndef IOMMUSIM_AMDVI_PROGRAMMED_H
#define IOMMUSIM_AMDVI_PROGRAMMED_H

#include "models/amdvi/unit.h"

void amdvi_roots(const struct iommusim_unit *unit, struct unit_roots *roots);
void amdvi_reserved(const struct iommusim_unit *unit, enum unit_table kind, unsigned level,
    const uint64_t *entry, uint64_t bits[8]);

#endif
