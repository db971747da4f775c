/*
 * Generated AMD-Vi translations against a second telling (amdvi_oracle.c): host tables with levels left out and
 * pages of every size, guest tables by GCR3 tables of one to three levels, nested ones; in a fresh unit and after
 * changes with their invalidations, under every cache policy. Verdict, event, output, size and rights must be the
 * oracle's, and so must accessed and dirty flags.
 */
#include "amdvi_oracle.h"
#include "random.h"

#define WORLDS   200u
#define CHANGES  10u
#define REQUESTS 20u

_Static_assert(4 * WORLDS * CHANGES * REQUESTS >= 100000, "at least 100,000 cases");

#define LEVELS       6u
#define HOST_TABLES  3u  /* of each level */
#define GUEST_TABLES 12u /* at guest addresses from GUEST on, or where they are in memory */
#define GCR3_TABLES  4u
#define INDICES      4u
#define GUEST        UINT64_C(0x100000)
#define RESERVED_TRY 1u /* percent of entries */

enum { HOST_POOL, GUEST_POOL = LEVELS * HOST_TABLES, GCR3_POOL = GUEST_POOL + GUEST_TABLES };
#define POOL (GCR3_POOL + GCR3_TABLES)

struct world {
	struct amd_fixture amd;
	struct random random;
	uint64_t number;
	struct oracle_unit unit;
	uint64_t pool; /* the first of the tables' pages */
	uint64_t dte[4];
	uint16_t indices[INDICES];
	unsigned allowed[3]; /* requests: through host tables, guest tables, nested ones */
	bool exact;          /* no cache: exactly the oracle's flags are set */
	uint64_t last;
};

static uint64_t below(struct world *world, uint64_t limit)
{
	return random_below(&world->random, limit);
}

static bool chance(struct world *world, unsigned percent)
{
	return random_chance(&world->random, percent);
}

static uint64_t page_of(const struct world *world, unsigned number)
{
	return world->pool + number * UINT64_C(0x1000);
}

static unsigned an_index(struct world *world)
{
	return chance(world, 97) ? world->indices[below(world, INDICES)] : (unsigned)below(world, 512);
}

/* ---- host tables --------------------------------------------------------------------------------- */

static uint64_t host_table(struct world *world, unsigned level)
{
	return page_of(
	    world, HOST_POOL + (level - 1) * HOST_TABLES + (unsigned)below(world, HOST_TABLES));
}

static uint64_t noise(struct world *world)
{
	uint64_t bits = random_next(&world->random) & (UINT64_C(0x80000000000001fe));

	if (chance(world, RESERVED_TRY))
		bits |= BIT(52 + below(world, 9));
	return bits;
}

static uint64_t an_output(struct world *world)
{
	return chance(world, 70) ? below(world, AMD_RAM) & ~UINT64_C(0xfff)
				 : random_next(&world->random) & UINT64_C(0xffffffffff000);
}

/* Its size, as log2, in *shift: 0 when it is not one of several entries of a page. */
static uint64_t random_host_entry(struct world *world, unsigned level, unsigned *shift)
{
	const uint64_t rights = (chance(world, 97) ? BIT(61) : 0) | (chance(world, 95) ? BIT(62) : 0);
	uint64_t entry = noise(world) | rights | (chance(world, 98) ? 1 : 0);
	const unsigned choice = (unsigned)below(world, 100);

	*shift = 0;
	if (level == 1 ? choice < 70 : choice < 12)
		return entry | an_output(world);
	if (level == 1 ? choice < 97 : choice < 24) {
		*shift = 12 + 9 * (level - 1) + 1 + (unsigned)below(world, chance(world, 95) ? 8 : 12);
		if (*shift > 52)
			*shift = 52;
		return entry | 7 << 9 |
		    ((an_output(world) | (BIT(*shift - 1) - 1)) & ~BIT(*shift - 1) &
			UINT64_C(0xffffffffff000));
	}
	if (level == 1 || choice < 26) { /* it may not be */
		const unsigned next = 1 + (unsigned)below(world, 6);

		return entry | (uint64_t)next << 9 | host_table(world, next);
	}
	const unsigned next = choice < 40 ? 1 + (unsigned)below(world, level - 1) : level - 1;

	return entry | (uint64_t)next << 9 | host_table(world, next);
}

