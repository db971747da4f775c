/*
 * A unit in scalable mode that takes page requests, and its page request queue, set up and read as
 * software does (VT-d 7.4, 11.4.11); one request, and what became of it. Every number was taken from
 * the specification by hand. What is proved stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_PAGE_QUEUE_H
#define IOMMUSIM_TESTS_SPEC_PAGE_QUEUE_H

#include <iommusim/page_request.h>

#include "scalable_fixture.h"

/* VT-d 11.4.11. */
enum {
	R_PQH = 0x0c0,
	R_PQT = 0x0c8,
	R_PQA = 0x0d0,
	R_PRS = 0x0dc,
	R_PECTL = 0x0e0,
	R_PEDATA = 0x0e4,
	R_PEADDR = 0x0e8,
	R_PEUADDR = 0x0ec
};

#define PRS_PPR 1u
#define PRS_PRO 2u

#define ECAP_SMS BIT(58)

#define PQ_BASE  UINT64_C(0x100000)   /* RAM for the largest queue: 128 pages */
#define PQ_HOLE  UINT64_C(0x10000000) /* there is no memory */
#define PQ_PAGE  UINT64_C(0x5000)
#define PQ_GROUP 0x155u

/*
 * ECAP.PRS, and a queue of one page at PQ_BASE; requests without PASID and with SM_PASID, of either
 * requester, find a second stage in domains SM_DOMAIN and SM_DOMAIN + 1.
 */
void pq_start(struct scalable *sm, const struct vtd_setup *setup);
/* The part of it that is the queue, and PRE in both context entries. */
void pq_open(struct scalable *sm);
/* An empty queue of 2^size pages: PQA, and PQH and PQT 0. */
void pq_place(struct scalable *sm, uint64_t base, unsigned size);

/* For the page PQ_PAGE, to read and to write it, the last of group PQ_GROUP. */
struct iommusim_page_request pq_request(uint32_t pasid);
struct iommusim_page_request_outcome pq_ask_of(
    struct iommusim_requester *device, const struct iommusim_page_request *request);
/* Of the requester at VTD_RID. */
struct iommusim_page_request_outcome pq_ask(
    struct scalable *sm, const struct iommusim_page_request *request);
/* Ask, and the request must be queued. */
void pq_queue(struct scalable *sm, const struct iommusim_page_request *request);

/* The descriptor at an offset of the queue at PQ_BASE is that of a request, all 256 bits of it. */
void pq_expect_descriptor(
    struct scalable *sm, uint64_t offset, uint16_t rid, const struct iommusim_page_request *request);
/* A response waits that the unit made: this code, for this request; and no other does. */
void pq_expect_automatic(
    struct iommusim_requester *device, unsigned code, const struct iommusim_page_request *request);
void pq_expect_no_response(struct iommusim_requester *device);
/* PQT, PRS. */
void pq_expect_status(struct scalable *sm, uint64_t tail, unsigned status);

#endif
