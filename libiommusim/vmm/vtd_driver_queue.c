/*
 * The invalidation queue of a VT-d unit, and the device-TLBs that only it reaches (VT-d 6.5.2). It is turned
 * on with units whose registers do not invalidate, else when the first device has to be told what to drop.
 */
#include "machine/memory_access.h"
#include "vmm/vtd_driver.h"

#define QUEUE_BYTES      IOMMUSIM_PAGE_SIZE /* IQA.QS 0 */
#define DESCRIPTOR_BYTES UINT64_C(16)

#define STATUS_DONE 1u

/* Looks at the status word, with a register read each: a unit that has not stored by then never will. */
#define WAIT_LIMIT 1000u

/* Descriptor types (VT-d 6.5.2). */
enum { TYPE_CONTEXT = 1, TYPE_IOTLB = 2, TYPE_DEVICE_TLB = 3, TYPE_WAIT = 5 };

/* All page numbers but the highest bit: with S=1 that names every address (VT-d 6.5.2.5). */
#define ALL_PAGES UINT64_C(0x7ffffffffffff)

static void write_register(const struct vtd_driver *driver, const struct vtd_driver_unit *unit,
    uint64_t offset, unsigned width, uint64_t value)
{
	driver_write(&driver->common, unit->base + offset, width, value);
}

/* ---- on and off ---------------------------------------------------------------------------------- */

static enum iommusim_status turn_on(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	if (unit->queue != 0)
		return IOMMUSIM_OK;
	/* What waits store to is made once, for all units, and never given back. */
	if ((driver->completion == 0 && !driver_table_allocate(&driver->common, &driver->completion)) ||
	    !driver_table_allocate(&driver->common, &unit->queue))
		return machine_fail(
		    driver->common.machine, IOMMUSIM_ENOMEM, "no page for an invalidation queue");
	unit->tail = 0;
	write_register(driver, unit, vtd_IQT_at, 8, 0);
	write_register(driver, unit, vtd_IQA_at, 8, unit->queue);
	return vtd_driver_command(driver, unit, vtd_GCMD_QIE_bits(1), vtd_GSTS_QIES_bits(1));
}

/* Units of this version and later have no other way to invalidate (VT-d 6.5.1). */
#define QUEUE_ALONE 6u

enum iommusim_status vtd_driver_queue_if_needed(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	if (vmm_policy(driver->common.vmm, COLUMN_interface) != POLICY_interface_QUEUE ||
	    vtd_VER_MAJOR(unit->version) < QUEUE_ALONE || !vtd_ECAP_QI(unit->ext_capability))
		return IOMMUSIM_OK;
	return turn_on(driver, unit);
}

void vtd_driver_queue_is_off(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	if (unit->queue == 0)
		return;
	iommusim_memory_given_back(driver->common.machine, unit->queue);
	pages_give_table(&driver->common.vmm->pages, unit->queue);
	unit->queue = 0;
}

/* ---- descriptors --------------------------------------------------------------------------------- */

static void put(struct vtd_driver *driver, struct vtd_driver_unit *unit, const uint64_t descriptor[2])
{
	driver_store_entry(&driver->common, unit->queue + unit->tail, descriptor, 2);
	unit->tail = (unit->tail + DESCRIPTOR_BYTES) % QUEUE_BYTES;
}

static bool is_done(struct vtd_driver *driver, const struct vtd_driver_unit *unit)
{
	uint64_t stored = 0;

	for (unsigned i = 0; i < WAIT_LIMIT; i++) {
		memory_load64(&driver->common.machine->memory, driver->completion, true, &stored);
		if ((stored & UINT32_MAX) == STATUS_DONE)
			return true;
		vtd_driver_read(driver, unit, vtd_FSTS_at, 4);
	}
	return false;
}

/* One descriptor and a wait for it. The queue is empty before and after. */
static enum iommusim_status carry_out(
    struct vtd_driver *driver, struct vtd_driver_unit *unit, const uint64_t descriptor[2])
{
	uint64_t wait[2] = { 0, 0 };

	driver_store(&driver->common, driver->completion, 0);
	vtd_inv_wait_set_TYPE(wait, TYPE_WAIT);
	vtd_inv_wait_set_SW(wait, 1);
	vtd_inv_wait_set_STDATA(wait, STATUS_DONE);
	vtd_inv_wait_set_STADDR(wait, driver->completion >> 2);
	put(driver, unit, descriptor);
	put(driver, unit, wait);
	write_register(driver, unit, vtd_IQT_at, 8, unit->tail);
	if (is_done(driver, unit))
		return IOMMUSIM_OK;
	return machine_fail(driver->common.machine, IOMMUSIM_EIO,
	    "the unit at 0x%llx does not complete its invalidations: FSTS 0x%llx",
	    (unsigned long long)unit->base,
	    (unsigned long long)vtd_driver_read(driver, unit, vtd_FSTS_at, 4));
}

