/* PCI functions as devices: which there are, finding them, their configuration space, resets. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <machine/pci_cfgreg.h>

#include <iommusim/amdvi.h>
#include <iommusim/pci.h>

/* ---- the tree -------------------------------------------------------------------------------------------------- */

device_t kshim_pci_device_at(struct iommusim_kernel *kernel, unsigned segment, unsigned rid)
{
	for (device_t device = kernel->root; device != NULL;
	     device = kshim_device_next(kernel->root, device))
		if (device->pci != NULL && device->pci->segment == segment && device->pci->rid == rid)
			return device;
	return NULL;
}

/* A PCI bus is known by its flags: its segment and number. */
#define BUS_FLAGS(segment, bus) ((uint32_t)(segment) << 8 | (bus) | UINT32_C(0x80000000))

static device_t bus_device(struct iommusim_kernel *kernel, uint16_t segment, unsigned bus)
{
	const struct iommusim_pci_function *bridge = NULL, *function;
	device_t above = kernel->acpi, host, device;

	for (device = kernel->root; device != NULL; device = kshim_device_next(kernel->root, device))
		if (device->pci == NULL && device->flags == BUS_FLAGS(segment, bus))
			return device;
	for (size_t i = 0; (function = iommusim_pci_at(kernel->machine, i)) != NULL; i++)
		if (function->type != IOMMUSIM_PCI_ENDPOINT && function->segment == segment &&
		    function->secondary_bus == bus)
			bridge = function;
	if (bridge != NULL) {
		host = kshim_pci_make_device(kernel, segment, bridge->rid);
	} else {
		host = kshim_device_make(kernel, above, 0, "pcib", -1);
		if (host != NULL)
			host->state = DS_ATTACHED;
	}
	device = host == NULL ? NULL : kshim_device_make(kernel, host, 0, "pci", -1);
	if (device == NULL)
		return NULL;
	device->flags = BUS_FLAGS(segment, bus);
	device->state = DS_ATTACHED;
	return device;
}

static struct iommusim_unit *unit_at(struct iommusim_kernel *kernel, uint16_t segment, uint16_t rid)
{
	struct iommusim_amdvi_config config;
	struct iommusim_unit *unit;

	for (size_t i = 0; (unit = iommusim_unit_at(kernel->machine, i)) != NULL; i++)
		if (iommusim_amdvi_describe(unit, &config) == IOMMUSIM_OK &&
		    config.segment == segment && config.rid == rid)
			return unit;
	return NULL;
}

/* The device of a function, made if there is none; NULL: no such function, or no memory. */
device_t kshim_pci_make_device(struct iommusim_kernel *kernel, uint16_t segment, uint16_t rid)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid), bus;
	struct pci_place *place;

	if (device != NULL)
		return device;
	place = calloc(1, sizeof(*place));
	if (place == NULL)
		return NULL;
	place->segment = segment;
	place->rid = rid;
	place->unit = unit_at(kernel, segment, rid);
	bus =
	    kshim_pci_config_make(kernel, place) ? bus_device(kernel, segment, PCI_RID2BUS(rid)) : NULL;
	device = bus == NULL ? NULL : kshim_device_make(kernel, bus, 0, NULL, -1);
	if (device == NULL) {
		free(place);
		return NULL;
	}
	device->pci = place;
	device->ivars = &place->info;
	place->info.cfg.dev = device;
	device_set_devclass(device, NULL);
	/* Bridges have a driver of the kernel's own. */
	if (place->info.cfg.hdrtype == PCIM_HDRTYPE_BRIDGE) {
		device_set_devclass(device, "pcib");
		device->class_fixed = true;
		device->state = DS_ATTACHED;
	}
	return device;
}

bool kshim_pci_enumerate(struct iommusim_kernel *kernel)
{
	const struct iommusim_pci_function *function;
	struct iommusim_amdvi_config config;
	struct iommusim_unit *unit;

	for (size_t i = 0; (function = iommusim_pci_at(kernel->machine, i)) != NULL; i++)
		if (kshim_pci_make_device(kernel, function->segment, function->rid) == NULL)
			return false;
	for (size_t i = 0; (unit = iommusim_unit_at(kernel->machine, i)) != NULL; i++)
		if (iommusim_amdvi_describe(unit, &config) == IOMMUSIM_OK &&
		    kshim_pci_make_device(kernel, config.segment, config.rid) == NULL)
			return false;
	return true;
}

