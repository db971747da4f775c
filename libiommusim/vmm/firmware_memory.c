/* Memory that firmware keeps for devices (RMRR, IVMD): the page allocator hands out none of it. */
#include <iommusim/acpi.h>
#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#include "vmm/driver.h"
#include "vmm/state.h"

/* What cannot be read reserves nothing: firmware's memory map and its table of units are of one mind mostly. */
static enum iommusim_status reserve_dmar(struct pages *pages, const void *bytes, uint32_t length)
{
	struct iommusim_dmar *dmar = NULL;
	enum iommusim_status status = iommusim_dmar_parse(bytes, length, &dmar);

	for (uint32_t i = 0; dmar != NULL && dmar->usable && i < dmar->structure_count; i++)
		if (status == IOMMUSIM_OK && dmar->structures[i].type == IOMMUSIM_DMAR_RMRR)
			status =
			    pages_reserve(pages, dmar->structures[i].base, dmar->structures[i].limit);
	iommusim_dmar_free(dmar);
	return status == IOMMUSIM_ENOMEM ? status : IOMMUSIM_OK;
}

static enum iommusim_status reserve_ivrs(struct pages *pages, const void *bytes, uint32_t length)
{
	struct iommusim_ivrs *ivrs = NULL;
	enum iommusim_status status = iommusim_ivrs_parse(bytes, length, &ivrs);

	for (uint32_t i = 0; ivrs != NULL && ivrs->usable && i < ivrs->block_count; i++) {
		const struct iommusim_ivrs_block *block = &ivrs->blocks[i];

		if (status == IOMMUSIM_OK && block->memory_length != 0)
			status =
			    pages_reserve(pages, block->start, block->start + block->memory_length - 1);
	}
	iommusim_ivrs_free(ivrs);
	return status == IOMMUSIM_ENOMEM ? status : IOMMUSIM_OK;
}

enum iommusim_status vmm_reserve_firmware_memory(struct iommusim_vmm *vmm)
{
	static const struct {
		const char *signature;
		enum iommusim_status (*reserve)(struct pages *, const void *, uint32_t);
	} tables[] = { { "DMAR", reserve_dmar }, { "IVRS", reserve_ivrs } };

	for (unsigned i = 0; i < 2; i++) {
		uint32_t length;
		void *bytes;
		enum iommusim_status status =
		    driver_copy_table(vmm->machine, tables[i].signature, &bytes, &length);

		if (status == IOMMUSIM_ENOENT)
			continue;
		if (status == IOMMUSIM_OK) {
			status = tables[i].reserve(&vmm->pages, bytes, length);
			machine_free(vmm->machine, bytes, length);
		}
		if (status != IOMMUSIM_OK)
			return machine_fail(
			    vmm->machine, status, "no memory to set firmware's memory aside");
	}
	vmm->reserved = true;
	return IOMMUSIM_OK;
}
