/*
 * One DMA request: what never meets the tables, the way through caches (caching.c) and tables (tables.c), what
 * is judged of a cached answer, the answer to a translation request, and the event that is reported.
 */
#include "models/amdvi/translate.h"

#include "models/amdvi/caching.h"
#include "models/amdvi/invalidate.h"
#include "models/amdvi/performance.h"

/* ---- beside the tables ----------------------------------------------------------------------------------- */

static bool is_on(const struct amdvi_unit *amdvi)
{
	return amdvi_CONTROL_IOMMU_EN(amdvi_control(amdvi)) != 0;
}

static unsigned check_interrupt_range(const struct page_request *request)
{
	if (!request_suits_interrupts(request))
		return INTERRUPT_READ;
	return request->has_pasid ? INTERRUPT_PASID : ALLOWED;
}

/* Translation is off; interrupts are what they are. */
static void pass_untranslated(const struct page_request *request, struct iommusim_dma_page *page)
{
	request_pass(request, page);
	page->interrupt = is_interrupt_address(request->address) && !request->has_pasid &&
	    check_interrupt_range(request) == ALLOWED;
}

bool amdvi_beside_tables(const struct amdvi_unit *amdvi, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason)
{
	*reason = ALLOWED;
	if (!is_on(amdvi)) {
		pass_untranslated(request, page);
		return true;
	}
	if (request_is_malformed(request)) {
		request_refuse(page);
		return true;
	}
	if (!request_is_untranslated(request) || !is_interrupt_address(request->address))
		return false;
	page->physical = request->address;
	page->translated = true;
	*reason = check_interrupt_range(request);
	page->interrupt = *reason == ALLOWED;
	return true;
}

/* ---- through caches and tables ----------------------------------------------------------------------------- */

void amdvi_take_walk(struct amdvi_lookup *lookup, struct stage_walk *walk)
{
	lookup->rights = walk->rights;
	lookup->executable = walk->executable;
	lookup->snoop = walk->snoop;
	lookup->untranslated_only = walk->untranslated_only;
	lookup->clean = walk->clean;
	lookup->host_clean = walk->second_clean;
	lookup->entry_address = walk->entry_address;
	lookup->reads += walk->reads;
	lookup->nested_reads += walk->nested_reads;
	walk->reads = walk->nested_reads = 0;
}

void amdvi_blame_mark(
    const struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, const struct walk_marks *marks)
{
	const struct walk_mark *mark = lookup->reason == ALLOWED
	    ? NULL
	    : walk_marks_unwritable(&amdvi->unit.machine->memory, marks);

	if (mark != NULL)
		lookup->entry_address = mark->address;
}

/*
 * The page, and the flags that go with finding it. An entry that software changes between being read and
 * being marked is read again, from the top.
 */
static void find_page(
    struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_shortcut *shortcut)
{
	struct walk_marks marks;
	struct stage_walk walk = { .marks = &marks, .shortcut = shortcut };

	for (unsigned tries = 0; tries < WALK_TRIES; tries++) {
		marks.count = marks.reason = 0;
		lookup->reason =
		    amdvi_find_page(amdvi, lookup->request, &lookup->space, &walk, lookup->page);
		amdvi_take_walk(lookup, &walk);
		lookup->unmarked = lookup->markless && marks.count != 0;
		if (lookup->reason != ALLOWED || lookup->unmarked)
			return;
		if (walk_marks_commit(&amdvi->unit.machine->memory, &marks, &lookup->reason)) {
			amdvi_blame_mark(amdvi, lookup, &marks);
			return;
		}
		stage_walk_from_root(&walk);
	}
	lookup->reason = marks.list[0].unwritable;
	lookup->entry_address = marks.list[0].address;
}

/* What the IOTLB answered is judged for this request, as what the tables answer is. */
static void judge_cached(struct amdvi_lookup *lookup)
{
	if (lookup->reason == ALLOWED)
		lookup->reason = amdvi_check_rights(
		    lookup->request, &lookup->space, lookup->rights, lookup->executable);
}

static void look_up_page(struct amdvi_unit *amdvi, struct amdvi_lookup *lookup)
{
	struct walk_shortcut shortcut = { .passed_count = 0 };

	if (amdvi->unit.settings.cache == IOMMUSIM_CACHE_NONE ||
	    (!lookup->space.guest && lookup->space.host_levels == 0)) {
		find_page(amdvi, lookup, NULL);
		return;
	}
	lookup->asked = true;
	if (amdvi_ask_caches(amdvi, lookup, &shortcut)) {
		judge_cached(lookup);
		return;
	}
	lookup->table_known = shortcut.from.level != 0;
	find_page(amdvi, lookup, &shortcut);
	if (!lookup->unmarked)
		amdvi_fill_caches(amdvi, lookup, &shortcut);
	if (lookup
		->outdone) /* who keeps the clean page need not be one whose own writes take the tables */
		machine_outdate(amdvi->unit.machine);
}