/* Handlers come first, so that a driver finds done what they do: taken into the host's domain, and so on. */
static void arrive(void *context)
{
	device_t device = context;

	EVENTHANDLER_INVOKE(pci_add_device, device);
	device_probe_and_attach(device);
}

enum iommusim_status iommusim_kernel_pci_arrived(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, struct iommusim_kernel_result *result)
{
	device_t device;

	if (kshim_pci_device_at(kernel, segment, rid) != NULL)
		return IOMMUSIM_EEXIST;
	if (iommusim_pci_find(kernel->machine, segment, rid) == NULL)
		return IOMMUSIM_ENOENT;
	device = kshim_pci_make_device(kernel, segment, rid);
	if (device == NULL)
		return IOMMUSIM_ENOMEM;
	return iommusim_kernel_call(kernel, arrive, device, result);
}

struct leaving {
	device_t device;
	int error;
};

static void leave(void *context)
{
	struct leaving *leaving = context;

	leaving->error = device_detach(leaving->device);
	if (leaving->error == 0)
		EVENTHANDLER_INVOKE(pci_delete_device, leaving->device);
}

enum iommusim_status iommusim_kernel_pci_leaves(struct iommusim_kernel *kernel, uint16_t segment,
    uint16_t rid, struct iommusim_kernel_result *result)
{
	struct leaving leaving = { .device = kshim_pci_device_at(kernel, segment, rid) };
	enum iommusim_status status;

	if (leaving.device == NULL)
		return IOMMUSIM_ENOENT;
	status = iommusim_kernel_call(kernel, leave, &leaving, result);
	if (status == IOMMUSIM_EFAULT)
		return status;
	if (leaving.error != 0)
		return IOMMUSIM_EBUSY;
	kshim_device_drop(kernel, leaving.device);
	return status;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

device_t pci_find_dbsf(uint32_t domain, uint8_t bus, uint8_t slot, uint8_t func)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	return kshim_pci_device_at(kernel, domain, (unsigned)PCI_RID(bus, slot, func));
}

device_t pci_find_bsf(uint8_t bus, uint8_t slot, uint8_t func)
{
	return pci_find_dbsf(0, bus, slot, func);
}

static device_t find_from(device_t after, bool (*wanted)(const struct pcicfg *, unsigned, unsigned),
    unsigned first, unsigned second)
{
	device_t root = kshim_enter_now()->root;

	for (device_t device = after != NULL ? kshim_device_next(root, after) : root; device != NULL;
	     device = kshim_device_next(root, device))
		if (device->pci != NULL && wanted(&device->pci->info.cfg, first, second))
			return device;
	return NULL;
}

static bool is_of_class(const struct pcicfg *cfg, unsigned class, unsigned subclass)
{
	return cfg->baseclass == class && cfg->subclass == subclass;
}

static bool is_of_vendor(const struct pcicfg *cfg, unsigned vendor, unsigned device)
{
	return cfg->vendor == vendor && cfg->device == device;
}

device_t pci_find_class_from(uint8_t class, uint8_t subclass, device_t after)
{
	return find_from(after, is_of_class, class, subclass);
}

device_t pci_find_class(uint8_t class, uint8_t subclass)
{
	return pci_find_class_from(class, subclass, NULL);
}

device_t pci_find_device(uint16_t vendor, uint16_t device)
{
	return find_from(NULL, is_of_vendor, vendor, device);
}

device_t pci_find_pcie_root_port(device_t device)
{
	device_t found = NULL;

	kshim_enter_now();
	for (; device != NULL; device = device->parent)
		if (device->pci != NULL && device->pci->info.cfg.hdrtype == PCIM_HDRTYPE_BRIDGE)
			found = device;
	return found;
}

/* The kernel's view of a function; a panic for a device that is none. */
struct pci_place *kshim_pci_place_of(device_t device)
{
	kshim_enter_now();
	if (device == NULL || device->pci == NULL)
		kshim_panic_at(__FILE__, __LINE__, "a PCI function was called for %s, which is none",
		    device == NULL ? "no device" : device->name);
	return device->pci;
}

#define GETTER(name, type, expression)                                                                 \
	type name(device_t device)                                                                     \
	{                                                                                              \
		const struct pci_place *place = kshim_pci_place_of(device);                            \
                                                                                                       \
		return (type)(expression);                                                             \
	}
