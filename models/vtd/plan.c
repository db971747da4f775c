/*
 * What all plain requests of a source meet the same: in legacy mode, where the second stage has no flags to set. Other
 * requests go through translate.c, each on its own.
 */
#include "machine/plan.h"

#include "models/vtd/performance.h"
#include "models/vtd/reason.h"
#include "models/vtd/tables.h"
#include "models/vtd/translate.h"

/* Is there nothing in registers that a request has to be asked about one by one? */
static bool registers_are_plain(const struct vtd_unit *vtd)
{
	return vtd->unit.settings.cache == IOMMUSIM_CACHE_NONE &&
	    vtd_GSTS_TES(atomic_load(&vtd->status)) && !atomic_load(&vtd->protecting) &&
	    vtd_performance_idle(vtd);
}

/* Root and context entry, as they were read. */
static bool add_entries(const struct vtd_unit *vtd, const struct walk_path *path, struct plan *plan)
{
	const struct memory *memory = &vtd->unit.machine->memory;

	if (path->count != PLAN_ENTRIES)
		return false;
	for (unsigned i = 0; i < PLAN_ENTRIES; i++)
		if (!plan_add_entry(
			plan, memory, i, path->steps[i].address, path->steps[i].raw, vtd->snoops))
			return false;
	return true;
}

bool vtd_plan(struct iommusim_unit *unit, const struct page_request *request, struct plan *plan)
{
	const struct vtd_unit *vtd = vtd_of(unit);
	struct vtd_source source = { .root = 0 };
	struct vtd_space space = { .stages = 0 };
	struct walk_path path;

	path.count = 0;
	if (!registers_are_plain(vtd) || vtd_check_mode(vtd, request, &source) != ALLOWED ||
	    vtd_RTADDR_TTM(source.root) != 0 ||
	    vtd_find_context(vtd, request, &source, &path) != ALLOWED ||
	    vtd_find_space(vtd, request, &source, &space, NULL) != ALLOWED)
		return false;
	if (space.stages != VTD_SECOND_STAGE || space.second_flags || space.io_rights ||
	    space.page_snoop || !add_entries(vtd, &path, plan) ||
	    !plan_set_tables(
		plan, &unit->machine->memory, space.second_table, space.second_levels, space.snoops))
		return false;
	plan->limit = UINT64_C(1) << vtd_second_stage_width(vtd, &space);
	plan->answer = (struct iommusim_translation){
		.domain = space.domain, .page_shift = IOMMUSIM_PAGE_SHIFT, .translated = true
	};

	plan->snooped_by = 0;
	vtd_ss_pte_set_SNP(&plan->snooped_by, vtd_ECAP_SC(vtd->ext_capability));
	memcpy(plan->plain, vtd->second_stage_plain, sizeof(plan->plain));
	return true;
}
