/*
 * The built-in VT-d backend's iommu_ops: domains, mappings, devices. Finding units is
 * vtd_driver_dmar.c, programming them vtd_driver_hw.c.
 */
#include "vmm/vtd_driver.h"

#include <string.h>

#include "machine/memory_access.h"
#include "models/formats/vtd_second_stage.h"

/* Translation types of a context entry (VT-d 9.3). */
enum { TT_UNTRANSLATED_ONLY = 0, TT_ALL = 1 };

struct vtd_driver *vtd_driver_create(struct iommusim_vmm *vmm)
{
	struct vtd_driver *driver = machine_alloc_zeroed(vmm->machine, sizeof(*driver));

	if (driver == NULL) {
		machine_fail(vmm->machine, IOMMUSIM_ENOMEM, "no memory for the VT-d backend");
		return NULL;
	}
	driver->vmm = vmm;
	driver->machine = vmm->machine;
	TAILQ_INIT(&driver->domains);
	return driver;
}

void vtd_driver_destroy(struct vtd_driver *driver)
{
	struct vtd_domain *domain;

	if (driver == NULL)
		return;
	while ((domain = TAILQ_FIRST(&driver->domains)) != NULL) {
		TAILQ_REMOVE(&driver->domains, domain, link);
		machine_free(driver->machine, domain, sizeof(*domain));
	}
	driver_forget_units(driver);
	machine_free(driver->machine, driver, sizeof(*driver));
}

/* ---- table memory ---------------------------------------------------------------------------- */

static uint64_t *table_at(void *context, uint64_t address)
{
	struct vtd_driver *driver = context;

	return (uint64_t *)(void *)memory_at(&driver->machine->memory, address, IOMMUSIM_PAGE_SIZE);
}

static bool table_allocate(void *context, uint64_t *address)
{
	struct vtd_driver *driver = context;

	return pages_take_table(&driver->vmm->pages, address);
}

static void table_release(void *context, uint64_t address)
{
	struct vtd_driver *driver = context;

	pages_give_table(&driver->vmm->pages, address);
}

static void table_written(void *context, const uint64_t *first, unsigned count)
{
	struct vtd_driver *driver = context;
	uint64_t address;

	if (iommusim_memory_physical(driver->machine, first, &address) == IOMMUSIM_OK)
		iommusim_memory_flush(driver->machine, address, count * sizeof(*first));
}

/* Write-back matters only where hardware may not see processor caches. */
static struct page_table_memory table_memory(struct vtd_driver *driver)
{
	return (struct page_table_memory){
		.context = driver,
		.table = table_at,
		.allocate = table_allocate,
		.release = table_release,
		.written = driver->machine->device_view ? table_written : NULL,
	};
}

/* An entry of two quadwords, upper half first: the lower one has Present. */
static void store_entry(struct vtd_driver *driver, uint64_t address, const uint64_t entry[2])
{
	memory_store64(&driver->machine->memory, address + 8, entry[1]);
	memory_store64(&driver->machine->memory, address, entry[0]);
	iommusim_memory_flush(driver->machine, address, 16);
}

/* ---- init, enable, disable, cleanup --------------------------------------------------------------- */

/* A module that is loaded anew has new tables: what the last life left in them is gone. */
static void clear_table(struct vtd_driver *driver, uint64_t address)
{
	memset(table_at(driver, address), 0, IOMMUSIM_PAGE_SIZE);
	iommusim_memory_flush(driver->machine, address, IOMMUSIM_PAGE_SIZE);
}

/* The root table and one context table a bus: made once, and never given back. */
static enum iommusim_status make_root(struct vtd_driver *driver)
{
	uint64_t entry[2];

