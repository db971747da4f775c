/* Findings that a write to a register of a VT-d unit brings about. */
#include <stdio.h>

#include "check/state.h"
#include "models/vtd/spec/vtd.h"

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(struct iommusim_unit *unit, uint64_t offset)
{
	return unit->model->read(unit, offset, 4);
}

static const char *level_names(uint64_t bits, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", vtd_GCMD_TE(bits) ? " TE" : "",
	    vtd_GCMD_EAFL(bits) ? " EAFL" : "", vtd_GCMD_QIE(bits) ? " QIE" : "",
	    vtd_GCMD_IRE(bits) ? " IRE" : "", vtd_GCMD_CFI(bits) ? " CFI" : "");
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
	char names[32];

	if (dropped == 0 || ((dropped & (dropped - 1)) == 0 && asked == 0))
		return;
	check_finding(check, IOMMUSIM_FINDING_GCMD_DROPS_BITS,
	    "wrote GCMD=0x%08llx to the unit at 0x%llx: this turned off%s. GCMD is not read, modified "
	    "and written: state the level bits that are on together with the command",
	    (unsigned long long)value, (unsigned long long)unit->base,
	    level_names(dropped, names, sizeof(names)));
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

void check_vtd_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	const uint64_t iotlb = vtd_ECAP_IRO(peek(unit, vtd_ECAP_at)) * 16 + vtd_IOTLB_at;

	if (offset == vtd_GCMD_at)
		check_gcmd(check, unit, value & UINT32_MAX);
	if (starts(offset, width, value, vtd_CCMD_at, vtd_CCMD_ICC_bits(1)))
		check_register_invalidation(check, unit, "CCMD");
	if (starts(offset, width, value, (unsigned)iotlb, vtd_IOTLB_IVT_bits(1)))
		check_register_invalidation(check, unit, "IOTLB");
}
