/* What drivers ask of devices, and what befalls those: disk_read(), disk_write(), nic_*(), ats_copy(), device_*(). */
#include <string.h>

#include "replay/drive.h"
#include "replay/record.h"

#define NIC_BUFFER   2048u
#define LARGEST_LOOK (UINT64_C(1) << 20)

/* ---- disks ---------------------------------------------------------------------------------------------- */

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

/*
 * Is it a disk of the host's that the host asked to move a guest's data? Then it goes the way the profile has for that.
 * `io->vm` NULL: it is not. A command that waits (wait=no) goes to the guest's own pages.
 */
static enum iommusim_status begin_host_io(struct replay *replay, const struct disk_arguments *arguments,
    const struct iommusim_disk_request *request, struct iommusim_host_io *io)
{
	const struct value *address = arguments->address, *disk = arguments->disk;
	enum iommusim_driver driver;
	enum iommusim_status status;

	if (address->kind != VALUE_CALL || arguments->for_vm->kind == VALUE_ABSENT ||
	    arguments->for_vm->vm != address->vm || request->no_wait ||
	    iommusim_device_driver(replay->vmm, disk->segment, disk->rid, &driver) != IOMMUSIM_OK ||
	    driver != IOMMUSIM_DRIVER_HOST)
		return IOMMUSIM_OK;
	status = guest_range_check(replay, address, arguments->len->number);
	if (status == IOMMUSIM_OK)
		status = iommusim_host_io_begin(
		    address->vm, address->number, arguments->len->number, !request->write, io);
	return status;
}

enum iommusim_status run_disk(struct replay *replay, struct statement *statement)
{
	const bool write = statement->row->detail != 0;
	/* Only those of this statement are there. */
	const struct disk_arguments given = write
	    ? (struct disk_arguments)DISK_ARGUMENTS(statement, disk_write)
	    : (struct disk_arguments)DISK_ARGUMENTS(statement, disk_read);
	const struct disk_arguments *arguments = &given;
	struct iommusim_disk_request request = { .write = write,
		.sector = arguments->lba->number,
		.no_wait = arguments->wait->kind != VALUE_ABSENT && arguments->wait->number == 0 };
	struct iommusim_device_driver *driver;
	struct iommusim_device *device;
	struct iommusim_host_io io = { .vm = NULL };
	enum iommusim_status status;
	uint64_t told = 0;

	status = check_disk(replay, arguments, request.no_wait);
	if (status == IOMMUSIM_OK)
		status = begin_host_io(replay, arguments, &request, &io);
	if (status == IOMMUSIM_OK)
		status = drive_pieces(replay, arguments->address, arguments->len->number,
		    io.vm != NULL ? &io : NULL, &request.pieces, &request.piece_count);
	drive_for(replay, arguments->for_vm);
	recorder_hush(replay->recorder, true);
	if (status == IOMMUSIM_OK)
		status =
		    drive_driver(replay, arguments->disk, DISKS, "class=ahci or class=nvme", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		device =
		    iommusim_device_at(replay->machine, arguments->disk->segment, arguments->disk->rid);
		if (request.no_wait)
			iommusim_device_hold(device, true);
		statement->outcome.status = iommusim_driver_disk(driver, &request, &told);
		drive_conclude(replay, statement->outcome.status, told,
		    disk_words(replay, device, statement->outcome.status));
	}
	if (io.vm != NULL)
		iommusim_host_io_end(&io, told);
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
		status = drive_driver(
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
	enum iommusim_status status = drive_device(replay, at, NICS, "class=nic", &device);

	if (status == IOMMUSIM_OK)
		status = replay_bytes(replay, frame, &replay->data, &length);
	if (status != IOMMUSIM_OK)
		return status;
	replay->data_filled = 0;
	if (length > IOMMUSIM_FRAME)
		return replay_refuse(replay, frame->at, "a frame has 16K at most");
	drive_for(replay, argument(statement, ARG_nic_receive_for));
	recorder_hush(replay->recorder, true);
	taken = iommusim_device_receive(device, replay->data.bytes, length) == IOMMUSIM_OK;
	known = drive_find(replay, at->segment, at->rid);
	if (known != NULL && drive_is_current(replay, known, device))
		iommusim_driver_received(known->driver, &buffer, &told);
	recorder_hush(replay->recorder, false);
	drive_conclude(replay, IOMMUSIM_OK, told,
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
	status = drive_pieces(
	    replay, argument(statement, ARG_nic_transmit_address), len->number, NULL, &pieces, &count);
	drive_for(replay, argument(statement, ARG_nic_transmit_for));
	recorder_hush(replay->recorder, true);
	if (status == IOMMUSIM_OK)
		status = drive_driver(
		    replay, argument(statement, ARG_nic_transmit_nic), NICS, "class=nic", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		statement->outcome.status = iommusim_driver_send(driver, pieces, count, &told);
		drive_conclude(replay, statement->outcome.status, told,
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
	    drive_device(replay, argument(statement, ARG_nic_sent_nic), NICS, "class=nic", &device);

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
	drive_for(replay, argument(statement, ARG_ats_copy_for));
	recorder_hush(replay->recorder, true);
	status =
	    drive_driver(replay, argument(statement, ARG_ats_copy_device), ATS, "class=ats", &driver);
	if (status == IOMMUSIM_OK && driver != NULL) {
		statement->outcome.status = iommusim_driver_copy(driver, &request, &told);
		drive_conclude(replay, statement->outcome.status, told,
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
	enum iommusim_status status = drive_device(replay, argument(statement, ARG_device_put_device),
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
	enum iommusim_status status = drive_device(replay, argument(statement, ARG_device_get_device),
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
	enum iommusim_status status = drive_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	drive_for(replay, argument(statement, ARG_device_run_for));
	recorder_hush(replay->recorder, true);
	iommusim_device_hold(device, false);
	statement->outcome.number = iommusim_device_run(device);
	known = drive_find(replay, at->segment, at->rid);
	if (known != NULL && drive_is_current(replay, known, device))
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
	enum iommusim_status status = drive_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (address->number % IOMMUSIM_PAGE_SIZE != 0)
		return replay_refuse(replay, address->at, "queues begin with a page of 4K");
	known = drive_learn(replay, at);
	if (known == NULL)
		return replay_no_memory(replay);
	known->rings = address->number;
	drive_forget(known);
	return IOMMUSIM_OK;
}

enum iommusim_status run_device_message(struct replay *replay, struct statement *statement)
{
	const struct value *data = argument(statement, ARG_device_message_data);
	const struct value *at = argument(statement, ARG_device_message_device);
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = drive_device(replay, at, ANY, ANY_WORDS, &device);

	if (status != IOMMUSIM_OK)
		return status;
	if (data->number > UINT32_MAX)
		return replay_refuse(replay, data->at, "an interrupt's data has 32 bits");
	known = drive_learn(replay, at);
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
