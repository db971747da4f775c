/*
 * vmm maps and unmaps beside running DMA: what was never unmapped is always reached, what was unmapped and invalidated
 * never is. Meant for ThreadSanitizer as much as for itself. The like for registers and queues is unit/test_threads.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "host_fixture.h"

#define ROUNDS 120u
#define STEADY 64u  /* pages that are mapped all the time, from the domain's STEADY_AT on */
#define COMING 600u /* pages that come and go, right behind them: into another table */

#define STEADY_AT UINT64_C(0x1c0000)
#define COMING_AT (STEADY_AT + STEADY * PAGE)
#define NEW_AT    UINT64_C(0x40000000) /* tables grow here meanwhile */

/* Host pages, in what the kernel keeps for itself: no table and no guest is there. */
#define STEADY_HOST UINT64_C(0x100000)
#define COMING_HOST UINT64_C(0x200000)

struct worker {
	struct iommusim_requester *device;
	_Atomic bool *stop;
	_Atomic uint64_t requests;
	uint32_t offset; /* where in each page */
	uint64_t passed, denied, lost, impossible;
	pthread_t thread;
};

static void write_page(struct worker *worker, uint64_t number)
{
	uint64_t stamp = UINT64_C(0x5354414d50000001);
	const uint64_t page = number % (STEADY + COMING);
	const struct iommusim_dma_request request = {
		.address = STEADY_AT + page * PAGE + worker->offset,
		.length = sizeof(stamp),
		.kind = IOMMUSIM_DMA_WRITE,
		.data = &stamp,
	};
	struct iommusim_dma_outcome outcome;

	if (iommusim_dma(worker->device, &request, &outcome, NULL, 0) != IOMMUSIM_OK)
		worker->impossible++;
	else if (!outcome.page.faulted)
		worker->passed++;
	else if (page < STEADY)
		worker->lost++;
	else
		worker->denied++;
}

static void *work(void *context)
{
	struct worker *worker = context;

	for (uint64_t i = worker->offset; !atomic_load(worker->stop); i += 7) {
		write_page(worker, i);
		atomic_fetch_add(&worker->requests, 1);
		if (i % 64 == 63)
			sched_yield();
	}
	return NULL;
}

static void let_work(struct worker *workers, uint64_t requests)
{
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t from = atomic_load(&workers[i].requests);

		while (atomic_load(&workers[i].requests) < from + requests)
			sched_yield();
	}
}

/* The pages that come and go, by one of the ways that there are. Nobody may be writing to them at the host's side. */
static void bring(struct host *host, struct iommusim_domain *domain, unsigned round)
{
	static uint64_t pages[COMING];

	for (unsigned i = 0; i < COMING; i++)
		pages[i] = COMING_HOST + (round % 3 == 1 ? i : (i + round) * 7 % COMING) * PAGE;
	if (round % 3 == 0) {
		assert_ok(iommusim_iommu_create_mapping_list(
		    host->vmm, domain, COMING_AT, pages, COMING, NULL));
	} else if (round % 3 == 1) {
		assert_ok(iommusim_iommu_create_mapping(
		    host->vmm, domain, COMING_AT, COMING_HOST, COMING * PAGE));
	} else {
		for (unsigned i = 0; i < COMING; i++)
			assert_ok(iommusim_iommu_create_mapping(
			    host->vmm, domain, COMING_AT + i * PAGE, pages[i], PAGE));
	}
	/* Tables that nobody uses yet, installed while others are walked. */
	assert_ok(iommusim_iommu_create_mapping(
	    host->vmm, domain, NEW_AT + round * (2 * MIB), STEADY_HOST, PAGE));
}

static void take_away(struct host *host, struct iommusim_domain *domain, unsigned round)
{
	const uint64_t step = round % 2 == 0 ? PAGE : COMING * PAGE;

	for (uint64_t done = 0; done < COMING * PAGE; done += step)
		assert_ok(iommusim_iommu_remove_mapping(host->vmm, domain, COMING_AT + done, step));
	assert_ok(iommusim_iommu_invalidate_tlb(host->vmm, domain));
}

/* Where a worker would leave its stamp in a page that came and went. */
static uint64_t *stamp_at(struct host *host, unsigned page, unsigned worker)
{
	return iommusim_memory_host(
	    host->machine, COMING_HOST + page * PAGE + worker * UINT64_C(0x800), 8);
}

static void clear(struct host *host)
{
	for (unsigned i = 0; i < 2 * COMING; i++)
		*stamp_at(host, i / 2, i % 2) = 0;
}

static void assert_clear(struct host *host)
{
	for (unsigned i = 0; i < 2 * COMING; i++)
		assert_int_equal(*stamp_at(host, i / 2, i % 2), 0);
}

static void start(struct worker *workers, struct host *host, _Atomic bool *stop)
{
	memset(workers, 0, 2 * sizeof(*workers));
	for (unsigned i = 0; i < 2; i++) {
		workers[i].device = i == 0 ? host->ppt1 : host->ppt2;
		workers[i].stop = stop;
		workers[i].offset = i * 0x800u;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void live(const struct host_setup *setup)
{
	static struct worker workers[2];
	static struct host host;
	struct iommusim_domain *domain;
	_Atomic bool stop = false;

	host_start(&host, setup);
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
	assert_ok(iommusim_iommu_create_domain(host.vmm, 4 * GIB, &domain));
	assert_ok(
	    iommusim_iommu_create_mapping(host.vmm, domain, STEADY_AT, STEADY_HOST, STEADY * PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2));
	start(workers, &host, &stop);
	for (unsigned round = 0; round < ROUNDS; round++) {
		bring(&host, domain, round);
		let_work(workers, 20);
		take_away(&host, domain, round);
		clear(&host);
		let_work(workers, 20);
		assert_clear(&host);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].impossible, 0);
		assert_int_equal(workers[i].lost, 0);
		assert_true(workers[i].passed > 0);
		assert_true(workers[i].denied > 0);
	}
	host_stop(&host);
}

static void mapping_beside_dma_loses_nothing_and_leaves_nothing(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_HOARD };

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++)
		for (unsigned i = 0; i < 4; i++)
			live(&(struct host_setup){
			    .profile = i < 2 ? "reference" : "reference+tables=dropped",
			    .amdvi = amdvi,
			    .settings.cache = policies[i % 2] });
}

/* With a checker calls for single pages go by it in rows, as stores; the faults of others end these at any time. */
static void so_it_does_with_a_checker(void **state)
{
	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++)
		live(&(struct host_setup){ .checked = true,
		    .amdvi = amdvi,
		    .settings.cache = amdvi ? IOMMUSIM_CACHE_HOARD : IOMMUSIM_CACHE_NONE });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping_beside_dma_loses_nothing_and_leaves_nothing),
		cmocka_unit_test(so_it_does_with_a_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
