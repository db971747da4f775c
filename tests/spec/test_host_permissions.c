/*
 * Host permission tables (VT-d 4.2.4, 4.2.5, 9.12): which translated requests they are for, which entry and
 * which page permission decides, what a request needs, the order of checks, and what is told and recorded
 * when it is denied. Without caches: those are test_host_cache.c; every bit of an entry is a sweep.
 */
#include "host_tables.h"
#include "walked_step.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define READ   IOMMUSIM_DMA_READ
#define WRITE  IOMMUSIM_DMA_WRITE
#define ATOMIC IOMMUSIM_DMA_ATOMIC

/* Bits of a table's address in a PASID-table entry (9.6, HPTPTR) that lead nowhere. */
#define HOLE SCENE_HOLE

/* ---- whom they are for ----------------------------------------------------------------------- */

/* 4.2.5: "If HPT Enable is Clear, the HPT-related steps are skipped." 9.6: the fields are ignored. */
static void without_hpte_nothing_of_a_table_is_looked_at(void **state)
{
	(void)state;
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		const uint32_t number = pasid != 0 ? SM_PASID : SM_NO_PASID;
		struct host host;

		host_start_uncached(&host, NULL);
		host_set_table(&host, number, HOLE | 7, 0xff);
		host.scene.pasid = number;
		host.scene.kind = WRITE;
		host_expect_denied(&host, 0xa2, true, false);
		scene_edit(&host.scene, sm_context_at(&host.scene.sm, VTD_RID), SM_HPTE, 0);
		assert_int_equal(host_reason(&host, WRITE, SCENE_INPUT, number, 0), 0);
		assert_int_equal(host_reason(&host, READ, BIT(VTD_HAW) - 8, number, 0), 0);
		host_stop(&host);
	}
}

/* What is untranslated or asks for a translation is no business of theirs. */
static void other_requests_need_no_host_permission(void **state)
{
	static const unsigned flags[] = { 0, SM_TRANSLATION_REQUEST };
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_set_table(&host, SM_NO_PASID, HOLE, HOST_DOMAIN);
	host_set_table(&host, SM_PASID, HOLE, HOST_DOMAIN);
	for (size_t i = 0; i < COUNT(flags); i++) {
		const struct iommusim_dma_page page =
		    sm_access(&host.scene.sm, READ, SCENE_INPUT, 8, SM_PASID, flags[i]);

		assert_false(page.faulted);
		assert_int_equal(page.physical, SCENE_INPUT);
		assert_int_equal(
		    sm_reason(&host.scene.sm, READ, SCENE_INPUT, SM_NO_PASID, flags[i]), 0);
	}
	assert_int_equal(host_reason(&host, READ, SCENE_INPUT, SM_NO_PASID, 0), 0xa2);
	host_stop(&host);
}

/* 9.4: HPTE is reserved without HPTS, and the descriptions of 9.6 with it. */
static void units_without_host_permissions_have_no_such_fields(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .ecap_clear = ECAP_HPTS });
	assert_int_equal(host_reason(&host, READ, SCENE_INPUT, SM_NO_PASID, 0), 0x42);
	scene_edit(&host.scene, sm_context_at(&host.scene.sm, VTD_RID), SM_HPTE, 0);
	assert_int_equal(host_reason(&host, READ, SCENE_INPUT, SM_NO_PASID, 0), 0);
	assert_int_equal(sm_reason(&host.scene.sm, READ, SCENE_INPUT, SM_NO_PASID, 0), 0x5a);
	host_stop(&host);
}

/* 4.2.4: the table of its PASID, or of RID_PASID. */
static void each_pasid_has_a_table_of_its_own(void **state)
{
	struct host host;
	uint64_t other;

	(void)state;
	host_start_uncached(&host, NULL);
	other = vt_page(&host.scene.sm.vtd);
	host_allow(&host, 0x5000, 1, HOST_READ);
	host_set_table(&host, SM_PASID, other, HOST_DOMAIN + 1);
	host.root = other;
	host_allow(&host, 0x6000, 1, HOST_READ);
	assert_int_equal(host_reason(&host, READ, 0x5000, SM_NO_PASID, 0), 0);
	assert_int_equal(host_reason(&host, READ, 0x6000, SM_NO_PASID, 0), 0xa5);
	assert_int_equal(host_reason(&host, READ, 0x5000, SM_PASID, 0), 0xa5);
	assert_int_equal(host_reason(&host, READ, 0x6000, SM_PASID, 0), 0);
	assert_int_equal(host_reason(&host, READ, 0x5000, SM_NO_PASID, SM_UPPER), 0);
	host_stop(&host);
}

/* Table 30, SPT.5 and SPT.6: NA for translated requests. */
static void neither_execution_nor_privilege_is_asked_about(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS });
	host_allow(&host, SCENE_INPUT, 1, HOST_READ);
	for (unsigned entry = 0; entry < 2; entry++)
		scene_edit(&host.scene,
		    sm_entry_at(&host.scene.sm, entry != 0 ? SM_PASID : SM_NO_PASID) + 16, SM_SRE, 0);
	scene_edit(&host.scene, sm_context_at(&host.scene.sm, VTD_RID) + 8, 0, BIT(20));
	host_expect_served(&host);
	host.scene.pasid = SM_PASID;
	host.scene.flags |= SM_PRIVILEGED | SM_EXECUTE;
	host_expect_served(&host);
	host_stop(&host);
}

