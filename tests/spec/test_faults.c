/*
 * Primary fault logging (VT-d 7.2.1, 11.4.7): the record's layout, the ring of fault recording
 * registers, overflow, what software clears, and what survives a reset.
 */
#include "vtd_fixture.h"

#define PFO 0x1u
#define PPF 0x2u
#define IQE 0x10u

static unsigned fri(struct vtd_fixture *vtd)
{
	return vt_get32(vtd, R_FSTS) >> 8 & 0xff;
}

/* One fault, told from others by its page. */
static struct iommusim_fault fault_at(struct vtd_fixture *vtd, uint64_t address)
{
	const struct iommusim_dma_page page = vt_access(vtd->device, IOMMUSIM_DMA_READ, address, 8);

	assert_true(page.faulted);
	return page.fault;
}

static uint64_t page_of_record(struct vtd_fixture *vtd, unsigned index)
{
	uint64_t record[2];

	vt_record(vtd, index, record);
	return record[0];
}

/* VT-d 11.4.7.6: F 127, T1 126, AT 125:124, FR 103:96, T2 92, SID 79:64, FI 63:12. */
static void a_record_says_who_asked_for_what_and_why(void **state)
{
	static const struct {
		enum iommusim_dma_kind kind;
		uint64_t address;
		uint64_t high;
	} rows[] = {
		{ IOMMUSIM_DMA_WRITE, 0x5678, 0x8000000500000310 },
		{ IOMMUSIM_DMA_READ, 0x123456789abc, 0xc000000600000310 },
		{ IOMMUSIM_DMA_ATOMIC, 0x7000, 0xc000000510000310 },
	};
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x7000, 0x7000, 1); /* read only: the atomic lacks exactly one right */
	for (unsigned i = 0; i < 3; i++) {
		const struct iommusim_dma_page page =
		    vt_access(vtd.device, rows[i].kind, rows[i].address, 4);
		uint64_t record[2];

		vt_record(&vtd, i, record);
		assert_int_equal(record[0], rows[i].address & ~UINT64_C(0xfff));
		assert_int_equal(record[1], rows[i].high);
		assert_true(page.fault.recorded);
		assert_int_equal(page.fault.index, i);
		assert_int_equal(page.fault.record[0], record[0]);
		assert_int_equal(page.fault.record[1], record[1]);
	}
	vt_stop(&vtd);
}

/* "Hardware treats bits 63:N as reserved (0), where N corresponds to the largest AGAW." */
static void fault_information_is_as_wide_as_the_widest_page_table(void **state)
{
	static const struct {
		uint64_t widths;
		uint8_t levels;
		uint64_t page;
	} rows[] = {
		{ CAP_SAGAW, 5, 0x01fffffffffff000 },
		{ CAP_SAGAW4 | CAP_SAGAW3, 4, 0x0000fffffffff000 },
		{ CAP_SAGAW3, 3, 0x0000007ffffff000 },
		{ CAP_SAGAW5, 5, 0x01fffffffffff000 },
	};
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vtd_setup setup = {
			.cap_clear = CAP_SAGAW, .cap_set = rows[i].widths, .levels = rows[i].levels
		};

		vt_start_enabled(&vtd, &setup);
		assert_int_equal(fault_at(&vtd, 0xfffffffffffffff8).reason, 4);
		assert_int_equal(page_of_record(&vtd, 0), rows[i].page);
		vt_stop(&vtd);
	}
}

static struct iommusim_fault typed_fault(struct vtd_fixture *vtd, enum iommusim_dma_address_type type)
{
	const struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .address_type = type
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(vtd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.faulted);
	return outcome.page.fault;
}

