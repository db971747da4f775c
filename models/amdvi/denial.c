/* What each reason to deny a DMA request comes to: its event, class and words. Who finds them out: tables.c. */
#include "models/amdvi/denial.h"

enum { PR = 1, PE = 2, RZ = 4, TYPE_SHIFT = 4 };

#define TYPE(n) ((n) << TYPE_SHIFT)

static const struct amdvi_denial_meaning meanings[] = {
#define DENIAL(name, event, flags, fault_class, where, words)                                          \
	[name] = {                                                                                     \
		.clause = "AMD-Vi " where,                                                             \
		.meaning = words,                                                                      \
		.code = AMDVI_##event,                                                                 \
		.class_ = IOMMUSIM_FAULT_##fault_class,                                                \
		.type = (flags) >> TYPE_SHIFT,                                                         \
		.present = ((flags)&PR) != 0,                                                          \
		.permission = ((flags)&PE) != 0,                                                       \
		.reserved = ((flags)&RZ) != 0,                                                         \
	},
#include "models/amdvi/spec/denials.def"
#undef DENIAL
};

const struct amdvi_denial_meaning *amdvi_denial(unsigned reason)
{
	return reason == ALLOWED ? NULL : &meanings[reason];
}
