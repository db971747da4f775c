/*
 * Which blocks of an IVRS table count, and what only shows when blocks are seen side by side: units described
 * twice, devices under two units. One block by itself is judged where it is read.
 *
 * Things are compared after sorting, so that a table of any size is judged in reasonable time.
 */
#include <stdlib.h>

#include "libiommusim/machine/acpi_segments.h"
#include "libiommusim/machine/ivrs_internal.h"

#include "models/amdvi/spec/ivrs.h"

enum { IDS = 256, REVISION_OF_40H = 2 };

/* Whole IVHDs in some order. */
struct ivhds {
	const struct iommusim_ivrs_block **items;
	uint32_t count;
};

/* Devices that a unit claims. */
struct claim {
	const struct iommusim_ivrs_block *unit;
	const struct iommusim_ivrs_entry *entry;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* By IOMMU; the block that counts comes first. */
static int compare_units(const void *left, const void *right)
{
	const struct iommusim_ivrs_block *a = *(const struct iommusim_ivrs_block *const *)left;
	const struct iommusim_ivrs_block *b = *(const struct iommusim_ivrs_block *const *)right;
	int order = compare_numbers(a->segment, b->segment);

	if (order == 0)
		order = compare_numbers(a->devid, b->devid);
	if (order == 0)
		order = compare_numbers(b->type, a->type);
	return order != 0 ? order : compare_numbers(a->offset, b->offset);
}

static int compare_offsets(const void *left, const void *right)
{
	const struct iommusim_ivrs_block *a = *(const struct iommusim_ivrs_block *const *)left;
	const struct iommusim_ivrs_block *b = *(const struct iommusim_ivrs_block *const *)right;

	return compare_numbers(a->offset, b->offset);
}

static int compare_bases(const void *left, const void *right)
{
	const struct iommusim_ivrs_block *a = *(const struct iommusim_ivrs_block *const *)left;
	const struct iommusim_ivrs_block *b = *(const struct iommusim_ivrs_block *const *)right;
	const int order = compare_numbers(a->base, b->base);

	return order != 0 ? order : compare_numbers(a->offset, b->offset);
}

static struct ivhds gather_ivhds(struct ivrs_reader *reader)
{
	const uint32_t count = reader->table->block_count;
	struct ivhds all = { .items = acpi_allocate(&reader->acpi, count, sizeof *all.items) };

