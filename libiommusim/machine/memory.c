/* Physical memory: the sorted list of windows, and copying in and out of them. */
#include <string.h>

#include "machine/memory_access.h"
#include "machine/state.h"

#define CACHE_LINE UINT64_C(64)

bool memory_overlaps(const struct iommusim_machine *machine, uint64_t base, uint64_t length)
{
	for (size_t i = 0; i < machine->memory.count; i++) {
		const struct memory_window *window = &machine->memory.windows[i];

		if (base < window->base + window->length && window->base < base + length)
			return true;
	}
	return false;
}

static enum iommusim_status check_window(
    struct iommusim_machine *machine, uint64_t base, uint64_t length)
{
	const uint64_t end = UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS;

	if (length == 0 || ((base | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "memory window 0x%llx + 0x%llx: base and length must be multiples of 4 KiB",
		    (unsigned long long)base, (unsigned long long)length);
	if (base >= end || length > end - base)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "memory window 0x%llx + 0x%llx: beyond 2^52", (unsigned long long)base,
		    (unsigned long long)length);
	if (memory_overlaps(machine, base, length) || mmio_overlaps(machine, base, length))
		return machine_fail(machine, IOMMUSIM_EEXIST,
		    "memory window 0x%llx + 0x%llx overlaps memory or registers",
		    (unsigned long long)base, (unsigned long long)length);
	return IOMMUSIM_OK;
}

static void *reserve(struct iommusim_machine *machine, uint64_t length)
{
	if (length > SIZE_MAX)
		return NULL;
	return machine->allocator.reserve(machine->allocator.context, (size_t)length);
}

static void unreserve(struct iommusim_machine *machine, void *block, uint64_t length)
{
	machine->allocator.unreserve(machine->allocator.context, block, (size_t)length);
}

static void release_window(struct iommusim_machine *machine, struct memory_window *window)
{
	if (window->device != window->host)
		unreserve(machine, window->device, window->length);
	if (window->kind != IOMMUSIM_MEMORY_FOREIGN)
		unreserve(machine, window->host, window->length);
}

/* `window` is complete but for its device view; keep the list sorted. */
static enum iommusim_status insert_window(
    struct iommusim_machine *machine, struct memory_window *window)
{
	struct memory *memory = &machine->memory;
	size_t at = 0;

	if (!machine_grow(machine, &memory->windows, &memory->capacity, memory->count + 1,
		sizeof(*memory->windows)))
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a window's record");
	window->device = window->host;
	if (machine->device_view) {
		window->device = reserve(machine, window->length);
		if (window->device == NULL)
			return machine_fail(machine, IOMMUSIM_ENOMEM,
			    "no address space for the device view of 0x%llx bytes",
			    (unsigned long long)window->length);
		if (window->kind == IOMMUSIM_MEMORY_FOREIGN)
			memcpy(window->device, window->host, window->length);
	}
	while (at < memory->count && memory->windows[at].base < window->base)
		at++;
	memmove(&memory->windows[at + 1], &memory->windows[at],
	    (memory->count - at) * sizeof(*memory->windows));
	memory->windows[at] = *window;
	memory->count++;
	machine_outdate(machine); /* a page that requesters found no memory behind may have some now */
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_memory_add(
    struct iommusim_machine *machine, uint64_t base, uint64_t length, enum iommusim_memory_kind kind)
{
	struct memory_window window = { .base = base, .length = length, .kind = kind };
	enum iommusim_status status = check_window(machine, base, length);

	if (status != IOMMUSIM_OK)
		return status;
	if (kind != IOMMUSIM_MEMORY_RAM && kind != IOMMUSIM_MEMORY_FIRMWARE &&
	    kind != IOMMUSIM_MEMORY_ROM)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "foreign memory is added with iommusim_memory_add_foreign()");
	window.host = reserve(machine, length);
	if (window.host == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no address space for 0x%llx bytes",
		    (unsigned long long)length);
	status = insert_window(machine, &window);
	if (status != IOMMUSIM_OK)
		unreserve(machine, window.host, length);
	return status;
}

enum iommusim_status iommusim_memory_add_foreign(
    struct iommusim_machine *machine, uint64_t base, uint64_t length, void *host)
{
	struct memory_window window = {
		.base = base, .length = length, .kind = IOMMUSIM_MEMORY_FOREIGN, .host = host
	};
	enum iommusim_status status = check_window(machine, base, length);

	if (status != IOMMUSIM_OK)
		return status;
	if (host == NULL || ((uintptr_t)host & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "foreign memory must begin at a 4 KiB boundary of the process");
	return insert_window(machine, &window);
}

enum iommusim_status iommusim_memory_remove(struct iommusim_machine *machine, uint64_t base)
{
	struct memory *memory = &machine->memory;

