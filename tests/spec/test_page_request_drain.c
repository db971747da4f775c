/*
 * Page-request drain (VT-d 6.5.2.9, 7.7): a wait descriptor with PD set is complete after the
 * descriptors of all page requests that were received before it are in the queue. In time, on a unit
 * with a latency; and beside a device in a thread of its own.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "machine/unit_model.h"
#include "page_queue.h"

#define IQE 0x10u /* FSTS */

/* 6.5.2.9: type 5, IF 4, SW 5, FN 6, PD 7, STDATA 63:32; STADDR. */
#define WAIT_STATUS UINT64_C(0x25)
#define WAIT_EVENT  UINT64_C(0x35)
#define DRAIN       UINT64_C(0x80)
#define STATUS_AT   UINT64_C(0x9000)

#define LATENCY 20u

/*
 * A unit that takes `latency` ticks for what it is told, in scalable mode; PASID 0, which is that of
 * requests without one, passes through. Tables of four pages at `tables`.
 */
static void start(struct vtd_fixture *vtd, uint64_t tables, uint32_t latency)
{
	const uint64_t context = tables + 0x1000, directory = tables + 0x2000, table = tables + 0x3000;

	vt_store(vtd, tables + UINT64_C(3) * 16, context | 1);
	vt_store(vtd, context + UINT64_C(0x10) * 32, directory | SM_PRE | SM_DTE | SM_P);
	vt_store(vtd, directory, table | SM_P);
	vt_store(vtd, table, SM_PASS_THROUGH | SM_P);
	vt_store(vtd, table + 8, SM_DOMAIN);
	vt_set64(vtd, R_RTADDR, tables | SM_TTM_SCALABLE);
	vt_set32(vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd->machine, latency);
	vtd->queue = vt_page(vtd);
	vtd->queue_width = 32;
	vt_set64(vtd, R_IQA, vtd->queue | 0x800);
	vt_set64(vtd, R_PQA, PQ_BASE);
	vt_set32(vtd, R_GCMD, G_TE | G_QIE);
	iommusim_step(vtd->machine, latency);
	assert_int_equal(vt_get32(vtd, R_GSTS) & (G_TE | G_QIE), G_TE | G_QIE);
}

static const struct vtd_setup slow = {
	.cap_set = SM_CAP, .ecap_set = SM_ECAP | ECAP_PRS | ECAP_PDS, .settings.latency = LATENCY
};

static void submit(struct vtd_fixture *vtd, uint64_t low, uint64_t high)
{
	vt_store(vtd, vtd->queue + vtd->queue_tail + 16, 0);
	vt_store(vtd, vtd->queue + vtd->queue_tail + 24, 0);
	vt_submit(vtd, low, high);
}

static enum iommusim_page_request_result ask(struct vtd_fixture *vtd, unsigned group)
{
	const struct iommusim_page_request request = { .group = (uint16_t)group, .read = true };

	return pq_ask_of(vtd->device, &request).result;
}

/* The device-TLB invalidation, and the wait for it and for page requests (7.10, steps b and c). */
static void a_drain_is_complete_after_the_requests_that_came_before_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned early = 0; early < 20; early++) {
		vt_start(&vtd, &slow);
		start(&vtd, VTD_RAM - 0x4000, LATENCY);
		submit(&vtd, 0x3 | (uint64_t)VTD_RID << 32, 0x4000);
		submit(&vtd, WAIT_EVENT | DRAIN | UINT64_C(0x77) << 32, STATUS_AT);
		for (unsigned i = 0; i < early; i++)
			assert_int_equal(ask(&vtd, i), IOMMUSIM_PAGE_REQUEST_QUEUED);
		assert_int_equal(vt_load(&vtd, STATUS_AT), 0);
		for (unsigned i = 0; vt_load(&vtd, STATUS_AT) == 0; i++) {
			assert_true(i < LATENCY);
			vt_get32(&vtd, R_ICS);
		}
		assert_int_equal(vt_load(&vtd, STATUS_AT), 0x77);
		assert_int_equal(vt_get32(&vtd, R_ICS), 1);
		assert_int_equal(vt_get64(&vtd, R_PQT), early * 0x20);
		for (unsigned i = 0; i < early; i++)
			assert_int_equal(vt_load(&vtd, PQ_BASE + i * UINT64_C(0x20) + 8), i << 3 | 1);
		vt_stop(&vtd);
	}
}

/* What the unit has not received before the drain is complete is not in it; nor is it lost. */
static void a_request_after_the_drain_comes_after_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	start(&vtd, VTD_RAM - 0x4000, LATENCY);
	submit(&vtd, WAIT_STATUS | DRAIN | UINT64_C(0x77) << 32, STATUS_AT);
	iommusim_step(vtd.machine, LATENCY);
	assert_int_equal(vt_load(&vtd, STATUS_AT), 0x77);
	assert_int_equal(vt_get64(&vtd, R_PQT), 0);
	assert_int_equal(ask(&vtd, 0), IOMMUSIM_PAGE_REQUEST_QUEUED);
	assert_int_equal(vt_get64(&vtd, R_PQT), 0x20);
	vt_stop(&vtd);
}

