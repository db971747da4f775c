/*
 * Pages of tables that the shadow follows: where they are found, and what stands in them. What leads to them is
 * shadow_link.c.
 */
#include "check/shadow_node.h"

#include <string.h>

#include "machine/memory_access.h"

struct shadow_node *shadow_node_at(const struct iommusim_check *check, uint64_t page)
{
	struct shadow_node *node;

	HASH_FIND(hh, check->shadow.nodes, &page, sizeof(page), node);
	return node;
}

bool shadow_has_copy(unsigned kind, unsigned level)
{
	return !shadow_kind(kind)->paging || level > 1;
}

void shadow_node_free(struct iommusim_check *check, struct shadow_node *node)
{
	if (node->copy != NULL)
		shadow_pool_give(&check->shadow.copies_free, node->copy);
	shadow_pool_give(&check->shadow.nodes_free, node);
}

bool shadow_give_copy(struct iommusim_check *check, struct shadow_node *node)
{
	if (!shadow_has_copy(node->kind, node->level) || node->copy != NULL)
		return true;
	node->copy = shadow_pool_take(check, &check->shadow.copies_free, PAGE_BYTES);
	return node->copy != NULL;
}

struct shadow_node *shadow_node_new(
    struct iommusim_check *check, uint64_t page, const struct shadow_link *link)
{
	struct shadow_node *node = shadow_pool_take(check, &check->shadow.nodes_free, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->address = page;
	node->kind = link->kind;
	node->level = link->level;
	if (shadow_give_copy(check, node)) {
		shadow_forget_cursor(check);
		HASH_ADD(hh, check->shadow.nodes, address, sizeof(node->address), node);
		if (node->hh.tbl != NULL)
			return node;
	}
	shadow_node_free(check, node);
	return NULL;
}

void shadow_node_remove(struct iommusim_check *check, struct shadow_node *node)
{
	shadow_forget_cursor(check);
	HASH_DEL(check->shadow.nodes, node);
	check->shadow.gone++;
}

bool shadow_is_empty(const uint8_t *page)
{
	static const uint8_t nothing[64];

	return memcmp(page, nothing, sizeof(nothing)) == 0 &&
	    memcmp(page, page + sizeof(nothing), PAGE_BYTES - sizeof(nothing)) == 0;
}

/* ---- entries --------------------------------------------------------------------------------- */

bool shadow_load(const struct iommusim_check *check, uint64_t address, unsigned quads, uint64_t *entry)
{
	for (unsigned quad = 0; quad < quads; quad++)
		if (!memory_load64(
			&check->machine->memory, address + quad * UINT64_C(8), true, &entry[quad]))
			return false;
	return true;
}

static bool is_aliased(const struct iommusim_unit *unit, uint16_t rid)
{
	for (size_t i = 0; i < unit->range_count; i++)
		if (unit->ranges[i].aliased && unit->ranges[i].alias == rid)
			return true;
	return false;
}

/* Of the units that reach an entry of a requester, those that look there. */
static uint64_t readers(
    const struct iommusim_check *check, const struct shadow_node *node, uint16_t rid)
{
	const struct iommusim_unit *own = iommusim_unit_for(check->machine, node->segment, rid);
	uint64_t units = 0;

	for (unsigned i = 0; i < check->shadow.unit_count; i++)
		if (own == check->shadow.units[i].unit || is_aliased(check->shadow.units[i].unit, rid))
			units |= UINT64_C(1) << i;
	return units & node->units;
}

struct shadow_entry shadow_entry_of(const struct iommusim_check *check, const struct shadow_node *node,
    unsigned index, const uint64_t *now)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	struct shadow_entry entry = {
		.kind = kind,
		.address = node->address + index * (kind->quads * UINT64_C(8)),
		.units = node->units,
		.segment = node->segment,
		.rid = (uint16_t)(node->rid + (kind->per_device ? index : 0)),
		.table = node->kind,
		.level = node->level,
		.now = now,
	};

	if (node->kind == UNIT_ROOT || node->kind == UNIT_SM_ROOT)
		entry.rid = (uint16_t)(index << 8);
	if (kind->per_device && now != NULL && kind->present(now))
		entry.units = readers(check, node, entry.rid);
	return entry;
}

/* ---- the end --------------------------------------------------------------------------------- */

void shadow_free(struct iommusim_check *check)
{
	struct shadow_node *node, *next_node;

	HASH_ITER (hh, check->shadow.nodes, node, next_node) {
		HASH_DEL(check->shadow.nodes, node);
		shadow_node_free(check, node);
	}
	shadow_pool_free(check, &check->shadow.nodes_free);
	shadow_pool_free(check, &check->shadow.copies_free);
	if (check->shadow.page_0 != NULL)
		machine_free(check->machine, check->shadow.page_0, PAGE_BYTES);
	shadow_leaves_free(check);
}
