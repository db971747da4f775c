/*
 * Translation requests in scalable mode (VT-d 4.2.3, Tables 10 and 30): the fields of the answer for
 * each translation type, and what each condition met in the paging entries is told. What the structures
 * before them answer, and which flags are set, stands elsewhere.
 */
#include "scalable_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */
#define ROM  UINT64_C(0x20000000) /* memory that units cannot write */

#define READ_RIGHT  1
#define WRITE_RIGHT 2

#define INPUT  UINT64_C(0x5000)
#define OUTPUT UINT64_C(0x3007000)
#define MIDDLE UINT64_C(0x1234000) /* guest-physical, of nested translations */

/* Bits of first-stage entries. */
#define P    UINT64_C(1)
#define RW   UINT64_C(2)
#define US   UINT64_C(4)
#define FULL UINT64_C(7)

#define ASK      SM_TRANSLATION_REQUEST
#define ASK_READ (SM_TRANSLATION_REQUEST | SM_NO_WRITE)

enum type { FIRST, SECOND, NESTED, PASS_THROUGH, TYPES };

/* The entry of a PASID: 4 levels of each stage, in the tables of the fixture. */
static void make(struct scalable *sm, enum type type, uint32_t pasid)
{
	static void (*const makers[])(struct scalable *, uint32_t,
	    uint16_t) = { [SECOND] = sm_second_stage, [PASS_THROUGH] = sm_pass_through };

	if (type == FIRST)
		sm_first_stage(sm, pasid, SM_DOMAIN, 4);
	else if (type == NESTED)
		sm_nested(sm, pasid, SM_DOMAIN, 4);
	else
		makers[type](sm, pasid, SM_DOMAIN);
}

/* INPUT leads to OUTPUT in every type but the last, for whoever asks. */
static void start_with(struct scalable *sm, enum type type, const struct vtd_setup *setup)
{
	sm_start_uncached(sm, setup);
	make(sm, type, SM_PASID);
	make(sm, type, SM_NO_PASID);
	sm_map_first(sm, sm->first, 4, INPUT, type == FIRST ? OUTPUT : MIDDLE, FULL, 1);
	sm_map_second(sm, sm->second, 4, type == SECOND ? INPUT : MIDDLE, OUTPUT, 3, 1);
}

static void start(struct scalable *sm, enum type type)
{
	start_with(sm, type, NULL);
}

static void set_bits(struct scalable *sm, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

static void change_entry(struct scalable *sm, unsigned quad, uint64_t clear, uint64_t set)
{
	set_bits(sm, sm_entry_at(sm, SM_PASID) + quad * UINT64_C(8), clear, set);
	set_bits(sm, sm_entry_at(sm, SM_NO_PASID) + quad * UINT64_C(8), clear, set);
}

static struct iommusim_dma_page ask_at(
    struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags)
{
	return sm_access(sm, IOMMUSIM_DMA_READ, address, 8, pasid, flags);
}

/* An answer with these rights; without any, the device has learnt nothing else. */
static struct iommusim_dma_page granted(
    struct scalable *sm, uint32_t pasid, unsigned flags, unsigned rights)
{
	const struct iommusim_dma_page page = ask_at(sm, INPUT, pasid, flags);

	assert_true(page.answered);
	assert_false(page.faulted);
	assert_false(page.untranslated_only);
	assert_int_equal(page.granted, rights);
	assert_int_equal(page.privileged, pasid != SM_NO_PASID && (flags & SM_PRIVILEGED) != 0);
	assert_int_equal(vt_records(&sm->vtd), 0);
	return page;
}

/* ---- rights ------------------------------------------------------------------------------------ */

/* 3.6.1: users and supervisors, R/W and U/S, WPE. */
static void the_first_stage_grants_what_it_allows(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, FIRST);
	for (unsigned bits = 0; bits < 8; bits++) {
		const bool user = (bits & 2) != 0, write = (bits & 1) != 0, protect = (bits & 4) != 0;
		const unsigned supervisors = READ_RIGHT | (write || !protect ? WRITE_RIGHT : 0);
		const unsigned users = !user ? 0 : READ_RIGHT | (write ? WRITE_RIGHT : 0);

		change_entry(&sm, 2, SM_WPE, protect ? SM_WPE : 0);
		sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, P | (bits & 3) << 1, 1);
		granted(&sm, SM_PASID, ASK, users);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, supervisors);
		granted(&sm, SM_NO_PASID, ASK, users);
	}
	sm_stop(&sm);
}

