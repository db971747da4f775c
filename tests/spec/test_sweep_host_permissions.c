/*
 * Every bit of a host permission entry (VT-d 9.12, Table 48), flipped one at a time in an entry of each
 * level that leads on, that grants, and that does neither: reserved, ignored, a permission of this page or
 * of another, or the address of the next table; on units of several host address widths, with pages of
 * 1 GiB and without.
 */
#include "host_tables.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A page that none of the fields is 0 for: page 29 of its HPTL1E, 10 of its HPTL2E, 5 of its HPTL3E. */
#define ADDRESS              UINT64_C(0x37555fd000)
#define PAGE_OF_LEVEL(level) ((level) == 1 ? 29u : (level) == 2 ? 10u : 5u)

/* A table here has no other one a flipped bit away. */
#define ROOMY UINT64_C(0x3000000)

static const uint8_t widths[] = { 39, 46, 52 };

/* What a read, a write and an AtomicOp come to. */
struct told {
	uint8_t read, write, atomic;
};

static const struct told by_rights[] = { { 0xa5, 0xa4, 0xa4 }, { 0, 0xa4, 0xa4 }, { 0xa5, 0, 0xa5 },
	{ 0, 0, 0 } };
static const struct told bad_entry = { 0xa1, 0xa1, 0xa1 }, unreadable = { 0xa0, 0xa0, 0xa0 };

static void expect(struct host *host, struct told told)
{
	const uint8_t reasons[] = { told.read, told.write, told.atomic };

	for (unsigned kind = 0; kind < 3; kind++) {
		host->scene.kind = (enum iommusim_dma_kind)kind;
		if (reasons[kind] == 0)
			host_expect_served(host);
		else
			host_expect_denied(
			    host, reasons[kind], reasons[kind] == 0xa0 || reasons[kind] == 0xa1, false);
	}
}

/* The fields of an entry (9.12.1 to 9.12.4, Table 48): reserved bits, without those of the address. */
static uint64_t reserved_of(unsigned level, unsigned quad, bool pages_of_1_gib)
{
	if (level == 1 || (level == 2 && quad == 0))
		return UINT64_C(0xcccccccccccccccc);
	if (quad == 1)
		return 0xffe;
	if (level == 4 || !pages_of_1_gib)
		return UINT64_MAX;
	return UINT64_C(0xffffffffcccccccc);
}

/* What the entry is before a bit is flipped. */
enum role { LEADS_ON, GRANTS, EMPTY, ROLES };

struct sweep {
	struct host host;
	unsigned level, width;
	enum role role;
	bool pages_of_1_gib;
	uint64_t at;      /* of the entry */
	uint64_t good[2]; /* what it holds */
};

/* Rights of the page when a permission field of this entry has `rights`, or leaves it to the next table. */
static struct told granted(const struct sweep *sweep, const uint64_t entry[2])
{
	const unsigned page = PAGE_OF_LEVEL(sweep->level);
	const unsigned rights =
	    sweep->level == 4 ? 0 : (unsigned)(entry[page / 16] >> page % 16 * 4) & 3;

	if (rights != 0 || sweep->level == 1 || (entry[1] & HOST_AV) == 0)
		return by_rights[rights];
	return by_rights[HOST_BOTH]; /* what the next table grants */
}

/* The table is not where the address says now: no memory is there, or zeroes, which grant nothing. */
static struct told moved(uint64_t table)
{
	return table < VTD_RAM ? by_rights[HOST_NONE] : unreadable;
}

static struct told told_of(const struct sweep *sweep, const uint64_t entry[2], unsigned bit)
{
	const unsigned quad = bit / 64;
	const uint64_t flipped = BIT(bit % 64);
	const bool in_address = sweep->level > 1 && quad == 1 && bit % 64 >= 12 && bit % 64 < 52;

	if ((reserved_of(sweep->level, quad, sweep->pages_of_1_gib) & flipped) != 0 ||
	    (in_address && bit % 64 >= sweep->width))
		return bad_entry;
	if (in_address && sweep->role == LEADS_ON)
		return moved(entry[1] & UINT64_C(0xffffffffff000));
	if (sweep->level > 1 && sweep->role != LEADS_ON && bit == 64) {
		/* AV, and no address: the table at 0 */
		return sweep->role == GRANTS ? granted(sweep, sweep->good) : by_rights[HOST_NONE];
	}
	return granted(sweep, entry);
}

