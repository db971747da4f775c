/*
 * The second-stage walk of legacy mode (VT-d 3.7, 9.8): levels and page sizes, rights, address widths,
 * the interrupt range, and the entries a unit cannot read. The bits of entries: test_sweep_paging.c.
 */
#include "vtd_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

/* Without caches: every access walks. */
static void start(struct vtd_fixture *vtd, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.settings.cache = IOMMUSIM_CACHE_NONE;
	vt_start_enabled(vtd, &setup);
}

static unsigned read_reason(struct vtd_fixture *vtd, uint64_t address)
{
	return vt_reason(vtd, IOMMUSIM_DMA_READ, address);
}

/* An input address whose index differs at every level: 0x1a5, 0x0c3, 0x12f, 0x07e, 0x0e1 from the top. */
#define INPUT                                                                                          \
	(UINT64_C(0x1a5) << 48 | UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 |                       \
	    UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

static uint64_t input_of(unsigned levels)
{
	return INPUT & (BIT(12 + 9 * levels) - 1);
}

static void each_depth_and_page_size_ends_where_the_entries_say(void **state)
{
	static const uint64_t pages[] = { 0, 0x1234000, 0x1600000, 0x40000000 };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			const uint64_t offset = BIT(12 + 9 * (leaf - 1)) - 0x124;
			const uint64_t input =
			    (input_of(levels) & ~(BIT(12 + 9 * (leaf - 1)) - 1)) | offset;
			struct iommusim_dma_page page;

			start(&vtd, &(struct vtd_setup){ .levels = (uint8_t)levels });
			vt_map_level(&vtd, input, pages[leaf], 3, leaf);
			page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, input, 4);
			assert_false(page.faulted);
			assert_true(page.translated);
			assert_false(page.cached);
			assert_int_equal(page.physical, pages[leaf] | offset);
			assert_int_equal(page.page_shift, 12 + 9 * (leaf - 1));
			assert_int_equal(page.domain, VTD_DOMAIN);
			assert_int_equal(page.entry, pages[leaf] | (leaf > 1 ? 0x83 : 3));
			vt_stop(&vtd);
		}
	}
}

/* Tables laid out by hand, so that a wrong index at any level ends somewhere else. */
static void the_walk_takes_nine_bits_a_level(void **state)
{
	static const unsigned index[] = { 0, 0x0e1, 0x07e, 0x12f, 0x0c3, 0x1a5 };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		uint64_t table;

		start(&vtd, &(struct vtd_setup){ .levels = (uint8_t)levels });
		table = vtd.page_table;
		for (unsigned level = levels; level > 1; level--) {
			const uint64_t next = vt_page(&vtd);

			vt_store(&vtd, table + index[level] * UINT64_C(8), next | 3);
			table = next;
		}
		vt_store(&vtd, table + index[1] * UINT64_C(8), 0xabc003);
		assert_int_equal(vt_output(&vtd, input_of(levels) | 0x678), 0xabc678);
		assert_int_equal(read_reason(&vtd, input_of(levels) ^ 0x1000), 6);
		vt_stop(&vtd);
	}
}

static void an_entry_below_the_top_without_memory_is_reason_7(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned levels = 3; levels <= 5; levels++) {
		for (unsigned level = 2; level <= levels; level++) {
			start(&vtd, &(struct vtd_setup){ .levels = (uint8_t)levels });
			vt_store(&vtd, vt_entry_at(&vtd, input_of(levels), level), HOLE | 3);
			assert_int_equal(read_reason(&vtd, input_of(levels)), 7);
			assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, input_of(levels)), 7);
			vt_stop(&vtd);
		}
	}
}

