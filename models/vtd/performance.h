/*
 * Performance monitoring (VT-d 10, 11.4.13): what happened is counted from anywhere; what a unit has, its
 * registers and its commands. The counters themselves are part of the unit (unit.h).
 */
#ifndef IOMMUSIM_VTD_PERFORMANCE_H
#define IOMMUSIM_VTD_PERFORMANCE_H

#include "models/vtd/unit.h"

/* --- what a unit has: performance_config.c ------------------------------------------------------------- */

/* What is wrong with the settings; NULL: nothing. */
const char *vtd_performance_problem(const struct iommusim_vtd_config *config);
/* Keep those settings; before the registers get their places. */
void vtd_performance_take(struct vtd_unit *vtd, const struct iommusim_vtd_config *config);
/* Give them their places. False: another register claims `*offset`. */
bool vtd_performance_place(struct vtd_unit *vtd, unsigned *offset);

#define VTD_CONFIGURATION_BYTES 0x100u /* a counter's share of the configuration (11.4.13.1) */
#define VTD_STATUS_BYTES        8u
#define VTD_COUNTER_BYTES       8u

/* How software chooses an event (Table 49). */
struct vtd_event_choice {
	uint8_t group;
	uint8_t bit;
	uint8_t filters; /* that may be used with it: bits by enum vtd_filter */
};
extern const struct vtd_event_choice vtd_performance_event_table[VTD_PERFORMANCE_EVENTS];

/* --- registers and commands: performance.c. Lock held --------------------------------------------------- */

void vtd_performance_reset(struct vtd_unit *vtd);
/* Is the doubleword at `offset` one of these registers? And an access to it. */
bool vtd_performance_has(const struct vtd_unit *vtd, uint64_t offset);
uint32_t vtd_performance_read(const struct vtd_unit *vtd, uint64_t offset);
void vtd_performance_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value);
/* The enhanced commands (VT-d Table 52). False: it failed its checks (10.5). */
bool vtd_performance_enable(struct vtd_unit *vtd, uint64_t number);
bool vtd_performance_disable(struct vtd_unit *vtd, uint64_t number);
void vtd_performance_reset_configuration(struct vtd_unit *vtd);
void vtd_performance_reset_values(struct vtd_unit *vtd);
void vtd_performance_freeze(struct vtd_unit *vtd, bool freeze);

/* --- counters, as registers, commands and counting see them ---------------------------------------------- */

static inline bool vtd_counter_enabled(const struct vtd_counter *counter)
{
	return vtd_PERFCNTRCFG_EN(counter->configuration) != 0;
}

static inline bool vtd_counter_frozen(const struct vtd_performance *performance, unsigned number)
{
	return (performance->frozen >> number & 1) != 0;
}

/* Is a filter on? Its bit is the same one in all of them. */
static inline bool vtd_counter_filters(const struct vtd_counter *counter, unsigned filter)
{
	return vtd_PERFCNTR_RIDFLTR_EN(counter->filter[filter]) != 0;
}

/* Has the counter capabilities of its own, instead of those of all? */
static inline bool vtd_counter_has_own(const struct vtd_counter *counter)
{
	return vtd_PERFCNTRCAP_PCC(counter->capability) != 0;
}

/* The bits a counter has. */
static inline uint64_t vtd_counter_mask(
    const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	const uint64_t width = vtd_counter_has_own(counter) ? vtd_PERFCNTRCAP_CW(counter->capability)
							    : vtd_PERFCAP_CW(performance->capability);

	return SPEC_MASK(width - 1, 0);
}

/* --- counting: performance_count.c ----------------------------------------------------------------------- */

/* Whom an event is about, as far as it is known: what filters look at. */
struct vtd_performance_subject {
	uint32_t domain;
	uint32_t pasid;
	uint16_t rid;
	uint8_t address_type; /* enum iommusim_dma_address_type, or VTD_HPT_PREFETCH */
	uint8_t level;        /* of the entry or page, from 1; 0: none */
	bool has_domain;
	bool has_pasid;
};

#define VTD_HPT_PREFETCH 4u /* bit of PERFCNTR_ATFLTR.AT */

/* Count `events`, a set, `times` times. `subject` may be NULL: then it passes no filter. Lock held. */
void vtd_performance_add(struct vtd_unit *vtd, uint32_t events,
    const struct vtd_performance_subject *subject, unsigned times);
/* The same without the lock. */
void vtd_performance_add_unlocked(struct vtd_unit *vtd, uint32_t events,
    const struct vtd_performance_subject *subject, unsigned times);

/*
 * Does nothing count? Translations that requesters keep for themselves are used without the unit, and
 * so uncounted: none may be handed out otherwise. Whoever asks has read the unit's generation before.
 */
static inline bool vtd_performance_idle(const struct vtd_unit *vtd)
{
	return atomic_load_explicit(&vtd->performance.wanted, memory_order_relaxed) == 0;
}

/* An event, and those that it always brings with it. */
static inline uint32_t vtd_performance_set(enum vtd_performance_event event)
{
	switch (event) {
	case VTD_PERFORMANCE_IOMMU_REQUESTS:
		return 1u << VTD_PERFORMANCE_IOMMU_REQUESTS | 1u << VTD_PERFORMANCE_IOMMU_CLOCKS |
		    1u << VTD_PERFORMANCE_TOTAL_OCCUPANCY;
	case VTD_PERFORMANCE_IOMMU_MRDS:
	case VTD_PERFORMANCE_IOMMU_ATOMIC_AD_UPDATE:
		return 1u << event | 1u << VTD_PERFORMANCE_MEM_OCCUPANCY;
	default:
		return 1u << event;
	}
}

/* Does some counter count the event? Where telling whom it is about costs something, ask before. */
static inline bool vtd_performance_wants(const struct vtd_unit *vtd, enum vtd_performance_event event)
{
	return (atomic_load_explicit(&vtd->performance.wanted, memory_order_relaxed) &
		   vtd_performance_set(event)) != 0;
}

/*
 * Something happened. Any thread; the first form without the unit's lock, the second with it. One
 * relaxed load and a branch as long as no counter is enabled for the event.
 */
static inline void vtd_performance_count_times(struct vtd_unit *vtd, enum vtd_performance_event event,
    const struct vtd_performance_subject *subject, unsigned times)
{
	if (vtd_performance_wants(vtd, event))
		vtd_performance_add_unlocked(vtd, vtd_performance_set(event), subject, times);
}

static inline void vtd_performance_count(struct vtd_unit *vtd, enum vtd_performance_event event,
    const struct vtd_performance_subject *subject)
{
	vtd_performance_count_times(vtd, event, subject, 1);
}

static inline void vtd_performance_count_locked(struct vtd_unit *vtd, enum vtd_performance_event event,
    const struct vtd_performance_subject *subject)
{
	if (vtd_performance_wants(vtd, event))
		vtd_performance_add(vtd, vtd_performance_set(event), subject, 1);
}

#endif
