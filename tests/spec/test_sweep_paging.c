/*
 * Every bit of every second-stage paging entry (VT-d 3.7, 9.8 Tables 41 to 47), flipped one at a time
 * in an entry that is otherwise good: at each level of tables of each depth, for each page size, with
 * and without snoop control and large pages, for three host address widths and with each of the rights.
 */
#include "sweep.h"

/* The index differs at every level: 0x1a5, 0x0c3, 0x12f, 0x07e, 0x0e1 from the top. */
#define INPUT                                                                                          \
	(UINT64_C(0x1a5) << 48 | UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 |                       \
	    UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

#define ROOMY UINT64_C(0x3000000) /* a table here has no other one a flipped bit away; 2 MiB aligned */

/* What the tables call reserved and ignored, without what depends on HAW, SC or SSLPS. */
struct entry {
	uint8_t level;
	bool leaf;
	uint64_t reserved, ignored;
};

static const struct entry entries[] = {
	{ 5, false, 0x4000000000000880, 0xbff000000000077c }, /* SS-PML5E, Table 41 */
	{ 4, false, 0x4000000000000880, 0xbff000000000077c }, /* SS-PML4E, Table 42 */
	{ 3, true, 0x400000003ffff000, 0xbff000000000077c },  /* SS-PDPE, 1 GiB, Table 43 */
	{ 3, false, 0x4000000000000800, 0xbff000000000077c }, /* SS-PDPE, Table 44 */
	{ 2, true, 0x40000000001ff000, 0xbff000000000077c },  /* SS-PDE, 2 MiB, Table 45 */
	{ 2, false, 0x4000000000000800, 0xbff000000000077c }, /* SS-PDE, Table 46 */
	{ 1, true, 0x4000000000000000, 0xbff00000000007fc },  /* SS-PTE, Table 47 */
};

#define ENTRIES (sizeof(entries) / sizeof(*entries))

/* One unit, one depth, one entry of it. */
struct sweep {
	struct vtd_fixture vtd;
	const struct entry *entry;
	unsigned haw, depth, rights;
	bool snoop_control, page_2m, page_1g;
	bool transient;     /* leaves have TM, bit 62: revisions before 3.2, with DT */
	bool each_level;    /* the unit's choice: a missing right faults where it is first missing */
	uint64_t input, at; /* of the entry */
	uint64_t output;    /* of the page INPUT is in */
};

static unsigned page_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static uint64_t offset_in(uint64_t address, unsigned level)
{
	return address & (BIT(page_shift(level)) - 1);
}

static bool has_size(const struct sweep *sweep, unsigned level)
{
	return level == 1 || (level == 2 && sweep->page_2m) || (level == 3 && sweep->page_1g);
}

/* Tables down to the entry, a page behind it. The table it points at stands alone. */
static void build(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->vtd;
	const unsigned leaf = sweep->entry->leaf ? sweep->entry->level : 1;
	const struct vtd_setup setup = { .haw = (uint8_t)sweep->haw,
		.levels = (uint8_t)sweep->depth,
		.cap_clear = (sweep->page_2m ? 0 : CAP_SSLPS_2M) | (sweep->page_1g ? 0 : CAP_SSLPS_1G),
		.ecap_clear = sweep->snoop_control ? 0 : ECAP_SC,
		.revision = sweep->transient ? 0x301 : 0,
		.choices.rights_at_each_level = sweep->each_level };

	sweep_start(vtd, &setup);
	sweep->input = INPUT & (BIT(12 + 9 * sweep->depth) - 1);
	sweep->output = leaf == 1 ? 0x5000 : 0;
	for (unsigned level = sweep->depth; level > leaf; level--) {
		const uint64_t at = vt_entry_at(vtd, sweep->input, level);

		vt_store(vtd, at, (level == sweep->entry->level ? ROOMY : vt_page(vtd)) | 3);
	}
	vt_map_level(vtd, sweep->input, sweep->output, 3, leaf);
	sweep->at = vt_entry_at(vtd, sweep->input, sweep->entry->level);
	vt_store(vtd, sweep->at, (vt_load(vtd, sweep->at) & ~UINT64_C(3)) | sweep->rights);
}

/* Requests come to what the rights allow; those that pass end in the page at `output`. */
static void lands(struct sweep *sweep, unsigned rights, uint64_t output, unsigned level)
{
	const enum iommusim_dma_kind kind = rights == 2 ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ;
	struct iommusim_dma_page page;

	sweep_expect(&sweep->vtd, sweep->input, sweep_rights(rights));
	if (rights == 0)
		return;
	page = vt_access(sweep->vtd.device, kind, sweep->input | 0x18, 8);
	assert_false(page.faulted);
	assert_int_equal(page.physical, output | offset_in(sweep->input, level) | 0x18);
	assert_int_equal(page.page_shift, page_shift(level));
}

/*
 * What comes of a condition found in or below the entry. No order is given between that and a right the
 * entry lacks (VT-d 7.1.3): a unit that looks at rights at each level meets the missing right first.
 */
static struct sweep_reasons found(const struct sweep *sweep, unsigned reason)
{
	const struct sweep_reasons rights = sweep_rights(sweep->rights);

	if (!sweep->each_level)
		return SWEEP_ALL((uint8_t)reason);
	return (struct sweep_reasons){
		.read = rights.read != 0 ? rights.read : (uint8_t)reason,
		.write = rights.write != 0 ? rights.write : (uint8_t)reason,
		.atomic = rights.atomic != 0 ? rights.atomic : (uint8_t)reason,
	};
}

/* PS, bit 7, where it is no reserved bit: the entry turns from page to table, or the other way. */
static void flip_page_size(struct sweep *sweep)
{
	const unsigned level = sweep->entry->level;

	if (sweep->entry->leaf) /* a table at 0: RAM, and zero */
		sweep_expect(&sweep->vtd, sweep->input, SWEEP_NOT_PRESENT);
	else if (level == 2 && sweep->page_2m)
		lands(sweep, sweep->rights, ROOMY, 2);
	else /* no such pages, or the address is no multiple of 1 GiB */
		sweep_expect(&sweep->vtd, sweep->input, found(sweep, 0xc));
}

/* The next table is elsewhere: what stood in the old one is copied to the new one. */
static void flip_table_address(struct sweep *sweep, unsigned bit)
{
	struct vtd_fixture *vtd = &sweep->vtd;
	struct sweep_move move = {
		.quads = 1, .address = sweep->input, .hole = found(sweep, 7), .empty = SWEEP_NOT_PRESENT
	};

	move.table = ROOMY ^ BIT(bit);
	move.offset = (sweep->input >> page_shift(sweep->entry->level - 1) & 0x1ff) * 8;
	move.entry[0] = vt_load(vtd, ROOMY + move.offset);
	sweep_moved_in(vtd, &move);
	lands(sweep, sweep->rights, sweep->output, 1);
	sweep_moved_out(vtd, &move);
}

static void flip(struct sweep *sweep, unsigned bit)
{
	const struct entry *entry = sweep->entry;
	const bool snoop = bit == 11 && entry->leaf;
	const bool transient = bit == 62 && entry->leaf && sweep->transient;

	if (bit < 2)
		lands(sweep, sweep->rights ^ 1u << bit, sweep->output, entry->leaf ? entry->level : 1);
	else if (((entry->reserved >> bit & 1) != 0 && !transient) || (bit >= sweep->haw && bit < 52) ||
	    (snoop && !sweep->snoop_control))
		sweep_expect(&sweep->vtd, sweep->input, found(sweep, 0xc));
	else if ((entry->ignored >> bit & 1) != 0 || snoop || transient)
		lands(sweep, sweep->rights, sweep->output, entry->leaf ? entry->level : 1);
	else if (bit == 7)
		flip_page_size(sweep);
	else if (entry->leaf)
		lands(sweep, sweep->rights, sweep->output ^ BIT(bit), entry->level);
	else
		flip_table_address(sweep, bit);
}

static void flip_all(struct sweep *sweep)
{
	uint64_t before;

	build(sweep);
	before = vt_load(&sweep->vtd, sweep->at);
	if (sweep->entry->leaf && !has_size(sweep, sweep->entry->level)) {
		sweep_expect(&sweep->vtd, sweep->input, found(sweep, 0xc)); /* PS is reserved (3.7) */
	} else {
		for (unsigned bit = 0; bit < 64; bit++) {
			vt_store(&sweep->vtd, sweep->at, before ^ BIT(bit));
			flip(sweep, bit);
		}
		vt_store(&sweep->vtd, sweep->at, before);
		lands(
		    sweep, sweep->rights, sweep->output, sweep->entry->leaf ? sweep->entry->level : 1);
	}
	vt_stop(&sweep->vtd);
}

/* Every entry of every depth with every one of the rights. */
static void sweep_unit(const struct sweep *unit)
{
	for (unsigned depth = 3; depth <= 5; depth++) {
		for (size_t i = 0; i < ENTRIES; i++) {
			for (unsigned rights = 1; entries[i].level <= depth && rights < 4; rights++) {
				struct sweep sweep = *unit;

				sweep.depth = depth;
				sweep.entry = &entries[i];
				sweep.rights = rights;
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
			    .page_1g = true });
}

static void each_bit_of_each_entry_does_so_without_1_gib_pages(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){ .haw = 46, .snoop_control = true, .page_2m = true });
}

