/* Programming VT-d units through the MMIO bus: enabling, disabling, flushing. Nothing else is used. */
#include "vmm/vtd_driver.h"

/* A unit that does not answer after this many reads never will. */
#define POLL_LIMIT 1000000u

uint64_t driver_read(
    const struct vtd_driver *driver, const struct driver_unit *unit, uint64_t offset, unsigned width)
{
	uint64_t value;

	iommusim_mmio_read(driver->machine, unit->base + offset, width, &value);
	return value;
}

static void write_register(const struct vtd_driver *driver, const struct driver_unit *unit,
    uint64_t offset, unsigned width, uint64_t value)
{
	iommusim_mmio_write(driver->machine, unit->base + offset, width, value);
}

/* Read until the bits of `mask` are all set, or all clear. */
static enum iommusim_status poll(struct vtd_driver *driver, const struct driver_unit *unit,
    uint64_t offset, unsigned width, uint64_t mask, bool set)
{
	for (unsigned i = 0; i < POLL_LIMIT; i++)
		if (((driver_read(driver, unit, offset, width) & mask) == mask) == set)
			return IOMMUSIM_OK;
	return machine_fail(driver->machine, IOMMUSIM_EIO,
	    "the unit at 0x%llx does not answer: register 0x%03llx never %s 0x%llx",
	    (unsigned long long)unit->base, (unsigned long long)offset, set ? "shows" : "drops",
	    (unsigned long long)mask);
}

/* The level bits of GCMD that are on now, as GSTS shows them: each write has to restate them. */
static uint64_t levels_on(const struct vtd_driver *driver, const struct driver_unit *unit)
{
	const uint64_t levels = vtd_GCMD_TE_bits(1) | vtd_GCMD_EAFL_bits(1) | vtd_GCMD_QIE_bits(1) |
	    vtd_GCMD_IRE_bits(1) | vtd_GCMD_CFI_bits(1);

	return driver_read(driver, unit, vtd_GSTS_at, 4) & levels;
}

/* Write one command: bare, or with everything that is on restated, as the profile does. */
static void command(struct vtd_driver *driver, const struct driver_unit *unit, uint64_t bit)
{
	const bool bare = vmm_policy(driver->vmm, COLUMN_gcmd) == POLICY_gcmd_BARE;

	write_register(driver, unit, vtd_GCMD_at, 4, bit | (bare ? 0 : levels_on(driver, unit)));
}

static enum iommusim_status flush_write_buffer(
    struct vtd_driver *driver, const struct driver_unit *unit)
{
	if (!vtd_CAP_RWBF(unit->capability))
		return IOMMUSIM_OK;
	command(driver, unit, vtd_GCMD_WBF_bits(1));
	return poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_WBFS_bits(1), false);
}

static enum iommusim_status flush_contexts(struct vtd_driver *driver, const struct driver_unit *unit)
{
	write_register(driver, unit, vtd_CCMD_at, 8, vtd_CCMD_ICC_bits(1) | vtd_CCMD_CIRG_bits(1));
	return poll(driver, unit, vtd_CCMD_at, 8, vtd_CCMD_ICC_bits(1), false);
}

static enum iommusim_status flush_iotlb(struct vtd_driver *driver, const struct driver_unit *unit)
{
	const uint64_t offset = vtd_ECAP_IRO(unit->ext_capability) * 16 + vtd_IOTLB_at;
	enum iommusim_status status = flush_write_buffer(driver, unit);

	if (status != IOMMUSIM_OK)
		return status;
	write_register(driver, unit, offset, 8,
	    vtd_IOTLB_IVT_bits(1) | vtd_IOTLB_IIRG_bits(1) | vtd_IOTLB_DR_bits(1) |
		vtd_IOTLB_DW_bits(1));
	return poll(driver, unit, offset, 8, vtd_IOTLB_IVT_bits(1), false);
}

enum iommusim_status driver_flush_all(struct vtd_driver *driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++) {
		status = flush_contexts(driver, &driver->units[i]);
		if (status == IOMMUSIM_OK)
			status = flush_iotlb(driver, &driver->units[i]);
	}
	return status;
}

enum iommusim_status driver_flush_iotlb(struct vtd_driver *driver)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->unit_count && status == IOMMUSIM_OK; i++)
		status = flush_iotlb(driver, &driver->units[i]);
	return status;
}

enum iommusim_status driver_enable_unit(struct vtd_driver *driver, const struct driver_unit *unit)
{
	enum iommusim_status status = flush_write_buffer(driver, unit);

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

void driver_disable_unit(struct vtd_driver *driver, const struct driver_unit *unit)
{
	const bool bare = vmm_policy(driver->vmm, COLUMN_gcmd) == POLICY_gcmd_BARE;
	const uint64_t levels = bare ? 0 : levels_on(driver, unit) & ~vtd_GCMD_TE_bits(1);

	write_register(driver, unit, vtd_GCMD_at, 4, levels);
	poll(driver, unit, vtd_GSTS_at, 4, vtd_GSTS_TES_bits(1), false);
}
