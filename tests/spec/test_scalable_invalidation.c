/*
 * What each invalidation takes in scalable mode, and what it must leave under a policy that keeps all
 * it may (VT-d 6.5.2.1 to 6.5.2.4, Tables 21 to 24), and that what 6.5.3.3 tells software to do is
 * enough (Table 28). Whom kept entries serve: test_scalable_caches.c.
 */
#include "cached_spaces.h"

#define DOMAIN        0x35u
#define SECOND_DOMAIN 0x36u
#define OLD           UINT64_C(0x1000000)
#define NEW           UINT64_C(0x1400000)
#define FREE          SM_NO_PASID

/* Hits need the same source and PASID: what stays and what goes is told apart by them. */
static const struct vtd_setup by_source = { .settings = { .match = IOMMUSIM_MATCH_SOURCE } };

/*
 * One invalidation, and by which tags it selects: '*' none, D domain, P PASID, A address; '-' it does
 * not.
 */
enum { IOTLB_OTHER, IOTLB_FIRST, PAGING_FIRST, PAGING_SECOND, COLUMNS };
struct request {
	unsigned type, granularity;
	bool hint;
	const char *tags[COLUMNS];
};

/* VT-d Tables 23 and 24, column by column. */
static const struct request requests[] = {
	{ 2, 1, false, { "*", "*", "*", "*" } },
	{ 2, 1, true, { "*", "*", "*", "*" } },
	{ 2, 2, false, { "D", "D", "D", "D" } },
	{ 2, 2, true, { "D", "D", "D", "D" } },
	{ 2, 3, false, { "DA", "D", "D", "DA" } },
	{ 2, 3, true, { "DA", "D", "D", "-" } },
	{ 6, 2, false, { "DP", "DP", "DP", "-" } },
	{ 6, 2, true, { "DP", "DP", "DP", "-" } },
	{ 6, 3, false, { "-", "DPA", "DPA", "-" } },
	{ 6, 3, true, { "-", "DPA", "-", "-" } },
};

/* What the request names. */
struct named {
	uint32_t domain, pasid;
	uint64_t address;
	unsigned mask;
};

static bool overlaps(const struct named *named, uint64_t first, uint64_t last)
{
	const uint64_t span = (BIT(12) << named->mask) - 1;

	return (named->address & ~span) <= last && (named->address | span) >= first;
}

/* Does the request take what is tagged so? PASID: of requests without one, RID_PASID. */
static bool takes(const char *tags, const struct named *named, uint32_t domain, uint32_t pasid,
    uint64_t first, uint64_t last)
{
	for (; *tags != '\0'; tags++)
		if (*tags == '-' || (*tags == 'D' && (named->domain & 0xff) != domain) ||
		    (*tags == 'P' && named->pasid != pasid) ||
		    (*tags == 'A' && !overlaps(named, first, last)))
			return false;
	return true;
}

static void submit(struct scalable *sm, const struct request *request, const struct named *named)
{
	const uint64_t address = named->address | named->mask | (request->hint ? CS_IH : 0);

	if (request->type == 2)
		cs_drop(sm, request->granularity, named->domain, address);
	else
		cs_drop_pasid(sm, request->granularity, named->domain, named->pasid, address);
}

/* Those who read: PASIDs of two domains, one of them in both; RID_PASID for requests without. */
static const struct reader {
	uint32_t pasid;
	unsigned flags;
	uint16_t domain;
} readers[] = {
	{ FREE, 0, DOMAIN },
	{ 0x15, 0, DOMAIN },
	{ 0x16, 0, DOMAIN },
	{ 0x17, 0, SECOND_DOMAIN },
	{ 0x15, SM_UPPER, SECOND_DOMAIN },
};

#define READERS COUNT(readers)

static uint32_t tag_of(const struct reader *reader)
{
	return reader->pasid == FREE ? SM_RID_PASID : reader->pasid;
}

/* The readers' spaces; those of a second stage in one domain have the same tables (VT-d 6.2.3.1). */
struct scene {
	struct scalable sm;
	uint64_t directory[2]; /* of the two sources */
	unsigned type;
	struct space spaces[READERS];
};

static void enter(struct scene *scene, unsigned reader, const struct space *space)
{
	scene->sm.directory = scene->directory[(readers[reader].flags & SM_UPPER) != 0];
	cs_enter(&scene->sm, space);
}

static void make_spaces(struct scene *scene, struct space *spaces, unsigned levels)
{
	for (unsigned i = 0; i < READERS; i++) {
		const unsigned like = readers[i].domain == DOMAIN ? 0 : 3;

		spaces[i] =
		    cs_space_of(&scene->sm, scene->type, readers[i].domain, readers[i].pasid, levels);
		if (like < i)
			spaces[i].second = spaces[like].second;
	}
}

static void enter_all(struct scene *scene, const struct space *spaces)
{
	for (unsigned i = 0; i < READERS; i++)
		enter(scene, i, &spaces[i]);
}

static void start(struct scene *scene, unsigned type, unsigned levels, const struct vtd_setup *setup)
{
	memset(scene, 0, sizeof(*scene));
	scene->type = type;
	cs_start(&scene->sm, setup);
	scene->directory[0] = scene->sm.directory;
	scene->directory[1] = cs_own_directory(&scene->sm, SM_UPPER_RID, 0);
	make_spaces(scene, scene->spaces, levels);
	enter_all(scene, scene->spaces);
}

static uint64_t look(struct scene *scene, unsigned reader, uint64_t address)
{
	return cs_read(&scene->sm, address, readers[reader].pasid, readers[reader].flags);
}

