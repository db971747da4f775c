/* Table memory, domains and register accesses of the built-in backends. What they put where is theirs. */
#include "vmm/driver.h"

#include <stdio.h>
#include <string.h>

#include <iommusim/acpi.h>

#include "machine/memory_access.h"

/* A unit that does not answer after this many reads never will. */
#define POLL_LIMIT 1000000u

void driver_begin(struct driver *driver, const char *name, struct iommusim_vmm *vmm)
{
	driver->name = name;
	driver->vmm = vmm;
	driver->machine = vmm->machine;
	TAILQ_INIT(&driver->domains);
}

static void free_domain(struct driver *driver, struct driver_domain *domain)
{
	machine_free(
	    driver->machine, domain->dropped, domain->dropped_capacity * sizeof(*domain->dropped));
	machine_free(driver->machine, domain, sizeof(*domain));
}

void driver_end(struct driver *driver)
{
	struct driver_domain *domain;

	while ((domain = TAILQ_FIRST(&driver->domains)) != NULL) {
		TAILQ_REMOVE(&driver->domains, domain, link);
		free_domain(driver, domain);
	}
}

/* ---- table memory ---------------------------------------------------------------------------- */

static uint64_t *table_at(void *context, uint64_t address)
{
	return driver_table_at(context, address);
}

static bool table_allocate(void *context, uint64_t *address)
{
	return driver_table_allocate(context, address);
}

static void table_release(void *context, uint64_t address)
{
	struct driver *driver = context;

	if (!pages_is_table(&driver->vmm->pages, address))
		return; /* an entry was overwritten, and led there */
	iommusim_memory_given_back(driver->machine, address);
	pages_give_table(&driver->vmm->pages, address);
}

static void table_written(void *context, const uint64_t *first, unsigned count)
{
	struct driver *driver = context;
	uint64_t address;

	if (iommusim_memory_physical(driver->machine, first, &address) != IOMMUSIM_OK)
		return;
	if (driver->machine->device_view)
		iommusim_memory_flush(driver->machine, address, count * sizeof(*first));
	iommusim_memory_stored(driver->machine, address, count * sizeof(*first));
}

/* Kept until an invalidation; without memory to remember it, it stays in its place. */
static bool table_drop(
    void *context, struct page_table *table, uint64_t page, unsigned level, uint64_t first)
{
	struct driver_domain *domain =
	    (struct driver_domain *)(void *)((uint8_t *)table - offsetof(struct driver_domain, table));
	struct driver *driver = context;

	if (!machine_grow(driver->machine, &domain->dropped, &domain->dropped_capacity,
		domain->dropped_count + 1, sizeof(*domain->dropped)))
		return false;
	domain->dropped[domain->dropped_count++] =
	    (struct driver_dropped){ .page = page, .first = first, .level = level };
	return true;
}

uint64_t *driver_table_at(struct driver *driver, uint64_t address)
{
	return (uint64_t *)(void *)memory_at(&driver->machine->memory, address, IOMMUSIM_PAGE_SIZE);
}

bool driver_table_allocate(struct driver *driver, uint64_t *address)
{
	if (!pages_take_table(&driver->vmm->pages, address))
		return false;
	iommusim_memory_taken(driver->machine, *address);
	return true;
}

void driver_table_clear(struct driver *driver, uint64_t address)
{
	memset(driver_table_at(driver, address), 0, IOMMUSIM_PAGE_SIZE);
	iommusim_memory_flush(driver->machine, address, IOMMUSIM_PAGE_SIZE);
	iommusim_memory_stored(driver->machine, address, IOMMUSIM_PAGE_SIZE);
}

void driver_store(struct driver *driver, uint64_t address, uint64_t value)
{
	if (memory_store64(&driver->machine->memory, address, value))
		iommusim_memory_stored(driver->machine, address, sizeof(value));
}

void driver_store_entry(struct driver *driver, uint64_t address, const uint64_t *entry, unsigned quads)
{
	for (unsigned quad = quads; quad-- > 0;)
		driver_store(driver, address + quad * UINT64_C(8), entry[quad]);
	iommusim_memory_flush(driver->machine, address, quads * UINT64_C(8));
}

/* ---- domains --------------------------------------------------------------------------------- */

