/* A machine with one device, and what tests of devices do with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus.h"
#include "device_fixture.h"

static enum iommusim_status log_dma(
    void *context, const struct iommusim_device_access *access, struct iommusim_dma_outcome *outcome)
{
	struct fixture *fixture = context;
	struct iommusim_ats_outcome ats;

	if (fixture->logged < sizeof(fixture->log) / sizeof(*fixture->log))
		fixture->log[fixture->logged++] =
		    (struct logged){ access->purpose, access->request->kind, access->request->address,
			    access->request->length, iommusim_requester_rid(access->requester) };
	if (!access->ats)
		return iommusim_dma(access->requester, access->request, outcome, NULL, 0);
	if (iommusim_ats_dma(access->requester, access->request, &ats, NULL, 0) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	iommusim_ats_summary(&ats, outcome);
	return IOMMUSIM_OK;
}

void fixture_start(struct fixture *fixture, const struct iommusim_device_config *config)
{
	const struct iommusim_pci_function function = { .rid = RID, .name = "device" };
	struct iommusim_device_config own = *config;

	memset(fixture, 0, sizeof(*fixture));
	own.rid = RID;
	own.base = BAR;
	own.bus = (struct iommusim_device_bus){ .context = fixture, .dma = log_dma };
	assert_int_equal(iommusim_machine_create(NULL, &fixture->machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(fixture->machine, 0, RAM, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_add(fixture->machine, &function), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_create(fixture->machine, &own, &fixture->device), IOMMUSIM_OK);
}

void fixture_stop(struct fixture *fixture)
{
	iommusim_device_driver_destroy(fixture->driver);
	iommusim_machine_destroy(fixture->machine);
}

void fixture_drive(struct fixture *fixture)
{
	const struct iommusim_driver_memory memory = { .bus = 0x80000 };

	assert_int_equal(
	    iommusim_device_driver_create(fixture->device, &memory, &fixture->driver), IOMMUSIM_OK);
	fixture->logged = 0;
}

uint32_t reg(struct fixture *fixture, uint64_t offset)
{
	return (uint32_t)bus_get(fixture->machine, BAR + offset, 4);
}

void set_reg(struct fixture *fixture, uint64_t offset, uint32_t value)
{
	bus_set(fixture->machine, BAR + offset, 4, value);
}

void put_bytes(struct fixture *fixture, uint64_t address, const void *bytes, size_t length)
{
	assert_int_equal(iommusim_memory_write(fixture->machine, address, bytes, length), IOMMUSIM_OK);
}

void put64(struct fixture *fixture, uint64_t address, uint64_t value)
{
	put_bytes(fixture, address, &value, sizeof(value));
}

uint64_t get64(struct fixture *fixture, uint64_t address)
{
	return bus_load(fixture->machine, address);
}

enum iommusim_status disk(struct fixture *fixture, bool write, uint64_t sector, uint64_t address,
    uint64_t length, uint64_t *told)
{
	const struct iommusim_driver_piece piece = { address, length };
	const struct iommusim_disk_request request = {
		.write = write, .sector = sector, .pieces = &piece, .piece_count = 1
	};

	return iommusim_driver_disk(fixture->driver, &request, told);
}
