/* Findings that a write to a register of an AMD-Vi unit brings about. */
#include "check/state.h"
#include "models/amdvi/spec/amdvi.h"

#define COMMAND_BYTES 16u

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(struct iommusim_unit *unit, uint64_t offset)
{
	return unit->model->read(unit, offset, 8);
}

/*
 * The tail moves over commands that wait, up to one before the head: where it goes further, commands that
 * the unit has not fetched are overwritten, and as many are left as lie between them by chance (AMD-Vi 2.4).
 */
static void check_tail(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t size = (uint64_t)COMMAND_BYTES
	    << amdvi_CMD_BASE_LEN(peek(unit, amdvi_CMD_BASE_at));
	const uint64_t head = amdvi_CMD_HEAD_PTR(peek(unit, amdvi_CMD_HEAD_at)) * COMMAND_BYTES;
	const uint64_t tail = amdvi_CMD_TAIL_PTR(peek(unit, amdvi_CMD_TAIL_at)) * COMMAND_BYTES;
	const uint64_t next = amdvi_CMD_TAIL_PTR(value) * COMMAND_BYTES;
	const uint64_t waiting = (tail - head) & (size - 1), added = (next - tail) & (size - 1);

	if (waiting + added < size)
		return;
	/* A buffer that is off is emptied by setting both pointers, the head first: nothing was queued. */
	if (next == head && added != COMMAND_BYTES &&
	    amdvi_STATUS_CMD_BUF_RUN(peek(unit, amdvi_STATUS_at)) == 0)
		return;
	check_finding(check, IOMMUSIM_FINDING_COMMAND_RING_OVERRUN,
	    "moved the command tail of the unit at 0x%llx to 0x%llx, past the head at 0x%llx: %llu commands "
	    "were waiting, and the buffer has room for %llu%s",
	    (unsigned long long)unit->base, (unsigned long long)next, (unsigned long long)head,
	    (unsigned long long)(waiting / COMMAND_BYTES),
	    (unsigned long long)(size / COMMAND_BYTES - 1),
	    amdvi_STATUS_CMD_BUF_RUN(peek(unit, amdvi_STATUS_at))
		? ""
		: ". The unit fetches none: CmdBufRun=0");
}

/* ---- capabilities that the unit lacks ------------------------------------------------------------ */

static void check_control(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t efr = peek(unit, amdvi_EFR_at);
	const struct {
		uint64_t asked;
		uint64_t there;
		const char *name, *needs;
	} features[] = {
		{ amdvi_CONTROL_PPR_LOG_EN(value), amdvi_EFR_PPRSUP(efr), "PPRLogEn", "EFR.PPRSup" },
		{ amdvi_CONTROL_PPR_EN(value), amdvi_EFR_PPRSUP(efr), "PPREn", "EFR.PPRSup" },
		{ amdvi_CONTROL_GT_EN(value), amdvi_EFR_GTSUP(efr), "GTEn", "EFR.GTSup" },
		{ amdvi_CONTROL_GA_EN(value), amdvi_EFR_GASUP(efr), "GAEn", "EFR.GASup" },
		{ amdvi_CONTROL_XT_EN(value), amdvi_EFR_XTSUP(efr), "XTEn", "EFR.XTSup" },
		{ amdvi_CONTROL_EPH_EN(value), amdvi_EFR_EPHSUP(efr), "EPHEn", "EFR.EPHSup" },
		{ amdvi_CONTROL_MARC_EN(value), amdvi_EFR_MARCSUP(efr), "MarcEn", "EFR.MarcSup" },
		{ amdvi_CONTROL_DEV_TBL_SEG_EN(value), amdvi_EFR_DEV_TBL_SEG_SUP(efr), "DevTblSegEn",
		    "EFR.DevTblSegSup" },
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (features[i].asked != 0 && features[i].there == 0)
			check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
			    "wrote CONTROL=0x%llx to the unit at 0x%llx: %s needs %s, which the unit lacks, "
			    "and has no effect. Ask for the feature first",
			    (unsigned long long)value, (unsigned long long)unit->base, features[i].name,
			    features[i].needs);
}

