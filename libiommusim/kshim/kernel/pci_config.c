/* Configuration space of PCI functions: what the machine knows of a function, written down as its registers. */
#include "kshim/kernel/state.h"

#include <iommusim/acpi.h>
#include <iommusim/amdvi.h>
#include <iommusim/ivrs.h>
#include <iommusim/pci.h>

/* Where capabilities are put; an AMD-Vi unit's own where its IVRS says, with these moved out of its way. */
#define PM_AT      0x80u
#define EXPRESS_AT 0x90u
#define MSI_AT     0xd0u
#define MSIX_AT    0xe0u
#define UNIT_AT    0x40u
#define UNIT_BYTES 0x18u

static uint16_t get16(const struct pci_place *place, unsigned at)
{
	return (uint16_t)(place->space[at] | place->space[at + 1] << 8);
}

static uint32_t get32(const struct pci_place *place, unsigned at)
{
	return get16(place, at) | (uint32_t)get16(place, at + 2) << 16;
}

static void put(struct pci_place *place, unsigned at, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		place->space[at + i] = (uint8_t)(value >> 8 * i);
}

/* ---- what a function is ---------------------------------------------------------------------------------------- */

struct identity {
	uint16_t vendor, device;
	uint8_t class, subclass, progif;
};

static struct identity identity_of(
    const struct pci_place *place, const struct iommusim_pci_function *function)
{
	/* Devices of no particular maker: 1b36h is virtual hardware's. */
	static const struct identity by_class[] = {
		[IOMMUSIM_CLASS_OTHER] = { 0x1b36, 0x0005, PCIC_OTHER, 0, 0 },
		[IOMMUSIM_CLASS_AHCI] = { 0x1b36, 0x0020, PCIC_STORAGE, PCIS_STORAGE_SATA, 1 },
		[IOMMUSIM_CLASS_NVME] = { 0x1b36, 0x0010, PCIC_STORAGE, PCIS_STORAGE_NVM, 2 },
		[IOMMUSIM_CLASS_NIC] = { 0x1b36, 0x0021, PCIC_NETWORK, PCIS_NETWORK_ETHERNET, 0 },
		[IOMMUSIM_CLASS_DISPLAY] = { 0x1b36, 0x0022, PCIC_DISPLAY, PCIS_DISPLAY_VGA, 0 },
		[IOMMUSIM_CLASS_ATS] = { 0x1b36, 0x0023, PCIC_ACCEL, 0, 0 },
	};

	if (place->unit != NULL)
		return (struct identity){ 0x1022, 0x1451, PCIC_BASEPERIPH, PCIS_BASEPERIPH_IOMMU, 0 };
	if (function->type != IOMMUSIM_PCI_ENDPOINT)
		return (struct identity){ 0x1b36, 0x000c, PCIC_BRIDGE, PCIS_BRIDGE_PCI, 0 };
	return by_class[function->device_class];
}

/* Link a capability into the list; its first two bytes are its id and what comes next. */
static void link_capability(struct pci_place *place, unsigned at, uint8_t id)
{
	place->space[at] = id;
	place->space[at + 1] = place->space[PCIR_CAP_PTR];
	place->space[PCIR_CAP_PTR] = (uint8_t)at;
	place->space[PCIR_STATUS] |= PCIM_STATUS_CAPPRESENT;
}

static void describe_capabilities(struct pci_place *place, const struct iommusim_pci_function *function)
{
	const bool bridge = function != NULL && function->type != IOMMUSIM_PCI_ENDPOINT;
	const unsigned type = !bridge                      ? PCIEM_TYPE_ENDPOINT
	    : function->type == IOMMUSIM_PCI_LEGACY_BRIDGE ? PCIEM_TYPE_PCI_BRIDGE
							   : PCIEM_TYPE_ROOT_PORT;

	place->msi = MSI_AT;
	link_capability(place, MSI_AT, PCIY_MSI);
	put(place, MSI_AT + PCIR_MSI_CTRL, 2, PCIM_MSICTRL_64BIT | 0x000a); /* 64 bits, 32 messages */
	if (place->unit != NULL || function == NULL)
		return;
	place->pcie = EXPRESS_AT;
	link_capability(place, EXPRESS_AT, PCIY_EXPRESS);
	put(place, EXPRESS_AT + PCIER_FLAGS, 2, 2 | type);
	if (!bridge && !function->no_reset)
		put(place, EXPRESS_AT + PCIER_DEVICE_CAP, 4, PCIEM_CAP_FLR);
	place->pm = PM_AT;
	link_capability(place, PM_AT, PCIY_PMG);
	put(place, PM_AT + PCIR_POWER_CAP, 2, 3);
	if (function->keeps_state)
		put(place, PM_AT + PCIR_POWER_STATUS, 2, PCIM_PSTAT_NOSOFTRESET);
	if (function->device_class == IOMMUSIM_CLASS_ATS) {
		place->ats = PCIR_EXTCAP;
		put(place, PCIR_EXTCAP, 4, PCIZ_ATS | 1 << 16);
	}
}

