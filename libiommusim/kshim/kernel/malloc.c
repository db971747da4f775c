/* malloc(9), contigmalloc(9), single pages: what callers do wrong is told from what they do right here. */
#include "kshim/kernel/state.h"

#include <vm/vm_extern.h>
#include <vm/vm_page.h>

#include <stdlib.h>

struct malloc_type M_CACHE[1] = { { "cache", "Various Dynamically allocated caches" } };
struct malloc_type M_DEVBUF[1] = { { "devbuf", "device driver memory" } };
struct malloc_type M_TEMP[1] = { { "temp", "misc temporary data buffers" } };
struct malloc_type M_BUS[1] = { { "bus", "Bus data structures" } };
struct malloc_type M_IOV[1] = { { "iov", "large iov's" } };
static struct malloc_type M_KMEM[1] = { { "kmem", "pages of kernel memory" } };
static struct malloc_type M_PAGE[1] = { { "page", "single pages" } };

bool kshim_fails(struct iommusim_kernel *kernel, enum iommusim_kernel_allocation kind, bool waitok)
{
	if (kernel->fail_after[kind] == 0 || (waitok && !kernel->fail_waitok[kind]))
		return false;
	return --kernel->fail_after[kind] == 0;
}

void iommusim_kernel_fail_allocation(
    struct iommusim_kernel *kernel, enum iommusim_kernel_allocation kind, uint64_t nth, bool waitok)
{
	kernel->fail_after[kind] = nth;
	kernel->fail_waitok[kind] = waitok;
}

static void *take(struct iommusim_kernel *kernel, struct wanted_block *wanted, int flags)
{
	const bool waitok = (flags & M_WAITOK) != 0;
	void *block;

	if (waitok && (flags & M_NOWAIT) != 0)
		kshim_panic_at(wanted->file, wanted->line, "malloc: M_WAITOK and M_NOWAIT at once");
	if (!waitok && (flags & M_NOWAIT) == 0)
		kshim_panic_at(wanted->file, wanted->line, "malloc: neither M_WAITOK nor M_NOWAIT");
	if (waitok && kernel->thread.td_critnest > 0)
		kshim_panic_at(
		    wanted->file, wanted->line, "malloc(M_WAITOK) in a critical section: it may sleep");
	for (struct lock_object *lock = TAILQ_FIRST(&kernel->held); waitok && lock != NULL;
	     lock = TAILQ_NEXT(lock, link))
		if (lock->kind != IOMMUSIM_LOCK_SX && lock != &kernel->giant.lock_object)
			kshim_panic_at(wanted->file, wanted->line,
			    "malloc(M_WAITOK) with non-sleepable lock %s held (%s:%d): it may sleep",
			    lock->lo_name, lock->file, lock->line);
	if (kshim_fails(
		kernel, wanted->contiguous ? IOMMUSIM_KERNEL_CONTIG : IOMMUSIM_KERNEL_MALLOC, waitok))
		return NULL;
	wanted->zero = (flags & M_ZERO) != 0;
	block = kshim_arena_take(kernel, wanted);
	if (block == NULL && waitok && !wanted->contiguous)
		kshim_panic_at(wanted->file, wanted->line,
		    "malloc(%zu, M_WAITOK): the kernel's arena is used up, this would sleep for ever",
		    wanted->size);
	return block;
}

void *iommusim_kernel_malloc(size_t size, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS)
{
	struct wanted_block wanted = { .size = size, .type = type, .file = file, .line = line };

	return take(kshim_enter_now(), &wanted, flags);
}

void *iommusim_kernel_mallocarray(
    size_t count, size_t size, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		kshim_panic_at(file, line, "mallocarray: %zu * %zu overflows", count, size);
	return iommusim_kernel_malloc(bytes, type, flags, file, line);
}