/* Commands that only units with a feature know (AMD-Vi 2.4): others stop at them with an event. */
static void check_command(
    struct iommusim_check *check, struct iommusim_unit *unit, uint64_t address, uint64_t efr)
{
	static const struct {
		unsigned opcode;
		const char *name, *needs;
	} commands[] = {
		{ 6, "PREFETCH_IOMMU_PAGES", "EFR.PreFSup" },
		{ 7, "COMPLETE_PPR_REQUEST", "EFR.PPRSup" },
		{ 8, "INVALIDATE_IOMMU_ALL", "EFR.IASup" },
	};
	const bool there[] = { amdvi_EFR_PREFSUP(efr) != 0, amdvi_EFR_PPRSUP(efr) != 0,
		amdvi_EFR_IASUP(efr) != 0 };
	uint64_t command[2];

	if (iommusim_memory_read(check->machine, address, command, sizeof(command)) != IOMMUSIM_OK)
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (amdvi_cmd_header_OPCODE(command) == commands[i].opcode && !there[i])
			check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
			    "queued %s at 0x%llx for the unit at 0x%llx: it needs %s, which the unit lacks. "
			    "The unit stops there with ILLEGAL_COMMAND_ERROR and fetches nothing more",
			    commands[i].name, (unsigned long long)address,
			    (unsigned long long)unit->base, commands[i].needs);
}

/* What lies between the old tail and the new one. */
static void check_commands(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t base = peek(unit, amdvi_CMD_BASE_at), efr = peek(unit, amdvi_EFR_at);
	const uint64_t size = (uint64_t)COMMAND_BYTES << amdvi_CMD_BASE_LEN(base);
	const uint64_t next = amdvi_CMD_TAIL_PTR(value) * COMMAND_BYTES;
	uint64_t at = amdvi_CMD_TAIL_PTR(peek(unit, amdvi_CMD_TAIL_at)) * COMMAND_BYTES;

	for (uint64_t done = 0; at != next && done < size; done += COMMAND_BYTES) {
		check_command(
		    check, unit, (amdvi_CMD_BASE_BASE(base) << IOMMUSIM_PAGE_SHIFT) + at, efr);
		at = (at + COMMAND_BYTES) & (size - 1);
	}
}

/* Levels of host tables that EFR.HATS says (AMD-Vi 3.4). */
#define FIRST_LEVELS 4u
#define NO_LEVELS    3u

bool check_amdvi_entry(
    struct iommusim_check *check, struct iommusim_unit *unit, const struct shadow_entry *entry)
{
	const uint64_t hats = amdvi_EFR_HATS(peek(unit, amdvi_EFR_at));
	uint64_t levels;
	char name[64];

	if (entry->table != UNIT_DEVICE)
		return true;
	levels = amdvi_dte_MODE(entry->now);
	if (levels == 0 || (hats != NO_LEVELS && levels <= FIRST_LEVELS + hats))
		return true;
	check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
	    "the %s says Mode=%llu (0x%016llx): tables of so many levels need another EFR.HATS than the unit "
	    "at 0x%llx has (%llu). The device's DMA faults; ask the features of that unit",
	    check_entry_name(entry, name, sizeof(name)), (unsigned long long)levels,
	    (unsigned long long)entry->now[0], (unsigned long long)unit->base,
	    (unsigned long long)hats);
	return false;
}

/* ---- the event log ------------------------------------------------------------------------------- */

bool check_amdvi_overflowed(struct iommusim_unit *unit)
{
	const uint64_t status = peek(unit, amdvi_STATUS_at);

	return amdvi_STATUS_EVENT_OVERFLOW(status) != 0 || amdvi_STATUS_EVENTB_OVERFLOW(status) != 0;
}

/* The tail of the event log is read by who wants to know of events. */
bool check_amdvi_is_log(struct iommusim_unit *unit, uint64_t offset)
{
	(void)unit;
	return offset == amdvi_EVENT_TAIL_at || offset == amdvi_EVENTB_TAIL_at;
}

void check_amdvi_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	/* The upper half of the tail holds nothing, nor does that of CONTROL which is asked for here. */
	if (offset == amdvi_CMD_TAIL_at) {
		check_tail(check, unit, value);
		check_commands(check, unit, value);
	}
	if (offset == amdvi_CONTROL_at)
		check_control(check, unit,
		    width == 8 ? value
			       : (peek(unit, amdvi_CONTROL_at) & ~(uint64_t)UINT32_MAX) | value);
}
