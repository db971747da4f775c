/*
 * No false alarm: under `reference` no random life of a host and its VMs raises a finding, and every DMA goes where
 * the test's own books say, whatever units cache.
 */
#include "property/lifecycle.h"

#ifndef LIVES
#define LIVES 2000u /* of each vendor and cache policy */
#endif

static void play(enum life_vendor vendor, enum iommusim_cache_policy cache)
{
	struct life_facts sum = { .tried = false };

	for (unsigned number = 0; number < LIVES; number++) {
		struct life life;

		life_make(&life, vendor, random_seed(), number);
		life_judge(&life, cache, "reference", NULL, &sum);
	}
	/* Lives in which nothing happens prove nothing. */
	for (unsigned op = 0; op < OP_WRONG; op++)
		assert_true(op == OP_CREATE || (op == OP_ATS && vendor == LIFE_AMDVI) ||
		    sum.done[op] >= LIVES / 40);
	assert_true(sum.seen[IOMMUSIM_VERDICT_OK] >= LIVES);
	assert_true(sum.seen[IOMMUSIM_VERDICT_BLOCKED] >= LIVES);
	assert_true(sum.seen[IOMMUSIM_VERDICT_UNPROTECTED] >= LIVES / 20);
}

#define LIVES_OF(vendor, name, cache)                                                                  \
	static void vendor##_under_##name(void **state)                                                \
	{                                                                                              \
		(void)state;                                                                           \
		play(LIFE_##vendor, IOMMUSIM_CACHE_##cache);                                           \
	}
LIVES_OF(VTD, none, NONE)
LIVES_OF(VTD, hoard, HOARD)
LIVES_OF(VTD, sized, SIZED)
LIVES_OF(VTD, adverse, ADVERSE)
LIVES_OF(AMDVI, none, NONE)
LIVES_OF(AMDVI, hoard, HOARD)
LIVES_OF(AMDVI, sized, SIZED)
LIVES_OF(AMDVI, adverse, ADVERSE)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(VTD_under_none),
		cmocka_unit_test(VTD_under_hoard),
		cmocka_unit_test(VTD_under_sized),
		cmocka_unit_test(VTD_under_adverse),
		cmocka_unit_test(AMDVI_under_none),
		cmocka_unit_test(AMDVI_under_hoard),
		cmocka_unit_test(AMDVI_under_sized),
		cmocka_unit_test(AMDVI_under_adverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
