/*
 * Host permission tables as raw words in memory (VT-d 4.2.4, 9.12), under both requesters of the scalable
 * fixture, and translated requests that meet them. Every number here was taken from the specification by
 * hand. What is proved stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_HOST_TABLES_H
#define IOMMUSIM_TESTS_SPEC_HOST_TABLES_H

#include "scalable_scene.h"

#define HOST_DOMAIN 0x2cu

/* Rights of a page permission (Table 48). */
#define HOST_NONE  0u
#define HOST_READ  1u
#define HOST_WRITE 2u
#define HOST_BOTH  3u

/* A page permission, and an entry that leads on: AV is bit 64, Address 115:76 (9.12). */
#define HOST_AV 1u

struct host {
	struct scene scene; /* the request, and the machine */
	uint64_t root;      /* HPTL4 table of 32 KiB, HPTSZ=3 */
};

/*
 * A unit with ECAP.HPTS, HPT1GPS and PTRS, and what `setup` changes. Both context entries have HPTE and
 * EPTR; the entries of SM_NO_PASID and SM_PASID pass everything through in SM_DOMAIN, walk with snooping,
 * and have one empty table, host->root, of domain HOST_DOMAIN. The scene asks without a PASID.
 */
void host_start(struct host *host, const struct vtd_setup *setup);
/* The same on a unit without caches: every request reads the tables. */
void host_start_uncached(struct host *host, const struct vtd_setup *setup);
void host_stop(struct host *host);

/* Where the HPT fields of a PASID-table entry are (9.6): quadwords 4 and 5. */
void host_set_table(struct host *host, uint32_t pasid, uint64_t table_and_size, uint16_t domain);

/*
 * The entry of a level (1 to 4) for a host address. Tables above it are made when they are missing, and
 * keep the page permissions they have.
 */
uint64_t host_entry_at(struct host *host, uint64_t address, unsigned level);
/* Write both quadwords of it. */
void host_set_entry(struct host *host, uint64_t address, unsigned level, uint64_t low, uint64_t high);
/* Set the permission of a page of 4 KiB (level 1), 2 MiB or 1 GiB, and leave its neighbours' alone. */
void host_allow(struct host *host, uint64_t address, unsigned level, unsigned rights);

/* The fault reason of a translated request of 8 bytes, 0 when it got through. */
unsigned host_reason(
    struct host *host, enum iommusim_dma_kind kind, uint64_t address, uint32_t pasid, unsigned flags);
/* Rights that translated reads and writes of 8 bytes turn out to have, without a PASID. */
unsigned host_rights(struct host *host, uint64_t address);

/* The scene's request gets through: output is input. */
void host_expect_served(struct host *host);
/*
 * It is denied for a reason, and told Completer Abort or Unsupported Request; the record is in the
 * registers bit for bit, or nowhere when it is `hidden`.
 */
void host_expect_denied(struct host *host, unsigned reason, bool aborts, bool hidden);

#endif