enum iommusim_status vtd_driver_queue_contexts(struct vtd_driver *driver, struct vtd_driver_unit *unit)
{
	uint64_t descriptor[2] = { 0, 0 };

	vtd_inv_context_set_TYPE(descriptor, TYPE_CONTEXT);
	vtd_inv_context_set_G(descriptor, 1);
	return carry_out(driver, unit, descriptor);
}

enum iommusim_status vtd_driver_queue_iotlb(struct vtd_driver *driver, struct vtd_driver_unit *unit,
    unsigned granularity, uint32_t id, uint64_t gpa, unsigned order)
{
	uint64_t descriptor[2] = { 0, 0 };

	vtd_inv_iotlb_set_TYPE(descriptor, TYPE_IOTLB);
	vtd_inv_iotlb_set_G(descriptor, granularity);
	vtd_inv_iotlb_set_DW(descriptor, vtd_CAP_DWD(unit->capability));
	vtd_inv_iotlb_set_DR(descriptor, vtd_CAP_DRD(unit->capability));
	vtd_inv_iotlb_set_DID(descriptor, id);
	vtd_inv_iotlb_set_AM(descriptor, order);
	vtd_inv_iotlb_set_ADDR(descriptor, gpa >> IOMMUSIM_PAGE_SHIFT >> order << order);
	return carry_out(driver, unit, descriptor);
}

/* ---- device-TLBs --------------------------------------------------------------------------------- */

static bool tells_devices(const struct vtd_driver *driver)
{
	return vmm_policy(driver->common.vmm, COLUMN_device_tlb) == POLICY_device_tlb_INVALIDATED;
}

bool vtd_driver_device_room(struct vtd_driver *driver)
{
	return !tells_devices(driver) ||
	    machine_grow(driver->common.machine, &driver->devices, &driver->device_capacity,
		driver->device_count + 1, sizeof(*driver->devices));
}

void vtd_driver_device_added(struct vtd_driver *driver, const struct vtd_driver_device *device)
{
	if (tells_devices(driver))
		driver->devices[driver->device_count++] = *device;
}

/* Is ATS on in the device (its E bit)? A device where it is off keeps nothing, and answers nothing. */
static bool keeps_translations(const struct vtd_driver *driver, const struct vtd_driver_device *device)
{
	return vtd_ECAP_DT(driver->units[device->unit].ext_capability) != 0 &&
	    requester_has_tlb(driver->common.machine, device->segment, device->rid);
}

/* 2^order pages around `gpa`; 64: all. */
static enum iommusim_status flush_device(
    struct vtd_driver *driver, const struct vtd_driver_device *device, uint64_t gpa, unsigned order)
{
	const uint64_t page = gpa >> IOMMUSIM_PAGE_SHIFT;
	struct vtd_driver_unit *unit = &driver->units[device->unit];
	uint64_t descriptor[2] = { 0, 0 };
	enum iommusim_status status = turn_on(driver, unit);

	if (status != IOMMUSIM_OK)
		return status;
	vtd_inv_devtlb_set_TYPE(descriptor, TYPE_DEVICE_TLB);
	vtd_inv_devtlb_set_SID(descriptor, device->rid);
	if (vtd_ECAP_DIT(unit->ext_capability)) { /* none of them is a virtual function here */
		vtd_inv_devtlb_set_PFSID_LOW(descriptor, device->rid & 0xf);
		vtd_inv_devtlb_set_PFSID_HIGH(descriptor, device->rid >> 4);
	}
	vtd_inv_devtlb_set_S(descriptor, order != 0);
	if (order >= 52)
		vtd_inv_devtlb_set_ADDR(descriptor, ALL_PAGES);
	else /* the lowest bit that is 0 tells how many there are */
		vtd_inv_devtlb_set_ADDR(descriptor,
		    (page >> order << order) | (order == 0 ? 0 : (UINT64_C(1) << (order - 1)) - 1));
	return carry_out(driver, unit, descriptor);
}

enum iommusim_status vtd_driver_flush_devices(
    struct vtd_driver *driver, uint32_t id, uint64_t gpa, unsigned order)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < driver->device_count && status == IOMMUSIM_OK; i++)
		if (driver->devices[i].id == id && keeps_translations(driver, &driver->devices[i]))
			status = flush_device(driver, &driver->devices[i], gpa, order);
	return status;
}

enum iommusim_status vtd_driver_device_removed(
    struct vtd_driver *driver, uint16_t segment, uint16_t rid)
{
	for (size_t i = 0; i < driver->device_count; i++) {
		const struct vtd_driver_device device = driver->devices[i];

		if (device.segment != segment || device.rid != rid)
			continue;
		driver->devices[i] = driver->devices[--driver->device_count];
		return keeps_translations(driver, &device) ? flush_device(driver, &device, 0, 64)
							   : IOMMUSIM_OK;
	}
	return IOMMUSIM_OK;
}
