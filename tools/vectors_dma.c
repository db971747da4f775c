/* Runs the DMA of conformance vectors and compares where its bytes went and what was recorded. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>

#include "vectors_run.h"

enum { PAGE = 1 << IOMMUSIM_PAGE_SHIFT };

/* One request on its way. */
struct dma_run {
	struct vector_run *run;
	const struct vector_dma *dma;
	uint8_t *data;     /* what the device sends, or gets */
	uint8_t *original; /* what memory holds where the vector says the request goes */
	struct iommusim_dma_page *pages;
	size_t page_count;
	struct vector_faults before, after;
};

/* ---- where the request should go ----------------------------------------------------------------------- */

/*
 * Where the vector puts the byte at `address`, which begins a part of the request in one page. Only the
 * first page is known of a request that crosses one and has no segments.
 */
static struct vector_number expected_at(const struct vector_dma *dma, uint64_t address)
{
	struct vector_number physical = { .present = false };

	for (size_t i = 0; i < dma->segment_count; i++) {
		const struct vector_segment *segment = &dma->segments[i];

		if (address - segment->address >= segment->length)
			continue;
		physical = segment->physical;
		physical.value += address - segment->address;
		return physical;
	}
	if (dma->segment_count == 0 && address == dma->address)
		physical = dma->physical;
	return physical;
}

