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

	plan->place = 0;
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

bool plan_find_from_root(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page)
{
	const struct page_plain *plain = &plan->plain[kind];

	plan->place = 0;
	if (address >= plan->limit || is_interrupt_address(address))
		return false;
	plan->tables = plan_table(plan, plan->root);
	plan->place_plain = plain;

	for (unsigned level = plan->levels; level > 2; level--) {
		const uint64_t *at = plan->tables + page_level_index(address, level);
		const uint64_t entry = plan_load(at);

		if (!step_down(plan, &plain->table[level], level, at, entry))
			return level <= PAGE_PLAIN_LEAVES &&
			    plan_take_leaf(plain, level, address, entry, page);
	}
	if (may_be_place(plan, address))
		plan->place = plan_place(address, kind);
	return plan_find_below(plan, plan->tables, plan->place_plain, address, page);
}

bool plan_find(struct plan *plan, unsigned kind, uint64_t address, struct plan_page *page)
{
	if (plan_stands(plan))
		return plan_find_from_root(plan, kind, address, page);
	plan->stamp = 0;
	return false;
}
