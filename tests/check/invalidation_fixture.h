/*
 * What the tests of findings about invalidation share: lines of a driver, DMA with its verdict, findings by id. What
 * is to be found stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_CHECK_INVALIDATION_FIXTURE_H
#define IOMMUSIM_TESTS_CHECK_INVALIDATION_FIXTURE_H

#include "check/bent_backend.h"

/* Calls come from this line of driver.c from now on. */
void at_line(struct host *host, uint32_t line);

/* Findings of an id, or of all but advice. */
size_t found(const struct host *host, enum iommusim_finding_id id);
size_t found_any(const struct host *host);
/* The only finding of that id: its text, made at that line. */
const char *only(const struct host *host, enum iommusim_finding_id id, uint32_t line);

/* A write of 64 bytes. */
enum iommusim_verdict dma_verdict(
    struct host *host, struct iommusim_requester *device, uint64_t address);

/* A domain of 1 GiB with a device in it, and 0x5000 mapped to 0x1005000 by line 17. */
#define MAPPED_AT UINT64_C(0x5000)
#define MAPPED_TO UINT64_C(0x1005000)
struct iommusim_domain *domain_with(struct host *host, uint16_t rid);

/* Remove that mapping by line 19. */
void remove_mapping(struct host *host, struct iommusim_domain *domain);

#endif
