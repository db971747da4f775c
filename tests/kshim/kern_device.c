/* Drivers in both styles of DRIVER_MODULE, an IVHD's as vmm has it. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/eventhandler.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/module.h>
#include <sys/rman.h>

#include <dev/pci/pcireg.h>
#include <dev/pci/pcivar.h>

#include <dev/acpica/acpivar.h>
#include <machine/resource.h>

#include "ivhd_if.h"
#include "pcib_if.h"
#include "tests/kshim/kern_device.h"

int kern_identified, kern_events, kern_arrivals, kern_departures;
int kern_arrivals_at_attach, kern_departures_at_detach;
int kern_unloads, kern_sysuninits;
bool kern_refuse_detach, kern_fail_attach, kern_refuse_unload;

/* ---- an IVHD's, a child of acpi0 that it adds itself ---------------------------------------------------- */

struct ivhd_softc {
	int unit;
};

static void ivhd_identify(driver_t *driver, device_t parent)
{
	(void)driver;
	kern_identified++;
	if (device_find_child(parent, "ivhd", 0) == NULL)
		BUS_ADD_CHILD(parent, ACPI_DEV_BASE_ORDER + 10 * 10, "ivhd", 0);
}

static int ivhd_probe(device_t dev)
{
	if (acpi_get_handle(dev) != NULL)
		return (ENXIO);
	device_set_desc(dev, "an IVHD");
	return (BUS_PROBE_NOWILDCARD);
}

static int ivhd_attach(device_t dev)
{
	struct ivhd_softc *sc = device_get_softc(dev);

	if (kern_fail_attach)
		return (ENOMEM);
	sc->unit = device_get_unit(dev) + 100;
	device_printf(dev, "flags %b\n", 3, "\20\1One\2Two");
	return (0);
}

static int ivhd_detach(device_t dev)
{
	(void)dev;
	return (kern_refuse_detach ? EBUSY : 0);
}

static device_method_t ivhd_methods[] = {
	DEVMETHOD(device_identify, ivhd_identify),
	DEVMETHOD(device_probe, ivhd_probe),
	DEVMETHOD(device_attach, ivhd_attach),
	DEVMETHOD(device_detach, ivhd_detach),
	DEVMETHOD_END,
};
static driver_t ivhd_driver = { "ivhd", ivhd_methods, sizeof(struct ivhd_softc), NULL };
static devclass_t ivhd_devclass;
DRIVER_MODULE_ORDERED(ivhd, acpi, ivhd_driver, ivhd_devclass, 0, 0, SI_ORDER_ANY);
MODULE_DEPEND(ivhd, acpi, 1, 1, 1);

/* ---- the unit's PCI function's ---------------------------------------------------------------------------- */

struct function_softc {
	struct resource *res;
	void *tag;
	int rid;
};

static int function_probe(device_t dev)
{
	int at;

	if (pci_get_class(dev) != PCIC_BASEPERIPH || pci_get_subclass(dev) != PCIS_BASEPERIPH_IOMMU ||
	    pci_find_cap(dev, PCIY_SECDEV, &at) != 0 || (pci_read_config(dev, at + 2, 2) & 7) != 3)
		return (ENXIO);
	return (BUS_PROBE_SPECIFIC);
}

static int function_attach(device_t dev)
{
	device_set_desc(dev, "an IOMMU's function");
	return (0);
}

static int setup(device_t dev, driver_intr_t *handler, void *arg, const char *desc)
{
	struct function_softc *sc = device_get_softc(dev);
	int count = 1, error;

	sc->rid = 1;
	error = pci_alloc_msi(dev, &count);
	if (error != 0)
		return (error);
	sc->res = bus_alloc_resource_any(dev, SYS_RES_IRQ, &sc->rid, RF_ACTIVE);
	if (sc->res == NULL)
		return (ENOMEM);
	error =
	    bus_setup_intr(dev, sc->res, INTR_TYPE_MISC | INTR_MPSAFE, NULL, handler, arg, &sc->tag);
	if (error == 0)
		bus_describe_intr(dev, sc->res, sc->tag, "%s", desc);
	return (error);
}

static int teardown(device_t dev)
{
	struct function_softc *sc = device_get_softc(dev);

	bus_teardown_intr(dev, sc->res, sc->tag);
	bus_release_resource(dev, SYS_RES_IRQ, sc->rid, sc->res);
	return (pci_release_msi(dev));
}

