/*
 * The built-in AMD-Vi backend's iommu_ops: domains, mappings, devices. Finding units is
 * amdvi_driver_ivrs.c, programming them amdvi_driver_hw.c.
 */
#include "vmm/amdvi_driver.h"

#include "machine/memory_access.h"
#include "models/formats/amd_host.h"

/* Levels of a domain's table, unless it has to reach further. */
#define USUAL_LEVELS 4u

#define DOMAIN_IDS 65536u

/* Of leaves that go with the size of a level: 1 GiB, which every unit knows (AMD-Vi 2.2.3). */
#define LARGEST_LEVEL 3u

struct amdvi_driver *amdvi_driver_create(struct iommusim_vmm *vmm)
{
	struct amdvi_driver *driver = machine_alloc_zeroed(vmm->machine, sizeof(*driver));

	if (driver == NULL) {
		machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for the AMD-Vi backend");
		return NULL;
	}
	driver_begin(&driver->common, "amdvi", vmm);
	driver->common.domain_limit = DOMAIN_IDS;
	driver->common.largest_leaf = LARGEST_LEVEL;
	return driver;
}

void amdvi_driver_destroy(struct amdvi_driver *driver)
{
	if (driver == NULL)
		return;
	driver_end(&driver->common);
	amdvi_driver_forget_units(driver);
	machine_free(driver->common.machine, driver, sizeof(*driver));
}

/* ---- device table entries ------------------------------------------------------------------------ */

static uint64_t entry_address(const struct amdvi_driver *driver, uint16_t rid)
{
	return driver->devices + rid * AMDVI_DEVICE_BYTES;
}

/* An entry that blocks all DMA: valid, and no translation in it. An entry of zeroes would let all pass. */
static void block_device(struct amdvi_driver *driver, uint16_t rid)
{
	uint64_t entry[AMDVI_QUADS] = { 0 };

	amdvi_dte_set_V(entry, 1);
	/* What leads to tables goes first, and what belongs to it after that. */
	driver_store(&driver->common, entry_address(driver, rid), entry[0]);
	driver_store_entry(&driver->common, entry_address(driver, rid), entry, AMDVI_QUADS);
}

/* The same for a page of entries, of a table that no unit has been told of yet. */
static void fill_blocked(struct amdvi_driver *driver, uint64_t page)
{
	uint64_t *quads = driver_table_at(&driver->common, page), entry[AMDVI_QUADS] = { 0 };

	amdvi_dte_set_V(entry, 1);
	for (size_t quad = 0; quad < IOMMUSIM_PAGE_SIZE / sizeof(*quads); quad++)
		quads[quad] = entry[quad % AMDVI_QUADS];
	iommusim_memory_flush(driver->common.machine, page, IOMMUSIM_PAGE_SIZE);
	iommusim_memory_stored(driver->common.machine, page, IOMMUSIM_PAGE_SIZE);
}

/* The entry of an id, with what firmware wants of the function that carries it. */
static void store_device(struct amdvi_driver *driver, const struct amdvi_driver_unit *unit,
    const struct driver_domain *domain, uint16_t rid, uint16_t id)
{
	uint64_t entry[AMDVI_QUADS] = { 0 };

	amdvi_dte_set_V(entry, 1);
	amdvi_dte_set_TV(entry, 1);
	amdvi_dte_set_MODE(entry, domain->table.levels);
	amdvi_dte_set_ROOT(entry, domain->table.root >> IOMMUSIM_PAGE_SHIFT);
	amdvi_dte_set_IR(entry, 1);
	amdvi_dte_set_IW(entry, 1);
	amdvi_dte_set_DOMAIN_ID(entry, domain->id);
	amdvi_dte_set_SE(entry, 1); /* one event tells as much as a thousand */
	amdvi_driver_apply_setting(driver, unit, rid, entry);
	driver_store_entry(&driver->common, entry_address(driver, id), entry, AMDVI_QUADS);
}

/* Is the entry in use? Functions that share an id share its domain. */
static bool is_taken(
    const struct amdvi_driver *driver, const struct driver_domain *domain, uint16_t rid, uint16_t id)
{
	uint64_t entry[AMDVI_QUADS] = { 0 };

	for (unsigned quad = 0; quad < 2; quad++)
		memory_load64(&driver->common.machine->memory,
		    entry_address(driver, id) + quad * UINT64_C(8), true, &entry[quad]);
	return amdvi_dte_TV(entry) != 0 && (rid == id || amdvi_dte_DOMAIN_ID(entry) != domain->id);
}

/* ---- init, enable, disable, cleanup --------------------------------------------------------------- */

/* Device table, completion word and rings: made once, and never given back. */
static enum iommusim_status make_tables(struct amdvi_driver *driver)
{
	const uint64_t pages = AMDVI_DEVICE_PAGES + 1 + 2 * driver->unit_count;

