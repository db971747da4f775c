/*
 * Generated nested translations against two single stages composed: here the first stage is walked
 * entry by entry, and each guest-physical address on the way is given to the model's own second stage,
 * through a PASID that has nothing else. Verdict, output, size and rights must be those of the nested
 * PASID, under every cache policy, in a fresh unit and after changes with their invalidations.
 */
#include "reasons.h"
#include "scalable_world.h"

#define WORLDS   120u
#define CHANGES  12u
#define REQUESTS 20u

_Static_assert(4 * WORLDS * CHANGES * REQUESTS >= 100000, "at least 100,000 cases");

#define PLAIN  SM_PASID /* second stage alone, over the tables of the nested ones */
#define PASIDS 4u       /* nested: 0 to 2 with PASID, and the one of requests without */
#define TABLES 12u      /* second-stage tables: the root, and some of each level below */
#define PAGES  10u      /* of guest memory that hold first-stage tables */
#define HOLE   UINT64_C(0x10000000)
#define REGION UINT64_C(0x200000) /* the guest's tables are in two of these, 2 MiB each, at 1 and 2 */

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, EA = 0x400 };

/* What a PASID-table entry says of the first stage. */
struct space {
	uint64_t root; /* guest-physical */
	unsigned levels;
	bool write_protect, extended;
};

struct world {
	struct scalable_world base;
	struct space spaces[PASIDS];
	bool second_flags, gigabyte_pages;
	unsigned haw, second_levels,
	    width; /* of guest-physical addresses: the smaller of AW and MGAW */
	uint64_t tables[TABLES];
	uint64_t pages[PAGES];
};

static uint64_t below(struct world *world, uint64_t limit)
{
	return random_below(&world->base.random, limit);
}

static bool chance(struct world *world, unsigned percent)
{
	return random_chance(&world->base.random, percent);
}

/* ---- tables ------------------------------------------------------------------------------------ */

/* An address of guest memory: indices in use at each level of the second stage. */
static uint64_t random_guest_page(struct world *world)
{
	uint64_t address = 0;

	for (unsigned level = 0; level < world->second_levels; level++)
		address |=
		    (uint64_t)(below(world, 400) != 0 ? world->base.indices[below(world, INDICES)]
						      : below(world, 512))
		    << (12 + 9 * level);
	address &= BIT(world->haw) - 1; /* what entries can hold */
	return below(world, 400) != 0 ? address & (BIT(world->width) - 1) : address;
}

static uint64_t random_first_entry(struct world *world)
{
	uint64_t entry = random_guest_page(world) | (chance(world, 99) ? P : 0);

	if (chance(world, 4))
		entry = (entry & ~(chance(world, 60) ? BIT(21) - 2 : BIT(30) - 2)) | PS;
	entry |= (chance(world, 95) ? RW : 0) | (chance(world, 96) ? US : 0);
	if (chance(world, 70))
		entry |=
		    chance(world, 60) ? A | D | EA : random_next(&world->base.random) & (A | D | EA);
	if (chance(world, 10))
		entry |= random_next(&world->base.random) & UINT64_C(0xfff0000000000b18);
	if (below(world, 200) == 0)
		entry |= BIT(12 + below(world, 40));
	return entry;
}

/*
 * Where an entry of a level maps to: mostly guest memory that holds tables, or a large page around it.
 */
static uint64_t random_host_page(struct world *world, unsigned level)
{
	const uint64_t luck = below(world, 100);

	if (level >= 3)
		return (luck < 10 ? UINT64_C(0xc0000000) : 0) | PS;
	if (level == 2)
		return (luck < 1          ? HOLE
			       : luck < 2 ? UINT64_C(0xfee00000)
					  : REGION * (1 + below(world, 2))) |
		    PS;
	if (luck < 2)
		return luck < 1 ? HOLE : UINT64_C(0xfee00000) + below(world, 256) * 0x1000;
	return luck < 95 ? world->pages[below(world, PAGES)]
			 : below(world, VTD_TABLES / 0x1000) * 0x1000;
}

/* R and W, IR and IW alike, for either may be what counts. */
static uint64_t random_rights(struct world *world, bool io)
{
	const uint64_t rights = below(world, 150) != 0 ? 3 : below(world, 4);

	return io ? rights << 61 | below(world, 4) : rights | (uint64_t)below(world, 2) << 61;
}