/* ---- which entry, which permission ----------------------------------------------------------- */

/*
 * Table 11, by hand: offsets of the entries in their tables, and the lowest bit of the permission in the
 * entry of the level where the walk ends.
 */
static const struct way {
	uint64_t address;
	uint16_t offsets[5]; /* by level; of HPTL4 from the table's first page on */
	uint8_t level, bit;
} ways[] = {
	{ 0x0, { 0, 0, 0, 0, 0 }, 1, 0 },
	{ 0xfff, { 0, 0, 0, 0, 0 }, 1, 0 },
	{ 0x1000, { 0, 0, 0, 0, 0 }, 1, 4 },
	{ 0xf000, { 0, 0, 0, 0, 0 }, 1, 60 },
	{ 0x10000, { 0, 0, 0, 0, 0 }, 1, 64 },
	{ 0x1f000, { 0, 0, 0, 0, 0 }, 1, 124 },
	{ 0x20000, { 0, 0x10, 0, 0, 0 }, 1, 0 },
	{ 0x1ffffff, { 0, 0xff0, 0, 0, 0 }, 1, 124 },
	{ 0x2000000, { 0, 0, 0x10, 0, 0 }, 1, 0 },
	{ 0x1ffffffff, { 0, 0xff0, 0xff0, 0, 0 }, 1, 124 },
	{ 0x200000000, { 0, 0, 0, 0x10, 0 }, 1, 0 },
	{ 0x1ffffffffff, { 0, 0xff0, 0xff0, 0xff0, 0 }, 1, 124 },
	{ 0x20000000000, { 0, 0, 0, 0, 0x10 }, 1, 0 },
	{ 0x1ffffffffffff, { 0, 0xff0, 0xff0, 0xff0, 0xff0 }, 1, 124 },
	{ 0x2000000000000, { 0, 0, 0, 0, 0x1000 }, 1, 0 },
	{ 0xfffffffffffff, { 0, 0xff0, 0xff0, 0xff0, 0x7ff0 }, 1, 124 },
	{ 0xa5c369783c5a7, { 0, 0xc10, 0x4b0, 0x1b0, 0x52e0 }, 1, 112 },
	{ 0x0, { 0, 0, 0, 0, 0 }, 2, 0 },
	{ 0x1fffff, { 0, 0, 0, 0, 0 }, 2, 0 },
	{ 0x200000, { 0, 0, 0, 0, 0 }, 2, 4 },
	{ 0x1ffffff, { 0, 0, 0, 0, 0 }, 2, 60 },
	{ 0x2000000, { 0, 0, 0x10, 0, 0 }, 2, 0 },
	{ 0xfffffffffffff, { 0, 0, 0xff0, 0xff0, 0x7ff0 }, 2, 60 },
	{ 0x0, { 0, 0, 0, 0, 0 }, 3, 0 },
	{ 0x3fffffff, { 0, 0, 0, 0, 0 }, 3, 0 },
	{ 0x40000000, { 0, 0, 0, 0, 0 }, 3, 4 },
	{ 0x1ffffffff, { 0, 0, 0, 0, 0 }, 3, 28 },
	{ 0x200000000, { 0, 0, 0, 0x10, 0 }, 3, 0 },
	{ 0xfffffffffffff, { 0, 0, 0, 0xff0, 0x7ff0 }, 3, 28 },
};

/* One entry on the way and nothing else in its table. */
static uint64_t lay_entries(struct host *host, const struct way *way, uint64_t permission)
{
	struct vtd_fixture *vtd = &host->scene.sm.vtd;
	uint64_t at = host->root + way->offsets[4];

	for (unsigned level = 4; level > way->level; level--) {
		const uint64_t table = vt_page(vtd);

		vt_store(vtd, at + 8, table | HOST_AV);
		at = table + way->offsets[level - 1];
	}
	at += way->bit / 64 * UINT64_C(8);
	vt_store(vtd, at, permission << way->bit % 64);
	return at;
}

static void the_address_selects_entries_and_the_permission(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct host host;
		uint64_t at;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
		at = lay_entries(&host, &ways[i], HOST_BOTH);
		assert_int_equal(host_rights(&host, ways[i].address & ~UINT64_C(7)), HOST_BOTH);
		vt_store(&host.scene.sm.vtd, at, 0);
		assert_int_equal(host_rights(&host, ways[i].address & ~UINT64_C(7)), HOST_NONE);
		host_stop(&host);
	}
}

