/*
 * Devices with behaviour and their drivers: disk_read(), disk_write(), nic_*(), ats_copy(), device_*(). A
 * device that a VM holds is driven by the guest, with its queues in guest memory; any other by the host.
 */
#include <string.h>

#include "replay/record.h"
#include "replay/run.h"

/* Where a driver's queues lie, for the device: below 1 MiB, in nobody's way; a place for each of 16 devices. */
#define FIRST_RINGS  UINT64_C(0x80000)
#define RING_PLACES  16u
#define NIC_BUFFER   2048u
#define LARGEST_LOOK (UINT64_C(1) << 20)

/* ---- how requests of devices reach the bus --------------------------------------------------------- */

/*
 * The report is about the data. A descriptor that was fetched well, or a status that was written well, only
 * stands in until there is more to tell.
 */
static void merge(struct replay *replay, enum iommusim_device_purpose purpose)
{
	const bool stand_in = replay->device_purpose != IOMMUSIM_DEVICE_DATA &&
	    replay->report.verdict == IOMMUSIM_VERDICT_OK;

	if (purpose != IOMMUSIM_DEVICE_DATA && replay->run_report.verdict == IOMMUSIM_VERDICT_OK)
		return;
	if (stand_in) {
		replay->report = replay->run_report;
		replay->device_purpose = purpose;
		return;
	}
	report_merge(&replay->report, &replay->run_report);
}

static enum iommusim_status judged_dma(
    void *context, const struct iommusim_device_access *access, struct iommusim_dma_outcome *outcome)
{
	struct replay *replay = context;
	const bool first = replay->device_requests == 0;
	struct iommusim_report *report = first ? &replay->report : &replay->run_report;
	struct iommusim_dma_request request = *access->request;
	enum iommusim_status status;

	if (replay->check == NULL)
		return IOMMUSIM_ENXIO;
	request.tag = replay->lexer.line;
	if (access->ats)
		status = iommusim_check_ats_dma(
		    replay->check, access->requester, &request, replay->device_for, report);
	else
		status = iommusim_check_dma(
		    replay->check, access->requester, &request, replay->device_for, report);
	if (status != IOMMUSIM_OK)
		return status;
	*outcome = report->outcome;
	report->request.data = NULL; /* the device's, and gone by the time anybody looks */
	if (first)
		replay->device_purpose = access->purpose;
	else
		merge(replay, access->purpose);
	replay->device_requests++;
	return IOMMUSIM_OK;
}

struct iommusim_device_bus device_bus(struct replay *replay)
{
	return (struct iommusim_device_bus){ .context = replay, .dma = judged_dma };
}

/* ---- who drives a device ---------------------------------------------------------------------------- */

static struct known_device *find(struct replay *replay, uint16_t segment, uint16_t rid)
{
	struct known_device *known;

	TAILQ_FOREACH (known, &replay->devices, link)
		if (known->segment == segment && known->rid == rid)
			return known;
	return NULL;
}

static struct known_device *learn(struct replay *replay, const struct value *at)
{
	struct known_device *known = find(replay, at->segment, at->rid), *other;
	unsigned place = 0;

	if (known != NULL)
		return known;
	known = replay_allocate(replay, sizeof(*known));
	if (known == NULL)
		return NULL;
	TAILQ_FOREACH (other, &replay->devices, link)
		place++;
	memset(known, 0, sizeof(*known));
	known->segment = at->segment;
	known->rid = at->rid;
	known->rings = FIRST_RINGS + place % RING_PLACES * IOMMUSIM_DRIVER_MEMORY;
	TAILQ_INSERT_TAIL(&replay->devices, known, link);
	return known;
}

static void forget_driver(struct known_device *known)
{
	iommusim_device_driver_destroy(known->driver);
	known->driver = NULL;
}

void devices_free(struct replay *replay)
{
	struct known_device *known;

	while ((known = TAILQ_FIRST(&replay->devices)) != NULL) {
		TAILQ_REMOVE(&replay->devices, known, link);
		forget_driver(known);
		replay_release(replay, known, sizeof(*known));
	}
}

