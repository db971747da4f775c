/*
 * Page requests as a requester makes them, and the responses that wait for it: messages that cannot be,
 * nobody to ask, order, loss, and requesters in threads of their own beside the software that serves
 * them. What a unit makes of a request is tested in tests/spec.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "spec/page_queue.h"

/* A requester without a unit. */
static struct iommusim_machine *make(struct iommusim_requester **device)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x0310, device), IOMMUSIM_OK);
	return machine;
}

static void a_message_that_cannot_be_is_refused_and_counts_as_nothing(void **state)
{
	static const struct iommusim_page_request bad[] = {
		{ .has_pasid = true, .pasid = 0x100000 },
		{ .has_pasid = true, .pasid = UINT32_MAX },
		{ .group = 0x200 },
		{ .group = 0xffff, .last = true },
	};
	struct iommusim_page_request_outcome outcome = { .physical = 0x77 };
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    iommusim_requester_page_request(device, &bad[i], &outcome), IOMMUSIM_EINVAL);
	assert_int_equal(outcome.physical, 0x77);
	assert_int_equal(iommusim_clock_now(machine), 0);
	pq_expect_no_response(device);
	iommusim_machine_destroy(machine);
}

/* The largest values, and a PASID field that nobody looks at. */
static void everything_else_is_a_message(void **state)
{
	static const struct iommusim_page_request good[] = {
		{ .address = UINT64_MAX, .group = 0x1ff, .has_pasid = true, .pasid = 0xfffff },
		{ .pasid = UINT32_MAX },
	};
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(pq_ask_of(device, &good[i]).result, IOMMUSIM_PAGE_REQUEST_UNSUPPORTED);
	assert_int_equal(iommusim_clock_now(machine), 2); /* one tick each, as of any request */
	iommusim_machine_destroy(machine);
}

/* No unit governs it: nothing is told, and nothing of the outcome is left from before. */
static void nobody_is_there_to_be_asked(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_NO_PASID);
	struct iommusim_page_request_outcome outcome;
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	outcome = pq_ask_of(device, &request);
	assert_int_equal(outcome.result, IOMMUSIM_PAGE_REQUEST_UNSUPPORTED);
	assert_false(outcome.answered);
	assert_int_equal(outcome.physical, 0);
	assert_int_equal(outcome.fault.class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(outcome.fault.reason, 0);
	pq_expect_no_response(device);
	iommusim_machine_destroy(machine);
}

/* ---- responses that wait ----------------------------------------------------------------------- */

/* A queue without room: each request that is the last of its group has its answer at once. */
static void start_full(struct scalable *sm)
{
	pq_start(sm, NULL);
	vt_set64(&sm->vtd, R_PQH, 0x20);
}

static void be_answered(struct scalable *sm, unsigned group)
{
	struct iommusim_page_request request = pq_request(SM_PASID);

	request.group = (uint16_t)(group & 0x1ff);
	assert_true(pq_ask(sm, &request).answered);
}

static void expect_next(struct scalable *sm, unsigned group)
{
	struct iommusim_page_response response;

	assert_true(iommusim_requester_take_response(sm->vtd.device, &response));
	assert_int_equal(response.group, group & 0x1ff);
	assert_int_equal(response.pasid, SM_PASID);
}

static void responses_are_taken_in_the_order_they_came(void **state)
{
	struct scalable sm;
	unsigned next = 0;

	(void)state;
	start_full(&sm);
	for (unsigned group = 0; group < 2000; group++) {
		be_answered(&sm, group);
		if (group % 5 != 4)
			continue;
		for (unsigned i = 0; i < 5; i++)
			expect_next(&sm, next++);
		pq_expect_no_response(sm.vtd.device);
	}
	assert_int_equal(iommusim_requester_lost_responses(sm.vtd.device), 0);
	sm_stop(&sm);
}