/* AT, bits 125:124: reserved on units without device-TLBs. */
static void the_address_type_is_recorded_by_units_with_device_tlbs(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(typed_fault(&vtd, IOMMUSIM_DMA_TRANSLATION_REQUEST).reason, 0xd);
	assert_int_equal(typed_fault(&vtd, IOMMUSIM_DMA_TRANSLATED).reason, 0xd);
	assert_int_equal(vt_get32(&vtd, R_FRCD + 12), 0xd000000d);
	assert_int_equal(vt_get32(&vtd, R_FRCD + 28), 0xe000000d);
	vt_stop(&vtd);

	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_DT });
	assert_int_equal(typed_fault(&vtd, IOMMUSIM_DMA_TRANSLATED).reason, 0xd);
	assert_int_equal(vt_get32(&vtd, R_FRCD + 12), 0xc000000d);
	vt_stop(&vtd);
}

/* PP 95, EXE 94, PRIV 93, PASID 123:104: reserved on units without PASIDs. */
static void the_pasid_is_recorded_by_units_with_pasids(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x5000,
		.length = 8,
		.has_pasid = true,
		.pasid = 0xabcde,
		.privileged = true,
		.execute = true };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned pasids = 0; pasids < 2; pasids++) {
		vt_start_enabled(
		    &vtd, &(struct vtd_setup){ .ecap_set = pasids ? ECAP_PASID | ECAP_SMTS : 0 });
		assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page.fault.reason, 0x31);
		assert_int_equal(vt_get64(&vtd, R_FRCD + 8),
		    pasids ? UINT64_C(0xcabcde31e0000310) : UINT64_C(0xc000003100000310));
		vt_stop(&vtd);
	}
}

static void records_fill_in_order_and_fri_names_the_first(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	for (unsigned i = 0; i < VTD_FAULTS; i++) {
		assert_int_equal(fault_at(&vtd, i * UINT64_C(0x1000)).index, i);
		assert_int_equal(vt_get32(&vtd, R_FSTS), PPF);
		assert_int_equal(vt_records(&vtd), i + 1);
	}
	for (unsigned i = 0; i < VTD_FAULTS; i++)
		assert_int_equal(page_of_record(&vtd, i), i * UINT64_C(0x1000));
	vt_stop(&vtd);
}

/* The ring goes on where it was; FRI changes only when the first pending fault comes. */
static void the_ring_wraps_and_fri_follows_the_first_pending_fault(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 3 * VTD_FAULTS; i++) {
		const unsigned at = i % VTD_FAULTS;

		assert_int_equal(fault_at(&vtd, 0x100000 + i * UINT64_C(0x1000)).index, at);
		assert_int_equal(fri(&vtd), at);
		assert_int_equal(page_of_record(&vtd, at), 0x100000 + i * UINT64_C(0x1000));
		vt_clear_record(&vtd, at);
		assert_int_equal(vt_get32(&vtd, R_FSTS) & PPF, 0);
	}
	assert_int_equal(fault_at(&vtd, 0).index, 0);
	assert_int_equal(fault_at(&vtd, 0x1000).index, 1);
	vt_clear_record(&vtd, 0);
	assert_int_equal(fault_at(&vtd, 0x2000).index, 2);
	assert_int_equal(fri(&vtd), 0); /* there was a pending fault all the time */
	vt_stop(&vtd);
}

static void the_number_of_records_is_what_the_capability_says(void **state)
{
	static const unsigned counts[] = { 1, 2, 5, 16, 178 };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		/* the IOTLB registers give way: 178 records reach to F20h */
		const struct vtd_setup setup = { .cap_clear = CAP_NFR,
			.cap_set = (uint64_t)(counts[i] - 1) << 40,
			.ecap_clear = UINT64_C(0x3ff) << 8,
			.ecap_set = UINT64_C(0xff) << 8 };

		vt_start_enabled(&vtd, &setup);
		for (unsigned n = 0; n < counts[i]; n++)
			assert_int_equal(fault_at(&vtd, n * UINT64_C(0x1000)).index, n);
		assert_int_equal(vt_records(&vtd), counts[i]);
		assert_int_equal(vt_get32(&vtd, R_FSTS), PPF);
		assert_true(fault_at(&vtd, 0x1000).overflowed);
		assert_int_equal(vt_get32(&vtd, R_FSTS), PPF | PFO);
		assert_int_equal(vt_get32(&vtd, R_FRCD + counts[i] * 16 + 12), 0);
		vt_stop(&vtd);
	}
}

