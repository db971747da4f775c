/* Base address registers of PCI functions: what a test says there is, as registers, resources and the kernel's list. */
#include "kshim/kernel/state.h"

#define LAST_PORT UINT64_C(0x10000)
#define FOUR_GIB  UINT64_C(0x100000000)

static bool is_wide(const struct pci_map *bar)
{
	return PCI_BAR_MEM(bar->pm_value) && (bar->pm_value & PCIM_BAR_MEM_TYPE) == PCIM_BAR_MEM_64;
}

/* The low bits, which say what it is. */
static uint32_t kind_of(const struct pci_map *bar)
{
	return bar->pm_value & (PCI_BAR_IO(bar->pm_value) ? ~(uint32_t)PCIM_BAR_IO_BASE : 0xfu);
}

static unsigned bytes_of(const struct pci_map *bar)
{
	return is_wide(bar) ? 8 : 4;
}

static void put(struct pci_place *place, const struct pci_map *bar, uint64_t value)
{
	for (unsigned i = 0; i < bytes_of(bar); i++)
		place->space[bar->pm_reg + i] = (uint8_t)(value >> 8 * i);
}

/* The register at byte `at` of configuration space, NULL: there is none. */
static const struct pci_map *bar_at(const struct pci_place *place, unsigned at)
{
	for (size_t i = 0; i < nitems(place->bars); i++) {
		const struct pci_map *bar = &place->bars[i];

		if (bar->pm_reg != 0 && at - bar->pm_reg < bytes_of(bar))
			return bar;
	}
	return NULL;
}

/* Bits below the size are what it is, and zeroes: so that software finds the size (PCI Local Bus 3.0, 6.2.5.1). */
uint8_t kshim_pci_bar_writable(const struct pci_place *place, unsigned at)
{
	const struct pci_map *bar = bar_at(place, at);

	return bar == NULL ? 0 : (uint8_t)(-(UINT64_C(1) << bar->pm_size) >> 8 * (at - bar->pm_reg));
}

void kshim_pci_bars_reset(struct pci_place *place)
{
	for (size_t i = 0; i < nitems(place->bars); i++)
		if (place->bars[i].pm_reg != 0)
			put(place, &place->bars[i], kind_of(&place->bars[i]));
}

/* What the kernel has in its list counts, as pci(9) does it. */
void kshim_pci_bars_restore(struct pci_place *place)
{
	for (size_t i = 0; i < nitems(place->bars); i++)
		if (place->bars[i].pm_reg != 0)
			put(place, &place->bars[i], place->bars[i].pm_value);
}

static bool fits(const struct iommusim_kernel_bar *bar)
{
	const uint64_t end = bar->ports ? LAST_PORT : bar->wide ? UINT64_MAX : FOUR_GIB;

	return powerof2(bar->size) && bar->size >= (bar->ports ? 4 : 16) && bar->base != 0 &&
	    (bar->base & (bar->size - 1)) == 0 && bar->base < end && bar->size <= end - bar->base &&
	    !(bar->ports && (bar->wide || bar->prefetchable));
}

static uint64_t value_of(const struct iommusim_kernel_bar *bar)
{
	if (bar->ports)
		return bar->base | PCIM_BAR_IO_SPACE;
	return bar->base | (bar->wide ? PCIM_BAR_MEM_64 : PCIM_BAR_MEM_32) |
	    (bar->prefetchable ? PCIM_BAR_MEM_PREFETCH : 0);
}

/* In order of register, as the kernel finds them. */
static void list(struct pci_place *place)
{
	STAILQ_INIT(&place->info.cfg.maps);
	for (size_t i = 0; i < nitems(place->bars); i++)
		if (place->bars[i].pm_reg != 0)
			STAILQ_INSERT_TAIL(&place->info.cfg.maps, &place->bars[i], pm_link);
}

enum iommusim_status iommusim_kernel_set_bar(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, unsigned index, const struct iommusim_kernel_bar *bar)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);
	const uint16_t reg = (uint16_t)PCIR_BAR(index);
	unsigned last;
	struct pci_map *map;

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	last = device->pci->info.cfg.hdrtype == PCIM_HDRTYPE_BRIDGE ? 1 : PCIR_MAX_BAR_0;
	if (index > last || (bar->wide && index == last) || !fits(bar))
		return IOMMUSIM_EINVAL;
	if (bar_at(device->pci, reg) != NULL || (bar->wide && bar_at(device->pci, reg + 4u) != NULL))
		return IOMMUSIM_EEXIST;
	if (kshim_resource_set(
		device, bar->ports ? SYS_RES_IOPORT : SYS_RES_MEMORY, reg, bar->base, bar->size) != 0)
		return IOMMUSIM_ENOMEM;
	map = &device->pci->bars[index];
	map->pm_value = value_of(bar);
	map->pm_size = (pci_addr_t)__builtin_ctzll(bar->size);
	map->pm_reg = reg;
	put(device->pci, map, map->pm_value);
	list(device->pci);
	return IOMMUSIM_OK;
}

struct pci_map *pci_first_bar(device_t device)
{
	return STAILQ_FIRST(&kshim_pci_place_of(device)->info.cfg.maps);
}

struct pci_map *pci_next_bar(struct pci_map *bar)
{
	return STAILQ_NEXT(bar, pm_link);
}

struct pci_map *pci_find_bar(device_t device, int reg)
{
	struct pci_map *bar;

	STAILQ_FOREACH(bar, &kshim_pci_place_of(device)->info.cfg.maps, pm_link)
	if (bar->pm_reg == reg)
		return bar;
	return NULL;
}
