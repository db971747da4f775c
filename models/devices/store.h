/* A device's own memory: a pattern, and over it what was ever written. */
#ifndef IOMMUSIM_DEVICES_STORE_H
#define IOMMUSIM_DEVICES_STORE_H

#include "machine/state.h"

struct store_block;
RB_HEAD(store_tree, store_block);

struct store {
	struct iommusim_machine *machine;
	uint64_t capacity; /* bytes; 0: it has none */
	uint16_t mark;     /* the top 16 bits of the pattern */
	struct store_tree blocks;
};

void store_init(
    struct store *store, struct iommusim_machine *machine, uint64_t capacity, uint16_t seed);
void store_fini(struct store *store);

/* Does the range lie within it? */
bool store_has(const struct store *store, uint64_t offset, uint64_t length);

/* The range lies within it. */
void store_read(const struct store *store, uint64_t offset, uint8_t *buffer, size_t length);
/* False: no memory for all of it. */
bool store_write(struct store *store, uint64_t offset, const uint8_t *buffer, size_t length);

#endif
