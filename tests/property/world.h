/*
 * Generated units, tables and requests: mostly good, with holes, reserved bits, large pages, missing
 * rights and addresses near limits strewn in. What must come of a request says the oracle, not this.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_WORLD_H
#define IOMMUSIM_TESTS_PROPERTY_WORLD_H

#include "oracle.h"
#include "random.h"
#include "vtd_fixture.h"

#define WORLD_TABLES  18u /* pages that serve as paging tables of any level */
#define WORLD_INDICES 5u  /* of a table are in use */
#define WORLD_DEVICES 8u
#define WORLD_BUSES   4u
#define WORLD_DOMAINS 16u /* domain ids 0..15: as many as CAP.ND=0 has */

struct world_device {
	struct iommusim_requester *requester;
	uint16_t rid;
	uint8_t domain; /* which its context entry names, or did before the last change */
	uint8_t levels; /* likewise */
};

struct world {
	struct vtd_fixture vtd;
	struct random random;
	uint64_t seed, number; /* to repeat it */
	struct oracle_window windows[3];
	struct oracle_unit oracle;
	uint64_t context_tables[WORLD_BUSES];
	uint64_t blank; /* a page of zeroes */
	uint64_t tables[WORLD_TABLES];
	uint16_t indices[WORLD_INDICES];
	struct world_device devices[WORLD_DEVICES];
};

/* World `number` of the run of a seed: unit, tables, devices; translation is on. */
void world_start(
    struct world *world, uint64_t seed, uint64_t number, enum iommusim_cache_policy policy);
void world_stop(struct world *world);

/* Change some entries, or the root register, and invalidate what software must invalidate for it. */
void world_change(struct world *world);

/* Invalidate everything, as software may at any time. */
void world_invalidate(struct world *world);

/* A request of a random device; `*device` is which. */
struct oracle_request world_request(struct world *world, unsigned *device);

/* The request as the library takes it; it moves no data. */
struct iommusim_dma_request world_dma(const struct oracle_request *request);

/* What is needed to understand one request of this world: on standard error. */
void world_dump(struct world *world, unsigned device, const struct oracle_request *request);

#endif
