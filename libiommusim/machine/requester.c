/*
 * Requesters: a DMA request split into pages, sent to the unit that governs it, and moved. How a page
 * is translated is the model's business.
 *
 * How an invalidation ends. A requester that works marks itself with the machine's epoch; an
 * invalidation changes the unit's caches, grows the unit's generation (which kills what requesters
 * keep privately) and calls requester_quiesce(): that grows the epoch and waits until no requester
 * works under an older one. What is translated after that is translated afresh.
 */
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "machine/interrupt_range.h"
#include "machine/memory_access.h"
#include "machine/unit_model.h"

#define PRIVATE_ENTRIES 256u /* direct mapped by page number */

/* One translation a requester keeps for itself while the unit's generation stands. */
struct private_entry {
	uint64_t page;       /* address of the page, with bit 0 set: 0 is empty */
	uint64_t generation; /* of the unit when it was filled */
	uint64_t physical;   /* of the page */
	uint64_t entry;
	uint64_t tag;
	uint32_t domain;
	uint8_t shift;
	uint8_t rights;
};

struct iommusim_requester {
	struct iommusim_machine *machine;
	TAILQ_ENTRY(iommusim_requester) link;
	struct iommusim_unit *unit; /* as of `topology` */
	uint64_t topology;
	_Atomic uint64_t working; /* the epoch this requester works under; 0: it does not */
	unsigned depth;           /* of work within work; only its own thread looks */
	/* One tick a request: counted here, so that threads share no line; only this requester stores. */
	_Atomic uint64_t ticks;
	uint16_t segment;
	uint16_t rid;
	uint16_t function; /* whose requests these are: `rid` mostly */
	uint16_t carried;  /* as of `topology`: the id that its requests carry to the unit */
	bool muted;        /* as of `topology`: its function is no bus master */
	bool silent;       /* does not answer invalidations */
	struct ats ats;
	struct page_responses responses;
	struct iommusim_requester_counters counters;
	struct private_entry private[PRIVATE_ENTRIES];
};

enum iommusim_status iommusim_requester_create(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid, struct iommusim_requester **out)
{
	struct iommusim_requester *requester;