	if (all.items == NULL)
		return all;
	for (uint32_t i = 0; i < count; i++)
		if (ivrs_is_ivhd(reader->blocks[i].type) && ivrs_is_whole(reader, &reader->blocks[i]))
			all.items[all.count++] = &reader->blocks[i];
	return all;
}

/* Two blocks of one IOMMU, of which the first counts. */
static void check_same_unit(struct ivrs_reader *reader, const struct iommusim_ivrs_block *unit,
    const struct iommusim_ivrs_block *other)
{
	const char *name = iommusim_ivrs_type_name(other->type);

	if (other->type == unit->type)
		acpi_odd(&reader->acpi, other->offset,
		    "%s: the IOMMU 0x%04x of segment %u has one already, at offset %u; this one does "
		    "not count",
		    name, other->devid, other->segment, unit->offset);
	if (other->base != unit->base || other->capability != unit->capability)
		acpi_odd(&reader->acpi, other->offset,
		    "%s: registers at 0x%llx and capability offset 0x%x, but 0x%llx and 0x%x in the block "
		    "at offset %u, which is about the same IOMMU and counts",
		    name, (unsigned long long)other->base, other->capability,
		    (unsigned long long)unit->base, unit->capability, unit->offset);
}

/* Can the unit be where the block says? False: it has no registers at all. */
static bool check_registers(struct ivrs_reader *reader, const struct iommusim_ivrs_block *unit)
{
	const char *name = iommusim_ivrs_type_name(unit->type);

	if (unit->base == 0)
		acpi_odd(&reader->acpi, unit->offset,
		    "%s: register base address is 0, so this unit has no registers and is left out",
		    name);
	else if (unit->base % AMDVI_ACPI_REGISTER_BYTES != 0)
		acpi_fatal(&reader->acpi, unit->offset,
		    "%s: register base address 0x%llx is not aligned to 16 KiB (AMD-Vi 5.2)", name,
		    (unsigned long long)unit->base);
	return unit->base != 0;
}

/* For each IOMMU the block of the highest type that is known; `all` is sorted by compare_units(). */
static void find_units(struct ivrs_reader *reader, const struct ivhds *all)
{
	const struct iommusim_ivrs_block **units =
	    acpi_allocate(&reader->acpi, all->count, sizeof *units);
	const struct iommusim_ivrs_block *unit = NULL;
	uint32_t count = 0;

	if (units == NULL)
		return;
	for (uint32_t i = 0; i < all->count; i++) {
		const struct iommusim_ivrs_block *ivhd = all->items[i];

		if (unit != NULL && unit->segment == ivhd->segment && unit->devid == ivhd->devid) {
			check_same_unit(reader, unit, ivhd);
			continue;
		}
		unit = ivhd;
		if (check_registers(reader, unit))
			units[count++] = unit;
	}
	if (count > 1)
		qsort(units, count, sizeof *units, compare_offsets);
	reader->table->units = units;
	reader->table->unit_count = count;
}

/* Register sets do not share addresses; `units` is in order of base. */
static void check_overlap(struct ivrs_reader *reader, const struct ivhds *units)
{
	for (uint32_t i = 1; i < units->count; i++) {
		const struct iommusim_ivrs_block *below = units->items[i - 1];
		const struct iommusim_ivrs_block *unit = units->items[i];

		if (unit->base - below->base < AMDVI_ACPI_REGISTER_BYTES)
			acpi_odd(&reader->acpi, unit->offset,
			    "%s: registers at 0x%llx share addresses with those of the unit at offset %u",
			    iommusim_ivrs_type_name(unit->type), (unsigned long long)unit->base,
			    below->offset);
	}
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	int order = compare_numbers(a->unit->segment, b->unit->segment);

	if (order == 0)
		order = compare_numbers(a->entry->first, b->entry->first);
	return order != 0 ? order : compare_numbers(a->entry->offset, b->entry->offset);
}

/* Fill `claims` with what every unit's entries cover; NULL only counts them. */
static uint32_t gather_claims(const struct iommusim_ivrs *table, struct claim *claims)
{
	uint32_t count = 0;

	for (uint32_t u = 0; u < table->unit_count; u++)
		for (uint32_t i = 0; i < table->units[u]->entry_count; i++) {
			const struct iommusim_ivrs_entry *entry = &table->units[u]->entries[i];

			if (!entry->covers)
				continue;
			if (claims != NULL)
				claims[count] = (struct claim){ table->units[u], entry };
			count++;
		}
	return count;
}

/*
 * The claim of another unit that reaches furthest up, so far: of all claims the furthest, and the furthest of
 * those that are not its unit's.
 */
struct reach {
	const struct claim *furthest, *of_others;
};

static bool reaches_further(const struct claim *claim, const struct claim *than)
{
	return than == NULL || claim->entry->last > than->entry->last;
}

static void extend(struct reach *reach, const struct claim *claim)
{
	if (reach->furthest != NULL && reach->furthest->unit == claim->unit) {
		if (reaches_further(claim, reach->furthest))
			reach->furthest = claim;
	} else if (reaches_further(claim, reach->furthest)) {
		reach->of_others = reach->furthest;
		reach->furthest = claim;
	} else if (reaches_further(claim, reach->of_others)) {
		reach->of_others = claim;
	}
}

/* A device is under one unit. */
static void check_claims(struct ivrs_reader *reader)
{
	const uint32_t count = gather_claims(reader->table, NULL);
	struct claim *claims = acpi_allocate(&reader->acpi, count, sizeof *claims);
	struct reach reach = { NULL, NULL };

	if (claims == NULL || count < 2)
		return;
	gather_claims(reader->table, claims);
	qsort(claims, count, sizeof *claims, compare_claims);
	for (uint32_t i = 0; i < count; i++) {
		const struct claim *claim = &claims[i], *other;

		if (i > 0 && claim->unit->segment != claims[i - 1].unit->segment)
			reach = (struct reach){ NULL, NULL };
		other = reach.furthest != NULL && reach.furthest->unit == claim->unit ? reach.of_others
										      : reach.furthest;
		if (other != NULL && other->entry->last >= claim->entry->first)
			acpi_odd(&reader->acpi, claim->entry->offset,
			    "%s: device 0x%04x is also under the unit at offset %u, by the entry at "
			    "offset %u; a device is under one unit",
			    iommusim_ivrs_entry_name(claim->entry->type), claim->entry->first,
			    other->unit->offset, other->entry->offset);
		extend(&reach, claim);
	}
}

/* An I/O APIC is under one unit, once. */
static void check_ioapics(struct ivrs_reader *reader)
{
	bool seen[IDS] = { false };

	for (uint32_t u = 0; u < reader->table->unit_count; u++)
		for (uint32_t i = 0; i < reader->table->units[u]->entry_count; i++) {
			const struct iommusim_ivrs_entry *entry = &reader->table->units[u]->entries[i];

			if (entry->type != IOMMUSIM_IVRS_SPECIAL ||
			    entry->variety != IOMMUSIM_IVRS_IOAPIC)
				continue;
			if (seen[entry->handle])
				acpi_odd(&reader->acpi, entry->offset,
				    "special: I/O APIC %u has an entry already", entry->handle);
			seen[entry->handle] = true;
		}
}

/* Memory is for devices of segments that have a unit. */
static void check_memory_segments(struct ivrs_reader *reader, const struct ivhds *all)
{
	struct acpi_segments with_unit = { { 0 } };

	for (uint32_t i = 0; i < all->count; i++)
		acpi_segments_add(&with_unit, all->items[i]->segment);
	for (uint32_t i = 0; i < reader->table->block_count; i++) {
		const struct iommusim_ivrs_block *block = &reader->blocks[i];

		if (ivrs_is_ivmd(block->type) && ivrs_is_whole(reader, block) &&
		    !acpi_segments_has(&with_unit, block->segment))
			acpi_odd(&reader->acpi, block->offset,
			    "%s: is about segment %u, which has no IVHD",
			    iommusim_ivrs_type_name(block->type), block->segment);
	}
}

/* Entries of variable length came with IVHD 40h, and a revision of the table for them. */
static void check_revision(struct ivrs_reader *reader, const struct ivhds *all)
{
	for (uint32_t i = 0; reader->table->revision < REVISION_OF_40H && i < all->count; i++)
		if (all->items[i]->type == IOMMUSIM_IVHD_40H)
			acpi_odd(&reader->acpi, all->items[i]->offset,
			    "IVHD_40h: in a table of revision %u; it came with revision 2 (AMD-Vi 5.2)",
			    reader->table->revision);
}

void ivrs_check_table(struct ivrs_reader *reader)
{
	struct ivhds all = gather_ivhds(reader);
	struct ivhds by_base;

	if (reader->acpi.end < AMDVI_ACPI_HEADER_BYTES || all.items == NULL)
		return;
	if (all.count == 0 && !reader->acpi.found_fatal)
		acpi_fatal(&reader->acpi, AMDVI_ACPI_HEADER_BYTES,
		    "no IVHD in the table, so there is no unit to remap with (AMD-Vi 5.2)");
	if (all.count > 1)
		qsort(all.items, all.count, sizeof *all.items, compare_units);
	find_units(reader, &all);
	check_revision(reader, &all);
	check_memory_segments(reader, &all);
	check_claims(reader);
	check_ioapics(reader);
	by_base = (struct ivhds){ all.items, 0 };
	for (uint32_t i = 0; i < reader->table->unit_count; i++)
		by_base.items[by_base.count++] = reader->table->units[i];
	if (by_base.count > 1)
		qsort(by_base.items, by_base.count, sizeof *by_base.items, compare_bases);
	check_overlap(reader, &by_base);
}
