/*
 * What a unit remembers in scalable mode, and who finds it (VT-d 6.2, Table 17): contexts by source,
 * PASID-table entries by source and PASID, translations by source and PASID, paging entries by domain
 * and, in a first stage, PASID. Caching mode and what invalidations take are other files.
 */
#include "cached_spaces.h"

#define PAGE   UINT64_C(0x304000)
#define NEXT   UINT64_C(0x305000)
#define OTHER  UINT64_C(0x306000)
#define OLD    UINT64_C(0x1000000)
#define NEW    UINT64_C(0x1400000)
#define FREE   SM_NO_PASID /* a request without PASID */
#define PASID  SM_PASID
#define DOMAIN SM_DOMAIN

/* Hits need the same source id, as VT-d 6.2.4.1 says; the default of a hoarding unit is less. */
static const struct vtd_setup by_source = { .settings = { .match = IOMMUSIM_MATCH_SOURCE } };

static unsigned reason(uint64_t read)
{
	return (read & CS_FAULT) == CS_FAULT ? (unsigned)(read & 0xff) : 0;
}

/* The three pages of a space. */
static void map_pages(struct scalable *sm, const struct space *space, uint64_t output)
{
	cs_map(sm, space, PAGE, output);
	cs_map(sm, space, NEXT, output + 0x1000);
	cs_map(sm, space, OTHER, output + 0x2000);
}

/* ---- contexts and PASID-table entries ------------------------------------------------------- */

static void contexts_are_kept_by_source_for_all_its_pasids(void **state)
{
	struct space alone, with;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	alone = cs_space(&sm, SECOND, DOMAIN, FREE);
	with = cs_space(&sm, SECOND, DOMAIN + 1, PASID);
	map_pages(&sm, &alone, OLD);
	map_pages(&sm, &with, NEW);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
	vt_store(&sm.vtd, sm_context_at(&sm, SM_UPPER_RID), 0);
	assert_int_equal(cs_read(&sm, NEXT, FREE, 0), OLD + 0x1000);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), NEW);
	assert_int_equal(reason(cs_read(&sm, PAGE, FREE, SM_UPPER)), 0x41);
	cs_drop_context(&sm, 1, 0, 0, 0);
	assert_int_equal(reason(cs_read(&sm, OTHER, FREE, 0)), 0x41);
	assert_int_equal(reason(cs_read(&sm, OTHER, PASID, 0)), 0x41);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD); /* the IOTLB needs no context */
	sm_stop(&sm);
}

/*
 * A translation request that is answered brings the context and the PASID-table entry in like any
 * other.
 */
static void translation_requests_use_and_fill_the_same_caches(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		cs_start(&sm, &by_source);
		space = cs_space(&sm, SECOND, DOMAIN, pasid ? PASID : FREE);
		map_pages(&sm, &space, OLD);
		assert_int_equal(cs_read(&sm, PAGE, space.pasid, SM_TRANSLATION_REQUEST), OLD);
		map_pages(&sm, &space, NEW);
		vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
		vt_store(&sm.vtd, sm_entry_at(&sm, space.pasid), 0);
		assert_int_equal(cs_read(&sm, PAGE, space.pasid, 0), OLD);
		assert_int_equal(cs_read(&sm, NEXT, space.pasid, 0), NEW + 0x1000);
		assert_int_equal(cs_read(&sm, NEXT, space.pasid, SM_TRANSLATION_REQUEST), NEW + 0x1000);
		sm_stop(&sm);
	}
}

/* Root entries and PASID-directory entries are in no cache of this architecture. */
static void root_and_directory_entries_are_read_anew(void **state)
{
	uint64_t directory_entry;
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	space = cs_space(&sm, SECOND, DOMAIN, FREE);
	map_pages(&sm, &space, OLD);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), 0);
	assert_int_equal(reason(cs_read(&sm, PAGE, FREE, 0)), 0x39);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), sm.context | 1);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), 0);
	assert_int_equal(cs_read(&sm, NEXT, FREE, 0), OLD + 0x1000); /* the context is known */
	cs_drop_context(&sm, 1, 0, 0, 0);
	assert_int_equal(reason(cs_read(&sm, OTHER, FREE, 0)), 0x39);
	vt_store(&sm.vtd, sm_root_at(&sm, VTD_RID), sm.context | 1);

	directory_entry = vt_load(&sm.vtd, sm_directory_at(&sm, FREE));
	space.pasid = PASID; /* of the same directory entry */
	cs_enter(&sm, &space);
	vt_store(&sm.vtd, sm_directory_at(&sm, FREE), 0);
	assert_int_equal(cs_read(&sm, OTHER, FREE, 0), OLD + 0x2000); /* its entry is known */
	assert_int_equal(reason(cs_read(&sm, OTHER, PASID, 0)), 0x51);
	vt_store(&sm.vtd, sm_directory_at(&sm, FREE), directory_entry);
	assert_int_equal(cs_read(&sm, OTHER, PASID, 0), OLD + 0x2000);
	sm_stop(&sm);
}

static void pasid_entries_are_kept_by_source_and_pasid(void **state)
{
	static const uint32_t pasids[] = { FREE, PASID, PASID + 0x40, 0xfffff };

	(void)state;
	for (size_t i = 0; i < COUNT(pasids); i++) {
		const uint32_t other = i == 3 ? 0 : PASID + 1;
		struct scalable sm;
		struct space space;

		cs_start(&sm, &by_source);
		/* 20 bits of PASID: PDTS=7 (11:9), 2^14 directory entries */
		sm.vtd.next_page += 0x20000;
		sm.directory = sm.vtd.next_page - 0x20000;
		vt_store(
		    &sm.vtd, sm_context_at(&sm, VTD_RID), sm.directory | 7 << 9 | SM_PASIDE | SM_P);
		vt_store(&sm.vtd, sm_context_at(&sm, SM_UPPER_RID),
		    sm.directory | 7 << 9 | SM_PASIDE | SM_P);
		space = cs_space(&sm, SECOND, DOMAIN, pasids[i]);
		map_pages(&sm, &space, OLD);
		space.pasid = other;
		cs_enter(&sm, &space);
		assert_int_equal(cs_read(&sm, PAGE, pasids[i], 0), OLD);
		vt_store(&sm.vtd, sm_entry_at(&sm, pasids[i]), 0);
		vt_store(&sm.vtd, sm_entry_at(&sm, other), 0);
		assert_int_equal(cs_read(&sm, NEXT, pasids[i], 0), OLD + 0x1000);
		assert_int_equal(reason(cs_read(&sm, NEXT, other, 0)), 0x59);
		assert_int_equal(reason(cs_read(&sm, NEXT, pasids[i], SM_UPPER)), 0x59);
		cs_drop_pasids(&sm, 3, 0, 0);
		assert_int_equal(reason(cs_read(&sm, OTHER, pasids[i], 0)), 0x59);
		assert_int_equal(cs_read(&sm, PAGE, pasids[i], 0), OLD);
		sm_stop(&sm);
	}
}

/* Each field that a walk needs is the kept entry's: type, root, width, levels, domain, rights. */
static void a_kept_pasid_entry_counts_with_all_its_fields(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
		for (unsigned now = FIRST; now <= PASS_THROUGH; now++) {
			const uint64_t plain = type == PASS_THROUGH ? 0 : OLD - PAGE;
			struct space space, changed;
			struct scalable sm;

			cs_start(&sm, &by_source);
			changed = cs_space_of(&sm, now, DOMAIN + 1, PASID, 5);
			space = cs_space(&sm, type, DOMAIN, PASID);
			if (type != PASS_THROUGH)
				map_pages(&sm, &space, OLD);
			if (now != PASS_THROUGH)
				map_pages(&sm, &changed, NEW);
			assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), plain + PAGE);
			cs_enter(&sm, &changed);
			cs_edit(&sm, sm_entry_at(&sm, PASID) + 16, SM_SRE, 0);
			assert_int_equal(cs_read(&sm, NEXT, PASID, SM_PRIVILEGED), plain + NEXT);
			assert_int_equal(
			    sm_access(&sm, IOMMUSIM_DMA_WRITE, OTHER, 8, PASID, 0).domain, DOMAIN);
			sm_stop(&sm);
		}
	}
}

