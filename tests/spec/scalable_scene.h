/*
 * One request in scalable mode on a unit that has everything, and the conditions of VT-d 7.1.3, Table
 * 30, that the structures before any paging entry can put in its way: what each of them is called,
 * whether it is qualified, and what it comes to for each kind of request. What is proved stands in the
 * tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_SCALABLE_SCENE_H
#define IOMMUSIM_TESTS_SPEC_SCALABLE_SCENE_H

#include "scalable_fixture.h"

#define SCENE_HOLE   UINT64_C(0x10000000) /* there is no memory */
#define SCENE_INPUT  UINT64_C(0x5000)
#define SCENE_OUTPUT UINT64_C(0x9000)

/* FPD of the entries on the way: bits of a set. */
#define SCENE_FPD_CONTEXT   1u
#define SCENE_FPD_DIRECTORY 2u
#define SCENE_FPD_TABLE     4u

struct scene {
	struct scalable sm;
	enum iommusim_dma_kind kind;
	uint64_t address;
	uint32_t pasid; /* or SM_NO_PASID */
	unsigned flags; /* of sm_access() */
	bool cached;    /* by the unit's caches */
};

/*
 * The columns of Table 30, in its order. Of each condition: U Unsupported Request, C Completer Abort, S
 * Success without any right, or '.' where the table says NA.
 */
enum scene_column {
	SCENE_UNTRANSLATED,
	SCENE_UNTRANSLATED_PASID,
	SCENE_TRANSLATION,
	SCENE_TRANSLATION_PASID,
	SCENE_TRANSLATED,
	SCENE_TRANSLATED_PASID,
	SCENE_COLUMNS
};

struct scene_condition {
	void (*make)(struct scene *scene);
	const char *columns;
	uint8_t code;
	uint8_t step; /* of the way, counted up: what is read later is judged later; 0: not said */
	bool qualified;
	uint8_t fpd; /* which FPD bits were met when it comes up */
};

#define SCENE_CONDITIONS 36u
extern const struct scene_condition scene_conditions[SCENE_CONDITIONS];

/*
 * A unit that has every capability, with PASIDs of 15 bits; SM_RID_PASID and SM_PASID translate
 * SCENE_INPUT to SCENE_OUTPUT by a second stage, and every kind of request is served. Without caches,
 * unless it is said otherwise; with CAP.CM=1 they keep faults too.
 */
enum scene_caches { SCENE_NO_CACHE, SCENE_CACHES, SCENE_CACHING_MODE };
void scene_start(struct scene *scene);
void scene_start_with(struct scene *scene, enum scene_caches caches);
void scene_stop(struct scene *scene);
/* Make it a request of a column. */
void scene_choose(struct scene *scene, enum scene_column column);
/* Let translated requests need the PASID structures: HPTE (VT-d 4.2.5). */
void scene_enable_host_permissions(struct scene *scene);
/* Set FPD in the entries of a set. */
void scene_disable_faults(struct scene *scene, unsigned entries);
/* Replace bits of a quadword. */
void scene_edit(struct scene *scene, uint64_t at, uint64_t clear, uint64_t set);

/* What became of the request; without caches iommusim_walk() must have said the same before. */
struct iommusim_dma_outcome scene_ask(struct scene *scene);
/* What the second quadword of the fault record of the request is for a reason (VT-d 11.4.7.6). */
uint64_t scene_record(const struct scene *scene, unsigned reason);
/* Exactly one fault is in the registers, the request's, bit for bit; and it is cleared. */
void scene_expect_recorded(struct scene *scene, unsigned reason);
/* No fault is in the registers, and no event is pending. */
void scene_expect_silence(struct scene *scene);

#endif
