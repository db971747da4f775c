/*
 * The built-in VT-d backend's iommu_ops: domains, mappings, devices. Finding units is
 * vtd_driver_dmar.c, programming them vtd_driver_hw.c.
 */
#include "vmm/vtd_driver.h"

#include "machine/memory_access.h"
#include "models/formats/vtd_second_stage.h"

/* Translation types of a context entry (VT-d 9.3). */
enum { TT_UNTRANSLATED_ONLY = 0, TT_ALL = 1 };

/* Levels of the tables that AW 0 would mean. */
#define FIRST_WIDTH_LEVELS 2u

struct vtd_driver *vtd_driver_create(struct iommusim_vmm *vmm)
{
	struct vtd_driver *driver = machine_alloc_zeroed(vmm->machine, sizeof(*driver));

	if (driver == NULL) {
		machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for the VT-d backend");
		return NULL;
	}
	driver_begin(&driver->common, "vtd", vmm);
	return driver;
}

void vtd_driver_destroy(struct vtd_driver *driver)
{
	if (driver == NULL)
		return;
	driver_end(&driver->common);
	vtd_driver_forget_units(driver);
	machine_free(driver->common.machine, driver->devices,
	    driver->device_capacity * sizeof(*driver->devices));
	machine_free(driver->common.machine, driver, sizeof(*driver));
}

/* ---- init, enable, disable, cleanup --------------------------------------------------------------- */

/* The root table and one context table a bus: made once, and never given back. */
static enum iommusim_status make_root(struct vtd_driver *driver)
{
	uint64_t entry[2];

	/* A module that is loaded anew has new tables: what the last life left in them is gone. */
	if (driver->root == 0 && !driver_table_allocate(&driver->common, &driver->root))
		return machine_fail(
		    driver->common.machine, IOMMUSIM_ENOMEM, "no page for the root table");
	for (unsigned bus = 0; bus < VTD_BUSES; bus++) {
		if (driver->contexts[bus] != 0)
			driver_table_clear(&driver->common, driver->contexts[bus]);
		else if (!driver_table_allocate(&driver->common, &driver->contexts[bus]))
			return machine_fail(
			    driver->common.machine, IOMMUSIM_ENOMEM, "no page for a context table");
		entry[0] = entry[1] = 0;
		vtd_root_entry_set_P(entry, 1);
		vtd_root_entry_set_CTP(entry, driver->contexts[bus] >> IOMMUSIM_PAGE_SHIFT);
		driver_store_entry(&driver->common, driver->root + bus * UINT64_C(16), entry, 2);
	}
	return IOMMUSIM_OK;
}

static enum iommusim_status driver_init(void *context)
{
	struct vtd_driver *driver = context;
	enum iommusim_status status = vtd_driver_find_units(driver);

	if (status == IOMMUSIM_OK) {
		status = make_root(driver);
		if (status != IOMMUSIM_OK)
			vtd_driver_forget_units(driver);
	}
	return status;
}

static void driver_cleanup(void *context)
{
	struct vtd_driver *driver = context;

	driver->device_count = 0;
	vtd_driver_forget_units(driver);
}

static void driver_enable(void *context)
{
	struct vtd_driver *driver = context;

	for (size_t i = 0; i < driver->unit_count; i++)
		if (vtd_driver_enable_unit(driver, &driver->units[i]) != IOMMUSIM_OK)
			vmm_print(driver->common.vmm, "vtd: %s",
			    iommusim_machine_diagnostic(driver->common.machine)->text);
}

static void driver_disable(void *context)
{
	struct vtd_driver *driver = context;

	for (size_t i = 0; i < driver->unit_count; i++)
		vtd_driver_disable_unit(driver, &driver->units[i]);
}

/* ---- domains --------------------------------------------------------------------------------- */

