/*
 * Programming VT-d units through the MMIO bus: enabling, disabling, flushing by register. Where a unit's queue is on,
 * registers do not invalidate: that is vtd_driver_queue.c.
 */
#include "vmm/vtd_driver.h"

static void write_register(const struct vtd_driver *driver, const struct vtd_driver_unit *unit,
    uint64_t offset, unsigned width, uint64_t value)
{
	driver_write(&driver->common, unit->base + offset, width, value);
}

static enum iommusim_status poll(struct vtd_driver *driver, const struct vtd_driver_unit *unit,
    uint64_t offset, unsigned width, uint64_t mask, bool set)
{
	return driver_poll(&driver->common, unit->base, offset, width, mask, set);
}

/* The level bits of GCMD that are on now, as GSTS shows them: each write has to restate them. */
static uint64_t levels_on(const struct vtd_driver *driver, const struct vtd_driver_unit *unit)
{
	const uint64_t levels = vtd_GCMD_TE_bits(1) | vtd_GCMD_EAFL_bits(1) | vtd_GCMD_QIE_bits(1) |
	    vtd_GCMD_IRE_bits(1) | vtd_GCMD_CFI_bits(1);

	return vtd_driver_read(driver, unit, vtd_GSTS_at, 4) & levels;
}

/* Write one command: bare, or with everything that is on restated, as the profile does. */
static void command(struct vtd_driver *driver, const struct vtd_driver_unit *unit, uint64_t bit)
{
	const bool bare = vmm_policy(driver->common.vmm, COLUMN_gcmd) == POLICY_gcmd_BARE;

	write_register(driver, unit, vtd_GCMD_at, 4, bit | (bare ? 0 : levels_on(driver, unit)));
}

enum iommusim_status vtd_driver_command(
    struct vtd_driver *driver, const struct vtd_driver_unit *unit, uint64_t bit, uint64_t shown)
{
	command(driver, unit, bit);
	return poll(driver, unit, vtd_GSTS_at, 4, shown, true);
}

static enum iommusim_status flush_write_buffer(
    struct vtd_driver *driver, const struct vtd_driver_unit *unit)
{
	if (!vtd_CAP_RWBF(unit->capability))
		return IOMMUSIM_OK;
	command(driver, unit, vtd_GCMD_WBF_bits(1));
	return poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_WBFS_bits(1), false);
}

enum iommusim_status vtd_driver_flush_stores(struct vtd_driver *driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (vmm_policy(driver->common.vmm, COLUMN_write_buffer) != POLICY_write_buffer_EACH)
		return IOMMUSIM_OK;
	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = flush_write_buffer(driver, &driver->units[i]);
	return status;
}

static enum iommusim_status flush_contexts(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	if (unit->queue != 0)
		return vtd_driver_queue_contexts(driver, unit);
	write_register(driver, unit, vtd_CCMD_at, 8, vtd_CCMD_ICC_bits(1) | vtd_CCMD_CIRG_bits(1));
	return poll(driver, unit, vtd_CCMD_at, 8, vtd_CCMD_ICC_bits(1), false);
}

/* Granularities of an IOTLB invalidation (VT-d 11.4.7.2). */
enum { ALL_DOMAINS = 1, ONE_DOMAIN = 2, PAGES = 3 };

/* `what`: granularity and domain. */
static enum iommusim_status invalidate_iotlb(
    struct vtd_driver *driver, const struct vtd_driver_unit *unit, uint64_t what)
{
	const uint64_t offset = vtd_ECAP_IRO(unit->ext_capability) * 16 + vtd_IOTLB_at;

	write_register(driver, unit, offset, 8,
	    vtd_IOTLB_IVT_bits(1) | what | vtd_IOTLB_DR_bits(1) | vtd_IOTLB_DW_bits(1));
	return poll(driver, unit, offset, 8, vtd_IOTLB_IVT_bits(1), false);
}

static enum iommusim_status flush_iotlb(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	enum iommusim_status status = flush_write_buffer(driver, unit);

	if (status == IOMMUSIM_OK && unit->queue != 0)
		return vtd_driver_queue_iotlb(driver, unit, ALL_DOMAINS, 0, 0, 0);
	return status != IOMMUSIM_OK ? status
				     : invalidate_iotlb(driver, unit, vtd_IOTLB_IIRG_bits(ALL_DOMAINS));
}