/* A page permission reaches over its page and no further. */
static void a_permission_is_for_a_page_of_its_level(void **state)
{
	static const struct {
		unsigned level, shift;
		uint64_t page;
	} rows[] = {
		{ 1, 12, 0x123456000 },
		{ 2, 21, 0x123400000 },
		{ 3, 30, 0x140000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint64_t size = UINT64_C(1) << rows[i].shift;
		struct iommusim_dma_page page;
		struct host host;

		host_start_uncached(&host, NULL);
		host_allow(&host, rows[i].page, rows[i].level, HOST_BOTH);
		assert_int_equal(host_rights(&host, rows[i].page), HOST_BOTH);
		assert_int_equal(host_rights(&host, rows[i].page + size - 8), HOST_BOTH);
		assert_int_equal(host_rights(&host, rows[i].page - 8), HOST_NONE);
		assert_int_equal(host_rights(&host, rows[i].page + size), HOST_NONE);
		page =
		    sm_access(&host.scene.sm, WRITE, rows[i].page + 8, 8, SM_NO_PASID, SM_TRANSLATED);
		assert_int_equal(page.page_shift, rows[i].shift);
		host_stop(&host);
	}
}

/* 4.2.4: a permission that is not zero ends the walk; below it nothing is read. */
static void the_first_permission_on_the_way_down_decides(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_allow(&host, 0x5000, 1, HOST_WRITE);
	assert_int_equal(host_rights(&host, 0x5000), HOST_WRITE);
	host_allow(&host, 0x5000, 2, HOST_READ);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	host_set_entry(&host, 0x5000, 2, 0x1, HOLE | HOST_AV);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	host_allow(&host, 0x5000, 3, HOST_BOTH);
	assert_int_equal(host_rights(&host, 0x5000), HOST_BOTH);
	host_set_entry(&host, 0x5000, 3, 0x2, HOLE | HOST_AV);
	assert_int_equal(host_rights(&host, 0x5000), HOST_WRITE);
	/* of another page it is read */
	assert_int_equal(host_reason(&host, READ, 0x40000000, SM_NO_PASID, 0), 0xa0);
	host_stop(&host);
}

/* 9.12: "This field is ignored by hardware when AV is Clear." */
static void without_av_an_address_leads_nowhere(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		struct host host;
		uint64_t high;

		host_start_uncached(&host, NULL);
		host_allow(&host, 0x5000, 1, HOST_BOTH);
		high = vt_load(&host.scene.sm.vtd, host_entry_at(&host, 0x5000, level) + 8);
		host_set_entry(&host, 0x5000, level, 0, high & ~UINT64_C(1));
		assert_int_equal(host_rights(&host, 0x5000), HOST_NONE);
		host_set_entry(&host, 0x5000, level, 0, high);
		assert_int_equal(host_rights(&host, 0x5000), HOST_BOTH);
		host_stop(&host);
	}
}

/* 9.12.2: page permissions of 1 GiB are reserved without HPT1GPS, even those of other pages. */
static void pages_of_1_gib_are_a_capability(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .ecap_clear = ECAP_HPT1GPS });
	host_allow(&host, 0x5000, 1, HOST_BOTH);
	assert_int_equal(host_rights(&host, 0x5000), HOST_BOTH);
	host_allow(&host, 0x5000, 3, HOST_BOTH);
	assert_int_equal(host_reason(&host, READ, 0x5000, SM_NO_PASID, 0), 0xa1);
	host_allow(&host, 0x5000, 3, HOST_NONE);
	host_allow(&host, 0x1c0000000, 3, HOST_READ);
	assert_int_equal(host_reason(&host, READ, 0x5000, SM_NO_PASID, 0), 0xa1);
	host_stop(&host);
}

/* 9.12: nothing says that reserved bits are looked at only where an entry grants something. */
static void reserved_bits_count_in_entries_that_allow_nothing(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		struct host host;

		host_start_uncached(&host, NULL);
		host_set_entry(&host, 0x5000, level, 0, BIT(1));
		host_expect_denied(&host, 0xa1, true, false);
		host_set_entry(&host, 0x5000, level, 0, BIT(VTD_HAW));
		host_expect_denied(&host, 0xa1, true, false);
		host_stop(&host);
	}
}

/* ---- what a request needs -------------------------------------------------------------------- */

/* Table 12; HPT.5 and HPT.6: of an AtomicOp that lacks both either may be told, and W comes first. */
static void rights_are_judged_by_kind(void **state)
{
	static const struct {
		unsigned rights, read, write, atomic;
	} rows[] = {
		{ HOST_NONE, 0xa5, 0xa4, 0xa4 },
		{ HOST_READ, 0, 0xa4, 0xa4 },
		{ HOST_WRITE, 0xa5, 0, 0xa5 },
		{ HOST_BOTH, 0, 0, 0 },
	};

	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct host host;

			host_start_uncached(&host, NULL);
			host_allow(&host, 0x5000, level, rows[i].rights);
			assert_int_equal(
			    host_reason(&host, READ, 0x5000, SM_NO_PASID, 0), rows[i].read);
			assert_int_equal(host_reason(&host, WRITE, 0x5000, SM_PASID, 0), rows[i].write);
			assert_int_equal(
			    host_reason(&host, ATOMIC, 0x5000, SM_NO_PASID, 0), rows[i].atomic);
			host_stop(&host);
		}
	}
}

static unsigned empty_read(struct host *host, uint64_t address)
{
	const struct iommusim_dma_page page =
	    sm_access(&host->scene.sm, READ, address, 0, SM_NO_PASID, SM_TRANSLATED);

	assert_false(page.faulted && page.fault.aborts);
	return page.fault.reason;
}

