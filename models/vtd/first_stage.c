/*
 * The first stage (VT-d 3.6), and the nested one, in which every address that the first stage comes by goes
 * through the second stage (3.8): what VT-d makes of the walk of models/common/first_stage.h.
 */
#include "models/common/first_stage.h"

#include "models/vtd/reason.h"
#include "models/vtd/tables.h"

/* What first_stage_walk() gets back with each address that the second stage is to translate. */
struct below {
	const struct vtd_unit *vtd;
	const struct vtd_space *space;
	const struct page_request *request;
};

/* Why a walk faults (VT-d 7.1.3: SFS, SGN; SSS below the first stage). */
static const struct first_stage_reasons reasons = {
	.not_canonical = SGN_1,
	.unreadable_top = SFS_4,
	.unreadable = SFS_1,
	.not_present = SFS_2,
	.reserved = SFS_3,
	.user = SGN_2,
	.write = SGN_6,
	.table_denied_top = SFS_6,
	.table_denied = SFS_7,
	.flag_denied = SFS_8,
	.flag_unsnooped = SFS_9,
	.flag_unwritable = SFS_10,
	.second_unsnooped = SSS_5,
	.second_unwritable = SSS_6,
};

static const struct first_stage_structures structures = {
	.leaf = { [1] = &vtd_fs_pte_spec, [2] = &vtd_fs_leaf2m_spec, [3] = &vtd_fs_leaf1g_spec },
	.table = &vtd_fs_table_spec,
	.upper = &vtd_fs_upper_spec,
};

/* Entries hold guest addresses, which the second stage must be wide enough for (Table 30, SFS.5). */
static unsigned through_second(void *context, struct stage_walk *through)
{
	const struct below *below = context;

	if (through->address >> vtd_second_stage_width(below->vtd, below->space) != 0)
		return SFS_5;
	return vtd_walk_second_stage(below->vtd, below->space, below->request, through);
}

/* Entries that were used are accessed, the leaf of a write dirty (VT-d 3.6.2), at both stages. */
static void set_flags(const struct vtd_space *space, struct first_stage *stage)
{
	uint64_t accessed = 0, extended = 0, dirty = 0, second_accessed = 0, second_dirty = 0;

	vtd_fs_pte_set_A(&accessed, 1);
	vtd_fs_pte_set_EA(&extended, 1);
	vtd_fs_pte_set_D(&dirty, 1);
	vtd_ss_pte_set_A(&second_accessed, 1);
	vtd_ss_pte_set_D(&second_dirty, 1);
	stage->accessed = accessed | (space->extended_flag ? extended : 0);
	stage->dirty = dirty;
	stage->ignored = accessed | extended | dirty;
	stage->second_dirty = space->second_flags ? second_dirty : 0;
	stage->second_ignored = second_accessed | second_dirty;
}

unsigned vtd_walk_first_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct stage_walk *asked)
{
	struct below below = { .vtd = vtd, .space = space, .request = request };
	struct first_stage stage = {
		.memory = &vtd->unit.machine->memory,
		.reserved = &vtd->first_stage_reserved,
		.reasons = &reasons,
		.structures = &structures,
		.second = through_second,
		.context = &below,
		.table = space->first_table,
		.levels = space->first_levels,
		/* the write right too where second-stage flags are kept (VT-d 3.8.1) */
		.table_rights = (uint8_t)(PAGE_READ | (space->second_flags ? PAGE_WRITE : 0)),
		.nested = space->stages == VTD_NESTED,
		.snoops = space->snoops,
		.privileged = space->privileged,
		.write_protect = space->write_protect,
		.write_early = vtd->choices.rights_at_each_level,
	};
	unsigned reason;

	set_flags(space, &stage);
	reason = first_stage_walk(&stage, asked);
	asked->clean |= asked->second_clean;
	return reason;
}