/* Put the entry's next table, if it has one, where a flipped address bit hits no other. */
static void make_roomy(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->host.scene.sm.vtd;
	const uint64_t old = host_entry_at(&sweep->host, ADDRESS, sweep->level - 1) & ~UINT64_C(0xfff);

	for (uint64_t offset = 0; offset < 0x1000; offset += 8)
		vt_store(vtd, ROOMY + offset, vt_load(vtd, old + offset));
	vt_store(vtd, sweep->at + 8, ROOMY | HOST_AV);
}

static void start(struct sweep *sweep, unsigned level, enum role role, unsigned width, bool pages)
{
	struct host *host = &sweep->host;

	*sweep =
	    (struct sweep){ .level = level, .width = width, .role = role, .pages_of_1_gib = pages };
	host_start_uncached(
	    host, &(struct vtd_setup){ .haw = (uint8_t)width, .ecap_clear = pages ? 0 : ECAP_HPT1GPS });
	host->scene.address = ADDRESS;
	if (role != EMPTY)
		host_allow(host, ADDRESS, role == LEADS_ON ? 1 : level, HOST_BOTH);
	sweep->at = host_entry_at(host, ADDRESS, level);
	if (role == LEADS_ON)
		make_roomy(sweep);
	sweep->good[0] = vt_load(&host->scene.sm.vtd, sweep->at);
	sweep->good[1] = vt_load(&host->scene.sm.vtd, sweep->at + 8);
}

static void flip_each_bit(struct sweep *sweep)
{
	struct vtd_fixture *vtd = &sweep->host.scene.sm.vtd;

	expect(&sweep->host, granted(sweep, sweep->good));
	for (unsigned bit = 0; bit < 128; bit++) {
		uint64_t entry[2] = { sweep->good[0], sweep->good[1] };

		entry[bit / 64] ^= BIT(bit % 64);
		vt_store(vtd, sweep->at + bit / 64 * UINT64_C(8), entry[bit / 64]);
		expect(&sweep->host, told_of(sweep, entry, bit));
		vt_store(vtd, sweep->at + bit / 64 * UINT64_C(8), sweep->good[bit / 64]);
	}
	expect(&sweep->host, granted(sweep, sweep->good));
}

/* Roles there are: an HPTL4E grants nothing by itself, an HPTL1E leads nowhere. */
static bool exists(unsigned level, enum role role, bool pages_of_1_gib)
{
	if (role == GRANTS)
		return level < 3 || (level == 3 && pages_of_1_gib);
	return role == EMPTY || level > 1;
}

static void each_bit_of_an_entry_is_reserved_ignored_or_means_what_it_says(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 4; level++)
		for (unsigned role = 0; role < ROLES; role++)
			for (unsigned unit = 0; unit < 2 * COUNT(widths); unit++) {
				const bool pages = unit % 2 == 0;
				struct sweep sweep;

				if (!exists(level, (enum role)role, pages))
					continue;
				start(&sweep, level, (enum role)role, widths[unit / 2], pages);
				flip_each_bit(&sweep);
				host_stop(&sweep.host);
			}
}

/* All 256 values of the permissions of this page and its neighbour: each decides about its own page. */
static void each_permission_is_for_its_own_page(void **state)
{
	static const unsigned shifts[] = { 0, 12, 21, 30 };

	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		const unsigned page = PAGE_OF_LEVEL(level);
		struct sweep sweep;

		start(&sweep, level, EMPTY, 46, true);
		for (unsigned value = 0; value < 256; value++) {
			const uint64_t at = sweep.at + page / 16 * UINT64_C(8);
			const bool bad = (value & 0xcc) != 0;

			/* the neighbour above, of the same quadword: 29 and 30, 10 and 11, 5 and 6 */
			vt_store(&sweep.host.scene.sm.vtd, at, (uint64_t)value << page % 16 * 4);
			sweep.host.scene.address = ADDRESS;
			expect(&sweep.host, bad ? bad_entry : by_rights[value & 3]);
			sweep.host.scene.address = ADDRESS + BIT(shifts[level]);
			expect(&sweep.host, bad ? bad_entry : by_rights[value >> 4 & 3]);
		}
		host_stop(&sweep.host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_an_entry_is_reserved_ignored_or_means_what_it_says),
		cmocka_unit_test(each_permission_is_for_its_own_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
