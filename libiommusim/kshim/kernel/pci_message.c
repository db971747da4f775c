/* Message interrupts of PCI functions, MSI and MSI-X: vectors for them, and what is written so that they are sent. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <dev/pci/pcib_if.h>

#define MSIX_ENTRY_BYTES 16u
#define MSIX_MOST        2048u
#define MSI_MOST         32

/* ---- what both have in common ---------------------------------------------------------------------------------- */

/* Messages and the line exclude each other, and so do MSI and MSI-X. */
static int may_allocate(const struct pci_place *place, device_t device, const int *count)
{
	const struct pcicfg *cfg = &place->info.cfg;
	const struct resource *line = kshim_resource_find(device, SYS_RES_IRQ, 0);

	if (*count < 1)
		return EINVAL;
	if (line != NULL && line->allocated)
		return ENXIO;
	return cfg->msi.msi_alloc != 0 || cfg->msix.msix_alloc != 0 ? ENXIO : 0;
}

static bool messages_are_used(device_t device)
{
	const struct resource *resource;

	TAILQ_FOREACH (resource, &device->resources, link)
		if (resource->type == SYS_RES_IRQ && resource->rid > 0 && resource->allocated)
			return true;
	return false;
}

static void give_back(device_t device, int count)
{
	for (int rid = 1; rid <= count; rid++) {
		int interrupt = (int)bus_get_resource_start(device, SYS_RES_IRQ, rid);

		iommusim_kernel_release_msi(device, 1, &interrupt);
		bus_delete_resource(device, SYS_RES_IRQ, rid);
	}
}

/* ---- MSI --------------------------------------------------------------------------------------------------------- */

static void write_msi_control(device_t device)
{
	const struct pcicfg_msi *msi = &device->pci->info.cfg.msi;

	pci_write_config(device, msi->msi_location + PCIR_MSI_CTRL, msi->msi_ctrl, 2);
}

int pci_msi_count(device_t device)
{
	const struct pci_place *place = kshim_pci_place_of(device);

	return place->info.cfg.msi.msi_location == 0 ? 0 : place->info.cfg.msi.msi_msgnum;
}

/* As many as are asked for, or half, a quarter, ... of that. */
static int allocate_msi(device_t device, int *count, int *interrupts)
{
	for (int error;; *count /= 2) {
		error = iommusim_kernel_alloc_msi(device, *count, MSI_MOST, interrupts);
		if (error == 0 || *count == 1)
			return error;
	}
}

int pci_alloc_msi(device_t device, int *count)
{
	struct pci_place *place = kshim_pci_place_of(device);
	struct pcicfg_msi *msi = &place->info.cfg.msi;
	int interrupts[MSI_MOST], wanted = *count, error = may_allocate(place, device, count);

	if (error != 0)
		return error;
	if (msi->msi_location == 0)
		return ENODEV;
	wanted = imin(imin(wanted, msi->msi_msgnum), MSI_MOST);
	if (!powerof2(wanted))
		return EINVAL;
	error = allocate_msi(device, &wanted, interrupts);
	if (error != 0)
		return error;
	for (int i = 0; i < wanted; i++)
		bus_set_resource(device, SYS_RES_IRQ, i + 1, (rman_res_t)interrupts[i], 1);
	msi->msi_ctrl &= (uint16_t)~PCIM_MSICTRL_MME_MASK;
	msi->msi_ctrl |= (uint16_t)(__builtin_ctz((unsigned)wanted) << 4);
	write_msi_control(device);
	msi->msi_alloc = wanted;
	msi->msi_handlers = 0;
	*count = wanted;
	return 0;
}

void pci_enable_msi(device_t device, uint64_t address, uint16_t data)
{
	struct pci_place *place = kshim_pci_place_of(device);
	struct pcicfg_msi *msi = &place->info.cfg.msi;

	msi->msi_addr = address;
	msi->msi_data = data;
	pci_write_config(device, place->msi + PCIR_MSI_ADDR, (uint32_t)address, 4);
	pci_write_config(device, place->msi + PCIR_MSI_ADDR_HIGH, (uint32_t)(address >> 32), 4);
	pci_write_config(device, place->msi + PCIR_MSI_DATA_64BIT, data, 2);
	msi->msi_ctrl |= PCIM_MSICTRL_MSI_ENABLE;
	write_msi_control(device);
}

void pci_disable_msi(device_t device)
{
	struct pcicfg_msi *msi = &kshim_pci_place_of(device)->info.cfg.msi;

	msi->msi_ctrl &= (uint16_t)~PCIM_MSICTRL_MSI_ENABLE;
	write_msi_control(device);
}

