/*
 * Requesters: how a request is split into pages and completes in part, malformed requests, counters,
 * what moves and what does not. Translation itself is tested in tests/spec.
 */
#include "vtd_fixture.h"

static struct iommusim_machine *make(struct iommusim_requester **device)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(machine, 0x10000, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x0310, device), IOMMUSIM_OK);
	return machine;
}

static void a_requester_keeps_its_place(void **state)
{
	struct iommusim_requester *device, *other;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	assert_int_equal(iommusim_requester_create(machine, 7, 0xfffe, &other), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_rid(device), 0x0310);
	assert_int_equal(iommusim_requester_segment(device), 0);
	assert_int_equal(iommusim_requester_rid(other), 0xfffe);
	assert_int_equal(iommusim_requester_segment(other), 7);
	assert_int_equal(iommusim_requester_create(machine, 0, 0, NULL), IOMMUSIM_EINVAL);
	iommusim_requester_destroy(other);
	iommusim_requester_destroy(NULL);
	iommusim_machine_destroy(machine); /* takes the one that is left with it */
}

static void malformed_requests_are_refused_and_count_as_nothing(void **state)
{
	static const struct iommusim_dma_request bad[] = {
		{ .address = 0x10000, .length = 0, .kind = IOMMUSIM_DMA_WRITE },
		{ .address = 0x10000, .length = 0, .kind = IOMMUSIM_DMA_ATOMIC },
		{ .address = UINT64_MAX, .length = 2 },
		{ .address = 0x1000, .length = UINT64_MAX },
		{ .address = 0x10000, .length = 8, .has_pasid = true, .pasid = 0x100000 },
		{ .address = 0x10000, .length = 8, .kind = (enum iommusim_dma_kind)3 },
		{ .address = 0x10000, .length = 8, .address_type = (enum iommusim_dma_address_type)3 },
	};
	struct iommusim_requester_counters counters;
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(iommusim_dma(device, &bad[i], &outcome, NULL, 0), IOMMUSIM_EINVAL);
	iommusim_requester_counters(device, &counters);
	assert_int_equal(counters.requests, 0);
	assert_int_equal(iommusim_clock_now(machine), 0);
	iommusim_machine_destroy(machine);
}

/* The largest that are not malformed: the last byte of the address space, 20 bits of PASID. */
static void requests_at_the_limits_are_sound(void **state)
{
	static const struct iommusim_dma_request good[] = {
		{ .address = UINT64_MAX, .length = 1 },
		{ .address = UINT64_MAX - 0xfff, .length = 0x1000 },
		{ .address = UINT64_MAX, .length = 0 },
		{ .address = 0x10000, .length = 8, .has_pasid = true, .pasid = 0xfffff },
		{ .address = 0x10000, .length = 8, .pasid = 0x100000 },
	};
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(iommusim_dma(device, &good[i], &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page_count, 1);
	}
	iommusim_machine_destroy(machine);
}

static void a_request_is_split_at_page_boundaries(void **state)
{
	static const struct {
		uint64_t address, length;
		unsigned count;
		uint32_t first, last;
	} rows[] = {
		{ 0x10000, 1, 1, 1, 1 },
		{ 0x10000, 0x1000, 1, 0x1000, 0x1000 },
		{ 0x10fff, 2, 2, 1, 1 },
		{ 0x10001, 0x1000, 2, 0xfff, 1 },
		{ 0x10800, 0x3000, 4, 0x800, 0x800 },
		{ 0x10000, 0x10000, 16, 0x1000, 0x1000 },
	};
	struct iommusim_dma_outcome outcome;
	struct iommusim_dma_page pages[20];
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct iommusim_dma_request request = { .address = rows[i].address,
			.length = rows[i].length };
		uint64_t next = rows[i].address;

		assert_int_equal(iommusim_dma(device, &request, &outcome, pages, 20), IOMMUSIM_OK);
		assert_int_equal(outcome.page_count, rows[i].count);
		assert_int_equal(pages[0].length, rows[i].first);
		assert_int_equal(pages[rows[i].count - 1].length, rows[i].last);
		for (unsigned n = 0; n < rows[i].count; n++) {
			assert_int_equal(pages[n].address, next);
			assert_int_equal(pages[n].physical, next);
			next += pages[n].length;
		}
		assert_int_equal(next, rows[i].address + rows[i].length);
	}
	iommusim_machine_destroy(machine);
}

