/*
 * Expands the description of an in-memory structure (root entry, context entry, paging entry,
 * descriptor, ACPI structure). A `.def` sets STRUCTURE, SPEC_NAME, TITLE, SECTION, BITS and
 *
 *     #define FIELDS(FIELD) FIELD(name, high, low, need, "meaning") ...
 *
 * and includes this file last. Expansions: accessors STRUCTURE_NAME(quads) and
 * STRUCTURE_set_NAME(quads, value), the table STRUCTURE_spec, the overlap check.
 *
 * No include guard: it is expanded once per description.
 */
#include "models/common/spec/spec.h"

#ifndef SPEC_ENTRY_ROWS
#define SPEC_ENTRY_ROWS
#define SPEC_ENTRY_ACCESSORS(name, high, low, need, meaning)                                           \
	_Static_assert((high) / 64 == (low) / 64 && (high) >= (low) && (high) < BITS,                  \
	    TITLE "." #name ": bits out of order, across a quadword, or beyond the structure");        \
	static inline uint64_t SPEC_CAT(STRUCTURE, name)(const uint64_t *quads)                        \
	{                                                                                              \
		return (quads[(low) / 64] & SPEC_MASK((high) % 64, (low) % 64)) >> (low) % 64;         \
	}                                                                                              \
	static inline void SPEC_CAT3(STRUCTURE, set, name)(uint64_t * quads, uint64_t value)           \
	{                                                                                              \
		const uint64_t mask = SPEC_MASK((high) % 64, (low) % 64);                              \
		quads[(low) / 64] = (quads[(low) / 64] & ~mask) | (value << (low) % 64 & mask);        \
	}
#define SPEC_ENTRY_TABLE_ROW(name, high, low, need, meaning) { #name, meaning, high, low, RW, need },
#define SPEC_ENTRY_SUM_0(n, hi, lo, need, m)                 +SPEC_HALF(0, hi, lo)
#define SPEC_ENTRY_UNION_0(n, hi, lo, need, m)               | SPEC_HALF(0, hi, lo)
#define SPEC_ENTRY_SUM_1(n, hi, lo, need, m)                 +SPEC_HALF(1, hi, lo)
#define SPEC_ENTRY_UNION_1(n, hi, lo, need, m)               | SPEC_HALF(1, hi, lo)
#define SPEC_ENTRY_SUM_2(n, hi, lo, need, m)                 +SPEC_HALF(2, hi, lo)
#define SPEC_ENTRY_UNION_2(n, hi, lo, need, m)               | SPEC_HALF(2, hi, lo)
#define SPEC_ENTRY_SUM_3(n, hi, lo, need, m)                 +SPEC_HALF(3, hi, lo)
#define SPEC_ENTRY_UNION_3(n, hi, lo, need, m)               | SPEC_HALF(3, hi, lo)
#define SPEC_ENTRY_SUM_4(n, hi, lo, need, m)                 +SPEC_HALF(4, hi, lo)
#define SPEC_ENTRY_UNION_4(n, hi, lo, need, m)               | SPEC_HALF(4, hi, lo)
#define SPEC_ENTRY_SUM_5(n, hi, lo, need, m)                 +SPEC_HALF(5, hi, lo)
#define SPEC_ENTRY_UNION_5(n, hi, lo, need, m)               | SPEC_HALF(5, hi, lo)
#define SPEC_ENTRY_SUM_6(n, hi, lo, need, m)                 +SPEC_HALF(6, hi, lo)
#define SPEC_ENTRY_UNION_6(n, hi, lo, need, m)               | SPEC_HALF(6, hi, lo)
#define SPEC_ENTRY_SUM_7(n, hi, lo, need, m)                 +SPEC_HALF(7, hi, lo)
#define SPEC_ENTRY_UNION_7(n, hi, lo, need, m)               | SPEC_HALF(7, hi, lo)
#define SPEC_ENTRY_SUM_8(n, hi, lo, need, m)                 +SPEC_HALF(8, hi, lo)
#define SPEC_ENTRY_UNION_8(n, hi, lo, need, m)               | SPEC_HALF(8, hi, lo)
#define SPEC_ENTRY_SUM_9(n, hi, lo, need, m)                 +SPEC_HALF(9, hi, lo)
#define SPEC_ENTRY_UNION_9(n, hi, lo, need, m)               | SPEC_HALF(9, hi, lo)
#define SPEC_ENTRY_SUM_10(n, hi, lo, need, m)                +SPEC_HALF(10, hi, lo)
#define SPEC_ENTRY_UNION_10(n, hi, lo, need, m)              | SPEC_HALF(10, hi, lo)
#define SPEC_ENTRY_SUM_11(n, hi, lo, need, m)                +SPEC_HALF(11, hi, lo)
#define SPEC_ENTRY_UNION_11(n, hi, lo, need, m)              | SPEC_HALF(11, hi, lo)
#define SPEC_ENTRY_SUM_12(n, hi, lo, need, m)                +SPEC_HALF(12, hi, lo)
#define SPEC_ENTRY_UNION_12(n, hi, lo, need, m)              | SPEC_HALF(12, hi, lo)
#define SPEC_ENTRY_SUM_13(n, hi, lo, need, m)                +SPEC_HALF(13, hi, lo)
#define SPEC_ENTRY_UNION_13(n, hi, lo, need, m)              | SPEC_HALF(13, hi, lo)
#define SPEC_ENTRY_SUM_14(n, hi, lo, need, m)                +SPEC_HALF(14, hi, lo)
#define SPEC_ENTRY_UNION_14(n, hi, lo, need, m)              | SPEC_HALF(14, hi, lo)
#define SPEC_ENTRY_SUM_15(n, hi, lo, need, m)                +SPEC_HALF(15, hi, lo)
#define SPEC_ENTRY_UNION_15(n, hi, lo, need, m)              | SPEC_HALF(15, hi, lo)
#endif

FIELDS(SPEC_ENTRY_ACCESSORS)

#define OFFSET         0
#define SPEC_TABLE_ROW SPEC_ENTRY_TABLE_ROW
#define SPEC_SUM_0     SPEC_ENTRY_SUM_0
#define SPEC_UNION_0   SPEC_ENTRY_UNION_0
#define SPEC_SUM_1     SPEC_ENTRY_SUM_1
#define SPEC_UNION_1   SPEC_ENTRY_UNION_1
#define SPEC_SUM_2     SPEC_ENTRY_SUM_2
#define SPEC_UNION_2   SPEC_ENTRY_UNION_2
#define SPEC_SUM_3     SPEC_ENTRY_SUM_3
#define SPEC_UNION_3   SPEC_ENTRY_UNION_3
#define SPEC_SUM_4     SPEC_ENTRY_SUM_4
#define SPEC_UNION_4   SPEC_ENTRY_UNION_4
#define SPEC_SUM_5     SPEC_ENTRY_SUM_5
#define SPEC_UNION_5   SPEC_ENTRY_UNION_5
#define SPEC_SUM_6     SPEC_ENTRY_SUM_6
#define SPEC_UNION_6   SPEC_ENTRY_UNION_6
#define SPEC_SUM_7     SPEC_ENTRY_SUM_7
#define SPEC_UNION_7   SPEC_ENTRY_UNION_7
#define SPEC_SUM_8     SPEC_ENTRY_SUM_8
#define SPEC_UNION_8   SPEC_ENTRY_UNION_8
#define SPEC_SUM_9     SPEC_ENTRY_SUM_9
#define SPEC_UNION_9   SPEC_ENTRY_UNION_9
#define SPEC_SUM_10    SPEC_ENTRY_SUM_10
#define SPEC_UNION_10  SPEC_ENTRY_UNION_10
#define SPEC_SUM_11    SPEC_ENTRY_SUM_11
#define SPEC_UNION_11  SPEC_ENTRY_UNION_11
#define SPEC_SUM_12    SPEC_ENTRY_SUM_12
#define SPEC_UNION_12  SPEC_ENTRY_UNION_12
#define SPEC_SUM_13    SPEC_ENTRY_SUM_13
#define SPEC_UNION_13  SPEC_ENTRY_UNION_13
#define SPEC_SUM_14    SPEC_ENTRY_SUM_14
#define SPEC_UNION_14  SPEC_ENTRY_UNION_14
#define SPEC_SUM_15    SPEC_ENTRY_SUM_15
#define SPEC_UNION_15  SPEC_ENTRY_UNION_15
#include "models/common/spec/expand.h"
#undef SPEC_TABLE_ROW
#undef SPEC_SUM_0
#undef SPEC_UNION_0
#undef SPEC_SUM_1
#undef SPEC_UNION_1
#undef SPEC_SUM_2
#undef SPEC_UNION_2
#undef SPEC_SUM_3
#undef SPEC_UNION_3
#undef SPEC_SUM_4
#undef SPEC_UNION_4
#undef SPEC_SUM_5
#undef SPEC_UNION_5
#undef SPEC_SUM_6
#undef SPEC_UNION_6
#undef SPEC_SUM_7
#undef SPEC_UNION_7
#undef SPEC_SUM_8
#undef SPEC_UNION_8
#undef SPEC_SUM_9
#undef SPEC_UNION_9
#undef SPEC_SUM_10
#undef SPEC_UNION_10
#undef SPEC_SUM_11
#undef SPEC_UNION_11
#undef SPEC_SUM_12
#undef SPEC_UNION_12
#undef SPEC_SUM_13
#undef SPEC_UNION_13
#undef SPEC_SUM_14
#undef SPEC_UNION_14
#undef SPEC_SUM_15
#undef SPEC_UNION_15
