/*
 * First-stage translation (VT-d 3.6, 9.7): where walks of 4 and 5 levels end, who may do what there,
 * and what is no translation at all. Accessed and dirty flags, and single bits of entries, are
 * elsewhere.
 */
#include "scalable_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

/* Input addresses whose index differs at every level, in the lower and in the upper canonical half. */
#define LOW_4                                                                                          \
	(UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 | UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)
#define HIGH_4 (UINT64_C(0xffff800000000000) | LOW_4)
#define LOW_5  (UINT64_C(0x0a5) << 48 | LOW_4)
#define HIGH_5 (UINT64_C(0xff00000000000000) | LOW_5)

/* Bits of an entry: present, writable, user. */
#define P    UINT64_C(1)
#define RW   UINT64_C(2)
#define US   UINT64_C(4)
#define FULL UINT64_C(7)

struct stage {
	struct scalable sm;
	unsigned levels;
	uint64_t table;
};

/* SM_PASID and the PASID of requests without one are translated by the same empty table. */
static void start_with(struct stage *stage, unsigned levels, const struct vtd_setup *setup)
{
	sm_start(&stage->sm, setup);
	stage->levels = levels;
	stage->table = levels == 5 ? stage->sm.first5 : stage->sm.first;
	sm_first_stage(&stage->sm, SM_PASID, SM_DOMAIN, levels);
	sm_first_stage(&stage->sm, SM_NO_PASID, SM_DOMAIN, levels);
}

static void start(struct stage *stage, unsigned levels)
{
	start_with(stage, levels, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
}

static uint64_t at(struct stage *stage, uint64_t input, unsigned level)
{
	return sm_first_at(&stage->sm, stage->table, stage->levels, input, level);
}

static void map(struct stage *stage, uint64_t input, uint64_t output, uint64_t bits, unsigned level)
{
	sm_map_first(&stage->sm, stage->table, stage->levels, input, output, bits, level);
}

static uint64_t low(unsigned levels)
{
	return levels == 5 ? LOW_5 : LOW_4;
}

static uint64_t high(unsigned levels)
{
	return levels == 5 ? HIGH_5 : HIGH_4;
}

static unsigned reason(
    struct stage *stage, enum iommusim_dma_kind kind, uint64_t address, unsigned flags)
{
	return sm_reason(&stage->sm, kind, address, SM_PASID, flags);
}

static unsigned read_reason(struct stage *stage, uint64_t address)
{
	return reason(stage, IOMMUSIM_DMA_READ, address, 0);
}

/* Change bits of a quadword of a PASID-table entry; nothing of it is cached where this is used. */
static void change_entry(
    struct stage *stage, uint32_t pasid, unsigned quad, uint64_t clear, uint64_t set)
{
	const uint64_t entry_at = sm_entry_at(&stage->sm, pasid) + quad * UINT64_C(8);

	vt_store(&stage->sm.vtd, entry_at, (vt_load(&stage->sm.vtd, entry_at) & ~clear) | set);
}

static void ends_at(struct stage *stage, uint64_t input, uint64_t output, unsigned leaf)
{
	const struct iommusim_dma_page page =
	    sm_access(&stage->sm, IOMMUSIM_DMA_WRITE, input, 4, SM_PASID, 0);

	assert_int_equal(page.fault.reason, 0);
	assert_false(page.faulted);
	assert_true(page.translated);
	assert_false(page.cached);
	assert_int_equal(page.physical, output);
	assert_int_equal(page.page_shift, 12 + 9 * (leaf - 1));
	assert_int_equal(page.domain, SM_DOMAIN);
}

static void each_depth_and_page_size_ends_where_the_entries_say(void **state)
{
	static const uint64_t pages[] = { 0, 0x1234000, 0x1600000, 0x40000000 };
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			const uint64_t size = BIT(12 + 9 * (leaf - 1)), offset = size - 0x124;

			start(&stage, levels);
			map(&stage, low(levels) & ~(size - 1), pages[leaf], FULL, leaf);
			map(&stage, high(levels) & ~(size - 1), pages[leaf] ^ size, FULL, leaf);
			ends_at(
			    &stage, (low(levels) & ~(size - 1)) | offset, pages[leaf] | offset, leaf);
			ends_at(&stage, (high(levels) & ~(size - 1)) | offset,
			    (pages[leaf] ^ size) | offset, leaf);
			sm_stop(&stage.sm);
		}
	}
}