/* Table 0 is the root; the others go round from the lowest level to the one below it. */
static unsigned level_of(const struct world *world, unsigned table)
{
	return table == 0 ? world->second_levels : 1 + table % (world->second_levels - 1);
}

/* A table one level down, with some luck. */
static uint64_t next_table(struct world *world, unsigned level)
{
	unsigned table = (unsigned)below(world, TABLES);

	while (level_of(world, table) != level - 1 && !chance(world, 1))
		table = (unsigned)below(world, TABLES);
	return world->tables[table];
}

static uint64_t random_second_entry(struct world *world, unsigned table, bool io)
{
	const unsigned level = level_of(world, table);
	const bool page = level == 1 || below(world, 200) < (level == 2 ? 30 : level == 3 ? 12 : 1);
	uint64_t entry = page ? random_host_page(world, level) : next_table(world, level);

	entry |= random_rights(world, io);
	if (chance(world, 30))
		entry |= random_next(&world->base.random) & UINT64_C(0x8ff000000000077c);
	if (below(world, 300) == 0) /* not where the unit's own tables are */
		entry ^= BIT(chance(world, 50) ? 7 + below(world, 5) : 26 + below(world, 26));
	return entry;
}

static void fill_second_table(struct world *world, unsigned table, bool io)
{
	for (unsigned i = 0; i < INDICES; i++)
		vt_store(&world->base.sm.vtd,
		    world->tables[table] + world->base.indices[i] * UINT64_C(8),
		    random_second_entry(world, table, io));
}

static void fill_first_table(struct world *world, unsigned page)
{
	for (unsigned i = 0; i < INDICES; i++)
		vt_store(&world->base.sm.vtd, world->pages[page] + world->base.indices[i] * UINT64_C(8),
		    random_first_entry(world));
}

/* ---- the unit ---------------------------------------------------------------------------------- */

static uint32_t pasid_of(unsigned number)
{
	return number == PASIDS - 1 ? SM_NO_PASID : number;
}

/* A root that exists, mostly: an address that the second stage takes somewhere. */
static void fill_space(struct world *world, unsigned number, uint16_t domain)
{
	struct space *space = &world->spaces[number];
	const uint64_t second =
	    world->tables[0] | SM_AW(world->second_levels - 2) | (world->second_flags ? SM_SSADE : 0);
	bool taken;

	do {
		space->root = random_guest_page(world) & (BIT(world->width) - 1);
		taken = false;
		for (unsigned i = 0; i < PASIDS; i++)
			taken = taken || (i != number && world->spaces[i].root == space->root);
	} while (taken);
	space->levels = 4 + (unsigned)below(world, 2);
	space->write_protect = chance(world, 50);
	space->extended = chance(world, 50);
	sm_set_entry(&world->base.sm, pasid_of(number),
	    (const uint64_t[8]){ second | SM_NESTED | SM_P, SM_PWSNP | domain,
		space->root | SM_SRE | SM_FSPM(space->levels - 4) |
		    (space->write_protect ? SM_WPE : 0) | (space->extended ? SM_EAFE : 0) });
	sm_set_entry(&world->base.sm, PLAIN,
	    (const uint64_t[8]){ second | SM_SECOND | SM_P, SM_PWSNP | domain });
}

static void fill_spaces(struct world *world)
{
	const uint16_t domain = (uint16_t)(1 + below(world, 200)); /* one second stage: one domain */

	for (unsigned i = 0; i < PASIDS; i++)
		fill_space(world, i, domain);
}

static struct vtd_setup random_setup(struct world *world, enum iommusim_cache_policy policy)
{
	static const uint8_t host_widths[] = { 39, 46, 52 }, guest_widths[] = { 57, 57, 48, 39, 36 };
	struct vtd_setup setup = {
		.seed = world->base.number, .ecap_set = ECAP_RPRIVS | ECAP_SSIRWS, .cap_clear = CAP_MGAW
	};
	const unsigned mgaw = guest_widths[below(world, 5)];

