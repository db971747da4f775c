/*
 * The HPT cache (VT-d 6.2.6, Table 17) and what takes entries out of it (6.5.2.7, 6.6): what is kept, under
 * which tags, and what each descriptor of type Ah drops, on units that keep everything they may. What the
 * other cache policies may answer, and which descriptors the queue takes.
 */
#include "host_tables.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define READ  IOMMUSIM_DMA_READ
#define WRITE IOMMUSIM_DMA_WRITE

/* hpt_inv_desc, figure 6-7: granularity 5:4, HPTDID 31:16; AM 69:64, IH 71:70, address 127:76. */
#define HPT_INVALIDATE(granularity, domain)                                                            \
	(0xa | (uint64_t)(granularity) << 4 | (uint64_t)(domain) << 16)
#define IH(hint) ((uint64_t)(hint) << 6)

enum { GLOBAL = 1, DOMAIN = 2, PAGES = 3 };

#define IQE       0x10u /* FSTS */
#define WAIT_LOW  (0x25 | UINT64_C(0x77) << 32)
#define WAIT_DATA UINT64_C(0x9000)

/* The unit keeps all it may, and has a queue. */
static void start_with(struct host *host, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = *wanted;

	setup.settings.cache = IOMMUSIM_CACHE_HOARD;
	host_start(host, &setup);
	sm_queue_start(&host->scene.sm);
}

static void start(struct host *host)
{
	start_with(host, &(struct vtd_setup){ .seed = 1 });
}

static void submit(struct host *host, uint64_t low, uint64_t high)
{
	const uint64_t quads[4] = { low, high };
	struct vtd_fixture *vtd = &host->scene.sm.vtd;

	sm_submit(&host->scene.sm, quads);
	assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, 0);
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
}

static unsigned read_of(struct host *host, uint64_t address, uint32_t pasid, unsigned flags)
{
	return host_reason(host, READ, address, pasid, flags);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

/* "Software is required to perform HPT cache invalidations when it modifies any part of an HPT entry." */
static void permissions_are_kept_until_they_are_invalidated(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		struct host host;

		start(&host);
		host_allow(&host, 0x5000, level, HOST_READ);
		assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
		host_allow(&host, 0x5000, level, HOST_BOTH);
		assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
		submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
		assert_int_equal(host_rights(&host, 0x5000), HOST_BOTH);
		host_set_entry(&host, 0x5000, level, 0, 0);
		assert_int_equal(host_rights(&host, 0x5000), HOST_BOTH);
		submit(&host, HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(3));
		assert_int_equal(host_rights(&host, 0x5000), HOST_NONE);
		host_stop(&host);
	}
}

/* Table 20: an entry is kept whole, with the permissions of all its pages, those of none as well. */
static void an_entry_is_kept_with_all_its_pages(void **state)
{
	static const struct {
		unsigned level;
		uint64_t page, neighbour, far;
	} rows[] = {
		{ 1, 0x5000, 0x1f000, 0x20000 },
		{ 1, 0x15000, 0x0, 0x35000 },
		{ 2, 0x200000, 0x1e00000, 0x2000000 },
		{ 3, 0x40000000, 0x1c0000000, 0x200000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const unsigned level = rows[i].level;
		struct host host;

		start(&host);
		host_allow(&host, rows[i].page, level, HOST_READ);
		assert_int_equal(host_rights(&host, rows[i].page), HOST_READ);
		host_allow(&host, rows[i].neighbour, level, HOST_READ);
		host_allow(&host, rows[i].far, level, HOST_READ);
		assert_int_equal(host_rights(&host, rows[i].neighbour), HOST_NONE);
		assert_int_equal(host_rights(&host, rows[i].far), HOST_READ);
		/* any page of the entry takes it along */
		submit(&host, HPT_INVALIDATE(PAGES, HOST_DOMAIN), rows[i].neighbour | IH(level - 1));
		assert_int_equal(host_rights(&host, rows[i].neighbour), HOST_READ);
		host_stop(&host);
	}
}

/* "At least one of the PPi fields are non-zero or the Address Valid field is Set." */
static void entries_of_nothing_are_not_kept(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		struct host host;
		uint64_t high = 0;

		start(&host);
		if (level > 1) {
			host_allow(&host, 0x5000, 1, HOST_READ);
			high = vt_load(&host.scene.sm.vtd, host_entry_at(&host, 0x5000, level) + 8);
			/* an address without AV, and what is ignored, make nothing of it */
			host_set_entry(
			    &host, 0x5000, level, 0, (high & ~UINT64_C(1)) | UINT64_C(0xfff) << 52);
		}
		assert_int_equal(host_rights(&host, 0x5000), HOST_NONE);
		if (level > 1)
			host_set_entry(&host, 0x5000, level, 0, high);
		else
			host_allow(&host, 0x5000, 1, HOST_READ);
		assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
		host_stop(&host);
	}
}

/* "All reserved bits are 0 in the HPT entry in memory." */
static void entries_with_reserved_bits_are_not_kept(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		struct host host;
		uint64_t at, low;

		start(&host);
		host_allow(&host, 0x5000, 1, HOST_READ);
		at = host_entry_at(&host, 0x5000, level);
		low = vt_load(&host.scene.sm.vtd, at);
		vt_store(&host.scene.sm.vtd, at, low | 0x8);
		for (unsigned again = 0; again < 2; again++)
			assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa1);
		vt_store(&host.scene.sm.vtd, at, low);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
		host_stop(&host);
	}
}