/*
 * "Request-without-PASID uses the PASID value from the RID_PASID field ... to reference the
 * PASID-cache."
 */
static void requests_without_pasid_find_pasid_entries_under_rid_pasid(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	space = cs_space(&sm, FIRST, DOMAIN, PASID);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	vt_store(&sm.vtd, sm_entry_at(&sm, PASID), 0);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID) + 8, 0xfffff, PASID);
	cs_drop_context(&sm, 3, 0, VTD_RID, 0);
	map_pages(&sm, &space, NEW);
	/* the entry is known, the translation is that of requests with PASID alone */
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), NEW);
	cs_drop_pasids(&sm, 1, DOMAIN, PASID);
	assert_int_equal(reason(cs_read(&sm, NEXT, FREE, 0)), 0x59);
	sm_stop(&sm);
}

/* ---- translations --------------------------------------------------------------------------- */

/* Who asks: the source, and under which PASID. */
struct asker {
	uint32_t pasid;
	unsigned flags;
};

/* Directories of both sources; RID_PASID of the upper one is PASID if it asks without any. */
struct sources {
	uint64_t directory[2];
};

static struct sources two_sources(
    struct scalable *sm, const struct asker *filler, const struct asker *other)
{
	const bool upper_without = ((filler->flags & SM_UPPER) != 0 && filler->pasid == FREE) ||
	    ((other->flags & SM_UPPER) != 0 && other->pasid == FREE);
	struct sources sources = { { sm->directory } };

	sources.directory[1] = cs_own_directory(sm, SM_UPPER_RID, upper_without ? PASID : 0);
	return sources;
}

/* Enter a space for an asker, in a domain. */
static void enter_for(struct scalable *sm, const struct sources *sources, const struct asker *asker,
    struct space *space, uint16_t domain)
{
	const bool upper = (asker->flags & SM_UPPER) != 0;

	sm->directory = sources->directory[upper];
	space->pasid = upper && asker->pasid == FREE ? PASID : asker->pasid;
	space->domain = domain;
	cs_enter(sm, space);
}

/*
 * The first asker fills; the page moves; does the other one find the old translation? Both have the
 * same tables, in DOMAIN and `other_domain`.
 */
static bool finds(const struct vtd_setup *setup, unsigned type, const struct asker *filler,
    const struct asker *other, uint16_t other_domain)
{
	struct sources sources;
	struct space space;
	struct scalable sm;
	uint64_t got;

	cs_start(&sm, setup);
	sources = two_sources(&sm, filler, other);
	space = cs_space(&sm, type, DOMAIN, PASID);
	enter_for(&sm, &sources, filler, &space, DOMAIN);
	enter_for(&sm, &sources, other, &space, other_domain);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, filler->pasid, filler->flags), OLD);
	map_pages(&sm, &space, NEW);
	assert_int_equal(cs_read(&sm, PAGE, filler->pasid, filler->flags), OLD);
	got = cs_read(&sm, PAGE, other->pasid, other->flags);
	assert_true(got == OLD || got == NEW);
	sm_stop(&sm);
	return got == OLD;
}

static const struct asker with = { PASID, 0 }, without = { FREE, 0 }, with_another = { PASID + 1, 0 },
			  upper_with = { PASID, SM_UPPER }, upper_without = { FREE, SM_UPPER },
			  privileged = { PASID, SM_PRIVILEGED };

/*
 * Table 17: source id, PASID if there is one, address; what a request without PASID filled is for
 * such.
 */
static void translations_are_kept_by_source_and_pasid(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		assert_true(finds(&by_source, type, &with, &with, DOMAIN));
		assert_true(finds(&by_source, type, &without, &without, DOMAIN));
		assert_false(finds(&by_source, type, &with, &with_another, DOMAIN));
		assert_false(finds(&by_source, type, &with, &upper_with, DOMAIN));
		assert_false(finds(&by_source, type, &with, &upper_without, DOMAIN));
		assert_false(finds(&by_source, type, &without, &with, DOMAIN));
		assert_false(finds(&by_source, type, &without, &upper_without, DOMAIN));
		assert_false(finds(&by_source, type, &with, &without, DOMAIN));
	}
}

/*
 * A unit that matches by domain shares what does not hang on the source: in a first stage, of one
 * PASID.
 */
static void a_unit_that_matches_by_domain_shares_them_within_it(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		const bool by_pasid = type != SECOND;

		assert_true(finds(NULL, type, &with, &upper_with, DOMAIN));
		assert_true(finds(NULL, type, &with, &upper_without, DOMAIN));
		assert_true(finds(NULL, type, &upper_without, &with, DOMAIN));
		assert_int_equal(finds(NULL, type, &with, &with_another, DOMAIN), !by_pasid);
		assert_int_equal(finds(NULL, type, &with, &without, DOMAIN), !by_pasid);
		assert_int_equal(finds(NULL, type, &without, &with, DOMAIN), !by_pasid);
		assert_false(finds(NULL, type, &with, &upper_with, DOMAIN + 1));
		assert_false(finds(NULL, type, &with, &with_another, DOMAIN + 1));
		assert_false(finds(NULL, type, &with, &privileged, DOMAIN));
		assert_false(finds(NULL, type, &privileged, &with, DOMAIN));
		assert_false(finds(NULL, type, &privileged, &upper_with, DOMAIN));
	}
}

/* The space of one type never answers for one of another, not even in the same domain. */
static void types_of_translation_are_kept_apart(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
		for (unsigned other = FIRST; other <= PASS_THROUGH; other++) {
			struct space space, beside;
			struct scalable sm;

			if (type == other)
				continue;
			cs_start(&sm, NULL);
			space = cs_space(&sm, type, DOMAIN, PASID);
			beside = space;
			sm.directory = cs_own_directory(&sm, SM_UPPER_RID, 0);
			beside = cs_space(&sm, other, DOMAIN, PASID);
			if (type != PASS_THROUGH)
				map_pages(&sm, &space, OLD);
			if (other != PASS_THROUGH)
				map_pages(&sm, &beside, NEW);
			for (unsigned i = 0; i < 2; i++) {
				assert_int_equal(
				    cs_read(&sm, PAGE, PASID, 0), type == PASS_THROUGH ? PAGE : OLD);
				assert_int_equal(cs_read(&sm, PAGE, PASID, SM_UPPER),
				    other == PASS_THROUGH ? PAGE : NEW);
			}
			sm_stop(&sm);
		}
	}
}

/* A pass-through translation is one of the IOTLB like others (6.2.4), and its source's alone. */
static void pass_through_is_kept_for_its_own_requests(void **state)
{
	struct space passed, mapped;
	struct scalable sm;

	(void)state;
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		const uint32_t number = pasid ? PASID : FREE;

		cs_start(&sm, NULL);
		mapped = cs_space(&sm, SECOND, DOMAIN + 1, number);
		map_pages(&sm, &mapped, NEW);
		passed = cs_space(&sm, PASS_THROUGH, DOMAIN, number);
		assert_int_equal(cs_read(&sm, PAGE, number, 0), PAGE);
		assert_int_equal(passed.domain, DOMAIN);
		cs_enter(&sm, &mapped);
		cs_drop_pasids(&sm, 3, 0, 0);
		assert_int_equal(cs_read(&sm, PAGE, number, 0), PAGE);
		assert_int_equal(cs_read(&sm, PAGE, number, SM_UPPER), NEW);
		assert_int_equal(cs_read(&sm, NEXT, number, 0), NEW + 0x1000);
		sm_stop(&sm);
	}
}

