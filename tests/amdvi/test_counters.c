/*
 * Performance counters (AMD-Vi 2.8, 3.4): their registers, what each source counts, for whom, and what
 * happens when one has reached its end. Exact numbers throughout.
 */
#include "interrupt_scene.h"

#define SOURCE 0x08u
#define PASID  0x10u
#define DOMAIN 0x18u
#define DEVICE 0x20u
#define REPORT 0x28u
#define CERE   BIT(63) /* of the report register */
#define CUSTOM BIT(31)
#define CLOCKS BIT(30)
#define EN     BIT(31)
#define FULL   UINT64_C(0xffffffffffff)

#define OTHER_RID 0x0428u

static const struct amd_setup counting = {
	.efr_set = F_PC | F_GAPPI, .counter_banks = 3, .counters = 5
};
static const struct amd_setup counting_uncached = {
	.efr_set = F_PC, .counter_banks = 1, .counters = 15, .settings.cache = IOMMUSIM_CACHE_NONE
};

static unsigned at(unsigned bank, unsigned counter)
{
	return 0x40000 + (bank << 12) + (counter << 8);
}

static uint64_t count(struct interrupt_scene *scene, unsigned bank, unsigned counter)
{
	return am_get64(&scene->amd, at(bank, counter));
}

/* Counter `n` of bank 0 counts source `first + n`, from 0. */
static void count_from(struct interrupt_scene *scene, unsigned first, unsigned counters)
{
	for (unsigned n = 0; n < counters; n++) {
		am_set64(&scene->amd, at(0, n), 0);
		am_set64(&scene->amd, at(0, n) + SOURCE, first + n);
	}
}

static void expect_counts(struct interrupt_scene *scene, const unsigned *expected, unsigned counters)
{
	for (unsigned n = 0; n < counters; n++)
		assert_int_equal(count(scene, 0, n), expected[n]);
}

static void dma(struct interrupt_scene *scene, enum iommusim_dma_kind kind, uint64_t address)
{
	(void)am_access(scene->amd.device, kind, address, 8);
}

/* ---- registers --------------------------------------------------------------------------------------------- */

static void each_counter_has_six_registers(void **state)
{
	static const uint64_t writable[] = { FULL, UINT64_C(0xc00000ff), UINT64_C(0x000fffff800fffff),
		UINT64_C(0x0000ffff8000ffff), UINT64_C(0x0000ffff8000ffff),
		UINT64_C(0x800fffffffffffff) };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	assert_int_equal(am_get64(&scene.amd, A_COUNTER_CONFIG), 3u << 12 | 5u << 7);
	for (unsigned offset = 0; offset < 0x100; offset += 8)
		am_set64(&scene.amd, at(2, 4) + offset, UINT64_MAX);
	for (unsigned offset = 0; offset < 0x100; offset += 8)
		assert_int_equal(
		    am_get64(&scene.amd, at(2, 4) + offset), offset < 0x30 ? writable[offset / 8] : 0);
	/* the others are others */
	assert_int_equal(count(&scene, 2, 3), 0);
	assert_int_equal(count(&scene, 1, 4), 0);
	is_stop(&scene);
}

static void counters_beyond_the_last_are_not_there(void **state)
{
	static const unsigned nowhere[][2] = { { 3, 0 }, { 0, 5 }, { 2, 15 }, { 63, 0 } };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	for (unsigned i = 0; i < 4; i++) {
		am_set64(&scene.amd, at(nowhere[i][0], nowhere[i][1]), 7);
		am_set64(&scene.amd, at(nowhere[i][0], nowhere[i][1]) + SOURCE, 0x11);
		assert_int_equal(count(&scene, nowhere[i][0], nowhere[i][1]), 0);
	}
	for (unsigned bank = 0; bank < 3; bank++)
		for (unsigned counter = 0; counter < 5; counter++)
			assert_int_equal(count(&scene, bank, counter), 0);
	is_stop(&scene);
}

