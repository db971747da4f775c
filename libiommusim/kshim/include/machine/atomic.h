/* atomic(9). Acquire and release are at least that; nothing here is weaker than its name. */
#ifndef IOMMUSIM_KSHIM_MACHINE_ATOMIC_H
#define IOMMUSIM_KSHIM_MACHINE_ATOMIC_H

#include <machine/_types_kshim.h>

#define mb()                          __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb()                         __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define wmb()                         __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_thread_fence_acq()     __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_thread_fence_rel()     __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_thread_fence_acq_rel() __atomic_thread_fence(__ATOMIC_ACQ_REL)
#define atomic_thread_fence_seq_cst() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_interrupt_fence()      __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define IOMMUSIM_ATOMIC_CHANGE(name, type, suffix)                                                     \
	static inline void atomic_set_##suffix##name(volatile type *at, type bits)                     \
	{                                                                                              \
		__atomic_fetch_or(at, bits, __ATOMIC_SEQ_CST);                                         \
	}                                                                                              \
	static inline void atomic_clear_##suffix##name(volatile type *at, type bits)                   \
	{                                                                                              \
		__atomic_fetch_and(at, (type)~bits, __ATOMIC_SEQ_CST);                                 \
	}                                                                                              \
	static inline void atomic_add_##suffix##name(volatile type *at, type value)                    \
	{                                                                                              \
		__atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                       \
	}                                                                                              \
	static inline void atomic_subtract_##suffix##name(volatile type *at, type value)               \
	{                                                                                              \
		__atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                       \
	}                                                                                              \
	static inline int atomic_cmpset_##suffix##name(volatile type *at, type expected, type value)   \
	{                                                                                              \
		return __atomic_compare_exchange_n(                                                    \
		    at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                  \
	}                                                                                              \
	static inline int atomic_fcmpset_##suffix##name(volatile type *at, type *expected, type value) \
	{                                                                                              \
		return __atomic_compare_exchange_n(                                                    \
		    at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
	}

#define IOMMUSIM_ATOMIC(name, type)                                                                    \
	IOMMUSIM_ATOMIC_CHANGE(name, type, )                                                           \
	IOMMUSIM_ATOMIC_CHANGE(name, type, acq_)                                                       \
	IOMMUSIM_ATOMIC_CHANGE(name, type, rel_)                                                       \
	static inline type atomic_fetchadd_##name(volatile type *at, type value)                       \
	{                                                                                              \
		return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                \
	}                                                                                              \
	static inline type atomic_load_##name(const volatile type *at)                                 \
	{                                                                                              \
		return __atomic_load_n(at, __ATOMIC_RELAXED);                                          \
	}                                                                                              \
	static inline type atomic_load_acq_##name(const volatile type *at)                             \
	{                                                                                              \
		return __atomic_load_n(at, __ATOMIC_ACQUIRE);                                          \
	}                                                                                              \
	static inline void atomic_store_##name(volatile type *at, type value)                          \
	{                                                                                              \
		__atomic_store_n(at, value, __ATOMIC_RELAXED);                                         \
	}                                                                                              \
	static inline void atomic_store_rel_##name(volatile type *at, type value)                      \
	{                                                                                              \
		__atomic_store_n(at, value, __ATOMIC_RELEASE);                                         \
	}                                                                                              \
	static inline type atomic_swap_##name(volatile type *at, type value)                           \
	{                                                                                              \
		return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                               \
	}                                                                                              \
	static inline type atomic_readandclear_##name(volatile type *at)                               \
	{                                                                                              \
		return __atomic_exchange_n(at, 0, __ATOMIC_SEQ_CST);                                   \
	}                                                                                              \
	static inline int atomic_testandset_##name(volatile type *at, u_int bit)                       \
	{                                                                                              \
		const type mask = (type)((type)1 << bit % (sizeof(type) * 8));                         \
                                                                                                       \
		return (__atomic_fetch_or(at, mask, __ATOMIC_SEQ_CST) & mask) != 0;                    \
	}                                                                                              \
	static inline int atomic_testandclear_##name(volatile type *at, u_int bit)                     \
	{                                                                                              \
		const type mask = (type)((type)1 << bit % (sizeof(type) * 8));                         \
                                                                                                       \
		return (__atomic_fetch_and(at, (type)~mask, __ATOMIC_SEQ_CST) & mask) != 0;            \
	}

IOMMUSIM_ATOMIC(char, u_char)
IOMMUSIM_ATOMIC(short, u_short)
IOMMUSIM_ATOMIC(int, u_int)
IOMMUSIM_ATOMIC(long, u_long)
IOMMUSIM_ATOMIC(8, uint8_t)
IOMMUSIM_ATOMIC(16, uint16_t)
IOMMUSIM_ATOMIC(32, uint32_t)
IOMMUSIM_ATOMIC(64, uint64_t)
IOMMUSIM_ATOMIC(ptr, uintptr_t)
static inline bool atomic_load_bool(const volatile bool *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}
static inline void atomic_store_bool(volatile bool *at, bool value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

#endif
