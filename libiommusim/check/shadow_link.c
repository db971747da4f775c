/* What entries lead to: tables become reachable with them, by which units, and go with them. */
#include <string.h>

#include "check/shadow_node.h"

static struct shadow_origin origin_of(const struct shadow_entry *entry)
{
	return (struct shadow_origin){ entry->address, entry->units, entry->segment };
}

static void link_below(struct iommusim_check *check, const struct shadow_entry *entry)
{
	const struct shadow_origin origin = origin_of(entry);
	struct shadow_link links[SHADOW_LINKS];
	const unsigned count = entry->kind->links(entry->now, entry->level, entry->rid, links);

	if (entry->kind->paging)
		shadow_leaf_comes(check, entry);
	for (unsigned i = 0; i < count; i++)
		shadow_link_table(check, &links[i], &origin);
}

/* A present entry has come: what it is itself, and what it leads to. */
void shadow_entry_comes(struct iommusim_check *check, const struct shadow_entry *entry)
{
	if (entry->units != 0)
		check_entry(check, entry);
	link_below(check, entry);
}

void shadow_entry_goes(struct iommusim_check *check, const struct shadow_kind *kind, unsigned table,
    unsigned level, const uint64_t *was)
{
	struct shadow_link links[SHADOW_LINKS];
	const unsigned count = kind->links(was, level, 0, links);

	if (kind->paging)
		shadow_leaf_goes(check, table, was, level);
	for (unsigned i = 0; i < count; i++)
		shadow_unlink_table(check, &links[i]);
}

/* Do two present entries in the same place lead to the same? */
bool shadow_same_links(const struct shadow_entry *entry, const uint64_t *was)
{
	struct shadow_link before[SHADOW_LINKS], after[SHADOW_LINKS];
	const unsigned count = entry->kind->links(was, entry->level, entry->rid, before);

	if (count == 0 || entry->kind->links(entry->now, entry->level, entry->rid, after) != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (before[i].address != after[i].address || before[i].kind != after[i].kind ||
		    before[i].level != after[i].level || before[i].pages != after[i].pages)
			return false;
	return true;
}

static void work_out_reserved(struct iommusim_check *check, struct shadow_node *node)
{
	const uint64_t nothing = 0;

	node->reserved = 0;
	for (unsigned i = 0; i < check->shadow.unit_count; i++) {
		uint64_t bits[SHADOW_MOST_QUADS] = { 0 };

		if ((node->units >> i & 1) == 0)
			continue;
		check->shadow.units[i].unit->model->reserved(
		    check->shadow.units[i].unit, node->kind, node->level, &nothing, bits);
		node->reserved |= bits[0];
	}
}

/* Level 1: nothing hangs below, and there are many. One finding tells as much as all of them. */
void shadow_look_over(
    struct iommusim_check *check, struct shadow_node *node, unsigned from, unsigned to)
{
	const uint64_t *entries = iommusim_memory_host(check->machine, node->address, PAGE_BYTES);

	for (unsigned index = from; entries != NULL && node->reserved != 0 && index < to; index++) {
		const uint64_t now = __atomic_load_n(&entries[index], __ATOMIC_RELAXED);

		if ((now & node->reserved) != 0 && shadow_kind(node->kind)->present(&now)) {
			const struct shadow_entry entry = shadow_entry_of(check, node, index, &now);

			check_entry(check, &entry);
			return;
		}
	}
}

/* Everything in a table that has become reachable. */
static void take_in(struct iommusim_check *check, struct shadow_node *node)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	const unsigned count = (unsigned)(PAGE_BYTES / 8 / kind->quads);

	if (node->copy == NULL) {
		work_out_reserved(check, node);
		shadow_look_over(check, node, 0, PAGE_BYTES / 8);
		return;
	}
	if (!shadow_load(check, node->address, PAGE_BYTES / 8, node->copy)) {
		memset(node->copy, 0, PAGE_BYTES); /* no memory there: hardware finds out */
		return;
	}
	node->empty = shadow_is_empty((const uint8_t *)node->copy);
	if (node->empty)
		return;
	for (unsigned index = 0; index < count && !check->shadow.blind; index++) {
		const uint64_t *now = &node->copy[(size_t)index * kind->quads];

		if (kind->present(now)) {
			const struct shadow_entry entry = shadow_entry_of(check, node, index, now);

			shadow_entry_comes(check, &entry);
		}
	}
}

void shadow_let_go(struct iommusim_check *check, struct shadow_node *node)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	const unsigned count = (unsigned)(PAGE_BYTES / 8 / kind->quads);

	for (unsigned index = 0; node->copy != NULL && index < count; index++) {
		const uint64_t *was = &node->copy[(size_t)index * kind->quads];

		if (kind->present(was))
			shadow_entry_goes(check, kind, node->kind, node->level, was);
	}
}

static void add_units(struct iommusim_check *check, struct shadow_node *node, uint64_t units);

