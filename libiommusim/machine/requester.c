/*
 * Requesters: making them, the work they are at, and who else speaks to them. What they ask for is in dma.c.
 *
 * How an invalidation ends. A requester that works marks itself with the machine's epoch; an
 * invalidation changes the unit's caches, grows the unit's generation and the machine's stamp
 * (which kills what requesters keep) and calls requester_quiesce(): that grows the epoch and waits until no requester
 * works under an older one. What is translated after that is translated afresh.
 */
#include <sched.h>
#include <time.h>

#include "machine/requester.h"

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

static uint64_t ticks_of(const struct iommusim_requester *requester)
{
	return atomic_load_explicit(&requester->ticks, memory_order_relaxed) +
	    atomic_load_explicit(&requester->quick_hits, memory_order_relaxed) +
	    atomic_load_explicit(&requester->quick_walks, memory_order_relaxed);
}

void iommusim_requester_destroy(struct iommusim_requester *requester)
{
	if (requester == NULL)
		return;
	TAILQ_REMOVE(&requester->machine->requesters, requester, link);
	machine_note_activity(requester->machine); /* another one may stand at its place in memory */
	requester->machine->retired_ticks += ticks_of(requester);
	page_responses_destroy(&requester->responses);
	ats_destroy(requester->machine, &requester->ats);
	machine_free(requester->machine, requester, sizeof(*requester));
}

uint64_t requester_ticks(const struct iommusim_machine *machine)
{
	const struct iommusim_requester *requester;
	uint64_t ticks = machine->retired_ticks;

	TAILQ_FOREACH (requester, &machine->requesters, link)
		ticks += ticks_of(requester);
	return ticks;
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
	/* Before the topology: what is kept under a new stamp was found under no old topology. */
	requester->stamp = atomic_load(&machine->stamp);
	topology = atomic_load(&machine->topology);
	if (requester->topology == topology)
		return;
	pthread_mutex_lock(&machine->topology_lock);
	requester->topology = atomic_load(&machine->topology);
	requester->unit = iommusim_unit_for(machine, requester->segment, requester->rid);
	requester->carried = requester_carried_id(requester, requester->unit);
	requester->muted =
	    !iommusim_pci_is_bus_master(machine, requester->segment, requester->function);
	pthread_mutex_unlock(&machine->topology_lock);
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
	requester_tick(requester);
	return requester->unit;
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
	const uint64_t hits = atomic_load_explicit(&requester->quick_hits, memory_order_relaxed);
	const uint64_t walks = atomic_load_explicit(&requester->quick_walks, memory_order_relaxed);

	*counters = requester->counters;
	counters->requests += hits + walks;
	counters->pages += hits + walks;
	counters->private_hits += hits;
	counters->planned_pages += walks;
	counters->cached_pages += hits;
}

void iommusim_requester_set_function(struct iommusim_requester *requester, uint16_t function)
{
	requester->function = function;
	requester->topology = 0;
	machine_outdate(requester->machine);
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
