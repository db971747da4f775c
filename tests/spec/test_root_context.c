/*
 * Root table address, root entry and context entry of legacy mode (VT-d 3.4, 9.1, 9.3, 11.4.5): what
 * makes a request fault before any paging entry is read, and which of these faults FPD hides. The bits
 * of both entries: test_sweep_root_context.c.
 */
#include "vtd_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
	IOMMUSIM_DMA_ATOMIC };

static void assert_all_kinds(struct vtd_fixture *vtd, unsigned reason)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vt_reason(vtd, kinds[i], 0x5000), reason);
}

/* A unit without caches, so that every access reads the tables; 0x5000 is mapped to itself. */
static void start(struct vtd_fixture *vtd, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.settings.cache = IOMMUSIM_CACHE_NONE;
	vt_start_enabled(vtd, &setup);
	vt_map(vtd, 0x5000, 0x5000, 3);
	assert_all_kinds(vtd, 0);
}

/* The reason of one read, and that it was or was not written down: the record, PPF, the outcome. */
static void assert_logged(struct vtd_fixture *vtd, unsigned reason, bool logged)
{
	const struct iommusim_dma_page page = vt_access(vtd->device, IOMMUSIM_DMA_READ, 0x5000, 8);

	assert_true(page.faulted);
	assert_true(page.translated); /* by tables that had no answer */
	assert_int_equal(page.fault.reason, reason);
	assert_int_equal(page.fault.recorded, logged);
	assert_int_equal(page.fault.suppressed, !logged);
	assert_int_equal(vt_records(vtd), logged);
	assert_int_equal(vt_get32(vtd, R_FSTS) & 2, logged ? 2 : 0);
	if (logged)
		assert_int_equal(vt_get32(vtd, R_FRCD + page.fault.index * 16 + 12) & 0xff, reason);
	for (unsigned i = 0; i < VTD_FAULTS; i++)
		vt_clear_record(vtd, i);
}

static void a_root_table_without_memory_is_reason_8(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_latch_root(&vtd, HOLE);
	assert_all_kinds(&vtd, 0x8);
	vt_stop(&vtd);
}

static void a_root_entry_that_is_not_present_is_reason_1(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_root_at(&vtd), vtd.context_table);
	assert_all_kinds(&vtd, 0x1);
	vt_stop(&vtd);
}

static void a_context_table_without_memory_is_reason_9(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_root_at(&vtd), HOLE | 1);
	assert_all_kinds(&vtd, 0x9);
	vt_stop(&vtd);
}

static void a_context_entry_that_is_not_present_is_reason_2(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table);
	assert_all_kinds(&vtd, 0x2);
	vt_stop(&vtd);
}

static void a_page_table_without_memory_is_reason_3(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), HOLE | 1);
	assert_all_kinds(&vtd, 0x3);
	vt_stop(&vtd);
}

static void root_entries_are_found_by_bus_and_context_entries_by_function(void **state)
{
	static const uint16_t rids[] = { 0x0000, 0x0001, 0x00ff, 0x0310, 0x7f80, 0x8007, 0xff00,
		0xffff };
	struct vtd_fixture vtd;
	struct iommusim_requester *device;

	(void)state;
	for (size_t i = 0; i < sizeof(rids) / sizeof(*rids); i++) {
		const uint16_t rid = rids[i];
		struct iommusim_dma_page page;

		vt_start_enabled(&vtd, NULL);
		vt_map(&vtd, 0x5000, 0x6000, 3);
		vt_store(&vtd, vt_root_at(&vtd), 0);
		vt_store(&vtd, vt_context_at(&vtd), 0);
		vt_store(&vtd, vtd.root_table + (rid >> 8) * UINT64_C(16), vtd.context_table | 1);
		vt_store(&vtd, vtd.context_table + (rid & 0xff) * UINT64_C(16), vtd.page_table | 1);
		vt_store(&vtd, vtd.context_table + (rid & 0xff) * UINT64_C(16) + 8, UINT64_C(0x4502));
		assert_int_equal(iommusim_requester_create(vtd.machine, 0, rid, &device), IOMMUSIM_OK);
		page = vt_access(device, IOMMUSIM_DMA_READ, 0x5123, 4);
		assert_false(page.faulted);
		assert_int_equal(page.physical, 0x6123);
		assert_int_equal(page.domain, 0x45);
		vt_stop(&vtd);
	}
}