/* 6.2.7: an IOTLB entry answers although the entries that led to it are gone. */
static void the_iotlb_answers_without_context_and_pasid_entry(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	for (unsigned pasid = 0; pasid < 2; pasid++) {
		for (unsigned type = FIRST; type <= NESTED; type++) {
			cs_start(&sm, &by_source);
			space = cs_space(&sm, type, DOMAIN, pasid ? PASID : FREE);
			map_pages(&sm, &space, OLD);
			assert_int_equal(cs_read(&sm, PAGE, space.pasid, 0), OLD);
			vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
			cs_drop_context(&sm, 1, 0, 0, 0);
			cs_drop_pasids(&sm, 3, 0, 0);
			assert_int_equal(cs_read(&sm, PAGE, space.pasid, 0), OLD);
			assert_int_equal(reason(cs_read(&sm, NEXT, space.pasid, 0)), 0x41);
			sm_stop(&sm);
		}
	}
}

/*
 * 6.2.1: what a request without PASID fills is found without the context, and tagged for invalidation
 * with the RID_PASID that it had.
 */
static void fills_without_pasid_are_tagged_with_the_rid_pasid_of_their_time(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	space = cs_space(&sm, FIRST, DOMAIN, FREE);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	map_pages(&sm, &space, NEW);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID) + 8, 0xfffff, PASID);
	cs_drop_context(&sm, 1, 0, 0, 0);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	cs_drop_pasid(&sm, 2, DOMAIN, PASID, 0);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	cs_drop_pasid(&sm, 2, DOMAIN, SM_RID_PASID, 0);
	assert_int_equal(reason(cs_read(&sm, PAGE, FREE, 0)), 0x59);
	sm_stop(&sm);
}

/* Without ECAP.RPS requests without PASID have PASID 0. */
static void without_rid_pasid_the_tag_is_0(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &(struct vtd_setup){ .ecap_clear = ECAP_RPS });
	space = cs_space(&sm, FIRST, DOMAIN, FREE);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	map_pages(&sm, &space, NEW);
	cs_drop_pasid(&sm, 2, DOMAIN, SM_RID_PASID, 0);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
	cs_drop_pasid(&sm, 2, DOMAIN, 0, 0);
	assert_int_equal(cs_read(&sm, PAGE, FREE, 0), NEW);
	sm_stop(&sm);
}

static void a_kept_large_page_answers_for_all_of_it(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= SECOND; type++) {
		for (unsigned level = 2; level <= 3; level++) {
			const uint64_t size = BIT(12 + 9 * (level - 1)), input = 5 * size;
			struct iommusim_dma_page page;
			struct scalable sm;
			struct space space;
			uint64_t at;

			cs_start(&sm, &by_source);
			space = cs_space(&sm, type, DOMAIN, PASID);
			at = cs_entry_at(&sm, &space, input, level);
			vt_store(&sm.vtd, at, type == FIRST ? 0xe7 : 0x83);
			assert_int_equal(cs_read(&sm, input + 0x5008, PASID, 0), 0x5008);
			vt_store(&sm.vtd, at, 0);
			page = sm_access(&sm, IOMMUSIM_DMA_READ, input + size - 8, 8, PASID, 0);
			assert_false(page.faulted);
			assert_true(page.cached);
			assert_int_equal(page.physical, size - 8);
			assert_int_equal(page.page_shift, 12 + 9 * (level - 1));
			assert_true(reason(cs_read(&sm, input + size, PASID, 0)) != 0);
			assert_true(reason(cs_read(&sm, input - 8, PASID, 0)) != 0);
			sm_stop(&sm);
		}
	}
}

/* Nested, the smaller page of the two stages is what is known (VT-d 3.8.4 by way of 6.2.4). */
static void a_kept_nested_page_is_as_large_as_the_smaller_one(void **state)
{
	static const struct {
		unsigned first, second, shift;
	} rows[] = { { 1, 2, 12 }, { 2, 1, 12 }, { 2, 2, 21 }, { 2, 3, 21 }, { 3, 2, 21 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint64_t input = UINT64_C(0x240000000), guest = UINT64_C(0x40000000);
		const uint64_t known = BIT(rows[i].shift);
		struct scalable sm;
		struct space space;

		cs_start(&sm, &by_source);
		space = cs_space(&sm, NESTED, DOMAIN, PASID);
		vt_store(&sm.vtd, cs_entry_at(&sm, &space, input, rows[i].first),
		    guest | 0x67 | (rows[i].first > 1 ? 0x80 : 0));
		sm_map_second(&sm, space.second, 4, guest, 0, 3, rows[i].second);
		assert_int_equal(cs_read(&sm, input, PASID, 0), 0);
		vt_store(&sm.vtd, cs_entry_at(&sm, &space, input, rows[i].first), 0);
		assert_int_equal(cs_read(&sm, input + known - 8, PASID, 0), known - 8);
		assert_int_equal(reason(cs_read(&sm, input + known, PASID, 0)), 0x71);
		sm_stop(&sm);
	}
}

static void a_kept_translation_brings_its_rights_and_says_where_it_came_from(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		struct iommusim_dma_request request = {
			.address = PAGE, .length = 8, .has_pasid = true, .pasid = PASID, .tag = 4711
		};
		struct iommusim_dma_outcome outcome;
		uint64_t leaf_at, leaf;

		cs_start(&sm, &by_source);
		space = cs_space(&sm, type, DOMAIN, PASID);
		map_pages(&sm, &space, OLD);
		leaf_at = cs_entry_at(&sm, &space, PAGE, 1);
		leaf = vt_load(&sm.vtd, leaf_at);
		assert_int_equal(iommusim_dma(sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_false(outcome.page.cached);
		cs_edit(&sm, leaf_at, 2, 0); /* read only now */
		request.kind = IOMMUSIM_DMA_WRITE;
		request.tag = 1;
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(
			    iommusim_dma(sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
			assert_false(outcome.page.faulted);
			assert_true(outcome.page.cached);
			assert_int_equal(outcome.page.cached_tag, 4711);
			assert_int_equal(outcome.page.entry, leaf);
			assert_int_equal(outcome.page.domain, DOMAIN);
			assert_int_equal(outcome.page.physical, OLD);
		}
		cs_drop(&sm, 1, 0, 0);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, 0), 0x85);
		cs_edit(&sm, leaf_at, 0, 2); /* a right that is added needs an invalidation too */
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		sm_stop(&sm);
	}
}

/* A fault that a kept translation leads to is recorded as one from the tables is. */
static void a_kept_translation_that_denies_leaves_the_same_record(void **state)
{
	struct iommusim_dma_page walked, kept;
	struct space space;
	struct scalable sm;

	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned flags = 0; flags <= SM_PRIVILEGED; flags += SM_PRIVILEGED) {
			cs_start(&sm, &by_source);
			space = cs_space(&sm, type, DOMAIN, PASID);
			cs_edit(&sm, sm_entry_at(&sm, PASID) + 16, 0, SM_WPE);
			map_pages(&sm, &space, OLD);
			cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 2, 0);
			walked = sm_access(&sm, IOMMUSIM_DMA_WRITE, PAGE, 8, PASID, flags);
			assert_int_equal(walked.fault.reason, 0x85);
			assert_int_equal(cs_read(&sm, PAGE, PASID, flags), OLD);
			kept = sm_access(&sm, IOMMUSIM_DMA_WRITE, PAGE, 8, PASID, flags);
			assert_true(kept.cached && kept.faulted);
			assert_int_equal(kept.fault.reason, 0x85);
			assert_int_equal(kept.fault.record[0], walked.fault.record[0]);
			assert_int_equal(kept.fault.record[1], walked.fault.record[1]);
			sm_stop(&sm);
		}
	}
}

