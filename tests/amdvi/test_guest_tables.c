/*
 * Guest (v2) tables (AMD-Vi 2.2.6, 2.2.7): the GCR3 table of a PASID, x86 tables of four and five levels, requests
 * without PASID, rights, and the nested walk. Every bit of their entries: test_sweep_guest_tables.c. Generated
 * tables: tests/property/test_amdvi_walks.c.
 */
#include "amdvi_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

enum { E_GN = 1, E_NX = 2, E_US = 4, E_PR = 0x10, E_RW = 0x20, E_PE = 0x40, E_RZ = 0x80 };
enum { P = 1, RW = 2, US = 4, PS = 0x80 };
#define XD      BIT(63)
#define GIOV    BIT(54)
#define GV      BIT(55)
#define HOST_RW (BIT(61) | BIT(62))

struct guest {
	struct amd_fixture amd;
	uint64_t gcr3, root;
	uint64_t dte[4];
	unsigned levels;
};

/* A device of guest tables alone: GLX levels of GCR3 tables, PASID 0 and 5 lead to the same tables. */
static void start(struct guest *guest, unsigned levels, uint64_t efr_set, uint64_t efr_clear)
{
	const struct amd_setup setup = {
		.efr_set = efr_set, .efr_clear = efr_clear, .settings.cache = IOMMUSIM_CACHE_NONE
	};

	memset(guest, 0, sizeof(*guest));
	am_start_enabled(&guest->amd, &setup);
	am_control(&guest->amd, C_GT_EN, 0);
	guest->levels = levels;
	guest->gcr3 = am_page(&guest->amd);
	guest->root = am_page(&guest->amd);
	am_store(&guest->amd, guest->gcr3, guest->root | 1);
	am_store(&guest->amd, guest->gcr3 + 5 * UINT64_C(8), guest->root | 1);
	/* GCR3 14:12 in 60:58, 30:15 in 95:80, 51:31 in 127:107; GuestPagingMode in 183:182 */
	guest->dte[0] = 3 | GV | (guest->gcr3 >> 12 & 7) << 58 | HOST_RW;
	guest->dte[1] = AMD_DOMAIN | (guest->gcr3 >> 15 & 0xffff) << 16 | guest->gcr3 >> 31 << 43;
	guest->dte[2] = levels == 5 ? BIT(54) : 0;
	am_set_dte(&guest->amd, AMD_RID, guest->dte);
}

/* The entry of a level, in memory; tables above it are made. */
static uint64_t entry_at(struct guest *guest, uint64_t address, unsigned level)
{
	uint64_t table = guest->root;

	for (unsigned at = guest->levels;; at--) {
		const uint64_t entry_at = table + (address >> (12 + 9 * (at - 1)) & 0x1ff) * 8;

		if (at == level)
			return entry_at;
		if ((am_load(&guest->amd, entry_at) & P) == 0)
			am_store(&guest->amd, entry_at, am_page(&guest->amd) | P | RW | US);
		table = am_load(&guest->amd, entry_at) & UINT64_C(0xffffffffff000);
	}
}

static void map(struct guest *guest, uint64_t address, uint64_t entry)
{
	am_store(&guest->amd, entry_at(guest, address, 1), entry);
}

enum { AS_USER = 0, AS_SUPERVISOR = 1, EXECUTING = 2 };
#define NO_PASID UINT32_MAX

