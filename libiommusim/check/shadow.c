/*
 * The shadow follows what units can reach: from their root registers down, page by page, store by store. What is
 * judged is finding_entry.c's; what entries are is shadow_kinds.c's.
 */
#include <string.h>

#include "check/state.h"
#include "machine/memory_access.h"

/* uthash allocates through the machine: `check` is in scope wherever its macros are used. */
#define HASH_NONFATAL_OOM        1
#define uthash_malloc(size)      machine_alloc(check->machine, size)
#define uthash_free(block, size) machine_free(check->machine, block, size)
#include <uthash.h>

#define PAGE_BYTES  IOMMUSIM_PAGE_SIZE
#define NOT_OF_PAGE (IOMMUSIM_PAGE_SIZE - 1) /* bits of an address within its page */

struct shadow_node {
	UT_hash_handle hh;
	uint64_t address;
	uint64_t units;    /* that reach it */
	uint64_t parent;   /* address of the entry that led here last; 0: a register */
	uint64_t *copy;    /* what it held; NULL at level 1, where nothing hangs below */
	uint64_t reserved; /* level 1: bits that one of the units minds */
	uint32_t links;    /* that lead here */
	uint16_t segment;
	uint16_t rid; /* of the first entry, where entries belong to requesters */
	uint8_t kind; /* enum unit_table */
	uint8_t level;
	bool freed; /* its owner has given it back: what it holds means nothing */
};

struct shadow_leaf {
	UT_hash_handle hh;
	uint64_t memory; /* the first page of what it maps */
	uint64_t entry;
	uint32_t count; /* leaves that begin there */
	uint8_t kind;
	uint8_t level;
};

struct shadow_block {
	struct shadow_block *next;
	size_t size; /* of this structure with what is in it */
};

#define BLOCK_THINGS 64u

/* Where a link comes from. */
struct origin {
	uint64_t entry; /* 0: a register */
	uint64_t units;
	uint16_t segment;
};

static void link_table(
    struct iommusim_check *check, const struct shadow_link *link, const struct origin *origin);
static void unlink_table(struct iommusim_check *check, const struct shadow_link *link);

static struct shadow_node *node_at(const struct iommusim_check *check, uint64_t page)
{
	struct shadow_node *node;

	HASH_FIND(hh, check->shadow.nodes, &page, sizeof(page), node);
	return node;
}

/* Stores come in rows to one page. */
static struct shadow_node *node_stored_to(struct iommusim_check *check, uint64_t page)
{
	if (check->shadow.cursor != page || page == 0) {
		check->shadow.cursor_node = node_at(check, page);
		check->shadow.cursor = page;
	}
	return check->shadow.cursor_node;
}

static void forget_cursor(struct iommusim_check *check)
{
	check->shadow.cursor = 0;
}

