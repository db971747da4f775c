/* Stores that nobody announces, found by comparing; and pages that are taken for tables and given back. */
#include <string.h>

#include "check/shadow_node.h"
#include "machine/memory_access.h"

/* Is a table not as it was seen last? Most of a large one was empty then, and still is: that is half the reading. */
static bool has_changed(const struct iommusim_check *check, const struct shadow_node *node)
{
	const uint8_t *now;

	if (node->copy == NULL || node->freed)
		return false;
	now = memory_at(&check->machine->memory, node->address, PAGE_BYTES);
	if (now == NULL)
		return false;
	return node->empty ? !shadow_is_empty(now) : memcmp(node->copy, now, PAGE_BYTES) != 0;
}

/* One table after the other is taken over, and others come behind the last and go with it. */
void shadow_compare(struct iommusim_check *check)
{
	struct shadow_node *node;

	shadow_sync(check);
	node = check->shadow.nodes;
	while (!check->shadow.blind && node != NULL) {
		const uint64_t page = node->address, gone = check->shadow.gone;

		if (!has_changed(check, node)) {
			node = node->hh.next;
			continue;
		}
		visible_store(check);
		shadow_page_changed(check, page, page, page + PAGE_BYTES);
		if (check->shadow.gone != gone) {
			node = check->shadow.nodes; /* the next one is gone, perhaps, or this one */
			continue;
		}
		if (has_changed(check, node))
			return; /* something of it cannot be taken over */
		node = node->hh.next;
	}
}

/* What hung below a page that was given back, and is somebody's again, is gone. */
void shadow_taken(struct iommusim_check *check, uint64_t page)
{
	struct shadow_node *node = shadow_node_at(check, page);

	if (check->shadow.blind || node == NULL || !node->freed || node->copy == NULL)
		return;
	memset(node->copy, 0, PAGE_BYTES);
	node->empty = true;
}

/* The entry outside of paging tables by which units come to a page. */
static struct shadow_entry way_to(
    const struct iommusim_check *check, const struct shadow_node *node, uint64_t *now)
{
	for (unsigned steps = 0; steps < 16 && node->parent != 0; steps++) {
		const struct shadow_node *above = shadow_node_at(check, node->parent & ~NOT_OF_PAGE);

		if (above == NULL)
			break;
		if (!shadow_kind(above->kind)->paging) {
			const uint64_t bytes = shadow_kind(above->kind)->quads * UINT64_C(8);

			shadow_load(check, node->parent, shadow_kind(above->kind)->quads, now);
			return shadow_entry_of(
			    check, above, (unsigned)((node->parent & NOT_OF_PAGE) / bytes), now);
		}
		node = above;
	}
	return (struct shadow_entry){ .units = 0 };
}

void shadow_given_back(struct iommusim_check *check, uint64_t page)
{
	uint64_t now[SHADOW_MOST_QUADS] = { 0 };
	struct shadow_node *node;
	struct shadow_entry way;

	if (check->machine->stores.silent)
		shadow_compare(check);
	shadow_sync(check);
	node = shadow_node_at(check, page);
	if (check->shadow.blind || node == NULL || node->freed)
		return;
	way = way_to(check, node, now);
	shadow_let_go(check, node);
	node->freed = true;
	if (node->units == 0 || way.units == 0 || check->shadow.said_at == check->place + 1)
		return;
	check->shadow.said_at = check->place + 1;
	check_freed_table(check, &way, page);
}