/* A response is sent when its descriptor is carried out. */
static void a_response_takes_the_latency_of_the_queue(void **state)
{
	struct iommusim_page_response response;
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	start(&vtd, VTD_RAM - 0x4000, LATENCY);
	submit(&vtd, 0x9 | (uint64_t)VTD_RID << 16, 0);
	iommusim_step(vtd.machine, LATENCY - 1);
	pq_expect_no_response(vtd.device);
	iommusim_step(vtd.machine, 1);
	assert_true(iommusim_requester_take_response(vtd.device, &response));
	vt_stop(&vtd);
}

/* PDS=0: "treats this field as reserved". */
static void only_units_that_can_drain_take_the_flag(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned supported = 0; supported < 2; supported++) {
		const uint64_t wait[4] = { WAIT_STATUS | DRAIN | UINT64_C(0x77) << 32, STATUS_AT };

		pq_start(&sm, &(struct vtd_setup){ .ecap_set = supported != 0 ? ECAP_PDS : 0 });
		sm_queue_start(&sm);
		sm_submit(&sm, wait);
		assert_int_equal(vt_get32(&sm.vtd, R_FSTS), supported != 0 ? 0 : IQE);
		assert_int_equal(vt_get64(&sm.vtd, R_IQERCD), supported != 0 ? 0 : 4);
		assert_int_equal(vt_load(&sm.vtd, STATUS_AT), supported != 0 ? 0x77 : 0);
		sm_stop(&sm);
	}
}

/* ---- a device in a thread ---------------------------------------------------------------------- */

/* A request that has arrived at the unit and is held there until it may go on. One at a time. */
static struct {
	const struct unit_model *model; /* the unit's own */
	_Atomic bool arrived;
	_Atomic bool released;
} hold;

static void rest(void)
{
	const struct timespec a_moment = { .tv_nsec = 1000 };

	nanosleep(&a_moment, NULL);
}

static void hold_request(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	atomic_store(&hold.arrived, true);
	while (!atomic_load(&hold.released))
		rest();
	hold.model->request_page(unit, rid, request, outcome);
}

/* No cmocka in the threads: a failed assertion would take the wrong stack down. */
struct asker {
	struct iommusim_requester *device;
	enum iommusim_page_request_result result;
	pthread_t thread;
};

static void *make_request(void *context)
{
	static const struct iommusim_page_request request = { .address = PQ_PAGE, .read = true };
	struct iommusim_page_request_outcome outcome;
	struct asker *asker = context;

	if (iommusim_requester_page_request(asker->device, &request, &outcome) == IOMMUSIM_OK)
		asker->result = outcome.result;
	return NULL;
}

/* Lets the request go on when the unit has begun to wait for those under way; or never will. */
struct releaser {
	struct iommusim_machine *machine;
	uint64_t epoch;
	const _Atomic uint32_t *status; /* of the wait descriptor */
	uint32_t early;                 /* what was there before the request went on */
	_Atomic bool over;
	pthread_t thread;
};

static void *release(void *context)
{
	struct releaser *releaser = context;

	while (
	    atomic_load(&releaser->machine->epoch) == releaser->epoch && !atomic_load(&releaser->over))
		rest();
	releaser->early = atomic_load(releaser->status);
	atomic_store(&hold.released, true);
	return NULL;
}

/* A device has asked, the unit has it, its descriptor is not written yet: a drain is not complete. */
static void a_drain_waits_for_a_request_that_has_arrived(void **state)
{
	struct unit_model holding;
	struct releaser releaser = { .early = 0 };
	struct asker asker = { .result = IOMMUSIM_PAGE_REQUEST_UNSUPPORTED };
	struct scalable sm;
	uint64_t tail;

	(void)state;
	pq_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_PDS });
	sm_queue_start(&sm);
	hold.model = sm.vtd.unit->model;
	holding = *hold.model;
	holding.request_page = hold_request;
	sm.vtd.unit->model = &holding;
	atomic_store(&hold.arrived, false);
	atomic_store(&hold.released, false);

	asker.device = sm.vtd.device;
	assert_int_equal(pthread_create(&asker.thread, NULL, make_request, &asker), 0);
	while (!atomic_load(&hold.arrived))
		rest();
	releaser.machine = sm.vtd.machine;
	releaser.epoch = atomic_load(&sm.vtd.machine->epoch);
	releaser.status = iommusim_memory_host(sm.vtd.machine, STATUS_AT, 4);
	assert_int_equal(pthread_create(&releaser.thread, NULL, release, &releaser), 0);
	submit(&sm.vtd, WAIT_STATUS | DRAIN | UINT64_C(0x77) << 32, STATUS_AT);
	tail = vt_get64(&sm.vtd, R_PQT);
	atomic_store(&releaser.over, true);
	assert_int_equal(pthread_join(releaser.thread, NULL), 0);
	assert_int_equal(pthread_join(asker.thread, NULL), 0);

	assert_int_equal(asker.result, IOMMUSIM_PAGE_REQUEST_QUEUED);
	assert_int_equal(releaser.early, 0);
	assert_int_equal(vt_load(&sm.vtd, STATUS_AT), 0x77);
	assert_int_equal(tail, 0x20);
	sm.vtd.unit->model = hold.model;
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_is_complete_after_the_requests_that_came_before_it),
		cmocka_unit_test(a_request_after_the_drain_comes_after_it),
		cmocka_unit_test(a_response_takes_the_latency_of_the_queue),
		cmocka_unit_test(only_units_that_can_drain_take_the_flag),
		cmocka_unit_test(a_drain_waits_for_a_request_that_has_arrived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
