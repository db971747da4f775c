/* Which VT-d units there are, and which one governs a device, as the profile's driver works it out. */
#include <stdio.h>
#include <string.h>

#include "models/vtd/spec/dmar.h"
#include "vmm/vtd_driver.h"

static enum iommusim_status fail(
    struct vtd_driver *driver, enum iommusim_init_outcome outcome, const char *text, const char *advice)
{
	return driver_give_up(&driver->common, IOMMUSIM_ENXIO, outcome, text, advice);
}

static enum iommusim_status bad_table(struct vtd_driver *driver, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "the DMAR table cannot be read: %s", why);
	return fail(driver, IOMMUSIM_INIT_BAD_TABLE, text,
	    "the firmware's table is damaged: newer firmware may help");
}

/* Read the table and take it apart. */
static enum iommusim_status read_table(struct vtd_driver *driver)
{
	struct iommusim_init_report *report = &driver->common.vmm->init_report;
	uint32_t length;
	void *bytes;
	enum iommusim_status status =
	    driver_copy_table(driver->common.machine, "DMAR", &bytes, &length);

	if (status == IOMMUSIM_ENOENT)
		return fail(driver, IOMMUSIM_INIT_NO_TABLE,
		    "firmware has no DMAR table: VT-d is off in the firmware set-up, or the machine "
		    "has none",
		    "turn VT-d on in the firmware set-up");
	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_dmar_parse(bytes, length, &driver->dmar);
	machine_free(driver->common.machine, bytes, length);
	if (status == IOMMUSIM_ENOMEM)
		return machine_fail(driver->common.machine, status, "no memory for the DMAR table");
	report->table_found = true;
	report->table = "DMAR";
	report->table_length = length;
	if (status != IOMMUSIM_OK)
		return bad_table(driver, "it is no DMAR table");
	report->table_length = driver->dmar->length;
	report->table_checksum_ok = driver->dmar->checksum_ok;
	for (uint32_t i = 0; i < driver->dmar->structure_count; i++)
		report->units_named += driver->dmar->structures[i].type == IOMMUSIM_DMAR_DRHD;
	return IOMMUSIM_OK;
}

/* Does the table end inside a structure? */
static bool is_cut(const struct iommusim_dmar *dmar, const struct iommusim_dmar_structure *structure)
{
	return structure->length > dmar->length - structure->offset;
}

/* Is it damage that hides the first structure? An empty table has its header and nothing after it. */
static bool is_damaged(const struct iommusim_dmar *dmar)
{
	if (dmar->structure_count > 0)
		return is_cut(dmar, &dmar->structures[0]);
	return dmar->length < VTD_ACPI_HEADER_BYTES ||
	    dmar->length - VTD_ACPI_HEADER_BYTES >= VTD_ACPI_STRUCTURE_BYTES;
}

static const char *first_damage(const struct iommusim_dmar *dmar)
{
	for (uint32_t i = 0; i < dmar->problem_count; i++)
		if (dmar->problems[i].fatal)
			return dmar->problems[i].text;
	return "no structure can be made out";
}

/* What stops a parser that stops at the first structure that is no unit. */
static enum iommusim_status no_unit(struct vtd_driver *driver)
{
	const struct iommusim_dmar *dmar = driver->dmar;
	const char *first =
	    dmar->structure_count == 0 ? NULL : iommusim_dmar_type_name(dmar->structures[0].type);
	char text[256];

