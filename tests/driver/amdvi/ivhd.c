/*
 * The units as devices: ivhd, one for each IOMMU that the IVRS table speaks of, and amdviiommu, the PCI function
 * that belongs to it and has its interrupt.
 */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <sys/kernel.h>
#include <sys/module.h>
#include <sys/sysctl.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <contrib/dev/acpica/include/acpi.h>
#include <dev/acpica/acpivar.h>
#include <dev/pci/pcireg.h>
#include <dev/pci/pcivar.h>

#include "ivhd_if.h"

/* ---- the PCI function ---- */

struct amdviiommu_softc {
	struct resource	*irq;
	void		*cookie;
	int		rid;
};

static int
amdviiommu_probe(device_t dev)
{
	int capoff;

	if (pci_get_class(dev) != PCIC_BASEPERIPH || pci_get_subclass(dev) != PCIS_BASEPERIPH_IOMMU)
		return (ENXIO);
	if (pci_find_cap(dev, AMDVI_CAP_ID, &capoff) != 0 ||
	    (pci_read_config(dev, capoff, 4) & AMDVI_CAP_TYPE_MASK) != AMDVI_CAP_TYPE_IOMMU)
		return (ENXIO);
	device_set_desc(dev, "AMD-Vi/IOMMU PCI function");
	return (BUS_PROBE_SPECIFIC);
}

static int
amdviiommu_attach(device_t dev __unused)
{
	return (0);
}

static int
amdviiommu_teardown_intr(device_t dev)
{
	struct amdviiommu_softc *sc = device_get_softc(dev);

	if (sc->cookie != NULL)
		bus_teardown_intr(dev, sc->irq, sc->cookie);
	if (sc->irq != NULL)
		bus_release_resource(dev, SYS_RES_IRQ, sc->rid, sc->irq);
	if (sc->irq != NULL || sc->cookie != NULL)
		pci_release_msi(dev);
	sc->irq = NULL;
	sc->cookie = NULL;
	return (0);
}

static int
amdviiommu_setup_intr(device_t dev, driver_intr_t *handler, void *arg, const char *desc)
{
	struct amdviiommu_softc *sc = device_get_softc(dev);
	int count = 1, error;

	if (pci_msi_count(dev) == 0 || pci_alloc_msi(dev, &count) != 0)
		return (ENXIO);
	sc->rid = 1;
	sc->irq = bus_alloc_resource_any(dev, SYS_RES_IRQ, &sc->rid, RF_ACTIVE);
	if (sc->irq == NULL) {
		pci_release_msi(dev);
		return (ENOMEM);
	}
	error = bus_setup_intr(dev, sc->irq, INTR_TYPE_MISC | INTR_MPSAFE, NULL, handler, arg, &sc->cookie);
	if (error != 0) {
		sc->cookie = NULL;
		amdviiommu_teardown_intr(dev);
		return (error);
	}
	bus_describe_intr(dev, sc->irq, sc->cookie, "%s", desc);
	return (0);
}

static int
amdviiommu_detach(device_t dev)
{
	return (amdviiommu_teardown_intr(dev));
}

static device_method_t amdviiommu_methods[] = {
	DEVMETHOD(device_probe,		amdviiommu_probe),
	DEVMETHOD(device_attach,	amdviiommu_attach),
	DEVMETHOD(device_detach,	amdviiommu_detach),
	DEVMETHOD(ivhd_setup_intr,	amdviiommu_setup_intr),
	DEVMETHOD(ivhd_teardown_intr,	amdviiommu_teardown_intr),
	DEVMETHOD_END
};

static driver_t amdviiommu_driver = {
	.name = "amdviiommu",
	.methods = amdviiommu_methods,
	.size = sizeof(struct amdviiommu_softc),
};

DRIVER_MODULE(amdviiommu, pci, amdviiommu_driver, NULL, NULL);

/* ---- the unit ---- */

#define AMDVI_MAX_UNITS	32

static struct amdvi_softc *softcs[AMDVI_MAX_UNITS];
static u_int softc_count;

u_int
amdvi_softc_count(void)
{
	return (softc_count);
}

struct amdvi_softc *
amdvi_softc(u_int index)
{
	return (softcs[index]);
}

static void
ivhd_identify(driver_t *driver __unused, device_t parent)
{
	if (acpi_disabled("ivhd") || amdvi_ivrs_load() != 0)
		return;
	for (int i = 0; i < (int)amdvi_ivrs_units(); i++)
		if (device_find_child(parent, "ivhd", i) == NULL &&
		    BUS_ADD_CHILD(parent, ACPI_DEV_BASE_ORDER, "ivhd", i) == NULL)
			device_printf(parent, "cannot add ivhd%d\n", i);
}

static int
ivhd_probe(device_t dev)
{
	if (amdvi_ivrs_unit(device_get_unit(dev)) == NULL)
		return (ENXIO);
	device_set_desc(dev, "AMD-Vi/IOMMU ivhd");
	return (BUS_PROBE_NOWILDCARD);
}