/* Pages of a domain, as few as the unit can tell apart; all of the domain with `order` 64. */
static enum iommusim_status flush_pages(
    struct vtd_driver *driver, struct vtd_driver_unit *unit, uint32_t id, uint64_t gpa, unsigned order)
{
	const uint64_t offset = vtd_ECAP_IRO(unit->ext_capability) * 16 + vtd_IVA_at;
	const bool by_page = vtd_CAP_PSI(unit->capability) && order <= vtd_CAP_MAMV(unit->capability);
	enum iommusim_status status = flush_write_buffer(driver, unit);

	if (status != IOMMUSIM_OK)
		return status;
	if (unit->queue != 0)
		return vtd_driver_queue_iotlb(driver, unit, by_page ? PAGES : ONE_DOMAIN, id,
		    by_page ? gpa : 0, by_page ? order : 0);
	if (!by_page)
		return invalidate_iotlb(
		    driver, unit, vtd_IOTLB_IIRG_bits(ONE_DOMAIN) | vtd_IOTLB_DID_bits(id));
	write_register(driver, unit, offset, 8,
	    vtd_IVA_ADDR_bits(gpa >> IOMMUSIM_PAGE_SHIFT >> order << order) | vtd_IVA_AM_bits(order));
	return invalidate_iotlb(driver, unit, vtd_IOTLB_IIRG_bits(PAGES) | vtd_IOTLB_DID_bits(id));
}

enum iommusim_status vtd_driver_flush_all(struct vtd_driver *driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++) {
		status = flush_contexts(driver, &driver->units[i]);
		if (status == IOMMUSIM_OK)
			status = flush_iotlb(driver, &driver->units[i]);
	}
	return status;
}

enum iommusim_status vtd_driver_flush_iotlb(struct vtd_driver *driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = flush_iotlb(driver, &driver->units[i]);
	return status;
}

enum iommusim_status vtd_driver_flush_pages(
    struct vtd_driver *driver, uint32_t id, uint64_t gpa, unsigned order)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = flush_pages(driver, &driver->units[i], id, gpa, order);
	return status;
}

bool vtd_driver_is_taken(const struct vtd_driver *driver, const struct vtd_driver_unit *unit)
{
	return (levels_on(driver, unit) & (vtd_GCMD_TE_bits(1) | vtd_GCMD_QIE_bits(1))) != 0;
}

enum iommusim_status vtd_driver_enable_unit(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	enum iommusim_status status = flush_write_buffer(driver, unit);

	if (status == IOMMUSIM_OK)
		status = vtd_driver_queue_if_needed(driver, unit);
	if (status != IOMMUSIM_OK)
		return status;
	write_register(driver, unit, vtd_RTADDR_at, 8, driver->root);
	command(driver, unit, vtd_GCMD_SRTP_bits(1));
	status = poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_RTPS_bits(1), true);
	if (status == IOMMUSIM_OK)
		status = flush_contexts(driver, unit);
	if (status == IOMMUSIM_OK)
		status = flush_iotlb(driver, unit);
	if (status != IOMMUSIM_OK)
		return status;
	command(driver, unit, vtd_GCMD_TE_bits(1));
	return poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_TES_bits(1), true);
}

void vtd_driver_disable_unit(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	const bool bare = vmm_policy(driver->common.vmm, COLUMN_gcmd) == POLICY_gcmd_BARE;
	uint64_t levels = bare ? 0 : levels_on(driver, unit) & ~vtd_GCMD_TE_bits(1);

	write_register(driver, unit, vtd_GCMD_at, 4, levels);
	poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_TES_bits(1), false);
	if (unit->queue == 0)
		return;
	/* The queue is the driver's own, and goes with it. */
	levels &= ~vtd_GCMD_QIE_bits(1);
	write_register(driver, unit, vtd_GCMD_at, 4, levels);
	if (poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_QIES_bits(1), false) == IOMMUSIM_OK)
		vtd_driver_queue_is_off(driver, unit);
}