/* What could not be read, and what a walk found out before it. */
static void what_leads_to_an_unreadable_table_is_kept(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_set_entry(&host, 0x5000, 2, 0, SCENE_HOLE | HOST_AV);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa0);
	host_set_entry(&host, 0x5000, 2, HOST_READ << 8, 0); /* page 0x400000 */
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa0);
	submit(&host, HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(0));
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa0);
	submit(&host, HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(1));
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa5);
	host_stop(&host);
}

/* An HPTL3E may hold permissions of some pages and lead on for the others. */
static void an_entry_that_leads_on_for_one_page_decides_for_another(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	host_allow(&host, 0x40000000, 3, HOST_WRITE);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	assert_int_equal(host_rights(&host, 0x40000000), HOST_WRITE);
	assert_int_equal(host_rights(&host, 0x6000), HOST_NONE);
	assert_int_equal(host_rights(&host, 0x7fffffff8), HOST_NONE);
	assert_int_equal(host_rights(&host, 0x40000000), HOST_WRITE);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	host_stop(&host);
}

/* "The lowest level entry should be used ... and the contents of any higher level entries ... ignored." */
static void the_lowest_level_that_is_kept_is_used(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	host_allow(&host, 0x5000, 2, HOST_WRITE);
	/* another source reads that; this one has its HPTL1E */
	host_set_table(&host, SM_PASID, host.root | 3, HOST_DOMAIN + 1);
	assert_int_equal(host_reason(&host, WRITE, 0x5000, SM_PASID, 0), 0);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	submit(&host, HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x5000);
	submit(&host, HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | 0x5000);
	assert_int_equal(host_rights(&host, 0x5000), HOST_WRITE);
	host_stop(&host);
}

/* The same of a permission of 1 GiB, and an HPTL2E that leads on by what another PASID found later. */
static void an_entry_below_a_kept_permission_is_used(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_WRITE);
	host_allow(&host, 0x5000, 3, HOST_READ);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	host_allow(&host, 0x5000, 3, HOST_NONE);
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	assert_int_equal(host_reason(&host, WRITE, 0x5000, SM_PASID, 0), 0);
	assert_int_equal(host_rights(&host, 0x5000), HOST_WRITE);
	host_stop(&host);
}

/* "Only an HPT cache storing leaf contents can service a translated-requests": what leads on does not. */
static void permissions_in_an_entry_that_leads_on_are_for_nobody_else(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	host_allow(&host, 0x40000000, 3, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	host_allow(&host, 0x40000000, 3, HOST_NONE);
	assert_int_equal(read_of(&host, 0x40000000, SM_PASID, 0), 0xa5);
	assert_int_equal(read_of(&host, 0x40000000, SM_NO_PASID, 0), 0xa5);
	host_stop(&host);
}

static void an_answer_out_of_the_cache_is_marked_so(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	host_allow(&host, 0x25000, 1, HOST_READ);
	for (unsigned round = 0; round < 3; round++) {
		/* the first fills, the second is the same entry, the third is led on */
		const struct iommusim_dma_page page = sm_access(
		    &host.scene.sm, READ, round < 2 ? 0x5000 : 0x25000, 8, SM_NO_PASID, SM_TRANSLATED);

		assert_int_equal(page.through_cache, round > 0);
		submit(&host, 0x11, 0); /* context and PASID cache, global */
		submit(&host, 0x37, 0);
	}
	host_stop(&host);
}

/* A fault depends on the request, not on what is kept. */
static void kept_entries_are_judged_for_each_request(void **state)
{
	struct iommusim_dma_page page;
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_WRITE);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa5);
		assert_int_equal(host_reason(&host, IOMMUSIM_DMA_ATOMIC, 0x5000, SM_NO_PASID, 0), 0xa5);
		assert_int_equal(host_reason(&host, WRITE, 0x6000, SM_NO_PASID, 0), 0xa4);
		page = sm_access(&host.scene.sm, READ, 0x6000, 0, SM_NO_PASID, SM_TRANSLATED);
		assert_int_equal(page.fault.reason, 0xa3);
		page = sm_access(&host.scene.sm, WRITE, 0x5008, 8, SM_NO_PASID, SM_TRANSLATED);
		assert_false(page.faulted);
		assert_int_equal(page.physical, 0x5008);
		assert_int_equal(page.page_shift, 12);
		assert_int_equal(page.domain, SM_DOMAIN);
		assert_true(page.through_cache);
	}
	host_stop(&host);
}

/* FPD of an entry that a cache knows, and the address checks, count as they do without caches. */
static void what_comes_before_the_table_is_judged_with_caches_too(void **state)
{
	struct host host;

	(void)state;
	start_with(&host, &(struct vtd_setup){ .haw = 52 });
	host_set_table(&host, SM_NO_PASID, host.root | 1, HOST_DOMAIN);
	host_allow(&host, 0x5000, 1, HOST_READ);
	scene_disable_faults(&host.scene, SCENE_FPD_TABLE);
	for (unsigned again = 0; again < 2; again++) {
		host.scene.address = 0x5000;
		host.scene.kind = READ;
		host_expect_served(&host);
		host.scene.kind = WRITE;
		host_expect_denied(&host, 0xa4, false, true);
		host.scene.address = BIT(50);
		host_expect_denied(&host, 0x60, false, true);
		host.scene.address = BIT(52);
		host_expect_denied(&host, 0x83, false, true);
		host.scene.address = 0xfee00000;
		host_expect_denied(&host, 0x87, false, true);
	}
	host_stop(&host);
}