/* As drivers do it: two doublewords, low first. */
static void halves_are_written_one_by_one(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	am_set32(&scene.amd, at(1, 2), 0x89abcdef);
	am_set32(&scene.amd, at(1, 2) + 4, 0xffff4567);
	assert_int_equal(count(&scene, 1, 2), UINT64_C(0x456789abcdef));
	assert_int_equal(am_get32(&scene.amd, at(1, 2)), 0x89abcdef);
	assert_int_equal(am_get32(&scene.amd, at(1, 2) + 4), 0x4567);
	am_set32(&scene.amd, at(1, 2), 0);
	assert_int_equal(count(&scene, 1, 2), UINT64_C(0x456700000000));
	is_stop(&scene);
}

static void a_reset_clears_them(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	am_set64(&scene.amd, at(1, 1), 5);
	am_set64(&scene.amd, at(1, 1) + SOURCE, 0x14);
	am_set64(&scene.amd, at(1, 1) + REPORT, 5);
	iommusim_unit_reset(scene.amd.unit, false);
	(void)am_get64(&scene.amd, 0x1ff8);
	for (unsigned offset = 0; offset < 0x30; offset += 8)
		assert_int_equal(am_get64(&scene.amd, at(1, 1) + offset), 0);
	is_stop(&scene);
}

static void a_unit_without_pcsup_has_none(void **state)
{
	struct interrupt_scene scene;
	uint64_t value;

	(void)state;
	is_start(&scene, NULL, 0);
	/* its registers end at 16 KiB */
	for (unsigned offset = 0x4000; offset < 0x80000; offset += 0x1000)
		assert_int_not_equal(
		    iommusim_mmio_read(scene.amd.machine, AMD_BASE + offset, 8, &value), IOMMUSIM_OK);
	is_stop(&scene);
}

/* ---- what is counted --------------------------------------------------------------------------------------- */

/* Sources 01h to 0Ch of 4 requests in a table of 4 levels, without caches. */
static void memory_requests_are_counted(void **state)
{
	static const unsigned translated[] = { 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 4, 3 * 4 + 1 };
	static const unsigned passed[] = { 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0 };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting_uncached, 0);
	am_map(&scene.amd, 0x123000, 0x5000, 3);
	count_from(&scene, 1, 12);
	dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	dma(&scene, IOMMUSIM_DMA_WRITE, 0x123ff8);
	dma(&scene, IOMMUSIM_DMA_READ, 0x123800);
	dma(&scene, IOMMUSIM_DMA_READ, UINT64_C(0x8000000000)); /* level 4 has nothing there: 1 read */
	expect_counts(&scene, translated, 12);
	/* V=0: nothing is translated */
	scene.dte[0] = 0;
	am_set_dte(&scene.amd, AMD_RID, scene.dte);
	count_from(&scene, 1, 12);
	dma(&scene, IOMMUSIM_DMA_READ, 0x6000);
	dma(&scene, IOMMUSIM_DMA_WRITE, 0x6000);
	expect_counts(&scene, passed, 12);
	is_stop(&scene);
}

/* Sources 06h to 0Ch, with caches that keep all. */
static void cache_hits_and_misses_are_counted(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &(struct amd_setup){ .efr_set = F_PC, .counter_banks = 1, .counters = 15 }, 0);
	am_map(&scene.amd, 0x123000, 0x5000, 3);
	am_map(&scene.amd, 0x124000, 0x7000, 3);
	count_from(&scene, 6, 7);
	for (unsigned i = 0; i < 3; i++)
		dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	/* PTE: 2 hits, 1 miss; PDE: 1 miss; DTE: 2 and 1; 4 reads */
	expect_counts(&scene, (const unsigned[]){ 2, 1, 0, 1, 2, 1, 4 }, 7);
	dma(&scene, IOMMUSIM_DMA_READ, 0x124000); /* the table of its level is known: 1 read */
	expect_counts(&scene, (const unsigned[]){ 2, 2, 1, 1, 3, 1, 5 }, 7);
	am_map(&scene.amd, 0x40123000, 0x8000, 3); /* what level 4 points at is known: 3 reads */
	dma(&scene, IOMMUSIM_DMA_READ, 0x40123000);
	expect_counts(&scene, (const unsigned[]){ 2, 3, 2, 1, 4, 1, 8 }, 7);
	is_stop(&scene);
}

