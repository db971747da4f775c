/*
 * Global commands (VT-d 11.4.4, 6.6, 6.8): level bits and one-shot bits of GCMD, what GSTS says, what a
 * latched root table changes, and the ticks a command takes.
 */
#include "vtd_fixture.h"

/* Advanced fault logging, of units before revision 4.0. */
#define CAP_AFL BIT(3)
#define G_SFL   0x20000000u

static const uint32_t set_when_done[] = { G_SRTP, G_SFL, G_SIRTP };

static void lone_srtp_turns_translation_and_the_queue_off(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	vt_set32(&vtd, R_GCMD, (vt_get32(&vtd, R_GSTS) & 0x96ffffff) | G_SIRTP);
	vt_command(&vtd, G_IRE, true);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE | G_SRTP | G_QIE | G_IRE | G_SIRTP);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP | G_SIRTP);
	assert_false(iommusim_unit_translating(vtd.unit));
	assert_int_equal(vt_output(&vtd, 0x5000), 0x5000); /* not translated any more */
	vt_stop(&vtd);
}

static void lone_te_turns_the_queue_off(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_latch_root(&vtd, vtd.root_table);
	vt_queue_start(&vtd, 16);
	vt_set32(&vtd, R_GCMD, G_TE);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE | G_SRTP);
	vt_stop(&vtd);
}

static void each_level_bit_goes_on_and_off_alone(void **state)
{
	static const uint32_t level_bits[] = { G_TE, G_QIE, G_IRE, G_CFI };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_latch_root(&vtd, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_SIRTP);
	for (size_t i = 0; i < sizeof(level_bits) / sizeof(*level_bits); i++) {
		const uint32_t before = vt_get32(&vtd, R_GSTS);

		vt_command(&vtd, level_bits[i], true);
		assert_int_equal(vt_get32(&vtd, R_GSTS), before | level_bits[i]);
	}
	for (size_t i = 0; i < sizeof(level_bits) / sizeof(*level_bits); i++) {
		const uint32_t before = vt_get32(&vtd, R_GSTS);

		vt_command(&vtd, level_bits[i], false);
		assert_int_equal(vt_get32(&vtd, R_GSTS), before & ~level_bits[i]);
	}
	vt_stop(&vtd);
}

static void one_shot_status_stays_when_the_bit_is_written_zero(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	vt_set32(&vtd, R_GCMD, G_SIRTP);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP | G_SIRTP);
	vt_set32(&vtd, R_GCMD, 0);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP | G_SIRTP);
	vt_stop(&vtd);
}

static void reserved_command_bits_change_nothing(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	for (unsigned bit = 0; bit < 30; bit++) {
		if ((UINT32_C(0x0f800000) >> bit & 1) != 0)
			continue; /* WBF to CFI */
		vt_set32(&vtd, R_GCMD, UINT32_C(1) << bit);
		assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	}
	vt_stop(&vtd);
}

/* Undefined without a latched table (VT-d 6.6, 6.7); the model keeps the function off. */
static void translation_and_remapping_stay_off_without_a_latched_table(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_TE);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_set32(&vtd, R_GCMD, G_IRE);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	vt_set32(&vtd, R_GCMD, G_TE | G_IRE);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE | G_SRTP);
	vt_stop(&vtd);
}

static void features_the_unit_lacks_cannot_be_enabled(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_DT });
	vt_set32(&vtd, R_GCMD, G_QIE | G_IRE | G_SIRTP | G_CFI | G_WBF);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_stop(&vtd);
}

/* Two root tables that differ in what they map 0x5000 to. */
static uint64_t make_second_root(struct vtd_fixture *vtd)
{
	const uint64_t first_table = vtd->page_table;
	const uint64_t root = vt_page(vtd), context = vt_page(vtd);

	vt_map(vtd, 0x5000, 0x100000, 3);
	vtd->page_table = vt_page(vtd);
	vt_map(vtd, 0x5000, 0x200000, 3);
	vt_store(vtd, root + (VTD_RID >> 8) * UINT64_C(16), context | 1);
	vt_store(vtd, context + (VTD_RID & 0xff) * UINT64_C(16), vtd->page_table | 1);
	vt_store(vtd, context + (VTD_RID & 0xff) * UINT64_C(16) + 8, VTD_DOMAIN << 8 | 2);
	vtd->page_table = first_table;
	return root;
}

static void a_new_root_table_address_waits_for_srtp(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct vtd_fixture vtd;
	uint64_t second;

	(void)state;
	vt_start_enabled(&vtd, &uncached);
	second = make_second_root(&vtd);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_set64(&vtd, R_RTADDR, second);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_set32(&vtd, R_GCMD, G_TE | G_SRTP);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_TE | G_SRTP);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x200000);
	vt_stop(&vtd);
}

