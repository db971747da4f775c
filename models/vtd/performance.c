/*
 * Performance monitoring (VT-d 10, 11.4.13): the counters, their registers wherever the unit has them, and
 * the counting. What counts is said where it happens; the commands come in by enhanced_command.c.
 */
#include "models/vtd/unit.h"

#define CONFIGURATION_BYTES 0x100u /* a counter's share of the configuration (11.4.13.1) */
#define CONFIGURATION_FIRST 0x1000u
#define STATUS_BYTES        8u
#define COUNTER_BYTES       8u
#define DEFAULT_PAGES_LOG   2u /* log2 of the pages the default counters need */
#define DEFAULT_COUNTERS    8u
#define DEFAULT_WIDTH       48u
#define WIDEST              64u

struct event {
	uint8_t group;
	uint8_t bit;
	uint8_t filters; /* that may be used with it: bits by enum vtd_filter */
};

static const struct event event_table[VTD_PERFORMANCE_EVENTS] = {
#define EVENT(group, bit, name, rid, did, pasid, at, ptl, when)                                        \
	{ group, bit,                                                                                  \
		(rid) << VTD_FILTER_RID | (did) << VTD_FILTER_DID | (pasid) << VTD_FILTER_PASID |      \
		    (at) << VTD_FILTER_AT | (ptl) << VTD_FILTER_PTL },
#include "models/vtd/spec/performance_events.def"
#undef EVENT
};

/* --- what a unit has ---------------------------------------------------------------------------------- */

/* The events of a group that there are (Table 49), as PERFEVNTCAP.ES has them. */
static uint32_t events_of_group(unsigned group)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < VTD_PERFORMANCE_EVENTS; i++)
		if (event_table[i].group == group)
			bits |= UINT32_C(1) << event_table[i].bit;
	return bits;
}

static unsigned groups(void)
{
	return event_table[VTD_PERFORMANCE_EVENTS - 1].group + 1u;
}

static bool says_events(const struct iommusim_vtd_config *config)
{
	for (unsigned group = 0; group < IOMMUSIM_VTD_EVENT_GROUPS; group++)
		if (config->performance_events[group] != 0)
			return true;
	return false;
}

static uint64_t default_capability(void)
{
	return vtd_PERFCAP_NCNTR_bits(DEFAULT_COUNTERS) | vtd_PERFCAP_CW_bits(DEFAULT_WIDTH) |
	    vtd_PERFCAP_EGCNT_bits(groups()) | vtd_PERFCAP_RIDFS_bits(1) | vtd_PERFCAP_DIDFS_bits(1) |
	    vtd_PERFCAP_PASIDFS_bits(1) | vtd_PERFCAP_ATFS_bits(1) | vtd_PERFCAP_PTLFS_bits(1) |
	    vtd_PERFCAP_CWE_bits(1) | vtd_PERFCAP_GFS_bits(1) | vtd_PERFCAP_IOS_bits(1);
}

/* PERFCAP of a unit with these settings. */
static uint64_t capability_of(const struct iommusim_vtd_config *config)
{
	uint64_t capability = config->performance_capability;

	if (!vtd_ECAP_PMS(config->ext_capability))
		return 0;
	if (capability == 0 && config->register_size >= DEFAULT_PAGES_LOG)
		capability = default_capability();
	return capability | vtd_PERFCAP_ONES_bits(UINT64_MAX);
}

static uint32_t align_up(uint32_t offset, uint32_t unit)
{
	return (offset + unit - 1) / unit * unit;
}

static uint32_t chosen(uint32_t said, uint32_t otherwise)
{
	return said != 0 ? said : otherwise;
}

static struct vtd_performance_layout layout_of(const struct iommusim_vtd_config *config)
{
	const uint64_t capability = capability_of(config);
	struct vtd_performance_layout layout = {
		.count = (uint32_t)vtd_PERFCAP_NCNTR(capability),
		.stride = UINT32_C(1) << (vtd_PERFCAP_CS(capability) + 10),
	};

