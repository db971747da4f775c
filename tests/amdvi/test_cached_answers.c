/*
 * What an answer out of the IOTLB holds, and which requests it is for (AMD-Vi 2.2.9): rights, execution, the bits of
 * a translation answer, flags that are yet to be set, whose space it is. How long it stays: test_translation_caches.c.
 */
#include "amdvi_fixture.h"

#define A         BIT(5)
#define D         BIT(6)
#define U         BIT(59)
#define FC        BIT(60)
#define HOST_PAGE (BIT(0) | BIT(61) | BIT(62))
#define GIOV      BIT(54)
#define GV        BIT(55)
#define XD        BIT(63)
#define OTHER_RID 0x0311u
#define NO_PASID  UINT32_MAX

enum { P = 1, RW = 2, US = 4 };

/*
 * Two devices of one domain: what one fills answers the other, which keeps nothing itself. Guest tables map
 * what map_guest() says for PASIDs 0, 5 and 6 alike; Mode 0, or nested, where host tables map it all as it is.
 */
struct scene {
	struct amd_fixture amd;
	struct iommusim_requester *other;
	uint64_t dte[4];
	uint64_t guest[4]; /* guest tables of levels 1 to 4 */
};

static void set_dte(struct scene *scene)
{
	am_set_dte(&scene->amd, AMD_RID, scene->dte);
	am_set_dte(&scene->amd, OTHER_RID, scene->dte);
}

/* HAD as asked for; I: translation requests are answered. */
static void start(struct scene *scene, const struct amd_setup *setup, unsigned had)
{
	memset(scene, 0, sizeof(*scene));
	am_start_enabled(&scene->amd, setup);
	assert_int_equal(
	    iommusim_requester_create(scene->amd.machine, 0, OTHER_RID, &scene->other), IOMMUSIM_OK);
	am_plain_dte(&scene->amd, scene->dte);
	scene->dte[0] |= (uint64_t)had << 7;
	scene->dte[1] |= BIT(32);
	set_dte(scene);
}

static void start_host(struct scene *scene, unsigned had)
{
	start(scene, NULL, had);
	am_map(&scene->amd, 0x5000, 0x9000, 3);
}

static void start_guest(struct scene *scene, const struct amd_setup *setup, unsigned had, bool nested)
{
	uint64_t gcr3;

	start(scene, setup, had);
	am_control(&scene->amd, C_GT_EN, 0);
	gcr3 = am_page(&scene->amd);
	for (unsigned level = 0; level < 4; level++)
		scene->guest[level] = am_page(&scene->amd);
	for (unsigned level = 1; level < 4; level++)
		am_store(&scene->amd, scene->guest[level], scene->guest[level - 1] | P | RW | US);
	for (unsigned pasid = 0; pasid <= 6; pasid += pasid == 0 ? 5 : 1)
		am_store(&scene->amd, gcr3 + pasid * UINT64_C(8), scene->guest[3] | 1);
	for (unsigned level = 0; nested && level < 4; level++)
		am_map(&scene->amd, scene->guest[level], scene->guest[level], 3);
	if (!nested)
		scene->dte[0] = 3 | BIT(61) | BIT(62);
	scene->dte[0] |= GV | (gcr3 >> 12 & 7) << 58;
	scene->dte[1] |= (gcr3 >> 15 & 0xffff) << 16;
	set_dte(scene);
}

static void map_guest(struct scene *scene, uint64_t address, uint64_t entry)
{
	am_store(&scene->amd, scene->guest[0] + (address >> 12) * 8, entry);
}

static uint64_t guest_entry(struct scene *scene, uint64_t address)
{
	return am_load(&scene->amd, scene->guest[0] + (address >> 12) * 8);
}

static uint64_t host_entry(struct scene *scene, uint64_t address)
{
	return am_load(&scene->amd, am_entry_at(&scene->amd, address, 1));
}

static struct iommusim_dma_page ask(
    struct iommusim_requester *device, const struct iommusim_dma_request *wanted)
{
	struct iommusim_dma_request request = *wanted;
	struct iommusim_dma_outcome outcome;

	request.length = 8;
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

static struct iommusim_dma_page access_as(
    struct iommusim_requester *device, uint32_t pasid, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address,
		.kind = kind,
		.has_pasid = pasid != NO_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid };

