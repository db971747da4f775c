/*
 * Expands the description of a register. A `.def` sets STRUCTURE, SPEC_NAME, TITLE, SECTION, OFFSET,
 * BITS (32 or 64) and
 *
 *     #define FIELDS(FIELD) FIELD(name, high, low, access, need, "meaning") ...
 *
 * and includes this file last. Expansions, all over plain values: STRUCTURE_NAME(register value),
 * STRUCTURE_NAME_bits(field value) which puts a field in its place, the table STRUCTURE_spec, the
 * overlap check, and the constant STRUCTURE_at.
 *
 * No include guard: it is expanded once per description.
 */
#include "models/common/spec/spec.h"

#ifndef SPEC_REGISTER_ROWS
#define SPEC_REGISTER_ROWS
#define SPEC_REGISTER_ACCESSORS(name, high, low, access, need, meaning)                                \
	_Static_assert((high) >= (low) && (high) < BITS,                                               \
	    TITLE "." #name ": bits out of order or beyond the register");                             \
	static inline uint64_t SPEC_CAT(STRUCTURE, name)(uint64_t value)                               \
	{                                                                                              \
		return (value & SPEC_MASK(high, low)) >> (low);                                        \
	}                                                                                              \
	static inline uint64_t SPEC_CAT3(STRUCTURE, name, bits)(uint64_t field)                        \
	{                                                                                              \
		return field << (low)&SPEC_MASK(high, low);                                            \
	}
#define SPEC_REGISTER_TABLE_ROW(name, high, low, access, need, meaning)                                \
	{ #name, meaning, high, low, access, need },
#define SPEC_REGISTER_SUM_0(n, hi, lo, access, need, m)   +SPEC_HALF(0, hi, lo)
#define SPEC_REGISTER_UNION_0(n, hi, lo, access, need, m) | SPEC_HALF(0, hi, lo)
#define SPEC_REGISTER_SUM_1(n, hi, lo, access, need, m)   +SPEC_HALF(1, hi, lo)
#define SPEC_REGISTER_UNION_1(n, hi, lo, access, need, m) | SPEC_HALF(1, hi, lo)
#endif

enum { SPEC_CAT(STRUCTURE, at) = OFFSET };
FIELDS(SPEC_REGISTER_ACCESSORS)

#define SPEC_TABLE_ROW SPEC_REGISTER_TABLE_ROW
#define SPEC_SUM_0     SPEC_REGISTER_SUM_0
#define SPEC_UNION_0   SPEC_REGISTER_UNION_0
#define SPEC_SUM_1     SPEC_REGISTER_SUM_1
#define SPEC_UNION_1   SPEC_REGISTER_UNION_1
#include "models/common/spec/expand.h"
#undef SPEC_TABLE_ROW
#undef SPEC_SUM_0
#undef SPEC_UNION_0
#undef SPEC_SUM_1
#undef SPEC_UNION_1