	if (layout.count == 0)
		return layout;
	layout.configuration = chosen(config->performance_config_offset, CONFIGURATION_FIRST);
	layout.freeze = chosen(config->performance_freeze_offset,
	    layout.configuration + layout.count * CONFIGURATION_BYTES);
	layout.overflow = chosen(config->performance_overflow_offset, layout.freeze + STATUS_BYTES);
	layout.counters = chosen(config->performance_counter_offset,
	    align_up(layout.overflow + STATUS_BYTES, layout.stride));
	return layout;
}

/* --- settings that cannot be --------------------------------------------------------------------------- */

static uint64_t described(const struct spec_structure *spec)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < spec->field_count; i++)
		bits |= SPEC_MASK(spec->fields[i].high, spec->fields[i].low);
	return bits;
}

static bool says_anything(const struct iommusim_vtd_config *config)
{
	return config->performance_capability != 0 || says_events(config) ||
	    config->performance_counters != NULL || config->performance_config_offset != 0 ||
	    config->performance_freeze_offset != 0 || config->performance_overflow_offset != 0 ||
	    config->performance_counter_offset != 0;
}

static const char *capability_problem(uint64_t capability)
{
	if ((capability & ~described(&vtd_PERFCAP_spec)) != 0)
		return "reserved bits of PERFCAP are set";
	if (vtd_PERFCAP_NCNTR(capability) > VTD_COUNTERS)
		return "PERFCAP.NCNTR is more than 64";
	if (vtd_PERFCAP_NCNTR(capability) != 0 &&
	    (vtd_PERFCAP_CW(capability) == 0 || vtd_PERFCAP_CW(capability) > WIDEST))
		return "PERFCAP.CW must be 1 to 64 bits";
	if (vtd_PERFCAP_EGCNT(capability) > IOMMUSIM_VTD_EVENT_GROUPS)
		return "PERFCAP.EGCNT is more than 15";
	return NULL;
}

static const char *events_problem(const struct iommusim_vtd_config *config, uint64_t capability)
{
	for (unsigned group = 0; group < IOMMUSIM_VTD_EVENT_GROUPS; group++) {
		const uint64_t events = config->performance_events[group];

		if (events != 0 && group >= vtd_PERFCAP_EGCNT(capability))
			return "there are performance events for a group beyond PERFCAP.EGCNT";
		if ((events & ~(uint64_t)events_of_group(group)) != 0)
			return "PERFEVNTCAP has an event that the specification does not define";
	}
	return NULL;
}

static const char *counter_problem(const struct iommusim_vtd_counter *counter)
{
	const uint32_t capability = counter->capability;
	const uint64_t width = vtd_PERFCNTRCAP_CW(capability);

	if ((capability & ~described(&vtd_PERFCNTRCAP_spec)) != 0)
		return "reserved bits of PERFCNTRCAP are set";
	if (!vtd_PERFCNTRCAP_PCC(capability))
		return NULL;
	if (width == 0 || width > WIDEST)
		return "PERFCNTRCAP.CW must be 1 to 64 bits";
	for (unsigned i = 0; i < vtd_PERFCNTRCAP_EGCNT(capability); i++) {
		const unsigned group = (unsigned)vtd_PERFCNTREVCAP_EGI(counter->events[i]);

		if ((vtd_PERFCNTREVCAP_ES(counter->events[i]) & ~(uint64_t)events_of_group(group)) != 0)
			return "PERFCNTREVCAP has an event that the specification does not define";
	}
	return NULL;
}