/* Requesters keep translations to themselves only while nobody counts. */
static void no_request_is_missed_when_counting_begins(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	am_map(&scene.amd, 0x123000, 0x5000, 3);
	for (unsigned i = 0; i < 5; i++)
		dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	am_set64(&scene.amd, at(0, 0) + SOURCE, 5);
	for (unsigned i = 0; i < 7; i++)
		dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	assert_int_equal(count(&scene, 0, 0), 7);
	am_set64(&scene.amd, at(0, 0) + SOURCE, 0); /* it stops */
	dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	assert_int_equal(count(&scene, 0, 0), 7);
	is_stop(&scene);
}

/* Sources 0Fh and 10h: device table entries for interrupts; 15h, 16h: 128-bit entries by their mode. */
static void interrupts_are_counted(void **state)
{
	struct interrupt_scene scene;
	uint64_t page;

	(void)state;
	is_start(&scene, &counting, C_GA_EN | C_GAM_EN);
	page = am_page(&scene.amd);
	is_set_entry128(&scene, 0, E_REMAP | E_DEST(1), 0x31);
	is_set_entry128(&scene, 1, E_REMAP | E_GUEST, page | 0x31);
	count_from(&scene, 0x0f, 2);
	am_set64(&scene.amd, at(1, 0) + SOURCE, 0x15);
	am_set64(&scene.amd, at(1, 1) + SOURCE, 0x16);
	for (uint32_t data = 0; data < 3; data++) /* the last faults */
		(void)is_send(&scene, REQUEST, data);
	(void)is_send(&scene, REQUEST, 1);
	expect_counts(&scene, (const unsigned[]){ 3, 1 }, 2);
	assert_int_equal(count(&scene, 1, 0), 1);
	assert_int_equal(count(&scene, 1, 1), 2);
	am_invalidate_device(&scene.amd, AMD_RID);
	(void)is_send(&scene, REQUEST, 0);
	expect_counts(&scene, (const unsigned[]){ 3, 2 }, 2);
	is_stop(&scene);
}

/* 32-bit entries know no guests. */
static void entries_of_32_bits_count_for_neither(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	is_set_entry32(&scene, 0, E_REMAP);
	count_from(&scene, 0x15, 2);
	is_expect_sent(&scene, REQUEST, 0, 0xfee00000, 0x4000);
	expect_counts(&scene, (const unsigned[]){ 0, 0 }, 2);
	is_stop(&scene);
}

static void smis_are_counted(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	count_from(&scene, 0x17, 2);
	(void)is_send(&scene, REQUEST, 0x200);
	(void)is_send(&scene, REQUEST, 0x400); /* an NMI */
	expect_counts(&scene, (const unsigned[]){ 1, 0 }, 2);
	am_control(&scene.amd, C_SMIF_EN, 0);
	(void)is_send(&scene, REQUEST, 0x200);
	(void)is_send(&scene, REQUEST, 0x200);
	expect_counts(&scene, (const unsigned[]){ 3, 2 }, 2);
	is_stop(&scene);
}

/* Sources 11h to 13h. */
static void commands_are_counted(void **state)
{
	static const struct {
		uint64_t low, high;
		unsigned invalidates, translations;
	} rows[] = {
		{ UINT64_C(1) << 60, 0, 0, 0 },
		{ UINT64_C(2) << 60, 0, 1, 0 },
		{ UINT64_C(3) << 60, 0, 1, 1 },
		{ UINT64_C(4) << 60 | OTHER_RID, 0, 1, 0 },
		{ UINT64_C(5) << 60, 0, 1, 0 },
		{ UINT64_C(6) << 60, 0, 0, 0 },
		{ UINT64_C(7) << 60, 0, 0, 0 },
		{ UINT64_C(8) << 60, 0, 1, 1 },
	};
	struct interrupt_scene scene;
	unsigned expected[3] = { 0, 0, 0 };

	(void)state;
	is_start(&scene, &counting, C_INV_TIMEOUT_1);
	count_from(&scene, 0x11, 3);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		am_submit(&scene.amd, rows[i].low, rows[i].high);
		expected[0]++;
		expected[1] += rows[i].invalidates;
		expected[2] += rows[i].translations;
		expect_counts(&scene, expected, 3);
	}
	am_submit(&scene.amd, UINT64_C(0xb) << 60, 0); /* illegal: not carried out */
	expect_counts(&scene, expected, 3);
	is_stop(&scene);
}

