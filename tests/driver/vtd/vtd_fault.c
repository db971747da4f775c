/* What units report: the fault interrupt, and the records behind it. */
/* clang-format off */ /* style(9) */
#include <sys/cdefs.h>

#include "vtd.h"

#include <dev/pci/pcivar.h>
#include <dev/pci/pcib_if.h>

static u_long faults;
SYSCTL_ULONG(_hw_vmm_vtd, OID_AUTO, faults, CTLFLAG_RD, &faults, 0, "requests that units refused");

#define	MOST_PRINTED	32

static void
report(struct vtd_unit *unit, uint64_t address, uint64_t high)
{
	if (faults++ >= MOST_PRINTED)
		return;
	printf("vtd: unit at %#lx: %s of %#lx by %x:%x.%x refused, reason %#x\n",
	    (u_long)unit->drhd->Address, VTD_FRCD_READ(high) ? "read" : "write",
	    (u_long)(address & ~(uint64_t)PAGE_MASK), VTD_FRCD_SID(high) >> 8,
	    VTD_FRCD_SID(high) >> 3 & 0x1f, VTD_FRCD_SID(high) & 7, VTD_FRCD_REASON(high));
}

static void
take_records(struct vtd_unit *unit, uint32_t status)
{
	const u_int records = VTD_CAP_NFR(unit->cap);
	uint64_t high;
	u_int at, i;

	for (i = 0; i < records; i++) {
		at = VTD_CAP_FRO(unit->cap) +
		    (VTD_FSTS_FRI(status) + i) % records * VTD_FRCD_SIZE;
		high = vtd_read8(unit, at + 8);
		if ((high & VTD_FRCD_F) == 0)
			break;
		report(unit, vtd_read8(unit, at + VTD_FRCD_INFO), high);
#ifndef HAZARD_FAULTS_NOT_CLEARED
		vtd_write4(unit, at + 12, VTD_FRCD_F >> 32);
#endif
	}
}

static void
fault_interrupt(void *arg)
{
	struct vtd_unit *unit = arg;
	uint32_t status;

	status = vtd_read4(unit, VTD_FSTS);
	if ((status & VTD_FSTS_PPF) != 0)
		take_records(unit, status);
	if ((status & VTD_FSTS_PFO) != 0) {
		printf("vtd: unit at %#lx lost faults\n", (u_long)unit->drhd->Address);
		vtd_write4(unit, VTD_FSTS, VTD_FSTS_PFO);
	}
	if ((status & VTD_FSTS_QUEUE) != 0)
		printf("vtd: unit at %#lx: its queue is in error, FSTS %#x\n",
		    (u_long)unit->drhd->Address, status);
}

static int
connect(struct vtd_unit *unit, int vector)
{
	int error, rid;

	rid = 0;
	error = bus_set_resource(unit->dev, SYS_RES_IRQ, rid, (rman_res_t)vector, 1);
	if (error != 0)
		return (error);
	unit->irq = bus_alloc_resource_any(unit->dev, SYS_RES_IRQ, &rid, RF_ACTIVE);
	if (unit->irq == NULL)
		return (ENOMEM);
	return (bus_setup_intr(unit->dev, unit->irq, INTR_TYPE_MISC | INTR_MPSAFE, NULL,
	    fault_interrupt, unit, &unit->cookie));
}

/* Without an interrupt the unit still works: faults then stand in its registers. */
int
vtd_fault_attach(struct vtd_unit *unit)
{
	uint64_t address;
	uint32_t data;
	device_t nexus;
	int error, vector;

	nexus = devclass_get_device(devclass_find("nexus"), 0);
	if (nexus == NULL)
		return (ENXIO);
	unit->dev = BUS_ADD_CHILD(nexus, 0, "vtd", (int)(unit - vtd_units));
	if (unit->dev == NULL)
		return (ENXIO);
	error = PCIB_ALLOC_MSIX(nexus, unit->dev, &vector);
	if (error == 0)
		error = connect(unit, vector);
	if (error == 0)
		error = PCIB_MAP_MSI(nexus, unit->dev, vector, &address, &data);
	if (error != 0) {
		printf("vtd: unit at %#lx has no fault interrupt, error %d\n",
		    (u_long)unit->drhd->Address, error);
		return (error);
	}
	vtd_write4(unit, VTD_FEDATA, data);
	vtd_write4(unit, VTD_FEADDR, (uint32_t)address);
	if ((unit->ecap & VTD_ECAP_EIM) != 0)
		vtd_write4(unit, VTD_FEUADDR, (uint32_t)(address >> 32));
	fault_interrupt(unit);		/* what firmware left behind */
	vtd_write4(unit, VTD_FECTL, vtd_read4(unit, VTD_FECTL) & ~VTD_FECTL_IM);
	return (0);
}

void
vtd_fault_detach(struct vtd_unit *unit)
{
	if (unit->dev == NULL)
		return;
	vtd_write4(unit, VTD_FECTL, vtd_read4(unit, VTD_FECTL) | VTD_FECTL_IM);
	if (unit->cookie != NULL)
		(void)bus_teardown_intr(unit->dev, unit->irq, unit->cookie);
	if (unit->irq != NULL) {
		const int vector = (int)rman_get_start(unit->irq);

		(void)bus_release_resource(unit->dev, SYS_RES_IRQ, 0, unit->irq);
		(void)PCIB_RELEASE_MSIX(device_get_parent(unit->dev), unit->dev, vector);
	}
	(void)device_delete_child(device_get_parent(unit->dev), unit->dev);
	unit->dev = NULL;
	unit->irq = NULL;
	unit->cookie = NULL;
}