/* A full ring sets PFO; from then on nothing is recorded until software clears PFO. */
static void overflow_drops_faults_until_software_clears_it(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_fault fault;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < VTD_FAULTS; i++)
		assert_true(fault_at(&vtd, i * UINT64_C(0x1000)).recorded);
	fault = fault_at(&vtd, 0x99000);
	assert_false(fault.recorded);
	assert_true(fault.overflowed);
	assert_false(fault.suppressed);
	assert_int_equal(vt_get32(&vtd, R_FSTS), PFO | PPF);
	for (unsigned i = 0; i < VTD_FAULTS; i++) {
		assert_int_equal(page_of_record(&vtd, i), i * UINT64_C(0x1000));
		vt_clear_record(&vtd, i);
	}
	assert_int_equal(vt_get32(&vtd, R_FSTS), PFO);
	assert_true(fault_at(&vtd, 0x9a000).overflowed); /* there is room, but PFO is set */
	assert_int_equal(vt_records(&vtd), 0);
	vt_set32(&vtd, R_FSTS, PFO);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	assert_int_equal(fault_at(&vtd, 0x9b000).index, 0);
	assert_int_equal(vt_get32(&vtd, R_FSTS), PPF);
	vt_stop(&vtd);
}

/* Full means that the next record is taken, not that all are. */
static void the_ring_is_full_when_its_next_record_is_taken(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < VTD_FAULTS; i++)
		fault_at(&vtd, i * UINT64_C(0x1000));
	for (unsigned i = 1; i < VTD_FAULTS; i++)
		vt_clear_record(&vtd, i);
	assert_true(fault_at(&vtd, 0x99000).overflowed);
	assert_int_equal(vt_get32(&vtd, R_FSTS), PFO | PPF);
	vt_stop(&vtd);
}

static void ppf_is_the_or_of_all_records_and_cannot_be_written(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 3; i++)
		fault_at(&vtd, i * UINT64_C(0x1000));
	vt_set32(&vtd, R_FSTS, 0xffffffff);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & PPF, PPF);
	vt_clear_record(&vtd, 1);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & PPF, PPF);
	vt_clear_record(&vtd, 0);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & PPF, PPF);
	vt_clear_record(&vtd, 2);
	assert_int_equal(vt_get32(&vtd, R_FSTS) & PPF, 0);
	vt_stop(&vtd);
}

/* F takes a 1 in the top bit; nothing else of a record can be written. */
static void only_a_one_in_the_top_bit_clears_a_record(void **state)
{
	struct vtd_fixture vtd;
	uint64_t before[2], after[2];

	(void)state;
	vt_start_enabled(&vtd, NULL);
	fault_at(&vtd, 0x1234000);
	vt_record(&vtd, 0, before);
	vt_set32(&vtd, R_FRCD + 0, 0xffffffff);
	vt_set32(&vtd, R_FRCD + 4, 0xffffffff);
	vt_set32(&vtd, R_FRCD + 8, 0xffffffff);
	vt_set32(&vtd, R_FRCD + 12, 0x7fffffff);
	vt_set32(&vtd, R_FRCD + 12, 0);
	vt_set64(&vtd, R_FRCD, UINT64_MAX);
	vt_set64(&vtd, R_FRCD + 8, 0x7fffffffffffffff);
	vt_record(&vtd, 0, after);
	assert_int_equal(after[0], before[0]);
	assert_int_equal(after[1], before[1]);
	vt_set32(&vtd, R_FRCD + 28, 0x80000000); /* another record */
	assert_int_equal(vt_records(&vtd), 1);
	vt_set64(&vtd, R_FRCD + 8, 0x8000000000000000);
	assert_int_equal(vt_records(&vtd), 0);
	vt_stop(&vtd);
}

