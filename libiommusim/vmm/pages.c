/*
 * Host memory handed out. "RAM offset" counts bytes of RAM from the lowest window up, holes left out, so
 * that the allocator sees one row whatever the memory map.
 */
#include "vmm/pages.h"

#include <string.h>

#include "machine/memory_access.h"

#define SMALLEST_RAM (UINT64_C(4) << 20)
#define HIGH_BASE    (UINT64_C(4) << 30)

/* What of a window is handed out: whole clusters of RAM. */
static uint64_t usable(const struct memory_window *window)
{
	return window->kind == IOMMUSIM_MEMORY_RAM ? window->length & ~(PAGES_CLUSTER - 1) : 0;
}

/* Tables for a 1:1 map of all RAM need 1/512 of it; guests need as much again, and there is slack. */
static uint64_t table_reserve(uint64_t ram)
{
	const uint64_t wanted = ram / 64 + (UINT64_C(64) << 20), most = ram / 4;
	const uint64_t reserve = wanted < most ? wanted : most;

	return (reserve + PAGES_CLUSTER - 1) & ~(PAGES_CLUSTER - 1);
}

/*
 * The kernel keeps the lowest eighth of the memory below 4 GiB for itself: its image, its buffers. Neither
 * tables nor guests come from there.
 */
static uint64_t kernel_part(const struct iommusim_machine *machine)
{
	uint64_t low = 0;

	for (size_t i = 0; i < machine->memory.count; i++)
		if (machine->memory.windows[i].base < HIGH_BASE)
			low += usable(&machine->memory.windows[i]);
	return (low / 8 + PAGES_CLUSTER - 1) & ~(PAGES_CLUSTER - 1);
}

static uint64_t ram_size(const struct iommusim_machine *machine)
{
	uint64_t size = 0;

	for (size_t i = 0; i < machine->memory.count; i++)
		size += usable(&machine->memory.windows[i]);
	return size;
}

static uint64_t to_physical(const struct pages *pages, uint64_t offset)
{
	const struct memory *memory = &pages->machine->memory;

	for (size_t i = 0; i < memory->count; i++) {
		if (offset < usable(&memory->windows[i]))
			return memory->windows[i].base + offset;
		offset -= usable(&memory->windows[i]);
	}
	return UINT64_MAX;
}

static uint64_t to_offset(const struct pages *pages, uint64_t physical)
{
	const struct memory *memory = &pages->machine->memory;
	uint64_t offset = 0;

	for (size_t i = 0; i < memory->count; i++) {
		const struct memory_window *window = &memory->windows[i];

		if (physical - window->base < usable(window))
			return offset + (physical - window->base);
		offset += usable(window);
	}
	return UINT64_MAX;
}

static size_t bitmap_words(const struct pages *pages)
{
	return (size_t)(pages->cluster_count + 63) / 64;
}

enum iommusim_status pages_init(struct pages *pages, struct iommusim_machine *machine)
{
	const uint64_t ram = ram_size(machine);

	memset(pages, 0, sizeof(*pages));
	pages->machine = machine;
	pages->table_free = UINT64_MAX;
	if (ram <= SMALLEST_RAM)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "vmm needs more than 4 MiB of RAM, and there are %llu KiB",
		    (unsigned long long)(ram >> 10));
	pages->table_begin = pages->table_next = kernel_part(machine);
	pages->table_end = pages->table_begin + table_reserve(ram - pages->table_begin);
	pages->cluster_count = pages->clusters_free = (ram - pages->table_end) >> PAGES_CLUSTER_SHIFT;
	pages->used = machine_alloc_zeroed(machine, bitmap_words(pages) * sizeof(*pages->used) + 8);
	if (pages->used == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for the page allocator");
	return IOMMUSIM_OK;
}

void pages_fini(struct pages *pages)
{
	machine_free(pages->machine, pages->used, bitmap_words(pages) * sizeof(*pages->used) + 8);
	pages->used = NULL;
	machine_free(
	    pages->machine, pages->reserved, pages->reserved_capacity * sizeof(*pages->reserved));
	pages->reserved = NULL;
}

/* Does any of a row of bytes lie in a reserved range? */
static bool is_reserved(const struct pages *pages, uint64_t address, uint64_t bytes)
{
	for (size_t i = 0; i < pages->reserved_count; i++)
		if (address <= pages->reserved[i].last &&
		    address + (bytes - 1) >= pages->reserved[i].first)
			return true;
	return false;
}

