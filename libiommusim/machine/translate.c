/*
 * Translation for its own sake: where an address goes, one or many at once, without data. The quick way is here; the
 * slow one is a request of dma.c's.
 */
#include <stddef.h>

#include "machine/requester.h"

#define MOST_AT_ONCE 256u /* addresses of a batch for which the way to the tables is looked at once */
#define TOGETHER     64u /* of them, whose last entries are on their way from memory at the same time */
#define FEW          8u  /* as many where what comes first was not to be answered so */
#define PLACES       16u /* that a batch finds again without a walk */

/* Within its first page. A read without length stays one. */
static struct iommusim_dma_request cut_off(const struct iommusim_dma_request *request, uint64_t address)
{
	const uint64_t room = IOMMUSIM_PAGE_SIZE - (address & (IOMMUSIM_PAGE_SIZE - 1));
	struct iommusim_dma_request cut = *request;

	cut.address = address;
	cut.length = request->length < room ? request->length : room;
	cut.data = NULL;
	return cut;
}

/* Like any other request. */
static __attribute__((noinline)) enum iommusim_status ask(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, uint64_t address,
    struct iommusim_translation *translation)
{
	const struct iommusim_dma_request cut = cut_off(request, address);
	struct iommusim_dma_outcome outcome;
	const enum iommusim_status status = iommusim_dma(requester, &cut, &outcome, NULL, 0);

	if (status != IOMMUSIM_OK)
		return status;
	*translation = (struct iommusim_translation){
		.physical = outcome.page.physical,
		.domain = outcome.page.domain,
		.fault = (uint8_t)outcome.page.fault.class_,
		.page_shift = outcome.page.page_shift,
		.translated = outcome.page.translated,
		.cached = outcome.page.cached,
	};
	return IOMMUSIM_OK;
}

/* A translation as two words: where it leads, and all the rest, which many have in common. */
union translation_words {
	struct iommusim_translation translation;
	uint64_t words[2];
};

_Static_assert(sizeof(struct iommusim_translation) == 2 * sizeof(uint64_t) &&
	offsetof(struct iommusim_translation, physical) == 0,
    "a translation is two words, and the first is where it leads");

static inline uint64_t rest_of(const struct iommusim_translation *translation)
{
	const union translation_words said = { .translation = *translation };

	return said.words[1];
}

static inline struct iommusim_translation translation_of(uint64_t physical, uint64_t rest)
{
	const union translation_words said = { .words = { physical, rest } };

	return said.translation;
}

/* Apart, so that the usual answer never leaves registers. */
static __attribute__((noinline)) struct iommusim_translation large_translation(
    uint64_t physical, uint64_t rest, uint8_t shift)
{
	struct iommusim_translation translation = translation_of(physical, rest);

	translation.page_shift = shift;
	return translation;
}

static inline void say(struct iommusim_translation *translation, uint64_t physical, uint64_t rest)
{
	*translation = translation_of(physical, rest);
}

static inline void tell_kept(
    const struct kept_page *kept, uint64_t address, struct iommusim_translation *translation)
{
	say(translation, address + kept->answer.physical, rest_of(&kept->answer));
}

static inline void tell_planned(
    const struct plan *plan, const struct plan_page *page, struct iommusim_translation *translation)
{
	say(translation, page->physical, rest_of(&plan->answer));
	if (__builtin_expect(page->shift != IOMMUSIM_PAGE_SHIFT, 0))
		translation->page_shift = page->shift;
}

/* By plan, but not near the last one; or like any other request. */
static __attribute__((noinline)) enum iommusim_status ask_far(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, uint64_t address,
    struct iommusim_translation *translation)
{
	struct plan_page page;

	if (!request_is_plain(request) ||
	    !planned_anywhere(requester, stamp_now(requester), request->kind, address, &page))
		return ask(requester, request, address, translation);
	tell_planned(&requester->plan, &page, translation);
	count_quick_walks(requester, 1);
	return IOMMUSIM_OK;
}

/* A requester has kept pages or a plan: units with caches make no plans. */
enum iommusim_status iommusim_translate(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_translation *translation)
{
	const uint64_t address = request->address, kind = request_kind(request);
	const uint64_t stamp = stamp_now(requester);
	const struct kept_page *kept;
	struct plan_page page;