/* The smallest width every unit has that reaches `max_address`; 0 when there is none. */
static unsigned choose_width(const struct vtd_driver *driver, uint64_t max_address)
{
	for (unsigned code = 1; code <= 3; code++)
		if ((driver->widths >> code & 1) != 0 && max_address <= UINT64_C(1) << (30 + 9 * code))
			return code;
	return 0;
}

static enum iommusim_status driver_create_domain(void *context, uint64_t max_address, void **out)
{
	struct vtd_driver *driver = context;
	const unsigned code = choose_width(driver, max_address);
	const uint32_t id = driver_free_id(&driver->common);
	struct driver_domain *domain;
	enum iommusim_status status;

	if (code == 0)
		return vmm_violation(driver->common.vmm, IOMMUSIM_EINVAL,
		    "vtd_create_domain: no supported address width reaches 0x%llx",
		    (unsigned long long)max_address);
	if (id == 0)
		return vmm_violation(
		    driver->common.vmm, IOMMUSIM_EBUSY, "vtd_create_domain: no domain id is free");
	status = driver_domain_create(
	    &driver->common, &vtd_second_stage, id, code + FIRST_WIDTH_LEVELS, max_address, &domain);
	if (status != IOMMUSIM_OK)
		return status;
	domain->stores_suffice &= !driver->buffers;
	*out = domain;
	return IOMMUSIM_OK;
}

static void driver_destroy_domain(void *context, void *handle)
{
	struct vtd_driver *driver = context;

	if (vmm_policy(driver->common.vmm, COLUMN_destroy) == POLICY_destroy_FLUSH)
		vtd_driver_flush_all(driver);
	driver_domain_destroy(&driver->common, handle, &vtd_second_stage);
}

/* ---- mappings -------------------------------------------------------------------------------- */

static enum iommusim_status driver_create_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct vtd_driver *driver = context;
	enum iommusim_status status =
	    driver_map(&vtd_second_stage, &driver->common, handle, gpa, hpa, length, done);

	if (status == IOMMUSIM_OK && driver->buffers)
		status = vtd_driver_flush_stores(driver);
	return status;
}

static enum iommusim_status driver_create_mapping_list(
    void *context, void *handle, uint64_t gpa, const uint64_t *pages, size_t count, size_t *done)
{
	struct vtd_driver *driver = context;
	/* A flush that fails is one page's, as it is in a call for one page. */
	enum iommusim_status status = driver_map_list(
	    &vtd_second_stage, &driver->common, handle, gpa, pages, driver->buffers ? 1 : count, done);

	if (status == IOMMUSIM_OK && driver->buffers)
		status = vtd_driver_flush_stores(driver);
	return status;
}

static enum iommusim_status driver_remove_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	return driver_unmap(&vtd_second_stage, context, handle, gpa, length, done);
}

enum iommusim_status vtd_driver_remove_blindly(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	driver_unmap_blindly(&vtd_second_stage, context, handle, gpa, length);
	*done = length;
	return IOMMUSIM_OK;
}

/* ---- devices --------------------------------------------------------------------------------- */

static uint64_t context_address(const struct vtd_driver *driver, uint16_t rid)
{
	return driver->contexts[rid >> 8] + (rid & 0xff) * UINT64_C(16);
}