/* Table 48, HPT.4, HPT.6: with ZLR any right will do, and none at all has a reason of its own. */
static void zero_length_reads_need_any_right_on_units_with_zlr(void **state)
{
	static const struct {
		unsigned rights, with_zlr, without;
	} rows[] = {
		{ HOST_NONE, 0xa3, 0xa5 },
		{ HOST_READ, 0, 0 },
		{ HOST_WRITE, 0, 0xa5 },
		{ HOST_BOTH, 0, 0 },
	};

	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		for (unsigned zlr = 0; zlr < 2; zlr++) {
			struct host host;

			host_start_uncached(
			    &host, &(struct vtd_setup){ .cap_clear = zlr != 0 ? 0 : CAP_ZLR });
			for (size_t i = 0; i < COUNT(rows); i++) {
				host_allow(&host, 0x5000, level, rows[i].rights);
				assert_int_equal(empty_read(&host, 0x5000),
				    zlr != 0 ? rows[i].with_zlr : rows[i].without);
			}
			host_stop(&host);
		}
	}
}

/* HPT.4, its examples: HPTL4E with AV=0; HPTL3E, HPTL2E with AV=0 and PPi=0; HPTL1E with PPi=0. */
static void a_walk_that_ends_early_is_reason_a3_to_zero_length_reads(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		struct host host;

		host_start_uncached(&host, NULL);
		host_set_entry(&host, 0x5000, level, 0, 0);
		assert_int_equal(empty_read(&host, 0x5000), 0xa3);
		assert_int_equal(host_reason(&host, READ, 0x5000, SM_NO_PASID, 0), 0xa5);
		assert_int_equal(host_reason(&host, WRITE, 0x5000, SM_NO_PASID, 0), 0xa4);
		host_stop(&host);
	}
}

/* A request over several pages is judged page by page. */
static void each_page_of_a_request_is_judged(void **state)
{
	uint8_t data[0x3000] = { 0 };
	const struct iommusim_dma_request request = { .address = 0x5000,
		.length = sizeof(data),
		.kind = WRITE,
		.address_type = IOMMUSIM_DMA_TRANSLATED,
		.data = data };
	struct iommusim_dma_outcome outcome;
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_allow(&host, 0x5000, 1, HOST_WRITE);
	host_allow(&host, 0x6000, 1, HOST_READ);
	host_allow(&host, 0x7000, 1, HOST_BOTH);
	assert_int_equal(
	    iommusim_dma(host.scene.sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 3);
	assert_int_equal(outcome.pages_faulted, 1);
	assert_int_equal(outcome.bytes_moved, 0x2000);
	assert_int_equal(outcome.page.address, 0x6000);
	assert_int_equal(outcome.page.fault.reason, 0xa4);
	host_stop(&host);
}

/* ---- sizes and widths ------------------------------------------------------------------------ */

/* 9.6: HPTSZ n is for addresses below 2^(49 + n); SPT.9. */
static void addresses_beyond_hptsz_are_reason_60(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
	for (unsigned size = 0; size < 4; size++) {
		const uint64_t limit = BIT(49 + size);

		host_set_table(&host, SM_NO_PASID, host.root | size, HOST_DOMAIN);
		host_allow(&host, limit - 8, 3, HOST_READ);
		host.scene.address = limit - 8;
		host_expect_served(&host);
		host.scene.address = limit;
		host_expect_denied(&host, size < 3 ? 0x60 : 0x83, false, false);
		host.scene.address = BIT(52) - 8;
		if (size < 3)
			host_expect_denied(&host, 0x60, false, false);
	}
	host_stop(&host);
}

/* On units with narrower host addresses no size is too small. */
static void hptsz_does_not_matter_where_host_addresses_are_narrower(void **state)
{
	static const uint8_t widths[] = { 39, 46, 49 };

	(void)state;
	for (size_t i = 0; i < COUNT(widths); i++) {
		struct host host;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = widths[i] });
		host_set_table(&host, SM_NO_PASID, host.root, HOST_DOMAIN);
		host_allow(&host, BIT(widths[i]) - 8, 2, HOST_READ);
		host.scene.address = BIT(widths[i]) - 8;
		host_expect_served(&host);
		host.scene.address = BIT(widths[i]);
		host_expect_denied(&host, 0x83, false, false);
		host_stop(&host);
	}
}

/* 4.2.4: bits 51:49 are added to HPTPTR, which need be aligned to 4 KiB only. */
static void address_bits_51_to_49_are_added_to_the_pointer(void **state)
{
	struct host host;
	uint64_t table;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
	while ((vt_page(&host.scene.sm.vtd) & 0x7000) != 0x4000)
		continue;
	table = host.scene.sm.vtd.next_page; /* a page number that ends in 5 */
	host.root = table;
	for (unsigned page = 0; page < 8; page++)
		vt_page(&host.scene.sm.vtd);
	host_set_table(&host, SM_NO_PASID, table | 3, HOST_DOMAIN);
	for (uint64_t part = 0; part < 8; part++) {
		const uint64_t address = part << 49;

		assert_int_equal(host_reason(&host, READ, address, SM_NO_PASID, 0), 0xa5);
		vt_store(&host.scene.sm.vtd, table + part * 0x1000 + 8, HOLE | HOST_AV);
		assert_int_equal(host_reason(&host, READ, address, SM_NO_PASID, 0), 0xa0);
		vt_store(&host.scene.sm.vtd, table + part * 0x1000 + 8, 0);
	}
	host_stop(&host);
}

