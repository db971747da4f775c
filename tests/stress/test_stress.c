/*
 * Four DMA threads for each processor beside a control side that maps, unmaps, invalidates, moves a device and takes
 * out faults without a pause. Nothing is reached after the completion of its invalidation, no DMA is lost that was
 * never unmapped, and every denied DMA is in the fault log or behind its overflow flag: at the end the counts add up.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"

#define WORKERS_MOST 64u
#define CELL         64u /* of each page every worker has one: what they move never meets */
#define PAGES        16u /* of each kind */
#define ROUNDS_LEAST 200u
#define RESTING      32u /* pages that were unmapped, and wait to be looked at */

/* Guest addresses: always mapped, mapped now and then, never mapped. */
#define FIXED     UINT64_C(0x100000)
#define MOVING    UINT64_C(0x200000)
#define FORBIDDEN UINT64_C(0x300000)

#define CANARY UINT64_C(0xdeadbeefdeadbeef)

enum attachment { UNDERWAY, ATTACHED, DETACHED };

struct stress {
	struct host host;
	struct iommusim_domain *domain;
	struct iommusim_vm *vm; /* whose memory it is */
	struct ledger ledger;
	uint64_t hpa[PAGES]; /* of moving pages; 0: not mapped */
	uint64_t resting[RESTING];
	uint64_t unused[PAGES + RESTING]; /* pages that are neither mapped nor resting */
	uint64_t rounds, random;
	unsigned rested, unused_count;
	_Atomic bool stop, held;
	_Atomic unsigned inside;  /* workers whose DMA may be denied */
	_Atomic uint64_t toggled; /* enum attachment in bits 1:0, above it how often it changed */
};

struct worker {
	struct stress *stress;
	struct iommusim_requester *device;
	uint64_t random, value[PAGES];
	uint64_t requests, denied, recorded, overflowed, collapsed, silenced, lost, strayed, wrong;
	unsigned number;
	bool moves; /* its device is taken away and given back */
	pthread_t thread;
};

static uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* What a moving page holds in a worker's cell, while it is mapped at that place. */
static uint64_t tag_of(unsigned page, unsigned worker)
{
	return UINT64_C(0x5441470000000000) | page << 8 | worker;
}

/* ---- devices ------------------------------------------------------------------------------------------ */

static void account(struct worker *worker, const struct iommusim_fault *fault)
{
	worker->denied++;
	worker->recorded += fault->recorded;
	worker->overflowed += fault->overflowed;
	worker->collapsed += fault->collapsed;
	worker->silenced += fault->suppressed;
}

/* Did it get through? */
static bool move(struct worker *worker, enum iommusim_dma_kind kind, uint64_t page, uint64_t *data)
{
	const struct iommusim_dma_request request = { .address = page + (uint64_t)worker->number * CELL,
		.length = 8,
		.kind = kind,
		.data = data };
	struct iommusim_dma_outcome outcome;

	worker->requests++;
	if (iommusim_dma(worker->device, &request, &outcome, NULL, 0) != IOMMUSIM_OK)
		worker->wrong++;
	if (outcome.page.faulted)
		account(worker, &outcome.page.fault);
	return !outcome.page.faulted;
}

static void use_fixed(struct worker *worker, unsigned page)
{
	uint64_t read = 0, written = ++worker->value[page];

	if (!move(worker, IOMMUSIM_DMA_WRITE, FIXED + page * PAGE, &written) ||
	    !move(worker, IOMMUSIM_DMA_READ, FIXED + page * PAGE, &read))
		worker->lost++;
	else if (read != written)
		worker->strayed++;
}

static void use_moving(struct worker *worker, unsigned page)
{
	uint64_t data = tag_of(page, worker->number);

	if (draw(&worker->random) % 2 == 0)
		move(worker, IOMMUSIM_DMA_WRITE, MOVING + page * PAGE, &data);
	else if (move(worker, IOMMUSIM_DMA_READ, MOVING + page * PAGE, &data) &&
	    data != tag_of(page, worker->number))
		worker->strayed++;
}

/* A device that comes and goes: what it gets is certain where nothing changed meanwhile. */
static void use_moved(struct worker *worker, unsigned page)
{
	const uint64_t before = atomic_load(&worker->stress->toggled);
	uint64_t data = 0;
	const bool passed = move(worker, IOMMUSIM_DMA_READ, FIXED + page * PAGE, &data);

	if (atomic_load(&worker->stress->toggled) != before)
		return;
	if (before % 4 == ATTACHED && !passed)
		worker->lost++;
	if (before % 4 == DETACHED && passed)
		worker->strayed++;
}

