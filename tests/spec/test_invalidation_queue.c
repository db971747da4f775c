/*
 * The invalidation queue (VT-d 6.5.2, 11.4.9): the reach of descriptors, head and tail, widths and
 * sizes, and every way it stops. The bits of descriptors: test_sweep_descriptors.c.
 */
#include "invalidation_reach.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */
#define IQE  0x10u                /* FSTS */

static const struct vtd_setup defaults;

/* Descriptors, as VT-d figures 6-1, 6-3, 6-5, 6-8 and 6-9 draw them. */
static uint64_t context_low(unsigned granularity, uint16_t domain, uint16_t source, unsigned mask)
{
	return 1 | (uint64_t)granularity << 4 | (uint64_t)domain << 16 | (uint64_t)source << 32 |
	    (uint64_t)mask << 48;
}

static uint64_t iotlb_low(unsigned granularity, uint16_t domain)
{
	return 2 | (uint64_t)granularity << 4 | (uint64_t)domain << 16;
}

enum { WAIT_INTERRUPT = 0x10, WAIT_STATUS = 0x20, WAIT_FENCE = 0x40, WAIT_DRAIN = 0x80 };

static uint64_t wait_low(uint32_t flags, uint32_t data)
{
	return 5 | flags | (uint64_t)data << 32;
}

/* The queue is not stopped, and everything up to the tail was taken. */
static void assert_done(struct vtd_fixture *vtd)
{
	assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, 0);
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
}

/* The queue stopped at `head`; IQERCD says why. */
static void assert_stopped(struct vtd_fixture *vtd, uint64_t head, unsigned why)
{
	assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, IQE);
	assert_int_equal(vt_get64(vtd, R_IQH), head);
	assert_int_equal(vt_get64(vtd, R_IQERCD) & 0xf, why);
}

static void start_queue(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	vt_start_enabled(vtd, setup);
	vt_queue_start(vtd, 16);
}

static void prepare(struct vtd_fixture *vtd)
{
	vt_queue_start(vtd, 16);
}

static void context(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint16_t source,
    unsigned function_mask)
{
	vt_submit(vtd, context_low(granularity, domain, source, function_mask), 0);
	assert_done(vtd);
}

static void iotlb(
    struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint64_t address, unsigned mask)
{
	vt_submit(vtd, iotlb_low(granularity, domain), address | mask);
	assert_done(vtd);
}

static const struct invalidator queue = {
	.setup = &defaults, .prepare = prepare, .context = context, .iotlb = iotlb
};

#define REACH(name, function)                                                                          \
	static void name(void **state)                                                                 \
	{                                                                                              \
		(void)state;                                                                           \
		function(&queue);                                                                      \
	}

REACH(a_global_iotlb_descriptor_takes_everything, reach_global_iotlb)
REACH(a_domain_descriptor_takes_that_domain_only, reach_domain_iotlb)
REACH(a_page_descriptor_takes_the_aligned_range_of_its_domain_only, reach_page_iotlb)
REACH(a_large_page_goes_with_its_address_mask, reach_large_pages)
REACH(a_global_context_descriptor_takes_every_context_entry, reach_global_context)
REACH(a_domain_context_descriptor_takes_that_domain_only, reach_domain_context)
REACH(a_device_context_descriptor_follows_the_function_mask, reach_device_context)
REACH(domain_bits_beyond_the_supported_width_are_ignored, reach_domain_bits)

static void a_wait_stores_four_bytes_where_it_says(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_store(&vtd, 0x8000, UINT64_MAX);
	vt_store(&vtd, 0x8008, UINT64_MAX);
	vt_submit(&vtd, wait_low(WAIT_STATUS, 0x12345678), 0x8004);
	assert_done(&vtd);
	assert_int_equal(vt_load(&vtd, 0x8000), UINT64_C(0x12345678ffffffff));
	assert_int_equal(vt_load(&vtd, 0x8008), UINT64_MAX);
	vt_submit(&vtd, wait_low(WAIT_STATUS | WAIT_FENCE, 0x9abcdef0), 0x8000);
	assert_int_equal(vt_load(&vtd, 0x8000), UINT64_C(0x123456789abcdef0));
	assert_int_equal(vt_get32(&vtd, R_ICS), 0);
	vt_stop(&vtd);
}

