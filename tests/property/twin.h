/*
 * One of two machines that live through the same: a unit of either vendor, two devices in one domain, page tables for
 * a few addresses. What changes is said by numbers, so that both change alike.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_TWIN_H
#define IOMMUSIM_TESTS_PROPERTY_TWIN_H

#include "../amdvi_fixture.h"
#include "../vtd_fixture.h"

#define TWIN_DEVICES 2u
#define TWIN_LEVELS  3u /* of entries that change */
#define TWIN_INPUTS  8u

/* Addresses that have tables: neighbours, ends of tables, the interrupt range's neighbours, above 4 GiB. */
extern const uint64_t twin_inputs[TWIN_INPUTS];

enum twin_entry {
	TWIN_GOOD,
	TWIN_ABSENT,
	TWIN_READ_ONLY,
	TWIN_WRITE_ONLY,
	TWIN_LARGE,  /* a leaf, if it is no leaf anyway */
	TWIN_ONE_BIT /* one bit of it is another: reserved, ignored, an address, anything */
};

struct twin {
	bool is_amdvi;
	struct vtd_fixture vtd;
	struct amd_fixture amd;
	struct iommusim_machine *machine;
	struct iommusim_requester *devices[TWIN_DEVICES];
	uint64_t entry_at[TWIN_INPUTS][TWIN_LEVELS + 1]; /* by level */
	uint64_t table[TWIN_INPUTS][TWIN_LEVELS + 1];    /* what good ones above level 1 lead to */
};

/* `shape`: of the unit and the tables. */
void twin_start(struct twin *twin, bool amdvi, enum iommusim_cache_policy policy, uint64_t shape,
    bool always_asked);
void twin_stop(struct twin *twin);

void twin_change_entry(
    struct twin *twin, unsigned input, unsigned level, enum twin_entry entry, uint64_t number);
/* Context entry or device table entry. */
void twin_change_device(struct twin *twin, unsigned device, bool good, uint64_t number);
void twin_change_registers(struct twin *twin, uint64_t number);
void twin_invalidate(struct twin *twin, uint64_t number);
/* Functions and their bus-master enable, broken memory, windows that come and go. */
void twin_change_machine(struct twin *twin, uint64_t number);

/* Fail unless they have recorded the same faults, and have the same memory. */
void twin_same_records(struct twin *a, struct twin *b);
void twin_same_memory(struct twin *a, struct twin *b);

#endif
