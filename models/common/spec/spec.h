/*
 * The vocabulary of a specification written down as data: fields, structures, masks.
 *
 * A `.def` file describes one hardware structure; entry.h or register.h expands it into accessors
 * and, in one translation unit a vendor, into the table declared here. No vendor's facts live here.
 */
#ifndef IOMMUSIM_MODELS_SPEC_H
#define IOMMUSIM_MODELS_SPEC_H

#include <stdbool.h>
#include <stdint.h>

/* Mask of bits hi..lo of a quadword, both inclusive, both 0..63. */
#define SPEC_MASK(hi, lo) ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))

#define SPEC_CAT_(a, b)     a##_##b
#define SPEC_CAT(a, b)      SPEC_CAT_(a, b)
#define SPEC_CAT3_(a, b, c) a##_##b##_##c
#define SPEC_CAT3(a, b, c)  SPEC_CAT3_(a, b, c)

/*
 * What a field asks of the unit. The first three mean the same for every vendor; a vendor numbers
 * its own capabilities from SPEC_FIRST_CAPABILITY on (models/<vendor>/spec/needs.h).
 */
enum spec_need {
	ALWAYS,  /* the field exists on every unit */
	IGNORED, /* hardware does not look at these bits: never reserved, never decoded as meaning */
	ADDRESS, /* an address field: bits at and above the unit's host address width are reserved */
	SPEC_FIRST_CAPABILITY
};

/* How software may touch a register field. */
enum spec_access {
	RO,       /* software's writes change nothing */
	RW,       /* reads back what was written */
	WO,       /* acts when written, reads as 0 */
	RW1C,     /* writing 1 clears it */
	ONE_SHOT, /* writing 1 starts a command; reads as the command's state, if at all */
};

struct spec_field {
	const char *name;
	const char *meaning;
	/* bit numbers as the specification counts them, over the whole structure */
	uint16_t high;
	uint16_t low;
	uint8_t access; /* enum spec_access; RW for fields of in-memory structures */
	uint8_t need;   /* enum spec_need, or a vendor's capability */
};

struct spec_structure {
	const char *name;    /* the specification's name */
	const char *title;   /* for people */
	const char *section; /* where the specification defines it */
	const struct spec_field *fields;
	uint16_t field_count;
	uint16_t bits;   /* 32, 64, 128, ... */
	uint16_t offset; /* registers: byte offset from the register base; else 0 */
};

/* The capabilities a unit has, one bit for each vendor capability, and its host address width. */
struct spec_unit {
	uint64_t capabilities;
	unsigned host_address_width;
};

/* Does a unit give this field a meaning (or ignore it)? Otherwise its bits are reserved there. */
static inline bool spec_field_exists(const struct spec_field *field, const struct spec_unit *unit)
{
	return field->need < SPEC_FIRST_CAPABILITY ||
	    (unit->capabilities >> (field->need - SPEC_FIRST_CAPABILITY) & 1) != 0;
}

/* The value of a field of a structure that starts at `quads`. */
static inline uint64_t spec_field_value(const struct spec_field *field, const uint64_t *quads)
{
	return (quads[field->low / 64] & SPEC_MASK(field->high % 64, field->low % 64)) >>
	    (field->low % 64);
}

/*
 * The reserved bits of quadword `quad` of a structure on a given unit: what no row names, what a row
 * names but this unit lacks, and address bits beyond the host address width. Computed once per unit.
 */
uint64_t spec_reserved(
    const struct spec_structure *structure, const struct spec_unit *unit, unsigned quad);

/*
 * Overlap check. Sums of masks are taken over 32-bit halves, so that no number of rows can make a
 * 64-bit sum wrap and hide an overlap: two rows overlap if and only if the sum differs from the union.
 */
#define SPEC_HALF(half, hi, lo)                                                                        \
	((lo) / 64 != (half) / 2                                                                       \
		? UINT64_C(0)                                                                          \
		: (SPEC_MASK((hi) % 64, (lo) % 64) >> ((half) % 2 * 32) & UINT64_C(0xffffffff)))

#endif