/* Execution is refused by units that do not have it (SPT.5), whatever is known of the page. */
static void a_kept_translation_lets_nothing_be_executed(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
		cs_start(&sm, NULL);
		space = cs_space(&sm, type, DOMAIN, PASID);
		if (type != PASS_THROUGH)
			map_pages(&sm, &space, OLD);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0);
			assert_int_equal(reason(cs_read(&sm, PAGE, PASID, SM_EXECUTE)), 0x5c);
		}
		sm_stop(&sm);
	}
}

/* ---- privilege ------------------------------------------------------------------------------ */

/* 6.2.4: the U/S flags are part of what is kept; each privilege goes by its own rights (VT-d 3.6.1). */
static void privileged_and_other_requests_keep_their_own_rights(void **state)
{
	(void)state;
	for (unsigned nested = 0; nested < 2; nested++) {
		struct scalable sm;
		struct space space;

		cs_start(&sm, NULL);
		space = cs_space(&sm, nested ? NESTED : FIRST, DOMAIN, PASID);
		map_pages(&sm, &space, OLD);
		cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 4, 0); /* a supervisor's page */
		cs_edit(&sm, cs_entry_at(&sm, &space, NEXT, 1), 2, 0); /* a page to read only */
		/* A supervisor may write there as WPE is clear. */
		assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), OLD);
		assert_int_equal(cs_read(&sm, NEXT, PASID, SM_PRIVILEGED), OLD + 0x1000);
		for (unsigned kept = 0; kept < 2; kept++) {
			assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x81);
			assert_int_equal(reason(cs_read(&sm, PAGE, PASID, SM_UPPER)), 0x81);
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, NEXT, PASID, 0), 0x85);
			assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
			assert_int_equal(
			    sm_reason(&sm, IOMMUSIM_DMA_WRITE, NEXT, PASID, SM_PRIVILEGED), 0);
			assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), OLD);
		}
		map_pages(&sm, &space, NEW); /* each keeps its own beside the other's */
		assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
		assert_int_equal(cs_read(&sm, NEXT, PASID, SM_PRIVILEGED), OLD + 0x1000);
		sm_stop(&sm);
	}
}

/* RID_PRIV (VT-d 9.4, bit 84): requests without PASID of that source are privileged ones. */
static void requests_without_pasid_are_as_privileged_as_their_context_says(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_RPRIVS });
	cs_edit(&sm, sm_context_at(&sm, VTD_RID) + 8, 0, BIT(20));
	space = cs_space(&sm, FIRST, DOMAIN, FREE);
	map_pages(&sm, &space, OLD);
	cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 4, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cs_read(&sm, PAGE, FREE, 0), OLD);
		assert_int_equal(reason(cs_read(&sm, PAGE, FREE, SM_UPPER)), 0x81);
	}
	sm_stop(&sm);
}

/*
 * What 6.2.3.1 lets the entries of one domain differ in, even of one PASID, is not shared: WPE says
 * what a supervisor may write, PGSNP what is snooped. A right driver may set them apart.
 */
static void a_shared_translation_goes_by_the_own_entrys_write_protection(void **state)
{
	(void)state;
	for (unsigned protects = 0; protects < 2; protects++) {
		struct scalable sm;
		struct space space;

		cs_start(&sm, NULL);
		space = cs_space(&sm, FIRST, DOMAIN, PASID);
		cs_edit(&sm, sm_entry_at(&sm, PASID) + 16, SM_WPE, protects ? SM_WPE : 0);
		map_pages(&sm, &space, OLD);
		cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 2, 0);
		sm.directory = cs_own_directory(&sm, SM_UPPER_RID, 0);
		cs_enter(&sm, &space);
		cs_edit(&sm, sm_entry_at(&sm, PASID) + 16, SM_WPE, protects ? 0 : SM_WPE);
		assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), OLD);
		assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED | SM_UPPER), OLD);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, SM_PRIVILEGED),
		    protects ? 0x85 : 0);
		assert_int_equal(
		    sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, SM_PRIVILEGED | SM_UPPER),
		    protects ? 0 : 0x85);
		/* WPE is about supervisors: others go on sharing */
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		assert_true(sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, SM_UPPER).cached);
		sm_stop(&sm);
	}
}

static void a_shared_translation_is_snooped_as_the_own_entry_says(void **state)
{
	(void)state;
	for (unsigned snooped = 0; snooped < 2; snooped++) {
		struct iommusim_dma_page page;
		struct scalable sm;
		struct space space;

		cs_start(&sm, NULL);
		space = cs_space(&sm, SECOND, DOMAIN, PASID);
		cs_edit(&sm, sm_entry_at(&sm, PASID) + 8, SM_PGSNP, snooped ? SM_PGSNP : 0);
		map_pages(&sm, &space, OLD);
		space.pasid = PASID + 1;
		cs_enter(&sm, &space);
		cs_edit(&sm, sm_entry_at(&sm, PASID + 1) + 8, SM_PGSNP, snooped ? 0 : SM_PGSNP);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, SM_TRANSLATION_REQUEST);
		assert_int_equal(page.non_snooped, snooped);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID + 1, SM_TRANSLATION_REQUEST);
		assert_int_equal(page.non_snooped, !snooped);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, SM_TRANSLATION_REQUEST);
		assert_true(page.cached);
		assert_int_equal(page.non_snooped, snooped);
		sm_stop(&sm);
	}
}

/* ---- paging-structure caches ---------------------------------------------------------------- */

/* Beside PAGE: under the same entry of level n and none below it, n as the index. */
static uint64_t beside(unsigned level)
{
	static const uint64_t far[] = { 0, 0, 0x8000, 0xa00000, 0x4c0000000, BIT(41) };

	return PAGE ^ far[level];
}

/* Tables that no request has come by, instead of those that `space` has: everything moves to NEW. */
static struct space new_tables(struct scalable *sm, const struct space *space)
{
	struct space fresh = cs_space_of(sm, space->type, space->domain, space->pasid, space->levels);

	for (unsigned level = 2; level <= space->levels; level++)
		cs_map(sm, &fresh, beside(level), NEW + level * UINT64_C(0x1000));
	return fresh;
}

/*
 * Tables with PAGE and what is beside it at OLD; all of it was read once, so that accessed flags are
 * set, and forgotten again but for the PASID entry.
 */
static struct space old_tables(
    struct scalable *sm, unsigned type, uint16_t domain, uint32_t pasid, unsigned levels)
{
	struct space space = cs_space_of(sm, type, domain, pasid, levels);

	cs_map(sm, &space, PAGE, OLD);
	assert_int_equal(cs_read(sm, PAGE, pasid, 0), OLD);
	for (unsigned level = 2; level <= levels; level++) {
		cs_map(sm, &space, beside(level), OLD + level * UINT64_C(0x1000));
		assert_int_equal(cs_read(sm, beside(level), pasid, 0), OLD + level * UINT64_C(0x1000));
	}
	cs_drop_all(sm);
	return space;
}

/* An entry of each level serves what is under it, and none below: the tables are new, and not seen. */
static void an_entry_of_each_level_is_kept(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned levels = type == SECOND ? 3 : 4; levels <= 5; levels++) {
			struct scalable sm;

			cs_start(&sm, &by_source);
			for (unsigned pasid = 0; pasid < 2; pasid++) {
				const struct space old = old_tables(&sm, type,
				    (uint16_t)(DOMAIN + pasid), pasid ? PASID : FREE, levels);

				assert_int_equal(cs_read(&sm, PAGE, old.pasid, 0), OLD);
				new_tables(&sm, &old);
				cs_drop_pasids(&sm, 3, 0, 0);
				for (unsigned level = 2; level <= levels; level++)
					assert_int_equal(cs_read(&sm, beside(level), old.pasid, 0),
					    OLD + level * UINT64_C(0x1000));
				cs_drop(&sm, 1, 0, 0);
				for (unsigned level = 2; level <= levels; level++)
					assert_int_equal(cs_read(&sm, beside(level), old.pasid, 0),
					    NEW + level * UINT64_C(0x1000));
			}
			sm_stop(&sm);
		}
	}
}

