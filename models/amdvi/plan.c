/*
 * What all plain requests of a device meet the same: where it has host tables alone, without flags to set. Other
 * requests go through translate.c, each on its own.
 */
#include "machine/plan.h"

#include <string.h>

#include "models/amdvi/performance.h"
#include "models/amdvi/tables.h"
#include "models/amdvi/translate.h"

/* Is there nothing in registers that a request has to be asked about one by one? */
static bool registers_are_plain(const struct amdvi_unit *amdvi)
{
	const uint64_t control = amdvi_control(amdvi);

	return amdvi->unit.settings.cache == IOMMUSIM_CACHE_NONE && amdvi_CONTROL_IOMMU_EN(control) &&
	    !amdvi_CONTROL_MARC_EN(control) &&
	    !amdvi_EXCL_BASE_EX_EN(atomic_load(&amdvi->exclusion_base)) && amdvi_counting_idle(amdvi) &&
	    !amdvi_snp(amdvi);
}

/* One device table entry, in halves. */
static bool add_entries(
    const struct amdvi_unit *amdvi, const struct amdvi_device *device, struct plan *plan)
{
	const struct memory *memory = &amdvi->unit.machine->memory;

	for (unsigned i = 0; i < PLAN_ENTRIES; i++)
		if (!plan_add_entry(plan, memory, i, device->address + i * UINT64_C(16),
			device->dte + (size_t)i * 2, amdvi_snoops(amdvi)))
			return false;
	return true;
}

/* The entry's own rights are known by kinds of requests: what it forbids is not planned. */
static void take_tables(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct plan *plan)
{
	const unsigned width = 12 + 9u * space->host_levels;

	memcpy(plan->plain, amdvi->host_plain, sizeof(plan->plain));
	for (unsigned kind = 0; kind < PLAN_KINDS; kind++)
		if ((rights_needed(kind) & ~(unsigned)space->rights) != 0)
			page_plain_forbid(&plan->plain[kind]);
	plan->limit = amdvi_first_special_address();
	if (plan->limit >> width != 0)
		plan->limit = UINT64_C(1) << width;
	plan->answer = (struct iommusim_translation){
		.domain = space->domain, .page_shift = IOMMUSIM_PAGE_SHIFT, .translated = true
	};

	plan->snooped_by = 0;
}

bool amdvi_plan(struct iommusim_unit *unit, const struct page_request *request, struct plan *plan)
{
	const struct amdvi_unit *amdvi = amdvi_of(unit);
	struct iommusim_dma_page page = { .address = request->address };
	unsigned rights = RIGHT_READ | RIGHT_WRITE, reason;
	struct amdvi_device device;
	struct amdvi_space space;
	enum amdvi_ending ending;

	if (!registers_are_plain(amdvi) || amdvi_device_load(amdvi, request->rid, &device) != ALLOWED ||
	    amdvi_ends_at_device(amdvi, request, &device, &page, &rights, &reason, &ending) ||
	    amdvi_find_space(amdvi, request, &device, &space) != ALLOWED)
		return false;
	if (space.guest || space.host_levels == 0 || space.host_levels == AMDVI_HOST_LEVELS ||
	    space.host_accessed || space.host_dirty || !add_entries(amdvi, &device, plan) ||
	    !plan_set_tables(
		plan, &unit->machine->memory, space.host_table, space.host_levels, space.snoops))
		return false;
	take_tables(amdvi, &space, plan);
	return true;
}