	if (out == NULL)
		return machine_fail(machine, IOMMUSIM_EINVAL, "a requester needs a place to go");
	*out = NULL;
	requester = machine_alloc_zeroed(machine, sizeof(*requester));
	if (requester == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a requester");
	if (!ats_create(&requester->ats)) {
		machine_free(machine, requester, sizeof(*requester));
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a requester");
	}
	if (!page_responses_create(&requester->responses)) {
		ats_destroy(machine, &requester->ats);
		machine_free(machine, requester, sizeof(*requester));
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a requester");
	}
	requester->machine = machine;
	requester->segment = segment;
	requester->rid = requester->function = requester->carried = rid;
	atomic_init(&requester->working, 0);
	TAILQ_INSERT_TAIL(&machine->requesters, requester, link);
	*out = requester;
	return IOMMUSIM_OK;
}

void iommusim_requester_destroy(struct iommusim_requester *requester)
{
	if (requester == NULL)
		return;
	TAILQ_REMOVE(&requester->machine->requesters, requester, link);
	requester->machine->retired_ticks +=
	    atomic_load_explicit(&requester->ticks, memory_order_relaxed);
	page_responses_destroy(&requester->responses);
	ats_destroy(requester->machine, &requester->ats);
	machine_free(requester->machine, requester, sizeof(*requester));
}

uint64_t requester_ticks(const struct iommusim_machine *machine)
{
	const struct iommusim_requester *requester;
	uint64_t ticks = machine->retired_ticks;

	TAILQ_FOREACH (requester, &machine->requesters, link)
		ticks += atomic_load_explicit(&requester->ticks, memory_order_relaxed);
	return ticks;
}

static void tick(struct iommusim_requester *requester)
{
	atomic_store_explicit(&requester->ticks,
	    atomic_load_explicit(&requester->ticks, memory_order_relaxed) + 1, memory_order_relaxed);
}

void requester_teardown(struct iommusim_machine *machine)
{
	while (!TAILQ_EMPTY(&machine->requesters))
		iommusim_requester_destroy(TAILQ_FIRST(&machine->requesters));
}

/* A scheduler that is not fair (valgrind's) would let the one who waits run for ever. */
static void give_way(unsigned spins)
{
	const struct timespec a_moment = { .tv_nsec = 1000 };

	if (spins < 64)
		sched_yield();
	else
		nanosleep(&a_moment, NULL);
}

static void wait_for(struct iommusim_requester *requester, uint64_t epoch)
{
	uint64_t working;
	unsigned spins = 0;

	while ((working = atomic_load(&requester->working)) != 0 && working < epoch)
		give_way(++spins);
}

void requester_quiesce(struct iommusim_machine *machine)
{
	const uint64_t epoch = atomic_fetch_add(&machine->epoch, 1) + 1;
	struct iommusim_requester *requester;

	TAILQ_FOREACH (requester, &machine->requesters, link)
		wait_for(requester, epoch);
}

void requester_wait(struct iommusim_requester *requester)
{
	wait_for(requester, atomic_fetch_add(&requester->machine->epoch, 1) + 1);
}

/* What a bridge on the way makes of the requester id, as firmware tells it of the unit. */
static uint16_t carried_id(const struct iommusim_requester *requester, const struct iommusim_unit *unit)
{
	return unit == NULL ? requester->rid : iommusim_unit_carried_id(unit, requester->rid);
}

void requester_begin_work(struct iommusim_requester *requester)
{
	struct iommusim_machine *machine = requester->machine;
	uint64_t topology;

	if (requester->depth++ > 0)
		return;
	/*
	 * Sequentially consistent on purpose: either the invalidator sees this mark and waits, or this
	 * requester sees the new generation.
	 */
	atomic_store(&requester->working, atomic_load(&machine->epoch));
	topology = atomic_load(&machine->topology);
	if (requester->topology == topology)
		return;
	pthread_mutex_lock(&machine->topology_lock);
	requester->topology = atomic_load(&machine->topology);
	requester->unit = iommusim_unit_for(machine, requester->segment, requester->rid);
	requester->carried = carried_id(requester, requester->unit);
	requester->muted =
	    !iommusim_pci_is_bus_master(machine, requester->segment, requester->function);
	pthread_mutex_unlock(&machine->topology_lock);
	memset(requester->private, 0, sizeof(requester->private));
}

void requester_end_work(struct iommusim_requester *requester)
{
	if (--requester->depth > 0)
		return;
	atomic_store_explicit(&requester->working, 0, memory_order_release);
}

struct iommusim_unit *requester_begin_request(struct iommusim_requester *requester)
{
	requester_begin_work(requester);
	tick(requester);
	return requester->unit;
}

static struct private_entry *private_slot(struct iommusim_requester *requester, uint64_t address)
{
	return &requester->private[address >> IOMMUSIM_PAGE_SHIFT & (PRIVATE_ENTRIES - 1)];
}

/* Answer from what the requester keeps, if the unit's cache would still answer the same. */
static bool private_hit(struct iommusim_requester *requester, const struct page_request *request,
    uint64_t generation, struct iommusim_dma_page *page)
{
	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);
	const struct private_entry *entry = private_slot(requester, request->address);
	const unsigned needed = rights_needed(request->kind);

	if (entry->page != ((request->address - in_page) | 1) || entry->generation != generation ||
	    (entry->rights & needed) != needed)
		return false;
	page->physical = entry->physical + in_page;
	page->entry = entry->entry;
	page->cached_tag = entry->tag;
	page->domain = entry->domain;
	page->page_shift = entry->shift;
	page->translated = true;
	page->cached = true;
	requester->counters.private_hits++;
	return true;
}

static void keep_private(struct iommusim_requester *requester, const struct page_request *request,
    uint64_t generation, const struct iommusim_dma_page *page, unsigned rights)
{
	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);
	struct private_entry *entry = private_slot(requester, request->address);

	entry->page = (request->address - in_page) | 1;
	entry->generation = generation;
	entry->physical = page->physical - in_page;
	entry->entry = page->entry;
	entry->tag = page->cached ? page->cached_tag : request->tag;
	entry->domain = page->domain;
	entry->shift = page->page_shift;
	entry->rights = (uint8_t)rights;
}

