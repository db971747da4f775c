/*
 * What an invalidation reaches: devices of two domains fill the caches, the tables are emptied behind
 * them, one invalidation is made, and every old translation is asked for.
 */
#include "invalidation_reach.h"

#define SECOND_DOMAIN 0x22u

/* Functions 0 to 7 of 03:02 and function 0 of 03:03, all on one bus. */
#define DEVICES 9u
#define PAGES   16u

struct scene {
	struct vtd_fixture vtd;
	struct iommusim_requester *device[DEVICES];
	uint16_t rid[DEVICES];
	uint64_t table[2]; /* of each domain */
};

static unsigned domain_of(unsigned device)
{
	return device == DEVICES - 1; /* the last one lives alone */
}

static void set_context(struct scene *scene, unsigned device, uint64_t present)
{
	vt_set_context(&scene->vtd, scene->rid[device], scene->table[domain_of(device)] | present,
	    (uint64_t)(VTD_DOMAIN + domain_of(device)) << 8 | 2);
}

/* Page n of each domain; both map the same input addresses. */
static void map_all(struct scene *scene, bool present)
{
	for (unsigned domain = 0; domain < 2; domain++) {
		scene->vtd.page_table = scene->table[domain];
		for (unsigned page = 0; page < PAGES; page++)
			vt_map(&scene->vtd, page * UINT64_C(0x1000),
			    present ? 0x100000 + domain * UINT64_C(0x100000) + page * UINT64_C(0x1000)
				    : 0,
			    present ? 3 : 0);
	}
}

static void open_scene(struct scene *scene, const struct invalidator *with)
{
	memset(scene, 0, sizeof(*scene));
	vt_start_enabled(&scene->vtd, with->setup);
	with->prepare(&scene->vtd);
	scene->table[0] = vt_page(&scene->vtd);
	scene->table[1] = vt_page(&scene->vtd);
	for (unsigned i = 0; i < DEVICES; i++) {
		scene->rid[i] = (uint16_t)(0x0310 + i);
		assert_int_equal(
		    iommusim_requester_create(scene->vtd.machine, 0, scene->rid[i], &scene->device[i]),
		    IOMMUSIM_OK);
		set_context(scene, i, 1);
	}
	map_all(scene, true);
}

static bool answers(struct scene *scene, unsigned device, uint64_t address)
{
	return !vt_access(scene->device[device], IOMMUSIM_DMA_READ, address, 8).faulted;
}

/* Every device touches every page of `pages`; then the pages go. */
static void fill_iotlb(struct scene *scene)
{
	for (unsigned device = 0; device < DEVICES; device++)
		for (unsigned page = 0; page < PAGES; page++)
			assert_true(answers(scene, device, page * UINT64_C(0x1000)));
	map_all(scene, false);
}

/* Which pages of which domain still answer: all devices of a domain must agree. */
static void assert_kept(struct scene *scene, uint32_t first, uint32_t second)
{
	for (unsigned device = 0; device < DEVICES; device++) {
		const uint32_t expected = domain_of(device) == 0 ? first : second;

		for (unsigned page = 0; page < PAGES; page++)
			assert_int_equal(
			    answers(scene, device, page * UINT64_C(0x1000)), expected >> page & 1);
	}
}

void reach_global_iotlb(const struct invalidator *with)
{
	struct scene scene;

	open_scene(&scene, with);
	fill_iotlb(&scene);
	assert_kept(&scene, 0xffff, 0xffff);
	with->iotlb(&scene.vtd, 1, 0x99, 0x123000, 0); /* domain and address mean nothing here */
	assert_kept(&scene, 0, 0);
	vt_stop(&scene.vtd);
}

void reach_domain_iotlb(const struct invalidator *with)
{
	struct scene scene;

	open_scene(&scene, with);
	fill_iotlb(&scene);
	with->iotlb(&scene.vtd, 2, 0x55, 0, 0);
	assert_kept(&scene, 0xffff, 0xffff);
	with->iotlb(&scene.vtd, 2, SECOND_DOMAIN, 0, 0);
	assert_kept(&scene, 0xffff, 0);
	with->iotlb(&scene.vtd, 2, VTD_DOMAIN, 0, 0);
	assert_kept(&scene, 0, 0);
	vt_stop(&scene.vtd);
}

/* The address is aligned down to 2^AM pages (Table 22); other domains and pages stay. */
void reach_page_iotlb(const struct invalidator *with)
{
	static const struct {
		uint64_t address;
		unsigned mask;
		uint32_t kept;
	} rows[] = {
		{ 0x0000, 0, 0xfffe },
		{ 0x7000, 0, 0xff7f },
		{ 0xf000, 0, 0x7fff },
		{ 0x6000, 1, 0xff3f },
		{ 0x7000, 1, 0xff3f },
		{ 0x4000, 2, 0xff0f },
		{ 0x7000, 2, 0xff0f },
		{ 0x8000, 3, 0x00ff },
		{ 0xd000, 3, 0x00ff },
		{ 0x3000, 4, 0x0000 },
		{ 0x0000, 9, 0x0000 },
		{ 0x10000, 4, 0xffff },
		{ 0x200000, 9, 0xffff },
		{ 0x1000, 18, 0x0000 },
	};
	struct scene scene;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_scene(&scene, with);
		fill_iotlb(&scene);
		with->iotlb(&scene.vtd, 3, VTD_DOMAIN, rows[i].address, rows[i].mask);
		assert_kept(&scene, rows[i].kept, 0xffff);
		vt_stop(&scene.vtd);
	}
}

