/* Protected memory regions: memory that no DMA reaches while PMEN says so (VT-d 11.4.8). */
#include "models/vtd/protected.h"

#include "models/vtd/command.h"
#include "models/vtd/invalidate.h"

/* Bits below a limit's alignment count as ones; a limit below its base leaves nothing (11.4.8.3). */
static struct vtd_region region(uint64_t base, uint64_t limit, uint64_t fine)
{
	return (struct vtd_region){ .first = base, .last = limit | fine };
}

static void take_regions(struct vtd_unit *vtd)
{
	const struct vtd_region none = { .first = 1, .last = 0 };
	const struct register_cell *registers = vtd->registers;

	vtd->protected_memory[0] = vtd->protected_memory[1] = none;
	if (vtd_CAP_PLMR(vtd->capability))
		vtd->protected_memory[0] = region(registers[VTD_PLMBASE].value,
		    registers[VTD_PLMLIMIT].value, vtd_PLMLIMIT_PLML_bits(1) - 1);
	if (vtd_CAP_PHMR(vtd->capability))
		vtd->protected_memory[1] = region(registers[VTD_PHMBASE].value,
		    registers[VTD_PHMLIMIT].value, vtd_PHMLIMIT_PHML_bits(1) - 1);
}

/* Requests under way end before PRS follows EPM, and none is answered privately under the old rule. */
static void run_protection(void *context)
{
	struct vtd_unit *vtd = context;
	struct register_cell *enable = &vtd->registers[VTD_PMEN];
	const bool on = vtd_PMEN_EPM(enable->value) != 0;

	if (on == (vtd_PMEN_PRS(enable->value) != 0))
		return;
	if (on)
		take_regions(vtd);
	atomic_store(&vtd->protecting, on);
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit);
	pthread_mutex_lock(&vtd->unit.lock);
	enable->value = (enable->value & ~vtd_PMEN_PRS_bits(1)) | vtd_PMEN_PRS_bits(on);
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_protection_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	unit_after_latency(&vtd->unit, run_protection);
}

static bool within(const struct vtd_region *region, uint64_t address)
{
	return address >= region->first && address <= region->last;
}

/* Which region it is in matters to whoever set them up: both are one step long at 0 after reset. */
static const char *region_of(const struct vtd_unit *vtd, uint64_t address)
{
	if (within(&vtd->protected_memory[0], address))
		return "the page lies in the protected low memory region, PLMBASE to PLMLIMIT";
	if (within(&vtd->protected_memory[1], address))
		return "the page lies in the protected high memory region, PHMBASE to PHMLIMIT";
	return NULL;
}

/* Old units look only at what is not remapped: pass-through, or translation off (11.4.8.1). */
bool vtd_protected(const struct vtd_unit *vtd, struct iommusim_dma_page *page)
{
	const char *region;

	if (!atomic_load(&vtd->protecting) || page->interrupt || page->answered ||
	    (vtd->choices.protection_spares_remapped && page->entry != 0))
		return false;
	region = region_of(vtd, page->physical);
	if (region == NULL)
		return false;
	page->faulted = true;
	page->fault = (struct iommusim_fault){ .class_ = IOMMUSIM_FAULT_ABORT, .meaning = region };
	return true;
}