	if (driver->root == 0 && !table_allocate(driver, &driver->root))
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM, "no page for the root table");
	for (unsigned bus = 0; bus < VTD_BUSES; bus++) {
		if (driver->contexts[bus] != 0)
			clear_table(driver, driver->contexts[bus]);
		else if (!table_allocate(driver, &driver->contexts[bus]))
			return machine_fail(
			    driver->machine, IOMMUSIM_ENOMEM, "no page for a context table");
		entry[0] = entry[1] = 0;
		vtd_root_entry_set_P(entry, 1);
		vtd_root_entry_set_CTP(entry, driver->contexts[bus] >> IOMMUSIM_PAGE_SHIFT);
		store_entry(driver, driver->root + bus * UINT64_C(16), entry);
	}
	return IOMMUSIM_OK;
}

static enum iommusim_status driver_init(void *context)
{
	struct vtd_driver *driver = context;
	enum iommusim_status status = driver_find_units(driver);

	if (status == IOMMUSIM_OK) {
		status = make_root(driver);
		if (status != IOMMUSIM_OK)
			driver_forget_units(driver);
	}
	return status;
}

static void driver_cleanup(void *context)
{
	struct vtd_driver *driver = context;

	driver_forget_units(driver);
}

static void driver_enable(void *context)
{
	struct vtd_driver *driver = context;

	for (size_t i = 0; i < driver->unit_count; i++)
		if (driver_enable_unit(driver, &driver->units[i]) != IOMMUSIM_OK)
			vmm_print(
			    driver->vmm, "vtd: %s", iommusim_machine_diagnostic(driver->machine)->text);
}

static void driver_disable(void *context)
{
	struct vtd_driver *driver = context;

	for (size_t i = 0; i < driver->unit_count; i++)
		driver_disable_unit(driver, &driver->units[i]);
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

/* The lowest id that no domain has; id 0 is left alone, as units with CM=1 keep it for themselves. */
static uint32_t free_id(const struct vtd_driver *driver)
{
	for (uint32_t id = 1; id < driver->domain_limit; id++) {
		const struct vtd_domain *domain;

		TAILQ_FOREACH (domain, &driver->domains, link)
			if (domain->id == id)
				break;
		if (domain == NULL)
			return id;
	}
	return 0;
}

static enum iommusim_status driver_create_domain(void *context, uint64_t max_address, void **out)
{
	struct vtd_driver *driver = context;
	const struct page_table_memory memory = table_memory(driver);
	const unsigned code = choose_width(driver, max_address);
	const uint32_t id = free_id(driver);
	struct vtd_domain *domain;

	if (code == 0)
		return vmm_violation(driver->vmm, IOMMUSIM_EINVAL,
		    "vtd_create_domain: no supported address width reaches 0x%llx",
		    (unsigned long long)max_address);
	if (id == 0)
		return vmm_violation(
		    driver->vmm, IOMMUSIM_EBUSY, "vtd_create_domain: no domain id is free");
	domain = machine_alloc_zeroed(driver->machine, sizeof(*domain));
	if (domain == NULL)
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM, "no memory for a domain");
	if (!page_table_create(&domain->table, &memory, code + 2, 1)) {
		machine_free(driver->machine, domain, sizeof(*domain));
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM, "no page for a domain's table");
	}
	domain->id = id;
	domain->max_address = max_address;
	domain->width_code = (uint8_t)code;
	TAILQ_INSERT_TAIL(&driver->domains, domain, link);
	*out = domain;
	return IOMMUSIM_OK;
}

static void driver_destroy_domain(void *context, void *handle)
{
	struct vtd_driver *driver = context;
	struct vtd_domain *domain = handle;

	if (vmm_policy(driver->vmm, COLUMN_destroy) == POLICY_destroy_FLUSH)
		driver_flush_all(driver);
	TAILQ_REMOVE(&driver->domains, domain, link);
	page_table_destroy(&vtd_second_stage, &domain->table);
	machine_free(driver->machine, domain, sizeof(*domain));
}

/* ---- mappings -------------------------------------------------------------------------------- */