	for (size_t i = 0; i < memory->count; i++) {
		if (memory->windows[i].base != base)
			continue;
		release_window(machine, &memory->windows[i]);
		memory->count--;
		memmove(&memory->windows[i], &memory->windows[i + 1],
		    (memory->count - i) * sizeof(*memory->windows));
		machine_outdate(machine);
		return IOMMUSIM_OK;
	}
	return machine_fail(
	    machine, IOMMUSIM_ENOENT, "no memory window begins at 0x%llx", (unsigned long long)base);
}

/* The lowest register region that overlaps [base, end), or NULL. */
static const struct iommusim_mmio_region *first_registers(
    const struct mmio_bus *bus, uint64_t base, uint64_t end)
{
	const struct iommusim_mmio_region *first = NULL;

	for (size_t i = 0; i < bus->count; i++) {
		const struct iommusim_mmio_region *region = &bus->regions[i];

		if (region->base < end && base < region->base + region->length &&
		    (first == NULL || region->base < first->base))
			first = region;
	}
	return first;
}

/* RAM in [base, end), but for what registers have. */
static enum iommusim_status add_ram_around(
    struct iommusim_machine *machine, uint64_t base, uint64_t end)
{
	enum iommusim_status status = IOMMUSIM_OK;

	while (base < end && status == IOMMUSIM_OK) {
		const struct iommusim_mmio_region *region = first_registers(&machine->bus, base, end);
		const uint64_t stop = region == NULL ? end : region->base;

		if (stop > base)
			status = iommusim_memory_add(machine, base, stop - base, IOMMUSIM_MEMORY_RAM);
		base = region == NULL ? end : region->base + region->length;
	}
	return status;
}

/* Take back the RAM windows of a failed call; the diagnostic stays that of the failure. */
static void drop_ram(struct iommusim_machine *machine)
{
	struct memory *memory = &machine->memory;
	size_t kept = 0;

	for (size_t i = 0; i < memory->count; i++)
		if (memory->windows[i].kind == IOMMUSIM_MEMORY_RAM)
			release_window(machine, &memory->windows[i]);
		else
			memory->windows[kept++] = memory->windows[i];
	memory->count = kept;
	machine_outdate(machine);
}

enum iommusim_status iommusim_memory_add_pc_ram(struct iommusim_machine *machine, uint64_t size)
{
	const uint64_t low_limit = UINT64_C(3) << 30, high_base = UINT64_C(4) << 30;
	const uint64_t low = size < low_limit ? size : low_limit;
	enum iommusim_status status;

	if (size == 0 || (size & (IOMMUSIM_PAGE_SIZE - 1)) != 0 ||
	    size > (UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS) - high_base)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "RAM of 0x%llx bytes: a multiple of 4 KiB below 2^52 is possible",
		    (unsigned long long)size);
	for (size_t i = 0; i < machine->memory.count; i++)
		if (machine->memory.windows[i].kind == IOMMUSIM_MEMORY_RAM)
			return machine_fail(machine, IOMMUSIM_EEXIST, "the machine has RAM already");
	status = add_ram_around(machine, 0, low);
	if (status == IOMMUSIM_OK)
		status = add_ram_around(machine, high_base, high_base + size - low);
	if (status != IOMMUSIM_OK)
		drop_ram(machine);
	return status;
}

void memory_teardown(struct iommusim_machine *machine)
{
	struct memory *memory = &machine->memory;

	for (size_t i = 0; i < memory->count; i++)
		release_window(machine, &memory->windows[i]);
	machine_free(machine, memory->windows, memory->capacity * sizeof(*memory->windows));
}

enum iommusim_status iommusim_memory_window(
    const struct iommusim_machine *machine, size_t index, struct iommusim_memory_window *window)
{
	const struct memory_window *found;

	if (index >= machine->memory.count)
		return IOMMUSIM_ENOENT;
	found = &machine->memory.windows[index];
	window->base = found->base;
	window->length = found->length;
	window->kind = found->kind;
	window->host = found->host;
	return IOMMUSIM_OK;
}

/* How many of `length` bytes at `address` the window holds; 0 in a hole. */
static uint64_t run_length(const struct memory_window *window, uint64_t address, uint64_t length)
{
	uint64_t room;

	if (window == NULL)
		return 0;
	room = window->length - (address - window->base);
	return room < length ? room : length;
}

static bool populated(const struct memory *memory, uint64_t address, uint64_t length)
{
	while (length > 0) {
		uint64_t run = run_length(memory_find(memory, address), address, length);

		if (run == 0)
			return false;
		address += run;
		length -= run;
	}
	return true;
}

static bool broken(const struct memory *memory, uint64_t address, uint64_t length)
{
	for (size_t i = 0; i < memory->broken_count; i++)
		if (address < memory->broken[i].base + memory->broken[i].length &&
		    memory->broken[i].base < address + length)
			return true;
	return false;
}

static void mend(struct memory *memory, uint64_t address, uint64_t length)
{
	size_t kept = 0;

	for (size_t i = 0; i < memory->broken_count; i++)
		if (memory->broken[i].base < address ||
		    memory->broken[i].base + memory->broken[i].length > address + length)
			memory->broken[kept++] = memory->broken[i];
	memory->broken_count = kept;
}

enum iommusim_status iommusim_memory_set_broken(
    struct iommusim_machine *machine, uint64_t address, uint64_t length, bool is_broken)
{
	struct memory *memory = &machine->memory;