static void rights_missing_above_the_page_are_missing(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		start(&sm, FIRST);
		set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, level), RW, 0);
		granted(&sm, SM_PASID, ASK, READ_RIGHT);
		set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, level), US, RW);
		granted(&sm, SM_PASID, ASK, 0);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, READ_RIGHT | WRITE_RIGHT);
		sm_stop(&sm);
		start(&sm, SECOND);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, INPUT, level), 2, 0);
		granted(&sm, SM_PASID, ASK, READ_RIGHT);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, INPUT, level), 3, 2);
		granted(&sm, SM_PASID, ASK, WRITE_RIGHT);
		sm_stop(&sm);
	}
}

static void the_second_stage_grants_what_it_allows(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SECOND);
	for (unsigned rights = 0; rights < 4; rights++) {
		sm_map_second(&sm, sm.second, 4, INPUT, OUTPUT, rights, 1);
		granted(&sm, SM_PASID, ASK, rights);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, rights);
		granted(&sm, SM_NO_PASID, ASK, rights);
	}
	sm_stop(&sm);
}

static void nested_translation_grants_what_both_stages_allow(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NESTED);
	for (unsigned bits = 0; bits < 16; bits++) {
		const unsigned second = bits >> 2;
		const unsigned first = (bits & 1) != 0 ? READ_RIGHT | WRITE_RIGHT : READ_RIGHT;

		sm_map_first(&sm, sm.first, 4, INPUT, MIDDLE, P | (bits & 3) << 1, 1);
		sm_map_second(&sm, sm.second, 4, MIDDLE, OUTPUT, second, 1);
		granted(&sm, SM_PASID, ASK, (bits & 2) != 0 ? first & second : 0);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, second);
	}
	sm_stop(&sm);
}

static void pass_through_grants_everything(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, PASS_THROUGH);
	for (uint64_t address = INPUT; address < BIT(VTD_HAW); address <<= 1) {
		struct iommusim_dma_page page;

		if (address >> 20 == 0xfee)
			continue;
		page = ask_at(&sm, address, SM_PASID, ASK);
		assert_true(page.answered);
		assert_int_equal(page.granted, READ_RIGHT | WRITE_RIGHT);
		assert_int_equal(page.physical, address);
		assert_true(page.page_shift >= 12 && page.page_shift < VTD_HAW);
	}
	granted(&sm, SM_NO_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
	granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, READ_RIGHT | WRITE_RIGHT);
	sm_stop(&sm);
}

/* SGN.4.2: what is a fault of an untranslated request is Success without rights. */
static void pass_through_grants_nothing_beyond_the_host_address_width(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, PASS_THROUGH);
	for (unsigned bit = VTD_HAW; bit < 64; bit++) {
		const struct iommusim_dma_page page = ask_at(&sm, BIT(bit), SM_PASID, ASK);

		assert_true(page.answered);
		assert_int_equal(page.granted, 0);
	}
	assert_int_equal(vt_records(&sm.vtd), 0);
	for (unsigned bit = VTD_HAW; bit < 64; bit++)
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, BIT(bit), SM_PASID, 0), 0x83);
	sm_stop(&sm);
}

/* As large a page as there is, but never one that interrupts go to. */
static void pass_through_hands_out_pages_beside_the_interrupt_range(void **state)
{
	static const struct {
		uint64_t address;
		uint64_t shift;
	} pages[] = { { 0x40000000, 30 }, { 0xc0000000, 21 }, { 0xfec00000, 21 }, { 0xfedff000, 21 },
		{ 0xfef00000, 12 }, { 0xfefff000, 12 }, { 0xff000000, 21 } };
	struct scalable sm;

	(void)state;
	start(&sm, PASS_THROUGH);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		const struct iommusim_dma_page page = ask_at(&sm, pages[i].address, SM_PASID, ASK);
		const uint64_t size = BIT(page.page_shift), first = page.physical & ~(size - 1);

		assert_true(page.answered);
		assert_int_equal(page.granted, READ_RIGHT | WRITE_RIGHT);
		assert_int_equal(page.physical, pages[i].address);
		assert_int_equal(page.page_shift, pages[i].shift);
		assert_true(first + (size - 1) < 0xfee00000 || first > 0xfeefffff);
	}
	sm_stop(&sm);
}