/* AM 9 and 18 are what software owes a 2 MiB and a 1 GiB page (VT-d 6.5.3.2). */
void reach_large_pages(const struct invalidator *with)
{
	for (unsigned level = 2; level <= 3; level++) {
		const uint64_t size = BIT(12 + 9 * (level - 1));
		const unsigned mask = 9 * (level - 1);
		struct vtd_fixture vtd;

		vt_start_enabled(&vtd, with->setup);
		with->prepare(&vtd);
		vt_map_level(&vtd, 2 * size, 0, 3, level);
		vt_map_level(&vtd, 3 * size, 0, 3, level);
		assert_int_equal(vt_output(&vtd, 2 * size + 0x5000), 0x5000);
		assert_int_equal(vt_output(&vtd, 3 * size), 0);
		vt_store(&vtd, vt_entry_at(&vtd, 2 * size, level), 0);
		vt_store(&vtd, vt_entry_at(&vtd, 3 * size, level), 0);
		with->iotlb(&vtd, 3, VTD_DOMAIN, 2 * size, mask);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 2 * size + 0x5000), 6);
		assert_int_equal(vt_output(&vtd, 3 * size + 0x5000), 0x5000);
		vt_stop(&vtd);
	}
}

/* Every device has its context entry cached; then all context entries go. */
static void fill_contexts(struct scene *scene)
{
	for (unsigned device = 0; device < DEVICES; device++)
		assert_true(answers(scene, device, 0));
	for (unsigned device = 0; device < DEVICES; device++)
		set_context(scene, device, 0);
}

/* A page nobody asked for yet needs the context entry. Each call takes another one. */
static void assert_contexts(struct scene *scene, unsigned kept, unsigned page)
{
	for (unsigned device = 0; device < DEVICES; device++)
		assert_int_equal(answers(scene, device, page * UINT64_C(0x1000)), kept >> device & 1);
}

/* Sources must not find what others of their domain filled: match by source. */
static struct vtd_setup by_source(const struct invalidator *with)
{
	struct vtd_setup setup = *with->setup;

	setup.settings.match = IOMMUSIM_MATCH_SOURCE;
	return setup;
}

void reach_global_context(const struct invalidator *with)
{
	const struct vtd_setup setup = by_source(with);
	struct invalidator own = *with;
	struct scene scene;

	own.setup = &setup;
	open_scene(&scene, &own);
	fill_contexts(&scene);
	assert_contexts(&scene, 0x1ff, 1);
	with->context(&scene.vtd, 1, 0x77, 0x9999, 0);
	assert_contexts(&scene, 0, 2);
	vt_stop(&scene.vtd);
}

void reach_domain_context(const struct invalidator *with)
{
	const struct vtd_setup setup = by_source(with);
	struct invalidator own = *with;
	struct scene scene;

	own.setup = &setup;
	open_scene(&scene, &own);
	fill_contexts(&scene);
	with->context(&scene.vtd, 2, 0x55, 0, 0);
	assert_contexts(&scene, 0x1ff, 1);
	with->context(&scene.vtd, 2, VTD_DOMAIN, 0, 0);
	assert_contexts(&scene, 0x100, 2);
	with->context(&scene.vtd, 2, SECOND_DOMAIN, 0, 0);
	assert_contexts(&scene, 0, 3);
	vt_stop(&scene.vtd);
}

/* Source and domain must both fit; the function mask takes bits 2, 2:1, 2:0 out of the comparison. */
void reach_device_context(const struct invalidator *with)
{
	static const struct {
		uint16_t domain, source;
		unsigned function_mask, kept;
	} rows[] = {
		{ VTD_DOMAIN, 0x0310, 0, 0x1fe }, { VTD_DOMAIN, 0x0315, 0, 0x1df },
		{ VTD_DOMAIN, 0x0310, 1, 0x1ee }, /* functions 0 and 4 */
		{ VTD_DOMAIN, 0x0315, 1, 0x1dd }, /* functions 1 and 5 */
		{ VTD_DOMAIN, 0x0310, 2, 0x1aa }, /* even functions */
		{ VTD_DOMAIN, 0x0313, 2, 0x155 }, /* odd functions */
		{ VTD_DOMAIN, 0x0316, 3, 0x100 },
		{ VTD_DOMAIN, 0x0318, 3, 0x1ff }, /* 03:03.0 is in another domain */
		{ SECOND_DOMAIN, 0x0310, 3, 0x1ff }, { SECOND_DOMAIN, 0x031a, 3, 0x0ff },
		{ VTD_DOMAIN, 0x0410, 3, 0x1ff }, /* another bus */
	};
	const struct vtd_setup setup = by_source(with);
	struct invalidator own = *with;
	struct scene scene;

	own.setup = &setup;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_scene(&scene, &own);
		fill_contexts(&scene);
		with->context(&scene.vtd, 3, rows[i].domain, rows[i].source, rows[i].function_mask);
		assert_contexts(&scene, rows[i].kept, 1);
		vt_stop(&scene.vtd);
	}
}

/* Hardware ignores domain bits beyond the width it has: 8 here. */
void reach_domain_bits(const struct invalidator *with)
{
	struct scene scene;

	open_scene(&scene, with);
	fill_iotlb(&scene);
	with->iotlb(&scene.vtd, 2, 0xab00 | SECOND_DOMAIN, 0, 0);
	assert_kept(&scene, 0xffff, 0);
	with->iotlb(&scene.vtd, 3, 0x1700 | VTD_DOMAIN, 0x8000, 3);
	assert_kept(&scene, 0x00ff, 0);
	vt_stop(&scene.vtd);
}