	if (length == 0 || ((address | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 ||
	    address + length < address)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "broken memory 0x%llx + 0x%llx: base and length must be multiples of 4 KiB",
		    (unsigned long long)address, (unsigned long long)length);
	if (is_broken && memory->broken_count == MEMORY_BROKEN_PIECES)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "%u pieces of memory are broken already",
		    MEMORY_BROKEN_PIECES);
	if (is_broken)
		memory->broken[memory->broken_count++] = (struct memory_broken){ address, length };
	else
		mend(memory, address, length);
	machine_outdate(machine);
	return IOMMUSIM_OK;
}

/* Memory throughout that hardware can store to. */
static bool writable(const struct memory *memory, uint64_t address, uint64_t length)
{
	if (broken(memory, address, length))
		return false;
	while (length > 0) {
		const struct memory_window *window = memory_find(memory, address);
		uint64_t run = run_length(window, address, length);

		if (run == 0 || window->kind == IOMMUSIM_MEMORY_ROM)
			return false;
		address += run;
		length -= run;
	}
	return true;
}

enum transfer { TO_MEMORY, TO_MEMORY_ALL_VIEWS, FROM_MEMORY, FLUSH };

/* Move bytes window by window; the range is populated. */
static void move(const struct memory *memory, enum transfer what, uint64_t address, void *buffer,
    const void *source, uint64_t length)
{
	uint64_t done = 0;

	while (done < length) {
		const struct memory_window *window = memory_find(memory, address + done);
		uint64_t run = run_length(window, address + done, length - done);
		uint64_t at = address + done - window->base;

		if (what == FROM_MEMORY)
			memcpy((uint8_t *)buffer + done, window->host + at, run);
		else if (what != FLUSH)
			memcpy(window->host + at, (const uint8_t *)source + done, run);
		if (window->device != window->host && (what == FLUSH || what == TO_MEMORY_ALL_VIEWS))
			memcpy(window->device + at, window->host + at, run);
		done += run;
	}
}

static enum iommusim_status hole(struct iommusim_machine *machine, uint64_t address, size_t length)
{
	return machine_fail(machine, IOMMUSIM_ENXIO, "no memory at 0x%llx + 0x%zx",
	    (unsigned long long)address, length);
}

enum iommusim_status iommusim_memory_read(
    struct iommusim_machine *machine, uint64_t address, void *buffer, size_t length)
{
	if (!populated(&machine->memory, address, length))
		return hole(machine, address, length);
	move(&machine->memory, FROM_MEMORY, address, buffer, NULL, length);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_memory_write(
    struct iommusim_machine *machine, uint64_t address, const void *buffer, size_t length)
{
	if (!populated(&machine->memory, address, length))
		return hole(machine, address, length);
	move(&machine->memory, TO_MEMORY, address, NULL, buffer, length);
	iommusim_memory_stored(machine, address, length);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_memory_flush(
    struct iommusim_machine *machine, uint64_t address, size_t length)
{
	const uint64_t first = address & ~(CACHE_LINE - 1);
	const uint64_t end = (address + length + CACHE_LINE - 1) & ~(CACHE_LINE - 1);

	if (!populated(&machine->memory, address, length))
		return hole(machine, address, length);
	if (machine->device_view && length > 0)
		move(&machine->memory, FLUSH, first, NULL, NULL, end - first);
	return IOMMUSIM_OK;
}

/* Only pages that differ are written, so that memory nobody touched goes on costing nothing. */
void iommusim_memory_flush_all(struct iommusim_machine *machine)
{
	for (size_t i = 0; machine->device_view && i < machine->memory.count; i++) {
		const struct memory_window *window = &machine->memory.windows[i];

		for (uint64_t at = 0; at < window->length; at += IOMMUSIM_PAGE_SIZE)
			if (memcmp(window->device + at, window->host + at, IOMMUSIM_PAGE_SIZE) != 0)
				move(&machine->memory, FLUSH, window->base + at, NULL, NULL,
				    IOMMUSIM_PAGE_SIZE);
	}
}

void *iommusim_memory_host(const struct iommusim_machine *machine, uint64_t address, size_t length)
{
	return memory_at(&machine->memory, address, length);
}

enum iommusim_status iommusim_memory_physical(
    const struct iommusim_machine *machine, const void *host, uint64_t *address)
{
	for (size_t i = 0; i < machine->memory.count; i++) {
		const struct memory_window *window = &machine->memory.windows[i];
		uintptr_t offset = (uintptr_t)host - (uintptr_t)window->host;

		if (offset >= window->length)
			continue;
		*address = window->base + offset;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

bool memory_device_write(const struct memory *memory, uint64_t address, const void *data, size_t length)
{
	if (!writable(memory, address, length))
		return false;
	move(memory, TO_MEMORY_ALL_VIEWS, address, NULL, data, length);
	return true;
}

bool memory_device_read(const struct memory *memory, uint64_t address, void *data, size_t length)
{
	if (broken(memory, address, length) || !populated(memory, address, length))
		return false;
	move(memory, FROM_MEMORY, address, data, NULL, length);
	return true;
}
