/*
 * What an invalidation reaches and what it must leave, the same for registers and queue (VT-d 6.5.1,
 * 6.5.2.1, 6.5.2.3, Tables 21 to 23). How the command is given is the caller's.
 */
#ifndef IOMMUSIM_TESTS_SPEC_INVALIDATION_REACH_H
#define IOMMUSIM_TESTS_SPEC_INVALIDATION_REACH_H

#include "vtd_fixture.h"

/* Granularities: 1 global, 2 domain, 3 device or page. Each must be carried out as asked. */
struct invalidator {
	const struct vtd_setup *setup;
	void (*prepare)(struct vtd_fixture *vtd);
	void (*context)(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint16_t source,
	    unsigned function_mask);
	void (*iotlb)(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint64_t address,
	    unsigned mask);
};

void reach_global_iotlb(const struct invalidator *with);
void reach_domain_iotlb(const struct invalidator *with);
void reach_page_iotlb(const struct invalidator *with);
void reach_large_pages(const struct invalidator *with);
void reach_global_context(const struct invalidator *with);
void reach_domain_context(const struct invalidator *with);
void reach_device_context(const struct invalidator *with);
void reach_domain_bits(const struct invalidator *with);

#endif
