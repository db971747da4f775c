/* Kernel code that looks at PCI functions. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>

#include <dev/pci/pcireg.h>
#include <dev/pci/pcivar.h>

#include <machine/pci_cfgreg.h>
#include <machine/vmm.h>

#include "tests/kshim/kern_pci.h"

static device_t device_of(const struct kern_function *f)
{
	return pci_find_dbsf(f->domain, f->bus, f->slot, f->func);
}

void kern_find(void *context)
{
	struct kern_function *f = context;
	device_t dev = device_of(f);

	f->found = dev != NULL;
	if (dev == NULL)
		return;
	f->rid = pci_get_rid(dev);
	f->class = pci_get_class(dev);
	f->subclass = pci_get_subclass(dev);
	f->express = f->ats = 0;
	pci_find_cap(dev, PCIY_EXPRESS, &f->express);
	pci_find_extcap(dev, PCIZ_ATS, &f->ats);
	f->vendor_word = pci_read_config(dev, PCIR_DEVVENDOR, 4);
	MPASS(pci_get_bus(dev) == f->bus && pci_get_slot(dev) == f->slot &&
	    pci_get_function(dev) == f->func);
	MPASS(pci_get_domain(dev) == f->domain && pci_get_vendor(dev) == (f->vendor_word & 0xffff));
}

void kern_bus_master(void *context)
{
	device_t dev = device_of(context);

	pci_disable_busmaster(dev);
	MPASS((pci_read_config(dev, PCIR_COMMAND, 2) & PCIM_CMD_BUSMASTEREN) == 0);
	pci_enable_busmaster(dev);
	MPASS((pci_read_config(dev, PCIR_COMMAND, 1) & PCIM_CMD_BUSMASTEREN) != 0);
	pci_write_config(dev, PCIR_COMMAND, PCIM_CMD_MEMEN, 2);
}

void kern_reset(void *context)
{
	struct kern_function *f = context;

	f->reset = pcie_flr(device_of(f), 1000, false);
}

void kern_save_reset_restore(void *context)
{
	device_t dev = device_of(context);

	pci_save_state(dev);
	kern_reset(context);
	MPASS(pci_read_config(dev, PCIR_COMMAND, 2) == 0);
	pci_restore_state(dev);
}

void kern_power(void *context)
{
	struct kern_function *f = context;

	f->reset = pci_power_reset(device_of(f)) == 0;
	MPASS(pci_get_powerstate(device_of(f)) == PCI_POWERSTATE_D0);
}

void kern_cfg(void *context)
{
	uint32_t *words = context;

	words[0] = pci_cfgregread(0, 3, 0, PCIR_DEVVENDOR, 4);
	words[1] = pci_cfgregread(0, 4, 0, PCIR_DEVVENDOR, 2);
	words[2] = pci_cfgregread(1, 0, 3, 0, PCIR_DEVVENDOR, 4);
}

void kern_ask_of_none(void *unused)
{
	(void)unused;
	(void)pci_get_rid(pci_find_bsf(9, 9, 1));
}

int kern_is_for_passthrough(int bus, int slot, int func)
{
	return vmm_is_pptdev(bus, slot, func);
}
