/* The register file: see registers.c. */
#ifndef IOMMUSIM_AMDVI_REGISTERS_H
#define IOMMUSIM_AMDVI_REGISTERS_H

#include "models/amdvi/unit.h"

/* Give every register of the unit its place, and its value after a reset. */
void amdvi_registers_place(struct amdvi_unit *amdvi);
void amdvi_registers_reset(struct amdvi_unit *amdvi);
uint64_t amdvi_read(struct iommusim_unit *unit, uint64_t offset, unsigned width);
void amdvi_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value);

/* Register `number` of those of one description. */
static inline struct amdvi_register *amdvi_register(
    struct amdvi_unit *amdvi, enum amdvi_register_id id, unsigned number)
{
	struct amdvi_register *first = &amdvi->registers[id];

	return number == 0 ? first
			   : &amdvi->registers[amdvi->slot_at[(first->offset + number * 8u) / 4]];
}

#endif