/* ---- what cannot be read --------------------------------------------------------------------- */

static void entries_that_cannot_be_read_are_reasons_a2_and_a0(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		struct host host;

		host_start_uncached(&host, NULL);
		host_set_entry(&host, SCENE_INPUT, level, 0, HOLE | HOST_AV);
		for (unsigned kind = 0; kind < 3; kind++) {
			host.scene.kind = (enum iommusim_dma_kind)kind;
			host_expect_denied(&host, 0xa0, true, false);
		}
		host_set_table(&host, SM_NO_PASID, HOLE, HOST_DOMAIN);
		host_expect_denied(&host, 0xa2, true, false);
		host_stop(&host);
	}
}

/* The sum of HPTPTR and bits 51:49 may leave the host's address space: what is there is out of reach. */
static void a_table_beyond_host_addresses_cannot_be_read(void **state)
{
	const uint64_t limit = BIT(50);
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .haw = 50 });
	assert_int_equal(
	    iommusim_memory_add(host.scene.sm.vtd.machine, limit - 0x1000, 0x2000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_OK);
	host_set_table(&host, SM_NO_PASID, (limit - 0x1000) | 3, HOST_DOMAIN);
	host.scene.address = BIT(49);
	host_expect_denied(&host, 0xa2, true, false);
	host.scene.address = BIT(49) - 0x1000;
	host_expect_denied(&host, 0xa5, false, false);
	host_stop(&host);
}

/* Entries that point back at themselves are entries of four levels all the same. */
static void a_table_that_points_at_itself_ends(void **state)
{
	const uint64_t table = 0x3000000;
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_set_table(&host, SM_NO_PASID, table, HOST_DOMAIN);
	for (unsigned entry = 0; entry < 256; entry++)
		vt_store(&host.scene.sm.vtd, table + entry * UINT64_C(16) + 8, table | HOST_AV);
	/* read as an HPTL1E: AV is R of page 16, and address bits 24 and 25 are R and W of page 22 */
	assert_int_equal(host_rights(&host, 0x10000), HOST_READ);
	assert_int_equal(host_rights(&host, 0x11000), HOST_NONE);
	assert_int_equal(host_rights(&host, 0x16000), HOST_BOTH);
	assert_int_equal(host_rights(&host, 0x123456ff6000), HOST_BOTH);
	host_stop(&host);
}

/* 9.6: with PWSNP walks see what processors have in their caches, whatever ECAP.C says. */
static void walks_are_snooped_when_pwsnp_is_set(void **state)
{
	const struct vtd_setup setup = {
		.device_view = true, .ecap_clear = ECAP_C, .settings.cache = IOMMUSIM_CACHE_NONE
	};

	(void)state;
	for (unsigned snoop = 0; snoop < 2; snoop++) {
		for (unsigned level = 1; level <= 4; level++) {
			struct host host;
			uint64_t at, cleared = 0;

			host_start(&host, &setup);
			host_allow(&host, 0x15000, 1, HOST_BOTH);
			at = sm_entry_at(&host.scene.sm, SM_NO_PASID) + 8;
			vt_store(&host.scene.sm.vtd, at, SM_DOMAIN | (snoop != 0 ? SM_PWSNP : 0));
			at = host_entry_at(&host, 0x15000, level) + 8; /* AV, or page 21 */
			assert_int_equal(
			    iommusim_memory_write(host.scene.sm.vtd.machine, at, &cleared, 8),
			    IOMMUSIM_OK);
			assert_int_equal(
			    host_rights(&host, 0x15000), snoop != 0 ? HOST_NONE : HOST_BOTH);
			assert_int_equal(
			    iommusim_memory_flush(host.scene.sm.vtd.machine, at, 8), IOMMUSIM_OK);
			assert_int_equal(host_rights(&host, 0x15000), HOST_NONE);
			host_stop(&host);
		}
	}
}

/* ---- the order of checks --------------------------------------------------------------------- */

/* Earlier rows come before later ones; each makes its own condition and leaves the others alone. */
static void hide_entry(struct host *host)
{
	scene_edit(&host->scene, sm_entry_at(&host->scene.sm, SM_NO_PASID), SM_P, 0);
}

static void spoil_entry(struct host *host)
{
	scene_edit(&host->scene, sm_entry_at(&host->scene.sm, SM_NO_PASID), 0, 0x20);
}

static void exceed_host_addresses(struct host *host)
{
	host->scene.address |= BIT(55);
}

static void reach_interrupts(struct host *host)
{
	if (host->scene.address < BIT(32))
		host->scene.address = 0xfee00000;
}

static void exceed_size(struct host *host)
{
	scene_edit(&host->scene, sm_entry_at(&host->scene.sm, SM_NO_PASID) + 32, 3, 0);
	if (host->scene.address < BIT(31))
		host->scene.address |= BIT(51);
}

static void lose_table(struct host *host)
{
	const uint64_t at = sm_entry_at(&host->scene.sm, SM_NO_PASID) + 32;

	scene_edit(&host->scene, at, UINT64_C(0xffffffffff000), HOLE);
}