/* Widths 0 and 4 are reserved, whatever an old SAGAW says (VT-d 9.3). */
static void reserved_address_widths_are_reason_3_even_if_sagaw_names_them(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .cap_set = BIT(8) | BIT(12) });
	vt_store(&vtd, vt_context_at(&vtd) + 8, VTD_DOMAIN << 8 | 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 0x3);
	vt_store(&vtd, vt_context_at(&vtd) + 8, VTD_DOMAIN << 8 | 4);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 0x3);
	vt_stop(&vtd);
}

/* One request of an address type; only its reason. */
static unsigned typed_reason(struct vtd_fixture *vtd, unsigned address_type, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.address_type = (enum iommusim_dma_address_type)address_type };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(vtd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion,
	    outcome.page.faulted || outcome.page.bus_error ? IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST
							   : IOMMUSIM_COMPLETION_SUCCESS);
	return outcome.page.fault.reason;
}

static void pass_through_uses_the_address_as_it_is_up_to_the_host_width(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .haw = 39 });
	vt_store(&vtd, vt_context_at(&vtd), 2 << 2 | 1); /* no page table at all */
	vt_store(&vtd, vt_context_at(&vtd) + 8, VTD_DOMAIN << 8 | 3);
	page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x123450, 8);
	assert_false(page.faulted);
	assert_true(page.translated);
	assert_int_equal(page.physical, 0x123450);
	assert_int_equal(page.domain, VTD_DOMAIN);
	assert_int_equal(page.entry, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, BIT(39) - 8), 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, BIT(39)), 4);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, BIT(63)), 4);
	vt_stop(&vtd);
}

/* LGN.1.2, LGN.4: a translated request is judged by its own address. */
static void a_translated_request_is_used_as_it_is_within_its_limits(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .haw = 39 });
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 1 << 2 | 1);
	assert_int_equal(typed_reason(&vtd, 2, 0x777000), 0); /* not mapped, and need not be */
	assert_int_equal(typed_reason(&vtd, 2, BIT(39)), 4);
	assert_int_equal(typed_reason(&vtd, 2, 0xfedffff8), 0);
	assert_int_equal(typed_reason(&vtd, 2, 0xfee00000), 0xe);
	assert_int_equal(typed_reason(&vtd, 2, 0xfeeffff8), 0xe);
	assert_int_equal(typed_reason(&vtd, 2, 0xfef00000), 0);
	vt_stop(&vtd);
}

/* SPEC 5.4: without translation nobody answers requests that speak of it. */
static void while_translation_is_off_typed_requests_are_unsupported_and_not_recorded(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	for (unsigned type = 1; type <= 2; type++) {
		const struct iommusim_dma_request request = { .address = 0x5000,
			.length = 8,
			.address_type = (enum iommusim_dma_address_type)type };
		struct iommusim_dma_outcome outcome;

		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
		assert_true(outcome.page.faulted);
		assert_int_equal(outcome.bytes_moved, 0);
		assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	}
	vt_stop(&vtd);
}

static unsigned pasid_reason(struct vtd_fixture *vtd)
{
	const struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .has_pasid = true, .pasid = 0x12345
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(vtd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page.fault.reason;
}

/* RTA.2: and that although the context entry asks not to report. */
static void a_pasid_in_legacy_mode_is_reason_31(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3);
	assert_int_equal(pasid_reason(&vtd), 0x31);
	assert_int_equal(vt_records(&vtd), 1);
	vt_stop(&vtd);
}