/* Where the IVRS says that a unit's capability is. */
static unsigned unit_capability(struct iommusim_kernel *kernel, const struct pci_place *place)
{
	struct iommusim_ivrs *ivrs;
	uint64_t address;
	uint32_t length;
	unsigned at = UNIT_AT;

	if (iommusim_acpi_find(kernel->machine, "IVRS", 0, &address, &length) != IOMMUSIM_OK ||
	    iommusim_ivrs_parse(
		iommusim_memory_host(kernel->machine, address, length), length, &ivrs) != IOMMUSIM_OK)
		return at;
	for (uint32_t i = 0; i < ivrs->unit_count; i++)
		if (ivrs->units[i]->devid == place->rid && ivrs->units[i]->segment == place->segment)
			at = ivrs->units[i]->capability;
	iommusim_ivrs_free(ivrs);
	return at >= 0x40 && at + UNIT_BYTES <= PM_AT && at % 4 == 0 ? at : UNIT_AT;
}

static void fill_msix(const struct pci_place *place, struct pcicfg_msix *msix)
{
	const uint16_t table = get16(place, MSIX_AT + PCIR_MSIX_TABLE);
	const uint16_t pba = get16(place, MSIX_AT + PCIR_MSIX_PBA);

	msix->msix_location = MSIX_AT;
	msix->msix_ctrl = get16(place, MSIX_AT + PCIR_MSIX_CTRL);
	msix->msix_msgnum = (uint16_t)((msix->msix_ctrl & PCIM_MSIXCTRL_TABLE_SIZE) + 1);
	msix->msix_table_bar = (uint8_t)PCIR_BAR(table & PCIM_MSIX_BIR_MASK);
	msix->msix_pba_bar = (uint8_t)PCIR_BAR(pba & PCIM_MSIX_BIR_MASK);
	msix->msix_table_offset = get32(place, MSIX_AT + PCIR_MSIX_TABLE) & ~PCIM_MSIX_BIR_MASK;
	msix->msix_pba_offset = get32(place, MSIX_AT + PCIR_MSIX_PBA) & ~PCIM_MSIX_BIR_MASK;
}

static void fill_info(struct pci_place *place)
{
	struct pcicfg *cfg = &place->info.cfg;

	cfg->vendor = get16(place, PCIR_VENDOR);
	cfg->device = get16(place, PCIR_DEVICE);
	cfg->baseclass = place->space[PCIR_CLASS];
	cfg->subclass = place->space[PCIR_SUBCLASS];
	cfg->progif = place->space[PCIR_PROGIF];
	cfg->hdrtype = place->space[PCIR_HDRTYPE] & PCIM_HDRTYPE;
	cfg->domain = place->segment;
	cfg->bus = (uint8_t)PCI_RID2BUS(place->rid);
	cfg->slot = (uint8_t)PCI_RID2SLOT(place->rid);
	cfg->func = (uint8_t)PCI_RID2FUNC(place->rid);
	cfg->msi.msi_location = place->space[place->msi] == PCIY_MSI ? place->msi : 0;
	cfg->msi.msi_ctrl = get16(place, place->msi + PCIR_MSI_CTRL);
	cfg->msi.msi_msgnum = (uint8_t)(1 << ((cfg->msi.msi_ctrl & PCIM_MSICTRL_MMC_MASK) >> 1));
	if (place->msix_table != NULL)
		fill_msix(place, &cfg->msix);
	cfg->pcie.pcie_location = place->pcie;
	cfg->pp.pp_status = place->pm;
}