/* How many slots the entry at a level fills; 1 unless it has a size of its own, of which that level has. */
static unsigned slots_of(uint64_t entry, unsigned level)
{
	unsigned bit = 12;

	if ((entry & 1) == 0 || (entry >> 9 & 7) != 7)
		return 1;
	while (bit < 52 && (entry >> bit & 1) != 0)
		bit++;
	return bit + 1 > 12 + 9 * (level - 1) && bit + 1 < 12 + 9 * level
	    ? 1u << (bit + 1 - (12 + 9 * (level - 1)))
	    : 1;
}

static void fill_slots(
    struct world *world, uint64_t table, unsigned index, unsigned count, uint64_t entry)
{
	for (unsigned i = 0; i < count; i++)
		am_store(&world->amd, table + ((index & ~(count - 1)) + i) * UINT64_C(8), entry);
}

/* Software writes all entries of a page, and never some of them. */
static void write_host_entry(
    struct world *world, unsigned table_number, unsigned level, unsigned index, uint64_t entry)
{
	const uint64_t table = page_of(world, HOST_POOL + (level - 1) * HOST_TABLES + table_number);
	const uint64_t before = am_load(&world->amd, table + index * UINT64_C(8));

	fill_slots(world, table, index, slots_of(before, level), 0);
	fill_slots(world, table, index, slots_of(entry, level), entry);
}

static void change_host_entry(struct world *world)
{
	const unsigned level = 1 + (unsigned)below(world, LEVELS),
		       number = (unsigned)below(world, HOST_TABLES);
	unsigned shift;
	const uint64_t entry = random_host_entry(world, level, &shift);

	write_host_entry(world, number, level, an_index(world), entry);
}

/* Guest tables are where guest addresses from GUEST on lead: mostly. */
static void map_guest_tables(struct world *world)
{
	const unsigned mode = (unsigned)(world->dte[0] >> 9 & 7);
	uint64_t root = world->dte[0] & UINT64_C(0xffffffffff000);
	unsigned level = mode;

	if (mode == 0 || mode > 6 || root < world->pool || root >= page_of(world, POOL))
		return;
	for (unsigned number = (unsigned)((root - world->pool) >> 12) % HOST_TABLES; level > 1;) {
		const unsigned next =
		    chance(world, 70) ? level - 1 : 1 + (unsigned)below(world, level - 1);
		const unsigned below_number = (unsigned)below(world, HOST_TABLES);

		write_host_entry(world, number, level, 0,
		    1 | BIT(61) | BIT(62) | (uint64_t)next << 9 |
			page_of(world, HOST_POOL + (next - 1) * HOST_TABLES + below_number));
		number = below_number;
		level = next;
		root = page_of(world, HOST_POOL + (next - 1) * HOST_TABLES + number);
	}
	for (unsigned i = 0; i < GUEST_TABLES + GCR3_TABLES; i++)
		write_host_entry(world, (unsigned)((root - world->pool) >> 12) % HOST_TABLES, 1,
		    (unsigned)(GUEST >> 12) + i,
		    page_of(world, GUEST_POOL + i) | (chance(world, 98) ? 1 : 0) |
			(chance(world, 97) ? BIT(61) : 0) | (chance(world, 93) ? BIT(62) : 0));
}

/* ---- guest tables -------------------------------------------------------------------------------- */

static bool nested(const struct world *world)
{
	return (world->dte[0] >> 9 & 7) != 0;
}

/* As entries name it. */
static uint64_t guest_table(struct world *world)
{
	const uint64_t number = below(world, GUEST_TABLES);

	return nested(world) ? GUEST + (number << 12) : page_of(world, GUEST_POOL + (unsigned)number);
}

static unsigned width_of_host(const struct world *world)
{
	const unsigned mode = (unsigned)(world->dte[0] >> 9 & 7);

	return mode == 0 || mode > 5 ? 52 : 12 + 9 * mode;
}

