/* The MMIO bus: who decodes an address, and who watches. What registers do is the models' business. */
#include <string.h>

#include "machine/state.h"

bool mmio_overlaps(const struct iommusim_machine *machine, uint64_t base, uint64_t length)
{
	for (size_t i = 0; i < machine->bus.count; i++) {
		const struct iommusim_mmio_region *region = &machine->bus.regions[i];

		if (base < region->base + region->length && region->base < base + length)
			return true;
	}
	return false;
}

enum iommusim_status iommusim_mmio_attach(
    struct iommusim_machine *machine, const struct iommusim_mmio_region *region)
{
	struct mmio_bus *bus = &machine->bus;
	const uint64_t end = UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS;

	if (region->length == 0 || region->read == NULL || region->write == NULL ||
	    ((region->base | region->length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 || region->base >= end ||
	    region->length > end - region->base)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "registers at 0x%llx + 0x%llx: base and length must be multiples of 4 KiB below "
		    "2^52, with both callbacks",
		    (unsigned long long)region->base, (unsigned long long)region->length);
	if (memory_overlaps(machine, region->base, region->length) ||
	    mmio_overlaps(machine, region->base, region->length))
		return machine_fail(machine, IOMMUSIM_EEXIST,
		    "registers at 0x%llx overlap memory or other registers",
		    (unsigned long long)region->base);
	if (!machine_grow(
		machine, &bus->regions, &bus->capacity, bus->count + 1, sizeof(*bus->regions)))
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a register region");
	bus->regions[bus->count++] = *region;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_mmio_detach(struct iommusim_machine *machine, uint64_t base)
{
	struct mmio_bus *bus = &machine->bus;

	for (size_t i = 0; i < bus->count; i++) {
		if (bus->regions[i].base != base)
			continue;
		bus->regions[i] = bus->regions[--bus->count];
		return IOMMUSIM_OK;
	}
	return machine_fail(
	    machine, IOMMUSIM_ENOENT, "no registers begin at 0x%llx", (unsigned long long)base);
}

static const struct iommusim_mmio_region *decode(const struct mmio_bus *bus, uint64_t address)
{
	for (size_t i = 0; i < bus->count; i++)
		if (address - bus->regions[i].base < bus->regions[i].length)
			return &bus->regions[i];
	return NULL;
}

enum iommusim_status iommusim_mmio_find(
    const struct iommusim_machine *machine, uint64_t address, uint64_t *base, uint64_t *length)
{
	const struct iommusim_mmio_region *region = decode(&machine->bus, address);

	if (region == NULL)
		return IOMMUSIM_ENXIO;
	*base = region->base;
	*length = region->length;
	return IOMMUSIM_OK;
}

static bool well_formed(uint64_t address, unsigned width)
{
	return (width == 1 || width == 2 || width == 4 || width == 8) && address % width == 0;
}

static void tell(const struct iommusim_machine *machine, uint64_t address, unsigned width,
    bool is_write, uint64_t value)
{
	for (size_t i = 0; i < machine->bus.watcher_count; i++) {
		const struct iommusim_mmio_watcher *watcher = &machine->bus.watchers[i];

		watcher->access(watcher->context, address, width, is_write, value);
	}
}

enum iommusim_status iommusim_mmio_read(
    struct iommusim_machine *machine, uint64_t address, unsigned width, uint64_t *value)
{
	const struct iommusim_mmio_region *region;
	const uint64_t all_ones = width >= 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1;

	*value = all_ones;
	if (!well_formed(address, width))
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "register read of %u bytes at 0x%llx: 1, 2, 4 or 8 bytes, aligned", width,
		    (unsigned long long)address);
	clock_tick_access(machine);
	region = decode(&machine->bus, address);
	if (region == NULL)
		return machine_fail(
		    machine, IOMMUSIM_ENXIO, "no registers at 0x%llx", (unsigned long long)address);
	*value = region->read(region->context, address - region->base, width) & all_ones;
	if (machine->bus.tamper.read != NULL)
		*value = machine->bus.tamper.read(machine->bus.tamper.context, address, width, *value) &
		    all_ones;
	tell(machine, address, width, false, *value);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_mmio_write(
    struct iommusim_machine *machine, uint64_t address, unsigned width, uint64_t value)
{
	const struct iommusim_mmio_region *region;

	if (!well_formed(address, width))
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "register write of %u bytes at 0x%llx: 1, 2, 4 or 8 bytes, aligned", width,
		    (unsigned long long)address);
	clock_tick_access(machine);
	region = decode(&machine->bus, address);
	if (region == NULL)
		return machine_fail(
		    machine, IOMMUSIM_ENXIO, "no registers at 0x%llx", (unsigned long long)address);
	tell(machine, address, width, true, value);
	region->write(region->context, address - region->base, width, value);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_mmio_watch(
    struct iommusim_machine *machine, const struct iommusim_mmio_watcher *watcher)
{
	struct mmio_bus *bus = &machine->bus;

	if (!machine_grow(machine, &bus->watchers, &bus->watcher_capacity, bus->watcher_count + 1,
		sizeof(*bus->watchers)))
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a bus watcher");
	bus->watchers[bus->watcher_count++] = *watcher;
	return IOMMUSIM_OK;
}

void iommusim_mmio_unwatch(struct iommusim_machine *machine, const void *context)
{
	struct mmio_bus *bus = &machine->bus;
	size_t kept = 0;

	for (size_t i = 0; i < bus->watcher_count; i++)
		if (bus->watchers[i].context != context)
			bus->watchers[kept++] = bus->watchers[i];
	bus->watcher_count = kept;
}

void iommusim_mmio_set_tamper(
    struct iommusim_machine *machine, const struct iommusim_mmio_tamper *tamper)
{
	static const struct iommusim_mmio_tamper none;

	machine->bus.tamper = tamper != NULL ? *tamper : none;
}

void mmio_teardown(struct iommusim_machine *machine)
{
	struct mmio_bus *bus = &machine->bus;

	machine_free(machine, bus->regions, bus->capacity * sizeof(*bus->regions));
	machine_free(machine, bus->watchers, bus->watcher_capacity * sizeof(*bus->watchers));
}