/* False: no such function. */
bool kshim_pci_config_make(struct iommusim_kernel *kernel, struct pci_place *place)
{
	const struct iommusim_pci_function *function =
	    iommusim_pci_find(kernel->machine, place->segment, place->rid);
	struct identity identity;

	if (function == NULL && place->unit == NULL)
		return false;
	identity = identity_of(place, function);
	put(place, PCIR_VENDOR, 2, identity.vendor);
	put(place, PCIR_DEVICE, 2, identity.device);
	place->space[PCIR_CLASS] = identity.class;
	place->space[PCIR_SUBCLASS] = identity.subclass;
	place->space[PCIR_PROGIF] = identity.progif;
	if (function != NULL && function->type != IOMMUSIM_PCI_ENDPOINT) {
		place->space[PCIR_HDRTYPE] = PCIM_HDRTYPE_BRIDGE;
		place->space[PCIR_PRIBUS_1] = (uint8_t)PCI_RID2BUS(place->rid);
		place->space[PCIR_SECBUS_1] = function->secondary_bus;
		place->space[PCIR_SUBBUS_1] = function->subordinate_bus;
	}
	describe_capabilities(place, function);
	if (place->unit != NULL) {
		place->unit_capability = unit_capability(kernel, place);
		link_capability(place, place->unit_capability, PCIY_SECDEV);
	}
	STAILQ_INIT(&place->info.cfg.maps);
	fill_info(place);
	return true;
}

/* ---- accesses ------------------------------------------------------------------------------------------------------ */

/* Bring what lives in the model into the bytes: the command register, a unit's capability block. */
static void refresh(struct iommusim_kernel *kernel, struct pci_place *place)
{
	const uint8_t next = place->unit == NULL ? 0 : place->space[place->unit_capability + 1];
	uint32_t value;

	if (iommusim_pci_find(kernel->machine, place->segment, place->rid) != NULL)
		put(place, PCIR_COMMAND, 2,
		    iommusim_pci_command(kernel->machine, place->segment, place->rid));
	for (unsigned at = 0; place->unit != NULL && at < UNIT_BYTES; at += 4)
		if (iommusim_amdvi_capability_read(place->unit, at, &value) == IOMMUSIM_OK)
			put(place, place->unit_capability + at, 4, value);
	if (place->unit != NULL)
		place->space[place->unit_capability + 1] = next;
}

uint32_t kshim_pci_config_read(
    struct iommusim_kernel *kernel, struct pci_place *place, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	if (width > 4 || offset + width > sizeof(place->space))
		return width >= 4 ? UINT32_MAX : (UINT32_C(1) << width * 8) - 1;
	refresh(kernel, place);
	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)place->space[offset + i] << 8 * i;
	return value;
}

void kshim_pci_read_msi(const struct pci_place *place, struct iommusim_kernel_message *message)
{
	message->address = (uint64_t)get32(place, place->msi + PCIR_MSI_ADDR_HIGH) << 32 |
	    get32(place, place->msi + PCIR_MSI_ADDR);
	message->data = get16(place, place->msi + PCIR_MSI_DATA_64BIT);
}

static void tell_msi(struct pci_place *place)
{
	const uint16_t control = get16(place, place->msi + PCIR_MSI_CTRL);
	struct iommusim_amdvi_msi msi = {
		.enabled = (control & PCIM_MSICTRL_MSI_ENABLE) != 0,
		.multiple = (uint8_t)(control >> 4 & 7),
	};
	struct iommusim_kernel_message message;

	kshim_pci_read_msi(place, &message);
	msi.address = message.address;
	msi.data = message.data;
	if (place->unit != NULL)
		iommusim_amdvi_set_msi(place->unit, &msi);
}

static bool touches(unsigned offset, unsigned width, unsigned at, unsigned length)
{
	return offset < at + length && at < offset + width;
}

/* Bits of a byte that software can change. */
static uint8_t writable(const struct pci_place *place, unsigned at)
{
	static const uint8_t msi[14] = { 0, 0, 0x71, 0, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff };

	if (at - place->msi < sizeof(msi))
		return msi[at - place->msi];
	if (place->pm != 0 && at == place->pm + (unsigned)PCIR_POWER_STATUS)
		return PCIM_PSTAT_DMASK;
	if (place->pcie != 0 && at - (place->pcie + (unsigned)PCIER_DEVICE_CTL) < 2)
		return at == (unsigned)place->pcie + PCIER_DEVICE_CTL ? 0xff : 0x7f;
	if (place->ats != 0 && at - (place->ats + 6u) < 2)
		return at == place->ats + 6u ? 0x1f : 0x80;
	if (place->msix_table != NULL && at == MSIX_AT + PCIR_MSIX_CTRL + 1)
		return 0xc0;
	if (at == PCIR_CACHELNSZ || at == PCIR_LATTIMER || at == PCIR_INTLINE)
		return 0xff;
	if ((place->space[PCIR_HDRTYPE] & PCIM_HDRTYPE) == PCIM_HDRTYPE_BRIDGE &&
	    at - PCIR_PRIBUS_1 < 3)
		return 0xff;
	return kshim_pci_bar_writable(place, at);
}