/* Guest pages are anywhere that host tables may know. */
static uint64_t a_guest_address(struct world *world)
{
	uint64_t address = 0;

	for (unsigned level = 0; level < LEVELS; level++)
		if (chance(world, 50))
			address |= (uint64_t)an_index(world) << (12 + 9 * level);
	if (chance(world, 95))
		address &= BIT(width_of_host(world)) - 1;
	return address & UINT64_C(0xffffffffff000);
}

static uint64_t random_guest_entry(struct world *world)
{
	uint64_t entry = (chance(world, 97) ? 1 : 0) | (chance(world, 94) ? 2 : 0) |
	    (chance(world, 94) ? 4 : 0) | (below(world, 64) << 3 & 0x178) |
	    (below(world, 2048) << 52 & UINT64_C(0x7ff0000000000000));

	if (chance(world, 5))
		entry |= BIT(63);
	if (chance(world, 70))
		return entry | guest_table(world);
	if (chance(world, 50))
		return entry | a_guest_address(world);
	return entry | 0x80 |
	    (a_guest_address(world) &
		(chance(world, RESERVED_TRY) ? ~UINT64_C(0)
					     : ~(chance(world, 50) ? BIT(21) - 1 : BIT(30) - 1)));
}

static void fill_guest_tables(struct world *world)
{
	for (unsigned number = 0; number < GUEST_TABLES; number++)
		for (unsigned i = 0; i < INDICES; i++)
			am_store(&world->amd,
			    page_of(world, GUEST_POOL + number) + world->indices[i] * UINT64_C(8),
			    random_guest_entry(world));
}

static void change_guest_entry(struct world *world)
{
	const uint64_t table = page_of(world, GUEST_POOL + (unsigned)below(world, GUEST_TABLES));

	am_store(&world->amd, table + an_index(world) * UINT64_C(8), random_guest_entry(world));
}

/* Indices of GCR3 tables are 0 to 2. The first two tables lead to others, the rest to roots: mostly. */
static void write_gcr3_entry(struct world *world, unsigned number, unsigned index)
{
	const bool by_guest = world->unit.gcr3_is_guest && nested(world);
	const uint64_t next = number + 1 + below(world, number == 0 ? 1 : 2);
	uint64_t entry = chance(world, 98) ? 1 : 0;

	if (chance(world, RESERVED_TRY))
		entry |= BIT(1 + below(world, 11));
	if (number < 2 && chance(world, 95))
		entry |= by_guest ? GUEST + ((GUEST_TABLES + next) << 12)
				  : page_of(world, GCR3_POOL + (unsigned)next);
	else
		entry |= guest_table(world);
	am_store(&world->amd, page_of(world, GCR3_POOL + number) + index * UINT64_C(8), entry);
}

static void change_gcr3_entry(struct world *world)
{
	write_gcr3_entry(world, (unsigned)below(world, GCR3_TABLES), (unsigned)below(world, 3));
}

static void fill_gcr3_tables(struct world *world)
{
	for (unsigned number = 0; number < GCR3_TABLES; number++)
		for (unsigned index = 0; index < 3; index++)
			write_gcr3_entry(world, number, index);
}

/* ---- the device table entry ---------------------------------------------------------------------- */

static void set_gcr3(struct world *world)
{
	const unsigned glx = (unsigned)below(world, chance(world, 97) ? world->unit.gcr3_levels : 3);
	const unsigned number = glx == 2 ? 0 : glx == 1 ? 1 : 2;
	const bool by_guest = world->unit.gcr3_is_guest && nested(world);
	const uint64_t root =
	    by_guest ? GUEST + ((GUEST_TABLES + number) << 12) : page_of(world, GCR3_POOL + number);

	world->dte[0] |= BIT(55) | (uint64_t)glx << 56 | (root >> 12 & 7) << 58;
	if (chance(world, 60))
		world->dte[0] |= BIT(54);
	world->dte[1] |= (root >> 15 & 0xffff) << 16 | (root >> 31 & 0x1fffff) << 43;
	if (chance(world, world->unit.guest_levels == 5 ? 50 : 4))
		world->dte[2] |= UINT64_C(1) << 54;
}