/* What FPD hides leaves no trace: no record, no step of the ring. */
static void a_hidden_fault_takes_no_record(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_fault fault;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	fault_at(&vtd, 0x1000);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3);
	fault = fault_at(&vtd, 0x2000);
	assert_true(fault.suppressed);
	assert_false(fault.recorded);
	assert_int_equal(fault.record[0], 0x2000); /* what would have been there */
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 1);
	assert_int_equal(fault_at(&vtd, 0x3000).index, 1);
	vt_stop(&vtd);
}

/* "The index is reset to zero when both address and interrupt translations are disabled." */
static void logging_starts_over_when_nothing_is_remapped(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned last = 0; last < 2; last++) {
		const uint32_t order[2] = { last == 0 ? G_IRE : G_TE, last == 0 ? G_TE : G_IRE };

		vt_start_enabled(&vtd, NULL);
		vt_set32(&vtd, R_GCMD, G_TE | G_SIRTP);
		vt_command(&vtd, G_IRE, true);
		fault_at(&vtd, 0x1000);
		fault_at(&vtd, 0x2000);
		vt_clear_record(&vtd, 0);
		vt_clear_record(&vtd, 1);
		vt_command(&vtd, order[0], false);
		vt_command(&vtd, order[0], true);
		assert_int_equal(fault_at(&vtd, 0x3000).index, 2); /* one of them stayed on */
		vt_command(&vtd, order[0], false);
		vt_command(&vtd, order[1], false);
		vt_command(&vtd, G_TE, true);
		assert_int_equal(fault_at(&vtd, 0x4000).index, 0);
		vt_stop(&vtd);
	}
}

/* Attributes that end in S (VT-d 11.3): only a power-good reset brings them back. */
static void fault_status_and_records_survive_a_warm_reset(void **state)
{
	struct vtd_fixture vtd;
	uint64_t before[2], after[2];

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	vt_submit(&vtd, 0x15, 0); /* a wait that interrupts: ICS.IWC */
	fault_at(&vtd, 0x1000);
	vt_clear_record(&vtd, 0);
	for (unsigned i = 0; i < VTD_FAULTS + 1; i++)
		fault_at(&vtd, 0x2000 + i * UINT64_C(0x1000));
	vt_submit(&vtd, 0x6, 0); /* IQE, reason 3 */
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0x100 | IQE | PFO | PPF);
	vt_record(&vtd, 5, before);

	iommusim_unit_reset(vtd.unit, false);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0x100 | IQE | PFO | PPF);
	assert_int_equal(vt_records(&vtd), VTD_FAULTS);
	vt_record(&vtd, 5, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(vt_get64(&vtd, R_IQERCD), 3);
	assert_int_equal(vt_get32(&vtd, R_ICS), 1);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	assert_int_equal(vt_get32(&vtd, R_FECTL), 0x80000000);

	iommusim_unit_reset(vtd.unit, true);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	assert_int_equal(vt_records(&vtd), 0);
	assert_int_equal(vt_get64(&vtd, R_IQERCD), 0);
	assert_int_equal(vt_get32(&vtd, R_ICS), 0);
	vt_stop(&vtd);
}

/* Nothing is remapped after a reset: the next fault goes to the first record (VT-d 7.2.1). */
static void logging_starts_over_after_a_reset(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 3; i++) {
		fault_at(&vtd, i * UINT64_C(0x1000));
		vt_clear_record(&vtd, i);
	}
	iommusim_unit_reset(vtd.unit, false);
	assert_int_equal(fault_at(&vtd, 0xfee00000).index, 0); /* reason 29h needs no translation */
	vt_stop(&vtd);
}

