/* Which AMD-Vi units there are, and which one governs a device, as the profile's driver works it out. */
#include <stdio.h>

#include "models/amdvi/spec/ivrs.h"
#include "vmm/amdvi_driver.h"

#define NO_HOST_TABLES 3u /* EFR.HATS */
#define FIRST_LEVELS   4u /* what EFR.HATS 0 stands for */

static enum iommusim_status fail(struct amdvi_driver *driver, enum iommusim_status status,
    enum iommusim_init_outcome outcome, const char *text, const char *advice)
{
	return driver_give_up(&driver->common, status, outcome, text, advice);
}

static const char *first_damage(const struct iommusim_ivrs *ivrs)
{
	for (uint32_t i = 0; i < ivrs->problem_count; i++)
		if (ivrs->problems[i].fatal)
			return ivrs->problems[i].text;
	return "no block can be made out";
}

/* Is it damage that leaves no unit? A table may well have a header and nothing that counts after it. */
static bool is_damaged(const struct iommusim_ivrs *ivrs)
{
	for (uint32_t i = 0; i < ivrs->block_count; i++)
		if (ivrs->blocks[i].length > ivrs->length - ivrs->blocks[i].offset)
			return true;
	return ivrs->block_count == 0 && ivrs->length != AMDVI_ACPI_HEADER_BYTES;
}

static enum iommusim_status bad_table(struct amdvi_driver *driver, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "the IVRS table cannot be read: %s", why);
	return fail(driver, IOMMUSIM_EIO, IOMMUSIM_INIT_BAD_TABLE, text,
	    "the firmware's table is damaged: newer firmware may help");
}

/* Read the table and take it apart. */
static enum iommusim_status read_table(struct amdvi_driver *driver)
{
	struct iommusim_init_report *report = &driver->common.vmm->init_report;
	uint32_t length;
	void *bytes;
	enum iommusim_status status =
	    driver_copy_table(driver->common.machine, "IVRS", &bytes, &length);

	if (status == IOMMUSIM_ENOENT)
		return fail(driver, IOMMUSIM_EIO, IOMMUSIM_INIT_NO_TABLE,
		    "firmware has no IVRS table: AMD-Vi is off in the firmware set-up, or the machine "
		    "has none",
		    "turn the IOMMU on in the firmware set-up");
	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_ivrs_parse(bytes, length, &driver->ivrs);
	machine_free(driver->common.machine, bytes, length);
	if (status == IOMMUSIM_ENOMEM)
		return machine_fail(driver->common.machine, status, "no memory for the IVRS table");
	report->table_found = true;
	report->table = "IVRS";
	report->table_length = length;
	if (status != IOMMUSIM_OK)
		return bad_table(driver, "it is no IVRS table");
	report->table_length = driver->ivrs->length;
	report->table_checksum_ok = driver->ivrs->checksum_ok;
	report->units_named = driver->ivrs->unit_count;
	return IOMMUSIM_OK;
}

static enum iommusim_status list_units(struct amdvi_driver *driver)
{
	const struct iommusim_ivrs *ivrs = driver->ivrs;

	if (ivrs->unit_count == 0 && is_damaged(ivrs))
		return bad_table(driver, first_damage(ivrs));
	if (ivrs->unit_count == 0)
		return fail(driver, IOMMUSIM_EIO, IOMMUSIM_INIT_NO_UNIT,
		    "no remapping unit: the IVRS table is there and names none",
		    "turn the IOMMU on in the firmware set-up; if it is on, the firmware's table is at "
		    "fault");
	driver->units =
	    machine_alloc_zeroed(driver->common.machine, ivrs->unit_count * sizeof(*driver->units));
	if (driver->units == NULL)
		return machine_fail(driver->common.machine, IOMMUSIM_ENOMEM, "no memory for units");
	for (uint32_t i = 0; i < ivrs->unit_count; i++)
		driver->units[driver->unit_count++] =
		    (struct amdvi_driver_unit){ .block = ivrs->units[i], .base = ivrs->units[i]->base };
	driver->common.vmm->init_report.units_used = (uint32_t)driver->unit_count;
	return IOMMUSIM_OK;
}

/* Releases before the backend: a line, and nothing else. */
static enum iommusim_status stub(struct amdvi_driver *driver)
{
	enum iommusim_status status;

	vmm_print(driver->common.vmm, "amdvi: there is no backend for AMD-Vi");
	status = fail(driver, IOMMUSIM_ENXIO, IOMMUSIM_INIT_UNSUPPORTED,
	    "this release has no backend for AMD-Vi", "a release from 12.0 on has one");
	driver->common.vmm->init_report.told = true;
	return status;
}

/* Units that are there but must be asked for: one line, and nothing else happens. */
static enum iommusim_status check_enabled(struct amdvi_driver *driver)
{
	struct iommusim_vmm *vmm = driver->common.vmm;
	enum iommusim_status status;

