/*
 * Threads: DMA beside the control side. What the library promises (machine.h, dma.h) under real
 * concurrency: nothing stale after an invalidation, faults, queue, commands, topology and interrupts
 * beside each other, and two machines in two threads. Meant for ThreadSanitizer as much as for itself.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "vtd_fixture.h"

#define ROUNDS 400u

/* A thread that does DMA with a requester of its own until it is told to stop. */
struct worker {
	struct iommusim_requester *device;
	_Atomic bool *stop;
	_Atomic uint64_t requests;
	uint64_t base, count; /* pages it writes to, in turn */
	uint32_t offset;      /* where in each page */
	uint64_t passed, denied, impossible;
	pthread_t thread;
};

static void write_page(struct worker *worker, uint64_t page)
{
	uint64_t stamp = UINT64_C(0x5354414d50000000) | page;
	const struct iommusim_dma_request request = { .address = worker->base +
		    page * UINT64_C(0x1000) + worker->offset,
		.length = sizeof(stamp),
		.kind = IOMMUSIM_DMA_WRITE,
		.data = &stamp };
	struct iommusim_dma_outcome outcome;

	if (iommusim_dma(worker->device, &request, &outcome, NULL, 0) != IOMMUSIM_OK)
		worker->impossible++;
	else if (outcome.page.faulted)
		worker->denied++;
	else
		worker->passed++;
}

static void *work(void *context)
{
	struct worker *worker = context;

	for (uint64_t i = 0; !atomic_load(worker->stop); i++) {
		write_page(worker, i % worker->count);
		atomic_fetch_add(&worker->requests, 1);
		if (i % 64 == 63)
			sched_yield();
	}
	return NULL;
}