/* ---- translations: the first two columns ---------------------------------------------------- */

#define PAGES      4u
#define FIRST_PAGE UINT64_C(0x404000)

static uint64_t page_at(unsigned page)
{
	return FIRST_PAGE + page * UINT64_C(0x1000);
}

/*
 * Where the pages are from now on. A pass-through space has no say: it becomes a second stage of
 * another.
 */
static void move_pages(struct scene *scene, uint64_t output)
{
	for (unsigned i = 0; i < READERS; i++) {
		struct space moved = scene->spaces[i];

		if (scene->type == PASS_THROUGH && output == NEW) {
			moved = cs_space(&scene->sm, SECOND, 0x77, readers[i].pasid);
			enter(scene, i, &moved);
		}
		for (unsigned page = 0; page < PAGES && moved.type != PASS_THROUGH; page++)
			cs_map(&scene->sm, &moved, page_at(page), output + page * UINT64_C(0x1000));
		if (scene->type == PASS_THROUGH && output == OLD)
			enter(scene, i, &scene->spaces[i]);
	}
}

static uint64_t old_output(const struct scene *scene, unsigned page)
{
	return scene->type == PASS_THROUGH ? page_at(page) : OLD + page * UINT64_C(0x1000);
}

static void fill(struct scene *scene)
{
	move_pages(scene, OLD);
	cs_drop_all(&scene->sm);
	for (unsigned i = 0; i < READERS; i++)
		for (unsigned page = 0; page < PAGES; page++)
			assert_int_equal(look(scene, i, page_at(page)), old_output(scene, page));
	move_pages(scene, NEW);
	cs_drop_pasids(
	    &scene->sm, 3, 0, 0); /* takes no translation; and only in pass-through matters */
}

static void expect_translations(
    struct scene *scene, const struct request *request, const struct named *named)
{
	const bool first = scene->type == FIRST || scene->type == NESTED;
	const char *tags = request->tags[first ? IOTLB_FIRST : IOTLB_OTHER];

	for (unsigned i = 0; i < READERS; i++) {
		for (unsigned page = 0; page < PAGES; page++) {
			const uint64_t address = page_at(page);
			const bool gone = takes(tags, named, readers[i].domain, tag_of(&readers[i]),
			    address, address + 0xfff);
			const uint64_t got = look(scene, i, address);

			if (got == (gone ? NEW + page * UINT64_C(0x1000) : old_output(scene, page)))
				continue;
			fail_msg("PGTT %u, type %u, G %u, IH %d, domain %Xh, PASID %Xh, address %llXh, "
				 "AM %u: reader %u is at %llXh",
			    scene->type, request->type, request->granularity, request->hint,
			    named->domain, named->pasid, (unsigned long long)named->address,
			    named->mask, i, (unsigned long long)got);
		}
	}
}

/*
 * Each request with what it may name: its own domain, others, ignored bits; PASIDs; pages (Table 22).
 */
static const uint32_t named_domains[] = { DOMAIN, SECOND_DOMAIN, 0x99, 0xab00 | SECOND_DOMAIN, 0 };
static const uint32_t named_pasids[] = { SM_RID_PASID, 0x15, 0x16, 0x17, 0, 0xfffff };

typedef void each_function(
    struct scene *scene, const struct request *request, const struct named *named);

static void each_named(struct scene *scene, const struct request *request, const struct named *pages,
    size_t page_count, each_function *function)
{
	const bool by_pasid = request->type == 6, by_page = request->granularity == 3;

	for (size_t d = 0; d < COUNT(named_domains); d++) {
		for (size_t p = 0; p < (by_pasid ? COUNT(named_pasids) : 1); p++) {
			for (size_t a = 0; a < (by_page ? page_count : 1); a++) {
				struct named named = pages[a];

				named.domain = named_domains[d];
				named.pasid = named_pasids[p];
				function(scene, request, &named);
			}
		}
	}
}

static void try_translations(
    struct scene *scene, const struct request *request, const struct named *named)
{
	fill(scene);
	submit(&scene->sm, request, named);
	expect_translations(scene, request, named);
}

static void each_request_takes_the_translations_of_its_row(void **state)
{
	static const struct named pages[] = {
		{ .address = FIRST_PAGE + 0x1000, .mask = 0 },
		{ .address = FIRST_PAGE + 0x1000, .mask = 1 }, /* aligned down */
		{ .address = FIRST_PAGE + 0x3000, .mask = 2 },
		{ .address = FIRST_PAGE + 0x4000, .mask = 0 }, /* beside them */
		{ .address = FIRST_PAGE - 0x1000, .mask = 1 },
		{ .address = FIRST_PAGE + 0x5000, .mask = 9 },
		{ .address = FIRST_PAGE + 0x200000, .mask = 9 },
		{ .address = 0, .mask = 18 },
	};

	(void)state;
	for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
		for (size_t i = 0; i < COUNT(requests); i++) {
			struct scene scene;

			start(&scene, type, 4, &by_source);
			if (type == PASS_THROUGH) /* pages of the move are made each time */
				each_named(&scene, &requests[i], pages, 3, try_translations);
			else
				each_named(&scene, &requests[i], pages, COUNT(pages), try_translations);
			sm_stop(&scene.sm);
		}
	}
}