/* It is looked at with each write of the tail; what was waited for in vain is counted when it is done. */
static void a_command_that_waits_is_counted_once(void **state)
{
	static const unsigned invalidation[] = { 1, 1, 0 }, all[] = { 4, 1, 0 };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	iommusim_requester_answers(scene.amd.device, false);
	count_from(&scene, 0x11, 3);
	am_submit(&scene.amd, UINT64_C(4) << 60 | AMD_RID, 0x1000);
	for (unsigned i = 0; i < 3; i++) {
		am_submit(&scene.amd, UINT64_C(1) << 60, 0);
		expect_counts(&scene, invalidation, 3);
	}
	am_control(&scene.amd, 0, C_CMD_BUF_EN);
	am_control(&scene.amd, C_CMD_BUF_EN, 0);
	expect_counts(&scene, all, 3);
	is_stop(&scene);
}

static void accesses_at_1ff8_are_counted(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	count_from(&scene, 0x14, 1);
	am_set64(&scene.amd, 0x1ff8, UINT64_MAX);
	assert_int_equal(am_get64(&scene.amd, 0x1ff8), 0);
	assert_int_equal(am_get32(&scene.amd, 0x1ffc), 0);
	(void)am_get64(&scene.amd, 0x1ff0);
	(void)am_get64(&scene.amd, A_CMD_HEAD);
	assert_int_equal(count(&scene, 0, 0), 3);
	is_stop(&scene);
}

static void sources_without_a_meaning_count_nothing(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	for (unsigned source = 0; source < 256; source++) {
		if (source >= 1 && source <= 0x18)
			continue;
		count_from(&scene, source, 1);
		(void)am_get64(&scene.amd, 0x1ff8);
		(void)is_send(&scene, REQUEST, 0x200);
		assert_int_equal(count(&scene, 0, 0), 0);
	}
	count_from(&scene, CLOCKS | 0x14, 1); /* clocks are not modelled */
	(void)am_get64(&scene.amd, 0x1ff8);
	assert_int_equal(count(&scene, 0, 0), 0);
	count_from(&scene, CUSTOM | 0x14, 1);
	(void)am_get64(&scene.amd, 0x1ff8);
	assert_int_equal(count(&scene, 0, 0), 0);
	is_stop(&scene);
}

/* ---- for whom ---------------------------------------------------------------------------------------------- */

static void a_device_match_compares_the_bits_of_its_mask(void **state)
{
	static const struct {
		uint64_t match;
		unsigned counted;
	} rows[] = {
		{ 0, 1 }, /* not enabled: everything */
		{ OTHER_RID | UINT64_C(0xffff) << 32, 1 },
		{ EN | AMD_RID | UINT64_C(0xffff) << 32, 1 },
		{ EN | OTHER_RID | UINT64_C(0xffff) << 32, 0 },
		{ EN | OTHER_RID, 1 }, /* no bit is compared */
		{ EN | (AMD_RID ^ 0x00ff) | UINT64_C(0xff00) << 32, 1 },
		{ EN | (AMD_RID ^ 0x0100) | UINT64_C(0xff00) << 32, 0 },
		{ EN | (AMD_RID ^ 0x8000) | UINT64_C(0x7fff) << 32, 1 },
	};
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		am_set64(&scene.amd, at(1, 3) + DEVICE, rows[i].match);
		am_set64(&scene.amd, at(1, 3), 0);
		am_set64(&scene.amd, at(1, 3) + SOURCE, 0x17);
		(void)is_send(&scene, REQUEST, 0x200);
		assert_int_equal(count(&scene, 1, 3), rows[i].counted);
	}
	is_stop(&scene);
}

