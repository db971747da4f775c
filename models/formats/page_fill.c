/* Storing runs of entries as wide as the processor does without tearing one; entry by entry where that is not known. */
#include "models/formats/page_fill.h"

#include <stddef.h>
#include <string.h>

#include "models/formats/page_format.h"

/*
 * An amd64 processor never tears an aligned quadword of a wide store. The language does not know that: whoever checks
 * by its rules gets what it has words for.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_BY_ONE 1
#endif
#endif
#if !defined(__x86_64__) || defined(__SANITIZE_THREAD__)
#define ONE_BY_ONE 1
#endif

#ifdef ONE_BY_ONE

void page_fill_leaves(uint64_t *entries, unsigned count, uint64_t first)
{
	for (unsigned i = 0; i < count; i++)
		__atomic_store_n(&entries[i], first + i * PAGE_TABLE_BYTES, __ATOMIC_RELEASE);
}

void page_fill_same(uint64_t *entries, unsigned count, uint64_t entry)
{
	for (unsigned i = 0; i < count; i++)
		__atomic_store_n(&entries[i], entry, __ATOMIC_RELEASE);
}

void page_fill_listed(
    uint64_t *entries, unsigned count, const uint64_t *pages, uint64_t address, uint64_t rights)
{
	for (unsigned i = 0; i < count; i++)
		__atomic_store_n(&entries[i], (pages[i] & address) | rights, __ATOMIC_RELEASE);
}

uint64_t page_list_bits(const uint64_t *pages, size_t count)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits |= pages[i];
	return bits;
}

#else

/* Two entries; stored at once, they are one instruction. */
typedef uint64_t pair __attribute__((vector_size(16), may_alias));

#define LINE ((size_t)8) /* entries of a cache line */

/* Up to the first whole line: as many entries as there are. */
static inline size_t before_line(const uint64_t *entries, size_t count)
{
	const size_t head = -(uintptr_t)entries / sizeof(*entries) % LINE;

	return head < count ? head : count;
}

static inline void store(uint64_t *entries, size_t at, pair value)
{
	*(volatile pair *)(void *)(entries + at) = value;
}

static inline pair load(const uint64_t *pages)
{
	pair value;

	memcpy(&value, pages, sizeof(value)); /* the caller's array has an alignment of its own */
	return value;
}

static inline void store_one(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

void page_fill_leaves(uint64_t *entries, unsigned count, uint64_t first)
{
	const pair two = { 2 * PAGE_TABLE_BYTES, 2 * PAGE_TABLE_BYTES }, four = two + two;
	const size_t head = before_line(entries, count);
	size_t i = 0;
	pair next;

	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (; i < head; i++, first += PAGE_TABLE_BYTES)
		store_one(&entries[i], first);
	next = (pair){ first, first + PAGE_TABLE_BYTES };
	for (; count - i >= LINE; i += LINE, next += four + four) {
		store(entries, i, next);
		store(entries, i + 2, next + two);
		store(entries, i + 4, next + four);
		store(entries, i + 6, next + four + two);
	}
	for (first = next[0]; i < count; i++, first += PAGE_TABLE_BYTES)
		store_one(&entries[i], first);
}

void page_fill_same(uint64_t *entries, unsigned count, uint64_t entry)
{
	const size_t head = before_line(entries, count);
	const pair both = { entry, entry };
	size_t i = 0;

	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (; i < head; i++)
		store_one(&entries[i], entry);
	for (; count - i >= LINE; i += LINE) {
		store(entries, i, both);
		store(entries, i + 2, both);
		store(entries, i + 4, both);
		store(entries, i + 6, both);
	}
	for (; i < count; i++)
		store_one(&entries[i], entry);
}

void page_fill_listed(
    uint64_t *entries, unsigned count, const uint64_t *pages, uint64_t address, uint64_t rights)
{
	const pair mask = { address, address }, bits = { rights, rights };
	const size_t head = before_line(entries, count);
	size_t i = 0;

	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (; i < head; i++)
		store_one(&entries[i], (pages[i] & address) | rights);
	for (; count - i >= LINE; i += LINE) {
		store(entries, i, (load(pages + i) & mask) | bits);
		store(entries, i + 2, (load(pages + i + 2) & mask) | bits);
		store(entries, i + 4, (load(pages + i + 4) & mask) | bits);
		store(entries, i + 6, (load(pages + i + 6) & mask) | bits);
	}
	for (; i < count; i++)
		store_one(&entries[i], (pages[i] & address) | rights);
}

uint64_t page_list_bits(const uint64_t *pages, size_t count)
{
	pair even = { 0, 0 }, odd = even;
	uint64_t bits = 0;
	size_t i = 0;

	for (; count - i >= LINE; i += LINE) {
		even |= load(pages + i) | load(pages + i + 2);
		odd |= load(pages + i + 4) | load(pages + i + 6);
	}
	for (; i < count; i++)
		bits |= pages[i];
	even |= odd;
	return bits | even[0] | even[1];
}

#endif