/* PSI and MAMV are for the other descriptor (11.4.2): any AM is good here. */
static void each_address_mask_of_a_pasid_request_takes_its_range(void **state)
{
	static const struct request by_page = { 6, 3, false, { "-", "DPA", "DPA", "-" } };
	const struct vtd_setup no_pages = { .cap_clear = CAP_PSI | CAP_MAMV,
		.settings = { .match = IOMMUSIM_MATCH_SOURCE } };

	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type += NESTED - FIRST) {
		struct scene scene;

		start(&scene, type, 4, &no_pages);
		for (unsigned mask = 0; mask < 64; mask++) {
			const uint64_t size = mask > 51 ? 0 : BIT(12) << mask;
			const struct named within = { DOMAIN, 0x15, page_at(2), mask };
			const struct named beside = { DOMAIN, 0x15, page_at(2) ^ size, mask };
			const bool all = mask > 51;

			fill(&scene);
			submit(&scene.sm, &by_page, &within);
			for (unsigned page = 0; page < PAGES; page++)
				assert_int_equal(look(&scene, 1, page_at(page)),
				    page == 2 || mask > 1 || (mask == 1 && page == 3)
					? NEW + page * UINT64_C(0x1000)
					: OLD + page * UINT64_C(0x1000));
			assert_int_equal(look(&scene, 0, page_at(2)), OLD + 0x2000);
			fill(&scene);
			submit(&scene.sm, &by_page, &beside);
			assert_int_equal(
			    look(&scene, 1, page_at(2)), all ? NEW + 0x2000 : OLD + 0x2000);
		}
		sm_stop(&scene.sm);
	}
}

/* Large pages go with AM 9 and 18 (6.5.3.2), and with any page of them. */
static void a_large_page_goes_with_any_part_of_it(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= SECOND; type++) {
		for (unsigned level = 2; level <= 3; level++) {
			const uint64_t size = BIT(12 + 9 * (level - 1));
			const struct named rows[] = { { .address = 2 * size, .mask = 9 * (level - 1) },
				{ .address = 2 * size, .mask = 0 },
				{ .address = 3 * size - 0x1000, .mask = 0 },
				{ .address = 2 * size + size / 2, .mask = 3 } };

			for (size_t i = 0; i < COUNT(rows); i++) {
				const uint64_t bits = type == FIRST ? 0xe7 : 0x83;
				struct scalable sm;
				struct space space;

				cs_start(&sm, &by_source);
				space = cs_space(&sm, type, DOMAIN, 0x15);
				for (unsigned page = 1; page <= 3; page++)
					vt_store(&sm.vtd, cs_entry_at(&sm, &space, page * size, level),
					    bits);
				for (unsigned page = 1; page <= 3; page++)
					assert_int_equal(
					    cs_read(&sm, page * size + 0x5000, 0x15, 0), 0x5000);
				for (unsigned page = 1; page <= 3; page++)
					vt_store(
					    &sm.vtd, cs_entry_at(&sm, &space, page * size, level), 0);
				if (type == FIRST)
					cs_drop_pasid(
					    &sm, 3, DOMAIN, 0x15, rows[i].address | rows[i].mask);
				else
					cs_drop(&sm, 3, DOMAIN, rows[i].address | rows[i].mask);
				assert_int_equal(cs_read(&sm, size + 0x5000, 0x15, 0), 0x5000);
				assert_int_equal(cs_read(&sm, 2 * size + 0x5000, 0x15, 0),
				    CS_FAULT | (type == FIRST ? 0x71 : 0x79));
				assert_int_equal(cs_read(&sm, 3 * size + 0x5000, 0x15, 0), 0x5000);
				sm_stop(&sm);
			}
		}
	}
}

/* Addresses of the upper half are canonical (VT-d 3.6) and named as they are. */
static void upper_half_addresses_go_by_their_own_name(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		const uint64_t upper = UINT64_MAX << (9 * levels + 11), page = upper | FIRST_PAGE;
		struct scalable sm;
		struct space space;

		cs_start(&sm, &by_source);
		space = cs_space_of(&sm, FIRST, DOMAIN, 0x15, levels);
		cs_map(&sm, &space, page, OLD);
		cs_map(&sm, &space, FIRST_PAGE, OLD + 0x1000);
		assert_int_equal(cs_read(&sm, page, 0x15, 0), OLD);
		assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD + 0x1000);
		cs_map(&sm, &space, page, NEW);
		cs_map(&sm, &space, FIRST_PAGE, NEW + 0x1000);
		cs_drop_pasid(&sm, 3, DOMAIN, 0x15, page);
		assert_int_equal(cs_read(&sm, page, 0x15, 0), NEW);
		assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD + 0x1000);
		sm_stop(&sm);
	}
}

/* "Hardware ignores bits 127:(64+N), where N is MGAW": of a second stage's addresses. */
static void address_bits_beyond_the_guest_width_are_ignored(void **state)
{
	const struct vtd_setup narrow = { .cap_clear = CAP_MGAW, .cap_set = UINT64_C(47) << 16 };
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &narrow);
	space = cs_space(&sm, SECOND, DOMAIN, 0x15);
	for (unsigned bit = 48; bit < 64; bit++) {
		cs_map(&sm, &space, FIRST_PAGE, OLD);
		cs_drop_all(&sm);
		assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD);
		cs_map(&sm, &space, FIRST_PAGE, NEW);
		cs_drop(&sm, 3, DOMAIN, BIT(bit) | FIRST_PAGE);
		assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), NEW);
	}
	sm_stop(&sm);
}