static struct iommusim_dma_page reach(
    struct guest *guest, uint32_t pasid, enum iommusim_dma_kind kind, uint64_t address, unsigned as)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.kind = kind,
		.has_pasid = pasid != NO_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid,
		.privileged = (as & AS_SUPERVISOR) != 0,
		.execute = (as & EXECUTING) != 0 };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(guest->amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

static void expect_output(
    struct guest *guest, uint32_t pasid, uint64_t address, uint64_t output, unsigned shift)
{
	const struct iommusim_dma_page page = reach(guest, pasid, IOMMUSIM_DMA_READ, address, AS_USER);

	assert_false(page.faulted);
	assert_int_equal(page.physical, output);
	assert_int_equal(page.page_shift, shift);
}

/* A denied access and its event: code 2 and these flags; the PASID, or the domain when there is none. */
static void expect_fault(struct guest *guest, uint32_t pasid, enum iommusim_dma_kind kind,
    uint64_t address, unsigned as, unsigned flags)
{
	const struct iommusim_dma_page page = reach(guest, pasid, kind, address, as);
	const uint64_t who = pasid == NO_PASID
	    ? (uint64_t)AMD_DOMAIN << 32
	    : (uint64_t)(pasid & 0xffff) << 32 | (uint64_t)(pasid >> 16) << 16;
	uint64_t event[2];

	if (pasid != NO_PASID)
		flags |=
		    E_GN | ((as & AS_SUPERVISOR) != 0 ? 0 : E_US) | ((as & EXECUTING) != 0 ? E_NX : 0);
	assert_true(page.faulted);
	am_only_event(&guest->amd, event);
	assert_int_equal(event[0],
	    UINT64_C(2) << 60 | (uint64_t)(flags | (kind == IOMMUSIM_DMA_READ ? 0 : E_RW)) << 48 | who |
		AMD_RID);
	assert_int_equal(event[1], address);
}

/* ---- tables alone -------------------------------------------------------------------------------------------- */

static void pages_of_4_kib_2_mib_and_1_gib(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		struct guest guest;

		start(&guest, levels, 0, 0);
		map(&guest, 0x123456789000, 0x9000 | P | RW | US);
		am_store(&guest.amd, entry_at(&guest, 0x40000000, 2), 0x600000 | P | RW | US | PS);
		am_store(&guest.amd, entry_at(&guest, 0x80000000, 3), 0 | P | RW | US | PS);
		expect_output(&guest, 5, 0x123456789008, 0x9008, 12);
		expect_output(&guest, 5, 0x40012348, 0x612348, 21);
		expect_output(&guest, 5, 0x80123458, 0x123458, 30);
		am_store(&guest.amd, entry_at(&guest, 0x8000000000, 4), 0 | P | RW | US | PS);
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x8000000000, 0, E_PR | E_RZ);
		am_stop(&guest.amd);
	}
}

static void what_is_not_present_is_a_fault_without_flags(void **state)
{
	struct guest guest;

	(void)state;
	start(&guest, 4, 0, 0);
	map(&guest, 0x5000, 0x9000 | P | RW | US);
	for (unsigned level = 1; level <= 4; level++) {
		const uint64_t at = entry_at(&guest, 0x5000, level), entry = am_load(&guest.amd, at);

		am_store(&guest.amd, at, entry & ~UINT64_C(1));
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
		am_store(&guest.amd, at, entry);
	}
	expect_output(&guest, 5, 0x5000, 0x9000, 12);
	am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), guest.root);
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
	am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), guest.root | 1 | BIT(4));
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, E_PR | E_RZ);
	am_stop(&guest.amd);
}

static void a_user_needs_every_entry_and_a_writer_too(void **state)
{
	struct guest guest;

	(void)state;
	start(&guest, 4, 0, 0);
	map(&guest, 0x5000, 0x9000 | P | RW | US);
	for (unsigned level = 1; level <= 4; level++) {
		const uint64_t at = entry_at(&guest, 0x5000, level), entry = am_load(&guest.amd, at);

		am_store(&guest.amd, at, entry & ~UINT64_C(4)); /* US */
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, AS_USER, E_PR | E_PE);
		/* only the event tells of it: the device is not aborted */
		assert_false(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, AS_USER).fault.aborts);
		am_drain_events(&guest.amd);
		assert_false(reach(&guest, 5, IOMMUSIM_DMA_WRITE, 0x5000, AS_SUPERVISOR).faulted);
		am_store(&guest.amd, at, entry & ~UINT64_C(2)); /* RW: a supervisor's writes too */
		expect_fault(&guest, 5, IOMMUSIM_DMA_WRITE, 0x5000, AS_USER, E_PR | E_PE);
		expect_fault(&guest, 5, IOMMUSIM_DMA_WRITE, 0x5000, AS_SUPERVISOR, E_PR | E_PE);
		expect_output(&guest, 5, 0x5000, 0x9000, 12);
		am_store(&guest.amd, at, entry | XD);
		expect_output(&guest, 5, 0x5000, 0x9000, 12);
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, EXECUTING, E_PR | E_PE);
		am_store(&guest.amd, at, entry);
		assert_false(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, EXECUTING).faulted);
	}
	am_stop(&guest.amd);
}