/* A request lacks what it needs and does not get: 5 for the write right, 6 for the read right. */
static void assert_rights(struct vtd_fixture *vtd, unsigned rights)
{
	const unsigned atomic = vt_reason(vtd, IOMMUSIM_DMA_ATOMIC, INPUT);

	assert_int_equal(read_reason(vtd, INPUT), (rights & 1) != 0 ? 0 : 6);
	assert_int_equal(vt_reason(vtd, IOMMUSIM_DMA_WRITE, INPUT), (rights & 2) != 0 ? 0 : 5);
	if (rights == 0)
		assert_true(atomic == 5 || atomic == 6); /* both conditions hold: no order is given */
	else
		assert_int_equal(atomic, rights == 3 ? 0 : rights == 1 ? 5 : 6);
}

static void rights_are_anded_over_all_levels(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .levels = 5 });
	vt_map(&vtd, INPUT, 0x5000, 3);
	for (unsigned combination = 0; combination < 1 << 10; combination++) {
		unsigned rights = 3;

		for (unsigned level = 1; level <= 5; level++) {
			const unsigned own = combination >> 2 * (level - 1) & 3;
			const uint64_t at = vt_entry_at(&vtd, INPUT, level);

			vt_store(&vtd, at, (vt_load(&vtd, at) & ~UINT64_C(3)) | own);
			rights &= own;
			if (own == 0)
				break; /* vt_entry_at() would put a table where there is none */
		}
		assert_rights(&vtd, rights);
		for (unsigned level = 5; level >= 1; level--) {
			const uint64_t at = vt_entry_at(&vtd, INPUT, level);

			if (level == 1)
				vt_store(&vtd, at, 0x5003);
			else
				vt_store(&vtd, at, vt_load(&vtd, at) | 3);
		}
		if (vtd.next_page > VTD_RAM - 0x10000) { /* tables that were replaced are not reused */
			vt_stop(&vtd);
			start(&vtd, &(struct vtd_setup){ .levels = 5 });
			vt_map(&vtd, INPUT, 0x5000, 3);
		}
	}
	vt_stop(&vtd);
}

static void a_missing_right_is_a_permission_fault_when_the_page_is_there(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	start(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x5000, 1);
	page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x5000, 8);
	assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(page.fault.reason, 5);
	vt_stop(&vtd);
}

/* LGN.1.1: the smaller of MGAW and the page table's width. */
static void addresses_beyond_the_smaller_width_are_reason_4(void **state)
{
	static const struct {
		unsigned levels, mgaw, limit;
	} rows[] = { { 3, 57, 39 }, { 4, 57, 48 }, { 5, 57, 57 }, { 4, 39, 39 }, { 5, 48, 48 },
		{ 3, 36, 36 }, { 5, 40, 40 } };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vtd_setup setup = { .levels = (uint8_t)rows[i].levels,
			.cap_clear = CAP_MGAW,
			.cap_set = (uint64_t)(rows[i].mgaw - 1) << 16 };
		struct iommusim_dma_page page;

		start(&vtd, &setup);
		vt_map(&vtd, BIT(rows[i].limit) - 0x1000, 0x5000, 3);
		assert_int_equal(read_reason(&vtd, BIT(rows[i].limit) - 8), 0);
		for (unsigned bit = rows[i].limit; bit < 64; bit++)
			assert_int_equal(read_reason(&vtd, BIT(bit)), 4);
		page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, BIT(rows[i].limit), 8);
		assert_int_equal(page.fault.reason, 4);
		assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_ADDRESS_WIDTH);
		vt_stop(&vtd);
	}
}

/* VT-d 3.14: a zero-length read of a write-only page passes on units with ZLR, and only there. */
static void zero_length_reads_of_write_only_pages_follow_zlr(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned zlr = 0; zlr < 2; zlr++) {
		start(&vtd, &(struct vtd_setup){ .cap_clear = zlr ? 0 : CAP_ZLR });
		vt_map(&vtd, 0x5000, 0x5000, 2);
		vt_map(&vtd, 0x6000, 0x6000, 1);
		assert_int_equal(
		    vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5000, 0).fault.reason, zlr ? 0 : 6);
		assert_int_equal(vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5000, 1).fault.reason, 6);
		assert_int_equal(vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x6000, 0).fault.reason, 0);
		assert_int_equal(vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x7000, 0).fault.reason, 6);
		vt_stop(&vtd);
	}
}