uint32_t driver_free_id(const struct driver *driver)
{
	for (uint32_t id = 1; id < driver->domain_limit; id++) {
		const struct driver_domain *domain;

		TAILQ_FOREACH (domain, &driver->domains, link)
			if (domain->id == id)
				break;
		if (domain == NULL)
			return id;
	}
	return 0;
}

static unsigned largest_leaf(const struct driver *driver)
{
	return vmm_policy(driver->vmm, COLUMN_leaves) == POLICY_leaves_SMALL ||
		driver->largest_leaf == 0
	    ? 1
	    : driver->largest_leaf;
}

enum iommusim_status driver_domain_create(struct driver *driver, const struct page_format *format,
    uint32_t id, unsigned levels, uint64_t max_address, struct driver_domain **out)
{
	/* Stores matter only where hardware may not see processor caches, and to those who watch them. */
	const bool told = driver->machine->device_view || driver->machine->stores.count > 0;
	const struct page_table_memory memory = {
		.context = driver,
		.table = table_at,
		.allocate = table_allocate,
		.release = table_release,
		.written = told ? table_written : NULL,
		.drop =
		    vmm_policy(driver->vmm, COLUMN_tables) == POLICY_tables_DROPPED ? table_drop : NULL,
	};
	struct driver_domain *domain = machine_alloc_zeroed(driver->machine, sizeof(*domain));

	if (domain == NULL)
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM, "no memory for a domain");
	if (!page_table_create(&domain->table, &memory, levels, largest_leaf(driver))) {
		machine_free(driver->machine, domain, sizeof(*domain));
		return machine_fail(driver->machine, IOMMUSIM_ENOMEM, "no page for a domain's table");
	}
	domain->id = id;
	domain->max_address = max_address;
	domain->leaf = format->make_leaf(0, 1, PAGE_READ | PAGE_WRITE);
	domain->leaf_address = page_table_leaf_address(format, PAGE_READ | PAGE_WRITE);
	domain->stores_suffice = !driver->machine->device_view;
	TAILQ_INSERT_TAIL(&driver->domains, domain, link);
	if (driver->host == NULL)
		driver->host = domain;
	*out = domain;
	return IOMMUSIM_OK;
}

void driver_domain_destroy(
    struct driver *driver, struct driver_domain *domain, const struct page_format *format)
{
	TAILQ_REMOVE(&driver->domains, domain, link);
	if (driver->host == domain)
		driver->host = NULL;
	driver_domain_forgotten(domain, format, 0, 0);
	page_table_destroy(format, &domain->table);
	free_domain(driver, domain);
}

void driver_domain_forgotten(
    struct driver_domain *domain, const struct page_format *format, uint64_t gpa, uint64_t length)
{
	size_t kept = 0;

	for (size_t i = 0; i < domain->dropped_count; i++) {
		const struct driver_dropped dropped = domain->dropped[i];
		const uint64_t bytes = UINT64_C(1) << page_level_shift(dropped.level + 1);

		if (length == 0 ||
		    (dropped.first >= gpa && dropped.first - gpa <= length &&
			length - (dropped.first - gpa) >= bytes))
			page_table_free_below(format, &domain->table, dropped.page, dropped.level);
		else
			domain->dropped[kept++] = dropped;
	}
	domain->dropped_count = kept;
}

unsigned vmm_domain_width(const struct iommusim_vmm *vmm, const void *backend_handle)
{
	return vmm->foreign_ops ? 0 : driver_width(backend_handle);
}

/* ---- mappings -------------------------------------------------------------------------------- */

/* Tables go by calls of the backend alone; vmm asks anew after each that maps or unmaps single ranges. */
bool vmm_domain_leaves(const void *backend_handle, struct leaf_window *window)
{
	const struct driver_domain *domain = backend_handle;

	if (!domain->stores_suffice || domain->table.cursor == UINT64_MAX)
		return false;
	*window = (struct leaf_window){
		.first = domain->table.cursor << page_level_shift(2),
		.pages = PAGE_TABLE_ENTRIES,
		.entries = domain->table.cursor_table,
		.leaf = domain->leaf,
		.others = ~domain->leaf_address,
	};
	/* What lies at the end of all addresses is no mapping that a call takes: let calls say so. */
	return window->first + (UINT64_C(1) << page_level_shift(2)) != 0;
}

