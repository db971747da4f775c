/*
 * The registers of performance counters (VT-d 11.4.13.12 to 11.4.13.23) wherever the unit has them, and
 * the commands about counters (10.5), which come in by enhanced_command.c. What a unit has is in
 * performance_config.c, the counting in performance_count.c.
 */
#include "models/vtd/performance.h"

/* --- what one counter can ------------------------------------------------------------------------------ */

/* The events of a group that a counter counts, as PERFCNTRCFG.ES has them. */
static uint64_t events_supported(
    const struct vtd_performance *performance, const struct vtd_counter *counter, unsigned group)
{
	uint64_t events = 0;

	if (!vtd_counter_has_own(counter))
		return group < IOMMUSIM_VTD_EVENT_GROUPS ? performance->events[group] : 0;
	for (unsigned i = 0; i < vtd_PERFCNTRCAP_EGCNT(counter->capability); i++)
		if (vtd_PERFCNTREVCAP_EGI(counter->own_events[i]) == group)
			events |= vtd_PERFCNTREVCAP_ES(counter->own_events[i]);
	return events;
}

static bool interrupts(const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	return (vtd_counter_has_own(counter) ? vtd_PERFCNTRCAP_IOS(counter->capability)
					     : vtd_PERFCAP_IOS(performance->capability)) != 0;
}

static bool freezes(const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	return (vtd_counter_has_own(counter) ? vtd_PERFCNTRCAP_GFS(counter->capability)
					     : vtd_PERFCAP_GFS(performance->capability)) != 0;
}

/* --- registers ----------------------------------------------------------------------------------------- */

enum block { NOWHERE, CONFIGURATION, FREEZE, OVERFLOW, COUNTER };

/* What is at an offset: which register, of which counter, and how many bytes into its block. */
struct place {
	enum block block;
	unsigned number;
	unsigned at;
};

static struct place find(const struct vtd_performance_layout *layout, uint64_t offset)
{
	const uint64_t configured = offset - layout->configuration;
	const uint64_t counted = offset - layout->counters;

	if (configured < (uint64_t)layout->count * VTD_CONFIGURATION_BYTES)
		return (struct place){ CONFIGURATION, (unsigned)(configured / VTD_CONFIGURATION_BYTES),
			(unsigned)(configured % VTD_CONFIGURATION_BYTES) };
	if (offset - layout->freeze < VTD_STATUS_BYTES)
		return (struct place){ FREEZE, 0, (unsigned)(offset - layout->freeze) };
	if (offset - layout->overflow < VTD_STATUS_BYTES)
		return (struct place){ OVERFLOW, 0, (unsigned)(offset - layout->overflow) };
	if (counted / layout->stride < layout->count && counted % layout->stride < VTD_COUNTER_BYTES)
		return (struct place){ COUNTER, (unsigned)(counted / layout->stride),
			(unsigned)(counted % layout->stride) };
	return (struct place){ .block = NOWHERE };
}

bool vtd_performance_has(const struct vtd_unit *vtd, uint64_t offset)
{
	return find(&vtd->performance.layout, offset).block != NOWHERE;
}

/* One half of a 64-bit register: the lower one at 0, the upper one at 4. */
static uint32_t half(uint64_t value, unsigned at)
{
	return (uint32_t)(value >> at * 8);
}

static uint64_t replace_half(uint64_t value, unsigned at, uint32_t half)
{
	return (value & ~(UINT64_C(0xffffffff) << at * 8)) | (uint64_t)half << at * 8;
}

/* The filters have their registers one after the other. */
static const struct {
	unsigned at;
	enum vtd_register_id id;
} filter_registers[VTD_FILTERS] = {
	[VTD_FILTER_RID] = { vtd_PERFCNTR_RIDFLTR_at, VTD_PERFCNTR_RIDFLTR },
	[VTD_FILTER_DID] = { vtd_PERFCNTR_DIDFLTR_at, VTD_PERFCNTR_DIDFLTR },
	[VTD_FILTER_PASID] = { vtd_PERFCNTR_PASIDFLTR_at, VTD_PERFCNTR_PASIDFLTR },
	[VTD_FILTER_AT] = { vtd_PERFCNTR_ATFLTR_at, VTD_PERFCNTR_ATFLTR },
	[VTD_FILTER_PTL] = { vtd_PERFCNTR_PTLFLTR_at, VTD_PERFCNTR_PTLFLTR },
};