/* What software has set up of a function that was reset is gone (PCI Express 6.6.2). */
static void forget(struct pci_place *place)
{
	place->space[PCIR_CACHELNSZ] = place->space[PCIR_LATTIMER] = place->space[PCIR_INTLINE] = 0;
	put(place, place->pcie + PCIER_DEVICE_CTL, 2, 0);
	kshim_pci_bars_reset(place);
	kshim_pci_messages_reset(place);
}

static void act(struct iommusim_kernel *kernel, struct pci_place *place, unsigned offset,
    unsigned width, uint32_t value, uint8_t power_before)
{
	const unsigned control = place->pcie + PCIER_DEVICE_CTL;
	const unsigned status = place->pm + PCIR_POWER_STATUS;

	if (touches(offset, width, place->msi + PCIR_MSI_CTRL, 12))
		tell_msi(place);
	if (place->pcie != 0 && touches(offset, width, control + 1, 1) &&
	    (value >> 8 * (control + 1 - offset) & 0x80) != 0 &&
	    (get16(place, place->pcie + PCIER_DEVICE_CAP + 2) & PCIEM_CAP_FLR >> 16) != 0 &&
	    iommusim_pci_reset(kernel->machine, place->segment, place->rid) == IOMMUSIM_OK)
		forget(place);
	if (place->pm != 0 && touches(offset, width, status, 1) && power_before == PCIM_PSTAT_D3 &&
	    (place->space[status] & PCIM_PSTAT_DMASK) == PCIM_PSTAT_D0 &&
	    iommusim_pci_power_cycle(kernel->machine, place->segment, place->rid) == IOMMUSIM_OK)
		forget(place);
}

void kshim_pci_config_write(struct iommusim_kernel *kernel, struct pci_place *place, unsigned offset,
    unsigned width, uint32_t value)
{
	const uint8_t power =
	    place->pm == 0 ? 0 : place->space[place->pm + PCIR_POWER_STATUS] & PCIM_PSTAT_DMASK;
	const unsigned in_unit = offset - place->unit_capability;
	uint16_t command;

	if (width > 4 || offset + width > sizeof(place->space))
		return;
	refresh(kernel, place);
	command = get16(place, PCIR_COMMAND);
	for (unsigned i = 0; i < width; i++) {
		const unsigned at = offset + i;
		const uint8_t mask = writable(place, at), byte = (uint8_t)(value >> 8 * i);

		place->space[at] = (uint8_t)((place->space[at] & ~mask) | (byte & mask));
		if (at - PCIR_COMMAND < 2)
			command = (uint16_t)((command & ~(0xff << 8 * (at - PCIR_COMMAND))) |
			    byte << 8 * (at - PCIR_COMMAND));
	}
	if (touches(offset, width, PCIR_COMMAND, 2))
		iommusim_pci_set_command(kernel->machine, place->segment, place->rid, command);
	if (place->unit != NULL && in_unit < UNIT_BYTES && width == 4)
		iommusim_amdvi_capability_write(place->unit, in_unit, value);
	act(kernel, place, offset, width, value, power);
}

/* The capability as a test describes it; the table's entries are there. */
void kshim_pci_describe_msix(struct pci_place *place, const struct iommusim_kernel_msix *msix)
{
	link_capability(place, MSIX_AT, PCIY_MSIX);
	put(place, MSIX_AT + PCIR_MSIX_CTRL, 2, msix->count - 1);
	put(place, MSIX_AT + PCIR_MSIX_TABLE, 4, msix->table_offset | msix->table_bar);
	put(place, MSIX_AT + PCIR_MSIX_PBA, 4, msix->pba_offset | msix->pba_bar);
	fill_info(place);
}

/* ---- for tests ----------------------------------------------------------------------------------------------------- */

enum iommusim_status iommusim_kernel_config_read(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, unsigned offset, unsigned width, uint32_t *value)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);

	if (width != 1 && width != 2 && width != 4)
		return IOMMUSIM_EINVAL;
	*value = width == 4 ? UINT32_MAX : (UINT32_C(1) << width * 8) - 1;
	if (device == NULL)
		return IOMMUSIM_ENOENT;
	*value = kshim_pci_config_read(kernel, device->pci, offset, width);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_config_set(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, unsigned offset, unsigned width, uint32_t value)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);

	if ((width != 1 && width != 2 && width != 4) || offset > sizeof(device->pci->space) - width)
		return IOMMUSIM_EINVAL;
	if (device == NULL)
		return IOMMUSIM_ENOENT;
	put(device->pci, offset, width, value);
	fill_info(device->pci);
	return IOMMUSIM_OK;
}
