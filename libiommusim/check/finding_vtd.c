/* Findings that a write to a register of a VT-d unit brings about. */
#include <stdio.h>

#include "check/state.h"
#include "models/vtd/spec/vtd.h"

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(struct iommusim_unit *unit, uint64_t offset)
{
	return unit->model->read(unit, offset, 4);
}

/* "TE (translation), QIE (queued invalidation)": what was turned off. */
static const char *level_names(uint64_t bits, char *text, size_t size)
{
	const struct {
		bool off;
		const char *words;
	} levels[] = {
		{ vtd_GCMD_TE(bits) != 0, "TE (translation)" },
		{ vtd_GCMD_EAFL(bits) != 0, "EAFL (advanced fault log)" },
		{ vtd_GCMD_QIE(bits) != 0, "QIE (queued invalidation)" },
		{ vtd_GCMD_IRE(bits) != 0, "IRE (interrupt remapping)" },
		{ vtd_GCMD_CFI(bits) != 0, "CFI (interrupts of the compatibility format)" },
	};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (levels[i].off && used < size)
			used += (size_t)snprintf(
			    text + used, size - used, "%s%s", used == 0 ? "" : ", ", levels[i].words);
	return text;
}

/*
 * Each write to GCMD restates every level bit and changes one (VT-d 11.4.4.1). Turning exactly one
 * function off, and asking for nothing else, is how that is done; all else that drops bits is a slip.
 */
static void check_gcmd(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t levels = vtd_GCMD_TE_bits(1) | vtd_GCMD_EAFL_bits(1) | vtd_GCMD_QIE_bits(1) |
	    vtd_GCMD_IRE_bits(1) | vtd_GCMD_CFI_bits(1);
	const uint64_t on = peek(unit, vtd_GSTS_at) & levels;
	const uint64_t dropped = on & ~value, asked = value & ~on;
	char names[160];

	if (dropped == 0 || ((dropped & (dropped - 1)) == 0 && asked == 0))
		return;
	check_finding(check, IOMMUSIM_FINDING_GCMD_DROPS_BITS,
	    "wrote GCMD=0x%08llx to the unit at 0x%llx: this turned off %s. GCMD cannot be read back: keep "
	    "a copy of the bits that are on, and write them together with the command, here 0x%08llx",
	    (unsigned long long)value, (unsigned long long)unit->base,
	    level_names(dropped, names, sizeof(names)), (unsigned long long)(value | dropped));
}

static void check_register_invalidation(
    struct iommusim_check *check, struct iommusim_unit *unit, const char *name)
{
	if (!vtd_GSTS_QIES(peek(unit, vtd_GSTS_at)))
		return;
	check_finding(check, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI,
	    "wrote %s of the unit at 0x%llx while queued invalidation is on: the request is not "
	    "carried out",
	    name, (unsigned long long)unit->base);
}

/* The top 32 bits of a 64-bit register hold its command bit. */
static bool starts(uint64_t offset, unsigned width, uint64_t value, unsigned at, uint64_t bit)
{
	if (width == 8)
		return offset == at && (value & bit) != 0;
	return offset == at + 4 && (value << 32 & bit) != 0;
}

/* ---- capabilities that the unit lacks ------------------------------------------------------------ */

static void check_command_bits(struct iommusim_check *check, const struct iommusim_unit *unit,
    uint64_t cap, uint64_t ecap, uint64_t value)
{
	const struct {
		uint64_t bits;
		bool there;
		const char *name, *needs;
	} commands[] = {
		{ vtd_GCMD_QIE_bits(1), vtd_ECAP_QI(ecap) != 0, "QIE", "ECAP.QI" },
		{ vtd_GCMD_IRE_bits(1), vtd_ECAP_IR(ecap) != 0, "IRE", "ECAP.IR" },
		{ vtd_GCMD_SIRTP_bits(1), vtd_ECAP_IR(ecap) != 0, "SIRTP", "ECAP.IR" },
		{ vtd_GCMD_EAFL_bits(1), vtd_CAP_AFL(cap) != 0, "EAFL", "CAP.AFL" },
		{ vtd_GCMD_SFL_bits(1), vtd_CAP_AFL(cap) != 0, "SFL", "CAP.AFL" },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if ((value & commands[i].bits) != 0 && !commands[i].there)
			check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
			    "wrote GCMD=0x%08llx to the unit at 0x%llx: %s needs %s, which the unit lacks, "
			    "and is ignored: its status never comes. Ask for the capability first",
			    (unsigned long long)value, (unsigned long long)unit->base, commands[i].name,
			    commands[i].needs);
}

#define RESERVED_CODE "a later specification (the code is reserved)"

/* The mode that SRTP is about to latch. */
static void check_root_mode(
    struct iommusim_check *check, struct iommusim_unit *unit, uint64_t ecap, uint64_t value)
{
	const uint64_t root = unit->model->read(unit, vtd_RTADDR_at, 8);
	const uint64_t mode = vtd_RTADDR_TTM(root);

	if (!vtd_GCMD_SRTP(value) || mode == 0 || (mode == 1 && vtd_ECAP_SMTS(ecap)) ||
	    (mode == 3 && vtd_ECAP_ADMS(ecap)))
		return;
	check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
	    "SRTP latches RTADDR=0x%llx of the unit at 0x%llx: TTM=%llu needs %s, which the unit lacks. "
	    "Every request faults",
	    (unsigned long long)root, (unsigned long long)unit->base, (unsigned long long)mode,
	    mode == 1       ? "ECAP.SMTS (scalable mode)"
		: mode == 3 ? "ECAP.ADMS (abort-DMA mode)"
			    : RESERVED_CODE);
}

