/*
 * The register file of a unit: which bytes belong to which register, and what a plain access does to one,
 * as its description says (spec/register.h). What a register sets in motion is the model's business.
 *
 * Thread-safety: the caller holds the unit's lock around whatever touches a value.
 */
#ifndef IOMMUSIM_MODELS_REGISTER_FILE_H
#define IOMMUSIM_MODELS_REGISTER_FILE_H

#include "models/common/spec/spec.h"

/* A description, and how many registers of it there are. */
struct register_description {
	const struct spec_structure *spec;
	uint8_t count;
	uint8_t stride; /* bytes from one to the next */
};

/* One register of one unit. The masks come from its description and the unit's capabilities. */
struct register_cell {
	uint64_t value;
	uint64_t writable;  /* RW fields the unit has */
	uint64_t clearable; /* RW1C fields the unit has */
	uint64_t
	    write_only; /* WO fields the unit has: kept for the command they belong to, read as 0 */
	uint16_t offset;
	uint8_t bytes;
	uint8_t id; /* of the description */
};

#define REGISTER_NONE 0xffu /* the slot of a doubleword that belongs to no register */

/* The register with number `number` of a description, on a unit with these capabilities. */
void register_describe(struct register_cell *cell, const struct register_description *description,
    unsigned id, unsigned number, const struct spec_unit *unit);

/* Does the unit have one of the fields? A register without any is not there. */
bool register_exists(const struct register_description *description, const struct spec_unit *unit);

/*
 * Let the doublewords from `offset` on, `bytes` of them, belong to a slot; beyond `covered`, which is
 * what `slot_at` reaches, nothing is noted. False: some belong to another already.
 */
bool register_claim(uint8_t *slot_at, unsigned covered, unsigned offset, unsigned bytes, unsigned slot);

/* The aligned doubleword at `offset` of a register that reads as `value`. */
static inline uint32_t register_doubleword(
    const struct register_cell *cell, uint64_t value, uint64_t offset)
{
	return (uint32_t)(value >> (offset - cell->offset) * 8);
}

/* Is an access of 8 bytes at `offset` one to this register alone, in one go? */
static inline bool register_is_quadword(const struct register_cell *cell, uint64_t offset)
{
	return cell->bytes == 8 && cell->offset == offset;
}

/* Software writes the bits `mask` of a register. */
static inline void register_store(struct register_cell *cell, uint64_t value, uint64_t mask)
{
	const uint64_t kept = (cell->writable | cell->write_only) & mask;

	cell->value = (cell->value & ~kept) | (value & kept);
	cell->value &= ~(value & cell->clearable & mask);
}

#endif
