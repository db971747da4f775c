/* The page map: a radix tree whose entries stand for a whole range until part of it differs. */
#include "check/pagemap.h"

#include <string.h>

#define FLAGS (IOMMUSIM_PAGE_SIZE - 1)

void pagemap_init(struct pagemap *map, struct iommusim_machine *machine)
{
	memset(map, 0, sizeof(*map));
	map->machine = machine;
	map->cursor = UINT64_MAX;
}

static size_t node_size(unsigned level)
{
	return sizeof(struct pagemap_node) +
	    (level == 0 ? 0 : PAGEMAP_FANOUT * sizeof(struct pagemap_above));
}

static void free_node(struct pagemap *map, struct pagemap_node *node, unsigned level)
{
	if (node == NULL)
		return;
	for (unsigned i = 0; level > 0 && i < PAGEMAP_FANOUT; i++)
		free_node(map, node->above[i].child, level - 1);
	machine_free(map->machine, node, node_size(level));
}

void pagemap_fini(struct pagemap *map)
{
	free_node(map, map->root, PAGEMAP_LEVELS - 1);
	free_node(map, map->spare, 0);
	pagemap_init(map, map->machine);
}

/* Pages that one entry of a node covers, as a power of two. */
static unsigned entry_shift(unsigned level)
{
	return 9 * level;
}

static unsigned entry_index(uint64_t page, unsigned level)
{
	return (unsigned)(page >> entry_shift(level)) & (PAGEMAP_FANOUT - 1);
}

/* A value so many pages on. */
static uint64_t advance(uint64_t value, uint64_t pages)
{
	return value == 0 ? 0 : value + (pages << IOMMUSIM_PAGE_SHIFT);
}

/* A node in which nothing is known yet. The spare one is for when there is no memory. NULL: none of both. */
static struct pagemap_node *new_node(struct pagemap *map, unsigned level)
{
	struct pagemap_node *node = machine_alloc_zeroed(map->machine, node_size(level));

	if (node != NULL || level > 0 || map->spare == NULL)
		return node;
	node = map->spare;
	map->spare = NULL;
	memset(node, 0, node_size(0));
	return node;
}

/* The child of an entry, made of what the entry said as a whole. NULL: no memory. */
static struct pagemap_node *make_child(
    struct pagemap *map, struct pagemap_node *node, unsigned index, unsigned level)
{
	struct pagemap_node *child = node->above[index].child;
	const uint32_t step = node->above[index].step;

	if (child != NULL)
		return child;
	child = new_node(map, level - 1);
	if (child == NULL)
		return NULL;
	for (unsigned i = 0; node->value[index] != 0 && i < PAGEMAP_FANOUT; i++) {
		const uint64_t pages = (uint64_t)i << entry_shift(level - 1);

		child->value[i] = advance(node->value[index], pages);
		child->stamp[i] = node->stamp[index] + (uint32_t)pages * step;
		if (level > 1)
			child->above[i].step = step;
	}
	node->above[index].child = child;
	return child;
}

/* Split entries so that `page` begins one. */
static bool split_at(struct pagemap *map, uint64_t page)
{
	struct pagemap_node *node = map->root;

	for (unsigned level = PAGEMAP_LEVELS - 1; level > 0; level--) {
		if ((page & ((UINT64_C(1) << entry_shift(level)) - 1)) == 0)
			return true;
		node = make_child(map, node, entry_index(page, level), level);
		if (node == NULL)
			return false;
	}
	return true;
}

/* Could an entry above speak for all of the lowest node? */
static bool is_range(const struct pagemap_node *node, uint32_t step)
{
	const unsigned last = PAGEMAP_FANOUT - 1;

	if (node->value[last] != advance(node->value[0], last) ||
	    (node->value[0] != 0 && node->stamp[last] != node->stamp[0] + last * step))
		return false; /* mostly */
	for (unsigned i = 1; i < last; i++)
		if (node->value[i] != advance(node->value[0], i) ||
		    (node->value[0] != 0 && node->stamp[i] != node->stamp[0] + i * step))
			return false;
	return true;
}

