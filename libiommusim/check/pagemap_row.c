/* The page map's rows: single pages in what is at hand, many at once. The tree itself is pagemap.c's. */
#include "check/pagemap.h"

static unsigned index_of(uint64_t address)
{
	return (unsigned)(address >> IOMMUSIM_PAGE_SHIFT) % PAGEMAP_FANOUT;
}

bool pagemap_is_at_hand(const struct pagemap *map, uint64_t address)
{
	return address / (IOMMUSIM_PAGE_SIZE * PAGEMAP_FANOUT) == map->cursor;
}

bool pagemap_any_has(const struct pagemap *map, uint64_t address, unsigned count, uint64_t flag)
{
	const uint64_t *value = &map->cursor_node->value[index_of(address)];
	uint64_t all = 0;

	for (unsigned i = 0; i < count; i++)
		all |= value[i];
	return (all & flag) != 0;
}

#define AT_ONCE 8u /* a loop of so many is a few wide instructions */

void pagemap_set_row(struct pagemap *map, uint64_t address, const uint64_t *restrict pages,
    unsigned count, uint64_t flags, uint32_t stamp)
{
	const unsigned first = index_of(address);
	uint64_t *restrict value = &map->cursor_node->value[first];
	uint32_t *restrict stamps = &map->cursor_node->stamp[first];
	unsigned i = 0;

	for (; i + AT_ONCE <= count; i += AT_ONCE) {
		for (unsigned j = 0; j < AT_ONCE; j++)
			value[i + j] = pages[i + j] | flags;
		for (unsigned j = 0; j < AT_ONCE; j++)
			stamps[i + j] = stamp + i + j;
	}
	for (; i < count; i++) {
		value[i] = pages[i] | flags;
		stamps[i] = stamp + i;
	}
}

void pagemap_flag_row(
    struct pagemap *map, uint64_t address, unsigned count, uint64_t set, uint64_t clear, uint32_t stamp)
{
	uint64_t *value = &map->cursor_node->value[index_of(address)];
	uint32_t *stamps = &map->cursor_node->stamp[index_of(address)];

	for (unsigned i = 0; i < count; i++) {
		if (value[i] == 0)
			continue;
		value[i] = (value[i] | set) & ~clear;
		stamps[i] = stamp + i;
	}
}