/* "Hardware ignores bits 127:HAW+64 of the status address." */
static void status_address_bits_beyond_the_host_width_are_ignored(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, &(struct vtd_setup){ .haw = 39 });
	vt_submit(&vtd, wait_low(WAIT_STATUS, 7), 0xffffff8000008000);
	assert_done(&vtd);
	assert_int_equal(vt_load(&vtd, 0x8000), 7);
	vt_stop(&vtd);
}

static void every_bit_of_the_host_width_counts_in_a_status_address(void **state)
{
	const uint64_t high = BIT(VTD_HAW - 1) | 0x8000;
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	assert_int_equal(
	    iommusim_memory_add(vtd.machine, BIT(VTD_HAW - 1), 0x10000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_OK);
	vt_submit(&vtd, wait_low(WAIT_STATUS, 7), high);
	assert_done(&vtd);
	assert_int_equal(vt_load(&vtd, high), 7);
	assert_int_equal(vt_load(&vtd, 0x8000), 0);
	vt_stop(&vtd);
}

/* A queue that is made smaller under its head: the head is as far astray as a tail could be. */
static void a_head_beyond_the_queue_is_error_1(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_set64(&vtd, R_IQA, vtd.queue | 1); /* two pages */
	vt_page(&vtd);
	for (uint64_t at = 0; at < 0x1000; at += 16)
		vt_store(&vtd, vtd.queue + at, 0x11);
	vt_set32(&vtd, R_IQT, 0x1000);
	vt_set64(&vtd, R_IQA, vtd.queue);
	vt_set32(&vtd, R_IQT, 0x10);
	assert_stopped(&vtd, 0x1000, 1);
	vt_stop(&vtd);
}

/* The last page of the address space is above the host's width; its end is not the beginning of memory. */
static void a_queue_above_the_host_width_is_error_2(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_submit(&vtd, 0x11, 0); /* the head is not 0 any more */
	vt_store(&vtd, 0, 0x11);
	vt_set64(&vtd, R_IQA, UINT64_C(0xfffffffffffff001));
	vt_set32(&vtd, R_IQT, 0x1010);
	assert_stopped(&vtd, 0x10, 2);
	vt_stop(&vtd);

	vt_start(&vtd, &(struct vtd_setup){ .haw = 39 }); /* even if the platform has memory there */
	assert_int_equal(
	    iommusim_memory_add(vtd.machine, BIT(39), 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	vt_store(&vtd, BIT(39), 0x11);
	vt_set64(&vtd, R_IQA, BIT(39));
	vt_set32(&vtd, R_IQT, 0x10);
	vt_command(&vtd, G_QIE, true);
	assert_stopped(&vtd, 0, 2);
	vt_stop(&vtd);
}

/* Interrupt entries need remapping (ECAP.IR); the other descriptors do not. */
static void without_remapping_only_its_own_descriptor_is_invalid(void **state)
{
	static const uint64_t low[] = { 0x11, 0x12, 0x03, 0x05 };
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_IR | ECAP_EIM });
	for (size_t i = 0; i < sizeof(low) / sizeof(*low); i++) {
		vt_submit(&vtd, low[i], 0);
		assert_done(&vtd);
	}
	vt_submit(&vtd, 0x04, 0);
	assert_stopped(&vtd, 0x40, 3);
	vt_stop(&vtd);
}

/* Address and data mean nothing while SW is clear; the two flags are independent. */
static void each_wait_flag_does_its_own_part_only(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned flags = 0; flags < 4; flags++) {
		const bool interrupt = (flags & 1) != 0, status = (flags & 2) != 0;

		start_queue(&vtd, NULL);
		vt_submit(&vtd, wait_low(flags << 4, 0x55), 0x8000);
		assert_done(&vtd);
		assert_int_equal(vt_load(&vtd, 0x8000), status ? 0x55 : 0);
		assert_int_equal(vt_get32(&vtd, R_ICS), interrupt);
		vt_stop(&vtd);
	}
}

static void device_tlb_and_interrupt_entry_descriptors_complete(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_submit(&vtd, 3 | UINT64_C(0x1f) << 16 | (uint64_t)VTD_RID << 32, 0x5000);
	vt_submit(&vtd, 3 | (uint64_t)VTD_RID << 32, 0x7ffffffffffff001); /* everything */
	vt_submit(&vtd, 4, 0);
	vt_submit(&vtd, 4 | 1 << 4 | UINT64_C(3) << 27 | UINT64_C(0x40) << 32, 0);
	assert_done(&vtd);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x40);
	vt_stop(&vtd);
}

