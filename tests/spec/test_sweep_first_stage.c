/*
 * Every bit of every first-stage paging entry (VT-d 3.6, 9.7 Tables 34 to 40), flipped one at a time
 * in an entry that is otherwise good: with 4 and 5 levels, for each page size, with and without 1 GiB
 * pages and extended accessed flags, for three host address widths, for users and supervisors, and
 * with every set of FPD bits on the way.
 */
#include "sweep_paging.h"

/* In the lower canonical half; the index differs at every level. */
#define INPUT_4                                                                                        \
	(UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 | UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)
#define INPUT_5 (UINT64_C(0x0a5) << 48 | INPUT_4)

/*
 * What the tables call reserved and ignored, without 51:HAW, and without FS1GP. A, D and EA are flags.
 */
struct entry {
	uint8_t level;
	bool leaf;
	uint64_t reserved, ignored;
};

static const struct entry entries[] = {
	{ 5, false, 0x80, 0xfff0000000000f78 },      /* PML5E, Table 34 */
	{ 4, false, 0x80, 0xfff0000000000f78 },      /* PML4E, Table 35 */
	{ 3, true, 0x3fffe000, 0xfff0000000001f78 }, /* PDPE, 1 GiB, Table 36 */
	{ 3, false, 0, 0xfff0000000000f78 },         /* PDPE, Table 37 */
	{ 2, true, 0x1fe000, 0xfff0000000001f78 },   /* PDE, 2 MiB, Table 38 */
	{ 2, false, 0, 0xfff0000000000f78 },         /* PDE, Table 39 */
	{ 1, true, 0, 0xfff0000000000ff8 },          /* PTE, Table 40 */
};

#define ENTRIES (sizeof(entries) / sizeof(*entries))

struct sweep {
	struct paging_sweep paging;
	const struct entry *entry;
	unsigned haw, depth;
	bool page_1g, extended, supervisor;
	uint64_t table, output;
};

static const struct sweep_reasons all_pass, no_writes = { 0, 0x85, 0x85 };

static unsigned page_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

/* The level of the page behind the entry. */
static unsigned leaf_level(const struct sweep *sweep)
{
	return sweep->entry->leaf ? sweep->entry->level : 1;
}

static void make_pasid_entry(struct sweep *sweep)
{
	struct scalable *sm = &sweep->paging.sm;
	const uint64_t entry_at = sm_entry_at(sm, sweep->paging.pasid) + 16;

	sm_first_stage(sm, sweep->paging.pasid, SM_DOMAIN, sweep->depth);
	vt_store(
	    &sm->vtd, entry_at, vt_load(&sm->vtd, entry_at) | SM_WPE | (sweep->extended ? SM_EAFE : 0));
}

/* Tables down to the entry, a page behind it. The table it points at stands alone. */
static void build(struct sweep *sweep)
{
	struct scalable *sm = &sweep->paging.sm;
	const struct vtd_setup setup = { .haw = (uint8_t)sweep->haw,
		.cap_clear = sweep->page_1g ? 0 : CAP_FS1GP };
	const unsigned leaf = leaf_level(sweep);

	sm_start_uncached(sm, &setup);
	sweep->paging.pasid = sweep->supervisor || sweep->depth == 5 ? SM_PASID : SM_NO_PASID;
	sweep->paging.flags = sweep->supervisor ? SM_PRIVILEGED : 0;
	sweep->paging.input = sweep->depth == 5 ? INPUT_5 : INPUT_4;
	sweep->table = sweep->depth == 5 ? sm->first5 : sm->first;
	sweep->output = leaf == 1 ? 0x5000 : 0;
	make_pasid_entry(sweep);
	paging_set_fpd(&sweep->paging);
	for (unsigned level = sweep->depth; level > leaf; level--) {
		const uint64_t at =
		    sm_first_at(sm, sweep->table, sweep->depth, sweep->paging.input, level);

		vt_store(&sm->vtd, at,
		    (level == sweep->entry->level ? PAGING_ROOMY : vt_page(&sm->vtd)) | 7);
	}
	sm_map_first(sm, sweep->table, sweep->depth, sweep->paging.input, sweep->output, 7, leaf);
	sweep->paging.at =
	    sm_first_at(sm, sweep->table, sweep->depth, sweep->paging.input, sweep->entry->level);
}

/* PS, bit 7, where it is no reserved bit: the entry turns from page to table, or the other way. */
static void flip_page_size(struct sweep *sweep)
{
	if (sweep->entry->leaf) /* a table at 0: RAM, and zero */
		paging_expect(&sweep->paging, SWEEP_ALL(0x71));
	else if (sweep->entry->level == 2)
		paging_lands(&sweep->paging, all_pass, PAGING_ROOMY, 21);
	else /* no such pages, or the address is no multiple of 1 GiB */
		paging_expect(&sweep->paging, SWEEP_ALL(0x72));
}

/* The next table is elsewhere: what stood in the old one is copied to the new one. */
static void flip_table_address(struct sweep *sweep, unsigned bit)
{
	const struct paging_move move = { .table = PAGING_ROOMY ^ BIT(bit),
		.offset = (sweep->paging.input >> page_shift(sweep->entry->level - 1) & 0x1ff) * 8,
		.hole = SWEEP_ALL(0x70),
		.empty = SWEEP_ALL(0x71) };

	paging_moved_in(&sweep->paging, &move);
	paging_lands(&sweep->paging, all_pass, sweep->output, 12);
	paging_moved_out(&sweep->paging, &move);
}