/*
 * Beyond the width a domain was made for, addresses wrap onto low ones: drivers that do not look map
 * the wrong page. Whether this one looks is the profile's.
 */
static enum iommusim_status check_width(
    struct vtd_driver *driver, const struct vtd_domain *domain, uint64_t gpa, uint64_t length)
{
	const uint64_t width = UINT64_C(1) << (30 + 9 * domain->width_code);

	if (gpa + length <= width ||
	    vmm_policy(driver->vmm, COLUMN_violation) == POLICY_violation_PANIC)
		return IOMMUSIM_OK;
	return machine_fail(driver->machine, IOMMUSIM_EINVAL,
	    "address 0x%llx is beyond the domain's %u bits", (unsigned long long)(gpa + length - 1),
	    30 + 9 * domain->width_code);
}

static enum iommusim_status driver_create_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct vtd_driver *driver = context;
	struct vtd_domain *domain = handle;
	enum iommusim_status status = check_width(driver, domain, gpa, length);

	*done = 0;
	if (status != IOMMUSIM_OK)
		return status;
	if (!page_table_map(
		&vtd_second_stage, &domain->table, gpa, hpa, length, PAGE_READ | PAGE_WRITE))
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM,
		    "no page for the tables of a mapping at 0x%llx", (unsigned long long)gpa);
	*done = length;
	return IOMMUSIM_OK;
}

static enum iommusim_status driver_remove_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct vtd_driver *driver = context;
	struct vtd_domain *domain = handle;
	enum iommusim_status status = check_width(driver, domain, gpa, length);

	*done = 0;
	if (status != IOMMUSIM_OK)
		return status;
	if (!page_table_unmap(&vtd_second_stage, &domain->table, gpa, length))
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM,
		    "no page to split a large one at 0x%llx", (unsigned long long)gpa);
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
	const struct vtd_domain *domain = handle;
	const struct driver_unit *unit = driver_unit_for(driver, segment, rid);
	const uint64_t address = context_address(driver, rid);
	uint64_t entry[2] = { 0, 0 };

	if (unit == NULL)
		return vmm_violation(driver->vmm, IOMMUSIM_ENXIO,
		    "vtd_add_device: no unit governs %02x:%02x.%u", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	memory_load64(&driver->machine->memory, address, true, &entry[0]);
	if (vtd_context_entry_P(entry))
		return vmm_violation(driver->vmm, IOMMUSIM_EBUSY,
		    "vtd_add_device: %02x:%02x.%u is in a domain already", IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
	entry[0] = 0;
	vtd_context_entry_set_P(entry, 1);
	vtd_context_entry_set_TT(
	    entry, vtd_ECAP_DT(unit->ext_capability) ? TT_ALL : TT_UNTRANSLATED_ONLY);
	vtd_context_entry_set_SSPTPTR(entry, domain->table.root >> IOMMUSIM_PAGE_SHIFT);
	vtd_context_entry_set_AW(entry, domain->width_code);
	vtd_context_entry_set_DID(entry, domain->id);
	store_entry(driver, address, entry);
	return IOMMUSIM_OK;
}

static enum iommusim_status driver_remove_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct vtd_driver *driver = context;
	const uint64_t cleared[2] = { 0, 0 };

	(void)handle;
	(void)segment;
	/* Present goes first here, and the other half after it. */
	memory_store64(&driver->machine->memory, context_address(driver, rid), 0);
	store_entry(driver, context_address(driver, rid), cleared);
	return driver_flush_all(driver);
}

/* A domain's translations are dropped with everybody else's, on every unit. */
static enum iommusim_status driver_invalidate_tlb(void *context, void *handle)
{
	(void)handle;
	return driver_flush_iotlb(context);
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
	.remove_mapping = driver_remove_mapping,
	.add_device = driver_add_device,
	.remove_device = driver_remove_device,
	.invalidate_tlb = driver_invalidate_tlb,
};