/* NW on units with NWFS: W is 0; on others nothing changes (4.2.3). */
static void who_wants_to_read_only_is_granted_that_only(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < TYPES; type++) {
		start_with(&sm, (enum type)type, &(struct vtd_setup){ .ecap_set = ECAP_NWFS });
		granted(&sm, SM_PASID, ASK_READ, READ_RIGHT);
		granted(&sm, SM_NO_PASID, ASK_READ, READ_RIGHT);
		granted(&sm, SM_PASID, ASK_READ | SM_PRIVILEGED, READ_RIGHT);
		granted(&sm, SM_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
		sm_stop(&sm);
		start(&sm, (enum type)type);
		granted(&sm, SM_PASID, ASK_READ, READ_RIGHT | WRITE_RIGHT);
		sm_stop(&sm);
	}
	start_with(&sm, SECOND, &(struct vtd_setup){ .ecap_set = ECAP_NWFS });
	sm_map_second(&sm, sm.second, 4, INPUT, OUTPUT, 2, 1);
	granted(&sm, SM_PASID, ASK_READ, 0);
	granted(&sm, SM_PASID, ASK, WRITE_RIGHT);
	sm_stop(&sm);
}

/* ---- privilege --------------------------------------------------------------------------------- */

/* PR=1 with SRE=0, or on units without SRS: no rights, PRIV=1, and no fault (4.2.3, SPT.6). */
static void supervisors_without_sre_are_granted_nothing(void **state)
{
	const struct vtd_setup without = { .ecap_clear = ECAP_SRS };
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < TYPES; type++) {
		start(&sm, (enum type)type);
		change_entry(&sm, 2, SM_SRE, 0);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, 0);
		granted(&sm, SM_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
		sm_stop(&sm);
		start_with(&sm, (enum type)type, &without);
		granted(&sm, SM_PASID, ASK | SM_PRIVILEGED, 0);
		granted(&sm, SM_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
		sm_stop(&sm);
	}
}

/* RID_PRIV (bit 20 of a context entry's second quadword): a supervisor's rights, but PRIV stays 0. */
static void privilege_from_the_context_entry_does_not_show(void **state)
{
	struct scalable sm;

	(void)state;
	start_with(&sm, FIRST, &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS });
	sm_map_first(&sm, sm.first, 4, INPUT, OUTPUT, P, 1);
	granted(&sm, SM_NO_PASID, ASK, 0);
	set_bits(&sm, sm_context_at(&sm, VTD_RID) + 8, 0, BIT(20));
	granted(&sm, SM_NO_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
	granted(&sm, SM_PASID, ASK, 0);
	change_entry(&sm, 2, SM_SRE, 0);
	granted(&sm, SM_NO_PASID, ASK, 0);
	sm_stop(&sm);
}

/* ---- size and address -------------------------------------------------------------------------- */

static void the_answer_has_the_size_of_the_page(void **state)
{
	static const uint64_t pages[] = { 0, OUTPUT, 0x1600000, 0x40000000 };
	struct scalable sm;

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		const unsigned shift = 12 + 9 * (leaf - 1);
		const uint64_t input = UINT64_C(0x80000000) | ((BIT(shift) - 1) & ~UINT64_C(0xfff));
		struct iommusim_dma_page page;

		start(&sm, FIRST);
		sm_map_first(&sm, sm.first, 4, input, pages[leaf], FULL, leaf);
		page = ask_at(&sm, input, SM_PASID, ASK);
		assert_int_equal(page.granted, READ_RIGHT | WRITE_RIGHT);
		assert_int_equal(page.page_shift, shift);
		assert_int_equal(page.physical, pages[leaf] | (input & (BIT(shift) - 1)));
		sm_stop(&sm);
		start(&sm, SECOND);
		sm_map_second(&sm, sm.second, 4, input, pages[leaf], 3, leaf);
		page = ask_at(&sm, input, SM_PASID, ASK);
		assert_int_equal(page.page_shift, shift);
		assert_int_equal(page.physical, pages[leaf] | (input & (BIT(shift) - 1)));
		sm_stop(&sm);
	}
}