/* Domain ids have 4 + 2 ND bits (11.4.2): those above them are ignored, and no others. */
static void domain_bits_beyond_the_supported_width_are_ignored(void **state)
{
	(void)state;
	for (unsigned nd = 0; nd <= 6; nd++) {
		const unsigned width = 4 + 2 * nd;
		const struct vtd_setup setup = { .cap_clear = CAP_ND_8BIT,
			.cap_set = nd,
			.settings = { .match = IOMMUSIM_MATCH_SOURCE } };
		struct scalable sm;
		struct space space;

		cs_start(&sm, &setup);
		space = cs_space(&sm, FIRST, 5, 0x15);
		for (unsigned bit = 0; bit < 16; bit++) {
			const uint32_t domain = 5 ^ (uint32_t)BIT(bit);
			const uint64_t after = bit < width ? OLD : NEW;

			for (unsigned way = 0; way < 3; way++) {
				cs_enter(&sm, &space);
				cs_map(&sm, &space, FIRST_PAGE, OLD);
				cs_drop_all(&sm);
				assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD);
				cs_map(&sm, &space, FIRST_PAGE, NEW);
				if (way == 0)
					cs_drop(&sm, 2, domain, 0);
				else
					cs_drop_pasid(&sm, way + 1, domain, 0x15, FIRST_PAGE);
				assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), after);
			}
			vt_store(&sm.vtd, sm_entry_at(&sm, 0x15), 0);
			cs_drop(&sm, 1, 0, 0);
			cs_drop_pasids(&sm, bit & 1, domain, 0x15);
			assert_int_equal(
			    cs_read(&sm, FIRST_PAGE, 0x15, 0), bit < width ? NEW : (CS_FAULT | 0x59));
		}
		sm_stop(&sm);
	}
}

/* ---- paging entries: the other two columns -------------------------------------------------- */

/* In the middle of everything, so that there is a neighbour on either side at each level. */
#define WARM UINT64_C(0x9284a04000)

/* Under the same entry of level n as WARM, and none below it. */
static uint64_t beside(unsigned level)
{
	static const uint64_t far[] = { 0, 0, 0x8000, 0xa00000, 0x4c0000000, BIT(41) };

	return WARM ^ far[level];
}

static void map_beside(struct scene *scene, const struct space *spaces, uint64_t output)
{
	for (unsigned i = 0; i < READERS; i++) {
		cs_map(&scene->sm, &spaces[i], WARM, output);
		for (unsigned level = 2; level <= spaces[i].levels; level++)
			cs_map(
			    &scene->sm, &spaces[i], beside(level), output + level * UINT64_C(0x1000));
	}
}

/* All flags are set once, so that no walk has anything left to do on its way. */
static void touch(struct scene *scene, uint64_t output)
{
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(look(scene, i, WARM), output);
		for (unsigned level = 2; level <= scene->spaces[i].levels; level++)
			assert_int_equal(
			    look(scene, i, beside(level)), output + level * UINT64_C(0x1000));
	}
}

struct paging_scene {
	struct scene scene; /* first */
	struct space fresh[READERS];
};

static void start_paging(struct paging_scene *paging, unsigned type, unsigned levels)
{
	struct scene *scene = &paging->scene;

	start(scene, type, levels, &by_source);
	make_spaces(scene, paging->fresh, levels);
	map_beside(scene, scene->spaces, OLD);
	map_beside(scene, paging->fresh, NEW);
	enter_all(scene, scene->spaces);
	touch(scene, OLD);
}

/*
 * Only WARM is read by the old tables. Then there are new ones: an address beside WARM is found by the
 * old ones exactly when an entry over it was kept. The lowest first: a walk brings new entries in from
 * the top.
 */
static void try_paging_entries(
    struct scene *scene, const struct request *request, const struct named *named)
{
	const struct paging_scene *paging = (const struct paging_scene *)(const void *)scene;
	const char *tags = request->tags[scene->type == SECOND ? PAGING_SECOND : PAGING_FIRST];

	enter_all(scene, scene->spaces);
	cs_drop_all(&scene->sm);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(look(scene, i, WARM), OLD);
	enter_all(scene, paging->fresh);
	cs_drop_pasids(&scene->sm, 3, 0, 0);
	submit(&scene->sm, request, named);
	for (unsigned i = 0; i < READERS; i++) {
		for (unsigned level = 2; level <= paging->fresh[i].levels; level++) {
			const uint64_t span = BIT(12 + 9 * (level - 1)) - 1;
			const bool gone = takes(tags, named, readers[i].domain, tag_of(&readers[i]),
			    WARM & ~span, WARM | span);
			const uint64_t got = look(scene, i, beside(level));

			if (got == (gone ? NEW : OLD) + level * UINT64_C(0x1000))
				continue;
			fail_msg("PGTT %u, type %u, G %u, IH %d, domain %Xh, PASID %Xh, address %llXh, "
				 "AM %u: reader %u, level %u is at %llXh",
			    scene->type, request->type, request->granularity, request->hint,
			    named->domain, named->pasid, (unsigned long long)named->address,
			    named->mask, i, level, (unsigned long long)got);
		}
	}
}

