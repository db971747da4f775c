/* dma() and interrupt(): what devices do. */
#include <string.h>

#include "replay/run.h"

/* ---- requesters -------------------------------------------------------------------------------------- */

static int compare(const struct known_requester *a, const struct known_requester *b)
{
	return a->place < b->place ? -1 : a->place > b->place;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
RB_PROTOTYPE(requester_tree, known_requester, link, compare)
RB_GENERATE(requester_tree, known_requester, link, compare)
#pragma GCC diagnostic pop

/* The requester a device uses, or that of a bare requester id. NULL: no memory. */
static struct iommusim_requester *requester_of(struct replay *replay, const struct value *device)
{
	const uint16_t rid = device->has_rid
	    ? iommusim_pci_requester_id(replay->machine, device->segment, device->rid)
	    : device->rid;
	struct known_requester key = { .place = (uint32_t)device->segment << 16 | rid };
	struct known_requester *known = RB_FIND(requester_tree, &replay->requesters, &key);

	if (known != NULL)
		return known->requester;
	known = replay_allocate(replay, sizeof(*known));
	if (known == NULL)
		return NULL;
	known->place = key.place;
	if (iommusim_requester_create(replay->machine, device->segment, rid, &known->requester) !=
	    IOMMUSIM_OK) {
		replay_release(replay, known, sizeof(*known));
		return NULL;
	}
	RB_INSERT(requester_tree, &replay->requesters, known);
	return known->requester;
}

void requesters_free(struct replay *replay)
{
	struct known_requester *known, *following;

	RB_FOREACH_SAFE (known, requester_tree, &replay->requesters, following) {
		RB_REMOVE(requester_tree, &replay->requesters, known);
		iommusim_requester_destroy(known->requester);
		replay_release(replay, known, sizeof(*known));
	}
}

/* ---- data ---------------------------------------------------------------------------------------------- */

/* Repeat the first `period` bytes until there are `length`. */
static void repeat(uint8_t *bytes, size_t period, size_t length)
{
	for (size_t filled = period; filled < length; filled *= 2)
		memcpy(bytes + filled, bytes, filled < length - filled ? filled : length - filled);
}

/* What a DMA of `length` bytes moves: into `*data`, NULL when it moves nothing. */
static enum iommusim_status prepare_data(
    struct replay *replay, struct statement *statement, size_t length, void **data)
{
	const struct value *given = argument(statement, ARG_dma_data);
	const bool writes = argument(statement, ARG_dma_kind)->number != IOMMUSIM_DMA_READ;
	enum iommusim_status status;
	size_t period;

	*data = NULL;
	if (given->kind == VALUE_NAME || length == 0)
		return IOMMUSIM_OK;
	if (!replay_room(replay, &replay->data, length))
		return replay_no_memory(replay);
	if (given->kind == VALUE_STRING) {
		if (!writes)
			return replay_refuse(replay, given->at,
			    "data= is what a write or an atomic carries; a read brings its own");
		status = replay_bytes(replay, given, &replay->data, &period);
		if (status != IOMMUSIM_OK)
			return status;
		repeat(replay->data.bytes, period, length);
		replay->data_filled = 0;
	} else if (writes && replay->data_filled < length) {
		memset(replay->data.bytes, REPLAY_USUAL_BYTE, length);
		replay->data_filled = length;
	} else if (!writes) {
		replay->data_filled = 0;
	}
	*data = replay->data.bytes;
	return IOMMUSIM_OK;
}

/* ---- dma() ---------------------------------------------------------------------------------------------- */

/* How bad a verdict is: of the runs of a scattered DMA, the worst speaks for all. */
static unsigned badness(enum iommusim_verdict verdict)
{
	static const uint8_t badness_of[IOMMUSIM_VERDICT_COUNT] = {
		[IOMMUSIM_VERDICT_OK] = 0,
		[IOMMUSIM_VERDICT_BLOCKED] = 1,
		[IOMMUSIM_VERDICT_LOST] = 2,
		[IOMMUSIM_VERDICT_UNPROTECTED] = 3,
		[IOMMUSIM_VERDICT_STALE] = 4,
		[IOMMUSIM_VERDICT_MISROUTED] = 5,
		[IOMMUSIM_VERDICT_BREACH] = 6,
	};

	return badness_of[verdict];
}

void report_merge(struct iommusim_report *whole, const struct iommusim_report *run)
{
	const struct iommusim_dma_outcome sum = whole->outcome;
	const uint64_t length = whole->request.length + run->request.length;

	if (badness(run->verdict) > badness(whole->verdict))
		*whole = *run;
	else if (run->verdict == whole->verdict)
		whole->pages_of_verdict += run->pages_of_verdict;
	whole->request.length = length;
	whole->outcome.bytes_moved = sum.bytes_moved + run->outcome.bytes_moved;
	whole->outcome.page_count = sum.page_count + run->outcome.page_count;
	whole->outcome.pages_faulted = sum.pages_faulted + run->outcome.pages_faulted;
	whole->outcome.pages_cached = sum.pages_cached + run->outcome.pages_cached;
	if (sum.completion > run->outcome.completion)
		whole->outcome.completion = sum.completion;
	else
		whole->outcome.completion = run->outcome.completion;
}

/* The host pages of a transfer: one request for each run of them. */
static enum iommusim_status dma_by_runs(struct replay *replay, const struct iommusim_host_io *io,
    struct iommusim_requester *requester, const struct iommusim_dma_request *whole, const char *for_vm)
{
	uint64_t done = 0;

	do {
		struct iommusim_dma_request part = *whole;
		uint64_t run = 0;
		enum iommusim_status status;

		iommusim_host_io_address(io, done, &part.address, &run);
		part.length = whole->length - done < run ? whole->length - done : run;
		part.data = whole->data == NULL ? NULL : (uint8_t *)whole->data + done;
		status = iommusim_check_dma(replay->check, requester, &part, for_vm,
		    done == 0 ? &replay->report : &replay->run_report);
		if (status != IOMMUSIM_OK)
			return status;
		if (done != 0)
			report_merge(&replay->report, &replay->run_report);
		done += part.length;
	} while (done < whole->length);
	return IOMMUSIM_OK;
}

/* Is it a device of the host's that the host asked to move a guest's data? Others go where they are sent. */
static bool is_host_io(struct replay *replay, const struct iommusim_vm *vm,
    const struct iommusim_requester *requester, const struct iommusim_dma_request *whole,
    const char *for_vm)
{
	enum iommusim_driver driver;

	return for_vm != NULL && strcmp(for_vm, iommusim_vm_name(vm)) == 0 && whole->length != 0 &&
	    whole->kind != IOMMUSIM_DMA_ATOMIC && whole->address_type == IOMMUSIM_DMA_UNTRANSLATED &&
	    iommusim_device_driver(replay->vmm, iommusim_requester_segment(requester),
		iommusim_requester_rid(requester), &driver) == IOMMUSIM_OK &&
	    driver == IOMMUSIM_DRIVER_HOST;
}

/* To or from guest memory that is all there: to its own pages, or as the host moves data for the guest. */
static enum iommusim_status dma_to_guest(struct replay *replay, struct iommusim_vm *vm,
    struct iommusim_requester *requester, const struct iommusim_dma_request *whole, const char *for_vm)
{
	struct iommusim_host_io io = { .vm = vm, .gpa = whole->address, .length = whole->length };
	enum iommusim_status status;

	if (!is_host_io(replay, vm, requester, whole, for_vm))
		return dma_by_runs(replay, &io, requester, whole, for_vm);
	status = iommusim_host_io_begin(
	    vm, whole->address, whole->length, whole->kind == IOMMUSIM_DMA_WRITE, &io);
	if (status != IOMMUSIM_OK)
		return status;
	status = dma_by_runs(replay, &io, requester, whole, for_vm);
	iommusim_host_io_end(&io, status == IOMMUSIM_OK ? replay->report.outcome.bytes_moved : 0);
	return status;
}

/* Guest memory is checked before any of it is touched: a DMA that cannot be made as written is not begun. */
enum iommusim_status guest_range_check(
    struct replay *replay, const struct value *address, uint64_t length)
{
	const struct iommusim_vm *vm = address->vm;
	uint64_t at = address->number, hpa, run;

	while (iommusim_vm_gpa_to_hpa(vm, at, &hpa, &run) == IOMMUSIM_OK) {
		if (length <= run)
			return IOMMUSIM_OK;
		length -= run;
		at += run;
	}
	return replay_refuse(replay, address->at,
	    "`gpa(\"%s\", 0x%llx)`: \"%s\" has no memory at 0x%llx", iommusim_vm_name(vm),
	    (unsigned long long)address->number, iommusim_vm_name(vm), (unsigned long long)at);
}

static struct iommusim_dma_request request_of(struct replay *replay, struct statement *statement)
{
	return (struct iommusim_dma_request){
		.address = argument(statement, ARG_dma_address)->number,
		.length = argument(statement, ARG_dma_len)->number,
		.kind = (enum iommusim_dma_kind)argument(statement, ARG_dma_kind)->number,
		.address_type =
		    (enum iommusim_dma_address_type)argument_number(statement, ARG_dma_type, 0),
		.has_pasid = argument_given(statement, ARG_dma_pasid),
		.pasid = (uint32_t)argument_number(statement, ARG_dma_pasid, 0),
		.privileged = argument_number(statement, ARG_dma_privileged, 0) != 0,
		.execute = argument_number(statement, ARG_dma_execute, 0) != 0,
		.tag = replay->lexer.line,
	};
}

static enum iommusim_status check_dma(struct replay *replay, struct statement *statement)
{
	const struct value *length = argument(statement, ARG_dma_len);
	const struct value *pasid = argument(statement, ARG_dma_pasid);
	const struct value *address = argument(statement, ARG_dma_address);

	if (length->number > REPLAY_LARGEST_DMA)
		return replay_refuse(replay, length->at, "one DMA moves at most 1G");
	if (pasid->kind != VALUE_ABSENT && pasid->number >> 20 != 0)
		return replay_refuse(replay, pasid->at, "a PASID has 20 bits: 0 to 0xfffff");
	return address->kind == VALUE_CALL ? guest_range_check(replay, address, length->number)
					   : IOMMUSIM_OK;
}

enum iommusim_status run_dma(struct replay *replay, struct statement *statement)
{
	const struct value *for_vm = argument(statement, ARG_dma_for);
	const char *name = for_vm->kind == VALUE_ABSENT ? NULL : iommusim_vm_name(for_vm->vm);
	const struct value *address = argument(statement, ARG_dma_address);
	struct iommusim_dma_request request = request_of(replay, statement);
	struct outcome *outcome = &statement->outcome;
	struct iommusim_requester *requester;
	enum iommusim_status status = check_dma(replay, statement);

	if (status == IOMMUSIM_OK)
		status = prepare_data(replay, statement, (size_t)request.length, &request.data);
	if (status != IOMMUSIM_OK)
		return status;
	requester = requester_of(replay, argument(statement, ARG_dma_device));
	if (requester == NULL)
		return replay_no_memory(replay);
	if (address->kind == VALUE_CALL)
		outcome->status = dma_to_guest(replay, address->vm, requester, &request, name);
	else
		outcome->status =
		    iommusim_check_dma(replay->check, requester, &request, name, &replay->report);
	outcome->is_dma = outcome->status == IOMMUSIM_OK;
	outcome->number = outcome->is_dma ? replay->report.outcome.bytes_moved : 0;
	return IOMMUSIM_OK;
}

/* ---- interrupt() ---------------------------------------------------------------------------------------- */

enum iommusim_status run_interrupt(struct replay *replay, struct statement *statement)
{
	const struct value *data = argument(statement, ARG_interrupt_data);
	struct outcome *outcome = &statement->outcome;
	struct iommusim_requester *requester;
	struct iommusim_interrupt message;
	struct iommusim_fault fault;

	if (data->number > UINT32_MAX)
		return replay_refuse(replay, data->at, "an interrupt's data has 32 bits");
	requester = requester_of(replay, argument(statement, ARG_interrupt_device));
	if (requester == NULL)
		return replay_no_memory(replay);
	outcome->status =
	    iommusim_requester_interrupt(requester, argument(statement, ARG_interrupt_address)->number,
		(uint32_t)data->number, &message, &fault);
	if (outcome->status != IOMMUSIM_OK)
		return IOMMUSIM_OK;
	if (fault.class_ == IOMMUSIM_FAULT_NONE) {
		outcome->message_address = message.address;
		outcome->message_data = message.data;
		outcome->message_posted = message.posted;
		return IOMMUSIM_OK;
	}
	outcome->status = IOMMUSIM_EIO; /* the message never arrived */
	outcome->fault_reason = fault.reason;
	return IOMMUSIM_OK;
}