static void a_domain_match_takes_events_of_a_domain(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	am_map(&scene.amd, 0x123000, 0x5000, 3);
	count_from(&scene, 5, 3);
	am_set64(&scene.amd, at(0, 0) + DOMAIN, EN | AMD_DOMAIN | UINT64_C(0xffff) << 32);
	am_set64(&scene.amd, at(0, 1) + SOURCE, 5);
	am_set64(&scene.amd, at(0, 1) + DOMAIN, EN | (AMD_DOMAIN ^ 1) | UINT64_C(0xffff) << 32);
	am_set64(&scene.amd, at(0, 2) + SOURCE, 0x14);
	am_set64(&scene.amd, at(0, 2) + DOMAIN, EN); /* has no domain at all */
	dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	(void)am_get64(&scene.amd, 0x1ff8);
	expect_counts(&scene, (const unsigned[]){ 1, 0, 0 }, 3);
	is_stop(&scene);
}

/* Commands are of no device: no device match lets them pass, not even one that compares no bit. */
static void what_has_no_device_matches_none(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	count_from(&scene, 0x11, 1);
	am_set64(&scene.amd, at(0, 0) + DEVICE, EN);
	am_submit(&scene.amd, UINT64_C(1) << 60, 0);
	assert_int_equal(count(&scene, 0, 0), 0);
	am_set64(&scene.amd, at(0, 0) + DEVICE, 0);
	am_submit(&scene.amd, UINT64_C(1) << 60, 0);
	assert_int_equal(count(&scene, 0, 0), 1);
	is_stop(&scene);
}

/* An interrupt has the domain of its device, if the device table entry says that there is one: V=1. */
static void a_domain_match_takes_interrupts_of_a_domain(void **state)
{
	static const struct {
		uint64_t match;
		bool valid;
		unsigned counted;
	} rows[] = {
		{ EN | AMD_DOMAIN | UINT64_C(0xffff) << 32, true, 1 },
		{ EN | (AMD_DOMAIN ^ 1) | UINT64_C(0xffff) << 32, true, 0 },
		{ EN | UINT64_C(0xffff) << 32, true, 0 },
		{ EN, true, 1 },
		{ EN | AMD_DOMAIN | UINT64_C(0xffff) << 32, false, 0 },
		{ EN, false, 0 },
		{ 0, false, 1 },
	};
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	is_set_entry32(&scene, 0, E_REMAP);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		scene.dte[0] = (scene.dte[0] & ~UINT64_C(1)) | rows[i].valid;
		is_set_dte(&scene, D2_IV | D2_LENGTH(IS_LENGTH) | D2_CTL(CTL_REMAP), 0);
		am_set64(&scene.amd, at(1, 3) + DOMAIN, rows[i].match);
		am_set64(&scene.amd, at(1, 3), 0);
		am_set64(&scene.amd, at(1, 3) + SOURCE, 0x10);
		(void)is_send(&scene, REQUEST, 0);
		assert_int_equal(count(&scene, 1, 3), rows[i].counted);
	}
	is_stop(&scene);
}

