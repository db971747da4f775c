/*
 * What each policy value does otherwise than `reference`: from RELEASES.md, VMM_FACTS.md, docs/findings and the
 * specifications, never from what the checker says of it.
 */
#include "property/lifecycle_policies.h"

#include <stdio.h>

#define V UINT32_C(1) /* VT-d */
#define A UINT32_C(2) /* AMD-Vi */

#define ONE(id)   (UINT64_C(1) << IOMMUSIM_FINDING_##id)
#define TWO(a, b) (ONE(a) | ONE(b))

/* ---- when a life exercises a flaw ------------------------------------------------------------------- */

#define WHEN(name, condition)                                                                          \
	static bool name(const struct life *life, const struct life_facts *facts)                      \
	{                                                                                              \
		(void)life;                                                                            \
		(void)facts;                                                                           \
		return condition;                                                                      \
	}

static bool some_write_buffer(const struct life_board *board)
{
	bool some = false;

	for (unsigned unit = 0; unit < board->unit_count; unit++)
		some |= board->write_buffer[unit];
	return some;
}

/* Does the first unit have device-TLBs, and another one not that governs anything? */
static bool first_promises_too_much(const struct life_board *board)
{
	bool lacking = false;

	for (unsigned place = 0; place < PLACES; place++)
		lacking |= !board->device_tlb[board->unit_of[place]];
	return board->device_tlb[0] && lacking;
}

WHEN(fails_to_start, life->board.hindrance != LIFE_NOTHING && facts->tried)
WHEN(beside_another,
    life->board.hindrance == LIFE_TAKEN && facts->tried && life->board.preset != LIFE_SAPPHIRE)
WHEN(beside_any, life->board.hindrance == LIFE_TAKEN && facts->tried)
WHEN(borrows, facts->borrowed > 0)
WHEN(starts_version_6, life->board.preset == LIFE_SAPPHIRE && facts->starts > 0)
/* A unit that has never been on has kept nothing: the first time there is nothing to forget. */
WHEN(starts_version_6_again, life->board.preset == LIFE_SAPPHIRE && facts->starts > 1)
WHEN(ends_with_ats, facts->ended_ats > 0 || facts->kept > 0)
WHEN(uses_ats, facts->done[OP_ATS] > 0)
WHEN(uses_unflushed, facts->unflushed > 0)
WHEN(has_buffers, some_write_buffer(&life->board))
WHEN(promises, facts->starts > 0 && first_promises_too_much(&life->board))
WHEN(misscopes, facts->misscoped > 0)
WHEN(drops_bits,
    starts_version_6(life, facts) ||
	(has_buffers(life, facts) && facts->starts > 0 && facts->flushes > 1))
WHEN(drops_perhaps, has_buffers(life, facts) || uses_ats(life, facts))
WHEN(makes_holes, facts->holes > 0)
WHEN(waits, facts->windows > 0)
WHEN(maps, facts->done[OP_MAP] > 0)
WHEN(ends_elsewhere, facts->ended_elsewhere > 0)
WHEN(several_units, life->board.unit_count > 1)
WHEN(region_by_alias, life->board.alias && life->board.region && facts->starts > 0)
WHEN(region, life->board.region && facts->starts > 0)
WHEN(ends, facts->ended > 0)
WHEN(leaves, facts->flushes > 1)
WHEN(reaches_high, facts->above > 0)
WHEN(has_regmap, life->board.regmap && life->board.hindrance == LIFE_NOTHING && facts->tried)
WHEN(beyond_8, facts->highest > 8)
WHEN(beyond_16, facts->highest > 16)
WHEN(overruns, facts->starts > 0 && life->board.crowd)
WHEN(is_refused, facts->refused > 0)
WHEN(forgets_the_hosts, life->board.hindrance == LIFE_UNGOVERNED && facts->tried)
WHEN(forgets_some, forgets_the_hosts(life, facts) || facts->refused > 0)

/* ---- the table ---------------------------------------------------------------------------------------- */

#define NO_FLAW NULL, 0, NULL, 0, NULL
/* Something is wrong about it, but with no programming of hardware: verdicts tell, findings do not. */
#define VERDICTS(flaw) flaw, 0, NULL, 0, NULL
/* Likewise, and what calls return or becomes of DMA is otherwise in each life that `when` says, made by `suit`. */
#define OTHERWISE(flaw, when, suit) flaw, 0, when, 0, NULL, true, suit