static void the_head_follows_the_tail_around_the_queue(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	for (unsigned i = 1; i <= 600; i++) {
		vt_submit(&vtd, wait_low(WAIT_STATUS, i), 0x8000);
		assert_int_equal(vt_load(&vtd, 0x8000), i);
		assert_int_equal(vt_get64(&vtd, R_IQH), i * 16 % 0x1000);
	}
	vt_stop(&vtd);
}

/* 2^QS pages; one tail write may cover many descriptors. */
static void every_queue_size_wraps_where_it_ends(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned size = 0; size < 8; size++) {
		const uint64_t bytes = UINT64_C(0x1000) << size, base = UINT64_C(0x1000000);

		vt_start(&vtd, NULL);
		for (uint64_t at = 0; at < bytes; at += 16)
			vt_store(&vtd, base + at, 0x11);
		vt_store(&vtd, base + bytes - 16, wait_low(WAIT_STATUS, 0xbeef));
		vt_store(&vtd, base + bytes - 8, 0x8000);
		vt_set64(&vtd, R_IQA, base | size);
		vt_command(&vtd, G_QIE, true);
		vt_set64(&vtd, R_IQT, bytes - 16);
		assert_int_equal(vt_get64(&vtd, R_IQH), bytes - 16);
		assert_int_equal(vt_load(&vtd, 0x8000), 0);
		vt_set64(&vtd, R_IQT, 0x10);
		assert_int_equal(vt_get64(&vtd, R_IQH), 0x10);
		assert_int_equal(vt_load(&vtd, 0x8000), 0xbeef);
		assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
		vt_stop(&vtd);
	}
}

/* Fetching needs QIES, head and tail apart, and no error: a tail that waits is taken when QIE comes. */
static void descriptors_before_the_enable_are_taken_at_the_enable(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vtd.queue = vt_page(&vtd);
	vt_store(&vtd, vtd.queue, wait_low(WAIT_STATUS, 0xcafe));
	vt_store(&vtd, vtd.queue + 8, 0x8000);
	vt_set64(&vtd, R_IQA, vtd.queue);
	vt_set64(&vtd, R_IQT, 0x10);
	assert_int_equal(vt_load(&vtd, 0x8000), 0);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0);
	vt_command(&vtd, G_QIE, true);
	assert_int_equal(vt_load(&vtd, 0x8000), 0xcafe);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x10);
	vt_stop(&vtd);
}

static void a_disabled_queue_takes_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_command(&vtd, G_QIE, false);
	vt_submit(&vtd, wait_low(WAIT_STATUS, 1), 0x8000);
	assert_int_equal(vt_load(&vtd, 0x8000), 0);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0);
	vt_stop(&vtd);
}

/* "Independent of the remapping hardware enable status." */
static void the_queue_works_while_translation_is_off(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	vt_submit(&vtd, wait_low(WAIT_STATUS, 1), 0x8000);
	assert_int_equal(vt_load(&vtd, 0x8000), 1);
	vt_stop(&vtd);
}

/* Queue and status word are snooped whatever ECAP.C says (VT-d 11.4.3, C). */
static void queue_and_status_word_are_coherent_on_every_unit(void **state)
{
	const uint64_t descriptor[2] = { wait_low(WAIT_STATUS, 0x77), 0x8000 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_C, .device_view = true });
	vt_queue_start(&vtd, 16);
	assert_int_equal(iommusim_memory_write(vtd.machine, vtd.queue, descriptor, 16), IOMMUSIM_OK);
	vt_set32(&vtd, R_IQT, 0x10);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x10);
	assert_int_equal(vt_load(&vtd, 0x8000), 0x77);
	vt_stop(&vtd);
}

static void drain_bits_and_hint_are_accepted(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_unmap(&vtd, 0x5000);
	vt_submit(&vtd, iotlb_low(3, VTD_DOMAIN) | 0xc0, 0x5000 | 0x40);
	assert_done(&vtd);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_stop(&vtd);
}

static void a_tail_beyond_the_queue_is_error_1(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_set64(&vtd, R_IQT, 0x1000);
	assert_stopped(&vtd, 0, 1);
	vt_stop(&vtd);
}

static void a_queue_without_memory_is_error_2(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set64(&vtd, R_IQA, HOLE);
	vt_command(&vtd, G_QIE, true);
	vt_set64(&vtd, R_IQT, 0x10);
	assert_stopped(&vtd, 0, 2);
	vt_stop(&vtd);
}