/* The PASID cache has HPTPTR, HPTSZ and HPTDID as well, every bit of them. */
static void the_pasid_cache_keeps_where_the_table_is(void **state)
{
	const uint16_t domain = 0xa5c3;
	struct host host;

	(void)state;
	start_with(&host, &(struct vtd_setup){ .haw = 52, .cap_set = 6 }); /* ND=6: 16 bits */
	host_set_table(&host, SM_NO_PASID, host.root | 6, domain);         /* PFD, HPTSZ=2 */
	host_allow(&host, 0x5000, 1, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	host_set_table(&host, SM_NO_PASID, SCENE_HOLE | 3, 1);
	for (unsigned again = 0; again < 2; again++) {
		submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
		assert_int_equal(read_of(&host, BIT(51), SM_NO_PASID, 0), 0x60);
		assert_int_equal(read_of(&host, BIT(50), SM_NO_PASID, 0), 0xa5);
	}
	host_allow(&host, 0x5000, 1, HOST_WRITE);
	submit(&host, HPT_INVALIDATE(DOMAIN, 1), IH(3));
	submit(&host, HPT_INVALIDATE(DOMAIN, domain ^ 0x100), IH(3));
	assert_int_equal(host_rights(&host, 0x5000), HOST_READ);
	submit(&host, HPT_INVALIDATE(DOMAIN, domain), IH(3));
	assert_int_equal(host_rights(&host, 0x5000), HOST_WRITE);
	submit(&host, 0x37, 0); /* PASID cache, global */
	submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa2);
	host_stop(&host);
}

/* The highest and the lowest bit of a pointer come back out of the PASID cache. */
static void a_pointer_to_the_top_of_memory_is_kept_whole(void **state)
{
	const uint64_t top = BIT(52) - 0x1000;
	struct host host;

	(void)state;
	start_with(&host, &(struct vtd_setup){ .haw = 52, .cap_set = 6 });
	assert_int_equal(
	    iommusim_memory_add(host.scene.sm.vtd.machine, top, 0x1000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_OK);
	vt_store(&host.scene.sm.vtd, top + 8, top | HOST_AV);
	host_set_table(&host, SM_NO_PASID, top, 0xffff);
	for (unsigned again = 0; again < 2; again++) {
		/* each table is this one; the address is no good permissions in an HPTL1E */
		submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
		assert_int_equal(read_of(&host, 0x10000, SM_NO_PASID, 0), 0xa1);
	}
	/* those of levels 4 to 2 are kept; this one is an HPTL1E, and AV is R of page 16 */
	vt_store(&host.scene.sm.vtd, top + 8, SCENE_HOLE | HOST_AV);
	assert_int_equal(read_of(&host, 0x10000, SM_NO_PASID, 0), 0);
	submit(&host, HPT_INVALIDATE(DOMAIN, 0xffff), IH(3));
	assert_int_equal(read_of(&host, 0x10000, SM_NO_PASID, 0), 0xa0);
	host_stop(&host);
}

/* ---- tags ------------------------------------------------------------------------------------ */

/* Table 17: a permission that was found is kept for its source, and its PASID when it has one. */
static void permissions_are_kept_for_a_source_and_a_pasid(void **state)
{
	static const struct {
		uint32_t pasid;
		unsigned flags;
	} askers[] = {
		{ SM_NO_PASID, 0 },
		{ SM_PASID, 0 },
		{ SM_PASID + 1, 0 },
		{ SM_NO_PASID, SM_UPPER },
		{ SM_PASID, SM_UPPER },
	};

	(void)state;
	for (size_t first = 0; first < COUNT(askers); first++) {
		for (size_t second = 0; second < COUNT(askers); second++) {
			struct host host;

			start(&host);
			sm_pass_through(&host.scene.sm, SM_PASID + 1, SM_DOMAIN);
			host_set_table(&host, SM_PASID + 1, host.root, HOST_DOMAIN);
			host_allow(&host, 0x5000, 3, HOST_READ);
			assert_int_equal(
			    read_of(&host, 0x5000, askers[first].pasid, askers[first].flags), 0);
			host_allow(&host, 0x5000, 3, HOST_NONE);
			assert_int_equal(
			    read_of(&host, 0x5000, askers[second].pasid, askers[second].flags),
			    second == first ? 0 : 0xa5);
			host_stop(&host);
		}
	}
}

/* PASIDs are kept apart by no privilege: Table 17 has no such tag. */
static void privilege_is_no_tag(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 3, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_PASID, SM_PRIVILEGED), 0);
	host_allow(&host, 0x5000, 3, HOST_NONE);
	assert_int_equal(read_of(&host, 0x5000, SM_PASID, 0), 0);
	host_stop(&host);
}

/*
 * Table 17: an entry that leads on is kept for its HPT domain, whoever asks. Software that gives one
 * domain two tables (6.2.6.2 forbids it) meets the wrong one; with two domains nothing is mixed up.
 */
