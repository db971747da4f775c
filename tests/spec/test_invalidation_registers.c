/*
 * Invalidation through CCMD, IVA and IOTLB (VT-d 6.5.1, 11.4.6): what each granularity reaches, what is
 * reported as the actual granularity, and what is ignored.
 */
#include "invalidation_reach.h"

static const struct vtd_setup defaults;

static void nothing(struct vtd_fixture *vtd)
{
	(void)vtd;
}

static void context(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint16_t source,
    unsigned function_mask)
{
	assert_int_equal(
	    vt_invalidate_context(vtd, granularity, domain, source, function_mask), granularity);
}

static void iotlb(
    struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint64_t address, unsigned mask)
{
	assert_int_equal(vt_invalidate_iotlb(vtd, granularity, domain, address, mask), granularity);
}

static const struct invalidator registers = {
	.setup = &defaults, .prepare = nothing, .context = context, .iotlb = iotlb
};

#define REACH(name, function)                                                                          \
	static void name(void **state)                                                                 \
	{                                                                                              \
		(void)state;                                                                           \
		function(&registers);                                                                  \
	}

REACH(a_global_iotlb_invalidation_takes_everything, reach_global_iotlb)
REACH(a_domain_invalidation_takes_that_domain_only, reach_domain_iotlb)
REACH(a_page_invalidation_takes_the_aligned_range_of_its_domain_only, reach_page_iotlb)
REACH(a_large_page_goes_with_its_address_mask, reach_large_pages)
REACH(a_global_context_invalidation_takes_every_context_entry, reach_global_context)
REACH(a_domain_context_invalidation_takes_that_domain_only, reach_domain_context)
REACH(a_device_context_invalidation_follows_the_function_mask, reach_device_context)
REACH(domain_bits_beyond_the_supported_width_are_ignored, reach_domain_bits)

/* A page that was cached and is gone, so that an invalidation can be told from none. */
static void start_stale(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	vt_start_enabled(vtd, setup);
	vt_map(vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(vtd, 0x5000), 0x6000);
	vt_unmap(vtd, 0x5000);
}

static bool is_stale(struct vtd_fixture *vtd)
{
	return !vt_access(vtd->device, IOMMUSIM_DMA_READ, 0x5000, 8).faulted;
}

/* Is the context entry still cached? It is made unusable in memory; 0x8000 was never asked for. */
static bool context_is_cached(struct vtd_fixture *vtd)
{
	bool cached;

	vt_map(vtd, 0x8000, 0x9000, 3);
	vt_store(vtd, vt_context_at(vtd), 0);
	cached = !vt_access(vtd->device, IOMMUSIM_DMA_READ, 0x8000, 8).faulted;
	vt_store(vtd, vt_context_at(vtd), vtd->page_table | 1);
	return cached;
}

static void iotlb_invalidations_leave_the_context_cache_alone(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	assert_false(is_stale(&vtd));
	vt_map(&vtd, 0x7000, 0x7000, 3);
	assert_int_equal(vt_output(&vtd, 0x7000), 0x7000);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	assert_true(context_is_cached(&vtd));
	vt_stop(&vtd);
}

static void context_invalidations_leave_the_iotlb_alone(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned granularity = 1; granularity <= 3; granularity++) {
		start_stale(&vtd, NULL);
		assert_int_equal(
		    vt_invalidate_context(&vtd, granularity, VTD_DOMAIN, VTD_RID, 0), granularity);
		assert_true(is_stale(&vtd));
		assert_false(context_is_cached(&vtd));
		vt_stop(&vtd);
	}
}

/* IH=1 says that only leaf entries changed; the leaf itself must go all the same (VT-d 6.5.1.2). */
static void the_invalidation_hint_spares_no_leaf(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000 | 0x40, 0), 3);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