	world->haw = setup.haw = host_widths[below(world, 3)];
	world->second_levels = 3 + (unsigned)below(world, 3);
	world->width = 12 + 9 * world->second_levels;
	world->width = mgaw < world->width ? mgaw : world->width;
	world->second_flags = chance(world, 50);
	world->gigabyte_pages = chance(world, 70);
	setup.cap_set = (uint64_t)(mgaw - 1) << 16 | CAP_ESRTPS;
	if (!world->gigabyte_pages)
		setup.cap_clear |= CAP_FS1GP;
	if (chance(world, 30))
		setup.cap_clear |= CAP_SSLPS_1G;
	sw_set_policy(&setup, policy);
	return setup;
}

/* Guest tables at indices that second-stage tables use too, so that large pages reach them. */
static void place_tables(struct world *world)
{
	for (unsigned i = 0; i < INDICES; i++)
		world->base.indices[i] = (uint16_t)(i < 3 ? i : i == 3 ? 256 : 3 + below(world, 200));
	for (unsigned i = 0; i < TABLES; i++)
		world->tables[i] = vt_page(&world->base.sm.vtd);
	for (unsigned i = 0; i < PAGES; i++)
		world->pages[i] =
		    REGION * (1 + i / INDICES) + world->base.indices[i % INDICES] * UINT64_C(0x1000);
}

static bool counts_io(const struct world *world)
{
	return (world->base.number & 8) != 0;
}

static void world_start(
    void *context, uint64_t seed, uint64_t number, enum iommusim_cache_policy policy)
{
	struct world *world = context;
	struct vtd_setup setup;

	memset(world, 0, sizeof(*world));
	sw_begin(&world->base, seed, number);
	setup = random_setup(world, policy);
	sm_start(&world->base.sm, &setup);
	if (counts_io(world))
		sm_latch_root(&world->base.sm, SM_TTM_SCALABLE | BIT(7));
	sm_queue_start(&world->base.sm);
	place_tables(world);
	for (unsigned i = 0; i < TABLES; i++)
		fill_second_table(world, i, counts_io(world));
	for (unsigned i = 0; i < PAGES; i++)
		fill_first_table(world, i);
	fill_spaces(world);
	sw_set_rid_privilege(&world->base);
	sw_invalidate(&world->base);
}

static void world_change(void *context)
{
	struct world *world = context;

	if (chance(world, 30))
		fill_spaces(world);
	if (chance(world, 20))
		sw_set_rid_privilege(&world->base);
	for (uint64_t count = 1 + below(world, 4); count > 0; count--)
		fill_second_table(world, (unsigned)below(world, TABLES), counts_io(world));
	for (uint64_t count = 1 + below(world, 4); count > 0; count--)
		fill_first_table(world, (unsigned)below(world, PAGES));
	sw_invalidate(&world->base);
}

/* ---- two stages composed ----------------------------------------------------------------------- */

struct request {
	unsigned number; /* of the PASID */
	uint64_t address, length;
	enum iommusim_dma_kind kind;
	bool supervisor, translation_request;
};

struct composed {
	struct reasons reasons; /* one of these; none: it goes through */
	struct reasons
	    denials; /* 85h and 86h, of the page: of an answer these say what is not granted */
	uint64_t physical;
	unsigned shift;
	unsigned rights; /* of the page: 1 read, 2 write */
	bool doubtful;   /* there is no rule for the flags of this one */
};

/* What the second stage alone makes of a guest-physical address. */
struct guest_page {
	unsigned reason; /* 0, or why it is nowhere at all */
	unsigned rights;
	bool interrupts; /* it is in FEEx_xxxx; the rest is not known */
	uint64_t host;
	unsigned shift;
};

/* A read and a write of the same place. 87h comes of one that has its right. */
static struct guest_page ask_second_stage(struct world *world, uint64_t address)
{
	const struct iommusim_dma_page read =
	    sm_access(&world->base.sm, IOMMUSIM_DMA_READ, address, 1, PLAIN, 0);
	const struct iommusim_dma_request write_request = { .address = address,
		.length = 1,
		.kind = IOMMUSIM_DMA_WRITE,
		.has_pasid = true,
		.pasid = PLAIN }; /* without data: nothing is written over */
	const struct iommusim_dma_page *works;
	struct iommusim_dma_outcome write;
	struct guest_page page = { 0 };

	assert_int_equal(
	    iommusim_dma(world->base.sm.vtd.device, &write_request, &write, NULL, 0), IOMMUSIM_OK);
	page.rights = (!read.faulted || read.fault.reason == 0x87 ? 1u : 0) |
	    (!write.page.faulted || write.page.fault.reason == 0x87 ? 2u : 0);
	works = (page.rights & 1) != 0 ? &read : &write.page;
	page.reason = page.rights != 0 ? 0 : read.fault.reason;
	page.interrupts = page.rights != 0 && works->faulted;
	page.host = works->physical;
	page.shift = works->page_shift;
	return page;
}