static enum iommusim_status driver_add_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct vtd_driver *driver = context;
	const struct driver_domain *domain = handle;
	const struct vtd_driver_unit *unit = vtd_driver_unit_for(driver, segment, rid);
	const uint64_t address = context_address(driver, rid);
	uint64_t entry[2] = { 0, 0 };

	if (unit == NULL && driver->told) /* since r349184, by reading */
		return vmm_panic(driver->common.vmm,
		    "vtd_device_scope: page fault at address 0: vtd.regmap left the list of units "
		    "empty");
	if (unit == NULL)
		return vmm_violation(driver->common.vmm, IOMMUSIM_ENXIO,
		    "vtd_add_device: no unit governs %02x:%02x.%u", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	memory_load64(&driver->common.machine->memory, address, true, &entry[0]);
	if (vtd_context_entry_P(entry))
		return vmm_violation(driver->common.vmm, IOMMUSIM_EBUSY,
		    "vtd_add_device: %02x:%02x.%u is in a domain already", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	if (!vtd_driver_device_room(driver))
		return machine_fail(
		    driver->common.machine, IOMMUSIM_ENOMEM, "no memory for another device");
	entry[0] = 0;
	vtd_context_entry_set_P(entry, 1);
	vtd_context_entry_set_TT(
	    entry, vtd_ECAP_DT(unit->ext_capability) ? TT_ALL : TT_UNTRANSLATED_ONLY);
	vtd_context_entry_set_SSPTPTR(entry, domain->table.root >> IOMMUSIM_PAGE_SHIFT);
	vtd_context_entry_set_AW(entry, domain->table.levels - FIRST_WIDTH_LEVELS);
	vtd_context_entry_set_DID(entry, domain->id);
	driver_store_entry(&driver->common, address, entry, 2);
	vtd_driver_device_added(driver,
	    &(struct vtd_driver_device){
		.segment = segment,
		.rid = rid,
		.id = domain->id,
		.unit = (size_t)(unit - driver->units),
	    });
	return driver->buffers ? vtd_driver_flush_stores(driver) : IOMMUSIM_OK;
}

static enum iommusim_status driver_remove_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct vtd_driver *driver = context;
	const uint64_t cleared[2] = { 0, 0 };
	enum iommusim_status status;

	(void)handle;
	/* Present goes first here, and the other half after it. */
	driver_store(&driver->common, context_address(driver, rid), 0);
	driver_store_entry(&driver->common, context_address(driver, rid), cleared, 2);
	status = vtd_driver_flush_all(driver);
	return status == IOMMUSIM_OK ? vtd_driver_device_removed(driver, segment, rid) : status;
}

/* On every unit; with everybody else's translations, as the profile has it. */
static enum iommusim_status driver_invalidate_tlb(void *context, void *handle)
{
	struct vtd_driver *driver = context;
	struct driver_domain *domain = handle;

	const bool selective = vmm_policy(driver->common.vmm, COLUMN_reach) == POLICY_reach_SELECTIVE;
	enum iommusim_status status = selective ? vtd_driver_flush_pages(driver, domain->id, 0, 64)
						: vtd_driver_flush_iotlb(driver);

	if (status == IOMMUSIM_OK)
		status = vtd_driver_flush_devices(driver, domain->id, 0, 64);
	if (status == IOMMUSIM_OK)
		driver_domain_forgotten(domain, &vtd_second_stage, 0, 0);
	return status;
}

static enum iommusim_status driver_invalidate_range(
    void *context, void *handle, uint64_t gpa, uint64_t length)
{
	struct driver_domain *domain = handle;
	const unsigned order = driver_order(gpa, length);
	enum iommusim_status status = vtd_driver_flush_pages(context, domain->id, gpa, order);

	if (status == IOMMUSIM_OK)
		status = vtd_driver_flush_devices(context, domain->id, gpa, order);
	if (status == IOMMUSIM_OK)
		driver_domain_forgotten(domain, &vtd_second_stage, gpa, length);
	return status;
}

const struct iommusim_ops vtd_driver_ops = {
	.name = "VT-d",
	.init = driver_init,
	.cleanup = driver_cleanup,
	.enable = driver_enable,
	.disable = driver_disable,
	.create_domain = driver_create_domain,
	.destroy_domain = driver_destroy_domain,
	.create_mapping = driver_create_mapping,
	.create_mapping_list = driver_create_mapping_list,
	.remove_mapping = driver_remove_mapping,
	.add_device = driver_add_device,
	.remove_device = driver_remove_device,
	.invalidate_tlb = driver_invalidate_tlb,
	.invalidate_range = driver_invalidate_range,
};