/* A translation request of a device beyond the table has a reason of its own. */
unsigned amdvi_refine_missing(const struct amdvi_lookup *lookup)
{
	return !lookup->device.in_table && request_is_for_translation(lookup->request)
	    ? TRANSLATION_DEVICE
	    : lookup->reason;
}

/* From the device table entry on. */
static void resolve(struct amdvi_unit *amdvi, struct amdvi_lookup *lookup)
{
	const struct page_request *request = lookup->request;
	unsigned rights = RIGHT_READ | RIGHT_WRITE;
	enum amdvi_ending ending;

	lookup->page->translated = true;
	lookup->rights = RIGHT_READ | RIGHT_WRITE;
	lookup->space.rights = RIGHT_READ | RIGHT_WRITE;
	lookup->reason = amdvi_device_look_up(amdvi, request->rid, lookup->generation, &lookup->device);
	if (lookup->reason != ALLOWED) {
		lookup->reason = amdvi_refine_missing(lookup);
		return;
	}
	lookup->page->through_cache = lookup->device.cached;
	if (amdvi_ends_at_device(
		amdvi, request, &lookup->device, lookup->page, &rights, &lookup->reason, &ending)) {
		lookup->rights = (uint8_t)rights;
		lookup->excluded = lookup->reason == ALLOWED && ending == AMDVI_EXCLUDED;
		return;
	}
	lookup->reason = amdvi_find_space(amdvi, request, &lookup->device, &lookup->space);
	if (lookup->reason != ALLOWED)
		return;
	look_up_page(amdvi, lookup);
	lookup->lasting = true;
}

/* ---- what comes of it ------------------------------------------------------------------------------------ */

static bool writes(const struct page_request *request)
{
	return request->kind != IOMMUSIM_DMA_READ;
}

unsigned amdvi_check_owner(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct iommusim_dma_page *page)
{
	const struct iommusim_amdvi_page_states *states = &amdvi->page_states;

	if (!amdvi_snp(amdvi) || page->interrupt || request_is_for_translation(request))
		return ALLOWED;
	return states->allowed(states->context, page->physical, request->rid, writes(request))
	    ? ALLOWED
	    : RMP_DENIED;
}

/*
 * The event of code 2 has everything; the others have what they have (AMD-Vi 2.5.2 to 2.5.14). With a PASID
 * (`guest`) the record has that in the domain's place, and without one none.
 */
static void fill_page_fault(const struct amdvi_lookup *lookup, struct amdvi_event *event)
{
	const struct page_request *request = lookup->request;

	event->domain = (uint16_t)amdvi_dte_DOMAIN_ID(lookup->device.dte);
	event->no_execute = request->execute;
	event->user = request->has_pasid && !request->privileged;
	event->interrupt = lookup->reason == INTERRUPT_PASID;
}

static void fill_hardware_error(const struct amdvi_lookup *lookup, struct amdvi_event *event)
{
	event->type = AMDVI_TARGET_ABORT;
	if (event->code == AMDVI_DEV_TAB_HARDWARE_ERROR) {
		event->guest = false;
		event->address = lookup->device.address;
		return;
	}
	event->domain = (uint16_t)amdvi_dte_DOMAIN_ID(lookup->device.dte);
	event->address = lookup->entry_address;
}

static void fill_owner(
    const struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, struct amdvi_event *event)
{
	const struct iommusim_amdvi_page_states *states = &amdvi->page_states;
	const struct page_request *request = lookup->request;

	if (states->flags != NULL)
		event->rmp = states->flags(
		    states->context, lookup->page->physical, request->rid, writes(request));
}

struct amdvi_event amdvi_event_of(const struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(lookup->reason);
	const struct page_request *request = lookup->request;
	struct amdvi_event event = {
		.address = request->address,
		.pasid = request->pasid,
		.device = request->rid,
		.code = meaning->code,
		.type = meaning->type,
		.guest = request->has_pasid,
		.present = meaning->present,
		.permission = meaning->permission,
		.reserved = meaning->reserved,
		.translation = request_is_for_translation(request),
		.write = writes(request),
	};

	switch (event.code) {
	case AMDVI_IO_PAGE_FAULT:
		fill_page_fault(lookup, &event);
		break;
	case AMDVI_ILLEGAL_DEV_TABLE_ENTRY:
		event.address &= ~UINT64_C(3);
		break;
	case AMDVI_RMP_PAGE_FAULT:
		event.guest = event.write = event.translation = false;
		fill_owner(amdvi, lookup, &event);
		break;
	case AMDVI_INVALID_DEVICE_REQUEST:
		event.write = false;
		break;
	default:
		fill_hardware_error(lookup, &event);
		break;
	}
	return event;
}