/* Only as many pages as there is room for; the outcome still counts all. */
static void the_page_list_is_cut_at_its_room(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x10000, .length = 0x5000 };
	struct iommusim_dma_outcome outcome;
	struct iommusim_dma_page pages[3];
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);

	(void)state;
	memset(pages, 0x5a, sizeof(pages));
	assert_int_equal(iommusim_dma(device, &request, &outcome, pages, 2), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 5);
	assert_int_equal(pages[1].address, 0x11000);
	assert_int_equal(pages[2].address, 0x5a5a5a5a5a5a5a5a);
	iommusim_machine_destroy(machine);
}

/* A device without a unit, and one whose unit is off, goes straight to memory. */
static void without_a_unit_dma_goes_to_memory_untranslated(void **state)
{
	struct iommusim_requester_counters counters;
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	uint32_t word = 0x12345678, back = 0;
	struct iommusim_dma_request request = {
		.address = 0x10004, .length = 4, .kind = IOMMUSIM_DMA_WRITE, .data = &word
	};

	(void)state;
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	assert_false(outcome.page.translated);
	assert_int_equal(iommusim_memory_read(machine, 0x10004, &back, 4), IOMMUSIM_OK);
	assert_int_equal(back, word);
	request.kind = IOMMUSIM_DMA_READ;
	word = 0;
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_int_equal(word, 0x12345678);
	iommusim_requester_counters(device, &counters);
	assert_int_equal(counters.untranslated_pages, 2);
	iommusim_machine_destroy(machine);
}

static void an_atomic_moves_data_like_a_write_and_completes_like_a_read(void **state)
{
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	uint32_t word = 0xabcdef01, back = 0;
	const struct iommusim_dma_request request = {
		.address = 0x10008, .length = 4, .kind = IOMMUSIM_DMA_ATOMIC, .data = &word
	};

	(void)state;
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_int_equal(iommusim_memory_read(machine, 0x10008, &back, 4), IOMMUSIM_OK);
	assert_int_equal(back, word);
	iommusim_machine_destroy(machine);
}

static void where_there_is_no_memory_nothing_moves_and_no_fault_is_made(void **state)
{
	struct iommusim_dma_outcome outcome;
	struct iommusim_dma_page pages[3];
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	uint8_t data[0x2000];
	struct iommusim_dma_request request = { .address = 0x1f800, .length = 0x1000, .data = data };

	(void)state;
	memset(data, 0x11, sizeof(data));
	assert_int_equal(iommusim_dma(device, &request, &outcome, pages, 3), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 2);
	assert_int_equal(outcome.bytes_moved, 0x800);
	assert_int_equal(outcome.pages_faulted, 0);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	assert_false(pages[0].bus_error);
	assert_true(pages[1].bus_error);
	assert_int_equal(data[0x7ff], 0);
	assert_int_equal(data[0x800], 0x11);
	request.kind = IOMMUSIM_DMA_WRITE;
	assert_int_equal(iommusim_dma(device, &request, &outcome, pages, 3), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	assert_int_equal(outcome.bytes_moved, 0x800);
	iommusim_machine_destroy(machine);
}

/* Five pages, the second and the fourth of which are not mapped. */
static void a_request_completes_in_part(void **state)
{
	struct iommusim_dma_outcome outcome;
	struct iommusim_dma_page pages[5];
	struct vtd_fixture vtd;
	uint8_t data[0x5000], back[0x1000];
	struct iommusim_dma_request request = {
		.address = 0x40000, .length = sizeof(data), .kind = IOMMUSIM_DMA_WRITE, .data = data
	};

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 5; i += 2)
		vt_map(&vtd, 0x40000 + i * UINT64_C(0x1000), 0x80000 - i * UINT64_C(0x1000), 3);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i >> 12 | 0xa0);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, pages, 5), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 5);
	assert_int_equal(outcome.pages_faulted, 2);
	assert_int_equal(outcome.bytes_moved, 0x3000);
	assert_int_equal(outcome.page.address, 0x41000); /* the first that faulted */
	assert_int_equal(outcome.page.fault.reason, 5);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(pages[i].faulted, i % 2);
	for (unsigned i = 0; i < 5; i += 2) {
		assert_int_equal(
		    iommusim_memory_read(vtd.machine, 0x80000 - i * UINT64_C(0x1000), back, 0x1000),
		    IOMMUSIM_OK);
		assert_memory_equal(back, data + i * UINT64_C(0x1000), 0x1000);
	}
	assert_int_equal(vt_records(&vtd), 2);
	request.kind = IOMMUSIM_DMA_READ;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, pages, 5), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	vt_stop(&vtd);
}

