/* What the parts of the AMD-Vi fuzzers' second telling share. For others: az_tell() in amdvi.h. */
#ifndef IOMMUSIM_TESTS_FUZZ_AMDVI_ORACLE_H
#define IOMMUSIM_TESTS_FUZZ_AMDVI_ORACLE_H

#include "fuzz/amdvi.h"

#define AZ_ADDRESS  UINT64_C(0x000ffffffffff000)
#define AZ_ACCESSED UINT64_C(0x20)
#define AZ_DIRTY    UINT64_C(0x40)

enum { AZ_PR = 1, AZ_PE = 4, AZ_RZ = 8 };
enum { AZ_PAGE_FAULT = 2 };

struct az_teller {
	const struct az *az;
	const struct az_request *request;
	struct az_verdict verdict;
	uint64_t dte[4];
	bool guest;
};

/* A walk through host tables: the entries it used, and where it ends. */
struct az_host {
	uint64_t at[6];
	unsigned count;
	uint64_t leaf, physical;
	unsigned shift;
	bool reads, writes;
};

/* It is denied: the verdict has nothing else. False. */
bool az_deny(struct az_teller *t, unsigned code, unsigned flags);
/* For want of memory where an entry of a page table should be. False. */
bool az_deny_table(struct az_teller *t, uint64_t address);
unsigned az_bits(uint64_t value, unsigned high, unsigned low);
bool az_has_memory(uint64_t address);
unsigned az_mode(const struct az_teller *t); /* DTE.Mode */
unsigned az_low(unsigned level);

/* `flags` will be set in the entry at `address`. */
void az_note(struct az_teller *t, uint64_t address, uint64_t flags);
void az_note_host(struct az_teller *t, const struct az_host *host, bool written);

/* Walk to where an address ends; `read` and `write` that lack on the way deny. */
bool az_walk_host(struct az_teller *t, uint64_t address, bool read, bool write, struct az_host *host);
void az_take_host(struct az_teller *t, const struct az_host *host);
bool az_through_guest(struct az_teller *t);

/* What a translation request gets of the rights of tables; does the page get dirty by that? */
unsigned az_granted(const struct az_teller *t, bool reads, bool writes);
bool az_dirties(const struct az_teller *t, unsigned granted);

#endif
