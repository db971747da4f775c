/*
 * Nested translation (VT-d 3.8): every access to a first-stage table, and the page itself, goes through
 * the second stage. The guest's addresses are nowhere its host addresses, so nothing works by chance.
 */
#include "scalable_fixture.h"

#define HOLE  UINT64_C(0x10000000)  /* there is no memory */
#define GUEST UINT64_C(0x700000000) /* a guest-physical address is the host's plus this */
#define FAR   UINT64_C(0x3c5a40000000)
#define ADDR  UINT64_C(0xffffffffff000)

#define LOW_4                                                                                          \
	(UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 | UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)
#define LOW_5 (UINT64_C(0x0a5) << 48 | LOW_4)

/* First stage: present, writable, user, accessed, dirty. */
#define P    UINT64_C(1)
#define RW   UINT64_C(2)
#define US   UINT64_C(4)
#define FULL UINT64_C(7)
#define A    UINT64_C(0x20)
#define D    UINT64_C(0x40)
#define EA   UINT64_C(0x400)

struct nest {
	struct scalable sm;
	unsigned levels, second_levels;
	uint64_t first; /* host-physical, as are all tables here */
	uint64_t input;
};

static uint64_t second_at(struct nest *nest, uint64_t gpa, unsigned level)
{
	return sm_second_at(&nest->sm, nest->sm.second, nest->second_levels, gpa, level);
}

static void map_guest(struct nest *nest, uint64_t gpa, uint64_t hpa, uint64_t bits, unsigned level)
{
	sm_map_second(&nest->sm, nest->sm.second, nest->second_levels, gpa, hpa, bits, level);
}

/* A page of the guest's memory: its host address. */
static uint64_t guest_page(struct nest *nest)
{
	const uint64_t page = vt_page(&nest->sm.vtd);

	map_guest(nest, page + GUEST, page, 3, 1);
	return page;
}

/* Host address of a first-stage entry; tables above it are made, with what the fixture makes: 7. */
static uint64_t first_at(struct nest *nest, uint64_t input, unsigned level)
{
	uint64_t table = nest->first;

	for (unsigned at = nest->levels;; at--) {
		const uint64_t entry_at = table + (input >> (12 + 9 * (at - 1)) & 0x1ff) * 8;

		if (at == level)
			return entry_at;
		if ((vt_load(&nest->sm.vtd, entry_at) & P) == 0)
			vt_store(&nest->sm.vtd, entry_at, (guest_page(nest) + GUEST) | FULL);
		table = (vt_load(&nest->sm.vtd, entry_at) & ADDR) - GUEST;
	}
}

/* `output` is guest-physical. */
static void map(struct nest *nest, uint64_t input, uint64_t output, uint64_t bits, unsigned level)
{
	vt_store(&nest->sm.vtd, first_at(nest, input, level), output | bits | (level > 1 ? 0x80 : 0));
}

static void set_bits(struct nest *nest, uint64_t entry_at, uint64_t clear, uint64_t set)
{
	vt_store(&nest->sm.vtd, entry_at, (vt_load(&nest->sm.vtd, entry_at) & ~clear) | set);
}

static void change_entry(struct nest *nest, unsigned quad, uint64_t clear, uint64_t set)
{
	set_bits(nest, sm_entry_at(&nest->sm, SM_PASID) + quad * UINT64_C(8), clear, set);
	set_bits(nest, sm_entry_at(&nest->sm, SM_NO_PASID) + quad * UINT64_C(8), clear, set);
}

static void start_with(
    struct nest *nest, unsigned levels, unsigned second_levels, const struct vtd_setup *setup)
{
	uint64_t entry[8] = { 0 };