static void entries_that_lead_on_are_kept_for_an_hpt_domain(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		for (unsigned same = 0; same < 2; same++) {
			struct host host;
			uint64_t high;

			start(&host);
			host_set_table(&host, SM_PASID, host.root | 3, same != 0 ? HOST_DOMAIN : 1);
			host_allow(&host, 0x5000, 1, HOST_READ);
			assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
			high = vt_load(&host.scene.sm.vtd, host_entry_at(&host, 0x5000, level) + 8);
			host_set_entry(&host, 0x5000, level, 0, SCENE_HOLE | HOST_AV);
			assert_int_equal(
			    read_of(&host, 0x5000, SM_PASID, SM_UPPER), same != 0 ? 0 : 0xa0);
			host_set_entry(&host, 0x5000, level, 0, high);
			host_stop(&host);
		}
	}
}

/* ---- invalidation ---------------------------------------------------------------------------- */

/* A page of each level that may be read; none shares an entry of its level with the way to the first. */
#define PAGE_1 UINT64_C(0x5000)
#define PAGE_2 UINT64_C(0x5200000)
#define PAGE_3 UINT64_C(0x80000000)

/* Pages that share the entry of level 2, 3 or 4 with PAGE_1, and no lower one. */
static const uint64_t beside[] = { 0, 0, 0x25000, 0x6005000, 0x400005000 };

#define LEAF(level) (1u << (level))
#define LEAVES      (LEAF(1) | LEAF(2) | LEAF(3))

/*
 * A descriptor: which permissions stay in the cache, by level, and which entries that lead on, of those on
 * the way to PAGE_1.
 */