/* LGN.4: no translation may end in FEEx_xxxx; the pages around it are ordinary. */
static void translations_into_the_interrupt_range_are_reason_e(void **state)
{
	static const struct {
		uint64_t output;
		unsigned reason;
	} rows[] = { { 0xfedff000, 0 }, { 0xfee00000, 0xe }, { 0xfee01000, 0xe }, { 0xfeeff000, 0xe },
		{ 0xfef00000, 0 }, { 0x1fee00000, 0 }, { 0xee00000, 0 } };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		vt_map(&vtd, 0x5000, rows[i].output, 3);
		assert_int_equal(read_reason(&vtd, 0x5000), rows[i].reason);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5ff8), rows[i].reason);
		assert_int_equal(vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x5000, 4).fault.reason,
		    rows[i].reason); /* its length does not make it an interrupt */
		assert_int_equal(
		    vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5fff, 1).fault.reason, rows[i].reason);
	}
	vt_stop(&vtd);
}

/* The access is judged, not the page around it: a large page may lie across the range. Cached or not. */
static void a_large_page_across_the_interrupt_range_faults_inside_it_only(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_HOARD };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.cache = policies[i] });
		vt_map_level(&vtd, 0x40000000, 0xc0000000, 3, 3);
		assert_int_equal(read_reason(&vtd, 0x40000000), 0);
		assert_int_equal(read_reason(&vtd, 0x7edffff8), 0);
		assert_int_equal(read_reason(&vtd, 0x7ee00000), 0xe);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x7eeffff8), 0xe);
		assert_int_equal(read_reason(&vtd, 0x7ef00000), 0);
		assert_int_equal(read_reason(&vtd, 0x7ee00000), 0xe);
		vt_stop(&vtd);
	}
}

/* VT-d 3.15: requests to FEEx_xxxx never meet the tables. */
static void requests_to_the_interrupt_range_are_interrupts_or_reason_29(void **state)
{
	static const struct {
		enum iommusim_dma_kind kind;
		unsigned length, reason;
	} rows[] = { { IOMMUSIM_DMA_WRITE, 4, 0 }, { IOMMUSIM_DMA_READ, 0, 0 },
		{ IOMMUSIM_DMA_READ, 4, 0x29 }, { IOMMUSIM_DMA_READ, 64, 0x29 },
		{ IOMMUSIM_DMA_WRITE, 1, 0x29 }, { IOMMUSIM_DMA_WRITE, 8, 0x29 },
		{ IOMMUSIM_DMA_ATOMIC, 4, 0x29 }, { IOMMUSIM_DMA_ATOMIC, 8, 0x29 } };
	static const uint64_t addresses[] = { 0xfee00000, 0xfee12340, 0xfeefffc0 };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3); /* FPD hides nothing here */
	vt_map_level(&vtd, 0xfee00000, 0x200000, 3, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t j = 0; j < 3; j++) {
			const struct iommusim_dma_page page =
			    vt_access(vtd.device, rows[i].kind, addresses[j], rows[i].length);

			assert_int_equal(page.fault.reason, rows[i].reason);
			assert_int_equal(page.fault.recorded, rows[i].reason != 0);
			vt_clear_record(&vtd, page.fault.index);
		}
	}
	vt_stop(&vtd);
}

static void inputs_beside_the_interrupt_range_are_translated(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_map(&vtd, 0xfedff000, 0x5000, 3);
	vt_map(&vtd, 0xfef00000, 0x6000, 3);
	vt_map(&vtd, 0x1fee00000, 0x7000, 3);
	assert_int_equal(vt_output(&vtd, 0xfedffff0), 0x5ff0);
	assert_int_equal(vt_output(&vtd, 0xfef00000), 0x6000);
	assert_int_equal(vt_output(&vtd, 0x1fee00008), 0x7008);
	vt_stop(&vtd);
}