static void a_nested_answer_has_the_size_of_the_smaller_page(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		for (unsigned second = 1; second <= 3; second++) {
			struct iommusim_dma_page page;

			start(&sm, NESTED);
			sm_map_first(&sm, sm.first, 4, 0x80000000, 0x40000000, FULL, leaf);
			sm_map_second(&sm, sm.second, 4, 0x40000000, 0, 3, second);
			page = ask_at(&sm, 0x80000000, SM_PASID, ASK);
			assert_int_equal(page.granted, READ_RIGHT | WRITE_RIGHT);
			assert_int_equal(
			    page.page_shift, 12 + 9 * ((leaf < second ? leaf : second) - 1));
			assert_int_equal(page.physical, 0);
			sm_stop(&sm);
		}
	}
}

static void no_data_moves(void **state)
{
	uint64_t data = 0x55;
	const struct iommusim_dma_request request = { .address = INPUT,
		.length = 8,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.has_pasid = true,
		.pasid = SM_PASID,
		.data = &data };
	struct iommusim_dma_outcome outcome;
	struct scalable sm;

	(void)state;
	start(&sm, NESTED);
	vt_store(&sm.vtd, OUTPUT, 0x1234);
	assert_int_equal(iommusim_dma(sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(data, 0x55);
	sm_stop(&sm);
}

/* ---- the N bit --------------------------------------------------------------------------------- */

/* Table 10: PGSNP; with a second stage SNP (11) of its leaf too. */
static void n_says_that_accesses_are_snooped(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < TYPES; type++) {
		const uint64_t leaf_input = type == SECOND ? INPUT : MIDDLE;

		start(&sm, (enum type)type);
		assert_false(granted(&sm, SM_PASID, ASK, 3).non_snooped);
		change_entry(&sm, 1, 0, SM_PGSNP);
		assert_true(granted(&sm, SM_PASID, ASK, 3).non_snooped);
		assert_true(granted(&sm, SM_NO_PASID, ASK, 3).non_snooped);
		change_entry(&sm, 1, SM_PGSNP, 0);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, leaf_input, 1), 0, BIT(11));
		assert_int_equal(
		    granted(&sm, SM_PASID, ASK, 3).non_snooped, type == SECOND || type == NESTED);
		assert_int_equal(
		    granted(&sm, SM_NO_PASID, ASK, 3).non_snooped, type == SECOND || type == NESTED);
		sm_stop(&sm);
	}
}

/* Of a large page too, and of a first-stage table's page never. */
static void n_comes_from_the_leaf_behind_the_page(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NESTED);
	for (unsigned level = 1; level <= 4; level++) {
		const uint64_t table = sm_first_at(&sm, sm.first, 4, INPUT, level);

		set_bits(&sm, sm_second_at(&sm, sm.second, 4, table, 1), 0, BIT(11));
	}
	assert_false(granted(&sm, SM_PASID, ASK, 3).non_snooped);
	sm_map_first(&sm, sm.first, 4, INPUT, 0x40000000, FULL, 1);
	sm_map_second(&sm, sm.second, 4, 0x40000000, 0, BIT(11) | 3, 3);
	assert_true(granted(&sm, SM_PASID, ASK, 3).non_snooped);
	sm_stop(&sm);
	start(&sm, SECOND);
	sm_map_second(&sm, sm.second, 4, 0x40000000, 0, BIT(11) | 3, 2);
	assert_true(ask_at(&sm, 0x40000000, SM_PASID, ASK).non_snooped);
	sm_stop(&sm);
}

/* ---- caches ------------------------------------------------------------------------------------ */

/* One of 16 answers for a type: page snoop in either place, privilege, and what was asked before. */
static struct iommusim_dma_page answer_with(
    enum type type, unsigned what, enum iommusim_cache_policy policy)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_NWFS, .settings.cache = policy };
	const unsigned flags = (what & 4) != 0 ? SM_PRIVILEGED : 0;
	struct iommusim_dma_page page;
	struct scalable sm;

	sm_start(&sm, &setup);
	make(&sm, type, SM_PASID);
	make(&sm, type, SM_NO_PASID);
	if ((what & 1) != 0)
		change_entry(&sm, 1, 0, SM_PGSNP);
	sm_map_first(&sm, sm.first, 4, INPUT, type == FIRST ? OUTPUT : MIDDLE, P | US, 1);
	sm_map_second(&sm, sm.second, 4, type == SECOND ? INPUT : MIDDLE, OUTPUT,
	    3 | ((what & 2) != 0 ? BIT(11) : 0), 1);
	assert_int_equal(
	    sm_reason(&sm, IOMMUSIM_DMA_READ, INPUT, SM_PASID, (what & 8) != 0 ? flags : flags | ASK),
	    0);
	page = ask_at(&sm, INPUT, SM_PASID, flags | ASK);
	sm_stop(&sm);
	return page;
}

