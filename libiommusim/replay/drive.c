/*
 * Devices of a story and their drivers: how their requests are judged on the way to the bus, and who drives which
 * device. A device that a VM holds is driven by the guest, with its queues in guest memory; any other by the host.
 */
#include <string.h>

#include "replay/drive.h"

/* Where a driver's queues lie, for the device: below 1 MiB, in nobody's way; a place for each of 16 devices. */
#define FIRST_RINGS UINT64_C(0x80000)
#define RING_PLACES 16u

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

struct known_device *drive_find(struct replay *replay, uint16_t segment, uint16_t rid)
{
	struct known_device *known;

	TAILQ_FOREACH (known, &replay->devices, link)
		if (known->segment == segment && known->rid == rid)
			return known;
	return NULL;
}

struct known_device *drive_learn(struct replay *replay, const struct value *at)
{
	struct known_device *known = drive_find(replay, at->segment, at->rid), *other;
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

void drive_forget(struct known_device *known)
{
	iommusim_device_driver_destroy(known->driver);
	known->driver = NULL;
}

void devices_free(struct replay *replay)
{
	struct known_device *known;

	while ((known = TAILQ_FIRST(&replay->devices)) != NULL) {
		TAILQ_REMOVE(&replay->devices, known, link);
		drive_forget(known);
		replay_release(replay, known, sizeof(*known));
	}
}

void device_restore(struct replay *replay, const struct value *at)
{
	const struct known_device *known = drive_find(replay, at->segment, at->rid);
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
bool drive_is_current(
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
enum iommusim_status drive_device(struct replay *replay, const struct value *at, unsigned kinds,
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

	drive_forget(known);
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
enum iommusim_status drive_driver(struct replay *replay, const struct value *at, unsigned kinds,
    const char *expected, struct iommusim_device_driver **driver)
{
	struct iommusim_device *device;
	struct known_device *known;
	enum iommusim_status status = drive_device(replay, at, kinds, expected, &device);

	*driver = NULL;
	if (status != IOMMUSIM_OK)
		return status;
	known = drive_learn(replay, at);
	if (known == NULL)
		return replay_no_memory(replay);
	if (!drive_is_current(replay, known, device)) {
		status = take_over(replay, at, known, device);
		if (status != IOMMUSIM_OK)
			return status;
	}
	*driver = known->driver;
	return IOMMUSIM_OK;
}

/* ---- what a request is about -------------------------------------------------------------------------- */

void drive_for(struct replay *replay, const struct value *for_vm)
{
	if (for_vm->kind != VALUE_ABSENT)
		replay->device_for = iommusim_vm_name(for_vm->vm);
}

enum iommusim_status drive_pieces(struct replay *replay, const struct value *address, uint64_t length,
    const struct iommusim_host_io *io, const struct iommusim_driver_piece **pieces, size_t *count)
{
	const struct iommusim_host_io plain = {
		.vm = address->vm, .gpa = address->number, .length = length
	};
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
		iommusim_host_io_address(io != NULL ? io : &plain, done, &hpa, &run);
		run = length - done < run ? length - done : run;
		piece[(*count)++] = (struct iommusim_driver_piece){ hpa, run };
	}
	return IOMMUSIM_OK;
}

/* What came of a driver's request, and what it was told. */
void drive_conclude(
    struct replay *replay, enum iommusim_status status, uint64_t told, const char *words)
{
	struct outcome *outcome = &replay->statement.outcome;

	outcome->status = status;
	outcome->number = told;
	if (replay->device_requests != 0)
		replay->report.driver_sees = words;
}