/* The tables that an entry leads to are read by more units now. */
static void add_units_below(struct iommusim_check *check, const struct shadow_entry *entry)
{
	struct shadow_link links[SHADOW_LINKS];
	const unsigned count = entry->kind->links(entry->now, entry->level, entry->rid, links);

	for (unsigned i = 0; i < count; i++)
		for (uint32_t page = 0; page < links[i].pages; page++) {
			struct shadow_node *below =
			    shadow_node_at(check, links[i].address + page * PAGE_BYTES);

			if (below != NULL && !below->freed && (entry->units & ~below->units) != 0)
				add_units(check, below, entry->units & ~below->units);
		}
}

/* Units that did not reach a table before do now: they read what is in it already. */
static void add_units(struct iommusim_check *check, struct shadow_node *node, uint64_t units)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	const unsigned count = (unsigned)(PAGE_BYTES / 8 / kind->quads);

	node->units |= units;
	if (node->copy == NULL) {
		work_out_reserved(check, node);
		shadow_look_over(check, node, 0, PAGE_BYTES / 8);
	}
	for (unsigned index = 0; node->copy != NULL && index < count; index++) {
		const uint64_t *now = &node->copy[(size_t)index * kind->quads];
		struct shadow_entry entry;

		if (!kind->present(now))
			continue;
		entry = shadow_entry_of(check, node, index, now);
		entry.units &= units;
		if (entry.units == 0)
			continue;
		check_entry(check, &entry);
		add_units_below(check, &entry);
	}
}

/* A page that was given back is a table again: what led to it before still does, if it is of the same kind. */
static bool use_again(
    struct iommusim_check *check, struct shadow_node *node, const struct shadow_link *link)
{
	if (node->kind != link->kind || node->level != link->level)
		node->links = 0;
	node->freed = false;
	node->kind = link->kind;
	node->level = link->level;
	node->units = 0;
	if (!shadow_has_copy(node->kind, node->level) && node->copy != NULL) {
		shadow_pool_give(&check->shadow.copies_free, node->copy);
		node->copy = NULL;
	}
	return shadow_give_copy(check, node);
}

/* Does a page that is a table in one place now become another kind of table in a second? */
static void note_second_use(struct iommusim_check *check, const struct shadow_node *node,
    const struct shadow_link *link, const struct shadow_origin *origin)
{
	if (node->units == 0 || origin->units == 0)
		return;
	check_finding(check, IOMMUSIM_FINDING_TABLE_FREED_WHILE_REACHABLE,
	    "the page at 0x%llx is now a table of %s (level %u), by the entry at 0x%llx, while the entry at "
	    "0x%llx still leads to it as one of %s (level %u): hardware takes each for the other. Clear and "
	    "invalidate the old entry before the page is used again",
	    (unsigned long long)node->address, shadow_kind(link->kind)->name, link->level,
	    (unsigned long long)origin->entry, (unsigned long long)node->parent,
	    shadow_kind(node->kind)->name, node->level);
}

static void link_page(struct iommusim_check *check, uint64_t page, const struct shadow_link *link,
    const struct shadow_origin *origin)
{
	struct shadow_node *node = shadow_node_at(check, page);
	bool fresh = false;

	if (check->shadow.blind)
		return;
	if (node == NULL) {
		node = shadow_node_new(check, page, link);
		fresh = true;
	} else if (node->freed) {
		fresh = true;
		if (!use_again(check, node, link))
			node = NULL;
	} else if (node->kind != link->kind || node->level != link->level) {
		note_second_use(check, node, link, origin);
		return;
	}
	if (node == NULL) {
		shadow_go_blind(check);
		return;
	}
	node->links++;
	node->parent = origin->entry;
	node->rid = link->rid;
	node->segment = origin->segment;
	if (fresh) {
		node->units = origin->units;
		take_in(check, node);
	} else if ((origin->units & ~node->units) != 0) {
		add_units(check, node, origin->units & ~node->units);
	}
}

void shadow_link_table(
    struct iommusim_check *check, const struct shadow_link *link, const struct shadow_origin *origin)
{
	const unsigned in_a_page = shadow_kind(link->kind)->per_device
	    ? (unsigned)(PAGE_BYTES / 8 / shadow_kind(link->kind)->quads)
	    : 0;

	for (uint32_t i = 0; i < link->pages; i++) {
		struct shadow_link own = *link;

		own.rid = (uint16_t)(link->rid + i * in_a_page);
		link_page(check, link->address + i * PAGE_BYTES, &own, origin);
	}
}

void shadow_unlink_table(struct iommusim_check *check, const struct shadow_link *link)
{
	for (uint32_t i = 0; i < link->pages; i++) {
		struct shadow_node *node = shadow_node_at(check, link->address + i * PAGE_BYTES);

		if (check->shadow.nodes == NULL || node == NULL || node->kind != link->kind ||
		    node->level != link->level || --node->links > 0)
			continue;
		shadow_node_remove(check, node);
		if (!node->freed)
			shadow_let_go(check, node);
		shadow_node_free(check, node);
	}
}