/* The state of one composition. */
struct walk {
	struct world *world;
	const struct space *space;
	const struct request *request;
	struct composed result;
	uint64_t all; /* AND of the first-stage entries */
	struct guest_page table;
};

static bool ends(struct walk *walk, unsigned reason)
{
	reasons_add(&walk->result.reasons, reason);
	return false;
}

/* Is an address in a first-stage entry one that the second stage has? (SFS.5) */
static bool within(struct walk *walk, uint64_t address)
{
	return address >> walk->world->width == 0 || ends(walk, 0x74);
}

static bool writes(const struct walk *walk)
{
	return walk->request->translation_request || walk->request->kind != IOMMUSIM_DMA_READ;
}

/* The entry at a guest-physical address: where it is, and what it holds. */
static bool read_entry(struct walk *walk, uint64_t address, bool top, uint64_t *entry)
{
	const unsigned needed = walk->world->second_flags ? 3 : 1;

	if (!within(walk, address))
		return false;
	walk->table = ask_second_stage(walk->world, address);
	if (walk->table.reason != 0)
		return ends(walk, walk->table.reason);
	if ((walk->table.rights & needed) != needed)
		return ends(walk, top ? 0x75 : 0x76);
	if (walk->table.interrupts) /* no rule forbids it, but there is no memory */
		return ends(walk, top ? 0x73 : 0x70);
	if (iommusim_memory_read(walk->world->base.sm.vtd.machine, walk->table.host, entry, 8) !=
	    IOMMUSIM_OK)
		return ends(walk, top ? 0x73 : 0x70);
	return true;
}

/* P, then the reserved bits of VT-d 3.6; U/S of a user's request may be met first. */
static bool check_entry(struct walk *walk, uint64_t entry, unsigned level)
{
	const struct world *world = walk->world;
	uint64_t reserved = (BIT(52) - 1) & ~(BIT(world->haw) - 1);

	if ((entry & P) == 0)
		return ends(walk, 0x71);
	if (level > 3 || (level == 3 && !world->gigabyte_pages))
		reserved |= PS;
	else if (level > 1 && (entry & PS) != 0)
		reserved |= level == 3 ? 0x3fffe000 : 0x1fe000;
	if (!walk->request->supervisor && (entry & US) == 0)
		reasons_add(&walk->result.reasons, 0x81);
	if ((entry & reserved) != 0)
		return ends(walk, 0x72);
	walk->all &= entry;
	return true;
}

/*
 * A and EA, and D of a page that is written: the table must be writable when they are missing (SFS.8).
 */
static void check_flags(struct walk *walk, uint64_t entry, bool dirty)
{
	const uint64_t flags = A | (walk->space->extended ? EA : 0) | (dirty ? D : 0);

	if ((entry & flags) != flags && (walk->table.rights & 2) == 0)
		reasons_add(&walk->result.reasons, 0x77);
}

/* 3.8.1: the page needs the rights of both stages. */
static void judge(struct walk *walk, const struct guest_page *page)
{
	const struct request *request = walk->request;
	const bool first_write =
	    (walk->all & RW) != 0 || (request->supervisor && !walk->space->write_protect);
	struct composed *result = &walk->result;

	result->rights = page->rights & (first_write ? 3 : 1);
	if (request->kind != IOMMUSIM_DMA_READ && (result->rights & 2) == 0)
		reasons_add(&result->denials, 0x85);
	if (request->kind != IOMMUSIM_DMA_WRITE && (page->rights & 1) == 0 &&
	    (request->length != 0 || (page->rights & 2) == 0)) /* CAP.ZLR is set here */
		reasons_add(&result->denials, 0x86);
	if (request->kind != IOMMUSIM_DMA_WRITE && (page->rights & 1) == 0 && request->length == 0)
		result->doubtful = !first_write; /* write-only after both stages, or nothing at all */
}

static bool reaches_interrupts(const struct walk *walk, const struct composed *result)
{
	const uint64_t size = walk->request->translation_request ? BIT(result->shift) : 1;
	const uint64_t first = result->physical & ~(size - 1);

	return first <= 0xfeefffff && first + (size - 1) >= 0xfee00000;
}