/* clang-format off */
const struct life_policy life_policies[] = {
	{ "init", "load", V | A, VERDICTS("RELEASES init L: tried at load, and never later"), true, NULL },
	{ "no_iommu", "silent", V | A, VERDICTS("RELEASES none S: assigning without an IOMMU succeeds"), true, NULL },
	{ "no_iommu", "enxio", V | A, VERDICTS("RELEASES none X: unmapping without an IOMMU succeeds"), true, NULL },
	{ "init_failure", "silent", V | A, "PR 290155: nobody is told",
	    ONE(INIT_FAILED_SILENTLY), fails_to_start, 0, NULL, false, NULL },
	{ "host_pages", "remove", V | A, VERDICTS("D34607, PR 260178: host I/O for guests is lost"), true, NULL },
	{ "host_pages", "bounce", V | A, NO_FLAW, true, NULL }, /* not lost; a wild host device is blocked */
	/* a caller of iommu_add_device() finds the device in the host domain */
	{ "idle_ppt", "host", V | A, "D12661, PR 222937: idle devices reach the host",
	    ONE(DEVICE_OWNED_TWICE), borrows, 0, NULL, true, NULL },
	{ "order", "add-first", V | A, NO_FLAW, false, NULL },
	{ "reset", "none", V | A, VERDICTS("D7751: a device goes on with what its last guest told it"), false, NULL },
	{ "reset", "flr", V | A, VERDICTS("D15268: likewise, without FLR"), false, NULL },
	{ "command", "untouched", V | A, VERDICTS("PR 205549: what a guest did to it, the next one finds"), false, NULL },
	{ "command", "off-at-detach", V | A, VERDICTS("D12661: likewise"), false, NULL },
	{ "command", "switched", V | A, NO_FLAW, false, NULL },
	{ "memory", "low-only", V | A, OTHERWISE("RELEASES 15.0: memory from 4 GiB is not mapped", reaches_high, life_suit_high_memory) },
	{ "flush", "host-then-guest", V | A, NO_FLAW, false, NULL }, /* what comes needs no invalidation (CM=0, NpCache=0) */
	{ "invalidate", "strict", V | A, NO_FLAW, false, NULL },
	{ "invalidate", "deferred", V | A, "IOMMU-DIV (DATE 2024): a window in which translations live on",
	    ONE(MISSING_INVALIDATION), waits, ONE(MISSING_WRITE_BUFFER_FLUSH), maps, true, NULL },
	{ "reach", "selective", V | A, NO_FLAW, false, NULL },
	{ "interface", "registers", V, "VT-d 6.5.1: units of version 6 have no invalidation registers",
	    ONE(SRTP_WITHOUT_FLUSH), starts_version_6_again, TWO(MISSING_INVALIDATION, DOMAIN_ID_REUSE), starts_version_6, true, NULL },
	{ "device_tlb", "forgotten", V, "pKVM-IA#84: devices keep translations of their own",
	    ONE(MISSING_INVALIDATION), ends_with_ats, 0, uses_ats, true, NULL },
	{ "write_buffer", "invalidations", V, "VT-d 6.8: what was added may be in a buffer",
	    ONE(MISSING_WRITE_BUFFER_FLUSH), uses_unflushed, 0, has_buffers, false, NULL },
	{ "leaves", "large", V | A, NO_FLAW, false, NULL },
	{ "leaves", "large-unsplit", V | A, "VMM_FACTS 5: what a large leaf maps is taken for a table",
	    ONE(LEAF_USED_AS_TABLE), makes_holes, ONE(NULL_TABLE_USED), maps, true, NULL },
	{ "tables", "dropped", V | A, NO_FLAW, false, NULL },
	{ "hotplug", "nobody", V | A, VERDICTS("r305497: a function that comes is in no domain"), true, NULL },
	{ "unit_choice", "first", V, "r349184, PR 229852: one unit speaks for all",
	    ONE(UNSUPPORTED_CAPABILITY), promises, TWO(MISSING_INVALIDATION, FIRMWARE_RANGE_NOT_MAPPED), uses_ats, true, NULL },
	{ "scope", "start-bus", V, "VMM_FACTS 5: a device behind a bridge gets the wrong unit and the wrong TT",
	    ONE(UNSUPPORTED_CAPABILITY), misscopes, TWO(MISSING_INVALIDATION, FIRMWARE_RANGE_NOT_MAPPED), uses_ats, true, NULL },
	{ "table_walk", "until-other", V, VERDICTS("VMM_FACTS 3: units behind another structure are never turned on"), true, NULL },
	{ "regmap", "alone", V, OTHERWISE("RELEASES: no unit has a scope", has_regmap, life_suit_regmap) },
	{ "units", "8", V, OTHERWISE("RELEASES DRHD: what the ninth governs is untranslated", beyond_8, life_suit_many_units) },
	{ "units", "16", V, OTHERWISE("RELEASES DRHD: likewise the seventeenth", beyond_16, life_suit_many_units) },
	{ "gcmd", "bare", V, "VT-d 11.4.4.1: functions that were on go off",
	    ONE(GCMD_DROPS_BITS), drops_bits, TWO(SRTP_WITHOUT_FLUSH, MISSING_INVALIDATION) |
	    TWO(DOMAIN_ID_REUSE, POLL_NEVER_ENDS) | ONE(MISSING_WRITE_BUFFER_FLUSH), drops_perhaps, true, NULL },
	{ "owner", "unaware", V, "0f5116d7efe3: two drivers cannot coexist",
	    ONE(REGISTER_INVALIDATION_UNDER_QI), beside_another, TWO(SRTP_WITHOUT_FLUSH, MISSING_INVALIDATION) |
	    TWO(DOMAIN_ID_REUSE, POLL_NEVER_ENDS), beside_any, true, NULL },
	{ "api", "void", V | A, OTHERWISE("RELEASES API v: a call that failed looks well", is_refused, life_suit_wrong) },
	{ "host_errors", "ignored", V | A, OTHERWISE("VMM_FACTS 5: translation is on, and a device of the host goes without", forgets_the_hosts, life_suit_ungoverned) },
	/* of a failure that is no missing unit: test_vmm_policies, in_15_0_a_host_domain_that_fails_... */
	{ "host_errors", "half-undone", V | A, OTHERWISE("VMM_FACTS 5: likewise", forgets_the_hosts, life_suit_ungoverned) },
	{ "violation", "panic", V | A, "VMM_FACTS 5: an address beyond the width aliases a low one",
	    ONE(ADDRESS_BEYOND_WIDTH), is_refused, 0, NULL, true, life_suit_wrong },
	{ "amd_enable", "opt-in", A, VERDICTS("RELEASES AMD: off unless asked for, and that is said"), true, NULL },
	{ "amd_enable", "stub", A, VERDICTS("RELEASES AMD st: there is none, and that is said"), true, NULL },
	{ "amd_unit", "first", A, "D30827: the first unit is told what others keep",
	    ONE(MISSING_INVALIDATION), ends_elsewhere, TWO(FIRMWARE_RANGE_NOT_MAPPED, DOMAIN_ID_REUSE), several_units, true, NULL },
	{ "amd_unit", "skipped", A, "RELEASES AMD L: a device that no unit governs counts as added",
	    ONE(DEVICE_OUT_OF_SCOPE), forgets_some, 0, NULL, true, life_suit_ungoverned },
	{ "amd_alias", "own", A, "AMD-Vi 5.2: the entry of an id that no request carries",
	    ONE(FIRMWARE_RANGE_NOT_MAPPED), region_by_alias, 0, NULL, true, NULL },
	{ "amd_firmware", "ignored", A, "AMD-Vi 5.2: what firmware needs mapped is not",
	    ONE(FIRMWARE_RANGE_NOT_MAPPED), region, 0, NULL, false, NULL },
	{ "amd_idle", "open", A, VERDICTS("AMD-Vi 2.2.2.1: devices that were never added pass untranslated"), true, NULL },
	{ "amd_remove", "left", A, "VMM_FACTS 5: entries lead to freed tables",
	    ONE(TABLE_FREED_WHILE_REACHABLE), ends, TWO(MISSING_INVALIDATION, DOMAIN_ID_REUSE) |
	    ONE(PRESENT_BEFORE_FIELDS), leaves, true, NULL },
	{ "amd_commands", "blind", A, "VMM_FACTS 5: more commands before it is on than the ring holds overrun it",
	    ONE(COMMAND_RING_OVERRUN), overruns, 0, NULL, true, life_suit_crowd },
	/* sixty-five thousand domains are too many for a life: test_vmm_amdvi, ids_come_again_while_a_domain_has_them */
	{ "amd_domain_id", "counted", A, VERDICTS("VMM_FACTS 5: ids come again after 65534, in use or not"), false, NULL },
	{ "destroy", "nothing", V | A, NO_FLAW, false, NULL }, /* devices have left, and with them what was kept */
};
/* clang-format on */
const unsigned life_policy_count = sizeof(life_policies) / sizeof(*life_policies);

void life_profile(char *text, size_t size, const struct life_policy *policy)
{
	snprintf(text, size, "reference+%s=%s", policy->column, policy->value);
}