static void skip_reserved(struct pages *pages)
{
	while (pages->table_next < pages->table_end &&
	    is_reserved(pages, to_physical(pages, pages->table_next), IOMMUSIM_PAGE_SIZE))
		pages->table_next += IOMMUSIM_PAGE_SIZE;
}

/* Whoever writes to a page that was given back, a device among them, may make its link lead anywhere. */
static bool has_free_table(const struct pages *pages)
{
	return pages->table_free % IOMMUSIM_PAGE_SIZE == 0 && pages_is_table(pages, pages->table_free);
}

/* Pages given back are linked through their first quadword, as a kernel would. */
bool pages_take_table(struct pages *pages, uint64_t *address)
{
	struct memory *memory = &pages->machine->memory;
	uint8_t *page;

	if (has_free_table(pages)) {
		*address = pages->table_free;
		page = memory_at(memory, *address, IOMMUSIM_PAGE_SIZE);
		memcpy(&pages->table_free, page, sizeof(pages->table_free));
	} else {
		skip_reserved(pages);
		if (pages->table_next == pages->table_end)
			return false;
		*address = to_physical(pages, pages->table_next);
		page = memory_at(memory, *address, IOMMUSIM_PAGE_SIZE);
		pages->table_next += IOMMUSIM_PAGE_SIZE;
	}
	memset(page, 0, IOMMUSIM_PAGE_SIZE);
	if (pages->machine->device_view)
		iommusim_memory_flush(pages->machine, *address, IOMMUSIM_PAGE_SIZE);
	pages->table_count++;
	return true;
}

void pages_give_table(struct pages *pages, uint64_t address)
{
	uint8_t *page = memory_at(&pages->machine->memory, address, IOMMUSIM_PAGE_SIZE);

	memcpy(page, &pages->table_free, sizeof(pages->table_free));
	pages->table_free = address;
	pages->table_count--;
}

/* Never-used pages that are no row because of a hole or a reserved range behind them are as good as given back ones. */
static void skip_to(struct pages *pages, uint64_t offset)
{
	for (; pages->table_next < offset; pages->table_next += IOMMUSIM_PAGE_SIZE) {
		const uint64_t address = to_physical(pages, pages->table_next);

		if (is_reserved(pages, address, IOMMUSIM_PAGE_SIZE))
			continue;
		pages->table_count++;
		pages_give_table(pages, address);
	}
}

static bool is_row(const struct pages *pages, uint64_t offset, uint64_t bytes)
{
	const uint64_t address = to_physical(pages, offset);

	return to_physical(pages, offset + bytes - 1) == address + bytes - 1 &&
	    !is_reserved(pages, address, bytes);
}

bool pages_take_row(struct pages *pages, uint64_t count, uint64_t *address)
{
	const uint64_t bytes = count * IOMMUSIM_PAGE_SIZE;
	uint64_t first = pages->table_next;

	while (first + bytes <= pages->table_end && !is_row(pages, first, bytes))
		first += IOMMUSIM_PAGE_SIZE;
	if (first + bytes > pages->table_end)
		return false;
	skip_to(pages, first);
	*address = to_physical(pages, first);
	memset(memory_at(&pages->machine->memory, *address, bytes), 0, bytes);
	if (pages->machine->device_view)
		iommusim_memory_flush(pages->machine, *address, bytes);
	pages->table_next += bytes;
	pages->table_count += count;
	return true;
}

bool pages_is_kernel(const struct pages *pages, uint64_t address)
{
	return to_offset(pages, address) < pages->table_begin;
}

bool pages_is_table(const struct pages *pages, uint64_t address)
{
	const uint64_t offset = to_offset(pages, address);

	return offset >= pages->table_begin && offset < pages->table_next &&
	    !is_reserved(pages, address, 1);
}

static bool is_used(const struct pages *pages, uint64_t cluster)
{
	return (pages->used[cluster / 64] >> cluster % 64 & 1) != 0;
}

static uint64_t claim(struct pages *pages, uint64_t cluster)
{
	pages->used[cluster / 64] |= UINT64_C(1) << cluster % 64;
	pages->clusters_free--;
	return to_physical(pages, pages->table_end + (cluster << PAGES_CLUSTER_SHIFT));
}