GETTER(pci_get_rid, uint16_t, place->rid)
GETTER(pci_get_domain, uint32_t, place->segment)
GETTER(pci_get_bus, uint8_t, place->info.cfg.bus)
GETTER(pci_get_slot, uint8_t, place->info.cfg.slot)
GETTER(pci_get_function, uint8_t, place->info.cfg.func)
GETTER(pci_get_class, uint8_t, place->info.cfg.baseclass)
GETTER(pci_get_subclass, uint8_t, place->info.cfg.subclass)
GETTER(pci_get_progif, uint8_t, place->info.cfg.progif)
GETTER(pci_get_revid, uint8_t, place->space[PCIR_REVID])
GETTER(pci_get_vendor, uint16_t, place->info.cfg.vendor)
GETTER(pci_get_device, uint16_t, place->info.cfg.device)
GETTER(pci_get_devid, uint32_t, (uint32_t)place->info.cfg.device << 16 | place->info.cfg.vendor)
GETTER(
    pci_get_subvendor, uint16_t, place->space[PCIR_SUBVEND_0] | place->space[PCIR_SUBVEND_0 + 1] << 8)
GETTER(pci_get_subdevice, uint16_t, place->space[PCIR_SUBDEV_0] | place->space[PCIR_SUBDEV_0 + 1] << 8)
GETTER(pci_get_irq, uint8_t, place->space[PCIR_INTLINE])
GETTER(pci_get_intpin, uint8_t, place->space[PCIR_INTPIN])

int pci_get_id(device_t device, int kind, uintptr_t *id)
{
	(void)kind;
	*id = pci_get_rid(device);
	return 0;
}

/* ---- configuration space --------------------------------------------------------------------------------------------- */

uint32_t pci_read_config(device_t device, int reg, int width)
{
	struct pci_place *place = kshim_pci_place_of(device);

	return kshim_pci_config_read(kshim_here, place, (unsigned)reg, (unsigned)width);
}

void pci_write_config(device_t device, int reg, uint32_t value, int width)
{
	struct pci_place *place = kshim_pci_place_of(device);

	kshim_pci_config_write(kshim_here, place, (unsigned)reg, (unsigned)width, value);
}

uint32_t iommusim_kernel_cfgread(int domain, int bus, int slot, int func, int reg, int bytes)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	device_t device =
	    kshim_pci_device_at(kernel, (unsigned)domain, (unsigned)PCI_RID(bus, slot, func));

	if (device == NULL)
		return bytes >= 4 ? UINT32_MAX : (UINT32_C(1) << bytes * 8) - 1;
	return kshim_pci_config_read(kernel, device->pci, (unsigned)reg, (unsigned)bytes);
}

void iommusim_kernel_cfgwrite(
    int domain, int bus, int slot, int func, int reg, uint32_t value, int bytes)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	device_t device =
	    kshim_pci_device_at(kernel, (unsigned)domain, (unsigned)PCI_RID(bus, slot, func));

	if (device != NULL)
		kshim_pci_config_write(kernel, device->pci, (unsigned)reg, (unsigned)bytes, value);
}

int pci_find_next_cap(device_t device, int capability, int start, int *offset)
{
	const struct pci_place *place = kshim_pci_place_of(device);
	unsigned at = start == 0 ? place->space[PCIR_CAP_PTR] : place->space[start + PCICAP_NEXTPTR];

	for (unsigned i = 0; at >= 0x40 && i < 48; i++, at = place->space[at + PCICAP_NEXTPTR]) {
		if (place->space[at] != capability)
			continue;
		if (offset != NULL)
			*offset = (int)at;
		return 0;
	}
	return ENOENT;
}

int pci_find_cap(device_t device, int capability, int *offset)
{
	return pci_find_next_cap(device, capability, 0, offset);
}

int pci_find_next_extcap(device_t device, int capability, int start, int *offset)
{
	int at = start == 0 ? PCIR_EXTCAP : (int)PCI_EXTCAP_NEXTPTR(pci_read_config(device, start, 4));

	for (int i = 0; at >= PCIR_EXTCAP && i < 960; i++) {
		const uint32_t header = pci_read_config(device, at, 4);

		if (PCI_EXTCAP_ID(header) == (uint32_t)capability && header != 0) {
			if (offset != NULL)
				*offset = at;
			return 0;
		}
		at = (int)PCI_EXTCAP_NEXTPTR(header);
	}
	return ENOENT;
}

int pci_find_extcap(device_t device, int capability, int *offset)
{
	return pci_find_next_extcap(device, capability, 0, offset);
}

static int change_command(device_t device, uint32_t set, uint32_t clear)
{
	const uint32_t command = pci_read_config(device, PCIR_COMMAND, 2);

	pci_write_config(device, PCIR_COMMAND, (command & ~clear) | set, 2);
	return 0;
}