/* No memory to follow tables with: from here on nothing is said of them, rather than something false. */
static void go_blind(struct iommusim_check *check)
{
	check->shadow.blind = true;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool add_block(struct iommusim_check *check, struct shadow_pool *pool, size_t size)
{
	const size_t whole = sizeof(struct shadow_block) + BLOCK_THINGS * size;
	struct shadow_block *block = machine_alloc(check->machine, whole);
	uint8_t *at = (uint8_t *)(block + 1);

	if (block == NULL)
		return false;
	*block = (struct shadow_block){ .next = pool->blocks, .size = whole };
	pool->blocks = block;
	for (unsigned i = 0; i < BLOCK_THINGS; i++, at += size) {
		memcpy(at, &pool->free, sizeof(pool->free));
		pool->free = at;
	}
	return true;
}

static void *pool_take(struct iommusim_check *check, struct shadow_pool *pool, size_t size)
{
	void *thing;

	if (pool->free == NULL && !add_block(check, pool, size))
		return NULL;
	thing = pool->free;
	memcpy(&pool->free, thing, sizeof(pool->free));
	memset(thing, 0, size);
	return thing;
}

static void pool_give(struct shadow_pool *pool, void *thing)
{
	memcpy(thing, &pool->free, sizeof(pool->free));
	pool->free = thing;
}

static void pool_free(struct iommusim_check *check, struct shadow_pool *pool)
{
	struct shadow_block *block;

	while ((block = pool->blocks) != NULL) {
		pool->blocks = block->next;
		machine_free(check->machine, block, block->size);
	}
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool load(const struct iommusim_check *check, uint64_t address, unsigned quads, uint64_t *entry)
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

static struct shadow_entry entry_of(const struct iommusim_check *check, const struct shadow_node *node,
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

static struct origin origin_of(const struct shadow_entry *entry)
{
	return (struct origin){ entry->address, entry->units, entry->segment };
}

/* ---- large leaves ---------------------------------------------------------------------------- */

static void add_leaf(struct iommusim_check *check, const struct shadow_entry *entry)
{
	struct shadow_leaf *leaf;
	uint64_t memory;

	if (shadow_large_leaf(entry->table, entry->now, entry->level, &memory) == 0)
		return;
	HASH_FIND(hh, check->shadow.leaves, &memory, sizeof(memory), leaf);
	if (leaf == NULL) {
		leaf = machine_alloc_zeroed(check->machine, sizeof(*leaf));
		if (leaf == NULL) {
			go_blind(check);
			return;
		}
		leaf->memory = memory;
		HASH_ADD(hh, check->shadow.leaves, memory, sizeof(memory), leaf);
		if (leaf->hh.tbl == NULL) {
			machine_free(check->machine, leaf, sizeof(*leaf));
			go_blind(check);
			return;
		}
	}
	leaf->entry = entry->address;
	leaf->kind = entry->table;
	leaf->level = entry->level;
	leaf->count++;
}

static void drop_leaf(
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

/* ---- linking --------------------------------------------------------------------------------- */

static void link_below(struct iommusim_check *check, const struct shadow_entry *entry)
{
	const struct origin origin = origin_of(entry);
	struct shadow_link links[SHADOW_LINKS];
	const unsigned count = entry->kind->links(entry->now, entry->level, entry->rid, links);

	if (entry->kind->paging)
		add_leaf(check, entry);
	for (unsigned i = 0; i < count; i++)
		link_table(check, &links[i], &origin);
}

/* A present entry has come: what it is itself, and what it leads to. */
static void entry_comes(struct iommusim_check *check, const struct shadow_entry *entry)
{
	if (entry->units != 0)
		check_entry(check, entry);
	link_below(check, entry);
}

static void entry_goes(struct iommusim_check *check, const struct shadow_kind *kind, unsigned table,
    unsigned level, const uint64_t *was)
{
	struct shadow_link links[SHADOW_LINKS];
	const unsigned count = kind->links(was, level, 0, links);

	if (kind->paging)
		drop_leaf(check, table, was, level);
	for (unsigned i = 0; i < count; i++)
		unlink_table(check, &links[i]);
}

/* Do two present entries in the same place lead to the same? */
static bool same_links(const struct shadow_entry *entry, const uint64_t *was)
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

static bool has_copy(unsigned kind, unsigned level)
{
	return !shadow_kind(kind)->paging || level > 1;
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
static void look_over(
    struct iommusim_check *check, struct shadow_node *node, unsigned from, unsigned to)
{
	const uint64_t *entries = iommusim_memory_host(check->machine, node->address, PAGE_BYTES);

	for (unsigned index = from; entries != NULL && node->reserved != 0 && index < to; index++) {
		const uint64_t now = __atomic_load_n(&entries[index], __ATOMIC_RELAXED);

		if ((now & node->reserved) != 0 && shadow_kind(node->kind)->present(&now)) {
			const struct shadow_entry entry = entry_of(check, node, index, &now);

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
		look_over(check, node, 0, PAGE_BYTES / 8);
		return;
	}
	if (!load(check, node->address, PAGE_BYTES / 8, node->copy)) {
		memset(node->copy, 0, PAGE_BYTES); /* no memory there: hardware finds out */
		return;
	}
	for (unsigned index = 0; index < count && !check->shadow.blind; index++) {
		const uint64_t *now = &node->copy[(size_t)index * kind->quads];

		if (kind->present(now)) {
			const struct shadow_entry entry = entry_of(check, node, index, now);

			entry_comes(check, &entry);
		}
	}
}

static void let_go(struct iommusim_check *check, struct shadow_node *node)
{
	const struct shadow_kind *kind = shadow_kind(node->kind);
	const unsigned count = (unsigned)(PAGE_BYTES / 8 / kind->quads);

	for (unsigned index = 0; node->copy != NULL && index < count; index++) {
		const uint64_t *was = &node->copy[(size_t)index * kind->quads];

		if (kind->present(was))
			entry_goes(check, kind, node->kind, node->level, was);
	}
}

static void free_node(struct iommusim_check *check, struct shadow_node *node)
{
	if (node->copy != NULL)
		pool_give(&check->shadow.copies_free, node->copy);
	pool_give(&check->shadow.nodes_free, node);
}

static bool give_copy(struct iommusim_check *check, struct shadow_node *node)
{
	if (!has_copy(node->kind, node->level) || node->copy != NULL)
		return true;
	node->copy = pool_take(check, &check->shadow.copies_free, PAGE_BYTES);
	return node->copy != NULL;
}

static struct shadow_node *new_node(
    struct iommusim_check *check, uint64_t page, const struct shadow_link *link)
{
	struct shadow_node *node = pool_take(check, &check->shadow.nodes_free, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->address = page;
	node->kind = link->kind;
	node->level = link->level;
	if (give_copy(check, node)) {
		forget_cursor(check);
		HASH_ADD(hh, check->shadow.nodes, address, sizeof(node->address), node);
		if (node->hh.tbl != NULL)
			return node;
	}
	free_node(check, node);
	return NULL;
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
			    node_at(check, links[i].address + page * PAGE_BYTES);

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
		look_over(check, node, 0, PAGE_BYTES / 8);
	}
	for (unsigned index = 0; node->copy != NULL && index < count; index++) {
		const uint64_t *now = &node->copy[(size_t)index * kind->quads];
		struct shadow_entry entry;

		if (!kind->present(now))
			continue;
		entry = entry_of(check, node, index, now);
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
	if (!has_copy(node->kind, node->level) && node->copy != NULL) {
		pool_give(&check->shadow.copies_free, node->copy);
		node->copy = NULL;
	}
	return give_copy(check, node);
}

/* Does a page that is a table in one place now become another kind of table in a second? */
static void note_second_use(struct iommusim_check *check, const struct shadow_node *node,
    const struct shadow_link *link, const struct origin *origin)
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
    const struct origin *origin)
{
	struct shadow_node *node = node_at(check, page);
	bool fresh = false;

	if (check->shadow.blind)
		return;
	if (node == NULL) {
		node = new_node(check, page, link);
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
		go_blind(check);
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

static void link_table(
    struct iommusim_check *check, const struct shadow_link *link, const struct origin *origin)
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

static void unlink_table(struct iommusim_check *check, const struct shadow_link *link)
{
	for (uint32_t i = 0; i < link->pages; i++) {
		struct shadow_node *node = node_at(check, link->address + i * PAGE_BYTES);

		if (check->shadow.nodes == NULL || node == NULL || node->kind != link->kind ||
		    node->level != link->level || --node->links > 0)
			continue;
		forget_cursor(check);
		HASH_DEL(check->shadow.nodes, node);
		if (!node->freed)
			let_go(check, node);
		free_node(check, node);
	}
}

/* ---- roots ----------------------------------------------------------------------------------- */

static bool same_roots(const struct unit_roots *a, const struct unit_roots *b)
{
	return a->root_kind == b->root_kind && a->root == b->root && a->root_pages == b->root_pages &&
	    a->interrupts == b->interrupts && a->interrupt_pages == b->interrupt_pages;
}

static void take_roots(struct iommusim_check *check, unsigned number, const struct unit_roots *roots)
{
	struct shadow_unit *unit = &check->shadow.units[number];
	const struct origin origin = { 0, UINT64_C(1) << number, unit->unit->segment };
	const struct unit_roots old = unit->roots;
	const struct shadow_link links[] = {
		{ roots->root, roots->root_pages, (uint8_t)roots->root_kind, 0, 0 },
		{ roots->interrupts, roots->interrupt_pages, UNIT_INTERRUPT, 0, 0 },
	};
	const struct shadow_link gone[] = {
		{ old.root, old.root_pages, (uint8_t)old.root_kind, 0, 0 },
		{ old.interrupts, old.interrupt_pages, UNIT_INTERRUPT, 0, 0 },
	};

	unit->roots = *roots;
	for (unsigned i = 0; i < 2; i++)
		link_table(check, &links[i], &origin);
	for (unsigned i = 0; i < 2; i++)
		unlink_table(check, &gone[i]);
}

static void find_units(struct iommusim_check *check)
{
	struct shadow *shadow = &check->shadow;
	struct iommusim_unit *unit;

	shadow->unit_count = 0;
	TAILQ_FOREACH (unit, &check->machine->units, link) {
		if (shadow->unit_count == SHADOW_UNITS)
			return;
		shadow->units[shadow->unit_count++].unit = unit;
	}
}

void shadow_sync(struct iommusim_check *check)
{
	check->shadow.said = 0;
	if (check->shadow.blind || !check->shadow.dirty)
		return;
	check->shadow.dirty = !RB_EMPTY(&check->machine->clock.events); /* what is late will come */
	find_units(check);
	for (unsigned i = 0; i < check->shadow.unit_count && !check->shadow.blind; i++) {
		struct unit_roots roots = { .root = 0 };

		check->shadow.units[i].unit->model->roots(check->shadow.units[i].unit, &roots);
		if (!same_roots(&roots, &check->shadow.units[i].roots))
			take_roots(check, i, &roots);
	}
}

/* ---- stores ---------------------------------------------------------------------------------- */

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
	const struct shadow_entry nothing = entry_of(check, node, index, NULL);
	struct shadow_entry entry;
	unsigned changed = 0;

	if (!load(check, nothing.address, kind->quads, now))
		return;
	memcpy(was, kept, kind->quads * sizeof(*was));
	for (unsigned quad = 0; quad < kind->quads; quad++)
		changed |= (unsigned)(was[quad] != now[quad]) << quad;
	if (changed == 0)
		return;
	memcpy(kept, now, kind->quads * sizeof(*now));
	entry = entry_of(check, node, index, now);
	note_stored(check, &entry, changed, kind->present(was));
	if (kind->present(was) && kind->present(now) && same_links(&entry, was)) {
		if (entry.units != 0)
			check_entry(check, &entry);
		return;
	}
	if (kind->present(was))
		entry_goes(check, kind, node->kind, node->level, was);
	if (kind->present(now))
		entry_comes(check, &entry);
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
static void look_at_leaf(struct iommusim_check *check, uint64_t page, uint64_t address, uint64_t length)
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
	if (!load(check, address & ~UINT64_C(7), 1, &now))
		return;
	if (!by_ops && (check->depth == 0 || !is_guests(check, address)) &&
	    ((check->ops_used && check->depth == 0) || length != 8 || address % 8 != 0 ||
		!shadow_kind(leaf->kind)->present(&now)))
		return;
	judged = (struct shadow_judged){ leaf->entry, address, now, leaf->kind, leaf->level };
	check_leaf_used(check, &judged);
}

/* Of the driver, in a call of vmm's: others write there, too, but not then. Once a call. */
static void note_page_0(struct iommusim_check *check, uint64_t address)
{
	uint64_t now = 0;

	if (check->depth == 0 || check->shadow.null_said_at == check->place + 1 ||
	    !load(check, address & ~UINT64_C(7), 1, &now))
		return;
	check->shadow.null_said_at = check->place + 1;
	check_null_table(check, address, now);
}

void shadow_call_begins(struct iommusim_check *check)
{
	struct shadow *shadow = &check->shadow;
	const uint8_t *now;

	if (!check->machine->stores.silent || shadow->blind)
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

	if (check->shadow.page_0 == NULL || now == NULL || node_at(check, 0) != NULL)
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

static void page_changed(struct iommusim_check *check, uint64_t page, uint64_t from, uint64_t to)
{
	struct shadow_node *node = node_stored_to(check, page);
	uint64_t bytes;

	if (node == NULL) {
		if (page == 0)
			note_page_0(check, from);
		look_at_leaf(check, page, from, to - from);
		return;
	}
	if (node->freed)
		return;
	if (node->copy == NULL) {
		look_over(check, node, (unsigned)((from - page) / 8), (unsigned)((to - page + 7) / 8));
		return;
	}
	bytes = shadow_kind(node->kind)->quads * UINT64_C(8);
	for (uint64_t at = (from & NOT_OF_PAGE) / bytes * bytes;
	     at < to - page && !check->shadow.blind && node_at(check, page) == node; at += bytes)
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
		page_changed(check, page, page < address ? address : page,
		    end < page + PAGE_BYTES ? end : page + PAGE_BYTES);
}

/* The first table that is not as it was seen last. */
static struct shadow_node *changed_node(const struct iommusim_check *check)
{
	struct shadow_node *node, *next;

	HASH_ITER (hh, check->shadow.nodes, node, next) {
		const uint8_t *now;

		if (node->copy == NULL || node->freed)
			continue;
		now = memory_at(&check->machine->memory, node->address, PAGE_BYTES);
		if (now != NULL && memcmp(node->copy, now, PAGE_BYTES) != 0)
			return node;
	}
	return NULL;
}

/* Each round takes one table over, and others come and go with it. */
void shadow_compare(struct iommusim_check *check)
{
	struct shadow_node *node;

	if (!check->machine->stores.silent)
		return;
	shadow_sync(check);
	while (!check->shadow.blind && (node = changed_node(check)) != NULL) {
		const uint64_t page = node->address;

		visible_store(check);
		page_changed(check, page, page, page + PAGE_BYTES);
		node = node_at(check, page);
		if (node != NULL && changed_node(check) == node)
			return; /* something of it cannot be taken over */
	}
}

/* ---- pages that come and go --------------------------------------------------------------------- */

/* What hung below a page that was given back, and is somebody's again, is gone. */
void shadow_taken(struct iommusim_check *check, uint64_t page)
{
	struct shadow_node *node = node_at(check, page);

	if (check->shadow.blind || node == NULL || !node->freed || node->copy == NULL)
		return;
	memset(node->copy, 0, PAGE_BYTES);
}

/* The entry outside of paging tables by which units come to a page. */
static struct shadow_entry way_to(
    const struct iommusim_check *check, const struct shadow_node *node, uint64_t *now)
{
	for (unsigned steps = 0; steps < 16 && node->parent != 0; steps++) {
		const struct shadow_node *above = node_at(check, node->parent & ~NOT_OF_PAGE);

		if (above == NULL)
			break;
		if (!shadow_kind(above->kind)->paging) {
			const uint64_t bytes = shadow_kind(above->kind)->quads * UINT64_C(8);

			load(check, node->parent, shadow_kind(above->kind)->quads, now);
			return entry_of(
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

	shadow_compare(check);
	shadow_sync(check);
	node = node_at(check, page);
	if (check->shadow.blind || node == NULL || node->freed)
		return;
	way = way_to(check, node, now);
	let_go(check, node);
	node->freed = true;
	if (node->units == 0 || way.units == 0 || check->shadow.said_at == check->place + 1)
		return;
	check->shadow.said_at = check->place + 1;
	check_freed_table(check, &way, page);
}

void shadow_free(struct iommusim_check *check)
{
	struct shadow_node *node, *next_node;
	struct shadow_leaf *leaf, *next_leaf;

	HASH_ITER (hh, check->shadow.nodes, node, next_node) {
		HASH_DEL(check->shadow.nodes, node);
		free_node(check, node);
	}
	pool_free(check, &check->shadow.nodes_free);
	pool_free(check, &check->shadow.copies_free);
	if (check->shadow.page_0 != NULL)
		machine_free(check->machine, check->shadow.page_0, PAGE_BYTES);
	HASH_ITER (hh, check->shadow.leaves, leaf, next_leaf) {
		HASH_DEL(check->shadow.leaves, leaf);
		machine_free(check->machine, leaf, sizeof(*leaf));
	}
}
