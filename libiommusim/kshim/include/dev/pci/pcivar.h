/* PCI functions as devices: where they are, what they are, their configuration space, their interrupts. */
#ifndef IOMMUSIM_KSHIM_DEV_PCI_PCIVAR_H
#define IOMMUSIM_KSHIM_DEV_PCI_PCIVAR_H

#include <sys/bus.h>

#include <dev/pci/pcireg.h>

typedef uint64_t pci_addr_t;

/* A base address register. */
struct pci_map {
	pci_addr_t pm_value;
	pci_addr_t pm_size; /* log2 of the bytes */
	uint16_t pm_reg;
	STAILQ_ENTRY(pci_map) pm_link;
};

struct pcicfg_msi {
	uint16_t msi_ctrl;
	uint8_t msi_location;
	uint8_t msi_msgnum;
	int msi_alloc; /* messages allocated */
	uint64_t msi_addr;
	uint16_t msi_data;
	u_int msi_handlers;
};
struct pcicfg_msix {
	uint16_t msix_ctrl;
	uint16_t msix_msgnum;
	uint8_t msix_location;
	uint8_t msix_table_bar; /* configuration offset of the register, as a resource's rid */
	uint8_t msix_pba_bar;
	uint32_t msix_table_offset;
	uint32_t msix_pba_offset;
	int msix_alloc;
	int msix_table_len; /* entries of the table that have a message */
};
struct pcicfg_pp {
	uint16_t pp_cap;
	uint8_t pp_status;
};
struct pcicfg_pcie {
	uint8_t pcie_location;
	uint8_t pcie_type;
	uint16_t pcie_flags;
};

typedef struct pcicfg {
	device_t dev;
	STAILQ_HEAD(, pci_map) maps;
	uint16_t subvendor;
	uint16_t subdevice;
	uint16_t vendor;
	uint16_t device;
	uint16_t cmdreg;
	uint16_t statreg;
	uint8_t baseclass;
	uint8_t subclass;
	uint8_t progif;
	uint8_t revid;
	uint8_t hdrtype;
	uint8_t cachelnsz;
	uint8_t intpin;
	uint8_t intline;
	uint8_t mfdev;
	uint32_t domain;
	uint8_t bus;
	uint8_t slot;
	uint8_t func;
	struct pcicfg_pp pp;
	struct pcicfg_msi msi;
	struct pcicfg_msix msix;
	struct pcicfg_pcie pcie;
} pcicfgregs;

struct pci_devinfo {
	pcicfgregs cfg;
	uint16_t saved_command; /* by pci_save_state() */
	bool saved;
};

/* ---- where and what -------------------------------------------------------------------------------------- */

device_t pci_find_bsf(uint8_t bus, uint8_t slot, uint8_t func);
device_t pci_find_dbsf(uint32_t domain, uint8_t bus, uint8_t slot, uint8_t func);
device_t pci_find_device(uint16_t vendor, uint16_t device);
device_t pci_find_class(uint8_t base_class, uint8_t subclass);
device_t pci_find_class_from(uint8_t base_class, uint8_t subclass, device_t after);
device_t pci_find_pcie_root_port(device_t device);
int pci_find_cap(device_t device, int capability, int *offset);
int pci_find_next_cap(device_t device, int capability, int start, int *offset);
int pci_find_extcap(device_t device, int capability, int *offset);
int pci_find_next_extcap(device_t device, int capability, int start, int *offset);
uint16_t pci_get_rid(device_t device);
int pci_get_id(device_t device, int kind, uintptr_t *id);
enum { PCI_ID_RID, PCI_ID_MSI, PCI_ID_OFW_IOMMU };
uint32_t pci_get_domain(device_t device);
uint8_t pci_get_bus(device_t device);
uint8_t pci_get_slot(device_t device);
uint8_t pci_get_function(device_t device);
uint8_t pci_get_class(device_t device);
uint8_t pci_get_subclass(device_t device);
uint8_t pci_get_progif(device_t device);
uint8_t pci_get_revid(device_t device);
uint16_t pci_get_vendor(device_t device);
uint16_t pci_get_device(device_t device);
uint32_t pci_get_devid(device_t device);
uint16_t pci_get_subvendor(device_t device);
uint16_t pci_get_subdevice(device_t device);
uint8_t pci_get_irq(device_t device);
uint8_t pci_get_intpin(device_t device);

/* ---- configuration space --------------------------------------------------------------------------------- */

uint32_t pci_read_config(device_t device, int reg, int width);
void pci_write_config(device_t device, int reg, uint32_t value, int width);
int pci_enable_busmaster(device_t device);
int pci_disable_busmaster(device_t device);
int pci_enable_io(device_t device, int space);
int pci_disable_io(device_t device, int space);
void pci_save_state(device_t device);
void pci_restore_state(device_t device);
int pci_get_powerstate(device_t device);
int pci_set_powerstate(device_t device, int state);
int pci_power_reset(device_t device);
bool pcie_flr(device_t device, u_int max_delay, bool force);
int pcie_get_max_completion_timeout(device_t device); /* microseconds */
bool pcie_wait_for_pending_transactions(device_t device, u_int max_delay);
uint32_t pcie_read_config(device_t device, int reg, int width);
void pcie_write_config(device_t device, int reg, uint32_t value, int width);
struct pci_map *pci_first_bar(device_t device);
struct pci_map *pci_next_bar(struct pci_map *bar);
struct pci_map *pci_find_bar(device_t device, int reg);

/* ---- message interrupts ---------------------------------------------------------------------------------- */

int pci_msi_count(device_t device);
int pci_alloc_msi(device_t device, int *count);
int pci_msix_count(device_t device);
int pci_alloc_msix(device_t device, int *count);
int pci_release_msi(device_t device);
int pci_msix_table_bar(device_t device);
int pci_msix_pba_bar(device_t device);
void pci_enable_msi(device_t device, uint64_t address, uint16_t data);
void pci_disable_msi(device_t device);

/* ---- functions come and go --------------------------------------------------------------------------------- */

typedef void (*pci_event_fn)(void *argument, device_t device);
EVENTHANDLER_DECLARE(pci_add_device, pci_event_fn);
EVENTHANDLER_DECLARE(pci_delete_device, pci_event_fn);

#endif
