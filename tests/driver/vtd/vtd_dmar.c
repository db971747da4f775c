/* Which units there are, which device is behind which, and what firmware keeps for itself: the DMAR table. */
/* clang-format off */ /* style(9) */
#include <sys/cdefs.h>

#include "vtd.h"

#include <dev/pci/pcivar.h>

#define	MOST_UNITS	8	/* of the defect that drops the others */
#define	NO_REGISTERS	UINT64_MAX

struct vtd_unit *vtd_units;
u_int vtd_unit_count;
static const ACPI_TABLE_DMAR *table;

/* The structure behind `at`; the first one after NULL; NULL after the last. */
static const ACPI_DMAR_HEADER *
next_structure(const ACPI_DMAR_HEADER *at)
{
	const uint8_t *end = (const uint8_t *)table + table->Header.Length;
	const uint8_t *next;

	next = at == NULL ? (const uint8_t *)(table + 1) : (const uint8_t *)at + at->Length;
	if (next + sizeof(*at) > end)
		return (NULL);
	at = (const ACPI_DMAR_HEADER *)next;
	return (at->Length < sizeof(*at) || next + at->Length > end ? NULL : at);
}

/* ---- scopes ---------------------------------------------------------------------------------- */

/* Of a bridge, which buses lie behind it. */
static bool
is_behind(uint16_t segment, u_int bridge, u_int bus)
{
	device_t dev;

	dev = pci_find_dbsf(segment, bridge >> 8, bridge >> 3 & 0x1f, bridge & 7);
	return (dev != NULL && bus >= pci_read_config(dev, PCIR_SECBUS_1, 1) &&
	    bus <= pci_read_config(dev, PCIR_SUBBUS_1, 1));
}

#ifndef HAZARD_ANY_PATH_ELEMENT
/* Where the path of a scope leads: buses are counted by the bridges on the way. -1: nowhere. */
static int
scope_target(uint16_t segment, const ACPI_DMAR_DEVICE_SCOPE *scope)
{
	const ACPI_DMAR_PCI_PATH *hop = (const ACPI_DMAR_PCI_PATH *)(scope + 1);
	const ACPI_DMAR_PCI_PATH *end =
	    (const ACPI_DMAR_PCI_PATH *)((const uint8_t *)scope + scope->Length);
	device_t dev;
	u_int bus;

	for (bus = scope->Bus; hop + 1 < end; hop++) {
		dev = pci_find_dbsf(segment, (uint8_t)bus, hop->Device, hop->Function);
		if (dev == NULL)
			return (-1);
		bus = pci_read_config(dev, PCIR_SECBUS_1, 1);
	}
	if (hop + 1 != end)
		return (-1);
	return ((int)(bus << 8 | (hop->Device & 0x1fu) << 3 | (hop->Function & 7u)));
}
#endif

static bool
scope_matches(uint16_t segment, const ACPI_DMAR_DEVICE_SCOPE *scope, uint16_t rid)
{
	int target;

	if (scope->EntryType != ACPI_DMAR_SCOPE_TYPE_ENDPOINT &&
	    scope->EntryType != ACPI_DMAR_SCOPE_TYPE_BRIDGE)
		return (false);
#ifdef HAZARD_ANY_PATH_ELEMENT
	{
		const uint8_t *hop = (const uint8_t *)(scope + 1);
		const uint8_t *end = (const uint8_t *)scope + scope->Length;

		target = -1;
		if (scope->Bus == rid >> 8)
			for (; hop < end; hop += 2)
				if ((hop[0] << 3 | hop[1]) == (rid & 0xff))
					target = rid;
	}
#else
	target = scope_target(segment, scope);
#endif
	if (target == rid)
		return (true);
#ifdef HAZARD_BRIDGE_SCOPE
	(void)is_behind;
	(void)segment;
	return (false);
#else
	return (target >= 0 && scope->EntryType == ACPI_DMAR_SCOPE_TYPE_BRIDGE &&
	    is_behind(segment, (u_int)target, rid >> 8));
#endif
}

/* Does one of the scopes at [at, end) name the device? */
static bool
scopes_match(const void *at, const void *end, uint16_t segment, uint16_t rid)
{
	const ACPI_DMAR_DEVICE_SCOPE *scope = at;

	while ((const void *)(scope + 1) <= end && scope->Length >= sizeof(*scope)) {
		if (scope_matches(segment, scope, rid))
			return (true);
		scope = (const ACPI_DMAR_DEVICE_SCOPE *)((const uint8_t *)scope + scope->Length);
	}
	return (false);
}

static bool
is_of_segment(const struct vtd_unit *unit, uint16_t segment)
{
#ifdef HAZARD_SEGMENT_IGNORED
	(void)unit;
	(void)segment;
	return (true);
#else
	return (unit->drhd->Segment == segment);
#endif
}

static bool
names(const struct vtd_unit *unit, uint16_t segment, uint16_t rid)
{
	return (is_of_segment(unit, segment) &&
	    scopes_match(unit->drhd + 1, (const uint8_t *)unit->drhd + unit->drhd->Header.Length,
		segment, rid));
}

