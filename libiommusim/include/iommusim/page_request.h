/*
 * Page requests: a device that translates for itself asks software for a page that it lacks (PCI
 * Express PRI), and what it is answered. Its DMA and its translation requests are dma.h.
 */
#ifndef IOMMUSIM_PAGE_REQUEST_H
#define IOMMUSIM_PAGE_REQUEST_H

#include <iommusim/dma.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One page request message. Without `read` and `write` but with `last` it is a Stop Marker: the device
 * will ask no more for that PASID, and wants no response.
 */
struct iommusim_page_request {
	uint64_t address; /* any byte of the page */
	uint32_t pasid;   /* 20 bits */
	uint16_t group;   /* page request group index, 9 bits */
	bool has_pasid;
	bool privileged; /* with a PASID */
	bool execute;    /* with a PASID */
	bool read;       /* which access is wanted */
	bool write;
	bool last; /* of its group: the one that is responded to */
};

/* PCI Express: the codes of a response. What software writes is passed on as it is, others too. */
enum iommusim_page_response_code {
	IOMMUSIM_PAGE_SUCCESS = 0,
	IOMMUSIM_PAGE_INVALID_REQUEST = 1,
	IOMMUSIM_PAGE_RESPONSE_FAILURE = 15
};

/* One page group response message. */
struct iommusim_page_response {
	uint32_t pasid;
	uint16_t group;
	uint8_t code; /* enum iommusim_page_response_code */
	bool has_pasid;
	bool automatic; /* made by the remapping unit, not by software */
};

enum iommusim_page_request_result {
	IOMMUSIM_PAGE_REQUEST_QUEUED,  /* software finds it in the queue */
	IOMMUSIM_PAGE_REQUEST_DROPPED, /* no room in the queue, or it has overflowed before */
	IOMMUSIM_PAGE_REQUEST_REFUSED, /* `fault` says why */
	/*
	 * Nobody takes page requests there: no unit, or one that has none of them or does not
	 * translate. PCI Express calls that an Unsupported Request; the device is told nothing.
	 */
	IOMMUSIM_PAGE_REQUEST_UNSUPPORTED
};

struct iommusim_page_request_outcome {
	enum iommusim_page_request_result result;
	bool answered;     /* the unit itself has responded: `response`, which waits to be taken too */
	uint64_t physical; /* queued: where in memory */
	struct iommusim_page_response response;
	struct iommusim_fault fault; /* refused */
};

/*
 * Ask for a page. When this returns software sees the request in the queue, if it got there at all.
 * Returns OK whatever became of it (that is in `outcome`), or EINVAL when there is no such message: a
 * PASID over 20 bits, a group index over 9. Thread: the requester's.
 */
IOMMUSIM_API enum iommusim_status iommusim_requester_page_request(struct iommusim_requester *requester,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome);

/* Responses that are kept for a requester; one more drops the oldest and counts as lost. */
#define IOMMUSIM_PAGE_RESPONSES 512u /* there are as many groups */

/*
 * Take the oldest response; false when there is none. What software responds to a requester id goes to
 * every requester that has it, asked or not; what the unit responds by itself, to the requester that
 * asked. Any thread: responses of software arrive on the control side's.
 */
IOMMUSIM_API bool iommusim_requester_take_response(
    struct iommusim_requester *requester, struct iommusim_page_response *response);

/* How many were lost because nobody took them, since the requester was made. Any thread. */
IOMMUSIM_API uint64_t iommusim_requester_lost_responses(struct iommusim_requester *requester);

#ifdef __cplusplus
}
#endif

#endif
