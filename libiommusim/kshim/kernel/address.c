/* Physical and kernel addresses of the same things: the arena, the program image, other memory, registers; caches. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <machine/vmparam.h>
#include <vm/pmap.h>

#include <iommusim/mmio.h>

#include "kshim/registers/registers.h"

#define IMAGE_BASE_DEFAULT UINT64_C(0x7000000000)

/* In the data of whatever program this archive is linked into. */
static uint8_t of_this_program;

struct pmap {
	char unused;
};
static struct pmap the_kernel_pmap;
struct pmap *const kernel_pmap = &the_kernel_pmap;

static void note_image(struct iommusim_kernel *kernel, uint64_t inside)
{
	struct iommusim_memory_window window;

	for (size_t i = 0; iommusim_memory_window(kernel->machine, i, &window) == IOMMUSIM_OK; i++) {
		if (inside - window.base >= window.length)
			continue;
		kernel->image_base = window.base;
		kernel->image_length = window.length;
		kernel->image = window.host;
	}
}

bool kshim_address_make(struct iommusim_kernel *kernel, enum iommusim_status *status)
{
	const void *inside = kernel->options.image != NULL ? kernel->options.image : &of_this_program;
	const uint64_t base =
	    kernel->options.image_base != 0 ? kernel->options.image_base : IMAGE_BASE_DEFAULT;
	uint64_t physical;

	*status = IOMMUSIM_OK;
	if (iommusim_memory_physical(kernel->machine, inside, &physical) != IOMMUSIM_OK) {
		*status = registers_add_image(kernel->machine, base, inside);
		if (*status == IOMMUSIM_OK)
			*status = iommusim_memory_physical(kernel->machine, inside, &physical);
	}
	if (*status == IOMMUSIM_OK)
		note_image(kernel, physical);
	return *status == IOMMUSIM_OK;
}

void kshim_address_free(struct iommusim_kernel *kernel)
{
	struct register_mapping *mapping;

	while ((mapping = TAILQ_FIRST(&kernel->mappings)) != NULL) {
		TAILQ_REMOVE(&kernel->mappings, mapping, link);
		free(mapping);
	}
}

/* ---- registers ------------------------------------------------------------------------------------------------ */

static struct register_mapping *mapping_of(struct iommusim_kernel *kernel, uint64_t physical)
{
	struct register_mapping *mapping;

	TAILQ_FOREACH (mapping, &kernel->mappings, link)
		if (physical - mapping->base < mapping->length)
			return mapping;
	return NULL;
}

static struct register_mapping *map_registers(
    struct iommusim_kernel *kernel, uint64_t base, uint64_t length, const char *file, int line)
{
	const struct iommusim_kernel_registers *registers = &kernel->options.registers;
	struct register_mapping *mapping;
	volatile void *pages;

	if (registers->map == NULL)
		kshim_panic_at(file, line,
		    "registers at %#lx are asked for, and the kernel was given no way to reach any "
		    "(iommusim_kernel_options.registers)",
		    (unsigned long)base);
	mapping = calloc(1, sizeof(*mapping));
	if (mapping == NULL ||
	    registers->map(registers->context, base, length, &pages) != IOMMUSIM_OK) {
		free(mapping);
		kshim_panic_at(file, line, "no room to map the registers at %#lx, %lu bytes",
		    (unsigned long)base, (unsigned long)length);
	}
	*mapping = (struct register_mapping){
		.base = base, .length = length, .pages = (uint8_t *)(uintptr_t)pages
	};
	TAILQ_INSERT_TAIL(&kernel->mappings, mapping, link);
	return mapping;
}

/* Of a register address: where the driver finds it, all that decodes with it mapped in one piece; 0: no registers. */
static vm_offset_t registers_at(
    struct iommusim_kernel *kernel, uint64_t physical, const char *file, int line)
{
	struct register_mapping *mapping = mapping_of(kernel, physical);
	uint64_t base, length;

	if (mapping == NULL) {
		if (iommusim_mmio_find(kernel->machine, physical, &base, &length) != IOMMUSIM_OK)
			return 0;
		mapping = map_registers(kernel, base, length, file, line);
	}
	return (vm_offset_t)(mapping->pages + (physical - mapping->base));
}

/* ---- the direct map --------------------------------------------------------------------------------------------- */

vm_offset_t iommusim_kernel_phys_to_dmap(vm_paddr_t physical, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	const uint64_t in_arena = physical - kernel->arena.base;
	vm_offset_t address;

	if (in_arena < (uint64_t)kernel->arena.pages << PAGE_SHIFT)
		return (vm_offset_t)(kernel->arena.host + in_arena);
	address = (vm_offset_t)iommusim_memory_host(kernel->machine, physical, 1);
	if (address == 0)
		address = registers_at(kernel, physical, file, line);
	if (address == 0)
		kshim_panic_at(file, line,
		    "physical address %#lx is not covered by the direct map: neither "
		    "memory nor registers are there",
		    physical);
	return address;
}