static const struct drop {
	uint64_t low, high;
	unsigned leaves;
	bool branches[5]; /* by level, 2 to 4 */
} drops[] = {
	{ HPT_INVALIDATE(GLOBAL, 0), IH(0), 0, { 0 } },
	{ HPT_INVALIDATE(GLOBAL, 0x7777), IH(0) | 0x123456005, 0, { 0 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(0), LEAF(2) | LEAF(3), { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(1), LEAF(3), { 0, 0, 0, 1, 1 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(2), 0, { 0, 0, 0, 0, 1 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(3), 0, { 0 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(3) | 0x999999003, 0, { 0 } },
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN + 1), IH(3), LEAVES, { 0, 0, 1, 1, 1 } },
	/* CAP.ND has 8 bits: those beyond are ignored */
	{ HPT_INVALIDATE(DOMAIN, HOST_DOMAIN | 0xab00), IH(3), 0, { 0 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN | 0x8000), IH(3) | PAGE_1, LEAF(2), { 0 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN + 1), IH(3) | PAGE_1, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | PAGE_1, LEAF(2) | LEAF(3), { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | PAGE_1, LEAF(2) | LEAF(3), { 0, 0, 0, 1, 1 } },
	/* PAGE_3 has the same HPTL3E */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(2) | PAGE_1, LEAF(2), { 0, 0, 0, 0, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | PAGE_1, LEAF(2), { 0 } },
	/* the last page of PAGE_1's HPTL1E, and the first of the next */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x1f000, LEAF(2) | LEAF(3), { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x20000, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | 0x20000, LEAVES, { 0, 0, 0, 1, 1 } },
	/* the same of HPTL2E and HPTL3E */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | 0x1fff000, LEAVES, { 0, 0, 0, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | 0x2000000, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(2) | 0x1fffff000, LEAF(1) | LEAF(2),
	    { 0, 0, 1, 0, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(2) | 0x200000000, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | 0x1fffffff000, LEAVES, { 0, 0, 1, 1, 0 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | 0x20000000000, LEAVES, { 0, 0, 1, 1, 1 } },
	/* large pages, with a hint that is too small, and with enough of one */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | PAGE_2 | 9, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | PAGE_2 | 9, LEAF(1) | LEAF(3),
	    { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(1) | PAGE_3 | 18, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(2) | PAGE_3 | 18, LEAF(1) | LEAF(2),
	    { 0, 0, 1, 0, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | PAGE_3 | 18, LEAF(1) | LEAF(2),
	    { 0, 0, 1, 0, 0 } },
	/* AM: 2^13 pages are 32 MiB, wherever in them the address is; 2^63 are all there are */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x1fff000 | 13, LEAF(2) | LEAF(3),
	    { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x2000000 | 13, LEAVES, { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | 0x2000000 | 14, LEAF(2) | LEAF(3),
	    { 0, 0, 1, 1, 1 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | 0x123456789000 | 63, 0, { 0 } },
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(3) | 0x123456789000, LEAVES, { 0, 0, 1, 1, 1 } },
	/* the host address width is 46: bits beyond are ignored */
	{ HPT_INVALIDATE(PAGES, HOST_DOMAIN), IH(0) | PAGE_1 | BIT(46) | BIT(63), LEAF(2) | LEAF(3),
	    { 0, 0, 1, 1, 1 } },
};

/* Permissions and the way to them are known to the unit, and then the descriptor comes. */
static void fill_and_drop(struct host *host, const struct drop *drop)
{
	static const uint64_t pages[] = { 0, PAGE_1, PAGE_2, PAGE_3 };

	start(host);
	for (unsigned level = 1; level <= 3; level++)
		host_allow(host, pages[level], level, HOST_READ);
	for (unsigned level = 2; level <= 4; level++)
		host_allow(host, beside[level], 1, HOST_READ);
	for (unsigned level = 1; level <= 3; level++)
		assert_int_equal(read_of(host, pages[level], SM_NO_PASID, 0), 0);
	submit(host, drop->low, drop->high);
	for (unsigned level = 1; level <= 3; level++)
		host_allow(host, pages[level], level, HOST_NONE);
}

/* Memory grants nothing any more: what can be read is in the cache. */
static unsigned known_leaves(const struct drop *drop)
{
	struct host host;
	unsigned known = 0;

	fill_and_drop(&host, drop);
	known |= read_of(&host, PAGE_1, SM_NO_PASID, 0) == 0 ? LEAF(1) : 0;
	known |= read_of(&host, PAGE_2, SM_NO_PASID, 0) == 0 ? LEAF(2) : 0;
	known |= read_of(&host, PAGE_3, SM_NO_PASID, 0) == 0 ? LEAF(3) : 0;
	host_stop(&host);
	return known;
}

/* In memory the entry leads nowhere any more: who gets past it has it from the cache. */
static bool knows_branch(const struct drop *drop, unsigned level)
{
	struct host host;
	unsigned reason;

	fill_and_drop(&host, drop);
	vt_store(&host.scene.sm.vtd, host_entry_at(&host, PAGE_1, level) + 8, SCENE_HOLE | HOST_AV);
	reason = read_of(&host, beside[level], SM_PASID, 0);
	assert_true(reason == 0 || reason == 0xa0);
	host_stop(&host);
	return reason == 0;
}

static void each_invalidation_drops_what_it_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(drops); i++) {
		const unsigned leaves = known_leaves(&drops[i]);

		if (leaves != drops[i].leaves)
			fail_msg("row %zu: leaves %x, not %x", i, leaves, drops[i].leaves);
		for (unsigned level = 2; level <= 4; level++)
			if (knows_branch(&drops[i], level) != drops[i].branches[level])
				fail_msg("row %zu: level %u is %sthere", i, level,
				    drops[i].branches[level] ? "not " : "");
	}
}

/* 6.5.2.1 to 6.5.2.8 are about other caches, and 6.5.2.7 about no other. */
static void other_invalidations_leave_host_permissions_alone(void **state)
{
	static const uint64_t others[][2] = {
		{ 0x11, 0 },                          /* context, global */
		{ 0x12, 0 },                          /* IOTLB, global */
		{ 0x37, 0 },                          /* PASID cache, global */
		{ 0x26 | SM_DOMAIN << 16, 0 },        /* PASID-based IOTLB */
		{ 0x32 | SM_DOMAIN << 16, 0x5000 },   /* IOTLB, page */
		{ 0x22 | HOST_DOMAIN << 16, 0 },      /* IOTLB, domain */
		{ 0x3 | (uint64_t)VTD_RID << 32, 0 }, /* device-TLB */
		{ 0x4, 0 },                           /* interrupt entries, global */
		{ WAIT_LOW, WAIT_DATA },
	};
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	host_allow(&host, 0x5000, 1, HOST_NONE);
	for (size_t i = 0; i < COUNT(others); i++) {
		submit(&host, others[i][0], others[i][1]);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	}
	submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa5);
	host_stop(&host);
}

static void host_invalidations_leave_other_caches_alone(void **state)
{
	struct host host;
	struct scalable *sm = &host.scene.sm;

	(void)state;
	start(&host);
	sm_second_stage(sm, SM_PASID, HOST_DOMAIN);
	sm_map_second(sm, sm->second, 4, 0x5000, 0x6000, 3, 1);
	assert_int_equal(sm_access(sm, READ, 0x5000, 8, SM_PASID, 0).physical, 0x6000);
	vt_store(&sm->vtd, sm_context_at(sm, VTD_RID), 0);
	vt_store(&sm->vtd, sm_entry_at(sm, SM_PASID), 0);
	vt_store(&sm->vtd, sm_second_at(sm, sm->second, 4, 0x5000, 1), 0);
	submit(&host, HPT_INVALIDATE(GLOBAL, 0), IH(3));
	submit(&host, HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(3));
	assert_int_equal(sm_access(sm, READ, 0x5000, 8, SM_PASID, 0).physical, 0x6000);
	sm_map_second(sm, sm->second, 4, 0x8000, 0x9000, 3, 1);
	assert_int_equal(sm_access(sm, READ, 0x8000, 8, SM_PASID, 0).physical, 0x9000);
	host_stop(&host);
}

/* 6.6: SRTP takes everything on units with ESRTPS, and nothing on others; 11.4.4.1: so does TE off. */
static void global_commands_drop_host_permissions_too(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct host host;

		start_with(&host, &(struct vtd_setup){ .cap_set = how == 1 ? CAP_ESRTPS : 0 });
		host_allow(&host, 0x5000, 1, HOST_READ);
		host_allow(&host, 0x25000, 1, HOST_READ);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
		host_allow(&host, 0x5000, 1, HOST_NONE);
		vt_store(&host.scene.sm.vtd, host_entry_at(&host, 0x5000, 2) + 8, HOST_AV | SCENE_HOLE);
		if (how < 2) {
			sm_latch_root(&host.scene.sm, SM_TTM_SCALABLE);
		} else {
			vt_command(&host.scene.sm.vtd, G_TE, false);
			vt_command(&host.scene.sm.vtd, G_TE, true);
		}
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), how == 0 ? 0 : 0xa0);
		assert_int_equal(read_of(&host, 0x25000, SM_NO_PASID, 0), how == 0 ? 0 : 0xa0);
		host_stop(&host);
	}
}

static void a_reset_drops_host_permissions(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	host_allow(&host, 0x5000, 1, HOST_NONE);
	iommusim_unit_reset(host.scene.sm.vtd.unit, false);
	sm_latch_root(&host.scene.sm, SM_TTM_SCALABLE);
	vt_command(&host.scene.sm.vtd, G_TE, true);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa5);
	host_stop(&host);
}

/* ---- the other policies ---------------------------------------------------------------------- */

/* Whatever is kept: after an invalidation only what memory says counts, and nothing else ever does. */
static void every_policy_answers_from_memory_after_an_invalidation(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE, IOMMUSIM_CACHE_HOARD };

	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct host host;

		host_start(&host, &(struct vtd_setup){ .seed = 7, .settings.cache = policies[i] });
		sm_queue_start(&host.scene.sm);
		for (unsigned round = 0; round < 100; round++) {
			const unsigned level = round % 3 + 1, rights = (round * 7 + 3) & 3;

			host_set_entry(&host, 0x5000, 3, 0, 0);
			host_allow(&host, 0x5000, level, rights);
			host_allow(&host, 0x25000, 1, HOST_BOTH);
			submit(&host, HPT_INVALIDATE(DOMAIN, HOST_DOMAIN), IH(3));
			for (unsigned again = 0; again < 4; again++)
				assert_int_equal(host_rights(&host, 0x5000), rights);
			host_allow(&host, 0x5000, level, rights ^ 3);
			if (policies[i] == IOMMUSIM_CACHE_NONE)
				assert_int_equal(host_rights(&host, 0x5000), rights ^ 3);
		}
		host_stop(&host);
	}
}

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *seed >> 33;
}

