/*
 * What performance monitoring a unit has (VT-d 10.1, 10.2): the events, the capabilities and where the
 * registers are, from the settings it is born with; and settings that cannot be. What the registers do
 * is in performance.c.
 */
#include "models/vtd/performance.h"

#include "models/vtd/registers.h"

#define CONFIGURATION_FIRST 0x1000u
#define DEFAULT_PAGES_LOG   2u /* log2 of the pages the default counters need */
#define DEFAULT_COUNTERS    8u
#define DEFAULT_WIDTH       48u
#define WIDEST              64u

const struct vtd_event_choice vtd_performance_event_table[VTD_PERFORMANCE_EVENTS] = {
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
		if (vtd_performance_event_table[i].group == group)
			bits |= UINT32_C(1) << vtd_performance_event_table[i].bit;
	return bits;
}

static unsigned groups(void)
{
	return vtd_performance_event_table[VTD_PERFORMANCE_EVENTS - 1].group + 1u;
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
	    layout.configuration + layout.count * VTD_CONFIGURATION_BYTES);
	layout.overflow = chosen(config->performance_overflow_offset, layout.freeze + VTD_STATUS_BYTES);
	layout.counters = chosen(config->performance_counter_offset,
	    align_up(layout.overflow + VTD_STATUS_BYTES, layout.stride));
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
		{ layout->configuration, (uint64_t)layout->count * VTD_CONFIGURATION_BYTES },
		{ layout->freeze, VTD_STATUS_BYTES },
		{ layout->overflow, VTD_STATUS_BYTES },
	};
	const unsigned count = sizeof(blocks) / sizeof(*blocks);

	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = i + 1; j < count; j++)
			if (!apart(blocks[i].at, blocks[i].bytes, blocks[j].at, blocks[j].bytes))
				return false;
		for (unsigned n = 0; n < layout->count; n++)
			if (!apart(blocks[i].at, blocks[i].bytes,
				layout->counters + (uint64_t)n * layout->stride, VTD_COUNTER_BYTES))
				return false;
	}
	return true;
}

/* The first byte behind all of them. */
static uint64_t end_of(const struct vtd_performance_layout *layout)
{
	const uint64_t ends[] = {
		layout->configuration + (uint64_t)layout->count * VTD_CONFIGURATION_BYTES,
		layout->freeze + UINT64_C(8),
		layout->overflow + UINT64_C(8),
		layout->counters + (uint64_t)(layout->count - 1) * layout->stride + VTD_COUNTER_BYTES,
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
	if (layout.configuration % VTD_CONFIGURATION_BYTES != 0 ||
	    layout.freeze % VTD_STATUS_BYTES != 0 || layout.overflow % VTD_STATUS_BYTES != 0 ||
	    layout.counters % layout.stride != 0)
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
		vtd, *offset, layout->count * VTD_CONFIGURATION_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	*offset = layout->freeze;
	if (!vtd_register_claim(vtd, *offset, VTD_STATUS_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	*offset = layout->overflow;
	if (!vtd_register_claim(vtd, *offset, VTD_STATUS_BYTES, VTD_PERFORMANCE_SLOT))
		return false;
	for (unsigned n = 0; n < layout->count; n++) {
		*offset = layout->counters + n * layout->stride;
		if (!vtd_register_claim(vtd, *offset, VTD_COUNTER_BYTES, VTD_PERFORMANCE_SLOT))
			return false;
	}
	return true;
}