/* An answer out of a cache says what one out of the tables says. */
static void cached_answers_say_the_same(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TYPES * 16; i++) {
		const struct iommusim_dma_page plain = answer_with(
						   (enum type)(i / 16), i % 16, IOMMUSIM_CACHE_NONE),
					       cached = answer_with(
						   (enum type)(i / 16), i % 16, IOMMUSIM_CACHE_HOARD);

		assert_true(plain.answered && cached.answered);
		assert_false(plain.faulted || cached.faulted);
		assert_int_equal(cached.granted, plain.granted);
		assert_int_equal(cached.physical, plain.physical);
		assert_int_equal(cached.page_shift, plain.page_shift);
		assert_int_equal(cached.non_snooped, plain.non_snooped);
		assert_int_equal(cached.privileged, plain.privileged);
		assert_int_equal(cached.untranslated_only, plain.untranslated_only);
		assert_int_equal(cached.domain, plain.domain);
	}
}

/* ---- the interrupt range ----------------------------------------------------------------------- */

/* S.1, S.2: without a PASID FEEx_xxxx may be written to, untranslated; nothing for who only reads. */
static void the_interrupt_range_is_answered_without_tables(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned i = 0; i < 2 * TYPES; i++) {
		const bool nwfs = i >= TYPES;
		struct iommusim_dma_page page;

		start_with(&sm, (enum type)(i % TYPES),
		    &(struct vtd_setup){ .ecap_set = nwfs ? ECAP_NWFS : 0 });
		for (uint64_t address = 0xfee00000; address <= 0xfeeff000; address += 0xff000) {
			page = ask_at(&sm, address, SM_NO_PASID, ASK);
			assert_true(page.answered && page.untranslated_only);
			assert_false(page.faulted);
			assert_int_equal(page.granted, WRITE_RIGHT);
			page = ask_at(&sm, address, SM_NO_PASID, ASK_READ);
			assert_true(page.answered);
			assert_int_equal(page.untranslated_only, !nwfs);
			assert_int_equal(page.granted, nwfs ? 0 : WRITE_RIGHT);
		}
		assert_int_equal(vt_records(&sm.vtd), 0);
		sm_stop(&sm);
	}
}

/* 4.2.3: with a PASID it is translated like any other address; pass-through gives nothing usable. */
static void with_a_pasid_the_interrupt_range_is_translated(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < PASS_THROUGH; type++) {
		start(&sm, (enum type)type);
		sm_map_first(&sm, sm.first, 4, 0xfee00000, type == FIRST ? OUTPUT : MIDDLE, FULL, 1);
		if (type == SECOND)
			sm_map_second(&sm, sm.second, 4, 0xfee00000, OUTPUT, 3, 1);
		page = ask_at(&sm, 0xfee00000, SM_PASID, ASK);
		assert_true(page.answered);
		assert_false(page.untranslated_only);
		assert_int_equal(page.granted, READ_RIGHT | WRITE_RIGHT);
		assert_int_equal(page.physical, OUTPUT);
		page = ask_at(&sm, 0xfee01000, SM_PASID, ASK);
		assert_true(page.answered);
		assert_int_equal(page.granted, 0);
		sm_stop(&sm);
	}
	start(&sm, PASS_THROUGH);
	page = ask_at(&sm, 0xfee00000, SM_PASID, ASK);
	assert_true(page.faulted || page.granted == 0);
	sm_stop(&sm);
}

static void is_aborted(struct scalable *sm, uint64_t address, unsigned reason)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.has_pasid = true,
		.pasid = SM_PASID };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(sm->vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.faulted && !outcome.page.answered);
	assert_int_equal(outcome.page.fault.reason, reason);
	assert_true(outcome.page.fault.aborts && outcome.page.fault.recorded);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_COMPLETER_ABORT);
	assert_int_equal(vt_records(&sm->vtd), 1);
	vt_clear_record(&sm->vtd, outcome.page.fault.index);
}