static void drain_bits_change_nothing_about_the_reach(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	vt_set64(&vtd, R_IOTLB, BIT(63) | BIT(61) | BIT(49) | BIT(48) | (uint64_t)VTD_DOMAIN << 32);
	assert_int_equal(vt_get64(&vtd, R_IOTLB) >> 57 & 0x43, 2); /* IVT 0, IAIG 2 */
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* Pages at 0, beside it, and as far away as the width goes: is each still answered by the cache? */
static void assert_reach(uint64_t address, unsigned mask, bool first, bool beside, bool top)
{
	static const uint64_t pages[] = { 0, 0x1000, BIT(56) };
	const bool gone[] = { first, beside, top };
	struct vtd_fixture vtd;

	vt_start_enabled(&vtd, &(struct vtd_setup){ .cap_set = CAP_MAMV, .levels = 5 });
	for (unsigned i = 0; i < 3; i++) {
		vt_map(&vtd, pages[i], 0x104000, 3);
		assert_int_equal(vt_output(&vtd, pages[i]), 0x104000);
		vt_unmap(&vtd, pages[i]);
	}
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, address, mask), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, pages[i]), gone[i] ? 6 : 0);
	vt_stop(&vtd);
}

static void every_address_mask_reaches_as_far_as_it_says(void **state)
{
	(void)state;
	assert_reach(0, 0, true, false, false);
	assert_reach(0x1000, 0, false, true, false);
	assert_reach(0, 1, true, true, false);
	assert_reach(0x1000, 1, true, true, false);
	assert_reach(BIT(56), 43, false, false, true); /* 2^55 bytes */
	assert_reach(BIT(55), 43, false, false, false);
	assert_reach(0, 44, true, true, false);
	assert_reach(0, 45, true, true, true);
	for (unsigned mask = 46; mask < 64; mask++)
		assert_reach(0, mask, true, true, true);
}

/* From 2^64 bytes on no bit of the address counts, on a unit as wide as that too. */
static void the_widest_address_mask_covers_every_address(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, &(struct vtd_setup){ .cap_set = CAP_MGAW | CAP_MAMV });
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, BIT(63), 51), 3);
	assert_true(is_stale(&vtd));
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, BIT(63), 53), 3);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* Of the address, bits from MGAW+1 (57 here) on are ignored, and none below. */
static void address_bits_beyond_the_width_are_ignored(void **state)
{
	(void)state;
	for (unsigned bit = 57; bit < 64; bit++) {
		assert_reach(BIT(bit), 0, true, false, false);
		assert_reach(BIT(bit) | BIT(56), 0, false, false, true);
	}
}

/* Without PSI hardware does the whole domain instead, and says so. */
static void without_psi_a_page_invalidation_becomes_the_domain(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, &(struct vtd_setup){ .cap_clear = CAP_PSI | CAP_MAMV });
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x123000, 0), 2);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* An unsupported address mask is an error: reported as granularity 0, and ignored. */
static void an_address_mask_beyond_mamv_is_ignored(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, &(struct vtd_setup){ .cap_clear = CAP_MAMV, .cap_set = UINT64_C(9) << 48 });
	for (unsigned mask = 10; mask < 64; mask++)
		assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, mask), 0);
	assert_true(is_stale(&vtd));
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, 9), 3);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

static void the_reserved_granularity_is_ignored(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 0, VTD_DOMAIN, 0x5000, 0), 0);
	assert_int_equal(vt_invalidate_context(&vtd, 0, VTD_DOMAIN, VTD_RID, 0), 0);
	assert_true(is_stale(&vtd));
	assert_true(context_is_cached(&vtd));
	vt_stop(&vtd);
}

static void assert_all_ignored(struct vtd_fixture *vtd)
{
	for (unsigned granularity = 1; granularity <= 3; granularity++) {
		assert_int_equal(vt_invalidate_iotlb(vtd, granularity, VTD_DOMAIN, 0x5000, 0), 0);
		assert_int_equal(vt_invalidate_context(vtd, granularity, VTD_DOMAIN, VTD_RID, 0), 0);
	}
}