static void a_command_without_srtp_latches_nothing(void **state)
{
	const struct vtd_setup uncached = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct vtd_fixture vtd;
	uint64_t second;

	(void)state;
	vt_start_enabled(&vtd, &uncached);
	second = make_second_root(&vtd);
	vt_set64(&vtd, R_RTADDR, second);
	vt_command(&vtd, G_QIE, true);
	vt_command(&vtd, G_CFI, true);
	vt_command(&vtd, G_TE, false);
	vt_command(&vtd, G_TE, true);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_stop(&vtd);
}

/* VT-d 6.6: with ESRTPS=0 software must invalidate after SRTP; with ESRTPS=1 the unit does. */
static void srtp_empties_the_caches_only_with_esrtps(void **state)
{
	struct vtd_fixture vtd;
	uint64_t second;

	(void)state;
	for (unsigned enhanced = 0; enhanced < 2; enhanced++) {
		vt_start_enabled(&vtd, &(struct vtd_setup){ .cap_set = enhanced ? CAP_ESRTPS : 0 });
		second = make_second_root(&vtd);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
		vt_latch_root(&vtd, second);
		assert_int_equal(vt_output(&vtd, 0x5000), enhanced ? 0x200000 : 0x100000);
		assert_int_equal(vt_invalidate_context(&vtd, 1, 0, 0, 0), 1);
		assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x200000);
		vt_stop(&vtd);
	}
}

/* VT-d 11.4.4.1, TE: units with scalable mode invalidate everything when translation is disabled. */
static void disabling_translation_empties_the_caches_only_with_scalable_mode(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned scalable = 0; scalable < 2; scalable++) {
		vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_set = scalable ? ECAP_SMTS : 0 });
		vt_map(&vtd, 0x5000, 0x100000, 3);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
		vt_map(&vtd, 0x5000, 0x200000, 3);
		vt_command(&vtd, G_TE, false);
		assert_int_equal(vt_output(&vtd, 0x5000), 0x5000);
		vt_command(&vtd, G_TE, true);
		assert_int_equal(vt_output(&vtd, 0x5000), scalable ? 0x200000 : 0x100000);
		vt_stop(&vtd);
	}
}

static void while_translation_is_off_dma_passes_and_records_nothing(void **state)
{
	struct vtd_fixture vtd;
	struct iommusim_dma_page page;

	(void)state;
	vt_start(&vtd, NULL);
	vt_latch_root(&vtd, vtd.root_table);
	page = vt_access(vtd.device, IOMMUSIM_DMA_WRITE, 0x345678, 8);
	assert_false(page.faulted);
	assert_false(page.translated);
	assert_int_equal(page.physical, 0x345678);
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	vt_stop(&vtd);
}

/* VT-d 6.8: WBFS is set while the flush is under way; without RWBF the bit means nothing. */
static void write_buffer_flush_is_reported_until_it_is_done(void **state)
{
	const struct vtd_setup slow = { .cap_set = CAP_RWBF, .settings.latency = 4 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &slow);
	vt_set32(&vtd, R_GCMD, G_WBF);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vt_get32(&vtd, R_GSTS), G_WBF);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_stop(&vtd);

	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 4 });
	vt_set32(&vtd, R_GCMD, G_WBF);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_stop(&vtd);
}

static void disabling_the_queue_resets_its_head(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	vt_queue_start(&vtd, 16);
	vt_submit(&vtd, 0x11, 0);
	vt_submit(&vtd, 0x11, 0);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0x20);
	vt_command(&vtd, G_QIE, false);
	assert_int_equal(vt_get64(&vtd, R_IQH), 0);
	vt_stop(&vtd);
}

/* RTPS is cleared by the request and set by its end, `latency` ticks later (VT-d 11.4.4.2). */
static void a_command_takes_its_latency_in_register_accesses(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 5 });
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	for (unsigned round = 0; round < 2; round++) {
		vt_set32(&vtd, R_GCMD, G_SRTP);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
		assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP);
	}
	vt_set32(&vtd, R_GCMD, G_TE);
	assert_false(iommusim_unit_translating(vtd.unit));
	iommusim_step(vtd.machine, 4);
	assert_false(iommusim_unit_translating(vtd.unit));
	iommusim_step(vtd.machine, 1);
	assert_true(iommusim_unit_translating(vtd.unit));
	vt_stop(&vtd);
}

/* Ticks pass with DMA too, but what falls due happens in an access or a step (clock.h). */
static void dma_lets_a_command_age_but_does_not_end_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 50 });
	vt_set32(&vtd, R_GCMD, G_SRTP);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(vt_output(&vtd, 0x1000), 0x1000);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP);
	vt_stop(&vtd);
}