/* The interrupt range lies below every size: the two conditions exclude each other. */
static void conditions_are_judged_in_the_order_of_the_way(void **state)
{
	static const struct {
		void (*make)(struct host *host);
		unsigned reason, step;
		bool aborts;
	} rows[] = {
		{ hide_entry, 0x59, 1, false },
		{ spoil_entry, 0x5a, 2, true },
		{ exceed_host_addresses, 0x83, 3, false },
		{ reach_interrupts, 0x87, 4, false },
		{ exceed_size, 0x60, 4, false },
		{ lose_table, 0xa2, 5, true },
	};

	(void)state;
	for (size_t first = 0; first < COUNT(rows); first++) {
		for (size_t second = first; second < COUNT(rows); second++) {
			struct host host;

			if (second != first && rows[second].step == rows[first].step)
				continue;
			host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
			rows[first].make(&host);
			rows[second].make(&host);
			host_expect_denied(&host, rows[first].reason, rows[first].aborts, false);
			host_stop(&host);
		}
	}
}

/* 4.2.5, SGN.8.3: the interrupt range is blocked by its first and last address, with PASID or without. */
static void the_interrupt_range_is_out_of_bounds(void **state)
{
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_allow(&host, 0xc0000000, 3, HOST_BOTH);
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		const uint32_t number = pasid != 0 ? SM_PASID : SM_NO_PASID;

		assert_int_equal(host_reason(&host, READ, 0xfedffff8, number, 0), 0);
		assert_int_equal(host_reason(&host, READ, 0xfee00000, number, 0), 0x87);
		assert_int_equal(host_reason(&host, WRITE, 0xfeeffff8, number, 0), 0x87);
		assert_int_equal(host_reason(&host, READ, 0xfef00000, number, 0), 0);
	}
	host_stop(&host);
}

/* ---- what is told and recorded --------------------------------------------------------------- */

static void spoil_reserved(struct host *host)
{
	host_set_entry(host, SCENE_INPUT, 2, 0x4, 0);
}

static void point_nowhere(struct host *host)
{
	host_set_entry(host, SCENE_INPUT, 3, 0, HOLE | HOST_AV);
}

static void lose_root(struct host *host)
{
	host_set_table(host, host->scene.pasid, HOLE | 3, HOST_DOMAIN);
}

static void ask_beyond_size(struct host *host)
{
	host_set_table(host, host->scene.pasid, host->root, HOST_DOMAIN);
	host->scene.address = BIT(50) | 0x7008;
}

static void ask_for_too_wide_an_address(struct host *host)
{
	host->scene.address = BIT(52) | 0x7008;
}

static void ask_for_interrupts(struct host *host)
{
	host->scene.address = 0xfee01000;
}

static void ask_without_right(struct host *host)
{
	host_allow(host, SCENE_INPUT, 1, host->scene.kind == WRITE ? HOST_READ : HOST_WRITE);
}

static const struct denial {
	void (*make)(struct host *host);
	unsigned reason, write_reason;
	bool aborts;
} denials[] = {
	{ ask_beyond_size, 0x60, 0x60, false },
	{ ask_for_too_wide_an_address, 0x83, 0x83, false },
	{ ask_for_interrupts, 0x87, 0x87, false },
	{ point_nowhere, 0xa0, 0xa0, true },
	{ spoil_reserved, 0xa1, 0xa1, true },
	{ lose_root, 0xa2, 0xa2, true },
	{ ask_without_right, 0xa5, 0xa4, false },
};

static void check_denial(const struct denial *denial, bool with_pasid, unsigned fpd)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		struct host host;
		unsigned reason;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
		host.scene.kind = (enum iommusim_dma_kind)kind;
		host.scene.pasid = with_pasid ? SM_PASID : SM_NO_PASID;
		reason = kind == WRITE ? denial->write_reason : denial->reason;
		denial->make(&host);
		scene_disable_faults(&host.scene, fpd);
		host_expect_denied(&host, reason, denial->aborts, fpd != 0);
		host_expect_denied(&host, reason, denial->aborts, fpd != 0);
		host_stop(&host);
	}
}

/* Table 30: all of them are qualified; FPD counts in the context, the directory and the table entry. */
static void denials_are_told_and_recorded_unless_fpd_is_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(denials); i++)
		for (unsigned fpd = 0; fpd < 8; fpd++)
			for (unsigned pasid = 0; pasid < 2; pasid++)
				check_denial(&denials[i], pasid != 0, fpd);
}

static void a_zero_length_read_that_finds_nothing_is_recorded(void **state)
{
	(void)state;
	for (unsigned fpd = 0; fpd < 2; fpd++) {
		struct iommusim_dma_page page;
		struct host host;

		host_start_uncached(&host, NULL);
		scene_disable_faults(&host.scene, fpd != 0 ? SCENE_FPD_TABLE : 0);
		page = sm_access(&host.scene.sm, READ, SCENE_INPUT, 0, SM_NO_PASID, SM_TRANSLATED);
		assert_int_equal(page.fault.reason, 0xa3);
		assert_false(page.fault.aborts);
		assert_int_equal(page.fault.suppressed, fpd != 0);
		if (fpd != 0)
			scene_expect_silence(&host.scene);
		else
			scene_expect_recorded(&host.scene, 0xa3);
		host_stop(&host);
	}
}