/* As finds(), for the entries on the way: the translation asked for is in no IOTLB. */
static bool finds_tables(
    unsigned type, const struct asker *filler, const struct asker *other, uint16_t other_domain)
{
	struct space old, fresh;
	struct sources sources;
	struct scalable sm;
	uint64_t got;

	cs_start(&sm, &by_source);
	sources = two_sources(&sm, filler, other);
	old = old_tables(&sm, type, DOMAIN, PASID + 2, 4);
	enter_for(&sm, &sources, filler, &old, DOMAIN);
	assert_int_equal(cs_read(&sm, PAGE, filler->pasid, filler->flags), OLD);
	fresh = new_tables(&sm, &old);
	enter_for(&sm, &sources, other, &fresh, other_domain);
	cs_drop_pasids(&sm, 3, 0, 0);
	got = cs_read(&sm, beside(2), other->pasid, other->flags);
	assert_true(got == OLD + 0x2000 || got == NEW + 0x2000);
	sm_stop(&sm);
	return got == OLD + 0x2000;
}

/*
 * Table 17: first-stage and nested ones by domain and PASID, second-stage ones by domain; never by
 * source.
 */
static void paging_entries_are_kept_by_domain_and_in_a_first_stage_by_pasid(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		const bool by_pasid = type != SECOND;

		assert_true(finds_tables(type, &with, &with, DOMAIN));
		assert_true(finds_tables(type, &with, &upper_with, DOMAIN));
		assert_true(finds_tables(type, &with, &upper_without, DOMAIN)); /* by RID_PASID */
		assert_true(finds_tables(type, &without, &without, DOMAIN));
		assert_true(finds_tables(type, &with, &privileged, DOMAIN));
		assert_int_equal(finds_tables(type, &with, &with_another, DOMAIN), !by_pasid);
		assert_int_equal(finds_tables(type, &with, &without, DOMAIN), !by_pasid);
		assert_int_equal(finds_tables(type, &without, &with, DOMAIN), !by_pasid);
		assert_int_equal(finds_tables(type, &without, &upper_without, DOMAIN), !by_pasid);
		assert_false(finds_tables(type, &with, &with, DOMAIN + 1));
		assert_false(finds_tables(type, &with, &upper_with, DOMAIN + 1));
	}
}

/*
 * 6.2.5: rights on the way are kept with the entries; those of U/S for each privilege to be judged by.
 */
static void kept_paging_entries_bring_their_rights(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		struct scalable sm;
		struct space space;
		uint64_t at;

		cs_start(&sm, &by_source);
		space = old_tables(&sm, type, DOMAIN, PASID, 4);
		at = cs_entry_at(&sm, &space, PAGE, 3);
		cs_edit(&sm, at, 2, 0); /* read only from there on */
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		cs_edit(&sm, at, 0, 2);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, beside(2), PASID, 0), 0x85);
		cs_drop(&sm, 1, 0, 0);
		if (type != SECOND) { /* a supervisor's from there on */
			cs_edit(&sm, at, 4, 0);
			assert_int_equal(cs_read(&sm, PAGE, PASID, SM_PRIVILEGED), OLD);
			cs_edit(&sm, at, 0, 4);
			assert_int_equal(cs_read(&sm, beside(2), PASID, SM_PRIVILEGED), OLD + 0x2000);
			assert_int_equal(reason(cs_read(&sm, beside(2), PASID, 0)), 0x81);
		}
		sm_stop(&sm);
	}
}

/*
 * A kept entry has its accessed flag (6.2.5.1): a page under it whose own flags are yet to be set
 * gives no reason to walk from the top. They are set where the kept entry leads. Not nested, where the
 * flags of the first stage need the second stage's leave.
 */
static void kept_paging_entries_lead_to_pages_without_flags_too(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= SECOND; type++) {
		const uint64_t flags = type == FIRST ? 0x60 : 0x300; /* A and D (VT-d 9.7, 9.8) */
		struct space old, fresh;
		struct scalable sm;
		uint64_t old_at, fresh_at;

		cs_start(&sm, &by_source);
		old = cs_space(&sm, type, DOMAIN, PASID);
		if (type == SECOND)
			cs_edit(&sm, sm_entry_at(&sm, PASID), 0, SM_SSADE);
		map_pages(&sm, &old, OLD);
		old_at = cs_entry_at(&sm, &old, NEXT, 1);
		cs_edit(&sm, old_at, flags, 0);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		fresh = cs_space(&sm, type, DOMAIN, PASID);
		if (type == SECOND)
			cs_edit(&sm, sm_entry_at(&sm, PASID), 0, SM_SSADE);
		map_pages(&sm, &fresh, NEW);
		fresh_at = cs_entry_at(&sm, &fresh, NEXT, 1);
		cs_edit(&sm, fresh_at, flags, 0);
		cs_drop_pasids(&sm, 3, 0, 0);
		assert_int_equal(
		    sm_access(&sm, IOMMUSIM_DMA_WRITE, NEXT, 8, PASID, 0).physical, OLD + 0x1000);
		assert_int_equal(vt_load(&sm.vtd, old_at) & flags, flags);
		assert_int_equal(vt_load(&sm.vtd, fresh_at) & flags, 0);
		sm_stop(&sm);
	}
}

/*
 * A leaf is not kept there: a large page that becomes a table is seen once the IOTLB has let go of it.
 */
static void entries_that_map_pages_are_kept_as_translations_alone(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= SECOND; type++) {
		struct scalable sm;
		struct space space;
		uint64_t at;

		cs_start(&sm, &by_source);
		space = cs_space(&sm, type, DOMAIN, PASID);
		at = cs_entry_at(&sm, &space, 0, 2);
		vt_store(&sm.vtd, at, type == FIRST ? 0xe7 : 0x83);
		assert_int_equal(cs_read(&sm, 0x5000, PASID, 0), 0x5000);
		vt_store(&sm.vtd, at, 0);
		cs_map(&sm, &space, 0x5000, OLD);
		cs_drop(&sm, 3, DOMAIN, CS_IH | 9);
		assert_int_equal(cs_read(&sm, 0x5000, PASID, 0), OLD);
		sm_stop(&sm);
	}
}

/* ---- what is not kept ----------------------------------------------------------------------- */

/* A quadword of memory to spoil, and what then becomes of a read of PAGE. */
struct spoiler {
	const char *what;
	unsigned type;
	uint64_t (*at)(struct scalable *sm, const struct space *space);
	uint64_t clear, set, reason;
};

static uint64_t at_root(struct scalable *sm, const struct space *space)
{
	(void)space;
	return sm_root_at(sm, VTD_RID);
}

static uint64_t at_context(struct scalable *sm, const struct space *space)
{
	(void)space;
	return sm_context_at(sm, VTD_RID);
}

static uint64_t at_rid_pasid(struct scalable *sm, const struct space *space)
{
	(void)space;
	return sm_context_at(sm, VTD_RID) + 8;
}

static uint64_t at_directory(struct scalable *sm, const struct space *space)
{
	return sm_directory_at(sm, space->pasid);
}

static uint64_t at_entry(struct scalable *sm, const struct space *space)
{
	return sm_entry_at(sm, space->pasid);
}

static uint64_t at_level_4(struct scalable *sm, const struct space *space)
{
	return cs_entry_at(sm, space, PAGE, 4);
}

static uint64_t at_level_2(struct scalable *sm, const struct space *space)
{
	return cs_entry_at(sm, space, PAGE, 2);
}

static uint64_t at_leaf(struct scalable *sm, const struct space *space)
{
	return cs_entry_at(sm, space, PAGE, 1);
}

/* Nested: where the second stage maps the page, and a table of the first stage. */
static uint64_t at_second_of_page(struct scalable *sm, const struct space *space)
{
	return sm_second_at(sm, space->second, 4, OLD, 2);
}

