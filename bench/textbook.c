/* The textbook's page tables, plainly written. Not tuned on purpose: see textbook.h. */
#include "textbook.h"

#include <stdlib.h>

enum { LEVELS = 4, ENTRIES = 512 };

#define RIGHTS ((uint64_t)(TEXTBOOK_READ | TEXTBOOK_WRITE))

static unsigned index_at(uint64_t address, unsigned level)
{
	return (unsigned)(address >> (12 + 9 * (level - 1))) & (ENTRIES - 1);
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(entry & ~RIGHTS);
}

bool textbook_create(struct textbook *book)
{
	book->root = calloc(ENTRIES, sizeof(*book->root));
	if (book->root == NULL)
		return false;
	if (pthread_mutex_init(&book->lock, NULL) == 0)
		return true;
	free(book->root);
	book->root = NULL;
	return false;
}

static void free_table(uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level > 1 && i < ENTRIES; i++)
		if (table[i] != 0)
			free_table(table_of(table[i]), level - 1);
	free(table);
}

void textbook_destroy(struct textbook *book)
{
	if (book->root == NULL)
		return;
	free_table(book->root, LEVELS);
	book->root = NULL;
	pthread_mutex_destroy(&book->lock);
}

static uint64_t count_tables(const uint64_t *table, unsigned level)
{
	uint64_t count = 1;

	for (unsigned i = 0; level > 1 && i < ENTRIES; i++)
		if (table[i] != 0)
			count += count_tables(table_of(table[i]), level - 1);
	return count;
}

uint64_t textbook_tables(const struct textbook *book)
{
	return count_tables(book->root, LEVELS);
}

/* The entry of the lowest level for `address`; NULL where no tables are. */
static inline uint64_t *find(const struct textbook *book, uint64_t address)
{
	uint64_t *table = book->root;

	for (unsigned level = LEVELS; level > 1; level--) {
		const uint64_t entry = table[index_at(address, level)];

		if (entry == 0)
			return NULL;
		table = table_of(entry);
	}
	return &table[index_at(address, 1)];
}

/*
 * Map a page and add the tables that it needs. Apart from textbook_map(), so that a page that needs none
 * does not save registers for this: the baseline shall be a good one.
 */
static __attribute__((noinline)) bool map_with_tables(
    struct textbook *book, uint64_t address, uint64_t physical, unsigned rights)
{
	uint64_t *table = book->root;

	for (unsigned level = LEVELS; level > 1; level--) {
		uint64_t *entry = &table[index_at(address, level)];

		if (*entry == 0) {
			uint64_t *below = calloc(ENTRIES, sizeof(*below));

			if (below == NULL)
				return false;
			*entry = (uint64_t)(uintptr_t)below | RIGHTS;
		}
		table = table_of(*entry);
	}
	table[index_at(address, 1)] = physical | rights;
	return true;
}

bool textbook_map(struct textbook *book, uint64_t address, uint64_t physical, unsigned rights)
{
	uint64_t *entry = find(book, address);

	if (entry == NULL)
		return map_with_tables(book, address, physical, rights);
	*entry = physical | rights;
	return true;
}

bool textbook_unmap(struct textbook *book, uint64_t address)
{
	uint64_t *entry = find(book, address);

	if (entry == NULL || *entry == 0)
		return false;
	*entry = 0;
	return true;
}

bool textbook_translate(
    const struct textbook *book, uint64_t address, unsigned rights, uint64_t *physical)
{
	const uint64_t *table = book->root;
	uint64_t allowed = rights, entry;

	for (unsigned level = LEVELS;; level--) {
		entry = table[index_at(address, level)];
		allowed &= entry;
		if (allowed != rights)
			return false;
		if (level == 1)
			break;
		table = table_of(entry);
	}
	*physical = (entry & ~UINT64_C(0xfff)) | (address & 0xfff);
	return true;
}

bool textbook_map_locked(struct textbook *book, uint64_t address, uint64_t physical, unsigned rights)
{
	bool mapped;

	pthread_mutex_lock(&book->lock);
	mapped = textbook_map(book, address, physical, rights);
	pthread_mutex_unlock(&book->lock);
	return mapped;
}

bool textbook_unmap_locked(struct textbook *book, uint64_t address)
{
	bool unmapped;

	pthread_mutex_lock(&book->lock);
	unmapped = textbook_unmap(book, address);
	pthread_mutex_unlock(&book->lock);
	return unmapped;
}

bool textbook_translate_locked(
    struct textbook *book, uint64_t address, unsigned rights, uint64_t *physical)
{
	bool found;

	pthread_mutex_lock(&book->lock);
	found = textbook_translate(book, address, rights, physical);
	pthread_mutex_unlock(&book->lock);
	return found;
}

bool textbook_nothing(void *context, uint64_t address, uint64_t physical, uint64_t length)
{
	(void)context;
	(void)address;
	(void)physical;
	(void)length;
	return true;
}
