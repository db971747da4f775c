/*
 * The driver of an AHCI disk (AHCI 5.5.1): page 0 holds the command list and the received FIS, a page for
 * each slot its command table.
 */
#include "drivers/driver.h"
#include "models/devices/spec/devices.h"

#include <string.h>

enum {
	LIST_PAGE = 0,
	TABLE_PAGE = 1,
	FIS_AT = 0x400,
	HEADER_SIZE = 32,
	PRD_TABLE = 0x80,
	PRD_SIZE = 16
};
enum { READ_DMA_EXT = 0x25, WRITE_DMA_EXT = 0x35, LBA_MODE = 0x40, HOST_TO_DEVICE = 0x27 };

static void start_port(struct iommusim_device_driver *driver)
{
	driver_write32(driver, ahci_PxCMD_at, 0);
	driver_write32(driver, ahci_PxIS_at, UINT32_MAX);
	driver_write32(driver, ahci_PxCMD_at, ahci_PxCMD_ST_bits(1) | ahci_PxCMD_FRE_bits(1));
}

static bool start(struct iommusim_device_driver *driver)
{
	const uint64_t list = driver_bus(driver, LIST_PAGE), fis = list + FIS_AT;

	driver_write32(driver, ahci_GHC_at, ahci_GHC_HR_bits(1));
	driver_write32(driver, ahci_GHC_at, ahci_GHC_IE_bits(1));
	driver_write32(driver, ahci_PxCLB_at, list & UINT32_MAX);
	driver_write32(driver, ahci_PxCLBU_at, list >> 32);
	driver_write32(driver, ahci_PxFB_at, fis & UINT32_MAX);
	driver_write32(driver, ahci_PxFBU_at, fis >> 32);
	driver_write32(driver, ahci_PxIE_at,
	    ahci_PxIE_DHRE_bits(1) | ahci_PxIE_HBFE_bits(1) | ahci_PxIE_TFEE_bits(1));
	start_port(driver);
	return ahci_PxSSTS_DET(driver_read32(driver, ahci_PxSSTS_at)) == 3;
}

static void put_table(
    struct iommusim_device_driver *driver, unsigned page, const struct driver_command *command)
{
	uint64_t fis[3] = { 0 };

	ahci_fis_h2d_set_TYPE(fis, HOST_TO_DEVICE);
	ahci_fis_h2d_set_C(fis, 1);
	ahci_fis_h2d_set_COMMAND(fis, command->write ? WRITE_DMA_EXT : READ_DMA_EXT);
	ahci_fis_h2d_set_DEVICE(fis, LBA_MODE);
	ahci_fis_h2d_set_LBA_LOW(fis, command->sector);
	ahci_fis_h2d_set_LBA_HIGH(fis, command->sector >> 24);
	ahci_fis_h2d_set_COUNT(fis, command->length / IOMMUSIM_SECTOR);
	driver_put(driver, page, 0, fis, sizeof(fis));
	for (size_t i = 0; i < command->piece_count; i++) {
		uint64_t prd[2] = { 0 };

		ahci_prd_set_DBA(prd, command->pieces[i].address >> 1);
		ahci_prd_set_DBC(prd, command->pieces[i].length - 1);
		driver_put(driver, page, PRD_TABLE + i * PRD_SIZE, prd, sizeof(prd));
	}
}

static void submit(
    struct iommusim_device_driver *driver, unsigned slot, const struct driver_command *command)
{
	uint64_t header[4] = { 0 };

	put_table(driver, TABLE_PAGE + slot, command);
	ahci_command_header_set_CFL(header, 5);
	ahci_command_header_set_W(header, command->write);
	ahci_command_header_set_PRDTL(header, command->piece_count);
	ahci_command_header_set_CTBA(header, driver_bus(driver, TABLE_PAGE + slot) >> 7);
	driver_put(driver, LIST_PAGE, slot * UINT64_C(32), header, sizeof(header));
	driver_write32(driver, ahci_PxCI_at, UINT32_C(1) << slot);
}

static uint64_t told(struct iommusim_device_driver *driver, unsigned slot)
{
	uint64_t header[4];

	driver_get(driver, LIST_PAGE, slot * UINT64_C(32), header, sizeof(header));
	return ahci_command_header_PRDBC(header);
}

/* An error takes all that was under way with it: the port is stopped and started again. */
static void reap(struct iommusim_device_driver *driver)
{
	const uint32_t causes = driver_read32(driver, ahci_PxIS_at);
	const uint32_t issued = driver_read32(driver, ahci_PxCI_at);
	const bool error = ahci_PxIS_HBFS(causes) != 0 || ahci_PxIS_TFES(causes) != 0;

	driver_write32(driver, ahci_PxIS_at, causes);
	for (unsigned slot = 0; slot < IOMMUSIM_DRIVER_DEPTH; slot++) {
		if (!driver->slots[slot].busy)
			continue;
		if ((issued >> slot & 1) == 0)
			driver_finish(driver, slot, DRIVER_DONE, told(driver, slot));
		else if (error)
			driver_finish(driver, slot, DRIVER_FAILED, 0);
	}
	if (error)
		start_port(driver);
}

const struct driver_model driver_ahci = { .start = start, .submit = submit, .reap = reap };
