/*
 * Counting (VT-d 10.3, 10.4): filters, counters that go up, and what an overflow does. What counts is
 * said where it happens.
 */
#include "models/vtd/performance.h"

#include "models/vtd/event.h"

/* PFM 3 is reserved: nothing passes. */
static bool pasid_passes(uint32_t filter, const struct vtd_performance_subject *subject)
{
	switch (vtd_PERFCNTR_PASIDFLTR_PFM(filter)) {
	case 0:
		return subject->has_pasid && subject->pasid == vtd_PERFCNTR_PASIDFLTR_PASID(filter);
	case 1:
		return subject->has_pasid;
	case 2:
		return !subject->has_pasid;
	default:
		return false;
	}
}

static bool filter_passes(
    unsigned filter, uint32_t value, const struct vtd_performance_subject *subject)
{
	switch (filter) {
	case VTD_FILTER_RID:
		return subject->rid == vtd_PERFCNTR_RIDFLTR_RID(value);
	case VTD_FILTER_DID:
		return subject->has_domain && subject->domain == vtd_PERFCNTR_DIDFLTR_DID(value);
	case VTD_FILTER_PASID:
		return pasid_passes(value, subject);
	case VTD_FILTER_AT:
		return (vtd_PERFCNTR_ATFLTR_AT(value) >> subject->address_type & 1) != 0;
	default:
		return subject->level > 0 &&
		    (vtd_PERFCNTR_PTLFLTR_PTL(value) >> (subject->level - 1) & 1) != 0;
	}
}

/* All enabled filters must let it through (10.4). */
static bool passes(const struct vtd_counter *counter, const struct vtd_performance_subject *subject)
{
	for (unsigned filter = 0; filter < VTD_FILTERS; filter++)
		if (vtd_counter_filters(counter, filter) &&
		    (subject == NULL || !filter_passes(filter, counter->filter[filter], subject)))
			return false;
	return true;
}

/* True: it rolled over (10.3.1). */
static bool increase(
    const struct vtd_performance *performance, struct vtd_counter *counter, uint64_t increment)
{
	const uint64_t mask = vtd_counter_mask(performance, counter);
	const bool over = increment > mask - counter->value;

	counter->value = (counter->value + increment) & mask;
	return over;
}

/* A counter overflowed: its status bit, and the event if that is configured and none is pending. */
static void overflow(struct vtd_unit *vtd, unsigned number)
{
	struct vtd_performance *performance = &vtd->performance;
	struct register_cell *status = &vtd->registers[VTD_PERFINTRSTS];

	performance->overflowed |= UINT64_C(1) << number;
	if (!vtd_PERFCNTRCFG_IO(performance->counter[number].configuration) ||
	    vtd_PERFINTRSTS_PIS(status->value))
		return;
	status->value |= vtd_PERFINTRSTS_PIS_bits(1);
	vtd_event_raise(vtd, VTD_EVENT_PERFORMANCE);
}

void vtd_performance_add(struct vtd_unit *vtd, uint32_t events,
    const struct vtd_performance_subject *subject, unsigned times)
{
	struct vtd_performance *performance = &vtd->performance;
	bool freezing = false;

	for (unsigned i = 0; i < performance->layout.count; i++) {
		struct vtd_counter *counter = &performance->counter[i];
		const uint32_t counted = counter->events & events;

		if (counted == 0 || !vtd_counter_enabled(counter) ||
		    vtd_counter_frozen(performance, i) || !passes(counter, subject))
			continue;
		if (!increase(
			performance, counter, (uint64_t)times * (unsigned)__builtin_popcount(counted)))
			continue;
		overflow(vtd, i);
		freezing |= vtd_PERFCNTRCFG_GFO(counter->configuration) != 0;
	}
	if (freezing) /* from the next event on: this one is everybody's */
		vtd_performance_freeze(vtd, true);
}

void vtd_performance_add_unlocked(struct vtd_unit *vtd, uint32_t events,
    const struct vtd_performance_subject *subject, unsigned times)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_add(vtd, events, subject, times);
	pthread_mutex_unlock(&vtd->unit.lock);
}
