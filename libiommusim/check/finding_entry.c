/*
 * Findings about entries that hardware may read: what is wrong with one, and with how software stores it. Which
 * tables there are is shadow.c's, codes that ask for a capability are each vendor's.
 */
#include <stdio.h>
#include <string.h>

#include <iommusim/spec.h>

#include "check/state.h"

/* ---- names ----------------------------------------------------------------------------------- */

static const char *paging_name(const struct shadow_entry *entry)
{
	static const char *const second[] = { "", "SS-PTE", "SS-PDE", "SS-PDPE", "SS-PML4E",
		"SS-PML5E" };
	static const char *const first[] = { "", "FS-PTE", "FS-PDE", "FS-PDPE", "FS-PML4E",
		"FS-PML5E" };

	if (entry->table == UNIT_SECOND_STAGE && entry->level < 6)
		return second[entry->level];
	if (entry->table == UNIT_FIRST_STAGE && entry->level < 6)
		return first[entry->level];
	return entry->level == 1 ? "PTE" : "PDE";
}

const char *check_entry_name(const struct shadow_entry *entry, char *text, size_t size)
{
	const unsigned long long address = entry->address;

	if (entry->kind->paging)
		snprintf(text, size, "%s at 0x%llx", paging_name(entry), address);
	else if (entry->kind->per_device)
		snprintf(text, size, "%s of %02x:%02x.%u at 0x%llx", entry->kind->name,
		    IOMMUSIM_RID_BUS(entry->rid), IOMMUSIM_RID_DEVICE(entry->rid),
		    IOMMUSIM_RID_FUNCTION(entry->rid), address);
	else
		snprintf(text, size, "%s at 0x%llx", entry->kind->name, address);
	return text;
}

/* ---- present-before-fields --------------------------------------------------------------------- */

void check_torn_entry(struct iommusim_check *check, const struct shadow_entry *entry, bool published)
{
	char name[64];

	check_finding(check, IOMMUSIM_FINDING_PRESENT_BEFORE_FIELDS,
	    "%s of the %s: hardware may read it in between, as 0x%016llx 0x%016llx for one. %s",
	    published ? "stored the present bit first and then the rest"
		      : "changed the entry in two stores while it was present, one for each quadword,",
	    check_entry_name(entry, name, sizeof(name)), (unsigned long long)entry->now[0],
	    (unsigned long long)entry->now[1],
	    published
		? "Store the quadword that holds the present bit last"
		: "Clear the present bit and invalidate, store the rest, and the present bit last; or "
		  "store it all at once");
}

/* ---- table-freed-while-reachable --------------------------------------------------------------- */

void check_freed_table(struct iommusim_check *check, const struct shadow_entry *way, uint64_t page)
{
	char name[64];

	check_finding(check, IOMMUSIM_FINDING_TABLE_FREED_WHILE_REACHABLE,
	    "the table page at 0x%llx is given back while the %s leads to it (0x%016llx 0x%016llx): the "
	    "device's DMA goes on through whatever the page holds next. Take the entry away and invalidate it "
	    "before the tables go",
	    (unsigned long long)page, check_entry_name(way, name, sizeof(name)),
	    (unsigned long long)way->now[0],
	    way->kind->quads > 1 ? (unsigned long long)way->now[1] : 0ull);
}

/* ---- leaf-used-as-table ------------------------------------------------------------------------ */

static void describe_owner(
    const struct iommusim_check *check, uint64_t address, char *text, size_t size)
{
	struct iommusim_judged_page page;

	memset(&page, 0, sizeof(page));
	check_owner_of(check, address, &page);
	if (page.owner == IOMMUSIM_OWNER_VM)
		snprintf(text, size, "memory of VM \"%s\"", page.owner_vm);
	else
		snprintf(text, size, "memory of the host");
}

void check_leaf_used(struct iommusim_check *check, const struct shadow_judged *judged)
{
	const struct shadow_entry leaf = {
		.kind = shadow_kind(judged->kind),
		.address = judged->leaf,
		.table = judged->kind,
		.level = judged->level,
	};
	uint64_t entry = 0, memory = 0;
	char name[64], owner[80];
	unsigned shift;

	iommusim_memory_read(check->machine, judged->leaf, &entry, sizeof(entry));
	shift = shadow_large_leaf(judged->kind, &entry, judged->level, &memory);
	describe_owner(check, judged->address, owner, sizeof(owner));
	check_finding(check, IOMMUSIM_FINDING_LEAF_USED_AS_TABLE,
	    "stored 0x%llx to 0x%llx as if a table were there: the %s (0x%llx) is no pointer but a leaf that "
	    "maps %llu MiB. What was overwritten is %s, and the mapping is still there. Split the leaf first",
	    (unsigned long long)judged->value, (unsigned long long)judged->address,
	    check_entry_name(&leaf, name, sizeof(name)), (unsigned long long)entry,
	    (unsigned long long)(shift < 20 ? 0 : UINT64_C(1) << (shift - 20)), owner);
}