static void a_reset_forgets_a_command_under_way(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 5 });
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_unit_reset(vtd.unit, false);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	vt_set32(&vtd, R_GCMD, G_CFI);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_CFI);
	vt_stop(&vtd);
}

/* What is under way at a reset does not end the next command early. */
static void a_command_after_a_reset_takes_its_whole_latency(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .settings.latency = 50 });
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 30);
	iommusim_unit_reset(vtd.unit, false);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 30);
	assert_int_equal(vt_get32(&vtd, R_GSTS), 0);
	iommusim_step(vtd.machine, 30);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP);
	vt_stop(&vtd);
}

/* Software should wait; when it does not, what it asked for once is not forgotten. */
static void a_one_shot_command_survives_the_next_one(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start(
	    &vtd, &(struct vtd_setup){ .cap_set = CAP_AFL, .revision = 0x302, .settings.latency = 5 });
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	vt_set32(&vtd, R_GCMD, G_SIRTP);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP | G_SIRTP);
	for (size_t i = 0; i < sizeof(set_when_done) / sizeof(*set_when_done); i++) {
		vt_set32(&vtd, R_GCMD, set_when_done[i]);
		vt_set32(&vtd, R_GCMD, 0);
		assert_int_equal(vt_get32(&vtd, R_GSTS) & set_when_done[i], 0);
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get32(&vtd, R_GSTS) & set_when_done[i], set_when_done[i]);
	}
	vt_stop(&vtd);
}

/* The status of a one-shot command says "not done" from the request to the end (VT-d 11.4.4.2). */
static void each_one_shot_status_follows_after_the_latency(void **state)
{
	const struct vtd_setup old = { .cap_set = CAP_AFL, .revision = 0x302, .settings.latency = 5 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &old);
	for (size_t i = 0; i < 2 * sizeof(set_when_done) / sizeof(*set_when_done); i++) {
		const uint32_t bit = set_when_done[i / 2]; /* the first time, and again */
		const uint32_t others = vt_get32(&vtd, R_GSTS) & ~bit;

		vt_set32(&vtd, R_GCMD, bit);
		for (unsigned tick = 0; tick < 4; tick++)
			assert_int_equal(vt_get32(&vtd, R_GSTS), others);
		assert_int_equal(vt_get32(&vtd, R_GSTS), others | bit);
	}
	vt_stop(&vtd);
}

/* Not one answer of before, wherever it is kept, outlives the command that changes the rule. */
static void what_was_answered_before_a_command_is_not_answered_after_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	/* without interrupt remapping, which every command looks after too */
	vt_start_enabled(&vtd, &(struct vtd_setup){ .ecap_clear = ECAP_IR | ECAP_EIM });
	vt_map(&vtd, 0x5000, 0x100000, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_set64(&vtd, R_RTADDR, vtd.root_table | 0x400); /* scalable mode, which the unit lacks */
	vt_set32(&vtd, R_GCMD, G_TE | G_SRTP);
	assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 0x30);
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_TE | G_SRTP);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_command(&vtd, G_TE, false);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x5000);
	vt_command(&vtd, G_TE, true);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x100000);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lone_srtp_turns_translation_and_the_queue_off),
		cmocka_unit_test(lone_te_turns_the_queue_off),
		cmocka_unit_test(each_level_bit_goes_on_and_off_alone),
		cmocka_unit_test(one_shot_status_stays_when_the_bit_is_written_zero),
		cmocka_unit_test(reserved_command_bits_change_nothing),
		cmocka_unit_test(translation_and_remapping_stay_off_without_a_latched_table),
		cmocka_unit_test(features_the_unit_lacks_cannot_be_enabled),
		cmocka_unit_test(a_new_root_table_address_waits_for_srtp),
		cmocka_unit_test(a_command_without_srtp_latches_nothing),
		cmocka_unit_test(srtp_empties_the_caches_only_with_esrtps),
		cmocka_unit_test(disabling_translation_empties_the_caches_only_with_scalable_mode),
		cmocka_unit_test(while_translation_is_off_dma_passes_and_records_nothing),
		cmocka_unit_test(write_buffer_flush_is_reported_until_it_is_done),
		cmocka_unit_test(disabling_the_queue_resets_its_head),
		cmocka_unit_test(a_command_takes_its_latency_in_register_accesses),
		cmocka_unit_test(dma_lets_a_command_age_but_does_not_end_it),
		cmocka_unit_test(a_reset_forgets_a_command_under_way),
		cmocka_unit_test(a_command_after_a_reset_takes_its_whole_latency),
		cmocka_unit_test(a_one_shot_command_survives_the_next_one),
		cmocka_unit_test(each_one_shot_status_follows_after_the_latency),
		cmocka_unit_test(what_was_answered_before_a_command_is_not_answered_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