	return ask(device, &request);
}

/* A translation request. */
static struct iommusim_dma_page translate(
    struct iommusim_requester *device, uint64_t address, bool no_write)
{
	const struct iommusim_dma_request request = { .address = address,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.no_write = no_write };

	return ask(device, &request);
}

/* ---- what the answer says ------------------------------------------------------------------------------------ */

static void a_cached_page_says_whose_it_is_and_who_filled_it(void **state)
{
	struct iommusim_dma_page first, second;
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	first = ask(scene.amd.device, &(struct iommusim_dma_request){ .address = 0x5010, .tag = 77 });
	second = ask(scene.other, &(struct iommusim_dma_request){ .address = 0x5028, .tag = 78 });
	assert_false(first.cached);
	assert_int_equal(first.cached_tag, 0);
	assert_true(second.cached);
	assert_int_equal(second.cached_tag, 77);
	assert_int_equal(second.domain, AMD_DOMAIN);
	assert_int_equal(second.physical, 0x9028);
	assert_int_equal(second.page_shift, 12);
	assert_int_equal(second.entry, HOST_PAGE | 0x9000);
	assert_true(second.translated);
	am_stop(&scene.amd);
}

/* FC and U of a host page are in the answer to a translation request, whichever way it came. */
static void fc_and_u_of_a_cached_page(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 4; bits++) {
		const bool snoop = (bits & 1) != 0, untranslated = (bits & 2) != 0;
		struct iommusim_dma_page page;
		struct scene scene;

		start_host(&scene, 0);
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1),
		    HOST_PAGE | 0x9000 | (snoop ? FC : 0) | (untranslated ? U : 0));
		for (unsigned i = 0; i < 2; i++) {
			page = translate(i == 0 ? scene.amd.device : scene.other, 0x5000, false);
			assert_true(page.answered);
			assert_int_equal(page.cached, i != 0);
			assert_int_equal(page.granted, 3);
			assert_int_equal(page.physical, 0x9000);
			assert_int_equal(page.non_snooped, snoop);
			assert_int_equal(page.untranslated_only, untranslated);
		}
		am_stop(&scene.amd);
	}
}

/* The rights of a cached page, less what the device's own entry, or No Write, takes. */
static void rights_of_a_cached_page(void **state)
{
	(void)state;
	for (unsigned rights = 1; rights <= 3; rights++) {
		struct scene scene;

		start_host(&scene, 0);
		am_map(&scene.amd, 0x5000, 0x9000, rights);
		assert_int_equal(translate(scene.amd.device, 0x5000, false).granted, rights);
		assert_int_equal(translate(scene.other, 0x5000, false).granted, rights);
		assert_true(translate(scene.other, 0x5000, false).cached);
		assert_int_equal(translate(scene.other, 0x5000, true).granted, rights & 1);
		for (unsigned kind = 0; kind < 2; kind++) {
			const struct iommusim_dma_page page =
			    access_as(scene.other, NO_PASID, (enum iommusim_dma_kind)kind, 0x5000);

			assert_true(page.cached);
			assert_int_equal(page.faulted, (rights & (kind == 0 ? 1 : 2)) == 0);
		}
		am_stop(&scene.amd);
	}
}

/* XD of a cached page: what is read may not be run; of another, both. */
static void execution_of_a_cached_page(void **state)
{
	struct iommusim_dma_page page;
	uint64_t event[2];
	struct scene scene;

	(void)state;
	start_guest(&scene, NULL, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US | XD);
	map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
	for (uint64_t address = 0x5000; address <= 0x6000; address += 0x1000) {
		const struct iommusim_dma_request run = {
			.address = address, .has_pasid = true, .pasid = 5, .execute = true
		};

		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, address).faulted);
		page = ask(scene.amd.device, &run);
		assert_true(page.cached);
		assert_int_equal(page.faulted, address == 0x5000);
	}
	am_only_event(&scene.amd, event); /* GN NX US PR PE */
	assert_int_equal(
	    event[0], UINT64_C(2) << 60 | UINT64_C(0x57) << 48 | UINT64_C(5) << 32 | AMD_RID);
	assert_int_equal(event[1], 0x5000);
	/* what was denied to run was found all the same, or not: nothing wrong is kept of it */
	map_guest(&scene, 0x7000, 0xb000 | P | RW | US | XD);
	page = ask(scene.amd.device,
	    &(struct iommusim_dma_request){
		.address = 0x7000, .has_pasid = true, .pasid = 5, .execute = true });
	assert_true(page.faulted);
	assert_int_equal(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x7000).physical, 0xb000);
	am_stop(&scene.amd);
}