	if (request->has_pasid || request->length == 0)
		return ask(requester, request, address, translation);
	if (requester->plan.stamp == stamp) {
		if (!planned_near(requester, stamp, kind, address, &page))
			return ask_far(requester, request, address, translation);
		tell_planned(&requester->plan, &page, translation);
		count_quick_walks(requester, 1);
		return IOMMUSIM_OK;
	}
	if (kind > IOMMUSIM_DMA_ATOMIC ||
	    (kept = kept_quickly(requester, stamp, kind, address)) == NULL)
		return ask_far(requester, request, address, translation);
	tell_kept(kept, address, translation);
	count_quick_hits(requester, 1);
	return IOMMUSIM_OK;
}

static __attribute__((noinline)) struct iommusim_translation ask_for_address(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address, .length = 1, .kind = kind };
	struct iommusim_translation translation = { .fault = IOMMUSIM_FAULT_NOT_ISSUED };

	if ((unsigned)kind <= IOMMUSIM_DMA_ATOMIC)
		ask_far(requester, &request, address, &translation);
	return translation;
}

struct iommusim_translation iommusim_translate_address(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address)
{
	const uint64_t stamp = stamp_now(requester);
	const struct kept_page *kept;
	struct plan_page page;

	if (requester->plan.stamp == stamp) {
		if (!planned_near(requester, stamp, kind, address, &page))
			return ask_for_address(requester, kind, address);
		count_quick_walks(requester, 1);
		return page.shift == IOMMUSIM_PAGE_SHIFT
		    ? translation_of(page.physical, rest_of(&requester->plan.answer))
		    : large_translation(page.physical, rest_of(&requester->plan.answer), page.shift);
	}
	if ((unsigned)kind > IOMMUSIM_DMA_ATOMIC ||
	    (kept = kept_quickly(requester, stamp, kind, address)) == NULL)
		return ask_for_address(requester, kind, address);
	count_quick_hits(requester, 1);
	return translation_of(address + kept->answer.physical, rest_of(&kept->answer));
}

/* As many as what the requester keeps answers, from the first on. */
static size_t answer_kept(struct iommusim_requester *requester, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	const uint64_t stamp = stamp_now(requester);
	size_t done;

	for (done = 0; done < count; done++) {
		const struct kept_page *kept = kept_quickly(requester, stamp, kind, addresses[done]);

		if (kept == NULL)
			break;
		tell_kept(kept, addresses[done], &translations[done]);
	}
	if (done > 0)
		count_quick_hits(requester, done);
	return done;
}

/* ---- a batch by plan ----------------------------------------------------------------------------------------- */

/* Places that a batch has come through: what is above their level 2 tables is read once for all of it. */
struct places {
	uint64_t here;          /* the one that is looked at: where it begins, and its level 2 table */
	const uint64_t *tables; /* NULL: none */
	uint64_t known;         /* of what follows, as bits */
	uint64_t first[PLACES];
	const uint64_t *first_tables[PLACES];
};

static void go_to(struct places *places, uint64_t place, const uint64_t *tables)
{
	const uint64_t slot = (place >> PLAN_PLACE_SHIFT) % PLACES;

	places->known |= UINT64_C(1) << slot;
	places->first[slot] = places->here = place;
	places->first_tables[slot] = places->tables = tables;
}

/* To where an address is. False: there already, or it is in no place. */
static inline bool change_place(
    struct places *places, struct plan *plan, enum iommusim_dma_kind kind, uint64_t address)
{
	const uint64_t place = address >> PLAN_PLACE_SHIFT << PLAN_PLACE_SHIFT;
	const uint64_t slot = (place >> PLAN_PLACE_SHIFT) % PLACES;

	if (places->tables != NULL && places->here == place)
		return false;
	if ((places->known >> slot & 1) != 0 && places->first[slot] == place) {
		places->here = place;
		places->tables = places->first_tables[slot];
		return true;
	}
	if (!plan_enter(plan, kind, address))
		return false;
	go_to(places, place, plan->tables);
	return true;
}

/*
 * Where the last entries of addresses are, for as many as are here and have one of level 1, from the first on. They
 * are not read yet, only asked for: memory takes longest of all, and can be asked for many at a time.
 */
static __attribute__((noinline)) size_t find_leaves(const struct places *places,
    const struct plan *plan, enum iommusim_dma_kind kind, const uint64_t *addresses, size_t count,
    const uint64_t *leaves[])
{
	const struct plan_usual usual = plan->kinds_usual[kind];
	const uint8_t *const window = plan->window;
	const uint64_t *const tables = places->tables;
	const uint64_t here = places->here;
	size_t found;

	for (found = 0; found < count; found++) {
		const uint64_t index = plan_place_index(here, addresses[found]);

		if (index >= PLAN_PLACE_ENTRIES ||
		    !plan_usual_leaf(
			&usual, window, plan_load(tables + index), addresses[found], &leaves[found]))
			break;
		__builtin_prefetch(leaves[found]);
	}
	return found;
}