void device_restore(struct replay *replay, const struct value *at)
{
	const struct known_device *known = find(replay, at->segment, at->rid);
	struct iommusim_device *device = iommusim_device_at(replay->machine, at->segment, at->rid);

	if (known != NULL && device != NULL && known->message_address != 0)
		iommusim_device_set_message(device, known->message_address, known->message_data);
}

/* Host memory is where the device sees it; guest memory is where vmm put it. */
static bool find_page(void *context, uint64_t bus, uint64_t *physical)
{
	const struct known_device *known = context;

	*physical = bus;
	return known->vm == NULL ||
	    iommusim_vm_gpa_to_hpa(known->vm, bus, physical, NULL) == IOMMUSIM_OK;
}

/* Is it still the same driver, with the same memory? */
static bool is_current(
    const struct replay *replay, struct known_device *known, const struct iommusim_device *device)
{
	struct iommusim_vm *vm = iommusim_vm_of_device(replay->vmm, known->segment, known->rid);
	uint64_t physical;

	if (known->driver == NULL || known->device != device || known->vm != vm)
		return false;
	for (unsigned i = 0; i < sizeof(known->pages) / sizeof(*known->pages); i++)
		if (!find_page(known, known->rings + i * IOMMUSIM_PAGE_SIZE, &physical) ||
		    physical != known->pages[i])
			return false;
	return true;
}

static enum iommusim_status refuse_device(
    struct replay *replay, const struct value *at, const char *expected)
{
	return replay_refuse(replay, at->at, "`%s(...)`: no such device is there; expected one of %s",
	    replay->statement.row->name, expected);
}

/* The device at a place, if it is one of `kinds` (a bit each). */
static enum iommusim_status find_device(struct replay *replay, const struct value *at, unsigned kinds,
    const char *expected, struct iommusim_device **device)
{
	*device = iommusim_device_at(replay->machine, at->segment, at->rid);
	if (*device == NULL || (kinds >> iommusim_device_config(*device)->kind & 1) == 0)
		return refuse_device(replay, at, expected);
	return IOMMUSIM_OK;
}

/* A driver takes the device over: the guest's if a VM holds it, else the host's. */
static enum iommusim_status take_over(struct replay *replay, const struct value *at,
    struct known_device *known, struct iommusim_device *device)
{
	const struct iommusim_driver_memory memory = {
		.bus = known->rings, .context = known, .physical = find_page
	};
	enum iommusim_status status;

	forget_driver(known);
	known->device = device;
	known->vm = iommusim_vm_of_device(replay->vmm, known->segment, known->rid);
	for (unsigned i = 0; i < sizeof(known->pages) / sizeof(*known->pages); i++)
		find_page(known, known->rings + i * IOMMUSIM_PAGE_SIZE, &known->pages[i]);
	if (known->message_address != 0)
		iommusim_device_set_message(device, known->message_address, known->message_data);
	status = iommusim_device_driver_create(device, &memory, &known->driver);
	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	if (status == IOMMUSIM_ENXIO)
		return replay_refuse(replay, at->at,
		    "its driver needs 0x%llx bytes of memory at 0x%llx, and there is none; "
		    "device_rings(DEV, ADDRESS) puts its queues elsewhere",
		    (unsigned long long)IOMMUSIM_DRIVER_MEMORY, (unsigned long long)known->rings);
	replay->statement.outcome.status = status;
	return IOMMUSIM_OK;
}

/* `*driver` NULL: the device does not get ready, and the outcome says so. */
static enum iommusim_status find_driver(struct replay *replay, const struct value *at, unsigned kinds,
    const char *expected, struct iommusim_device_driver **driver)
{
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = find_device(replay, at, kinds, expected, &device);

	*driver = NULL;
	if (status != IOMMUSIM_OK)
		return status;
	known = learn(replay, at);
	if (known == NULL)
		return replay_no_memory(replay);
	if (!is_current(replay, known, device)) {
		status = take_over(replay, at, known, device);
		if (status != IOMMUSIM_OK)
			return status;
	}
	*driver = known->driver;
	return IOMMUSIM_OK;
}