/* An address of few: two entries of each table, and the first and last two pages of each entry. */
static uint64_t some_address(uint64_t *seed)
{
	static const uint64_t pages_1_gib[] = { 0, 1, 6, 7 }, pages_2_mib[] = { 0, 1, 14, 15 },
			      pages_4_kib[] = { 0, 1, 30, 31 };

	return (draw(seed) & 1) << 41 | (draw(seed) & 1) << 33 | pages_1_gib[draw(seed) & 3] << 30 |
	    (draw(seed) & 1) << 25 | pages_2_mib[draw(seed) & 3] << 21 | (draw(seed) & 1) << 17 |
	    pages_4_kib[draw(seed) & 3] << 12;
}

static void expect_what_memory_says(struct host *host, uint64_t *seed)
{
	const struct iommusim_dma_request request = { .address = some_address(seed),
		.length = 8,
		.kind = (enum iommusim_dma_kind)(draw(seed) % 3),
		.address_type = IOMMUSIM_DMA_TRANSLATED,
		.has_pasid = draw(seed) % 2 != 0,
		.pasid = SM_PASID };
	struct iommusim_requester *const device =
	    draw(seed) % 2 != 0 ? host->scene.sm.upper : host->scene.sm.vtd.device;
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(device, &request, &walk), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	if (outcome.page.fault.reason != walk.result.fault.reason)
		fail_msg("0x%llx: reason %Xh, not %Xh", (unsigned long long)request.address,
		    outcome.page.fault.reason, walk.result.fault.reason);
	assert_int_equal(outcome.page.page_shift, walk.result.page_shift);
}

/* While nothing changes in memory, caches change no answer: many pages, of all levels, one over another. */
static void caches_change_no_answer_by_themselves(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_SIZED,
		IOMMUSIM_CACHE_ADVERSE, IOMMUSIM_CACHE_HOARD };

	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		for (uint64_t run = 1; run <= 8; run++) {
			uint64_t seed = run;
			struct host host;

			host_start(
			    &host, &(struct vtd_setup){ .seed = run, .settings.cache = policies[i] });
			for (unsigned page = 0; page < 200; page++)
				host_allow(&host, some_address(&seed),
				    page % 40 == 0      ? 3
					: page % 5 == 0 ? 2
							: 1,
				    (unsigned)draw(&seed) & 3);
			for (unsigned request = 0; request < 1000; request++)
				expect_what_memory_says(&host, &seed);
			host_stop(&host);
		}
	}
}

/* A contrary cache forgets at times: sooner or later the other answer comes. */
static void an_adverse_cache_answers_either_way_until_it_is_told(void **state)
{
	unsigned old = 0;
	struct host host;

	(void)state;
	host_start(&host, &(struct vtd_setup){ .seed = 3, .settings.cache = IOMMUSIM_CACHE_ADVERSE });
	sm_queue_start(&host.scene.sm);
	for (unsigned round = 0; round < 200; round++) {
		host_allow(&host, 0x5000, 1, HOST_BOTH);
		submit(&host, HPT_INVALIDATE(GLOBAL, 0), 0);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
		host_allow(&host, 0x5000, 1, HOST_WRITE);
		old += read_of(&host, 0x5000, SM_NO_PASID, 0) == 0;
	}
	assert_in_range(old, 1, 199);
	host_stop(&host);
}