/* A page fault of a translation request is an answer without rights: no event, no abort (AMD-Vi 2.5.3). */
bool amdvi_answers(const struct amdvi_lookup *lookup)
{
	if (!request_is_for_translation(lookup->request))
		return false;
	return lookup->reason == ALLOWED || amdvi_denial(lookup->reason)->code == AMDVI_IO_PAGE_FAULT;
}

void amdvi_answer(struct amdvi_lookup *lookup)
{
	const struct page_request *request = lookup->request;
	struct iommusim_dma_page *page = lookup->page;
	unsigned rights = lookup->reason == ALLOWED ? lookup->rights & lookup->space.rights : 0;

	if (request->no_write)
		rights &= ~(unsigned)RIGHT_WRITE;
	page->answered = true;
	page->granted = (uint8_t)rights;
	page->privileged = request->has_pasid && request->privileged;
	page->non_snooped = rights != 0 && lookup->snoop;
	page->untranslated_only = rights != 0 && lookup->untranslated_only;
}

/* The device is told Completer Abort, but where only the event tells of it (AMD-Vi 2.5.3, user and supervisor). */
void amdvi_refine_fault(const struct amdvi_lookup *lookup, struct iommusim_fault *fault)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(lookup->reason);

	fault->class_ = meaning->class_;
	fault->meaning = meaning->meaning;
	fault->aborts = lookup->reason != GUEST_USER;
}

/* Page faults of an entry that is valid may be kept out of the log by it (AMD-Vi 2.2.2.1, SE and SA). */
bool amdvi_may_silence(const struct amdvi_lookup *lookup, const struct amdvi_event *event)
{
	return event->code == AMDVI_IO_PAGE_FAULT && lookup->device.readable &&
	    amdvi_dte_V(lookup->device.dte);
}

static void deny(struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup)
{
	const struct amdvi_event event = amdvi_event_of(amdvi, lookup);
	const char *silencer =
	    amdvi_may_silence(lookup, &event) ? amdvi_device_silencer(amdvi, &lookup->device) : NULL;

	lookup->page->faulted = true;
	amdvi_event_report(amdvi, &event, silencer != NULL, &lookup->page->fault);
	lookup->page->fault.suppressor = silencer;
	amdvi_refine_fault(lookup, &lookup->page->fault);
}

/*
 * A contrary cache also fetches the page after the one that was asked for: to read it, for a page does not get
 * dirty by speculation.
 */
static void prefetch(struct amdvi_unit *amdvi, const struct amdvi_lookup *asked)
{
	struct page_request next = *asked->request;
	struct iommusim_dma_page page = { .address = 0 };
	struct amdvi_lookup lookup = {
		.request = &next, .page = &page, .generation = asked->generation
	};

	if (!cache_prefetches(&amdvi->unit, &amdvi->iotlb))
		return;
	next.address += IOMMUSIM_PAGE_SIZE;
	next.kind = IOMMUSIM_DMA_READ;
	if (!is_interrupt_address(next.address))
		resolve(amdvi, &lookup);
}

/* A hint: where the unit has no caches, there is nothing to do (AMD-Vi 2.4.6). */
void amdvi_prefetch(struct amdvi_unit *amdvi, const struct page_request *request)
{
	struct iommusim_dma_page page = { .address = 0 };
	struct amdvi_lookup lookup = {
		.request = request,
		.page = &page,
		.generation = atomic_load(&amdvi->unit.generation),
		.markless = true,
	};

	if (amdvi->unit.settings.cache != IOMMUSIM_CACHE_NONE &&
	    !amdvi_beside_tables(amdvi, request, &page, &lookup.reason))
		resolve(amdvi, &lookup);
}

/* ---- counters -------------------------------------------------------------------------------------------- */

static struct amdvi_subject subject_of(const struct amdvi_lookup *lookup)
{
	const struct page_request *request = lookup->request;

	return (struct amdvi_subject){
		.pasid = request->pasid,
		.device = request->rid,
		.domain = (uint16_t)amdvi_dte_DOMAIN_ID(lookup->device.dte),
		.has_pasid = request->has_pasid,
		.has_domain = lookup->device.readable && amdvi_dte_V(lookup->device.dte),
		.has_device = true,
	};
}

