/*
 * Translation requests in legacy mode (VT-d 4.2, Table 30): what is answered, with which rights, what is
 * denied and recorded, that no data ever moves, and that the unit's own caches serve them. Devices that
 * keep the answers stand elsewhere.
 */
#include "vtd_fixture.h"

#define READ_RIGHT  1
#define WRITE_RIGHT 2

static struct iommusim_dma_page ask(
    struct vtd_fixture *vtd, enum iommusim_dma_kind kind, uint64_t address, uint64_t *data)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.kind = kind,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.data = data };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(vtd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 0);
	return outcome.page;
}

/* TT=01b serves them. */
static void start_with(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	vt_start_enabled(vtd, setup);
	vt_set_context(vtd, VTD_RID, vtd->page_table | 1 | 1 << 2, (uint64_t)VTD_DOMAIN << 8 | 2);
}

/* Every request reads the tables. */
static void start(struct vtd_fixture *vtd)
{
	start_with(vtd, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
}

static void the_answer_has_the_page_and_its_rights(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	for (unsigned rights = 1; rights <= 3; rights++) {
		struct iommusim_dma_page page;
		uint64_t data = 0x55;

		vt_map(&vtd, 0x4000, 0x104000, rights);
		vt_store(&vtd, 0x104000, 0x1234);
		page = ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, &data);
		assert_true(page.answered);
		assert_false(page.faulted);
		assert_int_equal(page.granted, rights);
		assert_int_equal(page.physical, 0x104000);
		assert_int_equal(page.page_shift, 12);
		assert_int_equal(data, 0x55); /* no data comes back */
	}
	assert_int_equal(vt_records(&vtd), 0);
	vt_stop(&vtd);
}

/* Not present, and beyond the width: Success without any right, nothing recorded. */
static void nothing_there_is_an_answer_too(void **state)
{
	static const uint64_t addresses[] = { 0x4000, BIT(48) };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	for (size_t i = 0; i < 2; i++) {
		const struct iommusim_dma_page page = ask(&vtd, IOMMUSIM_DMA_READ, addresses[i], NULL);

		assert_true(page.answered);
		assert_false(page.faulted);
		assert_int_equal(page.granted, 0);
	}
	assert_int_equal(vt_records(&vtd), 0);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* A right that is missing above the leaf ends no such walk: what is left is granted, by either choice. */
static void a_right_missing_on_the_way_is_missing_in_the_answer(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned choice = 0; choice < 2; choice++) {
		struct iommusim_dma_page page;
		uint64_t entry_at;

		start_with(
		    &vtd, &(struct vtd_setup){ .choices = { .rights_at_each_level = choice != 0 } });
		vt_map(&vtd, 0x4000, 0x104000, 3);
		entry_at = vt_entry_at(&vtd, 0x4000, 3);
		vt_store(&vtd, entry_at, vt_load(&vtd, entry_at) & ~UINT64_C(1));
		page = ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL);
		assert_true(page.answered);
		assert_int_equal(page.granted, WRITE_RIGHT);
		assert_int_equal(page.physical, 0x104000);
		vt_stop(&vtd);
	}
}

static void what_has_no_answer_is_denied_and_recorded(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	start(&vtd);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), 0x104000 | BIT(62) | 3);
	page = ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL);
	assert_true(page.faulted && !page.answered);
	assert_int_equal(page.fault.reason, 0xc);
	assert_int_equal(vt_records(&vtd), 1);
	vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2); /* TT=00b */
	page = ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL);
	assert_true(page.faulted && !page.answered);
	assert_int_equal(page.fault.reason, 0xd);
	vt_stop(&vtd);
}

/* The returned range counts, not the byte that was asked for (3.15). */
static void a_large_page_over_the_interrupt_range_is_not_handed_out(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_map_level(&vtd, 0x40000000, 0xc0000000, 3, 3);
	assert_int_equal(vt_output(&vtd, 0x40000000), 0xc0000000); /* the access itself is elsewhere */
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x40000000, NULL).fault.reason, 0xe);
	vt_map_level(&vtd, 0x80000000, 0x80000000, 3, 3);
	assert_true(ask(&vtd, IOMMUSIM_DMA_READ, 0x80000000, NULL).answered);
	vt_map_level(&vtd, 0x200000, 0xfee00000, 3, 2);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x300000, NULL).fault.reason, 0xe);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x3ff001, NULL).fault.reason, 0xe);
	vt_map_level(&vtd, 0x200000, 0xfec00000, 3, 2);
	assert_true(ask(&vtd, IOMMUSIM_DMA_READ, 0x3ff000, NULL).answered);
	for (unsigned rights = 1; rights <= 3; rights++) {
		vt_map(&vtd, 0x5000, 0xfeeff000, rights); /* whatever may be done there */
		assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x5000, NULL).fault.reason, 0xe);
	}
	vt_stop(&vtd);
}