/* ---- what is counted ------------------------------------------------------------------------- */

/* A unit with counters: its fault records make room for ECMD at 400h, counters begin at 1c00h. */
static void start_counting(struct host *host)
{
	/* group 2, bits 8 and 9: entries that lead on; group 3, bits 2 and 3: those that decide (Table 49) */
	static const uint64_t events[] = { BIT(40) | 0x200, BIT(41) | 0x200, BIT(34) | 0x300,
		BIT(35) | 0x300 };
	struct vtd_fixture *vtd = &host->scene.sm.vtd;

	host_start(host,
	    &(struct vtd_setup){ .cap_clear = CAP_FRO_400,
		.cap_set = UINT64_C(0x70) << 24 | BIT(61), /* ECMDS */
		.ecap_set = BIT(51),                       /* PMS */
		.register_size = 2,
		.settings.cache = IOMMUSIM_CACHE_HOARD });
	for (unsigned counter = 0; counter < 4; counter++) {
		vt_set64(vtd, 0x1000 + counter * 0x100, events[counter]);
		vt_set64(vtd, 0x400, 240 | (uint64_t)counter << 16); /* enable it */
		assert_int_equal(vt_get64(vtd, 0x410), 0);
	}
}

static void expect_counts(struct host *host, const unsigned counts[4])
{
	for (unsigned counter = 0; counter < 4; counter++)
		assert_int_equal(
		    vt_get64(&host->scene.sm.vtd, 0x1c00 + counter * 0x400), counts[counter]);
}

static void lookups_and_hits_are_counted(void **state)
{
	/* entries that lead on: asked, found; that decide: asked, found */
	static const unsigned first[] = { 1, 0, 1, 0 }, again[] = { 1, 0, 2, 1 },
			      next[] = { 2, 1, 3, 1 }, large[] = { 3, 2, 4, 1 },
			      branched[] = { 4, 3, 5, 1 };
	struct host host;

	(void)state;
	start_counting(&host);
	host_allow(&host, 0x5000, 1, HOST_READ);
	host_allow(&host, 0x25000, 1, HOST_READ);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	expect_counts(&host, first);
	assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
	expect_counts(&host, again);
	assert_int_equal(read_of(&host, 0x25000, SM_NO_PASID, 0), 0);
	expect_counts(&host, next);
	/* an HPTL3E that decides about this page, and then leads on for another: that is no hit */
	host_allow(&host, 0x240000000, 3, HOST_READ);
	host_allow(&host, 0x200000000, 1, HOST_READ);
	assert_int_equal(read_of(&host, 0x240000000, SM_NO_PASID, 0), 0);
	expect_counts(&host, large);
	assert_int_equal(read_of(&host, 0x200000000, SM_NO_PASID, 0), 0);
	expect_counts(&host, branched);
	host_stop(&host);
}

/* ---- the descriptor -------------------------------------------------------------------------- */

/* IQERCD.IQEI (11.4.9.9): 3 type, 4 reserved field, 5 width. 0: it is carried out. */
static void expect_code(struct host *host, const uint64_t quads[4], unsigned code)
{
	struct vtd_fixture *vtd = &host->scene.sm.vtd;
	const uint64_t head = vt_get64(vtd, R_IQH);

	sm_submit(&host->scene.sm, quads);
	if (code == 0) {
		assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, 0);
		assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
		return;
	}
	assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, IQE);
	assert_int_equal(vt_get64(vtd, R_IQERCD) & 0xf, code);
	assert_int_equal(vt_get64(vtd, R_IQH), head);
	vt_store(vtd, vtd->queue + head, 0x11);
	for (unsigned quad = 1; quad < 4; quad++)
		vt_store(vtd, vtd->queue + head + quad * UINT64_C(8), 0);
	vt_set32(vtd, R_FSTS, IQE);
	assert_int_equal(vt_get64(vtd, R_IQH), vtd->queue_tail);
}

/* Figure 6-7. */
static void each_bit_of_the_descriptor_is_a_field_or_stops_the_queue(void **state)
{
	static const uint64_t reserved[4] = { UINT64_C(0xffffffff0000f1c0), 0xf00, UINT64_MAX,
		UINT64_MAX };
	struct host host;

	(void)state;
	start(&host);
	for (unsigned granularity = 0; granularity < 4; granularity++) {
		for (unsigned bit = 0; bit < 256; bit++) {
			uint64_t quads[4] = { HPT_INVALIDATE(granularity, HOST_DOMAIN), 0x5000 };
			unsigned code = granularity == 0 ? 4 : 0;

			if (bit < 6 || (bit >= 9 && bit < 12))
				continue; /* type and granularity */
			quads[bit / 64] ^= BIT(bit % 64);
			if ((reserved[bit / 64] & BIT(bit % 64)) != 0)
				code = 4;
			expect_code(&host, quads, code);
		}
	}
	host_stop(&host);
}