bool iommusim_kernel_phys_in_dmap(vm_paddr_t physical)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	uint64_t base, length;

	return iommusim_memory_host(kernel->machine, physical, 1) != NULL ||
	    iommusim_mmio_find(kernel->machine, physical, &base, &length) == IOMMUSIM_OK;
}

static bool find_physical(
    struct iommusim_kernel *kernel, const volatile void *address, uint64_t *physical)
{
	const uintptr_t in_arena = (uintptr_t)address - (uintptr_t)kernel->arena.host;
	const uintptr_t in_image = (uintptr_t)address - (uintptr_t)kernel->image;
	struct register_mapping *mapping;

	if (in_arena < kernel->arena.pages << PAGE_SHIFT) {
		*physical = kernel->arena.base + in_arena;
		return true;
	}
	TAILQ_FOREACH (mapping, &kernel->mappings, link) {
		const uintptr_t offset = (uintptr_t)address - (uintptr_t)mapping->pages;

		if (offset >= mapping->length)
			continue;
		*physical = mapping->base + offset;
		return true;
	}
	if (in_image < kernel->image_length) {
		*physical = kernel->image_base + in_image;
		return true;
	}
	return iommusim_memory_physical(kernel->machine, (const void *)(uintptr_t)address, physical) ==
	    IOMMUSIM_OK;
}

vm_paddr_t iommusim_kernel_vtophys(const volatile void *address, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	uint64_t physical;

	if (!find_physical(kernel, address, &physical))
		kshim_panic_at(file, line,
		    "vtophys: %p is no memory of the machine (on the stack, or not of this program?)",
		    (const void *)(uintptr_t)address);
	return physical;
}

vm_paddr_t iommusim_kernel_dmap_to_phys(vm_offset_t address, IOMMUSIM_PLACE_ARGS)
{
	return iommusim_kernel_vtophys((const void *)address, file, line);
}

bool iommusim_kernel_virt_in_dmap(vm_offset_t address)
{
	uint64_t physical;

	return find_physical(kshim_enter_quickly(), (const void *)address, &physical);
}

enum iommusim_status iommusim_kernel_physical(
    const struct iommusim_kernel *kernel, const volatile void *address, uint64_t *physical)
{
	return find_physical((struct iommusim_kernel *)(uintptr_t)kernel, address, physical)
	    ? IOMMUSIM_OK
	    : IOMMUSIM_ENOENT;
}

void *iommusim_kernel_mapdev(vm_paddr_t base, vm_size_t size, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	const vm_paddr_t first = base & ~(vm_paddr_t)PAGE_MASK;
	struct register_mapping *mapping;
	void *memory;

	memory = iommusim_memory_host(kernel->machine, base, size);
	if (memory != NULL)
		return memory;
	mapping = mapping_of(kernel, first);
	if (mapping == NULL || base + size > mapping->base + mapping->length)
		mapping = map_registers(kernel, first, round_page(base + size) - first, file, line);
	return mapping->pages + (base - mapping->base);
}

/* The pages stay: the same registers get them again. */
void iommusim_kernel_unmapdev(const volatile void *address, vm_size_t size)
{
	(void)address;
	(void)size;
	kshim_enter_now();
}

/* ---- caches ---------------------------------------------------------------------------------------------------------- */

void pmap_invalidate_cache(void)
{
	iommusim_memory_flush_all(kshim_enter_quickly()->machine);
}

void wbinvd(void)
{
	pmap_invalidate_cache();
}

/* Line by line as the instruction does; what is no memory has no line. */
static void flush(vm_offset_t first, vm_offset_t end)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	const vm_offset_t mask = CACHE_LINE_SIZE - 1;
	uint64_t physical;

	first &= ~mask;
	end = (end + mask) & ~mask;
	while (first < end) {
		const vm_offset_t next = (first & ~(vm_offset_t)PAGE_MASK) + PAGE_SIZE;
		const vm_offset_t stop = next < end ? next : end;

		if (find_physical(kernel, (const void *)first, &physical))
			iommusim_memory_flush(kernel->machine, physical, stop - first);
		first = stop;
	}
}

void pmap_invalidate_cache_range(vm_offset_t first, vm_offset_t end)
{
	flush(first, end);
}

void pmap_force_invalidate_cache_range(vm_offset_t first, vm_offset_t end)
{
	flush(first, end);
}

void pmap_flush_cache_range(vm_paddr_t first, vm_paddr_t end, vm_memattr_t attribute)
{
	(void)attribute;
	if (end > first)
		iommusim_memory_flush(kshim_enter_quickly()->machine, first, end - first);
}

void pmap_flush_cache_phys_range(vm_paddr_t first, vm_paddr_t end, vm_memattr_t attribute)
{
	pmap_flush_cache_range(first, end, attribute);
}

void clflush(u_long address)
{
	flush(address, address + 1);
}

void clflushopt(u_long address)
{
	flush(address, address + 1);
}

void mfence(void)
{
	kshim_enter_quickly();
#ifdef __SANITIZE_THREAD__ /* which knows no fences, and refuses to compile one */
	int word = 0;

	(void)__atomic_exchange_n(&word, 1, __ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

void lfence(void)
{
	mfence();
}

void sfence(void)
{
	mfence();
}