/* ---- PASIDs -------------------------------------------------------------------------------------------------- */

/* GLX: nine bits of the PASID for each level, from the highest down. */
static void gcr3_tables_have_one_to_three_levels(void **state)
{
	static const uint32_t pasids[] = { 5, 0x1ff, 0x200, 0x3fe05, 0x40005, 0xfffff };

	(void)state;
	for (unsigned glx = 0; glx < 3; glx++)
		for (unsigned i = 0; i < 6; i++) {
			struct guest guest;
			uint64_t table;

			start(&guest, 4, 0, 0);
			map(&guest, 0x5000, 0x9000 | P | RW | US);
			guest.dte[0] |= (uint64_t)glx << 56;
			am_set_dte(&guest.amd, AMD_RID, guest.dte);
			am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), 0);
			table = guest.gcr3;
			for (unsigned level = glx; level > 0; level--) {
				const uint64_t next = am_page(&guest.amd);

				am_store(&guest.amd,
				    table + (pasids[i] >> (9 * level) & 0x1ff) * UINT64_C(8), next | 1);
				table = next;
			}
			am_store(&guest.amd, table + (pasids[i] & 0x1ff) * UINT64_C(8), guest.root | 1);
			if (pasids[i] >> (9 * (glx + 1)) == 0)
				expect_output(&guest, pasids[i], 0x5008, 0x9008, 12);
			else
				expect_fault(&guest, pasids[i], IOMMUSIM_DMA_READ, 0x5008, 0, 0);
			am_stop(&guest.amd);
		}
}

/* The table is where all bits of its address say: 14:12 in 60:58, 30:15 in 95:80, 51:31 in 127:107. */
static void the_gcr3_table_may_be_anywhere(void **state)
{
	static const uint64_t places[] = { 0x8001000, 0x80000000, 0x100000000, 0x8000000004000,
		0xffff7fffff000 };

	(void)state;
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct guest guest;
		uint64_t entry;

		start(&guest, 4, 0, 0);
		map(&guest, 0x5000, 0x9000 | P | RW | US);
		assert_int_equal(
		    iommusim_memory_add(guest.amd.machine, places[i], 0x1000, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
		entry = guest.root | 1;
		assert_int_equal(
		    iommusim_memory_write(guest.amd.machine, places[i] + 40, &entry, 8), IOMMUSIM_OK);
		guest.dte[0] = 3 | GV | (places[i] >> 12 & 7) << 58 | HOST_RW;
		guest.dte[1] = AMD_DOMAIN | (places[i] >> 15 & 0xffff) << 16 | places[i] >> 31 << 43;
		am_set_dte(&guest.amd, AMD_RID, guest.dte);
		expect_output(&guest, 5, 0x5008, 0x9008, 12);
		am_stop(&guest.amd);
	}
}

/* What was read last is told with the fault. */
static void a_fault_of_the_gcr3_table_shows_its_entry(void **state)
{
	struct guest guest;

	(void)state;
	start(&guest, 4, 0, 0);
	am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), 0x77000);
	assert_int_equal(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0).entry, 0x77000);
	am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), 0x77003);
	assert_int_equal(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0).entry, 0x77003);
	am_stop(&guest.amd);
}