/* RTA.1, RTA.4: the mode in 11:10 of what SRTP latched. */
static void modes_the_unit_lacks_are_reason_30(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	for (unsigned mode = 1; mode < 4; mode++) {
		vt_latch_root(&vtd, vtd.root_table | mode << 10);
		assert_all_kinds(&vtd, 0x30);
		assert_int_equal(pasid_reason(&vtd), 0x30);
	}
	vt_latch_root(&vtd, vtd.root_table);
	assert_all_kinds(&vtd, 0);
	vt_stop(&vtd);
}

static void io_permissions_in_legacy_mode_are_reason_30(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_SSIRWS });
	vt_latch_root(&vtd, vtd.root_table | 0x80);
	assert_all_kinds(&vtd, 0x30);
	vt_stop(&vtd);
}

/* RTA.4 (VT-d 3.4.4): a unit with abort-DMA mode denies everything and says so. */
static void abort_dma_mode_is_reason_33(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_ADMS, .cap_set = CAP_ESRTPS });
	vt_latch_root(&vtd, vtd.root_table | 3 << 10);
	assert_all_kinds(&vtd, 0x33);
	assert_int_equal(pasid_reason(&vtd), 0x33);
	page = vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
	assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_ABORT);
	vt_latch_root(&vtd, vtd.root_table);
	assert_all_kinds(&vtd, 0);
	vt_stop(&vtd);
}

/* Table 30, column Qualified: 1, 8, 9 and A come before the context entry and are always reported. */
static void faults_before_the_context_entry_are_reported_whatever_it_says(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned disable = 0; disable < 2; disable++) {
		start(&vtd, NULL);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | disable << 1 | 1);
		vt_store(&vtd, vt_root_at(&vtd), 0);
		assert_logged(&vtd, 0x1, true);
		vt_store(&vtd, vt_root_at(&vtd), vtd.context_table | 0x801);
		assert_logged(&vtd, 0xa, true);
		vt_store(&vtd, vt_root_at(&vtd), HOLE | 1);
		assert_logged(&vtd, 0x9, true);
		vt_latch_root(&vtd, HOLE);
		assert_logged(&vtd, 0x8, true);
		vt_latch_root(&vtd, vtd.root_table | 0x800);
		assert_logged(&vtd, 0x30, true);
		vt_stop(&vtd);
	}
}

/* The rest is qualified. FPD counts even in an entry whose P is 0 (VT-d 9.3). */
static void faults_from_the_context_entry_on_are_hidden_by_fpd(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned disable = 0; disable < 2; disable++) {
		const uint64_t fpd = disable << 1;

		start(&vtd, NULL);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | fpd);
		assert_logged(&vtd, 0x2, !disable);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 0x10 | fpd | 1);
		assert_logged(&vtd, 0xb, !disable);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3 << 2 | fpd | 1);
		assert_logged(&vtd, 0x3, !disable);
		vt_store(&vtd, vt_context_at(&vtd), HOLE | fpd | 1);
		assert_logged(&vtd, 0x3, !disable);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | fpd | 1);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0);
		assert_logged(&vtd, 0x6, !disable);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x5002);
		assert_logged(&vtd, 0x6, !disable);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), BIT(62) | 0x5003);
		assert_logged(&vtd, 0xc, !disable);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0xfee00003);
		assert_logged(&vtd, 0xe, !disable);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 2), HOLE | 3);
		assert_logged(&vtd, 0x7, !disable);
		vt_stop(&vtd);
	}
}

static void address_and_type_faults_are_hidden_by_fpd_too(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned disable = 0; disable < 2; disable++) {
		start(&vtd, NULL);
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | disable << 1 | 1);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, BIT(48)), 4);
		assert_int_equal(vt_records(&vtd), !disable);
		assert_int_equal(typed_reason(&vtd, 1, 0x5000), 0xd);
		assert_int_equal(vt_records(&vtd), disable ? 0 : 2);
		vt_entry_at(&vtd, 0x5000, 1);
		vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), 0x5001);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 5);
		assert_int_equal(vt_records(&vtd), disable ? 0 : 3);
		vt_stop(&vtd);
	}
}

