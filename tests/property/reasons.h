/*
 * A set of fault reasons: what may be reported when several conditions of VT-d 7.1.3 hold at once,
 * which the specification gives no order. Only the codes of paging entries, 58h to 97h.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_REASONS_H
#define IOMMUSIM_TESTS_PROPERTY_REASONS_H

#include <stdbool.h>
#include <stdint.h>

struct reasons {
	uint64_t bits;
};

static inline void reasons_add(struct reasons *reasons, unsigned reason)
{
	reasons->bits |= UINT64_C(1) << (reason - 0x58);
}

static inline bool reasons_hold(struct reasons reasons, unsigned reason)
{
	return reason >= 0x58 && reason <= 0x97 && (reasons.bits >> (reason - 0x58) & 1) != 0;
}

static inline bool reasons_none(struct reasons reasons)
{
	return reasons.bits == 0;
}

/* All of them are in `other`. */
static inline bool reasons_within(struct reasons reasons, struct reasons other)
{
	return (reasons.bits & ~other.bits) == 0;
}

#endif