/* EFR.PASmax: bits less one. */
static void a_pasid_beyond_the_units_bits_is_a_fault(void **state)
{
	struct guest guest;

	(void)state;
	start(&guest, 4, UINT64_C(7) << 32, F_PASMAX);
	map(&guest, 0x5000, 0x9000 | P | RW | US);
	am_store(&guest.amd, guest.gcr3 + 0xff * UINT64_C(8), guest.root | 1);
	am_store(&guest.amd, guest.gcr3 + 0x100 * UINT64_C(8), guest.root | 1);
	expect_output(&guest, 0xff, 0x5000, 0x9000, 12);
	expect_fault(&guest, 0x100, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
	am_stop(&guest.amd);
}

static void a_pasid_needs_guest_translation(void **state)
{
	struct guest guest;

	(void)state;
	start(&guest, 4, 0, 0);
	map(&guest, 0x5000, 0x9000 | P | RW | US);
	am_control(&guest.amd, 0, C_GT_EN);
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
	am_control(&guest.amd, C_GT_EN, 0);
	expect_output(&guest, 5, 0x5000, 0x9000, 12);
	guest.dte[0] &= ~GV;
	am_set_dte(&guest.amd, AMD_RID, guest.dte);
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
	am_stop(&guest.amd);
}

/* Codes of GLX and GuestPagingMode: reserved ones, and those the unit has not. */
static void levels_that_the_unit_has_not_are_illegal(void **state)
{
	static const struct {
		uint64_t efr_clear;
		unsigned glx, mode, event;
	} cases[] = {
		{ 0, 2, 1, 0 },
		{ 0, 3, 0, 0x1000 | E_RZ | E_GN },
		{ 0, 0, 2, 0x1000 | E_RZ | E_GN },
		{ 0, 0, 3, 0x1000 | E_RZ | E_GN },
		{ F_GATS, 0, 0, 0 },
		{ F_GATS, 0, 1, 0x1000 | E_GN },
		{ F_GLX, 0, 0, 0 },
		{ F_GLX, 1, 0, 0x1000 | E_GN },
		{ F_GLX, 2, 0, 0x1000 | E_GN },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct guest guest;
		uint64_t event[2];

		start(&guest, 4, 0, cases[i].efr_clear);
		guest.dte[0] |= (uint64_t)cases[i].glx << 56;
		guest.dte[2] = (uint64_t)cases[i].mode << 54;
		am_set_dte(&guest.amd, AMD_RID, guest.dte);
		reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0);
		am_only_event(&guest.amd, event);
		if (cases[i].event == 0) /* the tables are empty */
			assert_int_equal(event[0] >> 60, 2);
		else
			assert_int_equal(event[0] >> 48, cases[i].event);
		am_stop(&guest.amd);
	}
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

static void addresses_of_a_pasid_are_canonical(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		const unsigned width = 12 + 9 * levels;
		const uint64_t high = ~(BIT(width - 1) - 1);
		struct guest guest;

		start(&guest, levels, 0, 0);
		map(&guest, high + 0x5000, 0x9000 | P | RW | US);
		map(&guest, BIT(width - 1) - 0x1000, 0xa000 | P | RW | US);
		expect_output(&guest, 5, high + 0x5000, 0x9000, 12);
		expect_output(&guest, 5, BIT(width - 1) - 0x1000, 0xa000, 12);
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, BIT(width - 1) + 0x5000, 0, 0);
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, BIT(63), 0, 0);
		am_stop(&guest.amd);
	}
}

/* GIoV: PASID 0 for requests without one, and no sign: every bit of the tables counts. */
static void requests_without_pasid_use_pasid_0_unsigned(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		const unsigned width = 12 + 9 * levels;
		struct guest guest;

		start(&guest, levels, 0, 0);
		map(&guest, BIT(width - 1) + 0x5000, 0x9000 | P | RW | US);
		expect_output(&guest, NO_PASID, BIT(40), BIT(40), 12); /* Mode 0 */
		guest.dte[0] |= GIOV;
		am_set_dte(&guest.amd, AMD_RID, guest.dte);
		expect_output(&guest, NO_PASID, BIT(width - 1) + 0x5000, 0x9000, 12);
		expect_output(&guest, 0, BIT(width - 1) + 0x5000, 0x9000, 12);
		expect_fault(&guest, NO_PASID, IOMMUSIM_DMA_READ, BIT(width) + 0x5000, 0, 0);
		expect_fault(&guest, NO_PASID, IOMMUSIM_DMA_READ, ~(BIT(width - 1) - 1) + 0x5000, 0, 0);
		expect_fault(&guest, NO_PASID, IOMMUSIM_DMA_WRITE, 0x7000, 0, 0);
		am_stop(&guest.amd);
	}
}

/* ---- nested -------------------------------------------------------------------------------------------------- */

/*
 * Host tables translate what guest tables and their CR3 hold: guest memory is 1 MiB higher up. The guest's
 * tables are those of `guest`, named by guest addresses.
 */