	sm_start_uncached(&nest->sm, setup);
	nest->levels = levels;
	nest->second_levels = second_levels;
	nest->input = levels == 5 ? LOW_5 : LOW_4;
	nest->first = guest_page(nest);
	entry[0] = nest->sm.second | SM_NESTED | SM_AW(second_levels - 2) | SM_P;
	entry[1] = ((nest->sm.vtd.ecap & ECAP_SMPWCS) != 0 ? SM_PWSNP : 0) | SM_DOMAIN;
	entry[2] = (nest->first + GUEST) | SM_SRE | SM_FSPM(levels - 4);
	sm_set_entry(&nest->sm, SM_PASID, entry);
	sm_set_entry(&nest->sm, SM_NO_PASID, entry);
}

/* nest->input leads to guest page 123_4000h, and that to 5000h. */
static void start(struct nest *nest, unsigned levels, unsigned second_levels)
{
	start_with(nest, levels, second_levels, NULL);
	map(nest, nest->input, 0x1234000, FULL, 1);
	map_guest(nest, 0x1234000, 0x5000, 3, 1);
}

static unsigned reason(struct nest *nest, enum iommusim_dma_kind kind, unsigned flags)
{
	return sm_reason(&nest->sm, kind, nest->input, SM_PASID, flags);
}

static void all_come_to(struct nest *nest, unsigned expected)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(reason(nest, kinds[i], 0), expected);
		assert_int_equal(reason(nest, kinds[i], SM_PRIVILEGED), expected);
		assert_int_equal(sm_reason(&nest->sm, kinds[i], nest->input, SM_NO_PASID, 0), expected);
	}
}

/* The guest-physical address of the first-stage entry of a level, for nest->input. */
static uint64_t entry_gpa(struct nest *nest, unsigned level)
{
	return first_at(nest, nest->input, level) + GUEST;
}

/*
 * The first-stage table of a level, or, 0, the page behind them, gets the guest-physical address FAR,
 * which shares no second-stage entry below the top one with anything else. After start() only, once.
 */
static void move_away(struct nest *nest, unsigned met)
{
	const uint64_t host = met == 0 ? 0x5000 : first_at(nest, nest->input, met) & ~UINT64_C(0xfff);

	map_guest(nest, FAR, host, 3, 1);
	if (met == nest->levels)
		change_entry(nest, 2, ADDR, FAR);
	else
		set_bits(nest, first_at(nest, nest->input, met + 1), ADDR, FAR);
}

/* ---- where walks end --------------------------------------------------------------------------- */

/* One page size in each stage: the smaller one is the translation's. */
static void check_sizes(struct nest *nest, unsigned leaf, unsigned second_leaf)
{
	static const uint64_t hosts[] = { 0, 0x1234000, 0x1600000, 0x40000000 };
	const uint64_t size = BIT(12 + 9 * (leaf - 1)), second_size = BIT(12 + 9 * (second_leaf - 1));
	const uint64_t input = nest->input & ~(size - 1), gpa = UINT64_C(0x440000000);
	const uint64_t offset = size - 0x124;
	struct iommusim_dma_page page;

	map(nest, input, gpa, FULL, leaf);
	map_guest(nest, (gpa | offset) & ~(second_size - 1), hosts[second_leaf], 3, second_leaf);
	page = sm_access(&nest->sm, IOMMUSIM_DMA_WRITE, input | offset, 4, SM_PASID, 0);
	assert_int_equal(page.fault.reason, 0);
	assert_false(page.faulted);
	assert_true(page.translated);
	assert_int_equal(page.physical, hosts[second_leaf] | (offset & (second_size - 1)));
	assert_int_equal(page.page_shift, 12 + 9 * ((leaf < second_leaf ? leaf : second_leaf) - 1));
	assert_int_equal(page.domain, SM_DOMAIN);
}

static void each_depth_and_page_size_ends_where_both_stages_say(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		for (unsigned second_levels = 3; second_levels <= 5; second_levels++) {
			for (unsigned sizes = 0; sizes < 9; sizes++) {
				start_with(&nest, levels, second_levels, NULL);
				check_sizes(&nest, 1 + sizes / 3, 1 + sizes % 3);
				sm_stop(&nest.sm);
			}
		}
	}
}