/* DW=1 belongs to scalable and abort-DMA mode: a unit with neither calls it error 5 (VT-d 11.4.9.3). */
static void wide_descriptors_need_a_unit_that_has_them(void **state)
{
	static const uint64_t modes[] = { 0, ECAP_SMTS, ECAP_ADMS };
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		vt_start(&vtd, &(struct vtd_setup){ .ecap_set = modes[i] });
		vt_queue_start(&vtd, 32);
		vt_submit(&vtd, wait_low(WAIT_STATUS, 9), 0x8000);
		if (modes[i] == 0)
			assert_stopped(&vtd, 0, 5);
		else
			assert_done(&vtd);
		assert_int_equal(vt_load(&vtd, 0x8000), modes[i] == 0 ? 0 : 9);
		vt_stop(&vtd);
	}
}

/* Table 26: 128-bit descriptors are for legacy mode alone; mode 2 has no descriptors at all. */
static void narrow_descriptors_are_for_legacy_mode(void **state)
{
	static const unsigned why[] = { 0, 5, 7, 5 };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned mode = 0; mode < 4; mode++) {
		vt_start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_SMTS | ECAP_ADMS });
		vt_latch_root(&vtd, vtd.root_table | mode << 10);
		vt_queue_start(&vtd, 16);
		vt_submit(&vtd, 0x11, 0);
		if (mode == 0)
			assert_done(&vtd);
		else
			assert_stopped(&vtd, 0, why[mode]);
		vt_stop(&vtd);
	}
}

static void wide_descriptors_advance_by_32_bytes_and_wrap(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_SMTS });
	vt_queue_start(&vtd, 32);
	for (unsigned i = 1; i <= 300; i++) {
		vt_submit(&vtd, wait_low(WAIT_STATUS, i), 0x8000);
		assert_int_equal(vt_load(&vtd, 0x8000), i);
		assert_int_equal(vt_get64(&vtd, R_IQH), i * 32 % 0x1000);
	}
	vt_set64(&vtd, R_IQT, vtd.queue_tail + 16); /* bit 4 */
	assert_stopped(&vtd, vtd.queue_tail, 6);
	vt_stop(&vtd);
}

/* The head stays on the offender; what came before is done, what comes after is not. */
static void a_bad_descriptor_holds_the_head_until_it_is_mended(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	for (unsigned i = 0; i < 3; i++) {
		vt_store(&vtd, vtd.queue + i * UINT64_C(16), wait_low(WAIT_STATUS, i + 1));
		vt_store(&vtd, vtd.queue + i * UINT64_C(16) + 8, 0x8000 + i * UINT64_C(8));
	}
	vt_store(&vtd, vtd.queue + 16, 0x6);
	vt_set32(&vtd, R_IQT, 0x30);
	assert_stopped(&vtd, 0x10, 3);
	assert_int_equal(vt_load(&vtd, 0x8000), 1);
	assert_int_equal(vt_load(&vtd, 0x8010), 0);

	/* while IQE is set, tail writes fetch nothing, and other bits of FSTS do not clear it */
	vt_store(&vtd, vtd.queue + 16, wait_low(WAIT_STATUS, 2));
	vt_set32(&vtd, R_IQT, 0x20);
	vt_set32(&vtd, R_IQT, 0x30);
	vt_set32(&vtd, R_FSTS, ~IQE);
	assert_stopped(&vtd, 0x10, 3);
	assert_int_equal(vt_load(&vtd, 0x8008), 0);

	vt_set32(&vtd, R_FSTS, IQE);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x30);
	assert_int_equal(vt_load(&vtd, 0x8008), 2);
	assert_int_equal(vt_load(&vtd, 0x8010), 3);
	vt_stop(&vtd);
}

static void an_error_that_was_not_mended_comes_back(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	vt_submit(&vtd, 0x6, 0);
	assert_stopped(&vtd, 0, 3);
	vt_set32(&vtd, R_FSTS, IQE);
	assert_stopped(&vtd, 0, 3);
	vt_set64(&vtd, R_IQT, 0x1000);
	vt_store(&vtd, vtd.queue, 0x11);
	vt_set32(&vtd, R_FSTS, IQE);
	assert_stopped(&vtd, 0, 1);
	vt_set64(&vtd, R_IQT, 0x10);
	vt_set32(&vtd, R_FSTS, IQE);
	assert_done(&vtd);
	vt_stop(&vtd);
}