static void count_caches(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, const struct amdvi_subject *subject)
{
	if (lookup->device.readable)
		amdvi_count(amdvi, lookup->device.cached ? AMDVI_COUNT_DTE_HIT : AMDVI_COUNT_DTE_MISS,
		    subject, 1);
	if (lookup->asked)
		amdvi_count(amdvi, lookup->page->cached ? AMDVI_COUNT_PTE_HIT : AMDVI_COUNT_PTE_MISS,
		    subject, 1);
	if (lookup->asked && !lookup->page->cached)
		amdvi_count(amdvi, lookup->table_known ? AMDVI_COUNT_PDE_HIT : AMDVI_COUNT_PDE_MISS,
		    subject, 1);
	amdvi_count(amdvi, AMDVI_COUNT_READS, subject, lookup->reads);
	amdvi_count(amdvi, AMDVI_COUNT_NESTED_READS, subject, lookup->nested_reads);
	if (lookup->space.guest)
		amdvi_count(
		    amdvi, AMDVI_COUNT_GUEST_READS, subject, lookup->reads - lookup->nested_reads);
}

/* It went where it wanted to, and no table was for it: DTE.V or DTE.Mode is 0. */
static bool passes_untranslated(const struct amdvi_lookup *lookup)
{
	return lookup->reason == ALLOWED && !lookup->excluded && !lookup->page->interrupt &&
	    lookup->space.host_levels == 0 && !lookup->space.guest;
}

/* What is counted of one request (AMD-Vi 3.4, counter sources). */
static void count(struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup)
{
	const uint8_t type = lookup->request->address_type;
	struct amdvi_subject subject;

	if (amdvi_counting_idle(amdvi))
		return;
	subject = subject_of(lookup);
	amdvi_count(amdvi, AMDVI_COUNT_TOTAL, &subject, 1);
	if (type == IOMMUSIM_DMA_UNTRANSLATED && passes_untranslated(lookup))
		amdvi_count(amdvi, AMDVI_COUNT_UNTRANSLATED, &subject, 1);
	else if (type == IOMMUSIM_DMA_TRANSLATED)
		amdvi_count(amdvi, AMDVI_COUNT_PRETRANSLATED, &subject, 1);
	if (lookup->excluded)
		amdvi_count(amdvi, AMDVI_COUNT_EXCLUDED, &subject, 1);
	if (lookup->page->faulted && lookup->page->fault.aborts)
		amdvi_count(amdvi, AMDVI_COUNT_ABORT, &subject, 1);
	count_caches(amdvi, lookup, &subject);
}

/* What the unit's caches keep until it is invalidated, a requester may keep too. */
static unsigned lasting_rights(const struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup)
{
	const unsigned uncached = lookup->asked ? 0 : (unsigned)RIGHTS_UNCACHED;
	const unsigned rights = (lookup->rights & lookup->space.rights) | uncached;

	if (!lookup->lasting || lookup->request->has_pasid || amdvi_snp(amdvi) ||
	    amdvi->unit.settings.cache != IOMMUSIM_CACHE_HOARD || !amdvi_counting_idle(amdvi))
		return 0;
	/* A write that makes it dirty takes the tables. */
	return amdvi_is_clean(lookup) ? 0 : rights;
}

void amdvi_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	struct amdvi_lookup lookup = {
		.request = request, .page = page, .generation = atomic_load(&unit->generation)
	};

	if (!amdvi_beside_tables(amdvi, request, page, &lookup.reason)) {
		resolve(amdvi, &lookup);
		if (lookup.reason == ALLOWED)
			lookup.reason = amdvi_check_owner(amdvi, request, page);
		if (lookup.reason == ALLOWED && unit->settings.cache == IOMMUSIM_CACHE_ADVERSE &&
		    request_is_untranslated(request))
			prefetch(amdvi, &lookup);
	}
	if (!page->faulted && amdvi_answers(&lookup))
		amdvi_answer(&lookup);
	else if (lookup.reason != ALLOWED)
		deny(amdvi, &lookup);
	else if (!page->faulted && request_is_untranslated(request))
		*rights = lasting_rights(amdvi, &lookup);
	count(amdvi, &lookup);
}

enum iommusim_status iommusim_amdvi_set_page_states(
    struct iommusim_unit *unit, const struct iommusim_amdvi_page_states *states)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	if (unit->model->translate != amdvi_translate)
		return machine_fail(
		    unit->machine, IOMMUSIM_EINVAL, "page states: the unit is not an AMD-Vi unit");
	pthread_mutex_lock(&unit->lock);
	amdvi->page_states =
	    states != NULL ? *states : (struct iommusim_amdvi_page_states){ .context = NULL };
	unit_outdate(&amdvi->unit); /* what requesters keep was answered without being asked about */
	pthread_mutex_unlock(&unit->lock);
	unit_settle(&amdvi->unit);
	return IOMMUSIM_OK;
}