/* NpCache: there is no page in the answer, and the event is the first one's. */
static void a_kept_absence_is_no_page(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x1d0b000f };
	struct iommusim_dma_page page[2];
	struct scene scene;

	(void)state;
	start(&scene, &setup, 0);
	page[0] = access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x7018);
	page[1] = access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x7018);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t event[2];

		am_take_event(&scene.amd, event);
		assert_int_equal(event[0],
		    UINT64_C(2) << 60 | (uint64_t)AMD_DOMAIN << 32 | (i == 0 ? AMD_RID : OTHER_RID));
		assert_int_equal(event[1], 0x7018);
		assert_int_equal(page[i].cached, i != 0);
		assert_true(page[i].faulted);
		assert_int_equal(page[i].fault.class_, IOMMUSIM_FAULT_NOT_PRESENT);
		assert_int_equal(page[i].physical, 0);
		assert_int_equal(page[i].page_shift, 0);
		assert_int_equal(page[i].domain, AMD_DOMAIN);
	}
	page[1] = translate(scene.other, 0x7018, false);
	assert_true(page[1].cached);
	assert_true(page[1].answered);
	assert_int_equal(page[1].granted, 0);
	assert_false(page[1].faulted);
	am_stop(&scene.amd);
}

/* Only that there is no page is kept: not what is wrong with one, and nothing of guest tables. */
static void no_other_denial_is_kept(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x1d0b000f };
	struct scene scene;

	(void)state;
	start_guest(&scene, &setup, 0, false);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
	assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	am_stop(&scene.amd);

	start(&scene, &setup, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | BIT(52));
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).faulted);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0xa000);
	assert_int_equal(am_output(&scene.amd, 0x5000), 0xa000);
	am_stop(&scene.amd);
}

/* ---- dirty flags --------------------------------------------------------------------------------------------- */

/* A write of a page that is known to be clean goes to the tables, and sets the flag; the next need not. */
static void a_write_of_a_clean_cached_page_sets_the_dirty_flag(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A);
	assert_false(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A | D);
	/* by whoever filled it: they are entries of their own */
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	am_stop(&scene.amd);
}

/* HAD 1: nothing is to be set, and a write is answered as a read is. */
static void without_dirty_flags_a_write_is_answered_from_the_cache(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned had = 0; had < 2; had++) {
		start_host(&scene, had);
		assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		assert_int_equal(host_entry(&scene, 0x5000) & (A | D), had == 0 ? 0 : A);
		am_stop(&scene.amd);
	}
}

/* A page that was dirty when it was found is known to be: its flag is not missed. */
static void a_page_found_dirty_is_known_to_be(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	am_store(&scene.amd, am_entry_at(&scene.amd, 0x5000, 1), HOST_PAGE | 0x9000 | D);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(access_as(scene.other, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_WRITE, 0x5000).cached);
	am_stop(&scene.amd);
}

/* Nested: one flag in guest tables, one in host tables; either that lacks takes the tables. */
static void either_dirty_flag_that_lacks_is_set(void **state)
{
	(void)state;
	for (unsigned dirty = 0; dirty < 4; dirty++) {
		const bool guest = (dirty & 1) != 0, host = (dirty & 2) != 0;
		struct scene scene;

		start_guest(&scene, NULL, 3, true);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US | (guest ? D : 0));
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x40000, 1),
		    HOST_PAGE | 0x9000 | (host ? D : 0));
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), guest ? A | D : A);
		assert_int_equal(host_entry(&scene, 0x40000) & (A | D), host ? A | D : A);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached, guest && host);
		assert_int_equal(guest_entry(&scene, 0x5000) & (A | D), A | D);
		assert_int_equal(host_entry(&scene, 0x40000) & (A | D), A | D);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		am_stop(&scene.amd);
	}
}

/*
 * Flags that are not kept need not be waited for, whatever the entry has there: the host's without HAD, the guest's
 * with CONTROL.GDUpdateDis.
 */