/* Registers are where the capability says, once it is enabled. */
static int
ivhd_check_cap(device_t dev, struct amdvi_softc *sc)
{
	const struct amdvi_ivhd *ivhd = sc->ivhd;
	uint32_t low, high;

	sc->pci_dev = pci_find_dbsf(
	    ivhd->segment, PCI_RID2BUS(ivhd->rid), PCI_RID2SLOT(ivhd->rid), PCI_RID2FUNC(ivhd->rid));
	if (sc->pci_dev == NULL) {
		device_printf(dev, "no PCI function %#x\n", ivhd->rid);
		return (ENXIO);
	}
	low = pci_read_config(sc->pci_dev, ivhd->cap_off + AMDVI_CAP_BASE_LO, 4);
	if ((low & AMDVI_CAP_BASE_ENABLE) == 0) {
		pci_write_config(sc->pci_dev, ivhd->cap_off + AMDVI_CAP_BASE_HI, (uint32_t)(ivhd->base >> 32), 4);
		pci_write_config(sc->pci_dev, ivhd->cap_off + AMDVI_CAP_BASE_LO,
		    (uint32_t)ivhd->base | AMDVI_CAP_BASE_ENABLE, 4);
		low = pci_read_config(sc->pci_dev, ivhd->cap_off + AMDVI_CAP_BASE_LO, 4);
	}
	high = pci_read_config(sc->pci_dev, ivhd->cap_off + AMDVI_CAP_BASE_HI, 4);
	if (((uint64_t)high << 32 | (low & AMDVI_CAP_BASE_MASK)) != ivhd->base) {
		device_printf(dev, "registers at %#lx says the capability, at %#lx the table\n",
		    (u_long)((uint64_t)high << 32 | (low & AMDVI_CAP_BASE_MASK)), (u_long)ivhd->base);
		return (ENXIO);
	}
	return (0);
}

static void
ivhd_add_sysctls(device_t dev, struct amdvi_softc *sc)
{
	struct sysctl_ctx_list *ctx = device_get_sysctl_ctx(dev);
	struct sysctl_oid_list *children = SYSCTL_CHILDREN(device_get_sysctl_tree(dev));

	SYSCTL_ADD_ULONG(ctx, children, OID_AUTO, "events", CTLFLAG_RD, &sc->events, "Events taken from the log");
	SYSCTL_ADD_ULONG(ctx, children, OID_AUTO, "overflows", CTLFLAG_RD, &sc->overflows, "Event log overflows");
	SYSCTL_ADD_ULONG(ctx, children, OID_AUTO, "commands", CTLFLAG_RD, &sc->commands, "Commands queued");
	SYSCTL_ADD_ULONG(ctx, children, OID_AUTO, "restarts", CTLFLAG_RD, &sc->restarts,
	    "Times the command buffer was started again");
}

static int
ivhd_attach(device_t dev)
{
	struct amdvi_softc *sc = device_get_softc(dev);
	int error;

	if (softc_count == AMDVI_MAX_UNITS)
		return (ENOMEM);
	sc->dev = dev;
	sc->ivhd = amdvi_ivrs_unit(device_get_unit(dev));
	error = ivhd_check_cap(dev, sc);
	if (error != 0)
		return (error);
	sc->regs = pmap_mapdev(sc->ivhd->base, AMDVI_REGS_SIZE);
	if (sc->regs == NULL)
		return (ENOMEM);
	mtx_init(&sc->mtx, device_get_nameunit(dev), NULL, MTX_DEF);
	ivhd_add_sysctls(dev, sc);
	device_printf(dev, "block %#x, %u device entries, features %#lx\n", sc->ivhd->type, sc->ivhd->range_count,
	    (u_long)sc->regs->efr);
	softcs[softc_count++] = sc;
	return (0);
}

static int
ivhd_detach(device_t dev)
{
	struct amdvi_softc *sc = device_get_softc(dev);
	u_int i;

	if (sc->dev_table != NULL)
		return (EBUSY);	/* vmm uses it */
	for (i = 0; i < softc_count && softcs[i] != sc; i++)
		;
	for (; i + 1 < softc_count; i++)
		softcs[i] = softcs[i + 1];
	softc_count--;
	mtx_destroy(&sc->mtx);
	pmap_unmapdev(sc->regs, AMDVI_REGS_SIZE);
	return (0);
}

int
amdvi_intr_setup(struct amdvi_softc *sc)
{
	const int error = IVHD_SETUP_INTR(sc->pci_dev, amdvi_hw_intr, sc, "events");

	sc->intr_set_up = error == 0;
	return (error);
}

void
amdvi_intr_teardown(struct amdvi_softc *sc)
{
	if (sc->intr_set_up)
		IVHD_TEARDOWN_INTR(sc->pci_dev);
	sc->intr_set_up = false;
}

static device_method_t ivhd_methods[] = {
	DEVMETHOD(device_identify,	ivhd_identify),
	DEVMETHOD(device_probe,		ivhd_probe),
	DEVMETHOD(device_attach,	ivhd_attach),
	DEVMETHOD(device_detach,	ivhd_detach),
	DEVMETHOD_END
};

static driver_t ivhd_driver = {
	.name = "ivhd",
	.methods = ivhd_methods,
	.size = sizeof(struct amdvi_softc),
};

DRIVER_MODULE_ORDERED(ivhd, acpi, ivhd_driver, NULL, NULL, SI_ORDER_ANY);
MODULE_DEPEND(ivhd, acpi, 1, 1, 1);

static void
ivhd_unload(void *arg __unused)
{
	amdvi_ivrs_unload();
}
SYSUNINIT(ivhd_unload, SI_SUB_DRIVERS, SI_ORDER_ANY, ivhd_unload, NULL);