/* Legacy mode has no accessed and dirty flags (VT-d 3.7.2 asks for SSADE, which a context entry lacks). */
static void legacy_walks_leave_the_entries_as_they_were(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_WRITE, 0x5000), 0);
	assert_int_equal(vt_load(&vtd, vt_entry_at(&vtd, 0x5000, 1)), 0x6003);
	for (unsigned level = 2; level <= 4; level++)
		assert_int_equal(vt_load(&vtd, vt_entry_at(&vtd, 0x5000, level)) & 0xfff, 3);
	vt_stop(&vtd);
}

static void unflushed_paging_entries_are_invisible_to_a_unit_that_does_not_snoop(void **state)
{
	const uint64_t entry = 0x7003;
	struct vtd_fixture vtd;
	uint64_t at;

	(void)state;
	start(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_C, .device_view = true });
	vt_map(&vtd, 0x5000, 0x6000, 3);
	at = vt_entry_at(&vtd, 0x5000, 1);
	assert_int_equal(iommusim_memory_write(vtd.machine, at, &entry, 8), IOMMUSIM_OK);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	assert_int_equal(iommusim_memory_flush(vtd.machine, at, 8), IOMMUSIM_OK);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x7000);
	vt_stop(&vtd);
}

/* The data really goes where the translation says, both ways. */
static void data_moves_to_and_from_the_translated_page(void **state)
{
	struct iommusim_dma_request request = { .address = 0x5010, .length = 6 };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;
	char text[8] = "hello";

	(void)state;
	start(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x9000, 3);
	request.kind = IOMMUSIM_DMA_WRITE;
	request.data = text;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 6);
	memset(text, 0, sizeof(text));
	assert_int_equal(iommusim_memory_read(vtd.machine, 0x9010, text, 6), IOMMUSIM_OK);
	assert_string_equal(text, "hello");
	assert_int_equal(iommusim_memory_write(vtd.machine, 0x9010, "olleh", 6), IOMMUSIM_OK);
	request.kind = IOMMUSIM_DMA_READ;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_string_equal(text, "olleh");
	vt_stop(&vtd);
}

/* A denied write leaves memory alone, a denied read the buffer. */
static void a_denied_access_moves_nothing(void **state)
{
	struct iommusim_dma_request request = { .address = 0x5000, .length = 4 };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;
	uint32_t word = 0x11111111;

	(void)state;
	start(&vtd, NULL);
	vt_store(&vtd, 0x9000, 0x2222222222222222);
	vt_map(&vtd, 0x5000, 0x9000, 1);
	request.kind = IOMMUSIM_DMA_WRITE;
	request.data = &word;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	assert_int_equal(vt_load(&vtd, 0x9000), 0x2222222222222222);
	vt_map(&vtd, 0x5000, 0x9000, 2);
	request.kind = IOMMUSIM_DMA_READ;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	assert_int_equal(word, 0x11111111);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_depth_and_page_size_ends_where_the_entries_say),
		cmocka_unit_test(the_walk_takes_nine_bits_a_level),
		cmocka_unit_test(an_entry_below_the_top_without_memory_is_reason_7),
		cmocka_unit_test(rights_are_anded_over_all_levels),
		cmocka_unit_test(a_missing_right_is_a_permission_fault_when_the_page_is_there),
		cmocka_unit_test(addresses_beyond_the_smaller_width_are_reason_4),
		cmocka_unit_test(zero_length_reads_of_write_only_pages_follow_zlr),
		cmocka_unit_test(translations_into_the_interrupt_range_are_reason_e),
		cmocka_unit_test(a_large_page_across_the_interrupt_range_faults_inside_it_only),
		cmocka_unit_test(requests_to_the_interrupt_range_are_interrupts_or_reason_29),
		cmocka_unit_test(inputs_beside_the_interrupt_range_are_translated),
		cmocka_unit_test(legacy_walks_leave_the_entries_as_they_were),
		cmocka_unit_test(unflushed_paging_entries_are_invisible_to_a_unit_that_does_not_snoop),
		cmocka_unit_test(data_moves_to_and_from_the_translated_page),
		cmocka_unit_test(a_denied_access_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
