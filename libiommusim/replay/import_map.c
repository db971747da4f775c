/* The importers' memory: growing arrays, and a map of numbers. What they are for is not known here. */
#include <string.h>

#include "replay/import.h"

enum slot_state { SLOT_FREE, SLOT_TAKEN, SLOT_REMOVED };

struct import_map_slot {
	uint64_t key;
	uint32_t value;
	uint32_t state;
};

enum { FIRST_SLOTS = 64, FIRST_ELEMENTS = 64 };

static void *allocate(struct importer *importer, size_t size)
{
	void *block = importer->allocator.allocate(importer->allocator.context, size);

	importer->out_of_memory |= block == NULL;
	return block;
}

void import_release(struct importer *importer, void *block, size_t size)
{
	if (block != NULL)
		importer->allocator.release(importer->allocator.context, block, size);
}

bool import_grow(struct importer *importer, void **array, size_t count, size_t *room, size_t size)
{
	const size_t larger = *room == 0 ? FIRST_ELEMENTS : *room * 2;
	void *block;

	if (count < *room)
		return true;
	block = larger > SIZE_MAX / size ? NULL : allocate(importer, larger * size);
	if (block == NULL) {
		importer->out_of_memory = true;
		return false;
	}
	if (count != 0)
		memcpy(block, *array, count * size);
	import_release(importer, *array, *room * size);
	*array = block;
	*room = larger;
	return true;
}

/* ---- the map ------------------------------------------------------------------------------------------- */

/* Pointers and process ids differ in few bits, and in low ones or high ones. */
static size_t hash(uint64_t key)
{
	key ^= key >> 33;
	key *= UINT64_C(0xff51afd7ed558ccd);
	key ^= key >> 33;
	return (size_t)key;
}

static struct import_map_slot *find(const struct import_map *map, uint64_t key)
{
	if (map->room == 0)
		return NULL;
	for (size_t at = hash(key) & (map->room - 1);; at = (at + 1) & (map->room - 1)) {
		struct import_map_slot *slot = &map->slots[at];

		if (slot->state == SLOT_FREE)
			return NULL;
		if (slot->state == SLOT_TAKEN && slot->key == key)
			return slot;
	}
}

static void insert(struct import_map *map, uint64_t key, uint32_t value)
{
	size_t at = hash(key) & (map->room - 1);

	while (map->slots[at].state != SLOT_FREE)
		at = (at + 1) & (map->room - 1);
	map->slots[at] = (struct import_map_slot){ key, value, SLOT_TAKEN };
	map->used++;
}

/* Into a larger table, or one of the same size when most slots hold what was removed. */
static bool rehash(struct importer *importer, struct import_map *map)
{
	struct import_map larger = { .room = FIRST_SLOTS };
	size_t taken = 0;

	for (size_t i = 0; i < map->room; i++)
		taken += map->slots[i].state == SLOT_TAKEN;
	while (larger.room < taken * 4)
		larger.room *= 2;
	larger.slots = allocate(importer, larger.room * sizeof(*larger.slots));
	if (larger.slots == NULL)
		return false;
	memset(larger.slots, 0, larger.room * sizeof(*larger.slots));
	for (size_t i = 0; i < map->room; i++)
		if (map->slots[i].state == SLOT_TAKEN)
			insert(&larger, map->slots[i].key, map->slots[i].value);
	import_map_free(importer, map);
	*map = larger;
	return true;
}

uint32_t *import_map_find(const struct import_map *map, uint64_t key)
{
	struct import_map_slot *slot = find(map, key);

	return slot == NULL ? NULL : &slot->value;
}

bool import_map_put(struct importer *importer, struct import_map *map, uint64_t key, uint32_t value)
{
	struct import_map_slot *slot = find(map, key);

	if (slot != NULL) {
		slot->value = value;
		return true;
	}
	if (map->used * 2 >= map->room && !rehash(importer, map))
		return false;
	insert(map, key, value);
	return true;
}

void import_map_remove(struct import_map *map, uint64_t key)
{
	struct import_map_slot *slot = find(map, key);

	if (slot != NULL)
		slot->state = SLOT_REMOVED;
}

void import_map_free(struct importer *importer, struct import_map *map)
{
	import_release(importer, map->slots, map->room * sizeof(*map->slots));
	*map = (struct import_map){ .room = 0 };
}