/* ECAP.C=0: what software has not flushed, the unit does not see (VT-d 11.4.3). */
static void a_unit_that_does_not_snoop_sees_only_flushed_entries(void **state)
{
	const struct vtd_setup apart = {
		.ecap_clear = ECAP_C, .device_view = true, .settings.cache = IOMMUSIM_CACHE_NONE
	};
	struct vtd_fixture vtd;
	uint64_t entry;

	(void)state;
	vt_start_enabled(&vtd, &apart);
	vt_map(&vtd, 0x5000, 0x5000, 3);
	assert_all_kinds(&vtd, 0);
	entry = 0;
	assert_int_equal(
	    iommusim_memory_write(vtd.machine, vt_context_at(&vtd), &entry, 8), IOMMUSIM_OK);
	assert_all_kinds(&vtd, 0);
	assert_int_equal(iommusim_memory_flush(vtd.machine, vt_context_at(&vtd), 8), IOMMUSIM_OK);
	assert_all_kinds(&vtd, 0x2);
	assert_int_equal(iommusim_memory_write(vtd.machine, vt_root_at(&vtd), &entry, 8), IOMMUSIM_OK);
	assert_all_kinds(&vtd, 0x2);
	assert_int_equal(iommusim_memory_flush(vtd.machine, vt_root_at(&vtd), 8), IOMMUSIM_OK);
	assert_all_kinds(&vtd, 0x1);
	vt_stop(&vtd);
}

static void a_unit_that_snoops_sees_every_store(void **state)
{
	const struct vtd_setup apart = { .device_view = true, .settings.cache = IOMMUSIM_CACHE_NONE };
	const uint64_t entry = 0;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &apart);
	vt_map(&vtd, 0x5000, 0x5000, 3);
	assert_all_kinds(&vtd, 0);
	assert_int_equal(
	    iommusim_memory_write(vtd.machine, vt_context_at(&vtd), &entry, 8), IOMMUSIM_OK);
	assert_all_kinds(&vtd, 0x2);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_table_without_memory_is_reason_8),
		cmocka_unit_test(a_root_entry_that_is_not_present_is_reason_1),
		cmocka_unit_test(a_context_table_without_memory_is_reason_9),
		cmocka_unit_test(a_context_entry_that_is_not_present_is_reason_2),
		cmocka_unit_test(a_page_table_without_memory_is_reason_3),
		cmocka_unit_test(root_entries_are_found_by_bus_and_context_entries_by_function),
		cmocka_unit_test(reserved_address_widths_are_reason_3_even_if_sagaw_names_them),
		cmocka_unit_test(pass_through_uses_the_address_as_it_is_up_to_the_host_width),
		cmocka_unit_test(a_translated_request_is_used_as_it_is_within_its_limits),
		cmocka_unit_test(
		    while_translation_is_off_typed_requests_are_unsupported_and_not_recorded),
		cmocka_unit_test(a_pasid_in_legacy_mode_is_reason_31),
		cmocka_unit_test(modes_the_unit_lacks_are_reason_30),
		cmocka_unit_test(io_permissions_in_legacy_mode_are_reason_30),
		cmocka_unit_test(abort_dma_mode_is_reason_33),
		cmocka_unit_test(faults_before_the_context_entry_are_reported_whatever_it_says),
		cmocka_unit_test(faults_from_the_context_entry_on_are_hidden_by_fpd),
		cmocka_unit_test(address_and_type_faults_are_hidden_by_fpd_too),
		cmocka_unit_test(a_unit_that_does_not_snoop_sees_only_flushed_entries),
		cmocka_unit_test(a_unit_that_snoops_sees_every_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