/* FPD of a context entry that is still cached hides nothing that is not qualified. */
static void a_cached_fpd_does_not_hide_an_unqualified_fault(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_fault fault;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | 3);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	assert_true(fault_at(&vtd, 0x7000).suppressed);
	vt_latch_root(&vtd, vtd.root_table | 0x800);
	fault = fault_at(&vtd, 0x7000);
	assert_int_equal(fault.reason, 0x30);
	assert_true(fault.recorded);
	assert_false(fault.suppressed);
	vt_stop(&vtd);
}

static void writing_zero_to_the_fault_status_clears_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < VTD_FAULTS + 1; i++)
		fault_at(&vtd, i * UINT64_C(0x1000));
	vt_set32(&vtd, R_FSTS, 0);
	assert_int_equal(vt_get32(&vtd, R_FSTS), PFO | PPF);
	vt_set32(&vtd, R_FSTS, IQE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), PFO | PPF);
	vt_stop(&vtd);
}

/* The fault handler of a widely used driver: read +12, +8, +0, write 80000000h to +12, 83h to FSTS. */
static void a_fault_handler_empties_the_ring_from_fri_on(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	for (unsigned i = 0; i < 5; i++)
		fault_at(&vtd, i * UINT64_C(0x1000));
	for (unsigned i = 0; i < 5; i++)
		vt_clear_record(&vtd, i);
	for (unsigned round = 0; round < 3; round++) {
		unsigned index, seen = 0;

		for (unsigned i = 0; i < VTD_FAULTS + 2; i++)
			fault_at(&vtd, (uint64_t)(round * 16 + i) << 12);
		index = fri(&vtd);
		assert_int_equal(index, (5 + round * VTD_FAULTS) % VTD_FAULTS);
		while ((vt_get32(&vtd, R_FRCD + index * 16 + 12) & 0x80000000) != 0) {
			assert_int_equal(vt_get32(&vtd, R_FRCD + index * 16 + 8) & 0xffff, VTD_RID);
			assert_int_equal(
			    vt_get64(&vtd, R_FRCD + index * 16), (uint64_t)(round * 16 + seen++) << 12);
			vt_clear_record(&vtd, index);
			index = (index + 1) % VTD_FAULTS;
		}
		assert_int_equal(seen, VTD_FAULTS);
		vt_set32(&vtd, R_FSTS, 0x83);
		assert_int_equal(vt_get32(&vtd, R_FSTS) & 0xff, 0);
	}
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_says_who_asked_for_what_and_why),
		cmocka_unit_test(fault_information_is_as_wide_as_the_widest_page_table),
		cmocka_unit_test(the_address_type_is_recorded_by_units_with_device_tlbs),
		cmocka_unit_test(the_pasid_is_recorded_by_units_with_pasids),
		cmocka_unit_test(records_fill_in_order_and_fri_names_the_first),
		cmocka_unit_test(the_ring_wraps_and_fri_follows_the_first_pending_fault),
		cmocka_unit_test(the_number_of_records_is_what_the_capability_says),
		cmocka_unit_test(overflow_drops_faults_until_software_clears_it),
		cmocka_unit_test(the_ring_is_full_when_its_next_record_is_taken),
		cmocka_unit_test(ppf_is_the_or_of_all_records_and_cannot_be_written),
		cmocka_unit_test(only_a_one_in_the_top_bit_clears_a_record),
		cmocka_unit_test(a_hidden_fault_takes_no_record),
		cmocka_unit_test(logging_starts_over_when_nothing_is_remapped),
		cmocka_unit_test(fault_status_and_records_survive_a_warm_reset),
		cmocka_unit_test(logging_starts_over_after_a_reset),
		cmocka_unit_test(a_cached_fpd_does_not_hide_an_unqualified_fault),
		cmocka_unit_test(writing_zero_to_the_fault_status_clears_nothing),
		cmocka_unit_test(a_fault_handler_empties_the_ring_from_fri_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