	if (is_damaged(dmar))
		return bad_table(driver, first_damage(dmar));
	if (driver->common.vmm->init_report.units_named == 0 || first == NULL)
		snprintf(text, sizeof(text),
		    "no remapping unit: the DMAR table is there (%u bytes, checksum %s) but names none",
		    dmar->length, dmar->checksum_ok ? "good" : "wrong");
	else
		snprintf(text, sizeof(text),
		    "no remapping unit: the DMAR table is there (%u bytes, checksum %s, %u units) but "
		    "its first structure is %s %s, and this backend stops at the first structure "
		    "that is no unit (profile %s)",
		    dmar->length, dmar->checksum_ok ? "good" : "wrong",
		    driver->common.vmm->init_report.units_named,
		    strchr("AR", first[0]) != NULL ? "an" : "a", first,
		    driver->common.vmm->profile->name);
	return fail(driver, IOMMUSIM_INIT_NO_UNIT, text,
	    driver->common.vmm->init_report.units_named == 0
		? "turn VT-d on in the firmware set-up; if it is on, the firmware's table is at fault"
		: "only newer firmware, or a backend that reads the whole table, helps");
}

static size_t unit_limit(const struct vtd_driver *driver)
{
	const enum policy_value units = vmm_policy(driver->common.vmm, COLUMN_units);

	return units == POLICY_units_EIGHT ? 8 : units == POLICY_units_SIXTEEN ? 16 : SIZE_MAX;
}

/* The units of the table, as far as this driver reads it and as many as it keeps. */
static enum iommusim_status list_units(struct vtd_driver *driver)
{
	const bool all = vmm_policy(driver->common.vmm, COLUMN_table_walk) == POLICY_table_walk_ALL;
	const struct iommusim_dmar *dmar = driver->dmar;

	if (dmar->structure_count > 0) {
		driver->units = machine_alloc_zeroed(
		    driver->common.machine, dmar->structure_count * sizeof(*driver->units));
		if (driver->units == NULL)
			return machine_fail(
			    driver->common.machine, IOMMUSIM_ENOMEM, "no memory for units");
	}
	for (uint32_t i = 0; i < dmar->structure_count; i++) {
		const struct iommusim_dmar_structure *drhd = &dmar->structures[i];

		if (is_cut(dmar, drhd))
			break;
		if (drhd->type != IOMMUSIM_DMAR_DRHD) {
			if (!all)
				break;
			continue;
		}
		if (driver->unit_count == unit_limit(driver))
			break;
		driver->units[driver->unit_count++] =
		    (struct vtd_driver_unit){ .drhd = drhd, .base = drhd->base };
	}
	driver->common.vmm->init_report.units_used = (uint32_t)driver->unit_count;
	return driver->unit_count == 0 ? no_unit(driver) : IOMMUSIM_OK;
}

/* Units at addresses that the loader was told, whatever firmware says. False: it was told none. */
static bool list_told(struct vtd_driver *driver, enum iommusim_status *status)
{
	static const enum vmm_sysctl tunables[] = { SYSCTL_regmap0, SYSCTL_regmap1 };
	const uint64_t *values = driver->common.vmm->sysctls;

	*status = IOMMUSIM_OK;
	if (vmm_policy(driver->common.vmm, COLUMN_regmap) != POLICY_regmap_ALONE ||
	    values[tunables[0]] == 0)
		return false;
	driver->told = true;
	driver->units = machine_alloc_zeroed(driver->common.machine, 2 * sizeof(*driver->units));
	if (driver->units == NULL) {
		*status = machine_fail(driver->common.machine, IOMMUSIM_ENOMEM, "no memory for units");
		return true;
	}
	for (unsigned i = 0; i < 2 && values[tunables[i]] != 0; i++)
		driver->units[driver->unit_count++] =
		    (struct vtd_driver_unit){ .base = values[tunables[i]] };
	driver->common.vmm->init_report.units_used = (uint32_t)driver->unit_count;
	return true;
}

/* Of leaves: 1 GiB. */
#define LARGEST_LEVEL 3u

/* 2 MiB leaves without 1 GiB ones are 1, both 3; hardware may have the larger ones alone, which helps nobody. */
static unsigned largest_level(const struct vtd_driver_unit *unit)
{
	const uint64_t sizes = vtd_CAP_SSLPS(unit->capability);

	return (sizes & 1) == 0 ? 1 : (sizes & 2) == 0 ? 2 : LARGEST_LEVEL;
}