static void data_moves_to_and_from_the_page(void **state)
{
	struct iommusim_dma_request request = {
		.address = LOW_5 | 0x10, .length = 6, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_dma_outcome outcome;
	struct nest nest;
	char text[8] = "hello";

	(void)state;
	start(&nest, 5, 4);
	request.data = text;
	assert_int_equal(iommusim_dma(nest.sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 6);
	assert_int_equal(iommusim_memory_read(nest.sm.vtd.machine, 0x5011, text, 5), IOMMUSIM_OK);
	assert_string_equal(text, "ello");
	sm_stop(&nest.sm);
}

/* The input address is judged by the first stage alone (SGN.1). */
static void the_input_address_is_canonical(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		start(&nest, levels, 3);
		map(&nest, ~UINT64_C(0xfff), 0x1234000, FULL, 1);
		nest.input = ~UINT64_C(0xfff);
		all_come_to(&nest, 0);
		nest.input = BIT(levels == 5 ? 56 : 47);
		all_come_to(&nest, 0x80);
		nest.input = BIT(63);
		all_come_to(&nest, 0x80);
		sm_stop(&nest.sm);
	}
}

/*
 * One page that is every table of both stages: P and R, R/W and W are the same bits. Each first-stage
 * entry and the page take one walk of the second stage; root, context, PASID directory and table come
 * before.
 */
static void a_table_that_is_all_tables_ends_the_walk(void **state)
{
	struct iommusim_dma_request request = { .length = 8 };
	struct iommusim_walk walk;
	struct nest nest;

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		for (unsigned second_levels = 3; second_levels <= 5; second_levels++) {
			uint64_t table;

			start_with(&nest, levels, second_levels, NULL);
			table = vt_page(&nest.sm.vtd);
			for (unsigned i = 0; i < 512; i++)
				vt_store(&nest.sm.vtd, table + i * UINT64_C(8), table | FULL);
			change_entry(&nest, 0, ADDR, table);
			change_entry(&nest, 2, ADDR, table);
			assert_int_equal(reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
			assert_int_equal(
			    sm_access(&nest.sm, IOMMUSIM_DMA_READ, nest.input | 0x18, 8, SM_PASID, 0)
				.physical,
			    table | 0x18);
			request.address = nest.input;
			assert_int_equal(
			    iommusim_walk(nest.sm.vtd.device, &request, &walk), IOMMUSIM_OK);
			assert_int_equal(walk.step_count, 4 + levels + (levels + 1) * second_levels);
			sm_stop(&nest.sm);
		}
	}
}

/* ---- faults of the first stage ----------------------------------------------------------------- */

static void first_stage_entries_are_judged_as_ever(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		uint64_t entry_at, before;

		start(&nest, 5, 4);
		entry_at = first_at(&nest, nest.input, level);
		before = vt_load(&nest.sm.vtd, entry_at);
		vt_store(&nest.sm.vtd, entry_at, before & ~P);
		all_come_to(&nest, 0x71);
		vt_store(&nest.sm.vtd, entry_at, before | BIT(VTD_HAW));
		all_come_to(&nest, 0x72);
		if (level > 3) {
			vt_store(&nest.sm.vtd, entry_at, before | 0x80);
			all_come_to(&nest, 0x72);
		}
		vt_store(&nest.sm.vtd, entry_at, before & ~US);
		assert_int_equal(reason(&nest, IOMMUSIM_DMA_READ, 0), 0x81);
		assert_int_equal(reason(&nest, IOMMUSIM_DMA_READ, SM_PRIVILEGED), 0);
		vt_store(&nest.sm.vtd, entry_at, before);
		all_come_to(&nest, 0);
		sm_stop(&nest.sm);
	}
}

