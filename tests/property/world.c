/* Generated worlds: capabilities, tables, changes with their invalidations, requests. */
#include "world.h"

#define HOLE   UINT64_C(0x10000000) /* there is no memory */
#define MIDDLE UINT64_C(0x200000000)
#define SPAN   UINT64_C(0x10000) /* of the windows far out */

static const uint16_t rids[WORLD_DEVICES] = { VTD_RID, 0x0311, 0x03ff, 0x8000, 0x8007, 0xffff, 0xff00,
	0x1000 };
static const uint8_t buses[WORLD_BUSES] = { 0x03, 0x80, 0xff, 0x10 };

static uint64_t pick(struct world *world, const uint64_t *from, unsigned count)
{
	return from[random_below(&world->random, count)];
}

static bool chance(struct world *world, unsigned percent)
{
	return random_chance(&world->random, percent);
}

static uint64_t below(struct world *world, uint64_t limit)
{
	return random_below(&world->random, limit);
}

/* ---- the unit ---------------------------------------------------------------------------------- */

/* ND 2:0, CM 7, SAGAW 12:8, MGAW 21:16, ZLR 22, SSLPS 37:34; the rest as in the fixture. */
static uint64_t random_cap(struct world *world)
{
	static const uint64_t widths[] = { 57, 57, 48, 39 }, sizes[] = { 3, 3, 1, 0 };
	const uint64_t mgaw = chance(world, 70) ? pick(world, widths, 4) : 30 + below(world, 28);

	/* bits 8 and 12 were once for two and six levels */
	return below(world, 7) | (chance(world, 25) ? CAP_CM : 0) |
	    (chance(world, 20) ? BIT(8) | BIT(12) : 0) | (1 + below(world, 7)) << 9 | (mgaw - 1) << 16 |
	    below(world, 2) << 22 | CAP_FRO_400 | pick(world, sizes, 4) << 34 | CAP_PSI | CAP_NFR_8 |
	    CAP_MAMV_18 | CAP_DWD | CAP_DRD;
}

/* DT 2, PT 6, SC 7 at random, sometimes abort-DMA mode (52). */
static uint64_t random_ecap(struct world *world)
{
	return ECAP_C | ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_IRO_500 | ECAP_MHMV_15 |
	    (chance(world, 85) ? ECAP_DT : 0) | (chance(world, 85) ? ECAP_PT : 0) |
	    (chance(world, 50) ? ECAP_SC : 0) | (chance(world, 10) ? ECAP_ADMS : 0);
}