	if (driver->units_with_rings < driver->unit_count) {
		if (!pages_take_row(&driver->common.vmm->pages, pages, &driver->devices))
			return machine_fail(driver->common.machine, IOMMUSIM_ENOMEM,
			    "no %llu pages in a row for the device table and the rings",
			    (unsigned long long)pages);
		driver->units_with_rings = driver->unit_count;
	}
	for (uint64_t page = 0; page < pages; page++)
		driver_table_clear(&driver->common, driver->devices + page * IOMMUSIM_PAGE_SIZE);
	driver->completion = driver->devices + AMDVI_DEVICE_PAGES * IOMMUSIM_PAGE_SIZE;
	for (size_t i = 0; i < driver->unit_count; i++) {
		driver->units[i].commands = driver->completion + (2 * i + 1) * IOMMUSIM_PAGE_SIZE;
		driver->units[i].events = driver->units[i].commands + IOMMUSIM_PAGE_SIZE;
	}
	if (vmm_policy(driver->common.vmm, COLUMN_amd_idle) == POLICY_amd_idle_BLOCKED)
		for (uint64_t page = 0; page < AMDVI_DEVICE_PAGES; page++)
			fill_blocked(driver, driver->devices + page * IOMMUSIM_PAGE_SIZE);
	return IOMMUSIM_OK;
}

static enum iommusim_status amdvi_init(void *context)
{
	struct amdvi_driver *driver = context;
	enum iommusim_status status = amdvi_driver_find_units(driver);

	if (status != IOMMUSIM_OK)
		return status;
	status = make_tables(driver);
	if (status != IOMMUSIM_OK)
		amdvi_driver_forget_units(driver);
	for (size_t i = 0; i < driver->unit_count; i++)
		amdvi_driver_set_up_unit(driver, &driver->units[i]);
	driver->next_id = 0;
	return status;
}

static void amdvi_cleanup(void *context)
{
	amdvi_driver_forget_units(context);
}

static void amdvi_enable(void *context)
{
	struct amdvi_driver *driver = context;

	for (size_t i = 0; i < driver->unit_count; i++)
		if (amdvi_driver_enable_unit(driver, &driver->units[i]) != IOMMUSIM_OK)
			vmm_print(driver->common.vmm, "amdvi: %s",
			    iommusim_machine_diagnostic(driver->common.machine)->text);
}

/*
 * A unit takes commands only while it translates: what it keeps has to go before it is turned off, or it is there
 * when it is turned on again. Nothing leads to tables then that it could fetch anew.
 */
static void block_all(struct amdvi_driver *driver)
{
	for (uint32_t rid = 0; rid < AMDVI_DEVICES; rid++) {
		uint64_t entry[AMDVI_QUADS] = { 0 };

		memory_load64(&driver->common.machine->memory, entry_address(driver, (uint16_t)rid),
		    true, &entry[0]);
		if (amdvi_dte_TV(entry))
			block_device(driver, (uint16_t)rid);
	}
	for (size_t i = 0; i < driver->unit_count; i++)
		amdvi_driver_flush_unit(driver, &driver->units[i]);
}

static void amdvi_disable(void *context)
{
	struct amdvi_driver *driver = context;

	if (vmm_policy(driver->common.vmm, COLUMN_amd_commands) == POLICY_amd_commands_ROOM)
		block_all(driver);
	for (size_t i = 0; i < driver->unit_count; i++)
		amdvi_driver_disable_unit(driver, &driver->units[i]);
}

/* ---- domains --------------------------------------------------------------------------------- */

/* Levels that reach `max_address`; 0 when no unit's do. */
static unsigned choose_levels(const struct amdvi_driver *driver, uint64_t max_address)
{
	for (unsigned levels = USUAL_LEVELS; levels <= driver->levels; levels++)
		if (levels == PAGE_TABLE_LEVELS ||
		    max_address <= UINT64_C(1) << page_level_shift(levels + 1))
			return levels;
	return 0;
}

/* The id of the next domain. Counted ones begin with the host's 0, and return to 1 whoever has it. */
static bool choose_id(struct amdvi_driver *driver, uint32_t *id)
{
	if (vmm_policy(driver->common.vmm, COLUMN_amd_domain_id) == POLICY_amd_domain_id_FREE) {
		*id = driver_free_id(&driver->common);
		return *id != 0;
	}
	if (driver->next_id == DOMAIN_IDS - 1)
		driver->next_id = 1;
	*id = driver->next_id++;
	return true;
}

static enum iommusim_status amdvi_create_domain(void *context, uint64_t max_address, void **out)
{
	struct amdvi_driver *driver = context;
	const unsigned levels = choose_levels(driver, max_address);
	struct driver_domain *domain;
	enum iommusim_status status;
	uint32_t id;

	if (levels == 0)
		return vmm_violation(driver->common.vmm, IOMMUSIM_EINVAL,
		    "amdvi_create_domain: no number of levels reaches 0x%llx",
		    (unsigned long long)max_address);
	if (!choose_id(driver, &id))
		return vmm_violation(
		    driver->common.vmm, IOMMUSIM_EBUSY, "amdvi_create_domain: no domain id is free");
	status = driver_domain_create(&driver->common, &amd_host, id, levels, max_address, &domain);
	if (status != IOMMUSIM_OK)
		return status;
	status = amdvi_driver_flush_domain(driver, id); /* whatever an earlier owner of the id left */
	if (status == IOMMUSIM_OK)
		*out = domain;
	else
		driver_domain_destroy(&driver->common, domain, &amd_host);
	return status;
}