/*
 * The second stage says where the table is, and there is no memory: SFS.4 for the top one, SFS.1 else.
 */
static void first_stage_tables_without_memory_are_reason_73_and_70(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		start(&nest, 5, 4);
		map_guest(&nest, entry_gpa(&nest, level), HOLE, 3, 1);
		all_come_to(&nest, level == 5 ? 0x73 : 0x70);
		sm_stop(&nest.sm);
	}
}

/* SFS.5: the smaller of MGAW and AW, for the address in an entry of every level, the leaf's too. */
static void addresses_the_second_stage_has_not_got_are_reason_74(void **state)
{
	static const struct {
		unsigned second_levels, mgaw, limit;
		uint8_t haw;
	} rows[] = { { 3, 57, 39, 46 }, { 4, 57, 48, 52 }, { 4, 39, 39, 46 }, { 5, 48, 48, 52 },
		{ 3, 36, 36, 39 }, { 5, 40, 40, 46 } };
	struct nest nest;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vtd_setup setup = { .haw = rows[i].haw,
			.cap_clear = CAP_MGAW,
			.cap_set = (uint64_t)(rows[i].mgaw - 1) << 16 };

		start_with(&nest, 5, rows[i].second_levels, &setup);
		map(&nest, nest.input, 0x1234000, FULL, 1);
		map_guest(&nest, 0x1234000, 0x5000, 3, 1);
		all_come_to(&nest, 0);
		for (unsigned level = 1; level <= 5; level++) {
			const uint64_t entry_at = first_at(&nest, nest.input, level);

			for (unsigned bit = rows[i].limit; bit < rows[i].haw; bit++) {
				set_bits(&nest, entry_at, 0, BIT(bit));
				all_come_to(&nest, 0x74);
				set_bits(&nest, entry_at, BIT(bit), 0);
			}
		}
		sm_stop(&nest.sm);
	}
}

static void so_are_those_of_large_pages(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned leaf = 2; leaf <= 3; leaf++) {
		start(&nest, 4, 3);
		vt_store(&nest.sm.vtd, first_at(&nest, nest.input, leaf), BIT(39) | 0x80 | FULL);
		all_come_to(&nest, 0x74);
		vt_store(
		    &nest.sm.vtd, first_at(&nest, nest.input, leaf), (BIT(39) - BIT(30)) | 0x80 | FULL);
		map_guest(&nest, BIT(39) - BIT(30), 0, 3, 3);
		all_come_to(&nest, 0);
		sm_stop(&nest.sm);
	}
}

/* SPT.4.4: what is wrong with FSPTPTR is wrong with the PASID-table entry. */
static void a_first_stage_root_beyond_the_width_is_reason_5b(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 3);
	change_entry(&nest, 2, 0, BIT(39));
	all_come_to(&nest, 0x5b);
	change_entry(&nest, 2, BIT(39), 0);
	all_come_to(&nest, 0);
	sm_stop(&nest.sm);
	start_with(
	    &nest, 4, 4, &(struct vtd_setup){ .cap_clear = CAP_MGAW, .cap_set = UINT64_C(39) << 16 });
	change_entry(&nest, 2, 0, BIT(39));
	all_come_to(&nest, 0x79); /* below 2^40: an address like any other */
	change_entry(&nest, 2, BIT(39), BIT(40));
	all_come_to(&nest, 0x5b);
	sm_stop(&nest.sm);
}

/* ---- rights of first-stage tables -------------------------------------------------------------- */

/* Without the read right of its page no entry can be read: SFS.6 for the top one, SFS.7 for others. */
static void tables_that_may_not_be_read_are_reason_75_and_76(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		for (unsigned second_level = 1; second_level <= 4; second_level++) {
			start(&nest, 5, 4);
			move_away(&nest, level);
			all_come_to(&nest, 0);
			set_bits(&nest, second_at(&nest, FAR, second_level), 1, 0);
			all_come_to(&nest, level == 5 ? 0x75 : 0x76);
			sm_stop(&nest.sm);
		}
	}
}