/* Tables laid out by hand, so that a wrong index at any level ends somewhere else. */
static void the_walk_takes_nine_bits_a_level(void **state)
{
	static const unsigned index[] = { 0, 0x0e1, 0x07e, 0x12f, 0x0c3, 0x0a5 };
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		uint64_t table;

		start(&stage, levels);
		table = stage.table;
		for (unsigned level = levels; level > 1; level--) {
			const uint64_t next = vt_page(&stage.sm.vtd);

			vt_store(&stage.sm.vtd, table + index[level] * UINT64_C(8), next | FULL);
			table = next;
		}
		vt_store(&stage.sm.vtd, table + index[1] * UINT64_C(8), 0xabc000 | FULL);
		ends_at(&stage, low(levels) | 0x678, 0xabc678, 1);
		assert_int_equal(read_reason(&stage, low(levels) ^ 0x1000), 0x71);
		sm_stop(&stage.sm);
	}
}

/* SGN.1: bits 63:N are what bit N-1 is, N being 48 or 57. */
static void addresses_that_are_not_canonical_are_reason_80(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		const unsigned n = levels == 5 ? 57 : 48;
		const uint64_t last = BIT(n - 1) - 0x1000, first = ~(BIT(n - 1) - 1);

		start(&stage, levels);
		map(&stage, last, 0x5000, FULL, 1);
		map(&stage, first, 0x6000, FULL, 1);
		map(&stage, 0, 0x7000, FULL, 1);
		map(&stage, ~UINT64_C(0xfff), 0x8000, FULL, 1);
		ends_at(&stage, last | 0xff8, 0x5ff8, 1);
		ends_at(&stage, first, 0x6000, 1);
		ends_at(&stage, 0, 0x7000, 1);
		ends_at(&stage, UINT64_C(0xfffffffffffffff8), 0x8ff8, 1);
		assert_int_equal(read_reason(&stage, BIT(n - 1)), 0x80);
		assert_int_equal(read_reason(&stage, first - 8), 0x80);
		for (unsigned bit = n - 1; bit < 64; bit++) {
			assert_int_equal(read_reason(&stage, BIT(bit)), 0x80);
			assert_int_equal(read_reason(&stage, ~UINT64_C(0xfff) ^ BIT(bit)), 0x80);
			assert_int_equal(
			    reason(&stage, IOMMUSIM_DMA_WRITE, last | BIT(bit), SM_PRIVILEGED), 0x80);
		}
		assert_int_equal(
		    sm_access(&stage.sm, IOMMUSIM_DMA_READ, BIT(n), 8, SM_PASID, 0).fault.class_,
		    IOMMUSIM_FAULT_ADDRESS_WIDTH);
		sm_stop(&stage.sm);
	}
}

/* With 4 levels an address of 57 bits is none, whatever the unit could do. */
static void the_paging_mode_says_how_wide_addresses_are(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0, 0x5000, FULL, 1);
	sm_first_stage(&stage.sm, SM_NO_PASID, SM_DOMAIN, 5);
	sm_map_first(&stage.sm, stage.sm.first5, 5, BIT(47), 0x6000, FULL, 1);
	assert_int_equal(read_reason(&stage, BIT(47)), 0x80);
	assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_READ, BIT(47), SM_NO_PASID, 0), 0);
	sm_stop(&stage.sm);
}