/* "When the queue is enabled, software must submit only through the queue": ignored here (VT-d 6.5.2). */
static void beside_the_queue_the_registers_do_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	assert_all_ignored(&vtd);
	assert_true(is_stale(&vtd));
	assert_true(context_is_cached(&vtd));
	vt_command(&vtd, G_QIE, false);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* The modes are looked at as SRTP latched them, not as RTADDR reads. */
static void outside_legacy_mode_the_registers_do_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned mode = 1; mode < 4; mode++) {
		start_stale(&vtd, NULL);
		vt_set64(&vtd, R_RTADDR, vtd.root_table | mode << 10);
		assert_int_equal(vt_invalidate_context(&vtd, 1, 0, 0, 0), 1);
		vt_latch_root(&vtd, vtd.root_table | mode << 10);
		assert_all_ignored(&vtd);
		vt_latch_root(&vtd, vtd.root_table);
		assert_true(is_stale(&vtd));
		vt_stop(&vtd);
	}
}

/* VT-d 11.4.6: "with Major Version 6 or higher all requests are treated as incorrect". */
static void from_version_6_on_the_registers_do_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, &(struct vtd_setup){ .version = 0x60 });
	assert_all_ignored(&vtd);
	assert_true(is_stale(&vtd));
	vt_stop(&vtd);
	start_stale(&vtd, &(struct vtd_setup){ .version = 0x50 });
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* "Irrespective of the remapping hardware enable status" (VT-d 6.5.1). */
/* RTADDR is 0 after a reset (VT-d 11.4.5): legacy mode, whatever was latched before. */
static void a_reset_brings_legacy_mode_back(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_latch_root(&vtd, vtd.root_table | 1 << 10);
	assert_int_equal(vt_invalidate_context(&vtd, 1, 0, 0, 0), 0);
	iommusim_unit_reset(vtd.unit, false);
	assert_int_equal(vt_invalidate_context(&vtd, 1, 0, 0, 0), 1);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
	vt_stop(&vtd);
}

static void registers_work_while_translation_is_off(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	vt_command(&vtd, G_TE, false);
	assert_int_equal(vt_invalidate_iotlb(&vtd, 3, VTD_DOMAIN, 0x5000, 0), 3);
	vt_command(&vtd, G_TE, true);
	assert_false(is_stale(&vtd));
	vt_stop(&vtd);
}

/* ICC and IVT read 1 until the invalidation is done, and only then it is. */
static void an_invalidation_takes_its_latency(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 6 });
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 6);
	vt_set32(&vtd, R_GCMD, G_TE);
	iommusim_step(vtd.machine, 6);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_unmap(&vtd, 0x5000);

	vt_set64(&vtd, R_CCMD, BIT(63) | BIT(61));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(vt_get64(&vtd, R_CCMD), BIT(63) | BIT(61));
	assert_int_equal(vt_get64(&vtd, R_CCMD), BIT(61) | BIT(59));
	vt_set64(&vtd, R_IOTLB, BIT(63) | BIT(60));
	assert_int_equal(vt_get64(&vtd, R_IOTLB), BIT(63) | BIT(60));
	assert_true(is_stale(&vtd));
	iommusim_step(vtd.machine, 6);
	assert_false(is_stale(&vtd));
	assert_int_equal(vt_get64(&vtd, R_IOTLB), BIT(60) | BIT(57));
	vt_stop(&vtd);
}