/* What an entry asks for by a code: the sentence about it, and what it needs; NULL: nothing is amiss. */
struct lack {
	const char *code;
	uint64_t value;
	const char *needs;
};

static struct lack lack_of_width(uint64_t cap, uint64_t width)
{
	const bool there = width < 5 && (vtd_CAP_SAGAW(cap) >> width & 1) != 0;

	return (struct lack){ "AW", width, there ? NULL : "its bit in CAP.SAGAW" };
}

/* Translation types of a context entry (VT-d 9.3). */
static struct lack lack_of_context(uint64_t cap, uint64_t ecap, const uint64_t *entry)
{
	const uint64_t type = vtd_context_entry_TT(entry);

	if (type == 1 && !vtd_ECAP_DT(ecap))
		return (struct lack){ "TT", type, "ECAP.DT (device-TLBs)" };
	if (type == 2 && !vtd_ECAP_PT(ecap))
		return (struct lack){ "TT", type, "ECAP.PT (pass-through)" };
	if (type == 3)
		return (struct lack){ "TT", type, RESERVED_CODE };
	return type == 2 ? (struct lack){ .needs = NULL }
			 : lack_of_width(cap, vtd_context_entry_AW(entry));
}

/* Types of a PASID-table entry (VT-d 9.6): 1 first stage, 2 second stage, 3 nested, 4 pass-through. */
static struct lack lack_of_pasid(uint64_t cap, uint64_t ecap, const uint64_t *entry)
{
	const uint64_t type = vtd_pasid_entry_PGTT(entry);

	if ((type == 1 || type == 3) && !vtd_ECAP_FSTS(ecap))
		return (struct lack){ "PGTT", type, "ECAP.FSTS (first stage)" };
	if ((type == 2 || type == 3) && !vtd_ECAP_SSTS(ecap))
		return (struct lack){ "PGTT", type, "ECAP.SSTS (second stage)" };
	if (type == 3 && !vtd_ECAP_NEST(ecap))
		return (struct lack){ "PGTT", type, "ECAP.NEST (nested translation)" };
	if (type == 4 && !vtd_ECAP_PT(ecap))
		return (struct lack){ "PGTT", type, "ECAP.PT (pass-through)" };
	if (type == 0 || type > 4)
		return (struct lack){ "PGTT", type, RESERVED_CODE };
	return type == 2 || type == 3 ? lack_of_width(cap, vtd_pasid_entry_AW(entry))
				      : (struct lack){ .needs = NULL };
}

bool check_vtd_entry(
    struct iommusim_check *check, struct iommusim_unit *unit, const struct shadow_entry *entry)
{
	const uint64_t cap = unit->model->read(unit, vtd_CAP_at, 8);
	const uint64_t ecap = unit->model->read(unit, vtd_ECAP_at, 8);
	struct lack lack = { .needs = NULL };
	char name[64];

	if (entry->table == UNIT_CONTEXT)
		lack = lack_of_context(cap, ecap, entry->now);
	else if (entry->table == UNIT_PASID)
		lack = lack_of_pasid(cap, ecap, entry->now);
	if (lack.needs == NULL)
		return true;
	check_finding(check, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY,
	    "the %s says %s=%llu (0x%016llx 0x%016llx): that needs %s, and the unit at 0x%llx, which governs "
	    "the device, lacks it. Its DMA faults; ask the capabilities of that unit",
	    check_entry_name(entry, name, sizeof(name)), lack.code, (unsigned long long)lack.value,
	    (unsigned long long)entry->now[0], (unsigned long long)entry->now[1], lack.needs,
	    (unsigned long long)unit->base);
	return false;
}

/* ---- the fault log ------------------------------------------------------------------------------- */

bool check_vtd_overflowed(struct iommusim_unit *unit)
{
	const uint64_t status = peek(unit, vtd_FSTS_at);

	return vtd_FSTS_PFO(status) != 0 || vtd_FSTS_AFO(status) != 0;
}

/* FSTS, AFLOG and the fault recording registers are read by who wants to know of faults. */
bool check_vtd_is_log(struct iommusim_unit *unit, uint64_t offset)
{
	const uint64_t cap = unit->model->read(unit, vtd_CAP_at, 8);
	const uint64_t records = vtd_CAP_FRO(cap) * 16;

	return offset == vtd_FSTS_at || offset == vtd_AFLOG_at ||
	    (offset >= records && offset < records + (vtd_CAP_NFR(cap) + 1) * 16);
}

void check_vtd_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	const uint64_t iotlb = vtd_ECAP_IRO(peek(unit, vtd_ECAP_at)) * 16 + vtd_IOTLB_at;

	if (offset == vtd_GCMD_at) {
		check_gcmd(check, unit, value & UINT32_MAX);
		check_command_bits(check, unit, unit->model->read(unit, vtd_CAP_at, 8),
		    unit->model->read(unit, vtd_ECAP_at, 8), value & UINT32_MAX);
		check_root_mode(
		    check, unit, unit->model->read(unit, vtd_ECAP_at, 8), value & UINT32_MAX);
	}
	if (starts(offset, width, value, vtd_CCMD_at, vtd_CCMD_ICC_bits(1)))
		check_register_invalidation(check, unit, "CCMD");
	if (starts(offset, width, value, (unsigned)iotlb, vtd_IOTLB_IVT_bits(1)))
		check_register_invalidation(check, unit, "IOTLB");
}
