/*
 * The driver of an NVMe disk (NVMe 7.6.1, 7.2): a page each for the admin queues and the I/O queues, and one
 * for the PRP list of each slot. The slot is the command's identifier.
 */
#include "drivers/driver.h"
#include "models/devices/spec/devices.h"

#include <string.h>

enum { ASQ_PAGE, ACQ_PAGE, SQ_PAGE, CQ_PAGE, LIST_PAGE, ENTRIES = 16, SQE_SIZE = 64, CQE_SIZE = 16 };
enum { CREATE_SQ = 0x01, CREATE_CQ = 0x05, WRITE = 0x01, READ = 0x02 };
enum { ADMIN_TAIL, ADMIN_HEAD, IO_TAIL, IO_HEAD }; /* doorbells */

static void ring(struct iommusim_device_driver *driver, unsigned doorbell, uint32_t value)
{
	driver_write32(driver, nvme_DOORBELLS_at + doorbell * UINT64_C(4), value);
}

static bool is_ready(struct iommusim_device_driver *driver)
{
	const uint32_t status = driver_read32(driver, nvme_CSTS_at);

	return nvme_CSTS_RDY(status) != 0 && nvme_CSTS_CFS(status) == 0;
}

/* Command number `index` of the admin queue, which never wraps here. False: it did not succeed. */
static bool admin(struct iommusim_device_driver *driver, unsigned index, uint64_t *sqe)
{
	uint64_t cqe[2];

	nvme_sqe_set_CID(sqe, index);
	driver_put(driver, ASQ_PAGE, index * UINT64_C(64), sqe, SQE_SIZE);
	ring(driver, ADMIN_TAIL, index + 1);
	driver_get(driver, ACQ_PAGE, index * UINT64_C(16), cqe, CQE_SIZE);
	ring(driver, ADMIN_HEAD, index + 1);
	return nvme_cqe_P(cqe) == 1 && nvme_cqe_CID(cqe) == index && nvme_cqe_SC(cqe) == 0;
}

static bool make_queues(struct iommusim_device_driver *driver)
{
	uint64_t completion[8] = { 0 }, submission[8] = { 0 };

	nvme_sqe_set_OPC(completion, CREATE_CQ);
	nvme_sqe_create_set_PRP1(completion, driver_bus(driver, CQ_PAGE));
	nvme_sqe_create_set_QID(completion, 1);
	nvme_sqe_create_set_QSIZE(completion, ENTRIES - 1);
	nvme_sqe_create_set_PC(completion, 1);
	nvme_sqe_create_set_IEN(completion, 1);
	nvme_sqe_set_OPC(submission, CREATE_SQ);
	nvme_sqe_create_set_PRP1(submission, driver_bus(driver, SQ_PAGE));
	nvme_sqe_create_set_QID(submission, 1);
	nvme_sqe_create_set_QSIZE(submission, ENTRIES - 1);
	nvme_sqe_create_set_PC(submission, 1);
	nvme_sqe_create_set_CQID(submission, 1);
	return admin(driver, 0, completion) && admin(driver, 1, submission);
}

static bool start(struct iommusim_device_driver *driver)
{
	driver_write32(driver, nvme_CC_at, 0);
	driver_write32(
	    driver, nvme_AQA_at, nvme_AQA_ASQS_bits(ENTRIES - 1) | nvme_AQA_ACQS_bits(ENTRIES - 1));
	driver_write64(driver, nvme_ASQ_at, driver_bus(driver, ASQ_PAGE));
	driver_write64(driver, nvme_ACQ_at, driver_bus(driver, ACQ_PAGE));
	driver_write32(
	    driver, nvme_CC_at, nvme_CC_EN_bits(1) | nvme_CC_IOSQES_bits(6) | nvme_CC_IOCQES_bits(4));
	return is_ready(driver) && make_queues(driver);
}

/* The pages behind the first, in a row: PRP2 if there is one more, else a list. */
static void put_pages(struct iommusim_device_driver *driver, unsigned slot,
    const struct driver_command *command, uint64_t *sqe)
{
	uint64_t page = 0;

	for (size_t i = 0; i < command->piece_count; i++) {
		const uint64_t end = command->pieces[i].address + command->pieces[i].length;
		uint64_t at = command->pieces[i].address;

		for (; at < end; at = (at | (IOMMUSIM_PAGE_SIZE - 1)) + 1, page++) {
			if (page == 0)
				nvme_sqe_set_PRP1(sqe, at);
			else
				driver_put(
				    driver, LIST_PAGE + slot, (page - 1) * sizeof(at), &at, sizeof(at));
			if (page == 1)
				nvme_sqe_set_PRP2(sqe, at);
		}
	}
	if (page > 2)
		nvme_sqe_set_PRP2(sqe, driver_bus(driver, LIST_PAGE + slot));
}

static void submit(
    struct iommusim_device_driver *driver, unsigned slot, const struct driver_command *command)
{
	uint64_t sqe[8] = { 0 };

	nvme_sqe_set_OPC(sqe, command->write ? WRITE : READ);
	nvme_sqe_set_CID(sqe, slot);
	nvme_sqe_set_NSID(sqe, 1);
	nvme_sqe_set_SLBA(sqe, command->sector);
	nvme_sqe_set_NLB(sqe, command->length / IOMMUSIM_SECTOR - 1);
	put_pages(driver, slot, command, sqe);
	driver_put(driver, SQ_PAGE, driver->tail * UINT64_C(64), sqe, SQE_SIZE);
	driver->tail = (driver->tail + 1) % ENTRIES;
	ring(driver, IO_TAIL, driver->tail);
}

/* Completions in order, as long as their phase is that of the round. */
static void reap(struct iommusim_device_driver *driver)
{
	const uint32_t before = driver->head;

	for (;;) {
		uint64_t cqe[2];
		bool good;

		driver_get(driver, CQ_PAGE, driver->head * UINT64_C(16), cqe, CQE_SIZE);
		if ((nvme_cqe_P(cqe) != 0) != driver->phase)
			break;
		good = nvme_cqe_SC(cqe) == 0;
		if (nvme_cqe_CID(cqe) < IOMMUSIM_DRIVER_DEPTH) {
			const unsigned slot = (unsigned)nvme_cqe_CID(cqe);

			driver_finish(driver, slot, good ? DRIVER_DONE : DRIVER_FAILED,
			    good ? driver->slots[slot].length : 0);
		}
		driver->head = (driver->head + 1) % ENTRIES;
		driver->phase ^= driver->head == 0;
	}
	if (driver->head != before)
		ring(driver, IO_HEAD, driver->head);
}

const struct driver_model driver_nvme = { .start = start, .submit = submit, .reap = reap };