static void a_dirty_flag_that_is_not_kept_does_not_lack(void **state)
{
	static const struct {
		unsigned had;
		uint64_t control;
		uint64_t guest, host; /* the flag of the other is set */
		bool cached;
	} cases[] = {
		{ 0, 0, D, 0, true },
		{ 1, 0, D, 0, true },
		{ 3, 0, D, 0, false },
		{ 0, 0, 0, D, false },
		{ 3, BIT(48), 0, D, true },
		{ 3, BIT(48), 0, 0, false },
		{ 0, BIT(48), 0, 0, true },
	};
	const struct amd_setup setup = { .efr_set = F_V2HDDIS };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene scene;

		start_guest(&scene, &setup, cases[i].had, true);
		am_control(&scene.amd, cases[i].control, 0);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US | cases[i].guest);
		am_store(&scene.amd, am_entry_at(&scene.amd, 0x40000, 1),
		    HOST_PAGE | 0x9000 | cases[i].host);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).cached);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached, cases[i].cached);
		assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5000).cached);
		am_stop(&scene.amd);
	}
}

/* Setting a flag in a guest table is a write of the page that table is in (AMD-Vi 2.2.7): HAD, in host tables. */
static void a_flag_in_a_guest_table_dirties_its_page(void **state)
{
	(void)state;
	for (unsigned had = 0; had <= 3; had += had == 1 ? 2 : 1) {
		struct scene scene;

		start_guest(&scene, NULL, had, true);
		am_map(&scene.amd, 0x40000, 0x9000, 3);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
		for (unsigned level = 0; level < 4; level++)
			assert_int_equal(host_entry(&scene, scene.guest[level]) & (A | D),
			    had == 0       ? 0
				: had == 1 ? A
					   : A | D);
		/* no flag is set any more, and no page of a table is written */
		for (unsigned level = 0; level < 4; level++)
			am_map(&scene.amd, scene.guest[level], scene.guest[level], 1);
		am_invalidate_all(&scene.amd);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
		for (unsigned level = 0; level < 4; level++)
			assert_int_equal(
			    host_entry(&scene, scene.guest[level]) & (A | D), had == 0 ? 0 : A);
		am_stop(&scene.amd);
	}
}

/* A translation request that gets no write right leaves a clean page clean, and the cache may answer. */
static void a_translation_request_without_write_is_answered_from_the_cache(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 3);
	assert_false(translate(scene.amd.device, 0x5000, true).cached);
	assert_true(translate(scene.other, 0x5000, true).cached);
	scene.dte[0] &= ~BIT(62); /* IW of its own entry */
	am_set_dte(&scene.amd, OTHER_RID, scene.dte);
	am_invalidate_device(&scene.amd, OTHER_RID);
	assert_true(translate(scene.other, 0x5000, false).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A);
	assert_false(translate(scene.amd.device, 0x5000, false).cached);
	assert_int_equal(host_entry(&scene, 0x5000) & (A | D), A | D);
	am_map(&scene.amd, 0x6000, 0xa000, 1); /* a page without write right stays clean as well */
	assert_false(translate(scene.amd.device, 0x6000, false).cached);
	assert_true(translate(scene.amd.device, 0x6000, false).cached);
	assert_int_equal(host_entry(&scene, 0x6000) & (A | D), A);
	am_stop(&scene.amd);
}

/* ---- whose requests it answers ------------------------------------------------------------------------------- */

/* What a supervisor may reach is no answer for a user, nor the other way round: rights were judged for one. */
static void users_and_supervisors_do_not_share(void **state)
{
	const struct iommusim_dma_request supervisor = {
		.address = 0x5000, .has_pasid = true, .pasid = 5, .privileged = true
	};
	struct iommusim_dma_page page;
	struct scene scene;

	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };

		start_guest(&scene, &setup, 0, false);
		map_guest(&scene, 0x5000, 0x9000 | P | RW); /* US=0 */
		page = ask(scene.amd.device, &supervisor);
		assert_false(page.faulted || page.cached);
		assert_true(ask(scene.amd.device, &supervisor).cached);
		page = access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000);
		assert_true(page.faulted && !page.cached);
		map_guest(&scene, 0x6000, 0xa000 | P | RW | US);
		assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x6000).cached);
		page = ask(scene.amd.device,
		    &(struct iommusim_dma_request){
			.address = 0x6000, .has_pasid = true, .pasid = 5, .privileged = true });
		assert_false(page.cached);
		assert_int_equal(page.physical, 0xa000);
		am_stop(&scene.amd);
	}
}