static void a_pasid_match_takes_requests_with_a_pasid(void **state)
{
	struct interrupt_scene scene;
	struct iommusim_dma_request request = {
		.address = 0x123000, .length = 8, .kind = IOMMUSIM_DMA_READ, .has_pasid = true
	};
	struct iommusim_dma_outcome outcome;

	(void)state;
	is_start(&scene, &counting, 0);
	am_map(&scene.amd, 0x123000, 0x5000, 3);
	count_from(&scene, 5, 1);
	am_set64(&scene.amd, at(0, 0) + PASID, EN | 0x54321 | UINT64_C(0xfffff) << 32);
	dma(&scene, IOMMUSIM_DMA_READ, 0x123000);
	assert_int_equal(count(&scene, 0, 0), 0);
	for (request.pasid = 0x54320; request.pasid < 0x54323; request.pasid++)
		assert_int_equal(
		    iommusim_dma(scene.amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(count(&scene, 0, 0), 1); /* that it is denied is another matter */
	is_stop(&scene);
}

/* ---- locks ------------------------------------------------------------------------------------------------- */

/* 4008h PASID, 4010h domain, 4018h device: a bit for each bank keeps those match registers as they are. */
static void a_locked_bank_keeps_its_match_registers(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &counting, 0);
	for (unsigned kind = 0; kind < 3; kind++) {
		const unsigned lock = 0x4008 + 8 * kind, match = PASID + 8 * kind;

		assert_int_equal(am_get64(&scene.amd, lock), 0);
		am_set64(&scene.amd, at(1, 2) + match, EN | 0x1234);
		am_set64(&scene.amd, lock, BIT(1) | BIT(63));
		assert_int_equal(am_get64(&scene.amd, lock), BIT(1) | BIT(63));
		for (unsigned bank = 0; bank < 3; bank++)
			for (unsigned offset = 0; offset < 0x30; offset += 8)
				am_set64(&scene.amd, at(bank, 2) + offset, 0x55);
		for (unsigned bank = 0; bank < 3; bank++)
			for (unsigned offset = 0; offset < 0x30; offset += 8)
				assert_int_equal(am_get64(&scene.amd, at(bank, 2) + offset),
				    bank == 1 && offset == match ? (EN | 0x1234) : 0x55);
		am_set64(&scene.amd, lock, 0);
		am_set64(&scene.amd, at(1, 2) + match, 0);
		assert_int_equal(am_get64(&scene.amd, at(1, 2) + match), 0);
	}
	am_set64(&scene.amd, 0x4010, 7);
	iommusim_unit_reset(scene.amd.unit, false);
	assert_int_equal(am_get64(&scene.amd, 0x4010), 0);
	is_stop(&scene);
}

/* ---- the end of a counter ---------------------------------------------------------------------------------- */

static void a_counter_that_becomes_zero_is_reported(void **state)
{
	struct interrupt_scene scene;
	uint64_t event[2];

	(void)state;
	is_start(&scene, &counting, 0);
	for (unsigned reports = 0; reports < 2; reports++) {
		am_set64(&scene.amd, at(2, 0), FULL - 1);
		am_set64(
		    &scene.amd, at(2, 0) + REPORT, UINT64_C(0xabcde12345678) | (reports ? CERE : 0));
		am_set64(&scene.amd, at(2, 0) + SOURCE, 0x14);
		(void)am_get64(&scene.amd, 0x1ff8);
		assert_int_equal(count(&scene, 2, 0), FULL);
		assert_int_equal(am_events(&scene.amd), 0);
		(void)am_get64(&scene.amd, 0x1ff8);
		assert_int_equal(count(&scene, 2, 0), 0);
		if (reports) {
			/* code Ah; the note's 51:32 in 83:64, its 31:0 in 127:96 */
			am_only_event(&scene.amd, event);
			assert_int_equal(event[0], UINT64_C(0xa) << 60);
			assert_int_equal(event[1], UINT64_C(0x12345678000abcde));
		}
		(void)am_get64(&scene.amd, 0x1ff8);
		assert_int_equal(count(&scene, 2, 0), 1);
		assert_int_equal(am_events(&scene.amd), 0);
	}
	is_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counter_has_six_registers),
		cmocka_unit_test(counters_beyond_the_last_are_not_there),
		cmocka_unit_test(halves_are_written_one_by_one),
		cmocka_unit_test(a_reset_clears_them),
		cmocka_unit_test(a_unit_without_pcsup_has_none),
		cmocka_unit_test(memory_requests_are_counted),
		cmocka_unit_test(cache_hits_and_misses_are_counted),
		cmocka_unit_test(no_request_is_missed_when_counting_begins),
		cmocka_unit_test(interrupts_are_counted),
		cmocka_unit_test(entries_of_32_bits_count_for_neither),
		cmocka_unit_test(smis_are_counted),
		cmocka_unit_test(commands_are_counted),
		cmocka_unit_test(a_command_that_waits_is_counted_once),
		cmocka_unit_test(accesses_at_1ff8_are_counted),
		cmocka_unit_test(sources_without_a_meaning_count_nothing),
		cmocka_unit_test(a_device_match_compares_the_bits_of_its_mask),
		cmocka_unit_test(a_domain_match_takes_events_of_a_domain),
		cmocka_unit_test(a_domain_match_takes_interrupts_of_a_domain),
		cmocka_unit_test(a_pasid_match_takes_requests_with_a_pasid),
		cmocka_unit_test(a_locked_bank_keeps_its_match_registers),
		cmocka_unit_test(a_counter_that_becomes_zero_is_reported),
		cmocka_unit_test(what_has_no_device_matches_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
