/*
 * What firmware asks of the AMD-Vi backend for single devices (AMD-Vi 5.2): settings of device table entries, and
 * memory that they must reach (IVMD). Finding units is amdvi_driver_ivrs.c.
 */
#include "models/formats/amd_host.h"
#include "vmm/amdvi_driver.h"

static bool is_heeded(const struct amdvi_driver *driver)
{
	return vmm_policy(driver->common.vmm, COLUMN_amd_firmware) == POLICY_amd_firmware_HEEDED;
}

/* ---- settings ------------------------------------------------------------------------------------ */

void amdvi_driver_apply_setting(const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit,
    uint16_t rid, uint64_t *entry)
{
	struct iommusim_ivrs_device device;

	if (!is_heeded(driver) || !iommusim_ivrs_find(unit->block, rid, &device))
		return;
	amdvi_dte_set_INIT_PASS(entry, (device.setting & IOMMUSIM_IVRS_INIT_PASS) != 0);
	amdvi_dte_set_EINT_PASS(entry, (device.setting & IOMMUSIM_IVRS_EXTINT_PASS) != 0);
	amdvi_dte_set_NMI_PASS(entry, (device.setting & IOMMUSIM_IVRS_NMI_PASS) != 0);
	amdvi_dte_set_SYSMGT(entry, device.setting >> IOMMUSIM_IVRS_SYSMGT_SHIFT & 3u);
	amdvi_dte_set_LINT0_PASS(entry, (device.setting & IOMMUSIM_IVRS_LINT0_PASS) != 0);
	amdvi_dte_set_LINT1_PASS(entry, (device.setting & IOMMUSIM_IVRS_LINT1_PASS) != 0);
}

/* ---- memory -------------------------------------------------------------------------------------- */

/*
 * What the range lets its devices do. An exclusion range is one that may be read and written: its registers
 * are one pair for a whole unit, and gone with SNP.
 */
static unsigned rights_of(const struct iommusim_ivrs_block *block)
{
	if ((block->flags & IOMMUSIM_IVMD_EXCLUSION) != 0)
		return PAGE_READ | PAGE_WRITE;
	if ((block->flags & IOMMUSIM_IVMD_UNITY) == 0)
		return 0;
	return ((block->flags & IOMMUSIM_IVMD_READ) != 0 ? PAGE_READ : 0) |
	    ((block->flags & IOMMUSIM_IVMD_WRITE) != 0 ? PAGE_WRITE : 0);
}

/* One page to itself, with these rights besides those it has. `*changed`: it was not so before. */
static bool map_page(struct driver_domain *domain, uint64_t address, unsigned rights, bool *changed)
{
	unsigned stopped;
	const uint64_t entry =
	    *page_table_entry(&amd_host, &domain->table, address, 1, PAGE_TABLE_LOOK, &stopped);

	if (amd_host_present(entry)) {
		if (amd_host_page(entry, stopped) != address)
			return true; /* somebody else's page, whoever put it there */
		rights |= amd_host_rights(entry);
		if (rights == amd_host_rights(entry))
			return true;
	}
	*changed = true;
	return page_table_map(&amd_host, &domain->table, address, address, IOMMUSIM_PAGE_SIZE, rights);
}

/* Whole pages: tables have ranges of one byte. What lies beyond the domain's width is no memory of it. */
static bool map_range(
    struct driver_domain *domain, const struct iommusim_ivrs_block *block, bool *changed)
{
	const unsigned rights = rights_of(block);
	const uint64_t first = block->start & ~(IOMMUSIM_PAGE_SIZE - 1);
	const uint64_t length = block->memory_length + (block->start - first);

	if (rights == 0 || length < block->memory_length || length > UINT64_MAX - first ||
	    driver_is_beyond(domain, first, length))
		return true;
	for (uint64_t done = 0; done < length; done += IOMMUSIM_PAGE_SIZE)
		if (!map_page(domain, first + done, rights, changed))
			return false;
	return true;
}

/* A VM's devices see the VM's memory alone: there, such a range would be a hole in it. */
static bool is_host(const struct amdvi_driver *driver, const struct driver_domain *domain)
{
	return driver->common.host == domain;
}

enum iommusim_status amdvi_driver_map_memory(struct amdvi_driver *driver, struct driver_domain *domain,
    uint16_t segment, uint16_t rid, uint16_t id)
{
	bool changed = false;

	if (!is_heeded(driver) || !is_host(driver, domain))
		return IOMMUSIM_OK;
	for (uint32_t i = 0; i < driver->ivrs->block_count; i++) {
		const struct iommusim_ivrs_block *block = &driver->ivrs->blocks[i];

		if ((iommusim_ivrs_concerns(block, segment, rid) ||
			iommusim_ivrs_concerns(block, segment, id)) &&
		    !map_range(domain, block, &changed))
			return driver_no_table(
			    &driver->common, "no page for the tables of an IVMD range", block->start);
	}
	return changed ? amdvi_driver_flush_domain(driver, domain->id) : IOMMUSIM_OK;
}