/* SGN.8.2: the whole range that would be handed out counts. */
static void no_page_over_the_interrupt_range_is_handed_out(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned type = 0; type < 2; type++) {
		start(&sm, (enum type)type);
		sm_map_first(&sm, sm.first, 4, 0x40000000, 0xc0000000, FULL, 3);
		sm_map_second(&sm, sm.second, 4, 0x40000000, 0xc0000000, 3, 3);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_READ, 0x40000000, SM_PASID, 0), 0);
		is_aborted(&sm, 0x40000000, 0x87);
		sm_map_first(&sm, sm.first, 4, 0x80000000, 0xfec00000, FULL, 2);
		sm_map_second(&sm, sm.second, 4, 0x80000000, 0xfec00000, 3, 2);
		assert_true(ask_at(&sm, 0x801ff000, SM_PASID, ASK).answered);
		sm_map_first(&sm, sm.first, 4, 0x80000000, 0xfee00000, FULL, 2);
		sm_map_second(&sm, sm.second, 4, 0x80000000, 0xfee00000, 3, 2);
		is_aborted(&sm, 0x801ff000, 0x87);
		sm_map_first(&sm, sm.first, 4, INPUT, 0xfeeff000, FULL, 1);
		sm_map_second(&sm, sm.second, 4, INPUT, 0xfeeff000, 3, 1);
		is_aborted(&sm, INPUT, 0x87);
		sm_stop(&sm);
	}
}

/* What is handed out of a nested translation is the smaller of both pages. */
static void a_nested_range_is_judged_by_what_is_handed_out(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, NESTED);
	sm_map_first(&sm, sm.first, 4, 0x40000000, UINT64_C(0x440000000), FULL, 3);
	sm_map_second(&sm, sm.second, 4, UINT64_C(0x440000000), 0xc0000000, 3, 3);
	is_aborted(&sm, 0x40000000, 0x87);
	sm_map_first(&sm, sm.first, 4, 0x80000000, UINT64_C(0x440000000), FULL, 1);
	assert_true(ask_at(&sm, 0x80000000, SM_PASID, ASK).answered);
	sm_map_first(&sm, sm.first, 4, 0x80000000, UINT64_C(0x47ee01000), FULL, 1);
	is_aborted(&sm, 0x80000000, 0x87);
	sm_map_first(&sm, sm.first, 4, 0xfee00000, MIDDLE, FULL, 1);
	assert_int_equal(ask_at(&sm, 0xfee00000, SM_PASID, ASK).physical, OUTPUT);
	sm_stop(&sm);
}

/* ---- conditions in paging entries -------------------------------------------------------------- */

/* Success without any right, and nothing recorded. */
static void is_granted_nothing(struct scalable *sm, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.has_pasid = true,
		.pasid = SM_PASID };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(sm->vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.answered);
	assert_false(outcome.page.faulted || outcome.page.untranslated_only);
	assert_int_equal(outcome.page.granted, 0);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_int_equal(vt_records(&sm->vtd), 0);
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS), 0);
}

/* The untranslated request comes to `reason`, the translation request to an answer without rights. */
static void first_stage_condition(struct scalable *sm, uint64_t address, unsigned reason)
{
	change_entry(sm, 0, 0, SM_FPD); /* of the untranslated request nothing is kept */
	assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, address, SM_PASID, 0), reason);
	change_entry(sm, 0, SM_FPD, 0);
	is_granted_nothing(sm, address);
}

/* 70h to 73h, 80h, 81h. */
static void conditions_of_the_first_stage_are_answers_without_rights(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		uint64_t entry_at;

		start(&sm, FIRST);
		entry_at = sm_first_at(&sm, sm.first, 4, INPUT, level);
		set_bits(&sm, entry_at, P, 0);
		first_stage_condition(&sm, INPUT, 0x71);
		set_bits(&sm, entry_at, 0, P | BIT(51));
		first_stage_condition(&sm, INPUT, 0x72);
		set_bits(&sm, entry_at, BIT(51) | US, 0);
		first_stage_condition(&sm, INPUT, 0x81);
		if (level > 1) {
			vt_store(&sm.vtd, entry_at, HOLE | FULL);
			first_stage_condition(&sm, INPUT, 0x70);
		}
		sm_stop(&sm);
	}
	start(&sm, FIRST);
	first_stage_condition(&sm, BIT(47), 0x80);
	change_entry(&sm, 2, UINT64_C(0xfffffffff000), HOLE);
	first_stage_condition(&sm, INPUT, 0x73);
	sm_stop(&sm);
}