static void each_request_takes_the_paging_entries_of_its_row(void **state)
{
	static const struct named pages[] = {
		{ .address = WARM },
		{ .address = WARM | 0x1ff000 }, /* the last one under the same table */
		{ .address = WARM + 0x200000 }, /* beyond it: of higher entries alone */
		{ .address = WARM - 0x200000, .mask = 9 }, { .address = WARM + 0x40000000, .mask = 18 },
		{ .address = WARM + 0x8000000000 }, { .address = WARM ^ BIT(47), .mask = 18 },
		{ .address = WARM, .mask = 18 },
		{ .address = WARM + 0x600000, .mask = 10 }, /* aligned down to 4 MiB */
	};

	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned levels = 4; levels <= 5; levels++) {
			for (size_t i = 0; i < COUNT(requests); i++) {
				struct paging_scene paging;

				start_paging(&paging, type, levels);
				each_named(&paging.scene, &requests[i], pages, COUNT(pages),
				    try_paging_entries);
				sm_stop(&paging.scene.sm);
			}
		}
	}
}

/* ---- context cache and PASID cache ---------------------------------------------------------- */

/* Functions 0 to 7 of 03:02 and two of 03:03; each has the same entries. */
static const uint16_t rids[] = { 0x310, 0x311, 0x312, 0x313, 0x314, 0x315, 0x316, 0x317, 0x318, 0x31f };

#define DEVICES COUNT(rids)

struct devices {
	struct scalable sm;
	struct space space;
	struct iommusim_requester *device[DEVICES];
	unsigned page; /* no device has asked for it yet */
};

static uint64_t read_next(struct devices *devices, unsigned device)
{
	return vt_access(devices->device[device], IOMMUSIM_DMA_READ,
	    FIRST_PAGE + devices->page * UINT64_C(0x1000), 8)
	    .fault.reason;
}

static void start_devices(struct devices *devices)
{
	uint64_t context[4] = { 0 };

	memset(devices, 0, sizeof(*devices));
	cs_start(&devices->sm, &by_source);
	devices->space = cs_space(&devices->sm, SECOND, DOMAIN, FREE);
	for (unsigned page = 0; page < 16; page++)
		cs_map(&devices->sm, &devices->space, FIRST_PAGE + page * UINT64_C(0x1000), OLD);
	for (unsigned quad = 0; quad < 4; quad++)
		context[quad] = vt_load(
		    &devices->sm.vtd, sm_context_at(&devices->sm, VTD_RID) + quad * UINT64_C(8));
	for (unsigned i = 0; i < DEVICES; i++) {
		assert_int_equal(
		    iommusim_requester_create(devices->sm.vtd.machine, 0, rids[i], &devices->device[i]),
		    IOMMUSIM_OK);
		sm_set_context(&devices->sm, rids[i], context);
		assert_int_equal(read_next(devices, i), 0);
	}
	for (unsigned i = 0; i < DEVICES; i++)
		vt_store(&devices->sm.vtd, sm_context_at(&devices->sm, rids[i]), 0);
}

/* The context entries are gone from memory: who has one in the cache? As bits. */
static unsigned contexts_kept(struct devices *devices)
{
	unsigned kept = 0;

	devices->page++;
	for (unsigned i = 0; i < DEVICES; i++) {
		const uint64_t reason = read_next(devices, i);

		assert_true(reason == 0 || reason == 0x41);
		kept |= (unsigned)(reason == 0) << i;
	}
	return kept;
}

/* 6.5.2.1, Table 21: the function mask counts as ever; the domain is not looked at. */
static void device_selective_context_requests_ignore_the_domain(void **state)
{
	static const struct {
		uint16_t source;
		unsigned function_mask, kept;
	} rows[] = {
		{ 0x310, 0, 0x3fe },
		{ 0x315, 0, 0x3df },
		{ 0x31f, 0, 0x1ff },
		{ 0x310, 1, 0x3ee },
		{ 0x315, 1, 0x3dd },
		{ 0x310, 2, 0x3aa },
		{ 0x313, 2, 0x355 },
		{ 0x316, 3, 0x300 },
		{ 0x31a, 3, 0x0ff },
		{ 0x410, 3, 0x3ff },
		{ 0x390, 3, 0x3ff },
	};
	static const uint32_t domains[] = { DOMAIN, SECOND_DOMAIN, 0, 0xffff };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t d = 0; d < COUNT(domains); d++) {
			struct devices devices;

			start_devices(&devices);
			assert_int_equal(contexts_kept(&devices), 0x3ff);
			cs_drop_context(
			    &devices.sm, 3, domains[d], rows[i].source, rows[i].function_mask);
			assert_int_equal(contexts_kept(&devices), rows[i].kept);
			sm_stop(&devices.sm);
		}
	}
}

/* "Domain-selective context-cache invalidations are processed ... as global" (6.5.2.1). */
static void domain_selective_context_requests_are_global(void **state)
{
	static const uint32_t domains[] = { DOMAIN, SECOND_DOMAIN, 0, 0xffff };

	(void)state;
	for (unsigned granularity = 1; granularity <= 2; granularity++) {
		for (size_t d = 0; d < COUNT(domains); d++) {
			struct devices devices;

			start_devices(&devices);
			cs_drop_context(&devices.sm, granularity, domains[d], 0x999, 0);
			assert_int_equal(contexts_kept(&devices), 0);
			sm_stop(&devices.sm);
		}
	}
}

/* A page that no reader has asked for needs the PASID entry, which is not in memory any more. */
static bool entry_kept(struct scene *scene, unsigned reader, unsigned page)
{
	const uint64_t got = look(scene, reader, page_at(page));

	assert_true((got & CS_FAULT) != CS_FAULT || got == (CS_FAULT | 0x59));
	return got != (CS_FAULT | 0x59);
}