/* DMA that may be denied: not while the log is off. */
static void use_uncertain(struct worker *worker, uint64_t dice, unsigned page)
{
	uint64_t data = 0;

	atomic_fetch_add(&worker->stress->inside, 1);
	if (atomic_load(&worker->stress->held))
		;
	else if (worker->moves)
		use_moved(worker, page);
	else if (dice % 64 != 0)
		use_moving(worker, page);
	else if (move(worker, IOMMUSIM_DMA_WRITE, FORBIDDEN + page * PAGE, &data))
		worker->strayed++;
	atomic_fetch_sub(&worker->stress->inside, 1);
}

static void *work(void *context)
{
	struct worker *worker = context;

	while (!atomic_load(&worker->stress->stop)) {
		const uint64_t dice = draw(&worker->random);
		const unsigned page = (unsigned)(dice >> 8) % PAGES;

		if (dice >> 16 & 1 || worker->moves)
			use_uncertain(worker, dice >> 20, page);
		else
			use_fixed(worker, page);
		if (worker->requests % 128 ==
		    0) /* who is put to sleep inside a DMA keeps invalidations waiting */
			sched_yield();
	}
	return NULL;
}

/* ---- the control side --------------------------------------------------------------------------------- */

static void fill(struct stress *stress, uint64_t hpa, bool tagged, unsigned page)
{
	for (unsigned worker = 0; worker < WORKERS_MOST; worker++) {
		const uint64_t value = tagged ? tag_of(page, worker) : CANARY;

		assert_ok(iommusim_memory_write(
		    stress->host.machine, hpa + (uint64_t)worker * CELL, &value, sizeof(value)));
	}
}

/* Its invalidation is complete: from here on it is somebody else's, and stays as it is. */
static void rest(struct stress *stress, uint64_t hpa)
{
	const unsigned at = stress->rested++ % RESTING;

	for (unsigned worker = 0; stress->resting[at] != 0 && worker < WORKERS_MOST; worker++) {
		uint64_t value;

		assert_ok(iommusim_memory_read(stress->host.machine,
		    stress->resting[at] + (uint64_t)worker * CELL, &value, sizeof(value)));
		assert_int_equal(value, CANARY);
	}
	if (stress->resting[at] != 0)
		stress->unused[stress->unused_count++] = stress->resting[at];
	fill(stress, hpa, false, 0);
	stress->resting[at] = hpa;
}

static void turn_page(struct stress *stress, unsigned page)
{
	const uint64_t gpa = MOVING + page * PAGE;
	struct iommusim_vmm *vmm = stress->host.vmm;

	if (stress->hpa[page] == 0) {
		stress->hpa[page] = stress->unused[--stress->unused_count];
		fill(stress, stress->hpa[page], true, page);
		assert_ok(
		    iommusim_iommu_create_mapping(vmm, stress->domain, gpa, stress->hpa[page], PAGE));
		return;
	}
	assert_ok(iommusim_iommu_remove_mapping(vmm, stress->domain, gpa, PAGE));
	assert_ok(iommusim_iommu_invalidate_tlb(vmm, stress->domain));
	rest(stress, stress->hpa[page]);
	stress->hpa[page] = 0;
}

static void toggle(struct stress *stress)
{
	const uint64_t now = atomic_load(&stress->toggled);
	const bool attached = now % 4 == ATTACHED;

	atomic_store(&stress->toggled, (now / 4 + 1) * 4 + UNDERWAY);
	assert_ok((attached ? iommusim_iommu_remove_device : iommusim_iommu_add_device)(
	    stress->host.vmm, stress->domain, 0, HOST_PPT2));
	atomic_store(&stress->toggled, (now / 4 + 2) * 4 + (attached ? DETACHED : ATTACHED));
}

static void hold(void *context)
{
	struct stress *stress = context;

	atomic_store(&stress->held, true);
	while (atomic_load(&stress->inside) != 0)
		sched_yield();
}

static void release(void *context)
{
	atomic_store(&((struct stress *)context)->held, false);
}

static void control(struct stress *stress, double seconds)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		turn_page(stress, (unsigned)(draw(&stress->random) % PAGES));
		if (draw(&stress->random) % 16 == 0)
			toggle(stress);
		ledger_drain(&stress->ledger, &stress->host, hold, release, stress);
		stress->rounds++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
		seconds ||
	    stress->rounds < ROUNDS_LEAST);
}

/* ---- one run ------------------------------------------------------------------------------------------ */

