/*
 * A policy without a known flaw raises no finding in any random life; each known flaw raises its own in every life
 * that exercises it, and none in the others. What release profiles raise are findings of their columns.
 */
#include "property/lifecycle_policies.h"

#include <stdio.h>

#define LIVES         120u
#define PROFILE_LIVES 100u
#define SUITED_LIVES  8u

static void suit(struct life *life, const struct life_policy *policy, enum iommusim_cache_policy cache)
{
	struct random random = random_of_case(life->seed, life->number);
	struct life_facts sum = { .tried = false };

	policy->suit(life, &random);
	life_judge(life, cache, "reference", NULL, &sum);
}

static void play(unsigned number, enum iommusim_cache_policy cache)
{
	const struct life_policy *policy = &life_policies[number];
	struct life_facts sum = { .tried = false };
	char profile[IOMMUSIM_PROFILE_NAME];
	unsigned exercised = 0;

	life_profile(profile, sizeof(profile), policy);
	for (unsigned i = 0; i < LIVES * LIFE_VENDORS; i++) {
		const enum life_vendor vendor = (enum life_vendor)(i % LIFE_VENDORS);
		struct life life;

		if ((policy->vendors >> vendor & 1) == 0)
			continue;
		/* Of lives that are made for it a few will do, and `reference` is to come well out of them. */
		if (policy->suit != NULL && i >= SUITED_LIVES * LIFE_VENDORS)
			break;
		life_make(&life, vendor, random_seed(), i);
		if (policy->suit != NULL)
			suit(&life, policy, cache);
		exercised += life_judge(&life, cache, profile, policy, &sum);
	}
	/* A flaw that no life exercises is not tested. */
	assert_int_equal(policy->exercised != NULL, exercised > 0);
}

static void one(void **state)
{
	play((unsigned)(uintptr_t)*state, IOMMUSIM_CACHE_HOARD);
}

/* Every value of every column stands in the table, or is the one of `reference`. */
static void no_value_is_left_out(void **state)
{
	static const struct {
		const char *column, *value;
	} all[] = {
#define COLUMN(id, title)
#define VALUE(column, id, name, meaning) { #column, name },
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
	};
	const struct iommusim_profile *reference = iommusim_profile_find("reference");

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct iommusim_policy policy;
		unsigned found = 0;

		for (size_t c = 0; iommusim_profile_policy(reference, c, &policy); c++)
			found += strcmp(policy.column, all[i].column) == 0 &&
			    strcmp(policy.value, all[i].value) == 0;
		for (unsigned p = 0; p < life_policy_count; p++)
			found += strcmp(life_policies[p].column, all[i].column) == 0 &&
			    strcmp(life_policies[p].value, all[i].value) == 0;
		if (found != 1)
			fail_msg("%s=%s is %u times in the table", all[i].column, all[i].value, found);
	}
}

static bool always(const struct life *life, const struct life_facts *facts)
{
	(void)life;
	(void)facts;
	return true;
}

/* What a profile's columns may raise, together. */
static uint64_t findings_of(const struct iommusim_profile *profile)
{
	struct iommusim_policy policy;
	uint64_t findings = 0;

	for (size_t c = 0; iommusim_profile_policy(profile, c, &policy); c++)
		for (unsigned p = 0; p < life_policy_count; p++)
			if (strcmp(life_policies[p].column, policy.column) == 0 &&
			    strcmp(life_policies[p].value, policy.value) == 0)
				findings |= life_policies[p].findings | life_policies[p].others;
	return findings;
}

static void profiles_raise_what_their_columns_do(void **state)
{
	const struct iommusim_profile *profile;

	(void)state;
	for (size_t i = 0; (profile = iommusim_profile_at(i)) != NULL; i++) {
		const struct life_policy of = {
			.others = findings_of(profile), .touched = always, .verdicts = true
		};
		struct life_facts sum = { .tried = false };

		for (unsigned number = 0; number < PROFILE_LIVES; number++) {
			struct life life;

			life_make(
			    &life, (enum life_vendor)(number % LIFE_VENDORS), random_seed(), number);
			life_judge(
			    &life, IOMMUSIM_CACHE_HOARD, iommusim_profile_name(profile), &of, &sum);
		}
	}
}

int main(void)
{
	struct CMUnitTest tests[64];
	static char names[64][96];

	for (unsigned i = 0; i < life_policy_count; i++) {
		life_profile(names[i], sizeof(names[i]), &life_policies[i]);
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = one, .initial_state = (void *)(uintptr_t)i
		};
	}
	tests[life_policy_count] = (struct CMUnitTest)cmocka_unit_test(no_value_is_left_out);
	tests[life_policy_count + 1] =
	    (struct CMUnitTest)cmocka_unit_test(profiles_raise_what_their_columns_do);
	return _cmocka_run_group_tests("policies", tests, life_policy_count + 2, NULL, NULL);
}
