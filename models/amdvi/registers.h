/* The register file: see registers.c. */
#ifndef IOMMUSIM_AMDVI_REGISTERS_H
#define IOMMUSIM_AMDVI_REGISTERS_H

#include "models/amdvi/unit.h"

/* Give every register of the unit its place, and its value after a reset. */
void amdvi_registers_place(struct amdvi_unit *amdvi);
void amdvi_registers_reset(struct amdvi_unit *amdvi);
uint64_t amdvi_read(struct iommusim_unit *unit, uint64_t offset, unsigned width);
void amdvi_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value);

/* Register `number` of those of one description, whether the unit has it or not. */
struct register_cell *amdvi_register(
    struct amdvi_unit *amdvi, enum amdvi_register_id id, unsigned number);

#endif
