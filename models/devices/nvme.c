/*
 * The NVMe-like disk. A command is fetched at the head of its submission queue, its data lies where PRP1 and
 * PRP2 say, and its completion goes to the tail of the completion queue, with the phase bit of that round
 * (NVMe 4.1 to 4.6, 7.2). One admin queue and one for I/O; one namespace of 512-byte sectors.
 */
#include "models/devices/device.h"
#include "models/devices/spec/devices.h"

#include <string.h>

/* Opcodes (NVMe 5, 6) and status codes of type 0 (4.6.1.2.1). */
enum { ADMIN_CREATE_SQ = 0x01, ADMIN_CREATE_CQ = 0x05 };
enum { IO_FLUSH = 0x00, IO_WRITE = 0x01, IO_READ = 0x02 };
enum {
	STATUS_SUCCESS = 0x00,
	STATUS_INVALID_OPCODE = 0x01,
	STATUS_INVALID_FIELD = 0x02,
	STATUS_DATA_TRANSFER_ERROR = 0x04,
	STATUS_LBA_OUT_OF_RANGE = 0x80
};

enum { QUEUES = 2, SQE_SIZE = 64, CQE_SIZE = 16, LARGEST_QUEUE = 4096, NAMESPACE = 1 };

#define NVME_PAGE UINT64_C(4096) /* CC.MPS=0 */

struct queue {
	uint64_t base;
	uint32_t size; /* entries; 0: there is none */
	uint32_t head;
	uint32_t tail;
	bool phase; /* completion: of the entries of this round */
	bool interrupts;
};

struct nvme {
	struct iommusim_device device; /* first */
	uint32_t cc, csts, aqa, masked;
	uint64_t asq, acq;
	struct queue submission[QUEUES], completion[QUEUES];
};

static struct nvme *nvme_of(struct iommusim_device *device)
{
	return (struct nvme *)device;
}

/* ---- registers ----------------------------------------------------------------------------------- */

static uint32_t read_register(struct iommusim_device *device, uint32_t offset)
{
	const struct nvme *nvme = nvme_of(device);
	const uint64_t cap = nvme_CAP_MQES_bits(LARGEST_QUEUE - 1) | nvme_CAP_CQR_bits(1) |
	    nvme_CAP_TO_bits(1) | nvme_CAP_CSS_bits(1);

	switch (offset) {
	case nvme_CAP_at:
		return (uint32_t)cap;
	case nvme_CAP_at + 4:
		return (uint32_t)(cap >> 32);
	case nvme_VS_at:
		return (uint32_t)(nvme_VS_MJR_bits(1) | nvme_VS_MNR_bits(4));
	case nvme_INTMS_at:
	case nvme_INTMC_at:
		return nvme->masked;
	case nvme_CC_at:
		return nvme->cc;
	case nvme_CSTS_at:
		return nvme->csts;
	case nvme_AQA_at:
		return nvme->aqa;
	case nvme_ASQ_at:
		return (uint32_t)nvme->asq;
	case nvme_ASQ_at + 4:
		return (uint32_t)(nvme->asq >> 32);
	case nvme_ACQ_at:
		return (uint32_t)nvme->acq;
	case nvme_ACQ_at + 4:
		return (uint32_t)(nvme->acq >> 32);
	default:
		return 0;
	}
}

static void reset(struct iommusim_device *device)
{
	struct nvme *nvme = nvme_of(device);

	memset((uint8_t *)nvme + sizeof(nvme->device), 0, sizeof(*nvme) - sizeof(nvme->device));
}

/* CC.EN: 1 makes the admin queues, 0 is a controller reset, which keeps AQA, ASQ and ACQ (7.3.2). */
static void write_configuration(struct nvme *nvme, uint32_t value)
{
	const bool was = nvme_CC_EN(nvme->cc) != 0, is = nvme_CC_EN(value) != 0;

	nvme->cc = value;
	if (was == is)
		return;
	memset(nvme->submission, 0, sizeof(nvme->submission));
	memset(nvme->completion, 0, sizeof(nvme->completion));
	nvme->csts = (uint32_t)nvme_CSTS_RDY_bits(is && nvme_CC_MPS(value) == 0);
	if (!is)
		return;
	nvme->submission[0] =
	    (struct queue){ .base = nvme->asq, .size = (uint32_t)nvme_AQA_ASQS(nvme->aqa) + 1 };
	nvme->completion[0] = (struct queue){ .base = nvme->acq,
		.size = (uint32_t)nvme_AQA_ACQS(nvme->aqa) + 1,
		.phase = true,
		.interrupts = true };
}