static void amdvi_destroy_domain(void *context, void *handle)
{
	struct amdvi_driver *driver = context;
	const uint32_t id = ((const struct driver_domain *)handle)->id;
	const bool first = vmm_policy(driver->common.vmm, COLUMN_destroy) == POLICY_destroy_FLUSH;

	if (first)
		amdvi_driver_flush_domain(driver, id);
	driver_domain_destroy(&driver->common, handle, &amd_host);
	if (!first) /* too late for a walk that is under way */
		amdvi_driver_flush_domain(driver, id);
}

static enum iommusim_status amdvi_create_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	return driver_map(&amd_host, context, handle, gpa, hpa, length, done);
}

static enum iommusim_status amdvi_create_mapping_list(
    void *context, void *handle, uint64_t gpa, const uint64_t *pages, size_t count, size_t *done)
{
	return driver_map_list(&amd_host, context, handle, gpa, pages, count, done);
}

static enum iommusim_status amdvi_remove_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	return driver_unmap(&amd_host, context, handle, gpa, length, done);
}

enum iommusim_status amdvi_driver_remove_blindly(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	driver_unmap_blindly(&amd_host, context, handle, gpa, length);
	*done = length;
	return IOMMUSIM_OK;
}

static enum iommusim_status amdvi_invalidate_tlb(void *context, void *handle)
{
	struct driver_domain *domain = handle;
	enum iommusim_status status = amdvi_driver_flush_domain(context, domain->id);

	if (status == IOMMUSIM_OK)
		driver_domain_forgotten(domain, &amd_host, 0, 0);
	return status;
}

/* With entries that point at tables, where some of those may have gone. */
static enum iommusim_status amdvi_invalidate_range(
    void *context, void *handle, uint64_t gpa, uint64_t length)
{
	struct driver_domain *domain = handle;
	enum iommusim_status status = amdvi_driver_flush_pages(
	    context, domain->id, gpa, driver_order(gpa, length), domain->dropped_count > 0);

	if (status == IOMMUSIM_OK)
		driver_domain_forgotten(domain, &amd_host, gpa, length);
	return status;
}

/* ---- devices --------------------------------------------------------------------------------- */

static enum iommusim_status no_unit(struct amdvi_driver *driver, uint16_t rid)
{
	if (vmm_policy(driver->common.vmm, COLUMN_amd_unit) == POLICY_amd_unit_SKIPPED)
		return IOMMUSIM_OK;
	return machine_fail(driver->common.machine, IOMMUSIM_ENXIO,
	    "amdvi_add_device: no unit governs %02x:%02x.%u", IOMMUSIM_RID_BUS(rid),
	    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
}

static enum iommusim_status amdvi_add_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct amdvi_driver *driver = context;
	struct amdvi_driver_unit *unit = amdvi_driver_unit_for(driver, segment, rid);
	struct driver_domain *domain = handle;
	enum iommusim_status status;
	uint16_t id;

	if (unit == NULL)
		return no_unit(driver, rid);
	id = amdvi_driver_device_id(driver, unit, rid);
	if (is_taken(driver, domain, rid, id) &&
	    vmm_policy(driver->common.vmm, COLUMN_amd_remove) == POLICY_amd_remove_BLOCKED)
		return machine_fail(driver->common.machine, IOMMUSIM_EBUSY,
		    "amdvi_add_device: %02x:%02x.%u is in a domain already", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	status = amdvi_driver_map_memory(driver, domain, segment, rid, id);
	if (status != IOMMUSIM_OK)
		return status;
	store_device(driver, unit, domain, rid, id);
	return amdvi_driver_flush_device(driver, unit, id);
}

static enum iommusim_status amdvi_remove_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct amdvi_driver *driver = context;
	struct amdvi_driver_unit *unit = amdvi_driver_unit_for(driver, segment, rid);
	uint16_t id;

	(void)handle;
	if (unit == NULL)
		return IOMMUSIM_OK;
	id = amdvi_driver_device_id(driver, unit, rid);
	/* Where the entry is left, its domain id is what would be written, and it is that already. */
	if (vmm_policy(driver->common.vmm, COLUMN_amd_remove) == POLICY_amd_remove_BLOCKED)
		block_device(driver, id);
	return amdvi_driver_flush_device(driver, unit, id);
}

const struct iommusim_ops amdvi_driver_ops = {
	.name = "AMD-Vi",
	.init = amdvi_init,
	.cleanup = amdvi_cleanup,
	.enable = amdvi_enable,
	.disable = amdvi_disable,
	.create_domain = amdvi_create_domain,
	.destroy_domain = amdvi_destroy_domain,
	.create_mapping = amdvi_create_mapping,
	.create_mapping_list = amdvi_create_mapping_list,
	.remove_mapping = amdvi_remove_mapping,
	.add_device = amdvi_add_device,
	.remove_device = amdvi_remove_device,
	.invalidate_tlb = amdvi_invalidate_tlb,
	.invalidate_range = amdvi_invalidate_range,
};
