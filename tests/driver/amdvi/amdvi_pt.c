/* I/O page tables of AMD-Vi: mapping with the largest leaves that fit, taking single pages out of them again. */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <vm/vm.h>
#include <vm/pmap.h>

#include <machine/vmparam.h>

#define AMDVI_PTES	(PAGE_SIZE / sizeof(uint64_t))
#define AMDVI_LEAF_MAX	3	/* 1 GiB: larger ones are broken on some silicon */

uint64_t *
amdvi_pt_alloc(void)
{
	return (contigmalloc(PAGE_SIZE, M_AMDVI, M_NOWAIT | M_ZERO, 0, ~0UL, PAGE_SIZE, 0));
}

static u_int
pt_index(vm_paddr_t gpa, int level)
{
	return ((gpa >> AMDVI_LEVEL_SHIFT(level)) & (AMDVI_PTES - 1));
}

static bool
pte_is_table(uint64_t pte)
{
	return ((pte & AMDVI_PTE_PR) != 0 && AMDVI_PTE_NEXT_GET(pte) != 0);
}

static uint64_t *
pte_table(uint64_t pte)
{
	return ((uint64_t *)PHYS_TO_DMAP(pte & AMDVI_PTE_ADDR_MASK));
}

/* Hardware may read an entry at any time: it changes by one store. */
static void
pte_store(uint64_t *pte, uint64_t value)
{
	*(volatile uint64_t *)pte = value;
}

static void
pte_store_table(uint64_t *pte, const uint64_t *table, int level)
{
	wmb();
	pte_store(pte, vtophys(table) | AMDVI_PTE_PR | AMDVI_PTE_NEXT(level) | AMDVI_PTE_RW);
}

void
amdvi_pt_free(uint64_t *table, int level)
{
	for (u_int i = 0; level > 1 && i < AMDVI_PTES; i++)
		if (pte_is_table(table[i]))
			amdvi_pt_free(pte_table(table[i]), level - 1);
	contigfree(table, PAGE_SIZE, M_AMDVI);
}

/*
 * The table below an entry. One is made when there is none, and of a large leaf when it maps more than is to
 * change: filled before it is linked, so that hardware finds the same translations at every moment.
 */
static uint64_t *
pt_descend(uint64_t *pte, int level)
{
	const uint64_t old = *pte;
	uint64_t *table;

	if (pte_is_table(old))
		return (pte_table(old));
	table = amdvi_pt_alloc();
	if (table == NULL)
		return (NULL);
	if ((old & AMDVI_PTE_PR) != 0)
		for (u_int i = 0; i < AMDVI_PTES; i++)
			table[i] = old + i * AMDVI_LEVEL_SIZE(level - 1);
	pte_store_table(pte, table, level - 1);
	return (table);
}

static int
pt_leaf_level(const struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	int level = MIN(AMDVI_LEAF_MAX, domain->levels);

	while (level > 1 &&
	    (((gpa | hpa) & (AMDVI_LEVEL_SIZE(level) - 1)) != 0 || len < AMDVI_LEVEL_SIZE(level)))
		level--;
	return (level);
}

/* Map one leaf; how much that was. */
static uint64_t
pt_map_leaf(struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t rights)
{
	const int leaf = pt_leaf_level(domain, gpa, hpa, len);
	uint64_t *table = domain->root, *pte;
	int level;

	for (level = domain->levels;; level--) {
		pte = &table[pt_index(gpa, level)];
		/* A table that is there stays: hardware may be walking it. */
		if (level <= leaf && (level == 1 || !pte_is_table(*pte)))
			break;
		table = pt_descend(pte, level);
		if (table == NULL)
			return (0);
	}
	pte_store(pte, (hpa & AMDVI_PTE_ADDR_MASK) | AMDVI_PTE_PR | rights);
	return (AMDVI_LEVEL_SIZE(level));
}

uint64_t
amdvi_pt_map(struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t rights)
{
	uint64_t done, step;

	for (done = 0; done < len; done += step) {
		step = pt_map_leaf(domain, gpa + done, hpa + done, len - done, rights);
		if (step == 0)
			break;
	}
	return (done);
}

/* Unmap one leaf or what is left of one; how much of `len` is unmapped by that, 0: no memory to split a leaf. */
static uint64_t
pt_unmap_leaf(struct amdvi_domain *domain, vm_paddr_t gpa, uint64_t len)
{
	uint64_t *table = domain->root, *pte;
	uint64_t size;

	for (int level = domain->levels; level > 0; level--) {
		pte = &table[pt_index(gpa, level)];
		size = AMDVI_LEVEL_SIZE(level);
#ifdef AMDVI_HAZARD_UNMAPPED_WRITES_PAGE_0
		/* Down to level 1 whatever the entries say: what is not there stands for the table at 0. */
		if (level > 1 && AMDVI_PTE_NEXT_GET(*pte) == 0 && (*pte & AMDVI_PTE_PR) == 0) {
			table = pte_table(*pte);
			continue;
		}
		if (level == 1) {
			pte_store(pte, 0);
			return (size);
		}
#endif
		if ((*pte & AMDVI_PTE_PR) == 0)
			return (MIN(len, size - (gpa & (size - 1))));
		if (level > 1 && pte_is_table(*pte)) {
			table = pte_table(*pte);
			continue;
		}
		if (level == 1 || ((gpa & (size - 1)) == 0 && len >= size)) {
			pte_store(pte, 0);
			return (size);
		}
#ifdef AMDVI_HAZARD_LEAF_AS_TABLE
		table = pte_table(*pte);
#else
		table = pt_descend(pte, level);
#endif
		if (table == NULL)
			return (0);
	}
	return (0); /* not reached: level 1 has returned */
}

uint64_t
amdvi_pt_unmap(struct amdvi_domain *domain, vm_paddr_t gpa, uint64_t len)
{
	uint64_t done, step;

	for (done = 0; done < len; done += step) {
		step = pt_unmap_leaf(domain, gpa + done, len - done);
		if (step == 0)
			break;
	}
	return (done);
}
