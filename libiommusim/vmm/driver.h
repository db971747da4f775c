/*
 * What the built-in backends have in common: table memory, domains, mappings, register accesses. Entries,
 * registers and units are each backend's own. Private to libiommusim/vmm.
 */
#ifndef IOMMUSIM_VMM_DRIVER_H
#define IOMMUSIM_VMM_DRIVER_H

#include "models/formats/page_table.h"
#include "vmm/state.h"

/* A table that nothing points at any more, and hardware may have kept the way to (policy tables). */
struct driver_dropped {
	uint64_t page;
	uint64_t first; /* the first address that it translates */
	unsigned level;
};

struct driver_domain {
	TAILQ_ENTRY(driver_domain) link;
	struct page_table table;
	uint64_t max_address;
	uint64_t leaf;         /* a 4 KiB leaf as this backend makes it, but for the page's address */
	uint64_t leaf_address; /* where that goes */
	struct driver_dropped *dropped;
	size_t dropped_count;
	size_t dropped_capacity;
	uint32_t id;
	/* Nothing follows the stores of a mapping; who watches them is told all the same. */
	bool stores_suffice;
};
TAILQ_HEAD(driver_domain_list, driver_domain);

/* The first member of each backend. */
struct driver {
	const char *name; /* what its messages begin with: "vtd" */
	struct iommusim_vmm *vmm;
	struct iommusim_machine *machine;
	uint32_t domain_limit; /* ids below it: the least any unit has */
	uint8_t largest_leaf;  /* level of the largest leaves that every unit takes; 0 as 1: 4 KiB */
	struct driver_domain_list domains;
	const struct driver_domain *host; /* the first one after init is the host's (io/iommu.c) */
};

void driver_begin(struct driver *driver, const char *name, struct iommusim_vmm *vmm);
/* Forget the domains; their tables stay where they are, as memory of a kernel that is gone. */
void driver_end(struct driver *driver);

/* ---- table memory ---------------------------------------------------------------------------- */

uint64_t *driver_table_at(struct driver *driver, uint64_t address);
bool driver_table_allocate(struct driver *driver, uint64_t *address);
/* All zero again. */
void driver_table_clear(struct driver *driver, uint64_t address);
/* One quadword; its cache line stays where it is. */
void driver_store(struct driver *driver, uint64_t address, uint64_t value);
/* An entry of some quadwords, the highest first: the lowest one says whether the entry is valid. */
void driver_store_entry(struct driver *driver, uint64_t address, const uint64_t *entry, unsigned quads);

/* ---- domains --------------------------------------------------------------------------------- */

/* The lowest id from 1 up that no domain has; 0: none. Id 0 is left to hardware that wants it. */
uint32_t driver_free_id(const struct driver *driver);
/* A domain with a table of that many levels. OK, ENOMEM. */
enum iommusim_status driver_domain_create(struct driver *driver, const struct page_format *format,
    uint32_t id, unsigned levels, uint64_t max_address, struct driver_domain **out);
void driver_domain_destroy(
    struct driver *driver, struct driver_domain *domain, const struct page_format *format);
/* Hardware has forgotten [gpa, gpa + length), `length` 0: everything: so many tables are free now. */
void driver_domain_forgotten(
    struct driver_domain *domain, const struct page_format *format, uint64_t gpa, uint64_t length);

/* ---- mappings -------------------------------------------------------------------------------- */

/* Address bits that a domain's tables translate, 64 at most. */
static inline unsigned driver_width(const struct driver_domain *domain)
{
	const unsigned width = page_level_shift(domain->table.levels + 1);

	return width < 64 ? width : 64;
}

/*
 * Beyond the width a domain was made for, addresses wrap onto low ones: drivers that do not look map
 * the wrong page. Whether this one looks is the profile's.
 */
static inline bool driver_is_beyond(const struct driver_domain *domain, uint64_t gpa, uint64_t length)
{
	const unsigned width = driver_width(domain);

	return width < 64 && gpa + length > UINT64_C(1) << width;
}
enum iommusim_status driver_beyond_width(
    struct driver *driver, const struct driver_domain *domain, uint64_t last);