/* 74h to 77h, and 79h wherever it is met. */
static void conditions_of_nesting_are_answers_without_rights(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		uint64_t table;

		start(&sm, NESTED);
		table = sm_first_at(&sm, sm.first, 4, INPUT, level);
		change_entry(
		    &sm, 0, SM_AW(7), SM_AW(1)); /* three levels: of the same tables, one down */
		change_entry(&sm, 0, UINT64_C(0xfffffffff000),
		    vt_load(&sm.vtd, sm.second) & UINT64_C(0xffffffffff000));
		set_bits(&sm, table, 0, BIT(39));
		first_stage_condition(&sm, INPUT, 0x74);
		sm_stop(&sm);
		start(&sm, NESTED);
		table = sm_first_at(&sm, sm.first, 4, INPUT, level);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, table, 1), 1, 0);
		first_stage_condition(&sm, INPUT, level == 4 ? 0x75 : 0x76);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, table, 1), 2, 1);
		first_stage_condition(&sm, INPUT, 0x77);
		set_bits(&sm, sm_second_at(&sm, sm.second, 4, table, 1), 3, 0);
		first_stage_condition(&sm, INPUT, 0x79);
		sm_stop(&sm);
	}
	start(&sm, NESTED);
	sm_map_second(&sm, sm.second, 4, MIDDLE, OUTPUT, 0, 1);
	first_stage_condition(&sm, INPUT, 0x79);
	sm_stop(&sm);
}

/* 79h, 84h. */
static void absence_in_the_second_stage_is_an_answer_without_rights(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, SECOND);
	first_stage_condition(&sm, BIT(48), 0x84);
	first_stage_condition(&sm, BIT(63), 0x84);
	for (unsigned level = 1; level <= 4; level++) {
		const uint64_t entry_at = sm_second_at(&sm, sm.second, 4, INPUT, level);

		set_bits(&sm, entry_at, 3, 0);
		first_stage_condition(&sm, INPUT, 0x79);
		set_bits(&sm, entry_at, 0, 3);
	}
	sm_stop(&sm);
}

/* 90h: as a read and write, or as a read, the request wants flags that cannot be set. */
static void flags_that_are_missing_unsnooped_are_an_answer_without_rights(void **state)
{
	struct scalable sm;

	(void)state;
	start(&sm, FIRST);
	change_entry(&sm, 1, SM_PWSNP, 0);
	first_stage_condition(&sm, INPUT, 0x90);
	for (unsigned level = 1; level <= 4; level++)
		set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, level), 0, 0x20);
	is_granted_nothing(&sm, INPUT); /* D is wanted too */
	set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, 1), 0, 0x40);
	granted(&sm, SM_PASID, ASK, READ_RIGHT | WRITE_RIGHT);
	set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, 1), 0x40 | RW, 0);
	granted(&sm, SM_PASID, ASK, READ_RIGHT);
	sm_stop(&sm);
	start_with(&sm, FIRST, &(struct vtd_setup){ .ecap_set = ECAP_NWFS });
	change_entry(&sm, 1, SM_PWSNP, 0);
	for (unsigned level = 1; level <= 4; level++)
		set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, level), 0, 0x20);
	is_granted_nothing(&sm, INPUT);
	granted(&sm, SM_PASID, ASK_READ, READ_RIGHT);
	sm_stop(&sm);
}

/* 91h is both: an answer without rights, and a fault that is recorded (SFS.10). */
static void flags_that_cannot_be_written_are_recorded_beside_the_answer(void **state)
{
	struct iommusim_dma_page page;
	uint64_t record[2];
	struct scalable sm;

	(void)state;
	start(&sm, FIRST);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	set_bits(&sm, sm_first_at(&sm, sm.first, 4, INPUT, 2), UINT64_C(0xfffffffff000), ROM);
	vt_store(&sm.vtd, ROM + INPUT / 0x1000 * 8, OUTPUT | FULL);
	page = ask_at(&sm, INPUT, SM_PASID, ASK);
	assert_true(page.answered);
	assert_int_equal(page.granted, 0);
	assert_int_equal(vt_records(&sm.vtd), 1);
	vt_record(&sm.vtd, 0, record);
	assert_int_equal(record[0], INPUT);
	/* F, read, AT 01b, PASID, 91h, PP, requester */
	assert_int_equal(record[1],
	    BIT(63) | BIT(62) | BIT(60) | UINT64_C(0x15) << 40 | UINT64_C(0x91) << 32 | BIT(31) |
		0x310);
	sm_stop(&sm);
}