static unsigned filter_at(unsigned at)
{
	unsigned filter = 0;

	while (filter < VTD_FILTERS && filter_registers[filter].at != at)
		filter++;
	return filter;
}

static bool has_filter(const struct vtd_performance *performance, unsigned filter)
{
	const uint64_t capability = performance->capability;
	const bool has[VTD_FILTERS] = {
		[VTD_FILTER_RID] = vtd_PERFCAP_RIDFS(capability) != 0,
		[VTD_FILTER_DID] = vtd_PERFCAP_DIDFS(capability) != 0,
		[VTD_FILTER_PASID] = vtd_PERFCAP_PASIDFS(capability) != 0,
		[VTD_FILTER_AT] = vtd_PERFCAP_ATFS(capability) != 0,
		[VTD_FILTER_PTL] = vtd_PERFCAP_PTLFS(capability) != 0,
	};

	return filter < VTD_FILTERS && has[filter];
}

static uint32_t read_configuration(const struct vtd_counter *counter, unsigned at)
{
	const unsigned filter = filter_at(at);
	const unsigned group = (at - vtd_PERFCNTREVCAP_at) / 4;

	if (at < 8)
		return half(counter->configuration, at);
	if (filter < VTD_FILTERS)
		return counter->filter[filter];
	if (at == vtd_PERFCNTRCAP_at)
		return counter->capability;
	return at >= vtd_PERFCNTREVCAP_at && group < IOMMUSIM_VTD_EVENT_GROUPS
	    ? counter->own_events[group]
	    : 0;
}

uint32_t vtd_performance_read(const struct vtd_unit *vtd, uint64_t offset)
{
	const struct vtd_performance *performance = &vtd->performance;
	const struct place place = find(&performance->layout, offset);

	switch (place.block) {
	case CONFIGURATION:
		return read_configuration(&performance->counter[place.number], place.at);
	case FREEZE:
		return half(performance->frozen, place.at);
	case OVERFLOW:
		return half(performance->overflowed, place.at);
	case COUNTER:
		return half(performance->counter[place.number].value, place.at);
	default:
		return 0;
	}
}

/*
 * Locked while the counter is enabled (Table 51). PTL is WO in the specification, the only field here
 * that is: it is kept and locked as its neighbours are. IO and GFO are kept on units without them too,
 * for only so can the check of 10.5 see them.
 */
static void write_configuration(
    struct vtd_unit *vtd, struct vtd_counter *counter, unsigned at, uint32_t value)
{
	const unsigned filter = filter_at(at);

	if (vtd_counter_enabled(counter))
		return;
	if (at < 8)
		counter->configuration = replace_half(counter->configuration, at, value) &
		    vtd->registers[VTD_PERFCNTRCFG].writable;
	else if (has_filter(&vtd->performance, filter))
		counter->filter[filter] =
		    value & (uint32_t)vtd->registers[filter_registers[filter].id].writable;
}

/* Bits beyond the width are ignored (10.3). */
static void write_counter(
    struct vtd_performance *performance, struct vtd_counter *counter, unsigned at, uint32_t value)
{
	if (vtd_counter_enabled(counter) && !vtd_PERFCAP_CWE(performance->capability))
		return;
	counter->value =
	    replace_half(counter->value, at, value) & vtd_counter_mask(performance, counter);
}

void vtd_performance_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value)
{
	struct vtd_performance *performance = &vtd->performance;
	const struct place place = find(&performance->layout, offset);
	struct vtd_counter *counter = &performance->counter[place.number];

	if (place.block == CONFIGURATION)
		write_configuration(vtd, counter, place.at, value);
	else if (place.block == OVERFLOW)
		performance->overflowed &= ~((uint64_t)value << place.at * 8);
	else if (place.block == COUNTER)
		write_counter(performance, counter, place.at, value);
}

/* --- commands ------------------------------------------------------------------------------------------ */