/* SGN.5 is about second-stage-only translation: here MGAW is software's concern (3.6). */
static void the_guest_address_width_is_no_limit(void **state)
{
	const struct vtd_setup narrow = { .cap_clear = CAP_MGAW,
		.cap_set = UINT64_C(38) << 16,
		.settings.cache = IOMMUSIM_CACHE_NONE };
	struct stage stage;

	(void)state;
	start_with(&stage, 4, &narrow);
	map(&stage, BIT(40), 0x5000, FULL, 1);
	map(&stage, ~UINT64_C(0xfff), 0x6000, FULL, 1);
	ends_at(&stage, BIT(40), 0x5000, 1);
	ends_at(&stage, ~UINT64_C(0xfff), 0x6000, 1);
	sm_stop(&stage.sm);
}

/* SFS.4: the top entry; SFS.1: the ones below. */
static void tables_without_memory_are_reason_73_and_70(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		struct iommusim_dma_page page;

		start(&stage, levels);
		change_entry(&stage, SM_PASID, 2, UINT64_C(0xfffffffffffff000), HOLE);
		page = sm_access(&stage.sm, IOMMUSIM_DMA_READ, low(levels), 8, SM_PASID, 0);
		assert_int_equal(page.fault.reason, 0x73);
		assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_TABLE_ACCESS);
		assert_int_equal(reason(&stage, IOMMUSIM_DMA_WRITE, low(levels), SM_PRIVILEGED), 0x73);
		sm_stop(&stage.sm);
		for (unsigned level = 2; level <= levels; level++) {
			start(&stage, levels);
			vt_store(&stage.sm.vtd, at(&stage, low(levels), level), HOLE | FULL);
			page = sm_access(&stage.sm, IOMMUSIM_DMA_READ, low(levels), 8, SM_PASID, 0);
			assert_int_equal(page.fault.reason, 0x70);
			assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_TABLE_ACCESS);
			assert_int_equal(
			    reason(&stage, IOMMUSIM_DMA_ATOMIC, low(levels), SM_PRIVILEGED), 0x70);
			sm_stop(&stage.sm);
		}
	}
}

/* SFS.2: P=0, whatever else the entry holds, for everyone. */
static void entries_that_are_not_present_are_reason_71(void **state)
{
	static const uint64_t contents[] = { 0, ~UINT64_C(1), 0x5006, BIT(51), 0x80, 0xfff6 };
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		start(&stage, levels);
		map(&stage, low(levels), 0x5000, FULL, 1);
		for (unsigned level = 1; level <= levels; level++) {
			const uint64_t entry_at = at(&stage, low(levels), level);
			const uint64_t before = vt_load(&stage.sm.vtd, entry_at);

			for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
				vt_store(&stage.sm.vtd, entry_at, contents[i]);
				assert_int_equal(read_reason(&stage, low(levels)), 0x71);
				assert_int_equal(
				    reason(&stage, IOMMUSIM_DMA_WRITE, low(levels), 0), 0x71);
				assert_int_equal(
				    reason(&stage, IOMMUSIM_DMA_ATOMIC, low(levels), SM_PRIVILEGED),
				    0x71);
				assert_int_equal(vt_load(&stage.sm.vtd, entry_at), contents[i]);
			}
			vt_store(&stage.sm.vtd, entry_at, before);
		}
		assert_int_equal(read_reason(&stage, low(levels)), 0);
		sm_stop(&stage.sm);
	}
}

static void a_reserved_bit_is_reason_72_at_each_level(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		start(&stage, levels);
		map(&stage, low(levels), 0x5000, FULL, 1);
		for (unsigned level = 1; level <= levels; level++) {
			const uint64_t entry_at = at(&stage, low(levels), level);
			const uint64_t before = vt_load(&stage.sm.vtd, entry_at);
			struct iommusim_dma_page page;

			vt_store(&stage.sm.vtd, entry_at, before | BIT(VTD_HAW));
			page = sm_access(&stage.sm, IOMMUSIM_DMA_READ, low(levels), 8, SM_PASID, 0);
			assert_int_equal(page.fault.reason, 0x72);
			assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_BAD_ENTRY);
			vt_store(&stage.sm.vtd, entry_at, before);
		}
		sm_stop(&stage.sm);
	}
}