/* 78h, 7Ah, 7Bh, 7Ch, 7Dh: the second stage is broken, for devices too. */
static void broken_second_stages_are_completer_aborts(void **state)
{
	struct scalable sm;

	(void)state;
	for (unsigned type = SECOND; type <= NESTED; type++) {
		const uint64_t input = type == SECOND ? INPUT : MIDDLE;

		for (unsigned level = 1; level <= 4; level++) {
			uint64_t entry_at;

			start(&sm, (enum type)type);
			entry_at = sm_second_at(&sm, sm.second, 4, input, level);
			set_bits(&sm, entry_at, 0, BIT(62));
			is_aborted(&sm, INPUT, 0x7a);
			set_bits(&sm, entry_at, BIT(62), 0);
			if (level > 1) {
				vt_store(&sm.vtd, entry_at, HOLE | 3);
				is_aborted(&sm, INPUT, 0x78);
			}
			sm_stop(&sm);
		}
		start(&sm, (enum type)type);
		change_entry(&sm, 0, UINT64_C(0xfffffffff000), HOLE);
		is_aborted(&sm, INPUT, 0x7b);
		sm_stop(&sm);
	}
	start(&sm, SECOND);
	change_entry(&sm, 1, SM_PWSNP, 0);
	change_entry(&sm, 0, 0, SM_SSADE);
	is_aborted(&sm, INPUT, 0x7c);
	sm_stop(&sm);
	start(&sm, SECOND);
	assert_int_equal(
	    iommusim_memory_add(sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	vt_store(&sm.vtd, ROM + INPUT / 0x1000 * 8, OUTPUT | 3);
	set_bits(&sm, sm_second_at(&sm, sm.second, 4, INPUT, 2), UINT64_C(0xfffffffff000), ROM);
	change_entry(&sm, 0, 0, SM_SSADE);
	is_aborted(&sm, INPUT, 0x7d);
	sm_stop(&sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_stage_grants_what_it_allows),
		cmocka_unit_test(rights_missing_above_the_page_are_missing),
		cmocka_unit_test(the_second_stage_grants_what_it_allows),
		cmocka_unit_test(nested_translation_grants_what_both_stages_allow),
		cmocka_unit_test(pass_through_grants_everything),
		cmocka_unit_test(pass_through_grants_nothing_beyond_the_host_address_width),
		cmocka_unit_test(pass_through_hands_out_pages_beside_the_interrupt_range),
		cmocka_unit_test(who_wants_to_read_only_is_granted_that_only),
		cmocka_unit_test(supervisors_without_sre_are_granted_nothing),
		cmocka_unit_test(privilege_from_the_context_entry_does_not_show),
		cmocka_unit_test(the_answer_has_the_size_of_the_page),
		cmocka_unit_test(a_nested_answer_has_the_size_of_the_smaller_page),
		cmocka_unit_test(no_data_moves),
		cmocka_unit_test(n_says_that_accesses_are_snooped),
		cmocka_unit_test(n_comes_from_the_leaf_behind_the_page),
		cmocka_unit_test(cached_answers_say_the_same),
		cmocka_unit_test(the_interrupt_range_is_answered_without_tables),
		cmocka_unit_test(with_a_pasid_the_interrupt_range_is_translated),
		cmocka_unit_test(no_page_over_the_interrupt_range_is_handed_out),
		cmocka_unit_test(a_nested_range_is_judged_by_what_is_handed_out),
		cmocka_unit_test(conditions_of_the_first_stage_are_answers_without_rights),
		cmocka_unit_test(conditions_of_nesting_are_answers_without_rights),
		cmocka_unit_test(absence_in_the_second_stage_is_an_answer_without_rights),
		cmocka_unit_test(flags_that_are_missing_unsnooped_are_an_answer_without_rights),
		cmocka_unit_test(flags_that_cannot_be_written_are_recorded_beside_the_answer),
		cmocka_unit_test(broken_second_stages_are_completer_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
