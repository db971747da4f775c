/* A device's own memory. Blocks that nobody wrote are not kept: their bytes follow from their offsets. */
#include "models/devices/store.h"

#include <string.h>

#define BLOCK        4096u
#define PATTERN_MARK 0xd15cu

struct store_block {
	RB_ENTRY(store_block) link;
	uint64_t number;
	uint8_t bytes[BLOCK];
};

static int compare(const struct store_block *a, const struct store_block *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
RB_PROTOTYPE(store_tree, store_block, link, compare)
RB_GENERATE(store_tree, store_block, link, compare)
#pragma GCC diagnostic pop

void store_init(struct store *store, struct iommusim_machine *machine, uint64_t capacity, uint16_t seed)
{
	store->machine = machine;
	store->capacity = capacity;
	store->mark = (uint16_t)(PATTERN_MARK ^ seed);
	RB_INIT(&store->blocks);
}

void store_fini(struct store *store)
{
	struct store_block *block, *next;

	RB_FOREACH_SAFE (block, store_tree, &store->blocks, next) {
		RB_REMOVE(store_tree, &store->blocks, block);
		machine_free(store->machine, block, sizeof(*block));
	}
}

bool store_has(const struct store *store, uint64_t offset, uint64_t length)
{
	return length <= store->capacity && offset <= store->capacity - length;
}

static struct store_block *find(const struct store *store, uint64_t number)
{
	struct store_tree tree = store->blocks; /* RB_FIND only reads, but takes a mutable head */
	struct store_block *block = RB_ROOT(&tree);

	while (block != NULL && block->number != number)
		block = number < block->number ? RB_LEFT(block, link) : RB_RIGHT(block, link);
	return block;
}

static uint8_t pattern(const struct store *store, uint64_t offset)
{
	const uint64_t word = (uint64_t)store->mark << 48 | (offset & ~UINT64_C(7));

	return (uint8_t)(word >> (offset & 7) * 8);
}

static void fill(const struct store *store, uint64_t offset, uint8_t *buffer, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buffer[i] = pattern(store, offset + i);
}

/* Bytes from `offset` to the end of its block, at most `length`. */
static size_t in_block(uint64_t offset, size_t length)
{
	const size_t room = BLOCK - (size_t)(offset % BLOCK);

	return length < room ? length : room;
}

void store_read(const struct store *store, uint64_t offset, uint8_t *buffer, size_t length)
{
	while (length > 0) {
		const struct store_block *block = find(store, offset / BLOCK);
		const size_t part = in_block(offset, length);

		if (block == NULL)
			fill(store, offset, buffer, part);
		else
			memcpy(buffer, block->bytes + offset % BLOCK, part);
		offset += part;
		buffer += part;
		length -= part;
	}
}

static struct store_block *make(struct store *store, uint64_t number)
{
	struct store_block *block = machine_alloc(store->machine, sizeof(*block));

	if (block == NULL)
		return NULL;
	block->number = number;
	fill(store, number * BLOCK, block->bytes, BLOCK);
	RB_INSERT(store_tree, &store->blocks, block);
	return block;
}

bool store_write(struct store *store, uint64_t offset, const uint8_t *buffer, size_t length)
{
	while (length > 0) {
		struct store_block *block = find(store, offset / BLOCK);
		const size_t part = in_block(offset, length);

		if (block == NULL)
			block = make(store, offset / BLOCK);
		if (block == NULL)
			return false;
		memcpy(block->bytes + offset % BLOCK, buffer, part);
		offset += part;
		buffer += part;
		length -= part;
	}
	return true;
}