#define DISKS (1u << IOMMUSIM_DEVICE_AHCI | 1u << IOMMUSIM_DEVICE_NVME)
#define NICS  (1u << IOMMUSIM_DEVICE_NIC)
#define ATS   (1u << IOMMUSIM_DEVICE_ATS)
#define ANY   (DISKS | NICS | ATS)

#define ANY_WORDS "class=ahci, nvme, nic or ats"

/* ---- what a request is about -------------------------------------------------------------------------- */

static void set_beneficiary(struct replay *replay, const struct value *for_vm)
{
	if (for_vm->kind != VALUE_ABSENT)
		replay->device_for = iommusim_vm_name(for_vm->vm);
}

/* The pieces of a buffer as the device is to see them: gpa() makes one of each run of host pages. */
static enum iommusim_status find_pieces(struct replay *replay, const struct value *address,
    uint64_t length, const struct iommusim_driver_piece **pieces, size_t *count)
{
	const size_t most =
	    address->kind == VALUE_CALL ? (size_t)(length >> IOMMUSIM_PAGE_SHIFT) + 2 : 1;
	struct iommusim_driver_piece *piece;
	enum iommusim_status status = IOMMUSIM_OK;

	if (address->kind == VALUE_CALL)
		status = guest_range_check(replay, address, length);
	if (status != IOMMUSIM_OK)
		return status;
	if (!replay_room(replay, &replay->pieces, most * sizeof(*piece)))
		return replay_no_memory(replay);
	piece = (void *)replay->pieces.bytes;
	*pieces = piece;
	*count = 0;
	if (address->kind != VALUE_CALL) {
		*piece = (struct iommusim_driver_piece){ address->number, length };
		*count = 1;
		return IOMMUSIM_OK;
	}
	for (uint64_t done = 0, run; done < length; done += run) {
		uint64_t hpa = 0;

		run = 0;
		iommusim_vm_gpa_to_hpa(address->vm, address->number + done, &hpa, &run);
		run = length - done < run ? length - done : run;
		piece[(*count)++] = (struct iommusim_driver_piece){ hpa, run };
	}
	return IOMMUSIM_OK;
}

static const char *disk_words(
    const struct replay *replay, const struct iommusim_device *device, enum iommusim_status status)
{
	if (status == IOMMUSIM_OK)
		return "the disk reports success, and its driver believes it";
	if (status == IOMMUSIM_ETIMEDOUT)
		return "the command never completes: its driver waits until it gives up";
	if (replay->report.verdict == IOMMUSIM_VERDICT_OK)
		return "the disk refuses the command, whatever became of its DMA";
	return iommusim_device_config(device)->kind == IOMMUSIM_DEVICE_NVME
	    ? "the disk reports an error: status 04h, Data Transfer Error"
	    : "the disk reports an error: PxIS.HBFS, Host Bus Fatal Error";
}

/* What came of a driver's request, and what it was told. */
static void conclude(
    struct replay *replay, enum iommusim_status status, uint64_t told, const char *words)
{
	struct outcome *outcome = &replay->statement.outcome;

	outcome->status = status;
	outcome->number = told;
	if (replay->device_requests != 0)
		replay->report.driver_sees = words;
}

/* ---- disks ---------------------------------------------------------------------------------------------- */

struct disk_arguments {
	const struct value *disk;
	const struct value *lba;
	const struct value *address;
	const struct value *len;
	const struct value *for_vm;
	const struct value *wait;
};

