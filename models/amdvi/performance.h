/* Performance counters: banks of them, what they count, and for whom (AMD-Vi 3.4, 2.8). */
#ifndef IOMMUSIM_AMDVI_PERFORMANCE_H
#define IOMMUSIM_AMDVI_PERFORMANCE_H

#include "models/amdvi/unit.h"

/* What is counted, by its source number. */
enum amdvi_counted {
	AMDVI_COUNT_UNTRANSLATED = 0x01,
	AMDVI_COUNT_PRETRANSLATED = 0x02,
	AMDVI_COUNT_EXCLUDED = 0x03,
	AMDVI_COUNT_ABORT = 0x04,
	AMDVI_COUNT_TOTAL = 0x05,
	AMDVI_COUNT_PTE_HIT = 0x06,
	AMDVI_COUNT_PTE_MISS = 0x07,
	AMDVI_COUNT_PDE_HIT = 0x08,
	AMDVI_COUNT_PDE_MISS = 0x09,
	AMDVI_COUNT_DTE_HIT = 0x0a,
	AMDVI_COUNT_DTE_MISS = 0x0b,
	AMDVI_COUNT_READS = 0x0c,
	AMDVI_COUNT_NESTED_READS = 0x0d,
	AMDVI_COUNT_GUEST_READS = 0x0e,
	AMDVI_COUNT_INTERRUPT_DTE_HIT = 0x0f,
	AMDVI_COUNT_INTERRUPT_DTE_MISS = 0x10,
	AMDVI_COUNT_COMMANDS = 0x11,
	AMDVI_COUNT_INVALIDATIONS = 0x12,
	AMDVI_COUNT_TLB_INVALIDATIONS = 0x13,
	AMDVI_COUNT_IGNORED_1FF8 = 0x14,
	AMDVI_COUNT_VAPIC_OTHER = 0x15,
	AMDVI_COUNT_VAPIC_GUEST = 0x16,
	AMDVI_COUNT_SMI_SEEN = 0x17,
	AMDVI_COUNT_SMI_BLOCKED = 0x18
};

/* Whom an event is about, as far as it is known: what the match registers look at. */
struct amdvi_subject {
	uint32_t pasid;
	uint16_t device;
	uint16_t domain;
	bool has_pasid;
	bool has_domain;
	bool has_device;
};

/* Something happened `times` times. Any thread, without the lock; cheap while nothing counts. */
void amdvi_count(struct amdvi_unit *amdvi, enum amdvi_counted what, const struct amdvi_subject *subject,
    unsigned times);
/* Does nothing count? Requesters may keep translations for themselves only then. Any thread. */
bool amdvi_counting_idle(const struct amdvi_unit *amdvi);

#endif
