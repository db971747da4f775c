/* Why a DMA request is denied: one number for each rule, and the event that reports it (spec/denials.def). */
#ifndef IOMMUSIM_AMDVI_DENIAL_H
#define IOMMUSIM_AMDVI_DENIAL_H

#include "models/amdvi/event.h"

enum amdvi_denial {
	ALLOWED = 0,
#define DENIAL(name, event, flags, class, clause, meaning) name,
#include "models/amdvi/spec/denials.def"
#undef DENIAL
};

/* What a reason stands for. */
struct amdvi_denial_meaning {
	const char *clause;
	const char *meaning;
	uint8_t code; /* enum amdvi_event_code */
	uint8_t class_;
	uint8_t type; /* of an invalid device request */
	bool present;
	bool permission;
	bool reserved;
};

/* NULL: ALLOWED. */
const struct amdvi_denial_meaning *amdvi_denial(unsigned reason);

#endif