/* The lowest node under the cursor, which nobody is at any more, becomes a range, if it looks like one. */
static bool fold_cursor(struct pagemap *map)
{
	const uint64_t page = map->cursor * PAGEMAP_FANOUT;
	struct pagemap_node *const leaf = map->cursor_node, *node = map->root;
	const unsigned index = entry_index(page, 1);
	uint32_t step;

	if (map->cursor == UINT64_MAX)
		return false;
	step = leaf->stamp[1] - leaf->stamp[0];
	if (!is_range(leaf, step))
		return false;
	for (unsigned level = PAGEMAP_LEVELS - 1; level > 1; level--)
		node = node->above[entry_index(page, level)].child;
	node->value[index] = leaf->value[0];
	node->stamp[index] = leaf->stamp[0];
	node->above[index].step = step;
	node->above[index].child = NULL;
	if (map->spare == NULL)
		map->spare = leaf;
	else
		free_node(map, leaf, 0);
	map->cursor = UINT64_MAX;
	return true;
}

bool pagemap_prepare_part(struct pagemap *map, uint64_t address, uint64_t length)
{
	const uint64_t page = address >> IOMMUSIM_PAGE_SHIFT;
	const uint64_t count = length >> IOMMUSIM_PAGE_SHIFT;

	if (page / PAGEMAP_FANOUT == map->cursor && (page + count - 1) / PAGEMAP_FANOUT == map->cursor)
		return true;
	if (map->root == NULL)
		map->root = machine_alloc_zeroed(map->machine, node_size(PAGEMAP_LEVELS - 1));
	return map->root != NULL && split_at(map, page) && split_at(map, page + count);
}

bool pagemap_prepare(struct pagemap *map, uint64_t address, uint64_t length)
{
	/* Without memory, what lies under the cursor may be a range by now, and give its own. */
	return pagemap_prepare_part(map, address, length) ||
	    (fold_cursor(map) && pagemap_prepare_part(map, address, length));
}

struct change {
	bool flags_only;
	uint64_t value; /* of the range's first page */
	uint64_t set;
	uint64_t clear;
	uint32_t stamp;
};

static void change_entry(struct pagemap_node *node, unsigned level, unsigned index,
    const struct change *change, uint64_t pages_in)
{
	if (!change->flags_only)
		node->value[index] = advance(change->value, pages_in);
	else if (node->value[index] != 0)
		node->value[index] = (node->value[index] | change->set) & ~change->clear;
	else
		return;
	node->stamp[index] = change->stamp;
	if (level > 0)
		node->above[index].step = 0;
}

/* Change pages first..last of the range that a node covers. `begin`: the whole range's first page. */
static void change_range(struct pagemap *map, struct pagemap_node *node, unsigned level, uint64_t first,
    uint64_t last, uint64_t begin, const struct change *change)
{
	const uint64_t span = UINT64_C(1) << entry_shift(level);

	for (uint64_t page = first; page <= last;) {
		const unsigned index = entry_index(page, level);
		const uint64_t end = (page | (span - 1)) < last ? page | (span - 1) : last;
		const bool whole = (page & (span - 1)) == 0 && end == (page | (span - 1));
		struct pagemap_node *child = level == 0 ? NULL : node->above[index].child;

		if (child != NULL && whole && !change->flags_only) {
			free_node(map, child, level - 1); /* the entry speaks for all of it again */
			node->above[index].child = child = NULL;
			map->cursor = UINT64_MAX;
		}
		if (child != NULL)
			change_range(map, child, level - 1, page, end, begin, change);
		else
			change_entry(node, level, index, change, page - begin);
		page = end + 1;
	}
}

/* The lowest node of a page, remembered for the neighbours that follow. False: it has none. */
static bool move_cursor(struct pagemap *map, uint64_t page)
{
	struct pagemap_node *node = map->root;

	if (page / PAGEMAP_FANOUT == map->cursor)
		return true;
	for (unsigned level = PAGEMAP_LEVELS - 1; level > 0 && node != NULL; level--)
		node = node->above[entry_index(page, level)].child;
	if (node == NULL)
		return false;
	fold_cursor(map);
	map->cursor = page / PAGEMAP_FANOUT;
	map->cursor_node = node;
	return true;
}

