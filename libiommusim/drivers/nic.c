/* The driver of a network card: page 0 is the receive ring, page 1 the transmit ring. */
#include "drivers/driver.h"
#include "models/devices/spec/devices.h"

#include <string.h>

enum { RECEIVE_PAGE, TRANSMIT_PAGE, ENTRIES = 64, DESCRIPTOR_SIZE = 16 };

static void set_ring(struct iommusim_device_driver *driver, uint64_t base, unsigned page)
{
	driver_write32(driver, base, driver_bus(driver, page) & UINT32_MAX);
	driver_write32(driver, base + (nic_RDBAH_at - nic_RDBAL_at), driver_bus(driver, page) >> 32);
	driver_write32(
	    driver, base + (nic_RDLEN_at - nic_RDBAL_at), (uint64_t)ENTRIES * DESCRIPTOR_SIZE);
	driver_write32(driver, base + (nic_RDH_at - nic_RDBAL_at), 0);
	driver_write32(driver, base + (nic_RDT_at - nic_RDBAL_at), 0);
}

static bool start(struct iommusim_device_driver *driver)
{
	driver_write32(driver, nic_CTRL_at, nic_CTRL_RST_bits(1));
	driver_write32(driver, nic_CTRL_at, nic_CTRL_SLU_bits(1));
	set_ring(driver, nic_RDBAL_at, RECEIVE_PAGE);
	set_ring(driver, nic_TDBAL_at, TRANSMIT_PAGE);
	driver_write32(
	    driver, nic_IMS_at, nic_IMS_RXT0_bits(1) | nic_IMS_RXO_bits(1) | nic_IMS_TXDW_bits(1));
	driver_write32(driver, nic_RCTL_at, nic_RCTL_EN_bits(1));
	driver_write32(driver, nic_TCTL_at, nic_TCTL_EN_bits(1));
	return nic_STATUS_LU(driver_read32(driver, nic_STATUS_at)) != 0;
}

static bool is_nic(const struct iommusim_device_driver *driver)
{
	return driver->model == &driver_nic;
}

enum iommusim_status iommusim_driver_post(struct iommusim_device_driver *driver, uint64_t address)
{
	const uint32_t next = (driver->posted + 1) % ENTRIES;
	uint64_t descriptor[2] = { 0 };

	if (!is_nic(driver))
		return IOMMUSIM_EINVAL;
	if (!driver_mend(driver))
		return IOMMUSIM_EIO;
	if (next == driver->taken)
		return IOMMUSIM_EBUSY;
	nic_rx_desc_set_ADDRESS(descriptor, address);
	driver_put(driver, RECEIVE_PAGE, driver->posted * UINT64_C(16), descriptor, DESCRIPTOR_SIZE);
	driver->posted = next;
	driver_write32(driver, nic_RDT_at, next);
	return IOMMUSIM_OK;
}

/* One descriptor after the other until the frame ends; its first buffer is told. */
enum iommusim_status iommusim_driver_received(
    struct iommusim_device_driver *driver, uint64_t *address, uint64_t *told)
{
	uint32_t at = driver->taken;
	uint64_t descriptor[2];

	*told = 0;
	if (!is_nic(driver))
		return IOMMUSIM_EINVAL;
	do {
		if (at == driver->posted)
			return IOMMUSIM_ENOENT;
		driver_get(driver, RECEIVE_PAGE, at * UINT64_C(16), descriptor, DESCRIPTOR_SIZE);
		if (nic_rx_desc_DD(descriptor) == 0)
			return IOMMUSIM_ENOENT;
		if (at == driver->taken)
			*address = nic_rx_desc_ADDRESS(descriptor);
		*told += nic_rx_desc_LENGTH(descriptor);
		at = (at + 1) % ENTRIES;
	} while (nic_rx_desc_EOP(descriptor) == 0);
	driver->taken = at;
	return IOMMUSIM_OK;
}

static bool fits(const struct iommusim_driver_piece *pieces, size_t count)
{
	uint64_t length = 0;

	if (count == 0 || count >= ENTRIES)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].length == 0 || pieces[i].length > IOMMUSIM_FRAME)
			return false;
		length += pieces[i].length;
	}
	return length <= IOMMUSIM_FRAME;
}

enum iommusim_status iommusim_driver_send(struct iommusim_device_driver *driver,
    const struct iommusim_driver_piece *pieces, size_t piece_count, uint64_t *told)
{
	uint64_t length = 0, descriptor[2] = { 0 };
	uint32_t at = 0;

	*told = 0;
	if (!is_nic(driver) || !fits(pieces, piece_count))
		return IOMMUSIM_EINVAL;
	if (!driver_mend(driver))
		return IOMMUSIM_EIO;
	for (size_t i = 0; i < piece_count; i++) {
		at = driver->tail;
		memset(descriptor, 0, sizeof(descriptor));
		nic_tx_desc_set_ADDRESS(descriptor, pieces[i].address);
		nic_tx_desc_set_LENGTH(descriptor, pieces[i].length);
		nic_tx_desc_set_EOP(descriptor, i + 1 == piece_count);
		nic_tx_desc_set_RS(descriptor, 1);
		driver_put(driver, TRANSMIT_PAGE, at * UINT64_C(16), descriptor, DESCRIPTOR_SIZE);
		driver->tail = (at + 1) % ENTRIES;
		length += pieces[i].length;
	}
	driver_write32(driver, nic_TDT_at, driver->tail);
	driver_get(driver, TRANSMIT_PAGE, at * UINT64_C(16), descriptor, DESCRIPTOR_SIZE);
	if (nic_tx_desc_DD(descriptor) == 0) {
		driver->broken = true;
		return IOMMUSIM_ETIMEDOUT;
	}
	*told = length;
	return IOMMUSIM_OK;
}

const struct driver_model driver_nic = { .start = start };