/* What the last entries say now, of as many as are plain, from the first on. */
static __attribute__((noinline)) size_t judge_leaves(const struct plan *plan,
    enum iommusim_dma_kind kind, const uint64_t *addresses, const uint64_t *const leaves[],
    size_t count, struct iommusim_translation *translations)
{
	const struct page_plain_entry leaf = plan->plain[kind].leaf[1];
	const uint64_t page_bits = plan->plain[kind].page_bits[1], rest = rest_of(&plan->answer);
	size_t done;

	for (done = 0; done < count; done++) {
		const uint64_t entry = plan_load(leaves[done]);
		const uint64_t offset = addresses[done] & (IOMMUSIM_PAGE_SIZE - 1);
		const uint64_t physical = (entry & page_bits) | offset;

		if (!page_plain_is(&leaf, entry) || is_interrupt_address(physical))
			break;
		say(&translations[done], physical, rest);
	}
	return done;
}

/* As many as entries of level 1 answer, from the first on, level by level: at most TOGETHER. */
static size_t answer_together(struct places *places, struct plan *plan, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	const uint64_t *leaves[TOGETHER];
	size_t found = 0;

	do
		if (places->tables != NULL)
			found += find_leaves(
			    places, plan, kind, addresses + found, count - found, leaves + found);
	while (found < count && change_place(places, plan, kind, addresses[found]));
	return judge_leaves(plan, kind, addresses, leaves, found, translations);
}

/* Is what the plan says of the way to the tables still so? Then `places` is where it was last. */
static bool begin_batch(
    struct places *places, struct plan *plan, uint64_t stamp, enum iommusim_dma_kind kind)
{
	if (plan->stamp != stamp || !plan_stands(plan))
		return false;
	places->tables = NULL;
	places->known = 0;
	if (plan->place_kind == kind && plan_place_stands(plan))
		go_to(places, plan->place, plan->tables);
	return true;
}

/*
 * As many as are planned, from the first on. What is above the tables is read once for all of them: they are on
 * their way together. If the stamp changes meanwhile, none of them was answered. `*together`: how many are worth being
 * asked for before the first of them is judged, for what comes after one that stops it is asked for again.
 */
static size_t answer_planned(struct iommusim_requester *requester, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations,
    size_t *together)
{
	const uint64_t stamp = stamp_now(requester);
	struct plan *plan = &requester->plan;
	size_t done = 0;
	struct places places;

	if (!begin_batch(&places, plan, stamp, kind))
		return 0;
	while (done < count) {
		const size_t ahead = count - done < *together ? count - done : *together;
		const size_t found =
		    answer_together(&places, plan, kind, addresses + done, ahead, translations + done);
		struct plan_page page;

		done += found;
		*together = found == ahead ? TOGETHER : FEW;
		if (found == ahead)
			continue;
		if (!plan_find_from_root(plan, kind, addresses[done], &page))
			break;
		tell_planned(plan, &page, &translations[done++]);
	}
	if (done == 0 || stamp_now(requester) != stamp)
		return 0;
	count_quick_walks(requester, done);
	return done;
}

/* As many as can be had the quick way, from the first on: not so many that a change meanwhile costs much. */
static size_t answer_quickly(struct iommusim_requester *requester, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations,
    size_t *together)
{
	const size_t most = count < MOST_AT_ONCE ? count : MOST_AT_ONCE;

	return requester->plan.stamp != 0
	    ? answer_planned(requester, kind, addresses, most, translations, together)
	    : answer_kept(requester, kind, addresses, most, translations);
}

enum iommusim_status iommusim_translate_batch(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const uint64_t *addresses, size_t count,
    struct iommusim_translation *translations, size_t *faulted)
{
	const struct iommusim_dma_request probe = cut_off(request, 0);
	const bool plain = request_is_plain(request);
	size_t done = 0, bad = 0, together = TOGETHER;

	if (requester_check(&probe) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	while (done < count) {
		const size_t quick = plain ? answer_quickly(requester, request->kind, addresses + done,
						 count - done, translations + done, &together)
					   : 0;

		done += quick;
		if (quick == MOST_AT_ONCE || done == count)
			continue;
		ask(requester, request, addresses[done], &translations[done]);
		bad += translations[done++].fault != IOMMUSIM_FAULT_NONE;
	}
	if (faulted != NULL)
		*faulted = bad;
	return IOMMUSIM_OK;
}