/* The first stage has found a page: through the second stage with it. */
static void compose_page(struct walk *walk, uint64_t entry, unsigned level)
{
	const unsigned shift = 12 + 9 * (level - 1);
	const uint64_t offset = walk->request->address & (BIT(shift) - 1);
	const uint64_t guest = ((entry & (BIT(52) - 1)) >> shift << shift) | offset;
	const struct guest_page table = walk->table;
	struct composed *result = &walk->result;
	struct guest_page page;

	if (!within(walk, guest))
		return;
	page = ask_second_stage(walk->world, guest);
	if (page.reason != 0) {
		ends(walk, page.reason);
		return;
	}
	result->physical = page.host;
	result->shift = page.shift < shift ? page.shift : shift;
	judge(walk, &page);
	walk->table = table;
	if (writes(walk) && (result->rights & 2) != 0)
		check_flags(walk, entry, true);
	if (walk->request->translation_request && result->rights == 2)
		result->doubtful = true; /* is what may only be written a write? */
	if (page.interrupts || reaches_interrupts(walk, result))
		reasons_add(&result->reasons, 0x87);
}

static bool is_canonical(uint64_t address, unsigned levels)
{
	const uint64_t above = address >> (11 + 9 * levels);

	return above == 0 || above == UINT64_MAX >> (11 + 9 * levels);
}

static struct composed compose(struct world *world, const struct request *request)
{
	struct walk walk = { .world = world,
		.space = &world->spaces[request->number],
		.request = request,
		.all = UINT64_MAX };
	uint64_t table = walk.space->root;

	if (!is_canonical(request->address, walk.space->levels)) {
		ends(&walk, 0x80);
		return walk.result;
	}
	for (unsigned level = walk.space->levels; level > 0; level--) {
		const uint64_t index = request->address >> (12 + 9 * (level - 1)) & 0x1ff;
		uint64_t entry;

		if (!read_entry(&walk, table + index * 8, level == walk.space->levels, &entry) ||
		    !check_entry(&walk, entry, level))
			return walk.result;
		check_flags(&walk, entry, false);
		if (level == 1 || (entry & PS) != 0) {
			compose_page(&walk, entry, level);
			return walk.result;
		}
		table = entry & UINT64_C(0xffffffffff000);
	}
	return walk.result;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static uint64_t random_address(struct world *world, unsigned levels)
{
	const unsigned width = 12 + 9 * levels;
	uint64_t address = sw_address(&world->base, levels);

	return chance(world, 2) ? address ^ BIT(width - 1 + below(world, 65 - width)) : address;
}

static struct request random_request(struct world *world)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };
	const bool near = chance(world, 60);
	struct request request = { .number =
				       near ? world->base.last_number : (unsigned)below(world, PASIDS),
		.kind = kinds[below(world, 3)],
		.length = 8 };

	request.supervisor =
	    request.number == PASIDS - 1 ? world->base.rid_privileged : chance(world, 50);
	request.address = near ? sw_near_address(&world->base)
			       : random_address(world, world->spaces[request.number].levels);
	world->base.last_address = request.address;
	world->base.last_number = request.number;
	if (request.address >> 20 == 0xfee) /* no translation there without PASID */
		request.address ^= BIT(31);
	if (request.kind == IOMMUSIM_DMA_READ) {
		request.translation_request = chance(world, 40);
		if (!request.translation_request && chance(world, 20))
			request.length = 0;
	}
	return request;
}

static struct iommusim_dma_request dma_of(const struct request *request)
{
	const bool has_pasid = pasid_of(request->number) != SM_NO_PASID;

	return (struct iommusim_dma_request){
		.address = request->address,
		.length = request->length,
		.kind = request->kind,
		.address_type = request->translation_request ? IOMMUSIM_DMA_TRANSLATION_REQUEST
							     : IOMMUSIM_DMA_UNTRANSLATED,
		.has_pasid = has_pasid,
		.pasid = has_pasid ? pasid_of(request->number) : 0,
		.privileged = has_pasid && request->supervisor,
	};
}

static bool goes_through(const struct iommusim_dma_page *page, const struct composed *composed)
{
	return !page->faulted && page->fault.reason == 0 && page->translated &&
	    page->physical == composed->physical && page->page_shift == composed->shift;
}