/* 6.5.2.2: of a domain, of a PASID in a domain, all; and no translation goes with them. */
static void pasid_cache_requests_take_what_they_name(void **state)
{
	static const struct {
		unsigned granularity;
		const char *tags;
	} rows[] = { { 0, "D" }, { 1, "DP" }, { 3, "*" } };

	(void)state;
	for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
		struct scene scene;

		start(&scene, type, 4, &by_source);
		move_pages(&scene, OLD);
		for (size_t i = 0; i < COUNT(rows) * COUNT(named_domains) * COUNT(named_pasids); i++) {
			const unsigned row = i % COUNT(rows);
			const struct named named = {
				.domain = named_domains[i / COUNT(rows) % COUNT(named_domains)],
				.pasid = named_pasids[i / COUNT(rows) / COUNT(named_domains)],
			};

			enter_all(&scene, scene.spaces);
			cs_drop_all(&scene.sm);
			for (unsigned r = 0; r < READERS; r++)
				assert_true(entry_kept(&scene, r, 0));
			for (unsigned r = 0; r < READERS; r++) {
				scene.sm.directory =
				    scene.directory[(readers[r].flags & SM_UPPER) != 0];
				vt_store(&scene.sm.vtd, sm_entry_at(&scene.sm, readers[r].pasid), 0);
			}
			cs_drop_pasids(&scene.sm, rows[row].granularity, named.domain, named.pasid);
			for (unsigned r = 0; r < READERS; r++) {
				assert_int_equal(entry_kept(&scene, r, 1),
				    !takes(rows[row].tags, &named, readers[r].domain,
					tag_of(&readers[r]), 0, 0));
				assert_int_equal(look(&scene, r, page_at(0)), old_output(&scene, 0));
			}
		}
		sm_stop(&scene.sm);
	}
}

/* ---- who takes what at all ------------------------------------------------------------------ */

enum { CONTEXTS = 1, ENTRIES = 2, TRANSLATIONS = 4, TABLES = 8 };

/* Fill every cache, change one thing in memory, say `low` and `high`: is the change seen? */
static bool is_seen(unsigned type, unsigned what, uint64_t low, uint64_t high)
{
	struct scalable sm;
	struct space space;
	uint64_t got;

	cs_start(&sm, &by_source);
	space = cs_space(&sm, type, DOMAIN, 0x15);
	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&sm, &space, page_at(page), OLD);
	assert_int_equal(cs_read(&sm, page_at(0), 0x15, 0), OLD);
	if (what == CONTEXTS)
		vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
	else if (what == ENTRIES)
		vt_store(&sm.vtd, sm_entry_at(&sm, 0x15), 0);
	else if (what == TRANSLATIONS)
		cs_map(&sm, &space, page_at(0), NEW);
	else
		vt_store(&sm.vtd, cs_entry_at(&sm, &space, page_at(0), 2), 0);
	cs_submit(&sm, low, high);
	got = cs_read(&sm, page_at(what == TRANSLATIONS ? 0 : 1), 0x15, 0);
	sm_stop(&sm);
	return got != OLD;
}

static void each_descriptor_takes_its_own_caches_and_no_others(void **state)
{
	const struct {
		uint64_t low, high;
		unsigned first, second;
	} rows[] = {
		{ 0x11, 0, CONTEXTS, CONTEXTS },
		{ 0x21, 0, CONTEXTS, CONTEXTS },
		{ 0x31 | UINT64_C(0x310) << 32, 0, CONTEXTS, CONTEXTS },
		{ 0x12, 0, TRANSLATIONS | TABLES, TRANSLATIONS | TABLES },
		{ 0x22 | DOMAIN << 16, 0, TRANSLATIONS | TABLES, TRANSLATIONS | TABLES },
		{ 0x03 | UINT64_C(0x310) << 32, UINT64_C(0x7ffffffffffff001), 0, 0 },
		{ 0x04, 0, 0, 0 },
		{ 0x75, 0, 0, 0 },
		{ 0x26 | DOMAIN << 16 | UINT64_C(0x15) << 32, 0, TRANSLATIONS | TABLES, TRANSLATIONS },
		{ 0x36 | DOMAIN << 16 | UINT64_C(0x15) << 32, 63, TRANSLATIONS | TABLES, 0 },
		{ 0x07 | DOMAIN << 16, 0, ENTRIES, ENTRIES },
		{ 0x17 | DOMAIN << 16 | UINT64_C(0x15) << 32, 0, ENTRIES, ENTRIES },
		{ 0x37, 0, ENTRIES, ENTRIES },
		{ 0x08 | UINT64_C(0x310) << 16 | UINT64_C(0x15) << 32, UINT64_C(0x7ffffffffffff800), 0,
		    0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned what = CONTEXTS; what <= TABLES; what <<= 1) {
			assert_int_equal(is_seen(FIRST, what, rows[i].low, rows[i].high),
			    (rows[i].first & what) != 0);
			assert_int_equal(is_seen(SECOND, what, rows[i].low, rows[i].high),
			    (rows[i].second & what) != 0);
			assert_int_equal(is_seen(NESTED, what, rows[i].low, rows[i].high),
			    (rows[i].first & what) != 0);
		}
	}
}

/* A descriptor that never got to its turn takes nothing: the queue stopped before it. */
static void what_stands_behind_a_bad_descriptor_is_not_done(void **state)
{
	const uint64_t bad[4] = { 0x10 }, all[4] = { 0x12 };
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	space = cs_space(&sm, FIRST, DOMAIN, 0x15);
	cs_map(&sm, &space, FIRST_PAGE, OLD);
	assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD);
	cs_map(&sm, &space, FIRST_PAGE, NEW);
	sm_submit(&sm, bad);
	sm_submit(&sm, all);
	assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), OLD);
	vt_store(&sm.vtd, sm.vtd.queue, 0x15);
	vt_set32(&sm.vtd, R_FSTS, 0x10);
	assert_int_equal(cs_read(&sm, FIRST_PAGE, 0x15, 0), NEW);
	sm_stop(&sm);
}