static void without_a_fault_the_outcome_shows_the_first_page(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x40800, .length = 0x1800 };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x40000, 0x80000, 3);
	vt_map(&vtd, 0x41000, 0x90000, 3);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 2);
	assert_int_equal(outcome.page.physical, 0x80800);
	assert_int_equal(outcome.page.length, 0x800);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	vt_stop(&vtd);
}

static void counters_add_up(void **state)
{
	struct iommusim_requester_counters counters;
	struct iommusim_dma_request request = { .address = 0x40000, .length = 0x3000 };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x40000, 0x80000, 3);
	vt_map(&vtd, 0x42000, 0x90000, 3);
	for (unsigned i = 0; i < 4; i++) { /* two pages hit from the second round on, one faults */
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.pages_cached, i == 0 ? 0 : 2);
		assert_int_equal(outcome.pages_faulted, 1);
	}
	iommusim_requester_counters(vtd.device, &counters);
	assert_int_equal(counters.requests, 4);
	assert_int_equal(counters.pages, 12);
	assert_int_equal(counters.faults, 4);
	assert_int_equal(counters.cached_pages, 6);
	assert_in_range(counters.private_hits, 1, 6);
	assert_int_equal(counters.untranslated_pages, 0);
	vt_stop(&vtd);
}

/* A requester's own cache answers only what the unit's would: rights, tags and all. */
static void a_private_hit_says_what_the_unit_would_have_said(void **state)
{
	struct iommusim_requester_counters before, after;
	struct iommusim_dma_page shared, private;
	struct iommusim_requester *other;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.match = IOMMUSIM_MATCH_SOURCE });
	vt_map_level(&vtd, 0x200000, 0x400000, 1, 2);
	vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x205000, 8);
	assert_int_equal(iommusim_requester_create(vtd.machine, 0, VTD_RID, &other), IOMMUSIM_OK);
	shared = vt_access(other, IOMMUSIM_DMA_READ, 0x205010, 8); /* from the unit's IOTLB */
	iommusim_requester_counters(vtd.device, &before);
	private = vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x205010, 8);
	iommusim_requester_counters(vtd.device, &after);
	assert_int_equal(after.private_hits, before.private_hits + 1);
	assert_true(shared.cached && private.cached);
	assert_int_equal(private.physical, 0x405010);
	assert_int_equal(private.physical, shared.physical);
	assert_int_equal(private.entry, shared.entry);
	assert_int_equal(private.page_shift, shared.page_shift);
	assert_int_equal(private.domain, shared.domain);
	assert_int_equal(private.translated, shared.translated);
	/* a right that is missing is asked of the unit, and denied there */
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x205010), 5);
	vt_stop(&vtd);
}

/* Whatever a requester keeps for itself is gone with any invalidation, of whatever unit it was. */
static void a_private_cache_never_outlives_an_invalidation(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned round = 0; round < 8; round++) {
		const uint64_t page = 0x100000 + round * UINT64_C(0x1000);

		vt_map(&vtd, 0x5000, page, 3);
		assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, 0), 3);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(vt_output(&vtd, 0x5000), page);
	}
	vt_stop(&vtd);
}

/* Two pages that share a slot of the private cache push each other out; both keep answering right. */
static void pages_that_share_a_private_slot_do_not_mix(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 4; i++)
		vt_map(&vtd, 0x5000 + i * UINT64_C(0x100000), 0x100000 + i * UINT64_C(0x1000), 3);
	for (unsigned round = 0; round < 4; round++)
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(vt_output(&vtd, 0x5000 + i * UINT64_C(0x100000)),
			    0x100000 + i * UINT64_C(0x1000));
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_requester_keeps_its_place),
		cmocka_unit_test(malformed_requests_are_refused_and_count_as_nothing),
		cmocka_unit_test(requests_at_the_limits_are_sound),
		cmocka_unit_test(a_request_is_split_at_page_boundaries),
		cmocka_unit_test(the_page_list_is_cut_at_its_room),
		cmocka_unit_test(without_a_unit_dma_goes_to_memory_untranslated),
		cmocka_unit_test(an_atomic_moves_data_like_a_write_and_completes_like_a_read),
		cmocka_unit_test(where_there_is_no_memory_nothing_moves_and_no_fault_is_made),
		cmocka_unit_test(a_request_completes_in_part),
		cmocka_unit_test(without_a_fault_the_outcome_shows_the_first_page),
		cmocka_unit_test(counters_add_up),
		cmocka_unit_test(a_private_hit_says_what_the_unit_would_have_said),
		cmocka_unit_test(a_private_cache_never_outlives_an_invalidation),
		cmocka_unit_test(pages_that_share_a_private_slot_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