static void faults_have_classes(void **state)
{
	static const struct {
		void (*make)(struct host *host);
		enum iommusim_fault_class class_;
	} rows[] = {
		{ ask_beyond_size, IOMMUSIM_FAULT_ADDRESS_WIDTH },
		{ point_nowhere, IOMMUSIM_FAULT_TABLE_ACCESS },
		{ spoil_reserved, IOMMUSIM_FAULT_BAD_ENTRY },
		{ lose_root, IOMMUSIM_FAULT_TABLE_ACCESS },
		{ ask_without_right, IOMMUSIM_FAULT_PERMISSION },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct host host;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
		rows[i].make(&host);
		assert_int_equal(scene_ask(&host.scene).page.fault.class_, rows[i].class_);
		host_stop(&host);
	}
}

/* ---- written down ---------------------------------------------------------------------------- */

static struct iommusim_walk walk_of(struct host *host, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = kind, .address_type = IOMMUSIM_DMA_TRANSLATED
	};
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(host->scene.sm.vtd.device, &request, &walk), IOMMUSIM_OK);
	return walk;
}

/* After root, context, PASID directory and PASID-table entry: one step a level. */
static void a_walk_shows_each_host_permission_entry(void **state)
{
	static const char *const names[] = { "HPTL4E", "HPTL3E", "HPTL2E", "HPTL1E" };
	static const char *const sections[] = { "9.12.1", "9.12.2", "9.12.3", "9.12.4" };
	const uint64_t address = UINT64_C(0x123456789000);
	struct iommusim_walk walk;
	struct host host;

	(void)state;
	host_start_uncached(&host, NULL);
	host_allow(&host, address, 1, HOST_WRITE);
	walk = walk_of(&host, WRITE, address | 0x123);
	assert_string_equal(walk.mode, "host permissions");
	assert_int_equal(walk.step_count, 8);
	assert_false(walk.result.faulted);
	assert_false(walk.read_right);
	assert_true(walk.write_right);
	assert_null(walk.clause);
	assert_int_equal(walk.result.physical, address | 0x123);
	assert_int_equal(walk.steps[3].next, host.root);
	for (unsigned i = 0; i < 4; i++) {
		const struct iommusim_walk_step *step = &walk.steps[4 + i];
		const uint64_t at = host_entry_at(&host, address, 4 - i);

		assert_string_equal(step->name, names[i]);
		assert_string_equal(step->section, sections[i]);
		assert_int_equal(step->level, 4 - i);
		assert_int_equal(step->quads, 2);
		assert_int_equal(step->address, at);
		assert_int_equal(step->table, at & ~UINT64_C(0xfff));
		assert_int_equal(step->index, (at & 0xfff) / 16);
		assert_int_equal(step->raw[0], vt_load(&host.scene.sm.vtd, at));
		assert_int_equal(step->raw[1], vt_load(&host.scene.sm.vtd, at + 8));
		assert_true(step->readable && step->present);
		assert_int_equal(step->leaf, i == 3);
		assert_int_equal(step->next, i == 3 ? address : walk.steps[5 + i].table);
	}
	host_stop(&host);
}

