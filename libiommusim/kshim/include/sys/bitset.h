/* Bit sets of a fixed size. */
#ifndef IOMMUSIM_KSHIM_SYS_BITSET_H
#define IOMMUSIM_KSHIM_SYS_BITSET_H

#include <sys/types.h>

#include <string.h>

#define _BITSET_BITS         64
#define __bitset_words(size) (((size) + _BITSET_BITS - 1) / _BITSET_BITS)
#define BITSET_SIZE(size)    (__bitset_words(size) * sizeof(uint64_t))
#define BITSET_DEFINE(tag, size)                                                                       \
	struct tag {                                                                                   \
		uint64_t __bits[__bitset_words(size)];                                                 \
	}
#define BITSET_DEFINE_VAR(tag) BITSET_DEFINE(tag, 1)

#define IOMMUSIM_BIT_WORD(n) ((size_t)(n) / _BITSET_BITS)
#define IOMMUSIM_BIT_MASK(n) (UINT64_C(1) << ((size_t)(n) % _BITSET_BITS))

static inline bool iommusim_bits_empty(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] != 0)
			return false;
	return true;
}

static inline size_t iommusim_bits_count(const uint64_t *words, size_t count)
{
	size_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits += (size_t)__builtin_popcountll(words[i]);
	return bits;
}

/* The first bit that is set, counted from 1; 0: none. */
static inline size_t iommusim_bits_first(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] != 0)
			return i * _BITSET_BITS + (size_t)__builtin_ctzll(words[i]) + 1;
	return 0;
}

#define BIT_SET(size, n, p)      ((p)->__bits[IOMMUSIM_BIT_WORD(n)] |= IOMMUSIM_BIT_MASK(n))
#define BIT_CLR(size, n, p)      ((p)->__bits[IOMMUSIM_BIT_WORD(n)] &= ~IOMMUSIM_BIT_MASK(n))
#define BIT_ISSET(size, n, p)    (((p)->__bits[IOMMUSIM_BIT_WORD(n)] & IOMMUSIM_BIT_MASK(n)) != 0)
#define BIT_ZERO(size, p)        memset((p)->__bits, 0, BITSET_SIZE(size))
#define BIT_FILL(size, p)        memset((p)->__bits, 0xff, BITSET_SIZE(size))
#define BIT_SETOF(size, n, p)    (BIT_ZERO(size, p), BIT_SET(size, n, p))
#define BIT_EMPTY(size, p)       iommusim_bits_empty((p)->__bits, __bitset_words(size))
#define BIT_COUNT(size, p)       iommusim_bits_count((p)->__bits, __bitset_words(size))
#define BIT_FFS(size, p)         iommusim_bits_first((p)->__bits, __bitset_words(size))
#define BIT_COPY(size, from, to) (*(to) = *(from))
#define BIT_CMP(size, a, b)      (memcmp((a)->__bits, (b)->__bits, BITSET_SIZE(size)) != 0)

#endif