/* Clusters of which any byte lies in [begin, end), as RAM offsets. */
static void reserve_clusters(struct pages *pages, uint64_t begin, uint64_t end)
{
	uint64_t cluster =
	    begin > pages->table_end ? (begin - pages->table_end) >> PAGES_CLUSTER_SHIFT : 0;

	for (; cluster < pages->cluster_count &&
	     pages->table_end + (cluster << PAGES_CLUSTER_SHIFT) < end;
	     cluster++)
		if (!is_used(pages, cluster))
			claim(pages, cluster);
}

enum iommusim_status pages_reserve(struct pages *pages, uint64_t first, uint64_t last)
{
	const struct memory *memory = &pages->machine->memory;
	uint64_t offset = 0;

	if (first > last)
		return IOMMUSIM_OK;
	if (!machine_grow(pages->machine, &pages->reserved, &pages->reserved_capacity,
		pages->reserved_count + 1, sizeof(*pages->reserved)))
		return IOMMUSIM_ENOMEM;
	first &= ~(IOMMUSIM_PAGE_SIZE - 1);
	last |= IOMMUSIM_PAGE_SIZE - 1;
	pages->reserved[pages->reserved_count++] = (struct pages_range){ first, last };
	for (size_t i = 0; i < memory->count; i++) {
		const struct memory_window *window = &memory->windows[i];
		const uint64_t end = window->base + usable(window);
		const uint64_t from = first > window->base ? first : window->base;
		const uint64_t to = last < end ? last + 1 : end;

		if (from < to)
			reserve_clusters(
			    pages, offset + (from - window->base), offset + (to - window->base));
		offset += usable(window);
	}
	return IOMMUSIM_OK;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		const uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Clusters below 4 GiB come first; the number of the first one above. */
static uint64_t first_high(const struct pages *pages)
{
	uint64_t low = 0, high = pages->cluster_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;

		if (to_physical(pages, pages->table_end + (middle << PAGES_CLUSTER_SHIFT)) < HIGH_BASE)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t free_from(const struct pages *pages, uint64_t first)
{
	uint64_t count = 0;

	for (uint64_t at = first; at < pages->cluster_count; at++)
		count += !is_used(pages, at);
	return count;
}

/*
 * Guests live above 4 GiB while there is room. A stride without a common divisor with the number of
 * clusters meets each of them once; taken near the golden ratio of it, neighbours in the guest lie far
 * apart in the host.
 */
static void take_scattered(struct pages *pages, size_t count, uint64_t seed, uint64_t *out)
{
	const uint64_t high = first_high(pages);
	const uint64_t first = free_from(pages, high) >= count ? high : 0;
	const uint64_t total = pages->cluster_count - first;
	uint64_t stride = total / 1000 * 618 + 1 + seed % 61;
	uint64_t at = total == 0 ? 0 : seed * UINT64_C(2654435761) % total;

	if (total == 0)
		return;
	while (greatest_common_divisor(stride, total) != 1)
		stride++;
	for (size_t taken = 0; taken < count; at = (at + stride) % total)
		if (!is_used(pages, first + at))
			out[taken++] = claim(pages, first + at);
}

/* The first run of free clusters that is long enough and does not cross a hole. */
static bool take_row(struct pages *pages, size_t count, uint64_t *out)
{
	uint64_t start = 0;

	for (uint64_t at = 0; at < pages->cluster_count; at++) {
		const uint64_t offset = pages->table_end + (at << PAGES_CLUSTER_SHIFT);

		if (is_used(pages, at))
			start = at + 1;
		else if (at > start &&
		    to_physical(pages, offset) !=
			to_physical(pages, offset - PAGES_CLUSTER) + PAGES_CLUSTER)
			start = at;
		if (at + 1 - start < count)
			continue;
		for (size_t i = 0; i < count; i++)
			out[i] = claim(pages, start + i);
		return true;
	}
	return false;
}

bool pages_take_clusters(
    struct pages *pages, size_t count, uint64_t seed, bool contiguous, uint64_t *out)
{
	if (count == 0 || count > pages->clusters_free)
		return count == 0;
	if (contiguous)
		return take_row(pages, count, out);
	take_scattered(pages, count, seed, out);
	return true;
}

void pages_give_clusters(struct pages *pages, size_t count, const uint64_t *clusters)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t cluster =
		    (to_offset(pages, clusters[i]) - pages->table_end) >> PAGES_CLUSTER_SHIFT;

		pages->used[cluster / 64] &= ~(UINT64_C(1) << cluster % 64);
		pages->clusters_free++;
	}
}
