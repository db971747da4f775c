/* Plans: making them, and finding pages from the root of the tables on. What comes often is in plan.h. */
#include "machine/plan.h"

#define LEAST_LEVELS 3u /* else there is nothing above level 2 */

bool plan_add_entry(struct plan *plan, const struct memory *memory, unsigned number, uint64_t address,
    const uint64_t value[2], bool snoop)
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);
	struct plan_entry *entry = &plan->entries[number];

	if (window == NULL || number >= PLAN_ENTRIES)
		return false;
	entry->at = (const uint64_t *)(const void *)((snoop ? window->host : window->device) +
	    (address - window->base));
	entry->value[0] = value[0];
	entry->value[1] = value[1];
	return true;
}

bool plan_set_tables(
    struct plan *plan, const struct memory *memory, uint64_t root, unsigned levels, bool snoop)
{
	const struct memory_window *window = memory_find(memory, root);

	if (window == NULL || memory->broken_count != 0 || levels < LEAST_LEVELS)
		return false;

	plan->place_kind = PLAN_NOBODY;
	plan->root = root;
	plan->levels = (uint8_t)levels;
	plan->window_base = window->base;
	plan->window_length = window->length;
	plan->window = snoop ? window->host : window->device;
	return true;
}

/* A place that requests for interrupts, or beyond the limit, are in too, is none; nor is one further down. */
static bool may_be_place(const struct plan *plan, uint64_t address)
{
	const uint64_t first = address >> PLAN_PLACE_SHIFT << PLAN_PLACE_SHIFT;
	const uint64_t last = first | ((UINT64_C(1) << PLAN_PLACE_SHIFT) - 1);

	return plan->levels <= LEAST_LEVELS - 1 + PLAN_UPPER && last < plan->limit &&
	    (last < INTERRUPT_FIRST || first > INTERRUPT_LAST);
}

/* One step down, remembered as the way to a place. False: it is not plain, or leads out of the window. */
static bool step_down(struct plan *plan, const struct page_plain_entry *plain, unsigned level,
    const uint64_t *at, uint64_t entry)
{
	const uint64_t table = entry & plan->plain[0].table_bits;

	if (!page_plain_is(plain, entry) || !plan_has_table(plan, table))
		return false;
	for (unsigned i = plan->levels - level; i < PLAN_UPPER; i++) {
		plan->upper[i] = at;
		plan->upper_value[i] = entry;
	}
	plan->tables = plan_table(plan, table);
	return true;
}

/* Down to the level 2 table, which is `tables` then. Else 0, or the level of an entry that does not lead on. */
static unsigned descend(
    struct plan *plan, const struct page_plain *plain, uint64_t address, uint64_t *entry)
{
	plan->tables = plan_table(plan, plan->root);
	for (unsigned level = plan->levels; level > 2; level--) {
		const uint64_t *at = plan->tables + page_level_index(address, level);

		*entry = plan_load(at);
		if (!step_down(plan, &plain->table[level], level, at, *entry))
			return level;
	}
	return 0;
}

/* `tables` and what leads there are those of a place. */
static void settle(struct plan *plan, unsigned kind, uint64_t address)
{
	plan->place = address >> PLAN_PLACE_SHIFT << PLAN_PLACE_SHIFT;
	plan->place_kind = kind;
	plan->place_plain = &plan->plain[kind];
	plan->usual = plan->kinds_usual[kind];
}

bool plan_enter(struct plan *plan, unsigned kind, uint64_t address)
{
	uint64_t entry;

	plan->place_kind = PLAN_NOBODY;
	if (!may_be_place(plan, address) || descend(plan, &plan->plain[kind], address, &entry) != 0)
		return false;
	settle(plan, kind, address);
	return true;
}

/* From an entry of level 2 on, whatever it is. False: not planned. */
static bool find_under(const struct plan *plan, const struct page_plain *plain, uint64_t address,
    uint64_t entry, struct plan_page *page)
{
	const uint64_t table = entry & plain->table_bits;

	if (!page_plain_is(&plain->table[2], entry))
		return plan_take_leaf(plain, 2, address, entry, page);
	return plan_has_table(plan, table) &&
	    plan_take_leaf(plain, 1, address,
		plan_load(plan_table(plan, table) + page_level_index(address, 1)), page);
}

bool plan_find_from_root(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page)
{
	const struct page_plain *plain = &plan->plain[kind];
	uint64_t entry;
	unsigned ended;

	plan->place_kind = PLAN_NOBODY;
	if (address >= plan->limit || is_interrupt_address(address))
		return false;
	ended = descend(plan, plain, address, &entry);
	if (ended != 0)
		return ended <= PAGE_PLAIN_LEAVES && plan_take_leaf(plain, ended, address, entry, page);
	if (may_be_place(plan, address))
		settle(plan, kind, address);
	entry = plan_load(plan->tables + page_level_index(address, 2));
	return find_under(plan, plain, address, entry, page);
}

/* Addresses of tables in the window have no bit that entries must not have: then one comparison says it all. */
static void find_usual(struct plan *plan, unsigned kind)
{
	const struct page_plain *plain = &plan->plain[kind];
	const uint64_t last = plan->window_base + plan->window_length - 1;
	const uint64_t reserved = plain->table[2].mask & plain->table_bits;
	const uint64_t lowest = reserved & (~reserved + 1);
	const bool fits =
	    (last | (IOMMUSIM_PAGE_SIZE - 1)) <= (plain->table_bits | (IOMMUSIM_PAGE_SIZE - 1)) &&
	    (reserved == 0 || last < lowest);

	plan->kinds_usual[kind].first = plan->window_base + plain->usual;
	plan->kinds_usual[kind].room =
	    fits && page_plain_is(&plain->table[2], plain->usual) ? plan->window_length : 0;
}

void plan_complete(struct plan *plan)
{
	for (unsigned kind = 0; kind < PLAN_KINDS; kind++)
		find_usual(plan, kind);
}

bool plan_find(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page)
{
	if (plan_stands(plan))
		return plan_find_from_root(plan, kind, address, page);
	plan->stamp = 0;
	return false;
}