static uint64_t at_second_of_tables(struct scalable *sm, const struct space *space)
{
	return sm_second_at(sm, space->second, 4, space->first, 2);
}

#define HOLE     UINT64_C(0x10000000)
#define ADDRESS  UINT64_C(0xffffffffff000)
#define EACH     0       /* every type */
#define RESERVED BIT(51) /* an address bit beyond the host's width */

static const struct spoiler spoilers[] = {
	{ "LP=0", EACH, at_root, 1, 0, 0x39 },
	{ "root, reserved", EACH, at_root, 0, 0x10, 0x3a },
	{ "context, P=0", EACH, at_context, 1, 0, 0x41 },
	{ "context, reserved", EACH, at_context, 0, 0x80, 0x42 },
	{ "RID_PASID beyond the directory", EACH, at_rid_pasid, 0, 0x80000, 0x43 },
	{ "directory, P=0", EACH, at_directory, 1, 0, 0x51 },
	{ "directory, reserved", EACH, at_directory, 0, 0x10, 0x52 },
	{ "no PASID table", EACH, at_directory, ADDRESS, HOLE, 0x58 },
	{ "entry, P=0", EACH, at_entry, 1, 0, 0x59 },
	{ "entry, reserved", EACH, at_entry, 0, 0x400, 0x5a },
	{ "entry, no such type", EACH, at_entry, 0x1c0, 0x140, 0x5b },
	{ "first stage, level 4, P=0", FIRST, at_level_4, 1, 0, 0x71 },
	{ "first stage, level 2, P=0", FIRST, at_level_2, 1, 0, 0x71 },
	{ "first stage, leaf, P=0", FIRST, at_leaf, 1, 0, 0x71 },
	{ "first stage, leaf, reserved", FIRST, at_leaf, 0, RESERVED, 0x72 },
	{ "first stage, U/S=0", FIRST, at_leaf, 4, 0, 0x81 },
	{ "first stage, U/S=0, level 2", FIRST, at_level_2, 4, 0, 0x81 },
	{ "second stage, level 4, R=W=0", SECOND, at_level_4, 3, 0, 0x79 },
	{ "second stage, level 2, R=W=0", SECOND, at_level_2, 3, 0, 0x79 },
	{ "second stage, leaf, R=W=0", SECOND, at_leaf, 3, 0, 0x79 },
	{ "second stage, leaf, R=0", SECOND, at_leaf, 1, 0, 0x86 },
	{ "second stage, leaf, reserved", SECOND, at_leaf, 0, RESERVED, 0x7a },
	{ "nested, leaf, P=0", NESTED, at_leaf, 1, 0, 0x71 },
	{ "nested, level 2, P=0", NESTED, at_level_2, 1, 0, 0x71 },
	{ "nested, leaf, reserved", NESTED, at_leaf, 0, RESERVED, 0x72 },
	{ "nested, page without second stage", NESTED, at_second_of_page, 3, 0, 0x79 },
	{ "nested, page not to be read", NESTED, at_second_of_page, 1, 0, 0x86 },
	{ "nested, second stage of page, reserved", NESTED, at_second_of_page, 0, RESERVED, 0x7a },
	{ "nested, tables without second stage", NESTED, at_second_of_tables, 3, 0, 0x79 },
	{ "nested, top table not to be read", NESTED, at_second_of_tables, 1, 0, 0x75 },
};

/* CM=0 (VT-d 6.1): what faulted is not remembered, so that making it right needs no invalidation. */
static void assert_not_remembered(const struct spoiler *spoiler, unsigned type, uint32_t pasid)
{
	struct scalable sm;
	struct space space;
	uint64_t at, good;
	unsigned got;

	cs_start(&sm, NULL);
	space = cs_space(&sm, type, DOMAIN, pasid);
	if (type != PASS_THROUGH)
		map_pages(&sm, &space, OLD);
	at = spoiler->at(&sm, &space);
	good = vt_load(&sm.vtd, at);
	cs_edit(&sm, at, spoiler->clear, spoiler->set);
	for (unsigned i = 0; i < 2; i++) {
		got = reason(cs_read(&sm, PAGE, pasid, 0));
		if (got != spoiler->reason)
			fail_msg("%s: %Xh", spoiler->what, got);
	}
	vt_store(&sm.vtd, at, good);
	assert_int_equal(cs_read(&sm, PAGE, pasid, 0), type == PASS_THROUGH ? PAGE : OLD);
	sm_stop(&sm);
}

static void what_faulted_is_not_remembered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(spoilers); i++) {
		for (unsigned type = FIRST; type <= PASS_THROUGH; type++) {
			if (spoilers[i].type != EACH && spoilers[i].type != type)
				continue;
			assert_not_remembered(&spoilers[i], type, FREE);
			assert_not_remembered(&spoilers[i], type, PASID);
		}
	}
}

/*
 * EPTR without PASIDE is a bad entry (SCT.4), and a request with a PASID is told of PASIDE first
 * (SCT.6): that does not make it one to keep.
 */
static void a_context_that_contradicts_itself_is_not_remembered(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &(struct vtd_setup){ .ecap_set = ECAP_PTRS });
	space = cs_space(&sm, SECOND, DOMAIN, PASID);
	map_pages(&sm, &space, OLD);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID), SM_PASIDE, SM_EPTR);
	assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x45);
	assert_int_equal(reason(cs_read(&sm, PAGE, FREE, 0)), 0x43);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID), 0, SM_PASIDE);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	sm_stop(&sm);
}

/*
 * 6.2.5.1: of a first stage no entry is kept before its accessed flag is set, which a fault does not
 * do.
 */
static void first_stage_entries_wait_for_the_accessed_flag(void **state)
{
	(void)state;
	for (unsigned nested = 0; nested < 2; nested++) {
		struct scalable sm;
		struct space space;

		cs_start(&sm, NULL);
		space = cs_space(&sm, nested ? NESTED : FIRST, DOMAIN, PASID);
		cs_map(&sm, &space, NEXT, OLD);
		assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x71);
		cs_map(&sm, &space, PAGE, OLD);
		for (unsigned level = 2; level <= 4; level++)
			assert_int_equal(
			    vt_load(&sm.vtd, cs_entry_at(&sm, &space, PAGE, level)) & BIT(5), 0);
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		for (unsigned level = 2; level <= 4; level++)
			assert_int_equal(
			    vt_load(&sm.vtd, cs_entry_at(&sm, &space, PAGE, level)) & BIT(5), BIT(5));
		sm_stop(&sm);
	}
}

/*
 * "Even if there are no translations ... that might use that entry" (6.2.5.4): the way to a page not
 * there.
 */
static void the_way_to_a_page_that_is_not_there_is_kept(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, NULL);
	space = cs_space(&sm, SECOND, DOMAIN, PASID);
	cs_map(&sm, &space, NEXT, OLD);
	assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x79);
	vt_store(&sm.vtd, cs_entry_at(&sm, &space, PAGE, 2), 0);
	assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD);
	cs_drop(&sm, 3, DOMAIN, PAGE | 1);
	assert_int_equal(reason(cs_read(&sm, NEXT, PASID, 0)), 0x79);
	sm_stop(&sm);
}

/* A request that lacks a right for which there was no translation yet: likewise. */
static void a_right_that_was_missing_is_not_remembered(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned level = 1; level <= 4; level++) {
			struct scalable sm;
			struct space space;
			uint64_t at;

			cs_start(&sm, NULL);
			space = cs_space(&sm, type, DOMAIN, PASID);
			map_pages(&sm, &space, OLD);
			at = cs_entry_at(&sm, &space, PAGE, level);
			cs_edit(&sm, at, 2, 0);
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, 0), 0x85);
			cs_edit(&sm, at, 0, 2);
			/*
			 * CM=0: "modifications that result in ... partial permission increases require
			 * invalidations" (11.4.2): of entries that are not leaves.
			 */
			if (level > 1)
				cs_drop(&sm, 1, 0, 0);
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, PASID, 0), 0);
			sm_stop(&sm);
		}
	}
}