/* Bytes of the request from `address` to the end of that page. */
static size_t part_length(const struct vector_dma *dma, uint64_t address)
{
	const uint64_t left = dma->length - (address - dma->address);
	const uint64_t in_page = PAGE - address % PAGE;

	return (size_t)(left < in_page ? left : in_page);
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

typedef enum iommusim_status (*part_action)(
    struct dma_run *this, uint64_t physical, size_t at, size_t length);

/* Do something to every part of which it is known where it goes. OK, or the last failure. */
static enum iommusim_status each_part(struct dma_run *this, part_action action)
{
	const struct vector_dma *dma = this->dma;
	enum iommusim_status worst = IOMMUSIM_OK;
	size_t length;

	for (size_t at = 0; at < dma->length; at += length) {
		const struct vector_number physical = expected_at(dma, dma->address + at);

		length = part_length(dma, dma->address + at);
		if (physical.present) {
			const enum iommusim_status status = action(this, physical.value, at, length);

			worst = status == IOMMUSIM_OK ? worst : status;
		}
	}
	return worst;
}

/*
 * The device's bytes are the opposite of memory's, so that one that is not moved shows, in either
 * direction. Memory itself must not change: it may hold tables.
 */
static enum iommusim_status prepare_part(
    struct dma_run *this, uint64_t physical, size_t at, size_t length)
{
	const enum iommusim_status status =
	    iommusim_memory_read(this->run->machine, physical, this->original + at, length);

	for (size_t i = at; status == IOMMUSIM_OK && i < at + length; i++)
		this->data[i] = (uint8_t) ~this->original[i];
	return status;
}

static enum iommusim_status restore_part(
    struct dma_run *this, uint64_t physical, size_t at, size_t length)
{
	return iommusim_memory_write(this->run->machine, physical, this->original + at, length);
}

/* EIO when memory does not hold what the device sent, or the device has not got what memory holds. */
static enum iommusim_status check_part(
    struct dma_run *this, uint64_t physical, size_t at, size_t length)
{
	uint8_t found[PAGE];

	if (iommusim_memory_read(this->run->machine, physical, found, length) != IOMMUSIM_OK)
		return IOMMUSIM_ENXIO;
	return memcmp(found, this->data + at, length) == 0 ? IOMMUSIM_OK : IOMMUSIM_EIO;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static void say_place(char *text, size_t room, const struct iommusim_dma_page *page)
{
	if (page->faulted)
		snprintf(text, room, "fault 0x%x at 0x%" PRIx64 " (%s)", page->fault.reason,
		    page->address,
		    page->fault.meaning != NULL ? page->fault.meaning : "no such reason");
	else if (page->interrupt)
		snprintf(text, room, "in the interrupt range at 0x%" PRIx64, page->address);
	else
		snprintf(text, room, "ok at 0x%" PRIx64 "%s", page->physical,
		    page->bus_error ? ", where there is no memory" : "");
}

/* Did this page go where the vector says? Where it says nothing, any place will do. */
static bool page_agrees(const struct vector_dma *dma, const struct iommusim_dma_page *page)
{
	const struct vector_number physical = expected_at(dma, page->address);

	if (dma->outcome == VECTOR_OUTCOME_OTHER)
		return page->interrupt && !page->faulted;
	if (physical.present)
		return !page->faulted && !page->interrupt && !page->bus_error &&
		    page->physical == physical.value;
	if (dma->outcome == VECTOR_OUTCOME_OK && dma->segment_count == 0)
		return !page->faulted;
	/*
	 * All that is known of a fault that left no record is that no memory was reached; that may also
	 * be because none is there.
	 */
	return page->faulted || (!dma->fault.present && page->bus_error);
}

/*
 * The page that differs; NULL when there is none. A request that faults and has no segments faults in
 * one of its pages at least.
 */
static const struct iommusim_dma_page *find_difference(const struct dma_run *this)
{
	const bool any = this->dma->outcome == VECTOR_OUTCOME_FAULT && this->dma->segment_count == 0;

	for (size_t i = 0; i < this->page_count; i++)
		if (page_agrees(this->dma, &this->pages[i]) == any)
			return any ? NULL : &this->pages[i];
	return any ? &this->pages[0] : NULL;
}

static void say_expected(char *text, size_t room, const struct vector_dma *dma, uint64_t address)
{
	const struct vector_number physical = expected_at(dma, address);

	if (dma->outcome == VECTOR_OUTCOME_OTHER)
		snprintf(text, room, "an access to the interrupt range without a fault");
	else if (physical.present)
		snprintf(text, room, "ok at 0x%" PRIx64, physical.value);
	else if (dma->outcome == VECTOR_OUTCOME_OK && dma->segment_count == 0)
		snprintf(text, room, "ok");
	else if (dma->fault.present && dma->fault.reason.present)
		snprintf(text, room, "fault 0x%" PRIx64, dma->fault.reason.value);
	else
		snprintf(text, room, "fault");
}

static bool fail(struct dma_run *this, const struct vector_failure *about)
{
	const struct vector_dma *dma = this->dma;
	struct vector_failure *failure = vector_run_fail(this->run);
	const size_t step = this->run->step;

	if (failure == NULL)
		return false;
	*failure = *about;
	failure->step = step;
	snprintf(failure->action, sizeof(failure->action),
	    "%s of %" PRIu64 " bytes at 0x%" PRIx64 " by %02x:%02x.%x",
	    dma->is_write ? "write" : "read", dma->length, dma->address, dma->requester >> 8,
	    dma->requester >> 3 & 0x1f, dma->requester & 7);
	return true;
}

static const struct iommusim_fault *first_fault(const struct dma_run *this)
{
	for (size_t i = 0; i < this->page_count; i++)
		if (this->pages[i].faulted)
			return &this->pages[i].fault;
	return NULL;
}

/* Did the request leave the record the vector says? Otherwise `failure` says why. */
static bool record_agrees(const struct dma_run *this, struct vector_failure *failure)
{
	const struct vector_observed observed = {
		.dma = this->dma,
		.before = &this->before,
		.after = &this->after,
		.fault = first_fault(this),
	};

	return this->dma->fault_unknown ||
	    this->run->vector->vendor->judge(this->run, &observed, failure);
}

static bool compare(struct dma_run *this)
{
	const struct iommusim_dma_page *page = find_difference(this);
	struct vector_failure failure = { .step = 0 };

	if (page != NULL) {
		say_expected(failure.expected, sizeof(failure.expected), this->dma, page->address);
		say_place(failure.got, sizeof(failure.got), page);
		return fail(this, &failure);
	}
	if (each_part(this, check_part) != IOMMUSIM_OK) {
		snprintf(failure.expected, sizeof(failure.expected), "the data to arrive");
		snprintf(failure.got, sizeof(failure.got), "other bytes");
		return fail(this, &failure);
	}
	return record_agrees(this, &failure) || fail(this, &failure);
}

/* A request that is not compared may still leave records that later steps would look at. */
static void note_divergence(struct dma_run *this)
{
	struct vector_failure ignored;

	if (!record_agrees(this, &ignored))
		this->run->diverged = true;
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* NULL when memory ran out. */
static struct iommusim_requester *requester_for(struct vector_run *run, uint16_t rid)
{
	struct iommusim_requester **slot = &run->requesters[rid];

	if (*slot == NULL && iommusim_requester_create(run->machine, 0, rid, slot) != IOMMUSIM_OK)
		vector_run_out_of_memory(run);
	return *slot;
}

/*
 * A step that is not compared may go anywhere, and what it overwrites there could not be put back: it
 * moves nothing. A message interrupt is its data, though.
 */
static bool moves_data(const struct vector_run *run, const struct vector_step *step)
{
	return vector_run_compares(run, step) || step->dma.address >> 20 == 0xfee;
}

static bool request(struct dma_run *this, const struct vector_step *step, size_t room)
{
	const struct vector_dma *dma = this->dma;
	const struct iommusim_dma_request request = {
		.address = dma->address,
		.length = dma->length,
		.kind = dma->is_write ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		.data = dma->length != 0 && moves_data(this->run, step) ? this->data : NULL,
	};
	struct iommusim_requester *requester = requester_for(this->run, dma->requester);
	struct iommusim_dma_outcome outcome;
	enum iommusim_status status;

	if (requester == NULL)
		return false;
	each_part(this, prepare_part); /* where there is no memory the request itself will tell */
	this->run->vector->vendor->observe(this->run, &this->before);
	status = iommusim_dma(requester, &request, &outcome, this->pages, room);
	this->run->vector->vendor->observe(this->run, &this->after);
	if (status != IOMMUSIM_OK)
		return vector_run_refuse(this->run, "iova", "there can be no such request");
	this->page_count = (size_t)(outcome.page_count < room ? outcome.page_count : room);
	if (vector_run_compares(this->run, step))
		return compare(this);
	note_divergence(this);
	return true;
}

bool vector_run_dma(struct vector_run *run, const struct vector_step *step)
{
	const size_t room = (size_t)step->dma.length / PAGE + 2;
	struct dma_run *this = calloc(1, sizeof(*this));
	bool ran;

	if (this == NULL)
		return vector_run_out_of_memory(run);
	this->run = run;
	this->dma = &step->dma;
	this->data = calloc(2, (size_t)step->dma.length + 1);
	this->pages = calloc(room, sizeof(*this->pages));
	if (this->data != NULL && this->pages != NULL) {
		this->original = this->data + step->dma.length;
		ran = request(this, step, room);
		each_part(this, restore_part);
	} else {
		ran = vector_run_out_of_memory(run);
	}
	free(this->pages);
	free(this->data);
	free(this);
	return ran;
}