static void start_worker(struct worker *worker, struct iommusim_requester *device, _Atomic bool *stop,
    unsigned number, uint64_t pages)
{
	memset(worker, 0, sizeof(*worker));
	worker->device = device;
	worker->stop = stop;
	worker->base = 0x40000;
	worker->count = pages;                     /* from 40000h on */
	worker->offset = number * UINT64_C(0x800); /* each worker its own half of every page */
	assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void join_worker(struct worker *worker)
{
	assert_int_equal(pthread_join(worker->thread, NULL), 0);
	assert_int_equal(worker->impossible, 0);
}

/* Let every worker get through some requests that began after now. */
static void let_work(struct worker *workers, unsigned count, uint64_t requests)
{
	for (unsigned i = 0; i < count; i++) {
		const uint64_t from = atomic_load(&workers[i].requests);

		while (atomic_load(&workers[i].requests) < from + requests)
			sched_yield();
	}
}

/* --- pages come and go under running DMA -------------------------------------------------------------- */

struct remapping {
	struct vtd_fixture vtd;
	_Atomic uint64_t *entry[8]; /* paging entries of the pages, in host memory */
	uint64_t page[8];           /* where each points */
	uint64_t next;
	bool by_queue;
};

static void invalidate_page(struct remapping *scene, unsigned page)
{
	const uint64_t address = 0x40000 + page * UINT64_C(0x1000);

	if (!scene->by_queue) {
		assert_int_equal(vt_invalidate_iotlb(&scene->vtd, 3, VTD_DOMAIN, address, 0), 3);
		return;
	}
	vt_submit(&scene->vtd, 0x32 | (uint64_t)VTD_DOMAIN << 16, address);
	vt_submit(&scene->vtd, 0x25 | UINT64_C(1) << 32, 0x8000);
	assert_int_equal(vt_load(&scene->vtd, 0x8000), 1);
	vt_store(&scene->vtd, 0x8000, 0);
}

/* Both stamps of a page. Nobody may be writing there. */
static void clear_page(struct remapping *scene, uint64_t page)
{
	vt_store(&scene->vtd, page, 0);
	vt_store(&scene->vtd, page + 0x800, 0);
}

static void assert_clear(struct remapping *scene, uint64_t page)
{
	assert_int_equal(vt_load(&scene->vtd, page), 0);
	assert_int_equal(vt_load(&scene->vtd, page + 0x800), 0);
}

static void open_remapping(struct remapping *scene, enum iommusim_cache_policy cache, bool by_queue)
{
	memset(scene, 0, sizeof(*scene));
	vt_start_enabled(&scene->vtd, &(struct vtd_setup){ .settings.cache = cache });
	scene->by_queue = by_queue;
	scene->next = 0x100000;
	for (unsigned i = 0; i < 8; i++) {
		const uint64_t at = vt_entry_at(&scene->vtd, 0x40000 + i * UINT64_C(0x1000), 1);

		scene->page[i] = scene->next;
		scene->next += 0x1000;
		vt_store(&scene->vtd, at, scene->page[i] | 3);
		scene->entry[i] = iommusim_memory_host(scene->vtd.machine, at, 8);
	}
	if (by_queue)
		vt_queue_start(&scene->vtd, 16);
}

/*
 * Move pages to fresh memory (every third time: to nowhere first) while two devices write to them. From
 * the moment an invalidation is complete the old page belongs to somebody else: nothing may land there.
 */
static void remap_under_dma(enum iommusim_cache_policy cache, bool by_queue)
{
	struct remapping scene;
	struct worker workers[2];
	struct iommusim_requester *second;
	_Atomic bool stop = false;
	uint64_t old[ROUNDS];

	open_remapping(&scene, cache, by_queue);
	assert_int_equal(
	    iommusim_requester_create(scene.vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	start_worker(&workers[0], scene.vtd.device, &stop, 0, 8);
	start_worker(&workers[1], second, &stop, 1, 8);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned page = round % 8;

		old[round] = scene.page[page];
		scene.page[page] = scene.next;
		scene.next += 0x1000;
		let_work(workers, 2, 3);
		atomic_store(scene.entry[page], round % 3 == 0 ? 0 : scene.page[page] | 3);
		invalidate_page(&scene, page);
		clear_page(&scene, old[round]);
		if (round % 3 == 0) /* not present before: nothing to invalidate (CM=0) */
			atomic_store(scene.entry[page], scene.page[page] | 3);
		if (round >= 8)
			assert_clear(&scene, old[round - 8]);
	}
	let_work(workers, 2, 16);
	atomic_store(&stop, true);
	join_worker(&workers[0]);
	join_worker(&workers[1]);
	assert_true(workers[0].passed > 0 && workers[1].passed > 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		assert_clear(&scene, old[round]);
	for (unsigned page = 0; page < 8; page++) /* and the last pages were reached */
		assert_int_equal(
		    vt_load(&scene.vtd, scene.page[page]), UINT64_C(0x5354414d50000000) | page);
	vt_stop(&scene.vtd);
}

static void no_dma_reaches_an_old_page_after_a_register_invalidation(void **state)
{
	(void)state;
	remap_under_dma(IOMMUSIM_CACHE_HOARD, false);
	remap_under_dma(IOMMUSIM_CACHE_NONE, false);
	remap_under_dma(IOMMUSIM_CACHE_SIZED, false);
	remap_under_dma(IOMMUSIM_CACHE_ADVERSE, false);
}

static void no_dma_reaches_an_old_page_after_a_queued_invalidation(void **state)
{
	(void)state;
	remap_under_dma(IOMMUSIM_CACHE_HOARD, true);
	remap_under_dma(IOMMUSIM_CACHE_SIZED, true);
}

/*
 * One page moves on as fast as it can while two devices keep missing on it: a walk that began before an
 * invalidation must not fill the cache after it. Pages are used again once they have been found clear.
 */
static void a_walk_under_way_fills_no_cache_after_an_invalidation(void **state)
{
	enum { RING = 64 };
	struct remapping scene;
	struct worker workers[2];
	struct iommusim_requester *second;
	_Atomic bool stop = false;
	unsigned dirty = 0;

	(void)state;
	open_remapping(&scene, IOMMUSIM_CACHE_HOARD, false);
	assert_int_equal(
	    iommusim_requester_create(scene.vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	start_worker(&workers[0], scene.vtd.device, &stop, 0, 1);
	start_worker(&workers[1], second, &stop, 1, 1);
	for (unsigned round = 0; round < 20 * ROUNDS; round++) {
		const uint64_t page = 0x200000 + round % RING * UINT64_C(0x1000);
		const uint64_t old = scene.page[0];

		if (round >= RING)
			dirty += (vt_load(&scene.vtd, page) | vt_load(&scene.vtd, page + 0x800)) != 0;
		scene.page[0] = page;
		atomic_store(scene.entry[0], page | 3);
		invalidate_page(&scene, 0);
		clear_page(&scene, old);
		if (round % 4 == 3) /* time for a stale entry to do its harm */
			let_work(workers, 2, 1);
	}
	atomic_store(&stop, true);
	join_worker(&workers[0]);
	join_worker(&workers[1]);
	assert_int_equal(dirty, 0);
	vt_stop(&scene.vtd);
}

/* When GSTS says that translation is off or on, no request under the other rule is under way. */
static void translation_goes_on_and_off_between_requests(void **state)
{
	struct remapping scene;
	struct worker worker;
	_Atomic bool stop = false;

	(void)state;
	open_remapping(&scene, IOMMUSIM_CACHE_HOARD, false);
	start_worker(&worker, scene.vtd.device, &stop, 0, 8);
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		vt_command(&scene.vtd, G_TE, false);
		for (unsigned i = 0; i < 8; i++)
			clear_page(&scene, scene.page[i]);
		let_work(&worker, 1, 9);
		for (unsigned i = 0; i < 8; i++)
			assert_clear(&scene, scene.page[i]);
		vt_command(&scene.vtd, G_TE, true);
		for (unsigned i = 0; i < 8; i++)
			clear_page(&scene, 0x40000 + i * UINT64_C(0x1000));
		let_work(&worker, 1, 9);
		for (unsigned i = 0; i < 8; i++)
			assert_clear(&scene, 0x40000 + i * UINT64_C(0x1000));
	}
	atomic_store(&stop, true);
	join_worker(&worker);
	assert_int_equal(worker.denied, 0);
	vt_stop(&scene.vtd);
}

/* --- faults, queue, resets and topology ---------------------------------------------------------------- */

/* A fault handler at work: records are read and cleared while new ones come in. */
static unsigned handle_faults(struct vtd_fixture *vtd)
{
	unsigned handled = 0;

	for (unsigned i = 0; i < VTD_FAULTS; i++) {
		if ((vt_get32(vtd, R_FRCD + i * 16 + 12) & 0x80000000) == 0)
			continue;
		assert_int_equal(vt_get32(vtd, R_FRCD + i * 16 + 8) & 0xffff, VTD_RID);
		vt_clear_record(vtd, i);
		handled++;
	}
	vt_set32(vtd, R_FSTS, 1);
	return handled;
}

static void faults_are_recorded_while_software_handles_them_and_uses_the_queue(void **state)
{
	struct vtd_fixture vtd;
	struct worker workers[2];
	struct iommusim_requester *second;
	struct iommusim_interrupt message;
	_Atomic bool stop = false;
	uint64_t handled = 0, messages = 0;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	vt_set32(&vtd, R_FECTL, 0);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	start_worker(&workers[0], vtd.device, &stop, 0, 8); /* nothing is mapped: all faults */
	start_worker(&workers[1], second, &stop, 1, 8);
	for (unsigned round = 0; round < ROUNDS; round++) {
		vt_submit(&vtd, 0x11, 0);
		vt_submit(&vtd, 0x35 | UINT64_C(1) << 32, 0x8000);
		vt_set32(&vtd, R_ICS, 1);
		let_work(workers, 2, 2);
		handled += handle_faults(&vtd);
		while (iommusim_interrupt_take(vtd.machine, &message) == IOMMUSIM_OK)
			messages += message.from_unit;
	}
	atomic_store(&stop, true);
	join_worker(&workers[0]);
	join_worker(&workers[1]);
	assert_int_equal(workers[0].passed + workers[1].passed, 0);
	assert_true(handled > 0 && messages > 0);
	assert_true(handled <= workers[0].denied + workers[1].denied);
	vt_stop(&vtd);
}

static void a_unit_can_be_reset_and_set_up_again_under_dma(void **state)
{
	struct remapping scene;
	struct worker worker;
	_Atomic bool stop = false;

	(void)state;
	open_remapping(&scene, IOMMUSIM_CACHE_HOARD, false);
	start_worker(&worker, scene.vtd.device, &stop, 0, 8);
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		iommusim_unit_reset(scene.vtd.unit, round % 2 == 0);
		let_work(&worker, 1, 3);
		vt_latch_root(&scene.vtd, scene.vtd.root_table);
		vt_command(&scene.vtd, G_TE, true);
		let_work(&worker, 1, 3);
	}
	atomic_store(&stop, true);
	join_worker(&worker);
	assert_int_equal(worker.denied, 0);
	vt_stop(&scene.vtd);
}

/* Hot-plug and new scopes under running DMA: each request is governed by the old or the new topology. */
static void functions_and_scopes_come_and_go_under_dma(void **state)
{
	static const struct iommusim_dmar_hop hops[] = { { 5, 0 } };
	const struct iommusim_dmar_scope scope = {
		.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = hops
	};
	struct remapping scene;
	struct worker worker;
	_Atomic bool stop = false;

	(void)state;
	open_remapping(&scene, IOMMUSIM_CACHE_HOARD, false);
	start_worker(&worker, scene.vtd.device, &stop, 0, 8);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const struct iommusim_pci_function function = { .rid = (uint16_t)(0x0800 + round % 32),
			.type = round % 2 == 0 ? IOMMUSIM_PCI_ENDPOINT : IOMMUSIM_PCI_BRIDGE,
			.secondary_bus = 9,
			.subordinate_bus = 10 };

		assert_int_equal(iommusim_pci_add(scene.vtd.machine, &function), IOMMUSIM_OK);
		if (round % 8 == 0)
			assert_int_equal(iommusim_unit_add_scope(scene.vtd.unit, &scope), IOMMUSIM_OK);
		let_work(&worker, 1, 1);
		assert_int_equal(iommusim_pci_remove(scene.vtd.machine, 0, function.rid), IOMMUSIM_OK);
	}
	atomic_store(&stop, true);
	join_worker(&worker);
	assert_int_equal(worker.denied, 0);
	vt_stop(&scene.vtd);
}

/* --- interrupts ------------------------------------------------------------------------------------------ */

static void *send_interrupts(void *context)
{
	struct worker *worker = context;

	while (!atomic_load(worker->stop)) {
		struct iommusim_interrupt out;
		struct iommusim_fault fault;

		if (iommusim_requester_interrupt(worker->device, 0xfee00010, 0, &out, &fault) !=
			IOMMUSIM_OK ||
		    fault.class_ != IOMMUSIM_FAULT_NONE ||
		    ((out.data & 0xff) != 0x41 && (out.data & 0xff) != 0x42))
			worker->impossible++;
		atomic_fetch_add(&worker->requests, 1);
	}
	return NULL;
}

/* Two tables that differ in the vector: every interrupt is remapped by the one or the other. */
static void the_interrupt_table_can_be_replaced_under_interrupts(void **state)
{
	struct vtd_fixture vtd;
	struct worker worker = { .count = 0 };
	struct iommusim_interrupt message;
	_Atomic bool stop = false;
	uint64_t tables[2];

	(void)state;
	vt_start(&vtd, NULL);
	for (unsigned i = 0; i < 2; i++) {
		tables[i] = vt_page(&vtd);
		vt_store(&vtd, tables[i], (UINT64_C(0x41) + i) << 16 | 1);
	}
	vt_set64(&vtd, R_IRTA, tables[0]);
	vt_set32(&vtd, R_GCMD, G_SIRTP);
	vt_command(&vtd, G_IRE, true);
	worker.device = vtd.device;
	worker.stop = &stop;
	assert_int_equal(pthread_create(&worker.thread, NULL, send_interrupts, &worker), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		vt_set64(&vtd, R_IRTA, tables[round % 2]);
		vt_set32(&vtd, R_GCMD, G_IRE | G_SIRTP);
		let_work(&worker, 1, 1);
		while (iommusim_interrupt_take(vtd.machine, &message) == IOMMUSIM_OK)
			assert_in_range(message.data & 0xff, 0x41, 0x42);
	}
	atomic_store(&stop, true);
	join_worker(&worker);
	vt_stop(&vtd);
}

/* --- machines in threads ----------------------------------------------------------------------------------- */

struct whole {
	uint64_t output;
	uint64_t wrong;
};

/* A whole life: no cmocka in here, a thread's failed assertion would take the wrong stack down. */
static void *live(void *context)
{
	struct whole *whole = context;

	for (unsigned round = 0; round < 20; round++) {
		struct iommusim_vtd_config config = { .base = VTD_BASE,
			.capability = VTD_DEFAULT_CAP,
			.ext_capability = VTD_DEFAULT_ECAP,
			.host_address_width = VTD_HAW };
		/* root entry 0, context entry 0, one 1 GiB page */
		const uint64_t words[][2] = { { 0x10000, 0x11001 }, { 0x11000, 0x12001 },
			{ 0x11008, 0x101 }, { 0x12000, 0x83 } };
		const struct iommusim_dma_request request = { .address = whole->output, .length = 8 };
		struct iommusim_dma_outcome outcome;
		struct iommusim_machine *machine;
		struct iommusim_requester *device;
		struct iommusim_unit *unit;

		whole->wrong += iommusim_machine_create(NULL, &machine) != IOMMUSIM_OK;
		whole->wrong +=
		    iommusim_memory_add(machine, 0, 0x100000, IOMMUSIM_MEMORY_RAM) != IOMMUSIM_OK;
		whole->wrong += iommusim_vtd_create(machine, &config, &unit) != IOMMUSIM_OK;
		iommusim_unit_include_all(unit);
		whole->wrong += iommusim_requester_create(machine, 0, 0, &device) != IOMMUSIM_OK;
		for (unsigned i = 0; i < 4; i++)
			whole->wrong +=
			    iommusim_memory_write(machine, words[i][0], &words[i][1], 8) != IOMMUSIM_OK;
		iommusim_mmio_write(machine, VTD_BASE + R_RTADDR, 8, 0x10000);
		iommusim_mmio_write(machine, VTD_BASE + R_GCMD, 4, G_SRTP);
		iommusim_mmio_write(machine, VTD_BASE + R_GCMD, 4, G_TE);
		for (unsigned i = 0; i < 50; i++) {
			iommusim_dma(device, &request, &outcome, NULL, 0);
			whole->wrong += outcome.page.faulted ||
			    outcome.page.physical != whole->output || outcome.page.cached != (i > 0);
		}
		whole->wrong += iommusim_clock_now(machine) != 53;
		iommusim_machine_destroy(machine);
	}
	return NULL;
}

static void machines_in_different_threads_share_nothing(void **state)
{
	struct whole wholes[4];
	pthread_t threads[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		wholes[i] = (struct whole){ .output = 0x20000 + i * UINT64_C(0x1008) };
		assert_int_equal(pthread_create(&threads[i], NULL, live, &wholes[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(wholes[i].wrong, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_dma_reaches_an_old_page_after_a_register_invalidation),
		cmocka_unit_test(no_dma_reaches_an_old_page_after_a_queued_invalidation),
		cmocka_unit_test(a_walk_under_way_fills_no_cache_after_an_invalidation),
		cmocka_unit_test(translation_goes_on_and_off_between_requests),
		cmocka_unit_test(faults_are_recorded_while_software_handles_them_and_uses_the_queue),
		cmocka_unit_test(a_unit_can_be_reset_and_set_up_again_under_dma),
		cmocka_unit_test(functions_and_scopes_come_and_go_under_dma),
		cmocka_unit_test(the_interrupt_table_can_be_replaced_under_interrupts),
		cmocka_unit_test(machines_in_different_threads_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