#define SLID UINT64_C(0x100000)

static void start_nested(struct guest *guest, uint64_t efr2)
{
	const struct amd_setup setup = { .efr2 = efr2, .settings.cache = IOMMUSIM_CACHE_NONE };
	uint64_t plain[4], tables;

	memset(guest, 0, sizeof(*guest));
	am_start_enabled(&guest->amd, &setup);
	am_control(&guest->amd, C_GT_EN, 0);
	guest->levels = 4;
	guest->gcr3 = am_page(&guest->amd);
	tables = am_pages(&guest->amd, 4);
	guest->root = tables;
	for (unsigned i = 0; i < 3; i++)
		am_store(&guest->amd, tables + i * UINT64_C(0x1000),
		    (tables + (i + 1) * UINT64_C(0x1000) + SLID) | P | RW | US);
	am_store(&guest->amd, tables + 0x3000 + 5 * UINT64_C(8), 0x40000 | P | RW | US);
	for (unsigned i = 0; i < 4; i++)
		am_map(&guest->amd, tables + i * UINT64_C(0x1000) + SLID, tables + i * UINT64_C(0x1000),
		    3);
	am_map(&guest->amd, guest->gcr3 + SLID, guest->gcr3, 3);
	am_map(&guest->amd, 0x40000, 0x9000, 3);
	am_store(&guest->amd, guest->gcr3 + 5 * UINT64_C(8), (tables + SLID) | 1);
	am_plain_dte(&guest->amd, plain);
	memcpy(guest->dte, plain, sizeof(plain));
	guest->dte[0] |= GV | (guest->gcr3 >> 12 & 7) << 58;
	guest->dte[1] |= (guest->gcr3 >> 15 & 0xffff) << 16;
	am_set_dte(&guest->amd, AMD_RID, guest->dte);
}

static void every_address_of_the_guest_goes_through_host_tables(void **state)
{
	struct guest guest;

	(void)state;
	start_nested(&guest, 0);
	expect_output(&guest, 5, 0x5008, 0x9008, 12);
	/* a request without PASID meets the host tables alone */
	expect_output(&guest, NO_PASID, 0x40008, 0x9008, 12);
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t table = guest.root + i * UINT64_C(0x1000);

		am_unmap(&guest.amd, table + SLID);
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0);
		am_map(&guest.amd, table + SLID, table, 2); /* cannot be read */
		expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, E_PR | E_PE);
		am_map(&guest.amd, table + SLID, table, 1);
		expect_output(&guest, 5, 0x5008, 0x9008, 12);
		am_map(&guest.amd, table + SLID, table, 3);
	}
	am_map(&guest.amd, 0x40000, 0x9000, 1);
	expect_output(&guest, 5, 0x5008, 0x9008, 12);
	expect_fault(&guest, 5, IOMMUSIM_DMA_WRITE, 0x5000, 0, E_PR | E_PE);
	am_stop(&guest.amd);
}

/* The smaller of the two pages is what is known. */
static void a_nested_page_is_the_smaller_of_two(void **state)
{
	struct guest guest;

	(void)state;
	start_nested(&guest, 0);
	am_store(&guest.amd, guest.root + 0x2000 + 8, 0x200000 | P | RW | US | PS);
	am_map(&guest.amd, 0x234000, 0xa000, 3);
	expect_output(&guest, 5, 0x234008, 0xa008, 12);
	/* 64 KiB of host pages below 2 MiB of the guest's */
	for (unsigned i = 0; i < 16; i++)
		am_store(&guest.amd, am_entry_at(&guest.amd, 0x280000 + i * 0x1000, 1),
		    1 | 7 << 9 | 0x307000 | HOST_RW);
	expect_output(&guest, 5, 0x284008, 0x304008, 16);
	am_stop(&guest.amd);
}

