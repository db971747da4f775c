/*
 * The memory that malloc(9) hands out: pages of the machine's RAM. Sizes below a page come as powers of two out of
 * shared pages, others as whole pages; what is known about blocks is kept outside them, where no DMA reaches it.
 * The interface of malloc(9) is malloc.c.
 */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#define SMALLEST 16u

/* What a debugging kernel fills memory with that is not to be relied upon. */
#define RUBBISH UINT32_C(0xdeadc0de)

static void fill_with_rubbish(void *memory, size_t size)
{
	const uint32_t rubbish = RUBBISH;

	size_t done = sizeof(rubbish);

	memcpy(memory, &rubbish, sizeof(rubbish));
	for (; done < size; done *= 2) /* sizes are powers of two, or whole pages */
		memcpy((uint8_t *)memory + done, memory, done < size - done ? done : size - done);
}

/* RAM below this is what a kernel takes its own memory from; of a piece of RAM, whole clusters count (vmm/pages.c). */
#define LOW_END UINT64_C(0x100000000)
#define CLUSTER UINT64_C(0x10000)

/* Piece `index` of the machine's memory; length 0: it is no RAM. */
static bool piece_at(struct iommusim_kernel *kernel, size_t index, uint64_t *base, uint64_t *length)
{
	struct iommusim_memory_window window;

	if (iommusim_memory_window(kernel->machine, index, &window) != IOMMUSIM_OK)
		return false;
	*base = window.base;
	*length = window.kind == IOMMUSIM_MEMORY_RAM ? window.length & ~(CLUSTER - 1) : 0;
	return true;
}

/* The largest piece of RAM between two RAM offsets, which leave out what lies between pieces. */
static void choose_between(
    struct iommusim_kernel *kernel, uint64_t first, uint64_t end, uint64_t *base, uint64_t *length)
{
	uint64_t offset = 0, size, start;

	for (size_t i = 0; piece_at(kernel, i, &start, &size); i++) {
		const uint64_t from = first > offset ? first - offset : 0;
		const uint64_t to = end > offset ? end - offset : 0;
		const uint64_t till = to < size ? to : size;

		if (from < till && till - from > *length) {
			*base = start + from;
			*length = till - from;
		}
		offset += size;
	}
}

static uint64_t ram_below(struct iommusim_kernel *kernel, uint64_t limit)
{
	uint64_t sum = 0, size, start;

	for (size_t i = 0; piece_at(kernel, i, &start, &size); i++)
		if (start < limit)
			sum += size;
	return sum;
}

/*
 * Of the eighth of low RAM that vmm leaves to the kernel (vmm/pages.c) all but the first eighth, so that neither
 * guests' memory nor the library's own tables are in it. Where there is no low RAM, half of what there is.
 */
static bool choose(struct iommusim_kernel *kernel, uint64_t *base, uint64_t *length)
{
	const uint64_t part = ram_below(kernel, LOW_END) / 8, page = ~(IOMMUSIM_PAGE_SIZE - 1);

	*length = 0;
	choose_between(kernel, part / 8 & page, part & page, base, length);
	if (*length == 0)
		choose_between(
		    kernel, ram_below(kernel, UINT64_MAX) / 2 & page, UINT64_MAX, base, length);
	return *length > 0;
}

