/* The birth, reset and death of an AMD-Vi unit. What it can do is worked out in features.c. */
#include "models/amdvi/unit.h"

#include "models/amdvi/capability.h"
#include "models/amdvi/features.h"
#include "models/amdvi/interrupt.h"
#include "models/amdvi/invalidate.h"
#include "models/amdvi/performance.h"
#include "models/amdvi/programmed.h"
#include "models/amdvi/registers.h"
#include "models/amdvi/translate.h"
#include "models/amdvi/status.h"

static const struct unit_model amdvi_model;

/* The unit's caches, with what makes the seed of each its own. */
#define AMDVI_CACHES 4u
static struct cache *cache_at(struct amdvi_unit *amdvi, unsigned number)
{
	struct cache *const caches[AMDVI_CACHES] = { &amdvi->device_cache, &amdvi->iotlb,
		&amdvi->paging_cache, &amdvi->interrupt_cache };

	return caches[number];
}

static enum iommusim_status create_caches(struct amdvi_unit *amdvi, struct iommusim_machine *machine)
{
	static const uint64_t own_seed[AMDVI_CACHES] = { 0, UINT64_MAX, 0x3333333333333333,
		0x5555555555555555 };
	const struct iommusim_unit_settings *settings = &amdvi->unit.settings;
	const uint64_t seed = machine->seed ^ amdvi->unit.base;

	for (unsigned number = 0; number < AMDVI_CACHES; number++) {
		const enum iommusim_status status =
		    cache_create(cache_at(amdvi, number), machine, settings->cache,
			settings->iotlb_sets, settings->iotlb_ways, seed ^ own_seed[number]);

		if (status == IOMMUSIM_OK)
			continue;
		while (number > 0)
			cache_destroy(cache_at(amdvi, --number));
		return status;
	}
	return IOMMUSIM_OK;
}

static void destroy_caches(struct amdvi_unit *amdvi)
{
	for (unsigned number = 0; number < AMDVI_CACHES; number++)
		cache_destroy(cache_at(amdvi, number));
}

enum iommusim_status iommusim_amdvi_create(struct iommusim_machine *machine,
    const struct iommusim_amdvi_config *config, struct iommusim_unit **unit)
{
	const char *problem = amdvi_features_problem(config);
	struct amdvi_unit *amdvi;
	enum iommusim_status status;

	if (unit != NULL)
		*unit = NULL;
	if (problem != NULL)
		return machine_fail(machine, IOMMUSIM_EINVAL, "AMD-Vi unit at 0x%llx: %s",
		    (unsigned long long)config->base, problem);
	amdvi = machine_alloc_zeroed(machine, sizeof(*amdvi));
	if (amdvi == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for an AMD-Vi unit");
	amdvi_features_take(amdvi, config);
	amdvi->unit.model = &amdvi_model;
	amdvi->unit.off_bus = config->base_unlocked;
	amdvi_registers_place(amdvi);
	status = create_caches(amdvi, machine);
	if (status == IOMMUSIM_OK) {
		status = amdvi_counters_create(amdvi, machine);
		if (status == IOMMUSIM_OK)
			status = unit_register(machine, &amdvi->unit);
		if (status != IOMMUSIM_OK)
			destroy_caches(amdvi);
	}
	if (status != IOMMUSIM_OK) {
		amdvi_counters_destroy(amdvi, machine);
		machine_free(machine, amdvi, sizeof(*amdvi));
		return status;
	}
	iommusim_unit_reset(&amdvi->unit, true);
	if (unit != NULL)
		*unit = &amdvi->unit;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_amdvi_describe(
    const struct iommusim_unit *unit, struct iommusim_amdvi_config *config)
{
	const struct amdvi_unit *amdvi = amdvi_of_const(unit);
	const uint32_t *capability = amdvi->capability_reset;

	if (unit->model != &amdvi_model)
		return machine_fail(
		    unit->machine, IOMMUSIM_EINVAL, "describe: the unit is not an AMD-Vi unit");
	*config = (struct iommusim_amdvi_config){
		.base = unit->base,
		.segment = unit->segment,
		.rid = amdvi->rid,
		.features = amdvi->features,
		.features2 = amdvi->features2,
		.capability_header = capability[amdvi_CAP_HEADER_at / 4],
		.capability_range = capability[amdvi_CAP_RANGE_at / 4],
		.capability_misc0 = capability[amdvi_CAP_MISC0_at / 4],
		.capability_misc1 = capability[amdvi_CAP_MISC1_at / 4],
		.base_unlocked = !amdvi_CAP_BASE_LO_ENABLE(capability[amdvi_CAP_BASE_LO_at / 4]),
		.no_host_tables =
		    amdvi->host_levels == 0 && amdvi_EFR_HATS(amdvi->features) != AMDVI_NO_HATS,
		.counter_banks = amdvi->counter_banks,
		.counters = amdvi->counters,
		.revision = amdvi->revision,
		.choices = amdvi->choices,
		.settings = unit->settings,
	};
	return IOMMUSIM_OK;
}

/* Nothing of a unit survives a reset but what firmware wrote into its capability. */
static void amdvi_reset(struct iommusim_unit *unit, bool cold)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	iommusim_clock_cancel(unit->machine, amdvi);
	if (cold)
		amdvi_capability_reset(amdvi);
	pthread_mutex_lock(&unit->lock);
	amdvi->msi = (struct iommusim_amdvi_msi){ .enabled = false };
	amdvi->late_entry.waits = false;
	amdvi_registers_reset(amdvi);
	amdvi_counters_reset(amdvi);
	for (unsigned number = 0; number < AMDVI_CACHES; number++)
		cache_clear(cache_at(amdvi, number));
	unit_outdate(&amdvi->unit); /* no walk that is under way fills them again */
	pthread_mutex_unlock(&unit->lock);
	unit_settle(&amdvi->unit);
}

static void amdvi_destroy(struct iommusim_unit *unit)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	iommusim_clock_cancel(unit->machine, amdvi);
	destroy_caches(amdvi);
	amdvi_counters_destroy(amdvi, unit->machine);
	machine_free(unit->machine, amdvi, sizeof(*amdvi));
}

static bool amdvi_translating(const struct iommusim_unit *unit)
{
	return amdvi_CONTROL_IOMMU_EN(amdvi_control(amdvi_of_const(unit))) != 0;
}

static const struct unit_model amdvi_model = {
	.vendor = "AMD-Vi",
	.read = amdvi_read,
	.write = amdvi_write,
	.reset = amdvi_reset,
	.destroy = amdvi_destroy,
	.translate = amdvi_translate,
	.plan = amdvi_plan,
	.interrupt = amdvi_interrupt,
	.explain_interrupt = amdvi_explain_interrupt,
	.explain = amdvi_explain,
	.translating = amdvi_translating,
	.request_page = amdvi_request_page,
	.fault_event_masked = amdvi_event_masked,
	.roots = amdvi_roots,
	.reserved = amdvi_reserved,
};