static int release_msi(device_t device)
{
	struct pcicfg_msi *msi = &device->pci->info.cfg.msi;

	if (msi->msi_alloc == 0)
		return ENODEV;
	if (msi->msi_handlers > 0 || messages_are_used(device))
		return EBUSY;
	msi->msi_ctrl &= (uint16_t) ~(PCIM_MSICTRL_MME_MASK | PCIM_MSICTRL_MSI_ENABLE);
	write_msi_control(device);
	give_back(device, msi->msi_alloc);
	msi->msi_alloc = 0;
	msi->msi_addr = 0;
	msi->msi_data = 0;
	return 0;
}

/* ---- MSI-X ------------------------------------------------------------------------------------------------------- */

static void write_msix_control(device_t device)
{
	const struct pcicfg_msix *msix = &device->pci->info.cfg.msix;

	pci_write_config(device, msix->msix_location + PCIR_MSIX_CTRL, msix->msix_ctrl, 2);
}

int pci_msix_count(device_t device)
{
	return kshim_pci_place_of(device)->info.cfg.msix.msix_msgnum;
}

int pci_msix_table_bar(device_t device)
{
	return pci_msix_count(device) == 0 ? -1 : device->pci->info.cfg.msix.msix_table_bar;
}

int pci_msix_pba_bar(device_t device)
{
	return pci_msix_count(device) == 0 ? -1 : device->pci->info.cfg.msix.msix_pba_bar;
}

/* The kernel writes to the table: it must have been mapped. */
static bool mapped(device_t device, int bar)
{
	const struct resource *resource = kshim_resource_find(device, SYS_RES_MEMORY, bar);

	return resource != NULL && resource->allocated && (resource->flags & RF_ACTIVE) != 0;
}

int pci_alloc_msix(device_t device, int *count)
{
	struct pci_place *place = kshim_pci_place_of(device);
	struct pcicfg_msix *msix = &place->info.cfg.msix;
	int error = may_allocate(place, device, count), made = 0, interrupt;

	if (error != 0)
		return error;
	if (msix->msix_location == 0)
		return ENODEV;
	if (!mapped(device, msix->msix_table_bar) || !mapped(device, msix->msix_pba_bar))
		return ENXIO;
	for (; made < imin(*count, msix->msix_msgnum); made++) {
		error = iommusim_kernel_alloc_msi(device, 1, 1, &interrupt);
		if (error != 0 && made == 0)
			return error;
		if (error != 0)
			break;
		bus_set_resource(device, SYS_RES_IRQ, made + 1, (rman_res_t)interrupt, 1);
	}
	for (unsigned i = 0; i < msix->msix_msgnum; i++)
		place->msix_table[i].masked = true;
	msix->msix_ctrl |= PCIM_MSIXCTRL_MSIX_ENABLE;
	write_msix_control(device);
	msix->msix_alloc = msix->msix_table_len = made;
	*count = made;
	return 0;
}

static int release_msix(device_t device)
{
	struct pcicfg_msix *msix = &device->pci->info.cfg.msix;

	if (msix->msix_alloc == 0)
		return ENODEV;
	if (messages_are_used(device))
		return EBUSY;
	msix->msix_ctrl &= (uint16_t)~PCIM_MSIXCTRL_MSIX_ENABLE;
	write_msix_control(device);
	give_back(device, msix->msix_alloc);
	msix->msix_alloc = msix->msix_table_len = 0;
	return 0;
}

int pci_release_msi(device_t device)
{
	int error;

	kshim_pci_place_of(device);
	error = release_msix(device);
	return error == ENODEV ? release_msi(device) : error;
}

/* ---- handlers come and go ------------------------------------------------------------------------------------------ */

static void disable_line(device_t device, bool disable)
{
	const uint32_t command = pci_read_config(device, PCIR_COMMAND, 2);

	pci_write_config(device, PCIR_COMMAND,
	    disable ? command | PCIM_CMD_INTxDIS : command & ~(uint32_t)PCIM_CMD_INTxDIS, 2);
}

/* Write the message of a resource into its place in the table. */
static void fill_entry(device_t device, const struct resource *interrupt)
{
	struct msix_entry *entry = &device->pci->msix_table[interrupt->rid - 1];

	iommusim_kernel_map_msi(device, (int)interrupt->start, &entry->address, &entry->data);
	entry->masked = false;
}

static bool is_message(device_t device, const struct resource *interrupt, int allocated)
{
	return interrupt->rid >= 1 && interrupt->rid <= allocated && interrupt->device == device;
}

