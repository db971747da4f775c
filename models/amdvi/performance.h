/*
 * Performance counters (AMD-Vi 2.8, 3.4): banks of them, what they count, and for whom. What happens is
 * counted from anywhere; a unit without EFR.PCSup has none.
 */
#ifndef IOMMUSIM_AMDVI_PERFORMANCE_H
#define IOMMUSIM_AMDVI_PERFORMANCE_H

#include "models/amdvi/unit.h"

/* What is counted, by its source number. */
enum amdvi_counted {
	AMDVI_COUNT_NOTHING = 0,
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
	AMDVI_COUNT_SMI_BLOCKED = 0x18,
	AMDVI_COUNT_LAST = AMDVI_COUNT_SMI_BLOCKED
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

/* Something happened, and some counter may want to know. `subject` may be NULL. Any thread. */
void amdvi_count_unlocked(struct amdvi_unit *amdvi, enum amdvi_counted what,
    const struct amdvi_subject *subject, unsigned times);

/* Does some counter count it? Where telling whom it is about costs something, ask before. Any thread. */
static inline bool amdvi_count_wanted(const struct amdvi_unit *amdvi, enum amdvi_counted what)
{
	return (atomic_load_explicit(&amdvi->counted, memory_order_relaxed) >> what & 1) != 0;
}

/*
 * Something happened `times` times. `subject` may be NULL: then no match register lets it pass. Any thread,
 * without the lock. One relaxed load and a branch while no counter counts it.
 */
static inline void amdvi_count(struct amdvi_unit *amdvi, enum amdvi_counted what,
    const struct amdvi_subject *subject, unsigned times)
{
	if (amdvi_count_wanted(amdvi, what))
		amdvi_count_unlocked(amdvi, what, subject, times);
}

/*
 * Does nothing count? Requesters may keep translations for themselves only then: they use them without the
 * unit, and so uncounted. Whoever asks has read the unit's generation before. Any thread.
 */
static inline bool amdvi_counting_idle(const struct amdvi_unit *amdvi)
{
	return atomic_load_explicit(&amdvi->counted, memory_order_relaxed) == 0;
}

/* Birth and death; ENOMEM. A reset, with the lock. */
enum iommusim_status amdvi_counters_create(struct amdvi_unit *amdvi, struct iommusim_machine *machine);
void amdvi_counters_destroy(struct amdvi_unit *amdvi, struct iommusim_machine *machine);
void amdvi_counters_reset(struct amdvi_unit *amdvi);

/* Is the doubleword at `offset` in the banks? And an access to one, with the lock. */
static inline bool amdvi_counters_have(const struct amdvi_unit *amdvi, uint64_t offset)
{
	return amdvi->counter != NULL && offset >= AMDVI_COUNTED_BYTES / 2;
}
uint32_t amdvi_counters_read(const struct amdvi_unit *amdvi, uint64_t offset);
/* True: something begins to be counted, and requesters' translations must be outdated. */
bool amdvi_counters_write(struct amdvi_unit *amdvi, uint64_t offset, uint32_t value);

#endif