static enum iommusim_status taken(struct vtd_driver *driver, const struct vtd_driver_unit *unit)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "another driver has turned the unit at 0x%llx on: the two cannot both have it",
	    (unsigned long long)unit->base);
	return driver_give_up(&driver->common, IOMMUSIM_EBUSY, IOMMUSIM_INIT_TAKEN, text,
	    "set hw.dmar.enable=0 in loader.conf, or do without passthrough");
}

/* Read what each unit can do; what they all can is what domains may use. */
static enum iommusim_status probe_units(struct vtd_driver *driver)
{
	char text[256];

	driver->common.domain_limit = UINT32_MAX;
	driver->widths = 0xff;
	driver->buffers = false;
	driver->common.largest_leaf = LARGEST_LEVEL;
	for (size_t i = 0; i < driver->unit_count; i++) {
		struct vtd_driver_unit *unit = &driver->units[i];
		uint64_t version = vtd_driver_read(driver, unit, vtd_VER_at, 4), domains;

		if (version == UINT32_MAX || version == 0) {
			snprintf(text, sizeof(text),
			    "the DMAR table names a unit at 0x%llx, and nothing answers there",
			    (unsigned long long)unit->base);
			return fail(driver, IOMMUSIM_INIT_NO_HARDWARE, text,
			    "the firmware's table and the machine do not agree: newer firmware may "
			    "help");
		}
		unit->version = version;
		unit->capability = vtd_driver_read(driver, unit, vtd_CAP_at, 8);
		unit->ext_capability = vtd_driver_read(driver, unit, vtd_ECAP_at, 8);
		domains = UINT64_C(1) << (4 + 2 * vtd_CAP_ND(unit->capability));
		if (domains < driver->common.domain_limit)
			driver->common.domain_limit = (uint32_t)domains;
		driver->widths &= (uint8_t)vtd_CAP_SAGAW(unit->capability);
		driver->buffers |= vtd_CAP_RWBF(unit->capability) != 0;
		if (largest_level(unit) < driver->common.largest_leaf)
			driver->common.largest_leaf = (uint8_t)largest_level(unit);
		if (vtd_driver_is_taken(driver, unit) &&
		    vmm_policy(driver->common.vmm, COLUMN_owner) == POLICY_owner_REFUSES)
			return taken(driver, unit);
		if (!vtd_CAP_CM(unit->capability))
			continue;
		snprintf(text, sizeof(text),
		    "the unit at 0x%llx has caching mode (CM=1), which this backend does not handle",
		    (unsigned long long)unit->base);
		return fail(driver, IOMMUSIM_INIT_UNSUPPORTED, text, "");
	}
	/* A driver that does not look finds out at its first domain, and panics. */
	if ((driver->widths & 0xe) == 0 &&
	    vmm_policy(driver->common.vmm, COLUMN_violation) == POLICY_violation_ERROR)
		return fail(driver, IOMMUSIM_INIT_UNSUPPORTED,
		    "the units have no address width in common (CAP.SAGAW): no page table suits them "
		    "all",
		    "");
	return IOMMUSIM_OK;
}

enum iommusim_status vtd_driver_find_units(struct vtd_driver *driver)
{
	enum iommusim_status status;

	if (!list_told(driver, &status)) {
		status = read_table(driver);
		if (status == IOMMUSIM_OK)
			status = list_units(driver);
	}
	if (status == IOMMUSIM_OK)
		status = probe_units(driver);
	if (status != IOMMUSIM_OK)
		vtd_driver_forget_units(driver);
	return status;
}

void vtd_driver_forget_units(struct vtd_driver *driver)
{
	if (driver->told)
		machine_free(driver->common.machine, driver->units, 2 * sizeof(*driver->units));
	else if (driver->dmar != NULL)
		machine_free(driver->common.machine, driver->units,
		    driver->dmar->structure_count * sizeof(*driver->units));
	driver->told = false;
	driver->units = NULL;
	driver->unit_count = 0;
	iommusim_dmar_free(driver->dmar);
	driver->dmar = NULL;
}

