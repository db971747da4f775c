/*
 * Every bit of every second-stage paging entry (VT-d 3.7, 9.8 Tables 41 to 47) in scalable mode,
 * flipped one at a time in an entry that is otherwise good: at each level of tables of each depth, for
 * each page size, with each of the rights; with and without accessed and dirty flags (SSADE), I/O
 * rights (SSIRWE), snoop control (SC) and large pages; for three host address widths and every set of
 * FPD bits.
 */
#include "sweep_paging.h"

/* The index differs at every level: 0x1a5, 0x0c3, 0x12f, 0x07e, 0x0e1 from the top. */
#define INPUT                                                                                          \
	(UINT64_C(0x1a5) << 48 | UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 |                       \
	    UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

/*
 * What the tables call reserved and ignored, without 51:HAW, SC, SSLPS, and without R, W, IR and IW, of
 * which two are the rights. A and D are flags, or ignored.
 */
struct entry {
	uint8_t level;
	bool leaf;
	uint64_t reserved, ignored;
};

static const struct entry entries[] = {
	{ 5, false, 0x880, 0x9ff000000000077c },     /* SS-PML5E, Table 41 */
	{ 4, false, 0x880, 0x9ff000000000077c },     /* SS-PML4E, Table 42 */
	{ 3, true, 0x3ffff000, 0x9ff000000000077c }, /* SS-PDPE, 1 GiB, Table 43 */
	{ 3, false, 0x800, 0x9ff000000000077c },     /* SS-PDPE, Table 44 */
	{ 2, true, 0x1ff000, 0x9ff000000000077c },   /* SS-PDE, 2 MiB, Table 45 */
	{ 2, false, 0x800, 0x9ff000000000077c },     /* SS-PDE, Table 46 */
	{ 1, true, 0, 0x9ff00000000007fc },          /* SS-PTE, Table 47 */
};

#define ENTRIES (sizeof(entries) / sizeof(*entries))

struct sweep {
	struct paging_sweep paging;
	const struct entry *entry;
	unsigned haw, depth, rights;
	bool snoop_control, flags, io, page_2m, page_1g;
	bool each_level; /* the unit's choice: a missing right faults where it is first missing */
	uint64_t output;
};

static unsigned page_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static unsigned leaf_level(const struct sweep *sweep)
{
	return sweep->entry->leaf ? sweep->entry->level : 1;
}

static bool has_size(const struct sweep *sweep, unsigned level)
{
	return level == 1 || (level == 2 && sweep->page_2m) || (level == 3 && sweep->page_1g);
}

/* SSS.2 when there is no right at all, else SGN.6 and SGN.7. */
static struct sweep_reasons of_rights(unsigned rights)
{
	static const struct sweep_reasons by_rights[] = { { 0x79, 0x79, 0x79 }, { 0, 0x85, 0x85 },
		{ 0x86, 0, 0x86 }, { 0, 0, 0 } };

	return by_rights[rights & 3];
}

/*
 * What comes of a condition found in or below the entry. No order is given between that and a right the
 * entry lacks (VT-d 7.1.3): a unit that looks at rights at each level meets the missing right first.
 */
static struct sweep_reasons found(const struct sweep *sweep, unsigned reason)
{
	const struct sweep_reasons rights = of_rights(sweep->rights);

	if (!sweep->each_level)
		return SWEEP_ALL((uint8_t)reason);
	return (struct sweep_reasons){
		.read = rights.read != 0 ? rights.read : (uint8_t)reason,
		.write = rights.write != 0 ? rights.write : (uint8_t)reason,
		.atomic = rights.atomic != 0 ? rights.atomic : (uint8_t)reason,
	};
}

/* R and W, or IR (61) and IW (62). */
static uint64_t right_bits(const struct sweep *sweep, unsigned rights)
{
	return sweep->io ? (uint64_t)rights << 61 : rights;
}

static void make_pasid_entry(struct sweep *sweep)
{
	const uint64_t entry[8] = { sweep->paging.sm.second | SM_SECOND | SM_AW(sweep->depth - 2) |
		    (sweep->flags ? SM_SSADE : 0) | SM_P,
		SM_PWSNP | SM_DOMAIN };

	sm_set_entry(&sweep->paging.sm, sweep->paging.pasid, entry);
	paging_set_fpd(&sweep->paging);
}

/* An entry for each level above the page: the swept one points at a table that stands alone. */
static void build_tables(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->paging.sm.vtd;
	uint64_t table = sweep->paging.sm.second;

	for (unsigned level = sweep->depth;; level--) {
		const uint64_t at = table + (sweep->paging.input >> page_shift(level) & 0x1ff) * 8;
		const unsigned rights = level == sweep->entry->level ? sweep->rights : 3;

		if (level == sweep->entry->level)
			sweep->paging.at = at;
		table = level == leaf_level(sweep) ? sweep->output
		    : level == sweep->entry->level ? PAGING_ROOMY
						   : vt_page(vtd);
		vt_store(vtd, at,
		    table | right_bits(sweep, rights) |
			(level == leaf_level(sweep) && level > 1 ? 0x80 : 0));
		if (level == leaf_level(sweep))
			return;
	}
}

static void build(struct sweep *sweep)
{
	struct scalable *sm = &sweep->paging.sm;
	const struct vtd_setup setup = { .haw = (uint8_t)sweep->haw,
		.cap_clear = (sweep->page_2m ? 0 : CAP_SSLPS_2M) | (sweep->page_1g ? 0 : CAP_SSLPS_1G),
		.cap_set = CAP_ESRTPS,
		.ecap_clear = sweep->snoop_control ? 0 : ECAP_SC,
		.ecap_set = ECAP_SSIRWS,
		.choices.rights_at_each_level = sweep->each_level };

	sm_start_uncached(sm, &setup);
	if (sweep->io)
		sm_latch_root(sm, SM_TTM_SCALABLE | BIT(7));
	sweep->paging.pasid = sweep->depth == 4 ? SM_NO_PASID : SM_PASID;
	sweep->paging.input = INPUT & (BIT(12 + 9 * sweep->depth) - 1);
	sweep->output = leaf_level(sweep) == 1 ? 0x5000 : 0;
	make_pasid_entry(sweep);
	build_tables(sweep);
}

/* Requests come to what the rights allow, or end in the page. */
static void lands(struct sweep *sweep, unsigned rights, uint64_t output, unsigned level)
{
	paging_lands(&sweep->paging, of_rights(rights), output, page_shift(level));
}

/* PS, bit 7, where it is no reserved bit: the entry turns from page to table, or the other way. */
static void flip_page_size(struct sweep *sweep)
{
	if (sweep->entry->leaf) /* a table at 0: RAM, and zero */
		paging_expect(&sweep->paging, found(sweep, 0x79));
	else if (sweep->entry->level == 2 && sweep->page_2m)
		lands(sweep, sweep->rights, PAGING_ROOMY, 2);
	else /* no such pages, or the address is no multiple of 1 GiB */
		paging_expect(&sweep->paging, found(sweep, 0x7a));
}

static void flip_table_address(struct sweep *sweep, unsigned bit)
{
	const struct paging_move move = { .table = PAGING_ROOMY ^ BIT(bit),
		.offset = (sweep->paging.input >> page_shift(sweep->entry->level - 1) & 0x1ff) * 8,
		.hole = found(sweep, 0x78),
		.empty = found(sweep, 0x79) };

	paging_moved_in(&sweep->paging, &move);
	lands(sweep, sweep->rights, sweep->output, 1);
	paging_moved_out(&sweep->paging, &move);
}

static bool is_right(const struct sweep *sweep, unsigned bit)
{
	return sweep->io ? bit == 61 || bit == 62 : bit < 2;
}

/* 62 is reserved where it is no right (9.8); 61, and R and W, are ignored where they are none. */
static bool is_reserved(const struct sweep *sweep, unsigned bit)
{
	if (bit == 62)
		return !sweep->io;
	if (bit == 11 && sweep->entry->leaf)
		return !sweep->snoop_control;
	return (sweep->entry->reserved >> bit & 1) != 0 || (bit >= sweep->haw && bit < 52);
}

static bool is_ignored(const struct sweep *sweep, unsigned bit)
{
	return bit < 2 || bit == 61 || bit == 11 || (sweep->entry->ignored >> bit & 1) != 0;
}

static void flip(struct sweep *sweep, unsigned bit)
{
	const unsigned level = leaf_level(sweep);

	if (is_right(sweep, bit))
		lands(sweep, sweep->rights ^ 1u << (sweep->io ? bit - 61 : bit), sweep->output, level);
	else if (is_reserved(sweep, bit))
		paging_expect(&sweep->paging, found(sweep, 0x7a));
	else if (is_ignored(sweep, bit))
		lands(sweep, sweep->rights, sweep->output, level);
	else if (bit == 7)
		flip_page_size(sweep);
	else if (sweep->entry->leaf)
		lands(sweep, sweep->rights, sweep->output ^ BIT(bit), level);
	else
		flip_table_address(sweep, bit);
}

static void flip_all(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->paging.sm.vtd;
	uint64_t before;

	build(sweep);
	before = vt_load(vtd, sweep->paging.at);
	if (sweep->entry->leaf && !has_size(sweep, sweep->entry->level)) {
		paging_expect(&sweep->paging, found(sweep, 0x7a)); /* PS is reserved (3.7) */
	} else {
		for (unsigned bit = 0; bit < 64; bit++) {
			vt_store(vtd, sweep->paging.at, before ^ BIT(bit));
			flip(sweep, bit);
		}
		vt_store(vtd, sweep->paging.at, before);
		lands(sweep, sweep->rights, sweep->output, leaf_level(sweep));
	}
	sm_stop(&sweep->paging.sm);
}

/* Every entry of every depth, with one or each of the rights; each kind of flags and of rights. */
static void sweep_unit(const struct sweep *unit, unsigned first_rights)
{
	for (unsigned modes = 0; modes < 4; modes++) {
		for (unsigned which = 0; which < 3 * ENTRIES; which++) {
			for (unsigned rights = first_rights; rights < 4; rights++) {
				struct sweep sweep = *unit;

				sweep.depth = 3 + which / ENTRIES;
				sweep.entry = &entries[which % ENTRIES];
				sweep.rights = rights;
				sweep.flags = (modes & 1) != 0;
				sweep.io = (modes & 2) != 0;
				if (sweep.entry->level <= sweep.depth)
					flip_all(&sweep);
			}
		}
	}
}

static void each_bit_of_each_entry_does_what_9_8_says(void **state)
{
	static const uint8_t widths[] = { 39, 46, 52 };

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++)
		for (unsigned snoop = 0; snoop < 2; snoop++)
			sweep_unit(&(struct sweep){ .haw = widths[i],
				       .snoop_control = snoop != 0,
				       .page_2m = true,
				       .page_1g = true },
			    1);
}