/* With SSADE the write right is needed too, though nothing is left to write (3.8.1). */
static void with_ssade_tables_must_be_writable_to_be_read(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		start(&nest, 5, 4);
		for (unsigned at = 1; at <= 5; at++)
			set_bits(&nest, first_at(&nest, nest.input, at), 0, A | (at == 1 ? D : 0));
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 2, 0);
		all_come_to(&nest, 0);
		change_entry(&nest, 0, 0, SM_SSADE);
		all_come_to(&nest, level == 5 ? 0x75 : 0x76);
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 3, 2);
		all_come_to(&nest, level == 5 ? 0x75 : 0x76);
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 0, 3);
		all_come_to(&nest, 0);
		sm_stop(&nest.sm);
	}
}

/* SFS.8: A must be set in an entry that may not be written. */
static void flags_that_may_not_be_set_are_reason_77(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		uint64_t entry_at, before;

		start(&nest, 5, 4);
		for (unsigned at = 1; at <= 5; at++)
			set_bits(&nest, first_at(&nest, nest.input, at), 0, A | (at == 1 ? D : 0));
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 2, 0);
		all_come_to(&nest, 0);
		entry_at = first_at(&nest, nest.input, level);
		set_bits(&nest, entry_at, A, 0);
		before = vt_load(&nest.sm.vtd, entry_at);
		all_come_to(&nest, 0x77);
		assert_int_equal(vt_load(&nest.sm.vtd, entry_at), before);
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 0, 2);
		all_come_to(&nest, 0);
		sm_stop(&nest.sm);
	}
}

/* D is wanted by writes alone. */
static void a_dirty_flag_that_may_not_be_set_denies_writes(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	for (unsigned at = 1; at <= 4; at++)
		set_bits(&nest, first_at(&nest, nest.input, at), 0, A);
	set_bits(&nest, second_at(&nest, entry_gpa(&nest, 1), 1), 2, 0);
	assert_int_equal(reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0x77);
	assert_int_equal(reason(&nest, IOMMUSIM_DMA_ATOMIC, 0), 0x77);
	set_bits(&nest, first_at(&nest, nest.input, 1), 0, D);
	all_come_to(&nest, 0);
	sm_stop(&nest.sm);
}

static void an_extended_accessed_flag_that_may_not_be_set_is_reason_77(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		start(&nest, 5, 4);
		for (unsigned at = 1; at <= 5; at++)
			set_bits(&nest, first_at(&nest, nest.input, at), 0,
			    A | (at == 1 ? D : 0) | (at == level ? 0 : EA));
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, level), 1), 2, 0);
		all_come_to(&nest, 0);
		change_entry(&nest, 2, 0, SM_EAFE);
		all_come_to(&nest, 0x77);
		set_bits(&nest, first_at(&nest, nest.input, level), 0, EA);
		all_come_to(&nest, 0);
		sm_stop(&nest.sm);
	}
}

/* ---- faults of the second stage ---------------------------------------------------------------- */

/* SSS.1, SSS.2, SSS.3: one bad entry of each level on the way to each table, and to the page. */
static void second_stage_faults_are_the_same_wherever_they_are_met(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned met = 0; met <= 5; met++) {
		for (unsigned second_level = 1; second_level <= 4; second_level++) {
			uint64_t entry_at, before;

			start(&nest, 5, 4);
			move_away(&nest, met);
			all_come_to(&nest, 0);
			entry_at = second_at(&nest, FAR, second_level);
			before = vt_load(&nest.sm.vtd, entry_at);
			vt_store(&nest.sm.vtd, entry_at, before & ~UINT64_C(3));
			all_come_to(&nest, 0x79);
			vt_store(&nest.sm.vtd, entry_at, before | BIT(62));
			all_come_to(&nest, 0x7a);
			vt_store(&nest.sm.vtd, entry_at, before | BIT(51));
			all_come_to(&nest, 0x7a);
			if (second_level > 1) {
				vt_store(&nest.sm.vtd, entry_at, HOLE | 3);
				all_come_to(&nest, 0x78);
			}
			vt_store(&nest.sm.vtd, entry_at, before);
			all_come_to(&nest, 0);
			sm_stop(&nest.sm);
		}
	}
}