static const char *counters_problem(const struct iommusim_vtd_config *config, uint64_t capability)
{
	const bool own = vtd_PERFCAP_PCCS(capability) && vtd_PERFCAP_NCNTR(capability) != 0;
	const char *problem = NULL;

	if (own != (config->performance_counters != NULL))
		return own ? "PERFCAP.PCCS needs the capabilities of each counter"
			   : "capabilities of each counter need PERFCAP.PCCS";
	for (unsigned i = 0; own && problem == NULL && i < vtd_PERFCAP_NCNTR(capability); i++)
		problem = counter_problem(&config->performance_counters[i]);
	return problem;
}

/* Do two ranges of bytes share none? */
static bool apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a + a_bytes <= b || b + b_bytes <= a;
}

static bool all_apart(const struct vtd_performance_layout *layout)
{
	const struct {
		uint64_t at, bytes;
	} blocks[] = {
		{ layout->configuration, (uint64_t)layout->count * CONFIGURATION_BYTES },
		{ layout->freeze, STATUS_BYTES },
		{ layout->overflow, STATUS_BYTES },
	};
	const unsigned count = sizeof(blocks) / sizeof(*blocks);

	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = i + 1; j < count; j++)
			if (!apart(blocks[i].at, blocks[i].bytes, blocks[j].at, blocks[j].bytes))
				return false;
		for (unsigned n = 0; n < layout->count; n++)
			if (!apart(blocks[i].at, blocks[i].bytes,
				layout->counters + (uint64_t)n * layout->stride, COUNTER_BYTES))
				return false;
	}
	return true;
}

/* The first byte behind all of them. */
static uint64_t end_of(const struct vtd_performance_layout *layout)
{
	const uint64_t ends[] = {
		layout->configuration + (uint64_t)layout->count * CONFIGURATION_BYTES,
		layout->freeze + UINT64_C(8),
		layout->overflow + UINT64_C(8),
		layout->counters + (uint64_t)(layout->count - 1) * layout->stride + COUNTER_BYTES,
	};
	uint64_t end = 0;

	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		end = ends[i] > end ? ends[i] : end;
	return end;
}

static const char *layout_problem(const struct iommusim_vtd_config *config)
{
	const struct vtd_performance_layout layout = layout_of(config);

	if (layout.count == 0)
		return NULL;
	if (layout.configuration % CONFIGURATION_BYTES != 0 || layout.freeze % STATUS_BYTES != 0 ||
	    layout.overflow % STATUS_BYTES != 0 || layout.counters % layout.stride != 0)
		return "an offset of performance registers is not aligned";
	if (end_of(&layout) > IOMMUSIM_PAGE_SIZE << config->register_size)
		return "performance registers are beyond the register set";
	return all_apart(&layout) ? NULL : "two performance registers share a place";
}

const char *vtd_performance_problem(const struct iommusim_vtd_config *config)
{
	const uint64_t capability = capability_of(config);
	const char *problem;

	if (!vtd_ECAP_PMS(config->ext_capability))
		return says_anything(config) ? "performance counters need ECAP.PMS" : NULL;
	if (!vtd_CAP_ECMDS(config->capability))
		return "ECAP.PMS needs CAP.ECMDS";
	problem = capability_problem(capability);
	if (problem == NULL)
		problem = events_problem(config, capability);
	if (problem == NULL)
		problem = counters_problem(config, capability);
	return problem == NULL ? layout_problem(config) : problem;
}

/* --- birth --------------------------------------------------------------------------------------------- */

void vtd_performance_take(struct vtd_unit *vtd, const struct iommusim_vtd_config *config)
{
	struct vtd_performance *performance = &vtd->performance;
	const struct iommusim_vtd_counter *own = config->performance_counters;
	const bool said = says_events(config);

	performance->capability = capability_of(config);
	performance->layout = layout_of(config);
	for (unsigned group = 0; group < vtd_PERFCAP_EGCNT(performance->capability); group++)
		performance->events[group] =
		    said ? (uint32_t)config->performance_events[group] : events_of_group(group);
	for (unsigned i = 0; own != NULL && i < performance->layout.count; i++) {
		performance->counter[i].capability = own[i].capability;
		for (unsigned n = 0; n < vtd_PERFCNTRCAP_EGCNT(own[i].capability); n++)
			performance->counter[i].own_events[n] = own[i].events[n];
	}
}

