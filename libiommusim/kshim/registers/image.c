/* A program's own data as physical memory: where it lies, as the loader tells it. */
#include "kshim/registers/registers.h"

#include <link.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ADDRESS_SANITIZER 1
#endif
#ifdef UNDER_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

struct extent {
	uintptr_t inside;
	uintptr_t first; /* of whole pages that can be written */
	uintptr_t end;
	bool found;
};

static uintptr_t page_up(uintptr_t address)
{
	const uintptr_t mask = (uintptr_t)IOMMUSIM_PAGE_SIZE - 1;

	return (address + mask) & ~mask;
}

/* The loader makes the head of the data read-only again once it is relocated: not ours to offer. */
static uintptr_t relocated_end(const struct dl_phdr_info *object)
{
	for (unsigned i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			return page_up((uintptr_t)object->dlpi_addr + object->dlpi_phdr[i].p_vaddr +
			    object->dlpi_phdr[i].p_memsz);
	return 0;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *context)
{
	const uintptr_t readonly_end = relocated_end(object);
	struct extent *extent = context;

	(void)size;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const uintptr_t first = (uintptr_t)object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
		const uintptr_t length = object->dlpi_phdr[i].p_memsz;

		if (object->dlpi_phdr[i].p_type != PT_LOAD ||
		    (object->dlpi_phdr[i].p_flags & PF_W) == 0 || extent->inside - first >= length)
			continue;
		/* Whole pages are mapped, whatever of the first and the last one is used. */
		extent->first = first & ~((uintptr_t)IOMMUSIM_PAGE_SIZE - 1);
		extent->end = page_up(first + length);
		if (readonly_end > extent->first && readonly_end < extent->end)
			extent->first = readonly_end;
		extent->found = extent->inside >= extent->first;
		return 1;
	}
	return 0;
}

/* To hardware all of it is memory, what AddressSanitizer left between variables included. */
static void allow_all(void *first, size_t length)
{
#ifdef UNDER_ADDRESS_SANITIZER
	ASAN_UNPOISON_MEMORY_REGION(first, length);
#else
	(void)first;
	(void)length;
#endif
}

enum iommusim_status registers_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside)
{
	struct extent extent = { .inside = (uintptr_t)inside };

	dl_iterate_phdr(look_into, &extent);
	if (!extent.found)
		return IOMMUSIM_EINVAL;
	allow_all((void *)extent.first, extent.end - extent.first);
	return iommusim_memory_add_foreign(
	    machine, base, extent.end - extent.first, (void *)extent.first);
}