/* Whole pages of one piece of RAM? */
static bool is_ram(struct iommusim_kernel *kernel, uint64_t base, uint64_t length)
{
	struct iommusim_memory_window window;

	if (((base | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 || length == 0)
		return false;
	for (size_t i = 0; iommusim_memory_window(kernel->machine, i, &window) == IOMMUSIM_OK; i++)
		if (window.kind == IOMMUSIM_MEMORY_RAM && base >= window.base &&
		    base - window.base < window.length &&
		    length <= window.length - (base - window.base))
			return true;
	return false;
}

/* False with no pages: no memory for what is known about them; with pages == 0: no such RAM. */
bool kshim_arena_make(struct iommusim_kernel *kernel, const struct iommusim_kernel_options *options)
{
	struct arena *arena = &kernel->arena;
	uint64_t base = options->arena_base, length = options->arena_length;

	if (base == 0 && length == 0 && !choose(kernel, &base, &length))
		return false;
	if (!is_ram(kernel, base, length))
		return false;
	arena->base = base;
	arena->pages = (size_t)(length >> IOMMUSIM_PAGE_SHIFT);
	arena->host = iommusim_memory_host(kernel->machine, base, (size_t)length);
	arena->page = calloc(arena->pages, sizeof(*arena->page));
	return arena->page != NULL && arena->host != NULL;
}

void kshim_arena_free(struct arena *arena)
{
	if (arena->page == NULL)
		return;
	for (size_t i = 0; i < arena->pages; i++)
		if (arena->page[i].kind == PAGE_SLAB)
			free(arena->page[i].slab);
	free(arena->page);
}

bool kshim_arena_holds(const struct arena *arena, const void *address)
{
	return (uintptr_t)address - (uintptr_t)arena->host < arena->pages << IOMMUSIM_PAGE_SHIFT;
}

static uint8_t *page_host(const struct arena *arena, size_t page)
{
	return arena->host + (page << IOMMUSIM_PAGE_SHIFT);
}

/* ---- runs of pages ---------------------------------------------------------------------------------------- */

static bool crosses(uint64_t base, uint64_t size, uint64_t boundary)
{
	return boundary != 0 && base / boundary != (base + size - 1) / boundary;
}

/* How many of `run` pages from `first` are free. */
static size_t free_run(const struct arena *arena, size_t first, size_t run)
{
	size_t i = 0;

	while (i < run && arena->page[first + i].kind == PAGE_FREE)
		i++;
	return i;
}

static bool find_run(struct arena *arena, const struct wanted_block *wanted, size_t run, size_t *found)
{
	const uint64_t alignment =
	    wanted->alignment < IOMMUSIM_PAGE_SIZE ? IOMMUSIM_PAGE_SIZE : wanted->alignment;
	size_t first = arena->lowest;

	while (first + run <= arena->pages) {
		const uint64_t base = arena->base + ((uint64_t)first << IOMMUSIM_PAGE_SHIFT);
		const uint64_t aligned = (base + alignment - 1) & ~(alignment - 1);
		size_t usable;

		if (aligned != base) {
			first += (size_t)((aligned - base) >> IOMMUSIM_PAGE_SHIFT);
			continue;
		}
		if (base < wanted->low || crosses(base, wanted->size, wanted->boundary)) {
			first++;
			continue;
		}
		if (wanted->size - 1 > wanted->high || base > wanted->high - (wanted->size - 1))
			return false;
		usable = free_run(arena, first, run);
		if (usable == run) {
			*found = first;
			return true;
		}
		first += usable + 1;
	}
	return false;
}

static void note_block(
    struct iommusim_kernel *kernel, struct block *block, const struct wanted_block *wanted)
{
	block->type = wanted->type;
	block->size = wanted->size;
	block->file = wanted->file;
	block->line = wanted->line;
	block->used_before = true;
	kernel->arena.blocks++;
	kernel->arena.bytes += wanted->size;
}

static void *take_run(struct iommusim_kernel *kernel, const struct wanted_block *wanted)
{
	struct arena *arena = &kernel->arena;
	const size_t run = (wanted->size + IOMMUSIM_PAGE_SIZE - 1) >> IOMMUSIM_PAGE_SHIFT;
	size_t first;

	if (run > arena->pages || !find_run(arena, wanted, run, &first))
		return NULL;
	for (size_t i = 0; i < run; i++)
		arena->page[first + i] = (struct page){ .kind = i == 0 ? PAGE_HEAD : PAGE_TAIL,
			.run = (uint32_t)(i == 0 ? run : i) };
	note_block(kernel, &arena->page[first].block, wanted);
	if (first == arena->lowest)
		arena->lowest = first + run;
	if (wanted->zero) {
		memset(page_host(arena, first), 0, run << IOMMUSIM_PAGE_SHIFT);
		for (size_t i = 0; i < run; i++)
			iommusim_memory_taken(kernel->machine,
			    arena->base + ((uint64_t)(first + i) << IOMMUSIM_PAGE_SHIFT));
	} else {
		fill_with_rubbish(page_host(arena, first), run << IOMMUSIM_PAGE_SHIFT);
	}
	return page_host(arena, first);
}

static void release_run(struct iommusim_kernel *kernel, size_t first, const char *file, int line)
{
	struct arena *arena = &kernel->arena;
	const size_t run = arena->page[first].run;

	for (size_t i = 0; i < run; i++) {
		iommusim_memory_given_back(
		    kernel->machine, arena->base + ((uint64_t)(first + i) << IOMMUSIM_PAGE_SHIFT));
		arena->page[first + i] = (struct page){ .kind = PAGE_FREE };
	}
	arena->page[first].block = (struct block){ .file = file, .line = line, .used_before = true };
	fill_with_rubbish(page_host(arena, first), run << IOMMUSIM_PAGE_SHIFT);
	if (first < arena->lowest)
		arena->lowest = first;
}

/* ---- small blocks -------------------------------------------------------------------------------------------- */

static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while ((size_t)SMALLEST << class < size)
		class ++;
	return class;
}

static void list_slab(struct arena *arena, struct slab *slab, unsigned class)
{
	slab->next = arena->slabs[class];
	slab->listed = true;
	arena->slabs[class] = slab;
}

static bool add_slab(struct iommusim_kernel *kernel, unsigned class)
{
	struct arena *arena = &kernel->arena;
	const struct wanted_block one_page = { .size = IOMMUSIM_PAGE_SIZE, .high = UINT64_MAX };
	const size_t object = (size_t)SMALLEST << class;
	const size_t count = IOMMUSIM_PAGE_SIZE / object;
	struct slab *slab;
	size_t page;

	if (!find_run(arena, &one_page, 1, &page))
		return false;
	slab = calloc(1, sizeof(*slab) + count * sizeof(slab->blocks[0]));
	if (slab == NULL)
		return false;
	slab->object = object;
	slab->free = count;
	slab->page = page;
	arena->page[page] = (struct page){ .kind = PAGE_SLAB, .slab = slab };
	if (page == arena->lowest)
		arena->lowest = page + 1;
	fill_with_rubbish(page_host(arena, page), IOMMUSIM_PAGE_SIZE);
	list_slab(arena, slab, class);
	return true;
}

static void *take_small(struct iommusim_kernel *kernel, const struct wanted_block *wanted)
{
	struct arena *arena = &kernel->arena;
	const unsigned class = class_of(wanted->size);
	struct slab *slab = arena->slabs[class];
	uint8_t *at;
	size_t i = 0;

	if (slab == NULL) {
		if (!add_slab(kernel, class))
			return NULL;
		slab = arena->slabs[class];
	}
	while (slab->blocks[i].type != NULL)
		i++;
	note_block(kernel, &slab->blocks[i], wanted);
	if (--slab->free == 0) {
		arena->slabs[class] = slab->next;
		slab->listed = false;
	}
	at = page_host(arena, slab->page) + i * slab->object;
	if (wanted->zero)
		memset(at, 0, slab->object);
	return at;
}

/* ---- blocks of either kind --------------------------------------------------------------------------------- */

void *kshim_arena_take(struct iommusim_kernel *kernel, const struct wanted_block *wanted)
{
	struct wanted_block block = *wanted;

	if (block.high == 0)
		block.high = UINT64_MAX;
	if (block.size == 0)
		block.size = 1;
	if (block.contiguous || block.size > IOMMUSIM_PAGE_SIZE / 2)
		return take_run(kernel, &block);
	return take_small(kernel, &block);
}

struct block *kshim_arena_block(struct iommusim_kernel *kernel, const void *address, bool even_free)
{
	struct arena *arena = &kernel->arena;
	const uintptr_t offset = (uintptr_t)address - (uintptr_t)arena->host;
	const size_t in_page = offset & (IOMMUSIM_PAGE_SIZE - 1);
	struct page *page;
	struct block *block;

	if (!kshim_arena_holds(arena, address))
		return NULL;
	page = &arena->page[offset >> IOMMUSIM_PAGE_SHIFT];
	if (page->kind == PAGE_SLAB) {
		if (in_page % page->slab->object != 0)
			return NULL;
		block = &page->slab->blocks[in_page / page->slab->object];
	} else {
		if (in_page != 0 || page->kind == PAGE_TAIL)
			return NULL;
		block = &page->block;
	}
	if (block->type == NULL && !(even_free && block->used_before))
		return NULL;
	return block;
}

void kshim_arena_release(struct iommusim_kernel *kernel, void *address, const char *file, int line)
{
	struct arena *arena = &kernel->arena;
	const size_t number = ((uintptr_t)address - (uintptr_t)arena->host) >> IOMMUSIM_PAGE_SHIFT;
	struct page *page = &arena->page[number];
	struct block *block = kshim_arena_block(kernel, address, false);

	arena->blocks--;
	arena->bytes -= block->size;
	if (page->kind != PAGE_SLAB) {
		release_run(kernel, number, file, line);
		return;
	}
	*block = (struct block){ .file = file, .line = line, .used_before = true };
	fill_with_rubbish(address, page->slab->object);
	page->slab->free++;
	if (!page->slab->listed)
		list_slab(arena, page->slab, class_of(page->slab->object));
}

/* ---- what a test sees -------------------------------------------------------------------------------------- */

static void describe(const struct block *block, void *address, struct iommusim_kernel_block *out)
{
	*out = (struct iommusim_kernel_block){ .address = address,
		.size = block->size,
		.type = block->type->ks_shortdesc,
		.file = block->file,
		.line = (unsigned)block->line };
}

/* Of the blocks in a page, the `*index`th; those that were passed over are taken off it. */
static const struct block *block_in(const struct page *page, size_t *index, size_t *offset)
{
	*offset = 0;
	if (page->kind == PAGE_HEAD && page->block.type != NULL)
		return (*index)-- == 0 ? &page->block : NULL;
	if (page->kind != PAGE_SLAB)
		return NULL;
	for (size_t i = 0; i < IOMMUSIM_PAGE_SIZE / page->slab->object; i++) {
		*offset = i * page->slab->object;
		if (page->slab->blocks[i].type != NULL && (*index)-- == 0)
			return &page->slab->blocks[i];
	}
	return NULL;
}

enum iommusim_status iommusim_kernel_block_at(
    const struct iommusim_kernel *kernel, size_t index, struct iommusim_kernel_block *out)
{
	const struct arena *arena = &kernel->arena;
	size_t offset;

	for (size_t i = 0; index < arena->blocks && i < arena->pages; i++) {
		const struct block *block = block_in(&arena->page[i], &index, &offset);

		if (block == NULL)
			continue;
		describe(block, page_host(arena, i) + offset, out);
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

void iommusim_kernel_memory(const struct iommusim_kernel *kernel, size_t *blocks, uint64_t *bytes)
{
	if (blocks != NULL)
		*blocks = kernel->arena.blocks;
	if (bytes != NULL)
		*bytes = kernel->arena.bytes;
}

void iommusim_kernel_arena(const struct iommusim_kernel *kernel, uint64_t *base, uint64_t *length)
{
	*base = kernel->arena.base;
	*length = (uint64_t)kernel->arena.pages << IOMMUSIM_PAGE_SHIFT;
}