void *iommusim_kernel_contigmalloc(unsigned long size, struct malloc_type *type, int flags,
    vm_paddr_t low, vm_paddr_t high, unsigned long alignment, vm_paddr_t boundary, IOMMUSIM_PLACE_ARGS)
{
	struct wanted_block wanted = { .size = size,
		.type = type,
		.file = file,
		.line = line,
		.contiguous = true,
		.low = low,
		.high = high,
		.alignment = alignment,
		.boundary = boundary };
	struct iommusim_kernel *kernel = kshim_enter_now();

	if (size == 0 || alignment == 0 || (alignment & (alignment - 1)) != 0 ||
	    (boundary & (boundary - 1)) != 0)
		kshim_panic_at(file, line,
		    "contigmalloc: size %lu, alignment %lu, boundary %lu: size above 0, powers of two",
		    size, alignment, (unsigned long)boundary);
	return take(kernel, &wanted, flags);
}

/* The block at an address that is given back or asked about, or a panic that says what is wrong with it. */
static struct block *block_of(struct iommusim_kernel *kernel, const void *address,
    const struct malloc_type *type, const char *what, const char *file, int line)
{
	struct block *block = kshim_arena_block(kernel, address, true);

	if (block == NULL)
		kshim_panic_at(file, line, "%s: address %p(%p) has not been allocated", what, address,
		    (void *)((uintptr_t)address & ~(uintptr_t)PAGE_MASK));
	if (block->type == NULL)
		kshim_panic_at(file, line, "%s: %p is free already: it was freed at %s:%d", what,
		    address, block->file, block->line);
	if (type != NULL && block->type != type)
		kshim_panic_at(file, line, "%s: %p is of type \"%s\" (%s:%d), not \"%s\"", what,
		    address, block->type->ks_shortdesc, block->file, block->line, type->ks_shortdesc);
	return block;
}

void iommusim_kernel_free(const void *address, struct malloc_type *type, bool zero, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	void *block = (void *)(uintptr_t)address;

	(void)zero; /* it never keeps its contents */
	if (address == NULL)
		return;
	block_of(kernel, address, type, "free", file, line);
	kshim_arena_release(kernel, block, file, line);
}

void *iommusim_kernel_realloc(void *old, size_t size, struct malloc_type *type, int flags,
    bool free_on_failure, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	size_t kept;
	void *new;

	if (old == NULL)
		return iommusim_kernel_malloc(size, type, flags, file, line);
	kept = block_of(kernel, old, type, "realloc", file, line)->size;
	new = iommusim_kernel_malloc(size, type, flags, file, line);
	if (new != NULL)
		memcpy(new, old, kept < size ? kept : size);
	if (new != NULL || free_on_failure)
		iommusim_kernel_free(old, type, false, file, line);
	return new;
}

char *iommusim_kernel_strdup(const char *text, struct malloc_type *type, int flags, IOMMUSIM_PLACE_ARGS)
{
	const size_t size = strlen(text) + 1;
	char *copy = iommusim_kernel_malloc(size, type, flags, file, line);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

/* ---- pages without a type of their own ----------------------------------------------------------------------- */

void *iommusim_kernel_kmem_alloc_contig(vm_size_t size, int flags, vm_paddr_t low, vm_paddr_t high,
    u_long alignment, vm_paddr_t boundary, IOMMUSIM_PLACE_ARGS)
{
	return iommusim_kernel_contigmalloc(
	    size, M_KMEM, flags, low, high, alignment == 0 ? 1 : alignment, boundary, file, line);
}

void iommusim_kernel_kmem_free(void *address, IOMMUSIM_PLACE_ARGS)
{
	iommusim_kernel_free(address, M_KMEM, false, file, line);
}

vm_page_t iommusim_kernel_page_alloc(int flags, IOMMUSIM_PLACE_ARGS)
{
	int how = (flags & VM_ALLOC_WAITOK) != 0 ? M_WAITOK : M_NOWAIT;
	void *page;

	if ((flags & VM_ALLOC_ZERO) != 0)
		how |= M_ZERO;
	page = iommusim_kernel_malloc(PAGE_SIZE, M_PAGE, how, file, line);
	return page == NULL ? NULL : PHYS_TO_VM_PAGE(vtophys(page));
}

void iommusim_kernel_page_free(vm_page_t page, IOMMUSIM_PLACE_ARGS)
{
	iommusim_kernel_free((void *)iommusim_kernel_phys_to_dmap(VM_PAGE_TO_PHYS(page), file, line),
	    M_PAGE, false, file, line);
}