static bool
takes_all(const struct vtd_unit *unit, uint16_t segment)
{
	return (is_of_segment(unit, segment) &&
	    (unit->drhd->Flags & ACPI_DMAR_INCLUDE_ALL) != 0);
}

/* A unit that names the device goes before one that takes whatever is left, wherever they stand in the table. */
struct vtd_unit *
vtd_unit_for(uint16_t segment, uint16_t rid)
{
	struct vtd_unit *unit;

#ifdef HAZARD_INCLUDE_ALL_FIRST
	VTD_FOREACH_UNIT(unit)
		if (takes_all(unit, segment) || names(unit, segment, rid))
			return (unit);
#else
	VTD_FOREACH_UNIT(unit)
		if (names(unit, segment, rid))
			return (unit);
	VTD_FOREACH_UNIT(unit)
		if (takes_all(unit, segment))
			return (unit);
#endif
	return (NULL);
}

bool
vtd_reserved_region(uint16_t segment, uint16_t rid, u_int index, vm_paddr_t *first, vm_paddr_t *end)
{
	const ACPI_DMAR_RESERVED_MEMORY *rmrr;
	const ACPI_DMAR_HEADER *at;

#ifdef HAZARD_RMRR_IGNORED
	return (false);
#endif
	for (at = next_structure(NULL); at != NULL; at = next_structure(at)) {
		rmrr = (const ACPI_DMAR_RESERVED_MEMORY *)at;
		if (at->Type != ACPI_DMAR_TYPE_RESERVED_MEMORY || rmrr->Segment != segment ||
		    !scopes_match(rmrr + 1, (const uint8_t *)at + at->Length, segment, rid))
			continue;
		if (index-- > 0)
			continue;
		*first = trunc_page(rmrr->BaseAddress);
		*end = round_page(rmrr->EndAddress + 1);
		return (true);
	}
	return (false);
}

/* ---- units ------------------------------------------------------------------------------------- */

static int
map_unit(struct vtd_unit *unit, const ACPI_DMAR_HARDWARE_UNIT *drhd)
{
	unit->drhd = drhd;
	unit->regs = pmap_mapdev(drhd->Address, (vm_size_t)PAGE_SIZE << (drhd->Size & 0xf));
	unit->cap = vtd_read8(unit, VTD_CAP);
	unit->ecap = vtd_read8(unit, VTD_ECAP);
	if (unit->cap != NO_REGISTERS)
		return (0);
	printf("vtd: nothing answers at %#lx\n", (u_long)drhd->Address);
	return (ENXIO);
}

static bool
is_usable(const ACPI_DMAR_HEADER *at)
{
	const ACPI_DMAR_HARDWARE_UNIT *drhd = (const ACPI_DMAR_HARDWARE_UNIT *)at;

	return (at->Type == ACPI_DMAR_TYPE_HARDWARE_UNIT && at->Length >= sizeof(*drhd) &&
	    drhd->Address != 0 && drhd->Segment < VTD_SEGMENTS);
}

int
vtd_find_units(void)
{
	ACPI_TABLE_HEADER *header;
	const ACPI_DMAR_HEADER *at;
	u_int count;

	if (ACPI_FAILURE(AcpiGetTable(ACPI_SIG_DMAR, 0, &header)))
		return (ENXIO);
	table = (const ACPI_TABLE_DMAR *)header;
	count = 0;
	for (at = next_structure(NULL); at != NULL; at = next_structure(at))
		count += is_usable(at);
#ifdef HAZARD_EIGHT_UNITS
	count = MIN(count, MOST_UNITS);
#endif
	if (count == 0)
		return (ENXIO);
	vtd_units = malloc(count * sizeof(*vtd_units), M_VTD, M_WAITOK | M_ZERO);
	for (at = next_structure(NULL); at != NULL && vtd_unit_count < count;
	    at = next_structure(at))
		if (is_usable(at) &&
		    map_unit(&vtd_units[vtd_unit_count],
			(const ACPI_DMAR_HARDWARE_UNIT *)at) == 0)
			vtd_unit_count++;
	if (vtd_unit_count > 0)
		return (0);
	vtd_forget_units();
	return (ENXIO);
}

void
vtd_forget_units(void)
{
	struct vtd_unit *unit;

	VTD_FOREACH_UNIT(unit)
		pmap_unmapdev(unit->regs, (vm_size_t)PAGE_SIZE << (unit->drhd->Size & 0xf));
	free(vtd_units, M_VTD);
	vtd_units = NULL;
	vtd_unit_count = 0;
}

bool
vtd_all_have(uint64_t cap_bits)
{
	const struct vtd_unit *unit;

	VTD_FOREACH_UNIT(unit)
		if ((unit->cap & cap_bits) != cap_bits)
			return (false);
	return (true);
}

bool
vtd_any_has(uint64_t cap_bits)
{
	const struct vtd_unit *unit;

	VTD_FOREACH_UNIT(unit)
		if ((unit->cap & cap_bits) != 0)
			return (true);
	return (false);
}

/* Tables are the same for all units. */
bool
vtd_is_coherent(void)
{
	const struct vtd_unit *unit;

	VTD_FOREACH_UNIT(unit)
		if ((unit->ecap & VTD_ECAP_C) == 0)
			return (false);
	return (true);
}