#define DISK_ARGUMENTS(statement, of)                                                                  \
	{                                                                                              \
		argument(statement, ARG_##of##_disk), argument(statement, ARG_##of##_lba),             \
		    argument(statement, ARG_##of##_address), argument(statement, ARG_##of##_len),      \
		    argument(statement, ARG_##of##_for), argument(statement, ARG_##of##_wait)          \
	}

static enum iommusim_status check_disk(
    struct replay *replay, const struct disk_arguments *arguments, bool no_wait)
{
	const struct value *len = arguments->len;

	if (len->number == 0 || len->number % IOMMUSIM_SECTOR != 0 || len->number > REPLAY_LARGEST_DMA)
		return replay_refuse(
		    replay, len->at, "a disk moves whole sectors of 512 bytes, at most 1G of them");
	if (no_wait && len->number > IOMMUSIM_DRIVER_TRANSFER)
		return replay_refuse(
		    replay, len->at, "with wait=no it is one command, of 512K at most");
	if (arguments->address->number % 4 != 0)
		return replay_refuse(replay, arguments->address->at,
		    "a disk moves to and from addresses that are multiples of 4");
	return IOMMUSIM_OK;
}

enum iommusim_status run_disk(struct replay *replay, struct statement *statement)
{
	const bool write = statement->row->detail != 0;
	const struct disk_arguments reading = DISK_ARGUMENTS(statement, disk_read);
	const struct disk_arguments writing = DISK_ARGUMENTS(statement, disk_write);
	const struct disk_arguments *arguments = write ? &writing : &reading;
	struct iommusim_disk_request request = { .write = write,
		.sector = arguments->lba->number,
		.no_wait = arguments->wait->kind != VALUE_ABSENT && arguments->wait->number == 0 };
	struct iommusim_device_driver *driver;
	struct iommusim_device *device;
	enum iommusim_status status;
	uint64_t told;

	status = check_disk(replay, arguments, request.no_wait);
	if (status == IOMMUSIM_OK)
		status = find_pieces(replay, arguments->address, arguments->len->number,
		    &request.pieces, &request.piece_count);
	set_beneficiary(replay, arguments->for_vm);
	recorder_hush(replay->recorder, true);
	if (status == IOMMUSIM_OK)
		status =
		    find_driver(replay, arguments->disk, DISKS, "class=ahci or class=nvme", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		device =
		    iommusim_device_at(replay->machine, arguments->disk->segment, arguments->disk->rid);
		if (request.no_wait)
			iommusim_device_hold(device, true);
		statement->outcome.status = iommusim_driver_disk(driver, &request, &told);
		conclude(replay, statement->outcome.status, told,
		    disk_words(replay, device, statement->outcome.status));
	}
	recorder_hush(replay->recorder, false);
	return status;
}

/* ---- network cards --------------------------------------------------------------------------------------- */

enum iommusim_status run_nic_buffer(struct replay *replay, struct statement *statement)
{
	const struct value *address = argument(statement, ARG_nic_buffer_address);
	const uint64_t count = argument_number(statement, ARG_nic_buffer_count, 1);
	struct iommusim_device_driver *driver;
	enum iommusim_status status = IOMMUSIM_OK, *call = &statement->outcome.status;

	if (address->number % NIC_BUFFER != 0 || count == 0 || count > 63)
		return replay_refuse(replay, address->at,
		    "a card's buffers have 2K, lie at multiples of it, and are 1 to 63");
	if (address->kind == VALUE_CALL)
		status = guest_range_check(replay, address, count * NIC_BUFFER);
	recorder_hush(replay->recorder, true);
	if (status == IOMMUSIM_OK)
		status = find_driver(
		    replay, argument(statement, ARG_nic_buffer_nic), NICS, "class=nic", &driver);
	for (uint64_t i = 0; i < count && status == IOMMUSIM_OK && *call == IOMMUSIM_OK; i++) {
		uint64_t at = address->number + i * NIC_BUFFER;

		if (address->kind == VALUE_CALL)
			iommusim_vm_gpa_to_hpa(address->vm, at, &at, NULL);
		*call = iommusim_driver_post(driver, at);
	}
	recorder_hush(replay->recorder, false);
	return status;
}

/* A frame comes whether or not anybody drives the card. */
enum iommusim_status run_nic_receive(struct replay *replay, struct statement *statement)
{
	const struct value *at = argument(statement, ARG_nic_receive_nic);
	const struct value *frame = argument(statement, ARG_nic_receive_frame);
	struct iommusim_device *device;
	struct known_device *known;
	uint64_t told = 0, buffer;
	size_t length;
	bool taken;
	enum iommusim_status status = find_device(replay, at, NICS, "class=nic", &device);

	if (status == IOMMUSIM_OK)
		status = replay_bytes(replay, frame, &replay->data, &length);
	if (status != IOMMUSIM_OK)
		return status;
	replay->data_filled = 0;
	if (length > IOMMUSIM_FRAME)
		return replay_refuse(replay, frame->at, "a frame has 16K at most");
	set_beneficiary(replay, argument(statement, ARG_nic_receive_for));
	recorder_hush(replay->recorder, true);
	taken = iommusim_device_receive(device, replay->data.bytes, length) == IOMMUSIM_OK;
	known = find(replay, at->segment, at->rid);
	if (known != NULL && is_current(replay, known, device))
		iommusim_driver_received(known->driver, &buffer, &told);
	recorder_hush(replay->recorder, false);
	conclude(replay, IOMMUSIM_OK, told,
	    !taken          ? "nothing: the card dropped the frame, and says so to nobody"
		: told != 0 ? "a done descriptor: for all its driver knows, the frame is there"
			    : "nothing: no driver of the card sees a done descriptor");
	return IOMMUSIM_OK;
}

enum iommusim_status run_nic_transmit(struct replay *replay, struct statement *statement)
{
	const struct value *len = argument(statement, ARG_nic_transmit_len);
	const struct iommusim_driver_piece *pieces;
	struct iommusim_device_driver *driver;
	size_t count;
	uint64_t told;
	enum iommusim_status status = IOMMUSIM_OK;

	if (len->number == 0 || len->number > IOMMUSIM_FRAME)
		return replay_refuse(replay, len->at, "a frame has 1 byte to 16K");
	status = find_pieces(
	    replay, argument(statement, ARG_nic_transmit_address), len->number, &pieces, &count);
	set_beneficiary(replay, argument(statement, ARG_nic_transmit_for));
	recorder_hush(replay->recorder, true);
	if (status == IOMMUSIM_OK)
		status = find_driver(
		    replay, argument(statement, ARG_nic_transmit_nic), NICS, "class=nic", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		statement->outcome.status = iommusim_driver_send(driver, pieces, count, &told);
		conclude(replay, statement->outcome.status, told,
		    statement->outcome.status == IOMMUSIM_OK
			? "a done descriptor: for all its driver knows, the frame has gone out"
			: "nothing: the card never gets done with the descriptor");
	}
	recorder_hush(replay->recorder, false);
	return status;
}

enum iommusim_status run_nic_sent(struct replay *replay, struct statement *statement)
{
	struct iommusim_device *device;
	uint64_t count;
	enum iommusim_status status =
	    find_device(replay, argument(statement, ARG_nic_sent_nic), NICS, "class=nic", &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (!replay_room(replay, &replay->data, IOMMUSIM_FRAME))
		return replay_no_memory(replay);
	replay->data_filled = 0;
	statement->outcome.bytes = replay->data.bytes;
	statement->outcome.length = iommusim_device_sent(device, replay->data.bytes, &count);
	if (count == 0)
		statement->outcome.status = IOMMUSIM_ENOENT;
	return IOMMUSIM_OK;
}

/* ---- ATS devices ------------------------------------------------------------------------------------------ */

enum iommusim_status run_ats_copy(struct replay *replay, struct statement *statement)
{
	const struct value *pasid = argument(statement, ARG_ats_copy_pasid);
	const struct value *len = argument(statement, ARG_ats_copy_len);
	struct iommusim_device_driver *driver;
	struct iommusim_copy_request request = {
		.write = argument(statement, ARG_ats_copy_kind)->number != 0,
		.has_pasid = pasid->kind != VALUE_ABSENT,
		.pasid = (uint32_t)argument_number(statement, ARG_ats_copy_pasid, 0),
		.address = argument(statement, ARG_ats_copy_address)->number,
		.offset = argument_number(statement, ARG_ats_copy_offset, 0),
		.length = (uint32_t)len->number,
	};
	enum iommusim_status status;
	uint64_t told;

	if (len->number == 0 || len->number > REPLAY_LARGEST_DMA)
		return replay_refuse(replay, len->at, "a copy has 1 byte to 1G");
	if (request.has_pasid && pasid->number >> 20 != 0)
		return replay_refuse(replay, pasid->at, "a PASID has 20 bits: 0 to 0xfffff");
	set_beneficiary(replay, argument(statement, ARG_ats_copy_for));
	recorder_hush(replay->recorder, true);
	status =
	    find_driver(replay, argument(statement, ARG_ats_copy_device), ATS, "class=ats", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		statement->outcome.status = iommusim_driver_copy(driver, &request, &told);
		conclude(replay, statement->outcome.status, told,
		    statement->outcome.status == IOMMUSIM_OK
			? "the device reports success, for all it knows"
			: "the device reports that it could not send its requests, or got no answer");
	}
	recorder_hush(replay->recorder, false);
	return status;
}

/* ---- any device --------------------------------------------------------------------------------------------- */

enum iommusim_status run_device_put(struct replay *replay, struct statement *statement)
{
	struct iommusim_device *device;
	size_t length;
	enum iommusim_status status = find_device(replay, argument(statement, ARG_device_put_device),
	    ANY & ~NICS, "class=ahci, nvme or ats", &device);

	if (status == IOMMUSIM_OK)
		status = replay_bytes(
		    replay, argument(statement, ARG_device_put_bytes), &replay->data, &length);
	if (status != IOMMUSIM_OK)
		return status;
	replay->data_filled = 0;
	statement->outcome.status = iommusim_device_write(
	    device, argument(statement, ARG_device_put_offset)->number, replay->data.bytes, length);
	return IOMMUSIM_OK;
}

enum iommusim_status run_device_get(struct replay *replay, struct statement *statement)
{
	const struct value *len = argument(statement, ARG_device_get_len);
	struct outcome *outcome = &statement->outcome;
	struct iommusim_device *device;
	enum iommusim_status status = find_device(replay, argument(statement, ARG_device_get_device),
	    ANY & ~NICS, "class=ahci, nvme or ats", &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (len->number == 0 || len->number > LARGEST_LOOK)
		return replay_refuse(replay, len->at, "one look shows 1 byte to 1M");
	if (!replay_room(replay, &replay->data, (size_t)len->number))
		return replay_no_memory(replay);
	replay->data_filled = 0;
	outcome->bytes = replay->data.bytes;
	outcome->length = (size_t)len->number;
	outcome->status = iommusim_device_read(device,
	    argument(statement, ARG_device_get_offset)->number, replay->data.bytes, outcome->length);
	return IOMMUSIM_OK;
}

/* What was put off is done now, for whoever it was; the driver, if it is still there, takes note. */
enum iommusim_status run_device_run(struct replay *replay, struct statement *statement)
{
	const struct value *at = argument(statement, ARG_device_run_device);
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = find_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	set_beneficiary(replay, argument(statement, ARG_device_run_for));
	recorder_hush(replay->recorder, true);
	iommusim_device_hold(device, false);
	statement->outcome.number = iommusim_device_run(device);
	known = find(replay, at->segment, at->rid);
	if (known != NULL && is_current(replay, known, device))
		iommusim_driver_poll(known->driver);
	recorder_hush(replay->recorder, false);
	return IOMMUSIM_OK;
}

enum iommusim_status run_device_rings(struct replay *replay, struct statement *statement)
{
	const struct value *address = argument(statement, ARG_device_rings_address);
	const struct value *at = argument(statement, ARG_device_rings_device);
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = find_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (address->number % IOMMUSIM_PAGE_SIZE != 0)
		return replay_refuse(replay, address->at, "queues begin with a page of 4K");
	known = learn(replay, at);
	if (known == NULL)
		return replay_no_memory(replay);
	known->rings = address->number;
	forget_driver(known);
	return IOMMUSIM_OK;
}

enum iommusim_status run_device_message(struct replay *replay, struct statement *statement)
{
	const struct value *data = argument(statement, ARG_device_message_data);
	const struct value *at = argument(statement, ARG_device_message_device);
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = find_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (data->number > UINT32_MAX)
		return replay_refuse(replay, data->at, "an interrupt's data has 32 bits");
	known = learn(replay, at);
	if (known == NULL)
		return replay_no_memory(replay);
	statement->outcome.status = iommusim_device_set_message(
	    device, argument(statement, ARG_device_message_address)->number, (uint32_t)data->number);
	if (statement->outcome.status == IOMMUSIM_OK) {
		known->message_address = argument(statement, ARG_device_message_address)->number;
		known->message_data = (uint32_t)data->number;
	}
	return IOMMUSIM_OK;
}
