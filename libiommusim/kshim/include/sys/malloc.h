/* malloc(9): typed memory out of the kernel's arena, which hardware reaches under vtophys() of it. */
#ifndef IOMMUSIM_KSHIM_SYS_MALLOC_H
#define IOMMUSIM_KSHIM_SYS_MALLOC_H

#include <sys/param.h>

#include <sys/queue.h>

#define M_NOWAIT      0x0001
#define M_WAITOK      0x0002
#define M_NORECLAIM   0x0080
#define M_ZERO        0x0100
#define M_NOVM        0x0200
#define M_USE_RESERVE 0x0400
#define M_NODUMP      0x0800
#define M_FIRSTFIT    0x1000
#define M_BESTFIT     0x2000
#define M_EXEC        0x4000
#define M_NEXTFIT     0x8000
#define M_NEVERFREED  0x10000
#define M_VERSION     2020110501
#define M_MAGIC       877983977

struct malloc_type {
	const char *ks_shortdesc;
	const char *ks_longdesc;
};

#define MALLOC_DEFINE(type, short_name, description)                                                   \
	struct malloc_type type[1] = { { (short_name), (description) } }
#define MALLOC_DECLARE(type) extern struct malloc_type type[1]

MALLOC_DECLARE(M_CACHE);
MALLOC_DECLARE(M_DEVBUF);
MALLOC_DECLARE(M_TEMP);
MALLOC_DECLARE(M_BUS);
MALLOC_DECLARE(M_IOV);

void *iommusim_kernel_malloc(size_t size, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS)
    __attribute__((__alloc_size__(1)));
void *iommusim_kernel_mallocarray(
    size_t count, size_t size, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_free(const void *block, struct malloc_type *type, bool zero, IOMMUSIM_PLACE_ARGS);
void *iommusim_kernel_realloc(void *block, size_t size, struct malloc_type *type, int flags,
    bool free_on_failure, IOMMUSIM_PLACE_ARGS);
void *iommusim_kernel_contigmalloc(unsigned long size, struct malloc_type *type, int flags,
    vm_paddr_t low, vm_paddr_t high, unsigned long alignment, vm_paddr_t boundary, IOMMUSIM_PLACE_ARGS);
char *iommusim_kernel_strdup(
    const char *text, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS);

#if IOMMUSIM_KSHIM_RENAMES
#define malloc(size, type, flags) iommusim_kernel_malloc(size, type, flags, IOMMUSIM_HERE)
#define mallocarray(count, size, type, flags)                                                          \
	iommusim_kernel_mallocarray(count, size, type, flags, IOMMUSIM_HERE)
#define malloc_domainset(size, type, set, flags)                                                       \
	((void)(set), iommusim_kernel_malloc(size, type, flags, IOMMUSIM_HERE))
#define free(block, type)        iommusim_kernel_free(block, type, false, IOMMUSIM_HERE)
#define zfree(block, type)       iommusim_kernel_free(block, type, true, IOMMUSIM_HERE)
#define free_domain(block, type) iommusim_kernel_free(block, type, false, IOMMUSIM_HERE)
#define realloc(block, size, type, flags)                                                              \
	iommusim_kernel_realloc(block, size, type, flags, false, IOMMUSIM_HERE)
#define reallocf(block, size, type, flags)                                                             \
	iommusim_kernel_realloc(block, size, type, flags, true, IOMMUSIM_HERE)
#define contigmalloc(size, type, flags, low, high, alignment, boundary)                                \
	iommusim_kernel_contigmalloc(size, type, flags, low, high, alignment, boundary, IOMMUSIM_HERE)
#define contigmalloc_domainset(size, type, set, flags, low, high, alignment, boundary)                 \
	((void)(set),                                                                                  \
	    iommusim_kernel_contigmalloc(                                                              \
		size, type, flags, low, high, alignment, boundary, IOMMUSIM_HERE))
#define contigfree(block, size, type)   iommusim_kernel_free(block, type, false, IOMMUSIM_HERE)
#define strdup_flags(text, type, flags) iommusim_kernel_strdup(text, type, flags, IOMMUSIM_HERE)
#undef strdup
#define strdup(text, type) iommusim_kernel_strdup(text, type, M_WAITOK, IOMMUSIM_HERE)
#endif

#endif
