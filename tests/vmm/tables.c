/* Page tables as hardware finds them, all numbers written by hand (VT-d 9.8; AMD-Vi 2.2.3). */
#include "vmm/tables.h"

#include "libiommusim/vmm/driver.h"

#define ADDRESS UINT64_C(0x000ffffffffff000)

/* What an entry above level 1 is: bit 7 makes a leaf of VT-d's, NextLevel (11:9) 0 one of AMD's. */
static bool is_table(const struct tables *tables, uint64_t entry)
{
	return tables->amdvi ? (entry & 1) != 0 && (entry >> 9 & 7) != 0
			     : (entry & 3) != 0 && (entry >> 7 & 1) == 0;
}

static const struct page_table *table_of(const struct tables *tables)
{
	return &((const struct driver_domain *)tables->domain->handle)->table;
}

static const uint64_t *entries_at(const struct tables *tables, uint64_t address)
{
	const uint64_t *entries = iommusim_memory_host(tables->host->machine, address, 0x1000);

	assert_non_null(entries);
	return entries;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as tables are */
static bool alike(
    const struct tables *a, uint64_t at_a, const struct tables *b, uint64_t at_b, unsigned level)
{
	const uint64_t *left = entries_at(a, at_a), *right = entries_at(b, at_b);

	for (unsigned i = 0; i < 512; i++) {
		const bool deeper = level > 1 && is_table(a, left[i]);

		if (deeper != (level > 1 && is_table(b, right[i])))
			return false;
		if (!deeper && left[i] != right[i])
			return false;
		if (deeper &&
		    ((left[i] & ~ADDRESS) != (right[i] & ~ADDRESS) ||
			!alike(a, left[i] & ADDRESS, b, right[i] & ADDRESS, level - 1)))
			return false;
	}
	return true;
}

static uint64_t count(const struct tables *tables, uint64_t at, unsigned level)
{
	const uint64_t *entries = entries_at(tables, at);
	uint64_t sum = 1;

	for (unsigned i = 0; level > 1 && i < 512; i++)
		if (is_table(tables, entries[i]))
			sum += count(tables, entries[i] & ADDRESS, level - 1);
	return sum;
}
/* NOLINTEND(misc-no-recursion) */

bool tables_are_alike(const struct tables *a, const struct tables *b)
{
	const struct page_table *left = table_of(a), *right = table_of(b);

	return left->levels == right->levels && alike(a, left->root, b, right->root, left->levels);
}

uint64_t tables_count(const struct tables *tables)
{
	return count(tables, table_of(tables)->root, table_of(tables)->levels);
}