/* 3.6.1. User writes that lack both may be told either. `all` has the bits that every entry has. */
static void assert_rights(struct stage *stage, uint64_t all, bool write_protect)
{
	static const enum iommusim_dma_kind writes[] = { IOMMUSIM_DMA_WRITE, IOMMUSIM_DMA_ATOMIC };
	const bool write = (all & RW) != 0, user = (all & US) != 0;

	assert_int_equal(read_reason(stage, LOW_5), user ? 0 : 0x81);
	assert_int_equal(reason(stage, IOMMUSIM_DMA_READ, LOW_5, SM_PRIVILEGED), 0);
	for (unsigned i = 0; i < 2; i++) {
		const unsigned got = reason(stage, writes[i], LOW_5, 0);

		if (!user && !write)
			assert_true(got == 0x81 || got == 0x85);
		else
			assert_int_equal(got, !user ? 0x81 : write ? 0 : 0x85);
		assert_int_equal(
		    reason(stage, writes[i], LOW_5, SM_PRIVILEGED), write || !write_protect ? 0 : 0x85);
	}
}

/* Every combination of R/W and U/S over five levels, with and without WPE. */
static void rights_are_anded_over_all_levels(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 5);
	map(&stage, LOW_5, 0x5000, FULL, 1);
	for (unsigned combination = 0; combination < 1 << 10; combination++) {
		uint64_t all = RW | US;

		for (unsigned level = 1; level <= 5; level++) {
			const uint64_t own = (combination >> 2 * (level - 1) & 3) << 1;
			const uint64_t entry_at = at(&stage, LOW_5, level);

			vt_store(&stage.sm.vtd, entry_at,
			    (vt_load(&stage.sm.vtd, entry_at) & ~(RW | US)) | own);
			all &= own;
		}
		change_entry(&stage, SM_PASID, 2, SM_WPE, 0);
		assert_rights(&stage, all, false);
		change_entry(&stage, SM_PASID, 2, 0, SM_WPE);
		assert_rights(&stage, all, true);
	}
	sm_stop(&stage.sm);
}

static void the_rights_of_large_pages_are_their_own(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned leaf = 2; leaf <= 3; leaf++) {
		for (unsigned bits = 0; bits < 4; bits++) {
			start(&stage, 5);
			vt_store(&stage.sm.vtd, at(&stage, LOW_5, leaf), P | bits << 1 | 0x80);
			assert_rights(&stage, bits << 1, false);
			change_entry(&stage, SM_PASID, 2, 0, SM_WPE);
			assert_rights(&stage, bits << 1, true);
			sm_stop(&stage.sm);
		}
	}
}

static void missing_rights_are_permission_faults(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x4000, 0x5000, P | RW, 1);
	map(&stage, 0x6000, 0x7000, P | US, 1);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x4000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, 0x6000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_PERMISSION);
	assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x8000, 8, SM_PASID, 0).fault.class_,
	    IOMMUSIM_FAULT_NOT_PRESENT);
	sm_stop(&stage.sm);
}

/* There is no read right: a zero-length read meets nothing but U/S, with or without CAP.ZLR. */
static void zero_length_reads_are_reads(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned zlr = 0; zlr < 2; zlr++) {
		start_with(&stage, 4,
		    &(struct vtd_setup){
			.cap_clear = zlr ? 0 : CAP_ZLR, .settings.cache = IOMMUSIM_CACHE_NONE });
		map(&stage, 0x4000, 0x5000, P | RW, 1);
		map(&stage, 0x6000, 0x7000, P | US, 1);
		for (unsigned i = 0; i < 2; i++) {
			const unsigned flags = i == 0 ? 0 : SM_PRIVILEGED;

			assert_int_equal(
			    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x4000, 0, SM_PASID, flags)
				.fault.reason,
			    i == 0 ? 0x81 : 0);
			assert_int_equal(
			    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x6000, 0, SM_PASID, flags)
				.fault.reason,
			    0);
			assert_int_equal(
			    sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x8000, 0, SM_PASID, flags)
				.fault.reason,
			    0x71);
		}
		sm_stop(&stage.sm);
	}
}

