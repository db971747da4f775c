/* Page tables of a domain: entries made, taken away, leaves split. What hardware keeps of them is vtd.c's business. */
/* clang-format off */ /* style(9) */
#include <sys/cdefs.h>

#include "vtd.h"

#define	RIGHTS		(VTD_PTE_R | VTD_PTE_W)
#define	SIZE(level)	(1UL << (PAGE_SHIFT + 9 * ((level) - 1)))
#define	INDEX(gpa, level)	((gpa) >> (PAGE_SHIFT + 9 * ((level) - 1)) & (VTD_PTES - 1))

static int superpages = 1;
SYSCTL_INT(_hw_vmm_vtd, OID_AUTO, superpages, CTLFLAG_RDTUN, &superpages, 0,
    "use leaves of 2 MiB and 1 GiB where all units know them");

static void
store(uint64_t *entry, uint64_t value)
{
	*(volatile uint64_t *)entry = value;
	vtd_to_memory(entry, sizeof(*entry));
}

uint64_t *
vtd_table_alloc(void)
{
	uint64_t *table;

	table = malloc(PAGE_SIZE, M_VTD, M_NOWAIT | M_ZERO);
	if (table != NULL)
		vtd_to_memory(table, PAGE_SIZE);
	return (table);
}

static bool
is_leaf(uint64_t entry, u_int level)
{
	return (level == 1 || (entry & VTD_PTE_PS) != 0);
}

static uint64_t *
below(uint64_t entry)
{
	return ((uint64_t *)PHYS_TO_DMAP(entry & VTD_ADDRESS));
}

void
vtd_table_free(uint64_t *table, u_int level __unused)
{
#ifndef HAZARD_TABLE_LEAK
	u_int i;

	for (i = 0; level > 1 && i < VTD_PTES; i++)
		if ((table[i] & RIGHTS) != 0 && !is_leaf(table[i], level))
			vtd_table_free(below(table[i]), level - 1);
#endif
	free(table, M_VTD);
}

/* A leaf above the last level becomes a table of smaller ones. Hardware finds one or the other: they say the same. */
static int
split(uint64_t *entry, u_int level)
{
	const uint64_t size = level == 2 ? 0 : VTD_PTE_PS;
	uint64_t *table;
	u_int i;

	table = malloc(PAGE_SIZE, M_VTD, M_NOWAIT | M_ZERO);
	if (table == NULL)
		return (ENOMEM);
	for (i = 0; i < VTD_PTES; i++)
		table[i] = ((*entry & VTD_ADDRESS) + i * SIZE(level - 1)) |
		    (*entry & RIGHTS) | size;
	vtd_to_memory(table, PAGE_SIZE);
	store(entry, vtophys(table) | RIGHTS);
	return (0);
}

/* The level at which a leaf for the range can stand. */
static u_int
leaf_level(vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	const uint64_t bits = gpa | hpa;

	if (!superpages)
		return (1);
#ifdef HAZARD_UNSUPPORTED_SUPERPAGE
	return ((bits & (SIZE(2) - 1)) == 0 && len >= SIZE(2) ? 2 : 1);
#endif
	if ((bits & (SIZE(3) - 1)) == 0 && len >= SIZE(3) && vtd_all_have(VTD_CAP_1G))
		return (3);
	if ((bits & (SIZE(2) - 1)) == 0 && len >= SIZE(2) && vtd_all_have(VTD_CAP_2M))
		return (2);
	return (1);
}

/* Down one level, a table made or a leaf split where need be. NULL: no memory. */
static uint64_t *
descend(uint64_t *entry, u_int level)
{
	uint64_t *table;

	if ((*entry & RIGHTS) == 0) {
		table = vtd_table_alloc();
		if (table == NULL)
			return (NULL);
		store(entry, vtophys(table) | RIGHTS);
	}
#ifndef HAZARD_SUPERPAGE_AS_TABLE
	else if (is_leaf(*entry, level) && split(entry, level) != 0)
		return (NULL);
#else
	(void)split;
	(void)level;
#endif
	return (below(*entry));
}

/* One leaf, as large as can be. */
int
vtd_table_map(struct vtd_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t *done)
{
	u_int level, target;
	uint64_t *entry, *table;

	target = leaf_level(gpa, hpa, len);
	table = domain->root;
	for (level = domain->levels;; level--) {
		entry = &table[INDEX(gpa, level)];
		/* Smaller pieces that are there already stay tables. */
		if (level == 1 ||
		    (level <= target && ((*entry & RIGHTS) == 0 || is_leaf(*entry, level))))
			break;
		table = descend(entry, level);
		if (table == NULL)
			return (ENOMEM);
	}
	store(entry, hpa | RIGHTS | (level > 1 ? VTD_PTE_PS : 0));
	*done = SIZE(level);
	return (0);
}

/* One leaf, or a hole: up to where the next entry begins. */
int
vtd_table_unmap(struct vtd_domain *domain, vm_paddr_t gpa, uint64_t len, uint64_t *done)
{
	uint64_t *entry, *table;
	uint64_t left;
	u_int level;

	table = domain->root;
	for (level = domain->levels;; level--) {
		entry = &table[INDEX(gpa, level)];
		left = SIZE(level) - (gpa & (SIZE(level) - 1));
#if !defined(HAZARD_UNMAP_ALLOCATES) && !defined(HAZARD_SUPERPAGE_AS_TABLE)
		if ((*entry & RIGHTS) == 0)
			break;
#endif
		if (level == 1 || (is_leaf(*entry, level) && left == SIZE(level) && len >= left)) {
			store(entry, 0);
			break;
		}
		table = descend(entry, level);
		if (table == NULL)
			return (ENOMEM);
	}
	*done = MIN(left, len);
	return (0);
}

bool
vtd_table_is_mapped(const struct vtd_domain *domain, vm_paddr_t gpa)
{
	const uint64_t *table = domain->root;
	uint64_t entry;
	u_int level;

	for (level = domain->levels;; level--) {
		entry = table[INDEX(gpa, level)];
		if ((entry & RIGHTS) == 0)
			return (false);
		if (is_leaf(entry, level))
			return (true);
		table = below(entry);
	}
}