bool vtd_performance_place(struct vtd_unit *vtd, unsigned *offset)
{
	const struct vtd_performance_layout *layout = &vtd->performance.layout;

	if (layout->count == 0)
		return true;
	*offset = layout->configuration;
	if (!vtd_register_claim(
		vtd, *offset, layout->count * CONFIGURATION_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	*offset = layout->freeze;
	if (!vtd_register_claim(vtd, *offset, STATUS_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	*offset = layout->overflow;
	if (!vtd_register_claim(vtd, *offset, STATUS_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	for (unsigned n = 0; n < layout->count; n++) {
		*offset = layout->counters + n * layout->stride;
		if (!vtd_register_claim(vtd, *offset, COUNTER_BYTES, VTD_PERFORMANCE_SLOT))
			return false;
	}
	return true;
}

/* --- what one counter can ------------------------------------------------------------------------------ */

static bool has_own(const struct vtd_counter *counter)
{
	return vtd_PERFCNTRCAP_PCC(counter->capability) != 0;
}

/* The bits a counter has. */
static uint64_t width_mask(const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	const uint64_t width = has_own(counter) ? vtd_PERFCNTRCAP_CW(counter->capability)
						: vtd_PERFCAP_CW(performance->capability);

	return SPEC_MASK(width - 1, 0);
}

/* The events of a group that a counter counts, as PERFCNTRCFG.ES has them. */
static uint64_t events_supported(
    const struct vtd_performance *performance, const struct vtd_counter *counter, unsigned group)
{
	uint64_t events = 0;

	if (!has_own(counter))
		return group < IOMMUSIM_VTD_EVENT_GROUPS ? performance->events[group] : 0;
	for (unsigned i = 0; i < vtd_PERFCNTRCAP_EGCNT(counter->capability); i++)
		if (vtd_PERFCNTREVCAP_EGI(counter->own_events[i]) == group)
			events |= vtd_PERFCNTREVCAP_ES(counter->own_events[i]);
	return events;
}

static bool interrupts(const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	return (has_own(counter) ? vtd_PERFCNTRCAP_IOS(counter->capability)
				 : vtd_PERFCAP_IOS(performance->capability)) != 0;
}

static bool freezes(const struct vtd_performance *performance, const struct vtd_counter *counter)
{
	return (has_own(counter) ? vtd_PERFCNTRCAP_GFS(counter->capability)
				 : vtd_PERFCAP_GFS(performance->capability)) != 0;
}

static bool is_enabled(const struct vtd_counter *counter)
{
	return vtd_PERFCNTRCFG_EN(counter->configuration) != 0;
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

	if (layout->count == 0)
		return (struct place){ NOWHERE, 0, 0 };
	if (configured < (uint64_t)layout->count * CONFIGURATION_BYTES)
		return (struct place){ CONFIGURATION, (unsigned)(configured / CONFIGURATION_BYTES),
			(unsigned)(configured % CONFIGURATION_BYTES) };
	if (offset - layout->freeze < STATUS_BYTES)
		return (struct place){ FREEZE, 0, (unsigned)(offset - layout->freeze) };
	if (offset - layout->overflow < STATUS_BYTES)
		return (struct place){ OVERFLOW, 0, (unsigned)(offset - layout->overflow) };
	if (counted / layout->stride < layout->count && counted % layout->stride < COUNTER_BYTES)
		return (struct place){ COUNTER, (unsigned)(counted / layout->stride),
			(unsigned)(counted % layout->stride) };
	return (struct place){ NOWHERE, 0, 0 };
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

	if (is_enabled(counter))
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
	if (is_enabled(counter) && !vtd_PERFCAP_CWE(performance->capability))
		return;
	counter->value = replace_half(counter->value, at, value) & width_mask(performance, counter);
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

static bool is_frozen(const struct vtd_performance *performance, unsigned number)
{
	return (performance->frozen >> number & 1) != 0;
}

/* Say anew what DMA threads need to look at. */
static void set_wanted(struct vtd_performance *performance)
{
	uint32_t wanted = 0;

	for (unsigned i = 0; i < performance->layout.count; i++)
		if (is_enabled(&performance->counter[i]) && !is_frozen(performance, i))
			wanted |= performance->counter[i].events;
	atomic_store_explicit(&performance->wanted, wanted, memory_order_relaxed);
}

/* The events a configuration selects, numbered through. */
static uint32_t selected(uint64_t configuration)
{
	uint32_t events = 0;

	for (unsigned i = 0; i < VTD_PERFORMANCE_EVENTS; i++)
		if (event_table[i].group == vtd_PERFCNTRCFG_EGI(configuration) &&
		    (vtd_PERFCNTRCFG_ES(configuration) >> event_table[i].bit & 1) != 0)
			events |= UINT32_C(1) << i;
	return events;
}

static bool filter_enabled(const struct vtd_counter *counter, unsigned filter)
{
	return vtd_PERFCNTR_RIDFLTR_EN(counter->filter[filter]) != 0; /* the same bit in all of them */
}

/* One event may have filters, those that suit it (10.4, Table 49); several may have none. */
static bool filters_suit(const struct vtd_counter *counter, uint32_t events)
{
	unsigned enabled = 0;

	for (unsigned filter = 0; filter < VTD_FILTERS; filter++)
		if (filter_enabled(counter, filter))
			enabled |= 1u << filter;
	if (enabled == 0)
		return true;
	for (unsigned i = 0; i < VTD_PERFORMANCE_EVENTS; i++)
		if (events == UINT32_C(1) << i)
			return (enabled & ~(unsigned)event_table[i].filters) == 0;
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

static void freeze(struct vtd_performance *performance, bool on)
{
	const uint32_t count = performance->layout.count;

	performance->frozen = on && count != 0 ? SPEC_MASK(count - 1, 0) : 0;
	set_wanted(performance);
}

void vtd_performance_freeze(struct vtd_unit *vtd, bool on)
{
	freeze(&vtd->performance, on);
}

/* --- counting ------------------------------------------------------------------------------------------ */

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
		if (filter_enabled(counter, filter) &&
		    (subject == NULL || !filter_passes(filter, counter->filter[filter], subject)))
			return false;
	return true;
}

/* True: it rolled over (10.3.1). */
static bool increase(
    const struct vtd_performance *performance, struct vtd_counter *counter, uint64_t increment)
{
	const uint64_t mask = width_mask(performance, counter);
	const bool over = increment > mask - counter->value;

	counter->value = (counter->value + increment) & mask;
	return over;
}

/* A counter overflowed: its status bit, and the event if that is configured and none is pending. */
static void overflow(struct vtd_unit *vtd, unsigned number)
{
	struct vtd_performance *performance = &vtd->performance;
	struct vtd_register *status = &vtd->registers[VTD_PERFINTRSTS];

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

		if (counted == 0 || !is_enabled(counter) || is_frozen(performance, i) ||
		    !passes(counter, subject))
			continue;
		if (!increase(
			performance, counter, (uint64_t)times * (unsigned)__builtin_popcount(counted)))
			continue;
		overflow(vtd, i);
		freezing |= vtd_PERFCNTRCFG_GFO(counter->configuration) != 0;
	}
	if (freezing) /* from the next event on: this one is everybody's */
		freeze(performance, true);
}

void vtd_performance_add_unlocked(struct vtd_unit *vtd, uint32_t events,
    const struct vtd_performance_subject *subject, unsigned times)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_add(vtd, events, subject, times);
	pthread_mutex_unlock(&vtd->unit.lock);
}