static void each_bit_of_each_entry_does_so_without_large_pages(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){ .haw = 46 });
}

static void each_bit_of_each_entry_does_so_when_rights_are_judged_at_each_level(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){
	    .haw = 46, .snoop_control = true, .page_2m = true, .page_1g = true, .each_level = true });
	sweep_unit(&(struct sweep){ .haw = 39, .each_level = true });
}

/* Until revision 3.2 bit 62 of a leaf was a hint for device-TLBs, and ignored where there are any. */
static void each_bit_of_each_entry_does_so_with_transient_mappings(void **state)
{
	(void)state;
	sweep_unit(&(struct sweep){
	    .haw = 46, .snoop_control = true, .page_2m = true, .page_1g = true, .transient = true });
}

/* R=W=0: the entry is not present, and no other bit counts: alone, or in an entry that was good. */
static void each_bit_of_an_entry_without_rights_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		struct sweep sweep = { .haw = 39, .depth = 5, .entry = &entries[i], .rights = 3 };
		uint64_t before;

		build(&sweep);
		before = vt_load(&sweep.vtd, sweep.at) & ~UINT64_C(3);
		for (unsigned bit = 2; bit < 64; bit++) {
			struct iommusim_dma_page page;

			vt_store(&sweep.vtd, sweep.at, before ^ BIT(bit));
			sweep_expect(&sweep.vtd, sweep.input, SWEEP_NOT_PRESENT);
			vt_store(&sweep.vtd, sweep.at, BIT(bit));
			sweep_expect(&sweep.vtd, sweep.input, SWEEP_NOT_PRESENT);
			page = vt_access(sweep.vtd.device, IOMMUSIM_DMA_READ, sweep.input, 8);
			assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_NOT_PRESENT);
			vt_clear_record(&sweep.vtd, page.fault.index);
		}
		vt_store(&sweep.vtd, sweep.at, ~UINT64_C(3));
		sweep_expect(&sweep.vtd, sweep.input, SWEEP_NOT_PRESENT);
		vt_stop(&sweep.vtd);
	}
}