/* What is readable in one entry and writable in another is neither: SSS.2 too. */
static void rights_that_cancel_out_are_reason_79(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned met = 0; met <= 5; met++) {
		start(&nest, 5, 4);
		move_away(&nest, met);
		set_bits(&nest, second_at(&nest, FAR, 3), 2, 0);
		set_bits(&nest, second_at(&nest, FAR, 1), 1, 0);
		all_come_to(&nest, 0x79);
		sm_stop(&nest.sm);
	}
}

/* SSS.4: the first of all accesses finds no second stage. */
static void a_second_stage_without_memory_is_reason_7b(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	change_entry(&nest, 0, ADDR, HOLE);
	all_come_to(&nest, 0x7b);
	sm_stop(&nest.sm);
}

/* ---- rights of the page ------------------------------------------------------------------------ */

static bool one_of(unsigned got, unsigned a, unsigned b)
{
	return got == a || got == b;
}

/*
 * 3.8.1: R/W and U/S of the first stage, R and W of the second, WPE; reasons where only one is
 * missing.
 */
static void assert_rights(struct nest *nest, unsigned first, unsigned second, bool write_protect)
{
	const bool user = (first & 4) != 0, writable = (first & 2) != 0;

	for (unsigned privileged = 0; privileged < 2; privileged++) {
		const unsigned flags = privileged ? SM_PRIVILEGED : 0;
		const bool reach = user || privileged;
		const bool write = (second & 2) != 0 && (writable || (privileged && !write_protect));
		const bool read = (second & 1) != 0;
		unsigned got = reason(nest, IOMMUSIM_DMA_READ, flags);

		if (!reach)
			assert_true(read ? got == 0x81 : one_of(got, 0x81, 0x86));
		else
			assert_int_equal(got, read ? 0 : 0x86);
		got = reason(nest, IOMMUSIM_DMA_WRITE, flags);
		if (!reach)
			assert_true(write ? got == 0x81 : one_of(got, 0x81, 0x85));
		else
			assert_int_equal(got, write ? 0 : 0x85);
		got = reason(nest, IOMMUSIM_DMA_ATOMIC, flags);
		if (!reach)
			assert_true(got == 0x81 || (!write && got == 0x85) || (!read && got == 0x86));
		else if (!write && !read)
			assert_true(one_of(got, 0x85, 0x86));
		else
			assert_int_equal(got, !write ? 0x85 : !read ? 0x86 : 0);
	}
}

static void the_page_needs_the_rights_of_both_stages(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	for (unsigned protect = 0; protect < 2; protect++) {
		change_entry(&nest, 2, SM_WPE, protect ? SM_WPE : 0);
		for (unsigned first = 0; first < 4; first++) {
			for (unsigned second = 1; second < 4; second++) {
				map(&nest, nest.input, 0x1234000, P | first << 1, 1);
				map_guest(&nest, 0x1234000, 0x5000, second, 1);
				assert_rights(&nest, first << 1, second, protect != 0);
			}
		}
	}
	sm_stop(&nest.sm);
}