static void open_stress(struct stress *stress, bool amdvi, enum iommusim_cache_policy cache)
{
	memset(stress, 0, sizeof(*stress));
	stress->random = 88172645463325252u + (uint64_t)cache;
	stress->ledger.amdvi = amdvi;
	host_start(&stress->host, &(struct host_setup){ .amdvi = amdvi, .settings.cache = cache });
	if (amdvi)
		assert_ok(iommusim_sysctl_set(stress->host.vmm, "hw.vmm.amdvi.enable", 1));
	stress->vm = host_vm(&stress->host, "vm", 4 * MIB, 7);
	assert_ok(iommusim_iommu_create_domain(stress->host.vmm, GIB, &stress->domain));
	assert_ok(iommusim_iommu_add_device(stress->host.vmm, stress->domain, 0, HOST_PPT1));
	for (unsigned page = 0; page < PAGES; page++)
		assert_ok(iommusim_iommu_create_mapping(stress->host.vmm, stress->domain,
		    FIXED + page * PAGE, host_hpa(stress->vm, page * PAGE), PAGE));
	while (stress->unused_count < PAGES + RESTING) {
		stress->unused[stress->unused_count] =
		    host_hpa(stress->vm, (PAGES + stress->unused_count) * PAGE);
		stress->unused_count++;
	}
	atomic_store(&stress->toggled, DETACHED);
}

static unsigned start_workers(struct stress *stress, struct worker *workers)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const unsigned count = processors < 1       ? 4
	    : processors > (long)(WORKERS_MOST / 4) ? WORKERS_MOST
						    : (unsigned)processors * 4;

	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = &workers[i];

		*worker = (struct worker){ .stress = stress,
			.number = i,
			.random = 0x9e3779b97f4a7c15u * (i + 1),
			.moves = i == 0 };
		worker->device = host_requester(&stress->host, i == 0 ? HOST_PPT2 : HOST_PPT1);
		assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
	}
	return count;
}

/* What the devices say, what their requesters counted, and what the unit logged. */
static void add_up(struct stress *stress, struct worker *workers, unsigned count)
{
	uint64_t requests = 0, denied = 0, recorded = 0, overflowed = 0, collapsed = 0, silenced = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct worker *worker = &workers[i];
		struct iommusim_requester_counters counters;

		iommusim_requester_counters(worker->device, &counters);
		assert_int_equal(counters.requests, worker->requests);
		assert_int_equal(counters.faults, worker->denied);
		assert_int_equal(worker->wrong, 0);
		assert_int_equal(worker->lost, 0);
		assert_int_equal(worker->strayed, 0);
		assert_true(worker->requests > 0);
		requests += worker->requests;
		denied += worker->denied;
		recorded += worker->recorded;
		overflowed += worker->overflowed;
		collapsed += worker->collapsed;
		silenced += worker->silenced;
	}
	assert_int_equal(denied, recorded + overflowed + collapsed + silenced);
	assert_true(
	    stress->ledger.amdvi || silenced == 0); /* DTE.SE: the first of a device is enough */
	assert_int_equal(stress->ledger.taken, recorded);
	assert_int_equal(stress->ledger.overflows != 0, overflowed != 0);
	assert_in_range(stress->ledger.overflows, 0, overflowed);
	print_message(
	    "    %llu rounds, %llu DMAs, %llu denied: %llu logged, %llu behind %llu overflows, %llu merged, "
	    "%llu silenced\n",
	    (unsigned long long)stress->rounds, (unsigned long long)requests,
	    (unsigned long long)denied, (unsigned long long)recorded, (unsigned long long)overflowed,
	    (unsigned long long)stress->ledger.overflows, (unsigned long long)collapsed,
	    (unsigned long long)silenced);
}

static void run(bool amdvi, enum iommusim_cache_policy cache)
{
	const char *seconds = getenv("IOMMUSIM_STRESS_SECONDS");
	struct worker workers[WORKERS_MOST];
	struct stress stress;
	unsigned count;

	open_stress(&stress, amdvi, cache);
	count = start_workers(&stress, workers);
	control(&stress, seconds == NULL ? 0.3 : strtod(seconds, NULL));
	atomic_store(&stress.stop, true);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	ledger_drain(&stress.ledger, &stress.host, hold, release, &stress);
	add_up(&stress, workers, count);
	host_stop(&stress.host);
}

static void vtd_under_stress(void **state)
{
	(void)state;
	for (unsigned cache = 0; cache < 4; cache++)
		run(false, (enum iommusim_cache_policy)cache);
}

static void amdvi_under_stress(void **state)
{
	(void)state;
	for (unsigned cache = 0; cache < 4; cache++)
		run(true, (enum iommusim_cache_policy)cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_under_stress),
		cmocka_unit_test(amdvi_under_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