void kshim_pci_handler_comes(device_t device, const struct resource *interrupt)
{
	struct pcicfg *cfg = &device->pci->info.cfg;
	uint64_t address;
	uint32_t data;

	if (is_message(device, interrupt, cfg->msix.msix_alloc)) {
		fill_entry(device, interrupt);
	} else if (is_message(device, interrupt, cfg->msi.msi_alloc)) {
		/* The function sends the message of its first vector, and by changing its low bits those behind it. */
		if (cfg->msi.msi_handlers++ == 0 &&
		    iommusim_kernel_map_msi(device, (int)bus_get_resource_start(device, SYS_RES_IRQ, 1),
			&address, &data) == 0)
			pci_enable_msi(device, address, (uint16_t)data);
	}
	disable_line(device, interrupt->rid != 0);
}

void kshim_pci_handler_goes(device_t device, const struct resource *interrupt)
{
	struct pcicfg *cfg = &device->pci->info.cfg;

	if (interrupt->rid == 0)
		disable_line(device, true);
	else if (is_message(device, interrupt, cfg->msix.msix_alloc))
		device->pci->msix_table[interrupt->rid - 1].masked = true;
	else if (is_message(device, interrupt, cfg->msi.msi_alloc) && --cfg->msi.msi_handlers == 0)
		pci_disable_msi(device);
}

/* ---- resets --------------------------------------------------------------------------------------------------------- */

void kshim_pci_messages_reset(struct pci_place *place)
{
	place->space[place->msi + PCIR_MSI_CTRL] &=
	    (uint8_t) ~(PCIM_MSICTRL_MME_MASK | PCIM_MSICTRL_MSI_ENABLE);
	if (place->info.cfg.msix.msix_location == 0)
		return;
	place->space[place->info.cfg.msix.msix_location + PCIR_MSIX_CTRL + 1] &= 0x07;
	for (unsigned i = 0; i < place->info.cfg.msix.msix_msgnum; i++)
		place->msix_table[i] = (struct msix_entry){ .masked = true };
}

/* What pci_restore_state() does of messages: from what the kernel knows, not from what was saved. */
void kshim_pci_messages_restore(device_t device)
{
	const struct pcicfg *cfg = &device->pci->info.cfg;
	const struct resource *resource;

	if (cfg->msi.msi_location != 0)
		write_msi_control(device);
	if (cfg->msix.msix_location == 0)
		return;
	TAILQ_FOREACH (resource, &device->resources, link)
		if (resource->type == SYS_RES_IRQ &&
		    is_message(device, resource, cfg->msix.msix_alloc) &&
		    kshim_vector_is_used((int)resource->start))
			fill_entry(device, resource);
	write_msix_control(device);
}

/* ---- for tests ------------------------------------------------------------------------------------------------------- */

static bool in_bar(const struct pci_place *place, unsigned index, uint32_t offset, uint64_t length)
{
	const struct pci_map *bar = index < nitems(place->bars) ? &place->bars[index] : NULL;

	return bar != NULL && bar->pm_reg != 0 && PCI_BAR_MEM(bar->pm_value) && offset % 8 == 0 &&
	    offset + length <= UINT64_C(1) << bar->pm_size;
}

enum iommusim_status iommusim_kernel_set_msix(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, const struct iommusim_kernel_msix *msix)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);
	struct pci_place *place;

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	place = device->pci;
	if (msix->count == 0 || msix->count > MSIX_MOST ||
	    !in_bar(place, msix->table_bar, msix->table_offset, UINT64_C(16) * msix->count) ||
	    !in_bar(place, msix->pba_bar, msix->pba_offset, (msix->count + 63) / 64 * UINT64_C(8)))
		return IOMMUSIM_EINVAL;
	if (place->msix_table != NULL)
		return IOMMUSIM_EEXIST;
	place->msix_table = calloc(msix->count, sizeof(*place->msix_table));
	if (place->msix_table == NULL)
		return IOMMUSIM_ENOMEM;
	for (unsigned i = 0; i < msix->count; i++)
		place->msix_table[i].masked = true;
	kshim_pci_describe_msix(place, msix);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_message_at(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, unsigned index, struct iommusim_kernel_message *message)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);
	const struct pci_place *place;
	unsigned control;

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	place = device->pci;
	if (place->msix_table != NULL &&
	    (place->space[place->info.cfg.msix.msix_location + PCIR_MSIX_CTRL + 1] & 0xc0) == 0x80) {
		if (index >= place->info.cfg.msix.msix_msgnum || place->msix_table[index].masked)
			return IOMMUSIM_ENOENT;
		message->address = place->msix_table[index].address;
		message->data = place->msix_table[index].data;
		return IOMMUSIM_OK;
	}
	control = place->space[place->msi + PCIR_MSI_CTRL];
	if ((control & PCIM_MSICTRL_MSI_ENABLE) == 0 ||
	    index >= 1u << ((control & PCIM_MSICTRL_MME_MASK) >> 4))
		return IOMMUSIM_ENOENT;
	kshim_pci_read_msi(place, message);
	message->data |= index;
	return IOMMUSIM_OK;
}
