/*
 * The AMD-Vi fixture with an interrupt table: device table entry, interrupt entries and requests of
 * AMD_RID, in literals of AMD-Vi 2.2.2 and 2.2.5. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_AMDVI_INTERRUPT_SCENE_H
#define IOMMUSIM_TESTS_AMDVI_INTERRUPT_SCENE_H

#include "amdvi_fixture.h"

/* Bits 255:128 of a device table entry. */
#define D2_IV        BIT(0)
#define D2_LENGTH(n) ((uint64_t)(n) << 1) /* 132:129: 2^n entries */
#define D2_IG        BIT(5)
#define D2_INIT_PASS BIT(56)
#define D2_EINT_PASS BIT(57)
#define D2_NMI_PASS  BIT(58)
#define D2_CTL(n)    ((uint64_t)(n) << 60) /* 189:188 */
#define CTL_ABORT    0u
#define CTL_FORWARD  1u
#define CTL_REMAP    2u

/* Both formats of an interrupt entry begin so. */
#define E_REMAP      BIT(0)
#define E_SUP_IOPF   BIT(1)
#define E_ARBITRATED BIT(2) /* 4:2 = 1 */
#define E_RQ_EOI     BIT(5)
#define E_LOGICAL    BIT(6)
#define E_GUEST      BIT(7)
#define E_DEST(n)    ((uint64_t)(n) << 8)
#define E_VECTOR(n)  ((uint64_t)(n) << 16) /* of 32-bit entries */
/* One for a guest. */
#define G_LOG       BIT(2)
#define G_GAPPI_DIS BIT(5)
#define G_IS_RUN    BIT(6)
#define G_TAG(n)    ((uint64_t)(n) << 32)

/* Requests: the address, and what data say. */
#define REQUEST         UINT64_C(0xfee00000)
#define REQUEST_LOGICAL UINT64_C(0xfee00004)
#define DATA_MODE(n)    ((uint32_t)(n) << 8)

/* Flags of an event, and how its first quadword begins (AMD-Vi 2.5). */
#define EV_CODE(n) ((uint64_t)(n) << 60)
#define EV_I       BIT(51)
#define EV_PR      BIT(52)
#define EV_RZ      BIT(55)
#define EV_TYPE(n) ((uint64_t)(n) << 57)
#define EV_DOMAIN  ((uint64_t)AMD_DOMAIN << 32)

/* 2^IS_LENGTH entries, which is a page of 32-bit ones. */
#define IS_LENGTH 10u

struct interrupt_scene {
	struct amd_fixture amd;
	uint64_t table; /* 32 KiB: 2048 entries of 128 bits */
	uint64_t dte[4];
};

struct sent {
	struct iommusim_interrupt out;
	struct iommusim_fault fault;
};

/* Enabled, `control` set besides; the entry of AMD_RID remaps by a table of zeroes. */
void is_start(struct interrupt_scene *scene, const struct amd_setup *setup, uint64_t control);
void is_stop(struct interrupt_scene *scene);

/* Bits 191:128 and 255:192 of the device table entry of AMD_RID, but for the table root; invalidated. */
void is_set_dte(struct interrupt_scene *scene, uint64_t low, uint64_t high);
/* Interrupt entries, without an invalidation. */
void is_set_entry32(struct interrupt_scene *scene, unsigned index, uint64_t entry);
void is_set_entry128(struct interrupt_scene *scene, unsigned index, uint64_t low, uint64_t high);

struct sent is_send(struct interrupt_scene *scene, uint64_t address, uint32_t data);

/* The request is sent on as it came, and the sink gets it. */
void is_expect_forwarded(struct interrupt_scene *scene, uint64_t address, uint32_t data);
/* It is sent as this instead. */
void is_expect_sent(struct interrupt_scene *scene, uint64_t address, uint32_t data,
    uint64_t out_address, uint32_t out_data);
/* It is denied with this event, and nothing else happens. */
void is_expect_denied(
    struct interrupt_scene *scene, uint64_t address, uint32_t data, uint64_t first, uint64_t second);
/* It is denied with such an event, which is not logged. */
void is_expect_silent(struct interrupt_scene *scene, uint64_t address, uint32_t data, uint64_t first);

#endif
