/*
 * What an access through x86-64 paging structures comes to, worked out from the rules of processors
 * (Intel SDM volume 3, 4.5 to 4.8) as VT-d 3.6 takes them over: over raw memory, level after level
 * spelt out, without a line of the model, and without caches.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_ORACLE_X86_H
#define IOMMUSIM_TESTS_PROPERTY_ORACLE_X86_H

#include <stddef.h>

#include "reasons.h"

/* A piece of physical memory, and where its first byte is in this process. */
struct x86_window {
	uint64_t base, length;
	const uint8_t *bytes;
	bool read_only; /* flags cannot be set there */
};

/* How addresses are translated: what control registers are to a processor. */
struct x86_paging {
	uint64_t root;           /* CR3 */
	bool five_levels;        /* CR4.LA57 */
	bool write_protect;      /* CR0.WP */
	bool gigabyte_pages;     /* CPUID.80000001H:EDX.Page1GB */
	unsigned physical_width; /* MAXPHYADDR */
	/* what VT-d adds */
	bool extended_accessed; /* bit 10 is set wherever bit 5 is */
	bool snooped;           /* flags can be set at all */
	const struct x86_window *windows;
	size_t window_count;
};

struct x86_access {
	uint64_t address;
	bool supervisor;
	bool write; /* or a read and a write */
};

/* An entry, and the flags that are set in it by an access that goes through. */
struct x86_update {
	uint64_t address, flags;
};

struct x86_answer {
	struct reasons reasons; /* one of these; none: it goes through */
	uint64_t physical;
	unsigned shift; /* log2 of the page */
	struct x86_update updates[5];
	unsigned update_count;
};

struct x86_answer x86_ask(const struct x86_paging *paging, const struct x86_access *access);

#endif