/* A right may be missing above the page too, in either stage. */
static void rights_are_anded_over_the_levels_of_both_stages(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		start(&nest, 4, 4);
		move_away(&nest, 0);
		set_bits(&nest, first_at(&nest, nest.input, level), RW, 0);
		assert_rights(&nest, US, 3, false);
		set_bits(&nest, first_at(&nest, nest.input, level), US, RW);
		assert_rights(&nest, RW, 3, false);
		set_bits(&nest, first_at(&nest, nest.input, level), 0, US);
		set_bits(&nest, second_at(&nest, FAR, level), 1, 0);
		assert_rights(&nest, US | RW, 2, false);
		set_bits(&nest, second_at(&nest, FAR, level), 3, 1);
		assert_rights(&nest, US | RW, 1, false);
		sm_stop(&nest.sm);
	}
}

/* SGN.7: a zero-length read of a page that is write-only in the second stage passes with CAP.ZLR. */
static void zero_length_reads_of_write_only_pages_follow_zlr(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned zlr = 0; zlr < 2; zlr++) {
		start_with(&nest, 4, 4, &(struct vtd_setup){ .cap_clear = zlr ? 0 : CAP_ZLR });
		map(&nest, nest.input, 0x1234000, FULL, 1);
		map_guest(&nest, 0x1234000, 0x5000, 2, 1);
		assert_int_equal(
		    sm_access(&nest.sm, IOMMUSIM_DMA_READ, nest.input, 0, SM_PASID, 0).fault.reason,
		    zlr ? 0 : 0x86);
		assert_int_equal(reason(&nest, IOMMUSIM_DMA_READ, 0), 0x86);
		/* a first-stage table is read in earnest */
		set_bits(&nest, second_at(&nest, entry_gpa(&nest, 1), 1), 1, 0);
		assert_int_equal(
		    sm_access(&nest.sm, IOMMUSIM_DMA_READ, nest.input, 0, SM_PASID, 0).fault.reason,
		    0x76);
		sm_stop(&nest.sm);
	}
}

/* With SSIRWE it is IR and IW that tables and page need. */
static void io_rights_count_for_tables_and_page(void **state)
{
	struct nest nest;

	(void)state;
	start_with(&nest, 4, 4, &(struct vtd_setup){ .cap_set = CAP_ESRTPS, .ecap_set = ECAP_SSIRWS });
	map(&nest, nest.input, 0x1234000, FULL, 1);
	map_guest(&nest, 0x1234000, 0x5000, 3, 1);
	all_come_to(&nest, 0);
	sm_latch_root(&nest.sm, SM_TTM_SCALABLE | BIT(7));
	all_come_to(&nest, 0x79);
	for (unsigned level = 1; level <= 4; level++) {
		set_bits(&nest, second_at(&nest, 0x1234000, level), 0, BIT(61) | BIT(62));
		for (unsigned met = 1; met <= 4; met++)
			set_bits(&nest, second_at(&nest, entry_gpa(&nest, met), level), 0,
			    BIT(61) | BIT(62));
	}
	all_come_to(&nest, 0);
	set_bits(&nest, second_at(&nest, 0x1234000, 1), BIT(62), 0);
	assert_rights(&nest, US | RW, 1, false);
	set_bits(&nest, second_at(&nest, 0x1234000, 1), BIT(61), BIT(62));
	assert_rights(&nest, US | RW, 2, false);
	set_bits(&nest, second_at(&nest, 0x1234000, 1), 0, BIT(61));
	set_bits(&nest, second_at(&nest, entry_gpa(&nest, 4), 1), BIT(61), 0);
	all_come_to(&nest, 0x75);
	set_bits(&nest, second_at(&nest, entry_gpa(&nest, 4), 1), 0, BIT(61));
	set_bits(&nest, second_at(&nest, entry_gpa(&nest, 2), 1), BIT(61), 0);
	all_come_to(&nest, 0x76);
	sm_stop(&nest.sm);
}

/* ---- the interrupt range ----------------------------------------------------------------------- */