/* ---- Table 28: what software is told to do is enough ---------------------------------------- */

/*
 * Both sources, with and without a PASID, know everything about PAGES under hoard's own rule for hits.
 */
struct guided {
	struct scalable sm;
	struct space space, alone; /* PASID 15h, and without PASID; of both sources */
	unsigned type;
};

static void start_guided(struct guided *guided, unsigned type)
{
	memset(guided, 0, sizeof(*guided));
	guided->type = type;
	cs_start(&guided->sm, NULL);
	guided->space = cs_space(&guided->sm, type, DOMAIN, 0x15);
	guided->alone = guided->space;
	guided->alone.pasid = FREE;
	cs_enter(&guided->sm, &guided->alone);
	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&guided->sm, &guided->space, page_at(page), OLD + page * UINT64_C(0x1000));
	for (unsigned page = 0; page < PAGES; page++) {
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(cs_read(&guided->sm, page_at(page), i & 1 ? 0x15 : FREE,
					     i & 2 ? SM_UPPER : 0),
			    OLD + page * UINT64_C(0x1000));
	}
}

static void expect_all(struct guided *guided, uint64_t expected)
{
	for (unsigned page = 0; page < PAGES; page++) {
		for (unsigned i = 0; i < 4; i++) {
			const uint64_t got = cs_read(
			    &guided->sm, page_at(page), i & 1 ? 0x15 : FREE, i & 2 ? SM_UPPER : 0);

			assert_int_equal(got,
			    (expected & CS_FAULT) == CS_FAULT ? expected
							      : expected + page * UINT64_C(0x1000));
		}
	}
}

/* "Appropriate IOTLB invalidation" of an entry whose P or SSADE changes. */
static void drop_as_the_type_asks(struct guided *guided, uint32_t pasid)
{
	if (guided->type == SECOND || guided->type == NESTED)
		cs_drop(&guided->sm, 2, DOMAIN, 0);
	else
		cs_drop_pasid(&guided->sm, 2, DOMAIN, pasid, 0);
}

static void change_root(struct guided *guided)
{
	vt_store(&guided->sm.vtd, sm_root_at(&guided->sm, VTD_RID), 0);
	vt_store(&guided->sm.vtd, sm_root_at(&guided->sm, VTD_RID) + 8, 0);
	cs_drop_all(&guided->sm);
}

static void change_contexts(struct guided *guided)
{
	static const uint16_t sources[] = { VTD_RID, SM_UPPER_RID };

	for (unsigned i = 0; i < 2; i++) {
		vt_store(&guided->sm.vtd, sm_context_at(&guided->sm, sources[i]), 0);
		cs_drop_context(&guided->sm, 3, 0, sources[i], 0);
	}
	cs_drop_pasids(&guided->sm, 0, DOMAIN, 0);
	cs_drop(&guided->sm, 2, DOMAIN, 0);
}

static void change_directory(struct guided *guided)
{
	vt_store(&guided->sm.vtd, sm_directory_at(&guided->sm, 0x15), 0);
	cs_drop_pasids(&guided->sm, 1, DOMAIN, 0x15);
	cs_drop_pasids(&guided->sm, 1, DOMAIN, SM_RID_PASID);
	cs_drop(&guided->sm, 2, DOMAIN, 0);
}

static void take_entries_away(struct guided *guided)
{
	static const uint32_t pasids[] = { 0x15, SM_RID_PASID };

	for (unsigned i = 0; i < 2; i++) {
		vt_store(&guided->sm.vtd, sm_entry_at(&guided->sm, pasids[i]), 0);
		cs_drop_pasids(&guided->sm, 1, DOMAIN, pasids[i]);
		drop_as_the_type_asks(guided, pasids[i]);
	}
}

/* Other tables, in another domain. */
static void change_entries(struct guided *guided)
{
	static const uint32_t pasids[] = { 0x15, SM_RID_PASID };
	struct space other = cs_space(&guided->sm, guided->type, SECOND_DOMAIN, 0x15);

	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&guided->sm, &other, page_at(page), NEW + page * UINT64_C(0x1000));
	other.pasid = FREE;
	cs_enter(&guided->sm, &other);
	for (unsigned i = 0; i < 2; i++) {
		cs_drop_pasids(&guided->sm, 1, DOMAIN, pasids[i]);
		cs_drop_pasid(&guided->sm, 2, DOMAIN, pasids[i], 0);
	}
}

/* The domain id is used anew, for other tables. */
static void reuse_domain(struct guided *guided)
{
	struct space other = cs_space(&guided->sm, guided->type, DOMAIN, 0x15);

	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&guided->sm, &other, page_at(page), NEW + page * UINT64_C(0x1000));
	other.pasid = FREE;
	cs_enter(&guided->sm, &other);
	cs_drop_pasids(&guided->sm, 0, DOMAIN, 0);
	cs_drop(&guided->sm, 2, DOMAIN, 0);
}

static void change_first_stage(struct guided *guided)
{
	for (unsigned page = 0; page < PAGES; page++) {
		cs_map(&guided->sm, &guided->space, page_at(page), NEW + page * UINT64_C(0x1000));
		cs_drop_pasid(&guided->sm, 3, DOMAIN, 0x15, CS_IH | page_at(page));
		cs_drop_pasid(&guided->sm, 3, DOMAIN, SM_RID_PASID, CS_IH | page_at(page));
	}
}