/* RID_PRIV is bit 20 of the second quadword of a context entry (9.4). */
static void set_rid_priv(struct stage *stage, bool privileged)
{
	const uint64_t context_at = sm_context_at(&stage->sm, VTD_RID) + 8;

	vt_store(&stage->sm.vtd, context_at,
	    (vt_load(&stage->sm.vtd, context_at) & ~BIT(20)) | (privileged ? BIT(20) : 0));
}

static unsigned without_pasid(struct stage *stage, enum iommusim_dma_kind kind, uint64_t address)
{
	return sm_reason(&stage->sm, kind, address, SM_NO_PASID, 0);
}

/* Requests without PASID take their privilege from the context entry, and only they do. */
static void the_context_entry_says_how_privileged_a_request_without_pasid_is(void **state)
{
	struct stage stage;

	(void)state;
	start_with(&stage, 4,
	    &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS, .settings.cache = IOMMUSIM_CACHE_NONE });
	map(&stage, 0x4000, 0x5000, P | RW, 1);
	map(&stage, 0x6000, 0x7000, P, 1);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_READ, 0x4000), 0x81);
	set_rid_priv(&stage, true);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_READ, 0x4000), 0);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_WRITE, 0x4000), 0);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_WRITE, 0x6000), 0);
	change_entry(&stage, SM_NO_PASID, 2, 0, SM_WPE);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_WRITE, 0x4000), 0);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_WRITE, 0x6000), 0x85);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_READ, 0x6000), 0);
	assert_int_equal(reason(&stage, IOMMUSIM_DMA_READ, 0x4000, 0), 0x81);
	assert_int_equal(reason(&stage, IOMMUSIM_DMA_READ, 0x4000, SM_PRIVILEGED), 0);
	set_rid_priv(&stage, false);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_READ, 0x4000), 0x81);
	sm_stop(&stage.sm);
}

/* SPT.6: in entries of every type, for whoever asks for privilege. */
static void supervisors_need_sre(void **state)
{
	static void (*const make[])(
	    struct scalable *, uint32_t, uint16_t) = { sm_second_stage, sm_pass_through };
	static const uint32_t pasids[] = { SM_PASID, SM_NO_PASID };
	struct stage stage;

	(void)state;
	start_with(&stage, 4,
	    &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS, .settings.cache = IOMMUSIM_CACHE_NONE });
	map(&stage, 0x4000, 0x5000, FULL, 1);
	sm_map_second(&stage.sm, stage.sm.second, 4, 0x4000, 0x5000, 3, 1);
	sm_map_second(&stage.sm, stage.sm.second, 4, 0x5000, 0x5000, 3, 1);
	for (unsigned type = 0; type < 4; type++) {
		for (unsigned i = 0; i < 2; i++) {
			const unsigned asks = pasids[i] == SM_PASID ? SM_PRIVILEGED : 0;

			if (type == 0)
				sm_first_stage(&stage.sm, pasids[i], SM_DOMAIN, 4);
			else if (type == 1)
				sm_nested(&stage.sm, pasids[i], SM_DOMAIN, 4);
			else
				make[type - 2](&stage.sm, pasids[i], SM_DOMAIN);
			set_rid_priv(&stage, true);
			assert_int_equal(
			    sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0x4000, pasids[i], asks), 0);
			change_entry(&stage, pasids[i], 2, SM_SRE, 0);
			assert_int_equal(
			    sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0x4000, pasids[i], asks), 0x5d);
			assert_int_equal(
			    sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, 0x4000, pasids[i], asks), 0x5d);
			set_rid_priv(&stage, false);
			assert_int_equal(
			    sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0x4000, pasids[i], 0), 0);
		}
	}
	sm_stop(&stage.sm);
}