void check_null_table(struct iommusim_check *check, uint64_t address, uint64_t value)
{
	check_finding(check, IOMMUSIM_FINDING_NULL_TABLE_USED,
	    "stored 0x%llx to 0x%llx: no table is in physical page 0. Entries that are not present hold 0, and a "
	    "walk that goes on through one of them ends there. What was overwritten is firmware's or the host's. "
	    "Look at the present bit at every level",
	    (unsigned long long)value, (unsigned long long)address);
}

/* ---- reserved-bits-set, unsupported-capability ------------------------------------------------- */

/* The name of a description, as the specification's tables have it. */
static const char *description_of(const struct shadow_entry *entry)
{
	uint64_t memory;
	const bool large =
	    entry->kind->paging && shadow_large_leaf(entry->table, entry->now, entry->level, &memory);

	if (!entry->kind->paging)
		return entry->kind->name;
	if (entry->table == UNIT_HOST)
		return large || entry->level == 1 ? "PTE" : "PDE";
	if (entry->level == 1 || large)
		return paging_name(entry);
	if (entry->table == UNIT_SECOND_STAGE)
		return entry->level > 3 ? "SS-PML4E" : "SS-PxE";
	return entry->level > 3 ? "FS-PML4E" : "FS-PxE";
}

struct where {
	struct iommusim_spec_structure structure;
	struct iommusim_spec_field field;
	bool known; /* the structure */
	bool named; /* the field */
};

/* What the specification says of a bit of an entry. */
static struct where look_up(const char *vendor, const char *name, unsigned bit)
{
	struct where where = { .known = false };

	for (size_t i = 0; iommusim_spec_structure(vendor, i, &where.structure); i++) {
		if (where.structure.is_register || strcmp(where.structure.name, name) != 0)
			continue;
		where.known = true;
		for (size_t f = 0; iommusim_spec_field(vendor, i, f, &where.field); f++) {
			where.named = bit >= where.field.low && bit <= where.field.high;
			if (where.named)
				return where;
		}
		return where;
	}
	return where;
}

static unsigned first_bit(const uint64_t *bits, unsigned quads)
{
	for (unsigned quad = 0; quad < quads; quad++)
		if (bits[quad] != 0)
			return quad * 64 + (unsigned)__builtin_ctzll(bits[quad]);
	return 0;
}

/* Paging entries come by the hundred: one finding of a kind tells as much as all of one store. */
static bool is_said(
    struct iommusim_check *check, const struct shadow_entry *entry, enum iommusim_finding_id id)
{
	const bool said = (check->shadow.said >> id & 1) != 0;

	check->shadow.said |= UINT64_C(1) << id;
	return said && entry->kind->paging;
}

static void reserved_bits(struct iommusim_check *check, const struct iommusim_unit *unit,
    const struct shadow_entry *entry, const uint64_t *bits)
{
	const bool vtd = strcmp(unit->model->vendor, "VT-d") == 0;
	const unsigned bit = first_bit(bits, entry->kind->quads);
	const struct where where = look_up(vtd ? "vtd" : "amdvi", description_of(entry), bit);
	const bool capability = where.named && where.field.needs[0] != '\0';
	const enum iommusim_finding_id id =
	    capability ? IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY : IOMMUSIM_FINDING_RESERVED_BITS_SET;
	const unsigned long long value = entry->now[bit / 64];
	char name[64];

	if (is_said(check, entry, id))
		return;
	check_entry_name(entry, name, sizeof(name));
	if (capability)
		check_finding(check, id,
		    "the %s holds 0x%016llx: %s (%s) needs %s, which the unit at 0x%llx lacks. It faults "
		    "requests that come by this entry; ask the unit's capabilities first",
		    name, value, where.field.name, where.field.meaning, where.field.needs,
		    (unsigned long long)unit->base);
	else
		check_finding(check, id,
		    "the %s holds 0x%016llx in quadword %u: bit %u%s%s is reserved on the unit at 0x%llx "
		    "(%s %s). It faults requests that come by this entry; leave the bit 0",
		    name, value, bit / 64, bit, where.named ? " of " : "",
		    where.named ? where.field.name : "", (unsigned long long)unit->base,
		    unit->model->vendor, where.known ? where.structure.section : "");
}

/* By one unit that reads it. False: there was a finding. */
static bool check_by_unit(
    struct iommusim_check *check, struct iommusim_unit *unit, const struct shadow_entry *entry)
{
	uint64_t bits[SHADOW_MOST_QUADS] = { 0 };
	uint64_t any = 0;

	if (strcmp(unit->model->vendor, "VT-d") == 0 ? !check_vtd_entry(check, unit, entry)
						     : !check_amdvi_entry(check, unit, entry))
		return false;
	unit->model->reserved(unit, (enum unit_table)entry->table, entry->level, entry->now, bits);
	for (unsigned quad = 0; quad < entry->kind->quads; quad++) {
		bits[quad] &= entry->now[quad];
		any |= bits[quad];
	}
	if (any != 0)
		reserved_bits(check, unit, entry, bits);
	return any == 0;
}

void check_entry(struct iommusim_check *check, const struct shadow_entry *entry)
{
	for (unsigned i = 0; i < check->shadow.unit_count; i++)
		if ((entry->units >> i & 1) != 0 &&
		    !check_by_unit(check, check->shadow.units[i].unit, entry))
			return;
}