/* What a function that is no bus master has to say. */
static const struct iommusim_fault not_issued = {
	.class_ = IOMMUSIM_FAULT_NOT_ISSUED,
	.meaning =
	    "bus-master enable is off in the function's command register, or in a bridge's above it",
};

static void translate(struct iommusim_requester *requester, const struct page_request *request,
    struct iommusim_dma_page *page)
{
	struct iommusim_unit *unit = requester->unit;
	const bool plain = request->address_type == IOMMUSIM_DMA_UNTRANSLATED && !request->has_pasid;
	uint64_t generation;
	unsigned rights = 0;

	if (requester->muted) {
		page->faulted = true;
		page->fault = not_issued;
		return;
	}
	if (unit == NULL) {
		page->physical = request->address;
		page->faulted = request->address_type != IOMMUSIM_DMA_UNTRANSLATED; /* nobody to ask */
		if (page->faulted)
			page->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
		else
			page->interrupt = is_interrupt_address(request->address);
		return;
	}
	generation = atomic_load(&unit->generation);
	if (plain && private_hit(requester, request, generation, page))
		return;
	unit->model->translate(unit, request, page, &rights);
	if (plain && rights != 0)
		keep_private(requester, request, generation, page, rights);
}

/* A message interrupt goes through remapping, and what comes out of it to the sink. */
static void deliver(struct iommusim_requester *requester, uint64_t address, uint32_t data,
    struct iommusim_interrupt *message, struct iommusim_fault *fault)
{
	const struct interrupt_request request = {
		.address = address, .data = data, .rid = requester->carried
	};

	*message = (struct iommusim_interrupt){ .address = address,
		.data = data,
		.segment = requester->segment,
		.source = requester->rid };
	*fault = (struct iommusim_fault){ .class_ = IOMMUSIM_FAULT_NONE };
	if (requester->muted)
		*fault = not_issued;
	else if (requester->unit != NULL)
		requester->unit->model->interrupt(requester->unit, &request, message, fault);
	if (fault->class_ == IOMMUSIM_FAULT_NONE &&
	    message->address != 0) /* posting may notify nobody */
		interrupt_raise(requester->machine, message);
}

/* A DMA write of 4 bytes into the interrupt range is a message, not a store. */
static bool deliver_page(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_page *page, uint64_t done)
{
	struct iommusim_interrupt message;
	uint32_t data;

	if (request->data == NULL || page->length != sizeof(data) || (page->address & 3) != 0)
		return true; /* nothing is sent: a probe, or the read that flushes messages */
	memcpy(&data, (const uint8_t *)request->data + done, sizeof(data));
	deliver(requester, page->address, data, &message, &page->fault);
	page->faulted = page->fault.class_ != IOMMUSIM_FAULT_NONE;
	return !page->faulted;
}

/* Move the bytes of one page. A place without memory takes nothing and answers nothing. */
static bool move_page(struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    struct iommusim_dma_page *page, uint64_t done)
{
	const struct memory *memory = &requester->machine->memory;
	uint8_t *data = request->data == NULL ? NULL : (uint8_t *)request->data + done;
	bool moved;

	if (page->interrupt)
		return deliver_page(requester, request, page, done);
	if (data == NULL)
		moved = memory_find_for_hardware(memory, page->physical) != NULL;
	else if (request->kind == IOMMUSIM_DMA_READ)
		moved = memory_device_read(memory, page->physical, data, page->length);
	else
		moved = memory_device_write(memory, page->physical, data, page->length);
	page->bus_error = !moved;
	return moved;
}