static void change_device(struct world *world)
{
	const unsigned most = chance(world, 97) ? world->unit.host_levels : 6;
	const unsigned mode = chance(world, 25) ? 0 : 1 + (unsigned)below(world, most);
	static const uint64_t had[] = { 0, 1, 3 };

	world->dte[0] = 3 | (uint64_t)mode << 9 | (mode == 0 ? 0 : host_table(world, mode)) |
	    had[below(world, 3)] << 7 | (chance(world, 97) ? BIT(61) : 0) |
	    (chance(world, 96) ? BIT(62) : 0);
	world->dte[1] = (0x100 + below(world, 3)) | BIT(32); /* I: translation requests are taken */
	world->dte[2] = world->dte[3] = 0;
	if (chance(world, 75))
		set_gcr3(world);
	am_set_dte(&world->amd, AMD_RID, world->dte);
	fill_guest_tables(world);
	fill_gcr3_tables(world);
	map_guest_tables(world);
}

/* ---- a world ------------------------------------------------------------------------------------- */

static void choose_unit(struct world *world, struct amd_setup *setup)
{
	const unsigned hats = (unsigned)below(world, 3);
	const unsigned gats = (unsigned)below(world, 2), glx = 1 + (unsigned)below(world, 2);

	setup->efr_clear = F_HATS | F_GATS | F_GLX | F_PASMAX | (chance(world, 70) ? 0 : F_NX);
	setup->efr_set = (uint64_t)hats << 10 | (uint64_t)gats << 12 | (uint64_t)glx << 14 |
	    (chance(world, 80) ? F_PASMAX_20 : UINT64_C(8) << 32) | F_V2HDDIS | F_GAUPDATEDIS;
	setup->efr2 = F2_GCR3TRP;
	world->unit = (struct oracle_unit){
		.host_levels = 4 + hats,
		.guest_levels = 4 + gats,
		.gcr3_levels = 1 + glx,
		.pasid_bits = (setup->efr_set & F_PASMAX) == F_PASMAX_20 ? 20 : 9,
		.no_execute = (setup->efr_clear & F_NX) == 0,
		.gcr3_is_guest = chance(world, 40),
		.guest_accessed = chance(world, 75),
		.guest_dirty = chance(world, 75),
	};
}

static void start_world(struct world *world, uint64_t number, enum iommusim_cache_policy policy)
{
	struct amd_setup setup = { .settings.cache = policy,
		.settings.iotlb_sets = 8,
		.settings.iotlb_ways = 2,
		.seed = number };

	memset(world, 0, sizeof(*world));
	world->random = random_of_case(random_seed(), number);
	world->number = number;
	world->exact = policy == IOMMUSIM_CACHE_NONE;
	choose_unit(world, &setup);
	am_start_enabled(&world->amd, &setup);
	am_control(&world->amd,
	    C_GT_EN | (world->unit.gcr3_is_guest ? BIT(58) : 0) |
		(world->unit.guest_accessed ? 0 : BIT(54)) | (world->unit.guest_dirty ? 0 : BIT(48)),
	    0);
	world->pool = am_pages(&world->amd, POOL);
	for (unsigned i = 1; i < INDICES; i++)
		world->indices[i] = (uint16_t)below(world, 512);
	for (unsigned i = 0; i < 260; i++)
		change_host_entry(world);
	change_device(world);
}

/* What software does after it changed anything. */
static void invalidate(struct world *world, uint16_t domain)
{
	am_invalidate_device(&world->amd, AMD_RID);
	am_invalidate_domain(&world->amd, domain);
}

static void change(struct world *world)
{
	const uint16_t domain = (uint16_t)world->dte[1];

	switch (below(world, 6)) {
	case 0:
		change_device(world);
		invalidate(world, domain);
		break;
	case 1:
		change_gcr3_entry(world);
		break;
	case 2:
	case 3:
		change_guest_entry(world);
		break;
	default:
		change_host_entry(world);
		break;
	}
	invalidate(world, (uint16_t)world->dte[1]);
}

/* ---- requests ------------------------------------------------------------------------------------ */

