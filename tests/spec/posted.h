/*
 * A unit that posts interrupts, its table of entries, and descriptors; and what one interrupt comes to.
 * No numbers but the specification's, taken by hand (VT-d 9.10, 9.11). What is proved stands in the
 * tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_POSTED_H
#define IOMMUSIM_TESTS_SPEC_POSTED_H

#include "vtd_fixture.h"

#define POST_REQUEST    UINT64_C(0xfee00010) /* Table 13: remappable format, handle 0 */
#define POST_DESCRIPTOR UINT64_C(0x3500)     /* as a remapped entry: destination 35h */
#define POST_OTHER      UINT64_C(0x3f10000)  /* RAM that no single flipped bit of it reaches */
#define POST_HOLE       UINT64_C(0x10000000) /* there is no memory */
#define POST_ROM        UINT64_C(0xffff0000) /* memory that hardware cannot write, if it was added */

/* VT-d 9.10, of an entry. */
#define POST_FPD UINT64_C(2)
#define POST_URG UINT64_C(0x4000)

/* Quadword 4 of the descriptor (VT-d 9.11): ON 256, SN 257, NV 279:272, NDST 319:288. */
#define POST_ON       UINT64_C(1)
#define POST_SN       UINT64_C(2)
#define POST_RESERVED UINT64_C(4)
#define POST_TARGET   UINT64_C(0x070000f20000) /* NDST 0700h: APIC id 7 in xAPIC mode; NV f2h */

struct post_scene {
	struct vtd_fixture vtd;
	uint64_t table;
};

/* Interrupt remapping on. IRTA: S in 3:0 for 2^(S+1) entries, EIME in bit 11 (VT-d 11.4.10). */
void post_begin(struct post_scene *scene, const struct vtd_setup *setup, uint64_t irta_bits);
/* The same with CAP.PI; without any cache; with one, a queue, and both descriptors suppressing. */
void post_start_with(struct post_scene *scene, struct vtd_setup setup, uint64_t irta_bits);
void post_start(struct post_scene *scene, uint64_t irta_bits);
void post_start_cached(struct post_scene *scene, uint64_t cap);
void post_stop(struct post_scene *scene);

void post_set_entry(struct post_scene *scene, unsigned index, uint64_t low, uint64_t high);
/* The lower quadword of a posted entry that asks for no validation; `bits`: FPD, URG. */
uint64_t post_entry(unsigned vector, uint64_t descriptor, uint64_t bits);
void post_set(
    struct post_scene *scene, unsigned index, unsigned vector, uint64_t descriptor, uint64_t bits);

/* Nothing posted, `control` in quadword 4. */
void post_set_descriptor(struct post_scene *scene, uint64_t at, uint64_t control);
void post_expect_descriptor(
    struct post_scene *scene, uint64_t at, const unsigned *vectors, size_t count, uint64_t control);
/* Of POST_DESCRIPTOR: one vector is posted. */
void post_expect(struct post_scene *scene, unsigned vector, uint64_t control);
/* One page at POST_ROM, that holds a descriptor. */
void post_add_rom(struct post_scene *scene, uint64_t control);

/*
 * One interrupt of the fixture's device, `out` (may be NULL) and its fault. What it says it came to is
 * what is in the queue, and is taken out of it.
 */
struct iommusim_fault post_raise(
    struct post_scene *scene, uint64_t address, uint32_t data, struct iommusim_interrupt *out);
/* By entry 0: the fault reason, 0 for none. */
unsigned post_reason(struct post_scene *scene);
/* By entry 0: it is posted, and this notification is sent; or none is. */
void post_expect_notified(struct post_scene *scene, uint64_t address, uint32_t data);
void post_expect_silent(struct post_scene *scene);

#endif
