/*
 * The baseline: page tables as a textbook has them, and an empty call. Four levels, walked from the root
 * for each page; tables from calloc; no cache, no cursor, no ranges, no checks. Nothing of iommusim.
 */
#ifndef IOMMUSIM_BENCH_TEXTBOOK_H
#define IOMMUSIM_BENCH_TEXTBOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define TEXTBOOK_READ  1u
#define TEXTBOOK_WRITE 2u

struct textbook {
	/* Whatever has one begins with a line of the cache, and so lies alike in every process. */
	_Alignas(64) uint64_t *root;
	pthread_mutex_t lock;
};

bool textbook_create(struct textbook *book);
void textbook_destroy(struct textbook *book);

/* Tables that it has, each of 4 KiB. */
uint64_t textbook_tables(const struct textbook *book);

/* One page of 4 KiB. False: no memory for a table. */
bool textbook_map(struct textbook *book, uint64_t address, uint64_t physical, unsigned rights);
/* False: it was not mapped. */
bool textbook_unmap(struct textbook *book, uint64_t address);
/* Where an access that needs `rights` goes. False: nowhere. */
bool textbook_translate(
    const struct textbook *book, uint64_t address, unsigned rights, uint64_t *physical);

/* The same under a mutex, as a thread-safe emulator is usually built. */
bool textbook_map_locked(struct textbook *book, uint64_t address, uint64_t physical, unsigned rights);
bool textbook_unmap_locked(struct textbook *book, uint64_t address);
bool textbook_translate_locked(
    struct textbook *book, uint64_t address, unsigned rights, uint64_t *physical);

/* Does nothing: what a call costs by itself. Call it through a pointer. */
bool textbook_nothing(void *context, uint64_t address, uint64_t physical, uint64_t length);

#endif
