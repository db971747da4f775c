/*
 * How the fuzzers' tables of scalable mode are laid out and made, for those that change parts of them: private
 * to scalable.c and covered.c.
 */
#ifndef IOMMUSIM_TESTS_FUZZ_SCALABLE_H
#define IOMMUSIM_TESTS_FUZZ_SCALABLE_H

#include "fuzz/fuzz.h"

#define FZ_TABLE(n) (FZ_TABLES + (uint64_t)(n)*IOMMUSIM_PAGE_SIZE)

/*
 * The tables that are brought up: the second stage's levels 5 to 1 in pages 0 to 4, the first stage's in 5 to
 * 9, so that one of fewer levels begins further on. The rest is for the input to link to.
 */
#define FZ_SECOND_TABLE(level) FZ_TABLE(5 - (level))
#define FZ_FIRST_TABLE(level)  FZ_TABLE(10 - (level))

enum { FZ_FIRST = 1, FZ_SECOND = 2, FZ_NESTED = 3, FZ_PASS_THROUGH = 4 };

/* How PASID-table entries are made; a feature that the unit lacks is left out. */
enum {
	FZ_WITH_SNOOPED_WALKS = 0x01, /* PWSNP */
	FZ_WITH_FLAGS = 0x02,         /* SSADE, EAFE */
	FZ_WITH_SUPERVISORS = 0x04,   /* SRE */
	FZ_WITH_PROTECTION = 0x08,    /* WPE */
	FZ_WITH_SNOOPED_PAGES = 0x10, /* PGSNP */
	FZ_WITH_FIVE_LEVELS = 0x20,
	FZ_WITH_PRESET_FLAGS = 0x40, /* in paging entries */
};

/* PASIDs that have entries; the next table's first one is among them. */
#define FZ_PASID_COUNT 6u
extern const uint8_t fz_pasids[FZ_PASID_COUNT];

/* A kind of translation that the unit has, beginning with the one that is asked for. */
unsigned fz_supported(const struct fz *fz, unsigned kind);

/*
 * A good PASID-table entry. Domains are shared as they may be: the second stage has 1, and what has none 2
 * (VT-d 6.2.3.1).
 */
void fz_make_entry(const struct fz *fz, unsigned kind, unsigned how, uint64_t quads[8]);
uint64_t fz_entry_at(uint64_t pasid);
/* A good context entry of requester `which`. */
void fz_make_context(const struct fz *fz, unsigned which, uint64_t rid_pasid, uint64_t quads[4]);
uint64_t fz_context_at(const struct fz *fz, unsigned which);
void fz_store_quads(struct fz *fz, uint64_t address, const uint64_t *quads, unsigned count);

#endif