/*
 * VT-d 3.6.2, 3.7.2: a write sets the dirty flag before it is used. What a read has brought in without
 * the flag does not serve a write, which meets the tables as they are.
 */
static void a_kept_right_to_write_waits_for_the_dirty_flag(void **state)
{
	static const enum iommusim_dma_kind writers[] = { IOMMUSIM_DMA_WRITE, IOMMUSIM_DMA_ATOMIC };

	(void)state;
	for (unsigned type = FIRST; type <= NESTED; type++) {
		for (unsigned i = 0; i < 4; i++) {
			const uint64_t dirty = type == SECOND ? BIT(9) : BIT(6);
			const enum iommusim_dma_kind kind = writers[i & 1];
			const uint32_t pasid = i & 2 ? FREE : PASID;
			struct scalable sm;
			struct space space;
			uint64_t at;

			cs_start(&sm, NULL);
			space = cs_space(&sm, type, DOMAIN, pasid);
			if (type == SECOND)
				cs_edit(&sm, sm_entry_at(&sm, pasid), 0, SM_SSADE);
			map_pages(&sm, &space, OLD);
			at = cs_entry_at(&sm, &space, PAGE, 1);
			cs_edit(&sm, at, dirty, 0);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD);
			assert_int_equal(vt_load(&sm.vtd, at) & dirty, 0);
			cs_edit(&sm, at, 2, 0); /* read only now */
			assert_int_equal(sm_reason(&sm, kind, PAGE, pasid, 0), 0x85);
			assert_int_equal(sm_reason(&sm, kind, PAGE, pasid, SM_UPPER), 0x85);
			cs_edit(&sm, at, ADDRESS, NEW | 2);
			assert_int_equal(cs_read(&sm, PAGE, pasid, 0), OLD); /* still kept */
			assert_int_equal(sm_access(&sm, kind, PAGE, 8, pasid, 0).physical, NEW);
			assert_int_equal(vt_load(&sm.vtd, at) & dirty, dirty);
			/* the write was kept with its right: it is not asked for again */
			cs_edit(&sm, at, ADDRESS | 2 | dirty, OLD);
			assert_int_equal(sm_access(&sm, kind, PAGE, 8, pasid, 0).physical, NEW);
			assert_int_equal(vt_load(&sm.vtd, at) & dirty, 0);
			sm_stop(&sm);
		}
	}
}

/* Without SSADE a second stage has no such flag: what a read brought in serves a write. */
static void without_flags_a_read_serves_a_write(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	cs_start(&sm, NULL);
	space = cs_space(&sm, SECOND, DOMAIN, PASID);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	vt_store(&sm.vtd, cs_entry_at(&sm, &space, PAGE, 1), NEW | 1);
	assert_int_equal(sm_access(&sm, IOMMUSIM_DMA_WRITE, PAGE, 8, PASID, 0).physical, OLD);
	sm_stop(&sm);
}

/* FPD of every entry on the way goes with the translation that was made under it. */
static void a_kept_translation_remembers_fault_processing_disable(void **state)
{
	(void)state;
	for (unsigned where = 0; where < 4; where++) {
		for (unsigned pasid = 0; pasid < 2; pasid++) {
			const uint32_t number = pasid ? PASID : FREE;
			struct scalable sm;
			struct space space;

			cs_start(&sm, &by_source);
			space = cs_space(&sm, SECOND, DOMAIN, number);
			map_pages(&sm, &space, OLD);
			cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), 2, 0);
			cs_edit(&sm, cs_entry_at(&sm, &space, NEXT, 1), 2, 0);
			if (where > 0) {
				const uint64_t at[] = { sm_context_at(&sm, VTD_RID),
					sm_directory_at(&sm, number), sm_entry_at(&sm, number) };

				cs_edit(&sm, at[where - 1], 0, SM_FPD);
				assert_int_equal(cs_read(&sm, PAGE, number, 0), OLD);
				cs_edit(&sm, at[where - 1], SM_FPD, 0);
			} else {
				assert_int_equal(cs_read(&sm, PAGE, number, 0), OLD);
			}
			for (unsigned i = 0; i < 2; i++) {
				const struct iommusim_dma_page page =
				    sm_access(&sm, IOMMUSIM_DMA_WRITE, i ? NEXT : PAGE, 8, number, 0);

				assert_int_equal(page.fault.reason, 0x85);
				assert_int_equal(page.fault.suppressed, where > 0);
			}
			cs_drop_all(&sm);
			assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, number, 0), 0x85);
			assert_int_equal(vt_records(&sm.vtd), where > 0 ? 1 : 3);
			sm_stop(&sm);
		}
	}
}

/* Snooping, FPD and the dirty flag that is not set yet: each of them, with and without the others. */
static void what_is_kept_of_a_translation_is_kept_apart(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 8; set++) {
		const bool snooped = (set & 1) != 0, disabled = (set & 2) != 0, clean = (set & 4) != 0;
		struct iommusim_dma_page page;
		struct scalable sm;
		struct space space;

		cs_start(&sm, &by_source);
		space = cs_space(&sm, SECOND, DOMAIN, PASID);
		map_pages(&sm, &space, OLD);
		cs_edit(&sm, sm_entry_at(&sm, PASID), 0, SM_SSADE | (disabled ? SM_FPD : 0));
		cs_edit(&sm, sm_entry_at(&sm, PASID) + 8, 0, snooped ? SM_PGSNP : 0);
		cs_edit(&sm, cs_entry_at(&sm, &space, PAGE, 1), BIT(9), clean ? 0 : BIT(9)); /* D */
		cs_edit(&sm, cs_entry_at(&sm, &space, NEXT, 1), 2, BIT(9)); /* read-only, and dirty */
		assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
		assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, 0);
		assert_true(page.cached && page.translated);
		assert_int_equal(page.non_snooped, snooped);
		page = sm_access(&sm, IOMMUSIM_DMA_WRITE, NEXT, 8, PASID, 0);
		assert_true(page.cached);
		assert_int_equal(page.fault.reason, 0x85);
		assert_int_equal(page.fault.suppressed, disabled);
		page = sm_access(&sm, IOMMUSIM_DMA_WRITE, PAGE, 8, PASID, 0);
		assert_int_equal(page.cached, !clean);
		assert_false(page.faulted);
		assert_int_equal(page.physical, OLD);
		sm_stop(&sm);
	}
}

/*
 * What the IOTLB answered, the requester may keep for itself; but a page that is not dirty yet it may not
 * write without the unit. Of another source's fill, for that comes from the IOTLB at first.
 */
static void who_shares_a_clean_page_still_makes_it_dirty(void **state)
{
	(void)state;
	for (unsigned dirty = 0; dirty < 2; dirty++) {
		struct iommusim_requester_counters counters;
		struct scalable sm;
		struct space space;
		uint64_t leaf_at;

		cs_start(&sm, NULL);
		space = cs_space(&sm, SECOND, DOMAIN, SM_NO_PASID);
		map_pages(&sm, &space, OLD);
		leaf_at = cs_entry_at(&sm, &space, PAGE, 1);
		cs_edit(&sm, sm_entry_at(&sm, SM_NO_PASID), 0, SM_SSADE);
		cs_edit(&sm, leaf_at, 0, dirty ? BIT(9) : 0);
		assert_int_equal(cs_read(&sm, PAGE, SM_NO_PASID, 0), OLD);
		/* a walk brings its own entries into the caches: hits are worth keeping from then on */
		assert_int_equal(cs_read(&sm, OTHER, SM_NO_PASID, SM_UPPER), OLD + 0x2000);
		assert_int_equal(cs_read(&sm, PAGE, SM_NO_PASID, SM_UPPER), OLD);
		assert_int_equal(sm_reason(&sm, IOMMUSIM_DMA_WRITE, PAGE, SM_NO_PASID, SM_UPPER), 0);
		assert_int_equal(vt_load(&sm.vtd, leaf_at) & BIT(9), BIT(9));
		iommusim_requester_counters(sm.upper, &counters);
		assert_int_equal(counters.cached_pages, 1 + dirty);
		assert_int_equal(counters.private_hits, dirty);
		sm_stop(&sm);
	}
}