int pci_enable_busmaster(device_t device)
{
	return change_command(device, PCIM_CMD_BUSMASTEREN, 0);
}

int pci_disable_busmaster(device_t device)
{
	return change_command(device, 0, PCIM_CMD_BUSMASTEREN);
}

static uint32_t space_bit(int space)
{
	return space == SYS_RES_IOPORT ? PCIM_CMD_PORTEN : PCIM_CMD_MEMEN;
}

int pci_enable_io(device_t device, int space)
{
	return change_command(device, space_bit(space), 0);
}

int pci_disable_io(device_t device, int space)
{
	return change_command(device, 0, space_bit(space));
}

/* ---- state and resets ------------------------------------------------------------------------------------------------ */

void pci_save_state(device_t device)
{
	struct pci_place *place = kshim_pci_place_of(device);

	place->info.saved_command = (uint16_t)pci_read_config(device, PCIR_COMMAND, 2);
	memcpy(place->saved, place->space, sizeof(place->saved));
	place->info.saved = true;
}

void pci_restore_state(device_t device)
{
	struct pci_place *place = kshim_pci_place_of(device);

	if (pci_get_powerstate(device) != PCI_POWERSTATE_D0)
		pci_set_powerstate(device, PCI_POWERSTATE_D0);
	if (!place->info.saved)
		return;
	for (int at = PCIR_CACHELNSZ; at < 256; at++)
		pci_write_config(device, at, place->saved[at], 1);
	kshim_pci_bars_restore(place);
	kshim_pci_messages_restore(device);
	pci_write_config(device, PCIR_COMMAND, place->info.saved_command, 2);
}

int pci_get_powerstate(device_t device)
{
	const struct pci_place *place = kshim_pci_place_of(device);

	return place->pm == 0 ? PCI_POWERSTATE_D0
			      : place->space[place->pm + PCIR_POWER_STATUS] & PCIM_PSTAT_DMASK;
}

int pci_set_powerstate(device_t device, int state)
{
	const struct pci_place *place = kshim_pci_place_of(device);

	if (place->pm == 0)
		return EOPNOTSUPP;
	if (state < PCI_POWERSTATE_D0 || state > PCI_POWERSTATE_D3)
		return EINVAL;
	pci_write_config(device, place->pm + PCIR_POWER_STATUS, (uint32_t)state, 1);
	DELAY(10000);
	return 0;
}

int pci_power_reset(device_t device)
{
	int error;

	if (device->pci->pm == 0 ||
	    (device->pci->space[device->pci->pm + PCIR_POWER_STATUS] & PCIM_PSTAT_NOSOFTRESET) != 0)
		return EOPNOTSUPP;
	error = pci_set_powerstate(device, PCI_POWERSTATE_D3);
	return error != 0 ? error : pci_set_powerstate(device, PCI_POWERSTATE_D0);
}

bool pcie_flr(device_t device, u_int max_delay, bool force)
{
	const struct pci_place *place = kshim_pci_place_of(device);
	uint32_t control;

	(void)max_delay;
	(void)force; /* nothing is ever pending: requests end within a call */
	if (place->pcie == 0 ||
	    (pci_read_config(device, place->pcie + PCIER_DEVICE_CAP, 4) & PCIEM_CAP_FLR) == 0)
		return false;
	change_command(device, 0, PCIM_CMD_BUSMASTEREN);
	control = pci_read_config(device, place->pcie + PCIER_DEVICE_CTL, 2);
	pci_write_config(device, place->pcie + PCIER_DEVICE_CTL, control | PCIEM_CTL_INITIATE_FLR, 2);
	DELAY(100000);
	return true;
}

int pcie_get_max_completion_timeout(device_t device)
{
	return kshim_pci_place_of(device)->pcie == 0 ? 0 : 50 * 1000;
}

bool pcie_wait_for_pending_transactions(device_t device, u_int max_delay)
{
	(void)max_delay;
	kshim_pci_place_of(device);
	return true;
}

uint32_t pcie_read_config(device_t device, int reg, int width)
{
	const struct pci_place *place = kshim_pci_place_of(device);

	if (place->pcie == 0)
		return width >= 4 ? UINT32_MAX : (UINT32_C(1) << width * 8) - 1;
	return pci_read_config(device, place->pcie + reg, width);
}

void pcie_write_config(device_t device, int reg, uint32_t value, int width)
{
	const struct pci_place *place = kshim_pci_place_of(device);

	if (place->pcie != 0)
		pci_write_config(device, place->pcie + reg, value, width);
}