enum iommusim_status driver_no_table(struct driver *driver, const char *what, uint64_t gpa);
/*
 * How an unmap goes that knows nothing of large leaves (policy leaves): what one maps is taken for the next
 * table, and written to.
 */
void driver_unmap_blindly(const struct page_format *format, struct driver *driver,
    struct driver_domain *domain, uint64_t gpa, uint64_t length);

/* 2^order pages, aligned to their size, around [gpa, gpa + length). */
static inline unsigned driver_order(uint64_t gpa, uint64_t length)
{
	const uint64_t differs = (gpa ^ (gpa + length - 1)) >> IOMMUSIM_PAGE_SHIFT;

	return differs == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differs);
}

/* create_mapping and remove_mapping, with the backend's format folded in. */
PAGE_TABLE_INLINE enum iommusim_status driver_map(const struct page_format *format,
    struct driver *driver, struct driver_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length,
    uint64_t *done)
{
	enum iommusim_status status = IOMMUSIM_OK;

	*done = 0;
	if (__builtin_expect(driver_is_beyond(domain, gpa, length), false))
		status = driver_beyond_width(driver, domain, gpa + length - 1);
	if (status != IOMMUSIM_OK)
		return status;
	if (!page_table_map(format, &domain->table, gpa, hpa, length, PAGE_READ | PAGE_WRITE))
		return driver_no_table(driver, "no page for the tables of a mapping", gpa);
	*done = length;
	return IOMMUSIM_OK;
}

/* The same for a list of pages; `*done` counts them. It may do less than it was asked; then the next call says why. */
PAGE_TABLE_INLINE enum iommusim_status driver_map_list(const struct page_format *format,
    struct driver *driver, struct driver_domain *domain, uint64_t gpa, const uint64_t *pages,
    size_t count, size_t *done)
{
	enum iommusim_status status = IOMMUSIM_OK;

	*done = 0;
	if (__builtin_expect(driver_is_beyond(domain, gpa, count * IOMMUSIM_PAGE_SIZE), false)) {
		count = 1; /* one by one up to the end, and beyond it if the profile wants that */
		if (driver_is_beyond(domain, gpa, IOMMUSIM_PAGE_SIZE))
			status = driver_beyond_width(driver, domain, gpa + IOMMUSIM_PAGE_SIZE - 1);
	}
	if (status != IOMMUSIM_OK)
		return status;
	*done = page_table_map_list(format, &domain->table, gpa, pages, count, PAGE_READ | PAGE_WRITE);
	return *done > 0 ? IOMMUSIM_OK
			 : driver_no_table(driver, "no page for the tables of a mapping", gpa);
}

PAGE_TABLE_INLINE enum iommusim_status driver_unmap(const struct page_format *format,
    struct driver *driver, struct driver_domain *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	enum iommusim_status status = IOMMUSIM_OK;

	*done = 0;
	if (__builtin_expect(driver_is_beyond(domain, gpa, length), false))
		status = driver_beyond_width(driver, domain, gpa + length - 1);
	if (status != IOMMUSIM_OK)
		return status;
	if (!page_table_unmap(format, &domain->table, gpa, length))
		return driver_no_table(driver, "no page to split a large one", gpa);
	*done = length;
	return IOMMUSIM_OK;
}

/* ---- firmware -------------------------------------------------------------------------------- */

/*
 * Copy a table out of firmware's memory, as a driver maps it; machine_free() it. OK, ENOENT: there is none,
 * ENOMEM.
 */
enum iommusim_status driver_copy_table(
    struct iommusim_machine *machine, const char *signature, void **bytes, uint32_t *length);
/* Why init ends here: into vmm's report, and as the diagnostic. Returns `status`. */
enum iommusim_status driver_give_up(struct driver *driver, enum iommusim_status status,
    enum iommusim_init_outcome outcome, const char *text, const char *advice);

/* ---- registers ------------------------------------------------------------------------------- */

uint64_t driver_read(const struct driver *driver, uint64_t address, unsigned width);
void driver_write(const struct driver *driver, uint64_t address, unsigned width, uint64_t value);
/* Read until the bits of `mask` are all set, or all clear. OK, EIO: that never came. */
enum iommusim_status driver_poll(
    struct driver *driver, uint64_t base, uint64_t offset, unsigned width, uint64_t mask, bool set);

#endif