	if (vmm->sysctls[SYSCTL_amdvi_enable] != 0 ||
	    vmm_policy(vmm, COLUMN_amd_enable) == POLICY_amd_enable_ALWAYS)
		return IOMMUSIM_OK;
	vmm_print(vmm, "bhyve: found %zu AMD-Vi units; hw.vmm.amdvi.enable=1 enables passthrough",
	    driver->unit_count);
	status = fail(driver, IOMMUSIM_EINVAL, IOMMUSIM_INIT_DISABLED,
	    "hw.vmm.amdvi.enable is 0: vmm leaves AMD-Vi alone unless it is asked for",
	    "set hw.vmm.amdvi.enable=1 in loader.conf and load vmm anew");
	vmm->init_report.told = true;
	return status;
}

static bool is_taken(const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit)
{
	return amdvi_CONTROL_IOMMU_EN(driver_read(&driver->common, unit->base + amdvi_CONTROL_at, 8)) !=
	    0;
}

static enum iommusim_status taken(struct amdvi_driver *driver, const struct amdvi_driver_unit *unit)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "another driver has turned the unit at 0x%llx on: the two cannot both have it",
	    (unsigned long long)unit->base);
	return fail(driver, IOMMUSIM_EBUSY, IOMMUSIM_INIT_TAKEN, text,
	    "set hw.amdiommu.enable=0 in loader.conf, or do without passthrough");
}

static enum iommusim_status probe_unit(struct amdvi_driver *driver, struct amdvi_driver_unit *unit)
{
	char text[256];
	uint64_t levels;

	unit->features = driver_read(&driver->common, unit->base + amdvi_EFR_at, 8);
	if (unit->features == UINT64_MAX) {
		snprintf(text, sizeof(text),
		    "firmware names a unit at 0x%llx, and nothing answers there",
		    (unsigned long long)unit->base);
		return fail(driver, IOMMUSIM_ENXIO, IOMMUSIM_INIT_NO_HARDWARE, text,
		    "the firmware's table and the machine do not agree: newer firmware may help");
	}
	if (is_taken(driver, unit) &&
	    vmm_policy(driver->common.vmm, COLUMN_owner) == POLICY_owner_REFUSES)
		return taken(driver, unit);
	levels = amdvi_EFR_HATS(unit->features);
	if (levels == NO_HOST_TABLES || (unit->block->attributes & IOMMUSIM_IVHD_HATDIS) != 0) {
		snprintf(text, sizeof(text), "the unit at 0x%llx has no host translation (%s)",
		    (unsigned long long)unit->base,
		    levels == NO_HOST_TABLES ? "EFR.HATS=3" : "IVHD attribute HATDis");
		return fail(driver, IOMMUSIM_ENXIO, IOMMUSIM_INIT_UNSUPPORTED, text, "");
	}
	if (FIRST_LEVELS + levels < driver->levels)
		driver->levels = (uint8_t)(FIRST_LEVELS + levels);
	return IOMMUSIM_OK;
}

enum iommusim_status amdvi_driver_find_units(struct amdvi_driver *driver)
{
	enum iommusim_status status;

	if (vmm_policy(driver->common.vmm, COLUMN_amd_enable) == POLICY_amd_enable_STUB)
		return stub(driver);
	status = read_table(driver);
	driver->levels = PAGE_TABLE_LEVELS;
	if (status == IOMMUSIM_OK)
		status = list_units(driver);
	if (status == IOMMUSIM_OK)
		status = check_enabled(driver);
	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = probe_unit(driver, &driver->units[i]);
	if (status != IOMMUSIM_OK)
		amdvi_driver_forget_units(driver);
	return status;
}

void amdvi_driver_forget_units(struct amdvi_driver *driver)
{
	if (driver->ivrs != NULL)
		machine_free(driver->common.machine, driver->units,
		    driver->ivrs->unit_count * sizeof(*driver->units));
	driver->units = NULL;
	driver->unit_count = 0;
	iommusim_ivrs_free(driver->ivrs);
	driver->ivrs = NULL;
}

/* ---- the unit of a device ------------------------------------------------------------------------ */

static struct amdvi_driver_unit *first_unit(struct amdvi_driver *driver, uint16_t rid)
{
	vmm_print(driver->common.vmm, "BIOS bug device(%d.%d.%d) doesn't have IVHD entry.",
	    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	return &driver->units[0];
}

struct amdvi_driver_unit *amdvi_driver_unit_for(
    struct amdvi_driver *driver, uint16_t segment, uint16_t rid)
{
	const struct iommusim_ivrs_block *block;

	if (vmm_policy(driver->common.vmm, COLUMN_amd_unit) == POLICY_amd_unit_FIRST)
		return first_unit(driver, rid);
	block = iommusim_ivrs_unit_of(driver->ivrs, segment, rid);
	for (size_t i = 0; block != NULL && i < driver->unit_count; i++)
		if (driver->units[i].block == block)
			return &driver->units[i];
	return NULL;
}

uint16_t amdvi_driver_device_id(
    const struct amdvi_driver *driver, const struct amdvi_driver_unit *unit, uint16_t rid)
{
	struct iommusim_ivrs_device device;

	if (vmm_policy(driver->common.vmm, COLUMN_amd_alias) == POLICY_amd_alias_OWN ||
	    !iommusim_ivrs_find(unit->block, rid, &device))
		return rid;
	return device.alias;
}
