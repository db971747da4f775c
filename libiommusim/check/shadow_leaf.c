/* Memory that large leaves map: where it begins, software has no reason to store as if a table were there. */
#include <string.h>

#include "check/shadow_node.h"

struct shadow_leaf {
	UT_hash_handle hh;
	uint64_t memory; /* the first page of what it maps */
	uint64_t entry;
	uint32_t count; /* leaves that begin there */
	uint8_t kind;
	uint8_t level;
};

void shadow_leaf_comes(struct iommusim_check *check, const struct shadow_entry *entry)
{
	struct shadow_leaf *leaf;
	uint64_t memory;

	if (shadow_large_leaf(entry->table, entry->now, entry->level, &memory) == 0)
		return;
	HASH_FIND(hh, check->shadow.leaves, &memory, sizeof(memory), leaf);
	if (leaf == NULL) {
		leaf = machine_alloc_zeroed(check->machine, sizeof(*leaf));
		if (leaf == NULL) {
			shadow_go_blind(check);
			return;
		}
		leaf->memory = memory;
		HASH_ADD(hh, check->shadow.leaves, memory, sizeof(memory), leaf);
		if (leaf->hh.tbl == NULL) {
			machine_free(check->machine, leaf, sizeof(*leaf));
			shadow_go_blind(check);
			return;
		}
	}
	leaf->entry = entry->address;
	leaf->kind = entry->table;
	leaf->level = entry->level;
	leaf->count++;
}

void shadow_leaf_goes(
    struct iommusim_check *check, unsigned kind, const uint64_t *entry, unsigned level)
{
	struct shadow_leaf *leaf;
	uint64_t memory;

	if (shadow_large_leaf(kind, entry, level, &memory) == 0)
		return;
	HASH_FIND(hh, check->shadow.leaves, &memory, sizeof(memory), leaf);
	if (leaf == NULL || --leaf->count > 0)
		return;
	HASH_DEL(check->shadow.leaves, leaf);
	machine_free(check->machine, leaf, sizeof(*leaf));
}

static bool is_guests(const struct iommusim_check *check, uint64_t address)
{
	struct iommusim_judged_page page;

	memset(&page, 0, sizeof(page));
	check_owner_of(check, address, &page);
	return page.owner == IOMMUSIM_OWNER_VM;
}

/*
 * Software stores where a table would be if a large leaf were a pointer: into the first page of what the leaf
 * maps, and that page is none of the backend's tables. Where no iommu_ops tell calls from anything else, or a driver's
 * other stores are announced, too, the value must at least look like an entry; but what is a guest's is none of the
 * driver's, whatever is stored there.
 */
void shadow_leaf_stored(struct iommusim_check *check, uint64_t page, uint64_t address, uint64_t length)
{
	const bool by_ops = check->depth > 0 && !check->machine->stores.silent;
	struct shadow_judged judged;
	struct shadow_leaf *leaf;
	enum vmm_page_use use;
	uint64_t now = 0;

	if (check->shadow.leaves == NULL)
		return;
	HASH_FIND(hh, check->shadow.leaves, &page, sizeof(page), leaf);
	if (leaf == NULL)
		return;
	/* A driver's own data are in the kernel's part. */
	use = vmm_page_use(check->vmm, address);
	if (use == VMM_PAGE_TABLE || (use == VMM_PAGE_KERNEL && !by_ops))
		return;
	if (!shadow_load(check, address & ~UINT64_C(7), 1, &now))
		return;
	if (!by_ops && (check->depth == 0 || !is_guests(check, address)) &&
	    ((check->ops_used && check->depth == 0) || length != 8 || address % 8 != 0 ||
		!shadow_kind(leaf->kind)->present(&now)))
		return;
	judged = (struct shadow_judged){ leaf->entry, address, now, leaf->kind, leaf->level };
	check_leaf_used(check, &judged);
}

void shadow_leaves_free(struct iommusim_check *check)
{
	struct shadow_leaf *leaf, *next_leaf;

	HASH_ITER (hh, check->shadow.leaves, leaf, next_leaf) {
		HASH_DEL(check->shadow.leaves, leaf);
		machine_free(check->machine, leaf, sizeof(*leaf));
	}
}