/* One for each group of a device that takes none; then the oldest go, and are counted. */
static void as_many_wait_as_there_are_groups(void **state)
{
	struct scalable sm;

	(void)state;
	assert_int_equal(IOMMUSIM_PAGE_RESPONSES, 512);
	start_full(&sm);
	for (unsigned group = 0; group < 512; group++)
		be_answered(&sm, group);
	assert_int_equal(iommusim_requester_lost_responses(sm.vtd.device), 0);
	be_answered(&sm, 512);
	be_answered(&sm, 513);
	assert_int_equal(iommusim_requester_lost_responses(sm.vtd.device), 2);
	for (unsigned group = 2; group < 514; group++)
		expect_next(&sm, group);
	pq_expect_no_response(sm.vtd.device);
	assert_int_equal(iommusim_requester_lost_responses(sm.vtd.device), 2);
	assert_int_equal(iommusim_requester_lost_responses(sm.upper), 0);
	sm_stop(&sm);
}

/* What the unit responds by itself is between it and who asked: not for others of the same id. */
static void automatic_responses_go_to_who_asked(void **state)
{
	const struct iommusim_page_request request = pq_request(SM_PASID);
	struct iommusim_requester *second;
	struct scalable sm;

	(void)state;
	start_full(&sm);
	assert_int_equal(iommusim_requester_create(sm.vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	assert_true(pq_ask_of(second, &request).answered);
	pq_expect_no_response(sm.vtd.device);
	pq_expect_automatic(second, IOMMUSIM_PAGE_SUCCESS, &request);
	sm_stop(&sm);
}

/* A requester that is gone has nothing waiting for it, and its id is nobody's. */
static void responses_go_with_their_requester(void **state)
{
	const uint64_t response[4] = { 0x9 | (uint64_t)VTD_RID << 16 };
	struct iommusim_requester *second;
	struct scalable sm;

	(void)state;
	pq_start(&sm, NULL);
	sm_queue_start(&sm);
	sm_submit(&sm, response);
	iommusim_requester_destroy(sm.vtd.device);
	sm_submit(&sm, response);
	assert_int_equal(iommusim_requester_create(sm.vtd.machine, 0, VTD_RID, &second), IOMMUSIM_OK);
	pq_expect_no_response(second);
	sm_stop(&sm);
}

/* ---- threads ----------------------------------------------------------------------------------- */

#define DEVICES 3u
#define EACH    300u
#define RETRIED 200u

/*
 * A device that asks for pages, one group a request, and goes on when it is told. Dropped requests are
 * asked again. No cmocka in here: a thread's failed assertion would take the wrong stack down.
 */
struct device {
	struct iommusim_requester *requester;
	_Atomic bool done;
	uint64_t base; /* of its pages */
	unsigned queued, dropped, wrong;
	pthread_t thread;
};

/* To give way is not enough where threads take turns that are not fair (valgrind). */
static void rest(void)
{
	const struct timespec a_moment = { .tv_nsec = 1000 };

	nanosleep(&a_moment, NULL);
}

static unsigned wait_for_response(struct device *device, struct iommusim_page_response *response)
{
	while (!iommusim_requester_take_response(device->requester, response))
		rest();
	return response->group;
}

static void *ask_for_pages(void *context)
{
	struct device *device = context;

	for (unsigned page = 0; page < EACH;) {
		const struct iommusim_page_request request = { .address = page * UINT64_C(0x1000),
			.group = (uint16_t)(page & 0x1ff),
			.read = true,
			.last = true };
		struct iommusim_page_request_outcome outcome;
		struct iommusim_page_response response;

		device->wrong += iommusim_requester_page_request(
				     device->requester, &request, &outcome) != IOMMUSIM_OK;
		device->wrong += wait_for_response(device, &response) != request.group;
		device->wrong +=
		    response.automatic != (outcome.result == IOMMUSIM_PAGE_REQUEST_DROPPED);
		if (outcome.result == IOMMUSIM_PAGE_REQUEST_QUEUED) {
			device->queued++;
			page++;
		} else {
			device->dropped++;
			rest();
		}
	}
	atomic_store(&device->done, true);
	return NULL;
}

/* Does a write of 8 bytes go through? */
static bool writes(struct device *device, uint64_t address)
{
	uint64_t data = address;
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(data), .kind = IOMMUSIM_DMA_WRITE, .data = &data
	};
	struct iommusim_dma_outcome outcome;

	device->wrong += iommusim_dma(device->requester, &request, &outcome, NULL, 0) != IOMMUSIM_OK;
	return !outcome.page.faulted;
}

/* Of each page that may only be read: try, ask, and try again when the answer is there. */
static void *ask_and_retry(void *context)
{
	struct device *device = context;

	for (unsigned page = 0; page < RETRIED; page++) {
		const struct iommusim_page_request request = {
			.address = device->base + page * UINT64_C(0x1000), .write = true, .last = true
		};
		struct iommusim_page_request_outcome outcome;
		struct iommusim_page_response response;

		device->wrong += writes(device, request.address);
		device->wrong += iommusim_requester_page_request(
				     device->requester, &request, &outcome) != IOMMUSIM_OK;
		device->queued += outcome.result == IOMMUSIM_PAGE_REQUEST_QUEUED;
		wait_for_response(device, &response);
		device->wrong += !writes(device, request.address);
	}
	atomic_store(&device->done, true);
	return NULL;
}

/* What software has seen of each device: the page that comes next. */
struct service {
	struct scalable sm;
	struct device devices[DEVICES];
	uint64_t next[DEVICES];
	_Atomic uint64_t
	    *entries[DEVICES]; /* of the pages, to be made writable; NULL: they are left alone */
	uint64_t head;         /* how far it has read */
	uint64_t room;         /* entries of the queue that it leaves free; 0: all there are */
	unsigned handled, wrong;
};

/* The page is there from now on; the unit is told nothing of it. */
static void handle(struct service *service, unsigned number, uint64_t address)
{
	if (number >= DEVICES ||
	    address != service->devices[number].base + service->next[number] * UINT64_C(0x1000)) {
		service->wrong++;
		return;
	}
	if (service->entries[number] != NULL)
		atomic_fetch_or(&service->entries[number][service->next[number]], 2);
	service->next[number]++;
}

/* Read what is there, respond to it; the tail was read before, so the descriptors are there. */
static void serve(struct service *service)
{
	struct vtd_fixture *vtd = &service->sm.vtd;
	const uint64_t tail = vt_get64(vtd, R_PQT);

	for (; service->head != tail; service->head = (service->head + 0x20) % 0x1000) {
		const uint64_t low = vt_load(vtd, PQ_BASE + service->head);
		const uint64_t high = vt_load(vtd, PQ_BASE + service->head + 8);
		const uint64_t response[4] = { 0x9 | (low & 0xffff0000), high & 0xff8 };

		handle(service, (unsigned)(low >> 16 & 0xffff) - 0x0311, high & ~UINT64_C(0xfff));
		service->handled++;
		sm_submit(&service->sm, response);
	}
	vt_set64(vtd, R_PQH,
	    service->room == 0 ? service->head : (service->head + (service->room + 1) * 0x20) % 0x1000);
}

static bool all_done(struct service *service)
{
	for (unsigned i = 0; i < DEVICES; i++)
		if (!atomic_load(&service->devices[i].done))
			return false;
	return true;
}

static void open_service(struct service *service, uint64_t room)
{
	memset(service, 0, sizeof(*service));
	service->room = room;
	pq_start(&service->sm, &(struct vtd_setup){ .ecap_set = ECAP_PDS });
	sm_queue_start(&service->sm);
	vt_set32(&service->sm.vtd, R_PECTL, 0);
	for (unsigned i = 0; i < DEVICES; i++) {
		const uint16_t rid = (uint16_t)(0x0311 + i);
		const uint64_t context[4] = { service->sm.directory | SM_PRE | SM_DTE | SM_FPD | SM_P,
			SM_RID_PASID };

		sm_set_context(&service->sm, rid, context);
		assert_int_equal(iommusim_requester_create(
				     service->sm.vtd.machine, 0, rid, &service->devices[i].requester),
		    IOMMUSIM_OK);
	}
}

static void start_devices(struct service *service, void *(*run)(void *device))
{
	for (unsigned i = 0; i < DEVICES; i++)
		assert_int_equal(
		    pthread_create(&service->devices[i].thread, NULL, run, &service->devices[i]), 0);
}

/* All have asked for all their pages, and were answered. How often they were dropped. */
static unsigned join_devices(struct service *service, unsigned pages)
{
	unsigned queued = 0, dropped = 0;

	for (unsigned i = 0; i < DEVICES; i++) {
		struct device *device = &service->devices[i];

		assert_int_equal(pthread_join(device->thread, NULL), 0);
		assert_int_equal(device->wrong, 0);
		assert_int_equal(iommusim_requester_lost_responses(device->requester), 0);
		pq_expect_no_response(device->requester);
		queued += device->queued;
		dropped += device->dropped;
	}
	assert_int_equal(service->wrong, 0);
	assert_int_equal(service->handled, queued);
	assert_int_equal(queued, DEVICES * pages);
	assert_int_equal(vt_get32(&service->sm.vtd, R_FSTS), 0);
	return dropped;
}

/* Each request that is queued is there once, in its device's order, and has one response. */
static void devices_ask_while_software_serves_them(void **state)
{
	static const uint64_t drain[4] = { 0xa5, 0x9000 };
	struct iommusim_interrupt message;
	struct service service;
	unsigned messages = 0;

	(void)state;
	open_service(&service, 0);
	start_devices(&service, ask_for_pages);
	for (unsigned round = 0; !all_done(&service); round++) {
		vt_set32(&service.sm.vtd, R_PRS, PRS_PPR);
		serve(&service);
		if (round % 16 == 0)
			sm_submit(&service.sm, drain);
		while (iommusim_interrupt_take(service.sm.vtd.machine, &message) == IOMMUSIM_OK)
			messages++;
		rest();
	}
	assert_int_equal(join_devices(&service, EACH), 0);
	assert_true(messages > 0);
	sm_stop(&service.sm);
}

/* Room for one request at a time: the unit drops the others, and their devices ask again. */
static void devices_ask_again_for_what_was_dropped(void **state)
{
	struct service service;

	(void)state;
	open_service(&service, 1);
	vt_set64(&service.sm.vtd, R_PQH, 0x40);
	start_devices(&service, ask_for_pages);
	while (!all_done(&service)) {
		serve(&service);
		vt_set32(&service.sm.vtd, R_PRS, PRS_PRO);
		rest();
	}
	assert_true(join_devices(&service, EACH) > 0);
	sm_stop(&service.sm);
}

/* 512 pages from an address on, to be read only; the entries of the table that maps them. */
static _Atomic uint64_t *map_read_only(struct scalable *sm, uint64_t base)
{
	const uint64_t table = sm_second_at(sm, sm->second, 4, base, 1);

	for (unsigned page = 0; page < 512; page++)
		vt_store(&sm->vtd, table + page * UINT64_C(8),
		    ((base & 0xffffff) + 0x800000 + page * UINT64_C(0x1000)) | 1);
	return iommusim_memory_host(sm->vtd.machine, table, 0x1000);
}

/* VT-d 6.5.3.1: what a device asked for is writable when it tries again, with no invalidation. */
static void devices_find_what_they_asked_for(void **state)
{
	struct service service;

	(void)state;
	open_service(&service, 0);
	for (unsigned i = 0; i < DEVICES; i++) {
		service.devices[i].base = UINT64_C(0x40000000) + i * UINT64_C(0x200000);
		service.entries[i] = map_read_only(&service.sm, service.devices[i].base);
	}
	start_devices(&service, ask_and_retry);
	while (!all_done(&service)) {
		serve(&service);
		rest();
	}
	assert_int_equal(join_devices(&service, RETRIED), 0);
	sm_stop(&service.sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_cannot_be_is_refused_and_counts_as_nothing),
		cmocka_unit_test(everything_else_is_a_message),
		cmocka_unit_test(nobody_is_there_to_be_asked),
		cmocka_unit_test(responses_are_taken_in_the_order_they_came),
		cmocka_unit_test(as_many_wait_as_there_are_groups),
		cmocka_unit_test(automatic_responses_go_to_who_asked),
		cmocka_unit_test(responses_go_with_their_requester),
		cmocka_unit_test(devices_ask_while_software_serves_them),
		cmocka_unit_test(devices_ask_again_for_what_was_dropped),
		cmocka_unit_test(devices_find_what_they_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