/* Mostly one that the tables of the request can have; guest addresses are sign-extended, or not. */
static uint64_t an_address(struct world *world, bool guest)
{
	const unsigned width =
	    guest ? 48 + 9 * (unsigned)(world->dte[2] >> 54 & 1) : width_of_host(world);
	uint64_t address = 0;

	if (chance(world, 25))
		return world->last + below(world, 2) * 0x1000;
	for (unsigned level = 0; level < LEVELS; level++)
		address |= (uint64_t)(chance(world, 45) ? 0 : an_index(world)) << (12 + 9 * level);
	address |= below(world, 512) << 3;
	if (chance(world, 4))
		return address;
	address &= BIT(width) - 1;
	if (guest && (address >> (width - 1) & 1) != 0 && chance(world, 70))
		address |= ~(BIT(width) - 1);
	return address;
}

/* The interrupt range and HyperTransport's have rules of their own. */
static bool is_special(uint64_t address)
{
	return address >> 20 == 0xfee || (address >= UINT64_C(0xfd00000000) && address < BIT(40));
}

static struct iommusim_dma_request a_request(struct world *world, struct oracle_request *told)
{
	static const uint32_t pasids[] = { 0, 1, 2, 0x200, 0x201, 0x402, 0x40000, 0x40201, 0x80402 };
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };
	struct iommusim_dma_request request = { .length = 8, .kind = kinds[below(world, 3)] };

	const bool has_guest = (world->dte[0] >> 55 & 1) != 0;

	request.has_pasid = chance(world, has_guest ? 70 : 4);
	do
		request.address = an_address(
		    world, has_guest && (request.has_pasid || (world->dte[0] >> 54 & 1) != 0));
	while (is_special(request.address));
	world->last = request.address & ~UINT64_C(0xfff);
	if (request.has_pasid) {
		request.pasid = pasids[chance(world, 85) ? below(world, 3) : below(world, 9)];
		request.privileged = chance(world, 50);
		request.execute = request.kind == IOMMUSIM_DMA_READ && chance(world, 20);
	}
	if (chance(world, 12)) {
		request.kind = IOMMUSIM_DMA_READ;
		request.execute = false;
		request.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
	}
	*told = (struct oracle_request){
		.address = request.address,
		.reads = request.kind != IOMMUSIM_DMA_WRITE,
		.writes = request.kind != IOMMUSIM_DMA_READ,
		.execute = request.execute,
		.privileged = request.privileged,
		.has_pasid = request.has_pasid,
		.pasid = request.pasid,
		.translation = request.address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST,
	};
	return request;
}

static void complain(
    const struct world *world, const struct oracle_request *told, const struct iommusim_dma_page *page)
{
	print_error("seed %llu, world %llu: address %llx pasid %d %x r%d w%d x%d p%d t%d; "
		    "faulted %d record %llx physical %llx shift %u granted %u cached %d\n",
	    (unsigned long long)random_seed(), (unsigned long long)world->number,
	    (unsigned long long)told->address, told->has_pasid, told->pasid, told->reads, told->writes,
	    told->execute, told->privileged, told->translation, page->faulted,
	    (unsigned long long)page->fault.record[0], (unsigned long long)page->physical,
	    page->page_shift, page->granted, page->cached);
}

static bool agrees(const struct oracle_request *told, const struct oracle_verdict *verdict,
    const struct iommusim_dma_page *page)
{
	if (told->translation && (verdict->allowed || verdict->code == 2)) {
		if (page->faulted || !page->answered)
			return false;
		if (page->granted != (verdict->allowed ? verdict->rights : 0))
			return false;
		return page->granted == 0 ||
		    (page->physical == verdict->physical && page->page_shift == verdict->shift);
	}
	if (page->faulted == verdict->allowed)
		return false;
	if (verdict->allowed)
		return page->physical == verdict->physical && page->page_shift == verdict->shift;
	return page->fault.record[0] >> 60 == verdict->code &&
	    (page->fault.record[0] >> 48 & 0xd0) == verdict->flags;
}

