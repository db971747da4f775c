/*
 * Translation for its own sake: where an address goes, one or many at once, without data. The quick way is here; the
 * slow one is a request of dma.c's.
 */
#include "machine/requester.h"

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

static inline void tell(
    const struct kept_page *kept, uint64_t address, struct iommusim_translation *translation)
{
	struct iommusim_translation answer = kept->answer;

	answer.physical += address & (IOMMUSIM_PAGE_SIZE - 1);
	*translation = answer;
}

enum iommusim_status iommusim_translate(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_translation *translation)
{
	const struct kept_page *kept =
	    request_is_plain(request) ? kept_quickly(requester, request->kind, request->address) : NULL;

	if (kept == NULL)
		return ask(requester, request, request->address, translation);
	tell(kept, request->address, translation);
	count_quick_hits(requester, 1);
	return IOMMUSIM_OK;
}

/* As many as what the requester keeps answers, from the first on. */
static size_t answer_kept(struct iommusim_requester *requester, enum iommusim_dma_kind kind,
    const uint64_t *addresses, size_t count, struct iommusim_translation *translations)
{
	size_t done;

	for (done = 0; done < count; done++) {
		const struct kept_page *kept = kept_quickly(requester, kind, addresses[done]);

		if (kept == NULL)
			break;
		tell(kept, addresses[done], &translations[done]);
	}
	if (done > 0)
		count_quick_hits(requester, done);
	return done;
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
		if (plain)
			done += answer_kept(requester, request->kind, addresses + done, count - done,
			    translations + done);
		if (done == count)
			break;
		ask(requester, request, addresses[done], &translations[done]);
		bad += translations[done++].fault != IOMMUSIM_FAULT_NONE;
	}
	if (faulted != NULL)
		*faulted = bad;
	return IOMMUSIM_OK;
}