/* CONTROL.GCR3TRPMode: the GCR3 table itself is at a guest address. */
static void the_gcr3_table_may_be_at_a_guest_address(void **state)
{
	struct guest guest;

	(void)state;
	start_nested(&guest, F2_GCR3TRP);
	expect_output(&guest, 5, 0x5008, 0x9008, 12);
	am_control(&guest.amd, BIT(58), 0);
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, 0); /* nothing is there for hosts */
	guest.dte[0] = (guest.dte[0] & ~(UINT64_C(7) << 58)) | ((guest.gcr3 + SLID) >> 12 & 7) << 58;
	guest.dte[1] = (guest.dte[1] & 0xffff) | ((guest.gcr3 + SLID) >> 15 & 0xffff) << 16;
	am_set_dte(&guest.amd, AMD_RID, guest.dte);
	expect_output(&guest, 5, 0x5008, 0x9008, 12);
	am_map(&guest.amd, guest.gcr3 + SLID, guest.gcr3, 2);
	expect_fault(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0, E_PR | E_PE);
	assert_string_equal(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0).fault.meaning,
	    "host tables do not let a guest table be read, or flags be set in it");
	am_stop(&guest.amd);
}

/*
 * HAD 3: a guest's table that gets an accessed flag is written, and the host's page of it dirty; where that flag
 * cannot be set, event 4 says where. The host's leaves of the guest's tables are in a ROM here, accessed already.
 */
static void a_guest_table_whose_host_page_cannot_get_dirty_is_a_hardware_error(void **state)
{
	const uint64_t rom = 0x8000000;
	struct guest guest;
	uint64_t event[2], root;

	(void)state;
	start_nested(&guest, 0);
	guest.dte[0] |= UINT64_C(3) << 7;
	am_set_dte(&guest.amd, AMD_RID, guest.dte);
	assert_int_equal(
	    iommusim_memory_add(guest.amd.machine, rom, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	root = rom + ((guest.root + SLID) >> 12 & 0x1ff) * 8;
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t leaf = (guest.root + i * UINT64_C(0x1000)) | HOST_RW | BIT(5) | 1;

		assert_int_equal(
		    iommusim_memory_write(guest.amd.machine, root + i * UINT64_C(8), &leaf, 8),
		    IOMMUSIM_OK);
	}
	am_store(&guest.amd, am_entry_at(&guest.amd, guest.root + SLID, 2),
	    rom | HOST_RW | UINT64_C(1) << 9 | BIT(5) | 1);
	assert_true(reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0).faulted);
	am_only_event(&guest.amd, event);
	assert_int_equal(
	    event[0], UINT64_C(4) << 60 | (uint64_t)(0x400 | E_GN) << 48 | UINT64_C(5) << 32 | AMD_RID);
	assert_int_equal(event[1], root);
	assert_int_equal(am_load(&guest.amd, guest.root) & BIT(5), 0);
	am_stop(&guest.amd);
}

/* Its page is the host's: of the guest's address only what is below the page's size is kept. */
static void a_gcr3_table_at_a_guest_address_is_in_the_page_of_the_host(void **state)
{
	struct guest guest;

	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		uint64_t address, page;

		start_nested(&guest, F2_GCR3TRP);
		am_control(&guest.amd, BIT(58), 0);
		page = am_pages(&guest.amd, 2);
		if ((page >> 12 & 1) != odd)
			page += 0x1000;
		address = (page ^ 0x1000) + SLID;
		am_map(&guest.amd, address, page, 3);
		am_store(&guest.amd, page + 5 * UINT64_C(8), (guest.root + SLID) | 1);
		guest.dte[0] = (guest.dte[0] & ~(UINT64_C(7) << 58)) | (address >> 12 & 7) << 58;
		guest.dte[1] = (guest.dte[1] & 0xffff) | (address >> 15 & 0xffff) << 16;
		am_set_dte(&guest.amd, AMD_RID, guest.dte);
		expect_output(&guest, 5, 0x5008, 0x9008, 12);
		am_stop(&guest.amd);
	}
}

