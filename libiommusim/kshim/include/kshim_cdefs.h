/*
 * The attributes and small macros that FreeBSD's sys/cdefs.h has. Macros alone: the system's own headers come by here
 * before they are ready for anything else. Not for inclusion by drivers.
 */
#ifndef IOMMUSIM_KSHIM_CDEFS_H
#define IOMMUSIM_KSHIM_CDEFS_H

#ifndef __FBSDID
#define __FBSDID(text) _Static_assert(1, "")
#endif
#ifndef __unused
#define __unused __attribute__((__unused__))
#endif
#ifndef __used
#define __used __attribute__((__used__))
#endif
#ifndef __packed
#define __packed __attribute__((__packed__))
#endif
#ifndef __aligned
#define __aligned(x) __attribute__((__aligned__(x)))
#endif
#ifndef __section
#define __section(x) __attribute__((__section__(x)))
#endif
#ifndef __dead2
#define __dead2 __attribute__((__noreturn__))
#endif
#ifndef __pure2
#define __pure2 __attribute__((__const__))
#endif
#ifndef __weak_symbol
#define __weak_symbol __attribute__((__weak__))
#endif
#ifndef __noinline
#define __noinline __attribute__((__noinline__))
#endif
#ifndef __printflike
#define __printflike(format_at, first_at) /* %b and %D are no standard conversions */
#endif
#ifndef __predict_true
#define __predict_true(x) __builtin_expect((x) != 0, 1)
#endif
#ifndef __predict_false
#define __predict_false(x) __builtin_expect((x) != 0, 0)
#endif
#ifndef __DECONST
#define __DECONST(type, x) ((type)(uintptr_t)(const void *)(x))
#endif
#ifndef __DEVOLATILE
#define __DEVOLATILE(type, x) ((type)(uintptr_t)(volatile void *)(x))
#endif
#ifndef __DEQUALIFY
#define __DEQUALIFY(type, x) ((type)(uintptr_t)(const volatile void *)(x))
#endif
#ifndef __containerof
#define __containerof(member_at, type, member)                                                         \
	((type *)(void *)((uintptr_t)(member_at)-offsetof(type, member)))
#endif
#ifndef __read_mostly
#define __read_mostly
#endif
#ifndef __read_frequently
#define __read_frequently
#endif
#ifndef __exclusive_cache_line
#define __exclusive_cache_line __aligned(64)
#endif
#ifndef __CONCAT
#define __CONCAT1(x, y) x##y
#define __CONCAT(x, y)  __CONCAT1(x, y)
#endif
#ifndef __STRING
#define __STRING(x) #x
#endif
#ifndef __XSTRING
#define __XSTRING(x) __STRING(x)
#endif
#ifndef __compiler_membar
#define __compiler_membar() __asm__ volatile("" ::: "memory")
#endif
#ifndef __FALLTHROUGH
#define __FALLTHROUGH __attribute__((__fallthrough__))
#endif
#ifndef __inline
#define __inline __inline__
#endif

#endif
