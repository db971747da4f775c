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

/* ---- the table ---------------------------------------------------------------------------------------- */

#define NO_FLAW NULL, 0, NULL, 0, NULL
/* Something is wrong about it, but with no programming of hardware: verdicts tell, findings do not. */
#define VERDICTS(flaw) flaw, 0, NULL, 0, NULL
/* It takes what these machines and lives do not have. */
#define UNMET(flaw) flaw, 0, NULL, 0, NULL

/* clang-format off */
const struct life_policy life_policies[] = {
	{ "init", "load", V | A, VERDICTS("RELEASES init L: tried at load, and never later"), true },
	{ "no_iommu", "silent", V | A, VERDICTS("RELEASES none S: assigning without an IOMMU succeeds"), true },
	{ "no_iommu", "enxio", V | A, VERDICTS("RELEASES none X: unmapping without an IOMMU succeeds"), true },
	{ "init_failure", "silent", V | A, "PR 290155: nobody is told",
	    ONE(INIT_FAILED_SILENTLY), fails_to_start, 0, NULL, false },
	{ "host_pages", "remove", V | A, VERDICTS("D34607, PR 260178: host I/O for guests is lost"), true },
	{ "host_pages", "bounce", V | A, NO_FLAW, true }, /* not lost; a wild host device is blocked */
	/* a caller of iommu_add_device() finds the device in the host domain */
	{ "idle_ppt", "host", V | A, "D12661, PR 222937: idle devices reach the host",
	    ONE(DEVICE_OWNED_TWICE), borrows, 0, NULL, true },
	{ "order", "add-first", V | A, NO_FLAW, false },
	{ "reset", "none", V | A, VERDICTS("D7751: a device goes on with what its last guest told it"), false },
	{ "reset", "flr", V | A, VERDICTS("D15268: likewise, without FLR"), false },
	{ "command", "untouched", V | A, VERDICTS("PR 205549: what a guest did to it, the next one finds"), false },
	{ "command", "off-at-detach", V | A, VERDICTS("D12661: likewise"), false },
	{ "command", "switched", V | A, NO_FLAW, false },
	{ "memory", "low-only", V | A, UNMET("RELEASES 15.0: memory from 4 GiB is not mapped; needs guests over 3 GiB"), false },
	{ "flush", "host-then-guest", V | A, NO_FLAW, false }, /* what comes needs no invalidation (CM=0, NpCache=0) */
	{ "invalidate", "strict", V | A, NO_FLAW, false },
	{ "invalidate", "deferred", V | A, "IOMMU-DIV (DATE 2024): a window in which translations live on",
	    ONE(MISSING_INVALIDATION), waits, ONE(MISSING_WRITE_BUFFER_FLUSH), maps, true },
	{ "reach", "selective", V | A, NO_FLAW, false },
	{ "interface", "registers", V, "VT-d 6.5.1: units of version 6 have no invalidation registers",
	    ONE(SRTP_WITHOUT_FLUSH), starts_version_6_again, TWO(MISSING_INVALIDATION, DOMAIN_ID_REUSE), starts_version_6, true },
	{ "device_tlb", "forgotten", V, "pKVM-IA#84: devices keep translations of their own",
	    ONE(MISSING_INVALIDATION), ends_with_ats, 0, uses_ats, true },
	{ "write_buffer", "invalidations", V, "VT-d 6.8: what was added may be in a buffer",
	    ONE(MISSING_WRITE_BUFFER_FLUSH), uses_unflushed, 0, has_buffers, false },
	{ "leaves", "large", V | A, NO_FLAW, false },
	{ "leaves", "large-unsplit", V | A, "VMM_FACTS 5: what a large leaf maps is taken for a table",
	    ONE(LEAF_USED_AS_TABLE), makes_holes, ONE(NULL_TABLE_USED), maps, true },
	{ "hotplug", "nobody", V | A, VERDICTS("r305497: a function that comes is in no domain"), true },
	{ "unit_choice", "first", V, "r349184, PR 229852: one unit speaks for all",
	    ONE(UNSUPPORTED_CAPABILITY), promises, TWO(MISSING_INVALIDATION, FIRMWARE_RANGE_NOT_MAPPED), uses_ats, true },
	{ "scope", "start-bus", V, "VMM_FACTS 5: a device behind a bridge gets the wrong unit and the wrong TT",
	    ONE(UNSUPPORTED_CAPABILITY), misscopes, TWO(MISSING_INVALIDATION, FIRMWARE_RANGE_NOT_MAPPED), uses_ats, true },
	{ "table_walk", "until-other", V, VERDICTS("VMM_FACTS 3: units behind another structure are never turned on"), true },
	{ "regmap", "alone", V, UNMET("RELEASES: no unit has a scope; needs vtd.regmap.N.addr"), false },
	{ "units", "8", V, UNMET("RELEASES DRHD: needs nine units"), false },
	{ "units", "16", V, UNMET("RELEASES DRHD: needs seventeen units"), false },
	{ "gcmd", "bare", V, "VT-d 11.4.4.1: functions that were on go off",
	    ONE(GCMD_DROPS_BITS), drops_bits, TWO(SRTP_WITHOUT_FLUSH, MISSING_INVALIDATION) |
	    TWO(DOMAIN_ID_REUSE, POLL_NEVER_ENDS) | ONE(MISSING_WRITE_BUFFER_FLUSH), drops_perhaps, true },
	{ "owner", "unaware", V, "0f5116d7efe3: two drivers cannot coexist",
	    ONE(REGISTER_INVALIDATION_UNDER_QI), beside_another, TWO(SRTP_WITHOUT_FLUSH, MISSING_INVALIDATION) |
	    TWO(DOMAIN_ID_REUSE, POLL_NEVER_ENDS), beside_any, true },
	{ "api", "void", V | A, UNMET("RELEASES API v: needs a call of a backend that fails"), false },
	{ "host_errors", "ignored", V | A, UNMET("VMM_FACTS 5: needs a host domain that cannot be had"), false },
	{ "host_errors", "half-undone", V | A, UNMET("VMM_FACTS 5: likewise"), false },
	{ "violation", "panic", V | A, UNMET("VMM_FACTS 5: needs a broken precondition"), false },
	{ "amd_enable", "opt-in", A, VERDICTS("RELEASES AMD: off unless asked for, and that is said"), true },
	{ "amd_enable", "stub", A, VERDICTS("RELEASES AMD st: there is none, and that is said"), true },
	{ "amd_unit", "first", A, "D30827: the first unit is told what others keep",
	    ONE(MISSING_INVALIDATION), ends_elsewhere, TWO(FIRMWARE_RANGE_NOT_MAPPED, DOMAIN_ID_REUSE), several_units, true },
	{ "amd_unit", "skipped", A, UNMET("RELEASES AMD L: needs a device that no unit governs"), false },
	{ "amd_alias", "own", A, "AMD-Vi 5.2: the entry of an id that no request carries",
	    ONE(FIRMWARE_RANGE_NOT_MAPPED), region_by_alias, 0, NULL, true },
	{ "amd_firmware", "ignored", A, "AMD-Vi 5.2: what firmware needs mapped is not",
	    ONE(FIRMWARE_RANGE_NOT_MAPPED), region, 0, NULL, false },
	{ "amd_idle", "open", A, VERDICTS("AMD-Vi 2.2.2.1: devices that were never added pass untranslated"), true },
	{ "amd_remove", "left", A, "VMM_FACTS 5: entries lead to freed tables",
	    ONE(TABLE_FREED_WHILE_REACHABLE), ends, TWO(MISSING_INVALIDATION, DOMAIN_ID_REUSE) |
	    ONE(PRESENT_BEFORE_FIELDS), leaves, true },
	{ "amd_commands", "blind", A, UNMET("VMM_FACTS 5: needs more commands before it is on than the ring holds"), false },
	{ "amd_domain_id", "counted", A, UNMET("VMM_FACTS 5: ids come again after 65535"), false },
	{ "destroy", "nothing", V | A, NO_FLAW, false }, /* devices have left, and with them what was kept */
};
/* clang-format on */
const unsigned life_policy_count = sizeof(life_policies) / sizeof(*life_policies);

void life_profile(char *text, size_t size, const struct life_policy *policy)
{
	snprintf(text, size, "reference+%s=%s", policy->column, policy->value);
}