/* It does not learn of another context entry by being used. */
static void a_kept_pasid_entry_stays_as_it_was_kept(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;
	struct space space;

	(void)state;
	cs_start(&sm, &by_source);
	space = cs_space(&sm, SECOND, DOMAIN, PASID);
	map_pages(&sm, &space, OLD);
	assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID), 0, SM_FPD);
	cs_drop_context(&sm, 1, 0, 0, 0);
	assert_int_equal(cs_read(&sm, NEXT, PASID, 0), OLD + 0x1000);
	cs_edit(&sm, sm_context_at(&sm, VTD_RID), SM_FPD, 0);
	cs_drop_context(&sm, 1, 0, 0, 0);
	page = sm_access(&sm, IOMMUSIM_DMA_READ, BIT(40), 8, PASID, 0);
	assert_true(page.faulted);
	assert_false(page.fault.suppressed);
	sm_stop(&sm);
}

/* Pass-through has no tables: what took part can only be the context, or the PASID-table entry. */
static void what_a_kept_entry_led_to_is_said(void **state)
{
	struct iommusim_dma_page page;
	struct scalable sm;

	(void)state;
	cs_start(&sm, &by_source);
	cs_space(&sm, PASS_THROUGH, DOMAIN, PASID);
	for (unsigned kept = 0; kept < 4; kept++) {
		const uint64_t address = PAGE + kept * UINT64_C(0x1000);

		if ((kept & 1) == 0)
			cs_drop_context(&sm, 1, 0, 0, 0);
		if ((kept & 2) == 0)
			cs_drop_pasids(&sm, 3, 0, 0);
		page = sm_access(&sm, IOMMUSIM_DMA_READ, address, 8, PASID, 0);
		assert_int_equal(page.physical, address);
		assert_false(page.cached);
		assert_int_equal(page.through_cache, kept != 0);
	}
	sm_stop(&sm);
}

/* ---- policies ------------------------------------------------------------------------------- */

static void without_a_cache_every_change_is_seen_at_once(void **state)
{
	struct space space;
	struct scalable sm;

	(void)state;
	sm_start_uncached(&sm, NULL);
	for (unsigned type = FIRST; type <= NESTED; type++) {
		space = cs_space(&sm, type, DOMAIN, PASID);
		for (unsigned i = 0; i < 3; i++) {
			map_pages(&sm, &space, OLD + i * UINT64_C(0x10000));
			assert_int_equal(cs_read(&sm, PAGE, PASID, 0), OLD + i * UINT64_C(0x10000));
			assert_false(sm_access(&sm, IOMMUSIM_DMA_READ, PAGE, 8, PASID, 0).cached);
		}
		vt_store(&sm.vtd, sm_entry_at(&sm, PASID), 0);
		assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x59);
	}
	vt_store(&sm.vtd, sm_context_at(&sm, VTD_RID), 0);
	assert_int_equal(reason(cs_read(&sm, PAGE, PASID, 0)), 0x41);
	sm_stop(&sm);
}

/* After an invalidation no policy may show what was there before. */
static void no_policy_shows_anything_stale_after_an_invalidation(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 4; policy++) {
		for (unsigned type = FIRST; type <= NESTED; type++) {
			const struct vtd_setup setup = {
				.settings = { .cache = (enum iommusim_cache_policy)policy,
				    .match = IOMMUSIM_MATCH_DOMAIN }
			};
			struct scalable sm;
			struct space space;

			cs_start(&sm, &setup);
			space = cs_space(&sm, type, DOMAIN, PASID);
			for (unsigned round = 0; round < 40; round++) {
				const uint64_t output = OLD + round * UINT64_C(0x4000);

				map_pages(&sm, &space, output);
				if (type == SECOND)
					cs_drop(&sm, 3, DOMAIN, PAGE | 2);
				else
					cs_drop_pasid(&sm, 3, DOMAIN, PASID, PAGE | 2);
				for (uint64_t page = 0; page < 3; page++)
					assert_int_equal(cs_read(&sm, PAGE + page * 0x1000, PASID, 0),
					    output + page * 0x1000);
			}
			sm_stop(&sm);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_are_kept_by_source_for_all_its_pasids),
		cmocka_unit_test(translation_requests_use_and_fill_the_same_caches),
		cmocka_unit_test(root_and_directory_entries_are_read_anew),
		cmocka_unit_test(pasid_entries_are_kept_by_source_and_pasid),
		cmocka_unit_test(a_kept_pasid_entry_counts_with_all_its_fields),
		cmocka_unit_test(requests_without_pasid_find_pasid_entries_under_rid_pasid),
		cmocka_unit_test(translations_are_kept_by_source_and_pasid),
		cmocka_unit_test(a_unit_that_matches_by_domain_shares_them_within_it),
		cmocka_unit_test(types_of_translation_are_kept_apart),
		cmocka_unit_test(pass_through_is_kept_for_its_own_requests),
		cmocka_unit_test(the_iotlb_answers_without_context_and_pasid_entry),
		cmocka_unit_test(fills_without_pasid_are_tagged_with_the_rid_pasid_of_their_time),
		cmocka_unit_test(without_rid_pasid_the_tag_is_0),
		cmocka_unit_test(a_kept_large_page_answers_for_all_of_it),
		cmocka_unit_test(a_kept_nested_page_is_as_large_as_the_smaller_one),
		cmocka_unit_test(a_kept_translation_brings_its_rights_and_says_where_it_came_from),
		cmocka_unit_test(a_kept_translation_that_denies_leaves_the_same_record),
		cmocka_unit_test(a_kept_translation_lets_nothing_be_executed),
		cmocka_unit_test(privileged_and_other_requests_keep_their_own_rights),
		cmocka_unit_test(requests_without_pasid_are_as_privileged_as_their_context_says),
		cmocka_unit_test(a_shared_translation_goes_by_the_own_entrys_write_protection),
		cmocka_unit_test(a_shared_translation_is_snooped_as_the_own_entry_says),
		cmocka_unit_test(an_entry_of_each_level_is_kept),
		cmocka_unit_test(paging_entries_are_kept_by_domain_and_in_a_first_stage_by_pasid),
		cmocka_unit_test(kept_paging_entries_bring_their_rights),
		cmocka_unit_test(kept_paging_entries_lead_to_pages_without_flags_too),
		cmocka_unit_test(entries_that_map_pages_are_kept_as_translations_alone),
		cmocka_unit_test(what_faulted_is_not_remembered),
		cmocka_unit_test(a_context_that_contradicts_itself_is_not_remembered),
		cmocka_unit_test(first_stage_entries_wait_for_the_accessed_flag),
		cmocka_unit_test(the_way_to_a_page_that_is_not_there_is_kept),
		cmocka_unit_test(a_right_that_was_missing_is_not_remembered),
		cmocka_unit_test(a_kept_right_to_write_waits_for_the_dirty_flag),
		cmocka_unit_test(without_flags_a_read_serves_a_write),
		cmocka_unit_test(a_kept_translation_remembers_fault_processing_disable),
		cmocka_unit_test(what_is_kept_of_a_translation_is_kept_apart),
		cmocka_unit_test(who_shares_a_clean_page_still_makes_it_dirty),
		cmocka_unit_test(a_kept_pasid_entry_stays_as_it_was_kept),
		cmocka_unit_test(what_a_kept_entry_led_to_is_said),
		cmocka_unit_test(without_a_cache_every_change_is_seen_at_once),
		cmocka_unit_test(no_policy_shows_anything_stale_after_an_invalidation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