/* PS decides alone: one entry is a 1 GiB page or names a table, when its address is good for both. */
static void the_page_size_bit_turns_a_table_into_a_page_of_1_gib(void **state)
{
	const uint64_t table = UINT64_C(0x40000000);
	struct sweep sweep = { .haw = 46, .depth = 4, .entry = &entries[3], .rights = 3 };

	(void)state;
	sweep.page_1g = true;
	build(&sweep);
	assert_int_equal(
	    iommusim_memory_add(sweep.vtd.machine, table, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	vt_store(&sweep.vtd, table + 0x07e * UINT64_C(8), vt_page(&sweep.vtd) | 3);
	vt_store(&sweep.vtd, sweep.at, table | 3);
	vt_map(&sweep.vtd, sweep.input, 0x9000, 3);
	lands(&sweep, 3, 0x9000, 1);
	vt_store(&sweep.vtd, sweep.at, table | 0x83);
	lands(&sweep, 3, table, 3);
	vt_stop(&sweep.vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_entry_does_what_9_8_says),
		cmocka_unit_test(each_bit_of_each_entry_does_so_without_1_gib_pages),
		cmocka_unit_test(each_bit_of_each_entry_does_so_without_large_pages),
		cmocka_unit_test(each_bit_of_each_entry_does_so_when_rights_are_judged_at_each_level),
		cmocka_unit_test(each_bit_of_each_entry_does_so_with_transient_mappings),
		cmocka_unit_test(each_bit_of_an_entry_without_rights_is_ignored),
		cmocka_unit_test(the_page_size_bit_turns_a_table_into_a_page_of_1_gib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