/* Interrupts are not translated: their range may be written to, untranslated only (4.2.3, Table 30). */
static void the_interrupt_range_is_answered_without_tables(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_map(&vtd, 0xfee00000, 0x104000, 3);
	vt_store(&vtd, vt_entry_at(&vtd, 0xfeeff000, 1), 0x105000 | BIT(62) | 3);
	for (uint64_t address = 0xfee00000; address <= 0xfeeff000; address += 0xff000) {
		const struct iommusim_dma_request request = { .address = address,
			.length = 8,
			.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST };
		const struct iommusim_dma_page page = ask(&vtd, IOMMUSIM_DMA_READ, address, NULL);
		struct iommusim_walk walk;

		assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
		assert_string_equal(walk.mode, "interrupt range");
		assert_true(walk.result.answered && walk.result.untranslated_only);
		assert_true(page.answered && page.untranslated_only && page.translated);
		assert_int_equal(page.granted, WRITE_RIGHT);
		assert_int_equal(page.physical, address);
	}
	assert_false(ask(&vtd, IOMMUSIM_DMA_READ, 0xfedff000, NULL).untranslated_only);
	assert_false(ask(&vtd, IOMMUSIM_DMA_READ, 0xfef00000, NULL).untranslated_only);
	assert_int_equal(vt_records(&vtd), 0);
	vt_stop(&vtd);
}

/* What the device learns (Table 30, the column of translation requests). */
static void bad_tables_abort_and_missing_ones_are_unsupported(void **state)
{
	static const struct {
		uint64_t low, high;
		enum iommusim_completion completion;
	} contexts[] = {
		{ 0, 0, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST },              /* 2 */
		{ 0x2002001, 0x2102, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST }, /* Dh */
		{ 0x2002015, 0x2102, IOMMUSIM_COMPLETION_COMPLETER_ABORT },     /* Bh */
		{ 0x2002005, 0x2104, IOMMUSIM_COMPLETION_COMPLETER_ABORT },     /* 3 */
		{ VTD_RAM | 5, 0x2102, IOMMUSIM_COMPLETION_COMPLETER_ABORT },   /* 3 */
	};
	const struct iommusim_dma_request request = {
		.address = 0x4000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST
	};
	struct iommusim_dma_request read = request;
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(contexts) / sizeof(*contexts); i++) {
		start(&vtd);
		vt_set_context(&vtd, VTD_RID, contexts[i].low, contexts[i].high);
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.completion, contexts[i].completion);
		read.address_type = IOMMUSIM_DMA_UNTRANSLATED; /* others are unsupported throughout */
		assert_int_equal(iommusim_dma(vtd.device, &read, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
		vt_stop(&vtd);
	}
	start(&vtd);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), BIT(62) | 3);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_COMPLETER_ABORT);
	vt_store(&vtd, vt_entry_at(&vtd, 0x4000, 1), 0);
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	vt_stop(&vtd);
}

/* Translated requests with a PASID need ECAP.PTRS; others are blocked before any of this (4.2.1, 4.2.5). */
static void a_translated_request_with_a_pasid_leaves_no_record(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x4000,
		.length = 8,
		.address_type = IOMMUSIM_DMA_TRANSLATED,
		.has_pasid = true };
	const uint64_t ptrs[] = { 0, BIT(56) };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_set = ptrs[i] });
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_true(outcome.page.faulted);
		assert_int_equal(outcome.page.fault.reason, i == 0 ? 0 : 0x31);
		assert_int_equal(vt_records(&vtd), i);
		vt_stop(&vtd);
	}
}

static void only_reads_can_ask(void **state)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_WRITE, IOMMUSIM_DMA_ATOMIC };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	for (size_t i = 0; i < 2; i++) {
		uint64_t data = UINT64_MAX;
		const struct iommusim_dma_page page = ask(&vtd, kinds[i], 0x4000, &data);

		assert_true(page.faulted);
		assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_REQUEST_TYPE);
		assert_int_equal(vt_load(&vtd, 0x104000), 0);
	}
	assert_int_equal(vt_records(&vtd), 0);
	vt_stop(&vtd);
}

static void a_walk_says_why_there_are_fewer_rights(void **state)
{
	const struct iommusim_dma_request write = { .address = 0x4000,
		.length = 8,
		.kind = IOMMUSIM_DMA_WRITE,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST };
	struct iommusim_dma_request request = write;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd);
	request.kind = IOMMUSIM_DMA_READ;
	vt_map(&vtd, 0x4000, 0x104000, WRITE_RIGHT);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.result.answered && !walk.result.faulted);
	assert_int_equal(walk.result.granted, WRITE_RIGHT);
	assert_non_null(strstr(walk.clause, "LGN.3"));
	vt_map(&vtd, 0x4000, 0x104000, READ_RIGHT);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_int_equal(walk.result.granted, READ_RIGHT);
	assert_null(walk.clause);
	request.address = BIT(48);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.result.answered);
	assert_int_equal(walk.result.granted, 0);
	assert_int_equal(iommusim_walk(vtd.device, &write, &walk), IOMMUSIM_OK);
	assert_true(walk.result.faulted);
	assert_string_equal(walk.mode, "refused");
	vt_stop(&vtd);
}