static void each_bit_of_each_entry_does_so_when_rights_are_judged_at_each_level(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){ .haw = 46,
		       .snoop_control = true,
		       .page_2m = true,
		       .page_1g = true,
		       .each_level = true },
	    1);
}

static void each_bit_of_each_entry_does_so_without_large_pages(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){ .haw = 46, .snoop_control = true, .page_2m = true }, 3);
	sweep_unit(&(struct sweep){ .haw = 46 }, 3);
}

static void each_bit_of_each_entry_does_so_with_each_set_of_fpd_bits(void **state)
{
	(void)state;
	for (unsigned fpd = 1; fpd < PAGING_FPD_SETS; fpd++)
		sweep_unit(&(struct sweep){ .haw = 46,
			       .snoop_control = true,
			       .page_2m = true,
			       .page_1g = true,
			       .paging = { .fpd = fpd } },
		    3);
}

/* No right at all: no other bit counts, alone or in an entry that was good. */
static void each_bit_of_an_entry_that_is_not_present_is_ignored(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * ENTRIES; i++) {
		struct sweep sweep = { .haw = 39,
			.depth = 5,
			.rights = 3,
			.page_2m = true,
			.page_1g = true,
			.io = i >= ENTRIES,
			.entry = &entries[i % ENTRIES] };
		struct vtd_fixture *vtd = &sweep.paging.sm.vtd;
		uint64_t before;

		build(&sweep);
		before = vt_load(vtd, sweep.paging.at) & ~right_bits(&sweep, 3);
		for (unsigned bit = 0; bit < 64; bit++) {
			if (is_right(&sweep, bit))
				continue;
			vt_store(vtd, sweep.paging.at, BIT(bit));
			paging_expect(&sweep.paging, SWEEP_ALL(0x79));
			vt_store(vtd, sweep.paging.at, before ^ BIT(bit));
			paging_expect(&sweep.paging, SWEEP_ALL(0x79));
		}
		sm_stop(&sweep.paging.sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_entry_does_what_9_8_says),
		cmocka_unit_test(each_bit_of_each_entry_does_so_when_rights_are_judged_at_each_level),
		cmocka_unit_test(each_bit_of_each_entry_does_so_without_large_pages),
		cmocka_unit_test(each_bit_of_each_entry_does_so_with_each_set_of_fpd_bits),
		cmocka_unit_test(each_bit_of_an_entry_that_is_not_present_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