/* VT-d 3.15: with a PASID an address in FEEx_xxxx is one like any other. */
static void requests_with_pasid_to_the_interrupt_range_are_translated(void **state)
{
	static const struct {
		enum iommusim_dma_kind kind;
		unsigned length;
	} rows[] = { { IOMMUSIM_DMA_WRITE, 4 }, { IOMMUSIM_DMA_WRITE, 8 }, { IOMMUSIM_DMA_READ, 0 },
		{ IOMMUSIM_DMA_READ, 4 }, { IOMMUSIM_DMA_READ, 64 }, { IOMMUSIM_DMA_ATOMIC, 8 } };
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0xfee00000, 0x5000, FULL, 1);
	map(&stage, 0xfeeff000, 0x6000, FULL, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_dma_page page =
		    sm_access(&stage.sm, rows[i].kind, 0xfee00040, rows[i].length, SM_PASID, 0);

		assert_false(page.faulted || page.interrupt);
		assert_int_equal(page.physical, 0x5040);
		page = sm_access(&stage.sm, rows[i].kind, 0xfeefff40, rows[i].length, SM_PASID, 0);
		assert_false(page.faulted || page.interrupt);
		assert_int_equal(page.physical, 0x6f40);
	}
	assert_int_equal(read_reason(&stage, 0xfee01000), 0x71);
	sm_stop(&stage.sm);
}

static void requests_without_pasid_to_the_interrupt_range_are_interrupts(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0xfee00000, 0x5000, FULL, 1);
	assert_true(sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, 0xfee00000, 4, SM_NO_PASID, 0).interrupt);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_READ, 0xfee00000), 0x29);
	assert_int_equal(without_pasid(&stage, IOMMUSIM_DMA_WRITE, 0xfee00000), 0x29);
	sm_stop(&stage.sm);
}

/* SGN.8: no translation may end in FEEx_xxxx; the pages around it are ordinary. */
static void translations_into_the_interrupt_range_are_reason_87(void **state)
{
	static const struct {
		uint64_t output;
		unsigned reason;
	} rows[] = { { 0xfedff000, 0 }, { 0xfee00000, 0x87 }, { 0xfee01000, 0x87 },
		{ 0xfeeff000, 0x87 }, { 0xfef00000, 0 }, { 0x1fee00000, 0 }, { 0xee00000, 0 } };
	static const uint32_t pasids[] = { SM_PASID, SM_NO_PASID };
	struct stage stage;

	(void)state;
	start(&stage, 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		map(&stage, 0x5000, rows[i].output, FULL, 1);
		for (unsigned j = 0; j < 2; j++) {
			assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_READ, 0x5000, pasids[j], 0),
			    rows[i].reason);
			assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, 0x5ff8, pasids[j], 0),
			    rows[i].reason);
			assert_int_equal(
			    sm_access(&stage.sm, IOMMUSIM_DMA_WRITE, 0x5000, 4, pasids[j], 0)
				.fault.reason,
			    rows[i].reason); /* its length does not make it an interrupt */
		}
	}
	sm_stop(&stage.sm);
}

/* The access is judged, not the page around it. Cached or not. */
static void a_large_page_across_the_interrupt_range_faults_inside_it_only(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_HOARD };
	struct stage stage;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start_with(&stage, 5, &(struct vtd_setup){ .settings.cache = policies[i] });
		map(&stage, 0x40000000, 0xc0000000, FULL, 3);
		for (unsigned time = 0; time < 2; time++) {
			assert_int_equal(read_reason(&stage, 0x40000000), 0);
			assert_int_equal(read_reason(&stage, 0x7edffff8), 0);
			assert_int_equal(read_reason(&stage, 0x7ee00000), 0x87);
			assert_int_equal(
			    reason(&stage, IOMMUSIM_DMA_WRITE, 0x7eeffff8, SM_PRIVILEGED), 0x87);
			assert_int_equal(read_reason(&stage, 0x7ef00000), 0);
		}
		sm_stop(&stage.sm);
	}
}

