/* Stores of software, one by one: which entry of a table each has changed, and how. */
#include <string.h>

#include "check/shadow_node.h"
#include "machine/memory_access.h"

/* Stores come in rows to one page. */
static struct shadow_node *node_stored_to(struct iommusim_check *check, uint64_t page)
{
	if (check->shadow.cursor != page || page == 0) {
		check->shadow.cursor_node = shadow_node_at(check, page);
		check->shadow.cursor = page;
	}
	return check->shadow.cursor_node;
}

void shadow_step(struct iommusim_check *check)
{
	memset(check->shadow.changes, 0, sizeof(check->shadow.changes));
}

static struct shadow_change *change_of(struct shadow *shadow, uint64_t entry)
{
	struct shadow_change *change;

	for (unsigned i = 0; i < SHADOW_CHANGES; i++)
		if (shadow->changes[i].entry == entry)
			return &shadow->changes[i];
	change = &shadow->changes[shadow->next_change++ % SHADOW_CHANGES];
	*change = (struct shadow_change){ .entry = entry };
	return change;
}

/*
 * Quadwords of an entry that belong together have changed while hardware goes by it: in one store, well; if
 * others of them changed by a store just before, hardware may have read the mixture.
 */
static void note_change(
    struct iommusim_check *check, const struct shadow_entry *entry, unsigned changed, bool was_present)
{
	struct shadow_change *change;

	if (entry->units == 0 || changed == 0)
		return;
	change = change_of(&check->shadow, entry->address);
	if (!was_present) {
		*change = (struct shadow_change){ .entry = entry->address, .published = true };
	} else if ((change->quads & ~changed) != 0 && !change->said) {
		check_torn_entry(check, entry, change->published);
		change->said = true;
	}
	change->quads |= changed;
}

/* The same for any entry, present or not. */
static void note_stored(
    struct iommusim_check *check, const struct shadow_entry *entry, unsigned changed, bool was_present)
{
	const struct shadow_kind *kind = entry->kind;

	if (kind->together <= 1)
		return;
	if (kind->present(entry->now))
		note_change(check, entry, changed & ((1u << kind->together) - 1), was_present);
	else
		change_of(&check->shadow, entry->address)->entry = 0;
}

static void entry_changed(struct iommusim_check *check, struct shadow_node *node, unsigned index)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	uint64_t *kept = &node->copy[(size_t)index * kind->quads];
	uint64_t was[SHADOW_MOST_QUADS], now[SHADOW_MOST_QUADS];
	const struct shadow_entry nothing = shadow_entry_of(check, node, index, NULL);
	struct shadow_entry entry;
	unsigned changed = 0;

	if (!shadow_load(check, nothing.address, kind->quads, now))
		return;
	memcpy(was, kept, kind->quads * sizeof(*was));
	for (unsigned quad = 0; quad < kind->quads; quad++)
		changed |= (unsigned)(was[quad] != now[quad]) << quad;
	if (changed == 0)
		return;
	memcpy(kept, now, kind->quads * sizeof(*now));
	node->empty = false;
	entry = shadow_entry_of(check, node, index, now);
	note_stored(check, &entry, changed, kind->present(was));
	if (kind->present(was) && kind->present(now) && shadow_same_links(&entry, was)) {
		if (entry.units != 0)
			check_entry(check, &entry);
		return;
	}
	if (kind->present(was))
		shadow_entry_goes(check, kind, node->kind, node->level, was);
	if (kind->present(now))
		shadow_entry_comes(check, &entry);
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* Of the driver, in a call of vmm's: others write there, too, but not then. Once a call. */
static void note_page_0(struct iommusim_check *check, uint64_t address)
{
	uint64_t now = 0;

	if (check->depth == 0 || check->shadow.null_said_at == check->place + 1 ||
	    !shadow_load(check, address & ~UINT64_C(7), 1, &now))
		return;
	check->shadow.null_said_at = check->place + 1;
	check_null_table(check, address, now);
}

void shadow_call_begins(struct iommusim_check *check)
{
	struct shadow *shadow = &check->shadow;
	const uint8_t *now;

	if (shadow->blind)
		return;
	now = memory_at(&check->machine->memory, 0, PAGE_BYTES);
	if (shadow->page_0 == NULL && now != NULL)
		shadow->page_0 = machine_alloc(check->machine, PAGE_BYTES);
	if (shadow->page_0 != NULL && now != NULL)
		memcpy(shadow->page_0, now, PAGE_BYTES);
}

void shadow_call_ended(struct iommusim_check *check)
{
	const uint8_t *now = memory_at(&check->machine->memory, 0, PAGE_BYTES);

	if (check->shadow.page_0 == NULL || now == NULL || shadow_node_at(check, 0) != NULL)
		return;
	for (uint64_t at = 0; at < PAGE_BYTES; at += 8)
		if (memcmp(&check->shadow.page_0[at], &now[at], 8) != 0)
			note_page_0(check, at);
}

/* Stores to a page that no unit reaches, like those before: nothing can come of them. */
static bool is_nobodys(const struct iommusim_check *check, uint64_t page, uint64_t end)
{
	return check->shadow.cursor == page && page != 0 && check->shadow.cursor_node == NULL &&
	    check->shadow.leaves == NULL && end <= page + PAGE_BYTES;
}

bool shadow_lets_by(const struct iommusim_check *check, uint64_t page, uint64_t leaf, uint64_t *never)
{
	const struct shadow_node *node = check->shadow.cursor == page && page != 0
	    ? check->shadow.cursor_node
	    : shadow_node_at(check, page);

	*never = 0;
	if (node == NULL)
		return page != 0 && check->shadow.leaves == NULL;
	*never = node->reserved;
	return !node->freed && node->copy == NULL && (leaf & node->reserved) == 0;
}

void shadow_page_changed(struct iommusim_check *check, uint64_t page, uint64_t from, uint64_t to)
{
	struct shadow_node *node = node_stored_to(check, page);
	uint64_t bytes;

	if (node == NULL) {
		if (page == 0)
			note_page_0(check, from);
		shadow_leaf_stored(check, page, from, to - from);
		return;
	}
	if (node->freed)
		return;
	if (node->copy == NULL) {
		shadow_look_over(
		    check, node, (unsigned)((from - page) / 8), (unsigned)((to - page + 7) / 8));
		return;
	}
	bytes = shadow_kind(node->kind)->quads * UINT64_C(8);
	for (uint64_t at = (from & NOT_OF_PAGE) / bytes * bytes;
	     at < to - page && !check->shadow.blind && shadow_node_at(check, page) == node; at += bytes)
		entry_changed(check, node, (unsigned)(at / bytes));
}

void shadow_stored(struct iommusim_check *check, uint64_t address, uint64_t length)
{
	const uint64_t end = address + length;

	shadow_sync(check);
	if (is_nobodys(check, address & ~NOT_OF_PAGE, end))
		return;
	for (uint64_t page = address & ~NOT_OF_PAGE; page < end && !check->shadow.blind;
	     page += PAGE_BYTES)
		shadow_page_changed(check, page, page < address ? address : page,
		    end < page + PAGE_BYTES ? end : page + PAGE_BYTES);
}