/* Where the page ends counts, not the guest-physical address on the way (SGN.8). */
static void the_final_output_is_judged(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	map(&nest, nest.input, 0xfee01000, FULL, 1);
	map_guest(&nest, 0xfee01000, 0x5000, 3, 1);
	all_come_to(&nest, 0);
	assert_int_equal(
	    sm_access(&nest.sm, IOMMUSIM_DMA_WRITE, nest.input, 4, SM_PASID, 0).physical, 0x5000);
	map_guest(&nest, 0xfee01000, 0xfee02000, 3, 1);
	all_come_to(&nest, 0x87);
	map(&nest, nest.input, 0x1234000, FULL, 1);
	map_guest(&nest, 0x1234000, 0xfeeff000, 3, 1);
	all_come_to(&nest, 0x87);
	map_guest(&nest, 0x1234000, 0xfef00000, 3, 1);
	all_come_to(&nest, 0);
	sm_stop(&nest.sm);
}

static void large_pages_across_the_interrupt_range_fault_inside_it_only(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	map(&nest, 0x40000000, UINT64_C(0x440000000), FULL, 3);
	map_guest(&nest, UINT64_C(0x440000000), 0xc0000000, 3, 3);
	nest.input = 0x7edff000;
	all_come_to(&nest, 0);
	nest.input = 0x7ee00000;
	all_come_to(&nest, 0x87);
	nest.input = 0x7eeff000;
	all_come_to(&nest, 0x87);
	nest.input = 0x7ef00000;
	all_come_to(&nest, 0);
	sm_stop(&nest.sm);
}

/* A guest's table in the guest's FEEx_xxxx is a table like any other. */
static void a_first_stage_table_may_be_at_the_guests_interrupt_range(void **state)
{
	struct nest nest;

	(void)state;
	start(&nest, 4, 4);
	map_guest(&nest, 0xfee00000, first_at(&nest, nest.input, 1) & ~UINT64_C(0xfff), 3, 1);
	set_bits(&nest, first_at(&nest, nest.input, 2), ADDR, 0xfee00000);
	all_come_to(&nest, 0);
	sm_stop(&nest.sm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_depth_and_page_size_ends_where_both_stages_say),
		cmocka_unit_test(data_moves_to_and_from_the_page),
		cmocka_unit_test(the_input_address_is_canonical),
		cmocka_unit_test(a_table_that_is_all_tables_ends_the_walk),
		cmocka_unit_test(first_stage_entries_are_judged_as_ever),
		cmocka_unit_test(first_stage_tables_without_memory_are_reason_73_and_70),
		cmocka_unit_test(addresses_the_second_stage_has_not_got_are_reason_74),
		cmocka_unit_test(so_are_those_of_large_pages),
		cmocka_unit_test(a_first_stage_root_beyond_the_width_is_reason_5b),
		cmocka_unit_test(tables_that_may_not_be_read_are_reason_75_and_76),
		cmocka_unit_test(with_ssade_tables_must_be_writable_to_be_read),
		cmocka_unit_test(flags_that_may_not_be_set_are_reason_77),
		cmocka_unit_test(a_dirty_flag_that_may_not_be_set_denies_writes),
		cmocka_unit_test(an_extended_accessed_flag_that_may_not_be_set_is_reason_77),
		cmocka_unit_test(second_stage_faults_are_the_same_wherever_they_are_met),
		cmocka_unit_test(rights_that_cancel_out_are_reason_79),
		cmocka_unit_test(a_second_stage_without_memory_is_reason_7b),
		cmocka_unit_test(the_page_needs_the_rights_of_both_stages),
		cmocka_unit_test(rights_are_anded_over_the_levels_of_both_stages),
		cmocka_unit_test(zero_length_reads_of_write_only_pages_follow_zlr),
		cmocka_unit_test(io_rights_count_for_tables_and_page),
		cmocka_unit_test(the_final_output_is_judged),
		cmocka_unit_test(large_pages_across_the_interrupt_range_fault_inside_it_only),
		cmocka_unit_test(a_first_stage_table_may_be_at_the_guests_interrupt_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