/* The first stage knows nothing of AW and SSPTPTR (9.6), nor of SSADE. */
static void fields_of_the_other_stage_are_ignored(void **state)
{
	struct stage stage;

	(void)state;
	start(&stage, 4);
	map(&stage, 0x4000, 0x5000, FULL, 1);
	change_entry(&stage, SM_PASID, 0, 0, HOLE | SM_AW(7) | SM_SSADE);
	ends_at(&stage, 0x4000, 0x5000, 1);
	change_entry(&stage, SM_PASID, 0, SM_AW(7), 0);
	ends_at(&stage, 0x4000, 0x5000, 1);
	sm_stop(&stage.sm);
}

static void data_moves_to_and_from_the_translated_page(void **state)
{
	struct iommusim_dma_request request = {
		.address = HIGH_4 | 0x10, .length = 6, .has_pasid = true, .pasid = SM_PASID
	};
	struct iommusim_dma_outcome outcome;
	struct stage stage;
	char text[8] = "hello";

	(void)state;
	start(&stage, 4);
	map(&stage, HIGH_4, 0x9000, FULL, 1);
	request.kind = IOMMUSIM_DMA_WRITE;
	request.data = text;
	assert_int_equal(iommusim_dma(stage.sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 6);
	memset(text, 0, sizeof(text));
	assert_int_equal(iommusim_memory_read(stage.sm.vtd.machine, 0x9010, text, 6), IOMMUSIM_OK);
	assert_string_equal(text, "hello");
	request.kind = IOMMUSIM_DMA_READ;
	request.address = HIGH_4 | 0x11;
	assert_int_equal(iommusim_dma(stage.sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_string_equal(text, "ello");
	sm_stop(&stage.sm);
}

/*
 * VT-d 3.10: page walks are snooped with SMPWCS and PWSNP, whatever ECAP.C says; else a store is seen
 * when it was written back. The entries have A and D set already, as they must have without snooping.
 */
static void unflushed_entries_show_when_walks_are_snooped(void **state)
{
	const struct vtd_setup setup = {
		.device_view = true, .ecap_clear = ECAP_C, .settings.cache = IOMMUSIM_CACHE_NONE
	};
	const uint64_t entry = 0x7000 | 0x60 | FULL;
	struct stage stage;

	(void)state;
	for (unsigned snoop = 0; snoop < 2; snoop++) {
		uint64_t entry_at;

		start_with(&stage, 4, &setup);
		map(&stage, 0x4000, 0x6000, 0x60 | FULL, 1);
		for (unsigned level = 2; level <= 4; level++) {
			entry_at = at(&stage, 0x4000, level);
			vt_store(&stage.sm.vtd, entry_at, vt_load(&stage.sm.vtd, entry_at) | 0x20);
		}
		change_entry(&stage, SM_PASID, 1, snoop ? 0 : SM_PWSNP, 0);
		entry_at = at(&stage, 0x4000, 1);
		assert_int_equal(
		    iommusim_memory_write(stage.sm.vtd.machine, entry_at, &entry, 8), IOMMUSIM_OK);
		ends_at(&stage, 0x4000, snoop ? 0x7000 : 0x6000, 1);
		assert_int_equal(iommusim_memory_flush(stage.sm.vtd.machine, entry_at, 8), IOMMUSIM_OK);
		ends_at(&stage, 0x4000, 0x7000, 1);
		sm_stop(&stage.sm);
	}
}

/*
 * A table that points at itself at every level: the walk ends after as many entries as there are
 * levels.
 */
static void a_table_that_points_at_itself_ends_the_walk(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		start(&stage, levels);
		vt_store(&stage.sm.vtd, stage.table, stage.table | FULL);
		assert_int_equal(read_reason(&stage, 0x18), 0);
		assert_int_equal(sm_access(&stage.sm, IOMMUSIM_DMA_READ, 0x18, 8, SM_PASID, 0).physical,
		    stage.table + 0x18);
		sm_stop(&stage.sm);
	}
}

/*
 * Where a missing write right faults is the unit's choice (unit.h): at the leaf, or at the entry that lacks
 * it, before bits further down are looked at. At level 3 R/W is missing; level 2 has a reserved bit, 51.
 */
static void a_missing_write_right_may_fault_where_it_is_missing(void **state)
{
	(void)state;
	for (unsigned early = 0; early < 2; early++) {
		const unsigned late = 0x72;
		struct stage stage;

		start_with(&stage, 4,
		    &(struct vtd_setup){ .choices = { .rights_at_each_level = early != 0 },
			.settings.cache = IOMMUSIM_CACHE_NONE });
		map(&stage, LOW_4, 0x1234000, FULL, 1);
		vt_store(&stage.sm.vtd, at(&stage, LOW_4, 3),
		    vt_load(&stage.sm.vtd, at(&stage, LOW_4, 3)) & ~RW);
		vt_store(&stage.sm.vtd, at(&stage, LOW_4, 2),
		    vt_load(&stage.sm.vtd, at(&stage, LOW_4, 2)) | BIT(51));
		assert_int_equal(sm_reason(&stage.sm, IOMMUSIM_DMA_READ, LOW_4, SM_PASID, 0), late);
		assert_int_equal(
		    sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, LOW_4, SM_PASID, 0), early ? 0x85 : late);
		/* A supervisor may write it, unless WPE says that it may not. */
		assert_int_equal(
		    sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, LOW_4, SM_PASID, SM_PRIVILEGED), late);
		change_entry(&stage, SM_PASID, 2, 0, SM_WPE);
		assert_int_equal(
		    sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, LOW_4, SM_PASID, SM_PRIVILEGED),
		    early ? 0x85 : late);
		assert_int_equal(
		    sm_reason(&stage.sm, IOMMUSIM_DMA_WRITE, LOW_4, SM_PASID, 0), early ? 0x85 : late);
		sm_stop(&stage.sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_depth_and_page_size_ends_where_the_entries_say),
		cmocka_unit_test(the_walk_takes_nine_bits_a_level),
		cmocka_unit_test(addresses_that_are_not_canonical_are_reason_80),
		cmocka_unit_test(the_paging_mode_says_how_wide_addresses_are),
		cmocka_unit_test(the_guest_address_width_is_no_limit),
		cmocka_unit_test(tables_without_memory_are_reason_73_and_70),
		cmocka_unit_test(entries_that_are_not_present_are_reason_71),
		cmocka_unit_test(a_reserved_bit_is_reason_72_at_each_level),
		cmocka_unit_test(rights_are_anded_over_all_levels),
		cmocka_unit_test(the_rights_of_large_pages_are_their_own),
		cmocka_unit_test(missing_rights_are_permission_faults),
		cmocka_unit_test(a_missing_write_right_may_fault_where_it_is_missing),
		cmocka_unit_test(zero_length_reads_are_reads),
		cmocka_unit_test(the_context_entry_says_how_privileged_a_request_without_pasid_is),
		cmocka_unit_test(supervisors_need_sre),
		cmocka_unit_test(requests_with_pasid_to_the_interrupt_range_are_translated),
		cmocka_unit_test(requests_without_pasid_to_the_interrupt_range_are_interrupts),
		cmocka_unit_test(translations_into_the_interrupt_range_are_reason_87),
		cmocka_unit_test(a_large_page_across_the_interrupt_range_faults_inside_it_only),
		cmocka_unit_test(fields_of_the_other_stage_are_ignored),
		cmocka_unit_test(data_moves_to_and_from_the_translated_page),
		cmocka_unit_test(unflushed_entries_show_when_walks_are_snooped),
		cmocka_unit_test(a_table_that_points_at_itself_ends_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