static void apply(struct pagemap *map, uint64_t address, uint64_t length, const struct change *change)
{
	const uint64_t first = address >> IOMMUSIM_PAGE_SHIFT;
	const uint64_t last = first + (length >> IOMMUSIM_PAGE_SHIFT) - 1;

	if (first / PAGEMAP_FANOUT == map->cursor && last / PAGEMAP_FANOUT == map->cursor) {
		for (uint64_t page = first; page <= last; page++)
			change_entry(map->cursor_node, 0, entry_index(page, 0), change, page - first);
		return;
	}
	if (first == last && move_cursor(map, first)) {
		change_entry(map->cursor_node, 0, entry_index(first, 0), change, 0);
		return;
	}
	change_range(map, map->root, PAGEMAP_LEVELS - 1, first, last, first, change);
	if (first / PAGEMAP_FANOUT == last / PAGEMAP_FANOUT)
		move_cursor(map, first);
}

/* One page beside those that were changed last. */
static bool is_at_cursor(const struct pagemap *map, uint64_t address, uint64_t length)
{
	return length == IOMMUSIM_PAGE_SIZE &&
	    address / (IOMMUSIM_PAGE_SIZE * PAGEMAP_FANOUT) == map->cursor;
}

void pagemap_set(struct pagemap *map, uint64_t address, uint64_t length, uint64_t value, uint32_t stamp)
{
	const struct change change = { .value = value, .stamp = stamp };

	if (is_at_cursor(map, address, length)) {
		const unsigned index = entry_index(address >> IOMMUSIM_PAGE_SHIFT, 0);

		map->cursor_node->value[index] = value;
		map->cursor_node->stamp[index] = stamp;
		return;
	}

	apply(map, address, length, &change);
}

void pagemap_flag(struct pagemap *map, uint64_t address, uint64_t length, uint64_t set, uint64_t clear,
    uint32_t stamp)
{
	const struct change change = {
		.flags_only = true, .set = set & FLAGS, .clear = clear & FLAGS, .stamp = stamp
	};

	if (is_at_cursor(map, address, length)) {
		change_entry(
		    map->cursor_node, 0, entry_index(address >> IOMMUSIM_PAGE_SHIFT, 0), &change, 0);
		return;
	}
	apply(map, address, length, &change);
}

/* ---- looking ------------------------------------------------------------------------------------------ */

struct pagemap_cell pagemap_get(const struct pagemap *map, uint64_t address)
{
	const uint64_t page = address >> IOMMUSIM_PAGE_SHIFT;
	const struct pagemap_node *node = map->root;

	if (page >> entry_shift(PAGEMAP_LEVELS) != 0)
		return (struct pagemap_cell){ .value = 0 };
	for (unsigned level = PAGEMAP_LEVELS - 1; node != NULL; level--) {
		const unsigned index = entry_index(page, level);
		const uint64_t in = page & ((UINT64_C(1) << entry_shift(level)) - 1);

		if (level == 0)
			return (struct pagemap_cell){ node->value[index], node->stamp[index] };
		if (node->above[index].child == NULL)
			return (struct pagemap_cell){ .value = advance(node->value[index], in),
				.stamp = node->stamp[index] + (uint32_t)in * node->above[index].step };
		node = node->above[index].child;
	}
	return (struct pagemap_cell){ .value = 0 };
}

/* Cut a length down to what is left of the entry that covers `page` at `level`. */
static void limit(uint64_t *length, uint64_t page, unsigned level)
{
	const uint64_t span = UINT64_C(1) << entry_shift(level);
	const uint64_t left = (span - (page & (span - 1))) << IOMMUSIM_PAGE_SHIFT;

	if (*length > left)
		*length = left;
}

struct pagemap_cell pagemap_run(const struct pagemap *map, uint64_t address, uint64_t *length)
{
	const uint64_t page = address >> IOMMUSIM_PAGE_SHIFT;
	const struct pagemap_node *node = map->root;

	if (page / PAGEMAP_FANOUT == map->cursor) {
		const unsigned index = entry_index(page, 0);

		limit(length, page, 0);
		return (struct pagemap_cell){ .value = map->cursor_node->value[index],
			.stamp = map->cursor_node->stamp[index] };
	}
	for (unsigned level = PAGEMAP_LEVELS - 1; level > 0 && node != NULL; level--) {
		const unsigned index = entry_index(page, level);

		if (node->above[index].child == NULL) {
			limit(length, page, node->above[index].step == 0 ? level : 0);
			return pagemap_get(map, address);
		}
		node = node->above[index].child;
	}
	limit(length, page, 0);
	return pagemap_get(map, address);
}