/* Say anew what DMA threads need to look at. */
static void set_wanted(struct vtd_performance *performance)
{
	uint32_t wanted = 0;

	for (unsigned i = 0; i < performance->layout.count; i++)
		if (vtd_counter_enabled(&performance->counter[i]) &&
		    !vtd_counter_frozen(performance, i))
			wanted |= performance->counter[i].events;
	atomic_store_explicit(&performance->wanted, wanted, memory_order_relaxed);
}

/* The events a configuration selects, numbered through. */
static uint32_t selected(uint64_t configuration)
{
	uint32_t events = 0;

	for (unsigned i = 0; i < VTD_PERFORMANCE_EVENTS; i++)
		if (vtd_performance_event_table[i].group == vtd_PERFCNTRCFG_EGI(configuration) &&
		    (vtd_PERFCNTRCFG_ES(configuration) >> vtd_performance_event_table[i].bit & 1) != 0)
			events |= UINT32_C(1) << i;
	return events;
}

/* One event may have filters, those that suit it (10.4, Table 49); several may have none. */
static bool filters_suit(const struct vtd_counter *counter, uint32_t events)
{
	unsigned enabled = 0;

	for (unsigned filter = 0; filter < VTD_FILTERS; filter++)
		if (vtd_counter_filters(counter, filter))
			enabled |= 1u << filter;
	if (enabled == 0)
		return true;
	for (unsigned i = 0; i < VTD_PERFORMANCE_EVENTS; i++)
		if (events == UINT32_C(1) << i)
			return (enabled & ~(unsigned)vtd_performance_event_table[i].filters) == 0;
	return false;
}

bool vtd_performance_enable(struct vtd_unit *vtd, uint64_t number)
{
	struct vtd_performance *performance = &vtd->performance;
	struct vtd_counter *counter;
	uint64_t configuration, wished;

	if (number >= performance->layout.count)
		return false;
	counter = &performance->counter[number];
	configuration = counter->configuration;
	wished = vtd_PERFCNTRCFG_ES(configuration);
	if (wished == 0 ||
	    (wished &
		~events_supported(
		    performance, counter, (unsigned)vtd_PERFCNTRCFG_EGI(configuration))) != 0)
		return false;
	if ((vtd_PERFCNTRCFG_IO(configuration) && !interrupts(performance, counter)) ||
	    (vtd_PERFCNTRCFG_GFO(configuration) && !freezes(performance, counter)))
		return false;
	if (!filters_suit(counter, selected(configuration)))
		return false;
	counter->events = selected(configuration);
	counter->configuration |= vtd_PERFCNTRCFG_EN_bits(1);
	set_wanted(performance);
	return true;
}

bool vtd_performance_disable(struct vtd_unit *vtd, uint64_t number)
{
	struct vtd_performance *performance = &vtd->performance;

	if (number >= performance->layout.count)
		return false;
	performance->counter[number].configuration &= ~vtd_PERFCNTRCFG_EN_bits(1);
	performance->frozen &= ~(UINT64_C(1) << number); /* 11.4.13.12 */
	set_wanted(performance);
	return true;
}

void vtd_performance_reset_configuration(struct vtd_unit *vtd)
{
	struct vtd_performance *performance = &vtd->performance;

	for (unsigned i = 0; i < performance->layout.count; i++) {
		performance->counter[i].configuration = 0;
		for (unsigned filter = 0; filter < VTD_FILTERS; filter++)
			performance->counter[i].filter[filter] = 0;
	}
	performance->frozen = 0;
	performance->overflowed = 0;
	set_wanted(performance);
}

void vtd_performance_reset_values(struct vtd_unit *vtd)
{
	for (unsigned i = 0; i < vtd->performance.layout.count; i++)
		vtd->performance.counter[i].value = 0;
}

void vtd_performance_reset(struct vtd_unit *vtd)
{
	vtd_performance_reset_configuration(vtd);
	vtd_performance_reset_values(vtd);
}

void vtd_performance_freeze(struct vtd_unit *vtd, bool on)
{
	struct vtd_performance *performance = &vtd->performance;
	const uint32_t count = performance->layout.count;

	performance->frozen = on && count != 0 ? SPEC_MASK(count - 1, 0) : 0;
	set_wanted(performance);
}
