/*
 * A plain second telling of how AMD-Vi translates a DMA request, straight through, from bit numbers: no caches, no
 * formats, no descriptions. It shares nothing with models/amdvi.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_AMDVI_ORACLE_H
#define IOMMUSIM_TESTS_PROPERTY_AMDVI_ORACLE_H

#include "amdvi_fixture.h"

/* What the unit is. */
struct oracle_unit {
	unsigned host_levels, guest_levels, gcr3_levels, pasid_bits;
	bool no_execute; /* entries can forbid execution */
	bool gcr3_is_guest;
	bool guest_accessed, guest_dirty; /* flags are kept in guest tables */
};

struct oracle_request {
	uint64_t address;
	bool reads, writes, execute, privileged, has_pasid, translation;
	uint32_t pasid;
};

#define ORACLE_MARKS 80

/* What must come of it. */
struct oracle_verdict {
	bool allowed;
	unsigned code;  /* of the event, when not */
	unsigned flags; /* 0x10 PR, 0x40 PE, 0x80 RZ */
	uint64_t physical;
	unsigned shift;
	unsigned rights; /* 1 read, 2 write: of an answered translation request */
	struct {
		uint64_t address, flags;
		bool sized;    /* one of several entries of the same page */
	} marks[ORACLE_MARKS]; /* flags that must be set when it is allowed */
	unsigned mark_count;
};

struct oracle_verdict oracle_translate(struct amd_fixture *amd, const struct oracle_unit *unit,
    const uint64_t dte[4], const struct oracle_request *request);

#endif
