/*
 * Generated first-stage tables and requests against the x86-64 oracle: what comes of each request,
 * where it ends, and which flags it leaves in memory, under every cache policy. Software invalidates
 * whatever it changes, so caches never show.
 */
#include "oracle_x86.h"
#include "scalable_world.h"

#define WORLDS   160u
#define CHANGES  12u
#define REQUESTS 20u

_Static_assert(4 * WORLDS * CHANGES * REQUESTS >= 100000, "at least 100,000 cases");

#define TABLES 20u /* pages that serve as tables of any level */
#define PASIDS 6u  /* 0 to 4 of requests with PASID, and the one of requests without */
#define HOLE   UINT64_C(0x10000000)
#define ROM    UINT64_C(0x20000000)
#define SPAN   UINT64_C(0x10000) /* of ROM, and of memory as far up as the host address width goes */

struct world {
	struct scalable_world base;
	struct x86_window windows[3];
	struct x86_paging paging[PASIDS]; /* what each PASID-table entry says */
	uint64_t tables[TABLES];
	uint64_t *words[TABLES][INDICES]; /* where the entries in use are */
	uint64_t shadow[TABLES][INDICES]; /* what they must be */
	bool may_speculate;               /* A may be set on behalf of nobody: prefetches */
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

static uint64_t random_output(struct world *world)
{
	const unsigned haw = world->paging[0].physical_width;

	switch (below(world, 16)) {
	case 0:
	case 4:
		return 0xfee00000 + below(world, 256) * 0x1000;
	case 1:
		return chance(world, 50) ? 0xfedff000 : 0xfef00000;
	case 2:
		return BIT(haw) - 0x1000 * (1 + below(world, 16));
	case 3:
		return HOLE + below(world, 16) * 0x1000;
	default: /* not where the unit's own tables are */
		return below(world, VTD_TABLES / 0x1000) * 0x1000;
	}
}

static uint64_t random_target(struct world *world)
{
	const uint64_t luck = below(world, 100);
	const uint64_t size = chance(world, 60) ? BIT(21) : BIT(30);

	if (luck < 1)
		return HOLE + below(world, 16) * 0x1000;
	if (luck < 7)
		return (random_output(world) & ~(size - 1)) | 0x80;
	return luck < 10 ? random_output(world) : world->tables[below(world, TABLES)];
}

/* P, R/W and U/S mostly set, flags at random; sometimes a bit that is reserved or ignored somewhere. */
static uint64_t random_entry(struct world *world)
{
	static const uint8_t odd[] = { 7, 51, 50, 39, 46, 12, 13, 20, 21, 29, 30 };
	uint64_t entry = random_next(&world->base.random);

	if (chance(world, 1))
		return entry;
	entry = random_target(world) | (chance(world, 99) ? 1 : 0);
	entry |= (chance(world, 96) ? 2 : 0) | (chance(world, 97) ? 4 : 0);
	if (chance(world, 70)) /* EA, D, A */
		entry |= chance(world, 60) ? 0x460 : random_next(&world->base.random) & 0x460;
	if (chance(world, 15))
		entry |= random_next(&world->base.random) & UINT64_C(0xfff0000000000b18);
	if (chance(world, 2))
		entry ^= BIT(odd[below(world, sizeof(odd))]);
	return entry;
}

static void fill_table(struct world *world, unsigned table)
{
	for (unsigned i = 0; i < INDICES; i++)
		*world->words[table][i] = world->shadow[table][i] = random_entry(world);
}

/* ---- the unit and its memory ------------------------------------------------------------------- */

static void add_window(
    struct world *world, unsigned slot, uint64_t base, uint64_t length, bool read_only)
{
	if (slot != 0) /* the fixture's RAM is there */
		assert_int_equal(iommusim_memory_add(world->base.sm.vtd.machine, base, length,
				     read_only ? IOMMUSIM_MEMORY_ROM : IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
	world->windows[slot] = (struct x86_window){ .base = base,
		.length = length,
		.bytes = iommusim_memory_host(world->base.sm.vtd.machine, base, length),
		.read_only = read_only };
	assert_non_null(world->windows[slot].bytes);
}

static void place_tables(struct world *world, unsigned haw)
{
	add_window(world, 0, 0, VTD_RAM, false);
	add_window(world, 1, ROM, SPAN, true);
	add_window(world, 2, BIT(haw) - SPAN, SPAN, false);
	for (unsigned i = 0; i < INDICES; i++)
		world->base.indices[i] = (uint16_t)(i < 2 ? i
			: i == 2                          ? 511
			: i == 3                          ? 256
							  : 2 + below(world, 200));
	for (unsigned i = 0; i < TABLES; i++) {
		world->tables[i] = i < 16 ? vt_page(&world->base.sm.vtd)
		    : i < 18              ? ROM + (i - 16) * UINT64_C(0x1000)
					  : BIT(haw) - (i - 17) * UINT64_C(0x1000);
		for (unsigned j = 0; j < INDICES; j++)
			world->words[i][j] = iommusim_memory_host(world->base.sm.vtd.machine,
			    world->tables[i] + world->base.indices[j] * UINT64_C(8), 8);
	}
	for (unsigned i = 0; i < TABLES; i++)
		fill_table(world, i);
}

static uint32_t pasid_of(unsigned number)
{
	return number == PASIDS - 1 ? SM_NO_PASID : number;
}

/* Tables that are the same are walked in the same mode, as software must see to it (VT-d 6.2.3.1). */
static bool shares_root(const struct world *world, unsigned number)
{
	for (unsigned i = 0; i < number; i++)
		if (world->paging[i].root == world->paging[number].root)
			return true;
	return false;
}

static void fill_pasid_entry(struct world *world, unsigned number)
{
	struct x86_paging *paging = &world->paging[number];
	const bool smpwcs = (world->base.sm.vtd.ecap & ECAP_SMPWCS) != 0;
	uint64_t entry[8] = { SM_FIRST | SM_P };

	do
		paging->root = chance(world, 2) ? HOLE + number * UINT64_C(0x1000)
						: world->tables[below(world, TABLES)];
	while (shares_root(world, number));
	paging->five_levels = chance(world, 50);
	paging->write_protect = chance(world, 50);
	paging->extended_accessed = smpwcs && chance(world, 50);
	paging->snooped = smpwcs && chance(world, 92);
	entry[1] = (number + 1) | (paging->snooped ? SM_PWSNP : 0);
	entry[2] = paging->root | SM_SRE | SM_FSPM(paging->five_levels) |
	    (paging->write_protect ? SM_WPE : 0) | (paging->extended_accessed ? SM_EAFE : 0);
	sm_set_entry(&world->base.sm, pasid_of(number), entry);
}

static void world_start(
    void *context, uint64_t seed, uint64_t number, enum iommusim_cache_policy policy)
{
	static const uint8_t widths[] = { 36, 39, 46, 52 };
	const bool adverse = policy == IOMMUSIM_CACHE_ADVERSE;
	struct vtd_setup setup = { .seed = number, .ecap_set = ECAP_RPRIVS };
	struct world *world = context;
	bool gigabyte_pages;

	memset(world, 0, sizeof(*world));
	sw_begin(&world->base, seed, number);
	setup.haw = widths[below(world, 4)];
	gigabyte_pages = chance(world, 70);
	setup.cap_clear = gigabyte_pages ? 0 : CAP_FS1GP;
	setup.ecap_clear = chance(world, 92) ? 0 : ECAP_SMPWCS | ECAP_EAFS | ECAP_SSADS;
	sw_set_policy(&setup, policy);
	sm_start(&world->base.sm, &setup);
	sm_queue_start(&world->base.sm);
	world->may_speculate = adverse;
	for (unsigned i = 0; i < PASIDS; i++)
		world->paging[i] = (struct x86_paging){ .physical_width = setup.haw,
			.gigabyte_pages = gigabyte_pages,
			.windows = world->windows,
			.window_count = 3 };
	place_tables(world, setup.haw);
	for (unsigned i = 0; i < PASIDS; i++)
		fill_pasid_entry(world, i);
	sw_set_rid_privilege(&world->base);
	sw_invalidate(&world->base);
}

static void world_change(void *context)
{
	struct world *world = context;

	if (chance(world, 20))
		for (unsigned i = 0; i < PASIDS; i++)
			fill_pasid_entry(world, i);
	if (chance(world, 20))
		sw_set_rid_privilege(&world->base);
	for (uint64_t count = 1 + below(world, 5); count > 0; count--)
		fill_table(world, (unsigned)below(world, TABLES));
	sw_invalidate(&world->base);
}

/* ---- requests ---------------------------------------------------------------------------------- */

struct request {
	unsigned number; /* of the PASID */
	enum iommusim_dma_kind kind;
	uint64_t length;
	struct x86_access access;
};

/* Indices in use, sign-extended; sometimes at a border, or not canonical. */
static uint64_t random_address(struct world *world, bool five_levels)
{
	const unsigned width = five_levels ? 57 : 48;
	uint64_t address = sw_address(&world->base, five_levels ? 5 : 4);

	if (chance(world, 3))
		address ^= BIT(width - 1 + below(world, 65 - width));
	if (chance(world, 1))
		address = BIT(width - 1) - below(world, 2) * 0x1000;
	return address;
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

	request.access.supervisor =
	    request.number == PASIDS - 1 ? world->base.rid_privileged : chance(world, 50);
	request.access.write = request.kind != IOMMUSIM_DMA_READ;
	if (!request.access.write && chance(world, 20))
		request.length = 0;
	request.access.address = near
	    ? sw_near_address(&world->base)
	    : random_address(world, world->paging[request.number].five_levels);
	world->base.last_address = request.access.address;
	world->base.last_number = request.number;
	if (request.access.address >> 20 == 0xfee) /* no translation there without PASID */
		request.access.address ^= BIT(31);
	return request;
}

static struct iommusim_dma_request dma_of(const struct request *request)
{
	const bool has_pasid = pasid_of(request->number) != SM_NO_PASID;

	return (struct iommusim_dma_request){
		.address = request->access.address,
		.length = request->length,
		.kind = request->kind,
		.has_pasid = has_pasid,
		.pasid = has_pasid ? pasid_of(request->number) : 0,
		.privileged = has_pasid && request->access.supervisor,
	}; /* without data: no table is written over */
}

static void dump(struct world *world, const struct request *request, const struct x86_answer *answer)
{
	const struct iommusim_dma_request dma = dma_of(request);
	const struct x86_paging *paging = &world->paging[request->number];

	sw_print_case(&world->base);
	print_error("  CAP 0x%llx ECAP 0x%llx HAW %u\n", (unsigned long long)world->base.sm.vtd.cap,
	    (unsigned long long)world->base.sm.vtd.ecap, paging->physical_width);
	print_error("  PASID %x root 0x%llx levels %d WPE %d EAFE %d snooped %d\n",
	    pasid_of(request->number), (unsigned long long)paging->root, 4 + paging->five_levels,
	    paging->write_protect, paging->extended_accessed, paging->snooped);
	print_error("  kind %d of 0x%llx, length %llu, supervisor %d\n", (int)request->kind,
	    (unsigned long long)request->access.address, (unsigned long long)request->length,
	    request->access.supervisor);
	print_error("  oracle: reasons from 58h 0x%llx, physical 0x%llx, shift %u\n",
	    (unsigned long long)answer->reasons.bits, (unsigned long long)answer->physical,
	    answer->shift);
	sw_print_walk(&world->base, &dma);
}

static bool agrees(const struct iommusim_dma_page *page, const struct request *request,
    const struct x86_answer *answer)
{
	if (!reasons_none(answer->reasons))
		return page->faulted && reasons_hold(answer->reasons, page->fault.reason);
	return !page->faulted && page->fault.reason == 0 && page->translated &&
	    page->physical == answer->physical && page->page_shift == answer->shift &&
	    page->domain == request->number + 1;
}

static uint64_t *shadow_of(struct world *world, uint64_t address)
{
	for (unsigned i = 0; i < TABLES; i++)
		for (unsigned j = 0; j < INDICES; j++)
			if (world->tables[i] + world->base.indices[j] * UINT64_C(8) == address)
				return &world->shadow[i][j];
	return NULL;
}

/* A (5) and EA (10) may be set in an entry that nobody used, if it is present (P, 0). */
static bool may_become(uint64_t was, uint64_t is, bool speculates)
{
	return is == was ||
	    (speculates && (was & 1) != 0 && (is | 0x420) == (was | 0x420) && (was & ~is) == 0);
}

/*
 * Memory is what it was and the flags in `answer`. Where flags could not be written, A and EA may be in
 * other entries (they may be set for who faults), D may not: the shadow takes over what is there.
 */
static bool memory_agrees(
    struct world *world, const struct x86_answer *answer, const struct iommusim_dma_page *page)
{
	const bool speculates = world->may_speculate || page->fault.reason == 0x91;

	for (unsigned i = 0; i < answer->update_count; i++) {
		uint64_t *shadow = shadow_of(world, answer->updates[i].address);

		if (shadow == NULL) /* an entry that nobody generated: nothing is present there */
			return false;
		*shadow |= answer->updates[i].flags;
	}
	for (unsigned i = 0; i < TABLES; i++)
		for (unsigned j = 0; j < INDICES; j++) {
			const uint64_t is = *world->words[i][j], was = world->shadow[i][j];

			if (!may_become(was, is, speculates)) {
				print_error("  0x%llx: 0x%llx, and it was 0x%llx\n",
				    (unsigned long long)world->tables[i] +
					8ull * world->base.indices[j],
				    (unsigned long long)is, (unsigned long long)was);
				return false;
			}
			world->shadow[i][j] = is;
		}
	return true;
}

static bool check_request(void *context)
{
	struct world *world = context;
	const struct request request = random_request(world);
	const struct x86_answer answer = x86_ask(&world->paging[request.number], &request.access);
	const struct iommusim_dma_request dma = dma_of(&request);
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(world->base.sm.vtd.device, &dma, &walk), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(world->base.sm.vtd.device, &dma, &outcome, NULL, 0), IOMMUSIM_OK);
	if (!agrees(&outcome.page, &request, &answer)) {
		dump(world, &request, &answer);
		fail_msg("reason %Xh, physical 0x%llx, cached %d", outcome.page.fault.reason,
		    (unsigned long long)outcome.page.physical, outcome.page.cached);
	}
	if (!memory_agrees(world, &answer, &outcome.page)) {
		dump(world, &request, &answer);
		fail_msg("flags in memory, reason %Xh", outcome.page.fault.reason);
	}
	/* looking changes nothing, and cannot know whether flags could be written */
	if (!reasons_hold(answer.reasons, 0x91) && !agrees(&walk.result, &request, &answer)) {
		dump(world, &request, &answer);
		fail_msg("the explained walk: reason %Xh", walk.result.fault.reason);
	}
	return !reasons_none(answer.reasons);
}

int main(void)
{
	static const char *const names[] = {
		"first_stage_walks_without_caches_are_what_the_oracle_says",
		"so_they_are_when_everything_is_hoarded", "so_they_are_with_a_small_cache",
		"so_they_are_with_a_contrary_cache"
	};
	static struct world world;
	const struct sw_cases cases = {
		.worlds = WORLDS,
		.changes = CHANGES,
		.requests = REQUESTS,
		.least_blocked = 20,
		.most_blocked = 80,
		.world = &world,
		.start = world_start,
		.check = check_request,
		.change = world_change,
	};

	return sw_run(&cases, names);
}
