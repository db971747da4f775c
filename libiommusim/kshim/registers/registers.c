/* Which registers a page stands for, and accesses on their behalf. Nothing here catches an access. */
#include "kshim/registers/registers.h"

#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>

void registers_init(struct register_pages *pages, struct iommusim_machine *machine, uint8_t *host)
{
	iommusim_memory_expect_silent_stores(machine); /* by whoever needs these pages */
	pages->machine = machine;
	pages->host = host;
	pages->mapped = 0;
	for (size_t i = 0; i < REGISTER_PAGES; i++)
		pages->physical[i] = REGISTER_NOT_MAPPED;
}

/* The first of the pages that stand for `base` and what follows; `mapped` if there are none. */
static size_t find_mapping(const struct register_pages *pages, uint64_t base, uint64_t count)
{
	for (size_t first = 0; first + count <= pages->mapped; first++) {
		uint64_t i = 0;

		while (i < count && pages->physical[first + i] == base + (i << IOMMUSIM_PAGE_SHIFT))
			i++;
		if (i == count)
			return first;
	}
	return pages->mapped;
}

enum iommusim_status registers_map(struct register_pages *pages, uint64_t base, uint64_t length,
    volatile void **registers, bool *is_new)
{
	const uint64_t end = UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS;
	const uint64_t count = length >> IOMMUSIM_PAGE_SHIFT;
	size_t first;

	if (((base | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 || length == 0 || base >= end ||
	    length > end - base)
		return IOMMUSIM_EINVAL;
	first = find_mapping(pages, base, count);
	*is_new = first == pages->mapped;
	if (*is_new) {
		if (count > REGISTER_PAGES - pages->mapped)
			return IOMMUSIM_ENOMEM;
		for (uint64_t i = 0; i < count; i++)
			pages->physical[pages->mapped++] = base + (i << IOMMUSIM_PAGE_SHIFT);
	}
	*registers = pages->host + first * IOMMUSIM_PAGE_SIZE;
	return IOMMUSIM_OK;
}

uint64_t registers_physical(const struct register_pages *pages, uintptr_t address)
{
	const uintptr_t offset = address - (uintptr_t)pages->host;
	const uint64_t page = pages->physical[offset >> IOMMUSIM_PAGE_SHIFT];

	return page == REGISTER_NOT_MAPPED ? page : page + (offset & (IOMMUSIM_PAGE_SIZE - 1));
}

static bool is_register(const struct register_pages *pages, uintptr_t address)
{
	return address - (uintptr_t)pages->host < REGISTER_PAGES * IOMMUSIM_PAGE_SIZE;
}

/* The widest naturally aligned access a bus could make of the next bytes: 1, 2, 4 or 8. */
static unsigned piece_width(uintptr_t address, size_t left)
{
	unsigned width = 8;

	while (width > 1 && (width > left || address % width != 0))
		width /= 2;
	return width;
}

static uint64_t get(const void *from, unsigned width)
{
	uint8_t byte;
	uint16_t word;
	uint32_t doubleword;
	uint64_t quadword;

	switch (width) {
	case 1:
		memcpy(&byte, from, sizeof(byte));
		return byte;
	case 2:
		memcpy(&word, from, sizeof(word));
		return word;
	case 4:
		memcpy(&doubleword, from, sizeof(doubleword));
		return doubleword;
	default:
		memcpy(&quadword, from, sizeof(quadword));
		return quadword;
	}
}

static void put(void *to, unsigned width, uint64_t value)
{
	const uint8_t byte = (uint8_t)value;
	const uint16_t word = (uint16_t)value;
	const uint32_t doubleword = (uint32_t)value;

	switch (width) {
	case 1:
		memcpy(to, &byte, sizeof(byte));
		break;
	case 2:
		memcpy(to, &word, sizeof(word));
		break;
	case 4:
		memcpy(to, &doubleword, sizeof(doubleword));
		break;
	default:
		memcpy(to, &value, sizeof(value));
		break;
	}
}

void registers_read(const struct register_pages *pages, uintptr_t address, size_t length, void *to)
{
	uint8_t *byte = to;

	while (length > 0 && is_register(pages, address)) {
		const unsigned width = piece_width(address, length);
		const uint64_t physical = registers_physical(pages, address);
		uint64_t value = UINT64_MAX;

		if (physical != REGISTER_NOT_MAPPED)
			iommusim_mmio_read(pages->machine, physical, width, &value);
		put(byte, width, value);
		byte += width;
		address += width;
		length -= width;
	}
}

/*
 * What the bus says of a write (nothing answers there) is no concern of a processor that stores; the
 * machine's diagnostic has it.
 */
void registers_write(
    const struct register_pages *pages, uintptr_t address, size_t length, const void *from)
{
	const uint8_t *byte = from;

	while (length > 0 && is_register(pages, address)) {
		const unsigned width = piece_width(address, length);
		const uint64_t physical = registers_physical(pages, address);

		if (physical != REGISTER_NOT_MAPPED)
			iommusim_mmio_write(pages->machine, physical, width, get(byte, width));
		byte += width;
		address += width;
		length -= width;
	}
}