static device_method_t function_methods[] = {
	DEVMETHOD(device_probe, function_probe),
	DEVMETHOD(device_attach, function_attach),
	DEVMETHOD(ivhd_setup_intr, setup),
	DEVMETHOD(ivhd_teardown_intr, teardown),
	DEVMETHOD_END,
};
DEFINE_CLASS_0(iommufn, iommufn_driver, function_methods, sizeof(struct function_softc));
DRIVER_MODULE(iommufn, pci, iommufn_driver, 0, 0);

/* ---- a driver of disks --------------------------------------------------------------------------------------- */

static int disk_probe(device_t dev)
{
	return (pci_get_class(dev) == PCIC_STORAGE ? BUS_PROBE_DEFAULT : ENXIO);
}

static int disk_attach(device_t dev)
{
	(void)dev;
	kern_arrivals_at_attach = kern_arrivals;
	return (0);
}

static int disk_detach(device_t dev)
{
	(void)dev;
	kern_departures_at_detach = kern_departures;
	return (0);
}

static device_method_t disk_methods[] = {
	DEVMETHOD(device_probe, disk_probe),
	DEVMETHOD(device_attach, disk_attach),
	DEVMETHOD(device_detach, disk_detach),
	DEVMETHOD_END,
};
DEFINE_CLASS_0(disk, disk_driver, disk_methods, 0);
DRIVER_MODULE(disk, pci, disk_driver, 0, 0);

/* ---- a module --------------------------------------------------------------------------------------------------- */

static int module_event(module_t module, int what, void *unused)
{
	(void)module;
	(void)unused;
	if (what != MOD_UNLOAD)
		return (what == MOD_LOAD ? 0 : EOPNOTSUPP);
	if (kern_refuse_unload)
		return (EBUSY);
	kern_unloads++;
	return (0);
}

static moduledata_t module_data = { "kern_module", module_event, NULL };
DECLARE_MODULE(kern_module, module_data, SI_SUB_DRIVERS, SI_ORDER_ANY);

static void sysuninit(void *unused)
{
	(void)unused;
	kern_sysuninits++;
}
SYSUNINIT(kern_device, SI_SUB_DRIVERS, SI_ORDER_ANY, sysuninit, NULL);

/* ---- interrupts ------------------------------------------------------------------------------------------------ */

static void event(void *arg)
{
	*(int *)arg += 1;
}

void kern_setup_interrupt(void *error)
{
	*(int *)error = IVHD_SETUP_INTR(pci_find_bsf(0, 0, 2), event, &kern_events, "fault");
}

void kern_teardown_interrupt(void *error)
{
	*(int *)error = IVHD_TEARDOWN_INTR(pci_find_bsf(0, 0, 2));
}

/* ---- events, and looking devices up -------------------------------------------------------------------------- */

static void arrived(void *arg, device_t dev)
{
	(void)arg;
	kern_arrivals += pci_get_rid(dev);
}

static void left(void *arg, device_t dev)
{
	(void)arg;
	kern_departures += pci_get_rid(dev);
}

void kern_register_events(void *unused)
{
	(void)unused;
	EVENTHANDLER_REGISTER(pci_add_device, arrived, NULL, 0);
	EVENTHANDLER_REGISTER(pci_delete_device, left, NULL, EVENTHANDLER_PRI_ANY);
}

void kern_look_devices_up(void *context)
{
	device_t ivhd = devclass_get_device(devclass_find("ivhd"), 0), *list;
	const struct ivhd_softc *sc = device_get_softc(ivhd);
	int *failures = context, count;

	*failures += devclass_find("ivhd") != ivhd_devclass;
	*failures += devclass_find("none") != NULL;
	*failures += strcmp(device_get_nameunit(ivhd), "ivhd0") != 0;
	*failures += strcmp(device_get_name(device_get_parent(ivhd)), "acpi") != 0;
	*failures += !device_is_attached(ivhd) || device_get_driver(ivhd) != &ivhd_driver;
	*failures += sc->unit != 100;
	*failures +=
	    devclass_get_devices(ivhd_devclass, &list, &count) != 0 || count != 1 || list[0] != ivhd;
	free(list, M_TEMP);
	*failures += devclass_get_count(ivhd_devclass) != 1;
	*failures += BUS_ADD_CHILD(device_get_parent(ivhd), 0, "ivhd", 0) != NULL;
	*failures += IVHD_TEARDOWN_INTR(ivhd) != ENXIO;
}