/* Code 4: the address is where the entry would be; GN and the PASID. */
static void guest_tables_without_memory_are_hardware_errors(void **state)
{
	struct guest guest;
	uint64_t event[2];

	(void)state;
	start(&guest, 4, 0, 0);
	am_store(&guest.amd, guest.gcr3 + 5 * UINT64_C(8), HOLE | 1);
	reach(&guest, 5, IOMMUSIM_DMA_READ, 0x8000005000, 0);
	am_only_event(&guest.amd, event);
	assert_int_equal(
	    event[0], UINT64_C(4) << 60 | (uint64_t)(0x400 | E_GN) << 48 | UINT64_C(5) << 32 | AMD_RID);
	assert_int_equal(event[1], HOLE + 8);
	guest.dte[0] = (guest.dte[0] & ~(UINT64_C(7) << 58)) | (HOLE >> 12 & 7) << 58;
	guest.dte[1] = AMD_DOMAIN | (HOLE >> 15 & 0xffff) << 16;
	am_set_dte(&guest.amd, AMD_RID, guest.dte);
	reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0);
	am_only_event(&guest.amd, event);
	assert_int_equal(event[0] >> 60, 4);
	assert_int_equal(event[1], HOLE + 5 * UINT64_C(8));
	am_stop(&guest.amd);
}

/* Nested: where the entry would be that cannot be read, of host tables on the way to one of the guest's as well. */
static void host_tables_without_memory_are_hardware_errors(void **state)
{
	struct guest guest;
	uint64_t event[2];

	(void)state;
	start_nested(&guest, F2_GCR3TRP);
	for (unsigned place = 0; place < 3; place++) {
		/* the guest's last table, its page, its GCR3 table */
		const uint64_t gcr3 = guest.gcr3 + SLID;
		const uint64_t address = place == 0 ? guest.root + 0x3000 + SLID
		    : place == 1                    ? 0x40000
						    : gcr3;
		const uint64_t at = am_entry_at(&guest.amd, address, 2);
		const uint64_t entry = am_load(&guest.amd, at);

		if (place == 2) {
			am_control(&guest.amd, BIT(58), 0);
			guest.dte[0] = (guest.dte[0] & ~(UINT64_C(7) << 58)) | (gcr3 >> 12 & 7) << 58;
			guest.dte[1] = (guest.dte[1] & 0xffff) | (gcr3 >> 15 & 0xffff) << 16;
			am_set_dte(&guest.amd, AMD_RID, guest.dte);
		}
		am_store(&guest.amd, at, HOLE | 1 | 1 << 9 | HOST_RW);
		reach(&guest, 5, IOMMUSIM_DMA_READ, 0x5000, 0);
		am_only_event(&guest.amd, event);
		assert_int_equal(event[0],
		    UINT64_C(4) << 60 | (uint64_t)(0x400 | E_GN) << 48 | UINT64_C(5) << 32 | AMD_RID);
		/* the first of the guest's tables goes by the same host table as the last */
		assert_int_equal(
		    event[1], HOLE + ((place == 0 ? guest.root + SLID : address) >> 12 & 0x1ff) * 8);
		am_store(&guest.amd, at, entry);
	}
	am_stop(&guest.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_4_kib_2_mib_and_1_gib),
		cmocka_unit_test(what_is_not_present_is_a_fault_without_flags),
		cmocka_unit_test(a_user_needs_every_entry_and_a_writer_too),
		cmocka_unit_test(gcr3_tables_have_one_to_three_levels),
		cmocka_unit_test(a_pasid_beyond_the_units_bits_is_a_fault),
		cmocka_unit_test(a_pasid_needs_guest_translation),
		cmocka_unit_test(levels_that_the_unit_has_not_are_illegal),
		cmocka_unit_test(addresses_of_a_pasid_are_canonical),
		cmocka_unit_test(requests_without_pasid_use_pasid_0_unsigned),
		cmocka_unit_test(every_address_of_the_guest_goes_through_host_tables),
		cmocka_unit_test(a_nested_page_is_the_smaller_of_two),
		cmocka_unit_test(the_gcr3_table_may_be_at_a_guest_address),
		cmocka_unit_test(guest_tables_without_memory_are_hardware_errors),
		cmocka_unit_test(host_tables_without_memory_are_hardware_errors),
		cmocka_unit_test(the_gcr3_table_may_be_anywhere),
		cmocka_unit_test(a_fault_of_the_gcr3_table_shows_its_entry),
		cmocka_unit_test(a_guest_table_whose_host_page_cannot_get_dirty_is_a_hardware_error),
		cmocka_unit_test(a_gcr3_table_at_a_guest_address_is_in_the_page_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
