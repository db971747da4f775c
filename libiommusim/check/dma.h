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

	return fine->number == fine_number(request->address) && fine->requester == requester &&
		fine_asks(request) && fine->manner == fine_manner(request) &&
		fine->moment == check_moment(check)
	    ? fine
	    : NULL;
}

/* It was made: is it still? */
static inline bool still_fine(const struct iommusim_check *check, const struct fine *fine,
    const struct iommusim_dma_outcome *outcome)
{
	return fine_reaches(&outcome->page, fine->physical) && check_moment(check) == fine->moment;
}

#endif
