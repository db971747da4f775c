/*
 * What a DMA request must come to in legacy mode, worked out a second time: from the words of VT-d 3.4,
 * 3.7, 3.14, 3.15, 7.1.3 and 9, over raw memory, without a line of the model and without caches.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_ORACLE_H
#define IOMMUSIM_TESTS_PROPERTY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of physical memory, and where its first byte is in this process. */
struct oracle_window {
	uint64_t base, length;
	const uint8_t *bytes;
};

struct oracle_unit {
	uint64_t cap, ecap, rtaddr; /* RTADDR as it was latched */
	unsigned haw;
	unsigned revision;         /* of the specification: before 3.2 leaves have TM (bit 62) */
	bool rights_at_each_level; /* a missing right faults where it is first missing */
	bool pass_through_widest;  /* TT=2 wants the largest AW there is (9.3) */
	bool translating;
	const struct oracle_window *windows;
	size_t window_count;
};

enum oracle_kind { ORACLE_READ, ORACLE_WRITE, ORACLE_ATOMIC };

struct oracle_request {
	uint16_t rid;
	uint64_t address, length;
	enum oracle_kind kind;
	unsigned address_type; /* AT: 0 untranslated, 1 translation request, 2 translated */
	bool has_pasid;
};

struct oracle_answer {
	unsigned reason;   /* 0: it goes through, or is blocked without a reason */
	bool blocked;      /* with or without one */
	bool either;       /* 5 and 6 hold both and no order is given: `reason` is one of them */
	bool beside;       /* it never met the tables: interrupt range, or translation off */
	bool interrupt;    /* to the interrupt range, and allowed there */
	bool suppressed;   /* by FPD */
	uint64_t physical; /* when it goes through */
	unsigned shift;    /* log2 of the page */
	unsigned rights;   /* 1 read, 2 write, accumulated over the paging entries read */
	unsigned domain;
	unsigned reads;  /* entries that were looked at */
	unsigned levels; /* of the page table that was walked; 0: none was */
};

struct oracle_answer oracle_ask(const struct oracle_unit *unit, const struct oracle_request *request);

#endif
