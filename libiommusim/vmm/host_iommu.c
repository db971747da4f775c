/*
 * The host kernel's own VT-d driver (hw.dmar.enable), as far as vmm runs into it: before vmm is loaded it turns
 * queued invalidation and interrupt remapping on, and goes on using them. What vmm does is vtd_driver.c.
 */
#include <iommusim/acpi.h>
#include <iommusim/dmar.h>

#include "models/vtd/spec/vtd.h"
#include "vmm/driver.h"

#define TABLE_SIZE_CODE 7u /* of an interrupt remapping table of one page: 2^(7+1) entries */

/* One command and the bits that are on already: this driver remembers them. */
static bool command(struct driver *kernel, uint64_t base, uint64_t *on, uint64_t bit, bool stays)
{
	driver_write(kernel, base + vtd_GCMD_at, 4, *on | bit);
	if (stays)
		*on |= bit;
	/* Each bit of GSTS stands where its command's does. */
	return driver_poll(kernel, base, vtd_GSTS_at, 4, bit, true) == IOMMUSIM_OK;
}

static void turn_on(struct driver *kernel, uint64_t base)
{
	const uint64_t capability = driver_read(kernel, base + vtd_ECAP_at, 8);
	uint64_t on = 0, queue, table;

	if (capability == UINT64_MAX || !vtd_ECAP_QI(capability) ||
	    !driver_table_allocate(kernel, &queue))
		return;
	driver_write(kernel, base + vtd_IQT_at, 8, 0);
	driver_write(kernel, base + vtd_IQA_at, 8, queue);
	if (!command(kernel, base, &on, vtd_GCMD_QIE_bits(1), true) || !vtd_ECAP_IR(capability) ||
	    !driver_table_allocate(kernel, &table))
		return;
	driver_write(kernel, base + vtd_IRTA_at, 8, table | vtd_IRTA_S_bits(TABLE_SIZE_CODE));
	if (command(kernel, base, &on, vtd_GCMD_SIRTP_bits(1), false))
		command(kernel, base, &on, vtd_GCMD_IRE_bits(1), true);
}

void vmm_host_iommu_start(struct iommusim_vmm *vmm)
{
	struct driver kernel = { .name = "dmar" };
	struct iommusim_dmar *dmar;
	uint32_t length;
	void *bytes;

	if (vmm->sysctls[SYSCTL_dmar_enable] == 0 || vmm->cpu != IOMMUSIM_CPU_INTEL)
		return;
	driver_begin(&kernel, "dmar", vmm);
	if (driver_copy_table(vmm->machine, "DMAR", &bytes, &length) != IOMMUSIM_OK)
		return;
	if (iommusim_dmar_parse(bytes, length, &dmar) == IOMMUSIM_OK) {
		for (uint32_t i = 0; i < dmar->structure_count; i++)
			if (dmar->structures[i].type == IOMMUSIM_DMAR_DRHD)
				turn_on(&kernel, dmar->structures[i].base);
		iommusim_dmar_free(dmar);
	}
	machine_free(vmm->machine, bytes, length);
}