/* The latency passes once for what a tail write submits; until then nothing is done or reported. */
static void the_queue_takes_its_latency(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 10 });
	vtd.queue = vt_page(&vtd);
	vtd.queue_width = 16;
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set64(&vtd, R_IQA, vtd.queue);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 10);
	vt_set32(&vtd, R_GCMD, G_TE | G_QIE);
	iommusim_step(vtd.machine, 10);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_unmap(&vtd, 0x5000);
	vt_store(&vtd, vtd.queue, iotlb_low(1, 0));
	vt_store(&vtd, vtd.queue + 16, wait_low(WAIT_STATUS, 1));
	vt_store(&vtd, vtd.queue + 24, 0x8000);
	vt_set32(&vtd, R_IQT, 0x20);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(vt_get64(&vtd, R_IQH), 0);
		assert_int_equal(vt_load(&vtd, 0x8000), 0);
	}
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x20);
	assert_int_equal(vt_load(&vtd, 0x8000), 1);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
	vt_stop(&vtd);
}

static void an_invalidation_is_done_when_its_wait_says_so(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_queue(&vtd, NULL);
	for (unsigned round = 0; round < 32; round++) {
		const uint64_t page = 0x100000 + round * UINT64_C(0x1000);

		vt_map(&vtd, 0x5000, page, 3);
		vt_submit(&vtd, iotlb_low(3, VTD_DOMAIN), 0x5000);
		vt_submit(&vtd, wait_low(WAIT_STATUS, round + 1), 0x8000);
		assert_int_equal(vt_load(&vtd, 0x8000), round + 1);
		assert_int_equal(vt_output(&vtd, 0x5000), page);
	}
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_global_iotlb_descriptor_takes_everything),
		cmocka_unit_test(a_domain_descriptor_takes_that_domain_only),
		cmocka_unit_test(a_page_descriptor_takes_the_aligned_range_of_its_domain_only),
		cmocka_unit_test(a_large_page_goes_with_its_address_mask),
		cmocka_unit_test(a_global_context_descriptor_takes_every_context_entry),
		cmocka_unit_test(a_domain_context_descriptor_takes_that_domain_only),
		cmocka_unit_test(a_device_context_descriptor_follows_the_function_mask),
		cmocka_unit_test(domain_bits_beyond_the_supported_width_are_ignored),
		cmocka_unit_test(a_wait_stores_four_bytes_where_it_says),
		cmocka_unit_test(status_address_bits_beyond_the_host_width_are_ignored),
		cmocka_unit_test(every_bit_of_the_host_width_counts_in_a_status_address),
		cmocka_unit_test(a_head_beyond_the_queue_is_error_1),
		cmocka_unit_test(a_queue_above_the_host_width_is_error_2),
		cmocka_unit_test(without_remapping_only_its_own_descriptor_is_invalid),
		cmocka_unit_test(each_wait_flag_does_its_own_part_only),
		cmocka_unit_test(device_tlb_and_interrupt_entry_descriptors_complete),
		cmocka_unit_test(the_head_follows_the_tail_around_the_queue),
		cmocka_unit_test(every_queue_size_wraps_where_it_ends),
		cmocka_unit_test(descriptors_before_the_enable_are_taken_at_the_enable),
		cmocka_unit_test(a_disabled_queue_takes_nothing),
		cmocka_unit_test(the_queue_works_while_translation_is_off),
		cmocka_unit_test(queue_and_status_word_are_coherent_on_every_unit),
		cmocka_unit_test(drain_bits_and_hint_are_accepted),
		cmocka_unit_test(a_tail_beyond_the_queue_is_error_1),
		cmocka_unit_test(a_queue_without_memory_is_error_2),
		cmocka_unit_test(wide_descriptors_need_a_unit_that_has_them),
		cmocka_unit_test(narrow_descriptors_are_for_legacy_mode),
		cmocka_unit_test(wide_descriptors_advance_by_32_bytes_and_wrap),
		cmocka_unit_test(a_bad_descriptor_holds_the_head_until_it_is_mended),
		cmocka_unit_test(an_error_that_was_not_mended_comes_back),
		cmocka_unit_test(the_queue_takes_its_latency),
		cmocka_unit_test(an_invalidation_is_done_when_its_wait_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
