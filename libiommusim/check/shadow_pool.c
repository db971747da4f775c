/* Memory for the nodes and copies of the shadow, which come and go by the thousand. */
#include <string.h>

#include "check/shadow_node.h"

struct shadow_block {
	struct shadow_block *next;
	size_t size; /* of this structure with what is in it */
};

#define BLOCK_THINGS 64u

static bool add_block(struct iommusim_check *check, struct shadow_pool *pool, size_t size)
{
	const size_t whole = sizeof(struct shadow_block) + BLOCK_THINGS * size;
	struct shadow_block *block = machine_alloc(check->machine, whole);
	uint8_t *at;

	if (block == NULL)
		return false;
	at = (uint8_t *)(block + 1);
	*block = (struct shadow_block){ .next = pool->blocks, .size = whole };
	pool->blocks = block;
	for (unsigned i = 0; i < BLOCK_THINGS; i++, at += size) {
		memcpy(at, &pool->free, sizeof(pool->free));
		pool->free = at;
	}
	return true;
}

void *shadow_pool_take(struct iommusim_check *check, struct shadow_pool *pool, size_t size)
{
	void *thing;

	if (pool->free == NULL && !add_block(check, pool, size))
		return NULL;
	thing = pool->free;
	memcpy(&pool->free, thing, sizeof(pool->free));
	memset(thing, 0, size);
	return thing;
}

void shadow_pool_give(struct shadow_pool *pool, void *thing)
{
	memcpy(thing, &pool->free, sizeof(pool->free));
	pool->free = thing;
}

void shadow_pool_free(struct iommusim_check *check, struct shadow_pool *pool)
{
	struct shadow_block *block;

	while ((block = pool->blocks) != NULL) {
		pool->blocks = block->next;
		machine_free(check->machine, block, block->size);
	}
}