/* Submission queue y has doorbell 2y, completion queue y doorbell 2y + 1. */
static void ring(struct nvme *nvme, uint32_t number, uint32_t value)
{
	struct queue *queue;

	if (number / 2 >= QUEUES)
		return;
	queue = number % 2 == 0 ? &nvme->submission[number / 2] : &nvme->completion[number / 2];
	if (nvme_DOORBELLS_INDEX(value) >= queue->size)
		return;
	if (number % 2 == 0)
		queue->tail = (uint32_t)nvme_DOORBELLS_INDEX(value);
	else
		queue->head = (uint32_t)nvme_DOORBELLS_INDEX(value);
	device_doorbell(&nvme->device);
}

static void write_register(struct iommusim_device *device, uint32_t offset, uint32_t value)
{
	struct nvme *nvme = nvme_of(device);

	switch (offset) {
	case nvme_INTMS_at:
		nvme->masked |= value;
		break;
	case nvme_INTMC_at:
		nvme->masked &= ~value;
		break;
	case nvme_CC_at:
		write_configuration(nvme, value);
		break;
	case nvme_AQA_at:
		nvme->aqa = value;
		break;
	case nvme_ASQ_at:
	case nvme_ASQ_at + 4:
		nvme->asq = with_half(nvme->asq, offset != nvme_ASQ_at, value);
		nvme->asq = nvme_ASQ_ASQB_bits(nvme_ASQ_ASQB(nvme->asq));
		break;
	case nvme_ACQ_at:
	case nvme_ACQ_at + 4:
		nvme->acq = with_half(nvme->acq, offset != nvme_ACQ_at, value);
		nvme->acq = nvme_ACQ_ACQB_bits(nvme_ACQ_ACQB(nvme->acq));
		break;
	default:
		if (offset >= nvme_DOORBELLS_at)
			ring(nvme, (offset - nvme_DOORBELLS_at) / 4, value);
		break;
	}
}

/* ---- data ------------------------------------------------------------------------------------------ */

/* The data of one command, page by page. */
struct transfer {
	uint64_t offset; /* on the disk */
	uint64_t left;
	bool to_memory;
};

static enum device_answer move_page(struct nvme *nvme, struct transfer *transfer, uint64_t prp)
{
	const uint64_t room = NVME_PAGE - prp % NVME_PAGE;
	const uint64_t length = transfer->left < room ? transfer->left : room;
	const enum device_answer answer =
	    device_move(&nvme->device, transfer->to_memory, prp, transfer->offset, length);

	transfer->offset += length;
	transfer->left -= length;
	return answer;
}

/* A list of pages; the last entry of a page of it points to the next, if there is more (4.3). */
static enum device_answer move_list(struct nvme *nvme, struct transfer *transfer, uint64_t list)
{
	enum device_answer answer = DEVICE_MOVED;

	while (transfer->left > 0 && answer == DEVICE_MOVED) {
		const bool last = list % NVME_PAGE == NVME_PAGE - sizeof(uint64_t);
		uint64_t entry;

		answer = device_fetch(&nvme->device, list, &entry, sizeof(entry));
		if (answer != DEVICE_MOVED)
			return answer;
		list += sizeof(entry);
		if (last && transfer->left > NVME_PAGE)
			list = entry;
		else
			answer = move_page(nvme, transfer, entry);
	}
	return answer;
}

static enum device_answer move_data(struct nvme *nvme, struct transfer *transfer, const uint64_t *sqe)
{
	enum device_answer answer = move_page(nvme, transfer, nvme_sqe_PRP1(sqe));

	if (answer != DEVICE_MOVED || transfer->left == 0)
		return answer;
	if (transfer->left <= NVME_PAGE)
		return move_page(nvme, transfer, nvme_sqe_PRP2(sqe));
	return move_list(nvme, transfer, nvme_sqe_PRP2(sqe));
}

/* ---- commands ------------------------------------------------------------------------------------- */

static unsigned run_io(struct nvme *nvme, const uint64_t *sqe)
{
	const uint64_t code = nvme_sqe_OPC(sqe), sector = nvme_sqe_SLBA(sqe);
	struct transfer transfer = {
		.offset = sector * IOMMUSIM_SECTOR,
		.left = (nvme_sqe_NLB(sqe) + 1) * IOMMUSIM_SECTOR,
		.to_memory = code == IO_READ,
	};

	if (code == IO_FLUSH)
		return STATUS_SUCCESS;
	if (code != IO_READ && code != IO_WRITE)
		return STATUS_INVALID_OPCODE;
	if (nvme_sqe_NSID(sqe) != NAMESPACE)
		return STATUS_INVALID_FIELD;
	if (sector > UINT64_MAX / IOMMUSIM_SECTOR ||
	    !store_has(&nvme->device.store, transfer.offset, transfer.left))
		return STATUS_LBA_OUT_OF_RANGE;
	return move_data(nvme, &transfer, sqe) == DEVICE_MOVED ? STATUS_SUCCESS
							       : STATUS_DATA_TRANSFER_ERROR;
}

