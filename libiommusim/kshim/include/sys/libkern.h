/* Small functions of the kernel's own library: minima, bits, numbers from text, pseudo-random numbers. */
#ifndef IOMMUSIM_KSHIM_SYS_LIBKERN_H
#define IOMMUSIM_KSHIM_SYS_LIBKERN_H

#include <sys/types.h>

#include <string.h>
#include <strings.h>

#define IOMMUSIM_MIN_MAX(prefix, type)                                                                 \
	static inline type prefix##max(type a, type b)                                                 \
	{                                                                                              \
		return a > b ? a : b;                                                                  \
	}                                                                                              \
	static inline type prefix##min(type a, type b)                                                 \
	{                                                                                              \
		return a < b ? a : b;                                                                  \
	}
IOMMUSIM_MIN_MAX(, u_int)
IOMMUSIM_MIN_MAX(i, int)
IOMMUSIM_MIN_MAX(l, long)
IOMMUSIM_MIN_MAX(ul, u_long)
IOMMUSIM_MIN_MAX(q, int64_t)

/* The highest bit set, counted from 1; 0: none. */
static inline int iommusim_fls64(uint64_t value)
{
	return value == 0 ? 0 : 64 - __builtin_clzll(value);
}
#define fls(value)   iommusim_fls64((u_int)(value))
#define flsl(value)  iommusim_fls64((u_long)(value))
#define flsll(value) iommusim_fls64((uint64_t)(value))
#define ilog2(value) (iommusim_fls64((uint64_t)(value)) - 1)

static inline int bitcount64(uint64_t value)
{
	return __builtin_popcountll(value);
}
#define bitcount32(value) bitcount64((uint32_t)(value))
#define bitcountl(value)  bitcount64((u_long)(value))

long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
#define strtouq(text, end, base) strtoull(text, end, base)
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *base, size_t count, size_t size,
    int (*compare)(const void *, const void *));
int abs(int value) __attribute__((__const__));

size_t iommusim_kernel_strlcpy(char *to, const char *from, size_t size);
size_t iommusim_kernel_strlcat(char *to, const char *from, size_t size);
/* The same numbers in every run: they begin with the machine's seed. */
uint32_t iommusim_kernel_random(void);
int iommusim_kernel_sscanf(const char *text, const char *format, ...) __asm__("sscanf");
#if IOMMUSIM_KSHIM_RENAMES
#define strlcpy(to, from, size) iommusim_kernel_strlcpy(to, from, size)
#define strlcat(to, from, size) iommusim_kernel_strlcat(to, from, size)
#define arc4random()            iommusim_kernel_random()
#define random()                ((u_long)(iommusim_kernel_random() & 0x7fffffff))
#define sscanf(...)             iommusim_kernel_sscanf(__VA_ARGS__)
#endif

#endif