static void flip(struct sweep *sweep, unsigned bit)
{
	const struct entry *entry = sweep->entry;
	const unsigned shift = page_shift(leaf_level(sweep));

	if (bit == 0)
		paging_expect(&sweep->paging, SWEEP_ALL(0x71));
	else if (bit == 1)
		paging_lands(&sweep->paging, no_writes, sweep->output, shift);
	else if (bit == 2 && !sweep->supervisor)
		paging_expect(&sweep->paging, SWEEP_ALL(0x81));
	else if ((entry->reserved >> bit & 1) != 0 || (bit >= sweep->haw && bit < 52))
		paging_expect(&sweep->paging, SWEEP_ALL(0x72));
	else if ((entry->ignored >> bit & 1) != 0 || bit == 2)
		paging_lands(&sweep->paging, all_pass, sweep->output, shift);
	else if (bit == 7)
		flip_page_size(sweep);
	else if (entry->leaf)
		paging_lands(&sweep->paging, all_pass, sweep->output ^ BIT(bit), shift);
	else
		flip_table_address(sweep, bit);
}

static void flip_all(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->paging.sm.vtd;
	uint64_t before;

	build(sweep);
	before = vt_load(vtd, sweep->paging.at);
	if (sweep->entry->leaf && sweep->entry->level == 3 && !sweep->page_1g) {
		paging_expect(&sweep->paging, SWEEP_ALL(0x72)); /* PS is reserved (3.6) */
	} else {
		for (unsigned bit = 0; bit < 64; bit++) {
			vt_store(vtd, sweep->paging.at, before ^ BIT(bit));
			flip(sweep, bit);
		}
		vt_store(vtd, sweep->paging.at, before);
		paging_lands(&sweep->paging, all_pass, sweep->output, page_shift(leaf_level(sweep)));
	}
	sm_stop(&sweep->paging.sm);
}

/* Every entry of both depths, for users and supervisors. */
static void sweep_unit(const struct sweep *unit)
{
	for (unsigned depth = 4; depth <= 5; depth++) {
		for (size_t i = 0; i < ENTRIES; i++) {
			for (unsigned who = 0; entries[i].level <= depth && who < 2; who++) {
				struct sweep sweep = *unit;

				sweep.depth = depth;
				sweep.entry = &entries[i];
				sweep.supervisor = who != 0;
				flip_all(&sweep);
			}
		}
	}
}

static void each_bit_of_each_entry_does_what_9_7_says(void **state)
{
	static const uint8_t widths[] = { 39, 46, 52 };

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++)
		for (unsigned features = 0; features < 4; features++)
			sweep_unit(&(struct sweep){ .haw = widths[i],
			    .page_1g = (features & 1) != 0,
			    .extended = (features & 2) != 0 });
}

/* All these faults are qualified: one FPD bit anywhere keeps them out of the registers. */
static void each_bit_of_each_entry_does_so_with_each_set_of_fpd_bits(void **state)
{
	(void)state;
	for (unsigned fpd = 1; fpd < PAGING_FPD_SETS; fpd++)
		sweep_unit(&(struct sweep){
		    .haw = 46, .page_1g = true, .extended = true, .paging = { .fpd = fpd } });
}

/* P=0: no other bit counts, alone or in an entry that was good. */
static void each_bit_of_an_entry_that_is_not_present_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		struct sweep sweep = { .haw = 39, .depth = 5, .page_1g = true, .entry = &entries[i] };
		struct vtd_fixture *vtd = &sweep.paging.sm.vtd;
		uint64_t before;

		build(&sweep);
		before = vt_load(vtd, sweep.paging.at);
		for (unsigned bit = 1; bit < 64; bit++) {
			vt_store(vtd, sweep.paging.at, BIT(bit));
			paging_expect(&sweep.paging, SWEEP_ALL(0x71));
			vt_store(vtd, sweep.paging.at, (before & ~UINT64_C(1)) ^ BIT(bit));
			paging_expect(&sweep.paging, SWEEP_ALL(0x71));
		}
		sm_stop(&sweep.paging.sm);
	}
}

/* The host address width decides, not the widest there is: bits 51:HAW of the guest's addresses too. */
static void all_ignored_bits_together_are_ignored(void **state)
{
	(void)state;
	for (unsigned extended = 0; extended < 2; extended++) {
		for (size_t i = 0; i < ENTRIES; i++) {
			struct sweep sweep = { .haw = 39,
				.depth = 5,
				.page_1g = true,
				.extended = extended != 0,
				.entry = &entries[i] };
			struct vtd_fixture *vtd = &sweep.paging.sm.vtd;

			build(&sweep);
			vt_store(
			    vtd, sweep.paging.at, vt_load(vtd, sweep.paging.at) | entries[i].ignored);
			paging_lands(
			    &sweep.paging, all_pass, sweep.output, page_shift(leaf_level(&sweep)));
			sm_stop(&sweep.paging.sm);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_entry_does_what_9_7_says),
		cmocka_unit_test(each_bit_of_each_entry_does_so_with_each_set_of_fpd_bits),
		cmocka_unit_test(each_bit_of_an_entry_that_is_not_present_is_ignored),
		cmocka_unit_test(all_ignored_bits_together_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