/* ---- through the caches of a unit that keeps everything (VT-d 6.2.4, 6.5.2.5) --------------------------- */

static uint64_t answered(struct vtd_fixture *vtd, uint64_t address)
{
	const struct iommusim_dma_page page = ask(vtd, IOMMUSIM_DMA_READ, address, NULL);

	assert_true(page.answered);
	return page.physical;
}

static void an_answer_is_served_from_the_iotlb_until_it_is_invalidated(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, NULL);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_false(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).cached);
	assert_true(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).cached);
	vt_map(&vtd, 0x4000, 0x105000, READ_RIGHT);
	assert_int_equal(answered(&vtd, 0x4008), 0x104008); /* stale */
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 3);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, 0); /* another page */
	assert_int_equal(answered(&vtd, 0x4000), 0x104000);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x4000, 0);
	assert_int_equal(answered(&vtd, 0x4000), 0x105000);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, READ_RIGHT);
	vt_stop(&vtd);
}

/* One IOTLB: what a DMA brought in answers, and what an answer brought in serves DMA. */
static void requests_of_both_kinds_share_the_iotlb(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, NULL);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	vt_map(&vtd, 0x5000, 0x105000, 3);
	assert_int_equal(vt_output(&vtd, 0x4000), 0x104000);
	answered(&vtd, 0x5000);
	vt_unmap(&vtd, 0x4000);
	vt_unmap(&vtd, 0x5000);
	assert_int_equal(answered(&vtd, 0x4000), 0x104000);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x105000);
	vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 0);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_stop(&vtd);
}

/* CM=0: what is not there is never kept; an answer without rights is none of tomorrow's. */
static void an_answer_without_rights_is_not_kept(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, NULL);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 0);
	vt_map(&vtd, 0x4000, 0x104000, WRITE_RIGHT);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, WRITE_RIGHT);
	vt_stop(&vtd);
}

/* CM=1 keeps that too, and an invalidation is due when a page comes (6.1). */
static void under_caching_mode_it_is(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, &(struct vtd_setup){ .cap_set = CAP_CM });
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 0);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 0);
	vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x4000, 0);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).granted, 3);
	vt_stop(&vtd);
}

/* What a cached large page may be handed out as is judged by all of it, at each request (3.15). */
static void a_cached_page_over_the_interrupt_range_is_not_handed_out_either(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, NULL);
	vt_map_level(&vtd, 0x40000000, 0xc0000000, 3, 3);
	assert_int_equal(vt_output(&vtd, 0x40000000), 0xc0000000);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x40000000, NULL).fault.reason, 0xe);
	assert_int_equal(vt_output(&vtd, 0x40000000), 0xc0000000);
	vt_stop(&vtd);
}

/* TT is judged by the context as it is cached: to take translation requests away takes an invalidation. */
static void a_cached_context_goes_on_serving_them(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with(&vtd, NULL);
	vt_map(&vtd, 0x4000, 0x104000, 3);
	answered(&vtd, 0x4000);
	vt_set_context(&vtd, VTD_RID, vtd.page_table | 1, (uint64_t)VTD_DOMAIN << 8 | 2); /* TT=00b */
	answered(&vtd, 0x4000);
	vt_invalidate_context(&vtd, 3, VTD_DOMAIN, VTD_RID, 0);
	vt_invalidate_iotlb(&vtd, 2, VTD_DOMAIN, 0, 0);
	assert_int_equal(ask(&vtd, IOMMUSIM_DMA_READ, 0x4000, NULL).fault.reason, 0xd);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_has_the_page_and_its_rights),
		cmocka_unit_test(nothing_there_is_an_answer_too),
		cmocka_unit_test(a_right_missing_on_the_way_is_missing_in_the_answer),
		cmocka_unit_test(what_has_no_answer_is_denied_and_recorded),
		cmocka_unit_test(a_large_page_over_the_interrupt_range_is_not_handed_out),
		cmocka_unit_test(the_interrupt_range_is_answered_without_tables),
		cmocka_unit_test(bad_tables_abort_and_missing_ones_are_unsupported),
		cmocka_unit_test(a_translated_request_with_a_pasid_leaves_no_record),
		cmocka_unit_test(only_reads_can_ask),
		cmocka_unit_test(a_walk_says_why_there_are_fewer_rights),
		cmocka_unit_test(an_answer_is_served_from_the_iotlb_until_it_is_invalidated),
		cmocka_unit_test(requests_of_both_kinds_share_the_iotlb),
		cmocka_unit_test(an_answer_without_rights_is_not_kept),
		cmocka_unit_test(under_caching_mode_it_is),
		cmocka_unit_test(a_cached_page_over_the_interrupt_range_is_not_handed_out_either),
		cmocka_unit_test(a_cached_context_goes_on_serving_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