/* Queue 1 is all there is to make; its completion queue comes first. */
static unsigned run_admin(struct nvme *nvme, const uint64_t *sqe)
{
	const uint64_t code = nvme_sqe_OPC(sqe);
	const struct queue queue = {
		.base = nvme_sqe_create_PRP1(sqe),
		.size = (uint32_t)nvme_sqe_create_QSIZE(sqe) + 1,
		.phase = true,
		.interrupts = nvme_sqe_create_IEN(sqe) != 0,
	};

	if (code != ADMIN_CREATE_SQ && code != ADMIN_CREATE_CQ)
		return STATUS_INVALID_OPCODE;
	if (nvme_sqe_create_QID(sqe) != 1 || nvme_sqe_create_PC(sqe) == 0 ||
	    queue.size > LARGEST_QUEUE || queue.base % NVME_PAGE != 0)
		return STATUS_INVALID_FIELD;
	if (code == ADMIN_CREATE_CQ) {
		nvme->completion[1] = queue;
		return STATUS_SUCCESS;
	}
	if (nvme_sqe_create_CQID(sqe) != 1 || nvme->completion[1].size == 0)
		return STATUS_INVALID_FIELD;
	nvme->submission[1] = queue;
	return STATUS_SUCCESS;
}

static bool is_full(const struct queue *queue)
{
	return (queue->tail + 1) % queue->size == queue->head;
}

/* A completion that the device knows it could not write is the end (7.2: fatal status). */
static enum device_answer complete(
    struct nvme *nvme, unsigned number, const uint64_t *sqe, unsigned status)
{
	struct queue *queue = &nvme->completion[number];
	uint64_t cqe[2] = { 0 };
	enum device_answer answer;

	nvme_cqe_set_SQHD(cqe, nvme->submission[number].head);
	nvme_cqe_set_SQID(cqe, number);
	nvme_cqe_set_CID(cqe, nvme_sqe_CID(sqe));
	nvme_cqe_set_P(cqe, queue->phase);
	nvme_cqe_set_SC(cqe, status);
	nvme_cqe_set_DNR(cqe, status != STATUS_SUCCESS);
	answer = device_dma(&nvme->device, IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE,
	    queue->base + (uint64_t)queue->tail * CQE_SIZE, cqe, CQE_SIZE);
	queue->tail = (queue->tail + 1) % queue->size;
	queue->phase ^= queue->tail == 0;
	return answer;
}

/* False: there is nothing to do, it must wait, or it has stopped for good. */
static bool run_next(struct nvme *nvme, unsigned number)
{
	struct queue *queue = &nvme->submission[number];
	const struct queue *completion = &nvme->completion[number];
	enum device_answer answer;
	uint64_t sqe[8];
	unsigned status;

	if (queue->size == 0 || queue->head == queue->tail || is_full(completion) ||
	    nvme_CSTS_CFS(nvme->csts) != 0)
		return false;
	answer =
	    device_fetch(&nvme->device, queue->base + (uint64_t)queue->head * SQE_SIZE, sqe, SQE_SIZE);
	if (answer == DEVICE_SILENT)
		return false;
	if (answer == DEVICE_MOVED) {
		queue->head = (queue->head + 1) % queue->size;
		status = number == 0 ? run_admin(nvme, sqe) : run_io(nvme, sqe);
		answer = complete(nvme, number, sqe, status);
		device_done(&nvme->device, status != STATUS_SUCCESS);
	}
	if (answer != DEVICE_MOVED) {
		nvme->csts |= (uint32_t)nvme_CSTS_CFS_bits(1);
		return false;
	}
	if (completion->interrupts && (nvme->masked & 1) == 0)
		device_interrupt(&nvme->device);
	return true;
}

static void run(struct iommusim_device *device)
{
	struct nvme *nvme = nvme_of(device);

	if (nvme_CSTS_RDY(nvme->csts) == 0)
		return;
	for (unsigned number = 0; number < QUEUES; number++)
		while (run_next(nvme, number))
			;
}

const struct device_model device_nvme = {
	.kind = IOMMUSIM_DEVICE_NVME,
	.size = sizeof(struct nvme),
	.register_size = 0x2000,
	.read = read_register,
	.write = write_register,
	.work = run,
	.reset = reset,
};