bool vmm_domain_window(const void *backend_handle, struct leaf_window *window)
{
	const struct driver_domain *domain = backend_handle;

	return domain->table.memory.written == NULL && vmm_domain_leaves(domain, window);
}

enum iommusim_status driver_beyond_width(
    struct driver *driver, const struct driver_domain *domain, uint64_t last)
{
	if (vmm_policy(driver->vmm, COLUMN_violation) == POLICY_violation_PANIC)
		return IOMMUSIM_OK;
	return machine_fail(driver->machine, IOMMUSIM_EINVAL,
	    "address 0x%llx is beyond the domain's %u bits", (unsigned long long)last,
	    driver_width(domain));
}

enum iommusim_status driver_no_table(struct driver *driver, const char *what, uint64_t gpa)
{
	return machine_fail(
	    driver->machine, IOMMUSIM_ENOMEM, "%s at 0x%llx", what, (unsigned long long)gpa);
}

/* The level 1 entry of a page, by way of whatever entries hold. */
static uint64_t blind_entry(const struct page_format *format, const struct driver_domain *domain,
    const struct memory *memory, uint64_t gpa)
{
	uint64_t table = domain->table.root, entry = 0;

	for (unsigned level = domain->table.levels; level > 1; level--) {
		const uint64_t at = table + page_level_index(gpa, level) * UINT64_C(8);

		if (!memory_load64(memory, at, true, &entry) || !format->present(entry))
			return UINT64_MAX;
		table = format->table(entry);
	}
	return table + page_level_index(gpa, 1) * UINT64_C(8);
}

void driver_unmap_blindly(const struct page_format *format, struct driver *driver,
    struct driver_domain *domain, uint64_t gpa, uint64_t length)
{
	const struct memory *memory = &driver->machine->memory;

	for (uint64_t done = 0; done < length; done += IOMMUSIM_PAGE_SIZE) {
		const uint64_t entry = blind_entry(format, domain, memory, gpa + done);

		if (entry == UINT64_MAX)
			continue;
		driver_store(driver, entry, 0);
		iommusim_memory_flush(driver->machine, entry, sizeof(entry));
	}
}

/* ---- firmware -------------------------------------------------------------------------------- */

enum iommusim_status driver_copy_table(
    struct iommusim_machine *machine, const char *signature, void **bytes, uint32_t *length)
{
	uint64_t address;

	if (iommusim_acpi_find(machine, signature, 0, &address, length) != IOMMUSIM_OK)
		return IOMMUSIM_ENOENT;
	*bytes = machine_alloc(machine, *length);
	if (*bytes == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for the %s table", signature);
	iommusim_memory_read(machine, address, *bytes, *length);
	return IOMMUSIM_OK;
}

enum iommusim_status driver_give_up(struct driver *driver, enum iommusim_status status,
    enum iommusim_init_outcome outcome, const char *text, const char *advice)
{
	struct iommusim_init_report *report = &driver->vmm->init_report;

	report->outcome = outcome;
	snprintf(report->text, sizeof(report->text), "%s", text);
	snprintf(report->advice, sizeof(report->advice), "%s", advice);
	return machine_fail(driver->machine, status, "%s", text);
}

/* ---- registers ------------------------------------------------------------------------------- */

uint64_t driver_read(const struct driver *driver, uint64_t address, unsigned width)
{
	uint64_t value;

	iommusim_mmio_read(driver->machine, address, width, &value);
	return value;
}

void driver_write(const struct driver *driver, uint64_t address, unsigned width, uint64_t value)
{
	iommusim_mmio_write(driver->machine, address, width, value);
}

enum iommusim_status driver_poll(
    struct driver *driver, uint64_t base, uint64_t offset, unsigned width, uint64_t mask, bool set)
{
	for (unsigned i = 0; i < POLL_LIMIT; i++)
		if (((driver_read(driver, base + offset, width) & mask) == mask) == set)
			return IOMMUSIM_OK;
	return machine_fail(driver->machine, IOMMUSIM_EIO,
	    "the unit at 0x%llx does not answer: register 0x%03llx never %s 0x%llx",
	    (unsigned long long)base, (unsigned long long)offset, set ? "shows" : "drops",
	    (unsigned long long)mask);
}
