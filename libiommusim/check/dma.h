/*
 * A DMA that is to be made and judged, and whether one like it was fine lately. Private to libiommusim/check.
 */
#ifndef IOMMUSIM_CHECK_DMA_H
#define IOMMUSIM_CHECK_DMA_H

#include "check/verdict.h"

/* A DMA as it was asked for. */
struct asked {
	struct iommusim_check *check;
	struct iommusim_requester *requester;
	const struct iommusim_dma_request *request;
	const struct iommusim_vm *for_vm;
	bool by_ats;
	bool brief; /* no reasons for what is OK */
};

/* What is known of such a request, if it was fine lately and nothing has changed since; or NULL. */
static inline const struct fine *find_fine(const struct iommusim_check *check,
    const struct iommusim_requester *requester, const struct iommusim_dma_request *request)
{
	const struct fine *fine = &check->fine[fine_place(request->address)];

	const uint64_t in_page = request->address & (IOMMUSIM_PAGE_SIZE - 1);

	/* Of one page, and in the manner of one that was fine_asks(). */
	return fine->number == fine_number(request->address) && fine->requester == requester &&
		request->length - 1 < IOMMUSIM_PAGE_SIZE - in_page &&
		fine_is_like(request, fine->manner) && fine->moment == check_moment(check)
	    ? fine
	    : NULL;
}

/*
 * It was made: is it still? What comes up meanwhile is another's, for a good request changes nothing that matters; the
 * next one meets it.
 */
static inline bool still_fine(const struct fine *fine, const struct iommusim_dma_outcome *outcome)
{
	return fine_reaches(&outcome->page, fine->physical);
}

/* dma.c: a cleared report of this DMA; all of it but the steps of its walk */
void check_begin_report(const struct asked *asked, struct iommusim_report *report);
/* It is made, and judged from the beginning on; or it was made as one that find_fine() knew, and is not still_fine(). */
enum iommusim_status check_judge_anew(const struct asked *asked, struct iommusim_report *report);
void check_judge_late(const struct asked *asked, const struct iommusim_dma_outcome *outcome,
    struct iommusim_report *report);
/* The VM of a name; without a name NULL. OK, ENOENT. */
enum iommusim_status check_find_vm(
    struct iommusim_check *check, const char *name, const struct iommusim_vm **vm);

#endif
