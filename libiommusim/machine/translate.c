/*
 * Translation for its own sake: where an address goes, one or many at once, without data. The quick way is here; the
 * slow one is a request of dma.c's.
 */
#include "machine/requester.h"

#define MOST_AT_ONCE 256u /* addresses of a batch for which the way to the tables is looked at once */

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

static inline void tell_kept(
    const struct kept_page *kept, uint64_t address, struct iommusim_translation *translation)
{
	*translation = kept->answer;
	translation->physical = kept->answer.physical + (address & (IOMMUSIM_PAGE_SIZE - 1));
}

static inline void tell_planned(
    const struct plan *plan, const struct plan_page *page, struct iommusim_translation *translation)
{
	*translation = plan->answer;
	translation->physical = page->physical;
	translation->page_shift = page->shift;
}

/* By plan, but not near the last one; or like any other request. */
static __attribute__((noinline)) enum iommusim_status ask_far(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, uint64_t address,
    struct iommusim_translation *translation)
{
	struct plan_page page;

	if (!planned_anywhere(requester, stamp_now(requester), request->kind, address, &page))
		return ask(requester, request, address, translation);
	tell_planned(&requester->plan, &page, translation);
	count_quick_walks(requester, 1);
	return IOMMUSIM_OK;
}

/* A requester has kept pages or a plan: units with caches make no plans. */
enum iommusim_status iommusim_translate(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_translation *translation)
{
	const uint64_t address = request->address, stamp = stamp_now(requester);
	const struct kept_page *kept;
	struct plan_page page;

	if (!request_is_plain(request))
		return ask(requester, request, address, translation);
	if (requester->plan.stamp == stamp) {
		if (!planned_near(requester, stamp, request->kind, address, &page))
			return ask_far(requester, request, address, translation);
		tell_planned(&requester->plan, &page, translation);
		count_quick_walks(requester, 1);
		return IOMMUSIM_OK;
	}
	kept = kept_quickly(requester, stamp, request->kind, address);
	if (kept == NULL)
		return ask(requester, request, address, translation);
	tell_kept(kept, address, translation);
	count_quick_hits(requester, 1);
	return IOMMUSIM_OK;
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

/*
 * As many as are in one place, from the first on: nothing but the last two levels is read for each. `place` stands.
 */
static inline size_t answer_near(const struct plan *plan, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	const struct page_plain plain = *plan->place_plain;
	const struct iommusim_translation answer = plan->answer;
	const uint64_t *const tables = plan->tables;
	const uint64_t place = plan->place;
	size_t done;

	for (done = 0; done < count; done++) {
		const uint64_t address = addresses[done];
		struct iommusim_translation *translation = &translations[done];
		struct plan_page page;

		if (plan_place(address, kind) != place ||
		    !plan_find_below(plan, tables, &plain, address, &page))
			break;
		*translation = answer;
		translation->physical = page.physical;
		translation->page_shift = page.shift;
	}
	return done;
}

/*
 * As many as are planned, from the first on. What is above the tables is read once for all of them: they are on
 * their way together. If the stamp changes meanwhile, none of them was answered.
 */
static size_t answer_planned(struct iommusim_requester *requester, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	const uint64_t stamp = stamp_now(requester);
	struct plan *plan = &requester->plan;
	size_t done = 0;

	if (plan->stamp != stamp || !plan_stands(plan))
		return 0;
	if (plan->place != 0 && !plan_place_stands(plan))
		plan->place = 0;
	while (done < count) {
		struct plan_page page;

		if (plan->place != 0)
			done += answer_near(
			    plan, kind, addresses + done, count - done, translations + done);
		if (done == count || !plan_find_from_root(plan, kind, addresses[done], &page))
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
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	const size_t most = count < MOST_AT_ONCE ? count : MOST_AT_ONCE;

	return requester->plan.stamp != 0
	    ? answer_planned(requester, kind, addresses, most, translations)
	    : answer_kept(requester, kind, addresses, most, translations);
}

enum iommusim_status iommusim_translate_batch(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const uint64_t *addresses, size_t count,
    struct iommusim_translation *translations, size_t *faulted)
{
	const struct iommusim_dma_request probe = cut_off(request, 0);
	const bool plain = request_is_plain(request);
	size_t done = 0, bad = 0;

	if (requester_check(&probe) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	while (done < count) {
		const size_t quick = plain ? answer_quickly(requester, request->kind, addresses + done,
						 count - done, translations + done)
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