/* Of up to 32 permissions the one that counts is shown. */
static void a_walk_shows_the_permission_that_decides(void **state)
{
	static const struct {
		uint64_t address;
		unsigned level, steps, low;
		const char *name, *other;
		uint64_t page;
	} rows[] = {
		{ 0x1d008, 1, 8, 116, "PP29", "PP28", 0x1d000 },
		{ 0x5000, 1, 8, 20, "PP5", "PP4", 0x5000 },
		{ 0x1e00000, 2, 7, 60, "PP15", "PP14", 0x1e00000 },
		{ 0x1c0001000, 3, 6, 28, "PP7", "PP6", 0x1c0000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct iommusim_walk_step *step;
		struct iommusim_walk walk;
		struct host host;

		host_start_uncached(&host, NULL);
		host_allow(&host, rows[i].address, rows[i].level, HOST_READ);
		walk = walk_of(&host, READ, rows[i].address);
		assert_int_equal(walk.step_count, rows[i].steps);
		step = &walk.steps[walk.step_count - 1];
		assert_true(step->leaf && step->present);
		assert_int_equal(step->next, rows[i].page);
		assert_non_null(find_field(step, rows[i].name));
		assert_int_equal(field(step, rows[i].name)->value, 1);
		assert_int_equal(field(step, rows[i].name)->low, rows[i].low);
		assert_int_equal(field(step, rows[i].name)->high, rows[i].low + 1);
		assert_null(find_field(step, rows[i].other));
		assert_int_equal(step->field_count, rows[i].level == 1 ? 1 : 3);
		host_stop(&host);
	}
}

/* The second page of a table of 8 KiB: what the table is, and where in it the entry stands. */
static void a_walk_shows_the_index_in_a_top_table_of_several_pages(void **state)
{
	struct iommusim_walk walk;
	struct host host;

	(void)state;
	host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
	walk = walk_of(&host, READ, UINT64_C(0x7a5) << 41);
	assert_int_equal(walk.step_count, 5);
	assert_int_equal(walk.steps[4].table, host.root);
	assert_int_equal(walk.steps[4].index, 0x7a5);
	assert_int_equal(walk.steps[4].address, host.root + 0x7a50);
	assert_false(walk.steps[4].present || walk.steps[4].leaf);
	assert_int_equal(walk.steps[4].next, 0);
	host_stop(&host);
}

/* The same beside a permission, to read the last GiB of eight. */
static void point_nowhere_for_one_page(struct host *host)
{
	host_set_entry(host, SCENE_INPUT, 3, 0x10000000, HOLE | HOST_AV);
}

/* There is no memory: the entry has no value, whatever the one above it had, and no permission. */
static void a_walk_shows_nothing_of_what_cannot_be_read(void **state)
{
	void (*const make[])(
	    struct host * host) = { lose_root, point_nowhere, point_nowhere_for_one_page };

	(void)state;
	for (size_t i = 0; i < COUNT(make); i++) {
		const struct iommusim_walk_step *step;
		struct iommusim_walk walk;
		struct host host;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
		make[i](&host);
		walk = walk_of(&host, READ, host.scene.address);
		step = &walk.steps[walk.step_count - 1];
		assert_false(step->readable || step->present || step->leaf);
		assert_int_equal(step->raw[0] | step->raw[1] | step->next | step->field_count, 0);
		host_stop(&host);
	}
}

static void a_walk_names_the_rule_that_denies(void **state)
{
	static const struct {
		void (*make)(struct host *host);
		const char *clause;
		unsigned steps;
	} rows[] = {
		{ ask_beyond_size, "VT-d 7.1.3 SPT.9", 4 },
		{ lose_root, "VT-d 7.1.3 HPT.3", 5 },
		{ point_nowhere, "VT-d 7.1.3 HPT.1", 7 },
		{ spoil_reserved, "VT-d 7.1.3 HPT.2", 7 },
		{ ask_without_right, "VT-d 7.1.3 HPT.6", 8 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct iommusim_walk walk;
		struct host host;

		host_start_uncached(&host, &(struct vtd_setup){ .haw = 52 });
		rows[i].make(&host);
		walk = walk_of(&host, READ, host.scene.address);
		assert_true(walk.result.faulted);
		assert_string_equal(walk.clause, rows[i].clause);
		assert_int_equal(walk.step_count, rows[i].steps);
		/* rights are what a table grants, as far as one was asked */
		assert_int_equal(walk.read_right, rows[i].make == ask_beyond_size);
		assert_int_equal(walk.write_right,
		    rows[i].make == ask_beyond_size || rows[i].make == ask_without_right);
		assert_int_equal(walk.steps[walk.step_count - 1].readable,
		    rows[i].make != lose_root && rows[i].make != point_nowhere);
		scene_expect_silence(&host.scene);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_hpte_nothing_of_a_table_is_looked_at),
		cmocka_unit_test(other_requests_need_no_host_permission),
		cmocka_unit_test(units_without_host_permissions_have_no_such_fields),
		cmocka_unit_test(each_pasid_has_a_table_of_its_own),
		cmocka_unit_test(neither_execution_nor_privilege_is_asked_about),
		cmocka_unit_test(the_address_selects_entries_and_the_permission),
		cmocka_unit_test(a_permission_is_for_a_page_of_its_level),
		cmocka_unit_test(the_first_permission_on_the_way_down_decides),
		cmocka_unit_test(without_av_an_address_leads_nowhere),
		cmocka_unit_test(pages_of_1_gib_are_a_capability),
		cmocka_unit_test(reserved_bits_count_in_entries_that_allow_nothing),
		cmocka_unit_test(rights_are_judged_by_kind),
		cmocka_unit_test(zero_length_reads_need_any_right_on_units_with_zlr),
		cmocka_unit_test(a_walk_that_ends_early_is_reason_a3_to_zero_length_reads),
		cmocka_unit_test(each_page_of_a_request_is_judged),
		cmocka_unit_test(addresses_beyond_hptsz_are_reason_60),
		cmocka_unit_test(hptsz_does_not_matter_where_host_addresses_are_narrower),
		cmocka_unit_test(address_bits_51_to_49_are_added_to_the_pointer),
		cmocka_unit_test(entries_that_cannot_be_read_are_reasons_a2_and_a0),
		cmocka_unit_test(a_table_beyond_host_addresses_cannot_be_read),
		cmocka_unit_test(a_table_that_points_at_itself_ends),
		cmocka_unit_test(walks_are_snooped_when_pwsnp_is_set),
		cmocka_unit_test(conditions_are_judged_in_the_order_of_the_way),
		cmocka_unit_test(the_interrupt_range_is_out_of_bounds),
		cmocka_unit_test(denials_are_told_and_recorded_unless_fpd_is_set),
		cmocka_unit_test(a_zero_length_read_that_finds_nothing_is_recorded),
		cmocka_unit_test(faults_have_classes),
		cmocka_unit_test(a_walk_shows_each_host_permission_entry),
		cmocka_unit_test(a_walk_shows_the_permission_that_decides),
		cmocka_unit_test(a_walk_shows_the_index_in_a_top_table_of_several_pages),
		cmocka_unit_test(a_walk_shows_nothing_of_what_cannot_be_read),
		cmocka_unit_test(a_walk_names_the_rule_that_denies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
