/* Which AMD-Vi units there are, and which one governs a device, as the profile's driver works it out. */
#include <stdio.h>
#include <string.h>

#include "machine/unit_model.h"
#include "vmm/amdvi_driver.h"

#define NO_HOST_TABLES 3u /* EFR.HATS */
#define FIRST_LEVELS   4u /* what EFR.HATS 0 stands for */

static enum iommusim_status fail(struct amdvi_driver *driver, enum iommusim_status status,
    enum iommusim_init_outcome outcome, const char *text, const char *advice)
{
	struct iommusim_init_report *report = &driver->common.vmm->init_report;

	report->outcome = outcome;
	snprintf(report->text, sizeof(report->text), "%s", text);
	snprintf(report->advice, sizeof(report->advice), "%s", advice);
	return machine_fail(driver->common.machine, status, "%s", text);
}

static bool is_amdvi(const struct iommusim_unit *unit)
{
	return strcmp(unit->model->vendor, "AMD-Vi") == 0;
}

static size_t count_units(const struct iommusim_machine *machine)
{
	const struct iommusim_unit *unit;
	size_t count = 0;

	TAILQ_FOREACH (unit, &machine->units, link)
		count += is_amdvi(unit);
	return count;
}

static enum iommusim_status list_units(struct amdvi_driver *driver)
{
	struct iommusim_machine *machine = driver->common.machine;
	struct iommusim_init_report *report = &driver->common.vmm->init_report;
	const size_t count = count_units(machine);
	const struct iommusim_unit *unit;

	report->units_named = report->units_used = (uint32_t)count;
	if (count == 0)
		return fail(driver, IOMMUSIM_EIO, IOMMUSIM_INIT_NO_TABLE,
		    "firmware tells of no AMD-Vi unit: the IOMMU is off in the firmware set-up, or the "
		    "machine has none",
		    "turn the IOMMU on in the firmware set-up");
	driver->units = machine_alloc_zeroed(machine, count * sizeof(*driver->units));
	if (driver->units == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for units");
	TAILQ_FOREACH (unit, &machine->units, link)
		if (is_amdvi(unit))
			driver->units[driver->unit_count++].base = unit->base;
	return IOMMUSIM_OK;
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
	levels = amdvi_EFR_HATS(unit->features);
	if (levels == NO_HOST_TABLES) {
		snprintf(text, sizeof(text), "the unit at 0x%llx has no host translation (EFR.HATS=3)",
		    (unsigned long long)unit->base);
		return fail(driver, IOMMUSIM_ENXIO, IOMMUSIM_INIT_UNSUPPORTED, text, "");
	}
	if (FIRST_LEVELS + levels < driver->levels)
		driver->levels = (uint8_t)(FIRST_LEVELS + levels);
	return IOMMUSIM_OK;
}

enum iommusim_status amdvi_driver_find_units(struct amdvi_driver *driver)
{
	enum iommusim_status status = list_units(driver);

	driver->levels = PAGE_TABLE_LEVELS;
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
	machine_free(
	    driver->common.machine, driver->units, driver->unit_count * sizeof(*driver->units));
	driver->units = NULL;
	driver->unit_count = 0;
}

struct amdvi_driver_unit *amdvi_driver_unit_for(
    struct amdvi_driver *driver, uint16_t segment, uint16_t rid)
{
	const struct iommusim_unit *governor = iommusim_unit_for(driver->common.machine, segment, rid);

	for (size_t i = 0; governor != NULL && i < driver->unit_count; i++)
		if (driver->units[i].base == governor->base)
			return &driver->units[i];
	if (vmm_policy(driver->common.vmm, COLUMN_amd_stranger) != POLICY_amd_stranger_FIRST_UNIT)
		return NULL;
	vmm_print(driver->common.vmm, "BIOS bug device(%d.%d.%d) doesn't have IVHD entry.",
	    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	return &driver->units[0];
}