/* Memory with the oracle's flags set in it: `image` is all tables as they were before. */
static void expect_flags(
    struct world *world, const struct oracle_verdict *verdict, uint64_t *image, size_t bytes)
{
	uint64_t now[POOL * 512];

	for (unsigned i = 0; verdict->allowed && i < verdict->mark_count; i++)
		image[(verdict->marks[i].address - world->pool) / 8] |= verdict->marks[i].flags;
	assert_int_equal(
	    iommusim_memory_read(world->amd.machine, world->pool, now, bytes), IOMMUSIM_OK);
	assert_memory_equal(now, image, bytes);
}

/* Through caches other requests' flags may be there too, and those of a page's other entries are as good. */
static void expect_marked(struct world *world, const struct oracle_verdict *verdict)
{
	for (unsigned i = 0; verdict->allowed && i < verdict->mark_count; i++)
		if (!verdict->marks[i].sized)
			assert_int_equal(
			    am_load(&world->amd, verdict->marks[i].address) & verdict->marks[i].flags,
			    verdict->marks[i].flags);
}

static unsigned way_of(const struct world *world, const struct oracle_request *told)
{
	const bool guest =
	    (world->dte[0] >> 55 & 1) != 0 && (told->has_pasid || (world->dte[0] >> 54 & 1) != 0);

	return !guest ? 0 : nested(world) ? 2 : 1;
}

static void one_request(struct world *world)
{
	static uint64_t image[POOL * 512];
	struct oracle_request told;
	const struct iommusim_dma_request request = a_request(world, &told);
	const struct oracle_verdict verdict =
	    oracle_translate(&world->amd, &world->unit, world->dte, &told);
	const bool look = world->exact && chance(world, 25);
	struct iommusim_dma_outcome outcome;

	if (look)
		assert_int_equal(
		    iommusim_memory_read(world->amd.machine, world->pool, image, sizeof(image)),
		    IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(world->amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	if (!agrees(&told, &verdict, &outcome.page)) {
		print_error("oracle: allowed %d code %x flags %x physical %llx shift %u rights %u\n",
		    verdict.allowed, verdict.code, verdict.flags, (unsigned long long)verdict.physical,
		    verdict.shift, verdict.rights);
		complain(world, &told, &outcome.page);
		fail();
	}
	if (look)
		expect_flags(world, &verdict, image, sizeof(image));
	else
		expect_marked(world, &verdict);
	world->allowed[way_of(world, &told)] += verdict.allowed;
}

/* A good part of all gets through each way, so that neither side is right by denying. */
static void run(enum iommusim_cache_policy policy)
{
	unsigned allowed[3] = { 0, 0, 0 };

	for (uint64_t number = 0; number < WORLDS; number++) {
		struct world world;

		start_world(&world, number, policy);
		for (unsigned i = 0; i < CHANGES; i++) {
			for (unsigned j = 0; j < REQUESTS; j++)
				one_request(&world);
			change(&world);
		}
		am_stop(&world.amd);
		for (unsigned way = 0; way < 3; way++)
			allowed[way] += world.allowed[way];
	}
	print_message("host %u, guest %u, nested %u of %u allowed\n", allowed[0], allowed[1],
	    allowed[2], WORLDS * CHANGES * REQUESTS);
	for (unsigned way = 0; way < 3; way++)
		assert_true(allowed[way] > WORLDS * CHANGES * REQUESTS / 100);
}

static void uncached_translations_are_the_oracles(void **state)
{
	(void)state;
	run(IOMMUSIM_CACHE_NONE);
}

static void hoarded_translations_are_the_oracles(void **state)
{
	(void)state;
	run(IOMMUSIM_CACHE_HOARD);
}

static void evicted_translations_are_the_oracles(void **state)
{
	(void)state;
	run(IOMMUSIM_CACHE_SIZED);
}

static void prefetched_translations_are_the_oracles(void **state)
{
	(void)state;
	run(IOMMUSIM_CACHE_ADVERSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uncached_translations_are_the_oracles),
		cmocka_unit_test(hoarded_translations_are_the_oracles),
		cmocka_unit_test(evicted_translations_are_the_oracles),
		cmocka_unit_test(prefetched_translations_are_the_oracles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
