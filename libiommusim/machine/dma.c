/*
 * DMA requests: split into pages, sent to the unit that governs the requester, and moved; and message interrupts.
 * How a page is translated is the model's business.
 */
#include <stddef.h>
#include <string.h>

#include "machine/interrupt_range.h"
#include "machine/memory_access.h"
#include "machine/quick.h"

/* Answer from what the requester keeps, if the unit's cache would still answer the same. */
static bool kept_hit(struct iommusim_requester *requester, const struct page_request *request,
    struct iommusim_dma_page *page)
{
	const uint64_t stamp = atomic_load(&requester->machine->stamp);
	const struct kept_page *kept = requester_kept(requester, request->address);

	if ((kept->number & ~KEPT_ODD) != kept_number(request->address) ||
	    kept->stamp[request->kind] != stamp)
		return false;
	page->physical = request->address + kept->answer.physical;
	page->entry = kept->entry;
	page->domain = kept->answer.domain;
	page->page_shift = kept->answer.page_shift;
	page->translated = true;
	page->cached = (kept->number & KEPT_UNCACHED) == 0;
	page->cached_tag = page->cached ? kept->tag : 0;
	page->through_cache = true; /* the device's entry is cached as long as its translations are */
	page->non_snooped = (kept->number & KEPT_NON_SNOOPED) != 0;
	requester->counters.private_hits++;
	return true;
}

/* What comes of a page that was found by plan. */
static inline void fill_planned(
    const struct plan *plan, const struct plan_page *found, struct iommusim_dma_page *page)
{
	page->physical = found->physical;
	page->entry = found->entry;
	page->domain = plan->answer.domain;
	page->page_shift = found->shift;
	page->translated = true;
	page->non_snooped = (found->entry & plan->snooped_by) != 0;
}

static bool planned(struct iommusim_requester *requester, const struct page_request *request,
    struct iommusim_dma_page *page)
{
	struct plan_page found;

	if (request->length == 0 ||
	    !planned_anywhere(requester, stamp_now(requester), request->kind, request->address, &found))
		return false;
	fill_planned(&requester->plan, &found, page);
	requester->counters.planned_pages++;
	return true;
}

static void keep(struct iommusim_requester *requester, const struct page_request *request,
    const struct iommusim_dma_page *page, unsigned rights)
{
	struct kept_page *kept =
	    &requester->kept[request->address >> IOMMUSIM_PAGE_SHIFT & (KEPT_PAGES - 1)];

	kept->number = kept_number(request->address);
	if (memory_find_for_hardware(&requester->machine->memory, page->physical) == NULL)
		kept->number |= KEPT_NO_MEMORY;
	if (page->non_snooped)
		kept->number |= KEPT_NON_SNOOPED;
	if ((rights & RIGHTS_UNCACHED) != 0)
		kept->number |= KEPT_UNCACHED;
	for (unsigned kind = 0; kind < KEPT_KINDS; kind++)
		kept->stamp[kind] = (rights_needed(kind) & ~rights) == 0 ? requester->stamp : 0;
	kept->answer = (struct iommusim_translation){
		.physical = page->physical - request->address,
		.domain = page->domain,
		.fault = IOMMUSIM_FAULT_NONE,
		.page_shift = page->page_shift,
		.translated = true,
		.cached = true,
	};
	kept->entry = page->entry;
	kept->tag = page->cached ? page->cached_tag : request->tag;
}

/* What a function that is no bus master has to say. */
static const struct iommusim_fault not_issued = {
	.class_ = IOMMUSIM_FAULT_NOT_ISSUED,
	.meaning =
	    "bus-master enable is off in the function's command register, or in a bridge's above it",
};

/*
 * Plan what comes next, when enough has been asked for under this stamp that a plan will pay.
 */
static void make_plan(struct iommusim_requester *requester, const struct page_request *request)
{
	struct iommusim_unit *unit = requester->unit;
	struct plan *plan = &requester->plan;

	if (plan->stamp == requester->stamp || unit->model->plan == NULL)
		return;
	if (requester->unplanned_stamp != requester->stamp) {
		requester->unplanned_stamp = requester->stamp;
		requester->unplanned = 0;
	}
	if (++requester->unplanned % UNPLANNED_REQUESTS != 0)
		return;
	plan->stamp = unit->model->plan(unit, request, plan) ? requester->stamp : 0;
	if (plan->stamp != 0)
		plan_complete(plan);
}

/* What a unit said of a request serves the next ones. */
static void remember(struct iommusim_requester *requester, const struct page_request *request,
    const struct iommusim_dma_page *page, unsigned rights)
{
	if (rights != 0)
		keep(requester, request, page, rights);
	else if (requester->unit->settings.cache == IOMMUSIM_CACHE_NONE && !page->faulted)
		make_plan(requester, request);
}

static void translate(struct iommusim_requester *requester, const struct page_request *request,
    struct iommusim_dma_page *page)
{
	struct iommusim_unit *unit = requester->unit;
	const bool plain = request->address_type == IOMMUSIM_DMA_UNTRANSLATED && !request->has_pasid;
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
	if (plain && (kept_hit(requester, request, page) || planned(requester, request, page)))
		return;
	unit->model->translate(unit, request, page, &rights);
	if (plain && !unit->settings.always_asked)
		remember(requester, request, page, rights);
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

/* Page by page, as work that invalidations wait for. */
static __attribute__((noinline)) enum iommusim_status dma(struct iommusim_requester *requester,
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
	requester_tick(requester);
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

static inline bool complete_kept(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome)
{
	const struct kept_page *kept =
	    kept_quickly(requester, stamp_now(requester), request->kind, request->address);

	if (kept == NULL)
		return false;
	answer_out_of(requester, kept, request, outcome);
	return true;
}

static inline bool complete_planned(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome)
{
	struct plan_page found;

	if (!planned_near(requester, stamp_now(requester), request->kind, request->address, &found) ||
	    memory_find(&requester->machine->memory, found.physical) == NULL)
		return false;
	begin_outcome(outcome, request);
	fill_planned(&requester->plan, &found, &outcome->page);
	count_quick_walks(requester, 1);
	return true;
}

/*
 * The quick way: one page, answered out of what the requester keeps or by its plan, and no data to move. Nothing is
 * done to memory, so no invalidation need wait for it: the request takes place while the stamp stands, which is read
 * before and, where memory was looked at, after.
 */
enum iommusim_status iommusim_dma(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome,
    struct iommusim_dma_page *pages, size_t page_capacity)
{
	if (!request_is_quick(request) || request->data != NULL ||
	    !(complete_kept(requester, request, outcome) ||
		complete_planned(requester, request, outcome)))
		return dma(requester, request, outcome, pages, page_capacity);
	if (page_capacity != 0)
		pages[0] = outcome->page;
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
	requester_tick(requester);
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
	struct page_request page = first_page(requester_carried_id(requester, unit), request);

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
		.address = address, .data = data, .rid = requester_carried_id(requester, unit)
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
