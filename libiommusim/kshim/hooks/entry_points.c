/*
 * The functions that a compiler calls before memory accesses under -fsanitize=thread, under the
 * names of ThreadSanitizer's run-time library, which is not there. What an access means stands in
 * hooks.h.
 *
 * A load or store is announced only; an atomic operation is the function's to carry out. Access
 * sizes and names are those that gcc 11 and clang 11, and later ones, emit; 16-byte atomics are
 * left out.
 */
#include "kshim/hooks/hooks.h"

/* Once before the program starts, for every object that was compiled so; and round every function.
 */
void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
	hooks_settle();
}

void __tsan_func_exit(void)
{
	hooks_settle();
}

#define ENTRY(name, size, kind)                                                                        \
	void name(void *where);                                                                        \
	void name(void *where)                                                                         \
	{                                                                                              \
		hooks_##kind(where, size);                                                             \
	}

#define ENTRIES(size)                                                                                  \
	ENTRY(__tsan_read##size, size, ordinary_read)                                                  \
	ENTRY(__tsan_write##size, size, ordinary_write)                                                \
	ENTRY(__tsan_read_write##size, size, ordinary_write)                                           \
	ENTRY(__tsan_volatile_read##size, size, volatile_read)                                         \
	ENTRY(__tsan_volatile_write##size, size, volatile_write)

/* Not known to be aligned, as in a packed structure. Alignment is judged when the access acts. */
#define UNALIGNED_ENTRIES(size)                                                                        \
	ENTRY(__tsan_unaligned_read##size, size, ordinary_read)                                        \
	ENTRY(__tsan_unaligned_write##size, size, ordinary_write)                                      \
	ENTRY(__tsan_unaligned_read_write##size, size, ordinary_write)                                 \
	ENTRY(__tsan_unaligned_volatile_read##size, size, volatile_read)                               \
	ENTRY(__tsan_unaligned_volatile_write##size, size, volatile_write)

ENTRIES(1)
ENTRIES(2)
ENTRIES(4)
ENTRIES(8)
ENTRIES(16)
UNALIGNED_ENTRIES(2)
UNALIGNED_ENTRIES(4)
UNALIGNED_ENTRIES(8)
UNALIGNED_ENTRIES(16)

/* gcc: structure copies, and every access to a packed structure, volatile or not. */
void __tsan_read_range(void *where, size_t length);
void __tsan_write_range(void *where, size_t length);

void __tsan_read_range(void *where, size_t length)
{
	hooks_ordinary_read(where, length);
}

void __tsan_write_range(void *where, size_t length)
{
	hooks_ordinary_write(where, length);
}

/* clang 15 and later call these instead of memcpy() and its like. */
void *__tsan_memcpy(void *to, const void *from, size_t length);
void *__tsan_memmove(void *to, const void *from, size_t length);
void *__tsan_memset(void *to, int value, size_t length);

void *__tsan_memcpy(void *to, const void *from, size_t length)
{
	hooks_ordinary_read(from, length);
	hooks_ordinary_write(to, length);
	return __builtin_memcpy(to, from, length);
}

void *__tsan_memmove(void *to, const void *from, size_t length)
{
	hooks_ordinary_read(from, length);
	hooks_ordinary_write(to, length);
	return __builtin_memmove(to, from, length);
}

void *__tsan_memset(void *to, int value, size_t length)
{
	hooks_ordinary_write(to, length);
	return __builtin_memset(to, value, length);
}

/*
 * Atomic operations are marked accesses like volatile ones, and carried out here; `order` only ever
 * asks for less than is done. One that changes a register reads it first and writes it afterwards.
 */
#define ORDER __ATOMIC_SEQ_CST

HOOKS_CHECK void changed(const volatile void *where, size_t length)
{
	if (hooks_is_register((uintptr_t)where))
		hooks_here.place = __builtin_return_address(0);
	else if (!hooks_here.watched)
		return;
	hooks_announce((uintptr_t)where, length);
	hooks_take_up();
}

#define CHANGE(bits, name, operation)                                                                  \
	uint##bits##_t __tsan_atomic##bits##_##name(                                                   \
	    volatile uint##bits##_t *where, uint##bits##_t value, int order);                          \
	uint##bits##_t __tsan_atomic##bits##_##name(                                                   \
	    volatile uint##bits##_t *where, uint##bits##_t value, int order)                           \
	{                                                                                              \
		uint##bits##_t old;                                                                    \
                                                                                                       \
		(void)order;                                                                           \
		hooks_volatile_read(where, sizeof(*where));                                            \
		old = operation(where, value, ORDER);                                                  \
		changed(where, sizeof(*where));                                                        \
		return old;                                                                            \
	}

#define LOAD_AND_STORE(bits)                                                                           \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *where, int order);    \
	void __tsan_atomic##bits##_store(                                                              \
	    volatile uint##bits##_t *where, uint##bits##_t value, int order);                          \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *where, int order)     \
	{                                                                                              \
		(void)order;                                                                           \
		hooks_volatile_read(where, sizeof(*where));                                            \
		return __atomic_load_n(where, ORDER);                                                  \
	}                                                                                              \
	void __tsan_atomic##bits##_store(                                                              \
	    volatile uint##bits##_t *where, uint##bits##_t value, int order)                           \
	{                                                                                              \
		(void)order;                                                                           \
		hooks_settle();                                                                        \
		__atomic_store_n(where, value, ORDER);                                                 \
		changed(where, sizeof(*where));                                                        \
	}

/*
 * gcc calls `strong` and `weak`, clang `val`, which gives back what was there. A register is written
 * whether they were equal or not, as by the processor's own cmpxchg.
 */
#define COMPARE(bits)                                                                                  \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile uint##bits##_t *where,      \
	    uint##bits##_t expected, uint##bits##_t value, int order, int failure);                    \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *where,              \
	    uint##bits##_t *expected, uint##bits##_t value, int order, int failure);                   \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t *where,                \
	    uint##bits##_t *expected, uint##bits##_t value, int order, int failure);                   \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *where,              \
	    uint##bits##_t *expected, uint##bits##_t value, int order, int failure)                    \
	{                                                                                              \
		bool done;                                                                             \
                                                                                                       \
		(void)order;                                                                           \
		(void)failure;                                                                         \
		hooks_volatile_read(where, sizeof(*where));                                            \
		done = __atomic_compare_exchange_n(where, expected, value, false, ORDER, ORDER);       \
		changed(where, sizeof(*where));                                                        \
		return done;                                                                           \
	}                                                                                              \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t *where,                \
	    uint##bits##_t *expected, uint##bits##_t value, int order, int failure)                    \
	{                                                                                              \
		return __tsan_atomic##bits##_compare_exchange_strong(                                  \
		    where, expected, value, order, failure);                                           \
	}                                                                                              \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile uint##bits##_t *where,      \
	    uint##bits##_t expected, uint##bits##_t value, int order, int failure)                     \
	{                                                                                              \
		__tsan_atomic##bits##_compare_exchange_strong(                                         \
		    where, &expected, value, order, failure);                                          \
		return expected;                                                                       \
	}

#define ATOMICS(bits)                                                                                  \
	LOAD_AND_STORE(bits)                                                                           \
	CHANGE(bits, exchange, __atomic_exchange_n)                                                    \
	CHANGE(bits, fetch_add, __atomic_fetch_add)                                                    \
	CHANGE(bits, fetch_sub, __atomic_fetch_sub)                                                    \
	CHANGE(bits, fetch_and, __atomic_fetch_and)                                                    \
	CHANGE(bits, fetch_or, __atomic_fetch_or)                                                      \
	CHANGE(bits, fetch_xor, __atomic_fetch_xor)                                                    \
	CHANGE(bits, fetch_nand, __atomic_fetch_nand)                                                  \
	COMPARE(bits)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	hooks_settle();
	__atomic_thread_fence(ORDER);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	hooks_settle();
	__atomic_signal_fence(ORDER);
}