/*
 * Table 30: these are what a translation request is refused for; the others are answers without
 * rights.
 */
static struct reasons refusals(void)
{
	struct reasons all = { 0 };

	for (unsigned reason = 0x7a; reason <= 0x7d; reason++)
		reasons_add(&all, reason);
	reasons_add(&all, 0x78);
	reasons_add(&all, 0x87);
	return all;
}

static bool answer_agrees(const struct iommusim_dma_page *page, const struct composed *composed)
{
	if (reasons_none(composed->reasons))
		return page->answered && page->granted == composed->rights &&
		    goes_through(page, composed);
	if (page->faulted)
		return !page->answered && reasons_hold(composed->reasons, page->fault.reason) &&
		    reasons_hold(refusals(), page->fault.reason);
	return page->answered && page->granted == 0 && !reasons_within(composed->reasons, refusals());
}

static bool agrees(const struct iommusim_dma_page *page, const struct request *request,
    const struct composed *composed)
{
	struct reasons reasons = composed->reasons;

	if (composed->doubtful)
		return true;
	if (request->translation_request)
		return answer_agrees(page, composed);
	reasons.bits |= composed->denials.bits;
	if (!reasons_none(reasons))
		return page->faulted && reasons_hold(reasons, page->fault.reason);
	return goes_through(page, composed);
}

static void dump(struct world *world, const struct request *request, const struct composed *composed)
{
	const struct iommusim_dma_request dma = dma_of(request);
	const struct space *space = &world->spaces[request->number];

	sw_print_case(&world->base);
	print_error("  CAP 0x%llx HAW %u, second stage: levels %u, width %u, SSADE %d, SSIRWE %d\n",
	    (unsigned long long)world->base.sm.vtd.cap, world->haw, world->second_levels, world->width,
	    world->second_flags, counts_io(world));
	print_error("  PASID %x root 0x%llx levels %u WPE %d EAFE %d\n", pasid_of(request->number),
	    (unsigned long long)space->root, space->levels, space->write_protect, space->extended);
	print_error("  kind %d of 0x%llx, length %llu, supervisor %d, translation request %d\n",
	    (int)request->kind, (unsigned long long)request->address,
	    (unsigned long long)request->length, request->supervisor, request->translation_request);
	print_error("  composed: reasons from 58h 0x%llx, denials 0x%llx, physical 0x%llx, shift %u, "
		    "rights %u\n",
	    (unsigned long long)composed->reasons.bits, (unsigned long long)composed->denials.bits,
	    (unsigned long long)composed->physical, composed->shift, composed->rights);
	sw_print_walk(&world->base, &dma);
}

/* Twice: the second time a cache may answer. What the first one set, composing sees. */
static bool check_request(void *context)
{
	struct world *world = context;
	const struct request request = random_request(world);
	const struct iommusim_dma_request dma = dma_of(&request);
	bool blocked = false;

	for (unsigned time = 0; time < 2; time++) {
		const struct composed composed = compose(world, &request);
		struct iommusim_dma_outcome outcome;

		blocked |= time == 0 && !reasons_none(composed.reasons);
		assert_int_equal(
		    iommusim_dma(world->base.sm.vtd.device, &dma, &outcome, NULL, 0), IOMMUSIM_OK);
		if (agrees(&outcome.page, &request, &composed))
			continue;
		dump(world, &request, &composed);
		fail_msg("%s time: reason %Xh, physical 0x%llx, shift %u, granted %u, cached %d",
		    time == 0 ? "first" : "second", outcome.page.fault.reason,
		    (unsigned long long)outcome.page.physical, outcome.page.page_shift,
		    outcome.page.granted, outcome.page.cached);
	}
	return blocked;
}

int main(void)
{
	static const char *const names[] = { "nested_walks_without_caches_are_two_walks_composed",
		"so_they_are_when_everything_is_hoarded", "so_they_are_with_a_small_cache",
		"so_they_are_with_a_contrary_cache" };
	static struct world world;
	const struct sw_cases cases = {
		.worlds = WORLDS,
		.changes = CHANGES,
		.requests = REQUESTS,
		.least_blocked = 20,
		.most_blocked = 90,
		.world = &world,
		.start = world_start,
		.check = check_request,
		.change = world_change,
	};

	return sw_run(&cases, names);
}
