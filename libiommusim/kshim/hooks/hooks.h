/* What the entry points share with hooks.c: the thread's state and the checks before every access.
 */
#ifndef IOMMUSIM_KSHIM_HOOKS_INTERNAL_H
#define IOMMUSIM_KSHIM_HOOKS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/kshim_hooks.h>

/* One thread's view. Detached: all 0, so that no address is a register and nothing is pending. */
struct hooks_thread {
	struct iommusim_hooks *hooks;
	uintptr_t first;       /* host address of the first register page */
	uintptr_t length;      /* of all of them, whether mapped or not */
	uintptr_t pending;     /* a store that a hook announced and that has not acted yet */
	size_t pending_length; /* 0: there is none */
	const void *place;     /* where the driver goes on after its last marked access */
	bool watched;          /* somebody wants to know of stores to memory, too */
};

extern _Thread_local struct hooks_thread hooks_here;

void hooks_take_up(void);
void hooks_fetch(uintptr_t address, size_t length);
void hooks_unmarked(void);
void hooks_let_time_pass(void);

/* Always inlined, so that the return address is the entry point's: a place in the driver. */
#define HOOKS_CHECK static inline __attribute__((always_inline))

static inline bool hooks_is_register(uintptr_t address)
{
	return address - hooks_here.first < hooks_here.length;
}

/* A register store acts, and one to memory is told of, before anything hooked that the driver does after it. */
static inline void hooks_settle(void)
{
	if (__builtin_expect(hooks_here.pending_length != 0, 0))
		hooks_take_up();
}

static inline void hooks_announce(uintptr_t address, size_t length)
{
	hooks_here.pending = address;
	hooks_here.pending_length = length;
}

/* A store to memory comes. */
HOOKS_CHECK void hooks_memory_write(const volatile void *where, size_t length)
{
	if (__builtin_expect(hooks_here.watched, 0))
		hooks_announce((uintptr_t)where, length);
}

/* A volatile load comes. One of memory may be a poll of what hardware writes: time passes. */
HOOKS_CHECK void hooks_volatile_read(const volatile void *where, size_t length)
{
	hooks_settle();
	if (hooks_is_register((uintptr_t)where)) {
		hooks_here.place = __builtin_return_address(0);
		hooks_fetch((uintptr_t)where, length);
	} else if (hooks_here.hooks != NULL) {
		hooks_here.place = __builtin_return_address(0); /* a poll without an end has one, too */
		hooks_let_time_pass();
	}
}

/* A volatile store comes. */
HOOKS_CHECK void hooks_volatile_write(const volatile void *where, size_t length)
{
	hooks_settle();
	if (!hooks_is_register((uintptr_t)where)) {
		hooks_memory_write(where, length);
		return;
	}
	hooks_here.place = __builtin_return_address(0);
	hooks_announce((uintptr_t)where, length);
}

/* An ordinary load or store comes. To a register it should not: do what can be done, and say so. */
HOOKS_CHECK void hooks_ordinary_read(const volatile void *where, size_t length)
{
	hooks_settle();
	if (__builtin_expect(!hooks_is_register((uintptr_t)where), 1))
		return;
	hooks_here.place = __builtin_return_address(0);
	hooks_unmarked();
	hooks_fetch((uintptr_t)where, length);
}

HOOKS_CHECK void hooks_ordinary_write(const volatile void *where, size_t length)
{
	hooks_settle();
	if (__builtin_expect(!hooks_is_register((uintptr_t)where), 1)) {
		hooks_memory_write(where, length);
		return;
	}
	hooks_here.place = __builtin_return_address(0);
	hooks_unmarked();
	hooks_announce((uintptr_t)where, length);
}

#endif