/* The upper half carries the command; the lower half was written before (VT-d 11.2). */
static void commands_can_be_given_in_two_halves(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	vt_set32(&vtd, R_IVA, 0x5000);
	vt_set32(&vtd, R_IVA + 4, 0);
	vt_set32(&vtd, R_IOTLB, 0);
	vt_set32(&vtd, R_IOTLB + 4, 0xb0000000 | VTD_DOMAIN);
	assert_int_equal(vt_get64(&vtd, R_IOTLB) >> 57 & 3, 3);
	assert_false(is_stale(&vtd));
	vt_set32(&vtd, R_CCMD, (uint32_t)VTD_RID << 16 | VTD_DOMAIN);
	vt_set32(&vtd, R_CCMD + 4, 0xe0000000);
	assert_int_equal(vt_get64(&vtd, R_CCMD) >> 59 & 3, 3);
	assert_false(context_is_cached(&vtd));
	/* The half written last starts it; which domain it is about is in the other. */
	vt_access(vtd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_set32(&vtd, R_CCMD, VTD_DOMAIN);
	vt_set32(&vtd, R_CCMD + 4, 0xc0000000);
	assert_int_equal(vt_get64(&vtd, R_CCMD) >> 59 & 3, 2);
	assert_false(context_is_cached(&vtd));
	vt_stop(&vtd);
}

/* ICC and IVT start an invalidation (VT-d 11.4.6); the fields beside them start none. */
static void without_its_command_bit_a_write_invalidates_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_stale(&vtd, NULL);
	for (unsigned granularity = 1; granularity < 4; granularity++) {
		vt_set64(&vtd, R_IVA, 0x5000);
		vt_set64(&vtd, R_IOTLB, (uint64_t)granularity << 60 | (uint64_t)VTD_DOMAIN << 32);
		assert_int_equal(vt_get64(&vtd, R_IOTLB) >> 57 & 0x43, 0); /* IVT 0, IAIG 0 */
		vt_set64(
		    &vtd, R_CCMD, (uint64_t)granularity << 61 | (uint64_t)VTD_RID << 16 | VTD_DOMAIN);
		assert_int_equal(vt_get64(&vtd, R_CCMD) >> 59 & 0x13, 0); /* ICC 0, CAIG 0 */
	}
	assert_true(is_stale(&vtd));
	assert_true(context_is_cached(&vtd));
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_global_iotlb_invalidation_takes_everything),
		cmocka_unit_test(a_domain_invalidation_takes_that_domain_only),
		cmocka_unit_test(a_page_invalidation_takes_the_aligned_range_of_its_domain_only),
		cmocka_unit_test(a_large_page_goes_with_its_address_mask),
		cmocka_unit_test(a_global_context_invalidation_takes_every_context_entry),
		cmocka_unit_test(a_domain_context_invalidation_takes_that_domain_only),
		cmocka_unit_test(a_device_context_invalidation_follows_the_function_mask),
		cmocka_unit_test(domain_bits_beyond_the_supported_width_are_ignored),
		cmocka_unit_test(iotlb_invalidations_leave_the_context_cache_alone),
		cmocka_unit_test(context_invalidations_leave_the_iotlb_alone),
		cmocka_unit_test(the_invalidation_hint_spares_no_leaf),
		cmocka_unit_test(drain_bits_change_nothing_about_the_reach),
		cmocka_unit_test(every_address_mask_reaches_as_far_as_it_says),
		cmocka_unit_test(the_widest_address_mask_covers_every_address),
		cmocka_unit_test(address_bits_beyond_the_width_are_ignored),
		cmocka_unit_test(without_psi_a_page_invalidation_becomes_the_domain),
		cmocka_unit_test(an_address_mask_beyond_mamv_is_ignored),
		cmocka_unit_test(the_reserved_granularity_is_ignored),
		cmocka_unit_test(beside_the_queue_the_registers_do_nothing),
		cmocka_unit_test(outside_legacy_mode_the_registers_do_nothing),
		cmocka_unit_test(a_reset_brings_legacy_mode_back),
		cmocka_unit_test(from_version_6_on_the_registers_do_nothing),
		cmocka_unit_test(registers_work_while_translation_is_off),
		cmocka_unit_test(an_invalidation_takes_its_latency),
		cmocka_unit_test(commands_can_be_given_in_two_halves),
		cmocka_unit_test(without_its_command_bit_a_write_invalidates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
