/* Generated worlds of scalable mode. What a request must come to stands in the tests. */
#include "scalable_world.h"

void sw_begin(struct scalable_world *world, uint64_t seed, uint64_t number)
{
	world->seed = seed;
	world->number = number;
	world->random = random_of_case(seed, number);
}

void sw_set_policy(struct vtd_setup *setup, enum iommusim_cache_policy policy)
{
	setup->settings.cache = policy;
	setup->settings.iotlb_sets = policy == IOMMUSIM_CACHE_SIZED ? 4 : 0;
	setup->settings.iotlb_ways = policy == IOMMUSIM_CACHE_SIZED ? 2 : 0;
}

void sw_invalidate(struct scalable_world *world)
{
	static const uint64_t descriptors[][4] = { { 1 | 1 << 4 }, { 7 | 3 << 4 }, { 2 | 1 << 4 } };

	for (unsigned i = 0; i < 3; i++)
		sm_submit(&world->sm, descriptors[i]);
}

void sw_set_rid_privilege(struct scalable_world *world)
{
	const uint64_t at = sm_context_at(&world->sm, VTD_RID) + 8;

	world->rid_privileged = random_chance(&world->random, 50);
	vt_store(&world->sm.vtd, at,
	    (vt_load(&world->sm.vtd, at) & ~BIT(20)) | (world->rid_privileged ? BIT(20) : 0));
}

uint64_t sw_address(struct scalable_world *world, unsigned levels)
{
	const unsigned width = 12 + 9 * levels;
	uint64_t address = random_below(&world->random, 0x1f0) * 8;

	for (unsigned low = 12; low < width; low += 9)
		address |= (uint64_t)(random_chance(&world->random, 99)
				   ? world->indices[random_below(&world->random, INDICES)]
				   : random_below(&world->random, 512))
		    << low;
	if ((address >> (width - 1) & 1) != 0)
		address |= ~(BIT(width) - 1);
	return address;
}

uint64_t sw_near_address(struct scalable_world *world)
{
	const unsigned low =
	    random_chance(&world->random, 60) ? 12 : 12 + 9 * (unsigned)random_below(&world->random, 3);
	const uint64_t index = world->indices[random_below(&world->random, INDICES)];

	return (world->last_address & ~(UINT64_C(0x1ff) << low)) | index << low;
}

void sw_print_case(const struct scalable_world *world)
{
	print_error("seed %llu, case %llu: IOMMUSIM_TEST_SEED=%llu repeats the run\n",
	    (unsigned long long)world->seed, (unsigned long long)world->number,
	    (unsigned long long)world->seed);
}

void sw_print_walk(const struct scalable_world *world, const struct iommusim_dma_request *dma)
{
	struct iommusim_walk walk;

	if (iommusim_walk(world->sm.vtd.device, dma, &walk) != IOMMUSIM_OK)
		return;
	for (unsigned i = 0; i < walk.step_count; i++)
		print_error("  step %u: %s at 0x%llx = 0x%llx\n", i, walk.steps[i].name,
		    (unsigned long long)walk.steps[i].address,
		    (unsigned long long)walk.steps[i].raw[0]);
}

/* ---- going through them -------------------------------------------------------------------------------- */

struct policy_cases {
	const struct sw_cases *cases;
	enum iommusim_cache_policy policy;
};

static void check_policy(void **state)
{
	const struct policy_cases *run = *state;
	const struct sw_cases *cases = run->cases;
	const unsigned requests = cases->worlds * cases->changes * cases->requests;
	const uint64_t seed = random_seed();
	unsigned blocked = 0;

	for (unsigned number = 0; number < cases->worlds; number++) {
		cases->start(cases->world, seed, number * 4 + run->policy, run->policy);
		for (unsigned change = 0; change < cases->changes; change++) {
			for (unsigned i = 0; i < cases->requests; i++)
				blocked += cases->check(cases->world);
			cases->change(cases->world);
		}
		sm_stop(&((struct scalable_world *)cases->world)->sm);
	}
	assert_in_range(
	    blocked, requests * cases->least_blocked / 100, requests * cases->most_blocked / 100);
}

int sw_run(const struct sw_cases *cases, const char *const names[4])
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_HOARD, IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };
	struct policy_cases runs[4];
	struct CMUnitTest tests[4];

	for (unsigned i = 0; i < 4; i++) {
		runs[i] = (struct policy_cases){ cases, policies[i] };
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = check_policy, .initial_state = &runs[i]
		};
	}
	print_message("seed %llu\n", (unsigned long long)random_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