/* Every address mask is a good one, whatever CAP.MAMV and CAP.PSI say of the IOTLB. */
static void any_address_mask_is_taken(void **state)
{
	struct host host;

	(void)state;
	start_with(&host, &(struct vtd_setup){ .cap_clear = CAP_PSI | CAP_MAMV });
	for (unsigned mask = 0; mask < 64; mask++) {
		const uint64_t quads[4] = { HPT_INVALIDATE(PAGES, HOST_DOMAIN), mask | IH(3) };

		host_allow(&host, 0x5000, 1, HOST_READ);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0);
		host_allow(&host, 0x5000, 1, HOST_NONE);
		expect_code(&host, quads, 0);
		assert_int_equal(read_of(&host, 0x0, SM_NO_PASID, 0), 0xa5);
		assert_int_equal(read_of(&host, 0x5000, SM_NO_PASID, 0), 0xa5);
	}
	host_stop(&host);
}

/* Table 26, and 6.5.2.7: not without HPTS, not in legacy mode, not in 128 bits. */
static void the_descriptor_needs_the_capability_the_mode_and_the_width(void **state)
{
	static const struct {
		uint64_t mode, ecap_clear;
		unsigned width, code;
	} rows[] = {
		{ SM_TTM_SCALABLE, 0, 32, 0 },
		{ SM_TTM_ABORT, 0, 32, 0 },
		{ SM_TTM_LEGACY, 0, 32, 3 },
		{ SM_TTM_RESERVED, 0, 32, 7 },
		{ SM_TTM_SCALABLE, ECAP_HPTS, 32, 3 },
		{ SM_TTM_ABORT, ECAP_HPTS, 32, 3 },
		{ SM_TTM_SCALABLE, 0, 16, 5 },
		{ SM_TTM_ABORT, 0, 16, 5 },
		{ SM_TTM_LEGACY, 0, 16, 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct host host;
		struct vtd_fixture *vtd = &host.scene.sm.vtd;

		host_start(&host,
		    &(struct vtd_setup){ .ecap_set = ECAP_ADMS, .ecap_clear = rows[i].ecap_clear });
		sm_latch_root(&host.scene.sm, rows[i].mode);
		vt_queue_start(vtd, rows[i].width);
		vt_submit(vtd, HPT_INVALIDATE(GLOBAL, 0), 0);
		assert_int_equal(vt_get32(vtd, R_FSTS) & IQE, rows[i].code != 0 ? IQE : 0);
		assert_int_equal(vt_get64(vtd, R_IQERCD), rows[i].code);
		assert_int_equal(vt_get64(vtd, R_IQH), rows[i].code != 0 ? 0 : 32);
		host_stop(&host);
	}
}

/* The type has seven bits: Ah with any of 11:9 is another one, and there is none. */
static void the_upper_type_bits_belong_to_the_type(void **state)
{
	struct host host;

	(void)state;
	start(&host);
	for (uint64_t high = 1; high < 8; high++) {
		const uint64_t quads[4] = { HPT_INVALIDATE(GLOBAL, 0) | high << 9, 0 };

		expect_code(&host, quads, 3);
	}
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions_are_kept_until_they_are_invalidated),
		cmocka_unit_test(an_entry_is_kept_with_all_its_pages),
		cmocka_unit_test(entries_of_nothing_are_not_kept),
		cmocka_unit_test(entries_with_reserved_bits_are_not_kept),
		cmocka_unit_test(what_leads_to_an_unreadable_table_is_kept),
		cmocka_unit_test(an_entry_that_leads_on_for_one_page_decides_for_another),
		cmocka_unit_test(the_lowest_level_that_is_kept_is_used),
		cmocka_unit_test(an_entry_below_a_kept_permission_is_used),
		cmocka_unit_test(permissions_in_an_entry_that_leads_on_are_for_nobody_else),
		cmocka_unit_test(an_answer_out_of_the_cache_is_marked_so),
		cmocka_unit_test(kept_entries_are_judged_for_each_request),
		cmocka_unit_test(what_comes_before_the_table_is_judged_with_caches_too),
		cmocka_unit_test(the_pasid_cache_keeps_where_the_table_is),
		cmocka_unit_test(a_pointer_to_the_top_of_memory_is_kept_whole),
		cmocka_unit_test(permissions_are_kept_for_a_source_and_a_pasid),
		cmocka_unit_test(privilege_is_no_tag),
		cmocka_unit_test(entries_that_lead_on_are_kept_for_an_hpt_domain),
		cmocka_unit_test(each_invalidation_drops_what_it_names),
		cmocka_unit_test(other_invalidations_leave_host_permissions_alone),
		cmocka_unit_test(host_invalidations_leave_other_caches_alone),
		cmocka_unit_test(global_commands_drop_host_permissions_too),
		cmocka_unit_test(a_reset_drops_host_permissions),
		cmocka_unit_test(every_policy_answers_from_memory_after_an_invalidation),
		cmocka_unit_test(caches_change_no_answer_by_themselves),
		cmocka_unit_test(an_adverse_cache_answers_either_way_until_it_is_told),
		cmocka_unit_test(lookups_and_hits_are_counted),
		cmocka_unit_test(each_bit_of_the_descriptor_is_a_field_or_stops_the_queue),
		cmocka_unit_test(any_address_mask_is_taken),
		cmocka_unit_test(the_descriptor_needs_the_capability_the_mode_and_the_width),
		cmocka_unit_test(the_upper_type_bits_belong_to_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
