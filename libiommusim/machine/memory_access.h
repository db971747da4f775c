/* The fast way to physical memory for hardware models and page-table code. */
#ifndef IOMMUSIM_MACHINE_MEMORY_ACCESS_H
#define IOMMUSIM_MACHINE_MEMORY_ACCESS_H

#include "machine/state.h"

/* The window that holds `address`, or NULL. There are few: a sorted scan beats anything cleverer. */
static inline const struct memory_window *memory_find(const struct memory *memory, uint64_t address)
{
	for (size_t i = 0; i < memory->count; i++) {
		const struct memory_window *window = &memory->windows[i];

		if (address - window->base < window->length)
			return window;
	}
	return NULL;
}

static inline bool memory_is_broken(const struct memory *memory, uint64_t address)
{
	for (size_t i = 0; __builtin_expect(i < memory->broken_count, 0); i++)
		if (address - memory->broken[i].base < memory->broken[i].length)
			return true;
	return false;
}

/* The same for hardware. */
static inline const struct memory_window *memory_find_for_hardware(
    const struct memory *memory, uint64_t address)
{
	return memory_is_broken(memory, address) ? NULL : memory_find(memory, address);
}

/* Room for `length` bytes at `address` in one window, in software's view; NULL across its end. */
static inline uint8_t *memory_at(const struct memory *memory, uint64_t address, uint64_t length)
{
	const struct memory_window *window = memory_find(memory, address);

	if (window == NULL || length > window->length - (address - window->base))
		return NULL;
	return window->host + (address - window->base);
}

/*
 * An aligned quadword as hardware reads it: `snoop` says whether the reader sees what is still in
 * processor caches. False when there is no memory. Acquire: what was stored before the entry became
 * visible is visible too.
 */
static inline bool memory_load64(
    const struct memory *memory, uint64_t address, bool snoop, uint64_t *value)
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);
	const uint8_t *at;

	if (window == NULL)
		return false;
	at = (snoop ? window->host : window->device) + (address - window->base);
	*value = __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_ACQUIRE);
	return true;
}

/*
 * Two quadwords, aligned to 16 bytes, as hardware that reads them in one go: software that changes both
 * in one atomic store is never seen half way. A load of 16 bytes is one instruction on some processors
 * only; here the first quadword is read again until it stands still while the second is read, which
 * misses only a change that was taken back meanwhile.
 */
static inline bool memory_load128(
    const struct memory *memory, uint64_t address, bool snoop, uint64_t value[2])
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);
	const uint64_t *at;
	unsigned tries = 0;
	uint64_t again;

	if (window == NULL)
		return false;
	at = (const uint64_t *)(const void *)((snoop ? window->host : window->device) +
	    (address - window->base));
	again = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	do {
		value[0] = again;
		value[1] = __atomic_load_n(at + 1, __ATOMIC_ACQUIRE);
		again = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	} while (again != value[0] && ++tries < 1000); /* bounded, against one who never rests */
	return true;
}

/* An aligned quadword as software stores it. Release: hardware that sees it sees what came before. */
static inline bool memory_store64(const struct memory *memory, uint64_t address, uint64_t value)
{
	uint8_t *at = memory_at(memory, address, sizeof(value));

	if (at == NULL)
		return false;
	__atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_RELEASE);
	return true;
}

/* How the 64 bytes that hardware wants to update in place are to be had. */
enum memory_line { MEMORY_LINE_MISSING, MEMORY_LINE_READ_ONLY, MEMORY_LINE_OWNED };

/*
 * The line at `address`, a multiple of 64, as hardware reads it that takes it for itself: always with
 * snooping. Nobody can be kept from it meanwhile: what depends on a quadword that others change must be
 * decided again with memory_update64(). `line` is as it was when MEMORY_LINE_MISSING.
 */
static inline enum memory_line memory_load_line(
    const struct memory *memory, uint64_t address, uint64_t line[8])
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);
	const uint64_t *at;

	if (window == NULL)
		return MEMORY_LINE_MISSING;
	at = (const uint64_t *)(const void *)(window->host + (address - window->base));
	for (unsigned quad = 0; quad < 8; quad++)
		line[quad] = __atomic_load_n(at + quad, __ATOMIC_ACQUIRE);
	return window->kind == IOMMUSIM_MEMORY_ROM ? MEMORY_LINE_READ_ONLY : MEMORY_LINE_OWNED;
}

/* How an atomic update of memory by hardware ended. */
enum memory_update { MEMORY_UPDATED, MEMORY_CHANGED, MEMORY_UNWRITABLE };

/* Can hardware replace what is at `address`? */
static inline bool memory_is_writable(const struct memory *memory, uint64_t address)
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);

	return window != NULL && window->kind != IOMMUSIM_MEMORY_ROM;
}

/*
 * Hardware replaces an aligned quadword in one locked operation, in processor caches' view, if it still
 * is `*seen`. MEMORY_CHANGED: it is not, and `*seen` is what it is now.
 */
static inline enum memory_update memory_update64(
    const struct memory *memory, uint64_t address, uint64_t *seen, uint64_t value)
{
	const struct memory_window *window = memory_find_for_hardware(memory, address);
	uint64_t *at;

	if (window == NULL || window->kind == IOMMUSIM_MEMORY_ROM)
		return MEMORY_UNWRITABLE;
	at = (uint64_t *)(void *)(window->host + (address - window->base));
	if (!__atomic_compare_exchange_n(at, seen, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return MEMORY_CHANGED;
	if (window->device != window->host) { /* the line was snooped: memory is up to date with it */
		uint64_t *view = (uint64_t *)(void *)(window->device + (address - window->base));

		do { /* of several updaters the last to store has seen the last value */
			value = __atomic_load_n(at, __ATOMIC_SEQ_CST);
			__atomic_store_n(view, value, __ATOMIC_SEQ_CST);
		} while (__atomic_load_n(at, __ATOMIC_SEQ_CST) != value);
	}
	return MEMORY_UPDATED;
}

/* Hardware sets bits of one so: `*seen`, which says what it may be, is what it was before. */
static inline enum memory_update memory_set_bits64(
    const struct memory *memory, uint64_t address, uint64_t *seen, uint64_t bits)
{
	enum memory_update update;

	do
		update = memory_update64(memory, address, seen, *seen | bits);
	while (update == MEMORY_CHANGED);
	return update;
}

/* Hardware stores to memory (DMA, status words): every view sees it at once. False: no memory. */
bool memory_device_write(
    const struct memory *memory, uint64_t address, const void *data, size_t length);
bool memory_device_read(const struct memory *memory, uint64_t address, void *data, size_t length);

#endif