/* ---- the unit of a device ------------------------------------------------------------------------ */

static bool is_device_scope(const struct iommusim_dmar_scope *scope)
{
	return scope->type == IOMMUSIM_SCOPE_ENDPOINT || scope->type == IOMMUSIM_SCOPE_BRIDGE;
}

/* Start bus equal to the device's bus, and the device somewhere in the path. */
static bool matches_by_start_bus(const struct iommusim_dmar_scope *scope, uint16_t rid)
{
	if (!is_device_scope(scope) || scope->start_bus != IOMMUSIM_RID_BUS(rid))
		return false;
	for (unsigned i = 0; i < scope->hop_count; i++)
		if (scope->hops[i].device == IOMMUSIM_RID_DEVICE(rid) &&
		    scope->hops[i].function == IOMMUSIM_RID_FUNCTION(rid))
			return true;
	return false;
}

/* The first unit in the table that takes the device; INCLUDE_PCI_ALL takes every one. */
static const struct vtd_driver_unit *unit_by_start_bus(const struct vtd_driver *driver, uint16_t rid)
{
	for (size_t i = 0; i < driver->unit_count; i++) {
		const struct iommusim_dmar_structure *drhd = driver->units[i].drhd;

		if ((drhd->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0)
			return &driver->units[i];
		for (uint32_t s = 0; s < drhd->scope_count; s++)
			if (matches_by_start_bus(&drhd->scopes[s], rid))
				return &driver->units[i];
	}
	return NULL;
}

/* Follow a path through the bridges that PCI configuration space shows (VT-d 8.3.1). */
static bool follow_path(const struct vtd_driver *driver, uint16_t segment,
    const struct iommusim_dmar_scope *scope, uint16_t *rid)
{
	unsigned bus = scope->start_bus;

	for (unsigned i = 0; i < scope->hop_count; i++) {
		const struct iommusim_pci_function *function;

		*rid = IOMMUSIM_RID(bus, scope->hops[i].device, scope->hops[i].function);
		if (i + 1 == scope->hop_count)
			return true;
		function = iommusim_pci_find(driver->common.machine, segment, *rid);
		if (function == NULL || function->type == IOMMUSIM_PCI_ENDPOINT)
			return false;
		bus = function->secondary_bus;
	}
	return false;
}

static bool matches_by_topology(const struct vtd_driver *driver, uint16_t segment,
    const struct iommusim_dmar_scope *scope, uint16_t rid)
{
	uint16_t named;

	if (!is_device_scope(scope) || !follow_path(driver, segment, scope, &named))
		return false;
	return named == rid ||
	    (scope->type == IOMMUSIM_SCOPE_BRIDGE &&
		iommusim_pci_is_behind(driver->common.machine, segment, rid, named));
}

static const struct vtd_driver_unit *unit_by_topology(
    const struct vtd_driver *driver, uint16_t segment, uint16_t rid)
{
	const struct vtd_driver_unit *all = NULL;

	for (size_t i = 0; i < driver->unit_count; i++) {
		const struct iommusim_dmar_structure *drhd = driver->units[i].drhd;

		if (drhd->segment != segment)
			continue;
		for (uint32_t s = 0; s < drhd->scope_count; s++)
			if (matches_by_topology(driver, segment, &drhd->scopes[s], rid))
				return &driver->units[i];
		if ((drhd->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0)
			all = &driver->units[i];
	}
	return all;
}

const struct vtd_driver_unit *vtd_driver_unit_for(
    const struct vtd_driver *driver, uint16_t segment, uint16_t rid)
{
	if (vmm_policy(driver->common.vmm, COLUMN_unit_choice) == POLICY_unit_choice_FIRST)
		return &driver->units[0];
	if (driver->told)
		return NULL; /* there is no table to look through */
	if (vmm_policy(driver->common.vmm, COLUMN_scope) == POLICY_scope_START_BUS)
		return unit_by_start_bus(driver, rid);
	return unit_by_topology(driver, segment, rid);
}