/* Privilege means something where there are guest tables alone. */
static void host_translations_know_no_privilege(void **state)
{
	struct scene scene;

	(void)state;
	start_host(&scene, 0);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).cached);
	assert_true(
	    ask(scene.other, &(struct iommusim_dma_request){ .address = 0x5000, .privileged = true })
		.cached);
	am_stop(&scene.amd);
}

static void each_pasid_and_the_host_have_translations_of_their_own(void **state)
{
	(void)state;
	for (unsigned match = 0; match < 3; match++) {
		const struct amd_setup setup = { .settings.match = (enum iommusim_cache_match)match };
		struct scene scene;

		start_guest(&scene, &setup, 0, true);
		am_map(&scene.amd, 0x40000, 0x9000, 3);
		am_map(&scene.amd, 0x41000, 0xa000, 3);
		am_map(&scene.amd, 0x5000, 0xb000, 3);
		map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
		map_guest(&scene, 0x5000, 0x41000 | P | RW | US);
		assert_int_equal(
		    access_as(scene.amd.device, 6, IOMMUSIM_DMA_READ, 0x5000).physical, 0xa000);
		assert_int_equal(
		    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
		assert_int_equal(
		    access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
		assert_int_equal(
		    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
		/* devices share them, with PASID or without, unless the unit looks at who filled them */
		assert_int_equal(
		    access_as(scene.other, 5, IOMMUSIM_DMA_READ, 0x5000).cached, match != 1);
		am_stop(&scene.amd);
	}
}

/*
 * A unit that looks at who filled it still goes by the space: the device's entry may have got another domain, or
 * guest tables, with nothing but itself invalidated.
 */
static void another_domain_of_the_same_device_is_another_space(void **state)
{
	const struct amd_setup setup = { .settings.match = IOMMUSIM_MATCH_SOURCE };
	struct scene scene;

	(void)state;
	start_guest(&scene, &setup, 0, true);
	am_map(&scene.amd, 0x40000, 0x9000, 3);
	am_map(&scene.amd, 0x5000, 0xb000, 3);
	map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xb000);
	scene.dte[0] |= GIOV; /* requests without PASID go by guest tables now */
	am_set_dte(&scene.amd, AMD_RID, scene.dte);
	am_invalidate_device(&scene.amd, AMD_RID);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0x9000);
	scene.dte[0] &= ~GIOV;
	scene.dte[1]++; /* the domain */
	am_set_dte(&scene.amd, AMD_RID, scene.dte);
	am_invalidate_device(&scene.amd, AMD_RID);
	am_map(&scene.amd, 0x5000, 0xc000, 3);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).physical, 0xc000);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cached_page_says_whose_it_is_and_who_filled_it),
		cmocka_unit_test(fc_and_u_of_a_cached_page),
		cmocka_unit_test(rights_of_a_cached_page),
		cmocka_unit_test(execution_of_a_cached_page),
		cmocka_unit_test(a_kept_absence_is_no_page),
		cmocka_unit_test(no_other_denial_is_kept),
		cmocka_unit_test(a_write_of_a_clean_cached_page_sets_the_dirty_flag),
		cmocka_unit_test(without_dirty_flags_a_write_is_answered_from_the_cache),
		cmocka_unit_test(a_page_found_dirty_is_known_to_be),
		cmocka_unit_test(either_dirty_flag_that_lacks_is_set),
		cmocka_unit_test(a_dirty_flag_that_is_not_kept_does_not_lack),
		cmocka_unit_test(a_flag_in_a_guest_table_dirties_its_page),
		cmocka_unit_test(a_translation_request_without_write_is_answered_from_the_cache),
		cmocka_unit_test(users_and_supervisors_do_not_share),
		cmocka_unit_test(host_translations_know_no_privilege),
		cmocka_unit_test(each_pasid_and_the_host_have_translations_of_their_own),
		cmocka_unit_test(another_domain_of_the_same_device_is_another_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
