/*
 * What only shows when the structures of a DMAR table are seen side by side: order, duplicates,
 * references that lead nowhere. One structure by itself is judged where it is read.
 *
 * Structures are compared after sorting, so that a table of any size is judged in reasonable time.
 */
#include <stdlib.h>
#include <string.h>

#include "libiommusim/machine/acpi_segments.h"
#include "libiommusim/machine/dmar_internal.h"

#include "models/vtd/spec/dmar.h"

enum { IDS = 256 };

/* Whole structures of one type, by base address and then by offset. */
struct sorted {
	const struct iommusim_dmar_structure **items;
	uint32_t count;
};

/* A device that a DRHD claims. */
struct claim {
	uint16_t segment;
	const struct iommusim_dmar_scope *scope;
};

/* The next whole structure of a type at or after index `*i`, or NULL; `*i` ends behind it. */
static const struct iommusim_dmar_structure *next_of(
    const struct dmar_reader *reader, enum iommusim_dmar_type type, uint32_t *i)
{
	while (*i < reader->table->structure_count) {
		const struct iommusim_dmar_structure *structure = &reader->structures[(*i)++];

		if (structure->type == type && dmar_is_whole(reader, structure))
			return structure;
	}
	return NULL;
}

static int compare_bases(const void *left, const void *right)
{
	const struct iommusim_dmar_structure *a = *(const struct iommusim_dmar_structure *const *)left;
	const struct iommusim_dmar_structure *b = *(const struct iommusim_dmar_structure *const *)right;

	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static struct sorted sort_by_base(struct dmar_reader *reader, enum iommusim_dmar_type type)
{
	struct sorted sorted = { .count = 0 };
	const struct iommusim_dmar_structure *structure;
	uint32_t count = 0;

	for (uint32_t i = 0; next_of(reader, type, &i) != NULL;)
		count++;
	sorted.items = acpi_allocate(&reader->acpi, count, sizeof *sorted.items);
	if (sorted.items == NULL)
		return sorted;
	for (uint32_t i = 0; (structure = next_of(reader, type, &i)) != NULL;)
		sorted.items[sorted.count++] = structure;
	if (sorted.count > 1)
		qsort(sorted.items, sorted.count, sizeof *sorted.items, compare_bases);
	return sorted;
}

static bool has_base(const struct sorted *sorted, uint64_t base)
{
	uint32_t low = 0, high = sorted->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (sorted->items[middle]->base < base)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sorted->count && sorted->items[low]->base == base;
}

/* Structures stand in ascending order of type; unknown ones are skipped, so they are not judged. */
static void check_order(struct dmar_reader *reader)
{
	uint16_t highest = 0;

	for (uint32_t i = 0; i < reader->table->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &reader->structures[i];

		if (structure->type > IOMMUSIM_DMAR_SIDP)
			continue;
		if (structure->type < highest)
			acpi_odd(&reader->acpi, structure->offset,
			    "%s: type %u stands after type %u; types ascend (VT-d 8.2)",
			    iommusim_dmar_type_name(structure->type), structure->type, highest);
		else
			highest = structure->type;
	}
}

/* At most one unit of a segment takes the rest, and it is the last of its segment. */
static void check_include_all(struct dmar_reader *reader)
{
	struct acpi_segments taken = { { 0 } };
	const struct iommusim_dmar_structure *drhd;

	for (uint32_t i = 0; (drhd = next_of(reader, IOMMUSIM_DMAR_DRHD, &i)) != NULL;) {
		const bool all = (drhd->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0;

		if (acpi_segments_has(&taken, drhd->segment))
			acpi_odd(&reader->acpi, drhd->offset,
			    all ? "DRHD: a second unit of segment %u with INCLUDE_PCI_ALL; one at "
				  "most can have the rest of the devices (VT-d 8.3)"
				: "DRHD: stands after the unit of segment %u with INCLUDE_PCI_ALL, "
				  "which must be the last of its segment (VT-d 8.3)",
			    drhd->segment);
		if (all)
			acpi_segments_add(&taken, drhd->segment);
	}
}

/* Register sets do not share addresses. */
static void check_registers(struct dmar_reader *reader, const struct sorted *units)
{
	for (uint32_t i = 1; i < units->count; i++) {
		const struct iommusim_dmar_structure *below = units->items[i - 1];
		const struct iommusim_dmar_structure *unit = units->items[i];

		if (unit->base == 0)
			continue;
		if (unit->base == below->base)
			acpi_odd(&reader->acpi, unit->offset,
			    "DRHD: register base address 0x%llx is also that of the unit at "
			    "offset %u",
			    (unsigned long long)unit->base, below->offset);
		else if (unit->base - below->base < dmar_register_bytes(reader, below) &&
		    below->base != 0)
			acpi_odd(&reader->acpi, unit->offset,
			    "DRHD: register base address 0x%llx is inside the %llu bytes of "
			    "registers of the unit at offset %u",
			    (unsigned long long)unit->base,
			    (unsigned long long)dmar_register_bytes(reader, below), below->offset);
	}
}

/* Affinity is given for each unit or for none, and for units that exist. */
static void check_affinity(struct dmar_reader *reader, const struct sorted *units)
{
	const struct sorted affinities = sort_by_base(reader, IOMMUSIM_DMAR_RHSA);

	for (uint32_t i = 0; i < affinities.count; i++) {
		const struct iommusim_dmar_structure *rhsa = affinities.items[i];

		if (!has_base(units, rhsa->base))
			acpi_odd(&reader->acpi, rhsa->offset,
			    "RHSA: no DRHD has the register base address 0x%llx (VT-d 8.6)",
			    (unsigned long long)rhsa->base);
		if (i > 0 && affinities.items[i - 1]->base == rhsa->base)
			acpi_odd(&reader->acpi, rhsa->offset,
			    "RHSA: the unit at 0x%llx has an RHSA already, at offset %u",
			    (unsigned long long)rhsa->base, affinities.items[i - 1]->offset);
	}
	for (uint32_t i = 0; affinities.count != 0 && i < units->count; i++)
		if (units->items[i]->base != 0 && !has_base(&affinities, units->items[i]->base))
			acpi_odd(&reader->acpi, units->items[i]->offset,
			    "DRHD: no RHSA for the unit at 0x%llx, though others have one "
			    "(VT-d 8.6)",
			    (unsigned long long)units->items[i]->base);
}

/* Structures about devices of a segment need a unit in that segment. */
static void check_segments(struct dmar_reader *reader)
{
	struct acpi_segments with_unit = { { 0 } };
	const struct iommusim_dmar_structure *drhd;

	for (uint32_t i = 0; (drhd = next_of(reader, IOMMUSIM_DMAR_DRHD, &i)) != NULL;)
		acpi_segments_add(&with_unit, drhd->segment);
	for (uint32_t i = 0; i < reader->table->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &reader->structures[i];

		if (structure->type == IOMMUSIM_DMAR_RHSA || structure->type == IOMMUSIM_DMAR_ANDD ||
		    !dmar_is_whole(reader, structure))
			continue;
		if (!acpi_segments_has(&with_unit, structure->segment))
			acpi_odd(&reader->acpi, structure->offset,
			    "%s: is about segment %u, which has no DRHD (VT-d 8.3)",
			    iommusim_dmar_type_name(structure->type), structure->segment);
	}
}

/* One ATSR a segment; one SATC a segment and value of the flags. */
static void check_once(struct dmar_reader *reader)
{
	struct acpi_segments ports = { { 0 } }, caches[2] = { { { 0 } } };
	const struct iommusim_dmar_structure *structure;

	for (uint32_t i = 0; (structure = next_of(reader, IOMMUSIM_DMAR_ATSR, &i)) != NULL;) {
		if (acpi_segments_has(&ports, structure->segment))
			acpi_odd(&reader->acpi, structure->offset,
			    "ATSR: segment %u has one already; there is one a segment (VT-d 8.5)",
			    structure->segment);
		acpi_segments_add(&ports, structure->segment);
	}
	for (uint32_t i = 0; (structure = next_of(reader, IOMMUSIM_DMAR_SATC, &i)) != NULL;) {
		uint64_t quads[1];
		struct acpi_segments *set;

		acpi_load(&reader->acpi, structure->offset, VTD_ACPI_SATC_BYTES, quads, 1);
		set = &caches[vtd_acpi_satc_ATC_REQUIRED(quads)];
		if (acpi_segments_has(set, structure->segment))
			acpi_odd(&reader->acpi, structure->offset,
			    "SATC: segment %u has one already with these flags; all its "
			    "devices stand in one (VT-d 8.8)",
			    structure->segment);
		acpi_segments_add(set, structure->segment);
	}
}

/* Reserved regions that share memory without being the same: one of the two is wrong. */
static void check_regions(struct dmar_reader *reader)
{
	const struct sorted regions = sort_by_base(reader, IOMMUSIM_DMAR_RMRR);
	const struct iommusim_dmar_structure *highest = NULL;

	for (uint32_t i = 0; i < regions.count; i++) {
		const struct iommusim_dmar_structure *region = regions.items[i];

		if (region->limit < region->base)
			continue;
		if (highest != NULL && region->base <= highest->limit &&
		    (region->base != highest->base || region->limit != highest->limit))
			acpi_odd(&reader->acpi, region->offset,
			    "RMRR: 0x%llx to 0x%llx overlaps the region at offset %u in part",
			    (unsigned long long)region->base, (unsigned long long)region->limit,
			    highest->offset);
		if (highest == NULL || region->limit > highest->limit)
			highest = region;
	}
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	const unsigned common =
	    a->scope->hop_count < b->scope->hop_count ? a->scope->hop_count : b->scope->hop_count;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	if (a->scope->start_bus != b->scope->start_bus)
		return a->scope->start_bus < b->scope->start_bus ? -1 : 1;
	for (unsigned i = 0; i < common; i++) {
		const struct iommusim_dmar_hop x = a->scope->hops[i];
		const struct iommusim_dmar_hop y = b->scope->hops[i];

		if (x.device != y.device)
			return x.device < y.device ? -1 : 1;
		if (x.function != y.function)
			return x.function < y.function ? -1 : 1;
	}
	return (int)a->scope->hop_count - (int)b->scope->hop_count;
}

static int compare_claims_in_order(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	const int order = compare_claims(a, b);

	if (order != 0)
		return order;
	return (a->scope->offset > b->scope->offset) - (a->scope->offset < b->scope->offset);
}

/* Fill `claims` with the endpoints and bridges of every unit; NULL only counts them. */
static uint32_t gather_claims(const struct dmar_reader *reader, struct claim *claims)
{
	const struct iommusim_dmar_structure *drhd;
	uint32_t count = 0;

	for (uint32_t i = 0; (drhd = next_of(reader, IOMMUSIM_DMAR_DRHD, &i)) != NULL;)
		for (uint32_t s = 0; s < drhd->scope_count; s++) {
			if (drhd->scopes[s].type != IOMMUSIM_SCOPE_ENDPOINT &&
			    drhd->scopes[s].type != IOMMUSIM_SCOPE_BRIDGE)
				continue;
			if (claims != NULL)
				claims[count] = (struct claim){ drhd->segment, &drhd->scopes[s] };
			count++;
		}
	return count;
}

/* A device is under one unit. */
static void check_claims(struct dmar_reader *reader)
{
	const uint32_t count = gather_claims(reader, NULL);
	struct claim *claims = acpi_allocate(&reader->acpi, count, sizeof *claims);

	if (claims == NULL || count < 2)
		return;
	gather_claims(reader, claims);
	qsort(claims, count, sizeof *claims, compare_claims_in_order);
	for (uint32_t i = 1; i < count; i++)
		if (compare_claims(&claims[i - 1], &claims[i]) == 0)
			acpi_odd(&reader->acpi, claims[i].scope->offset,
			    "device scope: the same device as the entry at offset %u; a device is "
			    "under one unit, once (VT-d 8.3)",
			    claims[i - 1].scope->offset);
}

/*
 * An I/O APIC is under one unit. HPETs are not judged: firmware gives one timer block several
 * entries of the same number when it can send from several source ids.
 */
static void check_ioapics(struct dmar_reader *reader)
{
	bool seen[IDS] = { false };
	const struct iommusim_dmar_structure *drhd;

	for (uint32_t i = 0; (drhd = next_of(reader, IOMMUSIM_DMAR_DRHD, &i)) != NULL;)
		for (uint32_t s = 0; s < drhd->scope_count; s++) {
			const struct iommusim_dmar_scope *scope = &drhd->scopes[s];

			if (scope->type != IOMMUSIM_SCOPE_IOAPIC)
				continue;
			if (seen[scope->enumeration_id])
				acpi_odd(&reader->acpi, scope->offset,
				    "device scope: I/O APIC %u is in a device scope already "
				    "(VT-d 8.3.1.1)",
				    scope->enumeration_id);
			seen[scope->enumeration_id] = true;
		}
}

/* Each ANDD has its own number, and each ACPI device of a unit has an ANDD. */
static void check_acpi_devices(struct dmar_reader *reader)
{
	bool declared[IDS] = { false };
	const struct iommusim_dmar_structure *structure;

	for (uint32_t i = 0; (structure = next_of(reader, IOMMUSIM_DMAR_ANDD, &i)) != NULL;) {
		if (declared[structure->acpi_device])
			acpi_odd(&reader->acpi, structure->offset,
			    "ANDD: device number %u is taken; numbers are unique (VT-d 8.7)",
			    structure->acpi_device);
		declared[structure->acpi_device] = true;
	}
	for (uint32_t i = 0; (structure = next_of(reader, IOMMUSIM_DMAR_DRHD, &i)) != NULL;)
		for (uint32_t s = 0; s < structure->scope_count; s++)
			if (structure->scopes[s].type == IOMMUSIM_SCOPE_ACPI &&
			    !declared[structure->scopes[s].enumeration_id])
				acpi_odd(&reader->acpi, structure->scopes[s].offset,
				    "device scope: no ANDD has the device number %u (VT-d 8.7)",
				    structure->scopes[s].enumeration_id);
}

void dmar_check_table(struct dmar_reader *reader)
{
	const struct sorted units = sort_by_base(reader, IOMMUSIM_DMAR_DRHD);

	if (reader->acpi.end < VTD_ACPI_HEADER_BYTES || reader->acpi.out_of_memory)
		return;
	if (units.count == 0 && !reader->acpi.found_fatal)
		acpi_fatal(&reader->acpi, VTD_ACPI_HEADER_BYTES,
		    "no DRHD in the table, so there is no unit to remap with (VT-d 8.1)");
	check_order(reader);
	check_include_all(reader);
	check_registers(reader, &units);
	check_affinity(reader, &units);
	check_segments(reader);
	check_once(reader);
	check_regions(reader);
	check_claims(reader);
	check_ioapics(reader);
	check_acpi_devices(reader);
}