/* A table on the way: IH is 0. */
static void change_first_stage_table(struct guided *guided)
{
	vt_store(&guided->sm.vtd, cs_entry_at(&guided->sm, &guided->space, FIRST_PAGE, 3), 0);
	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&guided->sm, &guided->space, page_at(page), NEW + page * UINT64_C(0x1000));
	cs_drop_pasid(&guided->sm, 3, DOMAIN, 0x15, FIRST_PAGE | 2);
	cs_drop_pasid(&guided->sm, 3, DOMAIN, SM_RID_PASID, FIRST_PAGE | 2);
}

static void change_second_stage(struct guided *guided)
{
	for (unsigned page = 0; page < PAGES; page++) {
		cs_map(&guided->sm, &guided->space, page_at(page), NEW + page * UINT64_C(0x1000));
		cs_drop(&guided->sm, 3, DOMAIN, CS_IH | page_at(page));
	}
}

static void change_second_stage_table(struct guided *guided)
{
	vt_store(&guided->sm.vtd, cs_entry_at(&guided->sm, &guided->space, FIRST_PAGE, 3), 0);
	for (unsigned page = 0; page < PAGES; page++)
		cs_map(&guided->sm, &guided->space, page_at(page), NEW + page * UINT64_C(0x1000));
	cs_drop(&guided->sm, 3, DOMAIN, FIRST_PAGE | 2);
}

/* Nested: what the second stage has for the guest's pages, which stay the same. */
static void change_second_stage_of_a_guest(struct guided *guided)
{
	sm_map_second(&guided->sm, guided->space.second, 4, OLD, NEW, 3, 2);
	cs_drop(&guided->sm, 3, DOMAIN, CS_IH | OLD | 9);
}

static void what_software_is_told_to_do_is_enough(void **state)
{
	static const struct {
		void (*change)(struct guided *guided);
		unsigned types; /* as bits */
		uint64_t after;
	} rows[] = {
		{ change_root, 0xe, CS_FAULT | 0x39 },
		{ change_contexts, 0xe, CS_FAULT | 0x41 },
		{ change_directory, 0xe, CS_FAULT | 0x51 },
		{ take_entries_away, 0xe, CS_FAULT | 0x59 },
		{ change_entries, 0xe, NEW },
		{ reuse_domain, 0xe, NEW },
		{ change_first_stage, 1u << FIRST | 1u << NESTED, NEW },
		{ change_first_stage_table, 1u << FIRST | 1u << NESTED, NEW },
		{ change_second_stage, 1u << SECOND, NEW },
		{ change_second_stage_table, 1u << SECOND, NEW },
		{ change_second_stage_of_a_guest, 1u << NESTED, NEW },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned type = FIRST; type <= NESTED; type++) {
			struct guided guided;

			if ((rows[i].types >> type & 1) == 0)
				continue;
			start_guided(&guided, type);
			rows[i].change(&guided);
			expect_all(&guided, rows[i].after);
			sm_stop(&guided.sm);
		}
	}
}

/* Table 28, SSADE from 0 to 1: flags are set again by what was known without them. */
static void enabling_flags_needs_no_more_than_it_says(void **state)
{
	(void)state;
	for (unsigned type = SECOND; type <= NESTED; type++) {
		struct guided guided;
		uint64_t leaf_at;

		start_guided(&guided, type);
		leaf_at = sm_second_at(&guided.sm, guided.space.second, 4,
		    type == SECOND ? FIRST_PAGE : OLD, type == SECOND ? 1 : 2);
		for (unsigned i = 0; i < 2; i++) {
			const uint32_t pasid = i ? FREE : 0x15;

			cs_edit(&guided.sm, sm_entry_at(&guided.sm, pasid), 0, SM_SSADE);
			cs_drop_pasids(&guided.sm, 1, DOMAIN, i ? SM_RID_PASID : 0x15);
			drop_as_the_type_asks(&guided, pasid);
		}
		assert_int_equal(vt_load(&guided.sm.vtd, leaf_at) >> 8 & 3, 0);
		expect_all(&guided, OLD);
		assert_int_equal(vt_load(&guided.sm.vtd, leaf_at) >> 8 & 3, 1);
		sm_stop(&guided.sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_takes_the_translations_of_its_row),
		cmocka_unit_test(each_address_mask_of_a_pasid_request_takes_its_range),
		cmocka_unit_test(a_large_page_goes_with_any_part_of_it),
		cmocka_unit_test(upper_half_addresses_go_by_their_own_name),
		cmocka_unit_test(address_bits_beyond_the_guest_width_are_ignored),
		cmocka_unit_test(domain_bits_beyond_the_supported_width_are_ignored),
		cmocka_unit_test(each_request_takes_the_paging_entries_of_its_row),
		cmocka_unit_test(device_selective_context_requests_ignore_the_domain),
		cmocka_unit_test(domain_selective_context_requests_are_global),
		cmocka_unit_test(pasid_cache_requests_take_what_they_name),
		cmocka_unit_test(each_descriptor_takes_its_own_caches_and_no_others),
		cmocka_unit_test(what_stands_behind_a_bad_descriptor_is_not_done),
		cmocka_unit_test(what_software_is_told_to_do_is_enough),
		cmocka_unit_test(enabling_flags_needs_no_more_than_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