static void add_window(struct world *world, unsigned slot, uint64_t base, uint64_t length)
{
	struct oracle_window *window = &world->windows[slot];

	if (base != 0) /* the fixture's RAM is there */
		assert_int_equal(
		    iommusim_memory_add(world->vtd.machine, base, length, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
	window->base = base;
	window->length = length;
	window->bytes = iommusim_memory_host(world->vtd.machine, base, length);
	assert_non_null(window->bytes);
}

/* Memory at 0, in the middle, and as far up as the host address width goes. */
static void add_memory(struct world *world)
{
	add_window(world, 0, 0, VTD_RAM);
	add_window(world, 1, MIDDLE, SPAN);
	add_window(world, 2, BIT(world->oracle.haw) - SPAN, SPAN);
	world->oracle.windows = world->windows;
	world->oracle.window_count = 3;
	for (unsigned i = 0; i < WORLD_TABLES; i++)
		world->tables[i] = i < 14 ? vt_page(&world->vtd)
		    : i < 16              ? MIDDLE + i * UINT64_C(0x1000) - 0xe000
					  : BIT(world->oracle.haw) - (i - 15) * UINT64_C(0x1000);
	for (unsigned i = 0; i < WORLD_BUSES; i++)
		world->context_tables[i] = vt_page(&world->vtd);
	world->blank = vt_page(&world->vtd);
}

/* ---- entries ----------------------------------------------------------------------------------- */

static uint64_t random_output(struct world *world)
{
	switch (below(world, 16)) {
	case 0:
		return 0xfee00000 + below(world, 256) * 0x1000;
	case 1:
		return below(world, 2) == 0 ? 0xfedff000 : 0xfef00000;
	case 2:
		return BIT(world->oracle.haw) - 0x1000 * (1 + below(world, 16));
	case 3:
		return HOLE + below(world, 16) * 0x1000;
	default:
		return below(world, VTD_RAM / 0x1000) * 0x1000;
	}
}

/* Where a table is: seldom where there is none. */
static uint64_t random_table(struct world *world)
{
	const uint64_t table = pick(world, world->tables, WORLD_TABLES);
	const uint64_t luck = below(world, 100);

	if (luck < 2)
		return HOLE + below(world, 16) * 0x1000;
	if (luck < 3 && world->oracle.haw < 52)
		return table | BIT(world->oracle.haw + below(world, 52 - world->oracle.haw));
	return table;
}

static uint64_t large_page(struct world *world)
{
	const uint64_t size = chance(world, 50) ? BIT(21) : BIT(30);
	const uint64_t around = chance(world, 10) ? UINT64_C(0xfee00000) : random_output(world);

	return (around & ~(size - 1)) | 0x80;
}

static uint64_t random_paging_entry(struct world *world)
{
	const uint64_t luck = below(world, 100);
	uint64_t entry = random_next(&world->random);

	if (luck == 0)
		return entry;
	if (luck < 3)
		return entry & ~UINT64_C(3);
	entry = luck < 17 ? large_page(world) : luck < 30 ? random_output(world) : random_table(world);
	entry |= chance(world, 92) ? 3 : 1 + below(world, 2);
	if (chance(world, 10)) /* bits that are ignored in entries of every kind */
		entry |= random_next(&world->random) & UINT64_C(0xbff000000000077c);
	if (chance(world, 3)) {
		static const uint64_t reserved[] = { 7, 11, 11, 62, 51, 12, 13, 20, 29 };

		entry ^= BIT(pick(world, reserved, 9));
	}
	return entry;
}

static void fill_table(struct world *world, uint64_t table)
{
	for (unsigned i = 0; i < WORLD_INDICES; i++)
		vt_store(
		    &world->vtd, table + world->indices[i] * UINT64_C(8), random_paging_entry(world));
}

/* 9.1: mostly good, seldom absent, with a reserved bit, or pointing where no context table is. */
static void fill_root(struct world *world, unsigned bus)
{
	const uint64_t at = world->vtd.root_table + buses[bus] * UINT64_C(16);
	const uint64_t luck = below(world, 100);
	uint64_t low = world->context_tables[bus] | 1, high = 0;

	if (luck == 0)
		low = random_next(&world->random) & ~UINT64_C(1);
	else if (luck ==
	    1) /* no memory, or nothing in it; a paging table would be two things at once */
		low = (chance(world, 50) ? HOLE : world->blank) | 1;
	else if (luck == 2)
		low ^= BIT(1 + below(world, 11));
	else if (luck == 3)
		low ^= BIT(52 + below(world, 12));
	else if (luck == 4)
		high = BIT(below(world, 64));
	vt_store(&world->vtd, at, low);
	vt_store(&world->vtd, at + 8, high);
}

/* TT: seldom one that the unit lacks. */
static uint64_t random_type(struct world *world)
{
	static const uint64_t types[] = { 0, 0, 0, 0, 0, 1, 1, 1, 1, 2 };
	const uint64_t type = chance(world, 2) ? 3 : pick(world, types, 10);
	const bool known = (type != 1 || (world->oracle.ecap & ECAP_DT) != 0) &&
	    (type != 2 || (world->oracle.ecap & ECAP_PT) != 0);

	return known || chance(world, 15) ? type : 0;
}

/*
 * 9.3. Contexts of one domain share table and width, as software must see to it; TT is each one's own,
 * but pass-through is another translation and has domains of its own.
 */
static void fill_context(
    struct world *world, unsigned device, uint64_t tables[WORLD_DOMAINS], uint8_t widths[WORLD_DOMAINS])
{
	struct world_device *it = &world->devices[device];
	const unsigned above_domain = 12 + 2 * (unsigned)(world->oracle.cap & 7);
	const uint64_t type = random_type(world);
	unsigned bus = 0;
	uint64_t low, high, at;

	while (buses[bus] != it->rid >> 8)
		bus++;
	at = world->context_tables[bus] + (it->rid & 0xff) * UINT64_C(16);
	it->domain = (uint8_t)(type == 2 ? 8 + below(world, 3) : 1 + below(world, 5));
	it->levels = (uint8_t)(widths[it->domain] + 2);
	low = tables[it->domain] | type << 2 | below(world, 2) << 1 | 1;
	high = (uint64_t)it->domain << 8 | (random_next(&world->random) & 0x78) | widths[it->domain];
	if (chance(world, 2))
		low &= ~UINT64_C(1);
	if (chance(world, 1))
		low ^= BIT(4 + below(world, 8));
	if (chance(world, 2)) /* above the domain id: reserved, and the domain stays the one it is */
		high ^= BIT(above_domain + below(world, 64 - above_domain));
	vt_store(&world->vtd, at, low);
	vt_store(&world->vtd, at + 8, high);
}

static void fill_contexts(struct world *world)
{
	uint64_t tables[WORLD_DOMAINS];
	uint8_t widths[WORLD_DOMAINS];

	for (unsigned i = 0; i < WORLD_DOMAINS; i++) {
		tables[i] = random_table(world);
		do /* mostly a width that the unit has */
			widths[i] = (uint8_t)below(world, 8);
		while ((world->oracle.cap >> 8 & 0xe & BIT(widths[i])) == 0 && !chance(world, 1));
	}
	for (unsigned i = 0; i < WORLD_DEVICES; i++)
		fill_context(world, i, tables, widths);
}

/* ---- changes ----------------------------------------------------------------------------------- */

/* In other modes than the legacy one registers invalidate nothing (11.4.6); nothing is cached there. */
void world_invalidate(struct world *world)
{
	if ((world->oracle.rtaddr & 0xc00) != 0)
		return;
	assert_int_equal(vt_invalidate_context(&world->vtd, 1, 0, 0, 0), 1);
	assert_int_equal(vt_invalidate_iotlb(&world->vtd, 1, 0, 0, 0), 1);
}

/* Everything that may have come out of a page table: all at once, or domain by domain. */
static void invalidate_domains(struct world *world)
{
	if (chance(world, 50))
		assert_int_equal(vt_invalidate_iotlb(&world->vtd, 1, 0, 0, 0), 1);
	else
		for (uint16_t domain = 0; domain < WORLD_DOMAINS; domain++)
			assert_int_equal(vt_invalidate_iotlb(&world->vtd, 2, domain, 0, 0), 2);
}

/*
 * Context entries changed: by device with the domain it had, by domain, or all (VT-d Table 28). What
 * CM=1 keeps of entries that fault belongs to domain 0 (6.2.2).
 */
static void invalidate_contexts(struct world *world, const struct world_device *before)
{
	switch (below(world, 3)) {
	case 0:
		assert_int_equal(vt_invalidate_context(&world->vtd, 2, 0, 0, 0), 2);
		for (unsigned i = 0; i < WORLD_DEVICES; i++)
			assert_int_equal(
			    vt_invalidate_context(&world->vtd, 3, before[i].domain, before[i].rid, 0),
			    3);
		break;
	case 1:
		for (uint16_t domain = 0; domain < WORLD_DOMAINS; domain++)
			assert_int_equal(vt_invalidate_context(&world->vtd, 2, domain, 0, 0), 2);
		break;
	default:
		assert_int_equal(vt_invalidate_context(&world->vtd, 1, 0, 0, 0), 1);
	}
	invalidate_domains(world);
}

/* Another mode, or the usual one again (11.4.5); SRTP asks for global invalidations (11.4.4.1). */
static void change_mode(struct world *world)
{
	static const uint64_t modes[] = { 0x400, 0x800, 0xc00 };

	world->oracle.rtaddr = world->vtd.root_table;
	if (chance(world, 20))
		world->oracle.rtaddr |= pick(world, modes, 3);
	vt_latch_root(&world->vtd, world->oracle.rtaddr);
	world_invalidate(world);
}

static void change_enable(struct world *world)
{
	world->oracle.translating = !world->oracle.translating;
	vt_command(&world->vtd, G_TE, world->oracle.translating);
	world_invalidate(world);
}

void world_change(struct world *world)
{
	const uint64_t luck = below(world, 100);

	if (!world->oracle.translating || luck < 3) {
		change_enable(world);
	} else if ((world->oracle.rtaddr & 0xc00) != 0 || luck < 8) {
		change_mode(world);
	} else if (luck < 20) {
		for (unsigned bus = 0; bus < WORLD_BUSES; bus++)
			fill_root(world, bus);
		world_invalidate(world);
	} else if (luck < 45) {
		struct world_device before[WORLD_DEVICES];

		memcpy(before, world->devices, sizeof(before));
		fill_contexts(world);
		invalidate_contexts(world, before);
	} else {
		for (uint64_t count = 1 + below(world, 4); count > 0; count--)
			fill_table(world, pick(world, world->tables, WORLD_TABLES));
		invalidate_domains(world);
	}
}

/* ---- birth and death --------------------------------------------------------------------------- */

static void make_devices(struct world *world)
{
	for (unsigned i = 0; i < WORLD_DEVICES; i++) {
		world->devices[i].rid = rids[i];
		world->devices[i].requester = world->vtd.device;
		if (i != 0)
			assert_int_equal(iommusim_requester_create(world->vtd.machine, 0, rids[i],
					     &world->devices[i].requester),
			    IOMMUSIM_OK);
	}
}

/*
 * What the specification leaves open, and an older revision of it now and then. Rights are not judged
 * at each level where faults are kept (CM=1): a read's fault would answer a write that has another.
 */
static void choose(struct world *world, struct vtd_setup *setup)
{
	setup->choices.rights_at_each_level = world->oracle.rights_at_each_level =
	    (world->oracle.cap & CAP_CM) == 0 && chance(world, 30);
	setup->choices.pass_through_widest = world->oracle.pass_through_widest = chance(world, 25);
	setup->revision = chance(world, 20) ? 0x301 : 0x510;
	world->oracle.revision = setup->revision;
}

void world_start(struct world *world, uint64_t seed, uint64_t number, enum iommusim_cache_policy policy)
{
	static const uint64_t widths[] = { 36, 39, 46, 52 };
	struct vtd_setup setup = { .cap_clear = UINT64_MAX, .ecap_clear = UINT64_MAX };

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->number = number;
	world->random = random_of_case(seed, number);
	world->oracle.cap = setup.cap_set = random_cap(world);
	world->oracle.ecap = setup.ecap_set = random_ecap(world);
	world->oracle.haw = (unsigned)pick(world, widths, 4);
	setup.haw = (uint8_t)world->oracle.haw;
	choose(world, &setup);
	setup.seed = number;
	setup.settings.cache = policy;
	setup.settings.iotlb_sets = policy == IOMMUSIM_CACHE_SIZED ? 4 : 0;
	setup.settings.iotlb_ways = policy == IOMMUSIM_CACHE_SIZED ? 2 : 0;
	vt_start_enabled(&world->vtd, &setup);
	world->oracle.rtaddr = world->vtd.root_table;
	world->oracle.translating = true;
	add_memory(world);
	make_devices(world);
	for (unsigned i = 0; i < WORLD_INDICES; i++)
		world->indices[i] = (uint16_t)(i < 3 ? i : i == 3 ? 511 : below(world, 512));
	for (unsigned i = 0; i < WORLD_TABLES; i++)
		fill_table(world, world->tables[i]);
	fill_contexts(world);
	for (unsigned bus = 0; bus < WORLD_BUSES; bus++)
		fill_root(world, bus);
	world_invalidate(world);
}

void world_stop(struct world *world)
{
	vt_stop(&world->vtd);
}