static enum iommusim_completion completion_of(
    const struct iommusim_dma_request *request, const struct iommusim_dma_page *page)
{
	if (page->fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		return IOMMUSIM_COMPLETION_NOT_ISSUED;
	if (request->kind == IOMMUSIM_DMA_WRITE)
		return IOMMUSIM_COMPLETION_POSTED;
	if (page->fault.aborts)
		return IOMMUSIM_COMPLETION_COMPLETER_ABORT;
	if (page->bus_error || page->faulted)
		return IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST;
	return IOMMUSIM_COMPLETION_SUCCESS;
}

/* Take one page into the outcome of the whole. */
static void account(struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *page, bool moved, struct iommusim_dma_outcome *outcome)
{
	const enum iommusim_completion completion = completion_of(request, page);

	if (outcome->page_count == 0 || (page->faulted && outcome->pages_faulted == 0))
		outcome->page = *page;
	outcome->page_count++;
	outcome->pages_faulted += page->faulted;
	outcome->pages_cached += page->cached;
	if (moved)
		outcome->bytes_moved += page->length;
	if (completion > outcome->completion)
		outcome->completion = completion;
	requester->counters.pages++;
	requester->counters.cached_pages += page->cached;
	requester->counters.faults += page->faulted;
	requester->counters.untranslated_pages += !page->translated && !page->faulted;
}

enum iommusim_status requester_check(const struct iommusim_dma_request *request)
{
	if ((unsigned)request->kind > IOMMUSIM_DMA_ATOMIC ||
	    (unsigned)request->address_type > IOMMUSIM_DMA_TRANSLATED)
		return IOMMUSIM_EINVAL;
	if (request->length == 0 && request->kind != IOMMUSIM_DMA_READ)
		return IOMMUSIM_EINVAL;
	if (request->length > 0 && request->address > UINT64_MAX - (request->length - 1))
		return IOMMUSIM_EINVAL;
	if (request->has_pasid && request->pasid >> 20 != 0)
		return IOMMUSIM_EINVAL;
	return IOMMUSIM_OK;
}

static struct page_request first_page(uint16_t rid, const struct iommusim_dma_request *request)
{
	return (struct page_request){
		.address = request->address,
		.tag = request->tag,
		.rid = rid,
		.kind = (uint8_t)request->kind,
		.address_type = (uint8_t)request->address_type,
		.has_pasid = request->has_pasid,
		.privileged = request->has_pasid && request->privileged,
		.execute = request->has_pasid && request->execute,
		.no_write =
		    request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST && request->no_write,
		.pasid = request->pasid,
	};
}

enum iommusim_status iommusim_dma(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome,
    struct iommusim_dma_page *pages, size_t page_capacity)
{
	struct page_request part;
	uint64_t done = 0;

	if (requester_check(request) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	memset(outcome, 0, sizeof(*outcome));
	requester_begin_work(requester);
	part = first_page(requester->carried, request);
	tick(requester);
	requester->counters.requests++;
	do {
		const uint64_t room = IOMMUSIM_PAGE_SIZE - (part.address & (IOMMUSIM_PAGE_SIZE - 1));
		const uint64_t left = request->length - done;
		struct iommusim_dma_page page = { .address = part.address };
		bool moved = false;

		part.length = (uint32_t)(left < room ? left : room);
		page.length = part.length;
		translate(requester, &part, &page);
		if (!page.faulted && !page.answered)
			moved = move_page(requester, request, &page, done);
		if (outcome->page_count < page_capacity)
			pages[outcome->page_count] = page;
		account(requester, request, &page, moved, outcome);
		done += part.length;
		part.address += part.length;
	} while (done < request->length);
	requester_end_work(requester);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_requester_interrupt(struct iommusim_requester *requester,
    uint64_t address, uint32_t data, struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	struct iommusim_interrupt message;
	struct iommusim_fault answer;

	if (!is_interrupt_address(address) || (address & 3) != 0)
		return IOMMUSIM_EINVAL;
	requester_begin_work(requester);
	tick(requester);
	deliver(requester, address, data, &message, &answer);
	requester_end_work(requester);
	if (out != NULL)
		*out = message;
	if (fault != NULL)
		*fault = answer;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_walk(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_walk *walk)
{
	struct iommusim_unit *unit =
	    iommusim_unit_for(requester->machine, requester->segment, requester->rid);
	struct page_request page = first_page(carried_id(requester, unit), request);

	if (requester_check(request) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	if (request->length < IOMMUSIM_PAGE_SIZE - (request->address & (IOMMUSIM_PAGE_SIZE - 1)))
		page.length = (uint32_t)request->length;
	else
		page.length = IOMMUSIM_PAGE_SIZE - (request->address & (IOMMUSIM_PAGE_SIZE - 1));
	memset(walk, 0, offsetof(struct iommusim_walk, steps)); /* a model clears each step it uses */
	walk->result.address = request->address;
	walk->result.length = page.length;
	walk->mode = "no unit";
	if (unit == NULL) {
		walk->result.physical = request->address;
		walk->read_right = walk->write_right = true;
		return IOMMUSIM_OK;
	}
	walk->unit_name = unit->model->vendor;
	walk->unit_base = unit->base;
	unit->model->explain(unit, &page, walk);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_walk_interrupt(struct iommusim_requester *requester, uint64_t address,
    uint32_t data, struct iommusim_interrupt *out, struct iommusim_walk *walk)
{
	struct iommusim_unit *unit =
	    iommusim_unit_for(requester->machine, requester->segment, requester->rid);
	const struct interrupt_request request = {
		.address = address, .data = data, .rid = carried_id(requester, unit)
	};
	struct iommusim_interrupt message = { .address = address,
		.data = data,
		.segment = requester->segment,
		.source = requester->rid };

	if (!is_interrupt_address(address) || (address & 3) != 0)
		return IOMMUSIM_EINVAL;
	memset(walk, 0, offsetof(struct iommusim_walk, steps)); /* a model clears each step it uses */
	walk->result.address = address;
	walk->result.length = sizeof(data);
	walk->mode = "no unit";
	if (unit != NULL) {
		walk->unit_name = unit->model->vendor;
		walk->unit_base = unit->base;
		unit->model->explain_interrupt(unit, &request, &message, walk);
	} else {
		walk->result.interrupt = true;
		walk->write_right = true;
	}
	if (out != NULL)
		*out = message;
	return IOMMUSIM_OK;
}

void iommusim_requester_answers(struct iommusim_requester *requester, bool answers)
{
	requester->silent = !answers;
}

bool requester_invalidate(struct iommusim_machine *machine, uint16_t segment, uint16_t rid,
    const struct requester_invalidation *what)
{
	struct iommusim_requester *requester;
	bool answered = true;

	TAILQ_FOREACH (requester, &machine->requesters, link) {
		if (requester->rid != rid || requester->segment != segment)
			continue;
		if (requester->silent) {
			answered = false;
			continue;
		}
		ats_invalidate(&requester->ats, what);
		requester_wait(requester);
	}
	return answered;
}

bool requester_has_tlb(const struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	const struct iommusim_requester *requester;

	TAILQ_FOREACH (requester, &machine->requesters, link)
		if (requester->rid == rid && requester->segment == segment &&
		    requester->ats.table != NULL)
			return true;
	return false;
}

void requester_respond(struct iommusim_machine *machine, uint16_t segment, uint16_t rid,
    const struct iommusim_page_response *response)
{
	struct iommusim_requester *requester;

	TAILQ_FOREACH (requester, &machine->requesters, link)
		if (requester->rid == rid && requester->segment == segment)
			page_responses_put(&requester->responses, response);
}

struct page_responses *requester_responses(struct iommusim_requester *requester)
{
	return &requester->responses;
}

struct ats *requester_ats(struct iommusim_requester *requester)
{
	return &requester->ats;
}

struct iommusim_machine *requester_machine(const struct iommusim_requester *requester)
{
	return requester->machine;
}

enum iommusim_status iommusim_requester_stray_completion(struct iommusim_requester *requester)
{
	struct iommusim_unit *unit =
	    iommusim_unit_for(requester->machine, requester->segment, requester->rid);

	if (unit == NULL || unit->model->stray_completion == NULL ||
	    !unit->model->stray_completion(unit, requester->rid))
		return IOMMUSIM_ENOENT;
	return IOMMUSIM_OK;
}

void iommusim_requester_counters(
    const struct iommusim_requester *requester, struct iommusim_requester_counters *counters)
{
	*counters = requester->counters;
}

void iommusim_requester_set_function(struct iommusim_requester *requester, uint16_t function)
{
	requester->function = function;
	requester->topology = 0;
}

uint16_t iommusim_requester_function(const struct iommusim_requester *requester)
{
	return requester->function;
}

uint16_t iommusim_requester_rid(const struct iommusim_requester *requester)
{
	return requester->rid;
}

uint16_t iommusim_requester_segment(const struct iommusim_requester *requester)
{
	return requester->segment;
}
